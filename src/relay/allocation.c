/* allocation.c - an allocation and what it holds: relayed addresses, and a place in the quotas. */
#include "base/alloc.h"
#include "relay/inner.h"

/* ---- keys ------------------------------------------------------------------------------------ */

void adit_turnd_addr_key(uint8_t key[ADIT_TURND_ADDR_KEY], const struct adit_addr *a)
{
    key[0] = a->family;
    adit_put16(key + 1, a->port);
    memcpy(key + 3, a->ip, 16);
}

static void flow_key(uint8_t key[ADIT_TURND_FLOW_KEY], const struct adit_turnd_flow *flow)
{
    adit_turnd_addr_key(key, &flow->client);
    adit_put32(key + ADIT_TURND_ADDR_KEY, flow->client.scope);
    memcpy(key + ADIT_TURND_ADDR_KEY + 4, &flow->path, sizeof flow->path);
}

struct adit_turnd_allocation *adit_turnd_find(struct adit_turnd *r,
                                              const struct adit_turnd_flow *flow)
{
    uint8_t key[ADIT_TURND_FLOW_KEY];
    struct adit_map_node *n;

    flow_key(key, flow);
    n = adit_map_find(&r->allocations, key, sizeof key);
    return n ? adit_container_of(n, struct adit_turnd_allocation, node) : NULL;
}

/* ---- quotas ---------------------------------------------------------------------------------- */

static struct adit_turnd_count *count_take(struct adit_map *map, const void *key, size_t len,
                                           unsigned max, int *ret_code)
{
    struct adit_map_node *n = adit_map_find(map, key, len);
    struct adit_turnd_count *c = n ? adit_container_of(n, struct adit_turnd_count, node) : NULL;

    *ret_code = ADIT_TURND_CAPACITY;
    if (!c) {
        c = adit_zalloc(sizeof *c + len);
        if (!c)
            return NULL;
        c->len = len;
        memcpy(c->key, key, len);
        if (adit_map_add(map, &c->node, c->key, len) < 0) {
            adit_free(c);
            return NULL;
        }
    }
    if (c->n >= max) { /* never 0, so this one is somebody's */
        *ret_code = ADIT_TURND_QUOTA;
        return NULL;
    }
    c->n++;
    return c;
}

static void count_give(struct adit_map *map, struct adit_turnd_count *c)
{
    if (!c || --c->n > 0)
        return;
    adit_map_remove(map, &c->node);
    adit_free(c);
}

static bool take_quotas(const struct adit_turnd_call *call, struct adit_turnd_allocation *a,
                        int *ret_code)
{
    struct adit_turnd *r = call->relay;
    const struct adit_turnd_limits *l = &r->conf.limits;
    const struct adit_addr *client = &call->flow->client;
    struct adit_span id = adit_turnd_identity(call->user);
    uint8_t from[9] = { client->family };

    *ret_code = ADIT_TURND_QUOTA;
    if (r->allocations.count >= l->allocations)
        return false;
    memcpy(from + 1, client->ip, client->family == ADIT_FAMILY_V4 ? 4 : 8);
    a->identity = count_take(&r->identities, id.data, id.len, l->per_identity, ret_code);
    if (a->identity)
        a->address = count_take(&r->addresses, from, sizeof from, l->per_address, ret_code);
    return a->address != NULL;
}

/* ---- allocations ----------------------------------------------------------------------------- */

static void on_expired(struct adit_turnd *r, struct adit_turnd_due *due, adit_time now)
{
    (void)now;
    adit_turnd_allocation_end(r, adit_container_of(due, struct adit_turnd_allocation, due));
}

struct adit_turnd_allocation *adit_turnd_allocation_new(const struct adit_turnd_call *call,
                                                        int *ret_code)
{
    struct adit_turnd *r = call->relay;
    struct adit_turnd_allocation *a = adit_zalloc(sizeof *a);

    *ret_code = ADIT_TURND_CAPACITY;
    if (!a)
        return NULL;
    a->flow = *call->flow;
    a->due.fire = on_expired;
    memcpy(a->user, call->user.data, call->user.len);
    a->user_len = call->user.len;
    memcpy(a->secret, call->key_bytes, sizeof a->secret);
    memcpy(a->id, call->head.id, sizeof a->id);
    flow_key(a->key, call->flow);
    if (take_quotas(call, a, ret_code)) {
        *ret_code = ADIT_TURND_CAPACITY;
        if (adit_map_add(&r->allocations, &a->node, a->key, sizeof a->key) == 0)
            return a;
    }
    adit_turnd_allocation_free(r, a);
    return NULL;
}

