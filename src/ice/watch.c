/* watch - pairs that are not in use are asked now and then, so that it is known which of them work
 * and how well: one of them, the backup, stands in at once when the one in use falls silent.
 *
 * Silent means: something of ours left, and nothing came for 0.7 s or three round trips; or a
 * consent check was not answered for a second. Who only answers is never owed an answer: when what
 * came to him all the time stops coming, he asks. Then both are asked four times a second. When the
 * pair in use has left three questions and another 0.7 s unanswered, and the backup has answered
 * one, the backup is used: before SCTP, which repeats after 0.4, 1.2 and 2.8 s, has to wait for
 * long. */
#include "base/log.h"
#include "ice/internal.h"

#define WATCHED_MAX  2              /* the backup, and the best of the others */
#define MEASURE      ADIT_SEC       /* between the first checks of a pair, until it is known */
#define HOPEFUL      (2 * ADIT_SEC) /* of one that will be used when it may */
#define LATE         ADIT_SEC
#define MISSES_MAX   3
#define LOOK         (250 * ADIT_MS)
#define FLOW         4 /* looks in a row that found something new: it came all the time */
#define SILENT       (700 * ADIT_MS)
#define DOUBT_CHECKS 3

static adit_time jittered(struct adit_ice *ice, adit_time t)
{
    return t * (800 + adit_rng_below(ice->rng, 401)) / 1000;
}

static adit_time grace(const struct adit_pair *p, adit_time least)
{
    return adit_time_max(least, 3 * p->srtt);
}

static adit_time interval(struct adit_ice *ice, const struct adit_pair *p)
{
    enum adit_why why;

    if (p->samples < ADIT_PATH_SAMPLES)
        return jittered(ice, MEASURE);
    if (ice->controlling && !ice->obstinate && adit_ice_prefers(ice, p, &why))
        return jittered(ice, HOPEFUL);
    return jittered(ice, adit_keepalive_limit(&p->base->keepalive, ADIT_KEEPALIVE_MAX));
}

/* ---- which pairs ----------------------------------------------------------------------------- */

static bool works(const struct adit_ice *ice, const struct adit_pair *p, adit_time now)
{
    return p->valid && p != ice->selected && now < p->confirmed + ADIT_CONSENT_EXPIRY;
}

/* What dies with the pair in use is no backup: another socket of ours counts most. */
unsigned adit_ice_backup_worth(const struct adit_ice *ice, const struct adit_pair *p)
{
    const struct adit_pair *used = ice->selected;

    return 4 * (p->base != used->base && !adit_addr_equal_ip(&p->base->addr, &used->base->addr)) +
           2 * !adit_pair_relayed(p) + !adit_addr_equal_ip(&p->to, &used->to);
}

static struct adit_pair *best_backup(const struct adit_ice *ice, adit_time now)
{
    struct adit_pair *best = ice->backup && works(ice, ice->backup, now) ? ice->backup : NULL;

    for (size_t i = 0; i < ice->list.count; i++) {
        struct adit_pair *p = ice->list.pairs[i];
        if (!works(ice, p, now))
            continue;
        if (!best || adit_ice_backup_worth(ice, p) > adit_ice_backup_worth(ice, best) ||
            (best != ice->backup &&
             adit_ice_backup_worth(ice, p) == adit_ice_backup_worth(ice, best) &&
             p->priority > best->priority))
            best = p;
    }
    return best;
}

static struct adit_pair *best_unwatched(const struct adit_ice *ice, adit_time now)
{
    struct adit_pair *best = NULL;

    for (size_t i = 0; i < ice->list.count; i++) {
        struct adit_pair *p = ice->list.pairs[i];
        if (!works(ice, p, now) || p->watch.chosen)
            continue;
        if (!best || adit_pair_kind(p) > adit_pair_kind(best) ||
            (adit_pair_kind(p) == adit_pair_kind(best) && p->priority > best->priority))
            best = p;
    }
    return best;
}

static void begin(struct adit_ice *ice, struct adit_pair *p)
{
    p->watch = (struct adit_pair_watch){ .on = true, .chosen = true };
    p->watch.next = p->confirmed + interval(ice, p);
}

