/* test_turn_binding.c - STUN for everybody: how long an answer is, where it comes from, how often;
 * and where messages end in a stream. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "relay/frame.h"
#include "unit/turn_world.h"

static const uint8_t zeros[256];
static const char *const clients[] = { "192.0.2.10:5000", "[2001:db8::10]:5000" };

static void two_addresses(struct turn_world *w)
{
    w->conf.others[0] =
        (struct adit_turnd_other){ turn_addr("198.51.100.1:3478"), turn_addr("198.51.100.2:3479") };
    w->conf.others[1] = (struct adit_turnd_other){ turn_addr("[2001:db8:5::1]:3478"),
                                                   turn_addr("[2001:db8:5::2]:3479") };
}

static void says_where_from(void **state)
{
    struct turn_world w;
    struct adit_addr mapped;

    (void)state;
    turn_world_init(&w);
    turn_world_start(&w);
    for (size_t i = 0; i < ADIT_LEN(clients); i++) {
        w.flow.client = turn_addr(clients[i]);
        turn_begin(&w, ADIT_STUN_BINDING);
        assert_int_equal(turn_ask_bare(&w), 0);
        mapped = turn_answer_addr(&w, ADIT_STUN_XOR_MAPPED_ADDRESS);
        assert_true(adit_addr_equal(&mapped, &w.flow.client));
        assert_int_equal(w.sent_n, 20 + (i ? 24 : 12)); /* and not a word more */
        turn_begin(&w, ADIT_STUN_BINDING);
        adit_stun_finish(&w.request, (struct adit_span){ 0 }); /* with FINGERPRINT */
        assert_int_equal(turn_repeat(&w), 0);
        assert_int_equal(adit_get16(w.sent + w.sent_n - 8), ADIT_STUN_FINGERPRINT);
    }
    turn_begin(&w, ADIT_STUN_BINDING);
    adit_stun_add(&w.request, 0x0003, "\0\0\0\6", 4); /* there is no second address */
    assert_int_equal(turn_ask_bare(&w), 420);
    turn_world_done(&w);
}

/* Whatever is asked, from whatever family: headers of IP and UDP counted, not more than 3 : 2. */
static void never_much_longer(void **state)
{
    struct turn_world w;

    (void)state;
    turn_world_init(&w);
    two_addresses(&w);
    w.conf.limits.bindings = 1000000;
    turn_world_start(&w);
    for (size_t i = 0; i < 2 * 64; i++) {
        size_t head = i % 2 ? 48 : 28, filler = i / 2;
        w.flow.client = turn_addr(clients[i % 2]);
        w.flow.local = turn_addr(i % 2 ? "[2001:db8:5::1]:3478" : "198.51.100.1:3478");
        turn_begin(&w, ADIT_STUN_BINDING);
        if (filler % 3)
            adit_stun_add(&w.request, 0x0003, "\0\0\0\6", 4);
        if (filler > 1)
            adit_stun_add(&w.request, ADIT_STUN_PADDING, zeros, filler);
        if (filler % 5)
            adit_stun_finish(&w.request, (struct adit_span){ 0 });
        else
            adit_stun_finish_bare(&w.request);
        assert_int_equal(turn_repeat(&w), 0);
        assert_true(2 * (w.sent_n + head) <= 3 * (w.request.len + head));
    }
    turn_world_done(&w);
}

