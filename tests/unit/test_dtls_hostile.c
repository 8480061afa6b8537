/* What others may put on the wire between two honest engines, and what memory may do to them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include <malloc.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "unit/dtls_world.h"

#define A (&w->end[0])
#define B (&w->end[1])

/* A record with n bytes of payload; returns its length. */
static size_t record(uint8_t *out, unsigned type, unsigned epoch, uint64_t seq, const void *bytes,
                     size_t n)
{
    out[0] = (uint8_t)type;
    adit_put16(out + 1, 0xfefd);
    adit_put16(out + 3, (uint16_t)epoch);
    adit_put16(out + 5, (uint16_t)(seq >> 32));
    adit_put32(out + 7, (uint32_t)seq);
    adit_put16(out + 11, (uint16_t)n);
    memcpy(out + 13, bytes, n);
    return 13 + n;
}

/* A handshake record with one fragment. */
static size_t fragment(uint8_t *out, uint64_t record_seq, unsigned type, uint32_t msg_len,
                       unsigned msg_seq, uint32_t off, uint32_t len)
{
    uint8_t body[12 + 1024] = { 0 };

    body[0] = (uint8_t)type;
    adit_put32(body, (uint32_t)type << 24 | msg_len);
    adit_put16(body + 4, (uint16_t)msg_seq);
    adit_put16(body + 6, (uint16_t)(off >> 8));
    adit_put32(body + 8, off << 24 | len);
    return record(out, 22, 0, record_seq, body, 12 + len);
}

/* Things that must never disturb anything, at any moment. */
static size_t nuisance(uint8_t *out, unsigned kind, struct adit_rng *rng)
{
    static const uint8_t close_notify[] = { 1, 0 }, fatal[] = { 2, 40 };
    uint8_t noise[256];
    size_t n = adit_rng_below(rng, sizeof noise);

    adit_rng_bytes(rng, noise, sizeof noise);
    switch (kind) {
    case 0:
        return 0;
    case 1: /* a single byte that looks like DTLS */
        out[0] = 22;
        return 1;
    case 2: /* only a header, with nothing or too much behind it */
        return record(out, 22, 0, 1, noise, 0);
    case 3:
        record(out, 22, 0, 1, noise, 200);
        return 50;
    case 4: /* random bytes in the range of DTLS */
        memcpy(out, noise, sizeof noise);
        out[0] = (uint8_t)(20 + adit_rng_below(rng, 44));
        return n;
    case 5: /* of the next epoch, whose keys nobody but the peer has */
        return record(out, 23, 1, adit_rng_u32(rng), noise, n);
    case 6:
        return record(out, 22, 1, adit_rng_u32(rng), noise, n);
    case 7:
        return record(out, 21, 1, adit_rng_u32(rng), noise, n);
    case 8: /* of an epoch that will not be */
        return record(out, 22, 7, 5, noise, n);
    case 9: /* plaintext alerts */
        return record(out, 21, 0, 3, close_notify, 2);
    case 10:
        return record(out, 21, 0, 3, fatal, 2);
    case 11:
        return record(out, 21, 0, 3, noise, 1);
    case 12: /* STUN, TURN, RTP and nothing known: not ours */
        memcpy(out, noise, sizeof noise);
        out[0] = (uint8_t)(n < 128 ? n % 20 : 64 + n % 192);
        return sizeof noise;
    case 13: /* application data without keys */
        return record(out, 23, 0, 2, noise, n);
    case 14: /* a message that will come much later */
        return fragment(out, 9, 11, 500, 4000, 0, 100);
    case 15: /* another version */
        n = record(out, 22, 0, 5, noise, n);
        adit_put16(out + 1, 0x0303);
        return n;
    case 17: /* too short to hold nonce and tag */
        return record(out, 21, 1, adit_rng_u32(rng), noise, n % 24);
    case 16: /* ChangeCipherSpec out of order */
        noise[0] = 1;
        return record(out, 20, 0, 40, noise, 1);
    }
    return SIZE_MAX;
}

