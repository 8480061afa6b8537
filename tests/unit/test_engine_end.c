/* The peer connection as an engine: what it goes through, and how it ends; see engine_pair.h. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/engine_pair.h"
#include "unit/sctp_kill.h"

/* RFC 7983 section 7. */
static bool is_dtls(const uint8_t *bytes, size_t n)
{
    return n && bytes[0] >= 20 && bytes[0] <= 63;
}

static bool second_over(struct engine_pair *p)
{
    return adit_engine_state(p->side[1].e) >= ADIT_PEER_FAILED;
}

static bool first_over(struct engine_pair *p)
{
    return adit_engine_state(p->side[0].e) >= ADIT_PEER_FAILED;
}

static void start_both(struct engine_pair *p)
{
    engine_pair_init(p);
    for (int i = 0; i < 2; i++)
        assert_true(engine_start(&p->side[i]));
    assert_non_null(engine_open(&p->side[0], "x"));
}

/* ---- states ---------------------------------------------------------------------------------- */

static bool cut;

static bool not_if_cut(struct engine_pair *p, int from, const uint8_t *bytes, size_t n)
{
    (void)p, (void)from, (void)bytes, (void)n;
    return !cut;
}

static bool no_dtls(struct engine_pair *p, int from, const uint8_t *bytes, size_t n)
{
    (void)p, (void)from;
    return !is_dtls(bytes, n);
}

enum story { PLAIN, WE_CLOSE, THEY_CLOSE, NOBODY, SILENT, BACK, DTLS_LOST, CLOSED_AT_ONCE };

#define N  ADIT_PEER_NEW
#define CG ADIT_PEER_CONNECTING
#define CD ADIT_PEER_CONNECTED
#define DI ADIT_PEER_DISCONNECTED
#define FA ADIT_PEER_FAILED
#define CL ADIT_PEER_CLOSED

static void state_sequences(void **state)
{
    static const struct {
        enum story story;
        enum adit_peer_state states[8]; /* 0 ends the list */
        enum adit_reason reason;
    } rows[] = {
        { PLAIN, { CG, CD }, ADIT_REASON_NONE },
        { WE_CLOSE, { CG, CD, CL }, ADIT_REASON_LOCAL },
        { THEY_CLOSE, { CG, CD, CL }, ADIT_REASON_REMOTE },
        { NOBODY, { CG, FA }, ADIT_REASON_NO_PATH },
        { SILENT, { CG, CD, DI, FA }, ADIT_REASON_SILENCE },
        { BACK, { CG, CD, DI, CD }, ADIT_REASON_NONE },
        { DTLS_LOST, { CG, FA }, ADIT_REASON_SILENCE }, /* the client has given up */
        { CLOSED_AT_ONCE, { CL }, ADIT_REASON_LOCAL },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct engine_pair p;
        struct engine_side *s = &p.side[0];
        unsigned n = 0;

        start_both(&p);
        cut = rows[i].story == NOBODY;
        p.pass = rows[i].story == DTLS_LOST ? no_dtls : not_if_cut;
        if (rows[i].story == CLOSED_AT_ONCE)
            adit_engine_close(s->e, p.now);
        for (int k = 0; k < 2 && rows[i].story != CLOSED_AT_ONCE; k++)
            assert_int_equal(engine_hand_over(&p.side[k], NULL, NULL), 0);
        engine_run(&p, 2 * ADIT_SEC, NULL);
        if (rows[i].story == WE_CLOSE)
            adit_engine_close(s->e, p.now);
        if (rows[i].story == THEY_CLOSE)
            adit_engine_close(p.side[1].e, p.now);
        cut = cut || rows[i].story == SILENT || rows[i].story == BACK;
        engine_run(&p, 20 * ADIT_SEC, NULL);
        cut = cut && rows[i].story != BACK;
        engine_run(&p, 60 * ADIT_SEC, NULL);
        while (n < 8 && rows[i].states[n] != N)
            n++;
        if (s->state_count != n ||
            memcmp(s->states, rows[i].states, n * sizeof s->states[0]) != 0) {
            for (unsigned k = 0; k < s->state_count; k++)
                print_message("%d ", s->states[k]);
            fail_msg("row %zu: these states, %s", i, s->cause.text);
        }
        if (s->cause.reason != rows[i].reason)
            fail_msg("row %zu: %s", i, s->cause.text);
        assert_int_equal(adit_engine_state(s->e), s->states[n - 1]);
        if (rows[i].story == DTLS_LOST)
            assert_int_equal(p.side[1].cause.reason, ADIT_REASON_TIMEOUT);
        if (rows[i].reason != ADIT_REASON_NONE) {
            assert_true(adit_engine_deadline(s->e) == ADIT_NEVER);
            assert_int_equal(s->closed, 1);
        }
        engine_pair_done(&p);
    }
}

