#include "agent/agent.h"

#include "agent/agent_inner.h"
#include "agent/detour.h"
#include "agent/exit.h"
#include "base/alloc.h"
#include "base/log.h"

/* ---- the end --------------------------------------------------------------------------------- */

static void on_bury(struct adit_task *task, adit_time now)
{
    struct adit_agent *a = adit_container_of(task, struct adit_agent, bury);

    (void)now;
    a->ended(a->arg, a->exit_code);
}

void adit_agent_finish_if_done(struct adit_agent *a)
{
    if (a->stopping && adit_list_empty(&a->members) && !a->signal)
        adit_loop_end_of_round(a->loop, &a->bury);
}

/* Everybody is told goodbye, then the server. */
void adit_agent_end(struct adit_agent *a, int exit_code)
{
    struct adit_link *it, *tmp;

    if (a->stopping)
        return;
    a->stopping = true;
    a->exit_code = exit_code;
    adit_gate_close(a->gate);
    ADIT_LIST_EACH(&a->members, it, tmp)
    {
        struct adit_member *m = adit_container_of(it, struct adit_member, link);

        adit_timer_stop(&m->timer);
        adit_member_forget_pending(m);
        if (m->leaving)
            continue;
        if (adit_call_state(m->call) == ADIT_CALL_IDLE)
            adit_call_wind_up(m->call);
        else
            adit_call_hang_up(m->call, exit_code);
    }
    adit_signal_stop(a->signal);
}

void adit_agent_stop(struct adit_agent *a)
{
    struct adit_link *it, *tmp;

    if (!a->stopping) {
        adit_agent_end(a, a->was_up || !a->conf.connect ? ADIT_EXIT_OK : ADIT_EXIT_FAILED);
        return;
    }
    ADIT_LIST_EACH(&a->members, it, tmp)
    adit_member_free(adit_container_of(it, struct adit_member, link));
    a->signal = adit_signal_free(a->signal);
    adit_agent_finish_if_done(a);
}

/* ---- calling --------------------------------------------------------------------------------- */

void adit_agent_call_out(struct adit_agent *a, struct adit_member *m)
{
    int exit_code;

    if (a->stopping || m->leaving || adit_call_state(m->call) != ADIT_CALL_IDLE)
        return;
    adit_timer_stop(&m->timer);
    adit_member_set_caller(m, NULL, NULL);
    m->we_call = true;
    exit_code = adit_call_offer(m->call);
    if (exit_code)
        adit_agent_end(a, exit_code);
}

/* Asks the server for the peer; PEER follows, or its offer. Where a dialect pairs by itself there
 * is nothing to ask. */
void adit_agent_seek(struct adit_agent *a, struct adit_member *m)
{
    int err;

    m->sought = true;
    err = m->way.calls ? -ENOTSUP : adit_signal_call(a->signal, adit_call_name(m->call));
    if (err == -ENOTSUP && m->offers)
        adit_agent_call_out(a, m);
    else if (err && err != -EAGAIN && err != -ENOTSUP)
        adit_agent_end(a, ADIT_EXIT_SIGNALING);
}

static void on_timer(struct adit_timer *timer, adit_time now)
{
    struct adit_member *m = adit_container_of(timer, struct adit_member, timer);
    struct adit_agent *a = m->agent;

    (void)now;
    if (m->pending.text || m->again) { /* it has waited too long */
        m->again = false;
        adit_member_forget_pending(m);
        return;
    }
    if (m->way.calls || adit_signal_joined(a->signal))
        adit_agent_seek(a, m);
}

/* ---- what calls say -------------------------------------------------------------------------- */

static void on_describe(void *arg, struct adit_call *call, enum adit_signal_type type,
                        const char *sdp, size_t n)
{
    struct adit_member *m = arg;
    int err;

    if (m->way.calls && adit_call_state(call) < ADIT_CALL_UP)
        adit_loop_before_sleep(m->agent->loop, &m->answer);
    if (adit_member_is_by_ticket(m))
        return;
    err = adit_signal_describe(m->agent->signal, adit_member_name(m), type, sdp, n);

    if (adit_call_state(call) >= ADIT_CALL_UP)
        adit_agent_hurry(m->agent);
    else if (err && err != -EAGAIN) /* JOINED brings us back to it */
        adit_log(ADIT_LOG_WARN, "agent", "cannot send our description: %s, continuing",
                 strerror(-err));
}

