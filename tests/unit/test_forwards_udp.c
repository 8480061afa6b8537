/* Forwards of datagrams, and SOCKS: -U and -D, between two hosts of one process. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "fwd_ends.h"
#include "fwd_world.h"
#include "wait.h"

static struct adit_loop *loop;
static unsigned fds_before;

static struct adit_forwards_stats stats(const struct adit_forwards *f)
{
    struct adit_forwards_stats s;

    adit_forwards_stats(f, &s);
    return s;
}

static void fill(uint8_t *bytes, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 251 + seed);
}

/* Who sends datagrams, and looks at those that come back. */
struct sender {
    struct adit_dgram d;
    struct adit_addr from; /* of the last one */
    uint8_t got[ADIT_DGRAM_MAX];
    size_t n;
    unsigned count, stranger;
};

static void on_packet(void *arg, const struct adit_addr *from, const uint8_t *bytes, size_t n,
                      adit_time now)
{
    struct sender *s = arg;

    (void)now;
    s->from = *from;
    s->n = n;
    s->count++;
    memcpy(s->got, bytes, n);
}

static const struct adit_dgram_ops dgram_ops = { .packet = on_packet };

static void sender_init(struct sender *s)
{
    struct adit_addr at = { .family = ADIT_FAMILY_V4, .ip = { 127, 0, 0, 1 } };

    s->count = 0;
    assert_int_equal(adit_dgram_bind(&s->d, loop, &at, &dgram_ops, s), 0);
}

static void send_to(struct sender *s, const struct adit_addr *to, const void *bytes, size_t n)
{
    assert_int_equal(adit_dgram_send(&s->d, to, bytes, n), 0);
}

static struct adit_addr at_of(struct fw_world *w, size_t n)
{
    const char *at = adit_forwards_at(w->a, n, 0);
    struct adit_addr addr;

    assert_int_equal(adit_addr_parse_port(&addr, at, strlen(at), 0), 0);
    return addr;
}

/* ---- -U -------------------------------------------------------------------------------------- */

static void every_size_comes_whole(void **state)
{
    static const size_t sizes[] = { 0, 1, 2, 511, 1472, 1473, 9000, 16384, 40000, 65506, 65507 };
    static struct sender s;
    static uint8_t bytes[ADIT_DGRAM_MAX];
    struct fw_world w = { 0 };

    (void)state;
    fw_init(&w, loop);
    fw_forward(&w, ADIT_FWD_UDP, "127.0.0.1:0:127.0.0.1:%u", fw_udp(&w));
    fw_permit(&w, "127.0.0.1:%u", fw_udp(&w));
    fw_start(&w);
    sender_init(&s);
    struct adit_addr to = at_of(&w, 0);
    for (size_t i = 0; i < ADIT_LEN(sizes); i++) {
        s.count = 0;
        fill(bytes, sizes[i], (unsigned)i);
        send_to(&s, &to, bytes, sizes[i]);
        assert_true(wait_for(loop, &s.count));
        assert_int_equal(s.n, sizes[i]);
        assert_memory_equal(s.got, bytes, sizes[i]);
        assert_true(adit_addr_equal(&s.from, &to));
    }
    assert_int_equal(w.udp_count, ADIT_LEN(sizes));
    assert_int_equal(stats(w.a).flows, 1);
    assert_int_equal(stats(w.b).flows, 1);
    assert_int_equal(stats(w.a).datagrams_dropped + stats(w.b).datagrams_dropped, 0);
    adit_dgram_close(&s.d);
    fw_done(&w);
}

