#include "agent/ports.h"

#include "agent/upnp.h"
#include "base/alloc.h"
#include "base/log.h"
#include "core/gateway.h"
#include "core/igd.h"
#include "core/multicast.h"
#include "lan/portmap.h"

#define HOLD_AUTO    (250 * ADIT_MS) /* a gateway in the same building answers in a few of them */
#define HOLD_ON      (4 * ADIT_SEC)  /* it has been asked as often as it is going to be */
#define HOLD_ON_UPNP (8 * ADIT_SEC)  /* the same with UPnP, which comes last */

/* An address that leads to one of our sockets because the user says so. */
struct announced {
    struct adit_addr addr; /* port 0: that of the socket */
    int base;              /* that it stands for; -1 = none */
};

struct asked {
    struct adit_ports *ports;
    struct adit_portmap map;
    struct adit_upnp *upnp; /* NULL: nobody has been silent yet */
    struct adit_addr from;  /* the socket, as it was when we asked */
    bool refused;           /* the last word, if it has no port */
};

struct adit_ports {
    struct adit_peer *peer;
    enum adit_port_map mode;
    struct asked asked[BASES_MAX];
    struct adit_multicast ear; /* what gateways announce */
    struct adit_timer timer;
    adit_time hold_until; /* 0: nobody has been asked yet */
    bool said_nested;
    struct announced announced[ADIT_ANNOUNCE_MAX];
    size_t announced_count;
};

/* All hosts (RFC 6886 section 3.2.1, RFC 6887 section 14.1.1). */
static const struct adit_addr all_hosts = { .family = ADIT_FAMILY_V4,
                                            .port = ADIT_PORTMAP_CLIENT_PORT,
                                            .ip = { 224, 0, 0, 1 } };

/* ---- what the user says ---------------------------------------------------------------------- */

static int read_announced(struct announced *a, const char *text, struct adit_cause *cause)
{
    a->base = -1;
    if (adit_addr_parse_port(&a->addr, text, strlen(text), 0) == 0) {
        switch (adit_addr_scope(&a->addr)) {
        case ADIT_SCOPE_LOOPBACK: /* with `loopback`, for tests */
        case ADIT_SCOPE_PRIVATE:
        case ADIT_SCOPE_GLOBAL:
            return 0;
        case ADIT_SCOPE_UNSPECIFIED:
        case ADIT_SCOPE_LINK:
        case ADIT_SCOPE_MULTICAST:
        case ADIT_SCOPE_RESERVED:
            break;
        }
    }
    adit_cause_set(cause, ADIT_REASON_LOCAL, EINVAL,
                   "\"%.40s\" cannot be announced: give IP or IP:PORT", text);
    return -EINVAL;
}

static void on_timer(struct adit_timer *timer, adit_time now);

int adit_ports_init(struct adit_peer *peer, const struct adit_peer_conf *conf,
                    struct adit_cause *ret_cause)
{
    enum adit_port_map mode = conf->port_map;
    struct adit_ports *s;
    int err = 0;

    /* Whoever asks no server what his address is wants no more than his own networks. */
    if (mode == ADIT_PORT_MAP_AUTO && conf->stun_count == 0)
        mode = ADIT_PORT_MAP_OFF;
    if (mode == ADIT_PORT_MAP_OFF && conf->announce_count == 0)
        return 0;
    if (conf->announce_count > ADIT_ANNOUNCE_MAX) {
        adit_cause_set(ret_cause, ADIT_REASON_LOCAL, ENOSPC, "more than %d addresses to announce",
                       ADIT_ANNOUNCE_MAX);
        return -EINVAL;
    }
    s = adit_zalloc(sizeof *s);
    if (!s)
        return -ENOMEM;
    s->peer = peer;
    s->mode = mode;
    adit_timer_init(&s->timer, peer->loop, on_timer, "ports");
    peer->ports = s;
    for (size_t i = 0; i < conf->announce_count && !err; i++)
        err = read_announced(&s->announced[s->announced_count++], conf->announce[i], ret_cause);
    return err;
}

