/* serve.h - the signaling server: sockets, TLS and files around the hub.
 *
 * Each connection is HTTP until a request becomes a WebSocket. It has so long for a whole request,
 * so long for silence, and so much that may wait for it to read; what goes beyond is closed, and
 * nobody else notices. */
#ifndef ADIT_SERVE_H
#define ADIT_SERVE_H

#include "core/reactor.h"
#include "relay/turnd.h"
#include "signal/hub.h"

#define ADIT_SERVE_REQUEST_TIME (10 * ADIT_SEC) /* from the connection to a whole request */
#define ADIT_SERVE_IDLE_TIME    (15 * ADIT_SEC) /* between two requests */
#define ADIT_SERVE_CLOSE_TIME   (5 * ADIT_SEC)  /* for the other side to agree to a close */
#define ADIT_SERVE_PONG_TIME    (20 * ADIT_SEC)
#define ADIT_SERVE_PING_EVERY   (45 * ADIT_SEC) /* of silence: shorter than what proxies wait */
#define ADIT_SERVE_FRAME_MAX    (2 * ADIT_HUB_MESSAGE_MAX) /* what is read to be refused in words */
#define ADIT_SERVE_QUEUE_MAX    (256 * 1024) /* bytes that wait for one client to read */
#define ADIT_SERVE_CARRY_MAX    (64 * 1024)  /* and so many at most, before packets are dropped */
#define ADIT_SERVE_BYTES_EACH                                          \
    (20 * 1024) /* a second, for each message a second that is allowed \
                 */
#define ADIT_SERVE_BYTES_BURST (4 * 1024 * 1024) /* and at once */
#define ADIT_SERVE_LOGS_MAX    20                /* lines about clients in a second */

struct adit_serve;
struct adit_tls_server;

#define ADIT_SERVE_TURNS_PORT     5349  /* of TURN over TLS */
#define ADIT_SERVE_RELAY_PORT_MIN 49152 /* RFC 8656 section 7.2 */
#define ADIT_SERVE_RELAY_PORT_MAX 65535

/* An address that relayed packets come from. */
struct adit_serve_relay {
    struct adit_addr seen;  /* by peers; family NONE = one of this host's is chosen */
    struct adit_addr local; /* where it is bound: another one behind a NAT that maps one to one */
};

/* The STUN and TURN server in this one (turn of struct adit_hub_conf's `here` says which). */
struct adit_serve_turn_conf {
    const char *const *listen; /* UDP and TCP: "ADDRESS[:PORT]", ":PORT", "localhost"; none = all */
    size_t listen_count;
    const char *const *tls_listen; /* as in core/listen.h, beside the server's own addresses */
    size_t tls_count;
    struct adit_serve_relay relays[2];  /* IPv4, IPv6 */
    uint16_t port_min, port_max;        /* of relayed addresses; 0 = the usual ones */
    const struct adit_turnd_net *allow; /* borrowed */
    size_t allow_count;
    struct adit_turnd_limits limits;
};

struct adit_serve_conf {
    struct adit_hub_conf hub;  /* its strings are borrowed until adit_serve_configure */
    const char *const *listen; /* as in core/listen.h */
    size_t listen_count;
    uint16_t port_default;
    struct adit_tls_server *tls; /* NULL = none; borrowed, outlives the server */
    const char *state;           /* a file; NULL = nothing is kept. Copied */
    adit_time ping_every;        /* 0 = ADIT_SERVE_PING_EVERY */
    struct adit_serve_turn_conf
        turn;          /* if hub.here.stun; its strings are needed for the call only */
    bool behind_proxy; /* who calls is in X-Forwarded-For: a proxy of ours is before us */
};

struct adit_serve_ops {
    void (*stopped)(void *arg); /* after adit_serve_stop: nobody is left. May free the server */
};

/* NULL and a cause for the person who configured it. The loop outlives the server. */
struct adit_serve *adit_serve_new(struct adit_loop *loop, const struct adit_serve_conf *conf,
                                  const struct adit_serve_ops *ops, void *arg,
                                  struct adit_cause *ret_cause);
/* Another configuration of the hub, from now on; the old one is no longer needed. */
void adit_serve_configure(struct adit_serve *s, const struct adit_hub_conf *conf);
/* Takes no more calls, says goodbye to everybody, and `stopped` within some seconds. */
void adit_serve_stop(struct adit_serve *s);
/* At once. Returns NULL; s may be NULL. */
struct adit_serve *adit_serve_free(struct adit_serve *s);

size_t adit_serve_count(const struct adit_serve *s); /* connections */
void adit_serve_carried(const struct adit_serve *s, struct adit_hub_carried *ret_carried);
/* Of the STUN and TURN server: NULL if there is none. */
const struct adit_turnd_stats *adit_serve_turn_stats(const struct adit_serve *s);
/* Where it listens for datagrams; NULL behind the last. */
const struct adit_addr *adit_serve_turn_at(const struct adit_serve *s, size_t i);
/* Where it really listens; NULL behind the last. */
const char *adit_serve_at(const struct adit_serve *s, size_t i);

#endif
