/* send_item - one file or directory on its way; docs/streams.md, "Files". */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/send_inner.h"
#include "base/alloc.h"
#include "base/str.h"

#define TOLD_MAX 10 /* files of which it is said that they were there already */

static void set_state(struct adit_send_item *it, enum adit_send_state state)
{
    it->s->in_state[it->large][it->state]--;
    it->state = state;
    it->s->in_state[it->large][state]++;
}

struct adit_send_item *adit_send_item_new(struct adit_send *s, const struct adit_file_entry *e)
{
    struct adit_send_item *it = adit_zalloc(sizeof *it);

    if (!it)
        return NULL;
    it->path = adit_strdup(e->path);
    it->name = adit_strdup(e->name);
    if (!it->path || !it->name) {
        adit_free(it->path);
        adit_free(it->name);
        adit_free(it);
        return NULL;
    }
    it->s = s;
    it->what = e->what;
    it->named = e->named;
    it->mode = e->mode;
    it->size = e->size;
    it->mtime = e->mtime;
    it->mtime_ns = e->mtime_ns;
    it->large = e->size >= ADIT_SEND_ASKS_MIN;
    it->fd = -1;
    adit_list_add(&s->items, &it->link);
    s->in_state[it->large][ADIT_SEND_IDLE]++;
    return it;
}

static void close_file(struct adit_send_item *it)
{
    if (it->fd >= 0)
        close(it->fd);
    it->fd = -1;
}

void adit_send_item_free(struct adit_send_item *it)
{
    if (it->stream)
        adit_mux_reset(it->stream, ADIT_MUX_DONE, NULL);
    close_file(it);
    it->s->in_state[it->large][it->state]--;
    adit_list_del(&it->link);
    adit_free(it->path);
    adit_free(it->name);
    adit_free(it);
}

void adit_send_item_lost(struct adit_send_item *it)
{
    it->stream = NULL;
    close_file(it);
    adit_progress_again(&it->s->progress, it->shown);
    it->shown = 0;
    it->answered = false;
    set_state(it, ADIT_SEND_IDLE);
}

/* It is not to be: the user is told, the other side as well, and the others go on. */
static void fail(struct adit_send_item *it, enum adit_mux_code code, const char *why)
{
    struct adit_send *s = it->s;

    adit_send_failed(s, it->path, why);
    if (it->stream)
        adit_mux_reset(it->stream, code, why);
    it->stream = NULL;
    adit_progress_there(&s->progress, it->size - it->shown);
    adit_send_item_free(it);
    adit_send_wake(s);
}

static void finish(struct adit_send_item *it)
{
    struct adit_send *s = it->s;
    char shown[ADIT_FILE_NAME_MAX];

    if (it->result == ADIT_FILE_DIFFER) {
        fail(it, ADIT_MUX_DONE, "what arrived is not what was sent");
        return;
    }
    if (it->what == ADIT_FILE_REGULAR && it->result == ADIT_FILE_THERE) {
        s->there++;
        if (++s->there_told <= TOLD_MAX)
            adit_send_tell(s, ADIT_LOG_INFO, "%s is there already",
                           adit_str_printable(shown, sizeof shown, it->name, strlen(it->name)));
    } else if (it->what == ADIT_FILE_REGULAR) {
        s->sent++;
    }
    adit_progress_there(&s->progress, it->size - it->shown);
    adit_send_item_free(it);
    adit_send_wake(s);
}

/* ---- what the other side says ---------------------------------------------------------------- */

static void on_head(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_send_item *it = arg;
    int count = adit_file_head_decode(it->offers, it->size, bytes, n);

    (void)now;
    if (it->state != ADIT_SEND_ASK || count < 0) {
        fail(it, ADIT_MUX_UNKNOWN, "the other side answers what cannot be understood");
        return;
    }
    it->offer_count = (unsigned)count;
    it->offer_at = 0;
    it->proven = 0;
    set_state(it, ADIT_SEND_PROVE);
    adit_send_wake(it->s);
}

