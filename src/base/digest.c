/* Digests are computed on the stack, by libcrypto's older functions: the newer ones allocate for
 * each, and no caller could go on without one. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "base/digest.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/md5.h>
#include <openssl/sha.h>
#include <stdlib.h>

#define BLOCK 64 /* of SHA-1 and of SHA-256 */

void adit_sha256(uint8_t out[32], const void *bytes, size_t n)
{
    SHA256_CTX c;

    SHA256_Init(&c);
    SHA256_Update(&c, bytes, n);
    SHA256_Final(out, &c);
}

static_assert(sizeof(SHA256_CTX) <= sizeof(struct adit_sha256_state),
              "a state of libcrypto's fits");

static SHA256_CTX load(const struct adit_sha256_state *s)
{
    SHA256_CTX c;

    memcpy(&c, s->opaque, sizeof c);
    return c;
}

static void save(struct adit_sha256_state *s, const SHA256_CTX *c)
{
    memcpy(s->opaque, c, sizeof *c);
}

void adit_sha256_start(struct adit_sha256_state *s)
{
    SHA256_CTX c;

    SHA256_Init(&c);
    save(s, &c);
}

void adit_sha256_more(struct adit_sha256_state *s, const void *bytes, size_t n)
{
    SHA256_CTX c = load(s);

    SHA256_Update(&c, bytes, n);
    save(s, &c);
}

void adit_sha256_get(const struct adit_sha256_state *s, uint8_t out[32])
{
    SHA256_CTX c = load(s);

    SHA256_Final(out, &c);
}

void adit_sha1(uint8_t out[20], const void *bytes, size_t n)
{
    SHA_CTX c;

    SHA1_Init(&c);
    SHA1_Update(&c, bytes, n);
    SHA1_Final(out, &c);
}

void adit_md5(uint8_t out[16], const void *bytes, size_t n)
{
    MD5_CTX c;

    MD5_Init(&c);
    MD5_Update(&c, bytes, n);
    MD5_Final(out, &c);
}

/* RFC 2104: the key, filled up to a block, xor one of two bytes. */
static void pad(uint8_t block[BLOCK], const uint8_t key[BLOCK], uint8_t with)
{
    for (size_t i = 0; i < BLOCK; i++)
        block[i] = key[i] ^ with;
}

void adit_hmac_sha256(uint8_t out[32], const void *key, size_t key_len, const void *bytes, size_t n)
{
    uint8_t whole[BLOCK] = { 0 }, block[BLOCK];
    SHA256_CTX c;

    if (key_len > BLOCK)
        adit_sha256(whole, key, key_len);
    else if (key_len)
        memcpy(whole, key, key_len);
    pad(block, whole, 0x36);
    SHA256_Init(&c);
    SHA256_Update(&c, block, BLOCK);
    SHA256_Update(&c, bytes, n);
    SHA256_Final(out, &c);
    pad(block, whole, 0x5c);
    SHA256_Init(&c);
    SHA256_Update(&c, block, BLOCK);
    SHA256_Update(&c, out, 32);
    SHA256_Final(out, &c);
    OPENSSL_cleanse(whole, BLOCK);
    OPENSSL_cleanse(block, BLOCK);
    OPENSSL_cleanse(&c, sizeof c);
}

void adit_hmac_sha1(uint8_t out[20], const void *key, size_t key_len, const void *bytes, size_t n)
{
    uint8_t whole[BLOCK] = { 0 }, block[BLOCK];
    SHA_CTX c;

    if (key_len > BLOCK)
        adit_sha1(whole, key, key_len);
    else if (key_len)
        memcpy(whole, key, key_len);
    pad(block, whole, 0x36);
    SHA1_Init(&c);
    SHA1_Update(&c, block, BLOCK);
    SHA1_Update(&c, bytes, n);
    SHA1_Final(out, &c);
    pad(block, whole, 0x5c);
    SHA1_Init(&c);
    SHA1_Update(&c, block, BLOCK);
    SHA1_Update(&c, out, 20);
    SHA1_Final(out, &c);
    OPENSSL_cleanse(whole, BLOCK);
    OPENSSL_cleanse(block, BLOCK);
    OPENSSL_cleanse(&c, sizeof c);
}

/* Thousands of digests, where a signaling session begins; without memory for it there is none. */
static void must(bool ok)
{
    if (!ok)
        abort();
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
