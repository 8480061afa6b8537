#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "core/stream_inner.h"

#define READ_SIZE (16 * 1024)
#define TLS_BATCH (64 * 1024) /* plaintext made into records at a time */
#define READS_MAX 4           /* in one turn, so that others have theirs */

/* A silent other side is found dead after 45 + 15 s, because TCP_USER_TIMEOUT counts here too; with
 * a longer stall limit after 45 + 4 * 15 s. */
#define KEEP_IDLE_S     45
#define KEEP_INTERVAL_S 15
#define KEEP_COUNT      4

/* ---- the socket ------------------------------------------------------------------------------ */

/* Fails on local sockets, where there is nothing to set, and nowhere else. */
static void set_tcp(int fd, adit_time stall_timeout, unsigned unsent_max)
{
    const struct {
        int level, name, value;
    } options[] = {
        { IPPROTO_TCP, TCP_NODELAY, 1 },
        { SOL_SOCKET, SO_KEEPALIVE, 1 },
        { IPPROTO_TCP, TCP_KEEPIDLE, KEEP_IDLE_S },
        { IPPROTO_TCP, TCP_KEEPINTVL, KEEP_INTERVAL_S },
        { IPPROTO_TCP, TCP_KEEPCNT, KEEP_COUNT },
        /* RFC 5482: bytes that the kernel has taken may stay without acknowledgement as long. */
        { IPPROTO_TCP, TCP_USER_TIMEOUT,
          stall_timeout < INT32_MAX * ADIT_MS ? (int)(stall_timeout / ADIT_MS) : 0 },
    };

    for (size_t i = 0; i < ADIT_LEN(options); i++)
        (void)!setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(int));
    if (unsent_max)
        (void)!setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_max, sizeof unsent_max);
}

void adit_stream_detach(struct adit_stream *s, bool reset)
{
    const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
    int fd = s->io.fd;

    if (!s->io.loop)
        return;
    adit_io_stop(&s->io);
    if (reset)
        (void)!setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
}

static bool wants_input(const struct adit_stream *s)
{
    if (s->got_end)
        return false;
    return s->state != ADIT_STREAM_OPEN || (!s->paused && s->in.len < ADIT_STREAM_INPUT_MAX);
}

void adit_stream_update(struct adit_stream *s)
{
    if (s->io.loop)
        adit_io_want(&s->io, (wants_input(s) ? EPOLLIN : 0u) | (s->blocked ? EPOLLOUT : 0u));
}

static void fail(struct adit_stream *s, int err)
{
    adit_stream_end(s, err == ETIMEDOUT ? ADIT_REASON_TIMEOUT : ADIT_REASON_REMOTE, err,
                    err == ECONNRESET || err == EPIPE ? "the other side reset the connection"
                                                      : strerror(err));
}

/* Both directions are over: nothing is left to wait for. */
static void end_if_done(struct adit_stream *s)
{
    bool heard = s->state == ADIT_STREAM_CLOSING ? s->got_end : s->end_told;

    if (s->state != ADIT_STREAM_ENDED && s->end_sent && heard)
        adit_stream_end(s, ADIT_REASON_REMOTE, 0, "closed by both sides");
}

/* ---- down ------------------------------------------------------------------------------------ */

