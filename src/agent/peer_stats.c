/* peer_stats - the figures of a peer, for the public API. */
#include <stdio.h>

#include "agent/inner.h"

static adit_time since(adit_time from, adit_time to)
{
    return from && to ? adit_time_max(to - from, 1) : 0;
}

static void print_cand(char *out, size_t size, const struct adit_cand *cand)
{
    char addr[ADIT_ADDR_STR];

    snprintf(out, size, "%s %s", adit_cand_type_name(cand->type), adit_addr_str(&cand->addr, addr));
}

void adit_peer_stats(struct adit_peer *peer, struct adit_peer_stats *ret_stats, size_t size)
{
    struct adit_engine_stats e;
    struct adit_ice_pair_info pair;
    struct adit_peer_stats s = { 0 };

    adit_engine_stats(peer->engine, &e);
    s.packets_sent = e.packets_sent;
    s.packets_received = e.packets_received;
    s.bytes_sent = e.bytes_sent;
    s.bytes_received = e.bytes_received;
    s.messages_sent = e.sctp.messages_sent;
    s.messages_received = e.sctp.messages_received;
    s.message_bytes_sent = e.sctp.bytes_sent;
    s.message_bytes_received = e.sctp.bytes_received;
    s.retransmissions = e.sctp.retransmissions;
    s.checks_dropped = e.ice.dropped_unauthenticated;
    s.rtt = e.ice.rtt;
    s.ice_after = since(e.times.remote_set, e.times.ice_valid);
    s.dtls_after = since(e.times.remote_set, e.times.dtls_up);
    s.sctp_after = since(e.times.remote_set, e.times.sctp_up);
    s.channel_after = since(e.times.remote_set, e.times.channel_open);
    snprintf(s.cipher, sizeof s.cipher, "%s", e.cipher);
    if (adit_engine_selected(peer->engine, &pair)) {
        print_cand(s.local, sizeof s.local, pair.local);
        print_cand(s.remote, sizeof s.remote, pair.remote);
    }
    s.sctp_cwnd = e.sctp.cwnd;
    s.sctp_restarts = e.sctp_restarts;
    s.datagrams_dropped = adit_bases_dropped(peer);
    s.inner_sent = e.datagrams_sent;
    s.inner_received = e.datagrams_received;
    s.inner_bytes_sent = e.datagram_bytes_sent;
    s.inner_bytes_received = e.datagram_bytes_received;
    memcpy(ret_stats, &s, size < sizeof s ? size : sizeof s);
    if (size > sizeof s) /* what a later header has and we do not know */
        memset((char *)ret_stats + sizeof s, 0, size - sizeof s);
}
