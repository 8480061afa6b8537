/* test_turn_permit.c - who may be a peer, for how long, and how many of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "unit/turn_world.h"

/* With a relayed address of each family. */
static void begin(struct turn_world *w)
{
    turn_world_start(w);
    turn_begin(w, ADIT_STUN_ALLOCATE);
    adit_stun_add32(&w->request, ADIT_STUN_REQUESTED_TRANSPORT, (uint32_t)TURN_UDP << 24);
    turn_add_family(w, ADIT_STUN_ADDITIONAL_ADDRESS_FAMILY, 2);
    assert_int_equal(turn_ask(w), 0);
}

/* The first and the last address of what is refused, and the neighbours on both sides of it. */
static const struct {
    const char *first, *last, *before,
        *after; /* NULL = is refused for another reason, or not there */
} denied[] = {
    { "0.0.0.0", "0.255.255.255", NULL, "1.0.0.0" },
    { "10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0" },
    { "100.64.0.0", "100.127.255.255", "100.63.255.255", "100.128.0.0" },
    { "127.0.0.0", "127.255.255.255", "126.255.255.255", "128.0.0.0" },
    { "169.254.0.0", "169.254.255.255", "169.253.255.255", "169.255.0.0" },
    { "169.254.169.254", "169.254.170.2", NULL, NULL },
    { "172.16.0.0", "172.31.255.255", "172.15.255.255", "172.32.0.0" },
    { "192.0.0.0", "192.0.0.255", "191.255.255.255", "192.0.1.0" },
    { "192.88.99.0", "192.88.99.255", "192.88.98.255", "192.88.100.0" },
    { "192.168.0.0", "192.168.255.255", "192.167.255.255", "192.169.0.0" },
    { "198.18.0.0", "198.19.255.255", "198.17.255.255", "198.20.0.0" },
    { "224.0.0.0", "239.255.255.255", "223.255.255.255", NULL },
    { "240.0.0.0", "255.255.255.255", NULL, NULL },
    { "[::]", "[::1]", NULL, NULL },
    { "[::2]", "[::ffff:ffff]", NULL, NULL },
    { "[::ffff:0.0.0.0]", "[::ffff:255.255.255.255]", NULL, NULL },
    { "[::ffff:8.8.8.8]", "[::ffff:10.0.0.1]", NULL, NULL },
    { "[64:ff9b::]", "[64:ff9b::ffff:ffff]", NULL, "[64:ff9b:0:0:0:1::]" },
    { "[64:ff9b:1::]", "[64:ff9b:1:ffff:ffff:ffff:ffff:ffff]", "[64:ff9b:0:ffff::]",
      "[64:ff9b:2::]" },
    { "[100::]", "[100::ffff:ffff:ffff:ffff]", NULL, "[100:0:0:1::]" },
    { "[2001::]", "[2001:0:ffff:ffff:ffff:ffff:ffff:ffff]", "[2000:ffff::]", "[2001:1::]" },
    { "[2002::]", "[2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff]", "[2001:ffff::]", "[2003::]" },
    { "[5f00::]", "[5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff]", "[5eff:ffff::]", "[5f01::]" },
    { "[fc00::]", "[fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]", "[fbff:ffff::]", "[fe00::]" },
    { "[fe80::]", "[febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff]", "[fe7f:ffff::]", NULL },
    { "[fec0::]", "[feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]", NULL, NULL },
    { "[ff00::]", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]", NULL, NULL },
    { "198.51.100.2", "[2001:db8:5::2]", "198.51.100.3", "[2001:db8:5::3]" }, /* this host's */
};

static int try_both(struct turn_world *w, const char *ip)
{
    char peer[80];
    int code;

    snprintf(peer, sizeof peer, "%s:9", ip);
    code = turn_permit(w, peer);
    assert_int_equal(turn_bind(w, 0x4000, peer), code);
    assert_int_equal(turn_refresh(w, 3600), 0);
    turn_wait(w, ADIT_TURND_CHANNEL); /* the channel's number is free again */
    return code;
}

