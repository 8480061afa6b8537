#include "dtls/dtls.h"

#include <openssl/err.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/log.h"
#include "dtls/flight.h"
#include "dtls/record.h"
#include "dtls/tls.h"

#define MTU_DEFAULT 1200
#define MTU_MIN     280 /* OpenSSL's 256, and what it forgets */

#define PLAINTEXT_MAX 16384

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
    struct adit_tls tls;
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
    if (d->mtu < MTU_MIN)
        d->mtu = MTU_MIN;
    d->limit = d->doubt_until = ADIT_NEVER;
    adit_flight_init(&d->flight, d->mtu, conf->rto);
    adit_buf_init(&d->held, HELD_MAX);
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
    if (d->tls.ssl && SSL_is_init_finished(d->tls.ssl)) {
        ERR_clear_error();
        (void)SSL_shutdown(d->tls.ssl); /* -1 after a fatal alert: nothing to add then */
    }
    tear_down(d);
    set_state(d, state);
}

static bool is_up(const struct adit_dtls *d)
{
    return d->state == ADIT_DTLS_UNVERIFIED || d->state == ADIT_DTLS_CONNECTED;
}

/* ---- data ------------------------------------------------------------------------------------ */

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
    switch (SSL_get_error(d->tls.ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return;
    case SSL_ERROR_ZERO_RETURN:
        adit_tls_alert_cause(&d->cause, SSL_AD_CLOSE_NOTIFY);
        end(d, ADIT_DTLS_CLOSED);
        return;
    default:
        if (!SSL_in_init(d->tls.ssl)) { /* still alive: the record was damaged or not for us */
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

    while (is_up(d) && (all || d->in.len || SSL_has_pending(d->tls.ssl))) {
        ERR_clear_error();
        n = SSL_read(d->tls.ssl, buf, sizeof buf);
        if (n <= 0) {
            read_ended(d, n);
            break;
        }
        deliver(d, buf, (size_t)n, now);
    }
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
    if (SSL_write(d->tls.ssl, bytes, (int)n) == (int)n)
        return 0;
    ERR_clear_error();
    return n ? -EIO : 0; /* OpenSSL writes no empty records, and nobody misses them */
}

void adit_dtls_set_mtu(struct adit_dtls *d, size_t mtu)
{
    d->mtu = mtu > MTU_MIN ? mtu : MTU_MIN;
}

size_t adit_dtls_payload_max(const struct adit_dtls *d)
{
    return d->mtu - ADIT_RECORD_OVERHEAD;
}

/* ---- fingerprint ----------------------------------------------------------------------------- */

/* The handshake is done and the fingerprints are known: the one place that decides. */
static void verify(struct adit_dtls *d, adit_time now)
{
    if (adit_tls_peer_is(&d->tls, d->expected, d->expected_count, &d->cause) < 0) {
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
    end(d, ADIT_DTLS_FAILED);
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
        end(d, ADIT_DTLS_FAILED);
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
    receive(d, true, now);
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
    if (!adit_record_harmless(record, n, is_up(d) && strstr(d->cipher, "CHACHA")))
        return;
    d->in = (struct adit_span){ record, n };
    if (d->state == ADIT_DTLS_HANDSHAKE)
        handshake(d, now);
    else
        receive(d, false, now);
    d->in = (struct adit_span){ 0 };
}

/* One record at a time, so that a bad one harms no other. */
void adit_dtls_feed(struct adit_dtls *d, const void *bytes, size_t n, adit_time now)
{
    const uint8_t *p = bytes;

    if (n == 0 || p[0] < 20 || p[0] > 63 || d->state == ADIT_DTLS_NEW) /* RFC 7983 section 7 */
        return;
    for (size_t len; (len = adit_record_len(p, n)); p += len, n -= len)
        feed_record(d, p, len, now);
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
