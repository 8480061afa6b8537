/* fwd_listen - callers of ours: each one's connection becomes a stream. */
#include <stdio.h>
#include <unistd.h>

#include "app/fwd_inner.h"
#include "base/log.h"
#include "core/listen.h"

void adit_fwd_call(struct adit_forwards *f, struct adit_fwd_door *door, enum adit_mux_kind kind,
                   const void *target, size_t n, int fd, const struct adit_addr *from)
{
    struct adit_fwd_conn *c = f->mux && !adit_fwd_full(f) ? adit_fwd_conn_new(f, door) : NULL;
    int err = c ? adit_endpoint_open(c->endpoint, f->mux, kind, target, n) : -EPIPE;

    if (err) {
        adit_debug("forward", "a caller is turned away: %s", strerror(-err));
        adit_fwd_turn_away(f, fd);
    } else {
        err = adit_endpoint_accept(c->endpoint, fd, from);
    }
    if (err && c)
        adit_fwd_conn_free(c);
}

static void on_accepted(void *arg, int fd, const struct adit_addr *from, adit_time now)
{
    struct adit_fwd_door *door = arg;
    char to[ADIT_END_STR];

    (void)now;
    if (!door->f->mux) {
        adit_fwd_turn_away(door->f, fd);
    } else if (door->fwd->kind == ADIT_FWD_SOCKS) {
        adit_fwd_client(door, fd, from);
    } else {
        adit_end_str(&door->fwd->to, to);
        adit_fwd_call(door->f, door, ADIT_MUX_STREAM, to, strlen(to), fd, from);
    }
}

static const struct adit_listen_ops ops = { .accepted = on_accepted };

char *adit_fwd_listen_at(const struct adit_end *end, char out[ADIT_END_STR])
{
    char text[ADIT_END_STR];

    adit_end_str(end, text);
    snprintf(out, ADIT_END_STR, "%s", end->kind == ADIT_END_TCP ? text + 4 : text);
    return out;
}

int adit_fwd_listen(struct adit_fwd_door *door, struct adit_cause *ret_cause)
{
    char text[ADIT_END_STR];
    const char *at = adit_fwd_listen_at(&door->fwd->at, text);
    struct adit_listen_conf conf = { .at = &at, .count = 1 };
    int err = adit_listen_open(&door->listen, door->f->conf.loop, &conf, &ops, door, ret_cause);

    if (!err)
        door->f->stats.listens += (unsigned)adit_listen_count(door->listen);
    return err;
}
