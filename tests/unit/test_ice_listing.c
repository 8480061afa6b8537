/* test_ice_listing.c - what people are told about each pair, and each STUN server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/ice_fixture.h"

static struct adit_ice_pair_view pair_to(const struct net_node *node, const char *addr)
{
    struct adit_ice_pair_view v;
    struct adit_addr to = net_addr(addr);

    for (size_t i = 0; adit_ice_pair_at(node->ice, i, &v); i++)
        if (adit_addr_equal(&v.remote->addr, &to))
            return v;
    fail_msg("no pair to %s", addr);
    return v;
}

static bool all_lost, best_lost;

static bool dead_or_elsewhere(struct net *n, struct net_packet *p)
{
    struct adit_addr dead = net_addr("10.0.9.1:1"), odd = net_addr("10.0.9.2:2"),
                     best = net_addr("10.0.0.2:2000");

    if (adit_addr_equal(&p->from, &odd))
        p->from = net_addr("10.0.9.9:9");
    (void)n;
    if (best_lost && (adit_addr_equal(&p->to, &best) || adit_addr_equal(&p->from, &best)))
        return false;
    return !all_lost && !adit_addr_equal(&p->to, &dead);
}

static void test_reasons(void **state)
{
    struct adit_addr refused = net_addr("10.0.9.3:3");
    struct net_node *a, *b;
    struct adit_ice_pair_view v;

    (void)state;
    net.delay = ADIT_MS;
    net.filter = dead_or_elsewhere;
    net_two_hosts(&net, &a, &b);
    net_base(b, 6, "10.0.9.2:2", 60000);
    net_remote(a, "10.0.9.1:1", 77);
    net_remote(a, "10.0.9.3:3", 78);
    v = pair_to(a, "10.0.9.1:1");
    assert_int_equal(v.why, ADIT_WHY_NOT_TRIED);
    all_lost = true;
    net_introduce(a, b);
    net_run(&net, net.now + 100 * ADIT_MS);
    v = pair_to(a, "10.0.9.1:1");
    assert_string_equal(v.state, "in progress");
    assert_int_equal(v.why, ADIT_WHY_TRYING);
    all_lost = false;
    best_lost = true;
    adit_ice_send_failed(a->ice, 0, &refused, ENETUNREACH, net.now);
    v = pair_to(a, "10.0.9.3:3");
    assert_int_equal(v.why, ADIT_WHY_REFUSED);
    assert_int_equal(v.err, ENETUNREACH);
    net_run(&net, net.now + 1 * ADIT_SEC);
    assert_int_equal(pair_to(a, "10.0.9.2:2").why, ADIT_WHY_ELSEWHERE);
    best_lost = false;
    net_run(&net, net.now + 5 * ADIT_SEC);
    v = pair_to(a, "10.0.0.2:2000");
    assert_true(v.in_use && v.valid && v.nominated && !v.relayed);
    assert_int_equal(v.why, ADIT_WHY_IN_USE);
    assert_true(v.checks_sent >= v.checks_answered && v.checks_answered > 0);
    assert_int_equal(v.base, 0);
}

static void test_texts(void **state)
{
    (void)state;
    for (unsigned why = 0; why < ADIT_WHY_COUNT; why++)
        assert_true(*adit_why_text((enum adit_why)why));
    assert_string_equal(adit_why_text(ADIT_WHY_COUNT), "unknown");
}

static unsigned to_lose;

static bool first_ones_lost(struct net *n, struct net_packet *p)
{
    (void)n;
    if (!to_lose || !adit_addr_equal(&p->to, &net.stun_server[0]))
        return true;
    to_lose--;
    return false;
}

static void saw(const struct net_node *node, size_t i, const struct adit_addr *mapped, bool settled,
                adit_time rtt)
{
    struct adit_ice_stun_view v;

    assert_true(adit_ice_stun_at(node->ice, i, &v));
    assert_true(adit_addr_equal(v.base, &node->base_addr[1]));
    if (mapped)
        assert_true(v.mapped && adit_addr_equal(v.mapped, mapped));
    else
        assert_null(v.mapped);
    assert_int_equal(v.settled, settled);
    assert_int_equal(v.rtt, rtt);
}

/* One answers, the other one never does; a base of the other family asks neither. */
static void test_stun(void **state)
{
    struct adit_addr servers[] = { net_addr("198.51.100.1:3478"), net_addr("198.51.100.2:3478") };
    struct adit_ice_conf conf = { .stun = servers, .stun_count = 2 };
    struct net_node *a = net_node(&net, 0, &conf);
    struct adit_ice_stun_view v;

    (void)state;
    net.delay = 5 * ADIT_MS;
    net.filter = first_ones_lost;
    net.stun_server[0] = servers[0];
    net.stun_mapped = net_addr("203.0.113.1:4000");
    to_lose = 1;
    assert_false(adit_ice_stun_at(a->ice, 0, &v));
    net_base(a, 0, "[2001:db8::1]:1001", 65535);
    net_base(a, 1, "10.0.0.1:1000", 65534);
    saw(a, 0, NULL, false, 0);
    saw(a, 1, NULL, false, 0);
    assert_true(adit_ice_stun_at(a->ice, 1, &v) && adit_addr_equal(v.server, &servers[1]));
    assert_false(adit_ice_stun_at(a->ice, 2, &v));
    adit_ice_bases_done(a->ice, net.now);
    net_run(&net, net.now + 2 * ADIT_SEC);
    saw(a, 0, &net.stun_mapped, true, 0); /* to which of two requests? */
    saw(a, 1, NULL, false, 0);
    net_run(&net, net.now + 20 * ADIT_SEC);
    saw(a, 0, &net.stun_mapped, true, 10 * ADIT_MS);
    to_lose = 1;
    net.delay = 7 * ADIT_MS;
    net_run(&net, net.now + 15 * ADIT_SEC);
    assert_int_equal(to_lose, 0);
    saw(a, 0, &net.stun_mapped, true, 10 * ADIT_MS);
    net_run(&net, net.now + 60 * ADIT_SEC);
    saw(a, 0, &net.stun_mapped, true, 14 * ADIT_MS);
    saw(a, 1, NULL, true, 0);
    adit_ice_remove_base(a->ice, 1, net.now);
    assert_false(adit_ice_stun_at(a->ice, 0, &v));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = { T(test_reasons), T(test_texts), T(test_stun) };

    return cmocka_run_group_tests_name("ice listing", tests, NULL, NULL);
}
