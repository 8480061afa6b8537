#include "app/mux.h"

#include "app/mux_inner.h"
#include "base/alloc.h"
#include "base/str.h"

#define OPEN_FIXED  5     /* u8 kind, u32 window */
#define MESSAGE_MAX 65535 /* bytes: what a PACK can say of a part */

/* ---- streams --------------------------------------------------------------------------------- */

static struct adit_mux_stream **slot(struct adit_mux *m, uint32_t id)
{
    return &m->slots[id / 2 % ADIT_MUX_SLOTS];
}

struct adit_mux_stream *adit_mux_find(const struct adit_mux *m, uint32_t id)
{
    struct adit_mux_stream *s = m->slots[id / 2 % ADIT_MUX_SLOTS];

    while (s && s->id != id)
        s = s->next;
    return s;
}

void adit_mux_set_window(struct adit_mux_stream *s, size_t window)
{
    struct adit_mux *m = s->m;
    size_t grown = s->window > ADIT_MUX_WINDOW_MIN ? s->window - ADIT_MUX_WINDOW_MIN : 0;

    m->windows -= s->window;
    m->grown -= grown;
    m->grown_count -= grown != 0;
    s->window = window;
    grown = window > ADIT_MUX_WINDOW_MIN ? window - ADIT_MUX_WINDOW_MIN : 0;
    m->windows += window;
    m->grown += grown;
    m->grown_count += grown != 0;
}

struct adit_mux_stream *adit_mux_add(struct adit_mux *m, uint32_t id, enum adit_mux_kind kind,
                                     size_t window)
{
    struct adit_mux_stream *s = adit_zalloc(sizeof *s), **head = slot(m, id);

    if (!s)
        return NULL;
    s->m = m;
    s->id = id;
    s->kind = kind;
    s->ours = (id & 1) == m->conf.odd;
    s->next = *head;
    *head = s;
    adit_list_add(&m->streams, &s->all);
    adit_list_init(&s->turn);
    adit_list_init(&s->wanting);
    adit_list_init(&s->granting);
    adit_list_init(&s->done);
    adit_buf_init(&s->frames, ADIT_MUX_FRAMES_MAX);
    adit_buf_init(&s->out, 2 * ADIT_MUX_QUEUE_MAX);
    adit_buf_init(&s->tail, MESSAGE_MAX);
    adit_mux_set_window(s, window);
    *(s->ours ? &m->ours : &m->theirs) += 1;
    return s;
}

void adit_mux_drop(struct adit_mux_stream *s)
{
    struct adit_mux *m = s->m;
    struct adit_mux_stream **at = slot(m, s->id);

    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    adit_list_del(&s->all);
    adit_list_del(&s->turn);
    adit_list_del(&s->wanting);
    adit_list_del(&s->granting);
    adit_list_del(&s->done);
    m->queued -= s->out.len - s->out_at;
    m->framed -= s->frames.len + s->tail.len;
    m->held -= s->held;
    adit_mux_set_window(s, 0);
    *(s->ours ? &m->ours : &m->theirs) -= 1;
    adit_buf_done(&s->frames);
    adit_buf_done(&s->out);
    adit_buf_done(&s->tail);
    adit_free(s);
}

void adit_mux_tell_closed(struct adit_mux_stream *s, enum adit_mux_code code, const char *text,
                          adit_time now)
{
    const struct adit_mux_stream_ops *ops = s->ops;
    void *arg = s->arg;

    adit_mux_drop(s);
    if (ops && ops->closed)
        ops->closed(arg, code, text, now);
}

void adit_mux_tell_done(struct adit_mux *m, adit_time now)
{
    while (!adit_list_empty(&m->done))
        adit_mux_tell_closed(adit_container_of(m->done.next, struct adit_mux_stream, done),
                             ADIT_MUX_DONE, "", now);
}

/* ---- for the owner --------------------------------------------------------------------------- */

