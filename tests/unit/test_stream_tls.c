/* Streams with TLS: whom we believe, in which words we do not, and that bytes and ends stay as
 * they are without it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/str.h"
#include "stream_ends.h"
#include "tls_certs.h"
#include "wait.h"

static struct adit_loop *loop;
static struct certs certs;
static unsigned fds_before;

static void turn(int times)
{
    while (times--)
        assert_int_equal(adit_loop_process(loop), 0);
}

/* ---- helpers --------------------------------------------------------------------------------- */

static struct adit_tls_server *serve(const char *cert)
{
    char path[128];
    struct adit_tls_server_conf conf = { .alpn = "http/1.1" };
    struct adit_cause cause;

    if (cert) {
        snprintf(path, sizeof path, "%s", certs_path(&certs, cert));
        conf.cert = path;
    }
    struct adit_tls_server *s = adit_tls_server_new(&conf, &cause);
    if (!s)
        fail_msg("%s: %s", cert ? cert : "", cause.text);
    return s;
}

static struct adit_tls_client *believe(const char *ca, const char *pin, bool insecure)
{
    struct adit_tls_client_conf conf = { .ca = ca ? certs_path(&certs, ca) : NULL,
                                         .pins = &pin,
                                         .pin_count = pin ? 1 : 0,
                                         .insecure = insecure,
                                         .alpn = "http/1.1" };
    struct adit_cause cause;
    struct adit_tls_client *c = adit_tls_client_new(&conf, &cause);

    if (!c)
        fail_msg("%s", cause.text);
    return c;
}

/* Two ends over a socketpair, without waiting for the handshake. */
static void join(struct end *a, struct end *b, struct adit_tls_client *client,
                 struct adit_tls_server *server, const char *name)
{
    struct door door = { .conf = { .tls = server } };

    adit_buf_init(&a->got, SIZE_MAX);
    door_open(&door, loop, b, NULL);
    struct adit_stream_conf conf = {
        .host = "127.0.0.1", .port = door_port(&door), .tls = client, .tls_name = name
    };
    assert_int_equal(adit_stream_connect(&a->stream, loop, &conf, &end_ops, a), 0);
    assert_true(wait_for(loop, &door.calls));
    door_close(&door);
}

static void join_well(struct end *a, struct end *b, struct adit_tls_client **client,
                      struct adit_tls_server **server)
{
    *client = believe("ca.pem", NULL, false);
    *server = serve("both.pem");
    join(a, b, *client, *server, "good.test");
    assert_true(wait_for(loop, &a->connected));
    assert_true(wait_for(loop, &b->connected));
}

static void part(struct end *a, struct end *b, struct adit_tls_client *client,
                 struct adit_tls_server *server)
{
    end_done(a);
    end_done(b);
    turn(2);
    adit_tls_client_free(client);
    adit_tls_server_free(server);
}

/* ---- whom we believe ------------------------------------------------------------------------- */

enum pin { NO_PIN, RIGHT_PIN, WRONG_PIN };

