/* Files: what is sent arrives as it was, whatever happens on the way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/file_frames.h"
#include "base/log.h"
#include "unit/file_world.h"
#include "unit/wait.h"

#define LARGE (1024 * 1024 + 12345) /* is asked for, in more than one piece */

static void one_file_as_it_was(void **state)
{
    const struct timespec times[2] = { { .tv_sec = 1 }, { .tv_sec = 1234567890, .tv_nsec = 5000 } };
    static const size_t sizes[] = { 0, 1, 7, 8, 16384, 100000, 1024 * 1024 - 1, LARGE };
    struct file_world w;
    struct stat st;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(sizes); i++) {
        file_world_start(&w);
        file_put(&w, "src/one", 3, sizes[i]);
        assert_int_equal(chmod("one", 0750), 0);
        assert_int_equal(utimensat(AT_FDCWD, "one", times, 0), 0);
        file_transfer(&w, (const char *const[]){ "one" }, 1);
        assert_int_equal(w.sent_code, 0);
        assert_int_equal(w.received_code, 0);
        assert_true(file_is(&w, "dst/one", 3, sizes[i]));
        st = file_stat(&w, "dst/one");
        assert_int_equal(st.st_mode & 07777, 0750);
        assert_int_equal(st.st_mtim.tv_sec, 1234567890);
        assert_int_equal(st.st_mtim.tv_nsec, 5000);
        assert_int_equal(file_count(&w, "dst"), 1); /* no .part */
        assert_int_equal(adit_receive_counts(w.receive).stored, 1);
        assert_int_equal(adit_send_counts(w.send).sent, 1);
        assert_int_equal(adit_send_counts(w.send).bytes_moved, sizes[i]);
        file_world_stop(&w);
    }
}

static void a_tree_without_what_is_no_file(void **state)
{
    struct file_world w;

    (void)state;
    file_world_start(&w);
    file_mkdir(&w, "src/tree");
    file_mkdir(&w, "src/tree/empty");
    file_mkdir(&w, "src/tree/deep");
    file_mkdir(&w, "src/tree/deep/deeper");
    file_put(&w, "src/tree/deep/deeper/a", 1, 100);
    file_put(&w, "src/tree/gr\xc3\xbc\xc3\x9f \xe4\xb8\xad\xf0\x9f\x98\x80", 2, 200);
    file_put(&w, "src/other", 3, 0);
    assert_int_equal(chmod("tree/empty", 0700), 0);
    assert_int_equal(symlink("/etc/passwd", "tree/link"), 0);
    assert_int_equal(symlink("deep", "tree/link-to-directory"), 0);
    assert_int_equal(mkfifo("tree/fifo", 0644), 0);
    assert_int_equal(symlink("other", "named-link"), 0);
    file_transfer(&w, (const char *const[]){ "tree/", "./other", "named-link" }, 3);
    assert_int_equal(w.sent_code, 0); /* skipped is not failed */
    assert_int_equal(file_stat(&w, "dst/tree/empty").st_mode & 07777, 0700);
    assert_true(file_is(&w, "dst/tree/deep/deeper/a", 1, 100));
    assert_true(file_is(&w, "dst/tree/gr\xc3\xbc\xc3\x9f \xe4\xb8\xad\xf0\x9f\x98\x80", 2, 200));
    assert_true(file_is(&w, "dst/other", 3, 0));
    assert_true(file_is(&w, "dst/named-link", 3, 0)); /* a file of its own: it was named */
    assert_int_equal(file_count(&w, "dst/tree"), 3);
    assert_int_equal(file_count(&w, "dst"), 3);

    /* "." has no name: what is in it goes without one */
    file_transfer(&w, (const char *const[]){ "tree/." }, 1);
    assert_true(file_is(&w, "dst/deep/deeper/a", 1, 100));
    file_world_stop(&w);
}

/* A thousand files in a few round trips, and their number is no burden. */
static void small_files_in_a_row(void **state)
{
    struct file_world w;
    char name[64];

    (void)state;
    file_world_start(&w);
    w.l.delay = 50 * ADIT_MS;
    file_mkdir(&w, "src/many");
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "src/many/%u", i);
        file_put(&w, name, i, i % 300);
    }
    unsigned fds = open_fds();
    file_transfer(&w, (const char *const[]){ "many" }, 1);
    assert_int_equal(w.sent_code | w.received_code, 0);
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "dst/many/%u", i);
        assert_true(file_is(&w, name, i, i % 300));
    }
    assert_int_equal(file_count(&w, "dst/many"), 1000);
    assert_true(w.l.now < ADIT_SEC + 12 * 2 * w.l.delay); /* it began at one second */
    assert_int_equal(adit_send_counts(w.send).files, 1000);
    assert_int_equal(open_fds(), fds + 1); /* the receiver's directory */

    /* And once more: nothing is stored twice. */
    file_transfer(&w, (const char *const[]){ "many" }, 1);
    assert_int_equal(w.sent_code | w.received_code, 0);
    assert_int_equal(adit_send_counts(w.send).there, 1000);
    assert_int_equal(adit_receive_counts(w.receive).there, 1000);
    assert_int_equal(file_count(&w, "dst/many"), 1000);
    file_world_stop(&w);
}

