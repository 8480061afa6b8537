/* fwd_socks - a client of -D, from its greeting until what it asked for stands; then it is a
 * connection like others, or it keeps its datagrams alive. */
#include <sys/socket.h>

#include "app/fwd_inner.h"
#include "app/socks.h"
#include "base/alloc.h"
#include "base/log.h"
#include "core/stream.h"

#define OUT_MAX 256 /* bytes of replies in one turn */

struct adit_fwd_client {
    struct adit_link link;
    struct adit_forwards *f;
    struct adit_fwd_door *door;
    struct adit_socks socks;
    struct adit_stream *stream;
    struct adit_mux_stream *asked; /* not answered yet */
    struct adit_fwd_assoc *assoc;
    struct adit_addr local, peer;
};

static void free_client(struct adit_fwd_client *c)
{
    struct adit_forwards *f = c->f;

    if (c->asked)
        adit_mux_reset(c->asked, ADIT_MUX_DONE, NULL);
    c->assoc = adit_fwd_assoc_free(c->assoc);
    c->stream = adit_stream_free(c->stream);
    adit_list_del(&c->link);
    adit_free(c);
    adit_fwd_conn_count(f, -1);
}

/* ---- answers --------------------------------------------------------------------------------- */

/* Sends and lets go of `out`. */
static void reply(struct adit_fwd_client *c, struct adit_buf *out)
{
    if (out->err || (out->len && adit_stream_send(c->stream, out->data, out->len) < 0) ||
        c->socks.state == ADIT_SOCKS_OVER)
        adit_stream_close(c->stream);
    adit_buf_done(out);
}

static void answer(struct adit_fwd_client *c, enum adit_mux_code code,
                   const struct adit_addr *bound)
{
    struct adit_buf out;

    adit_buf_init(&out, OUT_MAX);
    adit_socks_answer(&c->socks, code, bound, &out);
    reply(c, &out);
}

/* ---- the other side's --------------------------------------------------------------------------
 */

static void fail(struct adit_fwd_client *c, enum adit_mux_code code)
{
    if (c->asked)
        adit_mux_reset(c->asked, ADIT_MUX_UNKNOWN, NULL);
    c->asked = NULL;
    c->f->stats.failed++;
    answer(c, code, NULL);
}

static void on_head(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_fwd_client *c = arg;
    struct adit_fwd_conn *conn = n && !bytes[0] ? adit_fwd_conn_new(c->f, c->door) : NULL;

    (void)now;
    if (!conn) {
        fail(c, ADIT_MUX_FULL);
        return;
    }
    answer(c, ADIT_MUX_DONE, NULL);
    adit_endpoint_answer(conn->endpoint, c->asked, false);
    adit_endpoint_take(conn->endpoint, c->stream);
    c->asked = NULL;
    c->stream = NULL;
    free_client(c);
}

/* Nothing may come before HEAD. */
static void on_early(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    (void)bytes, (void)n, (void)now;
    fail(arg, ADIT_MUX_UNKNOWN);
}

static void on_refused(void *arg, enum adit_mux_code code, const char *text, adit_time now)
{
    struct adit_fwd_client *c = arg;

    (void)text, (void)now;
    c->asked = NULL;
    fail(c, code == ADIT_MUX_DONE ? ADIT_MUX_UNKNOWN : code);
}

static const struct adit_mux_stream_ops mux_ops = {
    .head = on_head, .data = on_early, .end = on_early, .closed = on_refused
};

/* ---- the client's ---------------------------------------------------------------------------- */

static void ask(struct adit_fwd_client *c)
{
    char to[ADIT_END_STR];

    adit_end_str(&c->socks.to, to);
    if (!c->f->mux ||
        adit_mux_open(&c->asked, c->f->mux, ADIT_MUX_STREAM, to, strlen(to), &mux_ops, c) < 0)
        fail(c, ADIT_MUX_FULL);
    else
        adit_stream_pause(c->stream); /* what follows is for the connection */
}

static void associate(struct adit_fwd_client *c)
{
    int err = adit_fwd_assoc_new(&c->assoc, c->f, &c->local, &c->peer);

    if (err) {
        adit_debug("forward", "no socket for datagrams: %s", strerror(-err));
        fail(c, ADIT_MUX_FULL);
        return;
    }
    answer(c, ADIT_MUX_DONE, adit_fwd_assoc_at(c->assoc));
}

static void on_connected(void *arg, adit_time now)
{
    struct adit_fwd_client *c = arg;

    adit_stream_limit(c->stream, now + ADIT_FORWARDS_SHAKE, "the client did not say what it wants");
}

static size_t on_data(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_fwd_client *c = arg;
    size_t used = 0;
    ssize_t got;
    struct adit_buf out;

    (void)now;
    if (c->assoc || c->socks.state == ADIT_SOCKS_OVER)
        return n; /* nothing more is to be said: only the end counts */
    adit_buf_init(&out, OUT_MAX);
    while ((got = adit_socks_feed(&c->socks, bytes + used, n - used, &out)) > 0)
        used += (size_t)got;
    reply(c, &out);
    if (c->socks.state == ADIT_SOCKS_OVER)
        return n;
    if (c->socks.state != ADIT_SOCKS_ASKED || c->asked)
        return used;
    adit_stream_limit(c->stream, ADIT_NEVER, NULL);
    if (c->socks.command == ADIT_SOCKS_CONNECT)
        ask(c);
    else
        associate(c);
    return used;
}

static void on_closed(void *arg, const struct adit_cause *cause, adit_time now)
{
    (void)cause, (void)now;
    free_client(arg);
}

static const struct adit_stream_ops stream_ops = { .connected = on_connected,
                                                   .data = on_data,
                                                   .closed = on_closed };

static void address_of(int fd, struct adit_addr *out)
{
    struct sockaddr_storage sa = { 0 };
    socklen_t len = sizeof sa;

    if (getsockname(fd, (struct sockaddr *)&sa, &len) < 0 ||
        adit_addr_from_sockaddr(out, (struct sockaddr *)&sa) < 0)
        *out = (struct adit_addr){ 0 }; /* a local socket */
}

void adit_fwd_client(struct adit_fwd_door *door, int fd, const struct adit_addr *from)
{
    struct adit_forwards *f = door->f;
    struct adit_fwd_client *c = adit_zalloc(sizeof *c);
    struct adit_stream_accept_conf conf = { .from = from,
                                            .stall_timeout = ADIT_NEVER,
                                            .queue_max = ADIT_ENDPOINT_QUEUE_MAX };

    if (!c) {
        adit_fwd_turn_away(f, fd);
        return;
    }
    c->f = f;
    c->door = door;
    c->peer = *from;
    address_of(fd, &c->local);
    adit_socks_start(&c->socks, f->conf.socks_user, f->conf.socks_password);
    adit_list_add(&f->clients, &c->link);
    adit_fwd_conn_count(f, 1);
    if (adit_stream_accept(&c->stream, f->conf.loop, fd, &conf, &stream_ops, c) < 0)
        free_client(c);
}

void adit_fwd_clients_stop(struct adit_forwards *f)
{
    while (!adit_list_empty(&f->clients))
        free_client(adit_container_of(f->clients.next, struct adit_fwd_client, link));
}
