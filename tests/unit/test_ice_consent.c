/* test_ice_consent.c - what agents do when the pair in use falls silent (RFC 7675). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/ice_net.h"

static struct net net;
static adit_time connected_at;

/* Two ways between two hosts: 10.0.0.x (preferred) and 10.1.0.x. */
static int setup(void **state)
{
    struct net_node *a, *b;

    (void)state;
    net_init(&net);
    net.delay = 10 * ADIT_MS;
    a = net_node(&net, 0, NULL);
    b = net_node(&net, 1, NULL);
    net_base(a, 0, "10.0.0.1:1000", 65535);
    net_base(b, 0, "10.0.0.2:2000", 65535);
    net_introduce(a, b);
    net_run(&net, net.now + 20 * ADIT_SEC);
    assert_int_equal(adit_ice_state(a->ice), ADIT_ICE_CONNECTED);
    assert_int_equal(adit_ice_state(b->ice), ADIT_ICE_CONNECTED);
    connected_at = net.now;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    net_done(&net);
    return 0;
}

static bool all_lost(struct net *n, struct net_packet *p)
{
    (void)n;
    (void)p;
    return false;
}

static bool from_a_lost(struct net *n, struct net_packet *p)
{
    (void)n;
    return p->node != 0;
}

static adit_time last_sent(const struct net_node *n)
{
    return n->sent[n->sent_count - 1].at;
}

static void assert_silent_for_good(struct net_node *n)
{
    adit_time failed = n->state_at[ADIT_ICE_FAILED];

    assert_int_equal(adit_ice_state(n->ice), ADIT_ICE_FAILED);
    assert_int_equal(n->cause.reason, ADIT_REASON_SILENCE);
    assert_true(failed <= connected_at + 30 * ADIT_SEC);
    assert_true(failed >= connected_at + 24 * ADIT_SEC);
    assert_true(last_sent(n) <= failed);
    assert_int_equal(adit_ice_send(n->ice, "\x16", 1), -EPIPE);
    assert_false(adit_ice_selected(n->ice, NULL));
}

static void test_lost_for_good(void **state)
{
    struct net_node *a = &net.nodes[0], *b = &net.nodes[1];

    (void)state;
    net.filter = all_lost;
    net_run(&net, connected_at + 7 * ADIT_SEC);
    assert_int_equal(adit_ice_state(a->ice), ADIT_ICE_DISCONNECTED);
    assert_int_equal(adit_ice_state(b->ice), ADIT_ICE_DISCONNECTED);
    assert_int_equal(adit_ice_send(a->ice, "\x16", 1), 0); /* consent holds */
    net_run(&net, connected_at + 3600 * ADIT_SEC);
    assert_silent_for_good(a);
    assert_silent_for_good(b);
}

/* What a sends is lost: b hears nothing at all, a hears b's checks but no answers. */
static void test_one_way_lost(void **state)
{
    struct net_node *a = &net.nodes[0], *b = &net.nodes[1];

    (void)state;
    size_t before = net_sent_to(a, "10.0.0.2:2000", ADIT_STUN_REQUEST);
    while (net_sent_to(a, "10.0.0.2:2000", ADIT_STUN_REQUEST) == before)
        net_run(&net, net.now + ADIT_MS);
    net_run(&net, net.now + 20 * ADIT_MS); /* a has just been answered */
    connected_at = net.now;
    net.filter = from_a_lost;
    net_run(&net, connected_at + 8500 * ADIT_MS);
    assert_int_equal(adit_ice_state(a->ice), ADIT_ICE_CONNECTED);
    assert_int_equal(adit_ice_state(b->ice), ADIT_ICE_DISCONNECTED);
    net_run(&net, connected_at + 13 * ADIT_SEC);
    assert_int_equal(adit_ice_state(a->ice), ADIT_ICE_DISCONNECTED);
    assert_int_equal(adit_ice_state(b->ice), ADIT_ICE_DISCONNECTED);
    net_run(&net, connected_at + 100 * ADIT_SEC);
    assert_silent_for_good(a);
    assert_silent_for_good(b);
}

