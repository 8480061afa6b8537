/* test_options.c - options from every source, good and wrong ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cli/options.h"

static struct adit_options o;
static struct adit_option_error error;

/* "adit" and words cut at blanks. */
static int load(const char *line, char *const *env, const char *dotenv)
{
    static char text[1024];
    char *argv[64] = { "adit" }, *rest;
    int argc = 1;

    error = (struct adit_option_error){ .text = "" };
    snprintf(text, sizeof text, "%s", line);
    for (char *w = strtok_r(text, " ", &rest); w; w = strtok_r(NULL, " ", &rest))
        argv[argc++] = w;
    return adit_options_load(&o, argc, argv, env, dotenv, &error);
}

static char *const no_env[] = { NULL };

/* ---- command line --------------------------------------------------------------------------- */

static void test_defaults(void **state)
{
    (void)state;
    assert_int_equal(load("offer", no_env, NULL), 0);
    assert_int_equal(o.command, ADIT_COMMAND_OFFER);
    assert_int_equal(o.as, ADIT_FORM_TICKET);
    assert_int_equal(o.mode, ADIT_MODE_CHAT);
    assert_int_equal(o.timeout, 0);
    assert_int_equal(o.max_retransmits, -1);
    assert_int_equal(o.max_lifetime, -1);
    assert_int_equal(o.mtu, -1);
    assert_int_equal(o.log_level, ADIT_LOG_INFO);
    assert_string_equal(o.label, "adit");
    assert_null(o.in);
    assert_int_equal(o.stun.count, 0);
    assert_false(adit_options_given(&o, ADIT_OPTION_as));
    adit_options_free(&o);
}

/* Without a value they are servers of our own, and with one they are other people's. */
static void test_servers_of_our_own(void **state)
{
    (void)state;
    assert_int_equal(load("signal --stun --turn --listen :1", no_env, NULL), 0);
    assert_true(o.stun_server && o.turn_server && o.stun.count == 0 && o.listen.count == 1);
    assert_true(o.relay_ports.min == 49152 && o.relay_ports.max == 65535);
    adit_options_free(&o);
    assert_int_equal(load("signal --stun s.example --turn", no_env, NULL), 0);
    assert_true(!o.stun_server && o.turn_server && o.stun.count == 1);
    adit_options_free(&o);
    assert_int_equal(load("signal --stun=s.example --turn-server", no_env, NULL), 0);
    assert_true(!o.stun_server && o.turn_server && o.stun.count == 1);
    adit_options_free(&o);
    assert_int_equal(load("offer --stun", no_env, NULL), -EINVAL);
    adit_options_free(&o);
}

static void test_bench(void **state)
{
    static const char *const env[] = { "MODE=tun", "TUNNEL_UPSTREAM=http://127.0.0.1", NULL };

    (void)state;
    assert_int_equal(load("bench a", (char *const *)env, NULL), 0);
    assert_int_equal(o.mode, ADIT_MODE_BENCH); /* whatever the others carry */
    assert_int_equal(o.peer.count, 1);
    assert_int_equal(o.seconds, 3);
    adit_options_free(&o);
}

static void test_all_forms(void **state)
{
    (void)state;
    assert_int_equal(
        load("-v answer --as=sdp -mtun --stun a --stun=b -s c -t 90 --timeout 5m --udp-port "
             "4000-4010 --mtu 1280 --max-retransmits 0 --unordered --max_retransmits 3 -v "
             "--label= --in - -a 10.0.0.1/24 --address fd00::1/64",
             no_env, NULL),
        0);
    assert_int_equal(o.command, ADIT_COMMAND_ANSWER);
    assert_int_equal(o.as, ADIT_FORM_SDP);
    assert_int_equal(o.mode, ADIT_MODE_TUN);
    assert_int_equal(o.stun.count, 3);
    assert_string_equal(o.stun.items[2], "c");
    assert_int_equal(o.timeout, 300 * ADIT_SEC);
    assert_int_equal(o.udp_port.min, 4000);
    assert_int_equal(o.udp_port.max, 4010);
    assert_int_equal(o.mtu, 1280);
    assert_int_equal(o.max_retransmits, 3);
    assert_true(o.unordered);
    assert_string_equal(o.label, "");
    assert_string_equal(o.in, "-");
    assert_int_equal(o.address.count, 2);
    assert_int_equal(o.verbose, 2);
    assert_int_equal(o.log_level, ADIT_LOG_TRACE);
    assert_true(adit_options_given(&o, ADIT_OPTION_as));
    adit_options_free(&o);
}

