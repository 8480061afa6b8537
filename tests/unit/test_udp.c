/* UDP sockets on the loopback interface: binding, batches, limits, closing inside callbacks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "core/udp.h"
#include "wait.h"

struct end {
    struct adit_udp udp;
    unsigned packets, errors, done, want;
    struct adit_addr from, refused;
    int err;
    size_t sum;
    bool close_in_callback;
    bool ecn;             /* the first byte of a packet is its ECN */
    size_t expected[128]; /* sizes, in order; 0 = any */
    uint8_t last[ADIT_UDP_PACKET_MAX];
};

static struct adit_loop *loop;
static unsigned fds_before;

static int setup(void **state)
{
    (void)state;
    fds_before = open_fds();
    loop = adit_loop_new();
    return loop ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    loop = adit_loop_free(loop);
    return open_fds() == fds_before ? 0 : -1;
}

static void on_packet(void *arg, const struct adit_addr *from, uint8_t *bytes, size_t n,
                      adit_time now)
{
    struct end *e = arg;

    (void)now;
    if (e->packets < ADIT_LEN(e->expected) && e->expected[e->packets])
        assert_int_equal(n, e->expected[e->packets]);
    if (e->ecn)
        assert_int_equal(e->udp.rx_ecn, bytes[0]);
    e->packets++;
    e->from = *from;
    e->sum += n;
    memcpy(e->last, bytes, n);
    e->done = e->packets >= e->want;
    if (e->close_in_callback)
        adit_udp_close(&e->udp);
}

static void on_error(void *arg, const struct adit_addr *to, int err, adit_time now)
{
    struct end *e = arg;

    (void)now;
    e->errors++;
    e->refused = *to;
    e->err = err;
    e->done = 1;
}

static const struct adit_udp_ops ops = { .packet = on_packet, .error = on_error };

static struct adit_addr addr(const char *text)
{
    struct adit_addr a;

    assert_int_equal(adit_addr_parse_port(&a, text, strlen(text), 0), 0);
    return a;
}

static int open_at(struct end *e, const char *text)
{
    struct adit_udp_conf conf = { .addr = addr(text) };

    return adit_udp_open(&e->udp, loop, &conf, &ops, e);
}

static void packets_cross_both_ways_in_both_families(void **state)
{
    static const char *const hosts[] = { "127.0.0.1", "[::1]" };

    (void)state;
    for (unsigned i = 0; i < ADIT_LEN(hosts); i++) {
        struct end a = { .want = 1 }, b = { .want = 1 };
        int err = open_at(&a, hosts[i]);

        if (err == -EADDRNOTAVAIL || err == -EAFNOSUPPORT) {
            print_message("no %s here\n", hosts[i]);
            continue;
        }
        assert_int_equal(err, 0);
        assert_int_equal(open_at(&b, hosts[i]), 0);
        assert_int_equal(adit_udp_send(&a.udp, adit_udp_local(&b.udp), "ping", 4), 0);
        assert_true(wait_for(loop, &b.done));
        assert_true(adit_addr_equal(&b.from, adit_udp_local(&a.udp)));
        assert_int_equal(adit_udp_send(&b.udp, &b.from, b.last, 4), 0);
        assert_true(wait_for(loop, &a.done));
        assert_memory_equal(a.last, "ping", 4);
        assert_int_equal(a.udp.stats.tx_bytes, 4);
        assert_int_equal(a.udp.stats.rx_packets, 1);
        adit_udp_close(&a.udp);
        adit_udp_close(&b.udp);
        adit_udp_close(&b.udp);
        assert_int_equal(adit_udp_send(&b.udp, &b.from, "x", 1), -ECANCELED);
    }
}

static void more_than_a_batch_arrives_complete_and_in_order(void **state)
{
    struct end a = { 0 }, b = { .want = 500 };
    uint8_t bytes[1200] = { 0 };
    size_t sum = 0;

    (void)state;
    assert_int_equal(open_at(&a, "127.0.0.1"), 0);
    assert_int_equal(open_at(&b, "127.0.0.1"), 0);
    for (unsigned i = 0; i < b.want; i++) {
        size_t n = 2 + i % (sizeof bytes - 2);
        adit_put16(bytes, (uint16_t)i);
        assert_int_equal(adit_udp_send(&a.udp, adit_udp_local(&b.udp), bytes, n), 0);
        sum += n;
        if (i % 100 == 99) /* the receiver's buffer may be small */
            assert_int_equal(adit_loop_process(loop), 0);
    }
    assert_true(wait_for(loop, &b.done));
    assert_int_equal(b.sum, sum);
    assert_int_equal(adit_get16(b.last), b.want - 1);
    adit_udp_close(&a.udp);
    adit_udp_close(&b.udp);
}

