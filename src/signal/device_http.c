#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "signal/device.h"

#define REGISTER_CONTEXT "lem-device-register-v1"
#define CHALLENGE_BYTES  32

static bool is_b(const struct adit_device *d)
{
    return d->s.dialect == &adit_dialect_device_b;
}

int adit_device_start(struct adit_dialect_state *s, struct adit_cause *ret_cause, adit_time now)
{
    struct adit_device *d = adit_device_of(s);
    const struct adit_dialect_conf *conf = s->conf;
    const char *key = conf->device_key;
    uint8_t bytes[64];

    (void)now;
    if (conf->token &&
        (!adit_say_is_word(conf->token) ||
         adit_str_copy(d->token, sizeof d->token, conf->token, strlen(conf->token)) < 0)) {
        adit_cause_set(ret_cause, ADIT_REASON_LOCAL, EINVAL,
                       "the token must have at most %d bytes and no control characters",
                       ADIT_DEVICE_TOKEN_MAX);
        return -EINVAL;
    }
    if (!conf->token && (!conf->email || !conf->password)) {
        adit_cause_set(ret_cause, ADIT_REASON_LOCAL, EINVAL,
                       "this server wants --token, or --email and a password");
        return -EINVAL;
    }
    if (key) {
        size_t len = strlen(key);
        if (len > 44 || adit_base64_decode(bytes, key, len) != ADIT_DEVICE_KEY) {
            adit_cause_set(ret_cause, ADIT_REASON_LOCAL, EINVAL,
                           "the device key must be 32 bytes in base64");
            return -EINVAL;
        }
        memcpy(d->key, bytes, sizeof d->key);
        d->has_key = true;
    }
    d->look = is_b(d); /* there the list also says whose offers we take */
    return adit_say_id(s, "adit-", ret_cause);
}

void adit_device_done(struct adit_dialect_state *s)
{
    struct adit_device *d = adit_device_of(s);

    json_decref(d->devices);
    json_decref(d->waiting);
    explicit_bzero(d->key, sizeof d->key);
    explicit_bzero(d->token, sizeof d->token);
}

/* ---- calls ----------------------------------------------------------------------------------- */

/* …/signal, whatever stands before it; "/signal" when the URL has no path. */
static size_t prefix_len(const char *target)
{
    size_t len = adit_say_path_len(target), end = strlen("/signal");

    if (len >= end && strncmp(target + len - end, "/signal", end) == 0)
        return len - end;
    return len && target[len - 1] == '/' ? len - 1 : len;
}

/* Takes the body. */
static void http(struct adit_device *d, enum adit_device_step step, const char *path, bool bearer,
                 json_t *body)
{
    struct adit_dialect_request r = { .method = body ? "POST" : "GET" };
    struct adit_buf target, authorization;
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;

    d->step = step;
    adit_buf_init(&target, ADIT_DIALECT_TARGET_MAX);
    adit_buf_init(&authorization, ADIT_DEVICE_TOKEN_MAX + 16);
    adit_buf_add(&target, d->s.conf->target, prefix_len(d->s.conf->target));
    adit_buf_printf(&target, "%s", path);
    r.target = adit_buf_str(&target);
    if (bearer) {
        adit_buf_printf(&authorization, "Bearer %s", d->token);
        r.headers[r.header_count++] =
            (struct adit_dialect_header){ "Authorization", adit_buf_str(&authorization) };
    }
    r.body = text;
    r.body_len = text ? strlen(text) : 0;
    if (target.err || authorization.err || (body && !text))
        adit_say_fail(&d->s, false, false, "no memory for a call to the server");
    else
        d->s.ops->http(d->s.arg, &r);
    adit_buf_done(&target);
    adit_buf_done(&authorization);
    json_decref(body);
    free(text);
}

static void login(struct adit_device *d, enum adit_device_step step)
{
    json_t *body =
        json_pack("{s:s, s:s}", "email", d->s.conf->email, "password", d->s.conf->password);

    if (body)
        http(d, step, step == ADIT_DEVICE_LOGIN ? "/auth/login" : "/auth/register", false, body);
    else
        adit_say_fail(&d->s, false, false, "no memory, or e-mail and password are not UTF-8");
}

