/* filter.h - which packets pass between the device and the peer. Pure, so that it is a table.
 *
 * In (from the peer): whole, and from an address that the peer may use; never one of ours. Out
 * (from the device): fits the path, and is not a packet of the tunnel itself. A TAP link is
 * Ethernet and asks nothing of addresses unless the user named some; then IPv4, ARP and IPv6 pass
 * with those. */
#ifndef ADIT_FILTER_H
#define ADIT_FILTER_H

#include "tun/packet.h"
#include "tun/prefix.h"

#define ADIT_FILTER_ALLOWED_MAX 128
#define ADIT_FILTER_OWN_MAX     32

#define ADIT_FILTER_ANSWER_MAX (ADIT_TOO_BIG_MAX + ADIT_ETHER_LEN)

struct adit_filter {
    bool tap;
    bool strict;                                         /* TAP: check addresses; TUN always does */
    struct adit_prefix allowed[ADIT_FILTER_ALLOWED_MAX]; /* the peer's; none = nothing passes */
    size_t allowed_count;
    struct adit_addr own[ADIT_FILTER_OWN_MAX];
    size_t own_count;
    struct adit_addr local, remote; /* the tunnel's own UDP path; family NONE = unknown */
    unsigned mtu;                   /* largest IP packet that goes out; 0 = no limit */
    size_t path; /* largest message that the path carries whole; larger ones leave in pieces, which
                  * is for what no "too big" can make smaller; 0 = no limit */
};

/* -E2BIG: the limit. */
ADIT_MUST_USE int adit_filter_allow(struct adit_filter *f, const struct adit_prefix *prefix);
ADIT_MUST_USE int adit_filter_own(struct adit_filter *f, const struct adit_addr *addr);

/* NONE: the first *ret_len bytes go on. */
enum adit_drop adit_filter_in(const struct adit_filter *f, const uint8_t *bytes, size_t n,
                              size_t *ret_len);
enum adit_drop adit_filter_out(const struct adit_filter *f, const uint8_t *bytes, size_t n,
                               size_t *ret_len);
/* What to tell the sender of a packet that adit_filter_out called TOO_BIG: written to the device. 0
 * = nothing. out holds ADIT_FILTER_ANSWER_MAX bytes. */
size_t adit_filter_answer(const struct adit_filter *f, uint8_t *out, const uint8_t *bytes,
                          size_t n);

#endif
