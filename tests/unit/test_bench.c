/* Mode bench: both ends over a channel and packets that the test plays, and each end alone against
 * somebody who means harm, or something else. */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/bench_inner.h"
#include "base/alloc.h"
#include "base/json.h"

#define EACH       (40 * ADIT_MS)
#define ROOM       (2 << 20) /* bytes that the channel takes */
#define PACKET_MAX 1431
#define AT_ONCE    256 /* messages that arrive in one turn */

struct item {
    struct adit_link link;
    bool packet;
    size_t n;
    uint8_t bytes[];
};

struct end {
    struct world *w;
    struct end *other;
    struct adit_app *app;
    struct adit_bench_conf conf;
    struct adit_link sent; /* and not yet there */
    size_t buffered, most, low, packet_max;
    unsigned messages; /* sent over the channel */
    bool above, refused, ours, full;
    uint8_t last[ADIT_BENCH_MESSAGE_MAX]; /* the beginning of the last message */
    unsigned done;
    struct adit_cause cause;
};

static struct world {
    struct adit_loop *loop;
    struct end a, b; /* a asks */
    int out;
    bool packets, alone;
    unsigned lose, swap; /* of so many packets one; 0 = none */
    unsigned count;
    char text[16384];
} w;

/* ---- the channel ----------------------------------------------------------------------------- */

static void put(struct end *e, const void *bytes, size_t n, bool packet)
{
    struct item *i = malloc(sizeof *i + n);

    *i = (struct item){ .packet = packet, .n = n };
    memcpy(i->bytes, bytes, n);
    if (packet && w.swap && w.count % w.swap == 0 && !adit_list_empty(&e->sent) &&
        adit_container_of(e->sent.prev, struct item, link)->packet)
        adit_list_add(e->sent.prev, &i->link); /* before the last one */
    else
        adit_list_add(&e->sent, &i->link);
}

static int on_send(void *arg, const void *bytes, size_t n, bool text)
{
    struct end *e = arg;

    assert_false(text);
    if (e->buffered + n > ROOM || e->full) {
        e->refused = true;
        return -EAGAIN;
    }
    memcpy(e->last, bytes, n < sizeof e->last ? n : sizeof e->last);
    e->messages++;
    e->buffered += n;
    e->most = e->buffered > e->most ? e->buffered : e->most;
    e->above |= e->buffered > e->low;
    put(e, bytes, n, false);
    return 0;
}

static int on_datagram(void *arg, const uint8_t *bytes, size_t n, uint8_t ecn)
{
    struct end *e = arg;

    (void)ecn;
    if (!w.packets)
        return -EOPNOTSUPP;
    if (n > PACKET_MAX)
        return -EMSGSIZE;
    if (!w.lose || ++w.count % w.lose)
        put(e, bytes, n, true);
    return 0;
}

static bool on_datagrams(void *arg)
{
    (void)arg;
    return w.packets;
}

static size_t on_buffered(void *arg)
{
    return ((struct end *)arg)->buffered;
}

static size_t on_message_max(void *arg)
{
    (void)arg;
    return 65536;
}

static size_t on_packet_max(void *arg)
{
    return ((struct end *)arg)->packet_max;
}

static bool on_ours(void *arg)
{
    return ((struct end *)arg)->ours;
}

static void on_set_low(void *arg, size_t bytes)
{
    ((struct end *)arg)->low = bytes;
}

static void on_flow(void *arg, size_t *ret_window, adit_time *ret_rtt)
{
    (void)arg;
    *ret_window = 128 * 1024;
    *ret_rtt = ADIT_MS;
}

static void on_stats(void *arg, struct adit_peer_stats *s)
{
    (void)arg;
    *s = (struct adit_peer_stats){ .rtt = ADIT_MS,
                                   .cipher = "CIPHER",
                                   .local = "host 192.0.2.1:1",
                                   .remote = "srflx 192.0.2.2:2" };
}

static void on_done(void *arg, const struct adit_cause *cause)
{
    struct end *e = arg;

    e->done++;
    e->cause = *cause;
}

static const struct adit_app_ops ops = {
    .send = on_send,
    .datagram = on_datagram,
    .datagrams = on_datagrams,
    .buffered = on_buffered,
    .message_max = on_message_max,
    .packet_max = on_packet_max,
    .ours = on_ours,
    .set_low = on_set_low,
    .flow = on_flow,
    .stats = on_stats,
    .done = on_done,
};

