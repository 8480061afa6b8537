#include "core/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"

int adit_file_read(struct adit_buf *out, const char *path)
{
    uint8_t piece[4096];
    int fd = open(path, O_RDONLY | O_CLOEXEC), err = fd < 0 ? -errno : 0;
    ssize_t n = 0;

    while (!err) {
        n = read(fd, piece, sizeof piece);
        if (n > 0)
            adit_buf_add(out, piece, (size_t)n);
        else if (n == 0)
            break;
        else if (errno != EINTR)
            err = -errno;
        if (out->err)
            err = out->err;
    }
    if (fd >= 0)
        close(fd);
    return err;
}

static int write_all(int fd, const uint8_t *bytes, size_t n)
{
    while (n) {
        ssize_t done = write(fd, bytes, n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return done ? -errno : -EIO;
        bytes += done;
        n -= (size_t)done;
    }
    return fsync(fd) < 0 ? -errno : 0;
}

int adit_file_write(const char *path, const void *bytes, size_t n, mode_t mode)
{
    size_t size = strlen(path) + sizeof ".XXXXXX";
    char *tmp = adit_malloc(size);
    int fd, err;

    if (!tmp)
        return -ENOMEM;
    snprintf(tmp, size, "%s.XXXXXX", path);
    fd = mkostemp(tmp, O_CLOEXEC);
    err = fd < 0 ? -errno : 0;
    if (!err) {
        err = fchmod(fd, mode) < 0 ? -errno : write_all(fd, bytes, n);
        if (close(fd) < 0 && !err)
            err = -errno;
        if (!err && rename(tmp, path) < 0)
            err = -errno;
        if (err)
            unlink(tmp);
    }
    adit_free(tmp);
    return err;
}

int adit_file_append(const char *path, const void *bytes, size_t n, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, mode);
    int err = fd < 0 ? -errno : write_all(fd, bytes, n);

    if (fd >= 0 && close(fd) < 0 && !err)
        err = -errno;
    return err;
}

/* ---- places ---------------------------------------------------------------------------------- */

/* Makes the directory and those above it. */
static int make_directory(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int err = mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
        *slash = '/';
        if (err)
            return err;
    }
    return 0;
}

static int place(char out[ADIT_PATH_MAX], const char *name, const char *base, const char *below)
{
    int n = snprintf(out, ADIT_PATH_MAX, "%s%s/%s", base, below, name);

    if (n >= ADIT_PATH_MAX)
        return -ENAMETOOLONG;
    return make_directory(out);
}

static const char *absolute(const char *variable)
{
    const char *value = getenv(variable);

    return value && value[0] == '/' ? value : NULL;
}

int adit_file_config_path(char out[ADIT_PATH_MAX], const char *name)
{
    const char *xdg = absolute("XDG_CONFIG_HOME"), *home = absolute("HOME");

    if (xdg)
        return place(out, name, xdg, "/adit");
    if (home)
        return place(out, name, home, "/.config/adit");
    return geteuid() == 0 ? place(out, name, "/etc", "/adit") : -ENOENT;
}

int adit_file_runtime_path(char out[ADIT_PATH_MAX], const char *name)
{
    const char *xdg = absolute("XDG_RUNTIME_DIR");
    char base[ADIT_PATH_MAX];
    struct stat st;
    int err;

    if (xdg)
        snprintf(base, sizeof base, "%s/adit", xdg);
    else if (geteuid() == 0)
        snprintf(base, sizeof base, "/run/adit");
    else
        snprintf(base, sizeof base, "/tmp/adit-%u", (unsigned)geteuid());
    err = place(out, name, base, "");
    if (err)
        return err;
    /* In /tmp somebody else may have been there first. */
    if (lstat(base, &st) < 0)
        return -errno;
    return S_ISDIR(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 022) ? 0 : -EPERM;
}
