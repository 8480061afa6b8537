/* Calls: two of them whose signaling is this test, over loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "agent/call.h"
#include "agent/exit.h"
#include "unit/wait.h"

enum { CALLER, CALLEE };

struct side {
    struct adit_call *call;
    struct adit_call_conf conf;
    struct side *other;
    /* seen */
    unsigned seen[ADIT_CALL_ENDING + 1], ended, gone, descriptions, candidates, ends, asked;
    unsigned up; /* now */
    int exit_code;
    bool finished;
    struct adit_cause cause;
    /* does */
    enum adit_call_admit verdict;
    bool deaf; /* its signaling loses what it says */
};

static struct adit_loop *loop;
static struct side sides[2];
static unsigned fds;

/* ---- what travels: a greeting, and counters of a life -----------------------------------------
 */

struct hello {
    struct adit_app app;
    struct adit_task task;
};

static unsigned made, freed, heard, both_heard, lost, app_ended;

static void on_wound_up(struct adit_task *task, adit_time now)
{
    struct hello *h = adit_container_of(task, struct hello, task);

    (void)now;
    h->app.conf.ops->ended(h->app.conf.arg);
}

static int hello_init(struct adit_app *app)
{
    adit_task_init(&adit_container_of(app, struct hello, app)->task, on_wound_up);
    made++;
    return 0;
}

static void hello_free(struct adit_app *app)
{
    (void)app;
    freed++;
}

static void hello_open(struct adit_app *app)
{
    assert_int_equal(app->conf.ops->send(app->conf.arg, "hello", 5, true), 0);
}

static void hello_message(struct adit_app *app, const void *bytes, size_t n, bool text)
{
    assert_true(text && n == 5);
    assert_memory_equal(bytes, "hello", 5);
    (void)app;
    both_heard = ++heard == 2;
}

static void hello_lost(struct adit_app *app)
{
    (void)app;
    lost++;
}

static void hello_end(struct adit_app *app)
{
    app_ended++;
    adit_loop_before_sleep(loop, &adit_container_of(app, struct hello, app)->task);
}

static void hello_closed(struct adit_app *app, const struct adit_cause *cause)
{
    (void)cause;
    adit_app_done(app, ADIT_REASON_NONE, NULL);
}

static const struct adit_app_class hello = {
    .name = "hello",
    .size = sizeof(struct hello),
    .init = hello_init,
    .free = hello_free,
    .open = hello_open,
    .message = hello_message,
    .closed = hello_closed,
};

static const struct adit_app_class device = {
    .name = "device",
    .size = sizeof(struct hello),
    .persistent = true,
    .init = hello_init,
    .free = hello_free,
    .open = hello_open,
    .message = hello_message,
    .closed = hello_closed,
    .lost = hello_lost,
    .end = hello_end,
};

/* One says what it is told to, the other one hears it and has the last word. */
static struct adit_app *asking;
static unsigned answers, strange, last, pause_over;

static void ask(const char *text)
{
    assert_int_equal(asking->conf.ops->send(asking->conf.arg, text, strlen(text), false), 0);
}

static void asker_open(struct adit_app *app)
{
    asking = app;
}

static void asker_message(struct adit_app *app, const void *bytes, size_t n, bool text)
{
    (void)app, (void)text;
    answers += n == 4 && memcmp(bytes, "pong", n) == 0;
    last += n == 4 && memcmp(bytes, "last", n) == 0;
}

static void hearer_message(struct adit_app *app, const void *bytes, size_t n, bool text)
{
    (void)text;
    if (n == 4 && memcmp(bytes, "word", n) == 0)
        assert_int_equal(app->conf.ops->send(app->conf.arg, "last", 4, false), 0);
    else
        strange++;
}

static const struct adit_app_class asker = { .name = "asker",
                                             .size = sizeof(struct hello),
                                             .init = hello_init,
                                             .free = hello_free,
                                             .open = asker_open,
                                             .message = asker_message,
                                             .closed = hello_closed };
static const struct adit_app_class hearer = { .name = "hearer",
                                              .size = sizeof(struct hello),
                                              .init = hello_init,
                                              .free = hello_free,
                                              .message = hearer_message,
                                              .closed = hello_closed };

