#include <openssl/err.h>

#include "base/alloc.h"
#include "base/str.h"
#include "core/tls_inner.h"

#define CERT_LIST_MAX  (64 * 1024) /* bytes of a chain; ordinary ones have four or five thousand */
#define SECURITY_LEVEL 2 /* 112 bits: RSA from 2048, no SHA-1. Not what openssl.cnf says */

/* Of 1.2 only what has forward secrecy and no CBC; those of 1.3 are all good. */
#define CIPHERS                                                  \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:" \
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:" \
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"

SSL_CTX *adit_tls_new_context(const SSL_METHOD *method)
{
    SSL_CTX *ctx = SSL_CTX_new(method);

    if (!ctx)
        return NULL;
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);         /* an idle connection has none */
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* tickets keep state elsewhere */
    SSL_CTX_set_max_cert_list(ctx, CERT_LIST_MAX);
    SSL_CTX_set_security_level(ctx, SECURITY_LEVEL);
    if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_max_proto_version(ctx, 0) != 1 || SSL_CTX_set_cipher_list(ctx, CIPHERS) != 1 ||
        SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") != 1) {
        SSL_CTX_free(ctx);
        ctx = NULL;
    }
    return ctx;
}

int adit_tls_alpn_set(struct adit_tls_alpn *alpn, const char *name)
{
    size_t n = name ? strlen(name) : 0;

    alpn->len = 0;
    if (n >= ADIT_TLS_ALPN_MAX)
        return -EINVAL;
    if (n) {
        alpn->wire[0] = (uint8_t)n;
        memcpy(alpn->wire + 1, name, n);
        alpn->len = (uint8_t)(n + 1);
    }
    return 0;
}

/* ---- client ---------------------------------------------------------------------------------- */

/* "sha256/BASE64", and curl's "sha256//BASE64"; but a slash is a letter of base64 too, and may be
 * the first of the 43. */
static bool add_pin(struct adit_tls_client *c, const char *text)
{
    const char *base64 = adit_str_starts(text, "sha256/") ? text + 7 : "";
    uint8_t hash[ADIT_TLS_PIN_SIZE];

    base64 += *base64 == '/' && strcspn(base64, "=") > 43;
    size_t n = strlen(base64);
    if (c->pin_count == ADIT_TLS_PINS_MAX || n > sizeof hash ||
        adit_base64_decode(hash, base64, n) != sizeof c->pins[0])
        return false;
    memcpy(c->pins[c->pin_count++], hash, sizeof c->pins[0]);
    return true;
}

static bool load_ca(struct adit_tls_client *c, const char *path)
{
    c->store = X509_STORE_new();
    return c->store && X509_STORE_load_locations(c->store, path, NULL) == 1;
}

struct adit_tls_client *adit_tls_client_new(const struct adit_tls_client_conf *conf,
                                            struct adit_cause *ret_cause)
{
    struct adit_tls_client *c = adit_zalloc(sizeof *c);
    struct adit_tls_alpn alpn;

    adit_cause_set(ret_cause, ADIT_REASON_RESOURCE, ENOMEM, "no memory for TLS");
    if (!c)
        return NULL;
    c->insecure = conf->insecure;
    for (size_t i = 0; i < conf->pin_count; i++) {
        if (!add_pin(c, conf->pins[i])) {
            adit_cause_set(ret_cause, ADIT_REASON_LOCAL, EINVAL,
                           "\"%.20s\": a pin is sha256/ and 44 letters; %d at most", conf->pins[i],
                           ADIT_TLS_PINS_MAX);
            goto fail;
        }
    }
    if (adit_tls_alpn_set(&alpn, conf->alpn) < 0) {
        adit_cause_set(ret_cause, ADIT_REASON_LOCAL, EINVAL, "the name of a protocol is too long");
        goto fail;
    }
    c->ctx = adit_tls_new_context(TLS_client_method());
    if (!c->ctx || (alpn.len && SSL_CTX_set_alpn_protos(c->ctx, alpn.wire, alpn.len) != 0))
        goto fail;
    SSL_CTX_set_verify(c->ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(c->ctx, adit_tls_verify, c);
    if (conf->ca && !load_ca(c, conf->ca)) {
        adit_cause_set(ret_cause, ADIT_REASON_RESOURCE, EINVAL,
                       "%.60s: no certificates there (PEM)", conf->ca);
        goto fail;
    }
    ERR_clear_error();
    return c;
fail:
    ERR_clear_error();
    return adit_tls_client_free(c);
}

struct adit_tls_client *adit_tls_client_free(struct adit_tls_client *c)
{
    if (c) {
        SSL_CTX_free(c->ctx);
        X509_STORE_free(c->store);
        adit_free(c);
    }
    return NULL;
}
