/* test_hub_who.c - tokens: who may come, who may be whom, and who may talk to whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/hub_world.h"

#include "base/alloc.h"
#include "signal/hub_inner.h"

#define SECRET          "a secret of at least 32 characters"
#define OFFER(from, to) "{\"type\":\"offer\",\"from\":\"" from "\",\"to\":\"" to "\",\"sdp\":\"x\"}"
#define NOT_FOUND(id)   "{\"type\":\"error\",\"message\":\"Target client " id " not found\"}"

static const struct adit_hub_token tokens[] = {
    { "alpha", "one", "alice,gw-*" },
    { "beta", "one", NULL },
    { "gamma", NULL, NULL },
    { "delta", "two", "bob" },
};

static void start(struct hub_world *w)
{
    hub_world_init(w);
    w->conf.anonymous = false;
    w->conf.tokens = tokens;
    w->conf.token_count = ADIT_LEN(tokens);
    w->conf.limits.request_rate = w->conf.limits.request_burst = 10000;
    hub_world_start(w);
}

static void where_a_token_may_stand(void **state)
{
    struct hub_world w;

    (void)state;
    start(&w);
    HUB_RUN(&w, "a> OPEN /ws/alice | Authorization: Bearer alpha", "a< 101",
            "b> OPEN /ws/bob?token=beta", "b< 101", "b> " OFFER("bob", "alice"),
            "a< " OFFER("bob", "alice"), "c> OPEN /ws/carol", "c< 101",
            "c> {\"type\":\"register\",\"id\":\"carol\",\"token\":\"beta\"}",
            "c< {\"type\":\"registered\",\"id\":\"carol\",\"status\":\"success\"}",
            "c> " OFFER("carol", "bob"), "b< " OFFER("carol", "bob"), "d> OPEN /", "d< 101",
            "d> {\"type\":\"join\",\"room\":\"r\",\"token\":\"beta\"}",
            "d< {\"type\":\"joined\",\"peerId\":\"$D\",\"peers\":[]}", "e> OPEN /", "e< 101",
            "e> {\"type\":\"register\",\"role\":\"offerer\",\"token\":\"beta\"}", "f> OPEN /",
            "f< 101", "f> {\"type\":\"register\",\"id\":\"fred\",\"token\":\"beta\"}",
            "f< {\"type\":\"registered\",\"id\":\"fred\",\"status\":\"success\"}",
            "g> OPEN /ws/register/w?token=beta", "g< 101");
    hub_world_done(&w);
}

static void without_or_with_a_wrong_one(void **state)
{
    struct hub_world w;

    (void)state;
    start(&w);
    HUB_RUN(&w, "a> OPEN /ws/alice?token=wrong",
            "a< 401 WWW-Authenticate: Bearer | this token is not known here\n",
            "a> OPEN /ws/alice | Authorization: Bearer alph",
            "a< 401 WWW-Authenticate: Bearer | this token is not known here\n",
            "a> OPEN /?token=alpha0",
            "a< 401 WWW-Authenticate: Bearer | this token is not known here\n",
            "a> OPEN /ws/register/w", "a< 401 WWW-Authenticate: Bearer | a token is needed\n",
            "z> GET /status",
            "z< 401 WWW-Authenticate: Bearer | {\"detail\":\"A token is needed: Authorization: "
            "Bearer …\"}",
            "z> GET /debug/list_workers?token=x",
            "z< 401 WWW-Authenticate: Bearer | {\"detail\":\"This token is not good here\"}",
            "z> POST /box/x <- y",
            "z< 401 WWW-Authenticate: Bearer | {\"detail\":\"A token is needed: Authorization: "
            "Bearer …\"}",
            "z> GET /turn",
            "z< 401 WWW-Authenticate: Bearer | {\"detail\":\"A token is needed: Authorization: "
            "Bearer …\"}");
    /* in a first message */
    HUB_RUN(&w, "a> OPEN /ws/alice", "a< 101", "a> " OFFER("alice", "bob"),
            "a< {\"type\":\"error\",\"message\":\"a token is needed\"}",
            "a< CLOSE 1008 a token is needed", "a> GONE", "a> OPEN /ws/alice", "a< 101",
            "a> {\"type\":\"register\",\"id\":\"alice\",\"token\":\"wrong\"}",
            "a< {\"type\":\"error\",\"message\":\"this token is not known here\"}",
            "a< CLOSE 1008 this token is not known here", "a> GONE", "a> OPEN /", "a< 101",
            "a> {\"type\":\"join\",\"room\":\"r\"}",
            "a< {\"type\":\"error\",\"message\":\"a token is needed\"}",
            "a< CLOSE 1008 a token is needed", "a> GONE", "a> OPEN /", "a< 101",
            "a> {\"type\":\"register\",\"role\":\"offerer\",\"token\":7}",
            "a< {\"type\":\"error\",\"message\":\"a token is needed\"}",
            "a< CLOSE 1008 a token is needed", "a> GONE",
            /* nobody knows of alice until the token is shown */
            "a> OPEN /ws/alice", "a< 101", "b> OPEN /ws/b?token=beta", "b< 101",
            "b> " OFFER("b", "alice"), "b< " NOT_FOUND("alice"), "+ 10000",
            "a< CLOSE 1008 nothing was said in time");
    assert_null(strstr(w.events, "wrong"));
    hub_world_done(&w);
}

