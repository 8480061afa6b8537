/* test_ws_bridge.c - WebSockets between raw bytes and messages, at limits that carriers share. What
 * is said on the wire is test_carrier_v2's and test_carrier_v3's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "app/ws_bridge.h"
#include "base/alloc.h"
#include "sim/carrier_script.h"

static void which_path_is_meant(void **state)
{
    static const struct {
        const char *url, *path;
    } rows[] = {
        { "/", "/" },
        { "/a/b?c=d", "/a/b?c=d" },
        { "/a?u=http://b/", "/a?u=http://b/" },
        { "/a#b", "/a" },
        { "ws://host", "/" },
        { "ws://host/", "/" },
        { "ws://host:1/a?b", "/a?b" },
        { "wss://[::1]:2?b", "/?b" },
        { "wss://host#x", "/" },
        { "http://u@h/x", "/x" },
        { "://", "/" },
        { "", NULL },
        { "a", NULL },
        { "?a", NULL },
        { "*", NULL },
        { "/a b", NULL },
        { "/\x01", NULL },
        { "/\xc3\xa4", NULL },
        { "ws://host/\r\n", NULL },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        char *path = adit_ws_bridge_path(rows[i].url, strlen(rows[i].url));
        if ((path != NULL) != (rows[i].path != NULL) || (path && strcmp(path, rows[i].path) != 0))
            fail_msg("%s: %s", rows[i].url, path ? path : "none");
        adit_free(path);
    }
    assert_null(adit_ws_bridge_path("/a\0b", 4));
}

/* ---- through a carrier ----------------------------------------------------------------------- */

#define Z3      "\\00\\00\\00"
#define KEY     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
#define UPGRADE "Upgrade: websocket|Sec-WebSocket-Version: 13|" KEY "|upgrade"

static void requests_that_are_none(void **state)
{
    static const struct {
        const char *fields;
        int status;
    } rows[] = {
        { UPGRADE, 101 },
        { "Upgrade: h2c, WebSocket|Sec-WebSocket-Version: 13|" KEY "|upgrade", 101 },
        { "Upgrade: websocket|" KEY "|upgrade", 426 },
        { "Upgrade: websocket|Sec-WebSocket-Version: 7|" KEY "|upgrade", 426 },
        { "Upgrade: websocket|Sec-WebSocket-Version: 13|Sec-WebSocket-Version: 13|" KEY "|upgrade",
          426 },
        { "Upgrade: websocket|Sec-WebSocket-Version: 13|upgrade", 400 },
        { "Upgrade: websocket|Sec-WebSocket-Version: 13|Sec-WebSocket-Key: short|upgrade", 400 },
        { "Upgrade: websocket|Sec-WebSocket-Version: 13|" KEY "|" KEY "|upgrade", 400 },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        char script[400], wanted[40];
        const char *log;
        snprintf(script, sizeof script, "c begin GET /|%s\nturn", rows[i].fields);
        log = script_log(&adit_carrier_v2, true, false, script);
        snprintf(wanted, sizeof wanted, rows[i].status == 101 ? "c head 0 %d|" : "c failed 0 %d ",
                 rows[i].status);
        if (!strstr(log, wanted) || (rows[i].status != 101 && strstr(log, "c>")))
            fail_msg("%s\n%s", rows[i].fields, log);
    }
}

static void feed(struct script_end *e, uint8_t opcode, size_t n)
{
    uint8_t *frame = calloc(1, 10 + n);

    frame[0] = 0x11;
    frame[4] = 1;
    frame[5] = opcode;
    adit_put32(frame + 6, (uint32_t)n);
    adit_carrier_message(e->c, frame, 10 + n, false, adit_loop_now(e->world->loop));
    free(frame);
}

static void before_it_stands(void **state)
{
    struct script_world w;

    (void)state;
    for (int more = 0; more < 2; more++) {
        script_begin(&w, &adit_carrier_v2, false, true);
        w.quiet = w.greedy = true;
        w.ends[1].message_max = SIZE_MAX;
        script_settle(&w);
        script_run(&w, "p< \\10" Z3 "\\01\\00\\01/" Z3 "\\02{}");
        feed(&w.ends[1], 2, ADIT_WS_BRIDGE_EARLY - 14 - 20000);
        w.quiet = false;
        feed(&w.ends[1], 2, more ? 20001 : 20000 - 14);
        assert_int_equal(strstr(adit_buf_str(&w.log), "p> \\12" Z3 "\\01\\03\\f1") != NULL, more);
        w.quiet = true;
        script_run(&w, "p head 0 101|Sec-WebSocket-Accept: @\nturn");
        assert_true(w.ends[1].exchanges[0].got > ADIT_WS_BRIDGE_EARLY - 50000);
        script_end(&w);
    }
}

