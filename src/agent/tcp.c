#include "agent/tcp.h"

#include "base/alloc.h"
#include "base/log.h"
#include "core/frame.h"
#include "core/gate.h"

struct tcp_base {
    struct adit_tcp *tcp; /* NULL = free slot */
    enum adit_tcptype tcptype;
    struct adit_addr ip, from; /* what netif knows it by; what connections leave from */
    uint32_t index;            /* of the interface */
    char device[ADIT_IFNAME_MAX];
    struct adit_gate_user gate; /* of a passive one */
    struct adit_link conns;
};

struct conn {
    struct adit_link link;
    struct tcp_base *base;
    struct adit_addr remote;
    struct adit_stream *stream;
    adit_time idle_at;
};

struct adit_tcp {
    struct adit_peer *peer;
    enum adit_ice_tcp mode;
    uint16_t port_min, port_max;
    struct adit_addr announce[ADIT_ANNOUNCE_MAX]; /* without a port: ours */
    size_t announce_count;
    struct tcp_base bases[ADIT_TCP_BASES_MAX];
    bool told; /* that a port could not be had */
};

static int base_id(const struct tcp_base *b)
{
    return TCP_BASES + (int)(b - b->tcp->bases);
}

/* ---- connections ----------------------------------------------------------------------------- */

static struct conn *find(const struct tcp_base *b, const struct adit_addr *remote)
{
    struct adit_link *it, *tmp;

    ADIT_LIST_EACH(&b->conns, it, tmp)
    {
        struct conn *c = adit_container_of(it, struct conn, link);

        if (adit_addr_equal(&c->remote, remote))
            return c;
    }
    return NULL;
}

static struct conn *add_conn(struct tcp_base *b, const struct adit_addr *remote)
{
    struct conn *c = adit_zalloc(sizeof *c);

    if (!c)
        return NULL;
    c->base = b;
    c->remote = *remote;
    adit_list_init(&c->link);
    adit_list_add(&b->conns, &c->link);
    return c;
}

static void drop_conn(struct conn *c)
{
    adit_stream_free(c->stream); /* a goodbye leaves */
    adit_list_del(&c->link);
    adit_free(c);
}

static void fail_conn(struct conn *c, int err, const char *why, adit_time now)
{
    struct adit_peer *peer = c->base->tcp->peer;
    struct adit_addr remote = c->remote;
    int id = base_id(c->base);
    char text[ADIT_ADDR_STR];

    adit_debug("agent", "TCP with %s: %s", adit_addr_str(&remote, text), why);
    drop_conn(c);
    adit_engine_send_failed(peer->engine, id, &remote, err ? err : ECONNRESET, now);
    adit_peer_touch(peer);
}

static void keep_open(struct conn *c, adit_time now)
{
    if (now + ADIT_TCP_IDLE < c->idle_at + ADIT_SEC)
        return;
    c->idle_at = now + ADIT_TCP_IDLE;
    adit_stream_limit(c->stream, c->idle_at, "nothing came for a minute");
}

static void on_connected(void *arg, adit_time now)
{
    keep_open(arg, now);
}

static size_t on_data(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct conn *c = arg;
    struct adit_peer *peer = c->base->tcp->peer;
    struct adit_addr remote = c->remote;
    int id = base_id(c->base);
    struct adit_span packet;
    ssize_t len;
    size_t used = 0;

    keep_open(c, now);
    while ((len = adit_frame_next(&packet, bytes + used, n - used)) > 0) {
        used += (size_t)len;
        if (packet.len)
            adit_engine_feed(peer->engine, id, &remote, packet.data, packet.len, now);
        if (peer->freed) /* and c with it */
            return used;
    }
    if (len < 0)
        fail_conn(c, EPROTO, "what comes are no packets", now);
    adit_peer_touch(peer);
    return used;
}

static void on_closed(void *arg, const struct adit_cause *cause, adit_time now)
{
    fail_conn(arg, cause->err, cause->text, now);
}

static const struct adit_stream_ops stream_ops = { .connected = on_connected,
                                                   .data = on_data,
                                                   .closed = on_closed };

static struct conn *open_conn(struct tcp_base *b, const struct adit_addr *to)
{
    struct adit_peer *peer = b->tcp->peer;
    const struct adit_stream_conf conf = { .addrs = to,
                                           .addr_count = 1,
                                           .mark = peer->fwmark,
                                           .from = &b->from,
                                           .device = b->device[0] ? b->device : NULL,
                                           .timeout = ADIT_TCP_TIMEOUT,
                                           .stall_timeout = ADIT_GATE_STALL,
                                           .queue_max = ADIT_GATE_PACKETS_MAX,
                                           .unsent_max = ADIT_GATE_UNSENT_MAX };
    struct conn *c = add_conn(b, to);
    int err = c ? adit_stream_connect(&c->stream, peer->loop, &conf, &stream_ops, c) : -ENOMEM;

