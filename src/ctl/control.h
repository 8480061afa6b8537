/* control.h - the control socket of a running agent, and who asks there.
 *
 * A local socket, mode 0600, in the user's runtime directory. A caller sends one word and a line
 * end ("status"); the answer is one JSON object in a line, and the end. Unknown words are answered
 * with {"error":"…"}. Callers are bounded in number, in what they send and in time. */
#ifndef ADIT_CONTROL_H
#define ADIT_CONTROL_H

#include <jansson.h>

#include "core/reactor.h"

#define ADIT_CONTROL_CALLERS_MAX 8
#define ADIT_CONTROL_LINE_MAX    64                /* bytes of a question */
#define ADIT_CONTROL_ANSWER_MAX  (4 * 1024 * 1024) /* bytes of an answer */
#define ADIT_CONTROL_TIME        (5 * ADIT_SEC)

struct adit_control;

struct adit_control_ops {
    /* The answer to "status", taken; NULL without memory. */
    json_t *(*status)(void *arg, adit_time now);
};

/* path: NULL = agent-PID.sock in the runtime directory. A socket that a killed predecessor left is
 * taken over. -errno and *ret_cause. */
ADIT_MUST_USE int adit_control_new(struct adit_control **ret_control, struct adit_loop *loop,
                                   const char *path, const struct adit_control_ops *ops, void *arg,
                                   struct adit_cause *ret_cause);
struct adit_control *adit_control_free(struct adit_control *c); /* returns NULL; removes the file */

/* Asks the agent at `path` and waits for the answer. The caller gives it back with json_decref.
 * NULL and -errno in *ret_err: -ECONNREFUSED, -ENOENT: nobody is there. */
json_t *adit_control_ask(const char *path, const char *word, int *ret_err);
/* Calls `found` for each control socket in the runtime directory; returns how many, or -errno. */
int adit_control_each(void (*found)(void *arg, const char *path), void *arg);

#endif
