/* Forwards of connections, between two hosts of one process: -L, -R, -W and what is permitted. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "fwd_ends.h"
#include "fwd_world.h"
#include "wait.h"

static struct adit_loop *loop;
static unsigned fds_before;

static struct adit_forwards_stats stats(const struct adit_forwards *f)
{
    struct adit_forwards_stats s;

    adit_forwards_stats(f, &s);
    return s;
}

static void echo_through(struct fw_world *w, struct end *e, size_t n)
{
    side_pump(w->loop, e, e, n, NULL, NULL, 0);
}

static void local(void **state)
{
    struct fw_world w = { 0 };
    struct end e = { 0 };

    (void)state;
    fw_init(&w, loop);
    fw_forward(&w, ADIT_FWD_LOCAL, "127.0.0.1:0:127.0.0.1:%u", fw_tcp(&w));
    fw_permit(&w, "127.0.0.1:%u", fw_tcp(&w));
    fw_start(&w);
    fw_call(&w, &e, 0);
    assert_true(wait_for(loop, &e.connected));
    echo_through(&w, &e, 1000000);
    assert_int_equal(stats(w.a).conns, 1);
    assert_int_equal(stats(w.b).conns, 1);
    assert_int_equal(stats(w.a).bytes_out, 1000000);
    assert_int_equal(stats(w.a).bytes_in, 1000000);
    adit_stream_shutdown(e.stream);
    assert_true(wait_for(loop, &e.eof));
    assert_true(wait_for(loop, &e.closed));
    assert_int_equal(e.cause.err, 0);
    assert_true(fw_quiet(&w, true));
    assert_int_equal(stats(w.a).failed + stats(w.b).failed, 0);
    end_done(&e);
    fw_done(&w);
}

static void paths(void **state)
{
    struct fw_world w = { 0 };
    struct end e = { 0 };
    char path[64], text[100];

    (void)state;
    fw_init(&w, loop);
    snprintf(path, sizeof path, "/tmp/adit-test-%d", (int)getpid());
    snprintf(text, sizeof text, "%s:127.0.0.1:%u", path, fw_tcp(&w));
    fw_forward(&w, ADIT_FWD_LOCAL, text, 0);
    snprintf(text, sizeof text, "unix:@adit-test-%d:%s", (int)getpid(), path); /* through both */
    fw_forward(&w, ADIT_FWD_LOCAL, text, 0);
    fw_permit(&w, "127.0.0.1:*", 0);
    snprintf(text, sizeof text, "unix:%s", path);
    fw_permit(&w, text, 0);
    fw_start(&w);
    fw_call(&w, &e, 1);
    assert_true(wait_for(loop, &e.connected));
    echo_through(&w, &e, 100000);
    assert_int_equal(stats(w.a).conns, 2);
    adit_stream_shutdown(e.stream);
    assert_true(wait_for(loop, &e.closed));
    assert_true(fw_quiet(&w, true));
    end_done(&e);
    fw_done(&w);
    assert_int_equal(access(path, F_OK), -1);
}

static void without_a_tunnel(void **state)
{
    struct fw_world w = { 0 };
    struct end e[4] = { { 0 } };

    (void)state;
    fw_init(&w, loop);
    fw_forward(&w, ADIT_FWD_LOCAL, "127.0.0.1:0:127.0.0.1:%u", fw_tcp(&w));
    fw_permit(&w, "127.0.0.1:*", 0);
    fw_start(&w);
    fw_call(&w, &e[0], 0);
    assert_true(wait_for(loop, &e[0].connected));
    echo_through(&w, &e[0], 1000);
    fw_down(&w);
    assert_true(wait_for(loop, &e[0].closed));
    assert_int_equal(e[0].cause.err, ECONNRESET);
    for (int i = 1; i < 3; i++) {
        fw_call(&w, &e[i], 0);
        assert_true(wait_for(loop, &e[i].closed));
        assert_int_equal(e[i].cause.err, ECONNRESET);
    }
    assert_int_equal(stats(w.a).turned_away, 2);
    fw_up(&w);
    fw_call(&w, &e[3], 0);
    assert_true(wait_for(loop, &e[3].connected));
    echo_through(&w, &e[3], 1000);
    for (int i = 0; i < 4; i++)
        end_done(&e[i]);
    fw_done(&w);
}

