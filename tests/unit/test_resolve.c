/* Names to addresses, against a name server of our own on the loopback interface. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "core/resolve.h"
#include "core/udp.h"
#include "wait.h"

enum { TYPE_A = 1, TYPE_AAAA = 28 };
enum { NXDOMAIN = 3, REFUSED = 5 };

struct server {
    struct adit_udp udp;
    unsigned asked;
    struct { /* questions for a later answer */
        struct adit_addr from;
        uint8_t bytes[64];
        size_t n;
    } held[2];
    unsigned held_count;
};

struct asker {
    struct adit_resolve *resolve;
    unsigned done;
    bool keep; /* does not free when it is done */
    int err;
    struct adit_addr addrs[ADIT_RESOLVE_MAX];
    size_t count;
};

static struct adit_loop *loop;

/* Answers by the first letter of the name: d(ual), v (one family), n(obody), r(efused), s(ilent),
 * m(any), g(arbage), l(ater). */
static void on_question(void *arg, const struct adit_addr *from, uint8_t *bytes, size_t n,
                        adit_time now)
{
    struct server *s = arg;
    struct adit_cursor c = adit_cursor(bytes, n);
    struct adit_buf out;

    (void)now;
    s->asked++;
    (void)adit_cursor_take(&c, 13); /* header, and the length of the first label */
    char letter = (char)adit_cursor_get8(&c);
    while (adit_cursor_get8(&c))
        ;
    unsigned type = adit_cursor_get16(&c);
    (void)adit_cursor_get16(&c);
    if (c.bad || letter == 's')
        return;
    if (letter == 'l' && s->held_count < ADIT_LEN(s->held)) {
        assert_true(n <= sizeof s->held[0].bytes);
        s->held[s->held_count].from = *from;
        s->held[s->held_count].n = n;
        memcpy(s->held[s->held_count++].bytes, bytes, n);
        return;
    }
    bool has =
        letter == 'd' || (letter == 'm' && type == TYPE_A) || (letter == 'v' && type == TYPE_A);
    unsigned answers = !has ? 0 : letter == 'm' ? 28 : 1;
    adit_buf_init(&out, 4096);
    adit_buf_add(&out, bytes, 2);
    adit_buf_add16(&out, (uint16_t)(0x8180 | (letter == 'n'   ? NXDOMAIN
                                              : letter == 'r' ? REFUSED
                                                              : 0)));
    adit_buf_add16(&out, 1);
    adit_buf_add16(&out, (uint16_t)(letter == 'g' ? 65535 : answers));
    adit_buf_add(&out, "\0\0\0\0", 4);
    adit_buf_add(&out, bytes + 12, (size_t)(c.p - bytes) - 12);
    for (unsigned i = 0; i < answers; i++) {
        adit_buf_add16(&out, 0xc00c);
        adit_buf_add16(&out, (uint16_t)type);
        adit_buf_add16(&out, 1);
        adit_buf_add(&out, "\0\0\0\x3c", 4);
        adit_buf_add16(&out, type == TYPE_A ? 4 : 16);
        if (type == TYPE_A)
            adit_buf_add(&out, (uint8_t[]){ 192, 0, 2, (uint8_t)i }, 4);
        else
            adit_buf_add(&out, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16);
    }
    assert_int_equal(out.err, 0);
    adit_udp_send(&s->udp, from, out.data, out.len);
    adit_buf_done(&out);
}

static void on_error(void *arg, const struct adit_addr *to, int err, adit_time now)
{
    (void)arg, (void)to, (void)err, (void)now;
}

static const struct adit_udp_ops ops = { .packet = on_question, .error = on_error };

static void on_done(void *arg, int err, const struct adit_addr *addrs, size_t count, adit_time now)
{
    struct asker *a = arg;

    (void)now;
    a->done++;
    a->err = err;
    a->count = count;
    memcpy(a->addrs, addrs, count * sizeof *addrs);
    if (!a->keep)
        a->resolve = adit_resolve_free(a->resolve);
}

static void open_server(struct server *s, char servers[32])
{
    struct adit_udp_conf conf = { 0 };

    assert_int_equal(adit_addr_parse(&conf.addr, "127.0.0.1", 9), 0);
    assert_int_equal(adit_udp_open(&s->udp, loop, &conf, &ops, s), 0);
    snprintf(servers, 32, "127.0.0.1:%u", adit_udp_local(&s->udp)->port);
}

static bool has(const struct asker *a, const char *text)
{
    char out[ADIT_ADDR_STR];

    for (size_t i = 0; i < a->count; i++)
        if (strcmp(adit_addr_str(&a->addrs[i], out), text) == 0)
            return true;
    return false;
}

