/* ws_twice.h - for fuzzing: frames read whole say and send the same as when they are read byte by
 * byte, and memory stays within its limits. */
#ifndef FUZZ_WS_TWICE_H
#define FUZZ_WS_TWICE_H

#include <stdlib.h>

#include "base/buf.h"
#include "base/str.h"
#include "http/ws.h"

#define MESSAGE_MAX 1000 /* small, so that limits are met */
#define QUEUE_MAX   300

static void log_event(struct adit_buf *log, const struct adit_ws_event *ev)
{
    adit_buf_printf(log, "%d %u %s ", ev->what, ev->code, ev->cause.text);
    adit_buf_add(log, ev->data.data, ev->data.len);
    if (ev->data.len > MESSAGE_MAX)
        abort();
    if ((ev->what == ADIT_WS_TEXT || ev->what == ADIT_WS_CLOSED) &&
        !adit_utf8_valid(ev->data.data, ev->data.len))
        abort();
    if (ev->what == ADIT_WS_CLOSED && ev->code != ADIT_WS_NO_CODE && ev->code != ADIT_WS_ABNORMAL &&
        !adit_ws_is_code(ev->code))
        abort();
}

static void read_all(struct adit_buf *log, bool server, const uint8_t *p, size_t n, size_t step)
{
    struct adit_rng rng;
    struct adit_ws_conf conf = { .server = server,
                                 .message_max = MESSAGE_MAX,
                                 .fragments_max = 10,
                                 .queue_max = QUEUE_MAX,
                                 .rng = &rng };
    struct adit_ws_event ev;
    struct adit_ws *ws;
    bool closed = false;

    adit_rng_init_seed(&rng, 1);
    ws = adit_ws_new(&conf, 0);
    while (ws && n) {
        size_t take = n < step ? n : step, used = 0;

        do {
            used += adit_ws_feed(ws, p + used, take - used, &ev, 0);
            if (used > take || (closed && ev.what != ADIT_WS_NONE))
                abort();
            if (ev.what != ADIT_WS_NONE)
                log_event(log, &ev);
            closed = closed || ev.what == ADIT_WS_CLOSED;
        } while (ev.what != ADIT_WS_NONE);
        if (used != take || adit_ws_pending(ws).len > QUEUE_MAX + ADIT_WS_CONTROL_ROOM)
            abort();
        p += take;
        n -= take;
    }
    if (ws)
        adit_buf_add(log, adit_ws_pending(ws).data, adit_ws_pending(ws).len);
    adit_ws_free(ws);
}

static void fuzz_ws(bool server, const uint8_t *data, size_t size)
{
    struct adit_buf whole, pieces;

    adit_buf_init(&whole, 1 << 22);
    adit_buf_init(&pieces, 1 << 22);
    read_all(&whole, server, data, size, SIZE_MAX);
    read_all(&pieces, server, data, size, 1);
    if (whole.err != pieces.err || whole.len != pieces.len ||
        (whole.len && memcmp(whole.data, pieces.data, whole.len) != 0))
        abort();
    adit_buf_done(&whole);
    adit_buf_done(&pieces);
}

#endif
