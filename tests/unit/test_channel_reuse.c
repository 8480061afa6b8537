/* The peer opens an id again before our reset of it is answered; see sctp_link.h.
 *
 *     end 0                     end 1
 *       | ---- reset of N -------> |   closed there
 *       | <--- answer ------------ |
 *       | <--- reset of N -------- |   both directions are reset: N is free at end 0
 *       | ---- answer ---- X       |   lost
 *       | ---- OPEN of N, data --> |   and not yet at end 1
 *
 * A reset of end 0 that is sent after ours came says so by itself (RFC 6525 section 4.1, the
 * Re-configuration Response Sequence Number); so it is end 0 that closes first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/crc32c.h"
#include "sctp/chan.h"
#include "sctp/dcep.h"
#include "sctp_link.h"

#define R ADIT_CHANNEL_RELIABLE

static const char open_bytes[] = "\3\0\1\0\0\0\0\0\0\0\0\0";

/* ---- answers that are late ---- */

static bool answers_are_lost, answers_deny, requests_are_lost;

#define REQUEST 13 /* RFC 6525 section 4.1: Outgoing SSN Reset Request */
#define ANSWER  16 /* section 4.4: Re-configuration Response */

/* The parameter that a RE-CONFIG chunk begins with. */
static uint8_t *find(uint8_t *bytes, size_t n, uint16_t type)
{
    for (size_t at = 12; at + 16 <= n; at += (adit_get16(bytes + at + 2) + 3U) & ~3U)
        if (bytes[at] == 130 && adit_get16(bytes + at + 4) == type)
            return bytes + at + 4;
        else if (adit_get16(bytes + at + 2) < 4)
            break;
    return NULL;
}

static bool pass(struct sctp_end *e, uint8_t *bytes, size_t n)
{
    uint8_t *answer = find(bytes, n, ANSWER);

    if (e->index == 1)
        return !requests_are_lost || !find(bytes, n, REQUEST);
    if (!answer)
        return true;
    if (answers_are_lost)
        return false;
    if (answers_deny) {
        adit_put32(answer + 8, 2); /* section 4.4: Denied */
        memset(bytes + 8, 0, 4);
        uint32_t crc = adit_crc32c(0, bytes, n);
        for (int i = 0; i < 4; i++)
            bytes[8 + i] = (uint8_t)(crc >> 8 * i);
    }
    return true;
}

static void lose(struct sctp_link *l, bool answers, bool requests)
{
    l->end[0].pass = l->end[1].pass = pass;
    answers_are_lost = answers;
    requests_are_lost = requests;
    answers_deny = false;
}

static void raw(struct sctp_link *l, uint16_t sid, uint32_t ppid, const void *bytes, size_t n)
{
    struct adit_usr_out out = {
        .sid = sid, .ppid = ppid, .max_retransmits = R, .max_lifetime_ms = R
    };

    assert_int_equal(adit_usr_send(&l->end[0].s->usr, &out, bytes, n, l->now), 0);
    sctp_link_run(l, ADIT_SEC, NULL);
}

static uint64_t refused(struct sctp_link *l)
{
    struct adit_sctp_stats stats;

    adit_sctp_stats(l->end[1].s, &stats);
    return stats.channels_refused;
}

/* Free at end 0, and not yet at end 1. */
static void close_first(struct sctp_link *l, bool answers, bool requests)
{
    sctp_link_connect(l, 1, NULL);
    struct adit_channel *c = sctp_link_open(l, 0, "first", false, R);
    sctp_link_run(l, ADIT_SEC, NULL);
    assert_int_equal(l->end[1].accepted, 1);
    lose(l, answers, requests);
    adit_channel_close(c, l->now);
    sctp_link_run(l, 2 * ADIT_SEC, NULL);
    assert_int_equal(l->end[0].closed, 1);
    assert_int_equal(l->end[1].closed, 0);
}

static struct adit_channel *open_again(struct sctp_link *l)
{
    struct adit_channel *c = sctp_link_open(l, 0, "again", false, R);

    assert_int_equal(adit_channel_id(c), 0);
    return c;
}

static void answer(struct sctp_link *l)
{
    answers_are_lost = requests_are_lost = false;
    sctp_link_run(l, 10 * ADIT_SEC, NULL);
    assert_int_equal(l->end[0].down + l->end[1].down, 0);
    if (!l->end[1].s->paused)
        assert_int_equal(l->end[1].s->late_count, 0);
}

