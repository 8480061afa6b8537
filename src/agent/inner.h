/* inner.h - the inside of `struct adit_peer`: an engine, its sockets, its timer, its channels. */
#ifndef ADIT_AGENT_INNER_H
#define ADIT_AGENT_INNER_H

#include "agent/port.h"
#include "base/list.h"
#include "core/netif.h"
#include "core/resolve.h"
#include "core/stream.h"
#include "core/udp.h"
#include "lan/mdns.h"
#include "peer/engine.h"
#include "peer/relays.h"
#include "peer/ticket.h"

#define BASES_MAX  24 /* local addresses in use; the best ones of a host that has more */
#define STUN_MAX   8
#define DETOUR     10000 /* the base whose packets go through the signaling server (detour.h) */
#define TCP_BASES  (DETOUR + 1) /* the first one of tcp.h */
#define TURN_BASES 20000        /* of turn_base.h */

/* Of a peer at a shared port: "ufrag", or "ufrag:" and the caller's. */
#define ADIT_PORT_NAME (2 * ADIT_TICKET_CALLER + 2)

/* One local address with a socket on it. */
struct base {
    struct adit_peer *peer; /* NULL = free slot */
    struct adit_udp udp;
    struct adit_port_socket *shared; /* used in place of `udp`; NULL = it is not */
    uint64_t dropped_before;         /* of `shared`, before we used it */
    struct adit_addr ip;             /* without port: what netif knows it by */
    uint32_t index;                  /* of the interface */
    uint8_t prefix_len;
    char name[ADIT_MDNS_OWN_STR]; /* told in place of the address; "" = not hidden */
};

/* One STUN server whose name is being resolved. */
struct server {
    struct adit_peer *peer;
    struct adit_resolve *resolve;
    uint16_t port;
    char name[256];
};

/* One TURN server: its name is resolved for UDP, or a stream leads there. */
struct turn {
    struct adit_peer *peer;
    enum adit_engine_transport transport;
    char name[256];
    uint16_t port;
    char *uri, *user, *password, *secret;
    int relay; /* the engine's name for it, -1 = it knows nothing of it */
    struct adit_resolve *resolve;
    struct adit_stream *stream;
    struct adit_task fail; /* it could not be made, for this cause */
    struct adit_cause cause;
    bool up;
    int told;         /* errno of the last trouble that was logged: the same is not told again */
    char trouble[96]; /* the last one, as in a cause; "" = none, or it is up */
};

struct adit_peer {
    struct adit_loop *loop;
    struct adit_engine *engine;
    struct adit_cert *cert;
    struct adit_rng rng;
    struct adit_timer timer;
    struct adit_back back;
    struct adit_task start, settle, bury;
    struct adit_peer_callbacks on;
    void *user;
    bool freed, pairing, started;

    /* configuration */
    struct adit_netif_conf netif;
    char **names; /* the strings of netif, owned: those of `only`, then those of `ignore` */
    size_t name_count;
    uint16_t port_min, port_max;
    enum adit_offload udp_offload;
    uint32_t fwmark;
    bool loopback, hide, said_hidden;

    struct base bases[BASES_MAX];
    struct adit_port_user *shared;      /* our part in a port of many; NULL = sockets of our own */
    struct adit_dotlocal *dotlocal;     /* NULL: no name has come up */
    struct adit_ports *ports;           /* NULL: no gateway is asked, nothing is announced */
    struct adit_tcp *tcp;               /* NULL: no TCP */
    struct adit_turn_bases *turn_bases; /* NULL: TURN servers are asked from `bases` */
    uint64_t dropped_before;            /* datagrams, by sockets that are closed now */
    int socket_err; /* why the last address that could not be used could not; negative errno */
    uint16_t port; /* of the first socket; the others try for the same, which keeps tickets short */
    struct adit_netif_watch watch;
    struct server servers[STUN_MAX];
    size_t server_count, resolving;
    struct turn turns[ADIT_RELAYS_MAX];
    size_t turn_count;
    struct adit_tls_client *turn_tls; /* NULL until it is needed */
    char *turn_ca, *turn_proxy;
    bool turn_insecure;
    bool complete; /* bases and servers of the start are all known to the engine */

