/* stun_server.h - a STUN server: says where a Binding request came from (RFC 8489). */
#ifndef SIM_STUN_SERVER_H
#define SIM_STUN_SERVER_H

#include "sim/net.h"

struct sim_stun {
    struct sim_iface *iface;
    struct adit_addr addr;
    uint64_t requests;
    bool silent;          /* hears and says nothing */
    struct adit_addr lie; /* said instead of the truth, unless its family is NONE */
};

struct sim_stun *sim_stun(struct sim_segment *segment, const char *addr); /* with port */

#endif
