/* http1_twice.h - for fuzzing: a stream read whole says the same as when it is read byte by byte,
 * and what was accepted can be written again. */
#ifndef FUZZ_HTTP1_TWICE_H
#define FUZZ_HTTP1_TWICE_H

#include <stdlib.h>

#include "http/http1.h"

#define HEAD_MAX 512 /* small, so that limits are met */

/* Writes the head as we would, which has to be possible whatever it is. */
static void put_head(struct adit_buf *log, const struct adit_http1_head *head)
{
    if (head->status)
        adit_http1_put_status(log, head->status, head->reason);
    else
        adit_http1_put_request(log, head->method, head->target);
    for (unsigned i = 0; i < head->count; i++)
        adit_http1_put_field(log, head->fields[i].name, head->fields[i].value);
    adit_buf_printf(log, "%d%d%d%d%d%llu\n", head->keep_alive, head->upgrade, head->chunked,
                    head->until_close, head->interim, (unsigned long long)head->length);
}

/* False: nothing more is to be read. */
static bool log_event(struct adit_buf *log, const struct adit_http1_event *ev, struct adit_http1 *h)
{
    switch (ev->what) {
    case ADIT_HTTP1_MORE:
        return true;
    case ADIT_HTTP1_HEAD:
        put_head(log, ev->head);
        return true;
    case ADIT_HTTP1_BODY:
        adit_buf_add(log, ev->data.data, ev->data.len);
        return true;
    case ADIT_HTTP1_END:
        for (unsigned i = 0; i < ev->head->trailer_count; i++)
            adit_http1_put_field(log, ev->head->trailers[i].name, ev->head->trailers[i].value);
        adit_buf_printf(log, "end\n");
        if (ev->head->upgrade)
            return false;
        adit_http1_next(h);
        return true;
    case ADIT_HTTP1_BAD:
        adit_buf_printf(log, "bad %d %s\n", ev->status, ev->why);
        return false;
    }
    abort();
}

static void read_all(struct adit_buf *log, bool response, const uint8_t *p, size_t n, size_t step)
{
    struct adit_http1_conf conf = { .response = response, .head_max = HEAD_MAX, .fields_max = 8 };
    struct adit_http1 *h = adit_http1_new(&conf);
    struct adit_http1_event ev = { .what = ADIT_HTTP1_MORE };
    bool more = h != NULL;

    while (more && n) {
        size_t take = n < step ? n : step, used = 0;

        do {
            used += adit_http1_feed(h, p + used, take - used, &ev);
            if (used > take)
                abort();
            more = log_event(log, &ev, h);
        } while (more && ev.what != ADIT_HTTP1_MORE);
        if (more && used != take)
            abort();
        p += take;
        n -= take;
    }
    if (more) {
        adit_http1_eof(h, &ev);
        log_event(log, &ev, h);
    }
    adit_http1_free(h);
    if (log->err)
        abort();
}

static void fuzz_http1(bool response, const uint8_t *data, size_t size)
{
    struct adit_buf whole, pieces;

    adit_buf_init(&whole, 1 << 22);
    adit_buf_init(&pieces, 1 << 22);
    read_all(&whole, response, data, size, SIZE_MAX);
    read_all(&pieces, response, data, size, 1);
    if (whole.len != pieces.len || (whole.len && memcmp(whole.data, pieces.data, whole.len) != 0))
        abort();
    adit_buf_done(&whole);
    adit_buf_done(&pieces);
}

#endif
