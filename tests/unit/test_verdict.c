/* What the facts about a network mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "diag/verdict.h"

#define OPEN       ADIT_DIAG_OPEN
#define FIREWALL   ADIT_DIAG_FIREWALL
#define FULL       ADIT_DIAG_FULL_CONE
#define RESTRICTED ADIT_DIAG_RESTRICTED
#define USUAL      ADIT_DIAG_PORT_RESTRICTED
#define SYMMETRIC  ADIT_DIAG_SYMMETRIC
#define BLOCKED    ADIT_DIAG_UDP_BLOCKED

/* A network in which all is well. */
static struct adit_diag_facts well(void)
{
    return (struct adit_diag_facts){ .address = true,
                                     .stun_given = true,
                                     .stun_asked = true,
                                     .udp = true,
                                     .tcp = true,
                                     .tcp_other = true,
                                     .tcp_tried = true,
                                     .stun_tcp = true,
                                     .mapping = ADIT_MAPPING_ENDPOINT_INDEPENDENT,
                                     .filtering = ADIT_FILTERING_ADDRESS_AND_PORT_DEPENDENT,
                                     .signal_given = true,
                                     .signal_ok = true,
                                     .dns_needed = true,
                                     .dns_ok = true,
                                     .clock_ok = true,
                                     .path_payload = 1460 };
}

static void test_who_meets_whom(void **state)
{
    static const enum adit_diag_kind kinds[] = {
        OPEN, FIREWALL, FULL, RESTRICTED, USUAL, SYMMETRIC
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(kinds); i++)
        for (size_t k = 0; k < ADIT_LEN(kinds); k++) {
            enum adit_diag_kind a = kinds[i], b = kinds[k];
            bool hard = (a == SYMMETRIC && (b == USUAL || b == FIREWALL || b == SYMMETRIC)) ||
                        (b == SYMMETRIC && (a == USUAL || a == FIREWALL));

            assert_int_equal(adit_diag_meet(a, b), !hard);
            assert_false(adit_diag_meet(a, BLOCKED));
            assert_false(adit_diag_meet(BLOCKED, b));
        }
}

static void test_kinds(void **state)
{
    static const struct {
        enum adit_mapping mapping;
        enum adit_filtering filtering;
        enum adit_diag_kind kind;
    } rows[] = {
        { ADIT_MAPPING_NONE, ADIT_FILTERING_ENDPOINT_INDEPENDENT, OPEN },
        { ADIT_MAPPING_NONE, ADIT_FILTERING_ADDRESS_DEPENDENT, FIREWALL },
        { ADIT_MAPPING_NONE, ADIT_FILTERING_UNKNOWN, ADIT_DIAG_NO_NAT },
        { ADIT_MAPPING_ENDPOINT_INDEPENDENT, ADIT_FILTERING_ENDPOINT_INDEPENDENT, FULL },
        { ADIT_MAPPING_ENDPOINT_INDEPENDENT, ADIT_FILTERING_ADDRESS_DEPENDENT, RESTRICTED },
        { ADIT_MAPPING_ENDPOINT_INDEPENDENT, ADIT_FILTERING_UNKNOWN, ADIT_DIAG_CONE },
        { ADIT_MAPPING_ADDRESS_DEPENDENT, ADIT_FILTERING_ENDPOINT_INDEPENDENT, SYMMETRIC },
        { ADIT_MAPPING_DEPENDENT, ADIT_FILTERING_UNKNOWN, SYMMETRIC },
        { ADIT_MAPPING_UNKNOWN, ADIT_FILTERING_UNKNOWN, ADIT_DIAG_UNKNOWN },
    };
    struct adit_diag_verdict v;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_diag_facts f = well();

        f.mapping = rows[i].mapping;
        f.filtering = rows[i].filtering;
        adit_diag_judge(&f, &v);
        assert_int_equal(v.kind, rows[i].kind);
        assert_int_equal(v.exit_code, 0);
        assert_non_null(v.text);
    }
}

enum change {
    NOTHING,
    NO_ADDRESS,
    NO_UDP,
    NO_UDP_WEB,
    NO_UDP_DOUBT,
    NO_UDP_RELAY,
    NOBODY,
    NO_STUN,
    NO_NAMES,
    NO_SIGNAL,
    CLOCK,
    TWO_NATS,
    SMALL,
    SIX
};

static struct adit_diag_facts changed(enum change what)
{
    struct adit_diag_facts f = well();

    f.udp = what < NO_UDP || what > NOBODY;
    switch (what) {
    case NO_UDP_RELAY:
        f.relay = true;
        break;
    case NO_UDP_WEB:
        f.tcp_other = f.stun_tcp = false;
        break;
    case NO_UDP_DOUBT:
        f.stun_tcp = false;
        break;
    case NO_ADDRESS:
        f.address = false;
        break;
    case NOBODY:
        f.tcp = f.tcp_other = f.stun_tcp = f.signal_ok = false;
        break;
    case NO_STUN:
        f.stun_given = f.stun_asked = f.udp = false;
        break;
    case NO_NAMES:
        f.stun_asked = f.udp = f.tcp = f.dns_ok = f.signal_ok = false;
        break;
    case NO_SIGNAL:
        f.signal_ok = false;
        break;
    case CLOCK:
        f.clock_ok = false;
        break;
    case TWO_NATS:
        f.double_nat = true;
        break;
    case SMALL:
        f.path_payload = 1050;
        break;
    case SIX:
        f.six = true;
        break;
    case NOTHING:
    case NO_UDP:
        break;
    }
    return f;
}

/* Each trouble has its kind, its exit code, and a word about what to do. */
static void test_troubles(void **state)
{
    static const struct {
        enum change what;
        enum adit_diag_kind kind;
        int exit_code;
        const char *advice;
    } rows[] = {
        { NOTHING, USUAL, 0, "add a TURN server" },
        { NO_ADDRESS, ADIT_DIAG_OFFLINE, 4, "bring one up" },
        { NO_UDP, BLOCKED, 4, "let UDP out" },
        { NO_UDP_DOUBT, BLOCKED, 4, "name another STUN server" },
        { NO_UDP_WEB, ADIT_DIAG_WEB_ONLY, 4, "TLS on port 443" },
        { NO_UDP_RELAY, BLOCKED, 0, NULL },
        { NOBODY, ADIT_DIAG_OFFLINE, 4, "default route" },
        { NO_STUN, ADIT_DIAG_UNASKED, 0, "name a STUN server" },
        { NO_NAMES, ADIT_DIAG_UNASKED, 5, "/etc/resolv.conf" },
        { NO_SIGNAL, USUAL, 5, "nobody is met by name" },
        { CLOCK, USUAL, 0, "certificates will be refused" },
        { TWO_NATS, USUAL, 0, "two NATs" },
        { SMALL, USUAL, 0, "above 1050 bytes" },
        { SIX, USUAL, 0, "IPv6 works" },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_diag_facts f = changed(rows[i].what);
        struct adit_diag_verdict v;
        bool found = !rows[i].advice;

        adit_diag_judge(&f, &v);
        assert_int_equal(v.kind, rows[i].kind);
        assert_int_equal(v.exit_code, rows[i].exit_code);
        for (unsigned k = 0; k < v.advice_count; k++)
            found |= rows[i].advice && strstr(v.advice[k], rows[i].advice);
        assert_true(found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_meets_whom),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_troubles),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
