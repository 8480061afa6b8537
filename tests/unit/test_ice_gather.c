/* test_ice_gather.c - STUN servers that answer, are silent, lie, or see us somewhere else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/ice_net.h"

static struct net net;
static struct adit_addr servers[3];

static int setup(void **state)
{
    (void)state;
    net_init(&net);
    servers[0] = net_addr("198.51.100.1:3478");
    servers[1] = net_addr("198.51.100.2:3478");
    servers[2] = net_addr("[2001:db8::53]:3478");
    net.stun_server[0] = servers[0];
    net.delay = 5 * ADIT_MS;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    net_done(&net);
    return 0;
}

static struct net_node *with_servers(size_t count)
{
    struct adit_ice_conf conf = { .stun = servers, .stun_count = count };

    return net_node(&net, 0, &conf);
}

static void test_host_only(void **state)
{
    struct net_node *a = with_servers(0);
    const struct adit_cand *c;

    (void)state;
    net_base(a, 3, "10.0.0.1:1000", 65535);
    net_base(a, 4, "[2001:db8::1]:1001", 65534);
    assert_int_equal(a->cands, 2);
    assert_int_equal(a->gathered, 0);
    adit_ice_bases_done(a->ice, net.now);
    assert_int_equal(a->gathered, 1);
    adit_ice_bases_done(a->ice, net.now);
    assert_int_equal(a->gathered, 1);
    c = adit_ice_local(a->ice, 0);
    assert_int_equal(c->type, ADIT_CAND_HOST);
    assert_int_equal(c->priority, 2130706431);
    assert_int_equal(c->component, 1);
    assert_string_not_equal(c->foundation, adit_ice_local(a->ice, 1)->foundation);
    assert_null(adit_ice_local(a->ice, 2));
}

static void test_no_interfaces(void **state)
{
    struct net_node *a = with_servers(3);

    (void)state;
    adit_ice_bases_done(a->ice, net.now);
    assert_int_equal(a->gathered, 1);
}

static void test_base_limits(void **state)
{
    struct adit_ice_conf conf = { .limits = { .locals_max = 2 } };
    struct net_node *a = net_node(&net, 0, &conf);
    struct adit_addr addr = net_addr("10.0.0.7:7");

    (void)state;
    net_base(a, 3, "10.0.0.1:1000", 65535);
    assert_int_equal(adit_ice_add_base(a->ice, 3, &addr, 1, true, net.now), -EEXIST);
    net_base(a, 4, "10.0.0.2:1000", 65535);
    assert_int_equal(adit_ice_add_base(a->ice, 5, &addr, 1, true, net.now), -ENOSPC);
    adit_ice_remove_base(a->ice, 3, net.now);
    assert_int_equal(adit_ice_add_base(a->ice, 5, &addr, 1, true, net.now), 0);
}

/* One server of each family; only bases of that family ask, and link-local ones do not. */
static void test_families(void **state)
{
    struct net_node *a = with_servers(3);

    (void)state;
    net.stun_mapped = net_addr("203.0.113.1:4000");
    net_base(a, 0, "10.0.0.1:1000", 65535);
    net_base(a, 1, "[fe80::1]:1001", 65534);
    net_base(a, 2, "[2001:db8::1]:1002", 65533);
    adit_ice_bases_done(a->ice, net.now);
    net_run(&net, net.now + 6 * ADIT_SEC);
    assert_int_equal(net_sent_to(a, "198.51.100.1:3478", ADIT_STUN_REQUEST), 1);
    assert_true(net_sent_to(a, "198.51.100.2:3478", ADIT_STUN_REQUEST) > 2);
    for (size_t i = 0; i < a->sent_count; i++)
        assert_true(a->sent[i].base == (a->sent[i].to.family == ADIT_FAMILY_V6 ? 2 : 0));
    assert_int_equal(adit_ice_local_count(a->ice), 4);
    const struct adit_cand *c = adit_ice_local(a->ice, 3);
    assert_int_equal(c->type, ADIT_CAND_SRFLX);
    assert_true(adit_addr_equal(&c->addr, &net.stun_mapped));
    assert_true(adit_addr_equal(&c->related, &a->base_addr[0]));
    assert_int_equal(c->priority, 1694498815);
}