/* Some of what e has sent arrives; true if anything did. */
static bool deliver(struct end *e)
{
    unsigned n = 0;

    for (; n < AT_ONCE && !adit_list_empty(&e->sent); n++) {
        struct item *i = adit_container_of(e->sent.next, struct item, link);

        adit_list_del(&i->link);
        e->buffered -= i->packet ? 0 : i->n;
        if (w.alone)
            ;
        else if (i->packet)
            adit_app_datagram(e->other->app, i->bytes, i->n, 0);
        else
            adit_app_message(e->other->app, i->bytes, i->n, false);
        free(i);
    }
    if (n && e->refused && !e->full) {
        e->refused = false;
        adit_app_writable(e->app);
    }
    if (e->above && e->buffered <= e->low) {
        e->above = false;
        adit_app_low(e->app);
    }
    return n;
}

/* Until nothing is on its way and no timer is due, or a second has passed. */
static void rounds(void)
{
    adit_time end = adit_loop_now(w.loop) + ADIT_SEC;
    bool any;

    do {
        any = deliver(&w.a);
        any |= deliver(&w.b);
        assert_int_equal(adit_loop_process(w.loop), 0);
    } while ((any || adit_loop_timeout_ms(w.loop) == 0) && adit_loop_now(w.loop) < end);
}

static void run_until(const unsigned *flag, adit_time limit)
{
    struct pollfd p = { .fd = adit_loop_fd(w.loop), .events = POLLIN };
    adit_time end = adit_loop_now(w.loop) + limit;

    while (!*flag && adit_loop_now(w.loop) < end) {
        rounds();
        if (!*flag)
            poll(&p, 1, 1);
    }
}

/* ---- the two ends ---------------------------------------------------------------------------- */

static void end_init(struct end *e, struct end *other, enum adit_bench_role role, int out)
{
    int err = 0;

    e->w = &w;
    e->other = other;
    e->packet_max = PACKET_MAX;
    e->conf.role = role;
    e->conf.each = EACH;
    e->conf.progress_fd = -1;
    adit_list_init(&e->sent);
    e->app = adit_app_new(
        &adit_app_bench,
        &(struct adit_app_conf){
            .loop = w.loop, .in = -1, .out = out, .extra = &e->conf, .ops = &ops, .arg = e },
        &err);
    assert_non_null(e->app);
}

static int setup(void **state)
{
    int out[2];

    (void)state;
    memset(&w, 0, sizeof w);
    w.loop = adit_loop_new();
    w.packets = true;
    assert_int_equal(pipe2(out, O_CLOEXEC | O_NONBLOCK), 0);
    w.a.conf.json = true;
    w.a.ours = true;
    end_init(&w.a, &w.b, ADIT_BENCH_BY_CHANNEL, out[1]);
    end_init(&w.b, &w.a, ADIT_BENCH_BY_CHANNEL, -1);
    close(out[1]); /* the outbox has a copy */
    w.out = out[0];
    return 0;
}

static void end_done(struct end *e)
{
    struct adit_link *it, *tmp;

    adit_app_free(e->app);
    ADIT_LIST_EACH(&e->sent, it, tmp)
    {
        adit_list_del(it);
        free(adit_container_of(it, struct item, link));
    }
}

static int teardown(void **state)
{
    (void)state;
    end_done(&w.a);
    end_done(&w.b);
    adit_loop_free(w.loop);
    close(w.out);
    return 0;
}

static void open_both(void)
{
    adit_app_open(w.b.app);
    adit_app_open(w.a.app);
}

static struct bench *bench_of(struct end *e)
{
    return adit_container_of(e->app, struct bench, app);
}

static struct adit_bench_drive *drive(void)
{
    return bench_of(&w.a)->drive;
}

static const char *output(void)
{
    ssize_t n = read(w.out, w.text, sizeof w.text - 1);

    w.text[n < 0 ? 0 : n] = '\0';
    return w.text;
}

static void say(struct end *to, const struct adit_bench_message *m)
{
    uint8_t bytes[ADIT_BENCH_MESSAGE_MAX];
    size_t n = adit_bench_put(bytes, m);
    uint8_t *exact = malloc(n);

    memcpy(exact, bytes, n);
    adit_app_message(to->app, exact, n, false);
    free(exact);
}

