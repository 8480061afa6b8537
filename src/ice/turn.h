/* turn.h - an allocation at a TURN server, over one transport (RFC 8656).
 *
 * An engine without I/O. The owner has a way to the server (a UDP socket or a stream), starts the
 * allocation on it, feeds what the server sends and is told when there is a relayed address, and
 * when there is none any more; then it starts anew, when and how it likes. Permissions and channels
 * come by themselves with what is sent to a peer, and are kept up while something is: Send
 * indications until the peer has answered, ChannelData from then on.
 *
 * Whether the server still knows us is asked every 15 s; with an error, or silence of a dozen
 * seconds, the allocation is lost. Everything is bounded: peers, bytes, attempts, servers that name
 * other servers. */
#ifndef ADIT_TURN_H
#define ADIT_TURN_H

#include "base/addr.h"
#include "base/base.h"
#include "base/rng.h"

#define ADIT_TURN_PEERS_MAX 64
#define ADIT_TURN_USER_MAX  512 /* RFC 8489 section 14.3: less than 509 bytes */
#define ADIT_TURN_HOPS_MAX  3   /* servers named by servers */
#define ADIT_TURN_ALIVE     (15 * ADIT_SEC)
#define ADIT_TURN_SILENCE   (11500 * ADIT_MS) /* a request over UDP is given up */

struct adit_turn;

struct adit_turn_conf {
    const char *user, *password; /* copied; NULL = the server knows everybody */
    bool stream;                 /* TCP or TLS: nothing is repeated, and frames are padded */
    struct adit_rng *rng;        /* borrowed, outlives the allocation */
};

enum adit_turn_event_type {
    ADIT_TURN_EV_ALLOCATED,
    ADIT_TURN_EV_LOST,    /* cause: there was an allocation; idle now */
    ADIT_TURN_EV_FAILED,  /* cause, pause: none came about; idle now */
    ADIT_TURN_EV_MOVED,   /* addr: another server is to be asked, with adit_turn_start */
    ADIT_TURN_EV_REFUSED, /* addr: nothing reaches this peer over this server */
};

struct adit_turn_event {
    enum adit_turn_event_type type;
    struct adit_addr addr;
    struct adit_cause cause; /* NOT_AUTHENTIC: user or password; TIMEOUT: silence; RESOURCE: no room
                              * there; REMOTE: it will not; PROTOCOL: nonsense */
    adit_time pause; /* the server is left alone at least so long; ADIT_NEVER: it cannot be used */
};

/* Both may queue, send or note something, and call nothing of ours. */
struct adit_turn_ops {
    void (*send)(void *arg, const void *bytes, size_t n); /* to the server: one datagram or frame */
    void (*event)(void *arg, const struct adit_turn_event *ev);
};

/* Idle. NULL without memory, or if user or password is too long. */
struct adit_turn *adit_turn_new(const struct adit_turn_conf *conf, const struct adit_turn_ops *ops,
                                void *arg);
struct adit_turn *adit_turn_free(struct adit_turn *t); /* silently; returns NULL */

/* The way to this server is open: asks for addresses of both families. What was before is
 * forgotten. patience: without any answer for so long it FAILED; 0 = ADIT_TURN_SILENCE. */
void adit_turn_start(struct adit_turn *t, const struct adit_addr *server, adit_time patience,
                     adit_time now);
/* The way to the server is gone, nothing more is said. No event. */
void adit_turn_stop(struct adit_turn *t);
/* Gives the addresses back (a lifetime of 0), once, and is idle. */
void adit_turn_release(struct adit_turn *t, adit_time now);
/* Other credentials, from the next request on. False: too long, the old ones stay. */
bool adit_turn_login(struct adit_turn *t, const char *user, const char *password);

bool adit_turn_ready(const struct adit_turn *t);
/* The relayed address of a family; its family NONE: there is none. */
struct adit_addr adit_turn_relayed(const struct adit_turn *t, enum adit_family family);
/* As the server sees us. */
struct adit_addr adit_turn_mapped(const struct adit_turn *t);

enum adit_turn_fed {
    ADIT_TURN_OTHER, /* nothing that a TURN server would say: a Binding response, DTLS … */
    ADIT_TURN_TAKEN,
    ADIT_TURN_DATA, /* *pkt is what *ret_peer has sent, a part of what it was before */
};

/* A datagram or frame from the server. */
enum adit_turn_fed adit_turn_feed(struct adit_turn *t, struct adit_span *pkt,
                                  struct adit_addr *ret_peer, adit_time now);
/* To a peer. What cannot leave is lost, as in any network: one packet of each peer waits for its
 * permission. */
void adit_turn_send(struct adit_turn *t, const struct adit_addr *peer, const void *bytes, size_t n,
                    adit_time now);
/* There is reason to think that the server is gone: it is asked at once. */
void adit_turn_doubt(struct adit_turn *t, adit_time now);

/* When to call adit_turn_tick next, or ADIT_NEVER. */
adit_time adit_turn_deadline(const struct adit_turn *t);
void adit_turn_tick(struct adit_turn *t, adit_time now);

#endif