/* ---- signaling ------------------------------------------------------------------------------- */

static void deliver(struct side *to, enum adit_signal_type type, const char *sdp, size_t n)
{
    struct adit_cause cause;

    assert_int_equal(adit_call_description(to->call, type, sdp, n, &cause), 0);
}

static enum adit_call_admit on_admit(void *arg, struct adit_call *call,
                                     const struct adit_desc *desc)
{
    struct side *s = arg;

    (void)call;
    assert_true(desc->fingerprint_count > 0);
    s->asked++;
    return s->verdict;
}

static void on_describe(void *arg, struct adit_call *call, enum adit_signal_type type,
                        const char *sdp, size_t n)
{
    struct side *s = arg;

    (void)call;
    s->descriptions++;
    assert_int_equal(type, s == &sides[CALLER] ? ADIT_SIGNAL_OFFER : ADIT_SIGNAL_ANSWER);
    if (!s->deaf)
        deliver(s->other, type, sdp, n);
}

static void on_candidate(void *arg, struct adit_call *call, const char *candidate)
{
    struct side *s = arg;

    (void)call;
    if (candidate)
        s->candidates++;
    else
        s->ends++;
    if (!s->deaf)
        adit_call_candidate(s->other->call, candidate);
}

static void on_state(void *arg, struct adit_call *call)
{
    struct side *s = arg;

    s->seen[adit_call_state(call)]++;
    s->up = adit_call_state(call) == ADIT_CALL_UP;
}

static void on_ended(void *arg, struct adit_call *call, int exit_code, bool finished,
                     const struct adit_cause *cause)
{
    struct side *s = arg;

    assert_int_equal(adit_call_state(call), ADIT_CALL_IDLE);
    assert_null(adit_call_peer(call));
    s->ended++;
    s->exit_code = exit_code;
    s->finished = finished;
    s->cause = *cause;
}

static void on_gone(void *arg, struct adit_call *call)
{
    (void)call;
    ((struct side *)arg)->gone++;
}

static const struct adit_call_ops ops = {
    .admit = on_admit,
    .describe = on_describe,
    .candidate = on_candidate,
    .state = on_state,
    .ended = on_ended,
    .gone = on_gone,
};

/* ---- fixture --------------------------------------------------------------------------------- */

static int setup(void **state)
{
    (void)state;
    fds = open_fds();
    made = freed = heard = lost = app_ended = 0;
    loop = adit_loop_new();
    assert_non_null(loop);
    for (int i = 0; i < 2; i++) {
        struct side *s = &sides[i];

        *s = (struct side){ .other = &sides[!i] };
        s->conf = (struct adit_call_conf){
            .peer = { .size = sizeof s->conf.peer, .loopback = true },
            .lanes = { .app = &hello, .channel = ADIT_DC_CONF },
            .trickle = true,
            .answer_max = 60 * ADIT_SEC,
            .connect_max = 60 * ADIT_SEC,
        };
        s->call = adit_call_new(loop, i == CALLER ? "caller" : "callee", &s->conf, &ops, s);
        assert_non_null(s->call);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++)
        sides[i].call = adit_call_free(sides[i].call);
    adit_loop_free(loop);
    assert_int_equal(made, freed);
    assert_int_equal(open_fds(), fds);
    return 0;
}

