#include "app/pace.h"

void adit_pace_start(struct adit_pace *p)
{
    *p = (struct adit_pace){ .limit = ADIT_PACE_FIRST,
                             .cap = ADIT_PACE_FIRST,
                             .best = ADIT_NEVER,
                             .best_new = ADIT_NEVER,
                             .starting = true };
}

void adit_pace_sent(struct adit_pace *p, size_t n)
{
    p->sent += n;
}

static void measure(struct adit_pace *p, adit_time rtt, adit_time now)
{
    if (now >= p->span_ends) {
        p->best = p->best_new;
        p->best_new = ADIT_NEVER;
        p->span_ends = now + ADIT_PACE_BEST_AGE;
    }
    p->best_new = adit_time_min(p->best_new, rtt);
    p->best = adit_time_min(p->best, rtt);
}

static void shrink(struct adit_pace *p, adit_time rtt)
{
    uint64_t allowed = (p->best + ADIT_PACE_ALLOWANCE) / ADIT_US;
    uint64_t fits = (uint64_t)p->limit * allowed / (rtt / ADIT_US);

    p->starting = false;
    p->cap = fits < ADIT_PACE_MIN ? ADIT_PACE_MIN : (size_t)fits;
    if (++p->vain < ADIT_PACE_VAIN)
        return;
    p->best = p->best_new = rtt;
    p->starting = true;
    p->vain = 0;
}

static void grow(struct adit_pace *p)
{
    p->vain = 0;
    if (p->limit < p->cap)
        return; /* it was not the cap that held us */
    p->cap += p->starting ? p->cap : p->cap / 8;
    if (p->cap > ADIT_PACE_MAX)
        p->cap = ADIT_PACE_MAX;
}

void adit_pace_flow(struct adit_pace *p, size_t buffered, size_t window, adit_time rtt,
                    adit_time now)
{
    uint64_t acked = p->sent - buffered;
    size_t ahead;

    if (rtt)
        measure(p, rtt, now);
    if (rtt && p->sent && acked >= p->round_ends) {
        /* Single packets are acknowledged late, by RFC 9260 section 6.2; only who fills the path
         * learns of its queue. */
        if (p->limited && rtt > p->best + ADIT_PACE_ALLOWANCE)
            shrink(p, rtt);
        else if (p->limited)
            grow(p);
        p->limited = false;
        p->round_ends = p->sent;
    }
    ahead = window / ADIT_PACE_AHEAD;
    ahead = ahead < ADIT_PACE_AHEAD_MIN   ? ADIT_PACE_AHEAD_MIN
            : ahead > ADIT_PACE_AHEAD_MAX ? ADIT_PACE_AHEAD_MAX
                                          : ahead;
    p->limit = p->cap < window + ahead ? p->cap : window + ahead;
}

size_t adit_pace_room(struct adit_pace *p, size_t buffered)
{
    if (buffered < p->limit)
        return p->limit - buffered;
    p->limited = true;
    return 0;
}
