#include "tun/join.h"

#include <netinet/in.h>

#include "base/alloc.h"
#include "tun/checksum.h"
#include "tun/cut.h"
#include "tun/packet.h"
#include "tun/transport.h"

#define FLOWS      8     /* at once */
#define BYTES_MAX  65535 /* of the IP packet */
#define ROOM       (BYTES_MAX + ADIT_ETHER_LEN + 8)
#define UDP_PIECES 64 /* UDP_MAX_SEGMENTS of every kernel */

/* A packet taken apart. */
struct shape {
    size_t ip, transport, payload, len; /* where they begin; the end */
    bool v6, tcp;
};

struct flow {
    struct shape first;
    size_t size; /* of the first payload */
    size_t len;
    unsigned count; /* packets; 0 = free */
    uint32_t seq;   /* the next */
    uint16_t id;    /* the next */
    bool same_id;   /* all datagrams have one IP identification, and may */
    uint8_t bytes[ROOM];
};

struct adit_join {
    const struct adit_join_ops *ops;
    void *arg;
    bool tap, udp, off;
    struct flow *order[FLOWS]; /* those in use, the oldest first */
    unsigned used;
    struct flow flows[FLOWS];
};

struct adit_join *adit_join_new(bool tap, bool udp, const struct adit_join_ops *ops, void *arg)
{
    struct adit_join *j = adit_malloc(sizeof *j);

    if (!j)
        return NULL;
    j->ops = ops;
    j->arg = arg;
    j->tap = tap;
    j->udp = udp;
    j->off = false;
    j->used = 0;
    for (size_t i = 0; i < FLOWS; i++) /* not zeroed as a whole: an idle one costs few pages */
        j->flows[i].count = 0;
    return j;
}

struct adit_join *adit_join_free(struct adit_join *join)
{
    adit_free(join);
    return NULL;
}

/* ---- what can be joined ---------------------------------------------------------------------- */

static bool find_transport(struct shape *s, const uint8_t *b, bool tap, unsigned *ret_proto)
{
    const uint8_t *ip = b + s->ip;

    if (s->ip + 20 > s->len)
        return false;
    if (ip[0] == 0x45) {                 /* no options */
        if (adit_get16(ip + 6) & 0x3fff) /* a fragment, RFC 791 section 3.1 */
            return false;
        s->transport = s->ip + 20;
        *ret_proto = ip[9];
        return adit_get16(ip + 2) == s->len - s->ip &&
               (!tap || adit_get16(ip - 2) == ADIT_ETHER_IPV4);
    }
    if (ip[0] >> 4 == 6 && s->ip + 40 <= s->len) {
        s->v6 = true;
        s->transport = s->ip + 40;
        *ret_proto = ip[6];
        return adit_get16(ip + 4) == s->len - s->transport &&
               (!tap || adit_get16(ip - 2) == ADIT_ETHER_IPV6);
    }
    return false;
}

/* True: it has ports, and so belongs to a flow. */
static bool has_flow(const struct adit_join *j, struct shape *s, const uint8_t *b, size_t n)
{
    unsigned proto;

    *s = (struct shape){ .ip = j->tap ? adit_packet_network(b, n) : 0, .len = n };
    if (!find_transport(s, b, j->tap, &proto))
        return false;
    s->tcp = proto == IPPROTO_TCP;
    if ((!s->tcp && proto != IPPROTO_UDP) || s->transport + (s->tcp ? 20 : 8) > n)
        return false;
    s->payload = s->transport + (s->tcp ? (size_t)(b[s->transport + 12] >> 4) * 4 : 8);
    return true;
}

static bool checksum_is_right(const struct shape *s, const uint8_t *b)
{
    size_t n = s->len - s->transport;
    uint64_t sum = adit_sum_pseudo(b + s->ip, s->v6, s->tcp ? IPPROTO_TCP : IPPROTO_UDP, n);

    return adit_checksum(b + s->transport, n, sum) == 0 &&
           (s->v6 || adit_checksum(b + s->ip, 20, 0) == 0);
}