/* A base that keeps to itself: no host candidate, and the reflexive one does not betray it. */
static void test_unannounced_base(void **state)
{
    struct net_node *a = with_servers(1);
    const struct adit_cand *c;

    (void)state;
    net.stun_mapped = net_addr("203.0.113.1:4000");
    a->base_addr[a->base_count++] = net_addr("10.0.0.1:1000");
    assert_int_equal(adit_ice_add_base(a->ice, 0, &a->base_addr[0], 65535, false, net.now), 0);
    adit_ice_bases_done(a->ice, net.now);
    net_run(&net, net.now + ADIT_SEC);
    assert_int_equal(a->cands, 1);
    assert_int_equal(adit_ice_local_count(a->ice), 1);
    c = adit_ice_local(a->ice, 0);
    assert_int_equal(c->type, ADIT_CAND_SRFLX);
    assert_int_equal(adit_addr_scope(&c->related), ADIT_SCOPE_UNSPECIFIED);
    assert_int_equal(c->related.port, 9);
}

/* No NAT: the server sees the host candidate, which is redundant. */
static void test_redundant(void **state)
{
    struct net_node *a = with_servers(1);
    adit_time start = net.now;

    (void)state;
    net_base(a, 0, "203.0.113.7:1000", 65535);
    adit_ice_bases_done(a->ice, net.now);
    net_run(&net, net.now + ADIT_SEC);
    assert_int_equal(adit_ice_local_count(a->ice), 1);
    assert_int_equal(a->gathered_at, start + 10 * ADIT_MS);
}

/* Two servers see the same address: one candidate. Two addresses: two, with priorities apart. */
static bool second_server_sees_another(struct net *n, struct net_packet *p)
{
    if (n->filter_arg && p->node == 0) {
        n->stun_mapped = net_addr("203.0.113.1:4000");
        n->stun_mapped.port += adit_addr_equal(&p->to, &servers[1]);
    }
    return true;
}

static void two_servers(size_t expected)
{
    struct net_node *a = with_servers(2);

    net.delay = 0;
    net.stun_server[1] = servers[1];
    net.stun_mapped = net_addr("203.0.113.1:4000");
    net.filter = second_server_sees_another;
    net_base(a, 0, "10.0.0.1:1000", 65535);
    adit_ice_bases_done(a->ice, net.now);
    net_run(&net, net.now + ADIT_SEC);
    assert_int_equal(adit_ice_local_count(a->ice), expected);
    assert_int_equal(a->cands, expected);
}

static void test_two_servers_agree(void **state)
{
    (void)state;
    two_servers(2);
}

static void test_two_servers_differ(void **state)
{
    const struct adit_cand *c;
    struct adit_ice *ice;

    (void)state;
    net.filter_arg = &net;
    two_servers(3);
    ice = net.nodes[0].ice;
    c = adit_ice_local(ice, 1);
    assert_true(c->priority > adit_ice_local(ice, 2)->priority);
    assert_string_not_equal(c->foundation, adit_ice_local(ice, 2)->foundation);
}

/* Silence: six sends while a person waits, which is 5 s at most; again 15 s after giving up. */
static void test_silent_server(void **state)
{
    static const unsigned at_ms[] = { 0,     500,   1500,  2500,  3500,  4500,  5500,
                                      11500, 12000, 13000, 14000, 15000, 16000, 17000 };
    struct net_node *a = with_servers(2);
    adit_time start = net.now;
    size_t seen = 0;

    (void)state;
    net.stun_server[0].family = ADIT_FAMILY_NONE;
    net_base(a, 0, "10.0.0.1:1000", 65535);
    adit_ice_bases_done(a->ice, net.now);
    net_run(&net, start + 22 * ADIT_SEC);
    assert_int_equal(a->gathered_at, start + 5 * ADIT_SEC);
    for (size_t i = 0; i < a->sent_count; i++) {
        if (adit_addr_equal(&a->sent[i].to, &servers[0])) {
            assert_true(seen < ADIT_LEN(at_ms));
            assert_int_equal(a->sent[i].at, start + at_ms[seen++] * ADIT_MS);
        }
    }
    assert_int_equal(seen, ADIT_LEN(at_ms));
}

