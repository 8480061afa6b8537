/* Streams on one channel: their lives, their windows, their turns, and what breaks the rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/base.h"
#include "unit/mux_link.h"

static void open_one(struct mux_link *l, struct note *a, struct note *b)
{
    l->b.ops = &note_ops;
    l->b.arg = b;
    l->b.s = NULL;
    assert_int_equal(adit_mux_open(&a->s, l->a.mux, ADIT_MUX_STREAM, "tcp:x:1", 7, &note_ops, a),
                     0);
    mux_link_run(l, ADIT_NEVER);
    b->s = l->b.s;
    assert_non_null(b->s);
}

static void both_ways_and_to_the_end(void **state)
{
    struct mux_link l = { .delay = 10 * ADIT_MS };
    struct note a = { 0 }, b = { 0 };

    (void)state;
    mux_link_start(&l, NULL, NULL);
    open_one(&l, &a, &b);
    assert_int_equal(l.b.kind, ADIT_MUX_STREAM);
    assert_string_equal(l.b.target, "tcp:x:1");
    assert_int_equal(adit_mux_head(b.s, "it stands", 9), 0);
    a.to_send = b.to_send = 3000000;
    a.end_at_end = true;
    note_pump(&a);
    note_pump(&b);
    mux_link_run(&l, ADIT_NEVER);
    assert_string_equal(a.head, "it stands");
    assert_int_equal(b.got, 3000000);
    assert_int_equal(a.got, 3000000);
    assert_int_equal(b.sum, note_sum(3000000));
    assert_int_equal(a.sum, note_sum(3000000));
    assert_int_equal(b.ends, 1);
    assert_string_equal(b.end, "bye");
    assert_int_equal(a.closed + b.closed, 0); /* one direction goes on */
    b.to_send = 5;
    b.end_at_end = true;
    note_pump(&b);
    mux_link_run(&l, ADIT_NEVER);
    assert_int_equal(a.got, 3000005);
    assert_int_equal(a.ends, 1);
    assert_int_equal(a.closed, 1);
    assert_int_equal(a.code, ADIT_MUX_DONE);
    assert_int_equal(b.closed, 1);
    assert_int_equal(b.code, ADIT_MUX_DONE);
    assert_int_equal(adit_mux_count(l.a.mux) + adit_mux_count(l.b.mux), 0);
    assert_int_equal(adit_mux_held(l.a.mux) + adit_mux_queued(l.a.mux), 0);
    mux_link_stop(&l);
}

/* Request and answer take one round trip, and small things share messages. */
static void opening_costs_nothing(void **state)
{
    struct mux_link l = { .delay = 10 * ADIT_MS };
    struct note a[20] = { { 0 } }, b = { .keep = true };

    (void)state;
    mux_link_start(&l, NULL, NULL);
    l.b.ops = &note_ops;
    l.b.arg = &b;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(adit_mux_open(&a[i].s, l.a.mux, ADIT_MUX_HTTP, "GET", 3, &note_ops, &a[i]),
                         0);
        assert_int_equal(adit_mux_send(a[i].s, "question", 8), 0);
        assert_int_equal(adit_mux_end(a[i].s, "", 0), 0);
    }
    mux_link_run(&l, l.now + 10 * ADIT_MS);
    assert_int_equal(l.b.opened, 20);
    assert_int_equal(b.got, 160);
    assert_int_equal(b.ends, 20);
    assert_int_equal(l.a.messages, 1);
    mux_link_stop(&l);
}

