/* NAT behaviour discovery against every kind of NAT, and against servers that cannot, or lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ice/behaviour.h"
#include "sim/nat.h"

/* What a server does wrong, or cannot do. */
enum flaw {
    SOUND,
    ONE_ADDRESS,  /* no OTHER-ADDRESS */
    DEAD_OTHER,   /* one, but nobody is there */
    DEAF,         /* passes over CHANGE-REQUEST and RESPONSE-PORT */
    HONEST_420,   /* refuses them */
    SILENT,       /* says nothing at all */
    OTHER_ITSELF, /* OTHER-ADDRESS is where it is anyway */
};

struct world {
    struct sim_net *net;
    struct sim_nat *nat;
    struct sim_iface *host, *server[2];
    enum flaw flaw;
    struct adit_behaviour behaviour;
    struct sim_actor actor;
    bool done;
    unsigned sent;
};

/* ---- the server: two addresses, two ports (RFC 5780 section 6.1) ------------------------------
 */

#define PORT  3478
#define OTHER 3479

static uint32_t attribute(const struct sim_packet *p, uint16_t type)
{
    for (size_t at = 20; at + 8 <= p->n; at += 4 + (adit_get16(p->bytes + at + 2) + 3u) / 4 * 4)
        if (adit_get16(p->bytes + at) == type)
            return adit_get32(p->bytes + at + 4);
    return 0;
}

static struct adit_addr at(const struct sim_iface *iface, uint16_t port)
{
    struct adit_addr a = iface->ip;

    a.port = port;
    return a;
}

static void add_other(struct adit_stun_out *out, const struct adit_addr *a)
{
    uint8_t v[8] = { 0, 1, (uint8_t)(a->port >> 8), (uint8_t)a->port };

    memcpy(v + 4, a->ip, 4);
    adit_stun_add(out, ADIT_STUN_OTHER_ADDRESS, v, sizeof v);
}

static void on_request(void *arg, struct sim_iface *iface, const struct sim_packet *p)
{
    struct world *w = arg;
    int here = iface == w->server[1];
    uint32_t change = attribute(p, ADIT_STUN_CHANGE_REQUEST);
    uint32_t port = attribute(p, ADIT_STUN_RESPONSE_PORT) >> 16;
    struct adit_addr to = p->from, other = at(w->server[!here], p->to.port ^ PORT ^ OTHER);
    struct adit_stun_out out;
    struct adit_stun_head head;

    if (!adit_stun_peek(&head, p->bytes, p->n) || w->flaw == SILENT ||
        (w->flaw == DEAD_OTHER && (here || p->to.port != PORT)))
        return;
    if (w->flaw == DEAF)
        change = port = 0;
    if (w->flaw == HONEST_420 && (change || port)) {
        adit_stun_begin(&out, ADIT_STUN_ERROR, ADIT_STUN_BINDING, head.id);
        adit_stun_add_error(&out, 420);
        change = port = 0;
    } else {
        adit_stun_begin(&out, ADIT_STUN_SUCCESS, ADIT_STUN_BINDING, head.id);
        adit_stun_add_mapped(&out, &p->from);
        if (w->flaw == OTHER_ITSELF)
            other = p->to;
        if (w->flaw != ONE_ADDRESS)
            add_other(&out, &other);
    }
    size_t n = adit_stun_finish(&out, (struct adit_span){ 0 });
    struct sim_iface *via = w->server[here ^ !!(change & ADIT_STUN_CHANGE_IP)];
    struct adit_addr from =
        at(via, p->to.port ^ (change & ADIT_STUN_CHANGE_PORT ? PORT ^ OTHER : 0));
    if (port)
        to.port = (uint16_t)port;
    if (w->flaw == DEAD_OTHER && change)
        return;
    sim_send(via, &(struct sim_packet){ from, to, out.bytes, n });
}

/* ---- the host -------------------------------------------------------------------------------- */

static void on_send(void *arg, unsigned socket, const struct adit_addr *to, const void *bytes,
                    size_t n)
{
    struct world *w = arg;

    w->sent++;
    sim_send(w->host,
             &(struct sim_packet){ at(w->host, (uint16_t)(5000 + socket)), *to, bytes, n });
}

static void on_done(void *arg)
{
    struct world *w = arg;

    assert_false(w->done);
    w->done = true;
}

static void on_packet(void *arg, struct sim_iface *iface, const struct sim_packet *p)
{
    struct world *w = arg;

    (void)iface;
    adit_behaviour_feed(&w->behaviour, p->to.port - 5000u, &p->from, p->bytes, p->n, w->net->now);
}

static adit_time deadline(void *arg)
{
    return adit_behaviour_deadline(&((struct world *)arg)->behaviour);
}

static void tick(void *arg, adit_time now)
{
    adit_behaviour_tick(&((struct world *)arg)->behaviour, now);
}

static bool is_done(void *arg)
{
    return ((struct world *)arg)->done;
}

static const struct adit_behaviour_ops ops = { .send = on_send, .done = on_done };

