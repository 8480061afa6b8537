#include "http_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "wait.h"

/* ---- parties --------------------------------------------------------------------------------- */

static void on_connected(void *arg, adit_time now)
{
    struct party *p = arg;

    (void)now;
    p->world->news = 1;
}

static size_t on_data(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct party *p = arg;

    (void)now;
    p->world->news = 1;
    p->count += n;
    if (!p->discard)
        adit_buf_add(&p->got, bytes, n);
    return n;
}

static void on_eof(void *arg, adit_time now)
{
    struct party *p = arg;

    (void)now;
    p->eof = true;
    p->world->news = 1;
}

static void on_closed(void *arg, const struct adit_cause *cause, adit_time now)
{
    struct party *p = arg;

    (void)now;
    p->closed = true;
    p->reset = cause->err == ECONNRESET;
    p->world->news = 1;
}

static void on_sent(void *arg, adit_time now)
{
    on_connected(arg, now);
}

static const struct adit_stream_ops party_ops = {
    .connected = on_connected, .data = on_data, .eof = on_eof, .sent = on_sent, .closed = on_closed
};

static void party_init(struct party *p, struct http_world *w)
{
    assert_null(p->stream);
    adit_buf_done(&p->got);
    *p = (struct party){ .world = w };
    adit_buf_init(&p->got, SIZE_MAX);
}

void party_says(struct party *p, const char *text)
{
    int err;

    while ((err = adit_stream_send(p->stream, text, strlen(text))) == -EAGAIN)
        http_world_turn(p->world, 1); /* what was said before has to leave */
    assert_int_equal(err, 0);
}

void party_says_torn(struct party *p, const char *text)
{
    for (; *text && !p->closed; text++) {
        while (adit_stream_send(p->stream, text, 1) == -ENOMEM)
            ; /* made to fail: once */
        http_world_turn(p->world, 2);
    }
}

void party_hears(struct party *p, const char *text)
{
    size_t n = strlen(text);

    while (p->got.len - p->seen < n &&
           strncmp(adit_buf_str(&p->got) + p->seen, text, p->got.len - p->seen) == 0 && !p->eof &&
           !p->closed)
        http_world_wait(p->world);
    if (p->got.len - p->seen < n || strncmp(adit_buf_str(&p->got) + p->seen, text, n) != 0)
        fail_msg("heard:\n%s\nnot:\n%s", adit_buf_str(&p->got) + p->seen, text);
    p->seen += n;
}

void party_hears_up_to(struct party *p, const char *text)
{
    const char *at;

    while (!(at = strstr(adit_buf_str(&p->got) + p->seen, text))) {
        if (p->eof || p->closed)
            fail_msg("heard:\n%s\nnot:\n%s", adit_buf_str(&p->got) + p->seen, text);
        http_world_wait(p->world);
    }
    p->seen = (size_t)(at - (char *)p->got.data) + strlen(text);
}

void party_sees_end(struct party *p)
{
    HTTP_UNTIL(p->world, p->eof || p->closed);
    if (p->reset || p->got.len != p->seen)
        fail_msg("%s after:\n%s", p->reset ? "reset" : "more came",
                 adit_buf_str(&p->got) + p->seen);
    party_leaves(p);
}

void party_sees_reset(struct party *p)
{
    HTTP_UNTIL(p->world, p->eof || p->closed);
    assert_true(p->reset);
    party_leaves(p);
}

void party_leaves(struct party *p)
{
    p->stream = adit_stream_free(p->stream);
}

void party_aborts(struct party *p)
{
    p->stream = adit_stream_abort(p->stream);
}

/* ---- the world ------------------------------------------------------------------------------- */

static void on_request(void *arg, struct adit_exchange *x, const struct adit_http1_head *head,
                       adit_time now)
{
    struct http_world *w = arg;

    if (w->serve)
        adit_http_serve_request(w->serve, x, head, now);
    else
        adit_exchange_free(x, "nobody is here", now);
}

static const struct adit_carrier_ops provider_ops = { .request = on_request };

static void on_accepted(void *arg, int fd, const struct adit_addr *from, adit_time now)
{
    struct http_world *w = arg;
    const struct adit_stream_accept_conf conf = { .from = from, .tls = w->upstream_tls };
    struct party *p = &w->up[w->ups++ % HTTP_PARTIES];

    (void)now;
    party_init(p, w);
    p->closed = adit_stream_accept(&p->stream, w->loop, fd, &conf, &party_ops, p) < 0;
    w->news = 1;
}

const struct adit_listen_ops http_world_upstream = { .accepted = on_accepted };

void http_world_init(struct http_world *w)
{
    static const char *const anywhere = "127.0.0.1:0";
    const struct adit_listen_conf listen = { .at = &anywhere, .count = 1 };

    *w = (struct http_world){ .fds = open_fds() };
    w->loop = adit_loop_new();
    assert_non_null(w->loop);
    direct_init(&w->direct, w->loop, &provider_ops, w);
    assert_int_equal(
        adit_listen_open(&w->upstream, w->loop, &listen, &http_world_upstream, w, NULL), 0);
    snprintf(w->upstream_url, sizeof w->upstream_url, "http://%s", adit_listen_at(w->upstream, 0));
    w->proxy_conf =
        (struct adit_http_proxy_conf){ .loop = w->loop, .listen = &anywhere, .listen_count = 1 };
    w->serve_conf = (struct adit_http_serve_conf){ .loop = w->loop, .upstream = w->upstream_url };
}

void http_world_start(struct http_world *w)
{
    struct adit_cause cause = { .text = "" };

    w->proxy = adit_http_proxy_new(&w->proxy_conf, &cause);
    if (w->proxy)
        w->serve = adit_http_serve_new(&w->serve_conf, &cause);
    if (!w->serve)
        fail_msg("%s", cause.text);
    adit_http_proxy_attach(w->proxy, &w->direct.consumer);
}

void http_world_turn(struct http_world *w, int times)
{
    while (times--)
        assert_int_equal(adit_loop_process(w->loop), 0);
}

void http_world_wait(struct http_world *w)
{
    w->news = 0;
    if (!wait_for(w->loop, &w->news))
        fail_msg("nothing happens");
}

void http_world_done(struct http_world *w)
{
    w->proxy = adit_http_proxy_free(w->proxy);
    w->serve = adit_http_serve_free(w->serve);
    for (int i = 0; i < HTTP_PARTIES; i++) {
        party_leaves(&w->client[i]);
        party_leaves(&w->up[i]);
        adit_buf_done(&w->client[i].got);
        adit_buf_done(&w->up[i].got);
    }
    w->upstream = adit_listen_free(w->upstream);
    http_world_turn(w, 3);
    direct_done(&w->direct);
    w->loop = adit_loop_free(w->loop);
    assert_int_equal(open_fds(), w->fds);
}

struct party *http_client(struct http_world *w, int i)
{
    struct adit_addr at;
    const char *text = adit_http_proxy_at(w->proxy, 0);
    struct adit_stream_conf conf = { .addrs = &at, .addr_count = 1 };

    party_init(&w->client[i], w);
    assert_int_equal(adit_addr_parse_port(&at, text, strlen(text), 0), 0);
    assert_int_equal(
        adit_stream_connect(&w->client[i].stream, w->loop, &conf, &party_ops, &w->client[i]), 0);
    return &w->client[i];
}

struct party *http_up(struct http_world *w, unsigned i)
{
    HTTP_UNTIL(w, w->ups > i);
    return &w->up[i];
}
