/* Multicast groups on real interfaces, and the gateway that an address has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <net/if.h>

#include "core/gateway.h"
#include "core/multicast.h"
#include "netns.h"
#include "wait.h"

static bool have_netns;

struct heard {
    unsigned count;
    uint32_t index;
    struct adit_addr from;
    size_t n;
    struct adit_multicast *close; /* from inside the callback */
};

static void on_packet(void *arg, uint32_t index, const struct adit_addr *from, const uint8_t *bytes,
                      size_t n, adit_time now)
{
    struct heard *h = arg;

    (void)bytes;
    (void)now;
    h->count++;
    h->index = index;
    h->from = *from;
    h->n = n;
    if (h->close)
        adit_multicast_close(h->close);
}

static const struct adit_multicast_ops ops = { .packet = on_packet };

/* Two programs share the port; each hears what comes on the interfaces it has joined, no more. */
static void groups_are_joined_by_interface(void **state)
{
    const struct adit_addr group = { .family = ADIT_FAMILY_V4,
                                     .port = 5353,
                                     .ip = { 224, 0, 0, 251 } };
    struct adit_loop *loop;
    struct adit_multicast a, b;
    struct heard at_a = { 0 }, at_b = { 0 };

    (void)state;
    if (!have_netns)
        skip();
    loop = adit_loop_new();
    assert_non_null(loop);
    assert_int_equal(netns_add_veth("left", "right"), 0);
    assert_int_equal(netns_add_addr("left", "192.168.7.1", 24, 0), 0);
    assert_int_equal(netns_add_addr("right", "192.168.8.1", 24, 0), 0);
    assert_int_equal(netns_up("left", true), 0);
    assert_int_equal(netns_up("right", true), 0);
    uint32_t left = if_nametoindex("left"), right = if_nametoindex("right"), none = 999;

    assert_int_equal(adit_multicast_open(&a, loop, &group, &ops, &at_a), 0);
    assert_int_equal(adit_multicast_open(&b, loop, &group, &ops, &at_b), 0);
    adit_multicast_join(&a, &left, 1);
    adit_multicast_join(&a, (uint32_t[]){ left, none }, 2);
    adit_multicast_join(&b, (uint32_t[]){ right, left }, 2);
    adit_multicast_send(&a, left, NULL, "12345", 5);
    assert_true(wait_for(loop, &at_a.count)); /* our own, as others on this host hear it */
    assert_int_equal(at_a.index, left);
    assert_int_equal(at_a.n, 5);
    assert_int_equal(at_a.from.port, 5353);
    if (!at_b.count)
        assert_true(wait_for(loop, &at_b.count));
    assert_int_equal(at_b.index, left);
    assert_int_equal(at_b.from.ip[2], 7); /* the address of the interface that was named */

    at_a.count = at_b.count = 0;
    adit_multicast_join(&b, &right, 1);
    at_a.close = &a;
    adit_multicast_send(&a, left, NULL, "1", 1);
    assert_true(wait_for(loop, &at_a.count));
    assert_false(adit_multicast_is_open(&a));
    assert_int_equal(at_b.count, 0);
    adit_multicast_close(&a);
    adit_multicast_close(&b);
    adit_loop_free(loop);
}

static int add_default(const char *dev, const char *via)
{
    struct rtmsg head = { .rtm_family = AF_INET,
                          .rtm_table = RT_TABLE_MAIN,
                          .rtm_protocol = RTPROT_STATIC,
                          .rtm_scope = RT_SCOPE_UNIVERSE,
                          .rtm_type = RTN_UNICAST };
    struct adit_addr gateway;
    struct adit_netlink nl;
    struct adit_nlmsg m;
    int err = adit_addr_parse(&gateway, via, strlen(via));

    if (!err)
        err = adit_netlink_open(&nl, 0);
    if (err)
        return err;
    adit_nlmsg_init(&m, RTM_NEWROUTE, NLM_F_CREATE, &head, sizeof head);
    adit_nlmsg_attr_ip(&m, RTA_GATEWAY, &gateway);
    adit_nlmsg_attr32(&m, RTA_OIF, if_nametoindex(dev));
    err = adit_netlink_do(&nl, &m);
    adit_netlink_close(&nl);
    return err;
}

static void the_gateway_is_the_kernels_next_hop(void **state)
{
    struct adit_addr local, gateway;
    char text[ADIT_ADDR_STR];

    (void)state;
    if (!have_netns)
        skip();
    assert_int_equal(netns_add_veth("wan", "far"), 0);
    assert_int_equal(netns_add_addr("wan", "10.9.0.2", 24, 0), 0);
    assert_int_equal(netns_up("wan", true), 0);
    assert_int_equal(netns_up("far", true), 0);
    assert_int_equal(adit_addr_parse(&local, "10.9.0.2", 8), 0);
    uint32_t wan = if_nametoindex("wan");

    gateway.family = ADIT_FAMILY_NONE;
    assert_true(adit_gateway_find(&gateway, wan, &local) < 0);
    assert_int_equal(add_default("wan", "10.9.0.254"), 0);
    assert_int_equal(adit_gateway_find(&gateway, wan, &local), 0);
    assert_string_equal(adit_addr_str_ip(&gateway, text), "10.9.0.254");
    assert_true(adit_gateway_find(&gateway, 999, &local) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_are_joined_by_interface),
        cmocka_unit_test(the_gateway_is_the_kernels_next_hop),
    };

    have_netns = netns_enter();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