static void on_end(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_send_item *it = arg;
    struct adit_span name;
    char from[ADIT_FILE_NAME_MAX], to[ADIT_FILE_PART_MAX * 2];

    (void)now;
    if (it->state != ADIT_SEND_WAIT || adit_file_result_decode(&it->result, &name, bytes, n) < 0) {
        fail(it, ADIT_MUX_UNKNOWN, "the other side answers what cannot be understood");
        return;
    }
    it->answered = true; /* `closed` follows */
    if (name.len)
        adit_send_tell(it->s, ADIT_LOG_INFO, "%s is called %s there",
                       adit_str_printable(from, sizeof from, it->name, strlen(it->name)),
                       adit_str_printable(to, sizeof to, name.data, name.len));
}

static void on_writable(void *arg, adit_time now)
{
    struct adit_send_item *it = arg;

    (void)now;
    adit_send_wake(it->s);
}

static void on_closed(void *arg, enum adit_mux_code code, const char *text, adit_time now)
{
    struct adit_send_item *it = arg;

    (void)now;
    it->stream = NULL;
    if (code == ADIT_MUX_DONE && it->answered)
        finish(it);
    else if (code == ADIT_MUX_LOST)
        adit_send_item_lost(it);
    else
        fail(it, code, text[0] ? text : adit_mux_code_text(code));
}

static const struct adit_mux_stream_ops stream_ops = {
    .head = on_head,
    .end = on_end,
    .writable = on_writable,
    .closed = on_closed,
};

/* ---- its work -------------------------------------------------------------------------------- */

