/* tee.h - one input for several readers: whole lines, to each that is ready for them.
 *
 * Each outlet is a pipe, so whoever reads it need not know that it is not the input itself. Nothing
 * is read while nobody is ready, nor while one of those that are has its pipe full: the slowest
 * sets the pace. An outlet begins with the first whole line after it became ready. */
#ifndef ADIT_TEE_H
#define ADIT_TEE_H

#include "core/reactor.h"

struct adit_tee;

/* `keep`: the end of the input is not told to the readers; they go on without it. NULL without
 * memory. */
struct adit_tee *adit_tee_new(struct adit_loop *loop, int fd, bool keep);
struct adit_tee *adit_tee_free(struct adit_tee *tee); /* returns NULL; closes the outlets */

/* A descriptor to read from, owned by the tee; -errno. */
ADIT_MUST_USE int adit_tee_open(struct adit_tee *tee);
void adit_tee_ready(struct adit_tee *tee, int outlet);
/* Nothing is read meanwhile: somebody else has a question at the same terminal. */
void adit_tee_hold(struct adit_tee *tee, bool hold);
/* outlet -1: nothing. */
void adit_tee_close(struct adit_tee *tee, int outlet);

#endif
