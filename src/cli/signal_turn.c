#include "cli/signal_turn.h"

#include <stdio.h>

#include "base/rng.h"
#include "base/str.h"
#include "cli/cli.h"

/* "10.0.0.0/8", or an address alone. */
static bool read_net(struct adit_turnd_net *out, const char *text)
{
    size_t n = strcspn(text, "/");
    uint64_t len;

    if (adit_addr_parse(&out->net, text, n) < 0)
        return false;
    len = out->net.family == ADIT_FAMILY_V4 ? 32 : 128;
    if (text[n] && adit_str_u64(&len, text + n + 1, strlen(text + n + 1), 0, len) < 0)
        return false;
    out->len = (unsigned)len;
    return true;
}

/* "203.0.113.9", or "203.0.113.9/10.0.0.5". */
static bool read_relay(struct adit_serve_relay *out, const char *text)
{
    size_t n = strcspn(text, "/");

    if (adit_addr_parse(&out->seen, text, n) < 0)
        return false;
    out->local = out->seen;
    return !text[n] || (adit_addr_parse(&out->local, text + n + 1, strlen(text + n + 1)) == 0 &&
                        out->local.family == out->seen.family);
}

static int read_relays(struct adit_cli_turn *t, const struct adit_options *o)
{
    for (size_t i = 0; i < o->relay_address.count; i++) {
        const char *text = o->relay_address.items[i];
        struct adit_serve_relay relay;
        if (!read_relay(&relay, text))
            return adit_cli_usage(o, "relay-address", text,
                                  "an address is due, or two of one family: PUBLIC/LOCAL");
        struct adit_serve_relay *place = &t->conf.relays[relay.seen.family == ADIT_FAMILY_V6];
        if (place->seen.family)
            return adit_cli_usage(o, "relay-address", text, "one of each family is all it takes");
        *place = relay;
    }
    for (size_t i = 0; i < o->relay_allow.count; i++)
        if (!read_net(&t->allow[i], o->relay_allow.items[i]))
            return adit_cli_usage(o, "relay-allow", o->relay_allow.items[i],
                                  "a network is due, such as 10.1.0.0/16");
    return 0;
}

/* What clients are told, and where others listen that do not say: the port of the first. */
static uint16_t port_of(const struct adit_strings *listen)
{
    const char *text = listen->count ? listen->items[0] : "";
    const char *colon = strrchr(text, ':');
    struct adit_addr a;
    uint64_t port;

    if (adit_addr_parse_port(&a, text, strlen(text), ADIT_TURND_PORT) == 0)
        return a.port;
    text = colon ? colon + 1 : text;
    return adit_str_u64(&port, text, strlen(text), 1, UINT16_MAX) == 0 ? (uint16_t)port
                                                                       : ADIT_TURND_PORT;
}

/* Nobody but this process has to know it. */
static void make_secret(char out[65])
{
    uint8_t raw[32];
    struct adit_rng rng;

    adit_rng_init(&rng);
    adit_rng_bytes(&rng, raw, sizeof raw);
    for (size_t i = 0; i < sizeof raw; i++)
        snprintf(out + 2 * i, 3, "%02x", raw[i]);
}

int adit_cli_turn_read(struct adit_cli_turn *t, const struct adit_options *o, bool local)
{
    *t = (struct adit_cli_turn){
        .here = { .stun = o->stun_server || o->turn_server,
                  .turn = o->turn_server,
                  .host = o->turn_host,
                  .port = port_of(&o->turn_listen),
                  .tls = o->tls || o->tls_cert || o->tls_self },
        .local = "localhost",
        .conf = { .listen = o->turn_listen.items,
                  .listen_count = o->turn_listen.count,
                  .tls_listen = o->turns_listen.items,
                  .tls_count = o->turns_listen.count,
                  .port_min = o->relay_ports.min,
                  .port_max = o->relay_ports.max,
                  .allow = t->allow,
                  .allow_count = o->relay_allow.count,
                  .limits = { .allocations = (unsigned)o->relay_max,
                              .per_identity = (unsigned)o->relay_max_each,
                              .per_address = 2 * (unsigned)o->relay_max_each,
                              .bandwidth = 1024 * (unsigned)o->relay_rate } },
    };
    if (t->conf.listen_count == 0 && local) {
        t->conf.listen = &t->local;
        t->conf.listen_count = 1;
    }
    if (!t->here.stun)
        return 0;
    if (t->conf.tls_count && !t->here.tls)
        return adit_cli_usage(o, "turns-listen", o->turns_listen.items[0],
                              "a certificate is needed: --tls-cert, --tls-self or --tls");
    make_secret(t->secret);
    return read_relays(t, o);
}

/* ---- the log --------------------------------------------------------------------------------- */

void adit_cli_turn_announce(const struct adit_cli_turn *t, const struct adit_serve *serve)
{
    const struct adit_addr *at;
    char text[ADIT_ADDR_STR];

    for (size_t i = 0; (at = adit_serve_turn_at(serve, i)) != NULL; i++)
        adit_log(ADIT_LOG_INFO, "turn", "%s at %s", t->here.turn ? "STUN and TURN" : "STUN",
                 adit_addr_str(at, text));
}

void adit_cli_turn_sum_up(const struct adit_serve *serve)
{
    const struct adit_turnd_stats *s = adit_serve_turn_stats(serve);

    if (!s)
        return;
    adit_log(ADIT_LOG_INFO, "turn",
             "%llu addresses told, %llu relayed ones given, %llu requests refused, %llu not "
             "answered",
             (unsigned long long)s->bindings, (unsigned long long)s->allocations,
             (unsigned long long)s->refused, (unsigned long long)s->silent);
    adit_log(ADIT_LOG_INFO, "turn",
             "%llu packets to peers and %llu to clients, %llu bytes; %llu without permission, "
             "%llu too many",
             (unsigned long long)s->to_peer_packets, (unsigned long long)s->to_client_packets,
             (unsigned long long)(s->to_peer_bytes + s->to_client_bytes),
             (unsigned long long)(s->no_permission + s->forbidden),
             (unsigned long long)s->over_rate);
}