static void on_candidate(void *arg, struct adit_call *call, const char *candidate)
{
    const struct adit_member *m = arg;
    const struct adit_desc *desc = adit_call_remote(call);
    const char *mid = desc ? desc->mid : "";

    if (adit_member_is_by_ticket(m))
        return;
    /* One of several; who needs none says -ENOTSUP. */
    (void)adit_signal_candidate(m->agent->signal, adit_member_name(m), candidate, mid, -1);
}

static void on_call_state(void *arg, struct adit_call *call)
{
    struct adit_member *m = arg;
    struct adit_agent *a = m->agent;
    enum adit_call_state state = adit_call_state(call);

    if (state == ADIT_CALL_CALLING || state == ADIT_CALL_ASKING)
        m->gone = m->again = m->sought = false;
    if (state == ADIT_CALL_CONNECTING && adit_member_open_input(m) < 0)
        adit_log(ADIT_LOG_WARN, "agent", "out of descriptors: %s gets no input, continuing",
                 m->shown);
    adit_worker_lend(a->worker, adit_call_peer(call));
    adit_detour_update(m);
    if (a->conf.watch)
        a->conf.watch(a->conf.watch_arg, call);
    if (state == ADIT_CALL_UP) {
        adit_agent_avoid_devices(a); /* it may have a new one */
        if (a->tee)
            adit_tee_ready(a->tee, m->outlet);
        m->was_up = true;
        if (m->silent)
            adit_log(ADIT_LOG_INFO, "agent", "%s answers again", m->shown);
        else
            adit_log(ADIT_LOG_INFO, "agent", "connected with %s", m->shown);
        a->was_up = true;
        m->tries = 0;
        adit_member_remember(m);
        if (!adit_member_is_by_ticket(m))
            (void)adit_signal_outcome(a->signal, adit_call_name(call), true);
    }
    m->silent = state == ADIT_CALL_SILENT;
    if (m->silent) {
        adit_log(ADIT_LOG_WARN, "agent", "%s does not answer, continuing", m->shown);
        if (m->pending.text || m->again)
            adit_call_hang_up(call, ADIT_EXIT_OK);
    }
    if (state != ADIT_CALL_IDLE) /* on_ended knows more */
        adit_notify_state(a->notify, "peer", adit_call_name(call), adit_call_state_name(state),
                          NULL);
}

/* An attempt that cannot do better the next time. */
static bool hopeless(int exit_code)
{
    return exit_code == ADIT_EXIT_USAGE || exit_code == ADIT_EXIT_PERMISSION ||
           exit_code == ADIT_EXIT_REFUSED;
}

static void let_go(struct adit_member *m)
{
    m->leaving = true;
    adit_call_wind_up(m->call); /* on_gone follows, perhaps at once */
}

/* connect: nothing more is to be done for this peer. With the last one the agent ends. */
static void leave(struct adit_agent *a, struct adit_member *m, int exit_code)
{
    bool alone = a->members.next == &m->link && m->link.next == &a->members;

    if (!a->left_code)
        a->left_code = exit_code;
    if (alone)
        adit_agent_end(a, a->left_code);
    else
        let_go(m);
}

