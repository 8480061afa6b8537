/* inner.h - what the files of the diagnosis share; nobody else includes it.
 *
 *   diag.c       life: which check begins when, the limit, and the verdict at the end
 *   host.c       interfaces, routes, clock, what the kernel offers
 *   names.c      name servers, and the names of STUN servers
 *   stun.c       each STUN server: what all uplinks heard of it, and TCP to it
 *   turn.c       each TURN server: whether it lends us an address
 *   signaling.c  the signaling server, step by step
 *   uplink.c     one address of ours: the NAT before it, and the size of its path
 *   gateway.c    whether the router before it offers to map ports
 *   verdict.c    what all of that means; print.c: for people
 *
 * A check says adit_diag_begin, writes what it found into the report, and says adit_diag_finish. */
#ifndef ADIT_DIAG_INNER_H
#define ADIT_DIAG_INNER_H

#include "core/defroute.h"
#include "core/dial.h"
#include "core/proxy.h"
#include "core/resolve.h"
#include "core/stream.h"
#include "core/tls.h"
#include "core/udp.h"
#include "diag/diag.h"
#include "diag/verdict.h"
#include "http/url.h"
#include "http/ws_handshake.h"
#include "ice/behaviour.h"
#include "ice/pmtu.h"
#include "ice/turn.h"

#define ADIT_DIAG_UPLINKS_MAX   8
#define ADIT_DIAG_RESOLVERS_MAX 3
#define ADIT_DIAG_NAME_MAX      (2500 * ADIT_MS) /* for a name server; others wait for the name */
#define ADIT_DIAG_TCP_MAX       (3 * ADIT_SEC)
#define ADIT_DIAG_CHECKS_MAX    48

struct adit_diag_uplink;

/* Something that runs. */
struct adit_diag_check {
    struct adit_link link; /* in d->checks */
    const char *name;      /* for who waits */
};

/* A name server of this host. */
struct adit_diag_resolver {
    struct adit_diag *d;
    struct adit_diag_check check;
    struct adit_resolve *resolve;
    char address[ADIT_ADDR_STR];
    adit_time asked;
    json_t *facts;
};

struct adit_diag_stun {
    struct adit_diag *d;
    struct adit_diag_check check, tcp_check;
    char host[256];
    uint16_t port;
    struct adit_resolve *resolve;
    struct adit_addr addrs[2]; /* one of each family, or family NONE */
    struct adit_dial *dial;
    adit_time dialled;
    bool asked, answered;
    adit_time rtt; /* the least that was seen */
    json_t *facts;
};

struct adit_diag_turn {
    struct adit_diag *d;
    struct adit_diag_check check;
    const struct adit_turn_server *conf;
    char host[256];
    uint16_t port;
    bool udp_way; /* else a stream */
    struct adit_resolve *resolve;
    struct adit_addr server;
    struct adit_udp udp;
    struct adit_stream *stream;
    struct adit_tls_client *tls;
    struct adit_turn *turn;
    struct adit_timer timer;
    struct adit_turn_event event; /* the last one, if something has happened */
    bool happened, ok;
    adit_time began;
    json_t *facts;
};

struct adit_diag_signaling {
    struct adit_diag *d;
    struct adit_diag_check check;
    struct adit_url url;
    struct adit_proxy proxy;
    struct adit_resolve *resolve;
    struct adit_dial *dial;
    struct adit_tls_client *tls;
    struct adit_stream *stream;
    struct adit_http1 *http;
    char key[ADIT_WS_KEY_SIZE];
    struct adit_buf request;
    struct adit_addr addrs[ADIT_RESOLVE_MAX];
    size_t addr_count;
    adit_time began; /* the step that runs */
    adit_time tcp;   /* what a connection took */
    bool ok;
    json_t *facts;
};

struct adit_diag {
    struct adit_loop *loop;
    const struct adit_diag_conf *conf;
    const struct adit_diag_ops *ops;
    void *arg;
    struct adit_rng rng;
    struct adit_link checks; /* that run */
    unsigned begun, finished;
    struct adit_timer limit;
    struct adit_task start, settle;
    bool over;
    adit_time started;
    int64_t wall;

    struct adit_netif_list list;
    struct adit_netif_choice choices[ADIT_DIAG_UPLINKS_MAX];
    size_t choice_count;
    struct adit_defroute routes[ADIT_DEFROUTES_MAX];
    size_t route_count;

    struct adit_diag_resolver resolvers[ADIT_DIAG_RESOLVERS_MAX];
    size_t resolver_count;
    struct adit_diag_stun stun[ADIT_DIAG_STUN_MAX];
    size_t stun_count, resolving;
    struct adit_diag_turn turn[ADIT_DIAG_TURN_MAX];
    size_t turn_count;
    struct adit_diag_signaling signaling;
    struct adit_diag_uplink *uplinks[ADIT_DIAG_UPLINKS_MAX];
    size_t uplink_count;

    struct adit_diag_facts facts;
    struct adit_diag_verdict verdict;
    json_t *report;
};

/* diag.c */
void adit_diag_begin(struct adit_diag *d, struct adit_diag_check *check, const char *name);
void adit_diag_finish(struct adit_diag *d, struct adit_diag_check *check); /* may be repeated */
/* Milliseconds with three digits behind the point. */
json_t *adit_diag_ms(adit_time t);
/* "problem" and "advice" of an object. */
void adit_diag_problem(json_t *facts, const char *problem, const char *advice);

/* host.c */
void adit_diag_host(struct adit_diag *d);
json_t *adit_diag_clock(const struct adit_diag *d, bool *ret_ok, adit_time now);

/* names.c */
void adit_diag_names_start(struct adit_diag *d);
void adit_diag_names_stop(struct adit_diag *d);

/* stun.c */
void adit_diag_stun_start(struct adit_diag *d); /* resolves; when that is over, uplinks start */
void adit_diag_stun_stop(struct adit_diag *d);
void adit_diag_stun_report(struct adit_diag *d); /* at the end: what the uplinks heard */

/* Fills host and port from "host", "host:port", "[2001:db8::1]:port", as far as a '?'; the host is
 * "" if it is too long. */
void adit_diag_place(struct adit_diag_stun *s, const char *text, uint16_t port);

/* turn.c */
void adit_diag_turn_start(struct adit_diag *d);
void adit_diag_turn_stop(struct adit_diag *d);

/* signaling.c */
void adit_diag_signaling_start(struct adit_diag *d);
void adit_diag_signaling_stop(struct adit_diag *d);

/* uplink.c */
void adit_diag_uplinks_start(struct adit_diag *d);
void adit_diag_uplinks_stop(struct adit_diag *d);
void adit_diag_uplinks_report(struct adit_diag *d);

/* gateway.c */
struct adit_igd_job;
struct adit_diag_gateway {
    struct adit_diag *d;
    struct adit_diag_check check;
    struct adit_udp udp;
    struct adit_addr router;
    struct adit_timer timer;
    unsigned sends;
    bool asked; /* often enough */
    struct adit_igd_job *look;
    bool pcp, nat_pmp, upnp;
    struct adit_addr external; /* as NAT-PMP or UPnP says; family NONE */
};

/* The first address to ask from is local; nothing if there is no router. */
void adit_diag_gateway_start(struct adit_diag *d, struct adit_diag_gateway *g,
                             const struct adit_addr *local, const struct adit_addr *router);
void adit_diag_gateway_stop(struct adit_diag_gateway *g);
json_t *adit_diag_gateway_report(const struct adit_diag_gateway *g);

#endif
