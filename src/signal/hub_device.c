/* hub_device.c - "device": messages between the devices of one account, at /signal.
 *
 * Two generations. The first shows a token and its id in the query and is in. The second says
 * auth, proves its key and knows reasons:
 *
 *   C: {"type":"auth","token":…,"device_id":"desk-01"}
 *   S: {"type":"challenge","device_id":"desk-01","challenge":…,"context":…}
 *   C: {"type":"auth-response","signature":…}
 *   S: {"type":"connected","device_id":"desk-01","message":…}      (second: and ice_servers)
 *   C: {"type":"offer","target_device_id":"phone-9","payload":{…}}
 *   S: {"type":"ack","message":"Message delivered to phone-9"}
 *
 * What is passed on is what came, with sender_device_id. */
#include "signal/hub_device.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/str.h"
#include "signal/hub_accounts.h"

#define CONTEXT     "lem-signaling-connect-v1"
#define GRANT_LIFE  120 /* seconds */
#define UNAVAILABLE "Target device is not available"

/* ---- refusals -------------------------------------------------------------------------------- */

static const char *const reasons[] = {
    [ADIT_HUB_AUTH_FAILED] = "auth-failed",
    [ADIT_HUB_KEY_FAILED] = "device-key-verification-failed",
    [ADIT_HUB_PROTOCOL] = "protocol-error",
    [ADIT_HUB_SAME_DEVICE] = "same-device",
    [ADIT_HUB_TARGET] = "target-unavailable",
    [ADIT_HUB_INTERNAL] = "internal-error",
};

static void say_reason(struct adit_hub_client *c, const char *text, enum adit_hub_reason reason)
{
    adit_hub_say(c, "{s:s,s:s,s:s,s:b}", "type", "error", "message", text, "reason",
                 reasons[reason], "retryable", reason >= ADIT_HUB_TARGET);
}

static void refuse(struct adit_hub_client *c, const char *text, enum adit_hub_reason reason,
                   adit_time now)
{
    adit_hub_emit(c, ADIT_HUB_REFUSED, c->u.device->device_id, text);
    if (reason == ADIT_HUB_AUTH_FAILED || reason == ADIT_HUB_KEY_FAILED)
        adit_hub_address_ask(c->hub, c->address, ADIT_HUB_WRONG_COST, now);
    say_reason(c, text, reason);
    adit_hub_drop(c, ADIT_HUB_CLOSE_POLICY, text, now);
}

/* ---- coming in ------------------------------------------------------------------------------- */

static void enter(struct adit_hub_client *c, const char *id, adit_time now)
{
    int err = adit_hub_claim(c, ADIT_HUB_DEVICE, id, ADIT_HUB_CLOSE_POLICY,
                             "a newer connection has this id", now);
    json_t *servers;

    if (err) {
        refuse(c, err == -EEXIST ? "This device is connected already" : "Not allowed",
               ADIT_HUB_AUTH_FAILED, now);
        return;
    }
    c->u.device->in = true;
    adit_hub_settled(c);
    adit_hub_emit(c, ADIT_HUB_JOINED, c->id, NULL);
    if (!c->u.device->by_key) {
        adit_hub_say(c, "{s:s,s:s,s:s}", "type", "connected", "device_id", c->id, "message",
                     "Connected to signaling server");
        return;
    }
    servers = adit_hub_ice_servers(c->hub, c->id, c->host, c->hub->ops->wall(c->hub->arg));
    adit_hub_say(c, "{s:s,s:s,s:s,s:o}", "type", "connected", "device_id", c->id, "message",
                 "Connected to signaling server", "ice_servers", servers);
}

void adit_hub_device_open(struct adit_hub_client *c, const char *device_id, adit_time now)
{
    c->u.device = adit_zalloc(sizeof *c->u.device);
    if (!c->u.device) {
        adit_hub_drop(c, ADIT_HUB_CLOSE_ERROR, "no memory", now);
        return;
    }
    c->u.device->by_key = !device_id;
    if (device_id)
        enter(c, device_id, now);
}

static void left(struct adit_hub_client *c, adit_time now)
{
    (void)now;
    if (!c->u.device)
        return;
    if (c->id)
        adit_hub_emit(c, ADIT_HUB_LEFT, c->id, NULL);
    adit_hub_release(c, ADIT_HUB_DEVICE);
    adit_free(c->u.device);
    c->u.device = NULL;
}

