/* Joined packets: what is cut is what a wire would have had, and joining gives back what was cut.
 * Random flows, both ways, against a plain model that knows no offloads. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rng.h"
#include "tun/checksum.h"
#include "tun/cut.h"
#include "tun/join.h"
#include "tun/packet.h"

#define ROUNDS     400
#define PACKET_MAX 2000
#define LIST_MAX   2000
#define FIN        0x01
#define PSH        0x08
#define ACK        0x10
#define ECE        0x40
#define CWR        0x80

static struct adit_rng rng;

static uint32_t below(uint32_t n)
{
    return adit_rng_below(&rng, n);
}

static bool one_in(uint32_t n)
{
    return below(n) == 0;
}

/* ---- packets, built the slow way ------------------------------------------------------------- */

/* RFC 1071, one word after the other. */
static uint16_t slow_sum(const uint8_t *b, size_t n, uint32_t sum)
{
    for (size_t i = 0; i < n; i++) {
        sum += i % 2 ? b[i] : (uint32_t)b[i] << 8;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)sum;
}

struct flow {
    bool tap, v6, tcp;
    uint8_t host; /* last byte of the source address */
    uint16_t port;
    uint8_t tos, ttl, flags;
    uint32_t seq, ack;
    uint16_t id;
    bool fixed_id;
    size_t options; /* bytes of TCP options */
};

struct packet {
    size_t n;
    uint8_t bytes[PACKET_MAX];
};

static size_t head_size(const struct flow *f)
{
    return (f->tap ? 14u : 0) + (f->v6 ? 40u : 20u) + (f->tcp ? 20u + f->options : 8u);
}

static uint16_t pseudo(const struct flow *f, const uint8_t *ip, size_t n)
{
    uint8_t tail[4] = { 0, f->tcp ? IPPROTO_TCP : IPPROTO_UDP, (uint8_t)(n >> 8), (uint8_t)n };

    return slow_sum(tail, 4, slow_sum(ip + (f->v6 ? 8 : 12), f->v6 ? 32 : 8, 0));
}

static void set_checksum(const struct flow *f, uint8_t *b, size_t n)
{
    uint8_t *ip = b + (f->tap ? 14 : 0), *t = ip + (f->v6 ? 40 : 20),
            *field = t + (f->tcp ? 16 : 6);
    size_t len = n - (size_t)(t - b);
    uint16_t sum;

    adit_put16(field, 0);
    sum = (uint16_t)~slow_sum(t, len, pseudo(f, ip, len));
    adit_put16(field, f->tcp || sum ? sum : 0xffff);
    if (!f->v6) {
        adit_put16(ip + 10, 0);
        adit_put16(ip + 10, (uint16_t)~slow_sum(ip, 20, 0));
    }
}

/* Headers of f in front of n bytes that are there already. */
static void set_head(const struct flow *f, uint8_t *b, size_t n)
{
    uint8_t *ip = b + (f->tap ? 14 : 0), *t = ip + (f->v6 ? 40 : 20);
    size_t len = head_size(f) + n - (size_t)(ip - b);

    memset(b, 0, head_size(f));
    if (f->tap) {
        memcpy(b, "\x02\0\0\0\0\x0a\x02\0\0\0\0\x0b", 12);
        adit_put16(b + 12, f->v6 ? ADIT_ETHER_IPV6 : ADIT_ETHER_IPV4);
    }
    if (f->v6) {
        adit_put32(ip, 6u << 28 | (uint32_t)f->tos << 20 | 0x12345);
        adit_put16(ip + 4, (uint16_t)(len - 40));
        ip[6] = f->tcp ? IPPROTO_TCP : IPPROTO_UDP;
        ip[7] = f->ttl;
        ip[8] = ip[24] = 0xfd;
        ip[23] = f->host;
        ip[39] = 1;
    } else {
        ip[0] = 0x45;
        ip[1] = f->tos;
        adit_put16(ip + 2, (uint16_t)len);
        adit_put16(ip + 4, f->id);
        ip[6] = 0x40;
        ip[8] = f->ttl;
        ip[9] = f->tcp ? IPPROTO_TCP : IPPROTO_UDP;
        ip[12] = ip[16] = 10;
        ip[15] = f->host;
        ip[19] = 1;
    }
    adit_put16(t, f->port);
    adit_put16(t + 2, 5201);
    if (!f->tcp) {
        adit_put16(t + 4, (uint16_t)(8 + n));
        return;
    }
    adit_put32(t + 4, f->seq);
    adit_put32(t + 8, f->ack);
    t[12] = (uint8_t)((20 + f->options) / 4 << 4);
    t[13] = f->flags;
    adit_put16(t + 14, 501);
    memset(t + 20, 1, f->options);
}

