/* test_ice_check.c - pacing, retransmission, patience, and answers that are not what they seem. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ice/pmtu.h"
#include "unit/ice_net.h"

static struct net net;

static int setup(void **state)
{
    (void)state;
    net_init(&net);
    net.delay = ADIT_MS;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    net_done(&net);
    return 0;
}

static void start(struct net_node *node)
{
    adit_ice_set_role(node->ice, true);
    assert_int_equal(adit_ice_set_remote(node->ice, "peer", NET_PEER_PWD, false, net.now), 0);
}

static bool first_of_transaction(const struct net_node *n, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (memcmp(n->sent[k].id, n->sent[i].id, ADIT_STUN_ID_SIZE) == 0)
            return false;
    }
    return true;
}

static void assert_paced(const struct net_node *n, adit_time ta)
{
    adit_time last = 0;

    for (size_t i = 0; i < n->sent_count; i++) {
        if (n->sent[i].class != ADIT_STUN_REQUEST || !first_of_transaction(n, i))
            continue;
        assert_true(n->sent[i].at >= last + ta);
        last = n->sent[i].at;
    }
}

/* Nobody there: the first check at once, one new one each Ta, at most seven for a pair, FAILED when
 * patience is over and not a moment before, then silence. */
static void unreachable(unsigned bases, unsigned remotes, struct adit_ice_conf *conf, adit_time ta)
{
    struct net_node *a = net_node(&net, 0, conf);
    adit_time begin = net.now;
    char text[32];
    size_t count;

    for (unsigned i = 0; i < bases; i++) {
        snprintf(text, sizeof text, "10.0.0.%u:1000", i + 1);
        net_base(a, (int)i, text, (uint16_t)(60000 - i));
    }
    for (unsigned i = 0; i < remotes; i++) {
        snprintf(text, sizeof text, "10.0.1.%u:2000", i + 1);
        net_remote(a, text, 5000 - i);
    }
    adit_ice_remote_done(a->ice, net.now);
    start(a);
    assert_int_equal(a->sent_count, remotes ? 1 : 0);
    net_run(&net, begin + 39499 * ADIT_MS);
    assert_int_equal(adit_ice_state(a->ice), ADIT_ICE_CHECKING);
    net_run(&net, begin + 40 * ADIT_SEC);
    assert_int_equal(a->state_at[ADIT_ICE_FAILED], begin + 39500 * ADIT_MS);
    assert_int_equal(a->cause.reason, ADIT_REASON_NO_PATH);
    assert_paced(a, ta);
    count = a->sent_count;
    assert_true(count <= bases * remotes * 7 && count >= bases * remotes * 6);
    for (size_t i = 0; i < count; i++) {
        unsigned same = 0;
        for (size_t k = 0; k < count; k++)
            same += a->sent[i].base == a->sent[k].base &&
                    adit_addr_equal(&a->sent[i].to, &a->sent[k].to);
        assert_true(same <= 7);
        assert_false(a->sent[i].use_candidate);
    }
    net_run(&net, begin + 3600 * ADIT_SEC);
    assert_int_equal(a->sent_count, count);
    assert_true(adit_ice_deadline(a->ice) == ADIT_NEVER);
    assert_int_equal(adit_ice_send(a->ice, "\x16", 1), -EPIPE);
}

static void test_unreachable_one(void **state)
{
    (void)state;
    unreachable(1, 1, NULL, 10 * ADIT_MS);
}

static void test_unreachable_many(void **state)
{
    (void)state;
    unreachable(3, 20, NULL, 10 * ADIT_MS);
}

/* RFC 8445 section 14.3: 60 pairs at 10 ms each make an RTO of 600 ms. */
static void test_many_pairs_slow_down(void **state)
{
    const struct net_sent *first, *again = NULL;

    (void)state;
    unreachable(3, 20, NULL, 10 * ADIT_MS);
    first = &net.nodes[0].sent[0];
    for (size_t i = 1; !again; i++) {
        if (memcmp(net.nodes[0].sent[i].id, first->id, ADIT_STUN_ID_SIZE) == 0)
            again = &net.nodes[0].sent[i];
    }
    assert_int_equal(again->at - first->at, 600 * ADIT_MS);
}

static void test_pacing_has_a_floor(void **state)
{
    struct adit_ice_conf conf = { .ta = ADIT_MS };

    (void)state;
    unreachable(2, 10, &conf, 5 * ADIT_MS);
}

static void test_pacing_as_wanted(void **state)
{
    struct adit_ice_conf conf = { .ta = 50 * ADIT_MS };

    (void)state;
    unreachable(2, 10, &conf, 50 * ADIT_MS);
}

static void test_no_remote_candidates(void **state)
{
    (void)state;
    unreachable(2, 0, NULL, 10 * ADIT_MS);
    assert_non_null(strstr(net.nodes[0].cause.text, "never called"));
}

