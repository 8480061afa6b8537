/* The first flight of each phase is lost, one phase at a time and all of them in one connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sim/town.h"

enum phase {
    GATHERING,    /* a question to the STUN server */
    CHECK,        /* a question to the peer */
    CHECK_ANSWER, /* and what it says */
    CLIENT_HELLO, /* DTLS, flight 1 */
    SERVER_HELLO, /* flight 4 of RFC 6347 section 4.2.4 */
    FINISHED,     /* flights 5 and 6: what comes with a ChangeCipherSpec */
    SCTP_INIT,    /* the first encrypted packet: INIT, or INIT ACK */
    SCTP_COOKIE,  /* the second one: COOKIE ECHO and the channel's OPEN, or their answers */
    SCTP_THIRD,   /* whatever is third */
    PHASES,
    NO_PHASE = PHASES
};

static const char *const names[PHASES] = { "gathering",   "check",       "answer to a check",
                                           "ClientHello", "ServerHello", "Finished",
                                           "INIT",        "COOKIE",      "third SCTP packet" };

/* Of one home; takes the first packet of the phases that are wanted. */
struct thief {
    const struct sim_town *town;
    bool wanted[PHASES];
    unsigned seen[PHASES];
    unsigned data;
};

/* Record by record (RFC 6347 section 4.1), for a flight is one datagram of several. */
static bool has_record(const struct sim_packet *p, uint8_t type)
{
    for (size_t at = 0; at + 13 <= p->n;) {
        if (p->bytes[at] == type)
            return true;
        at += 13u + (size_t)p->bytes[at + 11] * 256 + p->bytes[at + 12];
    }
    return false;
}

static enum phase phase_of(struct thief *thief, const struct sim_packet *p)
{
    if (p->bytes[0] < 4) {
        if (adit_addr_equal(&p->to, &thief->town->stun->addr))
            return GATHERING;
        return p->bytes[0] ? CHECK_ANSWER : CHECK;
    }
    if (p->bytes[0] == 23)
        return thief->data < 3 ? SCTP_INIT + thief->data++ : NO_PHASE;
    if (has_record(p, 20))
        return FINISHED;
    return p->n > 13 && p->bytes[13] == 1 ? CLIENT_HELLO : SERVER_HELLO;
}

static bool steal(void *arg, const struct sim_packet *p)
{
    struct thief *thief = arg;
    enum phase phase = phase_of(thief, p);

    return phase != NO_PHASE && thief->seen[phase]++ == 0 && thief->wanted[phase];
}

/* Returns how long it took; `seen` is added up. */
static adit_time meet(const bool *wanted, adit_time delay, unsigned seen[PHASES])
{
    struct sim_town *t = sim_town(1, SIM_PORT_RESTRICTED, SIM_PORT_RESTRICTED, delay);
    struct thief thieves[2] = { 0 };
    adit_time took;

    for (int i = 0; i < 2; i++) {
        thieves[i].town = t;
        memcpy(thieves[i].wanted, wanted, sizeof thieves[i].wanted);
        t->iface[i]->up.drop = steal;
        t->iface[i]->up.drop_arg = &thieves[i];
    }
    sim_check(t->net, sim_town_meet(t, 30 * ADIT_SEC));
    took = t->net->now - t->net->start;
    sim_check(t->net, sim_town_talks(t));
    for (int phase = 0; phase < PHASES; phase++)
        seen[phase] += thieves[0].seen[phase] + thieves[1].seen[phase];
    sim_town_free(t);
    return took;
}

static const adit_time delays[] = { 5 * ADIT_MS, 50 * ADIT_MS, 250 * ADIT_MS };

/* Two first timers of half a second, or of a round trip and a half, and what it takes anyway. */
static void test_one_at_a_time(void **state)
{
    (void)state;
    for (size_t d = 0; d < ADIT_LEN(delays); d++)
        for (int phase = 0; phase < PHASES; phase++) {
            bool wanted[PHASES] = { 0 };
            unsigned seen[PHASES] = { 0 };

            wanted[phase] = true;
            adit_time took = meet(wanted, delays[d], seen);
            assert_true(seen[phase] > 0);
            if (took > 1500 * ADIT_MS + 18 * delays[d])
                print_message("%s, %d ms: %d ms\n", names[phase], (int)(delays[d] / ADIT_MS),
                              (int)(took / ADIT_MS));
            assert_true(took <= 1500 * ADIT_MS + 18 * delays[d]);
        }
}

static void test_all_of_them(void **state)
{
    (void)state;
    for (size_t d = 0; d < ADIT_LEN(delays); d++) {
        bool wanted[PHASES];
        unsigned seen[PHASES] = { 0 };

        memset(wanted, true, sizeof wanted);
        adit_time took = meet(wanted, delays[d], seen);
        for (int phase = 0; phase < PHASES; phase++)
            assert_true(seen[phase] > 0);
        if (took > 5 * ADIT_SEC + 24 * delays[d])
            print_message("%d ms: %d ms\n", (int)(delays[d] / ADIT_MS), (int)(took / ADIT_MS));
        assert_true(took <= 5 * ADIT_SEC + 24 * delays[d]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_at_a_time),
        cmocka_unit_test(test_all_of_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
