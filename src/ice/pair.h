/* pair.h - priorities, candidate pairs and the checklist they form (RFC 8445 sections 5.1, 6.1).
 *
 * A pair is a socket of ours (base) and an address of the other side; server-reflexive candidates
 * share the socket of their base, so there is exactly one pair for each (base, remote address), as
 * pruning would leave it (section 6.1.2.4). A pair's `state` is that of its checks; whether it may
 * carry data is `valid`. The checklist owns its pairs and is bounded. */
#ifndef ADIT_PAIR_H
#define ADIT_PAIR_H

#include "base/list.h"
#include "ice/cand.h"
#include "ice/path.h"
#include "ice/retry.h"
#include "ice/stun.h"
#include "ice/tcp.h"

/* A candidate of ours. Those that were not announced (peer-reflexive, or on a base that keeps to
 * itself) are used, but nobody is told. */
struct adit_ice_local {
    struct adit_cand cand;
    struct adit_ice_base *base;
    struct adit_addr server; /* of a server-reflexive one: part of its foundation */
    bool announced;
    bool mapped; /* `server` is who said so, and no STUN server: mapped.c */
};

struct adit_ice_remote {
    struct adit_cand cand;
    uint16_t group; /* equal foundations have equal groups */
    bool signalled; /* not (only) learned from a check */
    bool guessed;   /* neither: predict.c; until a check comes from there */
};

struct adit_ice_probe;

/* How long a NAT before this base keeps a mapping that nothing passes over, as far as it has shown
 * (keepalive.c). */
struct adit_keepalive {
    adit_time every;     /* the longest silence that is allowed now; 0 = no limit but the usual */
    adit_time dies_at;   /* a silence that was too long; 0 = none so far */
    adit_time forget_at; /* then it may be tried again */
    unsigned kept;       /* silences in a row that did no harm */
};

/* Where packets of ours leave from and come in: a socket, or an address at a relay. */
struct adit_ice_base {
    int id;                   /* the owner's name for it */
    enum adit_cand_type type; /* HOST or RELAY */
    enum adit_transport transport;
    enum adit_tcptype tcptype;
    struct adit_keepalive keepalive;
    struct adit_addr addr;
    struct adit_addr related; /* of a relay: as it sees us */
    uint16_t preference, group;
    bool announce;
    struct adit_ice_local *own; /* the candidate that is the base itself, not seen from elsewhere */
    struct adit_ice_probe *probes; /* one for each STUN server, in their order */
};

enum adit_pair_state {
    ADIT_PAIR_FROZEN,
    ADIT_PAIR_WAITING,
    ADIT_PAIR_IN_PROGRESS,
    ADIT_PAIR_SUCCEEDED,
    ADIT_PAIR_FAILED,
};

#define ADIT_PAIR_CANCELLED_MAX 4
#define ADIT_PAIR_ANSWER_MAX    (3 * ADIT_SEC) /* what was not answered by then is lost */

/* One transaction. */
struct adit_pair_check {
    bool live, controlling; /* as it was sent */
    uint32_t nomination;    /* it carries, 0 = none */
    uint8_t id[ADIT_STUN_ID_SIZE];
    unsigned copies;
    adit_time sent; /* the last copy */
};

/* How it is seen to that a pair goes on working which is not in use (watch.c). */
struct adit_pair_watch {
    bool on;
    bool waits; /* for the answer to `id` */
    uint8_t id[ADIT_STUN_ID_SIZE];
    bool chosen; /* while it is decided who is watched */
    adit_time sent, next;
    adit_time first; /* of the checks in a row that were not answered */
    unsigned misses;
};

struct adit_pair {
    struct adit_ice_base *base;
    struct adit_ice_remote *remote;
    struct adit_addr to; /* the remote address; a link-local one is on the base's interface */
    uint64_t priority;
    uint32_t group; /* the foundation of the pair */
    enum adit_pair_state state;
    struct adit_link triggered; /* in the checklist's queue, or empty */

    struct adit_pair_check check;
    struct adit_pair_check cancelled[ADIT_PAIR_CANCELLED_MAX]; /* may still be answered */
    struct adit_retry retry;
    adit_time again;   /* FAILED: not before */
    adit_time repeat;  /* IN_PROGRESS: then by a new transaction, or NEVER */
    unsigned failures; /* in a row */

