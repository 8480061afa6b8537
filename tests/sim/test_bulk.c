/* Much data over one channel: how much of the link it takes, and that loss does not stop it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sim/town.h"

#define PIECE (16 * 1024)

struct flow {
    struct sim_town *town;
    uint64_t left, all;
};

/* Whenever something happened: sends what there is room for. True when all of it has arrived. */
static bool pour(void *arg)
{
    static const uint8_t bytes[PIECE];
    struct flow *f = arg;
    struct sim_peer *from = f->town->peer[0];

    while (f->left) {
        size_t n = f->left < PIECE ? (size_t)f->left : PIECE;
        int err = adit_channel_send(from->channel, bytes, n, false, from->net->now);

        if (err == -EAGAIN)
            break;
        sim_check(from->net, err == 0);
        f->left -= n;
    }
    return f->town->peer[1]->bytes >= f->all;
}

/* Bits per second that the application of the first peer gets to the second one's. */
static double rate(struct sim_town *t, uint64_t bytes, adit_time within)
{
    struct flow f = { t, bytes, t->peer[1]->bytes + bytes };
    adit_time start = t->net->now;

    sim_check(t->net, sim_run(t->net, within, pour, &f));
    return (double)bytes * 8e9 / (double)(t->net->now - start);
}

static void narrow(struct sim_town *t, uint64_t bits, adit_time queue)
{
    for (int i = 0; i < 2; i++) {
        t->iface[i]->up.rate = bits;
        t->iface[i]->up.queue = (size_t)(bits / 8 * queue / ADIT_SEC);
    }
}

static void test_fills_a_link(void **state)
{
    static const struct {
        uint64_t bits;
        adit_time delay, queue;
        double least; /* of the link */
    } rows[] = {
        { 18000000, 30 * ADIT_MS, 100 * ADIT_MS, 0.9 },
        { 100000000, 30 * ADIT_MS, 100 * ADIT_MS, 0.85 },
        { 100000000, 5 * ADIT_MS, 20 * ADIT_MS, 0.85 },
        { 2000000, 50 * ADIT_MS, 200 * ADIT_MS, 0.85 },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct sim_town *t = sim_town(i, SIM_OPEN, SIM_PORT_RESTRICTED, rows[i].delay);

        sim_check(t->net, sim_town_meet(t, 10 * ADIT_SEC));
        narrow(t, rows[i].bits, rows[i].queue);
        double got = rate(t, rows[i].bits / 8 * 30, 120 * ADIT_SEC) / (double)rows[i].bits;
        if (got < rows[i].least)
            print_message("%.1f Mbit/s, %d ms: %.1f %%\n", (double)rows[i].bits / 1e6,
                          (int)(2 * rows[i].delay / ADIT_MS), got * 100);
        sim_check(t->net, got >= rows[i].least);
        sim_town_free(t);
    }
}

/* A window of 1.2 / sqrt(0.1) packets per round trip (Mathis et al.) would need 74 s. */
static void test_one_in_ten_is_lost(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 5; seed++) {
        struct sim_town *t = sim_town(seed, SIM_OPEN, SIM_PORT_RESTRICTED, 20 * ADIT_MS);

        sim_check(t->net, sim_town_meet(t, 10 * ADIT_SEC));
        t->iface[0]->up.loss = t->iface[1]->up.loss = 100;
        struct adit_engine_stats s;
        rate(t, 10000000, 150 * ADIT_SEC);
        adit_engine_stats(t->peer[0]->engine, &s);
        sim_check(t->net, s.sctp.srtt >= 40 * ADIT_MS && s.sctp.srtt < 80 * ADIT_MS);
        /* some 7300 chunks, of which a tenth is lost */
        sim_check(t->net, s.sctp.retransmissions > 600 && s.sctp.retransmissions < 1300);
        sim_town_free(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fills_a_link),
        cmocka_unit_test(test_one_in_ten_is_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
