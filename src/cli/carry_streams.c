/* carry_streams - from options to what runs over a channel with streams. */
#include "cli/carry_streams.h"

#include <unistd.h>

#include "agent/exit.h"
#include "base/alloc.h"
#include "cli/cli.h"
#include "core/tls.h"

#define FILES_SPARE 256 /* descriptors for everything else */
#define MEGABYTE    ((size_t)1024 * 1024)

/* 0 is "as long as it takes" for who writes it, and "the default" for who reads it. */
static adit_time limit(adit_time time)
{
    return time ? time : ADIT_NEVER;
}

/* ---- HTTP ------------------------------------------------------------------------------------ */

static int load_serve(struct adit_carry_streams *c, const struct adit_options *o)
{
    struct adit_tls_client_conf tls = { .ca = o->upstream_ca, .insecure = o->upstream_insecure };
    struct adit_cause cause;

    if (!o->upstream)
        return 0;
    c->tls = adit_tls_client_new(&tls, &cause);
    if (!c->tls)
        return adit_cli_usage(o, "upstream-ca", o->upstream_ca ? o->upstream_ca : "", cause.text);
    if (o->upstream_insecure)
        adit_log(ADIT_LOG_WARN, "cli",
                 "anybody could be the upstream: its certificate is not checked "
                 "(--upstream-insecure), continuing");
    c->serve = (struct adit_http_serve_conf){
        .upstream = o->upstream,
        .tls = c->tls,
        .advertise = o->advertise,
        .keep_host = o->keep_host,
        .forwarded = o->forwarded,
        .head_max = (size_t)o->http_head,
        .exchanges_max = (unsigned)o->http_streams,
        .response_time = limit(o->http_wait),
        .idle_time = limit(o->http_idle),
        .total_time = o->http_total,
    };
    c->conf.serve = &c->serve;
    return 0;
}

static void load_proxy(struct adit_carry_streams *c, const struct adit_options *o)
{
    if (!o->http_listen.count && o->command != ADIT_COMMAND_PROXY)
        return;
    c->proxy = (struct adit_http_proxy_conf){
        .listen = o->http_listen.items,
        .listen_count = o->http_listen.count,
        .basic_auth = o->basic_auth,
        .allow = o->allow_path.items,
        .allow_count = o->allow_path.count,
        .readonly = o->readonly,
        .forwarded = o->forwarded,
        .head_max = (size_t)o->http_head,
        .connections_max = (unsigned)o->http_streams,
        .response_time = limit(o->http_wait),
        .idle_time = limit(o->http_idle),
        .total_time = o->http_total,
    };
    c->conf.proxy = &c->proxy;
}

/* ---- files ----------------------------------------------------------------------------------- */

static void load_files(struct adit_carry_streams *c, const struct adit_options *o)
{
    int progress = o->quiet ? -1 : STDERR_FILENO;

    if (o->command == ADIT_COMMAND_SEND) {
        c->send = (struct adit_send_conf){ .paths = o->file.items,
                                           .count = o->file.count,
                                           .progress_fd = progress };
        c->conf.send = &c->send;
    } else if (o->command == ADIT_COMMAND_RECEIVE) {
        c->receive = (struct adit_receive_conf){ .dir = o->dir ? o->dir : ".",
                                                 .overwrite = o->overwrite,
                                                 .progress_fd = progress };
        c->conf.receive = &c->receive;
    }
}

/* ---- forwards -------------------------------------------------------------------------------- */

static int add_forwards(struct adit_carry_streams *c, const struct adit_options *o,
                        enum adit_fwd_kind kind, const char *option,
                        const struct adit_strings *words)
{
    struct adit_cause cause;

    for (size_t i = 0; i < words->count; i++) {
        if (adit_fwd_parse(&c->list[c->forwards.count], kind, words->items[i], &cause) < 0)
            return adit_cli_usage(o, option, words->items[i], cause.text);
        c->forwards.count++;
    }
    return 0;
}

static int load_list(struct adit_carry_streams *c, const struct adit_options *o)
{
    const struct {
        enum adit_fwd_kind kind;
        const char *option;
        const struct adit_strings *words;
    } rows[] = { { ADIT_FWD_LOCAL, "local-forward", &o->forward_local },
                 { ADIT_FWD_REMOTE, "remote-forward", &o->forward_remote },
                 { ADIT_FWD_SOCKS, "dynamic-forward", &o->forward_socks },
                 { ADIT_FWD_UDP, "udp-forward", &o->forward_udp } };
    size_t count = 0;
    int err = 0;

    for (size_t i = 0; i < ADIT_LEN(rows); i++)
        count += rows[i].words->count;
    c->list = adit_zalloc((count + 1) * sizeof *c->list);
    if (!c->list)
        return ADIT_EXIT_FAILED;
    for (size_t i = 0; !err && i < ADIT_LEN(rows); i++)
        err = add_forwards(c, o, rows[i].kind, rows[i].option, rows[i].words);
    c->forwards.list = c->list;
    return err;
}

static int load_stdio(struct adit_carry_streams *c, const struct adit_options *o)
{
    struct adit_fwd fwd;
    struct adit_cause cause;

    if (!o->forward_stdio)
        return 0;
    if (adit_fwd_parse(&fwd, ADIT_FWD_STDIO, o->forward_stdio, &cause) < 0)
        return adit_cli_usage(o, "stdio-forward", o->forward_stdio, cause.text);
    c->stdio = fwd.to;
    c->forwards.stdio = &c->stdio;
    return 0;
}

static int load_permits(struct adit_carry_streams *c, const struct adit_options *o)
{
    struct adit_cause cause;

    for (size_t i = 0; i < o->permit.count; i++)
        if (adit_permits_add(&c->permits, o->permit.items[i], &cause) < 0)
            return adit_cli_usage(o, "permit", o->permit.items[i], cause.text);
    c->forwards.permits = &c->permits;
    return 0;
}

static int load_forwards(struct adit_carry_streams *c, const struct adit_options *o)
{
    int err = load_list(c, o);

    if (!err)
        err = load_stdio(c, o);
    if (!err)
        err = load_permits(c, o);
    if (c->forwards.count || c->forwards.stdio || o->permit.count)
        c->conf.forwards = &c->forwards;
    return err;
}

/* ---- all of it ------------------------------------------------------------------------------- */

int adit_carry_streams_load(struct adit_carry_streams *c, const struct adit_options *o)
{
    rlim_t files = 2 * (rlim_t)o->http_streams + FILES_SPARE;
    bool outlives; /* the connection */
    int err;

    c->conf.framing = o->framing;
    c->conf.memory = (size_t)o->memory * MEGABYTE;
    err = load_serve(c, o);
    load_proxy(c, o);
    load_files(c, o);
    if (!err)
        err = load_forwards(c, o);
    if (adit_cli_raise_files(files) < files)
        adit_log(ADIT_LOG_DEBUG, "cli", "fewer files may be open here than streams may want");
    outlives = c->conf.proxy || c->conf.send || c->forwards.count || c->forwards.stdio;
    c->app = outlives ? &adit_app_streams : &adit_app_streams_passive;
    return err;
}

void adit_carry_streams_done(struct adit_carry_streams *c)
{
    adit_permits_done(&c->permits);
    adit_free(c->list);
    c->tls = adit_tls_client_free(c->tls);
}
