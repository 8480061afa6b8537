/* HTTP through a tunnel when something breaks: the tunnel, the client, the upstream, memory; at any
 * moment. Nothing stays behind, and no body that broke off looks whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "http_world.h"

#define GET(target) "GET " target " HTTP/1.1\r\nHost: local\r\n\r\n"
#define OK_HELLO    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define TEXT        "Content-Type: text/plain; charset=utf-8\r\n"

static void is_quiet(struct http_world *w)
{
    http_world_turn(w, 3);
    assert_int_equal(adit_http_proxy_exchanges(w->proxy), 0);
    assert_int_equal(adit_http_serve_exchanges(w->serve), 0);
    assert_int_equal(w->direct.open, 0);
}

static struct party *ask(struct http_world *w, struct party *c, const char *request)
{
    unsigned ups = w->ups;

    party_says(c, request);
    HTTP_UNTIL(w, w->ups > ups);
    party_hears_up_to(http_up(w, ups), "\r\n\r\n");
    return http_up(w, ups);
}

/* ---- the tunnel ------------------------------------------------------------------------------ */

static void not_ready(void **state)
{
    struct http_world w;
    struct party *c;
    adit_time now;

    (void)state;
    http_world_init(&w);
    w.proxy_conf.retry_after = 3 * ADIT_SEC;
    http_world_start(&w);
    now = adit_loop_now(w.loop);
    adit_http_proxy_detach(w.proxy, now);
    adit_http_proxy_detach(w.proxy, now);
    c = http_client(&w, 0);
    for (int i = 0; i < 2; i++) { /* and the connection goes on */
        party_says(c, GET("/"));
        party_hears(c, "HTTP/1.1 503 Service Unavailable\r\n" TEXT
                       "Content-Length: 16\r\nRetry-After: 3\r\n\r\nTunnel not ready");
    }
    party_says(c, GET("/1") GET("/2") "HEAD / HTTP/1.1\r\nHost: l\r\n\r\n");
    party_hears_up_to(c, "Tunnel not ready");
    party_hears_up_to(c, "Tunnel not ready");
    party_hears_up_to(c, "Retry-After: 3\r\n\r\n");
    adit_http_proxy_attach(w.proxy, &w.direct.consumer);
    party_says(ask(&w, c, GET("/")), OK_HELLO);
    party_hears(c, OK_HELLO);
    adit_http_proxy_detach(w.proxy, now);
    party_says(c, "POST / HTTP/1.1\r\nHost: l\r\nContent-Length: 5\r\n\r\nab");
    party_hears(c, "HTTP/1.1 503 Service Unavailable\r\n" TEXT
                   "Content-Length: 16\r\nRetry-After: 3\r\nConnection: close\r\n\r\n"
                   "Tunnel not ready");
    party_sees_end(c);
    is_quiet(&w);
    http_world_done(&w);
}

static void what_the_carrier_cannot(void **state)
{
    static const struct {
        int err;
        const char *status, *text;
    } rows[] = {
        { -EAGAIN, "503", "Tunnel not ready" },
        { -ENOMEM, "503", "Tunnel not ready" },
        { -EPIPE, "502", "Tunnel send failed" },
        { -EINVAL, "501", "The tunnel cannot carry this request" },
    };
    struct http_world w;
    struct party *c;

    (void)state;
    http_world_init(&w);
    http_world_start(&w);
    c = http_client(&w, 0);
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        w.direct.begin_err = rows[i].err;
        party_says(c, GET("/"));
        party_hears(c, "HTTP/1.1 ");
        party_hears(c, rows[i].status);
        party_hears_up_to(c, "\r\n\r\n");
        party_hears(c, rows[i].text);
    }
    w.direct.body_err = -EPIPE;
    party_says(c, "POST / HTTP/1.1\r\nHost: l\r\nContent-Length: 5\r\n\r\nab");
    party_hears(c, "HTTP/1.1 502 Bad Gateway\r\n" TEXT
                   "Content-Length: 18\r\nConnection: close\r\n\r\nTunnel send failed");
    party_sees_end(c);
    is_quiet(&w);
    http_world_done(&w);
}