/* ---- what came is there when the answer is ---- */

static unsigned next_byte;

static void in_order(struct sctp_end *e, const struct adit_sctp_event *ev)
{
    if (ev->type == ADIT_SCTP_EV_ACCEPT)
        assert_int_equal(e->accepted, e->closed + 1); /* never two with one id */
    if (ev->type == ADIT_SCTP_EV_MESSAGE) {
        assert_int_equal(ev->n, 1);
        assert_int_equal(*(const uint8_t *)ev->bytes, next_byte++);
        assert_ptr_equal(ev->channel, e->channel);
    }
}

static void opened_again_before_the_answer(void **state)
{
    struct sctp_link l;

    (void)state;
    close_first(&l, true, false);
    l.end[1].event = in_order;
    next_byte = 0;
    struct adit_channel *c = open_again(&l);
    for (uint8_t i = 0; i < 20; i++) {
        assert_int_equal(adit_channel_send(c, &i, 1, false, l.now), 0);
        sctp_link_run(&l, 100 * ADIT_MS, NULL);
    }
    assert_int_equal(l.end[1].accepted, 1);
    assert_int_equal(l.end[1].messages, 0);
    answer(&l);
    assert_int_equal(l.end[1].closed, 1);
    assert_int_equal(l.end[1].accepted, 2);
    assert_int_equal(l.end[1].messages, 20);
    assert_int_equal(l.end[0].opened, 2);
    assert_int_equal(adit_channel_send(l.end[1].channel, "back", 4, true, l.now), 0);
    sctp_link_run(&l, ADIT_SEC, NULL);
    assert_int_equal(l.end[0].messages, 1);
    assert_int_equal(refused(&l), 0);
    sctp_link_done(&l);
}

/* aiortc asks for its own direction only: it closes and opens again as often as it likes. */
static void opened_and_closed_before_the_answer(void **state)
{
    struct sctp_link l;

    (void)state;
    close_first(&l, false, true);
    l.end[1].event = in_order;
    next_byte = 'a';
    for (int i = 0; i < 3; i++) {
        raw(&l, 0, ADIT_PPID_DCEP, open_bytes, 12);
        raw(&l, 0, ADIT_PPID_BINARY, "abc" + i, 1);
        assert_int_equal(adit_usr_reset(&l.end[0].s->usr, 0, l.now), 0);
        sctp_link_run(&l, ADIT_SEC, NULL);
    }
    raw(&l, 0, ADIT_PPID_DCEP, open_bytes, 12);
    raw(&l, 0, ADIT_PPID_BINARY, "d", 1);
    answer(&l);
    assert_int_equal(l.end[1].accepted, 5);
    assert_int_equal(l.end[1].closed, 4);
    assert_int_equal(l.end[1].messages, 4);
    assert_int_equal(refused(&l), 0);
    sctp_link_done(&l);
}

static void pause_at_accept(struct sctp_end *e, const struct adit_sctp_event *ev)
{
    if (ev->type == ADIT_SCTP_EV_ACCEPT)
        adit_sctp_pause(e->s);
    in_order(e, ev);
}

static void a_paused_owner_gets_the_rest_later(void **state)
{
    struct sctp_link l;

    (void)state;
    close_first(&l, true, false);
    l.end[1].event = pause_at_accept;
    next_byte = 0;
    struct adit_channel *c = open_again(&l);
    for (uint8_t i = 0; i < 10; i++)
        assert_int_equal(adit_channel_send(c, &i, 1, false, l.now), 0);
    sctp_link_run(&l, ADIT_SEC, NULL);
    answer(&l);
    assert_int_equal(l.end[1].accepted, 2);
    assert_int_equal(l.end[1].messages, 0);
    for (uint8_t i = 10; i < 20; i++)
        assert_int_equal(adit_channel_send(c, &i, 1, false, l.now), 0);
    sctp_link_run(&l, ADIT_SEC, NULL);
    adit_sctp_resume(l.end[1].s, l.now);
    assert_int_equal(l.end[1].messages, 20);
    assert_int_equal(l.end[1].s->late_count, 0);
    assert_int_equal(l.end[1].s->held, 5); /* the label "again" */
    sctp_link_done(&l);
}