    uint8_t nonce[ADIT_TICKET_NONCE]; /* our ICE credentials come from it */
    char ufrag[ADIT_TICKET_CALLER + 1];
    struct adit_ticket own_ticket;    /* for comparison with what is pasted */
    struct adit_ticket told_ticket;   /* what adit_peer_describe has said last, in any form */
    struct adit_ticket remote_ticket; /* the offer that our answer names */
    bool has_remote_ticket;

    /* May take a packet before the engine sees it (worker.h); NULL = nobody. It frees nothing. */
    bool (*tap)(void *arg, const struct adit_addr *from, const void *bytes, size_t n);
    void *tap_arg;
    /* Packets beside the channels; NULL = nobody. */
    void (*datagram)(void *arg, const void *bytes, size_t n);
    void *datagram_arg;
    /* Packets that leave by the detour; NULL: there is none. */
    void (*detour)(void *arg, const struct adit_addr *to, const void *bytes, size_t n);
    void *detour_arg;
    struct adit_addr detour_addr;
    uint8_t tx_ecn, rx_ecn; /* of the datagram that is being sent, and of the one that came */
    void (*mtu)(void *arg); /* see ADIT_ENGINE_EV_MTU; may be NULL */
    void *mtu_arg;

    void (*restart)(void *arg); /* see ADIT_ENGINE_EV_RESTART; may be NULL */
    void (*lost)(void *arg);    /* see ADIT_ENGINE_EV_LOST; may be NULL */
    void *restart_arg;

    struct adit_link dcs;
};

/* What the public configuration of a peer does not know. Borrowed for the call. */
struct adit_peer_way {
    struct adit_port *port; /* its sockets are used; NULL = the peer has its own */
    /* We call by a public ticket: our credentials follow from it. NULL = as usual. */
    const struct adit_ticket *calls;
    /* We are called by one: ours, and the other half of our name on the wire. NULL = not so. */
    const struct adit_caller *called;
    const uint8_t *secret;
    bool datagrams; /* with `calls`: we will take packets beside the channels */
};
/* As adit_peer_new; way may be NULL. */
struct adit_peer *adit_peer_new_way(struct adit_loop *loop, const struct adit_peer_conf *conf,
                                    const struct adit_peer_way *way, struct adit_cause *ret_cause);

/* way.c: ours for the description, and the name under which a shared port knows us. */
void adit_peer_credentials(struct adit_peer *peer, const struct adit_peer_way *way,
                           char ret_pwd[ADIT_TICKET_PWD + 1], char ret_name[ADIT_PORT_NAME]);

/* Something happened to the engine: look at its deadline before the loop sleeps. */
void adit_peer_touch(struct adit_peer *peer);
/* To be called before the first turn of the loop. -ENOMEM. */
ADIT_MUST_USE int adit_peer_ignore_device(struct adit_peer *peer, const char *name);
adit_time adit_peer_now(const struct adit_peer *peer);
/* See adit_engine_restart. */
bool adit_peer_restart(struct adit_peer *peer);

/* Gathering is complete when our first sockets and the addresses of the STUN servers are known. */
void adit_peer_check_complete(struct adit_peer *peer, adit_time now);

/* servers.c: "host", "host:port", "[2001:db8::1]:port", as far as a '?'. -EINVAL. */
ADIT_MUST_USE int adit_servers_parse(const char *text, char ret_name[256], uint16_t *ret_port);

/* turn.c: TURN servers */
/* Copies them, starts nothing. -EINVAL, -ENOMEM: *ret_cause. */
ADIT_MUST_USE int adit_turns_init(struct adit_peer *peer, const struct adit_peer_conf *conf,
                                  struct adit_cause *ret_cause);
