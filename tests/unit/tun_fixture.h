/* tun_fixture.h - a loop for each test of a file that makes devices; included by programs, not by
 * helpers. Whatever a test opened it has closed. */
#ifndef TEST_TUN_FIXTURE_H
#define TEST_TUN_FIXTURE_H

#include "netns.h"
#include "wait.h"

static struct adit_loop *loop;
static unsigned fds_before;
static const char *missing; /* what keeps us from the kernel's devices; NULL = nothing */

#define NEEDS_DEVICES                       \
    do {                                    \
        if (missing) {                      \
            print_message("%s\n", missing); \
            skip();                         \
        }                                   \
    } while (0)

static inline int setup(void **state)
{
    (void)state;
    fds_before = open_fds();
    loop = adit_loop_new();
    return loop ? 0 : -1;
}

static inline int teardown(void **state)
{
    (void)state;
    loop = adit_loop_free(loop);
    return open_fds() == fds_before ? 0 : -1;
}

#endif
