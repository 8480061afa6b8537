#include <stdio.h>

#include "diag/inner.h"

#define RESOLV_CONF "/etc/resolv.conf"

/* Where nothing is configured by name. Reserved for such uses (RFC 2606); that it exists matters
 * not, only that somebody answers. */
#define ANY_NAME "example.com"

/* The first name that will be needed; NULL: there are addresses only. */
static const char *name_needed(const struct adit_diag *d)
{
    struct adit_addr addr;

    if (d->conf->signal && d->signaling.url.host[0] && d->signaling.proxy.kind == ADIT_PROXY_NONE &&
        adit_addr_parse(&addr, d->signaling.url.host, strlen(d->signaling.url.host)) < 0)
        return d->signaling.url.host;
    for (size_t i = 0; i < d->stun_count; i++)
        if (adit_addr_parse(&addr, d->stun[i].host, strlen(d->stun[i].host)) < 0)
            return d->stun[i].host;
    return NULL;
}

static void on_resolved(void *arg, int err, const struct adit_addr *addrs, size_t count,
                        adit_time now)
{
    struct adit_diag_resolver *r = arg;
    bool answers = err == 0 || err == -ENOENT;

    (void)addrs;
    (void)count;
    r->d->facts.dns_ok |= answers;
    json_object_set_new(r->facts, "ok", json_boolean(answers));
    if (answers)
        json_object_set_new(r->facts, "ms", adit_diag_ms(now - r->asked));
    else
        adit_diag_problem(r->facts,
                          err == -ETIMEDOUT      ? "no answer"
                          : err == -EHOSTUNREACH ? "cannot be reached, or refuses"
                                                 : adit_resolve_error(err),
                          "look at /etc/resolv.conf, and whether UDP and TCP port 53 get out");
    r->resolve = adit_resolve_free(r->resolve);
    adit_diag_finish(r->d, &r->check);
}

static void ask(struct adit_diag *d, const char *address, const char *name, json_t *list)
{
    struct adit_diag_resolver *r = &d->resolvers[d->resolver_count];
    struct adit_resolve_conf conf = { .host = name,
                                      .timeout = ADIT_DIAG_NAME_MAX,
                                      .servers = r->address };

    if (d->resolver_count == ADIT_DIAG_RESOLVERS_MAX || strlen(address) >= sizeof r->address)
        return;
    d->resolver_count++;
    r->d = d;
    memcpy(r->address, address, strlen(address) + 1);
    r->facts = json_pack("{s:s, s:b}", "address", address, "ok", 0);
    json_array_append_new(list, r->facts);
    r->asked = adit_loop_now(d->loop);
    if (adit_resolve_start(&r->resolve, d->loop, &conf, on_resolved, r) == 0)
        adit_diag_begin(d, &r->check, "DNS");
}

void adit_diag_names_start(struct adit_diag *d)
{
    const char *needed = name_needed(d);
    json_t *list = json_array();
    FILE *f = fopen(RESOLV_CONF, "re");
    char line[512], address[ADIT_ADDR_STR];

    json_object_set_new(d->report, "dns",
                        json_pack("{s:o, s:b}", "servers", list, "needed", needed != NULL));
    d->facts.dns_needed = needed != NULL;
    d->facts.dns_ok = false;
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, " nameserver %63s", address) == 1)
            ask(d, address, needed ? needed : ANY_NAME, list);
    if (f)
        fclose(f);
}

void adit_diag_names_stop(struct adit_diag *d)
{
    for (size_t i = 0; i < d->resolver_count; i++)
        d->resolvers[i].resolve = adit_resolve_free(d->resolvers[i].resolve);
}
