/* jwt.h - JSON Web Tokens (RFC 7519) in the compact form of RFC 7515: HS256 and EdDSA (Ed25519).
 *
 * The algorithm is chosen by the keys we have and never by the token alone: a token that names
 * another one, none at all, or an extension (crit) is refused. `exp` is required. */
#ifndef ADIT_JWT_H
#define ADIT_JWT_H

#include "base/json.h"

#define ADIT_JWT_MAX  4096 /* bytes of a token */
#define ADIT_JWT_SKEW 60   /* seconds that clocks may differ by default */

struct adit_jwt_keys {
    const void *secret; /* HS256; NULL = not accepted */
    size_t secret_len;
    const uint8_t *ed25519; /* EdDSA: 32 bytes; NULL = not accepted */
    const char *audience;   /* NULL = any; otherwise `aud` must have it */
    unsigned skew;          /* seconds */
};

/* The claims, an object to be given back with json_decref. NULL and a cause that never quotes the
 * token. wall: seconds since 1970. */
json_t *adit_jwt_read(const char *token, size_t n, const struct adit_jwt_keys *keys, int64_t wall,
                      struct adit_cause *ret_cause);
/* HS256 over these claims, a string for adit_free. NULL without memory. */
char *adit_jwt_write(const json_t *claims, const void *secret, size_t secret_len);
/* The 32 bytes of an Ed25519 public key in PEM (RFC 8410 section 10.3). -EINVAL. */
ADIT_MUST_USE int adit_jwt_pem(uint8_t out[32], const char *pem, size_t n);

#endif
