#include "core/stream.h"

#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "core/stream_inner.h"

#define COMPACT_MIN (64 * 1024) /* bytes at the front that are not worth a move */

#define TO(state) (1u << ADIT_STREAM_##state)

static const unsigned arrows[] = {
    [ADIT_STREAM_DIALING] = TO(SHAKING) | TO(OPEN) | TO(ENDED),
    [ADIT_STREAM_SHAKING] = TO(OPEN) | TO(ENDED),
    [ADIT_STREAM_OPEN] = TO(CLOSING) | TO(ENDED),
    [ADIT_STREAM_CLOSING] = TO(ENDED),
    [ADIT_STREAM_ENDED] = 0,
};

void adit_stream_set_state(struct adit_stream *s, enum adit_stream_state state)
{
    static const char *const names[] = { "dialing", "shaking", "open", "closing", "ended" };

    assert(arrows[s->state] & 1u << state);
    adit_trace("stream", "%s, was %s", names[state], names[s->state]);
    s->state = state;
}

/* ---- what is called up from the loop --------------------------------------------------------- */

void adit_stream_tell(struct adit_stream *s, unsigned what)
{
    s->due |= what;
    adit_loop_before_sleep(s->loop, &s->call);
}

static bool is_due(struct adit_stream *s, unsigned what)
{
    bool due = !s->freed && s->due & what;

    s->due &= ~what;
    return due;
}

void adit_stream_tell_connected(struct adit_stream *s, adit_time now)
{
    if (is_due(s, ADIT_STREAM_TELL_CONNECTED) && s->state == ADIT_STREAM_OPEN)
        s->ops->connected(s->arg, now);
}

static void on_call(struct adit_task *task, adit_time now)
{
    struct adit_stream *s = adit_container_of(task, struct adit_stream, call);

    adit_stream_tell_connected(s, now);
    if (is_due(s, ADIT_STREAM_TELL_KEPT))
        adit_stream_offer(s, now);
    if (is_due(s, ADIT_STREAM_TELL_ROOM) && s->state == ADIT_STREAM_OPEN && s->ops->writable)
        s->ops->writable(s->arg, now);
    if (is_due(s, ADIT_STREAM_TELL_SENT) && s->state == ADIT_STREAM_OPEN && s->ops->sent)
        s->ops->sent(s->arg, now);
    if (is_due(s, ADIT_STREAM_TELL_CLOSED) && s->ops->closed)
        s->ops->closed(s->arg, &s->cause, now);
}

/* ---- the end --------------------------------------------------------------------------------- */

void adit_stream_end(struct adit_stream *s, enum adit_reason reason, int err, const char *text)
{
    if (s->state == ADIT_STREAM_ENDED)
        return;
    /* A goodbye that failed is only worth telling if bytes were lost with it. */
    if (s->state != ADIT_STREAM_CLOSING || (err && adit_stream_buffered(s)))
        adit_cause_set(&s->cause, reason, err, "%s", text);
    adit_stream_set_state(s, ADIT_STREAM_ENDED);
    s->dial = adit_dial_free(s->dial);
    adit_stream_detach(s, false);
    adit_task_cancel(&s->flush);
    adit_timer_stop(&s->timer);
    adit_stream_tell(s, ADIT_STREAM_TELL_CLOSED);
}

void adit_stream_finish(struct adit_stream *s, enum adit_reason reason, const char *text)
{
    if (s->state != ADIT_STREAM_OPEN) {
        adit_stream_end(s, reason, 0, text);
        return;
    }
    adit_cause_set(&s->cause, reason, 0, "%s", text);
    adit_stream_set_state(s, ADIT_STREAM_CLOSING);
    s->want_end = true;
    adit_stream_set_limit(s, ADIT_STREAM_LIMIT_LINGER, adit_loop_now(s->loop) + ADIT_STREAM_LINGER);
    adit_stream_set_limit(s, ADIT_STREAM_LIMIT_USER, ADIT_NEVER);
    adit_stream_update(s);
    adit_loop_before_sleep(s->loop, &s->flush);
}

