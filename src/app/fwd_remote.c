/* fwd_remote - -R. We ask: a LISTEN stream, and each call over there comes back as a CALLED one.
 * Or we are asked: a listening socket that lives as long as its stream. */
#include "app/fwd_inner.h"
#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "core/listen.h"

/* ---- we ask ---------------------------------------------------------------------------------- */

static void on_listening(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_fwd_door *door = arg;
    char at[ADIT_ADDR_STR];

    (void)now;
    if (n < 1 || bytes[0] != 0)
        return;
    adit_log(ADIT_LOG_INFO, "forward", "the other side listens at %s",
             adit_str_printable(at, sizeof at, bytes + 1, n - 1));
    door->told = ADIT_MUX_DONE;
}

static void on_unasked(void *arg, enum adit_mux_code code, const char *text, adit_time now)
{
    struct adit_fwd_door *door = arg;
    char at[ADIT_END_STR];

    (void)now;
    door->asked = NULL;
    if (code == ADIT_MUX_LOST || code == ADIT_MUX_DONE || code == door->told)
        return;
    door->told = code;
    adit_log(ADIT_LOG_WARN, "forward", "the other side does not listen at %s: %s%s%s, continuing",
             adit_end_show(&door->fwd->at, at), adit_mux_code_text(code), text[0] ? ", " : "",
             text);
}

static const struct adit_mux_stream_ops ask_ops = { .head = on_listening, .closed = on_unasked };

void adit_fwd_ask(struct adit_fwd_door *door)
{
    char at[ADIT_END_STR];

    adit_end_str(&door->fwd->at, at);
    int err =
        adit_mux_open(&door->asked, door->f->mux, ADIT_MUX_LISTEN, at, strlen(at), &ask_ops, door);
    if (err)
        adit_log(ADIT_LOG_WARN, "forward", "cannot ask the other side to listen: %s, continuing",
                 strerror(-err));
}

void adit_fwd_called(struct adit_forwards *f, struct adit_mux_stream *s, const uint8_t *target,
                     size_t n, adit_time now)
{
    struct adit_cursor c = adit_cursor(target, n);
    uint32_t id = adit_cursor_get32(&c);

    for (size_t i = 0; i < f->door_count && !c.bad; i++) {
        const struct adit_fwd_door *door = &f->doors[i];

        if (!door->asked || adit_mux_id(door->asked) != id)
            continue;
        adit_fwd_connect(f, s, &door->fwd->to, false, now);
        return;
    }
    adit_mux_reset(s, ADIT_MUX_UNKNOWN, NULL);
}

/* ---- we are asked ---------------------------------------------------------------------------- */

struct adit_fwd_listens {
    struct adit_link link;
    struct adit_forwards *f;
    struct adit_mux_stream *stream;
    struct adit_listen *listen;
};

static void free_listens(struct adit_fwd_listens *l)
{
    if (l->listen)
        l->f->stats.listens -= (unsigned)adit_listen_count(l->listen);
    l->listen = adit_listen_free(l->listen);
    l->f->listen_count--;
    adit_list_del(&l->link);
    adit_free(l);
}

static void on_accepted(void *arg, int fd, const struct adit_addr *from, adit_time now)
{
    struct adit_fwd_listens *l = arg;
    uint8_t target[4 + ADIT_ADDR_STR];
    char *who = (char *)target + 4;

    (void)now;
    adit_put32(target, adit_mux_id(l->stream));
    *who = '\0';
    if (from->family)
        adit_addr_str(from, who);
    adit_fwd_call(l->f, NULL, ADIT_MUX_CALLED, target, 4 + strlen(who), fd, from);
}

static const struct adit_listen_ops listen_ops = { .accepted = on_accepted };

/* It wants no more calls. Connections that stand go on. */
static void on_enough(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_fwd_listens *l = arg;

    (void)bytes, (void)n, (void)now;
    adit_mux_reset(l->stream, ADIT_MUX_DONE, NULL);
    free_listens(l);
}

