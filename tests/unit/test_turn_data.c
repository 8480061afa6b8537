/* test_turn_data.c - packets through a relay, both ways, and those that stay behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "unit/turn_world.h"

static struct adit_addr begin(struct turn_world *w)
{
    turn_world_start(w);
    assert_int_equal(turn_allocate(w), 0);
    return turn_answer_addr(w, ADIT_STUN_XOR_RELAYED_ADDRESS);
}

static void by_indications(void **state)
{
    struct turn_world w;
    struct adit_addr relayed, peer = turn_addr(TURN_PEER), from;
    struct adit_span data;

    (void)state;
    turn_world_init(&w);
    relayed = begin(&w);
    assert_int_equal(turn_send(&w, TURN_PEER, "hello", 5), 0);
    assert_int_equal(turn_permit(&w, TURN_PEER), 0);
    for (size_t n = 0; n < 6; n++) {
        assert_int_equal(turn_send(&w, TURN_PEER, "hello", n), 1);
        assert_int_equal(w.emitted_n, n);
        assert_memory_equal(w.emitted, "hello", n);
        assert_true(adit_addr_equal(&w.emitted_to, &peer) && !w.emitted_whole);
        assert_true(adit_addr_equal(&w.emitted_from->addr, &relayed));
        assert_int_equal(turn_hear(&w, &relayed, TURN_PEER, "world", n), 1);
        data = turn_answer(&w, ADIT_STUN_DATA_VALUE);
        assert_int_equal(data.len, n);
        assert_memory_equal(data.data, "world", n);
        from = turn_answer_addr(&w, ADIT_STUN_XOR_PEER_ADDRESS);
        assert_true(adit_addr_equal(&from, &peer));
        assert_memory_equal(w.sent, "\x00\x17", 2);
        assert_true(w.sent_data);
        assert_true(adit_addr_equal(&w.sent_to.client, &w.flow.client));
    }
    turn_world_done(&w);
}

/* Half of an indication is none, and so is one that wants to be understood in full. */
static void indications_that_are_none(void **state)
{
    struct turn_world w;

    (void)state;
    turn_world_init(&w);
    begin(&w);
    assert_int_equal(turn_permit(&w, TURN_PEER), 0);
    for (int i = 0; i < 4; i++) {
        turn_begin(&w, ADIT_STUN_SEND);
        w.request.bytes[1] = 0x10 | ADIT_STUN_SEND;
        if (i != 0)
            turn_add_peer(&w, TURN_PEER);
        if (i != 1)
            adit_stun_add(&w.request, ADIT_STUN_DATA_VALUE, "x", 1);
        if (i == 2)
            adit_stun_add(&w.request, 0x7777, "x", 1);
        if (i == 3)
            adit_stun_add(&w.request, ADIT_STUN_DONT_FRAGMENT, "", 0);
        adit_stun_finish_bare(&w.request);
        adit_turnd_feed(w.relay, &w.flow, w.request.bytes, w.request.len, w.now);
        assert_int_equal(w.emits, i == 3);
    }
    assert_true(w.emitted_whole);
    turn_begin(&w, ADIT_STUN_SEND); /* as a request there is no such thing */
    turn_add_peer(&w, TURN_PEER);
    adit_stun_add(&w.request, ADIT_STUN_DATA_VALUE, "x", 1);
    assert_int_equal(turn_ask_bare(&w), -1);
    w.flow.client.port++; /* nobody's */
    assert_int_equal(turn_send(&w, TURN_PEER, "x", 1), 0);
    assert_int_equal(turn_channel(&w, 0x4000, "x", 1), 0);
    turn_world_done(&w);
}

