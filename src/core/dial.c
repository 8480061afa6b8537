#include "core/dial.h"

#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "core/resolve.h"
#include "core/unixpath.h"

#define UNIX_AGAIN (50 * ADIT_MS) /* a local socket whose queue is full: nothing tells when not */

struct attempt {
    struct adit_dial *dial;
    struct adit_io io; /* stopped: not running */
    struct adit_addr addr;
};

struct adit_dial {
    struct adit_loop *loop;
    adit_dial_done *done;
    void *arg;
    struct adit_resolve *resolve;
    struct sockaddr_un local; /* family 0: this is TCP */
    unsigned local_len;
    struct attempt attempts[ADIT_RESOLVE_MAX];
    size_t count, next; /* of the attempts: known, begun */
    size_t running;
    struct adit_timer stagger, limit;
    adit_time timeout;
    uint32_t mark;
    struct adit_addr from; /* family NONE = any */
    char device[IF_NAMESIZE];
    struct adit_task deliver; /* the answer is there */
    int fd;                   /* the answer, or -1 … */
    struct adit_addr addr;
    struct adit_cause cause; /* … and why */
};

/* ---- the answer ------------------------------------------------------------------------------ */

static void stop_attempt(struct attempt *a, bool keep_fd)
{
    int fd = a->io.fd;

    if (!a->io.loop)
        return;
    adit_io_stop(&a->io);
    a->dial->running--;
    if (!keep_fd)
        close(fd);
}

static void stop_all(struct adit_dial *d)
{
    d->resolve = adit_resolve_free(d->resolve);
    adit_timer_stop(&d->stagger);
    adit_timer_stop(&d->limit);
    for (size_t i = 0; i < d->count; i++)
        stop_attempt(&d->attempts[i], false);
}

static void deliver(struct adit_task *task, adit_time now)
{
    struct adit_dial *d = adit_container_of(task, struct adit_dial, deliver);
    int fd = d->fd;

    d->fd = -1;
    d->done(d->arg, fd, &d->addr, &d->cause, now); /* may have freed d */
}

static void answer(struct adit_dial *d)
{
    stop_all(d);
    adit_loop_before_sleep(d->loop, &d->deliver);
}

static void succeed(struct adit_dial *d, int fd, const struct adit_addr *addr)
{
    d->fd = fd;
    if (addr)
        d->addr = *addr;
    adit_cause_set(&d->cause, ADIT_REASON_NONE, 0, "connected");
    answer(d);
}

static const char *in_words(int err)
{
    switch (err) {
    case ECONNREFUSED:
        return "connection refused: nothing listens there";
    case ETIMEDOUT:
        return "no answer to the connection request";
    case ENETUNREACH:
    case EHOSTUNREACH:
        return "no route to that address";
    case ENOENT:
        return "no such local socket";
    default:
        return strerror(err);
    }
}

static bool is_ours(int err)
{
    return err == EMFILE || err == ENFILE || err == ENOBUFS || err == ENOMEM;
}

/* Of several failures one is told: the one that got furthest. */
static int told_rank(int err)
{
    return is_ours(err)          ? 4
           : err == ECONNREFUSED ? 3
           : err == ETIMEDOUT    ? 2
           : err == EHOSTUNREACH ? 1
                                 : 0;
}

static void note_failure(struct adit_dial *d, int err)
{
    if (d->cause.err && told_rank(err) < told_rank(d->cause.err))
        return;
    adit_cause_set(&d->cause, is_ours(err) ? ADIT_REASON_RESOURCE : ADIT_REASON_NO_PATH, err, "%s",
                   in_words(err));
}

/* ---- attempts -------------------------------------------------------------------------------- */

static void try_next(struct adit_dial *d, adit_time now);

