/* port.h - the sockets of one UDP port, one per local address, for all peers of an agent.
 *
 * A peer that has joined uses these in place of its own (bases.c); whose a packet is says
 * peer/share.h, and what is nobody's goes to the stranger's door (door.h), if there is one. A
 * socket stays open as long as a peer uses its address. */
#ifndef ADIT_PORT_H
#define ADIT_PORT_H

#include "core/udp.h"
#include "peer/share.h"

struct adit_port;
struct adit_peer;

/* A socket of the port. */
struct adit_port_socket {
    struct adit_port *port;
    struct adit_udp udp;
    struct adit_addr ip; /* without port */
    unsigned users;      /* 0 = free slot */
};

/* NULL without memory. */
struct adit_port *adit_port_new(struct adit_loop *loop);
/* Every peer has left. Returns NULL; may be NULL. */
struct adit_port *adit_port_free(struct adit_port *port);
/* For STUN requests that no peer is named in; NULL: they are dropped. It may make peers, and frees
 * nothing. */
void adit_port_set_stranger(struct adit_port *port,
                            void (*stranger)(void *arg, const struct adit_addr *from,
                                             const void *bytes, size_t n, adit_time now),
                            void *arg);

/* The peer takes part, known by this name (see adit_share_name). -ENOMEM, -EEXIST. */
ADIT_MUST_USE int adit_port_join(struct adit_port *port, struct adit_peer *peer, const char *name);
void adit_port_leave(struct adit_peer *peer); /* nothing if it has not joined */

/* The socket for this address, for the peer's base; not open yet if adit_udp_is_open says so. NULL:
 * there are too many. */
struct adit_port_socket *adit_port_attach(struct adit_peer *peer, int base,
                                          const struct adit_addr *ip);
void adit_port_detach(struct adit_peer *peer, struct adit_port_socket *socket);
/* As adit_udp_open. The port of the first one is tried for the others too. */
ADIT_MUST_USE int adit_port_open(struct adit_port_socket *socket, struct adit_loop *loop,
                                 const struct adit_udp_conf *conf);
/* Another port than the one the kernel would choose, if it is free. */
void adit_port_prefer(struct adit_port *port, uint16_t number);
uint16_t adit_port_number(const struct adit_port *port); /* 0 = no socket was open yet */

/* Before a packet of the peer leaves. */
void adit_port_sent(struct adit_peer *peer, const struct adit_port_socket *socket,
                    const struct adit_addr *to, const void *bytes, size_t n);
/* A packet for a peer that has no base yet: kept, and fed by adit_port_ready. */
void adit_port_keep(struct adit_peer *peer, const struct adit_addr *from, const void *bytes,
                    size_t n);
/* The peer has its bases. */
void adit_port_ready(struct adit_peer *peer, adit_time now);

#endif