/* Our side must not take an id that the peer's next channel waits for. */
static void the_id_is_not_ours_meanwhile(void **state)
{
    struct adit_channel_conf conf = { .negotiated = true,
                                      .max_retransmits = R,
                                      .max_lifetime_ms = R };
    struct sctp_link l;
    int err = 0;

    (void)state;
    close_first(&l, true, false);
    open_again(&l);
    sctp_link_run(&l, ADIT_SEC, NULL);
    assert_null(adit_channel_open(l.end[1].s, &conf, &err, l.now));
    assert_int_equal(err, -EEXIST);
    answer(&l);
    assert_int_equal(l.end[0].opened, 2);
    sctp_link_done(&l);
}

/* One that was refused for want of room is closed, opened again, and there is room by then. */
static void refused_and_opened_again(void **state)
{
    struct adit_sctp_conf conf = { .channels_max = 1 };
    struct sctp_link l;

    (void)state;
    sctp_link_connect(&l, 1, &conf);
    raw(&l, 0, ADIT_PPID_DCEP, open_bytes, 12);
    lose(&l, false, true);
    raw(&l, 2, ADIT_PPID_DCEP, open_bytes, 12);
    assert_int_equal(refused(&l), 1);
    assert_int_equal(adit_usr_reset(&l.end[0].s->usr, 2, l.now), 0);
    sctp_link_run(&l, ADIT_SEC, NULL);
    l.end[1].s->conf.channels_max = 2;
    raw(&l, 2, ADIT_PPID_DCEP, open_bytes, 12);
    assert_int_equal(l.end[1].accepted, 1);
    answer(&l);
    assert_int_equal(l.end[1].accepted, 2);
    assert_int_equal(l.end[1].closed, 0);
    assert_int_equal(refused(&l), 1);
    sctp_link_done(&l);
}

/* ---- and what cannot be kept ---- */

/* A peer that has not reset its direction says nothing new with an OPEN. */
static void without_a_reset_of_its_own(void **state)
{
    struct sctp_link l;

    (void)state;
    sctp_link_connect(&l, 1, NULL);
    raw(&l, 0, ADIT_PPID_DCEP, open_bytes, 12);
    lose(&l, true, false);
    adit_channel_close(l.end[1].channel, l.now);
    sctp_link_run(&l, ADIT_SEC, NULL);
    raw(&l, 0, ADIT_PPID_DCEP, open_bytes, 12);
    answer(&l);
    assert_int_equal(l.end[1].accepted, 1);
    assert_int_equal(refused(&l), 1);
    sctp_link_done(&l);
}

/* Everything up to the limit is delivered; one byte more costs the channel, and the peer is told.
 */
static void bytes_are_bounded(void **state)
{
    struct adit_channel *c;
    size_t n = 200 * 1024;
    uint8_t *bytes = calloc(1, n);
    struct sctp_link l;

    (void)state;
    for (int more = 0; more < 2; more++) {
        struct adit_sctp *s;

        close_first(&l, true, false);
        s = l.end[1].s;
        c = open_again(&l);
        sctp_link_run(&l, ADIT_SEC, NULL);
        size_t cost = s->held, item;
        assert_int_equal(adit_channel_send(c, bytes, n, false, l.now), 0);
        sctp_link_run(&l, ADIT_SEC, NULL);
        item = s->held - cost - n;
        unsigned count = 1;
        while (s->held + item + 1 <= ADIT_CHAN_HELD_MAX) {
            size_t room = ADIT_CHAN_HELD_MAX - s->held - item;

            assert_int_equal(adit_channel_send(c, bytes, room < n ? room : n, false, l.now), 0);
            sctp_link_run(&l, ADIT_SEC, NULL);
            count++;
        }
        assert_int_equal(s->held, ADIT_CHAN_HELD_MAX);
        if (more) {
            assert_int_equal(adit_channel_send(c, bytes, 1, false, l.now), 0);
            sctp_link_run(&l, ADIT_SEC, NULL);
            assert_int_equal(s->held, 5); /* the label "first" */
        }
        answer(&l);
        assert_int_equal(l.end[1].accepted, more ? 1 : 2);
        assert_int_equal(l.end[1].messages, more ? 0 : count);
        assert_int_equal(l.end[0].closed, more ? 2 : 1);
        assert_int_equal(refused(&l), more);
        sctp_link_open(&l, 0, "next", false, R);
        sctp_link_run(&l, ADIT_SEC, NULL);
        assert_int_equal(l.end[1].accepted, more ? 2 : 3);
        sctp_link_done(&l);
    }
    free(bytes);
}