/* How many bytes the socket has taken; fewer than n: it is full now. -errno. */
static ssize_t write_some(struct adit_stream *s, const uint8_t *bytes, size_t n)
{
    size_t done = 0;

    while (done < n) {
        ssize_t sent = send(s->io.fd, bytes + done, n - done, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            break;
        if (sent < 0)
            return -errno;
        done += (size_t)sent;
    }
    return (ssize_t)done;
}

static void watch_stall(struct adit_stream *s, bool progress, adit_time now)
{
    adit_time *limit = &s->limits[ADIT_STREAM_LIMIT_STALL];

    if (!s->blocked)
        adit_stream_set_limit(s, ADIT_STREAM_LIMIT_STALL, ADIT_NEVER);
    else if ((progress || *limit == ADIT_NEVER) && s->stall_timeout != ADIT_NEVER)
        adit_stream_set_limit(s, ADIT_STREAM_LIMIT_STALL, now + s->stall_timeout);
}

/* What proxy and TLS have to say. How much has left, or -errno. */
static ssize_t flush_wire(struct adit_stream *s)
{
    struct adit_buf *wire = adit_stream_wire(s);
    ssize_t n = wire && wire->len ? write_some(s, wire->data, wire->len) : 0;

    if (n > 0)
        adit_buf_consume(wire, (size_t)n);
    s->blocked = wire && wire->len;
    if (n > 0 && !s->blocked)
        adit_buf_done(wire); /* an idle connection costs no buffer */
    return n;
}

void adit_stream_last_words(struct adit_stream *s)
{
    (void)!flush_wire(s);
}

/* From the queue into records, so many at a time that little waits twice. */
static ssize_t flush_tls(struct adit_stream *s, struct adit_cause *ret_cause)
{
    ssize_t total = 0;

    for (;;) {
        ssize_t n = flush_wire(s);
        size_t left = adit_stream_buffered(s);

        if (n < 0)
            return n;
        total += n;
        if (s->blocked || !left || s->state == ADIT_STREAM_SHAKING)
            return total;
        left = left < TLS_BATCH ? left : TLS_BATCH;
        if (adit_tls_conn_write(s->tls, s->out.data + s->out_at, left, ret_cause) < 0)
            return -EPROTO;
        s->out_at += left;
    }
}

static ssize_t flush_plain(struct adit_stream *s)
{
    ssize_t n;

    if (s->state == ADIT_STREAM_SHAKING)
        return flush_wire(s);
    n = s->out.len ? write_some(s, s->out.data + s->out_at, adit_stream_buffered(s)) : 0;
    if (n < 0)
        return n;
    s->out_at += (size_t)n;
    s->blocked = adit_stream_buffered(s) != 0;
    return n;
}

static int send_end(struct adit_stream *s)
{
    if (!s->want_end || s->end_sent || s->blocked || s->state == ADIT_STREAM_SHAKING)
        return 0;
    if (s->tls && !s->tls_end) {
        s->tls_end = true;
        adit_tls_conn_end(s->tls);
        ssize_t n = flush_wire(s);
        if (n < 0 || s->blocked)
            return n < 0 ? (int)n : 0;
    }
    s->end_sent = true;
    (void)!shutdown(s->io.fd, SHUT_WR); /* fails if the other side is gone: reading tells so */
    return 0;
}

void adit_stream_flush(struct adit_stream *s, adit_time now)
{
    struct adit_cause cause = { 0 };
    size_t queued = adit_stream_buffered(s);

    if (!s->io.loop)
        return;
    ssize_t n = s->tls ? flush_tls(s, &cause) : flush_plain(s);
    int err = n < 0 ? (int)n : send_end(s);
    if (err < 0 && cause.reason) {
        adit_stream_end(s, cause.reason, cause.err, cause.text);
        return;
    }
    if (err < 0) {
        fail(s, -err);
        return;
    }
    if (s->out_at == s->out.len) {
        adit_buf_done(&s->out);
        s->out_at = 0;
    }
    watch_stall(s, n > 0, now);
    if (adit_stream_buffered(s) < queued && s->ops->sent)
        adit_stream_tell(s, ADIT_STREAM_TELL_SENT);
    if (s->want_room && adit_stream_buffered(s) <= s->queue_max / 2) {
        s->want_room = false;
        adit_stream_tell(s, ADIT_STREAM_TELL_ROOM);
    }
    adit_stream_update(s);
    end_if_done(s);
}

/* ---- up -------------------------------------------------------------------------------------- */

static void offer_end(struct adit_stream *s, adit_time now)
{
    if (s->freed || s->state != ADIT_STREAM_OPEN || s->paused || !s->got_end || s->end_told)
        return;
    s->end_told = true;
    if (!s->ops->eof) {
        adit_stream_finish(s, ADIT_REASON_REMOTE, "the other side closed the connection");
        return;
    }
    s->ops->eof(s->arg, now);
    if (!s->freed)
        end_if_done(s);
}

/* Calls up n bytes; how many the handler is done with. */
static size_t offer_bytes(struct adit_stream *s, const uint8_t *bytes, size_t n, adit_time now)
{
    size_t used = s->ops->data(s->arg, bytes, n, now);

    assert(used <= n);
    return used;
}

void adit_stream_offer(struct adit_stream *s, adit_time now)
{
    adit_stream_tell_connected(s, now);
    if (s->freed || s->state != ADIT_STREAM_OPEN || s->paused)
        return;
    if (s->in.len) {
        size_t used = offer_bytes(s, s->in.data, s->in.len, now);

        if (s->freed || s->state != ADIT_STREAM_OPEN)
            return;
        adit_buf_consume(&s->in, used);
        if (s->in.len == 0)
            adit_buf_done(&s->in);
        adit_stream_update(s);
    }
    offer_end(s, now);
}

static void keep(struct adit_stream *s, const uint8_t *bytes, size_t n)
{
    adit_buf_add(&s->in, bytes, n);
    if (s->in.err)
        adit_stream_end(s, ADIT_REASON_RESOURCE, ENOMEM, "out of memory");
}

/* Bytes for the handler, straight from where they were read if nothing is kept before them. */
static void up(struct adit_stream *s, const uint8_t *bytes, size_t n, adit_time now)
{
    size_t used = 0;

    adit_stream_tell_connected(s, now);
    if (s->freed || s->state != ADIT_STREAM_OPEN)
        return;
    if (s->in.len) {
        keep(s, bytes, n);
        adit_stream_offer(s, now);
        return;
    }
    if (!s->paused) {
        used = offer_bytes(s, bytes, n, now);
        if (s->freed || s->state != ADIT_STREAM_OPEN)
            return;
    }
    keep(s, bytes + used, n - used);
}

/* Records for the handler. What OpenSSL has to answer leaves with the next flush. */
static void up_tls(struct adit_stream *s, const uint8_t *bytes, size_t n, adit_time now)
{
    uint8_t plain[READ_SIZE];
    struct adit_cause cause;
    int len;

    adit_tls_conn_feed(s->tls, bytes, n);
    while ((len = adit_tls_conn_read(s->tls, plain, sizeof plain, &cause)) > 0) {
        up(s, plain, (size_t)len, now);
        if (s->freed || s->state != ADIT_STREAM_OPEN)
            return;
    }
    if (adit_tls_conn_out(s->tls)->len)
        adit_loop_before_sleep(s->loop, &s->flush);
    if (len == -ECANCELED) {
        s->got_end = true;
        offer_end(s, now);
    } else if (len < 0) {
        adit_stream_last_words(s);
        adit_stream_end(s, cause.reason, cause.err, cause.text);
    }
}

static void on_bytes(struct adit_stream *s, const uint8_t *bytes, size_t n, adit_time now)
{
    if (s->state == ADIT_STREAM_SHAKING) {
        size_t used = adit_stream_shake(s, bytes, n);

        adit_stream_flush(s, now);
        bytes += used;
        n -= used;
    }
    if (s->state == ADIT_STREAM_CLOSING) { /* what comes is passed over, within reason */
        s->passed_over += n;
        if (s->passed_over > ADIT_STREAM_PASS_MAX)
            adit_stream_end(s, ADIT_REASON_LOCAL, 0, "the other side goes on sending");
    }
    if (s->state != ADIT_STREAM_OPEN)
        return;
    if (s->tls)
        up_tls(s, bytes, n, now);
    else if (n)
        up(s, bytes, n, now);
}

static void on_end(struct adit_stream *s, adit_time now)
{
    if (s->state == ADIT_STREAM_SHAKING) {
        adit_stream_end(s, ADIT_REASON_REMOTE, ECONNRESET,
                        s->talk ? "the proxy closed the connection"
                                : "the other side closed the connection in the TLS handshake");
    } else if (s->tls && s->state == ADIT_STREAM_OPEN) {
        /* RFC 8446 section 6.1: without a close_notify anybody may have cut it. */
        adit_stream_end(s, ADIT_REASON_REMOTE, ECONNRESET,
                        "the connection was cut off: no goodbye in TLS");
    } else {
        s->got_end = true;
        adit_stream_update(s);
        if (s->state == ADIT_STREAM_CLOSING)
            end_if_done(s);
        else
            offer_end(s, now);
    }
}

static void read_socket(struct adit_stream *s, adit_time now)
{
    uint8_t bytes[READ_SIZE];

    for (int i = 0; i < READS_MAX && !s->freed && s->io.loop && wants_input(s); i++) {
        ssize_t n = recv(s->io.fd, bytes, sizeof bytes, MSG_DONTWAIT);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
        if (n < 0) {
            fail(s, errno);
            return;
        }
        if (n == 0) {
            on_end(s, now);
            return;
        }
        on_bytes(s, bytes, (size_t)n, now);
        if ((size_t)n < sizeof bytes)
            return;
    }
}

static void on_ready(struct adit_io *io, uint32_t events, adit_time now)
{
    struct adit_stream *s = adit_container_of(io, struct adit_stream, io);

    if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
        read_socket(s, now);
    if (!s->freed && events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
        adit_stream_flush(s, now);
    if (!s->freed)
        adit_stream_update(s);
}

int adit_stream_attach(struct adit_stream *s, int fd)
{
    int err = adit_io_start(&s->io, s->loop, fd, EPOLLIN, on_ready, "stream");

    if (err)
        close(fd);
    else
        set_tcp(fd, s->stall_timeout, s->unsent_max);
    return err;
}
