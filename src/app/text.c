/* text - the modes chat and json: a line of input is a text message, a message is a line of output.
 *
 * chat shows what a terminal may be shown and ends on "quit" or the end of input. json passes only
 * JSON documents, in both directions, and says which line was not one. */
#include <stdio.h>

#include "app/app.h"
#include "app/lines.h"
#include "app/outbox.h"
#include "base/alloc.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"

#define LINE_MAX_BYTES (256 * 1024)
#define WAITING_MAX    (4 * 1024 * 1024)

struct text {
    struct adit_app app;
    struct adit_lines lines;
    struct adit_outbox out;
    bool json;
    char *unsent; /* a line the channel had no room for */
    size_t unsent_n;
    bool paused, ended, is_closed;
    struct adit_cause cause; /* why the channel went */
    unsigned refused;        /* lines and messages that were not JSON */
};

static struct text *text_of(struct adit_app *app)
{
    return adit_container_of(app, struct text, app);
}

static void finish(struct text *c, enum adit_reason reason, const char *text)
{
    if (c->refused && !text)
        adit_app_done(&c->app, ADIT_REASON_PROTOCOL,
                      "something was not JSON and was not passed on");
    else
        adit_app_done(&c->app, reason, text);
}

/* Nobody reads what comes, or there is no room for it: to go on would only lose it. True if so. */
static bool output_failed(struct text *c)
{
    char text[64];

    if (!c->out.err)
        return false;
    snprintf(text, sizeof text, "cannot write output: %s", strerror(c->out.err));
    adit_app_done(&c->app, ADIT_REASON_RESOURCE, text);
    return true;
}

/* The channel is gone: done when everything that came is on its way to the reader. */
static void finish_when_shown(struct text *c)
{
    bool normal = c->cause.reason == ADIT_REASON_LOCAL || c->cause.reason == ADIT_REASON_REMOTE;

    if (c->is_closed && adit_outbox_empty(&c->out))
        finish(c, c->cause.reason, normal ? NULL : c->cause.text);
}

/* The end of input has come: done when the other side has everything. */
static void finish_if_delivered(struct text *c)
{
    const struct adit_app_conf *conf = &c->app.conf;

    if (c->ended && !c->unsent && conf->ops->buffered(conf->arg) == 0)
        finish(c, ADIT_REASON_NONE, NULL);
}

static void send_line(struct text *c, const char *text, size_t n)
{
    const struct adit_app_conf *conf = &c->app.conf;
    int err = conf->ops->send(conf->arg, text, n, true);

    if (err == -EAGAIN) {
        c->unsent = adit_memdup(text, n);
        c->unsent_n = n;
        adit_lines_pause(&c->lines);
        if (!c->unsent)
            adit_app_done(&c->app, ADIT_REASON_RESOURCE, "out of memory for a line");
    } else if (err == -EMSGSIZE) {
        adit_log(ADIT_LOG_WARN, "chat",
                 "a line of %zu bytes is more than the other side takes, continuing", n);
    }
}

static void on_line(struct adit_lines *lines, const char *text, size_t n, uint64_t number)
{
    struct text *c = adit_container_of(lines, struct text, lines);
    struct adit_cause why;
    size_t at;

    if (!c->json && n == 4 && memcmp(text, "quit", 4) == 0) {
        c->ended = true;
        adit_lines_pause(lines);
        finish_if_delivered(c);
        return;
    }
    if (c->json && n == 0)
        return; /* an empty line between documents */
    if (c->json && adit_json_check(text, n, &at, &why) < 0) {
        c->refused++;
        adit_log(ADIT_LOG_WARN, "json", "line %llu is not JSON: %s, continuing",
                 (unsigned long long)number, why.text);
        return;
    }
    send_line(c, text, n);
}

static void on_too_long(struct adit_lines *lines, uint64_t number)
{
    struct text *c = adit_container_of(lines, struct text, lines);

    c->refused += c->json;
    adit_log(ADIT_LOG_WARN, "chat", "line %llu is longer than %d bytes, continuing",
             (unsigned long long)number, LINE_MAX_BYTES);
}

static void on_eof(struct adit_lines *lines, int err)
{
    struct text *c = adit_container_of(lines, struct text, lines);

    if (err)
        adit_log(ADIT_LOG_WARN, "chat", "cannot read input: %s, continuing", strerror(err));
    c->ended = true;
    finish_if_delivered(c);
}

