#include <stdio.h>
#include <unistd.h>

#include "app/endpoint_inner.h"

/* ---- a stream -------------------------------------------------------------------------------- */

static void on_connected(void *arg, adit_time now)
{
    if (adit_endpoint_stood(arg) < 0)
        adit_endpoint_finish(arg, ADIT_MUX_FULL, "out of memory", now);
    else
        adit_endpoint_settle(arg, now);
}

/* One turn's reading is one message to the mux; with less than a piece of room left the next one
 * waits in the kernel. */
static size_t on_data(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_endpoint *e = arg;
    ssize_t used = adit_endpoint_up(e, bytes, n);

    if (used < 0) {
        adit_endpoint_finish(e, ADIT_MUX_FULL, "out of memory", now);
        return n;
    }
    if (!e->mux || adit_mux_room(e->mux) < ADIT_MUX_PIECE)
        adit_stream_pause(e->stream);
    return (size_t)used;
}

static void on_eof(void *arg, adit_time now)
{
    adit_endpoint_up_end(arg, now);
}

static void on_sent(void *arg, adit_time now)
{
    adit_endpoint_settle(arg, now);
}

static void on_closed(void *arg, const struct adit_cause *cause, adit_time now)
{
    struct adit_endpoint *e = arg;
    bool well = cause->reason == ADIT_REASON_REMOTE && cause->err == 0;
    enum adit_mux_code code = e->stands ? ADIT_MUX_BROKEN : adit_endpoint_code(cause);

    e->stream = adit_stream_free(e->stream);
    if (well)
        adit_endpoint_local_over(e, now);
    else
        adit_endpoint_finish(e, code, cause->text, now);
}

static const struct adit_stream_ops stream_ops = {
    .connected = on_connected,
    .data = on_data,
    .eof = on_eof,
    .sent = on_sent,
    .closed = on_closed,
};

/* What came before there was somebody to take it. */
static int down_early(struct adit_endpoint *e)
{
    int err = e->early.len ? adit_endpoint_down(e, e->early.data, e->early.len) : 0;

    adit_buf_done(&e->early);
    if (!err && e->end_got)
        adit_endpoint_down_end(e);
    return err;
}

int adit_endpoint_accept(struct adit_endpoint *e, int fd, const struct adit_addr *from)
{
    struct adit_stream_accept_conf conf = { .from = from,
                                            .stall_timeout = ADIT_NEVER,
                                            .queue_max = ADIT_ENDPOINT_QUEUE_MAX };
    int err = adit_stream_accept(&e->stream, e->loop, fd, &conf, &stream_ops, e);

    return err ? err : down_early(e);
}

int adit_endpoint_connect(struct adit_endpoint *e, const struct adit_stream_conf *to)
{
    struct adit_stream_conf conf = *to;

    conf.stall_timeout = ADIT_NEVER; /* who reads slowly may */
    conf.queue_max = ADIT_ENDPOINT_QUEUE_MAX;
    int err = adit_stream_connect(&e->stream, e->loop, &conf, &stream_ops, e);
    return err ? err : down_early(e);
}

void adit_endpoint_take(struct adit_endpoint *e, struct adit_stream *s)
{
    e->stream = s;
    e->stands = true;
    adit_stream_hand_over(s, &stream_ops, e);
    adit_stream_resume(s);
}

/* ---- descriptors ----------------------------------------------------------------------------- */

static size_t files_room(void *arg)
{
    struct adit_endpoint *e = arg;

    return e->mux && !e->end_sent ? adit_mux_room(e->mux) : 0;
}

static void files_data(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_endpoint *e = arg;

    if (adit_endpoint_up(e, bytes, n) < 0) /* there was room for them */
        adit_endpoint_finish(e, ADIT_MUX_FULL, "out of memory", now);
}

static void files_eof(void *arg, adit_time now)
{
    adit_endpoint_up_end(arg, now);
}

static void files_sent(void *arg, adit_time now)
{
    adit_endpoint_settle(arg, now);
}

static void files_failed(void *arg, int err, adit_time now)
{
    char text[64];

    snprintf(text, sizeof text, "cannot write output: %s", strerror(err));
    adit_endpoint_finish(arg, ADIT_MUX_BROKEN, text, now);
}

static const struct adit_fdio_ops files_ops = {
    .room = files_room,
    .data = files_data,
    .eof = files_eof,
    .sent = files_sent,
    .failed = files_failed,
};

static void close_files(struct adit_endpoint *e)
{
    adit_fdio_done(&e->files);
    if (e->own && e->in >= 0)
        close(e->in);
    if (e->own && e->out >= 0 && e->out != e->in)
        close(e->out);
    e->in = e->out = -1;
    e->is_files = false;
}

int adit_endpoint_files(struct adit_endpoint *e, int in, int out, bool own)
{
    e->in = in;
    e->out = out;
    e->own = own;
    assert(!e->early.len && !e->end_got);
    int err = adit_fdio_start(&e->files, e->loop, in, out, ADIT_ENDPOINT_QUEUE_MAX, &files_ops, e);
    if (err) {
        close_files(e);
        return err;
    }
    e->is_files = true;
    adit_fdio_resume(&e->files);
    return adit_endpoint_stood(e);
}

/* ---- either ---------------------------------------------------------------------------------- */

int adit_endpoint_down(struct adit_endpoint *e, const uint8_t *bytes, size_t n)
{
    if (e->stream) {
        int err = adit_stream_send(e->stream, bytes, n);

        return err == -EPIPE ? 0 : err ? -ENOMEM : 0; /* gone: `closed` is on its way */
    }
    if (e->is_files) {
        adit_fdio_send(&e->files, bytes, n);
        return 0;
    }
    if (e->stands)
        return 0; /* there was one */
    adit_buf_add(&e->early, bytes, n);
    return e->early.err ? -ENOMEM : 0;
}

void adit_endpoint_down_end(struct adit_endpoint *e)
{
    if (e->stream)
        adit_stream_shutdown(e->stream);
}

size_t adit_endpoint_waiting(const struct adit_endpoint *e)
{
    return e->stream     ? adit_stream_buffered(e->stream)
           : e->is_files ? adit_fdio_buffered(&e->files)
                         : e->early.len;
}

void adit_endpoint_resume(struct adit_endpoint *e)
{
    if (e->stream)
        adit_stream_resume(e->stream);
    else if (e->is_files)
        adit_fdio_resume(&e->files);
}

void adit_endpoint_stop_input(struct adit_endpoint *e)
{
    if (e->is_files)
        adit_fdio_pause(&e->files);
    adit_endpoint_up_end(e, adit_loop_now(e->loop));
}

void adit_endpoint_end_output(struct adit_endpoint *e)
{
    if (e->is_files)
        adit_outbox_done(&e->files.out);
}

void adit_endpoint_cut(struct adit_endpoint *e)
{
    e->stream = adit_stream_abort(e->stream);
    close_files(e);
    adit_buf_done(&e->early);
    e->owed = 0;
}
