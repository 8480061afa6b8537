/* test_cand.c - candidates as other stacks write them, and as nobody should. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ice/cand.h"

/* What is printed for each text; NULL: refused. `usable` and `loopback`: without and with leave to
 * use 127/8. */
static const struct {
    const char *text, *printed;
    bool usable, loopback;
} rows[] = {
    { "candidate:1 1 udp 2130706431 192.0.2.7 50412 typ host",
      "candidate:1 1 udp 2130706431 192.0.2.7 50412 typ host", true, true },
    { "a=candidate:2428306501 1 udp 2113937151 10.99.0.2 57064 typ host generation 0 network-cost "
      "999",
      "candidate:2428306501 1 udp 2113937151 10.99.0.2 57064 typ host", true, true },
    { "0 1 UDP 2122252543 10.99.0.2 56070 typ host",
      "candidate:0 1 udp 2122252543 10.99.0.2 56070 typ host", true, true },
    { "aa92e410cd11ae9ea36df55d7fe9dd3a 1 udp 1 2001:db8::1 1 typ host\r\n",
      "candidate:aa92e410cd11ae9ea36df55d7fe9dd3a 1 udp 1 2001:db8::1 1 typ host", true, true },
    { "candidate:842163049 1 udp 1677729535 203.0.113.5 44323 typ srflx raddr 192.168.1.2 rport "
      "44323 generation 0 ufrag sXP5 network-cost 999",
      "candidate:842163049 1 udp 1677729535 203.0.113.5 44323 typ srflx raddr 192.168.1.2 rport "
      "44323 ufrag sXP5",
      true, true },
    { "1 1 udp 1 203.0.113.5 4 typ relay raddr 0.0.0.0 rport 0",
      "candidate:1 1 udp 1 203.0.113.5 4 typ relay raddr 0.0.0.0 rport 0", true, true },
    { "1 1 udp 1 203.0.113.5 4 typ prflx", /* raddr is due, but many leave it out */
      "candidate:1 1 udp 1 203.0.113.5 4 typ prflx raddr 0.0.0.0 rport 0", true, true },
    { "1 1 udp 1 2001:db8::5 4 typ srflx raddr host.local rport 7",
      "candidate:1 1 udp 1 2001:db8::5 4 typ srflx raddr :: rport 0", true, true },
    { "1 1 UDP 1 ::ffff:192.0.2.1 5 TYP HOST", "candidate:1 1 udp 1 192.0.2.1 5 typ host", true,
      true },
    { "1  1  udp 1   192.0.2.1 5 typ host  foo bar odd", "candidate:1 1 udp 1 192.0.2.1 5 typ host",
      true, true },
    /* out of range priorities are brought into it */
    { "1 1 udp 4294967295 192.0.2.1 5 typ host",
      "candidate:1 1 udp 2147483647 192.0.2.1 5 typ host", true, true },
    { "1 1 udp 0 192.0.2.1 5 typ host", "candidate:1 1 udp 1 192.0.2.1 5 typ host", true, true },
    /* understood, but nothing to send a check to */
    { "1 1 TCP 2105524479 10.99.0.2 9 typ host tcptype active",
      "candidate:1 1 tcp 2105524479 10.99.0.2 9 typ host tcptype active", false, false },
    { "1 1 tcp 2105524479 10.99.0.2 9 typ host",
      "candidate:1 1 tcp 2105524479 10.99.0.2 9 typ host", false, false },
    { "1 1 tcp 5 10.99.0.2 9 typ host tcptype passiv", "candidate:1 1 tcp 5 10.99.0.2 9 typ host",
      false, false },
    /* RFC 6544 section 4.5 and appendix C; pion; a browser */
    { "2 1 TCP 2124414975 10.0.1.1 8998 typ host tcptype passive",
      "candidate:2 1 tcp 2124414975 10.0.1.1 8998 typ host tcptype passive", true, true },
    { "3 1 TCP 2120220671 10.0.1.1 8999 typ host tcptype so",
      "candidate:3 1 tcp 2120220671 10.0.1.1 8999 typ host tcptype so", true, true },
    { "5 1 TCP 1684013055 192.0.2.3 45664 typ srflx raddr 10.0.1.1 rport 8998 tcptype passive",
      "candidate:5 1 tcp 1684013055 192.0.2.3 45664 typ srflx raddr 10.0.1.1 rport 8998 tcptype "
      "passive",
      true, true },
    { "842163049 1 tcp 1518280447 192.0.2.4 443 typ host TCPTYPE Passive generation 0 ufrag sXP5",
      "candidate:842163049 1 tcp 1518280447 192.0.2.4 443 typ host tcptype passive ufrag sXP5",
      true, true },
    { "1 1 tcp 5 127.0.0.1 443 typ host tcptype passive",
      "candidate:1 1 tcp 5 127.0.0.1 443 typ host tcptype passive", false, true },
    { "1 1 tcp 5 192.0.2.4 0 typ host tcptype passive",
      "candidate:1 1 tcp 5 192.0.2.4 0 typ host tcptype passive", false, false },
    { "1 1 udp 5 192.0.2.4 7 typ host tcptype passive", /* means nothing there */
      "candidate:1 1 udp 5 192.0.2.4 7 typ host", true, true },
    { "1 1 sctp 5 10.99.0.2 9 typ host", "candidate:1 1 other 5 10.99.0.2 9 typ host", false,
      false },
    { "4224149576 2 udp 2130706431 10.99.0.1 59399 typ host",
      "candidate:4224149576 2 udp 2130706431 10.99.0.1 59399 typ host", false, false },
    { "1 1 udp 5 2c1a0a8e-4e0f-4f5a-9b3a-7b7a1b2c3d4e.local 54321 typ host",
      "candidate:1 1 udp 5 2c1a0a8e-4e0f-4f5a-9b3a-7b7a1b2c3d4e.local 54321 typ host", false,
      false },
    { "1 1 udp 1 192.0.2.1 0 typ host", "candidate:1 1 udp 1 192.0.2.1 0 typ host", false, false },
    { "1 1 udp 1 0.0.0.0 5 typ host", "candidate:1 1 udp 1 0.0.0.0 5 typ host", false, false },
    { "1 1 udp 1 127.0.0.1 5 typ host", "candidate:1 1 udp 1 127.0.0.1 5 typ host", false, true },
    { "1 1 udp 1 ::1 5 typ host", "candidate:1 1 udp 1 ::1 5 typ host", false, true },
    { "1 1 udp 1 224.0.0.251 5 typ host", "candidate:1 1 udp 1 224.0.0.251 5 typ host", false,
      false },
    { "1 1 udp 1 255.255.255.255 5 typ host", "candidate:1 1 udp 1 255.255.255.255 5 typ host",
      false, false },
    { "1 1 udp 1 ff02::1 5 typ host", "candidate:1 1 udp 1 ff02::1 5 typ host", false, false },
    { "1 256 udp 1 192.0.2.1 5 typ host", "candidate:1 256 udp 1 192.0.2.1 5 typ host", false,
      false },
    { "12345678901234567890123456789012 1 udp 1 192.0.2.1 65535 typ host",
      "candidate:12345678901234567890123456789012 1 udp 1 192.0.2.1 65535 typ host", true, true },

    { "", NULL, false, false },
    { "candidate:", NULL, false, false },
    { "a=candidate:\r\n", NULL, false, false },
    { "1 1 udp 1 192.0.2.1 5 typ", NULL, false, false },
    { "1 1 udp 1 192.0.2.1 5 host", NULL, false, false },
    { "1 1 udp 1 192.0.2.1 5 typ best", NULL, false, false },
    { "1 1 udp 1 192.0.2.1 typ host", NULL, false, false },
    { "1 1 udp 1 192.0.2.1 65536 typ host", NULL, false, false },
    { "1 1 udp 1 192.0.2.1 -5 typ host", NULL, false, false },
    { "1 1 udp 1 192.0.2.256 5 typ host", NULL, false, false },
    { "1 1 udp 1 192.0.2 5 typ host", NULL, false, false },
    { "1 1 udp 1 2001:db8:::1 5 typ host", NULL, false, false },
    { "1 1 udp 1 [2001:db8::1] 5 typ host", NULL, false, false },
    { "1 1 udp 1 fe80::1%eth0 5 typ host", NULL, false, false },
    { "1 1 udp 1 fe80::1%3 5 typ host", NULL, false, false },
    { "1 1 udp 1 fe80::1%1 5 typ host", NULL, false, false },
    { "1 1 udp 1 ho$t.local 5 typ host", NULL, false, false },
    { "1 1 udp 1 h\xc3\xb6st.local 5 typ host", NULL, false, false },
    { "1 1 udp 4294967296 192.0.2.1 5 typ host", NULL, false, false },
    { "1 1 udp x 192.0.2.1 5 typ host", NULL, false, false },
    { "1 1 udp 0x10 192.0.2.1 5 typ host", NULL, false, false },
    { "1 0 udp 1 192.0.2.1 5 typ host", NULL, false, false },
    { "1 257 udp 1 192.0.2.1 5 typ host", NULL, false, false },
    { "1 one udp 1 192.0.2.1 5 typ host", NULL, false, false },
    { "f_o 1 udp 1 192.0.2.1 5 typ host", NULL, false, false },
    { "123456789012345678901234567890123 1 udp 1 192.0.2.1 5 typ host", NULL, false, false },
    { "1 1 udp 1 192.0.2.1 5 typ host ufrag a:b", NULL, false, false },
    { "1 1 udp 1 192.0.2.1 5 typ srflx raddr 1.2.3 rport 5", NULL, false, false },
    { "1 1 udp 1 192.0.2.1 5 typ srflx raddr 1.2.3.4 rport 70000", NULL, false, false },
    { "1 1 udp 1 192.0.2.1 5\ttyp host", NULL, false, false },
    { "1 1 udp 1 192.0.2.1 5 typ host\r\na=ice-lite", NULL, false, false },
    { "1 1 udp 1 192.0.2.1 5 typ host \x1b[2J", NULL, false, false },
};

