/* ice.h - the ICE agent: finds a pair of addresses over which two hosts reach each other, and keeps
 * it alive (RFC 8445, 8838 trickle, 7675 consent, 8863 patience, 8421 dual stack).
 *
 * An engine without I/O. The owner binds sockets and names them as bases; packets of all of them
 * are fed here; what comes back is either consumed or a datagram of a validated pair. Memory is
 * bounded by the limits of the configuration, whatever the network says.
 *
 * One component, one stream: WebRTC data channels need no more (RFC 8841, RFC 8843). */
#ifndef ADIT_ICE_H
#define ADIT_ICE_H

#include "base/addr.h"
#include "base/base.h"
#include "base/rng.h"
#include "ice/behaviour.h"
#include "ice/cand.h"

/* What every path is taken to carry, UDP payload in bytes: passes 1100-byte paths, over IPv6 too. A
 * larger STUN message that leaves is a probe (pmtu.h), to be sent whole or not at all. */
#define ADIT_PMTU_BASE 1050

struct adit_ice;

enum adit_ice_state {
    ADIT_ICE_NEW,          /* no remote description yet; incoming checks are answered and kept */
    ADIT_ICE_CHECKING,     /* looking for a pair */
    ADIT_ICE_CONNECTED,    /* a pair is nominated (or valid and in use), consent is fresh */
    ADIT_ICE_DISCONNECTED, /* no answer for a while; sending goes on until consent expires */
    ADIT_ICE_FAILED,       /* nothing works and patience is over, or consent expired */
    ADIT_ICE_CLOSED,
};

struct adit_ice_limits {
    unsigned locals_max;  /* local candidates; 0 = 32 */
    unsigned remotes_max; /* remote candidates, signalled and learned; 0 = 64 */
    unsigned pairs_max;   /* RFC 8445 section 6.1.2.5; 0 = 100 */
    unsigned early_max;   /* checks kept before the remote description; 0 = 16 */
};

struct adit_ice_conf {
    const char *ufrag, *pwd;      /* copied; NULL = generated (RFC 8445 section 5.3) */
    const struct adit_addr *stun; /* copied: STUN servers, already resolved */
    size_t stun_count;
    bool hide_hosts; /* host candidates are told without their addresses, by the owner; so what a
                      * server sees is worth telling where it is the same */
    bool allow_loopback; /* remote candidates on 127/8 and ::1 are usable (tests, one host) */
    bool restarts;       /* there was an agent before: STUN servers are asked every 5 s, not 15 */
    adit_time ta;        /* pacing of all new checks and gathering; 0 = default, >= 5 ms */
    adit_time rto;       /* first retransmission; 0 = 500 ms (RFC 8445 section 14.3) */
    adit_time patience;  /* from remote credentials to FAILED, RFC 8863; 0 = 39.5 s. While it
                          * lasts, failed pairs are tried again at a slow pace: the other side
                          * may be a human who is still pasting. Beyond 39.5 s the silences on
                          * a pair grow from 0.5 to 2.5 s (more with many pairs) */
    enum adit_path path; /* what may be paired, announced and answered */
    struct adit_ice_limits limits;
    struct adit_rng *rng; /* borrowed, outlives the agent */
};

struct adit_ice_stats {
    uint64_t checks_sent, checks_received, responses_received, role_conflicts;
    uint64_t dropped_unauthenticated; /* STUN that failed integrity, or came for somebody else */
    adit_time rtt;                    /* smoothed, of the selected pair; 0 = unknown */
};

/* The pair in use; pointers live as long as the agent and until the next event. */
struct adit_ice_pair_info {
    const struct adit_cand *local, *remote;
    const struct adit_addr *to; /* where its packets go: the remote's, with the scope of the base */
    int base;
    bool nominated;
    adit_time confirmed; /* when the last check that was answered had left */
};

