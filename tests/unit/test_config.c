/* test_config.c - configuration files and .env, good and wrong ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cli/options.h"
#include "cli/tree.h"

static struct adit_options o;
static struct adit_option_error error;
static char path[64];
static char *const no_env[] = { NULL };

static const char *file_of(const void *bytes, size_t n)
{
    strcpy(path, "/tmp/adit-config-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, n), (ssize_t)n);
    close(fd);
    return path;
}

static int load(char *command, char *const *env, const char *dotenv, const char *config)
{
    char *argv[] = { "adit", command, "--label=line", "--config", (char *)config, NULL };

    error = (struct adit_option_error){ .text = "" };
    return adit_options_load(&o, config ? 5 : 3, argv, env, dotenv, &error);
}

/* A file with this text, which is removed again. */
static int load_text(char *command, const char *text)
{
    int err = load(command, no_env, NULL, file_of(text, strlen(text)));

    unlink(path);
    return err;
}

static void check_error(const char *name, int err, const char *wanted)
{
    char where[128];

    if (err != -EINVAL || !strstr(error.text, wanted))
        fail_msg("%s: %d '%s', wanted '%s'", name, err, error.text, wanted);
    if (wanted[0] == ':' &&
        error.text[0] == '/') { /* the whole of it: the path, the line, and so on */
        snprintf(where, sizeof where, "%s%s", path, wanted);
        assert_memory_equal(error.text, where, strlen(where));
    }
}

/* ---- .env ------------------------------------------------------------------------------------ */

static int load_dotenv(const char *text, char *const *env)
{
    int err = load("offer", env, file_of(text, strlen(text)), NULL);

    unlink(path);
    return err;
}

static void test_dotenv(void **state)
{
    char *const env[] = { "ADIT_MTU=1400", NULL };

    (void)state;
    assert_int_equal(
        load_dotenv("# comment\n\nexport MODE = 'bytes' # c\r\nADIT_TIMEOUT=5\nADIT_MTU=1300 # x\n"
                    "ICE_URL=\"stun:a#b\"\nnonsense\n=x\nADIT_UP=/tmp/evil\nADIT_IDENTITY=/tmp/e\n"
                    "X=\nADIT_TIMEOUT=7",
                    env),
        0);
    assert_int_equal(o.mode, ADIT_MODE_BYTES);
    assert_int_equal(o.mtu, 1400);
    assert_int_equal(o.timeout, 7 * ADIT_SEC); /* as in a shell: the last one */
    assert_string_equal(o.stun.items[0], "stun:a#b");
    assert_null(o.up); /* such a file does not choose programs */
    assert_null(o.identity);
    adit_options_free(&o);
    assert_int_equal(load("offer", env, "/nonexistent/.env", NULL), 0); /* not there: fine */
    adit_options_free(&o);
}

static void test_wrong_dotenv(void **state)
{
    static char many[513 * 8 + 1];
    char *at = many;

    (void)state;
    check_error("value", load_dotenv("\n\nMODE=fax\n", no_env), "MODE=fax in /tmp/adit-config-");
    check_error("its line", -EINVAL, ":3: choose one of");
    check_error("port", load_dotenv("STUN_HOST=a\nSTUN_PORT=0\n", no_env), ":1: the port");
    assert_int_equal(load("offer", no_env, file_of("MODE=\0x", 7), NULL), -EINVAL);
    unlink(path);
    check_error("binary", -EINVAL, ": this is no text");
    for (int i = 0; i < 512; i++)
        at += sprintf(at, "A%03d=1\n", i);
    assert_int_equal(load_dotenv(many, no_env), 0);
    adit_options_free(&o);
    strcpy(at, "MODE=x\n");
    check_error("too many", load_dotenv(many, no_env), "more than 512 variables");
}

/* ---- both forms ------------------------------------------------------------------------------ */

