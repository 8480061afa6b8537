/* SOCKS by table, whole and byte by byte: what is asked, and what is answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "app/socks.h"
#include "base/buf.h"

/* "05 01 'web'": bytes in hex and text in quotes. */
static size_t bytes_of(uint8_t *out, const char *text)
{
    size_t n = 0;

    while (*text) {
        unsigned v;

        if (*text == ' ') {
            text++;
        } else if (*text == '\'') {
            for (text++; *text != '\''; text++)
                out[n++] = (uint8_t)*text;
            text++;
        } else {
            assert_int_equal(sscanf(text, "%2x", &v), 1);
            out[n++] = (uint8_t)v;
            text += 2;
        }
    }
    return n;
}

/* Feeds so many at a time, as a stream does: what was not taken comes again with more. */
static ssize_t converse(struct adit_socks *s, const uint8_t *bytes, size_t n, size_t step,
                        struct adit_buf *out)
{
    size_t used = 0;

    for (size_t have = 0; have < n;) {
        have = have + step < n ? have + step : n;
        for (;;) {
            ssize_t got = adit_socks_feed(s, bytes + used, have - used, out);

            if (got < 0)
                return got;
            if (got == 0)
                break;
            used += (size_t)got;
        }
    }
    return (ssize_t)used;
}

#define V5   "05 01 00 "
#define ZERO "00 01 00000000 0000"

static void requests(void **state)
{
    static const struct {
        const char *name, *in, *to, *out; /* to NULL: ends */
        bool password;
        unsigned left; /* bytes that are the client's own */
    } rows[] = {
        { "v4 address", V5 "05 01 00 01 c0000201 0050", "tcp:192.0.2.1:80", "05 00", false, 0 },
        { "v6 address", V5 "05 01 00 04 20010db8000000000000000000000001 0050",
          "tcp:[2001:db8::1]:80", "05 00", false, 0 },
        { "name", V5 "05 01 00 03 03 'Web' 0050", "tcp:web:80", "05 00", false, 0 },
        { "v4 in text", V5 "05 01 00 03 09 '127.0.0.1' 0050", "tcp:127.0.0.1:80", "05 00", false,
          0 },
        { "v6 in text", V5 "05 01 00 03 03 '::1' 0050", "tcp:[::1]:80", "05 00", false, 0 },
        { "mapped", V5 "05 01 00 04 00000000000000000000ffff7f000001 0050", "tcp:127.0.0.1:80",
          "05 00", false, 0 },
        { "bytes behind it", V5 "05 01 00 03 03 'web' 0050 'hello'", "tcp:web:80", "05 00", false,
          5 },
        { "several methods", "05 03 02 01 00 05 01 00 03 03 'web' 0050", "tcp:web:80", "05 00",
          false, 0 },
        { "associate", V5 "05 03 00 01 00000000 0000", "", "05 00", false, 0 },
        { "associate, a name", V5 "05 03 00 03 03 'web' 1234", "", "05 00", false, 0 },
        { "associate, no name", V5 "05 03 00 03 00 1234", "", "05 00", false, 0 },
        { "password", "05 01 02 01 02 'me' 02 'pw' 05 01 00 03 03 'web' 0050", "tcp:web:80",
          "05 02 01 00", true, 0 },
        { "version 4", "04 01 0050 c0000201 'me' 00", "tcp:192.0.2.1:80", "", false, 0 },
        { "version 4a", "04 01 0050 00000001 00 'web' 00", "tcp:web:80", "", false, 0 },
        { "version 4, 0.0.0.0", "04 01 0050 00000000 00", "tcp:0.0.0.0:80", "", false, 0 },
        { "bytes behind 4a", "04 01 0050 00000001 00 'web' 00 00", "tcp:web:80", "", false, 1 },

        { "another protocol", "'GET / HTTP/1.1'", NULL, "", false, 0 },
        { "no method", "05 00", NULL, "05 ff", false, 0 },
        { "no method of ours", "05 02 01 02", NULL, "05 ff", false, 0 },
        { "no password offered", "05 01 00", NULL, "05 ff", true, 0 },
        { "wrong password", "05 01 02 01 02 'me' 02 'pW'", NULL, "05 02 01 01", true, 0 },
        { "longer password", "05 01 02 01 02 'me' 03 'pw' 00", NULL, "05 02 01 01", true, 0 },
        { "wrong user", "05 01 02 01 02 'mE' 02 'pw'", NULL, "05 02 01 01", true, 0 },
        { "empty secrets", "05 01 02 01 00 00", NULL, "05 02 01 01", true, 0 },
        { "version of auth", "05 01 02 05 02", NULL, "05 02", true, 0 },
        { "bind", V5 "05 02 00 01 c0000201 0050", NULL, "05 00 05 07" ZERO, false, 0 },
        { "no command", V5 "05 09 00 01 c0000201 0050", NULL, "05 00 05 07" ZERO, false, 0 },
        { "type", V5 "05 01 00 02 c0000201 0050", NULL, "05 00 05 08" ZERO, false, 0 },
        { "port 0", V5 "05 01 00 01 c0000201 0000", NULL, "05 00 05 04" ZERO, false, 0 },
        { "empty name", V5 "05 01 00 03 00 0050", NULL, "05 00 05 04" ZERO, false, 0 },
        { "zero byte in a name", V5 "05 01 00 03 03 'w' 00 'b' 0050", NULL, "05 00 05 04" ZERO,
          false, 0 },
        { "a name with a port", V5 "05 01 00 03 06 'web:80' 0050", NULL, "05 00 05 04" ZERO, false,
          0 },
        { "a number for a name", V5 "05 01 00 03 05 '127.1' 0050", NULL, "05 00 05 04" ZERO, false,
          0 },
        { "version of the request", V5 "04 01 00 01 c0000201 0050", NULL, "05 00 05 01" ZERO, false,
          0 },
        { "bind, version 4", "04 02 0050 c0000201 00", NULL, "00 5b 000000000000", false, 0 },
        { "port 0, version 4", "04 01 0000 c0000201 00", NULL, "00 5b 000000000000", false, 0 },
        { "version 4 has no password", "04 01 0050 c0000201 'me' 00", NULL, "00 5b 000000000000",
          true, 0 },
        { "no name, 4a", "04 01 0050 00000001 00 00", NULL, "00 5b 000000000000", false, 0 },
        { "no good name, 4a", "04 01 0050 00000001 00 'a/b' 00", NULL, "00 5b 000000000000", false,
          0 },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        for (size_t step = 1; step <= 64; step += 9) {
            uint8_t in[128], want[64];
            size_t n = bytes_of(in, rows[i].in), want_n = bytes_of(want, rows[i].out);
            struct adit_socks s;
            struct adit_buf out;
            char str[ADIT_END_STR];

            adit_buf_init(&out, 100);
            adit_socks_start(&s, rows[i].password ? "me" : NULL, rows[i].password ? "pw" : NULL);
            ssize_t used = converse(&s, in, n, step, &out);
            if (out.len != want_n || (want_n && memcmp(out.data, want, want_n) != 0))
                fail_msg("%s: another answer", rows[i].name);
            if (!rows[i].to) {
                if (used >= 0 || s.state != ADIT_SOCKS_OVER)
                    fail_msg("%s was taken", rows[i].name);
                assert_int_equal(adit_socks_feed(&s, in, n, &out), -EPROTO);
            } else {
                if (used != (ssize_t)(n - rows[i].left) || s.state != ADIT_SOCKS_ASKED)
                    fail_msg("%s: %zd", rows[i].name, used);
                assert_string_equal(adit_end_str(&s.to, str), rows[i].to);
                assert_int_equal(s.command,
                                 rows[i].to[0] ? ADIT_SOCKS_CONNECT : ADIT_SOCKS_ASSOCIATE);
                assert_int_equal(adit_socks_feed(&s, in, n, &out), 0);
            }
            adit_buf_done(&out);
        }
    }
}

