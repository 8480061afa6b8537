/* carry.h - from options to what travels over a connection, and which way it goes. */
#ifndef ADIT_CARRY_H
#define ADIT_CARRY_H

#include "agent/lanes.h"
#include "agent/tunnel.h"
#include "app/bench.h"
#include "cli/carry_streams.h"
#include "cli/options.h"

/* Points into itself and into the options: neither may move while it is in use. */
struct adit_carry {
    struct adit_lanes_conf lanes;
    struct adit_peer_conf peer; /* without callbacks */
    struct adit_vpn_conf vpn;
    struct adit_carry_streams streams;
    struct adit_bench_conf bench;
    struct adit_turn_server turn[ADIT_OPTION_LIST_MAX];
    struct adit_buf turn_word; /* a password, or a secret */
    struct adit_link_address addresses[ADIT_LINK_ADDRESSES_MAX];
    struct adit_prefix routes[ADIT_LINK_ROUTES_MAX], allowed[ADIT_LINK_ROUTES_MAX];
};

/* 0, or an exit code after it was logged. adit_carry_done in any case. */
ADIT_MUST_USE int adit_carry_load(struct adit_carry *c, const struct adit_options *o);
void adit_carry_done(struct adit_carry *c);

#endif
