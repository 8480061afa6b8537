/* TUN and TAP devices in a network namespace: made, found, used, taken away; and the words for what
 * can go wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/udp.h"
#include "tun/checksum.h"
#include "tun/link.h"
#include "tun/packet.h"
#include "tun_fixture.h"

/* ---- words ---- */

static void troubles_have_words_and_advice(void **state)
{
    static const struct {
        struct adit_trouble_facts f;
        bool permission;
        const char *text, *help; /* parts of them */
    } rows[] = {
        { { ADIT_TROUBLE_OPEN, -EACCES, "adit0", false, NULL, NULL, NULL, "/opt/a", "me" },
          true,
          "adit0",
          "sudo setcap cap_net_admin+ep /opt/a\n" },
        { { ADIT_TROUBLE_CREATE, -EPERM, "adit0", false, NULL, NULL, NULL, "/opt/a", "me" },
          true,
          "create",
          "sudo ip tuntap add dev adit0 mode tun user me\n" },
        { { ADIT_TROUBLE_CREATE, -EPERM, "adit0", true, NULL, NULL, NULL, NULL, NULL },
          true,
          "create",
          "mode tap user $USER\n" },
        { { ADIT_TROUBLE_OPEN, -ENOENT, "adit0", false, NULL, NULL, NULL, NULL, NULL },
          true,
          "/dev/net/tun",
          "modprobe tun" },
        { { ADIT_TROUBLE_CREATE, -EBUSY, "adit0", false, NULL, "'adit' (process 7)", NULL, NULL,
            NULL },
          false,
          "busy",
          "in use by 'adit' (process 7)" },
        { { ADIT_TROUBLE_CREATE, -EBUSY, "adit0", false, NULL, "", NULL, NULL, NULL },
          false,
          "busy",
          "another program" },
        { { ADIT_TROUBLE_CREATE, -EINVAL, "eth0", true, NULL, NULL, NULL, NULL, NULL },
          false,
          "eth0",
          "no TAP device" },
        { { ADIT_TROUBLE_LINK, -EPERM, "adit0", false, "1200", NULL, NULL, NULL, NULL },
          true,
          "set up",
          "sudo ip link set adit0 up mtu 1200" },
        { { ADIT_TROUBLE_LINK, -EINVAL, "adit0", false, NULL, NULL, "mtu too large", NULL, NULL },
          false,
          "mtu too large",
          "--mtu" },
        { { ADIT_TROUBLE_ADDRESS, -EPERM, "adit0", false, "10.7.0.1/24", NULL, NULL, NULL, NULL },
          true,
          "10.7.0.1/24",
          "sudo ip address add 10.7.0.1/24 dev adit0" },
        { { ADIT_TROUBLE_ADDRESS, -EEXIST, "adit0", false, "10.7.0.1/24", "eth0", NULL, NULL,
            NULL },
          false,
          "10.7.0.1/24",
          "eth0 already" },
        { { ADIT_TROUBLE_ADDRESS, -EACCES, "adit0", false, "fd00::1/64", NULL, NULL, NULL, NULL },
          false,
          "fd00::1/64",
          "switched off" },
        { { ADIT_TROUBLE_ADDRESS, -ERANGE, "adit0", false, "fd00::1/64", NULL, NULL, NULL, NULL },
          false,
          "fd00::1/64",
          "1280" },
        { { ADIT_TROUBLE_ROUTE, -EEXIST, "adit0", false, "10.0.0.0/8", "eth0", NULL, NULL, NULL },
          false,
          "10.0.0.0/8",
          "through eth0" },
        { { ADIT_TROUBLE_ROUTE, -EPERM, "adit0", false, "10.0.0.0/8", NULL, NULL, NULL, NULL },
          true,
          "10.0.0.0/8",
          "sudo ip route add 10.0.0.0/8 dev adit0" },
        { { ADIT_TROUBLE_LINK, -ENOMEM, "adit0", false, NULL, NULL, NULL, NULL, NULL },
          false,
          "memory",
          "" },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_trouble t;

        adit_trouble_set(&t, &rows[i].f);
        if (t.permission != rows[i].permission || t.err != rows[i].f.err ||
            !strcasestr(t.text, rows[i].text) || !strstr(t.help, rows[i].help) ||
            (t.help[0] && !rows[i].help[0]))
            fail_msg("row %zu: %s\n%s", i, t.text, t.help);
    }
}