static void what_is_not_whole_waits(void **state)
{
    static const char *const rows[] = {
        "05 01 00 05 01 00 03 ff '0123456789' 0050",
        "05 01 02 01 ff 'me'",
        "05 ff 00",
        "04 01 0050 c0000201 'somebody'",
        "04 01 0050 00000001 00 'some.where'",
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        uint8_t in[128];
        size_t n = bytes_of(in, rows[i]);
        struct adit_socks s;
        struct adit_buf out;

        adit_buf_init(&out, 100);
        adit_socks_start(&s, i == 1 ? "me" : NULL, "pw");
        assert_true(converse(&s, in, n, 1, &out) >= 0);
        assert_true(s.state < ADIT_SOCKS_ASKED);
        adit_buf_done(&out);
    }
}

/* Version 4 has texts without a length: they end all the same. */
static void endless_texts_end(void **state)
{
    (void)state;
    for (int named = 0; named < 2; named++) {
        uint8_t in[ADIT_SOCKS_ASK_MAX + 1] = { 4, 1, 0, 80, 0, 0, 0, 1 };
        size_t n = 8;
        struct adit_socks s;
        struct adit_buf out;

        if (named)
            in[n++] = '\0';
        memset(in + n, 'a', sizeof in - n);
        adit_buf_init(&out, 100);
        adit_socks_start(&s, NULL, NULL);
        assert_int_equal(converse(&s, in, n + 254, 1, &out), 0);
        assert_int_equal(s.state, ADIT_SOCKS_GREETING);
        assert_int_equal(converse(&s, in, n + 255, 400, &out), -EPROTO);
        adit_buf_done(&out);
    }
}

