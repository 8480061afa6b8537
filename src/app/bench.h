/* bench.h - measures a connection: round trips, throughput, loss, and what that costs.
 *
 * One side asks and shows what it found, the other one answers; docs/bench.md has every message.
 * Nothing here is kept per message but for a few thousand round trips, and nothing is sent that
 * the channel or the path has no room for. */
#ifndef ADIT_BENCH_H
#define ADIT_BENCH_H

#include "app/app.h"

#define ADIT_BENCH_EACH (3 * ADIT_SEC)

enum adit_bench_role { ADIT_BENCH_BY_CHANNEL, ADIT_BENCH_ASKS, ADIT_BENCH_ANSWERS };

/* What adit_app_conf.extra points to. */
struct adit_bench_conf {
    enum adit_bench_role role; /* BY_CHANNEL: who opened it asks */
    adit_time each;            /* how long each measurement of throughput takes; 0 = as above */
    bool json;                 /* one object for programs instead of a table for people */
    bool shared;               /* both ends are in this process */
    int progress_fd;           /* see progress.h */
};

extern const struct adit_app_class adit_app_bench;

#endif
