/* The words of src/base: addresses, strings, encodings, buffers, random numbers, key derivation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/alloc.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/list.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/str.h"

static void addresses_are_parsed_and_printed(void **state)
{
    static const struct {
        const char *in, *out; /* out NULL: refused */
    } rows[] = {
        { "192.0.2.1", "192.0.2.1:7" },
        { "192.0.2.1:3478", "192.0.2.1:3478" },
        { "192.0.2.1:65535", "192.0.2.1:65535" },
        { "2001:db8::1", "[2001:db8::1]:7" },
        { "[2001:DB8:0::1]:53", "[2001:db8::1]:53" },
        { "[::ffff:192.0.2.9]:80", NULL }, /* an IPv4 address has no brackets */
        { "::ffff:192.0.2.9", "192.0.2.9:7" },
        { "fe80::1%3", "[fe80::1%3]:7" },
        { "[fe80::1%3]:9", "[fe80::1%3]:9" },
        { "", NULL },
        { "192.0.2.256", NULL },
        { "192.0.2.1:", NULL },
        { "192.0.2.1:65536", NULL },
        { "192.0.2.1:-1", NULL },
        { "192.0.2.1%3", NULL },
        { "fe80::1%0", NULL },
        { "fe80::1%eth0", NULL },
        { "[2001:db8::1", NULL },
        { "[2001:db8::1]x", NULL },
        { "host.example", NULL },
        { "2001:db8:0:0:0:0:0:0:1", NULL },
        { "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd", NULL },
    };
    char out[ADIT_ADDR_STR];

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_addr a = { 0 };
        int err = adit_addr_parse_port(&a, rows[i].in, strlen(rows[i].in), 7);

        if (!rows[i].out && err == 0)
            fail_msg("accepted '%s'", rows[i].in);
        if (rows[i].out && (err || strcmp(adit_addr_str(&a, out), rows[i].out) != 0))
            fail_msg("'%s' gave %d '%s'", rows[i].in, err, err ? "" : out);
    }
}

static void addresses_have_a_scope(void **state)
{
    static const struct {
        const char *text;
        enum adit_scope_kind kind;
    } rows[] = {
        { "0.0.0.0", ADIT_SCOPE_UNSPECIFIED },    { "0.1.2.3", ADIT_SCOPE_UNSPECIFIED },
        { "::", ADIT_SCOPE_UNSPECIFIED },         { "127.255.0.1", ADIT_SCOPE_LOOPBACK },
        { "::1", ADIT_SCOPE_LOOPBACK },           { "::2", ADIT_SCOPE_GLOBAL },
        { "169.254.169.254", ADIT_SCOPE_LINK },   { "fe80::1", ADIT_SCOPE_LINK },
        { "febf::1", ADIT_SCOPE_LINK },           { "fec0::1", ADIT_SCOPE_GLOBAL },
        { "10.255.255.255", ADIT_SCOPE_PRIVATE }, { "172.15.0.1", ADIT_SCOPE_GLOBAL },
        { "172.31.255.1", ADIT_SCOPE_PRIVATE },   { "172.32.0.1", ADIT_SCOPE_GLOBAL },
        { "100.63.255.255", ADIT_SCOPE_GLOBAL },  { "100.64.0.1", ADIT_SCOPE_PRIVATE },
        { "fd00::1", ADIT_SCOPE_PRIVATE },        { "224.0.0.1", ADIT_SCOPE_MULTICAST },
        { "239.1.1.1", ADIT_SCOPE_MULTICAST },    { "ff02::1", ADIT_SCOPE_MULTICAST },
        { "240.0.0.1", ADIT_SCOPE_RESERVED },     { "255.255.255.255", ADIT_SCOPE_RESERVED },
        { "203.0.113.7", ADIT_SCOPE_GLOBAL },     { "2001:db8::5", ADIT_SCOPE_GLOBAL },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_addr a;

        assert_int_equal(adit_addr_parse(&a, rows[i].text, strlen(rows[i].text)), 0);
        if (adit_addr_scope(&a) != rows[i].kind)
            fail_msg("%s is %d", rows[i].text, adit_addr_scope(&a));
    }
}

