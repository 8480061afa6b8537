/* check - a series of messages against an echo, compared byte for byte.
 *
 * One JSON line per check goes to the output. First single messages of telling sizes, then 10 MB in
 * messages of 16 KiB. Each bulk message begins with its number, so an unordered channel can be
 * checked too. On a channel that may lose messages few are on their way at a time, and what does
 * not come back within a second is sent again, or in bulk counted as lost: only what comes back
 * wrong, or nothing at all, is a failure there. */
#include <stdio.h>

#include "app/app.h"
#include "app/outbox.h"
#include "base/alloc.h"

#define BULK_MESSAGE  (16 * 1024)
#define BULK_MESSAGES (10 * 1024 * 1024 / BULK_MESSAGE)
#define SILENCE_MAX   (30 * ADIT_SEC)
#define LOSSY_WAIT    ADIT_SEC /* for the echo of a message that may be lost */
#define LOSSY_MESSAGE 1000     /* bytes */
#define LOSSY_FLIGHT  16       /* such messages on their way at a time */
#define LARGEST       (200 * 1024)

static const char greeting[] =
    "The quick brown fox: \xc3\xa9\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\xa6\x8a";

static const struct step {
    const char *name;
    size_t n;
    bool text;
} steps[] = {
    { "empty", 0, false },
    { "empty text", 0, true },
    { "1 byte", 1, false },
    { "text", sizeof greeting - 1, true },
    { "1200 B", 1200, false },
    { "16 KiB", 16 * 1024, false },
    { "64 KiB", 64 * 1024, false },
    { "200 KiB", LARGEST, false },
    { "10 MB", BULK_MESSAGE, false },
};
#define BULK (ADIT_LEN(steps) - 1)

struct check {
    struct adit_app app;
    struct adit_outbox out;
    struct adit_cause cut;   /* why the channel closed before the last check */
    struct adit_timer timer; /* nothing came back for too long */
    bool lossy;
    size_t step, bulk; /* bulk: bytes of each of its messages */
    adit_time started, heard;
    uint32_t sent, received; /* bulk messages */
    uint32_t lost;           /* on a lossy channel: of this step, as far as we can tell */
    uint8_t seen[BULK_MESSAGES / 8];
    unsigned failures;
    uint8_t *bytes; /* LARGEST */
};

static struct check *check_of(struct adit_app *app)
{
    return adit_container_of(app, struct check, app);
}

/* The content of message `number`: its number, then a sequence that no shift or swap leaves the
 * same. */
static void fill(uint8_t *out, size_t n, uint32_t number)
{
    uint32_t v = number * 2654435761u + 12345;

    for (size_t i = 0; i < n; i++) {
        v = v * 1664525u + 1013904223u;
        out[i] = (uint8_t)(v >> 24);
    }
    if (n >= 4)
        adit_put32(out, number);
}

static void send_step(struct check *c);

static uint32_t in_flight(const struct check *c)
{
    return c->sent - c->received - c->lost;
}

static void wait_for_echo(struct check *c)
{
    adit_time now = adit_loop_now(c->app.conf.loop);

    adit_timer_set(&c->timer, now + (c->lossy ? LOSSY_WAIT : SILENCE_MAX));
}

static void report(struct check *c, bool ok, const char *why)
{
    adit_time took = adit_loop_now(c->app.conf.loop) - c->started;
    char lost[32] = "", line[256];
    int n;

    if (c->lossy)
        snprintf(lost, sizeof lost, ",\"lost\":%u", c->lost);
    n = snprintf(line, sizeof line, "{\"check\":\"%s\",\"ok\":%s,\"ms\":%.3f%s%s%s%s}\n",
                 steps[c->step].name, ok ? "true" : "false", (double)took / (double)ADIT_MS, lost,
                 why ? ",\"why\":\"" : "", why ? why : "", why ? "\"" : "");

    adit_outbox_add(&c->out, line, (size_t)n);
    if (!ok)
        c->failures++;
}

static void finish(struct check *c)
{
    adit_timer_stop(&c->timer);
    if (!adit_outbox_empty(&c->out))
        return;
    if (c->out.err)
        adit_app_done(&c->app, ADIT_REASON_RESOURCE, "cannot write the results");
    else if (c->cut.reason != ADIT_REASON_NONE)
        adit_app_done(&c->app, c->cut.reason, c->cut.text);
    else
        adit_app_done(&c->app, ADIT_REASON_PROTOCOL, c->failures ? "not every check held" : NULL);
}

static void fail(struct check *c, const char *why)
{
    report(c, false, why);
    c->step = ADIT_LEN(steps);
    finish(c);
}

static void drained(struct adit_outbox *box)
{
    struct check *c = adit_container_of(box, struct check, out);

    if (c->step == ADIT_LEN(steps))
        finish(c);
}

/* On a lossy channel a message should need one packet at either end, and theirs may be smaller than
 * ours. */
static size_t message_max(const struct check *c)
{
    size_t most = c->app.conf.ops->message_max(c->app.conf.arg);

    return c->lossy && most > LOSSY_MESSAGE ? LOSSY_MESSAGE : most;
}

static void next_step(struct check *c)
{
    size_t most = message_max(c);

    do
        c->step++;
    while (c->step < BULK && steps[c->step].n > most);
    c->bulk = most < BULK_MESSAGE ? most : BULK_MESSAGE; /* however the path changes meanwhile */
    if (c->step == ADIT_LEN(steps)) {
        finish(c);
        return;
    }
    c->lost = 0;
    c->started = adit_loop_now(c->app.conf.loop);
    send_step(c);
}

