/* A sender who means harm: nothing leaves the directory, nothing is replaced, nothing is left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/file_frames.h"
#include "base/digest.h"
#include "base/log.h"
#include "unit/file_world.h"
#include "unit/wait.h"

/* A sender made by hand. */
struct hand {
    struct adit_mux_stream *s;
    unsigned heads, ends, closed;
    struct adit_file_offer offers[ADIT_FILE_OFFERS_MAX];
    int offer_count;
    enum adit_file_result result;
    enum adit_mux_code code;
    char text[ADIT_MUX_TEXT_MAX * 2];
    uint64_t size;
};

static void on_head(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct hand *h = arg;

    (void)now;
    h->heads++;
    h->offer_count = adit_file_head_decode(h->offers, h->size, bytes, n);
    assert_true(h->offer_count >= 0);
}

static void on_end(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct hand *h = arg;
    struct adit_span name;

    (void)now;
    h->ends++;
    assert_int_equal(adit_file_result_decode(&h->result, &name, bytes, n), 0);
}

static void on_closed(void *arg, enum adit_mux_code code, const char *text, adit_time now)
{
    struct hand *h = arg;

    (void)now;
    h->closed++;
    h->s = NULL;
    h->code = code;
    snprintf(h->text, sizeof h->text, "%s", text);
}

static const struct adit_mux_stream_ops hand_ops = { .head = on_head,
                                                     .end = on_end,
                                                     .closed = on_closed };

static void begin(struct file_world *w, const struct adit_receive_conf *conf)
{
    file_world_start(w);
    file_receive(w, conf);
    file_link(w);
}

static void hand_open(struct file_world *w, struct hand *h, const void *target, size_t n)
{
    uint64_t size = h->size;

    *h = (struct hand){ .size = size };
    assert_int_equal(adit_mux_open(&h->s, w->l.a.mux, ADIT_MUX_FILE, target, n, &hand_ops, h), 0);
}

static void hand_file(struct file_world *w, struct hand *h, const char *name, size_t n, bool asks,
                      uint64_t size)
{
    uint8_t target[ADIT_FILE_FIXED + 5000];
    struct adit_file_open o = {
        .what = ADIT_FILE_REGULAR, .asks = asks, .mode = 0644, .size = size
    };

    h->size = size;
    adit_file_open_encode(target, &o);
    memcpy(target + ADIT_FILE_FIXED, name, n);
    hand_open(w, h, target, ADIT_FILE_FIXED + n);
}

static void hand_start(struct hand *h, uint64_t start)
{
    uint8_t bytes[ADIT_FILE_START_SIZE];

    adit_file_start_encode(bytes, start);
    assert_int_equal(adit_mux_send(h->s, bytes, sizeof bytes), 0);
}

/* The rest of a file of n bytes 'x'. */
static void hand_content(struct hand *h, size_t n)
{
    uint8_t digest[32];
    char bytes[1000];

    assert_true(n <= sizeof bytes);
    memset(bytes, 'x', n);
    adit_sha256(digest, bytes, n);
    assert_int_equal(adit_mux_send(h->s, bytes, n), 0);
    assert_int_equal(adit_mux_end(h->s, digest, sizeof digest), 0);
}

/* ---- names ----------------------------------------------------------------------------------- */

#define X50     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X250    X50 X50 X50 X50 X50
#define D10     "d/d/d/d/d/d/d/d/d/d/"
#define NAME(s) s, sizeof(s) - 1

static const struct {
    const char *name;
    size_t n;
} bad_names[] = {
    { NAME("") },
    { NAME("/") },
    { NAME("/etc/passwd") },
    { NAME("//etc/passwd") },
    { NAME(".") },
    { NAME("..") },
    { NAME("../out") },
    { NAME("a/../../out") },
    { NAME("a/..") },
    { NAME("a/.") },
    { NAME("./a") },
    { NAME("a//b") },
    { NAME("a/") },
    { NAME("a\0b") },
    { NAME("\0") },
    { NAME("a\nb") },
    { NAME("a\rb") },
    { NAME("\033[2J") },
    { NAME("a\x7f") },
    { NAME("a\xc2\x9b"
           "2J") },
    { NAME("a\xff") },
    { NAME("\xc0\xae\xc0\xae/out") }, /* ".." in a form that is none */
    { NAME("\xed\xa0\x80") },
    { NAME(X250 "xxxxxx") },
    { NAME("a/" X250 "xxxxxx/b") },
    { NAME(D10 D10 D10 "d/d/d") },
    { NAME("f.part") },
    { NAME(".part") },
    { NAME("d.part/f") },
    /* what is in the directory already */
    { NAME("link/out") },
    { NAME("link-to-file/f") },
    { NAME("dir/link/f") },
    { NAME("file/f") },
    { NAME("dangling/f") },
};

