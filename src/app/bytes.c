/* bytes - a pipe: what is read here comes out there, binary-safe, no byte lost, both ways at once.
 *
 * Backpressure: input is read only while the channel takes it, and receiving is paused while output
 * is full.
 *
 * The end of input is told to another adit by an empty message, so that each direction ends by
 * itself, like the halves of a TCP connection; the pipe is done when both have ended and everything
 * was delivered. Somebody at a terminal need not press ^D: there the other side's end is enough.
 * Other programs do not know the empty message; towards them the end of our input ends the pipe
 * when everything was delivered. */
#include <stdio.h>
#include <unistd.h>

#include "app/app.h"
#include "app/outbox.h"
#include "base/log.h"

#define CHUNK_BYTES \
    (16 * 1024) /* one message: large enough to be cheap, small enough for every peer */
#define WAITING_MAX (16 * 1024 * 1024)

struct pipe {
    struct adit_app app;
    struct adit_io in;
    struct adit_outbox out;
    uint8_t chunk[CHUNK_BYTES]; /* read and not yet sent */
    size_t chunk_n;
    bool in_ended, end_told, peer_ended, paused;
    struct adit_cause cause; /* why the channel went, while output is still being written */
    bool is_closed;
};

static struct pipe *pipe_of(struct adit_app *app)
{
    return adit_container_of(app, struct pipe, app);
}

static bool all_sent(const struct pipe *p)
{
    const struct adit_app_conf *conf = &p->app.conf;

    return p->in_ended && p->chunk_n == 0 && conf->ops->buffered(conf->arg) == 0;
}

/* Decides whether the pipe has come to its end. */
static void finish(struct pipe *p)
{
    const struct adit_app_conf *conf = &p->app.conf;
    char text[64];

    if (p->out.err) {
        snprintf(text, sizeof text, "cannot write output: %s", strerror(p->out.err));
        adit_app_done(&p->app, ADIT_REASON_RESOURCE, text);
        return;
    }
    if (!adit_outbox_empty(&p->out))
        return;
    if (p->is_closed) {
        bool normal = p->cause.reason == ADIT_REASON_REMOTE || p->cause.reason == ADIT_REASON_LOCAL;
        bool cut = p->chunk_n || (p->in_ended && conf->peer_is_adit && !p->end_told);

        if (normal && cut)
            adit_app_done(&p->app, ADIT_REASON_REMOTE,
                          "the other side closed before it had all of our input");
        else
            adit_app_done(&p->app, p->cause.reason, normal ? NULL : p->cause.text);
        return;
    }
    if (!p->app.is_open)
        return;
    if (p->peer_ended && !p->in_ended && p->chunk_n == 0 && isatty(conf->in))
        p->in_ended = true;
    if (!all_sent(p))
        return;
    if (conf->peer_is_adit && !p->end_told) {
        p->end_told = conf->ops->send(conf->arg, "", 0, false) == 0;
        return; /* low() follows when it has arrived */
    }
    if (p->peer_ended || !conf->peer_is_adit)
        adit_app_done(&p->app, ADIT_REASON_NONE, NULL);
}

/* Sends what was read; false if the channel has no room. */
static bool send_chunk(struct pipe *p)
{
    const struct adit_app_conf *conf = &p->app.conf;
    size_t most = conf->ops->message_max(conf->arg), sent = 0;

    while (sent < p->chunk_n) {
        size_t n = p->chunk_n - sent < most ? p->chunk_n - sent : most;
        int err = conf->ops->send(conf->arg, p->chunk + sent, n, false);

        if (err)
            break;
        sent += n;
    }
    p->chunk_n -= sent;
    memmove(p->chunk, p->chunk + sent, p->chunk_n);
    return p->chunk_n == 0;
}

static void on_readable(struct adit_io *io, uint32_t events, adit_time now)
{
    struct pipe *p = adit_container_of(io, struct pipe, in);
    ssize_t n = read(p->app.conf.in, p->chunk, sizeof p->chunk);

    (void)events;
    (void)now;
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n < 0)
        adit_log(ADIT_LOG_ERROR, "bytes", "cannot read input: %s", strerror(errno));
    if (n <= 0) {
        p->in_ended = true;
        adit_io_want(&p->in, 0);
        finish(p);
        return;
    }
    p->chunk_n = (size_t)n;
    if (!send_chunk(p))
        adit_io_want(&p->in, 0);
}

static void drained(struct adit_outbox *box)
{
    struct pipe *p = adit_container_of(box, struct pipe, out);

    bool resume = p->paused && p->app.is_open;

    p->paused = false; /* first: messages come from inside resume() and may pause again */
    if (resume)
        p->app.conf.ops->resume(p->app.conf.arg);
    finish(p);
}

static int init(struct adit_app *app)
{
    struct pipe *p = pipe_of(app);
    int err = adit_app_output(app, &p->out, WAITING_MAX, drained);

    if (!err && app->conf.in >= 0)
        err = adit_io_start(&p->in, app->conf.loop, app->conf.in, 0, on_readable, "input");
    p->in_ended = app->conf.in < 0;
    return err;
}

static void done(struct adit_app *app)
{
    struct pipe *p = pipe_of(app);

    if (p->in.ready)
        adit_io_stop(&p->in);
    adit_outbox_done(&p->out);
}

static void opened(struct adit_app *app)
{
    struct pipe *p = pipe_of(app);

    if (p->in_ended)
        finish(p);
    else
        adit_io_want(&p->in, EPOLLIN);
}

static void message(struct adit_app *app, const void *bytes, size_t n, bool text)
{
    struct pipe *p = pipe_of(app);

    (void)text;
    if (n == 0) {
        p->peer_ended = true;
        finish(p);
        return;
    }
    if (!adit_outbox_add(&p->out, bytes, n) && !p->paused) {
        p->paused = true;
        app->conf.ops->pause(app->conf.arg);
    }
    if (p->out.err)
        finish(p);
}

static void writable(struct adit_app *app)
{
    struct pipe *p = pipe_of(app);

    if (!send_chunk(p))
        return;
    if (p->in_ended)
        finish(p);
    else
        adit_io_want(&p->in, EPOLLIN);
}

static void low(struct adit_app *app)
{
    finish(pipe_of(app));
}

static void closed(struct adit_app *app, const struct adit_cause *cause)
{
    struct pipe *p = pipe_of(app);

    p->is_closed = true;
    p->cause = *cause;
    if (p->in.ready)
        adit_io_want(&p->in, 0);
    finish(p);
}

const struct adit_app_class adit_app_bytes = {
    .name = "bytes",
    .size = sizeof(struct pipe),
    .input = true,
    .must_finish = true,
    .init = init,
    .free = done,
    .open = opened,
    .message = message,
    .writable = writable,
    .low = low,
    .closed = closed,
};
