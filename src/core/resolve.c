#include "core/resolve.h"

#if ADIT_HAVE_CARES
#include <ares.h>
#endif
#include <netinet/in.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/alloc.h"
#include "base/log.h"

#define TIMEOUT      (10 * ADIT_SEC)
#define TRY_MS       1500 /* for the first server's first answer; c-ares doubles it round by round */
#define TRIES        4
#define NAME_LEN_MAX 253
#define SOCKS_MAX    16 /* of c-ares, two for each server */

struct sock {
    struct adit_io io;
    struct adit_resolve *owner;
};

struct adit_resolve {
    struct adit_loop *loop;
    adit_resolve_done *done;
    void *arg;
    uint16_t port;
    struct adit_task deliver; /* the answer is there */
    int err;
    struct adit_addr addrs[ADIT_RESOLVE_MAX];
    size_t count;
    struct adit_timer deadline;
#if ADIT_HAVE_CARES
    ares_channel channel; /* NULL = not asking */
    struct adit_timer retry;
    struct sock socks[SOCKS_MAX];
#endif
};

static void deliver(struct adit_task *task, adit_time now)
{
    struct adit_resolve *r = adit_container_of(task, struct adit_resolve, deliver);

    adit_timer_stop(&r->deadline);
    r->done(r->arg, r->err, r->addrs, r->count, now);
}

/* Not called back from inside c-ares: the owner may free us, and so c-ares, there. */
static void answer(struct adit_resolve *r, int err)
{
    r->err = r->count ? 0 : err ? err : -ENOENT;
    adit_loop_before_sleep(r->loop, &r->deliver);
}

/* RFC 1123 section 2.1, and "_", which is common. Brackets, spaces and the like never reach the
 * resolver. */
