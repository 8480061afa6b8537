#include <openssl/err.h>

#include "base/alloc.h"
#include "core/tls_inner.h"

/* RFC 7301 section 3.2 wants a fatal alert when nothing fits. We go on without: who speaks HTTP/1.1
 * and nothing else is often only talked to by somebody who did not say so. */
static int on_alpn(SSL *ssl, const unsigned char **ret_name, unsigned char *ret_len,
                   const unsigned char *offered, unsigned offered_len, void *arg)
{
    const struct adit_tls_conn *conn = SSL_get_app_data(ssl);
    const struct adit_tls_alpn *alpn = &conn->alpn;

    (void)arg;
    for (unsigned i = 0; alpn->len && i < offered_len; i += 1u + offered[i]) {
        if (alpn->len > offered_len - i || memcmp(offered + i, alpn->wire, alpn->len) != 0)
            continue;
        *ret_name = offered + i + 1;
        *ret_len = offered[i];
        return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_NOACK;
}

static int load(struct adit_tls_server *s, struct adit_cause *ret_cause)
{
    SSL_CTX *ctx = adit_tls_new_context(TLS_server_method());
    uint8_t hash[32];
    int err = -ENOMEM;

    adit_cause_set(ret_cause, ADIT_REASON_RESOURCE, ENOMEM, "no memory for TLS");
    if (ctx && s->cert)
        err = adit_tls_cert_load(ctx, s->cert, s->key ? s->key : s->cert, hash, ret_cause);
    else if (ctx)
        err = adit_tls_cert_make(ctx, s->name, s->kept, hash, ret_cause);
    ERR_clear_error();
    if (err) {
        SSL_CTX_free(ctx);
        return err;
    }
    SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
    SSL_CTX_free(s->ctx); /* connections have their own hold of it */
    s->ctx = ctx;
    adit_tls_pin_print(s->pin, hash);
    return 0;
}

static bool copy(char **out, const char *text)
{
    *out = text ? adit_strdup(text) : NULL;
    return !text || *out;
}

struct adit_tls_server *adit_tls_server_new(const struct adit_tls_server_conf *conf,
                                            struct adit_cause *ret_cause)
{
    struct adit_tls_server *s = adit_zalloc(sizeof *s);

    adit_cause_set(ret_cause, ADIT_REASON_RESOURCE, ENOMEM, "no memory for TLS");
    if (!s)
        return NULL;
    if (adit_tls_alpn_set(&s->alpn, conf->alpn) < 0) {
        adit_cause_set(ret_cause, ADIT_REASON_LOCAL, EINVAL, "the name of a protocol is too long");
        return adit_tls_server_free(s);
    }
    if (!copy(&s->cert, conf->cert) || !copy(&s->key, conf->key) ||
        !copy(&s->name, conf->name ? conf->name : "localhost") || !copy(&s->kept, conf->kept) ||
        load(s, ret_cause) < 0)
        return adit_tls_server_free(s);
    return s;
}

int adit_tls_server_reload(struct adit_tls_server *s, struct adit_cause *ret_cause)
{
    if (!s->cert && !s->kept)
        return 0; /* nothing to read, and a new key would only surprise those who pinned it */
    return load(s, ret_cause);
}

struct adit_tls_server *adit_tls_server_free(struct adit_tls_server *s)
{
    if (s) {
        SSL_CTX_free(s->ctx);
        adit_free(s->cert);
        adit_free(s->key);
        adit_free(s->name);
        adit_free(s->kept);
        adit_free(s);
    }
    return NULL;
}

const char *adit_tls_server_pin(const struct adit_tls_server *s)
{
    return s->pin;
}
