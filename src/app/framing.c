#include "app/framing.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/str.h"

static void work(struct adit_task *task, adit_time now);

static void on_again(struct adit_timer *timer, adit_time now)
{
    struct adit_framing *f = adit_container_of(timer, struct adit_framing, again);

    adit_framing_writable(&f->c, now);
}

void adit_framing_init(struct adit_framing *f)
{
    struct adit_rng rng;

    adit_rng_init(&rng);
    adit_map_init(&f->by_id, &rng);
    adit_list_init(&f->all);
    adit_list_init(&f->turns);
    adit_list_init(&f->starved);
    adit_list_init(&f->due);
    adit_framing_lane_init(&f->spoken);
    adit_task_init(&f->work, work);
    adit_timer_init(&f->again, f->c.conf.loop, on_again, "framing");
}

void adit_framing_done(struct adit_framing *f)
{
    assert(adit_list_empty(&f->all));
    adit_framing_purge(f, &f->spoken);
    while (!adit_list_empty(&f->turns)) {
        struct adit_lane *lane = adit_container_of(f->turns.next, struct adit_lane, turn);
        adit_framing_purge(f, lane);
        adit_free(lane);
    }
    adit_task_cancel(&f->work);
    adit_timer_stop(&f->again);
    adit_map_done(&f->by_id);
}

int adit_framing_admits(const struct adit_framing *f)
{
    unsigned max = f->c.conf.exchanges_max ? f->c.conf.exchanges_max : ADIT_FRAMING_EXCHANGES;

    return f->dead ? -EPIPE : !f->greeted || f->count >= max ? -EAGAIN : 0;
}

static void soon(struct adit_framing *f)
{
    adit_loop_before_sleep(f->c.conf.loop, &f->work);
}

void adit_framing_greet(struct adit_framing *f)
{
    if (f->greeted)
        return;
    f->greeted = f->ready_due = true;
    soon(f);
}

void adit_framing_break(struct adit_framing *f, const char *text, adit_time now)
{
    if (f->dead)
        return;
    f->dead = true;
    f->c.conf.ops->broken(f->c.conf.arg, text, now);
}

/* ---- exchanges ------------------------------------------------------------------------------- */

struct adit_framed *adit_framed_new(struct adit_framing *f, size_t size, uint32_t id, uint32_t kind)
{
    struct adit_framed *x = adit_zalloc(size);
    struct adit_lane *lane = adit_zalloc(sizeof *lane);

    if (!x || !lane)
        goto fail;
    x->x.carrier = &f->c;
    x->lane = lane;
    x->key[0] = id;
    x->key[1] = kind;
    if (adit_map_add(&f->by_id, &x->node, x->key, sizeof x->key) < 0)
        goto fail;
    adit_framing_lane_init(lane);
    adit_list_init(&x->starved);
    adit_list_init(&x->due);
    adit_list_add(&f->all, &x->link);
    f->count++;
    return x;
fail:
    adit_free(lane);
    adit_free(x);
    return NULL;
}

struct adit_framed *adit_framed_find(const struct adit_framing *f, uint32_t id, uint32_t kind)
{
    uint32_t key[2] = { id, kind };
    struct adit_map_node *node = adit_map_find(&f->by_id, key, sizeof key);

    return node ? adit_container_of(node, struct adit_framed, node) : NULL;
}

uint32_t adit_framing_next(struct adit_framing *f, uint32_t kind)
{
    do
        f->last += f->last == UINT32_MAX ? 2 : 1;
    while (adit_framed_find(f, f->last, kind));
    return f->last;
}

void adit_framed_forget(struct adit_framed *x)
{
    adit_map_remove(&adit_framing_of(x)->by_id, &x->node);
}

void adit_framed_free(struct adit_framed *x, bool purge)
{
    struct adit_framing *f = adit_framing_of(x);

    if (x->release)
        x->release(x);
    if (x->gone)
        *x->gone = true;
    adit_framed_forget(x);
    adit_list_del(&x->link);
    adit_list_del(&x->starved);
    adit_list_del(&x->due);
    f->count--;
    f->held -= x->held;
    if (purge || f->dead)
        adit_framing_purge(f, x->lane);
    adit_framing_leave(f, x->lane);
    adit_free(x);
    adit_framing_regulate(f);
    if (!adit_list_empty(&f->starved))
        soon(f);
}

void adit_framed_later(struct adit_framed *x)
{
    struct adit_framing *f = adit_framing_of(x);

    if (adit_list_empty(&x->due))
        adit_list_add(&f->due, &x->due);
    soon(f);
}

void adit_framed_fail_later(struct adit_framed *x, int status, const char *text)
{
    if (x->fail_status)
        return;
    x->fail_status = status;
    snprintf(x->fail_text, sizeof x->fail_text, "%s", text);
    adit_framed_later(x);
}

/* ---- telling --------------------------------------------------------------------------------- */

/* Around a callback: is it still there afterwards? A callback may lead to another one, so the
 * places where somebody waits for the news are a stack. */
static bool *enter(struct adit_framed *x, bool *mine)
{
    bool *outer = x->gone;

    *mine = false;
    x->gone = mine;
    return outer;
}

static bool left(struct adit_framed *x, bool *mine, bool *outer)
{
    if (*mine) {
        if (outer)
            *outer = true;
        return false;
    }
    x->gone = outer;
    return !x->over;
}

