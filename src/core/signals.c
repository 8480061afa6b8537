#include "core/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

static void on_ready(struct adit_io *io, uint32_t events, adit_time now)
{
    struct adit_signals *s = adit_container_of(io, struct adit_signals, io);
    struct signalfd_siginfo info;

    (void)events;
    if (read(io->fd, &info, sizeof info) == sizeof info)
        s->got(s->arg, (int)info.ssi_signo, now); /* one in each round: s may be gone */
}

int adit_signals_start(struct adit_signals *s, struct adit_loop *loop, const int *signos,
                       void (*got)(void *arg, int signo, adit_time now), void *arg)
{
    sigset_t set;

    *s = (struct adit_signals){ .got = got, .arg = arg };
    sigemptyset(&set);
    for (; *signos; signos++)
        sigaddset(&set, *signos);
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    int err = adit_io_start(&s->io, loop, fd, EPOLLIN, on_ready, "signals");
    if (!err)
        err = -pthread_sigmask(SIG_BLOCK, &set, &s->saved);
    if (err) {
        adit_io_stop(&s->io);
        close(fd);
    }
    return err;
}

void adit_signals_default(int signo)
{
    sigset_t one, before;

    sigemptyset(&one);
    sigaddset(&one, signo);
    raise(signo);
    pthread_sigmask(SIG_UNBLOCK, &one, &before); /* here it happens */
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void adit_signals_stop(struct adit_signals *s)
{
    int fd = s->io.fd;

    if (!s->io.loop)
        return;
    adit_io_stop(&s->io);
    close(fd);
    pthread_sigmask(SIG_SETMASK, &s->saved, NULL);
}
