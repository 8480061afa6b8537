/* retry.h - when a STUN request is sent again (RFC 8489 section 6.2.1).
 *
 * Sent at 0, 1, 3, 7, 15, 31 and 63 RTO, which is Rc = 7 times, and given up Rm = 16 RTO after the
 * last: with an RTO of 500 ms at 39.5 s. A limit of the gap makes it denser where somebody waits.
 */
#ifndef ADIT_RETRY_H
#define ADIT_RETRY_H

#include "base/base.h"

#define ADIT_RETRY_RTO       (500 * ADIT_MS) /* RFC 8445 section 14.3 */
#define ADIT_RETRY_RTO_MAX   (4 * ADIT_SEC)
#define ADIT_RETRY_SENDS_MAX 7
#define ADIT_RETRY_LAST_RTOS 16

struct adit_retry {
    adit_time rto, gap_max, next;
    unsigned sends;
};

enum adit_retry_verdict { ADIT_RETRY_WAIT, ADIT_RETRY_SEND, ADIT_RETRY_GIVE_UP };

/* The first copy leaves now. gap_max (or ADIT_NEVER) is the longest wait between two copies. */
void adit_retry_start(struct adit_retry *r, adit_time rto, adit_time gap_max, adit_time now);
/* A copy leaves now, before its time: as if this had been the next one. */
void adit_retry_hurry(struct adit_retry *r, adit_time now);
/* SEND: the caller sends, the next time is already set. */
enum adit_retry_verdict adit_retry_tick(struct adit_retry *r, adit_time now);

#endif
