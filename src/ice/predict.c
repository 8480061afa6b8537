/* predict - the next ports of a NAT that gives each destination another one, and counts.
 *
 * A peer behind it calls us from a port that no STUN server has seen, and our own NAT lets in only
 * whom we have called: so we call the ports that are near those that were seen. One of them is
 * where he calls from, if few others used that NAT meanwhile; then our check gets through to him or
 * opens the way for his, and the rest is as with any pair. How often that is so: docs/decisions.md.
 *
 * Whoever offers has asked the servers before he calls us: his port is a few steps behind theirs.
 * Whoever answers calls while he asks, or before he knows where the servers are: it may be before
 * theirs, or between; then what is between theirs is more than a step.
 *
 * It costs entries in the connection tracking of routers, so it is done late, once for each base of
 * theirs, with few ports, and from no base where it cannot help. */
#include "base/log.h"
#include "ice/internal.h"

#define WAIT      (2 * ADIT_SEC) /* what works at all has mostly worked by then */
#define STEP_MAX  16             /* two ports at random are as near as that once in a thousand */
#define PORTS_MAX 8              /* for one base of theirs */
#define CALLS_MAX 16             /* from all bases of ours to all of theirs, in an agent's life */

/* From the last port that was seen: so many steps, and so many ports. The likeliest come first;
 * what is known, and what is the same with this step, is passed over. */
static const struct {
    int8_t steps, ports;
} order[] = {
    { 1, 0 },  { 2, 0 },   { 0, 1 }, { 0, -1 }, { -2, 0 }, { 3, 0 }, { 0, 2 },
    { 0, -2 }, { -1, -1 }, { 4, 0 }, { 0, 3 },  { -3, 0 }, { 5, 0 }, { 6, 0 },
};

/* What a NAT has shown of itself before one base of theirs. */
struct series {
    const struct adit_ice_remote *last; /* the highest of the ports that are near another one */
    unsigned step;                      /* the least: what is between two may be somebody else's */
    unsigned ports;                     /* guessed */
};

/* By the related address, which may be hidden; then there is no more to tell them apart. */
static bool same_base(const struct adit_cand *a, const struct adit_cand *b)
{
    return a->transport == ADIT_TRANSPORT_UDP && b->transport == ADIT_TRANSPORT_UDP &&
           adit_addr_equal_ip(&a->addr, &b->addr) && adit_addr_equal(&a->related, &b->related);
}

unsigned adit_ice_step(const struct adit_cand *from, const struct adit_cand *to)
{
    unsigned a = from->addr.port, b = to->addr.port;

    if (from->type != ADIT_CAND_SRFLX || to->type != ADIT_CAND_SRFLX || !same_base(from, to))
        return 0;
    return b > a && b - a <= STEP_MAX ? b - a : 0;
}

static unsigned step_to(const struct adit_ice *ice, const struct adit_cand *to)
{
    unsigned least = 0;

    for (size_t i = 0; i < ice->remote_count; i++) {
        unsigned step = adit_ice_step(&ice->remotes[i]->cand, to);
        if (step && (!least || step < least))
            least = step;
    }
    return least;
}

static bool guessed_before(const struct adit_ice *ice, const struct adit_cand *base)
{
    for (size_t i = 0; i < ice->remote_count; i++) {
        if (ice->remotes[i]->guessed && same_base(&ice->remotes[i]->cand, base))
            return true;
    }
    return false;
}

static size_t find_series(const struct adit_ice *ice, struct series ret[CALLS_MAX])
{
    size_t count = 0, k;

    for (size_t i = 0; i < ice->remote_count && ice->predicted < CALLS_MAX; i++) {
        const struct adit_ice_remote *r = ice->remotes[i];
        unsigned step = step_to(ice, &r->cand);

        if (!step || guessed_before(ice, &r->cand))
            continue;
        for (k = 0; k < count && !same_base(&ret[k].last->cand, &r->cand);)
            k++;
        if (k == CALLS_MAX)
            continue;
        if (k == count)
            ret[count++] = (struct series){ r, step, 0 };
        if (r->cand.addr.port > ret[k].last->cand.addr.port)
            ret[k].last = r;
        if (step < ret[k].step)
            ret[k].step = step;
    }
    return count;
}

/* A relay looks at no port, or has one of its own. And where our own NAT gives each destination
 * another port, the peer does not call the one that opens his way. */
static bool may_help(const struct adit_ice *ice, const struct adit_ice_base *base,
                     const struct adit_addr *named)
{
    struct adit_addr to = adit_pair_target(&base->addr, named);
    const struct adit_pair *p = adit_checklist_find(&ice->list, base, &to);

    return base->type == ADIT_CAND_HOST && base->transport == ADIT_TRANSPORT_UDP && p &&
           !p->barred && adit_ice_mapping_of(ice, base) != ADIT_MAPPING_DEPENDENT;
}

static void guess(struct adit_ice *ice, struct series *s, int port, adit_time now)
{
    const struct adit_cand *last = &s->last->cand;
    struct adit_cand c = *last;
    unsigned before = ice->predicted;

    if (s->ports == PORTS_MAX || port < 1 || port > UINT16_MAX)
        return;
    c.addr.port = (uint16_t)port;
    for (size_t i = 0; i < ice->base_count && ice->predicted < CALLS_MAX; i++) {
        if (may_help(ice, ice->bases[i], &last->addr))
            ice->predicted += adit_ice_guess(ice, ice->bases[i], &c, now);
    }
    s->ports += ice->predicted > before;
}

static bool direct(const struct adit_ice *ice)
{
    for (size_t i = 0; i < ice->list.count; i++) {
        if (ice->list.pairs[i]->valid && adit_pair_kind(ice->list.pairs[i]) >= ADIT_KIND_WAN)
            return true;
    }
    return false;
}

void adit_ice_predict_soon(struct adit_ice *ice, adit_time now)
{
    struct series found[CALLS_MAX];

    if (ice->predict_at == ADIT_NEVER && ice->cred.complete && find_series(ice, found))
        ice->predict_at = now + WAIT;
}

void adit_ice_predict_tick(struct adit_ice *ice, adit_time now)
{
    struct series found[CALLS_MAX];
    char ip[ADIT_ADDR_STR];
    size_t count;

    if (now < ice->predict_at)
        return;
    ice->predict_at = ADIT_NEVER;
    if (direct(ice))
        return;
    count = find_series(ice, found);
    for (size_t k = 0; k < ADIT_LEN(order); k++) {
        for (size_t i = 0; i < count; i++)
            guess(ice, &found[i],
                  found[i].last->cand.addr.port + order[k].steps * (int)found[i].step +
                      order[k].ports,
                  now);
    }
    for (size_t i = 0; i < count; i++)
        adit_debug("ice", "%u ports near %u at %s are guessed, its step may be %u", found[i].ports,
                   found[i].last->cand.addr.port, adit_addr_str_ip(&found[i].last->cand.addr, ip),
                   found[i].step);
}
