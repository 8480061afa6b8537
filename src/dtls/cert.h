/* cert.h - the certificate of this end, and fingerprints (RFC 8122 section 5).
 *
 * Self-signed ECDSA P-256. Its validity does not depend on the wall clock: a router that boots in
 * 1970 can use it and talk to a peer of any year (WebRTC never checks dates, only the fingerprint).
 */
#ifndef ADIT_CERT_H
#define ADIT_CERT_H

#include "base/base.h"

struct adit_cert;
struct ssl_ctx_st; /* OpenSSL's SSL_CTX */

enum adit_hash { ADIT_HASH_SHA256, ADIT_HASH_SHA384, ADIT_HASH_SHA512 };

struct adit_fingerprint {
    enum adit_hash hash;
    uint8_t len; /* 32, 48, 64 */
    uint8_t value[64];
};

/* "sha-256 AB:CD:…"; case-insensitive. -ENOTSUP: a hash we do not know (to be ignored, RFC 8122
 * section 5); -EINVAL: malformed. */
ADIT_MUST_USE int adit_fingerprint_parse(struct adit_fingerprint *ret_fp, const char *text,
                                         size_t len);
#define ADIT_FINGERPRINT_STR (8 + 64 * 3 + 1)
char *adit_fingerprint_print(const struct adit_fingerprint *fp, char out[ADIT_FINGERPRINT_STR]);

/* Is this certificate (DER) the one that the description promised? RFC 8122 section 5: every hash
 * present in the list must have a value that fits, and there must be one at least. 0: it is;
 * -EKEYREJECTED: it is not; -ENOMEM: nobody knows. */
ADIT_MUST_USE int adit_fingerprint_match(const struct adit_fingerprint *list, size_t n,
                                         const void *der, size_t der_len);

/* Ephemeral. NULL without memory. */
struct adit_cert *adit_cert_generate(void);
/* PEM files; key_path may be NULL (both in one file). On failure NULL, and *ret_cause says which
 * file and why. A key that group or world can read or write is refused, one with a passphrase too.
 * Any kind of key that OpenSSL can sign with will do; some stacks know only ECDSA and RSA. */
struct adit_cert *adit_cert_load(const char *cert_path, const char *key_path,
                                 struct adit_cause *ret_cause);
/* A stored identity: loaded from `path`, or generated and written there (mode 0600, atomically). */
struct adit_cert *adit_cert_load_or_create(const char *path, struct adit_cause *ret_cause);
struct adit_cert *adit_cert_free(struct adit_cert *cert); /* returns NULL */
void adit_cert_fingerprint(const struct adit_cert *cert, enum adit_hash hash,
                           struct adit_fingerprint *ret_fp);
/* Makes it the certificate of a TLS context; the context keeps what it needs. -EINVAL. */
ADIT_MUST_USE int adit_cert_use(const struct adit_cert *cert, struct ssl_ctx_st *ctx);

#endif
