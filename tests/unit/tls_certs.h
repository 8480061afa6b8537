/* tls_certs.h - certificates for tests, good and bad, as PEM files in a directory of their own. */
#ifndef ADIT_TEST_TLS_CERTS_H
#define ADIT_TEST_TLS_CERTS_H

#include "core/tls.h"

struct certs {
    char dir[32];
    char path[128]; /* of certs_path */
};

/* Makes them:
 *   ca.pem       a CA                         other-ca.pem  one that nobody asked for
 *   good.pem     good.test, *.wild.test, 127.0.0.1, ::1; by the CA; key in good.key
 *   both.pem     the same, with its key in the same file
 *   old.pem      was valid in 2001, with key    early.pem   will be valid in 2199, with key
 *   deep.pem     by an intermediate, which is in the file, with key
 *   self.pem     self-signed, with key
 *   secret.pem   with an encrypted key          mixed.pem   with somebody else's key
 *   empty.pem    nothing */
void certs_make(struct certs *c);
/* The directory and all that is in it. */
void certs_remove(struct certs *c);
/* Valid until the next call. */
const char *certs_path(struct certs *c, const char *name);
/* A copy of ca.pem in the directory under the name that OpenSSL looks for. */
void certs_hash_ca(struct certs *c);

#endif
