#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "http/http1.h"
#include "signal/client_inner.h"

#define CALL_TIMEOUT (30 * ADIT_SEC)

static const struct adit_stream_ops stream_ops;

static void hang_up(struct adit_client_call *c)
{
    c->stream = adit_stream_free(c->stream);
    c->http = adit_http1_free(c->http);
    c->reused = false;
}

void adit_client_http_init(struct adit_signal *s)
{
    for (unsigned i = 0; i < ADIT_DIALECT_TAGS; i++) {
        s->calls[i].s = s;
        s->calls[i].tag = i;
        adit_buf_init(&s->calls[i].request, 2 * ADIT_DIALECT_MESSAGE_MAX);
        adit_buf_init(&s->calls[i].body, ADIT_CLIENT_BODY_MAX);
    }
}

bool adit_client_http_busy(const struct adit_signal *s)
{
    return s->calls[1].busy; /* tag 0 is what we read */
}

void adit_client_http_stop(struct adit_signal *s)
{
    for (unsigned i = 0; i < ADIT_DIALECT_TAGS; i++) {
        struct adit_client_call *c = &s->calls[i];
        hang_up(c);
        c->busy = false;
        adit_buf_done(&c->request);
        adit_buf_done(&c->body);
    }
}

/* ---- out ------------------------------------------------------------------------------------- */

static void put_request(struct adit_client_call *c, const struct adit_dialect_request *r)
{
    struct adit_signal *s = c->s;
    struct adit_buf *out = &c->request;

    adit_http1_put_request(out, r->method, *r->target ? r->target : "/");
    adit_http1_put_field(out, "Host", adit_buf_str(&s->authority));
    for (unsigned i = 0; i < s->header_count; i++)
        adit_http1_put_field(out, s->headers[i].name, s->headers[i].value);
    for (unsigned i = 0; i < r->header_count; i++)
        adit_http1_put_field(out, r->headers[i].name, r->headers[i].value);
    if (r->body) {
        adit_http1_put_field(out, "Content-Type", "application/json");
        adit_http1_put_length(out, r->body_len);
    }
    adit_http1_put_end(out);
    adit_buf_add(out, r->body, r->body_len);
}

static void send_request(struct adit_client_call *c)
{
    adit_time now = adit_loop_now(c->s->loop);

    adit_http1_expect(c->http, c->method);
    adit_stream_limit(c->stream, now + c->timeout, "the server does not answer in time");
    if (adit_stream_send(c->stream, c->request.data, c->request.len) < 0)
        adit_client_fail_text(c->s, ADIT_REASON_RESOURCE, ENOMEM, "no memory for a request");
}

static void call_up(struct adit_client_call *c)
{
    struct adit_http1_conf conf = { .response = true, .body_max = ADIT_CLIENT_BODY_MAX };

    hang_up(c);
    c->http = adit_http1_new(&conf);
    if (!c->http || adit_client_connect(c->s, &c->stream, &stream_ops, c) < 0)
        adit_client_fail_text(c->s, ADIT_REASON_NO_PATH, EINVAL,
                              "no such server can be, or there is no memory");
}

void adit_client_http_start(struct adit_signal *s, const struct adit_dialect_request *r)
{
    struct adit_client_call *c = &s->calls[r->tag];

    assert(r->tag < ADIT_DIALECT_TAGS);
    if (c->busy) { /* one that is not wanted any more */
        hang_up(c);
    }
    adit_buf_consume(&c->request, c->request.len);
    adit_buf_consume(&c->body, c->body.len);
    c->busy = true;
    c->timeout = r->timeout ? r->timeout : CALL_TIMEOUT;
    c->response = (struct adit_dialect_response){ .tag = r->tag };
    snprintf(c->method, sizeof c->method, "%s", r->method);
    put_request(c, r);
    if (c->request.err) {
        adit_client_fail_text(s, ADIT_REASON_RESOURCE, ENOMEM,
                              "the request to the server is too long, or there is no memory");
        return;
    }
    c->reused = c->stream != NULL;
    if (c->reused)
        send_request(c);
    else
        call_up(c);
}

