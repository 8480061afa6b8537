/* wait.h - for tests with a real loop: run it until something is so, within a bounded time. */
#ifndef ADIT_TEST_WAIT_H
#define ADIT_TEST_WAIT_H

#include "core/reactor.h"

/* Processes the loop, as a caller with its own poll(2) does, until *flag is not zero. False after
 * a minute: a deadline for what is broken, never a time that a passing test waits for. */
bool wait_for(struct adit_loop *loop, const unsigned *flag);

/* How many descriptors this process has open. */
unsigned open_fds(void);

#endif