static void make(struct check *c, size_t step)
{
    if (steps[step].text)
        memcpy(c->bytes, greeting, steps[step].n);
    else
        fill(c->bytes, steps[step].n, (uint32_t)step);
}

static void send_bulk(struct check *c)
{
    const struct adit_app_conf *conf = &c->app.conf;
    size_t n = c->bulk;

    while (c->sent < BULK_MESSAGES && !(c->lossy && in_flight(c) >= LOSSY_FLIGHT)) {
        fill(c->bytes, n, c->sent);
        if (conf->ops->send(conf->arg, c->bytes, n, false) < 0)
            return; /* writable() or closed() follows */
        c->sent++;
    }
}

static void send_step(struct check *c)
{
    const struct adit_app_conf *conf = &c->app.conf;

    wait_for_echo(c);
    if (c->step == BULK) {
        send_bulk(c);
        return;
    }
    make(c, c->step);
    if (conf->ops->send(conf->arg, c->bytes, steps[c->step].n, steps[c->step].text) == -EMSGSIZE)
        fail(c, "the message is larger than the other side takes");
}

static void bulk_goes_on(struct check *c)
{
    if (c->sent == BULK_MESSAGES && in_flight(c) == 0) {
        report(c, true, NULL);
        next_step(c);
    } else if (c->lossy) {
        send_bulk(c);
    }
}

static void bulk_came(struct check *c, const uint8_t *bytes, size_t n)
{
    uint32_t number = n >= 4 ? adit_get32(bytes) : UINT32_MAX;

    if (n != c->bulk || number >= c->sent) {
        fail(c, "a message came back with another length or number");
        return;
    }
    fill(c->bytes, n, number);
    if (memcmp(c->bytes, bytes, n) != 0 || c->seen[number / 8] & 1u << number % 8) {
        fail(c, "a message came back changed or twice");
        return;
    }
    c->seen[number / 8] |= (uint8_t)(1u << number % 8);
    if (in_flight(c) == 0)
        c->lost--; /* it was late */
    c->received++;
    bulk_goes_on(c);
}

/* The echo of a step that was sent again meanwhile. */
static bool late_copy(struct check *c, const uint8_t *bytes, size_t n, bool text)
{
    for (size_t i = 0; c->lossy && i < c->step; i++)
        if (n == steps[i].n && text == steps[i].text) {
            make(c, i);
            return n == 0 || memcmp(bytes, c->bytes, n) == 0;
        }
    return false;
}

static void message(struct adit_app *app, const void *bytes, size_t n, bool text)
{
    struct check *c = check_of(app);

    if (c->step == ADIT_LEN(steps) || late_copy(c, bytes, n, text))
        return;
    c->heard = adit_loop_now(app->conf.loop);
    wait_for_echo(c);
    if (c->step == BULK) {
        bulk_came(c, bytes, n);
        return;
    }
    make(c, c->step);
    if (n != steps[c->step].n || (n && memcmp(bytes, c->bytes, n) != 0))
        report(c, false, "it came back changed");
    else if (text != steps[c->step].text)
        report(c, false, text ? "binary came back as text" : "text came back as binary");
    else
        report(c, true, NULL);
    next_step(c);
}

static void on_silence(struct adit_timer *timer, adit_time now)
{
    struct check *c = adit_container_of(timer, struct check, timer);

    if (!c->lossy || now - c->heard >= SILENCE_MAX) {
        fail(c, "nothing came back for 30 s");
    } else if (c->step == BULK) {
        c->lost += in_flight(c);
        wait_for_echo(c);
        bulk_goes_on(c);
    } else {
        c->lost++;
        send_step(c);
    }
}

static int init(struct adit_app *app)
{
    struct check *c = check_of(app);

    adit_timer_init(&c->timer, app->conf.loop, on_silence, "check");
    c->bytes = adit_malloc(LARGEST);
    return c->bytes ? adit_app_output(app, &c->out, 1024 * 1024, drained) : -ENOMEM;
}

static void done(struct adit_app *app)
{
    struct check *c = check_of(app);

    adit_timer_stop(&c->timer);
    adit_outbox_done(&c->out);
    adit_free(c->bytes);
}

static void opened(struct adit_app *app)
{
    struct check *c = check_of(app);

    c->started = c->heard = adit_loop_now(app->conf.loop);
    c->lossy = app->conf.ops->lossy(app->conf.arg);
    send_step(c);
}

static void writable(struct adit_app *app)
{
    struct check *c = check_of(app);

    if (c->step == ADIT_LEN(steps))
        return;
    if (c->step == BULK)
        send_bulk(c);
    else
        send_step(c); /* it found no room before */
}

static void closed(struct adit_app *app, const struct adit_cause *cause)
{
    struct check *c = check_of(app);

    if (c->step == ADIT_LEN(steps))
        return; /* everything has come back; finish() waits for who reads the results */
    adit_cause_set(&c->cut, cause->reason == ADIT_REASON_NONE ? ADIT_REASON_REMOTE : cause->reason,
                   cause->err, "%s", cause->text[0] ? cause->text : "the channel closed");
    fail(c, "the channel closed");
}

const struct adit_app_class adit_app_check = {
    .name = "check",
    .size = sizeof(struct check),
    .must_finish = true,
    .init = init,
    .free = done,
    .open = opened,
    .message = message,
    .writable = writable,
    .closed = closed,
};
