/* Which packets pass a tunnel, in which direction; half of them must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "tun/filter.h"

static struct adit_prefix prefix(const char *text)
{
    struct adit_prefix p;

    assert_int_equal(adit_prefix_parse(&p, text, strlen(text)), 0);
    return p;
}

static void init(struct adit_filter *f, bool tap, bool strict)
{
    static const char *const allowed[] = { "10.7.0.0/24", "192.168.5.0/24", "fd00:7::/64" };
    struct adit_addr own4 = prefix("10.7.0.1").addr, own6 = prefix("fd00:7::1").addr;

    *f = (struct adit_filter){ .tap = tap, .strict = strict };
    for (size_t i = 0; i < ADIT_LEN(allowed); i++) {
        struct adit_prefix p = prefix(allowed[i]);
        assert_int_equal(adit_filter_allow(f, &p), 0);
    }
    assert_int_equal(adit_filter_own(f, &own4), 0);
    assert_int_equal(adit_filter_own(f, &own6), 0);
}

/* A UDP packet of len bytes from port 1000 to port 2000; behind an Ethernet head if `tap`. */
static size_t build(uint8_t *b, bool tap, const char *src, const char *dst, size_t len)
{
    struct adit_addr s = prefix(src).addr, d = prefix(dst).addr;
    bool v6 = s.family == ADIT_FAMILY_V6;
    size_t head = v6 ? 40 : 20;

    memset(b, 0, len + ADIT_ETHER_LEN);
    if (tap) {
        memcpy(b, "\x02\0\0\0\0\x0a\x02\0\0\0\0\x0b", 12);
        adit_put16(b + 12, v6 ? ADIT_ETHER_IPV6 : ADIT_ETHER_IPV4);
        b += ADIT_ETHER_LEN;
    }
    b[0] = v6 ? 0x60 : 0x45;
    adit_put16(b + (v6 ? 4 : 2), (uint16_t)(v6 ? len - 40 : len));
    b[v6 ? 6 : 9] = 17;
    memcpy(b + (v6 ? 8 : 12), s.ip, v6 ? 16 : 4);
    memcpy(b + (v6 ? 24 : 16), d.ip, v6 ? 16 : 4);
    adit_put16(b + head, 1000);
    adit_put16(b + head + 2, 2000);
    return len + (tap ? ADIT_ETHER_LEN : 0);
}

static void a_peer_uses_its_own_addresses_only(void **state)
{
    static const struct {
        const char *src;
        enum adit_drop tun, tap; /* tap: with addresses named */
    } rows[] = {
        { "10.7.0.2", ADIT_DROP_NONE, ADIT_DROP_NONE },
        { "192.168.5.77", ADIT_DROP_NONE, ADIT_DROP_NONE },
        { "fd00:7::2", ADIT_DROP_NONE, ADIT_DROP_NONE },
        { "10.7.0.1", ADIT_DROP_SOURCE, ADIT_DROP_SOURCE }, /* ours */
        { "fd00:7::1", ADIT_DROP_SOURCE, ADIT_DROP_SOURCE },
        { "10.7.1.2", ADIT_DROP_SOURCE, ADIT_DROP_SOURCE },
        { "127.0.0.1", ADIT_DROP_SOURCE, ADIT_DROP_SOURCE },
        { "0.0.0.0", ADIT_DROP_SOURCE, ADIT_DROP_SOURCE },
        { "fd00:8::2", ADIT_DROP_SOURCE, ADIT_DROP_SOURCE },
        { "::ffff:10.7.0.2", ADIT_DROP_NONE, ADIT_DROP_NONE }, /* the test's IPv4 in disguise */
        { "fe80::1", ADIT_DROP_SOURCE, ADIT_DROP_NONE },
        { "::", ADIT_DROP_SOURCE, ADIT_DROP_NONE },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++)
        for (int tap = 0; tap <= 1; tap++) {
            enum adit_drop want = tap ? rows[i].tap : rows[i].tun;
            struct adit_filter f;
            uint8_t bytes[128 + ADIT_ETHER_LEN];
            size_t len = 0, n = build(bytes, tap, rows[i].src,
                                      strchr(rows[i].src, '.') ? "10.7.0.1" : "fd00:7::1", 80);

            init(&f, tap, true);
            enum adit_drop drop = adit_filter_in(&f, bytes, n, &len);
            if (drop != want || (drop == ADIT_DROP_NONE && len != n))
                fail_msg("%s tap=%d: %s", rows[i].src, tap, adit_drop_name(drop));
        }
}

