/* listen, connect: from options to an agent, and the agent to its end. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/exit.h"
#include "base/alloc.h"
#include "base/rng.h"
#include "base/str.h"
#include "cli/call_report.h"
#include "cli/carry.h"
#include "cli/cli.h"
#include "cli/public.h"
#include "cli/sections.h"
#include "core/file.h"
#include "core/signals.h"
#include "ctl/control.h"
#include "ctl/snapshot.h"

#define ANSWER_MAX  (30 * ADIT_SEC) /* a person may have to say yes; some peers take ten seconds */
#define CONNECT_MAX (30 * ADIT_SEC)
#define DIAG_MAX    (10 * ADIT_SEC) /* what was not answered by then shows why */
#define SECRET_MAX  4096            /* bytes of a file with a secret in it */

#define DEVICE_KEY_TEXT 45 /* base64 of 32 bytes, and a zero byte */

/* Everything that must outlive the agent. */
struct run {
    const struct adit_options *o;
    struct adit_loop *loop;
    struct adit_agent *agent;
    struct adit_signals signals;
    struct adit_control *control;
    struct adit_agent_conf conf;
    struct adit_carry carry;
    struct adit_sections sections;
    struct adit_call_report report; /* of diag */
    struct adit_public public;
    struct adit_fingerprint fingerprints[ADIT_SECTION_FINGERPRINTS_MAX];
    char identity[ADIT_PATH_MAX], known_peers[ADIT_PATH_MAX];
    struct adit_buf token, device_key;
    bool terminal; /* we were started from one */
    int exit_code;
};

/* ---- files ----------------------------------------------------------------------------------- */

/* Its first line, without the white space around it. */
static int read_secret(const struct adit_options *o, const char *option, const char *path,
                       struct adit_buf *out)
{
    int err = adit_file_read(out, path);
    size_t n = 0, skip = 0;

    if (err)
        return adit_cli_usage(o, option, path, strerror(-err));
    while (skip < out->len && strchr(" \t\r\n", out->data[skip]))
        skip++;
    adit_buf_consume(out, skip);
    while (n < out->len && out->data[n] > ' ')
        n++;
    out->len = n;
    return n ? 0 : adit_cli_usage(o, option, path, "the file is empty");
}

/* The key of a device is made when it is needed for the first time. */
static int read_device_key(const struct adit_options *o, const char *path, struct adit_buf *out)
{
    char text[DEVICE_KEY_TEXT];
    struct adit_rng rng;
    uint8_t key[32];
    int err = access(path, F_OK) == 0 ? 0 : -errno;

    if (err == -ENOENT) {
        adit_rng_init(&rng);
        adit_rng_bytes(&rng, key, sizeof key);
        adit_base64_encode(text, key, sizeof key, false);
        err = adit_file_write(path, text, strlen(text), 0600);
        explicit_bzero(key, sizeof key);
        explicit_bzero(text, sizeof text);
    }
    return err ? adit_cli_usage(o, "device-key", path, strerror(-err))
               : read_secret(o, "device-key", path, out);
}

/* What a URL is for is also told by the name under which other programs look for it. */
static const char *dialect_of_environment(const struct adit_options *o)
{
    static const char *const names[][2] = { { "RENDEZVOUS_SERVICE_URL", "rendezvous" },
                                            { "TUNNEL_SIGNAL", "room" } };

    for (size_t i = 0; i < ADIT_LEN(names); i++) {
        const char *value = getenv(names[i][0]);
        if (value && o->signal && o->source[ADIT_OPTION_signal] == ADIT_SOURCE_ENVIRONMENT &&
            strcmp(value, o->signal) == 0)
            return names[i][1];
    }
    return NULL;
}

static bool calls(const struct adit_options *o)
{
    return o->command == ADIT_COMMAND_CONNECT || o->command == ADIT_COMMAND_PROXY ||
           o->command == ADIT_COMMAND_SEND || o->command == ADIT_COMMAND_BENCH ||
           o->command == ADIT_COMMAND_DIAG;
}

