#include "agent/turn_base.h"

#include "base/alloc.h"
#include "base/log.h"

struct turn_base {
    struct adit_peer *peer; /* NULL = free slot */
    struct adit_udp udp;
    struct adit_addr ip;
    uint32_t index; /* of the interface */
};

struct adit_turn_bases {
    struct turn_base list[BASES_MAX];
};

static int name_of(const struct turn_base *b)
{
    return TURN_BASES + (int)(b - b->peer->turn_bases->list);
}

static void on_packet(void *arg, const struct adit_addr *from, uint8_t *bytes, size_t n,
                      adit_time now)
{
    struct turn_base *b = arg;
    struct adit_peer *peer = b->peer;

    peer->rx_ecn = b->udp.rx_ecn;
    if (adit_engine_feed(peer->engine, name_of(b), from, bytes, n, now))
        adit_peer_touch(peer);
}

static void on_error(void *arg, const struct adit_addr *to, int err, adit_time now)
{
    struct turn_base *b = arg;

    adit_bases_refused(b->peer, name_of(b), to, err, now);
}

static const struct adit_udp_ops udp_ops = { .packet = on_packet, .error = on_error };

int adit_turn_bases_init(struct adit_peer *peer)
{
    bool any = false;

    for (size_t i = 0; i < peer->turn_count; i++)
        any |= peer->turns[i].transport == ADIT_TURN_BY_UDP;
    if (!any || !peer->shared)
        return 0;
    peer->turn_bases = adit_zalloc(sizeof *peer->turn_bases);
    return peer->turn_bases ? 0 : -ENOMEM;
}

static void close_base(struct turn_base *b)
{
    adit_udp_close(&b->udp);
    b->peer = NULL;
}

/* The one of this address; NULL: a free one. */
static struct turn_base *find(struct adit_turn_bases *t, const struct adit_netif_addr *a)
{
    for (size_t i = 0; i < BASES_MAX; i++) {
        struct turn_base *b = &t->list[i];

        if (a ? b->peer && b->index == a->index && adit_addr_equal_ip(&b->ip, &a->addr) : !b->peer)
            return b;
    }
    return NULL;
}

static void add(struct adit_peer *peer, const struct adit_netif_choice *choice, adit_time now)
{
    const struct adit_netif_addr *a = choice->addr;
    struct adit_udp_conf conf = { .addr = a->addr,
                                  .device = peer->netif.only_count ? a->name : NULL,
                                  .mark = peer->fwmark,
                                  .offload = peer->udp_offload };
    struct turn_base *b = find(peer->turn_bases, NULL);
    char text[ADIT_ADDR_STR];
    int err;

    if (!b)
        return;
    *b = (struct turn_base){ .peer = peer, .ip = a->addr, .index = a->index };
    err = adit_udp_open(&b->udp, peer->loop, &conf, &udp_ops, b);
    if (err == -EPERM && conf.device) { /* Linux before 5.7 wants CAP_NET_RAW for it */
        conf.device = NULL;
        err = adit_udp_open(&b->udp, peer->loop, &conf, &udp_ops, b);
    }
    if (!err) {
        adit_engine_add_turn_base(peer->engine, name_of(b), adit_udp_local(&b->udp),
                                  choice->preference, now);
        return;
    }
    adit_debug("agent", "no TURN server can be asked from %s on %s: %s",
               adit_addr_str_ip(&a->addr, text), a->name, strerror(-err));
    b->peer = NULL;
}

void adit_turn_bases_update(struct adit_peer *peer, const struct adit_netif_list *list,
                            const struct adit_netif_choice *chosen, size_t n, adit_time now)
{
    struct adit_turn_bases *t = peer->turn_bases;

    for (size_t i = 0; t && i < BASES_MAX && !peer->freed; i++) {
        struct turn_base *b = &t->list[i];

        if (!b->peer || adit_netif_has(list, b->index, &b->ip))
            continue;
        adit_engine_remove_base(peer->engine, name_of(b), now);
        if (!peer->freed)
            close_base(b);
    }
    for (size_t k = 0; t && k < n && !peer->freed; k++)
        if (!find(t, chosen[k].addr))
            add(peer, &chosen[k], now);
}

void adit_turn_bases_send(struct adit_peer *peer, size_t base, const struct adit_addr *to,
                          const void *bytes, size_t n)
{
    struct turn_base *b = &peer->turn_bases->list[base];

    if (!b->peer)
        return;
    b->udp.tx_ecn = peer->tx_ecn;
    if (adit_engine_is_probe(bytes, n))
        adit_udp_send_whole(&b->udp, to, bytes, n);
    else
        adit_udp_send(&b->udp, to, bytes, n);
    b->udp.tx_ecn = 0;
}

void adit_turn_bases_close(struct adit_peer *peer)
{
    for (size_t i = 0; peer->turn_bases && i < BASES_MAX; i++)
        if (peer->turn_bases->list[i].peer)
            close_base(&peer->turn_bases->list[i]);
}

void adit_turn_bases_free(struct adit_peer *peer)
{
    adit_free(peer->turn_bases);
}
