/* mux_in - frames that come in. What breaks the rules of docs/streams.md ends the channel. */
#include "app/mux_inner.h"
#include "base/str.h"

static int refuse(const char **ret_why, const char *why)
{
    *ret_why = why;
    return -EPROTO;
}

/* Ids go up; those that we gave are known to have been given. */
static bool was_open(const struct adit_mux *m, uint32_t id)
{
    if (id == 0)
        return false;
    return (id & 1) == m->conf.odd ? id < m->next_id : id <= m->last_theirs;
}

static int on_open(struct adit_mux *m, uint32_t id, struct adit_cursor *c, const char **ret_why,
                   adit_time now)
{
    enum adit_mux_kind kind = adit_cursor_get8(c);
    uint32_t window = adit_cursor_get32(c);
    struct adit_mux_stream *s = NULL;

    if (c->bad || (id & 1) == m->conf.odd || id == 0 || id <= m->last_theirs)
        return refuse(ret_why, "a stream is opened that cannot be");
    m->last_theirs = id;
    if (m->theirs < m->conf.streams_max && m->windows + ADIT_MUX_WINDOW_MIN <= m->windows_max)
        s = adit_mux_add(m, id, kind, ADIT_MUX_WINDOW_MIN);
    if (!s) {
        adit_mux_put_reset(m, id, ADIT_MUX_FULL, NULL);
        return 0;
    }
    s->credit = window;
    s->granted_at = now;
    m->ops->opened(m->arg, s, kind, c->p, adit_cursor_left(c), now);
    s = adit_mux_find(m, id);
    if (s && !s->ops)
        adit_mux_reset(s, ADIT_MUX_UNKNOWN, NULL);
    return 0;
}

static int on_data(struct adit_mux_stream *s, struct adit_cursor *c, const char **ret_why,
                   adit_time now)
{
    size_t n = adit_cursor_left(c);

    if (n > s->window - s->held - s->give)
        return refuse(ret_why, "a stream sends more than it may");
    if (s->end_got)
        return refuse(ret_why, "a stream goes on after its end");
    s->held += n;
    s->m->held += n;
    if (s->ops->data && n)
        s->ops->data(s->arg, c->p, n, now);
    else if (n)
        adit_mux_consumed(s, n);
    return 0;
}

static int on_end(struct adit_mux_stream *s, struct adit_cursor *c, const char **ret_why,
                  adit_time now)
{
    if (s->end_got)
        return refuse(ret_why, "a stream ends twice");
    s->end_got = true;
    adit_list_del(&s->granting);
    if (s->end_sent)
        adit_list_add(&s->m->done, &s->done);
    if (s->ops->end)
        s->ops->end(s->arg, c->p, adit_cursor_left(c), now);
    return 0;
}

static int on_reset(struct adit_mux_stream *s, struct adit_cursor *c, const char **ret_why,
                    adit_time now)
{
    enum adit_mux_code code = adit_cursor_get16(c);
    char text[ADIT_MUX_TEXT_MAX * 2];

    if (c->bad)
        return refuse(ret_why, "a frame is too short");
    adit_str_printable(text, sizeof text, c->p, adit_cursor_left(c));
    adit_mux_tell_closed(s, code == ADIT_MUX_LOST ? ADIT_MUX_BROKEN : code, text, now);
    return 0;
}

static int on_window(struct adit_mux_stream *s, struct adit_cursor *c, const char **ret_why)
{
    uint32_t more = adit_cursor_get32(c);

    if (c->bad)
        return refuse(ret_why, "a frame is too short");
    s->credit += more;
    if (s->out.len > s->out_at)
        adit_mux_activate(s);
    s->m->ops->due(s->m->arg);
    return 0;
}

static int on_stream(struct adit_mux_stream *s, enum adit_mux_type type, struct adit_cursor *c,
                     const char **ret_why, adit_time now)
{
    switch (type) {
    case ADIT_MUX_DATA:
        return on_data(s, c, ret_why, now);
    case ADIT_MUX_END:
        return on_end(s, c, ret_why, now);
    case ADIT_MUX_RESET:
        return on_reset(s, c, ret_why, now);
    case ADIT_MUX_WINDOW:
        return on_window(s, c, ret_why);
    case ADIT_MUX_HEAD:
        if (s->ops->head && !s->end_got)
            s->ops->head(s->arg, c->p, adit_cursor_left(c), now);
        return 0;
    case ADIT_MUX_DATAGRAM:
        if (s->ops->datagram && !s->end_got)
            s->ops->datagram(s->arg, c->p, adit_cursor_left(c), now);
        return 0;
    case ADIT_MUX_OPEN:
    case ADIT_MUX_PACK:
    case ADIT_MUX_TYPE_LAST:
        break;
    }
    return refuse(ret_why, "a frame of no known type");
}

static int on_frame(struct adit_mux *m, struct adit_cursor *c, bool packed, const char **ret_why,
                    adit_time now);

static int on_pack(struct adit_mux *m, struct adit_cursor *c, const char **ret_why, adit_time now)
{
    int err = 0;

    while (!err && adit_cursor_left(c)) {
        size_t n = adit_cursor_get16(c);
        const uint8_t *part = adit_cursor_take(c, n);
        struct adit_cursor inside = adit_cursor(part, part ? n : 0);

        err = on_frame(m, &inside, true, ret_why, now);
    }
    return err;
}

static int on_frame(struct adit_mux *m, struct adit_cursor *c, bool packed, const char **ret_why,
                    adit_time now)
{
    uint8_t type = adit_cursor_get8(c);
    uint32_t id = adit_cursor_get32(c);
    struct adit_mux_stream *s;

    if (c->bad)
        return refuse(ret_why, "a frame is too short");
    if (type > ADIT_MUX_TYPE_LAST)
        return 0;
    if (type == ADIT_MUX_PACK && !packed && id == 0)
        return on_pack(m, c, ret_why, now);
    if (type == ADIT_MUX_OPEN)
        return on_open(m, id, c, ret_why, now);
    if (type < ADIT_MUX_OPEN || type >= ADIT_MUX_PACK)
        return refuse(ret_why, "a frame of no known type");
    s = adit_mux_find(m, id);
    if (s)
        return on_stream(s, type, c, ret_why, now);
    return was_open(m, id) ? 0 : refuse(ret_why, "a frame for a stream that never was");
}

int adit_mux_feed(struct adit_mux *m, const uint8_t *bytes, size_t n, const char **ret_why,
                  adit_time now)
{
    struct adit_cursor c = adit_cursor(bytes, n);
    int err = m->lost ? 0 : on_frame(m, &c, false, ret_why, now);

    adit_mux_tell_done(m, now);
    if (!err && m->broken)
        err = refuse(ret_why, m->broken);
    return err;
}
