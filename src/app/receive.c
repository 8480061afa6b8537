#include "app/receive.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/receive_inner.h"
#include "base/alloc.h"
#include "base/str.h"

#define ITEMS_MAX 160 /* at a time; a sender of ours has fewer */
#define TOLD_MAX  20  /* files of which it is said why they are not stored */

void adit_receive_tell(struct adit_receive *r, enum adit_log_level level, const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    adit_progress_clear(&r->progress);
    adit_log(level, "files", "%s", text);
}

void adit_receive_refuse(struct adit_receive *r, struct adit_mux_stream *stream,
                         const uint8_t *name, size_t n, enum adit_mux_code code, const char *why)
{
    char shown[ADIT_FILE_PART_MAX * 2];

    r->failed++;
    if (++r->told <= TOLD_MAX)
        adit_receive_tell(r, ADIT_LOG_ERROR, "%s is not stored: %s",
                          adit_str_printable(shown, sizeof shown, name, n), why);
    else if (r->told == TOLD_MAX + 1)
        adit_receive_tell(r, ADIT_LOG_ERROR, "more is not stored, and only counted from here on");
    if (stream)
        adit_mux_reset(stream, code, why);
}

/* ---- the batch ------------------------------------------------------------------------------- */

static void on_batch_end(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_receive *r = arg;
    uint8_t tally[ADIT_FILE_TALLY_SIZE];
    uint32_t sent;

    (void)now;
    if (adit_file_tally_decode(&sent, &r->sender_failed, bytes, n) < 0)
        r->sender_failed = 1;
    adit_file_tally_encode(tally, r->stored + r->there, r->failed);
    r->batch_answered = adit_mux_end(r->batch, tally, sizeof tally) == 0;
    if (r->batch_answered)
        return;
    adit_mux_reset(r->batch, ADIT_MUX_FULL, NULL);
    r->batch = NULL;
}

static void on_batch_closed(void *arg, enum adit_mux_code code, const char *text, adit_time now)
{
    struct adit_receive *r = arg;

    (void)now;
    r->batch = NULL;
    if (code == ADIT_MUX_LOST && !r->batch_answered)
        return;
    if (!r->batch_answered) {
        r->sender_failed = 1;
        adit_receive_tell(r, ADIT_LOG_ERROR, "the sender gave up: %s",
                          text[0] ? text : adit_mux_code_text(code));
    }
    r->over = true;
    adit_receive_wake(r);
}

static const struct adit_mux_stream_ops batch_ops = {
    .end = on_batch_end,
    .closed = on_batch_closed,
};

static void open_batch(struct adit_receive *r, struct adit_mux_stream *stream,
                       const struct adit_file_open *open)
{
    if (r->batch || r->over) {
        adit_mux_reset(stream, ADIT_MUX_FULL, "somebody else is sending");
        return;
    }
    if (r->finished) {
        r->directories = r->stored = r->there = r->failed = r->told = 0;
        r->bytes_stored = 0;
        r->finished = false;
        adit_progress_init(&r->progress, r->conf.progress_fd);
    }
    r->batch = stream;
    r->batch_answered = false;
    r->sender_failed = 0;
    adit_progress_total(&r->progress, open->files, open->bytes);
    adit_mux_accept(stream, &batch_ops, r);
}

/* ---- directories ----------------------------------------------------------------------------- */

/* Nothing is asked and nothing comes: it is made when it is named, and what is in it follows. */
static void on_directory_end(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_mux_stream *stream = arg;
    uint8_t result[ADIT_FILE_RESULT_MAX];

    (void)bytes;
    (void)n;
    (void)now;
    n = adit_file_result_encode(result, ADIT_FILE_STORED, NULL, 0);
    if (adit_mux_end(stream, result, n) < 0)
        adit_mux_reset(stream, ADIT_MUX_FULL, NULL);
}

static const struct adit_mux_stream_ops directory_ops = { .end = on_directory_end };