/* Many in one go: none is joined to another, and they stay in order. */
static void in_order_and_apart(void **state)
{
    enum { MANY = 100 };
    static struct sender s;
    struct fw_world w = { 0 };
    unsigned last = 0;

    (void)state;
    fw_init(&w, loop);
    fw_forward(&w, ADIT_FWD_UDP, "127.0.0.1:0:localhost:%u", fw_udp(&w));
    fw_permit(&w, "127.0.0.1:%u", fw_udp(&w));
    fw_start(&w);
    sender_init(&s);
    struct adit_addr to = at_of(&w, 0);
    /* The first ones come before the name is resolved. */
    for (unsigned i = 1; i <= MANY; i++) {
        char text[32];
        int n = snprintf(text, sizeof text, "%u", i);

        send_to(&s, &to, text, (size_t)n);
    }
    adit_time end = adit_loop_now(loop) + 5 * ADIT_SEC;
    while (last < MANY && adit_loop_now(loop) < end) {
        unsigned before = s.count;

        fw_turn(&w);
        if (s.count == before)
            continue;
        s.got[s.n] = '\0';
        unsigned v = (unsigned)atoi((char *)s.got);
        assert_true(v > last);
        last = v;
    }
    assert_int_equal(s.count, MANY);
    assert_int_equal(stats(w.a).flows, 1);
    adit_dgram_close(&s.d);
    fw_done(&w);
}

/* A name server that says nothing: what waits for it is bounded, over all who wait. */
static void names_that_do_not_come(void **state)
{
    enum { SENDERS = 20 };
    static struct sender silent, s[SENDERS];
    static uint8_t bytes[60000];
    char servers[ADIT_ADDR_STR];
    struct fw_world w = { .conf_b = { .servers = servers, .connect_timeout = 60 * ADIT_SEC } };

    (void)state;
    sender_init(&silent);
    adit_addr_str(&silent.d.local, servers);
    fw_init(&w, loop);
    fw_forward(&w, ADIT_FWD_UDP, "127.0.0.1:0:nobody.example:%u", 9);
    fw_permit(&w, "any", 0);
    fw_start(&w);
    struct adit_addr to = at_of(&w, 0);
    for (unsigned i = 0; i < SENDERS; i++) {
        sender_init(&s[i]);
        for (unsigned n = 1; n <= 2; n++) {
            send_to(&s[i], &to, bytes, sizeof bytes);
            FW_UNTIL(&w, stats(w.a).datagrams_out == 2 * i + n);
        }
    }
    FW_UNTIL(&w, stats(w.b).datagrams_dropped == 2 * SENDERS - 17); /* 1 MiB of them waits */
    assert_int_equal(stats(w.b).flows, SENDERS);
    for (unsigned i = 0; i < SENDERS; i++)
        adit_dgram_close(&s[i].d);
    adit_dgram_close(&silent.d);
    fw_done(&w);
}

static void each_sender_has_its_answers(void **state)
{
    static struct sender s[8];
    struct fw_world w = { 0 };

    (void)state;
    fw_init(&w, loop);
    fw_forward(&w, ADIT_FWD_UDP, "localhost:0:127.0.0.1:%u", fw_udp(&w));
    fw_permit(&w, "udp:127.0.0.1:*", 0);
    fw_start(&w);
    struct adit_addr to = at_of(&w, 0);
    for (unsigned i = 0; i < 8; i++) {
        sender_init(&s[i]);
        send_to(&s[i], &to, &i, sizeof i);
    }
    for (unsigned i = 0; i < 8; i++) {
        assert_true(wait_for(loop, &s[i].count));
        assert_int_equal(s[i].n, sizeof i);
        assert_memory_equal(s[i].got, &i, sizeof i);
    }
    assert_int_equal(stats(w.a).flows, 8);
    for (unsigned i = 0; i < 8; i++)
        adit_dgram_close(&s[i].d);
    fw_done(&w);
}

static void idle_ones_end(void **state)
{
    static struct sender s;
    struct fw_world w;

    (void)state;
    for (int other = 0; other < 2; other++) { /* whichever is the first to forget */
        w = (struct fw_world){ 0 };
        *(other ? &w.conf_a : &w.conf_b) = (struct adit_forwards_conf){ .udp_idle = 30 * ADIT_MS };
        fw_init(&w, loop);
        fw_forward(&w, ADIT_FWD_UDP, "127.0.0.1:0:127.0.0.1:%u", fw_udp(&w));
        fw_permit(&w, "any", 0);
        fw_start(&w);
        sender_init(&s);
        struct adit_addr to = at_of(&w, 0);
        for (int i = 0; i < 2; i++) {
            s.count = 0;
            send_to(&s, &to, "x", 1);
            assert_true(wait_for(loop, &s.count));
            assert_true(fw_quiet(&w, true));
        }
        assert_int_equal(stats(w.a).flows_total, 2);
        adit_dgram_close(&s.d);
        fw_done(&w);
    }
}