void adit_stream_close(struct adit_stream *s)
{
    if (s->state != ADIT_STREAM_CLOSING)
        adit_stream_finish(s, ADIT_REASON_LOCAL, "closed here");
}

void adit_stream_hand_over(struct adit_stream *s, const struct adit_stream_ops *ops, void *arg)
{
    s->ops = ops;
    s->arg = arg;
}

static void on_bury(struct adit_task *task, adit_time now)
{
    struct adit_stream *s = adit_container_of(task, struct adit_stream, bury);

    (void)now;
    adit_buf_done(&s->in);
    adit_buf_done(&s->out);
    adit_stream_talk_free(s);
    adit_tls_conn_free(s->tls);
    adit_free(s);
}

static void let_go(struct adit_stream *s, bool reset)
{
    s->freed = true;
    s->dial = adit_dial_free(s->dial);
    adit_stream_detach(s, reset);
    adit_timer_stop(&s->timer);
    adit_task_cancel(&s->flush);
    adit_task_cancel(&s->call);
    adit_loop_end_of_round(s->loop, &s->bury); /* we may be inside one of its callbacks */
}

struct adit_stream *adit_stream_free(struct adit_stream *s)
{
    if (!s || s->freed)
        return NULL;
    if (s->state == ADIT_STREAM_OPEN || s->state == ADIT_STREAM_CLOSING) {
        s->want_end = true;
        adit_stream_flush(s, adit_loop_now(s->loop));
    }
    let_go(s, false);
    return NULL;
}

struct adit_stream *adit_stream_abort(struct adit_stream *s)
{
    if (s && !s->freed)
        let_go(s, true);
    return NULL;
}

/* ---- limits ---------------------------------------------------------------------------------- */

static void rearm(struct adit_stream *s)
{
    adit_time at = ADIT_NEVER;

    for (size_t i = 0; i < ADIT_LEN(s->limits); i++)
        at = adit_time_min(at, s->limits[i]);
    if (at != s->armed)
        adit_timer_set(&s->timer, at);
    s->armed = at;
}

void adit_stream_set_limit(struct adit_stream *s, enum adit_stream_limit which, adit_time at)
{
    s->limits[which] = at;
    rearm(s);
}

static void on_timer(struct adit_timer *timer, adit_time now)
{
    struct adit_stream *s = adit_container_of(timer, struct adit_stream, timer);

    s->armed = ADIT_NEVER;
    if (now >= s->limits[ADIT_STREAM_LIMIT_LINGER])
        adit_stream_end(s, ADIT_REASON_TIMEOUT, ETIMEDOUT, "closed before all was delivered");
    else if (now >= s->limits[ADIT_STREAM_LIMIT_OPEN])
        adit_stream_end(s, ADIT_REASON_TIMEOUT, ETIMEDOUT, "the handshake took too long");
    else if (now >= s->limits[ADIT_STREAM_LIMIT_STALL])
        adit_stream_end(s, ADIT_REASON_TIMEOUT, ETIMEDOUT, "the other side takes no more bytes");
    else if (now >= s->limits[ADIT_STREAM_LIMIT_USER])
        adit_stream_end(s, ADIT_REASON_TIMEOUT, ETIMEDOUT, s->user_text);
    else
        rearm(s);
}

void adit_stream_limit(struct adit_stream *s, adit_time at, const char *text)
{
    if (s->freed || s->state > ADIT_STREAM_OPEN)
        return;
    s->user_text = text;
    adit_stream_set_limit(s, ADIT_STREAM_LIMIT_USER, at);
}

/* ---- sending and reading --------------------------------------------------------------------- */

size_t adit_stream_buffered(const struct adit_stream *s)
{
    return s->out.len - s->out_at;
}

size_t adit_stream_room(const struct adit_stream *s)
{
    return s->state > ADIT_STREAM_OPEN || s->want_end ? 0 : s->queue_max - adit_stream_buffered(s);
}