/* Of a packet that has a flow: may it be joined to others at all? */
static bool may_join(const struct adit_join *j, const struct shape *s, const uint8_t *b)
{
    const uint8_t *t = b + s->transport;

    if (s->payload >= s->len || s->payload > ADIT_CUT_HEAD_MAX)
        return false;
    if (s->tcp ? s->payload < s->transport + 20 ||
                     (t[ADIT_TCP_FLAGS] & ~(ADIT_TCP_PSH | ADIT_TCP_ECE)) != ADIT_TCP_ACK
               : !j->udp || adit_get16(t + ADIT_UDP_LEN) != s->len - s->transport ||
                     adit_get16(t + ADIT_UDP_CHECKSUM) == 0)
        return false;
    return checksum_is_right(s, b);
}

static bool is_of(const struct flow *f, const struct shape *s, const uint8_t *b)
{
    size_t from = s->ip + (s->v6 ? 8 : 12); /* addresses and ports, which lie one after the other */

    return f->first.ip == s->ip && f->first.v6 == s->v6 && f->first.tcp == s->tcp &&
           memcmp(f->bytes, b, s->ip) == 0 &&
           memcmp(f->bytes + from, b + from, s->transport + 4 - from) == 0;
}

static bool same_ip_head(const struct flow *f, const struct shape *s, const uint8_t *b)
{
    const uint8_t *a = f->bytes + s->ip, *c = b + s->ip;
    uint16_t id = adit_get16(c + 4);

    if (s->v6) /* version, class with ECN, label; hop limit */
        return memcmp(a, c, 4) == 0 && a[7] == c[7];
    if (a[1] != c[1] || memcmp(a + 6, c + 6, 4) != 0)
        return false;
    return f->same_id ? id == adit_get16(a + 4) : id == f->id;
}

static bool same_tcp_head(const struct flow *f, const struct shape *s, const uint8_t *b)
{
    const uint8_t *a = f->bytes + s->transport, *c = b + s->transport;

    return f->first.payload == s->payload && adit_get32(c + ADIT_TCP_SEQ) == f->seq &&
           memcmp(a + 8, c + 8, 5) == 0 &&
           ((a[ADIT_TCP_FLAGS] ^ c[ADIT_TCP_FLAGS]) & ~ADIT_TCP_PSH) == 0 &&
           memcmp(a + 14, c + 14, 2) == 0 &&
           memcmp(a + 18, c + 18, s->payload - s->transport - 18) == 0;
}

/* The second datagram shows how the sender counts: one identification for all of them, or one each.
 */
static void learn_ids(struct flow *f, const struct shape *s, const uint8_t *b)
{
    const uint8_t *ip = b + s->ip;

    if (f->count == 1 && !s->tcp && !s->v6 && ip[6] & 0x40)
        f->same_id = adit_get16(ip + 4) == adit_get16(f->bytes + s->ip + 4);
}

static bool follows(struct flow *f, const struct shape *s, const uint8_t *b)
{
    size_t n = s->len - s->payload;

    if (n > f->size || f->len + n - s->ip > BYTES_MAX || (!s->tcp && f->count == UDP_PIECES))
        return false;
    learn_ids(f, s, b);
    return same_ip_head(f, s, b) && (!s->tcp || same_tcp_head(f, s, b));
}

/* ---- writing --------------------------------------------------------------------------------- */

/* The header of the first becomes that of all of them together. */
static void write_head(struct flow *f, struct virtio_net_hdr *h)
{
    const struct shape *s = &f->first;
    uint8_t *ip = f->bytes + s->ip, *t = f->bytes + s->transport;
    size_t n = f->len - s->transport, field = s->tcp ? ADIT_TCP_CHECKSUM : ADIT_UDP_CHECKSUM;
    uint8_t proto = s->tcp ? IPPROTO_TCP : IPPROTO_UDP;

    if (s->v6) {
        adit_put16(ip + 4, (uint16_t)n);
    } else {
        adit_put16(ip + 2, (uint16_t)(f->len - s->ip));
        adit_put16(ip + 10, 0);
        adit_put16(ip + 10, adit_checksum(ip, 20, 0));
    }
    if (!s->tcp)
        adit_put16(t + ADIT_UDP_LEN, (uint16_t)n);
    adit_put16(t + field, adit_sum_fold(adit_sum_pseudo(ip, s->v6, proto, n)));
    *h = (struct virtio_net_hdr){ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                  .gso_type = s->tcp ? (s->v6 ? VIRTIO_NET_HDR_GSO_TCPV6
                                                              : VIRTIO_NET_HDR_GSO_TCPV4)
                                                     : VIRTIO_NET_HDR_GSO_UDP_L4,
                                  .hdr_len = (uint16_t)s->payload,
                                  .gso_size = (uint16_t)f->size,
                                  .csum_start = (uint16_t)s->transport,
                                  .csum_offset = (uint16_t)field };
}

