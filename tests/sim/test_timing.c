/* How long it takes from the pasted answer to the open channel, in round trips and at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sim/town.h"

static adit_time answer_to_open(struct sim_town *t)
{
    return t->peer[0]->open_at - t->peer[0]->remote_at;
}

/* ---- six round trips --------------------------------------------------------------------------
 *
 * Five when all goes well: one for ICE, two for DTLS, two for SCTP with the channel in it. The
 * sixth is for a check that died at a NAT which had not opened yet, and for the 10 ms between two
 * checks.
 */
#define ROUND_TRIPS_MAX 6

/* Only the answerer's calls lead to this offerer, for nobody else knows from which port they will
 * come, and the offerer's NAT drops them until he has called that address himself. */
static bool only_answerer_can_call(enum sim_nat_kind offerer, enum sim_nat_kind answerer)
{
    return sim_nat_kinds[offerer].filtering != SIM_BY_NOTHING &&
           sim_nat_kinds[answerer].mapping != SIM_BY_NOTHING;
}

struct ear {
    struct sim_town *town;
    adit_time first; /* a call of the other side came in */
};

static bool listening(void *arg, const struct sim_packet *p)
{
    struct ear *e = arg;
    bool request = p->n >= 20 && p->bytes[0] == 0 && p->bytes[1] == 1;

    if (!e->first && request && !adit_addr_equal_ip(&p->from, &e->town->stun->addr))
        e->first = e->town->net->now;
    return false;
}

struct pairing {
    enum sim_nat_kind a, b;
    adit_time delay, carry;
    adit_time took; /* from the pasted answer */
    adit_time wait; /* of it, until a call left that could get through */
};

static void meet(struct pairing *p)
{
    struct sim_town *t = sim_town((uint64_t)(p->a * 10 + p->b), p->a, p->b, p->delay);
    struct ear ear = { .town = t };

    t->iface[0]->down.drop = listening;
    t->iface[0]->down.drop_arg = &ear;
    t->peer[1]->carry = p->carry;
    sim_check(t->net, sim_town_meet(t, 60 * ADIT_SEC));
    p->took = answer_to_open(t);
    p->wait = 0;
    /* The ear is at the end of the last link, half of the delay from the offerer. */
    adit_time left = ear.first - p->delay / 2;
    if (only_answerer_can_call(p->a, p->b) && left > t->peer[0]->remote_at)
        p->wait = left - t->peer[0]->remote_at;
    sim_town_free(t);
}

static void for_each_pairing(const adit_time *delays, size_t n, const adit_time *carries,
                             bool in_delays, bool (*good)(const struct pairing *p))
{
    bool all = true;

    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; carries[k]; k++)
            for (int a = 0; a < SIM_NAT_KINDS; a++)
                for (int b = 0; b < SIM_NAT_KINDS; b++) {
                    if (!sim_can_meet(a, b))
                        continue;
                    struct pairing p = { .a = a, .b = b, .delay = delays[i] };
                    p.carry = carries[k] * (in_delays ? delays[i] : 1);
                    meet(&p);
                    if (good(&p))
                        continue;
                    print_message("%s to %s, %d ms, answer after %d ms: %d ms, %d of them waited\n",
                                  sim_nat_names[a], sim_nat_names[b], (int)(p.delay / ADIT_MS),
                                  (int)(p.carry / ADIT_MS), (int)(p.took / ADIT_MS),
                                  (int)(p.wait / ADIT_MS));
                    all = false;
                }
    assert_true(all);
}

static bool six_from_the_paste(const struct pairing *p)
{
    return p->took <= ROUND_TRIPS_MAX * 2 * p->delay;
}

static bool six_from_the_call(const struct pairing *p)
{
    return p->took - p->wait <= ROUND_TRIPS_MAX * 2 * p->delay && p->wait <= p->carry + ADIT_SEC;
}

/* A person takes a second, or twenty. Where only the answerer's calls lead anywhere, the clock
 * starts with the first of them that finds the way open: there is one as soon as he has waited as
 * long again, and no packet of the offerer's could bring it about. */
static void test_a_person_pastes(void **state)
{
    static const adit_time delays[] = { 5 * ADIT_MS,   20 * ADIT_MS,  50 * ADIT_MS,
                                        100 * ADIT_MS, 250 * ADIT_MS, 500 * ADIT_MS };
    static const adit_time carries[] = { ADIT_SEC, 20 * ADIT_SEC, 0 };

    (void)state;
    for_each_pairing(delays, ADIT_LEN(delays), carries, false, six_from_the_call);
}

/* A signaling server carries the answer, in once or twice the delay: everybody's clock starts with
 * it. */
