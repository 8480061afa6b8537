/* Reading the other side's text: from a pipe, a file, a terminal. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/paste.h"
#include "peer/desc_json.h"
#include "peer/sdp.h"
#include "unit/dtls_world.h"
#include "unit/wait.h"

struct reader {
    struct adit_loop *loop;
    struct adit_paste paste;
    unsigned found, failed, ended;
    enum adit_pairtext_form form;
    struct adit_cause cause;
};

static void on_found(void *arg, const struct adit_pairtext *text, adit_time now)
{
    struct reader *r = arg;

    (void)now;
    r->found++;
    r->form = text->form;
    adit_paste_stop(&r->paste);
}

static void on_failed(void *arg, const struct adit_cause *cause, bool ended, adit_time now)
{
    struct reader *r = arg;

    (void)now;
    r->failed++;
    r->ended += ended;
    r->cause = *cause;
}

static const struct adit_paste_ops ops = { on_found, on_failed };

static void begin(struct reader *r, int fd)
{
    memset(r, 0, sizeof *r);
    r->loop = adit_loop_new();
    assert_int_equal(adit_paste_start(&r->paste, r->loop, fd,
                                      &(struct adit_pairtext_conf){ .wall = 1700000000 }, &ops, r),
                     0);
}

static void end(struct reader *r)
{
    adit_paste_stop(&r->paste);
    adit_paste_stop(&r->paste); /* may be repeated */
    adit_loop_free(r->loop);
}

static void rounds(struct reader *r)
{
    for (int i = 0; i < 50; i++)
        assert_int_equal(adit_loop_process(r->loop), 0);
}

/* An offer with as many candidates as make the JSON line long. */
static const char *offer(bool json, unsigned cands)
{
    static struct adit_buf text;
    static struct adit_desc desc;

    adit_desc_init(&desc, ADIT_DESC_OFFER);
    strcpy(desc.ufrag, "abcd");
    strcpy(desc.pwd, "abcdefghijklmnopqrstuvwx");
    desc.fingerprints[0] = *world_fingerprint(0);
    desc.fingerprint_count = 1;
    desc.cand_count = cands;
    for (unsigned i = 0; i < cands; i++) {
        char line[128];

        snprintf(line, sizeof line, "candidate:1 1 udp 2130706431 192.0.2.%u 4000 typ host", i + 1);
        assert_int_equal(adit_cand_parse(&desc.cands[i], line, strlen(line)), 0);
    }
    adit_buf_done(&text);
    adit_buf_init(&text, ADIT_SDP_SIZE_MAX);
    if (json)
        adit_desc_json_print(&text, &desc, NULL);
    else
        adit_sdp_print(&text, &desc, NULL);
    assert_int_equal(text.err, 0);
    return adit_buf_str(&text);
}

static void put(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* ---- pipes and files ------------------------------------------------------------------------- */

/* What follows the line is payload, and still there afterwards. */
static void not_a_byte_beyond_the_line(void **state)
{
    static const char payload[] = "payload\nmore\n";

    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        int fd[2] = { -1, -1 };
        char rest[64] = "";
        struct reader r;

        if (kind == 2) {
            fd[0] = fd[1] = memfd_create("in", MFD_CLOEXEC);
        } else {
            assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
        }
        put(fd[1], "noise before\n\n");
        put(fd[1], offer(true, 30));
        put(fd[1], kind == 1 ? "\r\n" : "\n");
        put(fd[1], payload);
        if (kind == 2)
            lseek(fd[0], 0, SEEK_SET);
        begin(&r, fd[0]);
        rounds(&r);
        assert_int_equal(r.found, 1);
        assert_int_equal(r.failed, 0);
        assert_int_equal(r.form, ADIT_PAIRTEXT_JSON);
        assert_int_equal(read(fd[0], rest, sizeof rest - 1), sizeof payload - 1);
        assert_string_equal(rest, payload);
        end(&r);
        close(fd[0]);
        if (kind != 2)
            close(fd[1]);
    }
}

/* Byte by byte, SDP that ends with the input, a last line without its end, nothing at all. */
static void ends_of_input(void **state)
{
    static const struct {
        bool json, cut;
        unsigned found;
    } rows[] = { { true, false, 1 }, { false, false, 1 }, { true, true, 0 }, { false, true, 0 } };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        const char *text = offer(rows[i].json, 1);
        size_t n = strlen(text) / (rows[i].cut ? 3 : 1);
        struct reader r;
        int fd[2];

        assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
        begin(&r, fd[0]);
        for (size_t k = 0; k < n; k++) {
            assert_int_equal(write(fd[1], text + k, 1), 1);
            assert_int_equal(adit_loop_process(r.loop), 0);
        }
        close(fd[1]);
        rounds(&r);
        assert_int_equal(r.found, rows[i].found);
        assert_int_equal(r.failed, !rows[i].found);
        assert_int_equal(r.ended, !rows[i].found);
        end(&r);
        close(fd[0]);
    }
    for (int empty = 0; empty < 2; empty++) {
        struct reader r;
        int fd[2];

        assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
        if (!empty)
            put(fd[1], "good morning\n");
        close(fd[1]);
        begin(&r, fd[0]);
        rounds(&r);
        assert_int_equal(r.failed, 1);
        assert_int_equal(r.ended, 1);
        assert_true(r.cause.text[0]);
        end(&r);
        close(fd[0]);
    }
}

