/* test_ice_repeat.c - checks that are begun anew: the early repetition, those that a caller causes
 * on a slow path, and what becomes of the ones before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ice/pair.h"
#include "unit/ice_net.h"

#define PEER "10.0.0.2:2000"
#define STUN "198.51.100.1:3478"

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

/* An agent that knows how far a STUN server is, and a peer that nobody has seen yet. */
static struct net_node *agent(adit_time delay)
{
    struct adit_addr stun = net_addr(STUN);
    struct adit_ice_conf conf = { .stun = &stun, .stun_count = 1 };
    struct net_node *a = net_node(&net, 0, &conf);

    net.delay = delay;
    net.stun_server[0] = stun;
    net_base(a, 0, "10.0.0.1:1000", 65535);
    adit_ice_bases_done(a->ice, net.now);
    net_run(&net, net.now + ADIT_SEC);
    assert_int_equal(a->gathered, 1);
    net_remote(a, PEER, 100);
    adit_ice_set_role(a->ice, false);
    assert_int_equal(adit_ice_set_remote(a->ice, "peer", NET_PEER_PWD, false, net.now), 0);
    return a;
}

static bool to_peer(const struct net_sent *s)
{
    struct adit_addr peer = net_addr(PEER);

    return s->class == ADIT_STUN_REQUEST && adit_addr_equal(&s->to, &peer);
}

static unsigned transactions(const struct net_node *a)
{
    unsigned n = 0;

    for (size_t i = 0; i < a->sent_count; i++) {
        bool known = false;
        for (size_t k = 0; k < i && !known; k++)
            known = memcmp(a->sent[k].id, a->sent[i].id, ADIT_STUN_ID_SIZE) == 0;
        n += to_peer(&a->sent[i]) && !known;
    }
    return n;
}

/* Seven sends as ever, the second one at three round trips to the server and with an id of its own;
 * no copy follows another in less than 500 ms. */
static void test_one_early_repetition(void **state)
{
    static const unsigned at_ms[] = { 0, 120, 1120, 3120, 7120, 15120, 31120 };
    struct net_node *a = agent(20 * ADIT_MS);
    adit_time begin = net.now;
    unsigned n = 0;

    (void)state;
    net_run(&net, begin + 60 * ADIT_SEC);
    for (size_t i = 0; i < a->sent_count; i++) {
        if (!to_peer(&a->sent[i]))
            continue;
        assert_true(n < ADIT_LEN(at_ms));
        assert_int_equal(a->sent[i].at - begin, at_ms[n] * ADIT_MS);
        n++;
    }
    assert_int_equal(n, ADIT_LEN(at_ms));
    assert_int_equal(transactions(a), 2);
    assert_int_equal(adit_ice_state(a->ice), ADIT_ICE_FAILED);
}

/* With a server so far away, the retransmission comes first; without one nothing is known. */
static void test_no_early_repetition(void **state)
{
    struct net_node *a = agent(84 * ADIT_MS);
    adit_time begin = net.now;

    (void)state;
    net_run(&net, begin + 40 * ADIT_SEC);
    assert_int_equal(transactions(a), 1);
}

static void call(struct net_node *a)
{
    struct adit_addr from = net_addr(PEER);
    struct adit_stun_out out;
    struct adit_span pkt;

    net_make_check(a, &out, NET_FLAW_NONE, false);
    pkt = (struct adit_span){ .data = out.bytes, .len = out.len };
    assert_false(adit_ice_feed(a->ice, 0, &from, &pkt, net.now));
}

static void answer(struct net_node *a, const uint8_t *id)
{
    const struct adit_span key = { (const uint8_t *)NET_PEER_PWD, strlen(NET_PEER_PWD) };
    struct adit_addr from = net_addr(PEER), mapped = net_addr("10.0.0.1:1000");
    struct adit_stun_out out;
    struct adit_span pkt;

    adit_stun_begin(&out, ADIT_STUN_SUCCESS, ADIT_STUN_BINDING, id);
    adit_stun_add_mapped(&out, &mapped);
    adit_stun_finish(&out, key);
    pkt = (struct adit_span){ .data = out.bytes, .len = out.len };
    assert_false(adit_ice_feed(a->ice, 0, &from, &pkt, net.now));
}

static const uint8_t *id_of_check(const struct net_node *a, unsigned n)
{
    for (size_t i = 0; i < a->sent_count; i++) {
        if (to_peer(&a->sent[i]) && n-- == 0)
            return a->sent[i].id;
    }
    fail();
    return NULL;
}

/* The caller repeats himself before any answer can come. Each call may mean that his NAT has just
 * opened, so checks are begun anew, but no more than are remembered, and 5 ms apart (RFC 8445
 * section 14.2); an answer to any of them counts. */
static void test_a_caller_who_repeats_himself(void **state)
{
    for (unsigned which = 0; which <= ADIT_PAIR_CANCELLED_MAX; which++) {
        struct net_node *a;
        adit_time last = 0;

        net_done(&net);
        net_init(&net);
        a = agent(0);
        for (unsigned i = 0; i < 100; i++) {
            call(a);
            net_run(&net, net.now + ADIT_MS);
        }
        assert_int_equal(transactions(a), 1 + ADIT_PAIR_CANCELLED_MAX);
        for (size_t i = 0; i < a->sent_count; i++) {
            if (!to_peer(&a->sent[i]))
                continue;
            assert_true(a->sent[i].at >= last + 5 * ADIT_MS);
            last = a->sent[i].at;
        }
        assert_false(adit_ice_selected(a->ice, NULL));
        answer(a, id_of_check(a, which));
        assert_true(adit_ice_selected(a->ice, NULL));
    }
    (void)state;
}

/* What was not answered for three seconds is lost, and makes room. */
static void test_room_comes_back(void **state)
{
    struct net_node *a = agent(0);

    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        call(a);
        net_run(&net, net.now + ADIT_MS);
    }
    net_run(&net, net.now + ADIT_PAIR_ANSWER_MAX);
    call(a);
    net_run(&net, net.now + 20 * ADIT_MS);
    assert_int_equal(transactions(a), 2 + ADIT_PAIR_CANCELLED_MAX);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_one_early_repetition),
        T(test_no_early_repetition),
        T(test_a_caller_who_repeats_himself),
        T(test_room_comes_back),
    };

    return cmocka_run_group_tests_name("ice repeat", tests, NULL, NULL);
}