static void registration(struct adit_device *d, const char *challenge, const char *signature)
{
    uint8_t public[ADIT_DEVICE_KEY];
    char text[64];
    json_t *body;

    /* The first generation stores the key and never looks at it. */
    if (!d->has_key)
        adit_rng_bytes(d->s.conf->rng, public, sizeof public);
    else if (adit_ed25519_public(public, d->key) < 0)
        memset(public, 0, sizeof public);
    adit_base64_encode(text, public, sizeof public, false);
    body = challenge ? json_pack("{s:s, s:s, s:s, s:s}", "device_id", d->s.id, "pubkey", text,
                                 "challenge", challenge, "signature", signature)
                     : json_pack("{s:s, s:s}", "device_id", d->s.id, "pubkey", text);
    if (body)
        http(d, ADIT_DEVICE_REGISTER, "/devices/register", true, body);
    else
        adit_say_fail(&d->s, false, false, "no memory to register");
}

static void websocket(struct adit_device *d)
{
    const char *given = d->s.conf->target;
    size_t path = adit_say_path_len(given);
    struct adit_dialect_request r = { .method = "GET" };
    struct adit_buf target;

    d->step = ADIT_DEVICE_WEBSOCKET;
    adit_buf_init(&target, ADIT_DIALECT_TARGET_MAX + 4 * ADIT_DEVICE_TOKEN_MAX);
    if (path <= 1)
        adit_buf_printf(&target, "/signal%s", given + path);
    else
        adit_buf_printf(&target, "%s", given);
    if (!is_b(d)) {
        adit_buf_printf(&target, "%ctoken=", given[path] == '?' ? '&' : '?');
        adit_say_escaped(&target, d->token);
        adit_buf_printf(&target, "&device_id=");
        adit_say_escaped(&target, d->s.id);
    }
    r.target = adit_buf_str(&target);
    if (target.err)
        adit_say_fail(&d->s, false, false, "no memory for the WebSocket's address");
    else
        d->s.ops->websocket(d->s.arg, &r);
    adit_buf_done(&target);
}

void adit_device_begin(struct adit_dialect_state *s, adit_time now)
{
    struct adit_device *d = adit_device_of(s);

    (void)now;
    if (!d->token[0])
        login(d, ADIT_DEVICE_LOGIN);
    else if (d->look)
        http(d, ADIT_DEVICE_LIST, "/devices/", true, NULL);
    else
        websocket(d);
}

/* ---- answers --------------------------------------------------------------------------------- */

bool adit_device_in_account(const struct adit_device *d, const char *id)
{
    size_t n = json_array_size(d->devices);

    for (size_t i = 0; i < n; i++) {
        const json_t *entry = json_array_get(d->devices, i);
        const char *name = adit_json_string(entry, "id");
        if (!name)
            name = adit_json_string(entry, "device_id");
        if (name && strcmp(name, id) == 0)
            return true;
    }
    return false;
}

int adit_device_sign(struct adit_device *d, char out[ADIT_DEVICE_SIGNATURE], const char *context,
                     const char *challenge)
{
    uint8_t bytes[64], sig[ADIT_DEVICE_SIG];
    char text[ADIT_SIGNAL_PEER_MAX + 128];
    size_t len = strlen(challenge);

    if (len > sizeof bytes || adit_base64_decode(bytes, challenge, len) != CHALLENGE_BYTES)
        return -EPROTO;
    int n = snprintf(text, sizeof text, "%s:%s:%s", context, d->s.id, challenge);
    assert(n > 0 && (size_t)n < sizeof text);
    if (adit_ed25519_sign(sig, d->key, text, (size_t)n) < 0)
        return -ENOMEM;
    adit_base64_encode(out, sig, sizeof sig, false);
    return 0;
}

