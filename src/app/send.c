#include "app/send.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include "app/send_inner.h"
#include "base/alloc.h"
#include "base/str.h"

/* At a time: large files being sent, and asked about meanwhile; small ones, which wait for nothing
 * but their windows; and all together, most of which wait for their results. */
#define ASKING_MAX 4
#define SMALL_MAX  32
#define FLIGHT_MAX 128

#define TOLD_MAX  100 /* files of which it is said why they are not sent */
#define STEPS_MAX 256 /* entries of directories looked at in one round */
#define RETRY     (50 * ADIT_MS)

void adit_send_tell(struct adit_send *s, enum adit_log_level level, const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    adit_progress_clear(&s->progress);
    adit_log(level, "files", "%s", text);
}

void adit_send_failed(struct adit_send *s, const char *path, const char *why)
{
    char shown[ADIT_FILE_NAME_MAX];

    s->failed++;
    if (++s->failed_told <= TOLD_MAX)
        adit_send_tell(s, ADIT_LOG_ERROR, "%s is not sent: %s",
                       adit_str_printable(shown, sizeof shown, path, strlen(path)), why);
    else if (s->failed_told == TOLD_MAX + 1)
        adit_send_tell(s, ADIT_LOG_ERROR, "more is not sent, and only counted from here on");
}

static void on_skipped(void *arg, const char *path, bool failed, const char *why)
{
    struct adit_send *s = arg;
    char shown[ADIT_FILE_NAME_MAX];

    if (failed)
        adit_send_failed(s, path, why);
    else
        adit_send_tell(s, ADIT_LOG_WARN, "%s is %s and is not sent, continuing",
                       adit_str_printable(shown, sizeof shown, path, strlen(path)), why);
}

/* ---- the batch ------------------------------------------------------------------------------- */

static void over(struct adit_send *s)
{
    s->phase = ADIT_SEND_OVER;
    adit_send_wake(s);
}

static void on_batch_end(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_send *s = arg;

    (void)now;
    (void)bytes;
    (void)n; /* every file's result has come with the file */
    if (s->batch_ended)
        return;
    adit_mux_reset(s->batch, ADIT_MUX_UNKNOWN, NULL);
    s->batch = NULL;
    s->refused = true;
    adit_send_tell(s, ADIT_LOG_ERROR, "the other side stopped receiving");
    over(s);
}

static void on_batch_closed(void *arg, enum adit_mux_code code, const char *text, adit_time now)
{
    struct adit_send *s = arg;
    bool ended = s->batch_ended;

    (void)now;
    s->batch = NULL;
    s->batch_ended = false;
    if (code == ADIT_MUX_LOST)
        return;
    if (code != ADIT_MUX_DONE || !ended) {
        s->refused = true;
        adit_send_tell(s, ADIT_LOG_ERROR, "the other side does not receive: %s",
                       text[0] ? text : adit_mux_code_text(code));
    }
    over(s);
}

static const struct adit_mux_stream_ops batch_ops = {
    .end = on_batch_end,
    .closed = on_batch_closed,
};

static int open_batch(struct adit_send *s)
{
    uint8_t target[ADIT_FILE_OPEN_MAX];
    size_t n = adit_file_open_encode(
        target,
        &(struct adit_file_open){ .what = ADIT_FILE_BATCH, .files = s->files, .bytes = s->bytes });

    return adit_mux_open(&s->batch, s->mux, ADIT_MUX_FILE, target, n, &batch_ops, s);
}

/* False: not now. */
static bool end_batch(struct adit_send *s)
{
    uint8_t tally[ADIT_FILE_TALLY_SIZE];

    adit_file_tally_encode(tally, s->sent + s->there, s->failed);
    s->batch_ended = adit_mux_end(s->batch, tally, sizeof tally) == 0;
    return s->batch_ended;
}

/* ---- work ------------------------------------------------------------------------------------ */

/* One round's part of a look at everything, for the totals. True: there is more. */
static bool count(struct adit_send *s)
{
    struct adit_file_entry e;

    for (unsigned i = 0; i < STEPS_MAX; i++) {
        int got = adit_file_walk_step(&s->walk, &e);

        if (got == 1 && e.what == ADIT_FILE_REGULAR) {
            s->files++;
            s->bytes += e.size;
        } else if (got == 0) {
            s->phase = ADIT_SEND_SENDING;
            adit_progress_total(&s->progress, s->files, s->bytes);
            adit_file_walk_start(&s->walk, s->conf.paths, s->conf.count, on_skipped, s);
            return true;
        }
    }
    return true;
}

