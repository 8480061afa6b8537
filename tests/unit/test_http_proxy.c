/* The HTTP proxy with the provider behind it: what clients and upstreams say to each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "http_world.h"

#define GET(target) "GET " target " HTTP/1.1\r\nHost: local\r\n\r\n"
#define OK_HELLO    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

/* Nothing is on its way at either end. */
static void is_quiet(struct http_world *w)
{
    http_world_turn(w, 3);
    assert_int_equal(adit_http_proxy_exchanges(w->proxy), 0);
    assert_int_equal(adit_http_serve_exchanges(w->serve), 0);
    assert_int_equal(w->direct.open, 0);
}

/* A client asks, the upstream hears it. */
static struct party *ask(struct http_world *w, struct party *c, const char *request)
{
    unsigned ups = w->ups;

    party_says(c, request);
    HTTP_UNTIL(w, w->ups > ups);
    party_hears_up_to(http_up(w, ups), "\r\n\r\n");
    return http_up(w, ups);
}

/* ---- requests and responses ------------------------------------------------------------------ */

static void a_request_and_its_response(void **state)
{
    struct http_world w;
    struct party *c, *u;

    (void)state;
    http_world_init(&w);
    http_world_start(&w);
    c = http_client(&w, 0);
    party_says(c, GET("/v1?x=%2e%2e"));
    u = http_up(&w, 0);
    party_hears(u, "GET /v1?x=%2e%2e HTTP/1.1\r\nHost: ");
    party_hears(u, w.upstream_url + 7);
    party_hears(u, "\r\n\r\n");
    party_says(u, "HTTP/1.1 200 Fine\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 5\r\n\r\nhello");
    party_hears(c, "HTTP/1.1 200 Fine\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 5\r\n\r\nhello");
    /* Both connections are used again. */
    party_says(c, GET("/two"));
    party_hears_up_to(u, "GET /two HTTP/1.1\r\n");
    party_says(u, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    party_hears(c, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(w.ups, 1);
    is_quiet(&w);
    http_world_done(&w);
}

/* What the client asks, what the upstream hears after its Host, what it answers, what the client
 * hears. */
static const struct {
    const char *name, *request, *heard, *answer, *told;
    bool ends; /* the client's connection, after it */
    bool up_ends;
} dialogues[] = {
    { .name = "HEAD has a length and no body",
      .request = "HEAD / HTTP/1.1\r\nHost: l\r\n\r\n",
      .heard = "HEAD / HTTP/1.1\r\nHost: U\r\n\r\n",
      .answer = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n",
      .told = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" },
    { .name = "204",
      .request = GET("/"),
      .heard = "GET / HTTP/1.1\r\nHost: U\r\n\r\n",
      .answer = "HTTP/1.1 204 No Content\r\n\r\n",
      .told = "HTTP/1.1 204 No Content\r\n\r\n" },
    { .name = "304 with the length of what it stands for",
      .request = GET("/"),
      .heard = "GET / HTTP/1.1\r\nHost: U\r\n\r\n",
      .answer = "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 7\r\n\r\n",
      .told = "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 7\r\n\r\n" },
    { .name = "chunks, with trailers in both directions",
      .request = "POST /up HTTP/1.1\r\nHost: l\r\nTE: trailers, gzip\r\nTransfer-Encoding: chunked"
                 "\r\n\r\n3;x=y\r\nabc\r\n0\r\nX-Sum: 1\r\nContent-Length: 4\r\n\r\n",
      .heard = "POST /up HTTP/1.1\r\nHost: U\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n"
               "Connection: TE\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n",
      .answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n"
                "2\r\nhi\r\n0\r\nX-T: 2\r\nHost: evil\r\n\r\n",
      .told = "HTTP/1.1 200 OK\r\nTrailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\n"
              "2\r\nhi\r\n0\r\nX-T: 2\r\n\r\n" },
    { .name = "a body with its length",
      .request = "PUT /f HTTP/1.1\r\nHost: l\r\nContent-Length: 3\r\n\r\nabc",
      .heard = "PUT /f HTTP/1.1\r\nHost: U\r\nContent-Length: 3\r\n\r\nabc",
      .answer = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
      .told = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n" },
    { .name = "POST without a body says so",
      .request = "POST /f HTTP/1.1\r\nHost: l\r\n\r\n",
      .heard = "POST /f HTTP/1.1\r\nHost: U\r\nContent-Length: 0\r\n\r\n",
      .answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
      .told = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" },
    { .name = "a body until the connection ends becomes chunks",
      .request = GET("/"),
      .heard = "GET / HTTP/1.1\r\nHost: U\r\n\r\n",
      .answer = "HTTP/1.0 200 OK\r\n\r\nall of it",
      .told = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nall of it\r\n0\r\n\r\n",
      .up_ends = true },
    { .name = "HTTP/1.0 knows no chunks",
      .request = "GET / HTTP/1.0\r\n\r\n",
      .heard = "GET / HTTP/1.1\r\nHost: U\r\n\r\n",
      .answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
      .told = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhi",
      .ends = true },
    { .name = "HTTP/1.0 that wants to stay",
      .request = "GET / HTTP/1.0\r\nConnection: keep-alive\r\nHost: l\r\n\r\n",
      .heard = "GET / HTTP/1.1\r\nHost: U\r\n\r\n",
      .answer = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1",
      .told = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n1" },
    { .name = "interim responses pass, but for 100",
      .request = GET("/"),
      .heard = "GET / HTTP/1.1\r\nHost: U\r\n\r\n",
      .answer = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n"
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1",
      .told = "HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n"
              "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1" },
    { .name = "what belongs to a connection stays there, in both directions",
      .request = "GET / HTTP/1.1\r\nHost: l\r\nConnection: keep-alive, X-Hop, Host\r\nX-Hop: 1\r\n"
                 "Keep-Alive: 5\r\nProxy-Authorization: x\r\nProxy-Connection: y\r\nTE: gzip\r\n"
                 "Upgrade: websocket\r\nX-Forwarded-For: 1.2.3.4\r\nX_Forwarded_Host: e\r\n"
                 "Forwarded: for=e\r\nX-Real-IP: 1\r\nCookie: a\r\nCookie: b\r\n\r\n",
      .heard = "GET / HTTP/1.1\r\nHost: U\r\nCookie: a\r\nCookie: b\r\n\r\n",
      .answer = "HTTP/1.1 200 OK\r\nConnection: X-Gone\r\nX-Gone: 1\r\nKeep-Alive: timeout=5\r\n"
                "Upgrade: h2c\r\nProxy-Authenticate: x\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n"
                "Content-Length: 0\r\n\r\n",
      .told = "HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 0\r\n\r\n" },
    { .name = "the client wants no more",
      .request = "GET / HTTP/1.1\r\nHost: l\r\nConnection: close\r\n\r\n",
      .heard = "GET / HTTP/1.1\r\nHost: U\r\n\r\n",
      .answer = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1",
      .told = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n1",
      .ends = true },
    { .name = "the whole address, of where it is",
      .request = "GET http://L:80/a?b HTTP/1.1\r\nHost: l:80\r\n\r\n",
      .heard = "GET /a?b HTTP/1.1\r\nHost: U\r\n\r\n",
      .answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
      .told = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" },
    { .name = "dots and zeros that are written as %XX are the upstream's to read",
      .request = GET("/%2e%2e/%00//x/../y;z"),
      .heard = "GET /%2e%2e/%00//x/../y;z HTTP/1.1\r\nHost: U\r\n\r\n",
      .answer = "HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\nContent-Length: 0\r\n\r\n",
      .told = "HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\nContent-Length: 0\r\n\r\n" },
    { .name = "OPTIONS *",
      .request = "OPTIONS * HTTP/1.1\r\nHost: l\r\n\r\n",
      .heard = "OPTIONS * HTTP/1.1\r\nHost: U\r\n\r\n",
      .answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
      .told = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" },
    { .name = "h2c is not passed on",
      .request = "GET / HTTP/1.1\r\nHost: l\r\nConnection: Upgrade, HTTP2-Settings\r\n"
                 "Upgrade: h2c\r\nHTTP2-Settings: AAA\r\n\r\n",
      .heard = "GET / HTTP/1.1\r\nHost: U\r\n\r\n",
      .answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
      .told = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" },
    { .name = "an upgrade that the upstream does not want",
      .request = "GET / HTTP/1.1\r\nHost: l\r\nConnection: Upgrade\r\nUpgrade: a\r\n\r\n",
      .heard = "GET / HTTP/1.1\r\nHost: U\r\nUpgrade: a\r\nConnection: Upgrade\r\n\r\n",
      .answer = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1",
      .told = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1" },
    { .name = "a switch that nobody asked for",
      .request = GET("/"),
      .heard = "GET / HTTP/1.1\r\nHost: U\r\n\r\n",
      .answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: a\r\nConnection: Upgrade\r\n\r\n",
      .told = "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain; charset=utf-8\r\n"
              "Content-Length: 47\r\n\r\nBad Gateway: the upstream switched over unasked" },
};

/* Where the chunks are cut is not a matter of this. */
static void hears(struct party *p, const char *text, bool torn)
{
    const char *body = strstr(text, "chunked") ? strstr(text, "\r\n\r\n") + 4 : NULL;
    char head[512];

    if (!torn || !body) {
        party_hears(p, text);
        return;
    }
    snprintf(head, sizeof head, "%.*s", (int)(body - text), text);
    party_hears(p, head);
    party_hears_up_to(p, strstr(body, "\r\n0\r\n"));
}

/* The text with U replaced by the upstream's authority. */
static void hears_with_host(struct http_world *w, struct party *u, const char *text, bool torn)
{
    const char *at = strstr(text, "Host: U");
    struct adit_buf whole;

    adit_buf_init(&whole, 1 << 20);
    adit_buf_add(&whole, text, (size_t)(at - text));
    adit_buf_printf(&whole, "Host: %s%s", w->upstream_url + 7, at + 7);
    hears(u, adit_buf_str(&whole), torn);
    adit_buf_done(&whole);
}

/* Each once with whole messages, and once byte by byte. */
static void dialogue(size_t i, bool torn)
{
    struct http_world w;
    struct party *c, *u;

    http_world_init(&w);
    http_world_start(&w);
    c = http_client(&w, 0);
    if (torn)
        party_says_torn(c, dialogues[i].request);
    else
        party_says(c, dialogues[i].request);
    u = http_up(&w, 0);
    hears_with_host(&w, u, dialogues[i].heard, torn);
    if (torn)
        party_says_torn(u, dialogues[i].answer);
    else
        party_says(u, dialogues[i].answer);
    if (dialogues[i].up_ends)
        adit_stream_shutdown(u->stream);
    hears(c, dialogues[i].told, torn);
    if (dialogues[i].ends)
        party_sees_end(c);
    is_quiet(&w);
    http_world_done(&w);
}

static void dialogues_word_by_word(void **state)
{
    (void)state;
    for (size_t i = 0; i < ADIT_LEN(dialogues); i++) {
        print_message("%s\n", dialogues[i].name);
        dialogue(i, false);
        dialogue(i, true);
    }
}

static void requests_that_wait_behind_another(void **state)
{
    struct http_world w;
    struct party *c, *u;

    (void)state;
    http_world_init(&w);
    http_world_start(&w);
    c = http_client(&w, 0);
    party_says(c, GET("/1") "POST /2 HTTP/1.1\r\nHost: l\r\nContent-Length: 2\r\n\r\nab" GET("/3"));
    u = http_up(&w, 0);
    party_hears_up_to(u, "/1");
    party_hears_up_to(u, "\r\n\r\n");
    http_world_turn(&w, 5);
    assert_int_equal(u->got.len, u->seen); /* one at a time */
    party_says(u, OK_HELLO);
    party_hears_up_to(u, "POST /2");
    party_hears_up_to(u, "\r\n\r\nab");
    party_says(u, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2");
    party_hears_up_to(u, "GET /3");
    party_says(u, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n3");
    party_hears(c, OK_HELLO "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2"
                            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n3");
    assert_int_equal(w.ups, 1);
    is_quiet(&w);
    http_world_done(&w);
}

/* Who ends its side with its requests waits for the answers. */
static void a_client_that_only_listens(void **state)
{
    struct http_world w;
    struct party *c, *u;

    (void)state;
    http_world_init(&w);
    http_world_start(&w);
    c = http_client(&w, 0);
    party_says(c, GET("/1") GET("/2"));
    adit_stream_shutdown(c->stream);
    u = http_up(&w, 0);
    party_hears_up_to(u, "\r\n\r\n");
    http_world_turn(&w, 5);
    party_says(u, OK_HELLO);
    party_hears_up_to(u, "GET /2");
    party_says(u, OK_HELLO);
    party_hears(c, OK_HELLO OK_HELLO);
    party_sees_end(c);
    is_quiet(&w);
    http_world_done(&w);
}

static void go_on(void **state)
{
    struct http_world w;
    struct party *c, *u;

    (void)state;
    http_world_init(&w);
    http_world_start(&w);
    c = http_client(&w, 0);
    u = ask(&w, c,
            "POST / HTTP/1.1\r\nHost: l\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    assert_null(strstr(adit_buf_str(&u->got), "Expect"));
    party_hears(c, "HTTP/1.1 100 Continue\r\n\r\n");
    party_says(c, "ab");
    party_hears(u, "ab");
    party_says(u, "HTTP/1.1 100 Continue\r\n\r\n" OK_HELLO);
    party_hears(c, OK_HELLO);
    is_quiet(&w);
    http_world_done(&w);
}

/* The upstream has enough before the request is complete: its answer arrives whole, and the
 * connection, whose place in the request is not known, ends. */
static void an_early_answer(void **state)
{
    struct http_world w;
    struct party *c, *u;

    (void)state;
    http_world_init(&w);
    http_world_start(&w);
    c = http_client(&w, 0);
    u = ask(&w, c, "POST / HTTP/1.1\r\nHost: l\r\nContent-Length: 1000000\r\n\r\nstart");
    party_says(u, "HTTP/1.1 413 Too Much\r\nContent-Length: 2\r\n\r\nno");
    party_hears(c, "HTTP/1.1 413 Too Much\r\nContent-Length: 2\r\n\r\nno");
    party_sees_end(c);
    is_quiet(&w);
    http_world_done(&w);
}

/* ---- after 101 ------------------------------------------------------------------------------- */

#define WS                                                                                     \
    "GET /ws HTTP/1.1\r\nHost: l\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n" \
    "Sec-WebSocket-Key: k\r\n\r\n"
#define SWITCHED \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"

static void raw_bytes_both_ways(void **state)
{
    (void)state;
    for (int who = 0; who < 3; who++) {
        struct http_world w;
        struct party *c, *u;

        http_world_init(&w);
        http_world_start(&w);
        c = http_client(&w, 0);
        u = ask(&w, c, WS "early"); /* some do not wait for the answer */
        assert_non_null(strstr(adit_buf_str(&u->got), "Upgrade: websocket\r\n"));
        assert_non_null(strstr(adit_buf_str(&u->got), "Connection: Upgrade\r\n"));
        party_says(u, SWITCHED "hello");
        party_hears(c, SWITCHED "hello");
        party_hears(u, "early");
        party_says(c, "GET / HTTP/1.1\r\n\r\n");
        party_hears(u, "GET / HTTP/1.1\r\n\r\n");
        if (who == 0) { /* the client ends its side first */
            adit_stream_shutdown(c->stream);
            HTTP_UNTIL(&w, u->eof);
            party_says(u, "last");
            party_hears(c, "last");
            party_leaves(u);
            party_sees_end(c);
        } else if (who == 1) { /* the upstream does */
            adit_stream_shutdown(u->stream);
            HTTP_UNTIL(&w, c->eof);
            party_says(c, "last");
            party_hears(u, "last");
            party_leaves(c);
            HTTP_UNTIL(&w, u->eof);
        } else { /* or breaks off */
            party_aborts(u);
            party_sees_reset(c);
        }
        HTTP_UNTIL(&w, (http_world_turn(&w, 1), w.news = 1, w.direct.open == 0));
        is_quiet(&w);
        http_world_done(&w);
    }
}

/* All of it comes through, though nothing more is said after it. */
static void raw_bytes_that_find_no_room(void **state)
{
    static const char bytes[10 * 1000 + 7];
    struct http_world w;
    struct party *c, *u;
    size_t before;

    (void)state;
    http_world_init(&w);
    w.direct.window = 1000;
    http_world_start(&w);
    c = http_client(&w, 0);
    u = ask(&w, c, WS);
    party_says(u, SWITCHED);
    party_hears(c, SWITCHED);
    u->discard = c->discard = true;
    before = u->count;
    assert_int_equal(adit_stream_send(c->stream, bytes, sizeof bytes), 0);
    HTTP_UNTIL(&w, u->count == before + sizeof bytes);
    before = c->count;
    assert_int_equal(adit_stream_send(u->stream, bytes, sizeof bytes), 0);
    HTTP_UNTIL(&w, c->count == before + sizeof bytes);
    party_leaves(c);
    HTTP_UNTIL(&w, u->eof);
    party_leaves(u);
    HTTP_UNTIL(&w, (http_world_turn(&w, 1), w.news = 1, w.direct.open == 0));
    http_world_done(&w);
}

static void who_ends_before_the_switch(void **state)
{
    struct http_world w;
    struct party *c, *u;

    (void)state;
    http_world_init(&w);
    http_world_start(&w);
    c = http_client(&w, 0);
    u = ask(&w, c, WS "early");
    adit_stream_shutdown(c->stream);
    http_world_turn(&w, 5);
    party_says(u, SWITCHED);
    party_hears(c, SWITCHED);
    party_hears(u, "early");
    HTTP_UNTIL(&w, u->eof);
    party_says(u, "last");
    party_hears(c, "last");
    party_leaves(u);
    party_sees_end(c);
    is_quiet(&w);
    http_world_done(&w);
}

/* A framing that has no upgrades: the request goes without. */
static void an_upgrade_that_cannot_be_carried(void **state)
{
    struct http_world w;
    struct party *c, *u;

    (void)state;
    http_world_init(&w);
    http_world_start(&w);
    c = http_client(&w, 0);
    w.direct.begin_err = -EINVAL;
    u = ask(&w, c, WS);
    assert_null(strstr(adit_buf_str(&u->got), "Upgrade"));
    party_says(u, OK_HELLO);
    party_hears(c, OK_HELLO);
    is_quiet(&w);
    http_world_done(&w);
}

/* ---- much ------------------------------------------------------------------------------------ */

#define MUCH (8 * 1024 * 1024)

static void feed(struct http_world *w, struct party *p, size_t total)
{
    static uint8_t bytes[16 * 1024];

    while (total) {
        size_t n = total < sizeof bytes ? total : sizeof bytes;

        if (adit_stream_send(p->stream, bytes, n) == 0)
            total -= n;
        else
            http_world_wait(w);
    }
}

/* A client that reads nothing for a while: what waits for it is bounded, others go on. */
static void a_slow_reader(void **state)
{
    struct http_world w;
    struct party *c, *u, *c2, *u2;
    char head[80];

    (void)state;
    http_world_init(&w);
    http_world_start(&w);
    c = http_client(&w, 0);
    c->discard = true;
    u = ask(&w, c, GET("/big"));
    adit_stream_pause(c->stream);
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", 2 * MUCH);
    party_says(u, head);
    size_t sent = 0, room;
    for (int idle = 0; idle < 50; idle++) { /* until nothing moves any more */
        static uint8_t bytes[64 * 1024];

        room = adit_stream_room(u->stream);
        room = room < sizeof bytes ? room : sizeof bytes;
        if (sent < 2 * MUCH && room && adit_stream_send(u->stream, bytes, room) == 0)
            sent += room, idle = 0;
        http_world_turn(&w, 1);
    }
    assert_true(w.direct.ahead_max <= DIRECT_WINDOW);
    c2 = http_client(&w, 1);
    u2 = ask(&w, c2, GET("/small"));
    party_says(u2, OK_HELLO);
    party_hears(c2, OK_HELLO);
    adit_stream_resume(c->stream);
    feed(&w, u, 2 * MUCH - sent);
    HTTP_UNTIL(&w, c->count == 2 * MUCH + strlen(head));
    is_quiet(&w);
    http_world_done(&w);
}

static void a_slow_upstream(void **state)
{
    (void)state;
    for (int chunked = 0; chunked < 2; chunked++) {
        struct http_world w;
        struct party *c, *u;
        char text[128];

        http_world_init(&w);
        w.direct.window = 20000; /* does not divide what is read at a time */
        http_world_start(&w);
        c = http_client(&w, 0);
        snprintf(text, sizeof text, "POST / HTTP/1.1\r\nHost: l\r\n%s%d\r\n\r\n",
                 chunked ? "Transfer-Encoding: chunked\r\nX: " : "Content-Length: ", MUCH);
        u = ask(&w, c, text);
        u->discard = true;
        u->count = 0;
        snprintf(text, sizeof text, "%x\r\n", MUCH);
        if (chunked)
            party_says(c, text);
        adit_stream_pause(u->stream);
        for (int i = 0; i < 20; i++)
            http_world_turn(&w, 1);
        adit_stream_resume(u->stream);
        feed(&w, c, MUCH);
        if (chunked)
            party_says(c, "\r\n0\r\n\r\n");
        HTTP_UNTIL(&w, u->count >= MUCH);
        party_says(u, OK_HELLO);
        party_hears(c, OK_HELLO);
        assert_true(w.direct.ahead_max <= 20000);
        is_quiet(&w);
        http_world_done(&w);
    }
}

/* Chunks arrive as they are sent, each by itself. */
static void events_come_one_by_one(void **state)
{
    struct http_world w;
    struct party *c, *u;

    (void)state;
    http_world_init(&w);
    http_world_start(&w);
    c = http_client(&w, 0);
    u = ask(&w, c, GET("/sse"));
    party_says(u, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                  "Transfer-Encoding: chunked\r\n\r\n");
    party_hears(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                   "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 5; i++) {
        party_says(u, "9\r\ndata: x\n\n\r\n");
        party_hears(c, "9\r\ndata: x\n\n\r\n");
    }
    party_says(u, "0\r\n\r\n");
    party_hears(c, "0\r\n\r\n");
    is_quiet(&w);
    http_world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_and_its_response),
        cmocka_unit_test(dialogues_word_by_word),
        cmocka_unit_test(requests_that_wait_behind_another),
        cmocka_unit_test(a_client_that_only_listens),
        cmocka_unit_test(go_on),
        cmocka_unit_test(an_early_answer),
        cmocka_unit_test(raw_bytes_both_ways),
        cmocka_unit_test(raw_bytes_that_find_no_room),
        cmocka_unit_test(who_ends_before_the_switch),
        cmocka_unit_test(an_upgrade_that_cannot_be_carried),
        cmocka_unit_test(a_slow_reader),
        cmocka_unit_test(a_slow_upstream),
        cmocka_unit_test(events_come_one_by_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
