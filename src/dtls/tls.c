#include "dtls/tls.h"

#include <openssl/err.h>

#if defined(__aarch64__) || defined(__arm__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include "dtls/cert.h"

#ifdef OPENSSL_NO_SRTP
#error "OpenSSL was built with no-srtp: other stacks hang up without the use_srtp extension"
#endif

/* A certificate is one or two KiB; more is an attack on memory (a chain is of no use here). */
#define CERT_LIST_MAX (16 * 1024)

/* aiortc, pion and webrtc-rs abort a handshake that does not negotiate this, media or not. */
#define SRTP_PROFILES "SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_128_GCM:SRTP_AEAD_AES_256_GCM"

#define AES                                                      \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:" \
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"
#define CHACHA "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"

bool adit_tls_aes_fast(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_cpu_init();
    return __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
#elif defined(__aarch64__)
    unsigned long cap = getauxval(AT_HWCAP);
    return (cap & HWCAP_AES) && (cap & HWCAP_PMULL);
#elif defined(__arm__)
    unsigned long cap = getauxval(AT_HWCAP2);
    return (cap & HWCAP2_AES) && (cap & HWCAP2_PMULL);
#else
    return false;
#endif
}

/* RFC 8827 section 6.5: self-signed certificates, known by their fingerprint alone. Dates, names
 * and signatures by others mean nothing. */
static int accept_any(X509_STORE_CTX *store, void *arg)
{
    (void)arg;
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
}

