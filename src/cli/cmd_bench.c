/* bench: a call in mode bench; or both ends of a connection in this process, for what the host
 * itself can do. */
#include <signal.h>
#include <stdio.h>

#include "agent/exit.h"
#include "agent/lanes.h"
#include "agent/report.h"
#include "base/alloc.h"
#include "cli/carry.h"
#include "cli/cli.h"
#include "core/signals.h"

#define CONNECT_MAX (10 * ADIT_SEC) /* within this host */
#define TEXT_SIZE   4096

struct end {
    struct self *self;
    struct adit_peer *peer;
    struct adit_lanes lanes;
    struct adit_lanes_conf conf;
    struct adit_bench_conf bench;
    bool gathered;
};

/* The first one asks. */
struct self {
    struct adit_loop *loop;
    struct adit_signals signals;
    struct adit_timer limit;
    struct end ends[2];
    int exit_code;
};

static void finish(struct self *self, int exit_code)
{
    self->exit_code = exit_code;
    adit_loop_stop(self->loop);
}

static void fail(struct self *self, int exit_code, const char *text)
{
    adit_log(ADIT_LOG_ERROR, "cli", "%s", text);
    finish(self, exit_code);
}

/* ---- the two meet ---------------------------------------------------------------------------- */

static int hand_over(struct end *from, struct end *to, struct adit_cause *cause)
{
    char text[TEXT_SIZE];
    int n = adit_peer_describe(from->peer, ADIT_FORM_SDP, text, sizeof text);

    adit_cause_set(cause, ADIT_REASON_RESOURCE, 0, "cannot describe ourselves");
    return n < 0 ? n : adit_peer_accept(to->peer, text, (size_t)n, cause);
}

static void on_gathered(struct adit_peer *peer, void *user)
{
    struct end *e = user, *ends = e->self->ends;
    struct adit_cause cause;

    (void)peer;
    e->gathered = true;
    if (!ends[0].gathered || !ends[1].gathered)
        return;
    if (hand_over(&ends[0], &ends[1], &cause) < 0 || hand_over(&ends[1], &ends[0], &cause) < 0)
        fail(e->self, ADIT_EXIT_FAILED, cause.text);
    else
        adit_lanes_open(&ends[0].lanes);
}

static void on_channel(struct adit_peer *peer, struct adit_dc *dc, void *user)
{
    struct end *e = user;

    (void)peer;
    adit_lanes_accept(&e->lanes, dc);
}

static void on_state(struct adit_peer *peer, enum adit_peer_state state,
                     const struct adit_cause *cause, void *user)
{
    struct end *e = user;

    (void)peer;
    if (state == ADIT_PEER_FAILED)
        fail(e->self, adit_exit_of(cause), cause->text);
}

static void on_opened(void *arg)
{
    struct end *e = arg;

    adit_timer_stop(&e->self->limit);
    if (e == e->self->ends)
        adit_report_connected(e->peer);
}

/* The end that answers has nothing to say. */
static void on_done(void *arg, int exit_code)
{
    struct end *e = arg;

    if (e == e->self->ends || exit_code)
        finish(e->self, exit_code);
}

static void on_failed(void *arg, int exit_code)
{
    finish(((struct end *)arg)->self, exit_code);
}

static void on_limit(struct adit_timer *timer, adit_time now)
{
    (void)now;
    fail(adit_container_of(timer, struct self, limit), ADIT_EXIT_NO_PATH,
         "cannot reach ourselves: is the interface lo up?");
}

static void on_signal(void *arg, int signo, adit_time now)
{
    struct self *self = arg;

    (void)now;
    if (signo == SIGUSR1)
        adit_lanes_report(&self->ends[0].lanes);
    else
        finish(self, ADIT_EXIT_FAILED);
}

/* ---- life ------------------------------------------------------------------------------------ */

