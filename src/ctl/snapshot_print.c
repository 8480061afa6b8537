/* snapshot_print - a snapshot for people. */
#include "base/str.h"
#include "ctl/snapshot.h"

#define WORD_MAX 200

/* What a terminal may show of a string; "" if there is none. */
static const char *word(char out[WORD_MAX], const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);

    return adit_str_printable(out, WORD_MAX, json_is_string(v) ? json_string_value(v) : "",
                              json_is_string(v) ? json_string_length(v) : 0);
}

static double number(const json_t *o, const char *key)
{
    return json_number_value(json_object_get(o, key));
}

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

static void print_rate(struct adit_buf *out, const json_t *peer, const json_t *before,
                       const char *key, adit_time since)
{
    double bits = (number(peer, key) - number(before, key)) * 8;

    adit_buf_printf(out, " (");
    print_amount(out, bits > 0 ? bits * (double)ADIT_SEC / (double)since : 0, "bit/s", 1000);
    adit_buf_printf(out, ")");
}

static void print_peer(struct adit_buf *out, const json_t *peer, const json_t *before,
                       adit_time since)
{
    char text[WORD_MAX];
    const json_t *channels = json_object_get(peer, "channels"), *channel;
    bool same =
        before && json_equal(json_object_get(peer, "name"), json_object_get(before, "name"));
    size_t i;

    adit_buf_printf(out, "\n  %s", word(text, peer, "name"));
    adit_buf_printf(out, ": %s for ", word(text, peer, "state"));
    print_seconds(out, number(peer, "seconds"));
    adit_buf_printf(out, "\n");
    if (!*word(text, peer, "path"))
        return;
    adit_buf_printf(out, "    path      %s", text);
    adit_buf_printf(out, ", %s", word(text, peer, "local"));
    adit_buf_printf(out, " to %s", word(text, peer, "remote"));
    if (number(peer, "rtt_ms") > 0)
        adit_buf_printf(out, ", round trip %.1f ms", number(peer, "rtt_ms"));
    adit_buf_printf(out, "\n    sent      ");
    print_amount(out, number(peer, "bytes_sent"), "B", 1024);
    if (same)
        print_rate(out, peer, before, "bytes_sent", since);
    adit_buf_printf(out, "\n    received  ");
    print_amount(out, number(peer, "bytes_received"), "B", 1024);
    if (same)
        print_rate(out, peer, before, "bytes_received", since);
    adit_buf_printf(out, "\n    channels ");
    json_array_foreach(channels, i, channel)
        adit_buf_printf(out, " %s%s", word(text, channel, "label"),
                        json_is_true(json_object_get(channel, "open")) ? "" : " (opening)");
    adit_buf_printf(out, "\n    cipher    %s\n", word(text, peer, "cipher"));
    adit_buf_printf(out, "    identity  %s\n", word(text, peer, "fingerprint"));
}

void adit_snapshot_print(struct adit_buf *out, const json_t *snapshot, const json_t *before,
                         adit_time since)
{
    const json_t *peers = json_object_get(snapshot, "peers"), *peer;
    char text[WORD_MAX];
    size_t i;

    adit_buf_printf(out, "adit %s", word(text, snapshot, "version"));
    adit_buf_printf(out, " %s", word(text, snapshot, "role"));
    adit_buf_printf(out, ", mode %s", word(text, snapshot, "mode"));
    adit_buf_printf(out, ", process %.0f, for ", number(snapshot, "pid"));
    print_seconds(out, number(snapshot, "seconds"));
    adit_buf_printf(out, "\n  signaling %s", word(text, snapshot, "signaling"));
    adit_buf_printf(out, " (%s)", word(text, snapshot, "dialect"));
    if (*word(text, snapshot, "id"))
        adit_buf_printf(out, " as %s", text);
    adit_buf_printf(out, "\n  identity  %s\n", word(text, snapshot, "fingerprint"));
    json_array_foreach(peers, i, peer)
        print_peer(out, peer, json_array_get(json_object_get(before, "peers"), i), since);
    if (!json_array_size(peers))
        adit_buf_printf(out, "\n  no peers\n");
}
