/* listen_inner.h - what the files behind listen.h share. Private to core/listen*.c. */
#ifndef ADIT_LISTEN_INNER_H
#define ADIT_LISTEN_INNER_H

#include <sys/stat.h>

#include "core/listen.h"
#include "core/unixpath.h"

struct adit_listen_socket {
    struct adit_listen *listen;
    struct adit_io io;
    int fd;
    struct adit_addr addr;
    bool has_file; /* ours to remove, if it is still this one: */
    dev_t dev;
    ino_t ino;
    char at[sizeof "unix:" + sizeof(struct sockaddr_un)];
};

struct adit_listen {
    struct adit_loop *loop;
    const struct adit_listen_ops *ops;
    void *arg;
    bool paused, starved, freed;
    adit_time told_at; /* that we are starved */
    struct adit_timer hungry;
    struct adit_task bury;
    struct adit_listen_socket sockets[ADIT_LISTEN_MAX];
    size_t count;
};

/* listen_open.c: opens what one entry of conf->at asks for, behind l->count. -errno; what was
 * opened before stays open. */
ADIT_MUST_USE int adit_listen_add(struct adit_listen *l, const char *at,
                                  const struct adit_listen_conf *conf);
/* Closes, and removes its file. */
void adit_listen_close(struct adit_listen_socket *sock);

#endif
