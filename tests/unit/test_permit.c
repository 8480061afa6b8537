/* What the far side may have opened: a table, and how entries are read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "app/permit.h"
#include "base/alloc.h"

#define NO      ADIT_PERMIT_NO
#define YES     ADIT_PERMIT_YES
#define BY_ADDR ADIT_PERMIT_BY_ADDR

static struct adit_end end_of(const char *text, enum adit_end_use use)
{
    struct adit_end end;

    if (adit_end_parse(&end, text, strlen(text), use) < 0)
        fail_msg("no end: %s", text);
    return end;
}

static void permit(struct adit_permits *p, const char *const *list)
{
    struct adit_cause cause;

    for (; *list; list++)
        if (adit_permits_add(p, *list, &cause) < 0)
            fail_msg("%s: %s", *list, cause.text);
}

static void what_one_may_connect_to(void **state)
{
    static const struct {
        const char *permits[4];
        const char *end;
        enum adit_permitted answer;
    } rows[] = {
        { { NULL }, "tcp:web:80", NO },
        { { NULL }, "unix:/x", NO },
        { { "none" }, "tcp:web:80", NO },
        { { "web:80" }, "tcp:web:80", YES },
        { { "WEB:80" }, "tcp:web:80", YES },
        { { "web:80" }, "udp:web:80", YES },
        { { "tcp:web:80" }, "udp:web:80", NO },
        { { "udp:web:80" }, "tcp:web:80", NO },
        { { "udp:web:80" }, "udp:web:80", YES },
        { { "web:80" }, "tcp:web:81", NO },
        { { "web:80" }, "tcp:web2:80", NO },
        { { "web:80" }, "tcp:a.web:80", NO },
        { { "web:80" }, "tcp:127.0.0.1:80", NO },
        { { "web:80", "db:5432" }, "tcp:db:5432", YES },
        { { "web:*" }, "tcp:web:1", YES },
        { { "web:*" }, "tcp:web:65535", YES },
        { { "web:*" }, "tcp:db:80", NO },
        { { "*:80" }, "tcp:web:80", YES },
        { { "*:80" }, "tcp:[::1]:80", YES },
        { { "*:80" }, "tcp:web:443", NO },
        { { "web:1000-2000" }, "tcp:web:1000", YES },
        { { "web:1000-2000" }, "tcp:web:2000", YES },
        { { "web:1000-2000" }, "tcp:web:999", NO },
        { { "web:1000-2000" }, "tcp:web:2001", NO },
        { { "10.0.0.0/8:*" }, "tcp:10.1.2.3:22", YES },
        { { "10.0.0.0/8:*" }, "tcp:11.1.2.3:22", NO },
        { { "10.0.0.0/8:*" }, "tcp:web:22", BY_ADDR },
        { { "10.0.0.0/8:22" }, "tcp:web:23", NO },
        { { "tcp:10.0.0.0/8:22" }, "udp:web:22", NO },
        { { "10.0.0.0/8:*", "web:22" }, "tcp:web:22", YES },
        { { "127.0.0.1:80" }, "tcp:127.0.0.1:80", YES },
        { { "127.0.0.1:80" }, "tcp:127.0.0.2:80", NO },
        { { "127.0.0.1:80" }, "tcp:localhost:80", BY_ADDR },
        { { "localhost:80" }, "tcp:127.0.0.1:80", NO },
        { { "127.0.0.1:80" }, "tcp:[::1]:80", NO },
        { { "127.0.0.1:80" }, "tcp:[::ffff:127.0.0.1]:80", YES },
        { { "[::1]:80" }, "tcp:[::1]:80", YES },
        { { "[::1]:80" }, "tcp:[::2]:80", NO },
        { { "[fd00::]/8:*" }, "tcp:[fd12::1]:80", YES },
        { { "[fd00::/8]:*" }, "tcp:[fd12::1]:80", YES },
        { { "[fd00::/8]:*" }, "tcp:[fc12::1]:80", NO },
        { { "0.0.0.0/0:*" }, "tcp:192.0.2.1:1", YES },
        { { "0.0.0.0/0:*" }, "tcp:[::1]:1", NO },
        { { "unix:/run/x" }, "unix:/run/x", YES },
        { { "unix:/run/x" }, "unix:/run/xy", NO },
        { { "unix:/run/x" }, "unix:/run/./x", NO },
        { { "unix:/run/x" }, "unix:@/run/x", NO },
        { { "unix:*" }, "unix:/anything", YES },
        { { "unix:*" }, "tcp:web:80", NO },
        { { "serial:/dev/ttyS0" }, "serial:/dev/ttyS0,9600", YES },
        { { "serial:/dev/ttyS0" }, "serial:/dev/ttyS1", NO },
        { { "serial:*" }, "serial:/dev/ttyS1", YES },
        { { "serial:*" }, "unix:/dev/log", NO },
        { { "any" }, "tcp:web:80", YES },
        { { "any" }, "udp:[::1]:53", YES },
        { { "any" }, "unix:/x", YES },
        { { "any" }, "serial:/dev/ttyS0", YES },
        { { "any" }, "service:web", NO },
        { { "listen:any" }, "tcp:web:80", NO },
        { { "listen:80" }, "tcp:localhost:80", NO },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_end end = end_of(rows[i].end, ADIT_END_TO_CONNECT);
        struct adit_permits p = { 0 };

        permit(&p, rows[i].permits);
        if (adit_permit_connect(&p, &end) != rows[i].answer)
            fail_msg("row %zu: %s", i, rows[i].end);
        adit_permits_done(&p);
    }
    struct adit_end end = end_of("tcp:web:80", ADIT_END_TO_CONNECT);
    assert_int_equal(adit_permit_connect(NULL, &end), NO);
}

static void what_a_name_leads_to(void **state)
{
    static const struct {
        const char *permits[4];
        enum adit_end_kind kind;
        const char *addr;
        bool answer;
    } rows[] = {
        { { NULL }, ADIT_END_TCP, "10.0.0.1:80", false },
        { { "10.0.0.0/8:80" }, ADIT_END_TCP, "10.0.0.1:80", true },
        { { "10.0.0.0/8:80" }, ADIT_END_TCP, "127.0.0.1:80", false },
        { { "10.0.0.0/8:80" }, ADIT_END_TCP, "10.0.0.1:81", false },
        { { "tcp:10.0.0.0/8:80" }, ADIT_END_UDP, "10.0.0.1:80", false },
        { { "[::1]:80", "10.0.0.0/8:80" }, ADIT_END_UDP, "[::1]:80", true },
        { { "listen:10.0.0.1:80" }, ADIT_END_TCP, "10.0.0.1:80", false },
        /* The name is permitted, not every address at that port. */
        { { "web:80" }, ADIT_END_TCP, "10.0.0.1:80", false },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_permits p = { 0 };
        struct adit_addr addr;

        permit(&p, rows[i].permits);
        assert_int_equal(adit_addr_parse_port(&addr, rows[i].addr, strlen(rows[i].addr), 0), 0);
        if (adit_permit_addr(&p, rows[i].kind, &addr) != rows[i].answer)
            fail_msg("row %zu: %s", i, rows[i].addr);
        adit_permits_done(&p);
    }
}

