/* test_url.c - URLs read, composed and taken apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "http/url.h"

#define ALL (ADIT_URL_WS | ADIT_URL_WSS | ADIT_URL_HTTP | ADIT_URL_HTTPS | ADIT_URL_SOCKS5)

static void good(void **state)
{
    static const struct {
        const char *text, *host;
        unsigned port;
        const char *target, *authority;
        const char *composed; /* NULL = as it was */
    } rows[] = {
        { "ws://a/", "a", 80, "/", "a", NULL },
        { "wss://a/", "a", 443, "/", "a", NULL },
        { "http://a/", "a", 80, "/", "a", NULL },
        { "https://a/", "a", 443, "/", "a", NULL },
        { "socks5://127.0.0.1/", "127.0.0.1", 1080, "/", "127.0.0.1", NULL },
        { "WSS://Signal.Example.ORG/Path", "signal.example.org", 443, "/Path", "signal.example.org",
          "wss://signal.example.org/Path" },
        { "wss://a", "a", 443, "/", "a", "wss://a/" },
        { "wss://a?q", "a", 443, "/?q", "a", "wss://a/?q" },
        { "wss://a:8443/ws/x?y=1&z=%20", "a", 8443, "/ws/x?y=1&z=%20", "a:8443", NULL },
        { "wss://a:443/", "a", 443, "/", "a", NULL },
        { "ws://a:443/", "a", 443, "/", "a:443", NULL },
        { "ws://192.0.2.1:1/", "192.0.2.1", 1, "/", "192.0.2.1:1", NULL },
        { "ws://[2001:DB8::1]/", "2001:db8::1", 80, "/", "[2001:db8::1]", "ws://[2001:db8::1]/" },
        { "ws://[::1]:65535/", "::1", 65535, "/", "[::1]:65535", NULL },
        { "ws://[fe80::1%25eth0]:81/", "fe80::1%eth0", 81, "/", "[fe80::1]:81", NULL },
        { "ws://[fe80::1%Br-Lan.2]/", "fe80::1%Br-Lan.2", 80, "/", "[fe80::1]",
          "ws://[fe80::1%25Br-Lan.2]/" },
        { "ws://[fe80::1%251]/", "fe80::1%1", 80, "/", "[fe80::1]", NULL },
        { "ws://[::ffff:192.0.2.1]/", "::ffff:192.0.2.1", 80, "/", "[::ffff:192.0.2.1]", NULL },
        { "http://a.b-c_d.e1/", "a.b-c_d.e1", 80, "/", "a.b-c_d.e1", NULL },
        { "http://1.example/", "1.example", 80, "/", "1.example", NULL },
        { "http://a./", "a.", 80, "/", "a.", NULL },
        { "http://1a/", "1a", 80, "/", "1a", NULL },
        { "http://a.0xg/", "a.0xg", 80, "/", "a.0xg", NULL },
        { "http://xn--bcher-kva.example/", "xn--bcher-kva.example", 80, "/",
          "xn--bcher-kva.example", NULL },
        { "http://a/-._~!$&'()*+,;=:@/%41?/?", "a", 80, "/-._~!$&'()*+,;=:@/%41?/?", "a", NULL },
        { "http://a//b", "a", 80, "//b", "a", NULL },
    };
    struct adit_cause cause;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_url u, again;
        struct adit_buf out;

        if (adit_url_parse(&u, rows[i].text, strlen(rows[i].text), ALL, &cause) < 0)
            fail_msg("%s: %s", rows[i].text, cause.text);
        assert_string_equal(u.host, rows[i].host);
        assert_int_equal(u.port, rows[i].port);
        assert_string_equal(u.target, rows[i].target);
        assert_int_equal(u.v6, strchr(u.host, ':') != NULL);
        assert_int_equal(u.secure, u.scheme == ADIT_URL_WSS || u.scheme == ADIT_URL_HTTPS);
        adit_buf_init(&out, ADIT_URL_MAX);
        adit_url_authority(&out, &u);
        assert_string_equal(adit_buf_str(&out), rows[i].authority);
        adit_buf_done(&out);
        adit_url_compose(&out, &u);
        assert_string_equal(adit_buf_str(&out), rows[i].composed ? rows[i].composed : rows[i].text);
        assert_int_equal(adit_url_parse(&again, (char *)out.data, out.len, ALL, &cause), 0);
        assert_memory_equal(&again, &u, sizeof u);
        adit_buf_done(&out);
    }
}