static void certificates_are_judged(void **state)
{
    static const struct {
        const char *cert, *ca, *name;
        enum pin pin;
        bool insecure;
        const char *refused; /* a piece of the text; NULL = believed */
    } rows[] = {
        { "both.pem", "ca.pem", "good.test", NO_PIN, false, NULL },
        { "both.pem", "ca.pem", "GOOD.test.", NO_PIN, false, NULL },
        { "both.pem", "ca.pem", "a.wild.test", NO_PIN, false, NULL },
        { "both.pem", "ca.pem", "127.0.0.1", NO_PIN, false, NULL },
        { "both.pem", "ca.pem", "[::1]", NO_PIN, false, NULL },
        { "both.pem", "ca.pem", "::1%3", NO_PIN, false, NULL },
        { "both.pem", "ca.pem", NULL, NO_PIN, false, NULL }, /* the host's: 127.0.0.1 */
        { "deep.pem", "ca.pem", "good.test", NO_PIN, false, NULL },
        { "self.pem", "self.pem", "good.test", NO_PIN, false, NULL },
        { "self.pem", NULL, "good.test", RIGHT_PIN, false, NULL },
        { "self.pem", "ca.pem", "elsewhere.test", RIGHT_PIN, false, NULL },
        { "old.pem", "ca.pem", "good.test", RIGHT_PIN, false, NULL },
        { "self.pem", NULL, "elsewhere.test", NO_PIN, true, NULL },
        { "old.pem", NULL, "good.test", NO_PIN, true, NULL },

        { "both.pem", "ca.pem", "bad.test", NO_PIN, false, "is for good.test, not for bad.test" },
        { "both.pem", "ca.pem", "a.b.wild.test", NO_PIN, false, "not for a.b.wild.test" },
        { "both.pem", "ca.pem", "wild.test", NO_PIN, false, "not for wild.test" },
        { "both.pem", "ca.pem", "127.0.0.2", NO_PIN, false, "not for 127.0.0.2" },
        { "both.pem", "ca.pem", "::2", NO_PIN, false, "not for ::2" },
        { "both.pem", "other-ca.pem", "good.test", NO_PIN, false, "no known CA" },
        { "both.pem", NULL, "good.test", NO_PIN, false, "no known CA" },
        { "self.pem", "ca.pem", "good.test", NO_PIN, false, "no known CA" },
        { "old.pem", "ca.pem", "good.test", NO_PIN, false,
          "expired on 2001-12-31; the clock of this machine says 2" },
        { "early.pem", "ca.pem", "good.test", NO_PIN, false,
          "valid from 2199-01-01; the clock of this machine says 2" },
        { "both.pem", "ca.pem", "good.test", WRONG_PIN, false, "not the pinned one" },
        { "both.pem", NULL, "good.test", WRONG_PIN, true, "not the pinned one" },
        { "both.pem", NULL, "good.test", WRONG_PIN, false, "no known CA" },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct end a = { 0 }, b = { 0 };
        struct adit_tls_server *server = serve(rows[i].cert);
        const char *pin = rows[i].pin == RIGHT_PIN ? adit_tls_server_pin(server)
                          : rows[i].pin == WRONG_PIN
                              ? "sha256/"
                                "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
                              : NULL;
        struct adit_tls_client *client = believe(rows[i].ca, pin, rows[i].insecure);

        join(&a, &b, client, server, rows[i].name);
        if (rows[i].refused) {
            assert_true(wait_for(loop, &a.closed));
            assert_true(wait_for(loop, &b.closed));
            assert_int_equal(a.connected + b.connected, b.connected);
            if (a.cause.reason != ADIT_REASON_NOT_AUTHENTIC ||
                !strstr(a.cause.text, rows[i].refused))
                fail_msg("row %zu: %s", i, a.cause.text);
            /* Whoever is refused hears it. TLS 1.3 servers hear it after their handshake. */
            assert_int_equal(b.cause.reason, ADIT_REASON_NOT_AUTHENTIC);
        } else {
            while (!a.connected && !a.closed)
                turn(1);
            if (a.closed)
                fail_msg("row %zu: %s", i, a.cause.text);
            assert_true(wait_for(loop, &b.connected));
            assert_true(adit_str_starts(adit_stream_tls(a.stream), "TLSv1.3 "));
            assert_string_equal(adit_stream_tls(a.stream), adit_stream_tls(b.stream));
        }
        part(&a, &b, client, server);
    }
}

/* A refused key is named, so that it can be pinned. */
static void the_refused_key_can_be_pinned(void **state)
{
    struct end a = { 0 }, b = { 0 };
    struct adit_tls_server *server = serve("self.pem");
    struct adit_tls_client *client = believe("ca.pem", NULL, false);

    (void)state;
    join(&a, &b, client, server, "good.test");
    assert_true(wait_for(loop, &a.closed));
    assert_non_null(strstr(a.cause.text, adit_tls_server_pin(server)));
    part(&a, &b, client, server);
}

