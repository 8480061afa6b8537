/* endpoint_inner.h - the inside of `struct adit_endpoint`; only for endpoint*.c.
 *
 * endpoint.c        the mux side, and how it ends
 * endpoint_local.c  the local sides: a stream of core/stream.h, or descriptors */
#ifndef ADIT_ENDPOINT_INNER_H
#define ADIT_ENDPOINT_INNER_H

#include <sys/types.h>

#include "app/endpoint.h"
#include "app/fdio.h"
#include "core/stream.h"

struct adit_endpoint {
    struct adit_loop *loop;
    const struct adit_endpoint_ops *ops;
    void *arg;
    struct adit_mux_stream *mux; /* NULL: not yet, or gone */
    bool mux_done;               /* gone, and all of ours has left */
    bool head_due;
    bool end_sent, end_got, ended_told;
    uint64_t *count_out, *count_in; /* NULL: not counted */
    size_t owed;                    /* bytes that came and that the local side has not got rid of */

    /* Local: one of these, or neither before there is one and after its end. */
    struct adit_stream *stream;
    struct adit_fdio files;
    bool is_files, own; /* own: in and out are to be closed */
    int in, out;
    bool stands;           /* there is, or was, a local side that stood */
    struct adit_buf early; /* came before there was one */
};

/* endpoint.c */
/* The local side stands: sends HEAD if it is due. -ENOMEM. */
ADIT_MUST_USE int adit_endpoint_stood(struct adit_endpoint *e);
/* Bytes of the local side; how many the mux takes now; -ENOMEM. When it had less than a piece's
 * room, it will tell when there is more. */
ADIT_MUST_USE ssize_t adit_endpoint_up(struct adit_endpoint *e, const uint8_t *bytes, size_t n);
/* The local side sends no more. */
void adit_endpoint_up_end(struct adit_endpoint *e, adit_time now);
/* Something has left: gives it back as window. The last thing in a call, as all that follow. */
void adit_endpoint_settle(struct adit_endpoint *e, adit_time now);
/* The local side is gone, all well. */
void adit_endpoint_local_over(struct adit_endpoint *e, adit_time now);
void adit_endpoint_finish(struct adit_endpoint *e, enum adit_mux_code code, const char *text,
                          adit_time now);

/* endpoint_local.c */
/* Queues a copy; -ENOMEM. */
ADIT_MUST_USE int adit_endpoint_down(struct adit_endpoint *e, const uint8_t *bytes, size_t n);
void adit_endpoint_down_end(struct adit_endpoint *e);
size_t adit_endpoint_waiting(const struct adit_endpoint *e); /* of what was queued */
void adit_endpoint_resume(struct adit_endpoint *e);
/* At once, so that the other end sees an error. */
void adit_endpoint_cut(struct adit_endpoint *e);

#endif
