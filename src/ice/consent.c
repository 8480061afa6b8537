#include "ice/consent.h"

#define HURRY_GAP ADIT_SEC
#define LATE_GAP  ADIT_SEC /* between checks while they go unanswered */

/* RFC 7675 section 5.1: a random factor between 0.8 and 1.2, so that peers do not fall into step.
 */
static adit_time jittered(struct adit_rng *rng, adit_time t)
{
    return t * (800 + adit_rng_below(rng, 401)) / 1000;
}

void adit_consent_start(struct adit_consent *c, struct adit_rng *rng, adit_time confirmed,
                        adit_time rtt, adit_time now)
{
    *c = (struct adit_consent){ .rng = rng,
                                .next = adit_time_max(
                                    now, confirmed + jittered(rng, ADIT_CONSENT_INTERVAL)),
                                .expires = confirmed + ADIT_CONSENT_EXPIRY,
                                .interval = ADIT_CONSENT_INTERVAL,
                                .heard = now,
                                .rtt = rtt,
                                .first_miss = ADIT_NEVER,
                                .last_miss = ADIT_NEVER };
}

bool adit_consent_tick(struct adit_consent *c, uint8_t ret_id[ADIT_STUN_ID_SIZE], adit_time now)
{
    struct adit_consent_check *check = &c->checks[c->count % ADIT_CONSENT_KEPT];
    adit_time grace = adit_time_max(ADIT_CONSENT_GRACE, 3 * c->rtt);

    if (now < c->next)
        return false;
    adit_rng_bytes(c->rng, check->id, sizeof check->id);
    check->sent = now;
    memcpy(ret_id, check->id, sizeof check->id);
    c->count++;
    /* Sooner than usual, unless the answer comes meanwhile. */
    c->next = now + jittered(c->rng, adit_time_max(LATE_GAP, 3 * c->rtt));
    if (!c->unanswered) {
        c->unanswered = true;
        c->first_miss = now + grace;
        c->last_miss = now + grace + ADIT_CONSENT_INTERVAL;
    }
    return true;
}

void adit_consent_hurry(struct adit_consent *c, adit_time now)
{
    const struct adit_consent_check *last = &c->checks[(c->count - 1) % ADIT_CONSENT_KEPT];

    if (c->count == 0 || now >= last->sent + HURRY_GAP)
        c->next = adit_time_min(c->next, now);
}

void adit_consent_back(struct adit_consent *c, adit_time now)
{
    c->next = c->back = now;
    c->unanswered = false;
    c->first_miss = c->last_miss = ADIT_NEVER;
}

static const struct adit_consent_check *find(const struct adit_consent *c,
                                             const uint8_t id[ADIT_STUN_ID_SIZE])
{
    for (unsigned i = 0; i < ADIT_CONSENT_KEPT && i < c->count; i++) {
        if (memcmp(c->checks[i].id, id, ADIT_STUN_ID_SIZE) == 0)
            return &c->checks[i];
    }
    return NULL;
}

bool adit_consent_knows(const struct adit_consent *c, const uint8_t id[ADIT_STUN_ID_SIZE])
{
    return find(c, id) != NULL;
}

void adit_consent_answered(struct adit_consent *c, const uint8_t id[ADIT_STUN_ID_SIZE],
                           adit_time now)
{
    const struct adit_consent_check *check = find(c, id);
    adit_time sample;

    if (!check)
        return;
    /* A late answer must not look younger than it is: consent was given when it was asked for. */
    c->expires = adit_time_max(c->expires, check->sent + ADIT_CONSENT_EXPIRY);
    if (check->sent < c->back)
        return;
    sample = now - check->sent;
    c->rtt = c->rtt ? (7 * c->rtt + sample) / 8 : sample; /* RFC 6298 section 2.3 */
    c->heard = now;
    c->next = adit_time_max(now, check->sent + jittered(c->rng, c->interval));
    c->unanswered = false;
    c->first_miss = c->last_miss = ADIT_NEVER;
}

void adit_consent_heard(struct adit_consent *c, adit_time now)
{
    c->heard = now;
}

static adit_time missing_at(const struct adit_consent *c)
{
    if (!c->unanswered)
        return ADIT_NEVER;
    return adit_time_min(adit_time_max(c->first_miss, c->heard + ADIT_CONSENT_QUIET), c->last_miss);
}

enum adit_consent_health adit_consent_health(const struct adit_consent *c, adit_time now)
{
    if (now >= c->expires)
        return ADIT_CONSENT_EXPIRED;
    return now >= missing_at(c) ? ADIT_CONSENT_MISSING : ADIT_CONSENT_FRESH;
}

adit_time adit_consent_deadline(const struct adit_consent *c, adit_time now)
{
    adit_time at = adit_time_min(c->next, c->expires), missing = missing_at(c);

    return missing > now ? adit_time_min(at, missing) : at;
}