struct adit_mux *adit_mux_new(const struct adit_mux_conf *conf, const struct adit_mux_ops *ops,
                              void *arg)
{
    struct adit_mux *m = adit_zalloc(sizeof *m);

    if (!m)
        return NULL;
    m->conf = *conf;
    m->ops = ops;
    m->arg = arg;
    if (!m->conf.memory)
        m->conf.memory = ADIT_MUX_MEMORY_DEFAULT;
    if (!m->conf.streams_max)
        m->conf.streams_max = ADIT_MUX_STREAMS_DEFAULT;
    if (!m->conf.their_streams)
        m->conf.their_streams = ADIT_MUX_STREAMS_DEFAULT;
    if (!m->conf.their_window)
        m->conf.their_window = ADIT_MUX_WINDOW_MIN;
    if (!m->conf.message_max || m->conf.message_max > MESSAGE_MAX)
        m->conf.message_max = MESSAGE_MAX;
    m->piece = m->conf.message_max < ADIT_MUX_PIECE ? m->conf.message_max : ADIT_MUX_PIECE;
    m->next_id = conf->odd ? 1 : 2;
    m->windows_max = m->conf.memory / 4 * 3;
    m->grown_max = m->conf.memory / 4;
    adit_list_init(&m->streams);
    adit_list_init(&m->fresh);
    adit_list_init(&m->old);
    adit_list_init(&m->wanting);
    adit_list_init(&m->telling);
    adit_list_init(&m->granting);
    adit_list_init(&m->done);
    adit_buf_init(&m->urgent, ADIT_MUX_FRAMES_MAX);
    adit_buf_init(&m->message, 2 * MESSAGE_MAX);
    adit_pace_start(&m->pace);
    return m;
}

struct adit_mux *adit_mux_free(struct adit_mux *m)
{
    struct adit_link *it, *tmp;

    if (!m)
        return NULL;
    ADIT_LIST_EACH(&m->streams, it, tmp)
    adit_mux_drop(adit_container_of(it, struct adit_mux_stream, all));
    adit_buf_done(&m->urgent);
    adit_buf_done(&m->message);
    adit_free(m);
    return NULL;
}

void adit_mux_lost(struct adit_mux *m, adit_time now)
{
    m->lost = true;
    while (!adit_list_empty(&m->streams))
        adit_mux_tell_closed(adit_container_of(m->streams.next, struct adit_mux_stream, all),
                             ADIT_MUX_LOST, "the tunnel ended", now);
}

size_t adit_mux_low(const struct adit_mux *m)
{
    /* Not much below the limit: what is let go of at once is a queue for a moment. */
    return m->pace.limit - m->pace.limit / 8;
}

unsigned adit_mux_count(const struct adit_mux *m)
{
    return m->ours + m->theirs;
}

size_t adit_mux_queued(const struct adit_mux *m)
{
    return m->queued;
}

size_t adit_mux_held(const struct adit_mux *m)
{
    return m->held;
}

/* ---- for streams ----------------------------------------------------------------------------- */

/* What may come back in answer, from the start: enough for most, while there is memory. */
static size_t first_window(const struct adit_mux *m)
{
    size_t left = m->grown_max - m->grown, step = left / 8;

    step = step > ADIT_MUX_FIRST ? ADIT_MUX_FIRST : step;
    return ADIT_MUX_WINDOW_MIN + step;
}

/* A frame with a payload of n bytes, alone in a message. */
static bool fits(const struct adit_mux *m, size_t n)
{
    return ADIT_MUX_HEADER + n <= m->conf.message_max;
}

