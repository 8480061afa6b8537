/* inner.h - the inside of the engine, shared by the files of this room only. */
#ifndef ADIT_PEER_INNER_H
#define ADIT_PEER_INNER_H

#include "dtls/dtls.h"
#include "peer/engine.h"
#include "peer/relays.h"
#include "peer/ticket.h"

/* The newest of some packets, all zero = none: DTLS that came before we could answer it (RFC 8842
 * section 5.5 tells to expect that), a ClientHello and what follows it; and what went where nobody
 * answered (again.c). */
#define EARLY_MAX  4
#define KEPT_MAX   32
#define KEPT_BYTES 1500

struct kept_packet {
    uint8_t *bytes; /* NULL: there is none */
    size_t n;
    adit_time at;
};

struct kept {
    struct kept_packet packets[KEPT_MAX];
    unsigned first, count;
};

struct peer_again {
    struct kept packets; /* datagrams since then */
    adit_time since;
    bool on;
};

/* An association that is aborted more often than this is given up. */
#define SCTP_RESTARTS_MAX 8

#define PEER_BASES_MAX 32 /* as many as ICE takes */
#define PEER_STUN_MAX  8
#define PEER_AGENTS    6 /* the two, and those that are to be freed */

/* What the owner told us of a base, for the next ICE agent. */
struct peer_base {
    int id;
    bool is_relay;
    struct adit_ice_relay relay;
    struct adit_addr addr;
    enum adit_tcptype tcptype; /* NONE: UDP */
    uint16_t preference;
    bool announce;
};

/* An ICE agent of ours; the argument of its callbacks. */
struct peer_agent {
    struct adit_engine *e;
    struct adit_ice *ice; /* NULL = free */
    bool dead;            /* to be freed when no call of it is on the stack */
};

/* An address that leads to a base, as `server` says. */
struct peer_mapped {
    int base;
    struct adit_addr server, addr;
};

struct peer_cred {
    char ufrag[ADIT_UFRAG_MAX + 1], pwd[ADIT_PWD_MAX + 1]; /* "" = unknown */
};

/* restart.c: ICE restarts. There are at most two agents at a time: the one in use and, while there
 * is a restart, the next one; or the one that was in use, a moment longer. */
struct peer_restart {
    struct adit_ice *next, *past;          /* or NULL */
    adit_time next_until;                  /* given up if the old one works, or NEVER */
    adit_time past_until;                  /* what was sent over it has come in, or NEVER */
    struct peer_cred ours, theirs;         /* of the next agents, said in advance */
    char theirs_after[ADIT_UFRAG_MAX + 1]; /* the ufrag that they used when they said so */
    /* What ours come from, so that a ticket can tell them; and those of the agent in use. */
    uint8_t nonce[ADIT_TICKET_NONCE], used_nonce[ADIT_TICKET_NONCE];
    struct peer_cred remote;       /* that `next` has; ufrag "": none yet */
    struct adit_cand path;         /* the other side's end of the pair that was used last */
    enum adit_desc_type described; /* as what RESTART was told last; UNKNOWN = never */
    bool answering;                /* the restart is theirs */
    bool doubted;                  /* the path in use does not answer, though it has consent */
    adit_time doubted_at;
    bool followed; /* their data come by way of the next agent's pairs */
    adit_time began;
    adit_time wanted;  /* when one begins, or NEVER */
    adit_time ours_at; /* when we began one last */
    adit_time pause;   /* until the next while the path works, doubling */
    adit_time lost_at; /* consent has expired, or NEVER */
    unsigned count;    /* descriptions after the first: o= */
    unsigned done;     /* that came to another pair */
};

/* told.c: what we tell the other adit over the connection itself. */
struct peer_told {
    uint32_t seq, heard; /* of what we say; of what was heard last */
    bool dirty;          /* something is new */
    unsigned sends;
    adit_time next; /* when it is sent again; NEVER = acknowledged, or given up */
};

