/* order.h - messages that overtook others wait for them, as long as those usually take.
 *
 * For channels that carry packets: TCP inside takes reordering for loss, much as SCTP does, and a
 * path that reorders a quarter of its packets costs it five sixths of its speed. An unordered
 * message with nothing missing before it goes at once; one behind a gap waits until the gap is
 * filled, or given up by the sender, or has been there for a window: what the latest message needed
 * that still came, and a quarter (as RFC 2890 section 2.2 buffers packets out of sequence). Where
 * less than one in a hundred is out of turn the window is zero, and nothing waits.
 *
 * Order is that of TSNs. What has gone on is never held: a message beyond the window is delivered
 * when it comes. Pure: no clock, no usrsctp. */
#ifndef ADIT_SCTP_ORDER_H
#define ADIT_SCTP_ORDER_H

#include "base/list.h"

#define ADIT_ORDER_WAIT_MAX  (100 * ADIT_MS)
#define ADIT_ORDER_BYTES_MAX (1024 * 1024) /* 80 Mbit/s for so long; the oldest goes before */
#define ADIT_ORDER_MARKS     128

struct adit_order_item {
    struct adit_link by_tsn, by_age;
    uint32_t tsn;
    adit_time at; /* came */
    void *owner;
    bool text;
    size_t n;
    uint8_t bytes[];
};

struct adit_order {
    struct adit_link by_tsn, by_age;
    size_t bytes; /* that wait */
    bool begun;
    uint32_t highest, passed; /* TSNs: the highest that came; up to here nobody is waited for */
    /* When the highest moved, at most one for each millisecond: how late is a late one? */
    struct adit_order_mark {
        uint32_t tsn;
        adit_time at;
    } marks[ADIT_ORDER_MARKS];
    unsigned mark_count; /* ever */
    /* This period and the one before. */
    struct adit_order_period {
        unsigned came, late;
        adit_time latest;
    } period[2];
    adit_time period_began;
    adit_time window;
};

void adit_order_init(struct adit_order *o);
void adit_order_done(struct adit_order *o);

/* Are all TSNs between the two (neither of them included) here, or given up? */
typedef bool adit_order_whole(void *arg, uint32_t after, uint32_t before);

/* A message came. True: deliver it now; false: it was copied and waits for its turn. */
bool adit_order_came(struct adit_order *o, const struct adit_order_item *item, const void *bytes,
                     adit_order_whole *whole, void *arg, adit_time now);
/* The next whose turn it is, for the caller to free; NULL: none. */
struct adit_order_item *adit_order_next(struct adit_order *o, adit_order_whole *whole, void *arg,
                                        adit_time now);
/* The next, its turn or not. */
struct adit_order_item *adit_order_pop(struct adit_order *o);
/* Nobody is there any more for what this owner waits for. */
void adit_order_forget(struct adit_order *o, const void *owner);
adit_time adit_order_deadline(const struct adit_order *o); /* when to ask next */

#endif
