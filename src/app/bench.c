/* bench - both ends of a measurement: messages in and out, and all that the end which answers does.
 *
 * It answers a ping with a pong the way it came, counts what is sent to it, and sends what it is
 * asked for, one flow at a time and for a minute at most. */
#include "app/bench_inner.h"

#include "base/alloc.h"

#define SETTLE     (100 * ADIT_MS) /* for packets that END has overtaken */
#define RESULT_MAX (16 * 1024)

static const char not_bench[] =
    "the other side does not measure: run adit listen --mode bench there";

static struct bench *bench_of(struct adit_app *app)
{
    return adit_container_of(app, struct bench, app);
}

/* ---- out ------------------------------------------------------------------------------------- */

static int send_now(struct bench *b, const uint8_t *bytes, size_t n)
{
    int err = b->app.conf.ops->send(b->app.conf.arg, bytes, n, false);

    if (err == 0)
        adit_pace_sent(&b->source.pace, n);
    return err;
}

void adit_bench_say(struct bench *b, const struct adit_bench_message *m)
{
    uint8_t bytes[ADIT_BENCH_MESSAGE_MAX];
    size_t n = adit_bench_put(bytes, m);

    if (b->queued == 0 && send_now(b, bytes, n) != -EAGAIN)
        return; /* sent, or the channel is gone */
    if (b->queued == ADIT_BENCH_QUEUE)
        return;
    memcpy(b->queue[b->queued], bytes, n);
    b->queue_n[b->queued++] = (uint8_t)n;
}

void adit_bench_say_packet(struct bench *b, const struct adit_bench_message *m)
{
    uint8_t bytes[ADIT_BENCH_MESSAGE_MAX];
    size_t n = adit_bench_put(bytes, m);

    (void)b->app.conf.ops->datagram(b->app.conf.arg, bytes, n, 0);
}

static void flush(struct bench *b)
{
    unsigned done = 0;

    while (done < b->queued && send_now(b, b->queue[done], b->queue_n[done]) != -EAGAIN)
        done++;
    b->queued -= done;
    memmove(b->queue, b->queue[done], b->queued * sizeof b->queue[0]);
    memmove(b->queue_n, b->queue_n + done, b->queued);
}

void adit_bench_go_on(struct bench *b)
{
    struct adit_bench_source *s = &b->source;
    adit_time at = s->active && b->queued == 0
                       ? adit_bench_source_run(s, adit_loop_now(b->app.conf.loop))
                       : ADIT_NEVER;

    if (at == 0) {
        s->active = false;
        adit_bench_say(b, &(struct adit_bench_message){
                              .type = ADIT_BENCH_END, .flow = s->flow, .number = s->sent });
        at = ADIT_NEVER;
    }
    adit_timer_set(&b->timer, adit_time_min(at, b->settled));
}

static void on_timer(struct adit_timer *timer, adit_time now)
{
    struct bench *b = adit_container_of(timer, struct bench, timer);

    if (now < b->settled) {
        adit_bench_go_on(b);
        return;
    }
    b->settled = ADIT_NEVER;
    if (!b->drive)
        adit_bench_say(b, &b->sink.count);
    adit_bench_go_on(b);
    if (b->drive)
        adit_bench_drive_settled(b->drive);
}

/* ---- in -------------------------------------------------------------------------------------- */

static void refuse(struct bench *b, const char *why)
{
    adit_app_done(&b->app, ADIT_REASON_PROTOCOL, why);
}

static void start_flow(struct bench *b, const struct adit_bench_message *ask)
{
    const struct adit_app_conf *c = &b->app.conf;
    size_t most = ask->packets ? c->ops->packet_max(c->arg) : c->ops->message_max(c->arg);
    struct adit_bench_message may = *ask;

    if (may.packets && may.size > most)
        may.size = (uint32_t)most; /* the two ends may know different paths */
    if (may.size < ADIT_BENCH_DATA_MIN || may.size > ADIT_BENCH_DATA_MAX || may.size > most ||
        may.ms > ADIT_BENCH_MS_MAX || may.rate > ADIT_BENCH_RATE_MAX || b->source.active ||
        (may.packets && !c->ops->datagrams(c->arg))) {
        refuse(b, "the other side asks for what cannot be measured");
        return;
    }
    adit_bench_source_start(&b->source, c, &may, adit_loop_now(c->loop));
    adit_bench_go_on(b);
}

static void greeting(struct bench *b, const struct adit_bench_message *m)
{
    bool same = m->magic == ADIT_BENCH_MAGIC && m->version == ADIT_BENCH_VERSION;

    if (b->drive && m->type == ADIT_BENCH_HELLO && same &&
        !b->app.conf.ops->ours(b->app.conf.arg)) {
        refuse(b, "both sides want to measure: one of them runs adit listen --mode bench");
    } else if (m->type != (b->drive ? ADIT_BENCH_WELCOME : ADIT_BENCH_HELLO) ||
               m->magic != ADIT_BENCH_MAGIC) {
        refuse(b, not_bench);
    } else if (!same) {
        refuse(b, "the other side measures in another way: its adit is older or newer");
    } else {
        b->greeted = true;
        if (b->drive)
            adit_bench_drive_welcome(b->drive);
        else
            adit_bench_say(b, &(struct adit_bench_message){ .type = ADIT_BENCH_WELCOME,
                                                            .magic = ADIT_BENCH_MAGIC,
                                                            .version = ADIT_BENCH_VERSION });
    }
}

/* A flow of theirs has ended. */
static void flow_ended(struct bench *b, const struct adit_bench_message *m)
{
    adit_time now = adit_loop_now(b->app.conf.loop);

    adit_bench_sink_take(&b->sink, m, 0, now);
    if (m->flow != b->sink.count.flow)
        return; /* one of before */
    b->promised = m->number;
    b->settled = now + SETTLE;
    adit_bench_go_on(b);
}

