#include "relay/turnd.h"

#include "base/alloc.h"
#include "relay/inner.h"

/* ---- life ------------------------------------------------------------------------------------ */

static void fill(struct adit_turnd_limits *l)
{
    static const struct adit_turnd_limits usual = {
        .allocations = 1000,
        .per_identity = 32,
        .per_address = 64,
        .permissions = 64,
        .channels = 64,
        .bandwidth = 4 * 1024 * 1024,
        .bindings = 50,
        .unauthenticated = 10,
    };

    _Static_assert(sizeof usual % sizeof(unsigned) == 0, "nothing but numbers");
    adit_fill_in((unsigned *)l, (const unsigned *)&usual, sizeof usual / sizeof(unsigned));
}

struct adit_turnd *adit_turnd_new(const struct adit_turnd_conf *conf,
                                  const struct adit_turnd_ops *ops, void *arg, struct adit_rng *rng)
{
    struct adit_turnd *r = adit_zalloc(sizeof *r);

    if (!r)
        return NULL;
    r->conf = *conf;
    r->conf.secret = NULL; /* ours is the copy */
    if (!r->conf.realm)
        r->conf.realm = "adit";
    fill(&r->conf.limits);
    r->ops = ops;
    r->arg = arg;
    r->rng = rng;
    adit_rng_bytes(rng, r->nonce_key, sizeof r->nonce_key);
    adit_rng_bytes(rng, r->rate_seed, sizeof r->rate_seed);
    adit_map_init(&r->allocations, rng);
    adit_map_init(&r->sockets, rng);
    adit_map_init(&r->reservations, rng);
    adit_map_init(&r->identities, rng);
    adit_map_init(&r->addresses, rng);
    if (conf->turn && adit_turnd_secret(r, conf->secret) < 0)
        return adit_turnd_free(r);
    return r;
}

struct adit_turnd *adit_turnd_free(struct adit_turnd *r)
{
    struct adit_map_node *n;

    if (!r)
        return NULL;
    while ((n = adit_map_next(&r->allocations, NULL)) != NULL)
        adit_turnd_allocation_free(r, adit_container_of(n, struct adit_turnd_allocation, node));
    while ((n = adit_map_next(&r->sockets, NULL)) != NULL)
        adit_turnd_socket_free(r, adit_container_of(n, struct adit_turnd_socket, node));
    adit_map_done(&r->allocations);
    adit_map_done(&r->sockets);
    adit_map_done(&r->reservations);
    adit_map_done(&r->identities);
    adit_map_done(&r->addresses);
    adit_free(r->secret);
    adit_free(r);
    return NULL;
}

int adit_turnd_secret(struct adit_turnd *r, const char *secret)
{
    char *copy = adit_strdup(secret);

    if (!copy)
        return -ENOMEM;
    adit_free(r->secret);
    r->secret = copy;
    return 0;
}

/* ---- messages -------------------------------------------------------------------------------- */

static const struct {
    uint16_t method;
    void (*answer)(struct adit_turnd_call *call);
    bool allocated; /* there must be an allocation, and it must be the asker's */
} requests[] = {
    { ADIT_STUN_ALLOCATE, adit_turnd_allocate, false },
    { ADIT_STUN_REFRESH, adit_turnd_refresh, true },
    { ADIT_STUN_CREATE_PERMISSION, adit_turnd_create_permission, true },
    { ADIT_STUN_CHANNEL_BIND, adit_turnd_channel_bind, true },
};

static bool is_whose(const struct adit_turnd_call *call)
{
    const struct adit_turnd_allocation *a = call->allocation;

    return a->user_len == call->user.len && memcmp(a->user, call->user.data, a->user_len) == 0;
}

/* Methods that we do not have are not answered at all: they cost nothing then. */
static void on_request(struct adit_turnd_call *call)
{
    for (size_t i = 0; i < ADIT_LEN(requests); i++) {
        if (requests[i].method != call->head.method)
            continue;
        if (!adit_turnd_authenticate(call))
            return;
        if (requests[i].allocated && !call->allocation)
            adit_turnd_refuse(call, ADIT_TURND_MISMATCH);
        else if (requests[i].allocated && !is_whose(call))
            adit_turnd_refuse(call, ADIT_TURND_WRONG_CREDENTIALS);
        else
            requests[i].answer(call);
        return;
    }
    call->relay->stats.silent++;
}

void adit_turnd_feed(struct adit_turnd *r, const struct adit_turnd_flow *flow, const uint8_t *bytes,
                     size_t n, adit_time now)
{
    struct adit_turnd_call call = { .relay = r, .flow = flow, .bytes = bytes, .n = n, .now = now };

    if (n && bytes[0] >> 6 == 1) { /* RFC 8656 section 12 */
        call.allocation = adit_turnd_find(r, flow);
        if (call.allocation)
            adit_turnd_channel_data(r, call.allocation, bytes, n, now);
        return;
    }
    if (!adit_stun_peek(&call.head, bytes, n)) {
        r->stats.silent++;
        return;
    }
    if (call.head.method == ADIT_STUN_BINDING) {
        if (call.head.class == ADIT_STUN_REQUEST)
            adit_turnd_binding(&call);
        return;
    }
    if (!r->conf.turn)
        return;
    call.allocation = adit_turnd_find(r, flow);
    if (call.head.class == ADIT_STUN_REQUEST)
        on_request(&call);
    else if (call.head.class == ADIT_STUN_INDICATION && call.head.method == ADIT_STUN_SEND &&
             call.allocation)
        adit_turnd_send_indication(&call);
}

void adit_turnd_gone(struct adit_turnd *r, const struct adit_turnd_flow *flow, adit_time now)
{
    struct adit_turnd_allocation *a = adit_turnd_find(r, flow);

    (void)now;
    if (a)
        adit_turnd_allocation_end(r, a);
}

void adit_turnd_path_gone(struct adit_turnd *r, const void *path, adit_time now)
{
    struct adit_map_node *n = adit_map_next(&r->allocations, NULL), *next;

    (void)now;
    for (; n; n = next) {
        struct adit_turnd_allocation *a = adit_container_of(n, struct adit_turnd_allocation, node);
        next = adit_map_next(&r->allocations, n);
        if (a->flow.path == path)
            adit_turnd_allocation_end(r, a);
    }
}

/* ---- time ------------------------------------------------------------------------------------ */

void adit_turnd_due_set(struct adit_turnd *r, struct adit_turnd_due *due, adit_time at)
{
    adit_heap_remove(&r->due, &due->node);
    adit_heap_add(&r->due, &due->node, at);
}

adit_time adit_turnd_deadline(const struct adit_turnd *r)
{
    const struct adit_heap_node *first = adit_heap_first(&r->due);

    return first ? first->at : ADIT_NEVER;
}

void adit_turnd_tick(struct adit_turnd *r, adit_time now)
{
    struct adit_heap_node *first;

    while ((first = adit_heap_first(&r->due)) != NULL && first->at <= now) {
        struct adit_turnd_due *due = adit_container_of(first, struct adit_turnd_due, node);
        adit_heap_remove(&r->due, first);
        due->fire(r, due, now);
    }
}

bool adit_turnd_has(struct adit_turnd *r, const struct adit_turnd_flow *flow)
{
    return adit_turnd_find(r, flow) != NULL;
}

size_t adit_turnd_count(const struct adit_turnd *r)
{
    return r->allocations.count;
}

const struct adit_turnd_stats *adit_turnd_stats(const struct adit_turnd *r)
{
    return &r->stats;
}
