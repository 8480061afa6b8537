#include "signal/hub_accounts.h"

#include "base/alloc.h"

struct adit_hub_accounts *adit_hub_accounts_new(struct adit_hub *hub)
{
    struct adit_hub_accounts *a = adit_zalloc(sizeof *a);

    if (!a)
        return NULL;
    a->hub = hub;
    adit_rng_bytes(hub->rng, a->secret, sizeof a->secret);
    adit_map_init(&a->users, hub->rng);
    adit_map_init(&a->things, hub->rng);
    adit_list_init(&a->user_list);
    adit_list_init(&a->thing_list);
    adit_list_init(&a->nonces);
    adit_hub_passwords_init(&a->passwords);
    return a;
}

void adit_hub_accounts_free(struct adit_hub_accounts *a)
{
    struct adit_link *it, *tmp;

    if (!a)
        return;
    ADIT_LIST_EACH(&a->user_list, it, tmp)
    adit_hub_user_remove(a, adit_container_of(it, struct adit_hub_user, link));
    ADIT_LIST_EACH(&a->thing_list, it, tmp)
    adit_hub_thing_remove(a, adit_container_of(it, struct adit_hub_thing, link));
    ADIT_LIST_EACH(&a->nonces, it, tmp)
    adit_hub_nonce_remove(a, adit_container_of(it, struct adit_hub_nonce, link));
    adit_hub_timer_set(a->hub, &a->passwords.timer, ADIT_NEVER);
    adit_map_done(&a->users);
    adit_map_done(&a->things);
    adit_free(a);
}

/* ---- users ----------------------------------------------------------------------------------- */

struct adit_hub_user *adit_hub_user_find(const struct adit_hub_accounts *a, const char *email)
{
    struct adit_map_node *found = adit_map_find(&a->users, email, strlen(email));

    return found ? adit_container_of(found, struct adit_hub_user, node) : NULL;
}

struct adit_hub_user *adit_hub_user_add(struct adit_hub_accounts *a, const char *email,
                                        const struct adit_hub_hash *hash, int64_t wall)
{
    size_t n = strlen(email);
    struct adit_hub_user *user = NULL;

    if (a->users.count < a->hub->limits.accounts)
        user = adit_zalloc(sizeof *user + n + 1);
    if (!user)
        return NULL;
    memcpy(user->email, email, n + 1);
    user->hash = *hash;
    user->created = wall;
    user->id = ++a->last_id;
    adit_list_init(&user->link);
    if (adit_map_add(&a->users, &user->node, user->email, n) < 0) {
        adit_free(user);
        return NULL;
    }
    adit_list_add(&a->user_list, &user->link);
    return user;
}

void adit_hub_user_remove(struct adit_hub_accounts *a, struct adit_hub_user *user)
{
    adit_map_remove(&a->users, &user->node);
    adit_list_del(&user->link);
    adit_free(user);
}

/* ---- devices --------------------------------------------------------------------------------- */

struct adit_hub_thing *adit_hub_thing_find(const struct adit_hub_accounts *a, const char *id)
{
    struct adit_map_node *found = id ? adit_map_find(&a->things, id, strlen(id)) : NULL;

    return found ? adit_container_of(found, struct adit_hub_thing, node) : NULL;
}

size_t adit_hub_thing_count(const struct adit_hub_accounts *a, const char *owner)
{
    struct adit_link *it, *tmp;
    size_t n = 0;

    ADIT_LIST_EACH(&a->thing_list, it, tmp)
    n += strcmp(adit_container_of(it, struct adit_hub_thing, link)->owner, owner) == 0;
    return n;
}

struct adit_hub_thing *adit_hub_thing_add(struct adit_hub_accounts *a, const char *id,
                                          const char *owner, int64_t user_id, int64_t wall)
{
    size_t n = strlen(id);
    struct adit_hub_thing *thing = NULL;

    if (adit_hub_thing_count(a, owner) < a->hub->limits.devices)
        thing = adit_zalloc(sizeof *thing + n + 1);
    if (!thing)
        return NULL;
    memcpy(thing->id, id, n + 1);
    thing->user_id = user_id;
    thing->created = thing->seen = wall;
    adit_list_init(&thing->link);
    thing->owner = adit_strdup(owner);
    if (!thing->owner || adit_map_add(&a->things, &thing->node, thing->id, n) < 0) {
        adit_free(thing->owner);
        adit_free(thing);
        return NULL;
    }
    adit_list_add(&a->thing_list, &thing->link);
    return thing;
}

void adit_hub_thing_remove(struct adit_hub_accounts *a, struct adit_hub_thing *thing)
{
    adit_map_remove(&a->things, &thing->node);
    adit_list_del(&thing->link);
    adit_free(thing->owner);
    adit_free(thing->pubkey);
    adit_free(thing);
}

bool adit_hub_device_may(const struct adit_hub *hub, const struct adit_hub_who *who,
                         const char *device_id)
{
    const struct adit_hub_thing *thing = adit_hub_thing_find(hub->accounts, device_id);

    if (!who->known || !*who->account || !adit_hub_id_valid(device_id))
        return false;
    if (thing)
        return strcmp(thing->owner, who->account) == 0;
    /* Who comes with a token of ours needs no account here: its rules say which ids it may take. */
    return !who->devices;
}

/* ---- challenges ------------------------------------------------------------------------------ */

void adit_hub_nonce_remove(struct adit_hub_accounts *a, struct adit_hub_nonce *nonce)
{
    adit_list_del(&nonce->link);
    a->nonce_count--;
    adit_free(nonce->account);
    adit_free(nonce);
}

struct adit_hub_nonce *adit_hub_nonce_add(struct adit_hub_accounts *a, const char *account,
                                          const char *device_id, adit_time now)
{
    struct adit_hub_nonce *nonce = adit_zalloc(sizeof *nonce);

    if (!nonce)
        return NULL;
    nonce->account = adit_strdup(account);
    if (!nonce->account) {
        adit_free(nonce);
        return NULL;
    }
    if (a->nonce_count == ADIT_HUB_NONCES_MAX) /* the oldest goes: it is asked for again */
        adit_hub_nonce_remove(a, adit_container_of(a->nonces.next, struct adit_hub_nonce, link));
    strcpy(nonce->device_id, device_id);
    nonce->until = now + ADIT_HUB_NONCE_LIFE * ADIT_SEC;
    adit_hub_challenge(a->hub->rng, nonce->text);
    adit_list_init(&nonce->link);
    adit_list_add(&a->nonces, &nonce->link);
    a->nonce_count++;
    return nonce;
}

bool adit_hub_nonce_redeem(struct adit_hub_accounts *a, const char *account, const char *device_id,
                           const char *text, adit_time now)
{
    struct adit_link *it, *tmp;
    bool good = false;

    ADIT_LIST_EACH(&a->nonces, it, tmp)
    {
        struct adit_hub_nonce *nonce = adit_container_of(it, struct adit_hub_nonce, link);
        if (strcmp(nonce->text, text) == 0 && strcmp(nonce->account, account) == 0 &&
            strcmp(nonce->device_id, device_id) == 0) {
            good = nonce->until > now;
            adit_hub_nonce_remove(a, nonce);
            break;
        }
    }
    return good;
}
