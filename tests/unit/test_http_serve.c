/* The provider of the HTTP tunnel: what it asks its upstream, whatever the far side says, and how
 * it uses connections. Here a test is the far side itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/tls.h"
#include "http_world.h"

#define OK_HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

/* The far side of one exchange. */
struct asker {
    struct http_world *world;
    struct adit_exchange *x;
    struct adit_buf said; /* "200 Reason|Name: value|…|" for each head, then the body */
    bool ended, failed;
    char text[256];
};

static void on_head(void *arg, const struct adit_http1_head *head, adit_time now)
{
    struct asker *a = arg;

    (void)now;
    adit_buf_printf(&a->said, "%d %s|", head->status, head->reason);
    for (unsigned i = 0; i < head->count; i++)
        adit_buf_printf(&a->said, "%s: %s|", head->fields[i].name, head->fields[i].value);
    a->world->news = 1;
}

static void on_body(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct asker *a = arg;

    adit_buf_add(&a->said, bytes, n);
    adit_exchange_consumed(a->x, n, now);
}

static void on_end(void *arg, const struct adit_http1_field *trailers, unsigned count,
                   adit_time now)
{
    struct asker *a = arg;

    for (unsigned i = 0; i < count; i++)
        adit_buf_printf(&a->said, "|%s: %s", trailers[i].name, trailers[i].value);
    a->ended = true;
    a->x = adit_exchange_free(a->x, NULL, now);
    a->world->news = 1;
}

static void on_writable(void *arg, adit_time now)
{
    (void)arg;
    (void)now;
}

static void on_failed(void *arg, int status, const char *text, adit_time now)
{
    struct asker *a = arg;

    (void)status;
    a->failed = true;
    snprintf(a->text, sizeof a->text, "%s", text);
    a->x = adit_exchange_free(a->x, NULL, now);
    a->world->news = 1;
}

static const struct adit_exchange_ops asker_ops = {
    .head = on_head, .body = on_body, .end = on_end, .writable = on_writable, .failed = on_failed
};

static void begin(struct http_world *w, struct asker *a, const struct adit_http1_head *head)
{
    int err;

    *a = (struct asker){ .world = w };
    adit_buf_init(&a->said, 1 << 20);
    a->x =
        adit_exchange_begin(&w->direct.consumer, head, &asker_ops, a, &err, adit_loop_now(w->loop));
    assert_non_null(a->x);
    http_world_turn(w, 1);
}

static void end(struct asker *a)
{
    if (!a->x) /* it was answered already */
        return;
    assert_int_equal(adit_exchange_end(a->x, NULL, 0, adit_loop_now(a->world->loop)), 0);
    http_world_turn(a->world, 1);
}

static void body(struct asker *a, const char *text)
{
    assert_int_equal(adit_exchange_body(a->x, (const uint8_t *)text, strlen(text),
                                        adit_loop_now(a->world->loop)),
                     0);
    http_world_turn(a->world, 1);
}

static struct adit_http1_head simple(const char *method, const char *target)
{
    return (struct adit_http1_head){ .method = method, .target = target, .reason = "", .minor = 1 };
}

static void ask(struct http_world *w, struct asker *a, const char *method, const char *target)
{
    struct adit_http1_head head = simple(method, target);

    begin(w, a, &head);
    end(a);
}

static void done(struct asker *a)
{
    a->x = adit_exchange_free(a->x, NULL, adit_loop_now(a->world->loop));
    adit_buf_done(&a->said);
}

static void said(struct asker *a, const char *text)
{
    HTTP_UNTIL(a->world, a->ended || a->failed);
    assert_false(a->failed);
    assert_string_equal(adit_buf_str(&a->said), text);
    done(a);
}

static void said_begins(struct asker *a, const char *text)
{
    HTTP_UNTIL(a->world, a->ended || a->failed);
    if (a->failed || strncmp(adit_buf_str(&a->said), text, strlen(text)) != 0)
        fail_msg("%s\n%s", adit_buf_str(&a->said), a->text);
    done(a);
}

static void failed_with(struct asker *a, const char *text)
{
    HTTP_UNTIL(a->world, a->ended || a->failed);
    assert_true(a->failed);
    assert_string_equal(a->text, text);
    done(a);
}