static void on_auth(struct adit_hub_client *c, const json_t *message, adit_time now)
{
    struct adit_hub_handset *d = c->u.device;
    const char *type = adit_json_string(message, "type");
    const char *token = adit_json_string(message, "token");
    const char *id = adit_json_string(message, "device_id");
    const struct adit_hub_thing *thing = adit_hub_thing_find(c->hub->accounts, id);
    struct adit_hub_who who;
    struct adit_cause cause;

    if (!type || strcmp(type, "auth") != 0) {
        refuse(c, "First message must be auth message", ADIT_HUB_PROTOCOL, now);
    } else if (!token || !*token || !adit_hub_id_valid(id)) {
        refuse(c, "Auth message missing token or device_id", ADIT_HUB_PROTOCOL, now);
    } else if (adit_hub_identify(c->hub, token, &who, &cause) < 0 || !thing ||
               strcmp(thing->owner, who.account) != 0) {
        refuse(c, "Authentication failed", ADIT_HUB_AUTH_FAILED, now);
    } else {
        adit_free(c->account); /* what the handshake showed, if anything, counts no more */
        adit_free(c->ids);
        c->account = c->ids = NULL;
        if (adit_hub_client_is(c, &who) < 0) {
            adit_hub_drop(c, ADIT_HUB_CLOSE_ERROR, "no memory", now);
            return;
        }
        strcpy(d->device_id, id);
        d->user_id = who.user_id;
        adit_hub_challenge(c->hub->rng, d->challenge);
        d->challenged = true;
        adit_hub_say(c, "{s:s,s:s,s:s,s:s}", "type", "challenge", "device_id", id, "challenge",
                     d->challenge, "context", CONTEXT);
    }
}

static void on_response(struct adit_hub_client *c, const json_t *message, adit_time now)
{
    struct adit_hub_handset *d = c->u.device;
    const char *type = adit_json_string(message, "type");
    const struct adit_hub_thing *thing = adit_hub_thing_find(c->hub->accounts, d->device_id);

    if (!type || strcmp(type, "auth-response") != 0)
        refuse(c, "Expected auth-response message", ADIT_HUB_PROTOCOL, now);
    else if (!thing || !adit_hub_signed(thing->pubkey, CONTEXT, d->device_id, d->challenge, NULL,
                                        adit_json_string(message, "signature")))
        refuse(c, "Device key verification failed", ADIT_HUB_KEY_FAILED, now);
    else
        enter(c, d->device_id, now);
}

/* ---- going on -------------------------------------------------------------------------------- */

static void say_unavailable(struct adit_hub_client *c, const char *target)
{
    if (c->u.device->by_key)
        say_reason(c, UNAVAILABLE, ADIT_HUB_TARGET);
    else
        adit_hub_say_error(c, "Target device %.128s not connected", target);
}

static void say_delivered(struct adit_hub_client *c, const char *target)
{
    char text[ADIT_HUB_ID_MAX + 64];

    snprintf(text, sizeof text, "Message delivered to %s", target);
    adit_hub_say(c, "{s:s,s:s}", "type", "ack", "message", text);
}

/* A copy of the field, or null. */
static json_t *field_of(const json_t *message, const char *name)
{
    json_t *v = json_object_get(message, name);

    return v ? json_incref(v) : json_null();
}

static json_t *relay_url(const struct adit_hub_client *c)
{
    const char *url = c->hub->conf->relay_url ? c->hub->conf->relay_url : c->hint;

    return url ? json_string(url) : json_null();
}

static json_t *transport_of(const json_t *message)
{
    json_t *v = json_object_get(message, "preferred_transport");

    return v ? json_incref(v) : json_string("auto");
}

/* What lets `device` into the relay session, once. */
static json_t *grant(const struct adit_hub_client *c, const char *session, const char *device,
                     const char *peer)
{
    struct adit_span secret = adit_hub_secret(c->hub);
    int64_t wall = c->hub->ops->wall(c->hub->arg);
    char id[48];
    json_t *claims, *out;
    char *token;

    adit_hub_challenge(c->hub->rng, id);
    claims = json_pack("{s:s,s:s,s:s,s:s,s:I,s:s,s:s,s:I}", "scope", "relay-session", "sid",
                       session, "device_id", device, "peer_device_id", peer, "user_id",
                       (json_int_t)c->u.device->user_id, "account", adit_hub_account(c), "jti", id,
                       "exp", (json_int_t)wall + GRANT_LIFE);
    token = claims ? adit_jwt_write(claims, secret.data, secret.len) : NULL;
    out = token ? json_string(token) : NULL;
    adit_free(token);
    json_decref(claims);
    return out;
}