static void accounts_are_worlds_apart(void **state)
{
    struct hub_world w;

    (void)state;
    start(&w);
    HUB_RUN(&w, "a> OPEN /ws/bob?token=beta", "a< 101", "b> OPEN /ws/bob?token=delta", "b< 101",
            "c> OPEN /ws/carol?token=gamma", "c< 101", "c> " OFFER("carol", "bob"),
            "c< " NOT_FOUND("bob"), "d> OPEN /ws/dan?token=beta", "d< 101",
            "d> " OFFER("dan", "bob"), "a< " OFFER("dan", "bob"), "z> GET /status?token=beta",
            "z< 200 {\"connected_clients\":2,\"clients\":[\"bob\",\"dan\"],\"active_rooms\":0,"
            "\"rooms\":{}}",
            /* rooms too */
            "e> OPEN /?token=beta", "e< 101", "e> {\"type\":\"join\",\"room\":\"r\"}",
            "e< {\"type\":\"joined\",\"peerId\":\"$E\",\"peers\":[]}", "f> OPEN /?token=gamma",
            "f< 101", "f> {\"type\":\"join\",\"room\":\"r\"}",
            "f< {\"type\":\"joined\",\"peerId\":\"$F\",\"peers\":[]}", "g> OPEN /?token=beta",
            "g< 101", "g> {\"type\":\"register\",\"role\":\"offerer\"}", "h> OPEN /?token=gamma",
            "h< 101", "h> {\"type\":\"register\",\"role\":\"answerer\"}",
            /* workers */
            "i> OPEN /ws/register/i?token=beta", "i< 101", "j> OPEN /ws/register/j?token=gamma",
            "j< 101",
            "i> {\"type\":\"update_udp_endpoint\",\"udp_ip\":\"192.0.2.1\",\"udp_port\":1}",
            "i< {\"type\":\"udp_endpoint_ack\",\"status\":\"success\"}",
            "j> {\"type\":\"update_udp_endpoint\",\"udp_ip\":\"192.0.2.1\",\"udp_port\":1}",
            "j< {\"type\":\"udp_endpoint_ack\",\"status\":\"success\"}",
            "z> POST /api/connect?token=gamma <- {\"worker_a_id\":\"j\",\"worker_b_id\":\"i\"}",
            "z< 404 {\"detail\":\"Worker 'i' not found\"}",
            /* and mailboxes */
            "z> POST /box/x?token=beta <- y", "z< 201 {\"seq\":$Z}", "z> GET /box/x?token=gamma",
            "z< 204 ", "z> GET /box/x?token=alpha", "z< 200 X-Seq: $Z | y");
    hub_world_done(&w);
}