/* ---- a device and its other end, which is us ---- */

struct side {
    struct adit_device device;
    struct adit_link_state link;
    struct adit_trouble trouble;
    unsigned packets, gone, matching, lost;
    uint8_t last[2048];
    size_t last_len;
    bool close_in_callback;
    uint8_t proto; /* counted as matching; 0 = any */
    struct adit_task ask;
};

static void on_packet(void *arg, uint8_t *bytes, size_t n, adit_time now)
{
    struct side *s = arg;
    struct adit_packet p;

    (void)now;
    s->packets++;
    if (s->proto && (adit_packet_parse(&p, bytes, n) != ADIT_DROP_NONE || p.proto != s->proto))
        return;
    s->matching++;
    s->last_len = n < sizeof s->last ? n : sizeof s->last;
    memcpy(s->last, bytes, s->last_len);
    if (s->close_in_callback)
        adit_device_close(&s->device);
}

static void on_gone(void *arg, adit_time now)
{
    struct side *s = arg;

    (void)now;
    s->gone++;
}

static void on_lost(void *arg, unsigned count, size_t bytes)
{
    struct side *s = arg;

    (void)bytes;
    s->lost += count;
}

static const struct adit_device_ops device_ops = { .packet = on_packet,
                                                   .lost = on_lost,
                                                   .gone = on_gone };

static int open_device(struct side *s, const char *name, bool tap)
{
    struct adit_device_conf conf = { .name = name, .tap = tap };

    return adit_device_open(&s->device, loop, &conf, &device_ops, s, &s->trouble);
}

static struct adit_prefix prefix(const char *text)
{
    struct adit_prefix p;

    assert_int_equal(adit_prefix_parse(&p, text, strlen(text)), 0);
    return p;
}

static int setup_link(struct side *s, const char *own, const char *peer, const char *to,
                      unsigned mtu)
{
    struct adit_link_address a = { .own = prefix(own) };
    struct adit_prefix r = prefix(to ? to : "0.0.0.0/0");
    struct adit_link_conf conf = {
        .mtu = mtu, .addresses = &a, .address_count = 1, .routes = &r, .route_count = to ? 1 : 0
    };

    if (peer)
        a.peer = prefix(peer).addr;
    return adit_link_setup(&s->link, &s->device, &conf, &s->trouble);
}

static unsigned count_addresses(const char *name)
{
    struct adit_netif_list list;
    unsigned n = 0;

    assert_int_equal(adit_netif_read(&list), 0);
    for (size_t i = 0; i < list.count; i++)
        n += strcmp(list.addrs[i].name, name) == 0;
    adit_netif_list_done(&list);
    return n;
}

static void on_udp(void *arg, const struct adit_addr *from, uint8_t *bytes, size_t n, adit_time now)
{
    (void)from, (void)bytes, (void)n, (void)now;
    ++*(unsigned *)arg;
}

static void on_udp_error(void *arg, const struct adit_addr *to, int err, adit_time now)
{
    (void)arg, (void)to, (void)err, (void)now;
}

static const struct adit_udp_ops udp_ops = { .packet = on_udp, .error = on_udp_error };

/* Turns a UDP packet around: what a peer's echo service would do. */
static void reflect(struct side *s)
{
    unsigned ip = s->last[0] >> 4 == 4 ? 4 : 16, at = ip == 4 ? 12 : 8, udp = ip == 4 ? 20 : 40;
    uint8_t swap[16];

    memcpy(swap, s->last + at, ip);
    memcpy(s->last + at, s->last + at + ip, ip);
    memcpy(s->last + at + ip, swap, ip);
    memcpy(swap, s->last + udp, 2);
    memcpy(s->last + udp, s->last + udp + 2, 2);
    memcpy(s->last + udp + 2, swap, 2);
}

/* Writes what is in s->last until it is received: for some milliseconds after an IPv6 address was
 * given, the kernel has no route yet by which to take packets for it. */
static bool write_until(struct side *s, const unsigned *received)
{
    for (int i = 0; i < 500 && !*received; i++) {
        struct pollfd p = { .fd = adit_loop_fd(loop), .events = POLLIN };

        if (adit_device_write(&s->device, s->last, s->last_len) < 0 || poll(&p, 1, 10) < 0 ||
            adit_loop_process(loop) < 0)
            return false;
    }
    return *received > 0;
}

