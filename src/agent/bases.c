#include "agent/dotlocal.h"
#include "agent/inner.h"
#include "agent/ports.h"
#include "agent/tcp.h"
#include "agent/turn_base.h"
#include "base/log.h"
#include "lan/portmap_msg.h"

struct adit_udp *adit_base_socket(struct base *b)
{
    return b->shared ? &b->shared->udp : &b->udp;
}

void adit_bases_feed(struct adit_peer *peer, int base, const struct adit_addr *from, uint8_t *bytes,
                     size_t n, adit_time now)
{
    struct base *b = &peer->bases[base];

    if (peer->ports && from->port == ADIT_PORTMAP_PORT &&
        adit_ports_take(peer, (size_t)(b - peer->bases), from, bytes, n, now))
        return;
    if (peer->tap && peer->tap(peer->tap_arg, from, bytes, n))
        return;
    peer->rx_ecn = adit_base_socket(b)->rx_ecn;
    if (adit_engine_feed(peer->engine, base, from, bytes, n, now))
        adit_peer_touch(peer);
}

void adit_bases_refused(struct adit_peer *peer, int base, const struct adit_addr *to, int err,
                        adit_time now)
{
    char text[ADIT_ADDR_STR];

    if (err == EMSGSIZE)
        return; /* the path's business, not the pair's: DTLS and SCTP send smaller */
    adit_debug("agent", "cannot send to %s: %s", adit_addr_str(to, text), strerror(err));
    adit_engine_send_failed(peer->engine, base, to, err, now);
    adit_peer_touch(peer);
}

static void on_packet(void *arg, const struct adit_addr *from, uint8_t *bytes, size_t n,
                      adit_time now)
{
    struct base *b = arg;

    adit_bases_feed(b->peer, (int)(b - b->peer->bases), from, bytes, n, now);
}

static void on_error(void *arg, const struct adit_addr *to, int err, adit_time now)
{
    struct base *b = arg;

    adit_bases_refused(b->peer, (int)(b - b->peer->bases), to, err, now);
}

static const struct adit_udp_ops udp_ops = { .packet = on_packet, .error = on_error };

void adit_bases_send(void *arg, int base, const struct adit_addr *to, const void *bytes, size_t n)
{
    struct adit_peer *peer = arg;
    struct base *b = &peer->bases[base < BASES_MAX ? base : 0];
    struct adit_udp *udp = adit_base_socket(b);

    if (base == DETOUR) {
        peer->detour(peer->detour_arg, to, bytes, n);
        return;
    }
    if (base >= TURN_BASES) {
        adit_turn_bases_send(peer, (size_t)(base - TURN_BASES), to, bytes, n);
        return;
    }
    if (base > DETOUR) {
        adit_tcp_send(peer, (size_t)(base - TCP_BASES), to, bytes, n);
        return;
    }
    if (!b->peer)
        return;
    if (b->shared)
        adit_port_sent(peer, b->shared, to, bytes, n);
    udp->tx_ecn = peer->tx_ecn;
    if (adit_engine_is_probe(bytes, n))
        adit_udp_send_whole(udp, to, bytes, n); /* in fragments it would prove nothing */
    else
        adit_udp_send(udp, to, bytes, n); /* what does not fit is lost, as in any network */
    udp->tx_ecn = 0;
}

void adit_bases_send_any(struct adit_peer *peer, const struct adit_addr *to, const void *bytes,
                         size_t n)
{
    bool loopback = adit_addr_scope(to) == ADIT_SCOPE_LOOPBACK;

    for (size_t i = 0; i < BASES_MAX; i++) {
        struct base *b = &peer->bases[i];

        if (b->peer && b->ip.family == to->family &&
            (adit_addr_scope(&b->ip) == ADIT_SCOPE_LOOPBACK) == loopback) {
            adit_udp_send(adit_base_socket(b), to, bytes, n);
            return;
        }
    }
}

/* A port of many has no line: each of them may call from anywhere. */
void adit_bases_prefer(struct adit_peer *peer)
{
    struct adit_ice_pair_info pair;
    struct base *b;

    if (!adit_engine_selected(peer->engine, &pair) || pair.base < 0 || pair.base >= BASES_MAX)
        return;
    b = &peer->bases[pair.base];
    if (b->peer && !b->shared)
        adit_udp_prefer(&b->udp, pair.to);
}

void adit_peer_tap(struct adit_peer *peer,
                   bool (*tap)(void *arg, const struct adit_addr *from, const void *bytes,
                               size_t n),
                   void *arg)
{
    peer->tap = tap;
    peer->tap_arg = arg;
}

