#include "peer/relays_inner.h"

#include "base/alloc.h"
#include "base/log.h"

#define PAUSE_MAX       (60 * ADIT_SEC)
#define STOOD_LONG      (30 * ADIT_SEC) /* what was lost after this time is tried again at once */
/* RFC 8445 section 5.1.2.1: among relays, those that cost a packet least. */
#define PREFERENCE_UDP  60000
#define PREFERENCE_STEP 20000

static int base_of(const struct relay *r, int v6)
{
    return ADIT_ENGINE_RELAY_BASE + 2 * r->id + v6;
}

struct relay *adit_peer_relay_at(const struct adit_engine *e, int id)
{
    return e->relays && id >= 0 && (size_t)id < e->relays->count ? e->relays->list[id] : NULL;
}

static void tell(struct relay *r, bool up, const struct adit_cause *cause)
{
    struct adit_engine_event ev = { .type = ADIT_ENGINE_EV_RELAY, .relay = r->id, .up = up };

    if (cause)
        ev.cause = *cause;
    adit_engine_tell(r->e, &ev);
}

bool adit_engine_is_probe(const void *bytes, size_t n)
{
    return adit_turn_is_probe(bytes, n);
}

/* ---- what ICE knows of it -------------------------------------------------------------------- */

static void lend(struct relay *r, int v6)
{
    int transport = (int)r->transport;
    char text[ADIT_ADDR_STR];
    struct adit_ice_relay to_ice = {
        .addr = adit_turn_relayed(r->turn, v6 ? ADIT_FAMILY_V6 : ADIT_FAMILY_V4),
        .mapped = adit_turn_mapped(r->turn),
        .server = r->server,
        .preference = (uint16_t)(PREFERENCE_UDP - PREFERENCE_STEP * transport - 2 * r->id + v6),
    };

    if (!to_ice.addr.family)
        return;
    adit_debug("turn", "relay %d lends %s", r->id, adit_addr_str(&to_ice.addr, text));
    r->lent[v6] =
        adit_bases_put(r->e, &(struct peer_base){
                                 .id = base_of(r, v6), .is_relay = true, .relay = to_ice }) == 0;
}

static void take_back(struct relay *r)
{
    for (int v6 = 0; v6 < 2; v6++) {
        if (!r->lent[v6])
            continue;
        r->lent[v6] = false;
        adit_bases_drop(r->e, base_of(r, v6));
    }
}

/* ---- what becomes of it ---------------------------------------------------------------------- */

static void on_send(void *arg, const void *bytes, size_t n)
{
    struct relay *r = arg;

    if (r->transport == ADIT_TURN_BY_UDP)
        r->e->ops->send(r->e->arg, r->base, &r->server, bytes, n);
    else
        r->e->ops->turn_send(r->e->arg, r->id, bytes, n);
}

static void on_turn(void *arg, const struct adit_turn_event *ev)
{
    struct relay *r = arg;

    if (ev->type != ADIT_TURN_EV_REFUSED) {
        r->noted = true;
        r->note = *ev;
    } else if (r->refused_count < RELAY_REFUSED_MAX) {
        r->refused[r->refused_count++] = ev->addr;
    }
}

static const struct adit_turn_ops turn_ops = { .send = on_send, .event = on_turn };

static adit_time pause_of(const struct relay *r)
{
    unsigned n = r->failures < 6 ? r->failures : 6;

    return adit_time_min(ADIT_SEC << n, PAUSE_MAX);
}

void adit_peer_relay_lost(struct relay *r, const struct adit_cause *cause, adit_time pause)
{
    adit_time now = r->e->now;

    adit_peer_relay_leave(r);
    take_back(r);
    if (now - r->since < STOOD_LONG) {
        pause = adit_time_max(pause, pause_of(r));
        r->failures++;
    }
    r->again = pause == ADIT_NEVER ? pause : now + pause;
    tell(r, false, cause);
}

void adit_peer_relay_failed(struct relay *r, const struct adit_cause *cause, adit_time pause)
{
    bool next = r->transport == ADIT_TURN_BY_UDP &&
                (cause->reason == ADIT_REASON_TIMEOUT || cause->reason == ADIT_REASON_NO_PATH);
    size_t ways = adit_peer_relay_ways(r);

    adit_peer_relay_leave(r);
    if (next && ways && ++r->attempt % ways) {
        r->again = r->e->now;
        return;
    }
    r->settled = true;
    pause = adit_time_max(pause, pause_of(r));
    r->failures++;
    r->again = pause == ADIT_NEVER ? pause : r->e->now + pause;
    tell(r, false, cause);
}

static void allocated(struct relay *r)
{
    r->settled = true;
    r->failures = 0;
    r->since = r->e->now;
    for (int v6 = 0; v6 < 2; v6++)
        lend(r, v6);
    tell(r, true, NULL);
}

