/* bench_drive - the end that asks: one measurement after the other, and when it is over.
 *
 * Round trips first, while nothing else is sent, then flows out and back with a ping every few
 * milliseconds beside them. Packets beside the channel have no congestion control, so the rate that
 * the path carries is looked for in short trials, from what the channel reached on. */
#include <stdio.h>

#include "app/bench_inner.h"
#include "base/alloc.h"
#include "base/log.h"

#define TICK         (20 * ADIT_MS)
#define WELCOME_MAX  (5 * ADIT_SEC)
#define SILENCE_MAX  (30 * ADIT_SEC) /* after the time that a measurement takes anyway */
#define TRIPS        200
#define TRIPS_LEAST  10       /* where they take so long that the time is over before */
#define TRIP_MAX     ADIT_SEC /* of a packet: it is lost */
#define PACKET_SIZE  1200     /* while it is not known what the path carries */
#define TRIAL        (250 * ADIT_MS)
#define TRIALS_MAX   12
#define RATE_MIN     125000 /* bytes per second */
#define RATE_MADE_UP 1e12   /* no count is believed above */

const struct adit_bench_step adit_bench_steps[ADIT_BENCH_STEPS] = {
    { ADIT_BENCH_IDLE, false, 0 },    { ADIT_BENCH_IDLE, true, 0 },
    { ADIT_BENCH_OUT, false, 1200 },  { ADIT_BENCH_BACK, false, 1200 },
    { ADIT_BENCH_OUT, false, 16384 }, { ADIT_BENCH_BACK, false, 16384 },
    { ADIT_BENCH_OUT, true, 0 },      { ADIT_BENCH_BACK, true, 0 },
};

static void start_step(struct adit_bench_drive *d);

static adit_time now_of(const struct adit_bench_drive *d)
{
    return adit_loop_now(d->b->app.conf.loop);
}

static const struct adit_bench_step *step_of(const struct adit_bench_drive *d)
{
    return &adit_bench_steps[d->step];
}

static struct adit_bench_result *result_of(struct adit_bench_drive *d)
{
    return &d->results[d->step];
}

/* ---- the end --------------------------------------------------------------------------------- */

static void stop(struct adit_bench_drive *d)
{
    adit_timer_stop(&d->timer);
    adit_progress_clear(&d->progress);
}

static void fail(struct adit_bench_drive *d, enum adit_reason reason, const char *text)
{
    stop(d);
    adit_app_done(&d->b->app, reason, text);
}

void adit_bench_drive_finish(struct adit_bench_drive *d)
{
    struct adit_outbox *out = &d->b->out;

    if (out->err)
        fail(d, ADIT_REASON_RESOURCE, "cannot write the results");
    else if (adit_outbox_empty(out))
        fail(d, ADIT_REASON_NONE, NULL);
}

static void show(struct adit_bench_drive *d)
{
    struct adit_buf text;

    stop(d);
    adit_buf_init(&text, SIZE_MAX);
    adit_bench_print(&text, d->b);
    if (text.err) {
        adit_buf_done(&text);
        fail(d, ADIT_REASON_RESOURCE, "out of memory for the results");
        return;
    }
    (void)adit_outbox_add(&d->b->out, text.data, text.len);
    adit_buf_done(&text);
    adit_bench_drive_finish(d);
}

static void next_step(struct adit_bench_drive *d)
{
    struct adit_bench_result *r = result_of(d);

    adit_bench_pings_sum(&d->pings, &r->trips);
    r->done = true;
    d->step++;
    start_step(d);
}

/* ---- round trips ----------------------------------------------------------------------------- */

static void ping(struct adit_bench_drive *d)
{
    struct adit_bench_message m = { .type = ADIT_BENCH_PING };

    if (adit_bench_pings_full(&d->pings))
        return;
    d->pinged = now_of(d);
    m.number = adit_bench_pings_sent(&d->pings, d->pinged);
    if (step_of(d)->packets)
        adit_bench_say_packet(d->b, &m);
    else
        adit_bench_say(d->b, &m);
}

/* One after the other, until there are enough of them or the time is over. */
static void next_trip(struct adit_bench_drive *d)
{
    size_t n = d->pings.count + d->pings.lost;

    if (n >= TRIPS || (n >= TRIPS_LEAST && now_of(d) - d->began >= d->b->conf.each))
        next_step(d);
    else
        ping(d);
}