static void the_systems_list_is_looked_for(void **state)
{
    static const struct {
        const char *file, *dir; /* in the environment */
        const char *refused;
    } rows[] = {
        { "ca.pem", "none", NULL },
        { "none", ".", NULL }, /* the directory has it under its hash */
        { "other-ca.pem", ".", NULL },
        { "ca.pem", "..", NULL },
        { "other-ca.pem", "none", "no known CA" },
        { "none", "none", "no list of CAs" },
        { "empty.pem", "none", "no list of CAs" },
    };

    (void)state;
    certs_hash_ca(&certs);
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct end a = { 0 }, b = { 0 };
        struct adit_tls_server *server = serve("both.pem");
        struct adit_tls_client *client = believe(NULL, NULL, false);

        setenv("SSL_CERT_FILE", certs_path(&certs, rows[i].file), 1);
        setenv("SSL_CERT_DIR", certs_path(&certs, rows[i].dir), 1);
        join(&a, &b, client, server, "good.test");
        while (!a.connected && !a.closed)
            turn(1);
        if (a.connected != !rows[i].refused ||
            (rows[i].refused && !strstr(a.cause.text, rows[i].refused)))
            fail_msg("row %zu: %s", i, a.cause.text);
        part(&a, &b, client, server);
    }
    unsetenv("SSL_CERT_FILE");
    unsetenv("SSL_CERT_DIR");
}

static void pins_are_written_in_two_ways(void **state)
{
    static const char *const pins[] = { "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
                                        "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
                                        "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
                                        "sha256////AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" };
    struct adit_cause cause;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(pins); i++) {
        struct adit_tls_client_conf conf = { .pins = &pins[i], .pin_count = 1 };
        struct adit_tls_client *client = adit_tls_client_new(&conf, &cause);

        if (!client)
            fail_msg("\"%s\": %s", pins[i], cause.text);
        adit_tls_client_free(client);
    }
}

static void bad_files_and_pins_are_named(void **state)
{
    static const char *const pins[] = { "",
                                        "sha256/",
                                        "sha1/AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
                                        "sha256/AAAA",
                                        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
                                        "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                        "sha256/!AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" };
    static const struct {
        const char *cert, *key, *text;
    } files[] = {
        { "none.pem", NULL, "none.pem: No such file" },
        { "empty.pem", NULL, "empty.pem: no certificate" },
        { "ca.pem", NULL, "ca.pem: no usable private key" },
        { "secret.pem", NULL, "secret.pem: no usable private key (PEM, no passphrase)" },
        { "mixed.pem", NULL, "does not belong" },
        { "good.pem", "none.key", "none.key: No such file" },
        { "good.pem", "open.key", "everybody has access" },
    };
    struct adit_cause cause;

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(pins); i++) {
        struct adit_tls_client_conf conf = { .pins = &pins[i], .pin_count = 1 };

        cause.text[0] = '\0';
        if (adit_tls_client_new(&conf, &cause) || !strstr(cause.text, "a pin is"))
            fail_msg("\"%s\": %s", pins[i], cause.text);
    }
    struct adit_tls_client_conf ca = { .ca = certs_path(&certs, "good.key") };
    assert_null(adit_tls_client_new(&ca, &cause));
    assert_non_null(strstr(cause.text, "no certificates there"));
    FILE *f = fopen(certs_path(&certs, "open.key"), "w");
    assert_non_null(f);
    fclose(f);
    assert_int_equal(chmod(certs_path(&certs, "open.key"), 0604), 0);
    for (size_t i = 0; i < ADIT_LEN(files); i++) {
        char cert[128], key[128];
        struct adit_tls_server_conf conf = { .cert = cert, .key = files[i].key ? key : NULL };

        snprintf(cert, sizeof cert, "%s", certs_path(&certs, files[i].cert));
        snprintf(key, sizeof key, "%s", certs_path(&certs, files[i].key ? files[i].key : ""));
        if (adit_tls_server_new(&conf, &cause) || !strstr(cause.text, files[i].text))
            fail_msg("row %zu: %s", i, cause.text);
    }
    struct adit_tls_server_conf alpn = { .alpn = "a-protocol-with-a-very-long-name-indeed" };
    assert_null(adit_tls_server_new(&alpn, &cause));
    struct adit_tls_client_conf alpn2 = { .alpn = alpn.alpn };
    assert_null(adit_tls_client_new(&alpn2, &cause));
}

