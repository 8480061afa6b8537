/* The outbox: everything that was added comes out, once and in order, however slowly it is read. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "app/outbox.h"

#define LIMIT 200000

struct world {
    struct adit_loop *loop;
    struct adit_outbox box;
    int out[2];
    unsigned drained;
};

static void on_drained(struct adit_outbox *box)
{
    adit_container_of(box, struct world, box)->drained++;
}

static void begin(struct world *w)
{
    *w = (struct world){ .loop = adit_loop_new() };
    assert_non_null(w->loop);
    assert_int_equal(pipe2(w->out, O_CLOEXEC), 0);
    assert_int_equal(fcntl(w->out[0], F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(adit_outbox_init(&w->box, w->loop, w->out[1], LIMIT, on_drained), 0);
}

static void end(struct world *w)
{
    adit_outbox_done(&w->box);
    close(w->out[0]);
    close(w->out[1]);
    adit_loop_free(w->loop);
}

/* The n-th byte of a stream in which no two places look alike. */
static uint8_t nth(size_t n)
{
    return (uint8_t)((n * 2654435761u) >> 13);
}

static bool add(struct world *w, size_t *at, size_t n)
{
    uint8_t bytes[8192];

    assert_true(n <= sizeof bytes);
    for (size_t i = 0; i < n; i++)
        bytes[i] = nth(*at + i);
    *at += n;
    return adit_outbox_add(&w->box, bytes, n);
}

/* Reads what is there, at most `most`, and compares. */
static void take(struct world *w, size_t *at, size_t most)
{
    uint8_t bytes[4096];
    ssize_t n;

    while (most && (n = read(w->out[0], bytes, most < sizeof bytes ? most : sizeof bytes)) > 0) {
        for (ssize_t i = 0; i < n; i++)
            assert_int_equal(bytes[i], nth(*at + (size_t)i));
        *at += (size_t)n;
        most -= (size_t)n;
    }
}

static void everything_comes_out_in_order(void **state)
{
    struct world w;
    size_t put = 0, got = 0;
    bool waits = false;

    (void)state;
    begin(&w);
    for (int i = 0; i < 40; i++) /* a pipe takes 64 KiB */
        waits = !add(&w, &put, 5000) || waits;
    assert_true(waits);
    assert_int_equal(w.drained, 0);
    for (int i = 0; got < put && i < 10000; i++) {
        take(&w, &got, 3000);
        if (i % 10 == 0 && i < 100)
            add(&w, &put, 100); /* behind what waits */
        assert_int_equal(adit_loop_process(w.loop), 0);
    }
    assert_int_equal(got, put);
    assert_true(adit_outbox_empty(&w.box));
    assert_int_equal(w.box.err, 0);
    assert_true(w.drained > 0);
    end(&w);
}

static void what_fits_does_not_wait(void **state)
{
    struct world w;
    size_t put = 0, got = 0;

    (void)state;
    begin(&w);
    assert_true(add(&w, &put, 1));
    assert_true(add(&w, &put, 0));
    assert_true(add(&w, &put, 8000));
    assert_true(adit_outbox_empty(&w.box));
    take(&w, &got, SIZE_MAX);
    assert_int_equal(got, put);
    end(&w);
}

static void more_than_the_limit_is_an_error(void **state)
{
    struct world w;
    size_t put = 0;

    (void)state;
    begin(&w);
    for (int i = 0; i < 60 && !w.box.err; i++)
        add(&w, &put, 8000);
    assert_int_equal(w.box.err, ENOBUFS);
    assert_true(put > LIMIT);
    end(&w);
}

static void nobody_reads(void **state)
{
    struct world w;
    size_t put = 0;

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    begin(&w);
    while (add(&w, &put, 8000))
        ;
    close(w.out[0]);
    w.out[0] = -1;
    for (int i = 0; i < 100 && !w.drained; i++)
        assert_int_equal(adit_loop_process(w.loop), 0);
    assert_int_equal(w.drained, 1);
    assert_int_equal(w.box.err, EPIPE);
    assert_true(add(&w, &put, 8000)); /* dropped, and nothing waits */
    assert_true(adit_outbox_empty(&w.box));
    end(&w);
}

