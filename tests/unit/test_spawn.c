/* Command lines into words, children and signals on the loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/signals.h"
#include "core/spawn.h"
#include "wait.h"

static struct adit_loop *loop;
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

static void command_lines_become_words(void **state)
{
    static const struct {
        const char *in, *out; /* words in <> */
        int err;
    } rows[] = {
        { "", "", 0 },
        { "  \t\n ", "", 0 },
        { "a", "<a>", 0 },
        { "  a  b\tc\n", "<a><b><c>", 0 },
        { "'a b' \"c d\"", "<a b><c d>", 0 },
        { "a'b'\"c\"", "<abc>", 0 },
        { "'' \"\"", "<><>", 0 },
        { "a\\ b \\'", "<a b><'>", 0 },
        { "'a\\b' \"\\\"\\\\\\n\"", "<a\\b><\"\\\\n>", 0 },
        { "$HOME `id` $(id) *;|&#", "<$HOME><`id`><$(id)><*;|&#>", 0 },
        { "'a", NULL, -EINVAL },
        { "\"a", NULL, -EINVAL },
        { "a \\", NULL, -EINVAL },
        { "\"\\", NULL, -EINVAL },
    };
    char many[2 * ADIT_WORDS_MAX + 3], room[256];
    char *words[ADIT_WORDS_MAX + 1];

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        char text[128] = "";
        int n = adit_words_split(words, room, rows[i].in);

        for (int k = 0; k < n; k++)
            strcat(strcat(strcat(text, "<"), words[k]), ">");
        if (rows[i].out ? n < 0 || strcmp(text, rows[i].out) != 0 : n != rows[i].err)
            fail_msg("'%s': %d %s", rows[i].in, n, text);
        assert_true(n < 0 || words[n] == NULL);
    }
    for (size_t i = 0; i < sizeof many - 1; i++)
        many[i] = i % 2 ? ' ' : 'x';
    many[sizeof many - 1] = '\0';
    assert_int_equal(adit_words_split(words, room, many), -E2BIG);
    many[2 * ADIT_WORDS_MAX] = '\0';
    assert_int_equal(adit_words_split(words, room, many), ADIT_WORDS_MAX);
}

struct run {
    struct adit_child child;
    unsigned ended;
    int status;
};

static void on_ended(void *arg, int status, adit_time now)
{
    struct run *r = arg;

    (void)now;
    r->ended++;
    r->status = status;
}

static void children_are_run_and_waited_for(void **state)
{
    static const char *const env[] = { "ADIT_DEVICE=tun7", "ADIT_LABEL=$(exit 9)", NULL };
    static const struct {
        const char *command;
        int start, code;
    } rows[] = {
        { "true", 0, 0 },
        { "false", 0, 1 },
        { "sh -c 'exit 7'", 0, 7 },
        { "sh -c 'test \"$ADIT_DEVICE\" = tun7'", 0, 0 },
        { "sh -c 'test \"$ADIT_LABEL\" = \"\\$(exit 9)\"'", 0, 0 },
        { "sh -c 'test -n \"$PATH\"'", 0, 0 },
        { "sh -c 'test -z \"$SECRET\"'", 0, 0 },
        { "sh -c 'read x'", 0, 1 },                                 /* no input */
        { "sh -c 'test $(ls /proc/self/fd | wc -l) -le 4'", 0, 0 }, /* 0 1 2, and ls' own */
        { "no-such-program-here", -ENOENT, 0 },
        { "/etc/passwd", -EACCES, 0 },
        { " ", -EINVAL, 0 },
        { "'", -EINVAL, 0 },
    };

    (void)state;
    assert_int_equal(setenv("SECRET", "x", 1), 0);
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct run r = { 0 };
        int err =
            adit_child_start(&r.child, loop, rows[i].command, env, 60 * ADIT_SEC, on_ended, &r);

        if (err != rows[i].start)
            fail_msg("%s: %d", rows[i].command, err);
        if (err)
            continue;
        assert_true(wait_for(loop, &r.ended));
        if (!WIFEXITED(r.status) || WEXITSTATUS(r.status) != rows[i].code)
            fail_msg("%s: status %x", rows[i].command, (unsigned)r.status);
        assert_false(adit_child_runs(&r.child));
    }
}

static void a_child_that_takes_too_long_is_killed(void **state)
{
    struct run r = { 0 };

    (void)state;
    assert_int_equal(
        adit_child_start(&r.child, loop, "sh -c 'sleep 600; true'", NULL, ADIT_MS, on_ended, &r),
        0);
    assert_true(wait_for(loop, &r.ended));
    assert_true(WIFSIGNALED(r.status) && WTERMSIG(r.status) == SIGKILL);

    r.ended = 0;
    assert_int_equal(
        adit_child_start(&r.child, loop, "sleep 600", NULL, 600 * ADIT_SEC, on_ended, &r), 0);
    adit_child_stop(&r.child);
    adit_child_stop(&r.child);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nobody left */
    assert_int_equal(r.ended, 0);
}

