/* ICE restarts under a live connection (RFC 8445 section 9): the same DTLS, the same channel, and
 * nothing of what is reliable is missing. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sim/town.h"

#define HOLD (120 * ADIT_SEC)

/* Each side says a number every 50 ms and expects the other's in order. */
struct talk {
    struct sim_town *t;
    uint32_t said[2];
    adit_time longest[2], last[2]; /* between two that came */
    uint64_t seen[2];
    bool over;
    bool mute; /* the second one only listens */
};

static void on_say(void *arg)
{
    struct talk *k = arg;

    for (int i = 0; i < 2; i++) {
        struct sim_peer *p = k->t->peer[i];

        if (p->messages != k->seen[i]) {
            k->seen[i] = p->messages;
            k->longest[i] = adit_time_max(k->longest[i], k->t->net->now - k->last[i]);
            k->last[i] = k->t->net->now;
        }
        if (p->channel && !k->over && !p->stopped && !(k->mute && i) &&
            adit_channel_send(p->channel, &k->said[i], sizeof k->said[i], false, k->t->net->now) ==
                0)
            k->said[i]++;
        if (p->takes_datagrams && !k->over && !p->stopped)
            (void)!sim_peer_datagram(p, (const uint8_t *)"beside", 6);
    }
    sim_at(k->t->net, k->t->net->now + 50 * ADIT_MS, on_say, k);
}

static bool all_heard(void *arg)
{
    struct talk *k = arg;

    return k->t->peer[0]->messages >= k->said[1] && k->t->peer[1]->messages >= k->said[0];
}

static struct talk *connected(uint64_t seed, enum sim_nat_kind a, enum sim_nat_kind b,
                              adit_time hold)
{
    struct sim_town *t = sim_town(seed, a, b, 40 * ADIT_MS);
    struct talk *k = sim_net_alloc(t->net, sizeof *k, NULL);

    k->t = t;
    for (int i = 0; i < 2; i++) {
        t->peer[i]->conf.hold = hold;
        t->peer[i]->takes_datagrams = seed & 1;
        t->peer[i]->carry = 100 * ADIT_MS;
    }
    sim_check(t->net, sim_town_meet(t, 10 * ADIT_SEC));
    k->last[0] = k->last[1] = t->net->now;
    on_say(k);
    sim_run(t->net, 2 * ADIT_SEC + seed * 77 * ADIT_MS, NULL, NULL);
    return k;
}

/* What has been said has come, by the same association, and little time was without. */
static void check_whole(struct talk *k, adit_time gap)
{
    struct sim_town *t = k->t;

    k->over = true;
    sim_check(t->net, sim_run(t->net, 20 * ADIT_SEC, all_heard, k));
    for (int i = 0; i < 2; i++) {
        if (k->longest[i] > gap)
            print_message("# %s heard nothing for %.2f s\n", t->peer[i]->name,
                          (double)k->longest[i] / 1e9);
        sim_check(t->net, t->peer[i]->associated == 1);
        sim_check(t->net, t->peer[i]->state == ADIT_PEER_CONNECTED);
        sim_check(t->net, k->longest[i] <= gap);
    }
}

static void finish(struct talk *k, adit_time gap)
{
    check_whole(k, gap);
    sim_town_free(k->t);
}

static unsigned done(const struct sim_peer *p)
{
    struct adit_engine_stats s;

    adit_engine_stats(p->engine, &s);
    return s.ice_restarts;
}

/* ---- while the path works -------------------------------------------------------------------- */

static void test_nobody_notices(void **state)
{
    (void)state;
    for (uint64_t seed = sim_first(); seed <= sim_last(60); seed++) {
        struct talk *k = connected(seed, seed % SIM_PORT_RESTRICTED, SIM_PORT_RESTRICTED, 0);
        struct sim_town *t = k->t;

        for (int i = 0; i < 2; i++) {
            t->iface[i]->up.loss = (unsigned)(seed % 4) * 20;
            t->peer[i]->no_signaling = seed & 4; /* the connection itself is enough */
        }
        adit_engine_restart(t->peer[seed & 1]->engine, t->net->now);
        sim_run(t->net, 10 * ADIT_SEC, NULL, NULL);
        for (int i = 0; i < 2; i++) {
            sim_check(t->net, done(t->peer[i]) == 1);
            sim_check(t->net, !t->peer[i]->state_at[ADIT_PEER_DISCONNECTED]);
            t->iface[i]->up.loss = 0;
        }
        finish(k, 2 * ADIT_SEC);
    }
}