static void random_payload(uint8_t *b, size_t n)
{
    adit_rng_bytes(&rng, b, n);
    if (one_in(3)) /* long runs of zeros and ones are where checksums go wrong */
        memset(b, one_in(2) ? 0xff : 0, n);
}

static void next_packet(struct flow *f, struct packet *p, size_t n)
{
    p->n = head_size(f) + n;
    random_payload(p->bytes + head_size(f), n);
    set_head(f, p->bytes, n);
    set_checksum(f, p->bytes, p->n);
    f->seq += (uint32_t)n;
    f->id = (uint16_t)(f->id + !f->fixed_id);
}

static struct flow random_flow(bool tap)
{
    struct flow f = { .tap = tap,
                      .v6 = one_in(2),
                      .tcp = !one_in(3),
                      .host = (uint8_t)(2 + below(3)),
                      .port = (uint16_t)(1000 + below(4)),
                      .tos = (uint8_t)below(256),
                      .ttl = 64,
                      .flags = ACK,
                      .ack = below(1000000) };

    f.seq = one_in(2) ? 0xffffff00 : below(1u << 30); /* also across the end */
    f.id = one_in(2) ? 0xfff0 : (uint16_t)below(65536);
    f.options = f.tcp ? below(11) * 4 : 0;
    f.fixed_id = !f.tcp && one_in(2);
    return f;
}

/* ---- cutting --------------------------------------------------------------------------------- */

static struct virtio_net_hdr joined_head(const struct flow *f, size_t size)
{
    size_t transport = head_size(f) - (f->tcp ? 20 + f->options : 8);

    return (struct virtio_net_hdr){ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                    .gso_type = f->tcp ? (f->v6 ? VIRTIO_NET_HDR_GSO_TCPV6
                                                                : VIRTIO_NET_HDR_GSO_TCPV4)
                                                       : VIRTIO_NET_HDR_GSO_UDP_L4,
                                    .hdr_len = (uint16_t)head_size(f),
                                    .gso_size = (uint16_t)size,
                                    .csum_start = (uint16_t)transport,
                                    .csum_offset = f->tcp ? 16 : 6 };
}

static void pieces_are_what_a_wire_would_have(void **state)
{
    enum { HEADROOM = 16 };
    uint8_t *big = malloc(HEADROOM + 65536 + 100);

    (void)state;
    adit_rng_init_seed(&rng, 1);
    for (int round = 0; round < ROUNDS; round++) {
        struct flow f = random_flow(one_in(3));
        size_t head = head_size(&f), size = 1 + below(one_in(4) ? 30 : 1400);
        size_t total = 1 + below(one_in(2) ? 65400 - 120 : 5000), at = 0;
        struct virtio_net_hdr h = joined_head(&f, size);
        uint8_t *bytes = big + HEADROOM, *payload = malloc(total), *piece;
        uint8_t flags = (uint8_t)(ACK | (one_in(2) ? PSH : 0) | (one_in(3) ? FIN : 0) |
                                  (one_in(3) ? CWR : 0) | (one_in(3) ? ECE : 0));
        struct adit_cut cut;
        size_t n;

        f.fixed_id = false;
        random_payload(payload, total);
        memcpy(bytes + head, payload, total);
        f.flags = flags;
        set_head(&f, bytes, total);
        assert_int_equal(adit_cut_begin(&cut, &h, f.tap, bytes, head + total), 0);
        while ((piece = adit_cut_next(&cut, &n))) {
            size_t part = total - at < size ? total - at : size;
            uint8_t *want = malloc(head + part);

            f.flags = flags;
            if (at + part < total)
                f.flags &= (uint8_t) ~(FIN | PSH);
            if (at)
                f.flags &= (uint8_t)~CWR;
            memcpy(want + head, payload + at, part);
            set_head(&f, want, part);
            set_checksum(&f, want, head + part);
            assert_int_equal(n, head + part);
            assert_memory_equal(piece, want, n);
            memset(piece - HEADROOM, 0xee, HEADROOM); /* as whoever frames it in place */
            free(want);
            at += part;
            f.seq += (uint32_t)part;
            f.id++;
        }
        assert_int_equal(at, total);
        free(payload);
    }
    free(big);
}

