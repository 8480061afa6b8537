/* direct.h - records of the application that go past the library: sealed and opened in one call
 * each.
 *
 * They look like records of DTLS 1.2 (RFC 6347 section 4.1) of epochs from 0x8000 on, which the
 * handshake never comes to; their keys come from its exporter (RFC 5705), their nonces and sequence
 * numbers are as in RFC 9147 sections 4.2.1 and 4.2.2. After ADIT_DIRECT_RECORDS records a
 * direction changes its keys and goes on to the next epoch. docs/datagram.md has every byte. */
#ifndef ADIT_DIRECT_H
#define ADIT_DIRECT_H

#include "base/base.h"

#define ADIT_DIRECT_EPOCH    0x8000
#define ADIT_DIRECT_OVERHEAD 29 /* 13 of header, 16 of tag */
#define ADIT_DIRECT_SECRET   32
/* Under one key: 2^33 blocks of AES; RFC 9147 section 4.5.3 allows 2^24.5 records of 2^10 blocks.
 * Of an outage that swallows more the other side does not recover: it ends the connection first. */
#define ADIT_DIRECT_RECORDS  (1u << 26)
#define ADIT_DIRECT_WINDOW   2048 /* so many records late is not too late */
#define ADIT_DIRECT_MAX      2048 /* bytes of a record */

struct adit_direct;

enum adit_direct_aead {
    ADIT_DIRECT_AES128_GCM,
    ADIT_DIRECT_AES256_GCM,
    ADIT_DIRECT_CHACHA20_POLY1305
};

struct adit_direct_stats {
    uint64_t forged;   /* no key opens them */
    uint64_t repeated; /* came before, or too late to tell */
};

/* records: under one key, 0 = ADIT_DIRECT_RECORDS; the other side need not know. NULL without
 * memory. */
struct adit_direct *adit_direct_new(enum adit_direct_aead aead,
                                    const uint8_t ours[ADIT_DIRECT_SECRET],
                                    const uint8_t theirs[ADIT_DIRECT_SECRET], uint64_t records);
struct adit_direct *adit_direct_free(struct adit_direct *d); /* d may be NULL; returns NULL */

/* One record of n <= ADIT_DIRECT_MAX - ADIT_DIRECT_OVERHEAD bytes; it lives until the next call. */
struct adit_span adit_direct_seal(struct adit_direct *d, const void *bytes, size_t n);
/* What was in a whole record with an epoch of ours; it lives until the next call. data NULL: it was
 * none, and is counted. */
struct adit_span adit_direct_open(struct adit_direct *d, const uint8_t *record, size_t n);

void adit_direct_stats(const struct adit_direct *d, struct adit_direct_stats *ret_stats);

#endif
