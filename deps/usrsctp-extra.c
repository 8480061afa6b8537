/* usrsctp-extra.c - see usrsctp-extra.h. Compiled among usrsctp's own sources, for it looks inside. */
#include <netinet/sctp_os.h>
#include <netinet/sctp_callout.h>
#include <netinet/sctp_pcb.h>
#include <netinet/sctp_timer.h>
#include <netinet/sctp_var.h>
#include <netinet/sctputil.h>

#include "usrsctp-extra.h"

extern uint32_t adit_usrsctp_ticks; /* sctp_callout.c, by our patch */

void usrsctp_register_address(void *); /* usrsctp.h cannot be included beside the library's own headers */

/* One thread runs all of it, so none of the library's locks is needed here. */

static const struct sctp_tcb *tcb_of(const struct socket *so)
{
	const struct sctp_inpcb *inp = so ? so->so_pcb : NULL;

	return inp ? LIST_FIRST(&inp->sctp_asoc_list) : NULL;
}

/* When a chunk that is missing is old enough to be lost (patches/usrsctp/05-reordering.patch). */
static uint32_t overdue_in(const struct sctp_tcb *stcb)
{
	struct timeval tv;
	uint64_t now;

	if (!stcb || !stcb->asoc.adit_overdue)
		return ADIT_USRSCTP_NEVER;
	(void)SCTP_GETTIME_TIMEVAL(&tv);
	now = (uint64_t)tv.tv_sec * 1000000 + (uint64_t)tv.tv_usec;
	if (stcb->asoc.adit_overdue <= now)
		return 0;
	return (uint32_t)((stcb->asoc.adit_overdue - now) / 1000) + 1;
}

static const void *endpoint_of(const sctp_os_timer_t *c)
{
	const struct sctp_timer *tmr = c->c_arg; /* every callout of this version is one */

	return tmr->ep;
}

int adit_usrsctp_ready(void)
{
	return SCTP_BASE_INFO(sctp_asochash) && SCTP_BASE_INFO(sctp_ephash) && SCTP_BASE_INFO(sctp_tcpephash) &&
	       SCTP_BASE_INFO(vrf_ifn_hash) && SCTP_BASE_INFO(sctp_vrfhash) && sctp_find_vrf(SCTP_DEFAULT_VRFID);
}

int adit_usrsctp_register(void *addr)
{
	struct sockaddr_conn sconn = { .sconn_family = AF_CONN, .sconn_addr = addr };

	usrsctp_register_address(addr);
	return sctp_find_ifa_by_addr((struct sockaddr *)&sconn, SCTP_DEFAULT_VRFID, SCTP_ADDR_NOT_LOCKED) != NULL;
}

void adit_usrsctp_advance(uint32_t ticks)
{
	adit_usrsctp_ticks = ticks;
}

/* An acknowledgement or T3-rtx sends what waits; without memory there may be neither. */
static void unstick(struct sctp_inpcb *inp)
{
	struct sctp_tcb *stcb = inp ? LIST_FIRST(&inp->sctp_asoc_list) : NULL;
	struct sctp_nets *net = stcb ? stcb->asoc.primary_destination : NULL;

	if (net && SCTP_GET_STATE(stcb) == SCTP_STATE_OPEN && !stcb->asoc.total_flight &&
	    (stcb->asoc.chunks_on_out_queue || stcb->asoc.stream_queue_cnt) &&
	    !SCTP_OS_TIMER_PENDING(&net->rxt_timer.timer))
		sctp_timer_start(SCTP_TIMER_TYPE_SEND, inp, stcb, net);
}

