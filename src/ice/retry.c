#include "ice/retry.h"

static void arm(struct adit_retry *r, adit_time now)
{
    adit_time wait =
        r->sends == ADIT_RETRY_SENDS_MAX ? ADIT_RETRY_LAST_RTOS * r->rto : r->rto << (r->sends - 1);

    r->next = now + adit_time_min(wait, r->gap_max);
}

void adit_retry_start(struct adit_retry *r, adit_time rto, adit_time gap_max, adit_time now)
{
    rto = adit_time_min(rto, ADIT_RETRY_RTO_MAX);
    *r = (struct adit_retry){ .rto = rto, .gap_max = adit_time_max(gap_max, rto), .sends = 1 };
    arm(r, now);
}

void adit_retry_hurry(struct adit_retry *r, adit_time now)
{
    r->sends++;
    arm(r, now);
}

enum adit_retry_verdict adit_retry_tick(struct adit_retry *r, adit_time now)
{
    if (now < r->next)
        return ADIT_RETRY_WAIT;
    if (r->sends == ADIT_RETRY_SENDS_MAX)
        return ADIT_RETRY_GIVE_UP;
    r->sends++;
    arm(r, now);
    return ADIT_RETRY_SEND;
}
