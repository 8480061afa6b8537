/* Who overtook others waits for them, where that is the habit, and never for long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "sctp/order.h"
#include "sctp_link.h"

struct road {
    struct adit_order order;
    adit_time now;
    uint32_t first; /* TSN of number 0 */
    bool here[4096];
    unsigned went[4096], count; /* numbers in the order of delivery */
};

static bool whole(void *arg, uint32_t after, uint32_t before)
{
    const struct road *r = arg;

    for (uint32_t tsn = after + 1; tsn != before; tsn++)
        if (!r->here[tsn - r->first])
            return false;
    return true;
}

static void drain(struct road *r)
{
    struct adit_order_item *item;

    while ((item = adit_order_next(&r->order, whole, r, r->now))) {
        assert_int_equal(item->n, 4);
        assert_int_equal(adit_get32(item->bytes), item->tsn);
        r->went[r->count++] = item->tsn - r->first;
        adit_free(item);
    }
}

static void come(struct road *r, unsigned number, void *owner)
{
    const struct adit_order_item item = { .tsn = r->first + number, .owner = owner, .n = 4 };
    uint8_t bytes[4];

    adit_put32(bytes, item.tsn);
    r->here[number] = true;
    if (adit_order_came(&r->order, &item, bytes, whole, r, r->now))
        r->went[r->count++] = number;
    drain(r);
}

static void begin(struct road *r, uint32_t first)
{
    *r = (struct road){ .now = 1000 * ADIT_SEC, .first = first };
    adit_order_init(&r->order);
}

/* `number` is even: itself 10 ms after the next, over and over; returns the next number. */
static unsigned swap(struct road *r, unsigned number, unsigned pairs)
{
    for (unsigned i = 0; i < pairs; i++, number += 2) {
        come(r, number + 1, r);
        r->now += 10 * ADIT_MS;
        drain(r);
        come(r, number, r);
        r->now += ADIT_MS;
    }
    return number;
}

static void nothing_waits_in_order(void **state)
{
    struct road r;

    (void)state;
    begin(&r, 0xfffffff0); /* and TSNs wrap */
    for (unsigned i = 0; i < 1000; i++) {
        r.now += ADIT_MS;
        if (i % 7 == 3)
            continue; /* lost */
        come(&r, i, &r);
        assert_int_equal(r.went[r.count - 1], i);
    }
    assert_int_equal(adit_order_deadline(&r.order), ADIT_NEVER);
    adit_order_done(&r.order);
}

static void what_overtakes_waits(void **state)
{
    struct road r;
    unsigned n;

    (void)state;
    begin(&r, 0xffffff00);
    come(&r, 0, &r);
    n = swap(&r, 1, 4); /* the habit is learned */
    assert_int_equal(r.went[1], 2);
    r.count = 0;
    swap(&r, n, 200);
    for (unsigned i = 0; i < 400; i++)
        assert_int_equal(r.went[i], n + i);
    adit_order_done(&r.order);
}

static void not_for_what_is_lost(void **state)
{
    struct road r;
    unsigned n;

    (void)state;
    begin(&r, 5);
    come(&r, 0, &r);
    n = swap(&r, 1, 10);
    r.count = 0;
    adit_time start = r.now;
    come(&r, n + 1, &r); /* n does not come */
    r.now += ADIT_MS;
    come(&r, n + 3, &r); /* nor n + 2, a little later */
    assert_int_equal(r.count, 0);
    adit_time at = adit_order_deadline(&r.order);
    assert_in_range(at - start, 10 * ADIT_MS, 15 * ADIT_MS);
    r.now = at;
    drain(&r);
    assert_int_equal(r.count, 1);
    r.now = adit_order_deadline(&r.order);
    assert_int_equal(r.now, at + ADIT_MS);
    drain(&r);
    assert_int_equal(r.count, 2);
    assert_int_equal(adit_order_deadline(&r.order), ADIT_NEVER);
    come(&r, n, &r); /* it does, and is not kept any longer */
    assert_int_equal(r.went[2], n);

    come(&r, n + 5, &r); /* n + 4 is given up by the sender */
    assert_int_equal(r.count, 3);
    r.here[n + 4] = r.here[n + 2] = true;
    drain(&r);
    assert_int_equal(r.went[3], n + 5);
    adit_order_done(&r.order);
}

static void an_accident_is_no_habit(void **state)
{
    struct road r;
    unsigned n = 1;

    (void)state;
    begin(&r, 5);
    come(&r, 0, &r);
    for (unsigned i = 0; i < 8; i++) {
        for (unsigned k = 0; k < 202; k++, r.now += ADIT_MS)
            come(&r, n++, &r);
        n = swap(&r, n, 1); /* one in 202 */
        if (i > 0)
            assert_int_equal(r.went[r.count - 2], n - 1); /* at once */
    }
    n = swap(&r, n, 100);
    r.count = 0;
    swap(&r, n, 1);
    assert_int_equal(r.went[0], n);
    r.now += 60 * ADIT_SEC; /* forgotten */
    r.count = 0;
    n += 2;
    come(&r, n++, &r);
    come(&r, n + 1, &r);
    assert_int_equal(r.count, 2);
    adit_order_done(&r.order);
}

