/* cmd_signal.c - `adit signal`: the signaling server, from options to files to a running server. */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "agent/session.h"
#include "base/alloc.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/signal_turn.h"
#include "core/file.h"
#include "core/signals.h"
#include "core/tls.h"
#include "signal/serve.h"
#include "signal/tokens.h"

#define SECRET_FILE_MAX 4096
#define SECRET_MIN      16 /* bytes of a secret that tokens are signed with */
#define FILES_SPARE     64 /* descriptors beside those of clients */
#define STUN_MAX        16

/* What was read from files for one configuration of the server; another takes its place at SIGHUP.
 */
struct keys {
    struct adit_buf tokens_text, secret, turn_secret;
    struct adit_hub_token *tokens;
    size_t token_count;
    uint8_t ed25519[32];
    bool has_ed25519;
};

struct run {
    const struct adit_options *o;
    struct adit_loop *loop;
    struct adit_serve *serve;
    struct adit_tls_server *tls;
    struct adit_signals signals;
    struct keys *keys;
    struct adit_cli_turn turn;
    char stun[STUN_MAX][300];
    const char *stun_urls[STUN_MAX];
    unsigned stops;
    int exit_code;
};

/* ---- files ----------------------------------------------------------------------------------- */

static struct keys *keys_free(struct keys *k)
{
    if (!k)
        return NULL;
    adit_buf_done(&k->tokens_text);
    adit_buf_done(&k->secret);
    adit_buf_done(&k->turn_secret);
    adit_free(k->tokens);
    adit_free(k);
    return NULL;
}

static bool bad_file(const char *option, const char *path, const char *why)
{
    adit_log(ADIT_LOG_ERROR, "signal", "--%s %s: %s", option, path, why);
    return false;
}

static void warn_if_readable(const char *option, const char *path)
{
    struct stat st;

    if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & (S_IRGRP | S_IROTH)))
        adit_log(ADIT_LOG_WARN, "signal",
                 "--%s %s: others can read it (chmod 600 would change that), continuing", option,
                 path);
}

/* A whole file, without line ends behind it. True if there is none to read. */
static bool read_file(struct adit_buf *out, size_t max, const char *option, const char *path,
                      bool secret)
{
    int err;

    adit_buf_init(out, max);
    if (!path)
        return true;
    err = adit_file_read(out, path);
    if (err < 0)
        return bad_file(option, path, strerror(-err));
    if (secret)
        warn_if_readable(option, path);
    while (out->len && (out->data[out->len - 1] == '\n' || out->data[out->len - 1] == '\r'))
        out->len--;
    if (memchr(out->data, 0, out->len))
        return bad_file(option, path, "there is a zero byte in it");
    return adit_buf_str(out) != NULL && !out->err;
}

static bool read_tokens(struct keys *k, const char *path)
{
    struct adit_cause cause;

    if (!read_file(&k->tokens_text, ADIT_TOKENS_FILE_MAX, "token-file", path, true))
        return false;
    if (!path)
        return true;
    if (k->tokens_text.len == 0 ||
        adit_tokens_read((char *)k->tokens_text.data, &k->tokens, &k->token_count, &cause) < 0)
        return bad_file("token-file", path,
                        k->tokens_text.len ? cause.text : "it is empty; give a token a line");
    return true;
}

static bool read_public_key(struct keys *k, const char *path)
{
    struct adit_buf pem;
    bool good = read_file(&pem, SECRET_FILE_MAX, "jwt-key", path, false);

    if (good && path) {
        k->has_ed25519 = adit_jwt_pem(k->ed25519, (char *)pem.data, pem.len) == 0;
        good = k->has_ed25519 ||
               bad_file("jwt-key", path,
                        "no Ed25519 public key in PEM (openssl pkey -in key.pem -pubout)");
    }
    adit_buf_done(&pem);
    return good;
}

