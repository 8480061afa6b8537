/* snapshot_print - a snapshot for people, and how fast what it counts goes. */
#include "base/json.h"
#include "ctl/network.h"
#include "ctl/pairs.h"
#include "ctl/snapshot.h"

static void print_seconds(struct adit_buf *out, double seconds)
{
    unsigned long s = seconds > 0 && seconds < 1e9 ? (unsigned long)seconds : 0;

    if (s >= 86400)
        adit_buf_printf(out, "%lud%luh", s / 86400, s / 3600 % 24);
    else if (s >= 3600)
        adit_buf_printf(out, "%luh%lum", s / 3600, s / 60 % 60);
    else if (s >= 60)
        adit_buf_printf(out, "%lum%lus", s / 60, s % 60);
    else
        adit_buf_printf(out, "%lus", s);
}

static void print_amount(struct adit_buf *out, double amount, const char *unit, double step)
{
    static const char *const sizes[] = { "", "k", "M", "G", "T" };
    size_t i = 0;

    while (amount >= step && i + 1 < ADIT_LEN(sizes)) {
        amount /= step;
        i++;
    }
    adit_buf_printf(out, i ? "%.1f %s%s" : "%.0f %s%s", amount, sizes[i], unit);
}

static void print_rate(struct adit_buf *out, const json_t *peer, const char *key)
{
    if (!json_object_get(peer, key))
        return;
    adit_buf_printf(out, " (");
    print_amount(out, adit_json_number(peer, key), "bit/s", 1000);
    adit_buf_printf(out, ")");
}

static void print_offloads(struct adit_buf *out, const json_t *o)
{
    static const char *const names[][2] = { { "udp_segment", "UDP_SEGMENT" },
                                            { "udp_gro", "UDP_GRO" },
                                            { "tun_tso", "TSO" },
                                            { "tun_uso", "USO" } };
    bool any = false;

    for (size_t i = 0; i < ADIT_LEN(names); i++)
        if (json_is_true(json_object_get(o, names[i][0]))) {
            adit_buf_printf(out, any ? " %s" : "    offloads  %s", names[i][1]);
            any = true;
        }
    if (any)
        adit_buf_printf(out, "\n");
}

static void print_details(struct adit_buf *out, const json_t *peer)
{
    const json_t *pairs = json_object_get(peer, "pairs");

    adit_network_print(out, peer);
    if (!json_array_size(pairs))
        return;
    adit_buf_printf(out, "    pairs\n");
    adit_pairs_print(out, pairs, "      ");
}

static void print_peer(struct adit_buf *out, const json_t *peer, bool verbose)
{
    char text[ADIT_JSON_WORD];
    const json_t *channels = json_object_get(peer, "channels"), *channel;
    size_t i;

    adit_buf_printf(out, "\n  %s", adit_json_word(text, peer, "name"));
    if (json_is_true(json_object_get(peer, "adit")))
        adit_buf_printf(out, " (adit)");
    adit_buf_printf(out, ": %s for ", adit_json_word(text, peer, "state"));
    print_seconds(out, adit_json_number(peer, "seconds"));
    adit_buf_printf(out, "\n");
    if (!*adit_json_word(text, peer, "path")) {
        if (verbose)
            print_details(out, peer);
        return;
    }
    adit_buf_printf(out, "    path      %s", text);
    adit_buf_printf(out, ", %s", adit_json_word(text, peer, "local"));
    adit_buf_printf(out, " to %s", adit_json_word(text, peer, "remote"));
    if (adit_json_number(peer, "rtt_ms") > 0)
        adit_buf_printf(out, ", round trip %.1f ms", adit_json_number(peer, "rtt_ms"));
    if (*adit_json_word(text, peer, "choice"))
        adit_buf_printf(out, "\n    chosen    %s", text);
    if (*adit_json_word(text, peer, "nat_mapping") && strcmp(text, "unknown") != 0)
        adit_buf_printf(out, "\n    NAT       %s", strcmp(text, "none") ? text : "none before us");
    adit_buf_printf(out, "\n    sent      ");
    print_amount(out, adit_json_number(peer, "bytes_sent"), "B", 1024);
    print_rate(out, peer, "sent_bit_s");
    adit_buf_printf(out, "\n    received  ");
    print_amount(out, adit_json_number(peer, "bytes_received"), "B", 1024);
    print_rate(out, peer, "received_bit_s");
    adit_buf_printf(out, "\n    channels ");
    json_array_foreach(channels, i, channel)
        adit_buf_printf(out, " %s%s", adit_json_word(text, channel, "label"),
                        json_is_true(json_object_get(channel, "open")) ? "" : " (opening)");
    if (*adit_json_word(text, peer, "carrier"))
        adit_buf_printf(out, "\n    carrier   %s", text);
    adit_buf_printf(out, "\n    cipher    %s\n", adit_json_word(text, peer, "cipher"));
    adit_buf_printf(out, "    identity  %s\n", adit_json_word(text, peer, "fingerprint"));
    print_offloads(out, json_object_get(peer, "offloads"));
    if (verbose)
        print_details(out, peer);
}

