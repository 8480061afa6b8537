#include "base/str.h"
#include "http/ws.h"
#include "signal/client_inner.h"

#define PING_EVERY (25 * ADIT_SEC)
#define DOUBT_MAX  (1 * ADIT_SEC)
#define CARRY_MAX  (64 * 1024) /* bytes that wait: what is more of packets is lost */

/* What the engine queued leaves through the stream, as far as it has room. */
static void pump(struct adit_signal *s)
{
    struct adit_client_ws *w = &s->ws;

    for (;;) {
        struct adit_span out = adit_ws_pending(w->ws);
        size_t room = adit_stream_room(w->stream), n = out.len < room ? out.len : room;
        if (n == 0 || adit_stream_send(w->stream, out.data, n) < 0)
            break;
        adit_ws_sent(w->ws, n);
    }
    adit_timer_set(&w->timer, adit_ws_deadline(w->ws));
}

static void on_closed_ws(struct adit_signal *s, const struct adit_ws_event *ev)
{
    if (ev->code != ADIT_WS_NO_CODE && ev->code != ADIT_WS_ABNORMAL)
        s->close_code = ev->code;
    adit_str_printable(s->close_reason, sizeof s->close_reason, ev->data.data, ev->data.len);
    if (ev->cause.reason == ADIT_REASON_REMOTE)
        adit_cause_set(&s->cause, ADIT_REASON_REMOTE, 0, "the signaling server hung up%s%s",
                       s->close_reason[0] ? ": " : "", s->close_reason);
    else
        s->cause = ev->cause;
    s->failed = true;
    pump(s); /* our close frame */
}

/* Feeds what there is; false: the WebSocket is gone. */
static bool feed(struct adit_signal *s, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_ws_event ev;

    do {
        size_t used = adit_ws_feed(s->ws.ws, bytes, n, &ev, now);
        bytes += used;
        n -= used;
        if (ev.what == ADIT_WS_CLOSED)
            on_closed_ws(s, &ev);
        else if (ev.what == ADIT_WS_BINARY && s->dialect->binary)
            s->dialect->binary(s->engine, ev.data.data, ev.data.len, now);
        else if (ev.what == ADIT_WS_TEXT || ev.what == ADIT_WS_BINARY)
            s->dialect->text(s->engine, (const char *)ev.data.data, ev.data.len, now);
        if (s->failed)
            return false;
    } while (ev.what != ADIT_WS_NONE);
    pump(s);
    return true;
}

static void begin_ws(struct adit_signal *s, const struct adit_http1_head *head, adit_time now)
{
    struct adit_ws_conf conf = {
        .message_max = ADIT_DIALECT_MESSAGE_MAX,
        .queue_max = 4 * ADIT_DIALECT_MESSAGE_MAX,
        .ping_every = s->conf.ping_every ? s->conf.ping_every : PING_EVERY,
        .pong_within = s->conf.pong_within,
        .rng = &s->rng,
    };

    adit_client_seen(s, head);
    s->ws.http = adit_http1_free(s->ws.http);
    s->ws.ws = adit_ws_new(&conf, now);
    if (!s->ws.ws) {
        adit_client_fail_text(s, ADIT_REASON_RESOURCE, ENOMEM, "no memory for a WebSocket");
        return;
    }
    if (s->dialect->opened)
        s->dialect->opened(s->engine, now);
}

static void refused(struct adit_signal *s, const struct adit_http1_head *head,
                    const struct adit_cause *cause)
{
    s->http_status = head->status;
    if (head->status >= 300 && head->status < 400)
        adit_client_fail_text(s, ADIT_REASON_REMOTE, ECONNREFUSED,
                              "the server sends us elsewhere, and we do not follow: give its new "
                              "address");
    else
        adit_client_fail(s, cause);
}

