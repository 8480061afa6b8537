/* test_hub_session.c - the Tunnel Agent's relay in the server, both generations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "unit/hub_world.h"

static const char secret[] = "0123456789abcdef0123456789abcdef";

static void start(struct hub_world *w)
{
    static const struct adit_hub_token tokens[] = { { "t1", "one", NULL }, { "t2", "two", NULL } };

    hub_world_init(w);
    w->conf.anonymous = false;
    w->conf.carry = true;
    w->conf.tokens = tokens;
    w->conf.token_count = 2;
    w->conf.keys.secret = secret;
    w->conf.keys.secret_len = sizeof secret - 1;
    hub_world_start(w);
}

static void enter(struct hub_world *w, char c, const char *path)
{
    char line[300];

    snprintf(line, sizeof line, "%c> OPEN /relay/%s", c, path);
    hub_step(w, line);
    snprintf(line, sizeof line, "%c< 101", c);
    hub_step(w, line);
}

/* Says auth with a grant of ours. */
static void grant(struct hub_world *w, char c, const char *session, const char *device,
                  const char *id, int64_t life)
{
    json_t *claims =
        json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:I}", "scope", "relay-session", "sid", session,
                  "device_id", device, "peer_device_id", "x", "account", "account:one", "jti", id,
                  "exp", (json_int_t)(HUB_WALL + (int64_t)(w->now / ADIT_SEC) + life));
    char *token = adit_jwt_write(claims, secret, sizeof secret - 1), line[2000];

    json_decref(claims);
    snprintf(line, sizeof line, "%c> {\"type\":\"auth\",\"token\":\"%s\"}", c, token);
    adit_free(token);
    hub_step(w, line);
}

static void the_first_generation(void **state)
{
    struct hub_world w;

    (void)state;
    start(&w);
    enter(&w, 'a', "phone-9-desk-01?token=t1");
    HUB_RUN(&w, "a> BINARY early", "a> BINARY bird");
    enter(&w, 'b', "phone-9-desk-01?token=t1");
    HUB_RUN(&w, "b< BINARY early", "b< BINARY bird", "b> BINARY answer", "a< BINARY answer");
    enter(&w, 'c', "phone-9-desk-01?token=t1");
    HUB_RUN(&w, "c< CLOSE 1008 session-full", "c> GONE", "a> BINARY more", "b< BINARY more",
            "b> GONE", "a< CLOSE 1000 session-closed", "a> BINARY late", "a> GONE");
    /* and the name is free again */
    enter(&w, 'a', "phone-9-desk-01?token=t1");
    enter(&w, 'b', "phone-9-desk-01?token=t1");
    HUB_RUN(&w, "b> BINARY again", "a< BINARY again", "a> text", "a< CLOSE 1008 protocol-error",
            "b< CLOSE 1008 protocol-error", "a> GONE", "b> GONE");
    hub_world_done(&w);
}

static void who_may_not(void **state)
{
    struct hub_world w;

    (void)state;
    start(&w);
    enter(&w, 'a', "s?token=wrong");
    HUB_RUN(&w, "a< CLOSE 1008 Invalid token", "a> GONE");
    enter(&w, 'a', "s?token=t1");
    enter(&w, 'b', "s?token=t2"); /* another account's session of that name */
    HUB_RUN(&w, "b> BINARY hello", "c> OPEN /relay/%00", "c< 400 that is no id\n", "a> GONE",
            "b> GONE");
    enter(&w, 'd', "s");
    HUB_RUN(&w, "d> BINARY x", "d< CLOSE 1008 protocol-error", "d> GONE");
    enter(&w, 'd', "s");
    HUB_RUN(&w, "d> {\"type\":\"hello\"}", "d< CLOSE 1008 protocol-error", "d> GONE");
    enter(&w, 'd', "s");
    HUB_RUN(&w, "d> {\"type\":\"auth\",\"token\":\"t1\"}", "d< CLOSE 1008 auth-failed", "d> GONE");
    enter(&w, 'd', "s");
    HUB_RUN(&w, "+ 9900", "+ 200", "d< CLOSE 1008 nothing was said in time", "d> GONE");
    hub_world_done(&w);
}

static void the_second_generation(void **state)
{
    struct hub_world w;

    (void)state;
    start(&w);
    enter(&w, 'a', "s");
    grant(&w, 'a', "s", "desk", "1", 120);
    enter(&w, 'b', "s");
    grant(&w, 'b', "s", "desk", "2", 120);
    HUB_RUN(&w, "b< CLOSE 1008 device-already-connected", "b> GONE");
    enter(&w, 'b', "s");
    grant(&w, 'b', "s", "phone", "1", 120);
    HUB_RUN(&w, "b< CLOSE 1008 grant-already-used", "b> GONE");
    enter(&w, 'b', "s");
    grant(&w, 'b', "other", "phone", "3", 120);
    HUB_RUN(&w, "b< CLOSE 1008 session-mismatch", "b> GONE");
    enter(&w, 'b', "s");
    grant(&w, 'b', "s", "phone", "3", -1);
    HUB_RUN(&w, "b< CLOSE 1008 auth-failed", "b> GONE");
    enter(&w, 'b', "s");
    grant(&w, 'b', "s", "phone", "4", 120);
    HUB_RUN(&w, "a> BINARY x", "b< BINARY x");
    enter(&w, 'c', "s");
    grant(&w, 'c', "s", "third", "5", 120);
    HUB_RUN(&w, "c< CLOSE 1008 session-full", "c> GONE", "a> GONE", "b< CLOSE 1000 session-closed");
    hub_world_done(&w);
}

