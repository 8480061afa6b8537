/* test_ice_path.c - the best of several pairs, and what is done to keep it: renomination, the
 * backup, what is tried again, the option --path. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/ice_fixture.h"

static struct net_node *a, *b;
static bool direct_lost, talking;
static adit_time extra[3]; /* base 0, base 1, relay: on top of net.delay, each way */
static unsigned noise_ms;
static size_t least_mtu; /* that either side believed in, in the last run */

static bool direct(const struct net_packet *p)
{
    struct adit_addr relay = net_addr("192.0.2.99:1");

    return !adit_addr_equal_ip(&p->to, &relay) && !adit_addr_equal_ip(&p->from, &relay);
}

static bool network(struct net *n, struct net_packet *p)
{
    bool first = p->to.ip[1] == 0 || p->from.ip[1] == 0;

    if (direct(p) && direct_lost)
        return false;
    p->at += !direct(p) ? extra[2] : first ? extra[0] : extra[1];
    if (noise_ms)
        p->at += adit_rng_below(&n->nodes[0].rng, noise_ms) * ADIT_MS;
    return true;
}

static void relay_of(struct net_node *node, int id, const char *addr)
{
    struct adit_ice_relay r = { .addr = net_addr(addr),
                                .mapped = net_addr("203.0.113.1:5000"),
                                .server = net_addr("192.0.2.99:3478") };

    node->base_id[node->base_count] = id;
    node->base_addr[node->base_count++] = r.addr;
    assert_int_equal(adit_ice_add_relay(node->ice, id, &r, node->net->now), 0);
}

static int setup_nodes(void **state)
{
    setup(state);
    direct_lost = talking = false;
    memset(extra, 0, sizeof extra);
    noise_ms = 0;
    net.delay = 10 * ADIT_MS;
    net.filter = network;
    a = net_node(&net, 0, NULL);
    b = net_node(&net, 1, NULL);
    net_base(a, 0, "10.0.0.1:1000", 65535);
    net_base(b, 0, "10.0.0.2:2000", 65535);
    return 0;
}

/* Data both ways; returns how many packets are missing. */
static unsigned run(adit_time span, adit_time each)
{
    adit_time until = net.now + span;
    unsigned before = a->data + b->data, sent = 0;

    least_mtu = SIZE_MAX;

    for (; net.now < until; net_run(&net, net.now + each)) {
        sent += adit_ice_send(a->ice, NET_DATA, sizeof NET_DATA) == 0;
        sent += adit_ice_send(b->ice, NET_DATA, sizeof NET_DATA) == 0;
        least_mtu = adit_ice_mtu(a->ice) < least_mtu ? adit_ice_mtu(a->ice) : least_mtu;
        least_mtu = adit_ice_mtu(b->ice) < least_mtu ? adit_ice_mtu(b->ice) : least_mtu;
    }
    net_run(&net, net.now + ADIT_SEC);
    return sent - (a->data + b->data - before);
}

static void connect_over_relay(void)
{
    relay_of(a, 9, "192.0.2.99:5000");
    direct_lost = true;
    net_introduce(a, b);
    net_run(&net, net.now + 3 * ADIT_SEC);
    assert_int_equal(net_selected(a).base, 9);
    assert_true(net_selected(a).nominated && net_selected(b).nominated);
}

static void test_direct_after_relay(void **state)
{
    (void)state;
    connect_over_relay();
    assert_int_equal(run(60 * ADIT_SEC, 20 * ADIT_MS), 0);
    assert_int_equal(net_selected(a).base, 9);
    direct_lost = false;
    assert_int_equal(run(13 * ADIT_SEC, 20 * ADIT_MS), 0);
    assert_int_equal(least_mtu, 1460); /* known before the change, on either side */
    assert_int_equal(net_selected(a).base, 0);
    assert_int_equal(net_selected(b).remote->type, ADIT_CAND_HOST);
    assert_true(net_selected(a).nominated && net_selected(b).nominated);
    assert_true(adit_ice_mtu(a->ice) > ADIT_PMTU_BASE && adit_ice_mtu(b->ice) > ADIT_PMTU_BASE);
    /* It stays that way; the relay is the backup. */
    unsigned before = a->selected;
    net_run(&net, net.now + 3600 * ADIT_SEC);
    assert_int_equal(a->selected, before);
}

/* What was large enough on the old pair leaves only when the new one is known to carry it. */
static bool small_direct(struct net *n, struct net_packet *p)
{
    return network(n, p) && (!direct(p) || p->n <= 1300);
}