static void test_both_at_once(void **state)
{
    (void)state;
    for (uint64_t seed = sim_first(); seed <= sim_last(60); seed++) {
        struct talk *k = connected(seed, SIM_PORT_RESTRICTED, SIM_RESTRICTED, 0);
        struct sim_town *t = k->t;

        t->peer[0]->no_signaling = t->peer[1]->no_signaling = seed & 1;
        adit_engine_restart(t->peer[0]->engine, t->net->now);
        sim_run(t->net, seed * 3 * ADIT_MS, NULL, NULL); /* or a little later */
        adit_engine_restart(t->peer[1]->engine, t->net->now);
        sim_run(t->net, 10 * ADIT_SEC, NULL, NULL);
        for (int i = 0; i < 2; i++) {
            sim_check(t->net, done(t->peer[i]) >= 1 && done(t->peer[i]) <= 2);
            sim_check(t->net, done(t->peer[0]) == done(t->peer[1]));
            sim_check(t->net, !t->peer[i]->state_at[ADIT_PEER_DISCONNECTED]);
        }
        finish(k, ADIT_SEC);
    }
}

/* ---- addresses change ------------------------------------------------------------------------ */

static void test_one_moves(void **state)
{
    (void)state;
    for (uint64_t seed = sim_first(); seed <= sim_last(40); seed++) {
        struct talk *k = connected(seed, SIM_PORT_RESTRICTED, SIM_PORT_RESTRICTED, HOLD);
        struct sim_town *t = k->t;
        int who = seed & 1;

        sim_nat_readdress(t->nat[who], who ? "203.0.113.77" : "198.51.100.77");
        sim_peer_move(t->peer[who], 0, who ? "10.0.0.77" : "192.168.1.77");
        sim_run(t->net, 10 * ADIT_SEC, NULL, NULL);
        finish(k, 3 * ADIT_SEC);
    }
}

/* A router has another address, and no host has noticed: only that nothing comes any more. */
static void test_router_moves(void **state)
{
    (void)state;
    for (uint64_t seed = sim_first(); seed <= sim_last(40); seed++) {
        struct talk *k = connected(seed, SIM_PORT_RESTRICTED, SIM_PORT_RESTRICTED, HOLD);
        struct sim_town *t = k->t;
        int who = seed & 1;

        t->peer[0]->trickles = t->peer[1]->trickles = true;
        sim_nat_readdress(t->nat[who], who ? "203.0.113.77" : "198.51.100.77");
        sim_run(t->net, 15 * ADIT_SEC, NULL, NULL);
        finish(k, 4 * ADIT_SEC);
    }
}

/* Nothing of it is owed an answer, and it has to find out all the same. */
static void test_router_of_who_listens_moves(void **state)
{
    (void)state;
    for (uint64_t seed = sim_first(); seed <= sim_last(40); seed++) {
        struct talk *k = connected(seed, SIM_PORT_RESTRICTED, SIM_PORT_RESTRICTED, HOLD);
        struct sim_town *t = k->t;

        t->peer[0]->trickles = t->peer[1]->trickles = true;
        k->mute = true;
        sim_run(t->net, 5 * ADIT_SEC, NULL, NULL);
        t->peer[0]->no_signaling = true; /* so it is not told by him who speaks */
        sim_nat_readdress(t->nat[1], "203.0.113.77");
        sim_run(t->net, 15 * ADIT_SEC, NULL, NULL);
        k->longest[0] = 0;
        finish(k, 3 * ADIT_SEC);
    }
}

/* Both routers have other addresses while a restart is under way, which has gathered the old ones;
 * what falls silent then begins another one. */
static void test_routers_move_in_a_restart(void **state)
{
    (void)state;
    for (uint64_t seed = sim_first(); seed <= sim_last(60); seed++) {
        struct talk *k = connected(seed, SIM_PORT_RESTRICTED, SIM_PORT_RESTRICTED, HOLD);
        struct sim_town *t = k->t;

        adit_engine_restart(t->peer[seed & 1]->engine, t->net->now);
        sim_run(t->net, seed % 60 * 3 * ADIT_MS, NULL, NULL);
        for (int i = 0; i < 2; i++)
            sim_nat_readdress(t->nat[i], i ? "203.0.113.77" : "198.51.100.77");
        sim_run(t->net, 15 * ADIT_SEC, NULL, NULL);
        finish(k, 5 * ADIT_SEC);
    }
}

