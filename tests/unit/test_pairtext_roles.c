/* test_pairtext_roles.c - who offers and who answers, told from what was pasted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "peer/desc_json.h"
#include "peer/pairtext.h"
#include "peer/sdp.h"

/* An offer is one, unless both sides began alike. */
static void test_types_of_offers(void **state)
{
    static struct adit_pairtext p;
    static struct adit_desc d;

    (void)state;
    adit_desc_init(&d, ADIT_DESC_OFFER);
    strcpy(d.ufrag, "Zz9y");
    strcpy(d.pwd, "ABCDEF120123456789abcdef");
    d.fingerprints[0] = (struct adit_fingerprint){ .hash = ADIT_HASH_SHA256, .len = 32 };
    d.fingerprint_count = 1;
    for (int i = 0; i < 4; i++) {
        struct adit_pairtext_conf conf = { .symmetric = i & 1 };
        struct adit_buf b;
        adit_buf_init(&b, 1 << 20);
        (i & 2 ? adit_desc_json_print : adit_sdp_print)(&b, &d, NULL);
        adit_buf_printf(&b, "\n\n");
        adit_pairtext_init(&p, &conf);
        assert_int_equal(adit_pairtext_feed(&p, b.data, b.len), 1);
        assert_int_equal(p.desc.type, i & 1 ? ADIT_DESC_UNKNOWN : ADIT_DESC_OFFER);
        adit_pairtext_done(&p);
        adit_buf_done(&b);
    }
}

static void test_pair_ticket_is_an_offer_to_who_answers(void **state)
{
    static const struct {
        bool symmetric, answer_due;
        enum adit_desc_type type;
    } who[] = {
        { false, false, ADIT_DESC_OFFER },
        { false, true, ADIT_DESC_UNKNOWN },
        { true, false, ADIT_DESC_UNKNOWN },
    };
    static struct adit_pairtext p;
    struct adit_ticket ticket = { .kind = ADIT_TICKET_PAIR };
    struct adit_buf b;

    (void)state;
    adit_buf_init(&b, 1024);
    adit_ticket_print(&b, &ticket);
    for (size_t i = 0; i < ADIT_LEN(who); i++) {
        struct adit_pairtext_conf conf = { .symmetric = who[i].symmetric,
                                           .answer_due = who[i].answer_due };
        adit_pairtext_init(&p, &conf);
        assert_int_equal(adit_pairtext_feed(&p, b.data, b.len), 0);
        assert_int_equal(adit_pairtext_end(&p), 1);
        assert_int_equal(p.desc.type, who[i].type);
        adit_pairtext_done(&p);
    }
    adit_buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types_of_offers),
        cmocka_unit_test(test_pair_ticket_is_an_offer_to_who_answers),
    };

    return cmocka_run_group_tests_name("pairtext_roles", tests, NULL, NULL);
}