int adit_stream_send(struct adit_stream *s, const void *bytes, size_t n)
{
    if (s->freed || s->state > ADIT_STREAM_OPEN || s->want_end)
        return -EPIPE;
    if (n > s->queue_max)
        return -EMSGSIZE;
    if (n > adit_stream_room(s)) {
        s->want_room = true;
        return -EAGAIN;
    }
    /* What has left is dropped from the front when it is in the way, or more than what waits: so
     * the buffer is at most twice the queue, and each byte is moved once at most. */
    if (n > s->out.limit - s->out.len ||
        (s->out_at > COMPACT_MIN && s->out_at > adit_stream_buffered(s))) {
        adit_buf_consume(&s->out, s->out_at);
        s->out_at = 0;
    }
    adit_buf_add(&s->out, bytes, n);
    if (s->out.err) {
        s->out.err = 0; /* nothing was added: the queue is as it was */
        return -ENOMEM;
    }
    if (s->state == ADIT_STREAM_OPEN)
        adit_loop_before_sleep(s->loop, &s->flush);
    return 0;
}

void adit_stream_shutdown(struct adit_stream *s)
{
    s->want_end = true;
    if (s->state == ADIT_STREAM_OPEN)
        adit_loop_before_sleep(s->loop, &s->flush);
}

static void on_flush(struct adit_task *task, adit_time now)
{
    adit_stream_flush(adit_container_of(task, struct adit_stream, flush), now);
}

void adit_stream_pause(struct adit_stream *s)
{
    s->paused = true;
    adit_stream_update(s);
}

void adit_stream_resume(struct adit_stream *s)
{
    s->paused = false;
    adit_stream_update(s);
    if (s->state == ADIT_STREAM_OPEN)
        adit_stream_tell(s, ADIT_STREAM_TELL_KEPT);
}

/* ---- the beginning --------------------------------------------------------------------------- */

static struct adit_stream *new_stream(struct adit_loop *loop, const struct adit_stream_ops *ops,
                                      void *arg, adit_time stall_timeout, size_t queue_max)
{
    struct adit_stream *s = adit_zalloc(sizeof *s);

    if (!s)
        return NULL;
    s->loop = loop;
    s->ops = ops;
    s->arg = arg;
    s->stall_timeout = stall_timeout ? stall_timeout : ADIT_STREAM_STALL_TIMEOUT;
    s->queue_max = queue_max ? queue_max : ADIT_STREAM_QUEUE_MAX;
    adit_buf_init(&s->in, SIZE_MAX);
    adit_buf_init(&s->out, 2 * s->queue_max);
    adit_task_init(&s->flush, on_flush);
    adit_task_init(&s->call, on_call);
    adit_task_init(&s->bury, on_bury);
    adit_timer_init(&s->timer, loop, on_timer, "stream");
    s->armed = ADIT_NEVER;
    for (size_t i = 0; i < ADIT_LEN(s->limits); i++)
        s->limits[i] = ADIT_NEVER;
    return s;
}

void adit_stream_opened(struct adit_stream *s)
{
    adit_stream_set_state(s, ADIT_STREAM_OPEN);
    adit_stream_set_limit(s, ADIT_STREAM_LIMIT_OPEN, ADIT_NEVER);
    adit_stream_tell(s, ADIT_STREAM_TELL_CONNECTED);
    adit_stream_update(s);
    adit_loop_before_sleep(s->loop, &s->flush);
}

void adit_stream_stands(struct adit_stream *s)
{
    if (!s->talk && !s->tls) {
        adit_stream_opened(s);
        return;
    }
    adit_stream_set_state(s, ADIT_STREAM_SHAKING);
    adit_stream_set_limit(s, ADIT_STREAM_LIMIT_OPEN, s->open_by);
    adit_stream_shake(s, NULL, 0);
    adit_loop_before_sleep(s->loop, &s->flush);
}

