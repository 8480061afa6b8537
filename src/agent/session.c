#include "agent/session.h"

#include <stdio.h>
#include <unistd.h>

#include "agent/inner.h"
#include "agent/paste.h"
#include "agent/qr.h"
#include "base/alloc.h"
#include "base/log.h"

#define TEXT_SIZE   (64 * 1024)
#define GOODBYE_MAX (5 * ADIT_SEC) /* for the other side to see that we closed */
#define IDLE_MAX    (5 * ADIT_SEC) /* a mode with many channels waits so long for another one */
#define LOSSY_MAX   1000 /* bytes of a message that has to fit one packet, see docs/decisions.md */

/* One channel with what travels over it. */
struct lane {
    struct adit_link link;
    struct adit_session *session;
    struct adit_dc *dc; /* NULL when it is gone */
    bool opened;        /* by us */
    struct adit_app *app;
};

struct adit_session {
    struct adit_loop *loop;
    struct adit_session_conf conf;
    void (*ended)(void *arg, int exit_code);
    void *arg;

    struct adit_peer *peer;
    struct adit_paste paste;
    struct adit_timer timeout, goodbye;
    struct adit_task bury;
    struct adit_link lanes;
    bool gathered, accepted, told, was_open, stopping, over;
    enum adit_form form;
    int exit_code;
    char *text; /* TEXT_SIZE: a description being printed */
};

static const char *other_command(const struct adit_session *s)
{
    static const char *const names[] = { "adit answer", "adit offer", "adit pair" };

    return names[s->conf.role];
}

/* ---- ending
 * -----------------------------------------------------------------------------------------------
 */

int adit_exit_of(const struct adit_cause *cause)
{
    switch (cause->reason) {
    case ADIT_REASON_NONE:
    case ADIT_REASON_LOCAL:
        return ADIT_EXIT_OK;
    case ADIT_REASON_NO_PATH:
    case ADIT_REASON_TIMEOUT:
        return ADIT_EXIT_NO_PATH;
    case ADIT_REASON_NOT_AUTHENTIC:
        return ADIT_EXIT_REFUSED;
    case ADIT_REASON_REMOTE:
    case ADIT_REASON_SILENCE:
    case ADIT_REASON_PROTOCOL:
    case ADIT_REASON_RESOURCE:
        break;
    }
    return ADIT_EXIT_FAILED;
}

static void on_bury(struct adit_task *task, adit_time now)
{
    struct adit_session *s = adit_container_of(task, struct adit_session, bury);

    (void)now;
    s->ended(s->arg, s->exit_code);
}

static void finish(struct adit_session *s, int exit_code)
{
    if (s->over)
        return;
    s->over = true;
    s->exit_code = exit_code;
    adit_paste_stop(&s->paste);
    adit_loop_end_of_round(s->loop, &s->bury);
}

static void fail(struct adit_session *s, int exit_code, const char *text)
{
    if (!s->over)
        adit_log(ADIT_LOG_ERROR, "session", "%s", text);
    finish(s, exit_code);
}

/* ---- a channel and its app
 * ---------------------------------------------------------------------------------- */

static int app_send(void *arg, const void *bytes, size_t n, bool text)
{
    struct lane *lane = arg;

    return lane->dc ? adit_dc_send(lane->dc, bytes, n, text ? ADIT_TEXT : ADIT_BINARY) : -EPIPE;
}

static size_t app_buffered(void *arg)
{
    struct lane *lane = arg;

    return lane->dc ? adit_dc_buffered(lane->dc) : 0;
}

static size_t app_message_max(void *arg)
{
    struct lane *lane = arg;
    size_t most = lane->dc ? adit_dc_message_max(lane->dc) : 0;

    return lane->dc && adit_dc_is_lossy(lane->dc) && most > LOSSY_MAX ? LOSSY_MAX : most;
}

static void app_pause(void *arg)
{
    struct lane *lane = arg;

    adit_peer_pause(lane->session->peer);
}

