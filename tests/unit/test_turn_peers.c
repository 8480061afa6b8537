/* The TURN client and its peers: permissions, channels, frames. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "ice/ice.h"
#include "unit/turn_lease.h"

static bool holds(struct adit_span v, const char *text)
{
    return v.len == strlen(text) && memcmp(v.data, text, v.len) == 0;
}

static void test_permission_then_channel(void **state)
{
    struct adit_span got;
    struct adit_addr from;
    struct lease s;
    unsigned before;

    (void)state;
    lease_init(&s, false);
    lease_ready(&s);
    lease_send(&s, LEASE_PEER, "one");
    assert_int_equal(lease_method(&s), ADIT_STUN_CREATE_PERMISSION);
    before = s.sends;
    lease_send(&s, LEASE_PEER, "two"); /* the newest is kept */
    assert_int_equal(s.sends, before);
    lease_success(&s, false);
    assert_int_equal(s.sends, before + 1);
    assert_int_equal(lease_method(&s), ADIT_STUN_SEND);
    assert_true(holds(lease_attr(&s, ADIT_STUN_DATA_VALUE), "two"));
    assert_int_equal(s.sent_n, 36 + 4);
    lease_send(&s, LEASE_PEER, "three");
    assert_true(holds(lease_attr(&s, ADIT_STUN_DATA_VALUE), "three"));

    assert_int_equal(lease_data(&s, LEASE_PEER, "hi", &got, &from), ADIT_TURN_DATA);
    assert_true(holds(got, "hi"));
    assert_int_equal(from.port, 6000);
    assert_int_equal(lease_method(&s), ADIT_STUN_CHANNEL_BIND);
    assert_int_equal(adit_get16(lease_attr(&s, ADIT_STUN_CHANNEL_NUMBER).data),
                     ADIT_TURN_CHANNEL_FIRST);
    struct lease bind = s; /* to be answered later */
    lease_send(&s, LEASE_PEER, "four");
    assert_int_equal(lease_method(&s), ADIT_STUN_SEND);
    memcpy(s.sent, bind.sent, bind.sent_n);
    s.sent_n = bind.sent_n;
    lease_success(&s, false);
    lease_send(&s, LEASE_PEER, "five.");
    assert_int_equal(s.sent_n, 4 + 5);
    assert_memory_equal(s.sent,
                        "\x40\x00\x00\x05"
                        "five.",
                        9);
    assert_int_equal(s.events, 1);
    lease_done(&s);
}

static void test_channel_data_comes_in(void **state)
{
    static const uint8_t other[] = { 0x40, 9, 0, 2, 'h', 'i' }, cut[] = { 0x40, 0, 0, 9, 'h', 'i' },
                         whole[] = { 0x40, 0, 0, 2, 'h', 'i', 0, 0 };
    struct adit_span got = { whole, sizeof whole };
    struct adit_addr from;
    struct lease s;

    (void)state;
    lease_init(&s, false);
    lease_ready(&s);
    lease_send(&s, LEASE_PEER, "one");
    lease_success(&s, false);
    lease_data(&s, LEASE_PEER, "hi", &got, &from);
    lease_success(&s, false);
    got = (struct adit_span){ whole, sizeof whole };
    assert_int_equal(adit_turn_feed(s.turn, &got, &from, s.now), ADIT_TURN_DATA);
    assert_true(holds(got, "hi"));
    assert_ptr_equal(got.data, whole + 4);
    assert_int_equal(from.port, 6000);
    got = (struct adit_span){ other, sizeof other };
    assert_int_equal(adit_turn_feed(s.turn, &got, &from, s.now), ADIT_TURN_TAKEN);
    got = (struct adit_span){ cut, sizeof cut };
    assert_int_equal(adit_turn_feed(s.turn, &got, &from, s.now), ADIT_TURN_TAKEN);
    lease_done(&s);
}

/* Answers what is asked while time goes by; counts by method. */
static void serve(struct lease *s, adit_time until, bool talk, unsigned count[16])
{
    while (s->now < until) {
        unsigned before = s->sends;

        lease_wait(s, s->now + ADIT_SEC);
        if (s->sends != before && lease_method(s) && lease_method(s) != ADIT_STUN_SEND) {
            count[lease_method(s)]++;
            lease_success(s, true);
        }
        if (talk)
            lease_send(s, LEASE_PEER, "still here");
    }
}

