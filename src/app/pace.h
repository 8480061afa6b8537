/* pace.h - how much may be on its way: enough to keep the path busy, not so much that it queues.
 *
 * Every message's time from being handed over to being acknowledged is measured. The best of the
 * last seconds is what the path itself takes; what a round adds to that is a queue, ours or the
 * network's, and small things would have to wait in it. So the amount on its way follows
 *
 *     limit = bytes that were acknowledged in (best + ALLOWANCE)
 *
 * A round counts by its fastest message: one that was lost and repeated says nothing of queues. */
#ifndef ADIT_PACE_H
#define ADIT_PACE_H

#include "base/base.h"

#define ADIT_PACE_MIN       (32 * 1024)   /* bytes; also the first limit's quarter */
#define ADIT_PACE_MAX       (1024 * 1024) /* more is not held by the layers below */
#define ADIT_PACE_ALLOWANCE (6 * ADIT_MS) /* of queueing */
#define ADIT_PACE_BEST_AGE  (10 * ADIT_SEC)
#define ADIT_PACE_MARKS     64

struct adit_pace {
    size_t limit;       /* bytes that may be unacknowledged */
    adit_time best;     /* of the current and the previous span of ADIT_PACE_BEST_AGE */
    adit_time best_new; /* of the current one alone */
    adit_time span_ends;
    adit_time fastest;   /* of this round; ADIT_NEVER = none yet */
    uint64_t sent;       /* bytes since the beginning */
    uint64_t round_ends; /* the round is over when so many are acknowledged */
    bool limited;        /* in this round more wanted to be sent */
    bool starting;       /* no queue was seen yet: the limit doubles */
    struct {
        uint64_t at; /* `sent` behind the message */
        adit_time when;
    } marks[ADIT_PACE_MARKS];
    unsigned first, count;
};

void adit_pace_start(struct adit_pace *p);
void adit_pace_sent(struct adit_pace *p, size_t n, adit_time now);
/* `buffered` bytes of all that was sent are not acknowledged. */
void adit_pace_acked(struct adit_pace *p, size_t buffered, adit_time now);
/* How many bytes may be sent, with so many unacknowledged; asked when there is something to send.
 */
size_t adit_pace_room(struct adit_pace *p, size_t buffered);

#endif
