/* turn.c - the TURN servers of a peer: their URIs, names, streams and passwords. What they are for
 * is the engine's business (peer/relays.h). */
#include <stdio.h>
#include <stdlib.h>

#include "agent/inner.h"
#include "base/alloc.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/str.h"
#include "core/proxy.h"
#include "core/tls.h"

#define TURN_PORT  3478 /* RFC 8656 section 3.1 */
#define TURNS_PORT 5349
#define SECRET_TTL 86400 /* seconds */

/* We were called from inside the engine: it hears of it later. */
static void on_fail(struct adit_task *task, adit_time now)
{
    struct turn *t = adit_container_of(task, struct turn, fail);

    adit_engine_turn_closed(t->peer->engine, t->relay, &t->cause, now);
    adit_peer_touch(t->peer);
}

/* ---- URIs ------------------------------------------------------------------------------------ */

/* RFC 7065. -EINVAL. */
static int parse(struct turn *t, const char *uri, struct adit_cause *cause)
{
    const char *host = adit_str_starts(uri, "turns:")  ? uri + 6
                       : adit_str_starts(uri, "turn:") ? uri + 5
                                                       : NULL;
    bool secure = host == uri + 6;
    const char *how = host ? strchr(host, '?') : NULL;

    t->transport = secure ? ADIT_TURN_BY_TLS : ADIT_TURN_BY_UDP;
    t->port = secure ? TURNS_PORT : TURN_PORT;
    if (how && strcmp(how, "?transport=tcp") == 0) {
        if (!secure)
            t->transport = ADIT_TURN_BY_TCP;
    } else if (how && (secure || strcmp(how, "?transport=udp") != 0)) {
        host = NULL; /* DTLS to the server is nothing that servers offer */
    }
    if (host && strchr(host, '@')) { /* not shown: there may be a password in it */
        adit_cause_set(cause, ADIT_REASON_LOCAL, EINVAL,
                       "a TURN server's URI has no user in it: give --turn-user and "
                       "--turn-password-file");
        return -EINVAL;
    }
    if (!host || *host == '/' || adit_servers_parse(host, t->name, &t->port) < 0) {
        adit_cause_set(cause, ADIT_REASON_LOCAL, EINVAL,
                       "\"%.60s\" is no TURN server: give turn:HOST[:PORT][?transport=udp|tcp] or "
                       "turns:HOST[:PORT]",
                       uri);
        return -EINVAL;
    }
    return 0;
}

bool adit_turns_know(const char *uri)
{
    struct turn t;
    struct adit_cause cause;

    return parse(&t, uri, &cause) == 0;
}

static bool copy(char **out, const char *text)
{
    *out = text && *text ? adit_strdup(text) : NULL;
    return *out || !text || !*text;
}

static int add(struct adit_peer *peer, const struct adit_turn_server *s, struct adit_cause *cause)
{
    struct turn *t = &peer->turns[peer->turn_count];
    int err = parse(t, s->uri, cause);

    if (err)
        return err;
    t->peer = peer;
    t->relay = -1;
    adit_task_init(&t->fail, on_fail);
    peer->turn_count++;
    adit_cause_set(cause, ADIT_REASON_RESOURCE, ENOMEM, "out of memory");
    return copy(&t->uri, s->uri) && copy(&t->user, s->user) && copy(&t->password, s->password) &&
                   copy(&t->secret, s->secret)
               ? 0
               : -ENOMEM;
}

int adit_turns_init(struct adit_peer *peer, const struct adit_peer_conf *conf,
                    struct adit_cause *ret_cause)
{
    int err = 0;

    peer->turn_insecure = conf->turn_insecure;
    if (!copy(&peer->turn_ca, conf->turn_ca))
        return -ENOMEM;
    peer->turn_proxy = conf->turn_proxy ? adit_strdup(conf->turn_proxy) : NULL;
    if (conf->turn_proxy && !peer->turn_proxy)
        return -ENOMEM;
    for (size_t i = 0; i < conf->turn_count && !err; i++) {
        if (peer->turn_count < ADIT_RELAYS_MAX)
            err = add(peer, &conf->turn[i], ret_cause);
        else
            adit_log(ADIT_LOG_WARN, "agent",
                     "TURN server %.60s is one too many: four are used, continuing",
                     conf->turn[i].uri);
    }
    return err;
}