static struct keys *keys_read(const struct adit_options *o)
{
    struct keys *k = adit_zalloc(sizeof *k);

    if (k && read_tokens(k, o->token_file) &&
        read_file(&k->secret, SECRET_FILE_MAX, "jwt-secret-file", o->jwt_secret_file, true) &&
        read_file(&k->turn_secret, SECRET_FILE_MAX, "turn-secret-file", o->turn_secret_file,
                  true) &&
        read_public_key(k, o->jwt_key)) {
        if (!o->jwt_secret_file || k->secret.len >= SECRET_MIN)
            return k;
        bad_file("jwt-secret-file", o->jwt_secret_file, "less than 16 bytes are too few");
    }
    return keys_free(k);
}

/* ---- configuration --------------------------------------------------------------------------- */

static bool knows_somebody(const struct run *r)
{
    return r->keys->token_count || r->keys->secret.len || r->keys->has_ed25519;
}

/* Without a word about who may come, whoever is on this host may. */
static bool only_here(const struct run *r)
{
    return !r->o->anonymous && !knows_somebody(r);
}

static struct adit_hub_conf hub_conf(const struct run *r)
{
    const struct adit_options *o = r->o;
    const struct keys *k = r->keys;
    struct adit_hub_conf c = {
        .tokens = k->tokens,
        .token_count = k->token_count,
        .keys = { .secret = k->secret.len ? k->secret.data : NULL,
                  .secret_len = k->secret.len,
                  .ed25519 = k->has_ed25519 ? k->ed25519 : NULL,
                  .audience = o->jwt_audience,
                  .skew = ADIT_JWT_SKEW },
        .anonymous = o->anonymous || only_here(r),
        .local_pages = only_here(r),
        .registration = o->registration || o->anonymous || only_here(r),
        .origins = o->origin.items,
        .origin_count = o->origin.count,
        .duplicate = o->duplicate,
        .relay_url = o->relay_url,
        .carry = o->ws_relay == ADIT_WS_RELAY_ON,
        .turn_secret = k->turn_secret.len  ? (const char *)k->turn_secret.data
                       : r->turn.here.turn ? r->turn.secret
                                           : NULL,
        .turn_urls = o->turn_url.items,
        .turn_count = o->turn_url.count,
        .turn_ttl = (unsigned)(o->turn_ttl / ADIT_SEC),
        .stun_urls = r->stun_urls,
        .stun_count = o->stun.count,
        .here = r->turn.here,
        .limits = { .clients = (unsigned)o->max_clients,
                    .per_address = (unsigned)o->max_per_address,
                    .message_rate = (unsigned)o->max_rate,
                    .message_burst = 5 * (unsigned)o->max_rate,
                    .request_rate = (unsigned)o->max_requests,
                    .request_burst = 10 * (unsigned)o->max_requests,
                    .carry_rate = 1024 * (unsigned)o->ws_relay_rate,
                    .carry_mib = (unsigned)o->ws_relay_bytes,
                    .carry_pairs = (unsigned)o->ws_relay_max },
    };

    return c;
}

static bool is_loopback(const char *at)
{
    struct adit_addr addr;

    if (strncmp(at, "unix:", 5) == 0 || strcmp(at, "localhost") == 0 ||
        strncmp(at, "localhost:", 10) == 0)
        return true;
    return adit_addr_parse_port(&addr, at, strlen(at), 1) == 0 &&
           adit_addr_scope(&addr) == ADIT_SCOPE_LOOPBACK;
}

