/* A path that breaks: for a while, for good, or because the router forgot (RFC 7675). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sim/town.h"

static void cut(struct sim_town *t, bool yes)
{
    for (int i = 0; i < 2; i++)
        t->iface[i]->up.cut = t->iface[i]->down.cut = yes;
}

static struct sim_town *connected(uint64_t seed)
{
    struct sim_town *t = sim_town(seed, SIM_PORT_RESTRICTED, SIM_PORT_RESTRICTED, 20 * ADIT_MS);

    sim_check(t->net, sim_town_meet(t, 10 * ADIT_SEC));
    sim_check(t->net, sim_town_talks(t));
    return t;
}

static void test_an_hour_of_nothing(void **state)
{
    struct sim_town *t = connected(1);

    (void)state;
    sim_run(t->net, 3600 * ADIT_SEC, NULL, NULL);
    sim_check(t->net, !t->peer[0]->state_at[ADIT_PEER_DISCONNECTED]);
    sim_check(t->net, sim_town_talks(t));
    sim_town_free(t);
}

static void test_lost_and_found(void **state)
{
    static const adit_time outages[] = { 2 * ADIT_SEC, 8 * ADIT_SEC, 15 * ADIT_SEC, 22 * ADIT_SEC };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(outages); i++)
        for (uint64_t seed = 0; seed < 10; seed++) {
            struct sim_town *t = connected(seed);

            sim_run(t->net, seed * 700 * ADIT_MS, NULL, NULL);
            cut(t, true);
            sim_run(t->net, outages[i], NULL, NULL);
            cut(t, false);
            sim_check(t->net, sim_run(t->net, 10 * ADIT_SEC, sim_pair_open, t->peer[0]));
            sim_check(t->net, sim_town_talks(t)); /* the same channel */
            sim_check(t->net, t->peer[0]->associated == 1);
            if (outages[i] > 20 * ADIT_SEC)
                sim_check(t->net, t->peer[0]->state_at[ADIT_PEER_DISCONNECTED]);
            sim_town_free(t);
        }
}

static void test_lost_for_good(void **state)
{
    (void)state;
    for (int who = 0; who < 3; who++) { /* one direction is enough */
        struct sim_town *t = connected((uint64_t)who);

        t->iface[who % 2]->up.cut = true;
        if (who == 2)
            cut(t, true);
        adit_time start = t->net->now;
        sim_check(t->net, sim_run(t->net, 60 * ADIT_SEC, sim_pair_over, t->peer[0]));
        sim_check(t->net, t->net->now - start <= 45 * ADIT_SEC);
        sim_town_free(t);
    }
}

/* RFC 7675 section 5.1: 30 s without an answer end the right to send. */
static void test_no_data_after_consent(void **state)
{
    struct sim_town *t = connected(4);

    (void)state;
    t->iface[1]->up.cut = true; /* alice hears nothing, and bob hears all */
    for (int i = 0; i < 60 && t->peer[0]->channel; i++) {
        sim_peer_send(t->peer[0], "anybody?", 8);
        sim_run(t->net, ADIT_SEC, NULL, NULL);
        if (i == 34) {
            uint64_t sent = t->iface[0]->up.packets;
            sim_run(t->net, 60 * ADIT_SEC, NULL, NULL);
            sim_check(t->net, t->iface[0]->up.packets == sent);
            break;
        }
    }
    sim_check(t->net, t->peer[0]->state == ADIT_PEER_FAILED);
    sim_check(t->net, t->peer[0]->cause.reason == ADIT_REASON_SILENCE);
    sim_town_free(t);
}

/* The mapping of one side changes under a connection: its checks come from a new port, and the pair
 * moves there. */
static void test_router_restarts(void **state)
{
    (void)state;
    for (int who = 0; who < 2; who++)
        for (int address = 0; address < 2; address++) {
            struct sim_town *t = sim_town(5, who ? SIM_OPEN : SIM_PORT_RESTRICTED,
                                          who ? SIM_PORT_RESTRICTED : SIM_OPEN, 20 * ADIT_MS);

            sim_check(t->net, sim_town_meet(t, 10 * ADIT_SEC));
            sim_run(t->net, 20 * ADIT_SEC, NULL, NULL);
            if (address)
                sim_nat_readdress(t->nat[who], "198.51.100.99");
            else
                sim_nat_forget(t->nat[who]);
            sim_run(t->net, 20 * ADIT_SEC, NULL, NULL);
            sim_check(t->net, sim_town_talks(t));
            sim_town_free(t);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_hour_of_nothing), cmocka_unit_test(test_lost_and_found),
        cmocka_unit_test(test_lost_for_good),      cmocka_unit_test(test_no_data_after_consent),
        cmocka_unit_test(test_router_restarts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