/* ---- in -------------------------------------------------------------------------------------- */

static void on_connected(void *arg, adit_time now)
{
    struct adit_client_call *c = arg;

    send_request(c);
    adit_client_settle(c->s, now);
}

static void on_head(struct adit_client_call *c, const struct adit_http1_head *head)
{
    const char *seq = adit_http1_get_one(head, "X-Seq");

    c->response.status = head->status;
    if (seq && adit_str_u64(&c->response.seq, seq, strlen(seq), 1, UINT64_MAX) < 0)
        c->response.seq = 0;
    if (c->tag == 0) /* one connection's word: another may take another way out */
        adit_client_seen(c->s, head);
}

/* The engine may begin the next call from inside of `answered`: all is ready for it. */
static void on_end(struct adit_client_call *c, bool keep_alive, adit_time now)
{
    struct adit_signal *s = c->s;
    struct adit_buf body = c->body;
    struct adit_dialect_response response = c->response;

    adit_buf_init(&c->body, ADIT_CLIENT_BODY_MAX);
    adit_stream_limit(c->stream, ADIT_NEVER, "");
    adit_http1_next(c->http);
    c->busy = false;
    if (!keep_alive)
        hang_up(c);
    response.body = adit_buf_str(&body);
    response.n = body.len;
    if (body.err)
        adit_client_fail_text(s, ADIT_REASON_RESOURCE, ENOMEM, "no memory for an answer");
    else if (s->state != ADIT_CLIENT_LEAVING || c->tag == 1)
        s->dialect->answered(s->engine, &response, now);
    adit_buf_done(&body);
}

static size_t on_data(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_client_call *c = arg;
    struct adit_stream *stream = c->stream;
    struct adit_signal *s = c->s;
    struct adit_http1_event ev;
    size_t all = 0;

    while (!s->failed && c->stream == stream) {
        size_t used = c->busy ? adit_http1_feed(c->http, bytes + all, n - all, &ev) : 0;
        if (!c->busy && all < n) { /* nobody asked */
            hang_up(c);
            break;
        }
        all += used;
        if (!c->busy || ev.what == ADIT_HTTP1_MORE)
            break;
        c->reused = false;
        if (ev.what == ADIT_HTTP1_BAD)
            adit_client_fail_text(s, ADIT_REASON_PROTOCOL, EPROTO,
                                  "the server's answer is no HTTP, or too long");
        else if (ev.what == ADIT_HTTP1_HEAD && !ev.head->interim)
            on_head(c, ev.head);
        else if (ev.what == ADIT_HTTP1_BODY)
            adit_buf_add(&c->body, ev.data.data, ev.data.len);
        else if (ev.what == ADIT_HTTP1_END && ev.head->interim)
            adit_http1_next(c->http);
        else if (ev.what == ADIT_HTTP1_END)
            on_end(c, ev.head->keep_alive && !ev.head->until_close, now);
    }
    adit_client_settle(s, now);
    return n;
}

static void on_closed(void *arg, const struct adit_cause *cause, adit_time now)
{
    struct adit_client_call *c = arg;
    struct adit_signal *s = c->s;
    struct adit_http1_event ev = { .what = ADIT_HTTP1_MORE };

    if (c->busy && c->http)
        adit_http1_eof(c->http, &ev);
    if (!c->busy) {
        hang_up(c); /* a connection that was kept, and has been closed in peace */
    } else if (ev.what == ADIT_HTTP1_END) {
        on_end(c, false, now);
    } else if (c->reused) {
        call_up(c); /* it was closed while our request was on its way */
    } else {
        adit_client_fail(s, cause);
    }
    adit_client_settle(s, now);
}

static const struct adit_stream_ops stream_ops = { .connected = on_connected,
                                                   .data = on_data,
                                                   .closed = on_closed };
