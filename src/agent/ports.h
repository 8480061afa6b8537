/* ports.h - addresses outside that lead to our sockets: ports that gateways keep open for us
 * (lan/portmap.h), and those that the user has set up (--announce).
 *
 * A gateway is asked from the socket that the port is for, so it sees the right address and the
 * question goes where its packets will go. */
#ifndef ADIT_PORTS_H
#define ADIT_PORTS_H

#include "agent/inner.h"

/* What the configuration says. -EINVAL and a cause; -ENOMEM. */
ADIT_MUST_USE int adit_ports_init(struct adit_peer *peer, const struct adit_peer_conf *conf,
                                  struct adit_cause *ret_cause);
/* Bases have come or gone: each is asked for, and given up, as it should be. */
void adit_ports_update(struct adit_peer *peer, adit_time now);
/* The base goes; its port is given back while it still can be. */
void adit_ports_drop(struct adit_peer *peer, size_t base);
/* Is a gateway about to say something that our description should have in it? */
bool adit_ports_pending(const struct adit_peer *peer, adit_time now);
/* A packet from a gateway's port: true, it was for us. */
bool adit_ports_take(struct adit_peer *peer, size_t base, const struct adit_addr *from,
                     const void *bytes, size_t n, adit_time now);
/* What was asked for one of our sockets, and what became of it; valid until the next call of
 * anything. */
struct adit_port_view {
    const struct adit_addr *base, *external; /* external: NULL unless one is held */
    const char *protocol;                    /* by which, likewise */
    const char *state;
};
bool adit_ports_at(const struct adit_peer *peer, size_t i, struct adit_port_view *ret_view);
/* Gives all ports back, while there are sockets. */
void adit_ports_close(struct adit_peer *peer);
void adit_ports_free(struct adit_peer *peer);

#endif
