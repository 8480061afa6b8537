/* turn_base.h - sockets that TURN servers are asked from, and nothing else, for a peer whose other
 * packets go by a port of many (port.h): a server knows an allocation by its 5-tuple (RFC 8656
 * section 5), which would be the same for all. A peer with sockets of its own needs none. */
#ifndef ADIT_AGENT_TURN_BASE_H
#define ADIT_AGENT_TURN_BASE_H

#include "agent/inner.h"

/* Once it is known whether the port is shared, and which servers there are. -ENOMEM. */
ADIT_MUST_USE int adit_turn_bases_init(struct adit_peer *peer);
/* One for each of these local addresses; those of addresses that the list has no more go. */
void adit_turn_bases_update(struct adit_peer *peer, const struct adit_netif_list *list,
                            const struct adit_netif_choice *chosen, size_t n, adit_time now);
/* `base` counts from 0. */
void adit_turn_bases_send(struct adit_peer *peer, size_t base, const struct adit_addr *to,
                          const void *bytes, size_t n);
void adit_turn_bases_close(struct adit_peer *peer);
void adit_turn_bases_free(struct adit_peer *peer);

#endif
