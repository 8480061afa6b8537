/* dialect_device_b.c - the second generation of the device server: a challenge signed with Ed25519.
 *
 *   ours    auth{token,device_id}                   within 10 s
 *   theirs  challenge{device_id,challenge,context}
 *   ours    auth-response{signature}                over context:device_id:challenge
 *   theirs  connected{device_id,ice_servers}
 *
 * Only a challenge for this purpose and this device is signed. Offers are taken from devices of our
 * own account alone, and refused ones get no reply; when a device calls that is not on our list,
 * the list is read again, once, and what it says waits. */
#include "base/str.h"
#include "signal/device.h"

#define CONNECT_CONTEXT "lem-signaling-connect-v1"

static int start(struct adit_dialect_state *s, struct adit_cause *ret_cause, adit_time now)
{
    if (s->conf->device_key)
        return adit_device_start(s, ret_cause, now);
    adit_cause_set(ret_cause, ADIT_REASON_LOCAL, EINVAL, "this server wants a --device-key");
    return -EINVAL;
}

static void opened(struct adit_dialect_state *s, adit_time now)
{
    (void)now;
    if (adit_say_send(s, json_pack("{s:s, s:s, s:s}", "type", "auth", "token",
                                   adit_device_of(s)->token, "device_id", s->id)) < 0)
        adit_say_fail(s, false, false, "no memory to register");
}

static bool lost(struct adit_dialect_state *s, int http_status, unsigned close_code,
                 const char *close_reason, struct adit_cause *cause, bool *ret_final, adit_time now)
{
    struct adit_device *d = adit_device_of(s);

    (void)http_status, (void)close_reason, (void)ret_final, (void)now;
    json_decref(d->waiting);
    d->waiting = NULL;
    if (close_code == 1008)
        adit_cause_set(cause, ADIT_REASON_REMOTE, EACCES, "the server refuses us (1008)");
    return false;
}

static void on_challenge(struct adit_dialect_state *s, const json_t *m)
{
    const char *id = adit_json_string(m, "device_id");
    const char *challenge = adit_json_string(m, "challenge");
    const char *context = adit_json_string(m, "context");
    char signature[ADIT_DEVICE_SIGNATURE];

    if (s->joined || !id || strcmp(id, s->id) != 0 || !context ||
        strcmp(context, CONNECT_CONTEXT) != 0 || !challenge ||
        adit_device_sign(adit_device_of(s), signature, context, challenge) < 0)
        adit_say_fail(s, false, false, "the server's challenge is none that we sign");
    else if (adit_say_send(
                 s, json_pack("{s:s, s:s}", "type", "auth-response", "signature", signature)) < 0)
        adit_say_fail(s, false, false, "no memory to answer the challenge");
}

/* urls is a string or an array of them, as in browsers. */
static unsigned add_server(struct adit_signal_server *out, unsigned n, const json_t *entry)
{
    const json_t *urls = json_object_get(entry, "urls");
    size_t count = json_is_array(urls) ? json_array_size(urls) : 1;

    for (size_t i = 0; i < count && n < ADIT_SIGNAL_ICE_SERVERS_MAX; i++) {
        const json_t *one = json_is_array(urls) ? json_array_get(urls, i) : urls;
        const char *url = json_string_value(one);
        if (url && strlen(url) == json_string_length(one) && adit_say_is_word(url))
            out[n++] = (struct adit_signal_server){
                .url = url,
                .username = adit_json_string(entry, "username"),
                .credential = adit_json_string(entry, "credential"),
            };
    }
    return n;
}

static void on_connected(struct adit_dialect_state *s, const json_t *m)
{
    const json_t *list = json_object_get(m, "ice_servers");
    struct adit_signal_server servers[ADIT_SIGNAL_ICE_SERVERS_MAX];
    struct adit_signal_event e = ADIT_SIGNAL_EVENT(ADIT_SIGNAL_ICE_SERVERS);

    for (size_t i = 0; i < json_array_size(list); i++)
        e.server_count = add_server(servers, e.server_count, json_array_get(list, i));
    e.servers = servers;
    if (e.server_count)
        s->ops->event(s->arg, &e);
    if (!s->joined)
        adit_say_joined(s);
}

static void on_error(struct adit_dialect_state *s, const json_t *m)
{
    const char *reason = adit_json_string(m, "reason"), *why = adit_json_string(m, "message");
    bool retryable = json_is_true(json_object_get(m, "retryable"));

    if (s->joined && retryable)
        adit_say_error(s, "", reason && strcmp(reason, "target-unavailable") == 0 ? ENOENT : 0,
                       "the server says: %s", why ? why : "an error");
    else
        adit_say_fail(s, false, !retryable, "the server says: %s (%s)", why ? why : "an error",
                      reason ? reason : "no reason");
}

