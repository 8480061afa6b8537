/* Data channels close, use ids again, share the buffer; see sctp_link.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sctp/chan.h"
#include "sctp_link.h"

#define R ADIT_CHANNEL_RELIABLE

/* Byte i of a message that is told apart by its number. */
static uint8_t pattern(unsigned number, size_t i)
{
    return (uint8_t)(number * 31 + i * 7 + (i >> 8));
}

static void fill(uint8_t *bytes, unsigned number, size_t n)
{
    for (size_t i = 0; i < n; i++)
        bytes[i] = pattern(number, i);
}

static unsigned expected;
static size_t expected_n;
static bool expected_text;

static void compare(struct sctp_end *e, const struct adit_sctp_event *ev)
{
    const uint8_t *bytes = ev->bytes;

    (void)e;
    if (ev->type != ADIT_SCTP_EV_MESSAGE)
        return;
    assert_int_equal(ev->n, expected_n);
    assert_int_equal(ev->text, expected_text);
    for (size_t i = 0; i < ev->n; i++)
        if (bytes[i] != pattern(expected, i))
            fail_msg("message %u differs at %zu", expected, i);
}

/* ---- closing and ids ---- */

static void close_delivers_first(void **state)
{
    uint8_t *bytes = malloc(200000);
    struct sctp_link l;

    (void)state;
    sctp_link_connect(&l, 3, NULL);
    l.loss = 100;
    struct adit_channel *c = sctp_link_open(&l, 1, "x", false, R);
    l.end[0].event = compare;
    expected = 77;
    expected_n = 200000;
    expected_text = false;
    fill(bytes, 77, 200000);
    assert_int_equal(adit_channel_send(c, bytes, 200000, false, l.now), 0);
    adit_channel_close(c, l.now);
    assert_int_equal(adit_channel_state(c), ADIT_CHANNEL_CLOSING);
    assert_int_equal(adit_channel_send(c, "x", 1, false, l.now), -EPIPE);
    sctp_link_run(&l, 60 * ADIT_SEC, NULL);
    assert_int_equal(l.end[0].messages, 1);
    assert_int_equal(l.end[0].closed, 1);
    assert_int_equal(l.end[1].closed, 1);
    assert_int_equal(l.end[1].channel_cause.reason, ADIT_REASON_LOCAL);
    free(bytes);
    sctp_link_done(&l);
}

static bool all_closed(struct sctp_link *l)
{
    return l->end[0].s->channel_count == 0 && l->end[1].s->channel_count == 0;
}

static unsigned target;

static bool all_answered(struct sctp_link *l)
{
    return l->end[0].opened == target && l->end[1].accepted == target &&
           l->end[0].messages == target;
}

static void echo(struct sctp_end *e, const struct adit_sctp_event *ev)
{
    if (ev->type == ADIT_SCTP_EV_MESSAGE)
        assert_int_equal(adit_channel_send(ev->channel, ev->bytes, ev->n, ev->text, e->link->now),
                         0);
}

/* Closed by one side, by the other, by both at once, with loss; 64 channels, 20 times. */
static void ids_are_used_again(void **state)
{
    struct adit_channel *c[64];
    struct sctp_link l;

    (void)state;
    sctp_link_connect(&l, 9, NULL);
    l.loss = 50;
    l.jitter = 5 * ADIT_MS;
    l.end[1].event = echo;
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < 64; i++) {
            c[i] = sctp_link_open(&l, 0, "again", false, R);
            assert_true(adit_channel_id(c[i]) < 2 * 64);
            assert_int_equal(adit_channel_send(c[i], "hi", 2, true, l.now), 0);
        }
        target = 64 * (round + 1);
        assert_true(sctp_link_run(&l, 60 * ADIT_SEC, all_answered));
        for (unsigned i = 0; i < 64; i++) {
            uint16_t id = adit_channel_id(c[i]);

            if ((i + round) % 3 != 0)
                adit_channel_close(c[i], l.now);
            if ((i + round) % 3 != 1)
                adit_channel_close(adit_chan_at(l.end[1].s, (uint16_t)id), l.now);
        }
        assert_true(sctp_link_run(&l, 60 * ADIT_SEC, all_closed));
        assert_int_equal(l.end[0].closed, 64 * (round + 1));
        assert_int_equal(l.end[1].closed, 64 * (round + 1));
    }
    sctp_link_done(&l);
}

static void compare_by_id(struct sctp_end *e, const struct adit_sctp_event *ev)
{
    if (ev->type != ADIT_SCTP_EV_MESSAGE)
        return;
    expected = adit_channel_id(ev->channel);
    compare(e, ev);
}

static bool all_came(struct sctp_link *l)
{
    return l->end[0].messages == target && l->end[1].messages == target;
}

