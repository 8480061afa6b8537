#include <stdio.h>

#include "base/alloc.h"
#include "core/igd.h"
#include "diag/inner.h"

#define KEYED_BYTES 24 /* MESSAGE-INTEGRITY, which adit_stun_pad counts with */

struct adit_diag_uplink;

struct sock {
    struct adit_diag_uplink *u;
    struct adit_udp udp;
};

/* One address of ours, and what is between it and the rest of the world. */
struct adit_diag_uplink {
    struct adit_diag *d;
    const struct adit_netif_addr *addr;
    struct adit_diag_check check, size_check;
    struct sock socks[ADIT_BEHAVIOUR_SOCKETS];
    unsigned sock_count;
    struct adit_behaviour behaviour;
    size_t stun[ADIT_DIAG_STUN_MAX]; /* which server each of its questions went to */
    bool running;                    /* the engine has begun */
    struct adit_pmtu pmtu;
    bool sizing;
    struct adit_addr sized; /* the server that is asked about sizes */
    struct adit_timer timer;
    struct adit_diag_gateway gateway;
    int err; /* why there is no socket */
};

/* ---- the size of the path -------------------------------------------------------------------- */

static void send_padded(struct adit_diag_uplink *u, const uint8_t id[ADIT_STUN_ID_SIZE],
                        size_t size)
{
    struct adit_stun_out out;

    adit_stun_begin(&out, ADIT_STUN_REQUEST, ADIT_STUN_BINDING, id);
    adit_stun_pad(&out, size + KEYED_BYTES);
    if (adit_stun_finish(&out, (struct adit_span){ 0 }))
        adit_udp_send_whole(&u->socks[ADIT_BEHAVIOUR_MAP].udp, &u->sized, out.bytes, out.len);
}

static void tick_size(struct adit_diag_uplink *u, adit_time now)
{
    uint8_t id[ADIT_STUN_ID_SIZE];
    uint16_t size;

    while (u->sizing && adit_pmtu_tick(&u->pmtu, id, &size, now))
        send_padded(u, id, size);
    if (u->sizing && u->pmtu.settled) {
        u->sizing = false;
        adit_diag_finish(u->d, &u->size_check);
    }
}

static void begin_size(struct adit_diag_uplink *u, adit_time now)
{
    if (u->behaviour.server < 0 || u->sized.family)
        return;
    u->sized = u->behaviour.questions[u->behaviour.server].to;
    adit_pmtu_start(&u->pmtu, &u->d->rng, (enum adit_family)u->sized.family, now);
    u->sizing = true;
    adit_diag_begin(u->d, &u->size_check, "path MTU");
}

/* ---- the NAT --------------------------------------------------------------------------------- */

static void rearm(struct adit_diag_uplink *u, adit_time now)
{
    adit_time at;

    begin_size(u, now);
    tick_size(u, now);
    at = u->running ? adit_behaviour_deadline(&u->behaviour) : ADIT_NEVER;
    if (u->sizing)
        at = adit_time_min(at, adit_pmtu_deadline(&u->pmtu));
    adit_timer_set(&u->timer, at);
}

static void on_packet(void *arg, const struct adit_addr *from, uint8_t *bytes, size_t n,
                      adit_time now)
{
    struct sock *s = arg;
    struct adit_diag_uplink *u = s->u;
    struct adit_stun_head head;

    if (u->sizing && adit_stun_peek(&head, bytes, n) && adit_addr_equal(from, &u->sized) &&
        adit_pmtu_knows(&u->pmtu, head.id))
        adit_pmtu_answered(&u->pmtu, head.id, now);
    else if (u->running)
        adit_behaviour_feed(&u->behaviour, (unsigned)(s - u->socks), from, bytes, n, now);
    rearm(u, now);
}

static void on_error(void *arg, const struct adit_addr *to, int err, adit_time now)
{
    struct sock *s = arg;

    if (err == EMSGSIZE || !s->u->running)
        return;
    adit_behaviour_unreachable(&s->u->behaviour, to, now);
    rearm(s->u, now);
}

static void on_timer(struct adit_timer *timer, adit_time now)
{
    struct adit_diag_uplink *u = adit_container_of(timer, struct adit_diag_uplink, timer);

    if (u->running)
        adit_behaviour_tick(&u->behaviour, now);
    rearm(u, now);
}

static void on_send(void *arg, unsigned socket, const struct adit_addr *to, const void *bytes,
                    size_t n)
{
    struct adit_diag_uplink *u = arg;

    (void)!adit_udp_send(&u->socks[socket].udp, to, bytes, n);
}

