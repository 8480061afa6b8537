/* The HTTP proxy with the provider behind it: what clients and upstreams say to each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "http_world.h"

#define GET(target) "GET " target " HTTP/1.1\r\nHost: local\r\n\r\n"

static void a_request_and_its_response(void **state)
{
    struct http_world w;
    struct party *c, *u;

    (void)state;
    http_world_init(&w);
    http_world_start(&w);
    c = http_client(&w, 0);
    party_says(c, GET("/v1?x=%2e%2e"));
    u = http_up(&w, 0);
    party_hears(u, "GET /v1?x=%2e%2e HTTP/1.1\r\nHost: ");
    party_hears(u, w.upstream_url + 7);
    party_hears(u, "\r\n\r\n");
    party_says(u, "HTTP/1.1 200 Fine\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 5\r\n\r\nhello");
    party_hears(c, "HTTP/1.1 200 Fine\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 5\r\n\r\nhello");
    /* Both connections are used again. */
    party_says(c, GET("/two"));
    party_hears_up_to(u, "GET /two HTTP/1.1\r\n");
    party_says(u, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    party_hears(c, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(w.ups, 1);
    assert_int_equal(adit_http_proxy_exchanges(w.proxy), 0);
    assert_int_equal(adit_http_serve_exchanges(w.serve), 0);
    http_world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_and_its_response),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
