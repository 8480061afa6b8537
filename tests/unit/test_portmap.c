/* A port at the gateway: PCP, NAT-PMP where that is not known, renewal, restarts, the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/rng.h"
#include "lan/portmap.h"

enum kind { NOBODY, PCP, PMP, PMP_MUTE /* about versions */, STALE /* in PCP */ };

/* A gateway, and what a socket's owner saw of it. */
struct world {
    struct adit_portmap p;
    struct adit_rng rng;
    enum kind kind;
    uint8_t result;
    uint32_t lifetime, epoch_zero; /* when it began, in seconds */
    uint16_t port;                 /* that is open; 0 = none */
    const char *outside;
    unsigned asked, maps, gone, opened, silent, refused;
    uint8_t last[ADIT_PORTMAP_MAX], answer[ADIT_PORTMAP_MAX];
    size_t answer_len;
    struct adit_addr external;
};

static struct world w;
static struct adit_addr inside, gateway;

static struct adit_addr addr(const char *text, uint16_t port)
{
    struct adit_addr a;

    assert_int_equal(adit_addr_parse(&a, text, strlen(text)), 0);
    a.port = port;
    return a;
}

/* The answer is fed by run(), as a network would. */
static void on_send(void *arg, const struct adit_addr *to, const void *bytes, size_t n)
{
    const uint8_t *b = bytes;
    struct adit_addr outside = addr(w.outside, 0);

    assert_ptr_equal(arg, &w);
    assert_true(adit_addr_equal(to, &gateway));
    assert_true(n <= sizeof w.last);
    w.asked++;
    memcpy(w.last, b, n);
    w.answer_len = 0;
    memset(w.answer, 0, sizeof w.answer);
    if ((w.kind == PCP || w.kind == STALE) && b[0] == 2) {
        assert_int_equal(n, 60);
        memcpy(w.answer, b, n);
        w.answer[1] |= 0x80;
        w.answer[3] = w.kind == STALE ? 2 : w.result;
        adit_put32(w.answer + 4, adit_get32(b + 4) ? w.lifetime : 0);
        memset(w.answer + 12, 0, 12);
        w.answer_len = n;
        w.maps += w.kind == PCP;
        w.gone += !adit_get32(b + 4);
        w.port = adit_get32(b + 4) && !w.result ? 7000 : 0;
        adit_put16(w.answer + 42, 7000);
        memset(w.answer + 44, 0, 10);
        memset(w.answer + 54, 0xff, 2);
        memcpy(w.answer + 56, outside.ip, 4);
    } else if (w.kind == PMP && b[0] == 2) {
        w.answer[1] = 0x81;
        w.answer[3] = 1;
        w.answer_len = 8;
    } else if (w.kind >= PMP && b[0] == 0 && b[1] == 0) {
        assert_int_equal(n, 2);
        w.answer[1] = 0x80;
        memcpy(w.answer + 8, outside.ip, 4);
        w.answer_len = 12;
    } else if (w.kind >= PMP && b[0] == 0) {
        assert_int_equal(n, 12);
        w.answer[1] = 0x81;
        w.answer[3] = w.result;
        memcpy(w.answer + 8, b + 4, 2);
        adit_put16(w.answer + 10, 7001);
        adit_put32(w.answer + 12, adit_get32(b + 8) ? w.lifetime : 0);
        w.answer_len = 16;
        w.maps++;
        w.gone += !adit_get32(b + 8);
        w.port = adit_get32(b + 8) && !w.result ? 7001 : 0;
    }
}

static void on_news(void *arg, enum adit_portmap_news news, const struct adit_addr *external,
                    adit_time now)
{
    assert_ptr_equal(arg, &w);
    assert_true((news == ADIT_PORTMAP_OPEN) == (external != NULL));
    w.opened += news == ADIT_PORTMAP_OPEN;
    w.silent += news == ADIT_PORTMAP_SILENT;
    w.refused += news == ADIT_PORTMAP_REFUSED;
    w.external = external ? *external : (struct adit_addr){ 0 };
    (void)now;
}

static const struct adit_portmap_ops ops = { .send = on_send, .news = on_news };

static int setup(void **state)
{
    (void)state;
    w = (struct world){ .kind = PCP, .lifetime = 3600, .outside = "203.0.113.10" };
    adit_rng_init_seed(&w.rng, 1);
    inside = addr("192.168.1.2", 5000);
    gateway = addr("192.168.1.1", 5351);
    adit_portmap_start(&w.p, &inside, &gateway, &ops, &w, &w.rng, 0);
    return 0;
}

static void hear(const void *bytes, size_t n, adit_time now)
{
    assert_true(adit_portmap_feed(&w.p, &gateway, bytes, n, now));
}