/* The upstream hears a request on its i-th connection, and says hello. */
static void hello(struct http_world *w, unsigned i, const char *request)
{
    struct party *u = http_up(w, i);

    party_hears_up_to(u, request);
    party_hears_up_to(u, "\r\n\r\n");
    party_says(u, OK_HELLO);
}

#define HELLO "200 OK|Content-Length: 5|hello"

/* ---- what is asked --------------------------------------------------------------------------- */

static void prefixes(void **state)
{
    static const struct {
        const char *base, *advertise, *target, *asked;
    } rows[] = {
        { "", NULL, "/v1?x", "/v1?x" },
        { "", "/", "/v1", "/v1" },
        { "/", "/", "/", "/" },
        { "", "/api", "/api/v1", "/v1" },
        { "", "/api", "/api", "/" },
        { "", "/api", "/api?x", "/?x" },
        { "", "/api/", "/api/v1", "/v1" },
        { "", "/api", "/apiv1", "/v1" },
        { "", "/api", "/other", "/other" },
        { "", "/api", "/x/api", "/x/api" },
        { "/base", NULL, "/v1", "/base/v1" },
        { "/base/", "/api", "/api", "/base/" },
        { "/base", "/api", "/api/v1", "/base/v1" },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct http_world w;
        struct asker a;
        char url[128], line[128];

        http_world_init(&w);
        snprintf(url, sizeof url, "%s%s", w.upstream_url, rows[i].base);
        w.serve_conf.upstream = url;
        w.serve_conf.advertise = rows[i].advertise;
        http_world_start(&w);
        ask(&w, &a, "GET", rows[i].target);
        snprintf(line, sizeof line, "GET %s HTTP/1.1\r\n", rows[i].asked);
        party_hears(http_up(&w, 0), line);
        party_says(http_up(&w, 0), OK_HELLO);
        said(&a, HELLO);
        http_world_done(&w);
    }
}

/* What a server would take for a place above the base is not asked for. */
static void not_above_the_base(void **state)
{
    static const struct {
        const char *base, *advertise, *target;
        bool asked;
    } rows[] = {
        { "/base", NULL, "/../secret", false },
        { "/base", NULL, "/a/..", false },
        { "/base", NULL, "/a/../../secret?x", false },
        { "/base", NULL, "/%2e%2E/secret", false },
        { "/base", NULL, "/.%2e/secret", false },
        { "/base", NULL, "/..%2fsecret", false },
        { "/base", NULL, "/..\\secret", false },
        { "/base", NULL, "/..;/secret", false },
        { "/base", "/api", "/api../secret", false },
        { "/base", NULL, "/a?/../b", true },
        { "/base", NULL, "/..a/b..", true },
        { "/base", NULL, "/a%2fb%2e%zz%", true },
        { "/base", NULL, "/a%3f/.../.", true },
        { "", NULL, "/../secret", true }, /* all of it is open */
        { "/", NULL, "/a/../b", true },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct http_world w;
        struct asker a;
        char url[128];

        http_world_init(&w);
        snprintf(url, sizeof url, "%s%s", w.upstream_url, rows[i].base);
        w.serve_conf.upstream = url;
        w.serve_conf.advertise = rows[i].advertise;
        http_world_start(&w);
        ask(&w, &a, "GET", rows[i].target);
        if (rows[i].asked) {
            party_hears(http_up(&w, 0), "GET ");
            party_says(http_up(&w, 0), OK_HELLO);
            said(&a, HELLO);
        } else {
            said_begins(&a, "400 ");
        }
        http_world_done(&w);
    }
}

static void no_other_place(void **state)
{
    static const struct {
        const char *method, *target, *answer;
    } rows[] = {
        { "CONNECT", "169.254.169.254:80", "405 " },
        { "GET", "http://169.254.169.254/", "400 " },
        { "GET", "other", "400 " },
        { "GET", "", "400 " },
        { "GET", "*", "400 " },
        { "GET", "/a b", "400 " },
        { "GET", "/ HTTP/1.1\r\nHost: x\r\n\r\nGET /", "400 " },
        { "GET", "/a\tb", "400 " },
        { "GET", "/\xc3\xa4", "400 " },
        { "GET", "/a#b", "400 " },
        { "G ET", "/", "400 " },
        { "", "/", "400 " },
        { "GET\r\nX:", "/", "400 " },
    };
    struct http_world w;
    struct asker a;

    (void)state;
    http_world_init(&w);
    http_world_start(&w);
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        ask(&w, &a, rows[i].method, rows[i].target);
        said_begins(&a, rows[i].answer);
    }
    http_world_turn(&w, 3);
    for (unsigned i = 0; i < w.ups; i++)
        assert_int_equal(w.up[i % HTTP_PARTIES].got.len, 0);
    http_world_done(&w);
}

