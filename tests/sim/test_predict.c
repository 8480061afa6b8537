/* Would it help to guess the next port of a symmetric NAT? A measurement, whose figures are in
 * docs/decisions.md ("port prediction"), and a test that they still hold.
 *
 * A is behind a NAT that gives each destination a port of its own, B behind one that lets in only
 * whom it has called. Two STUN servers see A at two ports; B calls the `guesses` ports that follow,
 * at the distance of those two. Meanwhile A calls B's own addresses first, as ICE does, which uses
 * ports up, and so do its neighbours. They meet if the port that A calls B from is among them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sim/nat.h"

#define TRIALS    10 /* or SIM_SEEDS, for figures */
#define OTHERS    2  /* addresses of B that A calls before the right one */
#define PORT_B    7000
#define PORTS_ALL 64512 /* 1024 to 65535 */
#define ENTRIES   100   /* connection-tracking entries that an attempt may have */

struct trial {
    struct sim_net *net;
    struct sim_nat *nat[2];
    struct sim_iface *a, *neighbour, *b, *server[2];
    struct adit_addr seen[2]; /* A, by the servers */
    struct adit_addr b_seen;
    bool a_heard, b_heard;
};

static void on_server(void *arg, struct sim_iface *iface, const struct sim_packet *p)
{
    struct trial *t = arg;

    if (p->from.port && adit_addr_equal_ip(&p->from, &t->nat[1]->outer->ip))
        t->b_seen = p->from;
    else
        t->seen[iface == t->server[1]] = p->from;
}

static void on_a(void *arg, struct sim_iface *iface, const struct sim_packet *p)
{
    struct trial *t = arg;

    (void)iface;
    t->a_heard |= adit_addr_equal_ip(&p->from, &t->nat[1]->outer->ip);
}

static void on_b(void *arg, struct sim_iface *iface, const struct sim_packet *p)
{
    struct trial *t = arg;

    (void)iface;
    t->b_heard |= adit_addr_equal_ip(&p->from, &t->nat[0]->outer->ip);
}

static void say(struct sim_iface *from, uint16_t port, struct adit_addr to)
{
    struct adit_addr source = from->ip;

    source.port = port;
    sim_send(from, &(struct sim_packet){ source, to, (const uint8_t *)"x", 1 });
}

static void pause(struct trial *t)
{
    sim_run(t->net, ADIT_MS, NULL, NULL);
}

static void neighbours_call(struct trial *t, unsigned most)
{
    unsigned n = most ? adit_rng_below(&t->net->rng, most + 1) : 0;

    for (unsigned i = 0; i < n; i++) {
        struct adit_addr to = sim_addr("203.0.113.99:443");

        to.ip[2] = (uint8_t)i;
        say(t->neighbour, (uint16_t)(30000 + adit_rng_below(&t->net->rng, 20000)), to);
    }
    pause(t);
}

/* What everybody does before anything is guessed. `sockets`: A asks from one, and calls from all.
 */
static struct trial *begin(const struct sim_nat_conf *conf, uint64_t seed, unsigned noise)
{
    struct sim_net *net = sim_net_new(seed);
    struct trial *t = sim_net_alloc(net, sizeof *t, NULL);
    struct sim_segment *home[2] = { sim_segment(net), sim_segment(net) };
    struct sim_segment *internet = sim_segment(net);

    t->net = net;
    t->nat[0] = sim_nat(conf, home[0], "192.168.1.1", internet, "198.51.100.1");
    t->nat[1] = sim_nat(&(struct sim_nat_conf){ .filtering = SIM_BY_ADDRESS_AND_PORT }, home[1],
                        "192.168.1.1", internet, "198.51.100.2");
    t->a = sim_attach(home[0], "192.168.1.2", on_a, t);
    t->neighbour = sim_attach(home[0], "192.168.1.3", on_a, t);
    t->b = sim_attach(home[1], "192.168.1.2", on_b, t);
    t->server[0] = sim_attach(internet, "203.0.113.1", on_server, t);
    t->server[1] = sim_attach(internet, "203.0.113.2", on_server, t);
    neighbours_call(t, 40); /* its table is not empty */
    say(t->b, PORT_B, sim_addr("203.0.113.1:3478"));
    say(t->a, 5000, sim_addr("203.0.113.1:3478"));
    pause(t);
    neighbours_call(t, noise);
    say(t->a, 5000, sim_addr("203.0.113.2:3478"));
    pause(t);
    neighbours_call(t, noise);
    return t;
}