/* Counters begin anew with each connection. */
static void add_rate(json_t *peer, const json_t *before, const char *bytes, const char *rate,
                     adit_time since)
{
    double bits = (adit_json_number(peer, bytes) - adit_json_number(before, bytes)) * 8;

    if (json_is_number(json_object_get(peer, bytes)))
        json_object_set_new(
            peer, rate,
            json_integer(bits > 0 ? (json_int_t)(bits * (double)ADIT_SEC / (double)since) : 0));
}

void adit_snapshot_add_rates(json_t *snapshot, const json_t *before, adit_time since)
{
    json_t *peer;
    size_t i;

    json_array_foreach(json_object_get(snapshot, "peers"), i, peer)
    {
        const json_t *old = json_array_get(json_object_get(before, "peers"), i);
        const json_t *name = json_object_get(peer, "name");

        if (!name || !json_equal(name, json_object_get(old, "name")))
            continue;
        add_rate(peer, old, "bytes_sent", "sent_bit_s", since);
        add_rate(peer, old, "bytes_received", "received_bit_s", since);
    }
}

/* How others find us: at a server, by our ticket. */
static void print_ways(struct adit_buf *out, const json_t *snapshot)
{
    const json_t *public = json_object_get(snapshot, "public");
    char text[ADIT_JSON_WORD];

    if (strcmp(adit_json_word(text, snapshot, "dialect"), "none") != 0) {
        adit_buf_printf(out, "\n  signaling %s", adit_json_word(text, snapshot, "signaling"));
        adit_buf_printf(out, " (%s)", adit_json_word(text, snapshot, "dialect"));
        if (*adit_json_word(text, snapshot, "id"))
            adit_buf_printf(out, " as %s", text);
        adit_addresses_print(out, ", seen at", json_object_get(snapshot, "seen"));
    }
    if (json_is_object(public))
        adit_buf_printf(out,
                        "\n  public    %.0f calls by ticket; turned away: %.0f forged, %.0f "
                        "repeated, %.0f too many",
                        adit_json_number(public, "calls"), adit_json_number(public, "forged"),
                        adit_json_number(public, "repeated"), adit_json_number(public, "limited"));
}

void adit_snapshot_print(struct adit_buf *out, const json_t *snapshot, bool verbose)
{
    const json_t *peers = json_object_get(snapshot, "peers"), *peer;
    char text[ADIT_JSON_WORD];
    size_t i;

    adit_buf_printf(out, "adit %s", adit_json_word(text, snapshot, "version"));
    adit_buf_printf(out, " %s", adit_json_word(text, snapshot, "role"));
    adit_buf_printf(out, ", mode %s", adit_json_word(text, snapshot, "mode"));
    adit_buf_printf(out, ", process %.0f, for ", adit_json_number(snapshot, "pid"));
    print_seconds(out, adit_json_number(snapshot, "seconds"));
    print_ways(out, snapshot);
    adit_buf_printf(out, "\n  identity  %s\n", adit_json_word(text, snapshot, "fingerprint"));
    json_array_foreach(peers, i, peer) print_peer(out, peer, verbose);
    if (!json_array_size(peers))
        adit_buf_printf(out, "\n  no peers\n");
}
