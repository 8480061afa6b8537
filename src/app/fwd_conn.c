#include "app/fwd_inner.h"
#include "base/alloc.h"
#include "base/log.h"
#include "core/listen.h"
#include "core/resolve.h"
#include "core/stream.h"

/* ---- limits ---------------------------------------------------------------------------------- */

static unsigned conns_max(const struct adit_forwards *f)
{
    return f->conf.conns_max ? f->conf.conns_max : ADIT_FORWARDS_CONNS_MAX;
}

bool adit_fwd_full(const struct adit_forwards *f)
{
    return f->stats.conns >= conns_max(f);
}

/* At the limit callers wait in the kernel's queue. */
static void update(struct adit_forwards *f)
{
    if (f->paused == adit_fwd_full(f))
        return;
    f->paused = !f->paused;
    if (f->paused && !f->told_full)
        adit_log(ADIT_LOG_WARN, "forward", "%u connections are open: others wait, continuing",
                 f->stats.conns);
    f->told_full |= f->paused;
    for (size_t i = 0; i < f->door_count; i++) {
        if (f->doors[i].listen && f->paused)
            adit_listen_pause(f->doors[i].listen);
        else if (f->doors[i].listen)
            adit_listen_resume(f->doors[i].listen);
    }
    adit_fwd_listens_pause(f, f->paused);
}

void adit_fwd_conn_count(struct adit_forwards *f, int more)
{
    f->stats.conns += (unsigned)more;
    if (more > 0)
        f->stats.conns_total++;
    update(f);
}

/* ---- words ----------------------------------------------------------------------------------- */

void adit_fwd_tell_no_tunnel(struct adit_forwards *f)
{
    if (!f->told_no_tunnel)
        adit_log(ADIT_LOG_INFO, "forward", "somebody called while there is no tunnel: turned away");
    f->told_no_tunnel = true;
}

void adit_fwd_door_tell(struct adit_fwd_door *door, enum adit_mux_code code)
{
    char to[ADIT_END_STR];

    if (!door || door->told == code || code == ADIT_MUX_LOST)
        return;
    door->told = code;
    if (code == ADIT_MUX_DONE)
        return;
    if (door->fwd->to.kind)
        adit_log(ADIT_LOG_INFO, "forward", "%s cannot be reached: %s",
                 adit_end_show(&door->fwd->to, to), adit_mux_code_text(code));
    else
        adit_debug("forward", "the other side cannot reach it: %s", adit_mux_code_text(code));
}

/* `connected` and `data` are never called: the stream is aborted at once. */
static void on_connected(void *arg, adit_time now)
{
    (void)arg, (void)now;
}

static size_t on_data(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    (void)arg, (void)bytes, (void)now;
    return n;
}

void adit_fwd_turn_away(struct adit_forwards *f, int fd)
{
    static const struct adit_stream_ops ops = { .connected = on_connected, .data = on_data };
    struct adit_stream_accept_conf none = { 0 };
    struct adit_stream *s;

    f->stats.turned_away++;
    if (!f->mux)
        adit_fwd_tell_no_tunnel(f);
    if (adit_stream_accept(&s, f->conf.loop, fd, &none, &ops, NULL) == 0)
        adit_stream_abort(s);
}

/* ---- a connection ---------------------------------------------------------------------------- */

static void on_stands(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_fwd_conn *c = arg;

    (void)bytes, (void)n, (void)now;
    adit_fwd_door_tell(c->door, ADIT_MUX_DONE);
}

static void on_done(void *arg, enum adit_mux_code code, const char *text, adit_time now)
{
    struct adit_fwd_conn *c = arg;

    (void)now;
    if (code != ADIT_MUX_DONE) {
        c->f->stats.failed++;
        adit_debug("forward", "a connection ended: %s, %s", adit_mux_code_text(code), text);
        if (code != ADIT_MUX_BROKEN)
            adit_fwd_door_tell(c->door, code);
    }
    adit_fwd_conn_free(c);
}

static const struct adit_endpoint_ops ops = { .stands = on_stands, .done = on_done };

struct adit_fwd_conn *adit_fwd_conn_new(struct adit_forwards *f, struct adit_fwd_door *door)
{
    struct adit_fwd_conn *c = adit_zalloc(sizeof *c);

    if (c)
        c->endpoint = adit_endpoint_new(f->conf.loop, &ops, c);
    if (!c || !c->endpoint) {
        adit_free(c);
        return NULL;
    }
    c->f = f;
    c->door = door;
    adit_endpoint_count(c->endpoint, &f->stats.bytes_out, &f->stats.bytes_in);
    adit_list_add(&f->conns, &c->link);
    adit_fwd_conn_count(f, 1);
    return c;
}

struct adit_fwd_conn *adit_fwd_conn_free(struct adit_fwd_conn *c)
{
    struct adit_forwards *f = c->f;

    c->resolve = adit_resolve_free(c->resolve);
    c->endpoint = adit_endpoint_free(c->endpoint);
    adit_list_del(&c->link);
    adit_free(c);
    adit_fwd_conn_count(f, -1);
    return NULL;
}
