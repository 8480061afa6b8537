/* test_ice_connect.c - two agents find each other: ways to meet, loss, NATs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/ice_fixture.h"

/* On a link without delay everything is done within three slots of 10 ms, and the first check
 * leaves the moment the description comes. */
static void test_at_once(void **state)
{
    struct net_node *a, *b;
    adit_time start = net.now;

    (void)state;
    net_two_hosts(&net, &a, &b);
    assert_int_equal(adit_ice_send(a->ice, NET_DATA, sizeof NET_DATA), -ENOTCONN);
    net_introduce(a, b);
    net_run(&net, net.now); /* no time passes */
    assert_true(adit_ice_selected(a->ice, NULL) && adit_ice_selected(b->ice, NULL));
    assert_int_equal(a->state_at[ADIT_ICE_CONNECTED], start);
    net_run(&net, net.now + 30 * ADIT_MS);
    net_assert_connected(a, b);
    assert_true(a->heard == 1 && b->heard == 1);
    assert_true(adit_ice_controlling(a->ice) && !adit_ice_controlling(b->ice));
}

/* One round trip from the description to the first byte of data; nomination is one more, beside. */
static void test_one_round_trip(void **state)
{
    struct net_node *a, *b;
    adit_time start = net.now;

    (void)state;
    net.delay = 100 * ADIT_MS;
    net_two_hosts(&net, &a, &b);
    net_introduce(a, b);
    net_run(&net, start + 190 * ADIT_MS);
    assert_false(adit_ice_selected(a->ice, NULL));
    net_run(&net, start + 200 * ADIT_MS);
    assert_true(adit_ice_selected(a->ice, NULL) && adit_ice_selected(b->ice, NULL));
    net_run(&net, start + 420 * ADIT_MS);
    net_assert_connected(a, b);
    net_run(&net, net.now + 20 * ADIT_SEC);
    assert_int_equal(a->selected, 1);
    struct adit_ice_stats stats;
    adit_ice_stats(a->ice, &stats);
    assert_int_equal(stats.rtt, 200 * ADIT_MS);
}

/* The side without candidates is found by its own checks; either side may be that one. */
static void test_no_candidates_on_one_side(void **state)
{
    struct net_node *a, *b;

    (void)state;
    net.delay = 20 * ADIT_MS;
    net_two_hosts(&net, &a, &b);
    adit_ice_set_role(a->ice, true);
    adit_ice_set_role(b->ice, false);
    net_describe(a, b, true);
    net_describe(b, a, false);
    adit_ice_remote_done(a->ice, net.now);
    net_run(&net, net.now + 200 * ADIT_MS);
    net_assert_connected(a, b);
    assert_int_equal(net_selected(a).remote->type, ADIT_CAND_PRFLX);
    assert_int_equal(net_selected(b).remote->type, ADIT_CAND_HOST);
}

static void test_no_candidates_on_the_controlled_side(void **state)
{
    struct net_node *a, *b;

    (void)state;
    net_two_hosts(&net, &a, &b);
    adit_ice_set_role(a->ice, true);
    adit_ice_set_role(b->ice, false);
    net_describe(b, a, true);
    net_describe(a, b, false);
    net_run(&net, net.now + 200 * ADIT_MS);
    net_assert_connected(b, a);
}

/* Checks that come before the description are answered, kept and replayed; the sender is valid at
 * once, and so is what he sends. */
static void test_early_checks(void **state)
{
    struct net_node *a, *b;

    (void)state;
    net.delay = 5 * ADIT_MS;
    net_two_hosts(&net, &a, &b);
    adit_ice_set_role(a->ice, true);
    net_describe(b, a, true);
    net_run(&net, net.now + 100 * ADIT_MS);
    assert_int_equal(adit_ice_state(a->ice), ADIT_ICE_CONNECTED);
    assert_int_equal(adit_ice_state(b->ice), ADIT_ICE_NEW);
    assert_int_equal(adit_ice_send(a->ice, NET_DATA, sizeof NET_DATA), 0);
    net_run(&net, net.now + 100 * ADIT_MS);
    assert_int_equal(b->data, 1);
    assert_int_equal(b->heard, 0);

    adit_time pasted = net.now;
    adit_ice_set_role(b->ice, false);
    net_describe(a, b, false);
    assert_int_equal(b->heard, 1);
    net_run(&net, pasted + 10 * ADIT_MS);
    assert_int_equal(adit_ice_state(b->ice), ADIT_ICE_CONNECTED);
    net_run(&net, pasted + 50 * ADIT_MS);
    net_assert_connected(a, b);
}

