/* town.h - the scene of most behaviours: two peers, each at home behind a NAT (or in the open), a
 * STUN server, and the internet between them. */
#ifndef SIM_TOWN_H
#define SIM_TOWN_H

#include "sim/nat.h"
#include "sim/peer.h"
#include "sim/stun_server.h"

enum sim_nat_kind {
    SIM_OPEN,            /* no NAT */
    SIM_FULL_CONE,       /* the names of RFC 3489 for what RFC 4787 tells apart */
    SIM_RESTRICTED,      /* by address */
    SIM_PORT_RESTRICTED, /* what most homes have */
    SIM_SYMMETRIC,
    SIM_SYMMETRIC_LOOSE, /* maps and filters by address alone */
    SIM_NAT_KINDS
};

extern const struct sim_nat_conf sim_nat_kinds[SIM_NAT_KINDS];
extern const char *const sim_nat_names[SIM_NAT_KINDS];

/* Can two such homes meet without a relay? */
bool sim_can_meet(enum sim_nat_kind a, enum sim_nat_kind b);

struct sim_town {
    struct sim_net *net;
    struct sim_segment *internet, *home[2];
    struct sim_nat *nat[2];        /* NULL in the open */
    struct sim_stun *stun, *stun2; /* the second one: NULL unless asked for */
    struct adit_addr stun_addrs[2];
    struct sim_peer *peer[2]; /* the first one offers */
    struct sim_iface *iface[2];
};

/* The peers are not started; all links are perfect but for `delay` between the homes. */
struct sim_town *sim_town(uint64_t seed, enum sim_nat_kind a, enum sim_nat_kind b, adit_time delay);
/* One more STUN server, which both peers ask, too; before they start. */
void sim_town_second_stun(struct sim_town *t);
struct sim_town *sim_town_free(struct sim_town *t);
/* Both peers at once; true if they meet within the time. */
bool sim_town_meet(struct sim_town *t, adit_time within);
/* What has happened so far, for a person who looks for a mistake. */
void sim_town_print(const struct sim_town *t);
/* A message each way arrives. */
bool sim_town_talks(struct sim_town *t);

#endif