static void test_lost_and_found(void **state)
{
    struct net_node *a = &net.nodes[0], *b = &net.nodes[1];
    struct adit_ice_pair_info before, after;

    (void)state;
    assert_true(adit_ice_selected(a->ice, &before));
    net.filter = all_lost;
    net_run(&net, connected_at + 15 * ADIT_SEC);
    assert_int_equal(adit_ice_state(a->ice), ADIT_ICE_DISCONNECTED);
    net.filter = NULL;
    net_run(&net, connected_at + 21100 * ADIT_MS);
    assert_int_equal(adit_ice_state(a->ice), ADIT_ICE_CONNECTED);
    assert_int_equal(adit_ice_state(b->ice), ADIT_ICE_CONNECTED);
    assert_true(adit_ice_selected(a->ice, &after));
    assert_ptr_equal(before.remote, after.remote);
    net_run(&net, connected_at + 3600 * ADIT_SEC);
    assert_int_equal(adit_ice_state(a->ice), ADIT_ICE_CONNECTED);
    assert_int_equal(a->state_at[ADIT_ICE_FAILED], 0);
}

/* An idle hour: four to six seconds between checks, no two transactions alike, nothing else. */
static void test_idle_hour(void **state)
{
    struct net_node *a = &net.nodes[0];
    const struct net_sent *last = NULL;
    size_t checks = 0, first = a->sent_count;

    (void)state;
    net_run(&net, connected_at + 3600 * ADIT_SEC);
    for (size_t i = first; i < a->sent_count; i++) {
        const struct net_sent *s = &a->sent[i];
        if (s->class != ADIT_STUN_REQUEST)
            continue;
        if (last) {
            assert_in_range(s->at - last->at, 4 * ADIT_SEC, 6 * ADIT_SEC);
            assert_memory_not_equal(s->id, last->id, ADIT_STUN_ID_SIZE);
        }
        assert_false(s->use_candidate);
        last = s;
        checks++;
    }
    assert_in_range(checks, 600, 900);
    assert_in_range(a->sent_count - first, 1200, 1800);
}

/* Answers that come from elsewhere, or are not signed by the peer, are not consent. */
static bool answers_from_elsewhere(struct net *n, struct net_packet *p)
{
    (void)n;
    if (p->node == 1 && p->bytes[0] == 1)
        p->from = net_addr("10.0.0.66:2000");
    return true;
}

static bool answers_changed(struct net *n, struct net_packet *p)
{
    (void)n;
    if (p->node == 1 && p->bytes[0] == 1)
        p->bytes[p->n - 10] ^= 1;
    return true;
}

static void test_answers_from_elsewhere(void **state)
{
    (void)state;
    net.filter = answers_from_elsewhere;
    net_run(&net, connected_at + 100 * ADIT_SEC);
    assert_silent_for_good(&net.nodes[0]);
}

static void test_answers_changed(void **state)
{
    (void)state;
    net.filter = answers_changed;
    net_run(&net, connected_at + 100 * ADIT_SEC);
    assert_silent_for_good(&net.nodes[0]);
}

/* ---- another way ----------------------------------------------------------------------------- */

static void second_way(void)
{
    net_base(&net.nodes[0], 1, "10.1.0.1:1001", 60000);
    net_base(&net.nodes[1], 1, "10.1.0.2:2001", 60000);
    net_remote(&net.nodes[0], "10.1.0.2:2001", 126u << 24 | 60000 << 8 | 255);
    net_remote(&net.nodes[1], "10.1.0.1:1001", 126u << 24 | 60000 << 8 | 255);
    net_run(&net, net.now + 10 * ADIT_SEC);
}

static bool first_way_lost(struct net *n, struct net_packet *p)
{
    struct adit_addr a = net_addr("10.0.0.1:1000"), b = net_addr("10.0.0.2:2000");

    (void)n;
    return !adit_addr_equal_ip(&p->to, &a) && !adit_addr_equal_ip(&p->to, &b);
}

static void assert_second_way(void)
{
    for (int i = 0; i < 2; i++) {
        struct net_node *n = &net.nodes[i];
        struct adit_ice_pair_info info;

        assert_int_equal(adit_ice_state(n->ice), ADIT_ICE_CONNECTED);
        assert_true(adit_ice_selected(n->ice, &info));
        assert_int_equal(info.base, 1);
        assert_true(info.nominated);
    }
}

/* The way in use goes dark: the other one is found without a new description, and before consent is
 * over. */
static void test_second_way_takes_over(void **state)
{
    (void)state;
    second_way();
    net.filter = first_way_lost;
    net_run(&net, net.now + 15 * ADIT_SEC);
    assert_second_way();
    net_run(&net, net.now + 600 * ADIT_SEC);
    assert_second_way();
}