static void message(struct adit_app *app, const void *bytes, size_t n, bool text)
{
    static const uint16_t to_asker = 1 << ADIT_BENCH_WELCOME | 1 << ADIT_BENCH_PONG |
                                     1 << ADIT_BENCH_DATA | 1 << ADIT_BENCH_END |
                                     1 << ADIT_BENCH_COUNT;
    static const uint16_t to_answerer = 1 << ADIT_BENCH_HELLO | 1 << ADIT_BENCH_PING |
                                        1 << ADIT_BENCH_ASK | 1 << ADIT_BENCH_DATA |
                                        1 << ADIT_BENCH_END;
    struct bench *b = bench_of(app);
    struct adit_bench_message m;

    if (text || adit_bench_get(&m, bytes, n) < 0) {
        refuse(b, not_bench);
    } else if (!b->greeted) {
        greeting(b, &m);
    } else if (!((b->drive ? to_asker : to_answerer) >> m.type & 1)) {
        refuse(b, "the other side sent a message that is not its to send");
    } else if (m.type == ADIT_BENCH_PING) {
        m.type = ADIT_BENCH_PONG;
        adit_bench_say(b, &m);
    } else if (m.type == ADIT_BENCH_PONG) {
        adit_bench_drive_pong(b->drive, m.number);
    } else if (m.type == ADIT_BENCH_DATA) {
        adit_bench_sink_take(&b->sink, &m, n, adit_loop_now(app->conf.loop));
    } else if (m.type == ADIT_BENCH_END) {
        flow_ended(b, &m);
    } else if (m.type == ADIT_BENCH_ASK) {
        start_flow(b, &m);
    } else if (m.type == ADIT_BENCH_COUNT) {
        adit_bench_drive_count(b->drive, &m);
    }
}

/* What is no message of ours is dropped: packets come from before and after everything. */
static void datagram(struct adit_app *app, const void *bytes, size_t n, uint8_t ecn)
{
    struct bench *b = bench_of(app);
    struct adit_bench_message m;

    (void)ecn;
    if (!b->greeted || adit_bench_get(&m, bytes, n) < 0)
        return;
    if (m.type == ADIT_BENCH_PING && !b->drive) {
        m.type = ADIT_BENCH_PONG;
        adit_bench_say_packet(b, &m);
    } else if (m.type == ADIT_BENCH_DATA) {
        adit_bench_sink_take(&b->sink, &m, n, adit_loop_now(app->conf.loop));
    } else if (m.type == ADIT_BENCH_PONG && b->drive) {
        adit_bench_drive_pong(b->drive, m.number);
    }
}

/* ---- life ------------------------------------------------------------------------------------ */

static void drained(struct adit_outbox *box)
{
    struct bench *b = adit_container_of(box, struct bench, out);

    if (b->drive && b->drive->step == ADIT_BENCH_STEPS)
        adit_bench_drive_finish(b->drive);
}

static int init(struct adit_app *app)
{
    struct bench *b = bench_of(app);

    if (app->conf.extra)
        b->conf = *(const struct adit_bench_conf *)app->conf.extra;
    if (!b->conf.each)
        b->conf.each = ADIT_BENCH_EACH;
    b->settled = ADIT_NEVER;
    adit_timer_init(&b->timer, app->conf.loop, on_timer, "bench");
    return adit_app_output(app, &b->out, RESULT_MAX, drained);
}

static void done(struct adit_app *app)
{
    struct bench *b = bench_of(app);

    adit_timer_stop(&b->timer);
    adit_bench_drive_free(b);
    adit_outbox_done(&b->out);
}

static void opened(struct adit_app *app)
{
    struct bench *b = bench_of(app);
    enum adit_bench_role role = b->conf.role;

    if (role == ADIT_BENCH_BY_CHANNEL)
        role = app->conf.ops->ours(app->conf.arg) ? ADIT_BENCH_ASKS : ADIT_BENCH_ANSWERS;
    if (role == ADIT_BENCH_ANSWERS)
        return;
    if (adit_bench_drive_start(b) < 0)
        adit_app_done(app, ADIT_REASON_RESOURCE, "out of memory");
    else
        adit_bench_say(b, &(struct adit_bench_message){ .type = ADIT_BENCH_HELLO,
                                                        .magic = ADIT_BENCH_MAGIC,
                                                        .version = ADIT_BENCH_VERSION });
}

static void writable(struct adit_app *app)
{
    struct bench *b = bench_of(app);

    flush(b);
    adit_bench_go_on(b);
}

static void low(struct adit_app *app)
{
    adit_bench_go_on(bench_of(app));
}

/* Who answers has done well if the other side simply leaves. */
static void closed(struct adit_app *app, const struct adit_cause *cause)
{
    struct bench *b = bench_of(app);
    bool left = cause->reason == ADIT_REASON_NONE || cause->reason == ADIT_REASON_REMOTE ||
                cause->reason == ADIT_REASON_LOCAL;

    adit_timer_stop(&b->timer);
    if (!b->drive)
        adit_app_done(app, cause->reason, left ? NULL : cause->text);
    else if (b->drive->step == ADIT_BENCH_STEPS)
        adit_bench_drive_finish(b->drive);
    else if (!left)
        adit_app_done(app, cause->reason, cause->text);
    else
        refuse(b, b->greeted ? "the other side closed before all was measured" : not_bench);
}

const struct adit_app_class adit_app_bench = {
    .name = "bench",
    .size = sizeof(struct bench),
    .must_finish = true,
    .init = init,
    .free = done,
    .open = opened,
    .message = message,
    .datagram = datagram,
    .writable = writable,
    .low = low,
    .closed = closed,
};
