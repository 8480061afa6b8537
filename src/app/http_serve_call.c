/* http_serve_call.c - an exchange: what the far side asks, and is answered. */
#include <stdio.h>

#include "app/http_serve_inner.h"
#include "base/alloc.h"
#include "base/log.h"

/* ---- the end --------------------------------------------------------------------------------- */

static void on_bury(struct adit_task *task, adit_time now)
{
    (void)now;
    adit_free(adit_container_of(task, struct adit_http_call, bury));
}

void adit_http_call_end(struct adit_http_call *call, const char *text, adit_time now)
{
    struct adit_http_serve *s = call->serve;

    if (call->state == ADIT_HTTP_CALL_GONE)
        return;
    call->state = ADIT_HTTP_CALL_GONE;
    adit_list_del(&call->link);
    s->call_count--;
    if (call->up)
        adit_http_up_free(call->up, true, now);
    adit_loop_end_of_round(s->loop, &call->bury); /* we may be inside of one of its callbacks */
    call->x = adit_exchange_free(call->x, text, now);
}

/* The response is complete. The request may not be: what still comes is passed over. */
static void finish(struct adit_http_call *call, adit_time now)
{
    size_t owed = call->owed;

    if (call->req_done) {
        adit_http_call_end(call, NULL, now);
        return;
    }
    call->state = ADIT_HTTP_CALL_DRAINING;
    call->owed = 0;
    if (owed)
        adit_exchange_consumed(call->x, owed, now);
}

static void answer(struct adit_http_call *call, int status, const char *text, adit_time now)
{
    char length[24];
    size_t n = strlen(text);
    struct adit_http1_field fields[] = { { "Content-Type", "text/plain; charset=utf-8" },
                                         { "Content-Length", length } };
    struct adit_http1_head head = { .method = "",
                                    .target = "",
                                    .status = status,
                                    .reason = adit_http1_reason(status),
                                    .minor = 1,
                                    .fields = fields,
                                    .count = ADIT_LEN(fields) };
    int err;

    if (!call->to_head && adit_exchange_room(call->x) < n)
        n = 0; /* the status says it too */
    snprintf(length, sizeof length, "%zu", n);
    head.body = n > 0 && !call->to_head;
    head.length = n;
    err = adit_exchange_head(call->x, &head, now);
    if (!err && head.body)
        err = adit_exchange_body(call->x, (const uint8_t *)text, n, now);
    if (!err)
        err = adit_exchange_end(call->x, NULL, 0, now);
    if (err)
        adit_http_call_end(call, text, now);
    else
        finish(call, now);
}

void adit_http_call_fail(struct adit_http_call *call, int status, const char *text, adit_time now)
{
    adit_debug("http", "a request got no whole answer: %s", text);
    if (call->state != ADIT_HTTP_CALL_WAITING) {
        adit_http_call_end(call, text, now);
        return;
    }
    if (call->up)
        adit_http_up_free(call->up, true, now);
    answer(call, status, text, now);
}

/* ---- what the upstream says ------------------------------------------------------------------ */

static int pass_head(struct adit_http_call *call, const struct adit_http1_head *head, adit_time now)
{
    struct adit_http1_field fields[ADIT_HTTP_FIELDS_MAX];
    struct adit_http1_head out = *head;
    int n = adit_http_head_pick(fields, ADIT_LEN(fields), head,
                                head->interim || head->upgrade ? ADIT_HTTP_NO_LENGTH : 0);

    if (n < 0)
        return -EINVAL;
    out.fields = fields;
    out.count = (unsigned)n;
    out.chunked = head->chunked || head->until_close;
    out.until_close = false;
    return adit_exchange_head(call->x, &out, now);
}

