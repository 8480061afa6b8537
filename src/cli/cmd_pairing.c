/* offer, answer, pair: from options to a session, and the session to its end. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "agent/session.h"
#include "base/str.h"
#include "cli/carry.h"
#include "cli/cli.h"
#include "core/signals.h"

/* Everything that must outlive the session. */
struct run {
    const struct adit_options *o;
    struct adit_loop *loop;
    struct adit_session *session;
    struct adit_signals signals;
    struct adit_session_conf conf;
    struct adit_carry carry;
    int exit_code;
};

/* ---- descriptors ----------------------------------------------------------------------------- */

/* A number is a descriptor that we were given, anything else a file. -1 after it was logged. */
static int open_text(const struct adit_options *o, const char *option, const char *name, int flags,
                     int standard)
{
    uint64_t fd;

    if (!name || strcmp(name, "-") == 0)
        return standard;
    if (adit_str_u64(&fd, name, strlen(name), 0, 65535) < 0)
        fd = (uint64_t)open(name, flags | O_CLOEXEC, 0600);
    else if (fcntl((int)fd, F_GETFD) < 0)
        fd = (uint64_t)-1;
    if ((int)fd < 0)
        adit_cli_usage(o, option, name, strerror(errno));
    return (int)fd;
}

static int open_texts(struct run *r)
{
    /* A FIFO is opened for reading without waiting for its writer: two of us may be given each
     * other's. */
    r->conf.text_in = open_text(r->o, "in", r->o->in, O_RDONLY | O_NONBLOCK, STDIN_FILENO);
    r->conf.text_out = r->conf.text_in < 0 ? -1
                                           : open_text(r->o, "out", r->o->out,
                                                       O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
    return r->conf.text_out < 0 ? ADIT_EXIT_USAGE : 0;
}

/* ---- the session ----------------------------------------------------------------------------- */

static void configure(struct run *r)
{
    static const enum adit_session_role roles[] = {
        [ADIT_COMMAND_OFFER] = ADIT_SESSION_OFFER,    [ADIT_COMMAND_ANSWER] = ADIT_SESSION_ANSWER,
        [ADIT_COMMAND_PAIR] = ADIT_SESSION_PAIR,      [ADIT_COMMAND_SEND] = ADIT_SESSION_OFFER,
        [ADIT_COMMAND_RECEIVE] = ADIT_SESSION_ANSWER,
    };
    const struct adit_options *o = r->o;
    struct adit_session_conf *c = &r->conf;

    c->role = roles[o->command];
    c->form_given = adit_options_given(o, ADIT_OPTION_as);
    c->form = o->as;
    c->qr = o->qr;
    c->timeout = o->timeout;
    c->lanes = r->carry.lanes;
    c->peer = r->carry.peer;
    if (!adit_options_given(o, ADIT_OPTION_hold)) /* nobody is there to say where they are now */
        c->peer.hold = 0;
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

    (void)now;
    if (signo == SIGUSR1) {
        adit_session_report(r->session);
        return;
    }
    if (signo == SIGTSTP) {
        adit_session_suspend(r->session);
        adit_signals_default(signo);
    }
    if (signo == SIGTSTP || signo == SIGCONT)
        adit_session_continue(r->session);
    else
        adit_session_stop(r->session);
}

static void run(struct run *r)
{
    static const int signos[] = { SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGCONT, SIGUSR1, 0 };
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

    r.exit_code = adit_carry_load(&r.carry, o);
    if (!r.exit_code)
        r.exit_code = open_texts(&r);
    if (!r.exit_code) {
        configure(&r);
        r.loop = adit_loop_new();
        if (r.loop) {
            run(&r);
            adit_loop_free(r.loop);
        } else {
            adit_log(ADIT_LOG_ERROR, "cli", "cannot start: %s", strerror(errno));
            r.exit_code = ADIT_EXIT_FAILED;
        }
    }
    adit_carry_done(&r.carry);
    return r.exit_code;
}
