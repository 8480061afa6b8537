#include "app/file_place.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/digest.h"

#define NUMBERS_MAX 1000 /* NAME.1 to NAME.1000 */
#define NOREPLACE   1    /* RENAME_NOREPLACE */
#define LOOKS_MAX   16   /* of them, for what may be the same */

/* ---- directories ----------------------------------------------------------------------------- */

/* One step down. */
static int step(int dir, const char *part)
{
    int fd = openat(dir, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;

    if (fd >= 0)
        return fd;
    if (errno == ENOENT) {
        if (mkdirat(dir, part, 0777) < 0 && errno != EEXIST)
            return -errno;
        fd = openat(dir, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
    }
    int err = errno;
    if (fstatat(dir, part, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode))
        err = ELOOP;
    return -err;
}

int adit_file_place_enter(int root, const char *name, const char **ret_leaf)
{
    int dir = fcntl(root, F_DUPFD_CLOEXEC, 0);
    char part[ADIT_FILE_LEAF_MAX];
    const char *slash;

    if (dir < 0)
        return -errno;
    while ((slash = strchr(name, '/'))) {
        int next;

        assert((size_t)(slash - name) < sizeof part);
        memcpy(part, name, (size_t)(slash - name));
        part[slash - name] = '\0';
        next = step(dir, part);
        close(dir);
        if (next < 0)
            return next;
        dir = next;
        name = slash + 1;
    }
    *ret_leaf = name;
    return dir;
}

int adit_file_place_mkdir(int dir, const char *leaf, mode_t mode)
{
    int fd;

    if (mkdirat(dir, leaf, mode | 0700) == 0) /* or nothing could be put into it */
        return 0;
    if (errno != EEXIST)
        return -errno;
    fd = step(dir, leaf);
    if (fd < 0)
        return fd;
    close(fd);
    return 0;
}

/* ---- files ----------------------------------------------------------------------------------- */

void adit_file_place_part(char out[ADIT_FILE_LEAF_MAX], const char *leaf)
{
    uint8_t digest[32];
    char hex[33];

    if (strlen(leaf) + strlen(ADIT_FILE_SUFFIX) < ADIT_FILE_LEAF_MAX) {
        strcat(strcpy(out, leaf), ADIT_FILE_SUFFIX);
        return;
    }
    adit_sha256(digest, leaf, strlen(leaf)); /* no room for a suffix */
    for (size_t i = 0; i < 16; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    snprintf(out, ADIT_FILE_LEAF_MAX, "%s%s", hex, ADIT_FILE_SUFFIX);
}

int adit_file_place_open_part(int dir, const char *part, uint64_t *ret_size)
{
    int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, err = 0;
    int fd = openat(dir, part, flags, 0600);
    struct stat st, named;

    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0)
        err = -errno;
    else if (!S_ISREG(st.st_mode) || st.st_nlink > 1)
        err = -EINVAL; /* no file of ours */
    else if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        err = -EBUSY;
    /* Whoever had it may have been done with it a moment ago. */
    else if (fstatat(dir, part, &named, AT_SYMLINK_NOFOLLOW) < 0 || named.st_ino != st.st_ino ||
             fstat(fd, &st) < 0)
        err = -EBUSY;
    if (err) {
        close(fd);
        return err;
    }
    *ret_size = (uint64_t)st.st_size;
    return fd;
}

static bool numbered(char out[ADIT_FILE_LEAF_MAX], const char *leaf, unsigned i)
{
    int n = i ? snprintf(out, ADIT_FILE_LEAF_MAX, "%s.%u", leaf, i)
              : snprintf(out, ADIT_FILE_LEAF_MAX, "%s", leaf);

    return n < ADIT_FILE_LEAF_MAX;
}

size_t adit_file_place_find(int dir, const char *leaf, uint64_t size, unsigned *ret_numbers,
                            size_t max)
{
    char name[ADIT_FILE_LEAF_MAX];
    struct stat st;
    size_t count = 0;

    for (unsigned i = 0; i < LOOKS_MAX && count < max && numbered(name, leaf, i); i++) {
        if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            break;
        if (S_ISREG(st.st_mode) && (uint64_t)st.st_size == size)
            ret_numbers[count++] = i;
    }
    return count;
}

int adit_file_place_open(int dir, const char *leaf, unsigned number)
{
    char name[ADIT_FILE_LEAF_MAX];
    int fd = numbered(name, leaf, number)
                 ? openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
                 : (errno = ENAMETOOLONG, -1);

    return fd < 0 ? -errno : fd;
}

/* rename, but never over anything. Some file systems have no such thing: there a link, or else a
 * look beforehand, does it. */
static int rename_new(int dir, const char *from, const char *to)
{
    struct stat st;

    /* By its number: musl has no word for it. */
    if (syscall(SYS_renameat2, dir, from, dir, to, NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -errno;
    if (linkat(dir, from, dir, to, 0) == 0)
        return unlinkat(dir, from, 0) < 0 ? -errno : 0;
    if (errno == EEXIST)
        return -EEXIST;
    if (fstatat(dir, to, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return -EEXIST;
    return renameat(dir, from, dir, to) < 0 ? -errno : 0;
}

int adit_file_place_publish(int dir, const char *part, const char *leaf, bool replace,
                            char ret_stored[ADIT_FILE_LEAF_MAX])
{
    int err = -EEXIST;

    if (replace) {
        numbered(ret_stored, leaf, 0);
        return renameat(dir, part, dir, leaf) < 0 ? -errno : 0;
    }
    for (unsigned i = 0; i <= NUMBERS_MAX && err == -EEXIST; i++) {
        if (!numbered(ret_stored, leaf, i))
            return -ENAMETOOLONG;
        err = rename_new(dir, part, ret_stored);
    }
    return err;
}
