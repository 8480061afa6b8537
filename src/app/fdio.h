/* fdio.h - bytes from one descriptor and to another: standard input and output, or a serial device.
 *
 * For what is no socket and may be shared with other programs: flags are left alone, and nothing
 * blocks (outbox.h). One reads only as much as there is room for. */
#ifndef ADIT_FDIO_H
#define ADIT_FDIO_H

#include "app/outbox.h"

/* All are called from the loop, and may call anything, adit_fdio_done included. */
struct adit_fdio_ops {
    /* How many bytes may come now; with 0 reading pauses until adit_fdio_resume. Calls nothing. */
    size_t (*room)(void *arg);
    void (*data)(void *arg, const uint8_t *bytes, size_t n, adit_time now);
    void (*eof)(void *arg, adit_time now);  /* there is no more input, or it cannot be read */
    void (*sent)(void *arg, adit_time now); /* some of what was queued has left */
    /* Nobody takes what is sent any more; a positive errno. */
    void (*failed)(void *arg, int err, adit_time now);
};

/* All zero = closed. */
struct adit_fdio {
    const struct adit_fdio_ops *ops;
    void *arg;
    struct adit_loop *loop;
    struct adit_io in; /* stopped: ended */
    struct adit_outbox out;
    struct adit_task fail; /* `failed` is due */
};

/* The descriptors stay the caller's. Reading begins with adit_fdio_resume. -errno. */
ADIT_MUST_USE int adit_fdio_start(struct adit_fdio *f, struct adit_loop *loop, int in, int out,
                                  size_t queue_max, const struct adit_fdio_ops *ops, void *arg);
void adit_fdio_done(struct adit_fdio *f); /* may be repeated */

/* Queues a copy of what does not leave at once. */
void adit_fdio_send(struct adit_fdio *f, const void *bytes, size_t n);
size_t adit_fdio_buffered(const struct adit_fdio *f);
void adit_fdio_pause(struct adit_fdio *f);
void adit_fdio_resume(struct adit_fdio *f);

#endif
