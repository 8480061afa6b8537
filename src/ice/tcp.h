/* tcp.h - what is different about candidates, pairs and checks where the transport is TCP
 * (RFC 6544).
 *
 * A base is an address of this host from which connections are opened (active), at which they are
 * taken (passive), or both at once (simultaneous-open). The owner keeps one connection for each
 * base and remote address, opens it with the first packet, and says when it fails; ICE sees
 * packets. Active candidates are used and not told: they would name an address that the peer knows
 * and the port 9, and the peer learns the real one with the first check. */
#ifndef ADIT_ICE_TCP_H
#define ADIT_ICE_TCP_H

#include "ice/cand.h"
#include "ice/retry.h"

/* Section 7.1: a transaction is sent once, and given up as late as by UDP (RFC 8489 section 6.2.2:
 * Ti). */
#define ADIT_TCP_TRANSACTION (39500 * ADIT_MS)
/* A connection that had worked is tried again so soon; where it fails at once, as all pairs do. */
#define ADIT_TCP_AGAIN       (200 * ADIT_MS)

/* Section 4.2: the direction in the upper bits of the local preference, and the type preference
 * below that of the same type by UDP: after all that is direct by UDP, before what is relayed. */
uint32_t adit_tcp_priority(enum adit_cand_type type, enum adit_tcptype tcptype,
                           uint16_t preference);
/* Section 6.2. A passive candidate of ours makes no pairs: the other side calls. */
bool adit_tcp_pairs(enum adit_tcptype local, enum adit_tcptype remote);
/* What a candidate is that was learned from a connection to a base of this type. */
enum adit_tcptype adit_tcp_opposite(enum adit_tcptype tcptype);
/* adit_retry_start for a transaction that is not repeated. */
void adit_tcp_retry_start(struct adit_retry *r, adit_time now);

#endif
