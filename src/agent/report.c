#include "agent/report.h"

#include <stdio.h>

#include "agent/inner.h"
#include "base/log.h"

#define PATH_WORDS 200

/* The kinds of its two ends, and with -v their addresses, which are nobody else's business. */
static const char *path_words(struct adit_peer *peer, const struct adit_peer_stats *stats,
                              char out[PATH_WORDS])
{
    struct adit_ice_pair_info pair;

    out[0] = 0;
    if (!adit_engine_selected(peer->engine, &pair))
        return out;
    if (adit_log_level >= ADIT_LOG_DEBUG)
        snprintf(out, PATH_WORDS, "from %s to %s", stats->local, stats->remote);
    else if (adit_addr_is_discard(&pair.local->addr))
        snprintf(out, PATH_WORDS, "through the signaling server");
    else
        snprintf(out, PATH_WORDS, "from %s to %s%s", adit_cand_type_name(pair.local->type),
                 adit_cand_type_name(pair.remote->type),
                 pair.remote->transport == ADIT_TRANSPORT_TCP ? " by TCP" : "");
    return out;
}

static double ms(adit_time t)
{
    return (double)t / (double)ADIT_MS;
}

void adit_report_connected(struct adit_peer *peer)
{
    struct adit_peer_stats s;
    char text[PATH_WORDS];

    adit_peer_stats(peer, &s, sizeof s);
    adit_log(ADIT_LOG_INFO, "session", "connected in %.0f ms, %s (%s)", ms(s.channel_after),
             path_words(peer, &s, text), s.cipher);
    adit_debug("session", "phases: ice %.1f ms, dtls %.1f ms, sctp %.1f ms, channel %.1f ms",
               ms(s.ice_after), ms(s.dtls_after), ms(s.sctp_after), ms(s.channel_after));
}

void adit_report_path(struct adit_peer *peer)
{
    struct adit_peer_stats s;
    char text[PATH_WORDS];

    adit_peer_stats(peer, &s, sizeof s);
    adit_log(ADIT_LOG_INFO, "session", "now %s", path_words(peer, &s, text));
}

/* Addresses of both sides: for who asks for more. */
static void report_pairs(struct adit_peer *peer)
{
    struct adit_pair_info p;

    if (adit_log_level < ADIT_LOG_DEBUG)
        return;
    for (size_t i = 0; adit_peer_pair_at(peer, i, &p, sizeof p); i++)
        adit_debug("session", "pair %s to %s: %s%s%s%s, asked %llu times", p.local, p.remote,
                   adit_why_text(p.why), p.err ? " (" : "", p.err ? strerror(p.err) : "",
                   p.err ? ")" : "", (unsigned long long)p.checks_sent);
}

void adit_report_failed(struct adit_peer *peer, const char *text)
{
    adit_log(ADIT_LOG_ERROR, "session", "%s", text);
    if (peer)
        report_pairs(peer);
}

typedef unsigned long long ull;

void adit_report_stats(struct adit_peer *peer)
{
    struct adit_peer_stats s;
    char text[PATH_WORDS];

    adit_peer_stats(peer, &s, sizeof s);
    adit_log(ADIT_LOG_INFO, "session", "path: %s, round trip %.1f ms", path_words(peer, &s, text),
             ms(s.rtt));
    adit_log(ADIT_LOG_INFO, "session",
             "datagrams: %llu sent (%llu bytes), %llu received (%llu bytes), %llu dropped",
             (ull)s.packets_sent, (ull)s.bytes_sent, (ull)s.packets_received, (ull)s.bytes_received,
             (ull)s.datagrams_dropped);
    adit_log(ADIT_LOG_INFO, "session",
             "messages: %llu sent (%llu bytes), %llu received (%llu bytes); SCTP: window %u bytes, "
             "%llu retransmissions, %u restarts",
             (ull)s.messages_sent, (ull)s.message_bytes_sent, (ull)s.messages_received,
             (ull)s.message_bytes_received, (unsigned)s.sctp_cwnd, (ull)s.retransmissions,
             (unsigned)s.sctp_restarts);
    report_pairs(peer);
    if (s.inner_sent || s.inner_received)
        adit_log(ADIT_LOG_INFO, "session",
                 "packets beside the channel: %llu sent (%llu bytes), %llu received (%llu bytes)",
                 (ull)s.inner_sent, (ull)s.inner_bytes_sent, (ull)s.inner_received,
                 (ull)s.inner_bytes_received);
}