/* 0 or -errno. What it is now counts, not what it was when it was found. */
static int open_file(struct adit_send_item *it)
{
    int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | (it->named ? 0 : O_NOFOLLOW);
    struct stat st;

    it->fd = open(it->path, flags);
    if (it->fd < 0 || fstat(it->fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    it->size = (uint64_t)st.st_size;
    it->mode = st.st_mode & 0777;
    it->mtime = st.st_mtim.tv_sec;
    it->mtime_ns = (uint32_t)st.st_mtim.tv_nsec;
    return 0;
}

static int open_stream(struct adit_send_item *it)
{
    uint8_t target[ADIT_FILE_OPEN_MAX];
    size_t n = adit_file_open_encode(target, &(struct adit_file_open){
                                                 .what = it->what,
                                                 .asks = it->large,
                                                 .mode = it->mode,
                                                 .size = it->size,
                                                 .mtime = it->mtime,
                                                 .mtime_ns = it->mtime_ns,
                                                 .name = (const uint8_t *)it->name,
                                                 .name_n = strlen(it->name),
                                             });

    return adit_mux_open(&it->stream, it->s->mux, ADIT_MUX_FILE, target, n, &stream_ops, it);
}

int adit_send_item_begin(struct adit_send_item *it)
{
    int err = it->what == ADIT_FILE_REGULAR && it->fd < 0 ? open_file(it) : 0;

    if (!err)
        err = open_stream(it);
    if (err == -EAGAIN || err == -EPIPE) {
        close_file(it);
        return -EAGAIN;
    }
    if (!err && it->what == ADIT_FILE_DIRECTORY)
        err = adit_mux_end(it->stream, NULL, 0);
    if (err) {
        fail(it, ADIT_MUX_BROKEN, err == -EINVAL ? "not a regular file" : strerror(-err));
        return 0;
    }
    it->at = 0;
    it->start_n = 0;
    memset(it->start, 0, sizeof it->start);
    adit_sha256_start(&it->sha);
    set_state(it, it->what == ADIT_FILE_DIRECTORY ? ADIT_SEND_WAIT
                  : it->large                     ? ADIT_SEND_ASK
                                                  : ADIT_SEND_SEND);
    return 0;
}

/* Up to n bytes at it->at go into the digest. Their number; 0: the file ends here; -errno. */
static ssize_t read_piece(struct adit_send_item *it, size_t n)
{
    ssize_t got;

    do
        got = pread(it->fd, it->s->piece, n < ADIT_SEND_PIECE ? n : ADIT_SEND_PIECE, (off_t)it->at);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return -errno;
    adit_sha256_more(&it->sha, it->s->piece, (size_t)got);
    it->at += (uint64_t)got;
    return got;
}

static void compare(struct adit_send_item *it)
{
    uint8_t digest[32];

    adit_sha256_get(&it->sha, digest);
    if (memcmp(digest, it->offers[it->offer_at].digest, sizeof digest) == 0) {
        it->proven = it->at;
        it->proven_sha = it->sha;
    }
    it->offer_at++;
}

/* Reads as much as the other side has. True: there is more of it. */
static bool prove(struct adit_send_item *it)
{
    size_t turn = 4 * ADIT_SEND_TURN; /* nobody waits for bytes of this */

    while (it->offer_at < it->offer_count && turn) {
        uint64_t left = it->offers[it->offer_at].have - it->at;
        size_t most = left < turn ? (size_t)left : turn;
        ssize_t got = left ? read_piece(it, most) : 0;

        if (left && got <= 0)
            it->offer_at = it->offer_count; /* SEND will meet the same, and say so */
        else if (left == (uint64_t)got)
            compare(it);
        turn -= got > 0 ? (size_t)got : 0;
    }
    if (it->offer_at < it->offer_count)
        return true;
    if (it->s->in_state[true][ADIT_SEND_SEND] >= ADIT_SEND_LARGE_MAX)
        return false; /* whose end will wake us */
    if (it->proven)
        it->sha = it->proven_sha;
    else
        adit_sha256_start(&it->sha);
    it->at = it->proven;
    adit_file_start_encode(it->start, it->at);
    it->shown = it->proven;
    adit_progress_there(&it->s->progress, it->proven);
    set_state(it, ADIT_SEND_SEND);
    return true;
}

/* 1: it has been told; 0: there is no room; -errno. */
static int tell_start(struct adit_send_item *it)
{
    while (it->start_n < sizeof it->start) {
        size_t room = adit_mux_room(it->stream), left = sizeof it->start - it->start_n;
        size_t n = room < left ? room : left;
        int err = n ? adit_mux_send(it->stream, it->start + it->start_n, n) : 0;

        if (err || !n)
            return err;
        it->start_n += (unsigned)n;
    }
    return 1;
}

static int end_stream(struct adit_send_item *it)
{
    uint8_t digest[32];

    adit_sha256_get(&it->sha, digest);
    close_file(it);
    set_state(it, ADIT_SEND_WAIT);
    adit_send_wake(it->s);
    return adit_mux_end(it->stream, digest, sizeof digest);
}

/* 1: more could be sent at once; 0: not now, or all of it was sent; -errno. */
static int send_content(struct adit_send_item *it, adit_time now)
{
    size_t turn = ADIT_SEND_TURN;
    int err = tell_start(it);

    if (err <= 0)
        return err;
    while (it->at < it->size) {
        size_t room = adit_mux_room(it->stream);
        uint64_t left = it->size - it->at;
        ssize_t n;

        if (room == 0)
            return 0;
        if (turn == 0)
            return 1;
        room = room < turn ? room : turn;
        n = read_piece(it, left < room ? (size_t)left : room);
        if (n <= 0)
            return n < 0 ? (int)n : -ENODATA;
        err = adit_mux_send(it->stream, it->s->piece, (size_t)n);
        if (err < 0)
            return err;
        turn -= (size_t)n;
        it->shown += (uint64_t)n;
        adit_progress_moved(&it->s->progress, (uint64_t)n, now);
    }
    return end_stream(it);
}

bool adit_send_item_work(struct adit_send_item *it, adit_time now)
{
    int err = 0;

    if (it->state == ADIT_SEND_PROVE)
        return prove(it);
    if (it->state == ADIT_SEND_SEND)
        err = send_content(it, now);
    if (err < 0)
        fail(it, ADIT_MUX_BROKEN, err == -ENODATA ? "it became shorter meanwhile" : strerror(-err));
    return err > 0;
}