static void limits(void **state)
{
    struct road r;
    unsigned n, other;

    (void)state;
    begin(&r, 5);
    come(&r, 0, &r);
    for (n = 1; n < 41; n += 2) { /* a second late: nobody waits for so long */
        come(&r, n + 1, &r);
        r.now += ADIT_SEC;
        come(&r, n, &r);
    }
    assert_true(r.order.window <= ADIT_ORDER_WAIT_MAX);
    n = swap(&r, n, 100);
    assert_in_range(r.order.window, 1, ADIT_ORDER_WAIT_MAX);

    r.count = 0;
    come(&r, n + 1, &r);
    come(&r, n + 2, &other);
    come(&r, n + 3, &r);
    adit_order_forget(&r.order, &other);
    r.now += ADIT_ORDER_WAIT_MAX;
    drain(&r);
    assert_int_equal(r.count, 2);
    assert_int_equal(r.went[1], n + 3);

    static uint8_t big[32768];
    unsigned waiting = 0;
    for (unsigned i = n + 5; i < n + 5 + 2 * 64; i += 2) { /* each behind a gap of its own */
        const struct adit_order_item item = { .tsn = r.first + i, .owner = &r, .n = sizeof big };
        struct adit_order_item *next;

        r.here[i] = true;
        assert_false(adit_order_came(&r.order, &item, big, whole, &r, r.now));
        waiting++;
        while ((next = adit_order_next(&r.order, whole, &r, r.now))) {
            adit_free(next);
            waiting--;
        }
        assert_true(r.order.bytes <= ADIT_ORDER_BYTES_MAX);
    }
    assert_in_range(waiting, 30, 32);
    adit_order_done(&r.order);
}

/* ---- on an association ---- */

static struct {
    uint32_t highest;
    unsigned came, overtaken;
    bool in_turn;
} seen;

static void look(struct sctp_end *e, const struct adit_sctp_event *ev)
{
    (void)e;
    if (ev->type == ADIT_SCTP_EV_ACCEPT && seen.in_turn)
        adit_channel_set_in_turn(ev->channel);
    if (ev->type != ADIT_SCTP_EV_MESSAGE)
        return;
    uint32_t number = adit_get32(ev->bytes);
    seen.came++;
    seen.overtaken += number < seen.highest;
    seen.highest = number > seen.highest ? number : seen.highest;
}

static void send_numbered(struct sctp_link *l, struct adit_channel *c, unsigned count)
{
    static uint32_t number;
    uint8_t bytes[500] = { 0 };

    for (; count > 0; count--) {
        adit_put32(bytes, ++number);
        assert_int_equal(adit_channel_send(c, bytes, sizeof bytes, false, l->now), 0);
        sctp_link_run(l, 2 * ADIT_MS, NULL);
    }
}

/* Jitter of 20 ms between packets 2 ms apart; one in fifty is lost. */
static void packets_come_in_turn(void **state)
{
    (void)state;
    for (int in_turn = 0; in_turn < 2; in_turn++) {
        struct sctp_link l;

        sctp_link_connect(&l, 5, NULL);
        memset(&seen, 0, sizeof seen);
        seen.in_turn = in_turn;
        l.end[1].event = look;
        struct adit_channel *c = sctp_link_open(&l, 0, "x", true, 0);
        sctp_link_run(&l, ADIT_SEC, NULL);
        l.jitter = 20 * ADIT_MS;
        l.loss = 20;
        send_numbered(&l, c, 2000);
        sctp_link_run(&l, ADIT_SEC, NULL);
        assert_in_range(seen.came, 1900, 1999);
        if (in_turn)
            assert_in_range(seen.overtaken, 0, 40);
        else
            assert_true(seen.overtaken > 800);
        sctp_link_done(&l);
    }
}

/* What waits is delivered before the channel closes, and dropped when we close it ourselves. */
static void closing(void **state)
{
    (void)state;
    for (int ours = 0; ours < 2; ours++) {
        struct sctp_link l;

        sctp_link_connect(&l, 5, NULL);
        memset(&seen, 0, sizeof seen);
        seen.in_turn = true;
        l.end[1].event = look;
        struct adit_channel *c = sctp_link_open(&l, 0, "x", true, ADIT_CHANNEL_RELIABLE);
        sctp_link_run(&l, ADIT_SEC, NULL);
        l.jitter = 20 * ADIT_MS;
        send_numbered(&l, c, 200);
        if (ours) {
            adit_channel_close(l.end[1].channel, l.now);
        } else {
            adit_channel_close(c, l.now);
            sctp_link_run(&l, ADIT_SEC, NULL);
            assert_int_equal(seen.came, 200);
        }
        sctp_link_run(&l, ADIT_SEC, NULL);
        assert_int_equal(l.end[1].closed, 1);
        sctp_link_done(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_waits_in_order),
        cmocka_unit_test(what_overtakes_waits),
        cmocka_unit_test(not_for_what_is_lost),
        cmocka_unit_test(an_accident_is_no_habit),
        cmocka_unit_test(limits),
        cmocka_unit_test(packets_come_in_turn),
        cmocka_unit_test(closing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
