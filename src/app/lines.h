/* lines.h - lines out of a descriptor, one at a time, with a bound on their length.
 *
 * Reading stops while the owner is busy (adit_lines_pause), so nothing piles up. */
#ifndef ADIT_LINES_H
#define ADIT_LINES_H

#include "base/buf.h"
#include "core/reactor.h"

struct adit_lines;

struct adit_lines_ops {
    /* A line without its end ("\n" or "\r\n"); number counts from 1. May call adit_lines_pause. */
    void (*line)(struct adit_lines *lines, const char *text, size_t n, uint64_t number);
    /* A line was longer than the limit and is passed over. */
    void (*too_long)(struct adit_lines *lines, uint64_t number);
    /* The end of input; err is a positive errno if reading failed. A last line without "\n" has
     * come before. */
    void (*eof)(struct adit_lines *lines, int err);
};

struct adit_lines {
    struct adit_io io;
    int fd;
    const struct adit_lines_ops *ops;
    struct adit_buf buf;
    size_t scanned; /* bytes of buf known to hold no "\n" */
    uint64_t number;
    bool skipping; /* inside a line that is too long */
    bool paused, ended, giving;
    int err;
    struct adit_task task; /* goes on with what is buffered after a resume */
    struct adit_loop *loop;
};

/* Starts paused. */
ADIT_MUST_USE int adit_lines_init(struct adit_lines *lines, struct adit_loop *loop, int fd,
                                  size_t limit, const struct adit_lines_ops *ops);
void adit_lines_done(struct adit_lines *lines);
void adit_lines_pause(struct adit_lines *lines);
void adit_lines_resume(struct adit_lines *lines);

#endif
