/* test_hub_worker.c - the rendezvous service, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "unit/hub_world.h"

#define UDP(ip, port) \
    "{\"type\":\"update_udp_endpoint\",\"udp_ip\":\"" ip "\",\"udp_port\":" port "}"
#define ACK "{\"type\":\"udp_endpoint_ack\",\"status\":\"success\"}"
#define NACK \
    "{\"type\":\"udp_endpoint_ack\",\"status\":\"error\",\"detail\":\"Missing IP or Port\"}"
#define OFFER(id, ip, port)                                             \
    "{\"type\":\"p2p_connection_offer\",\"peer_worker_id\":\"" id "\"," \
    "\"peer_udp_ip\":\"" ip "\",\"peer_udp_port\":" port "}"

static void an_introduction(void **state)
{
    struct hub_world w;

    (void)state;
    hub_world_init(&w);
    hub_world_start(&w);
    HUB_RUN(&w, "a> OPEN /ws/register/5c1e", "a< 101", "b> OPEN /ws/register/77aa", "b< 101",
            "a> {\"type\":\"register_public_ip\",\"ip\":\"198.51.100.20\"}",
            "a> " UDP("198.51.100.20", "50110"), "a< " ACK, "b> " UDP("203.0.113.8", "\"61999\""),
            "b< " ACK, "a< " OFFER("77aa", "203.0.113.8", "61999"),
            "b< " OFFER("5c1e", "198.51.100.20", "50110"),
            /* every 300 s: ready again, and introduced again when the other one is, too */
            "a> " UDP("198.51.100.20", "50111"), "a< " ACK, "b> " UDP("203.0.113.8", "61999"),
            "b< " ACK, "a< " OFFER("77aa", "203.0.113.8", "61999"),
            "b< " OFFER("5c1e", "198.51.100.20", "50111"));
    assert_non_null(strstr(w.events, "rendezvous met 5c1e 77aa\n"));
    hub_world_done(&w);
}

static void first_come_first_served(void **state)
{
    struct hub_world w;

    (void)state;
    hub_world_init(&w);
    hub_world_start(&w);
    HUB_RUN(&w, "a> OPEN /ws/register/a", "a< 101", "b> OPEN /ws/register/b", "b< 101",
            "c> OPEN /ws/register/c", "c< 101", "a> " UDP("192.0.2.1", "1"), "a< " ACK,
            "a> " UDP("192.0.2.1", "2"), "a< " ACK, "a> GONE", "b> " UDP("192.0.2.2", "1"),
            "b< " ACK, "c> " UDP("2001:db8::3", "1"), "c< " ACK,
            "b< " OFFER("c", "2001:db8::3", "1"), "c< " OFFER("b", "192.0.2.2", "1"));
    hub_world_done(&w);
}

static void other_messages(void **state)
{
    struct hub_world w;

    (void)state;
    hub_world_init(&w);
    hub_world_start(&w);
    HUB_RUN(&w, "a> OPEN /ws/register/5c1e", "a< 101",
            "a> {\"type\":\"echo_request\",\"payload\":\"Hello 1\"}",
            "a< {\"type\":\"echo_response\",\"original_payload\":\"Hello 1\","
            "\"processed_by_rendezvous\":\"Rendezvous processed: 'HELLO 1' for worker 5c1e\"}",
            "a> {\"type\":\"echo_request\"}",
            "a< {\"type\":\"echo_response\",\"original_payload\":\"\","
            "\"processed_by_rendezvous\":\"Rendezvous processed: '' for worker 5c1e\"}",
            "a> {\"type\":\"echo_request\",\"payload\":7}", "a> {\"type\":\"dance\"}",
            "a> not JSON", "a> []", "a> {\"type\":\"explicit_deregister\",\"worker_id\":\"other\"}",
            "a> {\"type\":\"explicit_deregister\",\"worker_id\":\"5c1e\"}",
            "a< {\"type\":\"deregister_ack\",\"worker_id\":\"5c1e\",\"status\":\"success\"}",
            "a< CLOSE 1000 deregistered");
    hub_world_done(&w);
}

static void endpoints_that_are_none(void **state)
{
    static const char *const bad[] = {
        "\"udp_ip\":\"192.0.2.1\"",
        "\"udp_port\":1",
        "\"udp_ip\":\"\",\"udp_port\":1",
        "\"udp_ip\":\"host.example\",\"udp_port\":1",
        "\"udp_ip\":\"192.0.2.1:9\",\"udp_port\":1",
        "\"udp_ip\":\"192.0.2.1\",\"udp_port\":0",
        "\"udp_ip\":\"192.0.2.1\",\"udp_port\":65536",
        "\"udp_ip\":\"192.0.2.1\",\"udp_port\":-1",
        "\"udp_ip\":\"192.0.2.1\",\"udp_port\":\"\"",
        "\"udp_ip\":\"192.0.2.1\",\"udp_port\":1.5",
        "\"udp_ip\":7,\"udp_port\":1",
        "\"udp_ip\":null,\"udp_port\":null",
    };
    struct hub_world w;
    char line[256];

    (void)state;
    hub_world_init(&w);
    hub_world_start(&w);
    HUB_RUN(&w, "a> OPEN /ws/register/5c1e", "a< 101");
    for (size_t i = 0; i < ADIT_LEN(bad); i++) {
        snprintf(line, sizeof line, "a> {\"type\":\"update_udp_endpoint\",%s}", bad[i]);
        HUB_RUN(&w, line, "a< " NACK);
    }
    hub_world_done(&w);
}

