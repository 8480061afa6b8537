/* prefix.h - address blocks: what a peer may use, what is routed to it, what a device is given. */
#ifndef ADIT_PREFIX_H
#define ADIT_PREFIX_H

#include "base/addr.h"

/* The address keeps its host bits: "10.7.0.1/24" says both who one is and what is around. */
struct adit_prefix {
    struct adit_addr addr; /* port 0 */
    uint8_t len;
};

#define ADIT_PREFIX_STR (ADIT_ADDR_STR + 4)

/* "10.7.0.1/24", "fd00::1/64"; without a length the whole address. -EINVAL. */
ADIT_MUST_USE int adit_prefix_parse(struct adit_prefix *ret_prefix, const char *text, size_t len);
char *adit_prefix_str(const struct adit_prefix *prefix, char out[ADIT_PREFIX_STR]);

/* Does the address lie in one of them? */
bool adit_prefix_covers(const struct adit_prefix *prefixes, size_t count,
                        const struct adit_addr *addr);
/* Do the two blocks share an address? */
bool adit_prefix_overlap(const struct adit_prefix *a, const struct adit_prefix *b);
/* The block's first address: host bits cleared. */
struct adit_prefix adit_prefix_network(const struct adit_prefix *prefix);

#endif