static bool may_begin(const struct adit_send *s)
{
    const unsigned *large = s->in_state[true], *small = s->in_state[false];
    unsigned flight = 0;

    for (unsigned i = ADIT_SEND_ASK; i < ADIT_SEND_STATES; i++)
        flight += large[i] + small[i];
    return large[ADIT_SEND_ASK] + large[ADIT_SEND_PROVE] < ASKING_MAX &&
           large[ADIT_SEND_SEND] < ADIT_SEND_LARGE_MAX && small[ADIT_SEND_SEND] < SMALL_MAX &&
           flight < FLIGHT_MAX;
}

/* Those that were on their way when a connection was lost come first. */
static struct adit_send_item *first_idle(struct adit_send *s)
{
    struct adit_link *it, *tmp;

    if (s->in_state[true][ADIT_SEND_IDLE] + s->in_state[false][ADIT_SEND_IDLE] == 0)
        return NULL;
    ADIT_LIST_EACH(&s->items, it, tmp)
    {
        struct adit_send_item *item = adit_container_of(it, struct adit_send_item, link);

        if (item->state == ADIT_SEND_IDLE)
            return item;
    }
    return NULL;
}

/* The next one from the walk, or NULL: none now. */
static struct adit_send_item *find_item(struct adit_send *s, unsigned *steps)
{
    struct adit_file_entry e;

    while (!s->walked && (*steps)++ < STEPS_MAX) {
        int got = adit_file_walk_step(&s->walk, &e);

        if (got == 1) {
            struct adit_send_item *it = adit_send_item_new(s, &e);

            if (it)
                return it;
            on_skipped(s, e.path, true, strerror(ENOMEM));
        } else if (got == 0) {
            s->walked = true;
        }
    }
    return NULL;
}

/* True: there is more to do at once. */
static bool begin_items(struct adit_send *s, adit_time *wake)
{
    unsigned steps = 0;

    while (may_begin(s)) {
        struct adit_send_item *it = first_idle(s);

        if (!it)
            it = find_item(s, &steps);
        if (!it)
            return !s->walked;
        if (adit_send_item_begin(it) < 0) {
            *wake = adit_loop_now(s->conf.loop) + RETRY;
            return false;
        }
    }
    return false;
}

/* True: there is more to do at once. */
static bool send_items(struct adit_send *s, adit_time now)
{
    struct adit_link *it, *tmp;
    bool more = false;

    ADIT_LIST_EACH(&s->items, it, tmp)
    if (adit_send_item_work(adit_container_of(it, struct adit_send_item, link), now))
        more = true;
    return more;
}

static const char *at_work(const struct adit_send *s)
{
    const struct adit_link *first = s->items.next;

    return first == &s->items ? NULL : adit_container_of(first, struct adit_send_item, link)->name;
}

static void sum_up(struct adit_send *s, adit_time now)
{
    char sum[64], there[48] = "", failed[48] = "";

    adit_progress_sum(&s->progress, sum, now);
    if (s->there)
        snprintf(there, sizeof there, "; %u there already", (unsigned)s->there);
    if (s->failed)
        snprintf(failed, sizeof failed, "; %u could not be sent", (unsigned)s->failed);
    adit_send_tell(s, ADIT_LOG_INFO, "sent %u file%s, %s%s%s", (unsigned)s->sent,
                   s->sent == 1 ? "" : "s", sum, there, failed);
}

static void finish(struct adit_send *s, adit_time now)
{
    void (*done)(void *arg, int exit_code) = s->conf.done;
    int code = s->failed || s->refused;

    while (!adit_list_empty(&s->items))
        adit_send_item_free(adit_container_of(s->items.next, struct adit_send_item, link));
    sum_up(s, now);
    s->conf.done = NULL;
    if (done)
        done(s->conf.arg, code);
}

/* With a connection. Returns true: there is more to do at once. */
static bool send_some(struct adit_send *s, adit_time *wake, adit_time now)
{
    bool more;

    if (!s->batch && open_batch(s) < 0) {
        *wake = adit_loop_now(s->conf.loop) + RETRY;
        return false;
    }
    if (s->batch_ended)
        return false;
    more = begin_items(s, wake);
    more |= send_items(s, now);
    if (s->walked && adit_list_empty(&s->items) && !end_batch(s))
        *wake = adit_loop_now(s->conf.loop) + RETRY;
    return more;
}