static const struct {
    const char *name, *text;
} good[] = {
    { "JSON",
      " {\"mode\":\"tap\",\"mtu\":1300,\"qr\":true,\"stun\":[\"a\",\"b\"],\"label\":\"x\"}" },
    { "BOM and CRLF", "\xef\xbb\xbf{\r\n\"mode\":\"tap\",\"mtu\":\"1300\",\r\n\"qr\":\"Yes\","
                      "\"ice_url\":\"a\",\"ice-urls\":[\"b\"]}\r\n" },
    { "escapes",
      "{\"m\\u006fde\":\"\\u0074ap\",\"mtu\":1300,\"qr\":true,\"stun\":[\"\\u0061\",\"b\"]}" },
    { "null says nothing", "{\"mode\":\"tap\",\"mtu\":1300,\"qr\":true,\"stun\":[\"a\",\"b\"],"
                           "\"up\":null,\"peers\":null}" },
#ifdef ADIT_HAVE_YAML
    { "YAML", "# us\nmode: tap\nmtu: 1300\nqr: yes\nstun:\n  - a\n  - b\nlabel: x\n" },
    { "YAML flow", "---\nmode: tap\nmtu: '1300'\nqr: true\nstun: [a, b]\nlabel: \"x\"\n...\n" },
    { "YAML CRLF",
      "mode: tap\r\nmtu: 1300\r\nqr: on\r\nstun:\r\n- a\r\n- b\r\nup:\r\ndown: ~\r\n" },
#endif
};

static void test_good_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < ADIT_LEN(good); i++) {
        if (load_text("offer", good[i].text) < 0)
            fail_msg("%s: %s", good[i].name, error.text);
        assert_int_equal(o.mode, ADIT_MODE_TAP);
        assert_int_equal(o.mtu, 1300);
        assert_true(o.qr);
        assert_int_equal(o.stun.count, 2);
        assert_string_equal(o.stun.items[1], "b");
        assert_string_equal(o.label, "line");
        assert_null(o.up);
        adit_options_free(&o);
    }
}