static int open_at(struct base *b, struct adit_udp_conf *conf, uint16_t port)
{
    conf->addr.port = port;
    return adit_udp_open(&b->udp, b->peer->loop, conf, &udp_ops, b);
}

static int open_port(struct base *b, struct adit_udp_conf *conf)
{
    struct adit_peer *peer = b->peer;
    int err = -EADDRINUSE;

    if (b->shared)
        return adit_udp_is_open(&b->shared->udp) ? 0 : adit_port_open(b->shared, peer->loop, conf);
    if (peer->port)
        err = open_at(b, conf, peer->port);
    if (err == -EADDRINUSE)
        err = open_at(b, conf, 0);
    return err;
}

/* Bound to its address, so that rules for where packets come from apply (ip rule add from …). Where
 * interfaces were named, to the interface too: each has a gateway of its own then, rules or not. */
static int open_socket(struct base *b, const struct adit_netif_addr *a)
{
    struct adit_peer *peer = b->peer;
    struct adit_udp_conf conf = { .addr = a->addr,
                                  .port_min = peer->port_min,
                                  .port_max = peer->port_max,
                                  .device = peer->netif.only_count ? a->name : NULL,
                                  .mark = peer->fwmark,
                                  .offload = peer->udp_offload };
    int err = open_port(b, &conf);

    if (err == -EPERM && conf.device) { /* Linux before 5.7 wants CAP_NET_RAW for it */
        conf.device = NULL;
        err = open_port(b, &conf);
    }
    if (!err && !peer->port)
        peer->port = adit_udp_local(adit_base_socket(b))->port;
    return err;
}

static uint64_t dropped_at(const struct adit_udp *udp)
{
    return udp->stats.rx_dropped + udp->stats.tx_dropped + udp->stats.tx_errors;
}

static void close_socket(struct base *b)
{
    if (b->shared)
        adit_port_detach(b->peer, b->shared);
    else
        adit_udp_close(&b->udp);
    b->peer = NULL;
    b->shared = NULL;
}

/* Opens a socket there and makes it a base. One address that does not work is no reason to fail. */
static bool add(struct adit_peer *peer, const struct adit_netif_choice *choice, adit_time now)
{
    const struct adit_netif_addr *a = choice->addr;
    char text[ADIT_ADDR_STR];
    struct base *b = NULL;
    int err;

    for (size_t i = 0; i < BASES_MAX && !b; i++)
        if (!peer->bases[i].peer)
            b = &peer->bases[i];
    if (!b)
        return false;
    memset(b, 0, sizeof *b);
    b->peer = peer;
    b->ip = a->addr;
    b->index = a->index;
    b->prefix_len = a->prefix_len;
    if (peer->shared && !(b->shared = adit_port_attach(peer, (int)(b - peer->bases), &b->ip))) {
        b->peer = NULL;
        return false;
    }
    b->dropped_before = b->shared ? dropped_at(adit_base_socket(b)) : 0;
    err = open_socket(b, a);
    if (!err) {
        bool announce = adit_addr_scope(&a->addr) != ADIT_SCOPE_LOOPBACK || peer->loopback;

        if (announce && peer->hide)
            announce = adit_dotlocal_hide(peer, b);

        err = adit_engine_add_base(peer->engine, (int)(b - peer->bases),
                                   adit_udp_local(adit_base_socket(b)), choice->preference,
                                   announce, now);
        if (err)
            adit_dotlocal_unhide(peer, b);
    }
    if (err) {
        close_socket(b);
        peer->socket_err = err;
        adit_debug("agent", "cannot use %s on %s: %s", adit_addr_str_ip(&a->addr, text), a->name,
                   strerror(-err));
    }
    return err == 0;
}

/* Of a shared socket: by anybody, since the peer uses it. */
static uint64_t dropped_by(const struct base *b)
{
    const struct adit_udp *udp = b->shared ? &b->shared->udp : &b->udp;

    return b->peer ? dropped_at(udp) - b->dropped_before : 0;
}

uint64_t adit_bases_dropped(const struct adit_peer *peer)
{
    uint64_t n = peer->dropped_before;

    for (size_t i = 0; i < BASES_MAX; i++)
        n += dropped_by(&peer->bases[i]);
    return n;
}

