#include "dtls/direct.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/alloc.h"
#include "base/digest.h"
#include "dtls/record.h"

#define VERSION   0xfefd /* DTLS 1.2 */
#define NONCE     12
#define WORDS     (ADIT_DIRECT_WINDOW / 64 + 1) /* one is being cleared, RFC 6479 section 2 */
#define EPOCH_LOW 0x7fff                        /* what of an epoch travels */

/* The keys of one epoch of one direction. */
struct key {
    EVP_CIPHER_CTX *ctx;
    OSSL_PARAM tag[2]; /* made once: EVP_CIPHER_CTX_ctrl makes one each time */
    uint8_t iv[NONCE];
    unsigned epoch; /* counted from 0 */
    bool known;
};

/* RFC 6479: which sequence numbers came. */
struct window {
    uint64_t top; /* one above the highest; 0 = none came */
    uint64_t seen[WORDS];
};

struct adit_direct {
    struct adit_direct_stats stats;

    uint8_t send_secret[ADIT_DIRECT_SECRET];
    struct key send;
    uint64_t next;    /* sequence number */
    uint64_t records; /* under one key */

    uint8_t recv_secret[ADIT_DIRECT_SECRET]; /* of the newest key there is */
    struct key recv[3];                      /* epoch % 3: the last one, this one, the next one */
    struct window window[3];
    unsigned epoch; /* this one */

    uint8_t out[ADIT_DIRECT_MAX], in[ADIT_DIRECT_MAX];
};

/* ---- keys ------------------------------------------------------------------------------------ */

static void expand(const uint8_t secret[ADIT_DIRECT_SECRET], const char *what, uint8_t out[32])
{
    adit_hmac_sha256(out, secret, ADIT_DIRECT_SECRET, what, strlen(what));
}

/* The key of an epoch, whose secret then becomes that of the next one. */
static void set_key(struct key *k, uint8_t secret[ADIT_DIRECT_SECRET], unsigned epoch)
{
    uint8_t key[32], iv[32];

    expand(secret, "adit key", key);
    expand(secret, "adit iv", iv);
    memcpy(k->iv, iv, NONCE);
    k->known = EVP_CipherInit_ex(k->ctx, NULL, NULL, key, NULL, -1) == 1;
    expand(secret, "adit next", secret);
    OPENSSL_cleanse(key, sizeof key);
    k->epoch = epoch;
}

/* All that takes memory; a key set later cannot fail for want of it. */
static bool prepare(struct key *k, const EVP_CIPHER *cipher, bool seal)
{
    k->tag[0] =
        OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, NULL, ADIT_RECORD_TAG);
    k->tag[1] = OSSL_PARAM_construct_end();
    k->ctx = EVP_CIPHER_CTX_new();
    return k->ctx && EVP_CipherInit_ex(k->ctx, cipher, NULL, NULL, NULL, seal) == 1;
}

static const EVP_CIPHER *cipher_of(enum adit_direct_aead aead)
{
    switch (aead) {
    case ADIT_DIRECT_AES256_GCM:
        return EVP_aes_256_gcm();
    case ADIT_DIRECT_CHACHA20_POLY1305:
        return EVP_chacha20_poly1305();
    case ADIT_DIRECT_AES128_GCM:
        break;
    }
    return EVP_aes_128_gcm();
}

struct adit_direct *adit_direct_new(enum adit_direct_aead aead,
                                    const uint8_t ours[ADIT_DIRECT_SECRET],
                                    const uint8_t theirs[ADIT_DIRECT_SECRET], uint64_t records)
{
    struct adit_direct *d = adit_zalloc(sizeof *d);
    const EVP_CIPHER *cipher = cipher_of(aead);

    if (!d)
        return NULL;
    if (!prepare(&d->send, cipher, true) || !prepare(&d->recv[0], cipher, false) ||
        !prepare(&d->recv[1], cipher, false) || !prepare(&d->recv[2], cipher, false)) {
        ERR_clear_error();
        return adit_direct_free(d);
    }
    d->records = records ? records : ADIT_DIRECT_RECORDS;
    memcpy(d->send_secret, ours, ADIT_DIRECT_SECRET);
    memcpy(d->recv_secret, theirs, ADIT_DIRECT_SECRET);
    set_key(&d->send, d->send_secret, 0);
    set_key(&d->recv[0], d->recv_secret, 0);
    if (d->send.known && d->recv[0].known)
        return d;
    ERR_clear_error();
    return adit_direct_free(d);
}

struct adit_direct *adit_direct_free(struct adit_direct *d)
{
    if (!d)
        return NULL;
    EVP_CIPHER_CTX_free(d->send.ctx);
    for (int i = 0; i < 3; i++)
        EVP_CIPHER_CTX_free(d->recv[i].ctx);
    OPENSSL_cleanse(d, sizeof *d);
    adit_free(d);
    return NULL;
}

void adit_direct_stats(const struct adit_direct *d, struct adit_direct_stats *ret_stats)
{
    *ret_stats = d->stats;
}

/* RFC 8446 section 5.3. */
static void make_nonce(const struct key *k, uint64_t seq, uint8_t nonce[NONCE])
{
    memcpy(nonce, k->iv, NONCE - 8);
    adit_put64(nonce + NONCE - 8, adit_get64(k->iv + NONCE - 8) ^ seq);
}

/* ---- sealing --------------------------------------------------------------------------------- */