static void on_token(struct adit_device *d, int status, const json_t *m)
{
    const char *token = adit_json_string(m, "access_token");

    if (status == 401 && d->step == ADIT_DEVICE_LOGIN && d->s.conf->new_account) {
        login(d, ADIT_DEVICE_ACCOUNT);
        return;
    }
    if (status == 400 || status == 401 || status == 422) {
        adit_say_fail(&d->s, false, true, "the server refuses e-mail and password (HTTP %d)",
                      status);
        return;
    }
    if (status / 100 != 2 || !token || !adit_say_is_word(token) ||
        adit_str_copy(d->token, sizeof d->token, token, strlen(token)) < 0) {
        adit_say_fail(&d->s, false, false, "the server gives no token (HTTP %d)", status);
        return;
    }
    d->fetched = true;
    adit_device_begin(&d->s, 0);
}

bool adit_device_take_list(struct adit_device *d, int status, json_t *list)
{
    if (status / 100 != 2 || !json_is_array(list) || json_array_size(list) > ADIT_DEVICE_LIST_MAX)
        return false;
    json_decref(d->devices);
    d->devices = json_incref(list);
    return true;
}

void adit_device_look_again(struct adit_device *d)
{
    http(d, ADIT_DEVICE_LOOK_AGAIN, "/devices/", true, NULL);
}

static void on_list(struct adit_device *d, int status, json_t *m)
{
    if (status == 401 || status == 403) {
        bool again = d->fetched;
        if (again)
            d->token[0] = 0; /* it has run out */
        adit_say_fail(&d->s, false, !again, "the server does not accept the token (HTTP %d)",
                      status);
        return;
    }
    if (!adit_device_take_list(d, status, m)) {
        adit_say_fail(&d->s, false, false, "the server gives no list of devices (HTTP %d)", status);
        return;
    }
    d->look = is_b(d);
    if (adit_device_in_account(d, d->s.id))
        websocket(d);
    else if (!is_b(d))
        registration(d, NULL, NULL);
    else
        http(d, ADIT_DEVICE_CHALLENGE, "/devices/challenge", true,
             json_pack("{s:s}", "device_id", d->s.id));
}

/* Only what is meant for a registration of ours is signed. */
static void on_challenge(struct adit_device *d, int status, const json_t *m)
{
    const char *id = adit_json_string(m, "device_id");
    const char *challenge = adit_json_string(m, "challenge");
    const char *context = adit_json_string(m, "context");
    char signature[ADIT_DEVICE_SIGNATURE];

    if (status / 100 != 2 || !challenge || !id || strcmp(id, d->s.id) != 0 || !context ||
        strcmp(context, REGISTER_CONTEXT) != 0 ||
        adit_device_sign(d, signature, context, challenge) < 0)
        adit_say_fail(&d->s, false, false, "the server gives no challenge (HTTP %d)", status);
    else
        registration(d, challenge, signature);
}

static void on_registered(struct adit_device *d, int status)
{
    if (status / 100 == 2)
        websocket(d);
    else if (status == 403)
        adit_say_fail(&d->s, false, true,
                      "the name %s belongs to somebody else: choose another "
                      "--id",
                      d->s.id);
    else
        adit_say_fail(&d->s, false, status == 401 || status == 422,
                      "the server does not register us (HTTP %d)", status);
}

void adit_device_answered(struct adit_dialect_state *s,
                          const struct adit_dialect_response *response, adit_time now)
{
    struct adit_device *d = adit_device_of(s);
    struct adit_cause cause;
    json_t *m = response->n ? adit_json_read(response->body, response->n, &cause) : NULL;
    int status = response->status;

    (void)now;
    switch (d->step) {
    case ADIT_DEVICE_LOGIN:
    case ADIT_DEVICE_ACCOUNT:
        on_token(d, status, m);
        break;
    case ADIT_DEVICE_LIST:
        on_list(d, status, m);
        break;
    case ADIT_DEVICE_CHALLENGE:
        on_challenge(d, status, m);
        break;
    case ADIT_DEVICE_REGISTER:
        on_registered(d, status);
        break;
    case ADIT_DEVICE_WEBSOCKET:
    case ADIT_DEVICE_LOOK_AGAIN:
        break;
    }
    json_decref(m);
}