static void rules_for_ids(void **state)
{
    struct hub_world w;

    (void)state;
    start(&w);
    HUB_RUN(&w, "a> OPEN /ws/gw-7?token=alpha", "a< 101", "b> OPEN /ws/bob?token=alpha", "b< 101",
            "b< {\"type\":\"error\",\"message\":\"the token does not allow this id\"}",
            "b< CLOSE 1008 the token does not allow this id", "b> GONE",
            "b> OPEN /ws/register/w?token=alpha", "b< 101",
            "b< CLOSE 1008 this id is taken, or not allowed", "b> GONE", "b> OPEN /?token=alpha",
            "b< 101", "b> {\"type\":\"join\",\"room\":\"r\"}",
            "b< {\"type\":\"error\",\"message\":\"the token does not allow this room\"}",
            "b> {\"type\":\"join\",\"room\":\"gw-r\"}",
            "b< {\"type\":\"joined\",\"peerId\":\"$B\",\"peers\":[]}", "c> OPEN /?token=alpha",
            "c< 101", "c> {\"type\":\"register\",\"role\":\"offerer\"}",
            "c< CLOSE 1008 the token does not allow this room");
    hub_world_done(&w);
}

static void patterns(void **state)
{
    static const struct {
        const char *rules, *id;
        bool may;
    } rows[] = {
        { "alice", "alice", true },  { "alice,bob", "bob", true },
        { "*", "x", true },          { "gw-*", "gw-", true },
        { "gw-*", "gw-1", true },    { "a,gw-*,b", "gw-1", true },
        { "alice", "alic", false },  { "alice", "alice2", false },
        { "alice", "Alice", false }, { "gw-*", "gw", false },
        { "gw-*", "xgw-1", false },  { "a,b", "a,b", false },
        { "a*b", "aXb", false },     { ",", "", true },
        { "a", "", false },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++)
        if (adit_hub_may_be(rows[i].rules, rows[i].id) != rows[i].may)
            fail_msg("%s for %s", rows[i].id, rows[i].rules);
}

static void give(struct hub_world *w, char name, const char *claims)
{
    json_error_t error;
    json_t *v = json_loads(claims, 0, &error);
    char *token = adit_jwt_write(v, SECRET, strlen(SECRET));

    w->values[(int)name] = strdup(token);
    adit_free(token);
    json_decref(v);
}

