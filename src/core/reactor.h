/* reactor.h - one thread, one epoll, one clock: where all waiting happens.
 *
 * `struct adit_loop` is the public type of adit.h; this is its inner side. What waits is embedded
 * in the object that waits, so arming allocates nothing and, but for adit_io_start, cannot fail. A
 * round is: sleep; read the clock once; ready descriptors; due timers; tasks queued for "before
 * sleep" (flushes); tasks queued for "end of round" (frees). A handler may stop, close or free
 * whatever it likes, its own object included: events already fetched for a stopped io are
 * forgotten. */
#ifndef ADIT_REACTOR_H
#define ADIT_REACTOR_H

#include <sys/epoll.h>

#include "base/base.h"
#include "base/heap.h"
#include "base/list.h"

struct adit_udp_hub;
struct adit_gate;
struct adit_away;
struct adit_igd_job;

/* A descriptor that is waited for. All zero = stopped. Level-triggered. */
struct adit_io {
    int fd;
    uint32_t events; /* EPOLLIN, EPOLLOUT; 0 = paused, and then errors are not told either */
    void (*ready)(struct adit_io *io, uint32_t events, adit_time now);
    const char *name; /* for the log */
    struct adit_loop *loop;
    struct adit_link link; /* in loop->files: a regular file, which epoll does not take */
};

struct adit_timer {
    struct adit_heap_node node;
    void (*fire)(struct adit_timer *timer, adit_time now);
    const char *name; /* for the log */
    struct adit_loop *loop;
};

/* Something to do later in this round. The link must be initialised: adit_task_init. */
struct adit_task {
    struct adit_link link;
    void (*run)(struct adit_task *task, adit_time now);
};

/* The current time: the same during a whole round, and read afresh outside of one, because a caller
 * with a loop of its own may have slept. CLOCK_BOOTTIME: it counts suspended time (see
 * docs/decisions.md). */
adit_time adit_loop_now(struct adit_loop *loop);
/* There was nothing to do before this round, and one thing now: a packet that came alone. To ask at
 * once whether there is another one only delays it; the next round will know. */
bool adit_loop_rested(const struct adit_loop *loop);

/* Seconds since 1970 by the wall clock, for the date of what people exchange and for nothing else:
 * it may be wrong, and may jump. */
int64_t adit_loop_wall(void);

/* What this process has had of the processor, in the kernel too. */
adit_time adit_loop_cpu(void);

/* Starts waiting for `events` on fd, which stays the caller's. Regular files and /dev/null are
 * always ready, as poll(2) has it. -errno of epoll_ctl. */
ADIT_MUST_USE int adit_io_start(struct adit_io *io, struct adit_loop *loop, int fd, uint32_t events,
                                void (*ready)(struct adit_io *io, uint32_t events, adit_time now),
                                const char *name);
void adit_io_want(struct adit_io *io, uint32_t events);
/* To be called before fd is closed. May be repeated. */
void adit_io_stop(struct adit_io *io);

void adit_timer_init(struct adit_timer *timer, struct adit_loop *loop,
                     void (*fire)(struct adit_timer *timer, adit_time now), const char *name);
/* Arms, or moves what is armed; ADIT_NEVER stops. A time that is past fires in the next round. */
void adit_timer_set(struct adit_timer *timer, adit_time at);
void adit_timer_stop(struct adit_timer *timer);
/* ADIT_NEVER: it is not set. */
static inline adit_time adit_timer_at(const struct adit_timer *timer)
{
    return adit_heap_has(&timer->node) ? timer->node.at : ADIT_NEVER;
}

void adit_task_init(struct adit_task *task, void (*run)(struct adit_task *task, adit_time now));
/* Runs once, when all events of this round have been handled and before the loop sleeps, in the
 * order queued. Queueing what is queued changes nothing. */
void adit_loop_before_sleep(struct adit_loop *loop, struct adit_task *task);
/* As before, when no task of those is left: for what gathers the bytes of all of them. */
void adit_loop_at_last(struct adit_loop *loop, struct adit_task *task);
/* Runs once, at the very end of the round or in adit_loop_free: for freeing what may still be on
 * the call stack. */
void adit_loop_end_of_round(struct adit_loop *loop, struct adit_task *task);
void adit_task_cancel(struct adit_task *task);

/* Who wants to know that the process has not run for seconds (away.h): before what is due since,
 * and what came meanwhile, is looked at. */
struct adit_back {
    struct adit_link link;
    void (*back)(struct adit_back *back, adit_time now);
};
void adit_back_start(struct adit_back *back, struct adit_loop *loop,
                     void (*fn)(struct adit_back *back, adit_time now));
void adit_back_stop(struct adit_back *back); /* may be repeated; zeroed before its first use */

struct adit_away *adit_loop_away(struct adit_loop *loop);
/* The UDP batches of this loop, made by the first socket: see udp.c. */
struct adit_udp_hub **adit_loop_udp_hub(struct adit_loop *loop);
/* The errands of this loop that are under way: see igd.c. */
struct adit_igd_job **adit_loop_errands(struct adit_loop *loop);
/* The TCP ports of this loop that several share: see gate.c. */
struct adit_gate **adit_loop_gates(struct adit_loop *loop);

#endif
