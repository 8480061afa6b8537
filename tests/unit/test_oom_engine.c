/* Two engines from nothing to two messages over their channel, on a simulated clock, while memory
 * runs out: ours and that of usrsctp, which come from one place, or that of OpenSSL. No run may
 * crash, leak (the sanitizer looks) or hang: it ends with the messages delivered, or with an error
 * from whatever was called, or somebody was told that the channel or the connection is over.
 *
 * Ours are a few hundred, and each fails. OpenSSL makes thousands; with sanitizers some of them
 * fail (one in STRIDE, a prime, so that no loop hides in step), without them each. What OpenSSL
 * makes once for the process and keeps was made before the first step, and is not among them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <openssl/crypto.h>

#include "base/alloc.h"
#include "base/log.h"
#include "sim/openssl_seed.h"
#include "unit/engine_pair.h"
#include "unit/openssl_memory.h"

#ifdef __SANITIZE_ADDRESS__
#define STRIDE      5
#define STRIDE_LONG 23
#else
#define STRIDE      1
#define STRIDE_LONG 7
#endif
#define SHORTAGE (10 * ADIT_SEC)
/* Silence is noticed after 30 s (RFC 7675); a handshake gives up sooner. */
#define PATIENCE (90 * ADIT_SEC)

enum span {
    ONE,     /* allocation n alone fails */
    SHORTLY, /* n and what follows, for SHORTAGE */
    FOREVER, /* n and whatever follows */
};

enum outcome { WELL, REFUSED, LOST, ENDED, WAITS, OUTCOMES };
static const char *const outcome_names[] = { "well", "refused", "channel lost", "ended", "wait" };

static void ours_last(uint64_t from, uint64_t until)
{
    if (until == from + 1)
        adit_alloc_fail_once(from);
    else
        adit_alloc_fail_at(from);
}

static const struct memory {
    void (*last)(uint64_t from, uint64_t until); /* allocations from .. until - 1 fail */
    uint64_t (*count)(void);                     /* since then */
} ours = { ours_last, adit_alloc_count }, openssl = { openssl_memory_fail, openssl_memory_count };

static bool told(const struct engine_side *s)
{
    return s->closed || (s->e && adit_engine_state(s->e) >= ADIT_PEER_FAILED);
}

static bool connected_or_told(struct engine_pair *p)
{
    return engine_connected(p) || told(&p->side[0]);
}

static bool messages_came_or_told(struct engine_pair *p)
{
    return p->side[1].messages == 2 || told(&p->side[0]) || told(&p->side[1]);
}

/* On with it until then, and with memory again when the shortage is over. */
static bool live(struct engine_pair *p, const struct memory *m, enum span span,
                 bool (*done)(struct engine_pair *p))
{
    if (span == SHORTLY) {
        if (engine_run(p, SHORTAGE, done))
            return true;
        m->last(UINT64_MAX, UINT64_MAX);
    }
    return engine_run(p, PATIENCE, done);
}

/* Five bytes go before the channel is open, beside other chunks; 5000 are cut into some. */
static int send(struct engine_pair *p, size_t n)
{
    static const char bytes[5000];

    return adit_channel_send(p->side[0].channel, bytes, n, true, p->now);
}

static enum outcome life(struct engine_pair *p, const struct memory *m, enum span span)
{
    for (int i = 0; i < 2; i++)
        if (!engine_start(&p->side[i]))
            return REFUSED;
    if (!engine_open(&p->side[0], "memory") || send(p, 5) < 0 ||
        engine_hand_over(&p->side[0], NULL, NULL) < 0 ||
        engine_hand_over(&p->side[1], NULL, NULL) < 0)
        return REFUSED;
    if (!live(p, m, span, connected_or_told))
        return WAITS;
    if (told(&p->side[0]))
        return adit_engine_state(p->side[0].e) >= ADIT_PEER_FAILED ? ENDED : LOST;
    if (send(p, 5000) < 0)
        return REFUSED;
    if (!live(p, m, span, messages_came_or_told))
        return WAITS;
    return p->side[1].messages == 2 ? WELL : LOST;
}

