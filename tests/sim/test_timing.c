/* How long it takes from the pasted answer to the open channel, in round trips and at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sim/town.h"

static adit_time answer_to_open(struct sim_town *t)
{
    return t->peer[0]->open_at - t->peer[0]->remote_at;
}

/* The first call of somebody whose port nobody could know opens only the filters, the answerer's
 * next one is a retransmission: RTO is 500 ms (RFC 8445 section 14.3) and doubles. */
static adit_time patience_with(enum sim_nat_kind a, enum sim_nat_kind b)
{
    bool known =
        sim_nat_kinds[a].mapping == SIM_BY_NOTHING && sim_nat_kinds[b].mapping == SIM_BY_NOTHING;

    return known ? 0 : ADIT_SEC;
}

static void test_six_round_trips(void **state)
{
    static const adit_time delays[] = { 20 * ADIT_MS, 50 * ADIT_MS, 100 * ADIT_MS, 250 * ADIT_MS };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(delays); i++)
        for (int a = 0; a < SIM_NAT_KINDS; a++)
            for (int b = 0; b < SIM_NAT_KINDS; b++) {
                if (!sim_can_meet(a, b))
                    continue;
                struct sim_town *t = sim_town((uint64_t)(a * 10 + b), a, b, delays[i]);

                t->peer[1]->carry = ADIT_SEC;
                sim_check(t->net, sim_town_meet(t, 60 * ADIT_SEC));
                adit_time allowed = 12 * delays[i] + patience_with(a, b);
                if (answer_to_open(t) > allowed)
                    print_message("%s to %s, %d ms: %d ms\n", sim_nat_names[a], sim_nat_names[b],
                                  (int)(delays[i] / ADIT_MS), (int)(answer_to_open(t) / ADIT_MS));
                sim_check(t->net, answer_to_open(t) <= allowed);
                sim_town_free(t);
            }
}

static void test_without_delay(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct sim_town *t = sim_town(seed, SIM_PORT_RESTRICTED, SIM_PORT_RESTRICTED, 0);

        t->peer[1]->carry = (seed % 10) * 100 * ADIT_MS;
        sim_check(t->net, sim_town_meet(t, 60 * ADIT_SEC));
        if (answer_to_open(t) > 60 * ADIT_MS)
            print_message("%d ms\n", (int)(answer_to_open(t) / ADIT_MS));
        sim_check(t->net, answer_to_open(t) <= 60 * ADIT_MS);
        sim_town_free(t);
    }
}

/* Both descriptions arrive at the same moment, or one a little before the other. */
static void test_both_at_once(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 50; i++) {
        struct sim_town *t =
            sim_town(i, SIM_PORT_RESTRICTED, SIM_RESTRICTED, i & 1 ? 0 : 10 * ADIT_MS);
        struct sim_peer *first = t->peer[i & 1], *second = t->peer[!(i & 1)];

        t->peer[0]->symmetric = t->peer[1]->symmetric = true;
        first->carry = second->carry = ADIT_SEC;
        second->carry += (i / 2) * 3 * ADIT_MS;
        sim_check(t->net, sim_town_meet(t, 60 * ADIT_SEC));
        adit_time both = adit_time_max(first->remote_at, second->remote_at);
        adit_time open = adit_time_max(first->open_at, second->open_at);
        if (open - both > 250 * ADIT_MS)
            print_message("%d ms\n", (int)((open - both) / ADIT_MS));
        sim_check(t->net, open - both <= 250 * ADIT_MS);
        sim_town_free(t);
    }
}

static void test_half_a_second_each_way(void **state)
{
    struct sim_town *t = sim_town(3, SIM_PORT_RESTRICTED, SIM_PORT_RESTRICTED, 500 * ADIT_MS);

    (void)state;
    for (int i = 0; i < 2; i++)
        t->iface[i]->up.jitter = t->iface[i]->down.jitter = 40 * ADIT_MS;
    sim_check(t->net, sim_town_meet(t, 15 * ADIT_SEC));
    sim_check(t->net, sim_town_talks(t));
    sim_town_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_six_round_trips),
        cmocka_unit_test(test_without_delay),
        cmocka_unit_test(test_both_at_once),
        cmocka_unit_test(test_half_a_second_each_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
