/* status: what the running agents say of themselves. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "agent/exit.h"
#include "cli/cli.h"
#include "ctl/control.h"
#include "ctl/snapshot.h"

#define SAMPLE_MS 500 /* between two looks, for the rates */

struct status {
    const struct adit_options *o;
    unsigned shown;
    int err; /* of one that could not be asked */
};

/* Takes the first look; returns the second one, with rates, or the first if there was no other. */
static json_t *look_again(const char *path, json_t *first)
{
    struct timespec pause = { .tv_nsec = SAMPLE_MS * 1000000L };
    json_t *second;
    int err;

    nanosleep(&pause, NULL);
    second = adit_control_ask(path, "status", &err);
    if (!second)
        return first;
    adit_snapshot_add_rates(second, first, SAMPLE_MS * ADIT_MS);
    json_decref(first);
    return second;
}

static void show_text(const json_t *o, bool verbose)
{
    struct adit_buf text;

    adit_buf_init(&text, ADIT_CONTROL_ANSWER_MAX);
    adit_snapshot_print(&text, o, verbose);
    fputs(adit_buf_str(&text), stdout);
    adit_buf_done(&text);
}

static void show(void *arg, const char *path)
{
    struct status *s = arg;
    int err;
    json_t *o = adit_control_ask(path, "status", &err);
    char *text;

    if (!o) {
        /* Somebody was killed, and its socket is still there. */
        if (err != -ECONNREFUSED && err != -ENOENT)
            s->err = err;
        return;
    }
    o = look_again(path, o);
    if (s->o->json) {
        text = json_dumps(o, 0);
        puts(text ? text : "{}");
        free(text);
    } else {
        if (s->shown)
            putchar('\n');
        show_text(o, s->o->verbose > 0);
    }
    s->shown++;
    json_decref(o);
}

int adit_cmd_status(const struct adit_options *o)
{
    struct status s = { .o = o };

    if (o->control)
        show(&s, o->control);
    else
        (void)adit_control_each(show, &s);
    if (s.err)
        adit_log(ADIT_LOG_ERROR, "cli", "cannot ask a running adit: %s", strerror(-s.err));
    else if (!s.shown)
        adit_log(ADIT_LOG_ERROR, "cli",
                 "no adit runs here: start one with `adit listen` or `adit connect`, or name its "
                 "socket with --control");
    return s.shown ? ADIT_EXIT_OK : ADIT_EXIT_FAILED;
}
