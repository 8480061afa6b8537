#include "app/pace.h"

void adit_pace_start(struct adit_pace *p)
{
    *p = (struct adit_pace){ .limit = 4 * ADIT_PACE_MIN,
                             .best = ADIT_NEVER,
                             .best_new = ADIT_NEVER,
                             .fastest = ADIT_NEVER,
                             .starting = true };
}

void adit_pace_sent(struct adit_pace *p, size_t n, adit_time now)
{
    p->sent += n;
    if (p->count == ADIT_PACE_MARKS)
        return; /* what follows is measured by the next free mark */
    unsigned i = (p->first + p->count++) % ADIT_PACE_MARKS;
    p->marks[i].at = p->sent;
    p->marks[i].when = now;
}

static void measure(struct adit_pace *p, adit_time took, adit_time now)
{
    if (now >= p->span_ends) {
        p->best = p->best_new;
        p->best_new = ADIT_NEVER;
        p->span_ends = now + ADIT_PACE_BEST_AGE;
    }
    p->best_new = adit_time_min(p->best_new, took);
    p->best = adit_time_min(p->best, took);
    p->fastest = adit_time_min(p->fastest, took);
}

static void end_round(struct adit_pace *p)
{
    adit_time allowed = p->best + ADIT_PACE_ALLOWANCE;

    if (p->fastest > allowed) {
        uint64_t fits = (uint64_t)p->limit * (allowed / ADIT_US) / (p->fastest / ADIT_US);

        p->starting = false;
        p->limit = fits < ADIT_PACE_MIN ? ADIT_PACE_MIN : (size_t)fits;
    } else if (p->limited && p->fastest < p->best + ADIT_PACE_ALLOWANCE / 2) {
        p->limit += p->starting ? p->limit : p->limit / 8;
        if (p->limit > ADIT_PACE_MAX)
            p->limit = ADIT_PACE_MAX;
    }
    p->fastest = ADIT_NEVER;
    p->limited = false;
    p->round_ends = p->sent;
}

void adit_pace_acked(struct adit_pace *p, size_t buffered, adit_time now)
{
    uint64_t acked = p->sent - buffered;

    while (p->count && p->marks[p->first].at <= acked) {
        measure(p, now - p->marks[p->first].when, now);
        p->first = (p->first + 1) % ADIT_PACE_MARKS;
        p->count--;
    }
    if (acked >= p->round_ends && p->fastest != ADIT_NEVER)
        end_round(p);
}

size_t adit_pace_room(struct adit_pace *p, size_t buffered)
{
    if (buffered < p->limit)
        return p->limit - buffered;
    p->limited = true;
    return 0;
}