/* Which target is reached, with which permit; the port is the echo's. */
static void permits(void **state)
{
    static const struct {
        const char *permit, *to;
        bool reached;
    } rows[] = {
        { "127.0.0.1:%u", "127.0.0.1:%u", true },
        { "any", "127.0.0.1:%u", true },
        { "127.0.0.0/8:*", "127.0.0.1:%u", true },
        { "*:%u", "localhost:%u", true },
        { "localhost:%u", "localhost:%u", true },
        { "127.0.0.1:%u", "localhost:%u", true }, /* the name leads there */
        { "none", "127.0.0.1:%u", false },
        { "127.0.0.1:1", "127.0.0.1:%u", false },
        { "10.0.0.0/8:*", "127.0.0.1:%u", false },
        { "10.0.0.0/8:*", "localhost:%u", false }, /* and not there */
        { "localhost:%u", "127.0.0.1:%u", false },
        { "udp:127.0.0.1:%u", "127.0.0.1:%u", false },
        { "listen:any", "127.0.0.1:%u", false },
        { "any", "service:other", false },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct fw_world w = { 0 };
        struct end e = { .say = "hello", .want = 5 };
        char text[100];

        fw_init(&w, loop);
        snprintf(text, sizeof text, "127.0.0.1:0:%s", rows[i].to);
        fw_forward(&w, ADIT_FWD_LOCAL, text, fw_tcp(&w));
        fw_permit(&w, rows[i].permit, fw_tcp(&w));
        fw_start(&w);
        fw_call(&w, &e, 0);
        assert_true(wait_for(loop, rows[i].reached ? &e.all : &e.closed));
        if (stats(w.b).forbidden != !rows[i].reached || w.echo_count != rows[i].reached)
            fail_msg("%s, %s", rows[i].permit, rows[i].to);
        if (!rows[i].reached)
            assert_int_equal(e.cause.err, ECONNRESET);
        end_done(&e);
        fw_done(&w);
    }
}

static void services(void **state)
{
    struct fw_world w = { 0 };
    struct end e = { .say = "hello", .want = 5 };
    struct adit_fwd_service service = { .name = "echo", .to = { .kind = ADIT_END_TCP } };

    (void)state;
    fw_init(&w, loop);
    snprintf(service.to.name, sizeof service.to.name, "127.0.0.1");
    service.to.port = fw_tcp(&w);
    w.conf_b.services = &service;
    w.conf_b.service_count = 1;
    fw_forward(&w, ADIT_FWD_LOCAL, "127.0.0.1:0:service:echo", 0);
    fw_start(&w);
    fw_call(&w, &e, 0);
    assert_true(wait_for(loop, &e.all));
    end_done(&e);
    fw_done(&w);
}

static void many_at_once(void **state)
{
    enum { MANY = 200, SIZE = 20000 };
    struct fw_world w = { 0 };
    static struct end e[MANY];
    static uint8_t bytes[SIZE];

    (void)state;
    memset(e, 0, sizeof e);
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (uint8_t)(i * 31 + i / 7);
    fw_init(&w, loop);
    fw_forward(&w, ADIT_FWD_LOCAL, "127.0.0.1:0:127.0.0.1:%u", fw_tcp(&w));
    fw_permit(&w, "127.0.0.1:*", 0);
    fw_start(&w);
    for (int i = 0; i < MANY; i++) {
        fw_call(&w, &e[i], 0);
        e[i].want = SIZE;
        e[i].take_none = i == 0; /* one of them reads nothing, and delays nobody */
        assert_int_equal(adit_stream_send(e[i].stream, bytes, SIZE), 0);
    }
    for (int i = 1; i < MANY; i++)
        assert_true(wait_for(loop, &e[i].all));
    e[0].take_none = false;
    adit_stream_resume(e[0].stream);
    assert_true(wait_for(loop, &e[0].all));
    assert_int_equal(stats(w.a).conns, MANY);
    for (int i = 0; i < MANY; i++) {
        assert_memory_equal(e[i].got.data, bytes, SIZE);
        adit_stream_shutdown(e[i].stream);
    }
    assert_true(fw_quiet(&w, true));
    assert_int_equal(stats(w.a).failed + stats(w.b).failed, 0);
    for (int i = 0; i < MANY; i++)
        end_done(&e[i]);
    fw_done(&w);
}