static void announce(struct adit_ports *s, struct announced *a, adit_time now)
{
    struct adit_peer *peer = s->peer;
    bool loopback = adit_addr_scope(&a->addr) == ADIT_SCOPE_LOOPBACK;

    if (a->base >= 0 && peer->bases[a->base].peer)
        return;
    a->base = -1;
    /* The first is the best, and the one that other hosts know us by. */
    for (size_t i = 0; i < BASES_MAX && a->base < 0 && !peer->freed; i++) {
        struct base *b = &peer->bases[i];
        struct adit_addr addr = a->addr;

        if (!b->peer || b->ip.family != addr.family ||
            (adit_addr_scope(&b->ip) == ADIT_SCOPE_LOOPBACK) != loopback)
            continue;
        if (!addr.port)
            addr.port = adit_udp_local(adit_base_socket(b))->port;
        a->base = (int)i;
        if (adit_engine_set_mapped(peer->engine, (int)i, &a->addr, &addr, now) < 0)
            adit_log(ADIT_LOG_WARN, "agent", "too many addresses to announce them all, continuing");
    }
}

/* ---- gateways -------------------------------------------------------------------------------- */

static void settle(struct adit_ports *s, adit_time now)
{
    adit_time at = now < s->hold_until ? s->hold_until : ADIT_NEVER;

    if (s->peer->freed)
        return;
    for (size_t i = 0; i < BASES_MAX; i++)
        if (!adit_upnp_holds(s->asked[i].upnp))
            at = adit_time_min(at, adit_portmap_deadline(&s->asked[i].map));
    adit_timer_set(&s->timer, at);
}

static void on_timer(struct adit_timer *timer, adit_time now)
{
    struct adit_ports *s = adit_container_of(timer, struct adit_ports, timer);

    for (size_t i = 0; i < BASES_MAX && !s->peer->freed; i++)
        if (!adit_upnp_holds(s->asked[i].upnp)) /* one is enough */
            adit_portmap_tick(&s->asked[i].map, now);
    settle(s, now);
    adit_peer_check_complete(s->peer, now);
}

static void on_send(void *arg, const struct adit_addr *to, const void *bytes, size_t n)
{
    struct asked *q = arg;
    struct base *b = &q->ports->peer->bases[q - q->ports->asked];

    if (b->peer)
        adit_udp_send(adit_base_socket(b), to, bytes, n);
}

/* Where the gateway's own address is a private one there is another NAT behind it. What it has
 * opened is of use to those in between, and to nobody else. */
static void say_nested(struct adit_ports *s, const struct adit_addr *external)
{
    if (s->said_nested || adit_addr_scope(external) != ADIT_SCOPE_PRIVATE)
        return;
    s->said_nested = true;
    adit_log(s->mode == ADIT_PORT_MAP_ON ? ADIT_LOG_WARN : ADIT_LOG_INFO, "agent",
             "the router has opened a port, but it has no public address itself: it helps within "
             "the network in front of it only, continuing");
}

static bool sensible(const struct adit_addr *external, const struct adit_addr *internal)
{
    enum adit_scope_kind scope = adit_addr_scope(external);

    return external->family == internal->family &&
           (scope == ADIT_SCOPE_GLOBAL || scope == ADIT_SCOPE_PRIVATE);
}

static bool undecided(const struct asked *q)
{
    return q->map.state != ADIT_PORTMAP_OFF && (!q->map.decided || !adit_upnp_decided(q->upnp));
}

static bool has_port(const struct asked *q)
{
    return q->map.external.family || adit_upnp_holds(q->upnp);
}

/* Another socket has its port, or may still get it: then there is nothing to complain about. */
static bool others_may(const struct adit_ports *s, const struct asked *q)
{
    for (size_t i = 0; i < BASES_MAX; i++) {
        const struct asked *other = &s->asked[i];
        if (other != q && other->map.state != ADIT_PORTMAP_OFF &&
            (undecided(other) || has_port(other)))
            return true;
    }
    return false;
}

/* Last thing in whoever calls it. */
static void tell(struct asked *q, const struct adit_addr *external, adit_time now)
{
    struct adit_peer *peer = q->ports->peer;
    int base = (int)(q - q->ports->asked);

    if (adit_engine_set_mapped(peer->engine, base, &q->map.gateway, external, now) < 0)
        adit_debug("agent", "no room for a mapped address");
    adit_peer_touch(peer);
    adit_peer_check_complete(peer, now);
}

