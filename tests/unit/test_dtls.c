#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "dtls/direct.h"
#include "unit/dtls_world.h"

#define A (&w->end[0])
#define B (&w->end[1])

static void test_connects_in_two_round_trips(void **state)
{
    struct world *w = world_pair();
    adit_time start = w->now;

    (void)state;
    A->speak_when_up = B->speak_when_up = true;
    assert_int_equal(adit_dtls_state(A->d), ADIT_DTLS_NEW);
    assert_int_equal(adit_dtls_deadline(A->d), ADIT_NEVER);
    assert_string_equal(adit_dtls_cipher(A->d), "");
    assert_int_equal(adit_dtls_write(A->d, "x", 1), -ENOTCONN);
    world_start(w);
    world_run(w, w->now + 5 * ADIT_SEC);
    assert_true(world_up(w));
    assert_int_equal(A->up_at - start, 40 * ADIT_MS);
    assert_int_equal(B->up_at - start, 30 * ADIT_MS);
    assert_int_equal(A->received, 1);
    assert_int_equal(B->received, 1);
    assert_int_equal(A->events, 2); /* HANDSHAKE, CONNECTED */
    assert_non_null(strstr(adit_dtls_cipher(A->d), "ECDHE-ECDSA-"));
    assert_string_equal(adit_dtls_cipher(A->d), adit_dtls_cipher(B->d));
    assert_int_equal(adit_dtls_deadline(A->d), ADIT_NEVER);
    assert_int_equal(adit_dtls_deadline(B->d), ADIT_NEVER);
    assert_true(world_talks(w));
    world_free(w);
}

/* ---- fingerprints -------------------------------------------------------------------------------
 */

static void test_wrong_fingerprint(void **state)
{
    (void)state;
    for (int who = 0; who < 2; who++)
        for (unsigned digit = 0; digit < 64; digit++) {
            struct world *w = world_pair();
            struct adit_fingerprint fp = *world_fingerprint(!who);
            struct end *e = &w->end[who], *other = &w->end[!who];

            fp.value[digit / 2] ^= digit % 2 ? 0x01 : 0x80;
            other->speak_when_up = true;
            adit_dtls_expect(e->d, &fp, 1, w->now);
            world_start(w);
            world_run(w, w->now + 60 * ADIT_SEC);
            assert_int_equal(e->state, ADIT_DTLS_FAILED);
            assert_int_equal(e->cause.reason, ADIT_REASON_NOT_AUTHENTIC);
            assert_int_equal(e->received, 0);
            assert_int_equal(e->up_at, 0);
            assert_int_equal(adit_dtls_write(e->d, "x", 1), -EPIPE);
            assert_true(other->state == ADIT_DTLS_CLOSED || other->state == ADIT_DTLS_FAILED);
            world_free(w);
        }
}

static void test_expected_lists(void **state)
{
    struct adit_fingerprint right, right512, wrong, wrong512;
    struct adit_fingerprint lists[][3] = { { { 0 } } };

    (void)state, (void)lists;
    adit_cert_fingerprint(world_cert(1), ADIT_HASH_SHA256, &right);
    adit_cert_fingerprint(world_cert(1), ADIT_HASH_SHA512, &right512);
    wrong = right, wrong512 = right512;
    wrong.value[31] ^= 1, wrong512.value[63] ^= 1;
    const struct {
        const struct adit_fingerprint *list[3];
        size_t n;
        bool fits;
    } rows[] = {
        { { &right }, 1, true },
        { { &right512 }, 1, true },
        { { &wrong, &right }, 2, true },
        { { &right, &wrong }, 2, true },
        { { &right, &right512 }, 2, true },
        { { &wrong }, 1, false },
        { { NULL }, 0, false }, /* only hashes we do not know, or none at all */
        { { &right, &wrong512 }, 2, false },
        { { &wrong, &right512 }, 2, false },
        { { &right, &wrong512, &right512 }, 3, true },
    };
    for (size_t r = 0; r < ADIT_LEN(rows); r++)
        for (int late = 0; late < 2; late++) {
            struct world *w = world_new();
            struct adit_fingerprint list[3];

            for (size_t i = 0; i < rows[r].n; i++)
                list[i] = *rows[r].list[i];
            world_start(w);
            adit_dtls_expect(B->d, world_fingerprint(0), 1, w->now);
            if (late)
                world_run(w, w->now + 5 * ADIT_SEC);
            adit_dtls_expect(A->d, list, rows[r].n, w->now);
            world_run(w, w->now + 5 * ADIT_SEC);
            assert_int_equal(A->state, rows[r].fits ? ADIT_DTLS_CONNECTED : ADIT_DTLS_FAILED);
            world_free(w);
        }
    struct adit_fingerprint many[17];
    struct world *w = world_new();
    for (size_t i = 0; i < ADIT_LEN(many); i++)
        many[i] = right;
    adit_dtls_expect((world_start(w), A->d), many, ADIT_LEN(many), w->now);
    world_run(w, w->now + 5 * ADIT_SEC);
    assert_int_equal(A->state, ADIT_DTLS_FAILED);
    world_free(w);
}

