/* fwd_open - what the other side wants to connect to here: permitted, resolved once, connected. */
#include <unistd.h>

#include "app/fwd_inner.h"
#include "app/serial.h"
#include "base/log.h"
#include "core/resolve.h"
#include "core/stream.h"

/* ---- words that others use too --------------------------------------------------------------- */

enum adit_mux_code adit_fwd_resolve_code(int err)
{
    struct adit_cause cause = { .err = -err };

    return adit_endpoint_code(&cause);
}

size_t adit_fwd_permitted(const struct adit_forwards *f, enum adit_end_kind kind,
                          struct adit_addr *addrs, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++)
        if (adit_permit_addr(f->conf.permits, kind, &addrs[i]))
            addrs[kept++] = addrs[i];
    return kept;
}

static void tell_forbidden(struct adit_forwards *f, const struct adit_end *to)
{
    char text[ADIT_END_STR];

    f->stats.forbidden++;
    adit_debug("forward", "not permitted: %s", adit_end_show(to, text));
    if (!f->told_forbidden)
        adit_log(ADIT_LOG_INFO, "forward",
                 "the other side asks for what no --permit names: refused");
    f->told_forbidden = true;
}

void adit_fwd_forbid(struct adit_forwards *f, struct adit_mux_stream *s, const struct adit_end *to)
{
    tell_forbidden(f, to);
    adit_mux_reset(s, ADIT_MUX_FORBIDDEN, NULL);
}

/* ---- connecting ------------------------------------------------------------------------------ */

static void refuse(struct adit_fwd_conn *c, int err, adit_time now)
{
    struct adit_cause cause = { .err = -err };

    adit_endpoint_refuse(c->endpoint, adit_endpoint_code(&cause), NULL, now);
}

static void connect_to(struct adit_fwd_conn *c, const struct adit_addr *addrs, size_t count,
                       adit_time now)
{
    char local[ADIT_END_STR];
    struct adit_stream_conf conf = {
        .host = c->to.kind == ADIT_END_UNIX ? adit_end_str(&c->to, local) : c->to.name,
        .port = c->to.port,
        .addrs = addrs,
        .addr_count = count,
        .servers = c->f->conf.servers,
        .timeout = c->f->conf.connect_timeout,
    };
    int err = adit_endpoint_connect(c->endpoint, &conf);

    if (err)
        refuse(c, err, now);
}

static void on_resolved(void *arg, int err, const struct adit_addr *addrs, size_t count,
                        adit_time now)
{
    struct adit_fwd_conn *c = arg;
    struct adit_addr permitted[ADIT_RESOLVE_MAX];

    memcpy(permitted, addrs, count * sizeof *addrs);
    c->resolve = adit_resolve_free(c->resolve);
    if (err) {
        adit_endpoint_refuse(c->endpoint, adit_fwd_resolve_code(err), adit_resolve_error(err), now);
        return;
    }
    count = adit_fwd_permitted(c->f, c->to.kind, permitted, count);
    if (count) {
        connect_to(c, permitted, count, now);
        return;
    }
    tell_forbidden(c->f, &c->to);
    adit_endpoint_refuse(c->endpoint, ADIT_MUX_FORBIDDEN, NULL, now);
}

static void resolve(struct adit_fwd_conn *c, adit_time now)
{
    struct adit_resolve_conf conf = { .host = c->to.name,
                                      .port = c->to.port,
                                      .timeout = c->f->conf.connect_timeout,
                                      .servers = c->f->conf.servers };
    int err = adit_resolve_start(&c->resolve, c->f->conf.loop, &conf, on_resolved, c);

    if (err)
        refuse(c, err, now);
}

static void open_serial(struct adit_fwd_conn *c, adit_time now)
{
    int fd = adit_serial_open(c->to.name, c->to.baud);
    int err = fd < 0 ? fd : adit_endpoint_files(c->endpoint, fd, fd, true);

    if (err)
        refuse(c, err, now);
}

void adit_fwd_connect(struct adit_forwards *f, struct adit_mux_stream *s, const struct adit_end *to,
                      bool by_addr, adit_time now)
{
    struct adit_fwd_conn *c = adit_fwd_full(f) ? NULL : adit_fwd_conn_new(f, NULL);

    if (!c) {
        adit_mux_reset(s, ADIT_MUX_FULL, NULL);
        return;
    }
    c->to = *to;
    adit_endpoint_answer(c->endpoint, s, true);
    if (by_addr)
        resolve(c, now);
    else if (to->kind == ADIT_END_SERIAL)
        open_serial(c, now);
    else
        connect_to(c, NULL, 0, now);
}

/* ---- what is asked for ----------------------------------------------------------------------- */

static const struct adit_end *find_service(const struct adit_forwards *f, const char *name)
{
    for (size_t i = 0; i < f->conf.service_count; i++)
        if (strcmp(f->conf.services[i].name, name) == 0)
            return &f->conf.services[i].to;
    return NULL;
}

void adit_fwd_open(struct adit_forwards *f, struct adit_mux_stream *s, const uint8_t *target,
                   size_t n, adit_time now)
{
    struct adit_end to;

    if (adit_end_parse(&to, (const char *)target, n, ADIT_END_TO_CONNECT) < 0 ||
        to.kind == ADIT_END_UDP) {
        adit_mux_reset(s, ADIT_MUX_UNKNOWN, NULL);
        return;
    }
    const struct adit_end *service = to.kind == ADIT_END_SERVICE ? find_service(f, to.name) : NULL;
    if (service) {
        adit_fwd_connect(f, s, service, false, now);
        return;
    }
    enum adit_permitted answer = adit_permit_connect(f->conf.permits, &to);
    if (answer == ADIT_PERMIT_NO)
        adit_fwd_forbid(f, s, &to);
    else
        adit_fwd_connect(f, s, &to, answer == ADIT_PERMIT_BY_ADDR, now);
}
