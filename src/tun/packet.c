#include "tun/packet.h"

#include <netinet/in.h>

#define IPV4_HEAD   20
#define IPV6_HEAD   40
#define TAGS_MAX    2
#define HEADERS_MAX 8 /* IPv6 extension headers looked through; real packets have two */

const char *adit_drop_name(enum adit_drop drop)
{
    switch (drop) {
    case ADIT_DROP_NONE:
        return "none";
    case ADIT_DROP_NOT_IP:
        return "not_ip";
    case ADIT_DROP_MALFORMED:
        return "malformed";
    case ADIT_DROP_SOURCE:
        return "source";
    case ADIT_DROP_TOO_BIG:
        return "too_big";
    case ADIT_DROP_FULL:
        return "full";
    case ADIT_DROP_CLOSED:
        return "closed";
    case ADIT_DROP_LOOP:
        return "loop";
    case ADIT_DROP_DEVICE:
        return "device";
    case ADIT_DROP_COUNT:
        break;
    }
    return "unknown";
}

static void set_addr(struct adit_addr *a, enum adit_family family, const uint8_t *ip)
{
    *a = (struct adit_addr){ .family = (uint8_t)family };
    memcpy(a->ip, ip, family == ADIT_FAMILY_V6 ? 16 : 4);
}

static enum adit_drop parse_v4(struct adit_packet *p, const uint8_t *b, size_t n)
{
    if (n < IPV4_HEAD)
        return ADIT_DROP_MALFORMED;
    p->head = (uint16_t)((b[0] & 15) * 4);
    p->len = adit_get16(b + 2);
    if (p->head < IPV4_HEAD || p->len < p->head || p->len > n)
        return ADIT_DROP_MALFORMED;
    p->proto = b[9];
    p->later_fragment = adit_get16(b + 6) & 0x1fff;
    set_addr(&p->src, ADIT_FAMILY_V4, b + 12);
    set_addr(&p->dst, ADIT_FAMILY_V4, b + 16);
    return ADIT_DROP_NONE;
}

/* Steps over extension headers (RFC 8200 section 4); stops at what it does not know, and where the
 * packet ends: that is the receiver's business. */
static void skip_headers(struct adit_packet *p, const uint8_t *b)
{
    for (int i = 0; i < HEADERS_MAX && p->head + 8u <= p->len; i++) {
        const uint8_t *h = b + p->head;
        unsigned size;

        switch (p->proto) {
        case IPPROTO_HOPOPTS:
        case IPPROTO_ROUTING:
        case IPPROTO_DSTOPTS:
            size = (h[1] + 1u) * 8;
            break;
        case IPPROTO_FRAGMENT:
            size = 8;
            p->later_fragment = adit_get16(h + 2) & 0xfff8;
            break;
        default:
            return;
        }
        if (p->head + size > p->len)
            return;
        p->proto = h[0];
        p->head = (uint16_t)(p->head + size);
        if (p->later_fragment)
            return;
    }
}

static enum adit_drop parse_v6(struct adit_packet *p, const uint8_t *b, size_t n)
{
    if (n < IPV6_HEAD)
        return ADIT_DROP_MALFORMED;
    size_t len =
        IPV6_HEAD + (size_t)adit_get16(b + 4); /* jumbograms (RFC 2675) do not fit anyway */
    if (len > n || len > UINT16_MAX)
        return ADIT_DROP_MALFORMED;
    p->len = (uint16_t)len;
    p->head = IPV6_HEAD;
    p->proto = b[6];
    set_addr(&p->src, ADIT_FAMILY_V6, b + 8);
    set_addr(&p->dst, ADIT_FAMILY_V6, b + 24);
    skip_headers(p, b);
    return ADIT_DROP_NONE;
}

enum adit_drop adit_packet_parse(struct adit_packet *ret_packet, const uint8_t *bytes, size_t n)
{
    struct adit_packet p = { 0 };
    enum adit_drop drop = ADIT_DROP_NOT_IP;

    if (n > 0 && bytes[0] >> 4 == 4)
        drop = parse_v4(&p, bytes, n);
    else if (n > 0 && bytes[0] >> 4 == 6)
        drop = parse_v6(&p, bytes, n);
    if (drop == ADIT_DROP_NONE)
        *ret_packet = p;
    return drop;
}

size_t adit_packet_network(const uint8_t *frame, size_t n)
{
    size_t at = ADIT_ETHER_LEN;

    for (int tags = 0; tags < TAGS_MAX && at <= n; tags++, at += 4) {
        unsigned type = adit_get16(frame + at - 2);

        if (type != ADIT_ETHER_VLAN && type != ADIT_ETHER_QINQ)
            break;
    }
    return at < n ? at : n;
}

enum adit_ecn adit_packet_ecn(const uint8_t *ip, size_t n)
{
    if (n >= IPV4_HEAD && ip[0] >> 4 == 4)
        return ip[1] & 3;
    return n >= IPV6_HEAD && ip[0] >> 4 == 6 ? ip[1] >> 4 & 3 : ADIT_ECN_NONE;
}

void adit_packet_mark(uint8_t *ip)
{
    if (ip[0] >> 4 == 6) {
        ip[1] |= ADIT_ECN_CE << 4;
        return;
    }
    /* RFC 1624 section 3, eqn. 3. */
    uint32_t sum = (uint16_t)~adit_get16(ip + 10) + (uint32_t)(uint16_t)~adit_get16(ip);

    ip[1] |= ADIT_ECN_CE;
    sum += adit_get16(ip);
    sum = (sum & 0xffff) + (sum >> 16);
    adit_put16(ip + 10, (uint16_t) ~((sum & 0xffff) + (sum >> 16)));
}