/* ---- who we are ------------------------------------------------------------------------------ */

static void a_self_made_certificate_is_kept(void **state)
{
    char path[128], pin[ADIT_TLS_PIN_SIZE];
    struct adit_tls_server_conf conf = { .name = "192.0.2.7", .kept = path };
    struct adit_cause cause;
    struct stat st;

    (void)state;
    snprintf(path, sizeof path, "%s", certs_path(&certs, "kept.pem"));
    struct adit_tls_server *s = adit_tls_server_new(&conf, &cause);
    assert_non_null(s);
    strcpy(pin, adit_tls_server_pin(s));
    assert_int_equal(strlen(pin), ADIT_TLS_PIN_SIZE - 1);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    adit_tls_server_free(s);
    s = adit_tls_server_new(&conf, &cause);
    assert_non_null(s);
    assert_string_equal(adit_tls_server_pin(s), pin);
    adit_tls_server_free(s);
    s = serve(NULL);
    assert_string_not_equal(adit_tls_server_pin(s), pin);
    strcpy(pin, adit_tls_server_pin(s));
    assert_int_equal(adit_tls_server_reload(s, &cause), 0);
    assert_string_equal(adit_tls_server_pin(s), pin);
    adit_tls_server_free(s);
}

static void copy_file(const char *from, const char *to)
{
    char a[128], b[128], command[300];

    snprintf(a, sizeof a, "%s", certs_path(&certs, from));
    snprintf(b, sizeof b, "%s", certs_path(&certs, to));
    snprintf(command, sizeof command, "cp -p %s %s", a, b);
    assert_int_equal(system(command), 0);
}

static void a_new_certificate_is_taken_without_a_restart(void **state)
{
    struct end a = { 0 }, b = { .want = 5 }, c = { 0 }, d = { 0 };
    struct adit_tls_client *client = believe("ca.pem", NULL, false);
    struct adit_cause cause;

    (void)state;
    copy_file("both.pem", "live.pem");
    struct adit_tls_server *server = serve("live.pem");
    join(&a, &b, client, server, "good.test");
    assert_true(wait_for(loop, &b.connected));
    copy_file("mixed.pem", "live.pem");
    assert_int_equal(adit_tls_server_reload(server, &cause), -EINVAL);
    assert_non_null(strstr(cause.text, "does not belong"));
    join(&c, &d, client, server, "good.test"); /* as it was */
    assert_true(wait_for(loop, &d.connected));
    end_done(&c);
    end_done(&d);
    copy_file("self.pem", "live.pem");
    assert_int_equal(adit_tls_server_reload(server, &cause), 0);
    c = d = (struct end){ 0 };
    join(&c, &d, client, server, "good.test");
    assert_true(wait_for(loop, &c.closed));
    assert_int_equal(c.cause.reason, ADIT_REASON_NOT_AUTHENTIC);
    assert_true(wait_for(loop, &a.connected));
    assert_int_equal(adit_stream_send(a.stream, "alive", 5), 0); /* who is there, stays */
    assert_true(wait_for(loop, &b.all));
    end_done(&c);
    end_done(&d);
    part(&a, &b, client, server);
}

/* ---- bytes and ends -------------------------------------------------------------------------- */

