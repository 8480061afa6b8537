/* serve_turn.c - the STUN and TURN server: what its engine asks for, and connections that speak it.
 */
#include "signal/serve_turn.h"

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "relay/frame.h"

#define SILENCE (30 * ADIT_SEC) /* of a connection that has no allocation */

/* ---- what the engine asks for ---------------------------------------------------------------- */

static void send_datagram(struct adit_serve_turn *t, const struct adit_turnd_flow *flow,
                          const uint8_t *bytes, size_t n)
{
    struct adit_serve_socket *s = flow->path ? flow->path : adit_serve_ports_at(t, &flow->local);

    if (s)
        adit_udp_send(&s->udp, &flow->client, bytes, n);
}

/* A client that does not read loses packets, as in a network; half of the queue is for answers. */
static void on_send(void *arg, const struct adit_turnd_flow *flow, const uint8_t *bytes, size_t n,
                    bool data)
{
    struct adit_conn *c = flow->path;

    if (!flow->stream)
        send_datagram(arg, flow, bytes, n);
    else if (!c->doomed && (!data || adit_stream_room(c->stream) >= ADIT_SERVE_QUEUE_MAX / 2) &&
             adit_stream_send(c->stream, bytes, n) < 0 && !data)
        adit_conn_doom(c, "reads too slowly");
}

static int on_open(void *arg, struct adit_turnd_port *port, const struct adit_turnd_wish *wish)
{
    return adit_serve_ports_open(arg, port, wish);
}

static void on_close(void *arg, struct adit_turnd_port *port)
{
    (void)arg;
    adit_serve_ports_close(port);
}

static void on_emit(void *arg, struct adit_turnd_port *port, const struct adit_addr *peer,
                    const uint8_t *bytes, size_t n, bool whole)
{
    struct adit_serve_relayed *r = port->owner;

    (void)arg;
    if (whole)
        adit_udp_send_whole(&r->udp, peer, bytes, n);
    else
        adit_udp_send(&r->udp, peer, bytes, n);
}

static bool on_own(void *arg, const struct adit_addr *addr)
{
    return adit_serve_ports_own(arg, addr);
}

static void limit_silence(const struct adit_turnd_flow *flow, adit_time at)
{
    const struct adit_conn *c = flow->path;

    if (flow->stream)
        adit_stream_limit(c->stream, at, "has no allocation, and says nothing");
}

static void on_event(void *arg, const struct adit_turnd_event *e)
{
    char from[ADIT_ADDR_STR], relayed[ADIT_ADDR_STR], user[160];
    struct adit_serve_turn *t = arg;

    if (e->what == ADIT_TURND_ENDED)
        limit_silence(e->flow, adit_loop_now(t->serve->loop) + SILENCE);
    if (adit_log_level < ADIT_LOG_INFO || !adit_serve_may_log(t->serve))
        return;
    adit_str_printable(user, sizeof user, e->user, strlen(e->user));
    adit_addr_str(&e->flow->client, from);
    adit_addr_str(&e->relayed, relayed);
    switch (e->what) {
    case ADIT_TURND_ALLOCATED:
        adit_log(ADIT_LOG_INFO, "turn", "%s has a relayed address, one of %zu", user,
                 adit_turnd_count(t->engine));
        adit_debug("turn", "%s comes from %s and has %s", user, from, relayed);
        break;
    case ADIT_TURND_ENDED:
        adit_log(ADIT_LOG_INFO, "turn", "%s has given it back: %llu bytes relayed, %llu too many",
                 user, (unsigned long long)e->bytes, (unsigned long long)e->lost_bytes);
        break;
    case ADIT_TURND_REFUSED:
        adit_log(ADIT_LOG_INFO, "turn", "%s from %s refused: %d", *user ? user : "somebody", from,
                 e->error);
        break;
    }
}

static int64_t on_wall(void *arg)
{
    (void)arg;
    return adit_loop_wall();
}

static const struct adit_turnd_ops engine_ops = { .send = on_send,
                                                  .open = on_open,
                                                  .close = on_close,
                                                  .emit = on_emit,
                                                  .own = on_own,
                                                  .event = on_event,
                                                  .wall = on_wall };

