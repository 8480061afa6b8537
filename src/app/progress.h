/* progress.h - how far it is: a bar at a terminal, a line now and then anywhere else.
 *
 * Facts go in (so much moved, so much was there already), text comes out; time is passed in. The
 * owner calls adit_progress_show whenever something happened and at adit_progress_deadline, and
 * adit_progress_clear before anybody else writes to that terminal. */
#ifndef ADIT_PROGRESS_H
#define ADIT_PROGRESS_H

#include "base/base.h"

#define ADIT_PROGRESS_LINE_MAX 512

struct adit_progress {
    int fd; /* a terminal, or -1: lines to the log; borrowed */
    bool quiet, stands;
    uint32_t files, files_total; /* total 0: not known */
    uint64_t bytes, bytes_total; /* done, whether they moved or were there already */
    uint64_t moved;
    uint64_t rate; /* bytes per second, lately */
    uint64_t sample_moved;
    adit_time sample_at, shown_at;
    adit_time begun; /* ADIT_NEVER: nothing has happened yet */
};

/* fd: where the bar goes if it is a terminal; -1: nothing at all is shown. */
void adit_progress_init(struct adit_progress *p, int fd);
void adit_progress_total(struct adit_progress *p, uint32_t files, uint64_t bytes);
void adit_progress_moved(struct adit_progress *p, uint64_t n, adit_time now);
void adit_progress_there(struct adit_progress *p, uint64_t n); /* done without moving */
void adit_progress_again(struct adit_progress *p, uint64_t n); /* n bytes count as not done */

/* name: what is at work, as a stranger calls it; may be NULL. Writes only what the terminal takes
 * at once. */
void adit_progress_show(struct adit_progress *p, const char *name, adit_time now);
adit_time adit_progress_deadline(const struct adit_progress *p);
void adit_progress_clear(struct adit_progress *p);

/* One line without its end, at most `columns` wide where characters have their usual widths. */
void adit_progress_line(const struct adit_progress *p, char out[ADIT_PROGRESS_LINE_MAX],
                        unsigned columns, const char *name);
/* "12.3 MB": three digits or so, units of ten. Returns out. */
char *adit_progress_size(char out[16], uint64_t bytes);
/* "2:05", "1:00:00". */
char *adit_progress_time(char out[16], uint64_t seconds);
/* "34.5 MB in 0:03, 11.5 MB/s": what moved since the first byte. */
void adit_progress_sum(const struct adit_progress *p, char out[64], adit_time now);

#endif
