/* test_hub_http.c - what the server says of itself, mailboxes, and TURN credentials. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/hub_world.h"

static void about_itself(void **state)
{
    struct hub_world w;

    (void)state;
    hub_world_init(&w);
    hub_world_start(&w);
    HUB_RUN(&w, "z> GET /",
            "z< 200 {\"message\":\"WebSocket server running\",\"version\":\"1.0.0\","
            "\"connected_clients\":0,\"active_rooms\":0}",
            "z> HEAD /health", "z< 200 {\"status\":\"ok\",\"timestamp\":\"2023-11-14T22:13:20\"}",
            "z> GET /status",
            "z< 200 {\"connected_clients\":0,\"clients\":[],\"active_rooms\":0,\"rooms\":{}}",
            "b> OPEN /ws/bob", "b< 101", "a> OPEN /ws/alice", "a< 101", "r> OPEN /", "r< 101",
            "r> {\"type\":\"join\",\"room\":\"secret\"}",
            "r< {\"type\":\"joined\",\"peerId\":\"$R\",\"peers\":[]}", "z> GET /status?x=y",
            "z< 200 {\"connected_clients\":2,\"clients\":[\"bob\",\"alice\"],\"active_rooms\":1,"
            "\"rooms\":{}}",
            "z> GET /",
            "z< 200 {\"message\":\"WebSocket server running\",\"version\":\"1.0.0\","
            "\"connected_clients\":2,\"active_rooms\":1}",
            "z> OPTIONS /auth/login",
            "z< 204 Access-Control-Allow-Methods: GET, POST, PUT, DELETE | ", "z> GET /nothing",
            "z< 404 {\"detail\":\"Not Found\"}", "z> POST /",
            "z< 405 {\"detail\":\"Method Not Allowed\"}", "z> BREW /",
            "z< 405 {\"detail\":\"Method Not Allowed\"}", "z> GET /../status",
            "z< 404 {\"detail\":\"Not Found\"}", "z> GET //", "z< 404 {\"detail\":\"Not Found\"}");
    hub_world_done(&w);
}

/* ---- mailboxes ------------------------------------------------------------------------------- */

static void letters(void **state)
{
    struct hub_world w;

    (void)state;
    hub_world_init(&w);
    hub_world_start(&w);
    HUB_RUN(
        &w, "z> GET /box/lab", "z< 204 ", "z> POST /box/lab <- v=0 offer", "z< 201 {\"seq\":$A}",
        "z> POST /box/lab <- two", "z< 201 {\"seq\":$B}", "z> GET /box/lab",
        "z< 200 X-Seq: $A | v=0 offer", "z> GET /box/lab?after=$A&wait=9", "z< 200 X-Seq: $B | two",
        "z> GET /box/lab?after=$B", "z< 204 ", "z> GET /box/other", "z< 204 ",
        "z> PUT /box/lab <- three", "z< 201 {\"seq\":$C}", "z> GET /box/lab",
        "z< 200 X-Seq: $C | three", "z> DELETE /box/lab", "z< 204 ", "z> GET /box/lab", "z< 204 ",
        "z> DELETE /box/none", "z< 204 ", "z> POST /box/a%2Fb <- x", "z< 201 {\"seq\":$D}",
        "z> GET /box/a/b", "z< 404 a mailbox has a name of at most 128 bytes: /box/NAME\n",
        "z> GET /box/", "z< 404 a mailbox has a name of at most 128 bytes: /box/NAME\n",
        "z> PATCH /box/x", "z< 405 Allow: GET, POST, PUT, DELETE | ", "z> GET /box/x?after=-1",
        "z< 400 after is a number, and wait is one of seconds up to 60\n", "z> GET /box/x?wait=61",
        "z< 400 after is a number, and wait is one of seconds up to 60\n", "z> POST /box/x <- \xff",
        "z< 415 a message is text in UTF-8\n");
    hub_world_done(&w);
}

