#include "core/listen.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "core/listen_inner.h"

#define STARVED_PAUSE (200 * ADIT_MS)
#define TELL_EVERY    (60 * ADIT_SEC)

static void update(struct adit_listen *l)
{
    for (size_t i = 0; i < l->count; i++)
        adit_io_want(&l->sockets[i].io, l->paused || l->starved ? 0 : EPOLLIN);
}

/* ---- calls ----------------------------------------------------------------------------------- */

/* Level-triggered, the loop would spin: the call stays where it is, and so we are woken again. */
static void starve(struct adit_listen *l, int err, adit_time now)
{
    l->starved = true;
    update(l);
    adit_timer_set(&l->hungry, now + STARVED_PAUSE);
    if (l->told_at && now - l->told_at < TELL_EVERY)
        return;
    l->told_at = now;
    adit_log(ADIT_LOG_WARN, "listen", "cannot take a call: %s; callers wait, continuing",
             strerror(err));
}

static void on_hungry(struct adit_timer *timer, adit_time now)
{
    struct adit_listen *l = adit_container_of(timer, struct adit_listen, hungry);

    (void)now;
    l->starved = false;
    update(l);
}

/* 0: a call was taken; EAGAIN: none is there; others as accept(2). */
static int take(struct adit_listen_socket *sock, adit_time now)
{
    struct adit_listen *l = sock->listen;
    struct sockaddr_storage sa = { 0 };
    socklen_t len = sizeof sa;
    struct adit_addr from = { 0 };
    int fd = accept4(sock->fd, (struct sockaddr *)&sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0)
        return errno;
    (void)!adit_addr_from_sockaddr(&from, (struct sockaddr *)&sa); /* local ones have none */
    l->ops->accepted(l->arg, fd, &from, now);
    return 0;
}

static void on_ready(struct adit_io *io, uint32_t events, adit_time now)
{
    struct adit_listen_socket *sock = adit_container_of(io, struct adit_listen_socket, io);
    struct adit_listen *l = sock->listen;

    (void)events;
    for (int i = 0; i < ADIT_LISTEN_BATCH && !l->freed && !l->paused; i++) {
        int err = take(sock, now);

        switch (err) {
        case 0:
            break;
        case EAGAIN:
            return;
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM:
            starve(l, err, now);
            return;
        default: /* accept(2): errors of the caller's connection; the next one may be fine */
            adit_debug("listen", "a call was lost: %s", strerror(err));
        }
    }
}

void adit_listen_pause(struct adit_listen *l)
{
    l->paused = true;
    update(l);
}

void adit_listen_resume(struct adit_listen *l)
{
    l->paused = false;
    update(l);
}

int adit_listen_mark(struct adit_listen *l, uint32_t mark)
{
    for (size_t i = 0; i < l->count; i++) {
        if (setsockopt(l->sockets[i].fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark) < 0)
            return -errno;
    }
    return 0;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void on_bury(struct adit_task *task, adit_time now)
{
    (void)now;
    adit_free(adit_container_of(task, struct adit_listen, bury));
}

static int open_all(struct adit_listen *l, const struct adit_listen_conf *conf,
                    struct adit_cause *ret_cause)
{
    int err = conf->count ? 0 : -EINVAL;

    for (size_t i = 0; i < conf->count && !err; i++) {
        err = adit_listen_add(l, conf->at[i], conf);
        if (err && ret_cause) {
            char at[48];

            adit_str_printable(at, sizeof at, conf->at[i], strlen(conf->at[i]));
            adit_cause_set(ret_cause, err == -EINVAL ? ADIT_REASON_LOCAL : ADIT_REASON_RESOURCE,
                           -err, "cannot listen at \"%s\": %s", at,
                           err == -EINVAL   ? "give ADDRESS:PORT or unix:PATH"
                           : err == -ENOENT ? "nothing there"
                                            : strerror(-err));
        }
    }
    for (size_t i = 0; i < l->count && !err; i++)
        err = adit_io_start(&l->sockets[i].io, l->loop, l->sockets[i].fd, EPOLLIN, on_ready,
                            "listen");
    return err;
}

int adit_listen_open(struct adit_listen **ret_listen, struct adit_loop *loop,
                     const struct adit_listen_conf *conf, const struct adit_listen_ops *ops,
                     void *arg, struct adit_cause *ret_cause)
{
    struct adit_listen *l = adit_zalloc(sizeof *l);

    if (ret_cause)
        adit_cause_set(ret_cause, ADIT_REASON_RESOURCE, ENOMEM, "cannot listen");
    *ret_listen = l;
    if (!l)
        return -ENOMEM;
    l->loop = loop;
    l->ops = ops;
    l->arg = arg;
    adit_timer_init(&l->hungry, loop, on_hungry, "listen");
    adit_task_init(&l->bury, on_bury);
    int err = open_all(l, conf, ret_cause);
    if (err)
        *ret_listen = adit_listen_free(l);
    return err;
}

struct adit_listen *adit_listen_free(struct adit_listen *l)
{
    if (!l || l->freed)
        return NULL;
    l->freed = true;
    adit_timer_stop(&l->hungry);
    for (size_t i = 0; i < l->count; i++)
        adit_listen_close(&l->sockets[i]);
    adit_loop_end_of_round(l->loop, &l->bury); /* we may be inside `accepted` */
    return NULL;
}

size_t adit_listen_count(const struct adit_listen *l)
{
    return l->count;
}

const char *adit_listen_at(const struct adit_listen *l, size_t i)
{
    assert(i < l->count);
    return l->sockets[i].at;
}

const struct adit_addr *adit_listen_addr(const struct adit_listen *l, size_t i)
{
    assert(i < l->count);
    return &l->sockets[i].addr;
}
