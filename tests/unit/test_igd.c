/* A port by UPnP: when it is asked for, renewed and given up; whose URLs are followed; and errands,
 * which in a program without miniupnpc all come back with ENOSYS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "agent/igd.h"
#include "base/rng.h"
#include "wait.h"

static struct adit_igd g;
static struct adit_rng rng;
static struct adit_igd_errand last;
static unsigned runs, closed;
static int run_err;
static enum adit_portmap_news news;
static struct adit_addr inside, gateway;

static struct adit_addr addr(const char *text, uint16_t port)
{
    struct adit_addr a;

    assert_int_equal(adit_addr_parse(&a, text, strlen(text)), 0);
    a.port = port;
    return a;
}

static int on_run(void *arg, const struct adit_igd_errand *errand)
{
    assert_ptr_equal(arg, &g);
    if (run_err)
        return run_err;
    runs += errand->what == ADIT_IGD_OPEN;
    closed += errand->what == ADIT_IGD_CLOSE;
    last = *errand;
    return 0;
}

static int setup(void **state)
{
    (void)state;
    runs = closed = 0;
    run_err = 0;
    adit_rng_init_seed(&rng, 1);
    inside = addr("192.168.1.2", 5000);
    gateway = addr("192.168.1.1", 0);
    adit_igd_begin(&g, &inside, &gateway, on_run, &g, &rng, 0);
    return 0;
}

/* The errand that is due leaves, and its answer is there. Returns whether it was news. */
static bool answered(int err, uint16_t port, uint32_t lease_s, adit_time now)
{
    struct adit_igd_answer a = { .err = err, .external = addr("11.0.0.10", port) };
    unsigned before = runs;

    assert_true(adit_igd_deadline(&g) <= now);
    adit_igd_tick(&g, now);
    assert_int_equal(runs, before + 1);
    assert_int_equal(adit_igd_deadline(&g), ADIT_NEVER); /* one at a time */
    a.lease_s = lease_s;
    strcpy(a.place.control, "http://192.168.1.1:5000/c");
    strcpy(a.place.service, "s");
    return adit_igd_answered(&g, &a, &news, now);
}

static void it_is_opened_renewed_and_closed(void **state)
{
    adit_time at;

    (void)state;
    assert_true(answered(0, 5000, 1200, 0));
    assert_int_equal(news, ADIT_PORTMAP_OPEN);
    assert_int_equal(last.external_ports[0], 5000);
    assert_true(last.external_ports[1] >= 1024 && last.external_ports[2] >= 1024);
    assert_int_equal(last.place.control[0], '\0');
    at = adit_igd_deadline(&g);
    assert_int_equal(at, 600 * ADIT_SEC);
    assert_false(answered(0, 5000, 1200, at)); /* the same: no news */
    assert_string_equal(last.place.control, "http://192.168.1.1:5000/c");
    assert_int_equal(adit_igd_deadline(&g), 1200 * ADIT_SEC);
    assert_true(answered(0, 6000, 1200, 1200 * ADIT_SEC)); /* another port */
    adit_igd_end(&g);
    assert_int_equal(closed, 1);
    assert_int_equal(last.external_ports[0], 6000);
    assert_int_equal(adit_igd_deadline(&g), ADIT_NEVER);
    adit_igd_end(&g);
    assert_int_equal(closed, 1);
}

static void leases_are_bounded(void **state)
{
    static const struct {
        uint32_t lease_s;
        unsigned renewed_s;
        bool permanent;
    } rows[] = {
        { 1, 30, false }, { 300, 150, false }, { UINT32_MAX, 600, false }, { 0, 600, true }
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        setup(NULL);
        assert_true(answered(0, 5000, rows[i].lease_s, 0));
        assert_int_equal(adit_igd_deadline(&g), rows[i].renewed_s * ADIT_SEC);
        assert_int_equal(g.permanent, rows[i].permanent);
    }
}

static void a_gateway_that_is_away_for_a_while(void **state)
{
    adit_time now = 0;
    unsigned tries = 0;

    (void)state;
    assert_true(answered(0, 5000, 1200, 0));
    do {
        now = adit_igd_deadline(&g);
        assert_true(++tries < 10);
    } while (!answered(tries % 2 ? -ETIMEDOUT : -ENOENT, 0, 0, now));
    assert_in_range(now, 1140 * ADIT_SEC, 1200 * ADIT_SEC); /* until the port is closed anyway */
    assert_int_equal(news, ADIT_PORTMAP_SILENT);
    assert_int_equal(g.external.family, ADIT_FAMILY_NONE);
    assert_int_equal(adit_igd_deadline(&g), now + 310 * ADIT_SEC);
    assert_false(answered(-ENOENT, 0, 0, adit_igd_deadline(&g))); /* it has been said */
    adit_igd_end(&g);
    assert_int_equal(closed, 0); /* nothing is open */
}

