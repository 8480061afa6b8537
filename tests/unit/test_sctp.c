/* How an association begins and what the peer sees of us; see sctp_link.h. */
#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "sctp_link.h"

#define R ADIT_CHANNEL_RELIABLE

enum { INIT = 1, INIT_ACK = 2, ABORT = 6 }; /* RFC 9260 section 3.2 */

static bool both_up(struct sctp_link *l)
{
    return l->end[0].up && l->end[1].up;
}

static bool message_came(struct sctp_link *l)
{
    return l->end[1].messages > 0;
}

/* ---- beginning ---- */

static void both_begin(void **state)
{
    struct sctp_link l;

    (void)state;
    sctp_link_connect(&l, 1, NULL);
    assert_true(l.now - l.began <= 40 * ADIT_MS); /* two round trips */
    struct adit_channel *c = sctp_link_open(&l, 0, "data", false, R);
    assert_int_equal(adit_channel_id(c), 0);
    assert_int_equal(adit_channel_send(c, "hello", 5, true, l.now), 0);
    assert_int_equal(adit_channel_buffered(c), 5);
    assert_true(sctp_link_run(&l, ADIT_SEC, message_came));
    assert_int_equal(l.end[1].accepted, 1);
    sctp_link_run(&l, ADIT_SEC, NULL);
    assert_int_equal(l.end[0].opened, 1);
    assert_int_equal(adit_channel_buffered(c), 0);
    adit_channel_close(c, l.now);
    sctp_link_run(&l, ADIT_SEC, NULL);
    assert_int_equal(l.end[0].closed, 1);
    assert_int_equal(l.end[1].closed, 1);
    assert_int_equal(l.end[1].channel_cause.reason, ADIT_REASON_REMOTE);
    sctp_link_done(&l);
}

static bool no_init(struct sctp_end *e, uint8_t *bytes, size_t n)
{
    (void)e, (void)n;
    return bytes[12] != INIT;
}

/* aiortc: the controlled side never sends an INIT, the controlling side does not hear ours. */
static void one_begins(void **state)
{
    (void)state;
    for (int silent = 0; silent < 2; silent++) {
        struct sctp_link l;

        sctp_link_init(&l, 1, NULL);
        l.end[silent].pass = no_init;
        sctp_link_start(&l, 0);
        sctp_link_start(&l, 1);
        assert_true(sctp_link_run(&l, ADIT_SEC, both_up));
        sctp_link_open(&l, silent, "x", false, R);
        sctp_link_run(&l, ADIT_SEC, NULL);
        assert_int_equal(l.end[!silent].accepted, 1);
        sctp_link_done(&l);
    }
}

static void one_begins_later(void **state)
{
    static const adit_time gaps[] = { ADIT_MS,      9 * ADIT_MS,   11 * ADIT_MS,
                                      25 * ADIT_MS, 400 * ADIT_MS, 7 * ADIT_SEC };

    (void)state;
    for (size_t i = 0; i < 2 * ADIT_LEN(gaps); i++) {
        struct sctp_link l;

        sctp_link_init(&l, i, NULL);
        sctp_link_start(&l, (int)(i & 1));
        sctp_link_run(&l, gaps[i / 2], NULL);
        sctp_link_start(&l, !(i & 1));
        /* Its own INIT does not wait for the other's next one. */
        assert_true(sctp_link_run(&l, 50 * ADIT_MS, both_up));
        sctp_link_run(&l, 5 * ADIT_SEC, NULL);
        assert_int_equal(l.end[0].up + l.end[1].up, 2);
        assert_int_equal(l.end[0].down + l.end[1].down, 0);
        sctp_link_done(&l);
    }
}

static void comes_up_on_a_bad_link(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct sctp_link l;

        sctp_link_init(&l, seed, NULL);
        l.loss = 300;
        l.dup = 100;
        l.jitter = 50 * ADIT_MS;
        sctp_link_start(&l, 0);
        sctp_link_start(&l, 1);
        if (!sctp_link_run(&l, 60 * ADIT_SEC, both_up))
            fail_msg("seed %u", (unsigned)seed);
        sctp_link_run(&l, 5 * ADIT_SEC, NULL);
        assert_int_equal(l.end[0].down + l.end[1].down, 0);
        sctp_link_done(&l);
    }
}