static void where_it_may_have_us_listen(void **state)
{
    static const struct {
        const char *permits[4];
        const char *end;
        bool answer;
    } rows[] = {
        { { NULL }, "tcp:localhost:8080", false },
        { { "any" }, "tcp:localhost:8080", false },
        { { "*:8080" }, "tcp:localhost:8080", false },
        { { "listen:8080" }, "tcp:localhost:8080", true },
        { { "listen:8080" }, "tcp:127.0.0.1:8080", true },
        { { "listen:8080" }, "tcp:[::1]:8080", true },
        { { "listen:8080" }, "tcp:*:8080", false },
        { { "listen:8080" }, "tcp:192.0.2.1:8080", false },
        { { "listen:8080" }, "tcp:localhost:8081", false },
        { { "listen:8080" }, "tcp:localhost:0", false },
        { { "listen:0" }, "tcp:localhost:0", true },
        { { "listen:*" }, "tcp:localhost:0", true },
        { { "listen:1024-65535" }, "tcp:localhost:1024", true },
        { { "listen:1024-65535" }, "tcp:localhost:1023", false },
        { { "listen:localhost:8080" }, "tcp:localhost:8080", true },
        { { "listen:*:8080" }, "tcp:*:8080", true },
        { { "listen:*:8080" }, "tcp:192.0.2.1:8080", true },
        { { "listen:*:8080" }, "tcp:localhost:8080", true },
        { { "listen:192.0.2.1:8080" }, "tcp:192.0.2.1:8080", true },
        { { "listen:192.0.2.1:8080" }, "tcp:*:8080", false },
        { { "listen:192.0.2.0/24:*" }, "tcp:192.0.2.7:1", true },
        { { "listen:[::1]:8080" }, "tcp:[::1]:8080", true },
        { { "listen:tcp:*:8080" }, "tcp:*:8080", true },
        { { "listen:unix:/tmp/x" }, "unix:/tmp/x", true },
        { { "listen:unix:/tmp/x" }, "unix:/tmp/y", false },
        { { "listen:any" }, "unix:/tmp/y", true },
        { { "listen:any" }, "tcp:*:22", true },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_end end = end_of(rows[i].end, ADIT_END_TO_LISTEN);
        struct adit_permits p = { 0 };

        permit(&p, rows[i].permits);
        if (adit_permit_listen(&p, &end) != rows[i].answer)
            fail_msg("row %zu: %s", i, rows[i].end);
        adit_permits_done(&p);
    }
    struct adit_end end = end_of("tcp:localhost:8080", ADIT_END_TO_LISTEN);
    assert_false(adit_permit_listen(NULL, &end));
}

