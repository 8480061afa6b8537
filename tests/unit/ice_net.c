#include "unit/ice_net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct adit_addr net_addr(const char *text)
{
    struct adit_addr a;

    if (adit_addr_parse_port(&a, text, strlen(text), 0) < 0)
        abort();
    return a;
}

void net_init(struct net *net)
{
    memset(net, 0, sizeof *net);
    net->now = 1000 * ADIT_SEC;
    net->packets = calloc(NET_PACKETS, sizeof *net->packets);
}

void net_done(struct net *net)
{
    for (int i = 0; i < NET_NODES; i++) {
        adit_ice_free(net->nodes[i].ice);
        free(net->nodes[i].sent);
    }
    free(net->packets);
}

static int base_index(const struct net_node *node, int id)
{
    for (int i = 0; i < node->base_count; i++) {
        if (node->base_id[i] == id)
            return i;
    }
    abort();
}

static void note(struct net_node *node, const struct net_packet *p)
{
    struct adit_stun_head head;
    struct net_sent *s = &node->sent[node->sent_count++];
    struct adit_stun msg;
    const struct adit_stun_auth any = { 0 };

    if (node->sent_count >= NET_LOG)
        abort();
    *s = (struct net_sent){ .at = p->at - node->net->delay, .to = p->to, .base = p->base };
    s->first = p->bytes[0];
    if (adit_stun_peek(&head, p->bytes, p->n)) {
        s->class = head.class;
        memcpy(s->id, head.id, sizeof s->id);
        if (adit_stun_decode(&msg, p->bytes, p->n, &any) == ADIT_STUN_OK)
            s->use_candidate = msg.use_candidate;
    }
}

static void enqueue(struct net *net, const struct net_packet *p)
{
    size_t i = net->packet_count++;

    if (net->packet_count >= NET_PACKETS)
        abort();
    for (; i > 0 && net->packets[i - 1].at > p->at; i--)
        net->packets[i] = net->packets[i - 1];
    net->packets[i] = *p;
}

static void on_send(void *arg, int base, const struct adit_addr *to, const void *bytes, size_t n)
{
    struct net_node *node = arg;
    struct net *net = node->net;
    struct net_packet p = { .at = net->now + net->delay,
                            .node = node->index,
                            .base = base,
                            .from = node->base_addr[base_index(node, base)],
                            .to = *to,
                            .n = n };

    if (n > sizeof p.bytes)
        abort();
    memcpy(p.bytes, bytes, n);
    note(node, &p);
    if (!net->filter || net->filter(net, &p))
        enqueue(net, &p);
}

static void on_event(void *arg, const struct adit_ice_event *ev)
{
    struct net_node *node = arg;

    switch (ev->type) {
    case ADIT_ICE_EV_STATE:
        if (!node->state_at[ev->state])
            node->state_at[ev->state] = node->net->now;
        if (ev->state == ADIT_ICE_FAILED)
            node->cause = ev->cause;
        break;
    case ADIT_ICE_EV_CAND:
        node->cands++;
        break;
    case ADIT_ICE_EV_GATHERED:
        node->gathered++;
        node->gathered_at = node->net->now;
        break;
    case ADIT_ICE_EV_MTU:
        node->mtu = adit_ice_mtu(node->ice);
        break;
    case ADIT_ICE_EV_HEARD:
        node->heard++;
        break;
    case ADIT_ICE_EV_SILENT:
        node->silent++;
        break;
    case ADIT_ICE_EV_SELECTED:
        node->selected++;
        break;
    case ADIT_ICE_EV_MAPPED:
        node->mapped++;
        node->mapped_addr = ev->cand->addr;
        break;
    }
}

static const struct adit_ice_ops ops = { .send = on_send, .event = on_event };

struct net_node *net_node(struct net *net, int i, struct adit_ice_conf *conf)
{
    struct net_node *node = &net->nodes[i];
    struct adit_ice_conf plain = { 0 };

