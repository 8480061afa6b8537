/* file_walk.h - what `adit send` was given, one entry at a time: files as they are, directories
 * with all that is below them.
 *
 * Regular files and directories only. A link that was named is followed; one that is met on the way
 * is not. What cannot be sent is told by ops->skipped and left out. One step costs one look at the
 * file system, whatever the size of a directory. */
#ifndef ADIT_FILE_WALK_H
#define ADIT_FILE_WALK_H

#include <dirent.h>

#include "app/file_frames.h"

#define ADIT_FILE_PATH_MAX 4096 /* of a path here, with its zero byte: the kernel's limit */

struct adit_file_entry {
    enum adit_file_what what; /* REGULAR or DIRECTORY */
    const char *path;         /* here; until the next step */
    const char *name;         /* there */
    bool named;               /* by the user */
    uint16_t mode;
    uint64_t size;
    int64_t mtime;
    uint32_t mtime_ns;
};

struct adit_file_walk {
    const char *const *paths; /* borrowed */
    size_t count, at;
    void (*skipped)(void *arg, const char *path, bool failed, const char *why); /* may be NULL */
    void *arg;
    unsigned depth; /* open directories */
    struct {
        DIR *dir;
        size_t path_n, name_n;
    } level[ADIT_FILE_DEPTH_MAX];
    char path[ADIT_FILE_PATH_MAX];
    char name[ADIT_FILE_NAME_MAX + 1];
};

void adit_file_walk_start(struct adit_file_walk *w, const char *const *paths, size_t count,
                          void (*skipped)(void *arg, const char *path, bool failed,
                                          const char *why),
                          void *arg);
void adit_file_walk_stop(struct adit_file_walk *w); /* may be repeated */

/* 1: here is an entry; -EAGAIN: not this time, step again; 0: that was all. */
ADIT_MUST_USE int adit_file_walk_step(struct adit_file_walk *w, struct adit_file_entry *ret_entry);

/* The last part of a path, with which everything below it begins: "" for "." and "/" and what ends
 * in "..". Returns its length, *ret_name points into path. */
size_t adit_file_walk_name(const char *path, const char **ret_name);

#endif