static void packets_go_out_and_come_back(void **state)
{
    static const struct {
        const char *own, *peer, *route, *to; /* to: where the packet is sent */
        size_t n;                            /* bytes of it without its headers */
    } rows[] = {
        { "10.77.0.1/24", NULL, NULL, "10.77.0.9:7", 5 },
        { "10.77.0.1/24", NULL, NULL, "10.77.0.9:7", 256 - 28 }, /* the last written in one piece */
        { "10.77.0.1/24", NULL, NULL, "10.77.0.9:7", 257 - 28 },
        { "10.77.0.1/24", NULL, NULL, "10.77.0.9:7", 1300 - 28 },
        { "10.77.0.1/32", "10.77.9.2", NULL, "10.77.9.2:7", 5 },
        { "10.77.0.1/24", NULL, "10.88.0.0/16", "10.88.3.4:7", 5 },
        { "fd00:77::1/64", NULL, NULL, "[fd00:77::9]:7", 5 },
        { "fd00:77::1/64", NULL, "fd00:88::5/32", "[fd00:88:1::9]:7", 5 },
    };
    static const uint8_t payload[1300] = "hello";

    (void)state;
    NEEDS_DEVICES;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct side s = { .proto = 17 };
        struct adit_udp_conf conf = { .addr = prefix(rows[i].own).addr };
        struct adit_udp udp;
        struct adit_addr to;
        unsigned received = 0;

        assert_int_equal(open_device(&s, "t%d", false), 0);
        assert_int_equal(setup_link(&s, rows[i].own, rows[i].peer, rows[i].route, 1300), 0);
        assert_string_equal(s.device.name, "t0");
        assert_false(s.device.found);
        assert_int_equal(adit_udp_open(&udp, loop, &conf, &udp_ops, &received), 0);
        assert_int_equal(adit_addr_parse_port(&to, rows[i].to, strlen(rows[i].to), 0), 0);
        adit_udp_send(&udp, &to, payload, rows[i].n);
        assert_true(wait_for(loop, &s.matching));
        reflect(&s);
        assert_true(write_until(&s, &received));
        assert_int_equal(count_addresses("t0"), 1); /* no link-local one beside it */
        assert_true(s.device.stats.written_packets > 0);
        adit_udp_close(&udp);
        adit_link_done(&s.link);
        adit_link_done(&s.link);
        assert_int_equal(count_addresses("t0"), 0);
        adit_device_close(&s.device);
        adit_device_close(&s.device);
        assert_int_equal(if_nametoindex("t0"), 0);
        assert_int_equal(adit_device_write(&s.device, "x", 1), -EAGAIN);
    }
}

/* RFC 792: an echo request from somebody to the device's own address. */
static void make_ping(struct side *s)
{
    static const uint8_t request[28] = {
        0x45, 0, 0,    28,  0, 0, 0, 0, 64, 1, 0, 0, 10, 77, 0, 9, 10, 77, 0, 1, /* IPv4 */
        8,    0, 0xf7, 0xff                                                      /* ICMP */
    };

    memcpy(s->last, request, sizeof request);
    s->last_len = sizeof request;
    adit_put16(s->last + 10, adit_checksum(s->last, 20, 0));
}

static void on_ask(struct adit_task *task, adit_time now)
{
    struct side *s = adit_container_of(task, struct side, ask);

    (void)now;
    make_ping(s);
    assert_int_equal(adit_device_write(&s->device, s->last, s->last_len), 0);
}

/* The first answer comes in the next turn of the loop, and teaches that there are some. */
static void an_answer_is_taken_in_the_turn_of_its_question(void **state)
{
    struct side s = { .proto = 1 };

    (void)state;
    NEEDS_DEVICES;
    adit_task_init(&s.ask, on_ask);
    assert_int_equal(open_device(&s, "t0", false), 0);
    assert_int_equal(setup_link(&s, "10.77.0.1/24", NULL, NULL, 0), 0);
    for (unsigned n = 0; n < 4; n++) {
        s.matching = 0;
        adit_loop_before_sleep(loop, &s.ask);
        assert_int_equal(adit_loop_process(loop), 0);
        assert_int_equal(s.matching, n > 0);
        if (n == 0)
            assert_true(wait_for(loop, &s.matching));
    }
    adit_link_done(&s.link);
    adit_device_close(&s.device);
}