static void web_tokens(void **state)
{
    struct hub_world w;

    (void)state;
    hub_world_init(&w);
    w.conf.anonymous = false;
    w.conf.keys = (struct adit_jwt_keys){ .secret = SECRET, .secret_len = strlen(SECRET) };
    w.conf.tokens = tokens;
    w.conf.token_count = ADIT_LEN(tokens);
    hub_world_start(&w);
    give(&w, 'A', "{\"exp\":1700000100,\"account\":\"one\",\"ids\":[\"alice\",\"x-*\"]}");
    give(&w, 'B', "{\"exp\":1700000100,\"sub\":\"one\"}");
    give(&w, 'C', "{\"exp\":1700000100}");
    give(&w, 'D', "{\"exp\":1700000100,\"sub\":\"one\",\"ids\":[]}");
    give(&w, 'E', "{\"exp\":1700000100,\"sub\":\"one\",\"scope\":\"relay-session\"}");
    give(&w, 'F', "{\"exp\":1700000000,\"sub\":\"one\"}");
    give(&w, 'G', "{\"exp\":1700000100,\"user_id\":5,\"ids\":\"gus\"}");
    HUB_RUN(&w, "a> OPEN /ws/alice?token=$A", "a< 101", "b> OPEN /ws/bob?token=beta", "b< 101",
            "b> " OFFER("bob", "alice"), "a< " OFFER("bob", "alice"),
            /* one as an account is not one as a name */
            "c> OPEN /ws/carl?token=$B", "c< 101", "c> " OFFER("carl", "bob"),
            "c< " NOT_FOUND("bob"), "d> OPEN /ws/d?token=$A", "d< 101",
            "d< {\"type\":\"error\",\"message\":\"the token does not allow this id\"}",
            "d< CLOSE 1008 the token does not allow this id", "e> OPEN /ws/e?token=$C",
            "e< 401 WWW-Authenticate: Bearer | the token names nobody, or another use\n",
            "e> OPEN /ws/e?token=$D",
            "e< 401 WWW-Authenticate: Bearer | the token names nobody, or another use\n",
            "e> OPEN /ws/e?token=$E",
            "e< 401 WWW-Authenticate: Bearer | the token names nobody, or another use\n",
            "e> OPEN /ws/e?token=$F", "e< 401 WWW-Authenticate: Bearer | the token has expired\n",
            "g> OPEN /ws/gus?token=$G", "g< 101", "g> " OFFER("gus", "bob"),
            "g< " NOT_FOUND("bob"));
    hub_world_done(&w);
}

static void nobody_and_somebody(void **state)
{
    struct hub_world w;

    (void)state;
    hub_world_init(&w);
    w.conf.tokens = tokens;
    w.conf.token_count = ADIT_LEN(tokens);
    hub_world_start(&w);
    /* Where there are tokens a wrong one is not the same as none. */
    HUB_RUN(&w, "a> OPEN /ws/bob", "a< 101", "b> OPEN /ws/bob?token=beta", "b< 101",
            "c> OPEN /ws/c?token=wrong",
            "c< 401 WWW-Authenticate: Bearer | this token is not known here\n", "c> OPEN /ws/c",
            "c< 101", "c> " OFFER("c", "bob"), "a< " OFFER("c", "bob"));
    hub_world_done(&w);
}

static void pages(void **state)
{
    static const char *const origins[] = { "https://app.example" };
    struct hub_world w;

    (void)state;
    hub_world_init(&w);
    hub_world_start(&w);
    HUB_RUN(&w, "a> OPEN /ws/a | Origin: https://evil.example", "a< 101", "a> GONE");
    w.conf.local_pages = true;
    HUB_RUN(&w, "a> OPEN /ws/a | Origin: https://evil.example",
            "a< 403 pages from this origin are not welcome\n",
            "a> OPEN /ws/a | Origin: http://localhost.evil.example",
            "a< 403 pages from this origin are not welcome\n", "a> OPEN /ws/a | Origin: null",
            "a< 403 pages from this origin are not welcome\n",
            "a> OPEN /ws/a | Origin: http://localhost:3000", "a< 101", "a> GONE",
            "a> OPEN /ws/a | Origin: http://[::1]", "a< 101", "a> GONE", "a> OPEN /ws/a", "a< 101",
            "a> GONE");
    w.conf.origins = origins;
    w.conf.origin_count = 1;
    HUB_RUN(&w, "a> OPEN /ws/a | Origin: https://app.example", "a< 101", "a> GONE",
            "a> OPEN /ws/a | Origin: http://localhost",
            "a< 403 pages from this origin are not welcome\n",
            "a> OPEN /ws/a | Origin: https://app.example.evil",
            "a< 403 pages from this origin are not welcome\n");
    hub_world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_a_token_may_stand),
        cmocka_unit_test(without_or_with_a_wrong_one),
        cmocka_unit_test(accounts_are_worlds_apart),
        cmocka_unit_test(rules_for_ids),
        cmocka_unit_test(patterns),
        cmocka_unit_test(web_tokens),
        cmocka_unit_test(nobody_and_somebody),
        cmocka_unit_test(pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
