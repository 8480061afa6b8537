/* test_ice_tcp.c - candidates, pairs and checks by TCP (RFC 6544). A connection is a link without
 * loss here; that it failed is told by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ice/pair.h"
#include "unit/ice_fixture.h"

/* The examples of appendix C, whose type preferences are those of UDP. */
static void test_priorities(void **state)
{
    static const struct {
        enum adit_cand_type type;
        enum adit_tcptype tcptype;
        uint32_t example;
    } rows[] = {
        { ADIT_CAND_HOST, ADIT_TCP_ACTIVE, 2128609279 },
        { ADIT_CAND_HOST, ADIT_TCP_PASSIVE, 2124414975 },
        { ADIT_CAND_HOST, ADIT_TCP_SO, 2120220671 },
        { ADIT_CAND_SRFLX, ADIT_TCP_ACTIVE, 1688207359 },
        { ADIT_CAND_SRFLX, ADIT_TCP_PASSIVE, 1684013055 },
        { ADIT_CAND_SRFLX, ADIT_TCP_SO, 1692401663 },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++)
        assert_int_equal(adit_tcp_priority(rows[i].type, rows[i].tcptype, 65535),
                         rows[i].example - (27u << 24));
    /* After everything direct by UDP, before what is relayed; a worse interface counts last. */
    assert_true(adit_tcp_priority(ADIT_CAND_HOST, ADIT_TCP_ACTIVE, 65535) <
                adit_cand_priority(ADIT_CAND_SRFLX, 0));
    assert_true(adit_tcp_priority(ADIT_CAND_SRFLX, ADIT_TCP_PASSIVE, 0) >
                adit_cand_priority(ADIT_CAND_RELAY, 65535));
    assert_true(adit_tcp_priority(ADIT_CAND_HOST, ADIT_TCP_ACTIVE, 0) >
                adit_tcp_priority(ADIT_CAND_HOST, ADIT_TCP_PASSIVE, 65535));
    assert_true(adit_tcp_priority(ADIT_CAND_HOST, ADIT_TCP_SO, 65535) >
                adit_tcp_priority(ADIT_CAND_HOST, ADIT_TCP_SO, 65000));
}

/* Section 6.2. */
static void test_who_pairs(void **state)
{
    static const bool rows[4][4] = {
        [ADIT_TCP_ACTIVE] = { [ADIT_TCP_PASSIVE] = true },
        [ADIT_TCP_SO] = { [ADIT_TCP_SO] = true },
    };
    struct adit_cand udp = { .transport = ADIT_TRANSPORT_UDP };
    struct adit_cand tcp = { .transport = ADIT_TRANSPORT_TCP, .tcptype = ADIT_TCP_PASSIVE };
    struct adit_ice_base base = { .transport = ADIT_TRANSPORT_TCP, .tcptype = ADIT_TCP_ACTIVE };

    (void)state;
    for (unsigned l = 0; l < 4; l++) {
        for (unsigned r = 0; r < 4; r++)
            assert_int_equal(adit_tcp_pairs((enum adit_tcptype)l, (enum adit_tcptype)r),
                             rows[l][r]);
    }
    assert_true(adit_pair_matches(&base, &tcp));
    assert_false(adit_pair_matches(&base, &udp));
    base = (struct adit_ice_base){ .transport = ADIT_TRANSPORT_UDP };
    assert_false(adit_pair_matches(&base, &tcp));
    assert_true(adit_pair_matches(&base, &udp));
}

/* ---- two agents ------------------------------------------------------------------------------ */

#define ACTIVE  10
#define PASSIVE 11
#define SO      12

static struct net_node *a, *b;

static void tcp_base(struct net_node *node, int id, const char *addr, enum adit_tcptype tcptype)
{
    struct adit_addr at = net_addr(addr);

    node->base_id[node->base_count] = id;
    node->base_addr[node->base_count++] = at;
    assert_int_equal(adit_ice_add_tcp(node->ice, id, &at, tcptype, 65535, true, node->net->now), 0);
}

static int setup_nodes(void **state)
{
    setup(state);
    net.delay = 10 * ADIT_MS;
    a = net_node(&net, 0, NULL);
    b = net_node(&net, 1, NULL);
    return 0;
}

static size_t pairs(const struct net_node *node)
{
    struct adit_ice_pair_view view;
    size_t n = 0;

    while (adit_ice_pair_at(node->ice, n, &view))
        n++;
    return n;
}

/* The connection is from port 40000; the candidate said 9, if it had been told. */
static void active_and_passive(void)
{
    tcp_base(a, ACTIVE, "192.0.2.1:40000", ADIT_TCP_ACTIVE);
    tcp_base(b, PASSIVE, "192.0.2.2:443", ADIT_TCP_PASSIVE);
}

