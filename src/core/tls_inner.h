/* tls_inner.h - what the files behind tls.h share. Private to core/tls*.c. */
#ifndef ADIT_CORE_TLS_INNER_H
#define ADIT_CORE_TLS_INNER_H

#include <openssl/ssl.h>

#include "core/tls.h"

#define ADIT_TLS_NAME_MAX 254 /* bytes of a host name, with its zero byte */
#define ADIT_TLS_ALPN_MAX 32

/* What goes over the wire for one protocol name: its length, then it. "" = none. */
struct adit_tls_alpn {
    uint8_t wire[ADIT_TLS_ALPN_MAX];
    uint8_t len;
};

struct adit_tls_client {
    SSL_CTX *ctx;
    X509_STORE *store; /* of conf->ca; NULL = the system's */
    uint8_t pins[ADIT_TLS_PINS_MAX][32];
    size_t pin_count;
    bool insecure;
};

struct adit_tls_server {
    SSL_CTX *ctx;
    char *cert, *key, *name, *kept;
    struct adit_tls_alpn alpn;
    char pin[ADIT_TLS_PIN_SIZE];
};

struct adit_tls_conn {
    SSL *ssl;
    BIO_METHOD *method;
    const struct adit_tls_client *client; /* NULL = we are the server */
    char name[ADIT_TLS_NAME_MAX];         /* whom we want */
    bool is_address;
    struct adit_tls_alpn alpn; /* of a server */
    struct adit_span in;
    struct adit_buf out;
    struct adit_cause refused; /* why the certificate was, or reason NONE */
    char text[64];
};

/* tls.c: what client and server contexts have in common; NULL without memory. */
SSL_CTX *adit_tls_new_context(const SSL_METHOD *method);
/* -EINVAL: longer than ADIT_TLS_ALPN_MAX. name may be NULL. */
ADIT_MUST_USE int adit_tls_alpn_set(struct adit_tls_alpn *alpn, const char *name);

/* tls_verify.c: the callback of SSL_CTX_set_cert_verify_callback(3). */
int adit_tls_verify(X509_STORE_CTX *presented, void *arg);
/* SHA-256 of the SubjectPublicKeyInfo. False without memory. */
bool adit_tls_key_hash(uint8_t out[32], const X509 *cert);
char *adit_tls_pin_print(char out[ADIT_TLS_PIN_SIZE], const uint8_t hash[32]);

/* tls_ca.c: where the system keeps its CAs. 0: directories, searched by name; 1: the first bundle
 * that is there, read whole. False: none. */
#define ADIT_TLS_CA_STEPS 2
bool adit_tls_ca_add(X509_STORE *store, int step);

/* tls_cert.c: our certificate into ctx, from the files or made. *ret_hash as adit_tls_key_hash. */
ADIT_MUST_USE int adit_tls_cert_load(SSL_CTX *ctx, const char *cert, const char *key,
                                     uint8_t ret_hash[32], struct adit_cause *ret_cause);
ADIT_MUST_USE int adit_tls_cert_make(SSL_CTX *ctx, const char *name, const char *kept,
                                     uint8_t ret_hash[32], struct adit_cause *ret_cause);

#endif
