/* send.h - `adit send`: files and directories to a peer that receives, over streams of kind `file`.
 *
 * A batch survives its connection: adit_send_attach begins it or goes on with it over a new mux,
 * and what had partly arrived is not sent again. Reading is done in pieces, from the loop; a file
 * that cannot be sent is told and left out. */
#ifndef ADIT_SEND_H
#define ADIT_SEND_H

#include "app/mux.h"
#include "core/reactor.h"

struct adit_send_conf {
    struct adit_loop *loop;
    const char *const *paths; /* borrowed while this lives */
    size_t count;
    int progress_fd; /* usually stderr: a bar if it is a terminal, otherwise lines in the log; -1:
                        neither */
    /* Once, from the loop and not from inside the mux: everything that could be sent is there, and
     * the other side says so. 0: all of it; 1: something is missing, and was told. May free. */
    void (*done)(void *arg, int exit_code);
    void *arg;
};

struct adit_send_counts {
    uint32_t files, sent, there, failed; /* all that are known of; and what became of them */
    uint64_t bytes, bytes_done, bytes_moved;
};

struct adit_send;

/* NULL with a negative errno in *ret_err, told to the user unless it is -ENOMEM: -EINVAL nothing
 * was named, -EEXIST two of them have the same name, or what the first one that cannot be sent at
 * all has as its errno (-ENOENT …). */
struct adit_send *adit_send_new(const struct adit_send_conf *conf, int *ret_err);
/* Its streams, if there are any, are reset: the mux still lives, or adit_send_detach came before.
 * Returns NULL; s may be NULL. */
struct adit_send *adit_send_free(struct adit_send *s);

/* Here is a connection; nothing is attached. */
void adit_send_attach(struct adit_send *s, struct adit_mux *mux, adit_time now);
/* The mux is lost or about to be freed: its streams are forgotten, not touched. */
void adit_send_detach(struct adit_send *s);

struct adit_send_counts adit_send_counts(const struct adit_send *s);

#endif
