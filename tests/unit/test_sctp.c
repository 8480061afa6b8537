/* Two associations over a link in memory; see sctp_link.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sctp_link.h"

static bool message_came(struct sctp_link *l)
{
    return l->end[1].messages > 0;
}

static void both_begin(void **state)
{
    struct sctp_link l;

    (void)state;
    sctp_link_connect(&l, 1, NULL);
    assert_true(l.now - 5 * ADIT_SEC <= 40 * ADIT_MS); /* two round trips */
    struct adit_channel *c = sctp_link_open(&l, 0, "data", false, ADIT_CHANNEL_RELIABLE);
    assert_int_equal(adit_channel_id(c), 0);
    assert_int_equal(adit_channel_send(c, "hello", 5, true, l.now), 0);
    assert_int_equal(adit_channel_buffered(c), 5);
    assert_true(sctp_link_run(&l, ADIT_SEC, message_came));
    assert_int_equal(l.end[1].accepted, 1);
    sctp_link_run(&l, ADIT_SEC, NULL);
    assert_int_equal(l.end[0].opened, 1);
    assert_int_equal(adit_channel_buffered(c), 0);
    adit_channel_close(c, l.now);
    sctp_link_run(&l, ADIT_SEC, NULL);
    assert_int_equal(l.end[0].closed, 1);
    assert_int_equal(l.end[1].closed, 1);
    assert_int_equal(l.end[1].channel_cause.reason, ADIT_REASON_REMOTE);
    sctp_link_done(&l);
}

/* Consent says whether the peer lives; an idle association says nothing and does not wake. */
static void idle_is_silent(void **state)
{
    struct sctp_link l;

    (void)state;
    sctp_link_connect(&l, 2, NULL);
    sctp_link_run(&l, 5 * ADIT_SEC, NULL);
    uint64_t packets = l.end[0].packets + l.end[1].packets;
    assert_true(adit_sctp_deadline(l.end[0].s) > l.now + 600 * ADIT_SEC);
    sctp_link_run(&l, 7200 * ADIT_SEC, NULL);
    assert_int_equal(l.end[0].packets + l.end[1].packets, packets);
    sctp_link_done(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_begin),
        cmocka_unit_test(idle_is_silent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