#define SAY(to, ...) say(to, &(struct adit_bench_message){ __VA_ARGS__ })
#define GREET(to, what) \
    SAY(to, .type = what, .magic = ADIT_BENCH_MAGIC, .version = ADIT_BENCH_VERSION)

/* ---- a whole measurement --------------------------------------------------------------------- */

static json_t *measure(size_t rows)
{
    struct adit_cause cause;
    const char *text;
    json_t *o;

    open_both();
    run_until(&w.a.done, 60 * ADIT_SEC);
    assert_int_equal(w.a.done, 1);
    assert_string_equal(w.a.cause.text, "");
    assert_int_equal(w.a.cause.reason, ADIT_REASON_NONE);
    assert_int_equal(w.b.done, 0);
    text = output();
    o = adit_json_read(text, strlen(text), &cause);
    assert_non_null(o);
    assert_int_equal(json_array_size(json_object_get(o, "measured")), rows);
    return o;
}

static double number(const json_t *row, const char *key)
{
    const json_t *v = json_object_get(row, key);

    assert_true(json_is_number(v));
    return json_number_value(v);
}

static void everything_is_measured(void **state)
{
    json_t *o = measure(ADIT_BENCH_STEPS), *rows = json_object_get(o, "measured");

    (void)state;
    assert_string_equal(json_string_value(json_object_get(o, "path")), "host to srflx");
    assert_string_equal(json_string_value(json_object_get(o, "cipher")), "CIPHER");
    assert_string_equal(json_string_value(json_object_get(o, "carrier")), "datagram");
    assert_true(number(o, "packet_max") == PACKET_MAX && number(o, "rtt_ms") == 1);
    assert_true(json_is_false(json_object_get(o, "same_host")));
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const struct adit_bench_step *step = &adit_bench_steps[i];

        assert_true(number(row, "p50_ms") <= number(row, "p90_ms"));
        assert_true(number(row, "p90_ms") <= number(row, "p99_ms"));
        assert_true(number(row, "p99_ms") <= number(row, "max_ms"));
        assert_true((json_object_get(row, "lost_percent") != NULL) == step->packets);
        if (step->kind == ADIT_BENCH_IDLE) {
            assert_true(number(row, "round_trips") >= 10 && number(row, "round_trips") <= 200);
            assert_null(json_object_get(row, "mbit_per_s"));
            continue;
        }
        assert_true(number(row, "bytes") == (step->packets ? PACKET_MAX : step->size));
        assert_true(number(row, "mbit_per_s") > 0 && number(row, "messages_per_s") > 0);
        assert_true(number(row, "sent") > 1 && number(row, "sent") == number(row, "received"));
        assert_true(number(row, "cpu_s_per_gb") >= 0);
    }
    /* No more than pace.h lets was ever on its way. */
    assert_true(w.a.most <= ADIT_PACE_MAX && w.b.most <= ADIT_PACE_MAX);
    json_decref(o);
    adit_app_closed(w.b.app, &(struct adit_cause){ .reason = ADIT_REASON_REMOTE, .text = "gone" });
    assert_int_equal(w.b.done, 1);
    assert_string_equal(w.b.cause.text, "");
}

static void without_packets(void **state)
{
    json_t *o;

    (void)state;
    w.packets = false;
    o = measure(5);
    assert_string_equal(json_string_value(json_object_get(o, "carrier")), "channel");
    assert_null(json_object_get(o, "packet_max"));
    json_decref(o);
}

/* One in twenty is lost, some overtake each other, and the other end knows a smaller path. */
static void what_happens_to_packets_is_told(void **state)
{
    json_t *o, *rows;

    (void)state;
    w.lose = 20;
    w.swap = 7;
    w.b.packet_max = 1000;
    open_both();
    run_until(&w.a.done, 100 * ADIT_SEC);
    assert_string_equal(w.a.cause.text, "");
    output();
    o = json_loads(w.text, 0, NULL);
    rows = json_object_get(o, "measured");
    for (size_t i = 6; i < 8; i++) {
        const json_t *row = json_array_get(rows, i);

        if (number(row, "sent") > 200) { /* else this machine has other things to do */
            assert_true(number(row, "lost_percent") > 2 && number(row, "lost_percent") < 9);
            assert_true(number(row, "reordered") > 0);
        }
        assert_true(number(row, "bytes") == (i == 6 ? PACKET_MAX : 1000));
    }
    if (number(json_array_get(rows, 1), "round_trips") > 40)
        assert_true(number(json_array_get(rows, 1), "lost_percent") > 0);
    json_decref(o);
}