static void on_done(void *arg)
{
    struct adit_diag_uplink *u = arg;

    adit_diag_finish(u->d, &u->check);
}

/* ---- life ------------------------------------------------------------------------------------ */

static int open_sockets(struct adit_diag_uplink *u)
{
    static const struct adit_udp_ops ops = { .packet = on_packet, .error = on_error };
    struct adit_udp_conf conf = { .addr = u->addr->addr, .offload = ADIT_OFFLOAD_OFF };
    int err = 0;

    u->sock_count = adit_behaviour_sockets(u->d->conf->lives);
    for (unsigned i = 0; !err && i < u->sock_count; i++) {
        u->socks[i].u = u;
        err = adit_udp_open(&u->socks[i].udp, u->d->loop, &conf, &ops, &u->socks[i]);
    }
    return err;
}

static bool is_loopback(const struct adit_addr *a)
{
    return adit_addr_scope(a) == ADIT_SCOPE_LOOPBACK;
}

static void begin_behaviour(struct adit_diag_uplink *u)
{
    static const struct adit_behaviour_ops ops = { .send = on_send, .done = on_done };
    bool six = u->addr->addr.family == ADIT_FAMILY_V6;
    struct adit_diag *d = u->d;
    adit_time now = adit_loop_now(d->loop);
    struct adit_addr servers[ADIT_DIAG_STUN_MAX];
    struct adit_behaviour_conf conf = { .servers = servers,
                                        .lives = d->conf->lives,
                                        .rng = &d->rng };

    for (size_t i = 0; i < d->stun_count; i++) {
        struct adit_diag_stun *s = &d->stun[i];

        if (!s->addrs[six].family || is_loopback(&s->addrs[six]) != is_loopback(&u->addr->addr))
            continue;
        u->stun[conf.server_count] = i;
        servers[conf.server_count++] = s->addrs[six];
        s->asked = true;
        d->facts.stun_asked = true;
    }
    u->err = conf.server_count ? open_sockets(u) : 0;
    if (!conf.server_count || u->err)
        return;
    conf.local = *adit_udp_local(&u->socks[ADIT_BEHAVIOUR_MAP].udp);
    u->running = true;
    adit_diag_begin(d, &u->check, "NAT");
    adit_behaviour_start(&u->behaviour, &conf, &ops, u, now);
    rearm(u, now);
}

static const struct adit_defroute *route_of(const struct adit_diag *d,
                                            const struct adit_netif_addr *a, bool any)
{
    for (size_t i = 0; i < d->route_count; i++)
        if (d->routes[i].family == (enum adit_family)a->addr.family &&
            (any || d->routes[i].index == a->index))
            return &d->routes[i];
    return NULL;
}

/* Where a family has a default route, other interfaces of it lead nowhere that matters here; and of
 * several addresses of one interface the first will be used. */
static bool matters(const struct adit_diag *d, const struct adit_netif_addr *a)
{
    if (adit_addr_scope(&a->addr) == ADIT_SCOPE_LINK)
        return false;
    for (size_t i = 0; i < d->uplink_count; i++)
        if (d->uplinks[i]->addr->index == a->index &&
            d->uplinks[i]->addr->addr.family == a->addr.family)
            return false;
    return is_loopback(&a->addr) || route_of(d, a, false) || !route_of(d, a, true);
}

static void start(struct adit_diag *d, const struct adit_netif_addr *a)
{
    const struct adit_defroute *route = route_of(d, a, false);
    struct adit_diag_uplink *u = adit_zalloc(sizeof *u);

    if (!u)
        return;
    d->uplinks[d->uplink_count++] = u;
    u->d = d;
    u->addr = a;
    adit_timer_init(&u->timer, d->loop, on_timer, "uplink");
    begin_behaviour(u);
    if (route)
        adit_diag_gateway_start(d, &u->gateway, &a->addr, &route->gateway);
}

void adit_diag_uplinks_start(struct adit_diag *d)
{
    for (size_t i = 0; i < d->choice_count && d->uplink_count < ADIT_DIAG_UPLINKS_MAX; i++)
        if (matters(d, d->choices[i].addr))
            start(d, d->choices[i].addr);
}

void adit_diag_uplinks_stop(struct adit_diag *d)
{
    for (size_t i = 0; i < d->uplink_count; i++) {
        struct adit_diag_uplink *u = d->uplinks[i];

        adit_timer_stop(&u->timer);
        for (unsigned k = 0; k < u->sock_count; k++)
            adit_udp_close(&u->socks[k].udp);
        adit_diag_gateway_stop(&u->gateway);
        adit_free(u);
    }
    d->uplink_count = 0;
}

/* ---- the report ------------------------------------------------------------------------------ */

