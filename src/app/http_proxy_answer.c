/* http_proxy_answer.c - what a client is sent: the far side's responses and our own. */
#include <stdio.h>

#include "app/http_proxy_inner.h"
#include "base/log.h"
#include "base/str.h"

/* ---- to the client --------------------------------------------------------------------------- */

/* What was written into proxy->out. False: it could not be, and the connection is gone. */
static bool send_out(struct adit_http_conn *c, adit_time now)
{
    struct adit_buf *out = &c->proxy->out;
    bool good = !out->err && adit_stream_send(c->stream, out->data, out->len) == 0;

    out->len = 0;
    out->err = 0;
    if (!good)
        adit_http_conn_end(c, true, now);
    return good;
}

void adit_http_conn_reply(struct adit_http_conn *c, int status, const char *text, const char *extra,
                          adit_time now)
{
    struct adit_buf *out = &c->proxy->out;
    bool whole = c->req_done || (c->state == ADIT_HTTP_CONN_READING && !c->has_body);

    c->keep_alive = c->keep_alive && whole;
    adit_http1_put_status(out, status, NULL);
    adit_http1_put_field(out, "Content-Type", "text/plain; charset=utf-8");
    adit_http1_put_length(out, strlen(text));
    adit_buf_add(out, extra, strlen(extra));
    if (!c->keep_alive)
        adit_http1_put_field(out, "Connection", "close");
    else if (c->old)
        adit_http1_put_field(out, "Connection", "keep-alive");
    adit_http1_put_end(out);
    if (!c->to_head)
        adit_buf_add(out, text, strlen(text));
    if (!send_out(c, now))
        return;
    if (c->keep_alive && !c->req_done)
        c->refused = true; /* its END is the next thing that is read */
    else
        adit_http_conn_answered(c, now);
}

void adit_http_conn_fail(struct adit_http_conn *c, int status, const char *text, adit_time now)
{
    adit_http_conn_let_go(c, now);
    if (c->state == ADIT_HTTP_CONN_ASKING) {
        adit_http_conn_reply(c, status, text, "", now);
        return;
    }
    if (c->state == ADIT_HTTP_CONN_ANSWERING && c->res_done) {
        adit_http_conn_answered(c, now);
    } else if (c->state == ADIT_HTTP_CONN_RAW && c->res_done && c->eof) {
        adit_http_conn_close(c, now);
    } else {
        adit_debug("http", "a response broke off: %s", text);
        adit_http_conn_end(c, true, now);
    }
}

void adit_http_conn_go_on(struct adit_http_conn *c)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

    if (!c->owes_continue || adit_exchange_room(c->x) == 0)
        return;
    c->owes_continue = false;
    (void)!adit_stream_send(c->stream, go_on, sizeof go_on - 1); /* if not, it asks no further */
}

void adit_http_conn_sent(struct adit_http_conn *c, adit_time now)
{
    size_t waits, gone;

    if (!c->x || !c->owed)
        return;
    waits = adit_stream_buffered(c->stream);
    if (waits >= c->owed)
        return;
    gone = c->owed - waits;
    c->owed = waits;
    adit_http_conn_patience(c, c->proxy->idle_time, now);
    adit_exchange_consumed(c->x, gone, now);
    if (c->state == ADIT_HTTP_CONN_ANSWERING && c->res_done && c->owed <= ADIT_HTTP_OWED_MAX)
        adit_http_conn_answered(c, now);
}

/* ---- from the far side ----------------------------------------------------------------------- */

/* How the client will know where the body ends. */
static void put_framing(struct adit_http_conn *c, const struct adit_http1_head *head)
{
    struct adit_buf *out = &c->proxy->out;
    const char *told = c->to_head || head->status == 304 ? adit_http_length_told(head) : NULL;

    c->bodyless = adit_http_is_bodyless(head->status, c->to_head);
    c->counted = !c->bodyless && !(head->body && (head->chunked || head->until_close));
    c->left = c->counted && head->body ? head->length : 0;
    c->chunked = !c->bodyless && !c->counted && !c->old;
    if (told)
        adit_http1_put_field(out, "Content-Length", told);
    else if (c->counted)
        adit_http1_put_length(out, c->left);
    else if (c->chunked)
        adit_http1_put_field(out, "Transfer-Encoding", "chunked");
    else if (!c->bodyless)
        c->keep_alive = false; /* HTTP/1.0: it ends with the connection */
}

static void put_connection(struct adit_http_conn *c, const struct adit_http1_head *head)
{
    struct adit_buf *out = &c->proxy->out;

    if (head->status == 101)
        adit_http1_put_field(out, "Connection", "Upgrade");
    else if (!c->keep_alive)
        adit_http1_put_field(out, "Connection", "close");
    else if (c->old)
        adit_http1_put_field(out, "Connection", "keep-alive");
}

static bool send_head(struct adit_http_conn *c, const struct adit_http1_head *head, adit_time now)
{
    struct adit_buf *out = &c->proxy->out;
    struct adit_http1_head clean = *head;

    clean.upgrade = head->status == 101;
    adit_http1_put_status(out, head->status, head->reason[0] ? head->reason : NULL);
    adit_http_head_put(out, &clean, ADIT_HTTP_NO_LENGTH);
    if (head->status >= 200)
        put_framing(c, head);
    if (head->status >= 200 || head->status == 101)
        put_connection(c, head);
    adit_http1_put_end(out);
    if (out->err) { /* what the far side says would break out of its lines */
        out->len = 0;
        out->err = 0;
        adit_http_conn_fail(c, 502, "Tunnel error: the response cannot be passed on", now);
        return false;
    }
    return send_out(c, now);
}

