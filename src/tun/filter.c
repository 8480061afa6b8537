#include "tun/filter.h"

#include <netinet/in.h>

#define ARP_LEN 28

int adit_filter_allow(struct adit_filter *f, const struct adit_prefix *prefix)
{
    if (f->allowed_count == ADIT_FILTER_ALLOWED_MAX)
        return -E2BIG;
    f->allowed[f->allowed_count++] = *prefix;
    return 0;
}

int adit_filter_own(struct adit_filter *f, const struct adit_addr *addr)
{
    if (f->own_count == ADIT_FILTER_OWN_MAX)
        return -E2BIG;
    f->own[f->own_count++] = *addr;
    return 0;
}

static bool may_use(const struct adit_filter *f, const struct adit_addr *src)
{
    for (size_t i = 0; i < f->own_count; i++)
        if (adit_addr_equal_ip(&f->own[i], src))
            return false;
    return adit_prefix_covers(f->allowed, f->allowed_count, src);
}

static enum adit_drop packet_in(const struct adit_filter *f, const uint8_t *bytes, size_t n,
                                size_t *ret_len)
{
    struct adit_packet p;
    enum adit_drop drop = adit_packet_parse(&p, bytes, n);

    if (drop == ADIT_DROP_NONE && !may_use(f, &p.src))
        drop = ADIT_DROP_SOURCE;
    if (drop == ADIT_DROP_NONE)
        *ret_len = p.len;
    return drop;
}

static bool unspecified(const struct adit_addr *a)
{
    static const uint8_t zero[16];

    return memcmp(a->ip, zero, sizeof zero) == 0;
}

/* RFC 826. A probe (RFC 5227 section 1.1) has no sender address yet. */
static enum adit_drop arp_in(const struct adit_filter *f, const uint8_t *arp, size_t n)
{
    static const uint8_t head[6] = { 0, 1, 8, 0, 6, 4 }; /* Ethernet, IPv4, their lengths */
    struct adit_addr src = { .family = ADIT_FAMILY_V4 };

    if (n < ARP_LEN || memcmp(arp, head, sizeof head) != 0)
        return ADIT_DROP_MALFORMED;
    memcpy(src.ip, arp + 14, 4);
    return unspecified(&src) || may_use(f, &src) ? ADIT_DROP_NONE : ADIT_DROP_SOURCE;
}

static enum adit_drop frame_in(const struct adit_filter *f, const uint8_t *bytes, size_t n)
{
    const uint8_t *inner = bytes + ADIT_ETHER_LEN;
    size_t len = n - ADIT_ETHER_LEN;
    struct adit_packet p;
    enum adit_drop drop;

    switch (adit_get16(bytes + 12)) {
    case ADIT_ETHER_ARP:
        return arp_in(f, inner, len);
    case ADIT_ETHER_IPV4:
        return packet_in(f, inner, len, &len);
    case ADIT_ETHER_IPV6:
        /* Neighbour discovery has its own addresses (RFC 4861 section 4). */
        drop = adit_packet_parse(&p, inner, len);
        if (drop != ADIT_DROP_NONE)
            return drop;
        if (unspecified(&p.src) || adit_addr_scope(&p.src) == ADIT_SCOPE_LINK || may_use(f, &p.src))
            return ADIT_DROP_NONE;
        return ADIT_DROP_SOURCE;
    default:
        return ADIT_DROP_SOURCE;
    }
}

enum adit_drop adit_filter_in(const struct adit_filter *f, const uint8_t *bytes, size_t n,
                              size_t *ret_len)
{
    if (!f->tap)
        return packet_in(f, bytes, n, ret_len);
    if (n < ADIT_ETHER_LEN)
        return ADIT_DROP_NOT_IP;
    *ret_len = n;
    return f->strict ? frame_in(f, bytes, n) : ADIT_DROP_NONE;
}

/* ---- out ------------------------------------------------------------------------------------- */