/* The session that the server made at the relay for a request of ours. */
static void on_request_sent(struct adit_dialect_state *s, const json_t *m)
{
    const char *peer = adit_say_name(m, "target_device_id");
    struct adit_signal_event e = ADIT_SIGNAL_EVENT(ADIT_SIGNAL_OUTCOME);
    const char *session = adit_json_string(m, "relay_session_id");
    const char *url = adit_json_string(m, "relay_url"), *token = adit_json_string(m, "relay_token");

    if (!peer || !session || !url || !token)
        return;
    e.peer = peer;
    e.transport = "relay";
    e.session = session;
    e.relay_url = url;
    e.relay_token = token;
    e.text = "connecting";
    e.len = strlen(e.text);
    s->ops->event(s->arg, &e);
}

/* ---- who may call ---------------------------------------------------------------------------- */

static const char *sender_of(const json_t *m)
{
    const char *sender = adit_say_name(m, "sender_device_id");

    return sender ? sender : "";
}

static void refuse(struct adit_device *d, const char *sender)
{
    adit_say_error(&d->s, sender, EACCES, "an offer from outside of our account was refused");
}

/* An offer, and what follows it, is kept until the list has been read. False: it need not be. */
static bool wait_for_list(struct adit_device *d, const char *type, json_t *m)
{
    const json_t *first = json_array_get(d->waiting, 0);
    bool offer = strcmp(type, "offer") == 0;

    if (first && strcmp(sender_of(first), sender_of(m)) != 0 && offer) {
        refuse(d, sender_of(m)); /* one at a time */
        return true;
    }
    if (!offer && (!first || strcmp(sender_of(first), sender_of(m)) != 0))
        return false;
    if (!d->waiting)
        d->waiting = json_array();
    if (json_array_size(d->waiting) >= ADIT_DEVICE_WAITING_MAX ||
        json_array_append(d->waiting, m) < 0)
        return true; /* and lost: too many, or no memory */
    if (!first)
        adit_device_look_again(d);
    return true;
}

static void on_list_again(struct adit_device *d, const struct adit_dialect_response *r)
{
    struct adit_cause cause;
    json_t *list = r->n ? adit_json_read(r->body, r->n, &cause) : NULL;
    json_t *waiting = d->waiting;
    const char *sender = sender_of(json_array_get(waiting, 0));

    d->step = ADIT_DEVICE_WEBSOCKET;
    d->waiting = NULL;
    if (adit_device_take_list(d, r->status, list) && adit_device_in_account(d, sender)) {
        for (size_t i = 0; i < json_array_size(waiting); i++) {
            const json_t *m = json_array_get(waiting, i);
            adit_device_message(&d->s, adit_json_string(m, "type"), m);
        }
    } else {
        refuse(d, sender);
    }
    json_decref(list);
    json_decref(waiting);
}

static void answered(struct adit_dialect_state *s, const struct adit_dialect_response *r,
                     adit_time now)
{
    struct adit_device *d = adit_device_of(s);

    if (d->step == ADIT_DEVICE_LOOK_AGAIN)
        on_list_again(d, r);
    else
        adit_device_answered(s, r, now);
}

static void text(struct adit_dialect_state *s, const char *bytes, size_t n, adit_time now)
{
    const char *type, *sender;
    json_t *m = adit_say_read(s, bytes, n, &type);

    (void)now;
    if (!m)
        return;
    sender = adit_say_name(m, "sender_device_id");
    if (strcmp(type, "challenge") == 0)
        on_challenge(s, m);
    else if (strcmp(type, "connected") == 0)
        on_connected(s, m);
    else if (strcmp(type, "error") == 0)
        on_error(s, m);
    else if (!s->joined)
        ; /* nothing is taken from who has not been checked */
    else if (strcmp(type, "connect-request-sent") == 0)
        on_request_sent(s, m);
    else if (sender && !adit_device_in_account(adit_device_of(s), sender) &&
             wait_for_list(adit_device_of(s), type, m))
        ; /* later, or never */
    else
        adit_device_message(s, type, m);
    json_decref(m);
}

static int call(struct adit_dialect_state *s, const char *peer, adit_time now)
{
    (void)now;
    adit_say_peer(s, peer, true);
    return 0;
}

/* There is none, and an unknown message might be a protocol error. */
static int bye(struct adit_dialect_state *s, const char *peer, adit_time now)
{
    (void)s, (void)peer, (void)now;
    return 0;
}

static const char *const stun[] = { "stun.l.google.com:19302", NULL };

const struct adit_dialect adit_dialect_device_b = {
    .name = "device-b",
    .summary = "accounts and devices, a challenge for the device's key (WebRTC tunnel agent, 2026)",
    .traits = { .label = "http-proxy",
                .mode = "http",
                .complete = true,
                .trickle = true,
                .keepalive = "",
                .stun = stun,
                .port = 8000,
                .retry_first = 2 * ADIT_SEC,
                .retry_max = 60 * ADIT_SEC,
                .retry_factor_x10 = 20,
                .retry_jitter_percent = 20 },
    .size = sizeof(struct adit_device),
    .start = start,
    .done = adit_device_done,
    .begin = adit_device_begin,
    .answered = answered,
    .opened = opened,
    .text = text,
    .lost = lost,
    .call = call,
    .describe = adit_device_describe,
    .candidate = adit_device_candidate,
    .bye = bye,
    .outcome = adit_device_outcome,
};