static void whom_nobody_reaches(void **state)
{
    struct turn_world w;

    (void)state;
    turn_world_init(&w);
    begin(&w);
    for (size_t i = 0; i < ADIT_LEN(denied); i++) {
        assert_int_equal(try_both(&w, denied[i].first), 403);
        assert_int_equal(try_both(&w, denied[i].last), 403);
        if (denied[i].before)
            assert_int_equal(try_both(&w, denied[i].before), 0);
        if (denied[i].after)
            assert_int_equal(try_both(&w, denied[i].after), 0);
    }
    turn_world_done(&w);
}

static void unless_named(void **state)
{
    struct adit_turnd_net allow[] = { { turn_addr("10.1.0.0"), 16 },
                                      { turn_addr("[fd00:1::]"), 32 },
                                      { turn_addr("198.51.100.2"), 32 } };
    struct turn_world w;

    (void)state;
    turn_world_init(&w);
    w.conf.allow = allow;
    w.conf.allow_count = ADIT_LEN(allow);
    begin(&w);
    assert_int_equal(try_both(&w, "10.1.255.255"), 0);
    assert_int_equal(try_both(&w, "10.2.0.0"), 403);
    assert_int_equal(try_both(&w, "[fd00:1::9]"), 0);
    assert_int_equal(try_both(&w, "[fd00:2::9]"), 403);
    assert_int_equal(try_both(&w, "198.51.100.2"), 0);
    turn_world_done(&w);
}

static void all_or_none(void **state)
{
    struct turn_world w;

    (void)state;
    turn_world_init(&w);
    begin(&w);
    turn_begin(&w, ADIT_STUN_CREATE_PERMISSION);
    assert_int_equal(turn_ask(&w), 400); /* nobody */
    turn_begin(&w, ADIT_STUN_CREATE_PERMISSION);
    turn_add_peer(&w, TURN_PEER);
    turn_add_peer(&w, "10.0.0.1:1");
    assert_int_equal(turn_ask(&w), 403);
    assert_int_equal(turn_send(&w, TURN_PEER, "x", 1), 0);
    turn_begin(&w, ADIT_STUN_CREATE_PERMISSION);
    turn_add_peer(&w, TURN_PEER);
    turn_add_peer(&w, "[2001:db8:9::1]:0");
    assert_int_equal(turn_ask(&w), 0);
    assert_int_equal(turn_send(&w, TURN_PEER, "x", 1), 1);
    assert_int_equal(turn_send(&w, "[2001:db8:9::1]:77", "x", 1), 1);
    turn_begin(&w, ADIT_STUN_CREATE_PERMISSION);
    adit_stun_add(&w.request, ADIT_STUN_XOR_PEER_ADDRESS, "\0\1\0\0\0\0\0", 7);
    assert_int_equal(turn_ask(&w), 400);
    turn_begin(&w, ADIT_STUN_CREATE_PERMISSION);
    adit_stun_add(&w.request, ADIT_STUN_XOR_PEER_ADDRESS, "\0\3\0\0\0\0\0\0", 8);
    assert_int_equal(turn_ask(&w), 443);
    turn_world_done(&w);
}

/* Permissions are an address's, with all its ports, and end after five minutes. */
static void how_long(void **state)
{
    struct turn_world w;
    struct adit_addr relayed;

    (void)state;
    turn_world_init(&w);
    begin(&w);
    relayed = w.ports[0].addr;
    assert_int_equal(turn_refresh(&w, 3600), 0);
    assert_int_equal(turn_permit(&w, TURN_PEER), 0);
    assert_int_equal(turn_send(&w, "203.0.113.5:7", "x", 1), 1);
    assert_int_equal(turn_hear(&w, &relayed, "203.0.113.5:8", "x", 1), 1);
    assert_int_equal(turn_send(&w, "203.0.113.6:7", "x", 1), 0);
    assert_int_equal(turn_hear(&w, &relayed, "203.0.113.6:8", "x", 1), 0);
    turn_wait(&w, ADIT_TURND_PERMISSION - 1);
    assert_int_equal(turn_send(&w, TURN_PEER, "x", 1), 1);
    turn_wait(&w, 1);
    assert_int_equal(turn_send(&w, TURN_PEER, "x", 1), 0);
    assert_int_equal(turn_hear(&w, &relayed, TURN_PEER, "x", 1), 0);
    assert_int_equal(turn_permit(&w, TURN_PEER), 0);
    assert_int_equal(turn_hear(&w, &relayed, TURN_PEER, "x", 1), 1);

    /* a channel has its own ten minutes, and gives a permission of five */
    assert_int_equal(turn_bind(&w, 0x4abc, TURN_PEER), 0);
    turn_wait(&w, ADIT_TURND_PERMISSION);
    assert_int_equal(turn_hear(&w, &relayed, TURN_PEER, "x", 1), 0);
    assert_int_equal(turn_channel(&w, 0x4abc, "x", 1), 1);
    turn_wait(&w, ADIT_TURND_CHANNEL - ADIT_TURND_PERMISSION - 1);
    assert_int_equal(turn_channel(&w, 0x4abc, "x", 1), 1);
    turn_wait(&w, 1);
    assert_int_equal(turn_channel(&w, 0x4abc, "x", 1), 0);
    turn_world_done(&w);
}

