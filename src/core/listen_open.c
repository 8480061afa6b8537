#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

#include "base/str.h"
#include "core/activation.h"
#include "core/listen_inner.h"

#define BOTH_TRIES 8 /* to find a port that is free in both families */

/* ---- one socket ------------------------------------------------------------------------------ */

static int add_socket(struct adit_listen *l, int fd, const char *unix_at)
{
    struct adit_listen_socket *sock = &l->sockets[l->count];
    struct sockaddr_storage sa;
    socklen_t len = sizeof sa;

    if (l->count == ADIT_LISTEN_MAX)
        return -ENOSPC;
    if (getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
        return -errno;
    *sock = (struct adit_listen_socket){ .listen = l, .fd = fd };
    if (unix_at)
        snprintf(sock->at, sizeof sock->at, "%s", unix_at);
    else if (adit_addr_from_sockaddr(&sock->addr, (struct sockaddr *)&sa) == 0)
        adit_addr_str(&sock->addr, sock->at);
    else
        snprintf(sock->at, sizeof sock->at, "unix:passed");
    l->count++;
    return 0;
}

void adit_listen_close(struct adit_listen_socket *sock)
{
    struct stat st;

    adit_io_stop(&sock->io);
    close(sock->fd);
    /* A successor may have put its own in this place. */
    if (sock->has_file && lstat(sock->at + 5, &st) == 0 && st.st_dev == sock->dev &&
        st.st_ino == sock->ino)
        unlink(sock->at + 5);
}

/* ---- TCP ------------------------------------------------------------------------------------- */

static int open_tcp(struct adit_listen *l, const struct adit_addr *addr, int backlog)
{
    struct sockaddr_storage sa;
    unsigned len = adit_addr_to_sockaddr(addr, (struct sockaddr *)&sa);
    int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    int err = 0;

    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
        (addr->family == ADIT_FAMILY_V6 &&
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one) < 0) ||
        bind(fd, (struct sockaddr *)&sa, len) < 0 || listen(fd, backlog) < 0)
        err = -errno;
    if (!err)
        err = add_socket(l, fd, NULL);
    if (err)
        close(fd);
    return err;
}

static bool no_such_family(int err)
{
    return err == -EAFNOSUPPORT || err == -EADDRNOTAVAIL;
}

/* Both families at one port; one is enough on a host that has only one. */
static int open_both(struct adit_listen *l, const char *v6, const char *v4, uint16_t port,
                     int backlog)
{
    int err = 0;

    for (int tries = BOTH_TRIES; tries; tries--) {
        struct adit_addr a6, a4;
        size_t before = l->count;

        (void)!adit_addr_parse(&a6, v6, strlen(v6));
        (void)!adit_addr_parse(&a4, v4, strlen(v4));
        a6.port = a4.port = port;
        int err6 = open_tcp(l, &a6, backlog);
        if (err6 && !no_such_family(err6))
            return err6;
        if (!err6)
            a4.port = l->sockets[before].addr.port;
        err = open_tcp(l, &a4, backlog);
        if (!err || (!err6 && no_such_family(err)))
            return 0;
        if (port || err != -EADDRINUSE || err6)
            break;
        adit_listen_close(&l->sockets[--l->count]);
    }
    return err;
}

static bool is_word(const char *text, size_t n, const char *word)
{
    return strlen(word) == n && memcmp(text, word, n) == 0;
}

/* "192.0.2.1:8080", "[::1]:8080", and without a port if there is one to take. */
static int open_one(struct adit_listen *l, const char *at, uint16_t port_default, int backlog)
{
    struct adit_addr addr, other;

    if (adit_addr_parse_port(&addr, at, strlen(at), port_default) < 0 ||
        adit_addr_parse_port(&other, at, strlen(at), 1) < 0)
        return -EINVAL;
    if (!port_default && addr.port != other.port) /* the text has no port */
        return -EINVAL;
    return open_tcp(l, &addr, backlog);
}