bool adit_framed_tell_request(struct adit_framed *x, const struct adit_http1_head *head,
                              adit_time now)
{
    struct adit_framing *f = adit_framing_of(x);
    bool gone, *outer = enter(x, &gone);

    adit_framed_expect(x, head);
    f->c.conf.ops->request(f->c.conf.arg, &x->x, head, now);
    return left(x, &gone, outer);
}

bool adit_framed_tell_head(struct adit_framed *x, const struct adit_http1_head *head, adit_time now)
{
    bool gone, *outer = enter(x, &gone);

    if (!head->interim)
        adit_framed_expect(x, head);
    x->x.ops->head(x->x.arg, head, now);
    return left(x, &gone, outer);
}

bool adit_framed_tell_body(struct adit_framed *x, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_framing *f = adit_framing_of(x);
    bool gone, *outer;

    if (n == 0 || x->none)
        return true;
    if (x->counted && n > x->left)
        return adit_framed_tell_failed(x, 502, "the body is longer than its Content-Length", now);
    x->left -= x->counted ? n : 0;
    x->held += n;
    f->held += n;
    adit_framing_regulate(f);
    outer = enter(x, &gone);
    x->x.ops->body(x->x.arg, bytes, n, now);
    return left(x, &gone, outer);
}

bool adit_framed_tell_end(struct adit_framed *x, adit_time now)
{
    bool gone, *outer;

    if (x->in_ended)
        return true;
    if (x->counted && !x->none && x->left > 0)
        return adit_framed_tell_failed(x, 502, "the body is shorter than its Content-Length", now);
    x->in_ended = true;
    outer = enter(x, &gone);
    x->x.ops->end(x->x.arg, NULL, 0, now);
    return left(x, &gone, outer);
}

bool adit_framed_tell_failed(struct adit_framed *x, int status, const char *text, adit_time now)
{
    if (x->over)
        return false;
    x->over = true;
    adit_framed_forget(x);
    adit_list_del(&x->starved);
    if (x->x.ops)
        x->x.ops->failed(x->x.arg, status, text, now);
    else
        adit_framed_free(x, true); /* nobody has it yet */
    return false;
}

/* ---- later ----------------------------------------------------------------------------------- */

static void tell_due(struct adit_framing *f, adit_time now)
{
    for (unsigned n = f->count; n > 0 && !adit_list_empty(&f->due); n--) {
        struct adit_framed *x = adit_container_of(f->due.next, struct adit_framed, due);
        adit_list_del(&x->due);
        if (x->over)
            continue;
        if (x->fail_status)
            adit_framed_tell_failed(x, x->fail_status, x->fail_text, now);
        else if (f->late)
            f->late(x, now);
    }
}

static void tell_starved(struct adit_framing *f, adit_time now)
{
    for (unsigned n = f->count; n > 0 && !adit_list_empty(&f->starved); n--) {
        struct adit_framed *x = adit_container_of(f->starved.next, struct adit_framed, starved);
        adit_list_del(&x->starved);
        if (adit_framing_room(f, x->lane) < ADIT_FRAMING_PIECE) {
            adit_list_add(&f->starved, &x->starved);
            continue;
        }
        if (x->x.ops)
            x->x.ops->writable(x->x.arg, now);
    }
}

static void work(struct adit_task *task, adit_time now)
{
    struct adit_framing *f = adit_container_of(task, struct adit_framing, work);

    if (f->ready_due && !f->dead) {
        f->ready_due = false;
        f->c.conf.ops->ready(f->c.conf.arg, now);
    }
    adit_framing_flush(f);
    tell_due(f, now);
    tell_starved(f, now);
}

void adit_framing_writable(struct adit_carrier *c, adit_time now)
{
    struct adit_framing *f = (struct adit_framing *)c;

    adit_framing_flush(f);
    tell_starved(f, now);
}

size_t adit_framed_room(struct adit_exchange *exchange)
{
    struct adit_framed *x = (struct adit_framed *)exchange;
    struct adit_framing *f = adit_framing_of(x);
    size_t room = f->dead || x->over || x->out_ended ? 0 : adit_framing_room(f, x->lane);

    if (room < ADIT_FRAMING_PIECE && adit_list_empty(&x->starved) && !x->over && !x->out_ended)
        adit_list_add(&f->starved, &x->starved);
    return room;
}

void adit_framed_consumed(struct adit_exchange *exchange, size_t n, adit_time now)
{
    struct adit_framed *x = (struct adit_framed *)exchange;

    (void)now;
    assert(n <= x->held);
    x->held -= n;
    adit_framing_of(x)->held -= n;
    adit_framing_regulate(adit_framing_of(x));
}

void adit_framing_lost(struct adit_carrier *c, adit_time now)
{
    struct adit_framing *f = (struct adit_framing *)c;
    struct adit_link failing;

    f->dead = true;
    adit_timer_stop(&f->again);
    adit_framing_purge(f, &f->spoken);
    adit_list_init(&failing);
    while (!adit_list_empty(&f->all)) { /* each may free others */
        struct adit_link *link = f->all.next;
        adit_list_del(link);
        adit_list_add(&failing, link);
    }
    while (!adit_list_empty(&failing)) {
        struct adit_framed *x = adit_container_of(failing.next, struct adit_framed, link);
        adit_list_del(&x->link);
        adit_list_add(&f->all, &x->link);
        adit_framing_purge(f, x->lane);
        adit_framed_tell_failed(x, 502, "the tunnel has ended", now);
    }
}
