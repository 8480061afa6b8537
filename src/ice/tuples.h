/* tuples.h - how many 5-tuples our checks have opened lately.
 *
 * Each is an entry in the connection tracking of every NAT and firewall on the way, home routers
 * among them that have room for a thousand. An attempt never has more than its share at a time: one
 * more is taken only when another has been silent for so long that routers have forgotten it. */
#ifndef ADIT_TUPLES_H
#define ADIT_TUPLES_H

#include "base/addr.h"
#include "base/base.h"

#define ADIT_TUPLES_MAX 100
#define ADIT_TUPLE_LIFE (180 * ADIT_SEC) /* nf_conntrack_udp_timeout_stream was that, once */

struct adit_tuple {
    int base;
    struct adit_addr to;
    adit_time sent;
};

/* All zero at the beginning. */
struct adit_tuples {
    unsigned count;
    struct adit_tuple at[ADIT_TUPLES_MAX];
};

/* A check is about to leave `base` for `to`. False: it must not. */
ADIT_MUST_USE bool adit_tuples_take(struct adit_tuples *t, int base, const struct adit_addr *to,
                                    adit_time now);

#endif