static void test_active_calls_passive(void **state)
{
    struct adit_ice_pair_info info;

    (void)state;
    active_and_passive();
    assert_int_equal(adit_ice_local_count(a->ice), 0); /* nobody could call it */
    assert_int_equal(adit_ice_local_count(b->ice), 1);
    net_introduce(a, b);
    net_run(&net, net.now + 2 * ADIT_SEC);
    net_assert_connected(a, b);
    info = net_selected(a);
    assert_int_equal(info.base, ACTIVE);
    assert_int_equal(info.remote->transport, ADIT_TRANSPORT_TCP);
    assert_int_equal(info.remote->tcptype, ADIT_TCP_PASSIVE);
    assert_int_equal(info.local->type, ADIT_CAND_PRFLX);
    info = net_selected(b);
    assert_int_equal(info.remote->type, ADIT_CAND_PRFLX);
    assert_int_equal(info.remote->transport, ADIT_TRANSPORT_TCP);
    assert_int_equal(info.remote->tcptype, ADIT_TCP_ACTIVE);
    assert_int_equal(info.remote->addr.port, 40000);
    assert_int_equal(info.remote->priority,
                     adit_tcp_priority(ADIT_CAND_PRFLX, ADIT_TCP_ACTIVE, 65535));
}

static void test_passive_calls_nobody(void **state)
{
    (void)state;
    tcp_base(a, PASSIVE, "192.0.2.1:443", ADIT_TCP_PASSIVE);
    tcp_base(b, PASSIVE, "192.0.2.2:443", ADIT_TCP_PASSIVE);
    net_introduce(a, b);
    assert_int_equal(pairs(a), 0);
    net_run(&net, net.now + 60 * ADIT_SEC);
    assert_int_equal(a->sent_count + b->sent_count, 0);
    assert_true(a->state_at[ADIT_ICE_FAILED]);
}

static void test_simultaneous_open(void **state)
{
    (void)state;
    tcp_base(a, SO, "192.0.2.1:5000", ADIT_TCP_SO);
    tcp_base(b, SO, "192.0.2.2:6000", ADIT_TCP_SO);
    net_introduce(a, b);
    net_run(&net, net.now + 2 * ADIT_SEC);
    net_assert_connected(a, b);
    assert_int_equal(net_selected(a).remote->tcptype, ADIT_TCP_SO);
    assert_int_equal(net_selected(a).remote->type, ADIT_CAND_HOST);
}

static bool none(struct net *n, struct net_packet *p)
{
    (void)n;
    (void)p;
    return false;
}

/* Section 7.1: what TCP repeats is not repeated by us, and an end comes all the same. */
static void test_a_check_is_sent_once(void **state)
{
    struct adit_ice_pair_view view;

    (void)state;
    active_and_passive();
    net.filter = none;
    net_introduce(a, b);
    net_run(&net, net.now + 39 * ADIT_SEC);
    assert_int_equal(net_sent_to(a, "192.0.2.2:443", ADIT_STUN_REQUEST), 1);
    assert_true(adit_ice_pair_at(a->ice, 0, &view));
    assert_int_equal(view.failures, 0);
    net_run(&net, net.now + ADIT_SEC);
    assert_int_equal(adit_ice_state(a->ice), ADIT_ICE_FAILED);
}

static void udp_too(void)
{
    net_base(a, 0, "192.0.2.1:1000", 65535);
    net_base(b, 0, "192.0.2.2:2000", 65535);
}

static void test_udp_is_better(void **state)
{
    (void)state;
    active_and_passive();
    udp_too();
    net_introduce(a, b);
    assert_int_equal(pairs(a), 2);
    assert_int_equal(pairs(b), 1);
    net_run(&net, net.now + 3 * ADIT_SEC);
    net_assert_connected(a, b);
    assert_int_equal(net_selected(a).base, 0);
    assert_int_equal(net_selected(b).base, 0);
    assert_string_not_equal(adit_ice_local(b->ice, 0)->foundation,
                            adit_ice_local(b->ice, 1)->foundation);
}

/* One address and port by both are two candidates. */
static void test_same_port(void **state)
{
    (void)state;
    active_and_passive();
    net_base(a, 0, "192.0.2.1:1000", 65535);
    net_base(b, 0, "192.0.2.2:443", 65535);
    net_introduce(a, b);
    assert_int_equal(pairs(a), 2);
    assert_int_equal(pairs(b), 1);
}

static bool no_udp(struct net *n, struct net_packet *p)
{
    (void)n;
    return p->base >= ACTIVE;
}

