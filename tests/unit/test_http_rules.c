/* What the HTTP proxy refuses: messages that two programs could read differently, requests that
 * were not allowed, and what goes beyond its limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "http_world.h"

#define GET(target) "GET " target " HTTP/1.1\r\nHost: local\r\n\r\n"
#define OK_HELLO    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define H           " HTTP/1.1\r\nHost: l\r\n"
#define TEXT        "Content-Type: text/plain; charset=utf-8\r\n"

/* ---- ambiguous messages ---------------------------------------------------------------------- */

static const struct {
    const char *name, *request;
    int status;
} smuggled[] = {
    { "TE and CL", "POST /" H "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
      400 },
    { "CL and TE", "POST /" H "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      400 },
    { "two CLs", "POST /" H "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400 },
    { "the same CL twice", "POST /" H "Content-Length: 1\r\nContent-Length: 1\r\n\r\na", 400 },
    { "CL in a list", "POST /" H "Content-Length: 1, 1\r\n\r\na", 400 },
    { "CL with a sign", "POST /" H "Content-Length: +1\r\n\r\na", 400 },
    { "negative CL", "POST /" H "Content-Length: -1\r\n\r\na", 400 },
    { "CL in hex", "POST /" H "Content-Length: 0x1\r\n\r\na", 400 },
    { "CL beyond 64 bits", "POST /" H "Content-Length: 99999999999999999999\r\n\r\na", 400 },
    { "empty CL", "POST /" H "Content-Length: \r\n\r\na", 400 },
    { "TE twice", "POST /" H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
      501 },
    { "TE identity", "POST /" H "Transfer-Encoding: identity\r\n\r\n", 501 },
    { "TE xchunked", "POST /" H "Transfer-Encoding: xchunked\r\n\r\n", 501 },
    { "TE chunked, identity", "POST /" H "Transfer-Encoding: chunked, identity\r\n\r\n", 501 },
    { "TE gzip, chunked", "POST /" H "Transfer-Encoding: gzip, chunked\r\n\r\n", 501 },
    { "TE with a quote", "POST /" H "Transfer-Encoding: \"chunked\"\r\n\r\n", 501 },
    { "TE with a vertical tab",
      "POST /" H "Transfer-Encoding:\x0b"
      "chunked\r\n\r\n",
      400 },
    { "TE and a blank before its colon", "POST /" H "Transfer-Encoding : chunked\r\n\r\n", 400 },
    { "TE in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400 },
    { "folded line", "GET /" H "X: a\r\n b\r\n\r\n", 400 },
    { "folded first line", "GET / HTTP/1.1\r\n Host: l\r\n\r\n", 400 },
    { "blank in a name", "GET /" H "X Y: a\r\n\r\n", 400 },
    { "no name", "GET /" H ": a\r\n\r\n", 400 },
    { "no colon", "GET /" H "Xa\r\n\r\n", 400 },
    { "bare LF", "GET / HTTP/1.1\nHost: l\n\n", 400 },
    { "bare LF in the head", "GET /" H "X: a\n\r\n", 400 },
    { "bare CR in a value", "GET /" H "X: a\rb\r\n\r\n", 400 },
    { "bare CR before a line", "GET /" H "\rX: a\r\n\r\n", 400 },
    { "control character", "GET /" H "X: a\x01\r\n\r\n", 400 },
    { "Host twice", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400 },
    { "no Host", "GET / HTTP/1.1\r\n\r\n", 400 },
    { "Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400 },
    { "Host with a user", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400 },
    { "Host with a blank", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400 },
    { "another place", "GET http://other/ HTTP/1.1\r\nHost: l\r\n\r\n", 400 },
    { "another place that begins alike", "GET http://l.other/ HTTP/1.1\r\nHost: l\r\n\r\n", 400 },
    { "another port", "GET http://l:81/ HTTP/1.1\r\nHost: l\r\n\r\n", 400 },
    { "another scheme", "GET https://l/ HTTP/1.1\r\nHost: l\r\n\r\n", 400 },
    { "a user", "GET http://me@l/ HTTP/1.1\r\nHost: l\r\n\r\n", 400 },
    { "no slash", "GET x" H "\r\n", 400 },
    { "a star", "GET *" H "\r\n", 400 },
    { "blanks in the target", "GET /a b" H "\r\n", 400 },
    { "two blanks", "GET  /" H "\r\n", 400 },
    { "a fragment", "GET /a#b" H "\r\n", 400 },
    { "CONNECT", "CONNECT l:22 HTTP/1.1\r\nHost: l:22\r\n\r\n", 405 },
    { "a method that is none", "G@T /" H "\r\n", 400 },
    { "HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505 },
    { "HTTP/1.2", "GET / HTTP/1.2\r\nHost: l\r\n\r\n", 505 },
    { "HTTP/0.9", "GET /\r\n", 400 },
    { "TLS", "\x16\x03\x01\x02", 400 },
};

static int status_of(struct party *p)
{
    int status = -1;

    (void)!sscanf(adit_buf_str(&p->got), "HTTP/1.1 %d ", &status);
    return status;
}

static void what_is_ambiguous_goes_nowhere(void **state)
{
    struct http_world w;

    (void)state;
    http_world_init(&w);
    http_world_start(&w);
    for (size_t i = 0; i < ADIT_LEN(smuggled); i++) {
        struct party *c = http_client(&w, 0);

        /* The second request must not be seen by anybody. */
        party_says(c, smuggled[i].request);
        HTTP_UNTIL(&w, strstr(adit_buf_str(&c->got), "\r\n\r\n") || c->closed);
        if (status_of(c) != smuggled[i].status)
            fail_msg("%s: %s", smuggled[i].name, adit_buf_str(&c->got));
        c->seen = c->got.len;
        if (smuggled[i].status != 405)
            HTTP_UNTIL(&w, c->eof || c->closed);
        party_leaves(c);
        assert_int_equal(w.direct.begun, 0);
    }
    http_world_done(&w);
}

/* Bodies whose framing breaks: the client hears 400, the upstream never a whole request. */
static void a_body_that_makes_no_sense(void **state)
{
    static const char *const bodies[] = {
        "x\r\n",
        "-1\r\n",
        "3\r\nabcd\r\n",
        "3\r\nabc0\r\n\r\n",
        "3\nabc\r\n",
        "3 \r\nabc",
        "0x3\r\nabc\r\n",
        "3\r\nabc\n",
        "fffffffffffffffff\r\n",
        "3;\x01\r\n",
        "0\r\nA: b\n\r\n",
        "0\r\n A: b\r\n\r\n",
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(bodies); i++) {
        struct http_world w;
        struct party *c, *u;

        http_world_init(&w);
        http_world_start(&w);
        c = http_client(&w, 0);
        party_says(c, "POST /" H "Transfer-Encoding: chunked\r\n\r\n");
        u = http_up(&w, 0);
        party_hears_up_to(u, "\r\n\r\n");
        party_says(c, bodies[i]);
        party_hears(c, "HTTP/1.1 400 Bad Request\r\n" TEXT
                       "Content-Length: 19\r\nConnection: close\r\n\r\nFailed to read body");
        party_sees_end(c);
        HTTP_UNTIL(&w, u->closed);
        assert_null(strstr(adit_buf_str(&u->got), "0\r\n\r\n"));
        http_world_done(&w);
    }
}

/* ---- rules ----------------------------------------------------------------------------------- */

/* Asks, and answers if it comes through. The status that the client sees. */
static int status_for(struct http_world *w, const char *request)
{
    struct party *c = http_client(w, 0);
    unsigned begun = w->direct.begun;
    int status;

    party_says(c, request);
    HTTP_UNTIL(w, w->direct.begun > begun || status_of(c) > 0);
    if (w->direct.begun > begun) {
        HTTP_UNTIL(w, w->ups > 0);
        struct party *u = &w->up[w->ups - 1];
        party_hears_up_to(u, "\r\n\r\n");
        party_says(u, OK_HELLO);
        HTTP_UNTIL(w, status_of(c) > 0);
    }
    status = status_of(c);
    party_leaves(c);
    http_world_turn(w, 3);
    return status;
}

static void only_what_was_opened(void **state)
{
    static const char *const allow[] = { "/v1", "/files/" };
    static const struct {
        const char *request;
        int status;
    } rows[] = {
        { GET("/v1"), 200 },
        { GET("/v1/"), 200 },
        { GET("/v1?x"), 200 },
        { GET("/%76%31/x"), 200 },
        { GET("/v1/a;b"), 200 },
        { GET("/v12"), 403 },
        { GET("/V1"), 403 },
        { GET("/"), 403 },
        { GET("/files"), 403 },
        { GET("/files/x"), 200 },
        { GET("/v1/../admin"), 403 },
        { GET("/v1/%2e%2e/admin"), 403 },
        { GET("/v1/..%2fadmin"), 403 },
        { GET("/v1/%2e%2e%2fadmin"), 403 },
        { GET("/v1/..;/admin"), 403 },
        { GET("/v1/..\\admin"), 403 },
        { GET("/v1/%5c..%5cadmin"), 403 },
        { GET("/v1/%zz"), 403 },
        { GET("/v1%00"), 403 },
        { GET("//v1"), 403 },
        { "GET http://local/admin HTTP/1.1\r\nHost: local\r\n\r\n", 403 },
        { "OPTIONS * HTTP/1.1\r\nHost: local\r\n\r\n", 403 },
    };
    struct http_world w;

    (void)state;
    http_world_init(&w);
    w.proxy_conf.allow = allow;
    w.proxy_conf.allow_count = ADIT_LEN(allow);
    http_world_start(&w);
    for (size_t i = 0; i < ADIT_LEN(rows); i++)
        if (status_for(&w, rows[i].request) != rows[i].status)
            fail_msg("%s", rows[i].request);
    http_world_done(&w);
}

static void only_reading(void **state)
{
    struct http_world w;

    (void)state;
    http_world_init(&w);
    w.proxy_conf.readonly = true;
    http_world_start(&w);
    assert_int_equal(status_for(&w, GET("/")), 200);
    assert_int_equal(status_for(&w, "HEAD /" H "\r\n"), 200);
    assert_int_equal(status_for(&w, "OPTIONS /" H "\r\n"), 200);
    assert_int_equal(status_for(&w, "POST /" H "\r\n"), 405);
    assert_int_equal(status_for(&w, "DELETE /" H "\r\n"), 405);
    assert_int_equal(status_for(&w, "PROPFIND /" H "\r\n"), 405);
    assert_int_equal(status_for(&w, "GET /" H "Connection: Upgrade\r\nUpgrade: x\r\n\r\n"), 405);
    http_world_done(&w);
}

static void only_who_knows_the_password(void **state)
{
    static const struct {
        const char *line;
        int status;
    } rows[] = {
        { "", 401 },
        { "Authorization: Basic bWU6cHc=\r\n", 200 },
        { "authorization: basic bWU6cHc=\r\n", 200 },
        { "Authorization: Basic bWU6cHcx\r\n", 401 },
        { "Authorization: Basic bWU6\r\n", 401 },
        { "Authorization: Basic BWU6CHC=\r\n", 401 },
        { "Authorization: Bearer bWU6cHc=\r\n", 401 },
        { "Authorization: Basic bWU6cHc=\r\nAuthorization: Basic bWU6cHc=\r\n", 401 },
    };
    struct http_world w;
    char request[256];

    (void)state;
    http_world_init(&w);
    w.proxy_conf.basic_auth = "me:pw";
    http_world_start(&w);
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        snprintf(request, sizeof request, "GET /" H "%s\r\n", rows[i].line);
        if (status_for(&w, request) != rows[i].status)
            fail_msg("%s", request);
    }
    for (unsigned i = 0; i < w.ups; i++) /* it is nobody else's business */
        assert_null(strstr(adit_buf_str(&w.up[i].got), "bWU6"));
    http_world_done(&w);
}

static void who_called(void **state)
{
    static const struct {
        enum adit_http_forwarded proxy, serve;
        const char *heard;
    } rows[] = {
        { ADIT_HTTP_FORWARDED_STRIP, ADIT_HTTP_FORWARDED_PASS, "" },
        { ADIT_HTTP_FORWARDED_ADD, ADIT_HTTP_FORWARDED_STRIP, "" },
        { ADIT_HTTP_FORWARDED_ADD, ADIT_HTTP_FORWARDED_PASS,
          "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: l\r\n" },
        { ADIT_HTTP_FORWARDED_PASS, ADIT_HTTP_FORWARDED_PASS, "X-Forwarded-For: 6.6.6.6\r\n" },
        { ADIT_HTTP_FORWARDED_PASS, ADIT_HTTP_FORWARDED_ADD,
          "X-Forwarded-For: peer\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: l\r\n" },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct http_world w;
        struct party *u;

        http_world_init(&w);
        w.proxy_conf.forwarded = rows[i].proxy;
        w.serve_conf.forwarded = rows[i].serve;
        w.serve_conf.forwarded_for = "peer";
        http_world_start(&w);
        party_says(http_client(&w, 0), "GET /" H "X-Forwarded-For: 6.6.6.6\r\n\r\n");
        u = http_up(&w, 0);
        party_hears_up_to(u, "Host: ");
        party_hears_up_to(u, "\r\n");
        party_hears(u, rows[i].heard);
        party_hears(u, "\r\n");
        http_world_done(&w);
    }
}

/* ---- limits ---------------------------------------------------------------------------------- */

static void a_head_at_its_limit(void **state)
{
    struct http_world w;
    char request[600];

    (void)state;
    http_world_init(&w);
    w.proxy_conf.head_max = 256;
    http_world_start(&w);
    for (int i = 0; i < 2; i++) {
        int n = snprintf(request, sizeof request, "GET /" H "X: ");
        int fill = 256 + i - n - 4;

        snprintf(request + n, sizeof request - (size_t)n, "%0*d\r\n\r\n", fill, 0);
        assert_int_equal(strlen(request), 256 + i);
        assert_int_equal(status_for(&w, request), i ? 431 : 200);
    }
    http_world_done(&w);
}

static void connections_at_their_limit(void **state)
{
    struct http_world w;
    struct party *third;

    (void)state;
    http_world_init(&w);
    w.proxy_conf.connections_max = 2;
    http_world_start(&w);
    party_says(http_client(&w, 0), GET("/1"));
    party_says(http_client(&w, 1), GET("/2"));
    HTTP_UNTIL(&w, w.ups == 2);
    third = http_client(&w, 2); /* waits in the kernel's queue */
    party_says(third, GET("/3"));
    http_world_turn(&w, 10);
    assert_int_equal(adit_http_proxy_connections(w.proxy), 2);
    assert_int_equal(w.ups, 2);
    party_says(&w.up[0], OK_HELLO);
    party_hears(&w.client[0], OK_HELLO);
    party_leaves(&w.client[0]);
    party_hears_up_to(&w.up[0], "GET /3 HTTP/1.1\r\n"); /* on the connection that is idle now */
    party_says(&w.up[0], OK_HELLO);
    party_hears(third, OK_HELLO);
    http_world_done(&w);
}

static void nobody_waits_for_ever(void **state)
{
    struct http_world w;
    struct party *c, *u;

    (void)state;
    http_world_init(&w);
    w.proxy_conf.head_time = 20 * ADIT_MS;
    w.proxy_conf.response_time = 40 * ADIT_MS;
    w.proxy_conf.idle_time = 60 * ADIT_MS;
    http_world_start(&w);
    c = http_client(&w, 0); /* says nothing */
    party_sees_end(c);
    c = http_client(&w, 0); /* or not all */
    party_says(c, "GET / HTT");
    party_hears(c, "HTTP/1.1 408 Request Timeout\r\n" TEXT
                   "Content-Length: 24\r\nConnection: close\r\n\r\nNo whole request in time");
    party_sees_end(c);
    c = http_client(&w, 0); /* an upstream that says nothing */
    party_says(c, GET("/"));
    u = http_up(&w, 0);
    party_hears(c, "HTTP/1.1 504 Gateway Timeout\r\n" TEXT
                   "Content-Length: 23\r\n\r\nTunnel response timeout");
    HTTP_UNTIL(&w, u->closed);
    party_leaves(u);
    party_says(c, GET("/")); /* the connection is as good as new */
    u = http_up(&w, 1);
    party_says(u, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n1"); /* or not all */
    party_sees_reset(c);
    HTTP_UNTIL(&w, u->closed);
    party_leaves(u);
    c = http_client(&w, 0);
    party_says(c, GET("/"));
    u = http_up(&w, 2);
    party_says(u, OK_HELLO);
    party_hears(c, OK_HELLO);
    party_sees_end(c); /* no further request */
    http_world_done(&w);
}

static void an_exchange_has_its_time(void **state)
{
    struct http_world w;
    struct party *c, *u;

    (void)state;
    http_world_init(&w);
    w.proxy_conf.total_time = 50 * ADIT_MS;
    http_world_start(&w);
    c = http_client(&w, 0);
    party_says(c, GET("/"));
    u = http_up(&w, 0);
    party_says(u, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    while (!c->closed) { /* busy all the time */
        (void)!adit_stream_send(u->stream, ".", 1);
        http_world_wait(&w);
    }
    assert_true(c->reset);
    http_world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_ambiguous_goes_nowhere),
        cmocka_unit_test(a_body_that_makes_no_sense),
        cmocka_unit_test(only_what_was_opened),
        cmocka_unit_test(only_reading),
        cmocka_unit_test(only_who_knows_the_password),
        cmocka_unit_test(who_called),
        cmocka_unit_test(a_head_at_its_limit),
        cmocka_unit_test(connections_at_their_limit),
        cmocka_unit_test(nobody_waits_for_ever),
        cmocka_unit_test(an_exchange_has_its_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
