/* path.h - which of two pairs that work is the better one to use, and how often that may change.
 *
 *   kinds, from the best:  LAN > WAN > by TCP > over one relay > over two > over the signaling
 * server
 *
 *   the one in question, against the one in use      is taken if
 *   by UDP and direct, and the other is not          it answers
 *   by TCP and direct, and the other is relayed      it answers
 *   the other way round                              never
 *   loses 10 % less                                  it is not twice as slow
 *   loses 5 % more                                   never
 *   of a better kind                                 it is not slower
 *   of the same kind, IPv6 instead of IPv4           it is not slower
 *   any other                                        it is faster: 20 %, 5 ms, and more than chance
 *
 * The first row that fits decides. "Not slower" is 10 % or 1 ms; all but the first three rows need
 * measurements of both, so that what was gained cannot be lost again by noise. After a change the
 * next one waits 5 s, and each time twice as long, up to ten minutes; ten quiet gaps later it
 * begins anew. What has died is left at once, whatever this says. */
#ifndef ADIT_PATH_H
#define ADIT_PATH_H

#include "base/base.h"

enum adit_kind {
    ADIT_KIND_SIGNALING,
    ADIT_KIND_TWO_RELAYS,
    ADIT_KIND_RELAY,
    ADIT_KIND_TCP,
    ADIT_KIND_WAN,
    ADIT_KIND_LAN
};

#define ADIT_PATH_SAMPLES 4  /* round trips measured before they are compared */
#define ADIT_PATH_COUNTED 16 /* checks counted before their losses are */
#define ADIT_PATH_GAP_MIN (5 * ADIT_SEC)
#define ADIT_PATH_GAP_MAX (600 * ADIT_SEC)

struct adit_path_facts {
    enum adit_kind kind;
    bool v6;
    adit_time rtt, spread; /* smoothed, and its mean deviation */
    unsigned samples;
    unsigned loss, counted; /* of 1000, of so many checks */
};

/* Is `it` clearly better than the one in use? *ret_why is why it stays unused, if not. */
bool adit_path_better(const struct adit_path_facts *it, const struct adit_path_facts *used,
                      enum adit_why *ret_why);

/* All zero at the beginning. */
struct adit_path_hold {
    adit_time gap, changed, until;
};

void adit_path_changed(struct adit_path_hold *h, adit_time now); /* to a better one, by choice */
static inline bool adit_path_held(const struct adit_path_hold *h, adit_time now)
{
    return now < h->until;
}

#endif
