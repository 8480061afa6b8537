/* The peer connection as an engine: two of them on a simulated clock, see engine_pair.h. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/engine_pair.h"

/* RFC 7983 section 7. */
static bool is_stun(const uint8_t *bytes, size_t n)
{
    return n && bytes[0] < 4;
}

static bool both_selected(struct engine_pair *p)
{
    return adit_engine_selected(p->side[0].e, NULL) && adit_engine_selected(p->side[1].e, NULL);
}

static void start_both(struct engine_pair *p)
{
    engine_pair_init(p);
    for (int i = 0; i < 2; i++)
        assert_true(engine_start(&p->side[i]));
    assert_non_null(engine_open(&p->side[0], "x"));
}

/* ---- descriptions ---------------------------------------------------------------------------- */

/* Offer and answer before, during and after gathering; in each order, with any delay between. */
static void descriptions_at_any_time(void **state)
{
    (void)state;
    for (int gap = 0; gap < 8; gap++) {
        struct engine_pair p;

        engine_pair_init(&p);
        assert_true(engine_start(&p.side[0]));
        if (gap & 1)
            engine_run(&p, 3 * ADIT_SEC, NULL);
        assert_true(engine_start(&p.side[1]));
        assert_non_null(engine_open(&p.side[0], "x"));
        assert_int_equal(engine_hand_over(&p.side[0], NULL, NULL), 0);
        if (gap & 2)
            engine_run(&p, 20 * ADIT_SEC, NULL);
        assert_int_equal(engine_hand_over(&p.side[1], NULL, NULL), 0);
        assert_true(engine_run(&p, 5 * ADIT_SEC, engine_connected));
        assert_true(engine_talks(&p));
        engine_pair_done(&p);
    }
}

static void no_candidates(struct adit_desc *desc)
{
    desc->cand_count = 0;
    desc->end_of_candidates = false;
}

/* A remote description comes before there is a socket at all. */
static void described_before_gathering(void **state)
{
    struct engine_pair p;
    struct adit_engine *e;

    (void)state;
    engine_pair_init(&p);
    p.side[1].conf.ta = 0;
    assert_true(engine_start(&p.side[0]));
    assert_true(engine_start(&p.side[1]));
    e = p.side[1].e;
    adit_engine_remove_base(e, 0, p.now);
    assert_int_equal(engine_hand_over(&p.side[0], NULL, NULL), 0);
    engine_run(&p, ADIT_SEC, NULL);
    assert_int_equal(adit_engine_add_base(e, 0, &p.side[1].addr, 100, true, p.now), 0);
    assert_non_null(engine_open(&p.side[0], "x"));
    assert_int_equal(engine_hand_over(&p.side[1], no_candidates, NULL), 0);
    assert_true(engine_run(&p, 5 * ADIT_SEC, engine_connected)); /* it is learned: prflx */
    engine_pair_done(&p);
}

static void as_offer(struct adit_desc *d)
{
    d->type = ADIT_DESC_OFFER;
    d->setup = ADIT_SETUP_ACTPASS;
}

static void as_answer(struct adit_desc *d)
{
    d->type = ADIT_DESC_ANSWER;
    d->setup = ADIT_SETUP_ACTIVE;
}

static void answer_actpass(struct adit_desc *d)
{
    d->type = ADIT_DESC_ANSWER;
    d->setup = ADIT_SETUP_ACTPASS;
}

static void no_fingerprint(struct adit_desc *d)
{
    d->fingerprint_count = 0;
}

static void short_ufrag(struct adit_desc *d)
{
    as_answer(d);
    d->ufrag[3] = 0;
}

static void short_pwd(struct adit_desc *d)
{
    as_answer(d);
    d->pwd[21] = 0;
}

