/* serve_conn.c - one connection: its life, and the WebSocket it may become. */
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "relay/frame.h"
#include "signal/serve_inner.h"

void adit_conn_dirty(struct adit_conn *c)
{
    if (adit_list_empty(&c->dirty))
        adit_list_add(&c->serve->dirty, &c->dirty);
    adit_serve_touch(c->serve);
}

void adit_conn_doom(struct adit_conn *c, const char *why)
{
    if (!c->doomed)
        c->why = why;
    c->doomed = true;
    adit_conn_dirty(c);
}

/* ---- silence --------------------------------------------------------------------------------- */

/* The list is in the order of `heard`, so one timer is enough for all, and it may be late: those
 * that are due in the same second are pinged together. */
static void heard(struct adit_conn *c, adit_time now)
{
    c->heard = now;
    adit_list_del(&c->quiet);
    adit_list_add(&c->serve->quiet, &c->quiet);
}

static void ping(struct adit_conn *c, adit_time now)
{
    adit_list_del(&c->quiet);
    c->heard = now;
    adit_list_add(&c->serve->pinged, &c->quiet);
    if (adit_ws_ping(c->ws, NULL, 0) < 0)
        adit_conn_doom(c, "reads nothing");
    else
        adit_conn_dirty(c);
}

adit_time adit_conns_ping(struct adit_serve *s, adit_time now)
{
    adit_time next = ADIT_NEVER;

    while (!adit_list_empty(&s->quiet)) {
        struct adit_conn *c = adit_container_of(s->quiet.next, struct adit_conn, quiet);
        if (c->heard + s->ping_every > now) {
            next = c->heard + s->ping_every;
            break;
        }
        ping(c, now);
    }
    while (!adit_list_empty(&s->pinged)) {
        struct adit_conn *c = adit_container_of(s->pinged.next, struct adit_conn, quiet);
        if (c->heard + ADIT_SERVE_PONG_TIME > now)
            /* Who answers or comes before that may be due sooner, where pings are frequent. */
            return adit_time_min(adit_time_min(next, now + s->ping_every),
                                 c->heard + ADIT_SERVE_PONG_TIME);
        adit_list_del(&c->quiet);
        adit_conn_doom(c, "does not answer");
    }
    return next;
}

/* ---- the WebSocket --------------------------------------------------------------------------- */

void adit_conn_upgrade(struct adit_conn *c, bool bulk, adit_time now)
{
    const struct adit_ws_conf conf = {
        .server = true,
        .message_max = bulk ? ADIT_HUB_BULK_MAX : ADIT_SERVE_FRAME_MAX,
        .queue_max = ADIT_SERVE_QUEUE_MAX + (bulk ? ADIT_HUB_BULK_MAX : 0),
        .rng = &c->serve->rng,
    };
    char seen[ADIT_ADDR_STR];
    struct adit_buf out;

    c->bulk = bulk;
    c->state = ADIT_CONN_WS;
    c->ws = adit_ws_new(&conf, now);
    heard(c, now);
    adit_buf_init(&out, 4096);
    c->verdict->field.name = c->seen.family ? ADIT_SIGNAL_SEEN_HEADER : NULL;
    c->verdict->field.value = adit_addr_str_ip(&c->seen, seen);
    adit_ws_put_response(&out, c->verdict);
    if (!c->ws || out.err || adit_stream_send(c->stream, out.data, out.len) < 0)
        adit_conn_doom(c, "no memory");
    adit_buf_done(&out);
}

void adit_conn_send(struct adit_conn *c, bool binary, const void *bytes, size_t n)
{
    int err = c->ws && !c->doomed ? adit_ws_send(c->ws, !binary, bytes, n) : 0;

    if (err == -EAGAIN || err == -EMSGSIZE)
        adit_conn_doom(c, "reads too slowly");
    else if (err == -ENOMEM)
        adit_conn_doom(c, "no memory");
    else
        adit_conn_dirty(c);
}

size_t adit_conn_waiting(const struct adit_conn *c)
{
    return (c->ws ? adit_ws_pending(c->ws).len : 0) + adit_stream_buffered(c->stream);
}

/* What signaling has to say may not wait long behind it: a small part of the queue. */
bool adit_conn_carry(struct adit_conn *c, const void *bytes, size_t n)
{
    if (!c->ws || c->doomed || adit_conn_waiting(c) + n > ADIT_SERVE_CARRY_MAX ||
        adit_ws_send(c->ws, false, bytes, n) < 0)
        return false;
    adit_conn_dirty(c);
    return true;
}