static void waiting_and_silence(void **state)
{
    struct hub_world w;

    (void)state;
    start(&w);
    enter(&w, 'a', "s");
    grant(&w, 'a', "s", "desk", "1", 120);
    HUB_RUN(&w, "+ 29900", "+ 200", "a< CLOSE 1000 session-closed", "a> GONE");
    enter(&w, 'a', "s?token=t1");
    HUB_RUN(&w, "+ 299000");
    enter(&w, 'b', "s?token=t1");
    HUB_RUN(&w, "+ 299000", "a> BINARY x", "b< BINARY x", "+ 299000", "+ 2000",
            "a< CLOSE 1000 session-closed", "b< CLOSE 1000 session-closed", "a> GONE", "b> GONE");
    hub_world_done(&w);
}

static void so_many(void **state)
{
    struct hub_world w;

    (void)state;
    start(&w);
    w.conf.limits.sessions = 3;
    w.conf.limits.sessions_each = 2;
    adit_hub_configure(w.hub, &w.conf);
    enter(&w, 'a', "1?token=t1");
    enter(&w, 'b', "2?token=t1");
    enter(&w, 'c', "3?token=t1");
    HUB_RUN(&w, "c< CLOSE 1013 account-session-limit", "c> GONE");
    enter(&w, 'c', "1?token=t2");
    enter(&w, 'd', "2?token=t2");
    HUB_RUN(&w, "d< CLOSE 1013 relay-at-capacity", "d> GONE", "a> GONE");
    enter(&w, 'd', "2?token=t2");
    hub_world_done(&w);
}

/* 262144 bytes wait for the second, and not one more. */
static void too_early(void **state)
{
    char *bytes = calloc(1, 262144);
    struct hub_world w;

    (void)state;
    start(&w);
    enter(&w, 'a', "s?token=t1");
    hub_raw(&w, 'a', bytes, 262144 - 4);
    HUB_RUN(&w, "a> BINARY ", "a< CLOSE 1009 session-closed", "a> GONE");
    free(bytes);
    hub_world_done(&w);
}

static void who_reads_slowly(void **state)
{
    struct hub_world w;

    (void)state;
    start(&w);
    enter(&w, 'a', "s?token=t1");
    enter(&w, 'b', "s?token=t1");
    w.conns['b' - 'a'].waiting = 256 * 1024 + 1;
    HUB_RUN(&w, "a> BINARY x", "b< BINARY x", "a< PAUSE", "a> BINARY on its way",
            "b< BINARY on its way", "b> BINARY y", "a< BINARY y", "b> DRAINED", "a< RESUME",
            "b> DRAINED", "a> BINARY z", "b< BINARY z");
    w.conns['b' - 'a'].waiting = 256 * 1024 + 1;
    HUB_RUN(&w, "a> BINARY x", "b< BINARY x", "a< PAUSE", "b> GONE", "a< RESUME",
            "a< CLOSE 1000 session-closed");
    hub_world_done(&w);
}

static void bytes_in_a_second(void **state)
{
    char bytes[1000] = "x";
    struct hub_world w;

    (void)state;
    start(&w);
    w.conf.limits.carry_rate = 1000;
    w.conf.limits.carry_mib = 1;
    adit_hub_configure(w.hub, &w.conf);
    enter(&w, 'a', "s?token=t1");
    enter(&w, 'b', "s?token=t1");
    hub_raw(&w, 'a', bytes, sizeof bytes);
    hub_forget(&w);
    hub_raw(&w, 'a', bytes, 500);
    HUB_RUN(&w, "a< PAUSE", "b< BINARY x");
    HUB_RUN(&w, "+ 400", "+ 200", "a< RESUME");
    /* and in a day */
    w.conf.limits.carry_rate = 100000000;
    adit_hub_configure(w.hub, &w.conf);
    for (int i = 0; i < 1048; i++) {
        hub_raw(&w, 'a', bytes, sizeof bytes);
        hub_forget(&w);
    }
    HUB_RUN(&w, "a> BINARY x", "a< CLOSE 1013 account-session-limit",
            "b< CLOSE 1013 account-session-limit");
    hub_world_done(&w);
}

static void the_server_ends(void **state)
{
    struct hub_world w;

    (void)state;
    start(&w);
    enter(&w, 'a', "s?token=t1");
    enter(&w, 'b', "s?token=t1");
    enter(&w, 'c', "other?token=t1");
    adit_hub_shutdown(w.hub, w.now);
    HUB_RUN(&w, "a< CLOSE 1012 the server is restarting", "b< CLOSE 1012 the server is restarting",
            "c< CLOSE 1012 the server is restarting", "b> GONE", "a> GONE");
    hub_world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_generation),
        cmocka_unit_test(who_may_not),
        cmocka_unit_test(the_second_generation),
        cmocka_unit_test(waiting_and_silence),
        cmocka_unit_test(so_many),
        cmocka_unit_test(too_early),
        cmocka_unit_test(who_reads_slowly),
        cmocka_unit_test(bytes_in_a_second),
        cmocka_unit_test(the_server_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