static void wipe(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    adit_free(text);
}

void adit_turns_free(struct adit_peer *peer)
{
    for (size_t i = 0; i < peer->turn_count; i++) {
        struct turn *t = &peer->turns[i];

        adit_free(t->uri);
        adit_free(t->user);
        wipe(t->password);
        wipe(t->secret);
    }
    adit_tls_client_free(peer->turn_tls);
    adit_free(peer->turn_ca);
    wipe(peer->turn_proxy);
}

/* ---- the engine knows of it ------------------------------------------------------------------ */

struct login {
    char user[300], password[32];
};

/* A password from a secret that we share with the server: HMAC-SHA1 over a name that begins with
 * when it ends. */
static void make_login(const struct turn *t, struct login *out)
{
    uint8_t mac[20];

    snprintf(out->user, sizeof out->user, "%lld:%.255s", (long long)adit_loop_wall() + SECRET_TTL,
             t->user ? t->user : "adit");
    adit_hmac_sha1(mac, t->secret, strlen(t->secret), out->user, strlen(out->user));
    out->password[adit_base64_encode(out->password, mac, sizeof mac, false)] = '\0';
}

static void in_trouble(struct turn *t, int err, const char *text)
{
    snprintf(t->trouble, sizeof t->trouble, "%s", text);
    if (t->told != err)
        adit_log(ADIT_LOG_WARN, "agent", "TURN server %s: %s, continuing", t->uri, text);
    t->told = err;
}

static void tell_engine(struct turn *t, const struct adit_addr *addrs, size_t count, adit_time now)
{
    struct adit_engine_turn conf = { .transport = t->transport,
                                     .addrs = addrs,
                                     .addr_count = count,
                                     .user = t->user,
                                     .password = t->password };
    struct login login;
    int id;

    if (t->secret) {
        make_login(t, &login);
        conf.user = login.user;
        conf.password = login.password;
    }
    id = adit_engine_add_turn(t->peer->engine, &conf, now);
    t->relay = id < 0 ? -1 : id;
    if (id < 0)
        in_trouble(t, -id, strerror(-id));
}

static void on_resolved(void *arg, int err, const struct adit_addr *addrs, size_t count,
                        adit_time now)
{
    struct turn *t = arg;
    struct adit_peer *peer = t->peer;

    peer->resolving--;
    if (err)
        in_trouble(t, err, adit_resolve_error(err));
    else
        tell_engine(t, addrs, count, now);
    t->resolve = adit_resolve_free(t->resolve); /* and with it addrs */
    adit_peer_check_complete(peer, now);
    adit_peer_touch(peer);
}

void adit_turns_start(struct adit_peer *peer, adit_time now)
{
    for (size_t i = 0; i < peer->turn_count && !peer->freed; i++) {
        struct turn *t = &peer->turns[i];
        struct adit_resolve_conf conf = { .host = t->name, .port = t->port };
        int err;

        if (t->transport != ADIT_TURN_BY_UDP) {
            tell_engine(t, NULL, 0, now);
            continue;
        }
        peer->resolving++;
        err = adit_resolve_start(&t->resolve, peer->loop, &conf, on_resolved, t);
        if (err)
            on_resolved(t, err, NULL, 0, now);
    }
}

void adit_turns_stop(struct adit_peer *peer)
{
    for (size_t i = 0; i < peer->turn_count; i++) {
        peer->turns[i].resolve = adit_resolve_free(peer->turns[i].resolve);
        peer->turns[i].stream = adit_stream_free(peer->turns[i].stream);
        adit_task_cancel(&peer->turns[i].fail);
    }
}

static struct turn *find(struct adit_peer *peer, int relay)
{
    for (size_t i = 0; i < peer->turn_count; i++)
        if (peer->turns[i].relay == relay)
            return &peer->turns[i];
    return NULL;
}

