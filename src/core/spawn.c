#include "core/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"

#define ENV_MAX    64
#define POLL_EVERY (100 * ADIT_MS)
#define FDS_MAX    4096
#define AWAIT_STEP (10 * ADIT_MS)

extern char **environ;

/* One word from *text on; returns where its copy ends, or NULL for an open quote. */
static char *copy_word(char *out, const char **text)
{
    const char *p = *text;
    char quote = '\0';

    for (; *p && (quote || !strchr(" \t\r\n", *p)); p++) {
        if (quote && *p == quote) {
            quote = '\0';
        } else if (!quote && (*p == '\'' || *p == '"')) {
            quote = *p;
        } else if (*p == '\\' && (!quote || (quote == '"' && (p[1] == '"' || p[1] == '\\')))) {
            if (!*++p)
                return NULL;
            *out++ = *p;
        } else {
            *out++ = *p;
        }
    }
    *text = p;
    *out = '\0';
    return quote ? NULL : out + 1;
}

int adit_words_split(char *words[ADIT_WORDS_MAX + 1], char *room, const char *text)
{
    int n = 0;

    for (text += strspn(text, " \t\r\n"); *text; text += strspn(text, " \t\r\n")) {
        if (n == ADIT_WORDS_MAX)
            return -E2BIG;
        words[n++] = room;
        room = copy_word(room, &text);
        if (!room)
            return -EINVAL;
    }
    words[n] = NULL;
    return n;
}

/* Secrets of ours may be in the environment (tokens, keys): only these names are handed on. */
static bool inherited(const char *variable)
{
    static const char *const names[] = { "PATH=", "HOME=", "USER=",  "LANG=",
                                         "TERM=", "TZ=",   "TMPDIR=" };

    for (size_t i = 0; i < ADIT_LEN(names); i++)
        if (strncmp(variable, names[i], strlen(names[i])) == 0)
            return true;
    return strncmp(variable, "LC_", 3) == 0;
}

static int make_env(const char *out[ENV_MAX + 1], const char *const *env)
{
    size_t n = 0;

    for (; env && *env; env++) {
        if (n == ENV_MAX)
            return -E2BIG;
        out[n++] = *env;
    }
    for (char **v = environ; v && *v && n < ENV_MAX; v++)
        if (inherited(*v))
            out[n++] = *v;
    out[n] = NULL;
    return 0;
}

/* in, out: -1 = nothing to read, and our standard error. */
static int spawn(pid_t *ret_pid, char **argv, char **envp, int in, int out)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, all;

    sigemptyset(&none);
    sigfillset(&all);
    int err = posix_spawn_file_actions_init(&files);
    if (err)
        return -err;
    err = posix_spawnattr_init(&attr);
    if (err) {
        posix_spawn_file_actions_destroy(&files);
        return -err;
    }
    /* Its own process group: ^C is ours to handle, and --down must live through it. */
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                        POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    err = in < 0 ? posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0)
                 : posix_spawn_file_actions_adddup2(&files, in, 0);
    if (!err)
        err = posix_spawn_file_actions_adddup2(&files, out < 0 ? 2 : out, 1);
    if (!err)
        err = posix_spawnp(ret_pid, argv[0], &files, &attr, argv, envp);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    return -err;
}

static void forget(struct adit_child *child)
{
    int fd = child->io.fd;

    if (child->io.loop) {
        adit_io_stop(&child->io);
        close(fd);
    }
    adit_timer_stop(&child->limit);
    adit_timer_stop(&child->poll);
    child->pid = 0;
}

/* Collects it if it has ended; otherwise comes back. */
static void look(struct adit_child *child, adit_time now)
{
    int status = 0;
    pid_t pid = waitpid(child->pid, &status, WNOHANG);

    if (pid == 0 || (pid < 0 && errno == EINTR)) {
        if (!child->io.loop)
            adit_timer_set(&child->poll, now + POLL_EVERY);
        return;
    }
    forget(child);
    child->ended(child->arg, pid < 0 ? 0 : status, now);
}

static void on_pidfd(struct adit_io *io, uint32_t events, adit_time now)
{
    (void)events;
    look(adit_container_of(io, struct adit_child, io), now);
}

static void on_poll(struct adit_timer *timer, adit_time now)
{
    look(adit_container_of(timer, struct adit_child, poll), now);
}

static void on_limit(struct adit_timer *timer, adit_time now)
{
    struct adit_child *child = adit_container_of(timer, struct adit_child, limit);

    (void)now;
    kill(-child->pid, SIGKILL); /* its end arrives as usual */
}

/* A pidfd where the kernel has them (5.3) and a descriptor is left; otherwise by asking. */
static void watch(struct adit_child *child, struct adit_loop *loop)
{
#ifdef SYS_pidfd_open
    int fd = (int)syscall(SYS_pidfd_open, child->pid, 0);

    if (fd >= 0 && adit_io_start(&child->io, loop, fd, EPOLLIN, on_pidfd, "child") == 0)
        return;
    if (fd >= 0)
        close(fd);
#endif
    adit_timer_set(&child->poll, adit_loop_now(loop));
}

/* Its process is there. */
static void started(struct adit_child *child, struct adit_loop *loop, adit_time limit)
{
    adit_timer_init(&child->limit, loop, on_limit, "child");
    adit_timer_init(&child->poll, loop, on_poll, "child");
    adit_timer_set(&child->limit, limit == ADIT_NEVER ? ADIT_NEVER : adit_loop_now(loop) + limit);
    watch(child, loop);
}

