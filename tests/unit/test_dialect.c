/* Conversations with each kind of server, as the originals hold them (tests/data/dialect), played
 * again line by line; and which dialect an address is meant for. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "signal/dialect.h"
#include "sim/dialect_script.h"

#define DIR_OF "tests/data/dialect"

static char *slurp(const char *path, size_t *ret_len)
{
    FILE *f = fopen(path, "rb");
    char *text;

    assert_non_null(f);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    long n = ftell(f);
    rewind(f);
    text = malloc((size_t)n + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)n, f), n);
    fclose(f);
    text[n] = 0;
    *ret_len = (size_t)n;
    return text;
}

/* The first line that differs, so that a failure can be read. */
static void compare(const char *path, const char *want, const char *got)
{
    int n = 1;

    for (; *want && *want == *got; want++, got++)
        n += *want == '\n';
    if (*want != *got) {
        while (want[-1] != '\n')
            want--, got--;
        fail_msg("%s:%d\n  want: %.*s\n  got:  %.*s", path, n, (int)strcspn(want, "\n"), want,
                 (int)strcspn(got, "\n"), got);
    }
}

/* ADIT_WRITE=1 writes down what came out, to be read and committed. */
static void play(const char *path)
{
    size_t len;
    char *script = slurp(path, &len);
    struct adit_buf out;

    adit_buf_init(&out, 1 << 24);
    adit_dialect_script(&out, script, len);
    assert_int_equal(out.err, 0);
    if (getenv("ADIT_WRITE")) {
        FILE *f = fopen(path, "wb");
        assert_non_null(f);
        fputs(adit_buf_str(&out), f);
        fclose(f);
    } else {
        compare(path, script, adit_buf_str(&out));
    }
    adit_buf_done(&out);
    free(script);
}

static void test_conversations(void **state)
{
    struct dirent **entries;
    int n = scandir(DIR_OF, &entries, NULL, alphasort), played = 0;

    (void)state;
    assert_true(n > 0);
    for (int i = 0; i < n; i++) {
        char path[512];
        if (entries[i]->d_name[0] != '.') {
            snprintf(path, sizeof path, DIR_OF "/%s", entries[i]->d_name);
            play(path);
            played++;
        }
        free(entries[i]);
    }
    free(entries);
    assert_true(played >= 8);
}

static void test_guess(void **state)
{
    static const struct {
        struct adit_dialect_hints hints;
        const char *name;
    } rows[] = {
        { { "ws", "", 0, NULL, NULL, ADIT_DIALECT_ROLE_ANY }, "agent" },
        { { "wss", "/", 0, NULL, NULL, ADIT_DIALECT_ROLE_ANY }, "agent" },
        { { "ws", "/ws/alice", 8000, NULL, NULL, ADIT_DIALECT_ROLE_ANY }, "agent" },
        { { "ws", "/ws/alice", 8000, "r", NULL, ADIT_DIALECT_OFFERER }, "agent" },
        { { "ws", "/ws/register", 8080, NULL, NULL, ADIT_DIALECT_ROLE_ANY }, "rendezvous" },
        { { "http", "/ws/register/x", 8080, NULL, NULL, ADIT_DIALECT_ROLE_ANY }, "rendezvous" },
        { { "ws", "/?x=/ws/register", 0, NULL, NULL, ADIT_DIALECT_ROLE_ANY }, "agent" },
        { { "ws", "/signal", 8000, NULL, NULL, ADIT_DIALECT_ROLE_ANY }, "device" },
        { { "wss", "/api/signal?x=1", 0, NULL, NULL, ADIT_DIALECT_ROLE_ANY }, "device" },
        { { "wss", "/signal", 0, NULL, "key", ADIT_DIALECT_ROLE_ANY }, "device-b" },
        { { "wss", "/signals", 0, NULL, NULL, ADIT_DIALECT_ROLE_ANY }, "agent" },
        { { "https", "/box/lab", 0, NULL, NULL, ADIT_DIALECT_ROLE_ANY }, "mailbox" },
        { { "http", "", 0, "lab", NULL, ADIT_DIALECT_OFFERER }, "mailbox" },
        { { "ws", "", 8787, NULL, NULL, ADIT_DIALECT_ROLE_ANY }, "room" },
        { { "wss", "/", 0, "lab", NULL, ADIT_DIALECT_ROLE_ANY }, "room" },
        { { "wss", "/ws", 0, "lab", NULL, ADIT_DIALECT_OFFERER }, "vpn" },
        { { "ws", "", 8080, NULL, NULL, ADIT_DIALECT_ANSWERER }, "vpn" },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++)
        assert_string_equal(adit_dialect_guess(&rows[i].hints)->name, rows[i].name);
}

static void test_table(void **state)
{
    (void)state;
    for (unsigned i = 0; adit_dialect_at(i); i++) {
        const struct adit_dialect *d = adit_dialect_at(i);
        assert_ptr_equal(adit_dialect_find(d->name), d);
        assert_true(d->size >= sizeof(struct adit_dialect_state));
        assert_non_null(d->traits.label);
        assert_non_null(d->traits.keepalive);
        assert_true((d->traits.keepalive[0] != 0) == (d->traits.keepalive_every != 0));
        assert_true(d->traits.retry_first > 0 && d->traits.retry_max >= d->traits.retry_first);
        assert_true(d->traits.retry_factor_x10 >= 10);
        assert_true(d->call && d->describe && d->candidate && d->bye);
        assert_true(!d->deadline == !d->tick);
    }
    assert_null(adit_dialect_find("nobody"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conversations),
        cmocka_unit_test(test_guess),
        cmocka_unit_test(test_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
