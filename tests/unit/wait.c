#include "wait.h"

#include <dirent.h>
#include <poll.h>

#define PATIENCE (60 * ADIT_SEC)

bool wait_for(struct adit_loop *loop, const unsigned *flag)
{
    adit_time end = adit_loop_now(loop) + PATIENCE;

    while (!*flag && adit_loop_now(loop) < end) {
        struct pollfd p = { .fd = adit_loop_fd(loop), .events = POLLIN };
        int ms = adit_loop_timeout_ms(loop);

        if (poll(&p, 1, ms < 0 || ms > 100 ? 100 : ms) < 0 && errno != EINTR)
            return false;
        if (adit_loop_process(loop) < 0)
            return false;
    }
    return *flag != 0;
}

unsigned open_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned n = 0;

    while (dir && readdir(dir))
        n++;
    if (dir)
        closedir(dir);
    return n;
}
