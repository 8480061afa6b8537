/* How far it is: what the bar says, how wide it is, and that nothing in a name reaches a terminal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/progress.h"
#include "unit/wait.h"

static void sizes_and_times(void **state)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } sizes[] = { { 0, "0 B" },
                  { 999, "999 B" },
                  { 1000, "1.0 kB" },
                  { 99999, "99.9 kB" },
                  { 100000, "100 kB" },
                  { 999999, "999 kB" },
                  { 1000000, "1.0 MB" },
                  { 1234567890, "1.2 GB" },
                  { 5000000000000, "5.0 TB" },
                  { UINT64_MAX, "18.4 EB" } };
    static const struct {
        uint64_t seconds;
        const char *text;
    } times[] = { { 0, "0:00" },        { 59, "0:59" },
                  { 60, "1:00" },       { 3599, "59:59" },
                  { 3600, "1:00:00" },  { 359999, "99:59:59" },
                  { 360000, "4 days" }, { UINT64_MAX, "99999 days" } };
    char out[16];

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(sizes); i++)
        assert_string_equal(adit_progress_size(out, sizes[i].bytes), sizes[i].text);
    for (size_t i = 0; i < ADIT_LEN(times); i++)
        assert_string_equal(adit_progress_time(out, times[i].seconds), times[i].text);
}

static void rate_and_time_left(void **state)
{
    struct adit_progress p;
    char line[ADIT_PROGRESS_LINE_MAX], sum[64];
    adit_time now = 10 * ADIT_SEC;

    (void)state;
    adit_progress_init(&p, open("/dev/null", O_WRONLY | O_CLOEXEC)); /* no terminal: lines */
    adit_progress_total(&p, 3, 100000000);
    adit_progress_line(&p, line, 200, NULL);
    assert_string_equal(line, "  0% [                    ]      0 B      0 B/s   --:--");
    adit_progress_there(&p, 20000000);
    for (int i = 0; i < 21; i++) { /* the first piece is at the beginning of time */
        adit_progress_moved(&p, 1000000, now);
        adit_progress_show(&p, "name", now);
        now += 500 * ADIT_MS;
    }
    adit_progress_line(&p, line, 200, "dir/name");
    assert_string_equal(line, " 40% [########            ]  41.0 MB   2.0 MB/s    0:30  dir/name");
    adit_progress_sum(&p, sum, now - 500 * ADIT_MS);
    assert_string_equal(sum, "21.0 MB in 0:10, 2.1 MB/s");
    adit_progress_moved(&p, 59000000, now);
    adit_progress_line(&p, line, 60, NULL);
    assert_string_equal(line, "100% [####################]   100 MB   2.0 MB/s    0:00");
    adit_progress_again(&p, UINT64_MAX);
    assert_true(p.bytes == 0);
}

static void names_are_cut_and_cleaned(void **state)
{
    static const struct {
        const char *name;
        unsigned columns;
        const char *end;
    } rows[] = {
        { "abcdefghij", 65, "  <defghij" },
        { "abcdefghij", 67, "  abcdefghij" },
        { "a\033[31m\r\nb", 80, "  a?[31m??b" },
        { "\xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97", 61, "  <\xe5\xad\x97" },
        { "a\xff", 80, "  a?" },
        { "", 80, "  " },
    };
    struct adit_progress p;
    char line[ADIT_PROGRESS_LINE_MAX];

    (void)state;
    adit_progress_init(&p, -1);
    adit_progress_total(&p, 1, 100);
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        adit_progress_line(&p, line, rows[i].columns, rows[i].name);
        assert_true(strlen(line) > 55);
        assert_string_equal(line + 55, rows[i].end);
    }
    for (unsigned columns = 0; columns < 200; columns++) {
        adit_progress_line(&p, line, columns, "a very long name for a file that is not so large");
        assert_true(strlen(line) <= columns);
    }
}

/* At a terminal: one line that is written over, and gone when somebody else writes. */
static void a_bar_at_a_terminal(void **state)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    struct adit_progress p;
    char text[4096] = "";

    (void)state;
    if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0)
        skip();
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(slave >= 0);
    adit_progress_init(&p, slave);
    assert_true(adit_progress_deadline(&p) == ADIT_NEVER);
    adit_progress_show(&p, "f", ADIT_SEC); /* nothing has moved */
    adit_progress_moved(&p, 5, ADIT_SEC);
    assert_true(adit_progress_deadline(&p) == ADIT_SEC + 200 * ADIT_MS);
    adit_progress_show(&p, "f", ADIT_SEC + 100 * ADIT_MS); /* too early */
    assert_true(read(master, text, sizeof text) < 0);
    adit_progress_show(&p, "f", ADIT_SEC + 200 * ADIT_MS);
    ssize_t n = read(master, text, sizeof text - 1);
    assert_true(n > 0);
    text[n] = '\0';
    assert_int_equal(text[0], '\r');
    assert_string_equal(text + n - 3, "\033[K");
    adit_progress_clear(&p);
    adit_progress_clear(&p); /* once is enough */
    n = read(master, text, sizeof text - 1);
    assert_int_equal(n, 4);
    /* A terminal that is stopped: nothing waits for it. */
    for (unsigned i = 0; i < 2000; i++)
        adit_progress_show(&p, "f", ADIT_SEC * (i + 2));
    close(slave);
    close(master);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_and_times),
        cmocka_unit_test(rate_and_time_left),
        cmocka_unit_test(names_are_cut_and_cleaned),
        cmocka_unit_test(a_bar_at_a_terminal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