static void answers(void **state)
{
    static const struct {
        enum adit_mux_code code;
        uint8_t v5, v4;
    } rows[] = {
        { ADIT_MUX_DONE, 0, 90 },          { ADIT_MUX_BROKEN, 1, 91 },
        { ADIT_MUX_FORBIDDEN, 2, 91 },     { ADIT_MUX_REFUSED, 5, 91 },
        { ADIT_MUX_UNREACHABLE, 3, 91 },   { ADIT_MUX_NOT_FOUND, 4, 91 },
        { ADIT_MUX_TIMEOUT, 6, 91 },       { ADIT_MUX_FULL, 1, 91 },
        { ADIT_MUX_UNKNOWN, 1, 91 },       { ADIT_MUX_LOST, 1, 91 },
        { (enum adit_mux_code)77, 1, 91 },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        for (int v = 4; v <= 5; v++) {
            static const uint8_t ask5[] = { 5, 1, 0, 5, 1, 0, 1, 192, 0, 2, 1, 0, 80 };
            static const uint8_t ask4[] = { 4, 1, 0, 80, 192, 0, 2, 1, 0 };
            struct adit_socks s;
            struct adit_buf out;

            adit_buf_init(&out, 100);
            adit_socks_start(&s, NULL, NULL);
            assert_true(converse(&s, v == 5 ? ask5 : ask4, v == 5 ? sizeof ask5 : sizeof ask4, 99,
                                 &out) > 0);
            out.len = 0;
            adit_socks_answer(&s, rows[i].code, NULL, &out);
            assert_int_equal(out.len, v == 5 ? 10 : 8);
            assert_int_equal(out.data[1], v == 5 ? rows[i].v5 : rows[i].v4);
            assert_int_equal(s.state, i == 0 ? ADIT_SOCKS_OPEN : ADIT_SOCKS_OVER);
            adit_buf_done(&out);
        }
    }
}

static void where_datagrams_go(void **state)
{
    static const char *const places[] = { "127.0.0.1:1234", "[2001:db8::1]:1234" };
    static const char *const want[] = { "05 00 00 01 7f000001 04d2",
                                        "05 00 00 04 20010db8000000000000000000000001 04d2" };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(places); i++) {
        struct adit_socks s = { .version = 5, .state = ADIT_SOCKS_ASKED };
        struct adit_addr addr;
        struct adit_buf out;
        uint8_t bytes[64];
        size_t n = bytes_of(bytes, want[i]);

        adit_buf_init(&out, 100);
        assert_int_equal(adit_addr_parse_port(&addr, places[i], strlen(places[i]), 0), 0);
        adit_socks_answer(&s, ADIT_MUX_DONE, &addr, &out);
        assert_int_equal(out.len, n);
        assert_memory_equal(out.data, bytes, n);
        adit_buf_done(&out);
    }
}

static void datagrams(void **state)
{
    static const struct {
        const char *in, *to; /* NULL: refused */
    } rows[] = {
        { "0000 00 01 c0000201 0035", "udp:192.0.2.1:53" },
        { "0000 00 04 20010db8000000000000000000000001 0035", "udp:[2001:db8::1]:53" },
        { "0000 00 03 03 'dns' 0035", "udp:dns:53" },
        { "0000 01 01 c0000201 0035", NULL }, /* a fragment */
        { "0000 80 01 c0000201 0035", NULL },
        { "0000 00 01 c0000201 0000", NULL },
        { "0000 00 01 c0000201 00", NULL },
        { "0000 00 02 c0000201 0035", NULL },
        { "0000 00 03 00 0035", NULL },
        { "0000 00 03 04 'dns' 0035", NULL },
        { "0000 00", NULL },
        { "00", NULL },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        uint8_t in[64], out[ADIT_SOCKS_UDP_MAX];
        size_t n = bytes_of(in, rows[i].in);
        struct adit_end to;
        char str[ADIT_END_STR];

        in[n] = 'x'; /* of the datagram */
        ssize_t got = adit_socks_udp_decode(&to, in, rows[i].to ? n + 1 : n);
        if ((got > 0) != (rows[i].to != NULL))
            fail_msg("row %zu: %zd", i, got);
        if (!rows[i].to)
            continue;
        assert_int_equal(got, n);
        assert_string_equal(adit_end_str(&to, str), rows[i].to);
        assert_int_equal(adit_socks_udp_encode(out, &to), n);
        assert_memory_equal(out, in, n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests),  cmocka_unit_test(what_is_not_whole_waits),
        cmocka_unit_test(answers),   cmocka_unit_test(endless_texts_end),
        cmocka_unit_test(datagrams), cmocka_unit_test(where_datagrams_go),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