static void a_tap_device_carries_frames(void **state)
{
    struct adit_udp_conf conf = { .addr = prefix("10.77.0.1").addr };
    struct side s = { 0 };
    struct adit_addr to = prefix("10.77.0.9").addr;
    struct adit_udp udp;
    unsigned received = 0;

    (void)state;
    NEEDS_DEVICES;
    to.port = 7;
    assert_int_equal(open_device(&s, "tap7", true), 0);
    assert_int_equal(setup_link(&s, "10.77.0.1/24", NULL, NULL, 0), 0);
    assert_int_equal(adit_udp_open(&udp, loop, &conf, &udp_ops, &received), 0);
    adit_udp_send(&udp, &to, "hello", 5);
    do {
        s.matching = 0;
        assert_true(wait_for(loop, &s.matching));
    } while (adit_get16(s.last + 12) != ADIT_ETHER_ARP);
    assert_int_equal(s.last_len, ADIT_ETHER_LEN + 28);
    adit_udp_close(&udp);
    adit_link_done(&s.link);
    adit_device_close(&s.device);
}

static void what_the_kernel_does_not_take_is_counted(void **state)
{
    struct side s = { 0 };
    uint8_t nonsense[4] = { 0 };

    (void)state;
    NEEDS_DEVICES;
    assert_int_equal(open_device(&s, "t0", false), 0);
    assert_int_equal(adit_device_write(&s.device, "\x45", 1), -EAGAIN); /* it is down */
    assert_int_equal(setup_link(&s, "10.77.0.1/24", NULL, NULL, 0), 0);
    assert_int_equal(adit_device_write(&s.device, nonsense, sizeof nonsense), -EAGAIN);
    assert_int_equal(s.device.stats.write_dropped, 2);
    adit_device_close(&s.device);
}

static void a_device_that_is_taken_away_is_an_event(void **state)
{
    struct side s = { 0 };

    (void)state;
    NEEDS_DEVICES;
    assert_int_equal(open_device(&s, "t0", false), 0);
    assert_int_equal(setup_link(&s, "10.77.0.1/24", NULL, "10.88.0.0/16", 1200), 0);
    assert_int_equal(netns_del("t0"), 0);
    assert_true(wait_for(loop, &s.gone));
    assert_int_equal(adit_loop_process(loop), 0);
    assert_int_equal(s.gone, 1); /* told once, and no spinning */
    assert_true(adit_loop_timeout_ms(loop) < 0);
    assert_int_equal(adit_device_write(&s.device, "x", 1), -EAGAIN);
    adit_link_done(&s.link);
    adit_device_close(&s.device);
}

static void a_device_may_be_closed_by_its_own_packet(void **state)
{
    struct adit_udp_conf conf = { .addr = prefix("10.77.0.1").addr };
    struct side s = { .close_in_callback = true, .proto = 17 };
    struct adit_addr to = prefix("10.77.0.9").addr;
    struct adit_udp udp;
    unsigned received = 0;

    (void)state;
    NEEDS_DEVICES;
    to.port = 7;
    assert_int_equal(open_device(&s, "t0", false), 0);
    assert_int_equal(setup_link(&s, "10.77.0.1/24", NULL, NULL, 0), 0);
    assert_int_equal(adit_udp_open(&udp, loop, &conf, &udp_ops, &received), 0);
    for (int i = 0; i < 3; i++)
        adit_udp_send(&udp, &to, "hello", 5);
    assert_true(wait_for(loop, &s.matching));
    assert_int_equal(s.matching, 1);
    assert_false(adit_device_is_open(&s.device));
    adit_udp_close(&udp);
}

/* What an administrator made stays, as it was; what a killed predecessor left on it is no obstacle.
 */