static void test_nuisance_at_any_moment(void **state)
{
    struct adit_rng rng;
    uint8_t bytes[DATAGRAM_MAX];

    (void)state;
    adit_rng_init_seed(&rng, 42);
    for (unsigned kind = 0; nuisance(bytes, kind, &rng) != SIZE_MAX; kind++)
        for (adit_time at = 0; at < 60 * ADIT_MS; at += 5 * ADIT_MS)
            for (int to = 0; to < 2; to++) {
                struct world *w = world_pair();

                world_start(w);
                world_run(w, w->now + at);
                for (int i = 0; i < 5; i++) {
                    size_t n = nuisance(bytes, kind, &rng);
                    adit_dtls_feed(w->end[to].d, bytes, n, w->now);
                }
                world_run(w, w->now + 10 * ADIT_SEC);
                if (!world_up(w))
                    print_message("kind %u at %d to %d: %s %s / %s %s\n", kind, (int)(at / ADIT_MS),
                                  to, adit_dtls_state_name(A->state), A->cause.text,
                                  adit_dtls_state_name(B->state), B->cause.text);
                assert_true(world_talks(w));
                world_free(w);
            }
}

/* A server that nobody has spoken to yet survives any ClientHello of strangers. */
static void test_strange_hellos(void **state)
{
    struct adit_rng rng;
    uint8_t bytes[DATAGRAM_MAX];

    (void)state;
    adit_rng_init_seed(&rng, 7);
    for (int round = 0; round < 200; round++) {
        struct world *w = world_pair();
        size_t n = fragment(bytes, 0, 1, 100, 0, 0, 100);

        adit_rng_bytes(&rng, bytes + 25, 100);
        if (round & 1)
            adit_put16(bytes + 25, 0xfefd); /* a version that we speak */
        if (round & 2)
            bytes[25 + 34] = 0; /* no session id */
        adit_dtls_start(B->d, w->now);
        adit_dtls_feed(B->d, bytes, n, w->now);
        world_start(w);
        world_run(w, w->now + 10 * ADIT_SEC);
        assert_true(world_talks(w));
        world_free(w);
    }
}

/* If nobody better comes, the reason is told in the end. */
static void test_reason_of_a_strange_hello(void **state)
{
    struct world *w = world_pair();
    uint8_t bytes[DATAGRAM_MAX];
    size_t n = fragment(bytes, 0, 1, 60, 0, 0, 60);

    (void)state;
    adit_dtls_start(B->d, w->now);
    adit_dtls_feed(B->d, bytes, n, w->now);
    assert_int_equal(B->state, ADIT_DTLS_HANDSHAKE);
    world_run(w, w->now + 31 * ADIT_SEC);
    assert_int_equal(B->state, ADIT_DTLS_FAILED);
    assert_int_equal(B->cause.reason, ADIT_REASON_PROTOCOL);
    world_free(w);
}

/* An alert that anyone can forge does not end it, but shortens the wait if it was right. */
static void test_plain_alert_shortens_the_wait(void **state)
{
    static const uint8_t fatal[] = { 2, 40 };
    uint8_t bytes[64];
    struct world *w = world_pair();
    adit_time start = w->now;
    size_t n = record(bytes, 21, 0, 3, fatal, 2);

    (void)state;
    w->lost_until = ADIT_NEVER;
    world_start(w);
    adit_dtls_feed(A->d, bytes, n, w->now);
    assert_int_equal(A->state, ADIT_DTLS_HANDSHAKE);
    world_run(w, w->now + 10 * ADIT_SEC);
    assert_int_equal(A->state, ADIT_DTLS_FAILED);
    assert_int_equal(A->cause.reason, ADIT_REASON_PROTOCOL);
    assert_int_equal(w->now, start + 10 * ADIT_SEC);
    assert_int_equal(B->state, ADIT_DTLS_HANDSHAKE);
    world_free(w);
}

/* Everything that passes by is repeated later with a bit changed: authentic records stay. */
static struct {
    uint8_t bytes[64][DATAGRAM_MAX];
    size_t n[64];
    unsigned count;
} seen;

static void remember(struct end *e, const void *bytes, size_t n)
{
    (void)e;
    if (seen.count < ADIT_LEN(seen.n)) {
        memcpy(seen.bytes[seen.count], bytes, n);
        seen.n[seen.count++] = n;
    }
}