static void what_is_no_packet_stays_out(void **state)
{
    static const struct {
        const char *name, *bytes;
        size_t n;
        enum adit_drop tun, tap;
    } rows[] = {
        { "nothing", "", 0, ADIT_DROP_NOT_IP, ADIT_DROP_NOT_IP },
        { "keepalive", "\0", 1, ADIT_DROP_NOT_IP, ADIT_DROP_NOT_IP },
        { "text", "ping", 4, ADIT_DROP_NOT_IP, ADIT_DROP_NOT_IP },
        { "half a packet", "\x45\0\0\x20", 4, ADIT_DROP_MALFORMED, ADIT_DROP_NOT_IP },
        { "other type", "\2\0\0\0\0\1\2\0\0\0\0\2\x88\xcc\0\0", 16, ADIT_DROP_NOT_IP,
          ADIT_DROP_SOURCE },
        { "vlan", "\2\0\0\0\0\1\2\0\0\0\0\2\x81\0\0\1\x08\0", 18, ADIT_DROP_NOT_IP,
          ADIT_DROP_SOURCE },
        { "cut arp", "\2\0\0\0\0\1\2\0\0\0\0\2\x08\6\0\1\x08\0", 18, ADIT_DROP_NOT_IP,
          ADIT_DROP_MALFORMED },
        { "cut IPv4", "\2\0\0\0\0\1\2\0\0\0\0\2\x08\0\x45\0", 16, ADIT_DROP_NOT_IP,
          ADIT_DROP_MALFORMED },
        { "cut IPv6", "\2\0\0\0\0\1\2\0\0\0\0\2\x86\xdd\x60\0", 16, ADIT_DROP_NOT_IP,
          ADIT_DROP_MALFORMED },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++)
        for (int tap = 0; tap <= 1; tap++) {
            struct adit_filter f;
            size_t len = 0;

            init(&f, tap, true);
            enum adit_drop drop =
                adit_filter_in(&f, (const uint8_t *)rows[i].bytes, rows[i].n, &len);
            if (drop != (tap ? rows[i].tap : rows[i].tun))
                fail_msg("%s tap=%d: %s", rows[i].name, tap, adit_drop_name(drop));
        }
}

static void arp_speaks_for_allowed_addresses(void **state)
{
    static const struct {
        const char *sender;
        enum adit_drop drop;
    } rows[] = {
        { "10.7.0.2", ADIT_DROP_NONE },
        { "0.0.0.0", ADIT_DROP_NONE }, /* a probe */
        { "10.7.0.1", ADIT_DROP_SOURCE },
        { "10.8.0.2", ADIT_DROP_SOURCE },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        uint8_t frame[42] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1 };
        struct adit_addr sender = prefix(rows[i].sender).addr;
        struct adit_filter f;
        size_t len = 0;

        memcpy(frame + 28, sender.ip, 4);
        init(&f, true, true);
        assert_int_equal(adit_filter_in(&f, frame, sizeof frame, &len), rows[i].drop);
        frame[18] = 8; /* wrong length of a hardware address */
        assert_int_equal(adit_filter_in(&f, frame, sizeof frame, &len), ADIT_DROP_MALFORMED);
        f.strict = false; /* nobody asked */
        assert_int_equal(adit_filter_in(&f, frame, sizeof frame, &len), ADIT_DROP_NONE);
        assert_int_equal(len, sizeof frame);
    }
}

static void padding_does_not_travel(void **state)
{
    struct adit_filter f;
    uint8_t bytes[128];
    size_t len = 0;

    (void)state;
    init(&f, false, true);
    build(bytes, false, "10.7.0.2", "10.7.0.1", 60);
    assert_int_equal(adit_filter_in(&f, bytes, 80, &len), ADIT_DROP_NONE);
    assert_int_equal(len, 60);
    assert_int_equal(adit_filter_out(&f, bytes, 80, &len), ADIT_DROP_NONE);
    assert_int_equal(len, 60);
}

static void what_leaves_fits_and_is_not_ourselves(void **state)
{
    static const struct {
        const char *name, *dst;
        size_t len;
        uint16_t local, remote;
        enum adit_drop drop;
        size_t answer; /* of the IP packet */
    } rows[] = {
        { "fits", "10.7.0.2", 1300, 1, 1, ADIT_DROP_NONE, 0 },
        { "too big", "10.7.0.2", 1301, 1, 1, ADIT_DROP_TOO_BIG, 576 },
        { "too big for many", "224.0.0.1", 1301, 1, 1, ADIT_DROP_TOO_BIG, 0 },
        { "v6 too big", "fd00:7::2", 1301, 1, 1, ADIT_DROP_TOO_BIG, 1280 },
        { "our own datagram", "203.0.113.5", 100, 1000, 2000, ADIT_DROP_LOOP, 0 },
        { "another port", "203.0.113.5", 100, 1000, 2001, ADIT_DROP_NONE, 0 },
        { "another program's", "203.0.113.5", 100, 1001, 2000, ADIT_DROP_NONE, 0 },
        { "another host", "203.0.113.6", 100, 1000, 2000, ADIT_DROP_NONE, 0 },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++)
        for (int tap = 0; tap <= 1; tap++) {
            size_t head = tap ? ADIT_ETHER_LEN : 0, len = 0;
            uint8_t bytes[1500 + ADIT_ETHER_LEN], out[ADIT_FILTER_ANSWER_MAX];
            struct adit_filter f;
            struct adit_packet p;
            size_t n = build(bytes, tap, strchr(rows[i].dst, ':') ? "fd00:7::1" : "10.7.0.1",
                             rows[i].dst, rows[i].len);

            init(&f, tap, true);
            f.mtu = 1300;
            f.local = prefix("198.51.100.1").addr;
            f.remote = prefix("203.0.113.5").addr;
            f.local.port = rows[i].local;
            f.remote.port = rows[i].remote;
            enum adit_drop drop = adit_filter_out(&f, bytes, n, &len);
            if (drop != rows[i].drop || (drop == ADIT_DROP_NONE && len != n))
                fail_msg("%s tap=%d: %s", rows[i].name, tap, adit_drop_name(drop));
            if (drop != ADIT_DROP_TOO_BIG)
                continue;
            len = adit_filter_answer(&f, out, bytes, n);
            assert_int_equal(len, rows[i].answer ? rows[i].answer + head : 0);
            if (len == 0)
                continue;
            assert_int_equal(adit_packet_parse(&p, out + head, len - head), ADIT_DROP_NONE);
            if (tap) {
                assert_memory_equal(out, bytes + 6, 6);
                assert_memory_equal(out + 6, bytes, 6);
                assert_memory_equal(out + 12, bytes + 12, 2);
            }
        }
}

