/* Proxies: which one, what is said to it, what it may answer; by table, then as streams through
 * small servers that follow a script. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/str.h"
#include "core/proxy.h"
#include "stream_ends.h"
#include "wait.h"

static struct adit_loop *loop;

/* ---- URLs ------------------------------------------------------------------------------------ */

static void urls(void **state)
{
    static const struct {
        const char *url;
        enum adit_proxy_kind kind;
        const char *host;
        uint16_t port;
        const char *user, *password;
    } rows[] = {
        { "http://proxy.example", ADIT_PROXY_HTTP, "proxy.example", 80, "", "" },
        { "http://proxy.example/", ADIT_PROXY_HTTP, "proxy.example", 80, "", "" },
        { "proxy.example:3128", ADIT_PROXY_HTTP, "proxy.example", 3128, "", "" },
        { "http://[2001:db8::1]:8080", ADIT_PROXY_HTTP, "2001:db8::1", 8080, "", "" },
        { "socks5://192.0.2.1", ADIT_PROXY_SOCKS5, "192.0.2.1", 1080, "", "" },
        { "socks5h://a_b-c", ADIT_PROXY_SOCKS5, "a_b-c", 1080, "", "" },
        { "socks://x:65535", ADIT_PROXY_SOCKS5, "x", 65535, "", "" },
        { "http://me:secret@h:1", ADIT_PROXY_HTTP, "h", 1, "me", "secret" },
        { "http://me@h", ADIT_PROXY_HTTP, "h", 80, "me", "" },
        { "http://me:@h", ADIT_PROXY_HTTP, "h", 80, "me", "" },
        { "http://a%40b:c%3A%2f%20%25@h", ADIT_PROXY_HTTP, "h", 80, "a@b", "c:/ %" },
        { "http://me:p:q@h", ADIT_PROXY_HTTP, "h", 80, "me", "p:q" },
        { "http://me:p@q@h", ADIT_PROXY_HTTP, "h", 80, "me", "p@q" },
        { "", ADIT_PROXY_NONE, "", 0, "", "" },
        { "none", ADIT_PROXY_NONE, "", 0, "", "" },
    };
    static const char *const bad[] = {
        "http://",        "http:///",        "https://h",       "ftp://h",        "socks4://h",
        "http://h:0",     "http://h:65536",  "http://h:",       "http://h:1x",    "http://h/path",
        "http://h?q",     "http://h#f",      "http://@h",       "http://:pw@h",   "http://a%3Ab@h",
        "http://a%zz@h",  "http://a%4",      "http://a%@h",     "http://a%00b@h", "http://[::1",
        "http://[1.2]:3", "http://a b",      "http://h\r\nX: ", "http://::1",     "http://[::1]:0",
        "http://me:pw@",  "http://h:80:90/", "http://\xc3\xa4", "://h",           "http://[]",
    };
    struct adit_proxy p;
    struct adit_cause cause;
    char longest[600] = "http://";

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        memset(&p, 0xaa, sizeof p);
        if (adit_proxy_parse(&p, rows[i].url, &cause) < 0)
            fail_msg("%s: %s", rows[i].url, cause.text);
        if (p.kind != rows[i].kind || strcmp(p.host, rows[i].host) || p.port != rows[i].port ||
            strcmp(p.user, rows[i].user) || strcmp(p.password, rows[i].password))
            fail_msg("%s: %d %s %u %s %s", rows[i].url, p.kind, p.host, p.port, p.user, p.password);
    }
    for (size_t i = 0; i < ADIT_LEN(bad); i++) {
        p.kind = 77;
        if (adit_proxy_parse(&p, bad[i], &cause) != -EINVAL || p.kind != 77)
            fail_msg("accepted %s", bad[i]);
    }
    for (size_t n = 254; n < 258; n++) { /* 255 letters are the limit, of a host and of a user */
        memset(longest + 7, 'a', n);
        strcpy(longest + 7 + n, "");
        assert_int_equal(adit_proxy_parse(&p, longest, &cause), n < 256 ? 0 : -EINVAL);
        strcpy(longest + 7 + n, "@h");
        assert_int_equal(adit_proxy_parse(&p, longest, &cause), n < 256 ? 0 : -EINVAL);
    }
}

/* ---- the environment ------------------------------------------------------------------------- */

static const char *const *environment;

static char *fake_env(const char *name)
{
    size_t n = strlen(name);

    for (const char *const *e = environment; *e; e++)
        if (strncmp(*e, name, n) == 0 && (*e)[n] == '=')
            return (char *)*e + n + 1;
    return NULL;
}

