/* mux_out - whose turn it is, and what goes into a message.
 *
 * Turns are those of fq_codel (RFC 8290, without its dropping): a stream that becomes active is
 * fresh and goes first, once, for one piece; then it takes turns with all others. One that falls
 * idle keeps its place among them until its turn has come, so that nobody is fresh too often. */
#include "app/mux_inner.h"

void adit_mux_put_part(struct adit_buf *out, enum adit_mux_type type, uint32_t id,
                       const void *fixed, size_t fixed_n, const void *bytes, size_t n)
{
    uint8_t header[ADIT_MUX_PART + ADIT_MUX_HEADER];

    assert(ADIT_MUX_HEADER + fixed_n + n <= 65535);
    adit_put16(header, (uint16_t)(ADIT_MUX_HEADER + fixed_n + n));
    header[2] = (uint8_t)type;
    adit_put32(header + 3, id);
    adit_buf_add(out, header, sizeof header);
    adit_buf_add(out, fixed, fixed_n);
    adit_buf_add(out, bytes, n);
}

void adit_mux_activate(struct adit_mux_stream *s)
{
    struct adit_mux *m = s->m;

    if (adit_list_empty(&s->turn)) {
        s->deficit = (long)m->piece;
        adit_list_add(&m->fresh, &s->turn);
    }
    m->ops->due(m->arg);
}

/* ---- windows that are given ------------------------------------------------------------------ */

/* What a stream's window should be: twice as much as long as it is used up within a few round
 * trips, and its part of the memory at most. */
static size_t wanted_window(const struct adit_mux_stream *s, adit_time now)
{
    const struct adit_mux *m = s->m;
    adit_time trip = m->pace.best != ADIT_NEVER ? m->pace.best : 50 * ADIT_MS;
    size_t share = m->grown_max / (m->grown_count + (s->window <= ADIT_MUX_WINDOW_MIN ? 1 : 0));
    size_t free = m->grown_max - m->grown, most = ADIT_MUX_WINDOW_MIN + share, w = s->window;

    if (now - s->granted_at < 4 * trip + ADIT_MS)
        w = w < ADIT_MUX_FIRST ? ADIT_MUX_FIRST : 2 * w;
    if (w > s->window + free)
        w = s->window + free;
    return w < most ? w : most;
}

static uint32_t grant(struct adit_mux_stream *s, adit_time now)
{
    size_t w = wanted_window(s, now), give = s->give;

    if (w >= s->window)
        give += w - s->window;
    else if (s->window - w < give)
        give -= s->window - w;
    else
        return 0; /* it shrinks by what is not given back; at most so far */
    /* window = what they may send + held + give, before and after */
    adit_mux_set_window(s, s->window + give - s->give);
    s->give = 0;
    s->granted_at = now;
    return (uint32_t)give;
}

/* ---- a message ------------------------------------------------------------------------------- */

static size_t fill(const struct adit_mux *m)
{
    return m->message.len;
}

static void begin_message(struct adit_mux *m)
{
    static const uint8_t header[ADIT_MUX_HEADER] = { ADIT_MUX_PACK };

    m->message.len = 0;
    m->parts = 0;
    adit_buf_add(&m->message, header, sizeof header);
}

/* Parts from the front of `from`, as many as fit; how many bytes of it were taken. */
static size_t take_parts(struct adit_mux *m, const struct adit_buf *from, size_t most)
{
    size_t at = 0;

    while (at < from->len) {
        size_t n = ADIT_MUX_PART + adit_get16(from->data + at);

        if (m->parts && (fill(m) + n > m->piece || at >= most))
            break;
        adit_buf_add(&m->message, from->data + at, n);
        m->parts++;
        at += n;
    }
    return at;
}

static void put_grants(struct adit_mux *m, adit_time now)
{
    while (!adit_list_empty(&m->granting) && fill(m) < m->piece) {
        struct adit_mux_stream *s =
            adit_container_of(m->granting.next, struct adit_mux_stream, granting);
        uint32_t give = grant(s, now);
        uint8_t more[4];

        adit_list_del(&s->granting);
        if (!give)
            continue;
        adit_put32(more, give);
        adit_mux_put_part(&m->message, ADIT_MUX_WINDOW, s->id, NULL, 0, more, sizeof more);
        m->parts++;
    }
}

static size_t sendable(const struct adit_mux_stream *s)
{
    size_t n = s->out.len - s->out_at;

    return s->credit < n ? (size_t)s->credit : n;
}

static bool end_is_due(const struct adit_mux_stream *s)
{
    return s->want_end && !s->end_sent && s->frames.len == 0 && s->out.len == s->out_at;
}

static bool is_active(const struct adit_mux_stream *s)
{
    return s->frames.len || sendable(s) || end_is_due(s);
}

static void put_data(struct adit_mux_stream *s)
{
    struct adit_mux *m = s->m;
    size_t overhead = ADIT_MUX_PART + ADIT_MUX_HEADER, n = sendable(s);
    size_t space = fill(m) + overhead < m->piece ? m->piece - fill(m) - overhead : 0;

    if ((long)n > s->deficit)
        n = s->deficit > 0 ? (size_t)s->deficit : 0;
    n = n < space ? n : space;
    if (!n)
        return;
    adit_mux_put_part(&m->message, ADIT_MUX_DATA, s->id, NULL, 0, s->out.data + s->out_at, n);
    m->parts++;
    s->out_at += n;
    s->credit -= n;
    s->deficit -= (long)n;
    m->queued -= n;
    if (s->out_at == s->out.len)
        s->out.len = s->out_at = 0;
}

