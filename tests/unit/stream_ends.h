/* stream_ends.h - two ends of a stream on one loop, which write down what is called. */
#ifndef ADIT_TEST_STREAM_ENDS_H
#define ADIT_TEST_STREAM_ENDS_H

#include "base/buf.h"
#include "core/listen.h"
#include "core/stream.h"

enum end_call { END_NONE, END_CONNECTED, END_DATA, END_EOF, END_WRITABLE, END_SENT, END_CLOSED };

struct end {
    struct adit_stream *stream;
    unsigned connected, data, eof, writable, sent, closed,
        all;        /* how often; all: want bytes are here */
    unsigned after; /* calls after the stream was freed: must stay 0 */
    struct adit_buf got;
    size_t want;    /* bytes, for `all` */
    size_t take;    /* bytes done with per call; 0 = all of them */
    bool take_none; /* not even one */
    bool pause;     /* after each call of data */
    bool close_at_eof;
    enum end_call free_in, abort_in, close_in; /* what is done inside this call */
    const char *say;                           /* sent when connected */
    struct adit_cause cause;
};

extern const struct adit_stream_ops end_ops, end_ops_without_eof;

void end_done(struct end *e);

/* A listening socket on the loopback interface that accepts into `end` with conf. */
struct door {
    struct adit_loop *loop;
    struct adit_listen *listen;
    struct adit_stream_accept_conf conf;
    struct end *end;
    unsigned calls;
    struct adit_addr from;
    bool free_in_accept;
};

/* Listens at `at`, or at "127.0.0.1:0" if NULL. */
void door_open(struct door *d, struct adit_loop *loop, struct end *end, const char *at);
void door_close(struct door *d);
/* The port it listens at. */
uint16_t door_port(const struct door *d);

/* Connects `a` to a door of its own, whose end is `b`; both are open when it returns. */
void ends_connect(struct adit_loop *loop, struct end *a, struct end *b,
                  const struct adit_stream_conf *conf,
                  const struct adit_stream_accept_conf *accept);

#endif
