/* desc.h - a session description: what one side tells the other before the first packet.
 *
 * The one struct behind its spellings: SDP (sdp.h), JSON around SDP (desc_json.h) and the ticket
 * (ticket.h). */
#ifndef ADIT_DESC_H
#define ADIT_DESC_H

#include "base/base.h"
#include "dtls/cert.h"
#include "ice/cand.h"

enum adit_desc_type {
    ADIT_DESC_OFFER,
    ADIT_DESC_ANSWER,
    ADIT_DESC_UNKNOWN /* bare SDP does not say */
};
enum adit_setup { ADIT_SETUP_ACTPASS, ADIT_SETUP_ACTIVE, ADIT_SETUP_PASSIVE };

#define ADIT_DESC_CANDS_MAX        64
#define ADIT_DESC_NAMES_MAX        32 /* of the candidates */
#define ADIT_DESC_FINGERPRINTS_MAX 8
#define ADIT_DESC_MIDS_MAX         16 /* media sections */
#define ADIT_MID_MAX               64

/* a=adit-version:NUMBER WORD...: what only two of us do with each other. Version 1: in bytes mode
 * an empty message ends a direction (docs/decisions.md). */
#define ADIT_DESC_VERSION 1

/* a=adit-datagram:NUMBER WORD...: packets are taken in datagrams beside SCTP (docs/datagram.md). */
#define ADIT_DESC_DATAGRAM 1

#define ADIT_MESSAGE_SIZE_MAX (256 * 1024) /* the default of what we take in one message */

/* A media section other than ours: echoed in the answer as rejected (port 0, RFC 8829
 * section 5.3.1). */
struct adit_desc_media {
    char line[128]; /* "audio 9 UDP/TLS/RTP/SAVPF 111": kind, port, protocol and first format */
    char mid[ADIT_MID_MAX + 1];
};

struct adit_desc {
    enum adit_desc_type type;
    char ufrag[ADIT_UFRAG_MAX + 1], pwd[ADIT_PWD_MAX + 1];
    bool ice_lite, trickle, end_of_candidates;
    struct adit_fingerprint fingerprints[ADIT_DESC_FINGERPRINTS_MAX];
    unsigned fingerprint_count;
    enum adit_setup setup;
    uint16_t sctp_port;
    uint32_t
        max_message_size; /* 0 = no limit; 65536 when the text has none (RFC 8841 section 6.1) */
    bool legacy_mline;    /* "DTLS/SCTP 5000" with a=sctpmap */
    bool bundle;          /* the offer had a=group:BUNDLE */
    char mid[ADIT_MID_MAX + 1]; /* of the data channel section; "" if none was given */
    unsigned section;           /* index of our media section among all */
    struct adit_desc_media media[ADIT_DESC_MIDS_MAX]; /* the other sections, in order */
    unsigned media_count;
    struct adit_cand
        cands[ADIT_DESC_CANDS_MAX]; /* UDP, component 1, usable form or named; others are skipped */
    unsigned cand_count;
    uint64_t session_id;      /* o=; at most 2^63 - 1 (RFC 8829 section 5.2.1) */
    unsigned session_version; /* o=: how often it was changed; written, and not read */
    bool adit;     /* an adit wrote it: a ticket, or a=adit-version with one that we know */
    bool datagram; /* it takes packets beside SCTP; said only where there are packets */
};

/* What our own descriptions begin as: mid "0", BUNDLE, SCTP port 5000, messages up to 256 KiB,
 * an adit; an offer is actpass, an answer active. The rest is empty. */
void adit_desc_init(struct adit_desc *desc, enum adit_desc_type type);

#endif
