/* From a name to a connection: which address is tried when, and how it fails. Silence is made by a
 * listening socket whose queue is full: the kernel drops what would not fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "core/dial.h"
#include "core/resolve.h"
#include "wait.h"

struct caller {
    struct adit_dial *dial;
    unsigned done;
    int fd;
    struct adit_addr addr;
    struct adit_cause cause;
    bool keep; /* does not free when it is done */
};

static struct adit_loop *loop;
static unsigned fds_before;

static void on_done(void *arg, int fd, const struct adit_addr *addr, const struct adit_cause *cause,
                    adit_time now)
{
    struct caller *c = arg;

    (void)now;
    c->done++;
    c->fd = fd;
    c->addr = *addr;
    c->cause = *cause;
    if (!c->keep)
        c->dial = adit_dial_free(c->dial);
}

static void call(struct caller *c, const struct adit_dial_conf *conf)
{
    *c = (struct caller){ .fd = -1, .keep = c->keep };
    assert_int_equal(adit_dial_start(&c->dial, loop, conf, on_done, c), 0);
    assert_int_equal(c->done, 0); /* never from inside start */
}

static void call_and_wait(struct caller *c, const struct adit_dial_conf *conf)
{
    call(c, conf);
    assert_true(wait_for(loop, &c->done));
}

static struct adit_addr loopback(uint16_t port)
{
    struct adit_addr a;

    assert_int_equal(adit_addr_parse(&a, "127.0.0.1", 9), 0);
    a.port = port;
    return a;
}

/* A listening socket, and where it is. */
static int listen_at(struct adit_addr *ret_addr, int backlog)
{
    struct adit_addr a = loopback(0);
    struct sockaddr_storage sa;
    socklen_t len = adit_addr_to_sockaddr(&a, (struct sockaddr *)&sa);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&sa, len), 0);
    assert_int_equal(listen(fd, backlog), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
    assert_int_equal(adit_addr_from_sockaddr(ret_addr, (struct sockaddr *)&sa), 0);
    return fd;
}

/* Nobody listens there any more. */
static struct adit_addr refusing(void)
{
    struct adit_addr a;

    close(listen_at(&a, 1));
    return a;
}

struct silence {
    int listener, callers[4];
    struct adit_addr addr;
};

static void make_silence(struct silence *s)
{
    struct sockaddr_storage sa;

    s->listener = listen_at(&s->addr, 0);
    socklen_t len = adit_addr_to_sockaddr(&s->addr, (struct sockaddr *)&sa);
    for (size_t i = 0; i < ADIT_LEN(s->callers); i++) {
        s->callers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)!connect(s->callers[i], (struct sockaddr *)&sa, len);
    }
}

static void end_silence(struct silence *s)
{
    close(s->listener);
    for (size_t i = 0; i < ADIT_LEN(s->callers); i++)
        close(s->callers[i]);
}

/* ---- order ----------------------------------------------------------------------------------- */

static void families_take_turns(void **state)
{
    static const struct {
        const char *in, *out; /* capitals: IPv6 */
    } rows[] = {
        { "", "" },
        { "a", "a" },
        { "A", "A" },
        { "ABCxyz", "AxByCz" },
        { "aXYZ", "aXYZ" },
        { "abX", "aXb" },
        { "AxByCz", "AxByCz" },
        { "ABCDx", "AxBCD" },
        { "abcXYZ", "aXbYcZ" },
    };

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_addr addrs[8] = { 0 };
        size_t n = strlen(rows[i].in);

        for (size_t k = 0; k < n; k++) {
            addrs[k].family = rows[i].in[k] < 'a' ? ADIT_FAMILY_V6 : ADIT_FAMILY_V4;
            addrs[k].port = (uint16_t)rows[i].in[k];
        }
        adit_dial_order(addrs, n);
        for (size_t k = 0; k < n; k++)
            if (addrs[k].port != (uint16_t)rows[i].out[k])
                fail_msg("%s: place %zu is %c", rows[i].in, k, addrs[k].port);
    }
}