static void prepare(struct file_world *w)
{
    file_mkdir(w, "outside");
    file_mkdir(w, "dst/dir");
    file_put(w, "dst/file", 1, 10);
    file_put(w, "outside/secret", 2, 10);
    assert_int_equal(symlinkat("../outside", w->dir, "dst/link"), 0);
    assert_int_equal(symlinkat("../../outside", w->dir, "dst/dir/link"), 0);
    assert_int_equal(symlinkat("../outside/secret", w->dir, "dst/link-to-file"), 0);
    assert_int_equal(symlinkat("../outside/new", w->dir, "dst/dangling"), 0);
    assert_int_equal(symlinkat("../outside/secret", w->dir, "dst/trap.part"), 0);
    assert_int_equal(symlinkat("../outside/new", w->dir, "dst/trap2.part"), 0);
}

static void nothing_outside(const struct file_world *w)
{
    assert_int_equal(file_count(w, "outside"), 1);
    assert_true(file_is(w, "outside/secret", 2, 10));
    assert_int_equal(file_count(w, "."), 3);
    assert_true(file_is(w, "dst/file", 1, 10));
}

static void no_name_leads_out(void **state)
{
    struct file_world w;
    struct hand h;

    (void)state;
    begin(&w, &(struct adit_receive_conf){ .overwrite = true });
    prepare(&w);
    unsigned fds = open_fds(), there = file_count(&w, "dst");
    for (size_t i = 0; i < ADIT_LEN(bad_names); i++) {
        for (int directory = 0; directory < 2; directory++) {
            uint8_t target[ADIT_FILE_OPEN_MAX];

            adit_file_open_encode(target,
                                  &(struct adit_file_open){ .what = directory ? ADIT_FILE_DIRECTORY
                                                                              : ADIT_FILE_REGULAR,
                                                            .mode = 0777,
                                                            .size = directory ? 0 : 3 });
            memcpy(target + ADIT_FILE_FIXED, bad_names[i].name, bad_names[i].n);
            hand_open(&w, &h, target, ADIT_FILE_FIXED + bad_names[i].n);
            if (!directory) {
                hand_start(&h, 0);
                hand_content(&h, 3);
            }
            file_run(&w, 0);
            if (h.closed != 1 || h.ends)
                fail_msg("taken: %s", bad_names[i].name);
            assert_int_not_equal(h.code, ADIT_MUX_DONE);
            assert_true(h.text[0]);
            assert_int_equal(file_count(&w, "dst"), there);
        }
    }
    nothing_outside(&w);
    assert_int_equal(open_fds(), fds);
    file_world_stop(&w);
}

/* Links in the place of the file itself are no way out either. */
static void links_in_its_place(void **state)
{
    struct file_world w;
    struct hand h = { 0 };

    (void)state;
    for (int overwrite = 0; overwrite < 2; overwrite++) {
        begin(&w, &(struct adit_receive_conf){ .overwrite = overwrite });
        prepare(&w);
        hand_file(&w, &h, NAME("link-to-file"), false, 3);
        hand_start(&h, 0);
        hand_content(&h, 3);
        file_run(&w, 0);
        assert_int_equal(h.result, ADIT_FILE_STORED);
        assert_int_equal(S_ISLNK(file_stat(&w, "dst/link-to-file").st_mode), !overwrite);
        assert_int_equal(file_exists(&w, "dst/link-to-file.1"), !overwrite);
        hand_file(&w, &h, NAME("trap"), true, 3);
        file_run(&w, 0);
        assert_int_equal(h.closed, 1);
        hand_file(&w, &h, NAME("trap2"), false, 3);
        file_run(&w, 0);
        assert_int_equal(h.closed, 1);
        hand_file(&w, &h, NAME("dir"), false, 3); /* a directory is not replaced */
        hand_start(&h, 0);
        hand_content(&h, 3);
        file_run(&w, 0);
        assert_int_equal(file_exists(&w, "dst/dir.1"), !overwrite);
        assert_int_equal(h.ends, !overwrite);
        assert_true(S_ISDIR(file_stat(&w, "dst/dir").st_mode));
        nothing_outside(&w);
        file_world_stop(&w);
    }
}