/* Sizes that make runs, and break them; also where the kernel does not cut: without checksums. */
static void runs_arrive_as_packets(void **state)
{
    static const uint16_t sizes[] = { 1200, 1200, 1200, 300, 1200, 1200, 1300, 1300, 2,
                                      2,    2048, 2048, 1,   1,    1,    100,  100 };
    uint8_t bytes[2048];

    (void)state;
    for (int cut = 0; cut < 2; cut++) {
        struct end a = { 0 }, b = { .want = 4 * ADIT_LEN(sizes) }, c = { .want = ADIT_LEN(sizes) };
        int one = 1;

        assert_int_equal(open_at(&a, "127.0.0.1"), 0);
        assert_int_equal(open_at(&b, "127.0.0.1"), 0);
        assert_int_equal(open_at(&c, "127.0.0.1"), 0);
        if (!cut)
            assert_int_equal(setsockopt(a.udp.io.fd, SOL_SOCKET, SO_NO_CHECK, &one, sizeof one), 0);
        for (unsigned i = 0; i < 4 * ADIT_LEN(sizes); i++) {
            size_t n = sizes[i % ADIT_LEN(sizes)];

            memset(bytes, (int)i, n);
            b.expected[i] = n;
            assert_int_equal(adit_udp_send(&a.udp, adit_udp_local(&b.udp), bytes, n), 0);
            if (i % 4 == 0) {
                c.expected[i / 4] = n;
                assert_int_equal(adit_udp_send(&a.udp, adit_udp_local(&c.udp), bytes, n), 0);
            }
        }
        assert_true(wait_for(loop, &b.done));
        assert_true(wait_for(loop, &c.done));
        assert_int_equal(a.udp.runs, cut);
        assert_int_equal(a.udp.stats.tx_packets, 5 * ADIT_LEN(sizes));
        assert_int_equal(b.udp.stats.rx_dropped + a.udp.stats.tx_dropped, 0);
        adit_udp_close(&a.udp);
        adit_udp_close(&b.udp);
        adit_udp_close(&c.udp);
    }
}

/* In runs and alone, IPv4 and IPv6: each packet has the ECN that it was sent with. */
static void ecn_comes_through(void **state)
{
    static const char *const hosts[] = { "127.0.0.1", "[::1]" };

    (void)state;
    for (size_t h = 0; h < ADIT_LEN(hosts); h++) {
        struct end a = { 0 }, b = { .want = 120, .ecn = true };

        if (open_at(&a, hosts[h]) < 0)
            continue; /* no IPv6 here */
        assert_int_equal(open_at(&b, hosts[h]), 0);
        for (unsigned i = 0; i < 120; i++) {
            uint8_t bytes[100] = { (uint8_t)(i < 60 ? i / 15 : i % 4) };

            a.udp.tx_ecn = bytes[0];
            assert_int_equal(adit_udp_send(&a.udp, adit_udp_local(&b.udp), bytes, sizeof bytes), 0);
        }
        assert_true(wait_for(loop, &b.done));
        assert_true(a.udp.runs);
        adit_udp_close(&a.udp);
        adit_udp_close(&b.udp);
    }
}

static void a_socket_may_be_closed_by_its_own_packet(void **state)
{
    struct end a = { 0 }, b = { .want = 1, .close_in_callback = true };

    (void)state;
    assert_int_equal(open_at(&a, "127.0.0.1"), 0);
    assert_int_equal(open_at(&b, "127.0.0.1"), 0);
    for (int i = 0; i < 5; i++)
        adit_udp_send(&a.udp, adit_udp_local(&b.udp), "x", 1);
    assert_true(wait_for(loop, &b.done));
    assert_int_equal(b.packets, 1);
    assert_false(adit_udp_is_open(&b.udp));
    adit_udp_close(&a.udp);
}

