/* The door of a public listener: who gets in, and that nothing else leaves a trace. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "ice/stun.h"
#include "peer/door.h"

static const uint8_t secret[ADIT_TICKET_NONCE] = { 1, 2, 3 };
static const uint8_t listener[32] = { 4, 5, 6 }, certificate[32] = { 7, 8, 9 };

struct scene {
    struct adit_rng rng;
    struct adit_door door;
    struct adit_caller caller;
};

static struct scene *scene(void)
{
    struct scene *s = adit_zalloc(sizeof *s);

    adit_rng_init_seed(&s->rng, 1);
    adit_door_init(&s->door, secret, listener);
    adit_caller_make(&s->caller, secret, certificate, true, &s->rng);
    return s;
}

/* What may be wrong with a check. */
struct check {
    const char *pwd, *ufrag; /* NULL = right */
    bool controlled, without_priority, without_name, without_integrity;
    enum adit_stun_class class;
    uint16_t method; /* 0 = Binding */
};

static struct adit_stun_out check(struct scene *s, const struct check *c)
{
    const uint8_t id[ADIT_STUN_ID_SIZE] = { 1 };
    char ufrag[ADIT_TICKET_UFRAG + 1], pwd[ADIT_TICKET_PWD + 1], name[256];
    const char *key = pwd;
    struct adit_stun_out out;
    int n;

    adit_ticket_door_credentials(secret, listener, ufrag, pwd);
    if (c->pwd)
        key = c->pwd;
    n = snprintf(name, sizeof name, "%s:%s", ufrag, c->ufrag ? c->ufrag : s->caller.ufrag);
    adit_stun_begin(&out, c->class, c->method ? c->method : ADIT_STUN_BINDING, id);
    if (!c->without_name)
        adit_stun_add(&out, ADIT_STUN_USERNAME, name, (size_t)n);
    if (!c->without_priority)
        adit_stun_add32(&out, ADIT_STUN_PRIORITY, 1);
    adit_stun_add64(&out, c->controlled ? ADIT_STUN_ICE_CONTROLLED : ADIT_STUN_ICE_CONTROLLING, 1);
    adit_stun_finish(&out, c->without_integrity
                               ? (struct adit_span){ 0 }
                               : (struct adit_span){ (const uint8_t *)key, strlen(key) });
    return out;
}

static enum adit_door_verdict knock(struct scene *s, const void *bytes, size_t n, adit_time now)
{
    struct adit_caller found;
    uint8_t *exact = malloc(n ? n : 1);
    enum adit_door_verdict v;

    memcpy(exact, bytes, n);
    memset(&found, 0x55, sizeof found);
    v = adit_door_knock(&s->door, &found, exact, n, now);
    if (v == ADIT_DOOR_CALLER)
        s->caller = found;
    else
        for (size_t i = 0; i < sizeof found; i++)
            assert_int_equal(((uint8_t *)&found)[i], 0x55);
    free(exact);
    return v;
}

static void test_who_knows_the_secret_is_a_caller(void **state)
{
    struct scene *s = scene();
    struct adit_caller made = s->caller;
    struct adit_stun_out out = check(s, &(struct check){ 0 });
    struct adit_desc desc;

    (void)state;
    assert_int_equal(knock(s, out.bytes, out.len, 0), ADIT_DOOR_CALLER);
    assert_string_equal(s->caller.ufrag, made.ufrag);
    assert_string_equal(s->caller.pwd, made.pwd);
    assert_memory_equal(s->caller.fingerprint, certificate, 32);
    assert_true(s->caller.datagrams);
    adit_caller_desc(&s->caller, &desc);
    assert_int_equal(desc.type, ADIT_DESC_OFFER);
    assert_string_equal(desc.ufrag, made.ufrag);
    assert_memory_equal(desc.fingerprints[0].value, certificate, 32);
    assert_true(desc.datagram && desc.adit);
    adit_free(s);
}

static void test_whoever_does_not_is_not(void **state)
{
    static char other[] = "ERASEDERASEDERASEDERASEDERASEDERASEDERASED+AAAAAAAAAAAAAA";
    static const struct {
        struct check check;
        enum adit_door_verdict verdict;
    } rows[] = {
        { { .pwd = "notthepasswordofthisticket" }, ADIT_DOOR_FORGED },
        { { .controlled = true }, ADIT_DOOR_FORGED },
        { { .without_priority = true }, ADIT_DOOR_FORGED },
        { { .without_integrity = true }, ADIT_DOOR_FORGED },
        { { .without_name = true }, ADIT_DOOR_NOT_OURS },
        { { .ufrag = "short" }, ADIT_DOOR_NOT_OURS },
        { { .ufrag = other }, ADIT_DOOR_NOT_OURS }, /* a letter too many */
        { { .class = ADIT_STUN_SUCCESS }, ADIT_DOOR_FORGED },
        { { .class = ADIT_STUN_INDICATION }, ADIT_DOOR_FORGED },
        { { .method = 3 }, ADIT_DOOR_FORGED },
    };
    struct scene *s = scene();
    struct adit_stun_out out;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        out = check(s, &rows[i].check);
        assert_int_equal(knock(s, out.bytes, out.len, 0), rows[i].verdict);
    }
    other[43] = 'A'; /* the length is right, and it is no fingerprint: bits behind its last */
    other[42] = '+';
    other[56] = 0;
    out = check(s, &(struct check){ .ufrag = other });
    assert_int_equal(knock(s, out.bytes, out.len, 0), ADIT_DOOR_FORGED);
    adit_free(s);
}

