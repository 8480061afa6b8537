#include "sim/dialect_script.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/str.h"
#include "signal/dialect.h"

#define WORDS_MAX 8
#define TURNS_MAX 2000 /* deadlines in one `wait` */

struct play {
    struct adit_buf *out;
    struct adit_dialect_conf conf;
    struct adit_rng rng;
    struct adit_dialect_state *s;
    const struct adit_dialect *d;
    adit_time now;
    struct adit_cause cause;
};

/* ---- what the dialect does ------------------------------------------------------------------- */

static void say_bytes(struct adit_buf *out, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;

    for (size_t i = 0; i < n; i++) {
        if (p[i] < 0x20 || p[i] == 0x7f || p[i] == '\\')
            adit_buf_printf(out, "\\x%02x", p[i]);
        else
            adit_buf_add8(out, p[i]);
    }
}

static void say_request(struct play *p, const struct adit_dialect_request *r)
{
    adit_buf_printf(p->out, " %s", r->target);
    for (unsigned i = 0; i < r->header_count; i++)
        adit_buf_printf(p->out, " [%s: %s]", r->headers[i].name, r->headers[i].value);
    if (r->body)
        adit_buf_printf(p->out, " %.*s", (int)r->body_len, r->body);
    adit_buf_printf(p->out, "\n");
}

static void on_http(void *arg, const struct adit_dialect_request *r)
{
    struct play *p = arg;

    adit_buf_printf(p->out, "  http#%u %s", r->tag, r->method);
    say_request(p, r);
}

static void on_websocket(void *arg, const struct adit_dialect_request *r)
{
    struct play *p = arg;

    adit_buf_printf(p->out, "  websocket");
    say_request(p, r);
}

static void on_send(void *arg, const char *text, size_t n)
{
    struct play *p = arg;

    adit_buf_printf(p->out, "  > ");
    say_bytes(p->out, text, n);
    adit_buf_printf(p->out, "\n");
}

static void on_datagram(void *arg, const struct adit_addr *to, const void *bytes, size_t n)
{
    struct play *p = arg;
    char text[ADIT_ADDR_STR];

    adit_buf_printf(p->out, "  udp %s ", adit_addr_str(to, text));
    say_bytes(p->out, bytes, n);
    adit_buf_printf(p->out, "\n");
}

static void say(struct play *p, const char *name, const char *value)
{
    if (*value) {
        adit_buf_printf(p->out, " %s=", name);
        say_bytes(p->out, value, strlen(value));
    }
}

static void on_event(void *arg, const struct adit_signal_event *e)
{
    static const char *const names[] = { "joined",  "peer",    "gone", "description", "candidate",
                                         "end",     "bye",     "ice",  "error",       "request",
                                         "outcome", "message", "rtt",  "endpoint",    "remap",
                                         "seen",    "bench",   "down", "stopped" };
    struct play *p = arg;
    char text[ADIT_ADDR_STR];

    adit_buf_printf(p->out, "  %s", names[e->what]);
    say(p, "peer", e->peer);
    if (e->what == ADIT_SIGNAL_PEER)
        adit_buf_printf(p->out, " %s", e->offer ? "ours" : "theirs");
    if (e->what == ADIT_SIGNAL_DESCRIPTION)
        adit_buf_printf(p->out, " %s", e->type == ADIT_SIGNAL_OFFER ? "offer" : "answer");
    say(p, "text", e->text);
    say(p, "mid", e->mid);
    if (e->mline >= 0)
        adit_buf_printf(p->out, " mline=%d", e->mline);
    say(p, "transport", e->transport);
    say(p, "session", e->session);
    say(p, "relay", e->relay_url);
    say(p, "grant", e->relay_token);
    for (unsigned i = 0; i < e->server_count; i++) {
        say(p, "url", e->servers[i].url);
        say(p, "user", e->servers[i].username ? e->servers[i].username : "");
        say(p, "secret", e->servers[i].credential ? e->servers[i].credential : "");
    }
    if (e->addr.family)
        adit_buf_printf(p->out, " addr=%s", adit_addr_str(&e->addr, text));
    if (e->what == ADIT_SIGNAL_RTT)
        adit_buf_printf(p->out, " rtt=%llu", (unsigned long long)(e->rtt / ADIT_MS));
    if (e->what == ADIT_SIGNAL_BENCH)
        adit_buf_printf(p->out, " chunks=%llu bytes=%llu ms=%llu",
                        (unsigned long long)e->bench.chunks, (unsigned long long)e->bench.bytes,
                        (unsigned long long)(e->bench.took / ADIT_MS));
    if (e->cause.err == ENOENT)
        adit_buf_printf(p->out, " not-there");
    say(p, "why", e->cause.text);
    adit_buf_printf(p->out, "\n");
}

static void on_fail(void *arg, const struct adit_cause *cause, bool again, bool final)
{
    struct play *p = arg;

    adit_buf_printf(p->out, "  fail%s%s", again ? " again" : "", final ? " final" : "");
    say(p, "why", cause->text);
    adit_buf_printf(p->out, "\n");
    p->cause = *cause;
}

