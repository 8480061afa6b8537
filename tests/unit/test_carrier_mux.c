/* HTTP exchanges, each on a stream of its own: whole ones, and how they break off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "app/carrier_mux.h"
#include "unit/mux_link.h"

struct side {
    struct adit_carrier *carrier;
    struct adit_exchange *x;
    struct adit_http1_head head; /* without its strings */
    char target[64], fields[128], text[128];
    unsigned heads, interims, ends, failed, trailers, requests;
    int status; /* of `failed` */
    size_t got;
};

static struct mux_link l;
static struct side consumer, provider;

static void on_head(void *arg, const struct adit_http1_head *head, adit_time now)
{
    struct side *s = arg;

    (void)now;
    s->heads += !head->interim;
    s->interims += head->interim;
    s->head = *head;
    for (unsigned i = 0; i < head->count; i++)
        snprintf(s->fields + strlen(s->fields), sizeof s->fields - strlen(s->fields), "%s=%s;",
                 head->fields[i].name, head->fields[i].value);
}

static void on_body(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct side *s = arg;

    (void)bytes;
    s->got += n;
    adit_exchange_consumed(s->x, n, now);
}

static void on_end(void *arg, const struct adit_http1_field *trailers, unsigned count,
                   adit_time now)
{
    struct side *s = arg;

    (void)trailers, (void)now;
    s->ends++;
    s->trailers = count;
}

static void on_writable(void *arg, adit_time now)
{
    (void)arg, (void)now;
}

static void on_failed(void *arg, int status, const char *text, adit_time now)
{
    struct side *s = arg;

    s->failed++;
    s->status = status;
    snprintf(s->text, sizeof s->text, "%s", text);
    s->x = adit_exchange_free(s->x, NULL, now);
}

static const struct adit_exchange_ops exchange_ops = {
    .head = on_head, .body = on_body, .end = on_end, .writable = on_writable, .failed = on_failed
};

static void on_request(void *arg, struct adit_exchange *x, const struct adit_http1_head *head,
                       adit_time now)
{
    struct side *s = arg;

    s->requests++;
    s->x = x;
    snprintf(s->target, sizeof s->target, "%s %s", head->method, head->target);
    adit_exchange_take(x, &exchange_ops, s);
    on_head(s, head, now);
}

static const struct adit_carrier_ops carrier_ops = { .request = on_request };

static void on_opened(struct link_end *e, struct adit_mux_stream *s)
{
    adit_carrier_mux_opened(provider.carrier, s, e->raw, e->raw_n, l.now);
}

static int setup(void **state)
{
    struct adit_carrier_conf conf = { .ops = &carrier_ops, .arg = &provider };

    (void)state;
    l = (struct mux_link){ .delay = ADIT_MS };
    consumer = provider = (struct side){ 0 };
    mux_link_start(&l, NULL, NULL);
    l.b.on_opened = on_opened;
    consumer.carrier = adit_carrier_mux_new(&conf, l.a.mux, 0);
    conf.provider = true;
    provider.carrier = adit_carrier_mux_new(&conf, l.b.mux, 0);
    assert_true(consumer.carrier && provider.carrier);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    adit_mux_lost(l.a.mux, l.now);
    adit_mux_lost(l.b.mux, l.now);
    assert_null(consumer.x);
    assert_null(provider.x);
    adit_carrier_free(consumer.carrier);
    adit_carrier_free(provider.carrier);
    mux_link_stop(&l);
    return 0;
}

/* ---- what happens ---------------------------------------------------------------------------- */

static const struct adit_http1_field request_fields[] = { { "Accept", "*/*" },
                                                          { "Cookie", "a=1" },
                                                          { "Cookie", "b=2" } };

static void ask(bool body)
{
    struct adit_http1_head head = { .method = "POST",
                                    .target = "/a?b",
                                    .body = body,
                                    .chunked = body,
                                    .fields = request_fields,
                                    .count = 3 };
    int err = 0;

    consumer.x =
        adit_exchange_begin(consumer.carrier, &head, &exchange_ops, &consumer, &err, l.now);
    assert_non_null(consumer.x);
    if (!body)
        assert_int_equal(adit_exchange_end(consumer.x, NULL, 0, l.now), 0);
    mux_link_run(&l, ADIT_NEVER);
    assert_int_equal(provider.requests, 1);
}

static void answer(int status)
{
    struct adit_http1_head head = { .method = "",
                                    .status = status,
                                    .reason = "fine",
                                    .body = status == 200,
                                    .chunked = status == 200,
                                    .interim = status == 100 };

    assert_int_equal(adit_exchange_head(provider.x, &head, l.now), 0);
}