/* On a path that carries less than the device's packets: who can be told sends less, the rest
 * leaves in pieces. */
static void a_narrow_path_is_for_who_can_be_told(void **state)
{
    static const struct {
        const char *dst;
        unsigned mtu;
        size_t path, len;
        unsigned told; /* 0: passes */
    } rows[] = {
        { "10.7.0.2", 1400, 1200, 1200, 0 },
        { "10.7.0.2", 1400, 1200, 1201, 1200 },
        { "10.7.0.2", 1100, 1200, 1100, 0 },
        { "10.7.0.2", 1100, 1200, 1101, 1100 },
        { "10.7.0.2", 0, 1200, 1201, 1200 },
        { "10.7.0.2", 1400, SIZE_MAX, 1400, 0 },
        { "10.7.0.2", 1400, SIZE_MAX, 1401, 1400 },
        { "10.7.0.2", 0, SIZE_MAX, 1500, 0 },
        { "10.7.0.2", 0, 0, 1500, 0 },
        { "fd00:7::2", 1400, 1350, 1350, 0 },
        { "fd00:7::2", 1400, 1350, 1351, 1350 },
        { "fd00:7::2", 1400, 1200, 1280, 0 }, /* RFC 8200 section 5: the link cuts it */
        { "fd00:7::2", 1400, 1200, 1281, 1280 },
        { "fd00:7::2", 1280, 900, 1280, 0 },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++)
        for (int tap = 0; tap <= 1; tap++) {
            size_t head = tap ? ADIT_ETHER_LEN : 0, len = 0;
            bool v6 = strchr(rows[i].dst, ':');
            uint8_t bytes[1600], out[ADIT_FILTER_ANSWER_MAX];
            size_t n = build(bytes, tap, v6 ? "fd00:7::1" : "10.7.0.1", rows[i].dst, rows[i].len);
            struct adit_filter f;

            init(&f, tap, true);
            f.mtu = rows[i].mtu;
            f.path = rows[i].path == SIZE_MAX || !rows[i].path ? rows[i].path : rows[i].path + head;
            enum adit_drop drop = adit_filter_out(&f, bytes, n, &len);
            if (drop != (rows[i].told ? ADIT_DROP_TOO_BIG : ADIT_DROP_NONE))
                fail_msg("row %zu tap=%d: %s", i, tap, adit_drop_name(drop));
            if (!rows[i].told)
                continue;
            assert_true(adit_filter_answer(&f, out, bytes, n) > 0);
            assert_int_equal(v6 ? adit_get32(out + head + 44) : adit_get16(out + head + 26),
                             rows[i].told);
        }
}

static void limits_hold(void **state)
{
    struct adit_filter f = { 0 };
    struct adit_prefix p = prefix("10.0.0.0/8");
    uint8_t bytes[64];
    size_t len;

    (void)state;
    /* Nothing allowed: nothing passes. */
    build(bytes, false, "10.7.0.2", "10.7.0.1", 40);
    assert_int_equal(adit_filter_in(&f, bytes, 40, &len), ADIT_DROP_SOURCE);
    for (int i = 0; i < ADIT_FILTER_ALLOWED_MAX; i++)
        assert_int_equal(adit_filter_allow(&f, &p), 0);
    assert_int_equal(adit_filter_allow(&f, &p), -E2BIG);
    for (int i = 0; i < ADIT_FILTER_OWN_MAX; i++)
        assert_int_equal(adit_filter_own(&f, &p.addr), 0);
    assert_int_equal(adit_filter_own(&f, &p.addr), -E2BIG);
    for (int i = 0; i < ADIT_DROP_COUNT; i++)
        assert_string_not_equal(adit_drop_name((enum adit_drop)i), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_peer_uses_its_own_addresses_only),
        cmocka_unit_test(what_is_no_packet_stays_out),
        cmocka_unit_test(arp_speaks_for_allowed_addresses),
        cmocka_unit_test(padding_does_not_travel),
        cmocka_unit_test(what_leaves_fits_and_is_not_ourselves),
        cmocka_unit_test(a_narrow_path_is_for_who_can_be_told),
        cmocka_unit_test(limits_hold),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
