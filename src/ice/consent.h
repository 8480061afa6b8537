/* consent.h - consent freshness on the selected pair (RFC 7675).
 *
 * A check leaves every 4 to 6 s (5 s x 0.8..1.2, section 5.1), each a new transaction, none sent
 * twice; while no answer comes, each max(1 s, 3 RTT) x 0.8..1.2. Any authenticated answer moves the
 * expiry; 30 s after the sending of the last answered check the right to send ends. Before that the
 * pair counts as missing when, with g = max(1 s, 3 RTT),
 *     no answer came since a check g ago and nothing was heard for 6.5 s (6.5 to 7 s in silence)
 *  or no answer came since a check g + 5 s ago                         (10 to 12 s, one way
 * blocked). A clock, no I/O: the owner composes, sends and authenticates, and reports the facts. */
#ifndef ADIT_CONSENT_H
#define ADIT_CONSENT_H

#include "base/base.h"
#include "base/rng.h"
#include "ice/stun.h"

#define ADIT_CONSENT_INTERVAL (5 * ADIT_SEC)
#define ADIT_CONSENT_EXPIRY   (30 * ADIT_SEC)
#define ADIT_CONSENT_QUIET    (6500 * ADIT_MS) /* more than the peer's longest interval */
#define ADIT_CONSENT_GRACE    (1 * ADIT_SEC)
#define ADIT_CONSENT_KEPT     40 /* what 30 s hold: the answer to any of them counts */

enum adit_consent_health { ADIT_CONSENT_FRESH, ADIT_CONSENT_MISSING, ADIT_CONSENT_EXPIRED };

struct adit_consent_check {
    uint8_t id[ADIT_STUN_ID_SIZE];
    adit_time sent;
};

struct adit_consent {
    struct adit_rng *rng; /* borrowed: jitter and transaction ids */
    adit_time next, expires, heard;
    adit_time interval; /* the owner may make it less than ADIT_CONSENT_INTERVAL, and more again */
    adit_time rtt;      /* smoothed; 0 = unknown */
    adit_time first_miss, last_miss; /* when no answer counts, see above, or NEVER */
    adit_time back; /* what was asked before says nothing of now; 0 = nothing was */
    bool unanswered;
    unsigned count; /* checks sent; the last KEPT of them are in `checks` */
    struct adit_consent_check checks[ADIT_CONSENT_KEPT];
};

/* The pair proved itself at `confirmed` (when the answered check was sent) with this round-trip
 * time, 0 if unknown. */
void adit_consent_start(struct adit_consent *c, struct adit_rng *rng, adit_time confirmed,
                        adit_time rtt, adit_time now);
/* true: a check must leave now, with the transaction id *ret_id. */
bool adit_consent_tick(struct adit_consent *c, uint8_t ret_id[ADIT_STUN_ID_SIZE], adit_time now);
/* The next check is due at once: a sign of life came while the pair was missing. */
void adit_consent_hurry(struct adit_consent *c, adit_time now);
/* Nobody asked or answered for a while, for we were not there: asks at once, and nothing is
 * missing yet. */
void adit_consent_back(struct adit_consent *c, adit_time now);
/* Is the id that of one of our checks? Asked before the answer is authenticated. */
bool adit_consent_knows(const struct adit_consent *c, const uint8_t id[ADIT_STUN_ID_SIZE]);
void adit_consent_answered(struct adit_consent *c, const uint8_t id[ADIT_STUN_ID_SIZE],
                           adit_time now);
/* An authenticated check of the peer came in on the pair: it lives, though this is not consent. */
void adit_consent_heard(struct adit_consent *c, adit_time now);
enum adit_consent_health adit_consent_health(const struct adit_consent *c, adit_time now);
/* The next check or the next change of health. */
adit_time adit_consent_deadline(const struct adit_consent *c, adit_time now);

#endif
