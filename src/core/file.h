/* file.h - small files of ours: read whole, replaced whole.
 *
 * What others may be reading is never half-written: the new text goes beside the old one and takes
 * its name when it is on the disk. A full disk leaves the old text as it was. */
#ifndef ADIT_FILE_H
#define ADIT_FILE_H

#include <sys/types.h>

#include "base/buf.h"

#define ADIT_PATH_MAX 512 /* bytes of a path that we make ourselves, with its zero byte */

/* Adds the whole file to `out`, within its limit. -errno of open or read (-ENOENT …), -EMSGSIZE:
 * larger than the limit, -ENOMEM. */
ADIT_MUST_USE int adit_file_read(struct adit_buf *out, const char *path);
/* Makes `bytes` the content of the file, with this mode whatever the umask. -errno; then what was
 * there is unchanged. */
ADIT_MUST_USE int adit_file_write(const char *path, const void *bytes, size_t n, mode_t mode);
/* Adds to its end in one piece; made with this mode if it is not there. -errno. */
ADIT_MUST_USE int adit_file_append(const char *path, const void *bytes, size_t n, mode_t mode);

/* Where a user's files of this program lie: `name` in $XDG_CONFIG_HOME/adit, or in
 * $HOME/.config/adit, or in /etc/adit for root without a home. The directory is made (mode 0700).
 * -errno of mkdir; -ENAMETOOLONG; -ENOENT: neither variable is set. */
ADIT_MUST_USE int adit_file_config_path(char out[ADIT_PATH_MAX], const char *name);
/* Where the sockets of running programs lie: $XDG_RUNTIME_DIR/adit, or /run/adit for root, or
 * /tmp/adit-UID, which must be ours alone: -EPERM if it is not. The directory is made (0700). */
ADIT_MUST_USE int adit_file_runtime_path(char out[ADIT_PATH_MAX], const char *name);

#endif
