/* What travels on a stream of kind `file`, byte by byte; and names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>

#include "app/file_frames.h"
#include "base/digest.h"

#define TEXT(s) (const uint8_t *)(s), sizeof(s) - 1

static const struct {
    const uint8_t *name;
    size_t n;
    const char *fault; /* NULL: none */
} names[] = {
    { TEXT("a"), NULL },
    { TEXT("a b/c.tar.gz"), NULL },
    { TEXT(".hidden/..."), NULL },
    { TEXT("..a/b.."), NULL },
    { TEXT("a\\b"), NULL },
    { TEXT("-rf"), NULL },
    { TEXT("part"), NULL },
    { TEXT("x.part.y"), NULL },
    { TEXT("gr\xc3\xbc\xc3\x9f/\xe4\xb8\xad/\xf0\x9f\x98\x80"), NULL },
    { TEXT("\xc2\xa0"), NULL },
    { TEXT(""), "empty" },
    { TEXT("/a"), "absolute" },
    { TEXT("a/"), "an empty part" },
    { TEXT("a//b"), "an empty part" },
    { TEXT("."), "a part that leads elsewhere" },
    { TEXT("a/./b"), "a part that leads elsewhere" },
    { TEXT(".."), "a part that leads elsewhere" },
    { TEXT("a/../b"), "a part that leads elsewhere" },
    { TEXT("a\0"), "control characters" },
    { TEXT("a\tb"), "control characters" },
    { TEXT("a\x1f"), "control characters" },
    { TEXT("a\x7f"), "control characters" },
    { TEXT("a\xc2\x80"), "control characters" },
    { TEXT("a\xc2\x9f"), "control characters" },
    { TEXT("\xc3"), "not UTF-8" },
    { TEXT("\xc2"), "not UTF-8" },
    { TEXT("\xc0\xaf"), "not UTF-8" },
    { TEXT("a.part"), "names in .part are those of unfinished files" },
    { TEXT("a/.part"), "names in .part are those of unfinished files" },
    { TEXT("a.part/b"), "names in .part are those of unfinished files" },
};

static void names_good_and_bad(void **state)
{
    static uint8_t big[ADIT_FILE_NAME_MAX + 2];

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(names); i++) {
        const char *fault = adit_file_name_fault(names[i].name, names[i].n);

        if (!fault != !names[i].fault || (fault && strcmp(fault, names[i].fault) != 0))
            fail_msg("%s: %s", (const char *)names[i].name, fault ? fault : "good");
    }
    memset(big, 'x', sizeof big);
    assert_null(adit_file_name_fault(big, 255));
    assert_string_equal(adit_file_name_fault(big, 256), "a part of more than 255 bytes");
    for (size_t i = 250; i < sizeof big; i += 250)
        big[i] = '/';
    assert_null(adit_file_name_fault(big, 4096));
    assert_string_equal(adit_file_name_fault(big, 4097), "more than 4096 bytes");
    memset(big, 'x', sizeof big);
    for (size_t i = 1; i < sizeof big; i += 2)
        big[i] = '/';
    assert_null(adit_file_name_fault(big, 2 * ADIT_FILE_DEPTH_MAX - 1));
    assert_string_equal(adit_file_name_fault(big, 2 * ADIT_FILE_DEPTH_MAX + 1), "too deep");
}

static void an_entry_as_written_down(void **state)
{
    static const uint8_t want[] = { 1,    1,    0x01, 0xa4, 0,    0,    0,    1,    0,
                                    0,    0,    2,    0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                    0xff, 0xff, 0,    0,    0,    3,    'd',  '/',  'f' };
    static const uint8_t batch[] = { 3, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 1, 0 };
    uint8_t out[ADIT_FILE_OPEN_MAX];
    struct adit_file_open o = { .what = ADIT_FILE_REGULAR,
                                .asks = true,
                                .mode = 0644,
                                .size = 1ull << 32 | 2,
                                .mtime = -1,
                                .mtime_ns = 3,
                                .name = (const uint8_t *)"d/f",
                                .name_n = 3 };
    const char *why;

    (void)state;
    assert_int_equal(adit_file_open_encode(out, &o), sizeof want);
    assert_memory_equal(out, want, sizeof want);
    memset(&o, 0, sizeof o);
    assert_int_equal(adit_file_open_decode(&o, want, sizeof want, &why), 0);
    assert_true(o.asks && o.mode == 0644 && o.size == (1ull << 32 | 2) && o.mtime == -1 &&
                o.mtime_ns == 3 && o.name_n == 3);
    o = (struct adit_file_open){ .what = ADIT_FILE_BATCH, .files = 7, .bytes = 256 };
    assert_int_equal(adit_file_open_encode(out, &o), sizeof batch);
    assert_memory_equal(out, batch, sizeof batch);
    for (size_t n = 0; n < sizeof batch; n++)
        assert_int_equal(adit_file_open_decode(&o, batch, n, &why), -EPROTO);
    for (size_t n = 0; n < ADIT_FILE_FIXED; n++)
        assert_int_equal(adit_file_open_decode(&o, want, n, &why), -EPROTO);
}

