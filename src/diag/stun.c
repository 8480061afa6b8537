#include <stdio.h>
#include <unistd.h>

#include "base/str.h"
#include "diag/inner.h"

#define STUN_PORT 3478 /* RFC 8489 section 9 */

void adit_diag_place(struct adit_diag_stun *s, const char *host, uint16_t default_port)
{
    size_t len = strcspn(host, "?");
    const char *colon = memchr(host, ':', len);
    struct adit_addr addr;
    uint64_t port = default_port;

    if (adit_addr_parse_port(&addr, host, len, default_port) == 0) {
        adit_addr_str_ip(&addr, s->host);
        s->port = addr.port;
        return;
    }
    if (colon)
        (void)!adit_str_u64(&port, colon + 1, len - (size_t)(colon + 1 - host), 1, 65535);
    s->port = (uint16_t)port;
    if (adit_str_copy(s->host, sizeof s->host, host, colon ? (size_t)(colon - host) : len) < 0)
        s->host[0] = '\0';
}

/* ---- by TCP: does anything get out? ---------------------------------------------------------- */

static bool is_web(uint16_t port)
{
    return port == 80 || port == 443;
}

/* Who refuses has been reached, too. */
static void on_dialled(void *arg, int fd, const struct adit_addr *addr,
                       const struct adit_cause *cause, adit_time now)
{
    struct adit_diag_stun *s = arg;
    bool reached = fd >= 0 || cause->err == ECONNREFUSED;

    (void)addr;
    if (fd >= 0)
        close(fd);
    s->d->facts.tcp |= reached;
    s->d->facts.stun_tcp |= fd >= 0;
    s->d->facts.tcp_other |= reached && !is_web(s->port);
    json_object_set_new(s->facts, "tcp_ms", reached ? adit_diag_ms(now - s->dialled) : json_null());
    s->dial = adit_dial_free(s->dial);
    adit_diag_finish(s->d, &s->tcp_check);
}

static void dial(struct adit_diag_stun *s)
{
    struct adit_addr addrs[2];
    struct adit_dial_conf conf = { .addrs = addrs, .timeout = ADIT_DIAG_TCP_MAX };

    for (int i = 0; i < 2; i++)
        if (s->addrs[i].family)
            addrs[conf.addr_count++] = s->addrs[i];
    s->dialled = adit_loop_now(s->d->loop);
    s->d->facts.tcp_tried |= !is_web(s->port);
    if (adit_dial_start(&s->dial, s->d->loop, &conf, on_dialled, s) == 0)
        adit_diag_begin(s->d, &s->tcp_check, "TCP");
}

/* ---- names ----------------------------------------------------------------------------------- */

static void resolved(struct adit_diag *d)
{
    if (--d->resolving == 0)
        adit_diag_uplinks_start(d);
}

static void on_resolved(void *arg, int err, const struct adit_addr *addrs, size_t count,
                        adit_time now)
{
    struct adit_diag_stun *s = arg;

    (void)now;
    for (size_t i = 0; !err && i < count; i++) {
        int six = addrs[i].family == ADIT_FAMILY_V6;

        if (!s->addrs[six].family)
            s->addrs[six] = addrs[i];
    }
    s->resolve = adit_resolve_free(s->resolve); /* and what it found */
    if (err)
        adit_diag_problem(s->facts, adit_resolve_error(err),
                          err == -ENOENT ? "look whether the name of the STUN server is right"
                                         : "look at /etc/resolv.conf, or give its address");
    else
        dial(s);
    resolved(s->d);
    adit_diag_finish(s->d, &s->check);
}

static void resolve(struct adit_diag_stun *s)
{
    struct adit_resolve_conf conf = { .host = s->host,
                                      .port = s->port,
                                      .timeout = ADIT_DIAG_NAME_MAX };

    adit_diag_begin(s->d, &s->check, "STUN");
    if (s->host[0] && adit_resolve_start(&s->resolve, s->d->loop, &conf, on_resolved, s) == 0)
        return;
    adit_diag_problem(s->facts, "not a name or an address", "write it as HOST or HOST:PORT");
    resolved(s->d);
    adit_diag_finish(s->d, &s->check);
}

void adit_diag_stun_start(struct adit_diag *d)
{
    json_t *list = json_array();

    json_object_set_new(d->report, "stun", list);
    d->resolving = 1; /* us, until all have been begun */
    for (size_t i = 0; i < d->conf->stun_count && d->stun_count < ADIT_DIAG_STUN_MAX; i++) {
        struct adit_diag_stun *s = &d->stun[d->stun_count++];

        s->d = d;
        /* RFC 7064 */
        adit_diag_place(s, d->conf->stun[i] + (adit_str_starts(d->conf->stun[i], "stun:") ? 5 : 0),
                        STUN_PORT);
        s->facts = json_pack("{s:s, s:b}", "name", d->conf->stun[i], "ok", 0);
        json_array_append_new(list, s->facts);
        d->resolving++;
        resolve(s);
    }
    resolved(d);
}

void adit_diag_stun_stop(struct adit_diag *d)
{
    for (size_t i = 0; i < d->stun_count; i++) {
        d->stun[i].resolve = adit_resolve_free(d->stun[i].resolve);
        d->stun[i].dial = adit_dial_free(d->stun[i].dial);
    }
}

void adit_diag_stun_report(struct adit_diag *d)
{
    for (size_t i = 0; i < d->stun_count; i++) {
        struct adit_diag_stun *s = &d->stun[i];

        json_object_set_new(s->facts, "ok", json_boolean(s->answered));
        if (s->answered)
            json_object_set_new(s->facts, "ms", adit_diag_ms(s->rtt));
        else if (s->asked && !json_object_get(s->facts, "problem"))
            adit_diag_problem(s->facts, "no answer by UDP",
                              d->facts.udp ? "it may be down, or at another port: others answer"
                                           : "the firewall may not let UDP out, or it is down");
        else if (!s->asked && !json_object_get(s->facts, "problem"))
            adit_diag_problem(s->facts, "no address of ours leads there",
                              "look whether this host has an address of that family");
    }
}
