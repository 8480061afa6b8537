/* http_serve_up.c - a connection to the upstream: its life. */
#include "app/http_serve_inner.h"
#include "base/alloc.h"
#include "base/log.h"

/* ---- time ------------------------------------------------------------------------------------ */

/* As in http_proxy_conn.c: the timer is only moved to an earlier time. */
static adit_time due(const struct adit_http_up *up)
{
    return up->call ? adit_time_min(up->deadline, up->call->end_by) : ADIT_NEVER;
}

static void arm(struct adit_http_up *up)
{
    adit_time at = due(up);

    if (at < up->armed) {
        up->armed = at;
        adit_timer_set(&up->timer, at);
    }
}

void adit_http_up_patience(struct adit_http_up *up, adit_time time, adit_time now)
{
    up->deadline = time == ADIT_NEVER ? ADIT_NEVER : now + time;
    arm(up);
}

static void on_timer(struct adit_timer *timer, adit_time now)
{
    struct adit_http_up *up = adit_container_of(timer, struct adit_http_up, timer);

    up->armed = ADIT_NEVER;
    if (now < due(up))
        arm(up);
    else
        adit_http_call_fail(up->call, 504, "Gateway Timeout: the upstream takes too long", now);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void on_bury(struct adit_task *task, adit_time now)
{
    struct adit_http_up *up = adit_container_of(task, struct adit_http_up, bury);

    (void)now;
    adit_http1_free(up->http);
    adit_buf_done(&up->head);
    adit_free(up);
}

void adit_http_up_free(struct adit_http_up *up, bool reset, adit_time now)
{
    struct adit_http_serve *s = up->serve;

    (void)now;
    if (up->gone)
        return;
    up->gone = true;
    adit_http_up_part(up);
    s->idle_count -= up->idle;
    up->stream = reset ? adit_stream_abort(up->stream) : adit_stream_free(up->stream);
    adit_timer_stop(&up->timer);
    adit_list_del(&up->link);
    s->up_count--;
    adit_loop_end_of_round(s->loop, &up->bury); /* we may be inside of one of its callbacks */
}

void adit_http_up_part(struct adit_http_up *up)
{
    if (up->call)
        up->call->up = NULL;
    up->call = NULL;
}

static int connect_up(struct adit_http_up *up)
{
    const struct adit_http_serve *s = up->serve;
    const struct adit_http1_conf http = { .response = true,
                                          .head_max = s->head_max,
                                          .fields_max = ADIT_HTTP_FIELDS_MAX };
    const struct adit_stream_conf conf = { .host = s->host,
                                           .port = s->port,
                                           .tls = s->tls,
                                           .timeout = s->connect_time,
                                           .stall_timeout = s->idle_time,
                                           .queue_max = ADIT_HTTP_QUEUE_MAX };

    up->http = adit_http1_new(&http);
    if (!up->http)
        return -ENOMEM;
    return adit_stream_connect(&up->stream, s->loop, &conf, &adit_http_up_ops, up);
}

int adit_http_up_get(struct adit_http_call *call, bool fresh, adit_time now)
{
    struct adit_http_serve *s = call->serve;
    struct adit_http_up *up;
    int err;

    if (!fresh && !adit_list_empty(&s->idle)) {
        /* The one that was idle last is the least likely to be closed just now. */
        up = adit_container_of(s->idle.prev, struct adit_http_up, link);
        s->idle_count--;
        up->idle = false;
        adit_list_del(&up->link);
        adit_list_add(&s->ups, &up->link);
        up->call = call;
        call->up = up;
        return 0;
    }
    up = adit_zalloc(sizeof *up);
    if (!up)
        return -ENOMEM;
    up->serve = s;
    up->call = call;
    call->up = up;
    up->deadline = up->armed = ADIT_NEVER;
    adit_buf_init(&up->head, 4 * ADIT_HTTP1_HEAD_MAX);
    adit_timer_init(&up->timer, s->loop, on_timer, "http upstream");
    adit_task_init(&up->bury, on_bury);
    adit_list_add(&s->ups, &up->link);
    s->up_count++;
    err = connect_up(up);
    if (err)
        adit_http_up_free(up, false, now);
    return err;
}

int adit_http_up_ask(struct adit_http_up *up, bool to_head, adit_time now)
{
    up->heard = up->held = false;
    adit_http1_expect(up->http, to_head ? "HEAD" : "GET");
    adit_http_up_patience(up, up->serve->response_time, now);
    return adit_stream_send(up->stream, up->head.data, up->head.len);
}

/* ---- between two requests -------------------------------------------------------------------- */

void adit_http_up_on_idle(struct adit_timer *timer, adit_time now)
{
    struct adit_http_serve *s = adit_container_of(timer, struct adit_http_serve, idle_timer);

    while (!adit_list_empty(&s->idle)) {
        struct adit_http_up *up = adit_container_of(s->idle.next, struct adit_http_up, link);

        if (now - up->idle_since < s->keep_time) {
            adit_timer_set(&s->idle_timer, up->idle_since + s->keep_time);
            return;
        }
        adit_http_up_free(up, false, now);
    }
}

void adit_http_up_idle(struct adit_http_up *up, adit_time now)
{
    struct adit_http_serve *s = up->serve;

    if (s->idle_count >= s->idle_max)
        adit_http_up_free(adit_container_of(s->idle.next, struct adit_http_up, link), false, now);
    if (s->idle_count == 0)
        adit_timer_set(&s->idle_timer, now + s->keep_time);
    up->idle = up->used = true;
    up->head.len = 0;
    up->head.err = 0;
    up->idle_since = now;
    adit_http1_next(up->http);
    adit_list_del(&up->link);
    adit_list_add(&s->idle, &up->link);
    s->idle_count++;
}