static void on_work(struct adit_timer *timer, adit_time now)
{
    struct adit_send *s = adit_container_of(timer, struct adit_send, work);
    adit_time wake = ADIT_NEVER;
    bool more = false;

    s->woken = false;
    if (s->phase == ADIT_SEND_OVER) {
        if (s->conf.done)
            finish(s, now);
        return;
    }
    if (s->phase == ADIT_SEND_COUNTING)
        more = count(s);
    else if (s->mux)
        more = send_some(s, &wake, now);
    if (s->mux)
        adit_progress_show(&s->progress, at_work(s), now);
    if (s->mux)
        wake = adit_time_min(wake, adit_progress_deadline(&s->progress));
    adit_timer_set(&s->work, more || s->woken ? 0 : wake);
}

/* ---- the facade ------------------------------------------------------------------------------ */

/* What is wrong with what the user named, before anybody is called. */
static int judge(const struct adit_send_conf *conf)
{
    struct stat st;

    if (conf->count == 0) {
        adit_log(ADIT_LOG_ERROR, "files", "no file was named");
        return -EINVAL;
    }
    for (size_t i = 0; i < conf->count; i++) {
        const char *name, *other;
        size_t n = adit_file_walk_name(conf->paths[i], &name);

        if (stat(conf->paths[i], &st) < 0) {
            int err = errno;

            adit_log(ADIT_LOG_ERROR, "files", "%s: %s", conf->paths[i], strerror(err));
            return -err;
        }
        for (size_t j = 0; j < i; j++)
            if (n && adit_file_walk_name(conf->paths[j], &other) == n &&
                memcmp(name, other, n) == 0) {
                adit_log(ADIT_LOG_ERROR, "files", "%s and %s would have the same name there",
                         conf->paths[j], conf->paths[i]);
                return -EEXIST;
            }
    }
    return 0;
}

struct adit_send *adit_send_new(const struct adit_send_conf *conf, int *ret_err)
{
    struct adit_send *s;

    *ret_err = judge(conf);
    if (*ret_err)
        return NULL;
    s = adit_zalloc(sizeof *s);
    if (!s) {
        *ret_err = -ENOMEM;
        return NULL;
    }
    s->conf = *conf;
    adit_list_init(&s->items);
    adit_progress_init(&s->progress, conf->progress_fd);
    adit_file_walk_start(&s->walk, conf->paths, conf->count, NULL, NULL);
    adit_timer_init(&s->work, conf->loop, on_work, "files");
    adit_send_wake(s);
    return s;
}

struct adit_send *adit_send_free(struct adit_send *s)
{
    if (!s)
        return NULL;
    while (!adit_list_empty(&s->items))
        adit_send_item_free(adit_container_of(s->items.next, struct adit_send_item, link));
    if (s->batch)
        adit_mux_reset(s->batch, ADIT_MUX_DONE, NULL);
    adit_file_walk_stop(&s->walk);
    adit_timer_stop(&s->work);
    adit_progress_clear(&s->progress);
    adit_free(s);
    return NULL;
}

void adit_send_attach(struct adit_send *s, struct adit_mux *mux, adit_time now)
{
    (void)now;
    assert(!s->mux);
    s->mux = mux;
    adit_send_wake(s);
}

void adit_send_detach(struct adit_send *s)
{
    struct adit_link *it, *tmp;

    s->mux = NULL;
    s->batch = NULL;
    s->batch_ended = false;
    adit_progress_clear(&s->progress);
    ADIT_LIST_EACH(&s->items, it, tmp)
    {
        struct adit_send_item *item = adit_container_of(it, struct adit_send_item, link);

        if (item->state != ADIT_SEND_IDLE)
            adit_send_item_lost(item);
    }
}

struct adit_send_counts adit_send_counts(const struct adit_send *s)
{
    return (struct adit_send_counts){
        .files = s->files,
        .sent = s->sent,
        .there = s->there,
        .failed = s->failed,
        .bytes = s->bytes,
        .bytes_done = s->progress.bytes,
        .bytes_moved = s->progress.moved,
    };
}
