/* test_path.c - which pair is the better one: each row of the table in ice/path.h, and never
 * flapping. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rng.h"
#include "ice/path.h"
#include "ice/tuples.h"

#define MEASURED   .samples = 4, .counted = 16
#define K(x)       .kind = ADIT_KIND_##x
#define RTT(ms, d) .rtt = (ms)*ADIT_MS, .spread = (d)*ADIT_MS

static const struct {
    const char *name;
    struct adit_path_facts it, used;
    bool taken;
    enum adit_why why;
} rows[] = {
    { "direct for relayed, at once", { K(WAN) }, { K(RELAY), RTT(10, 1), MEASURED }, true, 0 },
    { "direct for two relays, though slower",
      { K(WAN), RTT(90, 1), MEASURED },
      { K(TWO_RELAYS), RTT(10, 1), MEASURED },
      true,
      0 },
    { "relay for direct, never",
      { K(RELAY), RTT(10, 0), MEASURED },
      { K(WAN), RTT(900, 9), MEASURED, .loss = 900 },
      false,
      ADIT_WHY_RELAYED },
    { "UDP for TCP, at once", { K(WAN) }, { K(TCP), RTT(10, 1), MEASURED }, true, 0 },
    { "TCP for a relay, at once", { K(TCP) }, { K(RELAY), RTT(10, 1), MEASURED }, true, 0 },
    { "TCP for UDP, never",
      { K(TCP), RTT(10, 0), MEASURED },
      { K(WAN), RTT(900, 9), MEASURED, .loss = 900 },
      false,
      ADIT_WHY_RELAYED },
    { "one relay for two, as fast",
      { K(RELAY), RTT(10, 1), MEASURED },
      { K(TWO_RELAYS), RTT(10, 1), MEASURED },
      true,
      0 },
    { "two relays for the signaling server, as fast",
      { K(TWO_RELAYS), RTT(10, 1), MEASURED },
      { K(SIGNALING), RTT(10, 1), MEASURED },
      true,
      0 },
    { "LAN for WAN, as fast",
      { K(LAN), RTT(11, 1), MEASURED },
      { K(WAN), RTT(10, 1), MEASURED },
      true,
      0 },
    { "LAN for WAN, slower",
      { K(LAN), RTT(15, 1), MEASURED },
      { K(WAN), RTT(10, 1), MEASURED },
      false,
      ADIT_WHY_SLOWER },
    { "LAN for WAN, not measured",
      { K(LAN), RTT(1, 0), .samples = 3 },
      { K(WAN), RTT(10, 1), MEASURED },
      false,
      ADIT_WHY_UNPROVEN },
    { "WAN for LAN, much faster (a tunnel)",
      { K(WAN), RTT(10, 1), MEASURED },
      { K(LAN), RTT(80, 1), MEASURED },
      true,
      0 },
    { "IPv6 for IPv4, as fast",
      { K(WAN), RTT(10, 1), MEASURED, .v6 = true },
      { K(WAN), RTT(10, 1), MEASURED },
      true,
      0 },
    { "IPv6 for IPv4, slower",
      { K(WAN), RTT(20, 1), MEASURED, .v6 = true },
      { K(WAN), RTT(10, 1), MEASURED },
      false,
      ADIT_WHY_SLOWER },
    { "IPv4 for IPv6, as fast",
      { K(WAN), RTT(10, 1), MEASURED },
      { K(WAN), RTT(10, 1), MEASURED, .v6 = true },
      false,
      ADIT_WHY_SLOWER },
    { "faster, 20 % and 5 ms",
      { K(WAN), RTT(20, 1), MEASURED },
      { K(WAN), RTT(25, 1), MEASURED },
      true,
      0 },
    { "faster, not 5 ms",
      { K(WAN), RTT(1, 0), MEASURED },
      { K(WAN), RTT(5, 0), MEASURED },
      false,
      ADIT_WHY_SLOWER },
    { "faster, not 20 %",
      { K(WAN), RTT(90, 1), MEASURED },
      { K(WAN), RTT(100, 1), MEASURED },
      false,
      ADIT_WHY_SLOWER },
    { "faster, by chance",
      { K(WAN), RTT(60, 30), MEASURED },
      { K(WAN), RTT(100, 30), MEASURED },
      false,
      ADIT_WHY_SLOWER },
    { "loses less",
      { K(WAN), RTT(30, 1), MEASURED },
      { K(WAN), RTT(20, 1), MEASURED, .loss = 100 },
      true,
      0 },
    { "loses less, three times as slow",
      { K(WAN), RTT(60, 1), MEASURED },
      { K(WAN), RTT(20, 1), MEASURED, .loss = 100 },
      false,
      ADIT_WHY_SLOWER },
    { "loses more, faster",
      { K(LAN), RTT(5, 1), MEASURED, .loss = 60 },
      { K(WAN), RTT(50, 1), MEASURED },
      false,
      ADIT_WHY_LOSSY },
};

static void test_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        enum adit_why why = ADIT_WHY_COUNT;
        bool better = adit_path_better(&rows[i].it, &rows[i].used, &why);

        if (better != rows[i].taken || (!better && why != rows[i].why))
            fail_msg("%s: %d, %s", rows[i].name, better, adit_why_text(why));
    }
}

/* Nothing is better than what is better than it, whatever the two are. */
static void test_no_circle(void **state)
{
    struct adit_rng rng;

    (void)state;
    adit_rng_init_seed(&rng, 3);
    for (unsigned i = 0; i < 200000; i++) {
        struct adit_path_facts f[2];
        enum adit_why why;

        for (int k = 0; k < 2; k++)
            f[k] = (struct adit_path_facts){ .kind = (enum adit_kind)adit_rng_below(&rng, 4),
                                             .v6 = adit_rng_below(&rng, 2),
                                             .rtt = adit_rng_below(&rng, 100) * ADIT_MS,
                                             .spread = adit_rng_below(&rng, 20) * ADIT_MS,
                                             .samples = adit_rng_below(&rng, 8),
                                             .loss = adit_rng_below(&rng, 300),
                                             .counted = adit_rng_below(&rng, 32) };
        assert_false(adit_path_better(&f[0], &f[1], &why) && adit_path_better(&f[1], &f[0], &why));
    }
}