/* ---- connections ----------------------------------------------------------------------------- */

static struct adit_turnd_flow flow_of(struct adit_conn *c)
{
    return (struct adit_turnd_flow){ .path = c, .stream = true, .client = c->from };
}

size_t adit_conn_read_turn(struct adit_conn *c, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_turnd *engine = c->serve->turn->engine;
    const struct adit_turnd_flow flow = flow_of(c);
    size_t used = 0;
    int len = 0;

    while (!c->doomed && (len = adit_turnd_frame(bytes + used, n - used)) > 0) {
        adit_turnd_feed(engine, &flow, bytes + used, (size_t)len, now);
        used += (size_t)len;
    }
    if (len < 0)
        adit_conn_doom(c, "what it sends is neither STUN nor ChannelData");
    else if (used)
        limit_silence(&flow, adit_turnd_has(engine, &flow) ? ADIT_NEVER : now + SILENCE);
    return used;
}

void adit_conn_leave_turn(struct adit_conn *c, adit_time now)
{
    const struct adit_turnd_flow flow = flow_of(c);

    if (c->serve->turn)
        adit_turnd_gone(c->serve->turn->engine, &flow, now);
}

/* ---- life ------------------------------------------------------------------------------------ */

void adit_serve_turn_flush(struct adit_serve_turn *t)
{
    adit_time deadline = adit_turnd_deadline(t->engine);

    if (deadline != t->at)
        adit_timer_set(&t->timer, deadline);
    t->at = deadline;
}

static void on_timer(struct adit_timer *timer, adit_time now)
{
    struct adit_serve_turn *t = adit_container_of(timer, struct adit_serve_turn, timer);

    t->at = ADIT_NEVER;
    adit_turnd_tick(t->engine, now);
    adit_serve_touch(t->serve);
}

void adit_serve_turn_configure(struct adit_serve_turn *t)
{
    if (adit_turnd_secret(t->engine, t->serve->hub_conf.turn_secret) < 0)
        adit_log(ADIT_LOG_WARN, "turn", "no memory: the old secret stays in force, continuing");
}

struct adit_serve_turn *adit_serve_turn_new(struct adit_serve *s,
                                            const struct adit_serve_turn_conf *conf,
                                            struct adit_cause *ret_cause)
{
    struct adit_turnd_conf engine = { .turn = s->hub_conf.here.turn,
                                      .secret = s->hub_conf.turn_secret,
                                      .allow = conf->allow,
                                      .allow_count = conf->allow_count,
                                      .limits = conf->limits };
    struct adit_serve_turn *t = adit_zalloc(sizeof *t);

    adit_cause_set(ret_cause, ADIT_REASON_RESOURCE, ENOMEM, "no memory for the TURN server");
    if (!t)
        return NULL;
    t->serve = s;
    t->at = ADIT_NEVER;
    adit_list_init(&t->sockets);
    adit_timer_init(&t->timer, s->loop, on_timer, "turn");
    if (!adit_serve_ports_start(t, conf, ret_cause))
        return adit_serve_turn_free(t);
    memcpy(engine.others, t->others, sizeof engine.others);
    t->engine = adit_turnd_new(&engine, &engine_ops, t, &s->rng);
    return t->engine ? t : adit_serve_turn_free(t);
}

struct adit_serve_turn *adit_serve_turn_free(struct adit_serve_turn *t)
{
    if (!t)
        return NULL;
    t->engine = adit_turnd_free(t->engine);
    adit_serve_ports_stop(t);
    adit_timer_stop(&t->timer);
    adit_free(t);
    return NULL;
}

const struct adit_turnd_stats *adit_serve_turn_stats(const struct adit_serve *s)
{
    return s->turn ? adit_turnd_stats(s->turn->engine) : NULL;
}

const struct adit_addr *adit_serve_turn_at(const struct adit_serve *s, size_t i)
{
    const struct adit_link *it = s->turn ? s->turn->sockets.next : NULL;

    while (it && it != &s->turn->sockets && i-- > 0)
        it = it->next;
    if (!it || it == &s->turn->sockets)
        return NULL;
    return adit_udp_local(&adit_container_of(it, struct adit_serve_socket, link)->udp);
}