static void test_late_expect(void **state)
{
    (void)state;
    for (int who = 0; who < 2; who++) {
        struct world *w = world_new();
        struct end *e = &w->end[who], *other = &w->end[!who];

        world_start(w);
        adit_dtls_expect(other->d, world_fingerprint(who), 1, w->now);
        world_run(w, w->now + ADIT_SEC);
        assert_int_equal(e->state, ADIT_DTLS_UNVERIFIED);
        assert_int_equal(other->state, ADIT_DTLS_CONNECTED);
        for (int i = 0; i < 5; i++) /* held back, in order, and not without a limit */
            assert_int_equal(adit_dtls_write(other->d, "12345" + i, 1), 0);
        world_run(w, w->now + 3600 * ADIT_SEC); /* somebody pastes slowly */
        assert_int_equal(e->state, ADIT_DTLS_UNVERIFIED);
        assert_int_equal(e->received, 0);
        assert_int_equal(adit_dtls_write(e->d, "x", 1), -ENOTCONN);
        assert_int_equal(adit_dtls_deadline(e->d), ADIT_NEVER);
        adit_dtls_expect(e->d, world_fingerprint(!who), 1, w->now);
        assert_int_equal(e->state, ADIT_DTLS_CONNECTED);
        assert_int_equal(e->received, 5);
        assert_memory_equal(e->first, "12345", 5);
        assert_true(world_talks(w));
        world_free(w);
    }
}

static void test_held_data_is_bounded_and_dropped_on_mismatch(void **state)
{
    struct adit_fingerprint wrong = *world_fingerprint(0);
    uint8_t bytes[1000] = { 0 };

    (void)state;
    wrong.value[7] ^= 4;
    for (int fits = 0; fits < 2; fits++) {
        struct world *w = world_new();

        world_start(w);
        adit_dtls_expect(A->d, world_fingerprint(1), 1, w->now);
        world_run(w, w->now + ADIT_SEC);
        for (int i = 0; i < 100; i++) {
            assert_int_equal(adit_dtls_write(A->d, bytes, sizeof bytes), 0);
            world_run(w, w->now + ADIT_SEC);
        }
        B->close_on_data = true;
        adit_dtls_expect(B->d, fits ? world_fingerprint(0) : &wrong, 1, w->now);
        assert_int_equal(B->state, fits ? ADIT_DTLS_CLOSED : ADIT_DTLS_FAILED);
        assert_int_equal(B->received, fits ? 1 : 0);
        world_free(w);
    }
    struct world *w = world_new();
    world_start(w);
    adit_dtls_expect(A->d, world_fingerprint(1), 1, w->now);
    world_run(w, w->now + ADIT_SEC);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(adit_dtls_write(A->d, bytes, sizeof bytes), 0);
        world_run(w, w->now + ADIT_SEC);
    }
    adit_dtls_expect(B->d, world_fingerprint(0), 1, w->now);
    assert_int_equal(B->received, 16); /* of 16 KiB */
    assert_true(world_talks(w));
    world_free(w);
}

/* ---- past the library ------------------------------------------------------------------------
 */

