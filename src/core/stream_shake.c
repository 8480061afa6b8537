#include "base/alloc.h"
#include "core/stream_inner.h"

struct adit_buf *adit_stream_wire(struct adit_stream *s)
{
    return s->talk ? &s->talk->out : s->tls ? adit_tls_conn_out(s->tls) : NULL;
}

void adit_stream_talk_free(struct adit_stream *s)
{
    if (!s->talk)
        return;
    adit_proxy_talk_done(s->talk);
    adit_free(s->talk);
    s->talk = NULL;
}

/* Returns how many bytes were for the proxy; s->talk is NULL when it has said yes. */
static size_t shake_proxy(struct adit_stream *s, const uint8_t *bytes, size_t n)
{
    struct adit_cause cause = { 0 };
    int used = n ? adit_proxy_talk_feed(s->talk, bytes, n, &cause) : 0;

    if (used < 0) {
        adit_stream_end(s, cause.reason, cause.err, cause.text);
        return n;
    }
    if (s->talk->state == ADIT_PROXY_OPEN)
        adit_stream_talk_free(s);
    return (size_t)used;
}

size_t adit_stream_shake(struct adit_stream *s, const uint8_t *bytes, size_t n)
{
    struct adit_cause cause = { 0 };
    size_t used = s->talk ? shake_proxy(s, bytes, n) : 0;

    if (s->talk || s->state != ADIT_STREAM_SHAKING)
        return used;
    if (!s->tls) {
        adit_stream_opened(s);
        return used;
    }
    adit_tls_conn_feed(s->tls, n ? bytes + used : NULL, n - used);
    int r = adit_tls_conn_shake(s->tls, &cause);
    if (r == 0)
        return n;
    if (r < 0) {
        adit_stream_last_words(s);
        adit_stream_end(s, cause.reason, cause.err, cause.text);
        return n;
    }
    adit_stream_opened(s);
    return n - adit_tls_conn_left(s->tls);
}
