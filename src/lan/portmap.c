#include "lan/portmap.h"

#include "base/rng.h"

#define LIFETIME     3600             /* seconds: what a crash leaves open for an hour at most */
#define LIFETIME_MAX (24 * 3600)      /* RFC 6887 section 15 */
#define FIRST_GAP    (250 * ADIT_MS)  /* RFC 6886 section 3.1, then doubling */
#define TRIES        3                /* 0, 0.25, 0.75 s, and over at 1.75 s */
#define RENEW_GAP    (4 * ADIT_SEC)   /* RFC 6887 section 11.2.1: not more often */
#define REST         (300 * ADIT_SEC) /* until we ask again */
#define REST_MIN     (30 * ADIT_SEC)
#define REST_MAX     (1800 * ADIT_SEC) /* RFC 6887 section 7.4: errors hold for 30 min at most */
#define SPREAD       (2 * ADIT_SEC)    /* so that not all hosts ask at once when it has restarted */

static void enter(struct adit_portmap *p, enum adit_portmap_state state, adit_time next)
{
    p->state = state;
    p->next = next;
    p->sends = 0;
    p->gap = FIRST_GAP;
    if (state == ADIT_PORTMAP_PCP || state == ADIT_PORTMAP_PMP_ADDRESS)
        p->pcp = state == ADIT_PORTMAP_PCP;
}

static void emit(struct adit_portmap *p, const void *bytes, size_t n)
{
    p->ops->send(p->arg, &p->gateway, bytes, n);
}

static void send_map(struct adit_portmap *p)
{
    uint8_t bytes[ADIT_PORTMAP_MAX];

    p->asked = true;
    emit(p, bytes,
         p->pcp ? adit_pcp_put_map(bytes, &p->request) : adit_pmp_put_map(bytes, &p->request));
}

void adit_portmap_start(struct adit_portmap *p, const struct adit_addr *internal,
                        const struct adit_addr *gateway, const struct adit_portmap_ops *ops,
                        void *arg, struct adit_rng *rng, adit_time now)
{
    *p = (struct adit_portmap){ .ops = ops, .arg = arg, .rng = rng, .gateway = *gateway };
    p->gateway.port = ADIT_PORTMAP_PORT;
    p->request.internal = *internal;
    p->request.suggested.port = internal->port;
    p->request.lifetime = LIFETIME;
    adit_rng_bytes(rng, p->request.nonce, sizeof p->request.nonce);
    enter(p, ADIT_PORTMAP_PCP, now);
}

void adit_portmap_stop(struct adit_portmap *p)
{
    bool asked = p->asked && p->state != ADIT_PORTMAP_OFF;

    p->state = ADIT_PORTMAP_OFF;
    if (!asked)
        return;
    p->request.lifetime = 0;
    p->request.suggested = (struct adit_addr){ .family = ADIT_FAMILY_NONE }; /* RFC 6886 3.4 */
    send_map(p);
}

/* ---- what became of it ----------------------------------------------------------------------- */

static void tell(struct adit_portmap *p, enum adit_portmap_news news, adit_time now)
{
    p->decided = true;
    p->ops->news(p->arg, news, p->external.family ? &p->external : NULL, now);
}

static void rest(struct adit_portmap *p, enum adit_portmap_news why, adit_time until, adit_time now)
{
    bool first = !p->decided || p->external.family;

    enter(p, ADIT_PORTMAP_RESTING, until);
    p->external = (struct adit_addr){ .family = ADIT_FAMILY_NONE };
    if (first)
        tell(p, why, now);
}

static void give_up(struct adit_portmap *p, adit_time now)
{
    if (p->state == ADIT_PORTMAP_PCP && p->request.internal.family == ADIT_FAMILY_V4)
        enter(p, ADIT_PORTMAP_PMP_ADDRESS, now);
    else
        rest(p, ADIT_PORTMAP_SILENT, now + REST, now);
}