/* One of two is dead: one second after the first answer nobody waits any longer; a late answer is a
 * candidate all the same. */
static void test_late_server(void **state)
{
    struct net_node *a = with_servers(2);
    adit_time start = net.now;

    (void)state;
    net.stun_mapped = net_addr("203.0.113.1:4000");
    net_base(a, 0, "10.0.0.1:1000", 65535);
    adit_ice_bases_done(a->ice, net.now);
    net_run(&net, start + 1200 * ADIT_MS);
    assert_int_equal(a->gathered_at, start + 1010 * ADIT_MS);
    net.stun_server[1] = servers[1];
    net.stun_mapped.port++;
    net_run(&net, start + 2 * ADIT_SEC);
    assert_int_equal(a->cands, 3);
}

/* No relay yet: three seconds after the first answer, which is time for one that is asked by TLS.
 */
static void test_late_relay(void **state)
{
    struct net_node *a = with_servers(1);
    adit_time start = net.now;

    (void)state;
    net_base(a, 0, "10.0.0.1:1000", 65535);
    adit_ice_await_relays(a->ice, 1, net.now);
    adit_ice_bases_done(a->ice, net.now);
    net_run(&net, start + 4 * ADIT_SEC);
    assert_int_equal(a->gathered_at, start + 3010 * ADIT_MS);
}

/* No UDP gets out, one relay has been reached by TCP, and by UDP another one is asked in vain. */
static void test_relay_without_udp(void **state)
{
    struct net_node *a = with_servers(1);
    struct adit_ice_relay relay = { .addr = net_addr("192.0.2.99:50000"),
                                    .server = net_addr("192.0.2.99:3478") };
    adit_time start = net.now;

    (void)state;
    net.stun_server[0].family = ADIT_FAMILY_NONE;
    net_base(a, 0, "10.0.0.1:1000", 65535);
    adit_ice_await_relays(a->ice, 2, net.now);
    adit_ice_bases_done(a->ice, net.now);
    net_run(&net, start + 100 * ADIT_MS);
    assert_int_equal(adit_ice_add_relay(a->ice, 9, &relay, net.now), 0);
    adit_ice_await_relays(a->ice, 1, net.now);
    net_run(&net, start + 4 * ADIT_SEC);
    assert_int_equal(a->gathered_at, start + 1100 * ADIT_MS);
}

static void test_unreachable_server(void **state)
{
    struct net_node *a = with_servers(1);
    adit_time start = net.now;

    (void)state;
    net.stun_server[0].family = ADIT_FAMILY_NONE;
    net_base(a, 0, "10.0.0.1:1000", 65535);
    adit_ice_bases_done(a->ice, net.now);
    adit_ice_send_failed(a->ice, 0, &servers[0], ENETUNREACH, net.now);
    assert_int_equal(a->gathered, 1);
    /* The interface may have been young: it is asked again. */
    net.stun_server[0] = servers[0];
    net.stun_mapped = net_addr("203.0.113.1:4000");
    net_run(&net, start + 16 * ADIT_SEC);
    assert_int_equal(a->cands, 2);
}

/* What nobody could send to is no answer, whoever says it. */
static void test_lying_server(void **state)
{
    static const char *const lies[] = { "0.0.0.0:1",         "127.0.0.1:1",   "224.0.0.1:1",
                                        "255.255.255.255:1", "203.0.113.1:0", "[2001:db8::1]:1",
                                        "240.0.0.1:5" };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(lies); i++) {
        struct net_node *a;

        teardown(state);
        setup(state);
        a = with_servers(1);
        net.stun_mapped = net_addr(lies[i]);
        net_base(a, 0, "10.0.0.1:1000", 65535);
        adit_ice_bases_done(a->ice, net.now);
        net_run(&net, net.now + 10 * ADIT_SEC);
        if (adit_ice_local_count(a->ice) != 1)
            fail_msg("%s was believed", lies[i]);
        assert_int_equal(a->gathered, 1);
    }
}