    bool barred;            /* by the option --path: never called, never answered */
    bool valid;             /* in the valid list: answered, and not found dead since */
    bool nominate;          /* controlling: the next check carries USE-CANDIDATE */
    uint32_t use_candidate; /* controlled: the peer's last nomination of it, 0 = none */
    uint32_t nominated;     /* the last nomination that holds: it is valid, too */
    bool heard;             /* something authenticated came in over it: its data is let in */
    adit_time confirmed;    /* when the last answered check was sent */
    adit_time rtt;          /* 0 = unknown */
    adit_time rtt_least;    /* from the last copy to the answer, whichever copy it was to */
    adit_time srtt, rttvar; /* RFC 6298 section 2.3; 0 = unknown */
    unsigned samples;       /* round trips that were measured */
    unsigned loss;          /* of 1000: checks that were not answered, the last ones most */
    unsigned counted;       /* checks that loss was reckoned from */
    adit_time data_at;      /* when the peer's data last came over it; 0 = never */
    adit_time sought;       /* when it was last tried by seek.c; 0 = never */
    struct adit_pair_watch watch;
    struct adit_addr mapped;               /* as the peer saw us last */
    uint64_t checks_sent, checks_answered; /* copies, answers */
    enum adit_why failure; /* of the last failure, and the errno if it was REFUSED */
    int failure_err;
    const struct adit_ice_local *local; /* what the peer sees us as; the host candidate at first */
};

struct adit_checklist {
    struct adit_pair **pairs;
    size_t count, max;
    struct adit_link triggered;
};

/* A check of it was answered after this time. */
void adit_pair_measured(struct adit_pair *pair, adit_time rtt);
/* A check of it that was sent once was answered, or was not. */
void adit_pair_count(struct adit_pair *pair, bool answered);

/* RFC 8445 section 5.1.2.1, one component. */
uint32_t adit_cand_priority(enum adit_cand_type type, uint16_t preference);
/* Of a candidate of this type that is reached through the base, by its transport. */
uint32_t adit_base_priority(const struct adit_ice_base *base, enum adit_cand_type type,
                            uint16_t preference);
/* RFC 8445 section 6.1.2.3. */
uint64_t adit_pair_priority(bool controlling, uint32_t local, uint32_t remote);
/* May a base call this candidate? The transport is the same, and by TCP one side waits for calls.
 */
bool adit_pair_matches(const struct adit_ice_base *base, const struct adit_cand *remote);
/* May these two be paired? Same family; link-local and loopback keep to themselves. */
bool adit_pair_allowed(const struct adit_addr *local, const struct adit_addr *remote);
/* Does it lead over a relay of ours or of theirs? A candidate that was learned from a check has its
 * type in the priority that the check told, if the peer put it there (check.c does). */
bool adit_pair_relayed(const struct adit_pair *pair);
enum adit_kind adit_pair_kind(const struct adit_pair *pair);
/* The address to send to from a base. */
struct adit_addr adit_pair_target(const struct adit_addr *base, const struct adit_addr *remote);

ADIT_MUST_USE int adit_checklist_init(struct adit_checklist *l, size_t max);
void adit_checklist_done(struct adit_checklist *l);

/* A new FROZEN pair, or NULL: without memory, or full of pairs that are better or in use. A pair
 * that must be (`force`: a check came in) may displace any from which nothing was heard. */
struct adit_pair *adit_checklist_add(struct adit_checklist *l, struct adit_ice_base *base,
                                     struct adit_ice_remote *remote, bool controlling, bool force);
void adit_checklist_remove(struct adit_checklist *l, struct adit_pair *pair);
struct adit_pair *adit_checklist_find(const struct adit_checklist *l,
                                      const struct adit_ice_base *base, const struct adit_addr *to);
void adit_checklist_trigger(struct adit_checklist *l, struct adit_pair *pair);
/* Where the check under way is kept when another one takes its place; NULL while all places are
 * taken by checks whose answers may be on their way. */
struct adit_pair_check *adit_pair_place(struct adit_pair *pair, adit_time now);
void adit_pair_forget_cancelled(struct adit_pair *pair);
/* The role changed, or a candidate's priority. */
void adit_checklist_reprioritise(struct adit_checklist *l, bool controlling);

/* Which pair an ordinary check goes to next, or NULL: the best WAITING one; failing that the best
 * FROZEN one whose foundation is not being checked (section 6.1.4.2), and last the best FROZEN one
 * of all. Freezing orders the checks, but nothing is held back while there is time to send: a peer
 * that gives every candidate the same foundation must not cost it 40 s. */
struct adit_pair *adit_checklist_next(const struct adit_checklist *l);
/* The FAILED pair to be tried again first, or NULL. */
struct adit_pair *adit_checklist_retry(const struct adit_checklist *l);
/* A check of this foundation succeeded: its other pairs may go (section 7.2.5.3.3). */
void adit_checklist_unfreeze(struct adit_checklist *l, uint32_t group);
/* Checks that are under way or to come: what the retransmission timer counts (section 14.3; those
 * that RFC 8445 would have WAITING from the start are FROZEN here until their turn). */
size_t adit_checklist_active(const struct adit_checklist *l);

#endif