static void what_is_queued_leaves_when_the_socket_closes(void **state)
{
    struct end a = { 0 }, b = { .want = 1 };

    (void)state;
    assert_int_equal(open_at(&a, "127.0.0.1"), 0);
    assert_int_equal(open_at(&b, "127.0.0.1"), 0);
    adit_udp_send(&a.udp, adit_udp_local(&b.udp), "bye", 3);
    adit_udp_close(&a.udp);
    assert_true(wait_for(loop, &b.done));
    assert_int_equal(b.sum, 3);
    adit_udp_close(&b.udp);
}

static void bad_packets_are_dropped_and_counted(void **state)
{
    struct end a = { .want = 1 }, b = { .want = 1 };
    struct adit_addr v6 = addr("[::1]:9");
    uint8_t bytes[ADIT_UDP_PACKET_MAX + 1] = { 0 };

    (void)state;
    assert_int_equal(open_at(&a, "127.0.0.1"), 0);
    assert_int_equal(open_at(&b, "127.0.0.1"), 0);
    assert_int_equal(adit_udp_send(&a.udp, adit_udp_local(&b.udp), bytes, sizeof bytes), -EMSGSIZE);
    assert_int_equal(adit_udp_send(&a.udp, &v6, bytes, 1), -EAFNOSUPPORT);
    assert_int_equal(a.udp.stats.tx_dropped, 2);
    adit_udp_send(&a.udp, adit_udp_local(&b.udp), bytes, 0); /* empty: not handed up */
    adit_udp_send(&a.udp, adit_udp_local(&b.udp), bytes, ADIT_UDP_PACKET_MAX);
    assert_true(wait_for(loop, &b.done));
    assert_int_equal(b.sum, ADIT_UDP_PACKET_MAX);
    assert_int_equal(b.udp.stats.rx_dropped, 1);
    adit_udp_close(&a.udp);
    adit_udp_close(&b.udp);
}

static void a_refused_destination_is_told_once_a_round(void **state)
{
    struct end a = { 0 }, b = { .want = 2 };
    struct adit_addr broadcast = addr("255.255.255.255:9");

    (void)state;
    assert_int_equal(open_at(&a, "127.0.0.1"), 0);
    assert_int_equal(open_at(&b, "127.0.0.1"), 0);
    adit_udp_send(&a.udp, adit_udp_local(&b.udp), "1", 1);
    adit_udp_send(&a.udp, &broadcast, "x", 1);
    adit_udp_send(&a.udp, &broadcast, "x", 1);
    adit_udp_send(&a.udp, adit_udp_local(&b.udp), "2", 1);
    assert_int_equal(a.errors, 0); /* never from inside send */
    assert_true(wait_for(loop, &a.done));
    assert_true(wait_for(loop, &b.done)); /* the others got through */
    assert_int_equal(a.errors, 1);
    assert_true(adit_addr_equal(&a.refused, &broadcast));
    assert_true(a.err > 0);
    assert_int_equal(a.udp.stats.tx_errors, 2);
    assert_int_equal(a.udp.stats.tx_packets, 2);

    adit_udp_send(&a.udp, &broadcast, "x", 1);
    adit_udp_close(&a.udp); /* and nobody is told any more */
    assert_int_equal(adit_loop_process(loop), 0);
    assert_int_equal(a.errors, 1);
    adit_udp_close(&b.udp);
}

static void ports_are_tried_in_turn(void **state)
{
    struct adit_udp_conf conf = { .addr = addr("127.0.0.1") };
    struct end a = { 0 }, b = { 0 }, c = { 0 };

    (void)state;
    /* Two neighbouring ports that are free now. */
    int err = -EADDRINUSE;
    for (unsigned port = 40000; err && port < 40100; port += 2) {
        conf.port_min = (uint16_t)port;
        conf.port_max = (uint16_t)(port + 1);
        err = adit_udp_open(&a.udp, loop, &conf, &ops, &a);
        if (!err && a.udp.local.port != port)
            adit_udp_close(&a.udp), err = -EADDRINUSE;
        if (!err && (err = adit_udp_open(&b.udp, loop, &conf, &ops, &b)))
            adit_udp_close(&a.udp);
    }
    assert_int_equal(err, 0);
    assert_int_equal(b.udp.local.port, conf.port_max);
    assert_int_equal(adit_udp_open(&c.udp, loop, &conf, &ops, &c), -EADDRINUSE);
    conf.addr.port = conf.port_min; /* one port given */
    assert_int_equal(adit_udp_open(&c.udp, loop, &conf, &ops, &c), -EADDRINUSE);
    adit_udp_close(&a.udp);
    assert_int_equal(adit_udp_open(&c.udp, loop, &conf, &ops, &c), 0);
    adit_udp_close(&b.udp);
    adit_udp_close(&c.udp);
}

