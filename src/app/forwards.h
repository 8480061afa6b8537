/* forwards.h - port forwards over one mux: -L, -R, -D, -U, -W, and what the other side asks for.
 *
 *     start       listens, once and for as long as it lives
 *     attach      the tunnel is up: what comes is carried now, -R is asked for, -W begins
 *     opened      the other side opened a stream
 *     detach      the tunnel is gone, and adit_mux_lost has closed every stream
 *     stop
 *
 * Without a tunnel, callers are turned away with a reset at once. */
#ifndef ADIT_FORWARDS_H
#define ADIT_FORWARDS_H

#include "app/fwd_spec.h"
#include "app/mux.h"
#include "app/permit.h"
#include "core/reactor.h"

#define ADIT_FORWARDS_CONNS_MAX   1024 /* connections at once, from either side */
#define ADIT_FORWARDS_FLOWS_MAX   1024 /* of datagrams, from either side each */
#define ADIT_FORWARDS_LISTENS_MAX 64   /* that the other side may ask for */
#define ADIT_FORWARDS_UDP_IDLE    (60 * ADIT_SEC)
#define ADIT_FORWARDS_SHAKE       (30 * ADIT_SEC) /* for a client of SOCKS to say what it wants */

struct adit_forwards;

/* What the other side may reach by name, with or without a permit. */
struct adit_fwd_service {
    const char *name;
    struct adit_end to; /* TCP, UNIX or SERIAL */
};

/* Borrowed, and outlives the forwards; zero but for the loop is a good configuration. */
struct adit_forwards_conf {
    struct adit_loop *loop;
    const struct adit_fwd *list; /* kinds LOCAL, REMOTE, SOCKS, UDP */
    size_t count;
    const struct adit_end *stdio; /* -W; NULL = none */
    int in, out;                  /* for -W */
    const struct adit_permits *permits;
    const struct adit_fwd_service *services;
    size_t service_count;
    const char *servers;                     /* name servers, as in resolve.h */
    const char *socks_user, *socks_password; /* NULL = nobody is asked */
    unsigned conns_max, flows_max;           /* 0 = ADIT_FORWARDS_… */
    adit_time udp_idle;                      /* 0 = ADIT_FORWARDS_UDP_IDLE */
    adit_time connect_timeout;               /* 0 = that of stream.h */
};

struct adit_forwards_ops {
    /* -W is over. reason NONE: all that was to be carried has been. May be NULL without -W; may
     * call anything but adit_forwards_stop. */
    void (*done)(void *arg, const struct adit_cause *cause, adit_time now);
};

struct adit_forwards_stats {
    unsigned conns, flows; /* open now */
    unsigned listens;      /* sockets that others may call */
    uint64_t conns_total, flows_total;
    uint64_t turned_away;         /* callers: no tunnel, or too many */
    uint64_t forbidden;           /* asked for by the other side, and not permitted */
    uint64_t failed;              /* could not be reached, or broke off */
    uint64_t bytes_out, bytes_in; /* into the tunnel, and out of it; of connections */
    uint64_t datagrams_out, datagrams_in;
    uint64_t datagrams_dropped; /* no room, too long, from a stranger, no header */
};

/* -errno, and *ret_cause says which address cannot be listened at, and why. */
ADIT_MUST_USE int adit_forwards_start(struct adit_forwards **ret_forwards,
                                      const struct adit_forwards_conf *conf,
                                      const struct adit_forwards_ops *ops, void *arg,
                                      struct adit_cause *ret_cause);
/* Breaks what is open. Returns NULL; f may be NULL. */
struct adit_forwards *adit_forwards_stop(struct adit_forwards *f);

void adit_forwards_attach(struct adit_forwards *f, struct adit_mux *mux, adit_time now);
void adit_forwards_detach(struct adit_forwards *f, adit_time now);
/* False: it is of another kind. Otherwise it has been taken or reset. */
bool adit_forwards_opened(struct adit_forwards *f, struct adit_mux_stream *s,
                          enum adit_mux_kind kind, const uint8_t *target, size_t n, adit_time now);

void adit_forwards_stats(const struct adit_forwards *f, struct adit_forwards_stats *ret_stats);
/* "127.0.0.1:8080": where the i-th socket of the n-th forward of the list listens, for tests and
 * for people who gave port 0; NULL: there is none. */
const char *adit_forwards_at(const struct adit_forwards *f, size_t n, size_t i);

#endif
