/* receive_item - one file that comes; docs/streams.md, "Files". */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "app/receive_inner.h"
#include "base/alloc.h"
#include "base/str.h"

/* Who was killed and comes back meets the connection that he had: it is missed after 30 s. */
#define BUSY_MAX   (40 * ADIT_SEC)
#define BUSY_AGAIN (200 * ADIT_MS)

static bool is_reading(const struct adit_receive_item *it)
{
    return it->state == ADIT_RECEIVE_OFFER || it->state == ADIT_RECEIVE_COMPARE;
}

static void set_state(struct adit_receive_item *it, enum adit_receive_state state)
{
    it->r->unread -= is_reading(it);
    it->state = state;
    it->r->unread += is_reading(it);
}

static void close_one(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void close_files(struct adit_receive_item *it)
{
    close_one(&it->reading);
    close_one(&it->fd);
    close_one(&it->dir);
}

/* What nothing could go on from is not left lying about. */
static void drop_part(struct adit_receive_item *it)
{
    struct stat st;

    if (it->fd >= 0 && (!it->asks || (fstat(it->fd, &st) == 0 && st.st_size == 0)))
        unlinkat(it->dir, it->part, 0);
}

void adit_receive_item_free(struct adit_receive_item *it)
{
    if (it->stream)
        adit_mux_reset(it->stream, ADIT_MUX_DONE, NULL);
    if (it->state != ADIT_RECEIVE_OVER) {
        drop_part(it);
        it->r->bytes_coming -= it->size;
        adit_progress_again(&it->r->progress, it->at);
    }
    set_state(it, ADIT_RECEIVE_OVER);
    adit_timer_stop(&it->again);
    close_files(it);
    it->r->item_count--;
    adit_list_del(&it->link);
    adit_free(it->name);
    adit_free(it);
}

static void fail(struct adit_receive_item *it, enum adit_mux_code code, const char *why)
{
    struct adit_mux_stream *stream = it->stream;

    it->stream = NULL;
    adit_receive_refuse(it->r, stream, (const uint8_t *)it->name, strlen(it->name), code, why);
    adit_progress_there(&it->r->progress, it->size); /* no more of it will come */
    adit_receive_item_free(it);
}

static void fail_errno(struct adit_receive_item *it, int err)
{
    fail(it, err == -ENOSPC || err == -EDQUOT ? ADIT_MUX_FULL : ADIT_MUX_REFUSED,
         err == -ELOOP    ? "a symbolic link is in its way"
         : err == -EBUSY  ? "it is being received already"
         : err == -EINVAL ? "what is in its place is no file"
                          : strerror(-err));
}

/* How it went is told, and everything but the stream is given back. */
static void answer(struct adit_receive_item *it, enum adit_file_result result, const char *stored)
{
    uint8_t bytes[ADIT_FILE_RESULT_MAX];
    size_t n = stored ? strlen(stored) : 0;

    n = adit_file_result_encode(bytes, result, stored, n);
    if (adit_mux_end(it->stream, bytes, n) < 0) {
        adit_mux_reset(it->stream, ADIT_MUX_FULL, NULL);
        it->stream = NULL;
    }
    it->r->bytes_coming -= it->size;
    set_state(it, ADIT_RECEIVE_OVER);
    close_files(it);
    if (!it->stream)
        adit_receive_item_free(it);
}

/* ---- its end --------------------------------------------------------------------------------- */

static void store(struct adit_receive_item *it)
{
    struct adit_receive *r = it->r;
    struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, it->mtime };
    char stored[ADIT_FILE_LEAF_MAX], shown[ADIT_FILE_NAME_MAX], as[2 * ADIT_FILE_LEAF_MAX];
    int err = fchmod(it->fd, it->mode & ~r->umask) < 0 ? -errno : 0;
    bool renamed;

    (void)!futimens(it->fd, times); /* a file system may know no such times */
    if (close(it->fd) < 0 && !err)
        err = -errno; /* some say only now that there was no room */
    it->fd = -1;
    if (!err)
        err = adit_file_place_publish(it->dir, it->part, it->leaf, r->conf.overwrite, stored);
    if (err) {
        fail_errno(it, err);
        return;
    }
    r->stored++;
    r->bytes_stored += it->size;
    renamed = strcmp(stored, it->leaf) != 0;
    if (renamed)
        adit_receive_tell(r, ADIT_LOG_INFO, "%s is there and is another one: stored as %s",
                          adit_str_printable(shown, sizeof shown, it->name, strlen(it->name)),
                          adit_str_printable(as, sizeof as, stored, strlen(stored)));
    answer(it, ADIT_FILE_STORED, renamed ? stored : NULL);
}

