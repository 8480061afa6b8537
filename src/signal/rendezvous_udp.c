#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "signal/rendezvous.h"

static const char punch_word[] = "P2P_HOLE_PUNCH_PING_FROM_";

/* ---- parcels: what two adits tell each other ------------------------------------------------- */

static void on_parcel_send(void *arg, const char *datagram, size_t n)
{
    struct adit_rendezvous *w = arg;

    w->s.ops->datagram(w->s.arg, &w->peer_addr, datagram, n);
}

static void on_parcel_text(void *arg, const char *text, size_t n, adit_time now)
{
    (void)now;
    adit_rendezvous_text(arg, text, n);
}

static const struct adit_parcel_ops parcel_ops = { .send = on_parcel_send, .text = on_parcel_text };

/* ---- meeting --------------------------------------------------------------------------------- */

void adit_rendezvous_meet(struct adit_rendezvous *w, const char *peer, const struct adit_addr *addr,
                          adit_time now)
{
    struct adit_signal_event e = ADIT_SIGNAL_EVENT(ADIT_SIGNAL_ENDPOINT);
    bool same = strcmp(peer, w->peer) == 0;

    if (!same) {
        if (w->parcels_started)
            adit_parcels_done(&w->parcels);
        adit_parcels_start(&w->parcels, &parcel_ops, w, w->s.id, adit_rng_u32(w->s.conf->rng));
        w->parcels_started = true;
        memcpy(w->peer, peer, strlen(peer) + 1);
        w->out.active = w->in.active = false;
        w->ping_sent = ADIT_NEVER;
        w->heard_at = 0;
    }
    w->left = false;
    /* An offer that comes again, every 300 s and with each report of an endpoint, must not turn us
     * into a source of packets: punching goes on, or begins again when it is over. */
    if (!same || !adit_addr_equal(addr, &w->peer_addr) || w->punches == ADIT_RENDEZVOUS_PUNCHES) {
        w->punches = 0;
        w->punch_at = same && w->punch_at != ADIT_NEVER ? w->punch_at : now;
    }
    w->peer_addr = *addr;
    w->keepalive_at = now + ADIT_RENDEZVOUS_KEEPALIVE;
    e.peer = w->peer;
    e.addr = *addr;
    w->s.ops->event(w->s.arg, &e);
    /* The same rule by which the original chooses the client of QUIC. */
    adit_say_peer(&w->s, w->peer, strcmp(w->s.id, w->peer) > 0);
}

static void punch(struct adit_rendezvous *w, adit_time now)
{
    char text[sizeof punch_word + ADIT_SIGNAL_PEER_MAX + 16];
    int n = snprintf(text, sizeof text, "%s%s_NUM_%u", punch_word, w->s.id, ++w->punches);

    w->s.ops->datagram(w->s.arg, &w->peer_addr, text, (size_t)n);
    w->punch_at =
        w->punches < ADIT_RENDEZVOUS_PUNCHES ? now + ADIT_RENDEZVOUS_PUNCH_EVERY : ADIT_NEVER;
}

/* ---- out ------------------------------------------------------------------------------------- */

int adit_rendezvous_send(struct adit_rendezvous *w, json_t *message)
{
    char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;
    size_t n = text ? strlen(text) : 0;
    int err = !text                              ? -ENOMEM
              : n > ADIT_RENDEZVOUS_DATAGRAM_MAX ? -EMSGSIZE
              : !w->peer[0]                      ? -EAGAIN
                                                 : 0;

    if (err == 0)
        w->s.ops->datagram(w->s.arg, &w->peer_addr, text, n);
    json_decref(message);
    free(text);
    return err;
}

int adit_rendezvous_message(struct adit_dialect_state *s, const char *peer, const char *text,
                            size_t n, adit_time now)
{
    (void)peer, (void)now;
    return adit_rendezvous_send(adit_rendezvous_of(s),
                                json_pack("{s:s, s:s, s:s%}", "type", "chat_message",
                                          "from_worker_id", s->id, "content", text, n));
}

int adit_rendezvous_ping(struct adit_dialect_state *s, const char *peer, adit_time now)
{
    struct adit_rendezvous *w = adit_rendezvous_of(s);

    (void)peer;
    w->ping_sent = now;
    w->ping_stamp = (double)now / (double)ADIT_SEC;
    return adit_rendezvous_send(w, json_pack("{s:s, s:s, s:f}", "type", "p2p_ping_request",
                                             "from_worker_id", s->id, "timestamp", w->ping_stamp));
}

adit_time adit_rendezvous_udp_deadline(const struct adit_rendezvous *w)
{
    adit_time at = adit_rendezvous_bench_deadline(w);

    if (!w->peer[0])
        return ADIT_NEVER;
    at = adit_time_min(at, w->punch_at);
    at = adit_time_min(at, adit_parcels_deadline(&w->parcels));
    return w->left ? at : adit_time_min(at, w->keepalive_at);
}

void adit_rendezvous_udp_tick(struct adit_rendezvous *w, adit_time now)
{
    if (!w->peer[0])
        return;
    if (now >= w->punch_at)
        punch(w, now);
    adit_parcels_tick(&w->parcels, now);
    adit_rendezvous_bench_tick(w, now);
    if (!w->left && now >= w->keepalive_at) {
        w->keepalive_at = now + ADIT_RENDEZVOUS_KEEPALIVE;
        (void)adit_rendezvous_send(
            w, json_pack("{s:s, s:s}", "type", "p2p_keep_alive", "from_worker_id", w->s.id));
    }
}