static const struct {
    const char *name, *text, *error;
} wrong[] = {
    { "cut JSON", "{\"mode\":", ":1: not JSON at line 1" },
    { "JSON, then more", "{}\n{}", ":2: not JSON" },
    { "comma too many", "{\"mode\":\"tap\",\n}", ":2: not JSON" },
    { "unknown key", "{\n\"stnu\":\"a\"}", ":2: stnu: unknown. Did you mean stun?" },
    { "variable that is nearly one", "{\"signalling_url\":1}",
      ":1: signalling_url: unknown. Did you mean signaling_url?" },
    { "form that is nearly one", "{\"ice_server\":[]}", "Did you mean ice_servers?" },
    { "nothing like it", "{\"xyzzy\":1}", "xyzzy: unknown. `adit config` lists" },
    { "wrong value", "{\"mode\":\n\"tap\",\"mtu\":1}", ":2: mtu: a number from 576" },
    { "number of the wrong kind", "{\"mtu\":1300.0}", "a number from 576" },
    { "no number can be so long",
      "{\"mtu\":1111111111222222222233333333334444444444555555555566666}", "a number from 576" },
    { "even longer",
      "{\"mtu\":"
      "1111111111222222222233333333334444444444555555555566666666667777777777888888888899999}",
      "the number is too long" },
    { "object for a scalar", "{\"mtu\":{}}", ":1: mtu: a value is due, not a mapping" },
    { "object in a list", "{\"stun\":[\n{}]}", ":2: stun: a value is due, not a mapping" },
    { "list for a scalar", "{\"mode\":[\"tap\"]}", ":1: mode: a single value is due" },
    { "list in a list", "{\"stun\":[[\"a\"]]}", "stun: a single value is due" },
    { "null in a list", "{\"stun\":[null]}", "stun: a single value is due" },
    { "a file in a file", "{\"config\":\"x\"}", "config: unknown" },
    { "twice", "{\"mode\":\"tap\",\n\n\"mode\":\"tun\"}",
      ":3: mode is there twice, first in line 1" },
    { "twice, by two names", "{\"id\":\"a\",\n\"agent_id\":\"b\"}",
      ":2: agent_id: this is --id, which line 1 has said" },
    { "zero byte in a value", "{\"label\":\"a\\u0000b\"}", ":1: a text with a zero byte" },
    { "zero byte in a name", "{\"a\\u0000b\":1}", ":1: " },
    { "half a surrogate pair", "{\"label\":\"\\ud800\"}", ":1: " },
    { "UTF-16", "\xff\xfe{}", ":1: this is no text" },
    { "not UTF-8", "{\"label\":\n\"\xc3\"}", ":2: this is no text" },
    { "nine deep", "{\"peers\":{\"a\":{\"b\":[[[[[[1]]]]]]}}}", "nested more than 8 deep" },
    { "servers as a number", "{\"ice_servers\":[{\"urls\":{}}]}", "ice_servers: a value is due" },
    { "server without urls", "{\"ice_servers\":[\n{\"username\":\"x\"}]}",
      ":2: ice_servers: urls is missing" },
    { "server with more", "{\"ice_servers\":[{\"urls\":\"a\",\"credentials\":\"x\"}]}",
      "credentials: unknown. Did you mean credential?" },
    { "server with an odd name", "{\"ice_servers\":[{\"urls\":\"a\",\"username\":[]}]}",
      "username: a single value" },
    { "login as a list", "{\"ice_username\":[]}", "ice_username: a single value" },
    { "STUN port", "{\"stun_host\":\"a\",\"stun_port\":65536}", "stun_host: the port is a number" },
    { "how often", "{\"verbose\":10}", "verbose: say yes, no, or a number up to 9" },
    { "terminal", "{\"\\u001b[2J\":1}", ":1: ?[2J: unknown" },
    { "peers as a list", "{\"peers\":[]}", ":1: peers: a mapping of names" },
    { "a peer as a word", "{\"peers\":{\n\"a\":\"b\"}}", ":2: a: a mapping is due" },
    { "a peer without a name", "{\"peers\":{\"\":{}}}", "a section without a name" },
    { "the same peer", "{\"peers\":{\"a\":{},\n\"a\":{}}}", ":2: a is there twice" },
    { "unknown in a section", "{\"peers\":{\"a\":{\n\"rute\":1}}}",
      ":2: peers, a: rute: unknown. Did you mean route?" },
    { "fingerprint, nearly", "{\"peers\":{\"a\":{\"fingerprnt\":1}}}",
      "Did you mean fingerprint?" },
    { "for all in a section", "{\"peers\":{\"a\":{\"mode\":\"tun\"}}}",
      ":1: peers, a: mode: this is not for one peer" },
    { "wrong in a section", "{\"peers\":{\"a\":{\n\"mtu\":9}}}", ":2: peers, a: mtu: a number" },
#ifdef ADIT_HAVE_YAML
    { "YAML nested", "mode:\n  deep: 1\n", ":1: mode: a value is due, not a mapping" },
    { "YAML list at the top", "- mode\n", ":1: one mapping" },
    { "YAML word at the top", "mode\n", ":1: one mapping" },
    { "YAML list for a scalar", "mode: [tap]\n", ":1: mode: a single value" },
    { "YAML anchor", "label: &x 1\n", ":1: anchors" },
    { "YAML alias", "label: x\nid: *x\n", ":2: anchors" },
    { "YAML merge", "peers:\n  a: &x\n    mtu: 1300\n  b:\n    <<: *x\n", ":2: anchors" },
    { "YAML tag", "label: !!str 1\n", ":1: anchors" },
    { "YAML second document", "label: x\n---\nlabel: y\n", ":2: a second document" },
    { "YAML mapping as a name", "? {a: b}\n: c\n", ":1: a name is due" },
    { "YAML twice", "mode: tap\nmtu: 1300\nmode: tun\n",
      ":3: mode is there twice, first in line 1" },
    { "YAML zero byte", "label: \"a\\0b\"\n", ":1: a text with a zero byte" },
    { "YAML tab", "peers:\n  a:\n\tmtu: 1300\n", ":3: a tab: YAML wants blanks" },
    { "YAML cut", "stun: [a\n", "not YAML: " },
    { "YAML dedent", "stun:\n    - a\n  - b\n", "not YAML: " },
    { "YAML control character", "label: a\x01\n", "not YAML" },
    { "YAML deep", "stun: [[[[[[[[[[[[", ":1: nested more than 8 deep" },
    { "YAML unknown", "mtuu: 1300\n", ":1: mtuu: unknown. Did you mean mtu?" },
#else
    { "YAML", "mode: tap\n", "built without YAML" },
#endif
};