/* 0, or the exit code. */
static int check_options(struct run *r)
{
    const struct adit_options *o = r->o;

    for (size_t i = 0; only_here(r) && i < o->listen.count; i++)
        if (!is_loopback(o->listen.items[i]))
            return adit_cli_usage(o, "listen", o->listen.items[i],
                                  "who may come there? Give --token-file, --jwt-secret-file or "
                                  "--jwt-key, or --anonymous for anybody");
    if (o->turn_url.count && !o->turn_secret_file)
        return adit_cli_usage(o, "turn-url", o->turn_url.items[0],
                              "the server's secret is needed: --turn-secret-file");
    if (o->tls_key && !o->tls_cert)
        return adit_cli_usage(o, "tls-key", o->tls_key, "and --tls-cert?");
    if (o->stun.count > STUN_MAX)
        return adit_cli_usage(o, "stun", o->stun.items[STUN_MAX], "more than 16 of them");
    for (size_t i = 0; i < o->stun.count; i++) {
        const char *s = o->stun.items[i];
        snprintf(r->stun[i], sizeof r->stun[i], "%s%s",
                 adit_str_starts(s, "stun:") || adit_str_starts(s, "stuns:") ? "" : "stun:", s);
        r->stun_urls[i] = r->stun[i];
    }
    return adit_cli_turn_read(&r->turn, o, only_here(r));
}

/* Each client needs a descriptor, and each relayed address. */
static void raise_files(const struct run *r)
{
    rlim_t want = (rlim_t)r->o->max_clients + (rlim_t)r->o->max_clients / 8 + FILES_SPARE +
                  (r->turn.here.turn ? 2 * (rlim_t)r->o->relay_max : 0);
    rlim_t got = adit_cli_raise_files(want);

    if (got < want)
        adit_log(adit_options_given(r->o, ADIT_OPTION_max_clients) ? ADIT_LOG_WARN : ADIT_LOG_DEBUG,
                 "signal",
                 "only %llu files may be open here, for --max-clients %d it takes %llu (ulimit -n, "
                 "LimitNOFILE=), continuing",
                 (unsigned long long)got, r->o->max_clients, (unsigned long long)want);
}

/* ---- running --------------------------------------------------------------------------------- */

static void sum_up(const struct run *r)
{
    struct adit_hub_carried c;

    adit_serve_carried(r->serve, &c);
    if (!c.packets && !c.sessions && !c.too_fast && !c.too_many)
        return;
    adit_log(ADIT_LOG_INFO, "signal",
             "relayed %llu packets (%llu bytes); not relayed: %llu too fast, %llu beyond a limit, "
             "%llu not read in time, %llu for nobody; %llu sessions, %llu messages (%llu bytes)",
             (unsigned long long)c.packets, (unsigned long long)c.bytes,
             (unsigned long long)c.too_fast, (unsigned long long)c.too_many,
             (unsigned long long)c.slow, (unsigned long long)c.nobody,
             (unsigned long long)c.sessions, (unsigned long long)c.messages,
             (unsigned long long)c.message_bytes);
}

static void reload(struct run *r)
{
    struct keys *keys = keys_read(r->o), *old = r->keys;
    struct adit_hub_conf conf;
    struct adit_cause cause;

    if (!keys) {
        adit_log(ADIT_LOG_WARN, "signal", "the old tokens and keys stay in force, continuing");
    } else {
        r->keys = keys;
        conf = hub_conf(r);
        adit_serve_configure(r->serve, &conf);
        keys_free(old);
    }
    if (r->tls && adit_tls_server_reload(r->tls, &cause) < 0)
        adit_log(ADIT_LOG_WARN, "signal", "the old certificate stays: %s, continuing", cause.text);
    sum_up(r);
    adit_cli_turn_sum_up(r->serve);
    adit_log(ADIT_LOG_INFO, "signal", "tokens, keys and certificate were read anew");
}

static void on_stopped(void *arg)
{
    struct run *r = arg;

    adit_loop_stop(r->loop);
}

static void on_signal(void *arg, int signo, adit_time now)
{
    struct run *r = arg;

    (void)now;
    if (signo == SIGHUP) {
        reload(r);
    } else if (r->stops++ == 0) {
        adit_log(ADIT_LOG_INFO, "signal", "says goodbye to %zu connections",
                 adit_serve_count(r->serve));
        sum_up(r);
        adit_cli_turn_sum_up(r->serve);
        adit_serve_stop(r->serve);
    } else {
        adit_loop_stop(r->loop);
    }
}

