/* network.h - what a running connection knows of its network: what STUN and TURN servers and the
 * router said, and how large a datagram the path carries. Nothing is sent to find that out; what
 * has to be asked for is `adit diag`'s. */
#ifndef ADIT_CTL_NETWORK_H
#define ADIT_CTL_NETWORK_H

#include <jansson.h>

#include "adit/adit.h"
#include "base/addr.h"
#include "base/buf.h"

/* {"IPv4":"192.0.2.1","IPv6":null} of two addresses in this order, which have a port or have not.
 */
json_t *adit_addresses_json(const struct adit_addr addrs[2]);
/* "stun", "turn", "port_mappings" and "path_mtu". */
void adit_network_add(json_t *o, const struct adit_peer *peer);

/* What follows takes what may come from another process, and may be anything that is JSON. */

/* "BEFORE 192.0.2.1 and 2001:db8::1"; nothing if there is none. */
void adit_addresses_print(struct adit_buf *out, const char *before, const json_t *addresses);
/* For a terminal, a line for each. */
void adit_network_print(struct adit_buf *out, const json_t *peer);

#endif
