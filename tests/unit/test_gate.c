/* test_gate.c - packets on a stream, and one TCP port for several users. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "core/frame.h"
#include "core/gate.h"
#include "wait.h"

static struct adit_loop *loop;
static unsigned fds_before;

/* ---- frames ---------------------------------------------------------------------------------- */

static void frames(void **state)
{
    static const struct {
        const char *in;
        size_t n;
        ssize_t taken;
        size_t packet;
    } rows[] = {
        { "", 0, 0, 0 },
        { "\0", 1, 0, 0 },
        { "\0\0", 2, 2, 0 },
        { "\0\1", 2, 0, 0 },
        { "\0\1x", 3, 3, 1 },
        { "\0\2xyz", 5, 4, 2 },
        { "\1\0x", 3, 0, 0 },
        { "\x40\0", 2, 0, 0 }, /* the largest one */
        { "\x40\1", 2, -EMSGSIZE, 0 },
        { "\xff\xff", 2, -EMSGSIZE, 0 },
        { "GET / HTTP/1.1", 14, -EMSGSIZE, 0 },
        { "\x16\x03\x01", 3, 0, 0 }, /* TLS: 5635 bytes never come, or are not known */
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_span packet = { 0 };

        if (adit_frame_next(&packet, (const uint8_t *)rows[i].in, rows[i].n) != rows[i].taken ||
            packet.len != rows[i].packet)
            fail_msg("row %zu", i);
    }
}

/* ---- a gate ---------------------------------------------------------------------------------- */

struct user {
    struct adit_gate_user gate;
    uint8_t sign; /* its packets begin with */
    struct adit_stream *stream;
    unsigned entered, got, over;
    uint8_t bytes[64];
};

static void on_connected(void *arg, adit_time now)
{
    (void)arg;
    (void)now;
}

static size_t on_data(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct user *u = arg;

    (void)now;
    assert_in_range(n, 1, sizeof u->bytes - u->got);
    memcpy(u->bytes + u->got, bytes, n);
    u->got += (unsigned)n;
    return n;
}

static void on_closed(void *arg, const struct adit_cause *cause, adit_time now)
{
    struct user *u = arg;

    (void)cause;
    (void)now;
    u->over++;
    u->stream = adit_stream_free(u->stream);
}

static const struct adit_stream_ops stream_ops = { .connected = on_connected,
                                                   .data = on_data,
                                                   .closed = on_closed };

static bool on_claim(void *arg, const void *packet, size_t n)
{
    const struct user *u = arg;

    return n && *(const uint8_t *)packet == u->sign;
}

static void on_enter(void *arg, struct adit_stream *stream, adit_time now)
{
    struct user *u = arg;

    (void)now;
    u->entered++;
    u->stream = stream;
    adit_stream_hand_over(stream, &stream_ops, u);
}

static const struct adit_gate_ops ops = { .claim = on_claim, .enter = on_enter };

static struct adit_addr at(uint16_t port)
{
    struct adit_addr a;

    (void)!adit_addr_parse(&a, "127.0.0.1", 9);
    a.port = port;
    return a;
}

static void join(struct user *u, uint8_t sign, uint16_t port)
{
    struct adit_addr addr = at(port);

    *u = (struct user){ .sign = sign };
    assert_int_equal(adit_gate_join(&u->gate, loop, &addr, 0, &ops, u), 0);
}

static void leave(struct user *u)
{
    u->stream = adit_stream_free(u->stream);
    adit_gate_leave(&u->gate);
    assert_null(u->gate.gate);
    adit_gate_leave(&u->gate);
}

static int call(const struct user *u)
{
    struct sockaddr_storage sa;
    unsigned len = adit_addr_to_sockaddr(adit_gate_addr(&u->gate), (struct sockaddr *)&sa);
    int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(connect(fd, (struct sockaddr *)&sa, len), 0);
    return fd;
}

static void say(int fd, const void *bytes, size_t n)
{
    assert_int_equal(send(fd, bytes, n, MSG_NOSIGNAL), n);
}

struct ear {
    struct adit_io io;
    unsigned over;
};

static void on_ready(struct adit_io *io, uint32_t events, adit_time now)
{
    (void)events;
    (void)now;
    adit_container_of(io, struct ear, io)->over = 1;
    adit_io_stop(io);
}