static void nobody_there_is_a_timeout(void **state)
{
    struct sctp_link l;

    (void)state;
    sctp_link_init(&l, 1, NULL);
    sctp_link_start(&l, 0);
    sctp_link_open(&l, 0, "x", false, R);
    sctp_link_run(&l, 60 * ADIT_SEC, NULL);
    assert_int_equal(l.end[0].down, 1);
    assert_int_equal(l.end[0].closed, 1);
    assert_int_equal(l.end[0].cause.reason, ADIT_REASON_TIMEOUT);
    assert_in_range(l.end[0].packets, 20, 40); /* about one a second, for half a minute */
    sctp_link_done(&l);
}

/* Consent says whether the peer lives; an idle association says nothing and does not wake. */
static void idle_is_silent(void **state)
{
    struct sctp_link l;

    (void)state;
    sctp_link_connect(&l, 2, NULL);
    sctp_link_run(&l, 5 * ADIT_SEC, NULL);
    uint64_t packets = l.end[0].packets + l.end[1].packets;
    assert_true(adit_sctp_deadline(l.end[0].s) > l.now + 600 * ADIT_SEC);
    sctp_link_run(&l, 7200 * ADIT_SEC, NULL);
    assert_int_equal(l.end[0].packets + l.end[1].packets, packets);
    sctp_link_done(&l);
}

/* Several associations of one process, each on its own time. */
static void many_at_once(void **state)
{
    struct sctp_link l[8];

    (void)state;
    for (unsigned i = 0; i < ADIT_LEN(l); i++) {
        sctp_link_init(&l[i], i, NULL);
        sctp_link_start(&l[i], 0);
        sctp_link_start(&l[i], 1);
    }
    for (unsigned i = 0; i < ADIT_LEN(l); i++)
        assert_true(sctp_link_run(&l[i], ADIT_SEC, both_up));
    sctp_link_done(&l[3]);
    sctp_link_connect(&l[3], 3, NULL); /* its slot is used again */
    for (unsigned i = 0; i < ADIT_LEN(l); i++) {
        struct adit_channel *c = sctp_link_open(&l[i], 0, "x", false, R);

        assert_int_equal(adit_channel_send(c, "x", 1, false, l[i].now), 0);
    }
    for (unsigned i = 0; i < ADIT_LEN(l); i++) {
        sctp_link_run(&l[i], ADIT_SEC, NULL);
        assert_int_equal(l[i].end[1].messages, 1);
        sctp_link_done(&l[i]);
    }
}

/* ---- what the peer sees of us ---- */

static bool no_pointers(struct sctp_end *e, uint8_t *bytes, size_t n)
{
    e->user = e; /* it ran */
    for (size_t i = 12; i + 8 <= n; i++) {
        uint64_t v;

        memcpy(&v, bytes + i, sizeof v);
        /* Heap, stack, libraries and program: 47 bits, high ones of 0x55.., 0x56.. or 0x7f.. (and
         * 0x60.. under the address sanitizer). Chance makes one in some ten thousand places look
         * like that, so the neighbourhood of a real one decides. */
        uint64_t near_heap = (uintptr_t)e->s >> 24, near_stack = (uintptr_t)&v >> 24;
        uint64_t near_code = (uintptr_t)no_pointers >> 24;
        if (v >> 24 == near_heap || v >> 24 == near_stack || v >> 24 == near_code)
            fail_msg("a pointer at byte %zu of a packet with chunk %u", i, bytes[12]);
    }
    return true;
}

