#include "base/log.h"
#include "ice/internal.h"

#define RETRY_FIRST   (2500 * ADIT_MS)
#define RETRY_MAX     (10 * ADIT_SEC)
#define CONFLICTS_MAX 16
/* While a person may take his time: the longest silence on a pair, and the packets per second of
 * all pairs together from which it grows. */
#define PATIENT_GAP   (2500 * ADIT_MS)
#define PATIENT_RATE  8

/* ---- sending --------------------------------------------------------------------------------- */

static size_t compose(const struct adit_ice *ice, const struct adit_ice_base *base,
                      struct adit_stun_out *out, const uint8_t *id, bool nominate, size_t size)
{
    struct adit_span username = adit_ice_span(ice->username_out);

    adit_stun_begin(out, ADIT_STUN_REQUEST, ADIT_STUN_BINDING, id);
    adit_stun_add(out, ADIT_STUN_USERNAME, username.data, username.len);
    /* RFC 8445 section 7.1.1: what a peer-reflexive candidate learned from it would have. */
    adit_stun_add32(out, ADIT_STUN_PRIORITY, adit_cand_priority(ADIT_CAND_PRFLX, base->preference));
    adit_stun_add64(out, ice->controlling ? ADIT_STUN_ICE_CONTROLLING : ADIT_STUN_ICE_CONTROLLED,
                    ice->tie_breaker);
    if (nominate)
        adit_stun_add(out, ADIT_STUN_USE_CANDIDATE, NULL, 0);
    adit_stun_pad(out, size);
    return adit_stun_finish(out, adit_ice_span(ice->remote_pwd));
}

static void send_check(struct adit_ice *ice, struct adit_pair *p, adit_time now)
{
    struct adit_stun_out out;

    p->check.copies++;
    p->check.sent = now;
    compose(ice, p->base, &out, p->check.id, p->check.nominates, 0);
    ice->stats.checks_sent++;
    adit_ice_emit(ice, p->base, &p->to, out.bytes, out.len);
}

void adit_ice_send_plain(struct adit_ice *ice, const uint8_t id[ADIT_STUN_ID_SIZE], size_t size)
{
    const struct adit_pair *p = ice->selected;
    struct adit_stun_out out;

    compose(ice, p->base, &out, id, false, size);
    ice->stats.checks_sent++;
    adit_ice_emit(ice, p->base, &p->to, out.bytes, out.len);
}

/* Whoever turns up late behind a NAT that lets in only those whom he has called is found by our
 * next packet; so with a patience beyond RFC 8863's the gaps stop growing. */
static bool patient(const struct adit_ice *ice)
{
    return ice->patience > ADIT_ICE_PATIENCE && ice->state == ADIT_ICE_CHECKING;
}

static adit_time gap_max(const struct adit_ice *ice)
{
    if (!patient(ice))
        return ADIT_NEVER;
    return adit_time_max(PATIENT_GAP, ice->list.count * ADIT_SEC / PATIENT_RATE);
}

static void start(struct adit_ice *ice, struct adit_pair *p, adit_time now)
{
    adit_list_del(&p->triggered);
    if (p->check.live)
        p->cancelled = p->check;
    p->check = (struct adit_pair_check){ .live = true,
                                         .nominates = p->nominate && ice->controlling,
                                         .controlling = ice->controlling };
    adit_rng_bytes(ice->rng, p->check.id, sizeof p->check.id);
    p->state = ADIT_PAIR_IN_PROGRESS;
    /* RFC 8445 section 14.3: RTO = MAX (500 ms, Ta * (Num-Waiting + Num-In-Progress)) */
    adit_retry_start(&p->retry,
                     adit_time_max(ice->rto, ice->ta * adit_checklist_active(&ice->list)),
                     gap_max(ice), now);
    send_check(ice, p, now);
}

/* Failed pairs are tried again while somebody may still turn up at the other end: a person who has
 * not pasted yet, a NAT that had not opened, a peer that moved. */
static bool retrying(const struct adit_ice *ice)
{
    return ice->state == ADIT_ICE_CHECKING || ice->state == ADIT_ICE_DISCONNECTED;
}

bool adit_ice_check_start(struct adit_ice *ice, bool triggered_only, adit_time now)
{
    struct adit_pair *p;

    if (!ice->remote_set)
        return false;
    if (!adit_list_empty(&ice->list.triggered)) {
        p = adit_container_of(ice->list.triggered.next, struct adit_pair, triggered);
        start(ice, p, now);
        return true;
    }
    if (triggered_only || adit_ice_concluded(ice))
        return false;
    p = adit_checklist_next(&ice->list);
    if (!p && retrying(ice)) {
        p = adit_checklist_retry(&ice->list);
        if (p && now < p->again)
            p = NULL;
    }
    if (p)
        start(ice, p, now);
    return p != NULL;
}

void adit_ice_check_tick(struct adit_ice *ice, adit_time now)
{
    bool failed = false;

    for (size_t i = 0; i < ice->list.count; i++) {
        struct adit_pair *p = ice->list.pairs[i];
        if (p->state != ADIT_PAIR_IN_PROGRESS)
            continue;
        switch (adit_retry_tick(&p->retry, now)) {
        case ADIT_RETRY_WAIT:
            break;
        case ADIT_RETRY_SEND:
            send_check(ice, p, now);
            break;
        case ADIT_RETRY_GIVE_UP:
            adit_ice_pair_failed(ice, p, now);
            failed = true;
            break;
        }
    }
    if (failed)
        adit_ice_review(ice, now);
}

