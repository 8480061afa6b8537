/* Path MTU probing against paths that carry so much and no more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "ice/pmtu.h"

struct path {
    struct adit_pmtu p;
    struct adit_rng rng;
    uint16_t carries; /* 0: answers nothing */
    unsigned probes;
    adit_time now;
};

static void start(struct path *w, uint16_t carries, enum adit_family family)
{
    *w = (struct path){ .carries = carries, .now = 5 * ADIT_SEC };
    adit_rng_init_seed(&w->rng, 1);
    adit_pmtu_start(&w->p, &w->rng, family, w->now);
}

/* Runs to `until`, from deadline to deadline; what arrives is answered at once. */
static void run(struct path *w, adit_time until)
{
    uint8_t id[ADIT_STUN_ID_SIZE];
    uint16_t size;

    while (adit_pmtu_deadline(&w->p) <= until) {
        w->now = adit_time_max(w->now, adit_pmtu_deadline(&w->p));
        if (!adit_pmtu_tick(&w->p, id, &size, w->now))
            continue;
        assert_true(adit_pmtu_knows(&w->p, id));
        w->probes++;
        if (size <= w->carries)
            adit_pmtu_answered(&w->p, id, w->now);
    }
    w->now = until;
}

static void finds_what_the_path_carries(void **state)
{
    static const struct {
        uint16_t carries, found;
        enum adit_family family;
    } rows[] = {
        { 0, 1050, ADIT_FAMILY_V4 },    { 1050, 1050, ADIT_FAMILY_V4 },
        { 1231, 1050, ADIT_FAMILY_V4 }, { 1232, 1232, ADIT_FAMILY_V4 },
        { 1400, 1352, ADIT_FAMILY_V4 }, { 1459, 1444, ADIT_FAMILY_V4 },
        { 1460, 1460, ADIT_FAMILY_V4 }, { 1472, 1460, ADIT_FAMILY_V4 },
        { 9000, 1460, ADIT_FAMILY_V4 }, { 1452, 1444, ADIT_FAMILY_V6 },
        { 9000, 1444, ADIT_FAMILY_V6 },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct path w;

        start(&w, rows[i].carries, rows[i].family);
        run(&w, w.now + 3 * ADIT_SEC);
        if (w.p.size != rows[i].found)
            fail_msg("%u gave %u", rows[i].carries, w.p.size);
        assert_true(w.probes <= 3 * ADIT_PMTU_SIZES);
    }
}

/* Three tries of each size, half a second apart; a size that is known before may still grow. */
static void is_sure_when_the_search_is_over(void **state)
{
    struct path w;

    (void)state;
    start(&w, 1300, ADIT_FAMILY_V4);
    run(&w, w.now + 900 * ADIT_MS);
    assert_int_equal(w.p.size, 1232);
    assert_false(w.p.settled);
    run(&w, w.now + ADIT_SEC);
    assert_true(w.p.settled);
    run(&w, w.now + 4 * ADIT_SEC); /* in the next search */
    assert_true(w.p.settled);
    start(&w, 1472, ADIT_FAMILY_V4); /* there is nothing more to look for */
    run(&w, w.now);
    assert_int_equal(w.p.size, ADIT_PMTU_MAX);
    assert_true(w.p.settled);
}

static void is_quiet_between_searches(void **state)
{
    struct path w;
    unsigned probes;

    (void)state;
    start(&w, 1472, ADIT_FAMILY_V4);
    run(&w, w.now + 3 * ADIT_SEC);
    probes = w.probes;
    run(&w, w.now + 300 * ADIT_SEC); /* nothing large leaves: nothing to confirm */
    assert_int_equal(w.probes, probes);
}

static void a_black_hole_is_found_while_it_matters(void **state)
{
    struct path w;

    (void)state;
    start(&w, 1472, ADIT_FAMILY_V4);
    run(&w, w.now + 3 * ADIT_SEC);
    w.carries = 1300;
    for (int i = 0; i < 20; i++) {
        adit_pmtu_used(&w.p, 1400);
        run(&w, w.now + ADIT_SEC);
    }
    assert_int_equal(w.p.size, 1232);
    assert_true(w.p.settled);
    w.carries = 1100;
    while (w.p.size != ADIT_PMTU_BASE) {
        adit_pmtu_used(&w.p, 1200);
        run(&w, w.now + 100 * ADIT_MS);
    }
    assert_false(w.p.settled); /* everything is open again */
    run(&w, w.now + 2 * ADIT_SEC);
    assert_true(w.p.settled);
}

static void small_datagrams_ask_for_no_confirmation(void **state)
{
    struct path w;

    (void)state;
    start(&w, 1472, ADIT_FAMILY_V4);
    run(&w, w.now + 3 * ADIT_SEC);
    w.carries = 0;
    for (int i = 0; i < 60; i++) {
        adit_pmtu_used(&w.p, ADIT_PMTU_BASE);
        run(&w, w.now + ADIT_SEC);
    }
    assert_int_equal(w.p.size, 1460);
}

static void a_better_path_is_found_later(void **state)
{
    struct path w;

    (void)state;
    start(&w, 1300, ADIT_FAMILY_V4);
    run(&w, w.now + 3 * ADIT_SEC);
    assert_int_equal(w.p.size, 1232);
    w.carries = 1472;
    run(&w, w.now + 601 * ADIT_SEC);
    assert_int_equal(w.p.size, 1460);
}

static void a_foreign_or_late_answer(void **state)
{
    uint8_t id[ADIT_STUN_ID_SIZE], first[ADIT_STUN_ID_SIZE] = { 0 };
    uint16_t size;
    struct path w;

    (void)state;
    start(&w, 0, ADIT_FAMILY_V4);
    assert_false(adit_pmtu_knows(&w.p, first));
    assert_true(adit_pmtu_tick(&w.p, first, &size, w.now));
    run(&w, w.now + 2 * ADIT_SEC);
    memset(id, 0x55, sizeof id);
    adit_pmtu_answered(&w.p, id, w.now);
    assert_int_equal(w.p.size, ADIT_PMTU_BASE);
    adit_pmtu_answered(&w.p, first, w.now); /* it passed after all */
    assert_int_equal(w.p.size, size);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_the_path_carries),
        cmocka_unit_test(is_sure_when_the_search_is_over),
        cmocka_unit_test(is_quiet_between_searches),
        cmocka_unit_test(a_black_hole_is_found_while_it_matters),
        cmocka_unit_test(small_datagrams_ask_for_no_confirmation),
        cmocka_unit_test(a_better_path_is_found_later),
        cmocka_unit_test(a_foreign_or_late_answer),
    };

    return cmocka_run_group_tests_name("pmtu", tests, NULL, NULL);
}