static void whole(void **state)
{
    static const struct adit_http1_field trailer = { "X-Sum", "1" };

    (void)state;
    ask(true);
    assert_string_equal(provider.target, "POST /a?b");
    assert_string_equal(provider.fields, "Accept=*/*;Cookie=a=1;Cookie=b=2;");
    assert_true(provider.head.body && provider.head.chunked);
    answer(100);
    assert_int_equal(adit_exchange_body(consumer.x, (const uint8_t *)"hello", 5, l.now), 0);
    assert_int_equal(adit_exchange_end(consumer.x, &trailer, 1, l.now), 0);
    mux_link_run(&l, ADIT_NEVER);
    assert_int_equal(consumer.interims, 1);
    assert_int_equal(provider.got, 5);
    assert_int_equal(provider.ends, 1);
    assert_int_equal(provider.trailers, 1);
    answer(200);
    assert_int_equal(adit_exchange_body(provider.x, (const uint8_t *)"hi", 2, l.now), 0);
    assert_int_equal(adit_exchange_end(provider.x, &trailer, 1, l.now), 0);
    provider.x = adit_exchange_free(provider.x, NULL, l.now); /* what it said leaves all the same */
    mux_link_run(&l, ADIT_NEVER);
    assert_int_equal(consumer.heads, 1);
    assert_int_equal(consumer.head.status, 200);
    assert_int_equal(consumer.got, 2);
    assert_int_equal(consumer.ends, 1);
    assert_int_equal(consumer.failed, 0);
    consumer.x = adit_exchange_free(consumer.x, NULL, l.now);
    mux_link_run(&l, ADIT_NEVER);
    assert_int_equal(adit_mux_count(l.a.mux) + adit_mux_count(l.b.mux), 0);
}

/* Whatever has been said by then, the provider hears of it. */
static void the_consumer_turns_away(void **state)
{
    for (int stage = 0; stage < 4; stage++) {
        if (stage) {
            teardown(state);
            setup(state);
        }
        ask(stage == 0);
        if (stage >= 2)
            answer(200);
        if (stage == 3)
            assert_int_equal(adit_exchange_body(provider.x, (const uint8_t *)"hi", 2, l.now), 0);
        mux_link_run(&l, ADIT_NEVER);
        consumer.x = adit_exchange_free(consumer.x, NULL, l.now);
        mux_link_run(&l, ADIT_NEVER);
        assert_int_equal(provider.failed, 1);
        assert_int_equal(adit_mux_count(l.a.mux) + adit_mux_count(l.b.mux), 0);
    }
}

static void the_provider_breaks_off(void **state)
{
    for (int stage = 0; stage < 3; stage++) {
        if (stage) {
            teardown(state);
            setup(state);
        }
        ask(stage == 0);
        if (stage == 2) {
            answer(200);
            assert_int_equal(adit_exchange_body(provider.x, (const uint8_t *)"hi", 2, l.now), 0);
        }
        mux_link_run(&l, ADIT_NEVER);
        provider.x = adit_exchange_free(provider.x, "the upstream broke off", l.now);
        mux_link_run(&l, ADIT_NEVER);
        assert_int_equal(consumer.failed, 1);
        assert_int_equal(consumer.status, 502);
        assert_string_equal(consumer.text, "the upstream broke off");
    }
}

/* An answer that does not wait for the rest of its request. */
static void an_early_answer(void **state)
{
    (void)state;
    ask(true);
    answer(200);
    assert_int_equal(adit_exchange_end(provider.x, NULL, 0, l.now), 0);
    provider.x = adit_exchange_free(provider.x, NULL, l.now);
    mux_link_run(&l, ADIT_NEVER);
    assert_int_equal(consumer.ends, 1);
    assert_int_equal(consumer.failed, 0);
    assert_int_equal(adit_exchange_body(consumer.x, (const uint8_t *)"x", 1, l.now), -EPIPE);
    consumer.x = adit_exchange_free(consumer.x, NULL, l.now);
}

static void the_tunnel_ends(void **state)
{
    (void)state;
    ask(true);
    adit_mux_lost(l.b.mux, l.now);
    adit_mux_lost(l.a.mux, l.now);
    assert_int_equal(provider.failed + consumer.failed, 2);
    assert_string_equal(consumer.text, "the tunnel ended");
}

/* Who only consumes serves nobody; what is no head is refused, and the channel goes on. */
static void what_is_refused(void **state)
{
    struct note n = { 0 };
    struct adit_mux_stream *s;

    (void)state;
    assert_int_equal(
        adit_mux_open(&s, l.a.mux, ADIT_MUX_HTTP, "\0\0\3GET\0\4n pe", 12, &note_ops, &n), 0);
    mux_link_run(&l, ADIT_NEVER);
    assert_int_equal(n.closed, 1);
    assert_int_equal(n.code, ADIT_MUX_UNKNOWN);
    assert_int_equal(provider.requests, 0);
    ask(false);
    answer(200);
    assert_int_equal(adit_mux_head(l.b.s, "\0\0", 2), 0); /* a second one is passed over */
    mux_link_run(&l, ADIT_NEVER);
    assert_int_equal(consumer.heads, 1);
    provider.x = adit_exchange_free(provider.x, NULL, l.now);
    mux_link_run(&l, ADIT_NEVER);
    assert_int_equal(consumer.failed, 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(whole),           T(the_consumer_turns_away), T(the_provider_breaks_off),
        T(an_early_answer), T(the_tunnel_ends),         T(what_is_refused)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
