#include "base/log.h"
#include "ice/internal.h"

/* ---- which pair ------------------------------------------------------------------------------ */

static bool better(const struct adit_pair *a, const struct adit_pair *b)
{
    /* The latest nomination; of those that are not numbered, the highest priority (RFC 8445 section
     * 8.1.1, for peers who nominate several). */
    if (!b || a->nominated != b->nominated)
        return !b || a->nominated > b->nominated;
    return a->priority > b->priority;
}

/* What once worked and was not asked since carries no consent (RFC 7675 section 5.1). */
static bool usable(const struct adit_ice *ice, const struct adit_pair *p, adit_time now)
{
    return p->valid && (p == ice->selected || now < p->confirmed + ADIT_CONSENT_EXPIRY);
}

static struct adit_pair *best(const struct adit_ice *ice, const struct adit_pair *but,
                              adit_time now)
{
    struct adit_pair *found = NULL;

    for (size_t i = 0; i < ice->list.count; i++) {
        struct adit_pair *p = ice->list.pairs[i];
        if (p != but && usable(ice, p, now) && better(p, found))
            found = p;
    }
    return found;
}

bool adit_ice_concluded(const struct adit_ice *ice)
{
    return ice->state == ADIT_ICE_CONNECTED && ice->selected && ice->selected->nominated;
}

static void use(struct adit_ice *ice, struct adit_pair *p, adit_time now)
{
    struct adit_pair *before = ice->selected;
    char addr[ADIT_ADDR_STR];

    ice->selected = p;
    ice->before = NULL;
    adit_ice_doubt_none(ice);
    if (!p) {
        ice->next = NULL;
        return;
    }
    adit_debug("ice", "using base %d to %s%s", p->base->id, adit_addr_str(&p->to, addr),
               p->nominated ? ", nominated" : "");
    ice->consented = true;
    adit_consent_start(&ice->consent, ice->rng, p->confirmed, p->rtt, now);
    if (p == ice->next) {
        ice->pmtu = ice->next_pmtu; /* it has been asked already */
        adit_ice_change_made(ice, before, now);
    } else {
        ice->next = NULL;
        adit_pmtu_start(&ice->pmtu, ice->rng, (enum adit_family)p->to.family, now);
    }
    adit_ice_seek_begin(ice, now);
    adit_ice_tell(ice, &(struct adit_ice_event){ .type = ADIT_ICE_EV_SELECTED });
}

static bool more_direct(const struct adit_pair *p, const struct adit_pair *than)
{
    return adit_pair_kind(p) >= ADIT_KIND_TCP && adit_pair_kind(p) > adit_pair_kind(than);
}

/* RFC 8445 section 8.1.2: with a nominated pair the others are let go, unless they could be better
 * than a relay or TCP. They are parked, for they are all there is if that pair dies; an answer to
 * what is under way still counts. */
static void park_others(struct adit_ice *ice)
{
    bool seeking = adit_ice_seeking(ice);

    for (size_t i = 0; i < ice->list.count; i++) {
        struct adit_pair *p = ice->list.pairs[i];
        if (p != ice->selected && p != ice->nominee && adit_list_empty(&p->triggered) &&
            !(seeking && more_direct(p, ice->selected)) &&
            (p->state == ADIT_PAIR_WAITING || p->state == ADIT_PAIR_IN_PROGRESS))
            p->state = ADIT_PAIR_FROZEN;
    }
}

/* The pair in use does not answer: everything else is tried again, and what answers first wins. */
static void revive(struct adit_ice *ice)
{
    adit_ice_set_state(ice, ADIT_ICE_DISCONNECTED, NULL);
    ice->next = NULL;
    if (ice->nominee && ice->nominee != ice->selected) {
        ice->nominee->nominate = false;
        ice->nominee = NULL;
    }
    for (size_t i = 0; i < ice->list.count; i++) {
        struct adit_pair *p = ice->list.pairs[i];
        if (p == ice->selected)
            continue;
        /* It has answered since the other one is silent; the peer may have nominated it already. */
        if (p->valid && ice->doubt_since != ADIT_NEVER && p->confirmed >= ice->doubt_since)
            continue;
        p->valid = false;
        p->nominated = p->use_candidate = 0;
        if (p->state == ADIT_PAIR_SUCCEEDED)
            p->state = ADIT_PAIR_FROZEN;
    }
}