static void refused_descriptions(void **state)
{
    static const struct {
        int to;
        void (*tamper)(struct adit_desc *d);
        const char *word;
    } rows[] = {
        { 0, as_offer, "an answer is needed" }, { 1, as_answer, "an offer is needed" },
        { 0, answer_actpass, "DTLS role" },     { 0, no_fingerprint, "fingerprint" },
        { 0, short_ufrag, "too short" },        { 0, short_pwd, "too short" },
    };
    struct engine_pair p;
    struct adit_desc *own = malloc(sizeof *own);
    struct adit_cause why;

    (void)state;
    start_both(&p);
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        assert_int_equal(engine_hand_over(&p.side[!rows[i].to], rows[i].tamper, &why), -EINVAL);
        if (!strstr(why.text, rows[i].word))
            fail_msg("row %zu: %s", i, why.text);
        assert_int_equal(adit_engine_role(p.side[1].e), ADIT_ROLE_UNDECIDED);
    }
    adit_engine_describe(p.side[0].e, own);
    assert_int_equal(adit_engine_set_remote(p.side[0].e, own, &why, p.now), -EINVAL);
    assert_non_null(strstr(why.text, "own"));
    free(own);
    assert_int_equal(p.side[0].state_count + p.side[1].state_count, 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(engine_hand_over(&p.side[i], NULL, NULL), 0);
    assert_int_equal(engine_hand_over(&p.side[1], NULL, NULL), -EALREADY);
    adit_engine_set_offerer(p.side[1].e); /* too late to mean anything */
    assert_int_equal(adit_engine_role(p.side[1].e), ADIT_ROLE_ANSWERER);
    assert_true(engine_run(&p, ADIT_SEC, engine_connected));
    engine_pair_done(&p);
}

/* ---- DTLS ------------------------------------------------------------------------------------ */

static void setup_passive(struct adit_desc *d)
{
    d->setup = ADIT_SETUP_PASSIVE;
}

static void setup_active(struct adit_desc *d)
{
    d->setup = ADIT_SETUP_ACTIVE;
}

/* Who is the DTLS client, by a=setup of offer and answer (RFC 8842 section 5). */
static void dtls_roles(void **state)
{
    static const struct {
        void (*offer)(struct adit_desc *d), (*answer)(struct adit_desc *d);
        int client;
    } rows[] = {
        { NULL, NULL, 1 },
        { setup_passive, NULL, 1 },
        { setup_active, NULL, 0 },
        { NULL, setup_passive, 0 },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct engine_pair p;
        struct adit_desc *desc = malloc(sizeof *desc);
        bool forced = rows[i].answer != NULL;

        start_both(&p);
        assert_int_equal(engine_hand_over(&p.side[0], rows[i].offer, NULL), 0);
        adit_engine_describe(p.side[1].e, desc);
        assert_int_equal(desc->setup,
                         forced || rows[i].client == 1 ? ADIT_SETUP_ACTIVE : ADIT_SETUP_PASSIVE);
        free(desc);
        assert_int_equal(engine_hand_over(&p.side[1], rows[i].answer, NULL), 0);
        if (forced) /* ours would answer as a client, too: look only at who begins */
            engine_run(&p, 200 * ADIT_MS, NULL);
        else
            assert_true(engine_run(&p, ADIT_SEC, engine_connected));
        assert_true(p.side[rows[i].client].dtls_sent > 0);
        if (!forced)
            assert_true(p.side[rows[i].client].dtls_first < p.side[!rows[i].client].dtls_first);
        engine_pair_done(&p);
    }
}

/* The client waits until the other side was heard, which only a peer with our description can be:
 * its ClientHello would be lost before. */
static void dtls_waits_to_be_heard(void **state)
{
    struct engine_pair p;

    (void)state;
    start_both(&p);
    assert_int_equal(engine_hand_over(&p.side[0], NULL, NULL), 0);
    engine_run(&p, 5 * ADIT_SEC, NULL); /* the answerer checks, nobody answers yet with ours */
    assert_int_equal(p.side[1].dtls_sent, 0);
    assert_int_equal(engine_hand_over(&p.side[1], NULL, NULL), 0);
    assert_true(engine_run(&p, ADIT_SEC, engine_connected));
    engine_pair_done(&p);
}

