/* test_ice_nominate.c - who controls, and which pair is chosen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/ice_net.h"

static struct net net;

static int setup(void **state)
{
    (void)state;
    net_init(&net);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    net_done(&net);
    return 0;
}

static void glare(bool controlling)
{
    struct net_node *a, *b;
    struct adit_ice_stats sa, sb;

    net.delay = 10 * ADIT_MS;
    net_two_hosts(&net, &a, &b);
    adit_ice_set_role(a->ice, controlling);
    adit_ice_set_role(b->ice, controlling);
    net_describe(a, b, true);
    net_describe(b, a, true);
    net_run(&net, net.now + 300 * ADIT_MS);
    net_assert_connected(a, b);
    assert_true(adit_ice_controlling(a->ice) != adit_ice_controlling(b->ice));
    adit_ice_stats(a->ice, &sa);
    adit_ice_stats(b->ice, &sb);
    assert_true(sa.role_conflicts + sb.role_conflicts > 0);
}

static void test_both_controlling(void **state)
{
    (void)state;
    glare(true);
}

static void test_both_controlled(void **state)
{
    (void)state;
    glare(false);
}

/* RFC 8445 section 8.1.1: USE-CANDIDATE comes from the controlling side alone, for one pair. */
static void test_regular_nomination(void **state)
{
    struct net_node *a, *b;
    size_t nominations = 0;
    struct adit_addr to = { 0 };

    (void)state;
    net.delay = 3 * ADIT_MS;
    net_two_hosts(&net, &a, &b);
    net_base(a, 1, "10.1.0.1:1001", 60000);
    net_base(a, 2, "10.2.0.1:1002", 50000);
    net_base(b, 6, "10.1.0.2:2001", 60000);
    net_introduce(a, b);
    net_run(&net, net.now + 20 * ADIT_SEC);
    net_assert_connected(a, b);
    for (size_t i = 0; i < a->sent_count; i++) {
        if (!a->sent[i].use_candidate)
            continue;
        assert_true(!nominations || adit_addr_equal(&to, &a->sent[i].to));
        nominations++;
        to = a->sent[i].to;
    }
    assert_true(nominations > 0);
    for (size_t i = 0; i < b->sent_count; i++)
        assert_false(b->sent[i].use_candidate);
    assert_true(adit_addr_equal(&net_selected(a).remote->addr, &b->base_addr[0]));
}

static bool drop_best(struct net *n, struct net_packet *p)
{
    struct adit_addr best = net_addr("10.0.0.2:2000");

    (void)n;
    return !adit_addr_equal(&p->to, &best) && !adit_addr_equal(&p->from, &best);
}

/* The best pair does not answer: after a short wait the best that does is nominated. */
static void test_second_best(void **state)
{
    struct net_node *a, *b;
    adit_time start = net.now;

    (void)state;
    net.delay = ADIT_MS;
    net.filter = drop_best;
    net_two_hosts(&net, &a, &b);
    net_base(b, 6, "10.1.0.2:2001", 60000);
    net_introduce(a, b);
    net_run(&net, start + 60 * ADIT_MS);
    assert_true(adit_ice_selected(a->ice, NULL));
    assert_false(net_selected(a).nominated);
    net_run(&net, start + 200 * ADIT_MS);
    net_assert_connected(a, b);
    assert_int_equal(net_selected(b).base, 6);
}

/* Towards an ice-lite peer we control; it only answers. */
static bool lite_peer(struct net *n, struct net_packet *p)
{
    struct net_node *lite = n->filter_arg;

    return !(p->node == lite->index && adit_ice_state(lite->ice) != ADIT_ICE_NEW);
}

static void test_ice_lite(void **state)
{
    struct net_node *a, *b;

    (void)state;
    net_two_hosts(&net, &a, &b);
    net.filter = lite_peer;
    net.filter_arg = b;
    net_remote(a, "10.0.0.2:2000", 100);
    assert_int_equal(
        adit_ice_set_remote(a->ice, adit_ice_ufrag(b->ice), adit_ice_pwd(b->ice), true, net.now),
        0);
    assert_true(adit_ice_controlling(a->ice));
    net_run(&net, net.now + 20 * ADIT_SEC); /* b never gets a description, so it only answers */
    assert_int_equal(adit_ice_state(a->ice), ADIT_ICE_CONNECTED);
    assert_true(net_selected(a).nominated);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_both_controlling), T(test_both_controlled), T(test_regular_nomination),
        T(test_second_best),      T(test_ice_lite),
    };

    return cmocka_run_group_tests_name("ice nominate", tests, NULL, NULL);
}
