/* netns.h - for tests with real kernel objects: a network namespace that ends with the process. */
#ifndef ADIT_TEST_NETNS_H
#define ADIT_TEST_NETNS_H

#include "core/netlink.h"

/* Moves this process into a new, empty network namespace with loopback up; without root in a user
 * namespace too. Prints why and returns false where that is not allowed: the tests that need it
 * then call skip(). */
bool netns_enter(void);

/* Each returns 0 or -errno. */
int netns_add_veth(const char *name, const char *peer);
int netns_up(const char *name, bool up);
int netns_del(const char *name);
int netns_add_addr(const char *name, const char *ip, unsigned prefix_len, uint32_t flags);

#endif