static void test_growing_gaps(void **state)
{
    struct adit_path_hold h = { 0 };
    adit_time now = 1000 * ADIT_SEC, start = now;
    unsigned changes = 0;

    (void)state;
    for (; now < start + 3600 * ADIT_SEC; now += ADIT_SEC)
        if (!adit_path_held(&h, now)) {
            adit_path_changed(&h, now);
            changes++;
        }
    assert_true(changes >= 7 && changes <= 14); /* at whatever provocation, in an hour */
    assert_int_equal(h.gap, ADIT_PATH_GAP_MAX);
    now += 10 * ADIT_PATH_GAP_MAX + 700 * ADIT_SEC;
    adit_path_changed(&h, now);
    assert_int_equal(h.gap, ADIT_PATH_GAP_MIN);
}

static void test_tuples(void **state)
{
    struct adit_tuples t = { 0 };
    struct adit_addr to = { .family = ADIT_FAMILY_V4, .ip = { 192, 0, 2, 1 } };

    (void)state;
    for (unsigned i = 0; i < ADIT_TUPLES_MAX; i++) {
        to.port = (uint16_t)(1 + i);
        assert_true(adit_tuples_take(&t, (int)(i & 1), &to, 10 * ADIT_SEC));
    }
    to.port = 5;
    assert_true(adit_tuples_take(&t, 0, &to, 20 * ADIT_SEC));  /* known */
    assert_false(adit_tuples_take(&t, 1, &to, 20 * ADIT_SEC)); /* another socket */
    assert_true(adit_tuples_take(&t, 1, &to, 190 * ADIT_SEC)); /* routers have forgotten one */
    assert_int_equal(t.count, ADIT_TUPLES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_no_circle),
        cmocka_unit_test(test_growing_gaps),
        cmocka_unit_test(test_tuples),
    };

    return cmocka_run_group_tests_name("path", tests, NULL, NULL);
}
