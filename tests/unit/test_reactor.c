/* The loop: descriptors, timers, tasks, and handlers that pull the rug from under each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "core/alarm.h"
#include "core/reactor.h"
#include "wait.h"

struct pipe {
    struct adit_io io;
    int fd[2];
    unsigned called;
    uint32_t events;
    struct pipe *victim;
    struct adit_task task;
};

static struct adit_loop *loop;
static unsigned alarms; /* how often one was set */

int timerfd_settime(int fd, int flags, const struct itimerspec *spec, struct itimerspec *before)
{
    alarms++;
    return (int)syscall(SYS_timerfd_settime, fd, flags, spec, before);
}

static unsigned fds_before;

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
    return open_fds() == fds_before ? 0 : -1;
}

static void on_ready(struct adit_io *io, uint32_t events, adit_time now)
{
    struct pipe *p = adit_container_of(io, struct pipe, io);

    (void)now;
    p->called++;
    p->events = events;
}

static void pipe_open(struct pipe *p, uint32_t events,
                      void (*ready)(struct adit_io *, uint32_t, adit_time))
{
    assert_int_equal(pipe2(p->fd, O_NONBLOCK | O_CLOEXEC), 0);
    assert_int_equal(adit_io_start(&p->io, loop, p->fd[0], events, ready, "pipe"), 0);
}

static void pipe_close(struct pipe *p)
{
    adit_io_stop(&p->io);
    close(p->fd[0]);
    if (p->fd[1] >= 0)
        close(p->fd[1]);
}

static void process(unsigned rounds)
{
    while (rounds--)
        assert_int_equal(adit_loop_process(loop), 0);
}

static void readable_is_told_until_read(void **state)
{
    struct pipe p = { 0 };
    char c;

    (void)state;
    pipe_open(&p, EPOLLIN, on_ready);
    process(2);
    assert_int_equal(p.called, 0);
    assert_int_equal(write(p.fd[1], "x", 1), 1);
    process(2);
    assert_int_equal(p.called, 2);
    assert_int_equal(p.events, EPOLLIN);
    assert_int_equal(read(p.fd[0], &c, 1), 1);
    process(1);
    assert_int_equal(p.called, 2);
    pipe_close(&p);
}

static void paused_hears_nothing_not_even_the_end(void **state)
{
    struct pipe p = { 0 };

    (void)state;
    pipe_open(&p, EPOLLIN, on_ready);
    adit_io_want(&p.io, 0);
    assert_int_equal(write(p.fd[1], "x", 1), 1);
    close(p.fd[1]);
    p.fd[1] = -1;
    process(3);
    assert_int_equal(p.called, 0);
    /* And it does not keep a caller's own loop awake. */
    struct pollfd waiting = { .fd = adit_loop_fd(loop), .events = POLLIN };
    assert_int_equal(poll(&waiting, 1, 0), 0);
    assert_int_equal(adit_loop_timeout_ms(loop), -1);

    adit_io_want(&p.io, EPOLLIN);
    process(1);
    assert_int_equal(p.called, 1);
    assert_true(p.events & EPOLLHUP);
    pipe_close(&p);
}

static void run_free(struct adit_task *task, adit_time now)
{
    (void)now;
    adit_free(adit_container_of(task, struct pipe, task));
}

static void on_ready_kill(struct adit_io *io, uint32_t events, adit_time now)
{
    struct pipe *p = adit_container_of(io, struct pipe, io);

    on_ready(io, events, now);
    if (p->victim) {
        p->victim->victim = NULL;
        pipe_close(p->victim);
        adit_free(p->victim);
        p->victim = NULL;
    }
}

static void a_handler_may_free_another_whose_event_waits(void **state)
{
    struct pipe *a = adit_zalloc(sizeof *a), *b = adit_zalloc(sizeof *b);

    (void)state;
    pipe_open(a, EPOLLIN, on_ready_kill);
    pipe_open(b, EPOLLIN, on_ready_kill);
    a->victim = b;
    b->victim = a;
    assert_int_equal(write(a->fd[1], "x", 1), 1);
    assert_int_equal(write(b->fd[1], "x", 1), 1);
    process(1); /* whoever comes first kills the other */
    struct pipe *left = a;
    /* epoll reports in the order of readiness, so it is a that lives. */
    assert_int_equal(left->called, 1);
    assert_null(left->victim);
    pipe_close(left);
    adit_free(left);
}