/* Both can always be closed, and whoever is not told by the other one notices its silence. */
static void close_both(struct engine_pair *p)
{
    for (int i = 0; i < 2; i++)
        if (p->side[i].e)
            adit_engine_close(p->side[i].e, p->now);
    assert_true(engine_run(p, PATIENCE, engine_over));
}

static enum outcome try(const struct memory *m, uint64_t n, enum span span)
{
    struct engine_pair p;
    enum outcome end;

    sim_openssl_seed(1); /* the same keys, so the same allocations */
    engine_pair_init(&p);
    p.delay = ADIT_MS;
    m->last(n, span == ONE ? n + 1 : UINT64_MAX);
    end = life(&p, m, span);
    close_both(&p);
    engine_pair_done(&p);
    /* OpenSSL says bad_certificate when it lacks memory to read one; nobody else may be blamed. */
    for (int i = 0; i < 2; i++)
        if (p.side[i].cause.reason == ADIT_REASON_NOT_AUTHENTIC &&
            !strstr(p.side[i].cause.text, "refused our certificate"))
            fail_msg("allocation %llu: %s", (unsigned long long)n, p.side[i].cause.text);
    /* Without end of the shortage it is the application's deadline that ends the wait. */
    if (end == WAITS && span != FOREVER)
        fail_msg("allocation %llu: neither connected nor over", (unsigned long long)n);
    return end;
}

static void step(const struct memory *m, enum span span, uint64_t stride)
{
    unsigned outcomes[OUTCOMES] = { 0 };
    uint64_t n = 0, most;

    for (int i = 0; i < 2; i++) /* what is made once is made */
        assert_int_equal(try(m, UINT64_MAX, FOREVER), WELL);
    most = m->count();
    /* The order of usrsctp's timers is not the same each time, so a few more: those fail nothing.
     */
    for (; n < most + most / 8; n += stride)
        outcomes[try(m, n, span)]++;
    m->last(UINT64_MAX, UINT64_MAX);
    print_message("# %llu allocations:", (unsigned long long)most);
    for (int i = 0; i < OUTCOMES; i++)
        print_message(" %u %s", outcomes[i], outcome_names[i]);
    print_message("\n");
    assert_true(outcomes[WELL] < n / stride); /* it was tried indeed */
}

static void one_of_ours(void **state)
{
    (void)state;
    step(&ours, ONE, 1);
}

static void ours_for_a_while(void **state)
{
    (void)state;
    step(&ours, SHORTLY, 1);
}

static void ours_from_now_on(void **state)
{
    (void)state;
    step(&ours, FOREVER, 1);
}

/* Since 3.2 OpenSSL frees a record layer twice (dtls1_clear_sent_buffer after RECORD_LAYER_clear)
 * when memory ends between a ChangeCipherSpec and the keys that follow it. */
static void before_3_2(void)
{
    if (OpenSSL_version_num() >= 0x30200000)
        skip();
}

static void one_of_openssl(void **state)
{
    (void)state;
    before_3_2();
    step(&openssl, ONE, STRIDE);
}

static void openssl_for_a_while(void **state)
{
    (void)state;
    before_3_2();
    step(&openssl, SHORTLY, STRIDE_LONG);
}

static void openssl_from_now_on(void **state)
{
    (void)state;
    before_3_2();
    step(&openssl, FOREVER, STRIDE_LONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_of_ours),         cmocka_unit_test(ours_for_a_while),
        cmocka_unit_test(ours_from_now_on),    cmocka_unit_test(one_of_openssl),
        cmocka_unit_test(openssl_for_a_while), cmocka_unit_test(openssl_from_now_on),
    };

    adit_log_level = ADIT_LOG_ERROR;
    openssl_memory_take();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