/* Another transaction, another sender: no answer either. */
static bool forge(struct net *n, struct net_packet *p)
{
    struct adit_addr liar = net_addr("198.51.100.66:3478"), mapped = net_addr("192.0.2.66:1");
    struct adit_stun_head head;
    struct adit_stun_out out;

    if (p->node < 0 || !adit_stun_peek(&head, p->bytes, p->n))
        return true;
    adit_stun_begin(&out, ADIT_STUN_SUCCESS, ADIT_STUN_BINDING, head.id);
    adit_stun_add_mapped(&out, &mapped);
    adit_stun_finish(&out, (struct adit_span){ 0 });
    net_inject(n, &liar, &p->from, out.bytes, out.len, 0);
    head.id[5] ^= 1;
    adit_stun_begin(&out, ADIT_STUN_SUCCESS, ADIT_STUN_BINDING, head.id);
    adit_stun_add_mapped(&out, &mapped);
    adit_stun_finish(&out, (struct adit_span){ 0 });
    net_inject(n, &p->to, &p->from, out.bytes, out.len, 0);
    return true;
}

static void test_forged_answers(void **state)
{
    struct net_node *a = with_servers(1);

    (void)state;
    net.filter = forge;
    net.stun_mapped = net_addr("203.0.113.1:4000");
    net_base(a, 0, "10.0.0.1:1000", 65535);
    adit_ice_bases_done(a->ice, net.now);
    net_run(&net, net.now + 10 * ADIT_SEC);
    assert_int_equal(adit_ice_local_count(a->ice), 2);
    assert_true(adit_addr_equal(&adit_ice_local(a->ice, 1)->addr, &net.stun_mapped));
}

/* While a person copies, the mapping is kept alive, and its loss is told. */
static void test_keepalive_and_change(void **state)
{
    struct net_node *a = with_servers(1);
    adit_time start = net.now;

    (void)state;
    net.stun_mapped = net_addr("203.0.113.1:4000");
    net_base(a, 0, "10.0.0.1:1000", 65535);
    adit_ice_bases_done(a->ice, net.now);
    net_run(&net, start + 3600 * ADIT_SEC);
    assert_in_range(a->sent_count, 235, 241);
    for (size_t i = 1; i < a->sent_count; i++) {
        assert_in_range(a->sent[i].at - a->sent[i - 1].at, 15 * ADIT_SEC, 16 * ADIT_SEC);
        assert_memory_not_equal(a->sent[i].id, a->sent[i - 1].id, ADIT_STUN_ID_SIZE);
    }
    assert_true(a->cands == 2 && a->mapped == 0);
    net.stun_mapped = net_addr("203.0.113.9:4001");
    net_run(&net, net.now + 16 * ADIT_SEC);
    assert_int_equal(a->mapped, 1);
    assert_true(adit_addr_equal(&a->mapped_addr, &net.stun_mapped));
    assert_int_equal(adit_ice_local_count(a->ice), 2);
    assert_true(adit_addr_equal(&adit_ice_local(a->ice, 1)->addr, &net.stun_mapped));
    /* Both servers would have said so: it is told once. */
    net_run(&net, net.now + 60 * ADIT_SEC);
    assert_int_equal(a->mapped, 1);
}

/* The host gets into another network while a person copies: told once, when the new address is
 * known. Less than that, or more, takes nothing from what was told. */