/* ---- interruption ---------------------------------------------------------------------------- */

static const char *const mixed[] = { "large", "dir", "small" };

static void make_mixed(struct file_world *w)
{
    file_put(w, "src/large", 1, LARGE);
    file_mkdir(w, "src/dir");
    file_put(w, "src/dir/a", 2, 30000);
    file_put(w, "src/dir/b", 3, 0);
    file_put(w, "src/small", 4, 10);
}

static void check_mixed(struct file_world *w)
{
    assert_true(file_is(w, "dst/large", 1, LARGE));
    assert_true(file_is(w, "dst/dir/a", 2, 30000));
    assert_true(file_is(w, "dst/dir/b", 3, 0));
    assert_true(file_is(w, "dst/small", 4, 10));
    assert_int_equal(file_count(w, "dst"), 3);
    assert_int_equal(file_count(w, "dst/dir"), 2);
}

/* The connection is lost after every number of messages that there can be. */
static void cut_anywhere_and_go_on(void **state)
{
    struct file_world w;
    unsigned cuts = 0, most = 1;

    (void)state;
    for (unsigned n = 1; n <= most; n++) {
        file_world_start(&w);
        w.l.delay = ADIT_MS;
        w.l.rate = 20 * 1000 * 1000;
        make_mixed(&w);
        file_receive(&w, NULL);
        file_send(&w, mixed, ADIT_LEN(mixed));
        file_link(&w);
        file_run(&w, n);
        cuts = w.l.a.messages + w.l.b.messages;
        uint64_t moved = adit_receive_counts(w.receive).bytes_moved;
        if (w.sent && w.received) {
            assert_true(n > 20);
            file_world_stop(&w);
            return;
        }
        most = cuts + 2;
        file_cut(&w);
        if (!(w.received && !w.sent)) {
            file_link(&w);
            file_run(&w, 0);
            assert_int_equal(w.sent, 1);
            assert_int_equal(w.sent_code, 0);
        }
        assert_int_equal(w.received ? w.received_code : 0, 0);
        check_mixed(&w);
        /* What was here was not sent again, but for the small ones. */
        uint64_t all = adit_receive_counts(w.receive).bytes_moved;
        assert_true(all <= LARGE + 2 * 30010);
        assert_true(all >= moved || w.received > 1); /* a new batch counts anew */
        file_world_stop(&w);
    }
    fail_msg("it never came to its end");
}

/* Both programs are started again: the file system alone knows how far it was. */
static void started_again(void **state)
{
    struct file_world w;

    (void)state;
    file_world_start(&w);
    w.l.delay = ADIT_MS;
    w.l.rate = 20 * 1000 * 1000;
    make_mixed(&w);
    file_receive(&w, NULL);
    file_send(&w, mixed, ADIT_LEN(mixed));
    file_link(&w);
    file_run(&w, 40);
    assert_int_equal(w.sent, 0);
    file_cut(&w);
    w.receive = adit_receive_free(w.receive);
    uint64_t have = (uint64_t)file_stat(&w, "dst/large.part").st_size;
    assert_true(have > 0 && have < LARGE);
    file_transfer(&w, mixed, ADIT_LEN(mixed));
    check_mixed(&w);
    assert_in_range(adit_receive_counts(w.receive).bytes_moved, LARGE - have, LARGE - have + 30010);

    /* A third time: it is all there. */
    file_transfer(&w, mixed, ADIT_LEN(mixed));
    check_mixed(&w);
    assert_int_equal(adit_send_counts(w.send).there, 4);
    assert_in_range(adit_receive_counts(w.receive).bytes_moved, 0, 30010);
    file_world_stop(&w);
}

/* Freed in the middle, without a word from the mux, or with a mux that goes on. */
static void freed_in_the_middle(void **state)
{
    struct file_world w;

    (void)state;
    for (unsigned n = 1; n < 60; n++) {
        file_world_start(&w);
        w.l.rate = 20 * 1000 * 1000;
        make_mixed(&w);
        file_receive(&w, NULL);
        file_send(&w, mixed, ADIT_LEN(mixed));
        file_link(&w);
        file_run(&w, n);
        if (n % 2)
            w.send = adit_send_free(w.send);
        else
            w.receive = adit_receive_free(w.receive);
        file_run(&w, 0);
        if (w.receive && !file_exists(&w, "dst/small"))
            assert_int_equal(w.received_code, w.received);
        file_world_stop(&w);
    }
}

