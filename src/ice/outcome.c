#include "base/log.h"
#include "ice/internal.h"

#define CONFLICTS_MAX 16

void adit_ice_switch_role(struct adit_ice *ice, bool controlling)
{
    if (ice->controlling == controlling)
        return;
    adit_debug("ice", "role: now %s", controlling ? "controlling" : "controlled");
    ice->controlling = controlling;
    for (size_t i = 0; i < ice->list.count; i++)
        ice->list.pairs[i]->nominate = false;
    ice->nominee = NULL;
    ice->settle_at = ADIT_NEVER;
    adit_checklist_reprioritise(&ice->list, controlling);
}

/* What the peer sees us as; unknown so far, it is a peer-reflexive candidate of ours (RFC 8445
 * section 7.2.5.3.1). It is never told, and a peer that reports a new one each time fills no more
 * than the table. */
static bool in_use(const struct adit_ice *ice, const struct adit_ice_local *l)
{
    for (size_t i = 0; i < ice->list.count; i++) {
        if (ice->list.pairs[i]->local == l)
            return true;
    }
    return false;
}

static void forget_unused_locals(struct adit_ice *ice)
{
    for (size_t i = ice->local_count; i-- > 0;) {
        struct adit_ice_local *l = ice->locals[i];
        if (l->cand.type == ADIT_CAND_PRFLX && !in_use(ice, l))
            adit_ice_remove_local(ice, l);
    }
}

static void learn_local(struct adit_ice *ice, struct adit_pair *p, const struct adit_addr *mapped)
{
    struct adit_ice_local *l = adit_ice_find_local(ice, p->base, mapped);

    if (!l)
        forget_unused_locals(ice);
    if (!l)
        l = adit_ice_add_local(ice, p->base, ADIT_CAND_PRFLX, p->base->preference, mapped, NULL,
                               false);
    if (l)
        p->local = l;
}

static void succeeded(struct adit_ice *ice, struct adit_pair *p,
                      const struct adit_pair_check *check, const struct adit_addr *mapped,
                      adit_time now)
{
    bool current = check == &p->check;
    uint32_t nomination = ice->controlling ? check->nomination : p->use_candidate;

    /* After a retransmission nobody knows which copy was answered (Karn), only that a check that
     * takes longer than consent lasts (seven copies) must not count as old. */
    p->confirmed = check->sent;
    p->rtt_least = now - check->sent;
    if (check->copies == 1)
        p->rtt = p->rtt_least;
    if (check->copies == 1)
        adit_pair_measured(p, p->rtt_least);
    p->mapped = *mapped;
    if (!p->valid)
        learn_local(ice, p, mapped);
    p->valid = p->heard = true;
    p->failures = 0;
    if (nomination > p->nominated) {
        p->nominated = nomination;
        p->nominate = false;
        if (ice->nominee == p)
            ice->nominee = NULL;
    }
    if (current || !p->nominate) {
        /* A cancelled check is as good, unless the current one has more to say. */
        adit_list_del(&p->triggered);
        p->check.live = false;
        p->state = ADIT_PAIR_SUCCEEDED;
    }
    adit_pair_forget_cancelled(p);
    adit_checklist_unfreeze(&ice->list, p->group);
    adit_ice_review(ice, now);
}

/* RFC 8445 section 7.2.5.1 */
static void role_conflict(struct adit_ice *ice, struct adit_pair *p,
                          const struct adit_pair_check *check, adit_time now)
{
    if (++ice->stats.role_conflicts > CONFLICTS_MAX) { /* one is enough for honest peers */
        adit_ice_pair_failed(ice, p, ADIT_WHY_CONFLICT, now);
        adit_ice_review(ice, now);
        return;
    }
    if (check->controlling == ice->controlling && !ice->remote_lite) {
        ice->tie_breaker = adit_rng_u64(ice->rng);
        adit_ice_switch_role(ice, !ice->controlling);
    }
    adit_checklist_trigger(&ice->list, p);
}

static void pair_response(struct adit_ice *ice, struct adit_pair *p, struct adit_pair_check *check,
                          bool symmetric, const struct adit_stun *msg, adit_time now)
{
    ice->stats.responses_received++;
    p->checks_answered++;
    if (msg->head.class == ADIT_STUN_ERROR && msg->error == 487) {
        check->live = false;
        role_conflict(ice, p, check, now);
        return;
    }
    /* RFC 8445 section 7.2.5.2.1: from where the request went to, or the pair fails. */
    if (msg->head.class == ADIT_STUN_ERROR || !symmetric) {
        adit_ice_pair_failed(ice, p, symmetric ? ADIT_WHY_TURNED_DOWN : ADIT_WHY_ELSEWHERE, now);
        adit_ice_review(ice, now);
        return;
    }
    if (msg->mapped.family == ADIT_FAMILY_NONE)
        return;
    succeeded(ice, p, check, &msg->mapped, now);
}

/* What the peer sees us as has changed while nothing passed: he does not know yet, and the pair
 * that he uses is dead. The controlling side can tell him at once which one it is now. */
static void nominate_again(struct adit_ice *ice, struct adit_pair *p)
{
    if (!ice->controlling || ice->nominee || !p->nominated)
        return;
    ice->nominee = p;
    p->nominate = true;
    adit_checklist_trigger(&ice->list, p);
}

