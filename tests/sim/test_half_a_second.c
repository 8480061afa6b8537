/* Half a second each way, as over two satellites: with jitter, with loss, and for a while. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sim/town.h"

#define DELAY (500 * ADIT_MS)

static struct sim_town *far_apart(uint64_t seed, enum sim_nat_kind a, enum sim_nat_kind b)
{
    struct sim_town *t = sim_town(seed, a, b, DELAY);

    for (int i = 0; i < 2; i++)
        t->iface[i]->up.jitter = t->iface[i]->down.jitter = 40 * ADIT_MS;
    return t;
}

/* A second for the addresses, six round trips, and the jitter of all of them. */
static void test_every_pair(void **state)
{
    (void)state;
    for (int a = 0; a < SIM_NAT_KINDS; a++)
        for (int b = 0; b < SIM_NAT_KINDS; b++) {
            if (!sim_can_meet(a, b))
                continue;
            struct sim_town *t = far_apart((uint64_t)(a * 10 + b), a, b);

            sim_check(t->net, sim_town_meet(t, 10 * ADIT_SEC));
            sim_check(t->net, sim_town_talks(t));
            sim_town_free(t);
        }
}

static void test_with_loss(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct sim_town *t = far_apart(seed, SIM_PORT_RESTRICTED, SIM_RESTRICTED);

        for (int i = 0; i < 2; i++) {
            t->iface[i]->up.loss = 100;
            t->peer[i]->conf.patience = 180 * ADIT_SEC;
        }
        sim_check(t->net, sim_town_meet(t, 60 * ADIT_SEC));
        sim_check(t->net, sim_town_talks(t));
        sim_town_free(t);
    }
}

/* A slow path is no broken one, and it is measured. */
static void test_it_stays(void **state)
{
    struct sim_town *t = far_apart(7, SIM_PORT_RESTRICTED, SIM_PORT_RESTRICTED);
    struct adit_engine_stats s;

    (void)state;
    sim_check(t->net, sim_town_meet(t, 10 * ADIT_SEC));
    sim_run(t->net, 600 * ADIT_SEC, NULL, NULL);
    for (int i = 0; i < 2; i++) {
        sim_check(t->net, t->peer[i]->state == ADIT_PEER_CONNECTED);
        sim_check(t->net, !t->peer[i]->state_at[ADIT_PEER_DISCONNECTED]);
        sim_check(t->net, t->peer[i]->associated == 1);
        adit_engine_stats(t->peer[i]->engine, &s);
        sim_check(t->net, s.ice.rtt >= 2 * DELAY && s.ice.rtt <= 2 * DELAY + 200 * ADIT_MS);
    }
    sim_check(t->net, sim_town_talks(t));
    sim_town_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_pair),
        cmocka_unit_test(test_with_loss),
        cmocka_unit_test(test_it_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
