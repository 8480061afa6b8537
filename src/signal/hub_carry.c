/* hub_carry.c - packets of agents to each other (haul.h), as a network would: at once or never. */
#include "signal/hub_carry.h"

#include "base/alloc.h"
#include "signal/haul.h"

#define SWEEP_EVERY (30 * ADIT_SEC)

struct side {
    struct adit_link link; /* in its client's pairs */
    struct pair *pair;
};

/* Two clients whose packets go through us. */
struct pair {
    struct adit_map_node node; /* in carries->pairs, by `key` */
    const struct adit_hub_client *key[2];
    struct side sides[2];
    struct adit_hub_purse *purse; /* of who began */
    adit_time used;
};

/* ---- pairs ----------------------------------------------------------------------------------- */

static void end_pair(struct adit_hub_carries *carries, struct pair *p)
{
    adit_map_remove(&carries->pairs, &p->node);
    adit_list_del(&p->sides[0].link);
    adit_list_del(&p->sides[1].link);
    p->purse->pairs--;
    p->purse->clients--; /* it is remembered as long as we are */
    adit_free(p);
}

static struct pair *find_pair(struct adit_hub_client *a, struct adit_hub_client *b)
{
    const struct adit_hub_client *key[2] = { a < b ? a : b, a < b ? b : a };
    struct adit_map_node *found = adit_map_find(&a->hub->carries->pairs, key, sizeof key);

    return found ? adit_container_of(found, struct pair, node) : NULL;
}

static struct pair *begin_pair(struct adit_hub_client *a, struct adit_hub_client *b)
{
    struct pair *p = adit_zalloc(sizeof *p);

    if (!p)
        return NULL;
    p->key[a > b] = a;
    p->key[a < b] = b;
    if (adit_map_add(&a->hub->carries->pairs, &p->node, p->key, sizeof p->key) < 0) {
        adit_free(p);
        return NULL;
    }
    p->sides[0].pair = p->sides[1].pair = p;
    adit_list_add(&a->pairs, &p->sides[0].link);
    adit_list_add(&b->pairs, &p->sides[1].link);
    p->purse = a->purse;
    p->purse->pairs++;
    p->purse->clients++;
    adit_hub_emit(a, ADIT_HUB_CARRIED, a->id, b->id);
    return p;
}

static struct pair *pair_of(struct adit_hub_client *a, struct adit_hub_client *b, adit_time now)
{
    struct pair *p = find_pair(a, b);

    if (!p && a->purse->pairs >= a->hub->limits.carry_pairs) {
        adit_hub_purse_refuse(a, "too many pairs of its account are relayed already", now);
        return NULL;
    }
    if (!p)
        p = begin_pair(a, b);
    if (p)
        p->used = now;
    return p;
}

void adit_hub_carry_left(struct adit_hub_client *c)
{
    struct adit_link *it, *tmp;

    ADIT_LIST_EACH(&c->pairs, it, tmp)
    end_pair(c->hub->carries, adit_container_of(it, struct side, link)->pair);
    c->carries = false;
    adit_hub_purse_leave(c);
}

/* ---- packets --------------------------------------------------------------------------------- */

/* False: it is not to go on. */
static bool pay(struct adit_hub_client *c, size_t n, adit_time now)
{
    struct adit_hub_carried *done = &c->hub->carries->done;
    struct adit_hub_purse *purse = adit_hub_purse_of(c, now);
    size_t cost = n > ADIT_HUB_PACKET_MIN ? n : ADIT_HUB_PACKET_MIN;
    int err = purse ? adit_hub_purse_take(c->hub, purse, cost, now) : -ENOMEM;

    if (err == -EAGAIN) {
        done->too_fast++;
        adit_hub_purse_refuse(c, "more bytes a second than are relayed for its account", now);
    } else if (err == -EDQUOT) {
        done->too_many++;
        adit_hub_purse_refuse(c, "more bytes than are relayed for its account in a day", now);
    }
    return err == 0;
}

void adit_hub_carry(struct adit_hub_client *c, const char *bytes, size_t n, adit_time now)
{
    struct adit_hub *hub = c->hub;
    struct adit_hub_carried *done = &hub->carries->done;
    struct adit_hub_client *target;
    uint8_t out[ADIT_HAUL_MAX];
    struct adit_haul carry;
    int err = adit_haul_read(&carry, bytes, n);

    if (err == -EPROTO) {
        adit_hub_drop(c, ADIT_HUB_CLOSE_POLICY, "that was no packet", now);
        return;
    }
    if (!pay(c, n, now) || err || !c->id || !hub->conf->carry)
        return;
    target = adit_hub_find(hub, ADIT_HUB_AGENT, adit_hub_account(c), carry.name);
    if (!target || target == c || !target->carries) {
        done->nobody++;
        return;
    }
    if (!pair_of(c, target, now)) {
        done->too_many++;
        return;
    }
    memcpy(carry.name, c->id, strlen(c->id) + 1);
    n = adit_haul_write(out, &carry);
    if (!hub->ops->carry(hub->arg, target->conn, out, n)) {
        done->slow++;
        return;
    }
    done->packets++;
    done->bytes += carry.packet.len;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void on_sweep(struct adit_hub_timer *timer, adit_time now)
{
    struct adit_hub_carries *carries = adit_container_of(timer, struct adit_hub_carries, sweep);
    struct adit_map_node *next;

    for (struct adit_map_node *n = adit_map_next(&carries->pairs, NULL); n; n = next) {
        struct pair *p = adit_container_of(n, struct pair, node);
        next = adit_map_next(&carries->pairs, n);
        if (now >= p->used + ADIT_HUB_PAIR_IDLE)
            end_pair(carries, p);
    }
    adit_hub_grants_sweep(carries, now);
    adit_hub_purses_sweep(carries, now);
    if (carries->purses.count || carries->grants.count)
        adit_hub_timer_set(carries->hub, timer, now + SWEEP_EVERY);
}

void adit_hub_carry_sweep_soon(struct adit_hub *hub, adit_time now)
{
    struct adit_hub_carries *carries = hub->carries;

    if (!adit_heap_has(&carries->sweep.node))
        adit_hub_timer_set(hub, &carries->sweep, now + SWEEP_EVERY);
}

void adit_hub_carried(const struct adit_hub *hub, struct adit_hub_carried *ret_carried)
{
    *ret_carried = hub->carries->done;
}

struct adit_hub_carries *adit_hub_carries_new(struct adit_hub *hub)
{
    struct adit_hub_carries *carries = adit_zalloc(sizeof *carries);

    if (!carries)
        return NULL;
    carries->hub = hub;
    carries->sweep.fire = on_sweep;
    adit_map_init(&carries->purses, hub->rng);
    adit_map_init(&carries->pairs, hub->rng);
    adit_map_init(&carries->sessions, hub->rng);
    adit_map_init(&carries->grants, hub->rng);
    return carries;
}

void adit_hub_carries_free(struct adit_hub_carries *carries)
{
    if (!carries)
        return;
    adit_hub_grants_free(carries);
    for (struct adit_map_node *n; (n = adit_map_next(&carries->purses, NULL)) != NULL;) {
        adit_map_remove(&carries->purses, n);
        adit_free(adit_container_of(n, struct adit_hub_purse, node));
    }
    adit_map_done(&carries->purses);
    adit_map_done(&carries->pairs);
    adit_map_done(&carries->sessions);
    adit_map_done(&carries->grants);
    adit_free(carries);
}