int adit_mux_open(struct adit_mux_stream **ret_stream, struct adit_mux *m, enum adit_mux_kind kind,
                  const void *target, size_t n, const struct adit_mux_stream_ops *ops, void *arg)
{
    size_t window = first_window(m);
    struct adit_mux_stream *s;
    uint8_t fixed[OPEN_FIXED];

    if (m->lost)
        return -EPIPE;
    if (!fits(m, n + OPEN_FIXED))
        return -EMSGSIZE;
    if (m->framed > m->conf.memory / 8 || m->ours >= m->conf.their_streams ||
        m->windows + window > m->windows_max || m->next_id > UINT32_MAX - 2)
        return -EAGAIN;
    s = adit_mux_add(m, m->next_id, kind, window);
    if (!s)
        return -ENOMEM;
    m->next_id += 2;
    s->ops = ops;
    s->arg = arg;
    s->credit = m->conf.their_window;
    fixed[0] = (uint8_t)kind;
    adit_put32(fixed + 1, (uint32_t)window);
    adit_mux_put_part(&s->frames, ADIT_MUX_OPEN, s->id, fixed, sizeof fixed, target, n);
    m->framed += s->frames.len;
    if (s->frames.err) {
        adit_mux_drop(s);
        return -ENOMEM;
    }
    adit_mux_activate(s);
    *ret_stream = s;
    return 0;
}

void adit_mux_accept(struct adit_mux_stream *s, const struct adit_mux_stream_ops *ops, void *arg)
{
    s->ops = ops;
    s->arg = arg;
}

struct adit_mux *adit_mux_of(const struct adit_mux_stream *s)
{
    return s->m;
}

uint32_t adit_mux_id(const struct adit_mux_stream *s)
{
    return s->id;
}

/* What has credit may wait, so that whoever has none takes no memory. */
static size_t room(const struct adit_mux_stream *s)
{
    size_t queued = s->out.len - s->out_at, most = ADIT_MUX_QUEUE_MAX;
    size_t memory = s->m->conf.memory / 8;

    if (s->credit < most)
        most = (size_t)s->credit;
    most = most > queued ? most - queued : 0;
    memory = memory > s->m->queued ? memory - s->m->queued : 0;
    return s->want_end || s->m->lost ? 0 : most < memory ? most : memory;
}

bool adit_mux_is_room(struct adit_mux_stream *s)
{
    size_t n = room(s);

    return n >= ADIT_MUX_PIECE || (n > 0 && s->out.len == s->out_at);
}

size_t adit_mux_room(struct adit_mux_stream *s)
{
    size_t n = room(s);

    if (n < ADIT_MUX_PIECE && adit_list_empty(&s->wanting))
        adit_list_add(&s->m->wanting, &s->wanting);
    return n;
}

int adit_mux_send(struct adit_mux_stream *s, const void *bytes, size_t n)
{
    if (s->want_end || s->m->lost)
        return -EPIPE;
    assert(n <= room(s));
    if (s->out_at && s->out_at >= ADIT_MUX_QUEUE_MAX) {
        adit_buf_consume(&s->out, s->out_at);
        s->out_at = 0;
    }
    adit_buf_add(&s->out, bytes, n);
    if (s->out.err) {
        s->out.err = 0;
        return -ENOMEM;
    }
    s->m->queued += n;
    if (n)
        adit_mux_activate(s);
    return 0;
}

/* A frame that goes before the data. */
static int put_frame(struct adit_mux_stream *s, enum adit_mux_type type, const void *bytes,
                     size_t n)
{
    size_t before = s->frames.len;

    if (s->want_end || s->m->lost)
        return -EPIPE;
    if (!fits(s->m, n))
        return -EMSGSIZE;
    adit_mux_put_part(&s->frames, type, s->id, NULL, 0, bytes, n);
    if (s->frames.err) {
        int err = s->frames.err == -EMSGSIZE ? -EAGAIN : s->frames.err;

        s->frames.err = 0;
        s->frames.len = before;
        return err;
    }
    s->m->framed += s->frames.len - before;
    adit_mux_activate(s);
    return 0;
}

int adit_mux_head(struct adit_mux_stream *s, const void *bytes, size_t n)
{
    bool full = s->m->framed > s->m->conf.memory / 8; /* nobody takes what was said before */
    int err = full ? -ENOMEM : put_frame(s, ADIT_MUX_HEAD, bytes, n);

    return err == -EAGAIN ? -ENOMEM : err;
}