/* At the limit callers wait, and have their turn when somebody has left. */
static void there_is_a_limit(void **state)
{
    struct fw_world w = { .conf_a = { .conns_max = 3 } };
    struct end e[5] = { { 0 } };

    (void)state;
    fw_init(&w, loop);
    fw_forward(&w, ADIT_FWD_LOCAL, "127.0.0.1:0:127.0.0.1:%u", fw_tcp(&w));
    fw_permit(&w, "127.0.0.1:*", 0);
    fw_start(&w);
    for (int i = 0; i < 5; i++) {
        e[i].say = "hello";
        e[i].want = 5;
        fw_call(&w, &e[i], 0);
    }
    for (int i = 0; i < 3; i++)
        assert_true(wait_for(loop, &e[i].all));
    for (int i = 0; i < 20; i++)
        assert_int_equal(adit_loop_process(loop), 0);
    assert_int_equal(e[3].all + e[4].all, 0);
    assert_int_equal(stats(w.a).conns, 3);
    adit_stream_shutdown(e[0].stream);
    assert_true(wait_for(loop, &e[3].all));
    adit_stream_shutdown(e[1].stream);
    assert_true(wait_for(loop, &e[4].all));
    assert_int_equal(stats(w.a).turned_away, 0);
    for (int i = 0; i < 5; i++)
        end_done(&e[i]);
    fw_done(&w);
}

/* The far side has its own limit: what is too much is refused. */
static void so_has_the_far_side(void **state)
{
    struct fw_world w = { .conf_b = { .conns_max = 1 } };
    struct end e[2] = { { .say = "hello", .want = 5 }, { .say = "hello", .want = 5 } };

    (void)state;
    fw_init(&w, loop);
    fw_forward(&w, ADIT_FWD_LOCAL, "127.0.0.1:0:127.0.0.1:%u", fw_tcp(&w));
    fw_permit(&w, "127.0.0.1:*", 0);
    fw_start(&w);
    fw_call(&w, &e[0], 0);
    assert_true(wait_for(loop, &e[0].all));
    fw_call(&w, &e[1], 0);
    assert_true(wait_for(loop, &e[1].closed));
    assert_int_equal(e[1].cause.err, ECONNRESET);
    end_done(&e[0]);
    end_done(&e[1]);
    fw_done(&w);
}

static void remote(void **state)
{
    struct fw_world w = { 0 };
    struct end e[2] = { { .say = "hello", .want = 5 }, { .say = "hello", .want = 5 } };
    struct adit_stream_conf to = { 0 };
    char at[64], text[100];

    (void)state;
    fw_init(&w, loop);
    snprintf(at, sizeof at, "unix:@adit-test-%d", (int)getpid());
    snprintf(text, sizeof text, "%s:127.0.0.1:%u", at, fw_tcp(&w));
    fw_forward(&w, ADIT_FWD_REMOTE, text, 0);
    fw_forward(&w, ADIT_FWD_REMOTE, "0:127.0.0.1:%u", fw_tcp(&w));
    fw_forward(&w, ADIT_FWD_REMOTE, "*:0:127.0.0.1:%u", fw_tcp(&w)); /* not permitted */
    snprintf(text, sizeof text, "listen:%s", at);
    fw_permit(&w, text, 0);
    fw_permit(&w, "listen:0", 0);
    fw_start(&w);
    FW_UNTIL(&w, stats(w.b).listens >= 2 && stats(w.b).forbidden == 1);
    to.host = at;
    adit_buf_init(&e[0].got, 100);
    assert_int_equal(adit_stream_connect(&e[0].stream, loop, &to, &end_ops, &e[0]), 0);
    assert_true(wait_for(loop, &e[0].all));
    assert_int_equal(stats(w.a).conns, 1);
    assert_int_equal(stats(w.b).conns, 1);
    /* The tunnel goes, and with it the listening; with the next one it comes back. */
    fw_down(&w);
    assert_int_equal(stats(w.b).listens, 0);
    assert_true(wait_for(loop, &e[0].eof)); /* local sockets know no reset */
    fw_up(&w);
    FW_UNTIL(&w, stats(w.b).listens >= 2);
    adit_buf_init(&e[1].got, 100);
    assert_int_equal(adit_stream_connect(&e[1].stream, loop, &to, &end_ops, &e[1]), 0);
    assert_true(wait_for(loop, &e[1].all));
    adit_stream_shutdown(e[1].stream);
    assert_true(fw_quiet(&w, true));
    end_done(&e[0]);
    end_done(&e[1]);
    fw_done(&w);
}

/* What a stranger may write in an OPEN: half of it is nonsense, all of it is answered. */
struct answer {
    unsigned closed;
    enum adit_mux_code code;
};

