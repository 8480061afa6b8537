/* join.h - packets of one flow that come in a row go to the device as one: the reverse of cut.h.
 *
 * Joined are TCP segments and UDP datagrams that a cut gives back bit by bit: same headers, the
 * next sequence number, the next IP identification (of UDP also the same one, if it may not be
 * fragmented: RFC 6864), right checksums, one size but for the last. The order within a flow stays
 * as it came; all that cannot be joined passes through at once. */
#ifndef ADIT_JOIN_H
#define ADIT_JOIN_H

#include "base/base.h"
#include "tun/vnet.h"

struct adit_join;

struct adit_join_ops {
    /* To the device. `count` packets are in it. 0; -EINVAL: no such joined one, it comes again in
     * pieces and joining ends; anything else: dropped. */
    int (*write)(void *arg, const struct virtio_net_hdr *h, const uint8_t *bytes, size_t n,
                 unsigned count);
    /* So many packets, with so many bytes, were taken by adit_join_add and then not by `write`. */
    void (*lost)(void *arg, unsigned count, size_t bytes);
};

/* udp: the device takes joined datagrams. NULL without memory. */
struct adit_join *adit_join_new(bool tap, bool udp, const struct adit_join_ops *ops, void *arg);
struct adit_join *adit_join_free(struct adit_join *join); /* what waits is gone; returns NULL */

/* A packet for the device; it is copied or written. What `write` returned, 0 if it waits now. */
int adit_join_add(struct adit_join *join, const uint8_t *bytes, size_t n);
/* Writes what waits: at the end of each turn of the loop. */
void adit_join_flush(struct adit_join *join);

#endif