/* Rooms are what the HTTP tunnel's programs meet in. */
static const char *dialect_of(const struct adit_options *o)
{
    bool http = o->command == ADIT_COMMAND_SERVE || o->command == ADIT_COMMAND_PROXY;
    const char *named = o->dialect ? o->dialect : dialect_of_environment(o);

    return named ? named : http && o->room ? "room" : NULL;
}

/* A stored identity and a list of peers, so that who has met once can know each other again. */
static int find_places(struct run *r)
{
    const struct adit_options *o = r->o;
    struct adit_agent_conf *c = &r->conf;
    int err = 0;

    if (!o->identity && !o->cert) {
        err = adit_file_config_path(r->identity, "identity.pem");
        r->carry.peer.identity = r->identity;
    }
    if (!err && !o->known_peers)
        err = adit_file_config_path(r->known_peers, "known_peers");
    c->trust.path = o->known_peers ? o->known_peers : r->known_peers;
    if (err)
        adit_log(ADIT_LOG_ERROR, "cli",
                 "no place for our identity: %s. Give --identity and --known-peers, or set HOME",
                 strerror(-err));
    return err ? ADIT_EXIT_USAGE : 0;
}

static int open_events(struct run *r)
{
    const struct adit_options *o = r->o;
    const char *name = o->events;
    uint64_t fd;

    r->conf.notify.events = -1;
    if (!name)
        return 0;
    if (adit_str_u64(&fd, name, strlen(name), 0, 65535) < 0)
        r->conf.notify.events = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    else if (fcntl((int)fd, F_GETFD) >= 0)
        r->conf.notify.events = (int)fd;
    return r->conf.notify.events < 0 ? adit_cli_usage(o, "events", name, strerror(errno)) : 0;
}

/* ---- configuration --------------------------------------------------------------------------- */

/* The HTTP tunnel's programs make a new certificate at each start, and have nothing but the room.
 */
static bool room_is_the_secret(const struct adit_options *o)
{
    const char *dialect = dialect_of(o);
    bool http = o->command == ADIT_COMMAND_SERVE || o->command == ADIT_COMMAND_PROXY;

    return http && dialect && strcmp(dialect, "room") == 0 &&
           !adit_options_given(o, ADIT_OPTION_trust) && !o->allow.count &&
           !o->peer_fingerprint.count;
}

static int read_trust(struct run *r)
{
    struct adit_trust_conf *t = &r->conf.trust;
    int err;

    t->policy = r->o->trust;
    t->allow = r->o->allow.items;
    t->allow_count = r->o->allow.count;
    t->fingerprints = r->fingerprints;
    err = adit_fingerprints_load(r->fingerprints, &t->fingerprint_count, r->o);
    if (err)
        return err;
    if (room_is_the_secret(r->o)) {
        t->policy = ADIT_TRUST_ANY;
        adit_log(ADIT_LOG_WARN, "cli",
                 "whoever knows the name of the room is let in, as the HTTP tunnel has it: --trust "
                 "first, --allow or --peer-fingerprint say who else, continuing");
    } else if (t->policy == ADIT_TRUST_ANY && !t->fingerprint_count)
        adit_log(ADIT_LOG_WARN, "cli",
                 "--trust any: whoever the signaling server lets through is let in, continuing");
    return 0;
}

