#include "agent/exit.h"
#include "agent/lanes_inner.h"
#include "agent/report.h"
#include "base/alloc.h"
#include "base/log.h"

#define IDLE_MAX (5 * ADIT_SEC)

/* ---- lanes ----------------------------------------------------------------------------------- */

static void free_lane(struct lane *lane)
{
    adit_list_del(&lane->link);
    adit_app_free(lane->app);
    adit_free(lane);
}

/* NULL, and *ret_exit, after it was logged. */
static struct lane *new_lane(struct adit_lanes *l, int *ret_exit)
{
    struct adit_app_conf conf = { .loop = l->loop,
                                  .in = l->conf->in,
                                  .out = l->conf->out,
                                  .peer_is_adit = l->peer_is_adit,
                                  .extra = l->conf->app_extra,
                                  .ops = &adit_lane_app_ops };
    struct lane *lane = adit_zalloc(sizeof *lane);
    int err = -ENOMEM;

    if (lane) {
        adit_list_add(&l->list, &lane->link);
        lane->lanes = l;
        conf.arg = lane;
        lane->app = adit_app_new(l->conf->app, &conf, &err);
        if (lane->app)
            return lane;
        free_lane(lane);
    }
    if (err == -ENOMEM)
        adit_log(ADIT_LOG_ERROR, "session", "out of memory for mode %s", l->conf->app->name);
    *ret_exit = err == -EPERM ? ADIT_EXIT_PERMISSION : ADIT_EXIT_FAILED;
    return NULL;
}

/* A lane without a channel: it was made before there could be one, or its channel went with an
 * association that was aborted. */
static struct lane *waiting_lane(struct adit_lanes *l)
{
    struct lane *lane = adit_list_empty(&l->list) ? NULL : lane_of(l->list.next);

    return lane && !lane->dc && !lane->done ? lane : NULL;
}

static void keep_alive_later(struct adit_lanes *l)
{
    if (l->conf->keepalive)
        adit_timer_set(&l->keepalive, adit_loop_now(l->loop) + l->conf->keepalive_every);
}

static void on_keepalive(struct adit_timer *timer, adit_time now)
{
    struct adit_lanes *l = adit_container_of(timer, struct adit_lanes, keepalive);
    const char *text = l->conf->keepalive;
    struct adit_link *it, *tmp;

    (void)now;
    ADIT_LIST_EACH(&l->list, it, tmp)
    {
        struct lane *lane = lane_of(it);

        /* When there is no room, the channel is busy enough. */
        if (lane->dc && adit_dc_is_open(lane->dc) &&
            adit_dc_send(lane->dc, text, strlen(text), ADIT_BINARY) < 0)
            adit_debug("session", "a keepalive was left out");
    }
    keep_alive_later(l);
}

/* The last layer-2 VPN asks every 2 or 5 s, and hangs up when nobody answers. Its predecessors say
 * the same word every 10 s, and would hand an answer to their device as a frame. */
static void on_peer_keepalive(struct lane *lane)
{
    struct adit_lanes *l = lane->lanes;
    const char *text = l->conf->keepalive_answer;
    adit_time now = adit_loop_now(l->loop);
    bool often = l->kept_at && now - l->kept_at < l->conf->keepalive_every / 4 * 3;

    l->kept_at = now;
    if (text && often && adit_dc_send(lane->dc, text, strlen(text), ADIT_BINARY) < 0)
        adit_debug("session", "a keepalive was not answered");
}

static void on_open(struct adit_dc *dc, void *user)
{
    struct lane *lane = user;
    struct adit_lanes *l = lane->lanes;

    (void)dc;
    if (!l->was_open) {
        l->was_open = true;
        keep_alive_later(l);
        l->ops->opened(l->arg);
    }
    lane->app->conf.peer_is_adit = l->peer_is_adit; /* the app may be older than the peer */
    adit_app_open(lane->app);
}

static void on_message(struct adit_dc *dc, const void *bytes, size_t n, enum adit_dc_kind kind,
                       void *user)
{
    struct lane *lane = user;
    const char *keepalive = lane->lanes->conf->keepalive;

    (void)dc;
    if (keepalive && n == strlen(keepalive) && memcmp(bytes, keepalive, n) == 0)
        on_peer_keepalive(lane);
    else
        adit_app_message(lane->app, bytes, n, kind == ADIT_TEXT);
}

static void on_writable(struct adit_dc *dc, void *user)
{
    struct lane *lane = user;

    (void)dc;
    adit_app_writable(lane->app);
}

