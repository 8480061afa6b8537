/* tcp.h - connections by TCP for ICE (RFC 6544): the bases, and a connection for each of their
 * pairs, with packets in frames (RFC 4571).
 *
 * A connection is as good as a datagram socket and no better: what finds no room in its queue is
 * lost, for whoever sends looks after that himself, and waiting packets would only be late. It is
 * opened by the first check, closed when it is idle, and its end fails the pair. */
#ifndef ADIT_AGENT_TCP_H
#define ADIT_AGENT_TCP_H

#include "agent/inner.h"

#define ADIT_TCP_BASES_MAX 12 /* one to three for each local address, the best ones first */
#define ADIT_TCP_CALLS_MAX 8  /* connections of one passive base; more end the idlest */
#define ADIT_TCP_IDLE      (60 * ADIT_SEC)
#define ADIT_TCP_TIMEOUT   (15 * ADIT_SEC) /* until a connection stands */

/* -ENOMEM. */
ADIT_MUST_USE int adit_tcp_init(struct adit_peer *peer, const struct adit_peer_conf *conf);
/* A local address has come: its bases are made. May free the peer, as all that tells candidates. */
void adit_tcp_came(struct adit_peer *peer, const struct adit_netif_choice *choice, adit_time now);
void adit_tcp_went(struct adit_peer *peer, uint32_t index, const struct adit_addr *ip,
                   adit_time now);
/* `base` counts from 0. */
void adit_tcp_send(struct adit_peer *peer, size_t base, const struct adit_addr *to,
                   const void *bytes, size_t n);
void adit_tcp_close(struct adit_peer *peer);
void adit_tcp_free(struct adit_peer *peer);

#endif