static void connect_them(void)
{
    heard = both_heard = 0;
    assert_int_equal(adit_call_offer(sides[CALLER].call), ADIT_EXIT_OK);
    assert_true(wait_for(loop, &sides[CALLER].up));
    assert_true(wait_for(loop, &sides[CALLEE].up));
    assert_true(wait_for(loop, &both_heard));
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void one_calls_and_the_other_answers(void **state)
{
    (void)state;
    for (int complete = 0; complete < 2; complete++) {
        sides[CALLER].conf.complete = sides[CALLEE].conf.complete = complete;
        connect_them();
        assert_int_equal(sides[CALLEE].asked, complete + 1);
        assert_int_equal(sides[CALLER].asked, complete + 1);
        adit_call_hang_up(sides[CALLER].call, ADIT_EXIT_OK);
        sides[CALLER].ended = sides[CALLEE].ended = 0;
        assert_true(wait_for(loop, &sides[CALLER].ended));
        assert_true(wait_for(loop, &sides[CALLEE].ended));
        assert_int_equal(sides[CALLER].cause.reason, ADIT_REASON_LOCAL);
        assert_false(sides[CALLER].finished);
        assert_true(sides[CALLEE].finished); /* its app came to its end, as those do */
        assert_int_equal(sides[CALLEE].exit_code, ADIT_EXIT_OK);
    }
    assert_int_equal(sides[CALLER].descriptions, 2);
    assert_int_equal(sides[CALLER].ends, 2);
}

static void who_is_refused_is_not_answered(void **state)
{
    (void)state;
    sides[CALLEE].verdict = ADIT_CALL_NO;
    assert_int_equal(adit_call_offer(sides[CALLER].call), ADIT_EXIT_OK);
    assert_true(wait_for(loop, &sides[CALLEE].ended));
    assert_int_equal(sides[CALLEE].exit_code, ADIT_EXIT_REFUSED);
    assert_int_equal(sides[CALLEE].descriptions, 0);
    assert_int_equal(made, 0);
}

static void an_answer_may_be_refused_too(void **state)
{
    (void)state;
    sides[CALLER].verdict = ADIT_CALL_NO;
    assert_int_equal(adit_call_offer(sides[CALLER].call), ADIT_EXIT_OK);
    assert_true(wait_for(loop, &sides[CALLER].ended));
    assert_int_equal(sides[CALLER].exit_code, ADIT_EXIT_REFUSED);
    assert_int_equal(sides[CALLER].seen[ADIT_CALL_CONNECTING], 0);
}

static void a_decision_may_take_time(void **state)
{
    (void)state;
    sides[CALLEE].verdict = ADIT_CALL_LATER;
    assert_int_equal(adit_call_offer(sides[CALLER].call), ADIT_EXIT_OK);
    assert_true(wait_for(loop, &sides[CALLEE].asked));
    for (int i = 0; i < 20; i++)
        assert_int_equal(adit_loop_process(loop), 0);
    assert_int_equal(adit_call_state(sides[CALLEE].call), ADIT_CALL_ASKING);
    assert_int_equal(sides[CALLEE].descriptions, 0);
    adit_call_admit(sides[CALLEE].call, true);
    assert_true(wait_for(loop, &sides[CALLEE].up));
}

static void an_offer_nobody_answers_ends(void **state)
{
    (void)state;
    sides[CALLER].deaf = true;
    sides[CALLER].conf.answer_max = 50 * ADIT_MS;
    assert_int_equal(adit_call_offer(sides[CALLER].call), ADIT_EXIT_OK);
    assert_true(wait_for(loop, &sides[CALLER].ended));
    assert_int_equal(sides[CALLER].exit_code, ADIT_EXIT_SIGNALING);
    assert_int_equal(sides[CALLER].cause.reason, ADIT_REASON_TIMEOUT);
}

static void what_was_lost_is_said_again(void **state)
{
    (void)state;
    sides[CALLER].deaf = true;
    assert_int_equal(adit_call_offer(sides[CALLER].call), ADIT_EXIT_OK);
    assert_true(wait_for(loop, &sides[CALLER].descriptions));
    assert_true(wait_for(loop, &sides[CALLER].ends));
    sides[CALLER].deaf = false;
    sides[CALLEE].deaf = true;
    adit_call_repeat(sides[CALLER].call);
    assert_true(wait_for(loop, &sides[CALLEE].descriptions));
    sides[CALLEE].deaf = false;
    adit_call_repeat(sides[CALLEE].call);
    assert_true(wait_for(loop, &sides[CALLER].up));
    adit_call_repeat(sides[CALLER].call); /* has done its work */
    assert_true(wait_for(loop, &sides[CALLEE].up));
    assert_int_equal(sides[CALLER].descriptions, 2);
}

static void nonsense_leaves_the_call_as_it_was(void **state)
{
    static const char *const rows[] = {
        "",
        "v=0",
        "hello",
        "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n",
    };
    struct adit_cause cause;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        assert_int_equal(adit_call_description(sides[CALLEE].call, ADIT_SIGNAL_OFFER, rows[i],
                                               strlen(rows[i]), &cause),
                         -EINVAL);
        assert_int_equal(adit_call_state(sides[CALLEE].call), ADIT_CALL_IDLE);
        assert_true(cause.text[0]);
    }
    adit_call_candidate(sides[CALLEE].call, "candidate:nonsense");
    connect_them();
}

