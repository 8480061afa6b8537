/* hub_name.c - ids: who has which. An id belongs to a kind of client and an account. */
#include "base/alloc.h"
#include "signal/hub_inner.h"

const char *adit_hub_account(const struct adit_hub_client *c)
{
    return c->account ? c->account : "";
}

bool adit_hub_same(const struct adit_hub_client *c, const char *account)
{
    return strcmp(adit_hub_account(c), account) == 0;
}

bool adit_hub_id_valid(const char *id)
{
    size_t n = id ? strlen(id) : 0;

    for (size_t i = 0; i < n; i++)
        if ((unsigned char)id[i] < 0x20 || id[i] == 0x7f)
            return false;
    return n > 0 && n <= ADIT_HUB_ID_MAX;
}

char *adit_hub_key(const char *account, const char *name, size_t *ret_len)
{
    size_t a = strlen(account) + 1, b = strlen(name);
    char *key = adit_malloc(a + b + 1);

    if (!key)
        return NULL;
    memcpy(key, account, a);
    memcpy(key + a, name, b + 1);
    *ret_len = a + b;
    return key;
}

/* The kind, the account and the id. */
static size_t name_of(char *out, enum adit_hub_kind kind, const char *account, const char *id)
{
    size_t a = strlen(account) + 1, b = strlen(id);

    out[0] = (char)('a' + kind);
    memcpy(out + 1, account, a);
    memcpy(out + 1 + a, id, b + 1);
    return 1 + a + b;
}

#define NAME_MAX_ (ADIT_HUB_ACCOUNT_MAX + ADIT_HUB_ID_MAX + 4)

struct adit_hub_client *adit_hub_find(const struct adit_hub *hub, enum adit_hub_kind kind,
                                      const char *account, const char *id)
{
    char name[NAME_MAX_];
    struct adit_map_node *found;

    if (!id || strlen(id) > ADIT_HUB_ID_MAX)
        return NULL;
    found = adit_map_find(&hub->names, name, name_of(name, kind, account, id));
    return found ? adit_container_of(found, struct adit_hub_client, name) : NULL;
}

int adit_hub_claim(struct adit_hub_client *c, enum adit_hub_kind kind, const char *id,
                   unsigned code, const char *reason, adit_time now)
{
    struct adit_hub *hub = c->hub;
    struct adit_hub_client *older;
    char name[NAME_MAX_];
    size_t n;

    assert(!c->id);
    if (!adit_hub_id_valid(id))
        return -EINVAL;
    if (c->ids && !adit_hub_may_be(c->ids, id))
        return -EACCES;
    older = adit_hub_find(hub, kind, adit_hub_account(c), id);
    if (older && hub->conf->duplicate == ADIT_HUB_REFUSE)
        return -EEXIST;
    n = name_of(name, kind, adit_hub_account(c), id);
    adit_free(c->name_key);
    c->name_key = adit_memdup(name, n + 1);
    if (!c->name_key)
        return -ENOMEM;
    if (older)
        adit_hub_drop(older, code, reason, now);
    if (adit_map_add(&hub->names, &c->name, c->name_key, n) < 0)
        return -ENOMEM;
    c->id = c->name_key + n - strlen(id);
    adit_list_add(&hub->members[kind], &c->member);
    hub->member_count[kind]++;
    return 0;
}

void adit_hub_release(struct adit_hub_client *c, enum adit_hub_kind kind)
{
    if (!c->id)
        return;
    adit_map_remove(&c->hub->names, &c->name);
    adit_list_del(&c->member);
    c->hub->member_count[kind]--;
    c->id = NULL;
}
