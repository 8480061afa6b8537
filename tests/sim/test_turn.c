/* Two peers whose NATs let nobody through, and a TURN server: they meet over it, come back when it
 * has forgotten them, and use a direct path where there is one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sim/town.h"
#include "sim/turn_server.h"

static void use(struct sim_town *t, int i, struct sim_turn *turn)
{
    t->peer[i]->turn = turn->addr;
    t->peer[i]->turn_user = turn->user;
    t->peer[i]->turn_password = turn->password;
    t->peer[i]->trickles = true;
}

static bool over_relay(const struct sim_peer *p)
{
    struct adit_ice_pair_info info;

    return adit_engine_selected(p->engine, &info) &&
           (info.local->type == ADIT_CAND_RELAY || info.remote->type == ADIT_CAND_RELAY);
}

static void worsen(struct sim_town *t, struct adit_rng *rng)
{
    for (int i = 0; i < 2; i++) {
        struct sim_link *l = &t->iface[i]->up;
        l->jitter = adit_rng_below(rng, 50) * ADIT_MS;
        l->loss = adit_rng_below(rng, 100);
        l->duplicate = adit_rng_below(rng, 100);
        l->reorder = adit_rng_below(rng, 200);
    }
}

static void test_symmetric_to_symmetric(void **state)
{
    (void)state;
    for (uint64_t seed = sim_first(); seed <= sim_last(300); seed++) {
        struct adit_rng rng;

        adit_rng_init_seed(&rng, seed);
        struct sim_town *t =
            sim_town(seed, SIM_SYMMETRIC, SIM_SYMMETRIC, adit_rng_below(&rng, 200) * ADIT_MS);
        struct sim_turn *turn = sim_turn(t->internet, "192.0.2.80:3478");
        worsen(t, &rng);
        t->peer[0]->carry = t->peer[1]->carry = adit_rng_below(&rng, 1000) * ADIT_MS;
        if (adit_rng_below(&rng, 3) != 0)
            use(t, 0, turn);
        if (!t->peer[0]->turn.family || adit_rng_below(&rng, 2))
            use(t, 1, turn);
        sim_check(t->net, sim_town_meet(t, 30 * ADIT_SEC));
        sim_check(t->net, sim_town_talks(t));
        sim_check(t->net, over_relay(t->peer[0]) || over_relay(t->peer[1]));
        sim_town_free(t);
    }
}

static void test_direct_where_possible(void **state)
{
    (void)state;
    for (uint64_t seed = sim_first(); seed <= sim_last(100); seed++) {
        struct sim_town *t =
            sim_town(seed, SIM_PORT_RESTRICTED, SIM_PORT_RESTRICTED, seed % 200 * ADIT_MS);
        struct sim_turn *turn = sim_turn(t->internet, "192.0.2.80:3478");

        use(t, 0, turn);
        use(t, 1, turn);
        sim_check(t->net, sim_town_meet(t, 10 * ADIT_SEC));
        sim_run(t->net, 5 * ADIT_SEC, NULL, NULL);
        sim_check(t->net, !over_relay(t->peer[0]) && !over_relay(t->peer[1]));
        sim_check(t->net, t->peer[0]->relays == 1 && t->peer[1]->relays == 1);
        sim_town_free(t);
    }
}

/* And whoever wants nothing else gets nothing else, after an ICE restart either. */
static void test_relay_alone(void **state)
{
    (void)state;
    for (uint64_t seed = sim_first(); seed <= sim_last(30); seed++) {
        struct sim_town *t =
            sim_town(seed, SIM_FULL_CONE, SIM_PORT_RESTRICTED, seed % 200 * ADIT_MS);
        struct sim_turn *turn = sim_turn(t->internet, "192.0.2.80:3478");
        struct adit_ice_pair_info info;

        use(t, 0, turn);
        t->peer[0]->conf.path = ADIT_PATH_RELAY;
        sim_check(t->net, sim_town_meet(t, 10 * ADIT_SEC));
        for (int i = 0; i < 2; i++) {
            sim_run(t->net, 10 * ADIT_SEC, NULL, NULL);
            sim_check(t->net, adit_engine_selected(t->peer[0]->engine, &info));
            sim_check(t->net, info.local->type == ADIT_CAND_RELAY);
            sim_check(t->net, sim_town_talks(t));
            adit_engine_restart(t->peer[0]->engine, t->net->now);
        }
        sim_town_free(t);
    }
}

