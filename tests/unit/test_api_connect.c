/* The public API: how two peers connect, and what accept refuses. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/reactor.h"
#include "unit/api_pair.h"
#include "unit/wait.h"

static bool one_message_each(struct api_pair *p)
{
    return p->side[0].messages >= 1 && p->side[1].messages >= 1;
}

static void talk(struct api_pair *p)
{
    api_open_dc(&p->side[0], NULL);
    assert_true(api_until(p, api_open));
    assert_int_equal(adit_dc_send(p->side[0].dc[0], "to", 2, ADIT_TEXT), 0);
    assert_int_equal(adit_dc_send(p->side[1].dc[0], "fro", 3, ADIT_BINARY), 0);
    assert_true(api_until(p, one_message_each));
    assert_int_equal(p->side[1].last_n, 2);
    assert_int_equal(p->side[1].last_kind, ADIT_TEXT);
    assert_int_equal(p->side[0].last_n, 3);
    assert_int_equal(p->side[0].last_kind, ADIT_BINARY);
    assert_memory_equal(p->side[0].last, "fro", 3);
}

/* ---- forms ----------------------------------------------------------------------------------- */

/* One of the pairs is in use, and it is the one that the figures name. */
static void check_listing(struct api_pair *p, int side, const struct adit_peer_stats *stats)
{
    struct adit_pair_info info;
    unsigned in_use = 0;
    size_t i = 0;

    for (; adit_peer_pair_at(p->side[side].peer, i, &info, sizeof info); i++) {
        if (!info.in_use)
            continue;
        in_use++;
        assert_string_equal(info.local, stats->local);
        assert_string_equal(info.remote, stats->remote);
        assert_int_equal(info.why, ADIT_WHY_IN_USE);
        assert_true(info.valid && info.checks_answered && *info.base);
    }
    assert_int_equal(in_use, 1);
    memset(&info, 0x55, sizeof info);
    assert_true(adit_peer_pair_at(p->side[side].peer, 0, &info, 80)); /* an earlier header's */
    assert_int_equal(info.remote[0], 0x55);
}

static void every_form(void **state)
{
    static const enum adit_form forms[] = { ADIT_FORM_TICKET, ADIT_FORM_JSON, ADIT_FORM_SDP };

    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct api_pair p;
        struct adit_peer_stats stats;

        api_pair_init(&p, NULL);
        api_connect(&p, forms[i]);
        talk(&p);
        for (int k = 0; k < 2; k++) {
            assert_int_equal(p.side[k].states, 2);
            assert_int_equal(p.side[k].seen[ADIT_PEER_CONNECTING], 1);
            assert_int_equal(p.side[k].gathered, 1);
            assert_int_equal(p.side[k].last_candidates, 1);
            assert_true(p.side[k].candidates >= 1 && p.side[k].paths >= 1);
            adit_peer_stats(p.side[k].peer, &stats, sizeof stats);
            check_listing(&p, k, &stats);
            assert_true(strstr(stats.cipher, "ECDSA") != NULL);
            assert_true(strncmp(stats.local, "host ", 5) == 0);
            assert_int_equal(stats.messages_sent, 1);
            assert_int_equal(stats.messages_received, 1);
            assert_true(stats.packets_sent && stats.packets_received && stats.bytes_sent);
            assert_true(stats.sctp_cwnd > 0);
            assert_int_equal(stats.sctp_restarts, 0);
            assert_int_equal(stats.datagrams_dropped, 0);
            assert_true(stats.ice_after && stats.dtls_after && stats.sctp_after);
            assert_true(stats.ice_after <= stats.dtls_after &&
                        stats.dtls_after <= stats.sctp_after);
        }
        api_pair_done(&p);
    }
}

/* ---- orders ---------------------------------------------------------------------------------- */

