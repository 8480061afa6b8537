#include "ice/pair.h"

#include "base/alloc.h"

/* RFC 8445 section 5.1.2.2. */
static const uint8_t type_preference[] = {
    [ADIT_CAND_HOST] = 126,
    [ADIT_CAND_PRFLX] = 110,
    [ADIT_CAND_SRFLX] = 100,
    [ADIT_CAND_RELAY] = 0,
};

uint32_t adit_cand_priority(enum adit_cand_type type, uint16_t preference)
{
    return (uint32_t)type_preference[type] << 24 | (uint32_t)preference << 8 | (256 - 1);
}

uint32_t adit_base_priority(const struct adit_ice_base *base, enum adit_cand_type type,
                            uint16_t preference)
{
    return base->transport == ADIT_TRANSPORT_TCP
               ? adit_tcp_priority(type, base->tcptype, preference)
               : adit_cand_priority(type, preference);
}

uint64_t adit_pair_priority(bool controlling, uint32_t local, uint32_t remote)
{
    uint64_t g = controlling ? local : remote, d = controlling ? remote : local;

    return (g < d ? g : d) << 32 | 2 * (g > d ? g : d) | (g > d ? 1 : 0);
}

bool adit_pair_matches(const struct adit_ice_base *base, const struct adit_cand *remote)
{
    return base->transport == remote->transport && (base->transport != ADIT_TRANSPORT_TCP ||
                                                    adit_tcp_pairs(base->tcptype, remote->tcptype));
}

bool adit_pair_allowed(const struct adit_addr *local, const struct adit_addr *remote)
{
    enum adit_scope_kind l = adit_addr_scope(local), r = adit_addr_scope(remote);

    if (local->family != remote->family)
        return false;
    return (l == ADIT_SCOPE_LINK) == (r == ADIT_SCOPE_LINK) &&
           (l == ADIT_SCOPE_LOOPBACK) == (r == ADIT_SCOPE_LOOPBACK) &&
           adit_addr_is_discard(local) == adit_addr_is_discard(remote); /* no network leads there */
}

void adit_pair_measured(struct adit_pair *p, adit_time rtt)
{
    adit_time off = rtt > p->srtt ? rtt - p->srtt : p->srtt - rtt;

    if (p->samples++ == 0) {
        p->srtt = rtt;
        p->rttvar = rtt / 2;
        return;
    }
    p->rttvar = (3 * p->rttvar + off) / 4;
    p->srtt = (7 * p->srtt + rtt) / 8;
}

void adit_pair_count(struct adit_pair *p, bool answered)
{
    p->counted++;
    p->loss = (15 * p->loss + (answered ? 0 : 1000)) / 16;
}

bool adit_pair_relayed(const struct adit_pair *p)
{
    const struct adit_cand *c = &p->remote->cand;

    return p->base->type == ADIT_CAND_RELAY || c->type == ADIT_CAND_RELAY ||
           (c->type == ADIT_CAND_PRFLX && c->priority >> 24 == type_preference[ADIT_CAND_RELAY]);
}

struct adit_addr adit_pair_target(const struct adit_addr *base, const struct adit_addr *remote)
{
    struct adit_addr to = *remote;

    to.scope =
        to.family == ADIT_FAMILY_V6 && adit_addr_scope(&to) == ADIT_SCOPE_LINK ? base->scope : 0;
    return to;
}

int adit_checklist_init(struct adit_checklist *l, size_t max)
{
    *l = (struct adit_checklist){ .max = max };
    adit_list_init(&l->triggered);
    l->pairs = adit_zalloc(max * sizeof *l->pairs);
    return l->pairs ? 0 : -ENOMEM;
}

void adit_checklist_done(struct adit_checklist *l)
{
    while (l->count)
        adit_checklist_remove(l, l->pairs[l->count - 1]);
    adit_free(l->pairs);
    l->pairs = NULL;
}

void adit_checklist_remove(struct adit_checklist *l, struct adit_pair *pair)
{
    for (size_t i = 0; i < l->count; i++) {
        if (l->pairs[i] == pair) {
            l->pairs[i] = l->pairs[--l->count];
            break;
        }
    }
    adit_list_del(&pair->triggered);
    adit_free(pair);
}

static bool dispensable(const struct adit_pair *p, bool force)
{
    return !p->valid && !p->heard && adit_list_empty(&p->triggered) &&
           (force || p->state != ADIT_PAIR_IN_PROGRESS || p->remote->guessed);
}

/* What was only guessed goes before all that was named, relays among them. */
static bool less(const struct adit_pair *a, const struct adit_pair *b)
{
    return a->remote->guessed != b->remote->guessed ? a->remote->guessed
                                                    : a->priority < b->priority;
}

