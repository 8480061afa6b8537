/* cut.h - takes apart what the kernel hands out joined: many TCP segments or UDP datagrams of one
 * flow behind one header, and checksums left open. What comes out is what would have been on a wire
 * (as the kernel's own tcp_gso_segment and udp_gso_segment have it).
 *
 * Nothing is copied: the headers of each piece are written over the end of the piece before it, so
 * each has to be used before the next is asked for. */
#ifndef ADIT_CUT_H
#define ADIT_CUT_H

#include "base/base.h"
#include "tun/vnet.h"

#define ADIT_CUT_HEAD_MAX 256 /* Ethernet, IP and transport; longer ones are refused */

struct adit_cut {
    uint8_t *bytes;
    size_t len;
    size_t ip, transport, payload; /* where they begin */
    size_t size;                   /* of the payload of each piece; the last may be shorter */
    size_t at;                     /* where the payload of the next begins */
    unsigned index;                /* of the next */
    bool v6, tcp, done;
    uint8_t head[ADIT_CUT_HEAD_MAX];
};

/* `bytes` is borrowed until the last piece. -EPROTO: the header does not fit the packet. */
ADIT_MUST_USE int adit_cut_begin(struct adit_cut *cut, const struct virtio_net_hdr *h, bool tap,
                                 uint8_t *bytes, size_t n);
/* NULL: there are no more. */
uint8_t *adit_cut_next(struct adit_cut *cut, size_t *ret_n);

#endif
