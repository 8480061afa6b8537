/* A stream of the mux joined to sockets and descriptors: bytes, ends, resets, backpressure. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/endpoint.h"
#include "app/serial.h"
#include "base/alloc.h"
#include "fwd_ends.h"
#include "mux_pair.h"
#include "stream_ends.h"
#include "wait.h"

static struct adit_loop *loop;
static unsigned fds_before;

/* client - left ==mux== right - server; what is asked of the right is in `to`. */
struct path {
    struct mux_pair *pair;
    struct end client, server;
    struct side left, right;
};

static void path_open(struct path *p, struct mux_pair *pair)
{
    p->pair = pair;
    pair->b.opened = side_opened;
    pair->b.arg = &p->right;
    side_init(&p->left, loop);
    side_init(&p->right, loop);
    side_pair(loop, &p->client, &p->left.fd);
    side_pair(loop, &p->server, &p->right.fd);
    assert_int_equal(adit_endpoint_open(p->left.endpoint, pair->a.mux, ADIT_MUX_STREAM, "x", 1), 0);
    side_accept(&p->left);
    assert_true(wait_for(loop, &p->right.opened));
    assert_true(wait_for(loop, &p->left.stands));
}

static void path_done(struct path *p)
{
    end_done(&p->client);
    end_done(&p->server);
    side_done(&p->left);
    side_done(&p->right);
}

static void bytes_go_both_ways_and_each_ends(void **state)
{
    enum { SIZE = 3 * 1000 * 1000 };
    static const size_t buffers[] = { 0, 20 * 1024, 1024 };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(buffers); i++) {
        struct mux_pair pair = { .buffer = buffers[i] };
        struct path p = { 0 };

        mux_pair_start(&pair, loop, NULL, NULL);
        path_open(&p, &pair);
        side_pump(loop, &p.client, &p.server, SIZE, &p.server, &p.client, SIZE);
        adit_stream_shutdown(p.client.stream);
        assert_true(wait_for(loop, &p.server.eof));
        side_pump(loop, &p.server, &p.client, 1000, NULL, NULL, 0); /* the other half goes on */
        assert_int_equal(p.left.done + p.right.done, 0);
        adit_stream_shutdown(p.server.stream);
        assert_true(wait_for(loop, &p.client.eof));
        assert_true(wait_for(loop, &p.left.done));
        assert_true(wait_for(loop, &p.right.done));
        assert_int_equal(p.left.code, ADIT_MUX_DONE);
        assert_int_equal(p.right.code, ADIT_MUX_DONE);
        assert_true(wait_for(loop, &p.client.closed));
        assert_int_equal(p.client.cause.err, 0);
        assert_int_equal(adit_mux_count(pair.a.mux) + adit_mux_count(pair.b.mux), 0);
        assert_int_equal(adit_mux_held(pair.a.mux) + adit_mux_held(pair.b.mux), 0);
        assert_int_equal(adit_mux_queued(pair.a.mux) + adit_mux_queued(pair.b.mux), 0);
        path_done(&p);
        mux_pair_stop(&pair);
    }
}

static void a_reset_is_one_at_the_other_end(void **state)
{
    (void)state;
    for (int side = 0; side < 2; side++) {
        struct mux_pair pair = { 0 };
        struct path p = { 0 };
        struct end *one = side ? &p.server : &p.client, *other = side ? &p.client : &p.server;

        mux_pair_start(&pair, loop, NULL, NULL);
        path_open(&p, &pair);
        side_pump(loop, &p.client, &p.server, 1000, &p.server, &p.client, 1000);
        one->stream = adit_stream_abort(one->stream);
        assert_true(wait_for(loop, &other->closed));
        assert_int_equal(other->cause.err, ECONNRESET);
        assert_int_equal(other->eof, 0);
        assert_int_equal(p.left.done + p.right.done, 2);
        assert_int_equal(p.left.code, ADIT_MUX_BROKEN);
        assert_int_equal(p.right.code, ADIT_MUX_BROKEN);
        path_done(&p);
        mux_pair_stop(&pair);
    }
}

