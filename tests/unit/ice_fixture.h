/* ice_fixture.h - a network for each test of a file; included by programs, not by helpers. */
#ifndef TEST_ICE_FIXTURE_H
#define TEST_ICE_FIXTURE_H

#include "unit/ice_net.h"

static struct net net;

static inline int setup(void **state)
{
    (void)state;
    net_init(&net);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    net_done(&net);
    return 0;
}

#endif
