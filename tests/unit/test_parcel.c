/* Texts over datagrams that get lost, come twice and out of order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rng.h"
#include "signal/parcel.h"

#define QUEUE 4096

struct side {
    struct adit_parcels parcels;
    struct world *world;
    struct side *other;
    unsigned got, sent; /* texts, datagrams */
    size_t bytes;
};

struct world {
    struct side a, b;
    struct adit_rng rng;
    unsigned loss, twice; /* per cent */
    struct {
        struct side *to;
        char *text;
    } queue[QUEUE];
    unsigned count;
    adit_time now;
};

static void on_send(void *arg, const char *datagram, size_t n)
{
    struct side *s = arg;
    struct world *w = s->world;

    assert_true(n < 1200);
    s->sent++;
    for (int copies = adit_rng_below(&w->rng, 100) < w->twice ? 2 : 1; copies; copies--) {
        if (adit_rng_below(&w->rng, 100) < w->loss)
            continue;
        assert_true(w->count < QUEUE);
        w->queue[w->count].to = s->other;
        w->queue[w->count++].text = strndup(datagram, n);
    }
}

/* Text number n is n letters long, or what `sizes` of the test says. */
static void on_text(void *arg, const char *text, size_t n, adit_time now)
{
    struct side *s = arg;
    char word[16];

    (void)now;
    snprintf(word, sizeof word, "%06u", s->got++);
    assert_true(n >= 6);
    assert_memory_equal(text, word, 6);
    for (size_t i = 6; i < n; i++)
        assert_int_equal(text[i], 'a' + (int)(i % 26));
    s->bytes += n;
}

static const struct adit_parcel_ops ops = { .send = on_send, .text = on_text };

static void begin(struct world *w, uint64_t seed, unsigned loss, unsigned twice)
{
    memset(w, 0, sizeof *w);
    w->loss = loss;
    w->twice = twice;
    adit_rng_init_seed(&w->rng, seed);
    w->a.world = w->b.world = w;
    w->a.other = &w->b;
    w->b.other = &w->a;
    adit_parcels_start(&w->a.parcels, &ops, &w->a, "a", 1);
    adit_parcels_start(&w->b.parcels, &ops, &w->b, "b", 2);
}

/* Any of what is under way arrives. */
static void deliver_one(struct world *w)
{
    struct adit_cause cause;
    unsigned i = adit_rng_below(&w->rng, w->count);
    struct side *to = w->queue[i].to;
    char *text = w->queue[i].text;

    w->queue[i] = w->queue[--w->count];
    json_t *m = adit_json_read(text, strlen(text), &cause);
    assert_non_null(m);
    adit_parcels_feed(&to->parcels, m, w->now);
    json_decref(m);
    free(text);
}

static void run(struct world *w)
{
    for (;;) {
        while (w->count)
            deliver_one(w);
        adit_time at = adit_time_min(adit_parcels_deadline(&w->a.parcels),
                                     adit_parcels_deadline(&w->b.parcels));
        if (at == ADIT_NEVER)
            return;
        assert_true(at >= w->now);
        w->now = at;
        adit_parcels_tick(&w->a.parcels, at);
        adit_parcels_tick(&w->b.parcels, at);
    }
}

static int push(struct side *s, unsigned number, size_t len)
{
    static char text[ADIT_PARCEL_TEXT_MAX + 1];
    uint32_t n = 0;

    for (size_t i = 0; i < len; i++)
        text[i] = (char)('a' + i % 26);
    snprintf(text, sizeof text, "%06u", number);
    text[6] = 'a' + 6;
    int err = adit_parcels_push(&s->parcels, text, len, &n, s->world->now);
    if (err == 0)
        assert_int_equal(n, number);
    return err;
}

static void end(struct world *w)
{
    while (w->count)
        free(w->queue[--w->count].text);
    adit_parcels_done(&w->a.parcels);
    adit_parcels_done(&w->b.parcels);
}