/* Our own datagrams, routed into the device: each turn would wrap them once more, for ever. */
static bool loops(const struct adit_filter *f, const struct adit_packet *p, const uint8_t *bytes)
{
    if (p->proto != IPPROTO_UDP || p->later_fragment || p->head + 8u > p->len ||
        f->remote.family == ADIT_FAMILY_NONE)
        return false;
    return adit_get16(bytes + p->head) == f->local.port &&
           adit_get16(bytes + p->head + 2) == f->remote.port &&
           adit_addr_equal_ip(&p->dst, &f->remote);
}

/* The largest packet of this family. Below 1280 an IPv6 sender would not go: then the link has to
 * cut and join (RFC 8200 section 5), which SCTP does. 0 = no limit. */
static unsigned limit(const struct adit_filter *f, const struct adit_packet *p)
{
    size_t head = f->tap ? ADIT_ETHER_LEN : 0, most = f->path > head ? f->path - head : 0;

    if (most && most < ADIT_IPV6_MTU && p->src.family == ADIT_FAMILY_V6)
        most = ADIT_IPV6_MTU;
    return !most || (f->mtu && f->mtu < most) ? f->mtu : (unsigned)(most < 65535 ? most : 65535);
}

static enum adit_drop packet_out(const struct adit_filter *f, const uint8_t *bytes, size_t n,
                                 size_t *ret_len)
{
    struct adit_packet p;
    enum adit_drop drop = adit_packet_parse(&p, bytes, n);

    if (drop != ADIT_DROP_NONE)
        return drop;
    if (loops(f, &p, bytes))
        return ADIT_DROP_LOOP;
    unsigned most = limit(f, &p);
    if (most && p.len > most)
        return ADIT_DROP_TOO_BIG;
    *ret_len = p.len;
    return ADIT_DROP_NONE;
}

static bool is_ip_frame(const uint8_t *bytes, size_t n)
{
    unsigned type = n >= ADIT_ETHER_LEN ? adit_get16(bytes + 12) : 0;

    return type == ADIT_ETHER_IPV4 || type == ADIT_ETHER_IPV6;
}

enum adit_drop adit_filter_out(const struct adit_filter *f, const uint8_t *bytes, size_t n,
                               size_t *ret_len)
{
    size_t len;

    if (!f->tap)
        return packet_out(f, bytes, n, ret_len);
    if (n < ADIT_ETHER_LEN)
        return ADIT_DROP_MALFORMED;
    if (is_ip_frame(bytes, n)) {
        enum adit_drop drop = packet_out(f, bytes + ADIT_ETHER_LEN, n - ADIT_ETHER_LEN, &len);
        /* A bridge carries what it does not understand. */
        if (drop == ADIT_DROP_LOOP || drop == ADIT_DROP_TOO_BIG)
            return drop;
    }
    if (f->mtu && n > f->mtu + ADIT_ETHER_LEN)
        return ADIT_DROP_TOO_BIG;
    *ret_len = n;
    return ADIT_DROP_NONE;
}

size_t adit_filter_answer(const struct adit_filter *f, uint8_t *out, const uint8_t *bytes, size_t n)
{
    size_t head = f->tap ? ADIT_ETHER_LEN : 0;
    struct adit_packet p;

    if ((f->tap && !is_ip_frame(bytes, n)) ||
        adit_packet_parse(&p, bytes + head, n - head) != ADIT_DROP_NONE)
        return 0;
    /* RFC 8200 section 5: IPv6 cannot go below 1280; the sender would ignore it (RFC 8201). */
    unsigned mtu = limit(f, &p);
    if (p.src.family == ADIT_FAMILY_V6 && mtu < ADIT_IPV6_MTU)
        mtu = ADIT_IPV6_MTU;
    size_t len = adit_packet_too_big(out + head, &p, bytes + head, mtu);
    if (len == 0 || !f->tap)
        return len;
    memcpy(out, bytes + 6, 6);
    memcpy(out + 6, bytes, 6);
    memcpy(out + 12, bytes + 12, 2);
    return head + len;
}
