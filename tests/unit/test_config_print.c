/* test_config_print.c - what `adit config` prints, and what it keeps to itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <unistd.h>

#include "cli/options_inner.h"

static struct adit_options o;
static struct adit_option_error error;
static char path[64];

static const char *file_of(const char *text)
{
    strcpy(path, "/tmp/adit-config-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return path;
}

static void load(int argc, char *const *argv, char *const *env)
{
    if (adit_options_load(&o, argc, argv, env, NULL, &error) < 0)
        fail_msg("%s", error.text);
}

static void print(struct adit_buf *b)
{
    adit_buf_init(b, 1 << 20);
    adit_options_print(b, &o);
    assert_int_equal(b->err, 0);
    (void)adit_buf_str(b);
}

static void has(const struct adit_buf *b, const char *wanted)
{
    if (!strstr((const char *)b->data, wanted))
        fail_msg("no '%s' in\n%s", wanted, (const char *)b->data);
}

/* ---- text and JSON --------------------------------------------------------------------------- */

static char *const env[] = { "SIGNALING_TOKEN=hidden", "ICE_URLS=stun:a,b", "ADIT_ID=a\x1b[2J: #b",
                             NULL };
static const char sections[] =
    "{\"udp_port\":\"4000-4010\",\"reconnect\":\"1500ms\",\n\"peers\":{\n"
    "\"b: b\":{\"route\":[\"10.0.0.0/8\"],\n\"mtu\":1300},\"c\":{}}}";

static void load_all(char *topic)
{
    char *argv[] = { "adit", "config", topic,      "--proxy=http://u:hidden@h:1", "--timeout",
                     "90",   "-v",     "--config", (char *)file_of(sections) };

    load(ADIT_LEN(argv), argv, env);
}

static void test_text(void **state)
{
    struct adit_buf b;

    (void)state;
    load_all("listen");
    print(&b);
    has(&b, "mode: chat                                  # default\n");
    has(&b, "timeout: 90s                                # --timeout\n");
    has(&b, "stun: [\"stun:a\", \"b\"]                       # ICE_URLS in the environment\n");
    has(&b, "\nudp-port: 4000-4010                         # /tmp/adit-config-");
    has(&b, "\nreconnect: 1500ms");
    has(&b, "\n# reconnect-max: ");
    has(&b, "\nid: \"a?[2J: #b\"");
    has(&b, "\ntoken: \"***\"");
    has(&b, "\nproxy: \"http://u:***@h:1\"");
    has(&b, "\n# config: ");
    has(&b, "\nverbose: 1                                  # --verbose\n");
    has(&b, "\nlog-level: debug                            # --verbose\n");
    has(&b, "\npeers:\n  \"b: b\":                                   # /tmp/adit-config-");
    has(&b, "\n    route: [\"10.0.0.0/8\"]                   # /tmp");
    has(&b, "\n    mtu: 1300 ");
    has(&b, "\n  c:   ");
    assert_null(strstr((const char *)b.data, "hidden"));
    assert_null(strstr((const char *)b.data, "\nas: ")); /* of another command */
    assert_null(strstr((const char *)b.data, "man"));
    adit_buf_done(&b);
    adit_options_free(&o);
    unlink(path);
}

#ifdef ADIT_HAVE_YAML
/* What is printed may be used as it is. */
static void test_reads_itself(void **state)
{
    char *argv[] = { "adit", "config", "--config", path };
    char *const none[] = { NULL };
    struct adit_options view;
    struct adit_buf b;

    (void)state;
    load_all("-q"); /* all commands */
    print(&b);
    adit_options_free(&o);
    unlink(path);
    file_of((const char *)b.data);
    load(4, argv, none);
    unlink(path);
    assert_int_equal(o.timeout, 90 * ADIT_SEC);
    assert_int_equal(o.reconnect, 1500 * ADIT_MS);
    assert_int_equal(o.udp_port.max, 4010);
    assert_int_equal(o.stun.count, 2);
    assert_string_equal(o.id, "a?[2J: #b");
    assert_int_equal(o.max_retransmits, -1);
    assert_int_equal(o.section_count, 2);
    assert_string_equal(o.sections[0].name, "b: b");
    adit_options_view(&o, 0, &view);
    assert_int_equal(view.mtu, 1300);
    adit_options_free(&o);
    adit_buf_done(&b);
}
#endif

static void test_json(void **state)
{
    const char *value, *source, *where;
    json_t *all;
    int number;

    (void)state;
    load_all("connect");
    all = adit_options_json(&o);
    assert_int_equal(json_unpack(all, "{s:{s:{s:s,s:s,s:s}}}", "options", "token", "value", &value,
                                 "source", &source, "where", &where),
                     0);
    assert_string_equal(value, "***");
    assert_string_equal(source, "environment");
    assert_string_equal(where, "SIGNALING_TOKEN in the environment");
    assert_int_equal(
        json_unpack(all, "{s:{s:{s:[s,s]}}}", "options", "stun", "value", &value, &where), 0);
    assert_string_equal(where, "b");
    assert_int_equal(json_unpack(all, "{s:{s:{s:n,s:n}}}", "options", "mtu", "value", "where"), 0);
    assert_int_equal(json_unpack(all, "{s:{s:{s:s,s:{s:{s:i,s:s}}}}}", "peers", "b: b", "where",
                                 &where, "options", "mtu", "value", &number, "source", &source),
                     0);
    assert_int_equal(number, 1300);
    assert_string_equal(source, "file");
    assert_string_equal(where + strlen(where) - 2, ":3");
    json_decref(all);
    adit_options_free(&o);
    unlink(path);
}