/* Stopped with ^S, or with nobody behind it who reads: it takes what it has room for, and no flag
 * of the caller's descriptor is touched. */
static void a_terminal_does_not_keep_us_waiting(void **state)
{
    (void)state;
    for (int stopped = 0; stopped < 2; stopped++) {
        struct world w = { .loop = adit_loop_new() };
        size_t put = 0, got = 0;
        struct termios raw;

        w.out[0] = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
        assert_true(w.out[0] >= 0 && grantpt(w.out[0]) == 0 && unlockpt(w.out[0]) == 0);
        w.out[1] = open(ptsname(w.out[0]), O_RDWR | O_NOCTTY | O_CLOEXEC);
        assert_int_equal(tcgetattr(w.out[1], &raw), 0);
        cfmakeraw(&raw);
        assert_int_equal(tcsetattr(w.out[1], TCSANOW, &raw), 0);
        if (stopped)
            assert_int_equal(tcflow(w.out[1], TCOOFF), 0);
        assert_int_equal(adit_outbox_init(&w.box, w.loop, w.out[1], LIMIT, on_drained), 0);
        assert_int_equal(fcntl(w.out[1], F_GETFL) & O_NONBLOCK, 0);
        alarm(20); /* a write that blocks would do so for ever */
        for (int i = 0; i < 30; i++)
            add(&w, &put, 5000);
        assert_false(adit_outbox_empty(&w.box));
        take(&w, &got, SIZE_MAX);
        assert_true(stopped ? got == 0 : got > 0);
        if (stopped)
            assert_int_equal(tcflow(w.out[1], TCOON), 0);
        for (int i = 0; got < put && i < 100000; i++) {
            assert_int_equal(adit_loop_process(w.loop), 0);
            take(&w, &got, SIZE_MAX);
        }
        alarm(0);
        assert_int_equal(got, put);
        end(&w);
    }
}

/* As some programs leave it to their children. */
static void a_descriptor_that_does_not_block_anyway(void **state)
{
    struct world w;
    size_t put = 0, got = 0;

    (void)state;
    begin(&w);
    assert_int_equal(fcntl(w.out[1], F_SETFL, O_NONBLOCK), 0);
    for (int i = 0; i < 30; i++)
        add(&w, &put, 5000);
    for (int i = 0; got < put && i < 10000; i++) {
        take(&w, &got, 777);
        assert_int_equal(adit_loop_process(w.loop), 0);
    }
    assert_int_equal(w.box.err, 0);
    assert_int_equal(got, put);
    end(&w);
}

static void several_may_have_the_same_descriptor(void **state)
{
    struct adit_outbox other = { 0 };
    struct world w;

    (void)state;
    begin(&w);
    assert_int_equal(adit_outbox_init(&other, w.loop, w.out[1], LIMIT, on_drained), 0);
    assert_true(adit_outbox_add(&other, "x", 1));
    adit_outbox_done(&other);
    adit_outbox_done(&other);
    assert_int_equal(adit_outbox_init(&other, w.loop, 65000, LIMIT, on_drained), -EBADF);
    end(&w);
}

static void no_descriptor_at_all(void **state)
{
    struct adit_outbox box = { 0 };

    (void)state;
    assert_int_equal(adit_outbox_init(&box, NULL, -1, LIMIT, on_drained), 0);
    assert_true(adit_outbox_add(&box, "x", 1));
    assert_true(adit_outbox_empty(&box));
    adit_outbox_done(&box);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_comes_out_in_order),
        cmocka_unit_test(what_fits_does_not_wait),
        cmocka_unit_test(more_than_the_limit_is_an_error),
        cmocka_unit_test(nobody_reads),
        cmocka_unit_test(a_terminal_does_not_keep_us_waiting),
        cmocka_unit_test(a_descriptor_that_does_not_block_anyway),
        cmocka_unit_test(several_may_have_the_same_descriptor),
        cmocka_unit_test(no_descriptor_at_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
