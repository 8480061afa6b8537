/* Byte streams over the loopback interface: order, limits, both kinds of end, being freed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "stream_ends.h"
#include "wait.h"

static struct adit_loop *loop;
static unsigned fds_before;

static void turn(int times)
{
    while (times--)
        assert_int_equal(adit_loop_process(loop), 0);
}

static void fill(uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 251);
}

static void bytes_come_in_order_and_whole(void **state)
{
    static const size_t takes[] = { 0, 1000, 4096, 60000 };
    enum { SIZE = 3 * 1000 * 1000, PART = 50000 };
    uint8_t *bytes = adit_malloc(SIZE);

    (void)state;
    assert_non_null(bytes);
    fill(bytes, SIZE);
    for (size_t i = 0; i < ADIT_LEN(takes); i++) {
        struct end a = { 0 }, b = { .take = takes[i], .want = SIZE };
        size_t sent = 0;

        ends_connect(loop, &a, &b, NULL, NULL);
        while (sent < SIZE) {
            int err = adit_stream_send(a.stream, bytes + sent, PART);

            assert_true(err == 0 || err == -EAGAIN);
            assert_true(adit_stream_buffered(a.stream) <= ADIT_STREAM_QUEUE_MAX);
            if (!err)
                sent += PART;
            else
                assert_true(wait_for(loop, &a.writable));
            a.writable = 0;
            turn(1);
        }
        while (!b.all) { /* a handler that leaves bytes is asked again by resuming */
            adit_stream_resume(b.stream);
            turn(1);
        }
        assert_int_equal(b.got.len, SIZE);
        assert_memory_equal(b.got.data, bytes, SIZE);
        end_done(&a);
        end_done(&b);
    }
    adit_free(bytes);
}

static void the_queue_has_a_limit(void **state)
{
    static uint8_t bytes[4096];
    struct end a = { 0 }, b = { .pause = true };
    struct adit_stream_conf conf = { .queue_max = 4096 };

    (void)state;
    ends_connect(loop, &a, &b, &conf, NULL);
    assert_int_equal(adit_stream_room(a.stream), 4096);
    assert_int_equal(adit_stream_send(a.stream, bytes, 4097), -EMSGSIZE);
    assert_int_equal(adit_stream_send(a.stream, bytes, 4095), 0);
    assert_int_equal(adit_stream_send(a.stream, bytes, 2), -EAGAIN);
    assert_int_equal(adit_stream_send(a.stream, bytes, 1), 0);
    assert_int_equal(adit_stream_room(a.stream), 0);
    assert_int_equal(adit_stream_buffered(a.stream), 4096);
    turn(1);
    assert_int_equal(a.writable, 1); /* -EAGAIN was heard: once */
    assert_int_equal(a.sent, 1);
    assert_int_equal(adit_stream_send(a.stream, bytes, 4096), 0);
    turn(3);
    assert_int_equal(a.writable, 1);
    assert_int_equal(a.sent, 2);
    end_done(&a);
    end_done(&b);
}

/* The receiver reads nothing: what the sender can get rid of is what the kernel holds, and what
 * the receiver keeps is bounded. */
static void who_does_not_read_holds_the_sender_up(void **state)
{
    static uint8_t bytes[64 * 1024];
    struct end a = { 0 }, b = { .take_none = true };
    size_t sent = 0;
    int idle = 0;

    (void)state;
    ends_connect(loop, &a, &b, NULL, NULL);
    while (idle < 50) {
        idle++;
        if (adit_stream_send(a.stream, bytes, sizeof bytes) == 0) {
            sent += sizeof bytes;
            idle = 0;
        }
        turn(1);
    }
    assert_true(sent < 64 * 1024 * 1024);
    assert_true(adit_stream_room(a.stream) < sizeof bytes);
    assert_true(b.data <= ADIT_STREAM_INPUT_MAX / 1000 + 16);
    b.take_none = false;
    b.all = 0;
    b.want = sent;
    adit_stream_resume(b.stream);
    assert_true(wait_for(loop, &b.all));
    assert_true(wait_for(loop, &a.writable));
    assert_int_equal(b.got.len, sent);
    end_done(&a);
    end_done(&b);
}