static int start_tls(struct run *r)
{
    const struct adit_options *o = r->o;
    const struct adit_tls_server_conf conf = {
        .cert = o->tls_cert, .key = o->tls_key, .kept = o->tls_self, .alpn = "http/1.1"
    };
    struct adit_cause cause;

    if (!o->tls && !o->tls_cert && !o->tls_self)
        return 0;
    r->tls = adit_tls_server_new(&conf, &cause);
    if (!r->tls) {
        adit_log(ADIT_LOG_ERROR, "signal", "%s", cause.text);
        return ADIT_EXIT_USAGE;
    }
    if (!o->tls_cert)
        adit_log(ADIT_LOG_INFO, "signal",
                 "nobody knows this certificate: clients are to pin it, adit with --tls-pin %s",
                 adit_tls_server_pin(r->tls));
    return 0;
}

static void announce(const struct run *r)
{
    const char *at;

    for (size_t i = 0; (at = adit_serve_at(r->serve, i)) != NULL; i++)
        adit_log(ADIT_LOG_INFO, "signal", "listens on %s%s", at, r->tls ? ", with TLS" : "");
    adit_cli_turn_announce(&r->turn, r->serve);
    if (only_here(r))
        adit_log(ADIT_LOG_INFO, "signal",
                 "anybody on this host may come, and nobody else: see --token-file, --jwt-key and "
                 "--anonymous in `adit help signal`");
}

static int start(struct run *r)
{
    static const int signos[] = { SIGINT, SIGTERM, SIGHUP, 0 };
    static const struct adit_serve_ops ops = { .stopped = on_stopped };
    const struct adit_options *o = r->o;
    const char *usual = only_here(r) ? "localhost" : "[::]";
    struct adit_serve_conf conf = { .hub = hub_conf(r),
                                    .listen = o->listen.count ? o->listen.items : &usual,
                                    .listen_count = o->listen.count ? o->listen.count : 1,
                                    .port_default = (uint16_t)o->port,
                                    .tls = r->tls,
                                    .state = o->state,
                                    .ping_every = o->ping,
                                    .turn = r->turn.conf,
                                    .behind_proxy = o->behind_proxy };
    struct adit_cause cause;
    char any[8];

    if (!only_here(r) && o->listen.count == 0) { /* both families */
        snprintf(any, sizeof any, ":%d", o->port);
        usual = any;
    }
    r->serve = adit_serve_new(r->loop, &conf, &ops, r, &cause);
    if (!r->serve) {
        adit_log(ADIT_LOG_ERROR, "signal", "%s", cause.text);
        return cause.reason == ADIT_REASON_LOCAL ? ADIT_EXIT_USAGE : ADIT_EXIT_FAILED;
    }
    if (adit_signals_start(&r->signals, r->loop, signos, on_signal, r) < 0)
        return ADIT_EXIT_FAILED;
    announce(r);
    return adit_loop_run(r->loop) < 0 ? ADIT_EXIT_FAILED : ADIT_EXIT_OK;
}

int adit_cmd_signal(const struct adit_options *o)
{
    struct run r = { .o = o };

    r.keys = keys_read(o);
    r.exit_code = r.keys ? check_options(&r) : ADIT_EXIT_USAGE;
    if (!r.exit_code)
        r.exit_code = start_tls(&r);
    if (!r.exit_code) {
        raise_files(&r);
        r.loop = adit_loop_new();
        r.exit_code = r.loop ? start(&r) : ADIT_EXIT_FAILED;
    }
    adit_serve_free(r.serve);
    adit_signals_stop(&r.signals);
    if (r.loop)
        adit_loop_free(r.loop);
    adit_tls_server_free(r.tls);
    keys_free(r.keys);
    return r.exit_code;
}