static int start(struct adit_child *child, struct adit_loop *loop, const char *command,
                 const char *const *env, adit_time limit, int in, int out)
{
    char *words[ADIT_WORDS_MAX + 1];
    const char *envp[ENV_MAX + 1];
    char *room = adit_malloc(strlen(command) + 1);

    if (!room)
        return -ENOMEM;
    int err = adit_words_split(words, room, command);
    if (err == 0)
        err = -EINVAL;
    if (err > 0)
        err = make_env(envp, env);
    if (err == 0)
        err = spawn(&child->pid, words, (char **)envp, in, out);
    adit_free(room);
    if (err) {
        child->pid = 0;
        return err;
    }
    started(child, loop, limit);
    return 0;
}

int adit_child_start(struct adit_child *child, struct adit_loop *loop, const char *command,
                     const char *const *env, adit_time limit,
                     void (*ended)(void *arg, int status, adit_time now), void *arg)
{
    *child = (struct adit_child){ .ended = ended, .arg = arg };
    return start(child, loop, command, env, limit, -1, -1);
}

static void close_both(int pipe_of[2])
{
    close(pipe_of[0]);
    close(pipe_of[1]);
}

int adit_child_start_pipes(struct adit_child *child, struct adit_loop *loop, const char *command,
                           const char *const *env, struct adit_child_pipes *ret_pipes,
                           void (*ended)(void *arg, int status, adit_time now), void *arg)
{
    int in[2], out[2], err;

    *child = (struct adit_child){ .ended = ended, .arg = arg };
    if (pipe2(in, O_CLOEXEC) < 0)
        return -errno;
    if (pipe2(out, O_CLOEXEC) < 0) {
        err = -errno;
        close_both(in);
        return err;
    }
    err = start(child, loop, command, env, ADIT_NEVER, in[0], out[1]);
    if (err) {
        close_both(in);
        close_both(out);
        return err;
    }
    close(in[0]);
    close(out[1]);
    /* Our ends alone: a pipe's two ends are two open files. */
    fcntl(in[1], F_SETFL, O_NONBLOCK);
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    *ret_pipes = (struct adit_child_pipes){ .in = in[1], .out = out[0] };
    return 0;
}

/* ---- a function of ours ---------------------------------------------------------------------- */

/* The only descriptors that are left: nothing, nowhere to complain, and `out`, which becomes 3. */
static void keep_only(int out)
{
    int nothing = dup2(out, 3) < 0 ? -1 : open("/dev/null", O_RDWR);

    if (nothing < 0)
        _exit(1);
    for (int fd = 0; fd < 3; fd++)
        dup2(nothing, fd);
#ifdef SYS_close_range
    if (syscall(SYS_close_range, 4, ~0u, 0) == 0)
        return;
#endif
    for (int fd = 4; fd < FDS_MAX; fd++) /* before Linux 5.9 */
        close(fd);
}

static void limit_memory(void)
{
    struct rlimit limit;
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");

    if (f && fscanf(f, "%lu", &pages) == 1 && getrlimit(RLIMIT_AS, &limit) == 0) {
        rlim_t bytes = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + ADIT_FORK_BYTES;

        limit.rlim_cur = bytes < limit.rlim_cur ? bytes : limit.rlim_cur;
        setrlimit(RLIMIT_AS, &limit);
    }
    if (f)
        fclose(f);
}

/* Whoever stops us by a signal lets it finish: it is short, and what it does may be cleaning up. */
static void limit_signals(unsigned limit_s)
{
    sigset_t others;

    signal(SIGALRM, SIG_DFL);
    sigfillset(&others);
    sigdelset(&others, SIGALRM);
    sigprocmask(SIG_SETMASK, &others, NULL);
    alarm(limit_s);
}

int adit_child_fork(struct adit_child *child, struct adit_loop *loop,
                    void (*run)(const void *what, int out), const void *what, unsigned limit_s,
                    int *ret_out, void (*ended)(void *arg, int status, adit_time now), void *arg)
{
    int out[2];

    *child = (struct adit_child){ .ended = ended, .arg = arg };
    if (pipe2(out, O_CLOEXEC | O_NONBLOCK) < 0)
        return -errno;
    pid_t pid = fork();
    if (pid < 0) {
        int err = -errno;
        close_both(out);
        return err;
    }
    if (pid == 0) {
        setpgid(0, 0);
        limit_signals(limit_s);
        keep_only(out[1]);
        limit_memory();
        run(what, 3);
        _exit(0);
    }
    setpgid(pid, pid); /* whichever of us is first */
    close(out[1]);
    child->pid = pid;
    *ret_out = out[0];
    started(child, loop, ADIT_NEVER);
    return 0;
}

adit_time adit_child_await(struct adit_child *child, adit_time at_most)
{
    const struct timespec step = { .tv_nsec = AWAIT_STEP };

    if (!adit_child_runs(child))
        return at_most;
    while (waitpid(child->pid, NULL, WNOHANG) == 0 && at_most >= AWAIT_STEP) {
        nanosleep(&step, NULL);
        at_most -= AWAIT_STEP;
    }
    forget(child);
    return at_most;
}

void adit_child_stop(struct adit_child *child)
{
    if (!adit_child_runs(child))
        return;
    kill(-child->pid, SIGKILL);
    while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    forget(child);
}