static void the_tunnel_ends(void **state)
{
    (void)state;
    for (int stage = 0; stage < 5; stage++)
        for (int how = 0; how < 2; how++) {
            struct http_world w;
            struct party *c, *u;

            http_world_init(&w);
            http_world_start(&w);
            c = http_client(&w, 0);
            u = ask(&w, c,
                    stage == 1   ? "POST / HTTP/1.1\r\nHost: l\r\nContent-Length: 5\r\n\r\nab"
                    : stage == 3 ? "GET / HTTP/1.0\r\n\r\n"
                    : stage == 4 ? "GET / HTTP/1.1\r\nHost: l\r\nUpgrade: a\r\n"
                                   "Connection: Upgrade\r\n\r\n"
                                 : GET("/"));
            if (stage == 2 || stage == 3) {
                party_says(u, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n");
                party_hears_up_to(c, "hi");
            } else if (stage == 4) {
                party_says(u, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: a\r\n"
                              "Connection: Upgrade\r\n\r\n");
                party_hears_up_to(c, "\r\n\r\n");
            }
            if (how == 0)
                direct_lose(&w.direct, adit_loop_now(w.loop));
            adit_http_proxy_detach(w.proxy, adit_loop_now(w.loop));
            if (stage < 2) {
                party_hears(c, "HTTP/1.1 502 Bad Gateway\r\n" TEXT "Content-Length: ");
                party_hears_up_to(c, how ? "\r\n\r\nTunnel error: the tunnel has ended"
                                         : "\r\n\r\nTunnel error: the tunnel ended");
            } else {
                party_sees_reset(c);
            }
            HTTP_UNTIL(&w, u->closed || u->eof); /* cancelled there, too */
            is_quiet(&w);
            http_world_done(&w);
        }
}

/* ---- the upstream ---------------------------------------------------------------------------- */

/* What it says before it breaks off, and whether the client's connection must be broken too. */
static void no_short_body_looks_whole(void **state)
{
    static const struct {
        const char *says;
        bool broken;
    } rows[] = {
        { "", false },
        { "HTTP/1.1 200", false },
        { "HTTP/1.1 200 OK\r\nContent-Le", false },
        { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true },
        { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", true },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", true },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi", true },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", true },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n", true },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\nx", true },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++)
        for (int how = 0; how < 4; how++) { /* HTTP/1.1 or 1.0; ends or resets */
            struct http_world w;
            struct party *c, *u;

            http_world_init(&w);
            http_world_start(&w);
            c = http_client(&w, 0);
            u = ask(&w, c, how & 1 ? "GET / HTTP/1.0\r\nHost: l\r\n\r\n" : GET("/"));
            party_says(u, rows[i].says);
            http_world_turn(&w, 3);
            if (how & 2)
                party_aborts(u);
            else
                party_leaves(u);
            if (rows[i].broken) {
                party_sees_reset(c);
            } else {
                party_hears(c, "HTTP/1.1 502 Bad Gateway\r\n" TEXT);
                party_hears_up_to(c, "Bad Gateway: ");
            }
            is_quiet(&w);
            http_world_done(&w);
        }
}

/* ---- the client ------------------------------------------------------------------------------ */

static const char *const stages[] = {
    "GET / HTTP/1.1\r\nHost: l\r\nX: 1\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: l\r\nContent-Length: 3\r\n\r\nabc",
    "POST / HTTP/1.1\r\nHost: l\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: l\r\nConnection: Upgrade\r\nUpgrade: a\r\n\r\nraw bytes",
};
static const char *const answers[] = {
    OK_HELLO,
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nA: b\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nuntil the end",
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: a\r\n\r\nraw bytes",
};

static void part(struct party *p, const char *text, size_t n)
{
    if (n)
        assert_int_equal(adit_stream_send(p->stream, text, n), 0);
    http_world_turn(p->world, 2);
}

static void settle(struct http_world *w)
{
    /* Everything that was in the air lands: a few reads at most. */
    for (int i = 0; i < 200 && (w->direct.open || adit_http_proxy_connections(w->proxy)); i++) {
        w->news = 1;
        http_world_turn(w, 1);
    }
}

static void the_client_leaves_anywhere(void **state)
{
    struct http_world w;

    (void)state;
    http_world_init(&w);
    http_world_start(&w);
    for (size_t i = 0; i < ADIT_LEN(stages); i++)
        for (size_t n = 0; n <= strlen(stages[i]); n++) {
            struct party *c = http_client(&w, 0);

            HTTP_UNTIL(&w, adit_stream_is_connected(c->stream));
            part(c, stages[i], n);
            party_aborts(c);
            HTTP_UNTIL(&w, (http_world_turn(&w, 1), w.news = 1, !w.direct.open) &&
                               !adit_http_proxy_connections(w.proxy));
            for (int u = 0; u < HTTP_PARTIES; u++)
                party_leaves(&w.up[u]);
        }
    is_quiet(&w);
    http_world_done(&w);
}