/* Also after one half has ended as it should. */
static void a_reset_after_an_end(void **state)
{
    struct mux_pair pair = { 0 };
    struct path p = { 0 };

    (void)state;
    mux_pair_start(&pair, loop, NULL, NULL);
    path_open(&p, &pair);
    adit_stream_shutdown(p.client.stream);
    assert_true(wait_for(loop, &p.server.eof));
    p.server.stream = adit_stream_abort(p.server.stream);
    assert_true(wait_for(loop, &p.client.closed));
    assert_int_equal(p.client.cause.err, ECONNRESET);
    assert_int_equal(p.client.eof, 0);
    path_done(&p);
    mux_pair_stop(&pair);
}

static void a_lost_tunnel_is_a_reset(void **state)
{
    struct mux_pair pair = { 0 };
    struct path p = { 0 };

    (void)state;
    mux_pair_start(&pair, loop, NULL, NULL);
    path_open(&p, &pair);
    mux_pair_cut(&pair);
    assert_int_equal(p.left.code, ADIT_MUX_LOST);
    assert_int_equal(p.right.code, ADIT_MUX_LOST);
    assert_true(wait_for(loop, &p.client.closed));
    assert_true(wait_for(loop, &p.server.closed));
    assert_int_equal(p.client.cause.err, ECONNRESET);
    assert_int_equal(p.server.cause.err, ECONNRESET);
    path_done(&p);
    mux_pair_stop(&pair);
}

/* The server reads nothing: the client is held up, memory is bounded, and others are not late. */
static void who_reads_slowly_delays_nobody(void **state)
{
    enum { SIZE = 3 * 1000 * 1000 };
    struct adit_mux_conf small = { .memory = 1024 * 1024 };
    struct mux_pair pair = { 0 };
    struct path slow = { 0 }, fast = { 0 };
    static uint8_t bytes[64 * 1024];
    size_t sent = 0;

    (void)state;
    mux_pair_start(&pair, loop, &small, &small);
    path_open(&slow, &pair);
    slow.server.take_none = true;
    for (int idle = 0; idle < 100; idle++) {
        if (adit_stream_send(slow.client.stream, bytes, sizeof bytes) == 0) {
            sent += sizeof bytes;
            idle = 0;
        }
        assert_int_equal(adit_loop_process(loop), 0);
        assert_true(adit_mux_queued(pair.a.mux) <= small.memory);
        assert_true(adit_mux_held(pair.b.mux) <= small.memory);
    }
    assert_true(adit_mux_held(pair.b.mux) > 0);
    path_open(&fast, &pair);
    side_pump(loop, &fast.client, &fast.server, SIZE, &fast.server, &fast.client, SIZE);
    assert_true(slow.server.got.len < sent);
    slow.server.take_none = false;
    slow.server.want = sent;
    slow.server.all = 0;
    adit_stream_resume(slow.server.stream);
    assert_true(wait_for(loop, &slow.server.all));
    assert_int_equal(slow.server.got.len, sent);
    path_done(&fast);
    path_done(&slow);
    mux_pair_stop(&pair);
}

static void what_comes_early_is_kept(void **state)
{
    struct mux_pair pair = { 0 };
    struct path p = { 0 };

    (void)state;
    mux_pair_start(&pair, loop, NULL, NULL);
    pair.b.opened = side_opened;
    pair.b.arg = &p.right;
    side_init(&p.left, loop);
    side_init(&p.right, loop);
    p.right.late = true;
    p.client.say = "early";
    side_pair(loop, &p.client, &p.left.fd);
    side_pair(loop, &p.server, &p.right.fd);
    assert_int_equal(adit_endpoint_open(p.left.endpoint, pair.a.mux, ADIT_MUX_STREAM, "x", 1), 0);
    side_accept(&p.left);
    assert_true(wait_for(loop, &p.right.opened));
    adit_stream_shutdown(p.client.stream);
    for (int i = 0; i < 20; i++)
        assert_int_equal(adit_loop_process(loop), 0);
    assert_int_equal(p.left.stands, 0);
    assert_int_equal(adit_mux_held(pair.b.mux), 5);
    side_accept(&p.right);
    assert_true(wait_for(loop, &p.server.eof));
    assert_string_equal(adit_buf_str(&p.server.got), "early");
    assert_int_equal(p.left.stands, 1);
    adit_stream_shutdown(p.server.stream);
    assert_true(wait_for(loop, &p.right.done));
    assert_int_equal(p.right.code, ADIT_MUX_DONE);
    path_done(&p);
    mux_pair_stop(&pair);
}

