/* One input, several readers. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/tee.h"
#include "base/base.h"
#include "unit/wait.h"

static struct adit_loop *loop;
static struct adit_tee *the_tee;
static int input; /* we write here */
static unsigned fds;
static bool keep;

static int setup(void **state)
{
    int ends[2];

    (void)state;
    fds = open_fds();
    loop = adit_loop_new();
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    input = ends[1];
    the_tee = adit_tee_new(loop, ends[0], keep);
    assert_non_null(the_tee);
    *state = (void *)(intptr_t)ends[0];
    return 0;
}

static int teardown(void **state)
{
    adit_tee_free(the_tee);
    adit_loop_free(loop);
    close((int)(intptr_t)*state);
    if (input >= 0)
        close(input);
    assert_int_equal(open_fds(), fds);
    keep = false;
    return 0;
}

static void type(const char *text)
{
    assert_int_equal(write(input, text, strlen(text)), (ssize_t)strlen(text));
    for (int i = 0; i < 4; i++)
        assert_int_equal(adit_loop_process(loop), 0);
}

/* What is there to read, "EOF" at the end, "-" for nothing. */
static const char *got(int outlet)
{
    static char text[256];
    ssize_t n;

    fcntl(outlet, F_SETFL, O_NONBLOCK);
    n = read(outlet, text, sizeof text - 1);
    if (n < 0)
        return "-";
    text[n] = '\0';
    return n ? text : "EOF";
}

static int open_ready(void)
{
    int outlet = adit_tee_open(the_tee);

    assert_true(outlet >= 0);
    adit_tee_ready(the_tee, outlet);
    return outlet;
}

static void everybody_gets_whole_lines(void **state)
{
    int a, b, c;

    (void)state;
    a = adit_tee_open(the_tee);
    type("for who comes first\n");
    assert_string_equal(got(a), "-"); /* not ready: nothing has been read */
    adit_tee_ready(the_tee, a);
    type("");
    assert_string_equal(got(a), "for who comes first\n");
    type("half");
    b = open_ready();
    type(" a line\nand one\n");
    assert_string_equal(got(a), "half a line\nand one\n");
    assert_string_equal(got(b), "and one\n");
    c = open_ready();
    type("three\n");
    adit_tee_close(the_tee, b);
    type("two\n");
    assert_string_equal(got(a), "three\ntwo\n");
    assert_string_equal(got(c), "three\ntwo\n");
}

static void the_slowest_sets_the_pace(void **state)
{
    static char line[4096];
    int a, b;
    size_t put = 0, taken = 0;
    char sink[65536];
    ssize_t n;

    (void)state;
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\n';
    a = open_ready();
    b = open_ready();
    fcntl(a, F_SETFL, O_NONBLOCK);
    fcntl(b, F_SETFL, O_NONBLOCK);
    for (int i = 0; i < 1000; i++) { /* a reads, b does not */
        n = write(input, line, sizeof line);
        put += n > 0 ? (size_t)n : 0;
        assert_int_equal(adit_loop_process(loop), 0);
        while ((n = read(a, sink, sizeof sink)) > 0)
            taken += (size_t)n;
    }
    assert_true(put < 1000 * sizeof line);
    assert_true(taken <= 65536 + sizeof line);
    for (int i = 0; i < 1000; i++) { /* now both do */
        assert_int_equal(adit_loop_process(loop), 0);
        while ((n = read(a, sink, sizeof sink)) > 0)
            taken += (size_t)n;
        while (read(b, sink, sizeof sink) > 0)
            ;
    }
    assert_int_equal(taken, put);
}

static void the_end_is_told_or_kept(void **state)
{
    int a = open_ready();

    (void)state;
    type("last");
    close(input);
    input = -1;
    for (int i = 0; i < 6; i++)
        assert_int_equal(adit_loop_process(loop), 0);
    assert_string_equal(got(a), "last");
    assert_string_equal(got(a), keep ? "-" : "EOF");
    assert_string_equal(got(open_ready()), "-");
}

static int setup_keep(void **state)
{
    keep = true;
    return setup(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(everybody_gets_whole_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(the_slowest_sets_the_pace, setup, teardown),
        cmocka_unit_test_setup_teardown(the_end_is_told_or_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(the_end_is_told_or_kept, setup_keep, teardown),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
