/* file_world.h - a sender and a receiver of files, two directories, and a simulated path between
 * them that can be cut. */
#ifndef ADIT_TEST_FILE_WORLD_H
#define ADIT_TEST_FILE_WORLD_H

#include <sys/stat.h>

#include "app/receive.h"
#include "app/send.h"
#include "unit/mux_link.h"

struct file_world {
    struct mux_link l; /* a sends, b receives */
    bool linked;
    struct adit_loop *loop;
    struct adit_send *send;
    struct adit_receive *receive;
    unsigned sent, received; /* how often each was done */
    int sent_code, received_code;
    char base[32]; /* has the directories src and dst */
    char dst[64];
    int dir;           /* of base */
    uint64_t shortage; /* so many allocations of ours will do before one fails; UINT64_MAX: all */
};

void file_world_start(struct file_world *w);
void file_world_stop(struct file_world *w);

/* Paths are below the world's directory, as "src/a". */
void file_put(const struct file_world *w, const char *path, unsigned seed, size_t n);
void file_mkdir(const struct file_world *w, const char *path);
bool file_is(const struct file_world *w, const char *path, unsigned seed, size_t n);
bool file_exists(const struct file_world *w, const char *path);
struct stat file_stat(const struct file_world *w, const char *path);
void file_seed(uint8_t *out, unsigned seed, size_t n);             /* the content of such a file */
unsigned file_count(const struct file_world *w, const char *path); /* entries in a directory */

void file_receive(struct file_world *w, const struct adit_receive_conf *conf);
/* paths must outlive the sender. */
void file_send(struct file_world *w, const char *const *paths, size_t count);
/* A new path; both sides are told. */
void file_link(struct file_world *w);
void file_cut(struct file_world *w);
/* Until nothing more happens, both are done, or so many messages have been sent (0: any number). */
void file_run(struct file_world *w, unsigned messages);
/* All of the above: sends src/NAME for each name (NULL: src itself), to the end. */
void file_transfer(struct file_world *w, const char *const *paths, size_t count);

#endif
