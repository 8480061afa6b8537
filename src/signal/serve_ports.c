/* serve_ports.c - the TURN server's UDP sockets: those that clients send to, and relayed addresses.
 */
#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "signal/serve_turn.h"

#define RANDOM_TRIES 32 /* for a relayed address, before the range is gone through in turn */

/* ---- to listen on ---------------------------------------------------------------------------- */

static void on_packet(void *arg, const struct adit_addr *from, uint8_t *bytes, size_t n,
                      adit_time now)
{
    struct adit_serve_socket *s = arg;
    struct adit_serve_turn *t = s->turn;
    const struct adit_turnd_flow flow = { .path = s, .client = *from, .local = s->udp.local };

    if (!t->engine)
        return;
    adit_turnd_feed(t->engine, &flow, bytes, n, now);
    adit_serve_touch(t->serve);
}

/* One packet that could not leave, and no more than that: what was asked for comes again. */
static void on_error(void *arg, const struct adit_addr *to, int err, adit_time now)
{
    char text[ADIT_ADDR_STR];

    (void)arg;
    (void)now;
    adit_trace("turn", "a packet to %s is lost: %s", adit_addr_str(to, text), strerror(err));
}

static const struct adit_udp_ops socket_ops = { .packet = on_packet, .error = on_error };

struct adit_serve_socket *adit_serve_ports_at(struct adit_serve_turn *t,
                                              const struct adit_addr *local)
{
    struct adit_link *it, *tmp;

    ADIT_LIST_EACH(&t->sockets, it, tmp)
    {
        struct adit_serve_socket *s = adit_container_of(it, struct adit_serve_socket, link);
        if (adit_addr_equal(&s->udp.local, local))
            return s;
    }
    return NULL;
}

static int listen_at(struct adit_serve_turn *t, const struct adit_addr *at, bool fixed)
{
    const struct adit_udp_conf conf = { .addr = *at, .offload = ADIT_OFFLOAD_AUTO };
    struct adit_serve_socket *s;
    int err;

    if (adit_serve_ports_at(t, at))
        return 0;
    s = adit_zalloc(sizeof *s);
    if (!s)
        return -ENOMEM;
    s->turn = t;
    s->fixed = fixed;
    err = adit_udp_open(&s->udp, t->serve->loop, &conf, &socket_ops, s);
    if (err < 0) {
        adit_free(s);
        return err;
    }
    adit_list_add(&t->sockets, &s->link);
    return 0;
}

static void leave(struct adit_serve_socket *s)
{
    if (s->turn->engine)
        adit_turnd_path_gone(s->turn->engine, s, adit_loop_now(s->turn->serve->loop));
    adit_list_del(&s->link);
    adit_udp_close(&s->udp);
    adit_free(s);
}

/* Addresses that others can send to. Those of one link need a scope that no client of ours has. */
static bool may_listen(const struct adit_netif_addr *a, const struct adit_addr *spec)
{
    enum adit_scope_kind scope = adit_addr_scope(&a->addr);
    static const uint8_t any[16];

    if (a->flags & (ADIT_NETIF_TENTATIVE | ADIT_NETIF_DUPLICATE) || scope == ADIT_SCOPE_LINK)
        return false;
    return spec->family == ADIT_FAMILY_NONE ||
           (spec->family == a->addr.family &&
            (memcmp(spec->ip, any, 16) == 0 || adit_addr_equal_ip(spec, &a->addr)));
}

/* What one line of the configuration means with the addresses that there are now. The last error,
 * and how many sockets it has. */
static int listen_by(struct adit_serve_turn *t, const struct adit_addr *spec, unsigned *ret_open)
{
    int err = -EADDRNOTAVAIL;

    *ret_open = 0;
    for (size_t i = 0; i < t->netifs.count; i++) {
        struct adit_addr at = t->netifs.addrs[i].addr;
        if (!may_listen(&t->netifs.addrs[i], spec))
            continue;
        at.port = spec->port;
        int one = listen_at(t, &at, false);
        if (one == 0)
            ++*ret_open;
        else
            err = one;
    }
    return err;
}