void adit_turns_event(struct adit_peer *peer, const struct adit_engine_event *ev)
{
    struct turn *t = find(peer, ev->relay);
    struct login login;

    if (!t)
        return;
    if (ev->up) {
        if (!t->up)
            adit_log(t->told ? ADIT_LOG_INFO : ADIT_LOG_DEBUG, "agent",
                     "TURN server %s has lent us an address", t->uri);
        t->told = 0;
        t->trouble[0] = '\0';
    } else {
        in_trouble(t, ev->cause.err, ev->cause.text);
    }
    t->up = ev->up;
    if (!t->up && t->secret) { /* the old one may have come to its end */
        make_login(t, &login);
        adit_engine_turn_login(peer->engine, t->relay, login.user, login.password);
    }
}

/* ---- streams --------------------------------------------------------------------------------- */

static void on_connected(void *arg, adit_time now)
{
    struct turn *t = arg;
    const struct adit_addr *addr = adit_stream_peer(t->stream);

    adit_engine_turn_opened(t->peer->engine, t->relay, addr->family ? addr : NULL, now);
    adit_peer_touch(t->peer);
}

static size_t on_data(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct turn *t = arg;
    struct adit_peer *peer = t->peer;

    n = adit_engine_turn_feed(peer->engine, t->relay, bytes, n, now);
    adit_peer_touch(peer);
    return n;
}

static void on_closed(void *arg, const struct adit_cause *cause, adit_time now)
{
    struct turn *t = arg;

    t->stream = adit_stream_free(t->stream);
    adit_engine_turn_closed(t->peer->engine, t->relay, cause, now);
    adit_peer_touch(t->peer);
}

static const struct adit_stream_ops stream_ops = { .connected = on_connected,
                                                   .data = on_data,
                                                   .closed = on_closed };

static int choose_proxy(const struct turn *t, struct adit_proxy *ret_proxy,
                        struct adit_cause *cause)
{
    const char *set = t->peer->turn_proxy;

    /* Both kinds of bytes need a proxy that connects, and that is the one for https. */
    return set ? adit_proxy_parse(ret_proxy, set, cause)
               : adit_proxy_choose(ret_proxy, true, t->name, t->port, getenv, cause);
}

static int choose_tls(struct adit_peer *peer, struct adit_cause *cause)
{
    struct adit_tls_client_conf conf = { .ca = peer->turn_ca, .insecure = peer->turn_insecure };

    if (!peer->turn_tls)
        peer->turn_tls = adit_tls_client_new(&conf, cause);
    return peer->turn_tls ? 0 : -EINVAL;
}

static int connect_to(struct turn *t, const struct adit_addr *server, struct adit_cause *cause)
{
    struct adit_stream_conf conf = { .host = t->name, .port = t->port, .tls_name = t->name };
    char host[ADIT_ADDR_STR];
    struct adit_proxy proxy;
    int err = choose_proxy(t, &proxy, cause);

    if (!err && t->transport == ADIT_TURN_BY_TLS) {
        err = choose_tls(t->peer, cause);
        conf.tls = t->peer->turn_tls;
    }
    if (err)
        return err;
    if (server) {
        conf.host = adit_addr_str_ip(server, host);
        conf.port = server->port;
    }
    conf.proxy = proxy.kind == ADIT_PROXY_NONE ? NULL : &proxy;
    err = adit_stream_connect(&t->stream, t->peer->loop, &conf, &stream_ops, t);
    if (err)
        adit_cause_set(cause, ADIT_REASON_LOCAL, -err, "cannot connect: %s", strerror(-err));
    return err;
}

void adit_turns_open(void *arg, int relay, const struct adit_addr *server)
{
    struct adit_peer *peer = arg;
    struct turn *t = find(peer, relay);

    if (!t || peer->freed)
        return;
    t->stream = adit_stream_free(t->stream);
    if (connect_to(t, server, &t->cause) < 0)
        adit_loop_before_sleep(peer->loop, &t->fail);
}

void adit_turns_send(void *arg, int relay, const void *bytes, size_t n)
{
    struct turn *t = find(arg, relay);

    /* A stream that is behind drops what is new, as any router would: whole frames only. */
    if (t && t->stream && adit_stream_send(t->stream, bytes, n) < 0)
        adit_trace("agent", "%zu bytes for TURN server %s found no room", n, t->uri);
}

void adit_turns_close(void *arg, int relay)
{
    struct turn *t = find(arg, relay);

    if (!t)
        return;
    t->stream = adit_stream_free(t->stream); /* what is queued leaves */
    adit_task_cancel(&t->fail);
}
