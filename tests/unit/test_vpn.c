/* The VPN between a real device and a peer that is this test, in a network namespace. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include <net/if.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/vpn.h"
#include "base/alloc.h"
#include "core/udp.h"
#include "tun_fixture.h"

/* Stands for the agent and the peer behind it. */
struct host {
    struct adit_vpn *vpn;
    struct adit_trouble trouble;
    int answer; /* of send */
    int beside; /* of datagram; -EOPNOTSUPP: as if there were none */
    unsigned datagrams;
    size_t packet_max; /* 0: any */
    unsigned sent, gone, closed;
    uint8_t last[2048];
    size_t last_len;
    struct adit_udp udp;
    unsigned received, refused;
};

static int on_send(void *arg, const void *bytes, size_t n)
{
    struct host *h = arg;
    struct adit_packet p;

    if (adit_packet_parse(&p, bytes, n) != ADIT_DROP_NONE || p.proto != 17)
        return 0; /* the kernel's own small talk */
    h->sent++;
    h->last_len = n;
    memcpy(h->last, bytes, n);
    return h->answer;
}

static int on_datagram(void *arg, const uint8_t *bytes, size_t n, uint8_t ecn)
{
    struct host *h = arg;
    struct adit_packet p;

    (void)ecn;
    if (!h->beside && adit_packet_parse(&p, bytes, n) == ADIT_DROP_NONE && p.proto == 17)
        h->datagrams++;
    return h->beside;
}

static size_t on_packet_max(void *arg)
{
    struct host *h = arg;

    return h->packet_max ? h->packet_max : SIZE_MAX;
}

static void on_gone(void *arg, adit_time now)
{
    (void)now;
    ((struct host *)arg)->gone++;
}

static void on_closed(void *arg, adit_time now)
{
    struct host *h = arg;

    (void)now;
    h->closed++;
    h->vpn = adit_vpn_free(h->vpn);
}

/* Without `datagram` but in the test of it. */
static struct adit_vpn_ops ops = {
    .send = on_send, .packet_max = on_packet_max, .gone = on_gone, .closed = on_closed
};

static void on_udp(void *arg, const struct adit_addr *from, uint8_t *bytes, size_t n, adit_time now)
{
    (void)from, (void)bytes, (void)n, (void)now;
    ((struct host *)arg)->received++;
}

static void on_udp_error(void *arg, const struct adit_addr *to, int err, adit_time now)
{
    (void)to, (void)now;
    if (err == EMSGSIZE)
        ((struct host *)arg)->refused++;
}

static const struct adit_udp_ops udp_ops = { .packet = on_udp, .error = on_udp_error };

static struct adit_addr addr(const char *text)
{
    struct adit_addr a;

    assert_int_equal(adit_addr_parse_port(&a, text, strlen(text), 0), 0);
    return a;
}

static struct adit_link_address own = { .own = { .len = 24 } };

static unsigned fixed_mtu;

static int start(struct host *h, const char *up, const char *down)
{
    struct adit_vpn_conf conf = { .device = "v0",
                                  .mtu = fixed_mtu,
                                  .addresses = &own,
                                  .address_count = 1,
                                  .up = up,
                                  .down = down };
    struct adit_udp_conf udp = { .addr = addr("10.77.0.1") };

    own.own.addr = addr("10.77.0.1");
    int err = adit_vpn_new(&h->vpn, loop, &conf, &ops, h, &h->trouble);
    return err ? err : adit_udp_open(&h->udp, loop, &udp, &udp_ops, h);
}

static void send_one(struct host *h, size_t n)
{
    static const uint8_t bytes[1500];
    struct adit_addr to = addr("10.77.0.9:7");

    h->sent = 0;
    adit_udp_send(&h->udp, &to, bytes, n);
}

static void send_and_wait(struct host *h, size_t n)
{
    send_one(h, n);
    assert_true(wait_for(loop, &h->sent));
}

/* Turns the last packet around, as a peer's echo service would. */
static void echo(struct host *h)
{
    uint8_t swap[4];

    memcpy(swap, h->last + 12, 4);
    memcpy(h->last + 12, h->last + 16, 4);
    memcpy(h->last + 16, swap, 4);
    memcpy(swap, h->last + 20, 2);
    memcpy(h->last + 20, h->last + 22, 2);
    memcpy(h->last + 22, swap, 2);
}

static void stop(struct host *h)
{
    adit_udp_close(&h->udp);
    adit_vpn_close(h->vpn);
    adit_vpn_close(h->vpn);
    assert_int_equal(h->closed, 0); /* never from inside */
    assert_true(wait_for(loop, &h->closed));
    assert_int_equal(h->closed, 1);
    assert_int_equal(if_nametoindex("v0"), 0);
}

