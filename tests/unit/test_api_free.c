/* The public API: a peer is freed, or closed, inside every callback there is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "unit/api_pair.h"

static const char *const callbacks[] = {
    "candidate", "last candidate", "gathered", "connecting",     "connected",
    "path",      "channel",        "open",     "message",        "writable",
    "low",       "closed",         "failed",   "channel closed",
};

static const char *trigger;
static unsigned triggered, after_the_end;
static bool closes; /* and does not free */

static void hook(struct api_side *s, const char *callback)
{
    if (!s->peer)
        after_the_end++;
    if (!s->peer || strcmp(callback, trigger) != 0)
        return;
    triggered++;
    if (closes)
        adit_peer_close(s->peer);
    else
        s->peer = adit_peer_free(s->peer);
}

/* ---- a life with everything in it, as far as it goes ------------------------------------------
 */

static bool gone(struct api_pair *p)
{
    for (int i = 0; i < 2; i++)
        if (!p->side[i].peer || adit_peer_state(p->side[i].peer) >= ADIT_PEER_FAILED)
            return true;
    return false;
}

static bool gathered_or_gone(struct api_pair *p)
{
    return gone(p) || api_gathered(p);
}

static bool open_or_gone(struct api_pair *p)
{
    return gone(p) || api_open(p);
}

static bool pushed_or_gone(struct api_pair *p)
{
    return gone(p) || (!p->side[0].pushes && p->side[0].low && p->side[1].low);
}

static bool closed_or_gone(struct api_pair *p)
{
    return gone(p) || (p->side[0].closed && p->side[1].closed);
}

static bool until(struct api_pair *p, bool (*done)(struct api_pair *p))
{
    assert_true(api_until(p, done));
    return !gone(p);
}

static bool hand_over(struct api_side *from, bool forged)
{
    char text[API_TEXT_MAX], *at;
    int n = adit_peer_describe(from->peer, ADIT_FORM_SDP, text, sizeof text);

    assert_true(n > 0);
    at = strstr(text, "a=fingerprint:sha-256 ") + 22;
    if (forged)
        *at = *at == 'A' ? 'B' : 'A';
    assert_int_equal(adit_peer_accept(from->other->peer, text, (size_t)n, NULL), 0);
    return !gone(from->pair);
}

static void life(struct api_pair *p, bool forged)
{
    adit_peer_offer(p->side[0].peer);
    api_open_dc(&p->side[0], NULL);
    if (!until(p, gathered_or_gone) || !hand_over(&p->side[0], false) ||
        !hand_over(&p->side[1], forged) || !until(p, open_or_gone))
        return;
    for (int i = 0; i < 2; i++) {
        p->side[i].pushes = 2 * 1024 * 1024;
        api_push(&p->side[i]);
    }
    if (!until(p, pushed_or_gone))
        return;
    adit_dc_close(p->side[0].dc[0]);
    if (!until(p, closed_or_gone))
        return;
    adit_peer_close(p->side[0].peer);
    until(p, gone);
}

static void run(int who)
{
    struct api_pair p;

    triggered = after_the_end = 0;
    api_pair_init(&p, NULL);
    p.side[who].hook = hook;
    life(&p, strcmp(trigger, "failed") == 0);
    api_rounds(&p, 5);
    if (closes && p.side[who].peer)
        assert_true(adit_peer_state(p.side[who].peer) >= ADIT_PEER_FAILED || api_until(&p, gone));
    if (!closes) {
        assert_null(p.side[who].peer);
        assert_int_equal(triggered, 1);
    }
    assert_int_equal(after_the_end, 0);
    api_pair_done(&p);
}

/* Which side sees which: the offerer opens the channel, the answerer is told of it. */
static bool sees(int who, const char *callback)
{
    if (strcmp(callback, "channel") == 0)
        return who == 1;
    if (strcmp(callback, "open") == 0 || strcmp(callback, "failed") == 0)
        return who == 0;
    return true;
}

static void every_callback(bool close_only)
{
    closes = close_only;
    for (int who = 0; who < 2; who++)
        for (size_t i = 0; i < sizeof callbacks / sizeof *callbacks; i++) {
            if (!sees(who, callbacks[i]))
                continue;
            trigger = callbacks[i];
            run(who);
            if (!triggered)
                fail_msg("\"%s\" was never called", trigger);
        }
}

static void freed_in_every_callback(void **state)
{
    (void)state;
    every_callback(false);
}

static void closed_in_every_callback(void **state)
{
    (void)state;
    every_callback(true);
}

/* Before the loop has had a turn, and between any two turns. */
static void freed_at_any_time(void **state)
{
    (void)state;
    for (unsigned rounds = 0; rounds < 40; rounds++) {
        struct api_pair p;

        api_pair_init(&p, NULL);
        adit_peer_offer(p.side[0].peer);
        api_open_dc(&p.side[0], NULL);
        if (rounds >= 5) {
            assert_true(api_until(&p, api_gathered));
            hand_over(&p.side[0], false);
            hand_over(&p.side[1], false);
        }
        api_rounds(&p, rounds % 20);
        p.side[rounds & 1].peer = adit_peer_free(p.side[rounds & 1].peer);
        if (rounds & 2)
            api_rounds(&p, 3);
        api_pair_done(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(freed_in_every_callback),
        cmocka_unit_test(closed_in_every_callback),
        cmocka_unit_test(freed_at_any_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
