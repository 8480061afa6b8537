/* upnp.h - the port of one socket by UPnP: the engine (agent/igd.h) and the errand it has under way
 * (core/igd.h). Nothing in a program that was built without. */
#ifndef ADIT_UPNP_H
#define ADIT_UPNP_H

#include "base/addr.h"
#include "core/reactor.h"
#include "lan/portmap.h"

struct adit_upnp;

/* IPv4 alone. `news` is as that of adit_portmap_ops. Returns NULL without memory, and where the
 * program cannot: adit_igd_built(). */
struct adit_upnp *adit_upnp_new(struct adit_loop *loop, const struct adit_addr *internal,
                                const struct adit_addr *gateway, struct adit_rng *rng,
                                void (*news)(void *arg, enum adit_portmap_news news,
                                             const struct adit_addr *external, adit_time now),
                                void *arg, adit_time now);
/* What is open is closed, without waiting for it. Returns NULL; u may be
 * NULL, as below. */
struct adit_upnp *adit_upnp_free(struct adit_upnp *u);

bool adit_upnp_holds(const struct adit_upnp *u); /* a port is open: */
const struct adit_addr *adit_upnp_external(const struct adit_upnp *u);
bool adit_upnp_decided(const struct adit_upnp *u); /* or it was said why not */

#endif