static void test_mtu_of_the_new_pair(void **state)
{
    (void)state;
    net.filter = small_direct;
    connect_over_relay();
    net_run(&net, net.now + 10 * ADIT_SEC);
    size_t before = adit_ice_mtu(a->ice);
    direct_lost = false;
    net_run(&net, net.now + 15 * ADIT_SEC);
    assert_int_equal(net_selected(a).base, 0);
    assert_true(before >= 1400);
    assert_int_equal(adit_ice_mtu(a->ice), 1232);
    assert_int_equal(adit_ice_mtu(b->ice), 1232);
}

/* Rounds of ten packets, every 5 s. */
static void test_budget_of_a_round(void **state)
{
    struct adit_ice_stats before, after;
    char addr[32];

    (void)state;
    for (int i = 0; i < 40; i++) {
        snprintf(addr, sizeof addr, "10.0.7.%d:7", i + 1);
        net_remote(a, addr, (uint32_t)(2000000 + i));
    }
    connect_over_relay();
    net_run(&net, net.now + 60 * ADIT_SEC); /* what was under way ends */
    size_t sent = 0, at = a->sent_count;
    adit_ice_stats(a->ice, &before);
    net_run(&net, net.now + 100 * ADIT_SEC);
    adit_ice_stats(a->ice, &after);
    for (; at < a->sent_count; at++)
        sent += a->sent[at].base == 0 && a->sent[at].class == ADIT_STUN_REQUEST;
    assert_in_range(sent, 190, 210);
}

static void two_ways(void)
{
    net_base(a, 1, "10.1.0.1:1001", 60000);
    net_base(b, 1, "10.1.0.2:2001", 60000);
    net_introduce(a, b);
    net_run(&net, net.now + 10 * ADIT_SEC);
    assert_int_equal(net_selected(a).base, 0);
}

static void test_faster_way(void **state)
{
    (void)state;
    two_ways();
    extra[0] = 20 * ADIT_MS;
    assert_int_equal(run(120 * ADIT_SEC, 50 * ADIT_MS), 0);
    assert_int_equal(net_selected(a).base, 1);
    assert_int_equal(net_selected(b).base, 1);
}

static void test_not_much_faster(void **state)
{
    (void)state;
    two_ways();
    extra[0] = 2 * ADIT_MS;
    net_run(&net, net.now + 600 * ADIT_SEC);
    assert_int_equal(net_selected(a).base, 0);
}

/* IPv6 comes while IPv4 is in use, on the same wire: it is as fast, and it is used. */
static void test_ipv6_comes(void **state)
{
    (void)state;
    net_introduce(a, b);
    net_run(&net, net.now + 120 * ADIT_SEC);
    net_base(a, 3, "[2001:db8::1]:1003", 65535);
    net_base(b, 3, "[2001:db8::2]:2003", 65535);
    net_remote(a, "[2001:db8::2]:2003", 2000000000);
    net_remote(b, "[2001:db8::1]:1003", 2000000000);
    assert_int_equal(run(15 * ADIT_SEC, 20 * ADIT_MS), 0);
    assert_int_equal(net_selected(a).base, 3);
    assert_int_equal(net_selected(b).base, 3);
    assert_int_equal(least_mtu, 1444); /* all that IPv6 has room for */
}

/* An hour of noise as large as the round trip itself: nothing changes. */
static void test_noise(void **state)
{
    (void)state;
    two_ways();
    noise_ms = 20;
    net_run(&net, net.now + 3600 * ADIT_SEC);
    assert_int_equal(a->selected, 1);
    assert_int_equal(b->selected, 1);
}

/* The better way changes each minute, for an hour, then every ten minutes for three: that is noise,
 * and this is followed. */
static void test_moody_ways(void **state)
{
    unsigned before;

    (void)state;
    two_ways();
    before = a->selected;
    for (int i = 0; i < 60; i++) {
        extra[i & 1] = 0;
        extra[!(i & 1)] = 100 * ADIT_MS;
        net_run(&net, net.now + 60 * ADIT_SEC);
    }
    assert_in_range(a->selected - before, 0, 3);
    before = a->selected;
    for (int i = 0; i < 18; i++) {
        extra[i & 1] = 0;
        extra[!(i & 1)] = 100 * ADIT_MS;
        net_run(&net, net.now + 600 * ADIT_SEC);
    }
    assert_in_range(a->selected - before, 5, 18);
}