static void test_help_and_version(void **state)
{
    static const struct {
        const char *line;
        enum adit_command command, topic;
    } lines[] = {
        { "help", ADIT_COMMAND_HELP, ADIT_COMMAND_NONE },
        { "--help", ADIT_COMMAND_HELP, ADIT_COMMAND_NONE },
        { "-h", ADIT_COMMAND_HELP, ADIT_COMMAND_NONE },
        { "help offer", ADIT_COMMAND_HELP, ADIT_COMMAND_OFFER },
        { "offer --help", ADIT_COMMAND_HELP, ADIT_COMMAND_OFFER },
        { "pair -vh", ADIT_COMMAND_HELP, ADIT_COMMAND_PAIR },
        { "help --man", ADIT_COMMAND_HELP, ADIT_COMMAND_NONE },
        { "version", ADIT_COMMAND_VERSION, ADIT_COMMAND_NONE },
        { "--version", ADIT_COMMAND_VERSION, ADIT_COMMAND_NONE },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(lines); i++) {
        if (load(lines[i].line, no_env, NULL) != 0)
            fail_msg("%s: %s", lines[i].line, error.text);
        assert_int_equal(o.command, lines[i].command);
        assert_int_equal(o.topic, lines[i].topic);
        adit_options_free(&o);
    }
}

static const struct {
    const char *line, *error;
} wrong[] = {
    { "", "what shall I do" },
    { "-v", "what shall I do" },
    { "ofer", "Did you mean offer?" },
    { "xyzzy", "unknown: xyzzy" },
    { "offer answer", "not understood: \"answer\"" },
    { "help offer answer", "not understood" },
    { "help ofer", "Did you mean offer?" },
    { "offer --stnu x", "Did you mean --stun?" },
    { "offer --addres 10.0.0.1/24", "Did you mean --address?" },
    { "offer --max-retrans 1", "Did you mean --max-retransmits?" },
    { "offer --xyzzy", "unknown: --xyzzy. Try `adit help`" },
    { "offer -X", "unknown: -X" },
    { "offer --stun", "--stun needs a value: HOST[:PORT]" },
    { "offer -m", "--mode needs a value" },
    { "offer --stun=", "empty" },
    { "offer --mode fax", "choose one of chat|json" },
    { "offer --mode ch", "choose one of" },
    { "offer --mode chat|json", "choose one of" },
    { "offer --qr=maybe", "takes no value" },
    { "offer --mtu 575", "a number from 576 to 65535" },
    { "offer --mtu 65536", "a number from 576" },
    { "offer --mtu x", "a number from 576" },
    { "offer --mtu 1280x", "a number from 576" },
    { "offer --max-retransmits -1", "a number from 0" },
    { "offer --timeout soon", "a time such as" },
    { "offer --timeout 5d", "a time such as" },
    { "offer --timeout -1", "a time such as" },
    { "offer --udp-port 0", "a port, or two" },
    { "offer --udp-port 70000", "a port, or two" },
    { "offer --udp-port 5-4", "a port, or two" },
    { "offer --udp-port 5-", "a port, or two" },
    { "offer --max-retransmits 1 --max-lifetime 1", "only one" },
    { "offer --key k", "--key needs --cert" },
    { "offer --cert c --identity i", "only one" },
    { "version --stun x", "--stun is no option of `adit version`" },
    { "offer --man", "--man is no option of `adit offer`" },
    { "bench a --mode tun", "--mode is no option of `adit bench`" },
    { "bench --seconds 0", "a number from 1 to 60" },
    { "bench --seconds 61", "a number from 1 to 60" },
    { "offer --mode bench --unordered", "--mode bench needs an ordered channel" },
    { "offer -- --qr", "not understood: \"--qr\"" },
    { "offer --mode \x1b[2J", "--mode ?[2J" },
    { "offer --config /nonexistent", "/nonexistent: No such file" },
};

static void test_wrong_lines(void **state)
{
    static const struct adit_options empty;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(wrong); i++) {
        int err = load(wrong[i].line, no_env, NULL);
        if (err != -EINVAL || !strstr(error.text, wrong[i].error))
            fail_msg("%s: %d %s", wrong[i].line, err, error.text);
        assert_memory_equal(&o, &empty, sizeof o);
    }
}

static void test_list_limit(void **state)
{
    char *argv[ADIT_OPTION_LIST_MAX + 3] = { "adit", "offer" };

    (void)state;
    for (int i = 0; i <= ADIT_OPTION_LIST_MAX; i++)
        argv[i + 2] = "--stun=x";
    assert_int_equal(adit_options_load(&o, ADIT_OPTION_LIST_MAX + 2, argv, no_env, NULL, &error),
                     0);
    adit_options_free(&o);
    assert_int_equal(adit_options_load(&o, ADIT_OPTION_LIST_MAX + 3, argv, no_env, NULL, &error),
                     -EINVAL);
    assert_non_null(strstr(error.text, "more than 64"));
}

/* ---- environment ---------------------------------------------------------------------------- */

