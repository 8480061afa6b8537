#include "signal/serve.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "core/file.h"
#include "core/tls.h"
#include "signal/serve_inner.h"

/* ---- the log --------------------------------------------------------------------------------- */

/* A flood of clients is no flood of lines. */
bool adit_serve_may_log(struct adit_serve *s)
{
    adit_time second = adit_loop_now(s->loop) / ADIT_SEC;

    if (second != s->log_second) {
        if (s->unlogged)
            adit_log(ADIT_LOG_INFO, "signal", "%u more lines left out", s->unlogged);
        s->log_second = second;
        s->logged = s->unlogged = 0;
    }
    if (s->logged++ < ADIT_SERVE_LOGS_MAX || adit_log_level >= ADIT_LOG_DEBUG)
        return true;
    s->unlogged++;
    return false;
}

static void on_event(void *arg, const struct adit_hub_event *e)
{
    char a[160], b[160], from[ADIT_ADDR_STR];
    struct adit_serve *s = arg;

    if (adit_log_level < ADIT_LOG_INFO || !adit_serve_may_log(s))
        return;
    adit_str_printable(a, sizeof a, e->a, strlen(e->a));
    adit_str_printable(b, sizeof b, e->b, strlen(e->b));
    adit_addr_str(&e->remote, from);
    switch (e->what) {
    case ADIT_HUB_JOINED:
        adit_log(ADIT_LOG_INFO, "signal", "%s: %s is here%s%s", e->dialect, a, *b ? " as " : "", b);
        adit_debug("signal", "%s: %s comes from %s, account \"%s\"", e->dialect, a, from,
                   e->account);
        break;
    case ADIT_HUB_LEFT:
        adit_log(ADIT_LOG_INFO, "signal", "%s: %s has left", e->dialect, a);
        break;
    case ADIT_HUB_MET:
        adit_log(ADIT_LOG_INFO, "signal", "%s: %s meets %s", e->dialect, a, b);
        break;
    case ADIT_HUB_CARRIED:
        adit_log(ADIT_LOG_INFO, "signal", "%s: packets of %s and %s go through this server",
                 e->dialect, a, b);
        break;
    case ADIT_HUB_REFUSED:
        adit_log(ADIT_LOG_INFO, "signal", "%s: %s from %s refused: %s", e->dialect,
                 *a ? a : "somebody", from, b);
        break;
    }
}

/* ---- what the hub asks for ------------------------------------------------------------------- */

static void on_reply(void *arg, void *conn, const struct adit_hub_reply *reply)
{
    (void)arg;
    adit_conn_reply(conn, reply);
}

static void on_accept(void *arg, void *conn, bool bulk)
{
    struct adit_serve *s = arg;

    adit_conn_upgrade(conn, bulk, adit_loop_now(s->loop));
}

static bool on_carry(void *arg, void *conn, const void *bytes, size_t n)
{
    (void)arg;
    return adit_conn_carry(conn, bytes, n);
}

static size_t on_waiting(void *arg, void *conn)
{
    (void)arg;
    return adit_conn_waiting(conn);
}

static void on_pause(void *arg, void *conn, bool paused)
{
    struct adit_serve *s = arg;

    adit_conn_pause(conn, paused, adit_loop_now(s->loop));
}

static void on_send(void *arg, void *conn, bool binary, const void *bytes, size_t n)
{
    (void)arg;
    adit_conn_send(conn, binary, bytes, n);
}

static void on_close(void *arg, void *conn, unsigned code, const char *reason)
{
    (void)arg;
    adit_conn_close(conn, code, reason);
}

static int on_keep(void *arg, const char *state, size_t n)
{
    struct adit_serve *s = arg;
    int err = s->state ? adit_file_write(s->state, state, n, 0600) : 0;

    if (err < 0)
        adit_log(ADIT_LOG_ERROR, "signal", "cannot write %s: %s", s->state, strerror(-err));
    return err;
}

static int64_t on_wall(void *arg)
{
    (void)arg;
    return adit_loop_wall();
}

static const struct adit_hub_ops hub_ops = { .reply = on_reply,
                                             .accept = on_accept,
                                             .send = on_send,
                                             .carry = on_carry,
                                             .waiting = on_waiting,
                                             .pause = on_pause,
                                             .close = on_close,
                                             .keep = on_keep,
                                             .event = on_event,
                                             .wall = on_wall };

/* ---- time ------------------------------------------------------------------------------------ */

void adit_serve_touch(struct adit_serve *s)
{
    adit_loop_before_sleep(s->loop, &s->flush);
}