/* By PCP and NAT-PMP, or by UPnP. */
static void heard(void *arg, enum adit_portmap_news news, const struct adit_addr *external,
                  adit_time now)
{
    struct asked *q = arg;
    char text[ADIT_ADDR_STR];

    if (external && !sensible(external, &q->from))
        external = NULL;
    q->refused = news == ADIT_PORTMAP_REFUSED;
    switch (news) {
    case ADIT_PORTMAP_OPEN:
        adit_debug("agent", "the gateway has opened %s",
                   external ? adit_addr_str(external, text) : "an address that is none");
        if (external)
            say_nested(q->ports, external);
        break;
    case ADIT_PORTMAP_SILENT:
    case ADIT_PORTMAP_REFUSED:
        adit_log(q->ports->mode == ADIT_PORT_MAP_ON && !others_may(q->ports, q) ? ADIT_LOG_WARN
                                                                                : ADIT_LOG_DEBUG,
                 "agent", "the router %s, continuing",
                 news == ADIT_PORTMAP_REFUSED ? "does not want to open a port for us"
                 : adit_igd_built() ? "opens no ports: it knows neither PCP, NAT-PMP nor UPnP"
                                    : "opens no ports: it knows neither PCP nor NAT-PMP");
        break;
    }
    tell(q, external, now);
}

static void on_news(void *arg, enum adit_portmap_news news, const struct adit_addr *external,
                    adit_time now)
{
    struct asked *q = arg;

    if (news != ADIT_PORTMAP_SILENT)
        q->upnp = adit_upnp_free(q->upnp);
    else if (!q->upnp && q->from.family == ADIT_FAMILY_V4)
        q->upnp = adit_upnp_new(q->ports->peer->loop, &q->from, &q->map.gateway,
                                &q->ports->peer->rng, heard, q, now);
    if (q->upnp)
        tell(q, NULL, now); /* it says itself what becomes of it */
    else
        heard(q, news, external, now);
}

static const struct adit_portmap_ops map_ops = { .send = on_send, .news = on_news };

/* Behind a NAT, or an IPv6 firewall that may have to be opened: an address of ours that has been
 * given to us is nobody's to forward. */
static bool worth_asking(const struct adit_addr *ip)
{
    enum adit_scope_kind scope = adit_addr_scope(ip);

    return ip->family == ADIT_FAMILY_V6 ? scope == ADIT_SCOPE_GLOBAL : scope == ADIT_SCOPE_PRIVATE;
}

static void give_back(struct asked *q)
{
    q->upnp = adit_upnp_free(q->upnp);
    adit_portmap_stop(&q->map);
}

static void ask(struct adit_ports *s, size_t i, adit_time now)
{
    struct adit_peer *peer = s->peer;
    struct base *b = &peer->bases[i];
    struct asked *q = &s->asked[i];
    struct adit_addr gateway;
    bool ours =
        b->peer && worth_asking(&b->ip) && adit_gateway_find(&gateway, b->index, &b->ip) == 0;

    if (q->map.state != ADIT_PORTMAP_OFF) {
        if (ours && adit_addr_equal_ip(&gateway, &q->map.gateway))
            return;
        adit_ports_drop(peer, i);
    }
    if (!ours)
        return;
    q->ports = s;
    q->from = *adit_udp_local(adit_base_socket(b));
    adit_portmap_start(&q->map, &q->from, &gateway, &map_ops, q, &peer->rng, now);
    if (!s->hold_until)
        s->hold_until = now + (s->mode != ADIT_PORT_MAP_ON ? HOLD_AUTO
                               : adit_igd_built()          ? HOLD_ON_UPNP
                                                           : HOLD_ON);
}

void adit_ports_drop(struct adit_peer *peer, size_t base)
{
    struct adit_ports *s = peer->ports;

    if (!s)
        return;
    if (has_port(&s->asked[base]) && peer->bases[base].peer &&
        adit_engine_set_mapped(peer->engine, (int)base, &s->asked[base].map.gateway, NULL,
                               adit_peer_now(peer)) < 0)
        adit_trace("agent", "the base is gone already");
    give_back(&s->asked[base]);
}