static void on_low(struct adit_dc *dc, void *user)
{
    struct lane *lane = user;

    (void)dc;
    adit_app_low(lane->app);
}

/* Not an accident that the connection may survive. */
static bool deliberate(const struct adit_cause *cause)
{
    return cause->reason == ADIT_REASON_LOCAL || cause->reason == ADIT_REASON_REMOTE;
}

static void on_closed(struct adit_dc *dc, const struct adit_cause *cause, void *user)
{
    struct lane *lane = user;
    struct adit_lanes *l = lane->lanes;

    (void)dc;
    lane->dc = NULL;
    adit_lane_resume(lane); /* who cannot come to that any more must not keep the others waiting */
    if (lane->done) {
        l->ops->done(l->arg, lane->exit_code);
    } else if (l->conf->app->many) {
        free_lane(lane);
        if (adit_list_empty(&l->list) && !l->closing)
            adit_timer_set(&l->idle, adit_loop_now(l->loop) + IDLE_MAX);
    } else if (l->conf->app->persistent && !l->closing && (l->conf->stays || !deliberate(cause))) {
        lane->app->is_open = false;
        if (lane->ours && !deliberate(cause))
            adit_loop_before_sleep(l->loop, &l->reopen);
    } else {
        adit_app_closed(lane->app, cause);
    }
}

static const struct adit_dc_callbacks callbacks = {
    .open = on_open,
    .message = on_message,
    .writable = on_writable,
    .low = on_low,
    .closed = on_closed,
};

static void open_dc(struct lane *lane)
{
    struct adit_lanes *l = lane->lanes;
    struct adit_dc_conf conf = l->conf->channel;
    int err = -ENOMEM;

    if (l->conf->lossy_between_adits && l->peer_is_adit) {
        conf.unordered = true;
        conf.max_retransmits = 0;
    }
    conf.on = callbacks;
    conf.user = lane;
    lane->ours = true;
    lane->dc = adit_dc_open(l->peer, &conf, &err);
    if (lane->dc && l->conf->app->in_turn)
        adit_dc_set_in_turn(lane->dc);
    if (lane->dc)
        return;
    adit_log(ADIT_LOG_ERROR, "session", "cannot open a channel: %s", strerror(-err));
    l->ops->failed(l->arg, err == -EINVAL ? ADIT_EXIT_USAGE : ADIT_EXIT_FAILED);
}

/* SCTP was aborted; by now it is set up again, or the connection has ended with it. */
static void on_reopen(struct adit_task *task, adit_time now)
{
    struct adit_lanes *l = adit_container_of(task, struct adit_lanes, reopen);
    struct lane *lane = waiting_lane(l);
    enum adit_peer_state state = adit_peer_state(l->peer);

    (void)now;
    if (lane && !l->closing && state != ADIT_PEER_FAILED && state != ADIT_PEER_CLOSED)
        open_dc(lane);
}

/* ---- for the session ------------------------------------------------------------------------- */

int adit_lanes_prepare(struct adit_lanes *l)
{
    int exit_code = ADIT_EXIT_OK;

    if (l->conf->app->persistent && !waiting_lane(l))
        new_lane(l, &exit_code);
    return exit_code;
}

/* A mode with packets has one lane. */
static void on_datagram(void *arg, const void *bytes, size_t n)
{
    struct adit_lanes *l = arg;

    if (!adit_list_empty(&l->list))
        adit_app_datagram(lane_of(l->list.next)->app, bytes, n, l->peer->rx_ecn);
}

static void on_mtu(void *arg)
{
    struct adit_lanes *l = arg;
    struct adit_link *it, *tmp;

    ADIT_LIST_EACH(&l->list, it, tmp)
    adit_app_sized(lane_of(it)->app);
}

bool adit_lanes_takes_datagrams(const struct adit_lanes_conf *conf)
{
    return conf->app->datagram && !conf->channel_only;
}

const char *adit_lanes_carrier(const struct adit_lanes *l)
{
    if (!l->conf->app->datagram || !l->was_open || !l->peer)
        return NULL;
    return adit_engine_datagrams(l->peer->engine) ? "datagram" : "channel";
}

void adit_lanes_attach(struct adit_lanes *l, struct adit_peer *peer)
{
    l->peer = peer;
    peer->mtu = on_mtu;
    peer->mtu_arg = l;
    if (adit_lanes_takes_datagrams(l->conf))
        adit_peer_take_datagrams(peer, on_datagram, l);
    if (l->device[0] && adit_peer_ignore_device(peer, l->device) < 0)
        adit_log(ADIT_LOG_WARN, "session",
                 "out of memory: the connection may try to go through its own tunnel, continuing");
}