static void why_it_cannot_be_reached(void **state)
{
    static const struct {
        const char *host;
        uint16_t port;
        enum adit_mux_code code;
    } rows[] = {
        { "127.0.0.1", 1, ADIT_MUX_REFUSED },
        { "unix:/nonexistent/socket", 0, ADIT_MUX_NOT_FOUND },
        { "unix:/", 0, ADIT_MUX_REFUSED },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct mux_pair pair = { 0 };
        struct path p = { 0 };
        struct adit_stream_conf conf = { .host = rows[i].host, .port = rows[i].port };

        mux_pair_start(&pair, loop, NULL, NULL);
        pair.b.opened = side_opened;
        pair.b.arg = &p.right;
        side_init(&p.left, loop);
        side_init(&p.right, loop);
        p.right.to = &conf;
        side_pair(loop, &p.client, &p.left.fd);
        assert_int_equal(adit_endpoint_open(p.left.endpoint, pair.a.mux, ADIT_MUX_STREAM, "x", 1),
                         0);
        side_accept(&p.left);
        assert_true(wait_for(loop, &p.client.closed));
        assert_int_equal(p.client.cause.err, ECONNRESET);
        assert_int_equal(p.left.stands, 0);
        assert_int_equal(p.left.code, rows[i].code);
        assert_int_equal(p.right.code, rows[i].code);
        path_done(&p);
        mux_pair_stop(&pair);
    }
}

/* Pipes in place of a socket: as standard input and output. */
static void descriptors(void **state)
{
    struct mux_pair pair = { 0 };
    struct path p = { 0 };
    int in[2], out[2];
    char bytes[16];

    (void)state;
    assert_int_equal(pipe(in) | pipe(out), 0);
    mux_pair_start(&pair, loop, NULL, NULL);
    pair.b.opened = side_opened;
    pair.b.arg = &p.right;
    side_init(&p.left, loop);
    side_init(&p.right, loop);
    p.server.want = 8;
    side_pair(loop, &p.server, &p.right.fd);
    assert_int_equal(adit_endpoint_open(p.left.endpoint, pair.a.mux, ADIT_MUX_STREAM, "x", 1), 0);
    assert_int_equal(adit_endpoint_files(p.left.endpoint, in[0], out[1], false), 0);
    assert_int_equal(write(in[1], "question", 8), 8);
    close(in[1]);
    assert_true(wait_for(loop, &p.server.eof));
    assert_string_equal(adit_buf_str(&p.server.got), "question");
    assert_int_equal(adit_stream_send(p.server.stream, "answer", 6), 0);
    adit_stream_shutdown(p.server.stream);
    assert_true(wait_for(loop, &p.left.done));
    assert_int_equal(p.left.ended, 1);
    assert_int_equal(p.left.code, ADIT_MUX_DONE);
    assert_int_equal(read(out[0], bytes, sizeof bytes), 6);
    assert_memory_equal(bytes, "answer", 6);
    path_done(&p);
    mux_pair_stop(&pair);
    close(in[0]);
    close(out[0]);
    close(out[1]);
}