/* One allocation fails, whichever: some file may be missing, and then both sides say so. */
static void without_memory(void **state)
{
    struct file_world w;
    bool failed = true;

    (void)state;
    for (uint64_t n = 0; failed; n++) {
        file_world_start(&w);
        make_mixed(&w);
        w.shortage = n;
        file_transfer(&w, mixed, ADIT_LEN(mixed));
        failed = w.shortage == UINT64_MAX;
        if (w.sent_code == 0 && w.received_code == 0)
            check_mixed(&w);
        assert_int_equal(w.sent_code, w.received_code);
        assert_true(failed || w.sent_code == 0);
        file_world_stop(&w);
        assert_true(n < 1000);
    }
}

/* ---- what is there already ------------------------------------------------------------------- */

static void a_changed_file_begins_anew(void **state)
{
    static const size_t sizes[] = { 1000, LARGE - 1, LARGE, LARGE + 5000 };
    struct file_world w;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(sizes); i++) {
        file_world_start(&w);
        file_put(&w, "src/f", 1, LARGE);
        file_put(&w, "dst/f.part", 2, sizes[i]);
        file_transfer(&w, (const char *const[]){ "f" }, 1);
        assert_true(file_is(&w, "dst/f", 1, LARGE));
        assert_int_equal(file_count(&w, "dst"), 1);
        assert_int_equal(adit_receive_counts(w.receive).bytes_moved, LARGE);
        file_world_stop(&w);
    }
}

/* Whole already but for its name: nothing is sent. */
static void a_part_that_is_whole(void **state)
{
    struct file_world w;

    (void)state;
    file_world_start(&w);
    file_put(&w, "src/f", 1, LARGE);
    file_put(&w, "dst/f.part", 1, LARGE);
    file_transfer(&w, (const char *const[]){ "f" }, 1);
    assert_true(file_is(&w, "dst/f", 1, LARGE));
    assert_int_equal(file_count(&w, "dst"), 1);
    assert_int_equal(adit_receive_counts(w.receive).bytes_moved, 0);
    assert_int_equal(adit_receive_counts(w.receive).stored, 1);
    file_world_stop(&w);
}

static const struct {
    size_t size, other; /* of the file, and of what is there under its name */
    unsigned seed;      /* of what is there: 1 is the same */
    bool overwrite;
    unsigned stored, there;
    const char *name; /* where it is afterwards */
} meetings[] = {
    { 500, 500, 1, false, 0, 1, "dst/f" },     { 500, 500, 2, false, 1, 0, "dst/f.1" },
    { 500, 400, 1, false, 1, 0, "dst/f.1" },   { 500, 500, 2, true, 1, 0, "dst/f" },
    { 500, 400, 1, true, 1, 0, "dst/f" },      { 500, 500, 1, true, 0, 1, "dst/f" },
    { 0, 0, 1, false, 0, 1, "dst/f" },         { 0, 9, 1, false, 1, 0, "dst/f.1" },
    { LARGE, LARGE, 1, false, 0, 1, "dst/f" }, { LARGE, LARGE, 2, false, 1, 0, "dst/f.1" },
    { LARGE, 500, 1, false, 1, 0, "dst/f.1" }, { LARGE, LARGE, 2, true, 1, 0, "dst/f" },
    { LARGE, LARGE, 1, true, 0, 1, "dst/f" },
};

static void what_is_there_is_kept(void **state)
{
    struct file_world w;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(meetings); i++) {
        bool stays = !meetings[i].overwrite;

        file_world_start(&w);
        file_put(&w, "src/f", 1, meetings[i].size);
        file_put(&w, "dst/f", meetings[i].seed, meetings[i].other);
        file_receive(&w, &(struct adit_receive_conf){ .overwrite = meetings[i].overwrite });
        file_transfer(&w, (const char *const[]){ "f" }, 1);
        assert_int_equal(w.sent_code | w.received_code, 0);
        assert_int_equal(adit_receive_counts(w.receive).stored, meetings[i].stored);
        assert_int_equal(adit_receive_counts(w.receive).there, meetings[i].there);
        assert_int_equal(adit_send_counts(w.send).sent, meetings[i].stored);
        assert_int_equal(adit_send_counts(w.send).there, meetings[i].there);
        assert_true(file_is(&w, meetings[i].name, 1, meetings[i].size));
        if (stays)
            assert_true(file_is(&w, "dst/f", meetings[i].seed, meetings[i].other));
        assert_int_equal(file_count(&w, "dst"), 1 + (strlen(meetings[i].name) > 5));
        /* Another time it is known, under whichever name. */
        file_transfer(&w, (const char *const[]){ "f" }, 1);
        assert_int_equal(adit_send_counts(w.send).there, 1);
        assert_int_equal(file_count(&w, "dst"), 1 + (strlen(meetings[i].name) > 5));
        file_world_stop(&w);
    }
}

