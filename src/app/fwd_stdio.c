/* fwd_stdio - -W: standard input and output are one connection from the other side, as for ssh's
 * ProxyCommand. The end of either is told to the other end, and it is over when both have ended.
 * Somebody at a terminal need not press ^D: there the other side's end is enough. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/fwd_inner.h"

static const struct {
    enum adit_mux_code code;
    enum adit_reason reason;
    int err;
} causes[] = {
    { ADIT_MUX_DONE, ADIT_REASON_NONE, 0 },
    { ADIT_MUX_BROKEN, ADIT_REASON_REMOTE, ECONNRESET },
    { ADIT_MUX_FORBIDDEN, ADIT_REASON_NO_PATH, EACCES },
    { ADIT_MUX_REFUSED, ADIT_REASON_NO_PATH, ECONNREFUSED },
    { ADIT_MUX_UNREACHABLE, ADIT_REASON_NO_PATH, EHOSTUNREACH },
    { ADIT_MUX_NOT_FOUND, ADIT_REASON_NO_PATH, ENOENT },
    { ADIT_MUX_TIMEOUT, ADIT_REASON_TIMEOUT, ETIMEDOUT },
    { ADIT_MUX_FULL, ADIT_REASON_RESOURCE, ENOBUFS },
    { ADIT_MUX_UNKNOWN, ADIT_REASON_PROTOCOL, EPROTO },
    { ADIT_MUX_LOST, ADIT_REASON_SILENCE, EPIPE },
};

static void over(struct adit_forwards *f, enum adit_mux_code code, const char *text, adit_time now)
{
    struct adit_cause cause = { .reason = ADIT_REASON_REMOTE };
    const char *what = adit_mux_code_text(code);

    for (size_t i = 0; i < ADIT_LEN(causes); i++)
        if (causes[i].code == code)
            adit_cause_set(&cause, causes[i].reason, causes[i].err, "%s%s%s", what,
                           text[0] && strcmp(text, what) != 0 ? ": " : "",
                           strcmp(text, what) != 0 ? text : "");
    f->stdio = adit_endpoint_free(f->stdio);
    f->stdio_over = true;
    if (f->ops->done)
        f->ops->done(f->arg, &cause, now);
}

/* Whoever reads our output is to see its end now, though we go on: a socket can be shut down, a
 * pipe ends when nobody has it any more. */
static void end_output(int fd)
{
    int null;

    if (isatty(fd) || shutdown(fd, SHUT_WR) == 0 || errno != ENOTSOCK)
        return;
    null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null < 0)
        return;
    (void)!dup2(null, fd);
    close(null);
}

static void on_ended(void *arg, adit_time now)
{
    struct adit_forwards *f = arg;

    (void)now;
    adit_endpoint_end_output(f->stdio);
    end_output(f->conf.out);
    if (isatty(f->conf.in))
        adit_endpoint_stop_input(f->stdio);
}

static void on_done(void *arg, enum adit_mux_code code, const char *text, adit_time now)
{
    over(arg, code, text, now);
}

static const struct adit_endpoint_ops ops = { .ended = on_ended, .done = on_done };

void adit_fwd_stdio_start(struct adit_forwards *f, adit_time now)
{
    char to[ADIT_END_STR];
    int err;

    if (!f->conf.stdio || f->stdio || f->stdio_over)
        return;
    f->stdio = adit_endpoint_new(f->conf.loop, &ops, f);
    adit_end_str(f->conf.stdio, to);
    err =
        f->stdio ? adit_endpoint_open(f->stdio, f->mux, ADIT_MUX_STREAM, to, strlen(to)) : -ENOMEM;
    if (!err) {
        adit_endpoint_count(f->stdio, &f->stats.bytes_out, &f->stats.bytes_in);
        err = adit_endpoint_files(f->stdio, f->conf.in, f->conf.out, false);
    }
    if (err)
        over(f, ADIT_MUX_FULL, strerror(-err), now);
}