static void bytes_come_in_order_and_whole(void **state)
{
    enum { SIZE = 2 * 1000 * 1000, PART = 100 * 1000 };
    static uint8_t bytes[SIZE];
    struct end a = { .want = SIZE }, b = { .want = SIZE, .take = 3000 };
    struct adit_tls_client *client;
    struct adit_tls_server *server;
    size_t sent[2] = { 0 };

    (void)state;
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 251);
    join_well(&a, &b, &client, &server);
    a.all = b.all = 0;
    while (!a.all || !b.all) { /* both ways at a time */
        struct end *ends[] = { &a, &b };

        for (int i = 0; i < 2; i++)
            if (sent[i] < SIZE && adit_stream_send(ends[i]->stream, bytes + sent[i], PART) == 0)
                sent[i] += PART;
        adit_stream_resume(b.stream);
        turn(1);
        assert_int_equal(a.closed + b.closed, 0);
    }
    assert_int_equal(a.got.len, SIZE);
    assert_int_equal(b.got.len, SIZE);
    assert_memory_equal(a.got.data, bytes, SIZE);
    assert_memory_equal(b.got.data, bytes, SIZE);
    part(&a, &b, client, server);
}

static void who_does_not_read_holds_the_sender_up(void **state)
{
    static uint8_t bytes[64 * 1024];
    struct end a = { 0 }, b = { .take_none = true };
    struct adit_tls_client *client;
    struct adit_tls_server *server;
    size_t sent = 0;
    int idle = 0;

    (void)state;
    join_well(&a, &b, &client, &server);
    while (idle < 50) {
        idle++;
        if (adit_stream_send(a.stream, bytes, sizeof bytes) == 0) {
            sent += sizeof bytes;
            idle = 0;
        }
        turn(1);
    }
    assert_true(sent < 64 * 1024 * 1024);
    b.take_none = false;
    b.want = sent;
    b.all = 0;
    adit_stream_resume(b.stream);
    assert_true(wait_for(loop, &b.all));
    part(&a, &b, client, server);
}

static void each_direction_ends_by_itself(void **state)
{
    struct end a = { 0 }, b = { .want = 8 };
    struct adit_tls_client *client;
    struct adit_tls_server *server;

    (void)state;
    join_well(&a, &b, &client, &server);
    assert_int_equal(adit_stream_send(a.stream, "question", 8), 0);
    adit_stream_shutdown(a.stream);
    assert_true(wait_for(loop, &b.eof));
    assert_true(b.all);
    a.want = 6;
    a.all = 0;
    assert_int_equal(adit_stream_send(b.stream, "answer", 6), 0);
    assert_true(wait_for(loop, &a.all));
    assert_int_equal(a.closed + b.closed, 0);
    adit_stream_close(b.stream);
    assert_true(wait_for(loop, &b.closed));
    assert_true(wait_for(loop, &a.closed));
    assert_int_equal(a.eof, 1);
    assert_int_equal(a.cause.err, 0);
    assert_int_equal(b.cause.reason, ADIT_REASON_LOCAL);
    part(&a, &b, client, server);
}

static void an_end_without_goodbye_is_an_error(void **state)
{
    struct end a = { 0 };
    struct adit_tls_client *client = believe("ca.pem", NULL, false);
    struct adit_tls_server *server = serve("both.pem");
    struct end b = { 0 };

    (void)state;
    join(&a, &b, client, server, "good.test");
    assert_true(wait_for(loop, &a.connected));
    assert_true(wait_for(loop, &b.connected));
    turn(5);
    b.stream = adit_stream_abort(b.stream);
    assert_true(wait_for(loop, &a.closed));
    assert_int_equal(a.cause.err, ECONNRESET);
    assert_int_equal(a.eof, 0);
    part(&a, &b, client, server);
}