/* Who is not read cannot answer a ping. */
void adit_conn_pause(struct adit_conn *c, bool paused, adit_time now)
{
    if (c->doomed || c->state != ADIT_CONN_WS)
        return;
    if (paused) {
        adit_list_del(&c->quiet);
        adit_stream_pause(c->stream);
    } else {
        heard(c, now);
        adit_stream_resume(c->stream);
    }
    c->paused = paused;
}

void adit_conn_close(struct adit_conn *c, unsigned code, const char *reason)
{
    adit_time now = adit_loop_now(c->serve->loop);

    if (!c->ws)
        return;
    adit_ws_close(c->ws, code, reason, now);
    adit_stream_limit(c->stream, now + ADIT_SERVE_CLOSE_TIME, "no answer to the close");
    adit_conn_dirty(c);
}

static void on_ws_closed(struct adit_conn *c, const struct adit_ws_event *ev, adit_time now)
{
    adit_debug("signal", "a client has closed: %s", ev->cause.text);
    adit_list_del(&c->quiet);
    if (c->client)
        adit_hub_closed(c->client, now);
    c->client = NULL;
    c->state = ADIT_CONN_ENDING;
    adit_conn_dirty(c);
}

/* The hub counts messages; pings, fragments and what comes after a close are bytes. */
static bool too_much(struct adit_conn *c, size_t n, adit_time now)
{
    const struct adit_hub_conf *conf = &c->serve->hub_conf;
    unsigned rate = conf->limits.message_rate;
    adit_time bytes = (rate ? rate : 50) * (adit_time)ADIT_SERVE_BYTES_EACH;
    adit_time each;

    if (c->bulk) /* the hub stops reading it */
        return false;
    if (conf->carry) /* packets that come too fast are dropped, and who goes on is cut */
        bytes += 2 * (adit_time)(conf->limits.carry_rate ? conf->limits.carry_rate
                                                         : ADIT_HUB_CARRY_RATE);
    each = ADIT_SEC / bytes;

    c->bytes_level = adit_time_max(c->bytes_level, now) + n * each;
    return c->bytes_level > now + ADIT_SERVE_BYTES_BURST * each;
}

static size_t read_ws(struct adit_conn *c, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_ws_event ev;
    size_t used = 0;

    if (!c->paused)
        heard(c, now);
    if (too_much(c, n, now)) {
        adit_conn_doom(c, "sends too much");
        return n;
    }
    do {
        used += adit_ws_feed(c->ws, bytes + used, n - used, &ev, now);
        if ((ev.what == ADIT_WS_TEXT || ev.what == ADIT_WS_BINARY) && c->client)
            adit_hub_message(c->client, ev.what == ADIT_WS_BINARY, (const char *)ev.data.data,
                             ev.data.len, now);
        else if (ev.what == ADIT_WS_CLOSED)
            on_ws_closed(c, &ev, now);
    } while (ev.what != ADIT_WS_NONE && ev.what != ADIT_WS_CLOSED && !c->doomed);
    adit_conn_dirty(c); /* pongs, and what the hub said */
    return n;
}

/* ---- the stream ------------------------------------------------------------------------------ */

/* Is it no request at all, but a message of STUN? One port is enough then, also where only one gets
 * through. */
static bool is_turn(const struct adit_conn *c, const uint8_t *bytes, size_t n)
{
    if (!c->serve->turn || !c->fresh || n == 0)
        return false;
    return c->turn_only || adit_turnd_frame_begins(bytes[0]);
}

static size_t on_data(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_conn *c = arg;
    size_t used = 0;

    if (c->doomed || c->state == ADIT_CONN_ENDING)
        return n;
    c->busy = true;
    if (c->state == ADIT_CONN_READING && is_turn(c, bytes, n))
        c->state = ADIT_CONN_TURN;
    c->fresh = false;
    if (c->state == ADIT_CONN_READING)
        used = adit_conn_read_http(c, bytes, n, now);
    if (c->state == ADIT_CONN_WS || c->state == ADIT_CONN_TURN)
        c->http = adit_http1_free(c->http); /* as much as all the rest of a client */
    if (c->state == ADIT_CONN_TURN && !c->doomed)
        used = adit_conn_read_turn(c, bytes, n, now);
    if (c->state == ADIT_CONN_WS && !c->doomed)
        used += read_ws(c, bytes + used, n - used, now);
    c->busy = false;
    adit_serve_touch(c->serve);
    return c->doomed || c->state == ADIT_CONN_ENDING ? n : used;
}