void adit_bench_drive_pong(struct adit_bench_drive *d, uint32_t number)
{
    if (d->step == ADIT_BENCH_STEPS || !adit_bench_pings_came(&d->pings, number, now_of(d)))
        return;
    if (step_of(d)->kind == ADIT_BENCH_IDLE)
        next_trip(d);
}

/* ---- flows ----------------------------------------------------------------------------------- */

static void start_flow(struct adit_bench_drive *d, adit_time lasts)
{
    struct bench *b = d->b;
    const struct adit_bench_step *step = step_of(d);
    struct adit_bench_message ask = { .type = ADIT_BENCH_ASK,
                                      .flow = ++d->flow,
                                      .packets = step->packets,
                                      .size = result_of(d)->size,
                                      .ms = (uint32_t)(lasts / ADIT_MS),
                                      .rate = step->packets ? d->rate : 0 };

    d->began = now_of(d);
    d->limit = d->began + lasts + SILENCE_MAX;
    d->moved = 0;
    d->cpu = adit_loop_cpu();
    adit_bench_pings_start(&d->pings, step->packets);
    if (step->kind == ADIT_BENCH_BACK) {
        adit_bench_say(b, &ask);
    } else {
        adit_bench_source_start(&b->source, &b->app.conf, &ask, d->began);
        adit_bench_go_on(b);
    }
}

static void start_trial(struct adit_bench_drive *d)
{
    d->rate = d->rate < RATE_MIN              ? RATE_MIN
              : d->rate > ADIT_BENCH_RATE_MAX ? ADIT_BENCH_RATE_MAX
                                              : d->rate;
    start_flow(d, adit_time_min(d->b->conf.each, TRIAL));
}

/* Half as much again as long as nine tenths arrive in time; half as long as none did. What is
 * measured then is a little less than the best of them: queues stay short. */
static void trial_over(struct adit_bench_drive *d, double rate)
{
    bool good = rate >= (double)d->rate * 0.9;

    adit_debug("bench", "packets at %.1f Mbit/s: %.1f came", (double)d->rate * 8e-6, rate * 8e-6);
    if (good)
        d->best = d->rate;
    if (++d->trials < TRIALS_MAX && (good || !d->best) && d->rate < ADIT_BENCH_RATE_MAX) {
        d->rate = good ? d->rate / 2 * 3 : d->rate / 2;
        start_trial(d);
        return;
    }
    d->trying = false;
    d->rate = (d->best ? d->best : d->rate) / 10 * 9;
    start_flow(d, d->b->conf.each);
}

static void flow_over(struct adit_bench_drive *d, const struct adit_bench_message *count,
                      uint32_t sent)
{
    struct adit_bench_result *r = result_of(d);
    double rate = count->span ? (double)count->bytes * (double)ADIT_SEC / (double)count->span : 0;

    rate = rate < RATE_MADE_UP ? rate : RATE_MADE_UP;
    if (d->trying) {
        trial_over(d, rate);
        return;
    }
    r->cpu = adit_loop_cpu() - d->cpu;
    r->rate = rate;
    r->sent = sent;
    r->came = count->number;
    r->late = count->late;
    if (count->size)
        r->size = count->size; /* they may know a smaller path */
    next_step(d);
}

void adit_bench_drive_count(struct adit_bench_drive *d, const struct adit_bench_message *count)
{
    if (d->step < ADIT_BENCH_STEPS && step_of(d)->kind == ADIT_BENCH_OUT &&
        count->flow == d->flow && !d->b->source.active)
        flow_over(d, count, d->b->source.sent);
}

void adit_bench_drive_settled(struct adit_bench_drive *d)
{
    const struct adit_bench_message *count = &d->b->sink.count;

    if (d->step < ADIT_BENCH_STEPS && step_of(d)->kind == ADIT_BENCH_BACK && count->flow == d->flow)
        flow_over(d, count, d->b->promised);
}

/* ---- steps ----------------------------------------------------------------------------------- */