static void consent_answered(struct adit_ice *ice, struct adit_pair *p,
                             const uint8_t id[ADIT_STUN_ID_SIZE], const struct adit_addr *mapped,
                             adit_time now)
{
    bool moved = p->mapped.family && !adit_addr_equal(&p->mapped, mapped);
    bool late = ice->consent.count && ice->doubt_since != ADIT_NEVER;
    adit_time before = p->confirmed;

    adit_consent_answered(&ice->consent, id, now);
    p->confirmed = adit_time_max(before, ice->consent.expires - ADIT_CONSENT_EXPIRY);
    adit_pair_count(p, true);
    if (p->confirmed >= ice->consent.back)
        adit_pair_measured(p, now - p->confirmed);
    adit_ice_mapping_seen(p, mapped, ice->idle && !late ? p->confirmed - before : 0, now);
    if (moved)
        nominate_again(ice, p);
    adit_ice_consider(ice, now);
    adit_ice_select_tick(ice, now);
}

static bool is(const struct adit_pair_check *check, const uint8_t *id)
{
    return check->live && memcmp(check->id, id, ADIT_STUN_ID_SIZE) == 0;
}

static struct adit_pair_check *find_in(struct adit_pair *p, const uint8_t *id)
{
    if (is(&p->check, id))
        return &p->check;
    for (size_t i = 0; i < ADIT_LEN(p->cancelled); i++) {
        if (is(&p->cancelled[i], id))
            return &p->cancelled[i];
    }
    return NULL;
}

static struct adit_pair *find_check(const struct adit_ice *ice, const uint8_t *id,
                                    struct adit_pair_check **ret_check)
{
    for (size_t i = 0; i < ice->list.count; i++) {
        struct adit_pair *p = ice->list.pairs[i];

        *ret_check = find_in(p, id);
        if (*ret_check)
            return p;
    }
    return NULL;
}

bool adit_ice_check_response(struct adit_ice *ice, struct adit_ice_base *base,
                             const struct adit_addr *from, const struct adit_stun_head *head,
                             const void *bytes, size_t n, adit_time now)
{
    const struct adit_stun_auth auth = adit_cred_of_answer(&ice->cred);
    bool consent = ice->consented && adit_consent_knows(&ice->consent, head->id);
    bool probe = ice->consented && adit_pmtu_knows(&ice->pmtu, head->id);
    bool probe_next = ice->next && adit_pmtu_knows(&ice->next_pmtu, head->id);
    struct adit_pair *watched = adit_ice_watch_find(ice, head->id);
    struct adit_pair_check *check = NULL;
    struct adit_pair *p = watched            ? watched
                          : probe_next       ? ice->next
                          : consent || probe ? ice->selected
                                             : find_check(ice, head->id, &check);
    struct adit_stun msg;

    if (!consent && !probe && !p)
        return false;
    probe |= probe_next;
    /* Also an error 400 or 401, which nobody signs: it could come from anyone, so it changes
     * nothing, and the check runs its course. */
    if (adit_stun_decode(&msg, bytes, n, &auth) != ADIT_STUN_OK || !msg.authenticated) {
        ice->stats.dropped_unauthenticated++;
        return true;
    }
    bool symmetric = p && p->base == base && adit_addr_equal(&p->to, from);
    if (probe) {
        if (symmetric && head->class == ADIT_STUN_SUCCESS)
            adit_ice_mtu_answered(ice, head->id, now);
    } else if (watched) {
        if (symmetric && head->class == ADIT_STUN_SUCCESS)
            adit_ice_watch_answered(ice, p, &msg.mapped, now);
    } else if (!consent) {
        pair_response(ice, p, check, symmetric, &msg, now);
    } else if (symmetric && head->class == ADIT_STUN_SUCCESS) {
        ice->stats.responses_received++;
        p->checks_answered++;
        consent_answered(ice, p, head->id, &msg.mapped, now);
    }
    return true;
}

/* The other side had opened it, and would come from another port now: there is nothing to be tried
 * again. */
static void forget_caller(struct adit_ice *ice, const struct adit_ice_base *base,
                          const struct adit_addr *from, struct adit_pair *p)
{
    size_t kept = 0;

    for (size_t i = 0; i < ice->early_count; i++) {
        if (ice->early[i].base != base || !adit_addr_equal(&ice->early[i].from, from))
            ice->early[kept++] = ice->early[i];
    }
    ice->early_count = kept;
    if (p)
        adit_ice_forget_pair(ice, p);
}

void adit_ice_send_failed(struct adit_ice *ice, int base_id, const struct adit_addr *to, int err,
                          adit_time now)
{
    struct adit_ice_base *base = adit_ice_find_base(ice, base_id);
    struct adit_pair *p = base ? adit_checklist_find(&ice->list, base, to) : NULL;

    if (!base || adit_ice_over(ice))
        return;
    adit_ice_probe_unreachable(ice, base, to, now);
    if (base->tcptype == ADIT_TCP_PASSIVE) {
        forget_caller(ice, base, to, p);
        adit_ice_review(ice, now);
    } else if (p && (p->valid || p->state == ADIT_PAIR_IN_PROGRESS)) {
        adit_ice_pair_failed(ice, p, ADIT_WHY_REFUSED, now);
        p->failure_err = err;
        adit_ice_review(ice, now);
    }
    adit_ice_finish(ice, now);
}