static void on_ready_suicide(struct adit_io *io, uint32_t events, adit_time now)
{
    struct pipe *p = adit_container_of(io, struct pipe, io);

    (void)events;
    (void)now;
    pipe_close(p);
    adit_loop_end_of_round(loop, &p->task);
    p->called++; /* still there */
}

static void a_handler_may_end_its_own_object(void **state)
{
    struct pipe *p = adit_zalloc(sizeof *p);

    (void)state;
    adit_task_init(&p->task, run_free);
    pipe_open(p, EPOLLIN, on_ready_suicide);
    assert_int_equal(write(p->fd[1], "x", 1), 1);
    process(1);
}

static void what_is_left_for_the_end_is_freed_with_the_loop(void **state)
{
    struct pipe *p = adit_zalloc(sizeof *p);

    (void)state;
    adit_task_init(&p->task, run_free);
    adit_loop_end_of_round(loop, &p->task);
    assert_int_equal(adit_loop_timeout_ms(loop), 0);
}

static void files_are_always_ready(void **state)
{
    struct pipe zero = { 0 }, null = { 0 };
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC), file = memfd_create("test", MFD_CLOEXEC);

    (void)state;
    assert_int_equal(adit_io_start(&null.io, loop, fd, EPOLLIN, on_ready, "null"), 0);
    assert_int_equal(adit_io_start(&zero.io, loop, file, EPOLLIN, on_ready, "file"), 0);
    assert_int_equal(adit_loop_timeout_ms(loop), 0);
    process(2);
    assert_int_equal(null.called, 2);
    assert_int_equal(zero.called, 2);
    adit_io_want(&null.io, 0);
    adit_io_stop(&zero.io);
    process(1);
    assert_int_equal(null.called, 2);
    assert_int_equal(zero.called, 2);
    assert_int_equal(adit_loop_timeout_ms(loop), -1);
    adit_io_stop(&null.io);
    close(fd);
    close(file);
}

static void a_bad_descriptor_is_refused(void **state)
{
    struct pipe p = { 0 };

    (void)state;
    assert_int_equal(adit_io_start(&p.io, loop, -1, EPOLLIN, on_ready, "bad"), -EBADF);
    adit_io_stop(&p.io); /* harmless */
}

/* ---- timers and tasks ----------------------------------------------------------------------- */

struct fuse {
    struct adit_timer timer;
    unsigned fired, rearm;
    char *trace, letter;
};

static void on_fire(struct adit_timer *timer, adit_time now)
{
    struct fuse *a = adit_container_of(timer, struct fuse, timer);

    a->fired++;
    if (a->trace)
        strncat(a->trace, &a->letter, 1);
    if (a->rearm) {
        a->rearm--;
        adit_timer_set(timer, now - 1); /* as an engine does that is late */
    }
}

static void timers_fire_in_order_and_each_has_its_turn(void **state)
{
    char trace[16] = "";
    struct fuse a = { .rearm = 2, .trace = trace, .letter = 'a' };
    struct fuse b = { .trace = trace, .letter = 'b' }, c = { .trace = trace, .letter = 'c' };
    adit_time now = adit_loop_now(loop);

    (void)state;
    adit_timer_init(&a.timer, loop, on_fire, "a");
    adit_timer_init(&b.timer, loop, on_fire, "b");
    adit_timer_init(&c.timer, loop, on_fire, "c");
    adit_timer_set(&b.timer, now);
    adit_timer_set(&c.timer, now + 3600 * ADIT_SEC);
    adit_timer_set(&a.timer, 0);
    assert_int_equal(adit_loop_timeout_ms(loop), 0);
    process(1);
    assert_string_equal(trace, "ba"); /* a's past was moved to now, behind b */
    process(3);
    assert_string_equal(trace, "baaa");
    assert_true(adit_loop_timeout_ms(loop) > 3500 * 1000);
    adit_timer_set(&c.timer, ADIT_NEVER);
    assert_int_equal(adit_loop_timeout_ms(loop), -1);
}