uint32_t adit_usrsctp_timeout(struct socket *so)
{
	uint32_t best = overdue_in(tcb_of(so));
	sctp_os_timer_t *c;

	unstick(so->so_pcb);
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
	struct sctp_tcb *stcb = (struct sctp_tcb *)tcb_of(so);
	sctp_os_timer_t *c;

	if (stcb)
		adit_usrsctp_overdue(stcb);

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

void adit_usrsctp_hurry(struct socket *so)
{
	struct sctp_tcb *stcb = (struct sctp_tcb *)tcb_of(so);
	struct sctp_nets *net;

	if (!stcb)
		return;
	TAILQ_FOREACH(net, &stcb->asoc.nets, sctp_next) {
		uint32_t rto = (uint32_t)((net->lastsa >> SCTP_RTT_SHIFT) + net->lastsv);

		if (rto < stcb->asoc.minrto)
			rto = stcb->asoc.minrto;
		if (net->RTO <= rto)
			continue;
		net->RTO = rto; /* and what is lost once more does not wait for as long again */
		if (SCTP_OS_TIMER_PENDING(&net->rxt_timer.timer))
			net->rxt_timer.timer.c_time = adit_usrsctp_ticks;
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

int adit_usrsctp_starved(const struct socket *so)
{
	const struct sctp_inpcb *inp = so->so_pcb;

	return inp && inp->adit_starved;
}

int adit_usrsctp_whole(const struct socket *so, uint32_t after, uint32_t before)
{
	const struct sctp_tcb *stcb = tcb_of(so);
	const struct sctp_association *asoc = stcb ? &stcb->asoc : NULL;
	uint32_t tsn, gap;

	if (!asoc)
		return 1;
	tsn = SCTP_TSN_GT(asoc->cumulative_tsn, after) ? asoc->cumulative_tsn : after;
	for (tsn++; SCTP_TSN_GT(before, tsn); tsn++) {
		gap = tsn - asoc->mapping_array_base_tsn;
		if (gap >= (uint32_t)asoc->mapping_array_size << 3 ||
		    (!SCTP_IS_TSN_PRESENT(asoc->mapping_array, gap) &&
		     !SCTP_IS_TSN_PRESENT(asoc->nr_mapping_array, gap)))
			return 0;
	}
	return 1;
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

	return stcb ? (uint16_t)stcb->asoc.pre_open_streams : 0;
}

/* The size of an array that has room for sid, at most `most`. */
static uint16_t room_for(uint16_t sid, uint16_t now, uint32_t most)
{
	uint32_t n = now ? 2 * (uint32_t)now : 1; /* 0: there was no memory for the first ones */

	while (n <= sid)
		n *= 2;
	return (uint16_t)(n < most ? n : most);
}

int adit_usrsctp_grow_in(struct sctp_tcb *stcb, uint16_t sid)
{
	struct sctp_association *asoc = &stcb->asoc;
	struct sctp_stream_in *old = asoc->strmin, *more;
	uint16_t i, n;

	if (sid >= asoc->max_inbound_streams)
		return 0;
	n = room_for(sid, asoc->streamincnt, asoc->max_inbound_streams);
	SCTP_MALLOC(more, struct sctp_stream_in *, n * sizeof(*more), SCTP_M_STRMI);
	if (!more)
		return 0;
	for (i = 0; i < n; i++) {
		if (i < asoc->streamincnt)
			more[i] = old[i];
		else
			more[i] = (struct sctp_stream_in){ .last_mid_delivered = 0xffffffff, .sid = i };
		TAILQ_INIT(&more[i].inqueue);
		TAILQ_INIT(&more[i].uno_inqueue);
		if (i < asoc->streamincnt) {
			TAILQ_CONCAT(&more[i].inqueue, &old[i].inqueue, next_instrm);
			TAILQ_CONCAT(&more[i].uno_inqueue, &old[i].uno_inqueue, next_instrm);
		}
	}
	SCTP_FREE(old, SCTP_M_STRMI);
	asoc->strmin = more;
	asoc->streamincnt = n;
	return 1;
}

/* As sctp_send_str_reset_req does it for added streams, without asking the peer. */
int adit_usrsctp_grow_out(struct socket *so, uint16_t sid)
{
	struct sctp_inpcb *inp = so->so_pcb;
	struct sctp_tcb *stcb = inp ? LIST_FIRST(&inp->sctp_asoc_list) : NULL;
	struct sctp_association *asoc = stcb ? &stcb->asoc : NULL;
	struct sctp_stream_out *old, *more, *locked;
	uint16_t i, n, count;

	if (!asoc || sid < asoc->streamoutcnt)
		return 1;
	if (sid >= asoc->pre_open_streams)
		return 0;
	old = asoc->strmout;
	count = asoc->streamoutcnt;
	n = room_for(sid, asoc->strm_realoutsize, asoc->pre_open_streams);
	SCTP_MALLOC(more, struct sctp_stream_out *, n * sizeof(*more), SCTP_M_STRMO);
	if (!more)
		return 0;
	asoc->ss_functions.sctp_ss_clear(stcb, asoc, 0, 1);
	for (i = 0; i < n; i++) {
		if (i < count)
			more[i] = old[i];
		else
			more[i] = (struct sctp_stream_out){ .sid = i,
			                                    .state = SCTP_GET_STATE(stcb) == SCTP_STATE_COOKIE_WAIT
			                                        ? SCTP_STREAM_OPENING : SCTP_STREAM_OPEN };
		TAILQ_INIT(&more[i].outqueue);
		asoc->ss_functions.sctp_ss_init_stream(stcb, &more[i], i < count ? &old[i] : NULL);
		if (i < count)
			TAILQ_CONCAT(&more[i].outqueue, &old[i].outqueue, next);
	}
	locked = asoc->ss_data.locked_on_sending;
	asoc->strmout = more;
	asoc->strm_realoutsize = asoc->streamoutcnt = n;
	/* It puts the streams with data on the wheel, and would forget which one is in mid-message. */
	asoc->ss_functions.sctp_ss_init(stcb, asoc, 1);
	asoc->ss_data.locked_on_sending = locked;
	SCTP_FREE(old, SCTP_M_STRMO);
	return 1;
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
	ret_path->rtt_us = (uint32_t)net->rtt;
	ret_path->retransmitted = net->marked_fastretrans; /* counts all of them, by our patch */
}
