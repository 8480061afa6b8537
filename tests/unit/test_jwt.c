/* test_jwt.c - tokens: RFC 7515's example, one of each kind, and every way to cheat that has a
 * name.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "base/alloc.h"
#include "base/digest.h"
#include "base/str.h"
#include "signal/jwt.h"

#define WALL   1700000000
#define SECRET "a secret of at least 32 characters"

/* RFC 8037 appendix A.1. */
static const char private_x[] = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
static const char public_x[] = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
static const char public_pem[] = "-----BEGIN PUBLIC KEY-----\n"
                                 "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
                                 "-----END PUBLIC KEY-----\n";

static uint8_t public_key[64];

static void base64(char *out, const void *bytes, size_t n)
{
    out[adit_base64_encode(out, bytes, n, true)] = '\0';
}

enum how { HS256, EDDSA, HS256_WITH_PUBLIC_KEY, HS256_OTHER, UNSIGNED };

static void sign(enum how how, const char *text, char *out)
{
    uint8_t key[64], mac[64];
    size_t n = 32;

    if (how == EDDSA) {
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        EVP_PKEY *pkey;

        assert_int_equal(adit_base64_decode(key, private_x, strlen(private_x)), 32);
        pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, key, 32);
        n = sizeof mac;
        assert_int_equal(EVP_DigestSignInit(ctx, NULL, NULL, NULL, pkey), 1);
        assert_int_equal(EVP_DigestSign(ctx, mac, &n, (const uint8_t *)text, strlen(text)), 1);
        EVP_MD_CTX_free(ctx);
        EVP_PKEY_free(pkey);
    } else if (how == HS256_WITH_PUBLIC_KEY) {
        adit_hmac_sha256(mac, public_pem, strlen(public_pem), text, strlen(text));
    } else {
        const char *secret = how == HS256 ? SECRET : "another secret";
        adit_hmac_sha256(mac, secret, strlen(secret), text, strlen(text));
    }
    base64(out, mac, how == UNSIGNED ? 0 : n);
}

static void make(char out[2048], enum how how, const char *header, const char *claims)
{
    char mac[128], part[1024];

    base64(part, header, strlen(header));
    strcpy(out, part);
    strcat(out, ".");
    base64(part, claims, strlen(claims));
    strcat(out, part);
    sign(how, out, mac);
    strcat(out, ".");
    strcat(out, mac);
}

#define HS  "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
#define ED  "{\"alg\":\"EdDSA\"}"
#define EXP "{\"exp\":1700000100}"

static const struct {
    const char *header, *claims;
    enum how how;
    const char *wrong; /* NULL: accepted; else part of the reason */
} rows[] = {
    { HS, EXP, HS256, NULL },
    { ED, EXP, EDDSA, NULL },
    { HS, "{\"exp\":1700000100.5,\"nbf\":1699999999,\"aud\":\"adit\",\"sub\":\"a\"}", HS256, NULL },
    { HS, "{\"exp\":1699999941}", HS256, NULL }, /* within the skew of 60 s */
    { HS, "{\"exp\":1700000100,\"nbf\":1700000060}", HS256, NULL },
    { "{\"alg\":\"HS256\",\"kid\":\"../../etc/passwd\"}", EXP, HS256, NULL }, /* not looked at */

    { HS, "{\"exp\":1699999940}", HS256, "expired" },
    { HS, "{\"exp\":0}", HS256, "expired" },
    { HS, "{\"exp\":-1e300}", HS256, "expired" },
    { HS, "{\"exp\":\"1700000100\"}", HS256, "no number" },
    { HS, "{\"exp\":null}", HS256, "no number" },
    { HS, "{\"sub\":\"a\"}", HS256, "never expires" },
    { HS, "{\"exp\":1700000100,\"nbf\":1700000061}", HS256, "not valid yet" },
    { HS, "{\"exp\":1700000100,\"nbf\":[]}", HS256, "no number" },
    { HS, "[1]", HS256, "claims" },
    { HS, "exp", HS256, "claims" },
    { HS, EXP, HS256_OTHER, "our key" },
    { HS, EXP, UNSIGNED, "our key" },
    { HS, EXP, EDDSA, "our key" },
    { ED, EXP, HS256, "our key" },
    { HS, EXP, HS256_WITH_PUBLIC_KEY, "our key" }, /* confusion: the public key as a secret */
    { ED, EXP, HS256_WITH_PUBLIC_KEY, "our key" },
    { "{\"alg\":\"none\"}", EXP, UNSIGNED, "not accepted" },
    { "{\"alg\":\"None\"}", EXP, UNSIGNED, "not accepted" },
    { "{\"alg\":\"NONE\"}", EXP, UNSIGNED, "not accepted" },
    { "{\"alg\":\"nOnE\"}", EXP, HS256, "not accepted" },
    { "{\"alg\":\"\"}", EXP, UNSIGNED, "not accepted" },
    { "{\"alg\":null}", EXP, UNSIGNED, "not accepted" },
    { "{\"alg\":[\"HS256\"]}", EXP, HS256, "not accepted" },
    { "{\"alg\":\"hs256\"}", EXP, HS256, "not accepted" },
    { "{\"alg\":\"HS256\\u0000\"}", EXP, HS256, "not accepted" },
    { "{\"alg\":\"RS256\"}", EXP, HS256, "not accepted" },
    { "{\"alg\":\"RS256\"}", EXP, HS256_WITH_PUBLIC_KEY, "not accepted" },
    { "{\"alg\":\"HS512\"}", EXP, HS256, "not accepted" },
    { "{\"alg\":\"ES256\"}", EXP, EDDSA, "not accepted" },
    { "{}", EXP, HS256, "not accepted" },
    { "{\"alg\":\"HS256\",\"crit\":[\"b64\"],\"b64\":false}", EXP, HS256, "extensions" },
    { "[]", EXP, HS256, "header" },
    { "{\"alg\":\"HS256\"", EXP, HS256, "header" },
};