    if (!conf)
        conf = &plain;
    node->net = net;
    node->index = i;
    node->sent = calloc(NET_LOG, sizeof *node->sent);
    adit_rng_init_seed(&node->rng, 7 + (uint64_t)i);
    conf->rng = &node->rng;
    node->ice = adit_ice_new(conf, &ops, node, net->now);
    if (!node->ice)
        abort();
    return node;
}

void net_base(struct net_node *node, int id, const char *addr, uint16_t preference)
{
    struct adit_addr a = net_addr(addr);

    if (adit_addr_scope(&a) == ADIT_SCOPE_LINK && a.family == ADIT_FAMILY_V6)
        a.scope = 3;
    node->base_id[node->base_count] = id;
    node->base_addr[node->base_count++] = a;
    if (adit_ice_add_base(node->ice, id, &a, preference, true, node->net->now) < 0)
        abort();
}

void net_describe(struct net_node *from, struct net_node *to, bool candidates)
{
    for (size_t i = 0; candidates && i < adit_ice_local_count(from->ice); i++) {
        struct adit_cand c = *adit_ice_local(from->ice, i);
        c.addr.scope = 0;
        if (adit_ice_add_remote(to->ice, &c, to->net->now) < 0)
            abort();
    }
    if (adit_ice_set_remote(to->ice, adit_ice_ufrag(from->ice), adit_ice_pwd(from->ice), false,
                            to->net->now) < 0)
        abort();
}

void net_remote(struct net_node *node, const char *addr, uint32_t priority)
{
    struct adit_cand c = { .type = ADIT_CAND_HOST,
                           .transport = ADIT_TRANSPORT_UDP,
                           .component = 1,
                           .priority = priority,
                           .addr = net_addr(addr) };

    snprintf(c.foundation, sizeof c.foundation, "%u", priority % 100000);
    if (adit_ice_add_remote(node->ice, &c, node->net->now) < 0)
        abort();
}

void net_introduce(struct net_node *a, struct net_node *b)
{
    adit_ice_set_role(a->ice, true);
    adit_ice_set_role(b->ice, false);
    net_describe(a, b, true);
    net_describe(b, a, true);
}

void net_inject(struct net *net, const struct adit_addr *from, const struct adit_addr *to,
                const void *bytes, size_t n, adit_time after)
{
    struct net_packet p = { .at = net->now + after, .node = -1, .from = *from, .to = *to, .n = n };

    memcpy(p.bytes, bytes, n);
    enqueue(net, &p);
}

static void serve_stun(struct net *net, const struct net_packet *p)
{
    struct adit_stun_head head;
    struct adit_stun_out out;

    if (!adit_stun_peek(&head, p->bytes, p->n))
        return;
    adit_stun_begin(&out, ADIT_STUN_SUCCESS, ADIT_STUN_BINDING, head.id);
    adit_stun_add_mapped(&out, net->stun_mapped.family ? &net->stun_mapped : &p->from);
    adit_stun_finish(&out, (struct adit_span){ 0 });
    net_inject(net, &p->to, &p->from, out.bytes, out.len, net->delay);
}

static void deliver(struct net *net, const struct net_packet *p)
{
    struct adit_span span = { .data = p->bytes, .len = p->n };

    for (size_t i = 0; i < ADIT_LEN(net->stun_server); i++) {
        if (net->stun_server[i].family && adit_addr_equal(&net->stun_server[i], &p->to)) {
            serve_stun(net, p);
            return;
        }
    }
    for (int i = 0; i < NET_NODES; i++) {
        struct net_node *node = &net->nodes[i];
        for (int k = 0; node->ice && k < node->base_count; k++) {
            if (!adit_addr_equal(&node->base_addr[k], &p->to))
                continue;
            if (adit_ice_feed(node->ice, node->base_id[k], &p->from, &span, net->now))
                node->data++;
            return;
        }
    }
}

