#include "agent/paste.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/log.h"

#define QUIET     (300 * ADIT_MS)
#define LINE_SIZE 4096
#define BEHIND    ADIT_SEC /* between two looks if we are in front again */
#define END_CHAR  4        /* ^D, in non-canonical mode a byte like others */

static void report(struct adit_paste *p, int result, bool ended, adit_time now)
{
    if (result == 0)
        return;
    adit_timer_stop(&p->quiet);
    if (result > 0) {
        p->ops->found(p->arg, &p->text, now);
        return;
    }
    struct adit_cause cause = p->text.cause;
    if (!ended)
        adit_pairtext_clear(&p->text);
    p->ops->failed(p->arg, &cause, ended, now);
}

static void end(struct adit_paste *p, adit_time now)
{
    adit_io_want(&p->io, 0);
    report(p, adit_pairtext_end(&p->text), true, now);
}

static bool readable(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };

    return poll(&p, 1, 0) == 1;
}

bool adit_paste_there(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    int left = 0;

    if (poll(&p, 1, 0) < 1 || p.revents & POLLNVAL)
        return !p.revents; /* nothing yet */
    /* Ready, but with nothing to read, is the end; a terminal alone tells it by hanging up. */
    return ioctl(fd, FIONREAD, &left) == 0 && (left > 0 || (isatty(fd) && !(p.revents & POLLHUP)));
}

/* Of a pipe or a file: a line, or what there is of it; never a byte of the next one. */
static ssize_t read_line(int fd, uint8_t *out, size_t size)
{
    size_t n = 0;

    while (n < size) {
        ssize_t got = read(fd, out + n, 1);

        if (got <= 0)
            return n ? (ssize_t)n : got;
        if (out[n++] == '\n')
            break;
        if (!readable(fd))
            break;
    }
    return (ssize_t)n;
}

/* In the background the terminal is the shell's, and the kernel would stop who changes it. One that
 * does not control us has no front. */
static bool in_front(int fd)
{
    pid_t front = tcgetpgrp(fd);

    return front < 0 || front == getpgrp();
}

static void set_terminal(struct adit_paste *p)
{
    struct termios raw = p->saved;

    raw.c_lflag &= ~(tcflag_t)ICANON;
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    if (in_front(p->fd))
        tcsetattr(p->fd, TCSANOW, &raw);
}

static void on_ready(struct adit_io *io, uint32_t events, adit_time now)
{
    struct adit_paste *p = adit_container_of(io, struct adit_paste, io);
    uint8_t bytes[LINE_SIZE], *end_char;
    ssize_t n;

    (void)events;
    if (p->terminal && !in_front(p->fd)) { /* what is typed is the shell's */
        adit_io_want(&p->io, 0);
        adit_timer_set(&p->quiet, now + BEHIND);
        return;
    }
    n = p->terminal ? read(p->fd, bytes, sizeof bytes) : read_line(p->fd, bytes, sizeof bytes);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        end(p, now);
        return;
    }
    end_char = p->terminal ? memchr(bytes, END_CHAR, (size_t)n) : NULL;
    if (end_char)
        n = end_char - bytes;
    int result = adit_pairtext_feed(&p->text, bytes, (size_t)n);
    if (end_char && result == 0) {
        end(p, now);
        return;
    }
    adit_timer_set(&p->quiet, now + QUIET);
    report(p, result, false, now);
}

/* What was pasted had no line end; what we say next is to begin on a line of its own. */
static void end_line(void)
{
    static const char newline = '\n';

    if (adit_log_takes() && write(STDERR_FILENO, &newline, 1) < 0)
        return; /* nobody is looking */
}

static void on_quiet(struct adit_timer *timer, adit_time now)
{
    struct adit_paste *p = adit_container_of(timer, struct adit_paste, quiet);

    int result;

    if (!p->terminal)
        return;
    if (!p->io.events) {
        adit_paste_continue(p);
        return;
    }
    result = adit_pairtext_pause(&p->text);
    if (result)
        end_line();
    report(p, result, false, now);
}

static void restore_terminal(struct adit_paste *p)
{
    if (in_front(p->fd))
        tcsetattr(p->fd, TCSANOW, &p->saved);
}

int adit_paste_start(struct adit_paste *p, struct adit_loop *loop, int fd,
                     const struct adit_pairtext_conf *conf, const struct adit_paste_ops *ops,
                     void *arg)
{
    int err;

    p->fd = fd;
    p->ops = ops;
    p->arg = arg;
    adit_timer_init(&p->quiet, loop, on_quiet, "paste");
    err = adit_io_start(&p->io, loop, fd, EPOLLIN, on_ready, "paste");
    if (err)
        return err;
    adit_pairtext_init(&p->text, conf);
    p->terminal = tcgetattr(fd, &p->saved) == 0;
    if (p->terminal)
        set_terminal(p);
    p->running = true;
    return 0;
}

void adit_paste_suspend(struct adit_paste *p)
{
    if (p->running && p->terminal)
        restore_terminal(p);
}

void adit_paste_continue(struct adit_paste *p)
{
    if (!p->running || !p->terminal)
        return;
    set_terminal(p);
    adit_io_want(&p->io, EPOLLIN);
}

void adit_paste_again(struct adit_paste *p)
{
    adit_pairtext_clear(&p->text);
}

void adit_paste_stop(struct adit_paste *p)
{
    if (!p->running)
        return;
    p->running = false;
    adit_timer_stop(&p->quiet);
    adit_io_stop(&p->io);
    adit_pairtext_done(&p->text);
    if (p->terminal)
        restore_terminal(p);
}
