/* engine.h - one peer connection: ICE, DTLS, SCTP and the data channels put together (RFC 8825,
 * 8831).
 *
 * An engine without I/O, with the five verbs of its parts. The owner binds sockets and names them
 * as bases, carries the descriptions, and feeds packets and time; everything else follows. What
 * keeps it fast to connect: checks that arrive before the remote description are answered, DTLS
 * packets that arrive before it are kept, DTLS starts on the first pair that works in both
 * directions, not on the nominated one, and SCTP's INIT leaves with the last flight of DTLS.
 *
 * If the association alone dies (an ABORT), it is set up again over the same DTLS; channels get
 * CLOSED. */
#ifndef ADIT_ENGINE_H
#define ADIT_ENGINE_H

#include "base/rng.h"
#include "ice/ice.h"
#include "peer/desc.h"
#include "sctp/sctp.h"

struct adit_engine;

enum adit_role {
    ADIT_ROLE_UNDECIDED,
    ADIT_ROLE_OFFERER,  /* ICE controlling, DTLS server unless the answer says otherwise */
    ADIT_ROLE_ANSWERER, /* ICE controlled, DTLS client */
};

struct adit_engine_conf {
    const struct adit_cert *cert; /* borrowed, outlives the engine */
    struct adit_rng *rng;         /* borrowed, outlives the engine */
    const struct adit_addr *stun; /* copied */
    size_t stun_count;
    enum adit_path path;
    const char *ufrag, *pwd;         /* copied; NULL = generated */
    bool allow_loopback, hide_hosts; /* see ice.h */
    adit_time ta, patience;          /* see ice.h; 0 = default */
    size_t mtu;            /* largest UDP payload; 0 = what the path carries, see ice/pmtu.h */
    uint32_t message_max;  /* our max-message-size; 0 = 256 KiB */
    unsigned channels_max; /* 0 = 1024 */
    size_t send_buffer, recv_buffer; /* see sctp.h; 0 = default */
    /* How long a connection is kept DISCONNECTED when consent has expired, and ICE restarts are
     * tried, or the other side's waited for. 0: it ends then. */
    adit_time hold;
};

/* When each phase was reached, on the owner's clock; 0 = not yet. */
struct adit_engine_times {
    adit_time started, gathered, remote_set, ice_valid, dtls_up, sctp_up, channel_open;
};

struct adit_engine_stats {
    uint64_t packets_sent, packets_received, bytes_sent,
        bytes_received;                   /* UDP payload, STUN not counted */
    unsigned sctp_restarts, ice_restarts; /* the latter: that came to another pair */
    /* Inner packets in records of their own; dropped: of a type that we do not know. */
    uint64_t datagrams_sent, datagrams_received, datagram_bytes_sent, datagram_bytes_received,
        datagrams_dropped;
    struct adit_engine_times times;
    struct adit_ice_stats ice;
    struct adit_sctp_stats sctp;
    const char *cipher; /* "" before DTLS stands */
};

enum adit_engine_event_type {
    ADIT_ENGINE_EV_STATE,    /* state; cause of FAILED and CLOSED */
    ADIT_ENGINE_EV_CAND,     /* cand: to be told to the other side (trickle) */
    ADIT_ENGINE_EV_GATHERED, /* the description is complete */
    ADIT_ENGINE_EV_MAPPED,   /* cand: what was told to the other side is out of date, see ice.h */
    ADIT_ENGINE_EV_SELECTED, /* another pair is in use */
    ADIT_ENGINE_EV_MTU,      /* adit_engine_packet_max and adit_engine_datagram_max have changed */
    ADIT_ENGINE_EV_CHANNEL,  /* sctp: ACCEPT, OPEN, MESSAGE, WRITABLE, LOW or CLOSED of a channel */
    ADIT_ENGINE_EV_DATAGRAM, /* bytes, n: one packet that came beside SCTP */
    ADIT_ENGINE_EV_RESTART,  /* adit_engine_describe has new credentials: they are to be told, as
                              * the type of the description says; GATHERED comes again */
    ADIT_ENGINE_EV_LOST,     /* consent has expired; DISCONNECTED lasts for conf.hold */
    ADIT_ENGINE_EV_ASSOCIATED, /* SCTP stands (again, after an ABORT: open your channels anew) */
    ADIT_ENGINE_EV_RELAY,      /* relay, up; cause if not: a TURN server lends us an address, or not
                                * (any more). It is tried again unless cause.err is EAFNOSUPPORT or
                                * EPROTONOSUPPORT */
};

struct adit_engine_event {
    enum adit_engine_event_type type;
    enum adit_peer_state state;
    const struct adit_cand *cand;
    const struct adit_sctp_event *sctp;
    const void *bytes; /* valid during the call */
    size_t n;
    int relay; /* as adit_engine_add_turn has named it */
    bool up;
    struct adit_cause cause;
};