static void a_calls(struct trial *t, uint16_t port)
{
    for (unsigned i = 0; i < OTHERS; i++) {
        struct adit_addr other = sim_addr("10.9.8.7:7000");

        other.ip[3] = (uint8_t)i;
        say(t->a, port, other);
    }
    say(t->a, port, t->b_seen);
    pause(t);
}

static bool guessed(const struct sim_nat_conf *conf, uint64_t seed, unsigned noise,
                    unsigned guesses)
{
    struct trial *t = begin(conf, seed, noise);
    int step = t->seen[1].port - t->seen[0].port;
    struct adit_addr guess = t->seen[1];
    bool met;

    a_calls(t, 5000);
    for (unsigned i = 0; i < guesses; i++) {
        guess.port = (uint16_t)(guess.port + step);
        if (guess.port)
            say(t->b, PORT_B, guess);
    }
    pause(t);
    a_calls(t, 5000); /* the next check */
    met = t->a_heard && t->b_heard;
    sim_net_free(t->net);
    return met;
}

/* A calls from many sockets, B calls ports at random. */
static bool born_on_one_day(const struct sim_nat_conf *conf, uint64_t seed, unsigned each)
{
    struct trial *t = begin(conf, seed, 0);
    struct adit_addr guess = t->seen[1];
    bool met;

    for (unsigned i = 0; i < each; i++)
        say(t->a, (uint16_t)(5000 + i), t->b_seen);
    pause(t);
    for (unsigned i = 0; i < each; i++) {
        guess.port = (uint16_t)(1024 + adit_rng_below(&t->net->rng, PORTS_ALL));
        say(t->b, PORT_B, guess);
    }
    pause(t);
    met = t->a_heard;
    sim_net_free(t->net);
    return met;
}

static unsigned trials(void)
{
    return (unsigned)sim_last(TRIALS);
}

static double percent(unsigned hits)
{
    return 100.0 * hits / trials();
}

static void what_guessing_reaches(void **state)
{
    static const struct {
        const char *name;
        struct sim_nat_conf conf;
        bool counts; /* its ports can be counted */
    } rows[] = {
#define SYMMETRIC .mapping = SIM_BY_ADDRESS_AND_PORT, .filtering = SIM_BY_ADDRESS_AND_PORT
        { "at random (Linux fully-random, pf, the simulator's)", { SYMMETRIC }, false },
        { "keeps the port once, then at random", { SYMMETRIC, .keep_port = true }, false },
        { "keeps the port once, then +1", { SYMMETRIC, .keep_port = true, .step = 1 }, true },
        { "one counter, +1", { SYMMETRIC, .step = 1 }, true },
        { "one counter, +2", { SYMMETRIC, .step = 2 }, true },
    };
    static const unsigned noises[] = { 0, 2, 10 }, guesses[] = { 1, 4, 8, 32 };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++)
        for (size_t n = 0; n < ADIT_LEN(noises); n++) {
            unsigned hits[ADIT_LEN(guesses)] = { 0 };

            for (size_t k = 0; k < ADIT_LEN(guesses); k++)
                for (unsigned seed = 0; seed < trials(); seed++)
                    hits[k] += guessed(&rows[i].conf, seed, noises[n], guesses[k]);
            print_message(
                "%-52s neighbours 0..%-2u  of 1, 4, 8, 32 ports: %5.1f %5.1f %5.1f %5.1f %%\n",
                rows[i].name, noises[n], percent(hits[0]), percent(hits[1]), percent(hits[2]),
                percent(hits[3]));
            if (!rows[i].counts)
                assert_in_range(hits[2], 0, trials() / 20);
            else if (noises[n] == 0)
                assert_int_equal(hits[2], trials());
        }
}

static void what_birthdays_reach(void **state)
{
    const struct sim_nat_conf conf = { SYMMETRIC };
    unsigned hits = 0;

    (void)state;
    for (unsigned seed = 0; seed < trials(); seed++)
        hits += born_on_one_day(&conf, seed, ENTRIES / 2);
    print_message("%u sockets, and %u ports called: %.1f %%\n", ENTRIES / 2, ENTRIES / 2,
                  percent(hits));
    assert_in_range(hits, 0, trials() / 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_guessing_reaches),
        cmocka_unit_test(what_birthdays_reach),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
