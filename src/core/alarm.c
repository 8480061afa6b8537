#include "core/alarm.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

void adit_alarm_init(struct adit_alarm *a, int epoll)
{
    /* Edge-triggered: that it has rung need not be read. */
    struct epoll_event ev = { .events = EPOLLIN | EPOLLET };

    a->at = 0;
    a->fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    if (a->fd >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, a->fd, &ev) < 0)
        adit_alarm_done(a);
}

void adit_alarm_done(struct adit_alarm *a)
{
    if (a->fd >= 0)
        close(a->fd);
    a->fd = -1;
}

bool adit_alarm_by(struct adit_alarm *a, adit_time at, adit_time now)
{
    struct itimerspec spec = { .it_interval.tv_sec = 0 };

    at = (at + ADIT_MS - 1) / ADIT_MS * ADIT_MS; /* what is due at about the same time, together */
    if (a->fd < 0)
        return false;
    if (a->at > now && a->at <= at)
        return true;
    spec.it_value.tv_sec = (time_t)((at - now) / ADIT_SEC);
    spec.it_value.tv_nsec = (long)((at - now) % ADIT_SEC);
    a->at = timerfd_settime(a->fd, 0, &spec, NULL) == 0 ? at : 0;
    return a->at;
}