/* ---- the end --------------------------------------------------------------------------------- */

/* All that was queued is delivered, then both are told; in a few round trips. */
static void a_goodbye(void **state)
{
    static const uint8_t bytes[16384];
    struct engine_pair p;
    unsigned n = 0;
    adit_time begin;
    int err = 0;

    (void)state;
    engine_pair_init(&p);
    engine_pair_up(&p);
    while (n < 30 && adit_channel_send(p.side[0].channel, bytes, sizeof bytes, false, p.now) == 0)
        n++;
    begin = p.now;
    adit_engine_close(p.side[0].e, p.now);
    assert_int_equal(adit_engine_state(p.side[0].e), ADIT_PEER_CONNECTED);
    assert_null(adit_engine_open_channel(p.side[0].e, NULL, &err, p.now));
    assert_int_equal(err, -EPIPE);
    assert_true(engine_run(&p, 10 * ADIT_SEC, engine_over));
    assert_true(p.now - begin < 30 * 2 * p.delay);
    assert_int_equal(p.side[1].messages, n);
    assert_int_equal(p.side[0].cause.reason, ADIT_REASON_LOCAL);
    assert_int_equal(p.side[1].cause.reason, ADIT_REASON_REMOTE);
    engine_pair_done(&p);
}

static void nobody_hears_the_goodbye(void **state)
{
    struct engine_pair p;
    adit_time begin;

    (void)state;
    engine_pair_init(&p);
    engine_pair_up(&p);
    cut = true;
    p.pass = not_if_cut;
    begin = p.now;
    adit_engine_close(p.side[0].e, p.now);
    assert_true(engine_run(&p, 60 * ADIT_SEC, first_over));
    assert_int_equal(p.now - begin, ADIT_ENGINE_CLOSE_MAX);
    assert_int_equal(adit_engine_state(p.side[0].e), ADIT_PEER_CLOSED);
    assert_int_equal(p.side[0].cause.reason, ADIT_REASON_LOCAL);
    assert_true(engine_run(&p, 60 * ADIT_SEC, second_over));
    assert_int_equal(p.side[1].cause.reason, ADIT_REASON_SILENCE);
    engine_pair_done(&p);
}

/* ---- SCTP alone ------------------------------------------------------------------------------ */

static void kill_sctp(struct engine_pair *p)
{
    struct sctp_spy spy[2];

    for (int i = 0; i < 2; i++)
        sctp_spy_on(&spy[i], p->side[i].e->sctp);
    assert_true(engine_talks(p));
    for (int i = 0; i < 2; i++)
        sctp_kill_peer(&spy[!i], p->side[i].e->sctp, p->now);
}

static unsigned lost; /* associations */

static bool both_associated(struct engine_pair *p)
{
    return p->side[0].associated > lost && p->side[1].associated > lost;
}

