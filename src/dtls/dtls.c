#include "dtls/dtls.h"

#include <openssl/err.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/log.h"
#include "dtls/flight.h"
#include "dtls/tls.h"

#define MTU_DEFAULT 1200
#define MTU_MIN     280 /* OpenSSL's 256, and what it forgets */

#define RECORD_HEADER    13
#define RECORD_ALERT     21
#define RECORD_HANDSHAKE 22
/* Header, explicit nonce and tag of AES-GCM, the largest of our suites (ChaCha20 has no nonce). */
#define RECORD_OVERHEAD  (RECORD_HEADER + 8 + 16)
#define PLAINTEXT_MAX    16384

#define HANDSHAKE_MAX    (30 * ADIT_SEC)
/* How long a handshake may go on after something without protection has said that it failed. */
#define DOUBT_MAX        (3 * ADIT_SEC)
/* Records of a peer whose fingerprint is not known yet; SCTP repeats what is dropped. */
#define HELD_MAX         (16 * 1024)
#define FINGERPRINTS_MAX 16

struct adit_dtls {
    const struct adit_dtls_ops *ops;
    void *arg;
    bool client;
    size_t mtu;

    SSL_CTX *ctx;
    SSL *ssl;
    BIO_METHOD *method;
    struct adit_tls_io io;
    struct adit_span in; /* the datagram that OpenSSL will read next */

    enum adit_dtls_state state, told;
    struct adit_cause cause;
    struct adit_flight flight;
    adit_time limit;         /* of the handshake */
    bool answered;           /* a handshake message of ours has left */
    adit_time doubt_until;   /* see DOUBT_MAX */
    struct adit_cause doubt; /* what is told if the handshake does not end well; may be NONE */
    bool expecting;
    struct adit_fingerprint expected[FINGERPRINTS_MAX];
    size_t expected_count;
    const char *cipher;   /* OpenSSL's constant */
    struct adit_buf held; /* 16 bits of length and a record, again and again */
};

/* ---- the other side of the BIO ----------------------------------------------------------------
 */

static void on_write(void *arg, const void *bytes, size_t n)
{
    struct adit_dtls *d = arg;

    if (*(const uint8_t *)bytes == RECORD_HANDSHAKE)
        d->answered = true;
    if (adit_flight_write(&d->flight, bytes, n))
        d->ops->send(d->arg, bytes, n);
}

static struct adit_span on_read(void *arg)
{
    struct adit_dtls *d = arg;
    struct adit_span in = d->in;

    d->in = (struct adit_span){ 0 };
    return in;
}

static unsigned on_timer(SSL *ssl, unsigned us)
{
    struct adit_dtls *d = SSL_get_app_data(ssl);

    return adit_flight_timer(&d->flight, us);
}

/* A fresh start of OpenSSL's machine. */
static int renew(struct adit_dtls *d)
{
    BIO *bio = adit_tls_bio(d->method, &d->io);

    SSL_free(d->ssl);
    d->ssl = SSL_new(d->ctx);
    if (!d->ssl || !bio) {
        BIO_free(bio);
        return -ENOMEM;
    }
    SSL_set_bio(d->ssl, bio, bio);
    SSL_set_app_data(d->ssl, d);
    /* Filling a datagram up, OpenSSL forgets nonce and tag of an encrypted Finished. */
    SSL_set_mtu(d->ssl, (long)(d->mtu - (RECORD_OVERHEAD - RECORD_HEADER)));
    DTLS_set_timer_cb(d->ssl, on_timer);
    if (d->client)
        SSL_set_connect_state(d->ssl);
    else
        SSL_set_accept_state(d->ssl);
    return 0;
}

/* ---- life -------------------------------------------------------------------------------------
 */

struct adit_dtls *adit_dtls_new(const struct adit_dtls_conf *conf, const struct adit_dtls_ops *ops,
                                void *arg, adit_time now)
{
    struct adit_dtls *d = adit_zalloc(sizeof *d);

    (void)now;
    if (!d)
        return NULL;
    d->ops = ops;
    d->arg = arg;
    d->cipher = "";
    d->client = conf->client;
    d->mtu = conf->mtu ? conf->mtu : MTU_DEFAULT;
    if (d->mtu < MTU_MIN)
        d->mtu = MTU_MIN;
    d->io = (struct adit_tls_io){ on_write, on_read, d };
    d->limit = d->doubt_until = ADIT_NEVER;
    adit_flight_init(&d->flight, d->mtu, conf->rto);
    adit_buf_init(&d->held, HELD_MAX);
    d->method = adit_tls_bio_method();
    d->ctx = adit_tls_context(conf->cert, adit_tls_aes_fast());
    if (!d->method || !d->ctx || renew(d) < 0)
        return adit_dtls_free(d);
    return d;
}