/* ---- the addresses of this host -------------------------------------------------------------- */

/* Does anybody else than this host reach us? */
static bool only_loopback(const struct adit_serve_turn *t)
{
    const struct adit_link *it = t->sockets.next;

    while (it != &t->sockets &&
           adit_addr_scope(&adit_container_of(it, struct adit_serve_socket, link)->udp.local) ==
               ADIT_SCOPE_LOOPBACK)
        it = it->next;
    return it == &t->sockets;
}

/* The first public one in the order in which they serve ICE, or else the first. */
static void choose_relay(struct adit_serve_turn *t, enum adit_family family)
{
    const struct adit_netif_conf conf = { .loopback = only_loopback(t) };
    struct adit_netif_choice choices[ADIT_NETIF_MAX];
    size_t n = adit_netif_choose(&t->netifs, &conf, choices, ADIT_LEN(choices), NULL);
    const struct adit_addr *best = NULL;

    for (size_t i = 0; i < n; i++) {
        const struct adit_addr *a = &choices[i].addr->addr;
        enum adit_scope_kind scope = adit_addr_scope(a);
        if (a->family == family && scope != ADIT_SCOPE_LINK &&
            (!best || (scope == ADIT_SCOPE_GLOBAL && adit_addr_scope(best) != ADIT_SCOPE_GLOBAL)))
            best = a;
    }
    size_t i = family == ADIT_FAMILY_V6;
    t->relays[i] = (struct adit_serve_relay){ 0 };
    if (best)
        t->relays[i].seen = t->relays[i].local = *best;
}

static void choose_relays(struct adit_serve_turn *t)
{
    if (t->chosen[0])
        choose_relay(t, ADIT_FAMILY_V4);
    if (t->chosen[1])
        choose_relay(t, ADIT_FAMILY_V6);
}

bool adit_serve_ports_own(const struct adit_serve_turn *t, const struct adit_addr *addr)
{
    for (size_t i = 0; i < ADIT_LEN(t->relays); i++)
        if (adit_addr_equal_ip(addr, &t->relays[i].seen) ||
            adit_addr_equal_ip(addr, &t->relays[i].local))
            return true;
    for (size_t i = 0; i < t->netifs.count; i++)
        if (adit_addr_equal_ip(addr, &t->netifs.addrs[i].addr))
            return true;
    return false;
}

static bool still_there(const struct adit_serve_turn *t, const struct adit_addr *addr)
{
    for (size_t i = 0; i < t->netifs.count; i++)
        if (adit_addr_equal_ip(addr, &t->netifs.addrs[i].addr))
            return true;
    return false;
}

/* A moment without an interface list is no reason to close anything. */
static void on_changed(void *arg, adit_time now)
{
    struct adit_serve_turn *t = arg;
    struct adit_netif_list list = { 0 };
    struct adit_link *it, *tmp;
    unsigned open;

    (void)now;
    if (adit_netif_read(&list) < 0) {
        adit_netif_list_done(&list);
        return;
    }
    adit_netif_list_done(&t->netifs);
    t->netifs = list;
    ADIT_LIST_EACH(&t->sockets, it, tmp)
    {
        struct adit_serve_socket *s = adit_container_of(it, struct adit_serve_socket, link);
        if (!s->fixed && !still_there(t, &s->udp.local))
            leave(s);
    }
    for (size_t i = 0; i < t->spec_count; i++)
        (void)listen_by(t, &t->specs[i], &open);
    choose_relays(t);
    adit_serve_touch(t->serve);
}

/* ---- RFC 5780 -------------------------------------------------------------------------------- */

/* Two addresses of a family, equally far from the client, and the next port on both. Without them
 * the server says nothing about NATs, and that is all. */
static void find_others(struct adit_serve_turn *t, enum adit_family family,
                        struct adit_turnd_other *out)
{
    const struct adit_addr *first = NULL, *second = NULL;
    struct adit_link *it, *tmp;