static int start_end(struct self *self, struct end *e, const struct adit_carry *carry)
{
    static const struct adit_lanes_ops ops = { .opened = on_opened,
                                               .done = on_done,
                                               .failed = on_failed };
    static const char *const lo[] = { "lo" };
    struct adit_peer_conf conf = {
        .size = sizeof conf,
        .bind_devs = lo,
        .bind_dev_count = 1,
        .loopback = true,
        .udp_offload = carry->peer.udp_offload,
        .on = { .gathered = on_gathered, .channel = on_channel, .state = on_state },
        .user = e
    };
    bool asks = e == self->ends;
    struct adit_cause cause;

    e->self = self;
    e->bench = carry->bench;
    e->bench.shared = true;
    e->bench.role = asks ? ADIT_BENCH_ASKS : ADIT_BENCH_ANSWERS;
    e->conf = carry->lanes;
    e->conf.app_extra = &e->bench;
    if (!asks)
        e->conf.out = -1;
    adit_lanes_init(&e->lanes, self->loop, &e->conf, &ops, e);
    e->lanes.peer_is_adit = true;
    e->peer = adit_peer_new(self->loop, &conf, &cause);
    if (!e->peer) {
        adit_log(ADIT_LOG_ERROR, "cli", "%s", cause.text);
        return -ENOMEM;
    }
    adit_lanes_attach(&e->lanes, e->peer);
    if (asks)
        adit_peer_offer(e->peer);
    return 0;
}

static void stop_end(struct end *e)
{
    if (!e->self)
        return;
    adit_lanes_detach(&e->lanes);
    adit_peer_free(e->peer);
    adit_lanes_done(&e->lanes);
}

static void run(struct self *self, const struct adit_carry *carry)
{
    static const int signos[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1, 0 };
    int err = adit_signals_start(&self->signals, self->loop, signos, on_signal, self);

    adit_timer_init(&self->limit, self->loop, on_limit, "limit");
    adit_timer_set(&self->limit, adit_loop_now(self->loop) + CONNECT_MAX);
    for (size_t i = 0; !err && i < ADIT_LEN(self->ends); i++)
        err = start_end(self, &self->ends[i], carry);
    if (!err)
        err = adit_loop_run(self->loop);
    if (err)
        fail(self, ADIT_EXIT_FAILED, "cannot start");
    adit_timer_stop(&self->limit);
    for (size_t i = 0; i < ADIT_LEN(self->ends); i++)
        stop_end(&self->ends[i]);
    adit_signals_stop(&self->signals);
}

static int measure_self(const struct adit_options *o)
{
    struct adit_carry *carry = adit_zalloc(sizeof *carry);
    struct self *self = adit_zalloc(sizeof *self);
    int exit_code = carry && self ? adit_carry_load(carry, o) : ADIT_EXIT_FAILED;

    if (!exit_code && (self->loop = adit_loop_new())) {
        run(self, carry);
        adit_loop_free(self->loop);
        exit_code = self->exit_code;
    } else if (!exit_code || !carry || !self) {
        adit_log(ADIT_LOG_ERROR, "cli", "cannot start: %s", strerror(errno));
        exit_code = ADIT_EXIT_FAILED;
    }
    if (carry)
        adit_carry_done(carry);
    adit_free(carry);
    adit_free(self);
    return exit_code;
}

static bool on_line(const struct adit_options *o, enum adit_option option)
{
    return o->source[option] == ADIT_SOURCE_LINE;
}

int adit_cmd_bench(const struct adit_options *o)
{
    /* A server that is configured for other things is not asked for. */
    bool meet = o->peer.count || on_line(o, ADIT_OPTION_signal) ||
                on_line(o, ADIT_OPTION_signal_exec) || on_line(o, ADIT_OPTION_signal_file) ||
                on_line(o, ADIT_OPTION_ticket_file);

    return o->loopback && !meet ? measure_self(o) : adit_cmd_agent(o);
}
