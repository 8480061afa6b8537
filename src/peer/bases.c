/* bases - what the owner says of its sockets and of candidates goes on to ICE, and the engine
 * settles. Bases are remembered, for an agent that begins later (restart.c) has the same. */
#include "peer/inner.h"

static int give_one(struct adit_ice *ice, const struct peer_base *b, adit_time now)
{
    if (b->is_relay)
        return adit_ice_add_relay(ice, b->id, &b->relay, now);
    if (b->tcptype)
        return adit_ice_add_tcp(ice, b->id, &b->addr, b->tcptype, b->preference, b->announce, now);
    return adit_ice_add_base(ice, b->id, &b->addr, b->preference, b->announce, now);
}

void adit_bases_give(struct adit_engine *e, struct adit_ice *ice)
{
    for (size_t i = 0; i < e->base_count; i++)
        if (give_one(ice, &e->bases[i], e->now) < 0)
            break; /* at the limit or without memory: the best ones come first */
    for (size_t i = 0; i < e->mapped_count; i++)
        if (adit_ice_set_mapped(ice, e->mapped[i].base, &e->mapped[i].server, &e->mapped[i].addr,
                                e->now) < 0)
            break;
    if (e->bases_done)
        adit_ice_bases_done(ice, e->now);
}

int adit_bases_put(struct adit_engine *e, const struct peer_base *b)
{
    int err = give_one(e->ice, b, e->now);

    if (err == -ECANCELED && !adit_engine_ended(e))
        err = 0; /* consent has expired, and it is for the next agent */
    if (!err && e->base_count < PEER_BASES_MAX)
        e->bases[e->base_count++] = *b;
    if (!err && e->restart.next)
        err = give_one(e->restart.next, b, e->now);
    return err;
}

int adit_engine_add_base(struct adit_engine *e, int base, const struct adit_addr *addr,
                         uint16_t preference, bool announce, adit_time now)
{
    int err;

    e->now = now;
    err = adit_bases_put(
        e, &(struct peer_base){
               .id = base, .addr = *addr, .preference = preference, .announce = announce });
    if (!err)
        adit_relays_base_came(e, base, addr, preference, false);
    adit_engine_settle(e);
    return err;
}

void adit_engine_add_turn_base(struct adit_engine *e, int base, const struct adit_addr *addr,
                               uint16_t preference, adit_time now)
{
    e->now = now;
    adit_relays_base_came(e, base, addr, preference, true);
    adit_engine_settle(e);
}

int adit_engine_add_relay(struct adit_engine *e, int base, const struct adit_ice_relay *relay,
                          adit_time now)
{
    int err;

    e->now = now;
    err = adit_bases_put(e, &(struct peer_base){ .id = base, .is_relay = true, .relay = *relay });
    adit_engine_settle(e);
    return err;
}

int adit_engine_add_tcp(struct adit_engine *e, int base, const struct adit_addr *addr,
                        enum adit_tcptype tcptype, uint16_t preference, bool announce,
                        adit_time now)
{
    int err;

    e->now = now;
    err = adit_bases_put(e, &(struct peer_base){ .id = base,
                                                 .addr = *addr,
                                                 .tcptype = tcptype,
                                                 .preference = preference,
                                                 .announce = announce });
    adit_engine_settle(e);
    return err;
}

bool adit_engine_authentic(const struct adit_engine *e, const void *bytes, size_t n)
{
    return adit_ice_authentic(e->ice, bytes, n) ||
           (e->restart.next && adit_ice_authentic(e->restart.next, bytes, n)) ||
           (e->restart.past && adit_ice_authentic(e->restart.past, bytes, n));
}

