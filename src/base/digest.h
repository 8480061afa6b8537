/* digest.h - the hashes that our own formats use, one call each, over libcrypto. */
#ifndef ADIT_DIGEST_H
#define ADIT_DIGEST_H

#include "base/base.h"

void adit_sha256(uint8_t out[32], const void *bytes, size_t n);
/* RFC 5869 with SHA-256; n <= 255 * 32. info is a C string. */
void adit_hkdf_sha256(uint8_t *out, size_t n, const void *secret, size_t secret_len,
                      const void *salt, size_t salt_len, const char *info);
/* Time does not depend on where they differ. */
bool adit_equal_secret(const void *a, const void *b, size_t n);

#endif