static void test_renewed_while_used(void **state)
{
    unsigned used[16] = { 0 }, unused[16] = { 0 };
    struct adit_span got;
    struct adit_addr from;
    struct lease s;

    (void)state;
    lease_init(&s, false);
    lease_ready(&s);
    lease_send(&s, LEASE_PEER, "one");
    lease_success(&s, false);
    serve(&s, s.now + 960 * ADIT_SEC, true, used);
    assert_in_range(used[ADIT_STUN_CREATE_PERMISSION], 3, 4);
    lease_data(&s, LEASE_PEER, "hi", &got, &from);
    lease_success(&s, false);
    used[ADIT_STUN_CREATE_PERMISSION] = 0;
    serve(&s, s.now + 1920 * ADIT_SEC, true, used);
    assert_in_range(used[ADIT_STUN_CHANNEL_BIND], 7, 8);
    assert_int_equal(used[ADIT_STUN_CREATE_PERMISSION], 0);
    serve(&s, s.now + 1920 * ADIT_SEC, false, unused);
    assert_true(unused[ADIT_STUN_CHANNEL_BIND] <= 2);
    /* and it comes back when it is needed, under the same number */
    lease_send(&s, LEASE_PEER, "again");
    assert_int_equal(lease_method(&s), ADIT_STUN_CHANNEL_BIND);
    lease_success(&s, false);
    assert_true(holds(lease_attr(&s, ADIT_STUN_DATA_VALUE), "again"));
    assert_int_equal(s.events, 1);
    lease_done(&s);
}

static void test_refused(void **state)
{
    struct adit_span got;
    struct adit_addr from;
    struct lease s;
    unsigned before;

    (void)state;
    lease_init(&s, false);
    lease_ready(&s);
    lease_send(&s, LEASE_PEER, "one");
    lease_error(&s, 403, NULL);
    assert_int_equal(s.event.type, ADIT_TURN_EV_REFUSED);
    assert_int_equal(s.event.addr.port, 6000);
    assert_true(adit_turn_ready(s.turn));
    before = s.sends;
    lease_send(&s, LEASE_PEER, "one");
    assert_int_equal(s.sends, before);
    s.now += 61 * ADIT_SEC;
    lease_send(&s, LEASE_PEER, "one");
    assert_int_equal(lease_method(&s), ADIT_STUN_CREATE_PERMISSION);
    lease_success(&s, false);
    lease_data(&s, LEASE_PEER, "hi", &got, &from);
    lease_error(&s, 486, NULL); /* no more channels: it goes on without */
    lease_send(&s, LEASE_PEER, "two");
    assert_int_equal(lease_method(&s), ADIT_STUN_SEND);
    lease_data(&s, LEASE_PEER, "hi", &got, &from);
    assert_int_equal(lease_method(&s), ADIT_STUN_SEND);
    lease_done(&s);
}

static void test_forgotten(void **state)
{
    struct lease s;

    (void)state;
    lease_init(&s, false);
    lease_ready(&s);
    lease_send(&s, LEASE_PEER, "one");
    lease_error(&s, 437, NULL);
    assert_int_equal(s.event.type, ADIT_TURN_EV_LOST);
    lease_done(&s);

    /* a server that has lost its memory may still say yes, to a request under its new nonce */
    lease_init(&s, false);
    lease_ready(&s);
    lease_send(&s, LEASE_PEER, "one");
    lease_error(&s, 438, "nonce-2");
    assert_int_equal(lease_method(&s), ADIT_STUN_REFRESH);
    lease_error(&s, 437, NULL);
    assert_int_equal(s.event.type, ADIT_TURN_EV_LOST);
    lease_done(&s);
}

static void test_many_peers(void **state)
{
    struct lease s;
    char peer[32];

    (void)state;
    lease_init(&s, false);
    lease_ready(&s);
    for (int i = 0; i < 3 * ADIT_TURN_PEERS_MAX; i++) {
        snprintf(peer, sizeof peer, "198.51.100.5:%d", 7000 + i);
        s.now += ADIT_MS;
        lease_send(&s, peer, "one");
        assert_int_equal(lease_method(&s), ADIT_STUN_CREATE_PERMISSION);
        lease_success(&s, false);
    }
    for (int i = 0; i < 3 * ADIT_TURN_PEERS_MAX; i++) { /* nobody answers: there is a limit */
        snprintf(peer, sizeof peer, "198.51.100.6:%d", 7000 + i);
        lease_send(&s, peer, "one");
    }
    assert_int_equal(s.sends, 2 + 2 * 3 * ADIT_TURN_PEERS_MAX + ADIT_TURN_PEERS_MAX);
    assert_int_equal(s.events, 1);
    lease_done(&s);
}

static void test_stream_pads(void **state)
{
    struct adit_span got;
    struct adit_addr from;
    struct lease s;

    (void)state;
    lease_init(&s, true);
    lease_ready(&s);
    lease_send(&s, LEASE_PEER, "one");
    lease_success(&s, false);
    lease_data(&s, LEASE_PEER, "hi", &got, &from);
    lease_success(&s, false);
    lease_send(&s, LEASE_PEER, "five.");
    assert_int_equal(s.sent_n, 12);
    assert_memory_equal(s.sent,
                        "\x40\x00\x00\x05"
                        "five.\0\0\0",
                        12);
    lease_done(&s);
}

