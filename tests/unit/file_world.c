#include "unit/file_world.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"

void file_world_start(struct file_world *w)
{
    /* Where there is a disk in memory, thousands of files cost nothing. */
    *w = (struct file_world){ .base = "/dev/shm/adit-files-XXXXXX", .shortage = UINT64_MAX };
    if (!mkdtemp(w->base)) {
        strcpy(w->base, "/tmp/adit-files-XXXXXX");
        assert_non_null(mkdtemp(w->base));
    }
    w->dir = open(w->base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(w->dir >= 0);
    snprintf(w->dst, sizeof w->dst, "%s/dst", w->base);
    file_mkdir(w, "src");
    file_mkdir(w, "dst");
    /* Names without a directory are the sender's. */
    assert_int_equal(fchdir(w->dir) || chdir("src"), 0);
    w->loop = adit_loop_new();
    assert_non_null(w->loop);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

void file_world_stop(struct file_world *w)
{
    w->send = adit_send_free(w->send);
    w->receive = adit_receive_free(w->receive);
    if (w->linked)
        mux_link_stop(&w->l);
    adit_loop_free(w->loop);
    close(w->dir);
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(nftw(w->base, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* ---- files ----------------------------------------------------------------------------------- */

void file_seed(uint8_t *out, unsigned seed, size_t n)
{
    uint32_t x = seed * 2654435761u + 1;

    for (size_t i = 0; i < n; i++) {
        x = x * 1664525 + 1013904223;
        out[i] = (uint8_t)(x >> 24);
    }
}

void file_put(const struct file_world *w, const char *path, unsigned seed, size_t n)
{
    int fd = openat(w->dir, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    uint8_t *bytes = malloc(n + 1);

    assert_true(fd >= 0);
    file_seed(bytes, seed, n);
    assert_int_equal(write(fd, bytes, n), n);
    close(fd);
    free(bytes);
}

void file_mkdir(const struct file_world *w, const char *path)
{
    assert_int_equal(mkdirat(w->dir, path, 0755), 0);
}

bool file_is(const struct file_world *w, const char *path, unsigned seed, size_t n)
{
    int fd = openat(w->dir, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    uint8_t *want = malloc(n + 1), *got = malloc(n + 1);
    bool same = false;

    if (fd >= 0) {
        file_seed(want, seed, n);
        same = read(fd, got, n + 1) == (ssize_t)n && memcmp(got, want, n) == 0;
        close(fd);
    }
    free(want);
    free(got);
    return same;
}

bool file_exists(const struct file_world *w, const char *path)
{
    struct stat st;

    return fstatat(w->dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

struct stat file_stat(const struct file_world *w, const char *path)
{
    struct stat st;

    assert_int_equal(fstatat(w->dir, path, &st, AT_SYMLINK_NOFOLLOW), 0);
    return st;
}

unsigned file_count(const struct file_world *w, const char *path)
{
    DIR *dir = fdopendir(openat(w->dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    unsigned n = 0;

    assert_non_null(dir);
    for (const struct dirent *d; (d = readdir(dir));)
        n += strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
    closedir(dir);
    return n;
}

/* ---- both sides ------------------------------------------------------------------------------ */

static void on_sent(void *arg, int exit_code)
{
    struct file_world *w = arg;

    w->sent++;
    w->sent_code = exit_code;
}

static void on_received(void *arg, int exit_code)
{
    struct file_world *w = arg;

    w->received++;
    w->received_code = exit_code;
}

void file_receive(struct file_world *w, const struct adit_receive_conf *conf)
{
    struct adit_receive_conf c = conf ? *conf : (struct adit_receive_conf){ 0 };
    int err;

    c.loop = w->loop;
    c.dir = w->dst;
    c.progress_fd = -1;
    c.done = on_received;
    c.arg = w;
    w->receive = adit_receive_new(&c, &err);
    assert_non_null(w->receive);
}

void file_send(struct file_world *w, const char *const *paths, size_t count)
{
    struct adit_send_conf c = { .loop = w->loop,
                                .paths = paths,
                                .count = count,
                                .progress_fd = -1,
                                .done = on_sent,
                                .arg = w };
    int err;

    w->send = adit_send_new(&c, &err);
    assert_non_null(w->send);
}

/* Allocation number w->shortage of ours fails; the path's do not count. */
static void short_of_memory(struct file_world *w)
{
    if (w->shortage != UINT64_MAX)
        adit_alloc_fail_once(w->shortage);
}

static void enough_again(struct file_world *w)
{
    uint64_t used = adit_alloc_count();

    if (w->shortage != UINT64_MAX)
        w->shortage = used > w->shortage ? UINT64_MAX : w->shortage - used;
    adit_alloc_fail_at(UINT64_MAX);
}

static void on_opened(struct link_end *e, struct adit_mux_stream *s)
{
    struct file_world *w = e->arg;

    short_of_memory(w);
    if (!w->receive || !adit_receive_opened(w->receive, s, e->kind, e->raw, e->raw_n, e->link->now))
        adit_mux_reset(s, ADIT_MUX_UNKNOWN, NULL);
    enough_again(w);
}

void file_link(struct file_world *w)
{
    struct mux_link fresh = { .delay = w->l.delay, .rate = w->l.rate, .buffer = w->l.buffer };

    assert_false(w->linked);
    w->l = fresh;
    mux_link_start(&w->l, NULL, NULL);
    w->linked = true;
    w->l.b.on_opened = on_opened;
    w->l.b.arg = w;
    if (w->send)
        adit_send_attach(w->send, w->l.a.mux, w->l.now);
}

void file_cut(struct file_world *w)
{
    adit_mux_lost(w->l.a.mux, w->l.now);
    adit_mux_lost(w->l.b.mux, w->l.now);
    if (w->send)
        adit_send_detach(w->send);
    if (w->receive)
        adit_receive_detach(w->receive);
    mux_link_stop(&w->l);
    w->linked = false;
}

static unsigned messages(const struct file_world *w)
{
    return w->l.a.messages + w->l.b.messages;
}

void file_run(struct file_world *w, unsigned most)
{
    unsigned idle = 0;

    while (idle < 2 && !(most && messages(w) >= most)) {
        unsigned before = messages(w);

        short_of_memory(w);
        assert_int_equal(adit_loop_process(w->loop), 0);
        enough_again(w);
        if (w->linked)
            mux_link_run(&w->l, w->l.now + (adit_loop_timeout_ms(w->loop) ? ADIT_MS : 0));
        bool busy = messages(w) != before || adit_loop_timeout_ms(w->loop) >= 0 ||
                    (w->linked && (w->l.a.buffered || w->l.b.buffered));
        idle = busy ? 0 : idle + 1;
    }
    assert_null(w->l.a.why);
    assert_null(w->l.b.why);
}

void file_transfer(struct file_world *w, const char *const *paths, size_t count)
{
    unsigned sent = w->sent, received = w->received;

    w->send = adit_send_free(w->send);
    if (w->linked)
        file_cut(w);
    if (!w->receive)
        file_receive(w, NULL);
    file_send(w, paths, count);
    file_link(w);
    file_run(w, 0);
    assert_int_equal(w->sent, sent + 1);
    assert_int_equal(w->received, received + 1);
    assert_int_equal(adit_mux_count(w->l.a.mux) + adit_mux_count(w->l.b.mux), 0);
}
