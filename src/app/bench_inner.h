/* bench_inner.h - one end of a measurement, and what only the end that asks has. */
#ifndef ADIT_BENCH_INNER_H
#define ADIT_BENCH_INNER_H

#include "app/bench.h"
#include "app/bench_flow.h"
#include "app/bench_ping.h"
#include "app/outbox.h"
#include "app/progress.h"

#define ADIT_BENCH_QUEUE 64 /* small messages that wait for room; more are dropped */

enum adit_bench_kind { ADIT_BENCH_IDLE, ADIT_BENCH_OUT, ADIT_BENCH_BACK };

/* What is measured, in this order. */
struct adit_bench_step {
    enum adit_bench_kind kind;
    bool packets;  /* beside the channel: where the other side takes them */
    uint32_t size; /* of a message; packets: as large as the path carries */
};

#define ADIT_BENCH_STEPS 8
extern const struct adit_bench_step adit_bench_steps[ADIT_BENCH_STEPS];

struct adit_bench_result {
    bool done;
    uint32_t size, sent, came, late;
    double rate;   /* bytes per second, as they came */
    adit_time cpu; /* of this process meanwhile */
    struct adit_bench_trips trips;
};

struct adit_bench_drive {
    struct bench *b;
    struct adit_timer timer;
    size_t step; /* ADIT_BENCH_STEPS: all is measured */
    uint8_t flow;
    unsigned trials; /* of the rate of packets */
    bool trying;
    uint64_t rate, best;
    adit_time began, limit, pinged, cpu;
    uint64_t moved; /* of this flow, as far as progress knows */
    struct adit_bench_pings pings;
    struct adit_bench_result results[ADIT_BENCH_STEPS];
    struct adit_progress progress;
};

struct bench {
    struct adit_app app;
    struct adit_bench_conf conf;
    bool greeted;
    struct adit_timer timer; /* the source goes on, or a flow is settled */
    struct adit_bench_source source;
    struct adit_bench_sink sink;
    uint32_t promised; /* END: so many were sent */
    adit_time settled; /* until then late packets of the flow that has ended count */
    uint8_t queue[ADIT_BENCH_QUEUE][ADIT_BENCH_MESSAGE_MAX];
    uint8_t queue_n[ADIT_BENCH_QUEUE];
    unsigned queued;
    struct adit_outbox out;
    struct adit_bench_drive *drive; /* NULL: we answer */
};

/* ---- bench.c ---- */

/* Over the channel; waits for room in a queue that is bounded. */
void adit_bench_say(struct bench *b, const struct adit_bench_message *m);
/* Beside it; what does not go is lost. */
void adit_bench_say_packet(struct bench *b, const struct adit_bench_message *m);
/* The source sends what it may, and END when its time is over. */
void adit_bench_go_on(struct bench *b);

/* ---- bench_drive.c: the end that asks; each of these may be the last thing the app does ---- */

/* -ENOMEM. */
ADIT_MUST_USE int adit_bench_drive_start(struct bench *b);
void adit_bench_drive_free(struct bench *b);
void adit_bench_drive_welcome(struct adit_bench_drive *d);
void adit_bench_drive_pong(struct adit_bench_drive *d, uint32_t number);
/* What came of a flow of ours. */
void adit_bench_drive_count(struct adit_bench_drive *d, const struct adit_bench_message *count);
/* All of theirs is here. */
void adit_bench_drive_settled(struct adit_bench_drive *d);
/* Everything is measured: ends if it is written too. */
void adit_bench_drive_finish(struct adit_bench_drive *d);

/* ---- bench_print.c ---- */

void adit_bench_print(struct adit_buf *out, struct bench *b);

#endif