/* A plain FIN in the middle: what a man in the middle can do to cut a message short. */
static void a_cut_is_no_end(void **state)
{
    struct adit_tls_client *client = believe("ca.pem", NULL, false);
    struct adit_tls_server *server = serve("both.pem");
    struct adit_tls_conn *conn;
    struct adit_cause cause;
    struct end b = { 0 };
    struct adit_stream_accept_conf conf = { .tls = server };
    uint8_t bytes[4096];
    int fds[2], done = 0;

    (void)state;
    adit_buf_init(&b.got, 100);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(adit_stream_accept(&b.stream, loop, fds[0], &conf, &end_ops, &b), 0);
    assert_int_equal(adit_tls_conn_client(&conn, client, "good.test"), 0);
    while (!done) {
        done = adit_tls_conn_shake(conn, &cause);
        assert_true(done >= 0);
        struct adit_buf *out = adit_tls_conn_out(conn);
        assert_int_equal(write(fds[1], out->data, out->len), out->len);
        adit_buf_consume(out, out->len);
        turn(3);
        ssize_t n = recv(fds[1], bytes, sizeof bytes, MSG_DONTWAIT);
        if (n > 0)
            adit_tls_conn_feed(conn, bytes, (size_t)n);
    }
    assert_true(wait_for(loop, &b.connected));
    assert_int_equal(shutdown(fds[1], SHUT_WR), 0);
    assert_true(wait_for(loop, &b.closed));
    assert_non_null(strstr(b.cause.text, "cut off"));
    assert_int_equal(b.cause.err, ECONNRESET);
    assert_int_equal(b.eof, 0);
    close(fds[1]);
    adit_tls_conn_free(conn);
    end_done(&b);
    turn(1);
    adit_tls_client_free(client);
    adit_tls_server_free(server);
}

static void only_one_speaks_tls(void **state)
{
    struct adit_tls_client *client = believe("ca.pem", NULL, false);
    struct adit_tls_server *server = serve("both.pem");

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct end a = { .say = "GET / HTTP/1.1\r\n\r\n" }, b = { .say = "hello, who is there?" };

        join(&a, &b, i ? client : NULL, i ? NULL : server, "good.test");
        struct end *speaks = i ? &a : &b;
        assert_true(wait_for(loop, &speaks->closed));
        assert_int_equal(speaks->cause.reason, ADIT_REASON_PROTOCOL);
        if (!strstr(speaks->cause.text, "does not speak TLS"))
            fail_msg("%d: %s", i, speaks->cause.text);
        assert_int_equal(speaks->connected, 0);
        end_done(&a);
        end_done(&b);
    }
    turn(1);
    adit_tls_client_free(client);
    adit_tls_server_free(server);
}

static void a_handshake_has_a_limit(void **state)
{
    struct adit_tls_client *client = believe("ca.pem", NULL, false);
    struct adit_tls_server *server = serve("both.pem");
    struct adit_stream_accept_conf conf = { .tls = server, .timeout = 20 * ADIT_MS };
    struct end a = { 0 }, b = { 0 };
    struct door door = { 0 };
    int fds[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(adit_stream_accept(&b.stream, loop, fds[0], &conf, &end_ops, &b), 0);
    assert_true(wait_for(loop, &b.closed)); /* silence */
    assert_int_equal(b.cause.reason, ADIT_REASON_TIMEOUT);
    close(fds[1]);
    end_done(&b);
    b = (struct end){ 0 };
    door_open(&door, loop, &b, NULL); /* and towards one that accepts, and says nothing */
    struct adit_stream_conf to = {
        .host = "127.0.0.1", .port = door_port(&door), .tls = client, .timeout = 50 * ADIT_MS
    };
    assert_int_equal(adit_stream_connect(&a.stream, loop, &to, &end_ops, &a), 0);
    assert_true(wait_for(loop, &a.closed));
    assert_int_equal(a.cause.reason, ADIT_REASON_TIMEOUT);
    assert_string_equal(a.cause.text, "the handshake took too long");
    door_close(&door);
    part(&a, &b, client, server);
}

static void freed_or_closed_inside_each_callback(void **state)
{
    static uint8_t bytes[200 * 1000];
    struct adit_tls_client *client = believe("ca.pem", NULL, false);
    struct adit_tls_server *server = serve("both.pem");

    (void)state;
    for (int how = 0; how < 3; how++) {
        for (enum end_call call = END_CONNECTED; call <= END_CLOSED; call++) {
            struct end a = { .say = "hello" }, b = { .close_at_eof = true };

            *(how == 0 ? &b.free_in : how == 1 ? &b.abort_in : &b.close_in) = call;
            join(&a, &b, client, server, "good.test");
            assert_true(wait_for(loop, &a.connected));
            if (call == END_WRITABLE || call == END_SENT) {
                assert_true(wait_for(loop, &b.connected));
                while (adit_stream_send(b.stream, bytes, sizeof bytes) == 0)
                    ;
            }
            if (call >= END_EOF)
                adit_stream_shutdown(a.stream);
            unsigned *told[] = {
                [END_CONNECTED] = &b.connected, [END_DATA] = &b.data, [END_EOF] = &b.eof,
                [END_WRITABLE] = &b.writable,   [END_SENT] = &b.sent, [END_CLOSED] = &b.closed
            };
            assert_true(wait_for(loop, told[call]));
            if (how < 2)
                assert_null(b.stream);
            turn(3);
            end_done(&a);
            end_done(&b);
        }
    }
    turn(1);
    adit_tls_client_free(client);
    adit_tls_server_free(server);
}

static void names_that_are_none(void **state)
{
    struct adit_tls_client *client = believe("ca.pem", NULL, false);
    char longest[300];
    const char *const rows[] = { "", ".", "[]", longest };
    struct end a = { 0 };

    (void)state;
    memset(longest, 'a', sizeof longest - 1);
    longest[254] = '\0';
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_stream_conf conf = {
            .host = "127.0.0.1", .port = 9, .tls = client, .tls_name = rows[i]
        };
        assert_int_equal(adit_stream_connect(&a.stream, loop, &conf, &end_ops, &a), -EINVAL);
        assert_null(a.stream);
    }
    turn(1);
    adit_tls_client_free(client);
}

