/* outbox.h - writes to a descriptor that may be slow, without blocking and without changing its
 * flags.
 *
 * stdout is shared with the shell that started us, so O_NONBLOCK is not ours to set. A terminal,
 * which may be stopped with ^S at any byte, is opened once more, non-blocking; of anything else a
 * copy of the descriptor is used, and a write never offers more than the kernel promises to take
 * after POLLOUT: PIPE_BUF bytes. So several outboxes may have the same descriptor. */
#ifndef ADIT_OUTBOX_H
#define ADIT_OUTBOX_H

#include "base/buf.h"
#include "core/reactor.h"

struct adit_outbox {
    struct adit_io io;
    int fd;       /* our own; -1 = none */
    size_t piece; /* of one write */
    struct adit_buf waiting;
    int err; /* the descriptor failed with this positive errno (EPIPE: nobody reads); what is added
                is dropped */
    /* Everything has been written, or the descriptor failed. Called from the loop, not from add. */
    void (*drained)(struct adit_outbox *box);
    /* Some of it, from the loop; NULL after init, for the owner to set. */
    void (*progress)(struct adit_outbox *box);
};

/* fd -1: everything is dropped; otherwise it stays the caller's. -errno. `limit` bounds what may
 * wait; beyond it err is ENOBUFS. */
ADIT_MUST_USE int adit_outbox_init(struct adit_outbox *box, struct adit_loop *loop, int fd,
                                   size_t limit, void (*drained)(struct adit_outbox *box));
void adit_outbox_done(struct adit_outbox *box);

/* True if it was written at once; false: it waits, and drained() will be called. */
bool adit_outbox_add(struct adit_outbox *box, const void *bytes, size_t n);

static inline bool adit_outbox_empty(const struct adit_outbox *box)
{
    return box->waiting.len == 0;
}

#endif