void adit_turnd_allocation_free(struct adit_turnd *r, struct adit_turnd_allocation *a)
{
    for (size_t i = 0; i < ADIT_LEN(a->sockets); i++)
        if (a->sockets[i])
            adit_turnd_socket_free(r, a->sockets[i]);
    count_give(&r->identities, a->identity);
    count_give(&r->addresses, a->address);
    adit_heap_remove(&r->due, &a->due.node);
    adit_map_remove(&r->allocations, &a->node);
    adit_free(a->permissions);
    adit_free(a->channels);
    adit_free(a);
}

static void tell(struct adit_turnd *r, const struct adit_turnd_allocation *a,
                 enum adit_turnd_what what)
{
    struct adit_span id = adit_turnd_identity((struct adit_span){ a->user, a->user_len });
    char user[ADIT_TURND_USER_MAX + 1] = "";
    const struct adit_turnd_socket *s = a->sockets[0] ? a->sockets[0] : a->sockets[1];
    struct adit_turnd_event event = {
        .what = what, .user = user, .flow = &a->flow, .bytes = a->bytes, .lost_bytes = a->lost_bytes
    };

    if (id.len)
        memcpy(user, id.data, id.len);
    if (s)
        event.relayed = s->port.addr;
    r->ops->event(r->arg, &event);
}

void adit_turnd_allocation_end(struct adit_turnd *r, struct adit_turnd_allocation *a)
{
    tell(r, a, ADIT_TURND_ENDED);
    adit_turnd_allocation_free(r, a);
}

void adit_turnd_live(struct adit_turnd *r, struct adit_turnd_allocation *a, uint32_t lifetime,
                     adit_time now)
{
    bool begins = !adit_heap_has(&a->due.node);

    adit_turnd_due_set(r, &a->due, now + lifetime * ADIT_SEC);
    if (!begins)
        return;
    r->stats.allocations++;
    tell(r, a, ADIT_TURND_ALLOCATED);
}

/* ---- relayed addresses ----------------------------------------------------------------------- */

int adit_turnd_socket_open(struct adit_turnd *r, const struct adit_turnd_wish *wish,
                           struct adit_turnd_socket **ret_socket)
{
    struct adit_turnd_socket *s = adit_zalloc(sizeof *s);
    int err;

    if (!s)
        return -ENOMEM;
    err = r->ops->open(r->arg, &s->port, wish);
    if (err < 0) {
        adit_free(s);
        return err;
    }
    adit_turnd_addr_key(s->key, &s->port.addr);
    if (adit_map_find(&r->sockets, s->key, sizeof s->key))
        err = -EADDRINUSE; /* two of the owner's addresses that the world sees as one */
    else
        err = adit_map_add(&r->sockets, &s->node, s->key, sizeof s->key);
    if (err < 0) {
        r->ops->close(r->arg, &s->port);
        adit_free(s);
        return err;
    }
    *ret_socket = s;
    return 0;
}

void adit_turnd_socket_free(struct adit_turnd *r, struct adit_turnd_socket *s)
{
    adit_heap_remove(&r->due, &s->due.node);
    adit_map_remove(&r->reservations, &s->reserved);
    adit_map_remove(&r->sockets, &s->node);
    r->ops->close(r->arg, &s->port);
    adit_free(s);
}

void adit_turnd_give(struct adit_turnd_allocation *a, struct adit_turnd_socket *s)
{
    s->allocation = a;
    a->sockets[adit_turnd_index(&s->port.addr)] = s;
}

static void on_unclaimed(struct adit_turnd *r, struct adit_turnd_due *due, adit_time now)
{
    (void)now;
    adit_turnd_socket_free(r, adit_container_of(due, struct adit_turnd_socket, due));
}

int adit_turnd_reserve(struct adit_turnd *r, struct adit_turnd_socket *s, adit_time now)
{
    int err;

    adit_rng_bytes(r->rng, s->token, sizeof s->token);
    err = adit_map_find(&r->reservations, s->token, sizeof s->token)
              ? -EEXIST
              : adit_map_add(&r->reservations, &s->reserved, s->token, sizeof s->token);
    if (err < 0)
        return err;
    s->due.fire = on_unclaimed;
    adit_turnd_due_set(r, &s->due, now + ADIT_TURND_RESERVATION);
    return 0;
}

struct adit_turnd_socket *adit_turnd_redeem(struct adit_turnd *r, struct adit_span token)
{
    struct adit_map_node *n = adit_map_find(&r->reservations, token.data, token.len);
    struct adit_turnd_socket *s;

    if (!n)
        return NULL;
    s = adit_container_of(n, struct adit_turnd_socket, reserved);
    adit_map_remove(&r->reservations, n);
    adit_heap_remove(&r->due, &s->due.node);
    return s;
}