static void what_cannot_be_opened_says_why(void **state)
{
    static const struct {
        const char *at, *device;
        int err;
    } rows[] = {
        { "192.0.2.1:1", NULL, -EADDRNOTAVAIL },
        { "[2001:db8::1]:1", NULL, -EADDRNOTAVAIL },
        { "127.0.0.1", "no-such-device", -ENODEV },
    };

    (void)state;
    for (unsigned i = 0; i < ADIT_LEN(rows); i++) {
        struct end a = { 0 };
        struct adit_udp_conf conf = { .addr = addr(rows[i].at), .device = rows[i].device };
        int err = adit_udp_open(&a.udp, loop, &conf, &ops, &a);

        if (err != rows[i].err && err != -EPERM && err != -EAFNOSUPPORT)
            fail_msg("row %u: %d", i, err);
        assert_false(adit_udp_is_open(&a.udp));
    }
}

static void no_descriptor_left_is_an_error_like_others(void **state)
{
    struct rlimit saved, none = { 0 };
    struct end a = { 0 };

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &saved), 0);
    none.rlim_max = saved.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    int err = open_at(&a, "127.0.0.1");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &saved), 0);
    assert_int_equal(err, -EMFILE);
}

static void no_memory_is_an_error_like_others(void **state)
{
    struct end a = { 0 }, b = { .want = 1 };

    (void)state;
    adit_alloc_fail_at(0);
    assert_int_equal(open_at(&a, "127.0.0.1"), -ENOMEM);
    assert_null(adit_loop_new());
    adit_alloc_fail_at(UINT64_MAX);
    assert_int_equal(open_at(&a, "127.0.0.1"), 0);
    assert_int_equal(open_at(&b, "127.0.0.1"), 0);
    adit_alloc_fail_at(0); /* the way of a packet needs none */
    assert_int_equal(adit_udp_send(&a.udp, adit_udp_local(&b.udp), "x", 1), 0);
    assert_true(wait_for(loop, &b.done));
    adit_alloc_fail_at(UINT64_MAX);
    adit_udp_close(&a.udp);
    adit_udp_close(&b.udp);
}

/* ---- a line ---------------------------------------------------------------------------------- */

static void expect_from(struct end *to, const struct end *from, const char *text)
{
    size_t n = strlen(text);

    to->want = to->packets + 1;
    to->done = 0;
    assert_true(wait_for(loop, &to->done));
    assert_memory_equal(to->last, text, n);
    assert_true(adit_addr_equal(&to->from, adit_udp_local(&from->udp)));
}

static void say(struct end *from, const struct end *to, const char *text)
{
    assert_int_equal(adit_udp_send(&from->udp, adit_udp_local(&to->udp), text, strlen(text)), 0);
}

static bool has_peer(int fd)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof sa;

    return getpeername(fd, (struct sockaddr *)&sa, &len) == 0;
}

/* As somebody does who would like a part of what comes to a port. */
static int bind_sharing(const struct adit_addr *at)
{
    struct sockaddr_storage sa;
    unsigned len = adit_addr_to_sockaddr(at, (struct sockaddr *)&sa);
    int fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0), one = 1, err;

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one), 0);
    err = bind(fd, (struct sockaddr *)&sa, len) < 0 ? -errno : 0;
    close(fd);
    return err;
}

