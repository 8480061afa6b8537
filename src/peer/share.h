/* share.h - one UDP port for any number of peers: whose is a packet that came in?
 *
 *   a STUN request    whose name its USERNAME is, or begins with (RFC 8445 section 7.3)
 *   a STUN response   whoever asked, by the transaction
 *   all the rest      whoever owns the 5-tuple: our socket and their address
 *
 * A peer owns a 5-tuple when an address has answered its check with success: the transaction was
 * known there and nowhere else, so a forged source address takes nothing from anybody. One that
 * nobody owns is its already when it answers an authenticated check from there, for DTLS may come
 * before the answer to our own. What a peer sends is shown to us for that; packets of a connection
 * that stands cost nothing on the way out, and one look into a hash table on the way in.
 *
 * Without I/O and without a clock. All tables are bounded for each peer and go with it; nothing is
 * allocated for a packet that came in. */
#ifndef ADIT_SHARE_H
#define ADIT_SHARE_H

#include "base/addr.h"
#include "base/list.h"
#include "base/map.h"

/* For each peer. The ones not used for longest are forgotten. */
#define ADIT_SHARE_NAMES_MAX 8
#define ADIT_SHARE_PATHS_MAX 32
#define ADIT_SHARE_ASKED_MAX 128 /* requests whose answer may still come */

struct adit_share_name;
struct adit_share_path;
struct adit_share_asked;

struct adit_share {
    struct adit_map names, paths, asked;
    struct adit_share_path *last; /* of the packet before this one */
    uint64_t used;                /* counts packets, for "not used for longest" */
};

/* Embedded by the owner of a peer; all zero = has not joined. */
struct adit_share_peer {
    struct adit_share *share;
    struct adit_share_name *names[ADIT_SHARE_NAMES_MAX];
    struct adit_share_path *paths;
    struct adit_share_asked *asked;
    unsigned next_name, next_asked;
};

void adit_share_init(struct adit_share *s, struct adit_rng *rng); /* rng: for this call */
void adit_share_done(struct adit_share *s);                       /* everybody has left */

/* -ENOMEM. */
ADIT_MUST_USE int adit_share_join(struct adit_share *s, struct adit_share_peer *p);
/* May be repeated, and may be called without having joined. */
void adit_share_leave(struct adit_share_peer *p);

/* Requests are this peer's whose USERNAME is `name`, or `name` up to its colon. Names of its checks
 * (RFC 8445 section 7.2.2) are learned when it sends them, so a restart needs no word. -EEXIST:
 * another peer has it; -EINVAL: it is empty or too long; -ENOMEM. */
ADIT_MUST_USE int adit_share_name(struct adit_share_peer *p, const char *name, size_t n);

/* This packet leaves `socket`, a small number of the owner's choice. */
void adit_share_sent(struct adit_share_peer *p, unsigned socket, const struct adit_addr *to,
                     const uint8_t *bytes, size_t n);
/* Whose is it? NULL: nobody's. */
struct adit_share_peer *adit_share_route(struct adit_share *s, unsigned socket,
                                         const struct adit_addr *from, const uint8_t *bytes,
                                         size_t n);

#endif