static void take_refusals(struct relay *r)
{
    while (r->refused_count) {
        struct adit_addr to = r->refused[--r->refused_count];
        int base = base_of(r, to.family == ADIT_FAMILY_V6);

        adit_bases_failed(r->e, base, &to, ECONNREFUSED);
    }
}

static void take_note(struct relay *r)
{
    struct adit_turn_event ev = r->note;

    r->noted = false;
    switch (ev.type) {
    case ADIT_TURN_EV_ALLOCATED:
        allocated(r);
        break;
    case ADIT_TURN_EV_LOST:
        adit_peer_relay_lost(r, &ev.cause, ev.pause);
        break;
    case ADIT_TURN_EV_FAILED:
        adit_peer_relay_failed(r, &ev.cause, ev.pause);
        break;
    case ADIT_TURN_EV_MOVED:
        adit_peer_relay_move(r, &ev.addr);
        break;
    case ADIT_TURN_EV_REFUSED:
        break;
    }
}

static void await(struct adit_engine *e)
{
    unsigned awaited = 0;

    for (size_t i = 0; i < e->relays->count; i++)
        awaited += !e->relays->list[i]->settled;
    if (!adit_engine_ended(e))
        adit_ice_await_relays(e->ice, awaited, e->now);
}

void adit_relays_settle(struct adit_engine *e)
{

    for (size_t i = 0; i < e->relays->count && !adit_engine_ended(e); i++) {
        struct relay *r = e->relays->list[i];

        take_refusals(r);
        if (r->noted)
            take_note(r);
        if (!adit_engine_ended(e) && e->now >= r->again)
            adit_peer_relay_start(r);
    }
    await(e);
}

/* ---- life ------------------------------------------------------------------------------------ */

static struct adit_relays *relays_of(struct adit_engine *e)
{
    if (!e->relays)
        e->relays = adit_zalloc(sizeof *e->relays);
    return e->relays;
}

bool adit_relays_any(const struct adit_engine *e)
{
    return e->relays && e->relays->count;
}

int adit_engine_add_turn(struct adit_engine *e, const struct adit_engine_turn *conf, adit_time now)
{
    struct adit_turn_conf turn = { .user = conf->user,
                                   .password = conf->password,
                                   .stream = conf->transport != ADIT_TURN_BY_UDP,
                                   .rng = e->conf.rng };
    struct adit_relays *rs = relays_of(e);
    struct relay *r;

    e->now = now;
    if (adit_engine_ended(e))
        return -ECANCELED;
    if (conf->transport == ADIT_TURN_BY_UDP && conf->addr_count == 0)
        return -EINVAL;
    if (rs && rs->count == ADIT_RELAYS_MAX)
        return -ENOSPC;
    r = rs ? adit_zalloc(sizeof *r) : NULL;
    if (!r)
        return -ENOMEM;
    r->turn = adit_turn_new(&turn, &turn_ops, r);
    if (!r->turn) {
        adit_free(r);
        return -ENOMEM;
    }
    r->e = e;
    r->id = (int)rs->count;
    r->transport = conf->transport;
    r->again = now;
    while (r->addr_count < conf->addr_count && r->addr_count < ADIT_RELAY_ADDRS_MAX) {
        r->addrs[r->addr_count] = conf->addrs[r->addr_count];
        r->addr_count++;
    }
    rs->list[rs->count++] = r;
    /* A TURN server is a STUN server, too (RFC 8656 section 3). */
    for (size_t i = 0; i < r->addr_count && r->transport == ADIT_TURN_BY_UDP; i++)
        adit_bases_put_stun(e, &r->addrs[i]);
    await(e); /* it begins with the next tick, when its owner knows its name */
    adit_engine_settle(e);
    return r->id;
}

void adit_engine_turn_login(struct adit_engine *e, int relay, const char *user,
                            const char *password)
{
    struct relay *r = adit_peer_relay_at(e, relay);

    if (r)
        adit_turn_login(r->turn, user, password);
}

struct adit_addr adit_engine_turn_relayed(const struct adit_engine *e, int relay,
                                          enum adit_family family)
{
    const struct relay *r = adit_peer_relay_at(e, relay);

    if (!r || !adit_turn_ready(r->turn))
        return (struct adit_addr){ .family = ADIT_FAMILY_NONE };
    return adit_turn_relayed(r->turn, family);
}

void adit_relays_free(struct adit_engine *e)
{
    for (size_t i = 0; e->relays && i < e->relays->count; i++) {
        adit_turn_free(e->relays->list[i]->turn);
        adit_free(e->relays->list[i]);
    }
    adit_free(e->relays);
    e->relays = NULL;
}

void adit_relays_close(struct adit_engine *e)
{
    for (size_t i = 0; e->relays && i < e->relays->count; i++) {
        struct relay *r = e->relays->list[i];

        if (r->open)
            adit_turn_release(r->turn, e->now);
        adit_peer_relay_leave(r);
        r->again = ADIT_NEVER;
        r->noted = r->lent[0] = r->lent[1] = false;
    }
}

