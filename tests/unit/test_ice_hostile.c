/* test_ice_hostile.c - strangers who forge, flood and spray; peers who do it with the right
 * password. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/ice_alone.h"

/* What each flawed check is answered with, and that it leaves no trace; before and after the
 * remote description. */
static const struct {
    enum net_flaw flaw;
    int answer;       /* 0 = none, 1 = success, else the error */
    int early_answer; /* before the remote description */
    bool trace;
} flaws[] = {
    { NET_FLAW_NONE, 1, 1, true },
    { NET_FLAW_PASSWORD, 401, 401, false },
    { NET_FLAW_OWN_NAME, 401, 401, false },
    { NET_FLAW_PEER_NAME, 401, 1, false },
    { NET_FLAW_UNSIGNED, 400, 400, false },
    { NET_FLAW_NO_NAME, 400, 400, false },
    { NET_FLAW_NO_PRIORITY, 400, 400, false },
    { NET_FLAW_UNKNOWN, 420, 420, false },
    { NET_FLAW_METHOD, 0, 0, false },
    { NET_FLAW_INDICATION, 0, 0, false },
};

static int answer_code;

static bool read_answer(struct net *n, struct net_packet *p)
{
    const char *pwd = adit_ice_pwd(a->ice);
    struct adit_stun_auth auth = { .key = { (const uint8_t *)pwd, strlen(pwd) },
                                   .fingerprint = true };
    struct adit_stun msg;

    (void)n;
    if (p->bytes[0] != 1)
        return false; /* a check of ours */
    assert_int_equal(adit_stun_decode(&msg, p->bytes, p->n, &auth), ADIT_STUN_OK);
    answer_code = msg.head.class == ADIT_STUN_SUCCESS ? 1 : msg.error;
    return false;
}

static void flawed_checks(bool early)
{
    struct adit_addr stranger = net_addr("198.51.100.9:9");

    for (size_t i = 0; i < ADIT_LEN(flaws); i++) {
        struct adit_stun_out out;
        bool trace = flaws[i].trace;

        teardown(NULL);
        setup(NULL);
        net.filter = read_answer;
        agent(NULL);
        if (!early)
            introduce();
        answer_code = 0;
        net_make_check(a, &out, flaws[i].flaw, true);
        feed(&stranger, out.bytes, out.len);
        if (answer_code != (early ? flaws[i].early_answer : flaws[i].answer))
            fail_msg("flaw %d answered with %d", flaws[i].flaw, answer_code);
        if (early)
            introduce();
        net_run(&net, net.now + 100 * ADIT_MS);
        if ((net_sent_to(a, "198.51.100.9:9", ADIT_STUN_REQUEST) > 0) != trace ||
            (a->heard > 0) != trace || lets_in(&stranger, 22) != trace)
            fail_msg("flaw %d: a trace, or none where one should be", flaws[i].flaw);
        assert_false(adit_ice_selected(a->ice, NULL));
    }
}

static void test_flawed_checks(void **state)
{
    (void)state;
    flawed_checks(false);
}

static void test_flawed_early_checks(void **state)
{
    (void)state;
    flawed_checks(true);
}

/* RFC 8445 section 7.3: without FINGERPRINT it may be anything. */
static void test_no_fingerprint(void **state)
{
    struct adit_addr stranger = net_addr("198.51.100.9:9");
    struct adit_stun_out out;

    (void)state;
    agent(NULL);
    introduce();
    net_make_check(a, &out, NET_FLAW_NONE, true);
    adit_put16(out.bytes + 2, (uint16_t)(adit_get16(out.bytes + 2) - 8));
    feed(&stranger, out.bytes, out.len - 8);
    net_run(&net, net.now + ADIT_SEC);
    assert_int_equal(a->sent_count, 0);
    assert_false(lets_in(&stranger, 22));
}

/* RFC 8445 section 7.3.1.4: who called one base is not called from others. */
static void test_learned_by_one_base(void **state)
{
    struct adit_addr peer = net_addr("10.0.0.2:2000");
    struct adit_stun_out out;

    (void)state;
    agent(NULL);
    introduce();
    net_make_check(a, &out, NET_FLAW_NONE, true);
    feed(&peer, out.bytes, out.len);
    net_base(a, 1, "10.0.0.3:1000", 65535);
    net_run(&net, net.now + ADIT_SEC);
    assert_true(a->sent_count > 1);
    for (size_t i = 0; i < a->sent_count; i++)
        assert_int_equal(a->sent[i].base, 0);
}

/* Ten thousand forged checks: ten answers in a second, none longer than its question. */
static void test_no_reflector(void **state)
{
    struct adit_addr victim = net_addr("198.51.100.9:9");
    struct adit_stun_out out;
    size_t in = 0;

    (void)state;
    agent(NULL);
    introduce();
    for (int i = 0; i < 10000; i++) {
        in += net_make_check(a, &out, i % 2 ? NET_FLAW_PASSWORD : NET_FLAW_UNSIGNED, false);
        feed(&victim, out.bytes, out.len);
    }
    assert_int_equal(a->sent_count, 10);
    /* Shorter than any answer: none. */
    net_run(&net, net.now + 2 * ADIT_SEC);
    adit_stun_begin(&out, ADIT_STUN_REQUEST, ADIT_STUN_BINDING, (const uint8_t *)"abcdefghijkl");
    adit_stun_finish(&out, (struct adit_span){ 0 });
    feed(&victim, out.bytes, out.len);
    assert_int_equal(a->sent_count, 10);
    assert_true(in > 0);
    struct adit_ice_stats stats;
    adit_ice_stats(a->ice, &stats);
    assert_int_equal(stats.dropped_unauthenticated, 10001);
    assert_int_equal(stats.checks_received, 0);
}