static void resets_and_refusals(void **state)
{
    struct mux_link l = { .delay = ADIT_MS };
    struct note a = { .to_send = 1000000 }, b = { .reset_in_data = true };

    (void)state;
    mux_link_start(&l, NULL, NULL);
    open_one(&l, &a, &b);
    note_pump(&a);
    mux_link_run(&l, ADIT_NEVER);
    assert_int_equal(a.closed, 1);
    assert_int_equal(a.code, ADIT_MUX_DONE);
    assert_string_equal(a.text, "enough");
    assert_int_equal(b.closed, 0); /* who resets is not told */
    l.b.ops = NULL;                /* nobody takes it */
    a = (struct note){ 0 };
    assert_int_equal(adit_mux_open(&a.s, l.a.mux, ADIT_MUX_FILE, "", 0, &note_ops, &a), 0);
    mux_link_run(&l, ADIT_NEVER);
    assert_int_equal(a.code, ADIT_MUX_UNKNOWN);
    /* One that never left costs nothing, and its number is passed over. */
    l.b.ops = &note_ops;
    l.b.arg = &b;
    l.b.opened = 0;
    b = (struct note){ 0 };
    assert_int_equal(adit_mux_open(&a.s, l.a.mux, ADIT_MUX_FILE, "", 0, &note_ops, &a), 0);
    adit_mux_reset(a.s, ADIT_MUX_DONE, NULL);
    assert_int_equal(adit_mux_open(&a.s, l.a.mux, ADIT_MUX_FILE, "", 0, &note_ops, &a), 0);
    mux_link_run(&l, ADIT_NEVER);
    assert_int_equal(l.b.opened, 1);
    assert_null(l.b.why);
    adit_mux_lost(l.a.mux, l.now);
    assert_int_equal(a.code, ADIT_MUX_LOST);
    assert_int_equal(adit_mux_open(&a.s, l.a.mux, ADIT_MUX_FILE, "", 0, &note_ops, &a), -EPIPE);
    mux_link_stop(&l);
}

/* Who has said all goes; it is delivered all the same, and who still talks is told to stop. */
static void leaving(void **state)
{
    (void)state;
    for (int ended = 0; ended < 2; ended++) {
        struct mux_link l = { .delay = ADIT_MS, .rate = 12500000 };
        struct note a = { .to_send = 50000000 }, b = { .to_send = 30000, .keep = true };

        mux_link_start(&l, NULL, NULL);
        open_one(&l, &a, &b);
        note_pump(&a);
        if (ended) {
            mux_link_run(&l, l.now + 100 * ADIT_MS);
            assert_int_equal(adit_mux_end(b.s, "", 0), 0);
            mux_link_run(&l, l.now + 100 * ADIT_MS);
            assert_int_equal(a.ends, 1);
        } else {
            note_pump(&b);
            b.to_send = 0;
            b.want = 0;
            assert_int_equal(adit_mux_end(b.s, "", 0), 0);
        }
        adit_mux_leave(b.s);
        mux_link_run(&l, ADIT_NEVER);
        assert_int_equal(a.ends, 1);
        assert_int_equal(a.closed, 1);
        assert_int_equal(a.code, ADIT_MUX_DONE);
        assert_true(a.to_send > 40000000);
        assert_int_equal(b.closed, 0);
        assert_int_equal(adit_mux_count(l.a.mux) + adit_mux_count(l.b.mux), 0);
        assert_int_equal(adit_mux_held(l.b.mux), 0);
        mux_link_stop(&l);
    }
}

/* The reader keeps everything: only the window comes, and a neighbour is not delayed. */
static void who_does_not_read_holds_up_nobody_else(void **state)
{
    struct mux_link l = { .delay = 5 * ADIT_MS, .rate = 12500000 };
    struct note a = { .to_send = 100000000 }, b = { .keep = true }, c = { 0 }, d = { 0 };

    (void)state;
    mux_link_start(&l, NULL, NULL);
    open_one(&l, &a, &b);
    note_pump(&a);
    mux_link_run(&l, l.now + 10 * ADIT_SEC);
    assert_true(b.got >= ADIT_MUX_WINDOW_MIN);
    assert_true(b.got <= 4 * 1024 * 1024);
    assert_int_equal(adit_mux_held(l.b.mux), b.got);
    assert_true(adit_mux_queued(l.a.mux) <= ADIT_MUX_PIECE);
    open_one(&l, &c, &d);
    c.to_send = 5000000;
    note_pump(&c);
    mux_link_run(&l, l.now + 2 * ADIT_SEC);
    assert_int_equal(d.got, 5000000);
    /* and when it reads again, it goes on */
    size_t held = b.got;
    b.keep = false;
    adit_mux_consumed(b.s, held);
    mux_link_run(&l, l.now + ADIT_SEC);
    assert_true(b.got > held + 5000000);
    mux_link_stop(&l);
}