static void there(struct adit_receive_item *it)
{
    struct adit_receive *r = it->r;

    if (it->fd >= 0)
        unlinkat(it->dir, it->part, 0);
    r->there++;
    if (it->at == 0)
        adit_progress_there(&r->progress, it->size);
    answer(it, ADIT_FILE_THERE, NULL);
}

/* The sender has ended, and all that is here has been read. */
static void decide(struct adit_receive_item *it)
{
    uint8_t digest[32];

    for (unsigned i = it->part_is_rival; i < it->rival_count; i++)
        if (memcmp(it->rivals[i].offer.digest, it->digest, sizeof it->digest) == 0) {
            there(it);
            return;
        }
    adit_sha256_get(&it->sha, digest);
    if (it->at == it->size && memcmp(digest, it->digest, sizeof digest) == 0) {
        store(it);
        return;
    }
    unlinkat(it->dir, it->part, 0);
    adit_receive_refuse(it->r, NULL, (const uint8_t *)it->name, strlen(it->name), ADIT_MUX_DONE,
                        "what arrived is not what was sent");
    answer(it, ADIT_FILE_DIFFER, NULL);
}

/* ---- what is here already -------------------------------------------------------------------- */

static void say_offers(struct adit_receive_item *it)
{
    uint8_t head[ADIT_FILE_OFFERS_MAX * ADIT_FILE_OFFER_SIZE];
    struct adit_file_offer offers[ADIT_FILE_OFFERS_MAX];
    size_t count = 0;

    for (unsigned i = 0; i < it->rival_count; i++)
        if (it->rivals[i].offer.have)
            offers[count++] = it->rivals[i].offer;
    set_state(it, ADIT_RECEIVE_CONTENT);
    if (adit_mux_head(it->stream, head, adit_file_head_encode(head, offers, count)) < 0)
        fail_errno(it, -ENOMEM);
}

void adit_receive_item_work(struct adit_receive_item *it, adit_time now)
{
    (void)now;
    if (!is_reading(it))
        return;
    if (adit_receive_read_rivals(it))
        return;
    if (it->state == ADIT_RECEIVE_OFFER)
        say_offers(it);
    else
        decide(it);
}

/* ---- content --------------------------------------------------------------------------------- */

/* NULL: so be it; otherwise why not, perhaps in buf. */
static const char *begin_at(struct adit_receive_item *it, uint64_t start, char buf[80])
{
    struct statvfs fs;
    char need[16], have[16];

    adit_sha256_start(&it->sha);
    if (it->part_is_rival && start == it->rivals[0].offer.have) {
        it->sha = it->part_sha;
        it->at = start;
    } else if (start != 0 && (start != it->size || it->rival_count == it->part_is_rival)) {
        return "it begins where nothing is";
    }
    it->whole = start == it->size && it->at != start;
    if (it->whole)
        return NULL; /* its digest will say which */
    adit_progress_there(&it->r->progress, it->at);
    if (ftruncate(it->fd, (off_t)it->at) < 0)
        return strerror(errno);
    if (fstatvfs(it->fd, &fs) == 0 && fs.f_blocks && fs.f_frsize &&
        (it->size - it->at) / fs.f_frsize > fs.f_bavail) {
        snprintf(buf, 80, "%s are needed, and there is room for %s",
                 adit_progress_size(need, it->size - it->at),
                 adit_progress_size(have, (uint64_t)fs.f_bavail * fs.f_frsize));
        return buf;
    }
    return NULL;
}

/* 0 or -errno. */
static int write_all(struct adit_receive_item *it, const uint8_t *bytes, size_t n)
{
    adit_sha256_more(&it->sha, bytes, n);
    while (n) {
        ssize_t done = pwrite(it->fd, bytes, n, (off_t)it->at);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return done ? -errno : -EIO;
        bytes += done;
        n -= (size_t)done;
        it->at += (uint64_t)done;
    }
    return 0;
}

static void on_data(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_receive_item *it = arg;
    size_t all = n;
    char buf[80];
    int err = 0;

    if (it->state != ADIT_RECEIVE_CONTENT) {
        fail(it, ADIT_MUX_UNKNOWN, "content comes before it was asked for");
        return;
    }
    while (n && it->start_n < sizeof it->start) {
        it->start[it->start_n++] = *bytes++;
        n--;
        if (it->start_n == sizeof it->start) {
            const char *why = begin_at(it, adit_file_start_decode(it->start), buf);

            if (why) {
                fail(it, ADIT_MUX_REFUSED, why);
                return;
            }
        }
    }
    if (n > (it->whole ? 0 : it->size - it->at)) {
        fail(it, ADIT_MUX_UNKNOWN, "more comes than it should have");
        return;
    }
    if (n)
        err = write_all(it, bytes, n);
    if (err) {
        fail_errno(it, err);
        return;
    }
    adit_progress_moved(&it->r->progress, n, now);
    adit_mux_consumed(it->stream, all);
    adit_receive_wake(it->r);
}

