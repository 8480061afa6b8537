/* cand.h - one ICE candidate and its text form (RFC 8445 section 5.1, RFC 8839 section 5.1).
 *
 * Parsing is tolerant on form and strict on what ends up in the struct: unknown attributes are
 * skipped, component 2 and unknown transports are recognised so that the caller can pass over
 * them. */
#ifndef ADIT_CAND_H
#define ADIT_CAND_H

#include "base/addr.h"
#include "base/buf.h"

enum adit_cand_type { ADIT_CAND_HOST, ADIT_CAND_SRFLX, ADIT_CAND_PRFLX, ADIT_CAND_RELAY };

enum adit_transport { ADIT_TRANSPORT_UDP, ADIT_TRANSPORT_TCP, ADIT_TRANSPORT_OTHER };

/* Who opens the connection (RFC 6544 section 4.1): its owner, the other side, or both at once. */
enum adit_tcptype { ADIT_TCP_NONE, ADIT_TCP_ACTIVE, ADIT_TCP_PASSIVE, ADIT_TCP_SO };

#define ADIT_TCP_PORT_ACTIVE 9 /* of an active candidate, RFC 6544 section 4.5: it has none yet */

#define ADIT_FOUNDATION_MAX 32  /* ice-chars, RFC 8839 section 5.1 */
#define ADIT_UFRAG_MAX      256 /* RFC 8839 section 5.4 */
#define ADIT_PWD_MAX        256
#define ADIT_UFRAG_MIN      4 /* RFC 8445 section 5.3 */
#define ADIT_PWD_MIN        22
#define ADIT_CAND_LINE_MAX  1024
#define ADIT_CAND_HOST_MAX  255

struct adit_cand {
    enum adit_cand_type type;
    enum adit_transport transport;
    enum adit_tcptype tcptype; /* of TCP, where it was told */
    uint16_t component;
    uint32_t priority;
    char foundation[ADIT_FOUNDATION_MAX + 1];
    struct adit_addr addr;             /* family NONE when the text had a name instead */
    struct adit_addr related;          /* raddr/rport; family NONE if absent */
    char name[ADIT_CAND_HOST_MAX + 1]; /* ".local" or other name in place of an address, else "" */
    char ufrag[ADIT_UFRAG_MAX + 1];    /* the "ufrag" extension (RFC 8838/8839), else "" */
};

/* Takes "candidate:…", "a=candidate:…" or what follows the colon. -EINVAL. */
ADIT_MUST_USE int adit_cand_parse(struct adit_cand *ret_cand, const char *text, size_t len);
/* Appends "candidate:…" without "a=" and without a line end. */
void adit_cand_print(struct adit_buf *out, const struct adit_cand *cand);

const char *adit_cand_type_name(enum adit_cand_type type); /* "host", "srflx", "prflx", "relay" */

/* Is all of it letters, digits, '+' and '/' (ice-char, RFC 8839 section 5.1)? */
bool adit_ice_chars_valid(const char *text, size_t len);

/* May we send a check there? UDP, or TCP that we may open a connection to (not active), component
 * 1, a unicast address and port that a remote description has a right to name: no loopback (unless
 * allowed), no multicast, no broadcast, no 0/8, no port 0. */
bool adit_cand_usable(const struct adit_cand *cand, bool allow_loopback);

/* May its name be asked for among the neighbours (lan/mdns.h)? It would be usable, but there is a
 * name under ".local" in place of the address. Other names are nobody's business: see
 * docs/decisions.md. */
bool adit_cand_named(const struct adit_cand *cand);

#endif
