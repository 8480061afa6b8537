/* test_ws_cases.c - the cases of the public Autobahn list, as frames: both roles, fed whole, in
 * pieces of 7 and 997 bytes, and byte by byte. Numbers are the list's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/ws_script.h"

struct row {
    const char *name, *frames, *answer;
};

#define PROTOCOL "closed:1006/protocol > close:1002"
#define NOT_UTF8 "closed:1006/protocol > close:1007"
#define TOO_BIG  "closed:1006/protocol > close:1009"

static void run(const struct row *row, bool server, size_t step)
{
    struct adit_rng rng;
    struct adit_ws_conf conf = { .server = server, .rng = &rng };
    struct adit_buf bytes, answer, out;
    struct adit_ws *ws;

    adit_rng_init_seed(&rng, 1);
    ws = adit_ws_new(&conf, 0);
    adit_buf_init(&bytes, 1 << 22);
    adit_buf_init(&answer, 1 << 16);
    adit_buf_init(&out, 1 << 16);
    ws_script(&bytes, row->frames, server);
    ws_answer(&answer, ws, &bytes, step, NULL);
    ws_words(&out, adit_ws_pending(ws), server);
    adit_buf_printf(&answer, "%s%s", out.len ? " > " : "", adit_buf_str(&out));
    if (strcmp(adit_buf_str(&answer), row->answer) != 0)
        fail_msg("%s, %s, step %zu\n  has:   %s\n  wants: %s", row->name,
                 server ? "server" : "client", step, adit_buf_str(&answer), row->answer);
    adit_buf_done(&bytes);
    adit_buf_done(&answer);
    adit_buf_done(&out);
    adit_ws_free(ws);
}

static void run_all(const struct row *rows, size_t n)
{
    static const size_t steps[] = { 0, 1, 7, 997 };

    for (size_t i = 0; i < n; i++)
        for (int server = 0; server < 2; server++)
            for (size_t k = 0; k < ADIT_LEN(steps); k++)
                run(&rows[i], server, steps[k]);
}

static void test_framing(void **state)
{
    static const struct row rows[] = {
        { "1.1.1", "81:", "text:" },
        { "1.1.2", "81#125", "text#125" },
        { "1.1.3", "81#126", "text#126" },
        { "1.1.4", "81#127", "text#127" },
        { "1.1.5", "81#128", "text#128" },
        { "1.1.6", "81#65535", "text#65535" },
        { "1.1.7, 1.1.8", "81#65536", "text#65536" },
        { "1.2.1", "82:", "binary:" },
        { "1.2.2", "82#125", "binary#125" },
        { "1.2.3", "82#126", "binary#126" },
        { "1.2.4", "82#127", "binary#127" },
        { "1.2.5", "82#128", "binary#128" },
        { "1.2.6", "82#65535", "binary#65535" },
        { "1.2.7, 1.2.8", "82#65536", "binary#65536" },
        { "two messages", "81:a 82:b", "text:a binary:b" },
        { "126 in 2 bytes is minimal", "81#126 81#65535", "text#126 text#65535" },
        { "masked by the wrong side", "!81:hello", PROTOCOL },
        { "the same, empty", "!81:", PROTOCOL },
        { "the same, a ping", "!89:hello", PROTOCOL },
        { "the second frame", "81:a !81:b", "text:a " PROTOCOL },
        { "the second fragment", "01:a !80:b", PROTOCOL },
    };

    (void)state;
    run_all(rows, ADIT_LEN(rows));
}

/* Lengths as no honest side writes them; the mask bit is right for the role. */
static void test_lengths(void **state)
{
    static const struct row server[] = {
        { "125 in 2 bytes", "=82fe007d37fa213d00", PROTOCOL },
        { "0 in 2 bytes", "=82fe000037fa213d00", PROTOCOL },
        { "65535 in 8 bytes", "=82ff000000000000ffff37fa213d00", PROTOCOL },
        { "5 in 8 bytes", "=81ff000000000000000537fa213d00", PROTOCOL },
        { "2^63", "=82ff800000000000000037fa213d00", PROTOCOL },
        { "2^64 - 1", "=82ffffffffffffffffff37fa213d00", PROTOCOL },
        { "2^63 - 1", "=82ff7fffffffffffffff37fa213d00", TOO_BIG },
        { "2^32", "=82ff000000010000000037fa213d00", TOO_BIG },
        { "65537", "=82ff000000000001000137fa213d00", TOO_BIG },
        { "a ping of 126", "=89fe007e37fa213d00", PROTOCOL },
        { "a ping of 65536", "=89ff000000000001000037fa213d00", PROTOCOL },
    };
    static const struct row client[] = {
        { "125 in 2 bytes", "=827e007d00", PROTOCOL },
        { "65535 in 8 bytes", "=827f000000000000ffff00", PROTOCOL },
        { "2^63", "=827f800000000000000000", PROTOCOL },
        { "2^63 - 1", "=827f7fffffffffffffff00", TOO_BIG },
        { "a ping of 126", "=897e007e00", PROTOCOL },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(server); i++)
        for (size_t step = 0; step < 2; step++)
            run(&server[i], true, step);
    for (size_t i = 0; i < ADIT_LEN(client); i++)
        for (size_t step = 0; step < 2; step++)
            run(&client[i], false, step);
}

