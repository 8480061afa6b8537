/* gateway.h - which router of an interface leads to everybody else. */
#ifndef ADIT_GATEWAY_H
#define ADIT_GATEWAY_H

#include "base/addr.h"

/* The next hop from our address on this interface to the internet, as the kernel would choose it,
 * routes by source address and mark included; the scope is set for a link-local one. -ENOENT: there
 * is none (no default route, or no router on it); -errno. */
ADIT_MUST_USE int adit_gateway_find(struct adit_addr *ret_gateway, uint32_t index,
                                    const struct adit_addr *local);

#endif
