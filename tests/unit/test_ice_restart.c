/* ICE restarts by the rules of the engine (RFC 8445 section 9, RFC 8839 section 4.4.1.1); whole
 * networks are in sim/test_restart.c. And the records by which two adits speak of it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ice/stun.h"
#include "peer/control.h"
#include "unit/engine_pair.h"

static unsigned done(const struct engine_side *s)
{
    struct adit_engine_stats stats;

    adit_engine_stats(s->e, &stats);
    return stats.ice_restarts;
}

static void as_stranger(struct adit_desc *d)
{
    d->adit = false;
}

/* The first side takes the other one for an adit, the other one takes it for a browser: there are
 * only descriptions between them. */
static void up_with_stranger(struct engine_pair *p)
{
    engine_pair_init(p);
    for (int i = 0; i < 2; i++)
        assert_true(engine_start(&p->side[i]));
    assert_non_null(engine_open(&p->side[0], "x"));
    assert_int_equal(engine_hand_over(&p->side[0], as_stranger, NULL), 0);
    assert_int_equal(engine_hand_over(&p->side[1], NULL, NULL), 0);
    assert_true(engine_run(p, ADIT_SEC, engine_connected));
}

static void by_descriptions(void **state)
{
    struct engine_pair p;
    struct adit_desc *d = malloc(sizeof *d);

    (void)state;
    up_with_stranger(&p);
    adit_engine_restart(p.side[1].e, p.now);
    assert_int_equal(p.side[1].restarts, 0); /* a browser would not know what to make of it */
    adit_engine_restart(p.side[0].e, p.now);
    assert_int_equal(p.side[0].restarts, 1);
    assert_true(adit_engine_restarting(p.side[0].e));
    adit_engine_describe(p.side[0].e, d);
    assert_int_equal(d->type, ADIT_DESC_OFFER);
    assert_int_equal(d->setup, ADIT_SETUP_ACTPASS);
    assert_int_equal(d->session_version, 1);
    engine_run(&p, ADIT_SEC, NULL);
    assert_int_equal(done(&p.side[0]), 0); /* nobody has heard of it */
    assert_int_equal(engine_hand_over(&p.side[0], as_stranger, NULL), 0);
    assert_int_equal(p.side[1].restarts, 1);
    adit_engine_describe(p.side[1].e, d);
    assert_int_equal(d->type, ADIT_DESC_ANSWER);
    assert_int_equal(d->setup, ADIT_SETUP_ACTIVE); /* as it was */
    assert_string_not_equal(d->ufrag, adit_ice_ufrag(p.side[1].e->ice));
    assert_int_equal(engine_hand_over(&p.side[1], NULL, NULL), 0);
    engine_run(&p, 5 * ADIT_SEC, NULL);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(done(&p.side[i]), 1);
        assert_int_equal(p.side[i].associated, 1);
        assert_null(p.side[i].e->restart.next);
        assert_null(p.side[i].e->restart.past);
    }
    assert_true(engine_talks(&p));
    engine_pair_done(&p);
    free(d);
}

/* Each takes the other's offer for the answer to its own. */
static void both_offer(void **state)
{
    struct engine_pair p;

    (void)state;
    engine_pair_init(&p);
    engine_pair_up(&p);
    engine_run(&p, ADIT_SEC, NULL);
    for (int i = 0; i < 2; i++)
        adit_engine_restart(p.side[i].e, p.now);
    for (int i = 0; i < 2; i++)
        assert_int_equal(engine_hand_over(&p.side[i], NULL, NULL), 0);
    engine_run(&p, 5 * ADIT_SEC, NULL);
    assert_int_equal(done(&p.side[0]), 1);
    assert_int_equal(done(&p.side[1]), 1);
    assert_true(engine_talks(&p));
    engine_pair_done(&p);
}

static void other_fingerprint(struct adit_desc *d)
{
    strcpy(d->ufrag, "newUfrag");
    d->fingerprints[0].value[5] ^= 1;
}

static void other_session(struct adit_desc *d)
{
    strcpy(d->ufrag, "newUfrag");
    d->session_id ^= 4;
}

static void answers_nothing(struct adit_desc *d)
{
    strcpy(d->ufrag, "newUfrag");
    d->type = ADIT_DESC_ANSWER;
    d->setup = ADIT_SETUP_ACTIVE;
}

static void short_pwd(struct adit_desc *d)
{
    strcpy(d->ufrag, "newUfrag");
    d->pwd[21] = 0;
}

static void refused(void **state)
{
    static const struct {
        void (*tamper)(struct adit_desc *d);
        int err;
    } rows[] = {
        { other_fingerprint, -EALREADY },
        { other_session, -EALREADY },
        { answers_nothing, -EALREADY },
        { short_pwd, -EINVAL },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct engine_pair p;
        struct adit_cause cause;

        engine_pair_init(&p);
        engine_pair_up(&p);
        assert_int_equal(engine_hand_over(&p.side[1], rows[i].tamper, &cause), rows[i].err);
        assert_null(p.side[0].e->restart.next);
        assert_true(engine_talks(&p));
        engine_pair_done(&p);
    }
}