static struct adit_jwt_keys both(void)
{
    return (struct adit_jwt_keys){
        .secret = SECRET, .secret_len = strlen(SECRET), .ed25519 = public_key, .skew = 60
    };
}

static json_t *read(const char *token, const struct adit_jwt_keys *keys, struct adit_cause *cause)
{
    /* On the heap, so that a sanitizer sees a byte too far. */
    char *copy = adit_memdup(token, strlen(token));
    json_t *claims = adit_jwt_read(copy, strlen(token), keys, WALL, cause);

    adit_free(copy);
    return claims;
}

static void tokens_of_all_kinds(void **state)
{
    struct adit_jwt_keys keys = both();
    char token[2048];

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_cause cause = { .text = "" };
        json_t *claims;

        make(token, rows[i].how, rows[i].header, rows[i].claims);
        claims = read(token, &keys, &cause);
        if (!claims != !!rows[i].wrong || (!claims && !strstr(cause.text, rows[i].wrong)))
            fail_msg("row %zu (%s): %s", i, rows[i].header, claims ? "accepted" : cause.text);
        json_decref(claims);
    }
}

static void only_for_the_keys_that_are_there(void **state)
{
    struct adit_jwt_keys only_ed = both(), only_hs = both();
    struct adit_cause cause;
    char hs[2048], ed[2048];
    json_t *claims;

    (void)state;
    only_ed.secret = NULL;
    only_hs.ed25519 = NULL;
    make(hs, HS256, HS, EXP);
    make(ed, EDDSA, ED, EXP);
    assert_null(read(hs, &only_ed, &cause));
    assert_null(read(ed, &only_hs, &cause));
    make(hs, HS256_WITH_PUBLIC_KEY, HS, EXP);
    assert_null(read(hs, &only_ed, &cause));
    claims = read(ed, &only_ed, &cause);
    assert_non_null(claims);
    json_decref(claims);
}

static void audiences(void **state)
{
    static const struct {
        const char *claims;
        bool good;
    } list[] = {
        { "{\"exp\":1700000100,\"aud\":\"adit\"}", true },
        { "{\"exp\":1700000100,\"aud\":[\"other\",\"adit\"]}", true },
        { "{\"exp\":1700000100,\"aud\":\"Adit\"}", false },
        { "{\"exp\":1700000100,\"aud\":[]}", false },
        { "{\"exp\":1700000100,\"aud\":{\"adit\":1}}", false },
        { "{\"exp\":1700000100,\"aud\":[[\"adit\"]]}", false },
        { "{\"exp\":1700000100}", false },
    };
    struct adit_jwt_keys keys = both();

    (void)state;
    keys.audience = "adit";
    for (size_t i = 0; i < ADIT_LEN(list); i++) {
        struct adit_cause cause;
        char token[2048];
        json_t *claims;

        make(token, HS256, HS, list[i].claims);
        claims = read(token, &keys, &cause);
        if (!claims == list[i].good)
            fail_msg("%s", list[i].claims);
        json_decref(claims);
    }
}

