/* The TURN client's allocation: every answer that a server may give, and silence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "unit/turn_lease.h"

static void test_allocates(void **state)
{
    struct lease s;
    struct adit_addr a, want = lease_addr(LEASE_RELAYED);

    (void)state;
    lease_init(&s, false);
    lease_start(&s);
    assert_int_equal(lease_method(&s), ADIT_STUN_ALLOCATE);
    assert_int_equal(lease_attr(&s, ADIT_STUN_REQUESTED_TRANSPORT).data[0], 17);
    assert_null(lease_attr(&s, ADIT_STUN_USERNAME).data);
    lease_error(&s, 401, "nonce-1");
    assert_int_equal(s.sends, 2);
    assert_true(lease_is_signed(&s));
    lease_allocated(&s, LEASE_RELAYED, "[2001:db8::1]:50001", 600);
    assert_int_equal(s.event.type, ADIT_TURN_EV_ALLOCATED);
    a = adit_turn_relayed(s.turn, ADIT_FAMILY_V4);
    assert_true(adit_addr_equal(&a, &want));
    assert_int_equal(adit_turn_relayed(s.turn, ADIT_FAMILY_V6).port, 50001);
    assert_int_equal(adit_turn_mapped(s.turn).port, 4711);
    lease_done(&s);
}

static void test_wrong_password(void **state)
{
    struct lease s;

    (void)state;
    lease_init(&s, false);
    lease_start(&s);
    for (int i = 0; i < 9 && !s.events; i++)
        lease_error(&s, 401, i % 2 ? "nonce-1" : "nonce-2");
    assert_int_equal(s.event.type, ADIT_TURN_EV_FAILED);
    assert_int_equal(s.event.cause.reason, ADIT_REASON_NOT_AUTHENTIC);
    assert_string_equal(s.event.cause.text, "wrong user or password");
    assert_true(s.sends <= 3);
    assert_true(adit_turn_deadline(s.turn) == ADIT_NEVER);
    lease_done(&s);
}

static void test_nonce_always_stale(void **state)
{
    struct lease s;

    (void)state;
    lease_init(&s, false);
    lease_start(&s);
    lease_error(&s, 401, "nonce-0");
    for (int i = 0; i < 20 && !s.events; i++)
        lease_error(&s, 438, i % 2 ? "nonce-1" : "nonce-2");
    assert_int_equal(s.event.type, ADIT_TURN_EV_FAILED);
    assert_true(s.sends <= 6);
    lease_done(&s);
}

static void test_errors(void **state)
{
    static const struct {
        unsigned code;
        enum adit_reason reason;
        adit_time pause;
    } rows[] = {
        { 403, ADIT_REASON_REMOTE, 300 * ADIT_SEC },
        { 441, ADIT_REASON_NOT_AUTHENTIC, 60 * ADIT_SEC },
        { 442, ADIT_REASON_REMOTE, ADIT_NEVER },
        { 486, ADIT_REASON_RESOURCE, 60 * ADIT_SEC },
        { 500, ADIT_REASON_REMOTE, 0 },
        { 508, ADIT_REASON_RESOURCE, 60 * ADIT_SEC },
        { 699, ADIT_REASON_REMOTE, 0 },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct lease s;

        lease_init(&s, false);
        lease_start(&s);
        lease_error(&s, 401, "nonce-1");
        lease_error(&s, rows[i].code, NULL);
        assert_int_equal(s.events, 1);
        assert_int_equal(s.event.type, ADIT_TURN_EV_FAILED);
        assert_int_equal(s.event.cause.reason, rows[i].reason);
        assert_true(s.event.pause == rows[i].pause);
        lease_done(&s);
    }
}

static void test_mismatch_drops_what_was_there(void **state)
{
    struct lease s;

    (void)state;
    lease_init(&s, false);
    lease_start(&s);
    lease_error(&s, 401, "nonce-1");
    lease_error(&s, 437, NULL);
    assert_int_equal(lease_method(&s), ADIT_STUN_REFRESH);
    assert_int_equal(adit_stun_find32(s.sent, s.sent_n, ADIT_STUN_LIFETIME, 1), 0);
    lease_success(&s, false);
    assert_int_equal(lease_method(&s), ADIT_STUN_ALLOCATE);
    lease_error(&s, 437, NULL);
    assert_int_equal(s.event.type, ADIT_TURN_EV_FAILED);
    lease_done(&s);
}

static void test_families(void **state)
{
    struct lease s;

    (void)state;
    lease_init(&s, false);
    lease_start(&s);
    assert_int_equal(lease_attr(&s, ADIT_STUN_ADDITIONAL_ADDRESS_FAMILY).data[0], 2);
    lease_error(&s, 401, "nonce-1");
    lease_error(&s, 440, NULL); /* no IPv4 there */
    assert_int_equal(lease_attr(&s, ADIT_STUN_REQUESTED_ADDRESS_FAMILY).data[0], 2);
    assert_null(lease_attr(&s, ADIT_STUN_ADDITIONAL_ADDRESS_FAMILY).data);
    lease_error(&s, 440, NULL);
    assert_int_equal(s.event.cause.err, EAFNOSUPPORT);
    assert_true(s.event.pause == ADIT_NEVER);
    lease_done(&s);

    lease_init(&s, false);
    lease_start(&s);
    lease_error(&s, 401, "nonce-1");
    lease_error(&s, 420, NULL); /* an old one */
    assert_null(lease_attr(&s, ADIT_STUN_ADDITIONAL_ADDRESS_FAMILY).data);
    assert_null(lease_attr(&s, ADIT_STUN_REQUESTED_ADDRESS_FAMILY).data);
    lease_allocated(&s, LEASE_RELAYED, NULL, 600);
    assert_true(adit_turn_ready(s.turn));
    lease_done(&s);
}

