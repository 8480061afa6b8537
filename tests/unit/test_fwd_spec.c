/* Forwards as ssh spells them, and the ends that go over the wire. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "app/fwd_spec.h"

static void good(void **state)
{
    static const struct {
        enum adit_fwd_kind kind;
        const char *text, *whole;
    } rows[] = {
        { ADIT_FWD_LOCAL, "8080:web:80", "localhost:8080:tcp:web:80" },
        { ADIT_FWD_LOCAL, "0:WEB.Example:80", "localhost:0:tcp:web.example:80" },
        { ADIT_FWD_LOCAL, "127.0.0.1:8080:web:80", "127.0.0.1:8080:tcp:web:80" },
        { ADIT_FWD_LOCAL, "[::1]:8080:[2001:DB8::1]:80", "[::1]:8080:tcp:[2001:db8::1]:80" },
        { ADIT_FWD_LOCAL, "[fe80::1%2]:8080:a:80", "[fe80::1%2]:8080:tcp:a:80" },
        { ADIT_FWD_LOCAL, "*:8080:web:80", "*:8080:tcp:web:80" },
        { ADIT_FWD_LOCAL, ":8080:web:80", "*:8080:tcp:web:80" },
        { ADIT_FWD_LOCAL, "localhost:8080:web:80", "localhost:8080:tcp:web:80" },
        { ADIT_FWD_LOCAL, "8080:/run/x.sock", "localhost:8080:unix:/run/x.sock" },
        { ADIT_FWD_LOCAL, "8080:/run/x:y", "localhost:8080:unix:/run/x:y" },
        { ADIT_FWD_LOCAL, "/tmp/s:web:80", "unix:/tmp/s:tcp:web:80" },
        { ADIT_FWD_LOCAL, "/tmp/s:/run/t", "unix:/tmp/s:unix:/run/t" },
        { ADIT_FWD_LOCAL, "unix:/tmp/s:web:80", "unix:/tmp/s:tcp:web:80" },
        { ADIT_FWD_LOCAL, "unix:@s:web:80", "unix:@s:tcp:web:80" },
        { ADIT_FWD_LOCAL, "/tmp/a\\:b:web:80", "unix:/tmp/a\\:b:tcp:web:80" },
        { ADIT_FWD_LOCAL, "8080:tcp:web:80", "localhost:8080:tcp:web:80" },
        { ADIT_FWD_LOCAL, "8080:tcp:80", "localhost:8080:tcp:tcp:80" },
        { ADIT_FWD_LOCAL, "8080:unix:80", "localhost:8080:tcp:unix:80" },
        { ADIT_FWD_LOCAL, "8080:unix:/x", "localhost:8080:unix:/x" },
        { ADIT_FWD_LOCAL, "8080:unix:@x", "localhost:8080:unix:@x" },
        { ADIT_FWD_LOCAL, "8080:serial:/dev/ttyS0,115200",
          "localhost:8080:serial:/dev/ttyS0,115200" },
        { ADIT_FWD_LOCAL, "8080:serial:/dev/serial/by-id/usb-1:0",
          "localhost:8080:serial:/dev/serial/by-id/usb-1:0" },
        { ADIT_FWD_LOCAL, "8080:service:web", "localhost:8080:service:web" },
        { ADIT_FWD_LOCAL, "8080:[::ffff:192.0.2.1]:80", "localhost:8080:tcp:192.0.2.1:80" },
        { ADIT_FWD_REMOTE, "8080:web:80", "localhost:8080:tcp:web:80" },
        { ADIT_FWD_REMOTE, "/tmp/s:serial:/dev/ttyS0", "unix:/tmp/s:serial:/dev/ttyS0" },
        { ADIT_FWD_SOCKS, "1080", "localhost:1080" },
        { ADIT_FWD_SOCKS, "*:1080", "*:1080" },
        { ADIT_FWD_SOCKS, "[::1]:1080", "[::1]:1080" },
        { ADIT_FWD_SOCKS, "/tmp/s", "unix:/tmp/s" },
        { ADIT_FWD_UDP, "5353:192.0.2.53:53", "localhost:5353:udp:192.0.2.53:53" },
        { ADIT_FWD_UDP, "0.0.0.0:5353:udp:dns:53", "0.0.0.0:5353:udp:dns:53" },
        { ADIT_FWD_STDIO, "host:22", "tcp:host:22" },
        { ADIT_FWD_STDIO, "[::1]:22", "tcp:[::1]:22" },
        { ADIT_FWD_STDIO, "/run/x", "unix:/run/x" },
        { ADIT_FWD_STDIO, "shell", "service:shell" },
        { ADIT_FWD_STDIO, "serial:/dev/ttyS0,9600", "serial:/dev/ttyS0,9600" },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_fwd f, again;
        struct adit_cause cause;
        char whole[ADIT_FWD_STR];

        if (adit_fwd_parse(&f, rows[i].kind, rows[i].text, &cause) < 0)
            fail_msg("%s: %s", rows[i].text, cause.text);
        assert_string_equal(adit_fwd_str(&f, whole), rows[i].whole);
        assert_int_equal(adit_fwd_parse(&again, rows[i].kind, whole, &cause), 0);
        assert_memory_equal(&f, &again, sizeof f);
    }
}

static void bad(void **state)
{
    static const struct {
        enum adit_fwd_kind kind;
        const char *text, *says;
    } rows[] = {
        { ADIT_FWD_LOCAL, "", "port" },
        { ADIT_FWD_LOCAL, "8080", "no target" },
        { ADIT_FWD_LOCAL, "8080:", "no port" },
        { ADIT_FWD_LOCAL, "8080:web", "no port" },
        { ADIT_FWD_LOCAL, "8080:80", "no port" },
        { ADIT_FWD_LOCAL, "8080:web:", "understood" },
        { ADIT_FWD_LOCAL, "8080:web:0", "understood" },
        { ADIT_FWD_LOCAL, "8080:web:65536", "understood" },
        { ADIT_FWD_LOCAL, "8080:web:80x", "understood" },
        { ADIT_FWD_LOCAL, "8080:web:+80", "understood" },
        { ADIT_FWD_LOCAL, "8080:we b:80", "understood" },
        { ADIT_FWD_LOCAL, "8080:-web:80", "understood" },
        { ADIT_FWD_LOCAL, "8080::80", "understood" },
        { ADIT_FWD_LOCAL, "8080:*:80", "understood" },
        { ADIT_FWD_LOCAL, "8080:::1:80", "understood" },
        { ADIT_FWD_LOCAL, "8080:[::1:80", "understood" },
        { ADIT_FWD_LOCAL, "8080:[127.0.0.1]:80", "understood" },
        { ADIT_FWD_LOCAL, "8080:[web]:80", "understood" },
        { ADIT_FWD_LOCAL, "8080:127.1:80", "understood" },
        { ADIT_FWD_LOCAL, "8080:2130706433:80", "understood" },
        { ADIT_FWD_LOCAL, "8080:0x7f.1:80", "understood" },
        { ADIT_FWD_LOCAL, "8080:0X7F000001:80", "understood" },
        { ADIT_FWD_LOCAL, "8080:udp:web:80", "-U" },
        { ADIT_FWD_LOCAL, "8080:serial:/etc/passwd", "understood" },
        { ADIT_FWD_LOCAL, "8080:serial:/dev/../etc/passwd", "understood" },
        { ADIT_FWD_LOCAL, "8080:serial:/dev/ttyS0,fast", "understood" },
        { ADIT_FWD_LOCAL, "8080:serial:/dev/ttyS0,", "understood" },
        { ADIT_FWD_LOCAL, "8080:serial:/dev/", "understood" },
        { ADIT_FWD_LOCAL, "8080:service:", "understood" },
        { ADIT_FWD_LOCAL, "65536:web:80", "65535" },
        { ADIT_FWD_LOCAL, "web:8080:web:80", "address" },
        { ADIT_FWD_LOCAL, "[::1:8080:web:80", "address" },
        { ADIT_FWD_LOCAL, "[::1]8080:web:80", "port to listen" },
        { ADIT_FWD_LOCAL, "::1:8080:web:80", "" },
        { ADIT_FWD_LOCAL, "*:web:80", "port to listen" },
        { ADIT_FWD_LOCAL, "/:web:80", "path" },
        { ADIT_FWD_LOCAL, "unix:web:80", "address" },
        { ADIT_FWD_LOCAL, "/tmp/s", "no target" },
        { ADIT_FWD_REMOTE, "8080:service:web", "other side" },
        { ADIT_FWD_SOCKS, "", "port" },
        { ADIT_FWD_SOCKS, "1080:web:80", "more than" },
        { ADIT_FWD_SOCKS, "socks", "port" },
        { ADIT_FWD_UDP, "/tmp/s:web:80", "path" },
        { ADIT_FWD_UDP, "53:/tmp/s", "host and port" },
        { ADIT_FWD_UDP, "53:tcp:web:80", "host and port" },
        { ADIT_FWD_STDIO, "", "understood" },
        { ADIT_FWD_STDIO, "host:", "understood" },
        { ADIT_FWD_STDIO, ":22", "understood" },
        { ADIT_FWD_STDIO, "22", "understood" },
        { ADIT_FWD_STDIO, "udp:host:22", "-U" },
    };
    char path[300];

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_cause cause = { .text = "" };
        struct adit_fwd f;

        if (adit_fwd_parse(&f, rows[i].kind, rows[i].text, &cause) != -EINVAL)
            fail_msg("\"%s\" was taken", rows[i].text);
        if (!strstr(cause.text, rows[i].says) || !strstr(cause.text, "; write "))
            fail_msg("\"%s\": %s", rows[i].text, cause.text);
    }
    /* Local sockets at the limit of sockaddr_un, and one more. */
    for (int more = 0; more < 2; more++) {
        struct adit_cause cause;
        struct adit_fwd f;

        snprintf(path, sizeof path, "/%0*d:web:80", 106 + more, 0);
        assert_int_equal(adit_fwd_parse(&f, ADIT_FWD_LOCAL, path, &cause), more ? -EINVAL : 0);
        snprintf(path, sizeof path, "80:/%0*d", 106 + more, 0);
        assert_int_equal(adit_fwd_parse(&f, ADIT_FWD_LOCAL, path, &cause), more ? -EINVAL : 0);
    }
}

