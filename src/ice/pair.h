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
#include "ice/retry.h"
#include "ice/stun.h"

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
};

struct adit_ice_probe;

/* Where packets of ours leave from and come in: a socket, or an address at a relay. */
struct adit_ice_base {
    int id;                   /* the owner's name for it */
    enum adit_cand_type type; /* HOST or RELAY */
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
    bool live, nominates, controlling; /* as it was sent */
    uint8_t id[ADIT_STUN_ID_SIZE];
    unsigned copies;
    adit_time sent; /* the last copy */
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

    bool valid;          /* in the valid list: answered, and not found dead since */
    bool nominate;       /* controlling: the next check carries USE-CANDIDATE */
    bool use_candidate;  /* controlled: the peer has nominated it */
    bool nominated;      /* and it is valid */
    bool heard;          /* something authenticated came in over it: its data is let in */
    adit_time confirmed; /* when the last answered check was sent */
    adit_time rtt;       /* 0 = unknown */
    adit_time rtt_least; /* from the last copy to the answer, whichever copy it was to */
    const struct adit_ice_local *local; /* what the peer sees us as; the host candidate at first */
};

struct adit_checklist {
    struct adit_pair **pairs;
    size_t count, max;
    struct adit_link triggered;
};

/* RFC 8445 section 5.1.2.1, one component. */
uint32_t adit_cand_priority(enum adit_cand_type type, uint16_t preference);
/* RFC 8445 section 6.1.2.3. */
uint64_t adit_pair_priority(bool controlling, uint32_t local, uint32_t remote);
/* May these two be paired? Same family; link-local and loopback keep to themselves. */
bool adit_pair_allowed(const struct adit_addr *local, const struct adit_addr *remote);
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