/* One pair of the checklist, for people who ask what was tried; pointers as above. */
struct adit_ice_pair_view {
    const struct adit_cand *local, *remote;
    const struct adit_addr *base_addr;
    int base;
    const char *state; /* of its checks; static */
    bool valid, nominated, in_use, backup, relayed;
    bool guessed;  /* nobody has named the remote address, nor called from there: predict.c */
    adit_time rtt; /* smoothed; 0 = unknown */
    unsigned loss; /* of 1000 */
    unsigned failures;
    uint64_t checks_sent, checks_answered;
    enum adit_why why;
    int err;
};

/* What one STUN server says to one base; pointers as above. */
struct adit_ice_stun_view {
    const struct adit_addr *server, *base, *mapped; /* mapped: its last answer, or NULL */
    bool settled;                                   /* it has answered, or was given up once */
    adit_time rtt; /* of the last answer to a first transmission; 0 = unknown */
};

enum adit_ice_event_type {
    ADIT_ICE_EV_STATE, /* state */
    ADIT_ICE_EV_CAND,  /* a local candidate was found (host at once, srflx when the server answers)
                        */
    ADIT_ICE_EV_GATHERED, /* no more local candidates will come */
    ADIT_ICE_EV_HEARD, /* the peer's first authenticated check came in, so it has our description. A
                        * DTLS client starts when it is selected and heard (or the peer is ice-lite)
                        */
    ADIT_ICE_EV_SELECTED, /* the pair in use changed: adit_ice_selected() */
    ADIT_ICE_EV_MTU,      /* adit_ice_mtu() changed */
    ADIT_ICE_EV_MAPPED,   /* What was printed for the other side is out of date: a STUN server now
                           * sees   us at another address, `cand`, or the host is in another network
                           */
    ADIT_ICE_EV_SILENT,   /* consent lasts, but what leaves on the pair in use is not answered for
                           * some two seconds, and no backup has answered: told once, long before
                           * DISCONNECTED */
};

struct adit_ice_event {
    enum adit_ice_event_type type;
    enum adit_ice_state state;
    const struct adit_cand *cand;
    int base;
    struct adit_cause cause; /* of FAILED */
};

struct adit_ice_ops {
    /* A datagram is to leave socket `base` for `to`. May queue or send, nothing else. */
    void (*send)(void *arg, int base, const struct adit_addr *to, const void *bytes, size_t n);
    /* Called last thing in feed/tick/add…, when the agent is consistent; may call anything but
     * adit_ice_free. */
    void (*event)(void *arg, const struct adit_ice_event *ev);
};

/* NULL without memory. conf is copied except rng; ops is borrowed and outlives the agent. */
struct adit_ice *adit_ice_new(const struct adit_ice_conf *conf, const struct adit_ice_ops *ops,
                              void *arg, adit_time now);
struct adit_ice *adit_ice_free(struct adit_ice *ice); /* returns NULL */

/* Own credentials, C strings that live as long as the agent. */
const char *adit_ice_ufrag(const struct adit_ice *ice);
const char *adit_ice_pwd(const struct adit_ice *ice);
enum adit_ice_state adit_ice_state(const struct adit_ice *ice);
bool adit_ice_controlling(const struct adit_ice *ice);
/* Until the role is set, before adit_ice_set_remote at the latest, incoming checks of either role
 * are answered without a conflict (symmetric pairing: who controls is known when both descriptions
 * are). */
void adit_ice_set_role(struct adit_ice *ice, bool controlling);
bool adit_ice_heard(const struct adit_ice *ice);

/* --- local side
 * ------------------------------------------------------------------------------------- */

/* A bound socket. `base` (>= 0) is the owner's name for it, unique among the bases present.
 * preference is RFC 8445 section 5.1.2.1's local preference (0..65535); RFC 8421 order is the
 * owner's business. Starts gathering on it. -ENOSPC at the limit, -EEXIST, -ENOMEM. A host
 * candidate on a loopback, link-local or otherwise unannounceable address: announce = false (it is
 * used, but no candidate is told). */
