/* offer, answer, pair: from options to a session, and the session to its end. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "agent/session.h"
#include "agent/tunnel.h"
#include "base/str.h"
#include "cli/cli.h"
#include "core/signals.h"

#define PACKET_RETRANSMITS 0 /* in tun and tap: what IP carries looks after itself */

/* Everything that must outlive the session. */
struct run {
    const struct adit_options *o;
    struct adit_loop *loop;
    struct adit_session *session;
    struct adit_signals signals;
    struct adit_session_conf conf;
    struct adit_vpn_conf vpn;
    struct adit_link_address addresses[ADIT_LINK_ADDRESSES_MAX];
    struct adit_prefix routes[ADIT_LINK_ROUTES_MAX], allowed[ADIT_LINK_ROUTES_MAX];
    int exit_code;
};

static int usage(const char *option, const char *value, const char *wanted)
{
    adit_log(ADIT_LOG_ERROR, "cli", "--%s %.60s: %s", option, value, wanted);
    return ADIT_EXIT_USAGE;
}

/* ---- the tunnel device ----------------------------------------------------------------------- */

static int read_prefixes(const char *option, const struct adit_strings *list,
                         struct adit_prefix *out, size_t max, size_t *ret_count)
{
    if (list->count > max) {
        adit_log(ADIT_LOG_ERROR, "cli", "--%s: more than %zu of them", option, max);
        return ADIT_EXIT_USAGE;
    }
    for (size_t i = 0; i < list->count; i++)
        if (adit_prefix_parse(&out[i], list->items[i], strlen(list->items[i])) < 0)
            return usage(option, list->items[i],
                         "give an address and a length, such as 10.9.0.1/24 or fd09::1/64");
    *ret_count = list->count;
    return 0;
}

static int read_addresses(struct run *r)
{
    const struct adit_strings *own = &r->o->address, *peers = &r->o->peer_address;
    struct adit_prefix prefixes[ADIT_LINK_ADDRESSES_MAX];
    int err = read_prefixes("address", own, prefixes, ADIT_LEN(prefixes), &r->vpn.address_count);

    if (err)
        return err;
    for (size_t i = 0; i < own->count; i++)
        r->addresses[i] = (struct adit_link_address){ .own = prefixes[i] };
    for (size_t i = 0; i < peers->count; i++) {
        struct adit_addr peer;
        size_t k = 0;

        if (adit_addr_parse(&peer, peers->items[i], strlen(peers->items[i])) < 0)
            return usage("peer-address", peers->items[i], "give an address without a length");
        while (k < own->count && (r->addresses[k].own.addr.family != peer.family ||
                                  r->addresses[k].peer.family != ADIT_FAMILY_NONE))
            k++;
        if (k == own->count)
            return usage("peer-address", peers->items[i],
                         "there is no --address of the same family for it");
        r->addresses[k].peer = peer;
    }
    return 0;
}

static int read_vpn(struct run *r)
{
    const struct adit_options *o = r->o;
    int err = read_addresses(r);

    if (!err)
        err =
            read_prefixes("route", &o->route, r->routes, ADIT_LEN(r->routes), &r->vpn.route_count);
    if (!err)
        err = read_prefixes("allow", &o->allow, r->allowed, ADIT_LEN(r->allowed),
                            &r->vpn.allowed_count);
    if (err)
        return err;
    r->vpn.device = o->ifname;
    r->vpn.tap = o->mode == ADIT_MODE_TAP;
    r->vpn.mtu = o->mtu > 0 ? (unsigned)o->mtu : 0;
    r->vpn.addresses = r->addresses;
    r->vpn.routes = r->routes;
    r->vpn.allowed = r->allowed;
    r->vpn.up = o->up;
    r->vpn.down = o->down;
    return 0;
}

/* ---- descriptors ----------------------------------------------------------------------------- */

/* A number is a descriptor that we were given, anything else a file. -1 after it was logged. */
static int open_text(const char *option, const char *name, int flags, int standard)
{
    uint64_t fd;

    if (!name || strcmp(name, "-") == 0)
        return standard;
    if (adit_str_u64(&fd, name, strlen(name), 0, 65535) < 0)
        fd = (uint64_t)open(name, flags | O_CLOEXEC, 0600);
    else if (fcntl((int)fd, F_GETFD) < 0)
        fd = (uint64_t)-1;
    if ((int)fd < 0)
        usage(option, name, strerror(errno));
    return (int)fd;
}

