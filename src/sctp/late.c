/* Channels that the peer opens while our reset of the same id is not answered.
 *
 * RFC 8831 section 6.7: an id may be used again when both directions are reset. The peer knows that
 * before we do, when its answer to our reset (RFC 6525 section 5.1.1) is lost or overtaken by its
 * OPEN; a peer that looks at its own direction alone is even earlier. We can send nothing on the
 * stream until then, not even the ACK. So the OPEN and all that follows it, resets included, wait
 * in their order. What exceeds the budget costs the channel, never a part of what it carried. */
#include "base/alloc.h"
#include "sctp/chan.h"
#include "sctp/dcep.h"

struct late {
    struct adit_link link;  /* s->late */
    struct adit_link items; /* begins with an OPEN, unless some of it has happened already */
    uint16_t sid;
};

struct item {
    struct adit_link link;
    bool reset;
    uint32_t ppid, tsn;
    size_t n;
    uint8_t bytes[];
};

static struct late *find(const struct adit_sctp *s, uint16_t sid)
{
    for (struct adit_link *it = s->late.next; it != &s->late; it = it->next) {
        struct late *l = adit_container_of(it, struct late, link);

        if (l->sid == sid)
            return l;
    }
    return NULL;
}

bool adit_late_has(const struct adit_sctp *s, uint16_t sid)
{
    return find(s, sid) != NULL;
}

bool adit_late_new(const struct adit_sctp *s, uint16_t sid)
{
    const struct adit_channel *c = adit_chan_at(s, sid);

    return adit_chan_marked(s, sid, ADIT_MARK_ASKED) &&
           (c ? c->reset_in : !adit_chan_marked(s, sid, ADIT_MARK_RESTING));
}

/* ---- keeping ---- */

static struct item *take_first(struct adit_sctp *s, struct late *l)
{
    struct item *item = adit_container_of(l->items.next, struct item, link);

    adit_list_del(&item->link);
    s->held -= sizeof *item + item->n;
    return item;
}

static void drop(struct adit_sctp *s, struct late *l)
{
    while (!adit_list_empty(&l->items))
        adit_free(take_first(s, l));
    adit_list_del(&l->link);
    s->late_count--;
    adit_free(l);
}

static bool add(struct adit_sctp *s, struct late *l, const struct item *what, const uint8_t *bytes)
{
    size_t cost = sizeof *what + what->n;
    struct item *item = s->held + cost <= ADIT_CHAN_HELD_MAX ? adit_malloc(cost) : NULL;

    if (!item)
        return false;
    *item = *what;
    if (bytes)
        memcpy(item->bytes, bytes, what->n);
    adit_list_add(&l->items, &item->link);
    s->held += cost;
    return true;
}

static void refuse(struct adit_sctp *s, uint16_t sid)
{
    s->stats.channels_refused++;
    adit_chan_refuse(s, sid);
}

static bool keep(struct adit_sctp *s, struct late *l, uint32_t ppid, const uint8_t *bytes, size_t n)
{
    if (add(s, l, &(struct item){ .ppid = ppid, .tsn = s->tsn, .n = n }, bytes))
        return true;
    drop(s, l);
    return false;
}

void adit_late_open(struct adit_sctp *s, uint16_t sid, const uint8_t *bytes, size_t n)
{
    struct late *l = NULL;

    if (adit_chan_marked(s, sid, ADIT_MARK_OWED))
        return; /* it will hear */
    if (s->late_count < s->conf.channels_max && (l = adit_zalloc(sizeof *l))) {
        l->sid = sid;
        adit_list_init(&l->items);
        adit_list_add(&s->late, &l->link);
        s->late_count++;
    }
    if (!l || !keep(s, l, ADIT_PPID_DCEP, bytes, n))
        refuse(s, sid);
}

bool adit_late_message(struct adit_sctp *s, uint16_t sid, uint32_t ppid, const uint8_t *bytes,
                       size_t n)
{
    struct late *l = find(s, sid);

    if (l && !keep(s, l, ppid, bytes, n))
        refuse(s, sid);
    return l;
}

bool adit_late_oversize(struct adit_sctp *s, uint16_t sid)
{
    bool had = adit_late_drop(s, sid);

    if (had)
        refuse(s, sid);
    return had;
}

bool adit_late_reset(struct adit_sctp *s, uint16_t sid)
{
    struct late *l = find(s, sid);

    adit_chan_mark(s, sid, ADIT_MARK_OWED, false); /* it closed by itself what we would refuse */
    if (!l)
        return false;
    if (add(s, l, &(struct item){ .reset = true }, NULL))
        return true;
    drop(s, l);
    return false;
}

bool adit_late_drop(struct adit_sctp *s, uint16_t sid)
{
    struct late *l = find(s, sid);

    if (l)
        drop(s, l);
    return l;
}

void adit_late_drop_all(struct adit_sctp *s)
{
    while (!adit_list_empty(&s->late))
        drop(s, adit_container_of(s->late.next, struct late, link));
}

/* ---- telling ---- */

/* One whose reset is answered. When a channel among what waited is closed, the rest waits again. */
static struct late *ready(const struct adit_sctp *s)
{
    for (struct adit_link *it = s->late.next; it != &s->late; it = it->next) {
        struct late *l = adit_container_of(it, struct late, link);

        if (!adit_chan_marked(s, l->sid, ADIT_MARK_ASKED))
            return l;
    }
    return NULL;
}

bool adit_late_tell(struct adit_sctp *s)
{
    bool any = false;
    struct late *l;

    while (!s->ended && !s->paused && (l = ready(s))) {
        struct item *item = take_first(s, l);
        uint16_t sid = l->sid;

        if (adit_list_empty(&l->items))
            drop(s, l);
        s->tsn = item->tsn;
        if (item->reset)
            adit_chan_reset_in(s, sid);
        else
            adit_chan_message_now(s, sid, item->ppid, item->bytes, item->n);
        adit_free(item);
        any = true;
    }
    return any;
}