static void test_environment(void **state)
{
    char *const env[] = { "MODE=json",      "ICE_URLS=stun:a:1, stun:b:2 stun:c",
                          "ADIT_MTU=1400",  "DATA_CHANNEL_LABEL=mvp",
                          "ADIT_QR=yes",    "ADIT_LABEL=",
                          "STUN_HOST=d",    "MODERN=x",
                          "LOG_LEVEL=WARN", NULL };

    (void)state;
    assert_int_equal(load("offer --mtu 1300", env, NULL), 0);
    assert_int_equal(o.mode, ADIT_MODE_JSON);
    assert_int_equal(o.stun.count, 3);
    assert_string_equal(o.stun.items[1], "stun:b:2");
    assert_int_equal(o.mtu, 1300);
    assert_string_equal(o.label, "mvp");
    assert_true(o.qr);
    assert_int_equal(o.log_level, ADIT_LOG_WARN);
    adit_options_free(&o);
    assert_int_equal(load("offer --stun only", env, NULL), 0);
    assert_int_equal(o.stun.count, 1);
    adit_options_free(&o);
    assert_int_equal(load("version", env, NULL), 0); /* what does not matter is not looked at */
    adit_options_free(&o);
}

static void test_stun_host(void **state)
{
    static const struct {
        char *host, *port;
        const char *stun; /* NULL: refused */
    } rows[] = {
        { "STUN_HOST=a.example", "STUN_PORT=19302", "a.example:19302" },
        { "STUN_HOST=a.example", NULL, "a.example:3478" },
        { "STUN_HOST=2001:db8::1", "STUN_PORT=5", "[2001:db8::1]:5" },
        { "STUN_HOST=[2001:db8::1]", "STUN_PORT=5", "[2001:db8::1]:5" },
        { "STUN_HOST=a", "STUN_PORT=0", NULL },
        { "STUN_HOST=a", "STUN_PORT=x", NULL },
        { "STUN_HOST=a", "STUN_PORT=65536", NULL },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        char *const env[] = { rows[i].host, rows[i].port, NULL };
        int err = load("pair", env, NULL);
        assert_int_equal(err, rows[i].stun ? 0 : -EINVAL);
        if (err == 0) {
            assert_int_equal(o.stun.count, 1);
            assert_string_equal(o.stun.items[0], rows[i].stun);
            adit_options_free(&o);
        }
    }
}

static void test_wrong_environment(void **state)
{
    static const struct {
        char *env;
        const char *error;
    } rows[] = {
        { "MODE=fax", "MODE=fax in the environment: choose one of" },
        { "ADIT_MTU=9", "ADIT_MTU=9 in the environment: a number" },
        { "ADIT_QR=maybe", "say yes or no" },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        char *const env[] = { rows[i].env, NULL };
        assert_int_equal(load("offer", env, NULL), -EINVAL);
        if (!strstr(error.text, rows[i].error))
            fail_msg("%s", error.text);
    }
}

/* ---- help and manual page ------------------------------------------------------------------- */

static void test_help_names_everything(void **state)
{
    struct adit_buf b;

    (void)state;
    adit_buf_init(&b, 1 << 16);
    adit_options_help(&b, ADIT_COMMAND_OFFER);
    const char *text = adit_buf_str(&b);
    assert_non_null(strstr(text, "usage: adit offer [OPTION...]"));
    assert_non_null(strstr(text, "  -m, --mode MODE"));
    assert_non_null(strstr(text, "  -t, --timeout TIME"));
    assert_non_null(strstr(text, "[MODE]"));
    assert_null(strstr(text, "--man"));
    for (const char *p = text, *end; *p; p = end + 1) {
        end = strchr(p, '\n');
        assert_true(end - p <= 80);
    }
    adit_buf_consume(&b, b.len);
    adit_options_help(&b, ADIT_COMMAND_NONE);
    for (enum adit_command i = 0; i < ADIT_COMMAND_COUNT; i++)
        assert_non_null(strstr(adit_buf_str(&b), adit_command_name(i)));
    adit_buf_done(&b);
}

static void test_manual_page_is_current(void **state)
{
    static char stored[1 << 16];
    struct adit_buf b;

    (void)state;
    adit_buf_init(&b, sizeof stored);
    adit_options_man(&b);
    FILE *f = fopen("docs/adit.1", "rb");
    if (!f)
        fail_msg("docs/adit.1: run this from the top of the tree");
    size_t n = fread(stored, 1, sizeof stored - 1, f);
    fclose(f);
    if (n != b.len || memcmp(stored, b.data, n) != 0)
        fail_msg("docs/adit.1 is out of date: adit help --man >docs/adit.1");
    adit_buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_all_forms),
        cmocka_unit_test(test_bench),
        cmocka_unit_test(test_servers_of_our_own),
        cmocka_unit_test(test_help_and_version),
        cmocka_unit_test(test_wrong_lines),
        cmocka_unit_test(test_list_limit),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_stun_host),
        cmocka_unit_test(test_wrong_environment),
        cmocka_unit_test(test_help_names_everything),
        cmocka_unit_test(test_manual_page_is_current),
    };

    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