static void packets_ride_both_ways_and_are_counted(void **state)
{
    struct host h = { 0 };
    struct adit_vpn_stats stats;

    (void)state;
    NEEDS_DEVICES;
    assert_int_equal(start(&h, NULL, NULL), 0);
    assert_string_equal(adit_vpn_device(h.vpn), "v0");
    send_and_wait(&h, 100);
    assert_int_equal(h.last_len, 128);
    echo(&h);
    adit_vpn_feed(h.vpn, h.last, h.last_len, ADIT_ECN_NONE);
    assert_true(wait_for(loop, &h.received));

    h.last[15] ^= 0x80; /* 10.77.0.137 is allowed as well, but the checksum is not right any more */
    adit_vpn_feed(h.vpn, h.last, h.last_len, ADIT_ECN_NONE);
    h.last[14] = 9; /* 10.77.9.x is not */
    adit_vpn_feed(h.vpn, h.last, h.last_len, ADIT_ECN_NONE);
    adit_vpn_feed(h.vpn, h.last, h.last_len, ADIT_ECN_NONE);
    adit_vpn_feed(h.vpn, "", 0, ADIT_ECN_NONE);
    adit_vpn_feed(h.vpn, "\0", 1, ADIT_ECN_NONE);
    adit_vpn_feed(h.vpn, h.last, h.last_len - 1, ADIT_ECN_NONE);
    adit_vpn_stats(h.vpn, &stats);
    assert_int_equal(stats.in_packets, 2);
    assert_int_equal(stats.in_bytes, 256);
    assert_int_equal(stats.in_dropped[ADIT_DROP_SOURCE], 2);
    assert_int_equal(stats.in_dropped[ADIT_DROP_NOT_IP], 2);
    assert_int_equal(stats.in_dropped[ADIT_DROP_MALFORMED], 1);
    stop(&h);
}

static void what_cannot_go_on_is_counted_by_its_reason(void **state)
{
    static const struct {
        int answer;
        enum adit_drop drop;
    } rows[] = {
        { -EAGAIN, ADIT_DROP_FULL },
        { -EMSGSIZE, ADIT_DROP_TOO_BIG },
        { -ENOTCONN, ADIT_DROP_CLOSED },
        { -ECANCELED, ADIT_DROP_CLOSED },
    };
    struct adit_vpn_stats stats;
    struct host h = { 0 };

    (void)state;
    NEEDS_DEVICES;
    assert_int_equal(start(&h, NULL, NULL), 0);
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        uint64_t before;

        adit_vpn_stats(h.vpn, &stats);
        before = stats.out_dropped[rows[i].drop];
        h.answer = rows[i].answer;
        send_and_wait(&h, 100);
        adit_vpn_stats(h.vpn, &stats);
        assert_int_equal(stats.out_dropped[rows[i].drop], before + 1);
    }
    stop(&h);
}

static void packets_go_beside_the_channel_where_they_can(void **state)
{
    static const struct {
        int answer;
        bool falls_back;
        enum adit_drop drop;
    } rows[] = {
        { 0, false, ADIT_DROP_NONE },        { -EOPNOTSUPP, true, ADIT_DROP_NONE },
        { -EMSGSIZE, true, ADIT_DROP_NONE }, { -ENOTCONN, false, ADIT_DROP_CLOSED },
        { -EAGAIN, false, ADIT_DROP_FULL },  { -EPIPE, false, ADIT_DROP_CLOSED },
        { -EIO, false, ADIT_DROP_CLOSED },
    };
    struct adit_vpn_stats stats;
    struct host h = { .beside = -EOPNOTSUPP };

    (void)state;
    NEEDS_DEVICES;
    ops.datagram = on_datagram;
    assert_int_equal(start(&h, NULL, NULL), 0);
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        uint64_t before, went;
        unsigned datagrams = h.datagrams;

        adit_vpn_stats(h.vpn, &stats);
        before = stats.out_dropped[rows[i].drop];
        went = stats.out_packets;
        h.beside = rows[i].answer;
        send_one(&h, 100);
        for (int turn = 0; turn < 5; turn++)
            assert_int_equal(adit_loop_process(loop), 0);
        adit_vpn_stats(h.vpn, &stats);
        assert_int_equal(h.sent, rows[i].falls_back);
        assert_int_equal(h.datagrams - datagrams, rows[i].answer == 0);
        if (rows[i].drop == ADIT_DROP_NONE)
            assert_true(stats.out_packets > went);
        else
            assert_true(stats.out_dropped[rows[i].drop] > before);
    }
    stop(&h);
    ops.datagram = NULL;
}

