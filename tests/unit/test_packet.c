/* IP headers, address blocks, and the ICMP messages about packets that were too big. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "tun/checksum.h"
#include "tun/packet.h"
#include "tun/prefix.h"

/* "45 00 0014 …": spaces are skipped. */
static size_t from_hex(uint8_t *out, const char *hex)
{
    size_t n = 0;
    unsigned v;

    for (; *hex; hex++)
        if (*hex != ' ' && sscanf(hex, "%2x", &v) == 1) {
            out[n++] = (uint8_t)v;
            hex++;
        }
    return n;
}

#define V4(len, rest) "4500 " len " 0000 0000 40" rest " 0000 c0000201 c6336401"
#define V6(len, next) "6000 0000 " len " " next "40" SRC6 DST6
#define SRC6          "20010db8000000000000000000000001"
#define DST6          "20010db8000000000000000000000002"

static void headers_are_read_within_their_bytes(void **state)
{
    static const struct {
        const char *name, *hex;
        enum adit_drop drop;
        unsigned proto, head, len;
        bool later;
    } rows[] = {
        { "nothing", "", ADIT_DROP_NOT_IP, 0, 0, 0, false },
        { "one byte, as some keepalives", "00", ADIT_DROP_NOT_IP, 0, 0, 0, false },
        { "text", "70 69 6e 67", ADIT_DROP_NOT_IP, 0, 0, 0, false },
        { "version 5", "5500 0014", ADIT_DROP_NOT_IP, 0, 0, 0, false },
        { "bare v4", V4("0014", "11"), ADIT_DROP_NONE, 17, 20, 20, false },
        { "v4 with padding", V4("0014", "11") "0000 0000", ADIT_DROP_NONE, 17, 20, 20, false },
        { "v4 with options", "4600 001c 0000 0000 4011 0000 c0000201 c6336401 01010100 00000000",
          ADIT_DROP_NONE, 17, 24, 28, false },
        { "v4 later fragment", "4500 0014 0000 0001 4011 0000 c0000201 c6336401", ADIT_DROP_NONE,
          17, 20, 20, true },
        { "v4 first fragment", "4500 0014 0000 2000 4011 0000 c0000201 c6336401", ADIT_DROP_NONE,
          17, 20, 20, false },
        { "v4 cut", "4500 0014 0000 0000 4011 0000 c0000201 c63364", ADIT_DROP_MALFORMED, 0, 0, 0,
          false },
        { "v4 longer than there is", V4("0015", "11"), ADIT_DROP_MALFORMED, 0, 0, 0, false },
        { "v4 length below header", V4("0013", "11"), ADIT_DROP_MALFORMED, 0, 0, 0, false },
        { "v4 header too short", "4400 0014 0000 0000 4011 0000 c0000201 c6336401",
          ADIT_DROP_MALFORMED, 0, 0, 0, false },
        { "v4 header past the end", "4f00 0014 0000 0000 4011 0000 c0000201 c6336401",
          ADIT_DROP_MALFORMED, 0, 0, 0, false },
        { "bare v6", V6("0000", "3b"), ADIT_DROP_NONE, 59, 40, 40, false },
        { "v6 cut", "6000 0000 0000 3b40" SRC6 "20010db8", ADIT_DROP_MALFORMED, 0, 0, 0, false },
        { "v6 longer than there is", V6("0001", "11"), ADIT_DROP_MALFORMED, 0, 0, 0, false },
        { "v6 hop-by-hop, then ICMP", V6("0010", "00") "3a000000 00000000 80000000 00000000",
          ADIT_DROP_NONE, 58, 48, 56, false },
        { "v6 later fragment", V6("0010", "2c") "11000008 00000000 00000000 00000000",
          ADIT_DROP_NONE, 17, 48, 56, true },
        { "v6 extension past the end", V6("0008", "00") "3aff0000 00000000", ADIT_DROP_NONE, 0, 40,
          48, false },
        { "v6 extension for ever",
          V6("0050", "3c") "3c000000 00000000 3c000000 00000000 3c000000 00000000 3c000000 00000000"
                           "3c000000 00000000 3c000000 00000000 3c000000 00000000 3c000000 00000000"
                           "3c000000 00000000 3c000000 00000000",
          ADIT_DROP_NONE, 60, 104, 120, false },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_packet p = { 0 };
        uint8_t bytes[256];
        size_t n = from_hex(bytes, rows[i].hex);
        enum adit_drop drop = adit_packet_parse(&p, bytes, n);

        if (drop != rows[i].drop || p.proto != rows[i].proto || p.head != rows[i].head ||
            p.len != rows[i].len || p.later_fragment != rows[i].later)
            fail_msg("%s: %s, proto %u head %u len %u", rows[i].name, adit_drop_name(drop), p.proto,
                     p.head, p.len);
    }
}