static void the_upstream_leaves_anywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < ADIT_LEN(answers); i++) {
        struct http_world w;

        http_world_init(&w);
        http_world_start(&w);
        for (size_t n = 0; n <= strlen(answers[i]); n++)
            for (int reset = 0; reset < 2; reset++) {
                struct party *c = http_client(&w, 0), *u;
                unsigned ups = w.ups;

                party_says(c, stages[i]);
                HTTP_UNTIL(&w, w.ups > ups);
                u = &w.up[ups % HTTP_PARTIES];
                part(u, answers[i], n);
                if (reset)
                    party_aborts(u);
                else
                    party_leaves(u);
                HTTP_UNTIL(&w, c->got.len || c->closed || c->eof);
                party_leaves(c);
                HTTP_UNTIL(&w, (http_world_turn(&w, 1), w.news = 1, !w.direct.open));
                settle(&w);
                assert_int_equal(adit_http_serve_connections(w.serve), 0);
            }
        is_quiet(&w);
        http_world_done(&w);
    }
}

/* Who waits and gives up is noticed: the upstream need not work on. */
static void waiting_is_cancelled(void **state)
{
    struct http_world w;
    struct party *c, *u;

    (void)state;
    http_world_init(&w);
    http_world_start(&w);
    c = http_client(&w, 0);
    u = ask(&w, c, GET("/"));
    party_aborts(c);
    HTTP_UNTIL(&w, u->closed || u->eof);
    is_quiet(&w);
    http_world_done(&w);
}

/* Freed in the middle of everything, also from inside. */
static void freed_at_any_time(void **state)
{
    (void)state;
    for (int n = 0; n < 40; n++)
        for (int which = 0; which < 2; which++) {
            struct http_world w;
            struct party *c;

            http_world_init(&w);
            http_world_start(&w);
            c = http_client(&w, 0);
            party_says(c, stages[n % 4]);
            for (int i = 0; i < n / 4; i++) {
                http_world_turn(&w, 1);
                if (w.ups && !w.up[0].seen && w.up[0].got.len) {
                    party_says(&w.up[0], answers[n % 4]);
                    w.up[0].seen = w.up[0].got.len;
                }
            }
            if (which)
                w.serve = adit_http_serve_free(w.serve);
            else
                w.proxy = adit_http_proxy_free(w.proxy);
            http_world_turn(&w, 3);
            http_world_done(&w);
        }
}

/* ---- memory ---------------------------------------------------------------------------------- */

/* Allocation n fails, and no other: a request is answered, refused or broken off, and the next one
 * is answered. */
static void no_memory(void **state)
{
    for (uint64_t n = 0; n < 120; n++) {
        struct http_world w;
        struct party *c, *u;

        (void)state;
        http_world_init(&w);
        http_world_start(&w);

        c = http_client(&w, 0);
        HTTP_UNTIL(&w, adit_stream_is_connected(c->stream));
        adit_alloc_fail_once(n);
        party_says_torn(c, stages[2]);
        for (int i = 0; i < 10; i++)
            http_world_turn(&w, 1);
        u = &w.up[0];
        if (w.ups && !u->closed && u->stream)
            party_says_torn(u, answers[1]);
        for (int i = 0; i < 10; i++)
            http_world_turn(&w, 1);
        adit_alloc_fail_once(UINT64_MAX);
        u->got.err = 0; /* it may have been the upstream's own */
        party_aborts(c);
        HTTP_UNTIL(&w, (http_world_turn(&w, 1), w.news = 1, !w.direct.open));
        c = http_client(&w, 1);
        unsigned ups = w.ups;
        party_says(c, GET("/again"));
        HTTP_UNTIL(&w, w.ups > ups || strstr(adit_buf_str(&u->got), "/again"));
        u = w.ups > ups ? &w.up[ups] : u;
        party_says(u, OK_HELLO);
        party_hears(c, OK_HELLO);
        http_world_done(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(not_ready),
        cmocka_unit_test(what_the_carrier_cannot),
        cmocka_unit_test(the_tunnel_ends),
        cmocka_unit_test(no_short_body_looks_whole),
        cmocka_unit_test(the_client_leaves_anywhere),
        cmocka_unit_test(the_upstream_leaves_anywhere),
        cmocka_unit_test(waiting_is_cancelled),
        cmocka_unit_test(freed_at_any_time),
        cmocka_unit_test(no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