/* Lets go of everything that a living connection needs. */
static void tear_down(struct adit_dtls *d)
{
    SSL_free(d->ssl);
    SSL_CTX_free(d->ctx);
    BIO_meth_free(d->method);
    d->ssl = NULL;
    d->ctx = NULL;
    d->method = NULL;
    adit_flight_done(&d->flight);
    adit_buf_done(&d->held);
    ERR_clear_error();
}

struct adit_dtls *adit_dtls_free(struct adit_dtls *d)
{
    if (d) {
        tear_down(d);
        adit_free(d);
    }
    return NULL;
}

enum adit_dtls_state adit_dtls_state(const struct adit_dtls *d)
{
    return d->state;
}

const char *adit_dtls_state_name(enum adit_dtls_state state)
{
    static const char *const names[] = { "new",       "handshake", "unverified",
                                         "connected", "closed",    "failed" };

    return names[state];
}

/* The only writer of d->state. */
static void set_state(struct adit_dtls *d, enum adit_dtls_state state)
{
    static const uint8_t allowed[] = {
        [ADIT_DTLS_NEW] = 1 << ADIT_DTLS_HANDSHAKE | 1 << ADIT_DTLS_CLOSED | 1 << ADIT_DTLS_FAILED,
        [ADIT_DTLS_HANDSHAKE] =
            1 << ADIT_DTLS_UNVERIFIED | 1 << ADIT_DTLS_CLOSED | 1 << ADIT_DTLS_FAILED,
        [ADIT_DTLS_UNVERIFIED] =
            1 << ADIT_DTLS_CONNECTED | 1 << ADIT_DTLS_CLOSED | 1 << ADIT_DTLS_FAILED,
        [ADIT_DTLS_CONNECTED] = 1 << ADIT_DTLS_CLOSED | 1 << ADIT_DTLS_FAILED,
        [ADIT_DTLS_CLOSED] = 0,
        [ADIT_DTLS_FAILED] = 0,
    };

    assert(allowed[d->state] & 1 << state);
    adit_debug("dtls", "%s -> %s %s", adit_dtls_state_name(d->state), adit_dtls_state_name(state),
               d->cause.text);
    d->state = state;
}

/* Tells of a change of state, once. */
static void tell(struct adit_dtls *d)
{
    bool over = d->state == ADIT_DTLS_CLOSED || d->state == ADIT_DTLS_FAILED;

    if (d->told == d->state)
        return;
    d->told = d->state;
    d->ops->event(d->arg, d->state, over ? &d->cause : NULL);
}

/* CLOSED or FAILED; d->cause is set. A close_notify tells the other side, if there are keys. */
static void end(struct adit_dtls *d, enum adit_dtls_state state)
{
    if (d->ssl && SSL_is_init_finished(d->ssl)) {
        ERR_clear_error();
        (void)SSL_shutdown(d->ssl); /* -1 after a fatal alert: nothing to add then */
    }
    tear_down(d);
    set_state(d, state);
}

static bool is_up(const struct adit_dtls *d)
{
    return d->state == ADIT_DTLS_UNVERIFIED || d->state == ADIT_DTLS_CONNECTED;
}

/* ---- data -------------------------------------------------------------------------------------
 */

static void deliver(struct adit_dtls *d, const uint8_t *bytes, size_t n, adit_time now)
{
    if (d->state == ADIT_DTLS_CONNECTED) {
        d->ops->data(d->arg, bytes, n, now);
    } else if (d->held.len + 2 + n <= HELD_MAX) {
        adit_buf_add16(&d->held, (uint16_t)n);
        adit_buf_add(&d->held, bytes, n);
        if (d->held.err) /* no memory: as if lost on the way */
            adit_buf_done(&d->held);
    }
}

static void release_held(struct adit_dtls *d, adit_time now)
{
    struct adit_buf held = d->held; /* the handler may close: d->held is then freed */
    struct adit_cursor c = adit_cursor(held.data, held.len);

    adit_buf_init(&d->held, HELD_MAX);
    while (d->state == ADIT_DTLS_CONNECTED && adit_cursor_left(&c)) {
        size_t n = adit_cursor_get16(&c);
        const uint8_t *bytes = adit_cursor_take(&c, n);
        d->ops->data(d->arg, bytes, n, now);
    }
    adit_buf_done(&held);
}