static void on_ended(void *arg, struct adit_call *call, int exit_code, bool finished,
                     const struct adit_cause *cause)
{
    struct adit_member *m = arg;
    struct adit_agent *a = m->agent;
    bool normal = cause->reason == ADIT_REASON_REMOTE || cause->reason == ADIT_REASON_LOCAL;
    bool failed = exit_code != ADIT_EXIT_OK;
    bool over = finished || (normal && !failed && !a->conf.call.lanes.stays);

    adit_member_stop_asking(m);
    adit_member_close_input(m);
    adit_notify_state(a->notify, "peer", adit_call_name(call), failed ? "failed" : "closed", cause);
    if (failed && !finished && exit_code != ADIT_EXIT_REFUSED)
        adit_log(ADIT_LOG_WARN, "agent", "%s: %s", m->shown, cause->text);
    else if (!failed && m->was_up)
        adit_log(ADIT_LOG_INFO, "agent", "the connection with %s is closed", m->shown);
    if (failed && !adit_member_is_by_ticket(m))
        (void)adit_signal_outcome(a->signal, adit_call_name(call), false);
    adit_detour_advise(a, m, exit_code);
    if (a->stopping) {
        adit_call_wind_up(call);
        return;
    }
    if (adit_member_resume(m))
        return;
    if ((a->conf.once && m->was_up) || (a->conf.until_done && finished && !failed) ||
        (failed && a->conf.exit_on_failure)) {
        adit_agent_end(a, exit_code);
        return;
    }
    m->was_up = false;
    if (a->conf.connect && (over || hopeless(exit_code)))
        leave(a, m, exit_code);
    else if (a->conf.connect)
        adit_member_call_later(m);
    else if (!a->conf.single && !a->conf.call.lanes.stays)
        let_go(m);
}

static void on_gone(void *arg, struct adit_call *call)
{
    struct adit_member *m = arg;
    struct adit_agent *a = m->agent;

    (void)call;
    adit_member_free(m);
    if (a->conf.connect && adit_list_empty(&a->members))
        adit_agent_end(a, a->left_code); /* two left at once */
    adit_agent_finish_if_done(a);
}

static const struct adit_call_ops call_ops = {
    .admit = adit_member_admit,
    .describe = on_describe,
    .candidate = on_candidate,
    .state = on_call_state,
    .ended = on_ended,
    .gone = on_gone,
};

/* ---- life ------------------------------------------------------------------------------------ */

struct adit_member *adit_agent_add(struct adit_agent *a, const char *name)
{
    struct adit_member *m = adit_member_new(a, name, &call_ops);

    if (m)
        adit_timer_init(&m->timer, a->loop, on_timer, "agent");
    return m;
}

/* What the other ends of this dialect are used to. */
static void follow_dialect(struct adit_agent *a)
{
    const struct adit_dialect_traits *t = adit_signal_traits(a->signal);
    struct adit_call_conf *c = &a->conf.call;

    c->complete = t->complete;
    c->trickle = t->trickle;
    if (!a->conf.label_given && t->label)
        c->lanes.channel.label = t->label;
    c->lanes.text_as_binary = t->text_is_binary && c->lanes.app->lines;
    if (t->keepalive && *t->keepalive) {
        c->lanes.keepalive = t->keepalive;
        c->lanes.keepalive_every = t->keepalive_every;
        c->lanes.keepalive_answer = t->keepalive_answer;
    }
    if (!c->peer.stun_count && t->stun) {
        c->peer.stun = t->stun;
        while (t->stun[c->peer.stun_count])
            c->peer.stun_count++;
    }
}

static void on_timeout(struct adit_timer *timer, adit_time now)
{
    struct adit_agent *a = adit_container_of(timer, struct adit_agent, timeout);

    (void)now;
    if (a->was_up)
        return;
    adit_log(ADIT_LOG_ERROR, "agent", "timed out: no connection to the other side");
    adit_detour_advise(a, NULL, ADIT_EXIT_NO_PATH);
    adit_agent_end(a, adit_signal_joined(a->signal) ? ADIT_EXIT_NO_PATH : ADIT_EXIT_SIGNALING);
}

