/* A remote side that never names a candidate: it is found when its checks arrive. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sim/town.h"

/* The one that is named must be open to calls from anybody. */
static void one_side_says_nothing(int named)
{
    for (int who = 0; who < 2; who++)
        for (int kind = 0; kind < SIM_NAT_KINDS; kind++) {
            struct sim_town *t = sim_town((uint64_t)(kind * 2 + who), who ? named : kind,
                                          who ? kind : named, 30 * ADIT_MS);

            t->peer[who]->keep_cands = true;
            sim_check(t->net, sim_town_meet(t, 20 * ADIT_SEC));
            sim_check(t->net, t->net->now - t->net->start < 3 * ADIT_SEC);
            sim_check(t->net, sim_town_talks(t));
            sim_town_free(t);
        }
}

static void test_one_side_says_nothing(void **state)
{
    (void)state;
    one_side_says_nothing(SIM_OPEN);
    one_side_says_nothing(SIM_FULL_CONE);
}

static void test_nobody_says_anything(void **state)
{
    struct sim_town *t = sim_town(1, SIM_OPEN, SIM_OPEN, 30 * ADIT_MS);

    (void)state;
    t->peer[0]->keep_cands = t->peer[1]->keep_cands = true;
    sim_check(t->net, !sim_town_meet(t, 60 * ADIT_SEC));
    for (int i = 0; i < 2; i++) {
        sim_check(t->net, t->peer[i]->state == ADIT_PEER_FAILED);
        sim_check(t->net, t->peer[i]->cause.reason == ADIT_REASON_NO_PATH);
    }
    sim_town_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_side_says_nothing),
        cmocka_unit_test(test_nobody_says_anything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
