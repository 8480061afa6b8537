/* signals.h - signals as events of the loop (signalfd).
 *
 * They are blocked in this thread while watched; children get an empty mask (spawn.c). Ends of
 * children are not signals here: each child is waited for by itself. */
#ifndef ADIT_SIGNALS_H
#define ADIT_SIGNALS_H

#include <signal.h>

#include "core/reactor.h"

/* Embedded by the owner; all zero = stopped. */
struct adit_signals {
    struct adit_io io;
    sigset_t saved; /* the mask from before */
    void (*got)(void *arg, int signo, adit_time now);
    void *arg;
};

/* signos ends with 0. `got` may call anything, adit_signals_stop included. -errno. */
ADIT_MUST_USE int adit_signals_start(struct adit_signals *s, struct adit_loop *loop,
                                     const int *signos,
                                     void (*got)(void *arg, int signo, adit_time now), void *arg);
/* What a watched signal would have done if nobody watched it. SIGTSTP: stops us, and returns when
 * we were continued, or at once where there is nobody to do that. */
void adit_signals_default(int signo);
/* Gives the mask back. May be repeated. */
void adit_signals_stop(struct adit_signals *s);

#endif