static void report_servers(struct adit_diag_uplink *u)
{
    for (size_t i = 0; i < u->behaviour.server_count; i++) {
        struct adit_diag_stun *s = &u->d->stun[u->stun[i]];
        struct adit_behaviour_server heard;
        char text[ADIT_ADDR_STR], problem[48];

        adit_behaviour_server(&u->behaviour, i, &heard);
        if (heard.refused && !s->answered) {
            snprintf(problem, sizeof problem, "it refuses, with error %d", heard.error);
            adit_diag_problem(s->facts, problem, "look whether that is a STUN server for anybody");
        }
        if (!heard.answered)
            continue;
        if (!s->answered || heard.rtt < s->rtt)
            s->rtt = heard.rtt;
        s->answered = true;
        json_object_set_new(s->facts, "address",
                            json_string(adit_addr_str(&u->behaviour.servers[i], text)));
        json_object_set_new(s->facts, "discovery", json_boolean(heard.other));
    }
}

static json_t *life_of(const struct adit_behaviour_result *r)
{
    if (r->life_least == ADIT_NEVER)
        return json_null();
    return json_pack("{s:I, s:o}", "least", (json_int_t)(r->life_least / ADIT_SEC), "most",
                     r->life_most == ADIT_NEVER
                         ? json_null()
                         : json_integer((json_int_t)(r->life_most / ADIT_SEC)));
}

static json_t *hairpin_of(enum adit_hairpin hairpin)
{
    return hairpin == ADIT_HAIRPIN_UNKNOWN ? json_null()
                                           : json_boolean(hairpin == ADIT_HAIRPIN_YES);
}

/* IPv4 counts: it is what all peers have. */
static void report_facts(struct adit_diag_uplink *u, const struct adit_behaviour_result *r)
{
    struct adit_diag_facts *f = &u->d->facts;
    const struct adit_diag_gateway *g = &u->gateway;
    bool six = u->addr->addr.family == ADIT_FAMILY_V6;

    if (six && r->mapping == ADIT_MAPPING_NONE)
        f->six = true;
    if (!six && (g->pcp || g->nat_pmp || (g->upnp && adit_igd_built())))
        f->map_offered = true;
    if (g->external.family && r->mapped.family && !adit_addr_equal_ip(&g->external, &r->mapped))
        f->double_nat = true;
    if (r->server < 0 || (f->udp && six))
        return;
    f->udp = true;
    f->mapping = r->mapping;
    f->filtering = r->filtering;
    f->path_payload = u->pmtu.settled ? u->pmtu.size : 0;
}

static json_t *report_uplink(struct adit_diag_uplink *u)
{
    struct adit_behaviour_result r = { .server = -1, .life_least = ADIT_NEVER };
    char text[ADIT_ADDR_STR];

    if (u->running)
        adit_behaviour_result(&u->behaviour, &r);
    report_servers(u);
    report_facts(u, &r);
    json_t *o = json_pack(
        "{s:s, s:s, s:s, s:i, s:b, s:s, s:s, s:o, s:o, s:o, s:o}", "interface", u->addr->name,
        "family", u->addr->addr.family == ADIT_FAMILY_V6 ? "IPv6" : "IPv4", "address",
        adit_addr_str_ip(&u->addr->addr, text), "mtu", (int)u->addr->mtu, "udp", r.server >= 0,
        "mapping", adit_mapping_name(r.mapping), "filtering", adit_filtering_name(r.filtering),
        "hairpin", hairpin_of(r.hairpin), "path_payload",
        u->pmtu.settled ? json_integer(u->pmtu.size) : json_null(), "mapping_life_s", life_of(&r),
        "port_mapping", adit_diag_gateway_report(&u->gateway));
    json_object_set_new(o, "public",
                        r.mapped.family ? json_string(adit_addr_str_ip(&r.mapped, text))
                                        : json_null());
    json_object_set_new(
        o, "kind",
        r.server >= 0 ? json_string(adit_diag_kind_name(adit_diag_kind_of(r.mapping, r.filtering)))
                      : json_null());
    if (u->err)
        adit_diag_problem(o, strerror(-u->err), "this address cannot be used to send from");
    return o;
}

void adit_diag_uplinks_report(struct adit_diag *d)
{
    json_t *list = json_array();

    for (int six = 0; six < 2; six++) /* IPv4 first, see report_facts */
        for (size_t i = 0; i < d->uplink_count; i++)
            if ((d->uplinks[i]->addr->addr.family == ADIT_FAMILY_V6) == six)
                json_array_append_new(list, report_uplink(d->uplinks[i]));
    json_object_set_new(d->report, "uplinks", list);
}
