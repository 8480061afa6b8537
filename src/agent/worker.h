/* worker.h - the UDP port of a worker (dialect rendezvous), and its address as seen from outside.
 *
 * The server introduces workers by the address of one UDP port, so everything goes through that
 * port: what the dialect says over UDP, and later the connection itself, over the path that the
 * dialect has punched. While there is no connection the port is ours; while there is a peer it is
 * the peer's (adit_worker_lend), which then hands us what is not part of a connection. */
#ifndef ADIT_WORKER_H
#define ADIT_WORKER_H

#include "adit/adit.h"
#include "base/base.h"

struct adit_worker;
struct adit_signal;
struct adit_addr;

/* Opens a port out of the range in `peer`, or any, and puts it there as the only one. `signal` is
 * looked at whenever it is needed, and may be NULL by then. -errno of the socket, -ENOMEM. */
ADIT_MUST_USE int adit_worker_new(struct adit_worker **ret_worker, struct adit_loop *loop,
                                  struct adit_peer_conf *peer, struct adit_signal **signal);
struct adit_worker *adit_worker_free(struct adit_worker *w); /* returns NULL; w may be NULL */

/* Asks a STUN server and tells signaling what it says. */
void adit_worker_ask(struct adit_worker *w);
/* The peer takes the port over, before its sockets are opened; NULL: it is gone. w may be NULL. */
void adit_worker_lend(struct adit_worker *w, struct adit_peer *peer);
void adit_worker_send(struct adit_worker *w, const struct adit_addr *to, const void *bytes,
                      size_t n);

#endif