static void test_sizes(void **state)
{
    static const size_t sizes[] = {
        6, 719, 720, 721, 1440, 1441, ADIT_PARCEL_TEXT_MAX - 1, ADIT_PARCEL_TEXT_MAX
    };
    struct world *w = calloc(1, sizeof *w);
    size_t all = 0;
    uint32_t n;

    (void)state;
    begin(w, 1, 0, 0);
    for (unsigned i = 0; i < ADIT_LEN(sizes); i++) {
        assert_int_equal(push(&w->a, i, sizes[i]), 0);
        all += sizes[i];
    }
    assert_int_equal(push(&w->a, 0, ADIT_PARCEL_TEXT_MAX + 1), -EMSGSIZE);
    assert_int_equal(adit_parcels_push(&w->a.parcels, "", 0, &n, 0), -EMSGSIZE);
    run(w);
    assert_int_equal(w->b.got, ADIT_LEN(sizes));
    assert_int_equal(w->b.bytes, all);
    assert_int_equal(w->now, 0); /* nothing had to be sent twice */
    end(w);
    free(w);
}

static void test_loss(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        begin(w, seed, 20, 20);
        for (unsigned i = 0; i < ADIT_PARCEL_WINDOW; i++) {
            assert_int_equal(push(&w->a, i, 6 + (i * 131) % 3000), 0);
            assert_int_equal(push(&w->b, i, 6 + (i * 17) % 900), 0);
        }
        assert_int_equal(push(&w->a, 0, 10), -EAGAIN);
        run(w);
        assert_int_equal(w->a.got, ADIT_PARCEL_WINDOW);
        assert_int_equal(w->b.got, ADIT_PARCEL_WINDOW);
        end(w);
    }
    free(w);
}

static void test_nobody(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    (void)state;
    begin(w, 1, 100, 0);
    assert_int_equal(push(&w->a, 0, 2000), 0);
    run(w);
    assert_int_equal(w->a.sent, 3 * ADIT_PARCEL_TRIES);
    assert_true(w->now > 20 * ADIT_SEC && w->now < 40 * ADIT_SEC);
    assert_int_equal(push(&w->a, 1, 2000), 0); /* there is room again */
    end(w);
    free(w);
}

/* By both ways, in any mixture; and a peer that began anew. */
static void test_whole(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    (void)state;
    begin(w, 1, 100, 0);
    assert_int_equal(push(&w->a, 0, 6), 0);
    adit_parcels_whole(&w->b.parcels, 1, 1, "000001", 6, 0);
    assert_int_equal(w->b.got, 0);
    adit_parcels_whole(&w->b.parcels, 1, 0, "000000", 6, 0);
    assert_int_equal(w->b.got, 2);
    adit_parcels_whole(&w->b.parcels, 1, 0, "000000", 6, 0);
    adit_parcels_whole(&w->b.parcels, 1, 1, "000001", 6, 0);
    adit_parcels_whole(&w->b.parcels, 1, 2 + ADIT_PARCEL_WINDOW, "000034", 6, 0);
    assert_int_equal(w->b.got, 2);
    w->loss = 0; /* what was delivered already is acknowledged all the same */
    run(w);
    assert_int_equal(w->b.got, 2);
    w->b.got = 0;
    adit_parcels_whole(&w->b.parcels, 7, 0, "000000", 6, 0);
    assert_int_equal(w->b.got, 1);
    end(w);
    free(w);
}

/* The parts of a text that came whole and waits for its turn, by a peer whose two texts differ. */
static void test_whole_and_longer_parts(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    (void)state;
    begin(w, 1, 100, 0);
    assert_int_equal(push(&w->a, 0, 6), 0);
    w->loss = 0;
    adit_parcels_whole(&w->b.parcels, 1, 1, "000001", 6, 0);
    assert_int_equal(push(&w->a, 1, 700), 0);
    run(w);
    assert_int_equal(w->b.got, 2);
    assert_int_equal(w->b.bytes, 12);
    end(w);
    free(w);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_loss),
        cmocka_unit_test(test_nobody),
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_whole_and_longer_parts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