/* The handshake: bytes up to its end are taken. */
static size_t handshake(struct adit_signal *s, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_ws_request request = { .host = adit_buf_str(&s->authority) };
    struct adit_http1_event ev;
    struct adit_cause cause;
    char protocol[ADIT_WS_PROTOCOL_SIZE];
    size_t all = 0;

    while (s->ws.http && !s->failed) {
        size_t used = adit_http1_feed(s->ws.http, bytes + all, n - all, &ev);
        all += used;
        if (ev.what == ADIT_HTTP1_MORE)
            break;
        if (ev.what == ADIT_HTTP1_BAD)
            adit_client_fail_text(s, ADIT_REASON_PROTOCOL, EPROTO,
                                  "that is no WebSocket server: its answer is no HTTP");
        else if (ev.what == ADIT_HTTP1_HEAD && !ev.head->interim &&
                 adit_ws_check_response(ev.head, &request, s->ws.key, protocol, &cause) < 0)
            refused(s, ev.head, &cause);
        else if (ev.what == ADIT_HTTP1_END && ev.head->interim)
            adit_http1_next(s->ws.http);
        else if (ev.what == ADIT_HTTP1_END)
            begin_ws(s, ev.head, now);
    }
    return all;
}

static void on_connected(void *arg, adit_time now)
{
    struct adit_signal *s = arg;
    struct adit_buf *request = &s->ws.request;

    if (adit_stream_send(s->ws.stream, request->data, request->len) < 0)
        adit_client_fail_text(s, ADIT_REASON_RESOURCE, ENOMEM, "no memory for a request");
    adit_buf_done(request);
    adit_client_settle(s, now);
}

static size_t on_data(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_signal *s = arg;

    adit_timer_stop(&s->ws.doubt);
    size_t used = s->ws.ws ? 0 : handshake(s, bytes, n, now);

    if (s->ws.ws && !s->failed)
        feed(s, bytes + used, n - used, now);
    adit_client_settle(s, now);
    return n;
}

static void on_writable(void *arg, adit_time now)
{
    struct adit_signal *s = arg;

    (void)now;
    if (s->ws.ws)
        pump(s);
}

static void on_closed(void *arg, const struct adit_cause *cause, adit_time now)
{
    struct adit_signal *s = arg;

    if (s->ws.ws && cause->reason == ADIT_REASON_REMOTE) {
        adit_ws_eof(s->ws.ws);
        feed(s, NULL, 0, now);
    }
    adit_client_fail(s, cause);
    s->ws.stream = adit_stream_free(s->ws.stream);
    adit_client_settle(s, now);
}

static const struct adit_stream_ops stream_ops = {
    .connected = on_connected, .data = on_data, .writable = on_writable, .closed = on_closed
};

static void on_doubt(struct adit_timer *timer, adit_time now)
{
    struct adit_signal *s = adit_container_of(timer, struct adit_signal, ws.doubt);

    adit_client_fail_text(s, ADIT_REASON_SILENCE, ETIMEDOUT, "the signaling server is silent");
    adit_client_settle(s, now);
}

void adit_signal_doubt(struct adit_signal *s)
{
    struct adit_client_ws *w = &s->ws;

    if (s->state != ADIT_CLIENT_JOINED || !w->ws || adit_heap_has(&w->doubt.node) ||
        adit_ws_ping(w->ws, NULL, 0) < 0)
        return;
    adit_timer_set(&w->doubt, adit_loop_now(s->loop) + DOUBT_MAX);
    pump(s);
}

static void on_timer(struct adit_timer *timer, adit_time now)
{
    struct adit_signal *s = adit_container_of(timer, struct adit_signal, ws.timer);

    adit_ws_tick(s->ws.ws, now);
    feed(s, NULL, 0, now);
    adit_client_settle(s, now);
}