/* 1000 that are never read: what waits is bounded at both ends, and the next one works. */
static void memory_is_bounded(void **state)
{
    static struct note a[1000], b[1000];
    struct mux_link l = { .delay = 5 * ADIT_MS };
    struct note last = { .to_send = 1000000 }, sink = { 0 };

    (void)state;
    mux_link_start(&l, NULL, NULL);
    for (int i = 0; i < 1000; i++) {
        a[i] = (struct note){ .to_send = 1000000 };
        b[i] = (struct note){ .keep = true };
        open_one(&l, &a[i], &b[i]);
        note_pump(&a[i]);
    }
    mux_link_run(&l, ADIT_NEVER);
    assert_int_equal(adit_mux_count(l.b.mux), 1000);
    assert_true(adit_mux_held(l.b.mux) <= 12 * 1024 * 1024);
    assert_true(adit_mux_held(l.b.mux) >= 1000 * ADIT_MUX_WINDOW_MIN);
    assert_true(adit_mux_queued(l.a.mux) <= 2 * 1024 * 1024);
    open_one(&l, &last, &sink);
    note_pump(&last);
    mux_link_run(&l, ADIT_NEVER);
    assert_int_equal(sink.got, 1000000);
    mux_link_stop(&l);
}

static void as_many_streams_as_agreed(void **state)
{
    struct adit_mux_conf few = { .streams_max = 3 }, knows = { .their_streams = 3 };
    struct note a[5] = { { 0 } }, b = { 0 };

    (void)state;
    for (int told = 0; told < 2; told++) {
        struct mux_link l = { .delay = ADIT_MS };

        mux_link_start(&l, told ? &knows : NULL, &few);
        l.b.ops = &note_ops;
        l.b.arg = &b;
        for (int i = 0; i < 4; i++) {
            a[i] = (struct note){ 0 };
            assert_int_equal(
                adit_mux_open(&a[i].s, l.a.mux, ADIT_MUX_STREAM, "", 0, &note_ops, &a[i]),
                told && i == 3 ? -EAGAIN : 0);
        }
        mux_link_run(&l, ADIT_NEVER);
        assert_int_equal(l.b.opened, 3);
        assert_int_equal(a[3].closed, told ? 0 : 1);
        if (!told)
            assert_int_equal(a[3].code, ADIT_MUX_FULL);
        adit_mux_reset(a[0].s, ADIT_MUX_DONE, NULL);
        mux_link_run(&l, ADIT_NEVER);
        assert_int_equal(adit_mux_open(&a[4].s, l.a.mux, ADIT_MUX_STREAM, "", 0, &note_ops, &a[4]),
                         0);
        mux_link_run(&l, ADIT_NEVER);
        assert_int_equal(l.b.opened, 4);
        mux_link_stop(&l);
    }
}

/* Four that have as much as can be sent share the wire equally; a request among them is answered
 * nearly as fast as on an idle wire. */
static void turns_are_fair_and_small_things_are_quick(void **state)
{
    struct mux_link l = { .delay = 20 * ADIT_MS, .rate = 12500000, .buffer = 1 << 20 };
    struct note bulk[4] = { { 0 } }, sink[4] = { { 0 } }, ask = { 0 }, answer = { 0 };
    adit_time start, worst = 0;
    size_t least = SIZE_MAX, most = 0;

    (void)state;
    mux_link_start(&l, NULL, NULL);
    for (int i = 0; i < 4; i++) {
        open_one(&l, &bulk[i], &sink[i]);
        bulk[i].to_send = 500000000;
    }
    for (int i = 0; i < 4; i++)
        note_pump(&bulk[i]);
    mux_link_run(&l, l.now + 2 * ADIT_SEC);
    for (int i = 0; i < 4; i++)
        sink[i].got = 0;
    start = l.now;
    for (int i = 0; i < 50; i++) {
        adit_time asked = l.now;

        ask = answer = (struct note){ 0 };
        l.b.arg = &answer;
        assert_int_equal(adit_mux_open(&ask.s, l.a.mux, ADIT_MUX_HTTP, "", 0, &note_ops, &ask), 0);
        assert_int_equal(adit_mux_send(ask.s, "question", 8), 0);
        mux_link_run(&l, l.now + 100 * ADIT_MS);
        assert_int_equal(answer.got, 8);
        if (answer.got_at - asked > worst)
            worst = answer.got_at - asked;
        adit_mux_reset(ask.s, ADIT_MUX_DONE, NULL);
    }
    for (int i = 0; i < 4; i++) {
        least = sink[i].got < least ? sink[i].got : least;
        most = sink[i].got > most ? sink[i].got : most;
    }
    assert_true(most - least < most / 10);
    /* nine tenths of what the wire carries */
    assert_true(4 * (double)least > 0.9 * 12500000 * (double)((l.now - start) / ADIT_MS) / 1000);
    assert_true(worst < 40 * ADIT_MS);
    mux_link_stop(&l);
}