static const struct adit_dialect_ops ops = { .http = on_http,
                                             .websocket = on_websocket,
                                             .send = on_send,
                                             .datagram = on_datagram,
                                             .event = on_event,
                                             .fail = on_fail };

/* ---- what happens to it ---------------------------------------------------------------------- */

static void configure(struct play *p, char *line)
{
    const char *name = strtok(line, " ");

    p->conf = (struct adit_dialect_conf){ .target = "", .rng = &p->rng };
    p->d = name ? adit_dialect_find(name) : NULL;
    for (char *word = strtok(NULL, " "); word; word = strtok(NULL, " ")) {
        char *value = strchr(word, '=');
        if (!value)
            continue;
        *value++ = 0;
        if (strcmp(word, "id") == 0)
            p->conf.id = value;
        else if (strcmp(word, "token") == 0)
            p->conf.token = value;
        else if (strcmp(word, "room") == 0)
            p->conf.room = value;
        else if (strcmp(word, "target") == 0)
            p->conf.target = value;
        else if (strcmp(word, "email") == 0)
            p->conf.email = value;
        else if (strcmp(word, "password") == 0)
            p->conf.password = value;
        else if (strcmp(word, "device_key") == 0)
            p->conf.device_key = value;
        else if (strcmp(word, "new_account") == 0)
            p->conf.new_account = true;
        else if (strcmp(word, "role") == 0)
            p->conf.role = *value == 'o' ? ADIT_DIALECT_OFFERER : ADIT_DIALECT_ANSWERER;
    }
    if (!p->d)
        return;
    p->s = adit_zalloc(p->d->size);
    if (!p->s)
        abort();
    p->s->dialect = p->d;
    p->s->ops = &ops;
    p->s->conf = &p->conf;
    p->s->arg = p;
    int err = p->d->start ? p->d->start(p->s, &p->cause, p->now) : 0;
    if (err < 0) {
        adit_buf_printf(p->out, "  refused: %s\n", p->cause.text);
        if (p->d->done)
            p->d->done(p->s);
        adit_free(p->s);
        p->s = NULL;
    }
}

/* \xHH becomes a byte, in place. */
static size_t unescape(char *text)
{
    char *o = text;

    for (const char *p = text; *p; p++) {
        if (p[0] == '\\' && p[1] == 'x' && adit_hex_value(p[2]) >= 0 && adit_hex_value(p[3]) >= 0) {
            *o++ = (char)(adit_hex_value(p[2]) << 4 | adit_hex_value(p[3]));
            p += 3;
        } else {
            *o++ = *p;
        }
    }
    return (size_t)(o - text);
}

/* Exactly as large as they are, so that reading beyond is seen. */
static char *exact(const char *text, size_t n)
{
    char *copy = malloc(n ? n : 1);

    if (!copy)
        abort();
    memcpy(copy, text, n);
    return copy;
}

static void wait(struct play *p, double seconds)
{
    adit_time until = p->now;

    if (seconds > 0 && seconds < 1e6)
        until += (adit_time)(seconds * (double)ADIT_SEC);
    for (int i = 0; i < TURNS_MAX && p->d->deadline; i++) {
        adit_time at = p->d->deadline(p->s);
        if (at > until)
            break;
        p->now = adit_time_max(at, p->now);
        p->d->tick(p->s, p->now);
    }
    p->now = until;
}

static void lost(struct play *p, int status, unsigned code, const char *reason)
{
    bool final = false, again = false;

    p->cause.text[0] = 0;
    if (p->d->lost)
        again = p->d->lost(p->s, status, code, reason, &p->cause, &final, p->now);
    p->s->joined = false;
    adit_buf_printf(p->out, "  %s%s", again ? "again" : "later", final ? " final" : "");
    say(p, "why", p->cause.text);
    adit_buf_printf(p->out, "\n");
}

static void answered(struct play *p, char *rest)
{
    struct adit_dialect_response r = { .tag = (unsigned)(rest[0] == '1') };
    char *status = strchr(rest, ' '), *body = status ? strchr(status + 1, ' ') : NULL;

    if (!status || !p->d->answered)
        return;
    r.status = atoi(status);
    body = body ? body + 1 : status + strlen(status);
    if (adit_str_starts(body, "seq=")) {
        r.seq = strtoull(body + 4, &body, 10);
        body += *body == ' ';
    }
    r.n = unescape(body);
    char *copy = exact(body, r.n);
    r.body = copy;
    p->d->answered(p->s, &r, p->now);
    free(copy);
}

static void outcome_of(struct play *p, int err)
{
    if (err)
        adit_buf_printf(p->out, "  %s\n",
                        err == -EAGAIN     ? "EAGAIN"
                        : err == -ENOTSUP  ? "ENOTSUP"
                        : err == -EMSGSIZE ? "EMSGSIZE"
                                           : "error");
}

static char *next(char **rest)
{
    char *word = *rest, *end = strchr(word, ' ');

    *rest = end ? end + 1 : word + strlen(word);
    if (end)
        *end = 0;
    return word;
}