static void an_open_checksum_is_filled_in(void **state)
{
    (void)state;
    adit_rng_init_seed(&rng, 2);
    for (int round = 0; round < ROUNDS; round++) {
        struct flow f = random_flow(one_in(2));
        struct virtio_net_hdr h = joined_head(&f, 0);
        struct packet p, want;
        struct adit_cut cut;
        size_t n;

        h.gso_type = VIRTIO_NET_HDR_GSO_NONE;
        next_packet(&f, &p, below(1000));
        want = p;
        uint8_t *t = p.bytes + h.csum_start;
        adit_put16(t + h.csum_offset,
                   pseudo(&f, p.bytes + (f.tap ? 14 : 0), p.n - (size_t)(t - p.bytes)));
        assert_int_equal(adit_cut_begin(&cut, &h, f.tap, p.bytes, p.n), 0);
        assert_ptr_equal(adit_cut_next(&cut, &n), p.bytes);
        assert_int_equal(n, want.n);
        assert_memory_equal(p.bytes, want.bytes, n);
        assert_null(adit_cut_next(&cut, &n));
    }
}

static void headers_that_do_not_fit_are_refused(void **state)
{
    static const struct {
        const char *name;
        struct virtio_net_hdr h;
    } rows[] = {
        { "an unknown kind",
          { .flags = 1, .gso_type = 3, .gso_size = 100, .csum_start = 20, .csum_offset = 16 } },
        { "no size", { .flags = 1, .gso_type = 1, .csum_start = 20, .csum_offset = 16 } },
        { "a checksum that is not open",
          { .gso_type = 1, .gso_size = 100, .csum_start = 20, .csum_offset = 16 } },
        { "the other IP",
          { .flags = 1, .gso_type = 4, .gso_size = 100, .csum_start = 40, .csum_offset = 16 } },
        { "a transport inside the IP header",
          { .flags = 1, .gso_type = 1, .gso_size = 100, .csum_start = 12, .csum_offset = 16 } },
        { "a transport behind the end",
          { .flags = 1, .gso_type = 1, .gso_size = 100, .csum_start = 60000, .csum_offset = 16 } },
        { "a checksum behind the end", { .flags = 1, .csum_start = 20, .csum_offset = 60000 } },
    };
    uint8_t bytes[140] = { 0x45, [32] = 0x50 };
    struct virtio_net_hdr good = {
        .flags = 1, .gso_type = 1, .gso_size = 100, .csum_start = 20, .csum_offset = 16
    };
    struct adit_cut cut;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++)
        if (adit_cut_begin(&cut, &rows[i].h, false, bytes, sizeof bytes) != -EPROTO)
            fail_msg("%s", rows[i].name);
    assert_int_equal(adit_cut_begin(&cut, &good, false, bytes, sizeof bytes), 0);
    for (size_t n = 0; n <= 40; n++) /* cut short: not even the header, or nothing behind it */
        assert_int_equal(adit_cut_begin(&cut, &good, false, bytes, n), -EPROTO);
    struct virtio_net_hdr short_ip = good; /* an IPv4 header of 16 bytes */
    short_ip.csum_start = 16;
    bytes[0] = 0x44;
    assert_int_equal(adit_cut_begin(&cut, &short_ip, false, bytes, sizeof bytes), -EPROTO);
    bytes[0] = 0x45;
    bytes[32] = 0x40; /* a TCP header of 16 bytes */
    assert_int_equal(adit_cut_begin(&cut, &good, false, bytes, sizeof bytes), -EPROTO);
}

/* ---- joining --------------------------------------------------------------------------------- */

/* What the device got, taken apart again. */
struct device {
    bool tap, refuse;
    struct packet *got;
    size_t count, writes, joined, lost;
    int err;
};

static int on_write(void *arg, const struct virtio_net_hdr *h, const uint8_t *bytes, size_t n,
                    unsigned count)
{
    struct device *d = arg;
    uint8_t *copy = malloc(n), *piece;
    struct adit_cut cut;
    unsigned pieces = 0;
    size_t len;

    if ((d->refuse && count > 1) || d->err) {
        free(copy);
        return d->err ? d->err : -EINVAL;
    }
    memcpy(copy, bytes, n);
    d->writes++;
    d->joined += count > 1;
    assert_int_equal(adit_cut_begin(&cut, h, d->tap, copy, n), 0);
    while ((piece = adit_cut_next(&cut, &len))) {
        assert_in_range(d->count, 0, LIST_MAX - 1);
        d->got[d->count].n = len;
        memcpy(d->got[d->count++].bytes, piece, len);
        pieces++;
    }
    assert_int_equal(pieces, count);
    free(copy);
    return 0;
}

