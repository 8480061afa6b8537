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
    else
        snprintf(out, PATH_WORDS, "from %s to %s", adit_cand_type_name(pair.local->type),
                 adit_cand_type_name(pair.remote->type));
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
