#include "ice/internal.h"

/* After a server that never answered: the way may be new. In a restart: a router that moved may do
 * so again. */
#define AGAIN       (5 * ADIT_SEC)
#define KEEPALIVE   (15 * ADIT_SEC) /* RFC 8445 section 11: Tr at least 15 s */
#define WAIT_ANY    (5 * ADIT_SEC)  /* GATHERED comes after this long without any answer … */
#define GAP_MAX     ADIT_SEC        /* six tries in that time, see docs/decisions.md */
#define SENDS_LATER 3               /* with a pair in use */
#define WAIT_OTHERS ADIT_SEC        /* … or this long after the first one: two retransmissions */
#define WAIT_RELAYS \
    (3 * ADIT_SEC) /* a relay takes six round trips by TLS, and no person waits twice */

static bool has_relay(const struct adit_ice *ice)
{
    for (size_t i = 0; i < ice->base_count; i++)
        if (ice->bases[i]->type == ADIT_CAND_RELAY)
            return true;
    return false;
}

/* With one relay at hand, another one, or a STUN server where no UDP gets out, is worth no more
 * waiting than any other server. */
static adit_time gather_limit(const struct adit_ice *ice)
{
    adit_time at = ice->gather_started + WAIT_ANY;
    adit_time wait = ice->relays_awaited && !has_relay(ice) ? WAIT_RELAYS : WAIT_OTHERS;

    return ice->gather_answered == ADIT_NEVER ? at : adit_time_min(at, ice->gather_answered + wait);
}

static bool all_settled(const struct adit_ice *ice)
{
    if (ice->relays_awaited)
        return false;
    for (size_t i = 0; i < ice->base_count; i++) {
        for (size_t k = 0; k < ice->stun_count; k++) {
            if (!ice->bases[i]->probes[k].settled)
                return false;
        }
    }
    return true;
}

/* At first, and again in another network. */
static bool gathering(const struct adit_ice *ice)
{
    return ice->gathered ? ice->came && ice->went && !ice->consented : ice->bases_done;
}

void adit_ice_tell_mapped(struct adit_ice *ice, const struct adit_cand *cand)
{
    ice->came = ice->went = false;
    adit_ice_tell(ice, &(struct adit_ice_event){ .type = ADIT_ICE_EV_MAPPED, .cand = cand });
}

/* A dead server, or an interface that leads nowhere, must not keep a person waiting: its probes go
 * on, and a late answer is a trickled candidate. */
static void check_gathered(struct adit_ice *ice, adit_time now)
{
    if (!gathering(ice) || !(all_settled(ice) || now >= gather_limit(ice)))
        return;
    if (!ice->gathered) {
        ice->gathered = true;
        adit_ice_tell(ice, &(struct adit_ice_event){ .type = ADIT_ICE_EV_GATHERED });
        return;
    }
    ice->came = false;
    if (adit_ice_local_count(ice)) /* else there is nothing to tell, until the next base comes */
        adit_ice_tell_mapped(ice, adit_ice_local(ice, 0));
}

void adit_ice_bases_changed(struct adit_ice *ice, bool came, adit_time now)
{
    if (!ice->gathered)
        return;
    ice->went |= !came;
    ice->came = came || (ice->came && ice->base_count);
    if (came) {
        ice->gather_started = now;
        ice->gather_answered = ADIT_NEVER;
    }
    check_gathered(ice, now);
}

/* With a pair in use, consent checks keep the mapping that matters; but a new base has to be known,
 * and over a relay, or while nothing comes back, it is of interest what has changed. */
static bool may_ask(const struct adit_ice *ice, const struct adit_ice_probe *p)
{
    return !ice->consented || !p->settled || adit_ice_seeking(ice) ||
           ice->doubt_since != ADIT_NEVER;
}

void adit_ice_probe_again(struct adit_ice *ice, adit_time now)
{
    for (size_t i = 0; i < ice->base_count; i++) {
        for (size_t k = 0; k < ice->stun_count; k++) {
            if (ice->bases[i]->probes[k].state == ADIT_PROBE_WAITING)
                ice->bases[i]->probes[k].again = now;
        }
    }
}

void adit_ice_probe_init(const struct adit_ice *ice, struct adit_ice_base *base, size_t server,
                         adit_time now)
{
    struct adit_ice_probe *p = &base->probes[server];
    bool ask = base->type == ADIT_CAND_HOST && base->transport == ADIT_TRANSPORT_UDP &&
               adit_pair_allowed(&base->addr, &ice->stun[server]) &&
               !adit_ice_barred(ice, base, NULL);

    p->state = ask ? ADIT_PROBE_WAITING : ADIT_PROBE_IDLE;
    p->settled = !ask;
    p->again = now;
}

