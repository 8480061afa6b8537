/* direct_carrier.h - a carrier without a channel: consumer and provider in one process. What one
 * side says the other hears before the loop sleeps, never from inside. Its memory is not adit's:
 * it does not fail where a test makes that fail. */
#ifndef ADIT_TEST_DIRECT_CARRIER_H
#define ADIT_TEST_DIRECT_CARRIER_H

#include "app/exchange.h"
#include "base/list.h"

#define DIRECT_WINDOW (64 * 1024)

struct direct {
    struct adit_carrier consumer, provider;
    struct adit_loop *loop;
    size_t window;    /* bytes that each side of an exchange may be ahead of the other */
    int begin_err;    /* the next begin fails with this */
    int body_err;     /* all bodies fail with this */
    bool halted;      /* nothing is delivered */
    unsigned open;    /* sides of exchanges that were not freed */
    size_t ahead_max; /* the most that was ever on its way or not consumed, in one direction */
    unsigned begun;   /* exchanges so far */
    bool lost;
    struct adit_link queue, pairs;
    struct adit_task deliver;
};

/* ops: the provider's, of which `request` is called. */
void direct_init(struct direct *d, struct adit_loop *loop, const struct adit_carrier_ops *ops,
                 void *arg);
/* All exchanges were freed. */
void direct_done(struct direct *d);
/* The channel is gone: every exchange fails, on both sides. */
void direct_lose(struct direct *d, adit_time now);
/* Delivers again, after `halted`. */
void direct_go_on(struct direct *d);

#endif
