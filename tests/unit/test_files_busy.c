/* Files that somebody else is writing: a connection of ours that is dead and not missed yet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "unit/file_world.h"

/* Who was killed and is back meets the connection that he had before, which nobody misses yet. */
static void another_connection_has_it_still(void **state)
{
    static const char *const names[] = { "big" };
    struct file_world w;

    (void)state;
    file_world_start(&w);
    file_put(&w, "src/big", 1, 3000000);
    int fd = openat(w.dir, "dst/big.part", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
    file_receive(&w, NULL);
    file_send(&w, names, 1);
    file_link(&w);
    file_run(&w, 1);
    mux_link_run(&w.l, w.l.now + ADIT_SEC);
    assert_int_equal(adit_receive_counts(w.receive).failed, 0);
    close(fd);
    file_run(&w, 0);
    assert_int_equal(w.sent, 1);
    assert_int_equal(w.sent_code, 0);
    assert_int_equal(w.received_code, 0);
    assert_true(file_is(&w, "dst/big", 1, 3000000));
    file_world_stop(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_connection_has_it_still),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