static void waiting(void **state)
{
    struct hub_world w;

    (void)state;
    hub_world_init(&w);
    hub_world_start(&w);
    HUB_RUN(&w, "a> GET /box/lab?wait=5", "b> GET /box/lab?wait=60", "+ 4999", "+ 1", "a< 204 ",
            "a> GET /box/lab?wait=60", "c> GET /box/other?wait=60", "z> POST /box/lab <- x",
            "z< 201 {\"seq\":$A}", "b< 200 X-Seq: $A | x", "a< 200 X-Seq: $A | x",
            "a> GET /box/lab?after=$A&wait=60", "a> GONE", "c> GONE", "z> POST /box/other <- y",
            "z< 201 {\"seq\":$B}", "c> GET /box/third?wait=60");
    adit_hub_shutdown(w.hub, w.now);
    HUB_RUN(&w, "c< 503 the server is going away\n", "z> GET /health",
            "z< 503 the server is going away\n");
    hub_world_done(&w);
}

static void letters_grow_old(void **state)
{
    struct hub_world w;

    (void)state;
    hub_world_init(&w);
    hub_world_start(&w);
    HUB_RUN(&w, "z> POST /box/lab <- one", "z< 201 {\"seq\":$A}", "+ 300000",
            "z> POST /box/lab <- two", "z< 201 {\"seq\":$B}", "+ 299999", "z> GET /box/lab",
            "z< 200 X-Seq: $A | one", "+ 1", "z> GET /box/lab", "z< 200 X-Seq: $B | two",
            "+ 300000", "z> GET /box/lab", "z< 204 ");
    assert_int_equal(adit_hub_count(w.hub), 0);
    hub_world_done(&w);
}

static void letters_outlive_a_restart(void **state)
{
    struct hub_world w;
    char a[32];

    (void)state;
    hub_world_init(&w);
    hub_world_start(&w);
    HUB_RUN(&w, "z> POST /box/lab <- one", "z< 201 {\"seq\":$A}", "+ 300000");
    snprintf(a, sizeof a, "%s", hub_value(&w, 'A'));
    hub_world_restart(&w);
    HUB_RUN(&w, "z> GET /box/lab", "z< 200 X-Seq: $A | one", "z> POST /box/lab <- two",
            "z< 201 {\"seq\":$B}");
    assert_true(strtoull(hub_value(&w, 'B'), NULL, 10) > strtoull(a, NULL, 10));
    HUB_RUN(&w, "+ 300000", "z> GET /box/lab", "z< 200 X-Seq: $B | two");
    hub_world_done(&w);
}

static void mailboxes_are_bounded(void **state)
{
    struct hub_world w;
    char line[2048], *big = malloc(65538);

    (void)state;
    hub_world_init(&w);
    w.conf.limits.mailboxes = 3;
    w.conf.limits.mailbox_bytes = 2000;
    w.conf.limits.request_rate = w.conf.limits.request_burst = 100000;
    hub_world_start(&w);
    HUB_RUN(&w, "z> POST /box/1 <- x", "z< 201 {\"seq\":$A}", "z> POST /box/2 <- x",
            "z< 201 {\"seq\":$B}", "a> GET /box/3?wait=60", "z> POST /box/4 <- x",
            "z< 507 no room; DELETE what is not needed, or come back later\n", "z> DELETE /box/2",
            "z< 204 ", "z> POST /box/4 <- x", "z< 201 {\"seq\":$C}", "b> GET /box/5?wait=60",
            "b< 507 ");
    snprintf(line, sizeof line, "z> POST /box/1 <- %01500d", 0);
    hub_step(&w, line);
    hub_step(&w, "z< 201 {\"seq\":$D}");
    hub_step(&w, line);
    HUB_RUN(&w, "z< 507 no room; DELETE what is not needed, or come back later\n");
    snprintf(line, sizeof line, "z> PUT /box/1 <- %01500d", 0);
    hub_step(&w, line);
    HUB_RUN(&w, "z< 201 {\"seq\":$E}");
    /* empty ones come to an end as well */
    for (int i = 0; i < 50; i++)
        hub_step(&w, "z> POST /box/4 <- "), hub_forget(&w);
    HUB_RUN(&w, "z> POST /box/4 <- ",
            "z< 507 no room; DELETE what is not needed, or come back later\n");
    hub_world_done(&w);

    hub_world_init(&w);
    hub_world_start(&w);
    memset(big, 'x', 65537);
    struct adit_hub_request r = { .method = "POST",
                                  .path = "/box/x",
                                  .query = "",
                                  .body = big,
                                  .body_len = 65536,
                                  .remote = w.remote };
    assert_null(adit_hub_open(w.hub, &r, &w.conns[0], w.now));
    HUB_RUN(&w, "a< 201 {\"seq\":$A}");
    r.body_len = 65537;
    assert_null(adit_hub_open(w.hub, &r, &w.conns[0], w.now));
    HUB_RUN(&w, "a< 413 a message may have 64 KiB\n");
    /* what is kept is paid for: 17 requests each, of 200 */
    r.body_len = 65536;
    for (int i = 0; i < 10; i++) {
        assert_null(adit_hub_open(w.hub, &r, &w.conns[0], w.now));
        hub_forget(&w);
        r.path = i % 2 ? "/box/x" : "/box/y";
    }
    assert_null(adit_hub_open(w.hub, &r, &w.conns[0], w.now));
    HUB_RUN(&w, "a< 429 too much in a short time\n");
    free(big);
    hub_world_done(&w);
}

