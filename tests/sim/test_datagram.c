/* Packets in datagrams beside SCTP (docs/datagram.md): between two that take them, and not
 * otherwise; lost, late and doubled on the way; and with what a hostile peer may write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "dtls/direct.h"
#include "ice/pmtu.h"
#include "peer/inner.h"
#include "sim/town.h"

#define COUNT 1000

static uint8_t seen[COUNT]; /* how often each packet came */
static unsigned late;       /* packets that came after a later one */
static uint32_t highest;
static size_t least, most;

/* A packet's number, its complement, and then that byte again and again. */
static void on_datagram(struct sim_peer *p, const uint8_t *bytes, size_t n)
{
    uint32_t i = adit_get32(bytes);

    sim_check(p->net, n >= 8 && i < COUNT && adit_get32(bytes + 4) == ~i);
    for (size_t at = 8; at < n; at++)
        sim_check(p->net, bytes[at] == (uint8_t)i);
    seen[i]++;
    if (i < highest)
        late++;
    else
        highest = i;
    least = n < least ? n : least;
    most = n > most ? n : most;
}

static int put(struct sim_peer *p, uint32_t i, size_t n)
{
    uint8_t packet[2048];

    adit_put32(packet, i);
    adit_put32(packet + 4, ~i);
    memset(packet + 8, (uint8_t)i, n - 8);
    return sim_peer_datagram(p, packet, n);
}

static struct sim_town *town(uint64_t seed, bool a, bool b)
{
    struct sim_town *t = sim_town(seed, SIM_PORT_RESTRICTED, SIM_PORT_RESTRICTED, 10 * ADIT_MS);

    memset(seen, 0, sizeof seen);
    late = highest = 0;
    least = SIZE_MAX, most = 0;
    t->peer[0]->takes_datagrams = a;
    t->peer[1]->takes_datagrams = b;
    t->peer[0]->datagram = t->peer[1]->datagram = on_datagram;
    return t;
}

static struct adit_engine_stats stats_of(const struct sim_peer *p)
{
    struct adit_engine_stats s;

    adit_engine_stats(p->engine, &s);
    return s;
}

/* One each millisecond. */
static void pour(struct sim_town *t, uint32_t count, size_t n)
{
    for (uint32_t i = 0; i < count; i++) {
        sim_check(t->net, put(t->peer[0], i, n) == 0);
        sim_run(t->net, ADIT_MS, NULL, NULL);
    }
    sim_run(t->net, ADIT_SEC, NULL, NULL);
}

static void test_both_have_it(void **state)
{
    struct sim_town *t = town(1, true, true);
    size_t max;
    bool sure;

    (void)state;
    sim_check(t->net, sim_town_meet(t, 10 * ADIT_SEC));
    sim_run(t->net, 5 * ADIT_SEC, NULL, NULL);
    max = adit_engine_datagram_max(t->peer[0]->engine, &sure);
    sim_check(t->net, sure && max == ADIT_PMTU_MAX - ADIT_DIRECT_OVERHEAD);
    uint64_t packets = stats_of(t->peer[0]).packets_sent, unsettled = t->peer[1]->unsettled;
    pour(t, COUNT, max);
    sim_check(t->net, t->peer[1]->unsettled - unsettled == COUNT);
    struct adit_engine_stats a = stats_of(t->peer[0]), b = stats_of(t->peer[1]);
    sim_check(t->net, a.packets_sent - packets == COUNT); /* a record each, and nothing else */
    sim_check(t->net, a.datagrams_sent == COUNT && a.datagram_bytes_sent == COUNT * max);
    sim_check(t->net, b.datagrams_received == COUNT && b.datagram_bytes_received == COUNT * max);
    sim_check(t->net, t->peer[1]->datagrams == COUNT && late == 0 && least == max && most == max);
    sim_check(t->net, put(t->peer[0], 0, max + 1) == -EMSGSIZE);
    sim_check(t->net, put(t->peer[1], 0, 8) == 0); /* the other way */
    sim_run(t->net, ADIT_SEC, NULL, NULL);
    sim_check(t->net, t->peer[0]->datagrams == 1);
    sim_check(t->net, sim_town_talks(t)); /* channels go on beside it */
    adit_engine_close(t->peer[0]->engine, t->net->now);
    sim_check(t->net, put(t->peer[0], 0, 8) == -EPIPE);
    sim_check(t->net, sim_run(t->net, 10 * ADIT_SEC, sim_pair_over, t->peer[0]));
    sim_check(t->net, put(t->peer[1], 0, 8) == -EPIPE);
    sim_town_free(t);
}

