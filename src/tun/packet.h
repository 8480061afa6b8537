/* packet.h - as much of an IP packet as a tunnel must know: whole, whose, for whom; and the ICMP
 * message that tells its sender it was too big.
 *
 * Nothing here trusts a byte: a packet is taken apart only within the n bytes that were given. */
#ifndef ADIT_PACKET_H
#define ADIT_PACKET_H

#include "base/addr.h"

#define ADIT_ETHER_LEN   14
#define ADIT_IPV6_MTU    1280 /* RFC 8200 section 5: less does not carry IPv6 */
#define ADIT_TOO_BIG_MAX 1280 /* what adit_packet_too_big writes at most */
#define ADIT_ETHER_IPV4  0x0800
#define ADIT_ETHER_ARP   0x0806
#define ADIT_ETHER_IPV6  0x86dd
#define ADIT_ETHER_VLAN  0x8100 /* IEEE 802.1Q */
#define ADIT_ETHER_QINQ  0x88a8

/* Why a packet went no further. */
enum adit_drop {
    ADIT_DROP_NONE,
    ADIT_DROP_NOT_IP,    /* a keepalive of another system, an unknown version */
    ADIT_DROP_MALFORMED, /* shorter than its header says, and the like */
    ADIT_DROP_SOURCE,    /* the peer may not use this source address */
    ADIT_DROP_TOO_BIG,   /* does not fit the path; the sender was told if that is allowed */
    ADIT_DROP_FULL,      /* the channel has no room now */
    ADIT_DROP_CLOSED,    /* there is no channel now */
    ADIT_DROP_LOOP,      /* a packet of the tunnel itself, on its way into the tunnel */
    ADIT_DROP_DEVICE,    /* the device did not take it: down, or its queue is full */
    ADIT_DROP_COUNT,
};

/* "source", "too_big" …: for counters and logs. */
const char *adit_drop_name(enum adit_drop drop);

struct adit_packet {
    struct adit_addr src, dst; /* port 0 */
    uint8_t proto;             /* of the transport; IPv6 extension headers are skipped */
    uint16_t head;             /* where the transport begins, <= len */
    uint16_t len;              /* of the packet; what follows it in the buffer is padding */
    bool later_fragment;       /* not the first: there is no transport header */
};

/* NONE, NOT_IP or MALFORMED. */
enum adit_drop adit_packet_parse(struct adit_packet *ret_packet, const uint8_t *bytes, size_t n);

/* Composes "fragmentation needed" (RFC 792, RFC 1191) or "packet too big" (RFC 4443 section 3.2)
 * about a parsed packet, from its destination to its source. Returns the length; 0 where RFC 1812
 * section 4.3.2.7 and RFC 4443 section 2.4 want silence: about ICMP errors, later fragments,
 * multicast and broadcast, and sources that are no single host. out holds ADIT_TOO_BIG_MAX bytes.
 */
size_t adit_packet_too_big(uint8_t *out, const struct adit_packet *packet, const uint8_t *bytes,
                           unsigned mtu);

/* RFC 3168 section 5: the two bits of an IP header. */
enum adit_ecn { ADIT_ECN_NONE, ADIT_ECN_ECT1, ADIT_ECN_ECT0, ADIT_ECN_CE };
enum adit_ecn adit_packet_ecn(const uint8_t *ip, size_t n); /* NONE also of what is no IP */
/* "Congestion experienced": the packet's ECN is not NONE. */
void adit_packet_mark(uint8_t *ip);

/* Where the network header begins in an Ethernet frame, after its VLAN tags; n if it is shorter. */
size_t adit_packet_network(const uint8_t *frame, size_t n);

#endif
