/* figures - what a peer has done, and which pairs of addresses it knows. */
#include <stdio.h>

#include "agent/inner.h"

static adit_time since(adit_time from, adit_time to)
{
    return from && to ? adit_time_max(to - from, 1) : 0;
}

/* What a later header has and we do not know is 0. */
static void copy_out(void *out, size_t size, const void *known, size_t n)
{
    memcpy(out, known, size < n ? size : n);
    if (size > n)
        memset((char *)out + n, 0, size - n);
}

static void print_as(char *out, size_t size, const char *type, const struct adit_cand *cand)
{
    char addr[ADIT_ADDR_STR];

    snprintf(out, size, "%s%s %s", type, cand->transport == ADIT_TRANSPORT_TCP ? " tcp" : "",
             adit_addr_str(&cand->addr, addr));
}

static void print_cand(char *out, size_t size, const struct adit_cand *cand)
{
    print_as(out, size, adit_cand_type_name(cand->type), cand);
}

bool adit_peer_pair_at(const struct adit_peer *peer, size_t i, struct adit_pair_info *ret_info,
                       size_t size)
{
    struct adit_ice_pair_view v;
    struct adit_pair_info info = { 0 };

    if (!adit_engine_pair_at(peer->engine, i, &v))
        return false;
    print_cand(info.local, sizeof info.local, v.local);
    print_as(info.remote, sizeof info.remote,
             v.guessed ? "guess" : adit_cand_type_name(v.remote->type), v.remote);
    adit_addr_str(v.base_addr, info.base);
    info.state = v.state;
    info.valid = v.valid;
    info.nominated = v.nominated;
    info.in_use = v.in_use;
    info.backup = v.backup;
    info.relayed = v.relayed;
    info.rtt = v.rtt;
    info.loss = v.loss;
    info.failures = v.failures;
    info.checks_sent = v.checks_sent;
    info.checks_answered = v.checks_answered;
    info.why = v.why;
    info.err = v.err;
    copy_out(ret_info, size, &info, sizeof info);
    return true;
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
    copy_out(ret_stats, size, &s, sizeof s);
}