struct adit_engine {
    struct adit_engine_conf conf; /* stun, ufrag, pwd were copied and are NULL here */
    const struct adit_engine_ops *ops;
    void *arg;
    adit_time now; /* of the call we are in: sub-engines call back without it */

    enum adit_role role;
    bool symmetric;
    enum adit_peer_state state; /* as last told */
    struct adit_cause cause;    /* why it ended; reason NONE while it has not */
    struct adit_cause goodbye;  /* the peer's, while what it sent before is still to be read */
    bool closing;               /* adit_engine_close was called, or the peer shut down */
    adit_time close_at;         /* give up waiting for the goodbye */

    struct adit_ice *ice; /* in use */
    struct peer_agent agents[PEER_AGENTS];
    struct peer_restart restart;
    struct peer_told told;
    struct peer_base bases[PEER_BASES_MAX];
    size_t base_count;
    struct peer_mapped mapped[PEER_BASES_MAX];
    size_t mapped_count;
    struct adit_addr stun[PEER_STUN_MAX];
    size_t stun_count;
    bool bases_done;
    bool moved;              /* to another path, and nothing has come by it yet */
    unsigned in_ice;         /* calls of an agent that are on the stack */
    uint64_t dropped_before; /* STUN, by agents that are gone */
    struct adit_dtls *dtls;
    bool dtls_started;
    struct adit_sctp *sctp;
    struct adit_sctp *next; /* takes over from sctp, which is ending; has channels. Or NULL */
    bool sctp_started,
        sctp_down; /* down: to be freed or replaced when no call of it is on the stack */
    struct adit_cause sctp_cause;
    struct kept early;
    struct peer_again again;
    bool settling;
    bool datagrams; /* we take them */

    struct adit_relays *relays; /* NULL before the first base */
    struct adit_desc *remote;   /* NULL until set */
    uint64_t session_id;
    uint64_t packets_sent, packets_received, bytes_sent, bytes_received;
    unsigned sctp_restarts;
    uint64_t datagrams_sent, datagrams_received, datagram_bytes_sent, datagram_bytes_received;
    struct adit_engine_times times;
};

static inline bool adit_engine_ended(const struct adit_engine *e)
{
    return e->cause.reason != ADIT_REASON_NONE;
}

/* parts.c: the largest UDP payload on the path at hand. */
size_t adit_parts_mtu(const struct adit_engine *e);
/* datagram.c. DTLS stands. */
void adit_datagram_start(struct adit_engine *e);
void adit_datagram_feed(struct adit_engine *e, const uint8_t *bytes, size_t n);

/* parts.c. NULL without memory. */
/* The first retransmission of what runs over ICE; 0 = nothing is known. */
adit_time adit_parts_rto(const struct adit_engine *e);
/* Credentials and patience are those of conf, all else what the engine knows. */
struct adit_ice *adit_parts_new_ice(struct adit_engine *e, const struct adit_engine_conf *conf);
void adit_parts_free_ice(struct adit_engine *e, struct adit_ice *ice); /* may be NULL */
void adit_parts_reap_ice(struct adit_engine *e);
/* A record has come from there, the first since the path changed if that is it. */
void adit_parts_landed(struct adit_engine *e, int base, const struct adit_addr *from);
/* Another agent is in use. */
void adit_parts_path_changed(struct adit_engine *e);
struct adit_dtls *adit_parts_new_dtls(struct adit_engine *e, bool client);
struct adit_sctp *adit_parts_new_sctp(struct adit_engine *e);

/* describe.c: may it be what the other side says now? A cause for the user otherwise. */
ADIT_MUST_USE int adit_describe_check(const struct adit_engine *e, const struct adit_desc *desc,
                                      struct adit_cause *ret_cause);

/* bases.c: what is known of our side, for an agent that is new. */
void adit_bases_give(struct adit_engine *e, struct adit_ice *ice);
/* Of all agents there are, and of those to come; errors as adit_ice_add_base. */
ADIT_MUST_USE int adit_bases_put(struct adit_engine *e, const struct peer_base *b);
void adit_bases_drop(struct adit_engine *e, int base);
void adit_bases_put_stun(struct adit_engine *e, const struct adit_addr *server);
void adit_bases_failed(struct adit_engine *e, int base, const struct adit_addr *to, int err);

