#include "sim/net.h"

#include <stdio.h>
#include <stdlib.h>

#define IP_HEADERS    28
#define QUEUE_DEFAULT (64 * 1024)
#define SAME_TIME_MAX 1000000 /* events without any time passing: a busy loop */

struct sim_segment {
    struct sim_net *net;
    struct sim_iface *ifaces, *gateway;
    struct sim_segment *next;
};

/* A packet at the end of a link, or a call. */
struct event {
    struct adit_heap_node node;
    struct sim_iface *iface;
    bool at_segment; /* else at the interface */
    void (*fn)(void *arg);
    void *arg;
    struct sim_packet packet;
    uint8_t bytes[];
};

struct sim_owned {
    struct sim_owned *next;
    void (*done)(void *p);
    max_align_t memory[];
};

struct adit_addr sim_addr(const char *text)
{
    struct adit_addr a;

    if (adit_addr_parse_port(&a, text, strlen(text), 0) < 0) {
        fprintf(stderr, "sim_addr: %s\n", text);
        abort();
    }
    return a;
}

static uint64_t said(const char *name, uint64_t usual)
{
    const char *text = getenv(name);

    return text ? strtoull(text, NULL, 10) : usual;
}

uint64_t sim_first(void)
{
    return said("SIM_SEED", 1);
}

uint64_t sim_last(uint64_t usual)
{
    return said("SIM_SEED", said("SIM_SEEDS", usual));
}

void *sim_net_alloc(struct sim_net *net, size_t size, void (*done)(void *p))
{
    struct sim_owned *o = calloc(1, sizeof *o + size);

    o->done = done;
    o->next = net->owned;
    net->owned = o;
    return o->memory;
}

struct sim_net *sim_net_new(uint64_t seed)
{
    static adit_time last = 1234567 * ADIT_SEC + 890123457;
    struct sim_net *net = calloc(1, sizeof *net);

    /* A day for each: no test lasts longer. */
    last += 24 * 3600 * ADIT_SEC;
    net->now = net->start = last;
    net->seed = seed;
    adit_rng_init_seed(&net->rng, seed);
    return net;
}

struct sim_net *sim_net_free(struct sim_net *net)
{
    struct adit_heap_node *node;
    struct sim_owned *o;

    for (o = net->owned; o; o = o->next)
        if (o->done)
            o->done(o->memory);
    while ((o = net->owned)) {
        net->owned = o->next;
        free(o);
    }
    while ((node = adit_heap_first(&net->events))) {
        adit_heap_remove(&net->events, node);
        free(adit_container_of(node, struct event, node));
    }
    free(net);
    return NULL;
}

struct sim_segment *sim_segment(struct sim_net *net)
{
    struct sim_segment *s = sim_net_alloc(net, sizeof *s, NULL);

    s->net = net;
    s->next = net->segments;
    net->segments = s;
    return s;
}

struct sim_iface *sim_attach(struct sim_segment *segment, const char *ip,
                             void (*receive)(void *arg, struct sim_iface *iface,
                                             const struct sim_packet *p),
                             void *arg)
{
    struct sim_iface *i = sim_net_alloc(segment->net, sizeof *i, NULL);

    i->net = segment->net;
    i->segment = segment;
    i->ip = sim_addr(ip);
    i->receive = receive;
    i->arg = arg;
    i->next = segment->ifaces;
    segment->ifaces = i;
    return i;
}

void sim_gateway(struct sim_segment *segment, struct sim_iface *iface)
{
    segment->gateway = iface;
}

void sim_set_links(struct sim_iface *iface, const struct sim_link *link)
{
    iface->up = iface->down = *link;
}

/* ---- links ------------------------------------------------------------------------------------
 */

static void add_event(struct sim_net *net, struct sim_iface *iface, bool at_segment,
                      const struct sim_packet *p, adit_time at)
{
    struct event *e = calloc(1, sizeof *e + p->n);

    e->iface = iface;
    e->at_segment = at_segment;
    e->packet = *p;
    e->packet.bytes = e->bytes;
    memcpy(e->bytes, p->bytes, p->n);
    adit_heap_add(&net->events, &e->node, at);
}

static bool by_chance(struct sim_net *net, unsigned permille)
{
    return permille && adit_rng_below(&net->rng, 1000) < permille;
}