/* What is used does not end, however short the time. */
static void used_ones_stay(void **state)
{
    static struct sender s;
    struct fw_world w = { .conf_a = { .udp_idle = 300 * ADIT_MS },
                          .conf_b = { .udp_idle = 300 * ADIT_MS } };

    (void)state;
    fw_init(&w, loop);
    fw_forward(&w, ADIT_FWD_UDP, "127.0.0.1:0:127.0.0.1:%u", fw_udp(&w));
    fw_permit(&w, "any", 0);
    fw_start(&w);
    sender_init(&s);
    struct adit_addr to = at_of(&w, 0);
    adit_time end = adit_loop_now(loop) + 700 * ADIT_MS;
    while (adit_loop_now(loop) < end) {
        s.count = 0;
        send_to(&s, &to, "x", 1);
        assert_true(wait_for(loop, &s.count));
    }
    assert_int_equal(stats(w.a).flows_total, 1);
    adit_dgram_close(&s.d);
    fw_done(&w);
}

static void there_are_so_many_at_most(void **state)
{
    static struct sender s[5];
    struct fw_world w = { .conf_a = { .flows_max = 3 } };

    (void)state;
    fw_init(&w, loop);
    fw_forward(&w, ADIT_FWD_UDP, "127.0.0.1:0:127.0.0.1:%u", fw_udp(&w));
    fw_permit(&w, "any", 0);
    fw_start(&w);
    struct adit_addr to = at_of(&w, 0);
    for (int i = 0; i < 5; i++) {
        sender_init(&s[i]);
        send_to(&s[i], &to, "x", 1);
        assert_true(wait_for(loop, &s[i].count));
        assert_true(stats(w.a).flows <= 3);
    }
    FW_UNTIL(&w, stats(w.b).flows == 3);
    s[0].count = 0; /* the one that was put out comes in again */
    send_to(&s[0], &to, "x", 1);
    assert_true(wait_for(loop, &s[0].count));
    for (int i = 0; i < 5; i++)
        adit_dgram_close(&s[i].d);
    fw_done(&w);
}

static void not_without_a_permit_or_a_tunnel(void **state)
{
    static struct sender s;
    struct fw_world w = { 0 };

    (void)state;
    fw_init(&w, loop);
    fw_forward(&w, ADIT_FWD_UDP, "127.0.0.1:0:127.0.0.1:%u", fw_udp(&w));
    fw_permit(&w, "tcp:127.0.0.1:*", 0);
    fw_start(&w);
    sender_init(&s);
    struct adit_addr to = at_of(&w, 0);
    send_to(&s, &to, "x", 1);
    FW_UNTIL(&w, stats(w.b).forbidden == 1 && stats(w.a).failed == 1);
    assert_int_equal(stats(w.a).flows, 0);
    fw_down(&w);
    send_to(&s, &to, "x", 1);
    FW_UNTIL(&w, stats(w.a).datagrams_dropped == 1);
    fw_up(&w);
    assert_int_equal(w.udp_count, 0);
    adit_dgram_close(&s.d);
    fw_done(&w);
}

/* ---- -D -------------------------------------------------------------------------------------- */

#define HELLO5 "\5\1\0"

static void socks_world(struct fw_world *w)
{
    fw_init(w, loop);
    fw_forward(w, ADIT_FWD_SOCKS, "127.0.0.1:0", 0);
    fw_permit(w, "127.0.0.1:%u", fw_tcp(w));
    fw_permit(w, "127.0.0.1:%u", fw_udp(w));
    fw_permit(w, "127.0.0.1:1", 0);
    fw_permit(w, "nowhere.invalid:80", 0);
    fw_start(w);
}

static void say(struct end *e, const void *bytes, size_t n)
{
    assert_int_equal(adit_stream_send(e->stream, bytes, n), 0);
}

