/* bench_ping.h - round trips: what was sent when, and how long they took. */
#ifndef ADIT_BENCH_PING_H
#define ADIT_BENCH_PING_H

#include "base/base.h"

#define ADIT_BENCH_PINGS   64   /* on their way at a time */
#define ADIT_BENCH_SAMPLES 4096 /* of one measurement */

struct adit_bench_pings {
    uint32_t first, next;             /* numbers of this measurement */
    adit_time sent[ADIT_BENCH_PINGS]; /* by number; 0 = answered, or given up */
    adit_time took[ADIT_BENCH_SAMPLES];
    size_t count; /* of them */
    unsigned lost;
    bool lossy; /* some do not come back */
};

struct adit_bench_trips {
    size_t count;
    unsigned lost;
    adit_time p50, p90, p99, max;
};

/* What is still on its way belongs to the measurement before. */
void adit_bench_pings_start(struct adit_bench_pings *p, bool lossy);
/* As many as may be are on their way, or were measured. */
bool adit_bench_pings_full(const struct adit_bench_pings *p);
/* Its number. */
uint32_t adit_bench_pings_sent(struct adit_bench_pings *p, adit_time now);
/* False: that is none we wait for. */
bool adit_bench_pings_came(struct adit_bench_pings *p, uint32_t number, adit_time now);
/* The last one will not come any more. */
void adit_bench_pings_give_up(struct adit_bench_pings *p);
void adit_bench_pings_sum(struct adit_bench_pings *p, struct adit_bench_trips *ret);

#endif