static void refused(struct adit_portmap *p, uint32_t seconds, adit_time now)
{
    adit_time pause = adit_time_max(seconds * ADIT_SEC, REST_MIN);

    p->asked = false;
    rest(p, ADIT_PORTMAP_REFUSED, now + adit_time_min(pause, REST_MAX), now);
}

static void granted(struct adit_portmap *p, const struct adit_addr *external, uint32_t lifetime,
                    adit_time now)
{
    bool news = !adit_addr_equal(external, &p->external);

    if (lifetime > LIFETIME_MAX)
        lifetime = LIFETIME_MAX;
    p->expires = now + lifetime * ADIT_SEC;
    enter(p, ADIT_PORTMAP_HELD, now + adit_time_max(lifetime * ADIT_SEC / 2, RENEW_GAP));
    p->external = p->request.suggested = *external; /* and the same one after a restart, please */
    if (news)
        tell(p, ADIT_PORTMAP_OPEN, now);
}

/* ---- time ------------------------------------------------------------------------------------ */

static void renew(struct adit_portmap *p, adit_time now)
{
    if (now >= p->expires) {
        enter(p, p->pcp ? ADIT_PORTMAP_PCP : ADIT_PORTMAP_PMP_ADDRESS, now);
        return;
    }
    send_map(p);
    p->next = adit_time_min(p->expires, now + adit_time_max((p->expires - now) / 2, RENEW_GAP));
}

static void ask(struct adit_portmap *p, adit_time now)
{
    uint8_t bytes[ADIT_PORTMAP_MAX];

    if (p->sends == TRIES) {
        give_up(p, now);
        return;
    }
    p->sends++;
    p->next = now + p->gap;
    p->gap *= 2;
    if (p->state == ADIT_PORTMAP_PMP_ADDRESS)
        emit(p, bytes, adit_pmp_put_address(bytes));
    else
        send_map(p);
}

void adit_portmap_tick(struct adit_portmap *p, adit_time now)
{
    if (now < adit_portmap_deadline(p))
        return;
    switch (p->state) {
    case ADIT_PORTMAP_OFF:
        break;
    case ADIT_PORTMAP_PCP:
    case ADIT_PORTMAP_PMP_ADDRESS:
    case ADIT_PORTMAP_PMP_MAP:
        ask(p, now);
        break;
    case ADIT_PORTMAP_HELD:
        renew(p, now);
        break;
    case ADIT_PORTMAP_RESTING: /* it may be another router by now, or one that knows more */
        enter(p, ADIT_PORTMAP_PCP, now);
        break;
    }
}

adit_time adit_portmap_deadline(const struct adit_portmap *p)
{
    return p->state == ADIT_PORTMAP_OFF ? ADIT_NEVER : p->next;
}

/* ---- answers --------------------------------------------------------------------------------- */

/* RFC 6887 section 8.5, and RFC 6886 section 3.6 with its eighth: the gateway's clock of its own
 * memory has not gone on as ours has. */
static bool has_forgotten(struct adit_portmap *p, const struct adit_portmap_answer *a,
                          adit_time now)
{
    uint64_t ours = (now - p->epoch_at) / ADIT_SEC, theirs = a->epoch - (uint64_t)p->epoch;
    uint64_t slack = p->pcp ? 16 : 8;
    bool forgotten = p->epoch_known &&
                     ((uint64_t)a->epoch + 1 < p->epoch ||
                      (a->epoch >= p->epoch &&
                       (ours + 2 < theirs - theirs / slack || theirs + 2 < ours - ours / slack)));

    p->epoch_known = true;
    p->epoch = a->epoch;
    p->epoch_at = now;
    return forgotten;
}

