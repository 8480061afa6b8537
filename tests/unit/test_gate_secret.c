/* The file with the secret of a public listener: made once, the same ever after, until it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/gate.h"
#include "core/file.h"

#define NOON_2026 1767268800 /* 2026-01-01 12:00 */
#define HOUR      3600

static char path[64];
static struct adit_rng rng;

static int set_up(void **state)
{
    (void)state;
    adit_rng_init_seed(&rng, 1);
    snprintf(path, sizeof path, "/tmp/test_gate_secret.%d", (int)getpid());
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

static int load(struct adit_gate_secret *s, int64_t wall, int64_t lifetime)
{
    return adit_gate_secret_load(s, path, wall, lifetime, &rng);
}

static void test_it_is_made_once(void **state)
{
    struct adit_gate_secret first, again;
    struct stat st;

    (void)state;
    assert_int_equal(load(&first, NOON_2026, 0), 0);
    assert_int_equal(first.end, 0);
    assert_int_equal(first.port, 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    first.port = 4000;
    assert_int_equal(adit_gate_secret_save(&first, path), 0);
    assert_int_equal(load(&again, NOON_2026 + 1000 * HOUR, HOUR), 0);
    assert_memory_equal(first.bytes, again.bytes, sizeof first.bytes);
    assert_int_equal(again.port, 4000);
    assert_int_equal(again.end, 0); /* as it was made */
    unlink(path);
    assert_int_equal(load(&again, NOON_2026, 0), 0);
    assert_memory_not_equal(first.bytes, again.bytes, sizeof first.bytes);
}

static void test_one_that_has_ended_is_made_anew(void **state)
{
    struct adit_gate_secret first, again;

    (void)state;
    assert_int_equal(load(&first, NOON_2026, 2 * HOUR), 0);
    assert_int_equal(first.end, NOON_2026 + 2 * HOUR);
    assert_int_equal(load(&again, NOON_2026 + 2 * HOUR - 1, 2 * HOUR), 0);
    assert_memory_equal(first.bytes, again.bytes, sizeof first.bytes);
    again.port = 4000;
    assert_int_equal(adit_gate_secret_save(&again, path), 0);
    assert_int_equal(load(&again, NOON_2026 + 2 * HOUR, 3 * HOUR), 0);
    assert_memory_not_equal(first.bytes, again.bytes, sizeof first.bytes);
    assert_int_equal(again.end, NOON_2026 + 5 * HOUR);
    assert_int_equal(again.port, 4000); /* that may stay */
}

static void test_what_is_no_such_file_is_left_alone(void **state)
{
    static const char *const rows[] = {
        "",
        "secret\n",
        "secret AAAA\nend 0\nport 0\n",
        "secret AAAAAAAAAAAAAAAAAAAAAA==\nend 0\nport 0",
        "secret AAAAAAAAAAAAAAAAAAAAAA==\nend -1\nport 0\n",
        "secret AAAAAAAAAAAAAAAAAAAAAA==\nend 0\nport 65536\n",
        "secret AAAAAAAAAAAAAAAAAAAAAA==\nend 0\nport 0\nmore\n",
        "secret AAAAAAAAAAAAAAAAAAAAAA==\nport 0\nend 0\n",
        "secret AAAAAAAAAAAAAAAAAAAAAAAA\nend 0\nport 0\n",
        "-----BEGIN PRIVATE KEY-----\n",
    };
    static const char good[] = "secret AAAAAAAAAAAAAAAAAAAAAA==\nend 1767272400\nport 9\n";
    struct adit_gate_secret s;
    struct adit_buf text;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        assert_int_equal(adit_file_write(path, rows[i], strlen(rows[i]), 0600), 0);
        if (load(&s, NOON_2026, 0) != -EINVAL)
            fail_msg("row %zu", i);
        adit_buf_init(&text, 4096);
        assert_int_equal(adit_file_read(&text, path), 0);
        assert_string_equal(adit_buf_str(&text), rows[i]);
        adit_buf_done(&text);
    }
    assert_int_equal(adit_file_write(path, good, sizeof good - 1, 0600), 0);
    assert_int_equal(load(&s, NOON_2026, 0), 0);
    assert_int_equal(s.end, NOON_2026 + HOUR);
    assert_int_equal(s.port, 9);
}

static void test_no_place_for_it(void **state)
{
    struct adit_gate_secret s;

    (void)state;
    assert_int_equal(adit_gate_secret_load(&s, "/nonexistent/secret", NOON_2026, 0, &rng), -ENOENT);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_it_is_made_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_that_has_ended_is_made_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_no_such_file_is_left_alone, set_up, tear_down),
        cmocka_unit_test(test_no_place_for_it),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