static void on_closed(void *arg, enum adit_mux_code code, const char *text, adit_time now)
{
    struct answer *a = arg;

    (void)text, (void)now;
    a->closed++;
    a->code = code;
}

static void strange_targets(void **state)
{
    static const struct {
        enum adit_mux_kind kind;
        const char *target;
        size_t n;
        enum adit_mux_code code;
    } rows[] = {
        { ADIT_MUX_STREAM, "", 0, ADIT_MUX_UNKNOWN },
        { ADIT_MUX_STREAM, "tcp:127.0.0.1", 13, ADIT_MUX_UNKNOWN },
        { ADIT_MUX_STREAM, "udp:127.0.0.1:1", 15, ADIT_MUX_UNKNOWN },
        { ADIT_MUX_STREAM, "tcp:a\0b:1", 9, ADIT_MUX_UNKNOWN },
        { ADIT_MUX_STREAM, "tcp:10.0.0.1:22", 15, ADIT_MUX_FORBIDDEN },
        { ADIT_MUX_STREAM, "unix:/run/secret", 16, ADIT_MUX_FORBIDDEN },
        { ADIT_MUX_STREAM, "serial:/dev/ttyS99", 18, ADIT_MUX_FORBIDDEN },
        { ADIT_MUX_STREAM, "service:x", 9, ADIT_MUX_FORBIDDEN },
        { ADIT_MUX_STREAM, "tcp:127.0.0.1:1", 15, ADIT_MUX_REFUSED },
        { ADIT_MUX_STREAM, "unix:/nonexistent", 17, ADIT_MUX_NOT_FOUND },
        { ADIT_MUX_STREAM, "serial:/dev/adit-none", 21, ADIT_MUX_NOT_FOUND },
        { ADIT_MUX_STREAM, "serial:/dev/null", 16, ADIT_MUX_REFUSED },
        { ADIT_MUX_DATAGRAMS, "tcp:127.0.0.1:1", 15, ADIT_MUX_UNKNOWN },
        { ADIT_MUX_DATAGRAMS, "udp:127.0.0.1:0", 15, ADIT_MUX_UNKNOWN },
        { ADIT_MUX_DATAGRAMS, "udp:10.0.0.1:53", 15, ADIT_MUX_FORBIDDEN },
        { ADIT_MUX_LISTEN, "", 0, ADIT_MUX_UNKNOWN },
        { ADIT_MUX_LISTEN, "udp:127.0.0.1:0", 15, ADIT_MUX_UNKNOWN },
        { ADIT_MUX_LISTEN, "tcp:web:80", 10, ADIT_MUX_UNKNOWN },
        { ADIT_MUX_LISTEN, "tcp:*:0", 7, ADIT_MUX_FORBIDDEN },
        { ADIT_MUX_LISTEN, "unix:/etc/x", 11, ADIT_MUX_FORBIDDEN },
        { ADIT_MUX_LISTEN, "tcp:192.0.2.1:0", 15, ADIT_MUX_UNREACHABLE },
        { ADIT_MUX_CALLED, "", 0, ADIT_MUX_UNKNOWN },
        { ADIT_MUX_CALLED, "\0\0\0\1", 4, ADIT_MUX_UNKNOWN },
        { ADIT_MUX_HTTP, "GET", 3, ADIT_MUX_UNKNOWN }, /* not ours */
    };
    static const struct adit_mux_stream_ops ops = { .closed = on_closed };
    struct fw_world w = { 0 };

    (void)state;
    fw_init(&w, loop);
    fw_permit(&w, "127.0.0.1:1", 0);
    fw_permit(&w, "unix:/nonexistent", 0);
    fw_permit(&w, "serial:/dev/adit-none", 0);
    fw_permit(&w, "serial:/dev/null", 0);
    fw_permit(&w, "listen:192.0.2.1:*", 0);
    fw_start(&w);
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct answer a = { 0 };
        struct adit_mux_stream *s;

        assert_int_equal(
            adit_mux_open(&s, w.pair.a.mux, rows[i].kind, rows[i].target, rows[i].n, &ops, &a), 0);
        assert_true(wait_for(loop, &a.closed));
        if (a.code != rows[i].code)
            fail_msg("row %zu (%s): %s", i, rows[i].target, adit_mux_code_text(a.code));
    }
    assert_true(fw_quiet(&w, true));
    fw_done(&w);
}