static void longest_names(void **state)
{
    static const char *const names[] = { X250, X250 "xxxxx", "d/" X250 "/" X250 "yyyyy",
                                         D10 D10 D10 "d/f" };
    struct file_world w;
    struct hand h = { 0 };
    char path[1024];

    (void)state;
    begin(&w, NULL);
    for (size_t i = 0; i < ADIT_LEN(names); i++) {
        hand_file(&w, &h, names[i], strlen(names[i]), false, 3);
        hand_start(&h, 0);
        hand_content(&h, 3);
        file_run(&w, 0);
        assert_int_equal(h.ends, 1);
        snprintf(path, sizeof path, "dst/%s", names[i]);
        assert_int_equal(file_stat(&w, path).st_size, 3);
    }
    file_world_stop(&w);
}

/* ---- what is said ---------------------------------------------------------------------------- */

static const struct {
    const char *what;
    bool asks;
    uint64_t size;
    int64_t start; /* -1: none is said */
    size_t n;      /* bytes of content that follow */
    bool end;
    size_t digest; /* bytes of it */
} breaches[] = {
    { "no beginning", false, 3, -1, 0, true, 32 },
    { "more than announced", false, 3, 0, 4, false, 32 },
    { "less than announced", false, 3, 0, 2, true, 31 },
    { "no digest", false, 3, 0, 3, true, 0 },
    { "too much digest", false, 3, 0, 3, true, 33 },
    { "begins in the middle", false, 3, 1, 2, false, 32 },
    { "begins behind its end", false, 3, 4, 0, false, 32 },
    { "begins very far behind its end", false, 3, INT64_MAX, 0, false, 32 },
    { "says that it is here", true, 3, 3, 0, false, 32 },
};

static void breaches_end_the_stream(void **state)
{
    struct file_world w;
    struct hand h = { 0 };
    char bytes[64] = "xxxxxxxxxxxxxxxx";

    (void)state;
    begin(&w, NULL);
    for (size_t i = 0; i < ADIT_LEN(breaches); i++) {
        hand_file(&w, &h, NAME("f"), breaches[i].asks, breaches[i].size);
        if (breaches[i].start >= 0)
            hand_start(&h, (uint64_t)breaches[i].start);
        if (breaches[i].n)
            assert_int_equal(adit_mux_send(h.s, bytes, breaches[i].n), 0);
        if (breaches[i].end)
            assert_int_equal(adit_mux_end(h.s, bytes, breaches[i].digest), 0);
        file_run(&w, 0);
        if (h.closed != 1 || h.code == ADIT_MUX_DONE)
            fail_msg("%s", breaches[i].what);
        if (file_count(&w, "dst") != 0)
            fail_msg("%s: something is left", breaches[i].what);
    }
    assert_int_equal(adit_receive_counts(w.receive).failed, ADIT_LEN(breaches));
    assert_int_equal(adit_receive_counts(w.receive).stored, 0);
    file_world_stop(&w);
}

static void entries_that_are_none(void **state)
{
    uint8_t target[ADIT_FILE_OPEN_MAX];
    struct file_world w;
    struct hand h = { 0 };

    (void)state;
    begin(&w, NULL);
    for (size_t n = 0; n < ADIT_FILE_FIXED; n++) {
        adit_file_open_encode(target, &(struct adit_file_open){ .what = ADIT_FILE_REGULAR });
        hand_open(&w, &h, target, n);
        file_run(&w, 0);
        assert_int_equal(h.closed, 1);
        assert_int_equal(h.code, ADIT_MUX_UNKNOWN);
    }
    assert_int_equal(file_count(&w, "dst"), 0);
    file_world_stop(&w);
}

