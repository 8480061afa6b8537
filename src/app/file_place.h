/* file_place.h - where a received file lies: below one directory, whatever its name says.
 *
 * Every part of a name is opened by itself, from the directory before it, and no link is followed:
 * neither a name nor somebody who moves directories meanwhile leads out. What is not whole is
 * called NAME.part; what is whole takes the place of nothing unless that is asked for. Descriptors
 * and -errno; names have passed adit_file_name_fault. */
#ifndef ADIT_FILE_PLACE_H
#define ADIT_FILE_PLACE_H

#include <sys/types.h>

#include "app/file_frames.h"

#define ADIT_FILE_LEAF_MAX (ADIT_FILE_PART_MAX + 1)

/* The directory that name (a string) lies in, made if it is not there; *ret_leaf points to its last
 * part. -ELOOP: a link is in the way; -ENOTDIR: something else. */
ADIT_MUST_USE int adit_file_place_enter(int root, const char *name, const char **ret_leaf);
/* A directory of this mode, or one that is there already. 0 or -errno. */
ADIT_MUST_USE int adit_file_place_mkdir(int dir, const char *leaf, mode_t mode);

/* What `leaf` is called until it is whole. */
void adit_file_place_part(char out[ADIT_FILE_LEAF_MAX], const char *leaf);
/* Opens or makes it, for us alone, *ret_size is what it has. -EBUSY: somebody else receives it. */
ADIT_MUST_USE int adit_file_place_open_part(int dir, const char *part, uint64_t *ret_size);
/* Files of exactly this size that are there under that name or with a number behind it, as NAME.1:
 * at most `max` of their numbers (0: NAME itself). Returns how many. */
size_t adit_file_place_find(int dir, const char *leaf, uint64_t size, unsigned *ret_numbers,
                            size_t max);
/* To be read. */
ADIT_MUST_USE int adit_file_place_open(int dir, const char *leaf, unsigned number);
/* The part becomes the file, under a name that nobody has (replace: under its own, instead of
 * whatever is there but a directory). */
ADIT_MUST_USE int adit_file_place_publish(int dir, const char *part, const char *leaf, bool replace,
                                          char ret_stored[ADIT_FILE_LEAF_MAX]);

#endif