/* The other one's router knows nothing of it, and lets nobody in whom it was not told of. */
static void test_both_move(void **state)
{
    (void)state;
    for (uint64_t seed = sim_first(); seed <= sim_last(60); seed++) {
        struct talk *k = connected(seed, SIM_PORT_RESTRICTED, SIM_PORT_RESTRICTED, HOLD);
        struct sim_town *t = k->t;
        adit_time carry = (100 + seed % 60 * 100) * ADIT_MS;

        for (int i = 0; i < 2; i++) {
            t->peer[i]->carry = carry;
            sim_nat_readdress(t->nat[i], i ? "203.0.113.77" : "198.51.100.77");
            sim_peer_move(t->peer[i], 0, i ? "10.0.0.77" : "192.168.1.77");
        }
        sim_run(t->net, 15 * ADIT_SEC, NULL, NULL);
        finish(k, carry + 5 * ADIT_SEC);
    }
}

/* No address for a while, and no server; then both are back. */
static void test_signaling_down(void **state)
{
    (void)state;
    for (uint64_t seed = sim_first(); seed <= sim_last(30); seed++) {
        struct talk *k = connected(seed, SIM_PORT_RESTRICTED, SIM_PORT_RESTRICTED, HOLD);
        struct sim_town *t = k->t;
        adit_time down = (5 + seed % 30) * ADIT_SEC;

        for (int i = 0; i < 2; i++) {
            sim_peer_signaling(t->peer[i], false);
            sim_nat_readdress(t->nat[i], i ? "203.0.113.77" : "198.51.100.77");
            sim_peer_move(t->peer[i], 0, i ? "10.0.0.77" : "192.168.1.77");
        }
        sim_run(t->net, down, NULL, NULL);
        for (int i = 0; i < 2; i++)
            sim_peer_signaling(t->peer[i], true);
        sim_check(t->net, sim_run(t->net, 5 * ADIT_SEC, sim_pair_open, t->peer[0]));
        sim_run(t->net, 5 * ADIT_SEC, NULL, NULL);
        finish(k, down + 4 * ADIT_SEC);
    }
}

/* An interface more, and then without the first: no word of signaling is needed. */
static void test_in_band(void **state)
{
    (void)state;
    for (uint64_t seed = sim_first(); seed <= sim_last(20); seed++) {
        struct talk *k = connected(seed, SIM_OPEN, SIM_PORT_RESTRICTED, 0);
        struct sim_town *t = k->t;
        struct sim_iface *second = sim_peer_attach(t->peer[0], t->internet, "198.51.100.9");

        sim_set_links(second, &(struct sim_link){ .delay = 10 * ADIT_MS });
        t->peer[0]->no_signaling = t->peer[1]->no_signaling = true;
        sim_peer_move(t->peer[0], 1, "198.51.100.9");
        sim_run(t->net, 3 * ADIT_SEC, NULL, NULL);
        sim_check(t->net, done(t->peer[0]) == 1 && done(t->peer[1]) == 1);
        sim_peer_move(t->peer[0], 0, NULL);
        sim_run(t->net, 5 * ADIT_SEC, NULL, NULL);
        finish(k, 3 * ADIT_SEC);
    }
}

/* ---- silence --------------------------------------------------------------------------------- */

static void cut(struct sim_town *t, bool yes)
{
    for (int i = 0; i < 2; i++)
        t->iface[i]->up.cut = t->iface[i]->down.cut = yes;
}

static void test_outage(void **state)
{
    static const adit_time outages[] = { 10, 28, 33, 45, 100 };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(outages); i++)
        for (uint64_t seed = sim_first(); seed <= sim_last(20); seed++) {
            /* Without a server one of the two must be where it was: their routers forget. */
            struct talk *k = connected(seed, seed & 1 ? SIM_OPEN : SIM_PORT_RESTRICTED,
                                       SIM_PORT_RESTRICTED, HOLD);
            struct sim_town *t = k->t;

            t->peer[0]->no_signaling = t->peer[1]->no_signaling = seed & 1;
            cut(t, true);
            sim_run(t->net, outages[i] * ADIT_SEC, NULL, NULL);
            cut(t, false);
            sim_check(t->net, sim_run(t->net, 15 * ADIT_SEC, sim_pair_open, t->peer[0]));
            sim_run(t->net, 4 * ADIT_SEC, NULL, NULL);
            for (int n = 0; n < 2; n++) /* never a storm */
                sim_check(t->net, t->peer[n]->restarts <= 8);
            finish(k, (outages[i] + 15) * ADIT_SEC);
        }
}