static void fields_of_a_stranger(void **state)
{
    static const struct {
        struct adit_http1_field f;
        const char *heard; /* NULL: refused */
    } rows[] = {
        { { "X-A", "b" }, "X-A: b\r\n\r\n" },
        { { "Host", "169.254.169.254" }, "\r\n" },
        { { "host", "a" }, "\r\n" },
        { { "Transfer-Encoding", "chunked" }, "\r\n" },
        { { "transfer_encoding", "chunked" }, "\r\n" },
        { { "Content-Length", "100" }, "\r\n" },
        { { "content_length", "100" }, "\r\n" },
        { { "Connection", "close, X-B" }, "\r\n" },
        { { "Upgrade", "websocket" }, "\r\n" },
        { { "Expect", "100-continue" }, "\r\n" },
        { { "TE", "gzip" }, "\r\n" },
        { { "TE", "trailers;q=1" }, "TE: trailers\r\nConnection: TE\r\n\r\n" },
        { { "X-Forwarded-For", "1" }, "\r\n" },
        { { "X-A", "b\r\nX-C: d" }, NULL },
        { { "X A", "b" }, NULL },
        { { "X-A:", "b" }, NULL },
        { { "", "b" }, NULL },
        { { "X-A", "b\x01" }, NULL },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_http1_field fields[] = { rows[i].f };
        struct adit_http1_head head = simple("GET", "/");
        struct http_world w;
        struct asker a;

        head.fields = fields;
        head.count = 1;
        http_world_init(&w);
        http_world_start(&w);
        begin(&w, &a, &head);
        end(&a);
        if (rows[i].heard) {
            party_hears_up_to(http_up(&w, 0), "Host: 127.0.0.1:");
            party_hears_up_to(http_up(&w, 0), "\r\n");
            party_hears(http_up(&w, 0), rows[i].heard);
            party_says(http_up(&w, 0), OK_HELLO);
            said(&a, HELLO);
        } else {
            said_begins(&a, "400 ");
        }
        http_world_done(&w);
    }
}

static void too_many_fields(void **state)
{
    static struct adit_http1_field fields[20000];
    struct adit_http1_head head = simple("GET", "/");
    struct http_world w;
    struct asker a;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(fields); i++)
        fields[i] = (struct adit_http1_field){ "X-Name", "0123456789" };
    head.fields = fields;
    head.count = ADIT_LEN(fields);
    http_world_init(&w);
    http_world_start(&w);
    begin(&w, &a, &head);
    end(&a);
    said_begins(&a, "400 ");
    http_world_done(&w);
}

static void the_host_by_rule(void **state)
{
    struct adit_http1_field host[] = { { "Host", "client.example" } };
    struct adit_http1_head head = simple("GET", "/");

    (void)state;
    head.fields = host;
    head.count = 1;
    for (int keep = 0; keep < 2; keep++) {
        struct http_world w;
        struct asker a;

        http_world_init(&w);
        w.serve_conf.keep_host = keep;
        http_world_start(&w);
        begin(&w, &a, &head);
        party_hears(http_up(&w, 0), "GET / HTTP/1.1\r\nHost: ");
        party_hears(http_up(&w, 0), keep ? "client.example" : w.upstream_url + 7);
        party_hears(http_up(&w, 0), "\r\n\r\n");
        done(&a);
        http_world_done(&w);
    }
}