static void a_table_for_people(void **state)
{
    static const char *const words[] = { "host to srflx, round trip 1.0 ms, CIPHER",
                                         "p99 ms",
                                         "up to 1431 bytes",
                                         "share this machine",
                                         "CPU s/GB",
                                         "\nidle packets",
                                         "\nback channel   16384" };

    (void)state;
    bench_of(&w.a)->conf.json = false;
    bench_of(&w.a)->conf.shared = true;
    open_both();
    run_until(&w.a.done, 60 * ADIT_SEC);
    output();
    for (size_t i = 0; i < ADIT_LEN(words); i++)
        if (!strstr(w.text, words[i]))
            fail_msg("there is no \"%s\" in\n%s", words[i], w.text);
    assert_null(strstr(w.text, "192.0.2")); /* addresses are nobody's business */
}

/* ---- who is at the other side ---------------------------------------------------------------- */

static void others_are_told_apart(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
        bool text;
        const char *why;
    } rows[] = {
        { "\1benc\1", 6, false, "does not measure: run adit listen --mode bench" }, /* an echo */
        { "hello", 5, true, "does not measure" },
        { "\2benc\1", 6, true, "does not measure" },
        { "", 0, false, "does not measure" },
        { "\2benc", 5, false, "does not measure" },
        { "\2benc\1\0", 7, false, "does not measure" },
        { "\2bend\1", 6, false, "does not measure" },
        { "\4\0\0\0\0", 5, false, "does not measure" },
        { "\11\0\0\0\0", 5, false, "does not measure" },
        { "\2benc\2", 6, false, "older or newer" },
    };

    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        if (i) {
            teardown(state);
            setup(state);
        }
        adit_app_open(w.a.app);
        adit_app_message(w.a.app, rows[i].bytes, rows[i].n, rows[i].text);
        assert_int_equal(w.a.done, 1);
        assert_int_equal(w.a.cause.reason, ADIT_REASON_PROTOCOL);
        assert_non_null(strstr(w.a.cause.text, rows[i].why));
    }
}

static void silence_is_no_measurement(void **state)
{
    (void)state;
    w.alone = true;
    adit_app_open(w.a.app);
    assert_true(drive()->limit <= adit_loop_now(w.loop) + 5 * ADIT_SEC);
    drive()->limit = adit_loop_now(w.loop) + 50 * ADIT_MS;
    run_until(&w.a.done, 5 * ADIT_SEC);
    assert_non_null(strstr(w.a.cause.text, "does not measure"));
}

static void it_falls_silent(void **state)
{
    (void)state;
    w.alone = true;
    adit_app_open(w.a.app);
    GREET(&w.a, ADIT_BENCH_WELCOME);
    rounds();
    assert_int_equal(w.a.done, 0);
    assert_int_equal(w.a.last[0], ADIT_BENCH_PING);
    drive()->limit = adit_loop_now(w.loop) + 50 * ADIT_MS;
    run_until(&w.a.done, 5 * ADIT_SEC);
    assert_string_equal(w.a.cause.text, "the other side has stopped answering");
    assert_string_equal(output(), "");
}

static void it_leaves(void **state)
{
    static const struct adit_cause gone = { .reason = ADIT_REASON_REMOTE, .text = "gone" };
    static const struct adit_cause silent = { .reason = ADIT_REASON_SILENCE, .text = "silent" };

    w.alone = true;
    adit_app_open(w.a.app);
    adit_app_closed(w.a.app, &gone);
    assert_non_null(strstr(w.a.cause.text, "does not measure"));
    teardown(state);
    setup(state);
    w.alone = true;
    adit_app_open(w.a.app);
    GREET(&w.a, ADIT_BENCH_WELCOME);
    adit_app_closed(w.a.app, &gone);
    assert_non_null(strstr(w.a.cause.text, "before all was measured"));
    teardown(state);
    setup(state);
    adit_app_open(w.b.app);
    adit_app_closed(w.b.app, &silent);
    assert_string_equal(w.b.cause.text, "silent");
}

