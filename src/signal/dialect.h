/* dialect.h - one kind of signaling server: what it expects, what it sends, and its quirks.
 *
 * A dialect is an engine: no socket, no clock. The client (client.h) carries out what the engine
 * asks for and reports what came of it. One attempt to be connected goes
 *
 *   begin     the engine asks for HTTP calls and, at last, for a WebSocket
 *   answered  an HTTP call came back
 *   opened    the WebSocket stands
 *   text      a message came in; datagram: one over UDP (rendezvous)
 *   lost      the connection, or the attempt, is over; status says how HTTP refused it
 *
 * and may be repeated for ever. Commands come between JOINED and lost. `deadline` and `tick` as in
 * every engine. Operations only queue; they never call back into the engine.
 *
 * Bytes from outside are bounded by the limits of event.h and checked here; what is wrong becomes
 * an ERROR event, or is passed over where the original peers do so too. */
#ifndef ADIT_DIALECT_H
#define ADIT_DIALECT_H

#include "base/base.h"
#include "base/rng.h"
#include "signal/event.h"
#include "signal/haul.h"

#define ADIT_DIALECT_TARGET_MAX  4096        /* bytes of a request target */
#define ADIT_DIALECT_MESSAGE_MAX (96 * 1024) /* a message of ours or theirs: an SDP, escaped */
#define ADIT_DIALECT_HEADERS_MAX 4           /* of the dialect's own in one request */

enum adit_dialect_role { ADIT_DIALECT_ROLE_ANY, ADIT_DIALECT_OFFERER, ADIT_DIALECT_ANSWERER };

/* What the other ends of a dialect are used to; the agent layer follows it unless told otherwise.
 */
struct adit_dialect_traits {
    const char *label;   /* of the data channel; always ordered, reliable, protocol "" */
    const char *mode;    /* what travels by default: "chat", "tap", "http" … */
    bool text_is_binary; /* lines of chat go as binary messages */
    bool complete;   /* descriptions wait for gathering: the peers apply no trickled candidate */
    bool trickle;    /* candidates that come later are told as well */
    bool tickets;    /* both ends are adits for sure: a ticket may stand for an SDP */
    bool leaves;     /* the peers leave the server when they are connected */
    bool bye_is_new; /* `bye` leaves and comes again, and everybody there is introduced once more */
    const char *keepalive; /* binary message on the channel, swallowed when received; "" = none */
    adit_time keepalive_every;
    const char *keepalive_answer; /* for peers that send it clearly more often; NULL = none */
    const char *const *stun;      /* used when none is configured; NULL-terminated; may be NULL */
    const char *warning;          /* what the original leaves open; said once; NULL = nothing */
    uint16_t port; /* when the URL has none, it is still 80 or 443; where `adit signal`
                      and the original listen */
    adit_time retry_first, retry_max; /* between attempts: first × factor^n, at most max */
    unsigned retry_factor_x10;        /* 20 = doubling, 10 = fixed */
    unsigned retry_jitter_percent;    /* up to so much is added */
    unsigned retry_tries;             /* 0 = for ever. The originals' counts, kept for the docs */
};

struct adit_dialect_conf {
    const char *target; /* path and query of the URL; never NULL */
    const char *id, *token, *room;
    const char *email, *password; /* device: to log in when there is no token */
    bool new_account;             /* device: make the account if there is none */
    const char *device_key;       /* device-b: 32 bytes, base64; the caller keeps it secret */
    enum adit_dialect_role role;
    bool relay;           /* agent: we take packets of peers over the server */
    struct adit_rng *rng; /* borrowed, outlives the engine */
};

struct adit_dialect_header {
    const char *name, *value;
};

struct adit_dialect_request {
    unsigned tag; /* of an HTTP call; one in flight per tag, and fewer than ADIT_DIALECT_TAGS */
    const char *method, *target;
    struct adit_dialect_header headers[ADIT_DIALECT_HEADERS_MAX];
    unsigned header_count;
    const char *body; /* JSON; NULL = none */
    size_t body_len;
    adit_time timeout; /* 0 = the client's */
};

#define ADIT_DIALECT_TAGS 2

struct adit_dialect_response {
    unsigned tag;
    int status;
    const char *body;
    size_t n;
    uint64_t seq; /* of the header X-Seq; 0 = none */
};

/* None of them calls back into the engine; all copy. */
struct adit_dialect_ops {
    void (*http)(void *arg, const struct adit_dialect_request *request);
    void (*websocket)(void *arg, const struct adit_dialect_request *request);
    void (*send)(void *arg, const char *text, size_t n); /* a WebSocket text message */
    void (*datagram)(void *arg, const struct adit_addr *to, const void *bytes, size_t n);
    void (*event)(void *arg, const struct adit_signal_event *event);
    /* A binary message that may be lost; and a packet of a peer that came in one (haul.h). */
    void (*carry)(void *arg, const void *bytes, size_t n);
    void (*packet)(void *arg, const struct adit_haul *packet);
    /* This attempt is over by the engine's judgement. `again`: at once, in another form; otherwise
     * `final` says that no other attempt would do better. `lost` follows. */
    void (*fail)(void *arg, const struct adit_cause *cause, bool again, bool final);
};

