/* offers.h - what this kernel lets us do with a device, seen before one is needed. */
#ifndef ADIT_OFFERS_H
#define ADIT_OFFERS_H

#include "base/base.h"

struct adit_device_offers {
    int open_err;   /* of /dev/net/tun; 0 or negative errno */
    int create_err; /* of a device; 0 or negative errno */
    bool vnet_hdr;  /* IFF_VNET_HDR */
    bool tso, uso;  /* joined packets of TCP and of UDP (Linux 6.2) */
};

/* Makes a TUN device, which is never up, and lets it go again, if it may. */
void adit_device_offers(struct adit_device_offers *ret);

#endif