static void on_closed(void *arg, enum adit_mux_code code, const char *text, adit_time now)
{
    (void)code, (void)text, (void)now;
    free_listens(arg);
}

static const struct adit_mux_stream_ops asked_ops = { .end = on_enough, .closed = on_closed };

static enum adit_mux_code code_of(int err)
{
    switch (err) {
    case -EADDRINUSE:
    case -EACCES: /* a low port */
    case -EPERM:
        return ADIT_MUX_REFUSED;
    case -ENOMEM:
    case -EMFILE:
    case -ENFILE:
        return ADIT_MUX_FULL;
    default:
        return ADIT_MUX_UNREACHABLE;
    }
}

static int put_head(struct adit_mux_stream *s, struct adit_listen *listen)
{
    const char *at = adit_listen_at(listen, 0);
    uint8_t head[1 + ADIT_END_STR] = { 0 };
    size_t n = strlen(at) < ADIT_END_STR ? strlen(at) : ADIT_END_STR;

    memcpy(head + 1, at, n);
    return adit_mux_head(s, head, 1 + n);
}

static int listen_for(struct adit_forwards *f, struct adit_mux_stream *s,
                      const struct adit_end *end)
{
    struct adit_fwd_listens *l = adit_zalloc(sizeof *l);
    char text[ADIT_END_STR];
    const char *at = adit_fwd_listen_at(end, text);
    struct adit_listen_conf conf = { .at = &at, .count = 1 };
    int err;

    if (!l)
        return -ENOMEM;
    l->f = f;
    l->stream = s;
    adit_list_add(&f->listens, &l->link);
    f->listen_count++;
    err = adit_listen_open(&l->listen, f->conf.loop, &conf, &listen_ops, l, NULL);
    if (!err) {
        f->stats.listens += (unsigned)adit_listen_count(l->listen);
        err = put_head(s, l->listen);
    }
    if (err) {
        free_listens(l);
        return err;
    }
    if (f->paused)
        adit_listen_pause(l->listen);
    adit_mux_accept(s, &asked_ops, l);
    adit_log(ADIT_LOG_INFO, "forward", "listening at %s for the other side",
             adit_listen_at(l->listen, 0));
    return 0;
}

void adit_fwd_asked(struct adit_forwards *f, struct adit_mux_stream *s, const uint8_t *target,
                    size_t n, adit_time now)
{
    struct adit_end end;
    int err;

    (void)now;
    if (adit_end_parse(&end, (const char *)target, n, ADIT_END_TO_LISTEN) < 0 ||
        end.kind == ADIT_END_UDP) {
        adit_mux_reset(s, ADIT_MUX_UNKNOWN, NULL);
    } else if (!adit_permit_listen(f->conf.permits, &end)) {
        adit_fwd_forbid(f, s, &end);
    } else if (f->listen_count == ADIT_FORWARDS_LISTENS_MAX) {
        adit_mux_reset(s, ADIT_MUX_FULL, NULL);
    } else {
        err = listen_for(f, s, &end);
        if (err)
            adit_mux_reset(s, code_of(err), strerror(-err));
    }
}

void adit_fwd_listens_stop(struct adit_forwards *f)
{
    while (!adit_list_empty(&f->listens)) {
        struct adit_fwd_listens *l =
            adit_container_of(f->listens.next, struct adit_fwd_listens, link);

        adit_mux_reset(l->stream, ADIT_MUX_DONE, NULL);
        free_listens(l);
    }
}

void adit_fwd_listens_pause(struct adit_forwards *f, bool pause)
{
    struct adit_link *it, *tmp;

    ADIT_LIST_EACH(&f->listens, it, tmp)
    {
        struct adit_fwd_listens *l = adit_container_of(it, struct adit_fwd_listens, link);

        if (pause)
            adit_listen_pause(l->listen);
        else
            adit_listen_resume(l->listen);
    }
}