bool adit_turns_know(const char *uri); /* is it one that we can use? */
void adit_turns_start(struct adit_peer *peer, adit_time now);
void adit_turns_stop(struct adit_peer *peer);
void adit_turns_free(struct adit_peer *peer);
/* The engine's operations, whose arg is the peer, and ADIT_ENGINE_EV_RELAY. */
void adit_turns_open(void *arg, int relay, const struct adit_addr *server);
void adit_turns_send(void *arg, int relay, const void *bytes, size_t n);
void adit_turns_close(void *arg, int relay);
void adit_turns_event(struct adit_peer *peer, const struct adit_engine_event *ev);

/* bases.c: sockets follow the host's addresses. */
void adit_bases_update(struct adit_peer *peer, adit_time now);
/* No socket at all: what to do about it depends on why. The watch on the interfaces tries again,
 * but nobody tells it that there is memory again, a descriptor, or the port. */
void adit_bases_none(struct adit_peer *peer, adit_time now);
/* Another pair is in use: where it leads gets a line (adit_udp_prefer). */
void adit_bases_prefer(struct adit_peer *peer);
uint64_t adit_bases_dropped(const struct adit_peer *peer); /* datagrams, since the beginning */
size_t adit_bases_count(const struct adit_peer *peer);
void adit_bases_close(struct adit_peer *peer);
struct adit_udp *adit_base_socket(struct base *b); /* its own, or the shared one */
/* What a socket tells: a packet came in; one was refused with a positive errno. */
void adit_bases_feed(struct adit_peer *peer, int base, const struct adit_addr *from, uint8_t *bytes,
                     size_t n, adit_time now);
void adit_bases_refused(struct adit_peer *peer, int base, const struct adit_addr *to, int err,
                        adit_time now);
void adit_bases_send(void *arg, int base, const struct adit_addr *to, const void *bytes, size_t n);

/* Beside the connection, from the first address that may lead there. */
void adit_bases_send_any(struct adit_peer *peer, const struct adit_addr *to, const void *bytes,
                         size_t n);
void adit_peer_tap(struct adit_peer *peer,
                   bool (*tap)(void *arg, const struct adit_addr *from, const void *bytes,
                               size_t n),
                   void *arg);

/* Before the peer gathers: our description says that we take packets beside the channels, and this
 * is called for each. Later, with NULL: not any more. */
void adit_peer_take_datagrams(struct adit_peer *peer,
                              void (*datagram)(void *arg, const void *bytes, size_t n), void *arg);

/* servers.c: STUN servers by name. */
ADIT_MUST_USE int adit_servers_add(struct adit_peer *peer, const char *text,
                                   struct adit_cause *ret_cause);
void adit_servers_start(struct adit_peer *peer, adit_time now);
void adit_servers_stop(struct adit_peer *peer);

/* conf.c. Copies what we know of a public configuration; its first field is `size`. -EINVAL: too
 * small; -E2BIG: it asks for what only a later library can do. */
ADIT_MUST_USE int adit_conf_take(void *out, size_t known, const void *conf, size_t size);

/* describe.c */
struct adit_pairtext;
struct adit_pairtext_conf;
/* Would adit_peer_describe say the same as the last time: the same addresses, and of the same
 * session? */
bool adit_peer_told_holds(struct adit_peer *peer);
void adit_peer_pairtext_conf(struct adit_peer *peer, struct adit_pairtext_conf *ret_conf);
/* Takes what was found; -EINVAL and a cause as adit_peer_accept. */
ADIT_MUST_USE int adit_peer_accept_found(struct adit_peer *peer, const struct adit_pairtext *found,
                                         struct adit_cause *ret_cause);

/* dc.c */
void adit_dc_set_in_turn(struct adit_dc *dc);    /* see adit_channel_set_in_turn */
bool adit_dc_is_lossy(const struct adit_dc *dc); /* messages may be given up */
void adit_dc_event(struct adit_peer *peer, const struct adit_sctp_event *ev);
struct adit_dc *adit_dcs_at(const struct adit_peer *peer, size_t i); /* NULL behind the last */
void adit_dcs_free(struct adit_peer *peer);

#endif
