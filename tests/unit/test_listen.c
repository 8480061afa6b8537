/* Listening sockets: spellings, both families, files, what systemd passes, and having no
 * descriptors left. */
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "core/activation.h"
#include "core/listen.h"
#include "core/unixpath.h"
#include "wait.h"

#define CALLERS 40

struct hall {
    struct adit_listen *listen;
    unsigned calls;
    struct adit_addr from;
    bool free_in_accept, pause_in_accept;
};

static struct adit_loop *loop;
static unsigned fds_before;
static char dir[] = "/tmp/adit-listen-XXXXXX";

static void on_accepted(void *arg, int fd, const struct adit_addr *from, adit_time now)
{
    struct hall *h = arg;

    (void)now;
    h->calls++;
    h->from = *from;
    close(fd);
    if (h->free_in_accept)
        h->listen = adit_listen_free(h->listen);
    else if (h->pause_in_accept)
        adit_listen_pause(h->listen);
}

static const struct adit_listen_ops ops = { .accepted = on_accepted };

static int open_at(struct hall *h, const char *at, struct adit_cause *cause)
{
    struct adit_listen_conf conf = { .at = &at, .count = 1 };

    return adit_listen_open(&h->listen, loop, &conf, &ops, h, cause);
}

static void must_open(struct hall *h, const char *at)
{
    struct adit_cause cause;

    if (open_at(h, at, &cause) < 0)
        fail_msg("%s", cause.text);
}

static int call_at(const struct adit_addr *addr)
{
    struct sockaddr_storage sa;
    unsigned len = adit_addr_to_sockaddr(addr, (struct sockaddr *)&sa);
    int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(connect(fd, (struct sockaddr *)&sa, len), 0);
    return fd;
}

static int call_local(const char *at)
{
    struct sockaddr_un sun;
    int len = adit_unix_addr(&sun, at), fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (connect(fd, (struct sockaddr *)&sun, (socklen_t)len) < 0) {
        close(fd);
        return -errno;
    }
    return fd;
}

static const char *in_dir(char out[128], const char *prefix, const char *name)
{
    snprintf(out, 128, "%s%s/%s", prefix, dir, name);
    return out;
}

static bool has_ipv6(void)
{
    struct hall h = { 0 };
    bool has = open_at(&h, "[::1]:0", NULL) == 0;

    adit_listen_free(h.listen);
    return has;
}

/* ---- where ----------------------------------------------------------------------------------- */

static void spellings(void **state)
{
    const bool v6 = has_ipv6();
    const struct {
        const char *at;
        uint16_t port_default;
        size_t count;      /* 0 = refused */
        const char *begin; /* of where the last one listens */
    } rows[] = {
        { "127.0.0.1:0", 0, 1, "127.0.0.1:" },
        { "127.0.0.1", 9, 1, "127.0.0.1:9" },
        { "[::1]:0", 0, v6, "[::1]:" },
        { ":0", 0, 1 + v6, "0.0.0.0:" },
        { "0", 0, 1 + v6, "0.0.0.0:" },
        { "*:0", 0, 1 + v6, "0.0.0.0:" },
        { "localhost:0", 0, 1 + v6, "127.0.0.1:" },
        { "localhost", 9, 1 + v6, "127.0.0.1:9" },
        { "::1", 9, v6, "[::1]:9" },

        { "", 0, 0, NULL },
        { "", 9, 0, NULL },
        { ":", 9, 0, NULL },
        { "*", 0, 0, NULL },
        { "localhost", 0, 0, NULL },
        { "localhost:", 0, 0, NULL },
        { "localhosts:1", 0, 0, NULL },
        { "127.0.0.1", 0, 0, NULL },
        { "127.0.0.1:", 0, 0, NULL },
        { "127.0.0.1:65536", 0, 0, NULL },
        { "65536", 0, 0, NULL },
        { "::1", 0, 0, NULL },
        { "[::1]", 0, 0, NULL },
        { "[::1:1", 0, 0, NULL },
        { "example.com:1", 0, 0, NULL },
        { "1 ", 0, 0, NULL },
        { "-1", 0, 0, NULL },
        { "unix:", 0, 0, NULL },
        { "unix:@", 0, 0, NULL },
        { "systemd:x:y", 0, 0, NULL },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_listen_conf conf = { .at = &rows[i].at,
                                         .count = 1,
                                         .port_default = rows[i].port_default };
        struct hall h = { 0 };
        struct adit_cause cause = { .text = "" };
        int err = adit_listen_open(&h.listen, loop, &conf, &ops, &h, &cause);

        if (!rows[i].count) {
            if (!err || h.listen || !strstr(cause.text, "cannot listen at"))
                fail_msg("row %zu: %s: %s", i, rows[i].at, cause.text);
            continue;
        }
        /* Port 9 may be somebody's, or reserved for root: it was understood, then. */
        if (err && rows[i].port_default && (err == -EADDRINUSE || err == -EACCES))
            continue;
        if (err)
            fail_msg("%s: %s", rows[i].at, cause.text);
        assert_int_equal(adit_listen_count(h.listen), rows[i].count);
        const char *at = adit_listen_at(h.listen, rows[i].count - 1);
        if (strncmp(at, rows[i].begin, strlen(rows[i].begin)) != 0)
            fail_msg("%s: %s", rows[i].at, at);
        if (rows[i].count == 2)
            assert_int_equal(adit_listen_addr(h.listen, 0)->port,
                             adit_listen_addr(h.listen, 1)->port);
        adit_listen_free(h.listen);
    }
}