static void on_lost(void *arg, unsigned count, size_t bytes)
{
    struct device *d = arg;

    (void)bytes;
    d->lost += count;
}

static const struct adit_join_ops ops = { .write = on_write, .lost = on_lost };

/* Two packets belong to one flow if these bytes are the same. */
static bool same_flow(const struct packet *a, const struct packet *b, bool tap)
{
    size_t ip = tap ? 14 : 0;
    bool v6 = a->bytes[ip] >> 4 == 6;
    size_t from = ip + (v6 ? 8 : 12), to = ip + (v6 ? 40 : 20) + 4;

    return a->bytes[ip] == b->bytes[ip] &&
           a->bytes[ip + (v6 ? 6 : 9)] == b->bytes[ip + (v6 ? 6 : 9)] &&
           memcmp(a->bytes + from, b->bytes + from, to - from) == 0;
}

/* RFC 6864: of a datagram that may not be fragmented it says nothing. */
static void forget_id(struct packet *p, bool tap)
{
    uint8_t *ip = p->bytes + (tap ? 14 : 0);

    if (ip[0] == 0x45 && ip[9] == IPPROTO_UDP && adit_get16(ip + 6) == 0x4000) {
        adit_put16(ip + 4, 0);
        adit_put16(ip + 10, 0);
    }
}

/* Each packet is there, byte by byte, and those of one flow in their order. */
static void check_same(struct packet *sent, size_t n, struct device *d)
{
    bool *used = calloc(n + 1, sizeof *used);

    assert_int_equal(d->count, n);
    for (size_t i = 0; i < n; i++) {
        forget_id(&sent[i], d->tap);
        forget_id(&d->got[i], d->tap);
    }
    for (size_t i = 0; i < n; i++) { /* the first of this flow that has not been seen yet */
        size_t k = 0;

        while (k < n && (used[k] || !same_flow(&d->got[i], &sent[k], d->tap)))
            k++;
        assert_in_range(k, 0, n - 1);
        used[k] = true;
        assert_int_equal(d->got[i].n, sent[k].n);
        assert_memory_equal(d->got[i].bytes, sent[k].bytes, sent[k].n);
    }
    free(used);
}

/* Something about the next packet is as it should not be, now and then. */
static void disturb(struct flow *f, struct packet *p)
{
    uint8_t *ip = p->bytes + (f->tap ? 14 : 0), *t = ip + (f->v6 ? 40 : 20);

    switch (below(12)) {
    case 0: /* a wrong checksum has to stay wrong */
        t[f->tcp ? 16 : 6] ^= 0x5a;
        break;
    case 1:
        p->bytes[p->n - 1] ^= 1;
        break;
    case 2: /* marked on its way */
        f->tos ^= 3;
        break;
    case 3:
        f->seq += 1000;
        break;
    case 4:
        f->id += 3;
        break;
    case 5:
        f->flags ^= one_in(2) ? ECE : CWR;
        break;
    case 6:
        f->ack += 100;
        break;
    case 7:
        f->ttl--;
        break;
    case 8: /* a fragment */
        if (!f->v6) {
            adit_put16(ip + 6, 0x2000);
            adit_put16(ip + 10, 0);
            adit_put16(ip + 10, (uint16_t)~slow_sum(ip, 20, 0));
        }
        break;
    case 9: /* no checksum at all */
        if (!f->tcp && !f->v6)
            adit_put16(t + 6, 0);
        break;
    case 10:
        f->flags ^= PSH;
        break;
    case 11:
        if (f->tcp)
            f->options = below(11) * 4;
        break;
    }
}

