#include "tun/cut.h"

#include <netinet/in.h>

#include "tun/checksum.h"
#include "tun/packet.h"
#include "tun/transport.h"

/* Zero means that there is none (RFC 768). */
static uint16_t never_zero(uint16_t sum)
{
    return sum ? sum : 0xffff;
}

/* A single packet whose checksum is open; its field holds the sum of the pseudo header. */
static int fill_in(const struct virtio_net_hdr *h, uint8_t *bytes, size_t n)
{
    size_t start = h->csum_start, field = start + h->csum_offset;
    uint16_t sum;

    if (field + 2 > n)
        return -EPROTO;
    sum = adit_checksum(bytes + start, n - start, 0);
    adit_put16(bytes + field, h->csum_offset == ADIT_UDP_CHECKSUM ? never_zero(sum) : sum);
    return 0;
}

static int find_headers(struct adit_cut *c, const struct virtio_net_hdr *h, bool tap)
{
    const uint8_t *b = c->bytes;
    size_t n = c->len;

    c->ip = tap ? adit_packet_network(b, n) : 0;
    c->transport = h->csum_start;
    if (c->ip + 20 > n || c->transport + (c->tcp ? 20 : 8) > n)
        return -EPROTO;
    c->v6 = b[c->ip] >> 4 == 6;
    if (c->transport < c->ip + (c->v6 ? 40 : 20) ||
        (!c->v6 && c->transport != c->ip + (b[c->ip] & 15u) * 4))
        return -EPROTO;
    c->payload = c->transport + (c->tcp ? (size_t)(b[c->transport + 12] >> 4) * 4 : 8);
    if (c->payload < c->transport + (c->tcp ? 20 : 8) || c->payload > ADIT_CUT_HEAD_MAX ||
        c->payload >= n)
        return -EPROTO;
    return 0;
}

int adit_cut_begin(struct adit_cut *cut, const struct virtio_net_hdr *h, bool tap, uint8_t *bytes,
                   size_t n)
{
    unsigned type = h->gso_type & ~VIRTIO_NET_HDR_GSO_ECN;
    bool open = h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;

    cut->bytes = bytes;
    cut->len = n;
    cut->size = 0;
    cut->done = false;
    if (type == VIRTIO_NET_HDR_GSO_NONE)
        return open ? fill_in(h, bytes, n) : 0;
    cut->tcp = type == VIRTIO_NET_HDR_GSO_TCPV4 || type == VIRTIO_NET_HDR_GSO_TCPV6;
    if ((!cut->tcp && type != VIRTIO_NET_HDR_GSO_UDP_L4) || !open || h->gso_size == 0)
        return -EPROTO;
    if (find_headers(cut, h, tap) < 0 ||
        (cut->tcp && cut->v6 != (type == VIRTIO_NET_HDR_GSO_TCPV6)))
        return -EPROTO;
    cut->size = h->gso_size;
    cut->at = cut->payload;
    cut->index = 0;
    memcpy(cut->head, bytes, cut->payload);
    return 0;
}

static void write_ip(const struct adit_cut *c, uint8_t *ip, size_t n)
{
    if (c->v6) {
        adit_put16(ip + 4, (uint16_t)(n - 40));
        return;
    }
    adit_put16(ip + 2, (uint16_t)n);
    adit_put16(ip + 4, (uint16_t)(adit_get16(c->head + c->ip + 4) + c->index));
    adit_put16(ip + 10, 0);
    adit_put16(ip + 10, adit_checksum(ip, c->transport - c->ip, 0));
}

/* n: of header and data. */
static void write_tcp(const struct adit_cut *c, uint8_t *ip, uint8_t *tcp, size_t n, bool last)
{
    uint32_t seq = adit_get32(c->head + c->transport + ADIT_TCP_SEQ);

    adit_put32(tcp + ADIT_TCP_SEQ, seq + (uint32_t)(c->index * c->size));
    if (!last)
        tcp[ADIT_TCP_FLAGS] &= (uint8_t) ~(ADIT_TCP_FIN | ADIT_TCP_PSH);
    if (c->index) /* RFC 3168 section 6.1.2: once is enough */
        tcp[ADIT_TCP_FLAGS] &= (uint8_t)~ADIT_TCP_CWR;
    adit_put16(tcp + ADIT_TCP_CHECKSUM, 0);
    adit_put16(tcp + ADIT_TCP_CHECKSUM,
               adit_checksum(tcp, n, adit_sum_pseudo(ip, c->v6, IPPROTO_TCP, n)));
}

static void write_udp(const struct adit_cut *c, uint8_t *ip, uint8_t *udp, size_t n)
{
    adit_put16(udp + ADIT_UDP_LEN, (uint16_t)n);
    adit_put16(udp + ADIT_UDP_CHECKSUM, 0);
    adit_put16(udp + ADIT_UDP_CHECKSUM,
               never_zero(adit_checksum(udp, n, adit_sum_pseudo(ip, c->v6, IPPROTO_UDP, n))));
}

uint8_t *adit_cut_next(struct adit_cut *cut, size_t *ret_n)
{
    size_t left, n;
    uint8_t *piece, *transport;
    bool last;

    if (cut->done)
        return NULL;
    if (!cut->size) {
        cut->done = true;
        *ret_n = cut->len;
        return cut->bytes;
    }
    left = cut->len - cut->at;
    last = left <= cut->size;
    n = cut->payload + (last ? left : cut->size);
    piece = cut->bytes + cut->at - cut->payload;
    transport = piece + cut->transport;
    if (cut->index)
        memcpy(piece, cut->head, cut->payload);
    write_ip(cut, piece + cut->ip, n - cut->ip);
    if (cut->tcp)
        write_tcp(cut, piece + cut->ip, transport, n - cut->transport, last);
    else
        write_udp(cut, piece + cut->ip, transport, n - cut->transport);
    cut->at += cut->size;
    cut->index++;
    cut->done = last;
    *ret_n = n;
    return piece;
}
