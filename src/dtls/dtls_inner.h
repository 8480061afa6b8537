/* dtls_inner.h - the inside of the DTLS engine, shared by its two files. */
#ifndef ADIT_DTLS_INNER_H
#define ADIT_DTLS_INNER_H

#include "base/buf.h"
#include "dtls/direct.h"
#include "dtls/dtls.h"
#include "dtls/flight.h"
#include "dtls/record.h"
#include "dtls/tls.h"

#define ADIT_DTLS_MTU_MIN          280 /* OpenSSL's 256, and what it forgets */
/* Records of a peer whose fingerprint is not known yet; SCTP repeats what is dropped. */
#define ADIT_DTLS_HELD_MAX         (16 * 1024)
#define ADIT_DTLS_FINGERPRINTS_MAX 16

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
    struct adit_fingerprint expected[ADIT_DTLS_FINGERPRINTS_MAX];
    size_t expected_count;
    const char *cipher;         /* OpenSSL's constant */
    struct adit_buf held;       /* 16 bits of length and a record, again and again */
    struct adit_direct *direct; /* NULL = not asked for */
    uint64_t direct_dropped;    /* when it was still there */
};

static inline bool adit_dtls_is_up(const struct adit_dtls *d)
{
    return d->state == ADIT_DTLS_UNVERIFIED || d->state == ADIT_DTLS_CONNECTED;
}

/* CLOSED or FAILED; d->cause is set. A close_notify tells the other side, if there are keys. */
void adit_dtls_end(struct adit_dtls *d, enum adit_dtls_state state);

/* dtls_data.c. Reads what d->in holds; with `all` also what OpenSSL has kept from before its keys
 * were ready. */
void adit_dtls_receive(struct adit_dtls *d, bool all, adit_time now);
/* What came while the fingerprint was not known. */
void adit_dtls_release_held(struct adit_dtls *d, adit_time now);
/* A record of direct.h. */
void adit_dtls_receive_direct(struct adit_dtls *d, const uint8_t *record, size_t n, adit_time now);

#endif