static void what_is_no_entry(void **state)
{
    static const char *const rows[] = {
        "",
        "web",
        "web:",
        ":80",
        "web:0",
        "web:65536",
        "web:80-",
        "web:-80",
        "web:90-80",
        "web:a",
        "web:80,81",
        "web:**",
        "**:80",
        "*.web:80",
        "we b:80",
        "::1:80",
        "[::1:80",
        "[web]:80",
        "[127.0.0.1]:80x",
        "10.0.0.0/33:80",
        "10.0.0.0/:80",
        "10.0.0.0/a:80",
        "10.0.0:80",
        "127.1:80",
        "[::1/129]:80",
        "[::ffff:10.0.0.0]/8:80",
        "web/8:80",
        "unix:",
        "unix:x",
        "serial:/etc/passwd",
        "serial:/dev/../x",

        "ANY",
        "None",
        "listen:",
        "listen:web:80",
        "listen:65536",
        "listen:udp:*:80",
        "listen:serial:/dev/ttyS0",
        "listen:none",
        "tcp:any",
        "tcp:unix:/x",
        "udp:",
        "listen:listen:80",
        "service:web",
    };
    struct adit_permits p = { 0 };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_cause cause = { .text = "" };

        if (adit_permits_add(&p, rows[i], &cause) != -EINVAL || !cause.text[0])
            fail_msg("\"%s\" was taken", rows[i]);
    }
    char text[200];
    struct adit_cause cause;
    snprintf(text, sizeof text, "[%0*d::/8]:*", 100, 0); /* longer than any address */
    assert_int_equal(adit_permits_add(&p, text, &cause), -EINVAL);
    assert_int_equal(p.count, 0);
    adit_permits_done(&p);
}

static void none_stands_alone(void **state)
{
    struct adit_permits p = { 0 };
    struct adit_cause cause;

    (void)state;
    assert_int_equal(adit_permits_add(&p, "none", &cause), 0);
    assert_int_equal(adit_permits_add(&p, "web:80", &cause), -EINVAL);
    adit_permits_done(&p);
    assert_int_equal(adit_permits_add(&p, "web:80", &cause), 0);
    assert_int_equal(adit_permits_add(&p, "none", &cause), -EINVAL);
    adit_permits_done(&p);
}

static void there_is_a_limit_and_memory_may_end(void **state)
{
    struct adit_permits p = { 0 };
    struct adit_cause cause;

    (void)state;
    for (int i = 0; i < ADIT_PERMITS_MAX; i++)
        assert_int_equal(adit_permits_add(&p, "web:80", &cause), 0);
    assert_int_equal(adit_permits_add(&p, "web:80", &cause), -EINVAL);
    adit_permits_done(&p);
    adit_alloc_fail_at(0);
    assert_int_equal(adit_permits_add(&p, "web:80", &cause), -ENOMEM);
    adit_alloc_fail_at(UINT64_MAX);
    adit_permits_done(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_one_may_connect_to),
        cmocka_unit_test(what_a_name_leads_to),
        cmocka_unit_test(where_it_may_have_us_listen),
        cmocka_unit_test(what_is_no_entry),
        cmocka_unit_test(none_stands_alone),
        cmocka_unit_test(there_is_a_limit_and_memory_may_end),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
