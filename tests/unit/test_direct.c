/* Records past the library: what is on the wire, what opens and what does not, changes of keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include <cmocka.h>

#include "base/digest.h"
#include "base/rng.h"
#include "dtls/direct.h"

#define LARGEST (ADIT_DIRECT_MAX - ADIT_DIRECT_OVERHEAD)

static const enum adit_direct_aead aeads[] = { ADIT_DIRECT_AES128_GCM, ADIT_DIRECT_AES256_GCM,
                                               ADIT_DIRECT_CHACHA20_POLY1305 };

struct record {
    size_t n;
    uint8_t bytes[ADIT_DIRECT_MAX];
};

static void pair(struct adit_direct *d[2], enum adit_direct_aead aead, uint64_t records)
{
    uint8_t a[ADIT_DIRECT_SECRET], b[ADIT_DIRECT_SECRET];

    memset(a, 1, sizeof a);
    memset(b, 2, sizeof b);
    d[0] = adit_direct_new(aead, a, b, records);
    d[1] = adit_direct_new(aead, b, a, records);
    assert_non_null(d[0]);
    assert_non_null(d[1]);
}

static void done(struct adit_direct *d[2])
{
    adit_direct_free(d[0]);
    adit_direct_free(d[1]);
}

static struct record seal(struct adit_direct *d, const void *bytes, size_t n)
{
    struct adit_span s = adit_direct_seal(d, bytes, n);
    struct record r = { .n = s.len };

    assert_int_equal(s.len, n + ADIT_DIRECT_OVERHEAD);
    memcpy(r.bytes, s.data, s.len);
    return r;
}

static bool opens(struct adit_direct *d, const struct record *r)
{
    uint8_t *copy = malloc(r->n); /* so that a sanitizer sees its end */
    bool yes;

    memcpy(copy, r->bytes, r->n);
    yes = adit_direct_open(d, copy, r->n).data != NULL;
    free(copy);
    return yes;
}

static struct adit_direct_stats stats(const struct adit_direct *d)
{
    struct adit_direct_stats s;

    adit_direct_stats(d, &s);
    return s;
}

static void what_is_sealed_opens(void **state)
{
    struct adit_rng rng;
    uint8_t text[LARGEST];

    (void)state;
    adit_rng_init_seed(&rng, 1);
    for (size_t i = 0; i < ADIT_LEN(aeads); i++) {
        struct adit_direct *d[2];

        pair(d, aeads[i], 0);
        for (size_t n = 1; n <= LARGEST; n += n < 40 ? 1 : 97)
            for (int way = 0; way < 2; way++) {
                adit_rng_bytes(&rng, text, n);
                struct record r = seal(d[way], text, n);
                struct adit_span got = adit_direct_open(d[!way], r.bytes, r.n);
                assert_int_equal(got.len, n);
                assert_memory_equal(got.data, text, n);
                assert_false(opens(d[way], &r)); /* not by who sealed it */
            }
        done(d);
    }
}

/* RFC 5116 with what docs/datagram.md says of key, nonce and additional data. */
static void check_text(const struct record *r, const uint8_t secret[ADIT_DIRECT_SECRET],
                       uint64_t seq)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t key[32], iv[32], text[6], tag[16];
    int n;

    adit_hmac_sha256(key, secret, ADIT_DIRECT_SECRET, "adit key", 8);
    adit_hmac_sha256(iv, secret, ADIT_DIRECT_SECRET, "adit iv", 7);
    iv[11] ^= (uint8_t)seq;
    assert_int_equal(EVP_EncryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, key, iv), 1);
    assert_int_equal(EVP_EncryptUpdate(ctx, NULL, &n, r->bytes, 13), 1);
    assert_int_equal(EVP_EncryptUpdate(ctx, text, &n, (const uint8_t *)"packet", 6), 1);
    assert_int_equal(EVP_EncryptFinal_ex(ctx, text + n, &n), 1);
    assert_int_equal(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, tag), 1);
    assert_int_equal(r->n, 13 + 6 + 16);
    assert_memory_equal(r->bytes + 13, text, 6);
    assert_memory_equal(r->bytes + 19, tag, 16);
    EVP_CIPHER_CTX_free(ctx);
}

static void a_record_is_what_the_document_says(void **state)
{
    uint8_t secret[ADIT_DIRECT_SECRET];
    struct adit_direct *d[2];
    struct record r[3];

    (void)state;
    pair(d, ADIT_DIRECT_AES128_GCM, 2);
    for (int i = 0; i < 3; i++)
        r[i] = seal(d[0], "packet", 6);
    assert_memory_equal(r[0].bytes, "\x17\xfe\xfd\x80\x00\0\0\0\0\0\0\0\x16", 13);
    assert_memory_equal(r[1].bytes, "\x17\xfe\xfd\x80\x00\0\0\0\0\0\1\0\x16", 13);
    assert_memory_equal(r[2].bytes, "\x17\xfe\xfd\x80\x01\0\0\0\0\0\0\0\x16", 13);
    memset(secret, 1, sizeof secret);
    check_text(&r[0], secret, 0);
    check_text(&r[1], secret, 1);
    adit_hmac_sha256(secret, secret, sizeof secret, "adit next", 9);
    check_text(&r[2], secret, 0);
    done(d);
}