static void the_environment_chooses(void **state)
{
#define ENV(...) ((const char *const[]){ __VA_ARGS__, NULL })
    const struct {
        const char *const *env;
        bool secure;
        const char *to;
        const char *host; /* of the proxy; "" = directly, NULL = an error */
    } rows[] = {
        { ENV("x=y"), true, "a.example", "" },
        { ENV("https_proxy=http://p:1"), true, "a.example", "p" },
        { ENV("HTTPS_PROXY=http://p:1"), true, "a.example", "p" },
        { ENV("https_proxy=http://p:1", "HTTPS_PROXY=http://q:1"), true, "a.example", "p" },
        { ENV("https_proxy=http://p:1"), false, "a.example", "" },
        { ENV("http_proxy=http://p:1"), false, "a.example", "p" },
        { ENV("http_proxy=http://p:1"), true, "a.example", "" },
        { ENV("HTTP_PROXY=http://p:1"), false, "a.example", "" },
        { ENV("all_proxy=socks5://p"), false, "a.example", "p" },
        { ENV("ALL_PROXY=socks5://p"), true, "a.example", "p" },
        { ENV("https_proxy=", "ALL_PROXY=socks5://p"), true, "a.example", "p" },
        { ENV("https_proxy=q", "all_proxy=p"), true, "a.example", "q" },
        { ENV("all_proxy=p", "no_proxy=a.example"), true, "a.example", "" },
        { ENV("all_proxy=p", "NO_PROXY=*"), true, "a.example", "" },
        { ENV("all_proxy=p", "no_proxy=", "NO_PROXY=b.example"), true, "a.example", "p" },
        { ENV("all_proxy=p"), true, "localhost", "" },
        { ENV("all_proxy=p"), true, "127.0.0.1", "" },
        { ENV("all_proxy=p"), true, "[::1]", "" },
        { ENV("all_proxy=p"), true, "unix:/run/x", "" },
        { ENV("all_proxy=ftp://p"), true, "a.example", NULL },
    };
    struct adit_proxy p;
    struct adit_cause cause;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        environment = rows[i].env;
        int err = adit_proxy_choose(&p, rows[i].secure, rows[i].to, 443, fake_env, &cause);
        if (rows[i].host ? err || strcmp(p.host, rows[i].host) : err != -EINVAL)
            fail_msg("row %zu: %d %s", i, err, p.host);
    }
}

static void exemptions(void **state)
{
    static const struct {
        const char *list, *host;
        bool exempt;
    } rows[] = {
        { "example.com", "example.com", true },
        { "example.com", "EXAMPLE.com", true },
        { "Example.Com", "www.example.com", true },
        { ".example.com", "www.example.com", true },
        { ".example.com", "example.com", true },
        { "*.example.com", "a.b.example.com", true },
        { "a, b ,example.com", "example.com", true },
        { "a b\texample.com", "example.com", true },
        { "example.com:443", "example.com", true },
        { "*", "anything", true },
        { "a,*", "anything", true },
        { "192.0.2.1", "192.0.2.1", true },
        { "192.0.2.0/24", "192.0.2.77", true },
        { "0.0.0.0/0", "192.0.2.77", true },
        { "192.0.2.1:443", "192.0.2.1", true },
        { "2001:db8::/32", "2001:db8::7", true },
        { "2001:db8::7", "[2001:db8::7]", true },
        { "[2001:db8::7]:443", "2001:db8::7", true },

        { "", "example.com", false },
        { ",, ,", "example.com", false },
        { "example.com", "badexample.com", false },
        { "example.com", "example.com.evil", false },
        { "example.com", "com", false },
        { ".", "example.com", false },
        { "*.", "example.com", false },
        { "example.com:80", "example.com", false },
        { "example.com:x", "example.com", false },
        { "192.0.2.0/24", "192.0.3.1", false },
        { "192.0.2.0/33", "192.0.2.1", false },
        { "192.0.2.0/", "192.0.2.1", false },
        { "192.0.2.1:80", "192.0.2.1", false },
        { "2.1", "192.0.2.1", false },
        { "2001:db8::/129", "2001:db8::7", false },
        { "0.0.0.0/0", "2001:db8::7", false },
        { "192.0.2.1", "192.0.2.1.example.com", false },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++)
        if (adit_proxy_exempt(rows[i].list, rows[i].host, 443) != rows[i].exempt)
            fail_msg("\"%s\" for %s", rows[i].list, rows[i].host);
}