static void test_wrong_files(void **state)
{
    static const struct adit_options empty;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(wrong); i++) {
        check_error(wrong[i].name, load_text("listen", wrong[i].text), wrong[i].error);
        assert_memory_equal(&o, &empty, sizeof o);
    }
}

static void test_empty_files(void **state)
{
    static const char *const texts[] = { "", "\n", " \r\n\t\n", "{}", "\xef\xbb\xbf" };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(texts); i++) {
        assert_int_equal(load_text("offer", texts[i]), 0);
        adit_options_free(&o);
    }
    check_error("a directory", load("offer", no_env, NULL, "/tmp"), "/tmp: Is a directory");
    check_error("not there", load("offer", no_env, NULL, "/nonexistent"), "No such file");
}

/* ---- limits ---------------------------------------------------------------------------------- */

static void test_size(void **state)
{
    static char big[ADIT_OPTION_FILE_MAX + 2];

    (void)state;
    memset(big, ' ', sizeof big - 1);
    memcpy(big, "{}", 2);
    check_error("one byte more", load_text("offer", big), "too large: at most 64 KiB");
    big[ADIT_OPTION_FILE_MAX] = '\0';
    assert_int_equal(load_text("offer", big), 0);
    adit_options_free(&o);
}

/* {"stun":[[…]]}: as many values, as deep. The tree itself is asked, for no option takes so much.
 */
static int read_json(size_t values, unsigned depth)
{
    struct adit_buf b;
    struct adit_tree t;
    int err;

    adit_buf_init(&b, 1 << 20);
    for (unsigned i = 1; i < depth; i++)
        adit_buf_printf(&b, "[");
    for (size_t i = depth - 1; i < values; i++)
        adit_buf_printf(&b, "%s1", i < depth ? "" : ",");
    for (unsigned i = 1; i < depth; i++)
        adit_buf_printf(&b, "]");
    t = (struct adit_tree){ .path = "x" };
    err = adit_tree_json(&t, (const char *)b.data, b.len, &error);
    adit_tree_free(&t);
    adit_buf_done(&b);
    return err;
}

static void test_tree_limits(void **state)
{
    (void)state;
    assert_int_equal(read_json(ADIT_TREE_NODES_MAX, 2), 0);
    assert_int_equal(read_json(ADIT_TREE_NODES_MAX + 1, 2), -EINVAL);
    assert_string_equal(error.text, "x:1: more than 4096 values");
    assert_int_equal(read_json(ADIT_TREE_DEPTH_MAX, ADIT_TREE_DEPTH_MAX), 0);
    assert_int_equal(read_json(ADIT_TREE_DEPTH_MAX + 1, ADIT_TREE_DEPTH_MAX + 1), -EINVAL);
    assert_string_equal(error.text, "x:1: nested more than 8 deep");
}