static void on_connect_request(struct adit_hub_client *c, struct adit_hub_client *target,
                               const json_t *message)
{
    char session[48];

    if (!c->u.device->by_key) {
        adit_hub_say(target, "{s:s,s:s,s:o,s:o,s:o}", "type", "connect-request-received",
                     "from_device_id", c->id, "preferred_transport", transport_of(message),
                     "relay_session_id", field_of(message, "relay_session_id"), "relay_url",
                     relay_url(c));
        say_delivered(c, target->id);
        return;
    }
    if (target == c) {
        say_reason(c, "Cannot open a relay session to the same device", ADIT_HUB_SAME_DEVICE);
        return;
    }
    adit_rng_ice_chars(c->hub->rng, session, 32);
    for (char *p = session; *p; p++) /* it becomes part of a path */
        *p = *p == '+' ? '-' : *p == '/' ? '_' : *p;
    adit_hub_say(target, "{s:s,s:s,s:o,s:s,s:o,s:o,s:i}", "type", "connect-request-received",
                 "from_device_id", c->id, "preferred_transport", transport_of(message),
                 "relay_session_id", session, "relay_url", relay_url(c), "relay_token",
                 grant(c, session, target->id, c->id), "relay_token_expires_in", GRANT_LIFE);
    adit_hub_say(c, "{s:s,s:s,s:s,s:o,s:o,s:i}", "type", "connect-request-sent", "target_device_id",
                 target->id, "relay_session_id", session, "relay_url", relay_url(c), "relay_token",
                 grant(c, session, c->id, target->id), "relay_token_expires_in", GRANT_LIFE);
}

static void on_connect_ack(struct adit_hub_client *c, struct adit_hub_client *target,
                           const json_t *message)
{
    adit_hub_say(target, "{s:s,s:s,s:o,s:o,s:o}", "type", "connect-ack-received", "from_device_id",
                 c->id, "transport", field_of(message, "transport"), "relay_session_id",
                 field_of(message, "relay_session_id"), "status", field_of(message, "status"));
    say_delivered(c, target->id);
}

static void on_other(struct adit_hub_client *c, struct adit_hub_client *target, const char *type,
                     const json_t *message)
{
    json_t *out = json_object();

    if (json_object_update(out, (json_t *)message) < 0 ||
        json_object_set_new(out, "sender_device_id", json_string(c->id)) < 0) {
        json_decref(out);
        out = NULL;
    }
    adit_hub_say_json(target, out);
    say_delivered(c, target->id);
    if (strcmp(type, "offer") == 0)
        adit_hub_emit(c, ADIT_HUB_MET, c->id, target->id);
}

static void on_message(struct adit_hub_client *c, const json_t *message, const char *text, size_t n,
                       adit_time now)
{
    const char *type = adit_json_string(message, "type");
    const char *id = adit_json_string(message, "target_device_id");
    struct adit_hub_client *target;

    (void)text;
    (void)n;
    if (!c->u.device->in) {
        if (c->u.device->challenged)
            on_response(c, message, now);
        else
            on_auth(c, message, now);
        return;
    }
    if (!type || !id) {
        static const char wrong[] = "Invalid message format: missing type or target_device_id";
        if (c->u.device->by_key)
            say_reason(c, wrong, ADIT_HUB_PROTOCOL);
        else
            adit_hub_say_error(c, "%s", wrong);
        return;
    }
    target = adit_hub_find(c->hub, ADIT_HUB_DEVICE, adit_hub_account(c), id);
    if (!target)
        say_unavailable(c, id);
    else if (strcmp(type, "connect-request") == 0)
        on_connect_request(c, target, message);
    else if (strcmp(type, "connect-ack") == 0)
        on_connect_ack(c, target, message);
    else
        on_other(c, target, type, message);
}

static void on_garbled(struct adit_hub_client *c, adit_time now)
{
    if (c->u.device->by_key)
        refuse(c, "Invalid JSON format", ADIT_HUB_PROTOCOL, now);
    else
        adit_hub_say_error(c, "Invalid JSON format");
}

static void on_too_long(struct adit_hub_client *c, adit_time now)
{
    if (c->u.device->by_key)
        refuse(c, "Message exceeds 64 KB limit", ADIT_HUB_PROTOCOL, now);
    else
        adit_hub_say_error(c, "Message exceeds 64 KB limit");
}

const struct adit_hub_dialect adit_hub_device = {
    .name = "device",
    .garbled = on_garbled,
    .too_long = on_too_long,
    .message = on_message,
    .left = left,
};