/* A peer that knows no second nomination goes on sending where it did: it is left in peace. */
static bool deaf_to_renomination(struct net *n, struct net_packet *p)
{
    struct adit_addr first = net_addr("192.0.2.99:5000");

    /* Its checks and answers pass; its data leaves on the first pair for ever. */
    if (p->node == 1 && p->bytes[0] >= 20) {
        p->from = net_addr("10.0.0.2:2000");
        p->to = first;
    }
    return network(n, p);
}

static void test_peer_that_does_not_follow(void **state)
{
    unsigned before;

    (void)state;
    connect_over_relay();
    net.filter = deaf_to_renomination;
    direct_lost = false;
    assert_int_equal(run(20 * ADIT_SEC, 20 * ADIT_MS), 0);
    assert_int_equal(run(20 * ADIT_SEC, 20 * ADIT_MS), 0);
    assert_int_equal(net_selected(a).base, 9);
    before = a->selected;
    assert_int_equal(run(120 * ADIT_SEC, 100 * ADIT_MS), 0);
    assert_int_equal(a->selected, before);
}

/* ---- the backup ------------------------------------------------------------------------------ */

static bool first_way_dark(struct net *n, struct net_packet *p)
{
    return network(n, p) && p->to.ip[1] == 1 && p->from.ip[1] == 1;
}

static adit_time gap_until_data(struct net_node *to)
{
    adit_time start = net.now;
    unsigned before = to->data;

    while (to->data == before && net.now < start + 60 * ADIT_SEC) {
        (void)!adit_ice_send(a->ice, NET_DATA, sizeof NET_DATA);
        (void)!adit_ice_send(b->ice, NET_DATA, sizeof NET_DATA);
        net_run(&net, net.now + 20 * ADIT_MS);
    }
    return net.now - start;
}

static void test_backup_stands_in(void **state)
{
    (void)state;
    two_ways();
    net_run(&net, net.now + 600 * ADIT_SEC); /* kept warm all the time */
    net.filter = first_way_dark;
    adit_time gap = gap_until_data(b);
    print_message("data flows again after %.2f s\n", (double)gap / 1e9);
    assert_true(gap < 4 * ADIT_SEC);
    run(5 * ADIT_SEC, 20 * ADIT_MS);
    assert_int_equal(adit_ice_state(a->ice), ADIT_ICE_CONNECTED);
    assert_int_equal(net_selected(a).base, 1);
    assert_int_equal(net_selected(b).base, 1);
    assert_true(net_selected(a).nominated && net_selected(b).nominated);
    assert_int_equal(a->state_at[ADIT_ICE_DISCONNECTED], 0);
}

static bool valid(const struct net_node *node, int base, const char *to)
{
    struct adit_addr addr = net_addr(to);
    struct adit_ice_pair_view v;

    for (size_t i = 0; adit_ice_pair_at(node->ice, i, &v); i++)
        if (v.base == base && adit_addr_equal(&v.remote->addr, &addr))
            return v.valid;
    return false;
}

/* Other pairs of the first way worked a moment ago, and rank above the backup: none of them is
 * tried before it, for they were not heard since. */
static void test_what_died_with_it(void **state)
{
    unsigned before;

    (void)state;
    net_base(a, 1, "10.1.0.1:1000", 200);
    net_base(b, 1, "10.1.0.2:2000", 100);
    net_base(b, 2, "10.0.0.3:2000", 60000);
    net_introduce(a, b);
    run(20 * ADIT_SEC, 20 * ADIT_MS);
    assert_int_equal(net_selected(a).base, 0);
    assert_true(valid(a, 0, "10.0.0.3:2000") && valid(a, 1, "10.1.0.2:2000"));
    before = a->selected;
    net.filter = first_way_dark;
    assert_true(gap_until_data(b) < 2500 * ADIT_MS);
    assert_int_equal(net_selected(a).base, 1);
    assert_int_equal(a->selected, before + 1);
}

/* Idle, nobody is in a hurry, but no longer than a few checks. */
static void test_backup_while_idle(void **state)
{
    (void)state;
    two_ways();
    net.filter = first_way_dark;
    net_run(&net, net.now + 12 * ADIT_SEC);
    assert_int_equal(net_selected(a).base, 1);
    assert_int_equal(net_selected(b).base, 1);
}

static void test_backup_is_cheap(void **state)
{
    struct adit_addr to = net_addr("10.1.0.2:2001");
    size_t at, sent = 0;

    (void)state;
    two_ways();
    net_run(&net, net.now + 60 * ADIT_SEC);
    at = a->sent_count;
    net_run(&net, net.now + 3600 * ADIT_SEC);
    for (; at < a->sent_count; at++)
        sent += a->sent[at].base == 1 && a->sent[at].class == ADIT_STUN_REQUEST &&
                adit_addr_equal(&a->sent[at].to, &to);
    assert_in_range(sent, 200, 300);
}