static void a_message_too_large_costs_the_channel(void **state)
{
    size_t n = 256 * 1024 + 1;
    uint8_t *bytes = calloc(1, n);
    struct sctp_link l;

    (void)state;
    close_first(&l, true, false);
    open_again(&l);
    raw(&l, 0, ADIT_PPID_BINARY, bytes, n);
    assert_int_equal(l.end[1].s->late_count, 0);
    assert_int_equal(refused(&l), 1);
    answer(&l);
    assert_int_equal(l.end[1].accepted, 1);
    assert_int_equal(l.end[0].closed, 2);
    sctp_link_done(&l);
    free(bytes);
}

/* As many ids as there may be channels; the next one is refused when it can be. */
static void ids_are_bounded(void **state)
{
    struct adit_sctp_conf conf = { .channels_max = 3 };
    struct sctp_link l;

    (void)state;
    sctp_link_connect(&l, 1, &conf);
    for (uint16_t id = 0; id < 8; id += 2)
        raw(&l, id, ADIT_PPID_DCEP, open_bytes, 12);
    assert_int_equal(l.end[1].accepted, 3);
    assert_int_equal(refused(&l), 1);
    lose(&l, false, true);
    raw(&l, 6, ADIT_PPID_DCEP, open_bytes, 12); /* refused again: a reset that waits */
    assert_int_equal(refused(&l), 2);
    for (uint16_t id = 0; id < 8; id += 2) {
        assert_int_equal(adit_usr_reset(&l.end[0].s->usr, id, l.now), 0);
        sctp_link_run(&l, ADIT_SEC, NULL);
    }
    for (uint16_t id = 0; id < 8; id += 2)
        raw(&l, id, ADIT_PPID_DCEP, open_bytes, 12);
    assert_int_equal(l.end[1].s->late_count, 3);
    assert_int_equal(refused(&l), 3);
    answer(&l);
    assert_int_equal(l.end[1].accepted, 6);
    assert_int_equal(l.end[1].closed, 3);
    assert_int_equal(refused(&l), 3);
    sctp_link_done(&l);
}

static void a_reset_that_is_denied_drops_it(void **state)
{
    struct sctp_link l;

    (void)state;
    close_first(&l, true, false);
    assert_int_equal(adit_channel_send(open_again(&l), "x", 1, true, l.now), 0);
    sctp_link_run(&l, ADIT_SEC, NULL);
    assert_int_equal(l.end[1].s->late_count, 1);
    answers_deny = true;
    answer(&l);
    assert_int_equal(l.end[1].accepted, 1);
    assert_int_equal(l.end[1].messages, 0);
    assert_int_equal(l.end[1].closed, 1);
    assert_int_equal(l.end[1].s->held, 0);
    assert_int_equal(refused(&l), 1);
    sctp_link_done(&l);
}

static void the_association_ends_first(void **state)
{
    struct sctp_link l;

    (void)state;
    for (int how = 0; how < 3; how++) {
        close_first(&l, true, false);
        assert_int_equal(adit_channel_send(open_again(&l), "x", 1, true, l.now), 0);
        sctp_link_run(&l, ADIT_SEC, NULL);
        assert_int_equal(l.end[1].s->late_count, 1);
        if (how == 1)
            adit_sctp_abort(l.end[0].s, l.now);
        if (how == 2)
            adit_sctp_abort(l.end[1].s, l.now);
        sctp_link_run(&l, ADIT_SEC, NULL);
        assert_int_equal(l.end[1].down, how > 0);
        assert_int_equal(l.end[1].accepted, 1);
        assert_int_equal(l.end[1].s->late_count, how == 0);
        assert_int_equal(l.end[1].s->held > 0, how == 0);
        sctp_link_done(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opened_again_before_the_answer),
        cmocka_unit_test(opened_and_closed_before_the_answer),
        cmocka_unit_test(a_paused_owner_gets_the_rest_later),
        cmocka_unit_test(the_id_is_not_ours_meanwhile),
        cmocka_unit_test(refused_and_opened_again),
        cmocka_unit_test(without_a_reset_of_its_own),
        cmocka_unit_test(bytes_are_bounded),
        cmocka_unit_test(a_message_too_large_costs_the_channel),
        cmocka_unit_test(ids_are_bounded),
        cmocka_unit_test(a_reset_that_is_denied_drops_it),
        cmocka_unit_test(the_association_ends_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