static uint32_t size_of(const struct adit_bench_drive *d)
{
    const struct adit_app_conf *c = &d->b->app.conf;
    const struct adit_bench_step *step = step_of(d);
    size_t most = step->packets ? c->ops->packet_max(c->arg) : c->ops->message_max(c->arg);
    size_t size = step->size;

    if (step->packets)
        size = most == SIZE_MAX ? PACKET_SIZE : ADIT_BENCH_DATA_MAX;
    size = size < most ? size : most;
    return (uint32_t)(size > ADIT_BENCH_DATA_MIN ? size : ADIT_BENCH_DATA_MIN);
}

static void start_step(struct adit_bench_drive *d)
{
    const struct adit_app_conf *c = &d->b->app.conf;

    while (d->step < ADIT_BENCH_STEPS && step_of(d)->packets && !c->ops->datagrams(c->arg))
        d->step++;
    if (d->step == ADIT_BENCH_STEPS) {
        show(d);
        return;
    }
    d->trying = step_of(d)->packets;
    d->trials = 0;
    d->best = 0;
    if (step_of(d)->kind != ADIT_BENCH_IDLE) {
        result_of(d)->size = size_of(d);
        /* What the same way over the channel came to, in messages that fill a packet. */
        d->rate = (uint64_t)d->results[step_of(d)->kind == ADIT_BENCH_OUT ? 2 : 3].rate;
        if (d->trying)
            start_trial(d);
        else
            start_flow(d, d->b->conf.each);
        return;
    }
    d->began = now_of(d);
    d->limit = d->began + d->b->conf.each + SILENCE_MAX;
    adit_bench_pings_start(&d->pings, step_of(d)->packets);
    next_trip(d);
}

static void progress(struct adit_bench_drive *d, adit_time now)
{
    static const char *const names[] = { "round trips", "out", "back" };
    const struct bench *b = d->b;
    enum adit_bench_kind kind = step_of(d)->kind;
    char name[64];
    uint64_t moved = kind == ADIT_BENCH_OUT    ? (uint64_t)b->source.sent * b->source.size
                     : kind == ADIT_BENCH_BACK ? b->sink.count.bytes
                                               : 0;

    adit_progress_moved(&d->progress, moved > d->moved ? moved - d->moved : 0, now);
    d->moved = moved;
    snprintf(name, sizeof name, "%zu of %d: %s", d->step + 1, ADIT_BENCH_STEPS, names[kind]);
    adit_progress_show(&d->progress, name, now);
}

static void on_tick(struct adit_timer *timer, adit_time now)
{
    struct adit_bench_drive *d = adit_container_of(timer, struct adit_bench_drive, timer);
    struct bench *b = d->b;

    if (now >= d->limit) {
        fail(d, ADIT_REASON_PROTOCOL,
             b->greeted ? "the other side has stopped answering"
                        : "the other side does not measure: run adit listen --mode bench there");
        return;
    }
    adit_timer_set(&d->timer, now + TICK);
    if (!b->greeted)
        return;
    progress(d, now);
    if (step_of(d)->kind != ADIT_BENCH_IDLE) {
        if (b->source.active || (step_of(d)->kind == ADIT_BENCH_BACK && b->settled == ADIT_NEVER))
            ping(d);
    } else if (step_of(d)->packets && now - d->pinged >= TRIP_MAX) {
        adit_bench_pings_give_up(&d->pings);
        next_trip(d);
    }
}

/* ---- life ------------------------------------------------------------------------------------ */

void adit_bench_drive_welcome(struct adit_bench_drive *d)
{
    start_step(d);
}

int adit_bench_drive_start(struct bench *b)
{
    struct adit_bench_drive *d = adit_zalloc(sizeof *d);

    if (!d)
        return -ENOMEM;
    b->drive = d;
    d->b = b;
    d->limit = now_of(d) + WELCOME_MAX;
    adit_progress_init(&d->progress, b->conf.progress_fd);
    adit_timer_init(&d->timer, b->app.conf.loop, on_tick, "bench");
    adit_timer_set(&d->timer, now_of(d) + TICK);
    return 0;
}

void adit_bench_drive_free(struct bench *b)
{
    if (!b->drive)
        return;
    stop(b->drive);
    adit_free(b->drive);
    b->drive = NULL;
}