static void switch_over(struct adit_http_conn *c, const struct adit_http1_head *head, adit_time now)
{
    if (!c->upgrade || !c->req_done) {
        adit_http_conn_fail(c, 502, "Tunnel error: the connection was switched over unasked", now);
        return;
    }
    if (!send_head(c, head, now))
        return;
    c->state = ADIT_HTTP_CONN_RAW;
    c->res_done = false;
    adit_http_conn_patience(c, c->proxy->idle_time, now);
    if (c->kept)
        adit_stream_resume(c->stream);
    else if (c->eof)
        adit_http_conn_end_raw(c, now);
}

static void on_head(void *arg, const struct adit_http1_head *head, adit_time now)
{
    struct adit_http_conn *c = arg;

    if (c->state != ADIT_HTTP_CONN_ASKING || head->status < 100 || head->status > 999) {
        adit_http_conn_fail(c, 502, "Tunnel error: a response without sense", now);
    } else if (head->status == 101) {
        switch_over(c, head, now);
    } else if (head->status < 200) {
        if (++c->interims > ADIT_HTTP_INTERIMS_MAX)
            adit_http_conn_fail(c, 502, "Tunnel error: too many interim responses", now);
        else if (head->status != 100 && !c->old) /* we have said 100 ourselves */
            send_head(c, head, now);
    } else if (send_head(c, head, now)) {
        c->state = ADIT_HTTP_CONN_ANSWERING;
        adit_http_conn_patience(c, c->proxy->idle_time, now);
        if (c->upgrade && adit_exchange_end(c->x, NULL, 0, now) < 0)
            adit_http_conn_end(c, true, now);
    }
}

static bool send_body(struct adit_http_conn *c, const uint8_t *bytes, size_t n)
{
    char line[24];

    if (!c->chunked || c->state == ADIT_HTTP_CONN_RAW)
        return adit_stream_send(c->stream, bytes, n) == 0;
    int len = snprintf(line, sizeof line, "%zx\r\n", n);
    return adit_stream_send(c->stream, line, (size_t)len) == 0 &&
           adit_stream_send(c->stream, bytes, n) == 0 &&
           adit_stream_send(c->stream, "\r\n", 2) == 0;
}

static void on_body(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_http_conn *c = arg;
    bool raw = c->state == ADIT_HTTP_CONN_RAW;

    if (n == 0)
        return;
    if (!raw && c->state != ADIT_HTTP_CONN_ANSWERING) {
        adit_http_conn_fail(c, 502, "Tunnel error: a body without a head", now);
    } else if (!raw && c->bodyless) {
        adit_exchange_consumed(c->x, n, now);
    } else if ((!raw && c->counted && n > c->left) || !send_body(c, bytes, n)) {
        adit_http_conn_fail(c, 502, "the body is longer than it was to be, or does not fit", now);
    } else {
        c->left -= c->counted ? n : 0;
        c->owed += n;
        adit_http_conn_patience(c, c->proxy->idle_time, now);
    }
}

static void on_end(void *arg, const struct adit_http1_field *trailers, unsigned count,
                   adit_time now)
{
    struct adit_http_conn *c = arg;
    struct adit_http1_field clean[ADIT_HTTP_FIELDS_MAX];

    if (c->state == ADIT_HTTP_CONN_RAW) {
        c->res_done = true;
        adit_stream_shutdown(c->stream); /* both ended: it closes by itself */
        return;
    }
    if (c->state == ADIT_HTTP_CONN_ASKING) {
        adit_http_conn_fail(c, 502, "Tunnel error: no response", now);
        return;
    }
    if (c->counted && c->left > 0) {
        adit_http_conn_fail(c, 502, "the body is shorter than it was to be", now);
        return;
    }
    if (c->chunked) {
        count = adit_http_trailers_pick(clean, ADIT_LEN(clean), trailers, count);
        adit_http1_put_last_chunk(&c->proxy->out, clean, count);
        if (!send_out(c, now))
            return;
    }
    c->res_done = true;
    if (c->owed <= ADIT_HTTP_OWED_MAX)
        adit_http_conn_answered(c, now);
}

static void on_writable(void *arg, adit_time now)
{
    struct adit_http_conn *c = arg;

    (void)now;
    adit_http_conn_go_on(c);
    adit_http_conn_unhold(c);
}

static void on_failed(void *arg, int status, const char *text, adit_time now)
{
    struct adit_http_conn *c = arg;
    char whole[256], words[200];

    snprintf(whole, sizeof whole, "Tunnel error: %s",
             adit_str_printable(words, sizeof words, text, strlen(text)));
    adit_http_conn_fail(c, status >= 400 && status <= 599 ? status : 502, whole, now);
}

const struct adit_exchange_ops adit_http_conn_ops = {
    .head = on_head, .body = on_body, .end = on_end, .writable = on_writable, .failed = on_failed
};