/* Somebody else answered the same offer first: his checks are not the peer's. */
static void test_early_checks_of_another_session(void **state)
{
    struct net_node *a, *b, *c;

    (void)state;
    net_two_hosts(&net, &a, &b);
    c = net_node(&net, 2, NULL);
    net_base(c, 0, "10.0.0.3:3000", 65535);
    adit_ice_set_role(c->ice, true);
    net_describe(b, c, true);
    net_run(&net, net.now + 100 * ADIT_MS);
    assert_true(adit_ice_selected(c->ice, NULL));
    adit_ice_set_role(b->ice, false);
    net_describe(a, b, false);
    net_run(&net, net.now + 100 * ADIT_MS);
    assert_int_equal(b->heard, 0);
    assert_int_equal(net_sent_to(b, "10.0.0.3:3000", ADIT_STUN_REQUEST), 0);
    assert_int_equal(adit_ice_send(c->ice, NET_DATA, sizeof NET_DATA), 0);
    net_run(&net, net.now + ADIT_MS);
    assert_int_equal(b->data, 0);
}

static bool drop_first_three(struct net *n, struct net_packet *p)
{
    unsigned *count = n->filter_arg;

    return p->node < 0 || ++*count > 3;
}

static void test_first_packets_lost(void **state)
{
    struct net_node *a, *b;
    unsigned count = 0;

    (void)state;
    net.delay = ADIT_MS;
    net.filter = drop_first_three;
    net.filter_arg = &count;
    net_two_hosts(&net, &a, &b);
    net_introduce(a, b);
    net_run(&net, net.now + 1100 * ADIT_MS);
    net_assert_connected(a, b);
}

static bool drop_at_random(struct net *n, struct net_packet *p)
{
    (void)p;
    return adit_rng_below(n->filter_arg, 100) >= 30;
}

/* 30 % loss each way, and half a second each way, with a hundred seeds. */
static void test_loss_and_delay(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct adit_rng rng;
        struct net_node *a, *b;

        net_done(&net);
        net_init(&net);
        adit_rng_init_seed(&rng, seed);
        net.filter_arg = &rng;
        net.filter = drop_at_random;
        net.delay = (seed % 3) * 250 * ADIT_MS;
        net_two_hosts(&net, &a, &b);
        net_introduce(a, b);
        net_run(&net, net.now + 16 * ADIT_SEC);
        if (!adit_ice_selected(a->ice, NULL) || !adit_ice_selected(b->ice, NULL))
            fail_msg("not connected with seed %llu", (unsigned long long)seed);
        net.filter = NULL;
    }
}

static bool nat(struct net *n, struct net_packet *p)
{
    struct adit_addr inside = net_addr("10.0.0.1:1000"), outside = net_addr("203.0.113.1:4444");

    (void)n;
    if (adit_addr_equal(&p->from, &inside))
        p->from = outside;
    if (adit_addr_equal(&p->to, &inside))
        return p->node < 0; /* nobody outside can reach it */
    if (adit_addr_equal(&p->to, &outside))
        p->to = inside;
    return true;
}

/* Behind a NAT: what the peer sees is a peer-reflexive candidate of ours, and is not announced. */
static void test_local_peer_reflexive(void **state)
{
    struct net_node *a, *b;

    (void)state;
    net.filter = nat;
    net.delay = ADIT_MS;
    net_two_hosts(&net, &a, &b);
    net_introduce(a, b);
    net_run(&net, net.now + 300 * ADIT_MS);
    net_assert_connected(a, b);
    struct adit_addr outside = net_addr("203.0.113.1:4444");
    assert_int_equal(net_selected(a).local->type, ADIT_CAND_PRFLX);
    assert_true(adit_addr_equal(&net_selected(a).local->addr, &outside));
    assert_int_equal(adit_ice_local_count(a->ice), 1);
    assert_int_equal(net_selected(b).remote->type, ADIT_CAND_PRFLX);
}