static void all_or_nothing(void **state)
{
    struct hall h = { 0 }, other = { 0 };
    struct adit_cause cause;
    const char *at[ADIT_LISTEN_MAX + 1];
    struct adit_listen_conf conf = { .at = at, .count = 2 };

    (void)state;
    must_open(&other, "127.0.0.1:0");
    at[0] = "127.0.0.1:0";
    at[1] = adit_listen_at(other.listen, 0);
    assert_int_equal(adit_listen_open(&h.listen, loop, &conf, &ops, &h, &cause), -EADDRINUSE);
    assert_null(h.listen);
    assert_non_null(strstr(cause.text, at[1]));
    assert_non_null(strstr(cause.text, "in use"));
    adit_listen_free(other.listen);
    for (size_t i = 0; i < ADIT_LEN(at); i++)
        at[i] = "127.0.0.1:0";
    conf.count = ADIT_LISTEN_MAX;
    assert_int_equal(adit_listen_open(&h.listen, loop, &conf, &ops, &h, &cause), 0);
    assert_int_equal(adit_listen_count(h.listen), ADIT_LISTEN_MAX);
    adit_listen_free(h.listen);
    conf.count = ADIT_LISTEN_MAX + 1;
    assert_int_equal(adit_listen_open(&h.listen, loop, &conf, &ops, &h, &cause), -ENOSPC);
    conf.count = 0;
    assert_int_equal(adit_listen_open(&h.listen, loop, &conf, &ops, &h, &cause), -EINVAL);
}

/* ---- local sockets --------------------------------------------------------------------------- */

static void files_of_local_sockets(void **state)
{
    struct hall h = { 0 }, second = { 0 };
    char at[128], path[128];
    struct adit_cause cause;
    struct stat st;
    struct sockaddr_un sun;

    (void)state;
    in_dir(at, "unix:", "s");
    in_dir(path, "", "s");
    must_open(&h, at);
    assert_string_equal(adit_listen_at(h.listen, 0), at);
    assert_int_equal(adit_listen_addr(h.listen, 0)->family, ADIT_FAMILY_NONE);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    int fd = call_local(at);
    assert_true(fd >= 0);
    assert_true(wait_for(loop, &h.calls));
    assert_int_equal(h.from.family, ADIT_FAMILY_NONE);
    close(fd);

    assert_int_equal(open_at(&second, at, &cause), -EADDRINUSE); /* it is served */
    assert_int_equal(stat(path, &st), 0);
    h.listen = adit_listen_free(h.listen);
    assert_int_equal(stat(path, &st), -1);

    const char *where = at; /* a mode of one's own */
    struct adit_listen_conf conf = { .at = &where, .count = 1, .unix_mode = 0666 };
    assert_int_equal(adit_listen_open(&h.listen, loop, &conf, &ops, &h, &cause), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0666);

    unlink(path); /* a successor's is not removed */
    must_open(&second, at);
    h.listen = adit_listen_free(h.listen);
    assert_int_equal(stat(path, &st), 0);
    second.listen = adit_listen_free(second.listen);

    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); /* left over by one that was killed */
    int len = adit_unix_addr(&sun, at);
    assert_int_equal(bind(fd, (struct sockaddr *)&sun, (socklen_t)len), 0);
    close(fd);
    must_open(&h, at);
    h.listen = adit_listen_free(h.listen);

    FILE *f = fopen(path, "w"); /* what is no socket stays */
    assert_non_null(f);
    fclose(f);
    assert_int_equal(open_at(&h, at, &cause), -EADDRINUSE);
    assert_int_equal(unlink(path), 0);
    in_dir(at, "unix:", "no/such/directory");
    assert_int_equal(open_at(&h, at, &cause), -ENOENT);

    must_open(&h, "unix:@adit-test-listen"); /* no file */
    fd = call_local("unix:@adit-test-listen");
    assert_true(fd >= 0);
    h.calls = 0;
    assert_true(wait_for(loop, &h.calls));
    close(fd);
    h.listen = adit_listen_free(h.listen);
}