static void bad(void **state)
{
    static const char *const rows[] = {
        "",
        "a",
        "wss:",
        "wss:/",
        "wss://",
        "wss:///path",
        "wss://:80/",
        "://a/",
        "wsss://a/",
        "ftp://a/",
        "file:///etc/passwd",
        " wss://a/",
        "wss://a/ ",
        "wss ://a/",
        "wss://a b/",
        "wss://a/b c",
        "wss://a/\r\nX: y",
        "wss://a\r\n/",
        "wss://a/#f",
        "wss://a#",
        "wss://a/%",
        "wss://a/%4",
        "wss://a/%4g",
        "wss://a/?%zz",
        "wss://a/<",
        "wss://a/\"",
        "wss://a/\\b",
        "wss://a\\b/",
        "wss://a/{}",
        "wss://a/\x7f",
        "wss://a/\xc3\xa4",
        "wss://\xc3\xa4/",
        "wss://%61/",
        "wss://a:/",
        "wss://a:0/",
        "wss://a:65536/",
        "wss://a:000080/",
        "wss://a:+80/",
        "wss://a:-1/",
        "wss://a:80:80/",
        "wss://a:8x/",
        "wss://user@a/",
        "wss://user:pw@a/",
        "wss://@a/",
        "wss://[]/",
        "wss://[a]/",
        "wss://[1.2.3.4]/",
        "wss://[::1/",
        "wss://::1]/",
        "wss://::1/",
        "wss://[::1]a/",
        "wss://[::1]a:80/",
        "wss://[::g]/",
        "wss://[::1]]/",
        "wss://[fe80::1%]/",
        "wss://[fe80::1%25]/",
        "wss://[fe80::1%a b]/",
        "wss://[fe80::1%a/b]/",
        "wss://[fe80::1%25012345678901234567890123456789012]/",
        "wss://127.1/",
        "wss://2130706433/",
        "wss://0x7f.1/",
        "wss://0x7f000001/",
        "wss://127.0.0.0x1/",
        "wss://1.2.3.4.5/",
        "wss://1.2.3.256/",
        "wss://1.2.3.04/",
        "wss://1.2.3.4./",
        "wss://a.1/",
        "wss://a.0x/",
        "wss://a..b/",
        "wss://.a/",
        "wss://./",
        "wss://-a/",
        "wss://a-/",
        "wss://a-.b/",
        "wss://a!b/",
        "wss://a,b/",
        "wss://a;b/",
        "wss://0123456789012345678901234567890123456789012345678901234567890123/",
    };
    struct adit_url u = { .port = 7 };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_cause cause = { 0 };

        if (adit_url_parse(&u, rows[i], strlen(rows[i]), ALL, &cause) != -EINVAL)
            fail_msg("accepted %s", rows[i]);
        assert_true(strlen(cause.text) > 20);
        assert_int_equal(u.port, 7);
    }
    struct adit_cause cause;
    assert_int_equal(adit_url_parse(&u, "wss://a/\0b", 10, ALL, &cause), -EINVAL);
    assert_int_equal(adit_url_parse(&u, "wss://a\0b/", 10, ALL, &cause), -EINVAL);
    assert_int_equal(adit_url_parse(&u, "ws://[::\0a]/", 12, ALL, &cause), -EINVAL);
    assert_int_equal(adit_url_parse(&u, "ws://1.2.3.4\0/", 14, ALL, &cause), -EINVAL);
    assert_int_equal(adit_url_parse(&u, "wss://a/", 8, ADIT_URL_WS | ADIT_URL_HTTPS, &cause),
                     -EINVAL);
}

static void user_names(void **state)
{
    static const struct {
        const char *text, *userinfo; /* NULL = refused */
    } rows[] = {
        { "http://a/", "" },
        { "http://user@a/", "user" },
        { "http://user:p%40ss@a:3128/", "user:p%40ss" },
        { "http://:@a/", ":" },
        { "http://@a/", NULL },
        { "http://a@b@c/", NULL },
        { "http://a b@c/", NULL },
        { "http://a%@c/", NULL },
        { "http://a[@c/", NULL },
    };
    struct adit_cause cause;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_url u;
        struct adit_buf out;
        int err = adit_url_parse(&u, rows[i].text, strlen(rows[i].text),
                                 ADIT_URL_HTTP | ADIT_URL_USERINFO, &cause);

        assert_int_equal(err, rows[i].userinfo ? 0 : -EINVAL);
        if (err < 0)
            continue;
        assert_string_equal(u.userinfo, rows[i].userinfo);
        adit_buf_init(&out, ADIT_URL_MAX);
        adit_url_compose(&out, &u);
        assert_string_equal(adit_buf_str(&out), rows[i].text);
        adit_buf_done(&out);
    }
}

static void limits(void **state)
{
    char text[ADIT_URL_MAX + 64];
    struct adit_cause cause;
    struct adit_url u;

    (void)state;
    for (size_t more = 0; more < 2; more++) {
        size_t n = (size_t)sprintf(text, "wss://a/");

        memset(text + n, 'x', ADIT_URL_TARGET_MAX - 2 + more);
        n += ADIT_URL_TARGET_MAX - 2 + more;
        assert_int_equal(adit_url_parse(&u, text, n, ALL, &cause), more ? -EINVAL : 0);
        n = (size_t)sprintf(text, "wss://");
        for (unsigned i = 0; i < 126 + more; i++)
            n += (size_t)sprintf(text + n, "a.");
        n += (size_t)sprintf(text + n, "b/");
        assert_int_equal(adit_url_parse(&u, text, n, ALL, &cause), more ? -EINVAL : 0);
    }
    memset(text, 'x', sizeof text);
    assert_int_equal(adit_url_parse(&u, text, sizeof text, ALL, &cause), -EINVAL);
}

