/* The simulated network itself: what links do to packets, and that a run repeats. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sim/net.h"

#define SENT 400

struct ear {
    unsigned heard;
    uint8_t order[2 * SENT];
    adit_time first_at, last_at;
};

static void listen(void *arg, struct sim_iface *iface, const struct sim_packet *p)
{
    struct ear *e = arg;
    unsigned number = adit_get16(p->bytes);

    if (!e->heard)
        e->first_at = iface->net->now;
    e->order[e->heard++] = (uint8_t)number;
    e->last_at = iface->net->now;
}

static void ignore(void *arg, struct sim_iface *iface, const struct sim_packet *p)
{
    (void)arg, (void)iface, (void)p;
}

/* Sends SENT packets of 1000 bytes, one each millisecond, over such a link. */
static struct ear through(const struct sim_link *link, uint64_t seed)
{
    struct sim_net *net = sim_net_new(seed);
    struct sim_segment *s = sim_segment(net);
    struct ear ear = { 0 };
    struct sim_iface *a = sim_attach(s, "10.0.0.1", ignore, NULL);
    uint8_t bytes[1000] = { 0 };

    sim_attach(s, "10.0.0.2", listen, &ear);
    a->up = *link;
    for (unsigned i = 0; i < SENT; i++) {
        adit_put16(bytes, (uint16_t)i);
        sim_send(a, &(struct sim_packet){ a->ip, sim_addr("10.0.0.2:9"), bytes, sizeof bytes });
        sim_run(net, ADIT_MS, NULL, NULL);
    }
    sim_run(net, 60 * ADIT_SEC, NULL, NULL);
    ear.first_at -= net->start;
    ear.last_at -= net->start;
    sim_net_free(net);
    return ear;
}

static void test_links(void **state)
{
    static const struct {
        const char *name;
        struct sim_link link;
        unsigned least, most;
        adit_time first, last_least;
    } rows[] = {
        { "perfect", { 0 }, SENT, SENT, 0, 399 * ADIT_MS },
        { "delay", { .delay = 50 * ADIT_MS }, SENT, SENT, 50 * ADIT_MS, 449 * ADIT_MS },
        { "all lost", { .loss = 1000 }, 0, 0, 0, 0 },
        { "cut", { .cut = true }, 0, 0, 0, 0 },
        { "a third lost", { .loss = 333 }, 220, 310, 0, 0 },
        { "first three lost", { .mask = 7 }, SENT - 3, SENT - 3, 3 * ADIT_MS, 0 },
        { "some twice", { .duplicate = 200 }, SENT + 40, SENT + 130, 0, 0 },
        { "too large", { .mtu = 1027 }, 0, 0, 0, 0 },
        { "just fits", { .mtu = 1028 }, SENT, SENT, 0, 0 },
        /* 8.2 Mbit/s arrive at 4.1: half goes through, 64 KiB wait */
        { "slow", { .rate = 4112000 }, 240, 280, 2 * ADIT_MS, 500 * ADIT_MS },
        { "slow, no queue", { .rate = 4112000, .queue = 1 }, 195, 205, 2 * ADIT_MS, 0 },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct ear e = through(&rows[i].link, 1);

        if (e.heard < rows[i].least || e.heard > rows[i].most)
            print_message("%s: %u\n", rows[i].name, e.heard);
        assert_in_range(e.heard, rows[i].least, rows[i].most);
        if (e.heard && rows[i].first)
            assert_int_equal(e.first_at, rows[i].first);
        assert_true(e.last_at >= rows[i].last_least);
    }
}

static bool in_order(const struct ear *e)
{
    for (unsigned i = 1; i < e->heard; i++)
        if ((uint8_t)(e->order[i] - e->order[i - 1]) > 128)
            return false;
    return true;
}

static void test_order(void **state)
{
    struct ear jitter = through(&(struct sim_link){ .jitter = 30 * ADIT_MS }, 3);
    struct ear reorder = through(&(struct sim_link){ .reorder = 100, .delay = 5 * ADIT_MS }, 3);

    (void)state;
    assert_int_equal(jitter.heard, SENT);
    assert_true(in_order(&jitter));
    assert_int_equal(reorder.heard, SENT);
    assert_false(in_order(&reorder));
}

static void test_the_gateway_gets_the_rest(void **state)
{
    struct sim_net *net = sim_net_new(1);
    struct sim_segment *s = sim_segment(net);
    struct ear ear = { 0 };
    struct sim_iface *a = sim_attach(s, "10.0.0.1", ignore, NULL);
    struct sim_iface *gateway = sim_attach(s, "10.0.0.254", listen, &ear);
    uint8_t bytes[2] = { 0 };
    struct sim_packet p = { a->ip, sim_addr("192.0.2.1:9"), bytes, 2 };

    (void)state;
    sim_send(a, &p);
    sim_run(net, ADIT_SEC, NULL, NULL);
    assert_int_equal(net->unroutable, 1);
    sim_gateway(s, gateway);
    sim_send(a, &p);
    sim_run(net, ADIT_SEC, NULL, NULL);
    assert_int_equal(ear.heard, 1);
    sim_send(gateway, &p); /* not back to where it came from */
    sim_run(net, ADIT_SEC, NULL, NULL);
    assert_int_equal(ear.heard, 1);
    assert_int_equal(net->unroutable, 2);
    sim_net_free(net);
}

static void count_up(void *arg)
{
    ++*(int *)arg;
}

static void test_time(void **state)
{
    struct sim_net *net = sim_net_new(1);
    adit_time start = net->now;
    int calls = 0;

    (void)state;
    assert_true(start % ADIT_SEC != 0);
    sim_at(net, start + 10 * ADIT_SEC, count_up, &calls);
    sim_at(net, start + 10 * ADIT_SEC + 1, count_up, &calls);
    assert_false(sim_run(net, 10 * ADIT_SEC, NULL, NULL));
    assert_int_equal(calls, 1);
    assert_int_equal(net->now, start + 10 * ADIT_SEC);
    sim_net_free(net); /* with an event left */
    net = sim_net_new(1);
    assert_true(net->now > start + 3600 * ADIT_SEC); /* time goes on */
    sim_net_free(net);
}

static void test_runs_repeat(void **state)
{
    const struct sim_link link = {
        .loss = 100, .jitter = ADIT_MS, .reorder = 100, .duplicate = 50
    };
    struct ear a = through(&link, 5), b = through(&link, 5), c = through(&link, 6);

    (void)state;
    assert_int_equal(a.heard, b.heard);
    assert_memory_equal(a.order, b.order, sizeof a.order);
    assert_int_equal(a.last_at, b.last_at);
    assert_memory_not_equal(a.order, c.order, sizeof a.order);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_the_gateway_gets_the_rest),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_runs_repeat),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