/* The other side ends it. */
static bool thrown_out(int fd)
{
    struct ear ear = { .over = 0 };
    bool over = adit_io_start(&ear.io, loop, fd, EPOLLIN, on_ready, "ear") == 0 &&
                wait_for(loop, &ear.over);
    char byte;

    adit_io_stop(&ear.io);
    over = over && recv(fd, &byte, 1, MSG_DONTWAIT) <= 0;
    close(fd);
    return over;
}

static void told_apart_by_the_first_packet(void **state)
{
    struct user a, b;

    (void)state;
    join(&a, 'a', 0);
    join(&b, 'b', adit_gate_addr(&a.gate)->port);
    assert_ptr_equal(a.gate.gate, b.gate.gate);
    int to_b = call(&b), to_a = call(&b);
    say(to_b, "\0\3b", 3); /* in two pieces */
    say(to_a, "\0\1a\0\2xy", 7);
    assert_true(wait_for(loop, &a.got));
    assert_int_equal(b.entered, 0);
    say(to_b, "12", 2);
    assert_true(wait_for(loop, &b.got));
    assert_int_equal(a.entered, 1);
    assert_int_equal(a.got, 7); /* the first one, too */
    assert_memory_equal(a.bytes, "\0\1a\0\2xy", 7);
    assert_int_equal(b.got, 5);
    assert_memory_equal(b.bytes, "\0\3b12", 5);
    close(to_a);
    assert_true(wait_for(loop, &a.over));
    assert_int_equal(b.over, 0);
    /* The gate stays open for the one who is left. */
    leave(&a);
    int again = call(&b);
    say(again, "\0\1a", 3);
    assert_true(thrown_out(again));
    leave(&b);
    close(to_b);
}

static void who_says_nonsense_is_out(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
    } rows[] = {
        { "\0\1x", 3 },
        { "\0\0", 2 },
        { "GET / HTTP/1.1\r\n", 16 },
        { "\xff\xff", 2 },
    };
    struct user a;

    (void)state;
    join(&a, 'a', 0);
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        int fd = call(&a);

        say(fd, rows[i].bytes, rows[i].n);
        if (!thrown_out(fd))
            fail_msg("row %zu", i);
    }
    assert_int_equal(a.entered, 0);
    leave(&a);
}

static void the_oldest_stranger_makes_room(void **state)
{
    int silent[ADIT_GATE_STRANGERS];
    struct user a;

    (void)state;
    join(&a, 'a', 0);
    for (size_t i = 0; i < ADIT_LEN(silent); i++) {
        silent[i] = call(&a);
        for (int k = 0; k < 5; k++) /* it is taken */
            if (adit_loop_process(loop) < 0)
                fail();
    }
    int fd = call(&a);
    say(fd, "\0\1a", 3);
    assert_true(wait_for(loop, &a.entered));
    assert_true(thrown_out(silent[0]));
    for (size_t i = 1; i < ADIT_LEN(silent); i++) {
        char byte;

        assert_int_equal(recv(silent[i], &byte, 1, MSG_DONTWAIT), -1);
        assert_int_equal(errno, EAGAIN);
    }
    leave(&a); /* and the others go with the gate */
    for (size_t i = 1; i < ADIT_LEN(silent); i++)
        assert_true(thrown_out(silent[i]));
    close(fd);
}

static void a_port_that_somebody_else_has(void **state)
{
    struct user a, b = { .sign = 'b' };
    struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof sa;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, len), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
    struct adit_addr addr = at(ntohs(sa.sin_port));
    assert_int_equal(adit_gate_join(&b.gate, loop, &addr, 0, &ops, &b), -EADDRINUSE);
    adit_gate_leave(&b.gate);
    join(&a, 'a', 0);
    leave(&a);
    close(fd);
}

static void without_memory(void **state)
{
    struct adit_addr addr = at(0);
    struct user a = { .sign = 'a' };
    int err = -ENOMEM;

    (void)state;
    for (uint64_t n = 0; err; n++) {
        adit_alloc_fail_at(n);
        err = adit_gate_join(&a.gate, loop, &addr, 0, &ops, &a);
        adit_alloc_fail_at(UINT64_MAX);
        assert_true(err == 0 || err == -ENOMEM);
    }
    leave(&a);
}

static int setup(void **state)
{
    (void)state;
    fds_before = open_fds();
    loop = adit_loop_new();
    return loop ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    loop = adit_loop_free(loop);
    assert_int_equal(open_fds(), fds_before);
    return 0;
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames),         T(told_apart_by_the_first_packet),
        T(who_says_nonsense_is_out),      T(the_oldest_stranger_makes_room),
        T(a_port_that_somebody_else_has), T(without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