static void move(struct lease *s, const char *to)
{
    struct adit_addr a = lease_addr(to);
    struct adit_stun_out out;

    lease_begin(s, &out, ADIT_STUN_ERROR);
    adit_stun_add_error(&out, 300);
    adit_stun_add_addr(&out, ADIT_STUN_ALTERNATE_SERVER, &a);
    lease_say(s, &out, false);
}

static void test_moved(void **state)
{
    static const char *const bad[] = { LEASE_SERVER,   "[2001:db8::9]:3478", "127.0.0.1:3478",
                                       "0.0.0.0:3478", "224.0.0.1:3478",     "203.0.113.9:0" };
    struct lease s;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(bad); i++) {
        lease_init(&s, false);
        lease_start(&s);
        move(&s, bad[i]);
        assert_int_equal(s.event.type, ADIT_TURN_EV_FAILED);
        assert_int_equal(s.event.cause.err, ELOOP);
        lease_done(&s);
    }
    lease_init(&s, false);
    lease_start(&s);
    for (int i = 0; i < 4; i++) { /* each sends us on to the next */
        char to[32] = "203.0.113.20:3478";

        to[11] = (char)('0' + i);
        move(&s, to);
        if (i == 3)
            break;
        assert_int_equal(s.event.type, ADIT_TURN_EV_MOVED);
        adit_turn_start(s.turn, &s.event.addr, 0, s.now);
    }
    assert_int_equal(s.event.type, ADIT_TURN_EV_FAILED);
    lease_start(&s); /* the count begins again */
    move(&s, "203.0.113.30:3478");
    adit_turn_start(s.turn, &s.event.addr, 0, s.now);
    move(&s, LEASE_SERVER);
    assert_int_equal(s.event.cause.err, ELOOP);
    lease_done(&s);
}

static void test_silence(void **state)
{
    struct adit_addr server = lease_addr(LEASE_SERVER);
    struct lease s;
    adit_time began;

    (void)state;
    lease_init(&s, false);
    lease_start(&s);
    began = s.now;
    lease_wait(&s, began + ADIT_TURN_SILENCE - 1);
    assert_int_equal(s.sends, 7);
    assert_int_equal(s.events, 0);
    lease_wait(&s, began + ADIT_TURN_SILENCE);
    assert_int_equal(s.event.type, ADIT_TURN_EV_FAILED);
    assert_int_equal(s.event.cause.reason, ADIT_REASON_TIMEOUT);
    began = s.now;
    adit_turn_start(s.turn, &server, 2500 * ADIT_MS, s.now);
    lease_wait(&s, began + 2500 * ADIT_MS);
    assert_int_equal(s.events, 2);
    lease_done(&s);

    lease_init(&s, true);
    lease_start(&s);
    lease_wait(&s, s.now + 60 * ADIT_SEC);
    assert_int_equal(s.sends, 1);
    assert_int_equal(s.event.type, ADIT_TURN_EV_FAILED);
    lease_done(&s);
}