static void test_another_network(void **state)
{
    struct net_node *a = with_servers(1);

    (void)state;
    net.stun_mapped = net_addr("203.0.113.1:4000");
    net_base(a, 0, "10.0.0.1:1000", 65535);
    net_base(a, 1, "10.1.0.1:1000", 60000);
    adit_ice_bases_done(a->ice, net.now);
    net_run(&net, net.now + ADIT_SEC);
    adit_ice_remove_base(a->ice, 1, net.now);
    net_run(&net, net.now + 30 * ADIT_SEC);
    assert_int_equal(a->mapped, 0);
    adit_ice_remove_base(a->ice, 0, net.now);
    net_run(&net, net.now + 30 * ADIT_SEC);
    assert_int_equal(a->mapped, 0);
    net.stun_mapped = net_addr("203.0.113.9:4001");
    net_base(a, 2, "10.2.0.1:1000", 65535);
    net_run(&net, net.now + 9 * ADIT_MS);
    assert_int_equal(a->mapped, 0);
    net_run(&net, net.now + ADIT_MS);
    assert_int_equal(a->mapped, 1);
    assert_int_equal(adit_ice_local_count(a->ice), 2);
    net_run(&net, net.now + 60 * ADIT_SEC);
    net_base(a, 3, "10.3.0.1:1000", 60000);
    net_run(&net, net.now + 60 * ADIT_SEC);
    assert_int_equal(a->mapped, 1);
    assert_int_equal(a->gathered, 1);
}

/* The address is there before the route is: nothing is told without what the server says. */
static void test_another_network_without_a_route_yet(void **state)
{
    struct net_node *a = with_servers(1);

    (void)state;
    net.stun_mapped = net_addr("203.0.113.1:4000");
    net_base(a, 0, "10.0.0.1:1000", 65535);
    adit_ice_bases_done(a->ice, net.now);
    net_run(&net, net.now + ADIT_SEC);
    adit_ice_remove_base(a->ice, 0, net.now);
    net.stun_server[0].family = ADIT_FAMILY_NONE;
    net_base(a, 1, "10.2.0.1:1000", 65535);
    net_run(&net, net.now + ADIT_MS);
    adit_ice_send_failed(a->ice, 1, &servers[0], ENETUNREACH, net.now);
    assert_int_equal(a->mapped, 0);
    net.stun_server[0] = servers[0];
    net.stun_mapped = net_addr("203.0.113.9:4001");
    net_run(&net, net.now + 600 * ADIT_MS);
    assert_int_equal(a->mapped, 1);
    assert_int_equal(adit_ice_local_count(a->ice), 2);
}

/* The same where no server answers: after as long as the first time. */
static void test_another_network_without_servers(void **state)
{
    struct net_node *a = with_servers(1);

    (void)state;
    net.stun_server[0].family = ADIT_FAMILY_NONE;
    net_base(a, 0, "10.0.0.1:1000", 65535);
    adit_ice_bases_done(a->ice, net.now);
    net_run(&net, net.now + 100 * ADIT_SEC);
    net_base(a, 1, "10.2.0.1:1000", 65535);
    adit_ice_remove_base(a->ice, 0, net.now);
    net_run(&net, net.now + 4999 * ADIT_MS);
    assert_int_equal(a->mapped, 0);
    net_run(&net, net.now + ADIT_MS);
    assert_int_equal(a->mapped, 1);
}

