/* The best path, kept: from a relay to a direct one as soon as there is one, and to the backup when
 * a way dies; every message arrives, once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sim/town.h"

static bool relayed(const struct sim_peer *p)
{
    struct adit_ice_pair_info info;

    return !adit_engine_selected(p->engine, &info) || info.base == SIM_PEER_RELAY ||
           info.remote->type == ADIT_CAND_RELAY ||
           (info.remote->type == ADIT_CAND_PRFLX && info.remote->priority >> 24 == 0);
}

static bool both_direct(void *arg)
{
    struct sim_town *t = arg;

    return !relayed(t->peer[0]) && !relayed(t->peer[1]);
}

/* Messages of a kilobyte both ways every 20 ms, for this long or until `done`. */
static uint64_t said[2];

static bool talk(struct sim_town *t, adit_time span, bool (*done)(void *arg))
{
    static const uint8_t words[1000];
    adit_time until = t->net->now + span;

    while (t->net->now < until) {
        for (int i = 0; i < 2; i++)
            if (adit_channel_send(t->peer[i]->channel, words, sizeof words, false, t->net->now) ==
                0)
                said[i]++;
        sim_run(t->net, 20 * ADIT_MS, NULL, NULL);
        if (done && done(t))
            return true;
    }
    return !done;
}

static bool all_heard(void *arg)
{
    struct sim_town *t = arg;

    return t->peer[0]->messages == said[1] && t->peer[1]->messages == said[0];
}

/* keeps_port: the routers, as long as nobody else has it. */
static struct sim_town *over_a_relay(uint64_t seed, adit_time delay, bool keeps_port)
{
    struct sim_town *t = sim_town(seed, SIM_SYMMETRIC, SIM_SYMMETRIC, delay);
    struct sim_relay *relay = sim_relay(t->internet, "192.0.2.99:3478");

    said[0] = said[1] = 0;
    for (int i = 0; i < 2; i++) {
        t->nat[i]->conf.keep_port = keeps_port;
        t->peer[i]->relay = relay;
        t->peer[i]->trickles = true;
    }
    t->peer[0]->carry = t->peer[1]->carry = 50 * ADIT_MS;
    sim_check(t->net, sim_town_meet(t, 20 * ADIT_SEC));
    sim_run(t->net, adit_rng_below(&t->net->rng, 60000) * ADIT_MS, NULL, NULL);
    sim_check(t->net, relayed(t->peer[0]) && relayed(t->peer[1]));
    return t;
}

static void meet_directly(struct sim_town *t)
{
    sim_check(t->net, talk(t, 15 * ADIT_SEC, both_direct));
    talk(t, 5 * ADIT_SEC, NULL);
    sim_check(t->net, both_direct(t));
    sim_check(t->net, sim_run(t->net, 20 * ADIT_SEC, all_heard, t));
    sim_check(t->net, t->peer[0]->associated == 1 && t->peer[1]->associated == 1);
    sim_check(t->net, !t->peer[0]->state_at[ADIT_PEER_DISCONNECTED]);
    sim_check(t->net, !t->peer[1]->state_at[ADIT_PEER_DISCONNECTED]);
}

/* One of the routers is exchanged for a better one, which may show the same address and port as
 * before: then no word of it reaches the other side, only checks do. */
static void test_nat_becomes_a_cone(void **state)
{
    (void)state;
    for (uint64_t seed = sim_first(); seed <= sim_last(30); seed++) {
        struct sim_town *t = over_a_relay(seed, (5 + seed % 7 * 20) * ADIT_MS, seed & 4);
        int who = (int)(seed & 1);

        t->nat[who]->conf = sim_nat_kinds[seed & 2 ? SIM_FULL_CONE : SIM_RESTRICTED];
        t->nat[who]->conf.timeout = 30 * ADIT_SEC;
        sim_nat_forget(t->nat[who]);
        meet_directly(t);
        sim_town_free(t);
    }
}

static void test_ipv6_appears(void **state)
{
    (void)state;
    for (uint64_t seed = sim_first(); seed <= sim_last(30); seed++) {
        struct sim_town *t = over_a_relay(seed, (5 + seed % 7 * 20) * ADIT_MS, false);

        talk(t, ADIT_SEC, NULL);
        sim_peer_add(t->peer[seed & 1], t->internet, "2001:db8::1");
        talk(t, adit_rng_below(&t->net->rng, 5000) * ADIT_MS, NULL);
        sim_peer_add(t->peer[!(seed & 1)], t->internet, "2001:db8::2");
        meet_directly(t);
        sim_town_free(t);
    }
}

