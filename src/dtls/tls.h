/* tls.h - OpenSSL set up for WebRTC: versions, suites, certificate, use_srtp, and a BIO that is a
 * pair of functions. */
#ifndef ADIT_TLS_H
#define ADIT_TLS_H

#include <openssl/ssl.h>

#include "base/base.h"

struct adit_cert;

/* Does this CPU have instructions for AES-GCM? Without them ChaCha20 is several times faster. */
bool adit_tls_aes_fast(void);

/* A context for either role; NULL without memory. Certificates are accepted here whatever they are:
 * the caller compares the fingerprint. */
SSL_CTX *adit_tls_context(const struct adit_cert *cert, bool aes_first);

struct adit_tls_io {
    /* One datagram out. */
    void (*write)(void *arg, const void *bytes, size_t n);
    /* The next datagram to read, at most once each; empty: there is none. */
    struct adit_span (*read)(void *arg);
    void *arg;
};

/* io is borrowed. NULL without memory. */
BIO_METHOD *adit_tls_bio_method(void);
BIO *adit_tls_bio(const BIO_METHOD *method, const struct adit_tls_io *io);

/* Why OpenSSL has failed, from its queue of errors, which is emptied. */
void adit_tls_cause(struct adit_cause *ret_cause);
/* The same for an alert that came without protection. */
void adit_tls_alert_cause(struct adit_cause *ret_cause, unsigned alert);

#endif