static void a_line_is_seen_by_nobody_but_the_kernel(void **state)
{
    static const char *const hosts[] = { "127.0.0.1", "[::1]" };

    (void)state;
    for (unsigned i = 0; i < ADIT_LEN(hosts); i++) {
        struct end a = { 0 }, b = { 0 }, c = { 0 }, other = { 0 };
        int err = open_at(&a, hosts[i]);
        struct adit_udp_conf same = { 0 };
        struct adit_udp *line;
        int mark = 2;
        unsigned fds;

        if (err == -EADDRNOTAVAIL || err == -EAFNOSUPPORT)
            continue;
        assert_int_equal(open_at(&b, hosts[i]), 0);
        assert_int_equal(open_at(&c, hosts[i]), 0);
        fds = open_fds();
        adit_udp_prefer(&a.udp, adit_udp_local(&b.udp));
        line = a.udp.line;
        assert_non_null(line);
        assert_int_equal(open_fds(), fds + 1);
        adit_udp_prefer(&a.udp, adit_udp_local(&b.udp)); /* is known */
        assert_int_equal(open_fds(), fds + 1);
        assert_true(has_peer(line->io.fd) && !has_peer(a.udp.io.fd));

        /* By the line, from the same port: what leaves by its descriptor is marked. */
        if (i == 0)
            assert_int_equal(setsockopt(line->io.fd, IPPROTO_IP, IP_TOS, &mark, sizeof mark), 0);
        else
            assert_int_equal(setsockopt(line->io.fd, IPPROTO_IPV6, IPV6_TCLASS, &mark, sizeof mark),
                             0);
        say(&a, &b, "to b");
        expect_from(&b, &a, "to b");
        assert_int_equal(b.udp.rx_ecn, mark);
        a.udp.tx_ecn = 1;
        b.ecn = true;
        say(&a, &b, "\1 marked");
        expect_from(&b, &a, "\1 marked");
        a.udp.tx_ecn = 0;
        b.ecn = false;
        say(&b, &a, "from b");
        expect_from(&a, &b, "from b");
        say(&a, &c, "to c"); /* beside it */
        expect_from(&c, &a, "to c");
        assert_int_equal(c.udp.rx_ecn, 0);
        say(&c, &a, "from c");
        expect_from(&a, &c, "from c");
        assert_int_equal(a.udp.stats.tx_packets, 3);
        assert_int_equal(a.udp.stats.rx_packets, 2);
        assert_int_equal(line->stats.tx_packets + line->stats.rx_packets, 0);

        say(&a, &b, "first"); /* what is queued leaves before the line turns elsewhere */
        say(&b, &a, "on its way");
        adit_udp_prefer(&a.udp, adit_udp_local(&c.udp));
        assert_ptr_equal(a.udp.line, line);
        expect_from(&b, &a, "first");
        if (!a.packets || memcmp(a.last, "on its way", 10) != 0)
            expect_from(&a, &b, "on its way");
        say(&c, &a, "by the line");
        expect_from(&a, &c, "by the line");
        say(&b, &a, "no more");
        expect_from(&a, &b, "no more");

        same.addr = *adit_udp_local(&a.udp); /* and the port is taken, as before */
        assert_int_equal(adit_udp_open(&other.udp, loop, &same, &ops, &other), -EADDRINUSE);
        assert_int_equal(bind_sharing(&same.addr), -EADDRINUSE);
        adit_udp_close(&a.udp);
        assert_int_equal(open_fds(), fds - 1);
        assert_int_equal(adit_udp_open(&other.udp, loop, &same, &ops, &other), 0);
        adit_udp_close(&other.udp);
        adit_udp_close(&b.udp);
        adit_udp_close(&c.udp);
    }
}

/* ICMP says that nobody is there, to connected sockets alone: it may be forged, or b may come. */
static void a_line_does_not_believe_that_nobody_is_there(void **state)
{
    struct end a = { 0 }, b = { 0 };
    struct adit_udp_conf again = { 0 };
    static const char bytes[300];

    (void)state;
    assert_int_equal(open_at(&a, "127.0.0.1"), 0);
    assert_int_equal(open_at(&b, "127.0.0.1"), 0);
    again.addr = *adit_udp_local(&b.udp);
    adit_udp_prefer(&a.udp, &again.addr);
    adit_udp_close(&b.udp);
    /* More than one batch: the last packet of the first brings an error upon the next. */
    for (unsigned i = 0; i < 300; i++)
        assert_int_equal(adit_udp_send(&a.udp, &again.addr, bytes, 1 + i), 0);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(adit_loop_process(loop), 0);
    assert_int_equal(a.udp.stats.tx_packets, 300);
    assert_int_equal(a.errors, 0);
    assert_int_equal(adit_udp_open(&b.udp, loop, &again, &ops, &b), 0);
    assert_int_equal(adit_udp_send(&a.udp, &again.addr, "hello!", 6), 0);
    expect_from(&b, &a, "hello!");
    assert_int_equal(a.udp.stats.tx_errors, 0);
    say(&b, &a, "yes");
    expect_from(&a, &b, "yes");
    adit_udp_close(&a.udp);
    adit_udp_close(&b.udp);
}