/* A request for 127.0.0.1 or a name, with what follows it. */
static size_t put_request(uint8_t *out, const char *name, uint16_t port, const char *rest)
{
    size_t n = name ? strlen(name) : 4;

    memcpy(out, "\5\1\0\1\177\0\0\1", 8);
    if (name) {
        out[3] = 3;
        out[4] = (uint8_t)n;
        memcpy(out + 5, name, n);
        n++;
    }
    adit_put16(out + 4 + n, port);
    memcpy(out + 6 + n, rest, strlen(rest));
    return 6 + n + strlen(rest);
}

static void socks_connects(void **state)
{
    struct fw_world w = { 0 };

    (void)state;
    socks_world(&w);
    for (int how = 0; how < 4; how++) {
        struct end e = { 0 };
        uint8_t ask[100];
        size_t n = put_request(ask, how & 1 ? "localhost" : NULL, fw_tcp(&w), "hello");

        fw_call(&w, &e, 0);
        if (how & 2) { /* all at once, without waiting for answers */
            say(&e, HELLO5, 3);
            say(&e, ask, n);
        } else {
            e.want = 2;
            say(&e, HELLO5, 3);
            assert_true(wait_for(loop, &e.all));
            say(&e, ask, n);
        }
        e.want = 2 + 10 + 5;
        e.all = 0;
        assert_true(wait_for(loop, &e.all));
        assert_memory_equal(e.got.data, "\5\0\5\0\0\1\0\0\0\0\0\0hello", 17);
        e.got.len = 0;
        side_pump(loop, &e, &e, 300000, NULL, NULL, 0);
        adit_stream_shutdown(e.stream);
        assert_true(wait_for(loop, &e.eof));
        assert_true(fw_quiet(&w, true));
        end_done(&e);
    }
    assert_int_equal(stats(w.a).failed + stats(w.b).failed, 0);
    fw_done(&w);
}

static void socks4_connects(void **state)
{
    struct fw_world w = { 0 };
    struct end e = { .want = 13 };
    uint8_t ask[] = "\4\1pp\0\0\0\1me\0localhost\0hello";

    (void)state;
    socks_world(&w);
    adit_put16(ask + 2, fw_tcp(&w));
    fw_call(&w, &e, 0);
    say(&e, ask, sizeof ask - 1);
    assert_true(wait_for(loop, &e.all));
    assert_memory_equal(e.got.data, "\0\132\0\0\0\0\0\0hello", 13);
    end_done(&e);
    fw_done(&w);
}

static void socks_says_why_not(void **state)
{
    static const struct {
        const char *name; /* NULL = 127.0.0.1 */
        uint16_t port;
        uint8_t reply;
    } rows[] = {
        { NULL, 1, 5 }, /* refused */
        { NULL, 2, 2 }, /* not permitted */
        { "10.0.0.1", 80, 2 }, { "nowhere.invalid", 80, 4 }, { "a b", 80, 4 },
    };
    struct fw_world w = { .conf_b = { .servers = "127.0.0.1:1", .connect_timeout = ADIT_SEC } };

    (void)state;
    socks_world(&w);
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct end e = { .close_at_eof = true };
        uint8_t ask[100];
        size_t n = put_request(ask, rows[i].name, rows[i].port, "");

        fw_call(&w, &e, 0);
        say(&e, HELLO5, 3);
        say(&e, ask, n);
        assert_true(wait_for(loop, &e.eof));
        assert_int_equal(e.got.len, 12);
        if (rows[i].name && strcmp(rows[i].name, "nowhere.invalid") == 0)
            assert_true(e.got.data[3] >= 3 && e.got.data[3] <= 6); /* what no server says */
        else
            assert_int_equal(e.got.data[3], rows[i].reply);
        assert_true(fw_quiet(&w, true));
        end_done(&e);
    }
    fw_done(&w);
}

