/* dcep.h - the two messages that open a data channel (RFC 8832 section 5), and the PPIDs.
 *
 *      0               1               2               3
 *     |  type = 0x03  | channel type  |           priority            |
 *     |                     reliability parameter                     |
 *     |         label length          |        protocol length        |
 *     |  label, protocol: bytes kept as they are, no terminator       |
 *
 * An ACK is the one byte 0x02. Decoding accepts exactly what encoding can make: no missing and no
 * spare bytes, no unknown channel type. */
#ifndef ADIT_DCEP_H
#define ADIT_DCEP_H

#include "sctp/sctp.h"

/* RFC 8831 section 8. The partial ones are deprecated: accepted, never sent. */
enum adit_ppid {
    ADIT_PPID_DCEP = 50,
    ADIT_PPID_TEXT = 51,
    ADIT_PPID_BINARY_PARTIAL = 52,
    ADIT_PPID_BINARY = 53,
    ADIT_PPID_TEXT_PARTIAL = 54,
    ADIT_PPID_TEXT_EMPTY = 56,
    ADIT_PPID_BINARY_EMPTY = 57,
};

enum adit_dcep_type { ADIT_DCEP_ACK = 0x02, ADIT_DCEP_OPEN = 0x03 };

#define ADIT_DCEP_OPEN_HEAD 12

static inline size_t adit_dcep_open_size(const struct adit_channel_conf *conf)
{
    return ADIT_DCEP_OPEN_HEAD + conf->label_len + conf->protocol_len;
}

/* out holds adit_dcep_open_size(conf) bytes. Label and protocol are at most 65535 bytes each. */
void adit_dcep_encode_open(uint8_t *out, const struct adit_channel_conf *conf);

/* Returns the type and, for an OPEN, fills *ret_conf: label and protocol point into bytes, id is
 * ADIT_CHANNEL_ID_AUTO. -EPROTO for anything else. */
ADIT_MUST_USE int adit_dcep_decode(struct adit_channel_conf *ret_conf, const void *bytes, size_t n);

#endif