/* nat NULL: the host is on the internet itself. */
static struct world *world(const struct sim_nat_conf *nat, enum flaw flaw, uint64_t seed)
{
    struct sim_net *net = sim_net_new(seed);
    struct world *w = sim_net_alloc(net, sizeof *w, NULL);
    struct sim_segment *internet = sim_segment(net), *home = nat ? sim_segment(net) : internet;

    w->net = net;
    w->flaw = flaw;
    if (nat)
        w->nat = sim_nat(nat, home, "192.168.1.1", internet, "198.51.100.1");
    w->host = sim_attach(home, nat ? "192.168.1.2" : "198.51.100.2", on_packet, w);
    w->server[0] = sim_attach(internet, "203.0.113.1", on_request, w);
    w->server[1] = sim_attach(internet, "203.0.113.2", on_request, w);
    return w;
}

static struct adit_behaviour_result discover(struct world *w, bool both, bool lives)
{
    struct adit_addr servers[] = { sim_addr("203.0.113.1:3478"), sim_addr("203.0.113.2:3478") };
    struct adit_behaviour_result r;

    w->actor = (struct sim_actor){ .deadline = deadline, .tick = tick, .arg = w };
    sim_actor_add(w->net, &w->actor);
    adit_behaviour_start(&w->behaviour,
                         &(struct adit_behaviour_conf){ .servers = servers,
                                                        .server_count = both ? 2 : 1,
                                                        .local = at(w->host, 5000),
                                                        .lives = lives,
                                                        .rng = &w->net->rng },
                         &ops, w, w->net->now);
    sim_check(w->net, sim_run(w->net, (lives ? 200 : 8) * ADIT_SEC, is_done, w));
    assert_true(adit_behaviour_deadline(&w->behaviour) == ADIT_NEVER);
    adit_behaviour_result(&w->behaviour, &r);
    return r;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static const enum adit_mapping mappings[] = {
    [SIM_BY_NOTHING] = ADIT_MAPPING_ENDPOINT_INDEPENDENT,
    [SIM_BY_ADDRESS] = ADIT_MAPPING_ADDRESS_DEPENDENT,
    [SIM_BY_ADDRESS_AND_PORT] = ADIT_MAPPING_ADDRESS_AND_PORT_DEPENDENT,
};

static const enum adit_filtering filterings[] = {
    [SIM_BY_NOTHING] = ADIT_FILTERING_ENDPOINT_INDEPENDENT,
    [SIM_BY_ADDRESS] = ADIT_FILTERING_ADDRESS_DEPENDENT,
    [SIM_BY_ADDRESS_AND_PORT] = ADIT_FILTERING_ADDRESS_AND_PORT_DEPENDENT,
};

/* Every NAT of RFC 4787, with loss and without. Two public addresses of a NAT that maps by
 * destination differ for each destination, so its hairpinning leads nowhere by its own rules. */
static void test_every_kind(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 36; i++) {
        struct sim_nat_conf conf = { .mapping = (enum sim_nat_by)(i % 3),
                                     .filtering = (enum sim_nat_by)(i / 3 % 3),
                                     .hairpin = i / 9 % 2 };
        struct world *w = world(&conf, SOUND, 1 + i);
        bool lossy = i >= 18;

        if (lossy)
            sim_set_links(w->host, &(struct sim_link){ .delay = 40 * ADIT_MS, .loss = 100 });
        struct adit_behaviour_result r = discover(w, false, false);
        assert_int_equal(r.mapping, mappings[conf.mapping]);
        assert_int_equal(r.filtering, filterings[conf.filtering]);
        if (!conf.hairpin)
            assert_int_equal(r.hairpin, ADIT_HAIRPIN_NO);
        else if (conf.mapping == SIM_BY_NOTHING)
            assert_int_equal(r.hairpin, ADIT_HAIRPIN_YES);
        assert_true(adit_addr_equal_ip(&r.mapped, &w->nat->outer->ip));
        assert_int_equal(r.server, 0);
        sim_net_free(w->net);
    }
}

static void test_no_nat(void **state)
{
    (void)state;
    struct world *w = world(NULL, SOUND, 1);
    struct adit_behaviour_result r = discover(w, false, false);

    assert_int_equal(r.mapping, ADIT_MAPPING_NONE);
    assert_int_equal(r.filtering, ADIT_FILTERING_ENDPOINT_INDEPENDENT);
    assert_int_equal(r.hairpin, ADIT_HAIRPIN_UNKNOWN);
    sim_net_free(w->net);
}

