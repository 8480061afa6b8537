#include "app/lines.h"

#include <unistd.h>

#define READ_BYTES 4096

static void give_line(struct adit_lines *l, size_t len, size_t eol)
{
    size_t n = len;

    l->number++;
    if (l->skipping) {
        l->skipping = false;
        l->ops->too_long(l, l->number);
    } else {
        if (n && l->buf.data[n - 1] == '\r')
            n--;
        l->ops->line(l, (const char *)l->buf.data, n, l->number);
    }
    adit_buf_consume(&l->buf, len + eol);
    l->scanned = 0;
}

/* Gives what is buffered, until the owner pauses. */
static void give(struct adit_lines *l)
{
    l->giving = true;
    while (!l->paused) {
        uint8_t *from = l->buf.data + l->scanned;
        uint8_t *end = l->buf.len > l->scanned ? memchr(from, '\n', l->buf.len - l->scanned) : NULL;

        if (end) {
            give_line(l, (size_t)(end - l->buf.data), 1);
            continue;
        }
        l->scanned = l->buf.len;
        if (l->ended && (l->buf.len || l->skipping)) {
            give_line(l, l->buf.len, 0);
            continue;
        }
        if (l->ended) {
            l->paused = true; /* nothing more will come */
            l->giving = false;
            l->ops->eof(l, l->err);
            return;
        }
        if (l->buf.len > l->buf.limit - READ_BYTES) { /* no room for another read: too long */
            adit_buf_consume(&l->buf, l->buf.len);
            l->scanned = 0;
            l->skipping = true;
        }
        break;
    }
    l->giving = false;
    adit_io_want(&l->io, l->paused || l->ended ? 0 : EPOLLIN);
}

static void on_ready(struct adit_io *io, uint32_t events, adit_time now)
{
    struct adit_lines *l = adit_container_of(io, struct adit_lines, io);
    uint8_t bytes[READ_BYTES];
    ssize_t n = read(l->fd, bytes, sizeof bytes);

    (void)events;
    (void)now;
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        l->ended = true;
        l->err = n < 0 ? errno : 0;
    } else {
        adit_buf_add(&l->buf, bytes, (size_t)n);
        if (l->buf.err) { /* only memory can fail: give() leaves room for a read */
            l->ended = true;
            l->err = ENOMEM;
        }
    }
    give(l);
}

static void on_task(struct adit_task *task, adit_time now)
{
    (void)now;
    give(adit_container_of(task, struct adit_lines, task));
}

int adit_lines_init(struct adit_lines *l, struct adit_loop *loop, int fd, size_t limit,
                    const struct adit_lines_ops *ops)
{
    l->fd = fd;
    l->ops = ops;
    l->loop = loop;
    l->paused = true;
    adit_buf_init(&l->buf, limit + READ_BYTES);
    adit_task_init(&l->task, on_task);
    return adit_io_start(&l->io, loop, fd, 0, on_ready, "input");
}

void adit_lines_done(struct adit_lines *l)
{
    if (l->io.ready)
        adit_io_stop(&l->io);
    if (l->task.run)
        adit_task_cancel(&l->task);
    adit_buf_done(&l->buf);
}

void adit_lines_pause(struct adit_lines *l)
{
    l->paused = true;
    adit_io_want(&l->io, 0);
}

void adit_lines_resume(struct adit_lines *l)
{
    if (!l->paused)
        return;
    l->paused = false;
    if (!l->giving)
        adit_loop_before_sleep(l->loop, &l->task);
}