/* ---- attempts -------------------------------------------------------------------------------- */

static void a_silent_address_costs_a_quarter_of_a_second(void **state)
{
    struct silence s;
    struct adit_addr addrs[3];
    struct caller c = { 0 };
    int fd = listen_at(&addrs[2], 10);

    (void)state;
    make_silence(&s);
    addrs[0] = addrs[1] = s.addr;
    struct adit_dial_conf conf = { .addrs = addrs, .addr_count = 3 };
    adit_time before = adit_loop_now(loop);
    call_and_wait(&c, &conf);
    assert_true(c.fd >= 0);
    assert_int_equal(c.addr.port, addrs[2].port);
    assert_true(adit_loop_now(loop) - before >= 2 * ADIT_DIAL_STAGGER);
    close(c.fd);
    close(fd);
    end_silence(&s);
}

/* RFC 8305 section 5: the next one begins at once. All twelve in less time than half of them would
 * take with the delay. */
static void a_refusing_address_costs_nothing(void **state)
{
    struct adit_addr addrs[12];
    struct caller c = { 0 };
    int fd = listen_at(&addrs[11], 10);

    (void)state;
    for (int i = 0; i < 11; i++)
        addrs[i] = refusing();
    struct adit_dial_conf conf = { .addrs = addrs, .addr_count = 12 };
    adit_time before = adit_loop_now(loop);
    call_and_wait(&c, &conf);
    assert_true(c.fd >= 0);
    assert_true(adit_loop_now(loop) - before < 6 * ADIT_DIAL_STAGGER);
    close(c.fd);
    close(fd);
}

static void on_call(struct adit_io *io, uint32_t events, adit_time now)
{
    (void)events, (void)now;
    close(accept(io->fd, NULL, NULL));
}

/* Silence ends when somebody takes the calls that fill the queue. */
static void the_last_one_to_answer_still_wins(void **state)
{
    struct silence s;
    struct adit_addr addrs[2];
    struct caller c = { 0 };
    struct adit_io io = { 0 };

    (void)state;
    make_silence(&s);
    addrs[0] = s.addr;
    addrs[1] = refusing();
    struct adit_dial_conf conf = { .addrs = addrs, .addr_count = 2 };
    call(&c, &conf);
    for (int i = 0; i < 3; i++)
        assert_int_equal(adit_loop_process(loop), 0);
    assert_int_equal(c.done, 0);
    assert_int_equal(adit_io_start(&io, loop, s.listener, EPOLLIN, on_call, "test"), 0);
    assert_true(wait_for(loop, &c.done));
    assert_true(c.fd >= 0);
    assert_int_equal(c.addr.port, s.addr.port);
    close(c.fd);
    adit_io_stop(&io);
    end_silence(&s);
}

static void failures_are_told_apart(void **state)
{
    struct silence s;
    struct adit_addr addrs[3];
    struct caller c = { 0 };

    (void)state;
    addrs[0] = addrs[1] = refusing();
    struct adit_dial_conf conf = { .addrs = addrs, .addr_count = 2 };
    call_and_wait(&c, &conf);
    assert_int_equal(c.fd, -1);
    assert_int_equal(c.cause.reason, ADIT_REASON_NO_PATH);
    assert_int_equal(c.cause.err, ECONNREFUSED);
    assert_non_null(strstr(c.cause.text, "nothing listens there"));

    addrs[0].family = ADIT_FAMILY_NONE; /* cannot even begin: the other failure says more */
    call_and_wait(&c, &conf);
    assert_int_equal(c.cause.err, ECONNREFUSED);
    conf.addr_count = 1;
    call_and_wait(&c, &conf);
    assert_int_equal(c.cause.err, EAFNOSUPPORT);

    make_silence(&s);
    addrs[0] = s.addr;
    conf.addr_count = 2;
    conf.timeout = 30 * ADIT_MS;
    call_and_wait(&c, &conf);
    assert_int_equal(c.cause.reason, ADIT_REASON_TIMEOUT);
    assert_int_equal(c.cause.err, ETIMEDOUT);
    assert_string_equal(c.cause.text, "no answer to the connection request within 1 s");
    end_silence(&s);
}

