/* test_hub_limit.c - each limit of the hub, at the limit and one beyond. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/hub_world.h"

#include "base/alloc.h"
#include "signal/hub_inner.h"

static void clients(void **state)
{
    struct hub_world w;

    (void)state;
    hub_world_init(&w);
    w.conf.limits.clients = 3;
    hub_world_start(&w);
    HUB_RUN(&w, "a> OPEN /ws/a", "a< 101", "b> OPEN /ws/b", "b< 101", "c> GET /box/x?wait=60",
            "d> OPEN /ws/d", "d< 503 too many clients\n", "d> GET /box/x?wait=60",
            "d< 429 too many wait already\n", "d> GET /health",
            "d< 200 {\"status\":\"ok\",\"timestamp\":\"$T\"}", "b> GONE", "d> OPEN /ws/d",
            "d< 101");
    hub_world_done(&w);
}

static void one_address(void **state)
{
    struct hub_world w;

    (void)state;
    hub_world_init(&w);
    w.conf.limits.per_address = 2;
    hub_world_start(&w);
    HUB_RUN(&w, "a> OPEN /ws/a", "a< 101", "b> OPEN /", "b< 101", "c> OPEN /ws/c",
            "c< 429 too many clients from this address\n", "c> GET /box/x?wait=60",
            "c< 429 too many wait already\n");
    assert_int_equal(adit_addr_parse(&w.remote, "192.0.2.8", 9), 0);
    HUB_RUN(&w, "c> OPEN /ws/c", "c< 101", "a> GONE");
    /* All of an IPv6 /64 is one host. */
    assert_int_equal(adit_addr_parse(&w.remote, "2001:db8::1", 11), 0);
    HUB_RUN(&w, "d> OPEN /ws/d", "d< 101");
    assert_int_equal(adit_addr_parse(&w.remote, "2001:db8::ffff:1", 16), 0);
    HUB_RUN(&w, "e> OPEN /ws/e", "e< 101", "f> OPEN /ws/f",
            "f< 429 too many clients from this address\n");
    assert_int_equal(adit_addr_parse(&w.remote, "2001:db8:0:1::1", 15), 0);
    HUB_RUN(&w, "f> OPEN /ws/f", "f< 101");
    hub_world_done(&w);
}

static void messages(void **state)
{
    struct hub_world w;

    (void)state;
    hub_world_init(&w);
    w.conf.limits.message_rate = 10;
    w.conf.limits.message_burst = 5;
    hub_world_start(&w);
    HUB_RUN(&w, "a> OPEN /ws/a", "a< 101", "a> {}", "a> {}", "a> {}", "a> {}", "a> {}", "+ 100",
            "a> {}", "+ 500", "a> {}", "a> {}", "a> {}", "a> {}", "a> {}", "a> {}",
            "a< CLOSE 1008 too many messages", "a> {}");
    assert_non_null(strstr(w.events, "agent refused a too many messages\n"));
    hub_world_done(&w);
}

static void requests(void **state)
{
    struct hub_world w;

    (void)state;
    hub_world_init(&w);
    w.conf.limits.request_rate = 1;
    w.conf.limits.request_burst = 22;
    hub_world_start(&w);
    HUB_RUN(&w, "z> GET /nothing", "z< 404 {\"detail\":\"Not Found\"}");
    w.conf.anonymous = false;
    /* a wrong token costs eleven */
    HUB_RUN(&w, "a> OPEN /?token=x",
            "a< 401 WWW-Authenticate: Bearer | this token is not known here\n");
    for (int i = 0; i < 10; i++)
        HUB_RUN(&w, "z> GET /nothing", "z< 404 {\"detail\":\"Not Found\"}");
    HUB_RUN(&w, "z> GET /nothing", "z< 429 too many requests\n", "a> OPEN /",
            "a< 429 too many requests\n", "+ 999", "z> GET /nothing", "z< 429 too many requests\n",
            "+ 1", "z> GET /nothing", "z< 404 {\"detail\":\"Not Found\"}");
    hub_world_done(&w);
}

/* The table of addresses ends as well, and empties itself. */
static void addresses(void **state)
{
    struct hub_world w;

    (void)state;
    hub_world_init(&w);
    hub_world_start(&w);
    for (unsigned i = 0; i < ADIT_HUB_ADDRESSES_MAX; i++) {
        struct adit_hub_request r = { .method = "GET", .path = "/x", .query = "", .body = "" };
        r.remote.family = ADIT_FAMILY_V4;
        memcpy(r.remote.ip, &i, sizeof i);
        adit_hub_open(w.hub, &r, &w.conns[0], w.now);
        hub_forget(&w);
    }
    HUB_RUN(&w, "z> GET /x", "z< 503 too many addresses\n", "+ 1100", "z> GET /x",
            "z< 404 {\"detail\":\"Not Found\"}");
    assert_true(w.hub->addresses.count == 1);
    HUB_RUN(&w, "+ 60000");
    assert_true(w.hub->addresses.count == 0 && adit_hub_deadline(w.hub) == ADIT_NEVER);
    hub_world_done(&w);
}

