/* credentials.h - names that carry their own end: "expiry:id", and a password that follows from the
 * name by a secret (coturn: use-auth-secret).
 *
 * Whoever has the secret can make them, and nobody has to remember them. */
#ifndef ADIT_RELAY_CREDENTIALS_H
#define ADIT_RELAY_CREDENTIALS_H

#include "base/base.h"

#define ADIT_TURND_PASSWORD_SIZE 29 /* BASE64 of 20 bytes and its zero byte */
#define ADIT_TURND_KEY_SIZE      16

/* BASE64(HMAC-SHA1(secret, user)). */
void adit_turnd_password(char out[ADIT_TURND_PASSWORD_SIZE], const char *secret,
                         struct adit_span user);
/* MD5(user ":" realm ":" password), RFC 8489 section 9.2.2. -EMSGSIZE: too long together. */
ADIT_MUST_USE int adit_turnd_key(uint8_t out[ADIT_TURND_KEY_SIZE], struct adit_span user,
                                 const char *realm, const char *password);
/* When they end, in seconds since 1970. -EINVAL: no such name. */
ADIT_MUST_USE int64_t adit_turnd_expiry(struct adit_span user);
/* What follows the first colon; data NULL if there is none. */
struct adit_span adit_turnd_identity(struct adit_span user);

#endif
