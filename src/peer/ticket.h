/* ticket.h - a description in one line of about 100 characters; docs/ticket.md has every byte.
 *
 * It holds the certificate's fingerprint, a nonce from which the ICE credentials are derived, and
 * the candidates in binary; everything else that a description says is fixed by the version. The
 * line is found anywhere in a text, also broken over lines and quoted. */
#ifndef ADIT_TICKET_H
#define ADIT_TICKET_H

#include "base/buf.h"
#include "base/rng.h"
#include "peer/desc.h"

enum adit_ticket_kind {
    ADIT_TICKET_OFFER,
    ADIT_TICKET_ANSWER,
    ADIT_TICKET_PAIR,   /* symmetric: both sides print one, the fingerprints decide the roles */
    ADIT_TICKET_PUBLIC, /* of a listener that is called without an answer (version 2) */
};

#define ADIT_TICKET_PREFIX    "adit:"
#define ADIT_TICKET_VERSION   1
#define ADIT_TICKET_VERSION_2 2 /* of public tickets: version 1 has no kind left for them */
#define ADIT_TICKET_NONCE     16
#define ADIT_TICKET_CANDS_MAX 15
#define ADIT_TICKET_CHARS_MAX 448         /* "adit:" and 332 bytes, the most there can be */
#define ADIT_TICKET_AGE_MAX   (24 * 3600) /* seconds, give or take 15 minutes */
/* Lengths of what is derived, without the zero byte. */
#define ADIT_TICKET_UFRAG     8
#define ADIT_TICKET_PWD       24
#define ADIT_TICKET_CALLER    56 /* the user name fragment of who calls by a public ticket */

struct adit_ticket_cand {
    enum adit_cand_type type; /* HOST, SRFLX or RELAY */
    struct adit_addr addr;
};

struct adit_ticket {
    enum adit_ticket_kind kind;
    uint8_t fingerprint[32];          /* sha-256 */
    uint8_t nonce[ADIT_TICKET_NONCE]; /* PUBLIC: the secret */
    bool datagram;                    /* see desc.h */
    bool dated;                       /* never for an answer: its offer's life is its own */
    uint16_t date;   /* quarters of an hour since 2024-01-01, modulo 65536. PUBLIC: hours, and when
                      * it ends */
    uint16_t of_tag; /* answer: adit_ticket_tag of its offer */
    struct adit_ticket_cand cands[ADIT_TICKET_CANDS_MAX]; /* best first */
    unsigned cand_count;
};

/* The ICE credentials of a description with this nonce and (sha-256) fingerprint, for the ICE agent
 * of the ticket's maker and for everybody who reads it. */
void adit_ticket_credentials(const uint8_t nonce[ADIT_TICKET_NONCE], const uint8_t fingerprint[32],
                             char ret_ufrag[ADIT_TICKET_UFRAG + 1],
                             char ret_pwd[ADIT_TICKET_PWD + 1]);
/* The same for a public ticket: those of the listener. */
void adit_ticket_door_credentials(const uint8_t secret[ADIT_TICKET_NONCE],
                                  const uint8_t fingerprint[32],
                                  char ret_ufrag[ADIT_TICKET_UFRAG + 1],
                                  char ret_pwd[ADIT_TICKET_PWD + 1]);
/* What an answer names its offer by. It stays the same when the offer is told again with other
 * candidates, so the answer to the first line is good for the second. */
uint16_t adit_ticket_tag(const struct adit_ticket *offer);
/* Both from the same certificate and nonce: what was pasted is our own. */
bool adit_ticket_same(const struct adit_ticket *a, const struct adit_ticket *b);

/* A ticket for our description. Candidates that others found for us (srflx, relay) are kept before
 * host ones if there are too many. wall: seconds since 1970; a clock that cannot be right gives a
 * ticket without a date. `offer` is what an answer answers, else NULL. -EINVAL: no sha-256
 * fingerprint in the description. */
ADIT_MUST_USE int adit_ticket_make(struct adit_ticket *ret_ticket, enum adit_ticket_kind kind,
                                   const uint8_t nonce[ADIT_TICKET_NONCE],
                                   const struct adit_desc *desc, const struct adit_ticket *offer,
                                   int64_t wall);
/* One line without its end. */
void adit_ticket_print(struct adit_buf *out, const struct adit_ticket *ticket);

/* The first whole ticket in the text; *ret_end is the offset behind it. Otherwise a negative errno
 * and a cause:
 *   -ENOENT   nothing that looks like a ticket
 *   -EAGAIN   the text ends inside one: the rest may still come
 *   -ENODATA  one that is cut off: an empty line or other text follows
 *   -EBADMSG  a damaged one
 *   -ENOTSUP  one of another version */
ADIT_MUST_USE int adit_ticket_find(struct adit_ticket *ret_ticket, size_t *ret_end,
                                   const char *text, size_t len, struct adit_cause *ret_cause);
/* When a public ticket made at `wall` for so many seconds ends: a whole hour, for its date. Seconds
 * since 1970; 0 = never: what is too far away, or a clock that cannot be right. */
int64_t adit_ticket_end(int64_t wall, int64_t seconds);
void adit_ticket_set_end(struct adit_ticket *ticket, int64_t end);
/* -ESTALE and a cause if the ticket is older than ADIT_TICKET_AGE_MAX, or a public one has ended; 0
 * if it is not, or if either side's clock cannot be trusted to tell. */
ADIT_MUST_USE int adit_ticket_check_age(const struct adit_ticket *ticket, int64_t wall,
                                        struct adit_cause *ret_cause);
/* A pair ticket gives a description of type UNKNOWN, a public one an answer. */
void adit_ticket_desc(const struct adit_ticket *ticket, struct adit_desc *ret_desc);

/* Who calls by a public ticket (ticket_call.c). */
struct adit_caller {
    char ufrag[ADIT_TICKET_CALLER + 1], pwd[ADIT_TICKET_PWD + 1];
    uint8_t fingerprint[32];
    bool datagrams; /* it takes packets beside the channels */
};

void adit_caller_make(struct adit_caller *ret_caller, const uint8_t secret[ADIT_TICKET_NONCE],
                      const uint8_t fingerprint[32], bool datagrams, struct adit_rng *rng);
/* What a user name fragment says. -EINVAL: it is none of a caller. */
ADIT_MUST_USE int adit_caller_read(struct adit_caller *ret_caller,
                                   const uint8_t secret[ADIT_TICKET_NONCE], const void *ufrag,
                                   size_t n);
/* As if it had sent an offer: without candidates, for its checks say where it is. */
void adit_caller_desc(const struct adit_caller *caller, struct adit_desc *ret_desc);

#endif