/* Again and again up to a limit, then it is given up. */
static void an_association_is_set_up_again(void **state)
{
    struct engine_pair p;
    struct adit_engine_stats stats;

    (void)state;
    engine_pair_init(&p);
    engine_pair_up(&p);
    for (lost = 1; lost <= SCTP_RESTARTS_MAX; lost++) {
        kill_sctp(&p);
        assert_int_equal(p.side[0].closed, lost);
        engine_run(&p, ADIT_MS, NULL); /* a tick, a packet: anything */
        for (int i = 0; i < 2; i++)
            adit_engine_tick(p.side[i].e, p.now);
        assert_true(engine_run(&p, 5 * 2 * p.delay, both_associated)); /* at once */
        assert_non_null(engine_open(&p.side[0], "again"));
        assert_true(engine_run(&p, 5 * ADIT_SEC, engine_connected));
        assert_true(engine_talks(&p));
        adit_engine_stats(p.side[0].e, &stats);
        assert_int_equal(stats.sctp_restarts, lost);
        assert_int_equal(p.side[0].state_count, 2);
    }
    kill_sctp(&p);
    for (int i = 0; i < 2; i++)
        adit_engine_tick(p.side[i].e, p.now);
    assert_int_equal(adit_engine_state(p.side[0].e), ADIT_PEER_FAILED);
    assert_int_equal(p.side[0].cause.reason, ADIT_REASON_PROTOCOL);
    engine_pair_done(&p);
}

/* ---- figures --------------------------------------------------------------------------------- */

static void times_and_counters(void **state)
{
    struct engine_pair p;
    struct adit_engine_stats s;

    (void)state;
    engine_pair_init(&p);
    engine_pair_up(&p);
    assert_true(engine_talks(&p));
    for (int i = 0; i < 2; i++) {
        adit_engine_stats(p.side[i].e, &s);
        assert_true(s.times.started && s.times.started <= s.times.gathered);
        assert_true(s.times.gathered <= s.times.remote_set);
        assert_true(s.times.remote_set < s.times.ice_valid);
        assert_true(s.times.ice_valid < s.times.dtls_up);
        assert_true(s.times.dtls_up < s.times.sctp_up);
        assert_true(s.times.sctp_up <= s.times.channel_open);
        assert_int_equal(s.packets_sent, p.side[i].dtls_sent);
        assert_true(s.cipher[0]);
    }
    /* six round trips from the answer to the channel, at most */
    adit_engine_stats(p.side[0].e, &s);
    assert_true(s.times.channel_open - s.times.remote_set <= 6 * 2 * p.delay);
    engine_pair_done(&p);
}

/* Acknowledged is not yet read: a goodbye waits for who reads slowly, however long that takes. */
static void a_goodbye_waits_for_a_slow_reader(void **state)
{
    struct engine_pair p;
    uint8_t bytes[1000] = { 7 };

    (void)state;
    engine_pair_init(&p);
    engine_pair_up(&p);
    adit_engine_pause(p.side[1].e);
    for (int i = 0; i < 50; i++)
        assert_int_equal(adit_channel_send(p.side[0].channel, bytes, sizeof bytes, false, p.now),
                         0);
    engine_run(&p, ADIT_SEC, NULL);
    adit_engine_close(p.side[0].e, p.now);
    assert_true(engine_run(&p, 10 * ADIT_SEC, first_over));
    engine_run(&p, 120 * ADIT_SEC, NULL); /* consent has run out long ago */
    assert_int_equal(p.side[1].messages, 0);
    assert_int_equal(p.side[1].closed, 0);
    adit_engine_resume(p.side[1].e, p.now);
    assert_true(engine_run(&p, 10 * ADIT_SEC, engine_over));
    assert_int_equal(p.side[1].messages, 50);
    assert_int_equal(p.side[1].cause.reason, ADIT_REASON_REMOTE);
    engine_pair_done(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_goodbye_waits_for_a_slow_reader),
        cmocka_unit_test(state_sequences),
        cmocka_unit_test(a_goodbye),
        cmocka_unit_test(nobody_hears_the_goodbye),
        cmocka_unit_test(an_association_is_set_up_again),
        cmocka_unit_test(times_and_counters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
