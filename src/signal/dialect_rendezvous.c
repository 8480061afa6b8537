/* dialect_rendezvous.c - a worker: /ws/register/<id>, an endpoint reported, peers offered.
 *
 * The server pairs whoever has reported an endpoint, in its own order; newer ones also on request
 * (POST /api/connect). A report makes us ready again, so offers repeat. Unknown messages are
 * ignored there, so what is meant for another adit goes both over the server, which may forward it,
 * and over the punched path, and the first to arrive counts. */
#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "signal/rendezvous.h"

/* A UUIDv4, RFC 9562 section 5.4. */
static void make_uuid(struct adit_rng *rng, char out[37])
{
    uint8_t b[16];

    adit_rng_bytes(rng, b, sizeof b);
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    snprintf(out, 37, "%08x-%04x-%04x-%04x-%04x%08x", adit_get32(b), adit_get16(b + 4),
             adit_get16(b + 6), adit_get16(b + 8), adit_get16(b + 10), adit_get32(b + 12));
}

static int start(struct adit_dialect_state *s, struct adit_cause *ret_cause, adit_time now)
{
    struct adit_rendezvous *w = adit_rendezvous_of(s);

    (void)now;
    w->recheck_at = w->punch_at = w->keepalive_at = w->ping_sent = ADIT_NEVER;
    if (s->conf->id)
        return adit_say_id(s, "", ret_cause);
    make_uuid(s->conf->rng, s->id);
    return 0;
}

static void done(struct adit_dialect_state *s)
{
    if (adit_rendezvous_of(s)->parcels_started)
        adit_parcels_done(&adit_rendezvous_of(s)->parcels);
}

/* What stands before /ws/register. */
static size_t prefix_len(const char *target)
{
    size_t len = adit_say_path_len(target);
    const char *at = strstr(target, "/ws/register");

    if (at && (size_t)(at - target) < len)
        return (size_t)(at - target);
    while (len && target[len - 1] == '/')
        len--;
    return len;
}

static void begin(struct adit_dialect_state *s, adit_time now)
{
    struct adit_dialect_request r = { .method = "GET" };
    struct adit_buf target;

    (void)now;
    adit_buf_init(&target, ADIT_DIALECT_TARGET_MAX);
    adit_buf_add(&target, s->conf->target, prefix_len(s->conf->target));
    adit_buf_printf(&target, "/ws/register/");
    adit_say_escaped(&target, s->id);
    r.target = adit_buf_str(&target);
    if (target.err)
        adit_say_fail(s, false, false, "no memory, or the address is too long");
    else
        s->ops->websocket(s->arg, &r);
    adit_buf_done(&target);
}

/* ---- our endpoint ---------------------------------------------------------------------------- */

static int report(struct adit_rendezvous *w)
{
    char ip[ADIT_ADDR_STR];
    int err;

    adit_addr_str_ip(&w->endpoint, ip);
    err = adit_say_send(&w->s, json_pack("{s:s, s:s}", "type", "register_public_ip", "ip", ip));
    return err < 0
               ? err
               : adit_say_send(&w->s, json_pack("{s:s, s:s, s:i}", "type", "update_udp_endpoint",
                                                "udp_ip", ip, "udp_port", (int)w->endpoint.port));
}

static void opened(struct adit_dialect_state *s, adit_time now)
{
    struct adit_rendezvous *w = adit_rendezvous_of(s);

    adit_say_joined(s);
    w->recheck_at = now + ADIT_RENDEZVOUS_RECHECK;
    if (w->endpoint.family == ADIT_FAMILY_NONE)
        adit_say_event(s, ADIT_SIGNAL_REMAP, "");
    else if (report(w) < 0)
        adit_say_fail(s, false, false, "no memory to report our address");
}

static bool lost(struct adit_dialect_state *s, int http_status, unsigned close_code,
                 const char *close_reason, struct adit_cause *cause, bool *ret_final, adit_time now)
{
    (void)http_status, (void)close_reason, (void)ret_final, (void)now;
    adit_rendezvous_of(s)->recheck_at = ADIT_NEVER;
    if (close_code == 1012)
        adit_cause_set(cause, ADIT_REASON_REMOTE, 0,
                       "somebody else has registered with our --id (1012)");
    return false;
}

static int endpoint(struct adit_dialect_state *s, const struct adit_addr *addr, adit_time now)
{
    struct adit_rendezvous *w = adit_rendezvous_of(s);

    w->endpoint = *addr;
    if (!s->joined)
        return 0; /* it is reported when the server is there */
    w->recheck_at = now + ADIT_RENDEZVOUS_RECHECK;
    return report(w);
}

/* ---- what comes ------------------------------------------------------------------------------ */

