/* pmtu.h - how large a datagram the pair in use carries (RFC 8899, with connectivity checks as
 * probes).
 *
 * A check padded to a size is answered by a small packet if it arrives, by every ICE agent, since
 * the padding is an attribute that nobody has to understand. All sizes of the table are tried at
 * once when a pair comes into use, three times each, and again after 5 s, 10 s … ten minutes; the
 * largest that was answered counts. While datagrams above the base leave, the size is confirmed
 * every two seconds; three confirmations lost, with the pair alive, are a black hole: back to the
 * base, and search again. A clock, no I/O: the owner paces, composes and sends. */
#ifndef ADIT_PMTU_H
#define ADIT_PMTU_H

#include "base/addr.h"
#include "base/rng.h"
#include "ice/ice.h"
#include "ice/stun.h"

#define ADIT_PMTU_SIZES 5
#define ADIT_PMTU_MAX   1460

struct adit_pmtu_probe {
    uint8_t id[ADIT_STUN_ID_SIZE];
    unsigned sends; /* 0 = not in this search */
    adit_time next; /* when it is sent again, or given up; ADIT_NEVER = over */
};

struct adit_pmtu {
    struct adit_rng *rng; /* borrowed */
    uint16_t size;        /* the largest datagram known to pass, UDP payload in bytes */
    bool settled;         /* a search has come to its end: the path carries no more than size */
    uint16_t most; /* sizes above are out of reach here: the family's headers do not leave room */
    struct adit_pmtu_probe probes[ADIT_PMTU_SIZES];
    bool used;       /* something above the base left since the last confirmation */
    unsigned misses; /* confirmations sent since the last answer */
    uint8_t confirm_id[ADIT_STUN_ID_SIZE];
    adit_time search_every; /* until the next search, doubling */
    adit_time search_at;    /* the next search */
    adit_time confirm_at;   /* the next confirmation, if something large left */
};

/* A pair came into use. family decides what can fit into 1500 bytes. */
void adit_pmtu_start(struct adit_pmtu *p, struct adit_rng *rng, enum adit_family family,
                     adit_time now);
/* true: a check with this id, padded to this many bytes of UDP payload, is to be sent now. */
bool adit_pmtu_tick(struct adit_pmtu *p, uint8_t ret_id[ADIT_STUN_ID_SIZE], uint16_t *ret_size,
                    adit_time now);
bool adit_pmtu_knows(const struct adit_pmtu *p, const uint8_t id[ADIT_STUN_ID_SIZE]);
void adit_pmtu_answered(struct adit_pmtu *p, const uint8_t id[ADIT_STUN_ID_SIZE], adit_time now);
adit_time adit_pmtu_deadline(const struct adit_pmtu *p);

/* A datagram of n bytes left: once for each packet, so it costs next to nothing. */
static inline void adit_pmtu_used(struct adit_pmtu *p, size_t n)
{
    if (n > ADIT_PMTU_BASE)
        p->used = true;
}

#endif
