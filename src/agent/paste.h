/* paste.h - reads the other side's description from a terminal, a pipe or a file, on the reactor.
 *
 * A terminal is switched to non-canonical mode, for in canonical mode the kernel cuts lines at 4096
 * bytes; ^C goes on to be a signal, and adit_paste_stop restores the terminal. From a pipe or a
 * file no byte is taken beyond the line in which the description ends: what follows is payload. */
#ifndef ADIT_PASTE_H
#define ADIT_PASTE_H

#include <termios.h>

#include "core/reactor.h"
#include "peer/pairtext.h"

struct adit_paste_ops {
    /* Found: text->desc and, of a ticket, text->ticket. May call adit_paste_stop, or
     * adit_paste_again. */
    void (*found)(void *arg, const struct adit_pairtext *text, adit_time now);
    /* What came is not usable, and cause says why. `ended`: there will be no more. */
    void (*failed)(void *arg, const struct adit_cause *cause, bool ended, adit_time now);
};

struct adit_paste {
    struct adit_io io;
    struct adit_timer
        quiet; /* nothing came for a moment: a whole description without its line end counts */
    int fd;
    const struct adit_paste_ops *ops;
    void *arg;
    struct adit_pairtext text;
    bool terminal, running;
    struct termios saved;
};

/* May something still come? Not at the end of a file or a pipe whose writers are gone, and nothing
 * ever comes from /dev/null. */
bool adit_paste_there(int fd);
/* Starts reading. conf as in pairtext.h. -errno. The object is zeroed before its first use. */
ADIT_MUST_USE int adit_paste_start(struct adit_paste *p, struct adit_loop *loop, int fd,
                                   const struct adit_pairtext_conf *conf,
                                   const struct adit_paste_ops *ops, void *arg);
/* ^Z, and fg: the terminal is the shell's in between. Each may be repeated. */
void adit_paste_suspend(struct adit_paste *p);
void adit_paste_continue(struct adit_paste *p);
/* Forgets what was read and reads on. */
void adit_paste_again(struct adit_paste *p);
/* Stops reading and restores the terminal. May be repeated. */
void adit_paste_stop(struct adit_paste *p);

#endif
