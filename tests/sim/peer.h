/* peer.h - a whole peer as a host of a simulated network, and the person who carries descriptions.
 */
#ifndef SIM_PEER_H
#define SIM_PEER_H

#include "peer/engine.h"
#include "peer/relays.h"
#include "sim/net.h"
#include "sim/relay.h"

#define SIM_PEER_IFACES 4
#define SIM_PEER_RELAY  SIM_PEER_IFACES /* the base that is an address at a relay */

struct sim_peer {
    struct sim_net *net;
    const char *name;
    struct adit_engine *engine;
    struct adit_engine_conf conf; /* may be changed before sim_peer_start */
    struct adit_rng rng;
    struct sim_actor actor;
    struct sim_iface *ifaces[SIM_PEER_IFACES];
    struct adit_addr addrs[SIM_PEER_IFACES]; /* of the bases, with port */
    int iface_count;
    struct sim_relay *relay;      /* set before sim_peer_start: it lends us an address */
    unsigned relay_client;        /* our number there */
    struct adit_addr relay_local; /* what we talk to it from, over the first interface */

    /* the person */
    struct sim_peer *other;
    bool offerer;          /* opens the channel, too */
    bool symmetric;        /* describes at once, as neither offer nor answer */
    adit_time carry;       /* how long a description of ours travels */
    bool keep_cands;       /* our candidates stay at home */
    bool trickles;         /* what is found later is told, too, and takes `carry` */
    bool takes_datagrams;  /* says so */
    struct adit_addr turn; /* a TURN server; family NONE = none */
    const char *turn_user, *turn_password;
    void (*tamper)(struct adit_desc *desc); /* on its way; may be NULL */
    bool no_signaling;                      /* descriptions do not leave */
    bool described;
    int refused; /* what adit_engine_set_remote said, if not 0 */
    struct adit_cause refused_cause;

    /* what has happened */
    enum adit_peer_state state;
    adit_time state_at[ADIT_PEER_CLOSED + 1]; /* the first time, 0 = never */
    struct adit_cause cause;
    adit_time remote_at, open_at; /* the description came; the channel was open */
    struct adit_channel *channel; /* the first one */
    unsigned channels, gathered, mapped, associated, restarts, selected, letters, relays,
        relays_lost;
    adit_time selected_at; /* the last time */
    uint64_t messages, bytes;
    void (*datagram)(struct sim_peer *p, const uint8_t *bytes, size_t n); /* may be NULL */
    uint64_t datagrams;
    uint64_t unsettled; /* packets that brought the deadline no nearer, by their own word */
    bool echo;
    bool stopped;
    struct sim_waiting *waiting; /* in the socket's buffer, the newest first */
    unsigned waiting_count;
};

/* A host on a segment, not started: no packet leaves before. certificate: 0..3, which of the
 * program's. */
struct sim_peer *sim_peer(struct sim_net *net, const char *name, int certificate);
/* A base of it; before sim_peer_start. */
struct sim_iface *sim_peer_attach(struct sim_peer *p, struct sim_segment *segment, const char *ip);
/* Makes the engine, gathers. */
void sim_peer_start(struct sim_peer *p);
/* One more base, while it runs. */
void sim_peer_add(struct sim_peer *p, struct sim_segment *segment, const char *ip);
/* Makes two peers each other's, the first of which offers. */
void sim_pair(struct sim_peer *a, struct sim_peer *b);
/* The program is killed: nothing is said, nothing is heard. */
void sim_peer_kill(struct sim_peer *p);
/* The program does not run: nothing leaves, and little of what comes in waits for it. And it goes
 * on: first it notices. */
void sim_peer_stop(struct sim_peer *p);
void sim_peer_go(struct sim_peer *p);
/* Another address, and a socket there, in place of the interface's; NULL: none any more. The engine
 * is told, as by an owner whom the kernel tells. */
void sim_peer_move(struct sim_peer *p, int iface, const char *ip);
/* Signaling is down, or back: then what the peer had to say leaves. */
void sim_peer_signaling(struct sim_peer *p, bool works);
void sim_peer_send(struct sim_peer *p, const void *bytes, size_t n); /* on its channel */
/* One that goes beside the channel; holds the engine to what it says of its deadline. */
int sim_peer_datagram(struct sim_peer *p, const uint8_t *bytes, size_t n);

bool sim_peer_open(const struct sim_peer *p); /* connected, and a channel is open */
bool sim_pair_open(void *a);                  /* both; for sim_run */
bool sim_pair_over(void *a);                  /* both failed or closed; for sim_run */

#endif