/* A body that is not what its head said never reaches the upstream as a whole request. */
static void a_body_as_long_as_it_was_to_be(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct adit_http1_head head = simple("POST", "/");
        struct http_world w;
        struct asker a;

        http_world_init(&w);
        http_world_start(&w);
        head.body = i < 2;
        head.length = 3;
        begin(&w, &a, &head);
        party_hears_up_to(http_up(&w, 0), "\r\n\r\n");
        if (i == 0) {
            body(&a, "ab");
            end(&a);
        } else {
            body(&a, i == 1 ? "abcGET / HTTP/1.1\r\n" : "x");
        }
        HTTP_UNTIL(&w, a.ended || a.failed);
        assert_true(a.failed || strncmp(adit_buf_str(&a.said), "400 ", 4) == 0);
        HTTP_UNTIL(&w, w.up[0].closed);
        assert_true(w.up[0].got.len - w.up[0].seen < 3);
        done(&a);
        http_world_done(&w);
    }
}

/* ---- connections ----------------------------------------------------------------------------- */

static void connections_are_used_again(void **state)
{
    struct http_world w;
    struct asker a[3];

    (void)state;
    http_world_init(&w);
    w.serve_conf.idle_max = 2;
    http_world_start(&w);
    for (int i = 0; i < 3; i++)
        ask(&w, &a[i], "GET", "/");
    HTTP_UNTIL(&w, w.ups == 3);
    for (unsigned i = 0; i < 3; i++) {
        hello(&w, i, "GET");
        said(&a[i], HELLO);
    }
    assert_int_equal(adit_http_serve_connections(w.serve), 2); /* the oldest had to go */
    HTTP_UNTIL(&w, w.up[0].eof);
    for (int i = 0; i < 5; i++) {
        ask(&w, &a[0], "GET", "/again");
        hello(&w, 2, "GET /again");
        said(&a[0], HELLO);
    }
    assert_int_equal(w.ups, 3);
    http_world_done(&w);
}

static void idle_connections_go(void **state)
{
    struct http_world w;
    struct asker a;

    (void)state;
    http_world_init(&w);
    w.serve_conf.keep_time = 20 * ADIT_MS;
    http_world_start(&w);
    ask(&w, &a, "GET", "/");
    hello(&w, 0, "GET");
    said(&a, HELLO);
    assert_int_equal(adit_http_serve_connections(w.serve), 1);
    HTTP_UNTIL(&w, w.up[0].eof);
    assert_int_equal(adit_http_serve_connections(w.serve), 0);
    ask(&w, &a, "GET", "/");
    hello(&w, 1, "GET");
    said(&a, HELLO);
    party_says(&w.up[1], "HTTP/1.1 408 Request Timeout\r\n\r\n"); /* nobody asked */
    HTTP_UNTIL(&w, w.up[1].eof || w.up[1].closed);
    assert_int_equal(adit_http_serve_connections(w.serve), 0);
    http_world_done(&w);
}

/* Which connections are not used again after a response. */
static void not_every_connection_is_used_again(void **state)
{
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        OK_HELLO "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged",
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(answers); i++) {
        struct http_world w;
        struct asker a;

        http_world_init(&w);
        http_world_start(&w);
        ask(&w, &a, "GET", "/");
        party_hears_up_to(http_up(&w, 0), "\r\n\r\n");
        party_says(http_up(&w, 0), answers[i]);
        HTTP_UNTIL(&w, a.ended);
        assert_string_equal(strstr(adit_buf_str(&a.said), "hello"), "hello");
        done(&a);
        ask(&w, &a, "GET", "/next");
        hello(&w, 1, "GET /next");
        said(&a, HELLO);
        http_world_done(&w);
    }
}

/* The upstream closes a kept connection at the moment it is used again. */
static void a_stale_connection(void **state)
{
    static const struct {
        const char *method;
        bool body, again;
    } rows[] = {
        { "GET", false, true },   { "HEAD", false, true },   { "DELETE", false, true },
        { "POST", false, false }, { "PATCH", false, false }, { "PUT", true, false },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++)
        for (int reset = 0; reset < 2; reset++) {
            struct adit_http1_head head = simple(rows[i].method, "/twice");
            struct http_world w;
            struct asker a;
            char line[64];

            http_world_init(&w);
            http_world_start(&w);
            ask(&w, &a, "GET", "/");
            hello(&w, 0, "GET");
            said(&a, HELLO);
            head.body = rows[i].body;
            head.length = 2;
            begin(&w, &a, &head);
            if (rows[i].body)
                body(&a, "ab");
            end(&a);
            party_hears_up_to(&w.up[0], "/twice");
            if (reset)
                party_aborts(&w.up[0]);
            else
                party_leaves(&w.up[0]);
            if (rows[i].again) {
                snprintf(line, sizeof line, "%s /twice HTTP/1.1\r\n", rows[i].method);
                party_hears(http_up(&w, 1), line);
                party_leaves(&w.up[1]); /* once, not for ever */
            }
            said_begins(&a, "502 Bad Gateway|");
            http_world_turn(&w, 3);
            assert_int_equal(w.ups, rows[i].again ? 2 : 1);
            http_world_done(&w);
        }
}