static void no_descriptors_are_our_own_trouble(void **state)
{
    struct adit_addr addr = refusing();
    struct adit_dial_conf conf = { .addrs = &addr, .addr_count = 1 };
    struct rlimit old, none;
    struct caller c = { 0 };

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = old;
    none.rlim_cur = 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    call(&c, &conf);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_true(wait_for(loop, &c.done));
    assert_int_equal(c.cause.reason, ADIT_REASON_RESOURCE);
    assert_int_equal(c.cause.err, EMFILE);
}

/* ---- names ----------------------------------------------------------------------------------- */

static void names_and_addresses(void **state)
{
    static const struct {
        const char *host;
        bool asks;
        int err; /* 0 = connects */
    } rows[] = {
        { "127.0.0.1", false, 0 },
        { "localhost", false, 0 }, /* ::1 refuses where it exists */
        { "[::ffff:127.0.0.1]", false, -EINVAL },
        { "::ffff:127.0.0.1", false, 0 },
    };
    struct adit_addr addr;
    int fd = listen_at(&addr, 10);

    (void)state;
    for (size_t i = 0; i < ADIT_LEN(rows); i++) {
        struct adit_dial_conf conf = { .host = rows[i].host, .port = addr.port };
        struct caller c = { 0 };

        if (rows[i].err) {
            assert_int_equal(adit_dial_start(&c.dial, loop, &conf, on_done, &c), rows[i].err);
            continue;
        }
        call_and_wait(&c, &conf);
        if (!ADIT_HAVE_CARES && rows[i].asks)
            assert_int_equal(c.cause.err, ENOSYS);
        else if (c.fd < 0)
            fail_msg("%s: %s", rows[i].host, c.cause.text);
        else
            close(c.fd);
    }
    close(fd);
}

static void names_that_lead_nowhere(void **state)
{
    static const char *const bad[] = { "", "a b", "[::1", "[a]", "[192.0.2.1]", "[]", "a/b" };
    struct adit_dial_conf conf = { .host = "nobody.example", .port = 1, .servers = "127.0.0.1:1" };
    struct caller c = { 0 };

    (void)state;
    call_and_wait(&c, &conf);
    assert_int_equal(c.cause.reason, ADIT_REASON_NO_PATH);
    assert_int_equal(c.cause.err, ADIT_HAVE_CARES ? EHOSTUNREACH : ENOSYS);
    for (size_t i = 0; i < ADIT_LEN(bad); i++) {
        conf.host = bad[i];
        if (adit_dial_start(&c.dial, loop, &conf, on_done, &c) != -EINVAL || c.dial)
            fail_msg("accepted \"%s\"", bad[i]);
    }
    conf.host = NULL;
    assert_int_equal(adit_dial_start(&c.dial, loop, &conf, on_done, &c), -EINVAL);
}

/* ---- local sockets --------------------------------------------------------------------------- */

static int listen_local(const char *path, int backlog)
{
    struct sockaddr_un sun = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strcpy(sun.sun_path, path);
    assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof sun), 0);
    assert_int_equal(listen(fd, backlog), 0);
    return fd;
}