bool adit_ports_take(struct adit_peer *peer, size_t base, const struct adit_addr *from,
                     const void *bytes, size_t n, adit_time now)
{
    bool ours = adit_portmap_feed(&peer->ports->asked[base].map, from, bytes, n, now);

    if (ours)
        settle(peer->ports, now);
    return ours;
}

bool adit_ports_pending(const struct adit_peer *peer, adit_time now)
{
    const struct adit_ports *s = peer->ports;

    for (size_t i = 0; s && now < s->hold_until && i < BASES_MAX; i++)
        if (undecided(&s->asked[i]))
            return true;
    return false;
}

bool adit_ports_at(const struct adit_peer *peer, size_t i, struct adit_port_view *ret_view)
{
    const struct adit_ports *s = peer->ports;

    for (size_t b = 0; s && b < BASES_MAX; b++) {
        const struct asked *q = &s->asked[b];
        bool upnp = adit_upnp_holds(q->upnp), held = has_port(q);
        const struct adit_addr *external = upnp ? adit_upnp_external(q->upnp) : &q->map.external;

        if (q->map.state == ADIT_PORTMAP_OFF || i--)
            continue;
        held = held && sensible(external, &q->from);
        *ret_view = (struct adit_port_view){ .base = &q->from,
                                             .state = held           ? "held"
                                                      : undecided(q) ? "being asked for"
                                                      : q->refused   ? "refused"
                                                                     : "not offered" };
        if (held) {
            ret_view->external = external;
            ret_view->protocol = upnp ? "UPnP" : q->map.pcp ? "PCP" : "NAT-PMP";
        }
        return true;
    }
    return false;
}

static void on_announcement(void *arg, uint32_t index, const struct adit_addr *from,
                            const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_ports *s = arg;

    for (size_t i = 0; i < BASES_MAX && !s->peer->freed; i++)
        if (s->peer->bases[i].peer && s->peer->bases[i].index == index)
            adit_portmap_feed(&s->asked[i].map, from, bytes, n, now);
    settle(s, now);
}

static const struct adit_multicast_ops ear_ops = { .packet = on_announcement };

/* Whoever restarts says so to all hosts. Without this we learn of it when the port is renewed. */
static void hear_announcements(struct adit_ports *s)
{
    uint32_t indexes[BASES_MAX];
    size_t count = 0;
    int err = 0;

    for (size_t i = 0; i < BASES_MAX; i++)
        if (s->asked[i].map.state != ADIT_PORTMAP_OFF && s->asked[i].from.family == ADIT_FAMILY_V4)
            indexes[count++] = s->peer->bases[i].index;
    if (count && !adit_multicast_is_open(&s->ear))
        err = adit_multicast_open(&s->ear, s->peer->loop, &all_hosts, &ear_ops, s);
    if (err)
        adit_debug("agent", "announcements of gateways will not be heard: %s", strerror(-err));
    if (adit_multicast_is_open(&s->ear))
        adit_multicast_join(&s->ear, indexes, count);
}

void adit_ports_update(struct adit_peer *peer, adit_time now)
{
    struct adit_ports *s = peer->ports;

    if (!s)
        return;
    for (size_t i = 0; i < s->announced_count && !peer->freed; i++)
        announce(s, &s->announced[i], now);
    if (s->mode == ADIT_PORT_MAP_OFF || peer->freed)
        return;
    for (size_t i = 0; i < BASES_MAX && !peer->freed; i++)
        ask(s, i, now);
    if (peer->freed)
        return;
    hear_announcements(s);
    on_timer(&s->timer, now);
}

/* ---- life ------------------------------------------------------------------------------------ */

void adit_ports_close(struct adit_peer *peer)
{
    struct adit_ports *s = peer->ports;

    if (!s)
        return;
    adit_timer_stop(&s->timer);
    adit_multicast_close(&s->ear);
    for (size_t i = 0; i < BASES_MAX; i++)
        give_back(&s->asked[i]);
}

void adit_ports_free(struct adit_peer *peer)
{
    adit_free(peer->ports);
    peer->ports = NULL;
}
