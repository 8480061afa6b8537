#include "app/forwards.h"

#include "app/fwd_inner.h"
#include "base/alloc.h"
#include "base/log.h"
#include "core/listen.h"

/* ---- life ------------------------------------------------------------------------------------ */

static int open_door(struct adit_fwd_door *door, struct adit_cause *ret_cause)
{
    switch (door->fwd->kind) {
    case ADIT_FWD_LOCAL:
    case ADIT_FWD_SOCKS:
        return adit_fwd_listen(door, ret_cause);
    case ADIT_FWD_UDP:
        return adit_fwd_udp_listen(door, ret_cause);
    case ADIT_FWD_REMOTE: /* when there is somebody to ask */
    case ADIT_FWD_STDIO:
        break;
    }
    return 0;
}

static void tell_where(const struct adit_forwards *f)
{
    const char *at;

    for (size_t n = 0; n < f->door_count; n++)
        for (size_t i = 0; (at = adit_forwards_at(f, n, i)) != NULL; i++)
            adit_log(ADIT_LOG_INFO, "forward", "listening at %s%s", at,
                     f->doors[n].fwd->kind == ADIT_FWD_UDP ? " (UDP)" : "");
}

int adit_forwards_start(struct adit_forwards **ret_forwards, const struct adit_forwards_conf *conf,
                        const struct adit_forwards_ops *ops, void *arg,
                        struct adit_cause *ret_cause)
{
    struct adit_forwards *f = adit_zalloc(sizeof *f);
    int err = 0;

    if (f && conf->count)
        f->doors = adit_zalloc(conf->count * sizeof *f->doors);
    if (!f || (conf->count && !f->doors)) {
        adit_free(f);
        adit_cause_set(ret_cause, ADIT_REASON_RESOURCE, ENOMEM, "out of memory");
        return -ENOMEM;
    }
    f->conf = *conf;
    f->ops = ops;
    f->arg = arg;
    adit_rng_init(&f->rng);
    adit_list_init(&f->conns);
    adit_list_init(&f->clients);
    adit_list_init(&f->listens);
    adit_list_init(&f->theirs);
    for (size_t i = 0; i < conf->count && !err; i++) {
        f->doors[i] = (struct adit_fwd_door){ .f = f, .fwd = &conf->list[i] };
        f->door_count++;
        err = open_door(&f->doors[i], ret_cause);
    }
    if (err) {
        adit_forwards_stop(f);
        return err;
    }
    tell_where(f);
    *ret_forwards = f;
    return 0;
}

struct adit_forwards *adit_forwards_stop(struct adit_forwards *f)
{
    if (!f)
        return NULL;
    for (size_t i = 0; i < f->door_count; i++) {
        f->doors[i].listen = adit_listen_free(f->doors[i].listen);
        f->doors[i].udp = adit_fwd_udp_stop(f->doors[i].udp);
        if (f->doors[i].asked)
            adit_mux_reset(f->doors[i].asked, ADIT_MUX_DONE, NULL);
    }
    f->door_count = 0;
    adit_fwd_listens_stop(f);
    adit_fwd_clients_stop(f);
    while (!adit_list_empty(&f->conns))
        adit_fwd_conn_free(adit_container_of(f->conns.next, struct adit_fwd_conn, link));
    adit_fwd_udp_close_all(f);
    f->stdio = adit_endpoint_free(f->stdio);
    adit_free(f->doors);
    adit_free(f);
    return NULL;
}

/* ---- the tunnel ------------------------------------------------------------------------------ */

void adit_forwards_attach(struct adit_forwards *f, struct adit_mux *mux, adit_time now)
{
    f->mux = mux;
    f->told_no_tunnel = f->told_forbidden = f->told_too_long = f->told_full = false;
    for (size_t i = 0; i < f->door_count; i++) {
        f->doors[i].told = ADIT_MUX_DONE;
        if (f->doors[i].fwd->kind == ADIT_FWD_REMOTE)
            adit_fwd_ask(&f->doors[i]);
    }
    adit_fwd_stdio_start(f, now);
}

void adit_forwards_detach(struct adit_forwards *f, adit_time now)
{
    (void)now;
    f->mux = NULL;
}

bool adit_forwards_opened(struct adit_forwards *f, struct adit_mux_stream *s,
                          enum adit_mux_kind kind, const uint8_t *target, size_t n, adit_time now)
{
    switch (kind) {
    case ADIT_MUX_STREAM:
        adit_fwd_open(f, s, target, n, now);
        return true;
    case ADIT_MUX_DATAGRAMS:
        adit_fwd_udp_open(f, s, target, n, now);
        return true;
    case ADIT_MUX_LISTEN:
        adit_fwd_asked(f, s, target, n, now);
        return true;
    case ADIT_MUX_CALLED:
        adit_fwd_called(f, s, target, n, now);
        return true;
    case ADIT_MUX_HTTP:
    case ADIT_MUX_FILE:
        break;
    }
    return false;
}

/* ---- looking --------------------------------------------------------------------------------- */

void adit_forwards_stats(const struct adit_forwards *f, struct adit_forwards_stats *ret_stats)
{
    *ret_stats = f->stats;
    ret_stats->flows = f->flows + f->their_flows;
}

const char *adit_forwards_at(const struct adit_forwards *f, size_t n, size_t i)
{
    const struct adit_fwd_door *door = n < f->door_count ? &f->doors[n] : NULL;

    if (door && door->udp)
        return adit_fwd_udp_at(door->udp, i);
    return door && door->listen && i < adit_listen_count(door->listen)
               ? adit_listen_at(door->listen, i)
               : NULL;
}