static void queries(void **state)
{
    static const struct {
        const char *target, *name, *value;
        int result;
    } rows[] = {
        { "/?a=1", "a", "1", 1 },
        { "/?a=1&b=2", "b", "2", 1 },
        { "/x?b=&a=", "a", "", 0 },
        { "/?a&b=1", "a", "", 0 },
        { "/?a=1&a=2", "a", "1", 1 },
        { "/?aa=1&a=2", "a", "2", 1 },
        { "/?a=%41+%2b%26%3d", "a", "A +&=", 5 },
        { "/?%61=1", "a", "1", 1 },
        { "/?a=b=c", "a", "b=c", 3 },
        { "/?a=b?c", "a", "b?c", 3 },
        { "/?token=x.y_z-1", "token", "x.y_z-1", 7 },
        { "/a=1", "a", NULL, -ENOENT },
        { "/?b=1", "a", NULL, -ENOENT },
        { "/?", "a", NULL, -ENOENT },
        { "/", "a", NULL, -ENOENT },
        { "/?A=1", "a", NULL, -ENOENT },
        { "/?%6=1", "a", NULL, -ENOENT },
        { "/?a=%00", "a", NULL, -EINVAL },
        { "/?a=%", "a", NULL, -EINVAL },
        { "/?a=%4", "a", NULL, -EINVAL },
        { "/?a=%4&b", "a", NULL, -EINVAL },
        { "/?a=01234567", "a", NULL, -EMSGSIZE },
        { "/?a=0123456", "a", "0123456", 7 },
    };
    char out[8];

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        int n = adit_url_query(rows[i].target, rows[i].name, out, sizeof out);

        if (n != rows[i].result)
            fail_msg("%s: %d", rows[i].target, n);
        if (n >= 0)
            assert_string_equal(out, rows[i].value);
    }
}

static void paths(void **state)
{
    static const struct {
        const char *target, *path;
        int result;
    } rows[] = {
        { "/", "/", 1 },
        { "/ws/a%20b?c", "/ws/a b", 7 },
        { "/a/", "/a/", 3 },
        { "//", "//", 2 },
        { "/.a/..b/...", "/.a/..b/...", 11 },
        { "/%C3%A4+", "/\xc3\xa4+", 4 },
        { "/.", NULL, -EINVAL },
        { "/..", NULL, -EINVAL },
        { "/../a", NULL, -EINVAL },
        { "/a/./b", NULL, -EINVAL },
        { "/%2e%2e/a", NULL, -EINVAL },
        { "/.%2E", NULL, -EINVAL },
        { "/a%2fb", NULL, -EINVAL },
        { "/a%2F..", NULL, -EINVAL },
        { "/%00", NULL, -EINVAL },
        { "/%", NULL, -EINVAL },
        { "/%252e%252e/", "/%2e%2e/", 8 }, /* decoded once */
        { "/0123456789012345", NULL, -EMSGSIZE },
    };
    char out[16];

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        int n = adit_url_path(rows[i].target, out, sizeof out);

        if (n != rows[i].result)
            fail_msg("%s: %d", rows[i].target, n);
        if (n >= 0)
            assert_string_equal(out, rows[i].path);
    }
}

static void encoding(void **state)
{
    char all[256], back[256];
    struct adit_buf out;

    (void)state;
    for (unsigned i = 1; i < 256; i++)
        all[i - 1] = (char)i;
    all[255] = '\0';
    adit_buf_init(&out, 1000);
    adit_url_encode(&out, all, 255);
    assert_true(adit_url_is_target("/", 1));
    assert_int_equal(adit_url_decode(back, sizeof back, (char *)out.data, out.len, false), 255);
    assert_string_equal(back, all);
    assert_int_equal(adit_url_decode(back, sizeof back, (char *)out.data, out.len, true), 255);
    adit_buf_done(&out);
    adit_buf_printf(&out, "/signal");
    adit_url_query_add(&out, "token", "a&b=c d");
    adit_url_query_add(&out, "device id", "\xc3\xa4");
    assert_string_equal(adit_buf_str(&out), "/signal?token=a%26b%3Dc%20d&device%20id=%C3%A4");
    assert_true(adit_url_is_target((char *)out.data, out.len));
    assert_int_equal(adit_url_query((char *)out.data, "device id", back, sizeof back), 2);
    adit_buf_done(&out);
    assert_false(adit_url_is_target("", 0));
    assert_false(adit_url_is_target("a", 1));
    assert_false(adit_url_is_target("/ ", 2));
    assert_false(adit_url_is_target("/\0", 2));
    assert_int_equal(adit_url_decode(back, 0, "", 0, false), -EMSGSIZE);
    assert_int_equal(adit_url_decode(back, 1, "", 0, false), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good),     cmocka_unit_test(bad),     cmocka_unit_test(user_names),
        cmocka_unit_test(limits),   cmocka_unit_test(queries), cmocka_unit_test(paths),
        cmocka_unit_test(encoding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
