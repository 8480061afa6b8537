/* fwd_ends.h - one side of a forward in tests: an endpoint, and the socket that it is joined to. */
#ifndef ADIT_TEST_FWD_ENDS_H
#define ADIT_TEST_FWD_ENDS_H

#include <fcntl.h>

#include "app/endpoint.h"
#include "core/stream.h"
#include "stream_ends.h"

struct side {
    struct adit_loop *loop;
    struct adit_endpoint *endpoint;
    int fd;                            /* for side_accept */
    const struct adit_stream_conf *to; /* NULL: fd is used */
    int serial;                        /* or this */
    bool late;                         /* the stream is taken, but not joined to anything yet */
    bool may_fail;
    unsigned opened, stands, ended, done;
    enum adit_mux_code code;
    char text[96];
};

void side_init(struct side *s, struct adit_loop *loop);
void side_done(struct side *s);
/* For mux_pair; arg is the side. */
void side_opened(void *arg, struct adit_mux_stream *m, enum adit_mux_kind kind,
                 const uint8_t *target, size_t n, adit_time now);
void side_accept(struct side *s);

/* A TCP connection: one end is `e`'s, the other is *ret_fd. */
void side_pair(struct adit_loop *loop, struct end *e, int *ret_fd);
/* So many bytes from one end to another, and at the same time from a third to a fourth (NULL: no),
 * compared. */
void side_pump(struct adit_loop *loop, struct end *from, struct end *to, size_t n,
               struct end *from2, struct end *to2, size_t n2);

#endif