/* ---- bases ----------------------------------------------------------------------------------- */

void adit_relays_base_came(struct adit_engine *e, int base, const struct adit_addr *addr,
                           uint16_t preference, bool apart)
{
    struct adit_relays *rs = relays_of(e);

    if (!rs || rs->base_count == RELAY_BASES_MAX || (rs->apart && !apart))
        return;
    rs->bases[rs->base_count++] = (struct relay_base){ base, *addr, preference, apart };
    rs->apart |= apart;
    for (size_t i = 0; i < rs->count; i++) { /* whoever had nothing to go by, or no luck */
        struct relay *r = rs->list[i];
        if (r->transport == ADIT_TURN_BY_UDP && !r->open) {
            r->failures = 0;
            r->again = e->now;
        }
    }
    adit_relays_settle(e);
}

void adit_relays_base_went(struct adit_engine *e, int base)
{
    struct adit_relays *rs = e->relays;
    struct adit_cause cause;

    if (!rs)
        return;
    for (size_t i = 0; i < rs->base_count; i++)
        if (rs->bases[i].id == base)
            rs->bases[i--] = rs->bases[--rs->base_count];
    adit_cause_set(&cause, ADIT_REASON_NO_PATH, ENETDOWN, "the interface that led to it is gone");
    for (size_t i = 0; i < rs->count && !adit_engine_ended(e); i++) {
        struct relay *r = rs->list[i];
        if (r->transport != ADIT_TURN_BY_UDP || !r->open || r->base != base)
            continue;
        if (adit_turn_ready(r->turn))
            adit_peer_relay_lost(r, &cause, 0);
        else
            adit_peer_relay_leave(r);
        r->again = e->now;
    }
    adit_relays_settle(e);
}

void adit_relays_unreachable(struct adit_engine *e, int base, const struct adit_addr *to)
{
    struct adit_cause cause;

    if (!e->relays)
        return;
    adit_cause_set(&cause, ADIT_REASON_NO_PATH, ECONNREFUSED, "nobody is there");
    for (size_t i = 0; i < e->relays->count; i++) {
        struct relay *r = e->relays->list[i];
        if (r->transport != ADIT_TURN_BY_UDP || !r->open || r->base != base ||
            !adit_addr_equal(&r->server, to))
            continue;
        if (adit_turn_ready(r->turn))
            adit_turn_doubt(r->turn, e->now); /* anybody could say so */
        else
            adit_peer_relay_failed(r, &cause, 0);
    }
    adit_relays_settle(e);
}

void adit_relays_doubt(struct adit_engine *e)
{
    for (size_t i = 0; e->relays && i < e->relays->count; i++)
        adit_turn_doubt(e->relays->list[i]->turn, e->now);
}

/* ---- packets and time ------------------------------------------------------------------------ */

void adit_relays_send(struct adit_engine *e, int base, const struct adit_addr *to,
                      const void *bytes, size_t n)
{
    struct relay *r = adit_peer_relay_at(e, (base - ADIT_ENGINE_RELAY_BASE) / 2);

    if (r)
        adit_turn_send(r->turn, to, bytes, n, e->now);
}

bool adit_peer_relay_feed(struct relay *r, struct adit_span pkt)
{
    struct adit_addr peer;

    switch (adit_turn_feed(r->turn, &pkt, &peer, r->e->now)) {
    case ADIT_TURN_OTHER:
        return false;
    case ADIT_TURN_TAKEN:
        break;
    case ADIT_TURN_DATA:
        if (pkt.len)
            adit_engine_take(r->e, base_of(r, peer.family == ADIT_FAMILY_V6), &peer, pkt);
        return true; /* most packets: nothing can have been noted */
    }
    adit_relays_settle(r->e);
    return true;
}

bool adit_relays_feed(struct adit_engine *e, int base, const struct adit_addr *from,
                      struct adit_span pkt)
{
    for (size_t i = 0; i < e->relays->count; i++) {
        struct relay *r = e->relays->list[i];

        if (r->transport == ADIT_TURN_BY_UDP && r->open && r->base == base &&
            adit_addr_equal(&r->server, from))
            return adit_peer_relay_feed(r, pkt);
    }
    return false;
}

adit_time adit_relays_deadline(const struct adit_engine *e)
{
    adit_time at = ADIT_NEVER;

    for (size_t i = 0; e->relays && i < e->relays->count; i++) {
        const struct relay *r = e->relays->list[i];

        at = adit_time_min(at, adit_time_min(r->again, adit_turn_deadline(r->turn)));
    }
    return at;
}

void adit_relays_tick(struct adit_engine *e)
{
    if (!e->relays)
        return;
    for (size_t i = 0; i < e->relays->count; i++)
        adit_turn_tick(e->relays->list[i]->turn, e->now);
    adit_relays_settle(e);
}
