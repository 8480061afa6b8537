/* stream.h - a connection for bytes in order: TCP or a local socket, with TLS and through a proxy
 * if asked for.
 *
 * What is sent is queued, within a limit, and leaves once before the loop sleeps. What comes in is
 * called up; what the handler does not consume is kept, within a limit, and comes again with more.
 * No callback comes from inside a function of this header. A stream ends with `closed`, once,
 * unless it is freed before. Whoever made it frees it, also inside any of its callbacks. */
#ifndef ADIT_STREAM_H
#define ADIT_STREAM_H

#include "base/addr.h"
#include "core/reactor.h"

#define ADIT_STREAM_INPUT_MAX     (64 * 1024)  /* bytes kept for a handler that does not consume */
#define ADIT_STREAM_QUEUE_MAX     (256 * 1024) /* bytes waiting to be sent, unless set otherwise */
#define ADIT_STREAM_TIMEOUT       (15 * ADIT_SEC) /* until `connected` */
#define ADIT_STREAM_STALL_TIMEOUT (60 * ADIT_SEC) /* for the other side to take any byte */
#define ADIT_STREAM_LINGER        (5 * ADIT_SEC)  /* from adit_stream_close to `closed` */
#define ADIT_STREAM_PASS_MAX      (1024 * 1024)   /* bytes that may still come in that time */

struct adit_stream;
struct adit_tls_client;
struct adit_tls_server;
struct adit_proxy;

/* `connected` and `data` may not be NULL; of the others, what is NULL is not called. Every one of
 * them may call anything, adit_stream_free on its own stream included. */
struct adit_stream_ops {
    /* Resolved, connected, through the proxy, TLS verified. Once, also for accepted streams, and
     * before anything else but `closed`. */
    void (*connected)(void *arg, adit_time now);
    /* Bytes came in. Returns how many of them are done with. The rest comes again when there is
     * more, or after adit_stream_resume; when ADIT_STREAM_INPUT_MAX bytes are kept, the other side
     * has to wait. */
    size_t (*data)(void *arg, const uint8_t *bytes, size_t n, adit_time now);
    /* The other side sends no more; it may still read. NULL: the stream ends then, when what is
     * queued has left. */
    void (*eof)(void *arg, adit_time now);
    /* After -EAGAIN: half of the queue is free again. */
    void (*writable)(void *arg, adit_time now);
    /* Some of what was queued has left, adit_stream_buffered says what has not; for who passes
     * bytes on and answers for them elsewhere. Once a turn at most. */
    void (*sent)(void *arg, adit_time now);
    /* The last call. LOCAL after adit_stream_close; REMOTE: it closed or reset; NO_PATH: could not
     * be reached, see dial.h; NOT_AUTHENTIC: its certificate, or the proxy wants a password;
     * PROTOCOL: nonsense in TLS or from the proxy; TIMEOUT; RESOURCE. */
    void (*closed)(void *arg, const struct adit_cause *cause, adit_time now);
};

/* Zero everywhere but in host and port is a good configuration. Strings are copied. */
struct adit_stream_conf {
    const char *host; /* a name, an address ("::1" or "[::1]"), or "unix:PATH" */
    uint16_t port;
    const struct adit_addr *addrs; /* in place of asking for the host's */
    size_t addr_count;
    const char *servers;            /* name servers, as in resolve.h */
    const struct adit_proxy *proxy; /* copied; NULL = direct. The proxy resolves the name then */
    struct adit_tls_client *tls;    /* NULL = none; borrowed, outlives the stream */
    uint32_t mark;                  /* SO_MARK, which needs CAP_NET_ADMIN; 0 = none */
    const struct adit_addr *from;   /* these two as in dial.h */
    const char *device;
    const char *tls_name;    /* whose certificate is wanted; NULL = host's */
    adit_time timeout;       /* 0 = ADIT_STREAM_TIMEOUT */
    adit_time stall_timeout; /* 0 = ADIT_STREAM_STALL_TIMEOUT; ADIT_NEVER = none */
    size_t queue_max;        /* 0 = ADIT_STREAM_QUEUE_MAX */
    unsigned unsent_max;     /* bytes the kernel may hold back (TCP_NOTSENT_LOWAT); 0 = its
                              * own limit, which is megabytes */
};

