/* The public API on loopback: the way to a connection, a message over it and its end, out of memory
 * at every allocation, that one alone or all that follow. Each run ends in order: an error, FAILED,
 * or simply no connection, and nothing is left behind (the sanitizer looks). How long it may take
 * then is test_oom_engine's business, where time is simulated. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "adit/adit.h"
#include "base/alloc.h"
#include "base/log.h"
#include "unit/wait.h"

#define QUIET_MS 5

struct end {
    struct adit_peer *peer;
    bool gathered, over;
    unsigned messages;
};

static void on_state(struct adit_peer *peer, enum adit_peer_state st,
                     const struct adit_cause *cause, void *user)
{
    struct end *e = user;

    (void)peer;
    e->over = cause->reason != ADIT_REASON_NONE;
    (void)st;
}

static void on_gathered(struct adit_peer *peer, void *user)
{
    (void)peer;
    ((struct end *)user)->gathered = true;
}

static void on_message(struct adit_dc *dc, const void *bytes, size_t n, enum adit_dc_kind kind,
                       void *user)
{
    (void)dc, (void)bytes, (void)n, (void)kind;
    ((struct end *)user)->messages++;
}

static void on_channel(struct adit_peer *peer, struct adit_dc *dc, void *user)
{
    (void)peer;
    adit_dc_set_callbacks(dc, &(struct adit_dc_callbacks){ .message = on_message }, user);
}

/* Turns of the loop until then; no longer than something happens every few milliseconds, for a
 * connection on loopback never pauses unless it has failed. */
static bool turn_until(struct adit_loop *loop, const bool *flag, const unsigned *count)
{
    for (int quiet = 0; quiet < 4 && !*flag && !*count;) {
        struct pollfd fd = { .fd = adit_loop_fd(loop), .events = POLLIN };
        int ms = adit_loop_timeout_ms(loop);
        bool idle = ms < 0 || ms > QUIET_MS;

        quiet += poll(&fd, 1, idle ? QUIET_MS : ms) == 0 && idle;
        if (adit_loop_process(loop) < 0)
            return false;
    }
    return *flag || *count;
}

static bool hand_over(struct end *from, struct end *to, enum adit_form form)
{
    char text[16384];
    int n = adit_peer_describe(from->peer, form, text, sizeof text);
    struct adit_cause why = { .text = "" };

    if (n < 0) {
        assert_int_equal(n, -ENOMEM);
        return false;
    }
    if (adit_peer_accept(to->peer, text, (size_t)n, &why) == 0)
        return true;
    if (why.reason != ADIT_REASON_RESOURCE) /* the text is good, whatever else is not */
        fail_msg("%s", why.text);
    return false;
}

static bool api_life(struct adit_loop *loop, struct end end[2], enum adit_form form)
{
    static const char *const lo[] = { "lo" };
    struct adit_dc_conf channel = ADIT_DC_CONF;
    struct adit_peer_conf conf = {
        .size = sizeof conf,
        .loopback = true,
        .bind_devs = lo,
        .bind_dev_count = 1,
        .on = { .state = on_state, .gathered = on_gathered, .channel = on_channel },
    };
    struct adit_cause why = { .text = "" };
    static const unsigned none;
    struct adit_dc *dc;
    int err = 0;

    for (int i = 0; i < 2; i++) {
        conf.user = &end[i];
        end[i].peer = adit_peer_new(loop, &conf, &why);
        if (!end[i].peer) {
            assert_int_equal(why.reason, ADIT_REASON_RESOURCE);
            return false;
        }
    }
    adit_peer_offer(end[0].peer);
    dc = adit_dc_open(end[0].peer, &channel, &err);
    if (!dc) {
        assert_int_equal(err, -ENOMEM);
        return false;
    }
    err = adit_dc_send(dc, "hello", 5, ADIT_TEXT);
    if (err) {
        assert_int_equal(err, -ENOMEM);
        return false;
    }
    if (!turn_until(loop, &end[0].gathered, &none) || !turn_until(loop, &end[1].gathered, &none) ||
        !hand_over(&end[0], &end[1], form) || !hand_over(&end[1], &end[0], form) ||
        !turn_until(loop, &end[0].over, &end[1].messages) || end[0].over)
        return false;
    adit_peer_close(end[0].peer);
    return turn_until(loop, &end[0].over, &none) && end[1].messages == 1;
}

static void api(enum adit_form form, void (*fail_from)(uint64_t n))
{
    unsigned fds = open_fds();
    bool well = false, reached = true;
    uint64_t n;

    for (n = 0; reached && n < 100000; n++) {
        struct end end[2] = { 0 };
        struct adit_loop *loop;

        well = false;
        fail_from(n);
        loop = adit_loop_new();
        if (loop)
            well = api_life(loop, end, form);
        adit_peer_free(end[0].peer);
        adit_peer_free(end[1].peer);
        adit_loop_free(loop);
        reached = adit_alloc_count() > n;
        adit_alloc_fail_at(UINT64_MAX);
        assert_int_equal(open_fds(), fds);
    }
    assert_true(well);
    assert_true(n > 50);
}

static void from_now_on_by_ticket(void **state)
{
    (void)state;
    api(ADIT_FORM_TICKET, adit_alloc_fail_at);
}

static void one_alone_by_json(void **state)
{
    (void)state;
    api(ADIT_FORM_JSON, adit_alloc_fail_once);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_now_on_by_ticket),
        cmocka_unit_test(one_alone_by_json),
    };

    adit_log_level = ADIT_LOG_ERROR;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