/* usrsctp's streams are made when they are needed, in the middle of messages of the others. */
static void any_id_at_any_time(void **state)
{
    static const uint16_t ids[] = { 255, 3, 256, 2, 5000, 0, 65534 };
    uint8_t *bytes = malloc(50000);

    (void)state;
    expected_n = 50000;
    expected_text = false;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct sctp_link l;

        sctp_link_connect(&l, seed, NULL);
        l.loss = 50;
        l.jitter = 5 * ADIT_MS;
        l.end[0].event = l.end[1].event = compare_by_id;
        for (size_t i = 0; i < ADIT_LEN(ids); i++) {
            struct adit_channel_conf conf = {
                .negotiated = true, .id = ids[i], .max_retransmits = R, .max_lifetime_ms = R
            };
            int err;

            fill(bytes, ids[i], expected_n);
            for (int k = 0; k < 2; k++) {
                struct adit_channel *c = adit_channel_open(l.end[k].s, &conf, &err, l.now);

                assert_non_null(c);
                assert_int_equal(adit_channel_send(c, bytes, expected_n, false, l.now), 0);
            }
            sctp_link_run(&l, (adit_time)adit_rng_below(&l.rng, 60) * ADIT_MS, NULL);
        }
        target = ADIT_LEN(ids);
        assert_true(sctp_link_run(&l, 120 * ADIT_SEC, all_came));
        for (size_t i = 0; i < ADIT_LEN(ids); i++)
            adit_channel_close(adit_chan_at(l.end[i & 1].s, ids[i]), l.now);
        assert_true(sctp_link_run(&l, 60 * ADIT_SEC, all_closed));
        sctp_link_done(&l);
    }
    free(bytes);
}

static bool hold_requests;

static bool no_reset_request(struct sctp_end *e, uint8_t *bytes, size_t n)
{
    (void)e, (void)n;
    return !hold_requests || bytes[12] != 130 || adit_get16(bytes + 16) != 13; /* RFC 6525 */
}

/* Our direction is reset, the peer's is not: its id is not ours to use yet. */
static void an_id_rests_until_both_are_reset(void **state)
{
    struct sctp_link l;

    (void)state;
    sctp_link_connect(&l, 1, NULL);
    struct adit_channel *c = sctp_link_open(&l, 0, "x", false, R);
    sctp_link_run(&l, ADIT_SEC, NULL);
    l.end[1].pass = no_reset_request;
    hold_requests = true;
    adit_channel_close(c, l.now);
    sctp_link_run(&l, 2 * ADIT_SEC, NULL);
    assert_int_equal(l.end[0].closed, 1);
    assert_int_equal(l.end[1].closed, 0);
    c = sctp_link_open(&l, 0, "x", false, R);
    assert_int_equal(adit_channel_id(c), 2);
    hold_requests = false;
    sctp_link_run(&l, 10 * ADIT_SEC, NULL);
    assert_int_equal(l.end[1].closed, 1);
    assert_int_equal(l.end[1].accepted, 2);
    assert_int_equal(adit_channel_id(sctp_link_open(&l, 0, "x", false, R)), 0);
    sctp_link_run(&l, ADIT_SEC, NULL);
    assert_int_equal(l.end[1].accepted, 3);
    sctp_link_done(&l);
}

static void thousand_channels(void **state)
{
    struct adit_channel *c[1000];
    struct sctp_link l;

    (void)state;
    sctp_link_connect(&l, 4, NULL);
    l.end[1].event = echo;
    for (unsigned i = 0; i < 1000; i++)
        c[i] = sctp_link_open(&l, 0, "many", false, R);
    sctp_link_run(&l, 10 * ADIT_SEC, NULL);
    assert_int_equal(l.end[1].accepted, 1000);
    assert_int_equal(l.end[0].opened, 1000);
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(adit_channel_send(c[i], &i, sizeof i, false, l.now), 0);
    sctp_link_run(&l, 10 * ADIT_SEC, NULL);
    assert_int_equal(l.end[0].messages, 1000);
    for (unsigned i = 0; i < 1000; i++)
        adit_channel_close(c[i], l.now);
    sctp_link_run(&l, 30 * ADIT_SEC, NULL);
    assert_int_equal(l.end[0].closed, 1000);
    assert_int_equal(l.end[1].closed, 1000);
    sctp_link_done(&l);
}

/* ---- room ---- */

struct pump {
    struct adit_channel *c;
    size_t n, sent, total;
};

static void pump_on(struct sctp_link *l, struct pump *p)
{
    static uint8_t bytes[65536];

    while (p->sent < p->total && adit_channel_send(p->c, bytes, p->n, false, l->now) == 0)
        p->sent += p->n;
}

static void on_writable(struct sctp_end *e, const struct adit_sctp_event *ev)
{
    struct pump *pumps = e->user;

    if (ev->type != ADIT_SCTP_EV_WRITABLE)
        return;
    for (int i = 0; i < 3; i++)
        if (pumps[i].c == ev->channel)
            pump_on(e->link, &pumps[i]);
}