    if (err && c)
        drop_conn(c);
    return err ? NULL : c;
}

void adit_tcp_send(struct adit_peer *peer, size_t base, const struct adit_addr *to,
                   const void *bytes, size_t n)
{
    struct tcp_base *b = &peer->tcp->bases[base];
    struct conn *c = b->tcp ? find(b, to) : NULL;
    uint8_t head[ADIT_FRAME_HEAD];
    bool stun = n && *(const uint8_t *)bytes <= 3; /* RFC 7983 section 7 */

    if (!c && b->tcp && stun && b->tcptype != ADIT_TCP_PASSIVE)
        c = open_conn(b, to);
    if (!c || n > ADIT_FRAME_MAX)
        return;
    if (adit_stream_room(c->stream) < n + sizeof head) {
        peer->dropped_before++;
        return;
    }
    adit_frame_head(head, n);
    /* Both or none: half a frame would turn all that follows into nonsense. */
    if (adit_stream_send(c->stream, head, sizeof head) == 0 &&
        adit_stream_send(c->stream, bytes, n) < 0)
        adit_stream_shutdown(c->stream);
}

/* ---- calls ----------------------------------------------------------------------------------- */

static bool on_claim(void *arg, const void *packet, size_t n)
{
    const struct tcp_base *b = arg;

    return adit_engine_authentic(b->tcp->peer->engine, packet, n);
}

static void make_room(struct tcp_base *b, adit_time now)
{
    struct adit_link *it, *tmp;
    struct conn *idlest = NULL;
    size_t n = 0;

    ADIT_LIST_EACH(&b->conns, it, tmp)
    {
        struct conn *c = adit_container_of(it, struct conn, link);

        n++;
        if (!idlest || c->idle_at < idlest->idle_at)
            idlest = c;
    }
    if (n >= ADIT_TCP_CALLS_MAX)
        fail_conn(idlest, ECONNRESET, "too many connections", now);
}

static void on_enter(void *arg, struct adit_stream *stream, adit_time now)
{
    struct tcp_base *b = arg;
    struct conn *c;

    make_room(b, now);
    c = b->tcp && b->gate.gate ? add_conn(b, adit_stream_peer(stream)) : NULL;
    if (!c) {
        adit_stream_abort(stream);
        return;
    }
    c->stream = stream;
    adit_stream_hand_over(stream, &stream_ops, c);
    keep_open(c, now);
}

static const struct adit_gate_ops gate_ops = { .claim = on_claim, .enter = on_enter };

/* ---- bases ----------------------------------------------------------------------------------- */

static bool wanted(const struct adit_tcp *t, enum adit_tcptype tcptype)
{
    switch (tcptype) {
    case ADIT_TCP_ACTIVE:
        return t->mode != ADIT_ICE_TCP_PASSIVE;
    case ADIT_TCP_PASSIVE:
        return t->mode != ADIT_ICE_TCP_ACTIVE || t->port_min;
    case ADIT_TCP_SO:
        return t->mode == ADIT_ICE_TCP_ON;
    case ADIT_TCP_NONE:
        break;
    }
    return false;
}

static void tell_no_port(struct adit_tcp *t, int err)
{
    if (t->told)
        return;
    t->told = true;
    adit_log(ADIT_LOG_WARN, "agent", "nobody can call us by TCP, port %u: %s, continuing",
             t->port_min,
             err == -EACCES ? "ports below 1024 need root or the capability CAP_NET_BIND_SERVICE"
                            : strerror(-err));
}

/* The first port of the range that is free, or that another peer of ours has. */
static int open_gate(struct tcp_base *b)
{
    struct adit_tcp *t = b->tcp;
    int err = -EADDRINUSE;

    for (unsigned port = t->port_min; port <= t->port_max && err; port++) {
        b->from.port = (uint16_t)port;
        err = adit_gate_join(&b->gate, t->peer->loop, &b->from, t->peer->fwmark, &gate_ops, b);
        if (err != -EADDRINUSE && err != -EACCES)
            break;
    }
    if (!err)
        b->from = *adit_gate_addr(&b->gate);
    else
        tell_no_port(t, err);
    return err;
}

static void announce(struct tcp_base *b, adit_time now)
{
    struct adit_tcp *t = b->tcp;

    for (size_t i = 0; i < t->announce_count && !t->peer->freed; i++) {
        struct adit_addr addr = t->announce[i];

        addr.port = b->from.port;
        if (addr.family == b->ip.family &&
            adit_engine_set_mapped(t->peer->engine, base_id(b), &t->announce[i], &addr, now) < 0)
            adit_debug("agent", "no room for a mapped address");
    }
}