static void test_refresh(void **state)
{
    struct lease s;

    (void)state;
    lease_init(&s, false);
    lease_ready(&s);
    for (int i = 0; i < 20; i++) {
        unsigned before = s.sends;

        lease_wait(&s, s.now + ADIT_TURN_ALIVE);
        assert_int_equal(s.sends, before + 1);
        assert_int_equal(lease_method(&s), ADIT_STUN_REFRESH);
        assert_true(lease_is_signed(&s));
        if (i == 10)
            lease_error(&s, 438, "nonce-2");
        if (i == 12)
            lease_error(&s, 500, NULL);
        else
            lease_success(&s, true);
    }
    assert_int_equal(s.events, 1);
    adit_turn_doubt(s.turn, s.now);
    assert_int_equal(lease_method(&s), ADIT_STUN_REFRESH);
    lease_error(&s, 437, NULL);
    assert_int_equal(s.event.type, ADIT_TURN_EV_LOST);
    assert_false(adit_turn_ready(s.turn));
    lease_done(&s);
}

static void test_gone_without_a_word(void **state)
{
    struct lease s;
    adit_time began;

    (void)state;
    lease_init(&s, false);
    lease_ready(&s);
    began = s.now;
    lease_wait(&s, began + 30 * ADIT_SEC);
    assert_int_equal(s.event.type, ADIT_TURN_EV_LOST);
    assert_int_equal(s.event.cause.reason, ADIT_REASON_TIMEOUT);
    lease_done(&s);
}

static void test_forgeries(void **state)
{
    struct lease s;
    struct adit_stun_out out;
    struct adit_addr a = lease_addr(LEASE_RELAYED);

    (void)state;
    lease_init(&s, false);
    lease_start(&s);
    lease_error(&s, 401, "nonce-1");
    lease_begin(&s, &out, ADIT_STUN_SUCCESS); /* not signed */
    adit_stun_add_xor(&out, ADIT_STUN_XOR_RELAYED_ADDRESS, &a);
    lease_say(&s, &out, false);
    assert_int_equal(s.events, 0);
    lease_begin(&s, &out, ADIT_STUN_SUCCESS); /* of another transaction */
    out.bytes[10] ^= 1;
    adit_stun_add_xor(&out, ADIT_STUN_XOR_RELAYED_ADDRESS, &a);
    lease_say(&s, &out, true);
    assert_int_equal(s.events, 0);
    lease_begin(&s, &out, ADIT_STUN_ERROR); /* an error that has to be signed */
    adit_stun_add_error(&out, 442);
    lease_say(&s, &out, false);
    assert_int_equal(s.events, 0);
    lease_allocated(&s, "0.0.0.0:1", "[ff02::1]:1", 600); /* nothing that could be used */
    assert_int_equal(s.event.type, ADIT_TURN_EV_FAILED);
    lease_done(&s);
}

static void test_release(void **state)
{
    struct lease s;
    unsigned before;

    (void)state;
    lease_init(&s, false);
    lease_ready(&s);
    before = s.sends;
    adit_turn_release(s.turn, s.now);
    assert_int_equal(s.sends, before + 1);
    assert_int_equal(adit_stun_find32(s.sent, s.sent_n, ADIT_STUN_LIFETIME, 1), 0);
    assert_true(lease_is_signed(&s));
    assert_true(adit_turn_deadline(s.turn) == ADIT_NEVER);
    lease_success(&s, false); /* its answer changes nothing */
    assert_int_equal(s.events, 1);
    adit_turn_release(s.turn, s.now);
    assert_int_equal(s.sends, before + 1);
    lease_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allocates),
        cmocka_unit_test(test_wrong_password),
        cmocka_unit_test(test_nonce_always_stale),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_mismatch_drops_what_was_there),
        cmocka_unit_test(test_families),
        cmocka_unit_test(test_moved),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_refresh),
        cmocka_unit_test(test_gone_without_a_word),
        cmocka_unit_test(test_forgeries),
        cmocka_unit_test(test_release),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
