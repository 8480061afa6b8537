/* A thousand networks by chance, each able to connect: every one does, and carries messages. Cheap
 * enough for every day, with sanitizers too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

#include "sim/town.h"

#define SECONDS_MAX 60 /* of this processor, whatever else the machine does */

static void test_thousand_seeds(void **state)
{
    clock_t start = clock();

    (void)state;
    for (uint64_t seed = 1; seed <= 1000; seed++) {
        struct adit_rng rng;
        enum sim_nat_kind a, b;

        adit_rng_init_seed(&rng, seed);
        do {
            a = (enum sim_nat_kind)adit_rng_below(&rng, SIM_NAT_KINDS);
            b = (enum sim_nat_kind)adit_rng_below(&rng, SIM_NAT_KINDS);
        } while (!sim_can_meet(a, b));
        struct sim_town *t = sim_town(seed, a, b, adit_rng_below(&rng, 300) * ADIT_MS);
        for (int i = 0; i < 2; i++) {
            struct sim_link *l = &t->iface[i]->up;
            l->jitter = adit_rng_below(&rng, 50) * ADIT_MS;
            l->loss = adit_rng_below(&rng, 120);
            l->duplicate = adit_rng_below(&rng, 100);
            l->reorder = adit_rng_below(&rng, 200);
            l->rate = adit_rng_below(&rng, 2) ? 200000 + adit_rng_below(&rng, 10000000) : 0;
            l->mtu = 1280;
            t->peer[i]->conf.patience = 180 * ADIT_SEC; /* of one who waits for a person */
            t->peer[i]->carry = adit_rng_below(&rng, 3) * adit_rng_below(&rng, 20) * ADIT_SEC;
        }
        t->peer[0]->symmetric = t->peer[1]->symmetric = adit_rng_below(&rng, 3) == 0;
        bool met = sim_town_meet(t, 90 * ADIT_SEC);
        if (!met) {
            print_message("%s to %s\n", sim_nat_names[a], sim_nat_names[b]);
            sim_town_print(t);
        }
        sim_check(t->net, met);
        sim_check(t->net, sim_town_talks(t));
        sim_town_free(t);
    }
    assert_true((clock() - start) / CLOCKS_PER_SEC < SECONDS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thousand_seeds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