static void on_end(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_receive_item *it = arg;

    (void)now;
    if (it->state != ADIT_RECEIVE_CONTENT || it->start_n < sizeof it->start ||
        n != sizeof it->digest) {
        fail(it, ADIT_MUX_UNKNOWN, "it ends where it should not");
        return;
    }
    memcpy(it->digest, bytes, n);
    if (it->asks) {
        decide(it);
        return;
    }
    adit_receive_find_rivals(it);
    set_state(it, ADIT_RECEIVE_COMPARE);
    if (it->rival_count == 0)
        adit_receive_item_work(it, now);
    else
        adit_receive_wake(it->r);
}

static void on_closed(void *arg, enum adit_mux_code code, const char *text, adit_time now)
{
    struct adit_receive_item *it = arg;

    (void)now;
    it->stream = NULL;
    if (it->state == ADIT_RECEIVE_OVER || code == ADIT_MUX_LOST)
        adit_receive_item_free(it);
    else
        fail(it, code, text[0] ? text : adit_mux_code_text(code));
}

static const struct adit_mux_stream_ops stream_ops = {
    .data = on_data,
    .end = on_end,
    .closed = on_closed,
};

/* ---- its beginning --------------------------------------------------------------------------- */

/* Opens what is needed. 0 or -errno. */
static int open_files(struct adit_receive_item *it)
{
    uint64_t have = 0;

    it->dir = adit_file_place_enter(it->r->root, it->name, &it->leaf);
    if (it->dir < 0)
        return it->dir;
    adit_file_place_part(it->part, it->leaf);
    it->fd = adit_file_place_open_part(it->dir, it->part, &have);
    if (it->fd < 0)
        return it->fd;
    it->part_is_rival = it->asks && have > 0 && have <= it->size;
    if (it->part_is_rival)
        it->rivals[it->rival_count++] = (struct adit_rival){ .offer.have = have };
    return 0;
}

/* Its files are to be opened, now or once more. */
static void begin(struct adit_receive_item *it, adit_time now)
{
    int err = open_files(it);

    if (err == -EBUSY && it->asks && now < it->patient_until) {
        close_files(it);
        set_state(it, ADIT_RECEIVE_BUSY);
        adit_timer_set(&it->again, now + BUSY_AGAIN);
        return;
    }
    if (err) {
        fail_errno(it, err);
        return;
    }
    if (!it->asks)
        return;
    adit_receive_find_rivals(it);
    set_state(it, ADIT_RECEIVE_OFFER);
    if (it->rival_count == 0)
        adit_receive_item_work(it, now);
    else
        adit_receive_wake(it->r);
}

static void on_again(struct adit_timer *timer, adit_time now)
{
    begin(adit_container_of(timer, struct adit_receive_item, again), now);
}

void adit_receive_item_open(struct adit_receive *r, struct adit_mux_stream *stream,
                            const struct adit_file_open *open, adit_time now)
{
    struct adit_receive_item *it = adit_zalloc(sizeof *it);
    char *name = adit_malloc(open->name_n + 1);

    if (!it || !name) {
        adit_free(it);
        adit_free(name);
        adit_receive_refuse(r, stream, open->name, open->name_n, ADIT_MUX_FULL, strerror(ENOMEM));
        return;
    }
    memcpy(name, open->name, open->name_n);
    name[open->name_n] = '\0';
    it->r = r;
    it->stream = stream;
    it->name = name;
    it->asks = open->asks;
    it->mode = open->mode;
    it->size = open->size;
    it->mtime = (struct timespec){ .tv_sec = open->mtime, .tv_nsec = open->mtime_ns };
    it->dir = it->fd = it->reading = -1;
    it->state = ADIT_RECEIVE_CONTENT;
    adit_list_add(&r->items, &it->link);
    r->item_count++;
    r->bytes_coming += it->size;
    adit_timer_init(&it->again, r->conf.loop, on_again, "a file's part");
    it->patient_until = now + BUSY_MAX;
    adit_mux_accept(stream, &stream_ops, it);
    begin(it, now);
}