static void test_many_peers(void **state)
{
    struct adit_buf b;

    (void)state;
    adit_buf_init(&b, ADIT_OPTION_FILE_MAX);
    adit_buf_printf(&b, "{\"peers\":{");
    for (int i = 0; i < ADIT_OPTION_PEERS_MAX; i++)
        adit_buf_printf(&b, "%s\"p%d\":{\"route\":\"10.%d.0.0/16\"}", i ? "," : "", i, i);
    size_t len = b.len;
    adit_buf_printf(&b, "}}");
    assert_int_equal(load_text("listen", adit_buf_str(&b)), 0);
    assert_int_equal(o.section_count, ADIT_OPTION_PEERS_MAX);
    adit_options_free(&o);
    b.len = len;
    adit_buf_printf(&b, ",\"more\":{}}}");
    check_error("one more", load_text("listen", adit_buf_str(&b)), "more: more than 256 peers");
    adit_buf_done(&b);
}

/* ---- the forms of other programs ------------------------------------------------------------- */

#define AGENT                                                                               \
    "\"agent_id\": \"my-agent\", \"signaling_url\": \"wss://signaling.example.com\","       \
    "\"signaling_token\": \"secret-token\", \"mode\": \"chat\", \"data_channel_label\": 1," \
    "\"ice_servers\": [{\"urls\": \"stun:stun.example.org:19302\"},"                        \
    "{\"urls\": [\"turn:turn.example.com:3478\", \"stun:b\"], \"username\": \"user\","      \
    "\"credential\": \"pass\"}, \"stun:c\"], \"ice_username\": \"x\", \"ice_credential\": \"y\""

static void check_agent(void)
{
    assert_string_equal(o.id, "my-agent");
    assert_string_equal(o.signal, "wss://signaling.example.com");
    assert_string_equal(o.token, "secret-token");
    assert_int_equal(o.mode, ADIT_MODE_CHAT);
    assert_int_equal(o.stun.count, 3);
    assert_string_equal(o.stun.items[0], "stun:stun.example.org:19302");
    assert_string_equal(o.stun.items[1], "stun:b");
    assert_string_equal(o.stun.items[2], "stun:c");
    assert_int_equal(o.turn.count, 1);
    assert_string_equal(o.turn.items[0], "turn:turn.example.com:3478");
    assert_string_equal(o.turn_user, "user");
    assert_string_equal(o.turn_password, "pass");
    assert_int_equal(o.warnings.count, 0);
    adit_options_free(&o);
}

static void test_agent_file(void **state)
{
    (void)state;
    assert_int_equal(load_text("listen", "{" AGENT "}"), 0);
    check_agent();
#ifdef ADIT_HAVE_YAML
    assert_int_equal(load_text("connect",
                               "# config.yaml\nagent_id: \"my-agent\"\n"
                               "signaling_url: \"wss://signaling.example.com\"\n"
                               "signaling_token: \"secret-token\"\nmode: \"chat\"\nice_servers:\n"
                               "  - urls: \"stun:stun.example.org:19302\"\n"
                               "  - urls: [\"turn:turn.example.com:3478\", \"stun:b\"]\n"
                               "    username: \"user\"\n    credential: \"pass\"\n  - stun:c\n"),
                     0);
    check_agent();
#endif
}

static void test_stun_host(void **state)
{
    (void)state;
    assert_int_equal(load_text("offer", "{\"stun_port\":5,\"stun_host\":\"2001:db8::1\"}"), 0);
    assert_string_equal(o.stun.items[0], "[2001:db8::1]:5");
    adit_options_free(&o);
    assert_int_equal(load_text("offer", "{\"stun_host\":\"a\",\"stun\":\"b\"}"), 0);
    assert_int_equal(o.stun.count, 1);
    assert_string_equal(o.stun.items[0], "b");
    adit_options_free(&o);
}

/* ---- which counts more ----------------------------------------------------------------------- */