/* RFC 5780 section 4: with all that the client changes, and where the answer comes from then. */
static void behaviour(void **state)
{
    static const struct {
        const char *asked;
        uint8_t flags;
        const char *from, *other;
    } rows[] = {
        { "198.51.100.1:3478", 0, "198.51.100.1:3478", "198.51.100.2:3479" },
        { "198.51.100.1:3478", 2, "198.51.100.1:3479", "198.51.100.2:3479" },
        { "198.51.100.1:3478", 4, "198.51.100.2:3478", "198.51.100.2:3479" },
        { "198.51.100.1:3478", 6, "198.51.100.2:3479", "198.51.100.2:3479" },
        { "198.51.100.2:3479", 0, "198.51.100.2:3479", "198.51.100.1:3478" },
        { "198.51.100.2:3479", 6, "198.51.100.1:3478", "198.51.100.1:3478" },
        { "198.51.100.2:3478", 2, "198.51.100.2:3479", "198.51.100.1:3479" },
        { "198.51.100.1:3479", 4, "198.51.100.2:3479", "198.51.100.2:3478" },
    };
    struct turn_world w;

    (void)state;
    turn_world_init(&w);
    two_addresses(&w);
    turn_world_start(&w);
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        const uint8_t change[4] = { 0, 0, 0, rows[i].flags };
        struct adit_addr from = turn_addr(rows[i].from), other = turn_addr(rows[i].other);
        struct adit_span v;
        w.flow.local = turn_addr(rows[i].asked);
        turn_begin(&w, ADIT_STUN_BINDING);
        adit_stun_add(&w.request, ADIT_STUN_CHANGE_REQUEST, change, 4);
        adit_stun_finish(&w.request, (struct adit_span){ 0 });
        assert_int_equal(turn_repeat(&w), 0);
        assert_true(adit_addr_equal(&w.sent_to.local, &from));
        assert_true(rows[i].flags ? !w.sent_to.path : w.sent_to.path == &w.path);
        v = turn_answer(&w, ADIT_STUN_OTHER_ADDRESS);
        assert_true(v.len == 8 && adit_get16(v.data + 2) == other.port);
        assert_memory_equal(v.data + 4, other.ip, 4);
        v = turn_answer(&w, ADIT_STUN_RESPONSE_ORIGIN);
        assert_true(v.len == 8 && adit_get16(v.data + 2) == from.port);
        assert_memory_equal(v.data + 4, from.ip, 4);
    }
    /* RESPONSE-PORT and PADDING */
    turn_begin(&w, ADIT_STUN_BINDING);
    adit_stun_add(&w.request, ADIT_STUN_RESPONSE_PORT, "\x12\x34\0\0", 4);
    adit_stun_add(&w.request, ADIT_STUN_PADDING, zeros, 200);
    assert_int_equal(turn_ask_bare(&w), 0);
    assert_int_equal(w.sent_to.client.port, 0x1234);
    assert_memory_equal(w.sent_to.client.ip, w.flow.client.ip, 16);
    assert_int_equal(turn_answer(&w, ADIT_STUN_PADDING).len, 200);
    /* an unknown one beside, a stream, and an address that has no second */
    turn_begin(&w, ADIT_STUN_BINDING);
    adit_stun_add(&w.request, ADIT_STUN_CHANGE_REQUEST, "\0\0\0\6", 4);
    adit_stun_add(&w.request, 0x7777, "", 0);
    assert_int_equal(turn_ask_bare(&w), 420);
    turn_begin(&w, ADIT_STUN_BINDING);
    adit_stun_add(&w.request, ADIT_STUN_CHANGE_REQUEST, "\0\0\0\6", 4);
    w.flow.stream = true;
    assert_int_equal(turn_ask_bare(&w), 420);
    w.flow.stream = false;
    w.flow.local = turn_addr("198.51.100.3:3478");
    assert_int_equal(turn_repeat(&w), 420);
    turn_world_done(&w);
}

static void not_too_often(void **state)
{
    struct turn_world w;
    unsigned answered = 0;

    (void)state;
    turn_world_init(&w);
    turn_world_start(&w);
    for (int i = 0; i < 10000; i++) {
        turn_begin(&w, ADIT_STUN_BINDING);
        answered += turn_ask_bare(&w) == 0;
    }
    assert_int_equal(answered, 200); /* four seconds' worth */
    turn_wait(&w, ADIT_SEC);
    for (int i = 0; i < 10000; i++)
        answered += turn_repeat(&w) == 0;
    assert_int_equal(answered, 250);
    w.flow.stream = true; /* whoever has a connection is who he is */
    assert_int_equal(turn_repeat(&w), 0);
    turn_world_done(&w);
}