static void pause_and_resume(void **state)
{
    struct end a = { .say = "one" }, b = { .pause = true };

    (void)state;
    ends_connect(loop, &a, &b, NULL, NULL);
    assert_true(wait_for(loop, &b.data));
    assert_int_equal(adit_stream_send(a.stream, "two", 3), 0);
    adit_stream_shutdown(a.stream);
    turn(20);
    assert_int_equal(b.got.len, 3);
    assert_int_equal(b.eof, 0);
    b.want = 6;
    b.all = 0;
    adit_stream_resume(b.stream);
    assert_true(wait_for(loop, &b.all));
    turn(5);
    assert_int_equal(b.eof, 0); /* paused again, and the end is behind the bytes */
    adit_stream_resume(b.stream);
    assert_true(wait_for(loop, &b.eof));
    assert_string_equal(adit_buf_str(&b.got), "onetwo");
    end_done(&a);
    end_done(&b);
}

/* What the handler did not take before the pause is offered again; before that, no end. */
static void what_is_kept_comes_before_the_end(void **state)
{
    struct end a = { .say = "request" }, b = { .take_none = true, .pause = true };

    (void)state;
    ends_connect(loop, &a, &b, NULL, NULL);
    assert_true(wait_for(loop, &b.data));
    adit_stream_shutdown(a.stream);
    turn(5);
    b.take_none = b.pause = false;
    adit_stream_resume(b.stream);
    assert_true(wait_for(loop, &b.eof));
    assert_string_equal(adit_buf_str(&b.got), "request");
    end_done(&a);
    end_done(&b);
}

static void each_direction_ends_by_itself(void **state)
{
    struct end a = { .say = "question" }, b = { .want = 8 };

    (void)state;
    ends_connect(loop, &a, &b, NULL, NULL);
    adit_stream_shutdown(a.stream);
    assert_int_equal(adit_stream_send(a.stream, "more", 4), -EPIPE);
    assert_int_equal(adit_stream_room(a.stream), 0);
    assert_true(wait_for(loop, &b.eof));
    assert_true(b.all);
    a.want = 6;
    assert_int_equal(adit_stream_send(b.stream, "answer", 6), 0);
    assert_true(wait_for(loop, &a.all));
    assert_int_equal(a.closed + b.closed, 0);
    adit_stream_shutdown(b.stream);
    assert_true(wait_for(loop, &a.closed));
    assert_true(wait_for(loop, &b.closed));
    assert_int_equal(a.eof, 1);
    assert_int_equal(a.cause.reason, ADIT_REASON_REMOTE);
    assert_int_equal(a.cause.err, 0);
    end_done(&a);
    end_done(&b);
}

static void close_delivers_what_is_queued(void **state)
{
    static uint8_t bytes[200 * 1000];
    struct end a = { 0 }, b = { .close_at_eof = true, .want = sizeof bytes };

    (void)state;
    ends_connect(loop, &a, &b, NULL, NULL);
    /* What the other side still sends is passed over, and harms nothing. */
    assert_int_equal(adit_stream_send(b.stream, "ignored", 7), 0);
    assert_int_equal(adit_stream_send(a.stream, bytes, sizeof bytes), 0);
    adit_stream_close(a.stream);
    adit_stream_close(a.stream);
    assert_int_equal(adit_stream_send(a.stream, "more", 4), -EPIPE);
    assert_true(wait_for(loop, &a.closed));
    assert_true(wait_for(loop, &b.closed));
    assert_true(b.all);
    assert_int_equal(a.cause.reason, ADIT_REASON_LOCAL);
    assert_int_equal(a.cause.err, 0);
    assert_int_equal(a.data + a.eof, 0);
    end_done(&a);
    end_done(&b);
}

/* Whoever goes on sending after our goodbye is listened to for so long, and not five seconds at the
 * full speed of the line. */
static void who_goes_on_sending_is_cut(void **state)
{
    static uint8_t bytes[100 * 1000];
    struct end a = { 0 }, b = { .want = 1 };
    size_t sent = 0;

    (void)state;
    ends_connect(loop, &a, &b, NULL, NULL);
    adit_stream_close(a.stream);
    while (!a.closed && sent < 64 * ADIT_STREAM_PASS_MAX) {
        if (adit_stream_send(b.stream, bytes, sizeof bytes) == 0)
            sent += sizeof bytes;
        turn(1);
    }
    assert_int_equal(a.closed, 1);
    assert_true(sent > ADIT_STREAM_PASS_MAX / 2);
    assert_int_equal(a.cause.reason, ADIT_REASON_LOCAL);
    end_done(&a);
    end_done(&b);
}

