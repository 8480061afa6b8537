/* usrsctp-extra.h - what usrsctp knows and does not tell; compiled into libusrsctp.a.
 *
 * Its timers are one process-wide list in milliseconds; here they are seen per endpoint, so that an
 * association sleeps until its own next timer and never runs another's. */
#ifndef ADIT_USRSCTP_EXTRA_H
#define ADIT_USRSCTP_EXTRA_H

#include <stdint.h>

struct socket;

#define ADIT_USRSCTP_NEVER UINT32_MAX

/* Did usrsctp_init get all its memory? It does not say. */
int adit_usrsctp_ready(void);
/* As usrsctp_register_address; 0: no memory. */
int adit_usrsctp_register(void *addr);

/* Sets the tick counter (milliseconds, wraps) without running anything. */
void adit_usrsctp_advance(uint32_t ticks);
/* Milliseconds until the endpoint's next timer, 0 when one is due. Data that waits with nothing in
 * flight, because there was no memory to send it, gets one. */
uint32_t adit_usrsctp_timeout(struct socket *so);
/* Runs what is due of this endpoint and of none; NULL: of everybody. */
void adit_usrsctp_run(struct socket *so);

/* There is another path: what has been retransmitted in vain leaves again now, not when the doubled
 * timer says so, and that starts anew. */
void adit_usrsctp_hurry(struct socket *so);

/* The largest packet from now on, common header included. The socket option can only lower it; what
 * is already cut into chunks keeps its size. */
void adit_usrsctp_set_mtu(struct socket *so, uint32_t mtu);

/* Is there anything for usrsctp_recvv? */
int adit_usrsctp_readable(const struct socket *so);
/* Was there no memory for something that is not tried again: a notification, or the request for a
 * reset of streams? */
int adit_usrsctp_starved(const struct socket *so);
/* Are all TSNs between the two, neither included, here or given up by the peer? */
int adit_usrsctp_whole(const struct socket *so, uint32_t after, uint32_t before);
/* The errno with which the association ended, or 0. */
int adit_usrsctp_error(const struct socket *so);
/* What waits to be sent or acknowledged: user bytes, and the pieces they are kept in. */
void adit_usrsctp_queued(const struct socket *so, uint32_t *ret_bytes, uint32_t *ret_items);
/* User bytes of the stream that were acknowledged or abandoned since the association began. */
uint64_t adit_usrsctp_left(const struct socket *so, uint16_t sid);
/* How many streams we may send on. */
uint16_t adit_usrsctp_streams_out(const struct socket *so);
/* Keeps what is needed to send on this stream; 0: not announced, or no memory. */
int adit_usrsctp_grow_out(struct socket *so, uint16_t sid);

struct adit_usrsctp_path {
    uint32_t cwnd;
    uint32_t srtt_us;
    uint32_t rtt_us;        /* the last one that was measured; 0 = none yet */
    uint32_t retransmitted; /* DATA chunks sent again */
};

void adit_usrsctp_path(const struct socket *so, struct adit_usrsctp_path *ret_path);

#endif
