/* Who is known, who is new, and who is not the one it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/trust.h"
#include "core/file.h"

#define A                                                                                        \
    "sha-256 "                                                                                   \
    "01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:" \
    "1F:20"
#define B                                                                                        \
    "sha-256 "                                                                                   \
    "FF:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:" \
    "1F:20"

static char dir[64], path[96];

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/adit-trust-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof path, "%s/known_peers", dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(dir);
}

static void file_has(const char *text)
{
    assert_int_equal(adit_file_write(path, text, strlen(text), 0600), 0);
}

static struct adit_desc from(const char *fingerprint)
{
    struct adit_desc desc = { .fingerprint_count = 1 };

    assert_int_equal(
        adit_fingerprint_parse(&desc.fingerprints[0], fingerprint, strlen(fingerprint)), 0);
    return desc;
}

static void the_file_decides(void **state)
{
    static const char *const bob[] = { "bob" }, *const all[] = { "*" };
    static const struct {
        const char *file, *name;
        enum adit_trust_policy policy;
        const char *const *allow;
        enum adit_trust_verdict want;
    } rows[] = {
        { "bob " A "\n", "bob", ADIT_TRUST_ASK, NULL, ADIT_TRUST_KNOWN },
        { "# note\n\n  bob\t" A "  \r\n", "bob", ADIT_TRUST_ASK, NULL, ADIT_TRUST_KNOWN },
        { "bob " A, "bob", ADIT_TRUST_ASK, NULL, ADIT_TRUST_KNOWN },
        { "bob " B "\n", "bob", ADIT_TRUST_ASK, NULL, ADIT_TRUST_CHANGED },
        { "bob " B "\nbob " A "\n", "bob", ADIT_TRUST_ASK, NULL, ADIT_TRUST_CHANGED },
        { "bob " B "\n", "bob", ADIT_TRUST_FIRST, NULL, ADIT_TRUST_CHANGED },
        { "bob " B "\n", "bob", ADIT_TRUST_ASK, bob, ADIT_TRUST_CHANGED },
        { "bob " B "\n", "bob", ADIT_TRUST_ANY, NULL, ADIT_TRUST_KNOWN },
        { "bo " A "\nbobb " A "\n", "bob", ADIT_TRUST_ASK, NULL, ADIT_TRUST_UNKNOWN },
        { "#bob " A "\n", "bob", ADIT_TRUST_ASK, NULL, ADIT_TRUST_UNKNOWN },
        { "bob sha-256 01:02\nbob\n", "bob", ADIT_TRUST_ASK, NULL, ADIT_TRUST_UNKNOWN },
        { "", "bob", ADIT_TRUST_ASK, NULL, ADIT_TRUST_UNKNOWN },
        { "", "bob", ADIT_TRUST_FIRST, NULL, ADIT_TRUST_NEW },
        { "", "bob", ADIT_TRUST_ASK, bob, ADIT_TRUST_NEW },
        { "", "eve", ADIT_TRUST_ASK, bob, ADIT_TRUST_FORBIDDEN },
        { "eve " A "\n", "eve", ADIT_TRUST_ASK, bob, ADIT_TRUST_FORBIDDEN },
        { "", "eve", ADIT_TRUST_ASK, all, ADIT_TRUST_NEW },
        { "", "a b", ADIT_TRUST_FIRST, NULL, ADIT_TRUST_BROKEN },
        { "", "", ADIT_TRUST_FIRST, NULL, ADIT_TRUST_BROKEN },
        { "", "#bob", ADIT_TRUST_FIRST, NULL, ADIT_TRUST_BROKEN },
        { "", "b\nob", ADIT_TRUST_FIRST, NULL, ADIT_TRUST_BROKEN },
    };
    struct adit_desc desc = from(A);

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_trust_conf conf = { .path = path,
                                        .policy = rows[i].policy,
                                        .allow = rows[i].allow,
                                        .allow_count = rows[i].allow ? 1 : 0 };
        struct adit_cause cause;

        file_has(rows[i].file);
        enum adit_trust_verdict got = adit_trust_check(&conf, rows[i].name, &desc, &cause);
        if (got != rows[i].want)
            fail_msg("row %zu: %d instead of %d", i, got, rows[i].want);
    }
}

static void a_given_fingerprint_is_enough(void **state)
{
    struct adit_desc good = from(A), bad = from(B);
    struct adit_trust_conf conf = { .policy = ADIT_TRUST_ASK,
                                    .fingerprints = good.fingerprints,
                                    .fingerprint_count = 1 };
    struct adit_cause cause;

    (void)state;
    assert_int_equal(adit_trust_check(&conf, "who ever", &good, &cause), ADIT_TRUST_KNOWN);
    conf.policy = ADIT_TRUST_ANY;
    assert_int_equal(adit_trust_check(&conf, "bob", &bad, &cause), ADIT_TRUST_CHANGED);
}

static void who_is_remembered_is_known(void **state)
{
    struct adit_trust_conf conf = { .path = path, .policy = ADIT_TRUST_ASK };
    struct adit_desc a = from(A), b = from(B);
    struct adit_cause cause;
    struct stat st;

    (void)state;
    assert_int_equal(adit_trust_remember(&conf, "bob", &a), 0);
    assert_int_equal(adit_trust_remember(&conf, "bob", &b), 0); /* and is not overwritten */
    assert_int_equal(adit_trust_remember(&conf, "x y", &a), -EINVAL);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(adit_trust_check(&conf, "bob", &a, &cause), ADIT_TRUST_KNOWN);
    assert_int_equal(adit_trust_check(&conf, "bob", &b, &cause), ADIT_TRUST_CHANGED);

    file_has("carol " A); /* without its line end */
    assert_int_equal(adit_trust_remember(&conf, "bob", &a), 0);
    assert_int_equal(adit_trust_check(&conf, "bob", &a, &cause), ADIT_TRUST_KNOWN);
    assert_int_equal(adit_trust_check(&conf, "carol", &a, &cause), ADIT_TRUST_KNOWN);
}