static void a_persistent_device_is_found_and_left_as_it_was(void **state)
{
    struct side a = { 0 }, b = { 0 };

    (void)state;
    NEEDS_DEVICES;
    assert_int_equal(open_device(&a, "t0", false), 0);
    assert_int_equal(ioctl(a.device.io.fd, TUNSETPERSIST, 1), 0);
    assert_int_equal(setup_link(&a, "10.77.0.1/24", NULL, "10.88.0.0/16", 1200), 0);
    adit_device_close(&a.device); /* as kill -9 does: nothing is taken back */

    assert_int_equal(open_device(&b, "t0", false), 0);
    assert_true(b.device.found);
    assert_int_equal(setup_link(&b, "10.77.0.1/24", NULL, "10.88.0.0/16", 1250), 0);
    assert_int_equal(b.link.added_count + b.link.routed_count, 0); /* was there */
    adit_link_done(&b.link);
    assert_int_equal(count_addresses("t0"), 1);
    assert_int_equal(setup_link(&b, "10.77.0.2/24", NULL, "10.99.0.0/16", 0), 0);
    assert_int_equal(b.link.added_count + b.link.routed_count, 2);
    adit_link_done(&b.link);
    assert_int_equal(count_addresses("t0"), 1);
    adit_link_done(&a.link);
    assert_int_equal(count_addresses("t0"), 0);
    adit_device_close(&b.device);
    assert_true(if_nametoindex("t0") > 0);
    assert_int_equal(netns_del("t0"), 0);
}

static void who_is_in_the_way_is_named(void **state)
{
    struct side a = { 0 }, b = { 0 };

    (void)state;
    NEEDS_DEVICES;
    assert_int_equal(netns_add_veth("one", "two"), 0);
    assert_int_equal(netns_up("one", true), 0);
    assert_int_equal(netns_add_addr("one", "10.77.0.1", 24, 0), 0);
    assert_int_equal(open_device(&a, "t0", false), 0);

    assert_int_equal(open_device(&b, "t0", false), -EBUSY);
    assert_non_null(strstr(b.trouble.help, "'test_tun' (process "));
    assert_int_equal(open_device(&b, "t0", true), -EINVAL);
    assert_int_equal(open_device(&b, "one", false), -EINVAL);
    assert_non_null(strstr(b.trouble.help, "no TUN device"));
    assert_int_equal(open_device(&b, "a-name-that-is-too-long", false), -ENAMETOOLONG);
    assert_false(adit_device_is_open(&b.device));

    assert_int_equal(setup_link(&a, "10.77.0.1/24", NULL, NULL, 0), -EEXIST);
    assert_non_null(strstr(a.trouble.help, "one already"));
    assert_int_equal(setup_link(&a, "fd00:77::1/64", NULL, NULL, 1200), -ERANGE);
    assert_int_equal(setup_link(&a, "10.66.0.1/24", NULL, "10.77.0.0/24", 0), -EEXIST);
    assert_non_null(strstr(a.trouble.help, "through one"));
    assert_int_equal(count_addresses("t0"), 0); /* half a setup is taken back */
    assert_int_equal(setup_link(&a, "10.66.0.1/24", NULL, NULL, 70000), -EINVAL);
    assert_false(a.trouble.permission);
    adit_device_close(&a.device);
    assert_int_equal(netns_del("one"), 0);
}

static void drop_rights(void)
{
    struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct none[2] = { 0 };

    if (syscall(SYS_capset, &head, none) < 0)
        _exit(9);
}

/* In a child without rights: 0 if everything is as it should be. */
static int without_rights(void)
{
    struct side s = { 0 };

    drop_rights();
    if (open_device(&s, "t1", false) >= 0 || !s.trouble.permission ||
        !strstr(s.trouble.help, "setcap cap_net_admin+ep /"))
        return 1;
    return 0;
}

/* As above, on a device that was prepared: needs no right; what is not prepared is told. */
static int on_a_prepared_device(struct side *s)
{
    drop_rights();
    if (setup_link(s, "10.77.0.1/24", NULL, "10.88.0.0/16", 1200) != 0)
        return 1;
    if (setup_link(s, "10.77.0.1/24", NULL, "10.99.0.0/16", 1200) != -EPERM ||
        !s->trouble.permission || !strstr(s->trouble.help, "sudo ip route add 10.99.0.0/16 dev t0"))
        return 2;
    if (setup_link(s, "10.77.0.5/24", NULL, NULL, 0) != -EPERM || !s->trouble.permission)
        return 3;
    if (setup_link(s, "10.77.0.1/24", NULL, NULL, 1300) != -EPERM || !s->trouble.permission)
        return 4;
    return 0;
}