void adit_http_call_head(struct adit_http_call *call, const struct adit_http1_head *head,
                         adit_time now)
{
    int err;

    if (head->interim && ++call->interims > ADIT_HTTP_INTERIMS_MAX) {
        adit_http_call_fail(call, 502, "Bad Gateway: too many interim responses", now);
        return;
    }
    if (head->upgrade && (!call->upgrade || call->has_body)) {
        adit_http_call_fail(call, 502, "Bad Gateway: the upstream switched over unasked", now);
        return;
    }
    if (head->status == 100) /* nobody waits for it: see http_proxy_answer.c */
        return;
    err = pass_head(call, head, now);
    if (err == -EINVAL) {
        adit_http_call_fail(call, 502, "Bad Gateway: the response's head cannot be passed on", now);
        return;
    }
    if (err) {
        adit_http_call_end(call, "no memory", now);
        return;
    }
    if (head->interim)
        return;
    call->state = head->upgrade ? ADIT_HTTP_CALL_RAW : ADIT_HTTP_CALL_ANSWERING;
    adit_http_up_patience(call->up, call->serve->idle_time, now);
    if (head->upgrade && call->req_done)
        adit_stream_shutdown(call->up->stream);
}

void adit_http_call_body(struct adit_http_call *call, const uint8_t *bytes, size_t n, adit_time now)
{
    adit_http_up_patience(call->up, call->serve->idle_time, now);
    if (adit_exchange_body(call->x, bytes, n, now) < 0)
        adit_http_call_end(call, "it could not be passed on", now);
}

void adit_http_call_done(struct adit_http_call *call, const struct adit_http1_field *trailers,
                         unsigned count, adit_time now)
{
    struct adit_http1_field clean[ADIT_HTTP_FIELDS_MAX];

    count = adit_http_trailers_pick(clean, ADIT_LEN(clean), trailers, count);
    if (adit_exchange_end(call->x, clean, count, now) < 0)
        adit_http_call_end(call, "it could not be passed on", now);
    else
        finish(call, now);
}

void adit_http_call_raw_end(struct adit_http_call *call, adit_time now)
{
    call->res_done = true;
    if (adit_exchange_end(call->x, NULL, 0, now) < 0)
        adit_http_call_end(call, "it could not be passed on", now);
}

void adit_http_call_sent(struct adit_http_call *call, adit_time now)
{
    const struct adit_http_serve *s = call->serve;
    size_t waits = adit_stream_buffered(call->up->stream), gone;

    if (waits >= call->owed)
        return;
    gone = call->owed - waits;
    call->owed = waits;
    adit_http_up_patience(
        call->up, call->state == ADIT_HTTP_CALL_WAITING ? s->response_time : s->idle_time, now);
    adit_exchange_consumed(call->x, gone, now);
}

/* ---- what the far side says ------------------------------------------------------------------ */

static int send_body(struct adit_http_call *call, const uint8_t *bytes, size_t n)
{
    struct adit_stream *stream = call->up->stream;
    char line[24];
    int err, len;

    if (call->state == ADIT_HTTP_CALL_RAW || !call->chunked)
        return adit_stream_send(stream, bytes, n);
    len = snprintf(line, sizeof line, "%zx\r\n", n);
    err = adit_stream_send(stream, line, (size_t)len);
    if (!err)
        err = adit_stream_send(stream, bytes, n);
    return err ? err : adit_stream_send(stream, "\r\n", 2);
}

static void on_body(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_http_call *call = arg;
    bool raw = call->state == ADIT_HTTP_CALL_RAW;
    int err;

    if (n == 0)
        return;
    if (call->state == ADIT_HTTP_CALL_DRAINING) {
        adit_exchange_consumed(call->x, n, now);
        return;
    }
    if (!raw && (!call->has_body || (!call->chunked && n > call->left))) {
        adit_http_call_fail(call, 400, "The request is longer than it was to be", now);
        return;
    }
    call->began = true;
    call->left -= raw || call->chunked ? 0 : n;
    err = send_body(call, bytes, n);
    if (err == -EPIPE) { /* it reads no more; what it says is still to come */
        adit_exchange_consumed(call->x, n, now);
    } else if (err) {
        adit_http_call_fail(call, 502, "Bad Gateway: the request could not be passed on", now);
    } else {
        call->owed += n;
        if (call->state != ADIT_HTTP_CALL_WAITING)
            adit_http_up_patience(call->up, call->serve->idle_time, now);
    }
}

