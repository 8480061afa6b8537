/* Both believe that they are the controlling side, or the controlled one (RFC 8445
 * section 7.3.1.1).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sim/town.h"

static void to_passive_answer(struct adit_desc *desc)
{
    desc->type = ADIT_DESC_ANSWER;
    desc->setup = ADIT_SETUP_PASSIVE;
}

static void to_active_answer(struct adit_desc *desc)
{
    desc->type = ADIT_DESC_ANSWER;
    desc->setup = ADIT_SETUP_ACTIVE;
}

static void to_active_offer(struct adit_desc *desc)
{
    desc->type = ADIT_DESC_OFFER;
    desc->setup = ADIT_SETUP_ACTIVE;
}

static void to_passive_offer(struct adit_desc *desc)
{
    desc->type = ADIT_DESC_OFFER;
    desc->setup = ADIT_SETUP_PASSIVE;
}

/* One of them has changed its role, else nobody had nominated, or both had. */
static void settled(struct sim_town *t)
{
    struct adit_engine_stats s[2];

    sim_run(t->net, 2 * ADIT_SEC, NULL, NULL);
    for (int i = 0; i < 2; i++) {
        struct adit_ice_pair_info info;

        adit_engine_stats(t->peer[i]->engine, &s[i]);
        sim_check(t->net, adit_engine_selected(t->peer[i]->engine, &info));
        sim_check(t->net, info.nominated);
    }
    sim_check(t->net, s[0].ice.role_conflicts + s[1].ice.role_conflicts > 0);
}

static void test_both_answer(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct sim_town *t =
            sim_town(seed, SIM_PORT_RESTRICTED, seed & 1 ? SIM_OPEN : SIM_RESTRICTED,
                     (seed % 7) * 10 * ADIT_MS);

        t->peer[0]->symmetric = t->peer[1]->symmetric = true;
        t->peer[0]->tamper = to_active_offer;
        t->peer[1]->tamper = to_passive_offer;
        sim_check(t->net, sim_town_meet(t, 10 * ADIT_SEC));
        for (int i = 0; i < 2; i++)
            sim_check(t->net, adit_engine_role(t->peer[i]->engine) == ADIT_ROLE_ANSWERER);
        sim_check(t->net, sim_town_talks(t));
        settled(t);
        sim_town_free(t);
    }
}

static void test_both_offer(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct sim_town *t =
            sim_town(seed, SIM_PORT_RESTRICTED, seed & 1 ? SIM_OPEN : SIM_RESTRICTED,
                     (seed % 7) * 10 * ADIT_MS);

        t->peer[1]->offerer = true;
        t->peer[0]->tamper = to_passive_answer;
        t->peer[1]->tamper = to_active_answer;
        sim_check(t->net, sim_town_meet(t, 10 * ADIT_SEC));
        sim_check(t->net, sim_town_talks(t));
        settled(t);
        sim_town_free(t);
    }
}

/* No roles at all: who answers comes from comparing fingerprints. */
static void test_symmetric_pairing(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct sim_town *t = sim_town(seed, SIM_PORT_RESTRICTED, SIM_RESTRICTED, 20 * ADIT_MS);

        t->peer[0]->symmetric = t->peer[1]->symmetric = true;
        t->peer[seed & 1]->carry = seed * ADIT_SEC;
        sim_check(t->net, sim_town_meet(t, 60 * ADIT_SEC));
        sim_check(t->net, sim_town_talks(t));
        sim_check(t->net,
                  adit_engine_role(t->peer[0]->engine) != adit_engine_role(t->peer[1]->engine));
        sim_town_free(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_offer),
        cmocka_unit_test(test_both_answer),
        cmocka_unit_test(test_symmetric_pairing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