/* ---- the conversation ------------------------------------------------------------------------ */

#define BYTES(text) text, sizeof(text) - 1

static void conversations(void **state)
{
    static const struct {
        const char *url, *host;
        const char *said; /* our bytes in one piece */
        size_t said_len;
        const char *reply;
        size_t reply_len;
        int err;          /* 0: open */
        const char *text; /* of the cause, or NULL */
        size_t rest;      /* bytes of the reply that are the destination's */
    } rows[] = {
        /* HTTP */
        { "p", "a.example", BYTES("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n"),
          BYTES("HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\nrest"), 0, NULL, 4 },
        { "p", "2001:db8::1",
          BYTES("CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n\r\n"),
          BYTES("HTTP/1.0 204\r\n\r\n"), 0, NULL, 0 },
        { "me:pw@p", "a",
          BYTES("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n"
                "Proxy-Authorization: Basic bWU6cHc=\r\n\r\n"),
          BYTES("HTTP/1.1 200\n\n\n"), 0, NULL, 1 },
        { "p", "a", NULL, 0, BYTES("HTTP/1.1 407 Who are you\r\n"), -EACCES, "wants a user", 0 },
        { "me:pw@p", "a", NULL, 0, BYTES("HTTP/1.1 407 No\r\n"), -EACCES, "does not accept", 0 },
        { "p", "a", NULL, 0, BYTES("HTTP/1.1 403 Forbidden\r\n"), -ECONNREFUSED, "status 403", 0 },
        { "p", "a", NULL, 0, BYTES("HTTP/1.1 502 Bad\r\n"), -ECONNREFUSED, "status 502", 0 },
        { "p", "a", NULL, 0, BYTES("HTTP/1.1 100 Continue\r\n"), -ECONNREFUSED, "100", 0 },
        { "p", "a", NULL, 0, BYTES("HTTP/1.1 2000 OK\r\n"), -EPROTO, "nonsense", 0 },
        { "p", "a", NULL, 0, BYTES("HTTP/2.0 200 OK\r\n"), -EPROTO, "nonsense", 0 },
        { "p", "a", NULL, 0, BYTES("HTTP/1.1  200\r\n"), -EPROTO, "nonsense", 0 },
        { "p", "a", NULL, 0, BYTES("SSH-2.0-OpenSSH\r\n"), -EPROTO, "nonsense", 0 },
        { "p", "a", NULL, 0, BYTES("\r\n\r\n"), -EPROTO, "nonsense", 0 },
        { "p", "a", NULL, 0, BYTES("HTTP/1.1 20\n"), -EPROTO, "nonsense", 0 },
        /* SOCKS */
        { "socks5://p", "a.example", BYTES("\5\1\0\5\1\0\3\11a.example\1\273"),
          BYTES("\5\0\5\0\0\1\1\2\3\4\0\120rest"), 0, NULL, 4 },
        { "socks5://p", "192.0.2.1", BYTES("\5\1\0\5\1\0\1\300\0\2\1\1\273"),
          BYTES("\5\0\5\0\0\3\2ab\0\0"), 0, NULL, 0 },
        { "socks5://p", "[2001:db8::1]",
          BYTES("\5\1\0\5\1\0\4\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1\1\273"),
          BYTES("\5\0\5\0\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0x"), 0, NULL, 1 },
        { "socks5://p", "a", NULL, 0, BYTES("\5\0\5\0\0\3\0\0\0"), 0, NULL, 0 },
        { "socks5://me:pw@p", "a", BYTES("\5\2\0\2\1\2me\2pw\5\1\0\3\1a\1\273"),
          BYTES("\5\2\1\0\5\0\0\1\0\0\0\0\0\0"), 0, NULL, 0 },
        { "socks5://me:pw@p", "a", BYTES("\5\2\0\2\5\1\0\3\1a\1\273"),
          BYTES("\5\0\5\0\0\1\0\0\0\0\0\0"), 0, NULL, 0 },
        { "socks5://me:pw@p", "a", NULL, 0, BYTES("\5\2\1\1"), -EACCES, "does not accept", 0 },
        { "socks5://p", "a", NULL, 0, BYTES("\5\377"), -EACCES, "wants a user", 0 },
        { "socks5://me:pw@p", "a", NULL, 0, BYTES("\5\377"), -EACCES, "does not accept", 0 },
        { "socks5://p", "a", NULL, 0, BYTES("\5\0\5\5"), -ECONNREFUSED, "connection refused", 0 },
        { "socks5://p", "a", NULL, 0, BYTES("\5\0\5\2"), -ECONNREFUSED, "not allowed", 0 },
        { "socks5://p", "a", NULL, 0, BYTES("\5\0\5\311"), -ECONNREFUSED, "unknown", 0 },
        { "socks5://p", "a", NULL, 0, BYTES("\5\2"), -EPROTO, "nonsense", 0 },
        { "socks5://p", "a", NULL, 0, BYTES("\5\1"), -EPROTO, "nonsense", 0 },
        { "socks5://p", "a", NULL, 0, BYTES("\4\0"), -EPROTO, "nonsense", 0 },
        { "socks5://p", "a", NULL, 0, BYTES("\5\0\4"), -EPROTO, "nonsense", 0 },
        { "socks5://p", "a", NULL, 0, BYTES("\5\0\5\0\0\2"), -EPROTO, "nonsense", 0 },
        { "socks5://me:pw@p", "a", NULL, 0, BYTES("\5\2\5\0"), -EPROTO, "nonsense", 0 },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        for (size_t step = 1; step <= rows[i].reply_len; step++) { /* torn into such pieces */
            struct adit_proxy proxy;
            struct adit_proxy_talk t;
            struct adit_cause cause = { .text = "" };
            struct adit_buf said;
            size_t at = 0;
            int n = 0;

            adit_buf_init(&said, 4096);
            assert_int_equal(adit_proxy_parse(&proxy, rows[i].url, &cause), 0);
            assert_int_equal(adit_proxy_talk_start(&t, &proxy, rows[i].host, 443), 0);
            while (at < rows[i].reply_len && n >= 0 && t.state != ADIT_PROXY_OPEN) {
                size_t left = rows[i].reply_len - at;

                n = adit_proxy_talk_feed(&t, rows[i].reply + at, left < step ? left : step, &cause);
                at += n > 0 ? (size_t)n : 0;
                adit_buf_add(&said, t.out.data, t.out.len);
                adit_buf_consume(&t.out, t.out.len);
            }
            if ((n < 0 ? n : 0) != rows[i].err || (n >= 0 && t.state != ADIT_PROXY_OPEN))
                fail_msg("row %zu, step %zu: %d in state %d", i, step, n, t.state);
            if (rows[i].text && !strstr(cause.text, rows[i].text))
                fail_msg("row %zu: %s", i, cause.text);
            if (!rows[i].err && rows[i].reply_len - at != rows[i].rest)
                fail_msg("row %zu, step %zu: %zu bytes taken", i, step, at);
            if (rows[i].said &&
                (said.len != rows[i].said_len || memcmp(said.data, rows[i].said, said.len) != 0))
                fail_msg("row %zu: said %.*s", i, (int)said.len, said.data);
            adit_buf_done(&said);
            adit_proxy_talk_done(&t);
        }
    }
}