static void datagrams_stay_whole(void **state)
{
    static uint8_t big[65535];
    struct mux_link l = { .delay = ADIT_MS };
    struct note a = { 0 }, b = { 0 };
    unsigned taken = 0;

    (void)state;
    mux_link_start(&l, NULL, NULL);
    open_one(&l, &a, &b);
    assert_int_equal(adit_mux_datagram(a.s, big, 0), 0);
    assert_int_equal(adit_mux_datagram(a.s, big, 65507), 0);
    assert_int_equal(adit_mux_datagram(a.s, big, 65531), -EMSGSIZE);
    mux_link_run(&l, ADIT_NEVER);
    assert_int_equal(b.datagrams, 2);
    assert_int_equal(b.got, 65507);
    l.a.stuck = true;
    while (taken < 1000 && adit_mux_datagram(a.s, big, 1200) == 0)
        taken++;
    assert_in_range(taken, 50, 60); /* the way is full */
    assert_int_equal(adit_mux_head(a.s, "head", 4), 0);
    l.a.stuck = false;
    l.a.due = true;
    mux_link_run(&l, ADIT_NEVER);
    assert_int_equal(b.datagrams, 2 + taken);
    assert_int_equal(b.heads, 1);
    mux_link_stop(&l);
}

/* A hundred streams whose datagrams nobody takes have no more than one part of the memory. */
static void datagrams_have_a_limit_together(void **state)
{
    static uint8_t big[1200];
    struct mux_link l = { .delay = ADIT_MS };
    struct note a[100] = { 0 }, b[100] = { 0 };
    size_t taken = 0;

    (void)state;
    mux_link_start(&l, NULL, NULL);
    for (size_t i = 0; i < ADIT_LEN(a); i++)
        open_one(&l, &a[i], &b[i]);
    l.a.stuck = true;
    for (size_t i = 0; i < ADIT_LEN(a); i++)
        while (adit_mux_datagram(a[i].s, big, sizeof big) == 0)
            taken += sizeof big;
    assert_in_range(taken, ADIT_MUX_MEMORY_DEFAULT / 32, ADIT_MUX_MEMORY_DEFAULT / 16 + sizeof big);
    assert_int_equal(adit_mux_head(a[0].s, "head", 4), 0);
    l.a.stuck = false;
    l.a.due = true;
    mux_link_run(&l, ADIT_NEVER);
    assert_int_equal(b[0].heads, 1);
    assert_int_equal(adit_mux_datagram(a[99].s, big, sizeof big), 0);
    mux_link_stop(&l);
}

/* Nor do heads and trailers, when the other side takes nothing. */
static void heads_have_a_limit_together(void **state)
{
    static struct note a[400];
    static char head[16000];
    struct mux_link l = { .delay = ADIT_MS };
    struct note b = { 0 };
    size_t taken = 0;

    (void)state;
    mux_link_start(&l, NULL, NULL);
    l.b.ops = &note_ops;
    l.b.arg = &b;
    l.a.stuck = true;
    for (size_t i = 0; i < ADIT_LEN(a); i++) {
        a[i] = (struct note){ 0 };
        if (adit_mux_open(&a[i].s, l.a.mux, ADIT_MUX_HTTP, head, 1, &note_ops, &a[i]) == 0 &&
            adit_mux_head(a[i].s, head, sizeof head) == 0)
            taken += sizeof head;
    }
    assert_in_range(taken, 1024 * 1024, 2 * 1024 * 1024 + sizeof head);
    l.a.stuck = false;
    l.a.due = true;
    mux_link_run(&l, ADIT_NEVER);
    assert_int_equal(b.heads * sizeof head, taken);
    mux_link_stop(&l);
}

static void small_messages_will_do(void **state)
{
    struct adit_mux_conf conf = { .message_max = 1200 };
    struct mux_link l = { .delay = ADIT_MS };
    struct note a = { .to_send = 100000 }, b = { 0 };
    char head[1300] = { 0 };

    (void)state;
    mux_link_start(&l, &conf, NULL);
    open_one(&l, &a, &b);
    assert_int_equal(adit_mux_head(a.s, head, 1196), -EMSGSIZE);
    assert_int_equal(adit_mux_head(a.s, head, 1195), 0);
    note_pump(&a);
    mux_link_run(&l, ADIT_NEVER);
    assert_int_equal(b.heads, 1);
    assert_int_equal(b.sum, note_sum(100000));
    assert_true(l.a.bytes / l.a.messages <= 1200);
    mux_link_stop(&l);
}

