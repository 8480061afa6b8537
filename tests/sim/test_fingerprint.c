/* A description whose fingerprint is not that of the certificate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sim/town.h"

static unsigned digit;

static void flip(struct adit_desc *desc)
{
    desc->fingerprints[0].value[digit / 2] ^= digit & 1 ? 1 : 0x10;
}

static void test_wrong_fingerprint(void **state)
{
    (void)state;
    for (int who = 0; who < 2; who++)
        for (digit = 0; digit < 64; digit++) {
            struct sim_town *t = sim_town(digit, SIM_PORT_RESTRICTED, SIM_OPEN, 10 * ADIT_MS);
            struct sim_peer *cheated = t->peer[!who];

            t->peer[who]->tamper = flip;
            sim_check(t->net, !sim_town_meet(t, 60 * ADIT_SEC));
            sim_check(t->net, cheated->state == ADIT_PEER_FAILED);
            sim_check(t->net, cheated->cause.reason == ADIT_REASON_NOT_AUTHENTIC);
            sim_check(t->net, !cheated->state_at[ADIT_PEER_CONNECTED]);
            for (int i = 0; i < 2; i++) {
                sim_check(t->net, !t->peer[i]->open_at);
                sim_check(t->net, !t->peer[i]->messages);
            }
            sim_check(t->net, t->peer[who]->state == ADIT_PEER_CLOSED ||
                                  t->peer[who]->state == ADIT_PEER_FAILED);
            sim_town_free(t);
        }
}

static void add_right_one(struct adit_desc *desc)
{
    desc->fingerprints[1] = desc->fingerprints[0];
    desc->fingerprints[0].value[5] ^= 1;
    desc->fingerprint_count = 2;
}

static void test_one_of_two_is_right(void **state)
{
    struct sim_town *t = sim_town(1, SIM_OPEN, SIM_OPEN, 10 * ADIT_MS);

    (void)state;
    t->peer[0]->tamper = add_right_one;
    sim_check(t->net, sim_town_meet(t, 10 * ADIT_SEC));
    sim_check(t->net, sim_town_talks(t));
    sim_town_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_fingerprint),
        cmocka_unit_test(test_one_of_two_is_right),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