static void a_local_upstream(void **state)
{
    static const char *const rows[] = { "", ":/base" };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {

        char at[64], url[96];
        const char *where = at;
        const struct adit_listen_conf conf = { .at = &where, .count = 1 };
        struct adit_listen *local;
        struct http_world w;
        struct asker a;

        snprintf(at, sizeof at, "unix:@adit-test-http-%d", (int)getpid());
        snprintf(url, sizeof url, "%s%s", at, rows[i]);
        http_world_init(&w);
        w.serve_conf.upstream = url;
        assert_int_equal(adit_listen_open(&local, w.loop, &conf, &http_world_upstream, &w, NULL),
                         0);
        http_world_start(&w);
        ask(&w, &a, "GET", "/x");
        party_hears(http_up(&w, 0), i ? "GET /base/x HTTP/1.1\r\nHost: localhost\r\n"
                                      : "GET /x HTTP/1.1\r\nHost: localhost\r\n");
        party_says(http_up(&w, 0), OK_HELLO);
        said(&a, HELLO);
        adit_listen_free(local);
        http_world_done(&w);
    }
}

static void where_the_upstream_cannot_be(void **state)
{
    static const char *const rows[] = { "",       "localhost:80",    "ftp://a/",   "http://",
                                        "unix:",  "http://a/?query", "https://a/", "http://u@a/",
                                        "unix:@", "http://a:99999/" };
    struct adit_loop *loop = adit_loop_new();
    struct adit_cause cause;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        const struct adit_http_serve_conf conf = { .loop = loop, .upstream = rows[i] };

        cause.text[0] = '\0';
        assert_null(adit_http_serve_new(&conf, &cause));
        assert_true(cause.text[0] && strcmp(cause.text, "no memory") != 0);
    }
    adit_loop_free(loop);
}

/* ---- what goes wrong ------------------------------------------------------------------------- */

static void nobody_there(void **state)
{
    struct http_world w;
    struct asker a;

    (void)state;
    http_world_init(&w);
    http_world_start(&w);
    w.upstream = adit_listen_free(w.upstream);
    ask(&w, &a, "GET", "/");
    said_begins(&a, "502 Bad Gateway|Content-Type: text/plain; charset=utf-8|Content-Length: ");
    assert_int_equal(adit_http_serve_connections(w.serve), 0);
    http_world_done(&w);
}

/* Responses that could be read in two ways, or not at all. */
static void ambiguous_responses(void **state)
{
    static const char *const answers[] = {
        "nonsense\r\n\r\n",
        "HTTP/2 200 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX : a\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: \x01\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(answers); i++) {
        struct http_world w;
        struct asker a;

        http_world_init(&w);
        http_world_start(&w);
        ask(&w, &a, "GET", "/");
        party_says(http_up(&w, 0), answers[i]);
        said_begins(&a, "502 Bad Gateway|");
        HTTP_UNTIL(&w, w.up[0].closed);
        http_world_done(&w);
    }
}

static void interim_responses_without_end(void **state)
{
    struct http_world w;
    struct asker a;

    (void)state;
    http_world_init(&w);
    http_world_start(&w);
    ask(&w, &a, "GET", "/");
    for (int i = 0; i <= ADIT_HTTP_INTERIMS_MAX; i++)
        party_says(http_up(&w, 0), "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n");
    HTTP_UNTIL(&w, a.ended);
    assert_non_null(strstr(adit_buf_str(&a.said), "502 Bad Gateway|"));
    done(&a);
    http_world_done(&w);
}