static void app_resume(void *arg)
{
    struct lane *lane = arg;

    adit_peer_resume(lane->session->peer);
}

static void say_goodbye(struct adit_session *s)
{
    enum adit_peer_state state = adit_peer_state(s->peer);

    if (state == ADIT_PEER_CLOSED || state == ADIT_PEER_FAILED) {
        finish(s, s->exit_code);
        return;
    }
    adit_timer_set(&s->goodbye, adit_loop_now(s->loop) + GOODBYE_MAX);
    adit_peer_close(s->peer);
}

static void app_done(void *arg, const struct adit_cause *cause)
{
    struct lane *lane = arg;
    struct adit_session *s = lane->session;

    s->exit_code = adit_exit_of(cause);
    if (cause->reason != ADIT_REASON_NONE)
        adit_log(ADIT_LOG_ERROR, "session", "%s", cause->text);
    s->stopping = true;
    if (lane->dc) {
        adit_timer_set(&s->goodbye, adit_loop_now(s->loop) + GOODBYE_MAX);
        adit_dc_close(lane->dc); /* on_dc_closed goes on */
    } else {
        say_goodbye(s);
    }
}

static const struct adit_app_ops app_ops = {
    .send = app_send,
    .buffered = app_buffered,
    .message_max = app_message_max,
    .pause = app_pause,
    .resume = app_resume,
    .done = app_done,
};

static void announce(struct adit_session *s)
{
    struct adit_peer_stats stats;

    adit_peer_stats(s->peer, &stats, sizeof stats);
    adit_log(ADIT_LOG_INFO, "session", "connected in %.0f ms (%s)",
             (double)stats.channel_after / (double)ADIT_MS, stats.cipher);
    adit_debug("session", "path: %s - %s", stats.local, stats.remote);
}

static void on_dc_open(struct adit_dc *dc, void *user)
{
    struct lane *lane = user;
    struct adit_session *s = lane->session;

    (void)dc;
    if (!s->was_open) {
        s->was_open = true;
        adit_timer_stop(&s->timeout);
        announce(s);
    }
    adit_app_open(lane->app);
}

static void on_dc_message(struct adit_dc *dc, const void *bytes, size_t n, enum adit_dc_kind kind,
                          void *user)
{
    struct lane *lane = user;

    (void)dc;
    adit_app_message(lane->app, bytes, n, kind == ADIT_TEXT);
}

static void on_dc_writable(struct adit_dc *dc, void *user)
{
    struct lane *lane = user;

    (void)dc;
    adit_app_writable(lane->app);
}

static void on_dc_low(struct adit_dc *dc, void *user)
{
    struct lane *lane = user;

    (void)dc;
    adit_app_low(lane->app);
}

static void free_lane(struct lane *lane)
{
    adit_list_del(&lane->link);
    adit_app_free(lane->app);
    adit_free(lane);
}

static void reopen(struct lane *lane);

static void on_dc_closed(struct adit_dc *dc, const struct adit_cause *cause, void *user)
{
    struct lane *lane = user;
    struct adit_session *s = lane->session;

    (void)dc;
    lane->dc = NULL;
    if (s->stopping) {
        say_goodbye(s);
    } else if (s->conf.app->many) {
        free_lane(lane);
        if (adit_list_empty(&s->lanes))
            adit_timer_set(&s->goodbye, adit_loop_now(s->loop) + IDLE_MAX);
    } else if (s->conf.app->persistent && adit_peer_state(s->peer) == ADIT_PEER_CONNECTED) {
        if (lane->opened)
            reopen(lane); /* SCTP was aborted and set up again: so is its channel */
    } else {
        adit_app_closed(lane->app, cause);
    }
}

static struct lane *new_lane(struct adit_session *s)
{
    struct adit_app_conf conf = { .loop = s->loop,
                                  .in = s->conf.in,
                                  .out = s->conf.out,
                                  .peer_is_adit = s->peer->has_remote_ticket,
                                  .extra = s->conf.app_extra,
                                  .ops = &app_ops };
    struct lane *lane = adit_zalloc(sizeof *lane);
    int err = -ENOMEM;

