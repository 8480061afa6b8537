/* http_serve_read.c - what the upstream says. */
#include <stdio.h>

#include "app/http_serve_inner.h"
#include "base/log.h"

/* ---- failures -------------------------------------------------------------------------------- */

/* A connection that was kept may be closed by the upstream at the moment it is used again. What
 * can be asked twice is asked once more then, on a fresh one (RFC 9110 section 9.2.2). */
static bool ask_again(struct adit_http_up *up, adit_time now)
{
    struct adit_http_call *call = up->call;
    struct adit_buf head = up->head;

    if (!up->used || up->heard || !call->again || call->began ||
        call->state != ADIT_HTTP_CALL_WAITING)
        return false;
    adit_debug("http", "a connection to the upstream was closed before its time; asking again");
    up->head.data = NULL;
    adit_buf_done(&up->head);
    adit_http_up_free(up, false, now);
    if (adit_http_up_get(call, true, now) < 0) {
        adit_buf_done(&head);
        adit_http_call_fail(call, 503, "No memory for another request", now);
        return true;
    }
    call->up->head = head;
    if (adit_http_up_ask(call->up, call->to_head, now) < 0)
        adit_http_call_fail(call, 503, "No memory for another request", now);
    return true;
}

static void fail(struct adit_http_up *up, bool late, const char *why, adit_time now)
{
    char text[160];

    if (up->gone)
        return;
    if (!up->call) {
        adit_http_up_free(up, false, now);
        return;
    }
    if (ask_again(up, now))
        return;
    snprintf(text, sizeof text, "%s: %s", late ? "Gateway Timeout" : "Bad Gateway", why);
    adit_http_call_fail(up->call, late ? 504 : 502, text, now);
}

/* ---- HTTP ------------------------------------------------------------------------------------ */

static bool is_waiting(const struct adit_http_up *up)
{
    return up->call && up->call->state < ADIT_HTTP_CALL_RAW;
}

/* A response is complete. more: bytes came behind it, or the upstream has ended its side. */
static void finish(struct adit_http_up *up, const struct adit_http1_head *head, bool more,
                   adit_time now)
{
    struct adit_http_call *call = up->call;
    bool again = head->keep_alive && !more && (call->req_done || !call->has_body) &&
                 adit_stream_buffered(up->stream) == 0;

    adit_http_up_part(up);
    adit_http_call_done(call, head->trailers, head->trailer_count, now);
    if (again && !up->gone)
        adit_http_up_idle(up, now);
    else
        adit_http_up_free(up, false, now);
}

static void on_message_end(struct adit_http_up *up, const struct adit_http1_head *head, bool more,
                           adit_time now)
{
    if (head->interim)
        adit_http1_next(up->http);
    else
        finish(up, head, more, now);
}

static void on_bad(struct adit_http_up *up, const struct adit_http1_event *ev, adit_time now)
{
    char why[128];

    snprintf(why, sizeof why, "the response %s", ev->why);
    fail(up, false, why, now);
}

/* How many of n bytes may be read now: no more of a body than the exchange takes. */
static size_t allowance(struct adit_http_up *up, size_t n)
{
    size_t room = up->call->state == ADIT_HTTP_CALL_WAITING ? n : adit_exchange_room(up->call->x);

    if (n > 0 && room == 0) {
        up->held = true;
        adit_stream_pause(up->stream);
    }
    return n < room ? n : room;
}

void adit_http_up_unhold(struct adit_http_up *up)
{
    if (up->held && adit_exchange_room(up->call->x) > 0) {
        up->held = false;
        adit_stream_resume(up->stream);
    }
}

/* Reads one event. False: no more for now. */
static bool read_http(struct adit_http_up *up, const uint8_t *bytes, size_t n, size_t *io_used,
                      adit_time now)
{
    size_t may = allowance(up, n - *io_used);
    struct adit_http1_event ev;

    if (up->held)
        return false;
    *io_used += adit_http1_feed(up->http, bytes + *io_used, may, &ev);
    switch (ev.what) {
    case ADIT_HTTP1_HEAD:
        adit_http_call_head(up->call, ev.head, now);
        return true;
    case ADIT_HTTP1_BODY:
        adit_http_call_body(up->call, ev.data.data, ev.data.len, now);
        return true;
    case ADIT_HTTP1_END:
        on_message_end(up, ev.head, *io_used < n, now);
        return true;
    case ADIT_HTTP1_BAD:
        on_bad(up, &ev, now);
        return false;
    case ADIT_HTTP1_MORE:
        break;
    }
    return *io_used < n;
}

/* Until there is no room: what is left then comes again when there is, and at no other time. */
static size_t read_raw(struct adit_http_up *up, const uint8_t *bytes, size_t n, adit_time now)
{
    size_t used = 0, may;

    while (up->call && (may = allowance(up, n - used)) > 0) {
        adit_http_call_body(up->call, bytes + used, may, now);
        used += may;
    }
    return used;
}

/* ---- the stream ------------------------------------------------------------------------------ */

static size_t on_data(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_http_up *up = arg;
    size_t used = 0;
    bool more = true;

    if (up->gone)
        return n;
    if (!up->call) { /* nobody has asked: it goes as a whole */
        adit_http_up_free(up, false, now);
        return n;
    }
    up->heard = true;
    while (more && is_waiting(up))
        more = read_http(up, bytes, n, &used, now);
    if (up->call && up->call->state == ADIT_HTTP_CALL_RAW)
        used += read_raw(up, bytes + used, n - used, now);
    return up->call ? used : n;
}

static void on_eof(void *arg, adit_time now)
{
    struct adit_http_up *up = arg;
    struct adit_http1_event ev;

    if (up->gone)
        return;
    if (up->call && up->call->state == ADIT_HTTP_CALL_RAW) {
        adit_http_call_raw_end(up->call, now);
        return;
    }
    if (is_waiting(up) && up->heard) {
        adit_http1_eof(up->http, &ev);
        if (ev.what == ADIT_HTTP1_END && !ev.head->interim) {
            finish(up, ev.head, true, now);
            return;
        }
    }
    fail(up, false,
         up->heard ? "the upstream broke off its response"
                   : "the upstream closed the connection without a response",
         now);
}

static void on_connected(void *arg, adit_time now)
{
    (void)arg;
    (void)now;
}

static void on_sent(void *arg, adit_time now)
{
    const struct adit_http_up *up = arg;

    if (up->call && up->call->owed)
        adit_http_call_sent(up->call, now);
}

static void on_closed(void *arg, const struct adit_cause *cause, adit_time now)
{
    struct adit_http_up *up = arg;

    if (up->call && up->call->state == ADIT_HTTP_CALL_RAW && up->call->req_done &&
        up->call->res_done)
        adit_http_call_end(up->call, NULL, now);
    else
        fail(up, cause->reason == ADIT_REASON_TIMEOUT, cause->text, now);
}

const struct adit_stream_ops adit_http_up_ops = {
    .connected = on_connected, .data = on_data, .eof = on_eof, .sent = on_sent, .closed = on_closed
};
