/* http_proxy_conn.c - a client's connection: its life, and what it sends. */
#include <stdio.h>
#include <unistd.h>

#include "app/http_proxy_inner.h"
#include "base/alloc.h"
#include "base/log.h"

/* ---- time ------------------------------------------------------------------------------------ */

/* The timer is moved only to an earlier time: a deadline that was put off is looked at again when
 * it fires. So a busy connection costs no heap. */
static void arm(struct adit_http_conn *c)
{
    adit_time at = adit_time_min(c->deadline, c->end_by);

    if (at < c->armed) {
        c->armed = at;
        adit_timer_set(&c->timer, at);
    }
}

void adit_http_conn_patience(struct adit_http_conn *c, adit_time time, adit_time now)
{
    c->deadline = time == ADIT_NEVER ? ADIT_NEVER : now + time;
    arm(c);
}

static void on_late(struct adit_http_conn *c, adit_time now)
{
    switch (c->state) {
    case ADIT_HTTP_CONN_READING:
        c->keep_alive = false;
        if (adit_http1_busy(c->http))
            adit_http_conn_reply(c, 408, "No whole request in time", "", now);
        else
            adit_http_conn_close(c, now);
        break;
    case ADIT_HTTP_CONN_ASKING:
        adit_http_conn_fail(c, 504, "Tunnel response timeout", now);
        break;
    case ADIT_HTTP_CONN_ANSWERING:
    case ADIT_HTTP_CONN_RAW:
        adit_debug("http", "an exchange is cut: it took too long, or was silent too long");
        adit_http_conn_end(c, true, now);
        break;
    case ADIT_HTTP_CONN_ENDING:
    case ADIT_HTTP_CONN_GONE:
        break;
    }
}

