/* ask.h - a question to whoever sits at the terminal: is this new peer trusted?
 *
 * The terminal is /dev/tty, so that it may be asked while standard input carries something else.
 * One question at a time; without a terminal there is nobody to ask. */
#ifndef ADIT_ASK_H
#define ADIT_ASK_H

#include "core/reactor.h"
#include "peer/desc.h"

/* Embedded by the owner; all zero = nothing is asked. */
struct adit_ask {
    struct adit_io io;
    struct adit_timer limit;
    int fd;
    bool running;
    void (*answered)(void *arg, bool yes);
    void *arg;
};

/* `answered` is called once, from the loop: yes only for a clear yes within a minute. -ENOTTY:
 * there is no terminal; -EBUSY: it is in use by another question. */
ADIT_MUST_USE int adit_ask_start(struct adit_ask *ask, struct adit_loop *loop, const char *name,
                                 const struct adit_desc *desc,
                                 void (*answered)(void *arg, bool yes), void *arg);
/* Withdraws the question. May be repeated. */
void adit_ask_stop(struct adit_ask *ask);

#endif
