/* serve, proxy over a relay: from options to an app, and the app to its end. */
#include <signal.h>

#include "agent/exit.h"
#include "agent/relayed.h"
#include "cli/carry.h"
#include "cli/cli.h"
#include "core/signals.h"
#include "core/tls.h"

struct run {
    struct adit_loop *loop;
    struct adit_relayed *relayed;
    struct adit_signals signals;
    struct adit_carry carry;
    struct adit_relayed_conf conf;
    struct adit_tls_client *tls;
    int exit_code;
};

static void on_ended(void *arg, int exit_code)
{
    struct run *r = arg;

    r->exit_code = exit_code;
    adit_loop_stop(r->loop);
}

static void on_signal(void *arg, int signo, adit_time now)
{
    (void)signo, (void)now;
    on_ended(arg, ADIT_EXIT_OK);
}

static int read_tls(struct run *r, const struct adit_options *o)
{
    struct adit_tls_client_conf tls = { .ca = o->ca,
                                        .pins = o->tls_pin.items,
                                        .pin_count = o->tls_pin.count,
                                        .insecure = o->insecure };
    struct adit_cause cause;

    r->tls = adit_tls_client_new(&tls, &cause);
    if (!r->tls)
        return adit_cli_usage(o, "ca", o->ca ? o->ca : "", cause.text);
    r->conf.relay.tls = r->tls;
    return 0;
}

static int configure(struct run *r, const struct adit_options *o)
{
    int err = adit_carry_load(&r->carry, o);

    if (err)
        return err;
    r->conf.relay = (struct adit_relay_conf){ .url = o->relay,
                                              .token = o->token,
                                              .second = o->relay_auth == ADIT_RELAY_AUTH_MESSAGE,
                                              .retry_first = o->reconnect,
                                              .retry_max = o->reconnect_max };
    r->conf.proxy = o->proxy && strcmp(o->proxy, "none") == 0 ? "" : o->proxy;
    r->conf.app = &adit_app_streams;
    r->conf.app_extra = &r->carry.streams.conf;
    adit_log(ADIT_LOG_WARN, "cli",
             "a relay reads what it carries: nothing is encrypted from end to end, continuing");
    if (o->insecure)
        adit_log(ADIT_LOG_WARN, "cli",
                 "anybody could be the relay: its certificate is not checked (--insecure), "
                 "continuing");
    return read_tls(r, o);
}

static void run(struct run *r)
{
    static const int signos[] = { SIGINT, SIGTERM, SIGHUP, 0 };
    int err = adit_signals_start(&r->signals, r->loop, signos, on_signal, r);

    if (!err)
        r->relayed = adit_relayed_new(r->loop, &r->conf, on_ended, r, &r->exit_code);
    if (r->relayed)
        err = adit_loop_run(r->loop);
    if (err) {
        adit_log(ADIT_LOG_ERROR, "cli", "cannot wait for events: %s", strerror(-err));
        r->exit_code = ADIT_EXIT_FAILED;
    }
    r->relayed = adit_relayed_free(r->relayed);
    adit_signals_stop(&r->signals);
}

int adit_cmd_relay(const struct adit_options *o)
{
    struct run r = { .exit_code = ADIT_EXIT_OK };

    r.exit_code = configure(&r, o);
    if (!r.exit_code) {
        r.loop = adit_loop_new();
        if (r.loop) {
            run(&r);
            adit_loop_free(r.loop);
        } else {
            adit_log(ADIT_LOG_ERROR, "cli", "cannot start: %s", strerror(errno));
            r.exit_code = ADIT_EXIT_FAILED;
        }
    }
    adit_tls_client_free(r.tls);
    adit_carry_done(&r.carry);
    return r.exit_code;
}
