#include "app/app.h"

#include "app/outbox.h"
#include "base/alloc.h"
#include "base/log.h"

struct adit_app *adit_app_new(const struct adit_app_class *class, const struct adit_app_conf *conf,
                              int *ret_err)
{
    struct adit_app *app = adit_zalloc(class->size);
    int err = -ENOMEM;

    if (app) {
        app->class = class;
        app->conf = *conf;
        err = class->init ? class->init(app) : 0;
    }
    if (err) {
        *ret_err = err;
        return adit_app_free(app);
    }
    return app;
}

struct adit_app *adit_app_free(struct adit_app *app)
{
    if (app && app->class->free)
        app->class->free(app);
    adit_free(app);
    return NULL;
}

void adit_app_open(struct adit_app *app)
{
    app->is_open = true;
    if (app->class->open)
        app->class->open(app);
}

void adit_app_message(struct adit_app *app, const void *bytes, size_t n, bool text)
{
    if (!app->is_done && app->class->message)
        app->class->message(app, bytes, n, text);
}

void adit_app_datagram(struct adit_app *app, const void *bytes, size_t n, uint8_t ecn)
{
    if (!app->is_done && app->class->datagram)
        app->class->datagram(app, bytes, n, ecn);
}

void adit_app_writable(struct adit_app *app)
{
    if (!app->is_done && app->class->writable)
        app->class->writable(app);
}

void adit_app_low(struct adit_app *app)
{
    if (!app->is_done && app->class->low)
        app->class->low(app);
}

void adit_app_lost(struct adit_app *app)
{
    app->is_open = false;
    if (!app->is_done && app->class->lost)
        app->class->lost(app);
}

void adit_app_closed(struct adit_app *app, const struct adit_cause *cause)
{
    app->is_open = false;
    if (app->is_done)
        return;
    if (app->class->closed) {
        app->class->closed(app, cause);
        return;
    }
    app->is_done = true;
    app->conf.ops->done(app->conf.arg, cause);
}

void adit_app_path(struct adit_app *app, const struct adit_addr *local,
                   const struct adit_addr *remote)
{
    if (app->class->path)
        app->class->path(app, local, remote);
}

void adit_app_sized(struct adit_app *app)
{
    if (app->class->sized && app->is_open)
        app->class->sized(app);
}

void adit_app_report(struct adit_app *app)
{
    if (app->class->report)
        app->class->report(app);
}

bool adit_app_end(struct adit_app *app)
{
    if (!app->class->end)
        return false;
    app->class->end(app);
    return true;
}

void adit_app_done(struct adit_app *app, enum adit_reason reason, const char *text)
{
    struct adit_cause cause = { .reason = ADIT_REASON_NONE };

    if (app->is_done)
        return;
    app->is_done = true;
    if (text)
        adit_cause_set(&cause, reason, 0, "%s", text);
    app->conf.ops->done(app->conf.arg, &cause);
}

int adit_app_output(struct adit_app *app, struct adit_outbox *box, size_t limit,
                    void (*drained)(struct adit_outbox *box))
{
    int err = adit_outbox_init(box, app->conf.loop, app->conf.out, limit, drained);

    if (err && err != -ENOMEM)
        adit_log(ADIT_LOG_ERROR, "app", "mode %s cannot write its output: %s", app->class->name,
                 strerror(-err));
    return err;
}
