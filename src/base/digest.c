#include "base/digest.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

/* SHA-256 over short inputs cannot fail in a sane libcrypto, and no caller could go on without it.
 */
static void must(bool ok)
{
    if (!ok)
        abort();
}

void adit_sha256(uint8_t out[32], const void *bytes, size_t n)
{
    must(EVP_Digest(bytes, n, out, NULL, EVP_sha256(), NULL) == 1);
}

void adit_sha1(uint8_t out[20], const void *bytes, size_t n)
{
    must(EVP_Digest(bytes, n, out, NULL, EVP_sha1(), NULL) == 1);
}

void adit_hmac_sha256(uint8_t out[32], const void *key, size_t key_len, const void *bytes, size_t n)
{
    must(HMAC(EVP_sha256(), key, (int)key_len, bytes, n, out, NULL) != NULL);
}

void adit_hmac_sha1(uint8_t out[20], const void *key, size_t key_len, const void *bytes, size_t n)
{
    must(HMAC(EVP_sha1(), key, (int)key_len, bytes, n, out, NULL) != NULL);
}

void adit_pbkdf2_sha256(uint8_t out[32], const void *secret, size_t secret_len, const void *salt,
                        size_t salt_len, unsigned iterations)
{
    must(PKCS5_PBKDF2_HMAC(secret, (int)secret_len, salt, (int)salt_len, (int)iterations,
                           EVP_sha256(), 32, out) == 1);
}

int adit_ed25519_public(uint8_t ret_public[32], const uint8_t key[32])
{
    EVP_PKEY *k = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, key, 32);
    size_t n = 32;
    bool ok = k && EVP_PKEY_get_raw_public_key(k, ret_public, &n) == 1;

    EVP_PKEY_free(k);
    return ok ? 0 : -ENOMEM;
}

int adit_ed25519_sign(uint8_t ret_signature[64], const uint8_t key[32], const void *bytes, size_t n)
{
    EVP_PKEY *k = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, key, 32);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t len = 64;
    bool ok = k && ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, k) == 1 &&
              EVP_DigestSign(ctx, ret_signature, &len, bytes, n) == 1;

    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(k);
    return ok ? 0 : -ENOMEM;
}

bool adit_ed25519_verify(const uint8_t key[32], const uint8_t signature[64], const void *bytes,
                         size_t n)
{
    EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, 32);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = pkey && ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1 &&
                EVP_DigestVerify(ctx, signature, 64, bytes, n) == 1;

    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    ERR_clear_error();
    return good;
}

void adit_hkdf_sha256(uint8_t *out, size_t n, const void *secret, size_t secret_len,
                      const void *salt, size_t salt_len, const char *info)
{
    uint8_t prk[32], t[32], block[32 + 256 + 1];
    size_t info_len = strlen(info), t_len = 0;

    assert(n <= 255 * 32 && info_len <= 256);
    adit_hmac_sha256(prk, salt, salt_len, secret, secret_len); /* extract, RFC 5869 section 2.2 */
    for (uint8_t i = 1; n; i++) {                              /* expand, section 2.3 */
        size_t take = n < 32 ? n : 32;

        memcpy(block, t, t_len);
        memcpy(block + t_len, info, info_len);
        block[t_len + info_len] = i;
        adit_hmac_sha256(t, prk, sizeof prk, block, t_len + info_len + 1);
        t_len = sizeof t;
        memcpy(out, t, take);
        out += take;
        n -= take;
    }
    OPENSSL_cleanse(prk, sizeof prk);
    OPENSSL_cleanse(t, sizeof t);
    OPENSSL_cleanse(block, sizeof block);
}

bool adit_equal_secret(const void *a, const void *b, size_t n)
{
    return CRYPTO_memcmp(a, b, n) == 0;
}