/* Builds a packet of len bytes: v4 or v6 from src to dst with a protocol and a first transport
 * byte. */
static size_t build(uint8_t *b, const char *src, const char *dst, unsigned len, uint8_t proto,
                    uint8_t first, uint16_t frag)
{
    struct adit_addr s, d;

    assert_int_equal(adit_addr_parse(&s, src, strlen(src)), 0);
    assert_int_equal(adit_addr_parse(&d, dst, strlen(dst)), 0);
    memset(b, 0xa5, len);
    if (s.family == ADIT_FAMILY_V4) {
        memset(b, 0, 20);
        b[0] = 0x45;
        adit_put16(b + 2, (uint16_t)len);
        adit_put16(b + 6, frag);
        b[9] = proto;
        memcpy(b + 12, s.ip, 4);
        memcpy(b + 16, d.ip, 4);
        b[20] = first;
    } else {
        memset(b, 0, 40);
        b[0] = 0x60;
        adit_put16(b + 4, (uint16_t)(len - 40));
        b[6] = proto;
        memcpy(b + 8, s.ip, 16);
        memcpy(b + 24, d.ip, 16);
        b[40] = first;
    }
    return len;
}

static void too_big_is_told_where_it_may_be(void **state)
{
    static const struct {
        const char *name, *src, *dst;
        unsigned len;
        uint8_t proto, first;
        uint16_t frag;
        size_t answer;
    } rows[] = {
        { "udp", "10.0.0.1", "10.0.0.2", 1400, 17, 0, 0x4000, 576 },
        { "small udp", "10.0.0.1", "10.0.0.2", 100, 17, 0, 0x4000, 128 },
        { "first fragment", "10.0.0.1", "10.0.0.2", 1400, 17, 0, 0x2000, 576 },
        { "later fragment", "10.0.0.1", "10.0.0.2", 1400, 17, 0, 0x0010, 0 },
        { "echo request", "10.0.0.1", "10.0.0.2", 1400, 1, 8, 0, 576 },
        { "echo reply", "10.0.0.1", "10.0.0.2", 1400, 1, 0, 0, 576 },
        { "icmp unreachable", "10.0.0.1", "10.0.0.2", 1400, 1, 3, 0, 0 },
        { "icmp redirect", "10.0.0.1", "10.0.0.2", 1400, 1, 5, 0, 0 },
        { "icmp time exceeded", "10.0.0.1", "10.0.0.2", 1400, 1, 11, 0, 0 },
        { "to multicast", "10.0.0.1", "224.0.0.5", 1400, 17, 0, 0, 0 },
        { "to broadcast", "10.0.0.1", "255.255.255.255", 1400, 17, 0, 0, 0 },
        { "from nobody", "0.0.0.0", "10.0.0.2", 1400, 17, 0, 0, 0 },
        { "from multicast", "224.0.0.1", "10.0.0.2", 1400, 17, 0, 0, 0 },
        { "from loopback", "127.0.0.1", "10.0.0.2", 1400, 17, 0, 0, 0 },
        { "v6 tcp", "fd00::1", "fd00::2", 1400, 6, 0, 0, 1280 },
        { "v6 small", "fd00::1", "fd00::2", 101, 6, 0, 0, 149 },
        { "v6 echo", "fd00::1", "fd00::2", 1400, 58, 128, 0, 1280 },
        { "v6 icmp error", "fd00::1", "fd00::2", 1400, 58, 2, 0, 0 },
        { "v6 redirect", "fd00::1", "fd00::2", 1400, 58, 137, 0, 0 },
        { "v6 to multicast", "fd00::1", "ff02::1", 1400, 17, 0, 0, 0 },
        { "v6 from nobody", "::", "fd00::2", 1400, 17, 0, 0, 0 },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        uint8_t bytes[1500], out[ADIT_TOO_BIG_MAX];
        struct adit_packet p, answer;
        size_t n = build(bytes, rows[i].src, rows[i].dst, rows[i].len, rows[i].proto, rows[i].first,
                         rows[i].frag);

        assert_int_equal(adit_packet_parse(&p, bytes, n), ADIT_DROP_NONE);
        n = adit_packet_too_big(out, &p, bytes, 1300);
        if (n != rows[i].answer)
            fail_msg("%s: %zu", rows[i].name, n);
        if (n == 0)
            continue;
        assert_int_equal(adit_packet_parse(&answer, out, n), ADIT_DROP_NONE);
        assert_int_equal(answer.len, n);
        assert_true(adit_addr_equal(&answer.src, &p.dst));
        assert_true(adit_addr_equal(&answer.dst, &p.src));
        /* A sum over what is right, its own sum included, is zero. */
        if (answer.src.family == ADIT_FAMILY_V4) {
            assert_int_equal(adit_checksum(out, 20, 0), 0);
            assert_int_equal(adit_checksum(out + 20, n - 20, 0), 0);
            assert_int_equal(out[20] << 8 | out[21], 0x0304);
            assert_int_equal(adit_get16(out + 26), 1300);
            assert_memory_equal(out + 28, bytes, n - 28);
        } else {
            uint16_t pseudo = (uint16_t)~adit_checksum(out + 8, 32, (uint32_t)n - 40 + 58);
            assert_int_equal(adit_checksum(out + 40, n - 40, pseudo), 0);
            assert_int_equal(out[40] << 8 | out[41], 0x0200);
            assert_int_equal(adit_get32(out + 44), 1300);
            assert_memory_equal(out + 48, bytes, n - 48);
        }
        /* And about it nobody complains. */
        assert_int_equal(adit_packet_too_big(bytes, &answer, out, 1300), 0);
    }
}

