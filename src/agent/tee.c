#include "agent/tee.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/list.h"
#include "base/log.h"

#define PIECE_MAX                                                                   \
    4096 /* bytes read at a time; no more than a pipe takes in one piece (PIPE_BUF) \
          */

struct outlet {
    struct adit_link link;
    struct adit_tee *tee;
    int in, out;       /* the pipe: in is read by others, out is written by us */
    struct adit_io io; /* of out: it is full, and we wait */
    bool ready;
    bool at_line; /* it has what it should have: up to the beginning of the next line */
    size_t skip;  /* bytes of the piece that it has, or will not get */
};

struct adit_tee {
    struct adit_loop *loop;
    int fd;
    bool keep, ended, held;
    struct adit_io io;
    struct adit_task eof;
    struct adit_link outlets;
    uint8_t piece[PIECE_MAX];
    size_t len;
    bool line_begins; /* the next byte of the input begins a line */
};

static struct outlet *outlet_of(struct adit_link *link)
{
    return adit_container_of(link, struct outlet, link);
}

static void on_writable(struct adit_io *io, uint32_t events, adit_time now);

/* True when the outlet has its part of the piece. */
static bool deliver(struct outlet *o)
{
    struct adit_tee *tee = o->tee;

    while (o->ready && o->out >= 0 && o->skip < tee->len) {
        ssize_t n = write(o->out, tee->piece + o->skip, tee->len - o->skip);

        if (n > 0)
            o->skip += (size_t)n;
        else if (n < 0 && errno == EINTR)
            continue;
        else if (n < 0 && errno == EAGAIN)
            return adit_io_start(&o->io, tee->loop, o->out, EPOLLOUT, on_writable, "tee") < 0;
        else
            break; /* nobody reads it any more */
    }
    return true;
}

/* Where this outlet's part of a new piece begins: not in the middle of a line that it has not the
 * beginning of. */
static size_t part_of(struct outlet *o)
{
    struct adit_tee *tee = o->tee;
    const uint8_t *end;

    if (!o->ready)
        return tee->len;
    if (o->at_line || tee->line_begins) {
        o->at_line = true;
        return 0;
    }
    end = memchr(tee->piece, '\n', tee->len);
    o->at_line = end != NULL;
    return end ? (size_t)(end + 1 - tee->piece) : tee->len;
}

/* Reads when somebody is ready and nobody waits for room. */
static void review(struct adit_tee *tee)
{
    struct adit_link *it, *tmp;
    bool wanted = false, full = false;

    ADIT_LIST_EACH(&tee->outlets, it, tmp)
    {
        wanted = wanted || outlet_of(it)->ready;
        full = full || outlet_of(it)->io.loop;
    }
    if (!tee->ended)
        adit_io_want(&tee->io, wanted && !full && !tee->held ? EPOLLIN : 0);
    else if (!full && !tee->keep)
        adit_loop_before_sleep(tee->loop, &tee->eof);
}

static void on_writable(struct adit_io *io, uint32_t events, adit_time now)
{
    struct outlet *o = adit_container_of(io, struct outlet, io);

    (void)events;
    (void)now;
    adit_io_stop(io);
    if (deliver(o))
        review(o->tee);
}

static void close_end(struct outlet *o)
{
    adit_io_stop(&o->io);
    if (o->out >= 0)
        close(o->out);
    o->out = -1;
}

static void on_eof(struct adit_task *task, adit_time now)
{
    struct adit_tee *tee = adit_container_of(task, struct adit_tee, eof);
    struct adit_link *it, *tmp;

    (void)now;
    ADIT_LIST_EACH(&tee->outlets, it, tmp)
    {
        if (outlet_of(it)->ready)
            close_end(outlet_of(it));
    }
}

static void on_readable(struct adit_io *io, uint32_t events, adit_time now)
{
    struct adit_tee *tee = adit_container_of(io, struct adit_tee, io);
    ssize_t n = read(tee->fd, tee->piece, sizeof tee->piece);
    struct adit_link *it, *tmp;

    (void)events;
    (void)now;
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        if (n < 0)
            adit_log(ADIT_LOG_WARN, "agent", "cannot read input: %s, continuing", strerror(errno));
        tee->ended = true;
        adit_io_stop(io);
        review(tee);
        return;
    }
    tee->len = (size_t)n;
    ADIT_LIST_EACH(&tee->outlets, it, tmp)
    {
        outlet_of(it)->skip = part_of(outlet_of(it));
        (void)deliver(outlet_of(it));
    }
    tee->line_begins = tee->piece[n - 1] == '\n';
    review(tee);
}

/* ---- outlets --------------------------------------------------------------------------------- */

static struct outlet *find(struct adit_tee *tee, int outlet)
{
    struct adit_link *it, *tmp;

    ADIT_LIST_EACH(&tee->outlets, it, tmp)
    {
        if (outlet_of(it)->in == outlet)
            return outlet_of(it);
    }
    return NULL;
}

int adit_tee_open(struct adit_tee *tee)
{
    struct outlet *o = adit_zalloc(sizeof *o);
    int ends[2], err;

    if (!o)
        return -ENOMEM;
    if (pipe2(ends, O_CLOEXEC) < 0 || fcntl(ends[1], F_SETFL, O_NONBLOCK) < 0) {
        err = -errno;
        adit_free(o);
        return err;
    }
    o->tee = tee;
    o->in = ends[0];
    o->out = ends[1];
    adit_list_add(&tee->outlets, &o->link);
    return o->in;
}

void adit_tee_ready(struct adit_tee *tee, int outlet)
{
    struct outlet *o = find(tee, outlet);

    if (!o || o->ready)
        return;
    o->ready = true;
    o->skip = tee->len;
    review(tee);
}

void adit_tee_hold(struct adit_tee *tee, bool hold)
{
    tee->held = hold;
    review(tee);
}

static void drop(struct outlet *o)
{
    close_end(o);
    close(o->in);
    adit_list_del(&o->link);
    adit_free(o);
}

void adit_tee_close(struct adit_tee *tee, int outlet)
{
    struct outlet *o = find(tee, outlet);

    if (!o)
        return;
    drop(o);
    review(tee);
}

/* ---- life ------------------------------------------------------------------------------------ */

struct adit_tee *adit_tee_new(struct adit_loop *loop, int fd, bool keep)
{
    struct adit_tee *tee = adit_zalloc(sizeof *tee);

    if (!tee)
        return NULL;
    tee->loop = loop;
    tee->fd = fd;
    tee->keep = keep;
    tee->line_begins = true;
    adit_list_init(&tee->outlets);
    adit_task_init(&tee->eof, on_eof);
    if (adit_io_start(&tee->io, loop, fd, 0, on_readable, "tee") < 0)
        tee->ended = true; /* there is no such input */
    return tee;
}

struct adit_tee *adit_tee_free(struct adit_tee *tee)
{
    struct adit_link *it, *tmp;

    if (!tee)
        return NULL;
    adit_io_stop(&tee->io);
    adit_task_cancel(&tee->eof);
    ADIT_LIST_EACH(&tee->outlets, it, tmp)
    drop(outlet_of(it));
    adit_free(tee);
    return NULL;
}
