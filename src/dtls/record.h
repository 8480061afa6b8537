/* record.h - the outside of DTLS 1.2 records (RFC 6347 section 4.1), as far as we look at them.
 *
 *      0      1         3       5                         11       13
 *      | type | version | epoch | sequence number (6)      | length | ...
 */
#ifndef ADIT_RECORD_H
#define ADIT_RECORD_H

#include "base/base.h"

#define ADIT_RECORD_HEADER    13
#define ADIT_RECORD_CCS       20
#define ADIT_RECORD_ALERT     21
#define ADIT_RECORD_HANDSHAKE 22
#define ADIT_RECORD_DATA      23
/* Around the payload: header, explicit nonce and tag of AES-GCM; ChaCha20 has no nonce. */
#define ADIT_RECORD_NONCE     8
#define ADIT_RECORD_TAG       16
#define ADIT_RECORD_OVERHEAD  (ADIT_RECORD_HEADER + ADIT_RECORD_NONCE + ADIT_RECORD_TAG)

/* The length of the first record with its header, 0 if it is not there as a whole. */
static inline size_t adit_record_len(const uint8_t *p, size_t n)
{
    size_t len;

    if (n < ADIT_RECORD_HEADER)
        return 0;
    len = ADIT_RECORD_HEADER + (size_t)adit_get16(p + 11);
    return len <= n ? len : 0;
}

/* One of direct.h. */
static inline bool adit_record_direct(const uint8_t *p)
{
    return p[0] == ADIT_RECORD_DATA && p[3] & 0x80;
}

/* Sent before there were keys: anybody can have written it. */
static inline bool adit_record_plain(const uint8_t *p)
{
    return adit_get16(p + 3) == 0;
}

/* Two kinds of records are fatal to OpenSSL whoever sent them: a protected one too short for nonce
 * and tag (until the suite is known, an alert under ChaCha20 counts as such), and in a handshake
 * one without protection that is neither handshake nor ChangeCipherSpec. */
static inline bool adit_record_harmless(const uint8_t *p, size_t n, bool no_nonce)
{
    if (adit_record_plain(p))
        return p[0] == ADIT_RECORD_HANDSHAKE || p[0] == ADIT_RECORD_CCS;
    return n >= ADIT_RECORD_OVERHEAD - (no_nonce ? ADIT_RECORD_NONCE : 0);
}

#endif
