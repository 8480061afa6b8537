/* tls.h - OpenSSL set up for WebRTC: versions, suites, certificate, use_srtp, and functions in
 * place of a socket. */
#ifndef ADIT_TLS_H
#define ADIT_TLS_H

#include <openssl/ssl.h>

#include "base/base.h"

struct adit_cert;
struct adit_fingerprint;

/* Does this CPU have instructions for AES-GCM? Without them ChaCha20 is several times faster. */
bool adit_tls_aes_fast(void);

/* What OpenSSL asks for while it is called. */
struct adit_tls_io {
    /* One datagram out. */
    void (*write)(void *arg, const void *bytes, size_t n);
    /* The next datagram to read, each once; empty: there is none. */
    struct adit_span (*read)(void *arg);
    /* See DTLS_set_timer_cb(3). */
    unsigned (*timer)(void *arg, unsigned us);
};

struct adit_tls {
    const struct adit_tls_io *io;
    void *arg;
    bool client;
    size_t mtu;
    SSL_CTX *ctx;
    BIO_METHOD *method;
    SSL *ssl; /* NULL without memory, and after adit_tls_done */
};

/* Certificates are accepted whatever they are: the caller compares the fingerprint. mtu is what
 * OpenSSL calls so, see dtls.c. io is borrowed. -ENOMEM; adit_tls_done is due then, too. */
ADIT_MUST_USE int adit_tls_init(struct adit_tls *t, const struct adit_cert *cert, bool client,
                                size_t mtu, const struct adit_tls_io *io, void *arg);
/* Begins anew. -ENOMEM. */
ADIT_MUST_USE int adit_tls_renew(struct adit_tls *t);
void adit_tls_done(struct adit_tls *t);

/* After the handshake: is the peer's certificate the promised one? See adit_fingerprint_match. */
ADIT_MUST_USE int adit_tls_peer_is(const struct adit_tls *t, const struct adit_fingerprint *list,
                                   size_t n, struct adit_cause *ret_cause);

/* Why OpenSSL has failed, from its queue of errors, which is emptied. */
void adit_tls_cause(struct adit_cause *ret_cause);
/* The same for an alert that came without protection. */
void adit_tls_alert_cause(struct adit_cause *ret_cause, unsigned alert);

#endif
