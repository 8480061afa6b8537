/* serve_http.c - requests on a connection, until one becomes a WebSocket. */
#include <stdio.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "signal/serve_inner.h"

/* The connection says no more than this, and then goodbye. */
static void send_last(struct adit_conn *c, struct adit_buf *out)
{
    if (out->err || adit_stream_send(c->stream, out->data, out->len) < 0) {
        adit_conn_doom(c, "the answer does not fit");
        return;
    }
    c->state = ADIT_CONN_ENDING;
    adit_stream_close(c->stream);
}

static void refuse(struct adit_conn *c, int status, const char *why)
{
    struct adit_buf out;
    char text[160];

    snprintf(text, sizeof text, "the request %s\n", why);
    adit_buf_init(&out, 4096);
    adit_http1_put_reply(&out, status, "text/plain; charset=utf-8", text, strlen(text), false);
    send_last(c, &out);
    adit_buf_done(&out);
}

/* ---- answers --------------------------------------------------------------------------------- */

void adit_conn_reply(struct adit_conn *c, const struct adit_hub_reply *reply)
{
    char seen[ADIT_ADDR_STR];
    struct adit_buf out;

    adit_buf_init(&out, ADIT_SERVE_QUEUE_MAX);
    adit_http1_put_status(&out, reply->status, NULL);
    if (reply->n || reply->status != 204)
        adit_http1_put_field(&out, "Content-Type", reply->type);
    if (reply->status != 204) /* RFC 9110 section 8.6 */
        adit_http1_put_length(&out, reply->n);
    if (c->origin && reply->status != 403) {
        adit_http1_put_field(&out, "Access-Control-Allow-Origin", c->origin);
        adit_http1_put_field(&out, "Vary", "Origin");
    }
    adit_http1_put_field(&out, "Cache-Control", "no-store");
    if (c->seen.family)
        adit_http1_put_field(&out, ADIT_SIGNAL_SEEN_HEADER, adit_addr_str_ip(&c->seen, seen));
    if (!c->keep_alive)
        adit_http1_put_field(&out, "Connection", "close");
    adit_buf_add(&out, reply->header, strlen(reply->header));
    adit_http1_put_end(&out);
    if (!c->head_only)
        adit_buf_add(&out, reply->body, reply->n);
    c->client = NULL;
    if (!c->keep_alive) {
        send_last(c, &out);
    } else if (out.err || adit_stream_send(c->stream, out.data, out.len) < 0) {
        adit_conn_doom(c, "the answer does not fit");
    } else {
        adit_http1_next(c->http);
        c->state = ADIT_CONN_READING;
        adit_stream_limit(c->stream, adit_loop_now(c->serve->loop) + ADIT_SERVE_IDLE_TIME,
                          "no further request");
        if (!c->busy) /* what came meanwhile is the next request */
            adit_stream_resume(c->stream);
    }
    adit_buf_done(&out);
}

/* ---- requests -------------------------------------------------------------------------------- */

/* The last address of X-Forwarded-For is the one that our own proxy has seen. */
static void look_behind_proxy(const struct adit_conn *c, const struct adit_http1_head *head,
                              struct adit_addr *addr)
{
    const char *list = c->serve->behind_proxy ? adit_http1_get(head, "x-forwarded-for") : NULL;
    const char *last = list ? strrchr(list, ',') : NULL;
    struct adit_addr seen;

    last = last ? last + 1 : list;
    if (!last)
        return;
    last += strspn(last, " ");
    if (adit_addr_parse(&seen, last, strlen(last)) == 0)
        *addr = seen;
}

static void ask_hub(struct adit_conn *c, const struct adit_http1_head *head, bool websocket,
                    adit_time now)
{
    struct adit_hub_header headers[ADIT_SERVE_FIELDS_MAX];
    struct adit_hub_request r = { .method = head->method,
                                  .headers = headers,
                                  .header_count = head->count,
                                  .body = c->body.len ? (const char *)c->body.data : "",
                                  .body_len = c->body.len,
                                  .websocket = websocket,
                                  .secure = c->secure,
                                  .remote = c->from };
    char *path = adit_strdup(head->target), *query;
    const char *origin = adit_http1_get(head, "origin");
    struct adit_hub_client *client;

    adit_free(c->origin);
    c->origin = origin ? adit_strdup(origin) : NULL;
    if (!path || head->count > ADIT_SERVE_FIELDS_MAX) {
        adit_free(path);
        refuse(c, 503, "found no memory");
        return;
    }
    query = strchr(path, '?');
    r.path = path;
    r.query = query ? query + 1 : "";
    if (query)
        *query = '\0';
    for (unsigned i = 0; i < head->count; i++)
        headers[i] = (struct adit_hub_header){ head->fields[i].name, head->fields[i].value };
    look_behind_proxy(c, head, &r.remote);
    c->seen = r.remote;
    c->keep_alive = head->keep_alive && !websocket;
    c->head_only = strcmp(head->method, "HEAD") == 0;
    c->state = ADIT_CONN_ASKING;
    adit_stream_limit(c->stream, ADIT_NEVER, NULL);
    client = adit_hub_open(c->serve->hub, &r, c, now);
    if (client) /* otherwise the answer has been given */
        c->client = client;
    adit_free(path);
    adit_buf_done(&c->body);
}

static void on_request(struct adit_conn *c, const struct adit_http1_head *head, adit_time now)
{
    static const struct adit_ws_policy any;
    struct adit_ws_verdict verdict;
    struct adit_buf out;

    if (!adit_ws_wanted(head)) {
        ask_hub(c, head, false, now);
        return;
    }
    adit_ws_check_request(head, &any, &verdict);
    if (verdict.status == 101) {
        c->verdict = &verdict;
        ask_hub(c, head, true, now);
        c->verdict = NULL;
        return;
    }
    adit_buf_init(&out, 4096);
    adit_ws_put_response(&out, &verdict);
    send_last(c, &out);
    adit_buf_done(&out);
}

static void on_head(struct adit_conn *c, const struct adit_http1_head *head, adit_time now)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

    adit_stream_limit(c->stream, now + ADIT_SERVE_REQUEST_TIME, "no whole request in time");
    if (head->expect_continue && adit_stream_send(c->stream, go_on, sizeof go_on - 1) < 0)
        adit_conn_doom(c, "no memory");
}

size_t adit_conn_read_http(struct adit_conn *c, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_http1_event ev;
    size_t used = 0;

    while (c->state == ADIT_CONN_READING && !c->doomed) {
        used += adit_http1_feed(c->http, bytes + used, n - used, &ev);
        switch (ev.what) {
        case ADIT_HTTP1_HEAD:
            on_head(c, ev.head, now);
            break;
        case ADIT_HTTP1_BODY:
            adit_buf_add(&c->body, ev.data.data, ev.data.len);
            if (c->body.err)
                refuse(c, c->body.err == -EMSGSIZE ? 413 : 503, "is too large");
            break;
        case ADIT_HTTP1_END:
            on_request(c, ev.head, now);
            break;
        case ADIT_HTTP1_BAD:
            adit_debug("signal", "a request %s", ev.why);
            refuse(c, ev.status, ev.why);
            break;
        case ADIT_HTTP1_MORE:
            return used;
        }
    }
    return used;
}
