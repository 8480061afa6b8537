/* http_ends.h - for fuzzing the HTTP proxy and the provider: a socket whose other end is theirs. */
#ifndef FUZZ_HTTP_ENDS_H
#define FUZZ_HTTP_ENDS_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/exchange.h"

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void turn(struct adit_loop *loop, int times)
{
    while (times--)
        must(adit_loop_process(loop) == 0);
}

/* A local address that no other process has: "unix:@adit-fuzz-NAME-PID". */
static const char *own_address(char out[64], const char *name)
{
    snprintf(out, 64, "unix:@adit-fuzz-%s-%d", name, (int)getpid());
    return out;
}

/* Writes so many bytes at a time, and reads away what comes back. False: the other end is gone. */
static bool say(int fd, struct adit_loop *loop, const uint8_t *bytes, size_t n, size_t step)
{
    uint8_t back[4096];
    ssize_t got;

    do {
        size_t part = n < step ? n : step;
        ssize_t sent = part ? send(fd, bytes, part, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;

        if (sent < 0 && errno != EAGAIN)
            return false;
        bytes += sent > 0 ? sent : 0;
        n -= sent > 0 ? (size_t)sent : 0;
        turn(loop, 2);
        while ((got = recv(fd, back, sizeof back, MSG_DONTWAIT)) > 0)
            ;
        if (got == 0 || errno != EAGAIN)
            return false;
    } while (n > 0);
    return true;
}

#endif
