/* hub.h - the signaling server as an engine: clients of all dialects, who they are, what they may.
 *
 * A request opens; the hub answers it at once (ops->reply), keeps it waiting for its answer, or
 * takes it as a WebSocket (ops->accept). What a client speaks is found by its path and its first
 * message, as the original servers would have it (docs/signaling.md). Messages go only between
 * clients of one account. Everything is bounded by struct adit_hub_limits.
 *
 * Sans-I/O: operations only queue; they never call back into the hub. Who has a client of ours
 * tells adit_hub_closed exactly once when its connection is gone, unless it was answered by
 * ops->reply, which ends it. */
#ifndef ADIT_HUB_H
#define ADIT_HUB_H

#include "base/addr.h"
#include "base/buf.h"
#include "base/rng.h"
#include "signal/jwt.h"

#define ADIT_HUB_MESSAGE_MAX (64 * 1024)     /* bytes of a message */
#define ADIT_HUB_ID_MAX      128             /* bytes of an id, a room, a mailbox, an account */
#define ADIT_HUB_HELLO       (10 * ADIT_SEC) /* from the handshake to the first message that counts */
#define ADIT_HUB_BULK_MAX    (4 * 1024 * 1024)  /* bytes of a message of a relayed session */
#define ADIT_HUB_CARRY_RATE  (512 * 1024)       /* bytes a second, unless configured otherwise */
#define ADIT_HUB_STATE_MAX   (16 * 1024 * 1024) /* bytes of what is kept over a restart */

struct adit_hub;
struct adit_hub_client;

/* Two clients with one id. */
enum adit_hub_duplicate {
    ADIT_HUB_REPLACE, /* the newer one has it, the older is closed */
    ADIT_HUB_REFUSE   /* the older one keeps it */
};

struct adit_hub_limits {    /* 0 = the default */
    unsigned clients;       /* WebSockets and waiting requests together: 20000 */
    unsigned per_address;   /* of one IPv4 address or IPv6 /64: 256 */
    unsigned message_rate;  /* messages of a client in a second, over time: 50 */
    unsigned message_burst; /* and at once: 250 */
    unsigned request_rate;  /* HTTP requests and handshakes of an address in a second: 20 */
    unsigned request_burst; /* 200 */
    unsigned mailboxes;     /* 20000 */
    unsigned mailbox_bytes; /* in one mailbox: 256 KiB */
    unsigned accounts;      /* with a password: 1000 */
    unsigned devices;       /* of one account: 100 */
    unsigned carry_rate;    /* bytes that are relayed for one account in a second: 512 KiB */
    unsigned carry_mib;     /* and in a day, in MiB: 10240 */
    unsigned carry_pairs;   /* pairs of its clients for whom that is done at a time: 64 */
    unsigned sessions;      /* of the Tunnel Agent's relay: 1000 */
    unsigned sessions_each; /* of one account: 10 */
};

/* A line of the token file. */
struct adit_hub_token {
    const char *secret;
    const char *account; /* NULL: the token is an account of its own */
    const char *ids;     /* "alice,gw-*": which ids it may take; NULL = any */
};

/* A STUN and TURN server of our own that clients may be told of. */
struct adit_hub_here {
    bool stun, turn;
    const char *host; /* how clients find it; NULL = as they name this server */
    uint16_t port;    /* UDP and TCP */
    bool tls;         /* this server's own port speaks it too, over TLS */
};

struct adit_hub_conf {
    const struct adit_hub_token *tokens;
    size_t token_count;
    struct adit_jwt_keys keys;  /* of tokens that somebody else issues */
    bool anonymous;             /* who shows nothing may speak to others who showed nothing */
    bool registration;          /* anybody may make an account with a password */
    bool local_pages;           /* browsers: only pages from this host */
    const char *const *origins; /* browsers: only pages from here; none = any */
    size_t origin_count;
    enum adit_hub_duplicate duplicate;
    const char *relay_url; /* told to devices; NULL = this server, as the client names it */
    bool carry; /* packets between clients that reach each other in no other way, and sessions */
    const char *turn_secret;
    const char *const *turn_urls, *const *stun_urls;
    size_t turn_count, stun_count;
    struct adit_hub_here here; /* in place of the TURN servers, if there are none */
    unsigned turn_ttl;         /* seconds; 0 = 24 hours */
    struct adit_hub_limits limits;
};

struct adit_hub_header {
    const char *name, *value;
};

/* Everything is borrowed for the call. */
struct adit_hub_request {
    const char *method, *path, *query; /* as they came, percent-encoded; query "" = none */
    const struct adit_hub_header *headers;
    size_t header_count;
    const char *body;
    size_t body_len;
    bool websocket; /* an upgrade, checked by who asks us */
    bool secure;    /* over TLS */
    struct adit_addr remote;
};