void adit_ice_add_stun(struct adit_ice *ice, const struct adit_addr *server, adit_time now)
{
    if (ice->stun_count == ADIT_ICE_STUN_MAX || adit_ice_over(ice))
        return;
    for (size_t i = 0; i < ice->stun_count; i++)
        if (adit_addr_equal(&ice->stun[i], server))
            return;
    ice->stun[ice->stun_count++] = *server;
    for (size_t i = 0; i < ice->base_count; i++)
        adit_ice_probe_init(ice, ice->bases[i], ice->stun_count - 1, now);
    adit_ice_finish(ice, now);
}

void adit_ice_await_relays(struct adit_ice *ice, unsigned count, adit_time now)
{
    if (ice->relays_awaited == count || adit_ice_over(ice))
        return;
    ice->relays_awaited = count;
    check_gathered(ice, now);
    adit_ice_finish(ice, now);
}

bool adit_ice_stun_answered(const struct adit_ice *ice)
{
    return ice->stun_count == 0 || ice->gather_answered != ADIT_NEVER;
}

void adit_ice_bases_done(struct adit_ice *ice, adit_time now)
{
    if (ice->bases_done || adit_ice_over(ice))
        return;
    ice->bases_done = true;
    ice->gather_started = now;
    check_gathered(ice, now);
    adit_ice_finish(ice, now);
}

static void send_probe(struct adit_ice *ice, const struct adit_ice_base *base, size_t server)
{
    const struct adit_ice_probe *p = &base->probes[server];
    struct adit_stun_out out;

    adit_stun_begin(&out, ADIT_STUN_REQUEST, ADIT_STUN_BINDING, p->id);
    adit_stun_finish(&out, (struct adit_span){ 0 });
    adit_ice_emit(ice, base, &ice->stun[server], out.bytes, out.len);
}

static void probe_over(const struct adit_ice *ice, struct adit_ice_probe *p, adit_time now)
{
    p->state = ADIT_PROBE_WAITING;
    p->settled = true;
    p->again = now + (ice->restarts ? AGAIN : KEEPALIVE);
}

static size_t running(const struct adit_ice *ice)
{
    size_t n = 0;

    for (size_t i = 0; i < ice->base_count; i++) {
        for (size_t k = 0; k < ice->stun_count; k++)
            n += ice->bases[i]->probes[k].state == ADIT_PROBE_RUNNING;
    }
    return n;
}

bool adit_ice_probe_start(struct adit_ice *ice, adit_time now)
{
    for (size_t k = 0; k < ice->stun_count; k++) {
        for (size_t i = 0; i < ice->base_count; i++) {
            struct adit_ice_probe *p = &ice->bases[i]->probes[k];
            if (p->state != ADIT_PROBE_WAITING || now < p->again || !may_ask(ice, p))
                continue;
            if (!adit_tuples_take(&ice->tuples, ice->bases[i]->id, &ice->stun[k], now)) {
                probe_over(ice, p, now);
                continue;
            }
            adit_rng_bytes(ice->rng, p->id, sizeof p->id);
            p->state = ADIT_PROBE_RUNNING;
            p->sent = now;
            /* RFC 8445 section 14.3 */
            adit_retry_start(&p->retry, adit_time_max(ice->rto, ice->ta * running(ice)), GAP_MAX,
                             now);
            send_probe(ice, ice->bases[i], k);
            return true;
        }
    }
    return false;
}

void adit_ice_probe_tick(struct adit_ice *ice, adit_time now)
{
    for (size_t i = 0; i < ice->base_count; i++) {
        for (size_t k = 0; k < ice->stun_count; k++) {
            struct adit_ice_probe *p = &ice->bases[i]->probes[k];
            if (p->state != ADIT_PROBE_RUNNING)
                continue;
            if (ice->consented &&
                (!may_ask(ice, p) || (p->retry.sends >= SENDS_LATER && now >= p->retry.next))) {
                probe_over(ice, p, now);
                continue;
            }
            switch (adit_retry_tick(&p->retry, now)) {
            case ADIT_RETRY_WAIT:
                break;
            case ADIT_RETRY_SEND:
                send_probe(ice, ice->bases[i], k);
                break;
            case ADIT_RETRY_GIVE_UP:
                probe_over(ice, p, now);
                if (!p->mapped.family)
                    p->again = now + AGAIN;
                break;
            }
        }
    }
    check_gathered(ice, now);
}

void adit_ice_probe_deadline(const struct adit_ice *ice, adit_time *ret_retry, adit_time *ret_new)
{
    *ret_retry = gathering(ice) ? gather_limit(ice) : ADIT_NEVER;
    *ret_new = ADIT_NEVER;
    for (size_t i = 0; i < ice->base_count; i++) {
        for (size_t k = 0; k < ice->stun_count; k++) {
            const struct adit_ice_probe *p = &ice->bases[i]->probes[k];
            if (p->state == ADIT_PROBE_RUNNING)
                *ret_retry = adit_time_min(*ret_retry, p->retry.next);
            else if (p->state == ADIT_PROBE_WAITING && may_ask(ice, p))
                *ret_new = adit_time_min(*ret_new, p->again);
        }
    }
}