    ADIT_LIST_EACH(&t->sockets, it, tmp)
    {
        const struct adit_addr *a =
            &adit_container_of(it, struct adit_serve_socket, link)->udp.local;
        enum adit_scope_kind scope = adit_addr_scope(a);
        if (a->family != family || scope == ADIT_SCOPE_LOOPBACK)
            continue;
        if (!first || (scope == ADIT_SCOPE_GLOBAL && adit_addr_scope(first) != scope)) {
            first = a;
            second = NULL;
        } else if (!second && scope == adit_addr_scope(first) && a->port == first->port) {
            second = a;
        }
    }
    if (!second || first->port == UINT16_MAX)
        return;
    struct adit_turnd_other o = { *first, *second };
    struct adit_addr beside[] = { *first, *second };
    o.alternate.port = beside[0].port = beside[1].port = (uint16_t)(first->port + 1);
    if (listen_at(t, &beside[0], true) == 0 && listen_at(t, &beside[1], true) == 0)
        *out = o;
}

/* ---- life ------------------------------------------------------------------------------------ */

static bool add_spec(struct adit_serve_turn *t, const char *text, struct adit_cause *cause)
{
    uint16_t port = t->serve->hub_conf.here.port;
    bool local = strncmp(text, "localhost", 9) == 0;
    const char *rest = local ? text + 9 : text;
    struct adit_addr a = { .port = port };
    uint64_t v = port;

    if (t->spec_count + 2 > ADIT_SERVE_TURN_SPECS_MAX) {
        adit_cause_set(cause, ADIT_REASON_LOCAL, ENOSPC, "more places to listen at than %d",
                       ADIT_SERVE_TURN_SPECS_MAX - 2);
        return false;
    }
    if (!local && adit_addr_parse_port(&a, text, strlen(text), port) == 0) {
        t->specs[t->spec_count++] = a;
        return true;
    }
    rest += *rest == ':';
    if (*rest && adit_str_u64(&v, rest, strlen(rest), 1, UINT16_MAX) < 0) {
        adit_cause_set(cause, ADIT_REASON_LOCAL, EINVAL,
                       "%.60s: an address is due, a port, or both, such as 192.0.2.1:3478", text);
        return false;
    }
    a.port = (uint16_t)v;
    if (local) { /* both families */
        a.family = ADIT_FAMILY_V6;
        a.ip[15] = 1;
        t->specs[t->spec_count++] = a;
        a = (struct adit_addr){ .family = ADIT_FAMILY_V4, .port = a.port, .ip = { 127, 0, 0, 1 } };
    }
    t->specs[t->spec_count++] = a;
    return true;
}

static bool listen_all(struct adit_serve_turn *t, struct adit_cause *cause)
{
    char text[ADIT_ADDR_STR];
    unsigned total = 0, open;

    for (size_t i = 0; i < t->spec_count; i++) {
        int err = listen_by(t, &t->specs[i], &open);
        total += open;
        adit_cause_set(cause, ADIT_REASON_LOCAL, -err, "cannot listen for datagrams at %s: %s",
                       t->specs[i].family ? adit_addr_str(&t->specs[i], text) : "any address",
                       strerror(-err));
    }
    return total > 0;
}

bool adit_serve_ports_start(struct adit_serve_turn *t, const struct adit_serve_turn_conf *conf,
                            struct adit_cause *ret_cause)
{
    bool good = true;