static void by_channels(void **state)
{
    struct turn_world w;
    struct adit_addr relayed, peer = turn_addr(TURN_PEER);

    (void)state;
    turn_world_init(&w);
    relayed = begin(&w);
    assert_int_equal(turn_channel(&w, 0x4000, "hello", 5), 0);
    assert_int_equal(turn_bind(&w, 0x4000, TURN_PEER), 0);
    assert_int_equal(turn_channel(&w, 0x4000, "hello", 5), 1);
    assert_int_equal(w.emitted_n, 5);
    assert_memory_equal(w.emitted, "hello", 5);
    assert_true(adit_addr_equal(&w.emitted_to, &peer));
    assert_int_equal(turn_channel(&w, 0x4000, NULL, 0), 1);
    assert_int_equal(turn_channel(&w, 0x4001, "hello", 5), 0);
    assert_int_equal(turn_hear(&w, &relayed, TURN_PEER, "world", 5), 1);
    assert_int_equal(w.sent_n, 9); /* datagrams are not filled up */
    assert_memory_equal(w.sent, "\x40\x00\x00\x05world", 9);
    /* from another port of the peer: it is permitted, but the channel is not its */
    assert_int_equal(turn_hear(&w, &relayed, "203.0.113.5:6001", "world", 5), 1);
    assert_memory_equal(w.sent, "\x00\x17", 2);

    /* a length that lies, and padding */
    unsigned emits = w.emits;
    adit_turnd_feed(w.relay, &w.flow, (const uint8_t *)"\x40\x00\x00\x02x", 5, w.now);
    adit_turnd_feed(w.relay, &w.flow, (const uint8_t *)"\x40\x00\x00", 3, w.now);
    adit_turnd_feed(w.relay, &w.flow, (const uint8_t *)"\x40", 1, w.now);
    adit_turnd_feed(w.relay, &w.flow, (const uint8_t *)"", 0, w.now);
    assert_int_equal(w.emits, emits);
    adit_turnd_feed(w.relay, &w.flow, (const uint8_t *)"\x40\x00\x00\x01x\0\0\0", 8, w.now);
    assert_true(w.emits == emits + 1 && w.emitted_n == 1);
    turn_world_done(&w);
}

static void streams_are_filled_up(void **state)
{
    struct turn_world w;
    struct adit_addr relayed;

    (void)state;
    turn_world_init(&w);
    w.flow.stream = true;
    relayed = begin(&w);
    assert_int_equal(turn_bind(&w, 0x4000, TURN_PEER), 0);
    for (size_t n = 0; n < 9; n++) {
        assert_int_equal(turn_hear(&w, &relayed, TURN_PEER, "12345678", n), 1);
        assert_int_equal(w.sent_n, 4 + (n + 3) / 4 * 4);
        assert_int_equal(adit_get16(w.sent + 2), n);
        assert_true(w.sent_to.stream && w.sent_to.path == w.flow.path);
    }
    turn_world_done(&w);
}

static void the_longest(void **state)
{
    static const uint8_t bytes[2100];
    struct turn_world w;
    struct adit_addr relayed;

    (void)state;
    turn_world_init(&w);
    relayed = begin(&w);
    assert_int_equal(turn_bind(&w, 0x4000, TURN_PEER), 0);
    assert_int_equal(turn_channel(&w, 0x4000, bytes, ADIT_TURND_PACKET_MAX), 1);
    assert_int_equal(turn_channel(&w, 0x4000, bytes, ADIT_TURND_PACKET_MAX + 1), 0);
    assert_int_equal(turn_hear(&w, &relayed, TURN_PEER, bytes, ADIT_TURND_PACKET_MAX), 1);
    assert_int_equal(turn_hear(&w, &relayed, TURN_PEER, bytes, ADIT_TURND_PACKET_MAX + 1), 0);
    assert_int_equal(turn_hear(&w, &relayed, "203.0.113.5:1", bytes, 1500), 1);
    assert_int_equal(turn_hear(&w, &relayed, "203.0.113.5:1", bytes, ADIT_TURND_PACKET_MAX), 0);
    assert_int_equal(adit_turnd_count(w.relay), 1);
    turn_world_done(&w);
}

