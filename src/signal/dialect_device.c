/* dialect_device.c - the first generation of the device server: the token in the query.
 *
 * The server speaks first, replies to every message (it was routed, or why not), in order, and adds
 * `sender_device_id`. Whom we call gets no offer before the reply to our request for it: the device
 * may come between the two, and would answer an offer that we have given up. It refuses a WebSocket
 * (HTTP 403, or 1008) for a bad token as for a device that it does not know, so the first refusal
 * makes us look and register. A second connection for our name closes the first with 1008. */
#include "base/str.h"
#include "signal/device.h"

static bool lost(struct adit_dialect_state *s, int http_status, unsigned close_code,
                 const char *close_reason, struct adit_cause *cause, bool *ret_final, adit_time now)
{
    struct adit_device *d = adit_device_of(s);
    bool refused = http_status == 403 || (close_code == 1008 && !s->joined);

    (void)close_reason, (void)ret_final, (void)now;
    if (d->step != ADIT_DEVICE_WEBSOCKET)
        return false;
    if (refused && !d->listed) {
        d->listed = d->look = true;
        if (d->fetched)
            d->token[0] = 0;
        return true;
    }
    if (refused)
        adit_cause_set(cause, ADIT_REASON_REMOTE, EACCES,
                       "the server refuses this token with this --id");
    else if (close_code == 1008)
        adit_cause_set(cause, ADIT_REASON_REMOTE, 0,
                       "somebody else has connected with our --id (1008)");
    d->listed = false;
    return false;
}

/* ---- replies --------------------------------------------------------------------------------- */

static int send(struct adit_dialect_state *s, json_t *message)
{
    int err = adit_say_send(s, message);

    if (!err)
        adit_device_of(s)->sent++;
    return err;
}

static void opened(struct adit_dialect_state *s, adit_time now)
{
    struct adit_device *d = adit_device_of(s);

    (void)now;
    d->sent = d->replies = d->asked_count = 0;
}

static void take_asked(struct adit_device *d, unsigned i, struct adit_device_asked *ret_asked)
{
    *ret_asked = d->asked[i];
    d->asked_count--;
    memmove(&d->asked[i], &d->asked[i + 1], (d->asked_count - i) * sizeof d->asked[0]);
}

/* Counts a reply. True: it is to a call of ours. */
static bool replied(struct adit_device *d, struct adit_device_asked *ret_asked)
{
    if (d->replies == d->sent)
        return false; /* to none */
    d->replies++;
    if (!d->asked_count || d->asked[0].reply != d->replies)
        return false;
    take_asked(d, 0, ret_asked);
    return true;
}

static void on_ack(struct adit_dialect_state *s)
{
    struct adit_device_asked asked;

    if (replied(adit_device_of(s), &asked))
        adit_say_peer(s, asked.peer, true);
}

/* The device itself was quicker than the server. */
static void on_peer_ack(struct adit_dialect_state *s, const char *peer)
{
    struct adit_device *d = adit_device_of(s);
    struct adit_device_asked asked;

    for (unsigned i = 0; i < d->asked_count; i++)
        if (strcmp(d->asked[i].peer, peer) == 0) {
            take_asked(d, i, &asked);
            adit_say_peer(s, asked.peer, true);
            return;
        }
}

/* "Target device <id> not connected" */
static void on_error(struct adit_dialect_state *s, const json_t *m)
{
    static const char before[] = "Target device ", after[] = " not connected";
    struct adit_device_asked asked;
    bool called = replied(adit_device_of(s), &asked);
    const char *text = adit_json_string(m, "message");
    char peer[ADIT_SIGNAL_PEER_MAX + 1];
    size_t frame = sizeof before + sizeof after - 2, n = text ? strlen(text) : 0;

    if (n > frame && adit_str_starts(text, before) &&
        strcmp(text + n - (sizeof after - 1), after) == 0 &&
        adit_str_copy(peer, sizeof peer, text + sizeof before - 1, n - frame) == 0)
        adit_say_error(s, peer, ENOENT, "%s is not at the server", peer);
    else
        adit_say_error(s, called ? asked.peer : "", called ? ENOENT : 0, "the server says: %s",
                       text ? text : "an error");
}

/* ---- messages -------------------------------------------------------------------------------- */

static const char *word(const json_t *m, const char *key)
{
    const char *s = adit_json_string(m, key);

    return s ? s : "";
}

static void tell(struct adit_dialect_state *s, enum adit_signal_what what, const char *peer,
                 const json_t *m, const char *transport)
{
    struct adit_signal_event e = ADIT_SIGNAL_EVENT(what);

    e.peer = peer;
    e.transport = word(m, transport);
    e.session = word(m, "relay_session_id");
    e.relay_url = word(m, "relay_url");
    e.relay_token = word(m, "relay_token");
    e.text = word(m, "status");
    e.len = strlen(e.text);
    s->ops->event(s->arg, &e);
}

static int ack(struct adit_dialect_state *s, const char *peer, const char *transport,
               const char *session, const char *status)
{
    return send(s, json_pack("{s:s, s:s, s:s, s:s?, s:s}", "type", "connect-ack",
                             "target_device_id", peer, "transport", transport, "relay_session_id",
                             *session ? session : NULL, "status", status));
}

/* We have no relay to offer, so a request for one is answered at once. */
static void on_request(struct adit_dialect_state *s, const char *peer, const json_t *m)
{
    const char *wanted = word(m, "preferred_transport");
    bool relay = strcmp(wanted, "relay") == 0;

    tell(s, ADIT_SIGNAL_REQUEST, peer, m, "preferred_transport");
    if (ack(s, peer, relay ? "relay" : "webrtc", word(m, "relay_session_id"),
            relay ? "failed" : "connecting") < 0)
        adit_say_error(s, peer, ENOMEM, "no memory for an answer");
}