static void other_port(struct adit_desc *desc)
{
    desc->sctp_port = 0x0113;
}

static void cut_out(struct adit_desc *desc)
{
    desc->datagram = false;
}

static void test_only_one_has_it(void **state)
{
    static const struct {
        bool a, b;
        void (*tamper)(struct adit_desc *desc);
        bool talks;
    } rows[] = {
        { true, false, NULL, true },       { false, true, NULL, true },
        { false, false, NULL, true },      { true, true, cut_out, true }, /* on its way from a */
        { true, true, other_port, false }, /* nobody is at that port: given up */
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct sim_town *t = town(i, rows[i].a, rows[i].b);

        t->peer[0]->tamper = rows[i].tamper;
        sim_check(t->net, sim_town_meet(t, 10 * ADIT_SEC) == rows[i].talks);
        sim_check(t->net, !adit_engine_datagrams(t->peer[1]->engine));
        sim_check(t->net, put(t->peer[1], 0, 100) == -EOPNOTSUPP);
        if (!adit_engine_datagrams(t->peer[0]->engine))
            sim_check(t->net, put(t->peer[0], 0, 100) == -EOPNOTSUPP);
        else /* what it takes for an agreement is for SCTP there, which drops it */
            sim_check(t->net, put(t->peer[0], 0, 100) == (rows[i].talks ? 0 : -EPIPE));
        sim_run(t->net, ADIT_SEC, NULL, NULL);
        sim_check(t->net, t->peer[0]->datagrams == 0 && t->peer[1]->datagrams == 0);
        sim_check(t->net, stats_of(t->peer[1]).datagrams_dropped == 0);
        sim_check(t->net, !rows[i].talks || sim_town_talks(t));
        sim_town_free(t);
    }
}

static void test_before_there_are_keys(void **state)
{
    struct sim_town *t = town(2, true, true);

    (void)state;
    sim_peer_start(t->peer[0]);
    sim_peer_start(t->peer[1]);
    while (!adit_engine_datagrams(t->peer[1]->engine))
        sim_run(t->net, ADIT_MS, NULL, NULL);
    sim_check(t->net, put(t->peer[1], 0, 100) == -ENOTCONN);
    sim_check(t->net, sim_run(t->net, 10 * ADIT_SEC, sim_pair_open, t->peer[0]));
    sim_check(t->net, put(t->peer[1], 0, 100) == 0);
    sim_town_free(t);
}

static void test_a_bad_path(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct sim_town *t = town(seed, true, true);
        unsigned came = 0;

        sim_check(t->net, sim_town_meet(t, 10 * ADIT_SEC));
        for (int i = 0; i < 2; i++) {
            t->iface[i]->up.loss = 100;
            t->iface[i]->up.reorder = 250;
            t->iface[i]->up.duplicate = 1000; /* each record a second time */
        }
        pour(t, COUNT, 300);
        for (size_t i = 0; i < COUNT; i++) {
            sim_check(t->net, seen[i] <= 1); /* the replay window */
            came += seen[i];
        }
        /* Nothing is sent again: of both copies one is enough, so some one in a hundred is lost. */
        sim_check(t->net, came > COUNT * 8 / 10 && came < COUNT && late > 0);
        sim_check(t->net, stats_of(t->peer[1]).datagrams_received == came);
        sim_town_free(t);
    }
}

static void say(struct sim_town *t, uint32_t i)
{
    (void)!put(t->peer[0], i, 100);
    sim_run(t->net, 40 * ADIT_MS, NULL, NULL);
}

/* Nothing comes through for 4 s, or both routers get other addresses. What was sent last meanwhile
 * is what the TCP inside waits for: it comes all the same; what is older is lost. */