static void without_a_descriptor_a_child_is_asked_after(void **state)
{
    struct rlimit saved, few;
    struct run r = { 0 };

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &saved), 0);
    few = saved;
    few.rlim_cur = 3; /* the child needs 0, 1 and 2; we get none */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    int err = adit_child_start(&r.child, loop, "true", NULL, 60 * ADIT_SEC, on_ended, &r);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &saved), 0);
    assert_int_equal(err, 0);
    assert_null(r.child.io.loop);
    assert_true(wait_for(loop, &r.ended));
    assert_true(WIFEXITED(r.status));
}

/* ---- functions of ours ----------------------------------------------------------------------- */

static void look_around(const void *what, int out)
{
    unsigned seen[2] = { open_fds(), *(const unsigned *)what };

    raise(SIGTERM); /* blocked: it finishes what it does */
    (void)!write(out, seen, sizeof seen);
}

static void eat(const void *what, int out)
{
    size_t n = 0;

    (void)what;
    while (n < 1024 && mmap(NULL, 1u << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                            0) != MAP_FAILED)
        n++;
    (void)!write(out, &n, sizeof n);
}

static void never_end(const void *what, int out)
{
    (void)what, (void)out;
    for (;;)
        pause();
}

static void a_function_runs_beside_us(void **state)
{
    unsigned what = 7, seen[2] = { 0 };
    struct run r = { 0 };
    int out;

    (void)state;
    assert_int_equal(adit_child_fork(&r.child, loop, look_around, &what, 60, &out, on_ended, &r),
                     0);
    assert_true(wait_for(loop, &r.ended));
    assert_int_equal(r.status, 0);
    assert_int_equal(read(out, seen, sizeof seen), sizeof seen);
    assert_int_equal(seen[0], 4 + 3); /* 0, 1, 2, out; what open_fds looks with, and two dots */
    assert_int_equal(seen[1], 7);
    close(out);
}

static void it_has_no_memory_without_end(void **state)
{
    struct run r = { 0 };
    size_t mib = 0;
    int out;

    (void)state;
    assert_int_equal(adit_child_fork(&r.child, loop, eat, NULL, 60, &out, on_ended, &r), 0);
    assert_true(wait_for(loop, &r.ended));
    assert_int_equal(read(out, &mib, sizeof mib), sizeof mib);
    assert_in_range(mib, 1, ADIT_FORK_BYTES >> 20);
    close(out);
}

static void nor_time(void **state)
{
    struct run r = { 0 };
    int out;

    (void)state;
    assert_int_equal(adit_child_fork(&r.child, loop, never_end, NULL, 1, &out, on_ended, &r), 0);
    assert_true(wait_for(loop, &r.ended));
    assert_true(WIFSIGNALED(r.status) && WTERMSIG(r.status) == SIGALRM);
    close(out);
}

static void who_is_waited_for_too_long_is_left(void **state)
{
    struct run r = { 0 };
    int out;

    (void)state;
    assert_int_equal(adit_child_fork(&r.child, loop, never_end, NULL, 1, &out, on_ended, &r), 0);
    pid_t pid = r.child.pid;
    assert_int_equal(adit_child_await(&r.child, 20 * ADIT_MS), 0);
    assert_false(adit_child_runs(&r.child));
    assert_int_equal(adit_child_await(&r.child, ADIT_SEC), ADIT_SEC);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    close(out);
}

struct caught {
    struct adit_signals signals;
    unsigned count;
    int signo;
};

static void on_signal(void *arg, int signo, adit_time now)
{
    struct caught *c = arg;

    (void)now;
    c->count++;
    c->signo = signo;
}

static void signals_are_events(void **state)
{
    static const int signos[] = { SIGUSR1, SIGHUP, 0 };
    struct caught c = { 0 };
    struct run r = { 0 };

    (void)state;
    assert_int_equal(adit_signals_start(&c.signals, loop, signos, on_signal, &c), 0);
    kill(getpid(), SIGHUP);
    assert_true(wait_for(loop, &c.count));
    assert_int_equal(c.signo, SIGHUP);
    /* What we block is not blocked in a child. */
    assert_int_equal(adit_child_start(&r.child, loop, "sh -c 'kill -HUP $$; exit 3'", NULL,
                                      60 * ADIT_SEC, on_ended, &r),
                     0);
    assert_true(wait_for(loop, &r.ended));
    assert_true(WIFSIGNALED(r.status) && WTERMSIG(r.status) == SIGHUP);
    adit_signals_stop(&c.signals);
    adit_signals_stop(&c.signals);

    sigset_t now;
    pthread_sigmask(SIG_BLOCK, NULL, &now);
    assert_false(sigismember(&now, SIGHUP));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(command_lines_become_words),
        T(children_are_run_and_waited_for),
        T(a_child_that_takes_too_long_is_killed),
        T(without_a_descriptor_a_child_is_asked_after),
        T(a_function_runs_beside_us),
        T(it_has_no_memory_without_end),
        T(nor_time),
        T(who_is_waited_for_too_long_is_left),
        T(signals_are_events),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
