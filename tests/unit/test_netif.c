/* Which addresses are used and in which order, by table; and the kernel's word in a namespace. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include <linux/if_addr.h>

#include "base/alloc.h"
#include "core/netif.h"
#include "core/udp.h"
#include "netns.h"
#include "wait.h"

static bool have_netns;
static char no_netns_text[] = "no network namespace";

static void kinds_are_told_apart(void **state)
{
    static const struct {
        const char *kind, *name;
        unsigned flags;
    } rows[] = {
        { NULL, "eth0", 0 },
        { "", "wlan0", 0 },
        { "bridge", "br-lan", 0 },
        { "bridge", "br-0123456789ab", ADIT_NETIF_INNER },
        { "bridge", "br-0123456789ax", 0 },
        { "bridge", "docker0", ADIT_NETIF_INNER },
        { "bridge", "virbr1", ADIT_NETIF_INNER },
        { NULL, "vmnet8", ADIT_NETIF_INNER },
        { "veth", "veth1234", ADIT_NETIF_INNER },
        { "tun", "adit0", ADIT_NETIF_VPN },
        { "wireguard", "wg0", ADIT_NETIF_VPN },
        { "ppp", "ppp0", 0 },
        { "vlan", "eth0.7", 0 },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++)
        if (adit_netif_kind_flags(rows[i].kind, rows[i].name) != rows[i].flags)
            fail_msg("%s", rows[i].name);
}

#define RUN ADIT_NETIF_RUNNING

struct row {
    const char *name, *ip;
    unsigned index, flags;
};

static void fill(struct adit_netif_list *list, const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n && rows[i].ip; i++) {
        struct adit_netif_addr *a = &list->addrs[list->count++];
        *a = (struct adit_netif_addr){ .index = rows[i].index, .flags = rows[i].flags };
        snprintf(a->name, sizeof a->name, "%s", rows[i].name);
        if (adit_addr_parse(&a->addr, rows[i].ip, strlen(rows[i].ip)) < 0)
            fail_msg("bad row: %s", rows[i].ip);
    }
}

static void addresses_are_chosen_and_ordered(void **state)
{
    static const char *const eth0[] = { "eth0" };
    static const char *const adit0[] = { "adit0", "eth1" };
    static const struct {
        const char *name;
        struct row in[8];
        struct adit_netif_conf conf;
        const char *out; /* in order */
        unsigned waiting;
    } rows[] = {
        { "nothing", { { 0 } }, { 0 }, "", 0 },
        { "families by turns, IPv6 first",
          { { "eth0", "192.0.2.1", 2, RUN },
            { "eth0", "192.0.2.2", 2, RUN },
            { "eth0", "2001:db8::1", 2, RUN },
            { "eth1", "2001:db8::2", 3, RUN } },
          { 0 },
          "2001:db8::1 192.0.2.1 2001:db8::2 192.0.2.2 ",
          0 },
        { "temporary before stable, global before private",
          { { "eth0", "fd00::1", 2, RUN },
            { "eth0", "2001:db8::1", 2, RUN },
            { "eth0", "2001:db8::77", 2, RUN | ADIT_NETIF_TEMPORARY } },
          { 0 },
          "2001:db8::77 2001:db8::1 fd00::1 ",
          0 },
        { "docker and VPN last, in both families",
          { { "docker0", "172.17.0.1", 2, RUN | ADIT_NETIF_INNER },
            { "wg0", "fd00::9", 3, RUN | ADIT_NETIF_VPN },
            { "eth0", "192.168.1.5", 4, RUN } },
          { 0 },
          "192.168.1.5 fd00::9 172.17.0.1 ",
          0 },
        { "deprecated only where nothing else is",
          { { "eth0", "2001:db8::1", 2, RUN | ADIT_NETIF_DEPRECATED },
            { "eth0", "2001:db8::2", 2, RUN },
            { "eth1", "2001:db8:1::1", 3, RUN | ADIT_NETIF_DEPRECATED },
            { "eth1", "192.0.2.1", 3, RUN } },
          { 0 },
          "2001:db8::2 192.0.2.1 2001:db8:1::1 ",
          0 },
        { "link-local only where nothing else is",
          { { "eth0", "fe80::1%2", 2, RUN },
            { "eth0", "192.0.2.1", 2, RUN },
            { "eth1", "fe80::2%3", 3, RUN },
            { "eth1", "169.254.3.4", 3, RUN } },
          { 0 },
          "fe80::2%3 192.0.2.1 169.254.3.4 ",
          0 },
        { "not yet, and never",
          { { "eth0", "2001:db8::1", 2, RUN | ADIT_NETIF_TENTATIVE },
            { "eth0", "2001:db8::2", 2, RUN | ADIT_NETIF_TENTATIVE | ADIT_NETIF_DUPLICATE },
            { "eth1", "192.0.2.1", 3, 0 },
            { "eth0", "fe80::1%2", 2, RUN } },
          { 0 },
          "fe80::1%2 ",
          1 },
        { "loopback is for who asks, and last",
          { { "lo", "127.0.0.1", 1, RUN | ADIT_NETIF_LOOPBACK },
            { "lo", "::1", 1, RUN | ADIT_NETIF_LOOPBACK },
            { "lo", "192.0.2.7", 1, RUN | ADIT_NETIF_LOOPBACK } },
          { .loopback = true },
          "192.0.2.7 ::1 127.0.0.1 ",
          0 },
        { "loopback unasked",
          { { "lo", "127.0.0.1", 1, RUN }, { "lo", "::1", 1, RUN } },
          { 0 },
          "",
          0 },
        { "only these",
          { { "eth0", "192.0.2.1", 2, RUN }, { "eth1", "192.0.2.2", 3, RUN } },
          { .only = eth0, .only_count = 1 },
          "192.0.2.1 ",
          0 },
        { "none of these",
          { { "eth0", "192.0.2.1", 2, RUN },
            { "eth1", "192.0.2.2", 3, RUN | ADIT_NETIF_TENTATIVE },
            { "adit0", "10.0.0.1", 4, RUN } },
          { .ignore = adit0, .ignore_count = 2 },
          "192.0.2.1 ",
          0 },
        { "one family",
          { { "eth0", "192.0.2.1", 2, RUN }, { "eth0", "2001:db8::1", 2, RUN } },
          { .no_ipv6 = true },
          "192.0.2.1 ",
          0 },
        { "no address at all",
          { { "eth0", "0.0.0.0", 2, RUN },
            { "eth0", "224.0.0.1", 2, RUN },
            { "eth0", "255.255.255.255", 2, RUN },
            { "eth0", "::", 2, RUN } },
          { 0 },
          "",
          0 },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_netif_addr addrs[8];
        struct adit_netif_list list = { .addrs = addrs };
        struct adit_netif_choice out[8];
        char text[256] = "", ip[ADIT_ADDR_STR];
        unsigned waiting;

        fill(&list, rows[i].in, ADIT_LEN(rows[i].in));
        size_t n = adit_netif_choose(&list, &rows[i].conf, out, 8, &waiting);
        for (size_t k = 0; k < n; k++) {
            strcat(strcat(text, adit_addr_str_ip(&out[k].addr->addr, ip)), " ");
            assert_true(k == 0 || out[k].preference < out[k - 1].preference);
        }
        if (strcmp(text, rows[i].out) != 0 || waiting != rows[i].waiting)
            fail_msg("%s: '%s', %u waiting", rows[i].name, text, waiting);
        assert_int_equal(adit_netif_choose(&list, &rows[i].conf, out, 1, NULL), n > 1 ? 1 : n);
    }
}