void adit_ice_probe_unreachable(struct adit_ice *ice, struct adit_ice_base *base,
                                const struct adit_addr *to, adit_time now)
{
    for (size_t k = 0; k < ice->stun_count; k++) {
        struct adit_ice_probe *p = &base->probes[k];
        /* A host that comes into another network has its address before its route: who is new there
         * asks on, and what is told of this network waits for it as for a server that is silent. */
        bool young = ice->gathered && !p->settled;

        if (p->state == ADIT_PROBE_RUNNING && adit_addr_equal(&ice->stun[k], to) && !young)
            probe_over(ice, p, now);
    }
    check_gathered(ice, now);
}

/* A server may say what it likes; an address that nobody could send to is no answer. */
static bool plausible(const struct adit_ice *ice, const struct adit_ice_base *base,
                      const struct adit_addr *mapped)
{
    const struct adit_cand c = { .transport = ADIT_TRANSPORT_UDP, .component = 1, .addr = *mapped };

    return mapped->family == base->addr.family && adit_cand_usable(&c, ice->allow_loopback);
}

static void new_mapping(struct adit_ice *ice, struct adit_ice_base *base, size_t server)
{
    const struct adit_addr *mapped = &base->probes[server].mapped;
    /* Several servers may see several addresses; each candidate has its own priority (5.1.2.1). */
    uint16_t preference = base->preference > server ? (uint16_t)(base->preference - server) : 0;

    /* RFC 8445 section 5.1.3: the same address and base is redundant, host or not. */
    if (adit_ice_find_told(ice, base, mapped))
        return;
    /* At the limit or without memory there is one candidate less. */
    (void)adit_ice_add_local(ice, base, ADIT_CAND_SRFLX, preference, mapped, &ice->stun[server],
                             true);
}

/* The NAT gave the base another address: what was told to the other side is out of date. */
static void changed_mapping(struct adit_ice *ice, struct adit_ice_base *base,
                            const struct adit_addr *old, const struct adit_addr *mapped)
{
    struct adit_ice_local *l = adit_ice_find_told(ice, base, old);
    struct adit_ice_local *known = adit_ice_find_told(ice, base, mapped);

    for (size_t k = 0; k < ice->stun_count; k++) {
        if (adit_addr_equal(&base->probes[k].mapped, old))
            base->probes[k].mapped = *mapped;
    }
    if (!l || l->cand.type != ADIT_CAND_SRFLX || l->mapped)
        return;
    if (known) {
        adit_ice_remove_local(ice, l);
        l = known;
    } else {
        l->cand.addr = *mapped;
    }
    adit_ice_tell_mapped(ice, &l->cand);
}

static void probe_answered(struct adit_ice *ice, struct adit_ice_base *base, size_t server,
                           const struct adit_addr *mapped, adit_time now)
{
    struct adit_ice_probe *p = &base->probes[server];
    struct adit_addr old = p->mapped;

    if (p->retry.sends == 1) {
        p->rtt = now - p->sent;
        if (!ice->stun_rtt || p->rtt < ice->stun_rtt)
            ice->stun_rtt = p->rtt;
    }
    probe_over(ice, p, now);
    ice->gather_answered = adit_time_min(ice->gather_answered, now);
    if (!adit_addr_equal(&old, mapped)) {
        p->mapped = *mapped;
        if (old.family == ADIT_FAMILY_NONE || !adit_ice_find_told(ice, base, &old))
            new_mapping(ice, base, server);
        else
            changed_mapping(ice, base, &old, mapped);
    }
    check_gathered(ice, now);
}

void adit_ice_probe_response(struct adit_ice *ice, struct adit_ice_base *base,
                             const struct adit_addr *from, const struct adit_stun_head *head,
                             const void *bytes, size_t n, adit_time now)
{
    const struct adit_stun_auth none = { .fingerprint = false };
    struct adit_stun msg;

    for (size_t k = 0; k < ice->stun_count; k++) {
        struct adit_ice_probe *p = &base->probes[k];
        if (p->state != ADIT_PROBE_RUNNING || memcmp(p->id, head->id, sizeof p->id) != 0 ||
            !adit_addr_equal(&ice->stun[k], from))
            continue;
        if (adit_stun_decode(&msg, bytes, n, &none) != ADIT_STUN_OK)
            return;
        if (head->class == ADIT_STUN_ERROR) {
            probe_over(ice, p, now);
            check_gathered(ice, now);
        } else if (plausible(ice, base, &msg.mapped)) {
            probe_answered(ice, base, k, &msg.mapped, now);
        }
        return;
    }
}
