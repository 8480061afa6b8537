#include "app/fdio.h"

#include <unistd.h>

#define READ_SIZE (16 * 1024)

static void on_readable(struct adit_io *io, uint32_t events, adit_time now)
{
    struct adit_fdio *f = adit_container_of(io, struct adit_fdio, in);
    uint8_t bytes[READ_SIZE];
    size_t room = f->ops->room(f->arg);

    (void)events;
    if (room == 0) {
        adit_io_want(&f->in, 0);
        return;
    }
    ssize_t n = read(io->fd, bytes, room < sizeof bytes ? room : sizeof bytes);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        adit_io_stop(&f->in);
        f->ops->eof(f->arg, now);
        return;
    }
    f->ops->data(f->arg, bytes, (size_t)n, now);
}

static void on_left(struct adit_outbox *box)
{
    struct adit_fdio *f = adit_container_of(box, struct adit_fdio, out);

    if (box->err)
        adit_loop_before_sleep(f->loop, &f->fail);
    else
        f->ops->sent(f->arg, adit_loop_now(f->loop));
}

static void on_fail(struct adit_task *task, adit_time now)
{
    struct adit_fdio *f = adit_container_of(task, struct adit_fdio, fail);

    f->ops->failed(f->arg, f->out.err, now);
}

int adit_fdio_start(struct adit_fdio *f, struct adit_loop *loop, int in, int out, size_t queue_max,
                    const struct adit_fdio_ops *ops, void *arg)
{
    f->ops = ops;
    f->arg = arg;
    f->loop = loop;
    adit_task_init(&f->fail, on_fail);
    int err = adit_outbox_init(&f->out, loop, out, queue_max, on_left);
    if (!err) {
        f->out.progress = on_left;
        err = adit_io_start(&f->in, loop, in, 0, on_readable, "input");
    }
    if (err)
        adit_fdio_done(f);
    return err;
}

void adit_fdio_done(struct adit_fdio *f)
{
    if (!f->loop)
        return;
    adit_io_stop(&f->in);
    adit_task_cancel(&f->fail);
    adit_outbox_done(&f->out);
    memset(f, 0, sizeof *f);
}

void adit_fdio_send(struct adit_fdio *f, const void *bytes, size_t n)
{
    adit_outbox_add(&f->out, bytes, n);
    if (f->out.err)
        adit_loop_before_sleep(f->loop, &f->fail);
}

size_t adit_fdio_buffered(const struct adit_fdio *f)
{
    return f->out.waiting.len;
}

void adit_fdio_pause(struct adit_fdio *f)
{
    if (f->in.loop)
        adit_io_want(&f->in, 0);
}

void adit_fdio_resume(struct adit_fdio *f)
{
    if (f->in.loop)
        adit_io_want(&f->in, EPOLLIN);
}