void adit_client_ws_start(struct adit_signal *s, const struct adit_dialect_request *r)
{
    struct adit_http1_field fields[ADIT_DIALECT_HEADERS_MAX + ADIT_CLIENT_HEADERS_MAX];
    struct adit_http1_conf conf = { .response = true };
    struct adit_ws_request request = { .host = adit_buf_str(&s->authority),
                                       .target = *r->target ? r->target : "/",
                                       .fields = fields };
    struct adit_client_ws *w = &s->ws;

    for (unsigned i = 0; i < s->header_count; i++)
        fields[request.field_count++] = s->headers[i];
    for (unsigned i = 0; i < r->header_count; i++)
        fields[request.field_count++] =
            (struct adit_http1_field){ r->headers[i].name, r->headers[i].value };
    adit_client_ws_stop(s);
    adit_timer_init(&w->timer, s->loop, on_timer, "WebSocket");
    adit_timer_init(&w->doubt, s->loop, on_doubt, "WebSocket");
    adit_buf_init(&w->request, ADIT_DIALECT_TARGET_MAX * 8);
    adit_ws_make_key(w->key, &s->rng);
    adit_ws_put_request(&w->request, &request, w->key);
    w->http = adit_http1_new(&conf);
    if (!w->http || w->request.err)
        adit_client_fail_text(s, ADIT_REASON_RESOURCE, ENOMEM,
                              "the request to the server is too long, or there is no memory");
    else if (adit_client_connect(s, &w->stream, &stream_ops, s) < 0)
        adit_client_fail_text(s, ADIT_REASON_NO_PATH, EINVAL,
                              "no such server can be, or there is no memory");
}

void adit_client_ws_send(struct adit_signal *s, const char *text, size_t n)
{
    int err = s->ws.ws ? adit_ws_send(s->ws.ws, true, text, n) : -ECANCELED;

    if (err == -EAGAIN || err == -ENOMEM)
        adit_client_fail_text(s, ADIT_REASON_RESOURCE, -err,
                              "the signaling server takes nothing any more");
    if (err == 0)
        pump(s);
}

/* What signaling has to say may not wait long behind it. */
void adit_client_ws_carry(struct adit_signal *s, const void *bytes, size_t n)
{
    struct adit_client_ws *w = &s->ws;

    if (w->ws && adit_ws_pending(w->ws).len + adit_stream_buffered(w->stream) + n <= CARRY_MAX &&
        adit_ws_send(w->ws, false, bytes, n) == 0)
        pump(s);
}

void adit_client_ws_leave(struct adit_signal *s, adit_time now)
{
    adit_ws_close(s->ws.ws, ADIT_WS_NORMAL, NULL, now);
    pump(s);
}

/* ---- parting --------------------------------------------------------------------------------- */

static size_t pass_over(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    (void)arg, (void)bytes, (void)now;
    return n;
}

static void on_parted(void *arg, const struct adit_cause *cause, adit_time now)
{
    (void)cause, (void)now;
    adit_client_ws_forget(arg);
}

static const struct adit_stream_ops parting_ops = { .data = pass_over, .closed = on_parted };

void adit_client_ws_forget(struct adit_signal *s)
{
    s->ws.parting = adit_stream_free(s->ws.parting);
}

/* Closed with bytes unread, a socket sends a reset, and that would overtake our close frame. */
static void part(struct adit_signal *s)
{
    struct adit_client_ws *w = &s->ws;

    adit_client_ws_forget(s);
    w->parting = w->stream;
    w->stream = NULL;
    adit_stream_hand_over(w->parting, &parting_ops, s);
    adit_stream_close(w->parting);
}

void adit_client_ws_stop(struct adit_signal *s)
{
    struct adit_client_ws *w = &s->ws;

    if (w->timer.loop) {
        adit_timer_stop(&w->timer);
        adit_timer_stop(&w->doubt);
    }
    if (w->stream && w->ws)
        part(s);
    w->stream = adit_stream_free(w->stream);
    w->http = adit_http1_free(w->http);
    w->ws = adit_ws_free(w->ws);
    adit_buf_done(&w->request);
}