static void ends_from_the_wire(void **state)
{
    static const struct {
        const char *text;
        size_t n; /* 0 = strlen */
        enum adit_end_use use;
        const char *str; /* NULL: refused */
    } rows[] = {
        { "tcp:web:80", 0, ADIT_END_TO_CONNECT, "tcp:web:80" },
        { "tcp:[::1]:80", 0, ADIT_END_TO_CONNECT, "tcp:[::1]:80" },
        { "unix:@x", 0, ADIT_END_TO_CONNECT, "unix:@x" },
        { "unix:/a:b,c", 0, ADIT_END_TO_LISTEN, "unix:/a:b,c" },
        { "tcp:*:0", 0, ADIT_END_TO_LISTEN, "tcp:*:0" },
        { "tcp::80", 0, ADIT_END_TO_LISTEN, "tcp:*:80" },
        { "tcp:localhost:80", 0, ADIT_END_TO_LISTEN, "tcp:localhost:80" },
        { "tcp:192.0.2.1:80", 0, ADIT_END_TO_LISTEN, "tcp:192.0.2.1:80" },
        { "udp:[fe80::1%3]:53", 0, ADIT_END_TO_CONNECT, "udp:[fe80::1%3]:53" },
        { "tcp:web:80", 10, ADIT_END_TO_CONNECT, "tcp:web:80" },
        { "tcp:web:801", 10, ADIT_END_TO_CONNECT, "tcp:web:80" },
        { "", 0, ADIT_END_TO_CONNECT, NULL },
        { "tcp", 0, ADIT_END_TO_CONNECT, NULL },
        { "tcp:", 0, ADIT_END_TO_CONNECT, NULL },
        { "tcp:80", 0, ADIT_END_TO_CONNECT, NULL },
        { "TCP:web:80", 0, ADIT_END_TO_CONNECT, NULL },
        { "tcp:web:80\0", 11, ADIT_END_TO_CONNECT, NULL },
        { "tcp:we\0b:80", 11, ADIT_END_TO_CONNECT, NULL },
        { "tcp:web:0", 0, ADIT_END_TO_CONNECT, NULL },
        { "tcp::80", 0, ADIT_END_TO_CONNECT, NULL },
        { "tcp:::1:80", 0, ADIT_END_TO_CONNECT, NULL },
        { "tcp:web:80", 0, ADIT_END_TO_LISTEN, NULL },
        { "unix:", 0, ADIT_END_TO_CONNECT, NULL },
        { "unix:x", 0, ADIT_END_TO_CONNECT, NULL },
        { "unix:/x\0y", 9, ADIT_END_TO_CONNECT, NULL },
        { "serial:/dev/ttyS0", 0, ADIT_END_TO_LISTEN, NULL },
        { "serial:ttyS0", 0, ADIT_END_TO_CONNECT, NULL },
        { "service:web", 0, ADIT_END_TO_LISTEN, NULL },
        { "service:a b", 0, ADIT_END_TO_CONNECT, NULL },
        { "http:web:80", 0, ADIT_END_TO_CONNECT, NULL },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        size_t n = rows[i].n ? rows[i].n : strlen(rows[i].text);
        struct adit_end end;
        char str[ADIT_END_STR];
        int err = adit_end_parse(&end, rows[i].text, n, rows[i].use);

        if ((err == 0) != (rows[i].str != NULL))
            fail_msg("\"%s\": %d", rows[i].text, err);
        if (!err)
            assert_string_equal(adit_end_str(&end, str), rows[i].str);
    }
}

static void a_terminal_sees_no_escapes(void **state)
{
    struct adit_end end;
    char out[ADIT_END_STR];

    (void)state;
    assert_int_equal(adit_end_parse(&end, "unix:/\033[2J", 10, ADIT_END_TO_CONNECT), 0);
    assert_string_equal(adit_end_show(&end, out), "unix:/?[2J");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good),
        cmocka_unit_test(bad),
        cmocka_unit_test(ends_from_the_wire),
        cmocka_unit_test(a_terminal_sees_no_escapes),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