/* ---- secrets --------------------------------------------------------------------------------- */

static const struct {
    enum adit_option option;
    const char *value, *shown;
} masks[] = {
    { ADIT_OPTION_token, "x", "***" },
    { ADIT_OPTION_token, "", "" },
    { ADIT_OPTION_password, "a:b@c", "***" },
    { ADIT_OPTION_header, "Authorization: Bearer x", "Authorization: ***" },
    { ADIT_OPTION_header, "X:y", "X:***" },
    { ADIT_OPTION_header, "X:", "X:" },
    { ADIT_OPTION_header, "none", "none" },
    { ADIT_OPTION_peer, "host-a", "host-a" },
    { ADIT_OPTION_peer, "adit:RlpaWlpaWl", "adit:***" },
    { ADIT_OPTION_peer, "Adit:RlpaWlpaWl", "Adit:***" },
    { ADIT_OPTION_proxy, "http://u:p@h:1", "http://u:***@h:1" },
    { ADIT_OPTION_proxy, "http://u:p:q@r@h:1", "http://u:***@h:1" },
    { ADIT_OPTION_proxy, "http://u:@h:1", "http://u:@h:1" },
    { ADIT_OPTION_proxy, "http://u@h:1", "http://u@h:1" },
    { ADIT_OPTION_proxy, "http://h:1/a@b", "http://h:1/a@b" },
    { ADIT_OPTION_proxy, "none", "none" },
    { ADIT_OPTION_signal, "wss://u:p@h/?token=x&a=1&KEY=y#z",
      "wss://u:***@h/?token=***&a=1&KEY=***#z" },
    { ADIT_OPTION_signal, "ws://h/?token=&tokens=x&token", "ws://h/?token=&tokens=x&token" },
    { ADIT_OPTION_signal, "ws://h/#?token=x", "ws://h/#?token=***" },
    { ADIT_OPTION_label, "u:p@h", "u:p@h" },
    { ADIT_OPTION_stun, "stun:a:1", "stun:a:1" },
};

static void test_masks(void **state)
{
    struct adit_buf b;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(masks); i++) {
        bool secret = strcmp(masks[i].value, masks[i].shown) != 0;
        adit_buf_init(&b, 256);
        adit_option_mask(&b, masks[i].option, masks[i].value);
        assert_string_equal(adit_buf_str(&b), masks[i].shown);
        assert_int_equal(adit_option_is_secret(masks[i].option, masks[i].value), secret);
        adit_buf_done(&b);
    }
}

/* The words of main(): as long as before, and nothing else changed. */
static void test_hidden_words(void **state)
{
    static const char *const before[] = { "adit",      "listen",     "--token",
                                          "abc",       "--token=de", "--password=",
                                          "--header",  "X: yz",      "--proxy=http://u:pw@h",
                                          "--qr",      "--label=l",  "adit:abcd",
                                          "--stun",    "--token",    "x",
                                          "--",        "--token",    "y",
                                          "--password" };
    static const char *const after[] = { "adit",      "listen",     "--token",
                                         "***",       "--token=**", "--password=",
                                         "--header",  "X: **",      "--proxy=http://u:**@h",
                                         "--qr",      "--label=l",  "adit:****",
                                         "--stun",    "--token",    "x",
                                         "--",        "--token",    "y",
                                         "--password" };
    char words[ADIT_LEN(before)][32], *argv[ADIT_LEN(before) + 1];

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(before); i++)
        argv[i] = strcpy(words[i], before[i]);
    argv[ADIT_LEN(before)] = NULL;
    adit_options_hide(ADIT_LEN(before), argv);
    for (size_t i = 0; i < ADIT_LEN(before); i++)
        assert_string_equal(words[i], after[i]);
    argv[0] = strcpy(words[0], "--password"); /* nothing behind it */
    adit_options_hide(1, argv + 0);
    for (enum adit_option i = 0; i < ADIT_OPTION_COUNT; i++) /* a letter would not be found */
        assert_false((adit_option_rows[i].commands & ADIT_ROW_SECRET) &&
                     adit_option_rows[i].letter);
}

/* A secret that is not taken is not told either. */
static void test_errors_do_not_tell(void **state)
{
    char *argv[] = { "adit", "listen" };
    char many[66 * 16], *at = many + sprintf(many, "ADIT_HEADER=a");
    char *const headers[] = { many, NULL };

    (void)state;
    for (int i = 0; i < 64; i++)
        at += sprintf(at, ", X: hidden%d", i);
    assert_int_equal(adit_options_load(&o, 2, argv, headers, NULL, &error), -EINVAL);
    assert_string_equal(error.text, "ADIT_HEADER in the environment: more than 64 values");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
#ifdef ADIT_HAVE_YAML
        cmocka_unit_test(test_reads_itself),
#endif
        cmocka_unit_test(test_json),         cmocka_unit_test(test_masks),
        cmocka_unit_test(test_hidden_words), cmocka_unit_test(test_errors_do_not_tell),
    };

    return cmocka_run_group_tests_name("config_print", tests, NULL, NULL);
}