static void socks_wants_a_password(void **state)
{
    struct fw_world w = { .conf_a = { .socks_user = "me", .socks_password = "pw" } };
    struct end e[2] = { { .want = 2 + 2 + 10 }, { .close_at_eof = true } };
    uint8_t ask[100];

    (void)state;
    socks_world(&w);
    fw_call(&w, &e[0], 0);
    say(&e[0], "\5\2\0\2\1\2me\2pw", 11);
    say(&e[0], ask, put_request(ask, NULL, fw_tcp(&w), ""));
    assert_true(wait_for(loop, &e[0].all));
    assert_memory_equal(e[0].got.data, "\5\2\1\0\5\0", 6);
    fw_call(&w, &e[1], 0);
    say(&e[1], "\5\2\0\2\1\2me\2pW", 11);
    assert_true(wait_for(loop, &e[1].eof));
    assert_string_equal(adit_buf_str(&e[1].got), "\5\2\1\1");
    end_done(&e[0]);
    end_done(&e[1]);
    fw_done(&w);
}

/* Clients that leave at each step of the way, and those that speak something else. */
static void socks_clients_that_leave(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
    } rows[] = {
        { "", 0 },
        { "\5", 1 },
        { HELLO5, 3 },
        { HELLO5 "\5\1\0\3\7nowhere", 12 },
        { "GET / HTTP/1.0\r\n\r\n", 18 },
        { HELLO5 "\5\2\0\1\177\0\0\1\0\1", 13 },
        { HELLO5 "\5\3\0\1\0\0\0\0\0\0", 13 },
    };
    struct fw_world w = { 0 };

    (void)state;
    socks_world(&w);
    for (int abort = 0; abort < 2; abort++) {
        for (size_t i = 0; i < ADIT_LEN(rows); i++) {
            struct end e = { 0 };

            fw_call(&w, &e, 0);
            assert_true(wait_for(loop, &e.connected));
            if (rows[i].n)
                say(&e, rows[i].bytes, rows[i].n);
            for (int j = 0; j < 5; j++)
                assert_int_equal(adit_loop_process(loop), 0);
            e.stream = abort ? adit_stream_abort(e.stream) : adit_stream_free(e.stream);
            assert_true(fw_quiet(&w, true));
            end_done(&e);
        }
    }
    fw_done(&w);
}

static void associate(struct fw_world *w, struct end *e, struct adit_addr *ret_at)
{
    e->want = 2 + 10;
    e->all = 0;
    fw_call(w, e, 0);
    say(e, HELLO5 "\5\3\0\1\0\0\0\0\0\0", 13);
    assert_true(wait_for(loop, &e->all));
    assert_memory_equal(e->got.data, "\5\0\5\0\0\1\177\0\0\1", 10);
    *ret_at = (struct adit_addr){ .family = ADIT_FAMILY_V4,
                                  .ip = { 127, 0, 0, 1 },
                                  .port = adit_get16(e->got.data + 10) };
    assert_true(ret_at->port);
}

static void socks_datagrams(void **state)
{
    static struct sender s, stranger;
    static uint8_t packet[ADIT_DGRAM_MAX];
    struct fw_world w = { 0 };
    struct end e = { 0 };
    struct adit_addr at;

    (void)state;
    socks_world(&w);
    associate(&w, &e, &at);
    sender_init(&s);
    sender_init(&stranger);

    memcpy(packet, "\0\0\0\1\177\0\0\1", 8); /* to 127.0.0.1 */
    adit_put16(packet + 8, fw_udp(&w));
    for (size_t size = 0; size <= 60000; size = size ? size * 60 + 1 : 1) {
        fill(packet + 10, size, (unsigned)size);
        s.count = 0;
        send_to(&s, &at, packet, 10 + size);
        assert_true(wait_for(loop, &s.count));
        assert_int_equal(s.n, 10 + size);
        assert_memory_equal(s.got, packet, 10 + size);
    }
    /* To a name: the answer says the address that it was. */
    memcpy(packet, "\0\0\0\3\11localhost", 14);
    adit_put16(packet + 14, fw_udp(&w));
    memcpy(packet + 16, "query", 5);
    s.count = 0;
    send_to(&s, &at, packet, 21);
    assert_true(wait_for(loop, &s.count));
    assert_int_equal(s.n, 15);
    assert_memory_equal(s.got, "\0\0\0\1\177\0\0\1", 8);
    assert_memory_equal(s.got + 10, "query", 5);
    assert_int_equal(stats(w.a).flows, 2);

    /* Fragments, nonsense, strangers, and what is not permitted: nothing comes of them. */
    uint64_t dropped = stats(w.a).datagrams_dropped;
    packet[2] = 1;
    send_to(&s, &at, packet, 21);
    send_to(&s, &at, "nonsense", 8);
    packet[2] = 0;
    send_to(&stranger, &at, packet, 21);
    FW_UNTIL(&w, stats(w.a).datagrams_dropped == dropped + 3);
    memcpy(packet, "\0\0\0\1\12\0\0\1\0\65", 10);
    send_to(&s, &at, packet, 15);
    FW_UNTIL(&w, stats(w.b).forbidden == 1 && stats(w.a).flows == 2);
    assert_int_equal(stranger.count, 0);

    adit_stream_shutdown(e.stream); /* and with the connection it ends */
    assert_true(wait_for(loop, &e.closed));
    assert_true(fw_quiet(&w, true));
    adit_dgram_close(&s.d);
    adit_dgram_close(&stranger.d);
    end_done(&e);
    fw_done(&w);
}

