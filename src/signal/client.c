#include "signal/client.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"
#include "signal/client_inner.h"
#include "signal/say.h"

#define LEAVE_MAX (5 * ADIT_SEC)

/* ---- events ---------------------------------------------------------------------------------- */

/* Copies `text` behind *io_room and moves that; NULL stays NULL. */
static const char *keep(char **io_room, const char *text)
{
    char *copy = *io_room;
    size_t n = text ? strlen(text) + 1 : 0;

    if (!text)
        return NULL;
    memcpy(copy, text, n);
    *io_room += n;
    return copy;
}

static size_t size_of(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

static struct adit_client_event *copy_of(const struct adit_signal_event *e)
{
    size_t n = size_of(e->peer) + size_of(e->text) + size_of(e->mid) + size_of(e->transport) +
               size_of(e->session) + size_of(e->relay_url) + size_of(e->relay_token);
    struct adit_client_event *x;
    char *room;

    for (unsigned i = 0; i < e->server_count; i++)
        n += size_of(e->servers[i].url) + size_of(e->servers[i].username) +
             size_of(e->servers[i].credential);
    x = adit_zalloc(sizeof *x + n);
    if (!x)
        return NULL;
    room = x->strings;
    x->event = *e;
    x->event.peer = keep(&room, e->peer);
    x->event.text = keep(&room, e->text);
    x->event.mid = keep(&room, e->mid);
    x->event.transport = keep(&room, e->transport);
    x->event.session = keep(&room, e->session);
    x->event.relay_url = keep(&room, e->relay_url);
    x->event.relay_token = keep(&room, e->relay_token);
    x->event.servers = x->servers;
    for (unsigned i = 0; i < e->server_count; i++) {
        x->servers[i].url = keep(&room, e->servers[i].url);
        x->servers[i].username = keep(&room, e->servers[i].username);
        x->servers[i].credential = keep(&room, e->servers[i].credential);
    }
    return x;
}

void adit_client_event(struct adit_signal *s, const struct adit_signal_event *event)
{
    struct adit_client_event *x = s->event_count < ADIT_CLIENT_EVENTS_MAX ? copy_of(event) : NULL;

    if (!x) {
        adit_client_fail_text(s, ADIT_REASON_RESOURCE, ENOMEM,
                              "no memory for what the server says");
        return;
    }
    adit_list_add(&s->events, &x->link);
    s->event_count++;
    adit_loop_before_sleep(s->loop, &s->deliver);
}

void adit_client_tell(struct adit_signal *s, enum adit_signal_what what,
                      const struct adit_cause *cause, bool final)
{
    struct adit_signal_event e = ADIT_SIGNAL_EVENT(what);

    e.final = final;
    if (cause)
        e.cause = *cause;
    adit_client_event(s, &e);
}

void adit_client_seen(struct adit_signal *s, const struct adit_http1_head *head)
{
    const char *text = adit_http1_get_one(head, ADIT_SIGNAL_SEEN_HEADER);
    struct adit_signal_event e = ADIT_SIGNAL_EVENT(ADIT_SIGNAL_SEEN);
    struct adit_addr *before;
    bool elsewhere;

    if (!text || s->has_proxy || adit_addr_parse(&e.addr, text, strlen(text)) < 0)
        return;
    before = &s->seen[e.addr.family == ADIT_FAMILY_V6];
    elsewhere = before->family && !adit_addr_equal_ip(before, &e.addr);
    *before = e.addr;
    if (elsewhere)
        adit_client_event(s, &e);
}

static struct adit_client_event *take_event(struct adit_signal *s)
{
    struct adit_client_event *x;

    if (adit_list_empty(&s->events))
        return NULL;
    x = adit_container_of(s->events.next, struct adit_client_event, link);
    adit_list_del(&x->link);
    s->event_count--;
    return x;
}

static void bury(struct adit_signal *s)
{
    struct adit_client_event *x;

    while ((x = take_event(s)) != NULL)
        adit_free(x);
    adit_client_packets_drop(s);
    if (s->engine && s->dialect->done)
        s->dialect->done(s->engine);
    adit_free(s->engine);
    adit_client_unconfigure(s);
    adit_free(s);
}

static void on_deliver(struct adit_task *task, adit_time now)
{
    struct adit_signal *s = adit_container_of(task, struct adit_signal, deliver);
    struct adit_client_event *x;

    s->delivering = true;
    while (!s->freed && (x = take_event(s)) != NULL) {
        s->ops->event(s->arg, &x->event, now);
        adit_free(x);
    }
    adit_client_packets_tell(s, now);
    s->delivering = false;
    if (s->freed)
        bury(s);
}

/* ---- the engine asks ------------------------------------------------------------------------- */

static void on_http(void *arg, const struct adit_dialect_request *request)
{
    adit_client_http_start(arg, request);
}

static void on_websocket(void *arg, const struct adit_dialect_request *request)
{
    adit_client_ws_start(arg, request);
}

static void on_send(void *arg, const char *text, size_t n)
{
    struct adit_signal *s = arg;

    if (s->conf.exec)
        adit_client_exec_send(s, text, n);
    else if (s->conf.file)
        adit_client_file_send(s, text, n);
    else
        adit_client_ws_send(s, text, n);
}

static void on_datagram(void *arg, const struct adit_addr *to, const void *bytes, size_t n)
{
    struct adit_signal *s = arg;

    if (s->ops->datagram)
        s->ops->datagram(s->arg, to, bytes, n);
}

static void on_event(void *arg, const struct adit_signal_event *event)
{
    adit_client_event(arg, event);
}

static void on_carry(void *arg, const void *bytes, size_t n)
{
    adit_client_ws_carry(arg, bytes, n);
}

static void on_packet(void *arg, const struct adit_haul *packet)
{
    struct adit_signal *s = arg;

    if (s->ops->packet)
        adit_client_packet_keep(s, packet);
}

static void on_fail(void *arg, const struct adit_cause *cause, bool again, bool final)
{
    struct adit_signal *s = arg;

    adit_client_fail(s, cause);
    s->again = again;
    s->final = final;
}

const struct adit_dialect_ops adit_client_dialect_ops = { .http = on_http,
                                                          .websocket = on_websocket,
                                                          .send = on_send,
                                                          .datagram = on_datagram,
                                                          .event = on_event,
                                                          .carry = on_carry,
                                                          .packet = on_packet,
                                                          .fail = on_fail };

/* ---- life ------------------------------------------------------------------------------------ */

static int start_engine(struct adit_signal *s, struct adit_cause *ret_cause)
{
    struct adit_dialect_state *e = adit_zalloc(s->dialect->size);
    int err;

    if (!e) {
        adit_cause_set(ret_cause, ADIT_REASON_RESOURCE, ENOMEM, "no memory for signaling");
        return -ENOMEM;
    }
    e->dialect = s->dialect;
    e->ops = &adit_client_dialect_ops;
    e->conf = &s->dialect_conf;
    e->arg = s;
    s->engine = e;
    err = s->dialect->start ? s->dialect->start(e, ret_cause, adit_loop_now(s->loop)) : 0;
    return err;
}

int adit_signal_new(struct adit_signal **ret_signal, struct adit_loop *loop,
                    const struct adit_signal_conf *conf, const struct adit_signal_ops *ops,
                    void *arg, struct adit_cause *ret_cause)
{
    struct adit_signal *s = adit_zalloc(sizeof *s);
    int err;

    if (!s) {
        adit_cause_set(ret_cause, ADIT_REASON_RESOURCE, ENOMEM, "no memory for signaling");
        return -ENOMEM;
    }
    s->loop = loop;
    s->ops = ops;
    s->arg = arg;
    adit_rng_init(&s->rng);
    adit_list_init(&s->events);
    adit_list_init(&s->packets);
    adit_task_init(&s->deliver, on_deliver);
    adit_client_init(s);
    err = adit_client_configure(s, conf, ret_cause);
    if (!err)
        err = start_engine(s, ret_cause);
    if (err) {
        adit_signal_free(s);
        return err;
    }
    adit_timer_set(&s->timer, adit_loop_now(loop));
    *ret_signal = s;
    return 0;
}

struct adit_signal *adit_signal_free(struct adit_signal *s)
{
    if (!s)
        return NULL;
    s->state = ADIT_CLIENT_OVER;
    adit_client_close(s);
    adit_client_ws_forget(s);
    adit_timer_stop(&s->timer);
    adit_timer_stop(&s->deadline);
    adit_task_cancel(&s->deliver);
    s->freed = true;
    if (!s->delivering) /* otherwise its memory goes when the event has been handled */
        bury(s);
    return NULL;
}

void adit_signal_stop(struct adit_signal *s)
{
    adit_time now = adit_loop_now(s->loop);

    if (s->state == ADIT_CLIENT_LEAVING || s->stopped)
        return;
    if (s->state != ADIT_CLIENT_JOINED) {
        adit_client_left(s);
        return;
    }
    if (s->dialect->leave)
        s->dialect->leave(s->engine, now);
    s->state = ADIT_CLIENT_LEAVING;
    adit_timer_set(&s->timer, now + LEAVE_MAX);
    if (s->ws.ws)
        adit_client_ws_leave(s, now);
    else if (!adit_client_http_busy(s))
        adit_client_left(s);
}

/* ---- what others see ------------------------------------------------------------------------- */

const char *adit_signal_dialect(const struct adit_signal *s)
{
    return s->dialect->name;
}

const struct adit_dialect_traits *adit_signal_traits(const struct adit_signal *s)
{
    return &s->dialect->traits;
}

bool adit_signal_uses_udp(const struct adit_signal *s)
{
    return s->dialect->datagram != NULL;
}

bool adit_signal_joined(const struct adit_signal *s)
{
    return s->state == ADIT_CLIENT_JOINED && s->engine->joined;
}

const char *adit_signal_id(const struct adit_signal *s)
{
    return s->engine->id;
}

const struct adit_addr *adit_signal_seen(const struct adit_signal *s)
{
    return s->seen;
}

/* ---- commands -------------------------------------------------------------------------------- */

/* With UDP the server is not the only way. */
static bool may(const struct adit_signal *s)
{
    return adit_signal_joined(s) || (s->dialect->datagram && s->state != ADIT_CLIENT_OVER);
}

static int done(struct adit_signal *s, int err)
{
    adit_client_settle(s, adit_loop_now(s->loop));
    return err;
}

#define COMMAND(s, function, ...)       \
    (!(s)->dialect->function ? -ENOTSUP \
     : !may(s)                          \
         ? -EAGAIN                      \
         : done(s, (s)->dialect->function((s)->engine, __VA_ARGS__, adit_loop_now((s)->loop))))

int adit_signal_call(struct adit_signal *s, const char *peer)
{
    return COMMAND(s, call, peer);
}

int adit_signal_describe(struct adit_signal *s, const char *peer, enum adit_signal_type type,
                         const char *text, size_t n)
{
    return COMMAND(s, describe, peer, type, text, n);
}

int adit_signal_candidate(struct adit_signal *s, const char *peer, const char *candidate,
                          const char *mid, int mline)
{
    return COMMAND(s, candidate, peer, candidate, mid, mline);
}

int adit_signal_bye(struct adit_signal *s, const char *peer)
{
    return COMMAND(s, bye, peer);
}

int adit_signal_outcome(struct adit_signal *s, const char *peer, bool connected)
{
    return COMMAND(s, outcome, peer, connected);
}

int adit_signal_endpoint(struct adit_signal *s, const struct adit_addr *addr)
{
    return COMMAND(s, endpoint, addr);
}

int adit_signal_message(struct adit_signal *s, const char *peer, const char *text, size_t n)
{
    return COMMAND(s, message, peer, text, n);
}

int adit_signal_ping(struct adit_signal *s, const char *peer)
{
    return COMMAND(s, ping, peer);
}

int adit_signal_bench(struct adit_signal *s, const char *peer, uint64_t bytes, unsigned chunk)
{
    return COMMAND(s, bench, peer, bytes, chunk);
}

bool adit_signal_relays(const struct adit_signal *s)
{
    return adit_signal_joined(s) && s->engine->relay_rate;
}

int adit_signal_packet(struct adit_signal *s, const struct adit_haul *packet)
{
    return COMMAND(s, packet, packet);
}

bool adit_signal_datagram(struct adit_signal *s, const struct adit_addr *from, const void *bytes,
                          size_t n)
{
    adit_time now = adit_loop_now(s->loop);
    bool ours = s->dialect->datagram && s->dialect->datagram(s->engine, from, bytes, n, now);

    if (ours)
        adit_client_settle(s, now);
    return ours;
}