static void symmetric_pairing(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 4; round++) {
        unsigned first = round & 1;
        struct api_pair p;

        api_pair_init(&p, NULL);
        for (int i = 0; i < 2; i++)
            adit_peer_pair(p.side[i].peer);
        assert_true(api_until(&p, api_gathered));
        assert_int_equal(api_hand_over(&p.side[first], ADIT_FORM_TICKET, NULL), 0);
        if (round & 2) /* the second one pastes later */
            api_rounds(&p, 20);
        assert_int_equal(api_hand_over(&p.side[!first], ADIT_FORM_TICKET, NULL), 0);
        assert_true(api_until(&p, api_connected));
        talk(&p);
        api_pair_done(&p);
    }
}

/* Descriptions without candidates at once, candidates one by one: RFC 8838. */
static void trickled(void **state)
{
    static const enum adit_form forms[] = { ADIT_FORM_JSON, ADIT_FORM_SDP };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct api_pair p;
        char text[API_TEXT_MAX];
        int n;

        api_pair_init(&p, NULL);
        p.side[0].trickle = p.side[1].trickle = true;
        adit_peer_offer(p.side[0].peer);
        for (int k = 0; k < 2; k++) {
            n = adit_peer_describe(p.side[k].peer, forms[i], text, sizeof text);
            assert_true(n > 0 && !strstr(text, "a=candidate"));
            assert_int_equal(adit_peer_accept(p.side[!k].peer, text, (size_t)n, NULL), 0);
        }
        assert_true(api_until(&p, api_connected));
        talk(&p);
        api_pair_done(&p);
    }
}

static void candidates_that_are_none(void **state)
{
    static const char *const bad[] = { "candidate", "candidate:1 1 udp", "x",
                                       "candidate:1 1 udp 2130706431 127.0.0.1 99999 typ host" };
    struct api_pair p;

    (void)state;
    api_pair_init(&p, NULL);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_true(adit_peer_add_candidate(p.side[0].peer, bad[i]) < 0);
    api_connect(&p, ADIT_FORM_TICKET);
    api_pair_done(&p);
}

/* ---- the built-in loop ----------------------------------------------------------------------- */

static void on_watchdog(struct adit_timer *timer, adit_time now)
{
    (void)now;
    adit_loop_stop(timer->loop);
}

static void stop_when_heard(struct api_side *s, const char *callback)
{
    if (strcmp(callback, "gathered") == 0 && api_gathered(s->pair)) {
        assert_int_equal(api_hand_over(&s->pair->side[0], ADIT_FORM_TICKET, NULL), 0);
        assert_int_equal(api_hand_over(&s->pair->side[1], ADIT_FORM_TICKET, NULL), 0);
    }
    if (strcmp(callback, "open") == 0)
        assert_int_equal(adit_dc_send(s->dc[0], "stop", 4, ADIT_TEXT), 0);
    if (strcmp(callback, "message") == 0)
        adit_loop_stop(s->pair->loop);
}

static void runs_in_the_loop_of_the_library(void **state)
{
    struct adit_timer watchdog;
    struct api_pair p;

    (void)state;
    api_pair_init(&p, NULL);
    adit_peer_offer(p.side[0].peer);
    api_open_dc(&p.side[0], NULL);
    p.side[0].hook = p.side[1].hook = stop_when_heard;
    adit_timer_init(&watchdog, p.loop, on_watchdog, "watchdog");
    adit_timer_set(&watchdog, adit_loop_now(p.loop) + 10 * ADIT_SEC);
    assert_int_equal(adit_loop_run(p.loop), 0);
    adit_timer_stop(&watchdog);
    assert_int_equal(p.side[1].messages, 1);
    assert_memory_equal(p.side[1].last, "stop", 4);
    api_pair_done(&p);
}

/* ---- what is not accepted -------------------------------------------------------------------- */

static char offer_ticket[API_TEXT_MAX], offer_json[API_TEXT_MAX];

static void describe(struct api_side *s, enum adit_form form, char *out)
{
    assert_true(adit_peer_describe(s->peer, form, out, API_TEXT_MAX) > 0);
}

