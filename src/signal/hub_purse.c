#include "base/alloc.h"
#include "signal/hub_carry.h"

/* An account by its name; who has none by the address. */
static size_t make_key(char out[ADIT_HUB_ACCOUNT_MAX + 2], const struct adit_hub_client *c)
{
    const char *account = adit_hub_account(c);
    size_t n = *account ? strlen(account) : sizeof c->address->key;

    out[0] = *account ? 'a' : 'i';
    memcpy(out + 1, *account ? account : (const char *)c->address->key, n);
    return n + 1;
}

static struct adit_hub_purse *find(struct adit_hub_carries *carries, const char *key, size_t n,
                                   adit_time now)
{
    struct adit_map_node *found = adit_map_find(&carries->purses, key, n);
    struct adit_hub_purse *p;

    if (found)
        return adit_container_of(found, struct adit_hub_purse, node);
    if (carries->purses.count == ADIT_HUB_PURSES_MAX)
        return NULL;
    p = adit_zalloc(sizeof *p);
    if (!p)
        return NULL;
    p->day = now;
    p->key_len = n;
    memcpy(p->key, key, n);
    if (adit_map_add(&carries->purses, &p->node, p->key, n) < 0) {
        adit_free(p);
        return NULL;
    }
    adit_hub_carry_sweep_soon(carries->hub, now);
    return p;
}

struct adit_hub_purse *adit_hub_purse_of(struct adit_hub_client *c, adit_time now)
{
    char key[ADIT_HUB_ACCOUNT_MAX + 2];

    if (!c->purse) {
        c->purse = find(c->hub->carries, key, make_key(key, c), now);
        if (c->purse)
            c->purse->clients++;
    }
    return c->purse;
}

void adit_hub_purse_leave(struct adit_hub_client *c)
{
    if (c->purse)
        c->purse->clients--;
    c->purse = NULL;
}

static adit_time time_of(const struct adit_hub *hub, size_t n)
{
    return (adit_time)n * ADIT_SEC / hub->limits.carry_rate;
}

static void begin_day(struct adit_hub_purse *p, adit_time now)
{
    if (now < p->day + ADIT_HUB_DAY)
        return;
    p->day = now;
    p->bytes = 0;
}

static bool fits(const struct adit_hub *hub, const struct adit_hub_purse *p, size_t n)
{
    return p->bytes + n <= (uint64_t)hub->limits.carry_mib * 1024 * 1024;
}

bool adit_hub_purse_spent(const struct adit_hub *hub, struct adit_hub_purse *p, adit_time now)
{
    begin_day(p, now);
    return !fits(hub, p, 1);
}

int adit_hub_purse_take(struct adit_hub *hub, struct adit_hub_purse *p, size_t n, adit_time now)
{
    adit_time level = adit_time_max(p->level, now) + time_of(hub, n);

    begin_day(p, now);
    if (!fits(hub, p, n))
        return -EDQUOT;
    if (level > now + ADIT_SEC)
        return -EAGAIN;
    p->level = level;
    p->bytes += n;
    return 0;
}

adit_time adit_hub_purse_owe(struct adit_hub *hub, struct adit_hub_purse *p, size_t n,
                             adit_time now)
{
    begin_day(p, now);
    p->level = adit_time_max(p->level, now) + time_of(hub, n);
    p->bytes += n;
    return p->level > now + ADIT_SEC ? p->level - ADIT_SEC : now;
}

void adit_hub_purse_refuse(struct adit_hub_client *c, const char *why, adit_time now)
{
    struct adit_hub_purse *p = c->purse;

    if (p->told && now < p->told + 60 * ADIT_SEC)
        return;
    p->told = now;
    adit_hub_emit(c, ADIT_HUB_REFUSED, c->id, why);
}

void adit_hub_purses_sweep(struct adit_hub_carries *carries, adit_time now)
{
    struct adit_map_node *next;

    for (struct adit_map_node *n = adit_map_next(&carries->purses, NULL); n; n = next) {
        struct adit_hub_purse *p = adit_container_of(n, struct adit_hub_purse, node);
        next = adit_map_next(&carries->purses, n);
        if (p->clients || p->level > now || (p->bytes && now < p->day + ADIT_HUB_DAY))
            continue;
        adit_map_remove(&carries->purses, n);
        adit_free(p);
    }
}
