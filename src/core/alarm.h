/* alarm.h - what ends a wait of the loop in time, without being set for each wait.
 *
 * The timeout of epoll_wait is a timer of the kernel that is armed and taken back in every wait
 * that something else ends: two to four microseconds, while a deadline moves away with each packet
 * as a rule. This is a timer descriptor that stays armed as long as it rings early enough. It may
 * ring in vain, once for a deadline that was given up. */
#ifndef ADIT_ALARM_H
#define ADIT_ALARM_H

#include "base/base.h"

struct adit_alarm {
    int fd;       /* -1: it could not be had */
    adit_time at; /* when it rings; not later than now: it is not set */
};

/* Rings by an event of `epoll` whose data.ptr is NULL. */
void adit_alarm_init(struct adit_alarm *a, int epoll);
void adit_alarm_done(struct adit_alarm *a);
/* `at` is later than `now`. True: a wait that begins now ends by then, or up to a millisecond
 * later; false: it needs a timeout of its own. */
bool adit_alarm_by(struct adit_alarm *a, adit_time at, adit_time now);

#endif