static void both_want_to_ask(void **state)
{
    (void)state;
    bench_of(&w.b)->conf.role = ADIT_BENCH_ASKS;
    open_both();
    rounds();
    assert_non_null(strstr(w.a.cause.text, "run adit listen --mode bench there"));
    assert_non_null(strstr(w.b.cause.text, "both sides want to measure"));
}

/* ---- who means harm -------------------------------------------------------------------------- */

static void what_cannot_be_asked_for(void **state)
{
    static const struct adit_bench_message asks[] = {
        { .flow = 1, .size = 5, .ms = 10 },
        { .flow = 1, .size = 16385, .ms = 10 },
        { .flow = 1, .size = UINT32_MAX, .ms = 10 },
        { .flow = 1, .size = 1200, .ms = 60001 },
        { .flow = 1, .size = 1200, .ms = UINT32_MAX },
        { .flow = 1, .size = 1200, .ms = 10, .packets = 1, .rate = ADIT_BENCH_RATE_MAX + 1ull },
        { .flow = 1, .size = 1200, .ms = 10, .packets = 1, .rate = UINT64_MAX },
        { .flow = 1, .size = 1200, .ms = 10, .packets = 1, .rate = 1000 }, /* it takes none */
    };

    w.alone = true;
    for (size_t i = 0; i < ADIT_LEN(asks); i++) {
        struct adit_bench_message ask = asks[i];

        w.packets = i < ADIT_LEN(asks) - 1;
        adit_app_open(w.b.app);
        GREET(&w.b, ADIT_BENCH_HELLO);
        ask.type = ADIT_BENCH_ASK;
        say(&w.b, &ask);
        assert_int_equal(w.b.done, 1);
        assert_int_equal(w.b.messages, 1); /* WELCOME */
        assert_non_null(strstr(w.b.cause.text, "cannot be measured"));
        teardown(state);
        setup(state);
        w.alone = true;
    }
    adit_app_open(w.b.app);
    GREET(&w.b, ADIT_BENCH_HELLO);
    SAY(&w.b, .type = ADIT_BENCH_ASK, .flow = 1, .size = 16384, .ms = 60000);
    assert_int_equal(w.b.done, 0);
    SAY(&w.b, .type = ADIT_BENCH_ASK, .flow = 2, .size = 1200, .ms = 10); /* a second one */
    assert_int_equal(w.b.done, 1);
}

/* Pings without end at a side that has no room: it keeps so many answers, and no more. */
static void a_flood_is_bounded(void **state)
{
    (void)state;
    w.alone = true;
    adit_app_open(w.b.app);
    GREET(&w.b, ADIT_BENCH_HELLO);
    w.b.full = true;
    for (uint32_t i = 0; i < 1000; i++)
        SAY(&w.b, .type = ADIT_BENCH_PING, .number = i);
    assert_int_equal(bench_of(&w.b)->queued, ADIT_BENCH_QUEUE);
    w.b.full = false;
    adit_app_writable(w.b.app);
    assert_int_equal(bench_of(&w.b)->queued, 0);
    assert_int_equal(w.b.messages, 1 + ADIT_BENCH_QUEUE);
    assert_int_equal(adit_get32(w.b.last + 1), ADIT_BENCH_QUEUE - 1); /* in order */
    assert_int_equal(w.b.done, 0);
}

/* Who asks is told things that never were: nothing comes of it, and the measurement goes on. */
static void inventions_count_for_nothing(void **state)
{
    unsigned messages;

    (void)state;
    w.alone = true;
    adit_app_open(w.a.app);
    GREET(&w.a, ADIT_BENCH_WELCOME);
    messages = w.a.messages;
    for (uint32_t i = 1; i < 200; i++)
        SAY(&w.a, .type = ADIT_BENCH_PONG, .number = i * 64);
    SAY(&w.a, .type = ADIT_BENCH_PONG, .number = UINT32_MAX);
    SAY(&w.a, .type = ADIT_BENCH_COUNT, .flow = 0, .number = 1, .bytes = UINT64_MAX, .span = 1);
    for (unsigned flow = 0; flow < 256; flow++) {
        SAY(&w.a, .type = ADIT_BENCH_DATA, .flow = (uint8_t)flow, .number = UINT32_MAX);
        SAY(&w.a, .type = ADIT_BENCH_END, .flow = (uint8_t)flow, .number = UINT32_MAX);
    }
    assert_int_equal(drive()->pings.count, 0);
    assert_int_equal(drive()->step, 0);
    assert_int_equal(w.a.messages, messages);
    SAY(&w.a, .type = ADIT_BENCH_PONG, .number = 0);
    SAY(&w.a, .type = ADIT_BENCH_PONG, .number = 0); /* twice */
    assert_int_equal(drive()->pings.count, 1);
    assert_int_equal(w.a.messages, messages + 1);
    assert_int_equal(w.a.done, 0);
    SAY(&w.a, .type = ADIT_BENCH_PING, .number = 0); /* that is not its to send */
    assert_int_equal(w.a.done, 1);
    assert_non_null(strstr(w.a.cause.text, "not its to send"));
}

