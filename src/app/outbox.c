#include "app/outbox.h"

#include <limits.h>
#include <poll.h>
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
        size_t chunk = n - done < PIPE_BUF ? n - done : PIPE_BUF;
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
    if (!adit_outbox_empty(box))
        return;
    adit_io_want(&box->io, 0);
    box->drained(box);
}

int adit_outbox_init(struct adit_outbox *box, struct adit_loop *loop, int fd, size_t limit,
                     void (*drained)(struct adit_outbox *box))
{
    box->fd = fd;
    box->drained = drained;
    adit_buf_init(&box->waiting, limit);
    return fd < 0 ? 0 : adit_io_start(&box->io, loop, fd, 0, on_ready, "output");
}

void adit_outbox_done(struct adit_outbox *box)
{
    if (box->io.ready)
        adit_io_stop(&box->io);
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