static void on_dialed(void *arg, int fd, const struct adit_addr *addr,
                      const struct adit_cause *cause, adit_time now)
{
    struct adit_stream *s = arg;

    (void)now;
    if (fd < 0) {
        adit_stream_end(s, cause->reason, cause->err, cause->text);
        return;
    }
    s->peer = *addr;
    s->dial = adit_dial_free(s->dial);
    int err = adit_stream_attach(s, fd);
    if (err)
        adit_stream_end(s, ADIT_REASON_RESOURCE, -err, strerror(-err));
    else
        adit_stream_stands(s);
}

/* What is wrong with the names is said at once, not when they are needed. */
static int prepare(struct adit_stream *s, const struct adit_stream_conf *conf,
                   struct adit_dial_conf *dial)
{
    const char *name = conf->tls_name ? conf->tls_name : conf->host;
    int err = 0;

    if (conf->proxy && conf->proxy->kind != ADIT_PROXY_NONE) {
        s->talk = adit_malloc(sizeof *s->talk);
        if (!s->talk)
            return -ENOMEM;
        err = adit_proxy_talk_start(s->talk, conf->proxy, conf->host ? conf->host : "", conf->port);
        dial->host = conf->proxy->host;
        dial->port = conf->proxy->port;
        dial->addr_count = 0;
    }
    if (!err && conf->tls)
        err = adit_tls_conn_client(&s->tls, conf->tls, name ? name : "");
    return err;
}

int adit_stream_connect(struct adit_stream **ret_stream, struct adit_loop *loop,
                        const struct adit_stream_conf *conf, const struct adit_stream_ops *ops,
                        void *arg)
{
    struct adit_stream *s = new_stream(loop, ops, arg, conf->stall_timeout, conf->queue_max);
    struct adit_dial_conf dial = { .host = conf->host,
                                   .port = conf->port,
                                   .addrs = conf->addrs,
                                   .addr_count = conf->addr_count,
                                   .servers = conf->servers,
                                   .mark = conf->mark,
                                   .from = conf->from,
                                   .device = conf->device,
                                   .timeout = conf->timeout ? conf->timeout : ADIT_STREAM_TIMEOUT };
    int err = s ? prepare(s, conf, &dial) : -ENOMEM;

    if (!err)
        s->unsent_max = conf->unsent_max;
    if (!err)
        err = adit_dial_start(&s->dial, loop, &dial, on_dialed, s);
    if (!err)
        s->open_by = adit_loop_now(loop) + dial.timeout;
    *ret_stream = err ? adit_stream_free(s) : s;
    return err;
}

int adit_stream_accept(struct adit_stream **ret_stream, struct adit_loop *loop, int fd,
                       const struct adit_stream_accept_conf *conf,
                       const struct adit_stream_ops *ops, void *arg)
{
    struct adit_stream *s = new_stream(loop, ops, arg, conf->stall_timeout, conf->queue_max);
    int err = !s ? -ENOMEM : conf->tls ? adit_tls_conn_server(&s->tls, conf->tls) : 0;

    if (!err)
        s->unsent_max = conf->unsent_max;
    if (err)
        close(fd);
    else
        err = adit_stream_attach(s, fd);
    if (!err) {
        s->open_by = adit_loop_now(loop) + (conf->timeout ? conf->timeout : ADIT_STREAM_TIMEOUT);
        if (conf->from)
            s->peer = *conf->from;
        adit_stream_stands(s);
    }
    *ret_stream = err ? adit_stream_free(s) : s;
    return err;
}

bool adit_stream_is_connected(const struct adit_stream *s)
{
    return s->state == ADIT_STREAM_OPEN;
}

const struct adit_addr *adit_stream_peer(const struct adit_stream *s)
{
    return &s->peer;
}

const char *adit_stream_tls(const struct adit_stream *s)
{
    return s->tls ? adit_tls_conn_text(s->tls) : "";
}

int64_t adit_stream_tls_expires(const struct adit_stream *s)
{
    return s->tls ? adit_tls_conn_expires(s->tls) : 0;
}
