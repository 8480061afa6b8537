/* haul.h - a packet on its way through the signaling server: a binary WebSocket message.
 *
 *   0       1        2                 2 + n     10 + n      18 + n
 *   +-------+--------+----- - - - -----+---------+-----------+------- - - - -------+
 *   | 1     | n      | name, n bytes   | to, 8   | from, 8   | packet, 1 to 1500   |
 *   +-------+--------+----- - - - -----+---------+-----------+------- - - - -------+
 *
 * The name is whom it is for when it goes to the server, and who sent it when it comes from there.
 * to and from are what ports are to UDP: each side of a connection makes one up, eight random
 * bytes, and they are the last half of its address 100::/64 (RFC 6666) in its candidate. The server
 * looks at neither. Packets may be lost, as in any network (docs/signaling.md). */
#ifndef ADIT_SIGNAL_HAUL_H
#define ADIT_SIGNAL_HAUL_H

#include "base/addr.h"
#include "signal/event.h"

#define ADIT_HAUL_PACKET     1    /* the first byte; others are for later, and passed over */
#define ADIT_HAUL_PACKET_MAX 1500 /* bytes */
#define ADIT_HAUL_HEAD_MAX   (2 + ADIT_SIGNAL_PEER_MAX + 16)
#define ADIT_HAUL_MAX        (ADIT_HAUL_HEAD_MAX + ADIT_HAUL_PACKET_MAX)

struct adit_haul {
    char name[ADIT_SIGNAL_PEER_MAX + 1];
    uint8_t to[8], from[8];
    struct adit_span packet; /* borrowed */
};

/* -ENOMSG: it is something else, and passed over; -EPROTO: it is none. */
ADIT_MUST_USE int adit_haul_read(struct adit_haul *ret_haul, const void *bytes, size_t n);
/* How long it has become; 0: the name or the packet does not fit. */
size_t adit_haul_write(uint8_t out[ADIT_HAUL_MAX], const struct adit_haul *carry);

/* The address that stands for the end with these eight bytes. */
struct adit_addr adit_haul_addr(const uint8_t end[8]);
/* -EINVAL: it is no such address. */
ADIT_MUST_USE int adit_haul_end(uint8_t ret_end[8], const struct adit_addr *addr);

#endif
