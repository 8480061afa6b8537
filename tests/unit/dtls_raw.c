#include "unit/dtls_raw.h"

#include <stdlib.h>

#include <openssl/err.h>

static void check(bool ok)
{
    if (!ok)
        abort();
}

static X509 *self_sign(EVP_PKEY *key)
{
    X509 *x = X509_new();

    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -1000000);
    X509_gmtime_adj(X509_getm_notAfter(x), -1000); /* long over: nobody may care */
    X509_set_pubkey(x, key);
    check(X509_sign(x, key, EVP_sha256()) > 0);
    return x;
}

static EVP_PKEY *make_key(enum raw_key kind)
{
    switch (kind) {
    case P256:
        return EVP_EC_gen("P-256");
    case P384:
        return EVP_EC_gen("P-384");
    case RSA_KEY:
        return EVP_RSA_gen(2048);
    case NO_KEY:
        break;
    }
    return NULL;
}

static int accept_any(X509_STORE_CTX *store, void *arg)
{
    (void)store, (void)arg;
    return 1;
}

void raw_init(struct raw *r, const struct raw_settings *s, int index)
{
    EVP_PKEY *key = make_key(s->key);

    *r = (struct raw){ .ctx = SSL_CTX_new(DTLS_method()), .index = index };
    SSL_CTX_set_security_level(r->ctx, 0);
    SSL_CTX_set_min_proto_version(r->ctx, s->min ? s->min : DTLS1_2_VERSION);
    SSL_CTX_set_max_proto_version(r->ctx, s->max ? s->max : DTLS1_2_VERSION);
    SSL_CTX_set_options(r->ctx, SSL_OP_NO_QUERY_MTU);
    if (key) {
        r->x509 = self_sign(key);
        unsigned n;
        X509_digest(r->x509, EVP_sha256(), r->fp.value, &n);
        r->fp.len = (uint8_t)n;
        check(SSL_CTX_use_certificate(r->ctx, r->x509) == 1);
        check(SSL_CTX_use_PrivateKey(r->ctx, key) == 1);
    } else {
        r->fp = *world_fingerprint(index);
    }
    EVP_PKEY_free(key);
    if (s->ciphers)
        check(SSL_CTX_set_cipher_list(r->ctx, s->ciphers) == 1);
    if (s->groups)
        check(SSL_CTX_set1_groups_list(r->ctx, s->groups) == 1);
    if (!s->no_srtp)
        check(SSL_CTX_set_tlsext_use_srtp(r->ctx, "SRTP_AES128_CM_SHA1_80") == 0);
    if (!s->request_nothing)
        SSL_CTX_set_verify(r->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(r->ctx, accept_any, NULL);
    r->ssl = SSL_new(r->ctx);
    SSL_set_bio(r->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    BIO_set_mem_eof_return(SSL_get_rbio(r->ssl), -1);
    SSL_set_mtu(r->ssl, s->mtu ? s->mtu : 1200);
    if (index == 0)
        SSL_set_connect_state(r->ssl);
    else
        SSL_set_accept_state(r->ssl);
}

void raw_done(struct raw *r)
{
    SSL_free(r->ssl);
    SSL_CTX_free(r->ctx);
    X509_free(r->x509);
    ERR_clear_error();
}

void raw_flush(struct raw *r, struct world *w)
{
    uint8_t *p;
    long n = BIO_get_mem_data(SSL_get_wbio(r->ssl), (char **)&p);

    while (n >= 13) {
        size_t len = 13 + (size_t)adit_get16(p + 11);
        world_send(w, r->index, p, len);
        p += len;
        n -= (long)len;
    }
    (void)BIO_reset(SSL_get_wbio(r->ssl));
}

void raw_go(struct raw *r, struct world *w)
{
    char buf[2048];
    int n = SSL_read(r->ssl, buf, sizeof buf);

    if (n > 0 && r->got_len + n < (int)sizeof r->got) {
        memcpy(r->got + r->got_len, buf, (size_t)n);
        r->got_len += n;
    }
    if (n <= 0 && SSL_get_error(r->ssl, n) == SSL_ERROR_ZERO_RETURN)
        r->closed = true;
    ERR_clear_error();
    raw_flush(r, w);
}

void raw_deliver(struct world *w, int to, const void *bytes, size_t n)
{
    struct raw *r = w->user;

    if (to != r->index) {
        adit_dtls_feed(w->end[to].d, bytes, n, w->now);
        return;
    }
    BIO_write(SSL_get_rbio(r->ssl), bytes, (int)n);
    raw_go(r, w);
}

void raw_meet(const struct raw_settings *s, int raw_index, struct world **ret_w, struct raw *r)
{
    struct world *w = world_new();
    int own = !raw_index;

    w->deliver = raw_deliver;
    w->user = r;
    raw_init(r, s, raw_index);
    w->end[own].d = adit_dtls_new(&w->end[own].conf, world_ops(), &w->end[own], w->now);
    adit_dtls_expect(w->end[own].d, &r->fp, 1, w->now);
    adit_dtls_start(w->end[own].d, w->now);
    raw_go(r, w);
    world_run(w, w->now + 40 * ADIT_SEC);
    *ret_w = w;
}
