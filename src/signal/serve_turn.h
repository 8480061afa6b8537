/* serve_turn.h - the STUN and TURN server's sockets, for the two files that have them.
 *
 * It listens for datagrams at each address of this host by a socket of its own, so that answers
 * come from where the question went; addresses come and go. */
#ifndef ADIT_SERVE_TURN_H
#define ADIT_SERVE_TURN_H

#include "core/netif.h"
#include "core/udp.h"
#include "signal/serve_inner.h"

#define ADIT_SERVE_TURN_SPECS_MAX 16 /* places to listen at, as configured */

/* One that clients send to. */
struct adit_serve_socket {
    struct adit_serve_turn *turn;
    struct adit_udp udp;
    struct adit_link link;
    bool fixed; /* stays when its address goes: it was asked for, or RFC 5780 needs it */
};

/* One that peers send to. */
struct adit_serve_relayed {
    struct adit_serve_turn *turn;
    struct adit_udp udp;
    struct adit_turnd_port *port;
};

struct adit_serve_turn {
    struct adit_serve *serve;
    struct adit_turnd *engine;
    struct adit_link sockets;
    struct adit_addr
        specs[ADIT_SERVE_TURN_SPECS_MAX]; /* family NONE: all addresses, at that port */
    size_t spec_count;
    struct adit_serve_relay relays[2]; /* IPv4, IPv6; family NONE: there is none */
    bool chosen[2];                    /* by us */
    uint16_t port_min, port_max;
    struct adit_turnd_other others[ADIT_TURND_OTHERS_MAX];
    struct adit_netif_list netifs;
    struct adit_netif_watch watch;
    struct adit_timer timer;
    adit_time at; /* what the timer is set to */
};

/* ---- serve_ports.c --------------------------------------------------------------------------- */

/* Reads addresses, opens what is to be listened on, chooses where to relay. False and a cause. */
bool adit_serve_ports_start(struct adit_serve_turn *t, const struct adit_serve_turn_conf *conf,
                            struct adit_cause *ret_cause);
void adit_serve_ports_stop(struct adit_serve_turn *t);
/* The socket that is bound there, or NULL. */
struct adit_serve_socket *adit_serve_ports_at(struct adit_serve_turn *t,
                                              const struct adit_addr *local);
int adit_serve_ports_open(struct adit_serve_turn *t, struct adit_turnd_port *port,
                          const struct adit_turnd_wish *wish);
void adit_serve_ports_close(struct adit_turnd_port *port);
bool adit_serve_ports_own(const struct adit_serve_turn *t, const struct adit_addr *addr);

#endif
