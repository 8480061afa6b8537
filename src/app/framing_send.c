/* framing_send.c - messages that wait for the channel, and whose turn it is. */
#include "app/framing.h"
#include "base/alloc.h"

#define LOOK_AGAIN (2 * ADIT_MS)

struct message {
    struct adit_link link;
    size_t n;
    uint8_t bytes[];
};

void adit_framing_lane_init(struct adit_lane *lane)
{
    adit_list_init(&lane->turn);
    adit_list_init(&lane->messages);
}

size_t adit_framing_message_max(const struct adit_framing *f)
{
    return f->c.conf.ops->message_max(f->c.conf.arg);
}

/* An equal part for each lane that has something waiting, and for this one. */
size_t adit_framing_room(struct adit_framing *f, const struct adit_lane *lane)
{
    size_t lanes = adit_list_empty(&lane->turn) ? 1 : 0, share;
    size_t all = f->queued < ADIT_FRAMING_QUEUE_MAX ? ADIT_FRAMING_QUEUE_MAX - f->queued : 0;

    for (struct adit_link *it = f->turns.next; it != &f->turns; it = it->next)
        if (++lanes == ADIT_FRAMING_QUEUE_MAX / ADIT_FRAMING_PIECE)
            break;
    share = ADIT_FRAMING_QUEUE_MAX / lanes;
    share = share > lane->queued ? share - lane->queued : 0;
    return share < all ? share : all;
}

void adit_framing_regulate(struct adit_framing *f)
{
    bool unread = f->c.conf.provider && f->queued > ADIT_FRAMING_UNREAD_MAX;

    if (f->dead)
        return;
    if (!f->paused && (f->held > ADIT_FRAMING_HELD_MAX || unread)) {
        f->paused = true;
        f->c.conf.ops->pause(f->c.conf.arg);
    } else if (f->paused && f->held <= ADIT_FRAMING_HELD_MAX / 2 && !unread) {
        f->paused = false;
        f->c.conf.ops->resume(f->c.conf.arg);
    }
}

/* ---- lanes ----------------------------------------------------------------------------------- */

static void drop(struct adit_framing *f, struct adit_lane *lane, struct message *m)
{
    adit_list_del(&m->link);
    lane->queued -= m->n;
    f->queued -= m->n;
    adit_free(m);
}

void adit_framing_purge(struct adit_framing *f, struct adit_lane *lane)
{
    while (!adit_list_empty(&lane->messages))
        drop(f, lane, adit_container_of(lane->messages.next, struct message, link));
    adit_list_del(&lane->turn);
}

void adit_framing_leave(struct adit_framing *f, struct adit_lane *lane)
{
    (void)f;
    lane->alone = true;
    if (adit_list_empty(&lane->messages))
        adit_free(lane);
}

static struct message *compose(const struct adit_span *parts, unsigned count)
{
    struct message *m;
    size_t n = 0;

    for (unsigned i = 0; i < count; i++)
        n += parts[i].len;
    m = adit_malloc(sizeof *m + n);
    if (!m)
        return NULL;
    m->n = 0;
    for (unsigned i = 0; i < count; i++) {
        if (parts[i].len)
            memcpy(m->bytes + m->n, parts[i].data, parts[i].len);
        m->n += parts[i].len;
    }
    return m;
}

static void put(struct adit_framing *f, struct adit_lane *lane, struct message *m)
{
    adit_list_add(&lane->messages, &m->link);
    lane->queued += m->n;
    f->queued += m->n;
    if (lane != &f->spoken && adit_list_empty(&lane->turn))
        adit_list_add(&f->turns, &lane->turn);
    adit_framing_flush(f);
    adit_framing_regulate(f);
}

int adit_framing_send(struct adit_framing *f, struct adit_lane *lane, const struct adit_span *parts,
                      unsigned count)
{
    struct message *m = f->dead ? NULL : compose(parts, count);

    if (!m)
        return f->dead ? -EPIPE : -ENOMEM;
    put(f, lane, m);
    return 0;
}

void adit_framing_speak(struct adit_framing *f, const struct adit_span *parts, unsigned count)
{
    struct message *m =
        f->dead || f->spoken.queued >= ADIT_FRAMING_SPOKEN_MAX ? NULL : compose(parts, count);

    if (m)
        put(f, &f->spoken, m);
}

/* ---- to the channel -------------------------------------------------------------------------- */

/* False: no more now. */
static bool send_first(struct adit_framing *f, struct adit_lane *lane)
{
    struct message *m = adit_container_of(lane->messages.next, struct message, link);
    const struct adit_carrier_conf *conf = &f->c.conf;

    if (f->high_water && conf->ops->buffered(conf->arg) >= f->high_water) {
        adit_timer_set(&f->again, adit_loop_now(conf->loop) + LOOK_AGAIN);
        return false;
    }
    if (conf->ops->send(conf->arg, m->bytes, m->n, false) == -EAGAIN)
        return false;
    drop(f, lane, m); /* sent, or it never will be: the channel is gone */
    return true;
}

void adit_framing_flush(struct adit_framing *f)
{
    if (f->dead)
        return;
    while (!adit_list_empty(&f->spoken.messages))
        if (!send_first(f, &f->spoken))
            return;
    while (!adit_list_empty(&f->turns)) {
        struct adit_lane *lane = adit_container_of(f->turns.next, struct adit_lane, turn);
        if (!send_first(f, lane))
            break;
        adit_list_del(&lane->turn);
        if (!adit_list_empty(&lane->messages))
            adit_list_add(&f->turns, &lane->turn);
        else if (lane->alone)
            adit_free(lane);
    }
    adit_framing_regulate(f);
}