static int command(struct play *p, const char *verb, char *rest)
{
    const struct adit_dialect *d = p->d;
    struct adit_dialect_state *s = p->s;
    const char *peer;
    struct adit_addr addr;

    if (!s->joined && !d->datagram)
        return -EAGAIN;
    if (strcmp(verb, "endpoint") == 0)
        return adit_addr_parse_port(&addr, rest, strlen(rest), 0) < 0 ? 0
               : d->endpoint ? d->endpoint(s, &addr, p->now)
                             : -ENOTSUP;
    peer = next(&rest);
    if (strcmp(verb, "call") == 0)
        return d->call(s, peer, p->now);
    if (strcmp(verb, "offer") == 0 || strcmp(verb, "answer") == 0) {
        size_t n = unescape(rest);
        return d->describe(s, peer, *verb == 'o' ? ADIT_SIGNAL_OFFER : ADIT_SIGNAL_ANSWER, rest, n,
                           p->now);
    }
    if (strcmp(verb, "cand") == 0) {
        const char *mid = next(&rest);
        int mline = atoi(next(&rest));
        return d->candidate(s, peer, rest, strcmp(mid, "-") == 0 ? "" : mid, mline, p->now);
    }
    if (strcmp(verb, "end") == 0)
        return d->candidate(s, peer, NULL, "", -1, p->now);
    if (strcmp(verb, "bye") == 0)
        return d->bye(s, peer, p->now);
    if (strcmp(verb, "outcome") == 0)
        return d->outcome ? d->outcome(s, peer, *rest == 'y', p->now) : -ENOTSUP;
    if (strcmp(verb, "say") == 0)
        return d->message ? d->message(s, peer, rest, strlen(rest), p->now) : -ENOTSUP;
    if (strcmp(verb, "ping") == 0)
        return d->ping ? d->ping(s, peer, p->now) : -ENOTSUP;
    if (strcmp(verb, "bench") == 0) {
        uint64_t bytes = strtoull(next(&rest), NULL, 10);
        return d->bench ? d->bench(s, peer, bytes, (unsigned)atoi(rest), p->now) : -ENOTSUP;
    }
    return 0;
}

static void came(struct play *p, char *text)
{
    size_t n = unescape(text);
    char *copy = exact(text, n);

    if (p->d->text)
        p->d->text(p->s, copy, n, p->now);
    free(copy);
}

static void came_udp(struct play *p, char *rest)
{
    const char *from = next(&rest);
    struct adit_addr addr;

    if (!p->d->datagram || adit_addr_parse_port(&addr, from, strlen(from), 1) < 0)
        return;
    size_t n = unescape(rest);
    char *copy = exact(rest, n);
    if (!p->d->datagram(p->s, &addr, copy, n, p->now))
        adit_buf_printf(p->out, "  not ours\n");
    free(copy);
}

static void step(struct play *p, void (*what)(struct adit_dialect_state *s, adit_time now))
{
    if (what)
        what(p->s, p->now);
}

static void line(struct play *p, char *text)
{
    char *rest = text + 1;

    if (*text == '<')
        came(p, *rest ? rest + 1 : rest);
    else if (*text == '#')
        answered(p, rest);
    else if (strcmp(text, "begin") == 0)
        step(p, p->d->begin);
    else if (strcmp(text, "open") == 0)
        step(p, p->d->opened);
    else if (strcmp(text, "leave") == 0)
        step(p, p->d->leave);
    else {
        const char *verb = next(&text);
        if (strcmp(verb, "lost") == 0) {
            int status = atoi(next(&text));
            unsigned code = (unsigned)atoi(next(&text));
            lost(p, status, code, text);
        } else if (strcmp(verb, "wait") == 0) {
            wait(p, atof(text));
        } else if (strcmp(verb, "udp") == 0) {
            came_udp(p, text);
        } else {
            outcome_of(p, command(p, verb, text));
        }
    }
}

void adit_dialect_script(struct adit_buf *out, const char *script, size_t len)
{
    struct play p = { .out = out, .now = 1000 * ADIT_SEC };
    char *conf = NULL;

    adit_rng_init_seed(&p.rng, 1);
    for (size_t at = 0; at < len;) {
        const char *end = memchr(script + at, '\n', len - at);
        size_t n = end ? (size_t)(end - script) - at : len - at;
        char *copy = calloc(1, n + 1);

        if (!copy)
            abort();
        memcpy(copy, script + at, n);
        at += n + 1;
        if (strncmp(copy, "  ", 2) == 0) { /* what was done the last time */
            free(copy);
            continue;
        }
        adit_buf_add(out, copy, n);
        adit_buf_add8(out, '\n');
        if (!conf && adit_str_starts(copy, "conf ")) {
            conf = copy; /* the configuration points into it */
            configure(&p, copy + strlen("conf "));
            continue;
        }
        if (p.s)
            line(&p, copy);
        free(copy);
    }
    if (p.s && p.d->done)
        p.d->done(p.s);
    adit_free(p.s);
    free(conf);
}
