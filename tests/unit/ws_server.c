#include "unit/ws_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "http/ws_handshake.h"

static void pump(struct ws_client *c)
{
    struct adit_span out = adit_ws_pending(c->ws);

    if (out.len && adit_stream_send(c->stream, out.data, out.len) == 0)
        adit_ws_sent(c->ws, out.len);
}

void ws_client_mute(struct ws_client *c)
{
    adit_stream_pause(c->stream);
}

void ws_client_drop(struct ws_client *c)
{
    struct ws_client **at = &c->server->clients;

    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    c->server->closes++;
    adit_stream_free(c->stream);
    adit_http1_free(c->http);
    adit_ws_free(c->ws);
    adit_buf_done(&c->body);
    adit_free(c);
}

void ws_client_send(struct ws_client *c, const char *text)
{
    if (adit_ws_send(c->ws, true, text, strlen(text)) == 0)
        pump(c);
}

void ws_client_send_binary(struct ws_client *c, const void *bytes, size_t n)
{
    if (adit_ws_send(c->ws, false, bytes, n) == 0)
        pump(c);
}

void ws_client_raw(struct ws_client *c, const void *bytes, size_t n)
{
    if (adit_stream_send(c->stream, bytes, n) < 0)
        abort();
}

void ws_client_close(struct ws_client *c, unsigned code, const char *reason)
{
    adit_ws_close(c->ws, code, reason, adit_loop_now(c->server->loop));
    pump(c);
}

void ws_client_answer(struct ws_client *c, int status, const char *body)
{
    struct adit_buf out;
    const char *end = strncmp(body, "X-Seq: ", 7) == 0 ? strstr(body, "\r\n\r\n") : NULL;

    adit_buf_init(&out, 1 << 20);
    adit_http1_put_status(&out, status, NULL);
    if (end)
        adit_buf_add(&out, body, (size_t)(end + 2 - body));
    body = end ? end + 4 : body;
    adit_http1_put_length(&out, strlen(body));
    adit_http1_put_end(&out);
    adit_buf_printf(&out, "%s", body);
    ws_client_raw(c, out.data, out.len);
    adit_buf_done(&out);
}

static void upgrade(struct ws_client *c, const struct adit_http1_head *head, const char *seen)
{
    static const struct adit_ws_policy policy = { .origins = NULL };
    struct adit_ws_conf conf = { .server = true, .rng = &c->rng };
    struct adit_ws_verdict verdict;
    struct adit_buf out;

    adit_ws_check_request(head, &policy, &verdict);
    if (*seen)
        verdict.field = (struct adit_http1_field){ "Adit-Address", seen };
    adit_buf_init(&out, 1 << 16);
    adit_ws_put_response(&out, &verdict);
    ws_client_raw(c, out.data, out.len);
    adit_buf_done(&out);
    c->ws = adit_ws_new(&conf, 0);
    c->upgraded = true;
    if (verdict.status != 101 || !c->ws)
        abort();
}

/* False: the connection is gone. */
static bool on_request(struct ws_client *c, const struct adit_http1_head *head)
{
    const char *body = "";
    int status = c->server->request(c->server, c, head, adit_buf_str(&c->body), &body);

    adit_buf_consume(&c->body, c->body.len);
    if (status == 101) {
        upgrade(c, head, body);
        c->server->message(c->server, c, NULL);
        return true;
    }
    if (status < 0) {
        ws_client_drop(c);
        return false;
    }
    if (status)
        ws_client_answer(c, status, body);
    adit_http1_next(c->http);
    return true;
}

static size_t feed_ws(struct ws_client *c, const uint8_t *bytes, size_t n)
{
    struct ws_server *server = c->server;
    struct adit_ws_event ev;
    size_t all = 0;

    do {
        all += adit_ws_feed(c->ws, bytes + all, n - all, &ev, adit_loop_now(server->loop));
        if (ev.what == ADIT_WS_TEXT) {
            unsigned before = server->closes;
            server->message(server, c, (const char *)ev.data.data);
            if (server->closes != before)
                return n; /* perhaps this one */
        }
        if (ev.what == ADIT_WS_BINARY && server->binary)
            server->binary(server, c, ev.data.data, ev.data.len);
        if (ev.what == ADIT_WS_CLOSED) {
            pump(c);
            if (server->closed)
                server->closed(server, ev.code);
            adit_stream_close(c->stream);
            return n;
        }
    } while (ev.what != ADIT_WS_NONE);
    pump(c);
    return n;
}

static size_t on_data(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct ws_client *c = arg;
    struct adit_http1_event ev = { .what = ADIT_HTTP1_MORE };
    size_t all = 0;

    (void)now;
    while (!c->ws) {
        all += adit_http1_feed(c->http, bytes + all, n - all, &ev);
        if (ev.what == ADIT_HTTP1_BODY)
            adit_buf_add(&c->body, ev.data.data, ev.data.len);
        if (ev.what == ADIT_HTTP1_MORE)
            return n;
        if (ev.what == ADIT_HTTP1_BAD)
            abort();
        if (ev.what == ADIT_HTTP1_END && !on_request(c, ev.head))
            return n;
    }
    return all + feed_ws(c, bytes + all, n - all);
}

static void on_connected(void *arg, adit_time now)
{
    (void)arg, (void)now;
}

static void on_closed(void *arg, const struct adit_cause *cause, adit_time now)
{
    (void)cause, (void)now;
    ws_client_drop(arg);
}

static const struct adit_stream_ops stream_ops = { .connected = on_connected,
                                                   .data = on_data,
                                                   .closed = on_closed };

static void on_accepted(void *arg, int fd, const struct adit_addr *from, adit_time now)
{
    struct ws_server *server = arg;
    struct adit_stream_accept_conf conf = { .from = from, .tls = server->tls };
    struct adit_http1_conf http = { .response = false };
    struct ws_client *c = adit_zalloc(sizeof *c);

    (void)now;
    c->server = server;
    c->next = server->clients;
    server->clients = c;
    server->connections++;
    adit_rng_init_seed(&c->rng, 1);
    adit_buf_init(&c->body, 1 << 20);
    c->http = adit_http1_new(&http);
    if (!c->http || adit_stream_accept(&c->stream, server->loop, fd, &conf, &stream_ops, c) < 0)
        abort();
}

void ws_server_start(struct ws_server *server, struct adit_loop *loop)
{
    static const struct adit_listen_ops ops = { .accepted = on_accepted };
    char at[32];
    const char *const list[] = { at };
    struct adit_listen_conf conf = { .at = list, .count = 1 };
    struct adit_cause cause;

    snprintf(at, sizeof at, "127.0.0.1:%u", server->port);
    server->loop = loop;
    if (adit_listen_open(&server->listen, loop, &conf, &ops, server, &cause) < 0) {
        fprintf(stderr, "%s\n", cause.text);
        abort();
    }
    server->port = adit_listen_addr(server->listen, 0)->port;
}

void ws_server_stop(struct ws_server *server)
{
    while (server->clients)
        ws_client_drop(server->clients);
    server->listen = adit_listen_free(server->listen);
}