static void a_stream_closed_before_it_stands(void **state)
{
    struct end a = { 0 };
    struct adit_stream_conf conf = { .host = "127.0.0.1", .port = 1 };

    (void)state;
    assert_int_equal(adit_stream_connect(&a.stream, loop, &conf, &end_ops, &a), 0);
    adit_stream_close(a.stream);
    assert_int_equal(a.closed, 0);
    assert_true(wait_for(loop, &a.closed));
    assert_int_equal(a.cause.reason, ADIT_REASON_LOCAL);
    assert_int_equal(a.connected, 0);
    assert_int_equal(adit_stream_send(a.stream, "x", 1), -EPIPE);
    adit_stream_limit(a.stream, 0, "nothing happens");
    adit_stream_pause(a.stream);
    adit_stream_resume(a.stream);
    adit_stream_shutdown(a.stream);
    turn(3);
    assert_int_equal(a.closed, 1);
    end_done(&a);
}

static void an_end_without_a_handler_closes(void **state)
{
    struct end a = { 0 }, b = { 0 };
    int fds[2];
    struct adit_stream_accept_conf none = { 0 };

    (void)state;
    adit_buf_init(&a.got, 100);
    adit_buf_init(&b.got, 100);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0); /* blocking: no matter */
    assert_int_equal(adit_stream_accept(&a.stream, loop, fds[0], &none, &end_ops, &a), 0);
    assert_int_equal(adit_stream_accept(&b.stream, loop, fds[1], &none, &end_ops_without_eof, &b),
                     0);
    assert_int_equal(adit_stream_send(a.stream, "bye", 3), 0);
    adit_stream_shutdown(a.stream);
    assert_true(wait_for(loop, &b.closed));
    assert_int_equal(b.cause.reason, ADIT_REASON_REMOTE);
    assert_string_equal(adit_buf_str(&b.got), "bye");
    assert_true(wait_for(loop, &a.eof));
    end_done(&a);
    end_done(&b);
}

static void an_abort_is_seen_as_one(void **state)
{
    struct end a = { 0 }, b = { 0 };

    (void)state;
    ends_connect(loop, &a, &b, NULL, NULL);
    a.stream = adit_stream_abort(a.stream);
    assert_true(wait_for(loop, &b.closed));
    assert_int_equal(b.cause.reason, ADIT_REASON_REMOTE);
    assert_int_equal(b.cause.err, ECONNRESET);
    assert_int_equal(b.eof, 0);
    assert_int_equal(adit_stream_send(b.stream, "x", 1), -EPIPE);
    end_done(&a);
    end_done(&b);
}

static void freed_or_closed_inside_each_callback(void **state)
{
    static uint8_t bytes[200 * 1000];

    (void)state;
    for (int how = 0; how < 3; how++) {
        for (enum end_call call = END_CONNECTED; call <= END_CLOSED; call++) {
            struct end a = { .say = "hello" }, b = { .close_at_eof = true };

            *(how == 0 ? &b.free_in : how == 1 ? &b.abort_in : &b.close_in) = call;
            if (call == END_WRITABLE || call == END_SENT)
                b.say = "hello";
            ends_connect(loop, &a, &b, NULL, NULL);
            if (call == END_WRITABLE) {
                while (adit_stream_send(b.stream, bytes, sizeof bytes) == 0)
                    ;
            }
            if (call >= END_EOF)
                adit_stream_shutdown(a.stream);
            unsigned *told[] = {
                [END_CONNECTED] = &b.connected, [END_DATA] = &b.data, [END_EOF] = &b.eof,
                [END_WRITABLE] = &b.writable,   [END_SENT] = &b.sent, [END_CLOSED] = &b.closed
            };
            assert_true(wait_for(loop, told[call]));
            if (how < 2)
                assert_null(b.stream);
            else if (call != END_CLOSED)
                assert_true(wait_for(loop, &b.closed));
            turn(3);
            end_done(&a);
            end_done(&b);
        }
    }
}

