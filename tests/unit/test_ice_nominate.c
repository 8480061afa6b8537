/* test_ice_nominate.c - who controls, and which pair is chosen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/ice_fixture.h"

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

/* RFC 8445 section 7.3.1.1, each row a request to an agent whose tie-breaker is neither 0 nor the
 * largest. */
static const struct {
    bool controlling, theirs_controlling;
    uint64_t tie_breaker;
    bool refused, changes;
} conflicts[] = {
    { true, true, 0, true, false },   { true, true, UINT64_MAX, false, true },
    { false, false, 0, false, true }, { false, false, UINT64_MAX, true, false },
    { true, false, 0, false, false }, { false, true, UINT64_MAX, false, false },
};

static int last_answer;

static bool note_answer(struct net *n, struct net_packet *p)
{
    const char *pwd = adit_ice_pwd(n->nodes[0].ice);
    struct adit_stun_auth auth = { .key = { (const uint8_t *)pwd, strlen(pwd) } };
    struct adit_stun msg;

    if (p->bytes[0] == 1 && adit_stun_decode(&msg, p->bytes, p->n, &auth) == ADIT_STUN_OK)
        last_answer = msg.head.class == ADIT_STUN_SUCCESS ? 1 : msg.error;
    return false;
}

static void request(struct net_node *a, bool controlling, uint64_t tie_breaker, bool nominate)
{
    const char *pwd = adit_ice_pwd(a->ice);
    struct adit_addr from = net_addr("10.0.0.2:2000");
    struct adit_stun_out out;
    char name[64];

    snprintf(name, sizeof name, "%s:peer", adit_ice_ufrag(a->ice));
    adit_stun_begin(&out, ADIT_STUN_REQUEST, ADIT_STUN_BINDING, (const uint8_t *)"abcdefghijkl");
    adit_stun_add(&out, ADIT_STUN_USERNAME, name, strlen(name));
    adit_stun_add32(&out, ADIT_STUN_PRIORITY, 1);
    adit_stun_add64(&out, controlling ? ADIT_STUN_ICE_CONTROLLING : ADIT_STUN_ICE_CONTROLLED,
                    tie_breaker);
    if (nominate)
        adit_stun_add(&out, ADIT_STUN_USE_CANDIDATE, NULL, 0);
    adit_stun_finish(&out, (struct adit_span){ (const uint8_t *)pwd, strlen(pwd) });
    struct adit_span span = { .data = out.bytes, .len = out.len };
    assert_false(adit_ice_feed(a->ice, 0, &from, &span, net.now));
}

static struct net_node *with_peer(bool controlling)
{
    struct net_node *a = net_node(&net, 0, NULL);

    net_base(a, 0, "10.0.0.1:1000", 65535);
    adit_ice_set_role(a->ice, controlling);
    assert_int_equal(adit_ice_set_remote(a->ice, "peer", NET_PEER_PWD, false, net.now), 0);
    return a;
}

static void test_conflicts(void **state)
{
    for (size_t i = 0; i < ADIT_LEN(conflicts); i++) {
        struct net_node *a;

        teardown(state);
        setup(state);
        a = with_peer(conflicts[i].controlling);
        net.filter = note_answer;
        request(a, conflicts[i].theirs_controlling, conflicts[i].tie_breaker, false);
        assert_int_equal(last_answer, conflicts[i].refused ? 487 : 1);
        assert_int_equal(adit_ice_controlling(a->ice) != conflicts[i].controlling,
                         conflicts[i].changes);
    }
}

/* The controlled side has no say: its USE-CANDIDATE is not heard. */
static void test_controlled_nominates(void **state)
{
    struct adit_ice_pair_info info;
    struct net_node *a = with_peer(true);
    struct adit_stun_out out;

    (void)state;
    request(a, false, 5, true);
    net_run(&net, net.now + ADIT_MS);
    const struct net_sent *check = &a->sent[a->sent_count - 1];
    assert_int_equal(check->class, ADIT_STUN_REQUEST);
    adit_stun_begin(&out, ADIT_STUN_SUCCESS, ADIT_STUN_BINDING, check->id);
    adit_stun_add_mapped(&out, &a->base_addr[0]);
    adit_stun_finish(&out, (struct adit_span){ (const uint8_t *)NET_PEER_PWD, 22 });
    net_inject(&net, &check->to, &a->base_addr[0], out.bytes, out.len, 0);
    net_run(&net, net.now);
    assert_true(adit_ice_selected(a->ice, &info));
    request(a, false, 5, true);
    assert_true(adit_ice_selected(a->ice, &info));
    assert_false(info.nominated); /* until our own nomination is answered */
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
    net_run(&net, start + 400 * ADIT_MS);
    assert_true(adit_ice_selected(a->ice, NULL));
    assert_false(net_selected(a).nominated);
    net_run(&net, start + 700 * ADIT_MS);
    net_assert_connected(a, b);
    assert_int_equal(net_selected(b).base, 6);
    /* RFC 8445 section 8.1.2: what was under way is let go. Now and then one packet looks for a
     * backup. */
    size_t before = net_sent_to(a, "10.0.0.2:2000", ADIT_STUN_REQUEST);
    net_run(&net, net.now + 60 * ADIT_SEC);
    assert_true(net_sent_to(a, "10.0.0.2:2000", ADIT_STUN_REQUEST) <= before + 1);
    net_run(&net, net.now + 3600 * ADIT_SEC);
    assert_true(net_sent_to(a, "10.0.0.2:2000", ADIT_STUN_REQUEST) <= before + 10);
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
        T(test_both_controlling),   T(test_both_controlled),
        T(test_conflicts),          T(test_controlled_nominates),
        T(test_regular_nomination), T(test_second_best),
        T(test_ice_lite),
    };

    return cmocka_run_group_tests_name("ice nominate", tests, NULL, NULL);
}