static void close_base(struct tcp_base *b)
{
    struct adit_link *it, *tmp;

    ADIT_LIST_EACH(&b->conns, it, tmp)
    {
        drop_conn(adit_container_of(it, struct conn, link));
    }
    adit_gate_leave(&b->gate);
    b->tcp = NULL;
}

/* A port that connections may leave from at any time: that of the UDP sockets, which nobody else
 * will listen at. */
static uint16_t port_of(const struct adit_tcp *t, enum adit_tcptype tcptype)
{
    return tcptype == ADIT_TCP_SO ? t->peer->port : 0;
}

static void open_base(struct adit_tcp *t, enum adit_tcptype tcptype,
                      const struct adit_netif_choice *choice, adit_time now)
{
    const struct adit_netif_addr *a = choice->addr;
    struct tcp_base *b = NULL;
    int err = 0;

    for (size_t i = 0; i < ADIT_TCP_BASES_MAX && !b; i++)
        if (!t->bases[i].tcp)
            b = &t->bases[i];
    if (!b)
        return;
    *b = (struct tcp_base){ .tcp = t, .tcptype = tcptype, .ip = a->addr, .from = a->addr };
    adit_list_init(&b->conns);
    b->index = a->index;
    if (t->peer->netif.only_count)
        memcpy(b->device, a->name, sizeof b->device);
    b->from.port = port_of(t, tcptype);
    if (tcptype == ADIT_TCP_PASSIVE)
        err = open_gate(b);
    if (!err)
        err = adit_engine_add_tcp(t->peer->engine, base_id(b), &b->from, tcptype,
                                  choice->preference, !t->peer->hide, now);
    if (err)
        close_base(b);
    else if (tcptype == ADIT_TCP_PASSIVE)
        announce(b, now);
}

void adit_tcp_came(struct adit_peer *peer, const struct adit_netif_choice *choice, adit_time now)
{
    enum adit_scope_kind scope = adit_addr_scope(&choice->addr->addr);
    struct adit_tcp *t = peer->tcp;

    if (!t || scope == ADIT_SCOPE_LINK || (scope == ADIT_SCOPE_LOOPBACK && !peer->loopback))
        return;
    for (unsigned i = ADIT_TCP_ACTIVE; i <= ADIT_TCP_SO && !peer->freed; i++) {
        if (wanted(t, (enum adit_tcptype)i))
            open_base(t, (enum adit_tcptype)i, choice, now);
    }
}

void adit_tcp_went(struct adit_peer *peer, uint32_t index, const struct adit_addr *ip,
                   adit_time now)
{
    for (size_t i = 0; peer->tcp && i < ADIT_TCP_BASES_MAX; i++) {
        struct tcp_base *b = &peer->tcp->bases[i];

        if (!b->tcp || b->index != index || !adit_addr_equal_ip(&b->ip, ip))
            continue;
        adit_engine_remove_base(peer->engine, base_id(b), now);
        if (b->tcp)
            close_base(b);
    }
}

/* ---- life ------------------------------------------------------------------------------------ */

int adit_tcp_init(struct adit_peer *peer, const struct adit_peer_conf *conf)
{
    struct adit_tcp *t;

    if (conf->ice_tcp == ADIT_ICE_TCP_OFF)
        return 0;
    t = adit_zalloc(sizeof *t);
    if (!t)
        return -ENOMEM;
    peer->tcp = t;
    t->peer = peer;
    t->mode = conf->ice_tcp;
    t->port_min = conf->tcp_port_min;
    t->port_max = conf->tcp_port_max > t->port_min ? conf->tcp_port_max : t->port_min;
    for (size_t i = 0; i < conf->announce_count && t->announce_count < ADIT_ANNOUNCE_MAX; i++) {
        struct adit_addr *a = &t->announce[t->announce_count];

        /* One with a port is a forward of UDP. */
        t->announce_count +=
            adit_addr_parse_port(a, conf->announce[i], strlen(conf->announce[i]), 0) == 0 &&
            a->port == 0;
    }
    return 0;
}

void adit_tcp_close(struct adit_peer *peer)
{
    for (size_t i = 0; peer->tcp && i < ADIT_TCP_BASES_MAX; i++) {
        if (peer->tcp->bases[i].tcp)
            close_base(&peer->tcp->bases[i]);
    }
}

void adit_tcp_free(struct adit_peer *peer)
{
    adit_free(peer->tcp);
}
