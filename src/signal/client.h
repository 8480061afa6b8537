/* client.h - one signaling connection, alive until it is freed.
 *
 * Resolves, connects (TLS, proxies, both families), shakes hands, keeps alive, and when anything
 * goes wrong says so and does it again, with names resolved anew and growing pauses. What the
 * server speaks is a dialect's concern (dialect.h). Everything happens on the loop; events come
 * when the client is consistent, so a handler may call anything here, adit_signal_free included.
 *
 * A tunnel that stands never needs this object: free it or keep it, as traits and taste have it.
 *
 * UDP (dialect rendezvous): punch strings, messages and the benchmark share a port with ICE, since
 * it is the port whose mapping was told. The owner of that socket offers each packet to
 * adit_signal_datagram before anybody else sees it, and sends what ops->datagram gives it from the
 * same socket. Nothing of a WebRTC connection is ever taken: STUN is known by its cookie, DTLS and
 * ChannelData by their first byte (RFC 7983). */
#ifndef ADIT_SIGNAL_CLIENT_H
#define ADIT_SIGNAL_CLIENT_H

#include "core/reactor.h"
#include "signal/dialect.h"

struct adit_signal;

/* Everything is copied. NULL and 0 = not given. */
struct adit_signal_conf {
    const char *url;     /* ws, wss, http, https; NULL with exec or file */
    const char *dialect; /* by name; NULL = guessed from the URL */
    const char *exec;    /* a program: lines of JSON, ours in, theirs out */
    const char *file;    /* a path that both sides can write and read */
    bool none; /* nobody: who calls has a ticket. JOINED at once, and nothing to be asked */
    enum adit_dialect_role role;   /* connect: offerer, listen: answerer, where it matters */
    bool role_given;               /* by the user: it is a hint for the dialect too */
    const char *id, *token, *room; /* id: NULL = a random one where one is needed */
    const char *email, *password;  /* device */
    bool new_account;              /* device: make the account if there is none */
    const char *device_key;        /* device-b: base64 of 32 bytes */
    const char *ca;                /* PEM file in place of the system's */
    const char *const *pins;       /* "sha256/…" of the server's public key */
    size_t pin_count;
    bool insecure;              /* no check of the certificate; warns at every attempt */
    const char *proxy;          /* http://…, socks5://…; NULL = environment; "" = none */
    const char *const *headers; /* "Name: value" */
    size_t header_count;
    uint32_t fwmark;                  /* SO_MARK of our connections; 0 = none */
    const char *dns;                  /* name servers, as in resolve.h */
    adit_time retry_first, retry_max; /* 0 = the dialect's */
    unsigned retry_factor_x10;        /* 0 = the dialect's */
    int retry_tries;                  /* attempts in a row; 0 = for ever */
    adit_time connect_timeout; /* of one connection, TLS included; 0 = 15 s. Until JOINED: 30 s */
    adit_time ping_every;      /* to notice silence; 0 = 25 s */
    adit_time pong_within;     /* it is one then; 0 = as ws.h has it */
    bool relay; /* agent: take packets of peers over the server, if it can (haul.h) */
};

struct adit_signal_ops {
    /* May call anything. After DOWN with `final` nothing comes but STOPPED, if adit_signal_stop is
     * called, and after that nothing at all. */
    void (*event)(void *arg, const struct adit_signal_event *event, adit_time now);
    /* Rendezvous only, may be NULL: send this from the socket whose mapping was told. */
    void (*datagram)(void *arg, const struct adit_addr *to, const void *bytes, size_t n);
    /* A peer's packet came over the server; only with conf.relay. May call anything. */
    void (*packet)(void *arg, const struct adit_haul *packet, adit_time now);
};

/* Starts with the next turn of the loop. -EINVAL: *ret_cause says what is wrong with the
 * configuration; -ENOMEM. */
ADIT_MUST_USE int adit_signal_new(struct adit_signal **ret_signal, struct adit_loop *loop,
                                  const struct adit_signal_conf *conf,
                                  const struct adit_signal_ops *ops, void *arg,
                                  struct adit_cause *ret_cause);
/* At once and silently. Returns NULL; s may be NULL. */
struct adit_signal *adit_signal_free(struct adit_signal *s);
/* Says goodbye in the dialect's way and closes; STOPPED follows within five seconds. */
void adit_signal_stop(struct adit_signal *s);
/* The network has changed: a pause between two attempts ends at once. What stands is left alone,
 * for its pings tell whether it still does. */
void adit_signal_retry(struct adit_signal *s);
/* It has changed for sure: a server that stands and says nothing within a second is called anew. */
void adit_signal_doubt(struct adit_signal *s);

const char *adit_signal_dialect(const struct adit_signal *s);
const struct adit_dialect_traits *adit_signal_traits(const struct adit_signal *s);
/* Is adit_signal_datagram to be called? */
bool adit_signal_uses_udp(const struct adit_signal *s);
bool adit_signal_joined(const struct adit_signal *s);
/* Our name at the server, "" where there is none. */
const char *adit_signal_id(const struct adit_signal *s);
/* Where the server saw us last: IPv4 and IPv6, family NONE if it never said so. */
const struct adit_addr *adit_signal_seen(const struct adit_signal *s);

/* Commands. -EAGAIN: not joined now; tell again at JOINED. -ENOTSUP: the dialect has no such thing,
 * which may be ignored. -EMSGSIZE, -ENOMEM. */

/* We want this peer: PEER follows when it can be talked to. */
int adit_signal_call(struct adit_signal *s, const char *peer);
int adit_signal_describe(struct adit_signal *s, const char *peer, enum adit_signal_type type,
                         const char *text, size_t n);
/* NULL: that was the last. mid and mline: of the media section; "" and -1 = the usual ("0", 0). */
int adit_signal_candidate(struct adit_signal *s, const char *peer, const char *candidate,
                          const char *mid, int mline);
int adit_signal_bye(struct adit_signal *s, const char *peer);
/* device: how it ended, for who asked. */
int adit_signal_outcome(struct adit_signal *s, const char *peer, bool connected);
/* rendezvous: our UDP address as seen from outside. */
int adit_signal_endpoint(struct adit_signal *s, const struct adit_addr *addr);
int adit_signal_message(struct adit_signal *s, const char *peer, const char *text, size_t n);
int adit_signal_ping(struct adit_signal *s, const char *peer);
int adit_signal_bench(struct adit_signal *s, const char *peer, uint64_t bytes, unsigned chunk);
/* Does the server hand on packets now? And one of them, to packet->name: as any network, it may
 * lose them. -ENOTSUP: it does not; -EAGAIN: too many. */
bool adit_signal_relays(const struct adit_signal *s);
int adit_signal_packet(struct adit_signal *s, const struct adit_haul *packet);
/* rendezvous: true: it was for us; false: it belongs to the connection. Works without the server as
 * well. */
bool adit_signal_datagram(struct adit_signal *s, const struct adit_addr *from, const void *bytes,
                          size_t n);

#endif