static void channel_rules(void **state)
{
    struct turn_world w;

    (void)state;
    turn_world_init(&w);
    begin(&w);
    assert_int_equal(turn_bind(&w, 0x3fff, TURN_PEER), 400);
    assert_int_equal(turn_bind(&w, 0x8000, TURN_PEER), 400);
    assert_int_equal(turn_bind(&w, 0x4000, "203.0.113.5:0"), 400);
    assert_int_equal(turn_bind(&w, 0x4000, TURN_PEER), 0);
    assert_int_equal(turn_bind(&w, 0x4000, TURN_PEER), 0);         /* again: refreshed */
    assert_int_equal(turn_bind(&w, 0x4001, TURN_PEER), 400);       /* the peer has one */
    assert_int_equal(turn_bind(&w, 0x4000, "203.0.113.5:1"), 400); /* the number has a peer */
    assert_int_equal(turn_bind(&w, 0x7fff, "203.0.113.5:1"), 0);   /* RFC 5766's last */
    assert_int_equal(turn_bind(&w, 0x4fff, "[2001:db8:9::1]:1"), 0);
    turn_begin(&w, ADIT_STUN_CHANNEL_BIND);
    turn_add_peer(&w, TURN_PEER);
    assert_int_equal(turn_ask(&w), 400);
    turn_begin(&w, ADIT_STUN_CHANNEL_BIND);
    adit_stun_add32(&w.request, ADIT_STUN_CHANNEL_NUMBER, 0x4002 << 16);
    assert_int_equal(turn_ask(&w), 400);
    /* when its time is over, a number may have another peer, and a peer another number */
    assert_int_equal(turn_refresh(&w, 3600), 0);
    turn_wait(&w, ADIT_TURND_CHANNEL);
    assert_int_equal(turn_bind(&w, 0x4000, "203.0.113.5:1"), 0);
    assert_int_equal(turn_bind(&w, 0x4001, TURN_PEER), 0);
    assert_int_equal(turn_channel(&w, 0x4001, "x", 1), 1);
    turn_world_done(&w);
}

/* At the limit, one over it, and again when some have ended. */
static void how_many(void **state)
{
    struct turn_world w;
    char peer[80];

    (void)state;
    turn_world_init(&w);
    w.conf.limits.permissions = 12;
    w.conf.limits.channels = 5;
    begin(&w);
    assert_int_equal(turn_refresh(&w, 3600), 0);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 20; i++) {
            snprintf(peer, sizeof peer, "203.0.113.%u:1", 20 * round + i);
            assert_int_equal(turn_permit(&w, peer), i < 12 ? 0 : 508);
        }
        snprintf(peer, sizeof peer, "203.0.113.%u:7", 20 * round);
        assert_int_equal(turn_permit(&w, peer), 0); /* has one */
        for (unsigned i = 0; i < 8; i++) {
            snprintf(peer, sizeof peer, "203.0.113.%u:%u", 20 * round, 100 + i);
            assert_int_equal(turn_bind(&w, (uint16_t)(0x4000 + i), peer), i < 5 ? 0 : 508);
        }
        turn_wait(&w, ADIT_TURND_CHANNEL);
    }
    turn_world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whom_nobody_reaches), cmocka_unit_test(unless_named),
        cmocka_unit_test(all_or_none),         cmocka_unit_test(how_long),
        cmocka_unit_test(channel_rules),       cmocka_unit_test(how_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