/* A night passes: permissions, channels, allocation and nonce are all renewed. */
static void test_stands_for_hours(void **state)
{
    struct sim_town *t = sim_town(1, SIM_SYMMETRIC, SIM_SYMMETRIC, 40 * ADIT_MS);
    struct sim_turn *turn = sim_turn(t->internet, "192.0.2.80:3478");

    (void)state;
    use(t, 0, turn);
    sim_check(t->net, sim_town_meet(t, 10 * ADIT_SEC));
    for (int i = 0; i < 8; i++) {
        sim_run(t->net, 3600 * ADIT_SEC, NULL, NULL);
        sim_check(t->net, sim_town_talks(t));
    }
    sim_check(t->net, t->peer[0]->relays == 1 && t->peer[0]->relays_lost == 0);
    sim_check(t->net, !t->peer[0]->state_at[ADIT_PEER_DISCONNECTED]);
    sim_town_free(t);
}

static bool again(void *arg)
{
    const struct sim_peer *p = arg;

    return p->relays >= 2 && sim_pair_open(arg);
}

static void test_server_forgets(void **state)
{
    (void)state;
    for (uint64_t seed = sim_first(); seed <= sim_last(50); seed++) {
        struct sim_town *t =
            sim_town(seed, SIM_SYMMETRIC, SIM_PORT_RESTRICTED, seed % 150 * ADIT_MS);
        struct sim_turn *turn = sim_turn(t->internet, "192.0.2.80:3478");

        use(t, 0, turn);
        sim_check(t->net, sim_town_meet(t, 10 * ADIT_SEC));
        sim_run(t->net, (60 + seed) * ADIT_SEC, NULL, NULL);
        sim_turn_forget(turn);
        sim_check(t->net, sim_run(t->net, 30 * ADIT_SEC, again, t->peer[0]));
        sim_check(t->net, sim_town_talks(t));
        sim_check(t->net, !t->peer[0]->state_at[ADIT_PEER_FAILED]);
        sim_town_free(t);
    }
}

/* With another server beside it, nobody waits for the one that is gone. */
static void test_server_goes_silent(void **state)
{
    (void)state;
    for (uint64_t seed = sim_first(); seed <= sim_last(50); seed++) {
        struct sim_town *t = sim_town(seed, SIM_SYMMETRIC, SIM_SYMMETRIC, seed % 150 * ADIT_MS);
        struct sim_turn *first = sim_turn(t->internet, "192.0.2.80:3478");
        struct sim_turn *second = sim_turn(t->internet, "192.0.2.81:3478");

        use(t, 0, first);
        use(t, 1, second);
        sim_check(t->net, sim_town_meet(t, 10 * ADIT_SEC));
        sim_run(t->net, 10 * ADIT_SEC, NULL, NULL);
        first->silent = true;
        sim_run(t->net, 29 * ADIT_SEC, NULL, NULL);
        sim_check(t->net, sim_town_talks(t));
        sim_check(t->net, t->peer[0]->relays_lost >= 1);
        first->silent = false;
        sim_run(t->net, 90 * ADIT_SEC, NULL, NULL);
        sim_check(t->net, t->peer[0]->relays == 2);
        sim_check(t->net, sim_town_talks(t));
        sim_town_free(t);
    }
}

static void test_closes_give_back(void **state)
{
    struct sim_town *t = sim_town(3, SIM_SYMMETRIC, SIM_SYMMETRIC, 40 * ADIT_MS);
    struct sim_turn *turn = sim_turn(t->internet, "192.0.2.80:3478");

    (void)state;
    use(t, 0, turn);
    use(t, 1, turn);
    sim_check(t->net, sim_town_meet(t, 10 * ADIT_SEC));
    sim_check(t->net, adit_turnd_count(turn->relay) == 2);
    adit_engine_close(t->peer[0]->engine, t->net->now);
    sim_check(t->net, sim_run(t->net, 10 * ADIT_SEC, sim_pair_over, t->peer[0]));
    sim_run(t->net, ADIT_SEC, NULL, NULL);
    sim_check(t->net, adit_turnd_count(turn->relay) == 0);
    sim_town_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_symmetric_to_symmetric),
        cmocka_unit_test(test_direct_where_possible),
        cmocka_unit_test(test_relay_alone),
        cmocka_unit_test(test_stands_for_hours),
        cmocka_unit_test(test_server_forgets),
        cmocka_unit_test(test_server_goes_silent),
        cmocka_unit_test(test_closes_give_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
