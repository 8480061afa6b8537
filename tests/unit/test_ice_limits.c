/* test_ice_limits.c - ten thousand of everything, the limits of the tables, and no memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "unit/ice_alone.h"

/* ---- floods ---------------------------------------------------------------------------------- */

static void test_ten_thousand_candidates(void **state)
{
    unsigned taken = 0;

    (void)state;
    agent(NULL);
    net_base(a, 1, "10.0.0.3:1000", 60000);
    net_base(a, 2, "10.0.0.4:1000", 50000);
    introduce();
    for (unsigned i = 0; i < 10000; i++) {
        struct adit_cand c = { .transport = ADIT_TRANSPORT_UDP,
                               .component = 1,
                               .priority = 1 + i,
                               .foundation = "7",
                               .addr = net_addr("10.7.0.1:1") };
        c.addr.port = (uint16_t)(i + 1);
        int err = adit_ice_add_remote(a->ice, &c, net.now);
        assert_true(err == 0 || err == -ENOSPC);
        taken += err == 0;
    }
    assert_int_equal(taken, 56); /* of 64: the rest is for those that call */
    net_run(&net, net.now + 39 * ADIT_SEC);
    assert_true(a->sent_count <= 700);
    /* A peer that calls still gets through. */
    struct adit_stun_out out;
    struct adit_addr peer = net_addr("10.0.0.2:2000");
    net_make_check(a, &out, NET_FLAW_NONE, false);
    feed(&peer, out.bytes, out.len);
    assert_true(lets_in(&peer, 22));
}

/* With the right password, from ever new addresses. */
static void test_ten_thousand_callers(void **state)
{
    struct adit_stun_out out;
    struct adit_addr from = net_addr("10.0.0.2:1");
    unsigned answered;

    (void)state;
    agent(NULL);
    introduce();
    for (unsigned i = 0; i < 10000; i++, from.port++) {
        net_make_check(a, &out, NET_FLAW_NONE, true);
        feed(&from, out.bytes, out.len);
        net_run(&net, net.now + ADIT_MS);
    }
    answered = 0;
    for (size_t i = 0; i < a->sent_count; i++)
        answered += a->sent[i].class == ADIT_STUN_SUCCESS;
    assert_int_equal(answered, 64);
    net_run(&net, net.now + 39 * ADIT_SEC);
    assert_true(a->sent_count <= 64 + 64 * 8);
}

static void test_ten_thousand_early_callers(void **state)
{
    struct adit_stun_out out;
    struct adit_addr from = net_addr("10.0.0.2:1");

    (void)state;
    agent(NULL);
    for (unsigned i = 0; i < 10000; i++, from.port++) {
        net_make_check(a, &out, NET_FLAW_NONE, true);
        feed(&from, out.bytes, out.len);
    }
    assert_int_equal(a->sent_count, 16);
    introduce();
    net_run(&net, net.now + ADIT_SEC);
    assert_true(a->sent_count <= 16 + 16 * 2);
}

static bool moving_nat(struct net *n, struct net_packet *p)
{
    struct adit_addr inside = net_addr("10.0.0.1:1000"), outside = net_addr("203.0.113.1:1");

    outside.port = *(uint16_t *)n->filter_arg;
    if (adit_addr_equal(&p->from, &inside))
        p->from = outside;
    if (adit_addr_equal(&p->to, &inside))
        return false;
    if (adit_addr_equal(&p->to, &outside))
        p->to = inside;
    return true;
}

/* The NAT of one side gives it another port every ten minutes, a hundred times. */
static void test_moving_peer(void **state)
{
    struct adit_addr addr = net_addr("10.0.5.5:5");
    struct net_node *b = net_node(&net, 1, NULL);
    uint16_t port = 4000;

    (void)state;
    net.delay = ADIT_MS;
    net.filter = moving_nat;
    net.filter_arg = &port;
    a = net_node(&net, 0, NULL);
    net_base(a, 0, "10.0.0.1:1000", 65535);
    net_base(b, 0, "10.0.0.2:2000", 65535);
    net_introduce(a, b);
    for (int i = 0; i < 100; i++, port++) {
        net_run(&net, net.now + 600 * ADIT_SEC);
        assert_int_equal(adit_ice_state(a->ice), ADIT_ICE_CONNECTED);
        assert_int_equal(adit_ice_state(b->ice), ADIT_ICE_CONNECTED);
        assert_int_equal(net_selected(b).remote->addr.port, port);
        a->sent_count = b->sent_count = 0; /* the log is not what is tested */
    }
    assert_int_equal(adit_ice_add_base(a->ice, 1, &addr, 1, true, net.now), 0);
}