static void standard_input_and_output(void **state)
{
    struct fw_world w = { 0 };
    int in[2], out[2];
    char bytes[16];

    (void)state;
    assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
    fw_init(&w, loop);
    fw_forward(&w, ADIT_FWD_STDIO, "127.0.0.1:%u", fw_tcp(&w));
    fw_permit(&w, "127.0.0.1:*", 0);
    w.conf_a.in = in[0];
    w.conf_a.out = out[1];
    fw_start(&w);
    assert_int_equal(write(in[1], "SSH-2.0-\0\r\n\377", 12), 12);
    FW_UNTIL(&w, stats(w.a).bytes_in == 12);
    assert_int_equal(read(out[0], bytes, sizeof bytes), 12);
    assert_memory_equal(bytes, "SSH-2.0-\0\r\n\377", 12);
    assert_int_equal(w.done, 0);
    close(in[1]);
    assert_true(wait_for(loop, &w.done));
    assert_int_equal(w.done_cause.reason, ADIT_REASON_NONE);
    assert_int_equal(read(out[0], bytes, sizeof bytes),
                     0); /* its end is seen, though out[1] is open */
    assert_true(fw_quiet(&w, true));
    fw_done(&w);
    close(in[0]);
    close(out[0]);
    close(out[1]);
}

static void why_there_is_none(void **state)
{
    static const struct {
        const char *to;
        enum adit_reason reason;
        int err;
    } rows[] = {
        { "127.0.0.1:1", ADIT_REASON_NO_PATH, ECONNREFUSED },
        { "10.0.0.1:22", ADIT_REASON_NO_PATH, EACCES },
        { "/nonexistent", ADIT_REASON_NO_PATH, ENOENT },
        { "shell", ADIT_REASON_NO_PATH, EACCES },
    };
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct fw_world w = { 0 };

        fw_init(&w, loop);
        fw_forward(&w, ADIT_FWD_STDIO, rows[i].to, 0);
        fw_permit(&w, "127.0.0.1:1", 0);
        fw_permit(&w, "unix:/nonexistent", 0);
        w.conf_a.in = w.conf_a.out = null;
        fw_start(&w);
        assert_true(wait_for(loop, &w.done));
        assert_int_equal(w.done_cause.reason, rows[i].reason);
        assert_int_equal(w.done_cause.err, rows[i].err);
        fw_done(&w);
    }
    close(null);
}

static void cannot_listen(void **state)
{
    struct fw_world w = { 0 };
    struct adit_forwards *second = NULL;
    struct adit_fwd list[2];
    struct adit_forwards_conf conf = { .loop = loop, .list = list, .count = 2 };
    struct adit_cause cause = { .text = "" };
    char text[100];

    (void)state;
    fw_init(&w, loop);
    fw_forward(&w, ADIT_FWD_LOCAL, "127.0.0.1:0:x:1", 0);
    fw_forward(&w, ADIT_FWD_UDP, "127.0.0.1:0:x:1", 0);
    fw_start(&w);
    for (int udp = 0; udp < 2; udp++) {
        list[0] = w.list[0];
        snprintf(text, sizeof text, "%s:x:1", adit_forwards_at(w.a, (size_t)udp, 0));
        assert_int_equal(
            adit_fwd_parse(&list[1], udp ? ADIT_FWD_UDP : ADIT_FWD_LOCAL, text, &cause), 0);
        assert_int_equal(adit_forwards_start(&second, &conf, NULL, NULL, &cause), -EADDRINUSE);
        assert_non_null(strstr(cause.text, "cannot listen"));
    }
    fw_done(&w);
}

