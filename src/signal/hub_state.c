/* hub_state.c - what outlives the process, as one JSON document. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/str.h"
#include "signal/hub_accounts.h"
#include "signal/hub_mailbox.h"

#define VERSION 1

static json_t *base64(const void *bytes, size_t n)
{
    char text[96];

    assert(adit_base64_size(n) <= sizeof text);
    return json_stringn(text, adit_base64_encode(text, bytes, n, false));
}

static bool unbase64(const json_t *v, void *out, size_t n)
{
    uint8_t bytes[96];
    size_t len = json_string_length(v);

    if (!json_is_string(v) || len > sizeof bytes ||
        adit_base64_decode(bytes, json_string_value(v), len) != (int)n)
        return false;
    memcpy(out, bytes, n);
    return true;
}

/* ---- out ------------------------------------------------------------------------------------- */

static json_t *save_users(const struct adit_hub_accounts *a)
{
    json_t *all = json_array();
    struct adit_link *it, *tmp;

    ADIT_LIST_EACH(&a->user_list, it, tmp)
    {
        const struct adit_hub_user *u = adit_container_of(it, struct adit_hub_user, link);
        json_array_append_new(
            all, json_pack("{s:I,s:s,s:o,s:o,s:i,s:I}", "id", (json_int_t)u->id, "email", u->email,
                           "salt", base64(u->hash.salt, sizeof u->hash.salt), "hash",
                           base64(u->hash.bytes, sizeof u->hash.bytes), "links", (int)u->hash.links,
                           "created", (json_int_t)u->created));
    }
    return all;
}

static json_t *save_things(const struct adit_hub_accounts *a)
{
    json_t *all = json_array();
    struct adit_link *it, *tmp;

    ADIT_LIST_EACH(&a->thing_list, it, tmp)
    {
        const struct adit_hub_thing *t = adit_container_of(it, struct adit_hub_thing, link);
        json_array_append_new(all,
                              json_pack("{s:s,s:s,s:I,s:s,s:b,s:I,s:I}", "id", t->id, "owner",
                                        t->owner, "user_id", (json_int_t)t->user_id, "pubkey",
                                        t->pubkey ? t->pubkey : "", "proved", t->proved, "created",
                                        (json_int_t)t->created, "last_seen", (json_int_t)t->seen));
    }
    return all;
}

/* Is everything in it that should be? What memory was lacking for is not. */
static bool is_whole(const struct adit_hub_accounts *a, const json_t *state)
{
    return json_array_size(json_object_get(state, "users")) == a->users.count &&
           json_array_size(json_object_get(state, "devices")) == a->things.count;
}

int adit_hub_keep(struct adit_hub *hub, adit_time now)
{
    const struct adit_hub_accounts *a = hub->accounts;
    json_t *state = json_pack("{s:i,s:o,s:I,s:o,s:o,s:o}", "adit_signal", VERSION, "secret",
                              base64(a->secret, sizeof a->secret), "last_id",
                              (json_int_t)a->last_id, "users", save_users(a), "devices",
                              save_things(a), "mailboxes", adit_hub_boxes_save(hub, now));
    char *text = state && is_whole(a, state) ? json_dumps(state, JSON_INDENT(1)) : NULL;
    int err = -ENOMEM;

    if (text)
        err = hub->ops->keep(hub->arg, text, strlen(text));
    free(text);
    json_decref(state);
    return err;
}

/* ---- in -------------------------------------------------------------------------------------- */

static bool load_user(struct adit_hub_accounts *a, const json_t *v)
{
    const char *email = adit_json_string(v, "email");
    json_int_t id = json_integer_value(json_object_get(v, "id"));
    json_int_t links = json_integer_value(json_object_get(v, "links"));
    struct adit_hub_hash hash = { .links = (unsigned)links };
    struct adit_hub_user *user;

    if (!email || strlen(email) > ADIT_HUB_EMAIL_MAX || id <= 0 || links <= 0 || links > 100000 ||
        !unbase64(json_object_get(v, "salt"), hash.salt, sizeof hash.salt) ||
        !unbase64(json_object_get(v, "hash"), hash.bytes, sizeof hash.bytes) ||
        adit_hub_user_find(a, email))
        return false;
    user = adit_hub_user_add(a, email, &hash, json_integer_value(json_object_get(v, "created")));
    if (user)
        user->id = id;
    return user != NULL;
}

static bool load_thing(struct adit_hub_accounts *a, const json_t *v)
{
    const char *id = adit_json_string(v, "id"), *owner = adit_json_string(v, "owner");
    const char *pubkey = adit_json_string(v, "pubkey");
    struct adit_hub_thing *thing;

    if (!adit_hub_id_valid(id) || !owner || !*owner || strlen(owner) > ADIT_HUB_ACCOUNT_MAX ||
        !pubkey || strlen(pubkey) > ADIT_HUB_PUBKEY_MAX || adit_hub_thing_find(a, id))
        return false;
    thing = adit_hub_thing_add(a, id, owner, json_integer_value(json_object_get(v, "user_id")),
                               json_integer_value(json_object_get(v, "created")));
    if (!thing)
        return false;
    thing->seen = json_integer_value(json_object_get(v, "last_seen"));
    thing->proved = json_is_true(json_object_get(v, "proved"));
    thing->pubkey = adit_strdup(pubkey);
    return thing->pubkey != NULL;
}

static bool load(struct adit_hub *hub, const json_t *state, adit_time now)
{
    struct adit_hub_accounts *a = hub->accounts;
    const json_t *v;
    size_t i;

    if (json_integer_value(json_object_get(state, "adit_signal")) != VERSION ||
        !unbase64(json_object_get(state, "secret"), a->secret, sizeof a->secret))
        return false;
    json_array_foreach(json_object_get(state, "users"), i, v) if (!load_user(a, v)) return false;
    json_array_foreach(json_object_get(state, "devices"), i, v) if (!load_thing(a, v)) return false;
    a->last_id = json_integer_value(json_object_get(state, "last_id"));
    adit_hub_boxes_load(hub, json_object_get(state, "mailboxes"), now);
    return true;
}

int adit_hub_load(struct adit_hub *hub, const char *text, size_t n, adit_time now,
                  struct adit_cause *ret_cause)
{
    json_error_t error;
    size_t at;
    json_t *state = NULL;
    bool good;

    /* Larger than what adit_json_read takes from strangers: it is our own. */
    if (n <= ADIT_HUB_STATE_MAX && adit_json_check(text, n, &at, ret_cause) == 0)
        state = json_loadb(text, n, 0, &error);
    good = state && load(hub, state, now);
    json_decref(state);
    if (good)
        return 0;
    adit_cause_set(ret_cause, ADIT_REASON_LOCAL, EINVAL,
                   "this is not what an adit signal has kept, or it is damaged");
    return -EINVAL;
}