/* OpenSSL would not read: nothing there, the end, or a record that it dropped. */
static void read_ended(struct adit_dtls *d, int result)
{
    switch (SSL_get_error(d->ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return;
    case SSL_ERROR_ZERO_RETURN:
        adit_tls_alert_cause(&d->cause, SSL_AD_CLOSE_NOTIFY);
        end(d, ADIT_DTLS_CLOSED);
        return;
    default:
        if (!SSL_in_init(d->ssl)) { /* still alive: the record was damaged or not for us */
            ERR_clear_error();
            return;
        }
        adit_tls_cause(&d->cause);
        end(d, ADIT_DTLS_FAILED);
    }
}

/* Reads what d->in holds; with `all` also what OpenSSL has kept from before its keys were ready. */
static void receive(struct adit_dtls *d, bool all, adit_time now)
{
    uint8_t buf[PLAINTEXT_MAX];
    int n;

    while (is_up(d) && (all || d->in.len || SSL_has_pending(d->ssl))) {
        ERR_clear_error();
        n = SSL_read(d->ssl, buf, sizeof buf);
        if (n <= 0) {
            read_ended(d, n);
            break;
        }
        deliver(d, buf, (size_t)n, now);
    }
    d->in = (struct adit_span){ 0 };
}

int adit_dtls_write(struct adit_dtls *d, const void *bytes, size_t n)
{
    if (d->state == ADIT_DTLS_CLOSED || d->state == ADIT_DTLS_FAILED)
        return -EPIPE;
    if (d->state != ADIT_DTLS_CONNECTED)
        return -ENOTCONN;
    if (n > adit_dtls_payload_max(d))
        return -EMSGSIZE;
    ERR_clear_error();
    if (SSL_write(d->ssl, bytes, (int)n) == (int)n)
        return 0;
    ERR_clear_error();
    return n ? -EIO : 0; /* OpenSSL writes no empty records, and nobody misses them */
}

size_t adit_dtls_payload_max(const struct adit_dtls *d)
{
    return d->mtu - RECORD_OVERHEAD;
}

/* ---- fingerprint ------------------------------------------------------------------------------
 */

static bool is_expected(struct adit_dtls *d)
{
    X509 *peer = SSL_get1_peer_certificate(d->ssl);
    unsigned char *der = NULL;
    int n = peer ? i2d_X509(peer, &der) : -1;
    bool fits = n > 0 && adit_fingerprint_match(d->expected, d->expected_count, der, (size_t)n);

    OPENSSL_free(der);
    X509_free(peer);
    return fits;
}

/* The handshake is done and the fingerprints are known: the one place that decides. */
static void verify(struct adit_dtls *d, adit_time now)
{
    if (!is_expected(d)) {
        adit_cause_set(&d->cause, ADIT_REASON_NOT_AUTHENTIC, 0,
                       "the certificate is not the one that the description promised");
        end(d, ADIT_DTLS_FAILED);
        return;
    }
    if (d->state == ADIT_DTLS_CONNECTED)
        return;
    set_state(d, ADIT_DTLS_CONNECTED);
    tell(d);
    release_held(d, now);
}

void adit_dtls_expect(struct adit_dtls *d, const struct adit_fingerprint *list, size_t n,
                      adit_time now)
{
    d->expecting = true;
    d->expected_count = n > FINGERPRINTS_MAX ? 0 : n; /* too many to check is as good as none */
    if (d->expected_count)
        memcpy(d->expected, list, n * sizeof *list);
    if (is_up(d))
        verify(d, now);
    tell(d);
}

/* ---- handshake --------------------------------------------------------------------------------
 */

static void handshake_failed(struct adit_dtls *d)
{
    struct adit_cause cause;

    adit_tls_cause(&cause);
    /* A server that has answered nobody yet loses nothing by beginning anew: whoever sent these
     * bytes may have nothing to do with the peer. If nobody else comes, that was the reason. */
    if (!d->client && !d->answered && cause.reason != ADIT_REASON_RESOURCE && renew(d) == 0) {
        d->doubt = cause;
        return;
    }
    d->cause = cause;
    end(d, ADIT_DTLS_FAILED);
}

static void handshake(struct adit_dtls *d, adit_time now)
{
    int result, error;

    ERR_clear_error();
    result = SSL_do_handshake(d->ssl);
    error = result == 1 ? SSL_ERROR_NONE : SSL_get_error(d->ssl, result);
    d->in = (struct adit_span){ 0 };
    if (adit_flight_arm(&d->flight, now)) { /* it goes on: what spoke against it was wrong */
        d->doubt_until = ADIT_NEVER;
        d->doubt.reason = ADIT_REASON_NONE;
    }
    if (d->flight.copies.err) {
        adit_cause_set(&d->cause, ADIT_REASON_RESOURCE, ENOMEM, "no memory for DTLS");
        end(d, ADIT_DTLS_FAILED);
        return;
    }
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return;
    if (error != SSL_ERROR_NONE) {
        handshake_failed(d);
        return;
    }
    adit_flight_done(&d->flight);
    d->cipher = SSL_get_cipher_name(d->ssl);
    set_state(d, ADIT_DTLS_UNVERIFIED);
    if (d->expecting)
        verify(d, now);
    tell(d);
    receive(d, true, now);
}

/* An alert before there are keys. RFC 6347 section 4.1.2.7: anyone who can write a source address
 * can write this one, so it only shortens the handshake's patience. */
static void on_plain_alert(struct adit_dtls *d, const uint8_t *record, size_t n, adit_time now)
{
    if (n < RECORD_HEADER + 2 || (!d->client && !d->answered) || d->doubt_until != ADIT_NEVER)
        return;
    unsigned level = record[RECORD_HEADER], alert = record[RECORD_HEADER + 1];
    if (level != 2 && alert != SSL_AD_CLOSE_NOTIFY)
        return;
    adit_tls_alert_cause(&d->doubt, alert);
    d->doubt_until = now + DOUBT_MAX;
}

void adit_dtls_start(struct adit_dtls *d, adit_time now)
{
    if (d->state != ADIT_DTLS_NEW)
        return;
    set_state(d, ADIT_DTLS_HANDSHAKE);
    d->limit = now + HANDSHAKE_MAX;
    tell(d);
    if (d->client && d->state == ADIT_DTLS_HANDSHAKE)
        handshake(d, now);
    tell(d);
}

/* One record at a time, so that a bad one harms no other. */
static void feed_handshake(struct adit_dtls *d, const uint8_t *bytes, size_t n, adit_time now)
{
    while (d->state == ADIT_DTLS_HANDSHAKE && n >= RECORD_HEADER) {
        size_t len = RECORD_HEADER + (size_t)adit_get16(bytes + 11);
        if (len > n)
            return;
        if (bytes[0] == RECORD_ALERT && adit_get16(bytes + 3) == 0) {
            on_plain_alert(d, bytes, len, now);
        } else {
            d->in = (struct adit_span){ bytes, len };
            handshake(d, now);
        }
        bytes += len;
        n -= len;
    }
    if (is_up(d) && n) {
        d->in = (struct adit_span){ bytes, n };
        receive(d, false, now);
    }
}

void adit_dtls_feed(struct adit_dtls *d, const void *bytes, size_t n, adit_time now)
{
    const uint8_t *p = bytes;

    if (n == 0 || p[0] < 20 || p[0] > 63) /* RFC 7983 section 7 */
        return;
    if (d->state == ADIT_DTLS_HANDSHAKE) {
        feed_handshake(d, p, n, now);
    } else if (is_up(d)) {
        d->in = (struct adit_span){ p, n };
        receive(d, false, now);
    }
    tell(d);
}

adit_time adit_dtls_deadline(const struct adit_dtls *d)
{
    if (d->state != ADIT_DTLS_HANDSHAKE)
        return ADIT_NEVER;
    return adit_time_min(adit_flight_deadline(&d->flight), adit_time_min(d->limit, d->doubt_until));
}

void adit_dtls_tick(struct adit_dtls *d, adit_time now)
{
    if (d->state != ADIT_DTLS_HANDSHAKE)
        return;
    if (now < d->limit && now < d->doubt_until) {
        adit_flight_tick(&d->flight, d->ops->send, d->arg, now);
        return;
    }
    d->cause = d->doubt;
    if (d->cause.reason == ADIT_REASON_NONE)
        adit_cause_set(&d->cause, ADIT_REASON_TIMEOUT, ETIMEDOUT, "no answer in the handshake");
    end(d, ADIT_DTLS_FAILED);
    tell(d);
}

void adit_dtls_close(struct adit_dtls *d)
{
    if (d->state == ADIT_DTLS_CLOSED || d->state == ADIT_DTLS_FAILED)
        return;
    adit_cause_set(&d->cause, ADIT_REASON_LOCAL, 0, "closed");
    end(d, ADIT_DTLS_CLOSED);
    tell(d);
}

const char *adit_dtls_cipher(const struct adit_dtls *d)
{
    return d->cipher;
}
