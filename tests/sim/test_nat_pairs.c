/* Through every pair of NATs that can connect, and an honest end for those that cannot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sim/town.h"

static void test_every_pair(void **state)
{
    (void)state;
    for (int a = 0; a < SIM_NAT_KINDS; a++)
        for (int b = 0; b < SIM_NAT_KINDS; b++) {
            struct sim_town *t = sim_town((uint64_t)(100 + a * 10 + b), a, b, 20 * ADIT_MS);
            bool met = sim_town_meet(t, 60 * ADIT_SEC);

            if (met != sim_can_meet(a, b))
                print_message("%s to %s\n", sim_nat_names[a], sim_nat_names[b]);
            sim_check(t->net, met == sim_can_meet(a, b));
            if (met) {
                sim_check(t->net, t->net->now - t->net->start < 5 * ADIT_SEC);
                sim_check(t->net, sim_town_talks(t));
            } else {
                for (int i = 0; i < 2; i++) {
                    sim_check(t->net, t->peer[i]->state == ADIT_PEER_FAILED);
                    sim_check(t->net, t->peer[i]->cause.reason == ADIT_REASON_NO_PATH);
                }
            }
            sim_town_free(t);
        }
}

static void test_behind_the_same_nat(void **state)
{
    (void)state;
    for (int kind = SIM_FULL_CONE; kind < SIM_NAT_KINDS; kind++) {
        struct sim_net *net = sim_net_new((uint64_t)kind);
        struct sim_segment *internet = sim_segment(net), *home = sim_segment(net);
        struct sim_stun *stun = sim_stun(internet, "192.0.2.53:3478");
        struct sim_peer *a = sim_peer(net, "a", 0), *b = sim_peer(net, "b", 1);

        sim_nat(&sim_nat_kinds[kind], home, "192.168.1.1", internet, "198.51.100.1");
        sim_peer_attach(a, home, "192.168.1.10");
        sim_peer_attach(b, home, "192.168.1.11");
        a->conf.stun = b->conf.stun = &stun->addr;
        a->conf.stun_count = b->conf.stun_count = 1;
        sim_pair(a, b);
        sim_peer_start(a);
        sim_peer_start(b);
        sim_check(net, sim_run(net, 10 * ADIT_SEC, sim_pair_open, a));
        struct adit_ice_pair_info info;
        sim_check(net, adit_engine_selected(a->engine, &info));
        sim_check(net, info.remote->type == ADIT_CAND_HOST);
        sim_net_free(net);
    }
}

/* Two homes of one provider that has a NAT of its own: only a hairpin leads from one to the other.
 */
static void test_carrier_grade_nat(void **state)
{
    (void)state;
    for (int hairpin = 0; hairpin < 2; hairpin++) {
        struct sim_net *net = sim_net_new((uint64_t)(7 + hairpin));
        struct sim_segment *internet = sim_segment(net), *carrier = sim_segment(net);
        struct sim_segment *home[2] = { sim_segment(net), sim_segment(net) };
        struct sim_stun *stun = sim_stun(internet, "192.0.2.53:3478");
        struct sim_nat_conf conf = sim_nat_kinds[SIM_PORT_RESTRICTED];
        struct sim_peer *p[2];

        conf.hairpin = hairpin;
        sim_nat(&conf, carrier, "100.64.0.1", internet, "198.51.100.1");
        for (int i = 0; i < 2; i++) {
            sim_nat(&sim_nat_kinds[SIM_PORT_RESTRICTED], home[i], "192.168.1.1", carrier,
                    i ? "100.64.0.11" : "100.64.0.10");
            p[i] = sim_peer(net, i ? "b" : "a", i);
            sim_peer_attach(p[i], home[i], i ? "192.168.1.21" : "192.168.1.20");
            p[i]->conf.stun = &stun->addr;
            p[i]->conf.stun_count = 1;
        }
        sim_pair(p[0], p[1]);
        sim_peer_start(p[0]);
        sim_peer_start(p[1]);
        bool met = sim_run(net, 60 * ADIT_SEC, sim_pair_open, p[0]);
        sim_check(net, met == (hairpin == 1));
        sim_net_free(net);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_pair),
        cmocka_unit_test(test_behind_the_same_nat),
        cmocka_unit_test(test_carrier_grade_nat),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