static void make_directory(struct adit_receive *r, struct adit_mux_stream *stream,
                           const struct adit_file_open *open)
{
    char name[ADIT_FILE_NAME_MAX + 1];
    const char *leaf;
    int dir, err;

    memcpy(name, open->name, open->name_n);
    name[open->name_n] = '\0';
    dir = adit_file_place_enter(r->root, name, &leaf);
    err = dir < 0 ? dir : adit_file_place_mkdir(dir, leaf, open->mode);
    if (dir >= 0)
        close(dir);
    if (err) {
        adit_receive_refuse(r, stream, open->name, open->name_n, ADIT_MUX_REFUSED,
                            err == -ELOOP ? "a symbolic link is in its way" : strerror(-err));
        return;
    }
    r->directories++;
    adit_mux_accept(stream, &directory_ops, stream);
}

/* ---- what is opened -------------------------------------------------------------------------- */

static bool is_coming(const struct adit_receive *r, const struct adit_file_open *open)
{
    const struct adit_link *it;

    for (it = r->items.next; it != &r->items; it = it->next) {
        const struct adit_receive_item *item =
            adit_container_of(it, struct adit_receive_item, link);

        if (item->state != ADIT_RECEIVE_OVER && strlen(item->name) == open->name_n &&
            memcmp(item->name, open->name, open->name_n) == 0)
            return true;
    }
    return false;
}

/* Why this one is not taken, or NULL. */
static const char *judge(const struct adit_receive *r, const struct adit_file_open *open,
                         enum adit_mux_code *ret_code)
{
    uint64_t files = (uint64_t)r->directories + r->stored + r->there + r->failed + r->item_count;
    uint64_t bytes = r->bytes_stored + r->bytes_coming;
    const char *fault = adit_file_name_fault(open->name, open->name_n);

    *ret_code = ADIT_MUX_FORBIDDEN;
    if (fault)
        return fault;
    if (files >= r->conf.files_max)
        return "more files than are taken here";
    if (r->conf.bytes_max && (bytes > r->conf.bytes_max || open->size > r->conf.bytes_max - bytes))
        return "more bytes than are taken here";
    if (open->what == ADIT_FILE_DIRECTORY)
        return NULL;
    if (is_coming(r, open))
        return "it is being received already";
    *ret_code = ADIT_MUX_FULL;
    return r->item_count >= ITEMS_MAX ? "too many at a time" : NULL;
}

bool adit_receive_opened(struct adit_receive *r, struct adit_mux_stream *stream,
                         enum adit_mux_kind kind, const uint8_t *target, size_t n, adit_time now)
{
    struct adit_file_open open;
    enum adit_mux_code code;
    const char *why;

    if (kind != ADIT_MUX_FILE)
        return false;
    if (adit_file_open_decode(&open, target, n, &why) < 0) {
        adit_receive_refuse(r, stream, (const uint8_t *)"an entry", 8, ADIT_MUX_UNKNOWN, why);
        return true;
    }
    if (open.what == ADIT_FILE_BATCH) {
        open_batch(r, stream, &open);
        return true;
    }
    why = judge(r, &open, &code);
    if (why)
        adit_receive_refuse(r, stream, open.name, open.name_n, code, why);
    else if (open.what == ADIT_FILE_DIRECTORY)
        make_directory(r, stream, &open);
    else
        adit_receive_item_open(r, stream, &open, now);
    return true;
}

/* ---- work ------------------------------------------------------------------------------------ */

static void finish(struct adit_receive *r, adit_time now)
{
    char sum[64], there[48] = "", failed[48] = "";
    int code = r->failed || r->sender_failed;

    r->over = false;
    r->finished = true;
    adit_progress_sum(&r->progress, sum, now);
    if (r->there)
        snprintf(there, sizeof there, "; %u there already", (unsigned)r->there);
    if (code)
        snprintf(failed, sizeof failed, "; %u could not be stored",
                 (unsigned)(r->failed > r->sender_failed ? r->failed : r->sender_failed));
    adit_receive_tell(r, ADIT_LOG_INFO, "received %u file%s, %s%s%s", (unsigned)r->stored,
                      r->stored == 1 ? "" : "s", sum, there, failed);
    if (r->conf.done)
        r->conf.done(r->conf.arg, code);
}

