/* fuzz_mux.c - a peer's messages, each with its length in two bytes before it. What is opened is
 * taken or refused by its kind, and answers in ways of its own. */
#include <stdlib.h>

#include "app/mux.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STREAMS 32

struct side {
    struct adit_mux *mux;
    struct user {
        struct side *side;
        struct adit_mux_stream *s;
        enum adit_mux_kind kind;
        size_t held;
    } users[STREAMS];
    size_t sent;
};

static void must(bool ok)
{
    if (!ok)
        abort();
}

static int on_send(void *arg, const void *bytes, size_t n)
{
    struct side *side = arg;

    must(n >= 5 && n <= 65535 && bytes);
    side->sent += n;
    return side->sent > (1 << 20) ? -EAGAIN : 0;
}

static size_t on_buffered(void *arg)
{
    (void)arg;
    return 0;
}

static void on_flow(void *arg, size_t *ret_window, adit_time *ret_rtt)
{
    (void)arg;
    *ret_window = 1 << 20;
    *ret_rtt = 0;
}

static void on_due(void *arg)
{
    (void)arg;
}

static void on_head(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct user *u = arg;

    (void)now;
    must(u->s);
    (void)!adit_mux_head(u->s, bytes, n);
}

static void on_data(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct user *u = arg;
    size_t room = adit_mux_room(u->s);

    (void)now;
    must(u->s && n > 0);
    u->held += n;
    (void)!adit_mux_send(u->s, bytes, n < room ? n : room);
    if (bytes[0] == 'r') {
        adit_mux_reset(u->s, ADIT_MUX_DONE, "enough");
        u->s = NULL;
    } else if (bytes[0] == 'l' && adit_mux_end(u->s, "", 0) == 0) {
        adit_mux_leave(u->s);
        u->s = NULL;
    } else if (bytes[0] != 'k') {
        adit_mux_consumed(u->s, u->held);
        u->held = 0;
    }
}

static void on_end(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct user *u = arg;

    (void)now;
    (void)!adit_mux_end(u->s, bytes, n);
}

static void on_closed(void *arg, enum adit_mux_code code, const char *text, adit_time now)
{
    struct user *u = arg;

    (void)code, (void)now;
    must(u->s && text);
    u->s = NULL;
}

static const struct adit_mux_stream_ops stream_ops = {
    .head = on_head, .data = on_data, .datagram = on_head, .end = on_end, .closed = on_closed
};

static struct user *free_user(struct side *side)
{
    for (size_t i = 0; i < STREAMS; i++)
        if (!side->users[i].s)
            return &side->users[i];
    return NULL;
}

static void on_opened(void *arg, struct adit_mux_stream *s, enum adit_mux_kind kind,
                      const uint8_t *target, size_t n, adit_time now)
{
    struct side *side = arg;
    struct user *u = kind ? free_user(side) : NULL;

    (void)now;
    if (!u)
        return;
    *u = (struct user){ .side = side, .s = s, .kind = kind };
    adit_mux_accept(s, &stream_ops, u);
    if (kind == ADIT_MUX_CALLED) {
        struct user *back = free_user(side);

        if (back && adit_mux_open(&back->s, side->mux, kind, target, n, &stream_ops, back) < 0)
            back->s = NULL;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct adit_mux_ops ops = { .flow = on_flow,
                                             .send = on_send,
                                             .buffered = on_buffered,
                                             .opened = on_opened,
                                             .due = on_due };
    struct adit_mux_conf conf = { .streams_max = STREAMS / 2 };
    struct side side = { 0 };
    const char *why;
    adit_time now = ADIT_SEC;

    side.mux = adit_mux_new(&conf, &ops, &side);
    if (!side.mux)
        return 0;
    while (size >= 2) {
        size_t n = adit_get16(data);

        data += 2;
        size -= 2;
        n = n < size ? n : size;
        if (adit_mux_feed(side.mux, data, n, &why, now) < 0)
            break;
        if (adit_mux_flush(side.mux, &why, now) < 0)
            break;
        must(adit_mux_held(side.mux) <= ADIT_MUX_MEMORY_DEFAULT);
        data += n;
        size -= n;
        now += ADIT_MS;
    }
    adit_mux_lost(side.mux, now);
    must(adit_mux_count(side.mux) == 0 && adit_mux_queued(side.mux) == 0);
    adit_mux_free(side.mux);
    return 0;
}