static void names_are_answered(void **state)
{
    static const struct {
        const char *host;
        int err;
        size_t count;
        const char *one;
        bool asks;
    } rows[] = {
        { "192.0.2.9", 0, 1, "192.0.2.9:3478", false },
        { "2001:db8::9", 0, 1, "[2001:db8::9]:3478", false },
        { "localhost", 0, 2, "[::1]:3478", false },
        { "LocalHost.", 0, 2, "127.0.0.1:3478", false },
        { "a.localhost", 0, 2, "127.0.0.1:3478", false },
        { "dual-localhost", 0, 2, "192.0.2.0:3478", true },
        { "dual.example", 0, 2, "[2001:db8::1]:3478", true },
        { "dual.example", 0, 2, "192.0.2.0:3478", true },
        { "v4.example", 0, 1, "192.0.2.0:3478", true },
        { "many.example", 0, ADIT_RESOLVE_MAX, "192.0.2.3:3478", true },
        { "nobody.example", -ENOENT, 0, NULL, true },
        { "empty.example", -ENOENT, 0, NULL, true },
        { "refused.example", -EHOSTUNREACH, 0, NULL, true },
        { "garbage.example", -EPROTO, 0, NULL, true },
        { "silent.example", -ETIMEDOUT, 0, NULL, true },
    };
    struct server s = { 0 };
    char servers[32];

    (void)state;
    open_server(&s, servers);
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct asker a = { 0 };
        struct adit_resolve_conf conf = { .host = rows[i].host,
                                          .port = 3478,
                                          .servers = servers,
                                          .timeout = rows[i].err == -ETIMEDOUT ? 50 * ADIT_MS
                                                                               : 4 * ADIT_SEC };

        s.asked = 0;
        assert_int_equal(adit_resolve_start(&a.resolve, loop, &conf, on_done, &a), 0);
        assert_int_equal(a.done, 0); /* never from inside start */
        assert_true(wait_for(loop, &a.done));
        if (!ADIT_HAVE_CARES && rows[i].asks) {
            assert_int_equal(a.err, -ENOSYS);
            continue;
        }
        if (a.err != rows[i].err || a.count != rows[i].count ||
            (rows[i].one && !has(&a, rows[i].one)) || rows[i].asks != (s.asked > 0))
            fail_msg("%s: %s, %zu addresses", rows[i].host, adit_resolve_error(a.err), a.count);
    }
    adit_udp_close(&s.udp);
}

/* The time is over, nobody freed the question, and then the answer comes. */
static void an_answer_that_is_late_is_no_second_one(void **state)
{
    struct server s = { 0 };
    struct asker a = { .keep = true };
    char servers[32];

    (void)state;
    if (!ADIT_HAVE_CARES)
        skip();
    open_server(&s, servers);
    struct adit_resolve_conf conf = { .host = "later.example",
                                      .timeout = 20 * ADIT_MS,
                                      .servers = servers };
    assert_int_equal(adit_resolve_start(&a.resolve, loop, &conf, on_done, &a), 0);
    assert_true(wait_for(loop, &a.done));
    assert_int_equal(a.err, -ETIMEDOUT);
    assert_int_equal(s.held_count, 2);
    while (s.held_count) {
        unsigned i = s.held_count - 1;
        s.held_count = ADIT_LEN(s.held); /* full: it is answered now */
        on_question(&s, &s.held[i].from, s.held[i].bytes, s.held[i].n, 0);
        s.held_count = i;
    }
    for (int i = 0; i < 10; i++)
        assert_int_equal(adit_loop_process(loop), 0);
    assert_int_equal(a.done, 1);
    adit_resolve_free(a.resolve);
    adit_udp_close(&s.udp);
}

static void what_is_no_name_is_refused_at_once(void **state)
{
    static const char *const rows[] = { "",          " ",        "a b",  "-x",   ".x",
                                        "a/b",       "[::1]",    "a:b",  "a\nb", "192.0.2.1:1",
                                        "h\xc3\xb6", "x;reboot", "$(id)" };
    char longest[300];

    (void)state;
    for (size_t i = 0; i <= ADIT_LEN(rows); i++) {
        struct asker a = { 0 };
        struct adit_resolve_conf conf = { .host = i < ADIT_LEN(rows) ? rows[i] : longest };

        memset(longest, 'a', sizeof longest - 1);
        longest[254] = '\0';
        if (adit_resolve_start(&a.resolve, loop, &conf, on_done, &a) != -EINVAL)
            fail_msg("accepted '%s'", conf.host);
        assert_null(a.resolve);
    }
}

static void a_question_can_be_withdrawn(void **state)
{
    struct server s = { 0 };
    struct asker a = { 0 };
    char servers[32];

    (void)state;
    open_server(&s, servers);
    struct adit_resolve_conf conf = { .host = "silent.example", .servers = servers };
    assert_int_equal(adit_resolve_start(&a.resolve, loop, &conf, on_done, &a), 0);
    a.resolve = adit_resolve_free(a.resolve);
    assert_int_equal(adit_resolve_start(&a.resolve, loop, &conf, on_done, &a), 0);
    if (ADIT_HAVE_CARES)
        assert_true(wait_for(loop, &s.asked));
    a.resolve = adit_resolve_free(a.resolve);
    conf.host = "192.0.2.1";
    assert_int_equal(adit_resolve_start(&a.resolve, loop, &conf, on_done, &a), 0);
    a.resolve = adit_resolve_free(a.resolve);
    assert_int_equal(adit_loop_process(loop), 0);
    assert_int_equal(a.done, 0);
    adit_udp_close(&s.udp);
}

static void no_memory_is_an_error_like_others(void **state)
{
    struct adit_resolve_conf conf = { .host = "192.0.2.1" };
    struct asker a = { 0 };

    (void)state;
    adit_alloc_fail_at(0);
    assert_int_equal(adit_resolve_start(&a.resolve, loop, &conf, on_done, &a), -ENOMEM);
    adit_alloc_fail_at(UINT64_MAX);
    for (int err = 0; err > -200; err--)
        assert_non_null(adit_resolve_error(err));
}

static int setup(void **state)
{
    (void)state;
    loop = adit_loop_new();
    return loop ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    loop = adit_loop_free(loop);
    return 0;
}

/* The first round may leave descriptors open that belong to the C library; the second may not. */
static void descriptors_are_given_back(void **state)
{
    unsigned fds = open_fds();

    a_question_can_be_withdrawn(state);
    assert_int_equal(open_fds(), fds);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(names_are_answered),
        T(an_answer_that_is_late_is_no_second_one),
        T(what_is_no_name_is_refused_at_once),
        T(no_memory_is_an_error_like_others),
        T(a_question_can_be_withdrawn),
        T(descriptors_are_given_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
