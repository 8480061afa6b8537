/* udp_hub.h - the batches behind udp.h: what all sockets of one loop share.
 *
 * Sending: packets lie one after the other in one arena, so that a run of equal sizes to one
 * destination is ready to be a single send with UDP_SEGMENT. Flushed before the loop sleeps, or
 * when the arena is full. Private to core/udp*.c. */
#ifndef ADIT_UDP_HUB_H
#define ADIT_UDP_HUB_H

#include "core/udp.h"

/* The loop's, made at the first call; NULL without memory. */
struct adit_udp_hub *adit_udp_hub_get(struct adit_loop *loop);
/* Sends what is queued, of all sockets. */
void adit_udp_hub_flush(struct adit_udp *udp);
/* Sends what waits for this socket if it can, and drops every trace of it. */
void adit_udp_hub_forget(struct adit_udp *udp);
/* The socket's adit_io callback. */
void adit_udp_ready(struct adit_io *io, uint32_t events, adit_time now);

#endif