/* The kernel believes what it is told: it lowers its idea of the path, and fragments. */
static void a_sender_learns_of_a_narrow_path(void **state)
{
    struct adit_vpn_stats stats = { 0 };
    struct host h = { 0 };

    (void)state;
    NEEDS_DEVICES;
    assert_int_equal(start(&h, NULL, NULL), 0);
    send_and_wait(&h, 1200);
    assert_int_equal(h.last_len, 1228);
    h.packet_max = 900;
    for (int i = 0; i < 100 && stats.too_big_told == 0; i++) {
        send_one(&h, 1200);
        assert_int_equal(adit_loop_process(loop), 0);
        adit_vpn_stats(h.vpn, &stats);
    }
    assert_true(stats.too_big_told > 0);
    assert_true(stats.out_dropped[ADIT_DROP_TOO_BIG] >= stats.too_big_told);
    send_and_wait(&h, 1200); /* told: it fragments now */
    assert_true(h.last_len <= 900);
    stop(&h);
}

static unsigned device_mtu(void)
{
    struct ifreq ifr = { .ifr_name = "v0" };
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    assert_int_equal(ioctl(fd, SIOCGIFMTU, &ifr), 0);
    close(fd);
    return (unsigned)ifr.ifr_mtu;
}

static void the_device_follows_the_path(void **state)
{
    static const struct {
        size_t path;
        unsigned mtu;
    } rows[] = { { SIZE_MAX, 1280 }, { 1431, 1431 }, { 1183, 1280 },
                 { 1400, 1400 },     { 0, 1400 },    { 1280, 1280 } }; /* 0: any, and so as it is */
    struct host h = { 0 };

    (void)state;
    NEEDS_DEVICES;
    assert_int_equal(start(&h, NULL, NULL), 0);
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        h.packet_max = rows[i].path;
        adit_vpn_set_size(h.vpn);
        assert_int_equal(device_mtu(), rows[i].mtu);
    }
    stop(&h);
    fixed_mtu = 1300;
    h = (struct host){ .packet_max = 1431 };
    assert_int_equal(start(&h, NULL, NULL), 0);
    adit_vpn_set_size(h.vpn);
    assert_int_equal(device_mtu(), 1300);
    stop(&h);
    fixed_mtu = 0;
}

static void telling_is_limited(void **state)
{
    struct adit_vpn_stats stats;
    struct host h = { .answer = -EMSGSIZE };

    (void)state;
    NEEDS_DEVICES;
    assert_int_equal(start(&h, NULL, NULL), 0);
    for (int i = 0; i < 200; i++)
        send_one(&h, 100);
    for (int i = 0; i < 20; i++)
        assert_int_equal(adit_loop_process(loop), 0);
    adit_vpn_stats(h.vpn, &stats);
    assert_true(stats.out_dropped[ADIT_DROP_TOO_BIG] >= 200);
    assert_in_range(stats.too_big_told, 1, 120);
    stop(&h);
}

static void a_device_taken_away_is_told(void **state)
{
    struct adit_vpn_stats stats;
    struct host h = { 0 };

    (void)state;
    NEEDS_DEVICES;
    assert_int_equal(start(&h, NULL, NULL), 0);
    send_and_wait(&h, 100);
    echo(&h);
    assert_int_equal(netns_del("v0"), 0);
    assert_true(wait_for(loop, &h.gone));
    adit_vpn_stats(h.vpn, &stats);
    uint64_t before = stats.in_packets;
    adit_vpn_feed(h.vpn, h.last, h.last_len, ADIT_ECN_NONE);
    assert_int_equal(adit_loop_process(loop), 0); /* it may have waited for others like it */
    adit_vpn_stats(h.vpn, &stats);
    assert_int_equal(stats.in_dropped[ADIT_DROP_DEVICE], 1);
    assert_int_equal(stats.in_packets, before);
    stop(&h);
}