static void logins(void **state)
{
    struct hub_world w;

    (void)state;
    hub_world_init(&w);
    w.conf.registration = true;
    w.conf.limits.accounts = 1;
    w.conf.limits.devices = 1;
    w.conf.limits.request_burst = 1000;
    hub_world_start(&w);
    HUB_RUN(&w, "z> POST /auth/register <- {\"email\":\"a@b\",\"password\":\"12345678\"}", "+ 500",
            "z< 201 {\"access_token\":\"$A\",\"token_type\":\"bearer\"}",
            "z> POST /auth/register <- {\"email\":\"c@b\",\"password\":\"12345678\"}", "+ 500",
            "z< 507 {\"detail\":\"The account could not be kept\"}",
            "z> POST /devices/register | Authorization: Bearer $A <- "
            "{\"device_id\":\"x\",\"pubkey\":\"k\"}",
            "z< 200 {\"id\":\"x\",\"user_id\":1,\"pubkey\":\"k\",\"created_at\":\"$B\","
            "\"last_seen\":\"$C\"}",
            "z> POST /devices/register | Authorization: Bearer $A <- "
            "{\"device_id\":\"y\",\"pubkey\":\"k\"}",
            "z< 507 {\"detail\":\"Too many devices\"}");
    hub_world_done(&w);
}

static void shutting_down(void **state)
{
    struct hub_world w;

    (void)state;
    hub_world_init(&w);
    hub_world_start(&w);
    HUB_RUN(&w, "a> OPEN /ws/a", "a< 101", "b> OPEN /", "b< 101",
            "b> {\"type\":\"join\",\"room\":\"r\"}",
            "b< {\"type\":\"joined\",\"peerId\":\"$B\",\"peers\":[]}", "c> OPEN /", "c< 101",
            "c> {\"type\":\"join\",\"room\":\"r\"}",
            "c< {\"type\":\"joined\",\"peerId\":\"$C\",\"peers\":[\"$B\"]}",
            "b< {\"type\":\"peer-joined\",\"peerId\":\"$C\"}");
    adit_hub_shutdown(w.hub, w.now);
    HUB_RUN(&w, "a< CLOSE 1012 the server is restarting", "b< CLOSE 1012 the server is restarting",
            "c< CLOSE 1012 the server is restarting", "d> OPEN /",
            "d< 503 the server is going away\n", "a> {\"type\":\"register\"}");
    hub_world_done(&w);
}

/* Everything again with every allocation failing in its turn: nothing is lost and nothing crashes
 * (jansson's allocations are its own). */
static void out_of_memory(void **state)
{
    static const char *const script[] = {
        "a> OPEN /ws/alice",
        "b> OPEN /ws/bob",
        "a> {\"type\":\"offer\",\"to\":\"bob\",\"sdp\":\"x\"}",
        "c> OPEN /",
        "c> {\"type\":\"join\",\"room\":\"r\"}",
        "d> OPEN /",
        "d> {\"type\":\"register\",\"role\":\"offerer\"}",
        "d> {\"type\":\"offer\",\"sdp\":\"x\"}",
        "d> {\"type\":\"candidate\",\"candidate\":\"x\"}",
        "e> OPEN /",
        "e> {\"type\":\"register\",\"role\":\"answerer\"}",
        "f> OPEN /ws/register/f",
        "f> {\"type\":\"update_udp_endpoint\",\"udp_ip\":\"192.0.2.1\",\"udp_port\":1}",
        "g> GET /box/x?wait=60",
        "z> POST /box/x <- y",
        "z> POST /auth/register <- {\"email\":\"a@b\",\"password\":\"12345678\"}",
        "h> OPEN /",
        "h> {\"type\":\"auth\",\"token\":\"x\",\"device_id\":\"d\"}",
    };
    unsigned n = 0;
    bool done = false;

    (void)state;
    for (; !done && n < 2000; n++) {
        struct hub_world w;

        hub_world_init(&w);
        w.conf.registration = true;
        hub_world_start(&w);
        adit_alloc_fail_at(n);
        for (size_t i = 0; i < ADIT_LEN(script); i++) {
            unsigned who = (unsigned)(script[i][0] - 'a');
            if (!strchr("OGP", script[i][3]) && !w.conns[who].client)
                continue; /* its connection was refused */
            hub_step(&w, script[i]);
            hub_forget(&w);
        }
        hub_sleep(&w, ADIT_SEC);
        done = adit_alloc_count() <= n;
        adit_alloc_fail_at(UINT64_MAX);
        hub_forget(&w);
        hub_world_done(&w);
    }
    assert_true(done && n > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clients),       cmocka_unit_test(one_address),
        cmocka_unit_test(messages),      cmocka_unit_test(requests),
        cmocka_unit_test(addresses),     cmocka_unit_test(logins),
        cmocka_unit_test(shutting_down), cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
