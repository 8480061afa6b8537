/* test_keepalive.c - a NAT that forgets silent mappings: the silences become shorter until it does
 * not, and longer again when it has stopped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ice/internal.h"
#include "sim/town.h"

/* Silences of what is allowed, against a NAT that forgets after `timeout`; returns how many were
 * too long. */
static unsigned live(struct adit_keepalive *k, adit_time timeout, adit_time span, adit_time *now)
{
    adit_time end = *now + span;
    unsigned died = 0;

    while (*now < end) {
        adit_time silence = adit_keepalive_limit(k, ADIT_KEEPALIVE_MAX);

        *now += silence;
        if (silence >= timeout) {
            adit_keepalive_died(k, silence, *now);
            died++;
        } else {
            adit_keepalive_kept(k, silence, *now);
        }
    }
    return died;
}

static void test_measured(void **state)
{
    struct adit_keepalive k = { 0 };
    adit_time now = 1000 * ADIT_SEC;

    (void)state;
    assert_int_equal(live(&k, 30 * ADIT_SEC, 3600 * ADIT_SEC, &now), 0);
    assert_int_equal(adit_keepalive_limit(&k, ADIT_KEEPALIVE_MAX), ADIT_KEEPALIVE_MAX);
    /* Ten seconds: once is enough to know, and it is asked again every ten minutes at most. */
    assert_in_range(live(&k, 10 * ADIT_SEC, 600 * ADIT_SEC, &now), 1, 2);
    assert_true(adit_keepalive_limit(&k, ADIT_KEEPALIVE_MAX) < 10 * ADIT_SEC);
    assert_true(adit_keepalive_limit(&k, ADIT_KEEPALIVE_MAX) >= 3 * ADIT_SEC);
    assert_true(live(&k, 10 * ADIT_SEC, 3600 * ADIT_SEC, &now) <= 7);
    /* A better router: back to normal. */
    live(&k, 30 * ADIT_SEC, 3600 * ADIT_SEC, &now);
    assert_int_equal(adit_keepalive_limit(&k, ADIT_KEEPALIVE_MAX), ADIT_KEEPALIVE_MAX);
}

static void test_few_seconds(void **state)
{
    struct adit_keepalive k = { 0 };
    adit_time now = 1000 * ADIT_SEC;

    (void)state;
    assert_in_range(live(&k, 4 * ADIT_SEC, 300 * ADIT_SEC, &now), 2, 4);
    assert_true(adit_keepalive_limit(&k, ADIT_CONSENT_INTERVAL) < 4 * ADIT_SEC);
    assert_true(adit_keepalive_limit(&k, ADIT_CONSENT_INTERVAL) >= 2 * ADIT_SEC);
}

/* Two whole peers, idle for an hour, behind NATs that forget after a few seconds. */
static void idle_hour(adit_time timeout)
{
    struct sim_town *t = sim_town(3, SIM_PORT_RESTRICTED, SIM_FULL_CONE, 30 * ADIT_MS);
    unsigned disturbed;

    t->nat[0]->conf.timeout = t->nat[1]->conf.timeout = timeout;
    sim_check(t->net, sim_town_meet(t, 20 * ADIT_SEC));
    sim_run(t->net, 300 * ADIT_SEC, NULL, NULL);
    disturbed = t->peer[0]->selected + t->peer[1]->selected;
    sim_run(t->net, 3600 * ADIT_SEC, NULL, NULL);
    sim_check(t->net, sim_pair_open(t->peer[0]));
    sim_check(t->net, sim_town_talks(t));
    print_message("NATs of %u s: %u changes in an hour\n", (unsigned)(timeout / ADIT_SEC),
                  t->peer[0]->selected + t->peer[1]->selected - disturbed);
    sim_check(t->net, t->peer[0]->selected + t->peer[1]->selected - disturbed <= 40);
    sim_town_free(t);
}

static void test_idle_hour(void **state)
{
    (void)state;
    idle_hour(10 * ADIT_SEC);
    idle_hour(5 * ADIT_SEC);
    idle_hour(3 * ADIT_SEC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_measured),
        cmocka_unit_test(test_few_seconds),
        cmocka_unit_test(test_idle_hour),
    };

    return cmocka_run_group_tests_name("keepalive", tests, NULL, NULL);
}
