/* fwd_inner.h - the inside of `struct adit_forwards`; only for forwards.c and fwd_*.c.
 *
 *     forwards.c      the facade
 *     fwd_conn.c      connections: a stream joined to a socket of ours
 *     fwd_listen.c    -L and -D: callers of ours
 *     fwd_open.c      what the other side connects to here
 *     fwd_remote.c    -R, from both sides
 *     fwd_stdio.c     -W
 *     fwd_socks.c     -D until a client has what it asked for; fwd_assoc.c its datagrams
 *     fwd_flow.c      datagrams that we open a stream for; fwd_udp.c: those of -U
 *     fwd_udp_open.c  datagrams that the other side opened a stream for */
#ifndef ADIT_FWD_INNER_H
#define ADIT_FWD_INNER_H

#include "app/endpoint.h"
#include "app/forwards.h"
#include "base/list.h"
#include "base/rng.h"

struct adit_listen;
struct adit_resolve;
struct adit_stream;
struct adit_fwd_udp_door;

/* One entry of conf->list. */
struct adit_fwd_door {
    struct adit_forwards *f;
    const struct adit_fwd *fwd;
    struct adit_listen *listen;    /* LOCAL, SOCKS */
    struct adit_fwd_udp_door *udp; /* UDP */
    struct adit_mux_stream *asked; /* REMOTE: the LISTEN stream */
    enum adit_mux_code told;       /* why the last one failed, so that it is told once */
};

struct adit_forwards {
    struct adit_forwards_conf conf;
    const struct adit_forwards_ops *ops;
    void *arg;
    struct adit_rng rng;
    struct adit_mux *mux; /* NULL: no tunnel */
    bool told_no_tunnel, told_forbidden, told_too_long, told_full, paused;
    struct adit_fwd_door *doors;
    size_t door_count;
    struct adit_link conns;   /* struct adit_fwd_conn */
    struct adit_link clients; /* of SOCKS, struct adit_fwd_client */
    struct adit_link listens; /* asked for by the other side, struct adit_fwd_listens */
    struct adit_link theirs;  /* datagrams of the other side, struct adit_fwd_udp */
    unsigned flows, their_flows, listen_count; /* how many there are */
    size_t early; /* bytes of theirs that wait for a name to be resolved */
    struct adit_endpoint *stdio;
    bool stdio_over;
    struct adit_cause stdio_cause;
    struct adit_forwards_stats stats;
};

/* ---- fwd_conn.c ---- */

struct adit_fwd_conn {
    struct adit_link link;
    struct adit_forwards *f;
    struct adit_fwd_door *door; /* through which it came; NULL: none of ours */
    struct adit_endpoint *endpoint;
    struct adit_resolve *resolve;
    struct adit_end to; /* while it is resolved */
};

/* NULL without memory. */
struct adit_fwd_conn *adit_fwd_conn_new(struct adit_forwards *f, struct adit_fwd_door *door);
struct adit_fwd_conn *adit_fwd_conn_free(struct adit_fwd_conn *c);
/* One more (or less) of what conns_max counts; listening pauses at the limit. */
void adit_fwd_conn_count(struct adit_forwards *f, int more);
bool adit_fwd_full(const struct adit_forwards *f);
/* Takes fd: who called sees a reset. Without a tunnel, that is told once. */
void adit_fwd_turn_away(struct adit_forwards *f, int fd);
void adit_fwd_tell_no_tunnel(struct adit_forwards *f);
/* Says why what goes through this door fails, if that is news. DONE: it works. */
void adit_fwd_door_tell(struct adit_fwd_door *door, enum adit_mux_code code);

/* ---- fwd_listen.c ---- */

ADIT_MUST_USE int adit_fwd_listen(struct adit_fwd_door *door, struct adit_cause *ret_cause);
/* Takes the socket: a new stream to `target`, joined to it. */
void adit_fwd_call(struct adit_forwards *f, struct adit_fwd_door *door, enum adit_mux_kind kind,
                   const void *target, size_t n, int fd, const struct adit_addr *from);
/* "[::1]:80", "unix:/path": an end for listen.h. Returns out. */
char *adit_fwd_listen_at(const struct adit_end *end, char out[ADIT_END_STR]);

/* ---- fwd_open.c ---- */

void adit_fwd_open(struct adit_forwards *f, struct adit_mux_stream *s, const uint8_t *target,
                   size_t n, adit_time now);
/* Joins a stream of the other side to `to`. by_addr: only addresses that are permitted. */
void adit_fwd_connect(struct adit_forwards *f, struct adit_mux_stream *s, const struct adit_end *to,
                      bool by_addr, adit_time now);
/* Not permitted: counted, told once. */
void adit_fwd_forbid(struct adit_forwards *f, struct adit_mux_stream *s, const struct adit_end *to);
/* From resolve.h's negative errno. */
enum adit_mux_code adit_fwd_resolve_code(int err);
/* Those that are permitted, moved to the front; how many. */
size_t adit_fwd_permitted(const struct adit_forwards *f, enum adit_end_kind kind,
                          struct adit_addr *addrs, size_t count);

/* ---- fwd_remote.c ---- */

void adit_fwd_ask(struct adit_fwd_door *door);
void adit_fwd_called(struct adit_forwards *f, struct adit_mux_stream *s, const uint8_t *target,
                     size_t n, adit_time now);
void adit_fwd_asked(struct adit_forwards *f, struct adit_mux_stream *s, const uint8_t *target,
                    size_t n, adit_time now);
void adit_fwd_listens_stop(struct adit_forwards *f);
void adit_fwd_listens_pause(struct adit_forwards *f, bool pause);

/* ---- fwd_stdio.c ---- */

void adit_fwd_stdio_start(struct adit_forwards *f, adit_time now);

/* ---- fwd_socks.c ---- */

/* Takes the socket. */
void adit_fwd_client(struct adit_fwd_door *door, int fd, const struct adit_addr *from);
void adit_fwd_clients_stop(struct adit_forwards *f);

/* ---- fwd_assoc.c ---- */

struct adit_fwd_assoc;

/* For a client at `peer` (family NONE: a local one), which has reached us at `local`. -errno. */
ADIT_MUST_USE int adit_fwd_assoc_new(struct adit_fwd_assoc **ret_assoc, struct adit_forwards *f,
                                     const struct adit_addr *local, const struct adit_addr *peer);
struct adit_fwd_assoc *adit_fwd_assoc_free(struct adit_fwd_assoc *a);
/* Where its datagrams are to go. */
const struct adit_addr *adit_fwd_assoc_at(const struct adit_fwd_assoc *a);

/* ---- fwd_udp.c ---- */

ADIT_MUST_USE int adit_fwd_udp_listen(struct adit_fwd_door *door, struct adit_cause *ret_cause);
struct adit_fwd_udp_door *adit_fwd_udp_stop(struct adit_fwd_udp_door *u);
const char *adit_fwd_udp_at(const struct adit_fwd_udp_door *u, size_t i);

/* ---- fwd_udp_open.c ---- */

void adit_fwd_udp_open(struct adit_forwards *f, struct adit_mux_stream *s, const uint8_t *target,
                       size_t n, adit_time now);
void adit_fwd_udp_close_all(struct adit_forwards *f);

#endif
