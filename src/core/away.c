#include "core/away.h"

#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static adit_time asleep(adit_time now)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return now - ((adit_time)ts.tv_sec * ADIT_SEC + (adit_time)ts.tv_nsec);
}

/* epoll does not count sleep: without this, its wait would go on where it was. */
static void arm(int fd)
{
    const struct itimerspec never = { .it_value.tv_sec = INT32_MAX };

    if (timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) < 0)
        return; /* it is noticed at the next timer, then */
}

static void on_waker(struct adit_io *io, uint32_t events, adit_time now)
{
    uint64_t times;

    (void)events;
    (void)now;
    if (read(io->fd, &times, sizeof times) < 0 && errno != ECANCELED)
        return;
    arm(io->fd);
}

void adit_away_init(struct adit_away *a, struct adit_loop *loop)
{
    int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);

    adit_list_init(&a->backs);
    a->asleep = asleep(adit_loop_now(loop));
    if (fd >= 0 && adit_io_start(&a->waker, loop, fd, EPOLLIN, on_waker, "wake") < 0)
        close(fd);
    else if (fd >= 0)
        arm(fd);
}

void adit_away_done(struct adit_away *a)
{
    if (!a->waker.loop)
        return;
    adit_io_stop(&a->waker);
    close(a->waker.fd);
}

static bool stopped(const struct adit_away_wait *w)
{
    if (!w->before)
        return false;
    if (w->before >= w->last + ADIT_AWAY_MIN) /* within a handler */
        return true;
    if (w->now < w->before + ADIT_AWAY_MIN)
        return false;
    return w->interrupted ||
           (w->most != ADIT_NEVER && w->now >= w->before + w->most + ADIT_AWAY_MIN);
}

void adit_away_look(struct adit_away *a, const struct adit_away_wait *w)
{
    struct adit_link turn;
    adit_time before = a->asleep;

    if (w->now < w->last + ADIT_AWAY_MIN)
        return;
    a->asleep = asleep(w->now);
    if (a->asleep < before + ADIT_AWAY_MIN && !stopped(w))
        return;
    adit_list_init(&turn); /* moved one by one, so that one may stop another */
    while (!adit_list_empty(&a->backs)) {
        struct adit_link *link = a->backs.next;
        adit_list_del(link);
        adit_list_add(&turn, link);
    }
    while (!adit_list_empty(&turn)) {
        struct adit_back *back = adit_container_of(turn.next, struct adit_back, link);
        adit_list_del(&back->link);
        adit_list_add(&a->backs, &back->link);
        back->back(back, w->now);
    }
}

void adit_back_start(struct adit_back *back, struct adit_loop *loop,
                     void (*fn)(struct adit_back *back, adit_time now))
{
    back->back = fn;
    adit_list_init(&back->link);
    adit_list_add(&adit_loop_away(loop)->backs, &back->link);
}

void adit_back_stop(struct adit_back *back)
{
    if (back->back)
        adit_list_del(&back->link);
    back->back = NULL;
}
