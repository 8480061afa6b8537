#include "app/bench_ping.h"

#include <stdlib.h>

void adit_bench_pings_start(struct adit_bench_pings *p, bool lossy)
{
    p->lossy = lossy;
    p->first = p->next;
    p->count = 0;
    p->lost = 0;
    memset(p->sent, 0, sizeof p->sent);
}

bool adit_bench_pings_full(const struct adit_bench_pings *p)
{
    return (!p->lossy && p->sent[p->next % ADIT_BENCH_PINGS]) || p->count == ADIT_BENCH_SAMPLES;
}

uint32_t adit_bench_pings_sent(struct adit_bench_pings *p, adit_time now)
{
    adit_time *sent = &p->sent[p->next % ADIT_BENCH_PINGS];

    p->lost += *sent != 0;
    *sent = now;
    return p->next++;
}

bool adit_bench_pings_came(struct adit_bench_pings *p, uint32_t number, adit_time now)
{
    adit_time *sent = &p->sent[number % ADIT_BENCH_PINGS];

    if (number - p->first >= p->next - p->first || p->next - number > ADIT_BENCH_PINGS || !*sent ||
        p->count == ADIT_BENCH_SAMPLES)
        return false;
    p->took[p->count++] = now - *sent;
    *sent = 0;
    return true;
}

void adit_bench_pings_give_up(struct adit_bench_pings *p)
{
    p->sent[(p->next - 1) % ADIT_BENCH_PINGS] = 0;
    p->lost++;
}

static int compare(const void *a, const void *b)
{
    adit_time x = *(const adit_time *)a, y = *(const adit_time *)b;

    return (x > y) - (x < y);
}

/* The least of those that so many in a hundred do not exceed. */
static adit_time percentile(const struct adit_bench_pings *p, size_t percent)
{
    return p->took[(p->count * percent + 99) / 100 - 1];
}

void adit_bench_pings_sum(struct adit_bench_pings *p, struct adit_bench_trips *ret)
{
    *ret = (struct adit_bench_trips){ .count = p->count, .lost = p->lost };
    if (!p->count)
        return;
    qsort(p->took, p->count, sizeof p->took[0], compare);
    ret->p50 = percentile(p, 50);
    ret->p90 = percentile(p, 90);
    ret->p99 = percentile(p, 99);
    ret->max = p->took[p->count - 1];
}