/* One bit of a good check, wherever. */
static void test_a_changed_check_opens_nothing(void **state)
{
    struct scene *s = scene();
    struct adit_stun_out out = check(s, &(struct check){ 0 });

    (void)state;
    for (size_t bit = 0; bit < 8 * out.len; bit++) {
        out.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_not_equal(knock(s, out.bytes, out.len, bit * ADIT_SEC), ADIT_DOOR_CALLER);
        out.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t n = 0; n < out.len; n++)
        assert_int_equal(knock(s, out.bytes, n, 0), ADIT_DOOR_NOT_OURS);
    assert_int_equal(knock(s, out.bytes, out.len, ADIT_NEVER / 2), ADIT_DOOR_CALLER);
    adit_free(s);
}

static void test_a_recorded_check_opens_nothing(void **state)
{
    struct scene *s = scene();
    struct adit_stun_out out = check(s, &(struct check){ 0 });
    struct adit_caller first = s->caller;

    (void)state;
    assert_int_equal(knock(s, out.bytes, out.len, 0), ADIT_DOOR_CALLER);
    assert_int_equal(knock(s, out.bytes, out.len, 0), ADIT_DOOR_CALLER); /* was turned away */
    adit_door_done(&s->door, &s->caller);
    for (unsigned i = 1; i < ADIT_DOOR_SEEN; i++) {
        adit_caller_make(&s->caller, secret, certificate, false, &s->rng);
        adit_door_done(&s->door, &s->caller);
        adit_door_done(&s->door, &s->caller); /* takes no second place */
    }
    assert_int_equal(knock(s, out.bytes, out.len, ADIT_SEC), ADIT_DOOR_REPEATED);
    adit_caller_make(&s->caller, secret, certificate, false, &s->rng);
    adit_door_done(&s->door, &s->caller);
    assert_int_equal(knock(s, out.bytes, out.len, ADIT_SEC), ADIT_DOOR_CALLER);
    assert_string_equal(s->caller.ufrag, first.ufrag);
    adit_free(s);
}

/* A flood that knows our name costs so much and no more, and then callers are heard again. */
static void test_work_is_limited(void **state)
{
    struct scene *s = scene();
    struct adit_stun_out good = check(s, &(struct check){ 0 }),
                         bad = check(s, &(struct check){ .pwd = "notthepasswordofthisticket" });

    (void)state;
    for (unsigned i = 0; i < 3 * ADIT_DOOR_RATE; i++)
        knock(s, bad.bytes, bad.len, ADIT_SEC + i);
    assert_int_equal(s->door.counts[ADIT_DOOR_FORGED], ADIT_DOOR_RATE);
    assert_int_equal(s->door.counts[ADIT_DOOR_LIMITED], 2 * ADIT_DOOR_RATE);
    assert_int_equal(knock(s, good.bytes, good.len, ADIT_SEC + 9999), ADIT_DOOR_LIMITED);
    assert_int_equal(knock(s, good.bytes, good.len, 2 * ADIT_SEC), ADIT_DOOR_CALLER);
    adit_free(s);
}

static void test_names_of_callers(void **state)
{
    struct scene *s = scene();
    struct adit_caller c, again;
    uint8_t other[ADIT_TICKET_NONCE] = { 9 };

    (void)state;
    for (int i = 0; i < 100; i++) {
        uint8_t print[32];

        adit_rng_bytes(&s->rng, print, sizeof print);
        adit_caller_make(&c, secret, print, i % 2, &s->rng);
        assert_int_equal(strlen(c.ufrag), ADIT_TICKET_CALLER);
        assert_int_equal(strlen(c.pwd), ADIT_TICKET_PWD);
        assert_true(adit_ice_chars_valid(c.ufrag, ADIT_TICKET_CALLER));
        assert_int_equal(adit_caller_read(&again, secret, c.ufrag, ADIT_TICKET_CALLER), 0);
        assert_memory_equal(&c, &again, sizeof c);
        assert_int_equal(adit_caller_read(&again, other, c.ufrag, ADIT_TICKET_CALLER), 0);
        assert_string_not_equal(c.pwd, again.pwd);
        assert_int_equal(adit_caller_read(&again, secret, c.ufrag, ADIT_TICKET_CALLER - 1),
                         -EINVAL);
        c.ufrag[50] = ':';
        assert_int_equal(adit_caller_read(&again, secret, c.ufrag, ADIT_TICKET_CALLER), -EINVAL);
    }
    adit_free(s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_knows_the_secret_is_a_caller),
        cmocka_unit_test(test_whoever_does_not_is_not),
        cmocka_unit_test(test_a_changed_check_opens_nothing),
        cmocka_unit_test(test_a_recorded_check_opens_nothing),
        cmocka_unit_test(test_work_is_limited),
        cmocka_unit_test(test_names_of_callers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