/* restart.c */
bool adit_restart_stands(const struct adit_engine *e);   /* DTLS stands, and nothing ends */
bool adit_restart_possible(const struct adit_engine *e); /* by us: the peer knows what it means */
void adit_restart_new_credentials(struct adit_engine *e);
/* False without memory. The new agent has no bases and no remote side yet. */
ADIT_MUST_USE bool adit_restart_begin(struct adit_engine *e);
void adit_restart_forget_next(struct adit_engine *e);
void adit_restart_join(struct adit_engine *e, const struct peer_cred *remote, bool lite);
void adit_restart_tell(struct adit_engine *e, enum adit_desc_type type);
/* The other side has begun, and we know with what. */
ADIT_MUST_USE bool adit_restart_begin_theirs(struct adit_engine *e);
void adit_restart_init(struct adit_engine *e);
/* The agent in use has no path now, or has failed. False: nothing can be done, it is the end. */
bool adit_restart_lost(struct adit_engine *e, bool failed);
/* They have said with which credentials their next agent will come, and if it is there. */
void adit_restart_theirs(struct adit_engine *e, const char *used, const struct peer_cred *theirs,
                         bool under_way, const struct adit_cand *cands, unsigned count);
/* Changes agents, gives one up, begins what is due. Part of settling. */
void adit_restart_settle(struct adit_engine *e);
void adit_restart_end(struct adit_engine *e);
adit_time adit_restart_deadline(const struct adit_engine *e);
void adit_restart_tick(struct adit_engine *e);
/* restart_in.c. A packet for the agent that it belongs to; begins a restart if the other side has.
 * True: it is let in, and no STUN. */
bool adit_restart_feed(struct adit_engine *e, int base, const struct adit_addr *from,
                       struct adit_span *pkt);
/* Their description, when there is one already. */
ADIT_MUST_USE int adit_restart_remote(struct adit_engine *e, const struct adit_desc *desc,
                                      struct adit_cause *ret_cause);
/* The agent whose remote side has this name, or NULL; "" = the newest that has one. */
struct adit_ice *adit_restart_named(const struct adit_engine *e, const char *ufrag);

/* The path in use is silent, though consent lasts: another one is looked for, if that may be. */
void adit_restart_doubt(struct adit_engine *e);

/* told.c */
void adit_told_changed(struct adit_engine *e);
void adit_told_settle(struct adit_engine *e);
adit_time adit_told_deadline(const struct adit_engine *e);
/* True: it was no packet of SCTP. */
bool adit_told_feed(struct adit_engine *e, const uint8_t *bytes, size_t n);

/* engine.c */
void adit_engine_tell(struct adit_engine *e, const struct adit_engine_event *ev);
/* Called last in every public function: starts what can start, ends what must, tells the new state.
 */
void adit_engine_settle(struct adit_engine *e);
/* A packet that a base, of ours or at a relay, got from there. Returns whether there may be
 * anything to settle. */
bool adit_engine_take(struct adit_engine *e, int base, const struct adit_addr *from,
                      struct adit_span pkt);
bool adit_engine_is_dtls_client(const struct adit_engine *e);
/* Ends the connection, if it has not ended yet. */
void adit_engine_end(struct adit_engine *e, const struct adit_cause *cause);

/* kept.c. A copy of it, in the place of the oldest if there are `most` (<= KEPT_MAX). */
void adit_kept_add(struct kept *q, unsigned most, const void *bytes, size_t n, adit_time now);
/* The oldest; its bytes are the caller's then. */
struct kept_packet adit_kept_take(struct kept *q);
void adit_kept_drop(struct kept *q);

/* again.c: what is sent while nobody answers goes once more by the path that does. */
void adit_again_keep(struct adit_engine *e, const uint8_t *bytes, size_t n);
void adit_again_settle(struct adit_engine *e);

#endif