static SSL_CTX *make_context(const struct adit_cert *cert, bool aes_first)
{
    SSL_CTX *ctx = SSL_CTX_new(DTLS_method());

    if (!ctx)
        return NULL;
    SSL_CTX_set_options(ctx, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_cert_list(ctx, CERT_LIST_MAX);
    SSL_CTX_set_security_level(ctx, 1); /* not what the system's openssl.cnf says */
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(ctx, accept_any, NULL);
    /* 1.3 has another scheme of retransmission (RFC 9147 section 7); flight.h is for 1.2. */
    if (SSL_CTX_set_min_proto_version(ctx, DTLS1_2_VERSION) != 1 ||
        SSL_CTX_set_max_proto_version(ctx, DTLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(ctx, aes_first ? AES ":" CHACHA : CHACHA ":" AES) != 1 ||
        SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") != 1 ||
        SSL_CTX_set_tlsext_use_srtp(ctx, SRTP_PROFILES) != 0 || /* 0 is success */
        adit_cert_use(cert, ctx) < 0) {
        SSL_CTX_free(ctx);
        ctx = NULL;
    }
    ERR_clear_error();
    return ctx;
}

/* ---- BIO ------------------------------------------------------------------------------------- */

static int bio_write(BIO *bio, const char *bytes, int n)
{
    struct adit_tls *t = BIO_get_data(bio);

    if (n > 0)
        t->io->write(t->arg, bytes, (size_t)n);
    return n;
}

static int bio_read(BIO *bio, char *out, int size)
{
    struct adit_tls *t = BIO_get_data(bio);
    struct adit_span in = t->io->read(t->arg);
    int n = in.len < (size_t)size ? (int)in.len : size; /* what does not fit is cut, as by recv */

    BIO_clear_retry_flags(bio);
    if (n <= 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(out, in.data, (size_t)n);
    return n;
}

static long bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
    (void)bio, (void)num, (void)ptr;
    return cmd == BIO_CTRL_FLUSH;
}

static BIO_METHOD *make_bio_method(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "adit");

    if (m && (BIO_meth_set_write(m, bio_write) != 1 || BIO_meth_set_read(m, bio_read) != 1 ||
              BIO_meth_set_ctrl(m, bio_ctrl) != 1)) {
        BIO_meth_free(m);
        m = NULL;
    }
    return m;
}

/* ---- life ------------------------------------------------------------------------------------ */

static unsigned on_timer(SSL *ssl, unsigned us)
{
    struct adit_tls *t = SSL_get_app_data(ssl);

    return t->io->timer(t->arg, us);
}

int adit_tls_init(struct adit_tls *t, const struct adit_cert *cert, bool client, size_t mtu,
                  const struct adit_tls_io *io, void *arg)
{
    *t = (struct adit_tls){ .io = io, .arg = arg, .client = client, .mtu = mtu };
    t->ctx = make_context(cert, adit_tls_aes_fast());
    t->method = make_bio_method();
    return t->ctx && t->method ? adit_tls_renew(t) : -ENOMEM;
}

int adit_tls_renew(struct adit_tls *t)
{
    BIO *bio = BIO_new(t->method);

    SSL_free(t->ssl);
    t->ssl = SSL_new(t->ctx);
    if (!t->ssl || !bio || !SSL_set_app_data(t->ssl, t)) {
        BIO_free(bio);
        SSL_free(t->ssl);
        t->ssl = NULL;
        return -ENOMEM;
    }
    BIO_set_data(bio, t);
    BIO_set_init(bio, 1);
    SSL_set_bio(t->ssl, bio, bio);
    SSL_set_mtu(t->ssl, (long)t->mtu);
    DTLS_set_timer_cb(t->ssl, on_timer);
    if (t->client)
        SSL_set_connect_state(t->ssl);
    else
        SSL_set_accept_state(t->ssl);
    return 0;
}

void adit_tls_done(struct adit_tls *t)
{
    SSL_free(t->ssl);
    SSL_CTX_free(t->ctx);
    BIO_meth_free(t->method);
    *t = (struct adit_tls){ 0 };
    ERR_clear_error();
}

int adit_tls_peer_is(const struct adit_tls *t, const struct adit_fingerprint *list, size_t n,
                     struct adit_cause *ret_cause)
{
    X509 *peer = SSL_get1_peer_certificate(t->ssl);
    unsigned char *der = NULL;
    int len = peer ? i2d_X509(peer, &der) : 0;
    int err = -EKEYREJECTED; /* none was shown, which the handshake did not allow */

    if (len > 0)
        err = adit_fingerprint_match(list, n, der, (size_t)len);
    else if (peer)
        err = -ENOMEM;
    OPENSSL_free(der);
    X509_free(peer);
    if (err == -ENOMEM)
        adit_cause_set(ret_cause, ADIT_REASON_RESOURCE, ENOMEM,
                       "no memory to look at the certificate");
    else if (err)
        adit_cause_set(ret_cause, ADIT_REASON_NOT_AUTHENTIC, 0,
                       "the certificate has another fingerprint than the description promised");
    return err;
}

/* ---- errors ---------------------------------------------------------------------------------- */

void adit_tls_alert_cause(struct adit_cause *ret_cause, unsigned alert)
{
    switch (alert) {
    case SSL_AD_CLOSE_NOTIFY:
    case SSL_AD_USER_CANCELLED:
        adit_cause_set(ret_cause, ADIT_REASON_REMOTE, 0, "the other side closed the connection");
        return;
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
    case SSL_AD_ACCESS_DENIED:
        adit_cause_set(ret_cause, ADIT_REASON_NOT_AUTHENTIC, 0,
                       "the other side refused our certificate (%s)",
                       SSL_alert_desc_string_long((int)alert));
        return;
    default:
        adit_cause_set(ret_cause, ADIT_REASON_PROTOCOL, 0, "the other side ended DTLS: %s",
                       SSL_alert_desc_string_long((int)alert));
    }
}

void adit_tls_cause(struct adit_cause *ret_cause)
{
    unsigned long e = ERR_peek_error();
    int reason = ERR_GET_REASON(e);
    const char *text = ERR_reason_error_string(e);

    if (reason == ERR_R_MALLOC_FAILURE)
        adit_cause_set(ret_cause, ADIT_REASON_RESOURCE, ENOMEM, "no memory for DTLS");
    else if (ERR_GET_LIB(e) == ERR_LIB_SSL && reason >= SSL_AD_REASON_OFFSET)
        adit_tls_alert_cause(ret_cause, (unsigned)(reason - SSL_AD_REASON_OFFSET));
    else if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
        adit_cause_set(ret_cause, ADIT_REASON_NOT_AUTHENTIC, 0,
                       "the other side showed no certificate");
    else if (reason == SSL_R_READ_TIMEOUT_EXPIRED)
        adit_cause_set(ret_cause, ADIT_REASON_TIMEOUT, ETIMEDOUT, "no answer in the handshake");
    else if (text)
        adit_cause_set(ret_cause, ADIT_REASON_PROTOCOL, EPROTO, "DTLS: %s", text);
    else
        adit_cause_set(ret_cause, ADIT_REASON_PROTOCOL, EPROTO, "DTLS: error %#lx", e);
    ERR_clear_error();
}