static void on_outcome(struct adit_dialect_state *s, const char *peer, const json_t *m)
{
    on_peer_ack(s, peer);
    tell(s, ADIT_SIGNAL_OUTCOME, peer, m, "transport");
}

void adit_device_message(struct adit_dialect_state *s, const char *type, const json_t *m)
{
    const char *from = adit_say_name(m, "from_device_id");
    const char *sender = adit_say_name(m, "sender_device_id");
    const json_t *payload = json_object_get(m, "payload");

    if (from && strcmp(type, "connect-request-received") == 0)
        on_request(s, from, m);
    else if (from && strcmp(type, "connect-ack-received") == 0)
        on_outcome(s, from, m);
    else if (!sender)
        ; /* it is not from a device */
    else if (strcmp(type, "offer") == 0)
        adit_say_description(s, sender, ADIT_SIGNAL_OFFER, json_object_get(payload, "sdp"));
    else if (strcmp(type, "answer") == 0)
        adit_say_description(s, sender, ADIT_SIGNAL_ANSWER, json_object_get(payload, "sdp"));
    else if (strcmp(type, "ice-candidate") == 0)
        adit_say_candidate(s, sender, payload, NULL);
    else if (strcmp(type, "bye") == 0)
        adit_say_event(s, ADIT_SIGNAL_BYE, sender);
}

static void text(struct adit_dialect_state *s, const char *bytes, size_t n, adit_time now)
{
    const char *type;
    json_t *m = adit_say_read(s, bytes, n, &type);

    (void)now;
    if (m && strcmp(type, "connected") == 0) {
        adit_device_of(s)->listed = false;
        if (!s->joined)
            adit_say_joined(s);
    } else if (m && strcmp(type, "ack") == 0) {
        on_ack(s);
    } else if (m && strcmp(type, "error") == 0) {
        on_error(s, m);
    } else if (m) {
        adit_device_message(s, type, m);
    }
    json_decref(m);
}

/* PEER follows when the server has routed it; at once where too many wait already. */
static int call(struct adit_dialect_state *s, const char *peer, adit_time now)
{
    struct adit_device *d = adit_device_of(s);
    struct adit_device_asked *asked = &d->asked[d->asked_count];
    int err = send(s, json_pack("{s:s, s:s, s:s}", "type", "connect-request", "target_device_id",
                                peer, "preferred_transport", "webrtc"));

    (void)now;
    if (err)
        return err;
    if (d->asked_count == ADIT_DEVICE_ASKED_MAX ||
        adit_str_copy(asked->peer, sizeof asked->peer, peer, strlen(peer)) < 0) {
        adit_say_peer(s, peer, true);
        return 0;
    }
    asked->reply = d->sent;
    d->asked_count++;
    return 0;
}

int adit_device_describe(struct adit_dialect_state *s, const char *peer, enum adit_signal_type type,
                         const char *sdp, size_t n, adit_time now)
{
    const char *word_of = type == ADIT_SIGNAL_OFFER ? "offer" : "answer";

    (void)now;
    return send(s, json_pack("{s:s, s:s, s:{s:s%, s:s}}", "type", word_of, "target_device_id", peer,
                             "payload", "sdp", sdp, n, "type", word_of));
}

/* An empty candidate would restart the original's signaling: the end is not told. */
int adit_device_candidate(struct adit_dialect_state *s, const char *peer, const char *line,
                          const char *mid, int mline, adit_time now)
{
    (void)now;
    if (!line)
        return 0;
    return send(s, json_pack("{s:s, s:s, s:o}", "type", "ice-candidate", "target_device_id", peer,
                             "payload", adit_say_candidate_object(line, mid, mline, false)));
}

int adit_device_outcome(struct adit_dialect_state *s, const char *peer, bool connected,
                        adit_time now)
{
    (void)now;
    return ack(s, peer, "webrtc", "", connected ? "connected" : "failed");
}

/* No word of the original's, but it routes whatever has a target. */
static int bye(struct adit_dialect_state *s, const char *peer, adit_time now)
{
    (void)now;
    return send(s, json_pack("{s:s, s:s}", "type", "bye", "target_device_id", peer));
}

static const char *const stun[] = { "stun.l.google.com:19302", NULL };

const struct adit_dialect adit_dialect_device = {
    .name = "device",
    .summary = "accounts and devices, the token in the query (WebRTC tunnel agent, 2025)",
    .traits = { .label = "http-proxy",
                .mode = "http",
                .text_is_binary = false,
                .complete = true,
                .trickle = true,
                .keepalive = "",
                .stun = stun,
                .warning = "this server takes the token in the address, where logs keep it, and "
                           "lets any account call any device: only fingerprints say who it is",
                .port = 8000,
                .retry_first = 2 * ADIT_SEC,
                .retry_max = 60 * ADIT_SEC,
                .retry_factor_x10 = 20,
                .retry_jitter_percent = 20 },
    .size = sizeof(struct adit_device),
    .start = adit_device_start,
    .done = adit_device_done,
    .begin = adit_device_begin,
    .answered = adit_device_answered,
    .opened = opened,
    .text = text,
    .lost = lost,
    .call = call,
    .describe = adit_device_describe,
    .candidate = adit_device_candidate,
    .bye = bye,
    .outcome = adit_device_outcome,
};
