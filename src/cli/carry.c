/* carry - from options to what travels over a connection, and which way it goes. */
#include "cli/carry.h"

#include <stdio.h>
#include <unistd.h>

#include "agent/exit.h"
#include "base/log.h"
#include "cli/cli.h"
#include "core/file.h"
#include "core/udp.h"

#define PACKET_RETRANSMITS 0 /* in tun and tap: what IP carries looks after itself */

#define TURN_WORD_MAX 4096

/* ---- the tunnel device ----------------------------------------------------------------------- */

static int read_prefixes(const struct adit_options *o, const char *option,
                         const struct adit_strings *list, struct adit_prefix *out, size_t max,
                         size_t *ret_count)
{
    char wanted[48];

    if (list->count > max) {
        snprintf(wanted, sizeof wanted, "more than %zu of them", max);
        return adit_cli_usage(o, option, list->items[max], wanted);
    }
    for (size_t i = 0; i < list->count; i++)
        if (adit_prefix_parse(&out[i], list->items[i], strlen(list->items[i])) < 0)
            return adit_cli_usage(
                o, option, list->items[i],
                "give an address and a length, such as 10.9.0.1/24 or fd09::1/64");
    *ret_count = list->count;
    return 0;
}

static int read_addresses(struct adit_carry *c, const struct adit_options *o)
{
    const struct adit_strings *own = &o->address, *peers = &o->peer_address;
    struct adit_prefix prefixes[ADIT_LINK_ADDRESSES_MAX];
    int err = read_prefixes(o, "address", own, prefixes, ADIT_LEN(prefixes), &c->vpn.address_count);

    if (err)
        return err;
    for (size_t i = 0; i < own->count; i++)
        c->addresses[i] = (struct adit_link_address){ .own = prefixes[i] };
    for (size_t i = 0; i < peers->count; i++) {
        struct adit_addr peer;
        size_t k = 0;

        if (adit_addr_parse(&peer, peers->items[i], strlen(peers->items[i])) < 0)
            return adit_cli_usage(o, "peer-address", peers->items[i],
                                  "give an address without a length");
        while (k < own->count && (c->addresses[k].own.addr.family != peer.family ||
                                  c->addresses[k].peer.family != ADIT_FAMILY_NONE))
            k++;
        if (k == own->count)
            return adit_cli_usage(o, "peer-address", peers->items[i],
                                  "there is no --address of the same family for it");
        c->addresses[k].peer = peer;
    }
    return 0;
}

static int read_vpn(struct adit_carry *c, const struct adit_options *o)
{
    int err = read_addresses(c, o);

    if (!err)
        err = read_prefixes(o, "route", &o->route, c->routes, ADIT_LEN(c->routes),
                            &c->vpn.route_count);
    if (!err)
        err = read_prefixes(o, "allowed-ips", &o->allowed_ips, c->allowed, ADIT_LEN(c->allowed),
                            &c->vpn.allowed_count);
    if (err)
        return err;
    c->vpn.device = o->ifname;
    c->vpn.tap = o->mode == ADIT_MODE_TAP;
    c->vpn.mtu = o->mtu > 0 ? (unsigned)o->mtu : 0;
    c->vpn.offload = (enum adit_offload)o->offload;
    c->vpn.addresses = c->addresses;
    c->vpn.routes = c->routes;
    c->vpn.allowed = c->allowed;
    c->vpn.up = o->up;
    c->vpn.down = o->down;
    return 0;
}

/* ---- channel and path ------------------------------------------------------------------------ */

static const struct adit_app_class *const apps[] = {
    [ADIT_MODE_CHAT] = &adit_app_chat,   [ADIT_MODE_JSON] = &adit_app_json,
    [ADIT_MODE_BYTES] = &adit_app_bytes, [ADIT_MODE_ECHO] = &adit_app_echo,
    [ADIT_MODE_CHECK] = &adit_app_check, [ADIT_MODE_TUN] = &adit_app_tunnel,
    [ADIT_MODE_TAP] = &adit_app_tunnel,  [ADIT_MODE_STREAMS] = &adit_app_streams,
    [ADIT_MODE_BENCH] = &adit_app_bench,
};

/* Who calls or offers measures; of two that pair, who opens the channel. */
static void read_bench(struct adit_carry *c, const struct adit_options *o)
{
    bool answers = o->command == ADIT_COMMAND_LISTEN || o->command == ADIT_COMMAND_ANSWER;

    c->bench = (struct adit_bench_conf){
        .role = answers                           ? ADIT_BENCH_ANSWERS
                : o->command == ADIT_COMMAND_PAIR ? ADIT_BENCH_BY_CHANNEL
                                                  : ADIT_BENCH_ASKS,
        .each = (adit_time)o->seconds * ADIT_SEC,
        .json = o->json,
        .progress_fd =
            adit_log_level >= ADIT_LOG_INFO && isatty(STDERR_FILENO) ? STDERR_FILENO : -1,
    };
}

/* ---- servers on the way ---------------------------------------------------------------------- */

/* All of it but the end of its line, as the server reads it. */
static int read_turn_word(const struct adit_options *o, const char *option, const char *path,
                          struct adit_buf *out)
{
    int err = adit_file_read(out, path);

    if (err)
        return adit_cli_usage(o, option, path, strerror(-err));
    while (out->len && (out->data[out->len - 1] == '\n' || out->data[out->len - 1] == '\r'))
        out->len--;
    if (out->len == 0 || memchr(out->data, 0, out->len))
        return adit_cli_usage(o, option, path, "a line of text is due");
    return 0;
}