    t->port_min = conf->port_min ? conf->port_min : ADIT_SERVE_RELAY_PORT_MIN;
    t->port_max = conf->port_min ? conf->port_max : ADIT_SERVE_RELAY_PORT_MAX;
    for (size_t i = 0; i < ADIT_LEN(t->relays); i++) {
        t->relays[i] = conf->relays[i];
        t->chosen[i] = conf->relays[i].seen.family == ADIT_FAMILY_NONE;
    }
    for (size_t i = 0; good && i < conf->listen_count; i++)
        good = add_spec(t, conf->listen[i], ret_cause);
    if (conf->listen_count == 0)
        good = add_spec(t, "", ret_cause);
    if (!good)
        return false;
    int err = adit_netif_read(&t->netifs);
    if (err < 0) {
        adit_cause_set(ret_cause, ADIT_REASON_RESOURCE, -err,
                       "cannot read this host's addresses: %s", strerror(-err));
        return false;
    }
    if (!listen_all(t, ret_cause))
        return false;
    find_others(t, ADIT_FAMILY_V4, &t->others[0]);
    find_others(t, ADIT_FAMILY_V6, &t->others[1]);
    choose_relays(t);
    if (adit_netif_watch_start(&t->watch, t->serve->loop, on_changed, t) < 0)
        adit_log(ADIT_LOG_WARN, "turn", "no word of changed addresses comes here, continuing");
    return true;
}

void adit_serve_ports_stop(struct adit_serve_turn *t)
{
    adit_netif_watch_stop(&t->watch);
    while (!adit_list_empty(&t->sockets))
        leave(adit_container_of(t->sockets.next, struct adit_serve_socket, link));
    adit_netif_list_done(&t->netifs);
}

/* ---- relayed addresses ----------------------------------------------------------------------- */

static void on_peer(void *arg, const struct adit_addr *from, uint8_t *bytes, size_t n,
                    adit_time now)
{
    struct adit_serve_relayed *r = arg;

    adit_turnd_heard(r->turn->engine, r->port, from, bytes, n, now);
    adit_serve_touch(r->turn->serve);
}

static const struct adit_udp_ops relayed_ops = { .packet = on_peer, .error = on_error };

static int bind_port(struct adit_serve_relayed *r, const struct adit_addr *local, unsigned port)
{
    struct adit_udp_conf conf = { .addr = *local, .offload = ADIT_OFFLOAD_AUTO };

    conf.addr.port = (uint16_t)port;
    return adit_udp_open(&r->udp, r->turn->serve->loop, &conf, &relayed_ops, r);
}

/* At random, so that a stranger cannot guess it (section 7.2); when most of them are taken, in
 * turn. */
static int bind_some(struct adit_serve_relayed *r, const struct adit_addr *local, bool even)
{
    const struct adit_serve_turn *t = r->turn;
    unsigned step = even ? 2 : 1, first = t->port_min + (even ? t->port_min % 2 : 0);
    unsigned count = first > t->port_max ? 0 : (t->port_max - first) / step + 1;
    int err = -EADDRINUSE;

    for (unsigned i = 0; count && i < RANDOM_TRIES && err == -EADDRINUSE; i++)
        err = bind_port(r, local, first + step * adit_rng_below(&t->serve->rng, count));
    for (unsigned i = 0; i < count && err == -EADDRINUSE; i++)
        err = bind_port(r, local, first + step * i);
    return err == -EADDRINUSE ? -EMFILE : err; /* of all of them, which is none that was wished */
}

int adit_serve_ports_open(struct adit_serve_turn *t, struct adit_turnd_port *port,
                          const struct adit_turnd_wish *wish)
{
    const struct adit_serve_relay *relay = &t->relays[wish->family == ADIT_FAMILY_V6];
    struct adit_serve_relayed *r;
    int err;

    if (relay->seen.family == ADIT_FAMILY_NONE)
        return -EAFNOSUPPORT;
    if (wish->exact && (wish->exact < t->port_min || wish->exact > t->port_max))
        return -EADDRINUSE;
    r = adit_zalloc(sizeof *r);
    if (!r)
        return -ENOMEM;
    r->turn = t;
    r->port = port;
    err = wish->exact ? bind_port(r, &relay->local, wish->exact)
                      : bind_some(r, &relay->local, wish->even);
    if (err < 0) {
        adit_free(r);
        return err;
    }
    port->owner = r;
    port->addr = relay->seen;
    port->addr.port = adit_udp_local(&r->udp)->port;
    return 0;
}

void adit_serve_ports_close(struct adit_turnd_port *port)
{
    struct adit_serve_relayed *r = port->owner;

    adit_udp_close(&r->udp);
    adit_free(r);
}
