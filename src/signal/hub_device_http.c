/* hub_device_http.c - accounts and devices over HTTP, as FastAPI clients expect it.
 *
 *   POST /auth/register, /auth/login   {"email","password"} → {"access_token","token_type"}
 *   POST /devices/challenge            {"device_id"} → a challenge for its key
 *   POST /devices/register             {"device_id","pubkey"[,"challenge","signature",…]}
 *   GET  /devices/                     those of the account */
#include "base/alloc.h"
#include "base/digest.h"
#include "base/str.h"
#include "signal/hub_accounts.h"

#define REGISTER_CONTEXT "lem-device-register-v1"
#define ROTATE_CONTEXT   "lem-device-rotate-v1"

void adit_hub_challenge(struct adit_rng *rng, char out[48])
{
    uint8_t bytes[32];

    adit_rng_bytes(rng, bytes, sizeof bytes);
    out[adit_base64_encode(out, bytes, sizeof bytes, false)] = '\0';
}

static bool unbase64(const char *text, uint8_t *out, int n)
{
    uint8_t bytes[128];
    size_t len = strlen(text);

    if (len > sizeof bytes || adit_base64_decode(bytes, text, len) != n)
        return false;
    memcpy(out, bytes, (size_t)n);
    return true;
}

bool adit_hub_signed(const char *pubkey, const char *context, const char *device_id,
                     const char *challenge, const char *more, const char *signature)
{
    uint8_t key[32], mac[64];
    struct adit_buf text;
    bool good = false;

    if (!pubkey || !signature || !unbase64(pubkey, key, 32) || !unbase64(signature, mac, 64))
        return false;
    adit_buf_init(&text, 1024);
    adit_buf_printf(&text, "%s:%s:%s", context, device_id, challenge);
    if (more)
        adit_buf_printf(&text, ":%s", more);
    if (!text.err)
        good = adit_ed25519_verify(key, mac, text.data, text.len);
    adit_buf_done(&text);
    return good;
}

/* ---- accounts -------------------------------------------------------------------------------- */

static bool is_email(const char *s)
{
    const char *at = s ? strchr(s, '@') : NULL;

    if (!at || at == s || !at[1] || strchr(at + 1, '@') || strlen(s) > ADIT_HUB_EMAIL_MAX)
        return false;
    for (; *s; s++)
        if ((unsigned char)*s <= 0x20 || *s == 0x7f)
            return false;
    return true;
}

struct adit_hub_client *adit_hub_auth_call(struct adit_hub_call *call)
{
    const struct adit_hub_conf *conf = call->hub->conf;
    bool registers = strcmp(call->request->path, "/auth/register") == 0;
    struct adit_hub_client *c = NULL;
    struct adit_cause cause;
    json_t *body = adit_json_read(call->request->body, call->request->body_len, &cause);
    const char *email = adit_json_string(body, "email");
    const char *password = adit_json_string(body, "password");

    if (!is_email(email))
        adit_hub_reply_detail(call, 422, "email: value is not a valid email address");
    else if (!password || strlen(password) < (registers ? ADIT_HUB_PASSWORD_MIN : 1) ||
             strlen(password) > ADIT_HUB_PASSWORD_MAX)
        adit_hub_reply_detail(call, 422, "password: should have 8 to 1024 characters");
    else if (registers && !conf->registration && !(call->who.known && *call->who.account))
        adit_hub_reply_detail(call, 403, "Registration is closed");
    else if (!adit_hub_address_ask(call->hub, call->address, ADIT_HUB_WRONG_COST, call->now))
        adit_hub_reply_detail(call, 429, "Too many attempts, try again later");
    else
        c = adit_hub_password_call(call, registers, email, password);
    json_decref(body);
    return c;
}

/* ---- devices --------------------------------------------------------------------------------- */

static json_t *describe(const struct adit_hub_thing *t)
{
    char created[24], seen[24];

    return json_pack("{s:s,s:I,s:s,s:s,s:s}", "id", t->id, "user_id", (json_int_t)t->user_id,
                     "pubkey", t->pubkey ? t->pubkey : "", "created_at",
                     adit_hub_date(created, t->created), "last_seen", adit_hub_date(seen, t->seen));
}

static void on_list(struct adit_hub_call *call)
{
    struct adit_link *it, *tmp;
    json_t *all = json_array();

    ADIT_LIST_EACH(&call->hub->accounts->thing_list, it, tmp)
    {
        const struct adit_hub_thing *t = adit_container_of(it, struct adit_hub_thing, link);
        if (strcmp(t->owner, call->who.account) == 0)
            json_array_append_new(all, describe(t));
    }
    adit_hub_reply_json(call, 200, all);
}

static void on_challenge(struct adit_hub_call *call, const char *id)
{
    struct adit_hub_nonce *nonce =
        adit_hub_nonce_add(call->hub->accounts, call->who.account, id, call->now);

    if (!nonce) {
        adit_hub_reply_detail(call, 503, "No memory");
        return;
    }
    adit_hub_reply_json(call, 200,
                        json_pack("{s:s,s:s,s:s,s:i}", "device_id", id, "challenge", nonce->text,
                                  "context", REGISTER_CONTEXT, "expires_in", ADIT_HUB_NONCE_LIFE));
}

