/* pace.h - how much may be on its way: enough to keep the path busy, not so much that it queues.
 *
 * SCTP is given what its congestion window takes and a little more, so that nothing waits inside of
 * it for long. And its round trips are watched: the best of the last seconds is what the path
 * itself takes, and what is added to that is a queue in the network, in which small things would
 * have to wait. SCTP fills that queue until something is lost; we let go of less before:
 *
 *     limit = min(window + window / AHEAD, cap)
 *     cap  *= (best + ALLOWANCE) / round trip      where that is less than 1; else it grows
 *
 * A queue that does not get shorter when we send less is made by others: it is part of the path. */
#ifndef ADIT_PACE_H
#define ADIT_PACE_H

#include "base/base.h"

#define ADIT_PACE_MIN       (32 * 1024)  /* bytes, of the cap */
#define ADIT_PACE_FIRST     (128 * 1024) /* the first cap */
#define ADIT_PACE_MAX       (704 * 1024) /* a channel takes half of SCTP's 1.5 MiB, and no more */
#define ADIT_PACE_AHEAD     8            /* part of the window that may wait for it, */
#define ADIT_PACE_AHEAD_MIN (4 * 1024)   /* and bytes: what leaves meanwhile */
#define ADIT_PACE_AHEAD_MAX (32 * 1024)
#define ADIT_PACE_ALLOWANCE (4 * ADIT_MS) /* of queueing */
#define ADIT_PACE_BEST_AGE  (10 * ADIT_SEC)
#define ADIT_PACE_VAIN      16 /* rounds in a row in which sending less did not help */

struct adit_pace {
    size_t limit;       /* bytes that may be unacknowledged */
    size_t cap;         /* by the queue */
    adit_time best;     /* of the current and the previous span of ADIT_PACE_BEST_AGE */
    adit_time best_new; /* of the current one alone */
    adit_time span_ends;
    uint64_t sent;       /* bytes since the beginning */
    uint64_t round_ends; /* the round is over when so many are acknowledged */
    bool limited;        /* in this round more wanted to be sent */
    bool starting;       /* no queue was seen yet: the cap doubles */
    unsigned vain;
};

void adit_pace_start(struct adit_pace *p);
void adit_pace_sent(struct adit_pace *p, size_t n);
/* `buffered` bytes of all that was sent are not acknowledged; SCTP lets `window` be on their way,
 * and its last round trip took `rtt`, 0 = unknown. */
void adit_pace_flow(struct adit_pace *p, size_t buffered, size_t window, adit_time rtt,
                    adit_time now);
/* How many bytes may be sent, with so many unacknowledged; asked when there is something to send.
 */
size_t adit_pace_room(struct adit_pace *p, size_t buffered);

#endif