/* Who we are, for the other side to compare. 0, or an exit code after it was logged. */
static int find_identity(struct adit_agent *a)
{
    const struct adit_peer_conf *c = &a->conf.call.peer;
    struct adit_cert *cert = NULL;
    struct adit_fingerprint fp;
    struct adit_cause cause;

    if (c->cert)
        cert = adit_cert_load(c->cert, c->key, &cause);
    else if (c->identity)
        cert = adit_cert_load_or_create(c->identity, &cause);
    else
        return ADIT_EXIT_OK;
    if (!cert) {
        adit_log(ADIT_LOG_ERROR, "agent", "%s", cause.text);
        return ADIT_EXIT_USAGE;
    }
    adit_cert_fingerprint(cert, ADIT_HASH_SHA256, &fp);
    adit_fingerprint_print(&fp, a->fingerprint);
    adit_cert_free(cert);
    return ADIT_EXIT_OK;
}

/* What cannot work fails before anybody is called: 0, or an exit code after it was logged. */
static int start(struct adit_agent *a)
{
    const struct adit_agent_conf *c = &a->conf;
    struct adit_cause cause;
    int err = find_identity(a);

    if (err)
        return err;
    if (adit_notify_new(&a->notify, a->loop, &c->notify) < 0) {
        adit_log(ADIT_LOG_ERROR, "agent", "out of memory");
        return ADIT_EXIT_FAILED;
    }
    err = adit_signal_new(&a->signal, a->loop, &c->signal, &adit_agent_signal_ops, a, &cause);
    if (err) {
        adit_log(ADIT_LOG_ERROR, "agent", "%s", cause.text);
        return err == -ENOMEM ? ADIT_EXIT_FAILED : ADIT_EXIT_USAGE;
    }
    follow_dialect(a);
    adit_agent_watch_network(a);
    if (adit_signal_uses_udp(a->signal)) {
        err = adit_worker_new(&a->worker, a->loop, &a->conf.call.peer, &a->signal);
        if (err) {
            adit_log(ADIT_LOG_ERROR, "agent", "no UDP port: %s (see --udp-port)", strerror(-err));
            return ADIT_EXIT_FAILED;
        }
    }
    err = adit_agent_open_port(a);
    if (err)
        return err;
    if (c->call.lanes.app->lines)
        a->tee = adit_tee_new(a->loop, c->call.lanes.in, !c->connect && !c->once);
    err = adit_agent_prepare(a);
    if (err)
        return err;
    adit_agent_call_by_tickets(a);
    if (c->connect && c->timeout)
        adit_timer_set(&a->timeout, adit_loop_now(a->loop) + c->timeout);
    return ADIT_EXIT_OK;
}

struct adit_agent *adit_agent_new(struct adit_loop *loop, const struct adit_agent_conf *conf,
                                  void (*ended)(void *arg, int exit_code), void *arg, int *ret_exit)
{
    struct adit_agent *a = adit_zalloc(sizeof *a);

    if (!a) {
        adit_log(ADIT_LOG_ERROR, "agent", "out of memory");
        *ret_exit = ADIT_EXIT_FAILED;
        return NULL;
    }
    a->loop = loop;
    a->since = adit_loop_now(loop);
    a->conf = *conf;
    if (!a->conf.calls_max)
        a->conf.calls_max = ADIT_AGENT_CALLS_MAX;
    a->ended = ended;
    a->arg = arg;
    adit_rng_init(&a->rng);
    adit_list_init(&a->members);
    adit_task_init(&a->bury, on_bury);
    adit_timer_init(&a->timeout, loop, on_timeout, "timeout");
    *ret_exit = start(a);
    return *ret_exit ? adit_agent_free(a) : a;
}

struct adit_agent *adit_agent_free(struct adit_agent *a)
{
    struct adit_link *it, *tmp;

    if (!a)
        return NULL;
    ADIT_LIST_EACH(&a->members, it, tmp)
    adit_member_free(adit_container_of(it, struct adit_member, link));
    adit_tee_free(a->tee);
    adit_netif_watch_stop(&a->network);
    adit_agent_stop_greeting(a);
    adit_worker_free(a->worker);
    adit_gate_free(a->gate);
    adit_port_free(a->port);
    adit_signal_free(a->signal);
    adit_notify_free(a->notify);
    adit_task_cancel(&a->bury);
    adit_timer_stop(&a->timeout);
    adit_agent_forget_servers(a);
    adit_agent_forget_devices(a);
    adit_free(a);
    return NULL;
}
