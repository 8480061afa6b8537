/* relay_conn.c - one connection to a relay, from its beginning to its end. */
#include "app/relay_inner.h"
#include "base/alloc.h"
#include "base/json.h"
#include "base/str.h"

#define HANDSHAKE_TIME (15 * ADIT_SEC)
#define PING_EVERY     (25 * ADIT_SEC)
#define POLICY         1008

void adit_relay_pump(struct adit_relay *r)
{
    for (;;) {
        struct adit_span out = adit_ws_pending(r->ws);
        size_t room = adit_stream_room(r->stream), n = out.len < room ? out.len : room;
        if (n == 0 || adit_stream_send(r->stream, out.data, n) < 0)
            break;
        adit_ws_sent(r->ws, n);
    }
    adit_timer_set(&r->tick, adit_ws_deadline(r->ws));
}

/* ---- what the relay says --------------------------------------------------------------------- */

/* {"type":"error","message","reason","retryable"}; other texts are passed over. */
static void on_text(struct adit_relay *r, struct adit_span text)
{
    struct adit_cause cause;
    json_t *m = adit_json_read((const char *)text.data, text.len, &cause);
    const char *type = adit_json_string(m, "type"), *reason = adit_json_string(m, "reason");
    const char *message = adit_json_string(m, "message");
    const json_t *again = json_object_get(m, "retryable");
    char words[64];

    if (type && strcmp(type, "error") == 0) {
        r->retryable = json_is_true(again);
        r->refused = !r->retryable;
        message = message ? message : reason ? reason : "no reason given";
        adit_cause_set(&cause, ADIT_REASON_REMOTE, ECONNREFUSED, "the relay refuses: %s",
                       adit_str_printable(words, sizeof words, message, strlen(message)));
        adit_relay_fail(r, &cause, r->refused);
    }
    json_decref(m);
}

static void on_closed_ws(struct adit_relay *r, const struct adit_ws_event *ev)
{
    char words[48];
    struct adit_cause cause = ev->cause;

    adit_str_printable(words, sizeof words, ev->data.data, ev->data.len);
    if (ev->cause.reason == ADIT_REASON_REMOTE)
        adit_cause_set(&cause, ADIT_REASON_REMOTE, 0, "the relay hung up%s%s", words[0] ? ": " : "",
                       words);
    r->retryable = ev->code == 1013; /* "try again later" */
    adit_relay_fail(r, &cause, ev->code == POLICY);
    adit_relay_pump(r); /* our close frame */
}

/* False: r is gone. */
static bool feed(struct adit_relay *r, const uint8_t *bytes, size_t n, size_t *ret_used,
                 adit_time now)
{
    struct adit_ws_event ev = { .what = ADIT_WS_NONE };

    *ret_used = 0;
    do {
        if (r->failed || r->paused)
            return true;
        size_t used = adit_ws_feed(r->ws, bytes, n, &ev, now);
        bytes = bytes ? bytes + used : NULL;
        n -= used;
        *ret_used += used;
        if (ev.what == ADIT_WS_CLOSED)
            on_closed_ws(r, &ev);
        else if (ev.what == ADIT_WS_TEXT)
            on_text(r, ev.data);
        else if (ev.what == ADIT_WS_BINARY && !adit_relay_tell_message(r, ev.data, now))
            return false;
    } while (ev.what != ADIT_WS_NONE);
    adit_relay_pump(r);
    return true;
}

/* ---- the handshake --------------------------------------------------------------------------- */