/* A client that sends more than one message takes. */
static void messages_have_a_limit(void **state)
{
    struct script_world w;

    (void)state;
    for (int more = 0; more < 2; more++) {
        uint8_t *frame;
        size_t n = 2000 - 10 + (size_t)more;
        script_begin(&w, &adit_carrier_v2, true, false);
        w.greedy = true;
        w.ends[0].message_max = 2000;
        script_settle(&w);
        script_run(&w, "c begin GET /|" UPGRADE "\nturn");
        w.ends[0].message_max = 2010; /* so that it could be sent */
        w.log.len = 0;
        frame = calloc(1, n + 8);
        frame[0] = 0x82;
        frame[1] = 0xfe;
        adit_put16(frame + 2, (uint16_t)n);
        assert_int_equal(adit_exchange_body(w.ends[0].exchanges[0].x, frame, n + 8, 0), 0);
        free(frame);
        script_settle(&w);
        assert_int_equal(strstr(adit_buf_str(&w.log), "c data 0 \\88\\02\\03\\f1") != NULL, more);
        script_end(&w);
    }
}

/* What nobody reads stops the channel, and not for ever. */
static void a_client_that_does_not_read(void **state)
{
    struct script_world w;

    (void)state;
    script_begin(&w, &adit_carrier_v2, true, false);
    w.quiet = true;
    script_settle(&w);
    script_run(&w, "c begin GET /|" UPGRADE "\nturn");
    for (int i = 0; i < 100 && !w.ends[0].paused; i++) {
        feed(&w.ends[0], 2, 20000);
        script_settle(&w);
    }
    assert_true(w.ends[0].paused);
    assert_in_range(w.ends[0].exchanges[0].got, 1024 * 1024, 1024 * 1024 + 40000);
    script_run(&w, "c eat 0 999999999\nturn");
    assert_false(w.ends[0].paused);
    script_end(&w);
}

static void codes_that_cannot_be_on_the_wire(void **state)
{
    static const struct {
        const char *theirs, *ours;
    } rows[] = {
        { "\\03\\e8", "\\03\\e8" }, { "\\03\\e9", "\\03\\e9" }, { "\\03\\ed", "\\03\\f3" },
        { "\\03\\ee", "\\03\\f3" }, { "\\00\\00", "\\03\\f3" }, { "\\0b\\b8", "\\0b\\b8" },
        { "\\0f\\a1", "\\0f\\a1" }, { "\\13\\88", "\\03\\f3" }, { "\\ff\\ff", "\\03\\f3" },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        char script[400], wanted[60];
        const char *log;
        snprintf(script, sizeof script,
                 "c begin GET /|" UPGRADE "\nturn\nc< \\12" Z3 "\\01%s\\00\\00\nturn",
                 rows[i].theirs);
        log = script_log(&adit_carrier_v2, true, false, script);
        snprintf(wanted, sizeof wanted, "c data 0 \\88\\02%s", rows[i].ours);
        if (!strstr(log, wanted))
            fail_msg("%s\n%s", rows[i].theirs, log);
    }
}

static void reasons_are_cut_between_characters(void **state)
{
    char script[600], reason[400] = "", *log;

    (void)state;
    for (int i = 0; i < 62; i++)
        strcat(reason, "\\c3\\a4");
    snprintf(script, sizeof script,
             "c begin GET /|" UPGRADE "\nturn\nc< \\12" Z3 "\\01\\03\\e8\\00\\7c%s\nturn", reason);
    log = (char *)script_log(&adit_carrier_v2, true, false, script);
    assert_non_null(strstr(log, "c data 0 \\88|\\03\\e8\\c3\\a4"));
    snprintf(script, sizeof script,
             "c begin GET /|" UPGRADE "\nturn\nc< \\12" Z3 "\\01\\03\\e8\\00\\03a\\ffb\nturn");
    log = (char *)script_log(&adit_carrier_v2, true, false, script);
    assert_non_null(strstr(log, "c data 0 \\88\\03\\03\\e8a\n"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(which_path_is_meant),
        cmocka_unit_test(requests_that_are_none),
        cmocka_unit_test(before_it_stands),
        cmocka_unit_test(messages_have_a_limit),
        cmocka_unit_test(a_client_that_does_not_read),
        cmocka_unit_test(codes_that_cannot_be_on_the_wire),
        cmocka_unit_test(reasons_are_cut_between_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