static void test_table(void **state)
{
    struct adit_cand c, again;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_buf out;
        int err = adit_cand_parse(&c, rows[i].text, strlen(rows[i].text));
        if (!rows[i].printed) {
            if (err != -EINVAL)
                fail_msg("accepted: %s", rows[i].text);
            continue;
        }
        if (err != 0)
            fail_msg("refused: %s", rows[i].text);
        adit_buf_init(&out, 4096);
        adit_cand_print(&out, &c);
        assert_string_equal(adit_buf_str(&out), rows[i].printed);
        assert_int_equal(adit_cand_parse(&again, adit_buf_str(&out), out.len), 0);
        adit_buf_done(&out);
        adit_buf_init(&out, 4096);
        adit_cand_print(&out, &again);
        assert_string_equal(adit_buf_str(&out), rows[i].printed);
        adit_buf_done(&out);
        if (adit_cand_usable(&c, false) != rows[i].usable ||
            adit_cand_usable(&c, true) != rows[i].loopback)
            fail_msg("usable or not: %s", rows[i].text);
    }
}

static void test_zero_byte_and_length(void **state)
{
    static const char zero[] = "1 1 udp 1 192.0.2.1 5 typ host\0 generation 0";
    char line[ADIT_CAND_LINE_MAX + 2];
    struct adit_cand c;

    (void)state;
    assert_int_equal(adit_cand_parse(&c, zero, sizeof zero - 1), -EINVAL);
    memset(line, 'x', sizeof line);
    memcpy(line, "1 1 udp 1 192.0.2.1 5 typ host x ", 33);
    assert_int_equal(adit_cand_parse(&c, line, ADIT_CAND_LINE_MAX), 0);
    assert_int_equal(adit_cand_parse(&c, line, ADIT_CAND_LINE_MAX + 1), -EINVAL);
}

/* A failed parse leaves the result alone; every prefix ends without reading past it. */
static void test_prefixes(void **state)
{
    static const char whole[] = "a=candidate:84 1 udp 16 203.0.113.5 44 typ srflx raddr 192.0.2.1 "
                                "rport 9 ufrag abcd";
    struct adit_cand c = { .priority = 77 };

    (void)state;
    for (size_t n = 0; n < sizeof whole; n++) {
        char *copy = malloc(n + 1); /* its end is the end of a heap block */
        memcpy(copy, whole, n);
        copy = realloc(copy, n ? n : 1);
        c.priority = 77;
        if (adit_cand_parse(&c, copy, n) < 0)
            assert_int_equal(c.priority, 77);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_zero_byte_and_length),
        cmocka_unit_test(test_prefixes),
    };

    return cmocka_run_group_tests_name("cand", tests, NULL, NULL);
}