/* ---- TURN ------------------------------------------------------------------------------------ */

static void turn(void **state)
{
    static const char *const urls[] = { "turn:t.example:3478", "turns:t.example:5349" };
    static const char *const stun[] = { "stun:s.example" };
    struct hub_world w;

    (void)state;
    hub_world_init(&w);
    hub_world_start(&w);
    HUB_RUN(&w, "z> GET /turn",
            "z< 404 {\"detail\":\"No TURN server is known\",\"ice_servers\":[]}");
    w.conf.stun_urls = stun;
    w.conf.stun_count = 1;
    w.conf.turn_urls = urls;
    w.conf.turn_count = 2;
    HUB_RUN(&w, "z> GET /turn",
            "z< 404 {\"detail\":\"No TURN server is known\",\"ice_servers\":[{\"urls\":["
            "\"stun:s.example\"]}]}");
    w.conf.turn_secret = "north";
    w.conf.turn_ttl = 600;
    /* The password is base64 of HMAC-SHA1("north", "1700000600:alice"). */
    HUB_RUN(
        &w, "z> GET /turn?username=alice",
        "z< 200 "
        "{\"username\":\"1700000600:alice\",\"password\":\"gthUwOpcRoLI0MMCziCEBOWYnpo=\",\"ttl\":"
        "600,"
        "\"uris\":[\"turn:t.example:3478\",\"turns:t.example:5349\"],\"ice_servers\":[{\"urls\":"
        "[\"stun:s.example\"]},{\"urls\":[\"turn:t.example:3478\",\"turns:t.example:5349\"],"
        "\"username\":\"1700000600:alice\",\"credential\":\"gthUwOpcRoLI0MMCziCEBOWYnpo=\"}]}",
        "z> GET /turn?username=a%3Ab",
        "z< 200 {\"username\":\"1700000600:adit\",\"password\":"
        "\"$P\",\"ttl\":600,\"uris\":[\"turn:t.example:3478\",\"turns:t.example:5349\"],"
        "\"ice_servers\":[{\"urls\":[\"stun:s.example\"]},{\"urls\":[\"turn:t.example:3478\","
        "\"turns:t.example:5349\"],\"username\":\"1700000600:adit\",\"credential\":\"$P\"}]}");
    hub_world_done(&w);
}

#define HERE(udp, tail)                                                                           \
    "z< 200 "                                                                                     \
    "{\"username\":\"1700086400:adit-b6d2f92f\",\"password\":\"$P\",\"ttl\":86400,\"uris\":[" udp \
        tail "],\"ice_servers\":["
#define CREDENTIALS "\"username\":\"1700086400:adit-b6d2f92f\",\"credential\":\"$P\"}]}"
#define BOTH(host)  "\"turn:" host ":3478?transport=udp\",\"turn:" host ":3478?transport=tcp\""