static void on_fire_stop(struct adit_timer *timer, adit_time now)
{
    on_fire(timer, now);
    adit_loop_stop(timer->loop);
}

static void the_built_in_loop_sleeps_until_a_timer(void **state)
{
    struct fuse a = { 0 };
    adit_time start = adit_loop_now(loop);

    (void)state;
    adit_timer_init(&a.timer, loop, on_fire_stop, "a");
    adit_timer_set(&a.timer, start + ADIT_MS);
    assert_int_equal(adit_loop_run(loop), 0);
    assert_int_equal(a.fired, 1);
    assert_true(adit_loop_now(loop) >= start + ADIT_MS);
    adit_loop_stop(loop); /* before it runs */
    assert_int_equal(adit_loop_run(loop), 0);
}

/* Nearer than what the kernel was told, then farther: each at its time, and none is forgotten. */
static void a_wait_ends_at_the_first_deadline_there_is(void **state)
{
    struct fuse near = { 0 }, far = { 0 }, given_up = { 0 };
    adit_time start = adit_loop_now(loop);

    (void)state;
    adit_timer_init(&near.timer, loop, on_fire_stop, "near");
    adit_timer_init(&far.timer, loop, on_fire_stop, "far");
    adit_timer_init(&given_up.timer, loop, on_fire_stop, "given up");
    adit_timer_set(&given_up.timer, start + 5 * ADIT_MS);
    adit_timer_set(&near.timer, start + 3 * ADIT_MS);
    adit_timer_set(&far.timer, start + 20 * ADIT_MS);
    assert_int_equal(adit_loop_run(loop), 0);
    assert_int_equal(near.fired, 1);
    adit_timer_set(&near.timer, adit_loop_now(loop) + 3600 * ADIT_SEC);
    assert_int_equal(adit_loop_run(loop), 0);
    assert_int_equal(given_up.fired, 1);
    adit_timer_set(&given_up.timer, adit_loop_now(loop) + 2 * ADIT_MS);
    adit_timer_set(&given_up.timer, adit_loop_now(loop) + 3600 * ADIT_SEC);
    assert_int_equal(adit_loop_run(loop), 0);
    assert_int_equal(far.fired, 1);
    assert_true(adit_loop_now(loop) >= start + 20 * ADIT_MS);
    adit_timer_stop(&near.timer);
    adit_timer_stop(&given_up.timer);
}

static void without_a_timer_descriptor_epoll_has_a_timeout(void **state)
{
    struct rlimit before, few;
    struct fuse a = { 0 };
    struct adit_loop *bare;
    int free = dup(STDIN_FILENO);

    (void)state;
    close(free);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = (struct rlimit){ (rlim_t)free + 1, before.rlim_max }; /* epoll's, and no more */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    bare = adit_loop_new();
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_non_null(bare);
    adit_timer_init(&a.timer, bare, on_fire_stop, "a");
    adit_timer_set(&a.timer, adit_loop_now(bare) + 2 * ADIT_MS);
    assert_int_equal(adit_loop_run(bare), 0);
    assert_int_equal(a.fired, 1);
    adit_loop_free(bare);
}

static void the_alarm_is_set_no_more_often_than_it_has_to_be(void **state)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    adit_time now = adit_loop_now(loop), at;
    struct epoll_event ev = { .data.ptr = loop };
    struct adit_alarm a;

    (void)state;
    adit_alarm_init(&a, epoll);
    assert_true(adit_alarm_by(&a, now + 3600 * ADIT_SEC, now));
    assert_true(adit_alarm_by(&a, now + 5 * ADIT_MS, now));
    at = a.at;
    assert_true(at >= now + 5 * ADIT_MS && at < now + 6 * ADIT_MS);
    alarms = 0;
    assert_true(adit_alarm_by(&a, now + 5 * ADIT_MS, now));
    assert_true(adit_alarm_by(&a, now + 6 * ADIT_MS, now + ADIT_MS)); /* it rings before that */
    assert_int_equal(alarms, 0);
    assert_int_equal(epoll_wait(epoll, &ev, 1, 10000), 1);
    assert_null(ev.data.ptr);
    now = adit_loop_now(loop);
    assert_true(now >= at);
    assert_int_equal(epoll_wait(epoll, &ev, 1, 0), 0); /* once */
    assert_true(adit_alarm_by(&a, now + ADIT_MS, now));
    assert_int_equal(epoll_wait(epoll, &ev, 1, 10000), 1);
    adit_alarm_done(&a);
    assert_false(adit_alarm_by(&a, now + ADIT_SEC, now));
    close(epoll);
}