/* STUN servers and checks share one pace. */
static void test_pace_is_shared(void **state)
{
    struct adit_addr stun[] = { net_addr("198.51.100.1:1"), net_addr("198.51.100.2:1") };
    struct adit_ice_conf conf = { .stun = stun, .stun_count = 2 };
    struct net_node *a = net_node(&net, 0, &conf);

    (void)state;
    for (int i = 0; i < 5; i++) {
        char text[32];
        snprintf(text, sizeof text, "10.0.0.%d:1000", i + 1);
        net_base(a, i, text, (uint16_t)(60000 - i));
        snprintf(text, sizeof text, "10.0.1.%d:1000", i + 1);
        net_remote(a, text, 77);
    }
    adit_ice_bases_done(a->ice, net.now);
    start(a);
    net_run(&net, net.now + 100 * ADIT_SEC);
    assert_paced(a, 10 * ADIT_MS);
    assert_true(net_sent_to(a, "198.51.100.2:1", ADIT_STUN_REQUEST) > 0);
}

/* A person pastes after two minutes: it has been kept alive, and works at once. */
static void test_patience_is_long(void **state)
{
    struct adit_ice_conf conf = { .patience = 600 * ADIT_SEC };
    struct net_node *a = net_node(&net, 0, &conf), *b;
    adit_time last = net.now;

    (void)state;
    net_base(a, 0, "10.0.0.1:1000", 65535);
    net_remote(a, "10.0.0.2:2000", 100);
    b = net_node(&net, 1, NULL);
    adit_ice_set_role(a->ice, true);
    net_describe(b, a, false);
    net_run(&net, net.now + 300 * ADIT_SEC);
    assert_int_equal(adit_ice_state(a->ice), ADIT_ICE_CHECKING);
    for (size_t i = 0; i < a->sent_count; i++) { /* NATs forget after 30 s or more */
        assert_true(a->sent[i].at - last <= 16 * ADIT_SEC);
        last = a->sent[i].at;
    }
    net_base(b, 0, "10.0.0.2:2000", 65535);
    adit_ice_set_role(b->ice, false);
    net_describe(a, b, true);
    net_run(&net, net.now + 20 * ADIT_MS);
    assert_int_equal(adit_ice_state(a->ice), ADIT_ICE_CONNECTED);
    assert_int_equal(adit_ice_state(b->ice), ADIT_ICE_CONNECTED);
}

static bool fail_sends(struct net *n, struct net_packet *p)
{
    (void)n;
    (void)p;
    return false;
}

/* The kernel refuses: tried again after 2.5, 5, 10, 10 … s. */
static void test_unreachable_network(void **state)
{
    static const unsigned at_ms[] = { 0, 2500, 7500, 17500, 27500, 37500 };
    struct net_node *a = net_node(&net, 0, NULL);
    struct adit_addr to = net_addr("10.0.0.2:2000");
    adit_time begin = net.now;

    (void)state;
    net.filter = fail_sends;
    net_base(a, 0, "10.0.0.1:1000", 65535);
    net_remote(a, "10.0.0.2:2000", 100);
    start(a);
    for (size_t i = 0; i < ADIT_LEN(at_ms); i++) {
        net_run(&net, begin + at_ms[i] * ADIT_MS);
        assert_int_equal(a->sent_count, i + 1);
        adit_ice_send_failed(a->ice, 0, &to, EPERM, net.now);
        adit_ice_send_failed(a->ice, 7, &to, EPERM, net.now); /* no such base */
    }
    net_run(&net, begin + 40 * ADIT_SEC);
    assert_int_equal(a->sent_count, ADIT_LEN(at_ms));
    assert_int_equal(adit_ice_state(a->ice), ADIT_ICE_FAILED);
}

/* ---- answers ---------------------------------------------------------------------------------
 *
 * The peer is the filter: it answers each check as the test wants. */

struct answer {
    const char *from, *key;
    unsigned error;
    bool no_mapped, twice;
    unsigned seen;
};

static bool answering(struct net *n, struct net_packet *p)
{
    struct answer *answer = n->filter_arg;
    struct adit_addr from = answer->from ? net_addr(answer->from) : p->to;
    const char *key = answer->key ? answer->key : NET_PEER_PWD;
    struct adit_stun_head head;
    struct adit_stun_out out;

    if (p->node != 0 || !adit_stun_peek(&head, p->bytes, p->n) || head.class != ADIT_STUN_REQUEST)
        return p->node < 0;
    if (p->n < ADIT_PMTU_BASE) /* a probe of the path MTU is no check of the pair */
        answer->seen++;
    adit_stun_begin(&out, answer->error ? ADIT_STUN_ERROR : ADIT_STUN_SUCCESS, ADIT_STUN_BINDING,
                    head.id);
    if (answer->error)
        adit_stun_add_error(&out, answer->error);
    else if (!answer->no_mapped)
        adit_stun_add_mapped(&out, &p->from);
    adit_stun_finish(&out, (struct adit_span){ (const uint8_t *)key, strlen(key) });
    net_inject(n, &from, &p->from, out.bytes, out.len, ADIT_MS);
    if (answer->twice)
        net_inject(n, &from, &p->from, out.bytes, out.len, ADIT_MS);
    return false;
}

