#include "fwd_ends.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "wait.h"

static void on_stands(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct side *s = arg;

    (void)now;
    assert_int_equal(n, 1);
    assert_int_equal(bytes[0], 0);
    s->stands++;
}

static void on_ended(void *arg, adit_time now)
{
    struct side *s = arg;

    (void)now;
    s->ended++;
}

static void on_done(void *arg, enum adit_mux_code code, const char *text, adit_time now)
{
    struct side *s = arg;

    (void)now;
    s->done++;
    s->code = code;
    snprintf(s->text, sizeof s->text, "%s", text);
    s->endpoint = adit_endpoint_free(s->endpoint);
}

static const struct adit_endpoint_ops ops = { .stands = on_stands,
                                              .ended = on_ended,
                                              .done = on_done };

void side_init(struct side *s, struct adit_loop *loop)
{
    s->loop = loop;
    s->fd = s->serial = -1;
    s->endpoint = adit_endpoint_new(loop, &ops, s);
    assert_non_null(s->endpoint);
}

void side_done(struct side *s)
{
    s->endpoint = adit_endpoint_free(s->endpoint);
    if (s->fd >= 0)
        close(s->fd);
}

static void check(struct side *s, int err)
{
    if (err && s->may_fail)
        adit_endpoint_refuse(s->endpoint, ADIT_MUX_FULL, "out of memory", 0);
    else
        assert_int_equal(err, 0);
}

void side_accept(struct side *s)
{
    int fd = s->fd;

    s->fd = -1;
    check(s, adit_endpoint_accept(s->endpoint, fd, NULL));
}

void side_opened(void *arg, struct adit_mux_stream *m, enum adit_mux_kind kind,
                 const uint8_t *target, size_t n, adit_time now)
{
    struct side *s = arg;

    (void)now;
    assert_int_equal(kind, ADIT_MUX_STREAM);
    assert_int_equal(n, 1);
    assert_int_equal(target[0], 'x');
    s->opened++;
    adit_endpoint_answer(s->endpoint, m, true);
    if (s->to)
        check(s, adit_endpoint_connect(s->endpoint, s->to));
    else if (s->serial >= 0)
        check(s, adit_endpoint_files(s->endpoint, s->serial, s->serial, true));
    else if (!s->late)
        side_accept(s);
}

void side_pair(struct adit_loop *loop, struct end *e, int *ret_fd)
{
    struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    struct adit_stream_accept_conf none = { 0 };
    socklen_t len = sizeof sin;
    int door = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(door, (struct sockaddr *)&sin, sizeof sin), 0);
    assert_int_equal(listen(door, 1), 0);
    assert_int_equal(getsockname(door, (struct sockaddr *)&sin, &len), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&sin, len), 0);
    *ret_fd = accept4(door, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(*ret_fd >= 0);
    close(door);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    if (!e->got.limit)
        adit_buf_init(&e->got, SIZE_MAX);
    assert_int_equal(adit_stream_accept(&e->stream, loop, fd, &none, &end_ops, e), 0);
}

static uint8_t byte_at(size_t i)
{
    return (uint8_t)(i * 7 + i / 251);
}

/* Sends what goes of the n bytes from *sent on. */
static void send_some(struct end *from, size_t *sent, size_t n)
{
    uint8_t bytes[50000];
    size_t part = n - *sent < sizeof bytes ? n - *sent : sizeof bytes;

    if (!part || adit_stream_room(from->stream) < part)
        return;
    for (size_t i = 0; i < part; i++)
        bytes[i] = byte_at(*sent + i);
    assert_int_equal(adit_stream_send(from->stream, bytes, part), 0);
    *sent += part;
}

static void check_bytes(struct end *to, size_t before, size_t n)
{
    assert_int_equal(to->got.len, before + n);
    for (size_t i = 0; i < n; i++)
        if (to->got.data[before + i] != byte_at(i))
            fail_msg("byte %zu is wrong", i);
}

void side_pump(struct adit_loop *loop, struct end *from, struct end *to, size_t n,
               struct end *from2, struct end *to2, size_t n2)
{
    size_t before = to->got.len, before2 = to2 ? to2->got.len : 0, sent = 0, sent2 = 0;
    unsigned turn = 1;
    adit_time end = adit_loop_now(loop) + 30 * ADIT_SEC;

    while (to->got.len < before + n || (to2 && to2->got.len < before2 + n2)) {
        send_some(from, &sent, n);
        if (from2)
            send_some(from2, &sent2, n2);
        assert_true(wait_for(loop, &turn));
        assert_int_equal(adit_loop_process(loop), 0);
        assert_int_equal(from->closed + to->closed, 0);
        if (adit_loop_now(loop) > end)
            fail_msg("%zu and %zu bytes are missing", before + n - to->got.len,
                     to2 ? before2 + n2 - to2->got.len : 0);
    }
    check_bytes(to, before, n);
    if (to2)
        check_bytes(to2, before2, n2);
}