static void say_token(struct adit_relay *r)
{
    json_t *m = json_pack("{ssss}", "type", "auth", "token", r->token);
    char *text = m ? json_dumps(m, JSON_COMPACT) : NULL;

    json_decref(m);
    if (!text || adit_ws_send(r->ws, true, text, strlen(text)) < 0)
        adit_relay_fail_text(r, ADIT_REASON_RESOURCE, ENOMEM, "no memory for the relay", false);
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

/* False: r is gone. */
static bool begin_ws(struct adit_relay *r, adit_time now)
{
    struct adit_ws_conf conf = { .message_max = ADIT_RELAY_MESSAGE_MAX,
                                 .fragments_max = 65536,
                                 .queue_max = ADIT_RELAY_MESSAGE_MAX + ADIT_RELAY_QUEUE_MAX,
                                 .ping_every = PING_EVERY,
                                 .rng = &r->rng };

    r->http = adit_http1_free(r->http);
    r->ws = adit_ws_new(&conf, now);
    if (!r->ws) {
        adit_relay_fail_text(r, ADIT_REASON_RESOURCE, ENOMEM, "no memory for the relay", false);
        return true;
    }
    adit_stream_limit(r->stream, ADIT_NEVER, NULL);
    if (r->conf.second)
        say_token(r);
    if (r->failed)
        return true;
    adit_relay_pump(r);
    r->open = true;
    r->pause = r->conf.retry_first ? r->conf.retry_first : ADIT_RELAY_RETRY_FIRST;
    return adit_relay_tell_opened(r, now);
}

/* False: r is gone. */
static bool shake(struct adit_relay *r, const uint8_t *bytes, size_t n, size_t *ret_used,
                  adit_time now)
{
    struct adit_ws_request request = { .host = adit_buf_str(&r->authority) };
    char protocol[ADIT_WS_PROTOCOL_SIZE];
    struct adit_http1_event ev;
    struct adit_cause cause;

    *ret_used = 0;
    while (r->http && !r->failed) {
        *ret_used += adit_http1_feed(r->http, bytes + *ret_used, n - *ret_used, &ev);
        if (ev.what == ADIT_HTTP1_MORE)
            break;
        if (ev.what == ADIT_HTTP1_BAD)
            adit_relay_fail_text(r, ADIT_REASON_PROTOCOL, EPROTO,
                                 "that is no relay: its answer is no HTTP", false);
        else if (ev.what == ADIT_HTTP1_HEAD && !ev.head->interim &&
                 adit_ws_check_response(ev.head, &request, r->key, protocol, &cause) < 0)
            /* 401, 403: as the original refuses a token */
            adit_relay_fail(r, &cause, ev.head->status == 401 || ev.head->status == 403);
        else if (ev.what == ADIT_HTTP1_END && ev.head->interim)
            adit_http1_next(r->http);
        else if (ev.what == ADIT_HTTP1_END)
            return begin_ws(r, now);
    }
    return true;
}

static void on_connected(void *arg, adit_time now)
{
    struct adit_relay *r = arg;
    struct adit_ws_request request = { .host = adit_buf_str(&r->authority),
                                       .target = adit_buf_str(&r->target) };
    struct adit_buf out;

    adit_buf_init(&out, 64 * 1024);
    adit_ws_make_key(r->key, &r->rng);
    adit_ws_put_request(&out, &request, r->key);
    if (out.err || adit_stream_send(r->stream, out.data, out.len) < 0)
        adit_relay_fail_text(r, ADIT_REASON_RESOURCE, ENOMEM, "no memory for the relay", false);
    if (out.data)
        explicit_bzero(out.data, out.len);
    adit_buf_done(&out);
    adit_stream_limit(r->stream, now + HANDSHAKE_TIME, "the relay does not answer");
    adit_relay_settle(r, now);
}

/* ---- the stream ------------------------------------------------------------------------------ */

static size_t on_data(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_relay *r = arg;
    size_t used = 0, more = 0;

    if (!r->ws && !shake(r, bytes, n, &used, now))
        return n;
    if (r->ws && !r->failed && !feed(r, bytes + used, n - used, &more, now))
        return n;
    if (r->failed) {
        adit_relay_settle(r, now);
        return n;
    }
    return used + more;
}

static void on_writable(void *arg, adit_time now)
{
    struct adit_relay *r = arg;

    if (!r->ws)
        return;
    adit_relay_pump(r);
    if (r->starved && adit_relay_buffered(r) < ADIT_RELAY_QUEUE_MAX / 2) {
        r->starved = false;
        (void)!adit_relay_tell_writable(r, now);
    }
}

static void on_closed(void *arg, const struct adit_cause *cause, adit_time now)
{
    struct adit_relay *r = arg;
    size_t used;

    if (r->ws && cause->reason == ADIT_REASON_REMOTE) {
        r->paused = false;
        adit_ws_eof(r->ws);
        if (!feed(r, NULL, 0, &used, now))
            return;
    }
    adit_relay_fail(r, cause, false);
    adit_relay_settle(r, now);
}

static const struct adit_stream_ops stream_ops = { .connected = on_connected,
                                                   .data = on_data,
                                                   .writable = on_writable,
                                                   .sent = on_writable,
                                                   .closed = on_closed };

/* What the engine holds, a failure that was not acted on, and then the stream again. */
static void go_on(struct adit_relay *r, adit_time now)
{
    size_t used;

    if (r->ws && !r->failed && !feed(r, NULL, 0, &used, now))
        return;
    if (r->stream && !r->paused && !r->failed)
        adit_stream_resume(r->stream);
    adit_relay_settle(r, now);
}

static void on_again(struct adit_task *task, adit_time now)
{
    go_on(adit_container_of(task, struct adit_relay, again), now);
}

static void on_tick(struct adit_timer *timer, adit_time now)
{
    struct adit_relay *r = adit_container_of(timer, struct adit_relay, tick);

    adit_ws_tick(r->ws, now);
    go_on(r, now);
}

void adit_relay_init(struct adit_relay *r)
{
    adit_timer_init(&r->tick, r->loop, on_tick, "relay ping");
    adit_task_init(&r->again, on_again);
}

void adit_relay_connect(struct adit_relay *r)
{
    struct adit_http1_conf http = { .response = true };
    struct adit_stream_conf conf = {
        .host = r->url.host,
        .port = r->url.port,
        .servers = r->servers,
        .proxy = r->has_proxy ? &r->proxy : NULL,
        .tls = r->url.secure ? r->conf.tls : NULL,
    };

    r->http = adit_http1_new(&http);
    if (!r->http)
        adit_relay_fail_text(r, ADIT_REASON_RESOURCE, ENOMEM, "no memory for the relay", false);
    else if (adit_stream_connect(&r->stream, r->loop, &conf, &stream_ops, r) < 0)
        adit_relay_fail_text(r, ADIT_REASON_NO_PATH, EINVAL,
                             "no such relay can be, or there is no memory", false);
}

void adit_relay_disconnect(struct adit_relay *r)
{
    if (r->ws && r->stream) {
        adit_ws_close(r->ws, ADIT_WS_NORMAL, NULL, adit_loop_now(r->loop));
        adit_relay_pump(r);
    }
    adit_timer_stop(&r->tick);
    adit_task_cancel(&r->again);
    r->stream = adit_stream_free(r->stream);
    r->http = adit_http1_free(r->http);
    r->ws = adit_ws_free(r->ws);
    r->open = r->paused = r->starved = r->failed = r->final = r->retryable = r->refused = false;
}