static void test_no_keepalive_once_connected(void **state)
{
    struct net_node *a = with_servers(1), *b = net_node(&net, 1, NULL);
    size_t before;

    (void)state;
    net.stun_mapped = net_addr("203.0.113.1:4000");
    net_base(a, 0, "10.0.0.1:1000", 65535);
    net_base(b, 0, "10.0.0.2:1000", 65535);
    adit_ice_bases_done(a->ice, net.now);
    net_run(&net, net.now + ADIT_SEC);
    net_introduce(a, b);
    net_run(&net, net.now + ADIT_SEC);
    before = net_sent_to(a, "198.51.100.1:3478", ADIT_STUN_REQUEST);
    net_run(&net, net.now + 100 * ADIT_SEC);
    assert_int_equal(net_sent_to(a, "198.51.100.1:3478", ADIT_STUN_REQUEST), before);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* A gateway's word, or the user's: a candidate for that base, as long as it is said. */
static void test_mapped_by_others(void **state)
{
    struct net_node *a = with_servers(1);
    struct adit_addr gateway = net_addr("10.0.0.254:5351"), user = net_addr("192.0.2.9:1");
    struct adit_addr outside = net_addr("192.0.2.1:7000"), moved = net_addr("192.0.2.2:7000");
    struct adit_addr seen = net_addr("10.0.0.1:1000");
    const struct adit_cand *c;

    (void)state;
    assert_int_equal(adit_ice_set_mapped(a->ice, 3, &gateway, &outside, net.now), -ENOENT);
    net_base(a, 3, "10.0.0.1:1000", 65535);
    assert_int_equal(adit_ice_set_mapped(a->ice, 3, &gateway, &outside, net.now), 0);
    assert_int_equal(adit_ice_set_mapped(a->ice, 3, &gateway, &outside, net.now), 0);
    assert_int_equal(adit_ice_set_mapped(a->ice, 3, &user, &seen, net.now), 0); /* redundant */
    assert_int_equal(a->cands, 2);
    assert_int_equal(a->mapped, 0);
    c = adit_ice_local(a->ice, 1);
    assert_int_equal(c->type, ADIT_CAND_SRFLX);
    assert_true(adit_addr_equal(&c->addr, &outside));
    assert_true(adit_addr_equal(&c->related, &seen));

    /* Another address takes its place, and that is told. */
    assert_int_equal(adit_ice_set_mapped(a->ice, 3, &gateway, &moved, net.now), 0);
    assert_int_equal(a->mapped, 1);
    assert_int_equal(adit_ice_local_count(a->ice), 2);
    /* A STUN server that sees the same address has nothing new to tell. */
    net.stun_mapped = moved;
    adit_ice_bases_done(a->ice, net.now);
    net_run(&net, net.now + ADIT_SEC);
    assert_int_equal(a->gathered, 1);
    assert_int_equal(adit_ice_local_count(a->ice), 2);
    assert_int_equal(adit_ice_set_mapped(a->ice, 3, &user, &outside, net.now), 0);
    assert_int_equal(adit_ice_local_count(a->ice), 3);
    assert_true(adit_ice_local(a->ice, 1)->priority != adit_ice_local(a->ice, 2)->priority);
    assert_int_equal(adit_ice_set_mapped(a->ice, 3, &gateway, NULL, net.now), 0);
    assert_int_equal(adit_ice_set_mapped(a->ice, 3, &gateway, NULL, net.now), 0);
    assert_int_equal(adit_ice_local_count(a->ice), 2);
    adit_ice_remove_base(a->ice, 3, net.now);
    assert_int_equal(adit_ice_local_count(a->ice), 0);
}

/* The host's address is not told, so what the server sees is news even where it is the same. */
static void test_hidden_hosts(void **state)
{
    struct adit_ice_conf conf = { .stun = servers, .stun_count = 1, .hide_hosts = true };
    struct net_node *a = net_node(&net, 0, &conf);

    (void)state;
    net_base(a, 3, "10.0.0.1:1000", 65535);
    adit_ice_bases_done(a->ice, net.now);
    net_run(&net, net.now + ADIT_SEC);
    assert_int_equal(adit_ice_local_count(a->ice), 2);
    assert_int_equal(adit_ice_local(a->ice, 1)->type, ADIT_CAND_SRFLX);
    assert_true(
        adit_addr_equal(&adit_ice_local(a->ice, 0)->addr, &adit_ice_local(a->ice, 1)->addr));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_host_only),
        T(test_mapped_by_others),
        T(test_hidden_hosts),
        T(test_no_interfaces),
        T(test_base_limits),
        T(test_families),
        T(test_unannounced_base),
        T(test_redundant),
        T(test_two_servers_agree),
        T(test_two_servers_differ),
        T(test_silent_server),
        T(test_late_server),
        T(test_late_relay),
        T(test_relay_without_udp),
        T(test_unreachable_server),
        T(test_lying_server),
        T(test_forged_answers),
        T(test_keepalive_and_change),
        T(test_another_network),
        T(test_another_network_without_a_route_yet),
        T(test_another_network_without_servers),
        T(test_no_keepalive_once_connected),
    };

    return cmocka_run_group_tests_name("ice gather", tests, NULL, NULL);
}
