/* defroute.h - the routes that lead everywhere: which router stands between us and the rest. */
#ifndef ADIT_DEFROUTE_H
#define ADIT_DEFROUTE_H

#include "core/netif.h"

#define ADIT_DEFROUTES_MAX 16

struct adit_defroute {
    struct adit_addr gateway; /* family NONE: the link itself leads there, as with PPP */
    enum adit_family family;
    uint32_t index; /* of the interface */
    uint32_t metric;
    char name[ADIT_IFNAME_MAX];
};

/* Those of the main table, in the order of their metric; the first `max`. How many, or -errno. */
ADIT_MUST_USE int adit_defroutes_read(struct adit_defroute *out, size_t max);

#endif