static void test_precedence(void **state)
{
    char *const env[] = { "DATA_CHANNEL_LABEL=env", "ADIT_MTU=1301", NULL };
    static const char dotenv_text[] = "ADIT_LABEL=x\nADIT_MTU=1302\nADIT_TIMEOUT=2\n";
    static const char config_text[] =
        "{\"label\":\"x\",\"mtu\":1303,\"timeout\":3,\"room\":\"x\",\n\"route\":[\"a\",\n\"b\"]}";
    char dotenv[64];

    (void)state;
    file_of(dotenv_text, strlen(dotenv_text));
    strcpy(dotenv, path);
    file_of(config_text, strlen(config_text));
    assert_int_equal(load("listen", env, dotenv, path), 0);
    unlink(path);
    unlink(dotenv);
    assert_string_equal(o.label, "line");
    assert_string_equal(o.where[ADIT_OPTION_label], "--label");
    assert_int_equal(o.mtu, 1301);
    assert_string_equal(o.where[ADIT_OPTION_mtu], "ADIT_MTU in the environment");
    assert_int_equal(o.timeout, 2 * ADIT_SEC);
    assert_memory_equal(o.where[ADIT_OPTION_timeout], "ADIT_TIMEOUT in /tmp/adit-config-", 33);
    assert_non_null(strstr(o.where[ADIT_OPTION_timeout], ":3"));
    assert_string_equal(o.room, "x");
    assert_non_null(strstr(o.where[ADIT_OPTION_route], ":2")); /* where the list begins */
    assert_null(o.where[ADIT_OPTION_mode]);
    adit_options_free(&o);
}

/* ---- peers ----------------------------------------------------------------------------------- */

static const char sections[] =
    "{\"mtu\":1300,\"ifname\":\"vpn%d\",\"route\":[\"10.0.0.0/8\"],\n\"peers\":{\"a\":"
    "{\"fingerprint\":[\"sha-256 AB\",\"sha-256 CD\"],\"address\":\"10.9.0.1/30\",\n"
    "\"peer_address\":\"10.9.0.2\",\"route\":[\"10.1.0.0/16\",\"10.2.0.0/16\"],\"mtu\":1400},\n"
    "\"b\":null,\"c\":{\"allowed-ips\":\"10.3.0.0/16\",\"ifname\":\"c0\"}}}";

static void test_peers(void **state)
{
    char *const env[] = { "ADIT_IFNAME=all", NULL };
    struct adit_options view;

    (void)state;
    assert_int_equal(load_text("listen", sections), 0);
    assert_int_equal(o.section_count, 3);
    assert_string_equal(o.sections[1].name, "b");
    adit_options_view(&o, 0, &view);
    assert_int_equal(view.peer_fingerprint.count, 2);
    assert_string_equal(view.address.items[0], "10.9.0.1/30");
    assert_string_equal(view.peer_address.items[0], "10.9.0.2");
    assert_int_equal(view.route.count, 2);
    assert_string_equal(view.route.items[1], "10.2.0.0/16");
    assert_int_equal(view.mtu, 1400);
    assert_string_equal(view.ifname, "vpn%d"); /* what a section does not say */
    assert_non_null(strstr(view.where[ADIT_OPTION_route], ":3"));
    adit_options_view(&o, 1, &view);
    assert_int_equal(view.route.count, 1);
    assert_int_equal(view.mtu, 1300);
    adit_options_view(&o, 2, &view);
    assert_string_equal(view.ifname, "c0");
    assert_string_equal(view.allowed_ips.items[0], "10.3.0.0/16");
    adit_options_free(&o);
    /* What counts more than the file counts more than its sections. */
    assert_int_equal(load("listen", env, NULL, file_of(sections, strlen(sections))), 0);
    unlink(path);
    adit_options_view(&o, 2, &view);
    assert_string_equal(view.ifname, "all");
    adit_options_free(&o);
}