/* ---- nomination: the controlling side alone (RFC 8445 section 8.1.1) ------------------------- */

static bool might_improve(const struct adit_ice *ice, const struct adit_pair *than)
{
    for (size_t i = 0; i < ice->list.count; i++) {
        const struct adit_pair *p = ice->list.pairs[i];
        if (p->priority > than->priority && !p->valid && p->state != ADIT_PAIR_FAILED)
            return true;
    }
    return false;
}

static void nominate(struct adit_ice *ice, adit_time now)
{
    struct adit_pair *p = ice->selected;

    if (!ice->controlling || !p || p->nominated || ice->nominee) {
        ice->settle_at = ADIT_NEVER;
        return;
    }
    if (might_improve(ice, p)) {
        if (ice->settle_at == ADIT_NEVER)
            ice->settle_at = now + adit_time_max(ADIT_ICE_SETTLE, p->rtt);
        if (now < ice->settle_at)
            return;
    }
    ice->settle_at = ADIT_NEVER;
    ice->nominee = p;
    p->nominate = true;
    adit_checklist_trigger(&ice->list, p);
}

/* ---- the whole picture ----------------------------------------------------------------------- */

void adit_ice_review(struct adit_ice *ice, adit_time now)
{
    struct adit_pair *p;

    if (adit_ice_over(ice))
        return;
    if (ice->state == ADIT_ICE_DISCONNECTED && ice->selected && best(ice, ice->selected, now))
        adit_ice_pair_failed(ice, ice->selected, ADIT_WHY_NO_ANSWER,
                             now); /* another one answers, this one does not */
    p = best(ice, NULL, now);
    if (p != ice->selected && !adit_ice_change_waits(ice, p, now)) {
        use(ice, p, now);
        if (p)
            adit_ice_set_state(ice, ADIT_ICE_CONNECTED, NULL);
    }
    if (!ice->selected && ice->state == ADIT_ICE_CONNECTED)
        revive(ice);
    nominate(ice, now);
    adit_ice_watch_choose(ice, now);
    if (adit_ice_concluded(ice)) {
        park_others(ice);
        adit_ice_consider(ice, now);
    }
}

static void fail_silence(struct adit_ice *ice)
{
    struct adit_cause cause;

    adit_cause_set(&cause, ADIT_REASON_SILENCE, 0,
                   "the other side has not answered for 30 seconds");
    adit_ice_set_state(ice, ADIT_ICE_FAILED, &cause);
}

static bool relay_lent(const struct adit_ice *ice)
{
    for (size_t i = 0; i < ice->base_count; i++) {
        if (ice->bases[i]->type == ADIT_CAND_RELAY)
            return true;
    }
    return false;
}

static void fail_no_path(struct adit_ice *ice)
{
    struct adit_cause cause;

    if (ice->path == ADIT_PATH_RELAY && !relay_lent(ice))
        adit_cause_set(&cause, ADIT_REASON_NO_PATH, 0,
                       "only relays may be used (--path relay), and none lent us an address");
    else if (ice->list.count == 0)
        adit_cause_set(&cause, ADIT_REASON_NO_PATH, 0, "%s",
                       ice->base_count ? "the other side named no usable address and never called"
                                       : "there is no network interface to use");
    else
        adit_cause_set(&cause, ADIT_REASON_NO_PATH, 0,
                       "none of %zu pairs of addresses answered, %s", ice->list.count,
                       ice->heard ? "though the other side was heard" : "and nobody called");
    adit_ice_set_state(ice, ADIT_ICE_FAILED, &cause);
}

