/* test_dialect_packets.c - the agent dialect and packets: who is asked, what is sent, what comes
 * in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "signal/dialect.h"

struct world {
    struct adit_dialect_conf conf;
    struct adit_dialect_state *s;
    struct adit_rng rng;
    adit_time now;
    char said[512], event[64];
    bool relay;
    unsigned carried, packets;
    size_t last_n;
    uint8_t bytes[ADIT_HAUL_MAX]; /* what `last` points into */
    struct adit_haul last;
};

static void on_websocket(void *arg, const struct adit_dialect_request *request)
{
    (void)arg, (void)request;
}

static void on_send(void *arg, const char *text, size_t n)
{
    struct world *w = arg;

    snprintf(w->said, sizeof w->said, "%.*s", (int)n, text);
}

static void on_event(void *arg, const struct adit_signal_event *e)
{
    struct world *w = arg;

    if (e->what != ADIT_SIGNAL_DESCRIPTION)
        return;
    snprintf(w->event, sizeof w->event, "%s %s", e->peer, e->text);
    w->relay = e->relay;
}

static void on_carry(void *arg, const void *bytes, size_t n)
{
    struct world *w = arg;

    assert_true(n <= sizeof w->bytes);
    memcpy(w->bytes, bytes, n);
    assert_int_equal(adit_haul_read(&w->last, w->bytes, n), 0);
    w->last_n = n;
    w->carried++;
}

static void on_packet(void *arg, const struct adit_haul *packet)
{
    struct world *w = arg;

    w->last = *packet;
    w->packets++;
}

static const struct adit_dialect_ops ops = { .websocket = on_websocket,
                                             .send = on_send,
                                             .event = on_event,
                                             .carry = on_carry,
                                             .packet = on_packet };

static void begin(struct world *w, bool relay)
{
    struct adit_cause cause;

    *w = (struct world){ .now = ADIT_SEC };
    adit_rng_init_seed(&w->rng, 1);
    w->conf =
        (struct adit_dialect_conf){ .target = "/", .id = "alice", .relay = relay, .rng = &w->rng };
    w->s = adit_zalloc(adit_dialect_agent.size);
    w->s->dialect = &adit_dialect_agent;
    w->s->ops = &ops;
    w->s->conf = &w->conf;
    w->s->arg = w;
    assert_int_equal(adit_dialect_agent.start(w->s, &cause, w->now), 0);
    adit_dialect_agent.begin(w->s, w->now);
    adit_dialect_agent.opened(w->s, w->now);
}

static void hear(struct world *w, const char *text)
{
    adit_dialect_agent.text(w->s, text, strlen(text), w->now);
}

static int send_packet(struct world *w, size_t n)
{
    static const uint8_t bytes[ADIT_HAUL_PACKET_MAX + 1];
    struct adit_haul h = { .name = "bob", .to = "1234567", .packet = { bytes, n } };

    return adit_dialect_agent.packet(w->s, &h, w->now);
}

#define OFFER      "{\"type\":\"offer\",\"from\":\"bob\",\"to\":\"alice\",\"sdp\":\"v=0\""
#define REGISTERED "{\"type\":\"registered\",\"id\":\"alice\",\"status\":\"success\""

static void where_the_server_hands_them_on(void **state)
{
    struct world w;
    uint8_t in[ADIT_HAUL_MAX];

    (void)state;
    begin(&w, true);
    assert_string_equal(w.said,
                        "{\"type\":\"register\",\"id\":\"alice\",\"token\":null,\"relay\":true}");
    assert_int_equal(send_packet(&w, 100), -ENOTSUP); /* it has not said so yet */
    hear(&w, REGISTERED ",\"relay\":{\"rate\":10000}}");
    hear(&w, OFFER ",\"relay\":true}");
    assert_true(w.relay);
    hear(&w, OFFER "}");
    assert_false(w.relay);
    assert_int_equal(send_packet(&w, 100), 0);
    assert_int_equal(w.last_n, 2 + 3 + 16 + 100);
    assert_string_equal(w.last.name, "bob");
    assert_int_equal(send_packet(&w, 0), -EMSGSIZE);
    assert_int_equal(send_packet(&w, 1501), -EMSGSIZE);
    size_t n = adit_haul_write(in, &w.last);
    adit_dialect_agent.binary(w.s, in, n, w.now);
    assert_int_equal(w.packets, 1);
    adit_dialect_agent.binary(w.s, in, 20, w.now);
    adit_dialect_agent.binary(w.s, "\x02", 1, w.now);
    in[2] = '\n'; /* a name with a control character */
    adit_dialect_agent.binary(w.s, in, n, w.now);
    adit_dialect_agent.binary(w.s, OFFER "}", strlen(OFFER "}"), w.now);
    assert_int_equal(w.packets, 1);
    adit_free(w.s);
}

/* No faster than it said, or it would cut us off. */
static void as_fast_as_it_said(void **state)
{
    struct world w;
    unsigned n = 0;

    (void)state;
    begin(&w, true);
    hear(&w, REGISTERED ",\"relay\":{\"rate\":10000}}");
    while (send_packet(&w, 979) == 0) /* 1000 with the head */
        n++;
    assert_int_equal(n, 10);
    w.now += 100 * ADIT_MS;
    assert_int_equal(send_packet(&w, 979), 0);
    assert_int_equal(send_packet(&w, 979), -EAGAIN);
    adit_free(w.s);
}

static void where_it_does_not(void **state)
{
    static const char *const answers[] = { REGISTERED "}", REGISTERED ",\"relay\":true}",
                                           REGISTERED ",\"relay\":{\"rate\":-5}}",
                                           REGISTERED ",\"relay\":{\"rate\":\"1\"}}" };
    struct adit_cause cause;
    struct world w;
    bool final;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(answers); i++) {
        begin(&w, true);
        hear(&w, answers[i]);
        hear(&w, OFFER ",\"relay\":true}");
        assert_string_equal(w.event, "bob v=0");
        assert_false(w.relay);
        assert_int_equal(send_packet(&w, 1), -ENOTSUP);
        w.event[0] = '\0'; /* what the original sends in a binary message is text */
        adit_dialect_agent.binary(w.s, OFFER "}", strlen(OFFER "}"), w.now);
        assert_string_equal(w.event, "bob v=0");
        adit_free(w.s);
    }
    begin(&w, false); /* we did not ask */
    assert_string_equal(w.said, "{\"type\":\"register\",\"id\":\"alice\",\"token\":null}");
    hear(&w, REGISTERED ",\"relay\":{\"rate\":10000}}");
    assert_int_equal(send_packet(&w, 1), -ENOTSUP);
    adit_free(w.s);
    begin(&w, true); /* and the next server may be another */
    hear(&w, REGISTERED ",\"relay\":{\"rate\":10000}}");
    assert_int_equal(send_packet(&w, 1), 0);
    adit_dialect_agent.lost(w.s, 0, 1012, "", &cause, &final, w.now);
    assert_int_equal(send_packet(&w, 1), -ENOTSUP);
    adit_free(w.s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_the_server_hands_them_on),
        cmocka_unit_test(as_fast_as_it_said),
        cmocka_unit_test(where_it_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