static void put_end(struct adit_mux_stream *s)
{
    struct adit_mux *m = s->m;

    if (m->parts && fill(m) + s->tail.len > m->piece)
        return; /* in the next message */
    adit_mux_put_part(&m->message, ADIT_MUX_END, s->id, NULL, 0, s->tail.data, s->tail.len);
    m->parts++;
    s->end_sent = true;
    m->framed -= s->tail.len;
    adit_buf_done(&s->tail);
    adit_buf_done(&s->out);
    s->out_at = 0;
    if (s->left && !s->end_got)
        adit_mux_put_reset(m, s->id, ADIT_MUX_DONE, NULL); /* in the next message */
    if (s->left || s->end_got)
        adit_list_add(&m->done, &s->done);
}

/* Until its turn is over or the message is full. */
static void put_stream(struct adit_mux_stream *s)
{
    size_t taken = take_parts(s->m, &s->frames, s->deficit > 0 ? (size_t)s->deficit : 0);

    if (taken) {
        adit_buf_consume(&s->frames, taken);
        s->m->framed -= taken;
        s->deficit -= (long)taken;
        s->open_sent = true;
        if (!s->frames.len)
            adit_buf_done(&s->frames);
    }
    if (!s->frames.len)
        put_data(s);
    if (end_is_due(s))
        put_end(s);
}

static struct adit_mux_stream *whose_turn(struct adit_mux *m)
{
    struct adit_link *list = !adit_list_empty(&m->fresh) ? &m->fresh : &m->old;

    return adit_list_empty(list) ? NULL
                                 : adit_container_of(list->next, struct adit_mux_stream, turn);
}

static void put_turns(struct adit_mux *m)
{
    struct adit_mux_stream *s;

    while (fill(m) < m->piece - ADIT_MUX_HEADER - ADIT_MUX_PART && (s = whose_turn(m))) {
        bool fresh = m->fresh.next == &s->turn;
        unsigned parts = m->parts;

        if (is_active(s) && s->deficit > 0) {
            put_stream(s);
            if (is_active(s) && s->deficit > 0) {
                if (m->parts == parts || fill(m) >= m->piece / 2)
                    return; /* full for this one: it goes on in the next message */
                continue;
            }
        }
        adit_list_del(&s->turn);
        if (is_active(s) || fresh) {
            s->deficit = (long)m->piece;
            adit_list_add(&m->old, &s->turn);
        }
    }
}

/* True: there is a message to be sent. */
static bool build(struct adit_mux *m, adit_time now)
{
    begin_message(m);
    adit_buf_consume(&m->urgent, take_parts(m, &m->urgent, m->piece));
    put_grants(m, now);
    put_turns(m);
    return m->parts != 0;
}

/* ---- flush ----------------------------------------------------------------------------------- */

static bool send_message(struct adit_mux *m)
{
    /* A single frame needs no PACK around it. */
    size_t skip = m->parts == 1 ? ADIT_MUX_HEADER + ADIT_MUX_PART : 0, n = m->message.len - skip;
    int err = m->message.err ? m->message.err : m->ops->send(m->arg, m->message.data + skip, n);

    if (m->message.err) /* the frames in it are gone */
        m->broken = "no memory for a message";
    m->refused = err == -EAGAIN;
    if (err == 0)
        adit_pace_sent(&m->pace, n);
    return err == 0;
}

/* Who comes to want more meanwhile is told the next time. */
static void tell_room(struct adit_mux *m, adit_time now)
{
    struct adit_link *it, *tmp;

    ADIT_LIST_EACH(&m->wanting, it, tmp)
    {
        adit_list_del(it);
        adit_list_add(&m->telling, it);
    }
    while (!adit_list_empty(&m->telling)) {
        struct adit_mux_stream *s =
            adit_container_of(m->telling.next, struct adit_mux_stream, wanting);

        adit_list_del(&s->wanting);
        if (!adit_mux_is_room(s))
            adit_list_add(&m->wanting, &s->wanting);
        else if (s->ops && s->ops->writable)
            s->ops->writable(s->arg, now);
    }
}

static bool has_work(const struct adit_mux *m)
{
    return m->urgent.len || !adit_list_empty(&m->granting) || !adit_list_empty(&m->fresh) ||
           !adit_list_empty(&m->old);
}

/* One message, if there is one and it may go. */
static bool send_one(struct adit_mux *m, adit_time now)
{
    if (m->refused)
        return send_message(m);
    return has_work(m) && adit_pace_room(&m->pace, m->ops->buffered(m->arg)) && build(m, now) &&
           send_message(m);
}

int adit_mux_flush(struct adit_mux *m, const char **ret_why, adit_time now)
{
    size_t buffered, window;
    adit_time rtt;

    if (m->lost)
        return 0;
    buffered = m->ops->buffered(m->arg);
    m->ops->flow(m->arg, &window, &rtt);
    adit_pace_flow(&m->pace, buffered, window, rtt, now);
    while (send_one(m, now))
        ;
    adit_mux_tell_done(m, now);
    tell_room(m, now);
    *ret_why = m->broken;
    return m->broken ? -EPROTO : 0;
}