static void watch_consent(struct adit_ice *ice, adit_time now)
{
    uint8_t id[ADIT_STUN_ID_SIZE];

    switch (adit_consent_health(&ice->consent, now)) {
    case ADIT_CONSENT_EXPIRED:
        fail_silence(ice);
        return;
    case ADIT_CONSENT_MISSING:
        if (ice->state == ADIT_ICE_CONNECTED) {
            revive(ice);
            adit_ice_review(ice, now);
        }
        break;
    case ADIT_CONSENT_FRESH:
        if (ice->selected && ice->state == ADIT_ICE_DISCONNECTED) {
            adit_ice_set_state(ice, ADIT_ICE_CONNECTED, NULL);
            adit_ice_review(ice, now);
        }
        break;
    }
    if (!ice->selected)
        return;
    ice->consent.interval =
        adit_keepalive_limit(&ice->selected->base->keepalive, ADIT_CONSENT_INTERVAL);
    bool unanswered = ice->consent.unanswered;
    if (!adit_consent_tick(&ice->consent, id, now))
        return;
    if (unanswered)
        adit_pair_count(ice->selected, false);
    else
        ice->idle = ice->sends == ice->sends_checked;
    ice->sends_checked = ice->sends;
    adit_ice_send_plain(ice, ice->selected, id, 0, now);
}

static void tell_mtu(struct adit_ice *ice)
{
    if (ice->mtu_told == ice->pmtu.size && ice->mtu_settled_told == ice->pmtu.settled)
        return;
    ice->mtu_told = ice->pmtu.size;
    ice->mtu_settled_told = ice->pmtu.settled;
    adit_ice_tell(ice, &(struct adit_ice_event){ .type = ADIT_ICE_EV_MTU });
}

void adit_ice_mtu_answered(struct adit_ice *ice, const uint8_t id[ADIT_STUN_ID_SIZE], adit_time now)
{
    if (ice->next && adit_pmtu_knows(&ice->next_pmtu, id)) {
        adit_pmtu_answered(&ice->next_pmtu, id, now);
        adit_ice_change_tick(ice, now);
        return;
    }
    adit_pmtu_answered(&ice->pmtu, id, now);
    tell_mtu(ice);
}

static bool mtu_of_next(struct adit_ice *ice, adit_time now)
{
    uint8_t id[ADIT_STUN_ID_SIZE];
    uint16_t size;

    if (!ice->next || !adit_pmtu_tick(&ice->next_pmtu, id, &size, now))
        return false;
    adit_ice_send_plain(ice, ice->next, id, size, now);
    return true;
}

/* Only while the pair answers: what is lost then was too large. */
bool adit_ice_mtu_start(struct adit_ice *ice, adit_time now)
{
    uint8_t id[ADIT_STUN_ID_SIZE];
    uint16_t size;
    bool sends;

    if (!ice->selected || ice->state != ADIT_ICE_CONNECTED)
        return false;
    if (mtu_of_next(ice, now))
        return true;
    sends = adit_pmtu_tick(&ice->pmtu, id, &size, now);
    if (sends)
        adit_ice_send_plain(ice, ice->selected, id, size, now);
    tell_mtu(ice);
    return sends;
}

adit_time adit_ice_mtu_deadline(const struct adit_ice *ice)
{
    adit_time at = ADIT_NEVER;

    if (!ice->selected || ice->state != ADIT_ICE_CONNECTED)
        return at;
    if (ice->next)
        at = adit_pmtu_deadline(&ice->next_pmtu);
    return adit_time_min(at, adit_pmtu_deadline(&ice->pmtu));
}

void adit_ice_select_tick(struct adit_ice *ice, adit_time now)
{
    if (ice->consented) {
        adit_ice_doubt_tick(ice, now);
        watch_consent(ice, now);
    }
    if (!adit_ice_over(ice))
        adit_ice_change_tick(ice, now);
    if (ice->state == ADIT_ICE_CHECKING && now >= ice->give_up_at)
        fail_no_path(ice);
    if (!adit_ice_over(ice) && now >= ice->settle_at)
        nominate(ice, now);
}

adit_time adit_ice_select_deadline(const struct adit_ice *ice, adit_time now)
{
    adit_time at = adit_time_min(ice->settle_at, adit_ice_change_deadline(ice));

    if (ice->state == ADIT_ICE_CHECKING)
        at = adit_time_min(at, ice->give_up_at);
    if (ice->consented)
        at = adit_time_min(at, ice->selected ? adit_consent_deadline(&ice->consent, now)
                                             : ice->consent.expires);
    at = adit_time_min(at, adit_ice_doubt_deadline(ice));
    return at;
}
