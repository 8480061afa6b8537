/* bases - what the owner says of its sockets and of candidates goes on to ICE, and the engine
 * settles. */
#include "peer/inner.h"

int adit_engine_add_base(struct adit_engine *e, int base, const struct adit_addr *addr,
                         uint16_t preference, bool announce, adit_time now)
{
    int err;

    e->now = now;
    err = adit_ice_add_base(e->ice, base, addr, preference, announce, now);
    if (!err)
        adit_relays_base_came(e, base, addr, preference);
    adit_engine_settle(e);
    return err;
}

int adit_engine_set_mapped(struct adit_engine *e, int base, const struct adit_addr *server,
                           const struct adit_addr *addr, adit_time now)
{
    int err;

    e->now = now;
    err = adit_ice_set_mapped(e->ice, base, server, addr, now);
    adit_engine_settle(e);
    return err;
}

int adit_engine_add_relay(struct adit_engine *e, int base, const struct adit_ice_relay *relay,
                          adit_time now)
{
    int err;

    e->now = now;
    err = adit_ice_add_relay(e->ice, base, relay, now);
    adit_engine_settle(e);
    return err;
}

void adit_engine_remove_base(struct adit_engine *e, int base, adit_time now)
{
    e->now = now;
    adit_relays_base_went(e, base);
    adit_ice_remove_base(e->ice, base, now);
    adit_engine_settle(e);
}

void adit_engine_add_stun(struct adit_engine *e, const struct adit_addr *server, adit_time now)
{
    e->now = now;
    adit_ice_add_stun(e->ice, server, now);
    adit_engine_settle(e);
}

void adit_engine_bases_done(struct adit_engine *e, adit_time now)
{
    e->now = now;
    adit_ice_bases_done(e->ice, now);
    adit_engine_settle(e);
}

void adit_engine_send_failed(struct adit_engine *e, int base, const struct adit_addr *to, int err,
                             adit_time now)
{
    e->now = now;
    adit_relays_unreachable(e, base, to);
    adit_ice_send_failed(e->ice, base, to, err, now);
    adit_engine_settle(e);
}

int adit_engine_add_candidate(struct adit_engine *e, const struct adit_cand *cand, adit_time now)
{
    int err;

    e->now = now;
    err = adit_ice_add_remote(e->ice, cand, now);
    adit_engine_settle(e);
    return err;
}

void adit_engine_candidates_done(struct adit_engine *e, adit_time now)
{
    e->now = now;
    adit_ice_remote_done(e->ice, now);
    adit_engine_settle(e);
}