static void checksums_are_those_of_the_standard(void **state)
{
    /* RFC 1071 section 3: 0001 f203 f4f5 f6f7 sum to ddf2. */
    static const uint8_t bytes[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };

    (void)state;
    assert_int_equal(adit_checksum(bytes, 8, 0), (uint16_t)~0xddf2);
    assert_int_equal(adit_checksum(bytes, 3, 0), (uint16_t)~0xf201);
    assert_int_equal(adit_checksum(NULL, 0, 0), 0xffff);
}

static void congestion_is_marked(void **state)
{
    uint8_t v4[20] = { 0x45, 0, 0, 20, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2 };
    uint8_t v6[40] = { 0x60 };

    (void)state;
    for (unsigned id = 0; id < 65536; id += 7)
        for (unsigned ecn = 1; ecn < 4; ecn++) {
            v4[1] = (uint8_t)(0xb8 | ecn);
            adit_put16(v4 + 4, (uint16_t)id);
            adit_put16(v4 + 10, 0);
            adit_put16(v4 + 10, adit_checksum(v4, 20, 0));
            assert_int_equal(adit_packet_ecn(v4, sizeof v4), ecn);
            adit_packet_mark(v4);
            assert_int_equal(adit_packet_ecn(v4, sizeof v4), ADIT_ECN_CE);
            assert_int_equal(v4[1], 0xbb);
            assert_int_equal(adit_checksum(v4, 20, 0), 0);
        }
    for (unsigned ecn = 0; ecn < 4; ecn++) {
        v6[1] = (uint8_t)(0x8f | ecn << 4);
        assert_int_equal(adit_packet_ecn(v6, sizeof v6), ecn);
        adit_packet_mark(v6);
        assert_int_equal(v6[1], 0xbf);
    }
    assert_int_equal(adit_packet_ecn(v4, 19), ADIT_ECN_NONE);
    assert_int_equal(adit_packet_ecn(v6, 39), ADIT_ECN_NONE);
    assert_int_equal(adit_packet_ecn(v6, 0), ADIT_ECN_NONE);
}