struct adit_hub_reply {
    int status;
    const char *type;   /* of the body */
    const char *header; /* further ones, each with its CRLF; "" = none */
    const void *body;
    size_t n;
};

enum adit_hub_what {
    ADIT_HUB_JOINED, /* a: who, b: as what (room, role), "" = nothing to say */
    ADIT_HUB_LEFT,
    ADIT_HUB_MET,     /* a and b were introduced */
    ADIT_HUB_REFUSED, /* a: who, as far as known; b: why */
    ADIT_HUB_CARRIED  /* packets of a and b go through this server */
};

/* For the log. a and b may hold anything: adit_str_printable. */
struct adit_hub_event {
    enum adit_hub_what what;
    const char *dialect, *account, *a, *b; /* never NULL; account "" = anonymous */
    struct adit_addr remote;
};

struct adit_hub_ops {
    /* The answer to a request; ends it. Copied. */
    void (*reply)(void *arg, void *conn, const struct adit_hub_reply *reply);
    /* Answer 101; messages may follow at once. bulk: those of a relayed session, up to
     * ADIT_HUB_BULK_MAX bytes each; adit_hub_drained is called when what waited has left. */
    void (*accept)(void *arg, void *conn, bool bulk);
    void (*send)(void *arg, void *conn, bool binary, const void *bytes, size_t n);
    /* A binary message that may be lost: false, if more than a little waits there already. */
    bool (*carry)(void *arg, void *conn, const void *bytes, size_t n);
    /* bulk only: bytes that wait to be sent; and no more messages until further notice. */
    size_t (*waiting)(void *arg, void *conn);
    void (*pause)(void *arg, void *conn, bool paused);
    /* No more messages are wanted from it; adit_hub_closed follows, later. */
    void (*close)(void *arg, void *conn, unsigned code, const char *reason);
    /* Keep this beyond our end. -errno: it could not be kept, and is not done either. */
    int (*keep)(void *arg, const char *state, size_t n);
    void (*event)(void *arg, const struct adit_hub_event *event);
    int64_t (*wall)(void *arg); /* seconds since 1970 */
};

/* conf, rng and ops are borrowed and outlive the hub. NULL without memory. */
struct adit_hub *adit_hub_new(const struct adit_hub_conf *conf, const struct adit_hub_ops *ops,
                              void *arg, struct adit_rng *rng);
/* No client may be left. Returns NULL; hub may be NULL. */
struct adit_hub *adit_hub_free(struct adit_hub *hub);
/* From now on; who is there stays. */
void adit_hub_configure(struct adit_hub *hub, const struct adit_hub_conf *conf);
/* What ops->keep was given last. -EINVAL and a cause, -ENOMEM. */
ADIT_MUST_USE int adit_hub_load(struct adit_hub *hub, const char *state, size_t n, adit_time now,
                                struct adit_cause *ret_cause);

/* A connection has come in, whatever it will say. False: this address has too many already, or
 * there are too many in all; close it. `shared`: the address is that of a proxy, which has as many
 * as it likes. Otherwise adit_hub_depart follows when it is gone. */
bool adit_hub_arrive(struct adit_hub *hub, const struct adit_addr *from, bool shared,
                     adit_time now);
void adit_hub_depart(struct adit_hub *hub, const struct adit_addr *from);

/* NULL: answered. Otherwise accepted, or waiting for its answer. */
struct adit_hub_client *adit_hub_open(struct adit_hub *hub, const struct adit_hub_request *request,
                                      void *conn, adit_time now);
/* A whole message of any size; may close this client, and others. */
void adit_hub_message(struct adit_hub_client *c, bool binary, const char *bytes, size_t n,
                      adit_time now);
void adit_hub_drained(struct adit_hub_client *c, adit_time now); /* see ops->accept */
void adit_hub_closed(struct adit_hub_client *c, adit_time now);
/* Closes all (going away); waiting requests are answered. */
void adit_hub_shutdown(struct adit_hub *hub, adit_time now);

adit_time adit_hub_deadline(const struct adit_hub *hub);
void adit_hub_tick(struct adit_hub *hub, adit_time now);

size_t adit_hub_count(const struct adit_hub *hub); /* clients */

/* What was relayed, since the beginning. */
struct adit_hub_carried {
    uint64_t packets, bytes;     /* handed on */
    uint64_t nobody, slow;       /* packets for who is not there, or reads too slowly */
    uint64_t too_fast, too_many; /* beyond the rate; beyond the day's bytes, or the pairs */
    uint64_t sessions, messages, message_bytes;
};
void adit_hub_carried(const struct adit_hub *hub, struct adit_hub_carried *ret_carried);

#endif