/* When the last bit is on the wire, or ADIT_NEVER if the queue is full. */
static adit_time transmit(struct sim_link *l, size_t bytes, adit_time now)
{
    adit_time begin = adit_time_max(now, l->free_at);

    if (!l->rate)
        return now;
    if ((begin - now) * l->rate / 8 / ADIT_SEC > (l->queue ? l->queue : QUEUE_DEFAULT))
        return ADIT_NEVER;
    return l->free_at = begin + bytes * 8 * ADIT_SEC / l->rate;
}

static void travel(struct sim_net *net, struct sim_link *l, struct sim_iface *iface,
                   bool at_segment, const struct sim_packet *p)
{
    uint64_t number = l->packets++;
    adit_time at = ADIT_NEVER;

    if (!((l->drop && l->drop(l->drop_arg, p)) || l->cut ||
          (number < 64 && l->mask >> number & 1) || by_chance(net, l->loss) ||
          (l->mtu && p->n + IP_HEADERS > l->mtu)))
        at = transmit(l, p->n + IP_HEADERS, net->now);
    if (at == ADIT_NEVER) {
        l->lost++;
        return;
    }
    at += l->delay + (l->jitter ? adit_rng_u64(&net->rng) % l->jitter : 0);
    if (by_chance(net, l->reorder))
        at += ADIT_MS + adit_rng_u64(&net->rng) % (2 * l->delay + 1);
    else
        at = l->last_at = adit_time_max(at, l->last_at);
    add_event(net, iface, at_segment, p, at);
    if (by_chance(net, l->duplicate))
        add_event(net, iface, at_segment, p, at + ADIT_US);
}

void sim_send(struct sim_iface *iface, const struct sim_packet *p)
{
    travel(iface->net, &iface->up, iface, true, p);
}

/* On the segment: to the one it is for, or to the gateway. */
static void forward(struct sim_net *net, struct sim_iface *from, const struct sim_packet *p)
{
    struct sim_segment *s = from->segment;
    struct sim_iface *i = s->ifaces;

    while (i && !adit_addr_equal_ip(&i->ip, &p->to))
        i = i->next;
    if (!i && s->gateway != from)
        i = s->gateway;
    if (i)
        travel(net, &i->down, i, false, p);
    else
        net->unroutable++;
}

/* ---- time -------------------------------------------------------------------------------------
 */

void sim_actor_add(struct sim_net *net, struct sim_actor *actor)
{
    actor->next = net->actors;
    net->actors = actor;
}

void sim_actor_remove(struct sim_net *net, struct sim_actor *actor)
{
    struct sim_actor **p = &net->actors;

    while (*p && *p != actor)
        p = &(*p)->next;
    if (*p)
        *p = actor->next;
}

void sim_at(struct sim_net *net, adit_time at, void (*fn)(void *arg), void *arg)
{
    struct event *e = calloc(1, sizeof *e);

    e->fn = fn;
    e->arg = arg;
    adit_heap_add(&net->events, &e->node, adit_time_max(at, net->now));
}

static void happen(struct sim_net *net, struct event *e)
{
    adit_heap_remove(&net->events, &e->node);
    if (e->fn)
        e->fn(e->arg);
    else if (e->at_segment)
        forward(net, e->iface, &e->packet);
    else
        e->iface->receive(e->iface->arg, e->iface, &e->packet);
    free(e);
}

bool sim_run(struct sim_net *net, adit_time span, bool (*done)(void *arg), void *arg)
{
    adit_time until = net->now + span;
    unsigned same = 0;

    while (!done || !done(arg)) {
        struct adit_heap_node *node = adit_heap_first(&net->events);
        struct sim_actor *actor = NULL;
        adit_time at = node ? node->at : ADIT_NEVER;

        for (struct sim_actor *a = net->actors; a; a = a->next)
            if (a->deadline(a->arg) < at) {
                at = a->deadline(a->arg);
                actor = a;
            }
        if (at > until) {
            net->now = until;
            return false;
        }
        same = at > net->now ? 0 : same + 1;
        if (same > SAME_TIME_MAX) {
            fprintf(stderr, "seed %llu: time stands still\n", (unsigned long long)net->seed);
            abort();
        }
        net->now = adit_time_max(at, net->now);
        if (actor)
            actor->tick(actor->arg, net->now);
        else
            happen(net, adit_container_of(node, struct event, node));
    }
    return true;
}