static void test_ping_pong(void **state)
{
    static const struct row rows[] = {
        { "2.1", "89:", " > pong:" },
        { "2.2", "89:hello", " > pong:hello" },
        { "2.3", "89x00fffefdfcfb00ff", " > pong:x00fffefdfcfb00ff" },
        { "2.4, 2.6", "89#125", " > pong#125" },
        { "2.5", "89#126", PROTOCOL },
        { "2.7", "8a:", "pong:" },
        { "2.8", "8a:unasked", "pong:unasked" },
        { "2.9", "8a:unasked 89:ping", "pong:unasked > pong:ping" },
        { "2.10, 2.11", "89:0 89:1 89:2 89:3 89:4 89:5 89:6 89:7 89:8 89:9",
          " > pong:0 pong:1 pong:2 pong:3 pong:4 pong:5 pong:6 pong:7 pong:8 pong:9" },
        { "pong of 126", "8a#126", PROTOCOL },
    };

    (void)state;
    run_all(rows, ADIT_LEN(rows));
}

static void test_reserved(void **state)
{
    static const struct row rows[] = {
        { "3.1", "91:hello", PROTOCOL },
        { "3.2", "81:hello a1:hello 89:", "text:hello " PROTOCOL },
        { "3.3, 3.4", "81:hello b1:hello 89:", "text:hello " PROTOCOL },
        { "RSV 4, which is permessage-deflate", "c1:hello", PROTOCOL },
        { "3.5", "d2#8", PROTOCOL },
        { "3.6", "e9:hello", PROTOCOL },
        { "3.7", "f8:", PROTOCOL },
        { "RSV in the second fragment", "01:a 90:b", PROTOCOL },
        { "4.1.1", "83:", PROTOCOL },
        { "4.1.2", "84:payload", PROTOCOL },
        { "4.1.3", "81:hello 85: 89:", "text:hello " PROTOCOL },
        { "4.1.4", "81:hello 86:payload 89:", "text:hello " PROTOCOL },
        { "4.1.5", "81:hello 87:payload 89:", "text:hello " PROTOCOL },
        { "4.2.1", "8b:", PROTOCOL },
        { "4.2.2", "8c:payload", PROTOCOL },
        { "4.2.3", "81:hello 8d: 89:", "text:hello " PROTOCOL },
        { "4.2.4", "81:hello 8e:payload 89:", "text:hello " PROTOCOL },
        { "4.2.5", "81:hello 8f:payload 89:", "text:hello " PROTOCOL },
    };

    (void)state;
    run_all(rows, ADIT_LEN(rows));
}

static void test_fragments(void **state)
{
    static const struct row rows[] = {
        { "5.1", "09:frag 80:ment", PROTOCOL },
        { "5.2", "0a:frag 80:ment", PROTOCOL },
        { "5.3, 5.4, 5.5", "01:frag 80:ment", "text:fragment" },
        { "5.6, 5.7, 5.8", "01:frag 89:ping 80:ment", "text:fragment > pong:ping" },
        { "5.9, 5.10, 5.11", "80:nothing 81:hello", PROTOCOL },
        { "5.12, 5.13, 5.14", "00:nothing 81:hello", PROTOCOL },
        { "5.15", "01:frag 80:ment 00:nothing 81:hello", "text:fragment " PROTOCOL },
        { "5.16", "00:f1 01:f2 80:f3 00:f4 01:f5 80:f6", PROTOCOL },
        { "5.17", "80:f1 01:f2 80:f3 80:f4 01:f5 80:f6", PROTOCOL },
        { "5.18", "01:frag 81:ment", PROTOCOL },
        { "the same, binary after text", "01:frag 82:ment", PROTOCOL },
        { "5.19, 5.20", "01:f1 00:f2 89:p1 00:f3 00:f4 89:p2 80:f5",
          "text:f1f2f3f4f5 > pong:p1 pong:p2" },
        { "a pong between", "02:a 8a:x 80:b", "pong:x binary:ab" },
        { "empty fragments", "02: 00: 80:", "binary:" },
        { "10.1.1", "01#1300 00#1300 00#1300 80#100", "text#4000" },
        { "close between", "01:a 88x03e8", "closed:1000/remote > close:1000" },
    };

    (void)state;
    run_all(rows, ADIT_LEN(rows));
}