struct job {
    struct adit_task task;
    unsigned ran, again;
    struct job *next;
};

static void run_job(struct adit_task *task, adit_time now)
{
    struct job *job = adit_container_of(task, struct job, task);

    (void)now;
    job->ran++;
    if (job->next)
        adit_loop_before_sleep(loop, &job->next->task);
    if (job->again) {
        job->again--;
        adit_loop_before_sleep(loop, task);
    }
}

static void tasks_run_once_and_what_they_queue_runs_too(void **state)
{
    struct job udp = { 0 }, peer = { .next = &udp }, off = { 0 }, wild = { .again = 1000 };

    (void)state;
    adit_task_init(&udp.task, run_job);
    adit_task_init(&peer.task, run_job);
    adit_task_init(&off.task, run_job);
    adit_task_init(&wild.task, run_job);
    adit_loop_before_sleep(loop, &peer.task);
    adit_loop_before_sleep(loop, &peer.task);
    adit_loop_before_sleep(loop, &off.task);
    adit_task_cancel(&off.task);
    assert_int_equal(adit_loop_timeout_ms(loop), 0);
    process(2);
    assert_int_equal(peer.ran, 1);
    assert_int_equal(udp.ran, 1);
    assert_int_equal(off.ran, 0);

    adit_loop_before_sleep(loop, &wild.task); /* never done, and yet the round ends */
    process(1);
    assert_true(wild.ran > 0 && wild.ran < 100);
    adit_task_cancel(&wild.task);
}

static unsigned turn;

static void note_turn(struct adit_task *task, adit_time now)
{
    struct job *job = adit_container_of(task, struct job, task);

    (void)now;
    job->ran = ++turn;
    if (job->next)
        adit_loop_before_sleep(loop, &job->next->task);
}

static void what_is_last_waits_for_all_others(void **state)
{
    struct job third = { 0 }, second = { .next = &third }, first = { .next = &second },
               last = { 0 };

    (void)state;
    adit_task_init(&first.task, note_turn);
    adit_task_init(&second.task, note_turn);
    adit_task_init(&third.task, note_turn);
    adit_task_init(&last.task, note_turn);
    adit_loop_at_last(loop, &last.task);
    adit_loop_at_last(loop, &last.task);
    assert_int_equal(adit_loop_timeout_ms(loop), 0);
    adit_loop_before_sleep(loop, &first.task);
    process(1);
    assert_int_equal(first.ran, 1);
    assert_int_equal(second.ran, 2);
    assert_int_equal(third.ran, 3);
    assert_int_equal(last.ran, 4);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(readable_is_told_until_read),
        T(paused_hears_nothing_not_even_the_end),
        T(a_handler_may_free_another_whose_event_waits),
        T(a_handler_may_end_its_own_object),
        T(what_is_left_for_the_end_is_freed_with_the_loop),
        T(files_are_always_ready),
        T(a_bad_descriptor_is_refused),
        T(timers_fire_in_order_and_each_has_its_turn),
        T(the_built_in_loop_sleeps_until_a_timer),
        T(a_wait_ends_at_the_first_deadline_there_is),
        T(without_a_timer_descriptor_epoll_has_a_timeout),
        T(the_alarm_is_set_no_more_often_than_it_has_to_be),
        T(tasks_run_once_and_what_they_queue_runs_too),
        T(what_is_last_waits_for_all_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