/* Every token with one byte changed or missing, at every place. */
static void no_byte_may_differ(void **state)
{
    struct adit_jwt_keys keys = both();
    struct adit_cause cause;
    char token[2048], changed[2048];

    (void)state;
    make(token, HS256, HS, EXP);
    for (size_t i = 0; token[i]; i++) {
        strcpy(changed, token);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        assert_null(read(changed, &keys, &cause));
        changed[i] = '\0';
        assert_null(read(changed, &keys, &cause));
    }
    for (const char *c = "\0. =\n"; c < "\0. =\n" + 5; c++) {
        size_t n = strlen(token);
        memcpy(changed, token, n);
        changed[n] = *c;
        if (*c)
            assert_null(adit_jwt_read(changed, n + 1, &keys, WALL, &cause));
    }
    memset(changed, '.', sizeof changed);
    assert_null(adit_jwt_read(changed, sizeof changed, &keys, WALL, &cause));
}

static void the_longest_and_one_more(void **state)
{
    struct adit_jwt_keys keys = both();
    struct adit_cause cause;

    (void)state;
    for (int more = 0; more < 2; more++) {
        size_t fill = 0, n = 0;
        char *token = NULL;

        while (n < ADIT_JWT_MAX + (unsigned)more) {
            json_t *claims =
                json_pack("{s:I,s:o}", "exp", (json_int_t)WALL + 1, "fill", json_string(""));
            char *text = adit_zalloc(fill + 1);

            memset(text, 'x', fill);
            json_object_set_new(claims, "fill", json_string(text));
            adit_free(token);
            token = adit_jwt_write(claims, SECRET, strlen(SECRET));
            n = strlen(token);
            fill++;
            json_decref(claims);
            adit_free(text);
        }
        json_t *claims = adit_jwt_read(token, n, &keys, WALL, &cause);
        assert_true(!claims == (n > ADIT_JWT_MAX));
        json_decref(claims);
        adit_free(token);
    }
}

static void example_of_rfc_7515(void **state)
{
    static const char token[] = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
                                "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcG"
                                "xlLmNvbS9pc19yb290Ijp0cnVlfQ."
                                "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    static const char key[] =
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    uint8_t secret[128];
    struct adit_cause cause;
    struct adit_jwt_keys keys = { .secret = secret };
    json_t *claims;

    (void)state;
    keys.secret_len = (size_t)adit_base64_decode(secret, key, strlen(key));
    claims = adit_jwt_read(token, strlen(token), &keys, 1300819379, &cause);
    assert_non_null(claims);
    assert_string_equal(adit_json_string(claims, "iss"), "joe");
    json_decref(claims);
    assert_null(adit_jwt_read(token, strlen(token), &keys, 1300819380, &cause));
}

static void keys_in_pem(void **state)
{
    static const char *const bad[] = {
        "",
        "-----BEGIN PUBLIC KEY-----",
        "-----BEGIN PUBLIC KEY----------END PUBLIC KEY-----",
        "-----BEGIN PUBLIC KEY-----\n!!!!\n-----END PUBLIC KEY-----",
        "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPc=\n"
        "-----END PUBLIC KEY-----",
        /* X25519 */
        "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VuAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
        "-----END PUBLIC KEY-----",
        "-----BEGIN PRIVATE "
        "KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
        "-----END PRIVATE KEY-----",
    };
    char crlf[256] = "some words before\r\n";
    uint8_t key[32], want[64];

    (void)state;
    assert_int_equal(adit_base64_decode(want, public_x, strlen(public_x)), 32);
    assert_int_equal(adit_jwt_pem(key, public_pem, strlen(public_pem)), 0);
    assert_memory_equal(key, want, 32);
    strcat(crlf, "-----BEGIN PUBLIC KEY-----\r\n"
                 "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\r\n"
                 "-----END PUBLIC KEY-----");
    assert_int_equal(adit_jwt_pem(key, crlf, strlen(crlf)), 0);
    for (size_t i = 0; i < ADIT_LEN(bad); i++)
        if (adit_jwt_pem(key, bad[i], strlen(bad[i])) == 0)
            fail_msg("accepted %s", bad[i]);
}

static int read_public_key(void **state)
{
    (void)state;
    return adit_base64_decode(public_key, public_x, strlen(public_x)) != 32;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_of_all_kinds),
        cmocka_unit_test(only_for_the_keys_that_are_there),
        cmocka_unit_test(audiences),
        cmocka_unit_test(no_byte_may_differ),
        cmocka_unit_test(the_longest_and_one_more),
        cmocka_unit_test(example_of_rfc_7515),
        cmocka_unit_test(keys_in_pem),
    };
    return cmocka_run_group_tests(tests, read_public_key, NULL);
}
