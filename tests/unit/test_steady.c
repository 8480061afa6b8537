/* A packet's whole way through a tunnel that stands: no memory is asked for, by us, by usrsctp, or
 * by OpenSSL. From what a device gives joined to what the other device gets joined, and over UDP
 * sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "core/udp.h"
#include "tun/cut.h"
#include "tun/join.h"
#include "unit/engine_pair.h"
#include "unit/openssl_memory.h"
#include "wait.h"

enum { HEAD = 40, PIECE = 1200, PIECES = 40, ROUNDS = 50 };

static struct adit_join *join;
static unsigned written, packets;

static int on_write(void *arg, const struct virtio_net_hdr *h, const uint8_t *bytes, size_t n,
                    unsigned count)
{
    (void)arg, (void)h, (void)bytes, (void)n;
    written++;
    packets += count;
    return 0;
}

static void on_lost(void *arg, unsigned count, size_t bytes)
{
    (void)arg, (void)count, (void)bytes;
    fail();
}

static void on_event(struct engine_side *s, const struct adit_engine_event *ev)
{
    (void)s;
    if (ev->type == ADIT_ENGINE_EV_DATAGRAM)
        assert_int_equal(adit_join_add(join, ev->bytes, ev->n), 0);
}

/* A TCP segment of many pieces, as a device with offloads gives it. */
static size_t build(uint8_t *b, struct virtio_net_hdr *h, uint32_t seq)
{
    size_t n = HEAD + PIECES * PIECE;

    memset(b, 0, n);
    b[0] = 0x45;
    adit_put16(b + 2, (uint16_t)n);
    b[8] = 64;
    b[9] = 6;
    adit_put32(b + 12, 0x0a000001);
    adit_put32(b + 16, 0x0a000002);
    adit_put32(b + 24, seq);
    b[32] = 0x50;
    b[33] = 0x10;
    *h = (struct virtio_net_hdr){ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                  .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
                                  .hdr_len = HEAD,
                                  .gso_size = PIECE,
                                  .csum_start = 20,
                                  .csum_offset = 16 };
    return n;
}

static void carry(struct engine_pair *p, uint32_t seq)
{
    static uint8_t bytes[HEAD + PIECES * PIECE];
    struct virtio_net_hdr h;
    struct adit_cut cut;
    uint8_t *piece;
    size_t n = build(bytes, &h, seq);

    assert_int_equal(adit_cut_begin(&cut, &h, false, bytes, n), 0);
    while ((piece = adit_cut_next(&cut, &n)))
        assert_int_equal(adit_engine_datagram(p->side[0].e, piece, n), 0);
    engine_run(p, p->delay, NULL);
    adit_join_flush(join);
}

static void from_device_to_device(void **state)
{
    static const struct adit_join_ops ops = { .write = on_write, .lost = on_lost };
    struct engine_pair p;

    (void)state;
    engine_pair_init(&p);
    p.delay = ADIT_MS;
    for (int i = 0; i < 2; i++) {
        assert_true(engine_start(&p.side[i]));
        adit_engine_take_datagrams(p.side[i].e);
    }
    p.side[1].hook = on_event;
    assert_non_null(engine_open(&p.side[0], "x"));
    assert_int_equal(engine_hand_over(&p.side[0], NULL, NULL), 0);
    assert_int_equal(engine_hand_over(&p.side[1], NULL, NULL), 0);
    assert_true(engine_run(&p, 10 * ADIT_SEC, engine_connected));
    engine_run(&p, 5 * ADIT_SEC, NULL); /* for the size of the path to be known */
    join = adit_join_new(false, true, &ops, NULL);
    assert_non_null(join);
    carry(&p, 0);
    packets = written = 0;
    adit_alloc_fail_at(UINT64_MAX); /* count from here */
    openssl_memory_fail(UINT64_MAX, UINT64_MAX);
    for (uint32_t i = 1; i <= ROUNDS; i++)
        carry(&p, i * PIECES * PIECE);
    assert_int_equal(packets, ROUNDS * PIECES);
    assert_int_equal(written, ROUNDS);
    assert_int_equal(adit_alloc_count(), 0);
    assert_int_equal(openssl_memory_count(), 0);
    join = adit_join_free(join);
    engine_pair_done(&p);
}

static void on_packet(void *arg, const struct adit_addr *from, uint8_t *bytes, size_t n,
                      adit_time now)
{
    (void)from, (void)bytes, (void)n, (void)now;
    ++*(unsigned *)arg;
}

static void on_error(void *arg, const struct adit_addr *to, int err, adit_time now)
{
    (void)arg, (void)to, (void)err, (void)now;
    fail();
}

static void over_sockets(void **state)
{
    static const struct adit_udp_ops ops = { .packet = on_packet, .error = on_error };
    struct adit_loop *loop = adit_loop_new();
    struct adit_udp_conf conf = { 0 };
    struct adit_udp udp[2];
    uint8_t bytes[PIECE] = { 0 };
    unsigned came[2] = { 0 };

    (void)state;
    assert_int_equal(adit_addr_parse(&conf.addr, "127.0.0.1", 9), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(adit_udp_open(&udp[i], loop, &conf, &ops, &came[i]), 0);
    for (unsigned round = 0; round <= ROUNDS; round++) {
        if (round == 1)
            adit_alloc_fail_at(UINT64_MAX);
        for (int i = 0; i < PIECES; i++)
            assert_int_equal(adit_udp_send(&udp[0], adit_udp_local(&udp[1]), bytes, PIECE), 0);
        while (came[1] < (round + 1) * PIECES)
            assert_int_equal(adit_loop_process(loop), 0);
    }
    assert_int_equal(adit_alloc_count(), 0);
    for (int i = 0; i < 2; i++)
        adit_udp_close(&udp[i]);
    adit_loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_device_to_device),
        cmocka_unit_test(over_sockets),
    };

    openssl_memory_take();
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