static void no_description_yet(void **state)
{
    struct api_pair p;
    char text[API_TEXT_MAX];

    (void)state;
    api_pair_init(&p, NULL);
    assert_int_equal(adit_peer_describe(p.side[1].peer, ADIT_FORM_SDP, text, sizeof text), -EAGAIN);
    adit_peer_offer(p.side[0].peer);
    assert_int_equal(adit_peer_describe(p.side[0].peer, ADIT_FORM_SDP, text, 100), -ENOSPC);
    assert_int_equal(adit_peer_describe(p.side[0].peer, ADIT_FORM_SDP, text, 0), -ENOSPC);
    api_pair_done(&p);
}

enum who { OFFERER, ANSWERER, PAIRING };

static void refused(struct api_pair *p, enum who who, const char *text, const char *word)
{
    struct api_side *s = &p->side[who == OFFERER ? 0 : 1];
    struct adit_cause why = { .reason = ADIT_REASON_NONE };
    int err = adit_peer_accept(s->peer, text, strlen(text), &why);

    assert_true(err < 0);
    assert_int_not_equal(why.reason, ADIT_REASON_NONE);
    if (!strstr(why.text, word))
        fail_msg("\"%s\" says nothing of \"%s\"", why.text, word);
    assert_true(adit_peer_accept(s->peer, text, strlen(text), NULL) < 0);
    assert_int_equal(s->states, 0);
    assert_int_equal(adit_peer_state(s->peer), ADIT_PEER_NEW);
}

static void without_line(char *text, const char *begins)
{
    char *at = strstr(text, begins), *end = at ? strstr(at, "\r\n") : NULL;

    assert_non_null(end);
    memmove(at, end + 2, strlen(end + 2) + 1);
}

/* After each refusal the peer is as it was: the right text still works at the end. */
static void refusals_change_nothing(void **state)
{
    struct api_pair p, foreign;
    char text[API_TEXT_MAX], answer[API_TEXT_MAX], *noise;

    (void)state;
    api_pair_init(&p, NULL);
    api_pair_init(&foreign, NULL);
    foreign.fds = p.fds;
    adit_peer_offer(p.side[0].peer);
    adit_peer_offer(foreign.side[0].peer);
    assert_true(api_until(&p, api_gathered) && api_until(&foreign, api_gathered));
    describe(&p.side[0], ADIT_FORM_TICKET, offer_ticket);
    describe(&p.side[0], ADIT_FORM_JSON, offer_json);

    refused(&p, OFFERER, offer_ticket, "own");
    refused(&p, OFFERER, offer_json, "own");
    describe(&foreign.side[0], ADIT_FORM_TICKET, text);
    refused(&p, OFFERER, text, "answer");
    describe(&foreign.side[0], ADIT_FORM_JSON, text);
    refused(&p, OFFERER, text, "an answer is needed");
    assert_int_equal(api_hand_over(&foreign.side[0], ADIT_FORM_TICKET, NULL), 0);
    describe(&foreign.side[1], ADIT_FORM_TICKET, text);
    refused(&p, OFFERER, text, "another offer");
    refused(&p, ANSWERER, text, "offer");
    describe(&foreign.side[1], ADIT_FORM_JSON, text);
    refused(&p, ANSWERER, text, "an offer is needed");

    refused(&p, ANSWERER, "", "");
    refused(&p, ANSWERER, "good morning", "");
    refused(&p, ANSWERER, "{\"type\":\"offer\",\"sdp\":\"\"}", "");
    memcpy(text, offer_ticket, strlen(offer_ticket) + 1);
    text[strlen(text) / 2] = text[strlen(text) / 2] == 'A' ? 'B' : 'A';
    refused(&p, ANSWERER, text, "");
    memcpy(text, offer_ticket, strlen(offer_ticket) + 1);
    text[strlen(text) - 5] = 0;
    refused(&p, ANSWERER, text, "");
    describe(&p.side[0], ADIT_FORM_SDP, text);
    without_line(text, "a=fingerprint");
    refused(&p, ANSWERER, text, "fingerprint");
    describe(&p.side[0], ADIT_FORM_SDP, text);
    without_line(text, "a=ice-pwd");
    refused(&p, ANSWERER, text, "");
    noise = malloc(1 << 20);
    memset(noise, 'x', 1 << 20);
    noise[(1 << 20) - 1] = 0;
    refused(&p, ANSWERER, noise, "");
    free(noise);

    assert_int_equal(adit_peer_accept(p.side[1].peer, offer_ticket, strlen(offer_ticket), NULL), 0);
    describe(&p.side[1], ADIT_FORM_TICKET, answer);
    assert_int_equal(adit_peer_accept(p.side[0].peer, answer, strlen(answer), NULL), 0);
    assert_int_equal(adit_peer_accept(p.side[0].peer, answer, strlen(answer), NULL), -EALREADY);
    assert_true(api_until(&p, api_connected));
    for (int i = 0; i < 2; i++)
        foreign.side[i].peer = adit_peer_free(foreign.side[i].peer);
    adit_loop_free(foreign.loop);
    api_pair_done(&p);
}