/* A count that says that more came, and faster, than can be. */
static void a_count_that_cannot_be(void **state)
{
    struct adit_cause cause;
    size_t at;

    (void)state;
    w.alone = true;
    adit_app_open(w.a.app);
    GREET(&w.a, ADIT_BENCH_WELCOME);
    for (uint32_t i = 0; drive()->step < 1; i++)
        SAY(&w.a, .type = ADIT_BENCH_PONG, .number = i);
    w.packets = false;
    drive()->step = 6; /* packets out */
    drive()->results[6].size = PACKET_MAX;
    drive()->trying = true;
    for (unsigned i = 0; i < 20 && !w.a.done; i++) {
        bench_of(&w.a)->source.active = false;
        SAY(&w.a, .type = ADIT_BENCH_COUNT, .flow = drive()->flow, .number = UINT32_MAX,
            .late = UINT32_MAX, .bytes = UINT64_MAX, .span = 1);
    }
    assert_int_equal(w.a.done, 1);
    assert_string_equal(w.a.cause.text, "");
    output();
    if (adit_json_check(w.text, strlen(w.text), &at, &cause) < 0)
        fail_msg("%s in %s", cause.text, w.text);
}

static void packets_of_others_are_dropped(void **state)
{
    static const uint8_t junk[][6] = { { 0 }, { 0x45 }, { ADIT_BENCH_DATA, 1 }, { 255 } };

    (void)state;
    adit_app_datagram(w.b.app, junk[2], 6, 0); /* before all */
    assert_int_equal(bench_of(&w.b)->sink.count.number, 0);
    open_both();
    for (size_t i = 0; i < ADIT_LEN(junk); i++)
        for (size_t n = 0; n <= 6; n++) {
            adit_app_datagram(w.a.app, junk[i], n, 0);
            adit_app_datagram(w.b.app, junk[i], n, 0);
        }
    assert_int_equal(w.a.done + w.b.done, 0);
}

static void no_memory(void **state)
{
    (void)state;
    for (uint64_t n = 0; n < 2; n++) {
        adit_alloc_fail_at(n);
        adit_app_open(w.a.app);
        adit_alloc_fail_at(UINT64_MAX);
        if (n == 0) {
            assert_int_equal(w.a.done, 1);
            assert_int_equal(w.a.cause.reason, ADIT_REASON_RESOURCE);
            teardown(state);
            setup(state);
        }
    }
    assert_int_equal(w.a.done, 0);
}

/* ---- parts ----------------------------------------------------------------------------------- */