static void an_answer_has_a_limit(void **state)
{
    struct adit_proxy proxy;
    struct adit_cause cause;

    (void)state;
    assert_int_equal(adit_proxy_parse(&proxy, "p", &cause), 0);
    for (size_t n = ADIT_PROXY_REPLY_MAX - 1; n < ADIT_PROXY_REPLY_MAX + 2; n++) {
        static char reply[ADIT_PROXY_REPLY_MAX + 2];
        struct adit_proxy_talk t;

        memset(reply, 'x', n);
        memcpy(reply, BYTES("HTTP/1.1 200 OK\r\n"));
        memcpy(reply + n - 4, "\r\n\r\n", 4);
        assert_int_equal(adit_proxy_talk_start(&t, &proxy, "a", 1), 0);
        int got = adit_proxy_talk_feed(&t, reply, n, &cause);
        assert_int_equal(got, n <= ADIT_PROXY_REPLY_MAX ? (int)n : -EPROTO);
        adit_proxy_talk_done(&t);
    }
}

static void what_is_no_host_reaches_no_proxy(void **state)
{
    static const char *const rows[] = { "",     "a b",         "a\r\nX: y", "a/b", "[a]",
                                        "[::1", "unix:/run/x", "a:80",      "\x7f" };
    struct adit_proxy proxy;
    struct adit_cause cause;
    char longest[256];

    (void)state;
    memset(longest, 'a', sizeof longest);
    longest[254] = '\0';
    assert_int_equal(adit_proxy_parse(&proxy, "socks5://p", &cause), 0);
    for (size_t i = 0; i <= ADIT_LEN(rows); i++) {
        struct adit_proxy_talk t;
        struct end a = { 0 };
        struct adit_stream_conf conf = { .host = i < ADIT_LEN(rows) ? rows[i] : longest,
                                         .port = 1,
                                         .proxy = &proxy };

        assert_int_equal(adit_proxy_talk_start(&t, &proxy, conf.host, 1), -EINVAL);
        adit_proxy_talk_done(&t);
        assert_int_equal(adit_stream_connect(&a.stream, loop, &conf, &end_ops, &a), -EINVAL);
    }
}

