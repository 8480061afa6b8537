/* relay_inner.h - the inside of `struct adit_relay`; only for relay*.c.
 *
 * relay.c       configuration, attempts, and what the owner calls
 * relay_conn.c  the connection of an attempt */
#ifndef ADIT_RELAY_INNER_H
#define ADIT_RELAY_INNER_H

#include "app/relay.h"
#include "base/buf.h"
#include "core/proxy.h"
#include "core/stream.h"
#include "http/url.h"
#include "http/ws.h"
#include "http/ws_handshake.h"

struct adit_relay {
    struct adit_loop *loop;
    const struct adit_relay_ops *ops;
    void *arg;
    struct adit_relay_conf conf; /* its strings are ours */
    char *token, *servers;
    struct adit_url url;
    struct adit_proxy proxy;
    bool has_proxy;
    struct adit_buf authority, target;
    struct adit_rng rng;

    struct adit_timer retry;
    adit_time pause; /* until the next attempt */
    bool *gone;      /* set when it is freed inside a callback */

    /* Of an attempt. */
    struct adit_stream *stream;
    struct adit_http1 *http; /* until it is a WebSocket */
    struct adit_ws *ws;
    struct adit_timer tick;
    struct adit_task again; /* after resume: the engine may hold messages */
    char key[ADIT_WS_KEY_SIZE];
    bool open, paused, starved;
    bool failed, final; /* it is over, for `cause`; and for good */
    bool retryable;     /* the relay said so, or the opposite: */
    bool refused;
    struct adit_cause cause;
};

/* relay_conn.c */
void adit_relay_connect(struct adit_relay *r); /* may fail the attempt at once */
void adit_relay_disconnect(struct adit_relay *r);
void adit_relay_pump(struct adit_relay *r);
void adit_relay_init(struct adit_relay *r);

/* relay.c */
/* The attempt is over; adit_relay_settle acts on it. The first cause counts. */
void adit_relay_fail(struct adit_relay *r, const struct adit_cause *cause, bool final);
void adit_relay_fail_text(struct adit_relay *r, enum adit_reason reason, int err, const char *text,
                          bool final);
/* The last thing of every entry from below. */
void adit_relay_settle(struct adit_relay *r, adit_time now);
/* Around a callback: false if r is gone. */
bool adit_relay_tell_opened(struct adit_relay *r, adit_time now);
bool adit_relay_tell_message(struct adit_relay *r, struct adit_span bytes, adit_time now);
bool adit_relay_tell_writable(struct adit_relay *r, adit_time now);

#endif