static void on_pcp_map(struct adit_portmap *p, struct adit_portmap_answer *a, adit_time now)
{
    if (!p->pcp || a->internal_port != p->request.internal.port ||
        memcmp(a->nonce, p->request.nonce, sizeof a->nonce) != 0)
        return;
    a->external.port = a->external_port;
    /* NOT_AUTHORIZED: also if the port is still open for a socket there was before, which had
     * another nonce (RFC 6887 section 11.3). NAT-PMP has none and gets it. */
    if (a->result == ADIT_PORTMAP_BAD_VERSION ||
        (a->result == ADIT_PCP_NOT_AUTHORIZED && p->state == ADIT_PORTMAP_PCP &&
         p->request.internal.family == ADIT_FAMILY_V4))
        give_up(p, now);
    else if (a->result != ADIT_PORTMAP_SUCCESS)
        refused(p, a->lifetime, now);
    else if (a->external_port && a->lifetime)
        granted(p, &a->external, a->lifetime, now);
}

static void on_pmp_map(struct adit_portmap *p, const struct adit_portmap_answer *a, adit_time now)
{
    struct adit_addr external = p->address;

    if (p->pcp || a->internal_port != p->request.internal.port || !external.family)
        return;
    external.port = a->external_port;
    if (a->result != ADIT_PORTMAP_SUCCESS)
        refused(p, 0, now);
    else if (a->external_port && a->lifetime)
        granted(p, &external, a->lifetime, now);
}

static void on_pmp_address(struct adit_portmap *p, const struct adit_portmap_answer *a,
                           bool forgotten, adit_time now)
{
    if (p->pcp)
        return;
    if (a->result != ADIT_PORTMAP_SUCCESS) {
        if (p->state == ADIT_PORTMAP_PMP_ADDRESS)
            refused(p, 0, now);
        return;
    }
    forgotten |= p->address.family && !adit_addr_equal_ip(&p->address, &a->external);
    p->address = a->external;
    if (p->state == ADIT_PORTMAP_PMP_ADDRESS)
        enter(p, ADIT_PORTMAP_PMP_MAP, now);
    else if (forgotten && p->state == ADIT_PORTMAP_HELD)
        enter(p, ADIT_PORTMAP_PMP_MAP, now + adit_rng_below(p->rng, SPREAD));
}

bool adit_portmap_feed(struct adit_portmap *p, const struct adit_addr *from, const void *bytes,
                       size_t n, adit_time now)
{
    struct adit_portmap_answer a;
    bool forgotten, pmp;

    if (p->state == ADIT_PORTMAP_OFF || from->port != ADIT_PORTMAP_PORT ||
        !adit_addr_equal_ip(from, &p->gateway))
        return false;
    if (!adit_portmap_read(&a, bytes, n))
        return true;
    pmp = a.kind >= ADIT_PMP_ADDRESS;
    if (p->state == ADIT_PORTMAP_PCP && pmp) { /* RFC 6887 appendix A: it knows NAT-PMP alone */
        if (a.result == ADIT_PORTMAP_BAD_VERSION)
            give_up(p, now);
        return true;
    }
    if (pmp == p->pcp)
        return true; /* a gateway announces itself in both */
    forgotten = has_forgotten(p, &a, now);
    switch (a.kind) {
    case ADIT_PCP_MAP:
        on_pcp_map(p, &a, now);
        break;
    case ADIT_PMP_MAP:
        on_pmp_map(p, &a, now);
        break;
    case ADIT_PMP_ADDRESS:
        on_pmp_address(p, &a, forgotten, now);
        break;
    case ADIT_PCP_OTHER:
        if (p->state == ADIT_PORTMAP_PCP && a.result == ADIT_PORTMAP_BAD_VERSION)
            give_up(p, now);
        else if (a.result == ADIT_PORTMAP_SUCCESS && p->state == ADIT_PORTMAP_HELD)
            /* ANNOUNCE: it has restarted (RFC 6887 section 14.1.1), perhaps so soon that its epoch
             * does not show it */
            enter(p, ADIT_PORTMAP_PCP, now + adit_rng_below(p->rng, SPREAD));
        break;
    case ADIT_PMP_OTHER:
        break;
    }
    return true;
}
