/* What programs are told of changes: lines of JSON, and a program that is run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <fcntl.h>
#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/notify.h"
#include "wait.h"

static struct adit_loop *loop;
static unsigned fds_before;
static char dir[32], fifo[48];

/* What comes out at the other end, until there are as many lines as wanted, or those words. */
static struct adit_io io;
static const char *words;
static char text[512 * 1024];
static size_t len;
static unsigned lines, wanted, enough;

static int setup(void **state)
{
    (void)state;
    fds_before = open_fds();
    loop = adit_loop_new();
    snprintf(dir, sizeof dir, "/tmp/adit-notify-XXXXXX");
    len = lines = enough = 0;
    words = NULL;
    if (!loop || !mkdtemp(dir))
        return -1;
    snprintf(fifo, sizeof fifo, "%s/fifo", dir);
    return mkfifo(fifo, 0600);
}

static int teardown(void **state)
{
    (void)state;
    loop = adit_loop_free(loop);
    unlink(fifo);
    rmdir(dir);
    return open_fds() == fds_before ? 0 : -1;
}

static void on_ready(struct adit_io *ready, uint32_t events, adit_time now)
{
    ssize_t n = read(ready->fd, text + len, sizeof text - 1 - len);

    (void)events, (void)now;
    assert_true(n > 0);
    for (ssize_t i = 0; i < n; i++)
        lines += text[len + (size_t)i] == '\n';
    len += (size_t)n;
    text[len] = '\0';
    enough = lines >= wanted || (words && strstr(text, words));
}

static void expect_lines(int fd, unsigned n)
{
    wanted = n;
    assert_int_equal(adit_io_start(&io, loop, fd, EPOLLIN, on_ready, "reader"), 0);
    assert_true(wait_for(loop, &enough));
    adit_io_stop(&io);
}

static void is_line(json_t *line, const char *event, const char *peer, const char *at,
                    const char *reason)
{
    const char *why = json_string_value(json_object_get(line, "reason"));

    assert_true(json_is_integer(json_object_get(line, "time")));
    assert_string_equal(json_string_value(json_object_get(line, "event")), event);
    assert_string_equal(json_string_value(json_object_get(line, "peer")), peer);
    assert_string_equal(json_string_value(json_object_get(line, "state")), at);
    assert_string_equal(why ? why : "", reason);
    json_decref(line);
}

static void a_line_for_each(void **state)
{
    struct adit_cause cause = { .reason = ADIT_REASON_TIMEOUT, .text = "no \"answer\"" };
    struct adit_notify_conf conf = { 0 };
    struct adit_notify *n;
    int ends[2];
    const char *at = text;

    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    conf.events = ends[1];
    assert_int_equal(adit_notify_new(&n, loop, &conf), 0);
    adit_notify_state(n, "signaling", "", "joined", NULL);
    adit_notify_state(n, "peer", "b\x1b[2Jb\n", "failed", &cause);
    expect_lines(ends[0], 2);
    is_line(json_loads(at, JSON_DISABLE_EOF_CHECK, NULL), "signaling", "", "joined", "");
    at = strchr(at, '\n') + 1;
    is_line(json_loads(at, JSON_DISABLE_EOF_CHECK, NULL), "peer", "b?[2Jb?", "failed",
            "no \"answer\"");
    adit_notify_free(n);
    close(ends[0]);
    close(ends[1]);
}

/* A reader that does not read loses lines, and is told how many. */
static void who_does_not_read_is_told(void **state)
{
    enum { ALL = 5000 };
    struct adit_notify_conf conf = { 0 };
    struct adit_notify *n;
    unsigned lost = 0;
    int ends[2];

    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    conf.events = ends[1];
    assert_int_equal(adit_notify_new(&n, loop, &conf), 0);
    for (int i = 0; i < ALL; i++)
        adit_notify_state(n, "peer", "bob", "connecting", NULL);
    words = "{\"event\":\"lost\"";
    expect_lines(ends[0], UINT32_MAX);
    assert_int_equal(sscanf(strstr(text, words), "{\"event\":\"lost\",\"lines\":%u}\n", &lost), 1);
    assert_true(lost > 0 && lost < ALL);
    assert_int_equal(lines - 1 + lost, ALL);
    adit_notify_free(n);
    close(ends[0]);
    close(ends[1]);
}

/* One run at a time; of what a peer goes through meanwhile, the last counts. */
static void a_program_is_run(void **state)
{
    struct adit_cause cause = { .reason = ADIT_REASON_REMOTE, .text = "$(id); it closed" };
    char command[160];
    struct adit_notify_conf conf = { .events = -1, .on_state = command };
    struct adit_notify *n;
    int fd = open(fifo, O_RDWR | O_CLOEXEC);

    (void)state;
    assert_true(fd >= 0);
    snprintf(command, sizeof command,
             "sh -c 'echo \"$ADIT_EVENT,$ADIT_PEER,$ADIT_STATE,$ADIT_REASON\" >%s; exit 1'", fifo);
    assert_int_equal(adit_notify_new(&n, loop, &conf), 0);
    adit_notify_state(n, "peer", "bob", "connecting", NULL);
    adit_notify_state(n, "peer", "bob", "connected", NULL);
    adit_notify_state(n, "peer", "carol", "connected", NULL);
    adit_notify_state(n, "signaling", "", "down", NULL);
    adit_notify_state(n, "peer", "bob", "closed", &cause);
    expect_lines(fd, 4);
    assert_string_equal(text, "peer,bob,connecting,\n"
                              "peer,carol,connected,\n"
                              "signaling,,down,\n"
                              "peer,bob,closed,$(id); it closed\n");
    adit_notify_state(n, "peer", "bob", "connecting", NULL);
    adit_notify_free(n); /* in the middle of it */
    close(fd);
}

static void a_program_that_is_none_stops_nothing(void **state)
{
    struct adit_notify_conf conf = { .events = -1, .on_state = "/nonexistent/program" };
    struct adit_notify *n;

    (void)state;
    assert_int_equal(adit_notify_new(&n, loop, &conf), 0);
    for (int i = 0; i < 3; i++) {
        adit_notify_state(n, "peer", "bob", "connecting", NULL);
        assert_int_equal(adit_loop_process(loop), 0);
    }
    adit_notify_free(n);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(a_line_for_each),
        TEST(who_does_not_read_is_told),
        TEST(a_program_is_run),
        TEST(a_program_that_is_none_stops_nothing),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
