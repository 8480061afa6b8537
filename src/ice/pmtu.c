#include "ice/pmtu.h"

#define TRIES         3
#define AGAIN         (500 * ADIT_MS)
#define SEARCH_FIRST  (5 * ADIT_SEC)
#define SEARCH_MAX    (600 * ADIT_SEC) /* PMTU_RAISE_TIMER, RFC 8899 section 5.1.1 */
#define CONFIRM_EVERY (2 * ADIT_SEC)
#define CONFIRM_AGAIN ADIT_SEC

/* UDP payloads. pion and webrtc-rs answer larger checks, and then cannot read larger DTLS records
 * than 1460; 1444 is PPPoE over IPv6; 1412 leaves room for another tunnel, 1352 for two; 1232 is
 * what every IPv6 path carries. */
static const uint16_t sizes[ADIT_PMTU_SIZES] = { 1232, 1352, 1412, 1444, ADIT_PMTU_MAX };

static void search(struct adit_pmtu *p, adit_time now)
{
    for (size_t i = 0; i < ADIT_PMTU_SIZES; i++) {
        bool wanted = sizes[i] > p->size && sizes[i] <= p->most;

        p->probes[i].sends = 0;
        p->probes[i].next = wanted ? now : ADIT_NEVER;
        if (wanted)
            adit_rng_bytes(p->rng, p->probes[i].id, sizeof p->probes[i].id);
    }
    p->search_at = now + p->search_every;
    p->search_every = adit_time_min(2 * p->search_every, SEARCH_MAX);
}

void adit_pmtu_start(struct adit_pmtu *p, struct adit_rng *rng, enum adit_family family,
                     adit_time now)
{
    *p = (struct adit_pmtu){ .rng = rng,
                             .size = ADIT_PMTU_BASE,
                             .search_every = SEARCH_FIRST,
                             .most = family == ADIT_FAMILY_V6 ? 1452 : ADIT_PMTU_MAX,
                             .confirm_at = now + CONFIRM_EVERY };
    search(p, now);
}

static void found(struct adit_pmtu *p, size_t i)
{
    p->size = sizes[i];
    for (size_t k = 0; k <= i; k++) /* what is smaller needs no answer any more */
        p->probes[k].next = ADIT_NEVER;
}

/* Later searches change nothing about it until they find something; after a black hole everything
 * is open again. */
static void settle(struct adit_pmtu *p)
{
    for (size_t i = 0; i < ADIT_PMTU_SIZES; i++)
        if (p->probes[i].next != ADIT_NEVER)
            return;
    p->settled = true;
}

/* The next try of some size; a size that was tried often enough is over. */
static bool probe(struct adit_pmtu *p, uint8_t *ret_id, uint16_t *ret_size, adit_time now)
{
    for (size_t i = 0; i < ADIT_PMTU_SIZES; i++) {
        struct adit_pmtu_probe *q = &p->probes[i];

        if (now < q->next)
            continue;
        if (q->sends == TRIES) {
            q->next = ADIT_NEVER; /* a late answer still counts */
            continue;
        }
        q->sends++;
        q->next = now + AGAIN;
        memcpy(ret_id, q->id, sizeof q->id);
        *ret_size = sizes[i];
        return true;
    }
    settle(p);
    return false;
}

static bool confirm(struct adit_pmtu *p, uint8_t *ret_id, uint16_t *ret_size, adit_time now)
{
    if (now < p->confirm_at)
        return false;
    if (p->misses == TRIES) {
        p->settled = false;
        p->size = ADIT_PMTU_BASE; /* RFC 8899 section 4.3: a black hole */
        p->misses = 0;
        p->confirm_at = now + CONFIRM_EVERY;
        p->search_every = SEARCH_FIRST; /* or the peer was too busy to answer: ask again soon */
        search(p, now);
        return false;
    }
    if (p->size == ADIT_PMTU_BASE || (!p->used && !p->misses)) {
        p->confirm_at = now + CONFIRM_EVERY;
        return false;
    }
    if (!p->misses)
        adit_rng_bytes(p->rng, p->confirm_id, sizeof p->confirm_id);
    p->used = false;
    p->misses++;
    p->confirm_at = now + CONFIRM_AGAIN;
    memcpy(ret_id, p->confirm_id, sizeof p->confirm_id);
    *ret_size = p->size;
    return true;
}

bool adit_pmtu_tick(struct adit_pmtu *p, uint8_t ret_id[ADIT_STUN_ID_SIZE], uint16_t *ret_size,
                    adit_time now)
{
    if (now >= p->search_at)
        search(p, now);
    return confirm(p, ret_id, ret_size, now) || probe(p, ret_id, ret_size, now);
}

bool adit_pmtu_knows(const struct adit_pmtu *p, const uint8_t id[ADIT_STUN_ID_SIZE])
{
    if (p->misses && memcmp(p->confirm_id, id, ADIT_STUN_ID_SIZE) == 0)
        return true;
    for (size_t i = 0; i < ADIT_PMTU_SIZES; i++)
        if (p->probes[i].sends && memcmp(p->probes[i].id, id, ADIT_STUN_ID_SIZE) == 0)
            return true;
    return false;
}

void adit_pmtu_answered(struct adit_pmtu *p, const uint8_t id[ADIT_STUN_ID_SIZE], adit_time now)
{
    if (p->misses && memcmp(p->confirm_id, id, ADIT_STUN_ID_SIZE) == 0) {
        p->misses = 0;
        p->confirm_at = now + CONFIRM_EVERY;
        return;
    }
    for (size_t i = 0; i < ADIT_PMTU_SIZES; i++)
        if (p->probes[i].sends && sizes[i] > p->size &&
            memcmp(p->probes[i].id, id, ADIT_STUN_ID_SIZE) == 0)
            found(p, i);
    settle(p);
}

adit_time adit_pmtu_deadline(const struct adit_pmtu *p)
{
    adit_time at = adit_time_min(p->search_at, p->confirm_at);

    for (size_t i = 0; i < ADIT_PMTU_SIZES; i++)
        at = adit_time_min(at, p->probes[i].next);
    return at;
}
