#include "unit/http1_script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void say_fields(struct adit_buf *out, const struct adit_http1_field *fields, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        adit_buf_printf(out, " %s=%s", fields[i].name, fields[i].value);
}

static void say_head(struct adit_buf *out, const struct adit_http1_head *h)
{
    if (h->status)
        adit_buf_printf(out, "%d %s", h->status, h->reason);
    else
        adit_buf_printf(out, "%s %s", h->method, h->target);
    adit_buf_printf(out, " 1.%u%s%s%s%s%s%s", h->minor, h->keep_alive ? "k" : "",
                    h->upgrade ? "u" : "", h->chunked ? "c" : "", h->until_close ? "e" : "",
                    h->interim ? "i" : "", h->expect_continue ? "x" : "");
    if (h->length)
        adit_buf_printf(out, "%llu", (unsigned long long)h->length);
    assert_int_equal(h->body, h->length || h->chunked || h->until_close);
    say_fields(out, h->fields, h->count);
}

static bool say(struct adit_buf *out, const struct adit_http1_event *ev, bool *in_body)
{
    if (ev->what == ADIT_HTTP1_BODY) {
        assert_true(ev->data.len > 0);
        adit_buf_printf(out, *in_body ? "" : " | body=");
        adit_buf_add(out, ev->data.data, ev->data.len);
        *in_body = true;
        return true;
    }
    if (ev->what == ADIT_HTTP1_MORE)
        return false;
    *in_body = false;
    adit_buf_printf(out, "%s", out->len ? " | " : "");
    switch (ev->what) {
    case ADIT_HTTP1_HEAD:
        say_head(out, ev->head);
        return true;
    case ADIT_HTTP1_END:
        adit_buf_printf(out, "end");
        say_fields(out, ev->head->trailers, ev->head->trailer_count);
        return true;
    case ADIT_HTTP1_BAD:
        assert_true(strlen(ev->why) > 0);
        adit_buf_printf(out, "bad %d", ev->status);
        return false;
    case ADIT_HTTP1_BODY:
    case ADIT_HTTP1_MORE:
        break;
    }
    return false;
}

/* True: go on with the next piece. *ret_used: of this one. */
static bool feed(struct adit_buf *out, struct adit_http1 *h, const uint8_t *p, size_t n,
                 bool *in_body, size_t *ret_used)
{
    struct adit_http1_event ev;

    *ret_used = 0;
    for (;;) {
        *ret_used += adit_http1_feed(h, p + *ret_used, n - *ret_used, &ev);
        if (!say(out, &ev, in_body))
            return ev.what == ADIT_HTTP1_MORE;
        if (ev.what == ADIT_HTTP1_END) {
            if (ev.head->upgrade)
                return false;
            adit_http1_next(h);
        }
    }
}

void http1_answer(struct adit_buf *out, const struct adit_http1_conf *conf, const char *expect,
                  const void *bytes, size_t n, size_t first, size_t step, bool eof)
{
    struct adit_http1 *h = adit_http1_new(conf);
    bool in_body = false, more = true, bad;
    size_t at = 0, used;
    struct adit_http1_event ev;

    if (expect)
        adit_http1_expect(h, expect);
    while (more && at < n) {
        size_t take = at == 0 && first ? first : step ? step : n;
        uint8_t *piece; /* of its own, so that reading beyond it is seen */

        if (take > n - at)
            take = n - at;
        piece = malloc(take);
        memcpy(piece, (const uint8_t *)bytes + at, take);
        more = feed(out, h, piece, take, &in_body, &used);
        at += used;
        free(piece);
    }
    bad = !more && out->len >= 7 && memcmp(out->data + out->len - 7, "bad ", 4) == 0;
    if (eof && more) {
        adit_http1_eof(h, &ev);
        say(out, &ev, &in_body);
    } else if (!more && !bad && at < n) {
        adit_buf_printf(out, " | left %zu", n - at);
    }
    adit_http1_free(h);
}
