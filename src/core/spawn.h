/* spawn.h - programs of the user's own (--up, --signal-exec), started and waited for without
 * blocking; and functions of ours that would block.
 *
 * No shell is involved: a command line is split into words here and executed. What a peer says can
 * get no further than into the value of a variable. A child has nothing of ours but standard error
 * (its standard output goes there too: ours is for data), a short list of inherited variables, a
 * process group of its own, and a limited time. */
#ifndef ADIT_SPAWN_H
#define ADIT_SPAWN_H

#include <sys/types.h>

#include "core/reactor.h"

#define ADIT_WORDS_MAX 64

/* Splits `text` at white space; '…' and "…" hold together, \ takes the next character as it is
 * (inside '…' nothing is special, inside "…" it works on \ and " alone). Nothing else has a
 * meaning: no variables, no globs. Fills words (ended by NULL) with pointers into `room`, which
 * holds strlen(text) + 1 bytes. Returns the number of words; -EINVAL: a quote is open, or a \ at
 * the end; -E2BIG. */
ADIT_MUST_USE int adit_words_split(char *words[ADIT_WORDS_MAX + 1], char *room, const char *text);

/* Embedded by the owner; all zero = none runs. */
struct adit_child {
    pid_t pid;
    struct adit_io io;       /* its pidfd */
    struct adit_timer limit; /* the time it has */
    struct adit_timer poll;  /* where there is no pidfd */
    void (*ended)(void *arg, int status, adit_time now);
    void *arg;
};

/* Runs `command` with `env` ("NAME=value", ended by NULL; copied) added to what is inherited.
 * `ended` gets the status of waitpid(2), once, and may call anything; after `limit` the whole
 * process group is killed. -EINVAL: adit_words_split, or no word at all; -ENOENT, -EACCES … of the
 * program. */
ADIT_MUST_USE int adit_child_start(struct adit_child *child, struct adit_loop *loop,
                                   const char *command, const char *const *env, adit_time limit,
                                   void (*ended)(void *arg, int status, adit_time now), void *arg);
/* Our ends of the pipes to its standard input and from its standard output; non-blocking. */
struct adit_child_pipes {
    int in, out;
};

/* The same for a program that talks with us, for as long as it likes. The pipes are the caller's to
 * close. -EMFILE … of pipe(2) as well. */
ADIT_MUST_USE int adit_child_start_pipes(struct adit_child *child, struct adit_loop *loop,
                                         const char *command, const char *const *env,
                                         struct adit_child_pipes *ret_pipes,
                                         void (*ended)(void *arg, int status, adit_time now),
                                         void *arg);
/* Runs a function of ours that may block, and what it calls that trusts others too much, in a copy
 * of this process that has nothing of it but memory: no descriptor except `out`, no signal but the
 * end of its time, and ADIT_FORK_BYTES more memory at most. What `run` writes there, up to PIPE_BUF
 * bytes, can be read from *ret_out when it has ended; the descriptor is non-blocking and the
 * caller's to close. After `limit_s` seconds it ends, whatever becomes of us. -errno of pipe(2) and
 * fork(2). */
#define ADIT_FORK_BYTES (64u << 20)
ADIT_MUST_USE int adit_child_fork(struct adit_child *child, struct adit_loop *loop,
                                  void (*run)(const void *what, int out), const void *what,
                                  unsigned limit_s, int *ret_out,
                                  void (*ended)(void *arg, int status, adit_time now), void *arg);
/* Waits for its end, for so long at most; if that has not come then, it is left to itself. `ended`
 * is not called. What is left of the time. May be repeated. */
adit_time adit_child_await(struct adit_child *child, adit_time at_most);

/* Kills it, if it still runs, and waits for its end; `ended` is not called. May be repeated. */
void adit_child_stop(struct adit_child *child);

static inline bool adit_child_runs(const struct adit_child *child)
{
    return child->pid > 0;
}

#endif