/* ---- a terminal ------------------------------------------------------------------------------ */

struct tty {
    int master, slave;
    struct termios before;
};

static void tty_open(struct tty *t)
{
    assert_int_equal(openpty(&t->master, &t->slave, NULL, NULL, NULL), 0);
    assert_int_equal(tcgetattr(t->slave, &t->before), 0);
    fcntl(t->master, F_SETFL, O_NONBLOCK);
}

static void tty_close(struct tty *t)
{
    struct termios after;

    assert_int_equal(tcgetattr(t->slave, &after), 0);
    assert_int_equal(after.c_lflag, t->before.c_lflag);
    assert_memory_equal(after.c_cc, t->before.c_cc, sizeof after.c_cc);
    close(t->master);
    close(t->slave);
}

/* As a person's terminal does, in pieces; a piece has arrived when its echo comes back. */
static void type(struct tty *t, struct reader *r, const char *text)
{
    char echo[4096];

    for (size_t n = strlen(text); n;) {
        ssize_t got = write(t->master, text, n < 512 ? n : 512), back = 0, more;
        struct pollfd p = { .fd = t->master, .events = POLLIN };

        assert_true(got > 0);
        while (back < got && poll(&p, 1, 5000) == 1) {
            more = read(t->master, echo, sizeof echo);
            back += more > 0 ? more : 0;
            rounds(r);
        }
        assert_true(back >= got);
        text += got;
        n -= (size_t)got;
    }
    rounds(r);
}

/* In canonical mode the kernel would cut it at 4096 bytes. */
static void a_long_line(void **state)
{
    const char *text = offer(true, 64);
    struct reader r;
    struct termios now;
    struct tty t;

    (void)state;
    assert_true(strlen(text) > 4096);
    tty_open(&t);
    begin(&r, t.slave);
    assert_true(r.paste.terminal);
    assert_int_equal(tcgetattr(t.slave, &now), 0);
    assert_false(now.c_lflag & ICANON);
    assert_true(now.c_lflag & ISIG); /* ^C stays a signal */
    type(&t, &r, text);
    assert_int_equal(r.found + r.failed, 0); /* its end may come yet */
    type(&t, &r, "\n");
    assert_int_equal(r.found, 1);
    tty_close(&t); /* adit_paste_stop in the handler restored it */
    end(&r);
}

static void errors_then_a_good_one(void **state)
{
    struct reader r;
    struct tty t;

    (void)state;
    tty_open(&t);
    begin(&r, t.slave);
    type(&t, &r, "{\"type\":\"offer\",\"sdp\":\"v=0\"}\n");
    assert_int_equal(r.failed, 1);
    assert_int_equal(r.ended, 0);
    type(&t, &r, offer(true, 2));
    type(&t, &r, "\n");
    assert_int_equal(r.found, 1);
    tty_close(&t);
    end(&r);
}

/* ^D takes what is there, as in canonical mode; with nothing there it is the end. */
static void control_d(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct reader r;
        struct tty t;

        tty_open(&t);
        begin(&r, t.slave);
        if (i == 1)
            type(&t, &r, offer(true, 2));
        if (i == 2)
            type(&t, &r, offer(false, 2));
        type(&t, &r, "\x04");
        assert_int_equal(r.found, i > 0);
        assert_int_equal(r.ended, i == 0);
        end(&r);
        tty_close(&t);
    }
}

/* Whole, without its line end, and then nothing more: it counts after a moment. */
static void a_quiet_terminal(void **state)
{
    struct reader r;
    struct tty t;

    (void)state;
    tty_open(&t);
    begin(&r, t.slave);
    type(&t, &r, offer(true, 2));
    assert_int_equal(r.found, 0);
    assert_true(wait_for(r.loop, &r.found));
    end(&r);
    tty_close(&t);
}

static void a_terminal_that_goes_away(void **state)
{
    struct reader r;
    struct tty t;

    (void)state;
    tty_open(&t);
    begin(&r, t.slave);
    type(&t, &r, "{\"type\":");
    close(t.master);
    rounds(&r);
    assert_int_equal(r.failed, 1);
    assert_int_equal(r.ended, 1);
    end(&r);
    close(t.slave);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(not_a_byte_beyond_the_line),
        cmocka_unit_test(ends_of_input),
        cmocka_unit_test(a_long_line),
        cmocka_unit_test(errors_then_a_good_one),
        cmocka_unit_test(control_d),
        cmocka_unit_test(a_quiet_terminal),
        cmocka_unit_test(a_terminal_that_goes_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