/* A pairing peer that is told an impossible answer goes on being one that may pair. */
static void a_refused_answer_leaves_pairing_open(void **state)
{
    struct api_pair p, foreign;
    char text[API_TEXT_MAX], *at;

    (void)state;
    api_pair_init(&p, NULL);
    api_pair_init(&foreign, NULL);
    for (int i = 0; i < 2; i++)
        adit_peer_pair(p.side[i].peer);
    adit_peer_offer(foreign.side[0].peer);
    assert_true(api_until(&p, api_gathered) && api_until(&foreign, api_gathered));
    assert_int_equal(api_hand_over(&foreign.side[0], ADIT_FORM_JSON, NULL), 0);
    describe(&foreign.side[1], ADIT_FORM_JSON, text);
    at = strstr(text, "a=setup:active");
    assert_non_null(at);
    memcpy(at + 8, "actpas", 6);
    memmove(at + 16, at + 14, strlen(at + 14) + 1);
    memcpy(at + 8, "actpass", 7);
    at[15] = '\\';
    refused(&p, PAIRING, text, "");
    for (int i = 0; i < 2; i++)
        assert_int_equal(api_hand_over(&p.side[i], ADIT_FORM_TICKET, NULL), 0);
    assert_true(api_until(&p, api_connected));
    for (int i = 0; i < 2; i++)
        foreign.side[i].peer = adit_peer_free(foreign.side[i].peer);
    adit_loop_free(foreign.loop);
    api_pair_done(&p);
}

/* ---- not who it should be -------------------------------------------------------------------- */

static bool first_failed(struct api_pair *p)
{
    return p->side[0].state == ADIT_PEER_FAILED;
}

static void a_wrong_fingerprint_is_not_authentic(void **state)
{
    struct api_pair p;
    char text[API_TEXT_MAX], *at;

    (void)state;
    api_pair_init(&p, NULL);
    adit_peer_offer(p.side[0].peer);
    api_open_dc(&p.side[0], NULL);
    assert_true(api_until(&p, api_gathered));
    assert_int_equal(api_hand_over(&p.side[0], ADIT_FORM_SDP, NULL), 0);
    describe(&p.side[1], ADIT_FORM_SDP, text);
    at = strstr(text, "a=fingerprint:sha-256 ");
    assert_non_null(at);
    at += strlen("a=fingerprint:sha-256 ");
    *at = *at == 'A' ? 'B' : 'A';
    assert_int_equal(adit_peer_accept(p.side[0].peer, text, strlen(text), NULL), 0);
    assert_true(api_until(&p, first_failed));
    assert_int_equal(p.side[0].cause.reason, ADIT_REASON_NOT_AUTHENTIC);
    assert_true(p.side[0].cause.text[0]);
    assert_int_equal(p.side[0].seen[ADIT_PEER_CONNECTED], 0);
    assert_int_equal(p.side[0].closed, 1); /* the channel that never opened */
    assert_int_equal(p.side[0].dc_cause.reason, ADIT_REASON_NOT_AUTHENTIC);
    assert_true(api_until(&p, api_over));
    assert_int_equal(p.side[0].opened + p.side[1].accepted, 0);
    api_pair_done(&p);
}

