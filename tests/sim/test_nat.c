/* The NAT boxes themselves: RFC 4787 by table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sim/nat.h"

/* One host inside; outside two hosts, and a second port of the first one. */
struct scene {
    struct sim_net *net;
    struct sim_nat *nat;
    struct sim_iface *inside, *neighbour, *out[2];
    struct adit_addr seen; /* the last sender that an outside host saw */
    unsigned heard_outside, heard_inside;
};

static void on_outside(void *arg, struct sim_iface *iface, const struct sim_packet *p)
{
    struct scene *s = arg;

    (void)iface;
    s->seen = p->from;
    s->heard_outside++;
}

static void on_inside(void *arg, struct sim_iface *iface, const struct sim_packet *p)
{
    struct scene *s = arg;

    (void)iface;
    s->seen = p->from;
    s->heard_inside++;
}

static struct scene *scene(const struct sim_nat_conf *conf)
{
    struct sim_net *net = sim_net_new(1);
    struct scene *s = sim_net_alloc(net, sizeof *s, NULL);
    struct sim_segment *home = sim_segment(net), *internet = sim_segment(net);

    s->net = net;
    s->nat = sim_nat(conf, home, "192.168.1.1", internet, "198.51.100.1");
    s->inside = sim_attach(home, "192.168.1.2", on_inside, s);
    s->neighbour = sim_attach(home, "192.168.1.3", on_inside, s);
    s->out[0] = sim_attach(internet, "203.0.113.1", on_outside, s);
    s->out[1] = sim_attach(internet, "203.0.113.2", on_outside, s);
    return s;
}

static void say(struct scene *s, struct sim_iface *from, uint16_t port, struct adit_addr to)
{
    struct adit_addr source = from->ip;

    source.port = port;
    sim_send(from, &(struct sim_packet){ source, to, (const uint8_t *)"x", 1 });
    sim_run(s->net, ADIT_MS, NULL, NULL);
}

/* Who sees which port, and who may answer. */
static void test_mapping_and_filtering(void **state)
{
    (void)state;
    for (int mapping = 0; mapping < 3; mapping++)
        for (int filtering = 0; filtering < 3; filtering++) {
            struct scene *s = scene(&(struct sim_nat_conf){
                .mapping = (enum sim_nat_by)mapping, .filtering = (enum sim_nat_by)filtering });
            struct adit_addr first, second, third;

            say(s, s->inside, 5000, sim_addr("203.0.113.1:1000"));
            first = s->seen;
            assert_int_equal(s->heard_outside, 1);
            assert_true(adit_addr_equal_ip(&first, &s->nat->outer->ip));
            /* answers, before anybody else has been called */
            say(s, s->out[0], 1000, first);
            assert_int_equal(s->heard_inside, 1);
            say(s, s->out[0], 1001, first);
            assert_int_equal(s->heard_inside, filtering < 2 ? 2 : 1);
            s->heard_inside = 0;
            say(s, s->out[1], 1000, first);
            assert_int_equal(s->heard_inside, filtering == 0 ? 1 : 0);
            say(s, s->out[0], 1000, first);
            /* the ports that others see */
            say(s, s->inside, 5000, sim_addr("203.0.113.1:1001"));
            second = s->seen;
            say(s, s->inside, 5000, sim_addr("203.0.113.2:1000"));
            third = s->seen;
            assert_int_equal(adit_addr_equal(&first, &second), mapping < 2);
            assert_int_equal(adit_addr_equal(&first, &third), mapping == 0);
            /* another port inside is always another one outside */
            say(s, s->inside, 5001, sim_addr("203.0.113.1:1000"));
            assert_false(adit_addr_equal(&first, &s->seen));
            sim_net_free(s->net);
        }
}

static void test_timeout(void **state)
{
    (void)state;
    for (int renews = 0; renews < 2; renews++) {
        struct scene *s = scene(&(struct sim_nat_conf){ .inbound_renews = renews });
        struct adit_addr mapped;

        say(s, s->inside, 5000, sim_addr("203.0.113.1:1000"));
        mapped = s->seen;
        for (int i = 0; i < 5; i++) { /* the outside speaks every 20 s, the inside is silent */
            sim_run(s->net, 20 * ADIT_SEC, NULL, NULL);
            say(s, s->out[0], 1000, mapped);
        }
        assert_int_equal(s->heard_inside, renews ? 5 : 1);
        say(s, s->inside, 5000, sim_addr("203.0.113.1:1000"));
        assert_int_equal(adit_addr_equal(&s->seen, &mapped), renews);
        for (int i = 0; i < 5; i++) { /* what goes out always renews */
            sim_run(s->net, 20 * ADIT_SEC, NULL, NULL);
            mapped = s->seen;
            say(s, s->inside, 5000, sim_addr("203.0.113.1:1000"));
            assert_true(adit_addr_equal(&s->seen, &mapped));
        }
        sim_net_free(s->net);
    }
}

static void test_hairpin(void **state)
{
    (void)state;
    for (int hairpin = 0; hairpin < 2; hairpin++) {
        struct scene *s = scene(&(struct sim_nat_conf){ .hairpin = hairpin });
        struct adit_addr mapped;

        say(s, s->inside, 5000, sim_addr("203.0.113.1:1000"));
        mapped = s->seen;
        say(s, s->neighbour, 6000, mapped);
        assert_int_equal(s->heard_inside, hairpin);
        if (hairpin) /* the neighbour is seen by his public address */
            assert_true(adit_addr_equal_ip(&s->seen, &s->nat->outer->ip));
        sim_net_free(s->net);
    }
}

static void test_ports_and_changes(void **state)
{
    struct scene *s = scene(&(struct sim_nat_conf){ .keep_port = true });

    (void)state;
    say(s, s->inside, 5000, sim_addr("203.0.113.1:1000"));
    assert_int_equal(s->seen.port, 5000);
    say(s, s->neighbour, 5000, sim_addr("203.0.113.1:1000"));
    assert_int_not_equal(s->seen.port, 5000);
    say(s, s->inside, 5000, sim_addr("192.168.1.1:53")); /* for the box itself */
    assert_int_equal(s->heard_outside, 2);
    say(s, s->out[0], 1000, sim_addr("198.51.100.1:7777")); /* nobody's port */
    assert_int_equal(s->heard_inside, 0);
    sim_nat_forget(s->nat);
    say(s, s->out[0], 1000, sim_addr("198.51.100.1:5000"));
    assert_int_equal(s->heard_inside, 0);
    sim_nat_readdress(s->nat, "198.51.100.9");
    say(s, s->inside, 5000, sim_addr("203.0.113.1:1000"));
    assert_true(adit_addr_equal_ip(&s->seen, &s->nat->outer->ip));
    say(s, s->out[0], 1000, s->seen);
    assert_int_equal(s->heard_inside, 1);
    sim_net_free(s->net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mapping_and_filtering),
        cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_hairpin),
        cmocka_unit_test(test_ports_and_changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