/* Nobody reads the pipe: what waits is bounded by the window, and arrives when somebody does. */
static void a_full_pipe_holds_the_sender_up(void **state)
{
    enum { SIZE = 2 * 1000 * 1000 };
    struct mux_pair pair = { 0 };
    struct path p = { 0 };
    static uint8_t bytes[SIZE], got[SIZE];
    int in[2], out[2];
    size_t sent = 0, have = 0;

    (void)state;
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 251);
    assert_int_equal(pipe(in) | pipe(out), 0);
    mux_pair_start(&pair, loop, NULL, NULL);
    pair.b.opened = side_opened;
    pair.b.arg = &p.right;
    side_init(&p.left, loop);
    side_init(&p.right, loop);
    side_pair(loop, &p.server, &p.right.fd);
    assert_int_equal(adit_endpoint_open(p.left.endpoint, pair.a.mux, ADIT_MUX_STREAM, "x", 1), 0);
    assert_int_equal(adit_endpoint_files(p.left.endpoint, in[0], out[1], false), 0);
    while (have < SIZE) {
        size_t part = SIZE - sent < 50000 ? SIZE - sent : 50000;

        if (part && adit_stream_send(p.server.stream, bytes + sent, part) == 0)
            sent += part;
        assert_int_equal(adit_loop_process(loop), 0);
        if (adit_mux_held(pair.a.mux) > 100000 || sent == SIZE) {
            ssize_t n = read(out[0], got + have, SIZE - have < 10000 ? SIZE - have : 10000);

            assert_true(n > 0);
            have += (size_t)n;
        }
    }
    assert_memory_equal(got, bytes, SIZE);
    path_done(&p);
    mux_pair_stop(&pair);
    close(in[0]);
    close(in[1]);
    close(out[0]);
    close(out[1]);
}

static void nobody_reads_our_output(void **state)
{
    struct mux_pair pair = { 0 };
    struct path p = { 0 };
    int in[2], out[2];

    (void)state;
    assert_int_equal(pipe(in) | pipe(out), 0);
    mux_pair_start(&pair, loop, NULL, NULL);
    pair.b.opened = side_opened;
    pair.b.arg = &p.right;
    side_init(&p.left, loop);
    side_init(&p.right, loop);
    side_pair(loop, &p.server, &p.right.fd);
    assert_int_equal(adit_endpoint_open(p.left.endpoint, pair.a.mux, ADIT_MUX_STREAM, "x", 1), 0);
    assert_int_equal(adit_endpoint_files(p.left.endpoint, in[0], out[1], false), 0);
    close(out[0]);
    assert_int_equal(adit_stream_send(p.server.stream, "answer", 6), 0);
    assert_true(wait_for(loop, &p.server.closed));
    assert_int_equal(p.server.cause.err, ECONNRESET);
    assert_int_equal(p.left.code, ADIT_MUX_BROKEN);
    assert_non_null(strstr(p.left.text, "cannot write output"));
    path_done(&p);
    mux_pair_stop(&pair);
    close(in[0]);
    close(in[1]);
    close(out[1]);
}

/* A pseudo-terminal is the nearest thing to a serial device. */
static void a_serial_device(void **state)
{
    struct mux_pair pair = { 0 };
    struct path p = { 0 };
    int master = posix_openpt(O_RDWR | O_NOCTTY), fd;
    char name[64], bytes[16];

    (void)state;
    assert_true(master >= 0);
    assert_int_equal(grantpt(master) | unlockpt(master), 0);
    assert_int_equal(ptsname_r(master, name, sizeof name), 0);
    assert_int_equal(adit_serial_open(name, 12345), -EINVAL);
    assert_int_equal(adit_serial_open("/dev/null", 0), -ENOTTY);
    assert_int_equal(adit_serial_open("/dev/nonexistent", 0), -ENOENT);
    fd = adit_serial_open(name, 115200);
    assert_true(fd >= 0);
    assert_int_equal(adit_serial_open(name, 115200), -EBUSY);

    mux_pair_start(&pair, loop, NULL, NULL);
    pair.b.opened = side_opened;
    pair.b.arg = &p.right;
    side_init(&p.left, loop);
    side_init(&p.right, loop);
    p.right.serial = fd;
    p.client.want = 4;
    side_pair(loop, &p.client, &p.left.fd);
    assert_int_equal(adit_endpoint_open(p.left.endpoint, pair.a.mux, ADIT_MUX_STREAM, "x", 1), 0);
    side_accept(&p.left);
    assert_true(wait_for(loop, &p.left.stands));
    assert_int_equal(write(master, "\r\n\003\377", 4), 4); /* raw: nothing is changed */
    assert_true(wait_for(loop, &p.client.all));
    assert_memory_equal(p.client.got.data, "\r\n\003\377", 4);
    assert_int_equal(adit_stream_send(p.client.stream, "\n\0\004", 3), 0);
    adit_stream_shutdown(p.client.stream);
    assert_true(wait_for(loop, &p.client.eof));
    assert_true(wait_for(loop, &p.right.done));
    assert_int_equal(p.right.code, ADIT_MUX_DONE);
    assert_int_equal(read(master, bytes, sizeof bytes), 3);
    assert_memory_equal(bytes, "\n\0\004", 3);
    path_done(&p);
    mux_pair_stop(&pair);
    close(master);
}

