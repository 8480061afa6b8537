/* test_ice_consent.c - consent by the clock (RFC 7675), and what agents do when it is missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ice/consent.h"
#include "unit/ice_net.h"

/* ---- the clock alone ------------------------------------------------------------------------- */

static struct adit_rng rng;

static void begin(struct adit_consent *c, uint64_t seed)
{
    adit_rng_init_seed(&rng, seed);
    adit_consent_start(c, &rng, 100 * ADIT_SEC, 0, 100 * ADIT_SEC);
}

/* Jumps from deadline to deadline; answers each check after `rtt`, or not (NEVER). Stops when the
 * health is `until`. */
static adit_time run(struct adit_consent *c, adit_time now, adit_time rtt,
                     enum adit_consent_health until)
{
    uint8_t id[ADIT_STUN_ID_SIZE];

    while (adit_consent_health(c, now) != until) {
        now = adit_consent_deadline(c, now);
        if (adit_consent_health(c, now) == ADIT_CONSENT_EXPIRED)
            break;
        if (adit_consent_tick(c, id, now) && rtt != ADIT_NEVER) {
            now += rtt;
            adit_consent_answered(c, id, now);
        }
    }
    return now;
}

static void test_silence_by_the_clock(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 1000; seed++) {
        struct adit_consent c;
        adit_time missing, expired;

        begin(&c, seed);
        missing = run(&c, 100 * ADIT_SEC, ADIT_NEVER, ADIT_CONSENT_MISSING);
        assert_in_range(missing - 100 * ADIT_SEC, 6500 * ADIT_MS, 7 * ADIT_SEC);
        expired = run(&c, missing, ADIT_NEVER, ADIT_CONSENT_EXPIRED);
        assert_true(expired == 130 * ADIT_SEC);
    }
}

/* The peer's own checks come in, but ours are not answered: the way out is blocked. */
static void test_one_way_by_the_clock(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 1000; seed++) {
        struct adit_consent c;
        uint8_t id[ADIT_STUN_ID_SIZE];
        adit_time now;

        begin(&c, seed);
        for (now = 100 * ADIT_SEC; adit_consent_health(&c, now) == ADIT_CONSENT_FRESH;
             now += 10 * ADIT_MS) {
            adit_consent_tick(&c, id, now);
            if (now % (4 * ADIT_SEC) == 0)
                adit_consent_heard(&c, now);
        }
        assert_in_range(now - 100 * ADIT_SEC, 9 * ADIT_SEC, 13 * ADIT_SEC + 10 * ADIT_MS);
    }
}

static void test_intervals(void **state)
{
    struct adit_consent c;
    uint8_t id[ADIT_STUN_ID_SIZE], last_id[ADIT_STUN_ID_SIZE] = { 0 };
    adit_time now = 100 * ADIT_SEC, last = now, least = ADIT_NEVER, most = 0;

    (void)state;
    begin(&c, 5);
    for (int i = 0; i < 1000; i++) {
        now = adit_consent_deadline(&c, now);
        assert_true(adit_consent_tick(&c, id, now));
        assert_memory_not_equal(id, last_id, sizeof id);
        memcpy(last_id, id, sizeof id);
        least = adit_time_min(least, now - last);
        most = adit_time_max(most, now - last);
        last = now;
        adit_consent_answered(&c, id, now);
    }
    assert_in_range(least, 4000 * ADIT_MS, 4100 * ADIT_MS);
    assert_in_range(most, 5900 * ADIT_MS, 6000 * ADIT_MS);
}

static void test_round_trip_time(void **state)
{
    struct adit_consent c;
    uint8_t id[ADIT_STUN_ID_SIZE];
    adit_time now = 100 * ADIT_SEC;

    (void)state;
    begin(&c, 5);
    for (int i = 0; i < 40; i++) {
        now = c.next;
        assert_true(adit_consent_tick(&c, id, now));
        adit_consent_answered(&c, id, now + (i < 20 ? 100 : 200) * ADIT_MS);
        if (i == 19)
            assert_true(c.rtt == 100 * ADIT_MS);
        if (i == 20)
            assert_true(c.rtt == 112500 * ADIT_US); /* 7/8 old + 1/8 new */
    }
    assert_in_range(c.rtt, 190 * ADIT_MS, 200 * ADIT_MS);
}

/* A late answer to an old check counts from when that was asked; an unknown one does not count. */
static void test_late_and_foreign_answers(void **state)
{
    struct adit_consent c;
    uint8_t ids[3][ADIT_STUN_ID_SIZE], foreign[ADIT_STUN_ID_SIZE] = "foreign";
    adit_time sent[3], expires;

    (void)state;
    begin(&c, 5);
    for (int i = 0; i < 3; i++) {
        sent[i] = c.next;
        assert_true(adit_consent_tick(&c, ids[i], sent[i]));
    }
    assert_false(adit_consent_knows(&c, foreign));
    adit_consent_answered(&c, foreign, sent[2]);
    assert_true(c.expires == 130 * ADIT_SEC);
    assert_true(adit_consent_knows(&c, ids[1]));
    adit_consent_answered(&c, ids[1], sent[2] + ADIT_SEC);
    assert_true(c.expires == sent[1] + 30 * ADIT_SEC);
    expires = c.expires;
    adit_consent_answered(&c, ids[0], sent[2] + 2 * ADIT_SEC);
    assert_true(c.expires == expires);
}

/* ---- two agents ------------------------------------------------------------------------------ */

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

/* Both ways go dark: what worked once is no reason to change to it. */
static void test_stale_pairs_are_not_used(void **state)
{
    struct net_node *a, *b;
    unsigned before;

    teardown(state);
    net_init(&net);
    net.delay = 10 * ADIT_MS;
    a = net_node(&net, 0, NULL);
    b = net_node(&net, 1, NULL);
    net_base(a, 0, "10.0.0.1:1000", 65535);
    net_base(a, 1, "10.1.0.1:1001", 60000);
    net_base(b, 0, "10.0.0.2:2000", 65535);
    net_base(b, 1, "10.1.0.2:2001", 60000);
    net_introduce(a, b);
    net_run(&net, net.now + 20 * ADIT_SEC);
    before = a->selected;
    net.filter = all_lost;
    net_run(&net, net.now + 20 * ADIT_SEC);
    assert_int_equal(adit_ice_state(a->ice), ADIT_ICE_DISCONNECTED);
    assert_int_equal(a->selected, before);
}

static void test_interface_removed(void **state)
{
    (void)state;
    second_way();
    adit_ice_remove_base(net.nodes[0].ice, 0, net.now);
    assert_int_equal(adit_ice_state(net.nodes[0].ice), ADIT_ICE_DISCONNECTED);
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
    adit_ice_send_failed(a->ice, 0, &to, net.now);
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
        cmocka_unit_test(test_silence_by_the_clock),
        cmocka_unit_test(test_one_way_by_the_clock),
        cmocka_unit_test(test_intervals),
        cmocka_unit_test(test_round_trip_time),
        cmocka_unit_test(test_late_and_foreign_answers),
        T(test_lost_for_good),
        T(test_one_way_lost),
        T(test_lost_and_found),
        T(test_idle_hour),
        T(test_answers_from_elsewhere),
        T(test_answers_changed),
        T(test_second_way_takes_over),
        T(test_stale_pairs_are_not_used),
        T(test_interface_removed),
        T(test_last_interface_removed),
        T(test_send_failed_and_back),
    };

    return cmocka_run_group_tests_name("ice consent", tests, NULL, NULL);
}