/* Starts to connect. -EINVAL: no such address can be (or TLS without a name); -ENAMETOOLONG;
 * -ENOMEM. */
ADIT_MUST_USE int adit_stream_connect(struct adit_stream **ret_stream, struct adit_loop *loop,
                                      const struct adit_stream_conf *conf,
                                      const struct adit_stream_ops *ops, void *arg);

/* Zero is a good configuration. */
struct adit_stream_accept_conf {
    struct adit_tls_server *tls;  /* NULL = none; needed for the call only */
    const struct adit_addr *from; /* for adit_stream_peer; may be NULL */
    adit_time timeout, stall_timeout;
    size_t queue_max;
    unsigned unsent_max;
};

/* Takes a connected socket, from listen.h or a socketpair, also on failure. -ENOMEM. */
ADIT_MUST_USE int adit_stream_accept(struct adit_stream **ret_stream, struct adit_loop *loop,
                                     int fd, const struct adit_stream_accept_conf *conf,
                                     const struct adit_stream_ops *ops, void *arg);

/* At once; `closed` does not come. What is queued leaves if it can, and arrives unless the other
 * side is still sending. Returns NULL; s may be NULL. */
struct adit_stream *adit_stream_free(struct adit_stream *s);
/* The same, but the other side sees an error (RST) and nothing more of what was queued. */
struct adit_stream *adit_stream_abort(struct adit_stream *s);
/* Delivers what is queued, says goodbye and then `closed`, within ADIT_STREAM_LINGER. Nothing is
 * called up but that. */
void adit_stream_close(struct adit_stream *s);
/* From now on these are called, with this arg, also for what was due to be told before. */
void adit_stream_hand_over(struct adit_stream *s, const struct adit_stream_ops *ops, void *arg);

/* Queues a copy of all n bytes, also before `connected`. -EAGAIN: they do not fit now, `writable`
 * follows; -EMSGSIZE: they never will; -EPIPE: closed, or after adit_stream_shutdown; -ENOMEM. */
ADIT_MUST_USE int adit_stream_send(struct adit_stream *s, const void *bytes, size_t n);
/* We send no more: the other side gets what is queued, and an end. Reading goes on. */
void adit_stream_shutdown(struct adit_stream *s);
size_t adit_stream_buffered(const struct adit_stream *s); /* bytes that wait to be sent */
size_t adit_stream_room(const struct adit_stream *s);     /* bytes that fit now */

/* No `data` and no `eof` until resumed; the other side has to wait. Meanwhile nothing tells that it
 * is gone. Both may be repeated. */
void adit_stream_pause(struct adit_stream *s);
/* What is kept is called up again in the next turn, also when nothing was paused. */
void adit_stream_resume(struct adit_stream *s);

/* At this time the stream ends with TIMEOUT and this text (a literal), unless moved or taken back
 * with ADIT_NEVER: a limit for a request, for a handshake of the layer above, for idleness. */
void adit_stream_limit(struct adit_stream *s, adit_time at, const char *text);

bool adit_stream_is_connected(const struct adit_stream *s);
/* The address at the other end: the proxy's where there is one; family NONE for local sockets and
 * before the connection stands. */
const struct adit_addr *adit_stream_peer(const struct adit_stream *s);
/* "TLSv1.3 TLS_AES_128_GCM_SHA256", or "" without TLS. */
const char *adit_stream_tls(const struct adit_stream *s);
/* See adit_tls_conn_expires; 0 without TLS. */
int64_t adit_stream_tls_expires(const struct adit_stream *s);

#endif