static void run_flows(bool tap, bool udp, bool refuse, size_t *ret_joined)
{
    struct packet *sent = malloc(LIST_MAX * sizeof *sent);
    struct device d = { .tap = tap, .refuse = refuse, .got = malloc(LIST_MAX * sizeof *d.got) };
    struct adit_join *j = adit_join_new(tap, udp, &ops, &d);
    uint32_t flow_count = 1 + below(12), size = 1 + below(1400);
    struct flow flows[12];
    size_t n = 0, count = 1 + below(LIST_MAX - 1);

    for (uint32_t i = 0; i < flow_count; i++) {
        flows[i] = random_flow(tap);
        flows[i].port = (uint16_t)(1000 + i); /* each its own */
    }
    struct flow *f = flows;
    while (n < count) {
        if (one_in(20))
            f = &flows[below(flow_count)];
        next_packet(f, &sent[n], one_in(10) ? below(size + 1) : size);
        if (one_in(15))
            disturb(f, &sent[n]);
        assert_int_equal(adit_join_add(j, sent[n].bytes, sent[n].n), 0);
        n++;
        if (one_in(60))
            adit_join_flush(j);
    }
    adit_join_flush(j);
    check_same(sent, n, &d);
    assert_int_equal(d.lost, 0);
    *ret_joined += d.joined;
    adit_join_free(j);
    free(sent);
    free(d.got);
}

static void what_was_joined_is_what_came(void **state)
{
    size_t joined[4] = { 0 };

    (void)state;
    adit_rng_init_seed(&rng, 3);
    for (int round = 0; round < 60; round++)
        for (unsigned i = 0; i < 4; i++)
            run_flows(i & 1, i & 2, false, &joined[i]);
    for (unsigned i = 0; i < 4; i++)
        assert_true(joined[i] > 1000); /* so that the rest of this says something */
}

/* A kernel that says no when it comes to it: nothing is lost, nothing overtakes. */
static void a_device_that_refuses_gets_pieces(void **state)
{
    size_t joined = 0;

    (void)state;
    adit_rng_init_seed(&rng, 4);
    for (int round = 0; round < 40; round++)
        run_flows(round & 1, round & 2, true, &joined);
    assert_int_equal(joined, 0);
}

static void a_long_flow_goes_in_few_writes(void **state)
{
    struct flow f = { .tcp = true, .flags = ACK, .options = 12 };
    struct device d = { .got = malloc(200 * sizeof *d.got) };
    struct adit_join *j = adit_join_new(false, true, &ops, &d);
    struct packet p;

    (void)state;
    for (int i = 0; i < 100; i++) {
        next_packet(&f, &p, 1368);
        assert_int_equal(adit_join_add(j, p.bytes, p.n), 0);
    }
    adit_join_flush(j);
    assert_int_equal(d.count, 100);
    assert_int_equal(d.writes, 3); /* 47 of them fit 65535 bytes */
    adit_join_free(j);
    free(d.got);
}

static void a_device_that_takes_nothing(void **state)
{
    struct flow f = { .tcp = true, .flags = ACK };
    struct device d = { .err = -EAGAIN };
    struct adit_join *j = adit_join_new(false, true, &ops, &d);
    struct packet p;

    (void)state;
    for (int i = 0; i < 10; i++) {
        next_packet(&f, &p, 100);
        assert_int_equal(adit_join_add(j, p.bytes, p.n), 0);
    }
    adit_join_flush(j);
    assert_int_equal(d.lost, 10);
    f.flags = 0; /* cannot be joined, and so the caller hears of it */
    next_packet(&f, &p, 100);
    assert_int_equal(adit_join_add(j, p.bytes, p.n), -EAGAIN);
    assert_int_equal(d.lost, 10);
    adit_join_free(j);
}

static void sums_are_those_of_one_word_after_the_other(void **state)
{
    uint8_t bytes[3000];

    (void)state;
    adit_rng_init_seed(&rng, 5);
    for (int round = 0; round < 2000; round++) {
        size_t at = below(8), n = below(sizeof bytes - 8);

        random_payload(bytes, sizeof bytes);
        assert_int_equal(adit_sum_fold(adit_sum(round, bytes + at, n)),
                         slow_sum(bytes + at, n, (uint32_t)round));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_those_of_one_word_after_the_other),
        cmocka_unit_test(pieces_are_what_a_wire_would_have),
        cmocka_unit_test(an_open_checksum_is_filled_in),
        cmocka_unit_test(headers_that_do_not_fit_are_refused),
        cmocka_unit_test(what_was_joined_is_what_came),
        cmocka_unit_test(a_device_that_refuses_gets_pieces),
        cmocka_unit_test(a_long_flow_goes_in_few_writes),
        cmocka_unit_test(a_device_that_takes_nothing),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