static void a_duplicate(void **state)
{
    struct hub_world w;

    (void)state;
    hub_world_init(&w);
    hub_world_start(&w);
    HUB_RUN(&w, "a> OPEN /ws/register/5c1e", "a< 101", "a> " UDP("192.0.2.1", "1"), "a< " ACK,
            "b> OPEN /ws/register/5c1e", "b< 101",
            "a< CLOSE 1012 New connection from same worker ID / Service Restarting", "a> GONE",
            "c> OPEN /ws/register/c", "c< 101", "c> " UDP("192.0.2.3", "3"), "c< " ACK,
            "b> " UDP("192.0.2.2", "2"), "b< " ACK, "c< " OFFER("5c1e", "192.0.2.2", "2"),
            "b< " OFFER("c", "192.0.2.3", "3"));
    hub_world_done(&w);

    hub_world_init(&w);
    w.conf.duplicate = ADIT_HUB_REFUSE;
    hub_world_start(&w);
    HUB_RUN(&w, "a> OPEN /ws/register/5c1e", "a< 101", "b> OPEN /ws/register/5c1e", "b< 101",
            "b< CLOSE 1008 this id is taken, or not allowed", "b> GONE",
            "a> " UDP("192.0.2.1", "1"), "a< " ACK);
    hub_world_done(&w);
}

static void lists(void **state)
{
    struct hub_world w;

    (void)state;
    hub_world_init(&w);
    hub_world_start(&w);
    HUB_RUN(&w, "z> GET /debug/list_workers",
            "z< 200 {\"connected_workers_count\":0,\"workers\":{},\"ready_for_pairing_count\":0,"
            "\"ready_list\":[]}",
            "a> OPEN /ws/register/a", "a< 101", "b> OPEN /ws/register/b", "b< 101",
            "a> {\"type\":\"register_public_ip\",\"ip\":\"198.51.100.20\"}",
            "a> " UDP("192.0.2.1", "1"), "a< " ACK, "z> GET /debug/list_workers",
            "z< 200 {\"connected_workers_count\":2,\"workers\":{\"a\":{\"websocket_observed_ip\":"
            "\"192.0.2.7\",\"websocket_observed_port\":4711,\"http_reported_public_ip\":"
            "\"198.51.100.20\",\"stun_reported_udp_ip\":\"192.0.2.1\",\"stun_reported_udp_port\":1,"
            "\"websocket_connected\":true},\"b\":{\"websocket_observed_ip\":\"192.0.2.7\","
            "\"websocket_observed_port\":4711,\"http_reported_public_ip\":null,"
            "\"stun_reported_udp_ip\":null,\"stun_reported_udp_port\":null,"
            "\"websocket_connected\":true}},\"ready_for_pairing_count\":1,\"ready_list\":[\"a\"]}",
            "b> GONE", "z> GET /api/workers",
            "z< 200 {\"workers\":[{\"worker_id\":\"a\",\"websocket_connected\":true,"
            "\"has_udp_endpoint\":true,\"ready_for_pairing\":true,\"websocket_ip\":\"192.0.2.7\","
            "\"websocket_port\":4711,\"public_ip\":\"198.51.100.20\",\"udp_ip\":\"192.0.2.1\","
            "\"udp_port\":1}],\"total_count\":1,\"connected_count\":1,\"ready_count\":1}");
    hub_world_done(&w);
}

static void introduced_by_hand(void **state)
{
    struct hub_world w;

    (void)state;
    hub_world_init(&w);
    hub_world_start(&w);
    HUB_RUN(&w, "a> OPEN /ws/register/a", "a< 101", "b> OPEN /ws/register/b", "b< 101",
            "z> POST /api/connect <- {\"worker_a_id\":\"a\",\"worker_b_id\":\"a\"}",
            "z< 400 {\"detail\":\"Cannot connect a worker to itself\"}",
            "z> POST /api/connect <- {\"worker_a_id\":\"a\",\"worker_b_id\":\"x\"}",
            "z< 400 {\"detail\":\"Worker 'a' UDP endpoint not available\"}",
            "a> " UDP("192.0.2.1", "1"), "a< " ACK,
            "z> POST /api/connect <- {\"worker_a_id\":\"a\",\"worker_b_id\":\"x\"}",
            "z< 404 {\"detail\":\"Worker 'x' not found\"}",
            "z> POST /api/connect <- {\"worker_a_id\":\"a\"}",
            "z< 422 {\"detail\":\"worker_a_id and worker_b_id are needed\"}",
            "z> POST /api/connect <- no",
            "z< 422 {\"detail\":\"worker_a_id and worker_b_id are needed\"}", "z> GET /api/connect",
            "z< 405 {\"detail\":\"Method Not Allowed\"}", "b> " UDP("192.0.2.2", "2"), "b< " ACK,
            "a< " OFFER("b", "192.0.2.2", "2"), "b< " OFFER("a", "192.0.2.1", "1"),
            "z> POST /api/connect <- {\"worker_a_id\":\"b\",\"worker_b_id\":\"a\"}",
            "b< " OFFER("a", "192.0.2.1", "1"), "a< " OFFER("b", "192.0.2.2", "2"),
            "z< 200 {\"success\":true,\"message\":\"Connection initiated between b and a\"}");
    hub_world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_introduction),    cmocka_unit_test(first_come_first_served),
        cmocka_unit_test(other_messages),     cmocka_unit_test(endpoints_that_are_none),
        cmocka_unit_test(a_duplicate),        cmocka_unit_test(lists),
        cmocka_unit_test(introduced_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
