/* dtls.h - DTLS 1.2 with certificates checked by fingerprint (RFC 6347, 8122, 8827 section 6.5).
 *
 * An engine without I/O over OpenSSL. The fingerprints of the peer may come later than its
 * handshake (a person is still pasting the answer): the handshake then completes, but nothing goes
 * up or out and no CONNECTED is told until adit_dtls_expect() has matched. The order of cipher
 * suites is what this CPU does fastest. use_srtp is offered and echoed, because aiortc, pion and
 * webrtc-rs hang up without it. The wall clock has no part in anything (flight.h). */
#ifndef ADIT_DTLS_H
#define ADIT_DTLS_H

#include "base/base.h"
#include "dtls/cert.h"

struct adit_dtls;

enum adit_dtls_state {
    ADIT_DTLS_NEW,
    ADIT_DTLS_HANDSHAKE,
    ADIT_DTLS_UNVERIFIED, /* handshake done, the peer's fingerprint is not known yet */
    ADIT_DTLS_CONNECTED,
    ADIT_DTLS_CLOSED, /* close_notify came, or we closed */
    ADIT_DTLS_FAILED,
};

struct adit_dtls_conf {
    const struct adit_cert *cert; /* borrowed, outlives the engine */
    bool client;                  /* RFC 8842: setup:active */
    size_t mtu;    /* largest datagram, at least 280; 0 = 1200 (RFC 8261 section 5) */
    adit_time rto; /* first retransmission of a flight, doubling; at least 60 ms */
};

struct adit_dtls_ops {
    void (*send)(void *arg, const void *bytes,
                 size_t n); /* a datagram; may queue or send, nothing else */
    /* Application data of one record, CONNECTED only. Called from feed; may call adit_dtls_write
     * and adit_dtls_close, not adit_dtls_free or adit_dtls_feed. */
    void (*data)(void *arg, const void *bytes, size_t n, adit_time now);
    /* The same of one of adit_dtls_write_direct. */
    void (*direct)(void *arg, const void *bytes, size_t n, adit_time now);
    /* The state changed; cause is set for CLOSED and FAILED. CONNECTED comes before the first data.
     * May call anything but adit_dtls_free and adit_dtls_feed. */
    void (*event)(void *arg, enum adit_dtls_state state, const struct adit_cause *cause);
};

struct adit_dtls *adit_dtls_new(const struct adit_dtls_conf *conf, const struct adit_dtls_ops *ops,
                                void *arg, adit_time now); /* NULL without memory */
struct adit_dtls *adit_dtls_free(struct adit_dtls *d);
/* A client sends its first flight now, a server begins to listen: to be called when ICE has a valid
 * pair. A client's handshake may take 30 s from now, a server's 30 s from its first answer (the
 * other side may be a person who has not pasted our description yet), or, while it could answer
 * nobody, from the first bytes that were wrong; then it has FAILED (TIMEOUT, or what was wrong).
 * UNVERIFIED lasts as long as the owner likes. */
void adit_dtls_start(struct adit_dtls *d, adit_time now);
/* What the description promised. A certificate matches if for at least one hash that we know, its
 * fingerprint is in the list, and no hash that we know contradicts (every hash present must have a
 * matching value). A mismatch, n == 0 or n > 16: FAILED with ADIT_REASON_NOT_AUTHENTIC. */
void adit_dtls_expect(struct adit_dtls *d, const struct adit_fingerprint *list, size_t n,
                      adit_time now);
/* Returns whether there was anything but records of adit_dtls_write_direct, of which nothing
 * follows but a call of ops->direct. */
bool adit_dtls_feed(struct adit_dtls *d, const void *bytes, size_t n, adit_time now);
adit_time adit_dtls_deadline(const struct adit_dtls *d);
void adit_dtls_tick(struct adit_dtls *d, adit_time now);
/* One record. -EMSGSIZE above adit_dtls_payload_max, -ENOTCONN before CONNECTED, -EPIPE after the
 * end. */
ADIT_MUST_USE int adit_dtls_write(struct adit_dtls *d, const void *bytes, size_t n);
/* How many bytes of payload make a datagram of `mtu` bytes with the largest overhead of our cipher
 * suites: 13 of header, 8 of explicit nonce, 16 of tag. */
static inline size_t adit_dtls_payload_for(size_t mtu)
{
    return mtu - 37;
}
size_t adit_dtls_payload_max(const struct adit_dtls *d);
/* Records past the library (dtls/direct.h), in both directions; both sides have to ask for them
 * when CONNECTED. -EPROTO: not with what the handshake has agreed on, which is the same on both
 * sides; -ENOTCONN; -ENOMEM. */
ADIT_MUST_USE int adit_dtls_start_direct(struct adit_dtls *d);
/* Calls ops->send. -EMSGSIZE, -ENOTCONN before adit_dtls_start_direct, -EPIPE after the end, -EIO.
 */
ADIT_MUST_USE int adit_dtls_write_direct(struct adit_dtls *d, const void *bytes, size_t n);
/* Forged, repeated, too late. */
uint64_t adit_dtls_direct_dropped(const struct adit_dtls *d);
/* How many bytes of payload make a datagram of `mtu` bytes there. */
static inline size_t adit_dtls_direct_for(size_t mtu)
{
    return mtu - 29;
}
/* The path carries more or less than conf.mtu said; for records to come, after the handshake. */
void adit_dtls_set_mtu(struct adit_dtls *d, size_t mtu);
/* Sends close_notify; state CLOSED. */
void adit_dtls_close(struct adit_dtls *d);
enum adit_dtls_state adit_dtls_state(const struct adit_dtls *d);
const char *adit_dtls_state_name(enum adit_dtls_state state);
/* "ECDHE-ECDSA-AES128-GCM-SHA256", or "" before the end of the handshake. */
const char *adit_dtls_cipher(const struct adit_dtls *d);

#endif