/* From deadline to deadline, a millisecond from question to answer. */
static void run(adit_time from, adit_time until)
{
    adit_time now = from;

    while (adit_portmap_deadline(&w.p) <= until) {
        now = adit_time_max(now, adit_portmap_deadline(&w.p));
        adit_portmap_tick(&w.p, now);
        while (w.answer_len) {
            size_t n = w.answer_len;

            w.answer_len = 0;
            now += ADIT_MS;
            adit_put32(w.answer + (w.answer[0] ? 8 : 4), (uint32_t)(now / ADIT_SEC) - w.epoch_zero);
            hear(w.answer, n, now);
        }
    }
}

static void pcp_opens_a_port(void **state)
{
    struct adit_addr outside = addr("203.0.113.10", 7000);

    (void)state;
    run(0, ADIT_SEC);
    assert_int_equal(w.asked, 1);
    assert_int_equal(w.opened, 1);
    assert_true(adit_addr_equal(&w.external, &outside));
    assert_int_equal(adit_get16(w.last + 40), 5000);
    assert_int_equal(w.last[36], 17);
    assert_memory_equal(w.last + 8, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\xa8\1\2", 16);
    run(ADIT_SEC, 1799 * ADIT_SEC);
    assert_int_equal(w.asked, 1);
    run(1799 * ADIT_SEC, 1801 * ADIT_SEC);
    assert_int_equal(w.asked, 2); /* half of the lifetime */
    assert_int_equal(adit_get16(w.last + 42), 7000);
    run(1801 * ADIT_SEC, 100000 * ADIT_SEC);
    assert_int_equal(w.opened, 1);
    assert_int_equal(w.silent, 0);
    adit_portmap_stop(&w.p);
    adit_portmap_stop(&w.p);
    assert_int_equal(w.gone, 1);
    assert_int_equal(adit_portmap_deadline(&w.p), ADIT_NEVER);
    assert_false(adit_portmap_feed(&w.p, &gateway, w.answer, 60, 0));
}

static void nat_pmp_where_pcp_is_not_known(void **state)
{
    struct adit_addr outside = addr("203.0.113.10", 7001);

    (void)state;
    w.kind = PMP;
    run(0, ADIT_SEC);
    assert_int_equal(w.asked, 3);
    assert_true(adit_addr_equal(&w.external, &outside));
    run(ADIT_SEC, 5000 * ADIT_SEC);
    assert_int_equal(w.opened, 1);
    adit_portmap_stop(&w.p);
    assert_int_equal(w.gone, 1);
    assert_int_equal(adit_get16(w.last + 6), 0); /* RFC 6886 section 3.4 */
}

static void nat_pmp_that_is_silent_about_pcp(void **state)
{
    (void)state;
    w.kind = PMP_MUTE;
    run(0, 3 * ADIT_SEC);
    assert_int_equal(w.opened, 1);
    assert_int_equal(w.silent, 0);
}

/* The port of a socket before us, which died: PCP will not give it to another nonce. */
static void what_a_crash_left_open(void **state)
{
    (void)state;
    w.kind = STALE;
    run(0, ADIT_SEC);
    assert_int_equal(w.opened, 1);
    assert_int_equal(w.refused, 0);
    assert_int_equal(w.maps, 1);
}

static void nobody_there(void **state)
{
    (void)state;
    w.kind = NOBODY;
    run(0, 10 * ADIT_SEC);
    assert_int_equal(w.asked, 6);
    assert_int_equal(w.silent, 1);
    run(10 * ADIT_SEC, 3000 * ADIT_SEC);
    assert_int_equal(w.silent, 1);
    assert_in_range(w.asked, 50, 70); /* now and then */
    w.kind = PCP;
    run(3000 * ADIT_SEC, 3400 * ADIT_SEC);
    assert_int_equal(w.opened, 1);
}

static void a_refusal_holds_for_a_while(void **state)
{
    (void)state;
    w.result = 8; /* NO_RESOURCES */
    w.lifetime = 600;
    run(0, 599 * ADIT_SEC);
    assert_int_equal(w.asked, 1);
    assert_int_equal(w.refused, 1);
    w.result = 0;
    run(599 * ADIT_SEC, 601 * ADIT_SEC);
    assert_int_equal(w.opened, 1);
    w.lifetime = UINT32_MAX; /* nothing overflows, and nothing is for ever */
    run(601 * ADIT_SEC, 100000 * ADIT_SEC);
    assert_int_equal(w.opened, 1);
    assert_true(adit_portmap_deadline(&w.p) < 200000 * ADIT_SEC);
}

static void a_gateway_that_falls_silent(void **state)
{
    (void)state;
    run(0, ADIT_SEC);
    w.kind = NOBODY;
    run(ADIT_SEC, 3599 * ADIT_SEC);
    assert_int_equal(w.silent, 0);
    assert_in_range(w.asked, 5, 15); /* ever more often, towards the end */
    run(3599 * ADIT_SEC, 3700 * ADIT_SEC);
    assert_int_equal(w.silent, 1);
    assert_int_equal(w.external.family, ADIT_FAMILY_NONE);
}

static void a_restart_is_noticed(void **state)
{
    static const uint8_t pcp_announce[24] = { 2, 0x80 };
    uint8_t pmp_announce[12] = { 0, 0x80, [8] = 203, 0, 113, 10 };

    (void)state;
    run(0, 100 * ADIT_SEC);
    assert_int_equal(w.maps, 1);
    hear(pcp_announce, sizeof pcp_announce, 100 * ADIT_SEC);
    run(100 * ADIT_SEC, 103 * ADIT_SEC);
    assert_int_equal(w.maps, 2);
    assert_int_equal(adit_get16(w.last + 42), 7000); /* the same, please */
    assert_int_equal(w.opened, 1);

    setup(state);
    w.kind = PMP;
    run(0, 100 * ADIT_SEC);
    assert_int_equal(w.maps, 1);
    adit_put32(pmp_announce + 4, 100);
    hear(pmp_announce, sizeof pmp_announce, 100 * ADIT_SEC);
    run(100 * ADIT_SEC, 103 * ADIT_SEC);
    assert_int_equal(w.maps, 1); /* its clock has gone on as ours has */
    adit_put32(pmp_announce + 4, 1);
    hear(pmp_announce, sizeof pmp_announce, 110 * ADIT_SEC);
    w.epoch_zero = 109;
    run(110 * ADIT_SEC, 113 * ADIT_SEC);
    assert_int_equal(w.maps, 2);

    /* another address outside */
    w.outside = "203.0.113.99";
    pmp_announce[11] = 99;
    adit_put32(pmp_announce + 4, 11);
    hear(pmp_announce, sizeof pmp_announce, 120 * ADIT_SEC);
    run(120 * ADIT_SEC, 123 * ADIT_SEC);
    assert_int_equal(w.opened, 2);
    assert_int_equal(w.external.ip[3], 99);
}

static void answers_that_do_not_count(void **state)
{
    struct adit_addr other = addr("192.168.1.9", 5351), other_port = gateway;
    uint8_t bytes[60];
    size_t n;

    (void)state;
    other_port.port = 1;
    adit_portmap_tick(&w.p, 0);
    n = w.answer_len;
    assert_false(adit_portmap_feed(&w.p, &other, w.answer, n, 1));
    assert_false(adit_portmap_feed(&w.p, &other_port, w.answer, n, 1));
    for (size_t i = 0; i < n; i++) /* cut off */
        hear(w.answer, i, 1);
    memcpy(bytes, w.answer, n);
    bytes[30] ^= 1; /* another nonce */
    hear(bytes, n, 1);
    memcpy(bytes, w.answer, n);
    bytes[41] ^= 1; /* another port */
    hear(bytes, n, 1);
    memcpy(bytes, w.answer, n);
    bytes[36] = 6; /* TCP */
    hear(bytes, n, 1);
    memcpy(bytes, w.answer, n);
    memset(bytes + 42, 0, 2); /* no port */
    hear(bytes, n, 1);
    memcpy(bytes, w.answer, n);
    bytes[1] &= 0x7f; /* a request */
    hear(bytes, n, 1);
    assert_int_equal(w.opened, 0);
    hear(w.answer, n, 1);
    assert_int_equal(w.opened, 1);
}

static void ipv6_speaks_pcp_alone(void **state)
{
    (void)state;
    inside = addr("2001:db8::2", 5000);
    gateway = addr("fe80::1", 5351);
    w.kind = NOBODY;
    adit_portmap_start(&w.p, &inside, &gateway, &ops, &w, &w.rng, 0);
    run(0, 10 * ADIT_SEC);
    assert_int_equal(w.asked, 3);
    assert_int_equal(w.last[0], 2);
    assert_memory_equal(w.last + 8, inside.ip, 16);
    assert_memory_equal(w.last + 44, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(pcp_opens_a_port, setup),
        cmocka_unit_test_setup(nat_pmp_where_pcp_is_not_known, setup),
        cmocka_unit_test_setup(nat_pmp_that_is_silent_about_pcp, setup),
        cmocka_unit_test_setup(what_a_crash_left_open, setup),
        cmocka_unit_test_setup(nobody_there, setup),
        cmocka_unit_test_setup(a_refusal_holds_for_a_while, setup),
        cmocka_unit_test_setup(a_gateway_that_falls_silent, setup),
        cmocka_unit_test_setup(a_restart_is_noticed, setup),
        cmocka_unit_test_setup(answers_that_do_not_count, setup),
        cmocka_unit_test_setup(ipv6_speaks_pcp_alone, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
