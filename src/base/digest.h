/* digest.h - the hashes that our own formats use, one call each, over libcrypto. */
#ifndef ADIT_DIGEST_H
#define ADIT_DIGEST_H

#include "base/base.h"

void adit_sha256(uint8_t out[32], const void *bytes, size_t n);
/* The same in pieces. No memory of its own: may be copied, and given up at any time. */
struct adit_sha256_state {
    uint64_t opaque[14];
};
void adit_sha256_start(struct adit_sha256_state *s);
void adit_sha256_more(struct adit_sha256_state *s, const void *bytes, size_t n);
/* Of what there was so far; more may follow. */
void adit_sha256_get(const struct adit_sha256_state *s, uint8_t out[32]);
void adit_sha1(uint8_t out[20], const void *bytes, size_t n); /* for formats that have it in them */
void adit_md5(uint8_t out[16], const void *bytes, size_t n); /* as before: RFC 8489 section 9.2.2 */
/* RFC 5869 with SHA-256; n <= 255 * 32. info is a C string. */
void adit_hkdf_sha256(uint8_t *out, size_t n, const void *secret, size_t secret_len,
                      const void *salt, size_t salt_len, const char *info);
/* RFC 2104. */
void adit_hmac_sha256(uint8_t out[32], const void *key, size_t key_len, const void *bytes,
                      size_t n);
void adit_hmac_sha1(uint8_t out[20], const void *key, size_t key_len, const void *bytes, size_t n);
/* RFC 8018 section 5.2 with HMAC-SHA-256. */
void adit_pbkdf2_sha256(uint8_t out[32], const void *secret, size_t secret_len, const void *salt,
                        size_t salt_len, unsigned iterations);
/* RFC 8032, private and public keys of 32 bytes. -ENOMEM: libcrypto has none, or no Ed25519. */
ADIT_MUST_USE int adit_ed25519_public(uint8_t ret_public[32], const uint8_t key[32]);
ADIT_MUST_USE int adit_ed25519_sign(uint8_t ret_signature[64], const uint8_t key[32],
                                    const void *bytes, size_t n);
/* False also for keys and signatures that are none. */
bool adit_ed25519_verify(const uint8_t key[32], const uint8_t signature[64], const void *bytes,
                         size_t n);
/* Time does not depend on where they differ. */
bool adit_equal_secret(const void *a, const void *b, size_t n);

#endif