static void same_credentials(void **state)
{
    struct engine_pair p;

    (void)state;
    engine_pair_init(&p);
    engine_pair_up(&p);
    assert_int_equal(engine_hand_over(&p.side[1], NULL, NULL), 0);
    assert_null(p.side[0].e->restart.next);
    engine_run(&p, ADIT_SEC, NULL);
    assert_int_equal(done(&p.side[0]), 0);
    engine_pair_done(&p);
}

/* Only who knows our next password begins a restart by a check. */
static void woken_by_a_check(void **state)
{
    struct engine_pair p;

    (void)state;
    for (int good = 0; good < 2; good++) {
        struct adit_stun_out out;
        uint8_t id[ADIT_STUN_ID_SIZE] = { 1 };
        const struct peer_cred *ours;
        char name[2 * ADIT_UFRAG_MAX + 2];

        engine_pair_init(&p);
        engine_pair_up(&p);
        ours = &p.side[0].e->restart.ours;
        snprintf(name, sizeof name, "%s:%s", ours->ufrag, p.side[1].e->restart.ours.ufrag);
        adit_stun_begin(&out, ADIT_STUN_REQUEST, ADIT_STUN_BINDING, id);
        adit_stun_add(&out, ADIT_STUN_USERNAME, name, strlen(name));
        adit_stun_add32(&out, ADIT_STUN_PRIORITY, 1);
        adit_stun_add64(&out, ADIT_STUN_ICE_CONTROLLED, 1);
        adit_stun_finish(&out,
                         good ? (struct adit_span){ (const uint8_t *)ours->pwd, strlen(ours->pwd) }
                              : (struct adit_span){ (const uint8_t *)"wrong", 5 });
        adit_engine_feed(p.side[0].e, 0, &p.side[1].addr, out.bytes, out.len, p.now);
        assert_int_equal(p.side[0].e->restart.next != NULL, good);
        assert_true(engine_talks(&p));
        engine_pair_done(&p);
    }
}

/* Who is asked for it again and again does it now and then. */
static void not_too_often(void **state)
{
    struct engine_pair p;

    (void)state;
    engine_pair_init(&p);
    engine_pair_up(&p);
    for (int i = 0; i < 600; i++) {
        adit_engine_restart(p.side[0].e, p.now);
        engine_run(&p, 100 * ADIT_MS, NULL);
    }
    assert_in_range(p.side[0].restarts, 4, 8);
    assert_true(engine_talks(&p));
    engine_pair_done(&p);
}

/* ---- records --------------------------------------------------------------------------------- */

static struct adit_control *example(void)
{
    struct adit_control *c = calloc(1, sizeof *c);

    c->kind = ADIT_CONTROL_STATE;
    c->seq = 0x01020304;
    c->under_way = true;
    strcpy(c->used.ufrag, "used");
    strcpy(c->next.ufrag, "nextUfrag");
    strcpy(c->next.pwd, "0123456789012345678901");
    for (unsigned i = 0; i < ADIT_CONTROL_CANDS_MAX; i++) {
        struct adit_cand *cand = &c->next.cands[c->next.cand_count++];

        cand->type = i % 4;
        cand->transport = ADIT_TRANSPORT_UDP;
        cand->component = 1;
        cand->priority = 0x80000000u + i;
        strcpy(cand->foundation, "12");
        cand->addr.family = i & 1 ? ADIT_FAMILY_V6 : ADIT_FAMILY_V4;
        cand->addr.port = (uint16_t)(4000 + i);
        memset(cand->addr.ip, (int)i + 1, i & 1 ? 16 : 4);
    }
    return c;
}

static void there_and_back(void **state)
{
    struct adit_control *c = example(), *back = malloc(sizeof *back);
    struct adit_buf out;

    (void)state;
    adit_buf_init(&out, 2000);
    adit_control_put(&out, c, 1013);
    assert_int_equal(out.err, 0);
    assert_true(out.len <= 1013 && out.data[0] == ADIT_CONTROL_TYPE);
    assert_int_equal(adit_control_get(back, out.data, out.len), 0);
    assert_memory_equal(back, c, sizeof *c);
    for (size_t n = 0; n < out.len; n++) {
        uint8_t *cut = malloc(n + 1);

        memcpy(cut, out.data, n);
        assert_int_equal(adit_control_get(back, cut, n), -EINVAL);
        free(cut);
    }
    out.data[1] = 9;
    assert_int_equal(adit_control_get(back, out.data, out.len), -EINVAL);
    adit_buf_done(&out);

    adit_buf_init(&out, 2000); /* what does not fit is left out, the credentials never */
    c->used = c->next;
    adit_control_put(&out, c, 200);
    assert_in_range(out.len, 150, 200);
    assert_int_equal(adit_control_get(back, out.data, out.len), 0);
    assert_string_equal(back->next.pwd, c->next.pwd);
    adit_buf_done(&out);
    free(c);
    free(back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_descriptions),  cmocka_unit_test(both_offer),
        cmocka_unit_test(refused),          cmocka_unit_test(same_credentials),
        cmocka_unit_test(woken_by_a_check), cmocka_unit_test(not_too_often),
        cmocka_unit_test(there_and_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