/* "8080", ":8080", "*:8080" and "localhost:8080" mean both families. */
static int open_address(struct adit_listen *l, const char *at, const struct adit_listen_conf *conf)
{
    int backlog = conf->backlog ? conf->backlog : ADIT_LISTEN_BACKLOG;
    size_t n = strcspn(at, ":");
    bool number = !at[n] && n > 0 && strspn(at, "0123456789") == n;
    bool local = is_word(at, n, "localhost"), any = n == 0 || is_word(at, n, "*");
    const char *text = number ? at : at[n] ? at + n + 1 : NULL; /* of the port */
    uint64_t port = conf->port_default;

    if ((!number && !local && !any) || (text && text[0] == ':')) /* as in "::1" */
        return open_one(l, at, conf->port_default, backlog);
    if (text ? adit_str_u64(&port, text, strlen(text), 0, UINT16_MAX) < 0 : n == 0 || !port)
        return -EINVAL;
    return local ? open_both(l, "::1", "127.0.0.1", (uint16_t)port, backlog)
                 : open_both(l, "::", "0.0.0.0", (uint16_t)port, backlog);
}

/* ---- local sockets --------------------------------------------------------------------------- */

/* Removes a socket that a predecessor has left and nobody serves. */
static int clear_path(const struct sockaddr_un *sun, unsigned len)
{
    struct stat st;
    int err;

    if (lstat(sun->sun_path, &st) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(st.st_mode))
        return -EADDRINUSE;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    err = connect(fd, (const struct sockaddr *)sun, len) < 0 ? errno : 0;
    close(fd);
    if (err != ECONNREFUSED)
        return -EADDRINUSE;
    return unlink(sun->sun_path) < 0 ? -errno : 0;
}

static int open_unix(struct adit_listen *l, const char *at, const struct adit_listen_conf *conf)
{
    struct sockaddr_un sun;
    struct stat st = { 0 };
    int len = adit_unix_addr(&sun, at);
    int err = 0;

    if (len < 0)
        return len;
    bool file = sun.sun_path[0] != '\0';
    if (file)
        err = clear_path(&sun, (unsigned)len);
    if (err)
        return err;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (bind(fd, (struct sockaddr *)&sun, (unsigned)len) < 0)
        err = -errno;
    bool bound = !err;
    /* Nobody can connect before listen(2), so nobody slips in under another mode. */
    if (!err && file &&
        (chmod(sun.sun_path, conf->unix_mode ? conf->unix_mode : 0600) < 0 ||
         lstat(sun.sun_path, &st) < 0))
        err = -errno;
    if (!err && listen(fd, conf->backlog ? conf->backlog : ADIT_LISTEN_BACKLOG) < 0)
        err = -errno;
    if (!err)
        err = add_socket(l, fd, at);
    if (err) {
        close(fd);
        if (bound && file)
            unlink(sun.sun_path);
        return err;
    }
    struct adit_listen_socket *sock = &l->sockets[l->count - 1];
    sock->has_file = file;
    sock->dev = st.st_dev;
    sock->ino = st.st_ino;
    return 0;
}

/* ---- what was passed to us ------------------------------------------------------------------- */

static int open_passed(struct adit_listen *l, const char *name)
{
    int fds[ADIT_LISTEN_MAX];
    int n = adit_activation_take(fds, ADIT_LISTEN_MAX - l->count, name);
    int err = n == 0 ? -ENOENT : n < 0 ? n : 0;

    for (int i = 0; i < n; i++) {
        if (!err)
            err = add_socket(l, fds[i], NULL);
        if (err)
            close(fds[i]);
    }
    return err;
}

int adit_listen_add(struct adit_listen *l, const char *at, const struct adit_listen_conf *conf)
{
    if (adit_unix_is(at))
        return open_unix(l, at, conf);
    if (strcmp(at, "systemd") == 0)
        return open_passed(l, NULL);
    if (adit_str_starts(at, "systemd:"))
        return open_passed(l, at + 8);
    return open_address(l, at, conf);
}