/* ---- calls ----------------------------------------------------------------------------------- */

static void calls_are_taken_in_batches(void **state)
{
    struct hall h = { 0 };
    int fds[CALLERS];
    unsigned last = 0;

    (void)state;
    must_open(&h, "127.0.0.1:0");
    for (int i = 0; i < CALLERS; i++)
        fds[i] = call_at(adit_listen_addr(h.listen, 0));
    while (h.calls < CALLERS) {
        assert_int_equal(adit_loop_process(loop), 0);
        assert_true(h.calls - last <= ADIT_LISTEN_BATCH);
        last = h.calls;
    }
    assert_int_equal(h.from.family, ADIT_FAMILY_V4);
    assert_true(h.from.port != 0);
    for (int i = 0; i < CALLERS; i++)
        close(fds[i]);
    adit_listen_free(h.listen);
}

static void paused_or_freed_inside(void **state)
{
    struct hall h = { .pause_in_accept = true };
    int fds[4];

    (void)state;
    must_open(&h, "127.0.0.1:0");
    for (int i = 0; i < 4; i++)
        fds[i] = call_at(adit_listen_addr(h.listen, 0));
    assert_true(wait_for(loop, &h.calls));
    for (int i = 0; i < 5; i++)
        assert_int_equal(adit_loop_process(loop), 0);
    assert_int_equal(h.calls, 1);
    h.calls = 0;
    adit_listen_resume(h.listen);
    assert_true(wait_for(loop, &h.calls));
    assert_int_equal(h.calls, 1);
    h.pause_in_accept = false;
    h.free_in_accept = true;
    h.calls = 0;
    adit_listen_resume(h.listen);
    assert_true(wait_for(loop, &h.calls));
    assert_null(h.listen);
    assert_int_equal(h.calls, 1);
    for (int i = 0; i < 4; i++)
        close(fds[i]);
    assert_null(adit_listen_free(NULL));
}

static unsigned time_is_up;

static void on_time(struct adit_timer *timer, adit_time now)
{
    (void)timer, (void)now;
    time_is_up = 1;
}

