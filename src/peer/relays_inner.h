/* relays_inner.h - what relays.c, relays_way.c and relays_stream.c share. */
#ifndef ADIT_PEER_RELAYS_INNER_H
#define ADIT_PEER_RELAYS_INNER_H

#include "ice/turn.h"
#include "ice/turn_frame.h"
#include "peer/inner.h"

#define RELAY_BASES_MAX   32
#define RELAY_REFUSED_MAX 8

/* One server. */
struct relay {
    struct adit_engine *e;
    int id;
    enum adit_engine_transport transport;
    struct adit_turn *turn;
    struct adit_addr addrs[ADIT_RELAY_ADDRS_MAX];
    size_t addr_count;

    /* the way to it */
    bool open;  /* UDP: a base is chosen; a stream: it stands */
    bool asked; /* the owner is opening a stream */
    int base;   /* of UDP */
    struct adit_addr server;
    size_t skip; /* bytes of a frame from the stream that is too large for us */

    adit_time again; /* when it is tried (again), or NEVER */
    adit_time since; /* when it was allocated */
    unsigned attempt, failures;
    bool settled; /* GATHERED does not wait for it */
    bool lent[2]; /* bases that ICE knows */

    /* what the turn engine has said during a call */
    bool noted;
    struct adit_turn_event note;
    struct adit_addr refused[RELAY_REFUSED_MAX];
    size_t refused_count;
};

struct relay_base {
    int id;
    struct adit_addr addr;
    uint16_t preference;
    bool apart; /* of adit_engine_add_turn_base */
};

struct adit_relays {
    struct relay *list[ADIT_RELAYS_MAX];
    size_t count;
    struct relay_base bases[RELAY_BASES_MAX];
    size_t base_count;
    bool apart; /* there are, or were, such bases: the others are not for us */
};

/* relays.c */
struct relay *adit_peer_relay_at(const struct adit_engine *e, int id); /* or NULL */
/* The allocation is gone, or did not come about; both leave the way to the server. */
void adit_peer_relay_lost(struct relay *r, const struct adit_cause *cause, adit_time pause);
void adit_peer_relay_failed(struct relay *r, const struct adit_cause *cause, adit_time pause);
/* A message from the server. False: it is none. */
bool adit_peer_relay_feed(struct relay *r, struct adit_span pkt);
/* The last thing of every call: what the turn engines have said is carried out. */
void adit_relays_settle(struct adit_engine *e);

/* relays_way.c: how a server is reached. */
/* Tries again: over the base or the stream whose turn it is. */
void adit_peer_relay_start(struct relay *r);
void adit_peer_relay_move(struct relay *r, const struct adit_addr *server);
/* No packet leaves for it any more. */
void adit_peer_relay_leave(struct relay *r);
/* There are so many ways to it. */
size_t adit_peer_relay_ways(const struct relay *r);

#endif