void adit_lanes_open(struct adit_lanes *l)
{
    int exit_code = ADIT_EXIT_OK;
    struct lane *lane = waiting_lane(l);

    if (!lane)
        lane = new_lane(l, &exit_code);
    if (lane)
        open_dc(lane);
    else
        l->ops->failed(l->arg, exit_code);
}

void adit_lanes_accept(struct adit_lanes *l, struct adit_dc *dc)
{
    int exit_code = ADIT_EXIT_OK;
    struct lane *lane = l->closing ? NULL : waiting_lane(l);

    if (!lane && !l->closing && (adit_list_empty(&l->list) || l->conf->app->many))
        lane = new_lane(l, &exit_code);
    if (!lane) {
        adit_dc_close(dc); /* this mode carries one channel */
        if (exit_code)
            l->ops->failed(l->arg, exit_code);
        return;
    }
    adit_timer_stop(&l->idle);
    lane->dc = dc;
    lane->ours = false;
    if (l->conf->app->in_turn)
        adit_dc_set_in_turn(dc);
    adit_dc_set_callbacks(dc, &callbacks, lane);
    on_open(dc, lane);
}

void adit_lanes_path(struct adit_lanes *l, const struct adit_addr *local,
                     const struct adit_addr *remote)
{
    struct adit_link *it, *tmp;

    ADIT_LIST_EACH(&l->list, it, tmp)
    adit_app_path(lane_of(it)->app, local, remote);
}

void adit_lanes_detach(struct adit_lanes *l)
{
    struct adit_link *it, *tmp;

    adit_timer_stop(&l->idle);
    adit_timer_stop(&l->keepalive);
    adit_task_cancel(&l->reopen);
    ADIT_LIST_EACH(&l->list, it, tmp)
    {
        struct lane *lane = lane_of(it);

        if (!l->conf->app->persistent || lane->done) {
            free_lane(lane);
            continue;
        }
        lane->dc = NULL;
        lane->paused = false;
        if (l->was_open)
            adit_app_lost(lane->app);
    }
    if (l->peer) {
        l->peer->mtu = NULL;
        adit_peer_take_datagrams(l->peer, NULL, NULL);
    }
    l->peer = NULL;
    l->paused = 0;
    l->kept_at = 0;
    l->was_open = l->closing = false;
}

void adit_lanes_report(struct adit_lanes *l)
{
    struct adit_link *it, *tmp;

    if (l->peer)
        adit_report_stats(l->peer);
    ADIT_LIST_EACH(&l->list, it, tmp)
    adit_app_report(lane_of(it)->app);
}

bool adit_lanes_empty(const struct adit_lanes *l)
{
    return adit_list_empty(&l->list);
}

void adit_lanes_closing(struct adit_lanes *l)
{
    l->closing = true;
    adit_timer_stop(&l->idle);
}

void adit_lanes_end(struct adit_lanes *l)
{
    struct adit_link *it, *tmp;

    ADIT_LIST_EACH(&l->list, it, tmp)
    {
        struct lane *lane = lane_of(it);

        if (!lane->ending && adit_app_end(lane->app)) {
            lane->ending = true;
            return; /* app_ended comes back here */
        }
    }
    l->ops->ended(l->arg);
}

static void on_idle(struct adit_timer *timer, adit_time now)
{
    struct adit_lanes *l = adit_container_of(timer, struct adit_lanes, idle);

    (void)now;
    adit_lanes_closing(l);
    l->ops->done(l->arg, ADIT_EXIT_OK);
}

void adit_lanes_init(struct adit_lanes *l, struct adit_loop *loop,
                     const struct adit_lanes_conf *conf, const struct adit_lanes_ops *ops,
                     void *arg)
{
    *l = (struct adit_lanes){ .loop = loop, .conf = conf, .ops = ops, .arg = arg };
    adit_list_init(&l->list);
    adit_timer_init(&l->idle, loop, on_idle, "idle");
    adit_timer_init(&l->keepalive, loop, on_keepalive, "keepalive");
    adit_task_init(&l->reopen, on_reopen);
}

void adit_lanes_done(struct adit_lanes *l)
{
    struct adit_link *it, *tmp;

    adit_timer_stop(&l->idle);
    adit_timer_stop(&l->keepalive);
    adit_task_cancel(&l->reopen);
    ADIT_LIST_EACH(&l->list, it, tmp)
    free_lane(lane_of(it));
}