/* ---- rules ----------------------------------------------------------------------------------- */

#define OPEN  "\x20\0\0\0\1\2\0\0\x10\0x" /* stream 1, kind 2, 4096 bytes */
#define OPEN3 "\x20\0\0\0\3\2\0\0\x10\0x"

static void what_breaks_the_rules(void **state)
{
    static const struct {
        const char *name, *bytes[3];
        size_t n[3];
        bool good;
    } rows[] = {
        { "an open", { OPEN }, { 11 }, true },
        { "an open without target", { "\x20\0\0\0\1\2\0\0\x10\0" }, { 10 }, true },
        { "an open that is cut", { "\x20\0\0\0\1\2\0\0\x10" }, { 9 }, false },
        { "no bytes", { "" }, { 0 }, false },
        { "half a header", { "\x20\0\0\0" }, { 4 }, false },
        { "an even id of an odd side", { "\x20\0\0\0\2\2\0\0\x10\0x" }, { 11 }, false },
        { "id 0", { "\x20\0\0\0\0\2\0\0\x10\0x" }, { 11 }, false },
        { "twice the same id", { OPEN, OPEN }, { 11, 11 }, false },
        { "ids that go down", { OPEN3, OPEN }, { 11, 11 }, false },
        { "a gap in the ids", { OPEN3 }, { 11 }, true },
        { "data", { OPEN, "\x21\0\0\0\1hello" }, { 11, 10 }, true },
        { "no data", { OPEN, "\x21\0\0\0\1" }, { 11, 5 }, true },
        { "data of a stream that never was", { "\x21\0\0\0\1hello" }, { 10 }, false },
        { "data of a stream of ours that never was", { "\x21\0\0\0\2hello" }, { 10 }, false },
        { "data of a stream that was", { OPEN3, "\x21\0\0\0\1hello" }, { 11, 10 }, true },
        { "an end", { OPEN, "\x22\0\0\0\1" }, { 11, 5 }, true },
        { "two ends", { OPEN, "\x22\0\0\0\1", "\x22\0\0\0\1" }, { 11, 5, 5 }, false },
        { "data behind the end", { OPEN, "\x22\0\0\0\1", "\x21\0\0\0\1x" }, { 11, 5, 6 }, false },
        { "a reset", { OPEN, "\x23\0\0\0\1\0\1why" }, { 11, 10 }, true },
        { "a reset without code", { OPEN, "\x23\0\0\0\1\0" }, { 11, 6 }, false },
        { "two resets", { OPEN, "\x23\0\0\0\1\0\1", "\x23\0\0\0\1\0\1" }, { 11, 7, 7 }, true },
        { "a reset with control characters",
          { OPEN, "\x23\0\0\0\1\0\1\x1b[0m" },
          { 11, 11 },
          true },
        { "a window", { OPEN, "\x24\0\0\0\1\0\0\1\0" }, { 11, 9 }, true },
        { "a window that is cut", { OPEN, "\x24\0\0\0\1\0\0\1" }, { 11, 8 }, false },
        { "a head", { OPEN, "\x25\0\0\0\1x" }, { 11, 6 }, true },
        { "a datagram", { OPEN, "\x26\0\0\0\1x" }, { 11, 6 }, true },
        { "a pack", { "\x27\0\0\0\0\0\x0b" OPEN "\0\x06\x21\0\0\0\1y" }, { 26 }, true },
        { "an empty pack", { "\x27\0\0\0\0" }, { 5 }, true },
        { "a pack in a pack", { "\x27\0\0\0\0\0\x05\x27\0\0\0\0" }, { 12 }, false },
        { "a pack with a stream", { "\x27\0\0\0\1" }, { 5 }, false },
        { "a part beyond the end", { "\x27\0\0\0\0\0\x06\x21\0\0\0\1" }, { 12 }, false },
        { "half a length", { "\x27\0\0\0\0\0" }, { 6 }, false },
        { "an empty part", { "\x27\0\0\0\0\0\0" }, { 7 }, false },
        { "type 40", { OPEN, "\x28\0\0\0\1x" }, { 11, 6 }, false },
        { "type 63", { OPEN, "\x3f\0\0\0\1x" }, { 11, 6 }, false },
        { "type 64 is somebody else's", { OPEN, "\x40\0\0\0\1x" }, { 11, 6 }, true },
        { "type 10 has had its time", { "\x0a\0\0\0\1{}" }, { 7 }, false },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct mux_link l = { .delay = ADIT_MS };
        struct note b = { .keep = true };
        const char *why = NULL;
        int err = 0;

        mux_link_start(&l, NULL, NULL);
        l.b.ops = &note_ops;
        l.b.arg = &b;
        for (int k = 0; k < 3 && rows[i].bytes[k] && !err; k++)
            err = adit_mux_feed(l.b.mux, (const uint8_t *)rows[i].bytes[k], rows[i].n[k], &why, 0);
        if (err != (rows[i].good ? 0 : -EPROTO) || !why != rows[i].good)
            fail_msg("%s: %d, %s", rows[i].name, err, why ? why : "");
        for (const char *p = b.text; *p; p++)
            assert_true((unsigned char)*p >= ' ');
        mux_link_stop(&l);
    }
}

