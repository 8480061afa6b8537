/* mux.h - many streams on one ordered, reliable channel: docs/streams.md, from OPEN to PACK.
 *
 * Sans-I/O: messages in, messages and events out. What is sent is queued for its stream; the owner
 * calls adit_mux_flush before the loop sleeps, and streams take turns. A stream has credit in each
 * direction, so that who reads slowly delays nobody else; all that waits here, in both directions,
 * is bounded (`memory`) whatever the other side does. */
#ifndef ADIT_MUX_H
#define ADIT_MUX_H

#include "base/base.h"
#include "base/buf.h"

#define ADIT_MUX_MEMORY_DEFAULT  (16 * 1024 * 1024)
#define ADIT_MUX_STREAMS_DEFAULT 1024
#define ADIT_MUX_WINDOW_MIN      8192        /* bytes that every stream may send at once */
#define ADIT_MUX_PIECE           (16 * 1024) /* bytes of one stream's turn, and of a message */
#define ADIT_MUX_TEXT_MAX        256         /* of RESET */

enum adit_mux_kind {
    ADIT_MUX_HTTP = 1,
    ADIT_MUX_STREAM,
    ADIT_MUX_DATAGRAMS,
    ADIT_MUX_FILE,
    ADIT_MUX_LISTEN,
    ADIT_MUX_CALLED,
};

enum adit_mux_code {
    ADIT_MUX_DONE,
    ADIT_MUX_BROKEN,
    ADIT_MUX_FORBIDDEN,
    ADIT_MUX_REFUSED,
    ADIT_MUX_UNREACHABLE,
    ADIT_MUX_NOT_FOUND,
    ADIT_MUX_TIMEOUT,
    ADIT_MUX_FULL,
    ADIT_MUX_UNKNOWN,
    ADIT_MUX_LOST, /* the tunnel ended */
};

struct adit_mux;
struct adit_mux_stream;

/* Called from adit_mux_feed, _flush and _lost. Any of them may call anything here, adit_mux_reset
 * on its own stream included, but not adit_mux_free. What is NULL is not called. */
struct adit_mux_stream_ops {
    void (*head)(void *arg, const uint8_t *bytes, size_t n, adit_time now);
    /* Say with adit_mux_consumed when these bytes have been passed on. */
    void (*data)(void *arg, const uint8_t *bytes, size_t n, adit_time now);
    void (*datagram)(void *arg, const uint8_t *bytes, size_t n, adit_time now);
    /* The other side sends no more. */
    void (*end)(void *arg, const uint8_t *bytes, size_t n, adit_time now);
    /* After adit_mux_room was less than ADIT_MUX_PIECE: there is as much again, or all there is. */
    void (*writable)(void *arg, adit_time now);
    /* The last call; the stream is gone. DONE: both sides have ended and all of ours has left.
     * Otherwise it was reset by the other side or lost; text is UTF-8 of a stranger's, "" = none.
     */
    void (*closed)(void *arg, enum adit_mux_code code, const char *text, adit_time now);
};

struct adit_mux_ops {
    /* One binary message to the channel. 0; -EAGAIN: no room, call adit_mux_flush when there is;
     * others: it is gone, adit_mux_lost follows. Calls nothing here. */
    int (*send)(void *arg, const void *bytes, size_t n);
    size_t (*buffered)(void *arg); /* bytes sent and not yet acknowledged */
    /* What SCTP lets be on its way, in bytes, and its last round trip; 0 = unknown. */
    void (*flow)(void *arg, size_t *ret_window, adit_time *ret_rtt);
    /* The other side opened a stream: take it with adit_mux_accept before returning, or it is
     * refused: adit_mux_reset with a reason, UNKNOWN if it is just left. target is valid during the
     * call. */
    void (*opened)(void *arg, struct adit_mux_stream *s, enum adit_mux_kind kind,
                   const uint8_t *target, size_t n, adit_time now);
    /* Something waits: adit_mux_flush is due before the loop sleeps. Calls nothing here. */
    void (*due)(void *arg);
};