/* The DTLS client's first flight, from an address that is nobody's, every millisecond at both sides
 * from gathering on: they connect as fast as without, and with each other. */
static struct adit_span hello;

static bool keep_hello(struct engine_pair *p, int from, const uint8_t *bytes, size_t n)
{
    (void)p, (void)from;
    if (!hello.data && n && bytes[0] == 22) {
        uint8_t *copy = malloc(n);

        memcpy(copy, bytes, n);
        hello = (struct adit_span){ copy, n };
    }
    return true;
}

static adit_time time_to_connect(struct adit_span spray)
{
    struct engine_pair p;
    struct adit_addr stranger;
    adit_time began;

    assert_int_equal(adit_addr_parse(&stranger, "203.0.113.66", 12), 0);
    stranger.port = 4000;
    start_both(&p);
    p.pass = keep_hello;
    began = p.now;
    for (int i = 0; !engine_connected(&p); i++) {
        assert_true(i < 5000);
        if (i == 20)
            assert_int_equal(engine_hand_over(&p.side[0], NULL, NULL), 0);
        if (i == 40)
            assert_int_equal(engine_hand_over(&p.side[1], NULL, NULL), 0);
        for (int k = 0; k < 2 && spray.len; k++)
            adit_engine_feed(p.side[k].e, 0, &stranger, spray.data, spray.len, p.now);
        engine_run(&p, ADIT_MS, engine_connected);
    }
    assert_true(engine_talks(&p));
    began = p.now - began;
    engine_pair_done(&p);
    return began;
}

static void sprayed_hellos_change_nothing(void **state)
{
    adit_time alone = time_to_connect((struct adit_span){ 0 });

    (void)state;
    assert_non_null(hello.data);
    assert_int_equal(time_to_connect(hello), alone);
    free((void *)hello.data);
}

static unsigned lost;

static bool lose_answers_of_second(struct engine_pair *p, int from, const uint8_t *bytes, size_t n)
{
    /* Binding success and indication to the offerer; its own requests pass: so the answerer has a
     * valid pair and begins DTLS, and the offerer has none to speak on. */
    if (from == 1 && lost < 1000 && is_stun(bytes, n) && bytes[0] == 1) {
        lost++;
        return false;
    }
    (void)p;
    return true;
}

/* DTLS of a peer that is ahead of us is kept, and not asked for again. */
static void early_packets_are_kept(void **state)
{
    struct engine_pair p;
    unsigned sent;

    (void)state;
    lost = 0;
    start_both(&p);
    p.pass = lose_answers_of_second;
    for (int i = 0; i < 2; i++)
        assert_int_equal(engine_hand_over(&p.side[i], NULL, NULL), 0);
    for (int i = 0; i < 400 && p.side[1].dtls_sent == 0; i++)
        engine_run(&p, 5 * ADIT_MS, NULL);
    sent = p.side[1].dtls_sent;
    assert_true(sent > 0);
    engine_run(&p, 2 * p.delay, NULL);
    if (!p.side[0].e->dtls_started) { /* the offerer has no pair yet */
        assert_true(p.side[0].e->early.count > 0);
        lost = 1000;
    }
    assert_true(engine_run(&p, 5 * ADIT_SEC, engine_connected));
    assert_int_equal(p.side[0].e->early.count, 0);
    engine_pair_done(&p);
}