/* What a server cannot tell is not known, and never guessed. */
static void test_servers(void **state)
{
    static const struct {
        enum flaw flaw;
        bool both;
        enum sim_nat_by mapping;
        enum adit_mapping want_mapping;
        enum adit_filtering want_filtering;
    } rows[] = {
        { ONE_ADDRESS, false, SIM_BY_NOTHING, ADIT_MAPPING_UNKNOWN, ADIT_FILTERING_UNKNOWN },
        { ONE_ADDRESS, true, SIM_BY_NOTHING, ADIT_MAPPING_ENDPOINT_INDEPENDENT,
          ADIT_FILTERING_UNKNOWN },
        { ONE_ADDRESS, true, SIM_BY_ADDRESS, ADIT_MAPPING_DEPENDENT, ADIT_FILTERING_UNKNOWN },
        { OTHER_ITSELF, true, SIM_BY_ADDRESS, ADIT_MAPPING_DEPENDENT, ADIT_FILTERING_UNKNOWN },
        { DEAD_OTHER, false, SIM_BY_NOTHING, ADIT_MAPPING_UNKNOWN, ADIT_FILTERING_UNKNOWN },
        { DEAF, false, SIM_BY_ADDRESS, ADIT_MAPPING_ADDRESS_DEPENDENT, ADIT_FILTERING_UNKNOWN },
        { HONEST_420, false, SIM_BY_NOTHING, ADIT_MAPPING_ENDPOINT_INDEPENDENT,
          ADIT_FILTERING_UNKNOWN },
        { SILENT, true, SIM_BY_NOTHING, ADIT_MAPPING_UNKNOWN, ADIT_FILTERING_UNKNOWN },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct sim_nat_conf conf = { .mapping = rows[i].mapping };
        struct world *w = world(&conf, rows[i].flaw, 1);
        struct adit_behaviour_result r = discover(w, rows[i].both, false);

        assert_int_equal(r.mapping, rows[i].want_mapping);
        assert_int_equal(r.filtering, rows[i].want_filtering);
        assert_int_equal(r.server >= 0, rows[i].flaw != SILENT);
        sim_net_free(w->net);
    }
}

static void test_how_long_a_mapping_lives(void **state)
{
    static const struct {
        adit_time timeout, least, most;
        enum flaw flaw;
    } rows[] = {
        { 40 * ADIT_SEC, 30 * ADIT_SEC, 60 * ADIT_SEC, SOUND },
        { 10 * ADIT_SEC, 0, 15 * ADIT_SEC, SOUND },
        { 600 * ADIT_SEC, 180 * ADIT_SEC, ADIT_NEVER, SOUND },
        { 40 * ADIT_SEC, ADIT_NEVER, ADIT_NEVER, HONEST_420 },
        { 40 * ADIT_SEC, ADIT_NEVER, ADIT_NEVER, DEAF },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct sim_nat_conf conf = { .filtering = SIM_BY_ADDRESS_AND_PORT,
                                     .timeout = rows[i].timeout };
        struct world *w = world(&conf, rows[i].flaw, 1);
        struct adit_behaviour_result r = discover(w, false, true);

        assert_true(r.life_least == rows[i].least);
        assert_true(r.life_most == rows[i].most);
        sim_net_free(w->net);
    }
}

/* No route: it does not wait for what cannot come. */
static void test_unreachable(void **state)
{
    (void)state;
    struct world *w = world(NULL, SILENT, 1);
    struct adit_addr server = sim_addr("203.0.113.1:3478");

    adit_behaviour_start(&w->behaviour,
                         &(struct adit_behaviour_conf){ .servers = &server,
                                                        .server_count = 1,
                                                        .local = at(w->host, 5000),
                                                        .rng = &w->net->rng },
                         &ops, w, w->net->now);
    assert_false(w->done);
    for (int i = 0; i < 3; i++) {
        assert_false(w->done); /* once may be a moment's trouble */
        adit_behaviour_unreachable(&w->behaviour, &server, w->net->now);
    }
    assert_true(w->done);
    sim_net_free(w->net);
}

/* Answers that nobody asked for, with our own id, from elsewhere or at the wrong socket. */
static void test_forgery(void **state)
{
    (void)state;
    struct world *w = world(NULL, SILENT, 1);
    struct adit_addr server = sim_addr("203.0.113.1:3478"), liar = sim_addr("203.0.113.1:3479");
    struct adit_behaviour_server s;
    struct adit_stun_out out;

    adit_behaviour_start(&w->behaviour,
                         &(struct adit_behaviour_conf){ .servers = &server,
                                                        .server_count = 1,
                                                        .local = at(w->host, 5000),
                                                        .rng = &w->net->rng },
                         &ops, w, w->net->now);
    adit_stun_begin(&out, ADIT_STUN_SUCCESS, ADIT_STUN_BINDING, w->behaviour.questions[0].id);
    adit_stun_add_mapped(&out, &liar);
    adit_stun_finish(&out, (struct adit_span){ 0 });
    adit_behaviour_feed(&w->behaviour, 0, &liar, out.bytes, out.len, w->net->now);
    adit_behaviour_feed(&w->behaviour, 1, &server, out.bytes, out.len, w->net->now);
    adit_behaviour_server(&w->behaviour, 0, &s);
    assert_false(s.answered);
    adit_behaviour_feed(&w->behaviour, 0, &server, out.bytes, out.len, w->net->now);
    adit_behaviour_server(&w->behaviour, 0, &s);
    assert_true(s.answered);
    sim_net_free(w->net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind),  cmocka_unit_test(test_no_nat),
        cmocka_unit_test(test_servers),     cmocka_unit_test(test_how_long_a_mapping_lives),
        cmocka_unit_test(test_unreachable), cmocka_unit_test(test_forgery),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
