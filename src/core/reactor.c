#include "core/reactor.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "core/alarm.h"
#include "core/away.h"
#include "core/igd.h"
#include "core/udp.h"

#define EVENTS_MAX  64
#define PASSES_MAX  8              /* of the before-sleep tasks, which may queue each other */
#define REST_MIN    (10 * ADIT_US) /* a wait that was one */
#define BLOCKED_MAX (100 * ADIT_MS)

struct adit_loop {
    int fd;
    bool in_round, stopped;
    adit_time now;
    struct adit_heap timers;
    struct adit_link files; /* adit_io of regular files */
    struct adit_link before_sleep, at_last, end_of_round;
    struct epoll_event fetched[EVENTS_MAX]; /* data.ptr NULL: an io stopped meanwhile; alarm */
    int fetched_count;
    bool rested;
    size_t io_count;
    struct adit_udp_hub *udp_hub;
    struct adit_gate *gates;
    struct adit_away away;
    struct adit_alarm alarm;
    struct adit_igd_job *errands;
};

/* The one place where the program looks at a clock. */
static adit_time read_clock(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_BOOTTIME, &ts);
    return (adit_time)ts.tv_sec * ADIT_SEC + (adit_time)ts.tv_nsec;
}

int64_t adit_loop_wall(void)
{
    return (int64_t)time(NULL);
}

adit_time adit_loop_cpu(void)
{
    struct rusage used;

    if (getrusage(RUSAGE_SELF, &used) < 0)
        return 0;
    return (adit_time)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * ADIT_SEC +
           (adit_time)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * ADIT_US;
}

adit_time adit_loop_now(struct adit_loop *loop)
{
    if (!loop->in_round)
        loop->now = read_clock();
    return loop->now;
}

bool adit_loop_rested(const struct adit_loop *loop)
{
    return loop->rested;
}

struct adit_udp_hub **adit_loop_udp_hub(struct adit_loop *loop)
{
    return &loop->udp_hub;
}

struct adit_igd_job **adit_loop_errands(struct adit_loop *loop)
{
    return &loop->errands;
}

struct adit_gate **adit_loop_gates(struct adit_loop *loop)
{
    return &loop->gates;
}

struct adit_away *adit_loop_away(struct adit_loop *loop)
{
    return &loop->away;
}

struct adit_loop *adit_loop_new(void)
{
    struct adit_loop *loop = adit_zalloc(sizeof *loop);

    if (!loop)
        return NULL;
    loop->fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->fd < 0) {
        int err = errno;
        adit_free(loop);
        errno = err;
        return NULL;
    }
    adit_list_init(&loop->files);
    adit_list_init(&loop->before_sleep);
    adit_list_init(&loop->at_last);
    adit_list_init(&loop->end_of_round);
    adit_away_init(&loop->away, loop);
    adit_alarm_init(&loop->alarm, loop->fd);
    return loop;
}

static bool has_tasks(const struct adit_loop *loop)
{
    return !adit_list_empty(&loop->before_sleep) || !adit_list_empty(&loop->at_last);
}

static void run_tasks(struct adit_loop *loop, struct adit_link *queue)
{
    struct adit_link batch;

    /* Only what is queued now: a task that queues itself again has its turn in the next pass. */
    adit_list_init(&batch);
    while (!adit_list_empty(queue)) {
        struct adit_link *link = queue->next;
        adit_list_del(link);
        adit_list_add(&batch, link);
    }
    while (!adit_list_empty(&batch)) {
        struct adit_task *task = adit_container_of(batch.next, struct adit_task, link);
        adit_list_del(&task->link);
        task->run(task, loop->now);
    }
}

struct adit_loop *adit_loop_free(struct adit_loop *loop)
{
    if (!loop)
        return NULL;
    assert(!loop->in_round);
    while (!adit_list_empty(&loop->end_of_round))
        run_tasks(loop, &loop->end_of_round);
    adit_udp_hub_free(loop->udp_hub);
    adit_away_done(&loop->away);
    adit_alarm_done(&loop->alarm);
    if (adit_igd_built())
        adit_igd_farewell(loop->errands);
    assert(loop->io_count == 0 && loop->timers.count == 0);
    close(loop->fd);
    adit_free(loop);
    return NULL;
}

/* ---- descriptors ----------------------------------------------------------------------------- */

static void update(struct adit_io *io, int op)
{
    /* Paused means edge-triggered with nothing to wait for: epoll tells hang-ups whether asked or
     * not, and level-triggered it would do so in every round. */
    struct epoll_event ev = { .events = io->events ? io->events : EPOLLET, .data.ptr = io };

    int err = epoll_ctl(io->loop->fd, op, io->fd, &ev);
    assert(err == 0); /* fails only on a descriptor closed before adit_io_stop: our own mistake */
    (void)err;
}