static void put_header(uint8_t *p, unsigned epoch, uint64_t seq, size_t n)
{
    p[0] = ADIT_RECORD_DATA;
    adit_put16(p + 1, VERSION);
    adit_put16(p + 3, (uint16_t)(ADIT_DIRECT_EPOCH | (epoch & EPOCH_LOW)));
    adit_put16(p + 5, (uint16_t)(seq >> 32));
    adit_put32(p + 7, (uint32_t)seq);
    adit_put16(p + 11, (uint16_t)(n + ADIT_RECORD_TAG));
}

struct adit_span adit_direct_seal(struct adit_direct *d, const void *bytes, size_t n)
{
    uint8_t nonce[NONCE], *text = d->out + ADIT_RECORD_HEADER;
    int len = 0, rest = 0;

    assert(n <= ADIT_DIRECT_MAX - ADIT_DIRECT_OVERHEAD);
    if (d->next == d->records) {
        set_key(&d->send, d->send_secret, d->send.epoch + 1);
        d->next = 0;
    }
    put_header(d->out, d->send.epoch, d->next, n);
    make_nonce(&d->send, d->next++, nonce);
    d->send.tag[0].data = text + n;
    if (!d->send.known || EVP_CipherInit_ex(d->send.ctx, NULL, NULL, NULL, nonce, -1) != 1 ||
        EVP_CipherUpdate(d->send.ctx, NULL, &len, d->out, ADIT_RECORD_HEADER) != 1 ||
        EVP_CipherUpdate(d->send.ctx, text, &len, bytes, (int)n) != 1 ||
        EVP_CipherFinal_ex(d->send.ctx, text + len, &rest) != 1 ||
        EVP_CIPHER_CTX_get_params(d->send.ctx, d->send.tag) != 1) {
        ERR_clear_error();
        return (struct adit_span){ 0 };
    }
    return (struct adit_span){ d->out, n + ADIT_DIRECT_OVERHEAD };
}

/* ---- opening --------------------------------------------------------------------------------- */

static bool is_new(const struct window *w, uint64_t seq)
{
    if (seq >= w->top)
        return true;
    return w->top - seq <= ADIT_DIRECT_WINDOW && !(w->seen[seq / 64 % WORDS] >> seq % 64 & 1);
}

static void mark(struct window *w, uint64_t seq)
{
    if (seq >= w->top) {
        uint64_t from = w->top ? (w->top - 1) / 64 + 1 : 0, to = seq / 64;

        if (to - from >= WORDS && to >= from)
            from = to - WORDS + 1;
        for (; from <= to; from++)
            w->seen[from % WORDS] = 0;
        w->top = seq + 1;
    }
    w->seen[seq / 64 % WORDS] |= (uint64_t)1 << seq % 64;
}

/* The key of an epoch as it travels; NULL: neither the last one, nor this one, nor the next. */
static struct key *key_of(struct adit_direct *d, unsigned low)
{
    unsigned ahead = (low - d->epoch) & EPOCH_LOW, epoch;
    struct key *k;

    if (ahead > 1 && ahead != EPOCH_LOW)
        return NULL;
    if (ahead == EPOCH_LOW && d->epoch == 0)
        return NULL;
    epoch = ahead == EPOCH_LOW ? d->epoch - 1 : d->epoch + ahead;
    k = &d->recv[epoch % 3];
    if (ahead == 1 && (!k->known || k->epoch != epoch)) { /* in the place of the last but one */
        set_key(k, d->recv_secret, epoch);
        d->window[epoch % 3] = (struct window){ 0 };
    }
    return k->known && k->epoch == epoch ? k : NULL;
}

static bool decrypt(struct adit_direct *d, struct key *k, uint64_t seq, const uint8_t *record,
                    size_t n)
{
    uint8_t nonce[NONCE];
    int len = 0, rest = 0;

    make_nonce(k, seq, nonce);
    k->tag[0].data = (uint8_t *)record + ADIT_RECORD_HEADER + n;
    if (EVP_CipherInit_ex2(k->ctx, NULL, NULL, nonce, -1, k->tag) == 1 &&
        EVP_CipherUpdate(k->ctx, NULL, &len, record, ADIT_RECORD_HEADER) == 1 &&
        EVP_CipherUpdate(k->ctx, d->in, &len, record + ADIT_RECORD_HEADER, (int)n) == 1 &&
        EVP_CipherFinal_ex(k->ctx, d->in + len, &rest) == 1)
        return true;
    ERR_clear_error();
    return false;
}

struct adit_span adit_direct_open(struct adit_direct *d, const uint8_t *record, size_t n)
{
    unsigned low = adit_get16(record + 3) & EPOCH_LOW;
    uint64_t seq = (uint64_t)adit_get16(record + 5) << 32 | adit_get32(record + 7);
    struct key *k = n > ADIT_DIRECT_OVERHEAD && n <= ADIT_DIRECT_MAX ? key_of(d, low) : NULL;
    struct window *w;

    if (!k) {
        d->stats.forged++;
        return (struct adit_span){ 0 };
    }
    w = &d->window[k->epoch % 3];
    if (!is_new(w, seq)) {
        d->stats.repeated++;
        return (struct adit_span){ 0 };
    }
    n -= ADIT_DIRECT_OVERHEAD;
    if (!decrypt(d, k, seq, record, n)) {
        d->stats.forged++;
        return (struct adit_span){ 0 };
    }
    mark(w, seq);
    if (k->epoch > d->epoch)
        d->epoch = k->epoch;
    return (struct adit_span){ d->in, n };
}
