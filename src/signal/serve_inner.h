/* serve_inner.h - what the files behind serve.h share.
 *
 *   serve.c       the server: listening, time, what the hub asks for
 *   serve_conn.c  a connection: its life, and the WebSocket
 *   serve_http.c  its requests and answers
 *   serve_turn.c  the STUN and TURN server: what its engine asks for, and connections that speak it
 *   serve_ports.c its UDP sockets: those it listens on, and relayed addresses */
#ifndef ADIT_SERVE_INNER_H
#define ADIT_SERVE_INNER_H

#include "base/list.h"
#include "core/listen.h"
#include "core/stream.h"
#include "http/ws.h"
#include "http/ws_handshake.h"
#include "signal/event.h"
#include "signal/serve.h"

#define ADIT_SERVE_FIELDS_MAX 64

enum adit_conn_state {
    ADIT_CONN_READING, /* a request */
    ADIT_CONN_ASKING,  /* the hub has it */
    ADIT_CONN_WS,
    ADIT_CONN_TURN,   /* it was no request, but STUN */
    ADIT_CONN_ENDING, /* what is queued leaves, then the stream ends */
};

/* What comes in on which sockets. */
struct adit_serve_door {
    struct adit_serve *serve;
    struct adit_listen *listen;
    struct adit_tls_server *tls; /* NULL = none */
    bool turn_only;
};

struct adit_conn {
    struct adit_serve *serve;
    enum adit_conn_state state;
    bool keep_alive, head_only; /* of the request */
    bool turn_only, secure;     /* how it came in */
    bool fresh;                 /* nothing was read yet */
    bool doomed;                /* ends with the next turn; why: `why` */
    bool bulk;                  /* a relayed session */
    bool paused;                /* and nothing is read of it at the moment */
    bool busy;                  /* its bytes are being read: what the hub says waits for that */
    const char *why;
    struct adit_stream *stream;
    struct adit_http1 *http; /* NULL once it is a WebSocket */
    struct adit_ws *ws;
    struct adit_ws_verdict *verdict; /* while the hub is asked about a handshake */
    struct adit_hub_client *client;
    struct adit_buf body;
    char *origin; /* of the request; NULL = none */
    struct adit_addr from;
    struct adit_addr seen;       /* where the client is, by the last request */
    bool counted;                /* by the hub, as one of its address */
    struct adit_link all, dirty; /* dirty: has something to send, or is doomed */
    struct adit_link quiet;      /* in serve->quiet or serve->pinged, by `heard` */
    adit_time heard;
    adit_time bytes_level; /* as in struct adit_hub_rate, of bytes */
};

struct adit_serve {
    struct adit_loop *loop;
    const struct adit_serve_ops *ops;
    void *arg;
    struct adit_hub_conf hub_conf;
    struct adit_hub *hub;
    struct adit_rng rng;
    struct adit_serve_door door, turn_door, turns_door;
    struct adit_serve_turn *turn; /* NULL = none */
    char *state;
    bool behind_proxy, stopping, freed;
    adit_time ping_every;
    struct adit_link conns, dirty;
    struct adit_link quiet, pinged; /* WebSockets: the longest silent first */
    size_t conn_count;
    struct adit_task flush, bury;
    struct adit_timer hub_timer, ping_timer, stop_timer;
    adit_time hub_at; /* what hub_timer is set to */
    bool pinging;
    adit_time log_second;
    unsigned logged, unlogged;
};

/* Something has happened: before the loop sleeps, what is to be sent is sent, and timers are set.
 */
void adit_serve_touch(struct adit_serve *s);
void adit_serve_gone(struct adit_serve *s); /* one connection less */
bool adit_serve_may_log(struct adit_serve *s);

/* ---- serve_conn.c ---------------------------------------------------------------------------- */

/* Takes fd, also on failure. */
void adit_conn_accept(const struct adit_serve_door *door, int fd, const struct adit_addr *from,
                      adit_time now);
void adit_conn_free(struct adit_conn *c);
void adit_conn_dirty(struct adit_conn *c);
/* Ends it with the next turn, without another word. why: for the log, a literal. */
void adit_conn_doom(struct adit_conn *c, const char *why);
/* From the flush: sends what waits; may free it. */
void adit_conn_flush(struct adit_conn *c, adit_time now);
/* It is a WebSocket from here on. */
void adit_conn_upgrade(struct adit_conn *c, bool bulk, adit_time now);
/* A binary message, unless ADIT_SERVE_CARRY_MAX bytes wait to be read already: false. */
bool adit_conn_carry(struct adit_conn *c, const void *bytes, size_t n);
size_t adit_conn_waiting(const struct adit_conn *c);
void adit_conn_pause(struct adit_conn *c, bool paused, adit_time now);
void adit_conn_close(struct adit_conn *c, unsigned code, const char *reason);
void adit_conn_send(struct adit_conn *c, bool binary, const void *bytes, size_t n);
/* WebSockets that were silent are pinged, those that did not answer are closed. When next? */
adit_time adit_conns_ping(struct adit_serve *s, adit_time now);

/* ---- serve_http.c ---------------------------------------------------------------------------- */

/* Takes what it can of the bytes of requests. */
size_t adit_conn_read_http(struct adit_conn *c, const uint8_t *bytes, size_t n, adit_time now);
void adit_conn_reply(struct adit_conn *c, const struct adit_hub_reply *reply);

/* ---- serve_turn.c ---------------------------------------------------------------------------- */

/* NULL and a cause. */
struct adit_serve_turn *adit_serve_turn_new(struct adit_serve *s,
                                            const struct adit_serve_turn_conf *conf,
                                            struct adit_cause *ret_cause);
struct adit_serve_turn *adit_serve_turn_free(struct adit_serve_turn *t); /* returns NULL */
void adit_serve_turn_configure(struct adit_serve_turn *t);               /* the hub's has changed */
void adit_serve_turn_flush(struct adit_serve_turn *t);                   /* sets the timer */
/* Takes what it can of a connection's messages; may doom it. */
size_t adit_conn_read_turn(struct adit_conn *c, const uint8_t *bytes, size_t n, adit_time now);
/* The connection is about to go. */
void adit_conn_leave_turn(struct adit_conn *c, adit_time now);

#endif