void net_run(struct net *net, adit_time until)
{
    for (unsigned rounds = 0;; rounds++) {
        adit_time next = net->packet_count ? net->packets[0].at : ADIT_NEVER;

        if (rounds > 2000000)
            abort(); /* somebody's deadline does not move */
        for (int i = 0; i < NET_NODES; i++) {
            if (net->nodes[i].ice)
                next = adit_time_min(next, adit_ice_deadline(net->nodes[i].ice));
        }
        if (next > until)
            break;
        net->now = adit_time_max(net->now, next);
        if (net->packet_count && net->packets[0].at <= net->now) {
            struct net_packet p = net->packets[0];
            net->packet_count--;
            memmove(net->packets, net->packets + 1, net->packet_count * sizeof p);
            deliver(net, &p);
            continue;
        }
        for (int i = 0; i < NET_NODES; i++) {
            if (net->nodes[i].ice && adit_ice_deadline(net->nodes[i].ice) <= net->now)
                adit_ice_tick(net->nodes[i].ice, net->now);
        }
    }
    net->now = until;
}

size_t net_sent_to(const struct net_node *node, const char *addr, enum adit_stun_class class)
{
    struct adit_addr to = net_addr(addr);
    size_t n = 0;

    for (size_t i = 0; i < node->sent_count; i++)
        n += node->sent[i].class == class && node->sent[i].first <= 3 &&
             adit_addr_equal(&node->sent[i].to, &to);
    return n;
}

struct adit_ice_pair_info net_selected(const struct net_node *node)
{
    struct adit_ice_pair_info info = { 0 };

    assert_true(adit_ice_selected(node->ice, &info));
    return info;
}

void net_assert_connected(struct net_node *a, struct net_node *b)
{
    struct net *net = a->net;
    unsigned before = b->data;

    assert_int_equal(adit_ice_state(a->ice), ADIT_ICE_CONNECTED);
    assert_int_equal(adit_ice_state(b->ice), ADIT_ICE_CONNECTED);
    assert_true(net_selected(a).nominated && net_selected(b).nominated);
    assert_int_equal(adit_ice_send(a->ice, NET_DATA, sizeof NET_DATA), 0);
    net_run(net, net->now + 2 * net->delay);
    assert_int_equal(b->data, before + 1);
    assert_int_equal(adit_ice_send(b->ice, NET_DATA, sizeof NET_DATA), 0);
    net_run(net, net->now + 2 * net->delay);
}

void net_two_hosts(struct net *net, struct net_node **a, struct net_node **b)
{
    *a = net_node(net, 0, NULL);
    *b = net_node(net, 1, NULL);
    net_base(*a, 0, "10.0.0.1:1000", 65535);
    net_base(*b, 5, "10.0.0.2:2000", 65535);
}

size_t net_make_check(struct net_node *a, struct adit_stun_out *out, enum net_flaw flaw,
                      bool nominate)
{
    char username[600];
    const char *key = adit_ice_pwd(a->ice);
    uint8_t id[ADIT_STUN_ID_SIZE];

    adit_rng_bytes(&a->rng, id, sizeof id);
    snprintf(username, sizeof username, "%s:%s",
             flaw == NET_FLAW_OWN_NAME ? "xxxx" : adit_ice_ufrag(a->ice),
             flaw == NET_FLAW_PEER_NAME ? "peeR" : "peer");
    adit_stun_begin(out, flaw == NET_FLAW_INDICATION ? ADIT_STUN_INDICATION : ADIT_STUN_REQUEST,
                    flaw == NET_FLAW_METHOD ? 3 : ADIT_STUN_BINDING, id);
    if (flaw != NET_FLAW_NO_NAME)
        adit_stun_add(out, ADIT_STUN_USERNAME, username, strlen(username));
    if (flaw != NET_FLAW_NO_PRIORITY)
        adit_stun_add32(out, ADIT_STUN_PRIORITY, 12345);
    adit_stun_add64(out, ADIT_STUN_ICE_CONTROLLING, 99);
    if (flaw == NET_FLAW_UNKNOWN)
        adit_stun_add(out, 0x0999, "?", 1);
    if (nominate)
        adit_stun_add(out, ADIT_STUN_USE_CANDIDATE, NULL, 0);
    if (flaw == NET_FLAW_PASSWORD)
        key = "wrongwrongwrongwrongwr";
    if (flaw == NET_FLAW_UNSIGNED)
        key = "";
    return adit_stun_finish(out, (struct adit_span){ (const uint8_t *)key, strlen(key) });
}