struct adit_engine_ops {
    /* A datagram is to leave socket `base`. May queue or send, nothing else. */
    void (*send)(void *arg, int base, const struct adit_addr *to, const void *bytes, size_t n);
    /* May call anything but adit_engine_free. */
    void (*event)(void *arg, const struct adit_engine_event *ev);
    /* Of TURN servers by TCP or TLS, see relays.h; may be NULL without such. As `send`. */
    void (*turn_open)(void *arg, int relay, const struct adit_addr *server);
    void (*turn_send)(void *arg, int relay, const void *bytes, size_t n);
    void (*turn_close)(void *arg, int relay);
};

/* NULL without memory. */
struct adit_engine *adit_engine_new(const struct adit_engine_conf *conf,
                                    const struct adit_engine_ops *ops, void *arg, adit_time now);
struct adit_engine *adit_engine_free(struct adit_engine *e); /* returns NULL */

/* The bases, as in ice.h; their names are below ADIT_ENGINE_RELAY_BASE, for what relays lend are
 * bases, too. */
#define ADIT_ENGINE_RELAY_BASE 0x10000
ADIT_MUST_USE int adit_engine_add_base(struct adit_engine *e, int base,
                                       const struct adit_addr *addr, uint16_t preference,
                                       bool announce, adit_time now);
/* One that TURN servers are asked from, and nothing else; where there is one, they are asked from
 * no other. */
void adit_engine_add_turn_base(struct adit_engine *e, int base, const struct adit_addr *addr,
                               uint16_t preference, adit_time now);
/* An address that leads to a base, or no longer does, see ice.h. */
ADIT_MUST_USE int adit_engine_set_mapped(struct adit_engine *e, int base,
                                         const struct adit_addr *server,
                                         const struct adit_addr *addr, adit_time now);
/* An address at a relay that the owner keeps up, see ice.h. */
ADIT_MUST_USE int adit_engine_add_relay(struct adit_engine *e, int base,
                                        const struct adit_ice_relay *relay, adit_time now);
/* An address for connections by TCP, see ice.h. */
ADIT_MUST_USE int adit_engine_add_tcp(struct adit_engine *e, int base, const struct adit_addr *addr,
                                      enum adit_tcptype tcptype, uint16_t preference, bool announce,
                                      adit_time now);
bool adit_engine_authentic(const struct adit_engine *e, const void *bytes, size_t n);
void adit_engine_remove_base(struct adit_engine *e, int base, adit_time now);
/* Another STUN server, once its name is resolved. */
void adit_engine_add_stun(struct adit_engine *e, const struct adit_addr *server, adit_time now);
void adit_engine_bases_done(struct adit_engine *e, adit_time now);
void adit_engine_send_failed(struct adit_engine *e, int base, const struct adit_addr *to, int err,
                             adit_time now);

/* We will send an offer. Not called by an answerer (the remote offer decides) nor for symmetric
 * pairing, and nothing once the remote description is set. */
void adit_engine_set_offerer(struct adit_engine *e);
/* Symmetric pairing: an answer makes ours the offer it answers. */
void adit_engine_set_symmetric(struct adit_engine *e);
enum adit_role adit_engine_role(const struct adit_engine *e);

/* What to tell the other side now; complete after GATHERED. An answer only after the offer was set.
 */
void adit_engine_describe(const struct adit_engine *e, struct adit_desc *ret_desc);
/* The offer that our answer mirrors, or NULL. */
const struct adit_desc *adit_engine_remote_offer(const struct adit_engine *e);

/* ICE restarts (RFC 8445 section 9): a second agent, with credentials and candidates of its own,
 * looks for a path beside the one in use, and takes over when it has one. DTLS and SCTP do not
 * notice. Two adits tell each other in advance, over the connection, with which credentials their
 * next agents will come, so neither needs signaling for a restart; where it is there, it carries
 * the new addresses. Begun by itself when consent is missing; at most one in a while. */

/* Our addresses have changed: begins one as soon as it may. False: nothing before DTLS stands, nor
 * towards a peer that is no adit (who could not answer it). */
bool adit_engine_restart(struct adit_engine *e, adit_time now);
/* Has a candidate of ours this address, whatever its port? */
bool adit_engine_is_at(const struct adit_engine *e, const struct adit_addr *ip);
/* Is one under way that the other side has not answered? */
bool adit_engine_restarting(const struct adit_engine *e);

/* What we say of the restart under way is this from now on: it is carried by people, who know which
 * of the two is asked for. False: there is none. */
ADIT_MUST_USE bool adit_engine_describe_as(struct adit_engine *e, enum adit_desc_type type);
/* What the credentials that adit_engine_describe has are derived from (ticket.h); NULL: they are
 * the owner's, from before the first restart. */
const uint8_t *adit_engine_nonce(const struct adit_engine *e);
/* As what adit_engine_describe describes us now, and if all candidates are in it. */
enum adit_desc_type adit_engine_describes(const struct adit_engine *e);
bool adit_engine_gathered(const struct adit_engine *e);