/* RFC 8445 section 6.1.2.5: above the limit the lowest-priority pairs are discarded. */
static bool make_room(struct adit_checklist *l, uint64_t priority, bool force)
{
    struct adit_pair *worst = NULL;

    if (l->count < l->max)
        return true;
    for (size_t i = 0; i < l->count; i++) {
        struct adit_pair *p = l->pairs[i];
        if (dispensable(p, force) && (!worst || less(p, worst)))
            worst = p;
    }
    if (!worst || (!force && !worst->remote->guessed && worst->priority >= priority))
        return false;
    adit_checklist_remove(l, worst);
    return true;
}

struct adit_pair *adit_checklist_add(struct adit_checklist *l, struct adit_ice_base *base,
                                     struct adit_ice_remote *remote, bool controlling, bool force)
{
    uint64_t priority =
        adit_pair_priority(controlling, base->own->cand.priority, remote->cand.priority);

    if (!make_room(l, priority, force))
        return NULL;
    struct adit_pair *p = adit_zalloc(sizeof *p);
    if (!p)
        return NULL;
    *p = (struct adit_pair){ .base = base,
                             .remote = remote,
                             .to = adit_pair_target(&base->addr, &remote->cand.addr),
                             .priority = priority,
                             .group = (uint32_t)base->group << 16 | remote->group,
                             .state = ADIT_PAIR_FROZEN,
                             .local = base->own };
    adit_list_init(&p->triggered);
    l->pairs[l->count++] = p;
    return p;
}

struct adit_pair *adit_checklist_find(const struct adit_checklist *l,
                                      const struct adit_ice_base *base, const struct adit_addr *to)
{
    for (size_t i = 0; i < l->count; i++) {
        struct adit_pair *p = l->pairs[i];
        if (p->base == base && adit_addr_equal(&p->to, to))
            return p;
    }
    return NULL;
}

void adit_checklist_trigger(struct adit_checklist *l, struct adit_pair *pair)
{
    if (adit_list_empty(&pair->triggered))
        adit_list_add(&l->triggered, &pair->triggered);
    pair->state = ADIT_PAIR_WAITING;
}

struct adit_pair_check *adit_pair_place(struct adit_pair *pair, adit_time now)
{
    for (size_t i = 0; i < ADIT_LEN(pair->cancelled); i++) {
        struct adit_pair_check *c = &pair->cancelled[i];
        if (!c->live || now >= c->sent + ADIT_PAIR_ANSWER_MAX)
            return c;
    }
    return NULL;
}

void adit_pair_forget_cancelled(struct adit_pair *pair)
{
    for (size_t i = 0; i < ADIT_LEN(pair->cancelled); i++)
        pair->cancelled[i].live = false;
}

void adit_checklist_reprioritise(struct adit_checklist *l, bool controlling)
{
    for (size_t i = 0; i < l->count; i++) {
        struct adit_pair *p = l->pairs[i];
        p->priority =
            adit_pair_priority(controlling, p->base->own->cand.priority, p->remote->cand.priority);
    }
}

static bool group_busy(const struct adit_checklist *l, uint32_t group)
{
    for (size_t i = 0; i < l->count; i++) {
        const struct adit_pair *p = l->pairs[i];
        if (p->group == group &&
            (p->state == ADIT_PAIR_WAITING || p->state == ADIT_PAIR_IN_PROGRESS))
            return true;
    }
    return false;
}

struct adit_pair *adit_checklist_next(const struct adit_checklist *l)
{
    struct adit_pair *best = NULL;
    unsigned best_rank = 0;

    for (size_t i = 0; i < l->count; i++) {
        struct adit_pair *p = l->pairs[i];
        if (p->state != ADIT_PAIR_WAITING && p->state != ADIT_PAIR_FROZEN)
            continue;
        unsigned rank = p->state == ADIT_PAIR_WAITING ? 3 : group_busy(l, p->group) ? 1 : 2;
        if (rank > best_rank || (rank == best_rank && p->priority > best->priority)) {
            best = p;
            best_rank = rank;
        }
    }
    return best;
}

struct adit_pair *adit_checklist_retry(const struct adit_checklist *l)
{
    struct adit_pair *first = NULL;

    for (size_t i = 0; i < l->count; i++) {
        struct adit_pair *p = l->pairs[i];
        if (p->state == ADIT_PAIR_FAILED && (!first || p->again < first->again))
            first = p;
    }
    return first;
}

void adit_checklist_unfreeze(struct adit_checklist *l, uint32_t group)
{
    for (size_t i = 0; i < l->count; i++) {
        if (l->pairs[i]->group == group && l->pairs[i]->state == ADIT_PAIR_FROZEN)
            l->pairs[i]->state = ADIT_PAIR_WAITING;
    }
}

size_t adit_checklist_active(const struct adit_checklist *l)
{
    size_t n = 0;

    for (size_t i = 0; i < l->count; i++)
        n += l->pairs[i]->state != ADIT_PAIR_SUCCEEDED && l->pairs[i]->state != ADIT_PAIR_FAILED;
    return n;
}
