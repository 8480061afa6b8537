#include "app/file_walk.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

void adit_file_walk_start(struct adit_file_walk *w, const char *const *paths, size_t count,
                          void (*skipped)(void *arg, const char *path, bool failed,
                                          const char *why),
                          void *arg)
{
    w->paths = paths;
    w->count = count;
    w->at = 0;
    w->depth = 0;
    w->skipped = skipped;
    w->arg = arg;
}

void adit_file_walk_stop(struct adit_file_walk *w)
{
    while (w->depth)
        closedir(w->level[--w->depth].dir);
    w->at = w->count;
}

size_t adit_file_walk_name(const char *path, const char **ret_name)
{
    size_t end = strlen(path), begin;

    while (end && path[end - 1] == '/')
        end--;
    for (begin = end; begin && path[begin - 1] != '/';)
        begin--;
    *ret_name = path + begin;
    if ((end - begin == 1 && path[begin] == '.') ||
        (end - begin == 2 && path[begin] == '.' && path[begin + 1] == '.'))
        return 0;
    return end - begin;
}

static int skip(struct adit_file_walk *w, bool failed, const char *why)
{
    if (w->skipped)
        w->skipped(w->arg, w->path, failed, why);
    return -EAGAIN;
}

/* Into the directory at w->path; what is in it is called w->name and a slash. */
static int descend(struct adit_file_walk *w, bool named)
{
    int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (named ? 0 : O_NOFOLLOW);
    int fd = w->depth < ADIT_FILE_DEPTH_MAX ? open(w->path, flags) : (errno = ELOOP, -1);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    if (!dir) {
        const char *why = errno == ELOOP ? "too deep" : strerror(errno);

        if (fd >= 0)
            close(fd);
        return skip(w, true, why);
    }
    w->level[w->depth].dir = dir;
    w->level[w->depth].path_n = strlen(w->path);
    w->level[w->depth].name_n = strlen(w->name);
    w->depth++;
    return 1;
}

/* What is at w->path and is to be called w->name. */
static int look(struct adit_file_walk *w, struct adit_file_entry *ret_entry, bool named)
{
    const char *fault = adit_file_name_fault((const uint8_t *)w->name, strlen(w->name));
    bool all_of_it = named && w->name[0] == '\0'; /* a directory without a name of its own */
    struct stat st;

    if (fstatat(AT_FDCWD, w->path, &st, named ? 0 : AT_SYMLINK_NOFOLLOW) < 0)
        return skip(w, true, strerror(errno));
    if (S_ISLNK(st.st_mode))
        return skip(w, false, "a symbolic link");
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        return skip(w, false, "not a regular file");
    if (fault && !all_of_it)
        return skip(w, true, fault);
    if (S_ISDIR(st.st_mode)) {
        int err = descend(w, named);

        if (err != 1 || all_of_it)
            return -EAGAIN;
    }
    *ret_entry = (struct adit_file_entry){
        .what = S_ISDIR(st.st_mode) ? ADIT_FILE_DIRECTORY : ADIT_FILE_REGULAR,
        .path = w->path,
        .name = w->name,
        .named = named,
        .mode = st.st_mode & 0777,
        .size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0,
        .mtime = st.st_mtim.tv_sec,
        .mtime_ns = (uint32_t)st.st_mtim.tv_nsec,
    };
    return 1;
}

/* The next one that the user named. */
static int next_path(struct adit_file_walk *w, struct adit_file_entry *ret_entry)
{
    const char *name;

    if (w->at == w->count)
        return 0;
    const char *path = w->paths[w->at++];
    size_t n = adit_file_walk_name(path, &name);

    /* A named one that is too long is told with its beginning. */
    if (snprintf(w->path, sizeof w->path, "%s", path) >= (int)sizeof w->path)
        return skip(w, true, strerror(ENAMETOOLONG));
    memcpy(w->name, name, n);
    w->name[n] = '\0';
    return look(w, ret_entry, true);
}

/* Adds "/" and the entry's name; false if it does not fit. */
static bool append(char *text, size_t size, size_t at, const char *name)
{
    const char *slash = at && text[at - 1] != '/' ? "/" : "";

    return snprintf(text + at, size - at, "%s%s", slash, name) < (int)(size - at);
}

static int next_entry(struct adit_file_walk *w, struct adit_file_entry *ret_entry)
{
    unsigned top = w->depth - 1;
    size_t path_n = w->level[top].path_n, name_n = w->level[top].name_n;
    const struct dirent *d;

    errno = 0;
    d = readdir(w->level[top].dir);
    w->path[path_n] = w->name[name_n] = '\0';
    if (!d) {
        int err = errno;

        closedir(w->level[top].dir);
        w->depth--;
        return err ? skip(w, true, strerror(err)) : -EAGAIN;
    }
    if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
        return -EAGAIN;
    if (!append(w->path, sizeof w->path, path_n, d->d_name) ||
        !append(w->name, sizeof w->name, name_n, d->d_name))
        return skip(w, true, strerror(ENAMETOOLONG));
    return look(w, ret_entry, false);
}

int adit_file_walk_step(struct adit_file_walk *w, struct adit_file_entry *ret_entry)
{
    return w->depth ? next_entry(w, ret_entry) : next_path(w, ret_entry);
}