static void on_offer(struct adit_rendezvous *w, const json_t *m, adit_time now)
{
    const char *peer = adit_say_name(m, "peer_worker_id"), *ip = adit_json_string(m, "peer_udp_ip");
    json_int_t port = json_integer_value(json_object_get(m, "peer_udp_port"));
    struct adit_addr addr;
    enum adit_scope_kind scope;

    if (!peer || strcmp(peer, w->s.id) == 0 || !ip || port < 1 || port > UINT16_MAX ||
        adit_addr_parse(&addr, ip, strlen(ip)) < 0) {
        adit_say_error(&w->s, "", EPROTO, "the server offers a peer without an address");
        return;
    }
    scope = adit_addr_scope(&addr);
    if (scope == ADIT_SCOPE_UNSPECIFIED || scope == ADIT_SCOPE_MULTICAST ||
        scope == ADIT_SCOPE_RESERVED) {
        adit_say_error(&w->s, peer, EPROTO, "the server offers an address that is nobody's");
        return;
    }
    addr.port = (uint16_t)port;
    adit_rendezvous_meet(w, peer, &addr, now);
}

/* An adit at the other end, by way of a server that forwards. */
static void on_forwarded(struct adit_rendezvous *w, const json_t *m, adit_time now)
{
    const char *from = adit_say_name(m, "from_worker_id");
    const json_t *session = json_object_get(m, "session"), *n = json_object_get(m, "n");
    const char *text = adit_json_string(m, "text");

    if (from && text && w->peer[0] && strcmp(from, w->peer) == 0 && json_is_integer(session) &&
        json_is_integer(n))
        adit_parcels_whole(&w->parcels, (uint32_t)json_integer_value(session),
                           (uint32_t)json_integer_value(n), text, strlen(text), now);
}

static void on_admin(struct adit_rendezvous *w, const json_t *m)
{
    struct adit_signal_event e = ADIT_SIGNAL_EVENT(ADIT_SIGNAL_MESSAGE);

    e.text = adit_json_string(m, "content");
    if (!e.text || strlen(e.text) > ADIT_SIGNAL_TEXT_MAX)
        return;
    e.len = strlen(e.text);
    w->s.ops->event(w->s.arg, &e);
}

static void text(struct adit_dialect_state *s, const char *bytes, size_t n, adit_time now)
{
    struct adit_rendezvous *w = adit_rendezvous_of(s);
    const char *type, *status;
    json_t *m = adit_say_read(s, bytes, n, &type);

    if (!m)
        return;
    status = adit_json_string(m, "status");
    if (strcmp(type, "p2p_connection_offer") == 0)
        on_offer(w, m, now);
    else if (strcmp(type, "udp_endpoint_ack") == 0 && status && strcmp(status, "error") == 0)
        adit_say_error(s, "", 0, "the server refuses our address");
    else if (strcmp(type, "adit_text") == 0)
        on_forwarded(w, m, now);
    else if (strcmp(type, "admin_chat_message") == 0)
        on_admin(w, m);
    json_decref(m);
}

void adit_rendezvous_text(struct adit_rendezvous *w, const char *text_of, size_t n)
{
    adit_plain_read(&w->s, w->peer,
                    strcmp(w->s.id, w->peer) > 0 ? ADIT_SIGNAL_ANSWER : ADIT_SIGNAL_OFFER, text_of,
                    n);
}

static void answered(struct adit_dialect_state *s, const struct adit_dialect_response *r,
                     adit_time now)
{
    (void)now;
    if (r->status == 404 || r->status == 405)
        adit_say_error(s, "", ENOENT, "that worker is not there, or the server pairs by itself");
    else if (r->status / 100 != 2)
        adit_say_error(s, "", 0, "the server does not connect us (HTTP %d)", r->status);
}

static adit_time deadline(const struct adit_dialect_state *s)
{
    const struct adit_rendezvous *w = adit_container_of(s, const struct adit_rendezvous, s);

    return adit_time_min(w->recheck_at, adit_rendezvous_udp_deadline(w));
}

static void tick(struct adit_dialect_state *s, adit_time now)
{
    struct adit_rendezvous *w = adit_rendezvous_of(s);

    if (now >= w->recheck_at) {
        w->recheck_at = now + ADIT_RENDEZVOUS_RECHECK;
        adit_say_event(s, ADIT_SIGNAL_REMAP, "");
    }
    adit_rendezvous_udp_tick(w, now);
}

/* ---- commands -------------------------------------------------------------------------------- */