/* NULL: all of the base; addr NULL: no more. */
static void remember_mapped(struct adit_engine *e, int base, const struct adit_addr *server,
                            const struct adit_addr *addr)
{
    size_t kept = 0;

    for (size_t i = 0; i < e->mapped_count; i++)
        if (e->mapped[i].base != base || (server && !adit_addr_equal(&e->mapped[i].server, server)))
            e->mapped[kept++] = e->mapped[i];
    if (addr && kept < PEER_BASES_MAX)
        e->mapped[kept++] = (struct peer_mapped){ .base = base, .server = *server, .addr = *addr };
    e->mapped_count = kept;
}

int adit_engine_set_mapped(struct adit_engine *e, int base, const struct adit_addr *server,
                           const struct adit_addr *addr, adit_time now)
{
    int err;

    e->now = now;
    err = adit_ice_set_mapped(e->ice, base, server, addr, now);
    if (!err || adit_ice_state(e->ice) == ADIT_ICE_FAILED) /* then it is for the next agent */
        remember_mapped(e, base, server, addr);
    if (e->restart.next)
        err = adit_ice_set_mapped(e->restart.next, base, server, addr, now);
    adit_engine_settle(e);
    return err;
}

void adit_bases_drop(struct adit_engine *e, int base)
{
    size_t kept = 0;

    for (size_t i = 0; i < e->base_count; i++)
        if (e->bases[i].id != base)
            e->bases[kept++] = e->bases[i];
    e->base_count = kept;
    remember_mapped(e, base, NULL, NULL);
    adit_ice_remove_base(e->ice, base, e->now);
    if (e->restart.next)
        adit_ice_remove_base(e->restart.next, base, e->now);
    if (e->restart.past)
        adit_ice_remove_base(e->restart.past, base, e->now);
}

void adit_engine_remove_base(struct adit_engine *e, int base, adit_time now)
{
    e->now = now;
    adit_relays_base_went(e, base);
    adit_bases_drop(e, base);
    adit_engine_settle(e);
}

void adit_bases_put_stun(struct adit_engine *e, const struct adit_addr *server)
{
    if (e->stun_count < PEER_STUN_MAX)
        e->stun[e->stun_count++] = *server;
    adit_ice_add_stun(e->ice, server, e->now);
    if (e->restart.next)
        adit_ice_add_stun(e->restart.next, server, e->now);
}

void adit_engine_add_stun(struct adit_engine *e, const struct adit_addr *server, adit_time now)
{
    e->now = now;
    adit_bases_put_stun(e, server);
    adit_engine_settle(e);
}

void adit_engine_bases_done(struct adit_engine *e, adit_time now)
{
    e->now = now;
    e->bases_done = true;
    adit_ice_bases_done(e->ice, now);
    if (e->restart.next)
        adit_ice_bases_done(e->restart.next, now);
    adit_engine_settle(e);
}

void adit_bases_failed(struct adit_engine *e, int base, const struct adit_addr *to, int err)
{
    adit_ice_send_failed(e->ice, base, to, err, e->now);
    if (e->restart.next)
        adit_ice_send_failed(e->restart.next, base, to, err, e->now);
    if (e->restart.past)
        adit_ice_send_failed(e->restart.past, base, to, err, e->now);
}

void adit_engine_send_failed(struct adit_engine *e, int base, const struct adit_addr *to, int err,
                             adit_time now)
{
    e->now = now;
    adit_relays_unreachable(e, base, to);
    adit_bases_failed(e, base, to, err);
    adit_engine_settle(e);
}

int adit_engine_add_candidate(struct adit_engine *e, const struct adit_cand *cand, adit_time now)
{
    struct adit_ice *ice = adit_restart_named(e, cand->ufrag);
    int err = 0;

    e->now = now;
    if (ice)
        err = adit_ice_add_remote(ice, cand, now);
    adit_engine_settle(e);
    return err;
}

/* Another adit may have more to tell as long as the connection lasts (told.c). */
void adit_engine_candidates_done(struct adit_engine *e, adit_time now)
{
    struct adit_ice *ice = adit_restart_named(e, "");

    e->now = now;
    if (!e->remote || !e->remote->adit)
        adit_ice_remote_done(ice, now);
    adit_engine_settle(e);
}