static bool is_data(void *arg, const struct sim_packet *p)
{
    *(uint64_t *)arg += p->n && p->bytes[0] >= 20;
    return true; /* and it is lost */
}

/* RFC 7675: without consent nothing but what asks for it leaves, and it comes to an end. */
static void test_no_data_without_consent(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 4; seed++) {
        struct talk *k = connected(seed, SIM_PORT_RESTRICTED, SIM_PORT_RESTRICTED, HOLD);
        struct sim_town *t = k->t;
        adit_time start = t->net->now;
        uint64_t data[2] = { 0, 0 }, before;

        for (int i = 0; i < 2; i++) {
            t->iface[i]->up.drop = is_data;
            t->iface[i]->up.drop_arg = &data[i];
        }
        sim_run(t->net, 31 * ADIT_SEC, NULL, NULL);
        before = data[0] + data[1];
        sim_check(t->net, before > 0 && t->peer[0]->state == ADIT_PEER_DISCONNECTED);
        sim_run(t->net, 60 * ADIT_SEC, NULL, NULL);
        sim_check(t->net, data[0] + data[1] == before);
        sim_check(t->net, t->peer[0]->state == ADIT_PEER_DISCONNECTED);
        sim_check(t->net, sim_run(t->net, HOLD, sim_pair_over, t->peer[0]));
        sim_check(t->net, t->net->now - start <= HOLD + 40 * ADIT_SEC);
        sim_check(t->net, t->peer[0]->cause.reason == ADIT_REASON_SILENCE);
        sim_town_free(t);
    }
}

/* All of it, one after the other and at once, for a minute: then there is rest, and they talk. */
static void test_a_bad_minute(void **state)
{
    (void)state;
    for (uint64_t seed = sim_first(); seed <= sim_last(100); seed++) {
        struct talk *k = connected(seed, SIM_PORT_RESTRICTED, SIM_PORT_RESTRICTED, HOLD);
        struct sim_town *t = k->t;
        struct adit_rng *rng = &t->net->rng;
        adit_time until = t->net->now + 60 * ADIT_SEC;
        char ip[32];

        t->peer[0]->carry = t->peer[1]->carry = adit_rng_below(rng, 1500) * ADIT_MS;
        t->peer[0]->trickles = t->peer[1]->trickles = true;
        for (unsigned n = 2; t->net->now < until; n++) {
            int i = (int)adit_rng_below(rng, 2);

            switch (adit_rng_below(rng, 5)) {
            case 0:
                adit_engine_restart(t->peer[i]->engine, t->net->now);
                break;
            case 1:
                snprintf(ip, sizeof ip, i ? "203.0.113.%u" : "198.51.100.%u", n);
                sim_nat_readdress(t->nat[i], ip);
                break;
            case 2:
                snprintf(ip, sizeof ip, i ? "10.0.0.%u" : "192.168.1.%u", 10 + n);
                sim_peer_move(t->peer[i], 0, ip);
                break;
            case 3:
                t->iface[i]->up.cut = t->iface[i]->down.cut = !t->iface[i]->up.cut;
                break;
            case 4:
                sim_peer_signaling(t->peer[i], t->peer[i]->no_signaling);
                break;
            }
            sim_run(t->net, adit_rng_below(rng, adit_rng_below(rng, 2) ? 100 : 4000) * ADIT_MS,
                    NULL, NULL);
        }
        for (int i = 0; i < 2; i++) {
            t->iface[i]->up.cut = t->iface[i]->down.cut = false;
            sim_peer_signaling(t->peer[i], true);
        }
        sim_run(t->net, 15 * ADIT_SEC, NULL, NULL);
        sim_check(t->net, t->peer[0]->messages + 20 >= k->said[1]);
        sim_check(t->net, t->peer[1]->messages + 20 >= k->said[0]);
        finish(k, ADIT_NEVER);
    }
}

/* ---- away ------------------------------------------------------------------------------------ */

/* One of the two or both do not run for a while; meanwhile a router may have got another address.
 */
