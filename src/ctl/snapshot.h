/* snapshot.h - the state of a running agent, as one JSON object, and the same for people.
 *
 *     {"version":"0.1.0","pid":7,"role":"listen","mode":"tun","id":"alice","signaling":"joined",
 *      "dialect":"agent","fingerprint":"sha-256 …","peers":[{"name":"bob","state":"connected",
 *      "adit":true,"path":"direct IPv4","local":"host
 * 192.0.2.1:4711","remote":"…","rtt_ms":1.2,…}]}
 *
 * The agent's process makes the object; who asks prints it. */
#ifndef ADIT_SNAPSHOT_H
#define ADIT_SNAPSHOT_H

#include <jansson.h>

#include "agent/agent.h"
#include "base/buf.h"

/* The caller gives it back with json_decref. NULL without memory. */
json_t *adit_snapshot(const struct adit_agent *a, adit_time now);
/* One of its peers alone. */
json_t *adit_snapshot_call(const struct adit_call *call, adit_time now);

/* What follows gets snapshots from another process, which may be anything that is JSON. */

/* Adds "sent_bit_s" and "received_bit_s" to each peer that is in `before` as well, a snapshot of
 * the same agent taken `since` earlier. */
void adit_snapshot_add_rates(json_t *snapshot, const json_t *before, adit_time since);
/* For a terminal. verbose: with all pairs of addresses, and what is known of the network. */
void adit_snapshot_print(struct adit_buf *out, const json_t *snapshot, bool verbose);

#endif