/* ---- configuration --------------------------------------------------------------------------- */

static void configurations_that_cannot_be(void **state)
{
    static const char *const stun[] = { "stun:" };
    static const struct {
        struct adit_peer_conf conf;
        const char *word;
    } rows[] = {
        { { .size = 0 }, "size" },
        { { .size = sizeof(struct adit_peer_conf) - 1 }, "size" },
        { { .size = sizeof(struct adit_peer_conf), .stun = stun, .stun_count = 1 }, "STUN" },
        { { .size = sizeof(struct adit_peer_conf), .cert = "/nonexistent", .key = "/nonexistent" },
          "nonexistent" },
    };
    struct adit_loop *loop = adit_loop_new();
    struct adit_cause why;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_null(adit_peer_new(loop, &rows[i].conf, &why));
        assert_null(adit_peer_new(loop, &rows[i].conf, NULL));
        if (!strstr(why.text, rows[i].word))
            fail_msg("row %zu: %s", i, why.text);
    }
    adit_loop_free(loop);
}

/* A program that was compiled against a later header, whose structs are larger. */
static void structs_of_a_later_header(void **state)
{
    struct {
        struct adit_peer_conf conf;
        uint64_t later;
    } peer = { .conf = { .size = sizeof peer } };
    struct {
        struct adit_dc_conf conf;
        uint64_t later;
    } dc = { .conf = ADIT_DC_CONF };
    struct {
        struct adit_peer_stats stats;
        uint64_t later;
    } stats;
    struct adit_loop *loop = adit_loop_new();
    struct adit_cause why;
    struct adit_peer *p = adit_peer_new(loop, &peer.conf, NULL);
    int err = 0;

    (void)state;
    assert_non_null(p); /* what it does not ask for need not be known here */
    peer.later = 1;
    assert_null(adit_peer_new(loop, &peer.conf, &why));
    assert_non_null(strstr(why.text, "later"));

    dc.conf.size = sizeof dc;
    assert_non_null(adit_dc_open(p, &dc.conf, NULL));
    dc.later = 1;
    assert_null(adit_dc_open(p, &dc.conf, &err));
    assert_int_equal(err, -E2BIG);
    dc.conf.size = 8;
    assert_null(adit_dc_open(p, &dc.conf, &err));
    assert_int_equal(err, -EINVAL);

    memset(&stats, 0xff, sizeof stats);
    adit_peer_stats(p, &stats.stats, sizeof stats);
    assert_int_equal(stats.later, 0);
    memset(&stats, 0xff, sizeof stats);
    adit_peer_stats(p, &stats.stats, 16); /* of an earlier one */
    assert_int_equal(stats.stats.packets_received, 0);
    assert_true(stats.stats.bytes_sent == UINT64_MAX);
    memset(&stats, 0xff, sizeof stats);
    adit_peer_stats(p, &stats.stats, offsetof(struct adit_peer_stats, sctp_cwnd));
    assert_int_equal(stats.stats.remote[0], 0);
    assert_true(stats.stats.sctp_cwnd == UINT32_MAX && stats.stats.datagrams_dropped == UINT64_MAX);
    adit_peer_free(p);
    adit_loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form),
        cmocka_unit_test(symmetric_pairing),
        cmocka_unit_test(trickled),
        cmocka_unit_test(candidates_that_are_none),
        cmocka_unit_test(runs_in_the_loop_of_the_library),
        cmocka_unit_test(no_description_yet),
        cmocka_unit_test(refusals_change_nothing),
        cmocka_unit_test(a_refused_answer_leaves_pairing_open),
        cmocka_unit_test(a_wrong_fingerprint_is_not_authentic),
        cmocka_unit_test(configurations_that_cannot_be),
        cmocka_unit_test(structs_of_a_later_header),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
