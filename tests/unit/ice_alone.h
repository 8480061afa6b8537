/* ice_alone.h - one agent, controlled, that a test speaks to as whoever it likes. */
#ifndef TEST_ICE_ALONE_H
#define TEST_ICE_ALONE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "unit/ice_fixture.h"

static struct net_node *a;

static inline void agent(struct adit_ice_conf *conf)
{
    a = net_node(&net, 0, conf);
    net_base(a, 0, "10.0.0.1:1000", 65535);
    adit_ice_set_role(a->ice, false);
}

static inline void introduce(void)
{
    assert_int_equal(adit_ice_set_remote(a->ice, "peer", NET_PEER_PWD, false, net.now), 0);
}

static inline void feed(const struct adit_addr *from, const void *bytes, size_t n)
{
    struct adit_span span = { .data = bytes, .len = n };

    assert_false(adit_ice_feed(a->ice, 0, from, &span, net.now));
}

/* Does a datagram that begins so get through to DTLS? */
static inline bool lets_in(const struct adit_addr *from, uint8_t first)
{
    uint8_t bytes[40] = { first };
    struct adit_span span = { .data = bytes, .len = sizeof bytes };

    return adit_ice_feed(a->ice, 0, from, &span, net.now);
}

#endif