static void no_pointer_leaves(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct sctp_link l;

        sctp_link_init(&l, seed, NULL);
        l.end[0].pass = l.end[1].pass = no_pointers;
        sctp_link_start(&l, 0);
        if (seed & 1)
            sctp_link_run(&l, 600 * ADIT_MS, NULL);
        sctp_link_start(&l, 1);
        assert_true(sctp_link_run(&l, ADIT_SEC, both_up));
        adit_channel_close(sctp_link_open(&l, 0, "x", false, R), l.now);
        sctp_link_run(&l, ADIT_SEC, NULL);
        adit_sctp_abort(l.end[0].s, l.now);
        sctp_link_run(&l, ADIT_SEC, NULL);
        assert_non_null(l.end[0].user);
        assert_non_null(l.end[1].user);
        sctp_link_done(&l);
    }
}

/* ---- out of memory: every allocation fails, ours and usrsctp's ---- */

static void without_memory(void **state)
{
    bool finished = false;

    (void)state;
    for (uint64_t n = 0; !finished; n++) {
        struct sctp_link l;

        assert_true(n < 1000);
        adit_alloc_fail_at(UINT64_MAX);
        sctp_link_init(&l, 1, NULL);
        adit_alloc_fail_at(n);
        sctp_link_start(&l, 0);
        sctp_link_start(&l, 1);
        for (int i = 0; i < 2; i++) {
            struct adit_channel_conf conf = { .label = "abc",
                                              .label_len = 3,
                                              .max_retransmits = R,
                                              .max_lifetime_ms = R,
                                              .id = ADIT_CHANNEL_ID_AUTO };
            int err = 0;
            struct adit_channel *c = adit_channel_open(l.end[i].s, &conf, &err, l.now);

            assert_true(c ? err == 0 : err == (l.end[i].down ? -EPIPE : -ENOMEM));
            if (c && adit_channel_send(c, "x", 1, false, l.now) == 0)
                adit_channel_close(c, l.now);
        }
        sctp_link_run(&l, 5 * ADIT_SEC, NULL);
        finished = adit_alloc_count() <= n;
        adit_alloc_fail_at(UINT64_MAX);
        if (finished)
            assert_int_equal(l.end[0].messages + l.end[1].messages, 2);
        sctp_link_done(&l);
    }
}

/* ---- the process ---- */

static uint64_t blocked_in(const char *tid)
{
    char path[64], line[128];
    unsigned long long mask = 0;

    snprintf(path, sizeof path, "/proc/self/task/%.16s/status", tid);
    FILE *f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f))
        sscanf(line, "SigBlk: %llx", &mask);
    if (f)
        fclose(f);
    return mask;
}

/* A program that waits for SIGTERM in its own way blocks it; a thread of usrsctp that does not
 * would be killed by it, and the program with it. The first association of the process would start
 * it. */
static void no_thread_takes_signals(void **state)
{
    struct sctp_link l;
    struct dirent *e;

    (void)state;
    sctp_link_connect(&l, 1, NULL);
    DIR *tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    while ((e = readdir(tasks)))
        if (e->d_name[0] != '.' && atoi(e->d_name) != getpid())
            assert_true(blocked_in(e->d_name) >> (SIGTERM - 1) & 1);
    closedir(tasks);
    sctp_link_done(&l);
}

static unsigned threads(void)
{
    DIR *dir = opendir("/proc/self/task");
    unsigned n = 0;

    assert_non_null(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static void no_threads(void **state)
{
    unsigned before = threads();
    struct sctp_link l;

    (void)state;
    sctp_link_connect(&l, 3, NULL);
    assert_int_equal(threads(), before);
    sctp_link_done(&l);
    assert_int_equal(threads(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_thread_takes_signals),
        cmocka_unit_test(no_threads),
        cmocka_unit_test(both_begin),
        cmocka_unit_test(one_begins),
        cmocka_unit_test(one_begins_later),
        cmocka_unit_test(comes_up_on_a_bad_link),
        cmocka_unit_test(nobody_there_is_a_timeout),
        cmocka_unit_test(idle_is_silent),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(no_pointer_leaves),
        cmocka_unit_test(without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