static void end_body(struct adit_http_call *call, const struct adit_http1_field *trailers,
                     unsigned count, adit_time now)
{
    struct adit_http1_field clean[ADIT_HTTP_FIELDS_MAX];
    struct adit_buf out;
    int err;

    count = adit_http_trailers_pick(clean, ADIT_LEN(clean), trailers, count);
    adit_buf_init(&out, ADIT_HTTP1_HEAD_MAX);
    adit_http1_put_last_chunk(&out, clean, count);
    err = out.err ? out.err : adit_stream_send(call->up->stream, out.data, out.len);
    adit_buf_done(&out);
    if (err && err != -EPIPE)
        adit_http_call_fail(call, err == -EINVAL ? 400 : 502,
                            "Bad Gateway: the request could not be passed on", now);
}

static void on_end(void *arg, const struct adit_http1_field *trailers, unsigned count,
                   adit_time now)
{
    struct adit_http_call *call = arg;

    call->req_done = true;
    switch (call->state) {
    case ADIT_HTTP_CALL_DRAINING:
        adit_http_call_end(call, NULL, now);
        break;
    case ADIT_HTTP_CALL_RAW:
        adit_stream_shutdown(call->up->stream);
        break;
    case ADIT_HTTP_CALL_WAITING:
    case ADIT_HTTP_CALL_ANSWERING:
        if (!call->has_body)
            break;
        call->began = true;
        if (call->chunked)
            end_body(call, trailers, count, now);
        else if (call->left > 0)
            adit_http_call_fail(call, 400, "The request is shorter than it was to be", now);
        break;
    case ADIT_HTTP_CALL_GONE:
        break;
    }
}

static void on_writable(void *arg, adit_time now)
{
    struct adit_http_call *call = arg;

    (void)now;
    if (call->up)
        adit_http_up_unhold(call->up);
}

static void on_failed(void *arg, int status, const char *text, adit_time now)
{
    (void)status;
    (void)text;
    adit_http_call_end(arg, NULL, now);
}

static const struct adit_exchange_ops exchange_ops = {
    .body = on_body, .end = on_end, .writable = on_writable, .failed = on_failed
};

/* ---- the beginning --------------------------------------------------------------------------- */

/* RFC 9110 section 9.2.2. */
static bool is_idempotent(const char *method)
{
    static const char *const methods[] = { "GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE" };

    for (size_t i = 0; i < ADIT_LEN(methods); i++)
        if (strcmp(method, methods[i]) == 0)
            return true;
    return false;
}

static void ask(struct adit_http_call *call, const struct adit_http1_head *head, adit_time now)
{
    int err = adit_http_up_get(call, false, now);

    if (err) {
        adit_http_call_fail(call, err == -ENOMEM ? 503 : 502, "Bad Gateway: no connection", now);
        return;
    }
    err = adit_http_call_put_head(&call->up->head, call, head);
    if (!err)
        err = adit_http_up_ask(call->up, call->to_head, now);
    if (err == -EINVAL || err == -EMSGSIZE)
        adit_http_call_fail(call, 400, "The request cannot be passed on", now);
    else if (err)
        adit_http_call_fail(call, 503, "No memory for another request", now);
}

void adit_http_serve_request(struct adit_http_serve *s, struct adit_exchange *x,
                             const struct adit_http1_head *head, adit_time now)
{
    struct adit_http_call *call = adit_zalloc(sizeof *call);

    if (!call) {
        adit_exchange_free(x, "no memory", now);
        return;
    }
    call->serve = s;
    call->x = x;
    call->to_head = strcmp(head->method, "HEAD") == 0;
    call->upgrade = head->upgrade && !head->body && !adit_http1_has_token(head, "Upgrade", "h2c");
    call->again = is_idempotent(head->method);
    call->has_body = head->body;
    call->chunked = head->chunked || head->until_close;
    call->left = head->body && !call->chunked ? head->length : 0;
    call->end_by = s->total_time == ADIT_NEVER ? ADIT_NEVER : now + s->total_time;
    adit_task_init(&call->bury, on_bury);
    adit_list_add(&s->calls, &call->link);
    adit_exchange_take(x, &exchange_ops, call);
    if (++s->call_count > s->exchanges_max)
        adit_http_call_fail(call, 503, "Too many requests at a time", now);
    else if (strcmp(head->method, "CONNECT") == 0)
        adit_http_call_fail(call, 405, "Not a proxy for CONNECT", now);
    else if (!adit_http_is_path(head->method, head->target))
        adit_http_call_fail(call, 400, "The request is for another place", now);
    else
        ask(call, head, now);
}
