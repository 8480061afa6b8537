/* addr.h - an IP address with a port, and what kind of address it is.
 *
 * IPv4-mapped IPv6 addresses are turned into IPv4 on the way in, so that equal means equal. */
#ifndef ADIT_ADDR_H
#define ADIT_ADDR_H

#include "base/base.h"

struct sockaddr;

enum adit_family { ADIT_FAMILY_NONE = 0, ADIT_FAMILY_V4 = 4, ADIT_FAMILY_V6 = 6 };

struct adit_addr {
    uint8_t family; /* enum adit_family; NONE = no address */
    uint16_t port;  /* host byte order */
    uint32_t scope; /* interface index of a link-local IPv6 address, else 0 */
    uint8_t ip[16]; /* network byte order; IPv4 uses the first four bytes, the rest is zero */
};

#define ADIT_ADDR_STR 64 /* "[ip%scope]:port" and its zero byte */

enum adit_scope_kind {
    ADIT_SCOPE_UNSPECIFIED, /* 0.0.0.0/8, :: */
    ADIT_SCOPE_LOOPBACK,    /* 127/8, ::1 */
    ADIT_SCOPE_LINK,        /* 169.254/16, fe80::/10 */
    ADIT_SCOPE_PRIVATE,     /* RFC 1918, RFC 6598 (100.64/10), fc00::/7 */
    ADIT_SCOPE_GLOBAL,
    ADIT_SCOPE_MULTICAST, /* 224/4, ff00::/8 */
    ADIT_SCOPE_RESERVED,  /* 240/4 with 255.255.255.255, and the like: never a destination */
};

/* "192.0.2.1", "2001:db8::1", "fe80::1%3"; no port, no brackets, no names. -EINVAL. */
ADIT_MUST_USE int adit_addr_parse(struct adit_addr *ret_addr, const char *text, size_t len);
/* "192.0.2.1:3478", "[2001:db8::1]:3478"; without a port `port_default` is taken. -EINVAL. */
ADIT_MUST_USE int adit_addr_parse_port(struct adit_addr *ret_addr, const char *text, size_t len,
                                       uint16_t port_default);
/* Both write a string into out and return out. _ip has neither port nor brackets. */
char *adit_addr_str(const struct adit_addr *a, char out[ADIT_ADDR_STR]);
char *adit_addr_str_ip(const struct adit_addr *a, char out[ADIT_ADDR_STR]);

bool adit_addr_equal(const struct adit_addr *a,
                     const struct adit_addr *b); /* with port and scope */
bool adit_addr_equal_ip(const struct adit_addr *a, const struct adit_addr *b); /* without port */
enum adit_scope_kind adit_addr_scope(const struct adit_addr *a);
/* Does the address lie in net/len? Families must match. */
bool adit_addr_in(const struct adit_addr *a, const struct adit_addr *net, unsigned len);

/* Is it in 100::/64, where packets end (RFC 6666)? It is nobody's on any network, so it may stand
 * for what is reached otherwise: a peer at the signaling server (docs/signaling.md). */
bool adit_addr_is_discard(const struct adit_addr *a);

/* sa is of sockaddr_storage size; returns its length, 0 for no address. */
unsigned adit_addr_to_sockaddr(const struct adit_addr *a, struct sockaddr *sa);
/* -EAFNOSUPPORT for anything but IPv4 and IPv6. */
ADIT_MUST_USE int adit_addr_from_sockaddr(struct adit_addr *ret_addr, const struct sockaddr *sa);

#endif
