/* away.h - finds out that the process has not run for a while: the host slept, or somebody stopped
 * us (SIGSTOP, a debugger, a virtual machine that was paused).
 *
 * The loop's clock counts that time, so afterwards everything is due at once, and what others sent
 * meanwhile says little. Whoever waits for answers registers here and is told before any of it is
 * looked at. Jumps of the wall clock are nothing to us: it is not looked at. */
#ifndef ADIT_AWAY_H
#define ADIT_AWAY_H

#include "core/reactor.h"

#define ADIT_AWAY_MIN (2 * ADIT_SEC) /* less is a busy machine */

struct adit_away {
    struct adit_io waker; /* a timer that only ever says that the host woke, or a clock was set */
    struct adit_link backs;
    adit_time asleep; /* how far CLOCK_BOOTTIME is ahead of CLOCK_MONOTONIC */
};

void adit_away_init(struct adit_away *a, struct adit_loop *loop);
void adit_away_done(struct adit_away *a);

/* One wait of the loop, on its clock. */
struct adit_away_wait {
    adit_time last;   /* when the round before began */
    adit_time before; /* when the wait did; 0 = there was none */
    adit_time most;   /* how long it was to be */
    bool interrupted; /* as by SIGCONT */
    adit_time now;
};
/* Tells all who are registered, if we were away. */
void adit_away_look(struct adit_away *a, const struct adit_away_wait *w);

#endif