    if (lane) {
        adit_list_add(&s->lanes, &lane->link);
        lane->session = s;
        conf.arg = lane;
        lane->app = adit_app_new(s->conf.app, &conf, &err);
        if (lane->app)
            return lane;
        free_lane(lane);
    }
    adit_log(ADIT_LOG_ERROR, "session", "cannot start mode %s: %s", s->conf.app->name,
             strerror(-err));
    return NULL;
}

static const struct adit_dc_callbacks dc_callbacks = {
    .open = on_dc_open,
    .message = on_dc_message,
    .writable = on_dc_writable,
    .low = on_dc_low,
    .closed = on_dc_closed,
};

static void reopen(struct lane *lane)
{
    struct adit_session *s = lane->session;
    struct adit_dc_conf conf = s->conf.channel;
    int err = -ENOMEM;

    conf.on = dc_callbacks;
    conf.user = lane;
    lane->opened = true;
    lane->dc = adit_dc_open(s->peer, &conf, &err);
    if (!lane->dc)
        fail(s, ADIT_EXIT_FAILED, strerror(-err));
}

static void open_channel(struct adit_session *s)
{
    struct lane *lane = new_lane(s);

    if (lane)
        reopen(lane);
    else
        finish(s, ADIT_EXIT_FAILED);
}

/* The lane whose channel went with an aborted association: the peer opens it anew. */
static struct lane *waiting_lane(struct adit_session *s)
{
    struct lane *lane = adit_container_of(s->lanes.next, struct lane, link);

    return lane->dc ? NULL : lane;
}

static void on_channel(struct adit_peer *peer, struct adit_dc *dc, void *user)
{
    struct adit_session *s = user;
    struct lane *lane = NULL;
    bool first = adit_list_empty(&s->lanes);

    (void)peer;
    if (!first && s->conf.app->persistent)
        lane = waiting_lane(s);
    if (!lane && !s->stopping && !s->over && (first || s->conf.app->many))
        lane = new_lane(s);
    if (lane && s->conf.app->many)
        adit_timer_stop(&s->goodbye);
    if (!lane) {
        adit_dc_close(dc); /* this mode carries one channel */
        return;
    }
    lane->dc = dc;
    adit_dc_set_callbacks(dc, &dc_callbacks, lane);
    on_dc_open(dc, lane);
}

/* ---- descriptions
 * ---------------------------------------------------------------------------------------------- */

static void write_all(struct adit_session *s, const char *text, size_t n)
{
    while (n) {
        ssize_t got = write(s->conf.text_out, text, n);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            fail(s, ADIT_EXIT_SIGNALING, "cannot write our description: nobody reads it");
            return;
        }
        text += got;
        n -= (size_t)got;
    }
}

/* Prints our description when it is complete, and again when it changed. */
static void tell(struct adit_session *s)
{
    bool again = s->told;
    int n;

    if (!s->gathered || s->over || (s->conf.role == ADIT_SESSION_ANSWER && !s->accepted))
        return;
    n = adit_peer_describe(s->peer, s->form, s->text, TEXT_SIZE - 1);
    if (n < 0) {
        fail(s, ADIT_EXIT_FAILED, "cannot describe ourselves: out of memory");
        return;
    }
    s->told = true;
    if (isatty(s->conf.text_out) || s->conf.qr)
        adit_log(ADIT_LOG_INFO, "session", "%s give this line to the other side (%s):",
                 again ? "our public address changed;" : "now", other_command(s));
    s->text[n] = '\n';
    write_all(s, s->text, (size_t)n + 1);
    s->text[n] = 0;
    if (s->conf.qr)
        adit_qr_print(STDERR_FILENO, s->text);
    if (!s->accepted && isatty(s->conf.text_in) && !again)
        adit_log(ADIT_LOG_INFO, "session", "and paste theirs here:");
}