/* ---- streams through servers with a script --------------------------------------------------- */

/* `b` is the proxy: it says its part when it has heard so many bytes. */
static void through(const char *url, const char *reply, size_t reply_len, size_t hears,
                    struct end *a, struct end *b)
{
    struct door door = { 0 };
    struct adit_proxy proxy;
    struct adit_cause cause;

    adit_buf_init(&a->got, 1000);
    b->want = hears;
    door_open(&door, loop, b, NULL);
    assert_int_equal(adit_proxy_parse(&proxy, url, &cause), 0);
    proxy.port = door_port(&door);
    struct adit_stream_conf conf = { .host = "nowhere.invalid", .port = 7, .proxy = &proxy };
    assert_int_equal(adit_stream_connect(&a->stream, loop, &conf, &end_ops, a), 0);
    assert_int_equal(adit_stream_send(a->stream, "early", 5), 0); /* not for the proxy */
    assert_true(wait_for(loop, &b->all));
    assert_int_equal(b->got.len, hears);
    assert_int_equal(adit_stream_send(b->stream, reply, reply_len), 0);
    door_close(&door);
}

static const char said[] = "CONNECT nowhere.invalid:7 HTTP/1.1\r\nHost: nowhere.invalid:7\r\n\r\n";

static void a_stream_goes_through_http(void **state)
{
    struct end a = { .want = 5 }, b = { 0 };

    (void)state;
    through("http://127.0.0.1", BYTES("HTTP/1.1 200 OK\r\n\r\nhello"), sizeof said - 1, &a, &b);
    assert_true(wait_for(loop, &a.all));
    assert_int_equal(a.connected, 1);
    assert_string_equal(adit_buf_str(&a.got), "hello");
    b.want += 5;
    b.all = 0;
    assert_true(wait_for(loop, &b.all));
    assert_memory_equal(b.got.data + sizeof said - 1, "early", 5);
    end_done(&a);
    end_done(&b);
}

static void a_stream_goes_through_socks(void **state)
{
    struct end a = { .want = 2 }, b = { 0 };

    (void)state;
    through("socks5://127.0.0.1", BYTES("\5\0\5\0\0\1\0\0\0\0\0\0hi"), 3, &a, &b);
    assert_true(wait_for(loop, &a.all));
    assert_string_equal(adit_buf_str(&a.got), "hi");
    end_done(&a);
    end_done(&b);
}

static void a_proxy_that_refuses_or_leaves(void **state)
{
    struct end a = { 0 }, b = { 0 };

    (void)state;
    through("http://127.0.0.1", BYTES("HTTP/1.1 407 no\r\n\r\n"), sizeof said - 1, &a, &b);
    assert_true(wait_for(loop, &a.closed));
    assert_int_equal(a.cause.reason, ADIT_REASON_NOT_AUTHENTIC);
    assert_int_equal(a.connected, 0);
    end_done(&a);
    end_done(&b);
    a = b = (struct end){ 0 };
    through("http://127.0.0.1", BYTES("HTTP/1.1 200 OK\r\n"), sizeof said - 1, &a, &b);
    adit_stream_close(b.stream);
    assert_true(wait_for(loop, &a.closed));
    assert_string_equal(a.cause.text, "the proxy closed the connection");
    end_done(&a);
    end_done(&b);
}

static int setup(void **state)
{
    (void)state;
    loop = adit_loop_new();
    return loop ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    loop = adit_loop_free(loop);
    return 0;
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(urls),
        T(the_environment_chooses),
        T(exemptions),
        T(conversations),
        T(an_answer_has_a_limit),
        T(what_is_no_host_reaches_no_proxy),
        T(a_stream_goes_through_http),
        T(a_stream_goes_through_socks),
        T(a_proxy_that_refuses_or_leaves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