static void what_is_in_use_stays_while_its_address_is_there(void **state)
{
    static const struct row in[] = {
        { "eth0", "192.0.2.1", 2, 0 }, /* the cable is out */
        { "eth0", "2001:db8::1", 2, RUN | ADIT_NETIF_DUPLICATE },
        { "eth1", "192.0.2.2", 3, RUN | ADIT_NETIF_DEPRECATED },
    };
    static const struct {
        const char *ip;
        unsigned index;
        bool has;
    } rows[] = {
        { "192.0.2.1", 2, true },    { "192.0.2.1", 3, false }, { "192.0.2.2", 3, true },
        { "2001:db8::1", 2, false }, { "192.0.2.3", 2, false },
    };
    struct adit_netif_addr addrs[4];
    struct adit_netif_list list = { .addrs = addrs };

    (void)state;
    fill(&list, in, ADIT_LEN(in));
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_addr a;

        assert_int_equal(adit_addr_parse(&a, rows[i].ip, strlen(rows[i].ip)), 0);
        if (adit_netif_has(&list, rows[i].index, &a) != rows[i].has)
            fail_msg("%s on %u", rows[i].ip, rows[i].index);
    }
}

/* ---- with the kernel ---- */

static const struct adit_netif_addr *find(const struct adit_netif_list *list, const char *ip)
{
    struct adit_addr addr;

    assert_int_equal(adit_addr_parse(&addr, ip, strlen(ip)), 0);
    for (size_t i = 0; i < list->count; i++)
        if (adit_addr_equal_ip(&list->addrs[i].addr, &addr))
            return &list->addrs[i];
    return NULL;
}