/* Two symmetric NATs stay what they are: nothing changes, and little is sent. */
static void test_nothing_better(void **state)
{
    struct adit_engine_stats before, after;
    struct sim_town *t = over_a_relay(7, 40 * ADIT_MS, false);
    unsigned selected = t->peer[0]->selected;

    (void)state;
    sim_run(t->net, 60 * ADIT_SEC, NULL, NULL);
    adit_engine_stats(t->peer[0]->engine, &before);
    sim_run(t->net, 3600 * ADIT_SEC, NULL, NULL);
    adit_engine_stats(t->peer[0]->engine, &after);
    sim_check(t->net, relayed(t->peer[0]) && t->peer[0]->selected == selected);
    /* Consent every 5 s, the path's MTU, a backup, ten direct tries in 5 s at most. */
    sim_check(t->net, after.ice.checks_sent - before.ice.checks_sent < 6000);
    sim_town_free(t);
}

/* ---- two ways ---------------------------------------------------------------------------------
 */

/* One host has two uplinks; the one in use goes dark while both talk. */
static void test_uplink_dies(void **state)
{
    adit_time worst = 0;

    (void)state;
    for (uint64_t seed = sim_first(); seed <= sim_last(30); seed++) {
        struct sim_town *t = sim_town(seed, SIM_PORT_RESTRICTED, SIM_FULL_CONE, 30 * ADIT_MS);
        struct sim_segment *second = sim_segment(t->net);
        struct adit_ice_pair_info info;
        int who = (int)(seed & 1);

        said[0] = said[1] = 0;
        sim_nat(&sim_nat_kinds[SIM_PORT_RESTRICTED], second, "172.16.0.1", t->internet,
                "198.51.100.200");
        sim_peer_attach(t->peer[who], second, "172.16.0.2");
        sim_check(t->net, sim_town_meet(t, 20 * ADIT_SEC));
        talk(t, (20 + adit_rng_below(&t->net->rng, 60)) * ADIT_SEC, NULL);
        sim_check(t->net, adit_engine_selected(t->peer[who]->engine, &info));
        t->peer[who]->ifaces[info.base]->up.cut = true;
        t->peer[who]->ifaces[info.base]->down.cut = true;
        adit_time start = t->net->now;
        uint64_t heard[2] = { t->peer[0]->messages, t->peer[1]->messages };
        while (t->net->now < start + 20 * ADIT_SEC &&
               (t->peer[0]->messages < heard[0] + 5 || t->peer[1]->messages < heard[1] + 5))
            talk(t, 20 * ADIT_MS, NULL);
        worst = adit_time_max(worst, t->net->now - start);
        sim_check(t->net, t->net->now - start <= 3 * ADIT_SEC);
        sim_check(t->net, sim_run(t->net, 20 * ADIT_SEC, all_heard, t));
        sim_town_free(t);
    }
    print_message("the longest silence was %.2f s\n", (double)worst / 1e9);
}

/* A router starts anew and gives the pair in use another address: both sides go on over that. */
static void test_rebinding(void **state)
{
    adit_time worst = 0;

    (void)state;
    for (uint64_t seed = sim_first(); seed <= sim_last(30); seed++) {
        static const enum sim_nat_kind kinds[] = { SIM_PORT_RESTRICTED, SIM_RESTRICTED,
                                                   SIM_FULL_CONE };
        struct sim_town *t = sim_town(seed, kinds[seed % 3], SIM_FULL_CONE, 30 * ADIT_MS);
        int who = (int)(seed & 1);

        t->peer[0]->trickles = t->peer[1]->trickles = true; /* else nobody could know */
        t->peer[0]->carry = t->peer[1]->carry = 50 * ADIT_MS;
        said[0] = said[1] = 0;
        sim_check(t->net, sim_town_meet(t, 20 * ADIT_SEC));
        talk(t, (20 + adit_rng_below(&t->net->rng, 60)) * ADIT_SEC, NULL);
        sim_nat_readdress(t->nat[who], who ? "203.0.113.77" : "198.51.100.77");
        adit_time start = t->net->now;
        uint64_t heard[2] = { t->peer[0]->messages, t->peer[1]->messages };
        while (t->net->now < start + 20 * ADIT_SEC &&
               (t->peer[0]->messages < heard[0] + 5 || t->peer[1]->messages < heard[1] + 5))
            talk(t, 20 * ADIT_MS, NULL);
        worst = adit_time_max(worst, t->net->now - start);
        sim_check(t->net, t->net->now - start <= 4 * ADIT_SEC);
        sim_check(t->net, sim_run(t->net, 20 * ADIT_SEC, all_heard, t));
        sim_town_free(t);
    }
    print_message("the longest silence was %.2f s\n", (double)worst / 1e9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nat_becomes_a_cone), cmocka_unit_test(test_ipv6_appears),
        cmocka_unit_test(test_nothing_better),     cmocka_unit_test(test_uplink_dies),
        cmocka_unit_test(test_rebinding),
    };

    return cmocka_run_group_tests_name("path", tests, NULL, NULL);
}