static void more_than_was_granted(void **state)
{
    static uint8_t data[5 + ADIT_MUX_WINDOW_MIN + 1] = { 33, 0, 0, 0, 1 };
    const char *why = NULL;

    (void)state;
    for (int over = 0; over < 2; over++) {
        struct mux_link l = { .delay = ADIT_MS };
        struct note b = { .keep = true };

        mux_link_start(&l, NULL, NULL);
        l.b.ops = &note_ops;
        l.b.arg = &b;
        assert_int_equal(adit_mux_feed(l.b.mux, (const uint8_t *)OPEN, 11, &why, 0), 0);
        assert_int_equal(adit_mux_feed(l.b.mux, data, 5 + ADIT_MUX_WINDOW_MIN + over, &why, 0),
                         over ? -EPROTO : 0);
        mux_link_stop(&l);
    }
}

static void a_flood_of_opens_is_bounded(void **state)
{
    struct mux_link l = { .delay = ADIT_MS };
    uint8_t open[10] = { 32, 0, 0, 0, 0, 2, 0, 0, 16, 0 };
    const char *why = NULL;
    uint32_t id = 1;

    (void)state;
    mux_link_start(&l, NULL, NULL);
    l.b.stuck = true;
    for (; id < 2000000 && !why; id += 2) {
        adit_put32(open + 1, id);
        (void)!adit_mux_feed(l.b.mux, open, sizeof open, &why, 0);
    }
    assert_non_null(why);
    assert_int_equal(adit_mux_count(l.b.mux), 0);
    mux_link_stop(&l);
}

static void without_memory(void **state)
{
    bool failed = true;

    (void)state;
    for (unsigned n = 0; failed; n++) {
        struct mux_link l = { .delay = ADIT_MS };
        struct note a = { .to_send = 1000 }, b = { 0 };

        mux_link_start(&l, NULL, NULL);
        l.b.ops = &note_ops;
        l.b.arg = &b;
        adit_alloc_fail_once(n);
        if (adit_mux_open(&a.s, l.a.mux, ADIT_MUX_STREAM, "t", 1, &note_ops, &a) == 0 &&
            adit_mux_head(a.s, "h", 1) == 0 && adit_mux_send(a.s, "0123456789", 10) == 0 &&
            adit_mux_end(a.s, "e", 1) == 0)
            failed = false;
        adit_alloc_fail_once(-1);
        mux_link_run(&l, ADIT_NEVER);
        assert_null(l.b.why);
        mux_link_stop(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways_and_to_the_end),
        cmocka_unit_test(opening_costs_nothing),
        cmocka_unit_test(resets_and_refusals),
        cmocka_unit_test(leaving),
        cmocka_unit_test(who_does_not_read_holds_up_nobody_else),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(as_many_streams_as_agreed),
        cmocka_unit_test(turns_are_fair_and_small_things_are_quick),
        cmocka_unit_test(datagrams_stay_whole),
        cmocka_unit_test(datagrams_have_a_limit_together),
        cmocka_unit_test(heads_have_a_limit_together),
        cmocka_unit_test(small_messages_will_do),
        cmocka_unit_test(what_breaks_the_rules),
        cmocka_unit_test(more_than_was_granted),
        cmocka_unit_test(a_flood_of_opens_is_bounded),
        cmocka_unit_test(without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