struct proof {
    const char *pubkey, *challenge, *signature, *previous;
};

/* 0, or the status and why. A key that has signed once is replaced by nobody but itself. */
static int check_proof(struct adit_hub_call *call, const struct adit_hub_thing *old, const char *id,
                       const struct proof *p, const char **why)
{
    bool changes = old && old->proved && strcmp(old->pubkey, p->pubkey) != 0;
    uint8_t key[32];

    if (!p->challenge && !p->signature) {
        *why = "The key of this device is pinned: challenge and signature are needed";
        return old && old->proved ? 403 : 0;
    }
    *why = "pubkey is base64 of 32 bytes, and challenge and signature go together";
    if (!p->challenge || !p->signature || !unbase64(p->pubkey, key, 32))
        return 422;
    *why = "This challenge is not known, has expired, or was used before";
    if (!adit_hub_nonce_redeem(call->hub->accounts, call->who.account, id, p->challenge, call->now))
        return 401;
    *why = "Device key verification failed";
    if (!adit_hub_signed(p->pubkey, REGISTER_CONTEXT, id, p->challenge, NULL, p->signature))
        return 401;
    *why = "previous_signature by the key on file is needed to replace it";
    if (changes &&
        !adit_hub_signed(old->pubkey, ROTATE_CONTEXT, id, p->challenge, p->pubkey, p->previous))
        return 403;
    return 0;
}

static void on_register(struct adit_hub_call *call, const char *id, const struct proof *p)
{
    struct adit_hub_accounts *a = call->hub->accounts;
    struct adit_hub_thing *thing = adit_hub_thing_find(a, id);
    int64_t wall = call->hub->ops->wall(call->hub->arg);
    bool is_new = !thing, was_proved = thing && thing->proved;
    char *pubkey, *old_key;
    const char *why;
    int status;

    if (thing && strcmp(thing->owner, call->who.account) != 0) {
        adit_hub_reply_detail(call, 403, "Device ID belongs to another user");
        return;
    }
    status = check_proof(call, thing, id, p, &why);
    if (status) {
        adit_hub_reply_detail(call, status, why);
        return;
    }
    pubkey = adit_strdup(p->pubkey);
    if (is_new)
        thing = adit_hub_thing_add(a, id, call->who.account, call->who.user_id, wall);
    if (!thing || !pubkey) {
        adit_free(pubkey);
        if (thing && is_new)
            adit_hub_thing_remove(a, thing);
        adit_hub_reply_detail(call, 507, "Too many devices");
        return;
    }
    old_key = thing->pubkey;
    thing->pubkey = pubkey;
    thing->seen = wall;
    thing->proved = was_proved || p->signature;
    if (adit_hub_keep(call->hub, call->now) < 0) {
        thing->pubkey = old_key;
        thing->proved = was_proved;
        adit_free(pubkey);
        if (is_new)
            adit_hub_thing_remove(a, thing);
        adit_hub_reply_detail(call, 507, "The device could not be kept");
        return;
    }
    adit_free(old_key);
    adit_hub_reply_json(call, 200, describe(thing));
}

void adit_hub_devices_call(struct adit_hub_call *call)
{
    const char *path = call->request->path + strlen("/devices"), *id;
    bool get = strcmp(call->request->method, "GET") == 0;
    struct adit_cause cause;
    struct proof p;
    json_t *body;

    if (!*call->who.account) {
        adit_hub_reply_detail(call, call->shown ? 401 : 403,
                              call->shown ? "Invalid authentication credentials"
                                          : "Not authenticated");
        return;
    }
    if (get && (!*path || strcmp(path, "/") == 0)) {
        on_list(call);
        return;
    }
    if (get || (strcmp(path, "/register") != 0 && strcmp(path, "/challenge") != 0)) {
        adit_hub_reply_detail(call, get ? 405 : 404, get ? "Method Not Allowed" : "Not Found");
        return;
    }
    body = adit_json_read(call->request->body, call->request->body_len, &cause);
    id = adit_json_string(body, "device_id");
    p = (struct proof){ .pubkey = adit_json_string(body, "pubkey"),
                        .challenge = adit_json_string(body, "challenge"),
                        .signature = adit_json_string(body, "signature"),
                        .previous = adit_json_string(body, "previous_signature") };
    if (!adit_hub_id_valid(id) || (*call->who.ids && !adit_hub_may_be(call->who.ids, id)))
        adit_hub_reply_detail(call, id && adit_hub_id_valid(id) ? 403 : 422,
                              "device_id: 1 to 128 bytes, and what the token allows");
    else if (strcmp(path, "/challenge") == 0)
        on_challenge(call, id);
    else if (!p.pubkey || strlen(p.pubkey) > ADIT_HUB_PUBKEY_MAX)
        adit_hub_reply_detail(call, 422, "pubkey: field required");
    else
        on_register(call, id, &p);
    json_decref(body);
}