static enum adit_form form_of(enum adit_pairtext_form form)
{
    return form == ADIT_PAIRTEXT_TICKET ? ADIT_FORM_TICKET
           : form == ADIT_PAIRTEXT_JSON ? ADIT_FORM_JSON
                                        : ADIT_FORM_SDP;
}

static void refuse(struct adit_session *s, const struct adit_cause *cause, bool ended)
{
    if (ended || !s->paste.terminal) {
        fail(s, ADIT_EXIT_SIGNALING, cause->text);
        return;
    }
    adit_log(ADIT_LOG_ERROR, "session", "%s; please paste it again", cause->text);
    adit_paste_again(&s->paste);
}

static void on_found(void *arg, const struct adit_pairtext *text, adit_time now)
{
    struct adit_session *s = arg;
    struct adit_cause cause;

    (void)now;
    if (adit_peer_accept_found(s->peer, text, &cause) < 0) {
        refuse(s, &cause, false);
        return;
    }
    s->accepted = true;
    if (!s->conf.form_given && s->conf.role == ADIT_SESSION_ANSWER)
        s->form = form_of(text->form);
    adit_paste_stop(&s->paste);
    if (s->conf.role == ADIT_SESSION_PAIR && adit_engine_role(s->peer->engine) == ADIT_ROLE_OFFERER)
        open_channel(s);
    tell(s);
}

static void on_failed(void *arg, const struct adit_cause *cause, bool ended, adit_time now)
{
    (void)now;
    refuse(arg, cause, ended);
}

static const struct adit_paste_ops paste_ops = { .found = on_found, .failed = on_failed };

static void start_reading(struct adit_session *s)
{
    struct adit_pairtext_conf conf;
    int err;

    if (s->paste.running || s->accepted)
        return;
    adit_peer_pairtext_conf(s->peer, &conf);
    err = adit_paste_start(&s->paste, s->loop, s->conf.text_in, &conf, &paste_ops, s);
    if (err)
        fail(s, ADIT_EXIT_SIGNALING, "cannot read the other side's description");
    else if (s->conf.role == ADIT_SESSION_ANSWER && s->paste.terminal)
        adit_log(ADIT_LOG_INFO, "session",
                 "paste the line of the other side (%s) here:", other_command(s));
}

/* ---- the peer
 * ----------------------------------------------------------------------------------------------------
 */

static void on_gathered(struct adit_peer *peer, void *user)
{
    struct adit_session *s = user;

    (void)peer;
    s->gathered = true;
    tell(s);
    if (!s->over)
        start_reading(s);
}

static void on_remapped(struct adit_peer *peer, void *user)
{
    struct adit_session *s = user;

    (void)peer;
    if (s->told && !s->was_open)
        tell(s);
}

static void on_state(struct adit_peer *peer, enum adit_peer_state state,
                     const struct adit_cause *cause, void *user)
{
    struct adit_session *s = user;

    (void)peer;
    switch (state) {
    case ADIT_PEER_DISCONNECTED:
        adit_log(ADIT_LOG_WARN, "session", "the other side does not answer, continuing");
        break;
    case ADIT_PEER_CONNECTED:
        if (s->was_open)
            adit_log(ADIT_LOG_INFO, "session", "the other side answers again");
        break;
    case ADIT_PEER_FAILED:
        if (s->stopping)
            finish(s, s->exit_code); /* an app has said why */
        else
            fail(s, adit_exit_of(cause), cause->text);
        break;
    case ADIT_PEER_CLOSED:
        if (s->stopping)
            finish(s, s->exit_code);
        else if (!s->was_open)
            fail(s, ADIT_EXIT_REFUSED,
                 "the other side closed the connection before a channel was open");
        else if (adit_list_empty(&s->lanes))
            finish(s, ADIT_EXIT_OK);
        break;
    case ADIT_PEER_NEW:
    case ADIT_PEER_CONNECTING:
        break;
    }
}

