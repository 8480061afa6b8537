/* The public API: how channels and connections end, and SCTP begins anew. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/inner.h"
#include "peer/inner.h"
#include "unit/api_pair.h"
#include "unit/sctp_kill.h"

#define MIB (1024 * 1024)

static uint64_t wanted;

static bool heard_back(struct api_pair *p)
{
    return p->side[0].messages >= wanted;
}

static bool accepted(struct api_pair *p)
{
    return p->side[1].accepted >= wanted;
}

static bool both_closed(struct api_pair *p)
{
    return p->side[0].closed >= wanted && p->side[1].closed >= wanted;
}

static bool until(struct api_pair *p, bool (*done)(struct api_pair *p), uint64_t n)
{
    wanted = n;
    return api_until(p, done);
}

/* ---- closing --------------------------------------------------------------------------------- */

/* By either side, with data on the way, again and again: ids come back. */
static void a_channel_closes(void **state)
{
    struct api_pair p;

    (void)state;
    api_pair_up(&p, NULL);
    for (unsigned i = 0; i < 20; i++) {
        struct api_side *closer = &p.side[i & 1];

        if (i)
            api_open_dc(&p.side[0], NULL);
        assert_true(until(&p, accepted, i + 1));
        assert_int_equal(adit_dc_send(closer->dc[0], "last word", 9, ADIT_TEXT), 0);
        adit_dc_close(closer->dc[0]);
        assert_int_equal(adit_dc_send(closer->dc[0], "x", 1, ADIT_TEXT), -EPIPE);
        adit_dc_close(closer->dc[0]); /* harmless */
        assert_true(until(&p, both_closed, i + 1));
        assert_int_equal(closer->other->messages, i / 2 + 1);
        assert_int_equal(closer->dc_cause.reason, ADIT_REASON_LOCAL);
        assert_int_equal(closer->other->dc_cause.reason, ADIT_REASON_REMOTE);
        p.side[0].dc_count = p.side[1].dc_count = 0;
    }
    assert_int_equal(p.side[0].state, ADIT_PEER_CONNECTED);
    api_pair_done(&p);
}

/* Everything accepted arrives before the goodbye; both sides end in CLOSED. */
static void a_peer_closes(void **state)
{
    (void)state;
    for (int by = 0; by < 2; by++) {
        struct api_pair p;
        struct api_side *closer, *other;
        int err = 0;

        api_pair_up(&p, NULL);
        closer = &p.side[by];
        other = closer->other;
        closer->pushes = 512 * 1024;
        api_push(closer);
        adit_peer_close(closer->peer);
        adit_peer_close(closer->peer); /* harmless */
        assert_null(adit_dc_open(closer->peer, &(struct adit_dc_conf)ADIT_DC_CONF, &err));
        assert_int_equal(err, -EPIPE);
        assert_true(api_until(&p, api_over));
        for (int i = 0; i < 2; i++) {
            assert_int_equal(p.side[i].state, ADIT_PEER_CLOSED);
            assert_int_equal(p.side[i].seen[ADIT_PEER_CLOSED], 1);
            assert_int_equal(p.side[i].closed, 1);
        }
        assert_int_equal(closer->cause.reason, ADIT_REASON_LOCAL);
        assert_int_equal(other->cause.reason, ADIT_REASON_REMOTE);
        assert_int_equal(other->bytes, 512 * 1024 - closer->pushes);
        assert_int_equal(other->sum, closer->pushed_sum);
        api_pair_done(&p);
    }
}

static void close_before_anything(void **state)
{
    (void)state;
    for (int when = 0; when < 3; when++) {
        struct api_pair p;

        api_pair_init(&p, NULL);
        adit_peer_offer(p.side[0].peer);
        api_open_dc(&p.side[0], NULL);
        if (when)
            assert_true(api_until(&p, api_gathered));
        if (when == 2)
            assert_int_equal(api_hand_over(&p.side[0], ADIT_FORM_TICKET, NULL), 0);
        adit_peer_close(p.side[0].peer);
        adit_peer_close(p.side[1].peer);
        assert_true(api_until(&p, api_over));
        assert_int_equal(p.side[0].state, ADIT_PEER_CLOSED);
        assert_int_equal(p.side[0].closed, 1);
        api_rounds(&p, 5);
        assert_int_equal(adit_peer_accept(p.side[0].peer, "", 0, NULL) < 0, 1);
        assert_int_equal(adit_loop_timeout_ms(p.loop), -1);
        api_pair_done(&p);
    }
}

/* Who paused and then leaves does not wait for what nobody will read. */
static void a_paused_peer_closes_at_once(void **state)
{
    struct api_pair p;
    adit_time begin;

    (void)state;
    api_pair_up(&p, NULL);
    adit_peer_pause(p.side[0].peer);
    p.side[1].pushes = 4 * MIB;
    api_push(&p.side[1]);
    api_rounds(&p, 50);
    begin = adit_loop_now(p.loop);
    adit_peer_close(p.side[0].peer);
    assert_true(api_until(&p, api_over));
    assert_true(adit_loop_now(p.loop) - begin < 4 * ADIT_SEC);
    assert_int_equal(p.side[0].messages, 0);
    api_pair_done(&p);
}

/* ---- SCTP alone dies ------------------------------------------------------------------------- */

static bool reassociated(struct api_pair *p)
{
    return api_open(p) && p->side[1].accepted >= 2;
}

static void reopen(struct api_side *s, const char *callback)
{
    if (strcmp(callback, "channel closed") == 0) {
        s->dc_count = 0;
        api_open_dc(s, NULL);
    }
}

/* The connection survives, and a channel can be opened from inside `closed`. */
static void an_aborted_association_begins_anew(void **state)
{
    struct api_pair p;
    struct sctp_spy spy[2];

    (void)state;
    api_pair_up(&p, NULL);
    for (int i = 0; i < 2; i++)
        sctp_spy_on(&spy[i], p.side[i].peer->engine->sctp);
    p.side[1].echo = true;
    assert_int_equal(adit_dc_send(p.side[0].dc[0], "first", 5, ADIT_TEXT), 0);
    assert_true(until(&p, heard_back, 1));
    p.side[0].hook = reopen;
    for (int i = 0; i < 2; i++) {
        sctp_kill_peer(&spy[!i], p.side[i].peer->engine->sctp, adit_loop_now(p.loop));
        adit_peer_touch(p.side[i].peer);
    }
    assert_int_equal(p.side[0].closed, 1);
    assert_int_equal(p.side[0].dc_cause.reason, ADIT_REASON_PROTOCOL);
    assert_true(api_until(&p, reassociated));
    assert_int_equal(adit_dc_send(p.side[0].dc[0], "again", 5, ADIT_TEXT), 0);
    assert_true(until(&p, heard_back, 2));
    assert_int_equal(p.side[0].state, ADIT_PEER_CONNECTED);
    assert_int_equal(p.side[0].states, 2);
    api_pair_done(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_channel_closes),
        cmocka_unit_test(a_peer_closes),
        cmocka_unit_test(close_before_anything),
        cmocka_unit_test(a_paused_peer_closes_at_once),
        cmocka_unit_test(an_aborted_association_begins_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