/* Both ways worked from the start. */
static struct net_node *two_ways(void)
{
    struct net_node *a, *b;

    teardown(NULL);
    net_init(&net);
    net.delay = 10 * ADIT_MS;
    a = net_node(&net, 0, NULL);
    b = net_node(&net, 1, NULL);
    net_base(a, 0, "10.0.0.1:1000", 65535);
    net_base(a, 1, "10.1.0.1:1001", 60000);
    net_base(b, 0, "10.0.0.2:2000", 65535);
    net_base(b, 1, "10.1.0.2:2001", 60000);
    net_introduce(a, b);
    net_run(&net, net.now + 60 * ADIT_SEC);
    return a;
}

/* Both go dark: what worked once is no reason to change to it. */
static void test_stale_pairs_are_not_used(void **state)
{
    struct net_node *a = two_ways();
    unsigned before = a->selected;

    (void)state;
    net.filter = all_lost;
    net_run(&net, net.now + 20 * ADIT_SEC);
    assert_int_equal(adit_ice_state(a->ice), ADIT_ICE_DISCONNECTED);
    assert_int_equal(a->selected, before);
}

/* The kernel refuses the one in use after a minute: the other has been kept warm, so consent holds
 * (RFC 7675 section 5.1), and it is used at once. */
static void test_backup_is_used_at_once(void **state)
{
    struct net_node *a = two_ways();
    struct adit_addr to = net_addr("10.0.0.2:2000");

    (void)state;
    adit_ice_send_failed(a->ice, 0, &to, ENETUNREACH, net.now);
    assert_false(adit_addr_equal(&net_selected(a).remote->addr, &to));
}

static void test_interface_removed(void **state)
{
    (void)state;
    second_way();
    adit_ice_remove_base(net.nodes[0].ice, 0, net.now);
    assert_int_equal(adit_ice_state(net.nodes[0].ice), ADIT_ICE_CONNECTED); /* by the backup */
    assert_int_equal(net_selected(&net.nodes[0]).base, 1);
    net_run(&net, net.now + ADIT_SEC);
    assert_int_equal(adit_ice_state(net.nodes[0].ice), ADIT_ICE_CONNECTED);
    net.filter = first_way_lost;
    net_run(&net, net.now + 20 * ADIT_SEC);
    assert_second_way();
}

/* All interfaces go: nothing can be sent, and 30 s later it is over. */
static void test_last_interface_removed(void **state)
{
    struct net_node *a = &net.nodes[0];

    (void)state;
    adit_ice_remove_base(a->ice, 0, net.now);
    assert_int_equal(adit_ice_state(a->ice), ADIT_ICE_DISCONNECTED);
    assert_int_equal(adit_ice_send(a->ice, "\x16", 1), -ENOTCONN);
    net_run(&net, net.now + 31 * ADIT_SEC);
    assert_int_equal(adit_ice_state(a->ice), ADIT_ICE_FAILED);
    assert_int_equal(a->cause.reason, ADIT_REASON_SILENCE);
}

/* The kernel refuses once, the interface comes back: the pair is taken up again. */
static void test_send_failed_and_back(void **state)
{
    struct net_node *a = &net.nodes[0];
    struct adit_addr to = net_addr("10.0.0.2:2000");

    (void)state;
    adit_ice_send_failed(a->ice, 0, &to, ENETUNREACH, net.now);
    assert_int_equal(adit_ice_state(a->ice), ADIT_ICE_DISCONNECTED);
    assert_int_equal(adit_ice_send(a->ice, "\x16", 1), -ENOTCONN);
    net_run(&net, net.now + 3 * ADIT_SEC);
    assert_int_equal(adit_ice_state(a->ice), ADIT_ICE_CONNECTED);
    net_run(&net, net.now + 60 * ADIT_SEC);
    assert_int_equal(adit_ice_state(a->ice), ADIT_ICE_CONNECTED);
    struct adit_ice_pair_info info;
    assert_true(adit_ice_selected(a->ice, &info) && info.nominated);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_lost_for_good),          T(test_one_way_lost),
        T(test_lost_and_found),         T(test_idle_hour),
        T(test_answers_from_elsewhere), T(test_answers_changed),
        T(test_second_way_takes_over),  T(test_stale_pairs_are_not_used),
        T(test_backup_is_used_at_once), T(test_interface_removed),
        T(test_last_interface_removed), T(test_send_failed_and_back),
    };

    return cmocka_run_group_tests_name("ice consent", tests, NULL, NULL);
}