static void prefixes_match_to_the_bit(void **state)
{
    static const struct {
        const char *addr, *net;
        unsigned len;
        bool in;
    } rows[] = {
        { "10.1.2.3", "10.1.2.0", 24, true },
        { "10.1.3.3", "10.1.2.0", 24, false },
        { "10.1.3.3", "10.1.2.0", 23, true },
        { "10.1.2.3", "10.1.2.3", 32, true },
        { "10.1.2.2", "10.1.2.3", 32, false },
        { "10.1.2.2", "10.1.2.3", 31, true },
        { "1.2.3.4", "0.0.0.0", 0, true },
        { "2001:db8::1", "2001:db8::", 64, true },
        { "2001:db8::1", "2001:db8::2", 128, false },
        { "::1", "0.0.0.0", 0, false },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_addr a, net;

        assert_int_equal(adit_addr_parse(&a, rows[i].addr, strlen(rows[i].addr)), 0);
        assert_int_equal(adit_addr_parse(&net, rows[i].net, strlen(rows[i].net)), 0);
        if (adit_addr_in(&a, &net, rows[i].len) != rows[i].in)
            fail_msg("%s in %s/%u", rows[i].addr, rows[i].net, rows[i].len);
    }
}

static void base64_goes_both_ways(void **state)
{
    static const struct {
        const char *text;
        int n; /* bytes, or -1: refused */
    } rows[] = {
        { "", 0 },       { "Zg==", 1 },   { "Zg", 1 },    { "Zm8=", 2 },  { "Zm8", 2 },
        { "Zm9v", 3 },   { "Zm9vYg", 4 }, { "-_-_", 3 },  { "+/+/", 3 },  { "Z", -1 },
        { "Zh==", -1 },  { "Zm9=", -1 },  { "====", -1 }, { "Z===", -1 }, { "Zm9v=", -1 },
        { "Zm 9v", -1 }, { "Zm9\n", -1 }, { "Zg=a", -1 },
    };
    uint8_t out[32], bytes[64];
    char text[96];

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        int n = adit_base64_decode(out, rows[i].text, strlen(rows[i].text));

        if (rows[i].n < 0 ? n >= 0 : n != rows[i].n)
            fail_msg("'%s' gave %d", rows[i].text, n);
    }
    for (size_t n = 0; n < sizeof bytes; n++) {
        uint8_t back[96];

        bytes[n] = (uint8_t)(n * 37 + 1);
        assert_true(adit_base64_encode(text, bytes, n, n & 1) < adit_base64_size(n));
        assert_int_equal(adit_base64_decode(back, text, strlen(text)), n);
        assert_memory_equal(back, bytes, n);
    }
}

static void numbers_are_whole_and_bounded(void **state)
{
    static const struct {
        const char *text;
        int err;
        uint64_t v;
    } rows[] = {
        { "0", -ERANGE, 0 },  { "1", 0, 1 },         { "00042", 0, 42 },
        { "100", 0, 100 },    { "101", -ERANGE, 0 }, { "18446744073709551616", -ERANGE, 0 },
        { "", -EINVAL, 0 },   { "-1", -EINVAL, 0 },  { "+1", -EINVAL, 0 },
        { " 1", -EINVAL, 0 }, { "1 ", -EINVAL, 0 },  { "0x10", -EINVAL, 0 },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        uint64_t v = 0;
        int err = adit_str_u64(&v, rows[i].text, strlen(rows[i].text), 1, 100);

        if (err != rows[i].err || v != rows[i].v)
            fail_msg("'%s' gave %d, %llu", rows[i].text, err, (unsigned long long)v);
    }
}

static void utf8_is_checked_and_made_printable(void **state)
{
    static const struct {
        const char *in, *out;
        bool valid;
    } rows[] = {
        { "plain", "plain", true },
        { "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f", true },
        { "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80", true },
        { "\x1b[2J", "?[2J", true },
        { "a\nb\x7f", "a?b?", true },
        { "\xc2\x9b"
          "1m",
          "?1m", true },                  /* C1 control sequence introducer */
        { "\xc0\xaf", "??", false },      /* overlong */
        { "\xed\xa0\x80", "???", false }, /* surrogate */
        { "\xf4\x90\x80\x80", "????", false },
        { "\xe2\x82", "??", false },
        { "\xff", "?", false },
    };
    /* The edges of what is invisible, and their neighbours that are not. */
    static const struct {
        const char *in;
        bool shown;
    } marks[] = {
        { "\xc2\x80", false },         { "\xc2\x9f", false },         { "\xc2\xa0", true },
        { "\xc2\xad", false },         { "\xd8\x9c", false },         { "\xe1\xa0\x8e", false },
        { "\xe2\x80\x8a", true },      { "\xe2\x80\x8b", false },     { "\xe2\x80\x8f", false },
        { "\xe2\x80\x90", true },      { "\xe2\x80\xa7", true },      { "\xe2\x80\xa8", false },
        { "\xe2\x80\xaa", false },     { "\xe2\x80\xae", false },     { "\xe2\x80\xaf", true },
        { "\xe2\x81\x9f", true },      { "\xe2\x81\xa0", false },     { "\xe2\x81\xa6", false },
        { "\xe2\x81\xa9", false },     { "\xe2\x81\xaf", false },     { "\xe2\x81\xb0", true },
        { "\xef\xbb\xbf", false },     { "\xef\xbf\xbb", false },     { "\xef\xbf\xbd", true },
        { "\xf3\xa0\x80\x81", false }, { "\xf3\xa0\x87\xaf", false }, { "\xf0\x9f\x91\xa9", true },
    };
    char out[32];

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(marks); i++) {
        adit_str_printable(out, sizeof out, marks[i].in, strlen(marks[i].in));
        assert_true(adit_utf8_valid(marks[i].in, strlen(marks[i].in)));
        if (strcmp(out, marks[i].shown ? marks[i].in : "?") != 0)
            fail_msg("mark %zu: %s", i, out);
    }
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        assert_int_equal(adit_utf8_valid(rows[i].in, strlen(rows[i].in)), rows[i].valid);
        adit_str_printable(out, sizeof out, rows[i].in, strlen(rows[i].in));
        assert_string_equal(out, rows[i].out);
    }
    assert_string_equal(adit_str_printable(out, 4, "abcdef", 6), "abc");
    assert_string_equal(adit_str_printable(out, 4, "ab\xc3\xbc", 4), "ab");
}