/* The tunnel ends behind each of the messages in turn; then there is another one. */
static void cut_at_every_boundary(void **state)
{
    (void)state;
    for (unsigned n = 1;; n++) {
        struct fw_world w = { 0 };
        struct end e[2] = { { .say = "hello", .want = 5 }, { .say = "hello", .want = 5 } };
        char at[64], text[100];
        struct adit_stream_conf to = { .host = at };
        bool over = false;

        fw_init(&w, loop);
        fw_forward(&w, ADIT_FWD_LOCAL, "127.0.0.1:0:127.0.0.1:%u", fw_tcp(&w));
        snprintf(at, sizeof at, "unix:@adit-test-%d", (int)getpid());
        snprintf(text, sizeof text, "%s:127.0.0.1:%u", at, fw_tcp(&w));
        fw_forward(&w, ADIT_FWD_REMOTE, text, 0);
        fw_permit(&w, "any", 0);
        fw_permit(&w, "listen:any", 0);
        w.pair.cut_at = n;
        fw_start(&w);
        fw_call(&w, &e[0], 0);
        FW_UNTIL(&w, w.pair.is_cut || (stats(w.b).listens && e[0].all));
        if (!w.pair.is_cut) {
            adit_buf_init(&e[1].got, 100);
            assert_int_equal(adit_stream_connect(&e[1].stream, loop, &to, &end_ops, &e[1]), 0);
            FW_UNTIL(&w, w.pair.is_cut || e[1].all);
        }
        for (int i = 0; i < 2 && !w.pair.is_cut; i++) {
            adit_stream_shutdown(e[i].stream);
            FW_UNTIL(&w, w.pair.is_cut || e[i].closed);
        }
        for (int i = 0; i < 30; i++)
            assert_int_equal(adit_loop_process(loop), 0);
        over = !w.pair.is_cut;
        w.pair.cut_at = 0;
        fw_down(&w);
        assert_true(fw_quiet(&w, true));
        assert_int_equal(stats(w.b).listens, 0);
        fw_up(&w);
        end_done(&e[0]);
        end_done(&e[1]);
        e[0] = (struct end){ .say = "again", .want = 5 };
        fw_call(&w, &e[0], 0);
        assert_true(wait_for(loop, &e[0].all));
        end_done(&e[0]);
        fw_done(&w);
        if (over)
            break;
    }
}

static void without_memory(void **state)
{
    (void)state;
    for (uint64_t n = 0;; n++) {
        struct fw_world w = { 0 };
        struct end e = { .say = "hello", .want = 5 };
        struct adit_cause cause;
        uint64_t asked;

        fw_init(&w, loop);
        fw_forward(&w, ADIT_FWD_LOCAL, "127.0.0.1:0:localhost:%u", fw_tcp(&w));
        fw_forward(&w, ADIT_FWD_SOCKS, "127.0.0.1:0", 0);
        fw_forward(&w, ADIT_FWD_UDP, "127.0.0.1:0:127.0.0.1:%u", fw_udp(&w));
        fw_forward(&w, ADIT_FWD_REMOTE, "0:127.0.0.1:%u", fw_tcp(&w));
        fw_permit(&w, "127.0.0.1:*", 0);
        fw_permit(&w, "listen:any", 0);
        w.conf_a.loop = w.conf_b.loop = loop;
        w.conf_a.list = w.list;
        w.conf_b.permits = &w.permits;
        adit_alloc_fail_once(n);
        bool started = adit_forwards_start(&w.a, &w.conf_a, NULL, NULL, &cause) == 0 &&
                       adit_forwards_start(&w.b, &w.conf_b, NULL, NULL, &cause) == 0;
        asked = adit_alloc_count();
        adit_alloc_fail_at(UINT64_MAX);
        if (started) {
            fw_up(&w);
            FW_UNTIL(&w, stats(w.b).listens);
            adit_buf_init(&e.got, 4096);
            adit_buf_add(&e.got, "", 1);
            e.want = 6;
            fw_call(&w, &e, 0);
            assert_true(wait_for(loop, &e.connected));
            uint64_t later = n > asked ? n - asked : UINT64_MAX;
            adit_alloc_fail_once(later);
            for (int i = 0; i < 300 && !e.all && !e.closed && !e.eof; i++)
                fw_turn(&w);
            bool last = n > asked && adit_alloc_count() <= later;
            adit_alloc_fail_at(UINT64_MAX);
            assert_true(e.all || e.closed || e.eof);
            if (last) {
                assert_true(e.all);
                end_done(&e);
                fw_done(&w);
                break;
            }
        }
        end_done(&e);
        fw_done(&w);
    }
}

static int set_up(void **state)
{
    (void)state;
    fds_before = open_fds();
    loop = adit_loop_new();
    return loop ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    loop = adit_loop_free(loop);
    assert_int_equal(open_fds(), fds_before);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(local, set_up, tear_down),
        cmocka_unit_test_setup_teardown(paths, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_tunnel, set_up, tear_down),
        cmocka_unit_test_setup_teardown(permits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(services, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(there_is_a_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(so_has_the_far_side, set_up, tear_down),
        cmocka_unit_test_setup_teardown(remote, set_up, tear_down),
        cmocka_unit_test_setup_teardown(strange_targets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(standard_input_and_output, set_up, tear_down),
        cmocka_unit_test_setup_teardown(why_there_is_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cannot_listen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cut_at_every_boundary, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_memory, set_up, tear_down),
    };

    signal(SIGPIPE, SIG_IGN); /* as the program does */
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
