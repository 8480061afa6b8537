#include "base/digest.h"

#include <openssl/crypto.h>
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

static void hmac(uint8_t out[32], const void *key, size_t key_len, const void *bytes, size_t n)
{
    must(HMAC(EVP_sha256(), key, (int)key_len, bytes, n, out, NULL) != NULL);
}

void adit_hkdf_sha256(uint8_t *out, size_t n, const void *secret, size_t secret_len,
                      const void *salt, size_t salt_len, const char *info)
{
    uint8_t prk[32], t[32], block[32 + 256 + 1];
    size_t info_len = strlen(info), t_len = 0;

    assert(n <= 255 * 32 && info_len <= 256);
    hmac(prk, salt, salt_len, secret, secret_len); /* extract, RFC 5869 section 2.2 */
    for (uint8_t i = 1; n; i++) {                  /* expand, section 2.3 */
        size_t take = n < 32 ? n : 32;

        memcpy(block, t, t_len);
        memcpy(block + t_len, info, info_len);
        block[t_len + info_len] = i;
        hmac(t, prk, sizeof prk, block, t_len + info_len + 1);
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