/* Nothing that is no request is answered: two servers could go on for ever. */
static void no_answer_to_answers(void **state)
{
    static const uint8_t classes[] = { 0x00, 0x11, 0x01 }; /* with the first byte: the class */
    struct turn_world w;

    (void)state;
    turn_world_init(&w);
    turn_world_start(&w);
    for (size_t i = 0; i < ADIT_LEN(classes); i++) {
        turn_begin(&w, ADIT_STUN_BINDING);
        w.request.bytes[0] = i == 0 ? 0 : 1;
        w.request.bytes[1] = i == 0 ? 0x11 : classes[i];
        adit_stun_finish_bare(&w.request);
        adit_turnd_feed(w.relay, &w.flow, w.request.bytes, w.request.len, w.now);
        w.request.bytes[1] += 2; /* of Allocate */
        adit_turnd_feed(w.relay, &w.flow, w.request.bytes, w.request.len, w.now);
    }
    for (unsigned first = 0; first < 256; first++) {
        uint8_t bytes[28] = { (uint8_t)first };
        adit_turnd_feed(w.relay, &w.flow, bytes, sizeof bytes, w.now);
    }
    assert_int_equal(w.sends, 0);
    turn_world_done(&w);
}

static void frames(void **state)
{
#define COOKIE "\x21\x12\xa4\x42"
    static const struct {
        const char *bytes;
        size_t n;
        int len;
    } rows[] = {
        { "", 0, 0 },
        { "\x00", 1, 0 },
        { "\x00\x01\x00\x00", 4, 0 },
        { "\x00\x01\x00\x04" COOKIE "123456789012abcd", 24, 24 },
        { "\x00\x01\x00\x04" COOKIE "123456789012abcd", 23, 0 },
        { "\x00\x01\x00\x00" COOKIE "123456789012more", 24, 20 },
        { "\x00\x01\x00\x02" COOKIE, 8, -EPROTO }, /* no multiple of four */
        { "\x00\x01\x00\x00\x21\x12\xa4\x43", 8, -EPROTO },
        { "\x00\x01\x07\xec" COOKIE, 8, 0 }, /* 2048 in all */
        { "\x00\x01\x07\xf0" COOKIE, 8, -EMSGSIZE },
        { "\x40\x00\x00\x00", 4, 4 },
        { "\x40\x00\x00\x01x", 5, 0 },
        { "\x40\x00\x00\x01x\0\0\0", 8, 8 },
        { "\x40\x00\x00\x04xxxx\x40", 9, 8 },
        { "\x7f\xff\x07\xfc", 4, 0 },
        { "\x7f\xff\x07\xfd", 4, -EMSGSIZE },
        { "\x7f\xff\xff\xff", 4, -EMSGSIZE },
        { "\x80", 1, -EPROTO },
        { "G", 1, 0 }, /* might be channel 0x4745 */
        { "\x04\0\0\0", 4, -EPROTO },
        { "\x3f", 1, -EPROTO },
        { "\xff\xff\xff\xff", 4, -EPROTO },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++)
        if (adit_turnd_frame((const uint8_t *)rows[i].bytes, rows[i].n) != rows[i].len)
            fail_msg("row %zu: %d", i, adit_turnd_frame((const uint8_t *)rows[i].bytes, rows[i].n));
    for (unsigned c = 0; c < 256; c++)
        assert_true(adit_turnd_frame_begins((uint8_t)c) == (c < 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_where_from),
        cmocka_unit_test(never_much_longer),
        cmocka_unit_test(behaviour),
        cmocka_unit_test(not_too_often),
        cmocka_unit_test(no_answer_to_answers),
        cmocka_unit_test(frames),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