/* "" = whoever the server chooses. */
static int call(struct adit_dialect_state *s, const char *peer, adit_time now)
{
    struct adit_rendezvous *w = adit_rendezvous_of(s);
    struct adit_dialect_request r = { .tag = 1, .method = "POST" };
    struct adit_buf target;
    json_t *body;
    char *text_of;

    (void)now;
    if (*peer == 0 || strcmp(peer, w->peer) == 0) {
        if (w->peer[0])
            adit_say_peer(s, w->peer, strcmp(s->id, w->peer) > 0);
        return 0;
    }
    if (!s->joined)
        return -EAGAIN;
    adit_buf_init(&target, ADIT_DIALECT_TARGET_MAX);
    adit_buf_add(&target, s->conf->target, prefix_len(s->conf->target));
    adit_buf_printf(&target, "/api/connect");
    body = json_pack("{s:s, s:s}", "worker_a_id", s->id, "worker_b_id", peer);
    text_of = body ? json_dumps(body, JSON_COMPACT) : NULL;
    r.target = adit_buf_str(&target);
    r.body = text_of;
    r.body_len = text_of ? strlen(text_of) : 0;
    if (text_of && !target.err)
        s->ops->http(s->arg, &r);
    int err = text_of && !target.err ? 0 : -ENOMEM;
    adit_buf_done(&target);
    json_decref(body);
    free(text_of);
    return err;
}

/* Takes the message. By both ways; one that cannot be taken is no error while the other can. */
static int tell(struct adit_rendezvous *w, json_t *message, adit_time now)
{
    char *text_of = message ? json_dumps(message, JSON_COMPACT) : NULL;
    uint32_t n = 0;
    int err = !text_of ? -ENOMEM : !w->peer[0] ? -EAGAIN : 0;

    if (err == 0)
        err = adit_parcels_push(&w->parcels, text_of, strlen(text_of), &n, now);
    if (err == 0 && w->s.joined)
        err = adit_say_send(&w->s, json_pack("{s:s, s:s, s:s, s:I, s:I, s:s}", "type", "adit_text",
                                             "from_worker_id", w->s.id, "to_worker_id", w->peer,
                                             "session", (json_int_t)w->parcels.session, "n",
                                             (json_int_t)n, "text", text_of));
    json_decref(message);
    free(text_of);
    return err;
}

static int describe(struct adit_dialect_state *s, const char *peer, enum adit_signal_type type,
                    const char *sdp, size_t n, adit_time now)
{
    (void)peer;
    return tell(adit_rendezvous_of(s), adit_plain_description(type, sdp, n), now);
}

static int candidate(struct adit_dialect_state *s, const char *peer, const char *line,
                     const char *mid, int mline, adit_time now)
{
    (void)peer;
    return tell(adit_rendezvous_of(s), adit_plain_candidate(line, mid, mline), now);
}

/* And we are ready for another. */
static int bye(struct adit_dialect_state *s, const char *peer, adit_time now)
{
    struct adit_rendezvous *w = adit_rendezvous_of(s);
    int err = tell(w, adit_plain_bye(), now);

    (void)peer;
    w->left = true;
    if (err == 0 && s->joined && w->endpoint.family != ADIT_FAMILY_NONE)
        err = report(w);
    return err;
}

static void leave(struct adit_dialect_state *s, adit_time now)
{
    (void)now;
    if (s->joined && adit_say_send(s, json_pack("{s:s, s:s}", "type", "explicit_deregister",
                                                "worker_id", s->id)) < 0)
        return; /* the socket closes, which says the same */
}

static const char *const stun[] = { "stun.l.google.com:19302", NULL };

const struct adit_dialect adit_dialect_rendezvous = {
    .name = "rendezvous",
    .summary = "workers that report UDP endpoints and are paired (hole punching, 2025)",
    .traits = { .label = "adit",
                .mode = "chat",
                .tickets = true,
                .trickle = true,
                .keepalive = "",
                .stun = stun,
                .warning = "this service lets anybody be paired with us: only fingerprints say who "
                           "it is",
                .port = 8080,
                .retry_first = 10 * ADIT_SEC,
                .retry_max = 10 * ADIT_SEC,
                .retry_factor_x10 = 10,
                .retry_jitter_percent = 10 },
    .size = sizeof(struct adit_rendezvous),
    .start = start,
    .done = done,
    .begin = begin,
    .answered = answered,
    .opened = opened,
    .text = text,
    .datagram = adit_rendezvous_datagram,
    .lost = lost,
    .deadline = deadline,
    .tick = tick,
    .call = call,
    .describe = describe,
    .candidate = candidate,
    .bye = bye,
    .endpoint = endpoint,
    .message = adit_rendezvous_message,
    .ping = adit_rendezvous_ping,
    .bench = adit_rendezvous_bench,
    .leave = leave,
};
