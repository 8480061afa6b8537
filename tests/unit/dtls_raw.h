/* dtls_raw.h - a bare OpenSSL as the other end of a world, with settings of all kinds. */
#ifndef TEST_DTLS_RAW_H
#define TEST_DTLS_RAW_H

#include <openssl/ssl.h>

#include "unit/dtls_world.h"

enum raw_key { P256, P384, RSA_KEY, NO_KEY };

struct raw_settings {
    const char *name;
    enum raw_key key;
    int min, max;        /* versions; 0 = DTLS 1.2 */
    const char *ciphers; /* NULL: all */
    const char *groups;
    bool no_srtp;
    bool request_nothing; /* as a server: does not ask for our certificate */
    int mtu;
    /* what is to come of it */
    enum adit_dtls_state result;
    enum adit_reason reason;
};

struct raw {
    SSL_CTX *ctx;
    SSL *ssl;
    X509 *x509;
    struct adit_fingerprint fp;
    int index; /* in the world */
    char got[64];
    int got_len;
    bool closed;
};

/* index: 0 is the client. Its fingerprint is in fp. */
void raw_init(struct raw *r, const struct raw_settings *s, int index);
void raw_done(struct raw *r);
/* What it has written goes onto the wire, a record a datagram. */
void raw_flush(struct raw *r, struct world *w);
/* Goes on as far as it can. */
void raw_go(struct raw *r, struct world *w);
/* For world.deliver; world.user is the struct raw. */
void raw_deliver(struct world *w, int to, const void *bytes, size_t n);
/* Puts an engine of ours at the other end and runs until it stands or has failed. */
void raw_meet(const struct raw_settings *s, int raw_index, struct world **ret_w, struct raw *r);

#endif
