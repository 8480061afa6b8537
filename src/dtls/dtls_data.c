/* dtls_data.c - the DTLS engine's data: through OpenSSL, and past it. */
#include <openssl/err.h>

#include "dtls/dtls_inner.h"

#define PLAINTEXT_MAX 16384

static void deliver(struct adit_dtls *d, const uint8_t *bytes, size_t n, adit_time now)
{
    if (d->state == ADIT_DTLS_CONNECTED) {
        d->ops->data(d->arg, bytes, n, now);
    } else if (d->held.len + 2 + n <= ADIT_DTLS_HELD_MAX) {
        adit_buf_add16(&d->held, (uint16_t)n);
        adit_buf_add(&d->held, bytes, n);
        if (d->held.err) /* no memory: as if lost on the way */
            adit_buf_done(&d->held);
    }
}

void adit_dtls_release_held(struct adit_dtls *d, adit_time now)
{
    struct adit_buf held = d->held; /* the handler may close: d->held is then freed */
    struct adit_cursor c = adit_cursor(held.data, held.len);

    adit_buf_init(&d->held, ADIT_DTLS_HELD_MAX);
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
        adit_dtls_end(d, ADIT_DTLS_CLOSED);
        return;
    default:
        if (!SSL_in_init(d->tls.ssl)) { /* still alive: the record was damaged or not for us */
            ERR_clear_error();
            return;
        }
        adit_tls_cause(&d->cause);
        adit_dtls_end(d, ADIT_DTLS_FAILED);
    }
}

void adit_dtls_receive(struct adit_dtls *d, bool all, adit_time now)
{
    uint8_t buf[PLAINTEXT_MAX];
    int n;

    while (adit_dtls_is_up(d) && (all || d->in.len || SSL_has_pending(d->tls.ssl))) {
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
    d->mtu = mtu > ADIT_DTLS_MTU_MIN ? mtu : ADIT_DTLS_MTU_MIN;
}

size_t adit_dtls_payload_max(const struct adit_dtls *d)
{
    return d->mtu - ADIT_RECORD_OVERHEAD;
}

/* ---- past the library ------------------------------------------------------------------------ */

#define LABEL "EXPERIMENTAL adit datagram" /* RFC 5705 section 4 */

int adit_dtls_start_direct(struct adit_dtls *d)
{
    uint8_t secrets[2][ADIT_DIRECT_SECRET];
    enum adit_direct_aead aead = ADIT_DIRECT_AES128_GCM;

    if (d->state != ADIT_DTLS_CONNECTED)
        return -ENOTCONN;
    if (d->direct)
        return 0;
    /* RFC 7627: without it two connections may be made to share their secrets. */
    if (SSL_get_extms_support(d->tls.ssl) != 1)
        return -EPROTO;
    if (strstr(d->cipher, "CHACHA20"))
        aead = ADIT_DIRECT_CHACHA20_POLY1305;
    else if (strstr(d->cipher, "AES256-GCM"))
        aead = ADIT_DIRECT_AES256_GCM;
    else if (!strstr(d->cipher, "AES128-GCM"))
        return -EPROTO;
    ERR_clear_error();
    if (SSL_export_keying_material(d->tls.ssl, secrets[0], sizeof secrets, LABEL, strlen(LABEL),
                                   NULL, 0, 0) == 1) /* the client's first */
        d->direct = adit_direct_new(aead, secrets[!d->client], secrets[d->client], 0);
    OPENSSL_cleanse(secrets, sizeof secrets);
    return d->direct ? 0 : -ENOMEM;
}

int adit_dtls_write_direct(struct adit_dtls *d, const void *bytes, size_t n)
{
    struct adit_span record;

    if (d->state == ADIT_DTLS_CLOSED || d->state == ADIT_DTLS_FAILED)
        return -EPIPE;
    if (!d->direct)
        return -ENOTCONN;
    if (n > ADIT_DIRECT_MAX - ADIT_DIRECT_OVERHEAD)
        return -EMSGSIZE;
    record = adit_direct_seal(d->direct, bytes, n);
    if (!record.data)
        return -EIO;
    d->ops->send(d->arg, record.data, record.len);
    return 0;
}

void adit_dtls_receive_direct(struct adit_dtls *d, const uint8_t *record, size_t n, adit_time now)
{
    struct adit_span in = { 0 };

    if (d->direct && d->state == ADIT_DTLS_CONNECTED)
        in = adit_direct_open(d->direct, record, n);
    if (in.data)
        d->ops->direct(d->arg, in.data, in.len, now);
}

uint64_t adit_dtls_direct_dropped(const struct adit_dtls *d)
{
    struct adit_direct_stats s = { 0 };

    if (d->direct)
        adit_direct_stats(d->direct, &s);
    return d->direct_dropped + s.forged + s.repeated;
}