static void programs_run_before_and_after(void **state)
{
    char dir[] = "/tmp/adit-vpn-XXXXXX", up[512], down[512], made[64];
    struct host h = { 0 };
    struct stat st;

    (void)state;
    NEEDS_DEVICES;
    assert_non_null(mkdtemp(dir));
    /* --down finds what --up left, and the device still there. */
    snprintf(up, sizeof up,
             "sh -c 'test \"$ADIT_EVENT $ADIT_MODE $ADIT_MTU $ADIT_ADDRESSES\" = "
             "\"up tun 1280 10.77.0.1/24\" && echo $ADIT_DEVICE >%s/up'",
             dir);
    snprintf(down, sizeof down,
             "sh -c 'test $ADIT_EVENT = down && test \"$(cat %s/up)\" = v0 && "
             "grep -q v0: /proc/net/dev && rm %s/up && mkdir %s/down'",
             dir, dir, dir);
    snprintf(made, sizeof made, "%s/down", dir);
    assert_int_equal(start(&h, up, down), 0);
    stop(&h); /* at once: --down waits for --up */
    assert_int_equal(stat(made, &st), 0);
    rmdir(made);
    rmdir(dir);

    struct host quick = { 0 };
    assert_int_equal(start(&quick, "sleep 600", "no-such-program"), 0);
    adit_udp_close(&quick.udp);
    quick.vpn = adit_vpn_free(quick.vpn); /* kills it */
    assert_int_equal(if_nametoindex("v0"), 0);

    struct host bad = { 0 };
    assert_int_equal(start(&bad, "no-such-program", "'open quote"), 0); /* told, and goes on */
    stop(&bad);
}

/* Is there a route to 10.88.0.0/16 through the device? */
static bool routed(void)
{
    FILE *f = fopen("/proc/net/route", "re");
    char line[256];
    bool found = false;

    assert_non_null(f);
    while (fgets(line, sizeof line, f))
        found = found || strncmp(line, "v0\t0000580A\t", 12) == 0;
    fclose(f);
    return found;
}

static void routes_may_follow_the_peer(void **state)
{
    struct adit_prefix net = { .addr = addr("10.88.0.0"), .len = 16 };
    struct adit_vpn_conf conf = { .device = "v0",
                                  .addresses = &own,
                                  .address_count = 1,
                                  .routes = &net,
                                  .route_count = 1,
                                  .routes_follow = true };
    struct host h = { 0 };

    (void)state;
    NEEDS_DEVICES;
    own.own.addr = addr("10.77.0.1");
    for (int follow = 1; follow >= 0; follow--) {
        conf.routes_follow = follow;
        assert_int_equal(adit_vpn_new(&h.vpn, loop, &conf, &ops, &h, &h.trouble), 0);
        assert_int_equal(routed(), !follow);
        for (int i = 0; i < 2; i++) {
            adit_vpn_set_up(h.vpn, true);
            adit_vpn_set_up(h.vpn, true);
            assert_true(routed());
            adit_vpn_set_up(h.vpn, false);
            assert_int_equal(routed(), !follow);
        }
        h.vpn = adit_vpn_free(h.vpn);
        assert_false(routed());
    }
}

static void every_allocation_may_fail(void **state)
{
    bool done = false;

    (void)state;
    NEEDS_DEVICES;
    for (uint64_t n = 0; !done; n++) {
        struct host h = { 0 };

        adit_alloc_fail_at(n);
        struct adit_vpn_conf conf = {
            .device = "v0", .addresses = &own, .address_count = 1, .up = "true", .down = "true"
        };
        own.own.addr = addr("10.77.0.1");
        int err = adit_vpn_new(&h.vpn, loop, &conf, &ops, &h, &h.trouble);
        adit_alloc_fail_at(UINT64_MAX);
        done = err == 0 && n > 20;
        assert_true(err == 0 || err == -ENOMEM);
        assert_true(err == 0 || h.trouble.text[0]);
        h.vpn = adit_vpn_free(h.vpn);
        assert_int_equal(if_nametoindex("v0"), 0);
    }
}

static void a_name_that_is_taken_is_refused(void **state)
{
    struct host h = { 0 }, other = { 0 };

    (void)state;
    NEEDS_DEVICES;
    assert_int_equal(start(&h, NULL, NULL), 0);
    assert_int_equal(start(&other, NULL, NULL), -EBUSY);
    assert_null(other.vpn);
    assert_true(other.trouble.help[0]);
    stop(&h);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(packets_ride_both_ways_and_are_counted),
        T(what_cannot_go_on_is_counted_by_its_reason),
        T(packets_go_beside_the_channel_where_they_can),
        T(a_sender_learns_of_a_narrow_path),
        T(the_device_follows_the_path),
        T(telling_is_limited),
        T(a_device_taken_away_is_told),
        T(programs_run_before_and_after),
        T(routes_may_follow_the_peer),
        T(every_allocation_may_fail),
        T(a_name_that_is_taken_is_refused),
    };

    if (access("/dev/net/tun", R_OK | W_OK) < 0)
        missing = "no access to /dev/net/tun";
    if (!netns_enter())
        missing = "no network namespace";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
