#include <stdio.h>
#include <time.h>

#include <openssl/err.h>

#include "base/addr.h"
#include "base/alloc.h"
#include "base/str.h"
#include "core/tls_inner.h"

#define RECORD_MAX (16 * 1024) /* RFC 8446 section 5.1 */

/* ---- BIO: OpenSSL reads what was fed, and writes to `out` ------------------------------------ */

static int bio_write(BIO *bio, const char *bytes, int n)
{
    struct adit_tls_conn *c = BIO_get_data(bio);

    if (n > 0)
        adit_buf_add(&c->out, bytes, (size_t)n);
    return c->out.err ? -1 : n;
}

static int bio_read(BIO *bio, char *out, int size)
{
    struct adit_tls_conn *c = BIO_get_data(bio);
    size_t n = size < 0 ? 0 : c->in.len < (size_t)size ? c->in.len : (size_t)size;

    BIO_clear_retry_flags(bio);
    if (n == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(out, c->in.data, n);
    c->in.data += n;
    c->in.len -= n;
    return (int)n;
}

static long bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
    (void)bio, (void)num, (void)ptr;
    return cmd == BIO_CTRL_FLUSH;
}

static BIO *new_bio(struct adit_tls_conn *c)
{
    c->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "adit");
    if (!c->method || BIO_meth_set_write(c->method, bio_write) != 1 ||
        BIO_meth_set_read(c->method, bio_read) != 1 || BIO_meth_set_ctrl(c->method, bio_ctrl) != 1)
        return NULL;
    BIO *bio = BIO_new(c->method);
    if (bio) {
        BIO_set_data(bio, c);
        BIO_set_init(bio, 1);
    }
    return bio;
}

/* ---- life ------------------------------------------------------------------------------------ */

static struct adit_tls_conn *new_conn(SSL_CTX *ctx)
{
    struct adit_tls_conn *c = adit_zalloc(sizeof *c);
    BIO *bio = c ? new_bio(c) : NULL;

    if (c)
        c->ssl = bio ? SSL_new(ctx) : NULL;
    ERR_clear_error();
    if (!c || !c->ssl) {
        BIO_free(bio);
        return adit_tls_conn_free(c);
    }
    adit_buf_init(&c->out, ADIT_TLS_OUT_MAX);
    SSL_set_bio(c->ssl, bio, bio);
    SSL_set_app_data(c->ssl, c);
    return c;
}

/* A name without the form it has in URLs; a zone means something on this host only. */
static int set_name(struct adit_tls_conn *c, const char *name)
{
    size_t n = strlen(name);
    struct adit_addr addr;

    if (n >= 2 && name[0] == '[' && name[n - 1] == ']') {
        name++;
        n -= 2;
    }
    if (n && name[n - 1] == '.') /* absolute, RFC 1034 section 3.1; certificates are without */
        n--;
    if (n == 0 || adit_str_copy(c->name, sizeof c->name, name, n) < 0)
        return -EINVAL;
    c->is_address = adit_addr_parse(&addr, name, n) == 0;
    if (c->is_address) {
        char text[ADIT_ADDR_STR];

        addr.scope = 0;
        adit_addr_str_ip(&addr, text);
        memcpy(c->name, text, strlen(text) + 1);
    }
    return 0;
}

int adit_tls_conn_client(struct adit_tls_conn **ret_conn, const struct adit_tls_client *context,
                         const char *name)
{
    struct adit_tls_conn *c = new_conn(context->ctx);
    int err = c ? set_name(c, name) : -ENOMEM;

    *ret_conn = NULL;
    if (!err) {
        c->client = context;
        SSL_set_connect_state(c->ssl);
        /* RFC 6066 section 3: literal addresses are not permitted in SNI. */
        if (!c->is_address && SSL_set_tlsext_host_name(c->ssl, c->name) != 1)
            err = -ENOMEM;
    }
    ERR_clear_error();
    if (err)
        adit_tls_conn_free(c);
    else
        *ret_conn = c;
    return err;
}

int adit_tls_conn_server(struct adit_tls_conn **ret_conn, const struct adit_tls_server *context)
{
    struct adit_tls_conn *c = new_conn(context->ctx);

    *ret_conn = c;
    if (!c)
        return -ENOMEM;
    c->alpn = context->alpn;
    SSL_set_accept_state(c->ssl);
    return 0;
}

struct adit_tls_conn *adit_tls_conn_free(struct adit_tls_conn *c)
{
    if (c) {
        SSL_free(c->ssl);
        BIO_meth_free(c->method);
        adit_buf_done(&c->out);
        adit_free(c);
        ERR_clear_error();
    }
    return NULL;
}

/* ---- errors ---------------------------------------------------------------------------------- */