static int read_signal(struct run *r)
{
    const struct adit_options *o = r->o;
    struct adit_signal_conf *s = &r->conf.signal;
    int err = 0;

    if (!o->signal && !o->signal_exec && !o->signal_file) {
        s->none = adit_public_given(&r->public, o);
        if (s->none)
            return 0;
        adit_log(ADIT_LOG_ERROR, "cli",
                 "where is the other side to be met? Give --signal ws://HOST:PORT, or pair by copy "
                 "and paste: adit offer; adit listen --public needs neither");
        return ADIT_EXIT_USAGE;
    }
    if (o->token_file)
        err = read_secret(o, "token-file", o->token_file, &r->token);
    if (!err && o->device_key)
        err = read_device_key(o, o->device_key, &r->device_key);
    *s = (struct adit_signal_conf){
        .url = o->signal,
        .dialect = dialect_of(o),
        .exec = o->signal_exec,
        .file = o->signal_file,
        .role = o->role != ADIT_DIALECT_ROLE_ANY ? o->role
                : calls(o)                       ? ADIT_DIALECT_OFFERER
                                                 : ADIT_DIALECT_ANSWERER,
        .role_given = o->role != ADIT_DIALECT_ROLE_ANY,
        .id = o->id,
        .token = o->token_file ? adit_buf_str(&r->token) : o->token,
        .room = o->room,
        .email = o->email,
        .password = o->password,
        .new_account = o->new_account,
        .device_key = o->device_key ? adit_buf_str(&r->device_key) : NULL,
        .ca = o->ca,
        .pins = o->tls_pin.items,
        .pin_count = o->tls_pin.count,
        .insecure = o->insecure,
        .proxy = o->proxy && strcmp(o->proxy, "none") == 0 ? "" : o->proxy,
        .fwmark = o->fwmark > 0 ? (uint32_t)o->fwmark : 0,
        .relay = o->path != ADIT_PATH_DIRECT,
        .headers = o->header.items,
        .header_count = o->header.count,
        .retry_first = o->reconnect,
        .retry_max = o->reconnect_max,
        .retry_factor_x10 = o->reconnect_factor > 0 ? 10 * (unsigned)o->reconnect_factor : 0,
        .retry_tries = o->reconnect_tries,
    };
    return err;
}

static int configure(struct run *r)
{
    const struct adit_options *o = r->o;
    struct adit_agent_conf *c = &r->conf;
    bool packets = o->mode == ADIT_MODE_TUN || o->mode == ADIT_MODE_TAP;
    bool persistent_streams;
    int err = adit_carry_load(&r->carry, o);

    if (!err)
        err = find_places(r);
    if (!err)
        err = open_events(r);
    if (!err)
        err = read_trust(r);
    if (!err)
        err = adit_public_load(&r->public, o);
    if (!err)
        err = read_signal(r);
    if (!err)
        err = adit_sections_load(&r->sections, o, packets && !o->once);
    if (err)
        return err;
    persistent_streams = r->carry.lanes.app == &adit_app_streams;
    c->connect = calls(o);
    c->targets = r->public.targets;
    c->target_count = c->connect ? r->public.target_count : 0;
    c->tickets = r->public.tickets;
    c->ticket_count = r->public.ticket_count;
    c->gate = o->public ? &r->public.gate : NULL;
    c->once = o->once;
    c->until_done = o->command == ADIT_COMMAND_RECEIVE && !o->stay;
    c->exit_on_failure =
        o->exit_on_failure || o->command == ADIT_COMMAND_BENCH || o->command == ADIT_COMMAND_DIAG;
    c->peers = r->sections.peers;
    c->peer_count = r->sections.count;
    c->peers_only = packets && c->peer_count > 0;
    c->single = o->mode == ADIT_MODE_BYTES || persistent_streams || (packets && !c->peers_only);
    if (c->single && c->target_count > 1)
        return adit_cli_usage(
            o, "peer", c->targets[1],
            "this mode serves one peer at a time; tun and tap serve each that has "
            "a section under peers: in the configuration file");
    c->one_port = !c->single && o->udp_port.min && o->udp_port.min == o->udp_port.max;
    c->ask = o->trust == ADIT_TRUST_ASK;
    c->calls_max = (unsigned)o->max_peers;
    if (c->peers_only && c->calls_max < c->peer_count)
        c->calls_max = (unsigned)c->peer_count; /* each has its device from the beginning */
    c->label_given = adit_options_given(o, ADIT_OPTION_label);
    c->timeout = o->timeout;
    c->call.peer = r->carry.peer;
    c->call.lanes = r->carry.lanes;
    c->call.lanes.stays = (packets || persistent_streams) && !o->once;
    r->carry.vpn.routes_follow = c->call.lanes.stays;
    c->worker_say = o->worker_say;
    c->worker_bench = o->worker_bench > 0 ? (uint64_t)o->worker_bench * 1024 : 0;
    c->call.answer_max = ANSWER_MAX;
    c->call.connect_max = o->command == ADIT_COMMAND_DIAG ? DIAG_MAX : CONNECT_MAX;
    c->notify.on_state = o->on_state;
    /* Other programs' tunnels expect what TCP would give them; ours are told apart when they
     * answer. */
    if (packets && !o->unordered && o->max_retransmits < 0 && o->max_lifetime < 0) {
        c->call.lanes.channel.unordered = false;
        c->call.lanes.channel.max_retransmits = ADIT_RELIABLE;
        c->call.lanes.lossy_between_adits = true;
    }
    return 0;
}

