#include <openssl/err.h>

#include "base/alloc.h"
#include "base/log.h"
#include "dtls/dtls_inner.h"

#define MTU_DEFAULT   1200
#define HANDSHAKE_MAX (30 * ADIT_SEC)
/* How long a handshake may go on after something without protection has said that it failed. */
#define DOUBT_MAX     (3 * ADIT_SEC)

/* ---- the other side of the BIO --------------------------------------------------------------- */

static void on_write(void *arg, const void *bytes, size_t n)
{
    struct adit_dtls *d = arg;
    struct adit_span out = { bytes, n };

    if (*(const uint8_t *)bytes == ADIT_RECORD_HANDSHAKE)
        d->answered = true;
    if (!adit_flight_write(&d->flight, bytes, n))
        return;
    if (d->state != ADIT_DTLS_HANDSHAKE)
        out = adit_flight_join(&d->flight, bytes, n);
    if (out.len)
        d->ops->send(d->arg, out.data, out.len);
}

static struct adit_span on_read(void *arg)
{
    struct adit_dtls *d = arg;
    struct adit_span in = d->in;

    d->in = (struct adit_span){ 0 };
    return in;
}

static unsigned on_timer(void *arg, unsigned us)
{
    struct adit_dtls *d = arg;

    return adit_flight_timer(&d->flight, us);
}

static const struct adit_tls_io io = { on_write, on_read, on_timer };

/* ---- life ------------------------------------------------------------------------------------ */

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
    if (d->mtu < ADIT_DTLS_MTU_MIN)
        d->mtu = ADIT_DTLS_MTU_MIN;
    d->limit = d->doubt_until = ADIT_NEVER;
    adit_flight_init(&d->flight, d->mtu, conf->rto);
    adit_buf_init(&d->held, ADIT_DTLS_HELD_MAX);
    /* Filling a datagram up, OpenSSL forgets nonce and tag of an encrypted Finished. */
    if (adit_tls_init(&d->tls, conf->cert, d->client, d->mtu - ADIT_RECORD_NONCE - ADIT_RECORD_TAG,
                      &io, d) < 0)
        return adit_dtls_free(d);
    return d;
}