static const char *at_work(const struct adit_receive *r)
{
    const struct adit_link *first = r->items.next;

    return first == &r->items ? NULL
                              : adit_container_of(first, struct adit_receive_item, link)->name;
}

static struct adit_receive_item *first_unread(const struct adit_receive *r)
{
    struct adit_link *it, *tmp;

    ADIT_LIST_EACH(&r->items, it, tmp)
    {
        struct adit_receive_item *item = adit_container_of(it, struct adit_receive_item, link);

        if (item->state == ADIT_RECEIVE_OFFER || item->state == ADIT_RECEIVE_COMPARE)
            return item;
    }
    assert(false);
    return NULL;
}

static void on_work(struct adit_timer *timer, adit_time now)
{
    struct adit_receive *r = adit_container_of(timer, struct adit_receive, work);

    r->woken = false;
    if (r->over) {
        finish(r, now); /* may have freed us */
        return;
    }
    /* One after the other: a disk likes that better, and it takes fewer descriptors. */
    if (r->unread)
        adit_receive_item_work(first_unread(r), now);
    adit_progress_show(&r->progress, at_work(r), now);
    if (r->unread || r->woken)
        adit_timer_set(&r->work, 0);
    else if (!adit_list_empty(&r->items))
        adit_timer_set(&r->work, adit_progress_deadline(&r->progress));
}

/* ---- the facade ------------------------------------------------------------------------------ */

struct adit_receive *adit_receive_new(const struct adit_receive_conf *conf, int *ret_err)
{
    struct adit_receive *r = adit_zalloc(sizeof *r);

    if (!r) {
        *ret_err = -ENOMEM;
        return NULL;
    }
    r->root = -1;
    if (mkdir(conf->dir, 0777) == 0 || errno == EEXIST)
        r->root = open(conf->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (r->root < 0) {
        *ret_err = -errno;
        adit_log(ADIT_LOG_ERROR, "files", "%s: %s", conf->dir, strerror(-*ret_err));
        adit_free(r);
        return NULL;
    }
    r->conf = *conf;
    r->conf.dir = NULL;
    if (!r->conf.files_max)
        r->conf.files_max = ADIT_RECEIVE_FILES_DEFAULT;
    r->umask = umask(0);
    umask(r->umask);
    adit_list_init(&r->items);
    adit_progress_init(&r->progress, conf->progress_fd);
    adit_timer_init(&r->work, conf->loop, on_work, "files");
    *ret_err = 0;
    return r;
}

struct adit_receive *adit_receive_free(struct adit_receive *r)
{
    if (!r)
        return NULL;
    while (!adit_list_empty(&r->items))
        adit_receive_item_free(adit_container_of(r->items.next, struct adit_receive_item, link));
    if (r->batch)
        adit_mux_reset(r->batch, ADIT_MUX_DONE, NULL);
    adit_timer_stop(&r->work);
    adit_progress_clear(&r->progress);
    close(r->root);
    adit_free(r);
    return NULL;
}

void adit_receive_detach(struct adit_receive *r)
{
    if (r->batch && r->batch_answered) {
        r->over = true; /* nothing is missing here */
        adit_receive_wake(r);
    }
    r->batch = NULL;
    adit_progress_clear(&r->progress);
    while (!adit_list_empty(&r->items)) {
        struct adit_receive_item *it =
            adit_container_of(r->items.next, struct adit_receive_item, link);

        it->stream = NULL;
        adit_receive_item_free(it);
    }
}

struct adit_receive_counts adit_receive_counts(const struct adit_receive *r)
{
    return (struct adit_receive_counts){
        .stored = r->stored,
        .there = r->there,
        .failed = r->failed,
        .bytes_stored = r->bytes_stored,
        .bytes_moved = r->progress.moved,
    };
}
