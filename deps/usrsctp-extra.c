/* usrsctp-extra.c - see usrsctp-extra.h. Compiled among usrsctp's own sources, for it looks inside. */
#include <netinet/sctp_os.h>
#include <netinet/sctp_callout.h>
#include <netinet/sctp_pcb.h>
#include <netinet/sctp_timer.h>
#include <netinet/sctp_var.h>
#include <netinet/sctputil.h>

#include "usrsctp-extra.h"

extern uint32_t adit_usrsctp_ticks; /* sctp_callout.c, by our patch */

/* One thread runs all of it, so none of the library's locks is needed here. */

static const struct sctp_tcb *tcb_of(const struct socket *so)
{
	const struct sctp_inpcb *inp = so ? so->so_pcb : NULL;

	return inp ? LIST_FIRST(&inp->sctp_asoc_list) : NULL;
}

static const void *endpoint_of(const sctp_os_timer_t *c)
{
	const struct sctp_timer *tmr = c->c_arg; /* every callout of this version is one */

	return tmr->ep;
}

void adit_usrsctp_advance(uint32_t ticks)
{
	adit_usrsctp_ticks = ticks;
}

uint32_t adit_usrsctp_timeout(const struct socket *so)
{
	uint32_t best = ADIT_USRSCTP_NEVER;
	sctp_os_timer_t *c;

	TAILQ_FOREACH(c, &SCTP_BASE_INFO(callqueue), tqe) {
		uint32_t left = c->c_time - adit_usrsctp_ticks;

		if (endpoint_of(c) != so->so_pcb)
			continue;
		if ((int32_t)left <= 0)
			return 0;
		if (left < best)
			best = left;
	}
	return best;
}

void adit_usrsctp_run(struct socket *so)
{
	const void *ep = so ? so->so_pcb : NULL;
	sctp_os_timer_t *c;

again: /* a callback may change the list in any way */
	TAILQ_FOREACH(c, &SCTP_BASE_INFO(callqueue), tqe) {
		if ((ep && endpoint_of(c) != ep) || (int32_t)(c->c_time - adit_usrsctp_ticks) > 0)
			continue;
		TAILQ_REMOVE(&SCTP_BASE_INFO(callqueue), c, tqe);
		c->c_flags &= ~SCTP_CALLOUT_PENDING;
		c->c_func(c->c_arg);
		goto again;
	}
}

void adit_usrsctp_set_mtu(struct socket *so, uint32_t mtu)
{
	struct sctp_inpcb *inp = so->so_pcb;
	struct sctp_tcb *stcb = inp ? LIST_FIRST(&inp->sctp_asoc_list) : NULL;
	struct sctp_nets *net;

	if (!inp)
		return;
	inp->sctp_ep.default_mtu = mtu - sizeof(struct sctphdr);
	if (!stcb)
		return;
	stcb->asoc.default_mtu = mtu - sizeof(struct sctphdr);
	TAILQ_FOREACH(net, &stcb->asoc.nets, sctp_next)
		net->mtu = mtu;
	sctp_mtu_size_reset(inp, &stcb->asoc, mtu);
}

int adit_usrsctp_readable(const struct socket *so)
{
	const struct sctp_inpcb *inp = so->so_pcb;

	return inp && !TAILQ_EMPTY(&inp->read_queue);
}

int adit_usrsctp_error(const struct socket *so)
{
	return so->so_error;
}

void adit_usrsctp_queued(const struct socket *so, uint32_t *ret_bytes, uint32_t *ret_items)
{
	const struct sctp_tcb *stcb = tcb_of(so);

	*ret_bytes = stcb ? stcb->asoc.total_output_queue_size : 0;
	*ret_items = stcb ? stcb->asoc.chunks_on_out_queue + stcb->asoc.stream_queue_cnt : 0;
}

uint64_t adit_usrsctp_left(const struct socket *so, uint16_t sid)
{
	const struct sctp_tcb *stcb = tcb_of(so);

	if (!stcb || !stcb->asoc.strmout || sid >= stcb->asoc.streamoutcnt)
		return 0;
	return stcb->asoc.strmout[sid].adit_left;
}

uint16_t adit_usrsctp_streams_out(const struct socket *so)
{
	const struct sctp_tcb *stcb = tcb_of(so);

	return stcb ? stcb->asoc.streamoutcnt : 0;
}

void adit_usrsctp_path(const struct socket *so, struct adit_usrsctp_path *ret_path)
{
	const struct sctp_tcb *stcb = tcb_of(so);
	const struct sctp_nets *net = stcb ? stcb->asoc.primary_destination : NULL;

	memset(ret_path, 0, sizeof(*ret_path));
	if (!net)
		return;
	ret_path->cwnd = net->cwnd;
	ret_path->srtt_us = (uint32_t)(net->lastsa >> SCTP_RTT_SHIFT) * 1000;
	ret_path->retransmitted = net->marked_retrans + net->marked_fastretrans;
}