static void local_sockets(void **state)
{
    char dir[] = "/tmp/adit-dial-XXXXXX", path[64], host[80], longest[160];
    struct adit_dial_conf conf = { .host = host };
    struct caller c = { 0 };
    int first, fd;

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/s", dir);
    snprintf(host, sizeof host, "unix:%s", path);
    call_and_wait(&c, &conf);
    assert_int_equal(c.cause.err, ENOENT);
    assert_string_equal(c.cause.text, "no such local socket");
    int listener = listen_local(path, 0);
    call_and_wait(&c, &conf);
    assert_true(c.fd >= 0);
    assert_int_equal(c.addr.family, ADIT_FAMILY_NONE);
    first = c.fd;
    call(&c, &conf); /* the queue is full: it is tried again */
    for (int i = 0; i < 3; i++)
        assert_int_equal(adit_loop_process(loop), 0);
    assert_int_equal(c.done, 0);
    fd = accept(listener, NULL, NULL);
    assert_true(wait_for(loop, &c.done));
    assert_true(c.fd >= 0);
    close(c.fd);
    close(fd);
    close(first);
    close(listener);
    call_and_wait(&c, &conf);
    assert_int_equal(c.cause.err, ECONNREFUSED);
    unlink(path);
    rmdir(dir);

    memset(longest, 'x', sizeof longest);
    memcpy(longest, "unix:", 5);
    conf.host = longest;
    longest[5 + 108] = '\0';
    assert_int_equal(adit_dial_start(&c.dial, loop, &conf, on_done, &c), -ENAMETOOLONG);
    longest[5 + 107] = '\0';
    call_and_wait(&c, &conf);
    assert_int_equal(c.cause.err, ENOENT);
    conf.host = "unix:";
    assert_int_equal(adit_dial_start(&c.dial, loop, &conf, on_done, &c), -EINVAL);
    conf.host = "unix:@";
    assert_int_equal(adit_dial_start(&c.dial, loop, &conf, on_done, &c), -EINVAL);
    conf.host = "unix:@adit-nobody-has-this-name";
    call_and_wait(&c, &conf);
    assert_int_equal(c.cause.err, ECONNREFUSED);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void a_call_can_be_withdrawn(void **state)
{
    struct silence s;
    struct adit_addr addr;
    struct caller c = { .keep = true };
    int fd = listen_at(&addr, 10);

    (void)state;
    make_silence(&s);
    struct adit_dial_conf conf = { .addrs = &s.addr, .addr_count = 1 };
    call(&c, &conf);
    assert_int_equal(adit_loop_process(loop), 0);
    c.dial = adit_dial_free(c.dial);
    conf.addrs = &addr;
    call(&c, &conf);
    c.dial = adit_dial_free(c.dial);
    call_and_wait(&c, &conf); /* freed when the answer was there */
    c.dial = adit_dial_free(c.dial);
    close(c.fd);
    conf = (struct adit_dial_conf){ .host = "127.0.0.1", .port = addr.port };
    call(&c, &conf);
    c.dial = adit_dial_free(c.dial);
    assert_int_equal(adit_loop_process(loop), 0);
    assert_int_equal(c.done, 0);
    assert_null(adit_dial_free(NULL));
    close(fd);
    end_silence(&s);
}

static void no_memory_is_an_error_like_others(void **state)
{
    struct adit_dial_conf conf = { .host = "127.0.0.1", .port = 1 };
    struct caller c = { 0 };
    int err = -ENOMEM;

    (void)state;
    for (uint64_t n = 0; err; n++) {
        adit_alloc_fail_at(n);
        err = adit_dial_start(&c.dial, loop, &conf, on_done, &c);
        adit_alloc_fail_at(UINT64_MAX);
        assert_true(err == 0 || err == -ENOMEM);
    }
    c.dial = adit_dial_free(c.dial);
}

static int setup(void **state)
{
    (void)state;
    fds_before = open_fds();
    loop = adit_loop_new();
    return loop ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    loop = adit_loop_free(loop);
    assert_int_equal(open_fds(), fds_before);
    return 0;
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(names_that_lead_nowhere), /* what the C library opens once, it opens here */
        T(families_take_turns),
        T(a_silent_address_costs_a_quarter_of_a_second),
        T(a_refusing_address_costs_nothing),
        T(the_last_one_to_answer_still_wins),
        T(failures_are_told_apart),
        T(no_descriptors_are_our_own_trouble),
        T(names_and_addresses),
        T(local_sockets),
        T(a_call_can_be_withdrawn),
        T(no_memory_is_an_error_like_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