static int open_texts(struct run *r)
{
    /* A FIFO is opened for reading without waiting for its writer: two of us may be given each
     * other's. */
    r->conf.text_in = open_text("in", r->o->in, O_RDONLY | O_NONBLOCK, STDIN_FILENO);
    r->conf.text_out = r->conf.text_in < 0 ? -1
                                           : open_text("out", r->o->out,
                                                       O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
    r->conf.lanes.in = STDIN_FILENO;
    r->conf.lanes.out = STDOUT_FILENO;
    return r->conf.text_out < 0 ? ADIT_EXIT_USAGE : 0;
}

/* ---- the session ----------------------------------------------------------------------------- */

static const struct adit_app_class *const apps[] = {
    [ADIT_MODE_CHAT] = &adit_app_chat,   [ADIT_MODE_JSON] = &adit_app_json,
    [ADIT_MODE_BYTES] = &adit_app_bytes, [ADIT_MODE_ECHO] = &adit_app_echo,
    [ADIT_MODE_CHECK] = &adit_app_check, [ADIT_MODE_TUN] = &adit_app_tunnel,
    [ADIT_MODE_TAP] = &adit_app_tunnel,
};

static void configure(struct run *r)
{
    static const enum adit_session_role roles[] = {
        [ADIT_COMMAND_OFFER] = ADIT_SESSION_OFFER,
        [ADIT_COMMAND_ANSWER] = ADIT_SESSION_ANSWER,
        [ADIT_COMMAND_PAIR] = ADIT_SESSION_PAIR,
    };
    const struct adit_options *o = r->o;
    struct adit_session_conf *c = &r->conf;
    bool packets = o->mode == ADIT_MODE_TUN || o->mode == ADIT_MODE_TAP;

    c->role = roles[o->command];
    c->form_given = adit_options_given(o, ADIT_OPTION_as);
    c->form = o->as;
    c->qr = o->qr;
    c->timeout = o->timeout;
    c->lanes.app = apps[o->mode];
    c->lanes.app_extra = &r->vpn;
    c->peer = (struct adit_peer_conf){
        .size = sizeof c->peer,
        .stun = o->stun.items,
        .stun_count = o->stun.count,
        .bind_devs = o->bind_dev.items,
        .bind_dev_count = o->bind_dev.count,
        .ignore_devs = o->ignore_dev.items,
        .ignore_dev_count = o->ignore_dev.count,
        .port_min = o->udp_port.min,
        .port_max = o->udp_port.max,
        .loopback = o->loopback,
        .cert = o->cert,
        .key = o->key,
        .identity = o->identity,
    };
    c->lanes.channel = (struct adit_dc_conf)ADIT_DC_CONF;
    c->lanes.channel.label = o->label;
    c->lanes.channel.unordered = o->unordered || packets;
    c->lanes.channel.max_retransmits = o->max_retransmits;
    c->lanes.channel.max_lifetime_ms = o->max_lifetime;
    if (packets && o->max_retransmits < 0 && o->max_lifetime < 0)
        c->lanes.channel.max_retransmits = PACKET_RETRANSMITS;
}

static void on_ended(void *arg, int exit_code)
{
    struct run *r = arg;

    r->exit_code = exit_code;
    adit_loop_stop(r->loop);
}

static void on_signal(void *arg, int signo, adit_time now)
{
    struct run *r = arg;

    (void)signo;
    (void)now;
    adit_session_stop(r->session);
}

static void run(struct run *r)
{
    static const int signos[] = { SIGINT, SIGTERM, SIGHUP, 0 };
    int err;

    /* Watched before there is a device or a --up program that would have to be cleaned up. */
    err = adit_signals_start(&r->signals, r->loop, signos, on_signal, r);
    if (!err) {
        r->session = adit_session_new(r->loop, &r->conf, on_ended, r, &r->exit_code);
        if (r->session)
            err = adit_loop_run(r->loop);
    }
    if (err) {
        adit_log(ADIT_LOG_ERROR, "cli", "cannot wait for events: %s", strerror(-err));
        r->exit_code = ADIT_EXIT_FAILED;
    }
    r->session = adit_session_free(r->session);
    adit_signals_stop(&r->signals);
}

int adit_cmd_pairing(const struct adit_options *o)
{
    struct run r = { .o = o };

    r.exit_code = read_vpn(&r);
    if (!r.exit_code)
        r.exit_code = open_texts(&r);
    if (r.exit_code)
        return r.exit_code;
    configure(&r);
    r.loop = adit_loop_new();
    if (!r.loop) {
        adit_log(ADIT_LOG_ERROR, "cli", "cannot start: %s", strerror(errno));
        return ADIT_EXIT_FAILED;
    }
    run(&r);
    adit_loop_free(r.loop);
    return r.exit_code;
}