static void drop(struct adit_peer *peer, struct base *b, adit_time now)
{
    adit_ports_drop(peer, (size_t)(b - peer->bases));
    adit_engine_remove_base(peer->engine, (int)(b - peer->bases), now);
    adit_dotlocal_unhide(peer, b);
    adit_tcp_went(peer, b->index, &b->ip, now);
    peer->dropped_before += dropped_by(b);
    close_socket(b);
}

static bool same(const struct base *b, const struct adit_netif_addr *a)
{
    return b->peer && b->index == a->index && adit_addr_equal_ip(&b->ip, &a->addr);
}

void adit_bases_update(struct adit_peer *peer, adit_time now)
{
    struct adit_netif_choice chosen[BASES_MAX];
    struct adit_netif_list list = { 0 };
    bool changed = false;
    size_t n = 0;
    int err = adit_netif_read(&list);

    if (err) {
        peer->socket_err = err;
        if (adit_bases_count(peer)) /* else nothing goes on, and whoever looks at that says so */
            adit_log(ADIT_LOG_WARN, "agent", "cannot list network interfaces: %s, continuing",
                     strerror(-err));
        adit_netif_list_done(&list);
        return;
    }
    n = adit_netif_choose(&list, &peer->netif, chosen, BASES_MAX, NULL);
    for (size_t i = 0; i < BASES_MAX && !peer->freed; i++) {
        struct base *b = &peer->bases[i];

        if (b->peer && !adit_netif_has(&list, b->index, &b->ip)) {
            drop(peer, b, now);
            changed = true;
        }
    }
    adit_turn_bases_update(peer, &list, chosen, n, now); /* first: relays ask from these alone */
    for (size_t k = 0; k < n && !peer->freed; k++) { /* candidates are told: anything may happen */
        bool known = false;

        for (size_t i = 0; i < BASES_MAX && !known; i++)
            known = same(&peer->bases[i], chosen[k].addr);
        if (known || !add(peer, &chosen[k], now))
            continue;
        changed = true;
        if (!peer->freed)
            adit_tcp_came(peer, &chosen[k], now);
    }
    adit_netif_list_done(&list);
    if (peer->shared)
        adit_port_ready(peer, now);
    if (peer->freed)
        return;
    adit_dotlocal_update(peer);
    adit_ports_update(peer, now);
    if (changed)
        adit_peer_restart(peer);
    adit_peer_check_complete(peer, now);
    adit_peer_touch(peer);
}

size_t adit_bases_count(const struct adit_peer *peer)
{
    size_t n = 0;

    for (size_t i = 0; i < BASES_MAX; i++)
        n += peer->bases[i].peer != NULL;
    return n;
}

void adit_bases_close(struct adit_peer *peer)
{
    adit_ports_close(peer);
    adit_tcp_close(peer);
    adit_turn_bases_close(peer);
    for (size_t i = 0; i < BASES_MAX; i++) {
        peer->dropped_before += dropped_by(&peer->bases[i]);
        if (peer->bases[i].peer)
            close_socket(&peer->bases[i]);
    }
    adit_port_leave(peer);
}

void adit_bases_none(struct adit_peer *peer, adit_time now)
{
    int err = -peer->socket_err;
    struct adit_cause cause = { .reason = ADIT_REASON_NONE };

    if (err == EMFILE || err == ENFILE || err == ENOMEM || err == ENOBUFS)
        adit_cause_set(&cause, ADIT_REASON_RESOURCE, err, "cannot open a socket: %s%s",
                       strerror(err),
                       err == EMFILE ? "; allow the program more of them (ulimit -n)" : "");
    else if (err == EADDRINUSE && peer->port_min)
        adit_cause_set(&cause, ADIT_REASON_RESOURCE, err,
                       "UDP port %u%s is in use by another program", peer->port_min,
                       peer->port_max > peer->port_min ? " and the others of its range" : "");
    else if (err == EPERM && peer->fwmark)
        adit_cause_set(&cause, ADIT_REASON_RESOURCE, err,
                       "packets cannot be marked: that needs the capability CAP_NET_ADMIN");
    else if (err == EOPNOTSUPP)
        adit_cause_set(&cause, ADIT_REASON_RESOURCE, err, "no UDP_SEGMENT and UDP_GRO here");
    if (cause.reason) {
        adit_engine_fail(peer->engine, &cause, now);
        adit_peer_touch(peer);
    } else if (peer->socket_err)
        adit_log(ADIT_LOG_ERROR, "agent", "no network address can be used: %s", strerror(err));
    else
        adit_log(ADIT_LOG_WARN, "agent",
                 "no network interface has a usable address yet, waiting for one");
}
