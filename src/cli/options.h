/* options.h - what the user wants: command line, environment, .env and configuration file in one
 * struct that does not change any more.
 *
 * Rows in options.def.h and commands.def.h. The command line counts most, then the environment,
 * .env in the current directory, the configuration file, the default; lists are replaced as a
 * whole. */
#ifndef ADIT_OPTIONS_H
#define ADIT_OPTIONS_H

#include "adit/adit.h"
#include "agent/agent.h"
#include "app/streams.h"
#include "base/buf.h"
#include "base/log.h"
#include "signal/hub.h"

#define ADIT_OPTION_FILE_MAX  (64 * 1024) /* bytes of .env and of a configuration file */
#define ADIT_OPTION_LIST_MAX  64          /* values of an option that may be repeated */
#define ADIT_OPTION_PEERS_MAX 256         /* sections under peers: */

enum adit_command {
#define COMMAND(id, name, args, summary, text) ADIT_COMMAND_##id,
#include "cli/commands.def.h"
#undef COMMAND
    ADIT_COMMAND_COUNT,
    ADIT_COMMAND_NONE = ADIT_COMMAND_COUNT
};

enum adit_option {
#define OPTION(field, kind, name, letter, arg, min, max, env, commands, value, help) \
    ADIT_OPTION_##field,
#include "cli/options.def.h"
#undef OPTION
    ADIT_OPTION_COUNT
};

enum adit_mode {
    ADIT_MODE_CHAT,
    ADIT_MODE_JSON,
    ADIT_MODE_BYTES,
    ADIT_MODE_ECHO,
    ADIT_MODE_CHECK,
    ADIT_MODE_TUN,
    ADIT_MODE_TAP,
    ADIT_MODE_STREAMS,
    ADIT_MODE_BENCH
};

enum adit_option_source {
    ADIT_SOURCE_DEFAULT,
    ADIT_SOURCE_FILE,
    ADIT_SOURCE_DOTENV,
    ADIT_SOURCE_ENVIRONMENT,
    ADIT_SOURCE_LINE
};

struct adit_strings {
    const char **items;
    size_t count;
};

/* What is wrong with what the user wrote, and where it stands. */
struct adit_option_error {
    int err;       /* a positive errno */
    bool resource; /* something ran out; nothing is wrong with what was written */
    char text[400];
};

struct adit_port_range {
    uint16_t min, max; /* 0: any */
};

/* What the configuration file says of one peer. */
struct adit_section {
    const char *name;         /* of the peer */
    const char *where;        /* "adit.yaml:12" */
    struct adit_options *own; /* only what stands in the section; see adit_options_view */
};

/* Strings live until adit_options_free; NULL = not given. Numbers: -1 = not given. */
struct adit_options {
    enum adit_command command;
    enum adit_command topic; /* of help and config; NONE = all */

    enum adit_form as;
    enum adit_mode mode;
    const char *in, *out;
    bool qr;
    adit_time timeout; /* 0 = none */
    adit_time hold;

    struct adit_strings stun, turn, bind_dev, ignore_dev, announce;
    const char *turn_user, *turn_password, *turn_password_file;
    int fwmark;
    enum adit_path path;
    enum adit_port_map port_map;
    struct adit_port_range udp_port, tcp_port;
    unsigned ice_tcp; /* enum adit_ice_tcp */
    bool loopback, hide_addresses;
    const char *cert, *key, *identity;

    const char *label;
    bool unordered;
    int max_retransmits, max_lifetime;

    const char *ifname;
    struct adit_strings address, peer_address, route, allowed_ips;
    int mtu;
    enum { ADIT_CARRIER_AUTO, ADIT_CARRIER_CHANNEL } carrier;
    unsigned offload, udp_offload; /* enum adit_offload */
    const char *up, *down;

    struct adit_strings forward_local, forward_remote, forward_socks, forward_udp, permit;
    const char *forward_stdio, *upstream, *advertise, *upstream_ca, *basic_auth, *dir;
    bool keep_host, upstream_insecure, readonly, overwrite, stay;
    enum adit_http_forwarded forwarded;
    struct adit_strings http_listen, allow_path, file;
    int http_head, http_streams, memory;
    adit_time http_wait, http_idle, http_total; /* 0 = none */
    enum adit_framing framing;
    const char *relay;
    enum { ADIT_RELAY_AUTH_QUERY, ADIT_RELAY_AUTH_MESSAGE } relay_auth;