/* RFC 7983: of 256 first bytes only DTLS gets through, and only over a 5-tuple that proved itself.
 */
static void test_first_bytes(void **state)
{
    struct adit_addr peer = net_addr("10.0.0.2:2000"), other = net_addr("10.0.0.2:2001");
    struct adit_stun_out out;
    struct adit_span nothing = { .data = (const uint8_t *)"", .len = 0 };

    (void)state;
    agent(NULL);
    introduce();
    net_make_check(a, &out, NET_FLAW_NONE, false);
    net_remote(a, "10.0.0.2:2000", 5); /* named, but not heard */
    net_remote(a, "10.0.0.2:2001", 4);
    assert_false(lets_in(&peer, 22));
    feed(&peer, out.bytes, out.len);
    for (unsigned i = 0; i < 256; i++) {
        assert_int_equal(lets_in(&peer, (uint8_t)i), i >= 20 && i <= 63);
        assert_false(lets_in(&other, (uint8_t)i));
    }
    assert_false(adit_ice_feed(a->ice, 0, &peer, &nothing, net.now));
    uint8_t dtls[] = { 22 };
    struct adit_span span = { .data = dtls, .len = 1 };
    assert_false(adit_ice_feed(a->ice, 1, &peer, &span, net.now)); /* another socket */
}

/* Aggressive nomination: USE-CANDIDATE in every check; the best pair of those is used. */
static bool peer_answers(struct net *n, struct net_packet *p)
{
    struct adit_stun_head head;
    struct adit_stun_out out;

    if (p->node != 0 || !adit_stun_peek(&head, p->bytes, p->n) || head.class != ADIT_STUN_REQUEST)
        return false;
    adit_stun_begin(&out, ADIT_STUN_SUCCESS, ADIT_STUN_BINDING, head.id);
    adit_stun_add_mapped(&out, &p->from);
    adit_stun_finish(&out,
                     (struct adit_span){ (const uint8_t *)NET_PEER_PWD, strlen(NET_PEER_PWD) });
    net_inject(n, &p->to, &p->from, out.bytes, out.len, 0);
    return false;
}

static void test_aggressive_nomination(void **state)
{
    struct adit_addr worse = net_addr("10.0.0.2:2000"), best = net_addr("10.0.0.2:2001");
    struct adit_ice_pair_info info;
    struct adit_stun_out out;

    (void)state;
    net.filter = peer_answers;
    agent(NULL);
    introduce();
    net_make_check(a, &out, NET_FLAW_NONE, true);
    feed(&worse, out.bytes, out.len);
    net_run(&net, net.now + 30 * ADIT_MS);
    assert_true(adit_ice_selected(a->ice, &info) && info.nominated);
    assert_true(adit_addr_equal(&info.remote->addr, &worse));

    net_remote(a, "10.0.0.2:2001", 2000000000);
    net_make_check(a, &out, NET_FLAW_NONE, false); /* works, but is not nominated */
    feed(&best, out.bytes, out.len);
    net_run(&net, net.now + 30 * ADIT_MS);
    assert_true(adit_ice_selected(a->ice, &info));
    assert_true(adit_addr_equal(&info.remote->addr, &worse));
    net_make_check(a, &out, NET_FLAW_NONE, true);
    feed(&best, out.bytes, out.len);
    net_run(&net, net.now + 100 * ADIT_MS); /* its MTU is asked for first */
    assert_true(adit_ice_selected(a->ice, &info) && info.nominated);
    assert_true(adit_addr_equal(&info.remote->addr, &best));

    net_make_check(a, &out, NET_FLAW_NONE, true);
    feed(&worse, out.bytes, out.len);
    net_run(&net, net.now + 30 * ADIT_MS);
    assert_true(adit_ice_selected(a->ice, &info));
    assert_true(adit_addr_equal(&info.remote->addr, &best));
    assert_int_equal(a->selected, 2);
}

/* Copies of a peer's check, played back from somewhere else (the sniffer of the checklist): they
 * are answered and checked, but what is in use stays. */
static void test_replayed_nomination(void **state)
{
    struct adit_addr peer = net_addr("10.0.0.2:2000"), sniffer = net_addr("10.0.0.66:6");
    struct adit_ice_pair_info info;
    struct adit_stun_out out;

    (void)state;
    net.filter = peer_answers;
    agent(NULL);
    introduce();
    net_make_check(a, &out, NET_FLAW_NONE, true);
    feed(&peer, out.bytes, out.len);
    net_run(&net, net.now + 30 * ADIT_MS);
    net.filter = read_answer; /* the sniffer does not know the password to answer with */
    feed(&sniffer, out.bytes, out.len);
    net_run(&net, net.now + 3 * ADIT_SEC);
    assert_true(adit_ice_selected(a->ice, &info));
    assert_true(adit_addr_equal(&info.remote->addr, &peer));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_flawed_checks),         T(test_flawed_early_checks), T(test_no_fingerprint),
        T(test_learned_by_one_base),   T(test_no_reflector),        T(test_first_bytes),
        T(test_aggressive_nomination), T(test_replayed_nomination),
    };

    return cmocka_run_group_tests_name("ice hostile", tests, NULL, NULL);
}
