/* test_ice_hostile.c - strangers who forge, flood and spray; peers who do it with the right
 * password; and no memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "unit/ice_net.h"

#define PEER_PWD "peerpeerpeerpeerpeerpe"

static struct net net;
static struct net_node *a;

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

static void agent(struct adit_ice_conf *conf)
{
    a = net_node(&net, 0, conf);
    net_base(a, 0, "10.0.0.1:1000", 65535);
    adit_ice_set_role(a->ice, false);
}

static void introduce(void)
{
    assert_int_equal(adit_ice_set_remote(a->ice, "peer", PEER_PWD, false, net.now), 0);
}

/* A check as the peer would send it, with one thing or another wrong. */
enum flaw {
    FLAW_NONE,
    FLAW_PASSWORD,
    FLAW_OWN_NAME,
    FLAW_PEER_NAME,
    FLAW_UNSIGNED,
    FLAW_NO_NAME,
    FLAW_NO_PRIORITY,
    FLAW_UNKNOWN,
    FLAW_METHOD,
    FLAW_INDICATION,
};

static size_t make_check(struct adit_stun_out *out, enum flaw flaw, bool nominate)
{
    char username[600];
    const char *key = adit_ice_pwd(a->ice);
    uint8_t id[ADIT_STUN_ID_SIZE];

    adit_rng_bytes(&a->rng, id, sizeof id);
    snprintf(username, sizeof username, "%s:%s",
             flaw == FLAW_OWN_NAME ? "xxxx" : adit_ice_ufrag(a->ice),
             flaw == FLAW_PEER_NAME ? "peeR" : "peer");
    adit_stun_begin(out, flaw == FLAW_INDICATION ? ADIT_STUN_INDICATION : ADIT_STUN_REQUEST,
                    flaw == FLAW_METHOD ? 3 : ADIT_STUN_BINDING, id);
    if (flaw != FLAW_NO_NAME)
        adit_stun_add(out, ADIT_STUN_USERNAME, username, strlen(username));
    if (flaw != FLAW_NO_PRIORITY)
        adit_stun_add32(out, ADIT_STUN_PRIORITY, 12345);
    adit_stun_add64(out, ADIT_STUN_ICE_CONTROLLING, 99);
    if (flaw == FLAW_UNKNOWN)
        adit_stun_add(out, 0x0999, "?", 1);
    if (nominate)
        adit_stun_add(out, ADIT_STUN_USE_CANDIDATE, NULL, 0);
    if (flaw == FLAW_PASSWORD)
        key = "wrongwrongwrongwrongwr";
    if (flaw == FLAW_UNSIGNED)
        key = "";
    return adit_stun_finish(out, (struct adit_span){ (const uint8_t *)key, strlen(key) });
}

static void feed(const struct adit_addr *from, const void *bytes, size_t n)
{
    struct adit_span span = { .data = bytes, .len = n };

    assert_false(adit_ice_feed(a->ice, 0, from, &span, net.now));
}

static bool lets_in(const struct adit_addr *from, uint8_t first)
{
    uint8_t bytes[40] = { first };
    struct adit_span span = { .data = bytes, .len = sizeof bytes };

    return adit_ice_feed(a->ice, 0, from, &span, net.now);
}

/* What each flawed check is answered with, and that it leaves no trace; before and after the
 * remote description. */
static const struct {
    enum flaw flaw;
    int answer;       /* 0 = none, 1 = success, else the error */
    int early_answer; /* before the remote description */
    bool trace;
} flaws[] = {
    { FLAW_NONE, 1, 1, true },
    { FLAW_PASSWORD, 401, 401, false },
    { FLAW_OWN_NAME, 401, 401, false },
    { FLAW_PEER_NAME, 401, 1, false },
    { FLAW_UNSIGNED, 400, 400, false },
    { FLAW_NO_NAME, 400, 400, false },
    { FLAW_NO_PRIORITY, 400, 400, false },
    { FLAW_UNKNOWN, 420, 420, false },
    { FLAW_METHOD, 0, 0, false },
    { FLAW_INDICATION, 0, 0, false },
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
        make_check(&out, flaws[i].flaw, true);
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
        in += make_check(&out, i % 2 ? FLAW_PASSWORD : FLAW_UNSIGNED, false);
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
    make_check(&out, FLAW_NONE, false);
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
    make_check(&out, FLAW_NONE, false);
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
        make_check(&out, FLAW_NONE, true);
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
        make_check(&out, FLAW_NONE, true);
        feed(&from, out.bytes, out.len);
    }
    assert_int_equal(a->sent_count, 16);
    introduce();
    net_run(&net, net.now + ADIT_SEC);
    assert_true(a->sent_count <= 16 + 16 * 2);
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

/* Aggressive nomination: USE-CANDIDATE in every check; the best pair of those is used. */
static bool peer_answers(struct net *n, struct net_packet *p)
{
    struct adit_stun_head head;
    struct adit_stun_out out;

    if (p->node != 0 || !adit_stun_peek(&head, p->bytes, p->n) || head.class != ADIT_STUN_REQUEST)
        return false;
    adit_stun_begin(&out, ADIT_STUN_SUCCESS, ADIT_STUN_BINDING, head.id);
    adit_stun_add_mapped(&out, &p->from);
    adit_stun_finish(&out, (struct adit_span){ (const uint8_t *)PEER_PWD, strlen(PEER_PWD) });
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
    make_check(&out, FLAW_NONE, true);
    feed(&worse, out.bytes, out.len);
    net_run(&net, net.now + 30 * ADIT_MS);
    assert_true(adit_ice_selected(a->ice, &info) && info.nominated);
    assert_true(adit_addr_equal(&info.remote->addr, &worse));

    net_remote(a, "10.0.0.2:2001", 2000000000);
    make_check(&out, FLAW_NONE, true);
    feed(&best, out.bytes, out.len);
    net_run(&net, net.now + 30 * ADIT_MS);
    assert_true(adit_ice_selected(a->ice, &info) && info.nominated);
    assert_true(adit_addr_equal(&info.remote->addr, &best));

    make_check(&out, FLAW_NONE, true);
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
    make_check(&out, FLAW_NONE, true);
    feed(&peer, out.bytes, out.len);
    net_run(&net, net.now + 30 * ADIT_MS);
    net.filter = read_answer; /* the sniffer does not know the password to answer with */
    feed(&sniffer, out.bytes, out.len);
    net_run(&net, net.now + 3 * ADIT_SEC);
    assert_true(adit_ice_selected(a->ice, &info));
    assert_true(adit_addr_equal(&info.remote->addr, &peer));
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
        whole &= adit_ice_set_remote(node.ice, "peer", PEER_PWD, false, 0) == 0;
        make_check(&out, FLAW_NONE, true);
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
        T(test_flawed_checks),
        T(test_flawed_early_checks),
        T(test_no_reflector),
        T(test_first_bytes),
        T(test_ten_thousand_candidates),
        T(test_ten_thousand_callers),
        T(test_ten_thousand_early_callers),
        T(test_forbidden_candidates),
        T(test_aggressive_nomination),
        T(test_replayed_nomination),
        T(test_credentials),
        T(test_out_of_memory),
    };

    return cmocka_run_group_tests_name("ice hostile", tests, NULL, NULL);
}