/* The same is there under a number: that is not where it was to be put. */
static void overwrite_means_its_own_name(void **state)
{
    static const size_t sizes[] = { 500, LARGE };
    struct file_world w;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(sizes); i++) {
        file_world_start(&w);
        file_put(&w, "src/f", 1, sizes[i]);
        file_put(&w, "dst/f", 2, 400);
        file_put(&w, "dst/f.1", 1, sizes[i]);
        file_receive(&w, &(struct adit_receive_conf){ .overwrite = true });
        file_transfer(&w, (const char *const[]){ "f" }, 1);
        assert_int_equal(adit_receive_counts(w.receive).stored, 1);
        assert_true(file_is(&w, "dst/f", 1, sizes[i]));
        file_world_stop(&w);
    }
}

/* ---- what cannot be sent --------------------------------------------------------------------- */

static void not_to_be_sent(void **state)
{
    struct adit_send_conf c = { .progress_fd = -1 };
    struct file_world w;
    int err;

    (void)state;
    file_world_start(&w);
    c.loop = w.loop;
    c.paths = (const char *const[]){ "a", "nothing" };
    file_put(&w, "src/a", 1, 1);
    file_mkdir(&w, "src/d");
    file_put(&w, "src/d/a", 1, 1);
    assert_null(adit_send_new(&c, &err));
    assert_int_equal(err, -EINVAL);
    c.count = 2;
    assert_null(adit_send_new(&c, &err));
    assert_int_equal(err, -ENOENT);
    c.paths = (const char *const[]){ "a", "d/a" };
    assert_null(adit_send_new(&c, &err));
    assert_int_equal(err, -EEXIST);
    struct adit_receive_conf r = { .loop = w.loop, .dir = "a", .progress_fd = -1 };
    assert_null(adit_receive_new(&r, &err));
    assert_int_equal(err, -ENOTDIR);
    file_world_stop(&w);
}

/* It is gone, or becomes shorter, or has a name that nobody takes: the others go on. */
static void the_others_go_on(void **state)
{
    struct file_world w;

    (void)state;
    file_world_start(&w);
    w.l.rate = 20 * 1000 * 1000;
    file_put(&w, "src/gone", 1, 1);
    file_put(&w, "src/shrinks", 2, LARGE);
    file_put(&w, "src/good", 3, LARGE);
    file_put(&w, "src/bad\n", 4, 1);
    file_put(&w, "src/bad.part", 5, 1);
    file_put(&w, "src/bad\xff", 6, 1);
    file_receive(&w, NULL);
    file_send(
        &w, (const char *const[]){ "gone", "shrinks", "bad\n", "bad.part", "bad\xff", "good" }, 6);
    assert_int_equal(unlink("gone"), 0);
    file_link(&w);
    file_run(&w, 30);
    assert_int_equal(truncate("shrinks", 1000), 0);
    file_run(&w, 0);
    assert_int_equal(w.sent, 1);
    assert_int_equal(w.sent_code, 1);
    assert_int_equal(w.received, 1);
    assert_int_equal(w.received_code, 1); /* the sender said so */
    assert_true(file_is(&w, "dst/good", 3, LARGE));
    assert_false(file_exists(&w, "dst/shrinks"));
    assert_int_equal(adit_send_counts(w.send).failed, 5);
    assert_int_equal(adit_send_counts(w.send).sent, 1);
    file_world_stop(&w);
}

static void nobody_receives(void **state)
{
    struct file_world w;

    (void)state;
    file_world_start(&w);
    file_put(&w, "src/a", 1, 1);
    file_send(&w, (const char *const[]){ "a" }, 1);
    file_link(&w);
    file_run(&w, 0);
    assert_int_equal(w.sent, 1);
    assert_int_equal(w.sent_code, 1);
    file_world_stop(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_file_as_it_was),
        cmocka_unit_test(a_tree_without_what_is_no_file),
        cmocka_unit_test(small_files_in_a_row),
        cmocka_unit_test(cut_anywhere_and_go_on),
        cmocka_unit_test(started_again),
        cmocka_unit_test(freed_in_the_middle),
        cmocka_unit_test(without_memory),
        cmocka_unit_test(a_changed_file_begins_anew),
        cmocka_unit_test(a_part_that_is_whole),
        cmocka_unit_test(what_is_there_is_kept),
        cmocka_unit_test(overwrite_means_its_own_name),
        cmocka_unit_test(not_to_be_sent),
        cmocka_unit_test(the_others_go_on),
        cmocka_unit_test(nobody_receives),
    };

    adit_log_level = ADIT_LOG_ERROR;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