static void limits_end_it(void **state)
{
    static uint8_t bytes[ADIT_STREAM_QUEUE_MAX];
    struct end a = { 0 }, b = { .take_none = true };
    struct adit_stream_conf conf = { .stall_timeout = 50 * ADIT_MS };

    (void)state;
    ends_connect(loop, &a, &b, &conf, NULL);
    adit_stream_limit(b.stream, adit_loop_now(loop) + 10 * ADIT_SEC, "too far away");
    while (!a.closed) { /* nobody reads */
        (void)!adit_stream_send(a.stream, bytes, sizeof bytes);
        turn(1);
    }
    assert_int_equal(a.cause.reason, ADIT_REASON_TIMEOUT);
    assert_int_equal(a.cause.err, ETIMEDOUT);
    end_done(&a);
    adit_stream_limit(b.stream, adit_loop_now(loop) + 5 * ADIT_MS, "no request in time");
    assert_true(wait_for(loop, &b.closed));
    assert_int_equal(b.cause.reason, ADIT_REASON_TIMEOUT);
    assert_string_equal(b.cause.text, "no request in time");
    end_done(&b);
}

static void what_is_sent_early_waits(void **state)
{
    struct end a = { 0 }, b = { .want = 5 };
    struct door door = { 0 };

    (void)state;
    adit_buf_init(&a.got, 100);
    door_open(&door, loop, &b, NULL);
    struct adit_stream_conf conf = { .host = "127.0.0.1", .port = door_port(&door) };
    assert_int_equal(adit_stream_connect(&a.stream, loop, &conf, &end_ops, &a), 0);
    assert_false(adit_stream_is_connected(a.stream));
    assert_int_equal(adit_stream_peer(a.stream)->family, ADIT_FAMILY_NONE);
    assert_int_equal(adit_stream_send(a.stream, "early", 5), 0);
    assert_int_equal(adit_stream_buffered(a.stream), 5);
    assert_true(wait_for(loop, &b.all));
    assert_true(adit_stream_is_connected(a.stream));
    assert_int_equal(adit_stream_peer(a.stream)->port, conf.port);
    assert_int_equal(adit_stream_buffered(a.stream), 0);
    door_close(&door);
    end_done(&a);
    end_done(&b);
}

static void no_memory_is_an_error_like_others(void **state)
{
    struct adit_stream_conf conf = { .host = "127.0.0.1", .port = 9 };
    struct adit_stream_accept_conf none = { 0 };
    struct end a = { 0 }, b = { 0 };
    int fds[2], err = -ENOMEM;
    static uint8_t bytes[1000];

    (void)state;
    for (uint64_t n = 0; err; n++) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        adit_alloc_fail_at(n);
        err = adit_stream_connect(&a.stream, loop, &conf, &end_ops, &a);
        if (!err)
            a.stream = adit_stream_free(a.stream);
        int err2 = adit_stream_accept(&b.stream, loop, fds[0], &none, &end_ops, &b);
        adit_alloc_fail_at(UINT64_MAX);
        assert_true(err == 0 || err == -ENOMEM);
        assert_true(err2 == 0 || err2 == -ENOMEM);
        b.stream = adit_stream_free(b.stream);
        close(fds[1]);
    }
    ends_connect(loop, &a, &b, NULL, NULL);
    adit_alloc_fail_at(0);
    assert_int_equal(adit_stream_send(a.stream, bytes, sizeof bytes), -ENOMEM);
    adit_alloc_fail_at(UINT64_MAX);
    assert_int_equal(adit_stream_buffered(a.stream), 0);
    assert_int_equal(adit_stream_send(a.stream, bytes, sizeof bytes), 0);
    b.take_none = true; /* must be kept, and cannot */
    turn(1);
    adit_alloc_fail_at(0);
    assert_true(wait_for(loop, &b.closed));
    adit_alloc_fail_at(UINT64_MAX);
    assert_int_equal(b.cause.reason, ADIT_REASON_RESOURCE);
    end_done(&a);
    end_done(&b);
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
        T(bytes_come_in_order_and_whole),
        T(the_queue_has_a_limit),
        T(who_does_not_read_holds_the_sender_up),
        T(pause_and_resume),
        T(what_is_kept_comes_before_the_end),
        T(each_direction_ends_by_itself),
        T(close_delivers_what_is_queued),
        T(who_goes_on_sending_is_cut),
        T(a_stream_closed_before_it_stands),
        T(an_end_without_a_handler_closes),
        T(an_abort_is_seen_as_one),
        T(freed_or_closed_inside_each_callback),
        T(limits_end_it),
        T(what_is_sent_early_waits),
        T(no_memory_is_an_error_like_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