static void the_kernels_list_is_read(void **state)
{
    struct adit_netif_list list;

    (void)state;
    if (!have_netns) {
        print_message("%s\n", no_netns_text);
        skip();
    }
    unsigned fds = open_fds();
    assert_int_equal(netns_add_veth("one", "two"), 0);
    assert_int_equal(netns_up("two", true), 0);
    assert_int_equal(netns_up("one", true), 0);
    assert_int_equal(netns_add_addr("one", "192.0.2.1", 24, 0), 0);
    assert_int_equal(netns_add_addr("one", "192.0.2.2", 24, 0), 0); /* secondary, not temporary */
    assert_int_equal(netns_add_addr("one", "2001:db8::1", 64, IFA_F_NODAD), 0);

    assert_int_equal(adit_netif_read(&list), 0);
    const struct adit_netif_addr *lo = find(&list, "127.0.0.1"), *a = find(&list, "192.0.2.2"),
                                 *b = find(&list, "2001:db8::1");
    assert_non_null(lo);
    assert_int_equal(lo->flags, ADIT_NETIF_RUNNING | ADIT_NETIF_LOOPBACK);
    assert_non_null(a);
    assert_string_equal(a->name, "one");
    assert_int_equal(a->prefix_len, 24);
    assert_int_equal(a->flags, ADIT_NETIF_RUNNING | ADIT_NETIF_INNER);
    assert_non_null(b);
    assert_int_equal(b->flags, ADIT_NETIF_RUNNING | ADIT_NETIF_INNER);
    adit_netif_list_done(&list);

    for (uint64_t n = 0, done = 0; !done; n++) { /* every allocation fails once */
        adit_alloc_fail_at(n);
        int err = adit_netif_read(&list);
        done = err == 0;
        assert_true(done || err == -ENOMEM);
        adit_netif_list_done(&list);
    }
    adit_alloc_fail_at(UINT64_MAX);
    assert_int_equal(netns_del("one"), 0);
    assert_int_equal(open_fds(), fds);
}

struct changes {
    struct adit_netif_watch watch;
    unsigned count;
};

static void on_change(void *arg, adit_time now)
{
    struct changes *c = arg;

    (void)now;
    c->count++;
}

static void on_packet(void *arg, const struct adit_addr *from, uint8_t *bytes, size_t n,
                      adit_time now)
{
    (void)arg, (void)from, (void)bytes, (void)n, (void)now;
}

