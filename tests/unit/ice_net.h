/* ice_net.h - ICE agents on a simulated network for the unit tests: time jumps from event to event,
 * every packet takes `delay`, and a filter may drop or answer it. A STUN server is an address. */
#ifndef ICE_NET_H
#define ICE_NET_H

#include "ice/ice.h"
#include "ice/stun.h"

#define NET_NODES    3
#define NET_BASES    40
#define NET_PACKETS  4096
#define NET_LOG      20000
#define NET_PEER_PWD "peerpeerpeerpeerpeerpe"
#define NET_DATA     "\x16\xfe\xfd data"

struct net;

struct net_packet {
    adit_time at;
    int node, base; /* who sent it; node -1: the network */
    struct adit_addr from, to;
    size_t n;
    uint8_t bytes[1500];
};

/* What a node sent: enough to judge pacing and retransmission. */
struct net_sent {
    adit_time at;
    struct adit_addr to;
    int base;
    uint8_t first;
    enum adit_stun_class class;
    uint8_t id[ADIT_STUN_ID_SIZE];
    bool use_candidate;
};

struct net_node {
    struct net *net;
    int index;
    struct adit_ice *ice;
    struct adit_rng rng;
    int base_count;
    int base_id[NET_BASES];
    struct adit_addr base_addr[NET_BASES];

    adit_time state_at[ADIT_ICE_CLOSED + 1]; /* first time each state was told, 0 = never */
    struct adit_cause cause;
    unsigned cands, gathered, selected, mapped, heard, silent;
    size_t mtu; /* as last told; 0 = never */
    adit_time gathered_at;
    struct adit_addr mapped_addr;
    unsigned data; /* packets that were let through */
    struct net_sent *sent;
    size_t sent_count;
};

struct net {
    adit_time now, delay;
    struct net_node nodes[NET_NODES];
    struct net_packet *packets;
    size_t packet_count;
    /* false: the packet is lost. May change it, or send others. NULL: all pass. */
    bool (*filter)(struct net *net, struct net_packet *p);
    void *filter_arg;
    struct adit_addr stun_server[2]; /* answer with stun_mapped if not NONE, else with the source */
    struct adit_addr stun_mapped;
};

struct adit_addr net_addr(const char *text); /* "192.0.2.1:7", "[fe80::1]:7"; scope by hand */

void net_init(struct net *net);
void net_done(struct net *net);
/* Node i with a seeded random source; conf may be NULL. */
struct net_node *net_node(struct net *net, int i, struct adit_ice_conf *conf);
void net_base(struct net_node *node, int id, const char *addr, uint16_t preference);
/* Credentials of `from` to `to`, and its announced candidates. */
void net_describe(struct net_node *from, struct net_node *to, bool candidates);
void net_remote(struct net_node *node, const char *addr, uint32_t priority);
/* Both ways, a controlling, at this moment. */
void net_introduce(struct net_node *a, struct net_node *b);
void net_inject(struct net *net, const struct adit_addr *from, const struct adit_addr *to,
                const void *bytes, size_t n, adit_time after);
void net_run(struct net *net, adit_time until);

/* Two nodes with one address each. */
void net_two_hosts(struct net *net, struct net_node **a, struct net_node **b);
struct adit_ice_pair_info net_selected(const struct net_node *node); /* there must be one */
/* CONNECTED, nominated, and data gets through both ways. */
void net_assert_connected(struct net_node *a, struct net_node *b);

/* A check as the peer would send it, with one thing or another wrong. */
enum net_flaw {
    NET_FLAW_NONE,
    NET_FLAW_PASSWORD,
    NET_FLAW_OWN_NAME,
    NET_FLAW_PEER_NAME,
    NET_FLAW_UNSIGNED,
    NET_FLAW_NO_NAME,
    NET_FLAW_NO_PRIORITY,
    NET_FLAW_UNKNOWN,
    NET_FLAW_METHOD,
    NET_FLAW_INDICATION,
};

/* By a peer "peer" with NET_PEER_PWD, to node a. Returns the length. */
size_t net_make_check(struct net_node *a, struct adit_stun_out *out, enum net_flaw flaw,
                      bool nominate);

size_t net_sent_to(const struct net_node *node, const char *addr, enum adit_stun_class class);

#endif
