#include <stdio.h>
#include <stdlib.h>

#include "base/digest.h"
#include "base/str.h"
#include "diag/inner.h"
#include "ice/turn.h"
#include "ice/turn_frame.h"

#define TURN_PORT  3478 /* RFC 8656 section 3.1 */
#define TURNS_PORT 5349
#define SECRET_TTL 600 /* seconds */
#define PATIENCE   (4 * ADIT_SEC)

/* ---- how it ended ---------------------------------------------------------------------------- */

static const char *advice_for(const struct adit_diag_turn *t, const struct adit_cause *cause)
{
    switch (cause->reason) {
    case ADIT_REASON_NOT_AUTHENTIC:
        return t->turn ? "look at --turn-user and --turn-password, or --turn-secret-file"
                       : "say whom to believe: --ca FILE";
    case ADIT_REASON_TIMEOUT:
        return t->udp_way ? "UDP may not get there: ask for ?transport=tcp, or turns: in its URI"
                          : "a firewall swallows what goes there, or it is down";
    case ADIT_REASON_RESOURCE:
        return "it has no room for us now: raise its quota, or use another one";
    case ADIT_REASON_NO_PATH:
        return "look whether it runs, and at its port";
    default:
        return "look at its log";
    }
}

static void finish(struct adit_diag_turn *t, const char *problem, const char *advice)
{
    if (problem && !t->ok)
        adit_diag_problem(t->facts, problem, advice);
    json_object_set_new(t->facts, "ok", json_boolean(t->ok));
    adit_diag_finish(t->d, &t->check);
}

static void on_event(void *arg, const struct adit_turn_event *ev)
{
    struct adit_diag_turn *t = arg;

    if (ev->type == ADIT_TURN_EV_REFUSED)
        return;
    t->event = *ev; /* looked at when the engine has returned */
    t->happened = true;
}

static void look(struct adit_diag_turn *t, adit_time now)
{
    struct adit_addr relayed;
    char text[ADIT_ADDR_STR];

    adit_timer_set(&t->timer, t->turn ? adit_turn_deadline(t->turn) : ADIT_NEVER);
    if (!t->happened)
        return;
    t->happened = false;
    if (t->event.type == ADIT_TURN_EV_MOVED) {
        finish(t, "it names another server", "give the address of that one");
        return;
    }
    if (t->event.type != ADIT_TURN_EV_ALLOCATED) {
        finish(t, t->event.cause.text, advice_for(t, &t->event.cause));
        return;
    }
    t->ok = t->d->facts.relay = true;
    json_object_set_new(t->facts, "ms", adit_diag_ms(now - t->began));
    relayed = adit_turn_relayed(t->turn, ADIT_FAMILY_V4);
    if (!relayed.family)
        relayed = adit_turn_relayed(t->turn, ADIT_FAMILY_V6);
    json_object_set_new(t->facts, "relayed", json_string(adit_addr_str(&relayed, text)));
    adit_turn_release(t->turn, now);
    finish(t, NULL, NULL);
}

/* ---- ways there ------------------------------------------------------------------------------ */

static void on_send(void *arg, const void *bytes, size_t n)
{
    struct adit_diag_turn *t = arg;

    if (t->udp_way)
        (void)!adit_udp_send(&t->udp, &t->server, bytes, n);
    else if (t->stream)
        (void)!adit_stream_send(t->stream, bytes, n);
}

static void feed(struct adit_diag_turn *t, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_span pkt = { bytes, n };
    struct adit_addr peer;

    if (t->turn)
        (void)adit_turn_feed(t->turn, &pkt, &peer, now);
    look(t, now);
}

static void begin(struct adit_diag_turn *t, adit_time now)
{
    static const struct adit_turn_ops ops = { .send = on_send, .event = on_event };
    const struct adit_turn_server *s = t->conf;
    char user[300], password[32];
    struct adit_turn_conf conf = {
        .user = s->user, .password = s->password, .stream = !t->udp_way, .rng = &t->d->rng
    };

    if (s->secret) { /* as coturn's use-auth-secret has it */
        uint8_t mac[20];

        snprintf(user, sizeof user, "%lld:%.255s", (long long)adit_loop_wall() + SECRET_TTL,
                 s->user ? s->user : "adit");
        adit_hmac_sha1(mac, s->secret, strlen(s->secret), user, strlen(user));
        password[adit_base64_encode(password, mac, sizeof mac, false)] = '\0';
        conf.user = user;
        conf.password = password;
    }
    t->turn = adit_turn_new(&conf, &ops, t);
    if (t->turn)
        adit_turn_start(t->turn, &t->server, PATIENCE, now);
    else
        finish(t, "no memory for it", NULL);
    look(t, now);
    explicit_bzero(password, sizeof password);
}

static void on_packet(void *arg, const struct adit_addr *from, uint8_t *bytes, size_t n,
                      adit_time now)
{
    struct adit_diag_turn *t = arg;

    if (adit_addr_equal(from, &t->server))
        feed(t, bytes, n, now);
}

static void on_error(void *arg, const struct adit_addr *to, int err, adit_time now)
{
    struct adit_diag_turn *t = arg;

    (void)to, (void)now;
    finish(t, strerror(err), "this host has no route there: look at `ip route`");
}

static void open_udp(struct adit_diag_turn *t, adit_time now)
{
    static const struct adit_udp_ops ops = { .packet = on_packet, .error = on_error };
    struct adit_udp_conf conf = { .addr = { .family = t->server.family },
                                  .offload = ADIT_OFFLOAD_OFF };
    int err = adit_udp_open(&t->udp, t->d->loop, &conf, &ops, t);

    if (err)
        finish(t, strerror(-err), "no socket could be opened");
    else
        begin(t, now);
}