void adit_ice_check_deadline(const struct adit_ice *ice, adit_time *ret_retry, adit_time *ret_new)
{
    const struct adit_pair *again;

    *ret_retry = *ret_new = ADIT_NEVER;
    if (!ice->remote_set)
        return;
    for (size_t i = 0; i < ice->list.count; i++) {
        if (ice->list.pairs[i]->state == ADIT_PAIR_IN_PROGRESS)
            *ret_retry = adit_time_min(*ret_retry, ice->list.pairs[i]->retry.next);
    }
    if (!adit_list_empty(&ice->list.triggered) ||
        (!adit_ice_concluded(ice) && adit_checklist_next(&ice->list))) {
        *ret_new = 0;
    } else if (retrying(ice)) {
        again = adit_checklist_retry(&ice->list);
        *ret_new = again ? again->again : ADIT_NEVER;
    }
}

/* ---- outcomes -------------------------------------------------------------------------------- */

void adit_ice_pair_failed(struct adit_ice *ice, struct adit_pair *p, adit_time now)
{
    adit_time wait = RETRY_FIRST;

    /* Refused at once, again and again: slower, so that there are no more sends than the seven that
     * silence would have cost. */
    if (p->retry.sends < ADIT_RETRY_SENDS_MAX)
        wait = adit_time_min(RETRY_FIRST << (p->failures < 2 ? p->failures : 2), RETRY_MAX);
    wait = adit_time_min(wait, gap_max(ice));
    if (patient(ice) && p->retry.sends == ADIT_RETRY_SENDS_MAX)
        wait = 0; /* the pause was behind the last copy */
    adit_list_del(&p->triggered);
    p->state = ADIT_PAIR_FAILED;
    p->check.live = p->cancelled.live = false;
    p->valid = p->nominated = p->nominate = false;
    p->local = p->base->host;
    p->failures++;
    p->again = now + wait;
    if (ice->nominee == p)
        ice->nominee = NULL;
}

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

    /* After a retransmission nobody knows which copy was answered (Karn), only that a check that
     * takes longer than consent lasts (seven copies) must not count as old. */
    p->confirmed = check->sent;
    if (check->copies == 1)
        p->rtt = now - check->sent;
    if (!p->valid)
        learn_local(ice, p, mapped);
    p->valid = p->heard = true;
    p->failures = 0;
    if ((check->nominates && ice->controlling) || (p->use_candidate && !ice->controlling)) {
        p->nominated = true;
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
    p->cancelled.live = false;
    adit_checklist_unfreeze(&ice->list, p->group);
    adit_ice_review(ice, now);
}

/* RFC 8445 section 7.2.5.1 */
static void role_conflict(struct adit_ice *ice, struct adit_pair *p,
                          const struct adit_pair_check *check, adit_time now)
{
    if (++ice->stats.role_conflicts > CONFLICTS_MAX) { /* one is enough for honest peers */
        adit_ice_pair_failed(ice, p, now);
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
    if (msg->head.class == ADIT_STUN_ERROR && msg->error == 487) {
        check->live = false;
        role_conflict(ice, p, check, now);
        return;
    }
    /* RFC 8445 section 7.2.5.2.1: from where the request went to, or the pair fails. */
    if (msg->head.class == ADIT_STUN_ERROR || !symmetric) {
        adit_ice_pair_failed(ice, p, now);
        adit_ice_review(ice, now);
        return;
    }
    if (msg->mapped.family == ADIT_FAMILY_NONE)
        return;
    succeeded(ice, p, check, &msg->mapped, now);
}

static struct adit_pair *find_check(const struct adit_ice *ice, const uint8_t *id,
                                    struct adit_pair_check **ret_check)
{
    for (size_t i = 0; i < ice->list.count; i++) {
        struct adit_pair *p = ice->list.pairs[i];
        struct adit_pair_check *both[] = { &p->check, &p->cancelled };

        for (size_t k = 0; k < ADIT_LEN(both); k++) {
            if (both[k]->live && memcmp(both[k]->id, id, ADIT_STUN_ID_SIZE) == 0) {
                *ret_check = both[k];
                return p;
            }
        }
    }
    return NULL;
}

bool adit_ice_check_response(struct adit_ice *ice, struct adit_ice_base *base,
                             const struct adit_addr *from, const struct adit_stun_head *head,
                             const void *bytes, size_t n, adit_time now)
{
    const struct adit_stun_auth auth = { .key = adit_ice_span(ice->remote_pwd),
                                         .fingerprint = true };
    bool consent = ice->consented && adit_consent_knows(&ice->consent, head->id);
    bool probe = ice->consented && adit_pmtu_knows(&ice->pmtu, head->id);
    struct adit_pair_check *check = NULL;
    struct adit_pair *p = consent || probe ? ice->selected : find_check(ice, head->id, &check);
    struct adit_stun msg;

    if (!consent && !probe && !p)
        return false;
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
    } else if (!consent) {
        pair_response(ice, p, check, symmetric, &msg, now);
    } else if (symmetric && head->class == ADIT_STUN_SUCCESS) {
        ice->stats.responses_received++;
        adit_consent_answered(&ice->consent, head->id, now);
        p->confirmed = ice->consent.expires - ADIT_CONSENT_EXPIRY;
        adit_ice_select_tick(ice, now);
    }
    return true;
}

void adit_ice_send_failed(struct adit_ice *ice, int base_id, const struct adit_addr *to,
                          adit_time now)
{
    struct adit_ice_base *base = adit_ice_find_base(ice, base_id);
    struct adit_pair *p = base ? adit_checklist_find(&ice->list, base, to) : NULL;

    if (!base || adit_ice_over(ice))
        return;
    adit_ice_probe_unreachable(ice, base, to, now);
    if (p && (p->valid || p->state == ADIT_PAIR_IN_PROGRESS)) {
        adit_ice_pair_failed(ice, p, now);
        adit_ice_review(ice, now);
    }
    adit_ice_finish(ice, now);
}