static bool is_name(const char *host)
{
    size_t n = strlen(host);

    return n > 0 && n <= NAME_LEN_MAX && host[0] != '.' && host[0] != '-' &&
           strspn(host, "abcdefghijklmnopqrstuvwxyz"
                        "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == n;
}

/* RFC 6761 section 6.3: who resolves names answers this one himself, and asks nobody. */
static bool is_localhost(const char *host)
{
    static const char name[] = "localhost";
    size_t n = strlen(host), want = sizeof name - 1;

    n -= n && host[n - 1] == '.';
    return n >= want && strncasecmp(host + n - want, name, want) == 0 &&
           (n == want || host[n - want - 1] == '.');
}

static void answer_loopback(struct adit_resolve *r)
{
    static const char *const addrs[] = { "::1", "127.0.0.1" };

    for (size_t i = 0; i < ADIT_LEN(addrs); i++)
        if (adit_addr_parse(&r->addrs[r->count], addrs[i], strlen(addrs[i])) == 0)
            r->addrs[r->count++].port = r->port;
    answer(r, 0);
}

#if ADIT_HAVE_CARES

static int from_ares(int status)
{
    switch (status) {
    case ARES_SUCCESS:
        return 0;
    case ARES_ENOTFOUND:
    case ARES_ENODATA:
        return -ENOENT;
    case ARES_ETIMEOUT:
        return -ETIMEDOUT;
    case ARES_ECONNREFUSED:
    case ARES_EREFUSED: /* 1.34 tells the two apart */
        return -EHOSTUNREACH;
    case ARES_ENOMEM:
        return -ENOMEM;
    default:
        return -EPROTO;
    }
}

static void on_addrinfo(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
    struct adit_resolve *r = arg;

    (void)timeouts;
    if (status == ARES_EDESTRUCTION)
        return;
    for (struct ares_addrinfo_node *n = info ? info->nodes : NULL; n; n = n->ai_next)
        if (r->count < ADIT_RESOLVE_MAX &&
            adit_addr_from_sockaddr(&r->addrs[r->count], n->ai_addr) == 0)
            r->addrs[r->count++].port = r->port;
    ares_freeaddrinfo(info);
    answer(r, from_ares(status));
}

/* c-ares counts on its own clock; we only have to come back in time. */
static void set_retry(struct adit_resolve *r, adit_time now)
{
    struct timeval tv;

    if (ares_timeout(r->channel, NULL, &tv))
        adit_timer_set(&r->retry,
                       now + (adit_time)tv.tv_sec * ADIT_SEC + (adit_time)tv.tv_usec * ADIT_US);
    else
        adit_timer_stop(&r->retry);
}

static void process(struct adit_resolve *r, int readable, int writable, adit_time now)
{
    ares_process_fd(r->channel, readable, writable);
    set_retry(r, now);
}

static void on_ready(struct adit_io *io, uint32_t events, adit_time now)
{
    struct sock *sock = adit_container_of(io, struct sock, io);
    int fd = io->fd; /* c-ares may close it, and open others */

    process(sock->owner, events & ~(uint32_t)EPOLLOUT ? fd : ARES_SOCKET_BAD,
            events & EPOLLOUT ? fd : ARES_SOCKET_BAD, now);
}

static void on_retry(struct adit_timer *timer, adit_time now)
{
    process(adit_container_of(timer, struct adit_resolve, retry), ARES_SOCKET_BAD, ARES_SOCKET_BAD,
            now);
}

/* c-ares says what it wants to know about a socket; neither = it is about to close it. */
static void on_sock(void *arg, ares_socket_t fd, int readable, int writable)
{
    uint32_t events = (readable ? EPOLLIN : 0u) | (writable ? EPOLLOUT : 0u);
    struct adit_resolve *r = arg;
    struct sock *unused = NULL;

    for (unsigned i = 0; i < SOCKS_MAX; i++) {
        struct sock *sock = &r->socks[i];

        if (!sock->io.loop) {
            unused = sock;
        } else if (sock->io.fd == fd) {
            if (events)
                adit_io_want(&sock->io, events);
            else
                adit_io_stop(&sock->io);
            return;
        }
    }
    if (!events || !unused)
        return; /* none left: this server's answer is missed, its time-out comes */
    unused->owner = r;
    if (adit_io_start(&unused->io, r->loop, fd, events, on_ready, "dns") < 0)
        adit_debug("dns", "cannot wait for a socket: %s", strerror(errno));
}

static void stop_asking(struct adit_resolve *r)
{
    if (!r->channel)
        return;
    adit_timer_stop(&r->retry);
    ares_destroy(r->channel); /* stops every socket through on_sock */
    r->channel = NULL;
    ares_library_cleanup();
}

static int start_asking(struct adit_resolve *r, const struct adit_resolve_conf *conf)
{
    struct ares_options options = {
        .timeout = TRY_MS, .tries = TRIES, .sock_state_cb = on_sock, .sock_state_cb_data = r
    };
    struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM };

    if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
        return -ENOMEM;
    int status = ares_init_options(&r->channel, &options,
                                   ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
    if (status != ARES_SUCCESS) {
        r->channel = NULL;
        ares_library_cleanup();
        return from_ares(status);
    }
    if (conf->servers && ares_set_servers_ports_csv(r->channel, conf->servers) != ARES_SUCCESS) {
        stop_asking(r);
        return -EINVAL;
    }
    adit_timer_init(&r->retry, r->loop, on_retry, "dns");
    ares_getaddrinfo(r->channel, conf->host, NULL, &hints, on_addrinfo, r);
    set_retry(r, adit_loop_now(r->loop));
    return 0;
}

#else

static void stop_asking(struct adit_resolve *r)
{
    (void)r;
}

static int start_asking(struct adit_resolve *r, const struct adit_resolve_conf *conf)
{
    (void)conf;
    answer(r, -ENOSYS);
    return 0;
}

#endif

static void on_deadline(struct adit_timer *timer, adit_time now)
{
    struct adit_resolve *r = adit_container_of(timer, struct adit_resolve, deadline);

    (void)now;
    stop_asking(r);
    answer(r, -ETIMEDOUT);
}

int adit_resolve_start(struct adit_resolve **ret_resolve, struct adit_loop *loop,
                       const struct adit_resolve_conf *conf, adit_resolve_done *done, void *arg)
{
    struct adit_resolve *r = adit_zalloc(sizeof *r);
    int err = 0;

    if (!r)
        return -ENOMEM;
    r->loop = loop;
    r->done = done;
    r->arg = arg;
    r->port = conf->port;
    adit_task_init(&r->deliver, deliver);
    adit_timer_init(&r->deadline, loop, on_deadline, "dns");
    if (adit_addr_parse(&r->addrs[0], conf->host, strlen(conf->host)) == 0) {
        r->addrs[0].port = conf->port;
        r->count = 1;
        answer(r, 0);
    } else if (!is_name(conf->host)) {
        err = -EINVAL;
    } else if (is_localhost(conf->host)) {
        answer_loopback(r);
    } else {
        adit_timer_set(&r->deadline,
                       adit_loop_now(loop) + (conf->timeout ? conf->timeout : TIMEOUT));
        err = start_asking(r, conf);
    }
    *ret_resolve = err ? adit_resolve_free(r) : r;
    return err;
}

struct adit_resolve *adit_resolve_free(struct adit_resolve *r)
{
    if (!r)
        return NULL;
    stop_asking(r);
    adit_timer_stop(&r->deadline);
    adit_task_cancel(&r->deliver);
    adit_free(r);
    return NULL;
}

const char *adit_resolve_error(int err)
{
    switch (err) {
    case 0:
        return "resolved";
    case -ENOENT:
        return "no such name";
    case -ETIMEDOUT:
        return "no answer from the name servers";
    case -EHOSTUNREACH:
        return "no name server can be reached, or all refuse";
    case -EPROTO:
        return "the name servers answer nonsense";
    case -EINVAL:
        return "not a host name";
    case -ENOSYS:
        return "this build has no resolver: give an address in place of the name";
    default:
        return strerror(-err);
    }
}
