/* People paste slowly: minutes pass, and mappings that nobody uses die after 30 s. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sim/town.h"

static void test_late_answer(void **state)
{
    static const adit_time carries[][2] = {
        { 5 * 60 * ADIT_SEC, 0 },
        { 0, 5 * 60 * ADIT_SEC },
        { 3 * 60 * ADIT_SEC, 7 * 60 * ADIT_SEC },
        { ADIT_SEC, 3600 * ADIT_SEC },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(carries); i++)
        for (int symmetric = 0; symmetric < 2; symmetric++) {
            struct sim_town *t =
                sim_town(i, SIM_PORT_RESTRICTED, SIM_PORT_RESTRICTED, 30 * ADIT_MS);
            adit_time all = carries[i][0] + carries[i][1];

            for (int p = 0; p < 2; p++) {
                t->peer[p]->carry = carries[i][p];
                t->peer[p]->symmetric = symmetric;
            }
            /* the answerer's patience ends before an offerer who is still pasting is there: his
             * checks go on at a slow pace, see ice.h */
            t->peer[0]->conf.patience = t->peer[1]->conf.patience = 2 * 3600 * ADIT_SEC;
            sim_check(t->net, sim_town_meet(t, all + 60 * ADIT_SEC));
            sim_check(t->net, t->peer[0]->mapped == 0 && t->peer[1]->mapped == 0);
            adit_time last = adit_time_max(t->peer[0]->remote_at, t->peer[1]->remote_at);
            sim_check(t->net, t->net->now - last < 3 * ADIT_SEC);
            sim_check(t->net, sim_town_talks(t));
            sim_town_free(t);
        }
}

/* The one who calls all the time is behind a NAT whose ports nobody can know: whoever pastes late
 * waits for one of those calls. */
static void test_late_behind_symmetric(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 40; i++) {
        enum sim_nat_kind a = i & 1 ? SIM_SYMMETRIC : SIM_RESTRICTED;
        struct sim_town *t =
            sim_town(i, a, a == SIM_RESTRICTED ? SIM_SYMMETRIC : SIM_RESTRICTED, 30 * ADIT_MS);

        t->peer[1]->carry = 600 * ADIT_SEC + i * 1050 * ADIT_MS;
        t->peer[0]->conf.patience = t->peer[1]->conf.patience = 365 * 24 * 3600 * ADIT_SEC;
        sim_check(t->net, sim_town_meet(t, 700 * ADIT_SEC));
        sim_check(t->net, t->net->now - t->peer[0]->remote_at < 4 * ADIT_SEC);
        sim_check(t->net, sim_town_talks(t));
        sim_town_free(t);
    }
}

/* Many addresses on both sides, and nobody pastes: few packets all the same. */
static void test_waiting_is_cheap(void **state)
{
    static const char *const more[] = { "10.0.0.11", "10.0.0.12", "10.0.0.13" };
    struct sim_town *t = sim_town(1, SIM_SYMMETRIC, SIM_RESTRICTED, 30 * ADIT_MS);
    uint64_t before = 0, after = 0;

    (void)state;
    sim_peer_attach(t->peer[0], t->home[0], "192.168.1.11");
    for (size_t i = 0; i < ADIT_LEN(more); i++)
        sim_peer_attach(t->peer[1], t->home[1], more[i]);
    t->peer[1]->carry = 3600 * ADIT_SEC;
    t->peer[1]->conf.patience = 365 * 24 * 3600 * ADIT_SEC;
    sim_check(t->net, !sim_town_meet(t, 60 * ADIT_SEC));
    for (int i = 0; i < t->peer[1]->iface_count; i++)
        before += t->peer[1]->ifaces[i]->up.packets;
    sim_run(t->net, 600 * ADIT_SEC, NULL, NULL);
    for (int i = 0; i < t->peer[1]->iface_count; i++)
        after += t->peer[1]->ifaces[i]->up.packets;
    sim_check(t->net, after - before > 600 && after - before < 6000);
    sim_town_free(t);
}

/* The router restarts while the offer is on its way: the person is told that it is out of date. */
static void test_mapping_changes_meanwhile(void **state)
{
    struct sim_town *t = sim_town(9, SIM_PORT_RESTRICTED, SIM_OPEN, 30 * ADIT_MS);

    (void)state;
    t->peer[0]->carry = 300 * ADIT_SEC;
    sim_peer_start(t->peer[0]);
    sim_run(t->net, 20 * ADIT_SEC, NULL, NULL);
    sim_nat_forget(t->nat[0]);
    sim_run(t->net, 60 * ADIT_SEC, NULL, NULL);
    sim_check(t->net, t->peer[0]->mapped == 1);
    sim_nat_readdress(t->nat[0], "198.51.100.77");
    sim_run(t->net, 60 * ADIT_SEC, NULL, NULL);
    sim_check(t->net, t->peer[0]->mapped == 2);
    sim_town_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_late_answer),
        cmocka_unit_test(test_late_behind_symmetric),
        cmocka_unit_test(test_waiting_is_cheap),
        cmocka_unit_test(test_mapping_changes_meanwhile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