/* The tunnel ends behind each of the messages in turn: nothing is left. */
static void cut_at_every_boundary(void **state)
{
    (void)state;
    for (unsigned n = 1;; n++) {
        struct mux_pair pair = { .cut_at = n };
        struct path p = { .client = { .say = "question", .close_at_eof = true },
                          .server = { .say = "answer", .close_at_eof = true } };
        unsigned both = 0;

        mux_pair_start(&pair, loop, NULL, NULL);
        pair.b.opened = side_opened;
        pair.b.arg = &p.right;
        side_init(&p.left, loop);
        side_init(&p.right, loop);
        side_pair(loop, &p.client, &p.left.fd);
        side_pair(loop, &p.server, &p.right.fd);
        assert_int_equal(adit_endpoint_open(p.left.endpoint, pair.a.mux, ADIT_MUX_STREAM, "x", 1),
                         0);
        side_accept(&p.left);
        for (int i = 0; i < 1000 && !both; i++) {
            assert_int_equal(adit_loop_process(loop), 0);
            if (i == 10 && !p.client.closed)
                adit_stream_shutdown(p.client.stream);
            both = p.left.done && (p.right.done || !p.right.opened);
        }
        assert_true(both);
        bool whole = !pair.is_cut;
        path_done(&p);
        mux_pair_stop(&pair);
        if (whole) {
            assert_true(n > 4);
            break;
        }
    }
}

static void without_memory_it_ends(void **state)
{
    (void)state;
    for (uint64_t n = 0;; n++) {
        struct mux_pair pair = { .may_break = true };
        struct path p = { .client = { .say = "question", .close_at_eof = true },
                          .server = { .say = "answer", .close_at_eof = true } };
        bool done = false;

        mux_pair_start(&pair, loop, NULL, NULL);
        pair.b.opened = side_opened;
        pair.b.arg = &p.right;
        side_init(&p.left, loop);
        side_init(&p.right, loop);
        side_pair(loop, &p.client, &p.left.fd);
        side_pair(loop, &p.server, &p.right.fd);
        adit_buf_init(&p.client.got, 100);
        adit_buf_init(&p.server.got, 100);
        adit_buf_add(&p.client.got, "0123456789abcdef0123456789abcdef", 32);
        adit_buf_add(&p.server.got, "0123456789abcdef0123456789abcdef", 32);
        for (int i = 0; i < 3; i++)
            assert_int_equal(adit_loop_process(loop), 0);
        adit_alloc_fail_once(n);
        p.left.may_fail = p.right.may_fail = true;
        if (adit_endpoint_open(p.left.endpoint, pair.a.mux, ADIT_MUX_STREAM, "x", 1) == 0)
            side_accept(&p.left);
        for (int i = 0; i < 200 && !done; i++) {
            assert_int_equal(adit_loop_process(loop), 0);
            if (i == 10 && !p.client.closed)
                adit_stream_shutdown(p.client.stream);
            done = p.left.done && p.right.done;
        }
        uint64_t asked = adit_alloc_count();
        adit_alloc_fail_at(UINT64_MAX);
        path_done(&p);
        mux_pair_stop(&pair);
        if (asked <= n) {
            assert_true(done);
            break;
        }
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
        cmocka_unit_test_setup_teardown(bytes_go_both_ways_and_each_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reset_is_one_at_the_other_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reset_after_an_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lost_tunnel_is_a_reset, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_reads_slowly_delays_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_comes_early_is_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(why_it_cannot_be_reached, set_up, tear_down),
        cmocka_unit_test_setup_teardown(descriptors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_pipe_holds_the_sender_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_reads_our_output, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_serial_device, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cut_at_every_boundary, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_memory_it_ends, set_up, tear_down),
    };

    signal(SIGPIPE, SIG_IGN); /* as the program does */
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