/* As `ss -K` does, and others who end connections that are not theirs. */
static void a_line_that_is_cut_loses_nothing(void **state)
{
    const struct sockaddr nobody = { .sa_family = AF_UNSPEC };
    struct end a = { 0 }, b = { .want = 21 };
    struct adit_udp *line;

    (void)state;
    assert_int_equal(open_at(&a, "127.0.0.1"), 0);
    assert_int_equal(open_at(&b, "127.0.0.1"), 0);
    adit_udp_prefer(&a.udp, adit_udp_local(&b.udp));
    line = a.udp.line;
    for (unsigned i = 0; i < 20; i++) /* lined already */
        say(&a, &b, "twenty");
    assert_int_equal(connect(line->io.fd, &nobody, sizeof nobody), 0);
    assert_int_equal(adit_loop_process(loop), 0);
    say(&a, &b, "and one");
    assert_true(wait_for(loop, &b.done));
    assert_int_equal(a.errors, 0);
    assert_int_equal(a.udp.stats.tx_packets, 21);
    assert_int_equal(a.udp.stats.tx_errors, 0);
    assert_int_equal(line->to.family, ADIT_FAMILY_NONE);
    say(&b, &a, "an answer");
    expect_from(&a, &b, "an answer");
    adit_udp_prefer(&a.udp, adit_udp_local(&b.udp));
    assert_ptr_equal(a.udp.line, line);
    assert_true(has_peer(line->io.fd));
    adit_udp_close(&a.udp);
    adit_udp_close(&b.udp);
}

static void a_line_that_cannot_be_is_no_trouble(void **state)
{
    struct end a = { 0 }, b = { 0 };
    struct adit_addr far = addr("[2001:db8::1]:9");
    struct rlimit before, few;
    int free = dup(0);

    (void)state;
    close(free);
    assert_int_equal(open_at(&a, "127.0.0.1"), 0);
    assert_int_equal(open_at(&b, "127.0.0.1"), 0);
    adit_udp_prefer(&a.udp, &far); /* of another family */
    assert_null(a.udp.line);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = (struct rlimit){ (rlim_t)free, before.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    adit_udp_prefer(&a.udp, adit_udp_local(&b.udp));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_null(a.udp.line);
    say(&a, &b, "all the same");
    expect_from(&b, &a, "all the same");
    adit_udp_prefer(&a.udp, adit_udp_local(&b.udp));
    a.close_in_callback = true; /* in the middle of what its line has received */
    say(&b, &a, "one");
    say(&b, &a, "two");
    expect_from(&a, &b, "one");
    assert_int_equal(adit_loop_process(loop), 0);
    assert_int_equal(a.packets, 1);
    adit_udp_close(&b.udp);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(packets_cross_both_ways_in_both_families),
        T(more_than_a_batch_arrives_complete_and_in_order),
        T(runs_arrive_as_packets),
        T(ecn_comes_through),
        T(a_socket_may_be_closed_by_its_own_packet),
        T(what_is_queued_leaves_when_the_socket_closes),
        T(bad_packets_are_dropped_and_counted),
        T(a_refused_destination_is_told_once_a_round),
        T(ports_are_tried_in_turn),
        T(what_cannot_be_opened_says_why),
        T(no_memory_is_an_error_like_others),
        T(no_descriptor_left_is_an_error_like_others),
        T(a_line_is_seen_by_nobody_but_the_kernel),
        T(a_line_does_not_believe_that_nobody_is_there),
        T(a_line_that_is_cut_loses_nothing),
        T(a_line_that_cannot_be_is_no_trouble),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