static void set_alert_cause(struct adit_cause *cause, int alert)
{
    const char *text = SSL_alert_desc_string_long(alert);

    switch (alert) {
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
        adit_cause_set(cause, ADIT_REASON_NOT_AUTHENTIC, 0,
                       "the other side refused our certificate (%s)", text);
        return;
    case SSL_AD_UNRECOGNIZED_NAME:
        adit_cause_set(cause, ADIT_REASON_PROTOCOL, EPROTO, "nobody there has this name (TLS)");
        return;
    default:
        adit_cause_set(cause, ADIT_REASON_PROTOCOL, EPROTO, "the other side ended TLS: %s", text);
    }
}

static int failed(struct adit_tls_conn *c, struct adit_cause *cause)
{
    unsigned long e = ERR_peek_error();
    int reason = ERR_GET_REASON(e);
    const char *text = ERR_reason_error_string(e);

    if (c->refused.reason != ADIT_REASON_NONE)
        *cause = c->refused;
    else if (reason == ERR_R_MALLOC_FAILURE || c->out.err)
        adit_cause_set(cause, ADIT_REASON_RESOURCE, ENOMEM, "no memory for TLS");
    else if (ERR_GET_LIB(e) == ERR_LIB_SSL && reason >= SSL_AD_REASON_OFFSET)
        set_alert_cause(cause, reason - SSL_AD_REASON_OFFSET);
    else if (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST ||
             reason == SSL_R_HTTPS_PROXY_REQUEST || reason == SSL_R_PACKET_LENGTH_TOO_LONG)
        adit_cause_set(cause, ADIT_REASON_PROTOCOL, EPROTO, "the other side does not speak TLS");
    else if (reason == SSL_R_UNSUPPORTED_PROTOCOL || reason == SSL_R_VERSION_TOO_LOW)
        adit_cause_set(cause, ADIT_REASON_PROTOCOL, EPROTO,
                       "the other side speaks only old TLS, before 1.2");
    else if (text)
        adit_cause_set(cause, ADIT_REASON_PROTOCOL, EPROTO, "TLS: %s", text);
    else
        adit_cause_set(cause, ADIT_REASON_PROTOCOL, EPROTO, "TLS: error %#lx", e);
    ERR_clear_error();
    return -EPROTO;
}

/* ---- bytes ----------------------------------------------------------------------------------- */

void adit_tls_conn_feed(struct adit_tls_conn *c, const void *bytes, size_t n)
{
    c->in = (struct adit_span){ .data = bytes, .len = n };
}

size_t adit_tls_conn_left(const struct adit_tls_conn *c)
{
    return c->in.len;
}

struct adit_buf *adit_tls_conn_out(struct adit_tls_conn *c)
{
    return &c->out;
}

int adit_tls_conn_shake(struct adit_tls_conn *c, struct adit_cause *ret_cause)
{
    ERR_clear_error();
    int r = SSL_do_handshake(c->ssl);

    if (c->out.err)
        return failed(c, ret_cause);
    if (r != 1)
        return SSL_get_error(c->ssl, r) == SSL_ERROR_WANT_READ ? 0 : failed(c, ret_cause);
    snprintf(c->text, sizeof c->text, "%s %s", SSL_get_version(c->ssl),
             SSL_get_cipher_name(c->ssl));
    return 1;
}

int adit_tls_conn_read(struct adit_tls_conn *c, void *out, size_t size,
                       struct adit_cause *ret_cause)
{
    ERR_clear_error();
    int r = SSL_read(c->ssl, out, size < RECORD_MAX ? (int)size : RECORD_MAX);

    if (c->out.err)
        return failed(c, ret_cause);
    if (r > 0)
        return r;
    switch (SSL_get_error(c->ssl, r)) {
    case SSL_ERROR_WANT_READ:
        return 0;
    case SSL_ERROR_ZERO_RETURN:
        return -ECANCELED;
    default:
        return failed(c, ret_cause);
    }
}

int adit_tls_conn_write(struct adit_tls_conn *c, const void *bytes, size_t n,
                        struct adit_cause *ret_cause)
{
    const uint8_t *p = bytes;

    ERR_clear_error();
    while (n) {
        int r = SSL_write(c->ssl, p, n < RECORD_MAX ? (int)n : RECORD_MAX);

        if (r <= 0 || c->out.err)
            return failed(c, ret_cause);
        p += r;
        n -= (size_t)r;
    }
    return 0;
}

void adit_tls_conn_end(struct adit_tls_conn *c)
{
    ERR_clear_error();
    (void)!SSL_shutdown(c->ssl); /* fails in a handshake: then there is nothing to say */
    ERR_clear_error();
}

const char *adit_tls_conn_text(const struct adit_tls_conn *c)
{
    return c->text;
}

int64_t adit_tls_conn_expires(const struct adit_tls_conn *c)
{
    X509 *cert = SSL_get1_peer_certificate(c->ssl);
    struct tm tm;
    int64_t at = 0;

    if (cert && ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) == 1)
        at = (int64_t)timegm(&tm);
    X509_free(cert);
    return at;
}