/* The tunnel ends behind each of the messages in turn. */
static void cut_at_every_boundary(void **state)
{
    static struct sender s, d;

    (void)state;
    for (unsigned n = 1;; n++) {
        struct fw_world w = { .pair = { .cut_at = n } };
        struct end e = { .want = 2 + 10 + 5 }, u = { 0 };
        struct adit_addr at, to;
        uint8_t ask[100], packet[32] = "\0\0\0\1\177\0\0\1..query";
        bool over;

        fw_init(&w, loop);
        fw_forward(&w, ADIT_FWD_SOCKS, "127.0.0.1:0", 0);
        fw_forward(&w, ADIT_FWD_UDP, "127.0.0.1:0:127.0.0.1:%u", fw_udp(&w));
        fw_permit(&w, "any", 0);
        fw_start(&w);
        sender_init(&s);
        sender_init(&d);
        associate(&w, &u, &at);
        adit_put16(packet + 8, fw_udp(&w));
        send_to(&s, &at, packet, 15);
        to = at_of(&w, 1);
        send_to(&d, &to, "query", 5);
        fw_call(&w, &e, 0);
        say(&e, HELLO5, 3);
        say(&e, ask, put_request(ask, NULL, fw_tcp(&w), "hello"));
        FW_UNTIL(&w, w.pair.is_cut || (e.all && s.count && d.count));
        adit_stream_shutdown(e.stream);
        FW_UNTIL(&w, w.pair.is_cut || e.closed);
        over = !w.pair.is_cut;
        w.pair.cut_at = 0;
        fw_down(&w);
        if (u.stream)
            adit_stream_shutdown(u.stream);
        if (e.stream && !e.closed)
            adit_stream_close(e.stream);
        assert_true(fw_quiet(&w, true));
        fw_up(&w);
        adit_dgram_close(&s.d);
        adit_dgram_close(&d.d);
        end_done(&e);
        end_done(&u);
        fw_done(&w);
        if (over)
            break;
    }
}

static int set_up(void **state)
{
    (void)state;
    fds_before = open_fds();
    loop = adit_loop_new();
    return loop ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    loop = adit_loop_free(loop);
    assert_int_equal(open_fds(), fds_before);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_size_comes_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(in_order_and_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_that_do_not_come, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_sender_has_its_answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(idle_ones_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(used_ones_stay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(there_are_so_many_at_most, set_up, tear_down),
        cmocka_unit_test_setup_teardown(not_without_a_permit_or_a_tunnel, set_up, tear_down),
        cmocka_unit_test_setup_teardown(socks_connects, set_up, tear_down),
        cmocka_unit_test_setup_teardown(socks4_connects, set_up, tear_down),
        cmocka_unit_test_setup_teardown(socks_says_why_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(socks_wants_a_password, set_up, tear_down),
        cmocka_unit_test_setup_teardown(socks_clients_that_leave, set_up, tear_down),
        cmocka_unit_test_setup_teardown(socks_datagrams, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cut_at_every_boundary, set_up, tear_down),
    };

    signal(SIGPIPE, SIG_IGN); /* as the program does */
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