/* UDP opens while TCP is in use: it is taken, as with a relay. */
static void test_udp_comes_later(void **state)
{
    (void)state;
    active_and_passive();
    udp_too();
    net.filter = no_udp;
    net_introduce(a, b);
    net_run(&net, net.now + 5 * ADIT_SEC);
    net_assert_connected(a, b);
    assert_int_equal(net_selected(a).base, ACTIVE);
    net.filter = NULL;
    net_run(&net, net.now + 15 * ADIT_SEC);
    net_assert_connected(a, b);
    assert_int_equal(net_selected(a).base, 0);
    assert_int_equal(net_selected(b).base, 0);
}

/* A connection is reset: the pair fails, and with the next connection there is another one, for the
 * caller has another port. */
static void test_reset(void **state)
{
    struct adit_addr passive = net_addr("192.0.2.2:443");

    (void)state;
    active_and_passive();
    net_introduce(a, b);
    net_run(&net, net.now + 2 * ADIT_SEC);
    for (uint16_t port = 40001; port < 40010; port++) {
        struct adit_addr old = a->base_addr[0];

        a->base_addr[0].port = port;
        adit_ice_send_failed(a->ice, ACTIVE, &passive, ECONNRESET, net.now);
        adit_ice_send_failed(b->ice, PASSIVE, &old, ECONNRESET, net.now);
        assert_false(adit_ice_selected(a->ice, NULL));
        assert_int_equal(adit_ice_state(a->ice), ADIT_ICE_DISCONNECTED);
        assert_int_equal(pairs(b), 0);
        net_run(&net, net.now + ADIT_SEC);
        net_assert_connected(a, b);
        assert_int_equal(net_selected(b).remote->addr.port, port);
        assert_int_equal(pairs(b), 1);
    }
    assert_int_equal(pairs(a), 1);
}

/* Refused each time: slower each time, also while a person may still be pasting. */
static void refused(struct net_node *node, size_t sent_max)
{
    struct adit_addr passive = net_addr("192.0.2.2:443");
    adit_time until = net.now + 30 * ADIT_SEC;

    net.filter = none;
    for (size_t told = 0; net.now < until; net_run(&net, net.now + 10 * ADIT_MS)) {
        bool more = node->sent_count > told;

        told = node->sent_count;
        if (more)
            adit_ice_send_failed(node->ice, ACTIVE, &passive, ECONNREFUSED, net.now);
    }
    assert_in_range(node->sent_count, 3, sent_max);
}

static void test_refused(void **state)
{
    (void)state;
    active_and_passive();
    net_introduce(a, b);
    refused(a, 10);
}

static void test_refused_for_long(void **state)
{
    struct adit_ice_conf conf = { .patience = 3600 * ADIT_SEC };

    (void)state;
    a = net_node(&net, 2, &conf);
    active_and_passive();
    net_introduce(a, b);
    refused(a, 60);
}

/* A check comes before the description, and its connection is gone when that arrives. */
static void test_early_and_gone(void **state)
{
    struct adit_addr from = net_addr("192.0.2.1:40000");

    (void)state;
    active_and_passive();
    net_describe(b, a, true);
    net_run(&net, net.now + ADIT_SEC);
    adit_ice_send_failed(b->ice, PASSIVE, &from, ECONNRESET, net.now);
    net_describe(a, b, true);
    assert_int_equal(pairs(b), 0);
}

/* An address that goes takes its TCP with it, and is no other network for that. */
static void test_base_removed(void **state)
{
    (void)state;
    active_and_passive();
    net_introduce(a, b);
    net_run(&net, net.now + 2 * ADIT_SEC);
    adit_ice_remove_base(a->ice, ACTIVE, net.now);
    assert_int_equal(pairs(a), 0);
    assert_false(adit_ice_selected(a->ice, NULL));
    assert_int_equal(a->mapped, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_priorities),
        cmocka_unit_test(test_who_pairs),
        cmocka_unit_test_setup_teardown(test_active_calls_passive, setup_nodes, teardown),
        cmocka_unit_test_setup_teardown(test_passive_calls_nobody, setup_nodes, teardown),
        cmocka_unit_test_setup_teardown(test_simultaneous_open, setup_nodes, teardown),
        cmocka_unit_test_setup_teardown(test_a_check_is_sent_once, setup_nodes, teardown),
        cmocka_unit_test_setup_teardown(test_udp_is_better, setup_nodes, teardown),
        cmocka_unit_test_setup_teardown(test_same_port, setup_nodes, teardown),
        cmocka_unit_test_setup_teardown(test_udp_comes_later, setup_nodes, teardown),
        cmocka_unit_test_setup_teardown(test_reset, setup_nodes, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup_nodes, teardown),
        cmocka_unit_test_setup_teardown(test_refused_for_long, setup_nodes, teardown),
        cmocka_unit_test_setup_teardown(test_early_and_gone, setup_nodes, teardown),
        cmocka_unit_test_setup_teardown(test_base_removed, setup_nodes, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