static void test_a_server_carries_the_answer(void **state)
{
    static const adit_time delays[] = { 20 * ADIT_MS, 50 * ADIT_MS, 100 * ADIT_MS, 250 * ADIT_MS,
                                        500 * ADIT_MS };
    static const adit_time times[] = { 1, 2, 0 };

    (void)state;
    for_each_pairing(delays, ADIT_LEN(delays), times, true, six_from_the_paste);
}

/* ---- nothing for nothing ------------------------------------------------------------------------
 */

static bool counting_hellos(void *arg, const struct sim_packet *p)
{
    unsigned *hellos = arg;

    /* a handshake record of epoch 0 that begins with a ClientHello */
    *hellos += p->n > 13 && p->bytes[0] == 22 && p->bytes[4] == 0 && p->bytes[13] == 1;
    return false;
}

/* ICE has measured the path, so DTLS does not repeat itself before an answer can have come. */
static void test_one_client_hello(void **state)
{
    static const adit_time delays[] = { 20 * ADIT_MS, 100 * ADIT_MS, 250 * ADIT_MS, 500 * ADIT_MS };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(delays); i++) {
        struct sim_town *t = sim_town(i, SIM_PORT_RESTRICTED, SIM_PORT_RESTRICTED, delays[i]);
        unsigned hellos = 0;

        t->peer[1]->carry = 3 * ADIT_SEC;
        t->iface[1]->up.drop = counting_hellos;
        t->iface[1]->up.drop_arg = &hellos;
        sim_check(t->net, sim_town_meet(t, 60 * ADIT_SEC));
        sim_check(t->net, hellos == 1);
        sim_town_free(t);
    }
}

struct calls {
    struct adit_addr to[8];
    unsigned sent[8];
};

static bool counting_calls(void *arg, const struct sim_packet *p)
{
    struct calls *c = arg;
    size_t i = 0;

    while (i < ADIT_LEN(c->to) && c->sent[i] && !adit_addr_equal(&c->to[i], &p->to))
        i++;
    assert_true(i < ADIT_LEN(c->to));
    c->to[i] = p->to;
    c->sent[i]++;
    return false;
}

/* Speed is not bought with packets: seven to each address that never answers. */
static void test_seven_calls_for_nobody(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct sim_town *t = sim_town(1, SIM_SYMMETRIC, SIM_PORT_RESTRICTED, 20 * ADIT_MS);
        struct calls calls = { 0 };

        t->iface[i]->up.drop = counting_calls;
        t->iface[i]->up.drop_arg = &calls;
        sim_check(t->net, !sim_town_meet(t, 60 * ADIT_SEC));
        sim_check(t->net, t->peer[i]->state == ADIT_PEER_FAILED);
        for (size_t k = 0; k < ADIT_LEN(calls.to) && calls.sent[k]; k++)
            if (!adit_addr_equal(&calls.to[k], &t->stun->addr))
                sim_check(t->net, calls.sent[k] >= 6 && calls.sent[k] <= 7);
        sim_town_free(t);
    }
}

static void test_without_delay(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct sim_town *t = sim_town(seed, SIM_PORT_RESTRICTED, SIM_PORT_RESTRICTED, 0);

        t->peer[1]->carry = (seed % 10) * 100 * ADIT_MS;
        sim_check(t->net, sim_town_meet(t, 60 * ADIT_SEC));
        if (answer_to_open(t) > 60 * ADIT_MS)
            print_message("%d ms\n", (int)(answer_to_open(t) / ADIT_MS));
        sim_check(t->net, answer_to_open(t) <= 60 * ADIT_MS);
        sim_town_free(t);
    }
}

/* Both descriptions arrive at the same moment, or one a little before the other. */
static void test_both_at_once(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 50; i++) {
        struct sim_town *t =
            sim_town(i, SIM_PORT_RESTRICTED, SIM_RESTRICTED, i & 1 ? 0 : 10 * ADIT_MS);
        struct sim_peer *first = t->peer[i & 1], *second = t->peer[!(i & 1)];

        t->peer[0]->symmetric = t->peer[1]->symmetric = true;
        first->carry = second->carry = ADIT_SEC;
        second->carry += (i / 2) * 3 * ADIT_MS;
        sim_check(t->net, sim_town_meet(t, 60 * ADIT_SEC));
        adit_time both = adit_time_max(first->remote_at, second->remote_at);
        adit_time open = adit_time_max(first->open_at, second->open_at);
        if (open - both > 250 * ADIT_MS)
            print_message("%d ms\n", (int)((open - both) / ADIT_MS));
        sim_check(t->net, open - both <= 250 * ADIT_MS);
        sim_town_free(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_person_pastes),  cmocka_unit_test(test_a_server_carries_the_answer),
        cmocka_unit_test(test_one_client_hello), cmocka_unit_test(test_seven_calls_for_nobody),
        cmocka_unit_test(test_without_delay),    cmocka_unit_test(test_both_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