static void test_frames(void **state)
{
    static const struct {
        uint8_t in[4];
        size_t n;
        int want;
    } rows[] = {
        { { 0x40, 0, 0, 0 }, 4, 4 },
        { { 0x40, 0, 0, 1 }, 4, 8 },
        { { 0x4f, 0, 0, 8 }, 4, 12 },
        { { 0x00, 1, 0, 8 }, 4, 28 },
        { { 0x01, 1, 0, 9 }, 4, -EPROTO },
        { { 0x80, 0, 0, 0 }, 4, -EPROTO },
        { { 'H', 'T', 'T', 'P' }, 4, 4 + 0x5450 },
        { { 0xff }, 1, -EPROTO },
        { { 0x40, 0, 0 }, 3, 0 },
        { { 0 }, 0, 0 },
        { { 0x40, 0, 0xff, 0xff }, 4, 4 + 65536 },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++)
        assert_int_equal(adit_turn_frame(rows[i].in, rows[i].n), rows[i].want);
}

static void test_probes(void **state)
{
    static const uint8_t id[ADIT_STUN_ID_SIZE];
    struct adit_addr peer = lease_addr(LEASE_PEER);
    uint8_t check[1400] = { 0 }, dtls[1400] = { 23 }, out[ADIT_TURN_FRAME_MAX];
    size_t n;

    (void)state;
    assert_true(adit_turn_is_probe(check, sizeof check));
    assert_false(adit_turn_is_probe(check, ADIT_PMTU_BASE));
    assert_false(adit_turn_is_probe(dtls, sizeof dtls));
    n = adit_turn_put_channel(out, 0x4000, check, sizeof check, false);
    assert_true(adit_turn_is_probe(out, n));
    n = adit_turn_put_channel(out, 0x4000, check, ADIT_PMTU_BASE, false);
    assert_false(adit_turn_is_probe(out, n));
    n = adit_turn_put_channel(out, 0x4000, dtls, sizeof dtls, false);
    assert_false(adit_turn_is_probe(out, n));
    n = adit_turn_put_send(out, id, &peer, check, sizeof check);
    assert_true(adit_turn_is_probe(out, n));
    n = adit_turn_put_send(out, id, &peer, dtls, sizeof dtls);
    assert_false(adit_turn_is_probe(out, n));
}

/* RFC 5769 section 2.4 */
static void test_long_term_vector(void **state)
{
    static const uint8_t request[] =
        "\x00\x01\x00\x60\x21\x12\xa4\x42\x78\xad\x34\x33\xc6\xad\x72\xc0\x29\xda\x41\x2e"
        "\x00\x06\x00\x12\xe3\x83\x9e\xe3\x83\x88\xe3\x83\xaa\xe3\x83\x83\xe3\x82\xaf\xe3\x82\xb9"
        "\x00\x00"
        "\x00\x15\x00\x1c\x66\x2f\x2f\x34\x39\x39\x6b\x39\x35\x34\x64\x36\x4f\x4c\x33\x34\x6f\x4c"
        "\x39\x46\x53\x54\x76\x79\x36\x34\x73\x41"
        "\x00\x14\x00\x0b\x65\x78\x61\x6d\x70\x6c\x65\x2e\x6f\x72\x67\x00"
        "\x00\x08\x00\x14\xf6\x70\x24\x65\x6d\xd6\x4a\x3e\x02\xb8\xe0\x71\x2e\x85\xc9\xa2\x8c\xa8"
        "\x96\x66";
    static const char user[] = "\xe3\x83\x9e\xe3\x83\x88\xe3\x83\xaa\xe3\x83\x83\xe3\x82\xaf\xe3"
                               "\x82\xb9";
    uint8_t key[ADIT_STUN_KEY_SIZE];
    struct adit_stun msg;

    (void)state;
    adit_stun_long_term_key(key, user, "example.org", "TheMatrIX");
    assert_int_equal(adit_stun_decode(&msg, request, sizeof request - 1,
                                      &(struct adit_stun_auth){
                                          .key = { key, sizeof key },
                                          .username = { (const uint8_t *)user, strlen(user) } }),
                     ADIT_STUN_OK);
    assert_true(msg.authenticated);
    key[0] ^= 1;
    assert_int_equal(adit_stun_decode(&msg, request, sizeof request - 1,
                                      &(struct adit_stun_auth){
                                          .key = { key, sizeof key },
                                          .username = { (const uint8_t *)user, strlen(user) } }),
                     ADIT_STUN_UNAUTHORIZED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_permission_then_channel),
        cmocka_unit_test(test_channel_data_comes_in),
        cmocka_unit_test(test_renewed_while_used),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_forgotten),
        cmocka_unit_test(test_many_peers),
        cmocka_unit_test(test_stream_pads),
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_probes),
        cmocka_unit_test(test_long_term_vector),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