static void on_connected(void *arg, adit_time now)
{
    (void)arg;
    (void)now;
}

static void on_writable(void *arg, adit_time now)
{
    (void)now;
    adit_conn_dirty(arg);
}

static void on_closed(void *arg, const struct adit_cause *cause, adit_time now)
{
    struct adit_conn *c = arg;

    (void)now;
    adit_debug("signal", "a connection has ended: %s", cause->text);
    adit_conn_free(c);
}

static const struct adit_stream_ops stream_ops = {
    .connected = on_connected, .data = on_data, .writable = on_writable, .closed = on_closed
};

void adit_conn_flush(struct adit_conn *c, adit_time now)
{
    struct adit_span out;
    size_t n;

    if (c->doomed) {
        adit_debug("signal", "a connection is cut: %s", c->why);
        adit_conn_free(c);
        return;
    }
    if (!c->ws)
        return;
    out = adit_ws_pending(c->ws);
    n = adit_stream_room(c->stream);
    n = n < out.len ? n : out.len;
    if (n && adit_stream_send(c->stream, out.data, n) == 0)
        adit_ws_sent(c->ws, n);
    out = adit_ws_pending(c->ws);
    if (out.len) { /* asks to be told when there is room */
        n = out.len < ADIT_SERVE_QUEUE_MAX ? out.len : ADIT_SERVE_QUEUE_MAX;
        (void)!adit_stream_send(c->stream, out.data, n);
        return;
    }
    if (c->state == ADIT_CONN_ENDING)
        adit_stream_close(c->stream);
    else if (c->bulk && c->client)
        adit_hub_drained(c->client, now);
}

/* ---- life ------------------------------------------------------------------------------------ */

void adit_conn_free(struct adit_conn *c)
{
    struct adit_serve *s = c->serve;

    adit_list_del(&c->all);
    adit_list_del(&c->dirty);
    adit_list_del(&c->quiet);
    if (c->client)
        adit_hub_closed(c->client, adit_loop_now(s->loop));
    if (c->state == ADIT_CONN_TURN)
        adit_conn_leave_turn(c, adit_loop_now(s->loop));
    if (c->counted)
        adit_hub_depart(s->hub, &c->from);
    /* One that is cut has its chance to read what it was sent. */
    adit_stream_free(c->stream);
    adit_http1_free(c->http);
    adit_ws_free(c->ws);
    adit_buf_done(&c->body);
    adit_free(c->origin);
    adit_free(c);
    adit_serve_gone(s);
}

void adit_conn_accept(const struct adit_serve_door *door, int fd, const struct adit_addr *from,
                      adit_time now)
{
    const struct adit_http1_conf http = { .fields_max = ADIT_SERVE_FIELDS_MAX,
                                          .body_max = ADIT_HUB_MESSAGE_MAX + 1024 };
    const struct adit_stream_accept_conf conf = { .tls = door->tls,
                                                  .from = from,
                                                  .queue_max = ADIT_SERVE_QUEUE_MAX };
    struct adit_serve *s = door->serve;
    struct adit_conn *c = adit_zalloc(sizeof *c);

    if (!c) {
        close(fd);
        return;
    }
    c->serve = s;
    c->from = *from;
    c->fresh = true;
    c->turn_only = door->turn_only;
    c->secure = door->tls != NULL;
    adit_list_init(&c->all);
    adit_list_init(&c->dirty);
    adit_list_init(&c->quiet);
    adit_buf_init(&c->body, ADIT_HUB_MESSAGE_MAX + 1024);
    adit_list_add(&s->conns, &c->all);
    s->conn_count++;
    c->http = adit_http1_new(&http);
    c->counted = adit_hub_arrive(s->hub, from, s->behind_proxy && !c->turn_only, now);
    if (!c->http || !c->counted) {
        close(fd);
    } else if (adit_stream_accept(&c->stream, s->loop, fd, &conf, &stream_ops, c) == 0) {
        adit_stream_limit(c->stream, now + ADIT_SERVE_REQUEST_TIME, "no whole request in time");
        return;
    }
    c->stream = NULL;
    adit_conn_free(c);
}
