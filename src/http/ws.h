/* ws.h - a WebSocket (RFC 6455) behind its handshake: bytes in, messages out; and back.
 *
 * Both roles. Reading is as in http1.h: feed until NONE comes back. What is to be written gathers
 * in the engine: write adit_ws_pending, say with adit_ws_sent how much of it is gone, after every
 * call here. Pings are answered, and sent when it is quiet; a peer that does not answer is noticed.
 *
 * After CLOSED nothing more is read. What is pending then (our close frame) is written, and the
 * connection closed below; a server does so at once, a client may wait for the server a moment
 * (section 7.1.1).
 *
 * No extensions: every RSV bit is an error. Memory is bounded by message_max and queue_max. */
#ifndef ADIT_WS_H
#define ADIT_WS_H

#include "base/base.h"
#include "base/rng.h"

#define ADIT_WS_MESSAGE_DEFAULT   (64 * 1024)  /* bytes of a message that comes in */
#define ADIT_WS_FRAGMENTS_DEFAULT 1024         /* frames of one */
#define ADIT_WS_QUEUE_DEFAULT     (256 * 1024) /* bytes that wait to be written */
#define ADIT_WS_CONTROL_MAX       125          /* bytes in a ping or pong; section 5.5 */
#define ADIT_WS_REASON_MAX        123          /* bytes of the text in a close frame */
#define ADIT_WS_CONTROL_ROOM      2048         /* bytes beyond queue_max for control frames alone */
#define ADIT_WS_HEADER_MAX        14           /* bytes that framing adds to a message */
#define ADIT_WS_CLOSE_DEFAULT     (5 * ADIT_SEC)
#define ADIT_WS_PONG_DEFAULT      (20 * ADIT_SEC)

/* Section 7.4.1; 3000 to 4999 are free for use. */
enum adit_ws_code {
    ADIT_WS_NORMAL = 1000,
    ADIT_WS_GOING_AWAY = 1001,
    ADIT_WS_PROTOCOL = 1002,
    ADIT_WS_UNSUPPORTED = 1003,
    ADIT_WS_NO_CODE = 1005,  /* the close frame had none; never on the wire */
    ADIT_WS_ABNORMAL = 1006, /* there was no close frame; never on the wire */
    ADIT_WS_NOT_UTF8 = 1007,
    ADIT_WS_POLICY = 1008,
    ADIT_WS_TOO_BIG = 1009,
    ADIT_WS_INTERNAL = 1011,
};

struct adit_ws;

struct adit_ws_conf {
    bool server;
    size_t message_max;     /* 0 = ADIT_WS_MESSAGE_DEFAULT */
    unsigned fragments_max; /* 0 = ADIT_WS_FRAGMENTS_DEFAULT */
    size_t queue_max;       /* 0 = ADIT_WS_QUEUE_DEFAULT */
    adit_time ping_every;   /* of silence; 0 = never */
    adit_time pong_within;  /* of our ping; 0 = ADIT_WS_PONG_DEFAULT */
    adit_time close_within; /* for the peer to answer our close; 0 = ADIT_WS_CLOSE_DEFAULT */
    struct adit_rng *rng;   /* borrowed, outlives us; masks */
};

enum adit_ws_what {
    ADIT_WS_NONE,   /* all bytes are taken */
    ADIT_WS_TEXT,   /* data is valid UTF-8 with a zero byte behind it */
    ADIT_WS_BINARY, /* data */
    ADIT_WS_PONG,   /* data: what our ping had */
    ADIT_WS_CLOSED, /* the last event: code, data (the peer's words, valid UTF-8), cause */
};

struct adit_ws_event {
    enum adit_ws_what what;
    struct adit_span data; /* valid until the next call */
    unsigned code;         /* what the peer sent, or ADIT_WS_NO_CODE, ADIT_WS_ABNORMAL */
    /* REMOTE: the peer has closed; LOCAL: we have, and it agreed; PROTOCOL: it broke the rules, or
     * our limits; SILENCE, TIMEOUT: it does not answer pings, or our close; RESOURCE: no memory. */
    struct adit_cause cause;
};

/* NULL without memory. */
struct adit_ws *adit_ws_new(const struct adit_ws_conf *conf, adit_time now);
struct adit_ws *adit_ws_free(struct adit_ws *ws); /* ws may be NULL; returns NULL */

/* How many of the bytes were taken: all, unless there is an event. Call it with n = 0 as well until
 * NONE comes back: bytes that were taken may hold more events. */
size_t adit_ws_feed(struct adit_ws *ws, const void *bytes, size_t n,
                    struct adit_ws_event *ret_event, adit_time now);
/* The connection below has ended; CLOSED comes with the next feed, unless it came already. */
void adit_ws_eof(struct adit_ws *ws);

/* When to call adit_ws_tick next, or ADIT_NEVER. */
adit_time adit_ws_deadline(const struct adit_ws *ws);
/* Call adit_ws_feed afterwards, with n = 0: CLOSED may be there. */
void adit_ws_tick(struct adit_ws *ws, adit_time now);

/* Copied. -EAGAIN: queue_max would be exceeded, try again when something is sent; -EMSGSIZE: larger
 * than queue_max, so never; -EINVAL: text that is no UTF-8; -ECANCELED: closing or closed;
 * -ENOMEM: the connection is lost with it, CLOSED follows. */
ADIT_MUST_USE int adit_ws_send(struct adit_ws *ws, bool text, const void *data, size_t n);
/* At most ADIT_WS_CONTROL_MAX bytes, else -EMSGSIZE. As above otherwise. */
ADIT_MUST_USE int adit_ws_ping(struct adit_ws *ws, const void *data, size_t n);
/* Says goodbye; what was sent before still goes out. code 0 = none. The reason, a C string, may be
 * NULL; what is beyond ADIT_WS_REASON_MAX bytes is cut off between two characters. Nothing happens
 * when closing has begun. */
void adit_ws_close(struct adit_ws *ws, unsigned code, const char *reason, adit_time now);

/* What waits to be written; its length is what browsers call bufferedAmount. */
struct adit_span adit_ws_pending(const struct adit_ws *ws);
void adit_ws_sent(struct adit_ws *ws, size_t n);
/* May messages be sent? */
bool adit_ws_open(const struct adit_ws *ws);

/* May this code stand in a close frame? Section 7.4. */
bool adit_ws_is_code(unsigned code);

#endif