static void on_timeout(struct adit_timer *timer, adit_time now)
{
    struct adit_session *s = adit_container_of(timer, struct adit_session, timeout);

    (void)now;
    if (s->accepted)
        fail(s, ADIT_EXIT_NO_PATH, "timed out: no connection to the other side");
    else if (!s->gathered)
        fail(s, ADIT_EXIT_NO_PATH, "timed out: no network interface could be used");
    else
        fail(s, ADIT_EXIT_SIGNALING, "timed out: the other side's description did not come");
}

static void on_goodbye(struct adit_timer *timer, adit_time now)
{
    struct adit_session *s = adit_container_of(timer, struct adit_session, goodbye);

    (void)now;
    if (s->stopping) {
        finish(s, s->exit_code);
    } else {
        s->stopping = true; /* all channels were closed and no other was opened */
        say_goodbye(s);
    }
}

void adit_session_stop(struct adit_session *s)
{
    if (s->stopping || !s->was_open) {
        finish(s, s->was_open ? s->exit_code : ADIT_EXIT_FAILED);
        return;
    }
    s->stopping = true;
    say_goodbye(s);
}

/* ---- life
 * --------------------------------------------------------------------------------------------------------
 */

static int start(struct adit_session *s)
{
    struct adit_peer_conf peer = s->conf.peer;
    struct adit_cause cause;

    peer.patient = true; /* the user sets the limit */
    peer.on = (struct adit_peer_callbacks){
        .state = on_state, .gathered = on_gathered, .remapped = on_remapped, .channel = on_channel
    };
    peer.user = s;
    s->peer = adit_peer_new(s->loop, &peer, &cause);
    if (!s->peer) {
        adit_log(ADIT_LOG_ERROR, "session", "%s", cause.text);
        return cause.reason == ADIT_REASON_LOCAL ? ADIT_EXIT_USAGE : ADIT_EXIT_FAILED;
    }
    if (s->conf.timeout)
        adit_timer_set(&s->timeout, adit_loop_now(s->loop) + s->conf.timeout);
    if (s->conf.role == ADIT_SESSION_PAIR)
        adit_peer_pair(s->peer);
    if (s->conf.role == ADIT_SESSION_OFFER) {
        adit_peer_offer(s->peer);
        open_channel(s);
    }
    return s->over ? s->exit_code : ADIT_EXIT_OK;
}

struct adit_session *adit_session_new(struct adit_loop *loop, const struct adit_session_conf *conf,
                                      void (*ended)(void *arg, int exit_code), void *arg,
                                      int *ret_exit)
{
    struct adit_session *s = adit_zalloc(sizeof *s);

    *ret_exit = ADIT_EXIT_FAILED;
    if (!s || !(s->text = adit_malloc(TEXT_SIZE))) {
        adit_log(ADIT_LOG_ERROR, "session", "out of memory");
        adit_free(s);
        return NULL;
    }
    s->loop = loop;
    s->conf = *conf;
    s->form = conf->form;
    s->ended = ended;
    s->arg = arg;
    adit_list_init(&s->lanes);
    adit_timer_init(&s->timeout, loop, on_timeout, "session");
    adit_timer_init(&s->goodbye, loop, on_goodbye, "goodbye");
    adit_task_init(&s->bury, on_bury);
    *ret_exit = start(s);
    return *ret_exit ? adit_session_free(s) : s;
}

struct adit_session *adit_session_free(struct adit_session *s)
{
    struct adit_link *it, *tmp;

    if (!s)
        return NULL;
    adit_paste_stop(&s->paste);
    adit_timer_stop(&s->timeout);
    adit_timer_stop(&s->goodbye);
    adit_task_cancel(&s->bury);
    adit_peer_free(s->peer);
    ADIT_LIST_EACH(&s->lanes, it, tmp)
    free_lane(adit_container_of(it, struct lane, link));
    adit_free(s->text);
    adit_free(s);
    return NULL;
}