/* Lines that stderr does not take are lost, not waited for; the next one that it takes says so. */
static void nobody_takes_our_lines(void **state)
{
    char text[65536 + 1], *said;
    int fds[2], saved = dup(STDERR_FILENO);
    ssize_t n;

    (void)state;
    assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    while (write(fds[1], "................", 16) > 0)
        ;
    assert_int_equal(fcntl(fds[1], F_SETFL, 0), 0);
    dup2(fds[1], STDERR_FILENO);
    alarm(20);
    adit_log(ADIT_LOG_INFO, "test", "one");
    adit_log(ADIT_LOG_INFO, "test", "two");
    alarm(0);
    while (read(fds[0], text, sizeof text - 1) > 0)
        ;
    adit_log(ADIT_LOG_INFO, "test", "three");
    adit_log(ADIT_LOG_INFO, "test", "four");
    dup2(saved, STDERR_FILENO);
    n = read(fds[0], text, sizeof text - 1);
    assert_true(n > 0);
    text[n] = 0;
    said = strstr(text, "2 lines were lost");
    assert_non_null(said);
    assert_non_null(strstr(said, "adit: three\nadit: four\n"));
    close(saved);
    close(fds[0]);
    close(fds[1]);
}

static void buffers_grow_to_their_limit_and_latch(void **state)
{
    struct adit_buf b;

    (void)state;
    adit_buf_init(&b, 8);
    adit_buf_add16(&b, 0x0102);
    adit_buf_add16(&b, 0x0304);
    adit_buf_printf(&b, "%s", "abcd");
    assert_int_equal(b.err, 0);
    assert_int_equal(b.len, 8);
    assert_string_equal(adit_buf_str(&b), "\x01\x02\x03\x04"
                                          "abcd");
    adit_buf_consume(&b, 4);
    assert_string_equal(adit_buf_str(&b), "abcd");
    adit_buf_add(&b, "12345", 5);
    assert_int_equal(b.err, -EMSGSIZE);
    adit_buf_add8(&b, 'x');
    assert_int_equal(b.len, 4);
    adit_buf_done(&b);

    adit_buf_init(&b, 100);
    adit_alloc_fail_at(0);
    adit_buf_add8(&b, 'x');
    adit_alloc_fail_at(UINT64_MAX);
    assert_int_equal(b.err, -ENOMEM);
    assert_string_equal(adit_buf_str(&b), "");
    adit_buf_done(&b);
}

static void cursors_never_run_over(void **state)
{
    static const uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 7 };
    struct adit_cursor c = adit_cursor(bytes, sizeof bytes);

    (void)state;
    assert_int_equal(adit_cursor_get8(&c), 1);
    assert_int_equal(adit_cursor_get16(&c), 0x0203);
    assert_int_equal(adit_cursor_get32(&c), 0x04050607);
    assert_false(c.bad);
    assert_int_equal(adit_cursor_get8(&c), 0);
    assert_true(c.bad);
    c = adit_cursor(bytes, 3);
    assert_int_equal(adit_cursor_get32(&c), 0);
    assert_int_equal(adit_cursor_get8(&c), 0); /* latched, though a byte is there */
}