static void a_wrong_digest(void **state)
{
    struct file_world w;
    struct hand h = { 0 };

    (void)state;
    for (int asks = 0; asks < 2; asks++) {
        begin(&w, &(struct adit_receive_conf){ .overwrite = true });
        file_put(&w, "dst/f", 1, 3);
        hand_file(&w, &h, NAME("f"), asks, 3);
        file_run(&w, 0);
        assert_int_equal(h.heads, asks);
        hand_start(&h, 0);
        assert_int_equal(adit_mux_send(h.s, "abc", 3), 0);
        assert_int_equal(adit_mux_end(h.s, "0123456789abcdef0123456789abcdef", 32), 0);
        file_run(&w, 0);
        assert_int_equal(h.ends, 1);
        assert_int_equal(h.result, ADIT_FILE_DIFFER);
        assert_true(file_is(&w, "dst/f", 1, 3));
        assert_int_equal(file_count(&w, "dst"), 1);
        assert_int_equal(adit_receive_counts(w.receive).failed, 1);
        file_world_stop(&w);
    }
}

/* It says that we have it, and what it then says it is, is something else. */
static void a_whole_one_that_differs(void **state)
{
    struct file_world w;
    struct hand h = { 0 };

    (void)state;
    begin(&w, &(struct adit_receive_conf){ .overwrite = true });
    file_put(&w, "dst/f", 1, 3);
    hand_file(&w, &h, NAME("f"), true, 3);
    file_run(&w, 0);
    assert_int_equal(h.offer_count, 1);
    hand_start(&h, 3);
    assert_int_equal(adit_mux_end(h.s, "0123456789abcdef0123456789abcdef", 32), 0);
    file_run(&w, 0);
    assert_int_equal(h.result, ADIT_FILE_DIFFER);
    assert_true(file_is(&w, "dst/f", 1, 3));
    hand_file(&w, &h, NAME("f"), true, 3);
    file_run(&w, 0);
    hand_start(&h, 3);
    assert_int_equal(adit_mux_send(h.s, "abc", 3), 0);
    file_run(&w, 0);
    assert_int_equal(h.closed, 1);
    hand_file(&w, &h, NAME("f"), true, 3); /* does not wait for what we have */
    hand_start(&h, 0);
    hand_content(&h, 3);
    file_run(&w, 0);
    assert_int_equal(h.closed, 1);
    assert_int_equal(h.ends, 0);
    assert_true(file_is(&w, "dst/f", 1, 3));
    file_world_stop(&w);
}

/* ---- limits ---------------------------------------------------------------------------------- */

static void store_one(struct file_world *w, struct hand *h, const char *name, size_t n)
{
    hand_file(w, h, name, strlen(name), false, n);
    hand_start(h, 0);
    hand_content(h, n);
    file_run(w, 0);
}

static void so_many_and_no_more(void **state)
{
    struct file_world w;
    struct hand h = { 0 }, many[200] = { 0 };
    char name[16];
    unsigned open = 0;

    (void)state;
    begin(&w, &(struct adit_receive_conf){ .files_max = 2 });
    store_one(&w, &h, "a", 5);
    store_one(&w, &h, "b", 5);
    assert_int_equal(h.ends, 1);
    store_one(&w, &h, "c", 5);
    assert_int_equal(h.ends, 0);
    assert_int_equal(h.code, ADIT_MUX_FORBIDDEN);
    file_world_stop(&w);

    begin(&w, &(struct adit_receive_conf){ .bytes_max = 10 });
    store_one(&w, &h, "a", 11);
    assert_int_equal(h.ends, 0);
    store_one(&w, &h, "a", 6);
    assert_int_equal(h.ends, 1);
    store_one(&w, &h, "b", 5);
    assert_int_equal(h.ends, 0);
    store_one(&w, &h, "b", 4);
    assert_int_equal(h.ends, 1);
    file_world_stop(&w);

    begin(&w, NULL);
    unsigned fds = open_fds();
    for (unsigned i = 0; i < ADIT_LEN(many); i++) {
        snprintf(name, sizeof name, "%u", i);
        hand_file(&w, &many[i], name, strlen(name), false, 5);
        file_run(&w, 0);
        open += many[i].s != NULL;
    }
    assert_int_equal(open, 160);
    assert_true(open_fds() <= fds + 2 * 160);
    hand_file(&w, &h, NAME("0"), false, 5); /* the same at the same time */
    file_run(&w, 0);
    assert_int_equal(h.code, ADIT_MUX_FORBIDDEN);
    file_cut(&w);
    assert_int_equal(open_fds(), fds);
    assert_int_equal(file_count(&w, "dst"), 0); /* nobody will go on with these */
    file_world_stop(&w);
}

