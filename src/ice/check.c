#include "base/log.h"
#include "ice/internal.h"

#define RETRY_FIRST     (2500 * ADIT_MS)
#define RETRY_MAX       (10 * ADIT_SEC)
#define REPEAT_RTTS     3
/* While a person may take his time: the silence on a pair is a fortieth of the time he has taken,
 * within limits, and longer when that would be more packets per second of all pairs together. */
#define PATIENT_PART    40
#define PATIENT_GAP_MIN (500 * ADIT_MS)
#define PATIENT_GAP_MAX (2500 * ADIT_MS)
#define PATIENT_RATE    8

/* ---- sending --------------------------------------------------------------------------------- */

static size_t compose(const struct adit_ice *ice, const struct adit_ice_base *base,
                      struct adit_stun_out *out, const uint8_t *id, uint32_t nomination,
                      size_t size)
{
    adit_cred_begin_check(&ice->cred, out, id);
    /* RFC 8445 section 7.1.1: what a peer-reflexive candidate learned from it would have. One that
     * is at a relay must not look better than it is. */
    adit_stun_add32(
        out, ADIT_STUN_PRIORITY,
        adit_base_priority(base, base->type == ADIT_CAND_RELAY ? ADIT_CAND_RELAY : ADIT_CAND_PRFLX,
                           base->preference));
    adit_stun_add64(out, ice->controlling ? ADIT_STUN_ICE_CONTROLLING : ADIT_STUN_ICE_CONTROLLED,
                    ice->tie_breaker);
    if (nomination) {
        adit_stun_add(out, ADIT_STUN_USE_CANDIDATE, NULL, 0);
        adit_stun_add32(out, ADIT_STUN_NOMINATION, nomination);
    }
    adit_stun_pad(out, size);
    return adit_cred_finish_check(&ice->cred, out);
}

/* Relays see the peer's addresses, the routers on the way only the relay's. */
static bool took(struct adit_ice *ice, const struct adit_pair *p, adit_time now)
{
    return p->base->type == ADIT_CAND_RELAY ||
           adit_tuples_take(&ice->tuples, p->base->id, &p->to, now);
}

static void send_check(struct adit_ice *ice, struct adit_pair *p, adit_time now)
{
    struct adit_stun_out out;

    p->check.copies++;
    p->checks_sent++;
    p->check.sent = now;
    took(ice, p, now);
    compose(ice, p->base, &out, p->check.id, p->check.nomination, 0);
    ice->stats.checks_sent++;
    adit_ice_emit(ice, p->base, &p->to, out.bytes, out.len);
}

void adit_ice_send_plain(struct adit_ice *ice, struct adit_pair *p,
                         const uint8_t id[ADIT_STUN_ID_SIZE], size_t size, adit_time now)
{
    struct adit_stun_out out;

    (void)took(ice, p, now); /* it has been called before: this only says when */
    compose(ice, p->base, &out, id, 0, size);
    ice->stats.checks_sent++;
    p->checks_sent++;
    adit_ice_emit(ice, p->base, &p->to, out.bytes, out.len);
}

/* Whoever turns up late behind a NAT that lets in only those whom he has called is found by our
 * next packet; so with a patience beyond RFC 8863's the gaps stay small. */
static bool patient(const struct adit_ice *ice)
{
    return ice->patience > ADIT_ICE_PATIENCE && ice->state == ADIT_ICE_CHECKING;
}

static adit_time gap_max(const struct adit_ice *ice, adit_time now)
{
    adit_time gap;

    if (!patient(ice))
        return ADIT_NEVER;
    gap = (now + ice->patience - ice->give_up_at) / PATIENT_PART;
    gap = adit_time_min(adit_time_max(gap, PATIENT_GAP_MIN), PATIENT_GAP_MAX);
    return adit_time_max(gap, ice->list.count * ADIT_SEC / PATIENT_RATE);
}

/* RFC 8445 section 7.3.1.4: cancelled, a check is not sent again, but its answer counts. */
static void cancel(struct adit_pair *p, adit_time now)
{
    struct adit_pair_check *place = adit_pair_place(p, now);

    if (!p->check.live)
        return;
    if (!place) { /* what must be said now, a nomination or a new role, does not wait */
        place = &p->cancelled[0];
        for (size_t i = 1; i < ADIT_LEN(p->cancelled); i++) {
            if (p->cancelled[i].sent < place->sent)
                place = &p->cancelled[i];
        }
    }
    *place = p->check;
}

static void begin(struct adit_ice *ice, struct adit_pair *p, adit_time now)
{
    cancel(p, now);
    p->check = (struct adit_pair_check){ .live = true, .controlling = ice->controlling };
    if (p->nominate && ice->controlling)
        p->check.nomination = ++ice->nominations;
    adit_rng_bytes(ice->rng, p->check.id, sizeof p->check.id);
}

/* The first check of a pair opens our NAT, and is lost if the other side has not opened its own. A
 * description takes about as long to get there by way of a signaling server: then a second one
 * follows, where the first retransmission would have been half a second later. It is a transaction
 * of its own, paced as all are, for no copy of one follows the other in less than 500 ms (RFC 8445
 * section 14.3). */
