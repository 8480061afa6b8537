/* dotlocal.h - names under ".local" in candidates: theirs are asked for, ours stand for host
 * addresses that are nobody's business (lan/mdns.h).
 *
 * Everything here is made when the first name comes up, and the sockets are closed when there is
 * nothing to ask or to answer. */
#ifndef ADIT_DOTLOCAL_H
#define ADIT_DOTLOCAL_H

#include "agent/inner.h"

/* A candidate of theirs with a name (adit_cand_named); it is added when the name has an address. At
 * most 64 for a connection. */
void adit_dotlocal_ask(struct adit_peer *peer, const struct adit_cand *cand, adit_time now);
/* No more of theirs will come: the engine is told when nothing is waited for. */
void adit_dotlocal_end(struct adit_peer *peer, adit_time now);

/* A base that is to be hidden gets a name; called before its candidate is told. False: there can be
 * none, and it is better not told at all. */
ADIT_MUST_USE bool adit_dotlocal_hide(struct adit_peer *peer, struct base *b);
void adit_dotlocal_unhide(struct adit_peer *peer, struct base *b);
/* The candidate as others may see it: with --hide-addresses without addresses of this host. */
void adit_dotlocal_cover(const struct adit_peer *peer, struct adit_cand *cand);

/* The bases have changed. */
void adit_dotlocal_update(struct adit_peer *peer);
void adit_dotlocal_close(struct adit_peer *peer); /* sockets and timer */
void adit_dotlocal_free(struct adit_peer *peer);

#endif