/* ---- running --------------------------------------------------------------------------------- */

static void on_ended(void *arg, int exit_code)
{
    struct run *r = arg;

    r->exit_code = exit_code;
    adit_loop_stop(r->loop);
}

static void on_signal(void *arg, int signo, adit_time now)
{
    struct run *r = arg;

    (void)now;
    if (signo == SIGUSR1)
        adit_agent_report(r->agent);
    else if (signo == SIGHUP && !r->terminal) /* else that has gone */
        adit_agent_restart(r->agent);
    else
        adit_agent_stop(r->agent);
}

static void on_reported(void *arg)
{
    struct run *r = arg;

    adit_agent_stop(r->agent);
}

static json_t *on_status(void *arg, adit_time now)
{
    struct run *r = arg;

    return adit_snapshot(r->agent, now);
}

/* Not to be asked is a pity, and no reason not to run. */
static void start_control(struct run *r)
{
    static const struct adit_control_ops ops = { .status = on_status };
    struct adit_cause cause;

    if (adit_control_new(&r->control, r->loop, r->o->control, &ops, r, &cause) < 0)
        adit_log(ADIT_LOG_WARN, "cli", "no control socket: %s, continuing", cause.text);
}

static void run(struct run *r)
{
    static const int signos[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1, 0 };
    int err = adit_signals_start(&r->signals, r->loop, signos, on_signal, r);

    if (r->o->command == ADIT_COMMAND_DIAG) {
        adit_call_report_init(&r->report, r->o, r->loop, on_reported, r);
        r->conf.watch = adit_call_report_watch;
        r->conf.watch_arg = &r->report;
    }
    r->terminal = isatty(STDIN_FILENO);
    if (!err) {
        r->agent = adit_agent_new(r->loop, &r->conf, on_ended, r, &r->exit_code);
        if (r->agent) {
            start_control(r);
            err = adit_loop_run(r->loop);
        }
    }
    if (err) {
        adit_log(ADIT_LOG_ERROR, "cli", "cannot wait for events: %s", strerror(-err));
        r->exit_code = ADIT_EXIT_FAILED;
    }
    r->control = adit_control_free(r->control);
    r->agent = adit_agent_free(r->agent);
    adit_call_report_done(&r->report);
    adit_signals_stop(&r->signals);
}

int adit_cmd_agent(const struct adit_options *o)
{
    struct run *r = adit_zalloc(sizeof *r);
    int exit_code = ADIT_EXIT_FAILED;

    if (!r) {
        adit_log(ADIT_LOG_ERROR, "cli", "out of memory");
        return exit_code;
    }
    r->o = o;
    adit_buf_init(&r->token, SECRET_MAX);
    adit_buf_init(&r->device_key, SECRET_MAX);
    r->exit_code = configure(r);
    if (!r->exit_code) {
        r->loop = adit_loop_new();
        if (r->loop) {
            run(r);
            adit_loop_free(r->loop);
        } else {
            adit_log(ADIT_LOG_ERROR, "cli", "cannot start: %s", strerror(errno));
            r->exit_code = ADIT_EXIT_FAILED;
        }
    }
    exit_code = r->exit_code;
    adit_sections_done(&r->sections);
    adit_carry_done(&r->carry);
    adit_buf_done(&r->token);
    adit_buf_done(&r->device_key);
    adit_free(r);
    return exit_code;
}