/* Our own: under the name by which the client has found us, if that is one. */
static void our_own(void **state)
{
    static const char *const bad[] = {
        "a b", "a\"b", "a,b", "", ":1", "[::1", "a:b", "h/x", "a@b"
    };
    struct hub_world w;
    char line[200];

    (void)state;
    hub_world_init(&w);
    hub_world_start(&w);
    w.conf.turn_secret = "north";
    w.conf.here = (struct adit_hub_here){ .stun = true, .turn = true, .port = 3478 };
    HUB_RUN(&w, "z> GET /turn | Host: sig.example:8080",
            HERE(BOTH("sig.example"), "") "{\"urls\":[\"stun:sig.example:3478\"]},{\"urls\":[" BOTH(
                "sig.example") "]," CREDENTIALS);
    HUB_RUN(
        &w, "z> GET /turn | Host: [2001:db8::1]",
        HERE(BOTH("[2001:db8::1]"), "") "{\"urls\":[\"stun:[2001:db8::1]:3478\"]},{\"urls\":[" BOTH(
            "[2001:db8::1]") "]," CREDENTIALS);
    for (size_t i = 0; i < ADIT_LEN(bad); i++) {
        snprintf(line, sizeof line, "z> GET /turn | Host: %s", bad[i]);
        HUB_RUN(&w, line, HERE("", "") "{\"urls\":[]," CREDENTIALS);
    }
    /* over TLS its own port is one more; another name, and other servers, come first */
    w.conf.here.tls = true;
    HUB_RUN(&w, "z> GET /turn | Host: s:8443",
            HERE(BOTH("s"), ",\"turns:s:8443?transport=tcp\"") "{\"urls\":[\"stun:s:3478\"]},{"
                                                               "\"urls\":[" BOTH(
                                                                   "s") ","
                                                                        "\"turns:s:8443?transport="
                                                                        "tcp\"]," CREDENTIALS);
    w.conf.here.host = "turn.example";
    w.conf.here.port = 99;
    HUB_RUN(
        &w, "z> GET /turn | Host: s",
        HERE("\"turn:turn.example:99?transport=udp\",\"turn:turn.example:99?transport=tcp\"",
             ",\"turns:turn.example:443?transport=tcp\"") "{\"urls\":[\"stun:turn.example:99\"]},{"
                                                          "\"urls\":[\"turn:turn.example:99?"
                                                          "transport=udp\",\"turn:turn.example:99?"
                                                          "transport="
                                                          "tcp\",\"turns:turn.example:443?"
                                                          "transport=tcp\"]," CREDENTIALS);
    w.conf.here.turn = false;
    HUB_RUN(&w, "z> GET /turn | Host: s",
            "z< 404 {\"detail\":\"No TURN server is known\",\"ice_servers\":[{\"urls\":["
            "\"stun:turn.example:99\"]}]}");
    hub_world_done(&w);
}

/* ---- what is kept ---------------------------------------------------------------------------- */

static void damaged_state(void **state)
{
    static const char *const bad[] = {
        "",
        "{",
        "[]",
        "{}",
        "{\"adit_signal\":2}",
        "{\"adit_signal\":1}",
        "{\"adit_signal\":1,\"secret\":\"AAAA\"}",
        "{\"adit_signal\":1,\"secret\":7}",
        "{\"adit_signal\":1,\"secret\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\","
        "\"users\":[1]}",
        "{\"adit_signal\":1,\"secret\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\","
        "\"users\":[{\"id\":1,\"email\":\"a@b\",\"salt\":\"AAAA\",\"hash\":\"\",\"links\":1}]}",
        "{\"adit_signal\":1,\"secret\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\","
        "\"devices\":[{\"id\":\"x\"}]}",
    };
    struct hub_world w;
    struct adit_cause cause;

    (void)state;
    hub_world_init(&w);
    hub_world_start(&w);
    for (size_t i = 0; i < ADIT_LEN(bad); i++)
        if (adit_hub_load(w.hub, bad[i], strlen(bad[i]), w.now, &cause) != -EINVAL)
            fail_msg("accepted %s", bad[i]);
    const char *good = "{\"adit_signal\":1,\"secret\":"
                       "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\",\"mailboxes\":["
                       "1,[],[\"\",\"lab\",5,601,\"too long to live\"],[\"\",\"\",5,9,\"no name\"],"
                       "[\"\",\"lab\",5,9,7],[\"\",\"lab\",6,9,\"good\"]]}";
    assert_int_equal(adit_hub_load(w.hub, good, strlen(good), w.now, &cause), 0);
    HUB_RUN(&w, "z> GET /box/lab", "z< 200 X-Seq: 6 | good");
    hub_world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(about_itself),
        cmocka_unit_test(letters),
        cmocka_unit_test(waiting),
        cmocka_unit_test(letters_grow_old),
        cmocka_unit_test(letters_outlive_a_restart),
        cmocka_unit_test(mailboxes_are_bounded),
        cmocka_unit_test(turn),
        cmocka_unit_test(our_own),
        cmocka_unit_test(damaged_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