#ifdef ADIT_HAVE_YAML
static void test_documented_file(void **state)
{
    static char text[1 << 16];
    FILE *f = fopen("docs/config.md", "rb");
    char *start, *end;

    (void)state;
    if (!f)
        fail_msg("docs/config.md: run this from the top of the tree");
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    start = strstr(text, "```yaml\n");
    assert_non_null(start);
    end = strstr(start + 8, "```");
    assert_non_null(end);
    *end = '\0';
    if (load_text("listen", start + 8) < 0)
        fail_msg("%s", error.text);
    assert_string_equal(o.id, "hq");
    assert_int_equal(o.section_count, 2);
    assert_int_equal(o.warnings.count, 0);
    adit_options_free(&o);
}
#endif

/* ---- secrets --------------------------------------------------------------------------------- */

static void test_public_file(void **state)
{
    static const struct {
        const char *text;
        mode_t mode;
        bool warned;
    } rows[] = {
        { "{\"token\":\"x\"}", 0644, true },
        { "{\"signaling_token\":\"x\"}", 0604, true },
        { "{\"password\":\"x\"}", 0644, true },
        { "{\"proxy\":\"http://u:p@h:1\"}", 0644, true },
        { "{\"header\":[\"A: b\"]}", 0644, true },
        { "{\"ice_credential\":\"x\"}", 0644, true },
        { "{\"ice_servers\":[{\"urls\":\"a\",\"credential\":\"x\"}]}", 0644, true },
        { "{\"token\":\"x\"}", 0640, false },
        { "{\"token\":\"\"}", 0644, false },
        { "{\"token\":null}", 0644, false },
        { "{\"proxy\":\"http://h:1\",\"token-file\":\"x\"}", 0644, false },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        file_of(rows[i].text, strlen(rows[i].text));
        assert_int_equal(chmod(path, rows[i].mode), 0);
        assert_int_equal(load("listen", no_env, NULL, path), 0);
        unlink(path);
        if ((o.warnings.count == 1) != rows[i].warned)
            fail_msg("%s: %zu warnings", rows[i].text, o.warnings.count);
        if (rows[i].warned)
            assert_non_null(strstr(o.warnings.items[0], "chmod o-r /tmp/adit-config-"));
        adit_options_free(&o);
    }
    file_of("SIGNALING_TOKEN=x\n", 18);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(load("listen", no_env, path, NULL), 0);
    assert_int_equal(o.warnings.count, 1);
    unlink(path);
    adit_options_free(&o);
}

/* ---- out of memory --------------------------------------------------------------------------- */

/* Every allocation fails once: an error, no leak. */
static void out_of_memory(const char *text)
{
    char *const env[] = { "ICE_URLS=a,turn:b", NULL };
    uint64_t n = 0;
    int err;

    file_of(text, strlen(text));
    do {
        adit_alloc_fail_at(n++);
        err = load("listen", env, NULL, path);
        adit_alloc_fail_at(UINT64_MAX);
        if (err < 0)
            assert_true(error.err == ENOMEM && error.resource);
    } while (err < 0);
    assert_true(n > 8);
    adit_options_free(&o);
    unlink(path);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    out_of_memory(sections);
#ifdef ADIT_HAVE_YAML
    out_of_memory("route: [10.0.0.0/8]\nup: x\npeers:\n  a:\n    mtu: 1300\n");
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dotenv),          cmocka_unit_test(test_wrong_dotenv),
        cmocka_unit_test(test_good_files),      cmocka_unit_test(test_wrong_files),
        cmocka_unit_test(test_empty_files),     cmocka_unit_test(test_size),
        cmocka_unit_test(test_tree_limits),     cmocka_unit_test(test_many_peers),
        cmocka_unit_test(test_agent_file),      cmocka_unit_test(test_stun_host),
        cmocka_unit_test(test_precedence),      cmocka_unit_test(test_peers),
#ifdef ADIT_HAVE_YAML
        cmocka_unit_test(test_documented_file),
#endif
        cmocka_unit_test(test_public_file),     cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
