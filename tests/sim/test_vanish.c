/* The other side is killed without a word, at any moment, or says goodbye. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sim/town.h"

static void test_killed(void **state)
{
    (void)state;
    for (int who = 0; who < 2; who++)
        for (adit_time at = 0; at < 600 * ADIT_MS; at += 25 * ADIT_MS) {
            struct sim_town *t =
                sim_town(at / ADIT_MS, SIM_PORT_RESTRICTED, SIM_RESTRICTED, 20 * ADIT_MS);

            sim_peer_start(t->peer[0]);
            sim_peer_start(t->peer[1]);
            sim_run(t->net, at, NULL, NULL);
            sim_peer_kill(t->peer[who]);
            adit_time start = t->net->now;
            if (!t->peer[!who]->remote_at) { /* it still waits for somebody to paste */
                sim_run(t->net, 60 * ADIT_SEC, NULL, NULL);
                sim_check(t->net,
                          t->peer[!who]->remote_at || t->peer[!who]->state == ADIT_PEER_NEW);
            } else {
                sim_check(t->net, sim_run(t->net, 60 * ADIT_SEC, sim_pair_over, t->peer[0]));
                sim_check(t->net, t->net->now - start <= 45 * ADIT_SEC);
                sim_check(t->net, t->peer[!who]->state == ADIT_PEER_FAILED);
            }
            sim_town_free(t);
        }
}

static void test_killed_when_connected(void **state)
{
    (void)state;
    for (int who = 0; who < 2; who++) {
        struct sim_town *t = sim_town(3, SIM_PORT_RESTRICTED, SIM_RESTRICTED, 20 * ADIT_MS);

        sim_check(t->net, sim_town_meet(t, 10 * ADIT_SEC));
        sim_run(t->net, 100 * ADIT_SEC, NULL, NULL);
        sim_peer_kill(t->peer[who]);
        adit_time start = t->net->now;
        sim_check(t->net, sim_run(t->net, 60 * ADIT_SEC, sim_pair_over, t->peer[0]));
        sim_check(t->net, t->net->now - start <= 35 * ADIT_SEC);
        sim_check(t->net, t->peer[!who]->cause.reason == ADIT_REASON_SILENCE);
        sim_town_free(t);
    }
}

static void test_goodbye(void **state)
{
    (void)state;
    for (int who = 0; who < 2; who++) {
        struct sim_town *t = sim_town(3, SIM_PORT_RESTRICTED, SIM_RESTRICTED, 20 * ADIT_MS);

        sim_check(t->net, sim_town_meet(t, 10 * ADIT_SEC));
        sim_peer_send(t->peer[who], "last words", 10);
        adit_engine_close(t->peer[who]->engine, t->net->now);
        adit_time start = t->net->now;
        sim_check(t->net, sim_run(t->net, 60 * ADIT_SEC, sim_pair_over, t->peer[0]));
        sim_check(t->net, t->net->now - start <= ADIT_SEC);
        sim_check(t->net, t->peer[!who]->messages == 1);
        sim_check(t->net, t->peer[who]->cause.reason == ADIT_REASON_LOCAL);
        sim_check(t->net, t->peer[!who]->cause.reason == ADIT_REASON_REMOTE);
        sim_town_free(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_killed),
        cmocka_unit_test(test_killed_when_connected),
        cmocka_unit_test(test_goodbye),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
