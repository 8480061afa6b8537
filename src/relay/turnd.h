/* turnd.h - a STUN and TURN server as an engine (RFC 8489, RFC 8656, RFC 5780).
 *
 * Messages of clients go in with the 5-tuple they came on, packets of peers with the relayed
 * address they came to; answers and relayed packets come out. Sockets are the owner's: it is asked
 * for relayed addresses and told when they are done with. Everything but a plain Binding has to be
 * authenticated, with credentials that carry their own end (credentials.h). Peers inside of
 * networks are refused unless named (deny.h), so is this host. What may cost something is bounded
 * by struct adit_turnd_limits; and one bad peer costs one packet, never the allocation.
 *
 * Sans-I/O: operations only queue or open and close; they never call back into the engine. */
#ifndef ADIT_RELAY_TURND_H
#define ADIT_RELAY_TURND_H

#include "base/addr.h"
#include "base/rng.h"

#define ADIT_TURND_PORT     3478
#define ADIT_TURND_USER_MAX 192 /* bytes of a USERNAME */
#define ADIT_TURND_PACKET_MAX \
    2044                        /* bytes of a relayed packet: with its header it fits a socket's */
#define ADIT_TURND_OTHERS_MAX 2 /* pairs for RFC 5780: one of each family */

/* Seconds on the wire (RFC 8656 sections 3.2, 9 and 12). */
#define ADIT_TURND_LIFETIME     600
#define ADIT_TURND_LIFETIME_MAX 3600
#define ADIT_TURND_PERMISSION   (300 * ADIT_SEC)
#define ADIT_TURND_CHANNEL      (600 * ADIT_SEC)
#define ADIT_TURND_RESERVATION  (30 * ADIT_SEC)
#define ADIT_TURND_NONCE        (600 * ADIT_SEC)

struct adit_turnd;

/* Where a message came from and its answer goes: RFC 8656's 5-tuple. `path` stands for the owner's
 * socket or connection; NULL in what we send: the owner's UDP socket at `local`. */
struct adit_turnd_flow {
    void *path;
    bool stream; /* TCP or TLS */
    struct adit_addr client, local;
};

/* A relayed address. Ours, with a word of the owner's. */
struct adit_turnd_port {
    void *owner;
    struct adit_addr addr; /* as clients and peers know it */
};

/* Which port a relayed address has to have. */
struct adit_turnd_wish {
    enum adit_family family;
    bool even;
    uint16_t exact; /* 0 = any */
};

enum adit_turnd_what { ADIT_TURND_ALLOCATED, ADIT_TURND_ENDED, ADIT_TURND_REFUSED };

/* For the log. `user` may hold anything: adit_str_printable. */
struct adit_turnd_event {
    enum adit_turnd_what what;
    const char *user;                   /* what follows the time in the name; "" = unknown */
    const struct adit_turnd_flow *flow; /* of the client */
    struct adit_addr relayed;
    int error;           /* REFUSED: the code of the answer */
    uint64_t bytes;      /* ENDED: relayed, both ways */
    uint64_t lost_bytes; /* ENDED: beyond the limit of its rate */
};

struct adit_turnd_ops {
    /* To the client. `data`: a peer's packet, which may be lost; others are answers. */
    void (*send)(void *arg, const struct adit_turnd_flow *flow, const uint8_t *bytes, size_t n,
                 bool data);
    /* A socket to relay from; fills port->owner and port->addr. -EADDRINUSE: `exact` is taken;
     * -EAFNOSUPPORT: none of this family here; others: none now. */
    int (*open)(void *arg, struct adit_turnd_port *port, const struct adit_turnd_wish *wish);
    void (*close)(void *arg, struct adit_turnd_port *port);
    /* To a peer. Errors are the packet's alone. whole: DONT-FRAGMENT. */
    void (*emit)(void *arg, struct adit_turnd_port *port, const struct adit_addr *peer,
                 const uint8_t *bytes, size_t n, bool whole);
    bool (*own)(void *arg, const struct adit_addr *addr); /* is it this host's? Port ignored */
    void (*event)(void *arg, const struct adit_turnd_event *event);
    int64_t (*wall)(void *arg); /* seconds since 1970 */
};

struct adit_turnd_limits {    /* 0 = the default */
    unsigned allocations;     /* in all: 1000 */
    unsigned per_identity;    /* 32 */
    unsigned per_address;     /* of a client's IPv4 address or IPv6 /64: 64 */
    unsigned permissions;     /* of one allocation: 64 */
    unsigned channels;        /* of one allocation: 64 */
    unsigned bandwidth;       /* bytes a second of one allocation, both ways and with headers of IP
                               * and UDP: 4 MiB; a second's at once */
    unsigned bindings;        /* answered to one address in a second: 50; four seconds' at once */
    unsigned unauthenticated; /* refused with a word, the same: 10 */
};

struct adit_turnd_net {
    struct adit_addr net;
    unsigned len;
};

/* RFC 5780: all four combinations are listened on. */
struct adit_turnd_other {
    struct adit_addr primary, alternate; /* with ports; both differ */
};

struct adit_turnd_conf {
    bool turn;                          /* false: STUN alone */
    const char *realm;                  /* NULL = "adit" */
    const char *secret;                 /* of the credentials; copied */
    const struct adit_turnd_net *allow; /* peers that would be refused otherwise; borrowed */
    size_t allow_count;
    struct adit_turnd_other others[ADIT_TURND_OTHERS_MAX]; /* family NONE = no such */
    struct adit_turnd_limits limits;
};

struct adit_turnd_stats {
    uint64_t bindings, allocations, refused; /* answered so */
    uint64_t silent;                         /* not answered: too often, or no sense in it */
    uint64_t to_peer_packets, to_peer_bytes, to_client_packets, to_client_bytes;
    uint64_t no_permission, over_rate, forbidden; /* packets dropped */
};

/* ops and rng are borrowed and outlive it, so is what the comments say. NULL without memory. */
struct adit_turnd *adit_turnd_new(const struct adit_turnd_conf *conf,
                                  const struct adit_turnd_ops *ops, void *arg,
                                  struct adit_rng *rng);
/* Closes all relayed addresses. Returns NULL; r may be NULL. */
struct adit_turnd *adit_turnd_free(struct adit_turnd *r);
/* Another secret, for allocations from now on; those that are there keep their key. -ENOMEM. */
ADIT_MUST_USE int adit_turnd_secret(struct adit_turnd *r, const char *secret);

/* A datagram, or one framed message of a stream (frame.h). */
void adit_turnd_feed(struct adit_turnd *r, const struct adit_turnd_flow *flow, const uint8_t *bytes,
                     size_t n, adit_time now);
/* A stream has ended, and with it its allocation. */
void adit_turnd_gone(struct adit_turnd *r, const struct adit_turnd_flow *flow, adit_time now);
/* The same of all whose path is this. */
void adit_turnd_path_gone(struct adit_turnd *r, const void *path, adit_time now);
/* A packet came to a relayed address. */
void adit_turnd_heard(struct adit_turnd *r, struct adit_turnd_port *port,
                      const struct adit_addr *peer, const uint8_t *bytes, size_t n, adit_time now);

adit_time adit_turnd_deadline(const struct adit_turnd *r);
void adit_turnd_tick(struct adit_turnd *r, adit_time now);

bool adit_turnd_has(struct adit_turnd *r, const struct adit_turnd_flow *flow); /* an allocation? */
size_t adit_turnd_count(const struct adit_turnd *r);                           /* allocations */
const struct adit_turnd_stats *adit_turnd_stats(const struct adit_turnd *r);

#endif
