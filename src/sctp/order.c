#include "sctp/order.h"

#include "base/alloc.h"

#define PERIOD    (5 * ADIT_SEC) /* of measuring; a window lives for one to two of them */
#define LATE_MIN  4              /* an accident or three are no habit */
#define ONE_IN    100            /* out of turn, or it is not worth while */
#define MARK_STEP ADIT_MS

/* RFC 1982: TSNs wrap. */
static bool above(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0;
}

void adit_order_init(struct adit_order *o)
{
    *o = (struct adit_order){ 0 };
    adit_list_init(&o->by_tsn);
    adit_list_init(&o->by_age);
}

static struct adit_order_item *first(const struct adit_order *o)
{
    return adit_list_empty(&o->by_tsn)
               ? NULL
               : adit_container_of(o->by_tsn.next, struct adit_order_item, by_tsn);
}

static struct adit_order_item *oldest(const struct adit_order *o)
{
    return adit_list_empty(&o->by_age)
               ? NULL
               : adit_container_of(o->by_age.next, struct adit_order_item, by_age);
}

static void unlink_item(struct adit_order *o, struct adit_order_item *item)
{
    adit_list_del(&item->by_tsn);
    adit_list_del(&item->by_age);
    o->bytes -= sizeof *item + item->n;
}

void adit_order_done(struct adit_order *o)
{
    struct adit_order_item *item;

    while ((item = adit_order_pop(o)))
        adit_free(item);
}

/* ---- how late is late ------------------------------------------------------------------------ */

static void mark(struct adit_order *o, uint32_t tsn, adit_time now)
{
    const struct adit_order_mark *last = &o->marks[(o->mark_count - 1) % ADIT_ORDER_MARKS];

    o->highest = tsn;
    if (o->mark_count && now - last->at < MARK_STEP)
        return;
    o->marks[o->mark_count++ % ADIT_ORDER_MARKS] = (struct adit_order_mark){ tsn, now };
}

/* Since it was overtaken; ADIT_NEVER: longer than the marks go back. */
static adit_time lateness(const struct adit_order *o, uint32_t tsn, adit_time now)
{
    adit_time late = 0;

    for (unsigned i = 1; i <= o->mark_count; i++) {
        const struct adit_order_mark *m = &o->marks[(o->mark_count - i) % ADIT_ORDER_MARKS];

        if (i > ADIT_ORDER_MARKS)
            return ADIT_NEVER;
        if (!above(m->tsn, tsn))
            break;
        late = now - m->at;
    }
    return late + MARK_STEP;
}

static void measure(struct adit_order *o, uint32_t tsn, adit_time now)
{
    struct adit_order_period *p = o->period;

    if (now - o->period_began >= PERIOD) {
        p[1] = now - o->period_began < 2 * PERIOD ? p[0] : (struct adit_order_period){ 0 };
        p[0] = (struct adit_order_period){ 0 };
        o->period_began = now;
    }
    p->came++;
    if (!o->begun || above(tsn, o->highest)) {
        mark(o, tsn, now);
    } else {
        adit_time late = lateness(o, tsn, now);

        p->late++;
        if (late <= ADIT_ORDER_WAIT_MAX)
            p->latest = adit_time_max(p->latest, late);
    }
    unsigned out_of_turn = p[0].late + p[1].late;
    bool habit = out_of_turn >= LATE_MIN && (uint64_t)out_of_turn * ONE_IN >= p[0].came + p[1].came;
    adit_time latest = habit ? adit_time_max(p[0].latest, p[1].latest) : 0;
    o->window = adit_time_min(latest + latest / 4, ADIT_ORDER_WAIT_MAX);
}

/* ---- waiting --------------------------------------------------------------------------------- */

static void pass(struct adit_order *o, uint32_t tsn)
{
    if (above(tsn, o->passed))
        o->passed = tsn;
}

static bool keep(struct adit_order *o, const struct adit_order_item *like, const void *bytes,
                 adit_time now)
{
    struct adit_order_item *item = adit_malloc(sizeof *item + like->n);
    struct adit_link *after = &o->by_tsn;

    if (!item)
        return false;
    *item = *like;
    item->at = now;
    if (item->n)
        memcpy(item->bytes, bytes, item->n);
    while (after->prev != &o->by_tsn &&
           above(adit_container_of(after->prev, struct adit_order_item, by_tsn)->tsn, item->tsn))
        after = after->prev;
    adit_list_add(after, &item->by_tsn); /* before `after` */
    adit_list_add(&o->by_age, &item->by_age);
    o->bytes += sizeof *item + item->n;
    return true;
}

bool adit_order_came(struct adit_order *o, const struct adit_order_item *item, const void *bytes,
                     adit_order_whole *whole, void *arg, adit_time now)
{
    measure(o, item->tsn, now);
    if (!o->begun)
        o->passed = item->tsn;
    o->begun = true;
    if (!above(item->tsn, o->passed))
        return true; /* it comes too late for any order, or is the first */
    if (!first(o) && (!o->window || whole(arg, o->passed, item->tsn))) {
        pass(o, item->tsn);
        return true;
    }
    return !keep(o, item, bytes, now);
}

struct adit_order_item *adit_order_pop(struct adit_order *o)
{
    struct adit_order_item *item = first(o);

    if (!item)
        return NULL;
    unlink_item(o, item);
    pass(o, item->tsn);
    return item;
}

struct adit_order_item *adit_order_next(struct adit_order *o, adit_order_whole *whole, void *arg,
                                        adit_time now)
{
    const struct adit_order_item *item = first(o), *old = oldest(o);

    if (!item)
        return NULL;
    if (now - old->at >= o->window || o->bytes > ADIT_ORDER_BYTES_MAX)
        pass(o, old->tsn); /* whatever is missing below has been for as long */
    if (above(item->tsn, o->passed) && !whole(arg, o->passed, item->tsn))
        return NULL;
    return adit_order_pop(o);
}

void adit_order_forget(struct adit_order *o, const void *owner)
{
    struct adit_link *it, *tmp;

    ADIT_LIST_EACH(&o->by_age, it, tmp)
    {
        struct adit_order_item *item = adit_container_of(it, struct adit_order_item, by_age);

        if (item->owner != owner)
            continue;
        unlink_item(o, item);
        adit_free(item);
    }
}

adit_time adit_order_deadline(const struct adit_order *o)
{
    const struct adit_order_item *old = oldest(o);

    return old ? old->at + o->window : ADIT_NEVER;
}