static void test_away(void **state)
{
    (void)state;
    for (uint64_t seed = sim_first(); seed <= sim_last(60); seed++) {
        struct talk *k = connected(seed, SIM_PORT_RESTRICTED, SIM_OPEN, HOLD);
        struct sim_town *t = k->t;
        adit_time away = (seed % 2 ? 10 : 20) * ADIT_SEC;
        unsigned who = 1 + seed / 2 % 3;
        bool moves = seed / 6 % 2;

        t->peer[0]->no_signaling = t->peer[1]->no_signaling = true;
        for (int i = 0; i < 2; i++)
            if (who & 1u << i)
                sim_peer_stop(t->peer[i]);
        sim_run(t->net, away, NULL, NULL);
        if (moves)
            sim_nat_readdress(t->nat[0], "198.51.100.77");
        k->last[0] = k->last[1] = t->net->now;
        k->longest[0] = k->longest[1] = 0;
        for (int i = 0; i < 2; i++)
            if (who & 1u << i)
                sim_peer_go(t->peer[i]);
        sim_run(t->net, 10 * ADIT_SEC, NULL, NULL);
        finish(k, 4 * ADIT_SEC);
    }
}

/* Nothing is said, so nothing is missed: the question alone shows the one in the open where the
 * other is now. */
static void test_away_and_quiet(void **state)
{
    (void)state;
    for (uint64_t seed = sim_first(); seed <= sim_last(20); seed++) {
        struct talk *k = connected(seed, SIM_PORT_RESTRICTED, SIM_OPEN, HOLD);
        struct sim_town *t = k->t;

        t->peer[0]->no_signaling = t->peer[1]->no_signaling = true;
        k->over = true;
        sim_run(t->net, 5 * ADIT_SEC, NULL, NULL);
        for (int i = 0; i < 2; i++)
            sim_peer_stop(t->peer[i]);
        sim_run(t->net, 3 * ADIT_SEC, NULL, NULL); /* no check is due yet */
        sim_nat_readdress(t->nat[0], "198.51.100.77");
        for (int i = 0; i < 2; i++)
            sim_peer_go(t->peer[i]);
        adit_time back = t->net->now;
        sim_run(t->net, 10 * ADIT_SEC, NULL, NULL);
        sim_check(t->net, t->peer[1]->selected_at >= back);
        /* Not at once, if a check that waited in a queue lets the old pair look alive: then the new
         * one's MTU is asked for before the change. */
        sim_check(t->net, t->peer[1]->selected_at <= back + 400 * ADIT_MS);
        finish(k, 60 * ADIT_SEC);
    }
}

/* ---- for ever -------------------------------------------------------------------------------- */

/* What the engines hold: all but the letters, which the net keeps. 0 with sanitizers. */
static size_t held(const struct sim_town *t)
{
    size_t letters = t->peer[0]->letters + t->peer[1]->letters;

    return mallinfo2().uordblks - letters * sizeof(struct adit_desc);
}

static void test_two_hundred_moves(void **state)
{
    struct talk *k = connected(1, SIM_PORT_RESTRICTED, SIM_PORT_RESTRICTED, HOLD);
    struct sim_town *t = k->t;
    size_t early = 0;

    (void)state;
    for (int i = 0; i < 200; i++) {
        int who = (int)adit_rng_below(&t->net->rng, 2);
        char ip[32];

        snprintf(ip, sizeof ip, who ? "203.0.113.%d" : "198.51.100.%d", 2 + i);
        sim_nat_readdress(t->nat[who], ip);
        snprintf(ip, sizeof ip, who ? "10.0.0.%d" : "192.168.1.%d", 2 + i);
        sim_peer_move(t->peer[who], 0, ip);
        sim_run(t->net, (3 + adit_rng_below(&t->net->rng, 20)) * ADIT_SEC, NULL, NULL);
        if (i == 20)
            early = held(t);
    }
    sim_run(t->net, 10 * ADIT_SEC, NULL, NULL);
    sim_check(t->net, !mallinfo2().uordblks || held(t) < early + 100 * 1024);
    finish(k, 6 * ADIT_SEC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody_notices),
        cmocka_unit_test(test_both_at_once),
        cmocka_unit_test(test_one_moves),
        cmocka_unit_test(test_router_moves),
        cmocka_unit_test(test_router_of_who_listens_moves),
        cmocka_unit_test(test_routers_move_in_a_restart),
        cmocka_unit_test(test_both_move),
        cmocka_unit_test(test_signaling_down),
        cmocka_unit_test(test_in_band),
        cmocka_unit_test(test_outage),
        cmocka_unit_test(test_no_data_without_consent),
        cmocka_unit_test(test_a_bad_minute),
        cmocka_unit_test(test_away),
        cmocka_unit_test(test_away_and_quiet),
        cmocka_unit_test(test_two_hundred_moves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