/* Two clients of one relay meet inside of it; of its host they reach nothing else. */
static void two_of_one_relay(void **state)
{
    struct turn_world w;
    struct adit_addr a, b, client;
    char at_a[ADIT_ADDR_STR], at_b[ADIT_ADDR_STR];

    (void)state;
    turn_world_init(&w);
    a = begin(&w);
    client = w.flow.client;
    assert_int_equal(turn_permit(&w, TURN_RELAY_V4 ":1"), 0);
    w.flow.client.port++;
    assert_int_equal(turn_allocate(&w), 0);
    b = turn_answer_addr(&w, ADIT_STUN_XOR_RELAYED_ADDRESS);
    adit_addr_str(&a, at_a);
    adit_addr_str(&b, at_b);
    assert_int_equal(turn_bind(&w, 0x4000, at_a), 0);
    unsigned sends = w.sends;
    assert_int_equal(turn_channel(&w, 0x4000, "to a", 4), 0); /* nothing leaves */
    assert_int_equal(w.sends, sends + 1);
    assert_true(adit_addr_equal(&w.sent_to.client, &client));
    assert_memory_equal(turn_answer(&w, ADIT_STUN_DATA_VALUE).data, "to a", 4);
    w.flow.client = client;
    assert_int_equal(turn_send(&w, at_b, "to b", 4), 0);
    assert_int_equal(w.sends, sends + 2);
    assert_memory_equal(w.sent, "\x40\x00\x00\x04to b", 8);
    assert_int_equal(turn_send(&w, TURN_RELAY_V4 ":22", "x", 1), 0);
    assert_int_equal(turn_send(&w, TURN_RELAY_V4 ":3478", "x", 1), 0);
    assert_int_equal(w.sends, sends + 2);
    assert_int_equal(adit_turnd_stats(w.relay)->forbidden, 2);
    turn_world_done(&w);
}

/* So much a second, a second's worth at once; what is beyond is lost, and the allocation is not. */
static void so_much_a_second(void **state)
{
    static const uint8_t bytes[1000 - 28]; /* and headers */
    struct turn_world w;
    struct adit_addr relayed;
    unsigned passed = 0;

    (void)state;
    turn_world_init(&w);
    w.conf.limits.bandwidth = 10000;
    relayed = begin(&w);
    assert_int_equal(turn_refresh(&w, 3600), 0);
    assert_int_equal(turn_bind(&w, 0x4000, TURN_PEER), 0);
    for (int i = 0; i < 50; i++)
        passed += turn_channel(&w, 0x4000, bytes, sizeof bytes);
    assert_int_equal(passed, 10);
    assert_int_equal(turn_hear(&w, &relayed, TURN_PEER, bytes, sizeof bytes), 0);
    turn_wait(&w, 100 * ADIT_MS);
    assert_int_equal(turn_hear(&w, &relayed, TURN_PEER, bytes, sizeof bytes), 1);
    assert_int_equal(turn_channel(&w, 0x4000, bytes, sizeof bytes), 0);
    passed = 0;
    for (int i = 0; i < 200; i++) { /* 20 seconds at five times the rate */
        turn_wait(&w, 100 * ADIT_MS);
        for (int k = 0; k < 5; k++)
            passed += turn_channel(&w, 0x4000, bytes, sizeof bytes);
    }
    assert_int_equal(passed, 200);
    assert_int_equal(adit_turnd_stats(w.relay)->over_rate, 40 + 1 + 1 + 800);
    turn_wait(&w, ADIT_SEC);
    passed = 0;
    for (int i = 0; i < 1000; i++)
        passed += turn_channel(&w, 0x4000, NULL, 0);
    assert_int_equal(passed, 10000 / 28);
    assert_int_equal(turn_refresh(&w, 0), 0);
    assert_int_equal(w.last.bytes, 211 * sizeof bytes);
    assert_int_equal(w.last.lost_bytes, 842 * sizeof bytes);
    turn_world_done(&w);
}

static void what_ends_is_silent(void **state)
{
    struct turn_world w;
    struct adit_addr relayed;

    (void)state;
    turn_world_init(&w);
    relayed = begin(&w);
    assert_int_equal(turn_bind(&w, 0x4000, TURN_PEER), 0);
    turn_wait(&w, 600 * ADIT_SEC);
    assert_int_equal(turn_channel(&w, 0x4000, "x", 1), 0);
    assert_int_equal(turn_hear(&w, &relayed, TURN_PEER, "x", 1), 0);
    assert_int_equal(turn_allocate(&w), 0);
    assert_int_equal(turn_channel(&w, 0x4000, "x", 1), 0); /* a new one knows no old channel */
    adit_turnd_path_gone(w.relay, &w.other_path, w.now);
    assert_int_equal(adit_turnd_count(w.relay), 1);
    adit_turnd_path_gone(w.relay, &w.path, w.now);
    assert_int_equal(adit_turnd_count(w.relay), 0);
    turn_world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_indications),   cmocka_unit_test(indications_that_are_none),
        cmocka_unit_test(by_channels),      cmocka_unit_test(streams_are_filled_up),
        cmocka_unit_test(the_longest),      cmocka_unit_test(two_of_one_relay),
        cmocka_unit_test(so_much_a_second), cmocka_unit_test(what_ends_is_silent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