static void it_breaks_off(void **state)
{
    struct http_world w;
    struct asker a;

    (void)state;
    http_world_init(&w);
    http_world_start(&w);
    ask(&w, &a, "GET", "/");
    party_says(http_up(&w, 0), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
    http_world_turn(&w, 3);
    party_leaves(&w.up[0]);
    failed_with(&a, "Bad Gateway: the upstream broke off its response");
    http_world_done(&w);
}

static void it_takes_too_long(void **state)
{
    struct http_world w;
    struct asker a;

    (void)state;
    http_world_init(&w);
    w.serve_conf.response_time = 20 * ADIT_MS;
    w.serve_conf.idle_time = 20 * ADIT_MS;
    http_world_start(&w);
    ask(&w, &a, "GET", "/");
    said_begins(&a, "504 Gateway Timeout|");
    ask(&w, &a, "GET", "/");
    party_says(http_up(&w, 1), "HTTP/1.1 200 OK\r\n\r\nhel");
    failed_with(&a, "Gateway Timeout: the upstream takes too long");
    http_world_done(&w);
}

static void too_many_at_a_time(void **state)
{
    struct http_world w;
    struct asker a[3];

    (void)state;
    http_world_init(&w);
    w.serve_conf.exchanges_max = 2;
    http_world_start(&w);
    for (int i = 0; i < 3; i++)
        ask(&w, &a[i], "GET", "/");
    said_begins(&a[2], "503 Service Unavailable|");
    hello(&w, 0, "GET");
    said(&a[0], HELLO);
    ask(&w, &a[2], "GET", "/");
    hello(&w, 0, "GET");
    said(&a[2], HELLO);
    done(&a[1]);
    http_world_done(&w);
}

/* ---- TLS ------------------------------------------------------------------------------------- */

static void a_verified_upstream(void **state)
{
    (void)state;
    for (int known = 0; known < 2; known++) {
        struct adit_tls_server_conf server_conf = { .name = "localhost" };
        struct adit_tls_client_conf client_conf = { 0 };
        struct adit_cause cause;
        const char *pin;
        struct http_world w;
        struct asker a;
        char url[64];

        http_world_init(&w);
        w.upstream_tls = adit_tls_server_new(&server_conf, &cause);
        assert_non_null(w.upstream_tls);
        pin = adit_tls_server_pin(w.upstream_tls);
        client_conf.pins = known ? &pin : NULL;
        client_conf.pin_count = known;
        w.serve_conf.tls = adit_tls_client_new(&client_conf, &cause);
        assert_non_null(w.serve_conf.tls);
        snprintf(url, sizeof url, "https://%.40s", w.upstream_url + 7);
        w.serve_conf.upstream = url;
        http_world_start(&w);
        ask(&w, &a, "GET", "/");
        if (known) {
            hello(&w, 0, "GET / HTTP/1.1\r\nHost: 127.0.0.1:");
            said(&a, HELLO);
        } else {
            said_begins(&a, "502 Bad Gateway|");
            assert_int_equal(w.up[0].got.len, 0);
        }
        http_world_done(&w);
        adit_tls_client_free(w.serve_conf.tls);
        adit_tls_server_free(w.upstream_tls);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prefixes),
        cmocka_unit_test(not_above_the_base),
        cmocka_unit_test(no_other_place),
        cmocka_unit_test(fields_of_a_stranger),
        cmocka_unit_test(too_many_fields),
        cmocka_unit_test(the_host_by_rule),
        cmocka_unit_test(a_body_as_long_as_it_was_to_be),
        cmocka_unit_test(connections_are_used_again),
        cmocka_unit_test(idle_connections_go),
        cmocka_unit_test(not_every_connection_is_used_again),
        cmocka_unit_test(a_stale_connection),
        cmocka_unit_test(a_local_upstream),
        cmocka_unit_test(where_the_upstream_cannot_be),
        cmocka_unit_test(nobody_there),
        cmocka_unit_test(ambiguous_responses),
        cmocka_unit_test(interim_responses_without_end),
        cmocka_unit_test(it_breaks_off),
        cmocka_unit_test(it_takes_too_long),
        cmocka_unit_test(too_many_at_a_time),
        cmocka_unit_test(a_verified_upstream),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