/* The other side's description; its type UNKNOWN takes the type that fits our role, and, if we have
 * none, the roles come from comparing fingerprints (symmetric pairing: the greater one answers).
 * Copied. Names among the candidates (adit_cand_named) are the owner's to resolve and to add; with
 * such ones the end of candidates is when the owner says so. If there is a description already: new
 * credentials with the same fingerprint and session are a restart by the other side, or the answer
 * to ours; the same credentials bring candidates; all else is -EALREADY. -EINVAL with *ret_cause:
 * it does not fit (an offer where an answer is due, our own description, nothing in common);
 * -ENOMEM.
 */
ADIT_MUST_USE int adit_engine_set_remote(struct adit_engine *e, const struct adit_desc *desc,
                                         struct adit_cause *ret_cause, adit_time now);
ADIT_MUST_USE int adit_engine_add_candidate(struct adit_engine *e, const struct adit_cand *cand,
                                            adit_time now);
void adit_engine_candidates_done(struct adit_engine *e, adit_time now);

/* Returns whether anything but a packet for ADIT_ENGINE_EV_DATAGRAM came: those do not bring the
 * deadline nearer, and cost less if nobody asks for it. */
bool adit_engine_feed(struct adit_engine *e, int base, const struct adit_addr *from,
                      const void *bytes, size_t n, adit_time now);
adit_time adit_engine_deadline(const struct adit_engine *e);
void adit_engine_tick(struct adit_engine *e, adit_time now);

/* We have not run for seconds (a host that slept, a process that was stopped): before all that is
 * due. Nothing counts as missing that could not come, and the path is asked at once: if it does not
 * answer within a second, another one is looked for. */
void adit_engine_back(struct adit_engine *e, adit_time now);

/* Channels may be opened from the start, and are used by the functions of sctp.h. NULL with
 * *ret_err as there. */
struct adit_channel *adit_engine_open_channel(struct adit_engine *e,
                                              const struct adit_channel_conf *conf, int *ret_err,
                                              adit_time now);
void adit_engine_pause(struct adit_engine *e); /* see adit_sctp_pause */
void adit_engine_resume(struct adit_engine *e, adit_time now);
/* The largest message the other side takes; before the association stands, what its description
 * says. */
size_t adit_engine_message_max(const struct adit_engine *e);
/* The largest message that makes one packet on the path in use, as far as that is known. *ret_sure:
 * it is known, and larger ones do not (ice/pmtu.h). */
size_t adit_engine_packet_max(const struct adit_engine *e, bool *ret_sure);
/* The largest datagram that the path in use is known to carry, UDP payload in bytes; 0: there is
 * none, or nothing is known of it yet. */
size_t adit_engine_path_mtu(const struct adit_engine *e);

/* As adit_sctp_flow; 0 and 0 without an association. */
void adit_engine_flow(const struct adit_engine *e, uint32_t *ret_window, adit_time *ret_rtt);

/* Packets beside SCTP, each in a DTLS record of its own: neither repeated nor put in order, and
 * nothing waits for anything (docs/datagram.md). */
/* We take them: our description says so. Before the first description. */
void adit_engine_take_datagrams(struct adit_engine *e);
/* Both sides take them. */
bool adit_engine_datagrams(const struct adit_engine *e);
/* As adit_engine_packet_max. */
size_t adit_engine_datagram_max(const struct adit_engine *e, bool *ret_sure);
/* One packet. -EOPNOTSUPP: not with this peer; -EMSGSIZE: more than the path carries; -ENOTCONN:
 * not yet; -EPIPE: closing or closed. What the network or a full queue drops is lost. */
ADIT_MUST_USE int adit_engine_datagram(struct adit_engine *e, const uint8_t *bytes, size_t n);
/* Of adit_engine_deadline, what a datagram may have brought nearer: whether it is answered has to
 * be looked at. */
adit_time adit_engine_datagram_deadline(const struct adit_engine *e);

/* The host cannot do what a connection needs: ends in FAILED, with this cause. */
void adit_engine_fail(struct adit_engine *e, const struct adit_cause *cause, adit_time now);
/* Delivers what is queued, says goodbye, and ends in CLOSED; at most ADIT_ENGINE_CLOSE_MAX later.
 */
#define ADIT_ENGINE_CLOSE_MAX (5 * ADIT_SEC)
void adit_engine_close(struct adit_engine *e, adit_time now);

enum adit_peer_state adit_engine_state(const struct adit_engine *e);
bool adit_engine_stun_answered(const struct adit_engine *e); /* see adit_ice_stun_answered */
bool adit_engine_selected(const struct adit_engine *e, struct adit_ice_pair_info *ret_info);
void adit_engine_stats(struct adit_engine *e, struct adit_engine_stats *ret_stats);
/* See ice.h; candidates: NULL behind the last. */
enum adit_mapping adit_engine_mapping(const struct adit_engine *e);
const struct adit_cand *adit_engine_local(const struct adit_engine *e, size_t i);
const struct adit_cand *adit_engine_remote(const struct adit_engine *e, size_t i);
/* See adit_ice_pair_at. */
bool adit_engine_pair_at(const struct adit_engine *e, size_t i,
                         struct adit_ice_pair_view *ret_view);
bool adit_engine_stun_at(const struct adit_engine *e, size_t i,
                         struct adit_ice_stun_view *ret_view);

#endif
