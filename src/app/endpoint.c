#include "app/endpoint.h"

#include "app/endpoint_inner.h"
#include "base/alloc.h"

/* ---- the end --------------------------------------------------------------------------------- */

void adit_endpoint_finish(struct adit_endpoint *e, enum adit_mux_code code, const char *text,
                          adit_time now)
{
    struct adit_mux_stream *s = e->mux;

    e->mux = NULL;
    if (s)
        adit_mux_reset(s, code, text);
    adit_endpoint_cut(e);
    e->ops->done(e->arg, code, text, now);
}

/* Both sides are over, and nothing waits any more. */
static void finish_if_over(struct adit_endpoint *e, adit_time now)
{
    if (e->mux_done && !e->stream && !e->owed)
        adit_endpoint_finish(e, ADIT_MUX_DONE, "", now);
}

void adit_endpoint_local_over(struct adit_endpoint *e, adit_time now)
{
    e->owed = 0;
    finish_if_over(e, now);
}

/* ---- up: from the local side to the mux ------------------------------------------------------ */

int adit_endpoint_stood(struct adit_endpoint *e)
{
    static const uint8_t it_stands[] = { 0 };

    e->stands = true;
    if (!e->head_due || !e->mux)
        return 0;
    e->head_due = false;
    return adit_mux_head(e->mux, it_stands, sizeof it_stands) == -ENOMEM ? -ENOMEM : 0;
}

ssize_t adit_endpoint_up(struct adit_endpoint *e, const uint8_t *bytes, size_t n)
{
    size_t room = e->mux ? adit_mux_room(e->mux) : 0;

    n = n < room ? n : room;
    if (n && adit_mux_send(e->mux, bytes, n) == -ENOMEM)
        return -ENOMEM;
    if (e->count_out)
        *e->count_out += n;
    return (ssize_t)n;
}

void adit_endpoint_up_end(struct adit_endpoint *e, adit_time now)
{
    if (e->end_sent || !e->mux)
        return;
    e->end_sent = true;
    if (adit_mux_end(e->mux, "", 0) == -ENOMEM)
        adit_endpoint_finish(e, ADIT_MUX_FULL, "out of memory", now);
}

/* ---- down: from the mux to the local side ---------------------------------------------------- */

void adit_endpoint_settle(struct adit_endpoint *e, adit_time now)
{
    size_t waiting = adit_endpoint_waiting(e);

    if (e->owed > waiting) {
        if (e->mux)
            adit_mux_consumed(e->mux, e->owed - waiting);
        e->owed = waiting;
    }
    if (e->owed || !e->end_got || !e->stands)
        return;
    if (e->ended_told) {
        finish_if_over(e, now);
        return;
    }
    e->ended_told = true;
    if (e->own) /* a device has no half to go on with */
        adit_endpoint_up_end(e, now);
    else if (e->ops->ended)
        e->ops->ended(e->arg, now);
}

static void on_head(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_endpoint *e = arg;

    if (e->ops->stands)
        e->ops->stands(e->arg, bytes, n, now);
}

static void on_data(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_endpoint *e = arg;

    e->owed += n;
    if (e->count_in)
        *e->count_in += n;
    if (adit_endpoint_down(e, bytes, n) == -ENOMEM)
        adit_endpoint_finish(e, ADIT_MUX_FULL, "out of memory", now);
    else
        adit_endpoint_settle(e, now);
}

static void on_end(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_endpoint *e = arg;

    (void)bytes, (void)n;
    e->end_got = true;
    adit_endpoint_down_end(e);
    adit_endpoint_settle(e, now);
}

static void on_writable(void *arg, adit_time now)
{
    (void)now;
    adit_endpoint_resume(arg);
}

static void on_closed(void *arg, enum adit_mux_code code, const char *text, adit_time now)
{
    struct adit_endpoint *e = arg;

    e->mux = NULL;
    if (code == ADIT_MUX_DONE && e->end_sent && e->end_got) {
        e->mux_done = true;
        finish_if_over(e, now);
        return;
    }
    adit_endpoint_finish(e, code, text, now);
}

static const struct adit_mux_stream_ops ops = {
    .head = on_head,
    .data = on_data,
    .end = on_end,
    .writable = on_writable,
    .closed = on_closed,
};

/* ---- life ------------------------------------------------------------------------------------ */

struct adit_endpoint *adit_endpoint_new(struct adit_loop *loop,
                                        const struct adit_endpoint_ops *endpoint_ops, void *arg)
{
    struct adit_endpoint *e = adit_zalloc(sizeof *e);

    if (!e)
        return NULL;
    e->loop = loop;
    e->ops = endpoint_ops;
    e->arg = arg;
    e->in = e->out = -1;
    adit_buf_init(&e->early, ADIT_ENDPOINT_QUEUE_MAX);
    return e;
}

void adit_endpoint_count(struct adit_endpoint *e, uint64_t *out, uint64_t *in)
{
    e->count_out = out;
    e->count_in = in;
}

struct adit_endpoint *adit_endpoint_free(struct adit_endpoint *e)
{
    if (!e)
        return NULL;
    if (e->mux)
        adit_mux_reset(e->mux, ADIT_MUX_BROKEN, NULL);
    adit_endpoint_cut(e);
    adit_free(e);
    return NULL;
}

int adit_endpoint_open(struct adit_endpoint *e, struct adit_mux *mux, enum adit_mux_kind kind,
                       const void *target, size_t n)
{
    return adit_mux_open(&e->mux, mux, kind, target, n, &ops, e);
}

void adit_endpoint_answer(struct adit_endpoint *e, struct adit_mux_stream *s, bool head)
{
    e->mux = s;
    e->head_due = head;
    adit_mux_accept(s, &ops, e);
}

void adit_endpoint_refuse(struct adit_endpoint *e, enum adit_mux_code code, const char *text,
                          adit_time now)
{
    adit_endpoint_finish(e, code, text, now);
}

struct adit_mux_stream *adit_endpoint_stream(const struct adit_endpoint *e)
{
    return e->mux;
}

enum adit_mux_code adit_endpoint_code(const struct adit_cause *cause)
{
    switch (cause->err) {
    case ECONNREFUSED:
    case EACCES: /* of a local socket's file */
    case EPERM:
    case EBUSY:
    case ENOTTY:
        return ADIT_MUX_REFUSED;
    case ENOENT:
    case ENODEV:
    case ENXIO:
        return ADIT_MUX_NOT_FOUND;
    case ETIMEDOUT:
        return ADIT_MUX_TIMEOUT;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
        return ADIT_MUX_FULL;
    default:
        return cause->reason == ADIT_REASON_TIMEOUT ? ADIT_MUX_TIMEOUT : ADIT_MUX_UNREACHABLE;
    }
}