/* Zero is a good configuration but for `odd`. */
struct adit_mux_conf {
    bool odd;               /* our streams have odd ids: we opened the channel */
    size_t memory;          /* 0 = ADIT_MUX_MEMORY_DEFAULT */
    unsigned streams_max;   /* that the other side may have open; 0 = ADIT_MUX_STREAMS_DEFAULT */
    unsigned their_streams; /* that we may have open; 0 = as above */
    size_t their_window;    /* bytes that each stream of ours may send; 0 = ADIT_MUX_WINDOW_MIN */
    size_t message_max;     /* the largest message the other side takes; 0 or more = 65535 */
};

/* NULL without memory. */
struct adit_mux *adit_mux_new(const struct adit_mux_conf *conf, const struct adit_mux_ops *ops,
                              void *arg);
struct adit_mux *adit_mux_free(struct adit_mux *m); /* silently; m may be NULL; returns NULL */

/* A message came. -EPROTO: the other side broke the rules, *ret_why says how; the channel is to be
 * closed and adit_mux_lost called. -ENOMEM: the same. */
ADIT_MUST_USE int adit_mux_feed(struct adit_mux *m, const uint8_t *bytes, size_t n,
                                const char **ret_why, adit_time now);
/* Sends what it may; tells streams that there is room. To be called when `due`, when the channel
 * has room again, and when what was sent has been acknowledged. -EPROTO: it cannot go on, as with
 * adit_mux_feed. */
ADIT_MUST_USE int adit_mux_flush(struct adit_mux *m, const char **ret_why, adit_time now);
/* Flush again when ops->buffered has fallen to so many bytes. */
size_t adit_mux_low(const struct adit_mux *m);
/* The channel is gone: every stream is closed with ADIT_MUX_LOST. */
void adit_mux_lost(struct adit_mux *m, adit_time now);

/* Opens a stream; data may follow at once. -EAGAIN: the other side takes no more streams now;
 * -EMSGSIZE: the target does not fit the largest message; -EPIPE: lost; -ENOMEM. */
ADIT_MUST_USE int adit_mux_open(struct adit_mux_stream **ret_stream, struct adit_mux *m,
                                enum adit_mux_kind kind, const void *target, size_t n,
                                const struct adit_mux_stream_ops *ops, void *arg);
void adit_mux_accept(struct adit_mux_stream *s, const struct adit_mux_stream_ops *ops, void *arg);
struct adit_mux *adit_mux_of(const struct adit_mux_stream *s);
uint32_t adit_mux_id(const struct adit_mux_stream *s);

/* How many bytes adit_mux_send takes now. */
size_t adit_mux_room(struct adit_mux_stream *s);
/* Queues a copy. At most adit_mux_room bytes: more is a mistake of ours. -EPIPE: after
 * adit_mux_end; -ENOMEM. */
ADIT_MUST_USE int adit_mux_send(struct adit_mux_stream *s, const void *bytes, size_t n);
/* -EMSGSIZE; -ENOMEM. They leave in order with the data. */
ADIT_MUST_USE int adit_mux_head(struct adit_mux_stream *s, const void *bytes, size_t n);
/* Whole or not at all. -EAGAIN: dropped, the way is full; -EMSGSIZE. */
ADIT_MUST_USE int adit_mux_datagram(struct adit_mux_stream *s, const void *bytes, size_t n);
/* We send no more; `closed` follows when the other side has ended too. -EMSGSIZE, -ENOMEM, -EPIPE.
 */
ADIT_MUST_USE int adit_mux_end(struct adit_mux_stream *s, const void *bytes, size_t n);
/* n bytes of what came as `data` have been passed on, and their memory is free. */
void adit_mux_consumed(struct adit_mux_stream *s, size_t n);
/* Both directions, at once: the stream is gone when this returns, and nothing is called. What was
 * queued is dropped. text may be NULL. */
void adit_mux_reset(struct adit_mux_stream *s, enum adit_mux_code code, const char *text);

/* After adit_mux_end: nothing is called any more, but what is queued still leaves. What comes is
 * dropped; once our end has left, an other side that has not ended is reset (DONE). */
void adit_mux_leave(struct adit_mux_stream *s);

unsigned adit_mux_count(const struct adit_mux *m);       /* open streams */
size_t adit_mux_queued(const struct adit_mux *m);        /* bytes that wait for their turn */
size_t adit_mux_held(const struct adit_mux *m);          /* bytes received and not yet consumed */
const char *adit_mux_code_text(enum adit_mux_code code); /* "refused", "not permitted" … */

#endif