static void every_message_to_the_byte(void **state)
{
    static const struct {
        struct adit_bench_message m;
        size_t n;
        const char *bytes;
    } rows[] = {
        { { .type = ADIT_BENCH_HELLO, .magic = ADIT_BENCH_MAGIC, .version = 1 }, 6, "\1benc\1" },
        { { .type = ADIT_BENCH_WELCOME, .magic = ADIT_BENCH_MAGIC, .version = 1 }, 6, "\2benc\1" },
        { { .type = ADIT_BENCH_PING, .number = 0x01020304 }, 5, "\3\1\2\3\4" },
        { { .type = ADIT_BENCH_PONG, .number = 0x01020304 }, 5, "\4\1\2\3\4" },
        { { .type = ADIT_BENCH_ASK,
            .flow = 7,
            .packets = 1,
            .size = 1200,
            .ms = 3000,
            .rate = 0x0102030405060708 },
          19,
          "\5\7\1\0\0\4\xb0\0\0\x0b\xb8\1\2\3\4\5\6\7\10" },
        { { .type = ADIT_BENCH_DATA, .flow = 7, .number = 9 }, 6, "\6\7\0\0\0\11" },
        { { .type = ADIT_BENCH_END, .flow = 7, .number = 9 }, 6, "\7\7\0\0\0\11" },
        { { .type = ADIT_BENCH_COUNT,
            .flow = 7,
            .number = 9,
            .late = 1,
            .bytes = 0x0102030405060708,
            .span = 256 },
          26,
          "\10\7\0\0\0\11\0\0\0\1\1\2\3\4\5\6\7\10\0\0\0\0\0\0\1\0" },
    };
    uint8_t bytes[ADIT_BENCH_MESSAGE_MAX];
    struct adit_bench_message m;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        assert_int_equal(adit_bench_put(bytes, &rows[i].m), rows[i].n);
        assert_memory_equal(bytes, rows[i].bytes, rows[i].n);
        memset(&m, 0, sizeof m);
        assert_int_equal(adit_bench_get(&m, bytes, rows[i].n), 0);
        assert_true(m.type == rows[i].m.type && m.flow == rows[i].m.flow &&
                    m.number == rows[i].m.number && m.size == rows[i].m.size &&
                    m.rate == rows[i].m.rate && m.bytes == rows[i].m.bytes &&
                    m.span == rows[i].m.span && m.magic == rows[i].m.magic);
        for (size_t n = 0; n < rows[i].n; n++)
            assert_int_equal(adit_bench_get(&m, bytes, n), -EPROTO);
        assert_int_equal(adit_bench_get(&m, bytes, rows[i].n + 1),
                         m.type == ADIT_BENCH_DATA ? 0 : -EPROTO);
    }
}

static void percentiles(void **state)
{
    static struct adit_bench_pings p;
    struct adit_bench_trips t;

    (void)state;
    adit_bench_pings_start(&p, true);
    adit_bench_pings_sum(&p, &t);
    assert_true(t.count == 0 && t.max == 0);
    for (unsigned i = 0; i < 100; i++) { /* 100, 99 … 1 */
        uint32_t n = adit_bench_pings_sent(&p, 1000);

        assert_true(adit_bench_pings_came(&p, n, 1100 - i));
        assert_false(adit_bench_pings_came(&p, n, 1100 - i));
    }
    adit_bench_pings_sum(&p, &t);
    assert_true(t.count == 100 && t.p50 == 50 && t.p90 == 90 && t.p99 == 99 && t.max == 100);
    adit_bench_pings_start(&p, true);
    for (unsigned i = 1; i <= 3; i++) {
        assert_true(adit_bench_pings_came(&p, adit_bench_pings_sent(&p, 1000), 1000 + i));
        adit_bench_pings_sum(&p, &t);
        assert_true(t.p50 == (i + 1) / 2 && t.p90 == i && t.p99 == i && t.max == i);
    }
    adit_bench_pings_start(&p, false);
    for (unsigned i = 0; i < ADIT_BENCH_PINGS; i++) {
        assert_false(adit_bench_pings_full(&p));
        adit_bench_pings_sent(&p, 1);
    }
    assert_true(adit_bench_pings_full(&p));
    assert_false(adit_bench_pings_came(&p, 102, 2)); /* of the measurement before */
    assert_true(adit_bench_pings_came(&p, 103, 2));
    assert_false(adit_bench_pings_full(&p));
    adit_bench_pings_start(&p, true); /* lost ones do not stop it */
    for (unsigned i = 0; i < 2 * ADIT_BENCH_PINGS; i++) {
        assert_false(adit_bench_pings_full(&p));
        adit_bench_pings_sent(&p, 1);
    }
    assert_int_equal(p.lost, ADIT_BENCH_PINGS);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(everything_is_measured),
        TEST(without_packets),
        TEST(what_happens_to_packets_is_told),
        TEST(a_table_for_people),
        TEST(others_are_told_apart),
        TEST(silence_is_no_measurement),
        TEST(it_falls_silent),
        TEST(it_leaves),
        TEST(both_want_to_ask),
        TEST(what_cannot_be_asked_for),
        TEST(a_flood_is_bounded),
        TEST(inventions_count_for_nothing),
        TEST(a_count_that_cannot_be),
        TEST(packets_of_others_are_dropped),
        TEST(no_memory),
        cmocka_unit_test(every_message_to_the_byte),
        cmocka_unit_test(percentiles),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
