/* deny.h - which addresses nobody is a peer at, unless the operator has named them.
 *
 * A relay sends from the inside of its network what it is told from the outside. So private,
 * shared, local and multicast addresses are refused, and every way of writing an IPv4 address as an
 * IPv6 one; what is left is the public internet. */
#ifndef ADIT_RELAY_DENY_H
#define ADIT_RELAY_DENY_H

#include "base/addr.h"

bool adit_turnd_denied(const struct adit_addr *peer);

#endif