static void a_seed_repeats_and_bounds_hold(void **state)
{
    struct adit_rng a, b, kernel;
    char chars[33];
    bool seen[10] = { false };

    (void)state;
    adit_rng_init_seed(&a, 7);
    adit_rng_init_seed(&b, 7);
    for (int i = 0; i < 1000; i++) {
        uint32_t v = adit_rng_below(&a, 10);

        assert_int_equal(v, adit_rng_below(&b, 10));
        assert_true(v < 10);
        seen[v] = true;
    }
    for (int i = 0; i < 10; i++)
        assert_true(seen[i]);
    adit_rng_init(&kernel);
    assert_true(adit_rng_u64(&kernel) != adit_rng_u64(&kernel));
    adit_rng_ice_chars(&kernel, chars, 32);
    assert_int_equal(strlen(chars), 32);
    assert_int_equal(
        strspn(chars, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"), 32);
}

static void hkdf_matches_rfc5869_case_1(void **state)
{
    static const uint8_t okm[42] = { 0x3c, 0xb2, 0x5f, 0x25, 0xfa, 0xac, 0xd5, 0x7a, 0x90,
                                     0x43, 0x4f, 0x64, 0xd0, 0x36, 0x2f, 0x2a, 0x2d, 0x2d,
                                     0x0a, 0x90, 0xcf, 0x1a, 0x5a, 0x4c, 0x5d, 0xb0, 0x2d,
                                     0x56, 0xec, 0xc4, 0xc5, 0xbf, 0x34, 0x00, 0x72, 0x08,
                                     0xd5, 0xb8, 0x87, 0x18, 0x58, 0x65 };
    uint8_t ikm[22], salt[13], out[42];

    (void)state;
    memset(ikm, 0x0b, sizeof ikm);
    for (uint8_t i = 0; i < sizeof salt; i++)
        salt[i] = i;
    adit_hkdf_sha256(out, sizeof out, ikm, sizeof ikm, salt, sizeof salt,
                     "\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9");
    assert_memory_equal(out, okm, sizeof okm);
}

/* RFC 2202 section 3 and RFC 4231 section 4: a short key, and one longer than a block. */
static void hmac_matches_the_rfcs(void **state)
{
    static const char text[] = "Test Using Larger Than Block-Size Key - Hash Key First";
    uint8_t key[131], out[32];

    (void)state;
    memset(key, 0x0b, 20);
    adit_hmac_sha1(out, key, 20, "Hi There", 8);
    assert_memory_equal(out,
                        "\xb6\x17\x31\x86\x55\x05\x72\x64\xe2\x8b"
                        "\xc0\xb6\xfb\x37\x8c\x8e\xf1\x46\xbe\x00",
                        20);
    adit_hmac_sha256(out, key, 20, "Hi There", 8);
    assert_memory_equal(out, "\xb0\x34\x4c\x61\xd8\xdb\x38\x53\x5c\xa8\xaf\xce\xaf\x0b\xf1\x2b",
                        16);
    memset(key, 0xaa, sizeof key);
    adit_hmac_sha1(out, key, 80, text, strlen(text));
    assert_memory_equal(out,
                        "\xaa\x4a\xe5\xe1\x52\x72\xd0\x0e\x95\x70"
                        "\x56\x37\xce\x8a\x3b\x55\xed\x40\x21\x12",
                        20);
    adit_hmac_sha256(out, key, sizeof key, text, strlen(text));
    assert_memory_equal(out, "\x60\xe4\x31\x59\x1e\xe0\xb6\x7f\x0d\x8a\x26\xaa\xcb\xf5\xb7\x7f",
                        16);
}

static void list_links_may_leave_twice(void **state)
{
    struct adit_link head, a, b, *it, *tmp;
    int n = 0;

    (void)state;
    adit_list_init(&head);
    adit_list_add(&head, &a);
    adit_list_add(&head, &b);
    ADIT_LIST_EACH(&head, it, tmp)
    {
        assert_ptr_equal(it, n == 0 ? &a : &b);
        adit_list_del(it);
        adit_list_del(it);
        n++;
    }
    assert_int_equal(n, 2);
    assert_true(adit_list_empty(&head));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_parsed_and_printed),
        cmocka_unit_test(addresses_have_a_scope),
        cmocka_unit_test(prefixes_match_to_the_bit),
        cmocka_unit_test(base64_goes_both_ways),
        cmocka_unit_test(numbers_are_whole_and_bounded),
        cmocka_unit_test(utf8_is_checked_and_made_printable),
        cmocka_unit_test(nobody_takes_our_lines),
        cmocka_unit_test(buffers_grow_to_their_limit_and_latch),
        cmocka_unit_test(cursors_never_run_over),
        cmocka_unit_test(a_seed_repeats_and_bounds_hold),
        cmocka_unit_test(hkdf_matches_rfc5869_case_1),
        cmocka_unit_test(hmac_matches_the_rfcs),
        cmocka_unit_test(list_links_may_leave_twice),
    };

    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
