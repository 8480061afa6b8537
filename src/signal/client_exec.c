/* client_exec.c - a program that carries our lines to the other side, and theirs to us. */
#include <fcntl.h>
#include <unistd.h>

#include "signal/client_inner.h"

#define PENDING_MAX (4 * ADIT_DIALECT_MESSAGE_MAX)

static void close_io(struct adit_io *io)
{
    if (!io->loop)
        return;
    adit_io_stop(io);
    close(io->fd);
    *io = (struct adit_io){ .fd = -1 };
}

static void failed(struct adit_signal *s, const char *text, int err)
{
    adit_client_fail_text(s, ADIT_REASON_REMOTE, err, text);
}

static void on_ended(void *arg, int status, adit_time now)
{
    struct adit_signal *s = arg;

    (void)status;
    failed(s, "the program of --signal-exec has ended", 0);
    adit_client_settle(s, now);
}

/* ---- out ------------------------------------------------------------------------------------- */

static void flush(struct adit_signal *s)
{
    struct adit_client_exec *x = &s->exec;

    while (x->pending.len && x->in.loop) {
        ssize_t n = write(x->in.fd, x->pending.data, x->pending.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            failed(s, "the program of --signal-exec does not listen any more", errno);
        if (n < 0)
            break;
        adit_buf_consume(&x->pending, (size_t)n);
    }
    if (x->in.loop)
        adit_io_want(&x->in, x->pending.len ? EPOLLOUT : 0);
}

static void on_in(struct adit_io *io, uint32_t events, adit_time now)
{
    struct adit_signal *s = adit_container_of(io, struct adit_signal, exec.in);

    (void)events;
    flush(s);
    adit_client_settle(s, now);
}

void adit_client_exec_send(struct adit_signal *s, const char *text, size_t n)
{
    adit_buf_add(&s->exec.pending, text, n);
    adit_buf_add8(&s->exec.pending, '\n');
    if (s->exec.pending.err)
        failed(s, "the program of --signal-exec takes nothing", ENOBUFS);
    else
        flush(s);
}

/* ---- in -------------------------------------------------------------------------------------- */

static void lines(struct adit_signal *s, adit_time now)
{
    struct adit_buf *b = &s->exec.line;
    uint8_t *end;

    while (!s->failed && b->len && (end = memchr(b->data, '\n', b->len)) != NULL) {
        size_t n = (size_t)(end - b->data);
        s->dialect->text(s->engine, (const char *)b->data, n, now);
        adit_buf_consume(b, n + 1);
    }
}

static void on_out(struct adit_io *io, uint32_t events, adit_time now)
{
    struct adit_signal *s = adit_container_of(io, struct adit_signal, exec.out);
    char bytes[4096];
    ssize_t n = read(io->fd, bytes, sizeof bytes);

    (void)events;
    if (n > 0) {
        adit_buf_add(&s->exec.line, bytes, (size_t)n);
        lines(s, now);
        if (s->exec.line.err)
            failed(s, "the program of --signal-exec prints a line that is too long", EMSGSIZE);
    } else if (n == 0) {
        close_io(io); /* its end follows */
    } else if (errno != EAGAIN && errno != EINTR) {
        failed(s, "the program of --signal-exec cannot be read", errno);
    }
    adit_client_settle(s, now);
}

/* ---- life ------------------------------------------------------------------------------------ */

static int open_io(struct adit_signal *s, int in, int out)
{
    int err = adit_io_start(&s->exec.in, s->loop, in, 0, on_in, "signaling program");

    if (err) {
        close(in);
        close(out);
        return err;
    }
    err = adit_io_start(&s->exec.out, s->loop, out, EPOLLIN, on_out, "signaling program");
    if (err)
        close(out);
    return err;
}

void adit_client_exec_start(struct adit_signal *s)
{
    struct adit_child_pipes pipes;
    int err;

    adit_buf_init(&s->exec.pending, PENDING_MAX);
    adit_buf_init(&s->exec.line, ADIT_DIALECT_MESSAGE_MAX);
    err = adit_child_start_pipes(&s->exec.child, s->loop, s->conf.exec, NULL, &pipes, on_ended, s);
    if (!err)
        err = open_io(s, pipes.in, pipes.out);
    if (err) {
        s->final = err == -EINVAL || err == -ENOENT || err == -EACCES;
        failed(s, "the program of --signal-exec cannot be started", -err);
        return;
    }
    s->dialect->opened(s->engine, adit_loop_now(s->loop));
}

void adit_client_exec_stop(struct adit_signal *s)
{
    close_io(&s->exec.in);
    close_io(&s->exec.out);
    if (s->exec.child.pid)
        adit_child_stop(&s->exec.child);
    adit_buf_done(&s->exec.pending);
    adit_buf_done(&s->exec.line);
}