static void on_flush(struct adit_task *task, adit_time now)
{
    struct adit_serve *s = adit_container_of(task, struct adit_serve, flush);
    adit_time deadline;

    while (!adit_list_empty(&s->dirty)) {
        struct adit_conn *c = adit_container_of(s->dirty.next, struct adit_conn, dirty);
        adit_list_del(&c->dirty);
        adit_conn_flush(c, now);
    }
    if (s->freed)
        return;
    if (s->turn)
        adit_serve_turn_flush(s->turn);
    deadline = adit_hub_deadline(s->hub);
    if (deadline != s->hub_at)
        adit_timer_set(&s->hub_timer, deadline);
    s->hub_at = deadline;
    if (!s->pinging && !(adit_list_empty(&s->quiet) && adit_list_empty(&s->pinged))) {
        s->pinging = true;
        adit_timer_set(&s->ping_timer, now + adit_time_min(s->ping_every, ADIT_SERVE_PONG_TIME));
    }
}

static void on_hub_timer(struct adit_timer *timer, adit_time now)
{
    struct adit_serve *s = adit_container_of(timer, struct adit_serve, hub_timer);

    s->hub_at = ADIT_NEVER;
    adit_hub_tick(s->hub, now);
    adit_serve_touch(s);
}

static void on_ping_timer(struct adit_timer *timer, adit_time now)
{
    struct adit_serve *s = adit_container_of(timer, struct adit_serve, ping_timer);
    adit_time next = adit_conns_ping(s, now);

    /* Whole seconds, so that many are pinged at one waking. */
    s->pinging = next != ADIT_NEVER;
    adit_timer_set(timer, next == ADIT_NEVER ? next : adit_time_max(next, now + ADIT_SEC));
    adit_serve_touch(s);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void on_accepted(void *arg, int fd, const struct adit_addr *from, adit_time now)
{
    adit_conn_accept(arg, fd, from, now);
}

static const struct adit_listen_ops listen_ops = { .accepted = on_accepted };

static void close_doors(struct adit_serve *s)
{
    s->door.listen = adit_listen_free(s->door.listen);
    s->turn_door.listen = adit_listen_free(s->turn_door.listen);
    s->turns_door.listen = adit_listen_free(s->turns_door.listen);
}

static void stopped(struct adit_serve *s)
{
    adit_timer_stop(&s->stop_timer);
    s->stopping = false;
    s->ops->stopped(s->arg);
}

void adit_serve_gone(struct adit_serve *s)
{
    s->conn_count--;
    if (s->stopping && s->conn_count == 0)
        adit_timer_set(&s->stop_timer, 0); /* not from inside of whoever has just gone */
}

static void on_stop_timer(struct adit_timer *timer, adit_time now)
{
    struct adit_serve *s = adit_container_of(timer, struct adit_serve, stop_timer);

    (void)now;
    stopped(s);
}

void adit_serve_stop(struct adit_serve *s)
{
    adit_time now = adit_loop_now(s->loop);
    struct adit_link *it, *tmp;

    if (s->stopping)
        return;
    s->stopping = true;
    close_doors(s);
    adit_hub_shutdown(s->hub, now);
    ADIT_LIST_EACH(&s->conns, it, tmp)
    {
        struct adit_conn *c = adit_container_of(it, struct adit_conn, all);
        if (c->state == ADIT_CONN_READING || c->state == ADIT_CONN_TURN)
            adit_conn_doom(c, "the server is going away");
    }
    adit_timer_set(&s->stop_timer, s->conn_count ? now + ADIT_SERVE_CLOSE_TIME + ADIT_SEC : now);
    adit_serve_touch(s);
}

void adit_serve_configure(struct adit_serve *s, const struct adit_hub_conf *conf)
{
    s->hub_conf = *conf;
    adit_hub_configure(s->hub, &s->hub_conf);
    if (s->turn)
        adit_serve_turn_configure(s->turn);
}

static int load_state(struct adit_serve *s, adit_time now, struct adit_cause *cause)
{
    struct adit_cause why = { .text = "" };
    struct adit_buf text;
    int err;

    if (!s->state)
        return 0;
    adit_buf_init(&text, ADIT_HUB_STATE_MAX);
    err = adit_file_read(&text, s->state);
    if (err == 0)
        err = adit_hub_load(s->hub, (const char *)text.data, text.len, now, &why);
    else if (err == -ENOENT)
        err = 0;
    if (err)
        adit_cause_set(cause, ADIT_REASON_LOCAL, -err, "%.60s: %s", s->state,
                       *why.text ? why.text : strerror(-err));
    adit_buf_done(&text);
    return err;
}

static bool open_door(struct adit_serve_door *door, const char *const *at, size_t count,
                      uint16_t port, struct adit_cause *cause)
{
    const struct adit_listen_conf conf = { .at = at, .count = count, .port_default = port };

    return adit_listen_open(&door->listen, door->serve->loop, &conf, &listen_ops, door, cause) == 0;
}

static bool start_turn(struct adit_serve *s, const struct adit_serve_conf *conf,
                       struct adit_cause *cause)
{
    const struct adit_serve_turn_conf *turn = &conf->turn;
    uint16_t port = conf->hub.here.port;
    char any[8];
    const char *all = any;

    snprintf(any, sizeof any, ":%u", port);
    if (!open_door(&s->turn_door, turn->listen_count ? turn->listen : &all,
                   turn->listen_count ? turn->listen_count : 1, port, cause) ||
        (turn->tls_count && !open_door(&s->turns_door, turn->tls_listen, turn->tls_count,
                                       ADIT_SERVE_TURNS_PORT, cause)))
        return false;
    s->turn = adit_serve_turn_new(s, turn, cause);
    return s->turn != NULL;
}

static bool start(struct adit_serve *s, const struct adit_serve_conf *conf,
                  struct adit_cause *cause)
{
    adit_cause_set(cause, ADIT_REASON_RESOURCE, ENOMEM, "no memory for the server");
    if (conf->state) {
        s->state = adit_strdup(conf->state);
        if (!s->state)
            return false;
    }
    s->hub = adit_hub_new(&s->hub_conf, &hub_ops, s, &s->rng);
    if (!s->hub || load_state(s, adit_loop_now(s->loop), cause) < 0 ||
        !open_door(&s->door, conf->listen, conf->listen_count, conf->port_default, cause))
        return false;
    return !conf->hub.here.stun || start_turn(s, conf, cause);
}

static void on_bury(struct adit_task *task, adit_time now)
{
    (void)now;
    adit_free(adit_container_of(task, struct adit_serve, bury));
}

struct adit_serve *adit_serve_new(struct adit_loop *loop, const struct adit_serve_conf *conf,
                                  const struct adit_serve_ops *ops, void *arg,
                                  struct adit_cause *ret_cause)
{
    struct adit_serve *s = adit_zalloc(sizeof *s);

    if (!s) {
        adit_cause_set(ret_cause, ADIT_REASON_RESOURCE, ENOMEM, "no memory for the server");
        return NULL;
    }
    *s = (struct adit_serve){ .loop = loop,
                              .ops = ops,
                              .arg = arg,
                              .hub_conf = conf->hub,
                              .behind_proxy = conf->behind_proxy,
                              .ping_every =
                                  conf->ping_every ? conf->ping_every : ADIT_SERVE_PING_EVERY,
                              .hub_at = ADIT_NEVER };
    s->door = (struct adit_serve_door){ .serve = s, .tls = conf->tls };
    s->turn_door = (struct adit_serve_door){ .serve = s, .turn_only = true };
    s->turns_door = (struct adit_serve_door){ .serve = s, .tls = conf->tls, .turn_only = true };
    adit_rng_init(&s->rng);
    adit_list_init(&s->conns);
    adit_list_init(&s->dirty);
    adit_list_init(&s->quiet);
    adit_list_init(&s->pinged);
    adit_task_init(&s->flush, on_flush);
    adit_task_init(&s->bury, on_bury);
    adit_timer_init(&s->hub_timer, loop, on_hub_timer, "hub");
    adit_timer_init(&s->ping_timer, loop, on_ping_timer, "pings");
    adit_timer_init(&s->stop_timer, loop, on_stop_timer, "stop");
    return start(s, conf, ret_cause) ? s : adit_serve_free(s);
}

struct adit_serve *adit_serve_free(struct adit_serve *s)
{
    if (!s || s->freed)
        return NULL;
    s->stopping = false;
    close_doors(s);
    while (!adit_list_empty(&s->conns))
        adit_conn_free(adit_container_of(s->conns.next, struct adit_conn, all));
    s->freed = true;
    s->turn = adit_serve_turn_free(s->turn);
    adit_hub_free(s->hub);
    adit_timer_stop(&s->hub_timer);
    adit_timer_stop(&s->ping_timer);
    adit_timer_stop(&s->stop_timer);
    adit_task_cancel(&s->flush);
    adit_free(s->state);
    adit_loop_end_of_round(s->loop, &s->bury); /* we may be inside `stopped` */
    return NULL;
}

void adit_serve_carried(const struct adit_serve *s, struct adit_hub_carried *ret_carried)
{
    adit_hub_carried(s->hub, ret_carried);
}

size_t adit_serve_count(const struct adit_serve *s)
{
    return s->conn_count;
}

const char *adit_serve_at(const struct adit_serve *s, size_t i)
{
    const struct adit_listen *l = s->door.listen;

    return l && i < adit_listen_count(l) ? adit_listen_at(l, i) : NULL;
}