static int read_turn(struct adit_carry *c, const struct adit_options *o)
{
    const char *file = o->turn_secret_file ? o->turn_secret_file : o->turn_password_file;
    const char *word = o->turn_password;
    int err = 0;

    adit_buf_init(&c->turn_word, TURN_WORD_MAX);
    c->peer.turn = c->turn;
    c->peer.turn_count = o->turn.count;
    if (c->peer.turn_count && file) {
        err = read_turn_word(o, o->turn_secret_file ? "turn-secret-file" : "turn-password-file",
                             file, &c->turn_word);
        word = adit_buf_str(&c->turn_word);
    }
    for (size_t i = 0; i < c->peer.turn_count; i++) {
        c->turn[i].uri = o->turn.items[i];
        c->turn[i].user = o->turn_user;
        c->turn[i].password = o->turn_secret_file ? NULL : word;
        c->turn[i].secret = o->turn_secret_file ? word : NULL;
    }
    c->peer.turn_ca = o->ca;
    c->peer.turn_insecure = o->insecure;
    c->peer.turn_proxy = o->proxy && strcmp(o->proxy, "none") == 0 ? "" : o->proxy;
    return err;
}

static void configure(struct adit_carry *c, const struct adit_options *o)
{
    bool packets = o->mode == ADIT_MODE_TUN || o->mode == ADIT_MODE_TAP;
    struct adit_dc_conf *channel = &c->lanes.channel;

    c->lanes.app = apps[o->mode];
    c->lanes.app_extra = &c->vpn;
    if (o->mode == ADIT_MODE_BENCH)
        c->lanes.app_extra = &c->bench;
    c->lanes.channel_only = o->carrier == ADIT_CARRIER_CHANNEL;
    if (o->mode == ADIT_MODE_STREAMS) {
        c->lanes.app = c->streams.app;
        c->lanes.app_extra = &c->streams.conf;
    }
    c->lanes.input = c->lanes.app->input || c->streams.forwards.stdio;
    c->lanes.in = STDIN_FILENO;
    c->lanes.out = STDOUT_FILENO;
    *channel = (struct adit_dc_conf)ADIT_DC_CONF;
    channel->label = o->label;
    if (o->mode == ADIT_MODE_STREAMS && !adit_options_given(o, ADIT_OPTION_label))
        channel->label =
            o->framing == ADIT_FRAMING_AGENT ? ADIT_STREAMS_AGENT_LABEL : ADIT_STREAMS_LABEL;
    channel->unordered = o->unordered || packets;
    channel->max_retransmits = o->max_retransmits;
    channel->max_lifetime_ms = o->max_lifetime;
    if (packets && o->max_retransmits < 0 && o->max_lifetime < 0)
        channel->max_retransmits = PACKET_RETRANSMITS;
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
        .hide_addresses = o->hide_addresses,
        .port_map = o->port_map,
        .announce = o->announce.items,
        .announce_count = o->announce.count,
        .ice_tcp = (enum adit_ice_tcp)o->ice_tcp,
        .tcp_port_min = o->tcp_port.min,
        .tcp_port_max = o->tcp_port.max,
        .cert = o->cert,
        .key = o->key,
        .identity = o->identity,
        .udp_offload = (enum adit_offload)o->udp_offload,
        .path = o->path,
        .fwmark = o->fwmark > 0 ? (uint32_t)o->fwmark : 0,
        .hold = o->hold,
    };
}

static int check_mark(const struct adit_options *o)
{
    int err = o->fwmark > 0 ? adit_udp_try_mark((uint32_t)o->fwmark) : 0;

    if (err != -EPERM)
        return 0; /* else whoever opens a socket says what is wrong */
    adit_log(ADIT_LOG_ERROR, "cli",
             "--fwmark: no right to mark packets. Give the program the right, once: sudo setcap "
             "cap_net_admin+ep %s",
             program_invocation_name);
    return ADIT_EXIT_PERMISSION;
}

/* A forward outside has to end at a port that is known. */
static int check_announced(const struct adit_options *o)
{
    struct adit_addr addr;

    for (size_t i = 0; i < o->announce.count; i++) {
        const char *text = o->announce.items[i];

        if (adit_addr_parse_port(&addr, text, strlen(text), 0) < 0)
            return adit_cli_usage(o, "announce", text,
                                  "give an address with or without a port, such as "
                                  "198.51.100.7:4000");
        if (addr.port && !o->udp_port.min)
            return adit_cli_usage(o, "announce", text,
                                  "say with --udp-port where that port is forwarded to");
    }
    return 0;
}

int adit_carry_load(struct adit_carry *c, const struct adit_options *o)
{
    int err;

    *c = (struct adit_carry){ 0 };
    err = check_mark(o);
    if (!err)
        err = read_vpn(c, o);
    if (!err)
        err = check_announced(o);
    if (!err && o->mode == ADIT_MODE_STREAMS)
        err = adit_carry_streams_load(&c->streams, o);
    read_bench(c, o);
    if (err)
        return err;
    configure(c, o);
    return read_turn(c, o);
}

void adit_carry_done(struct adit_carry *c)
{
    adit_carry_streams_done(&c->streams);
    if (c->turn_word.data)
        explicit_bzero(c->turn_word.data, c->turn_word.len);
    adit_buf_done(&c->turn_word);
}