int adit_io_start(struct adit_io *io, struct adit_loop *loop, int fd, uint32_t events,
                  void (*ready)(struct adit_io *io, uint32_t events, adit_time now),
                  const char *name)
{
    struct epoll_event ev = { .events = events ? events : EPOLLET, .data.ptr = io };

    assert(!io->loop);
    adit_list_init(&io->link);
    if (epoll_ctl(loop->fd, EPOLL_CTL_ADD, fd, &ev) < 0) {
        if (errno != EPERM)
            return -errno;
        adit_list_add(&loop->files, &io->link);
    }
    io->fd = fd;
    io->events = events;
    io->ready = ready;
    io->name = name;
    io->loop = loop;
    loop->io_count++;
    return 0;
}

void adit_io_want(struct adit_io *io, uint32_t events)
{
    assert(io->loop);
    if (io->events == events)
        return;
    io->events = events;
    if (adit_list_empty(&io->link))
        update(io, EPOLL_CTL_MOD);
}

void adit_io_stop(struct adit_io *io)
{
    struct adit_loop *loop = io->loop;

    if (!loop)
        return;
    if (adit_list_empty(&io->link))
        update(io, EPOLL_CTL_DEL);
    adit_list_del(&io->link);
    for (int i = 0; i < loop->fetched_count; i++)
        if (loop->fetched[i].data.ptr == io)
            loop->fetched[i].data.ptr = NULL;
    loop->io_count--;
    io->loop = NULL;
}

/* ---- timers and tasks ------------------------------------------------------------------------ */

void adit_timer_init(struct adit_timer *timer, struct adit_loop *loop,
                     void (*fire)(struct adit_timer *timer, adit_time now), const char *name)
{
    *timer = (struct adit_timer){ .fire = fire, .name = name, .loop = loop };
}

void adit_timer_set(struct adit_timer *timer, adit_time at)
{
    struct adit_loop *loop = timer->loop;

    adit_timer_stop(timer);
    if (at == ADIT_NEVER)
        return;
    /* Not before now: otherwise one that is always late would always be first, and the only one. */
    adit_heap_add(&loop->timers, &timer->node, adit_time_max(at, loop->now));
}

void adit_timer_stop(struct adit_timer *timer)
{
    if (timer->loop)
        adit_heap_remove(&timer->loop->timers, &timer->node);
}

void adit_task_init(struct adit_task *task, void (*run)(struct adit_task *task, adit_time now))
{
    adit_list_init(&task->link);
    task->run = run;
}

static void queue(struct adit_link *tasks, struct adit_task *task)
{
    if (adit_list_empty(&task->link))
        adit_list_add(tasks, &task->link);
}

void adit_loop_before_sleep(struct adit_loop *loop, struct adit_task *task)
{
    queue(&loop->before_sleep, task);
}

void adit_loop_at_last(struct adit_loop *loop, struct adit_task *task)
{
    queue(&loop->at_last, task);
}

void adit_loop_end_of_round(struct adit_loop *loop, struct adit_task *task)
{
    queue(&loop->end_of_round, task);
}

void adit_task_cancel(struct adit_task *task)
{
    adit_list_del(&task->link);
}

/* ---- the round ------------------------------------------------------------------------------- */

/* Says who held everybody up. Costs a look at the clock per handler, so only when somebody reads.
 */
static adit_time watch_start(void)
{
    return adit_log_level >= ADIT_LOG_DEBUG ? read_clock() : 0;
}

static void watch_end(adit_time start, const char *name)
{
    if (start == 0)
        return;
    adit_time took = read_clock() - start;
    if (took > BLOCKED_MAX)
        adit_debug("loop", "%s held the loop up for %llu ms", name,
                   (unsigned long long)(took / ADIT_MS));
}

static void call_ready(struct adit_io *io, uint32_t events, adit_time now)
{
    const char *name = io->name;
    adit_time start = watch_start();

    io->ready(io, events, now); /* may have freed io */
    watch_end(start, name);
}

static void dispatch(struct adit_loop *loop)
{
    for (int i = 0; i < loop->fetched_count; i++) {
        struct adit_io *io = loop->fetched[i].data.ptr;

        if (!io || !io->events) /* stopped or paused by a handler before */
            continue;
        uint32_t events = loop->fetched[i].events & (io->events | EPOLLERR | EPOLLHUP);
        if (events)
            call_ready(io, events, loop->now);
    }
    loop->fetched_count = 0;
}