static void one_that_does_not_want_to(void **state)
{
    (void)state;
    assert_true(answered(-EACCES, 0, 0, 0));
    assert_int_equal(news, ADIT_PORTMAP_REFUSED);
    assert_int_equal(adit_igd_deadline(&g), 1800 * ADIT_SEC);
    assert_true(answered(0, 5000, 1200, 1800 * ADIT_SEC));
    assert_true(answered(-EACCES, 0, 0, adit_igd_deadline(&g))); /* and takes it back */
}

static void too_many_errands_wait(void **state)
{
    (void)state;
    run_err = -EBUSY;
    adit_igd_tick(&g, 0);
    assert_int_equal(adit_igd_deadline(&g), ADIT_SEC);
    run_err = 0;
    assert_true(answered(0, 5000, 1200, ADIT_SEC));
}

static void only_urls_at_the_gateway(void **state)
{
    static const struct {
        const char *url;
        bool good;
    } rows[] = {
        { "http://192.168.1.1:5000/root.xml", true },
        { "http://192.168.1.1/", true },
        { "http://192.168.1.1:80/http://x/", true },
        { "", false },
        { "http://", false },
        { "http://192.168.1.1", false },
        { "http://192.168.1.10/", false },
        { "http://192.168.1.1.example.com/", false },
        { "http://192.168.1.1@198.51.100.1/", false },
        { "http://192.168.1.1:80@198.51.100.1/", false },
        { "http://192.168.1.1:/", false },
        { "http://192.168.1.1:123456/", false },
        { "http://192.168.1.1:5000", false },
        { "http://192.168.1.2/", false },
        { "http://198.51.100.1/?http://192.168.1.1/", false },
        { "http://0300.0250.1.1/", false },
        { "http://router/", false },
        { "https://192.168.1.1/", false },
        { "file:///192.168.1.1/", false },
        { " http://192.168.1.1/", false },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++)
        if (adit_igd_url_is_at(rows[i].url, &gateway) != rows[i].good)
            fail_msg("%s", rows[i].url);
}

static void on_done(void *arg, const struct adit_igd_answer *answer, adit_time now)
{
    unsigned *done = arg;

    (void)now;
    assert_true(answer->err < 0);
    ++*done;
}

static void errands_are_bounded_and_come_back(void **state)
{
    struct adit_igd_errand errand = { .what = ADIT_IGD_LOOK,
                                      .internal = addr("127.0.0.1", 5000),
                                      .gateway = addr("127.0.0.1", 0) };
    unsigned before = open_fds(), done[ADIT_IGD_ERRANDS_MAX] = { 0 };
    struct adit_loop *loop = adit_loop_new();
    struct adit_igd_job *job, *first = NULL;

    (void)state;
    for (size_t i = 0; i < ADIT_IGD_ERRANDS_MAX; i++) {
        assert_int_equal(adit_igd_start(&job, loop, &errand, on_done, &done[i]), 0);
        first = first ? first : job;
    }
    assert_int_equal(adit_igd_start(&job, loop, &errand, on_done, &done[0]), -EBUSY);
    adit_igd_leave(first);
    for (size_t i = 1; i < ADIT_IGD_ERRANDS_MAX; i++)
        assert_true(wait_for(loop, &done[i]));
    assert_int_equal(adit_igd_start(&job, loop, &errand, on_done, &done[1]), 0);
    done[1] = 0;
    assert_true(wait_for(loop, &done[1]));
    assert_int_equal(done[0], 0);
    adit_igd_farewell(*adit_loop_errands(loop)); /* the one that was left may be there still */
    adit_loop_free(loop);
    assert_int_equal(open_fds(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(it_is_opened_renewed_and_closed, setup),
        cmocka_unit_test_setup(leases_are_bounded, setup),
        cmocka_unit_test_setup(a_gateway_that_is_away_for_a_while, setup),
        cmocka_unit_test_setup(one_that_does_not_want_to, setup),
        cmocka_unit_test_setup(too_many_errands_wait, setup),
        cmocka_unit_test_setup(only_urls_at_the_gateway, setup),
        cmocka_unit_test_setup(errands_are_bounded_and_come_back, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