static void on_timer(struct adit_timer *timer, adit_time now)
{
    struct adit_http_conn *c = adit_container_of(timer, struct adit_http_conn, timer);

    c->armed = ADIT_NEVER;
    if (now >= adit_time_min(c->deadline, c->end_by))
        on_late(c, now);
    else
        arm(c);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void on_bury(struct adit_task *task, adit_time now)
{
    struct adit_http_conn *c = adit_container_of(task, struct adit_http_conn, bury);

    (void)now;
    adit_http1_free(c->http);
    adit_free(c);
}

void adit_http_conn_let_go(struct adit_http_conn *c, adit_time now)
{
    if (!c->x)
        return;
    c->x = adit_exchange_free(c->x, NULL, now);
    c->proxy->exchange_count--;
    c->owed = 0;
    c->end_by = ADIT_NEVER;
}

void adit_http_conn_end(struct adit_http_conn *c, bool reset, adit_time now)
{
    struct adit_http_proxy *p = c->proxy;

    if (c->state == ADIT_HTTP_CONN_GONE)
        return;
    c->state = ADIT_HTTP_CONN_GONE;
    adit_http_conn_let_go(c, now);
    c->stream = reset ? adit_stream_abort(c->stream) : adit_stream_free(c->stream);
    adit_timer_stop(&c->timer);
    adit_list_del(&c->link);
    if (p->conn_count-- >= p->connections_max && p->listen)
        adit_listen_resume(p->listen);
    adit_loop_end_of_round(p->loop, &c->bury); /* we may be inside of one of its callbacks */
}

void adit_http_conn_close(struct adit_http_conn *c, adit_time now)
{
    if (c->state >= ADIT_HTTP_CONN_ENDING)
        return;
    adit_http_conn_let_go(c, now);
    c->state = ADIT_HTTP_CONN_ENDING;
    c->deadline = ADIT_NEVER;
    adit_stream_close(c->stream); /* has a limit of its own */
}

void adit_http_conn_answered(struct adit_http_conn *c, adit_time now)
{
    adit_http_conn_let_go(c, now);
    if (!c->keep_alive || !c->req_done) {
        adit_http_conn_close(c, now);
        return;
    }
    c->state = ADIT_HTTP_CONN_READING;
    c->req_done = c->res_done = c->refused = c->to_head = c->started = false;
    adit_http1_next(c->http);
    adit_http_conn_patience(c, c->proxy->idle_time, now);
    if (c->kept)
        adit_stream_resume(c->stream);
    else if (c->eof)
        adit_http_conn_close(c, now);
}

/* ---- what it sends --------------------------------------------------------------------------- */

void adit_http_conn_unhold(struct adit_http_conn *c)
{
    if (c->held && (!c->x || adit_exchange_room(c->x) > 0)) {
        c->held = false;
        adit_stream_resume(c->stream);
    }
}

static void progress(struct adit_http_conn *c, adit_time now)
{
    const struct adit_http_proxy *p = c->proxy;

    adit_http_conn_patience(c, c->state == ADIT_HTTP_CONN_ASKING ? p->response_time : p->idle_time,
                            now);
}

static void on_body(struct adit_http_conn *c, struct adit_span data, adit_time now)
{
    if (adit_exchange_body(c->x, data.data, data.len, now) < 0)
        adit_http_conn_fail(c, 502, "Tunnel send failed", now);
    else
        progress(c, now);
}

static void on_end(struct adit_http_conn *c, const struct adit_http1_head *head, adit_time now)
{
    struct adit_http1_field trailers[ADIT_HTTP_FIELDS_MAX];
    unsigned count =
        adit_http_trailers_pick(trailers, ADIT_LEN(trailers), head->trailers, head->trailer_count);

    c->req_done = true;
    c->done_at = now;
    c->owes_continue = false;
    if (c->refused)
        adit_http_conn_answered(c, now);
    else if (!c->upgrade && adit_exchange_end(c->x, trailers, count, now) < 0)
        adit_http_conn_fail(c, 502, "Tunnel send failed", now);
    else
        progress(c, now);
}

static void on_bad(struct adit_http_conn *c, const struct adit_http1_event *ev, adit_time now)
{
    char text[160];

    adit_debug("http", "a request %s", ev->why);
    c->keep_alive = false;
    if (c->state != ADIT_HTTP_CONN_READING) {
        adit_http_conn_fail(c, 400, "Failed to read body", now);
        return;
    }
    snprintf(text, sizeof text, "The request %s", ev->why);
    adit_http_conn_reply(c, ev->status, text, "", now);
}

/* How many of n bytes may be read now: no more than the exchange takes. */
static size_t allowance(struct adit_http_conn *c, size_t n)
{
    size_t room = c->x ? adit_exchange_room(c->x) : n;

    if (n > 0 && room == 0) {
        c->held = true;
        adit_stream_pause(c->stream);
    }
    return n < room ? n : room;
}

void adit_http_conn_end_raw(struct adit_http_conn *c, adit_time now)
{
    if (adit_exchange_end(c->x, NULL, 0, now) < 0)
        adit_http_conn_end(c, true, now);
}

static size_t read_raw(struct adit_http_conn *c, const uint8_t *bytes, size_t n, adit_time now)
{
    size_t used = 0, may;

    /* Until there is no room: what is left then comes again when there is, and at no other time. */
    while ((may = allowance(c, n - used)) > 0) {
        if (adit_exchange_body(c->x, bytes + used, may, now) < 0) {
            adit_http_conn_end(c, true, now);
            return n;
        }
        used += may;
    }
    progress(c, now);
    if (c->eof && used == n) /* it came before the switch */
        adit_http_conn_end_raw(c, now);
    return used;
}

/* Reads one event. False: no more for now. */
static bool read_http(struct adit_http_conn *c, const uint8_t *bytes, size_t n, size_t *io_used,
                      adit_time now)
{
    size_t may = allowance(c, n - *io_used);
    struct adit_http1_event ev;

    if (c->held)
        return false;
    *io_used += adit_http1_feed(c->http, bytes + *io_used, may, &ev);
    switch (ev.what) {
    case ADIT_HTTP1_HEAD:
        adit_http_conn_ask(c, ev.head, now);
        return true;
    case ADIT_HTTP1_BODY:
        on_body(c, ev.data, now);
        return true;
    case ADIT_HTTP1_END:
        on_end(c, ev.head, now);
        return true;
    case ADIT_HTTP1_BAD:
        on_bad(c, &ev, now);
        return false;
    case ADIT_HTTP1_MORE:
        break;
    }
    return *io_used < n;
}

static size_t on_data(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_http_conn *c = arg;
    size_t used = 0;
    bool more = true;

    c->kept = true; /* until all is read */
    while (more && c->state < ADIT_HTTP_CONN_RAW && !c->req_done)
        more = read_http(c, bytes, n, &used, now);
    if (c->state == ADIT_HTTP_CONN_RAW)
        used += read_raw(c, bytes + used, n - used, now);
    if (c->state >= ADIT_HTTP_CONN_ENDING)
        return n;
    c->kept = used < n;
    if (c->state == ADIT_HTTP_CONN_READING && c->eof) {
        adit_http_conn_close(c, now); /* there will be no more of this request */
    } else if (c->state == ADIT_HTTP_CONN_READING && !c->started && adit_http1_busy(c->http)) {
        c->started = true;
        adit_http_conn_patience(c, c->proxy->head_time, now);
    }
    return used;
}

/* The client sends no more. Did it leave, or does it wait for the answer? TCP does not tell. Who
 * ends its side with its request, as some programs do, does so at once; who gives up waiting does
 * it later, and then the exchange is cancelled, as other proxies do. */
static void on_eof(void *arg, adit_time now)
{
    struct adit_http_conn *c = arg;

    c->eof = true;
    switch (c->state) {
    case ADIT_HTTP_CONN_READING:
        if (!c->kept)
            adit_http_conn_close(c, now);
        break;
    case ADIT_HTTP_CONN_ASKING:
    case ADIT_HTTP_CONN_ANSWERING:
        if (!c->req_done)
            adit_http_conn_fail(c, 400, "Failed to read body", now);
        else if (now - c->done_at > ADIT_HTTP_HALF_CLOSE_TIME)
            adit_http_conn_end(c, false, now);
        break;
    case ADIT_HTTP_CONN_RAW:
        adit_http_conn_end_raw(c, now);
        break;
    case ADIT_HTTP_CONN_ENDING:
    case ADIT_HTTP_CONN_GONE:
        break;
    }
}

/* ---- the stream ------------------------------------------------------------------------------ */

static void on_connected(void *arg, adit_time now)
{
    (void)arg;
    (void)now;
}

static void on_sent(void *arg, adit_time now)
{
    adit_http_conn_sent(arg, now);
}

static void on_closed(void *arg, const struct adit_cause *cause, adit_time now)
{
    (void)cause;
    adit_http_conn_end(arg, false, now);
}

static const struct adit_stream_ops stream_ops = {
    .connected = on_connected, .data = on_data, .eof = on_eof, .sent = on_sent, .closed = on_closed
};

void adit_http_conn_accept(struct adit_http_proxy *p, int fd, const struct adit_addr *from,
                           adit_time now)
{
    const struct adit_http1_conf http = { .head_max = p->head_max,
                                          .fields_max = ADIT_HTTP_FIELDS_MAX };
    const struct adit_stream_accept_conf conf = { .from = from,
                                                  .stall_timeout = p->idle_time,
                                                  .queue_max = ADIT_HTTP_QUEUE_MAX };
    struct adit_http_conn *c = adit_zalloc(sizeof *c);

    if (!c) {
        close(fd);
        return;
    }
    c->proxy = p;
    c->from = *from;
    c->deadline = c->end_by = c->armed = ADIT_NEVER;
    adit_timer_init(&c->timer, p->loop, on_timer, "http client");
    adit_task_init(&c->bury, on_bury);
    adit_list_add(&p->conns, &c->link);
    p->conn_count++;
    c->http = adit_http1_new(&http);
    if (!c->http)
        close(fd);
    if (!c->http || adit_stream_accept(&c->stream, p->loop, fd, &conf, &stream_ops, c) < 0)
        adit_http_conn_end(c, false, now);
    else
        adit_http_conn_patience(c, p->head_time, now);
}