static int in_child(int (*run)(struct side *s), struct side *s)
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0)
        _exit(run(s));
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int run_without_rights(struct side *s)
{
    (void)s;
    return without_rights();
}

static void without_rights_the_way_to_get_them_is_told(void **state)
{
    struct side s = { 0 };

    (void)state;
    NEEDS_DEVICES;
    assert_int_equal(in_child(run_without_rights, NULL), 0);
    assert_int_equal(open_device(&s, "t0", false), 0);
    assert_int_equal(setup_link(&s, "10.77.0.1/24", NULL, "10.88.0.0/16", 1200), 0);
    assert_int_equal(in_child(on_a_prepared_device, &s), 0);
    adit_link_done(&s.link);
    adit_device_close(&s.device);
}

/* Answers the ARP request in s->last. */
static void answer_arp(struct side *s)
{
    static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 9 };
    uint8_t out[ADIT_ETHER_LEN + 28];

    memcpy(out, s->last, sizeof out);
    memcpy(out, s->last + 6, 6);
    memcpy(out + 6, mac, 6);
    out[21] = 2;                       /* reply */
    memcpy(out + 22, mac, 6);          /* who has it: */
    memcpy(out + 28, s->last + 38, 4); /* who was asked for */
    memcpy(out + 32, s->last + 22, 10);
    assert_int_equal(adit_device_write(&s->device, out, sizeof out), 0);
}

/* While nobody answers ARP, packets wait in the kernel and count against the socket's buffer: it
 * fills, then our backlog, and then packets are dropped. After the answer all that waited arrives.
 */
static void a_full_socket_waits_within_a_bound(void **state)
{
    enum { PACKETS = 400, SIZE = 1200 };
    struct adit_udp_conf conf = { .addr = prefix("10.77.0.1").addr, .buffer_bytes = 1 };
    struct side s = { 0 };
    struct adit_addr to = prefix("10.77.0.9").addr;
    uint8_t bytes[SIZE] = { 0 };
    struct adit_udp udp;
    unsigned received = 0;

    (void)state;
    NEEDS_DEVICES;
    to.port = 7;
    assert_int_equal(open_device(&s, "t0", true), 0);
    assert_int_equal(setup_link(&s, "10.77.0.1/24", NULL, NULL, 1400), 0);
    assert_int_equal(adit_udp_open(&udp, loop, &conf, &udp_ops, &received), 0);
    for (int i = 0; i < PACKETS; i++) {
        adit_put16(bytes, (uint16_t)i);
        adit_udp_send(&udp, &to, bytes, sizeof bytes);
    }
    assert_int_equal(adit_loop_process(loop), 0);
    assert_non_null(udp.backlog);
    assert_true(udp.stats.tx_dropped > 0);
    uint64_t waiting = PACKETS - udp.stats.tx_packets - udp.stats.tx_dropped;
    assert_in_range(waiting * SIZE, ADIT_UDP_BACKLOG_MAX / 2, ADIT_UDP_BACKLOG_MAX);

    do {
        s.matching = 0;
        assert_true(wait_for(loop, &s.matching));
        if (adit_get16(s.last + 12) == ADIT_ETHER_ARP)
            answer_arp(&s);
    } while (udp.backlog);
    assert_int_equal(udp.stats.tx_errors, 0);
    assert_int_equal(udp.stats.tx_packets + udp.stats.tx_dropped, PACKETS);
    adit_udp_close(&udp);
    adit_device_close(&s.device);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(troubles_have_words_and_advice),
        T(packets_go_out_and_come_back),
        T(an_answer_is_taken_in_the_turn_of_its_question),
        T(a_tap_device_carries_frames),
        T(what_the_kernel_does_not_take_is_counted),
        T(a_device_that_is_taken_away_is_an_event),
        T(a_device_may_be_closed_by_its_own_packet),
        T(a_persistent_device_is_found_and_left_as_it_was),
        T(who_is_in_the_way_is_named),
        T(without_rights_the_way_to_get_them_is_told),
        T(a_full_socket_waits_within_a_bound),
    };

    if (access("/dev/net/tun", R_OK | W_OK) < 0)
        missing = "no access to /dev/net/tun";
    if (!netns_enter())
        missing = "no network namespace";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