static void test_replayed_and_damaged_records(void **state)
{
    struct world *w = world_pair();

    (void)state;
    seen.count = 0;
    A->tap = remember;
    world_start(w);
    world_run(w, w->now + ADIT_SEC);
    for (int i = 0; i < 20; i++)
        assert_int_equal(adit_dtls_write(A->d, "12345678901234567890", 20), 0);
    world_run(w, w->now + ADIT_SEC);
    assert_int_equal(B->received, 20);
    for (unsigned i = 0; i < seen.count; i++)
        for (size_t bit = 0; bit < seen.n[i] * 8; bit += 5) {
            seen.bytes[i][bit / 8] ^= (uint8_t)(1 << bit % 8);
            adit_dtls_feed(B->d, seen.bytes[i], seen.n[i], w->now);
            seen.bytes[i][bit / 8] ^= (uint8_t)(1 << bit % 8);
            adit_dtls_feed(B->d, seen.bytes[i], seen.n[i], w->now);
        }
    assert_int_equal(B->received, 20);
    assert_true(world_talks(w));
    world_free(w);
}

/* CVE-2014-3506, CVE-2016-2179, CVE-2022-29189: memory of a handshake has a bound. */
static void test_memory_of_a_handshake_is_bounded(void **state)
{
    (void)state;
    for (int to = 0; to < 2; to++) {
        struct world *w = world_pair();
        uint8_t bytes[DATAGRAM_MAX];

        world_start(w);
        w->lost_until = ADIT_NEVER;
        size_t before = mallinfo2().uordblks;
        for (uint32_t i = 0; i < 100000; i++) {
            uint32_t message = i % 5 ? i % 60000 + 1 : i % 12 + 1; /* near ones are kept */
            uint8_t junk[1000] = { 1 };
            size_t n;
            switch (i % 3) {
            case 0: /* fragments of huge messages, of everything to come */
                n = fragment(bytes, i, 11, 16000, message, i % 15000, 900);
                break;
            case 1: /* records whose keys are not there yet */
                n = record(bytes, 23, 1, i, junk, sizeof junk);
                break;
            default:
                n = fragment(bytes, i, 2 + i % 20, 1000 + i % 500, message, 0, 0);
            }
            adit_dtls_feed(w->end[to].d, bytes, n, w->now);
        }
        assert_true(mallinfo2().uordblks - before < 4 * 1024 * 1024);
        if (w->end[to].state != ADIT_DTLS_HANDSHAKE)
            print_message("%s\n", w->end[to].cause.text);
        assert_int_equal(w->end[to].state, ADIT_DTLS_HANDSHAKE);
        world_free(w);
    }
}

/* ---- allocation number n fails, n = 0, 1, 2 ... ------------------------------------------------
 */

static void test_out_of_memory(void **state)
{
    (void)state;
    world_free(world_pair()); /* certificates are there */
    for (uint64_t n = 0; n < 10000; n++) {
        struct world *w = world_new();

        adit_alloc_fail_at(n);
        for (int i = 0; i < 2; i++) {
            struct end *e = &w->end[i];
            e->speak_when_up = true;
            e->d = adit_dtls_new(&e->conf, world_ops(), e, w->now);
        }
        if (A->d && B->d) {
            adit_dtls_expect(A->d, world_fingerprint(1), 1, w->now);
            world_start(w);
            world_run(w, w->now + 5 * ADIT_SEC);
            adit_dtls_expect(B->d, world_fingerprint(0), 1, w->now);
        }
        uint64_t asked = adit_alloc_count();
        adit_alloc_fail_at(UINT64_MAX);
        if (asked > n && A->d && B->d && !world_up(w)) {
            struct end *failed = A->state == ADIT_DTLS_FAILED ? A : B;
            assert_int_equal(failed->cause.reason, ADIT_REASON_RESOURCE);
        }
        bool done = asked <= n;
        world_run(w, w->now + ADIT_SEC);
        if (done)
            assert_true(world_talks(w));
        world_free(w);
        if (done)
            return;
    }
    fail();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nuisance_at_any_moment),
        cmocka_unit_test(test_strange_hellos),
        cmocka_unit_test(test_reason_of_a_strange_hello),
        cmocka_unit_test(test_plain_alert_shortens_the_wait),
        cmocka_unit_test(test_replayed_and_damaged_records),
        cmocka_unit_test(test_memory_of_a_handshake_is_bounded),
        cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
