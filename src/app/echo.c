/* echo - every message goes back as it came: text as text, binary as binary, in order.
 *
 * What does not fit into the send buffer waits here while receiving is paused; only what had
 * already arrived can be added then, so the queue stays as small as the receive window. */
#include "app/app.h"
#include "base/alloc.h"
#include "base/list.h"

struct waiting {
    struct adit_link link;
    bool text;
    size_t n;
    uint8_t bytes[];
};

struct echo {
    struct adit_app app;
    struct adit_link queue;
};

static int init(struct adit_app *app)
{
    adit_list_init(&adit_container_of(app, struct echo, app)->queue);
    return 0;
}

static void drop(struct waiting *w)
{
    adit_list_del(&w->link);
    adit_free(w);
}

static void done(struct adit_app *app)
{
    struct echo *e = adit_container_of(app, struct echo, app);
    struct adit_link *it, *tmp;

    if (e->queue.next)
        ADIT_LIST_EACH(&e->queue, it, tmp)
    drop(adit_container_of(it, struct waiting, link));
}

static void queue(struct echo *e, const void *bytes, size_t n, bool text)
{
    struct waiting *w = adit_malloc(sizeof *w + n);

    if (!w) {
        adit_app_done(&e->app, ADIT_REASON_RESOURCE, "out of memory for a message to be echoed");
        return;
    }
    w->text = text;
    w->n = n;
    if (n)
        memcpy(w->bytes, bytes, n);
    if (adit_list_empty(&e->queue))
        e->app.conf.ops->pause(e->app.conf.arg);
    adit_list_add(&e->queue, &w->link);
}

static void message(struct adit_app *app, const void *bytes, size_t n, bool text)
{
    struct echo *e = adit_container_of(app, struct echo, app);
    int err = -EAGAIN;

    if (adit_list_empty(&e->queue))
        err = app->conf.ops->send(app->conf.arg, bytes, n, text);
    if (err == -EAGAIN)
        queue(e, bytes, n, text);
    else if (err == -EMSGSIZE)
        adit_app_done(app, ADIT_REASON_PROTOCOL,
                      "a message came that the other side would not take back");
}

static void writable(struct adit_app *app)
{
    struct echo *e = adit_container_of(app, struct echo, app);

    while (!adit_list_empty(&e->queue)) {
        struct waiting *w = adit_container_of(e->queue.next, struct waiting, link);

        if (app->conf.ops->send(app->conf.arg, w->bytes, w->n, w->text) == -EAGAIN)
            return;
        drop(w);
        if (adit_list_empty(&e->queue))
            app->conf.ops->resume(app->conf.arg);
    }
}

const struct adit_app_class adit_app_echo = {
    .name = "echo",
    .size = sizeof(struct echo),
    .many = true,
    .init = init,
    .free = done,
    .message = message,
    .writable = writable,
};