static void a_device_outlives_its_peer(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        sides[i].conf.lanes.app = &device;
        sides[i].conf.lanes.stays = true;
        assert_int_equal(adit_call_prepare(sides[i].call), ADIT_EXIT_OK);
    }
    assert_int_equal(made, 2);
    for (unsigned round = 1; round <= 3; round++) {
        connect_them();
        assert_int_equal(made, 2);
        adit_call_hang_up(sides[round & 1].call, ADIT_EXIT_OK);
        sides[CALLER].ended = sides[CALLEE].ended = 0;
        assert_true(wait_for(loop, &sides[CALLER].ended));
        assert_true(wait_for(loop, &sides[CALLEE].ended));
        assert_int_equal(lost, 2 * round);
        assert_int_equal(freed, 0);
    }
    for (int i = 0; i < 2; i++)
        adit_call_wind_up(sides[i].call);
    assert_true(wait_for(loop, &sides[CALLER].gone));
    assert_true(wait_for(loop, &sides[CALLEE].gone));
    assert_int_equal(app_ended, 2);
}

static void on_pause_over(struct adit_timer *timer, adit_time now)
{
    (void)timer, (void)now;
    pause_over = 1;
}

/* How many answers there are to a keepalive; what follows it is heard after them. */
static unsigned answers_to_keepalive(void)
{
    answers = last = 0;
    ask("ping");
    ask("word");
    assert_true(wait_for(loop, &last));
    return answers;
}

static void who_keeps_alive_often_is_answered(void **state)
{
    struct adit_lanes_conf *lanes = &sides[CALLEE].conf.lanes;
    struct adit_timer pause;

    (void)state;
    strange = 0;
    sides[CALLER].conf.lanes.app = &asker;
    lanes->app = &hearer;
    lanes->keepalive = "ping";
    lanes->keepalive_answer = "pong";
    lanes->keepalive_every = 60 * ADIT_SEC;
    assert_int_equal(adit_call_offer(sides[CALLER].call), ADIT_EXIT_OK);
    assert_true(wait_for(loop, &sides[CALLER].up));
    assert_int_equal(answers_to_keepalive(), 0); /* one says nothing about how often */
    assert_int_equal(answers_to_keepalive(), 1);
    assert_int_equal(answers_to_keepalive(), 1);

    lanes->keepalive_every = 20 * ADIT_MS;
    pause_over = 0;
    adit_timer_init(&pause, loop, on_pause_over, "pause");
    adit_timer_set(&pause, adit_loop_now(loop) + 20 * ADIT_MS);
    assert_true(wait_for(loop, &pause_over));
    assert_int_equal(answers_to_keepalive(), 0); /* as often as we do */
    assert_int_equal(strange, 0);
}

static void freeing_is_possible_at_any_time(void **state)
{
    (void)state;
    assert_int_equal(adit_call_offer(sides[CALLER].call), ADIT_EXIT_OK);
    assert_true(wait_for(loop, &sides[CALLER].descriptions));
    sides[CALLEE].call = adit_call_free(sides[CALLEE].call);
    sides[CALLER].deaf = true;
    adit_call_hang_up(sides[CALLER].call, ADIT_EXIT_OK);
    sides[CALLER].call = adit_call_free(sides[CALLER].call);
    assert_int_equal(adit_loop_process(loop), 0);
    assert_int_equal(sides[CALLER].ended, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_calls_and_the_other_answers),    TEST(who_is_refused_is_not_answered),
        TEST(an_answer_may_be_refused_too),       TEST(a_decision_may_take_time),
        TEST(an_offer_nobody_answers_ends),       TEST(what_was_lost_is_said_again),
        TEST(nonsense_leaves_the_call_as_it_was), TEST(a_device_outlives_its_peer),
        TEST(freeing_is_possible_at_any_time),    TEST(who_keeps_alive_often_is_answered),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