static void no_memory_is_an_error_like_others(void **state)
{
    struct adit_cause cause;
    struct adit_tls_client_conf client = { .insecure = true };
    struct adit_tls_server_conf server = { .name = "x" };
    int good = 0;

    (void)state;
    for (uint64_t n = 0; good < 2; n++) {
        adit_alloc_fail_at(n);
        struct adit_tls_client *c = adit_tls_client_new(&client, &cause);
        struct adit_tls_server *s = adit_tls_server_new(&server, &cause);
        adit_alloc_fail_at(UINT64_MAX);
        good = !!c + !!s;
        if (c && s) {
            for (uint64_t i = 0; i < 8; i++) { /* one connection, each time with less memory */
                struct end a = { 0 }, b = { 0 };

                join(&a, &b, c, s, "x");
                adit_alloc_fail_at(i);
                for (int k = 0; k < 20; k++)
                    turn(1);
                adit_alloc_fail_at(UINT64_MAX);
                for (int k = 0; k < 50; k++)
                    turn(1);
                assert_true(a.connected + a.closed && b.connected + b.closed);
                end_done(&a);
                end_done(&b);
            }
            turn(1);
        }
        adit_tls_client_free(c);
        adit_tls_server_free(s);
    }
}

static int setup(void **state)
{
    (void)state;
    fds_before = open_fds();
    loop = adit_loop_new();
    certs_make(&certs);
    return loop ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    loop = adit_loop_free(loop);
    certs_remove(&certs);
    assert_int_equal(open_fds(), fds_before);
    return 0;
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(certificates_are_judged),
        T(the_refused_key_can_be_pinned),
        T(the_systems_list_is_looked_for),
        T(pins_are_written_in_two_ways),
        T(bad_files_and_pins_are_named),
        T(a_self_made_certificate_is_kept),
        T(a_new_certificate_is_taken_without_a_restart),
        T(bytes_come_in_order_and_whole),
        T(who_does_not_read_holds_the_sender_up),
        T(each_direction_ends_by_itself),
        T(an_end_without_goodbye_is_an_error),
        T(a_cut_is_no_end),
        T(only_one_speaks_tls),
        T(a_handshake_has_a_limit),
        T(freed_or_closed_inside_each_callback),
        T(names_that_are_none),
        T(no_memory_is_an_error_like_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