/* Standard error goes to a file while descriptors lack. Returns how many lines were written. */
static unsigned starve_for(struct hall *h, adit_time time)
{
    int log = memfd_create("log", MFD_CLOEXEC), saved = dup(STDERR_FILENO);
    struct rlimit old, none;
    struct adit_timer timer;
    unsigned lines = 0;
    char c;

    assert_true(log >= 0 && saved >= 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = old;
    none.rlim_cur = 3; /* those above stay open, new ones would have to be below */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    dup2(log, STDERR_FILENO);
    time_is_up = 0;
    adit_timer_init(&timer, loop, on_time, "test");
    adit_timer_set(&timer, adit_loop_now(loop) + time);
    int failed = adit_loop_process(loop); /* nothing may fail before descriptors are back */
    struct pollfd wakes = { .fd = adit_loop_fd(loop), .events = POLLIN };
    int awake = poll(&wakes, 1, 0);
    bool over = wait_for(loop, &time_is_up);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    dup2(saved, STDERR_FILENO);
    close(saved);
    assert_true(over);
    assert_int_equal(failed, 0);
    assert_int_equal(awake, 0); /* the loop sleeps, although callers are there */
    assert_int_equal(h->calls, 0);
    lseek(log, 0, SEEK_SET);
    while (read(log, &c, 1) == 1)
        lines += c == '\n';
    close(log);
    return lines;
}

static void without_descriptors_callers_wait(void **state)
{
    struct hall h = { 0 };

    (void)state;
    must_open(&h, "127.0.0.1:0");
    int fd = call_at(adit_listen_addr(h.listen, 0));
    assert_int_equal(starve_for(&h, 450 * ADIT_MS), 1); /* tried twice at least, told once */
    assert_true(wait_for(loop, &h.calls));
    close(fd);
    fd = call_at(adit_listen_addr(h.listen, 0));
    h.calls = 0;
    assert_int_equal(starve_for(&h, 1 * ADIT_MS), 0); /* and not again so soon */
    h.listen = adit_listen_free(h.listen);            /* while it waits */
    close(fd);
}

/* ---- what systemd passes --------------------------------------------------------------------- */

/* In a child, because it moves descriptors and changes the environment. The number of the line that
 * failed, or 0. */
#define HOLD(condition)      \
    do {                     \
        if (!(condition))    \
            return __LINE__; \
    } while (0)

static void set_passed(pid_t pid, const char *fds, const char *names)
{
    char text[16];

    snprintf(text, sizeof text, "%d", (int)pid);
    setenv("LISTEN_PID", text, 1);
    setenv("LISTEN_FDS", fds, 1);
    if (names)
        setenv("LISTEN_FDNAMES", names, 1);
}

static int passed_sockets(void)
{
    struct adit_listen_conf conf = { .at = (const char *const[]){ "systemd:web" }, .count = 1 };
    struct adit_cause cause;
    struct hall h = { 0 };
    struct sockaddr_in in = { .sin_family = AF_INET };
    int fds[4];

    for (int fd = 3; fd < 64; fd++)
        close(fd);
    loop = NULL;                     /* its descriptor is closed */
    for (int fd = 3; fd < 6; fd++) { /* as systemd does: without FD_CLOEXEC */
        HOLD(socket(AF_INET, SOCK_STREAM, 0) == fd);
        HOLD(bind(fd, (struct sockaddr *)&in, sizeof in) == 0);
        HOLD(fd == 5 || listen(fd, 5) == 0);
    }
    HOLD(adit_activation_take(fds, 4, NULL) == 0); /* no variables */
    set_passed(getppid(), "2", NULL);
    HOLD(adit_activation_take(fds, 4, NULL) == 0); /* not for us */
    HOLD(getenv("LISTEN_PID"));
    set_passed(getpid(), "x", NULL);
    HOLD(adit_activation_take(fds, 4, NULL) == -EINVAL);
    set_passed(getpid(), "3", "web:ctl:bad");
    HOLD(adit_activation_take(fds, 4, "bad") == -EINVAL); /* does not listen */
    HOLD(adit_activation_take(fds, 4, "we") == 0);
    HOLD(adit_activation_take(fds, 0, "web") == -ENOSPC);
    set_passed(getpid(), "2", "web:ctl");
    loop = adit_loop_new();
    HOLD(loop);
    HOLD(adit_listen_open(&h.listen, loop, &conf, &ops, &h, &cause) == 0);
    HOLD(adit_listen_count(h.listen) == 1);
    HOLD(getenv("LISTEN_FDS")); /* one is left */
    HOLD(close(call_at(adit_listen_addr(h.listen, 0))) == 0);
    HOLD(wait_for(loop, &h.calls));
    HOLD(adit_activation_take(fds, 4, "web") == 0); /* taken */
    HOLD(adit_activation_take(fds, 4, NULL) == 1 && fds[0] == 4);
    HOLD(!getenv("LISTEN_FDS") && !getenv("LISTEN_PID") && !getenv("LISTEN_FDNAMES"));
    HOLD(adit_listen_open(&h.listen, loop, &conf, &ops, &h, &cause) == -ENOENT);
    return 0;
}

static void sockets_passed_by_systemd(void **state)
{
    int status;
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        int line = passed_sockets();

        if (line)
            fprintf(stderr, "line %d does not hold\n", line);
        _exit(line != 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void no_memory_is_an_error_like_others(void **state)
{
    struct hall h = { 0 };
    struct adit_cause cause;
    int err = -ENOMEM;

    (void)state;
    for (uint64_t n = 0; err; n++) {
        adit_alloc_fail_at(n);
        err = open_at(&h, "127.0.0.1:0", &cause);
        adit_alloc_fail_at(UINT64_MAX);
        assert_true(err == 0 || err == -ENOMEM);
    }
    adit_listen_free(h.listen);
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

static int setup_all(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int teardown_all(void **state)
{
    (void)state;
    return rmdir(dir);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(spellings),
        T(all_or_nothing),
        T(files_of_local_sockets),
        T(calls_are_taken_in_batches),
        T(paused_or_freed_inside),
        T(without_descriptors_callers_wait),
        T(sockets_passed_by_systemd),
        T(no_memory_is_an_error_like_others),
    };

    return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