static const struct {
    const char *name;
    struct answer answer;
    bool connects;
    unsigned seen; /* checks in the first two seconds */
} answers[] = {
    { "right", { 0 }, true, 2 },
    { "twice", { .twice = true }, true, 2 },
    { "from elsewhere", { .from = "10.0.0.9:2000" }, false, 1 }, /* RFC 8445 section 7.2.5.2.1 */
    { "from another port", { .from = "10.0.0.2:2001" }, false, 1 },
    { "wrong password", { .key = "peerpeerpeerpeerpeerpE" }, false, 3 }, /* as if it were lost */
    { "unsigned", { .key = "" }, false, 3 },
    { "no mapped address", { .no_mapped = true }, false, 3 },
    { "error 400 unsigned", { .error = 400, .key = "" }, false, 3 },
    { "error 500", { .error = 500 }, false, 1 },
    { "error 420", { .error = 420 }, false, 1 },
    { "error 500 unsigned", { .error = 500, .key = "" }, false, 3 },
};

static void test_answers(void **state)
{
    for (size_t i = 0; i < ADIT_LEN(answers); i++) {
        struct answer answer = answers[i].answer;
        struct net_node *a;

        teardown(state);
        setup(state);
        net.filter = answering;
        net.filter_arg = &answer;
        a = net_node(&net, 0, NULL);
        net_base(a, 0, "10.0.0.1:1000", 65535);
        net_remote(a, "10.0.0.2:2000", 100);
        start(a);
        net_run(&net, net.now + 2 * ADIT_SEC);
        if ((adit_ice_state(a->ice) == ADIT_ICE_CONNECTED) != answers[i].connects ||
            answer.seen != answers[i].seen)
            fail_msg("%s: state %d, %u checks", answers[i].name, (int)adit_ice_state(a->ice),
                     answer.seen);
        if (answers[i].connects)
            continue;
        answer = (struct answer){ 0 }; /* the peer comes to its senses */
        net_run(&net, net.now + 3 * ADIT_SEC);
        assert_int_equal(adit_ice_state(a->ice), ADIT_ICE_CONNECTED);
    }
}

/* A peer that always says 487 makes us change roles a few times, not for ever. */
static void test_endless_role_conflict(void **state)
{
    struct answer answer = { .error = 487 };
    struct net_node *a = net_node(&net, 0, NULL);

    (void)state;
    net.filter = answering;
    net.filter_arg = &answer;
    net_base(a, 0, "10.0.0.1:1000", 65535);
    net_remote(a, "10.0.0.2:2000", 100);
    start(a);
    net_run(&net, net.now + 60 * ADIT_SEC);
    assert_in_range(answer.seen, 2, 25);
    assert_int_equal(adit_ice_state(a->ice), ADIT_ICE_FAILED);
}

static void test_closed(void **state)
{
    struct net_node *a = net_node(&net, 0, NULL);

    (void)state;
    net_base(a, 0, "10.0.0.1:1000", 65535);
    net_remote(a, "10.0.0.2:2000", 100);
    start(a);
    size_t before = a->sent_count;
    adit_ice_close(a->ice);
    adit_ice_close(a->ice);
    assert_int_equal(adit_ice_state(a->ice), ADIT_ICE_CLOSED);
    net_run(&net, net.now + 100 * ADIT_SEC);
    assert_int_equal(a->sent_count, before);
    assert_int_equal(adit_ice_send(a->ice, "\x16", 1), -ECANCELED);
    struct adit_addr addr = net_addr("10.0.0.5:5");
    assert_int_equal(adit_ice_add_base(a->ice, 9, &addr, 1, true, net.now), -ECANCELED);
    adit_ice_remove_base(a->ice, 0, net.now);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_unreachable_one),       T(test_unreachable_many),
        T(test_many_pairs_slow_down),  T(test_pacing_has_a_floor),
        T(test_pacing_as_wanted),      T(test_no_remote_candidates),
        T(test_pace_is_shared),        T(test_patience_is_long),
        T(test_unreachable_network),   T(test_answers),
        T(test_endless_role_conflict), T(test_closed),
    };

    return cmocka_run_group_tests_name("ice check", tests, NULL, NULL);
}
