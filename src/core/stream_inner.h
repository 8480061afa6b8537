/* stream_inner.h - what the files behind stream.h share. Private to core/stream*.c. */
#ifndef ADIT_STREAM_INNER_H
#define ADIT_STREAM_INNER_H

#include "base/buf.h"
#include "core/dial.h"
#include "core/proxy.h"
#include "core/stream.h"
#include "core/tls.h"

enum adit_stream_state {
    ADIT_STREAM_DIALING, /* no socket yet */
    ADIT_STREAM_SHAKING, /* with the proxy, then TLS */
    ADIT_STREAM_OPEN,
    ADIT_STREAM_CLOSING, /* delivering what is queued; nothing is called up */
    ADIT_STREAM_ENDED,   /* no socket any more; `closed` is due or was called */
};

/* What is to be called up before the loop sleeps. */
enum {
    ADIT_STREAM_TELL_CONNECTED = 1 << 0,
    ADIT_STREAM_TELL_KEPT = 1 << 1, /* what is kept, again */
    ADIT_STREAM_TELL_ROOM = 1 << 2,
    ADIT_STREAM_TELL_SENT = 1 << 3,
    ADIT_STREAM_TELL_CLOSED = 1 << 4,
};

enum adit_stream_limit {
    ADIT_STREAM_LIMIT_OPEN,
    ADIT_STREAM_LIMIT_STALL,
    ADIT_STREAM_LIMIT_USER,
    ADIT_STREAM_LIMIT_LINGER,
    ADIT_STREAM_LIMITS
};

struct adit_stream {
    struct adit_loop *loop;
    const struct adit_stream_ops *ops;
    void *arg;
    enum adit_stream_state state;
    bool freed;
    bool paused;
    bool got_end, end_told;  /* the other side sends no more; `eof` was called */
    bool want_end, end_sent; /* we send no more once the queue is empty; and have said so */
    bool tls_end;            /* in TLS already */
    bool want_room;          /* -EAGAIN was returned */
    bool blocked;            /* the socket takes nothing now */
    unsigned due;            /* ADIT_STREAM_TELL_* */
    struct adit_io io;       /* its fd is ours while it has a loop */
    struct adit_dial *dial;
    struct adit_proxy_talk *talk; /* NULL: there is none, or it has said yes */
    struct adit_tls_conn *tls;
    struct adit_addr peer;
    size_t passed_over;  /* bytes that came after adit_stream_close */
    struct adit_buf in;  /* kept for the handler */
    struct adit_buf out; /* from out_at on: waiting */
    size_t out_at, queue_max;
    unsigned unsent_max;
    struct adit_task flush, call, bury;
    struct adit_timer timer; /* at the earliest of the limits */
    adit_time limits[ADIT_STREAM_LIMITS];
    adit_time armed, open_by, stall_timeout;
    const char *user_text;
    struct adit_cause cause;
};

/* stream.c */

/* The only writer of s->state. */
void adit_stream_set_state(struct adit_stream *s, enum adit_stream_state state);
void adit_stream_set_limit(struct adit_stream *s, enum adit_stream_limit which, adit_time at);
void adit_stream_tell(struct adit_stream *s, unsigned what);
/* If it is due. May have freed s, as every call upwards. */
void adit_stream_tell_connected(struct adit_stream *s, adit_time now);
/* The socket stands: shakes hands, if there is with whom, then is open. */
void adit_stream_stands(struct adit_stream *s);
void adit_stream_opened(struct adit_stream *s);
/* Ends it now; `closed` follows from the loop. */
void adit_stream_end(struct adit_stream *s, enum adit_reason reason, int err, const char *text);
/* Ends it when what is queued has left. */
void adit_stream_finish(struct adit_stream *s, enum adit_reason reason, const char *text);

/* stream_shake.c */

/* What is to be said to proxy and TLS; NULL: nothing but `out` goes to the socket. */
struct adit_buf *adit_stream_wire(struct adit_stream *s);
/* Begins, or goes on with, the handshakes. Returns how many of the bytes were for them. */
size_t adit_stream_shake(struct adit_stream *s, const uint8_t *bytes, size_t n);
void adit_stream_talk_free(struct adit_stream *s);

/* stream_io.c: between the socket and the handler. */

/* Takes the socket, also on failure. */
ADIT_MUST_USE int adit_stream_attach(struct adit_stream *s, int fd);
void adit_stream_detach(struct adit_stream *s, bool reset);
/* Waits for what there is to wait for. */
void adit_stream_update(struct adit_stream *s);
/* Sends what it can. Calls nothing up. */
void adit_stream_flush(struct adit_stream *s, adit_time now);
/* The alert that tells the other side why it ends, if it can leave. */
void adit_stream_last_words(struct adit_stream *s);
/* Calls up what is kept, and the end if it has come. */
void adit_stream_offer(struct adit_stream *s, adit_time now);

#endif