static void each_opens_once(void **state)
{
    struct adit_direct *d[2];
    struct record *r = calloc(5000, sizeof *r);

    (void)state;
    pair(d, ADIT_DIRECT_AES128_GCM, 0);
    for (int i = 0; i < 5000; i++)
        r[i] = seal(d[0], &i, sizeof i);
    for (int i = 99; i >= 0; i--) /* in whatever order */
        assert_true(opens(d[1], &r[i]));
    for (int i = 0; i < 100; i++)
        assert_false(opens(d[1], &r[i]));
    assert_int_equal(stats(d[1]).repeated, 100);
    /* At the edge of the window: so many late is not too late, one more is. */
    assert_true(opens(d[1], &r[200 + ADIT_DIRECT_WINDOW - 1]));
    assert_true(opens(d[1], &r[200]));
    assert_false(opens(d[1], &r[200]));
    assert_false(opens(d[1], &r[199]));
    assert_true(opens(d[1], &r[201]));
    /* A leap over more than a window: nothing of before is taken for seen, or for new. */
    assert_true(opens(d[1], &r[4999]));
    assert_false(opens(d[1], &r[201]));
    assert_false(opens(d[1], &r[202]));
    for (int i = 4998; i > 4999 - ADIT_DIRECT_WINDOW; i--)
        assert_true(opens(d[1], &r[i]));
    for (int i = 4999; i > 4999 - ADIT_DIRECT_WINDOW; i--)
        assert_false(opens(d[1], &r[i]));
    assert_int_equal(stats(d[1]).forged, 0);
    free(r);
    done(d);
}

static void what_was_changed_does_not_open(void **state)
{
    (void)state;
    for (size_t i = 0; i < ADIT_LEN(aeads); i++) {
        struct adit_direct *d[2];
        uint64_t tried = 0;

        pair(d, aeads[i], 0);
        struct record good = seal(d[0], "a packet", 8), bad;
        for (size_t bit = 0; bit < good.n * 8; bit++) {
            bad = good;
            bad.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_false(opens(d[1], &bad));
            tried++;
        }
        for (size_t n = 13; n < good.n; n++, tried++) {
            bad = good;
            bad.n = n;
            assert_false(opens(d[1], &bad));
        }
        assert_int_equal(stats(d[1]).forged, tried);
        assert_int_equal(stats(d[1]).repeated, 0);
        assert_true(opens(d[1], &good)); /* and none of them did harm */
        done(d);
    }
}

static void keys_change(void **state)
{
    enum { EACH = 5, COUNT = 40000 * EACH };
    struct adit_direct *d[2];
    struct record last = { 0 }, before = { 0 };

    (void)state;
    pair(d, ADIT_DIRECT_AES128_GCM, EACH);
    for (int i = 0; i < COUNT; i++) { /* more epochs than their 15 bits can tell apart */
        struct record r = seal(d[0], &i, sizeof i);

        if (i % EACH == EACH - 1) { /* the last of each epoch comes after the first of the next */
            last = r;
        } else {
            assert_true(opens(d[1], &r));
            if (i % EACH == 0 && i) {
                assert_true(opens(d[1], &last));
                assert_false(opens(d[1], &last));
                if (i > EACH)
                    assert_false(opens(d[1], &before)); /* two epochs ago: its key is gone */
                before = last;
            }
        }
    }
    done(d);
}

/* A forged record of the next epoch may come at any time; it makes a key ready and no more. */
static void a_forged_change_of_keys(void **state)
{
    struct adit_direct *d[2];
    struct record r, forged;

    (void)state;
    pair(d, ADIT_DIRECT_AES128_GCM, 3);
    for (int i = 0; i < 30; i++) {
        r = seal(d[0], &i, sizeof i);
        for (unsigned ahead = 0; ahead < 4; ahead++) {
            forged = r;
            forged.bytes[20] ^= 1;
            adit_put16(forged.bytes + 3, (uint16_t)(adit_get16(r.bytes + 3) + ahead));
            assert_false(opens(d[1], &forged));
        }
        assert_true(opens(d[1], &r));
    }
    /* An epoch that was lost as a whole, and no further. */
    for (int i = 0; i < 3; i++)
        r = seal(d[0], &i, sizeof i);
    r = seal(d[0], "x", 1);
    assert_false(opens(d[1], &r));
    done(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sealed_opens),
        cmocka_unit_test(a_record_is_what_the_document_says),
        cmocka_unit_test(each_opens_once),
        cmocka_unit_test(what_was_changed_does_not_open),
        cmocka_unit_test(keys_change),
        cmocka_unit_test(a_forged_change_of_keys),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