static void test_trickle(void **state)
{
    struct net_node *a, *b;

    (void)state;
    net.delay = 10 * ADIT_MS;
    net_two_hosts(&net, &a, &b);
    adit_ice_set_role(a->ice, true);
    adit_ice_set_role(b->ice, false);
    net_describe(a, b, false);
    net_describe(b, a, false);
    net_run(&net, net.now + 2 * ADIT_SEC);
    assert_int_equal(adit_ice_state(a->ice), ADIT_ICE_CHECKING);
    assert_int_equal(a->sent_count + b->sent_count, 0);
    net_remote(a, "10.0.0.2:2000", 100);
    net_run(&net, net.now + 100 * ADIT_MS);
    net_assert_connected(a, b);
    /* A candidate that comes with a connection in use changes nothing. */
    net_remote(a, "10.0.0.9:2000", 200000);
    net_run(&net, net.now + ADIT_SEC);
    assert_int_equal(net_sent_to(a, "10.0.0.9:2000", ADIT_STUN_REQUEST), 0);
}

static void test_after_the_end(void **state)
{
    struct net_node *a, *b;

    (void)state;
    net_two_hosts(&net, &a, &b);
    adit_ice_set_role(a->ice, true);
    net_describe(b, a, false);
    adit_ice_remote_done(a->ice, net.now);
    net_remote(a, "10.0.0.2:2000", 100);
    net_run(&net, net.now + ADIT_SEC);
    assert_int_equal(a->sent_count, 0);
    assert_int_equal(adit_ice_set_remote(a->ice, "abcd", "0123456789012345678901", false, net.now),
                     -EALREADY);
    assert_int_equal(adit_ice_set_remote(b->ice, "abc", "0123456789012345678901", false, net.now),
                     -EINVAL);
    assert_int_equal(adit_ice_set_remote(b->ice, "abcd", "012345678901234567890", false, net.now),
                     -EINVAL);
}

static void test_candidate_of_an_old_session(void **state)
{
    struct net_node *a, *b;
    struct adit_cand c = { .transport = ADIT_TRANSPORT_UDP,
                           .component = 1,
                           .priority = 5,
                           .foundation = "1",
                           .ufrag = "old0" };

    (void)state;
    net_two_hosts(&net, &a, &b);
    c.addr = net_addr("10.0.0.77:7");
    assert_int_equal(adit_ice_add_remote(a->ice, &c, net.now), 0);
    net_describe(b, a, false);
    c.addr.port++;
    assert_int_equal(adit_ice_add_remote(a->ice, &c, net.now), 0);
    net_run(&net, net.now + ADIT_SEC);
    assert_int_equal(a->sent_count, 0);
}

/* Link-local addresses meet on their own interface and never meet others; families do not mix. */
static void test_link_local_and_ipv6(void **state)
{
    struct net_node *a = net_node(&net, 0, NULL), *b = net_node(&net, 1, NULL);

    (void)state;
    net_base(a, 0, "[fe80::1]:10", 60000);
    net_base(a, 1, "[2001:db8::1]:11", 50000);
    net_base(a, 2, "10.0.0.1:12", 40000);
    net_base(b, 0, "[fe80::2]:20", 60000);
    net_base(b, 1, "[2001:db8::2]:21", 50000);
    net_base(b, 2, "10.0.0.2:22", 40000);
    net_introduce(a, b);
    net_run(&net, net.now + 300 * ADIT_MS);
    net_assert_connected(a, b);
    assert_int_equal(net_selected(a).base, 0);
    for (size_t i = 0; i < a->sent_count; i++) {
        const struct net_sent *s = &a->sent[i];
        assert_int_equal(s->to.scope, s->base == 0 ? 3 : 0);
        assert_int_equal(s->to.port - 20, s->base);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_at_once),
        T(test_one_round_trip),
        T(test_no_candidates_on_one_side),
        T(test_no_candidates_on_the_controlled_side),
        T(test_early_checks),
        T(test_early_checks_of_another_session),
        T(test_first_packets_lost),
        T(test_loss_and_delay),
        T(test_local_peer_reflexive),
        T(test_trickle),
        T(test_after_the_end),
        T(test_candidate_of_an_old_session),
        T(test_link_local_and_ipv6),
    };

    return cmocka_run_group_tests_name("ice connect", tests, NULL, NULL);
}
