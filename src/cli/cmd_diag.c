/* diag: what this network lets through; with a peer, a call that is looked at. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/exit.h"
#include "base/alloc.h"
#include "cli/carry.h"
#include "cli/cli.h"
#include "core/signals.h"
#include "diag/diag.h"

#define TEXT_MAX (256 * 1024) /* bytes of a report */

struct run {
    const struct adit_options *o;
    struct adit_carry carry;
    struct adit_loop *loop;
    struct adit_signals signals;
    struct adit_diag *diag;
    bool terminal, shown; /* there is a line to be wiped */
    int exit_code;
};

static void wipe(struct run *r)
{
    if (r->shown)
        fputs("\r\033[K", stderr);
    r->shown = false;
}

static void on_progress(void *arg, unsigned done, unsigned all, const char *const *waits)
{
    struct run *r = arg;
    char text[64] = "";
    size_t n = 0;

    if (!r->terminal)
        return;
    for (size_t i = 0; waits[i] && n + 16 < sizeof text; i++)
        if (!strstr(text, waits[i]))
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", n ? ", " : ": ", waits[i]);
    fprintf(stderr, "\r\033[K%u of %u%s", done, all, text);
    r->shown = true;
}

static void show(struct run *r)
{
    const json_t *report = adit_diag_report(r->diag);
    struct adit_buf text;

    if (r->o->json) {
        char *json = json_dumps(report, JSON_REAL_PRECISION(10));
        puts(json ? json : "{}");
        free(json);
        return;
    }
    adit_buf_init(&text, TEXT_MAX);
    adit_diag_print(&text, report);
    fputs(adit_buf_str(&text), stdout);
    adit_buf_done(&text);
}

static void on_done(void *arg)
{
    struct run *r = arg;

    wipe(r);
    show(r);
    r->exit_code = adit_diag_exit_code(r->diag);
    adit_loop_stop(r->loop);
}

static void on_signal(void *arg, int signo, adit_time now)
{
    struct run *r = arg;

    (void)signo, (void)now;
    wipe(r);
    adit_loop_stop(r->loop);
}

static struct adit_diag_conf conf_of(const struct run *r)
{
    const struct adit_options *o = r->o;
    const struct adit_peer_conf *peer = &r->carry.peer;

    return (struct adit_diag_conf){
        .stun = peer->stun,
        .stun_count = peer->stun_count,
        .turn = peer->turn,
        .turn_count = peer->turn_count,
        .signal = o->signal,
        .ca = o->ca,
        .pins = o->tls_pin.items,
        .pin_count = o->tls_pin.count,
        .insecure = o->insecure,
        .proxy = o->proxy && strcmp(o->proxy, "none") == 0 ? "" : o->proxy,
        .netif = { .only = peer->bind_dev_count ? peer->bind_devs : NULL,
                   .only_count = peer->bind_dev_count,
                   .ignore = peer->ignore_devs,
                   .ignore_count = peer->ignore_dev_count,
                   .loopback = peer->loopback },
        .lives = o->lives,
    };
}

static int look(struct run *r)
{
    static const int signos[] = { SIGINT, SIGTERM, SIGHUP, 0 };
    static const struct adit_diag_ops ops = { .progress = on_progress, .done = on_done };
    const struct adit_diag_conf conf = conf_of(r);
    int err = adit_signals_start(&r->signals, r->loop, signos, on_signal, r);

    if (!err)
        r->diag = adit_diag_new(r->loop, &conf, &ops, r);
    if (!err && !r->diag)
        err = -ENOMEM;
    if (!err)
        err = adit_loop_run(r->loop);
    r->diag = adit_diag_free(r->diag);
    adit_signals_stop(&r->signals);
    return err;
}

static int diagnose(const struct adit_options *o)
{
    struct run *r = adit_zalloc(sizeof *r);
    int err = -ENOMEM, exit_code = r ? adit_carry_load(&r->carry, o) : ADIT_EXIT_FAILED;

    if (!exit_code) {
        r->o = o;
        r->terminal = adit_log_level >= ADIT_LOG_INFO && isatty(STDERR_FILENO);
        r->exit_code = ADIT_EXIT_FAILED;
        r->loop = adit_loop_new();
        err = r->loop ? look(r) : -errno;
        adit_loop_free(r->loop);
        exit_code = r->exit_code;
    }
    if (err && (!r || r->o))
        adit_log(ADIT_LOG_ERROR, "cli", "cannot start: %s", strerror(-err));
    if (r)
        adit_carry_done(&r->carry);
    adit_free(r);
    return exit_code;
}

int adit_cmd_diag(const struct adit_options *o)
{
    return o->peer.count ? adit_cmd_agent(o) : diagnose(o);
}
