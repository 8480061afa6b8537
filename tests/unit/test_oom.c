/* The way to a connection, a message over it and its end, out of memory at every allocation. Each
 * run ends in order: an error, FAILED, or simply no connection, and nothing is left behind (the
 * sanitizer looks). */
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
#include "unit/engine_pair.h"
#include "unit/wait.h"

#define QUIET_MS 5

/* ---- the engine, on a simulated clock -------------------------------------------------------- */

static bool message_came(struct engine_pair *p)
{
    return p->side[1].messages > 0 || engine_over(p);
}

static bool connected_or_over(struct engine_pair *p)
{
    return engine_connected(p) || engine_over(p);
}

/* True if all went well. */
static bool engine_life(struct engine_pair *p)
{
    for (int i = 0; i < 2; i++)
        if (!engine_start(&p->side[i]))
            return false;
    if (!engine_open(&p->side[0], "memory") || engine_hand_over(&p->side[0], NULL, NULL) < 0 ||
        engine_hand_over(&p->side[1], NULL, NULL) < 0 ||
        !engine_run(p, 60 * ADIT_SEC, connected_or_over) || !engine_connected(p) ||
        adit_channel_send(p->side[0].channel, "hello", 5, true, p->now) < 0 ||
        !engine_run(p, 60 * ADIT_SEC, message_came))
        return false;
    for (int i = 0; i < 2; i++)
        adit_engine_close(p->side[i].e, p->now);
    return engine_run(p, 60 * ADIT_SEC, engine_over) && p->side[1].messages == 1;
}

static void engines(void **state)
{
    bool well = false;
    uint64_t n;

    (void)state;
    for (n = 0; !well && n < 100000; n++) {
        struct engine_pair p;

        engine_pair_init(&p);
        p.delay = ADIT_MS;
        adit_alloc_fail_at(n);
        well = engine_life(&p);
        engine_pair_done(&p);
        adit_alloc_fail_at(UINT64_MAX);
        for (int i = 0; i < 2; i++)
            if (p.side[i].cause.reason == ADIT_REASON_NOT_AUTHENTIC)
                fail_msg("allocation %llu: %s", (unsigned long long)n, p.side[i].cause.text);
    }
    assert_true(well);
    assert_true(n > 50); /* it was tried indeed */
}

/* ---- the public API, on loopback ------------------------------------------------------------- */

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

static void api(enum adit_form form)
{
    unsigned fds = open_fds();
    bool well = false;
    uint64_t n;

    for (n = 0; !well && n < 100000; n++) {
        struct end end[2] = { 0 };
        struct adit_loop *loop;

        adit_alloc_fail_at(n);
        loop = adit_loop_new();
        if (loop)
            well = api_life(loop, end, form);
        adit_peer_free(end[0].peer);
        adit_peer_free(end[1].peer);
        adit_loop_free(loop);
        adit_alloc_fail_at(UINT64_MAX);
        assert_int_equal(open_fds(), fds);
    }
    assert_true(well);
    assert_true(n > 50);
}

static void tickets_on_loopback(void **state)
{
    (void)state;
    api(ADIT_FORM_TICKET);
}

static void json_on_loopback(void **state)
{
    (void)state;
    api(ADIT_FORM_JSON);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(engines),
        cmocka_unit_test(tickets_on_loopback),
        cmocka_unit_test(json_on_loopback),
    };

    adit_log_level = ADIT_LOG_ERROR;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