/* Lets go of everything that a living connection needs. */
static void tear_down(struct adit_dtls *d)
{
    adit_tls_done(&d->tls);
    adit_flight_done(&d->flight);
    adit_buf_done(&d->held);
    d->direct_dropped = adit_dtls_direct_dropped(d);
    d->direct = adit_direct_free(d->direct);
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

void adit_dtls_end(struct adit_dtls *d, enum adit_dtls_state state)
{
    if (d->tls.ssl && SSL_is_init_finished(d->tls.ssl)) {
        ERR_clear_error();
        (void)SSL_shutdown(d->tls.ssl); /* -1 after a fatal alert: nothing to add then */
    }
    tear_down(d);
    set_state(d, state);
}

/* ---- fingerprint ----------------------------------------------------------------------------- */

/* The handshake is done and the fingerprints are known: the one place that decides. */
static void verify(struct adit_dtls *d, adit_time now)
{
    if (adit_tls_peer_is(&d->tls, d->expected, d->expected_count, &d->cause) < 0) {
        adit_dtls_end(d, ADIT_DTLS_FAILED);
        return;
    }
    if (d->state == ADIT_DTLS_CONNECTED)
        return;
    set_state(d, ADIT_DTLS_CONNECTED);
    tell(d);
    adit_dtls_release_held(d, now);
}

void adit_dtls_expect(struct adit_dtls *d, const struct adit_fingerprint *list, size_t n,
                      adit_time now)
{
    d->expecting = true;
    d->expected_count =
        n > ADIT_DTLS_FINGERPRINTS_MAX ? 0 : n; /* too many to check is as good as none */
    if (d->expected_count)
        memcpy(d->expected, list, n * sizeof *list);
    if (adit_dtls_is_up(d))
        verify(d, now);
    tell(d);
}

/* ---- handshake ------------------------------------------------------------------------------- */

static void handshake_failed(struct adit_dtls *d, adit_time now)
{
    struct adit_cause cause;

    adit_tls_cause(&cause);
    /* A server that has answered nobody yet loses nothing by beginning anew: whoever sent these
     * bytes may have nothing to do with the peer. If nobody else comes, that was the reason. */
    if (!d->client && !d->answered && cause.reason != ADIT_REASON_RESOURCE &&
        adit_tls_renew(&d->tls) == 0) {
        d->doubt = cause;
        if (d->limit == ADIT_NEVER)
            d->limit = now + HANDSHAKE_MAX;
        return;
    }
    d->cause = cause;
    adit_dtls_end(d, ADIT_DTLS_FAILED);
}

static void handshake(struct adit_dtls *d, adit_time now)
{
    int result, error;

    ERR_clear_error();
    result = SSL_do_handshake(d->tls.ssl);
    error = result == 1 ? SSL_ERROR_NONE : SSL_get_error(d->tls.ssl, result);
    if (adit_flight_arm(&d->flight, now)) { /* it goes on: what spoke against it was wrong */
        d->doubt_until = ADIT_NEVER;
        if (!d->client)
            d->limit = now + HANDSHAKE_MAX;
        d->doubt.reason = ADIT_REASON_NONE;
    }
    if (d->flight.copies.err) {
        adit_cause_set(&d->cause, ADIT_REASON_RESOURCE, ENOMEM, "no memory for DTLS");
        adit_dtls_end(d, ADIT_DTLS_FAILED);
        return;
    }
    if (error == SSL_ERROR_WANT_READ)
        return;
    if (error != SSL_ERROR_NONE) {
        handshake_failed(d, now);
        return;
    }
    adit_flight_done(&d->flight);
    d->cipher = SSL_get_cipher_name(d->tls.ssl);
    set_state(d, ADIT_DTLS_UNVERIFIED);
    if (d->expecting)
        verify(d, now);
    tell(d);
    adit_dtls_receive(d, true, now);
}

/* An alert before there are keys. RFC 6347 section 4.1.2.7: anyone who can write a source address
 * can write this one, so it only shortens the handshake's patience. */
static void on_plain_alert(struct adit_dtls *d, const uint8_t *record, size_t n, adit_time now)
{
    if (n < ADIT_RECORD_HEADER + 2 || d->state != ADIT_DTLS_HANDSHAKE ||
        (!d->client && !d->answered) || d->doubt_until != ADIT_NEVER)
        return;
    unsigned level = record[ADIT_RECORD_HEADER], alert = record[ADIT_RECORD_HEADER + 1];
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
    if (d->client)
        d->limit = now + HANDSHAKE_MAX;
    tell(d);
    if (d->client && d->state == ADIT_DTLS_HANDSHAKE)
        handshake(d, now);
    tell(d);
}

static void feed_record(struct adit_dtls *d, const uint8_t *record, size_t n, adit_time now)
{
    if (record[0] == ADIT_RECORD_ALERT && adit_record_plain(record))
        on_plain_alert(d, record, n, now);
    if (!adit_record_harmless(record, n, adit_dtls_is_up(d) && strstr(d->cipher, "CHACHA")))
        return;
    d->in = (struct adit_span){ record, n };
    if (d->state == ADIT_DTLS_HANDSHAKE)
        handshake(d, now);
    else
        adit_dtls_receive(d, false, now);
    d->in = (struct adit_span){ 0 };
}

/* One record at a time, so that a bad one harms no other. */
bool adit_dtls_feed(struct adit_dtls *d, const void *bytes, size_t n, adit_time now)
{
    const uint8_t *p = bytes;
    bool more = false;

    if (n == 0 || p[0] < 20 || p[0] > 63 || d->state == ADIT_DTLS_NEW) /* RFC 7983 section 7 */
        return false;
    for (size_t len; (len = adit_record_len(p, n)); p += len, n -= len) {
        if (adit_record_direct(p)) {
            adit_dtls_receive_direct(d, p, len, now);
            continue;
        }
        more = true;
        feed_record(d, p, len, now);
    }
    if (more)
        tell(d);
    return more;
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
    adit_dtls_end(d, ADIT_DTLS_FAILED);
    tell(d);
}

void adit_dtls_close(struct adit_dtls *d)
{
    if (d->state == ADIT_DTLS_CLOSED || d->state == ADIT_DTLS_FAILED)
        return;
    adit_cause_set(&d->cause, ADIT_REASON_LOCAL, 0, "closed");
    adit_dtls_end(d, ADIT_DTLS_CLOSED);
    tell(d);
}

const char *adit_dtls_cipher(const struct adit_dtls *d)
{
    return d->cipher;
}