static void the_file_has_a_limit(void **state)
{
    struct adit_trust_conf conf = { .path = path, .policy = ADIT_TRUST_ASK };
    struct adit_desc a = from(A);
    struct adit_cause cause;
    struct adit_buf text;

    (void)state;
    adit_buf_init(&text, ADIT_TRUST_FILE_MAX);
    for (int i = 0; i < ADIT_TRUST_PEERS_MAX - 1; i++)
        adit_buf_printf(&text, "p%d %s\n", i, A);
    assert_int_equal(adit_file_write(path, text.data, text.len, 0600), 0);
    adit_buf_done(&text);
    assert_int_equal(adit_trust_remember(&conf, "last", &a), 0);
    assert_int_equal(adit_trust_remember(&conf, "more", &a), -ENOSPC);
    assert_int_equal(adit_trust_check(&conf, "last", &a, &cause), ADIT_TRUST_KNOWN);

    assert_int_equal(truncate(path, ADIT_TRUST_FILE_MAX + 1), 0);
    assert_int_equal(adit_trust_check(&conf, "last", &a, &cause), ADIT_TRUST_BROKEN);
    assert_int_equal(adit_trust_remember(&conf, "more", &a), -EMSGSIZE);
}

static void places_follow_the_environment(void **state)
{
    char out[ADIT_PATH_MAX], want[ADIT_PATH_MAX];
    struct stat st;

    (void)state;
    setenv("XDG_CONFIG_HOME", dir, 1);
    setenv("XDG_RUNTIME_DIR", dir, 1);
    snprintf(want, sizeof want, "%s/adit/known_peers", dir);
    assert_int_equal(adit_file_config_path(out, "known_peers"), 0);
    assert_string_equal(out, want);
    assert_int_equal(adit_file_runtime_path(out, "known_peers"), 0);
    assert_string_equal(out, want);
    snprintf(want, sizeof want, "%s/adit", dir);
    assert_int_equal(stat(want, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(chmod(want, 0777), 0); /* anybody could put a socket of his there */
    assert_int_equal(adit_file_runtime_path(out, "x"), -EPERM);
    assert_int_equal(rmdir(want), 0);
    unsetenv("XDG_CONFIG_HOME");
    setenv("HOME", dir, 1);
    snprintf(want, sizeof want, "%s/.config/adit/k", dir);
    assert_int_equal(adit_file_config_path(out, "k"), 0);
    assert_string_equal(out, want);
    *strrchr(want, '/') = '\0';
    assert_int_equal(rmdir(want), 0);
    *strrchr(want, '/') = '\0';
    assert_int_equal(rmdir(want), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_file_decides, setup, teardown),
        cmocka_unit_test(a_given_fingerprint_is_enough),
        cmocka_unit_test_setup_teardown(who_is_remembered_is_known, setup, teardown),
        cmocka_unit_test_setup_teardown(the_file_has_a_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(places_follow_the_environment, setup, teardown),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