static void prefixes_are_parsed(void **state)
{
    static const struct {
        const char *in, *out, *net;
    } rows[] = {
        { "10.7.0.1/24", "10.7.0.1/24", "10.7.0.0/24" },
        { "10.7.0.1", "10.7.0.1/32", "10.7.0.1/32" },
        { "10.7.255.255/20", "10.7.255.255/20", "10.7.240.0/20" },
        { "0.0.0.0/0", "0.0.0.0/0", "0.0.0.0/0" },
        { "fd00::1/64", "fd00::1/64", "fd00::/64" },
        { "fd00:0:0:ffff::1/49", "fd00:0:0:ffff::1/49", "fd00:0:0:8000::/49" },
        { "::/0", "::/0", "::/0" },
        { "fd00::1", "fd00::1/128", "fd00::1/128" },
        { "", NULL, NULL },
        { "/24", NULL, NULL },
        { "10.7.0.1/", NULL, NULL },
        { "10.7.0.1/33", NULL, NULL },
        { "10.7.0.1/-1", NULL, NULL },
        { "10.7.0.1/24 ", NULL, NULL },
        { "10.7.0.1/24/1", NULL, NULL },
        { "10.7.0/24", NULL, NULL },
        { "fd00::1/129", NULL, NULL },
        { "fe80::1%2/64", NULL, NULL },
        { "10.7.0.1:80/24", NULL, NULL },
        { "default", NULL, NULL },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_prefix p;
        char text[ADIT_PREFIX_STR];
        int err = adit_prefix_parse(&p, rows[i].in, strlen(rows[i].in));

        if ((err == 0) != (rows[i].out != NULL))
            fail_msg("'%s': %d", rows[i].in, err);
        if (err)
            continue;
        assert_string_equal(adit_prefix_str(&p, text), rows[i].out);
        struct adit_prefix net = adit_prefix_network(&p);
        assert_string_equal(adit_prefix_str(&net, text), rows[i].net);
    }
}

static void prefixes_cover_and_overlap(void **state)
{
    static const struct {
        const char *a, *b;
        bool covers, overlap; /* a covers b's address; they share one */
    } rows[] = {
        { "10.0.0.0/8", "10.1.2.3", true, true },
        { "10.1.2.3", "10.0.0.0/8", false, true },
        { "10.0.0.0/8", "11.0.0.1", false, false },
        { "0.0.0.0/0", "192.0.2.1", true, true },
        { "0.0.0.0/0", "fd00::1", false, false },
        { "::/0", "10.0.0.1", false, false },
        { "fd00::/65", "fd00::1", true, true },
        { "fd00::/65", "fd00:0:0:0:8000::", false, false },
        { "192.0.2.0/25", "192.0.2.128/25", false, false },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_prefix a, b;

        assert_int_equal(adit_prefix_parse(&a, rows[i].a, strlen(rows[i].a)), 0);
        assert_int_equal(adit_prefix_parse(&b, rows[i].b, strlen(rows[i].b)), 0);
        if (adit_prefix_covers(&a, 1, &b.addr) != rows[i].covers ||
            adit_prefix_overlap(&a, &b) != rows[i].overlap ||
            adit_prefix_overlap(&b, &a) != rows[i].overlap)
            fail_msg("%s, %s", rows[i].a, rows[i].b);
        assert_false(adit_prefix_covers(&a, 0, &b.addr));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_read_within_their_bytes),
        cmocka_unit_test(too_big_is_told_where_it_may_be),
        cmocka_unit_test(checksums_are_those_of_the_standard),
        cmocka_unit_test(congestion_is_marked),
        cmocka_unit_test(prefixes_are_parsed),
        cmocka_unit_test(prefixes_cover_and_overlap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