static void test_silence(void **state)
{
    (void)state;
    for (uint64_t seed = sim_first(); seed <= sim_last(30); seed++) {
        struct sim_town *t = town(seed, true, true);
        struct sim_iface *cut = t->iface[seed & 1];
        uint32_t n = 0, sent;

        t->peer[0]->conf.hold = t->peer[1]->conf.hold = 60 * ADIT_SEC;
        sim_check(t->net, sim_town_meet(t, 10 * ADIT_SEC));
        sim_run(t->net, 5 * ADIT_SEC, NULL, NULL);
        if (seed & 2) {
            cut->up.loss = cut->down.loss = 1000;
        } else {
            sim_nat_readdress(t->nat[0], "198.51.100.77");
            sim_nat_readdress(t->nat[1], "203.0.113.77");
        }
        while (seed & 2 ? n < 100 : !highest && n < COUNT / 2)
            say(t, n++);
        cut->up.loss = cut->down.loss = 0;
        for (sent = n; n < sent + 50;)
            say(t, n++);
        for (uint32_t i = sent - 15; i < n - 1; i++) /* what comes just then may come again */
            sim_check(t->net, seen[i] == 1 || seen[i] == 2);
        for (uint32_t i = 1; i + KEPT_MAX + 5 < sent; i++)
            sim_check(t->net, seen[i] == 0);
        sim_town_free(t);
    }
}

/* A path that carries less than it did: packets are refused, not cut. */
static void test_a_path_that_shrinks(void **state)
{
    struct sim_town *t = town(3, true, true);
    bool sure;

    (void)state;
    sim_check(t->net, sim_town_meet(t, 10 * ADIT_SEC));
    sim_run(t->net, 5 * ADIT_SEC, NULL, NULL);
    size_t before = adit_engine_datagram_max(t->peer[0]->engine, &sure);
    t->iface[0]->up.mtu = t->iface[1]->up.mtu = 1280;
    for (int i = 0; i < 20; i++) { /* a size in use is confirmed */
        (void)!put(t->peer[0], 0, before);
        sim_run(t->net, ADIT_SEC, NULL, NULL);
    }
    size_t now = adit_engine_datagram_max(t->peer[0]->engine, &sure);
    sim_check(t->net, now < before);
    sim_check(t->net, put(t->peer[0], 1, before) == -EMSGSIZE);
    uint64_t came = t->peer[1]->datagrams;
    sim_check(t->net, put(t->peer[0], 2, now) == 0);
    sim_run(t->net, ADIT_SEC, NULL, NULL);
    sim_check(t->net, t->peer[1]->datagrams == came + 1);
    sim_town_free(t);
}

/* A record of the peer's own keys whose text is no SCTP packet, and noise with our epochs. */
static void test_hostile_records(void **state)
{
    struct sim_town *t = town(4, true, true);
    struct adit_engine *engine;
    uint8_t bytes[64] = { 0 };

    (void)state;
    sim_check(t->net, sim_town_meet(t, 10 * ADIT_SEC));
    for (unsigned type = 0; type < 256; type++)
        for (size_t n = 1; n <= sizeof bytes; n += sizeof bytes - 1) {
            bytes[0] = (uint8_t)type;
            sim_check(t->net, adit_dtls_write(t->peer[0]->engine->dtls, bytes, n) == 0);
        }
    sim_run(t->net, ADIT_SEC, NULL, NULL);
    engine = t->peer[1]->engine;
    for (unsigned epoch = 0x8000; epoch < 0x10000; epoch += 0x1fff) {
        memset(bytes, 0xa5, sizeof bytes);
        memcpy(bytes, "\x17\xfe\xfd", 3);
        adit_put16(bytes + 3, (uint16_t)epoch);
        adit_put16(bytes + 11, sizeof bytes - 13);
        adit_dtls_feed(engine->dtls, bytes, sizeof bytes, t->net->now);
    }
    sim_check(t->net, t->peer[1]->datagrams == 0);
    sim_check(t->net, stats_of(t->peer[1]).datagrams_dropped == 5);
    sim_check(t->net, t->peer[1]->state == ADIT_PEER_CONNECTED && sim_town_talks(t));
    sim_check(t->net, put(t->peer[0], 0, 8) == 0);
    sim_run(t->net, ADIT_SEC, NULL, NULL);
    sim_check(t->net, t->peer[1]->datagrams == 1);
    sim_town_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_have_it),
        cmocka_unit_test(test_only_one_has_it),
        cmocka_unit_test(test_before_there_are_keys),
        cmocka_unit_test(test_a_bad_path),
        cmocka_unit_test(test_a_path_that_shrinks),
        cmocka_unit_test(test_hostile_records),
        cmocka_unit_test(test_silence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
