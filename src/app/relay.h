/* relay.h - a client of the Tunnel Agent's relay: a WebSocket whose binary messages are what a data
 * channel would carry.
 *
 * Both generations: `ws(s)://HOST/relay/SESSION?token=TOKEN`, or without a token there and
 * {"type":"auth","token":TOKEN} as the first, and only, text. A session that ends is entered again,
 * 2 s later, then 4 s, up to 60 s, as long as that can be of use: what the relay refuses for good,
 * and a session of the second generation that has been entered (its token is good once), is not.
 *
 * There is no flow control but that of TCP. While paused nothing is read, pings neither, and a
 * relay that gets no answer to its own hangs up (the original after 30 s). */
#ifndef ADIT_RELAY_H
#define ADIT_RELAY_H

#include "core/reactor.h"

#define ADIT_RELAY_MESSAGE_MAX (16 * 1024 * 1024) /* bytes, each way */
#define ADIT_RELAY_QUEUE_MAX   (256 * 1024)       /* bytes that wait before the next has to */
#define ADIT_RELAY_RETRY_FIRST (2 * ADIT_SEC)
#define ADIT_RELAY_RETRY_MAX   (60 * ADIT_SEC)

struct adit_relay;
struct adit_proxy;
struct adit_tls_client;

/* Any of them may call anything here, adit_relay_free included. `writable` may be NULL. */
struct adit_relay_ops {
    void (*opened)(void *arg, adit_time now); /* messages may be sent */
    void (*message)(void *arg, const uint8_t *bytes, size_t n, adit_time now);
    void (*writable)(void *arg, adit_time now); /* after -EAGAIN */
    /* It is not open any more, or an attempt failed. final: there is no next one. */
    void (*down)(void *arg, const struct adit_cause *cause, bool final, adit_time now);
};

/* Strings are copied. */
struct adit_relay_conf {
    const char *url;     /* ws or wss, of the relay; "/relay/SESSION" is added to its path */
    const char *session; /* NULL: the URL is the session's */
    const char *token;
    bool second;                      /* the second generation */
    struct adit_tls_client *tls;      /* for wss; borrowed, outlives the relay */
    const struct adit_proxy *proxy;   /* copied; NULL = directly */
    const char *servers;              /* name servers, as in resolve.h; NULL = the system's */
    adit_time retry_first, retry_max; /* 0 = as above */
};

/* Begins to connect. -EINVAL, and *ret_cause says what is wrong; -ENOMEM. */
ADIT_MUST_USE int adit_relay_new(struct adit_relay **ret_relay, struct adit_loop *loop,
                                 const struct adit_relay_conf *conf,
                                 const struct adit_relay_ops *ops, void *arg,
                                 struct adit_cause *ret_cause);
/* Says goodbye if it can. Returns NULL; r may be NULL. */
struct adit_relay *adit_relay_free(struct adit_relay *r);

/* One message. -EAGAIN: no room, `writable` follows; -EMSGSIZE; -EPIPE: not open; -ENOMEM. Calls
 * nothing. */
ADIT_MUST_USE int adit_relay_send(struct adit_relay *r, const void *bytes, size_t n);
size_t adit_relay_buffered(const struct adit_relay *r); /* bytes that have not left us */
bool adit_relay_is_open(const struct adit_relay *r);
/* No `message` until resumed. Both may be repeated. */
void adit_relay_pause(struct adit_relay *r);
void adit_relay_resume(struct adit_relay *r);
/* The framing is broken: this session is left, and entered again if it can be. */
void adit_relay_reset(struct adit_relay *r, const char *text);

#endif
