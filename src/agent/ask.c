#include "agent/ask.h"

#include <fcntl.h>
#include <stdio.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>

#define TIME_TO_ANSWER (60 * ADIT_SEC)

static void finish(struct adit_ask *ask, bool yes)
{
    void (*answered)(void *arg, bool yes) = ask->answered;

    adit_ask_stop(ask);
    answered(ask->arg, yes);
}

static bool is_yes(const char *line, ssize_t n)
{
    while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
        n--;
    return (n == 1 && strncasecmp(line, "y", 1) == 0) ||
           (n == 3 && strncasecmp(line, "yes", 3) == 0);
}

static void on_ready(struct adit_io *io, uint32_t events, adit_time now)
{
    struct adit_ask *ask = adit_container_of(io, struct adit_ask, io);
    char line[64];
    ssize_t n = read(ask->fd, line, sizeof line);

    (void)events;
    (void)now;
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    finish(ask, is_yes(line, n));
}

static void on_limit(struct adit_timer *timer, adit_time now)
{
    (void)now;
    finish(adit_container_of(timer, struct adit_ask, limit), false);
}

static int put_question(int fd, const char *name, const struct adit_desc *desc)
{
    char text[ADIT_FINGERPRINT_STR + 512], print[ADIT_FINGERPRINT_STR] = "(none)";
    int n;

    if (desc->fingerprint_count)
        adit_fingerprint_print(&desc->fingerprints[0], print);
    n = snprintf(text, sizeof text,
                 "%s is not known here. Its certificate has the fingerprint\n  %s\n"
                 "Compare it with what its owner sees (adit status). Trust it from now on? [y/N] ",
                 name, print);
    return write(fd, text, (size_t)n) == n ? 0 : -EIO;
}

int adit_ask_start(struct adit_ask *ask, struct adit_loop *loop, const char *name,
                   const struct adit_desc *desc, void (*answered)(void *arg, bool yes), void *arg)
{
    int err;

    if (ask->running)
        return -EBUSY;
    ask->fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    /* In the background nobody would see it, and reading would stop us (SIGTTIN). */
    if (ask->fd >= 0 && tcgetpgrp(ask->fd) != getpgrp()) {
        close(ask->fd);
        ask->fd = -1;
    }
    if (ask->fd < 0)
        return -ENOTTY;
    ask->answered = answered;
    ask->arg = arg;
    tcflush(ask->fd, TCIFLUSH); /* what was typed before the question does not answer it */
    err = put_question(ask->fd, name, desc);
    if (!err)
        err = adit_io_start(&ask->io, loop, ask->fd, EPOLLIN, on_ready, "ask");
    if (err) {
        close(ask->fd);
        return -ENOTTY;
    }
    ask->running = true;
    adit_timer_init(&ask->limit, loop, on_limit, "ask");
    adit_timer_set(&ask->limit, adit_loop_now(loop) + TIME_TO_ANSWER);
    return 0;
}

void adit_ask_stop(struct adit_ask *ask)
{
    if (!ask->running)
        return;
    ask->running = false;
    adit_timer_stop(&ask->limit);
    adit_io_stop(&ask->io);
    close(ask->fd);
}