ADIT_MUST_USE int adit_ice_add_base(struct adit_ice *ice, int base, const struct adit_addr *addr,
                                    uint16_t preference, bool announce, adit_time now);
/* An address that a relay lent us (RFC 8656 section 2). What leaves this base goes to the owner as
 * from any other, who has the relay forward it to `to`; what the relay hands over is fed as coming
 * from the peer that sent it. */
struct adit_ice_relay {
    struct adit_addr addr;   /* the relayed address */
    struct adit_addr mapped; /* as the relay sees us: raddr of the candidate; NONE = not told */
    struct adit_addr server; /* relays at one address make one foundation */
    uint16_t preference;
};
/* Errors as adit_ice_add_base; -EPERM with ADIT_PATH_DIRECT. Removed like any base. */
ADIT_MUST_USE int adit_ice_add_relay(struct adit_ice *ice, int base,
                                     const struct adit_ice_relay *relay, adit_time now);
/* So many relays are still being asked for an address: GATHERED waits for them as for STUN servers,
 * three seconds at most after the first of these has answered, one if an address was lent by then.
 */
void adit_ice_await_relays(struct adit_ice *ice, unsigned count, adit_time now);
/* `addr` leads to this base, as `server` says: a gateway that keeps a port open, or whoever else
 * knows; it becomes a server-reflexive candidate. There is one for each base and server: another
 * address takes the place of the one before, and MAPPED is told; NULL: it leads here no more.
 * -ENOENT: no such base; -ENOSPC at the limit; -ENOMEM. */
ADIT_MUST_USE int adit_ice_set_mapped(struct adit_ice *ice, int base,
                                      const struct adit_addr *server, const struct adit_addr *addr,
                                      adit_time now);
/* An address for connections by TCP (tcp.h). What leaves this base goes to the owner with its
 * destination, and what is fed comes from the other end of a connection, frame by frame
 * (RFC 4571). The owner opens a connection with the first packet to a destination, unless the base
 * is passive, and calls adit_ice_send_failed when one fails or ends. An active base has no port;
 * its candidate is not told. Errors as adit_ice_add_base. */
ADIT_MUST_USE int adit_ice_add_tcp(struct adit_ice *ice, int base, const struct adit_addr *addr,
                                   enum adit_tcptype tcptype, uint16_t preference, bool announce,
                                   adit_time now);
/* The socket is gone (interface removed, ENETDOWN): its candidates and pairs go with it. */
void adit_ice_remove_base(struct adit_ice *ice, int base, adit_time now);
/* One more STUN server, when its name has been resolved. Passed over at the limit of eight, and if
 * it is known. */
void adit_ice_add_stun(struct adit_ice *ice, const struct adit_addr *server, adit_time now);
/* All bases and servers known at start have been added; GATHERED follows when the STUN servers
 * and relays answered or gave up. */
void adit_ice_bases_done(struct adit_ice *ice, adit_time now);
/* A send on this base towards `to` failed for good with this errno (ENETUNREACH, EPERM …): that
 * pair fails, others go on. */
void adit_ice_send_failed(struct adit_ice *ice, int base, const struct adit_addr *to, int err,
                          adit_time now);

/* What the STUN servers' answers tell of the NAT: NONE, or whether two of them saw one address. Of
 * the base in use, if there is one. */
enum adit_mapping adit_ice_mapping(const struct adit_ice *ice);
/* The i-th candidate of the other side, signalled or learned; NULL behind the last. */
const struct adit_cand *adit_ice_remote(const struct adit_ice *ice, size_t i);
size_t adit_ice_local_count(const struct adit_ice *ice);
const struct adit_cand *adit_ice_local(const struct adit_ice *ice, size_t i);
bool adit_ice_gathered(const struct adit_ice *ice);