static const struct adit_lines_ops lines_ops = { .line = on_line,
                                                 .too_long = on_too_long,
                                                 .eof = on_eof };

static void drained(struct adit_outbox *box)
{
    struct text *c = adit_container_of(box, struct text, out);

    if (output_failed(c))
        return;
    bool resume = c->paused && c->app.is_open;
    c->paused = false; /* first: messages come from inside resume() and may pause again */
    if (resume)
        c->app.conf.ops->resume(c->app.conf.arg);
    finish_when_shown(c);
}

static void put(struct text *c, const void *bytes, size_t n)
{
    if (!adit_outbox_add(&c->out, bytes, n) && !c->paused) {
        c->paused = true;
        c->app.conf.ops->pause(c->app.conf.arg);
    }
}

/* Takes the white space between the tokens out of a JSON document, so that it is one line; its
 * numbers and strings stay as they were sent. Returns the new length. */
static size_t one_line(char *text, size_t n)
{
    bool in_string = false;
    size_t out = 0;

    for (size_t i = 0; i < n; i++) {
        if (!in_string && strchr(" \t\r\n", text[i]))
            continue;
        if (in_string && text[i] == '\\')
            text[out++] = text[i++];
        else if (text[i] == '"')
            in_string = !in_string;
        text[out++] = text[i];
    }
    return out;
}

static void show_json(struct text *c, const void *bytes, size_t n)
{
    struct adit_cause why;
    size_t at;
    char *line;

    if (adit_json_check(bytes, n, &at, &why) < 0) {
        c->refused++;
        adit_log(ADIT_LOG_WARN, "json", "a message came that is not JSON: %s, continuing",
                 why.text);
        return;
    }
    line = adit_memdup(bytes, n);
    if (!line)
        return;
    put(c, line, one_line(line, n));
    put(c, "\n", 1);
    adit_free(line);
}

static void show_chat(struct text *c, const void *bytes, size_t n)
{
    char *line = adit_malloc(n + 2);

    if (!line)
        return;
    adit_str_printable(line, n + 1, bytes, n);
    strcat(line, "\n");
    put(c, line, strlen(line));
    adit_free(line);
}

static void message(struct adit_app *app, const void *bytes, size_t n, bool text)
{
    struct text *c = text_of(app);

    (void)text; /* some peers send chat as binary; it is read the same */
    if (c->json)
        show_json(c, bytes, n);
    else
        show_chat(c, bytes, n);
    output_failed(c);
}

static int init(struct adit_app *app)
{
    struct text *c = text_of(app);
    int err;

    c->json = app->class == &adit_app_json;
    err = adit_app_output(app, &c->out, WAITING_MAX, drained);
    if (!err)
        err = adit_lines_init(&c->lines, app->conf.loop, app->conf.in, LINE_MAX_BYTES, &lines_ops);
    return err;
}

static void done(struct adit_app *app)
{
    struct text *c = text_of(app);

    adit_lines_done(&c->lines);
    adit_outbox_done(&c->out);
    adit_free(c->unsent);
}

static void opened(struct adit_app *app)
{
    adit_lines_resume(&text_of(app)->lines);
}

static void writable(struct adit_app *app)
{
    struct text *c = text_of(app);
    char *text = c->unsent;

    if (!text)
        return;
    c->unsent = NULL;
    send_line(c, text, c->unsent_n);
    adit_free(text);
    if (!c->unsent && !c->ended)
        adit_lines_resume(&c->lines);
}

static void low(struct adit_app *app)
{
    finish_if_delivered(text_of(app));
}

static void closed(struct adit_app *app, const struct adit_cause *cause)
{
    struct text *c = text_of(app);

    c->is_closed = true;
    c->cause = *cause;
    if (!output_failed(c))
        finish_when_shown(c);
}

const struct adit_app_class adit_app_chat = {
    .name = "chat",
    .size = sizeof(struct text),
    .input = true,
    .lines = true,
    .init = init,
    .free = done,
    .open = opened,
    .message = message,
    .writable = writable,
    .low = low,
    .closed = closed,
};

const struct adit_app_class adit_app_json = {
    .name = "json",
    .size = sizeof(struct text),
    .input = true,
    .lines = true,
    .init = init,
    .free = done,
    .open = opened,
    .message = message,
    .writable = writable,
    .low = low,
    .closed = closed,
};
