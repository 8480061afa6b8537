/* receive.h - `adit receive`: takes files that a peer sends and puts them below one directory.
 *
 * The other end of send.h. Nothing that comes leads out of the directory (file_place.h), replaces
 * what is there unless that was asked for, or gets its name before its digest is right. What a lost
 * connection leaves is NAME.part, from which the next one goes on. */
#ifndef ADIT_RECEIVE_H
#define ADIT_RECEIVE_H

#include "app/mux.h"
#include "core/reactor.h"

#define ADIT_RECEIVE_FILES_DEFAULT 1000000

struct adit_receive_conf {
    struct adit_loop *loop;
    const char *dir; /* made if it is not there; borrowed for the call */
    bool overwrite;
    uint32_t files_max; /* 0 = ADIT_RECEIVE_FILES_DEFAULT */
    uint64_t bytes_max; /* of all together; 0 = as much as there is room for */
    int progress_fd;    /* as in send.h */
    /* A sender has come to its end, and knows of all that was stored. 0: all of it is here; 1:
     * something is missing, and was told. From the loop and not from inside the mux; may free.
     * Another sender may follow. */
    void (*done)(void *arg, int exit_code);
    void *arg;
};

struct adit_receive_counts {
    uint32_t stored, there, failed; /* files */
    uint64_t bytes_stored, bytes_moved;
};

struct adit_receive;

/* NULL with a negative errno in *ret_err, told to the user unless it is -ENOMEM. */
struct adit_receive *adit_receive_new(const struct adit_receive_conf *conf, int *ret_err);
/* As adit_send_free. */
struct adit_receive *adit_receive_free(struct adit_receive *r);

/* For adit_mux_ops.opened: false, and nothing was done, if the stream is not for this. */
bool adit_receive_opened(struct adit_receive *r, struct adit_mux_stream *stream,
                         enum adit_mux_kind kind, const uint8_t *target, size_t n, adit_time now);
/* The mux is lost or about to be freed: its streams are forgotten, not touched. */
void adit_receive_detach(struct adit_receive *r);

struct adit_receive_counts adit_receive_counts(const struct adit_receive *r);

#endif
