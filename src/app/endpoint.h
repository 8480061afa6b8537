/* endpoint.h - the joint between a stream of the mux and a connection of this host: TCP, a local
 * socket, standard input and output, a serial device.
 *
 * Bytes go through both ways, and each direction ends by itself. One that breaks breaks the other:
 * a TCP reset becomes a RESET, and a RESET a TCP reset, so that nobody takes a part for the whole.
 * Reading waits while the mux has no room, and what the connection does not take is not given back
 * to the other side as window, so either side's slowness reaches the other.
 *
 *     new, then a mux side (open, answer) and a local side (accept, take, connect, files) in any
 *     order; `done` comes once, from the loop; free at any time. */
#ifndef ADIT_ENDPOINT_H
#define ADIT_ENDPOINT_H

#include "app/mux.h"
#include "base/addr.h"
#include "core/reactor.h"

/* Bytes that may wait for the connection to take them. What may come is bounded by the mux, far
 * below this. */
#define ADIT_ENDPOINT_QUEUE_MAX (64 * 1024 * 1024)

struct adit_endpoint;
struct adit_stream;
struct adit_stream_conf;

struct adit_endpoint_ops {
    /* HEAD has come: the other side's end stands. May be NULL. */
    void (*stands)(void *arg, const uint8_t *bytes, size_t n, adit_time now);
    /* The other side sends no more, and all that it sent has been delivered. May be NULL. */
    void (*ended)(void *arg, adit_time now);
    /* It is over, on both sides. DONE: every byte has arrived where it was to go. Free it. */
    void (*done)(void *arg, enum adit_mux_code code, const char *text, adit_time now);
};

/* NULL without memory. */
struct adit_endpoint *adit_endpoint_new(struct adit_loop *loop, const struct adit_endpoint_ops *ops,
                                        void *arg);
/* Bytes are added there, as they go to the mux and come from it. */
void adit_endpoint_count(struct adit_endpoint *e, uint64_t *out, uint64_t *in);
/* What is not over is broken, on both sides. `done` does not come. Returns NULL; e may be NULL. */
struct adit_endpoint *adit_endpoint_free(struct adit_endpoint *e);

/* Opens a stream; errors of adit_mux_open. */
ADIT_MUST_USE int adit_endpoint_open(struct adit_endpoint *e, struct adit_mux *mux,
                                     enum adit_mux_kind kind, const void *target, size_t n);
/* Takes one that the other side has opened, or one of ours from another hand. `head`: HEAD (u8 0)
 * is sent when the local side stands. */
void adit_endpoint_answer(struct adit_endpoint *e, struct adit_mux_stream *s, bool head);

/* Takes the socket, also on failure. -ENOMEM. */
ADIT_MUST_USE int adit_endpoint_accept(struct adit_endpoint *e, int fd,
                                       const struct adit_addr *from);
/* Takes a stream that stands, with what it has kept. */
void adit_endpoint_take(struct adit_endpoint *e, struct adit_stream *s);
/* Of conf: where to, and how long at most. Errors of adit_stream_connect. */
ADIT_MUST_USE int adit_endpoint_connect(struct adit_endpoint *e,
                                        const struct adit_stream_conf *conf);
/* Before anything can have come. own: they are closed in the end, also on failure, and the end of
 * the other side's bytes is ours. -errno. */
ADIT_MUST_USE int adit_endpoint_files(struct adit_endpoint *e, int in, int out, bool own);
/* There will be no local side, for this reason: RESET, then `done`. */
void adit_endpoint_refuse(struct adit_endpoint *e, enum adit_mux_code code, const char *text,
                          adit_time now);

/* Of a positive errno or a cause's. */
enum adit_mux_code adit_endpoint_code(const struct adit_cause *cause);

struct adit_mux_stream *adit_endpoint_stream(const struct adit_endpoint *e); /* NULL: gone */
/* Of descriptors, when the other side's bytes have ended: ours is let go of. */
void adit_endpoint_end_output(struct adit_endpoint *e);
/* We send no more, though there may be more input. */
void adit_endpoint_stop_input(struct adit_endpoint *e);

#endif