/* ---- --path ---------------------------------------------------------------------------------- */

static void only(enum adit_path path)
{
    struct adit_ice_conf conf = { .path = path };

    adit_ice_free(a->ice);
    free(a->sent);
    memset(a, 0, sizeof *a);
    a = net_node(&net, 0, &conf);
    net_base(a, 0, "10.0.0.1:1000", 65535);
}

static void test_path_relay(void **state)
{
    struct adit_ice_pair_view v;

    (void)state;
    only(ADIT_PATH_RELAY);
    relay_of(a, 9, "192.0.2.99:5000");
    assert_int_equal(adit_ice_local_count(a->ice), 1);
    assert_int_equal(adit_ice_local(a->ice, 0)->related.port, 9);
    assert_int_equal(adit_addr_scope(&adit_ice_local(a->ice, 0)->related), ADIT_SCOPE_UNSPECIFIED);
    net_introduce(a, b);
    net_remote(b, "10.0.0.1:1000", 2000000000); /* somebody has told */
    net_run(&net, net.now + 60 * ADIT_SEC);
    net_assert_connected(a, b);
    assert_int_equal(net_selected(a).base, 9);
    for (size_t i = 0; i < a->sent_count; i++)
        assert_int_equal(a->sent[i].base, 9);
    for (size_t i = 0; adit_ice_pair_at(a->ice, i, &v); i++)
        assert_int_equal(v.why, v.base == 9 ? ADIT_WHY_IN_USE : ADIT_WHY_BY_PATH);
}

static void test_path_direct(void **state)
{
    struct adit_ice_relay r = { .addr = net_addr("192.0.2.99:7000") };

    (void)state;
    only(ADIT_PATH_DIRECT);
    assert_int_equal(adit_ice_add_relay(a->ice, 9, &r, net.now), -EPERM);
    relay_of(b, 9, "192.0.2.99:5000");
    direct_lost = true;
    net_introduce(a, b);
    net_run(&net, net.now + 60 * ADIT_SEC);
    assert_int_equal(adit_ice_state(a->ice), ADIT_ICE_FAILED);
    assert_int_equal(net_sent_to(a, "192.0.2.99:5000", ADIT_STUN_REQUEST), 0);
    assert_int_equal(net_sent_to(a, "192.0.2.99:5000", ADIT_STUN_SUCCESS), 0);
}

/* ---- no more entries in a router's table than it has room for -------------------------------- */

static void test_hundred_tuples(void **state)
{
    struct adit_addr seen[200];
    size_t count = 0;
    char addr[32];

    (void)state;
    for (int i = 1; i < 8; i++) {
        snprintf(addr, sizeof addr, "10.2.0.%d:100", i);
        net_base(a, i, addr, (uint16_t)(60000 - i));
    }
    adit_ice_set_role(a->ice, true);
    assert_int_equal(adit_ice_set_remote(a->ice, "peer", NET_PEER_PWD, false, net.now), 0);
    /* A peer that goes on naming addresses: the checklist changes, the table does not grow. */
    for (int i = 0; i < 50; i++) {
        snprintf(addr, sizeof addr, "10.3.0.%d:9", i + 1);
        net_remote(a, addr, (uint32_t)(1000 + 1000 * i));
        net_run(&net, net.now + 500 * ADIT_MS);
    }
    for (size_t i = 0; i < a->sent_count; i++) {
        struct adit_addr key = a->sent[i].to;
        bool known = false;

        key.scope = (uint32_t)a->sent[i].base;
        for (size_t k = 0; k < count && !known; k++)
            known = adit_addr_equal(&seen[k], &key) && seen[k].scope == key.scope;
        if (!known) {
            assert_true(count < ADIT_LEN(seen));
            seen[count++] = key;
        }
    }
    assert_int_equal(count, 100);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup_nodes, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_direct_after_relay),
        T(test_mtu_of_the_new_pair),
        T(test_budget_of_a_round),
        T(test_faster_way),
        T(test_not_much_faster),
        T(test_ipv6_comes),
        T(test_noise),
        T(test_moody_ways),
        T(test_peer_that_does_not_follow),
        T(test_backup_stands_in),
        T(test_what_died_with_it),
        T(test_backup_while_idle),
        T(test_backup_is_cheap),
        T(test_path_relay),
        T(test_path_direct),
        T(test_hundred_tuples),
    };

    return cmocka_run_group_tests_name("ice path", tests, NULL, NULL);
}