static void dispatch_files(struct adit_loop *loop)
{
    struct adit_link turn;

    /* Moved one by one, so that a handler can stop any of them, the next one included. */
    adit_list_init(&turn);
    while (!adit_list_empty(&loop->files)) {
        struct adit_link *link = loop->files.next;
        adit_list_del(link);
        adit_list_add(&turn, link);
    }
    while (!adit_list_empty(&turn)) {
        struct adit_io *io = adit_container_of(turn.next, struct adit_io, link);

        adit_list_del(&io->link);
        adit_list_add(&loop->files, &io->link);
        if (io->events)
            call_ready(io, io->events, loop->now);
    }
}

static void fire_timers(struct adit_loop *loop)
{
    uint64_t last = loop->timers.seq; /* what handlers arm now has its turn in the next round */
    struct adit_heap_node *node;

    while ((node = adit_heap_first(&loop->timers)) && node->at <= loop->now && node->seq <= last) {
        struct adit_timer *timer = adit_container_of(node, struct adit_timer, node);
        const char *name = timer->name;
        adit_time start = watch_start();

        adit_heap_remove(&loop->timers, node);
        timer->fire(timer, loop->now); /* may have freed timer */
        watch_end(start, name);
    }
}

static bool files_ready(const struct adit_loop *loop)
{
    const struct adit_link *it;

    for (it = loop->files.next; it != &loop->files; it = it->next)
        if (adit_container_of(it, struct adit_io, link)->events)
            return true;
    return false;
}

/* Nanoseconds to the next thing to do without being asked. */
static adit_time wait_time(const struct adit_loop *loop, adit_time now)
{
    const struct adit_heap_node *first = adit_heap_first(&loop->timers);

    if (has_tasks(loop) || !adit_list_empty(&loop->end_of_round) || files_ready(loop))
        return 0;
    if (!first)
        return ADIT_NEVER;
    return first->at > now ? first->at - now : 0;
}

static int to_ms(adit_time wait)
{
    if (wait == ADIT_NEVER)
        return -1;
    wait = (wait + ADIT_MS - 1) / ADIT_MS; /* up: waking too early would spin to the deadline */
    return wait < INT_MAX ? (int)wait : INT_MAX;
}

static int run_round(struct adit_loop *loop, adit_time wait, adit_time before)
{
    struct adit_away_wait w = { .last = loop->now, .before = wait ? before : 0, .most = wait };
    bool rings = wait && wait != ADIT_NEVER && adit_alarm_by(&loop->alarm, before + wait, before);

    assert(!loop->in_round); /* adit_loop_process called from a callback */
    int n = epoll_wait(loop->fd, loop->fetched, EVENTS_MAX, rings ? -1 : to_ms(wait));
    if (n < 0 && errno != EINTR)
        return -errno;
    loop->fetched_count = n > 0 ? n : 0;
    loop->now = read_clock();
    loop->rested = n == 1 && wait && loop->now - before > REST_MIN;
    loop->in_round = true;
    w.interrupted = n < 0;
    w.now = loop->now;
    adit_away_look(&loop->away, &w);
    /* Packets before timers: after a pause, an answer that has come is not taken for missing. */
    dispatch(loop);
    dispatch_files(loop);
    fire_timers(loop);
    for (int i = 0; i < PASSES_MAX && has_tasks(loop); i++)
        run_tasks(loop,
                  adit_list_empty(&loop->before_sleep) ? &loop->at_last : &loop->before_sleep);
    while (!adit_list_empty(&loop->end_of_round))
        run_tasks(loop, &loop->end_of_round);
    loop->in_round = false;
    return 0;
}

int adit_loop_run(struct adit_loop *loop)
{
    int err = 0;

    while (!loop->stopped && !err) {
        adit_time now = read_clock(), wait = wait_time(loop, now);
        const struct adit_heap_node *first = adit_heap_first(&loop->timers);

        adit_trace("loop", "sleeps %d ms, next timer: %s", to_ms(wait),
                   first ? adit_container_of(first, struct adit_timer, node)->name : "none");
        err = run_round(loop, wait, now);
    }
    loop->stopped = false;
    return err;
}

void adit_loop_stop(struct adit_loop *loop)
{
    loop->stopped = true;
}

int adit_loop_fd(const struct adit_loop *loop)
{
    return loop->fd;
}

int adit_loop_timeout_ms(struct adit_loop *loop)
{
    return to_ms(wait_time(loop, read_clock()));
}

int adit_loop_process(struct adit_loop *loop)
{
    return run_round(loop, 0, 0);
}