static adit_time when_to_repeat(const struct adit_ice *ice, const struct adit_pair *p,
                                adit_time now)
{
    adit_time wait = REPEAT_RTTS * ice->stun_rtt;
    bool first =
        !p->heard && p->failures == 0 && !p->check.live && p->base->transport == ADIT_TRANSPORT_UDP;

    return first && wait && wait < ice->rto ? now + wait : ADIT_NEVER;
}

static struct adit_pair *next_repeat(const struct adit_ice *ice)
{
    struct adit_pair *first = NULL;

    for (size_t i = 0; i < ice->list.count; i++) {
        struct adit_pair *p = ice->list.pairs[i];
        if (p->state == ADIT_PAIR_IN_PROGRESS && p->repeat != ADIT_NEVER &&
            (!first || p->repeat < first->repeat))
            first = p;
    }
    return first;
}

static void repeat(struct adit_ice *ice, struct adit_pair *p, adit_time now)
{
    begin(ice, p, now);
    p->repeat = ADIT_NEVER;
    adit_retry_hurry(&p->retry, now);
    send_check(ice, p, now);
}

static bool start(struct adit_ice *ice, struct adit_pair *p, adit_time now)
{
    adit_list_del(&p->triggered);
    if (!took(ice, p, now)) {
        adit_ice_pair_failed(ice, p, ADIT_WHY_NO_ROOM, now);
        return false;
    }
    p->repeat = when_to_repeat(ice, p, now);
    begin(ice, p, now);
    p->state = ADIT_PAIR_IN_PROGRESS;
    /* RFC 8445 section 14.3: RTO = MAX (500 ms, Ta * (Num-Waiting + Num-In-Progress)) */
    if (p->base->transport == ADIT_TRANSPORT_TCP)
        adit_tcp_retry_start(&p->retry, now);
    else
        adit_retry_start(&p->retry,
                         adit_time_max(ice->rto, ice->ta * adit_checklist_active(&ice->list)),
                         gap_max(ice, now), now);
    send_check(ice, p, now);
    return true;
}

bool adit_ice_check_once(struct adit_ice *ice, struct adit_pair *p, adit_time until, adit_time now)
{
    if (!start(ice, p, now))
        return false;
    p->repeat = ADIT_NEVER;
    p->retry.sends = ADIT_RETRY_SENDS_MAX;
    p->retry.next = until;
    return true;
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

    if (!ice->cred.complete)
        return false;
    if (!adit_list_empty(&ice->list.triggered)) {
        p = adit_container_of(ice->list.triggered.next, struct adit_pair, triggered);
        return start(ice, p, now);
    }
    if (triggered_only || adit_ice_concluded(ice))
        return false;
    p = adit_checklist_next(&ice->list);
    if (!p) {
        p = next_repeat(ice);
        if (p && now >= p->repeat) {
            repeat(ice, p, now);
            return true;
        }
        p = NULL;
    }
    if (!p && retrying(ice)) {
        p = adit_checklist_retry(&ice->list);
        if (p && now < p->again)
            p = NULL;
    }
    return p && start(ice, p, now);
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
            p->repeat = ADIT_NEVER;
            send_check(ice, p, now);
            break;
        case ADIT_RETRY_GIVE_UP:
            adit_ice_pair_failed(ice, p, ADIT_WHY_NO_ANSWER, now);
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
    if (!ice->cred.complete)
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
    again = next_repeat(ice);
    if (again && !adit_ice_concluded(ice))
        *ret_new = adit_time_min(*ret_new, again->repeat);
}

/* ---- a pair that fails ----------------------------------------------------------------------- */

void adit_ice_pair_failed(struct adit_ice *ice, struct adit_pair *p, enum adit_why why,
                          adit_time now)
{
    adit_time wait = RETRY_FIRST;
    bool tcp = p->base->transport == ADIT_TRANSPORT_TCP;

    /* Refused at once, again and again: slower, so that there are no more sends than the seven that
     * silence would have cost. */
    if (tcp || p->retry.sends < ADIT_RETRY_SENDS_MAX)
        wait = adit_time_min(RETRY_FIRST << (p->failures < 2 ? p->failures : 2), RETRY_MAX);
    wait = adit_time_min(wait, gap_max(ice, now));
    if (tcp && p->valid)
        wait = ADIT_TCP_AGAIN;
    if (!tcp && patient(ice) && p->retry.sends == ADIT_RETRY_SENDS_MAX)
        wait = 0; /* the pause was behind the last copy */
    adit_list_del(&p->triggered);
    p->state = ADIT_PAIR_FAILED;
    p->check.live = false;
    adit_pair_forget_cancelled(p);
    p->valid = p->nominate = false;
    p->nominated = 0;
    p->watch.on = false;
    p->local = p->base->own;
    p->failures++;
    p->failure = why;
    p->again = now + wait;
    if (ice->nominee == p)
        ice->nominee = NULL;
    if (ice->next == p)
        ice->next = NULL;
    if (ice->backup == p)
        ice->backup = NULL;
}