/* --- remote side
 * ------------------------------------------------------------------------------------ */

/* The remote description's credentials. Checks start; early ones are replayed. Once only
 * (-EALREADY); -EINVAL for lengths outside RFC 8445 section 5.3. */
ADIT_MUST_USE int adit_ice_set_remote(struct adit_ice *ice, const char *ufrag, const char *pwd,
                                      bool ice_lite, adit_time now);
/* Before or after set_remote. Unusable and double ones are passed over (0), and what comes between
 * adit_ice_remote_done and the first valid pair; -ENOSPC at the limit. */
ADIT_MUST_USE int adit_ice_add_remote(struct adit_ice *ice, const struct adit_cand *cand,
                                      adit_time now);
/* No more remote candidates will be signalled (peer-reflexive ones may still appear). */
void adit_ice_remote_done(struct adit_ice *ice, adit_time now);

/* --- packets and time
 * ------------------------------------------------------------------------------- */

/* A packet came in on a base. STUN is consumed: false. DTLS (first byte 20..63, RFC 7983) is the
 * caller's if it came over a 5-tuple on which an authenticated check has passed in either
 * direction: true, *pkt is what to hand up (a relayed packet is unwrapped in place). All else is
 * dropped: false. */
bool adit_ice_feed(struct adit_ice *ice, int base, const struct adit_addr *from,
                   struct adit_span *pkt, adit_time now);
/* Is it a check for us, with our password in it? For who opens the door to strangers. */
bool adit_ice_authentic(const struct adit_ice *ice, const void *bytes, size_t n);
/* Sends over the selected pair, or the best valid one before nomination (RFC 8445 section 12.1).
 * -ENOTCONN: no valid pair yet, or none at the moment; -EPIPE: FAILED; -ECANCELED: closed. */
ADIT_MUST_USE int adit_ice_send(struct adit_ice *ice, const void *bytes, size_t n);
/* The largest datagram that the pair in use is known to carry, UDP payload in bytes: 1050 at first
 * (pmtu.h). */
size_t adit_ice_mtu(const struct adit_ice *ice);
bool adit_ice_mtu_settled(const struct adit_ice *ice); /* it has been seen not to carry more */
/* What a round trip on the pair in use takes, and if a check had to be repeated: at least; 0 =
 * unknown. For the first timers of what runs above. */
adit_time adit_ice_rtt(const struct adit_ice *ice);
/* When to call adit_ice_tick next, or ADIT_NEVER. */
adit_time adit_ice_deadline(const struct adit_ice *ice);
void adit_ice_back(struct adit_ice *ice, adit_time now); /* see adit_engine_back */
void adit_ice_tick(struct adit_ice *ice, adit_time now);

/* False: there are STUN servers, and none of them has said anything. */
bool adit_ice_stun_answered(const struct adit_ice *ice);

/* There is no pair to send on, or nothing comes from it although it should (RFC 7675, and what was
 * sent since): so far, it is as if what is sent were lost. */
bool adit_ice_unanswered(const struct adit_ice *ice);
/* Is there a pair to send on? Fills *ret_info if so; ret_info may be NULL. */
bool adit_ice_selected(const struct adit_ice *ice, struct adit_ice_pair_info *ret_info);
/* Is that the pair? */
bool adit_ice_uses(const struct adit_ice *ice, int base, const struct adit_addr *to);
void adit_ice_stats(const struct adit_ice *ice, struct adit_ice_stats *ret_stats);
/* Pair i of those that are known, in no particular order; false: there are no more. */
bool adit_ice_pair_at(const struct adit_ice *ice, size_t i, struct adit_ice_pair_view *ret_view);
/* The same of every base and every STUN server that it asks. */
bool adit_ice_stun_at(const struct adit_ice *ice, size_t i, struct adit_ice_stun_view *ret_view);

/* No more packets leave; state CLOSED. */
void adit_ice_close(struct adit_ice *ice);

#endif