/* A candidate list full of addresses that nobody may be sent to. */
static void test_forbidden_candidates(void **state)
{
    static const char *const forbidden[] = {
        "127.0.0.1:80", "0.0.0.0:80",      "224.0.0.251:5353", "255.255.255.255:9", "10.7.0.1:0",
        "[::1]:80",     "[ff02::fb]:5353", "[::]:1",           "240.0.0.1:1",       "0.1.2.3:4",
    };

    (void)state;
    agent(NULL);
    net_base(a, 1, "[2001:db8::1]:1000", 60000);
    introduce();
    for (size_t i = 0; i < ADIT_LEN(forbidden); i++)
        net_remote(a, forbidden[i], 5);
    net_run(&net, net.now + 20 * ADIT_SEC);
    assert_int_equal(a->sent_count, 0);
}

/* ---- credentials and memory ------------------------------------------------------------------ */

static void test_credentials(void **state)
{
    static char seen[1000][64];
    struct adit_ice_conf given = { .ufrag = "ufrag", .pwd = "0123456789abcdef+/ABCDEF" };

    (void)state;
    for (int i = 0; i < 1000; i++) {
        struct adit_rng rng;
        struct adit_ice_conf conf = { .rng = &rng };
        static const struct adit_ice_ops none;

        adit_rng_init(&rng);
        struct adit_ice *ice = adit_ice_new(&conf, &none, NULL, 0);
        const char *ufrag = adit_ice_ufrag(ice), *pwd = adit_ice_pwd(ice);
        assert_true(strlen(ufrag) >= 4 && strlen(pwd) >= 22);
        assert_true(adit_ice_chars_valid(ufrag, strlen(ufrag)));
        assert_true(adit_ice_chars_valid(pwd, strlen(pwd)));
        snprintf(seen[i], sizeof seen[i], "%s:%s", ufrag, pwd);
        adit_ice_free(ice);
    }
    qsort(seen, 1000, sizeof seen[0], (int (*)(const void *, const void *))strcmp);
    for (int i = 1; i < 1000; i++)
        assert_string_not_equal(seen[i - 1], seen[i]);
    a = net_node(&net, 0, &given);
    assert_string_equal(adit_ice_ufrag(a->ice), "ufrag");
    assert_string_equal(adit_ice_pwd(a->ice), "0123456789abcdef+/ABCDEF");
}

static void no_event(void *arg, const struct adit_ice_event *ev)
{
    (void)arg;
    (void)ev;
}

static void no_send(void *arg, int base, const struct adit_addr *to, const void *bytes, size_t n)
{
    (void)arg;
    (void)base;
    (void)to;
    (void)bytes;
    (void)n;
}

/* Every path with allocation n failing, n = 0, 1, 2 … until none does. */
static void test_out_of_memory(void **state)
{
    static const struct adit_ice_ops ops = { .send = no_send, .event = no_event };
    struct adit_addr local = net_addr("10.0.0.1:1000"), stun = net_addr("198.51.100.1:3478");
    struct adit_addr caller = net_addr("10.0.0.9:9");
    bool whole = false;

    (void)state;
    for (uint64_t n = 0; !whole; n++) {
        struct net_node node = { 0 };
        struct adit_ice_conf conf = { .rng = &node.rng, .stun = &stun, .stun_count = 1 };
        struct adit_cand c = { .transport = ADIT_TRANSPORT_UDP, .component = 1, .priority = 9 };
        struct adit_stun_out out;
        struct adit_span span;

        adit_rng_init_seed(&node.rng, n);
        a = &node;
        adit_alloc_fail_at(n);
        node.ice = adit_ice_new(&conf, &ops, NULL, 0);
        if (!node.ice)
            continue;
        whole = true;
        whole &= adit_ice_add_base(node.ice, 0, &local, 100, true, 0) == 0;
        c.addr = net_addr("10.0.0.2:2000");
        whole &= adit_ice_add_remote(node.ice, &c, 0) == 0;
        whole &= adit_ice_set_remote(node.ice, "peer", NET_PEER_PWD, false, 0) == 0;
        net_make_check(a, &out, NET_FLAW_NONE, true);
        span = (struct adit_span){ .data = out.bytes, .len = out.len };
        adit_ice_feed(node.ice, 0, &caller, &span, 0);
        for (int i = 0; i < 100 && adit_ice_deadline(node.ice) < 100 * ADIT_SEC; i++)
            adit_ice_tick(node.ice, adit_ice_deadline(node.ice));
        whole &= adit_alloc_count() <= n;
        adit_alloc_fail_at(UINT64_MAX);
        node.ice = adit_ice_free(node.ice);
        assert_true(n < 100);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_ten_thousand_candidates),
        T(test_ten_thousand_callers),
        T(test_ten_thousand_early_callers),
        T(test_moving_peer),
        T(test_forbidden_candidates),
        T(test_credentials),
        T(test_out_of_memory),
    };

    return cmocka_run_group_tests_name("ice limits", tests, NULL, NULL);
}
