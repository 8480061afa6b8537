#include "app/outbox.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

static bool can_write(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLOUT };

    return poll(&p, 1, 0) == 1;
}

/* Writes as much as goes without blocking and drops it from *n. */
static size_t write_some(struct adit_outbox *box, const uint8_t *bytes, size_t n)
{
    size_t done = 0;

    while (done < n && can_write(box->fd)) {
        size_t chunk = n - done < box->piece ? n - done : box->piece;
        ssize_t got = write(box->fd, bytes + done, chunk);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            break;
        if (got < 0) {
            box->err = errno;
            return n;
        }
        done += (size_t)got;
    }
    return done;
}

static void on_ready(struct adit_io *io, uint32_t events, adit_time now)
{
    struct adit_outbox *box = adit_container_of(io, struct adit_outbox, io);

    (void)events;
    (void)now;
    adit_buf_consume(&box->waiting, write_some(box, box->waiting.data, box->waiting.len));
    if (adit_outbox_empty(box)) {
        adit_io_want(&box->io, 0);
        box->drained(box);
    } else if (box->progress) {
        box->progress(box);
    }
}

/* A terminal that may not be opened (it is another user's) takes one byte at a time: more than that
 * could block. */
static int open_own(int fd, size_t *ret_piece)
{
    char path[32];
    int own = -1;

    *ret_piece = PIPE_BUF;
    if (isatty(fd)) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (own < 0)
            *ret_piece = 1;
    }
    if (own < 0)
        own = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    return own < 0 ? -errno : own;
}

int adit_outbox_init(struct adit_outbox *box, struct adit_loop *loop, int fd, size_t limit,
                     void (*drained)(struct adit_outbox *box))
{
    box->fd = -1;
    box->drained = drained;
    box->progress = NULL;
    box->err = 0;
    adit_buf_init(&box->waiting, limit);
    if (fd < 0)
        return 0;
    fd = open_own(fd, &box->piece);
    if (fd < 0)
        return fd;
    int err = adit_io_start(&box->io, loop, fd, 0, on_ready, "output");
    if (err)
        close(fd);
    else
        box->fd = fd;
    return err;
}

void adit_outbox_done(struct adit_outbox *box)
{
    if (box->io.loop) {
        adit_io_stop(&box->io);
        close(box->fd);
        box->fd = -1;
    }
    adit_buf_done(&box->waiting);
}

bool adit_outbox_add(struct adit_outbox *box, const void *bytes, size_t n)
{
    size_t done = 0;

    if (box->fd < 0 || box->err)
        return true;
    if (adit_outbox_empty(box)) /* else it would overtake what waits */
        done = write_some(box, bytes, n);
    if (done == n)
        return true;
    adit_buf_add(&box->waiting, (const uint8_t *)bytes + done, n - done);
    if (box->waiting.err)
        box->err = box->waiting.err == -ENOMEM ? ENOMEM : ENOBUFS;
    adit_io_want(&box->io, EPOLLOUT);
    return false;
}