/* What every state begins with. */
struct adit_dialect_state {
    const struct adit_dialect *dialect;
    const struct adit_dialect_ops *ops;
    const struct adit_dialect_conf *conf; /* borrowed, outlives us */
    void *arg;
    unsigned relay_rate; /* bytes a second that the server hands on to peers; 0 = it does not */
    bool joined;         /* JOINED was told, and the connection not lost since */
    char id[ADIT_SIGNAL_PEER_MAX + 1]; /* our name there; "" where there is none */
};

struct adit_dialect {
    const char *name, *summary;
    struct adit_dialect_traits traits;
    size_t size; /* of its state */
    /* 0; -EINVAL and a cause that says which option is missing. NULL functions: nothing to do. */
    int (*start)(struct adit_dialect_state *s, struct adit_cause *ret_cause, adit_time now);
    void (*done)(struct adit_dialect_state *s);
    void (*begin)(struct adit_dialect_state *s, adit_time now);
    void (*answered)(struct adit_dialect_state *s, const struct adit_dialect_response *response,
                     adit_time now);
    void (*opened)(struct adit_dialect_state *s, adit_time now);
    void (*text)(struct adit_dialect_state *s, const char *text, size_t n, adit_time now);
    /* A binary message; NULL: it is text to this dialect. */
    void (*binary)(struct adit_dialect_state *s, const void *bytes, size_t n, adit_time now);
    /* True: it was for us; false: it belongs to the connection. */
    bool (*datagram)(struct adit_dialect_state *s, const struct adit_addr *from, const void *bytes,
                     size_t n, adit_time now);
    /* http_status: of a refused WebSocket or a failed call, else 0; close_code: of a close frame,
     * else 0. True: the next attempt differs, so it may follow at once. *ret_final: no attempt
     * would do better. */
    bool (*lost)(struct adit_dialect_state *s, int http_status, unsigned close_code,
                 const char *close_reason, struct adit_cause *cause, bool *ret_final,
                 adit_time now);
    adit_time (*deadline)(const struct adit_dialect_state *s);
    void (*tick)(struct adit_dialect_state *s, adit_time now);

    /* Commands, called while joined; with `datagram`, always. 0; -EAGAIN: not now; -ENOTSUP: not in
     * this dialect; -EMSGSIZE; -ENOMEM. */
    int (*call)(struct adit_dialect_state *s, const char *peer, adit_time now);
    int (*describe)(struct adit_dialect_state *s, const char *peer, enum adit_signal_type type,
                    const char *text, size_t n, adit_time now);
    int (*candidate)(struct adit_dialect_state *s, const char *peer, const char *candidate,
                     const char *mid, int mline, adit_time now); /* NULL: that was the last */
    int (*bye)(struct adit_dialect_state *s, const char *peer, adit_time now);
    int (*outcome)(struct adit_dialect_state *s, const char *peer, bool connected, adit_time now);
    int (*endpoint)(struct adit_dialect_state *s, const struct adit_addr *addr, adit_time now);
    int (*message)(struct adit_dialect_state *s, const char *peer, const char *text, size_t n,
                   adit_time now);
    int (*ping)(struct adit_dialect_state *s, const char *peer, adit_time now);
    int (*bench)(struct adit_dialect_state *s, const char *peer, uint64_t bytes, unsigned chunk,
                 adit_time now);
    int (*packet)(struct adit_dialect_state *s, const struct adit_haul *packet, adit_time now);
    /* Says goodbye to the server: what it is sent last. */
    void (*leave)(struct adit_dialect_state *s, adit_time now);
};

extern const struct adit_dialect adit_dialect_agent, adit_dialect_vpn, adit_dialect_device,
    adit_dialect_device_b, adit_dialect_rendezvous, adit_dialect_room, adit_dialect_mailbox,
    adit_dialect_lines, adit_dialect_none;

/* By name, or NULL. */
const struct adit_dialect *adit_dialect_find(const char *name);
/* The i-th, or NULL behind the last. */
const struct adit_dialect *adit_dialect_at(unsigned i);

struct adit_dialect_hints {
    const char *scheme, *target; /* of the URL, "" = none */
    uint16_t port;               /* 0 = none in the URL */
    const char *room, *device_key;
    enum adit_dialect_role role;
};

/* Which dialect a URL is probably meant for; the default is `agent`. The rules in order:
 * /ws/register → rendezvous; …/signal → device (device-b with a device key); http, https →
 * mailbox; /ws/NAME → agent; port 8787, or a room without a role → room; a role → vpn. The role
 * counts only if the user chose it. */
const struct adit_dialect *adit_dialect_guess(const struct adit_dialect_hints *hints);

#endif
