/* Has the process been away? By clocks that the test moves: this program's own clock_gettime. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/away.h"

static adit_time ahead[CLOCK_BOOTTIME + 1]; /* of what the kernel says */

int clock_gettime(clockid_t id, struct timespec *ts)
{
    if (syscall(SYS_clock_gettime, id, ts) < 0)
        return -1;
    if (id >= 0 && id <= CLOCK_BOOTTIME) {
        adit_time t = (adit_time)ts->tv_nsec + ahead[id];

        ts->tv_sec += (time_t)(t / ADIT_SEC);
        ts->tv_nsec = (long)(t % ADIT_SEC);
    }
    return 0;
}

static unsigned told;
static bool timer_first;
static struct adit_back other;

static void on_back(struct adit_back *back, adit_time now)
{
    (void)back;
    (void)now;
    told++;
    adit_back_stop(&other); /* one may stop another */
}

static void on_timer(struct adit_timer *timer, adit_time now)
{
    (void)now;
    timer_first = !told;
    adit_loop_stop(timer->loop);
}

/* What becomes of a wait of 10 ms in which the clocks move. */
static void wait_while(adit_time boottime, adit_time monotonic, adit_time realtime)
{
    struct adit_loop *loop = adit_loop_new();
    struct adit_back back = { 0 };
    struct adit_timer timer;

    assert_non_null(loop);
    told = 0;
    other = (struct adit_back){ 0 };
    adit_back_start(&back, loop, on_back);
    adit_back_start(&other, loop, on_back);
    adit_timer_init(&timer, loop, on_timer, "test");
    adit_timer_set(&timer, adit_loop_now(loop) + 10 * ADIT_MS);
    ahead[CLOCK_BOOTTIME] += boottime;
    ahead[CLOCK_MONOTONIC] += monotonic;
    ahead[CLOCK_REALTIME] += realtime;
    assert_int_equal(adit_loop_run(loop), 0);
    adit_back_stop(&back);
    adit_back_stop(&back);
    adit_back_stop(&other);
    adit_loop_free(loop);
}

static void nothing_happens(void **state)
{
    (void)state;
    wait_while(0, 0, 0);
    assert_int_equal(told, 0);
    wait_while(ADIT_SEC, ADIT_SEC, ADIT_SEC); /* a busy machine */
    assert_int_equal(told, 0);
}

static void stopped(void **state)
{
    (void)state;
    wait_while(10 * ADIT_SEC, 10 * ADIT_SEC, 10 * ADIT_SEC);
    assert_int_equal(told, 1);
    assert_false(timer_first); /* before anything that is due is looked at */
}

static void asleep(void **state)
{
    (void)state;
    wait_while(3600 * ADIT_SEC, 0, 3600 * ADIT_SEC);
    assert_int_equal(told, 1);
}

static void wall_clock_jumps(void **state)
{
    (void)state;
    wait_while(0, 0, 3600 * ADIT_SEC);
    assert_int_equal(told, 0);
    ahead[CLOCK_REALTIME] = 0; /* and back */
    wait_while(0, 0, 0);
    assert_int_equal(told, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_happens),
        cmocka_unit_test(stopped),
        cmocka_unit_test(asleep),
        cmocka_unit_test(wall_clock_jumps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
