#include "core/activation.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"

#define FIRST_FD 3
#define FDS_MAX  1024

/* How many were passed to this very process. */
static int passed(void)
{
    const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
    uint64_t value;

    if (!pid || !fds)
        return 0;
    if (adit_str_u64(&value, pid, strlen(pid), 1, INT32_MAX) < 0)
        return -EINVAL;
    if (value != (uint64_t)getpid())
        return 0; /* meant for our parent */
    if (adit_str_u64(&value, fds, strlen(fds), 0, FDS_MAX) < 0)
        return -EINVAL;
    return (int)value;
}

/* Is the i-th of the names, which colons separate, this one? */
static bool is_named(const char *names, int i, const char *name)
{
    while (i-- && names) {
        names = strchr(names, ':');
        names = names ? names + 1 : NULL;
    }
    size_t n = names ? strcspn(names, ":") : 0;
    return names && strlen(name) == n && memcmp(names, name, n) == 0;
}

static bool is_untaken(int fd)
{
    int flags = fcntl(fd, F_GETFD);

    return flags >= 0 && !(flags & FD_CLOEXEC);
}

static bool is_listening(int fd)
{
    int type = 0, listening = 0;
    socklen_t len = sizeof type;

    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM &&
           getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 && listening;
}

int adit_activation_take(int *ret_fds, size_t max, const char *name)
{
    const char *names = getenv("LISTEN_FDNAMES");
    int count = passed(), taken = 0, left = 0;

    for (int i = 0; i < count; i++) {
        int fd = FIRST_FD + i;

        if (!is_untaken(fd))
            continue;
        if (name && !is_named(names, i, name)) {
            left++;
            continue;
        }
        if (!is_listening(fd))
            return -EINVAL;
        if ((size_t)taken == max)
            return -ENOSPC;
        ret_fds[taken++] = fd;
    }
    if (count < 0)
        return count;
    for (int i = 0; i < taken; i++) {
        (void)!fcntl(ret_fds[i], F_SETFD, FD_CLOEXEC);
        (void)!fcntl(ret_fds[i], F_SETFL, fcntl(ret_fds[i], F_GETFL) | O_NONBLOCK);
    }
    if (count && !left) {
        unsetenv("LISTEN_PID");
        unsetenv("LISTEN_FDS");
        unsetenv("LISTEN_FDNAMES");
    }
    return taken;
}