/* ---- in -------------------------------------------------------------------------------------- */

static void on_chat(struct adit_rendezvous *w, const json_t *m)
{
    struct adit_signal_event e = ADIT_SIGNAL_EVENT(ADIT_SIGNAL_MESSAGE);

    e.text = adit_json_string(m, "content");
    if (!e.text || strlen(e.text) > ADIT_SIGNAL_TEXT_MAX)
        return;
    e.peer = w->peer;
    e.len = strlen(e.text);
    w->s.ops->event(w->s.arg, &e);
}

/* The stamp goes back as it came: it is the other side's clock. */
static void echo(struct adit_rendezvous *w, const char *type, const json_t *m)
{
    json_t *stamp = json_object_get(m, "timestamp");
    const char *from = adit_json_string(m, "from_worker_id");

    if (!json_is_number(stamp))
        return;
    if (strcmp(type, "p2p_pairing_echo") == 0)
        (void)adit_rendezvous_send(w, json_pack("{s:s, s:s, s:O}", "type", type, "from_worker_id",
                                                w->s.id, "original_timestamp", stamp));
    else if (from)
        (void)adit_rendezvous_send(w, json_pack("{s:s, s:s, s:O, s:s}", "type", type,
                                                "from_worker_id", w->s.id, "original_timestamp",
                                                stamp, "responding_to_worker_id", from));
}

static void on_pong(struct adit_rendezvous *w, const json_t *m, adit_time now)
{
    struct adit_signal_event e = ADIT_SIGNAL_EVENT(ADIT_SIGNAL_RTT);
    double stamp = json_number_value(json_object_get(m, "original_timestamp"));

    if (w->ping_sent == ADIT_NEVER || stamp != w->ping_stamp)
        return;
    e.peer = w->peer;
    e.rtt = now - w->ping_sent;
    w->ping_sent = ADIT_NEVER;
    w->s.ops->event(w->s.arg, &e);
}

/* Where does the peer send from? The original believes anybody who knows its name. We follow a port
 * that changed, as NATs do it, and another address only when the old one has been silent. */
static bool follow(struct adit_rendezvous *w, const struct adit_addr *from, adit_time now)
{
    bool same_ip = adit_addr_equal_ip(from, &w->peer_addr);

    if (!same_ip && w->heard_at && now - w->heard_at < 2 * ADIT_RENDEZVOUS_KEEPALIVE)
        return false;
    w->peer_addr = *from;
    w->heard_at = now;
    return true;
}

static void on_json(struct adit_rendezvous *w, const struct adit_addr *from, const json_t *m,
                    size_t n, adit_time now)
{
    const char *type = adit_json_string(m, "type"), *id = adit_json_string(m, "from_worker_id");
    bool known = adit_addr_equal(from, &w->peer_addr);

    if (!type || (id ? strcmp(id, w->peer) != 0 || !follow(w, from, now) : !known))
        return;
    w->heard_at = now;
    if (strcmp(type, "chat_message") == 0)
        on_chat(w, m);
    else if (strcmp(type, "p2p_ping_request") == 0)
        echo(w, "p2p_ping_response", m);
    else if (strcmp(type, "p2p_ping_response") == 0)
        on_pong(w, m, now);
    else if (strcmp(type, "p2p_pairing_test") == 0)
        echo(w, "p2p_pairing_echo", m);
    else if (strcmp(type, "benchmark_chunk") == 0 || strcmp(type, "benchmark_end") == 0)
        adit_rendezvous_bench_json(w, strcmp(type, "benchmark_end") == 0, n, now);
    else if (strcmp(type, "adit_part") == 0 || strcmp(type, "adit_ack") == 0)
        adit_parcels_feed(&w->parcels, m, now);
}

/* STUN by its cookie (RFC 8489 section 5), DTLS and ChannelData by the first byte (RFC 7983). */
static bool of_connection(const uint8_t *p, size_t n)
{
    return (n >= 20 && p[0] < 4 && adit_get32(p + 4) == 0x2112a442) || (p[0] >= 20 && p[0] < 80);
}

bool adit_rendezvous_datagram(struct adit_dialect_state *s, const struct adit_addr *from,
                              const void *bytes, size_t n, adit_time now)
{
    struct adit_rendezvous *w = adit_rendezvous_of(s);
    const uint8_t *p = bytes;
    size_t word = sizeof punch_word - 1;
    struct adit_cause cause;

    if (n == 0 || of_connection(p, n))
        return false;
    if (n > word && memcmp(p, punch_word, word) == 0)
        return true; /* it has done its work by coming; the original does not answer either */
    if (*p == '{') {
        json_t *m = w->peer[0] && n <= ADIT_RENDEZVOUS_DATAGRAM_MAX
                        ? adit_json_read(bytes, n, &cause)
                        : NULL;
        if (json_is_object(m)) {
            on_json(w, from, m, n, now);
            json_decref(m);
            return true;
        }
        json_decref(m);
    }
    if (!w->peer[0] || !adit_addr_equal(from, &w->peer_addr))
        return false;
    /* A marker of four bytes, or the number of a chunk. QUIC, which we do not speak, has the top
     * bit. */
    if (n >= 4 && (n == 4 || p[0] < 0x80))
        adit_rendezvous_bench_raw(w, p, n, now);
    return true;
}