static void on_connected(void *arg, adit_time now)
{
    struct adit_diag_turn *t = arg;

    json_object_set_new(t->facts, "connect_ms", adit_diag_ms(now - t->began));
    t->server = *adit_stream_peer(t->stream);
    begin(t, now);
}

static size_t on_data(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_diag_turn *t = arg;
    int len;
    size_t used = 0;

    while ((len = adit_turn_frame(bytes + used, n - used)) > 0 && (size_t)len <= n - used) {
        feed(t, bytes + used, (size_t)len, now);
        used += (size_t)len;
    }
    if (len < 0)
        finish(t, "it does not speak TURN", "look at its port");
    return len < 0 ? n : used;
}

static void on_closed(void *arg, const struct adit_cause *cause, adit_time now)
{
    struct adit_diag_turn *t = arg;

    (void)now;
    finish(t, cause->text, advice_for(t, cause));
    t->stream = adit_stream_free(t->stream);
}

static int open_stream(struct adit_diag_turn *t, bool secure, struct adit_cause *cause)
{
    static const struct adit_stream_ops ops = { .connected = on_connected,
                                                .data = on_data,
                                                .closed = on_closed };
    const struct adit_diag_conf *c = t->d->conf;
    struct adit_tls_client_conf tls = { .ca = c->ca, .insecure = c->insecure };
    struct adit_stream_conf conf = { .host = t->host, .port = t->port, .timeout = PATIENCE };
    struct adit_proxy proxy;
    int err = c->proxy ? adit_proxy_parse(&proxy, c->proxy, cause)
                       : adit_proxy_choose(&proxy, true, t->host, t->port, getenv, cause);

    if (!err && secure) {
        t->tls = adit_tls_client_new(&tls, cause);
        err = t->tls ? 0 : -EINVAL;
    }
    if (err)
        return err;
    conf.tls = t->tls;
    conf.proxy = proxy.kind == ADIT_PROXY_NONE ? NULL : &proxy;
    err = adit_stream_connect(&t->stream, t->d->loop, &conf, &ops, t);
    explicit_bzero(&proxy, sizeof proxy);
    if (err)
        adit_cause_set(cause, ADIT_REASON_LOCAL, -err, "%s", strerror(-err));
    return err;
}

static void on_resolved(void *arg, int err, const struct adit_addr *addrs, size_t count,
                        adit_time now)
{
    struct adit_diag_turn *t = arg;

    if (!err && count)
        t->server = addrs[0];
    t->resolve = adit_resolve_free(t->resolve); /* and what it found */
    if (err)
        finish(t, adit_resolve_error(err),
               "look whether its name is right, and at /etc/resolv.conf");
    else
        open_udp(t, now);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void on_tick(struct adit_timer *timer, adit_time now)
{
    struct adit_diag_turn *t = adit_container_of(timer, struct adit_diag_turn, timer);

    if (t->turn)
        adit_turn_tick(t->turn, now);
    look(t, now);
}

/* RFC 7065, as far as anybody uses it; what is wrong was refused with the options. */
static bool parse(struct adit_diag_turn *t, const char *uri)
{
    bool secure = adit_str_starts(uri, "turns:");
    const char *host = uri + (secure ? 6 : 5);
    struct adit_diag_stun place = { 0 };

    t->udp_way = !secure && !strstr(uri, "?transport=tcp");
    adit_diag_place(&place, host, secure ? TURNS_PORT : TURN_PORT);
    memcpy(t->host, place.host, sizeof t->host);
    t->port = place.port;
    return secure;
}

void adit_diag_turn_start(struct adit_diag *d)
{
    json_t *list = json_array();

    json_object_set_new(d->report, "turn", list);
    for (size_t i = 0; i < d->conf->turn_count && d->turn_count < ADIT_DIAG_TURN_MAX; i++) {
        struct adit_diag_turn *t = &d->turn[d->turn_count++];
        bool secure;
        struct adit_resolve_conf conf = { .host = t->host, .timeout = ADIT_DIAG_NAME_MAX };
        struct adit_cause cause;

        t->d = d;
        t->conf = &d->conf->turn[i];
        t->began = adit_loop_now(d->loop);
        t->facts = json_pack("{s:s, s:b}", "name", t->conf->uri, "ok", 0);
        json_array_append_new(list, t->facts);
        adit_timer_init(&t->timer, d->loop, on_tick, "turn");
        adit_diag_begin(d, &t->check, "TURN");
        secure = parse(t, t->conf->uri);
        conf.port = t->port;
        if (t->udp_way) {
            if (adit_resolve_start(&t->resolve, d->loop, &conf, on_resolved, t) < 0)
                finish(t, "not a name or an address", "look at --turn");
        } else if (open_stream(t, secure, &cause) < 0) {
            finish(t, cause.text, "look at --turn, --proxy and --ca");
        }
    }
}

void adit_diag_turn_stop(struct adit_diag *d)
{
    for (size_t i = 0; i < d->turn_count; i++) {
        struct adit_diag_turn *t = &d->turn[i];

        adit_timer_stop(&t->timer);
        t->resolve = adit_resolve_free(t->resolve);
        t->turn = adit_turn_free(t->turn);
        t->stream = adit_stream_free(t->stream);
        t->tls = adit_tls_client_free(t->tls);
        adit_udp_close(&t->udp);
    }
}
