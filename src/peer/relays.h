/* relays.h - the TURN servers of a connection: each lends an address or two, which are bases of ICE
 * like a socket (RFC 8656).
 *
 * By UDP an allocation goes over the best socket that gets an answer. By TCP and TLS the owner
 * opens a stream when the engine asks for it (ops->turn_open), says how it went, and carries bytes.
 * Which of the servers is up is told by ADIT_ENGINE_EV_RELAY; what fails is tried again with
 * growing pauses, and what was lost at once, while other pairs go on. */
#ifndef ADIT_PEER_RELAYS_H
#define ADIT_PEER_RELAYS_H

#include "base/addr.h"
#include "base/base.h"

#define ADIT_RELAYS_MAX      4
#define ADIT_RELAY_ADDRS_MAX 4

struct adit_engine;

enum adit_engine_transport { ADIT_TURN_BY_UDP, ADIT_TURN_BY_TCP, ADIT_TURN_BY_TLS };

struct adit_engine_turn {
    enum adit_engine_transport transport;
    const struct adit_addr *addrs; /* UDP: of the server, the best one first. By stream: none */
    size_t addr_count;             /* those beyond ADIT_RELAY_ADDRS_MAX are passed over */
    const char *user, *password;   /* copied; NULL = none */
};

/* Its name, >= 0. -ENOSPC: there are four; -EINVAL: UDP without an address; -ENOMEM; -ECANCELED:
 * the connection is over. */
ADIT_MUST_USE int adit_engine_add_turn(struct adit_engine *e, const struct adit_engine_turn *conf,
                                       adit_time now);
/* Other credentials, from the next attempt on. */
void adit_engine_turn_login(struct adit_engine *e, int relay, const char *user,
                            const char *password);

/* After ops->turn_open: to the server of this relay, or if `server` is not NULL, to this one, where
 * that sends us. One of these two: */
/* `server` may be NULL: not known, as behind a proxy. */
void adit_engine_turn_opened(struct adit_engine *e, int relay, const struct adit_addr *server,
                             adit_time now);
/* It did not come about, or is over. Not after ops->turn_close. */
void adit_engine_turn_closed(struct adit_engine *e, int relay, const struct adit_cause *cause,
                             adit_time now);
/* Bytes from the stream; returns how many of them are done with. The others come again, with
 * more. */
size_t adit_engine_turn_feed(struct adit_engine *e, int relay, const void *bytes, size_t n,
                             adit_time now);
/* What it lends us of a family, for who asks; its family NONE: nothing. */
struct adit_addr adit_engine_turn_relayed(const struct adit_engine *e, int relay,
                                          enum adit_family family);

/* ---- for the files of this room; e->now is the time ------------------------------------------ */

struct adit_relays;

void adit_relays_free(struct adit_engine *e);
void adit_relays_close(struct adit_engine *e); /* gives everything back */
void adit_relays_base_came(struct adit_engine *e, int base, const struct adit_addr *addr,
                           uint16_t preference, bool apart);
void adit_relays_base_went(struct adit_engine *e, int base);
void adit_relays_unreachable(struct adit_engine *e, int base, const struct adit_addr *to);
void adit_relays_doubt(struct adit_engine *e); /* nothing comes from the peer */
void adit_relays_send(struct adit_engine *e, int base, const struct adit_addr *to,
                      const void *bytes, size_t n);
bool adit_relays_any(const struct adit_engine *e);
/* A datagram that came in on a base. False: it is none of a TURN server. */
bool adit_relays_feed(struct adit_engine *e, int base, const struct adit_addr *from,
                      struct adit_span pkt);
adit_time adit_relays_deadline(const struct adit_engine *e);
void adit_relays_tick(struct adit_engine *e);

/* ---- for who sends datagrams ----------------------------------------------------------------- */

/* It probes the path MTU, itself or inside of what a relay is to pass on: whole or not at all. */
bool adit_engine_is_probe(const void *bytes, size_t n);

#endif