/* A full buffer says so, tells when there is room, and nobody is starved. */
static void buffer_is_bounded_and_shared(void **state)
{
    struct sctp_link l;
    struct pump pumps[3] = { { .n = 16384, .total = 4 << 20 },
                             { .n = 100, .total = 50000 },
                             { .n = 65536, .total = 4 << 20 } };

    (void)state;
    sctp_link_connect(&l, 5, NULL);
    l.end[0].event = on_writable;
    l.end[0].user = pumps;
    for (int i = 0; i < 3; i++)
        pumps[i].c = sctp_link_open(&l, 0, "p", false, R);
    for (int i = 0; i < 3; i++)
        pump_on(&l, &pumps[i]);
    adit_channel_set_low(pumps[0].c, 1000);
    assert_true(pumps[0].sent > 0 && pumps[0].sent <= 768 * 1024);
    assert_true(pumps[1].sent > 0); /* the first one left room */
    assert_true(pumps[2].sent > 0);
    assert_true(adit_usr_queued(&l.end[0].s->usr) < (3 << 19) + 65536 + 100000);
    sctp_link_run(&l, 300 * ADIT_SEC, NULL);
    for (int i = 0; i < 3; i++) {
        assert_true(pumps[i].sent >= pumps[i].total);
        assert_int_equal(adit_channel_buffered(pumps[i].c), 0);
    }
    assert_true(l.end[0].low >= 1);
    assert_int_equal(l.end[1].bytes, pumps[0].sent + pumps[1].sent + pumps[2].sent);
    sctp_link_done(&l);
}

static void tiny_messages_count_what_they_cost(void **state)
{
    struct sctp_link l;
    unsigned n = 0;

    (void)state;
    sctp_link_connect(&l, 5, NULL);
    struct adit_channel *c = sctp_link_open(&l, 0, "p", false, R);
    while (n < 100000 && adit_channel_send(c, "x", 1, false, l.now) == 0)
        n++;
    assert_true(n > 1000 && n < 10000);
    sctp_link_run(&l, 60 * ADIT_SEC, NULL);
    assert_int_equal(l.end[1].messages, n);
    assert_int_equal(l.end[0].writable, 1);
    sctp_link_done(&l);
}

/* ---- handlers may call anything ---- */

static void meddle(struct sctp_end *e, const struct adit_sctp_event *ev)
{
    struct sctp_link *l = e->link;
    uint8_t bytes[100] = { 0 };
    int err;
    struct adit_channel_conf conf = { .max_retransmits = R,
                                      .max_lifetime_ms = R,
                                      .id = ADIT_CHANNEL_ID_AUTO };

    switch (adit_rng_below(&l->rng, 12)) {
    case 0:
        adit_channel_open(e->s, &conf, &err, l->now);
        break;
    case 1:
        if (ev->channel && ev->type != ADIT_SCTP_EV_CLOSED)
            adit_channel_close(ev->channel, l->now);
        break;
    case 2:
        adit_sctp_pause(e->s);
        break;
    case 3:
        adit_sctp_resume(e->s, l->now);
        break;
    case 4:
        if (adit_rng_below(&l->rng, 40) == 0)
            adit_sctp_shutdown(e->s, l->now);
        break;
    case 5:
        if (adit_rng_below(&l->rng, 80) == 0)
            adit_sctp_abort(e->s, l->now);
        break;
    default:
        if (ev->channel && adit_channel_send(ev->channel, bytes, sizeof bytes, false, l->now) == 0)
            adit_channel_set_low(ev->channel, 50);
        break;
    }
}

static void handlers_call_anything(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 150; seed++) {
        struct sctp_link l;

        sctp_link_connect(&l, seed, NULL);
        l.loss = 20;
        l.end[0].event = l.end[1].event = meddle;
        for (int i = 0; i < 4; i++)
            sctp_link_open(&l, i & 1, "m", i & 2, R);
        for (int i = 0; i < 20; i++) {
            sctp_link_run(&l, 200 * ADIT_MS, NULL);
            for (int k = 0; k < 2; k++)
                if (adit_rng_below(&l.rng, 3) == 0)
                    adit_sctp_resume(l.end[k].s, l.now);
        }
        for (int i = 0; i < 2; i++)
            assert_true(l.end[i].down <= 1);
        sctp_link_done(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(close_delivers_first),
        cmocka_unit_test(ids_are_used_again),
        cmocka_unit_test(any_id_at_any_time),
        cmocka_unit_test(an_id_rests_until_both_are_reset),
        cmocka_unit_test(thousand_channels),
        cmocka_unit_test(buffer_is_bounded_and_shared),
        cmocka_unit_test(tiny_messages_count_what_they_cost),
        cmocka_unit_test(handlers_call_anything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
