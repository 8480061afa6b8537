#include "agent/notify.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/outbox.h"
#include "base/alloc.h"
#include "base/list.h"
#include "base/log.h"
#include "base/str.h"
#include "core/spawn.h"

#define WAITING_MAX  (256 * 1024)    /* bytes of lines that nobody has read yet */
#define PROGRAM_TIME (60 * ADIT_SEC) /* for one run of the program */
#define TEXT_MAX     256             /* bytes of a name or a state, with its zero byte */

/* A state that the program has not been told yet. */
struct news {
    struct adit_link link;
    char event[16], peer[TEXT_MAX], state[TEXT_MAX], reason[TEXT_MAX];
};

struct adit_notify {
    struct adit_loop *loop;
    struct adit_notify_conf conf;
    struct adit_outbox out;
    uint64_t lost; /* lines */
    struct adit_link waiting;
    struct adit_child child;
};

/* ---- lines ----------------------------------------------------------------------------------- */

static void on_drained(struct adit_outbox *box)
{
    struct adit_notify *n = adit_container_of(box, struct adit_notify, out);
    char text[64];
    int len;

    if (!n->lost || box->err)
        return;
    len = snprintf(text, sizeof text, "{\"event\":\"lost\",\"lines\":%llu}\n",
                   (unsigned long long)n->lost);
    n->lost = 0;
    adit_outbox_add(&n->out, text, (size_t)len);
}

static void write_line(struct adit_notify *n, const struct news *news)
{
    json_t *line = json_pack("{s:I, s:s, s:s, s:s}", "time", (json_int_t)adit_loop_wall(), "event",
                             news->event, "peer", news->peer, "state", news->state);
    char *text = NULL;

    if (line && news->reason[0])
        json_object_set_new(line, "reason", json_string(news->reason));
    if (line)
        text = json_dumps(line, JSON_COMPACT);
    json_decref(line);
    if (!text || n->out.waiting.len + strlen(text) + 1 > WAITING_MAX / 2) {
        n->lost++;
    } else {
        adit_outbox_add(&n->out, text, strlen(text));
        adit_outbox_add(&n->out, "\n", 1);
    }
    free(text);
}

/* ---- the program ----------------------------------------------------------------------------- */

static void run_next(struct adit_notify *n);

static void on_ended(void *arg, int status, adit_time now)
{
    struct adit_notify *n = arg;

    (void)now;
    if (status)
        adit_log(ADIT_LOG_WARN, "agent", "the --on-state program failed, continuing");
    run_next(n);
}

static void run_next(struct adit_notify *n)
{
    char event[TEXT_MAX], peer[TEXT_MAX + 16], state[TEXT_MAX + 16], reason[TEXT_MAX + 16];
    const char *env[] = { event, peer, state, reason, NULL };

    while (!adit_list_empty(&n->waiting) && !adit_child_runs(&n->child)) {
        struct news *news = adit_container_of(n->waiting.next, struct news, link);
        int err;

        adit_list_del(&news->link);
        snprintf(event, sizeof event, "ADIT_EVENT=%s", news->event);
        snprintf(peer, sizeof peer, "ADIT_PEER=%s", news->peer);
        snprintf(state, sizeof state, "ADIT_STATE=%s", news->state);
        snprintf(reason, sizeof reason, "ADIT_REASON=%s", news->reason);
        adit_free(news);
        err =
            adit_child_start(&n->child, n->loop, n->conf.on_state, env, PROGRAM_TIME, on_ended, n);
        if (err)
            adit_log(ADIT_LOG_WARN, "agent", "cannot run '%s': %s, continuing", n->conf.on_state,
                     strerror(-err));
    }
}

/* Takes the place of what was said about the same peer and not told yet. */
static void queue(struct adit_notify *n, struct news *news)
{
    struct adit_link *it, *tmp;

    ADIT_LIST_EACH(&n->waiting, it, tmp)
    {
        struct news *old = adit_container_of(it, struct news, link);

        if (strcmp(old->event, news->event) || strcmp(old->peer, news->peer))
            continue;
        adit_list_del(it);
        adit_free(old);
    }
    adit_list_add(&n->waiting, &news->link);
    run_next(n);
}

/* ---- life ------------------------------------------------------------------------------------ */

void adit_notify_state(struct adit_notify *n, const char *event, const char *peer,
                       const char *state, const struct adit_cause *cause)
{
    struct news *news = adit_zalloc(sizeof *news);

    if (!news) {
        n->lost++;
        return;
    }
    adit_list_init(&news->link);
    snprintf(news->event, sizeof news->event, "%s", event);
    adit_str_printable(news->peer, sizeof news->peer, peer, strlen(peer));
    snprintf(news->state, sizeof news->state, "%s", state);
    if (cause && cause->reason != ADIT_REASON_NONE)
        snprintf(news->reason, sizeof news->reason, "%s", cause->text);
    if (n->conf.events >= 0)
        write_line(n, news);
    if (n->conf.on_state)
        queue(n, news);
    else
        adit_free(news);
}

int adit_notify_new(struct adit_notify **ret_notify, struct adit_loop *loop,
                    const struct adit_notify_conf *conf)
{
    struct adit_notify *n = adit_zalloc(sizeof *n);
    int err = -ENOMEM;

    *ret_notify = NULL;
    if (n) {
        n->loop = loop;
        n->conf = *conf;
        adit_list_init(&n->waiting);
        err = adit_outbox_init(&n->out, loop, conf->events, WAITING_MAX, on_drained);
    }
    if (err) {
        adit_free(n);
        return err;
    }
    *ret_notify = n;
    return 0;
}

struct adit_notify *adit_notify_free(struct adit_notify *n)
{
    struct adit_link *it, *tmp;

    if (!n)
        return NULL;
    adit_child_stop(&n->child);
    adit_outbox_done(&n->out);
    ADIT_LIST_EACH(&n->waiting, it, tmp)
    adit_free(adit_container_of(it, struct news, link));
    adit_free(n);
    return NULL;
}
