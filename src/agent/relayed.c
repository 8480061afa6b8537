#include "agent/relayed.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/exit.h"
#include "base/alloc.h"
#include "base/log.h"
#include "core/proxy.h"
#include "http/url.h"

#define LABEL "http-proxy" /* of the channel that it stands for */

struct adit_relayed {
    struct adit_loop *loop;
    struct adit_relay *relay;
    struct adit_app *app;
    void (*ended)(void *arg, int exit_code);
    void *arg;
    struct adit_task bury;
    bool was_down; /* it has been said */
    int exit_code;
};

static void on_bury(struct adit_task *task, adit_time now)
{
    struct adit_relayed *r = adit_container_of(task, struct adit_relayed, bury);

    (void)now;
    r->ended(r->arg, r->exit_code);
}

static void finish(struct adit_relayed *r, int exit_code)
{
    r->exit_code = exit_code;
    adit_loop_end_of_round(r->loop, &r->bury);
}

/* ---- what the relay tells -------------------------------------------------------------------- */

static void on_opened(void *arg, adit_time now)
{
    struct adit_relayed *r = arg;

    (void)now;
    r->was_down = false;
    adit_log(ADIT_LOG_INFO, "relay", "in the relay's session");
    adit_app_open(r->app);
}

static void on_message(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_relayed *r = arg;

    (void)now;
    adit_app_message(r->app, bytes, n, false);
}

static void on_writable(void *arg, adit_time now)
{
    struct adit_relayed *r = arg;

    (void)now;
    adit_app_writable(r->app);
}

static void on_down(void *arg, const struct adit_cause *cause, bool final, adit_time now)
{
    struct adit_relayed *r = arg;

    (void)now;
    if (!r->was_down || final)
        adit_log(final ? ADIT_LOG_ERROR : ADIT_LOG_WARN, "relay", "%s%s", cause->text,
                 final ? "" : ", continuing");
    r->was_down = true;
    adit_app_lost(r->app);
    if (final)
        finish(r, ADIT_EXIT_SIGNALING);
}

static const struct adit_relay_ops relay_ops = {
    .opened = on_opened, .message = on_message, .writable = on_writable, .down = on_down
};

/* ---- what the app asks ----------------------------------------------------------------------- */

static int app_send(void *arg, const void *bytes, size_t n, bool text)
{
    struct adit_relayed *r = arg;

    (void)text;
    return adit_relay_send(r->relay, bytes, n);
}

static size_t app_buffered(void *arg)
{
    struct adit_relayed *r = arg;

    return adit_relay_buffered(r->relay);
}

static size_t app_message_max(void *arg)
{
    (void)arg;
    return ADIT_RELAY_MESSAGE_MAX;
}

static bool app_no(void *arg)
{
    (void)arg;
    return false;
}

static void app_label(void *arg, char *out, size_t size)
{
    (void)arg;
    snprintf(out, size, "%s", LABEL);
}

static void app_set_low(void *arg, size_t bytes)
{
    (void)arg, (void)bytes;
}

static void app_flow(void *arg, size_t *ret_window, adit_time *ret_rtt)
{
    (void)arg;
    *ret_window = ADIT_RELAY_QUEUE_MAX;
    *ret_rtt = 0;
}

static void app_pause(void *arg)
{
    struct adit_relayed *r = arg;

    adit_relay_pause(r->relay);
}

static void app_resume(void *arg)
{
    struct adit_relayed *r = arg;

    adit_relay_resume(r->relay);
}

static void app_done(void *arg, const struct adit_cause *cause)
{
    struct adit_relayed *r = arg;
    int exit_code = adit_exit_of(cause);

    if (exit_code)
        adit_log(ADIT_LOG_ERROR, "relay", "%s", cause->text);
    finish(r, exit_code);
}

static const struct adit_app_ops app_ops = { .send = app_send,
                                             .buffered = app_buffered,
                                             .message_max = app_message_max,
                                             .lossy = app_no,
                                             .ours = app_no,
                                             .label = app_label,
                                             .set_low = app_set_low,
                                             .flow = app_flow,
                                             .pause = app_pause,
                                             .resume = app_resume,
                                             .done = app_done };

/* ---- life ------------------------------------------------------------------------------------ */

/* -EINVAL and a cause. */
static int choose_proxy(struct adit_proxy *ret_proxy, const struct adit_relayed_conf *conf,
                        struct adit_cause *cause)
{
    const char *text = conf->relay.url;
    struct adit_url url;

    if (adit_url_parse(&url, text, strlen(text), ADIT_URL_WS | ADIT_URL_WSS, cause) < 0)
        return -EINVAL;
    return conf->proxy
               ? adit_proxy_parse(ret_proxy, conf->proxy, cause)
               : adit_proxy_choose(ret_proxy, url.secure, url.host, url.port, getenv, cause);
}

static int start(struct adit_relayed *r, const struct adit_relayed_conf *conf)
{
    struct adit_relay_conf relay = conf->relay;
    struct adit_proxy proxy;
    struct adit_app_conf app = {
        .loop = r->loop, .in = -1, .out = -1, .extra = conf->app_extra, .ops = &app_ops, .arg = r
    };
    struct adit_cause cause;
    int err = 0;

    r->app = adit_app_new(conf->app, &app, &err);
    if (!r->app)
        return ADIT_EXIT_FAILED;
    relay.proxy = &proxy;
    if (choose_proxy(&proxy, conf, &cause) < 0 ||
        adit_relay_new(&r->relay, r->loop, &relay, &relay_ops, r, &cause) < 0) {
        adit_log(ADIT_LOG_ERROR, "relay", "%s", cause.text);
        return ADIT_EXIT_USAGE;
    }
    return ADIT_EXIT_OK;
}

struct adit_relayed *adit_relayed_new(struct adit_loop *loop, const struct adit_relayed_conf *conf,
                                      void (*ended)(void *arg, int exit_code), void *arg,
                                      int *ret_exit)
{
    struct adit_relayed *r = adit_zalloc(sizeof *r);

    *ret_exit = ADIT_EXIT_FAILED;
    if (!r)
        return NULL;
    r->loop = loop;
    r->ended = ended;
    r->arg = arg;
    adit_task_init(&r->bury, on_bury);
    *ret_exit = start(r, conf);
    return *ret_exit ? adit_relayed_free(r) : r;
}

struct adit_relayed *adit_relayed_free(struct adit_relayed *r)
{
    if (!r)
        return NULL;
    adit_task_cancel(&r->bury);
    adit_app_free(r->app);
    adit_relay_free(r->relay);
    adit_free(r);
    return NULL;
}