static void on_ready(struct adit_io *io, uint32_t events, adit_time now)
{
    struct attempt *a = adit_container_of(io, struct attempt, io);
    struct adit_dial *d = a->dial;
    int err = 0;
    socklen_t len = sizeof err;

    (void)events;
    if (getsockopt(io->fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
        err = errno;
    int fd = io->fd;
    stop_attempt(a, err == 0);
    if (!err) {
        succeed(d, fd, &a->addr);
        return;
    }
    adit_debug("dial", "attempt %zu of %zu: %s", (size_t)(a - d->attempts) + 1, d->count,
               strerror(err));
    note_failure(d, err);
    try_next(d, now); /* RFC 8305 section 5: a failure need not wait for the delay */
}

static int bind_from(const struct adit_dial *d, int fd)
{
    struct sockaddr_storage sa;
    unsigned len = adit_addr_to_sockaddr(&d->from, (struct sockaddr *)&sa);
    int one = 1;

    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0)
        return -errno;
    return bind(fd, (struct sockaddr *)&sa, len) < 0 ? -errno : 0;
}

static int prepare(const struct adit_dial *d, int fd)
{
    /* Linux before 5.7 wants CAP_NET_RAW for it. */
    if (d->device[0] &&
        setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, d->device, (socklen_t)strlen(d->device)) < 0 &&
        errno != EPERM)
        return -errno;
    if (d->mark && setsockopt(fd, SOL_SOCKET, SO_MARK, &d->mark, sizeof d->mark) < 0)
        return -errno;
    return d->from.family ? bind_from(d, fd) : 0;
}

static int begin(struct attempt *a)
{
    struct sockaddr_storage sa;
    unsigned len = adit_addr_to_sockaddr(&a->addr, (struct sockaddr *)&sa);
    int err = 0;

    if (!len)
        return -EAFNOSUPPORT;
    int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    err = prepare(a->dial, fd);
    if (!err && connect(fd, (struct sockaddr *)&sa, len) < 0 && errno != EINPROGRESS)
        err = -errno;
    if (!err)
        err = adit_io_start(&a->io, a->dial->loop, fd, EPOLLOUT, on_ready, "dial");
    if (err)
        close(fd);
    else
        a->dial->running++;
    return err;
}

/* Begins the next attempt that does not fail at once. */
static void try_next(struct adit_dial *d, adit_time now)
{
    while (d->next < d->count) {
        int err = begin(&d->attempts[d->next++]);

        if (!err) {
            if (d->next < d->count)
                adit_timer_set(&d->stagger, now + ADIT_DIAL_STAGGER);
            return;
        }
        note_failure(d, -err);
    }
    if (d->running == 0)
        answer(d);
}

static void try_local(struct adit_dial *d, adit_time now)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd >= 0 && connect(fd, (struct sockaddr *)&d->local, d->local_len) == 0) {
        succeed(d, fd, NULL);
        return;
    }
    int err = errno;
    if (fd >= 0)
        close(fd);
    if (fd >= 0 && err == EAGAIN) {
        adit_timer_set(&d->stagger, now + UNIX_AGAIN);
        return;
    }
    note_failure(d, err);
    answer(d);
}

static void on_stagger(struct adit_timer *timer, adit_time now)
{
    struct adit_dial *d = adit_container_of(timer, struct adit_dial, stagger);

    if (d->local.sun_family)
        try_local(d, now);
    else
        try_next(d, now);
}

static void on_limit(struct adit_timer *timer, adit_time now)
{
    struct adit_dial *d = adit_container_of(timer, struct adit_dial, limit);

    (void)now;
    adit_cause_set(&d->cause, ADIT_REASON_TIMEOUT, ETIMEDOUT, "%s within %llu s",
                   d->count || d->local.sun_family ? "no answer to the connection request"
                                                   : "no answer from the name servers",
                   (unsigned long long)((d->timeout + ADIT_SEC - 1) / ADIT_SEC));
    answer(d);
}

/* ---- addresses ------------------------------------------------------------------------------- */

/* RFC 8305 section 4, with a First Address Family Count of 1. */
void adit_dial_order(struct adit_addr *addrs, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        size_t j = i;

        /* The next one of the other family; without one the rest stays as it is. */
        while (j < count && addrs[j].family == addrs[i - 1].family)
            j++;
        if (j == count)
            return;
        struct adit_addr other = addrs[j];
        memmove(&addrs[i + 1], &addrs[i], (j - i) * sizeof *addrs);
        addrs[i] = other;
    }
}