    bool public;
    const char *public_secret_file, *ticket_file;
    adit_time public_for; /* 0 = without end */

    const char *signal, *signal_exec, *signal_file, *dialect, *id, *token, *token_file, *room;
    enum adit_dialect_role role;
    const char *email, *password, *device_key, *ca, *proxy;
    bool new_account;
    const char *worker_say;
    int worker_bench;
    struct adit_strings tls_pin, header;
    bool insecure;
    adit_time reconnect, reconnect_max; /* 0: as the dialect has it */
    int reconnect_factor;               /* below 1: the same */
    int reconnect_tries;

    struct adit_strings peer;
    bool once, exit_on_failure;
    int max_peers;
    struct adit_strings allow, peer_fingerprint;
    enum adit_trust_policy trust;
    const char *known_peers, *events, *on_state;

    const char *control;
    bool json, lives;
    int seconds;

    struct adit_strings listen, origin, turn_url;
    struct adit_strings turn_listen, turns_listen, relay_address, relay_allow;
    struct adit_port_range relay_ports;
    bool stun_server, turn_server;
    const char *turn_host;
    int relay_max, relay_max_each, relay_rate;
    int port, max_clients, max_per_address, max_rate, max_requests;
    bool anonymous, registration, tls, behind_proxy;
    const char *jwt_secret_file, *jwt_key, *jwt_audience, *state;
    const char *tls_self, *tls_cert, *tls_key, *turn_secret_file, *relay_url;
    enum adit_hub_duplicate duplicate;
    enum { ADIT_WS_RELAY_ON, ADIT_WS_RELAY_OFF } ws_relay;
    int ws_relay_rate, ws_relay_bytes, ws_relay_max;
    adit_time turn_ttl, ping;

    const char *config;
    unsigned verbose;
    bool quiet;
    enum adit_log_level log_level; /* what of --log-level, -v and -q is in force */
    bool man;

    enum adit_option_source source[ADIT_OPTION_COUNT];
    const char *where[ADIT_OPTION_COUNT]; /* file and line, or the name of a variable; NULL = unset
                                             or default */
    struct adit_section *sections;        /* peers: in the configuration file */
    size_t section_count;
    struct adit_strings warnings; /* for the log, when its level is known */
    char **texts;                 /* everything above points here */
    size_t text_count;
};

/* env: as environ. dotenv: path of .env; one that is not there is no error; NULL = do not look.
 * 0; -EINVAL or -ENOMEM, and *ret_error; then *ret_o is empty. */
ADIT_MUST_USE int adit_options_load(struct adit_options *ret_o, int argc, char *const *argv,
                                    char *const *env, const char *dotenv,
                                    struct adit_option_error *ret_error);
void adit_options_free(struct adit_options *o);
/* The options as they are for the peer of a section, which counts as the configuration file and
 * more than what stands outside of it. Borrows from `o`, is not to be freed. */
void adit_options_view(const struct adit_options *o, size_t section, struct adit_options *ret_view);
static inline bool adit_options_given(const struct adit_options *o, enum adit_option option)
{
    return o->source[option] != ADIT_SOURCE_DEFAULT;
}

/* What is in force and where it came from, secrets masked: as a configuration file with comments,
 * which is read again as the same; and as JSON, NULL without memory. */
void adit_options_print(struct adit_buf *out, const struct adit_options *o);
struct json_t *adit_options_json(const struct adit_options *o);
/* Overwrites what is secret in the words of the command line, after they were read: everybody on
 * this host can see them. */
void adit_options_hide(int argc, char **argv);

const char *adit_command_name(enum adit_command command);
/* The text of `adit help` and `adit help COMMAND`. */
void adit_options_help(struct adit_buf *out, enum adit_command topic);
/* docs/adit.1. */
void adit_options_man(struct adit_buf *out);

#endif