void adit_ice_watch_choose(struct adit_ice *ice, adit_time now)
{
    struct adit_pair *p = NULL;

    for (size_t i = 0; i < ice->list.count; i++)
        ice->list.pairs[i]->watch.chosen = false;
    if (ice->selected)
        p = best_backup(ice, now);
    ice->backup = p;
    for (unsigned i = 0; p && i < WATCHED_MAX; i++) {
        p->watch.chosen = true;
        if (!p->watch.on)
            begin(ice, p);
        p = best_unwatched(ice, now);
    }
    for (size_t i = 0; i < ice->list.count; i++)
        ice->list.pairs[i]->watch.on = ice->list.pairs[i]->watch.chosen;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void missed(struct adit_ice *ice, struct adit_pair *p, adit_time now)
{
    p->watch.waits = false;
    adit_pair_count(p, false);
    if (++p->watch.misses < MISSES_MAX)
        return;
    if (p->samples > 1 && p->state == ADIT_PAIR_SUCCEEDED && p->watch.first > p->confirmed)
        adit_keepalive_died(&p->base->keepalive, p->watch.first - p->confirmed, now);
    adit_ice_pair_failed(ice, p, ADIT_WHY_NO_ANSWER, now);
    adit_ice_review(ice, now);
}

static void ask(struct adit_ice *ice, struct adit_pair *p, adit_time now)
{
    adit_time late = ice->doubt_since == ADIT_NEVER ? LATE : LOOK;

    adit_rng_bytes(ice->rng, p->watch.id, sizeof p->watch.id);
    p->watch.waits = true;
    p->watch.sent = now;
    if (!p->watch.misses)
        p->watch.first = now;
    p->watch.next = now + grace(p, late);
    adit_ice_send_plain(ice, p, p->watch.id, 0, now);
}

bool adit_ice_watch_start(struct adit_ice *ice, adit_time now)
{
    for (size_t i = 0; i < ice->list.count; i++) {
        struct adit_pair *p = ice->list.pairs[i];
        if (!p->watch.on || now < p->watch.next)
            continue;
        if (p->watch.waits)
            missed(ice, p, now);
        if (!p->valid || !p->watch.on)
            return false; /* the list has changed */
        ask(ice, p, now);
        return true;
    }
    return false;
}

struct adit_pair *adit_ice_watch_find(const struct adit_ice *ice,
                                      const uint8_t id[ADIT_STUN_ID_SIZE])
{
    for (size_t i = 0; i < ice->list.count; i++) {
        struct adit_pair *p = ice->list.pairs[i];
        if (p->watch.on && p->watch.waits && memcmp(p->watch.id, id, ADIT_STUN_ID_SIZE) == 0)
            return p;
    }
    return NULL;
}

/* How long nothing had passed before the check that was sent at this time, and what that did. */
void adit_ice_mapping_seen(struct adit_pair *p, const struct adit_addr *mapped, adit_time silence,
                           adit_time now)
{
    bool known = p->mapped.family != ADIT_FAMILY_NONE;

    if (known && silence && !adit_addr_equal(&p->mapped, mapped))
        adit_keepalive_died(&p->base->keepalive, silence, now);
    else if (known && silence)
        adit_keepalive_kept(&p->base->keepalive, silence, now);
    p->mapped = *mapped;
}

void adit_ice_watch_answered(struct adit_ice *ice, struct adit_pair *p,
                             const struct adit_addr *mapped, adit_time now)
{
    p->watch.waits = false;
    p->checks_answered++;
    adit_pair_count(p, true);
    adit_pair_measured(p, now - p->watch.sent);
    adit_ice_mapping_seen(p, mapped, p->watch.misses ? 0 : p->watch.sent - p->confirmed, now);
    p->confirmed = p->watch.sent;
    p->watch.misses = 0;
    p->watch.next = now + interval(ice, p);
    adit_ice_consider(ice, now);
    adit_ice_doubt_tick(ice, now);
}

/* ---- is the pair in use silent? -------------------------------------------------------------- */

static adit_time heard_at(const struct adit_ice *ice)
{
    return adit_time_max(ice->consent.heard, ice->selected->data_at);
}

static void look(struct adit_ice *ice, adit_time now)
{
    bool sent = ice->sends != ice->sends_seen, came = ice->selected->data_at + LOOK > ice->look_at;

    if (now < ice->look_at)
        return;
    if (!came && ice->flow == FLOW) { /* it has stopped: because of the path? */
        if (!ice->consent.unanswered)
            ice->consent.next = now;
        sent = true;
    }
    ice->flow = !came ? 0 : ice->flow < FLOW ? ice->flow + 1 : FLOW;
    ice->look_at = now + LOOK;
    ice->sends_seen = ice->sends;
    if (ice->waiting_since != ADIT_NEVER && heard_at(ice) > ice->waiting_since)
        ice->waiting_since = ADIT_NEVER;
    else if (sent && ice->waiting_since == ADIT_NEVER)
        ice->waiting_since = now;
}

static bool silent(const struct adit_ice *ice, adit_time now)
{
    const struct adit_consent *c = &ice->consent;
    adit_time least = grace(ice->selected, SILENT);

    if (ice->waiting_since != ADIT_NEVER && heard_at(ice) <= ice->waiting_since &&
        now >= ice->waiting_since + least)
        return true;
    return c->unanswered && now >= c->first_miss && heard_at(ice) + least <= c->first_miss;
}

static void ask_both(struct adit_ice *ice, adit_time now)
{
    struct adit_pair *b = ice->backup;

    if (now < ice->doubt_at)
        return;
    ice->doubt_at = now + LOOK;
    ice->consent.next = now;
    if (++ice->doubt_checks == DOUBT_CHECKS)
        adit_ice_probe_again(ice, now); /* perhaps it is we who have another address */
    if (b && b->confirmed < ice->doubt_since)
        b->watch.next = adit_time_min(b->watch.next, b->watch.waits ? b->watch.sent + LOOK : now);
}

/* What was not asked since may be as dead as the pair in use. */
static void distrust(struct adit_ice *ice)
{
    for (size_t i = 0; i < ice->list.count; i++) {
        struct adit_pair *p = ice->list.pairs[i];
        if (p == ice->selected || !p->valid || p->confirmed >= ice->doubt_since)
            continue;
        p->valid = p->nominate = false;
        p->nominated = p->use_candidate = 0;
        p->state = ADIT_PAIR_FROZEN;
        if (p == ice->nominee)
            ice->nominee = NULL;
    }
}

static void fail_over(struct adit_ice *ice, adit_time now)
{
    if (ice->doubt_checks <= DOUBT_CHECKS || now < ice->doubt_since + grace(ice->selected, SILENT))
        return;
    if (!ice->backup || !ice->backup->valid || ice->backup->confirmed < ice->doubt_since) {
        if (!ice->doubt_told)
            adit_ice_tell(ice, &(struct adit_ice_event){ .type = ADIT_ICE_EV_SILENT });
        ice->doubt_told = true;
        return;
    }
    adit_debug("ice", "the pair in use is silent, its backup is not");
    distrust(ice);
    adit_ice_pair_failed(ice, ice->selected, ADIT_WHY_NO_ANSWER, now);
    adit_ice_review(ice, now);
}

void adit_ice_doubt_tick(struct adit_ice *ice, adit_time now)
{
    if (!ice->consented || !ice->selected)
        return;
    look(ice, now);
    if (!silent(ice, now)) {
        ice->doubt_since = ADIT_NEVER;
        return;
    }
    if (ice->doubt_since == ADIT_NEVER) {
        ice->doubt_since = ice->doubt_at = now;
        ice->doubt_checks = 0;
        ice->doubt_told = false;
    }
    ask_both(ice, now);
    fail_over(ice, now);
}

void adit_ice_back(struct adit_ice *ice, adit_time now)
{
    if (adit_ice_over(ice) || !ice->consented || !ice->selected)
        return;
    adit_consent_back(&ice->consent, now);
    for (size_t i = 0; i < ice->list.count; i++) {
        struct adit_pair *p = ice->list.pairs[i];
        p->watch.waits = false;
        p->watch.next = now;
    }
    /* As if something had left in time and were not answered: what comes in now says else. */
    ice->waiting_since = now - grace(ice->selected, SILENT);
    adit_ice_doubt_tick(ice, now);
    adit_ice_probe_again(ice, now);
    adit_ice_finish(ice, now);
}

bool adit_ice_unanswered(const struct adit_ice *ice)
{
    return adit_ice_over(ice) || !ice->selected ||
           (ice->doubt_since != ADIT_NEVER && heard_at(ice) < ice->doubt_since);
}

void adit_ice_doubt_none(struct adit_ice *ice)
{
    ice->waiting_since = ice->doubt_since = ADIT_NEVER;
    ice->flow = 0;
}

adit_time adit_ice_watch_next(const struct adit_ice *ice)
{
    adit_time at = ADIT_NEVER;

    for (size_t i = 0; i < ice->list.count; i++) {
        const struct adit_pair *p = ice->list.pairs[i];
        if (p->watch.on)
            at = adit_time_min(at, p->watch.next);
    }
    return at;
}

adit_time adit_ice_doubt_deadline(const struct adit_ice *ice)
{
    const struct adit_consent *c = &ice->consent;
    adit_time at = ADIT_NEVER;

    if (!ice->consented || !ice->selected)
        return at;
    if (ice->doubt_since != ADIT_NEVER)
        at = ice->doubt_at;
    else if (c->unanswered && heard_at(ice) + grace(ice->selected, SILENT) <= c->first_miss)
        at = c->first_miss;
    if (ice->waiting_since != ADIT_NEVER || ice->flow || ice->sends != ice->sends_seen)
        at = adit_time_min(at, ice->look_at);
    return at;
}