static int write_single(struct adit_join *j, const uint8_t *bytes, size_t n)
{
    struct virtio_net_hdr h = { 0 };

    return j->ops->write(j->arg, &h, bytes, n, 1);
}

/* The kernel does not know such joined ones after all: they were checked, so a cut gives them back.
 */
static void write_pieces(struct adit_join *j, struct flow *f, const struct virtio_net_hdr *h)
{
    struct adit_cut cut;
    uint8_t *piece;
    size_t n;

    j->off = true;
    if (adit_cut_begin(&cut, h, j->tap, f->bytes, f->len) < 0)
        return;
    while ((piece = adit_cut_next(&cut, &n)))
        if (write_single(j, piece, n) < 0)
            j->ops->lost(j->arg, 1, n);
}

static void write_flow(struct adit_join *j, struct flow *f)
{
    size_t bytes = f->len + (f->count - 1) * f->first.payload;
    struct virtio_net_hdr h = { 0 };
    int err;

    if (f->count > 1)
        write_head(f, &h);
    err = j->ops->write(j->arg, &h, f->bytes, f->len, f->count);
    if (err == -EINVAL && f->count > 1)
        write_pieces(j, f, &h);
    else if (err < 0)
        j->ops->lost(j->arg, f->count, bytes);
    f->count = 0;
}

static void flush_at(struct adit_join *j, unsigned i)
{
    struct flow *f = j->order[i];

    j->used--;
    memmove(j->order + i, j->order + i + 1, (j->used - i) * sizeof j->order[0]);
    write_flow(j, f);
}

void adit_join_flush(struct adit_join *join)
{
    while (join->used)
        flush_at(join, 0);
}

/* ---- adding ---------------------------------------------------------------------------------- */

static void begin_flow(struct adit_join *j, const struct shape *s, const uint8_t *b)
{
    struct flow *f = j->flows;

    if (j->used == FLOWS)
        flush_at(j, 0);
    while (f->count)
        f++;
    j->order[j->used++] = f;
    f->first = *s;
    f->size = s->len - s->payload;
    f->len = s->len;
    f->count = 1;
    f->same_id = false;
    if (!s->v6)
        f->id = (uint16_t)(adit_get16(b + s->ip + 4) + 1);
    if (s->tcp)
        f->seq = adit_get32(b + s->transport + ADIT_TCP_SEQ) + (uint32_t)f->size;
    memcpy(f->bytes, b, s->len);
}

/* True: nothing can follow. */
static bool append(struct flow *f, const struct shape *s, const uint8_t *b)
{
    size_t n = s->len - s->payload;

    memcpy(f->bytes + f->len, b + s->payload, n);
    f->len += n;
    f->count++;
    f->id++;
    f->seq += (uint32_t)n;
    if (!s->tcp)
        return n < f->size;
    f->bytes[s->transport + ADIT_TCP_FLAGS] |= b[s->transport + ADIT_TCP_FLAGS] & ADIT_TCP_PSH;
    return n < f->size || b[s->transport + ADIT_TCP_FLAGS] & ADIT_TCP_PSH;
}

int adit_join_add(struct adit_join *join, const uint8_t *bytes, size_t n)
{
    struct shape s;
    unsigned i = 0;
    bool joinable;

    if (join->off || n > ROOM || !has_flow(join, &s, bytes, n)) {
        adit_join_flush(join); /* whose it is nobody knows: behind all that waits */
        return write_single(join, bytes, n);
    }
    joinable = may_join(join, &s, bytes);
    while (i < join->used && !is_of(join->order[i], &s, bytes))
        i++;
    if (i < join->used) {
        struct flow *f = join->order[i];

        if (joinable && follows(f, &s, bytes)) {
            if (append(f, &s, bytes))
                flush_at(join, i);
            return 0;
        }
        flush_at(join, i);
    }
    if (!joinable || (s.tcp && bytes[s.transport + ADIT_TCP_FLAGS] & ADIT_TCP_PSH))
        return write_single(join, bytes, n);
    begin_flow(join, &s, bytes);
    return 0;
}