int adit_mux_datagram(struct adit_mux_stream *s, const void *bytes, size_t n)
{
    /* the rest is for what must not be lost */
    if (s->frames.len > ADIT_MUX_QUEUE_MAX || s->m->framed > s->m->conf.memory / 16)
        return -EAGAIN;
    return put_frame(s, ADIT_MUX_DATAGRAM, bytes, n);
}

int adit_mux_end(struct adit_mux_stream *s, const void *bytes, size_t n)
{
    if (s->want_end || s->m->lost)
        return -EPIPE;
    if (!fits(s->m, n))
        return -EMSGSIZE;
    if (n && s->m->framed > s->m->conf.memory / 8)
        return -ENOMEM;
    adit_buf_add(&s->tail, bytes, n);
    if (s->tail.err) {
        s->tail.err = 0;
        return -ENOMEM;
    }
    s->m->framed += s->tail.len;
    s->want_end = true;
    adit_list_del(&s->wanting);
    adit_mux_activate(s);
    return 0;
}

void adit_mux_consumed(struct adit_mux_stream *s, size_t n)
{
    assert(n <= s->held);
    s->held -= n;
    s->m->held -= n;
    s->give += n;
    if (s->give >= s->window / 2 && adit_list_empty(&s->granting) && !s->end_got) {
        adit_list_add(&s->m->granting, &s->granting);
        s->m->ops->due(s->m->arg);
    }
}

void adit_mux_put_reset(struct adit_mux *m, uint32_t id, enum adit_mux_code code, const char *text)
{
    size_t n = text ? strlen(text) : 0, before = m->urgent.len;
    uint8_t fixed[2];

    adit_put16(fixed, (uint16_t)code);
    adit_mux_put_part(&m->urgent, ADIT_MUX_RESET, id, fixed, sizeof fixed, text,
                      n < ADIT_MUX_TEXT_MAX ? n : ADIT_MUX_TEXT_MAX);
    if (m->urgent.err) {
        m->urgent.err = 0;
        m->urgent.len = before;
        m->broken = "more streams are refused than can be told";
    }
    m->ops->due(m->arg);
}

void adit_mux_reset(struct adit_mux_stream *s, enum adit_mux_code code, const char *text)
{
    struct adit_mux *m = s->m;
    bool known = !s->ours || s->open_sent, over = s->end_sent && s->end_got;

    if (known && !over && !m->lost)
        adit_mux_put_reset(m, s->id, code, text);
    adit_mux_drop(s);
}

void adit_mux_leave(struct adit_mux_stream *s)
{
    static const struct adit_mux_stream_ops nobody = { .data = NULL };

    assert(s->want_end);
    s->ops = &nobody;
    s->left = true;
    adit_list_del(&s->wanting);
    if (s->held)
        adit_mux_consumed(s, s->held);
    if (s->end_sent && !s->end_got)
        adit_mux_reset(s, ADIT_MUX_DONE, NULL);
}

const char *adit_mux_code_text(enum adit_mux_code code)
{
    static const char *const texts[] = {
        [ADIT_MUX_DONE] = "no longer wanted",          [ADIT_MUX_BROKEN] = "broke off",
        [ADIT_MUX_FORBIDDEN] = "not permitted there",  [ADIT_MUX_REFUSED] = "connection refused",
        [ADIT_MUX_UNREACHABLE] = "cannot be reached",  [ADIT_MUX_NOT_FOUND] = "no such host",
        [ADIT_MUX_TIMEOUT] = "did not answer in time", [ADIT_MUX_FULL] = "too many at a time",
        [ADIT_MUX_UNKNOWN] = "not understood there",   [ADIT_MUX_LOST] = "the tunnel ended",
    };

    return code < ADIT_LEN(texts) ? texts[code] : "broke off";
}