static void set_addrs(struct adit_dial *d, const struct adit_addr *addrs, size_t count)
{
    struct adit_addr order[ADIT_RESOLVE_MAX];

    d->count = count < ADIT_RESOLVE_MAX ? count : ADIT_RESOLVE_MAX;
    memcpy(order, addrs, d->count * sizeof *order);
    adit_dial_order(order, d->count);
    for (size_t i = 0; i < d->count; i++) {
        d->attempts[i].dial = d;
        d->attempts[i].addr = order[i];
    }
}

static void on_resolved(void *arg, int err, const struct adit_addr *addrs, size_t count,
                        adit_time now)
{
    struct adit_dial *d = arg;

    if (err) {
        adit_cause_set(&d->cause,
                       err == -ETIMEDOUT ? ADIT_REASON_TIMEOUT
                       : err == -ENOMEM  ? ADIT_REASON_RESOURCE
                                         : ADIT_REASON_NO_PATH,
                       -err, "%s", adit_resolve_error(err));
        answer(d);
        return;
    }
    set_addrs(d, addrs, count);
    try_next(d, now);
}

static int resolve(struct adit_dial *d, const struct adit_dial_conf *conf)
{
    struct adit_resolve_conf ask = { .port = conf->port,
                                     .timeout = d->timeout,
                                     .servers = conf->servers };
    char host[256];
    size_t n = strlen(conf->host);

    if (n >= 2 && conf->host[0] == '[' && conf->host[n - 1] == ']') {
        struct adit_addr addr;

        if (n - 2 >= sizeof host || adit_addr_parse(&addr, conf->host + 1, n - 2) < 0 ||
            addr.family != ADIT_FAMILY_V6)
            return -EINVAL;
        memcpy(host, conf->host + 1, n - 2);
        host[n - 2] = '\0';
        ask.host = host;
        return adit_resolve_start(&d->resolve, d->loop, &ask, on_resolved, d);
    }
    ask.host = conf->host;
    return adit_resolve_start(&d->resolve, d->loop, &ask, on_resolved, d);
}

/* ---- life ------------------------------------------------------------------------------------ */

int adit_dial_start(struct adit_dial **ret_dial, struct adit_loop *loop,
                    const struct adit_dial_conf *conf, adit_dial_done *done, void *arg)
{
    struct adit_dial *d = adit_zalloc(sizeof *d);
    adit_time now = adit_loop_now(loop);
    int err = 0;

    if (!d)
        return -ENOMEM;
    d->loop = loop;
    d->done = done;
    d->arg = arg;
    d->fd = -1;
    d->mark = conf->mark;
    if (conf->from)
        d->from = *conf->from;
    if (conf->device)
        (void)!adit_str_copy(d->device, sizeof d->device, conf->device, strlen(conf->device));
    d->timeout = conf->timeout ? conf->timeout : ADIT_DIAL_TIMEOUT;
    adit_task_init(&d->deliver, deliver);
    adit_timer_init(&d->stagger, loop, on_stagger, "dial");
    adit_timer_init(&d->limit, loop, on_limit, "dial limit");
    if (conf->addr_count) {
        set_addrs(d, conf->addrs, conf->addr_count);
        try_next(d, now);
    } else if (!conf->host) {
        err = -EINVAL;
    } else if (adit_unix_is(conf->host)) {
        err = adit_unix_addr(&d->local, conf->host);
        d->local_len = err > 0 ? (unsigned)err : 0;
        err = err > 0 ? 0 : err;
        if (!err)
            try_local(d, now);
    } else {
        err = resolve(d, conf);
    }
    if (!err && adit_list_empty(&d->deliver.link))
        adit_timer_set(&d->limit, now + d->timeout);
    *ret_dial = err ? adit_dial_free(d) : d;
    return err;
}

struct adit_dial *adit_dial_free(struct adit_dial *d)
{
    if (!d)
        return NULL;
    stop_all(d);
    adit_task_cancel(&d->deliver);
    if (d->fd >= 0)
        close(d->fd);
    adit_free(d);
    return NULL;
}