static void test_direct(void **state)
{
    struct world *w = world_pair();
    uint8_t bytes[ADIT_DIRECT_MAX] = { 1 };

    (void)state;
    assert_int_equal(adit_dtls_start_direct(A->d), -ENOTCONN);
    world_start(w);
    world_run(w, w->now + ADIT_SEC);
    assert_int_equal(adit_dtls_write_direct(A->d, "x", 1), -ENOTCONN);
    assert_int_equal(adit_dtls_start_direct(A->d), 0);
    assert_int_equal(adit_dtls_write_direct(A->d, "x", 1), 0); /* nobody there who listens */
    world_run(w, w->now + ADIT_SEC);
    assert_int_equal(B->received, 0);
    assert_int_equal(adit_dtls_start_direct(B->d), 0);
    assert_int_equal(adit_dtls_start_direct(B->d), 0);
    for (int i = 0; i < 5; i++) { /* both kinds, both ways, in their order */
        assert_int_equal(adit_dtls_write_direct(A->d, "13579" + i, 1), 0);
        assert_int_equal(adit_dtls_write(A->d, "24680" + i, 1), 0);
        assert_int_equal(adit_dtls_write_direct(B->d, "abcde" + i, 1), 0);
    }
    world_run(w, w->now + ADIT_SEC);
    assert_int_equal(B->received, 10);
    assert_memory_equal(B->first, "1234567890", 10);
    assert_int_equal(A->received, 5);
    assert_memory_equal(A->first, "abcde", 5);
    size_t most = ADIT_DIRECT_MAX - ADIT_DIRECT_OVERHEAD;
    assert_int_equal(adit_dtls_write_direct(A->d, bytes, most + 1), -EMSGSIZE);
    assert_int_equal(adit_dtls_write_direct(A->d, bytes, 1200), 0);
    world_run(w, w->now + ADIT_SEC);
    assert_int_equal(B->received, 11);
    assert_int_equal(A->largest, adit_dtls_direct_for(A->largest) + ADIT_DIRECT_OVERHEAD);
    assert_int_equal(adit_dtls_direct_dropped(B->d), 0);
    assert_true(world_talks(w));
    B->close_on_data = true;
    assert_int_equal(adit_dtls_write_direct(A->d, "x", 1), 0);
    world_run(w, w->now + ADIT_SEC);
    assert_int_equal(B->state, ADIT_DTLS_CLOSED);
    assert_int_equal(adit_dtls_write_direct(B->d, "x", 1), -EPIPE);
    world_free(w);
}

/* ---- the end ------------------------------------------------------------------------------------
 */

static void test_close(void **state)
{
    (void)state;
    for (int who = 0; who < 2; who++) {
        struct world *w = world_pair();
        struct end *e = &w->end[who], *other = &w->end[!who];

        world_start(w);
        world_run(w, w->now + ADIT_SEC);
        assert_true(world_talks(w));
        adit_dtls_close(e->d);
        assert_int_equal(e->state, ADIT_DTLS_CLOSED);
        assert_int_equal(e->cause.reason, ADIT_REASON_LOCAL);
        unsigned sent = e->sent, others = other->sent;
        adit_dtls_close(e->d); /* twice is once */
        assert_int_equal(e->sent, sent);
        world_run(w, w->now + ADIT_SEC);
        assert_int_equal(other->state, ADIT_DTLS_CLOSED);
        assert_int_equal(other->cause.reason, ADIT_REASON_REMOTE);
        assert_int_equal(other->sent, others + 1); /* its own close_notify */
        assert_int_equal(adit_dtls_write(other->d, "x", 1), -EPIPE);
        assert_int_equal(adit_dtls_deadline(e->d), ADIT_NEVER);
        assert_int_equal(adit_dtls_deadline(other->d), ADIT_NEVER);
        adit_dtls_tick(other->d, w->now + ADIT_SEC);
        adit_dtls_expect(other->d, world_fingerprint(who), 1, w->now);
        assert_int_equal(other->state, ADIT_DTLS_CLOSED);
        world_free(w);
    }
}

static void test_close_from_inside(void **state)
{
    struct world *w = world_pair();

    (void)state;
    B->close_on_data = true;
    world_start(w);
    world_run(w, w->now + ADIT_SEC);
    for (int i = 0; i < 3; i++)
        assert_int_equal(adit_dtls_write(A->d, "x", 1), 0);
    world_run(w, w->now + ADIT_SEC);
    assert_int_equal(B->received, 1);
    assert_int_equal(B->state, ADIT_DTLS_CLOSED);
    assert_int_equal(A->state, ADIT_DTLS_CLOSED);
    world_free(w);
}

static void test_close_in_every_state(void **state)
{
    (void)state;
    for (adit_time at = 0; at < 60 * ADIT_MS; at += 5 * ADIT_MS)
        for (int who = 0; who < 2; who++) {
            struct world *w = world_pair();

            if (at)
                world_start(w);
            world_run(w, w->now + at);
            adit_dtls_close(w->end[who].d);
            assert_int_equal(w->end[who].state, ADIT_DTLS_CLOSED);
            bool keys = w->end[who].up_at;
            world_run(w, w->now + 40 * ADIT_SEC);
            /* before there are keys nobody can say goodbye; a server may be up already then */
            if (at && (keys || who == 1))
                assert_int_not_equal(w->end[!who].state, ADIT_DTLS_CONNECTED);
            world_free(w);
        }
    assert_null(adit_dtls_free(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connects_in_two_round_trips),
        cmocka_unit_test(test_wrong_fingerprint),
        cmocka_unit_test(test_expected_lists),
        cmocka_unit_test(test_late_expect),
        cmocka_unit_test(test_held_data_is_bounded_and_dropped_on_mismatch),
        cmocka_unit_test(test_direct),
        cmocka_unit_test(test_close),
        cmocka_unit_test(test_close_from_inside),
        cmocka_unit_test(test_close_in_every_state),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