static void test_closing(void **state)
{
    static const struct row rows[] = {
        { "7.1.1", "81:hello 88x03e8", "text:hello closed:1000/remote > close:1000" },
        { "7.1.2", "88x03e8 88x03e8", "closed:1000/remote > close:1000" },
        { "7.1.3", "88x03e8 89:ping", "closed:1000/remote > close:1000" },
        { "7.1.4", "88x03e8 81:text", "closed:1000/remote > close:1000" },
        { "7.1.5", "01:frag 88x03e8 80:ment", "closed:1000/remote > close:1000" },
        { "7.1.6", "82#65536 81:hello 88x03e8 89:",
          "binary#65536 text:hello closed:1000/remote > close:1000" },
        { "7.3.1", "88:", "closed:1005/remote > close:0" },
        { "7.3.2", "88:a", PROTOCOL },
        { "7.3.3", "88x03e8", "closed:1000/remote > close:1000" },
        { "7.3.4", "88x03e868656c6c6f", "closed:1000/remote/hello > close:1000" },
        { "7.3.6", "88#126", PROTOCOL },
        { "7.5.1", "88x03e8cebae1bdb9cf83cebcceb5eda080656469746564", NOT_UTF8 },
        { "words that end in the middle of a letter", "88x03e8ceba41ce", NOT_UTF8 },
        { "a close in fragments", "08x03e8", PROTOCOL },
        { "nothing of a message that a close interrupts", "81~9:he", "" },
    };

    (void)state;
    run_all(rows, ADIT_LEN(rows));
}

static void test_close_codes(void **state)
{
    static const struct {
        unsigned first, last;
        bool good;
    } rows[] = {
        { 0, 999, false },     { 1000, 1003, true }, { 1004, 1006, false },  { 1007, 1014, true },
        { 1015, 2999, false }, { 3000, 4999, true }, { 5000, 65535, false },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++)
        for (unsigned code = rows[i].first; code <= rows[i].last;
             code += code >= 5100 && code < 65500 ? 97 : 1) {
            char frames[16], answer[64];
            struct row row = { "7.7, 7.9, 7.13", frames, PROTOCOL };

            snprintf(frames, sizeof frames, "88x%04x", code);
            snprintf(answer, sizeof answer, "closed:%u/remote > close:%u", code, code);
            if (rows[i].good)
                row.answer = answer;
            run(&row, true, 0);
            run(&row, false, 1);
            assert_int_equal(adit_ws_is_code(code), rows[i].good);
        }
}

/* 7.3.5: the longest words there can be. */
static void test_close_reason_123(void **state)
{
    char frames[300] = "88x03e8";
    struct row row = { "7.3.5", frames, "closed:1000/remote/#123 > close:1000" };

    (void)state;
    for (int i = 0; i < ADIT_WS_REASON_MAX; i++)
        strcat(frames, "2a");
    run_all(&row, 1);
}

static void test_limits(void **state)
{
    static const struct row rows[] = {
        { "9.1, 9.2: one more than we take", "82#65537", TOO_BIG },
        { "the same, text", "81#65537", TOO_BIG },
        { "9.3: in fragments", "02#32768 80#32768", "binary#65536" },
        { "the same, one more", "02#32768 00#32768 80#1", TOO_BIG },
        { "promised, not sent", "82~65537:a", TOO_BIG },
        { "an empty fragment at the limit", "02#65536 80:", "binary#65536" },
        { "the next message starts anew", "82#65536 82#65536", "binary#65536 binary#65536" },
    };

    (void)state;
    run_all(rows, ADIT_LEN(rows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_framing),     cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_ping_pong),   cmocka_unit_test(test_reserved),
        cmocka_unit_test(test_fragments),   cmocka_unit_test(test_closing),
        cmocka_unit_test(test_close_codes), cmocka_unit_test(test_close_reason_123),
        cmocka_unit_test(test_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