static void on_error(void *arg, const struct adit_addr *to, int err, adit_time now)
{
    (void)arg, (void)to, (void)err, (void)now;
}

/* The life of an address that is still in duplicate detection: waited for, told, then bound. */
static void an_address_becomes_usable_and_is_told(void **state)
{
    static const struct adit_udp_ops ops = { .packet = on_packet, .error = on_error };
    struct adit_netif_conf conf = { 0 };
    struct adit_netif_choice out[8];
    struct adit_netif_list list;
    struct changes c = { 0 };
    struct adit_udp udp;
    unsigned waiting = 0, usable = 0;

    (void)state;
    if (!have_netns) {
        print_message("%s\n", no_netns_text);
        skip();
    }
    unsigned fds = open_fds();
    struct adit_loop *loop = adit_loop_new();
    assert_non_null(loop);
    assert_int_equal(netns_add_veth("left", "right"), 0);
    assert_int_equal(netns_up("right", true), 0);
    assert_int_equal(netns_up("left", true), 0);
    assert_int_equal(netns_add_addr("left", "2001:db8::5", 64, 0), 0);
    assert_int_equal(adit_netif_watch_start(&c.watch, loop, on_change, &c), 0);
    assert_int_equal(adit_netif_read(&list), 0);
    assert_int_equal(adit_netif_choose(&list, &conf, out, 8, &waiting), 0);
    assert_true(waiting > 0);
    struct adit_udp_conf udp_conf = { .addr = find(&list, "2001:db8::5")->addr };
    assert_int_equal(adit_udp_open(&udp, loop, &udp_conf, &ops, NULL), -EADDRNOTAVAIL);
    adit_netif_list_done(&list);

    for (int i = 0; i < 20 && !usable; i++) {
        c.count = 0;
        assert_true(wait_for(loop, &c.count));
        assert_int_equal(adit_netif_read(&list), 0);
        size_t n = adit_netif_choose(&list, &conf, out, 8, NULL);
        for (size_t k = 0; k < n; k++)
            usable |= out[k].addr == find(&list, "2001:db8::5");
        adit_netif_list_done(&list);
    }
    assert_true(usable);
    assert_int_equal(adit_udp_open(&udp, loop, &udp_conf, &ops, NULL), 0);
    adit_udp_close(&udp);
    adit_netif_watch_stop(&c.watch);
    adit_netif_watch_stop(&c.watch);
    assert_int_equal(netns_del("left"), 0);
    adit_loop_free(loop);
    assert_int_equal(open_fds(), fds);
}

static void a_refusal_has_the_kernels_words(void **state)
{
    struct adit_netlink nl;
    struct adit_nlmsg m;
    struct ifinfomsg info = { .ifi_index = 12345 };

    (void)state;
    assert_int_equal(adit_netlink_open(&nl, 0), 0);
    adit_nlmsg_init(&m, RTM_DELLINK, 0, &info, sizeof info);
    int err = adit_netlink_do(&nl, &m);
    assert_true(err == -ENODEV || err == -EPERM);
    for (int i = 0; i < 300; i++) /* more than fits is an error, not an overrun */
        adit_nlmsg_attr32(&m, IFLA_MTU, 1);
    assert_int_equal(adit_netlink_do(&nl, &m), -EMSGSIZE);
    adit_netlink_close(&nl);
    adit_netlink_close(&nl);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_are_told_apart),
        cmocka_unit_test(addresses_are_chosen_and_ordered),
        cmocka_unit_test(what_is_in_use_stays_while_its_address_is_there),
        cmocka_unit_test(a_refusal_has_the_kernels_words),
        cmocka_unit_test(the_kernels_list_is_read),
        cmocka_unit_test(an_address_becomes_usable_and_is_told),
    };

    have_netns = netns_enter();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
