/* hub_limit.c - what one address may have, and how often something may come. */
#include "base/alloc.h"
#include "signal/hub_inner.h"

#define SWEEP_EVERY (30 * ADIT_SEC)

void adit_hub_limits_fill(struct adit_hub_limits *l)
{
    static const struct adit_hub_limits usual = {
        .clients = 20000,
        .per_address = 256,
        .message_rate = 50,
        .message_burst = 250,
        .request_rate = 20,
        .request_burst = 200,
        .mailboxes = 20000,
        .mailbox_bytes = 256 * 1024,
        .accounts = 1000,
        .devices = 100,
        .carry_rate = ADIT_HUB_CARRY_RATE,
        .carry_mib = 10240,
        .carry_pairs = 64,
        .sessions = 1000,
        .sessions_each = 10,
    };

    _Static_assert(sizeof usual % sizeof(unsigned) == 0, "nothing but numbers");
    adit_fill_in((unsigned *)l, (const unsigned *)&usual, sizeof usual / sizeof(unsigned));
}

bool adit_hub_rate_take(struct adit_hub_rate *r, unsigned rate, unsigned burst, unsigned cost,
                        adit_time now)
{
    adit_time each = ADIT_SEC / rate, level = adit_time_max(r->level, now) + cost * each;

    if (level > now + burst * each)
        return false;
    r->level = level;
    return true;
}

/* An IPv6 host chooses among 2^64 addresses of its own. */
static void key_of(uint8_t key[9], const struct adit_addr *addr)
{
    memset(key, 0, 9);
    key[0] = addr->family;
    memcpy(key + 1, addr->ip, addr->family == ADIT_FAMILY_V4 ? 4 : 8);
}

static void sweep(struct adit_hub *hub, adit_time now)
{
    struct adit_map_node *next;

    hub->swept = now;
    for (struct adit_map_node *n = adit_map_next(&hub->addresses, NULL); n; n = next) {
        struct adit_hub_address *a = adit_container_of(n, struct adit_hub_address, node);
        next = adit_map_next(&hub->addresses, n);
        if (a->clients == 0 && a->arrived == 0 && a->requests.level <= now) {
            adit_map_remove(&hub->addresses, n);
            adit_free(a);
        }
    }
}

static void on_sweep(struct adit_hub_timer *timer, adit_time now)
{
    struct adit_hub *hub = adit_container_of(timer, struct adit_hub, sweep);

    sweep(hub, now);
    if (hub->addresses.count)
        adit_hub_timer_set(hub, timer, now + SWEEP_EVERY);
}

void adit_hub_limit_start(struct adit_hub *hub)
{
    hub->sweep.fire = on_sweep;
}

struct adit_hub_address *adit_hub_address_get(struct adit_hub *hub, const struct adit_addr *addr,
                                              adit_time now)
{
    struct adit_hub_address *a;
    struct adit_map_node *found;
    uint8_t key[sizeof a->key];

    key_of(key, addr);
    found = adit_map_find(&hub->addresses, key, sizeof key);
    if (found)
        return adit_container_of(found, struct adit_hub_address, node);
    if (hub->addresses.count >= ADIT_HUB_ADDRESSES_MAX && now >= hub->swept + ADIT_SEC)
        sweep(hub, now);
    a = hub->addresses.count < ADIT_HUB_ADDRESSES_MAX ? adit_zalloc(sizeof *a) : NULL;
    if (!a)
        return NULL;
    memcpy(a->key, key, sizeof key);
    if (adit_map_add(&hub->addresses, &a->node, a->key, sizeof a->key) < 0) {
        adit_free(a);
        return NULL;
    }
    if (!adit_heap_has(&hub->sweep.node))
        adit_hub_timer_set(hub, &hub->sweep, now + SWEEP_EVERY);
    return a;
}

bool adit_hub_address_ask(struct adit_hub *hub, struct adit_hub_address *a, unsigned cost,
                          adit_time now)
{
    return a->key[0] == ADIT_FAMILY_NONE || /* a local socket: who comes over it is one of us */
           adit_hub_rate_take(&a->requests, hub->limits.request_rate, hub->limits.request_burst,
                              cost, now);
}

bool adit_hub_arrive(struct adit_hub *hub, const struct adit_addr *from, bool shared, adit_time now)
{
    struct adit_hub_address *a = adit_hub_address_get(hub, from, now);

    /* Those that have not said who they are yet have some room beside those that have. */
    if (!a || hub->arrived >= hub->limits.clients + hub->limits.clients / 8 + 16)
        return false;
    if (!shared && from->family != ADIT_FAMILY_NONE && a->arrived >= hub->limits.per_address)
        return false;
    a->arrived++;
    hub->arrived++;
    return true;
}

void adit_hub_depart(struct adit_hub *hub, const struct adit_addr *from)
{
    uint8_t key[9];
    struct adit_map_node *found;

    key_of(key, from);
    found = adit_map_find(&hub->addresses, key, sizeof key);
    adit_container_of(found, struct adit_hub_address, node)->arrived--;
    hub->arrived--;
}

void adit_hub_addresses_free(struct adit_hub *hub)
{
    struct adit_map_node *n;

    while ((n = adit_map_next(&hub->addresses, NULL)) != NULL) {
        adit_map_remove(&hub->addresses, n);
        adit_free(adit_container_of(n, struct adit_hub_address, node));
    }
    adit_map_done(&hub->addresses);
}