/* More than there is room for is refused before it comes. */
static void larger_than_the_disk(void **state)
{
    struct file_world w;
    struct hand h = { 0 };

    (void)state;
    begin(&w, NULL);
    hand_file(&w, &h, NAME("f"), true, INT64_MAX);
    file_run(&w, 0);
    assert_int_equal(h.heads, 1);
    hand_start(&h, 0);
    file_run(&w, 0);
    assert_int_equal(h.closed, 1);
    assert_non_null(strstr(h.text, "room"));
    assert_int_equal(file_count(&w, "dst"), 0);
    store_one(&w, &h, "g", 5); /* the others go on */
    assert_int_equal(h.ends, 1);
    file_world_stop(&w);
}

/* A write that fails: the limit of file sizes stands for a disk that fills up meanwhile. */
static void a_disk_that_fills_up(void **state)
{
    static const char *const names[] = { "large", "small" };
    struct rlimit before, now;
    struct file_world w;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    file_world_start(&w);
    file_put(&w, "src/large", 1, 3000000);
    file_put(&w, "src/small", 2, 1000);
    now = (struct rlimit){ .rlim_cur = 2000000, .rlim_max = before.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &now), 0);
    file_transfer(&w, names, 2);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(w.sent_code, 1);
    assert_int_equal(w.received_code, 1);
    assert_true(file_is(&w, "dst/small", 2, 1000));
    assert_false(file_exists(&w, "dst/large"));
    assert_int_equal(file_stat(&w, "dst/large.part").st_size, 2000000);
    /* There is room again: it goes on from there. */
    file_transfer(&w, names, 2);
    assert_int_equal(w.sent_code | w.received_code, 0);
    assert_true(file_is(&w, "dst/large", 1, 3000000));
    assert_int_equal(file_count(&w, "dst"), 2);
    file_world_stop(&w);
}

static bool write_line(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    if (fd >= 0)
        close(fd);
    return ok;
}

/* Mounts of our own, without root in a user namespace. */
static bool own_mounts(void)
{
    unsigned uid = geteuid(), gid = getegid();
    char map[32], group_map[32];

    snprintf(map, sizeof map, "0 %u 1", uid);
    snprintf(group_map, sizeof group_map, "0 %u 1", gid);
    if (uid != 0 &&
        (unshare(CLONE_NEWUSER) < 0 || !write_line("/proc/self/setgroups", "deny") ||
         !write_line("/proc/self/uid_map", map) || !write_line("/proc/self/gid_map", group_map)))
        return false;
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

/* A real one of 64 KiB, in a child with mounts of its own. Exit code 77: not allowed here. */
static void fill_a_disk(void)
{
    static const char *const names[] = { "a", "b", "c" };
    struct file_world w;

    if (!own_mounts())
        _exit(77);
    file_world_start(&w);
    if (mount("none", w.dst, "tmpfs", 0, "size=64k") < 0)
        _exit(77);
    file_put(&w, "src/a", 1, 40000);
    file_put(&w, "src/b", 2, 40000);
    file_put(&w, "src/c", 3, 1000);
    file_transfer(&w, names, 3);
    assert_int_equal(w.sent_code | w.received_code << 1, 3);
    assert_int_equal(adit_receive_counts(w.receive).stored, 2);
    assert_true(file_is(&w, "dst/c", 3, 1000));
    w.receive = adit_receive_free(w.receive);
    assert_int_equal(umount(w.dst), 0);
    file_world_stop(&w);
    _exit(0);
}

static void a_small_disk(void **state)
{
    int status;
    pid_t pid = fork();

    (void)state;
    if (pid == 0)
        fill_a_disk();
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_name_leads_out),
        cmocka_unit_test(links_in_its_place),
        cmocka_unit_test(longest_names),
        cmocka_unit_test(breaches_end_the_stream),
        cmocka_unit_test(entries_that_are_none),
        cmocka_unit_test(a_wrong_digest),
        cmocka_unit_test(a_whole_one_that_differs),
        cmocka_unit_test(so_many_and_no_more),
        cmocka_unit_test(larger_than_the_disk),
        cmocka_unit_test(a_disk_that_fills_up),
        cmocka_unit_test(a_small_disk),
    };

    adit_log_level = ADIT_LOG_ERROR;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
