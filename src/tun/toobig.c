/* The ICMP side of packet.h. */
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#include "tun/checksum.h"
#include "tun/packet.h"

#define IPV4_HEAD 20
#define IPV6_HEAD 40
#define ICMP_HEAD 8
#define QUOTED_V4 576  /* RFC 1812 section 4.3.2.3: the whole answer */
#define QUOTED_V6 1280 /* RFC 4443 section 2.4 (c) */
#define TTL       64

static bool single_host(const struct adit_addr *a)
{
    switch (adit_addr_scope(a)) {
    case ADIT_SCOPE_UNSPECIFIED:
    case ADIT_SCOPE_LOOPBACK:
    case ADIT_SCOPE_MULTICAST:
    case ADIT_SCOPE_RESERVED:
        return false;
    case ADIT_SCOPE_LINK:
    case ADIT_SCOPE_PRIVATE:
    case ADIT_SCOPE_GLOBAL:
        break;
    }
    return true;
}

/* An ICMP message that is an error, or that is cut before it says what it is. */
static bool icmp_error(const struct adit_packet *p, const uint8_t *bytes)
{
    bool v6 = p->src.family == ADIT_FAMILY_V6;

    if (p->proto != (v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
        return false;
    if (p->head >= p->len)
        return true;
    uint8_t type = bytes[p->head];
    if (v6)
        return !(type & ICMP6_INFOMSG_MASK) || type == ND_REDIRECT;
    return type == ICMP_DEST_UNREACH || type == ICMP_SOURCE_QUENCH || type == ICMP_REDIRECT ||
           type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETERPROB;
}

static size_t compose_v4(uint8_t *out, const struct adit_packet *p, const uint8_t *bytes,
                         unsigned mtu)
{
    size_t quoted =
        p->len < QUOTED_V4 - IPV4_HEAD - ICMP_HEAD ? p->len : QUOTED_V4 - IPV4_HEAD - ICMP_HEAD;
    size_t len = IPV4_HEAD + ICMP_HEAD + quoted;
    uint8_t *icmp = out + IPV4_HEAD;

    memset(out, 0, IPV4_HEAD + ICMP_HEAD);
    out[0] = 0x45;
    out[1] = 0xc0; /* internetwork control: RFC 1812 section 4.3.2.5 */
    adit_put16(out + 2, (uint16_t)len);
    out[8] = TTL;
    out[9] = IPPROTO_ICMP;
    memcpy(out + 12, p->dst.ip, 4);
    memcpy(out + 16, p->src.ip, 4);
    adit_put16(out + 10, adit_checksum(out, IPV4_HEAD, 0));

    icmp[0] = ICMP_DEST_UNREACH;
    icmp[1] = ICMP_FRAG_NEEDED;
    adit_put16(icmp + 6, (uint16_t)mtu);
    memcpy(icmp + ICMP_HEAD, bytes, quoted);
    adit_put16(icmp + 2, adit_checksum(icmp, ICMP_HEAD + quoted, 0));
    return len;
}

static size_t compose_v6(uint8_t *out, const struct adit_packet *p, const uint8_t *bytes,
                         unsigned mtu)
{
    size_t quoted =
        p->len < QUOTED_V6 - IPV6_HEAD - ICMP_HEAD ? p->len : QUOTED_V6 - IPV6_HEAD - ICMP_HEAD;
    size_t payload = ICMP_HEAD + quoted;
    uint8_t *icmp = out + IPV6_HEAD;

    memset(out, 0, IPV6_HEAD + ICMP_HEAD);
    out[0] = 0x60;
    adit_put16(out + 4, (uint16_t)payload);
    out[6] = IPPROTO_ICMPV6;
    out[7] = TTL;
    memcpy(out + 8, p->dst.ip, 16);
    memcpy(out + 24, p->src.ip, 16);

    icmp[0] = ICMP6_PACKET_TOO_BIG;
    adit_put32(icmp + 4, mtu);
    memcpy(icmp + ICMP_HEAD, bytes, quoted);
    adit_put16(icmp + 2,
               adit_checksum(icmp, payload, adit_sum_pseudo(out, true, IPPROTO_ICMPV6, payload)));
    return IPV6_HEAD + payload;
}

size_t adit_packet_too_big(uint8_t *out, const struct adit_packet *p, const uint8_t *bytes,
                           unsigned mtu)
{
    if (p->later_fragment || icmp_error(p, bytes) || !single_host(&p->src) || !single_host(&p->dst))
        return 0;
    return p->src.family == ADIT_FAMILY_V6 ? compose_v6(out, p, bytes, mtu)
                                           : compose_v4(out, p, bytes, mtu);
}
