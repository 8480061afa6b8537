#include "ctl/snapshot.h"

#include <unistd.h>

#include "agent/gate.h"
#include "agent/inner.h"
#include "base/json.h"
#include "ctl/network.h"
#include "ctl/pairs.h"

/* "direct IPv4", "TCP IPv4", "relay IPv6": what matters of the two ends. */
static json_t *path_of(const struct adit_peer *peer)
{
    struct adit_ice_pair_info pair;
    bool relay;

    if (!adit_engine_selected(peer->engine, &pair))
        return json_null();
    relay = pair.local->type == ADIT_CAND_RELAY || pair.remote->type == ADIT_CAND_RELAY;
    return json_sprintf("%s %s",
                        relay                                          ? "relay"
                        : pair.remote->transport == ADIT_TRANSPORT_TCP ? "TCP"
                                                                       : "direct",
                        pair.remote->addr.family == ADIT_FAMILY_V6 ? "IPv6" : "IPv4");
}

static json_t *channels_of(const struct adit_peer *peer)
{
    json_t *list = json_array();
    const struct adit_dc *dc;
    char label[256];

    for (size_t i = 0; (dc = adit_dcs_at(peer, i)); i++)
        json_array_append_new(list, json_pack("{s:s, s:b, s:I}", "label",
                                              adit_dc_label(dc, label, sizeof label), "open",
                                              adit_dc_is_open(dc), "buffered",
                                              (json_int_t)adit_dc_buffered(dc)));
    return list;
}

static json_t *offloads_of(const struct adit_call *call)
{
    bool sends, receives, tcp, udp;
    json_t *o;

    adit_call_runs(call, &sends, &receives);
    o = json_pack("{s:b, s:b}", "udp_segment", sends, "udp_gro", receives);
    if (o && adit_call_offloads(call, &tcp, &udp)) {
        json_object_set_new(o, "tun_tso", json_boolean(tcp));
        json_object_set_new(o, "tun_uso", json_boolean(udp));
    }
    return o;
}

static void add_paths(json_t *o, const struct adit_call *call, const struct adit_peer *peer)
{
    json_t *pairs = adit_pairs_json(peer);
    const char *choice = adit_pairs_choice(pairs);

    json_object_set_new(o, "choice", choice ? json_string(choice) : json_null());
    json_object_set_new(o, "nat_mapping",
                        json_string(adit_mapping_name(adit_engine_mapping(peer->engine))));
    json_object_set_new(o, "offloads", offloads_of(call));
    json_object_set_new(o, "candidates", adit_candidates_json(peer));
    json_object_set_new(o, "pairs", pairs);
    adit_network_add(o, peer);
}

static void add_stats(json_t *o, struct adit_peer *peer)
{
    struct adit_peer_stats s;
    const struct {
        const char *key;
        json_t *value;
    } rows[] = {
        { "path", path_of(peer) },
        { "channels", channels_of(peer) },
    };

    adit_peer_stats(peer, &s, sizeof s);
    for (size_t i = 0; i < ADIT_LEN(rows); i++)
        json_object_set_new(o, rows[i].key, rows[i].value);
    json_object_set_new(o, "local", json_string(s.local));
    json_object_set_new(o, "remote", json_string(s.remote));
    json_object_set_new(o, "cipher", json_string(s.cipher));
    json_object_set_new(o, "rtt_ms", adit_json_ms(s.rtt));
    json_object_set_new(o, "connect_ms", adit_json_ms(s.channel_after));
    json_object_set_new(o, "packets_sent", json_integer((json_int_t)s.packets_sent));
    json_object_set_new(o, "packets_received", json_integer((json_int_t)s.packets_received));
    json_object_set_new(o, "bytes_sent", json_integer((json_int_t)s.bytes_sent));
    json_object_set_new(o, "bytes_received", json_integer((json_int_t)s.bytes_received));
    json_object_set_new(o, "messages_sent", json_integer((json_int_t)s.messages_sent));
    json_object_set_new(o, "messages_received", json_integer((json_int_t)s.messages_received));
    json_object_set_new(o, "retransmissions", json_integer((json_int_t)s.retransmissions));
}

json_t *adit_snapshot_call(const struct adit_call *call, adit_time now)
{
    const struct adit_desc *desc = adit_call_remote(call);
    struct adit_peer *peer = adit_call_peer(call);
    char print[ADIT_FINGERPRINT_STR];
    json_t *o =
        json_pack("{s:s%, s:s, s:I}", "name", adit_call_name(call), strlen(adit_call_name(call)),
                  "state", adit_call_state_name(adit_call_state(call)), "seconds",
                  (json_int_t)((now - adit_call_since(call)) / ADIT_SEC));

    if (o && desc) /* the other end is an adit, too */
        json_object_set_new(o, "adit", json_boolean(desc->adit));
    if (o && desc && desc->fingerprint_count)
        json_object_set_new(o, "fingerprint",
                            json_string(adit_fingerprint_print(&desc->fingerprints[0], print)));
    if (o && adit_call_carrier(call)) /* of modes with packets */
        json_object_set_new(o, "carrier", json_string(adit_call_carrier(call)));
    if (o && peer) {
        add_stats(o, peer);
        add_paths(o, call, peer);
    }
    return o;
}

/* What came of the checks of strangers to a public listener. */
static json_t *strangers_of(const struct adit_agent *a)
{
    const uint64_t *n = adit_agent_strangers(a);

    if (!n)
        return json_null();
    return json_pack("{s:I, s:I, s:I, s:I}", "calls", (json_int_t)n[ADIT_DOOR_CALLER], "forged",
                     (json_int_t)n[ADIT_DOOR_FORGED], "repeated", (json_int_t)n[ADIT_DOOR_REPEATED],
                     "limited", (json_int_t)n[ADIT_DOOR_LIMITED]);
}

json_t *adit_snapshot(const struct adit_agent *a, adit_time now)
{
    const struct adit_agent_conf *conf = adit_agent_conf(a);
    const struct adit_signal *signal = adit_agent_signal(a);
    static const struct adit_addr none[2];
    json_t *peers = json_array();
    const struct adit_call *call;

    for (size_t i = 0; (call = adit_agent_call(a, i)); i++)
        json_array_append_new(peers, adit_snapshot_call(call, now));
    return json_pack(
        "{s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:o, s:s, s:I, s:o, s:o}", "version", ADIT_VERSION,
        "pid", (json_int_t)getpid(), "role", conf->connect ? "connect" : "listen", "mode",
        conf->call.lanes.app->name, "id", signal ? adit_signal_id(signal) : "", "dialect",
        signal ? adit_signal_dialect(signal) : "", "signaling",
        signal && adit_signal_joined(signal) ? "joined" : "down", "seen",
        adit_addresses_json(signal ? adit_signal_seen(signal) : none), "fingerprint",
        adit_agent_fingerprint(a), "seconds", (json_int_t)((now - adit_agent_since(a)) / ADIT_SEC),
        "peers", peers, "public", strangers_of(a));
}
