/* test_consent.c - consent by the clock (RFC 7675). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ice/consent.h"

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

static void test_silence(void **state)
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
static void test_one_way(void **state)
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

/* The answer waited in a queue while we were not there. */
static void test_back_after_a_while(void **state)
{
    struct adit_consent c;
    uint8_t early[ADIT_STUN_ID_SIZE], id[ADIT_STUN_ID_SIZE];
    adit_time asked, back;

    (void)state;
    begin(&c, 7);
    asked = c.next;
    assert_true(adit_consent_tick(&c, early, asked));
    back = asked + 3 * ADIT_SEC;
    adit_consent_back(&c, back);
    adit_consent_answered(&c, early, back);
    assert_true(c.expires == asked + 30 * ADIT_SEC);
    assert_true(c.rtt == 0);
    assert_true(adit_consent_tick(&c, id, back)); /* it is asked all the same */
    adit_consent_answered(&c, id, back + 50 * ADIT_MS);
    assert_true(c.rtt == 50 * ADIT_MS && c.heard == back + 50 * ADIT_MS);
    assert_true(c.next > back + 3 * ADIT_SEC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_one_way),
        cmocka_unit_test(test_intervals),
        cmocka_unit_test(test_round_trip_time),
        cmocka_unit_test(test_late_and_foreign_answers),
        cmocka_unit_test(test_back_after_a_while),
    };

    return cmocka_run_group_tests_name("consent", tests, NULL, NULL);
}