/* The newest few, of a size that DTLS can have; in their order. */
static void the_newest_are_kept(void **state)
{
    struct kept q = { .count = 0 };
    uint8_t bytes[KEPT_BYTES + 1] = { 0 };

    (void)state;
    for (unsigned most = 1; most <= KEPT_MAX; most += KEPT_MAX - 1) {
        assert_null(adit_kept_take(&q).bytes);
        adit_kept_add(&q, most, bytes, sizeof bytes, 0);
        assert_int_equal(q.count, 0);
        for (uint8_t i = 0; i < 2 * KEPT_MAX + 1; i++) {
            bytes[0] = i;
            adit_kept_add(&q, most, bytes, 100u + i, i);
        }
        assert_int_equal(q.count, most);
        for (unsigned i = 2 * KEPT_MAX + 1 - most; i < 2 * KEPT_MAX + 1; i++) {
            struct kept_packet p = adit_kept_take(&q);
            assert_non_null(p.bytes);
            assert_int_equal(p.bytes[0], i);
            assert_int_equal(p.n, 100 + i);
            assert_int_equal(p.at, i);
            free(p.bytes);
        }
        assert_null(adit_kept_take(&q).bytes);
        adit_kept_add(&q, most, bytes, KEPT_BYTES, 0);
        adit_kept_drop(&q);
        assert_int_equal(q.count, 0);
    }
}

static void forged(struct adit_desc *d)
{
    d->fingerprints[0].value[5] ^= 1;
}

static void a_forged_description(void **state)
{
    (void)state;
    for (int who = 0; who < 2; who++) {
        struct engine_pair p;

        start_both(&p);
        assert_int_equal(engine_hand_over(&p.side[0], who ? forged : NULL, NULL), 0);
        assert_int_equal(engine_hand_over(&p.side[1], who ? NULL : forged, NULL), 0);
        assert_true(engine_run(&p, 60 * ADIT_SEC, engine_over));
        assert_int_equal(adit_engine_state(p.side[who].e), ADIT_PEER_FAILED);
        assert_int_equal(p.side[who].cause.reason, ADIT_REASON_NOT_AUTHENTIC);
        assert_int_equal(p.side[0].opened + p.side[1].accepted, 0);
        assert_int_equal(p.side[0].closed, 1);
        assert_true(adit_engine_deadline(p.side[who].e) == ADIT_NEVER);
        engine_pair_done(&p);
    }
}

/* ---- an ICE-lite peer ------------------------------------------------------------------------ */

static void lite(struct adit_desc *d)
{
    d->ice_lite = true;
}

static bool second_sends_no_requests(struct engine_pair *p, int from, const uint8_t *bytes,
                                     size_t n)
{
    (void)p;
    return !(from == 1 && is_stun(bytes, n) && bytes[0] == 0 && bytes[1] == 1);
}

/* It never checks, so it is never heard; we control, and begin DTLS all the same. */
static void a_lite_peer(void **state)
{
    struct engine_pair p;

    (void)state;
    start_both(&p);
    p.pass = second_sends_no_requests;
    assert_int_equal(engine_hand_over(&p.side[0], NULL, NULL), 0);
    adit_ice_set_role(p.side[1].e->ice, false);
    assert_int_equal(engine_hand_over(&p.side[1], lite, NULL), 0);
    assert_true(adit_ice_controlling(p.side[0].e->ice));
    assert_true(engine_run(&p, 5 * ADIT_SEC, both_selected) ||
                adit_engine_selected(p.side[0].e, 0));
    engine_pair_done(&p);

    /* As the answerer, who is the DTLS client. */
    start_both(&p);
    assert_int_equal(engine_hand_over(&p.side[0], lite, NULL), 0);
    assert_true(adit_ice_controlling(p.side[1].e->ice));
    assert_int_equal(adit_engine_role(p.side[1].e), ADIT_ROLE_ANSWERER);
    assert_int_equal(engine_hand_over(&p.side[1], NULL, NULL), 0);
    assert_true(engine_run(&p, 5 * ADIT_SEC, engine_connected));
    engine_pair_done(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptions_at_any_time), cmocka_unit_test(described_before_gathering),
        cmocka_unit_test(refused_descriptions),     cmocka_unit_test(dtls_roles),
        cmocka_unit_test(dtls_waits_to_be_heard),   cmocka_unit_test(sprayed_hellos_change_nothing),
        cmocka_unit_test(early_packets_are_kept),   cmocka_unit_test(the_newest_are_kept),
        cmocka_unit_test(a_forged_description),     cmocka_unit_test(a_lite_peer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