/* One byte is changed, and then it cannot be. */
static const struct {
    size_t at;
    uint8_t to;
} changes[] = {
    { 0, 0 },    { 0, 4 },    { 0, 255 },   { 1, 2 },     { 1, 128 }, { 2, 2 },
    { 2, 0x80 }, { 4, 0x80 }, { 20, 0x3c }, { 20, 0xff }, { 0, 2 },
};

static void entries_that_cannot_be(void **state)
{
    static uint8_t longer[ADIT_FILE_OPEN_MAX + 1];
    uint8_t out[ADIT_FILE_OPEN_MAX];
    struct adit_file_open o = {
        .what = ADIT_FILE_REGULAR, .size = 5, .name = (const uint8_t *)"f", .name_n = 1
    };
    const char *why;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(changes); i++) {
        size_t n = adit_file_open_encode(out, &o);
        struct adit_file_open again;

        out[changes[i].at] = changes[i].to;
        why = NULL;
        if (adit_file_open_decode(&again, out, n, &why) != -EPROTO || !why)
            fail_msg("byte %zu, %u", changes[i].at, changes[i].to);
    }
    memset(longer, 'x', sizeof longer);
    adit_file_open_encode(longer, &(struct adit_file_open){ .what = ADIT_FILE_REGULAR });
    assert_int_equal(adit_file_open_decode(&o, longer, sizeof longer - 1, &why), 0);
    assert_int_equal(adit_file_open_decode(&o, longer, sizeof longer, &why), -EPROTO);
}

static void offers(void **state)
{
    struct adit_file_offer in[ADIT_FILE_OFFERS_MAX] = { { 1, { 1 } }, { 9, { 2 } }, { 9, { 3 } } };
    struct adit_file_offer back[ADIT_FILE_OFFERS_MAX];
    uint8_t out[(ADIT_FILE_OFFERS_MAX + 1) * ADIT_FILE_OFFER_SIZE] = { 0 };

    (void)state;
    assert_int_equal(adit_file_head_decode(back, 9, out, 0), 0);
    assert_int_equal(adit_file_head_encode(out, in, 3), 120);
    assert_int_equal(adit_file_head_decode(back, 9, out, 120), 3);
    assert_memory_equal(back, in, 3 * sizeof in[0]);
    assert_int_equal(adit_file_head_decode(back, 8, out, 120), -EPROTO); /* more than all */
    assert_int_equal(adit_file_head_decode(back, 9, out, 119), -EPROTO);
    assert_int_equal(adit_file_head_decode(back, 9, out, 160), -EPROTO); /* zero, and descending */
    in[3].have = 9;
    assert_int_equal(adit_file_head_encode(out, in, 4), 160);
    assert_int_equal(adit_file_head_decode(back, 9, out, 160), 4);
    assert_int_equal(adit_file_head_decode(back, 9, out, 200), -EPROTO); /* too many */
    in[0].have = 0;
    adit_file_head_encode(out, in, 1);
    assert_int_equal(adit_file_head_decode(back, 9, out, 40), -EPROTO);
}

static void results(void **state)
{
    uint8_t out[ADIT_FILE_RESULT_MAX + 1] = { 0 };
    enum adit_file_result result;
    struct adit_span name;
    uint32_t done, failed;

    (void)state;
    assert_int_equal(adit_file_result_encode(out, ADIT_FILE_THERE, "f.1", 3), 4);
    assert_memory_equal(out, "\1f.1", 4);
    assert_int_equal(adit_file_result_decode(&result, &name, out, 4), 0);
    assert_int_equal(result, ADIT_FILE_THERE);
    assert_int_equal(name.len, 3);
    assert_int_equal(adit_file_result_decode(&result, &name, out, 0), -EPROTO);
    assert_int_equal(adit_file_result_decode(&result, &name, out, sizeof out), -EPROTO);
    out[0] = 3;
    assert_int_equal(adit_file_result_decode(&result, &name, out, 4), -EPROTO);
    adit_file_tally_encode(out, 5, 6);
    assert_int_equal(adit_file_tally_decode(&done, &failed, out, 8), 0);
    assert_int_equal(done, 5);
    assert_int_equal(failed, 6);
    assert_int_equal(adit_file_tally_decode(&done, &failed, out, 7), -EPROTO);
    adit_file_start_encode(out, 1ull << 40 | 5);
    assert_true(adit_file_start_decode(out) == (1ull << 40 | 5));
}

/* In pieces, copied on the way, it is the digest of the whole. */
static void digests_in_pieces(void **state)
{
    static uint8_t bytes[10000];
    uint8_t whole[32], pieces[32];
    struct adit_sha256_state s, copy;

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 256);
    adit_sha256_start(&s);
    for (size_t at = 0, n = 0; at < sizeof bytes; at += n, n = n * 2 % 777 + 1) {
        n = n < sizeof bytes - at ? n : sizeof bytes - at;
        adit_sha256_more(&s, bytes + at, n);
        adit_sha256_get(&s, pieces);
        adit_sha256(whole, bytes, at + n);
        assert_memory_equal(whole, pieces, sizeof whole);
        copy = s;
        s = copy;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_good_and_bad),
        cmocka_unit_test(an_entry_as_written_down),
        cmocka_unit_test(entries_that_cannot_be),
        cmocka_unit_test(offers),
        cmocka_unit_test(results),
        cmocka_unit_test(digests_in_pieces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
