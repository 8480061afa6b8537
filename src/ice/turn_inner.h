/* turn_inner.h - what the files of the TURN client share; nobody else includes it.
 *
 *   turn.c       life, feed, deadline, tick
 *   turn_call.c  requests: composing, credentials, repetition
 *   turn_alloc.c the allocation: what answers to Allocate and Refresh mean
 *   turn_peer.c  permissions and channels, and what is sent to peers */
#ifndef ADIT_TURN_INNER_H
#define ADIT_TURN_INNER_H

#include "ice/retry.h"
#include "ice/stun_attr.h"
#include "ice/turn.h"
#include "ice/turn_frame.h"

#define ADIT_TURN_TEXT_MAX                                                \
    764 /* realm and nonce and a zero byte, RFC 8489 sections 14.9, 14.10 \
         */

/* One request under way. */
struct adit_turn_call {
    bool live, signed_in; /* signed_in: with credentials, so the answer has to prove itself */
    uint16_t method;
    uint8_t id[ADIT_STUN_ID_SIZE];
    struct adit_retry retry;
    unsigned challenges; /* 401 and 438 so far */
    adit_time began;
};

struct adit_turn_peer {
    struct adit_addr addr;
    struct adit_turn_call call;
    adit_time used;      /* something was last sent to it */
    adit_time permitted; /* until then */
    adit_time renew;     /* permission and channel are due again, or NEVER */
    adit_time refused;   /* until then nothing is asked for it */
    uint16_t channel;    /* 0 = none yet */
    adit_time bound;     /* until then ChannelData may be sent */
    bool no_channel;     /* the server would not have it */
    uint8_t *held;       /* waits for the permission */
    size_t held_len;
};

enum adit_turn_state { ADIT_TURN_IDLE, ADIT_TURN_ALLOCATING, ADIT_TURN_READY };

/* Which addresses are asked for. */
enum adit_turn_ask {
    ADIT_TURN_ASK_BOTH, /* RFC 8656 section 7.2: an IPv4 address, and an IPv6 one besides */
    ADIT_TURN_ASK_V6,   /* the server has none of IPv4 */
    ADIT_TURN_ASK_V4,   /* the server has not heard of the other two */
};

struct adit_turn {
    const struct adit_turn_ops *ops;
    void *arg;
    struct adit_rng *rng;
    bool stream, has_user;
    char user[ADIT_TURN_USER_MAX], password[ADIT_TURN_USER_MAX];

    /* What the server wants to hear: "" before it has said so. */
    char realm[ADIT_TURN_TEXT_MAX], nonce[ADIT_TURN_TEXT_MAX];
    uint8_t key[ADIT_STUN_KEY_SIZE];

    enum adit_turn_state state;
    enum adit_turn_ask ask;
    struct adit_addr servers[1 + ADIT_TURN_HOPS_MAX]; /* the one in use is the last */
    size_t server_count;
    adit_time give_up;          /* without any answer by then; NEVER after the first one */
    struct adit_turn_call call; /* Allocate, Refresh */
    bool dropping;              /* the Refresh gives back what is there from before (437) */
    bool dropped;               /* that was done */
    struct adit_addr relayed[2], mapped;
    adit_time refresh_at, expires, lifetime;
    adit_time heard; /* anything that only the server could say, or a peer over it */

    struct adit_turn_peer *peers[ADIT_TURN_PEERS_MAX];
    size_t peer_count;
    uint16_t next_channel;
};

/* turn_call.c */
/* A new request leaves; `peer` of those that are for one. */
void adit_turn_call_start(struct adit_turn *t, struct adit_turn_call *c, uint16_t method,
                          const struct adit_turn_peer *peer, adit_time now);
/* The same once more. */
void adit_turn_call_send(struct adit_turn *t, const struct adit_turn_call *c,
                         const struct adit_turn_peer *peer);
/* 401 or 438: the request leaves again, under new credentials. Otherwise *ret_cause. */
bool adit_turn_call_challenged(struct adit_turn *t, struct adit_turn_call *c,
                               const struct adit_turn_peer *peer, const struct adit_stun *msg,
                               const struct adit_span *pkt, struct adit_cause *ret_cause,
                               adit_time now);

/* turn_alloc.c */
void adit_turn_allocate(struct adit_turn *t, adit_time now);
void adit_turn_refresh(struct adit_turn *t, adit_time now);
void adit_turn_answered(struct adit_turn *t, const struct adit_stun *msg,
                        const struct adit_span *pkt, adit_time now);
/* Idle, and the owner is told. */
void adit_turn_over(struct adit_turn *t, const struct adit_cause *cause, adit_time pause);
void adit_turn_silent(struct adit_turn *t);

/* turn_peer.c */
void adit_turn_peers_done(struct adit_turn *t);
struct adit_turn_peer *adit_turn_peer_find(const struct adit_turn *t, const struct adit_addr *addr);
struct adit_turn_peer *adit_turn_peer_by_channel(const struct adit_turn *t, uint16_t channel);
void adit_turn_peer_heard(struct adit_turn *t, struct adit_turn_peer *p, adit_time now);
void adit_turn_peer_answered(struct adit_turn *t, struct adit_turn_peer *p,
                             const struct adit_stun *msg, const struct adit_span *pkt,
                             adit_time now);
/* Its request is given up, or its time has come. False: the allocation is over. */
bool adit_turn_peer_tick(struct adit_turn *t, struct adit_turn_peer *p, adit_time now);
adit_time adit_turn_peer_deadline(const struct adit_turn_peer *p);

#endif
