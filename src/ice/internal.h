/* internal.h - what the files of the ICE agent share; nobody else includes it.
 *
 *   ice.c     life, deadline, tick, events, the data path
 *   bases.c   sockets of ours and local candidates
 *   gather.c  STUN servers: server-reflexive candidates and their keepalive
 *   mapped.c  ports that somebody keeps open for us
 *   remote.c  the other side's candidates, and the pairs they make
 *   check.c   checks of ours: when they leave, repetition, giving up
 *   outcome.c what the answers to them mean
 *   answer.c  checks of the other side: answers, early ones, learned candidates
 *   select.c  nomination, the pair in use, consent, state
 *   change.c  another pair than the one in use, while that works
 *   watch.c   the backup, and what else is asked now and then; silence of the pair in use
 *   tcp.c     what is different by TCP: priorities, pairing, no repetition
 *   seek.c    pairs that did not work are tried again while better ones could be
 *   predict.c the ports that a counting NAT gives next
 *   listing.c what became of each pair, and what each STUN server said, for people
 *
 * Every public function ends with adit_ice_finish(): it starts what may start at once, works out
 * the next deadline and delivers events. Everything leaves through adit_ice_emit(), which alone
 * knows how a base sends, and comes in through receive() in ice.c, by base: all else here works
 * with pairs of a base and an address and never asks what carries them. */
#ifndef ADIT_ICE_INTERNAL_H
#define ADIT_ICE_INTERNAL_H

#include "ice/consent.h"
#include "ice/cred.h"
#include "ice/ice.h"
#include "ice/pair.h"
#include "ice/pmtu.h"
#include "ice/tuples.h"

#define ADIT_ICE_TA         (10 * ADIT_MS)
#define ADIT_ICE_TA_MIN     (5 * ADIT_MS) /* RFC 8445 section 14.2 */
#define ADIT_ICE_PATIENCE   (39500 * ADIT_MS)
#define ADIT_ICE_SETTLE     (500 * ADIT_MS)
#define ADIT_ICE_STUN_MAX   8
#define ADIT_ICE_EVENTS_MAX 64
#define ADIT_ICE_REFUSALS   10 /* answers 400 and 401 a second, see answer.c */

enum adit_ice_probe_state {
    ADIT_PROBE_IDLE,    /* not asked: the server is of the other family, or out of reach for good */
    ADIT_PROBE_WAITING, /* a request is to be sent at `again`, paced */
    ADIT_PROBE_RUNNING,
};

/* One base asking one STUN server. */
struct adit_ice_probe {
    enum adit_ice_probe_state state;
    bool settled; /* answered or given up at least once: gathering waits for it no longer */
    uint8_t id[ADIT_STUN_ID_SIZE];
    struct adit_retry retry;
    adit_time again, sent;
    struct adit_addr mapped; /* the last answer; family NONE before */
    adit_time rtt;           /* of the last answer to a first transmission; 0 = there was none */
};

/* An authenticated check that came before the remote description. */
struct adit_ice_early {
    struct adit_ice_base *base;
    struct adit_addr from;
    uint32_t priority, nomination;
    char ufrag[ADIT_UFRAG_MAX + 1];
};

struct adit_ice {
    const struct adit_ice_ops *ops;
    void *arg;
    struct adit_rng *rng;
    struct adit_ice_limits limits;
    adit_time ta, rto, patience;
    bool allow_loopback, hide_hosts, restarts;
    enum adit_path path;

    enum adit_ice_state state;
    struct adit_cred cred;
    bool remote_done, remote_lite, heard;
    bool role_set, controlling;
    uint64_t tie_breaker;

    struct adit_addr stun[ADIT_ICE_STUN_MAX];
    size_t stun_count;
    struct adit_ice_base **bases;
    size_t base_count;
    struct adit_ice_local **locals;
    size_t local_count;
    struct adit_ice_remote **remotes;
    size_t remote_count;
    struct adit_ice_early *early;
    size_t early_count;
    struct adit_checklist list;
    unsigned foundations; /* the last one given out */
    uint16_t groups;

    bool bases_done, gathered;
    unsigned relays_awaited;
    bool came, went;                           /* bases, since our description was told */
    adit_time gather_started, gather_answered; /* the first answer, or NEVER */
    adit_time stun_rtt;                        /* of the nearest server; 0 = unknown */

    struct adit_pair *selected;
    struct adit_pair *nominee; /* controlling: the pair being nominated */
    uint32_t nominations;      /* controlling: how many there were */
    adit_time settle_at;       /* controlling: then the best valid pair is nominated, or NEVER */
    adit_time give_up_at;      /* patience is over, or NEVER */
    bool consented;            /* some pair was valid once: `consent` runs */
    struct adit_consent consent;
    struct adit_pmtu pmtu;
    uint16_t mtu_told;
    bool mtu_settled_told;

    /* change.c */
    struct adit_pair *next; /* takes the place of the selected one when it is ready, or NULL */
    adit_time next_until;   /* ready at the latest */
    struct adit_pmtu next_pmtu;
    struct adit_path_hold hold;
    struct adit_pair *before; /* what was in use before `changed_at`, until it is known … */
    adit_time changed_at;
    bool obstinate; /* … whether the peer follows */
    /* watch.c */
    struct adit_pair *backup;   /* or NULL */
    uint32_t sends, sends_seen; /* datagrams of ours, when they were last looked at */
    uint32_t sends_checked;     /* and at the last consent check: */
    bool idle;                  /* nothing had left since the one before */
    adit_time look_at;          /* not before */
    unsigned flow;              /* looks in a row that found something new */
    adit_time waiting_since;    /* something left and nothing came since, or NEVER */
    adit_time doubt_since;      /* the pair in use is silent, or NEVER */
    adit_time doubt_at;         /* both are asked again */
    unsigned doubt_checks;
    bool doubt_told;
    /* seek.c */
    adit_time seek_at, seek_gap, seek_began;
    unsigned seek_left; /* packets of this round */
    struct adit_tuples tuples;
    /* predict.c */
    adit_time predict_at; /* or NEVER */
    unsigned predicted;   /* calls to ports that nobody has named */

    /* No new transaction before, RFC 8445 section 6.1.4.1; a triggered check meets an open way, and
     * keeps only what section 14.2 demands of everybody. */
    adit_time next_slot, next_triggered;
    bool probe_turn; /* probes and ordinary checks take turns */
    adit_time deadline;
    unsigned refusals; /* left in this second */
    adit_time refusals_since;
    struct adit_ice_stats stats;

    struct adit_ice_event events[ADIT_ICE_EVENTS_MAX]; /* a ring */
    unsigned event_first, event_count;
};

/* --- ice.c */

static inline bool adit_ice_over(const struct adit_ice *ice)
{
    return ice->state == ADIT_ICE_FAILED || ice->state == ADIT_ICE_CLOSED;
}

void adit_ice_emit(struct adit_ice *ice, const struct adit_ice_base *base,
                   const struct adit_addr *to, const void *bytes, size_t n);
void adit_ice_tell(struct adit_ice *ice, const struct adit_ice_event *ev);
void adit_ice_finish(struct adit_ice *ice, adit_time now);
/* `cause` may be NULL unless the state is FAILED. */
void adit_ice_set_state(struct adit_ice *ice, enum adit_ice_state state,
                        const struct adit_cause *cause);

/* --- keepalive.c: how long a silence a NAT before a base allows */

#define ADIT_KEEPALIVE_MAX (15 * ADIT_SEC) /* RFC 8445 section 11: Tr */

void adit_keepalive_died(struct adit_keepalive *k, adit_time silence, adit_time now);
void adit_keepalive_kept(struct adit_keepalive *k, adit_time silence, adit_time now);
adit_time adit_keepalive_limit(const struct adit_keepalive *k, adit_time usual);

/* --- bases.c */

struct adit_ice_base *adit_ice_find_base(const struct adit_ice *ice, int id);
/* Adds to the locals; NULL at the limit or without memory. */
struct adit_ice_local *adit_ice_add_local(struct adit_ice *ice, struct adit_ice_base *base,
                                          enum adit_cand_type type, uint16_t preference,
                                          const struct adit_addr *addr,
                                          const struct adit_addr *server, bool announced);
void adit_ice_remove_local(struct adit_ice *ice, struct adit_ice_local *local);
struct adit_ice_local *adit_ice_find_local(const struct adit_ice *ice,
                                           const struct adit_ice_base *base,
                                           const struct adit_addr *addr);
/* The same, for what the other side may be told: an address that is hidden has not been. */
struct adit_ice_local *adit_ice_find_told(const struct adit_ice *ice,
                                          const struct adit_ice_base *base,
                                          const struct adit_addr *addr);
void adit_ice_free_bases(struct adit_ice *ice);

/* --- gather.c */

/* Will the base ask this server? Then it is due now. */
/* A base came or went. Who only lost one can still be reached by the others, and who only got one
 * as before; both together is another network: when it is known too, MAPPED. */
void adit_ice_bases_changed(struct adit_ice *ice, bool came, adit_time now);
void adit_ice_probe_init(const struct adit_ice *ice, struct adit_ice_base *base, size_t server,
                         adit_time now);
/* A response that is not that of a check. */
void adit_ice_probe_response(struct adit_ice *ice, struct adit_ice_base *base,
                             const struct adit_addr *from, const struct adit_stun_head *head,
                             const void *bytes, size_t n, adit_time now);
void adit_ice_probe_tick(struct adit_ice *ice, adit_time now);  /* retransmissions, giving up */
bool adit_ice_probe_start(struct adit_ice *ice, adit_time now); /* one new transaction, if due */
/* Retransmissions in *ret_retry; the next new transaction in *ret_new. */
void adit_ice_probe_deadline(const struct adit_ice *ice, adit_time *ret_retry, adit_time *ret_new);
void adit_ice_probe_unreachable(struct adit_ice *ice, struct adit_ice_base *base,
                                const struct adit_addr *to, adit_time now);

/* A round of seek.c begins: all servers once more. */
void adit_ice_probe_again(struct adit_ice *ice, adit_time now);
/* What was told to the other side is out of date: `cand` is what holds now. */
void adit_ice_tell_mapped(struct adit_ice *ice, const struct adit_cand *cand);

/* --- remote.c */

/* Does the option --path forbid it? `remote` NULL: of this base alone. */
bool adit_ice_barred(const struct adit_ice *ice, const struct adit_ice_base *base,
                     const struct adit_ice_remote *remote);

/* Pairs for a base or a candidate that is new. */
void adit_ice_pair_base(struct adit_ice *ice, struct adit_ice_base *base, adit_time now);
/* The pair over which a check came in, learned if need be (RFC 8445 section 7.3.1.3); NULL at a
 * limit or without memory. */
struct adit_pair *adit_ice_learn(struct adit_ice *ice, struct adit_ice_base *base,
                                 const struct adit_addr *from, uint32_t priority, adit_time now);
void adit_ice_forget_pair(struct adit_ice *ice, struct adit_pair *pair);
/* A pair of this base and an address that nobody has named, like the candidate in all else. False:
 * it is known, or there is no room that nobody else needs. */
bool adit_ice_guess(struct adit_ice *ice, struct adit_ice_base *base, const struct adit_cand *like,
                    adit_time now);

/* --- check.c */

bool adit_ice_check_start(struct adit_ice *ice, bool triggered_only, adit_time now);
void adit_ice_check_tick(struct adit_ice *ice, adit_time now);
void adit_ice_check_deadline(const struct adit_ice *ice, adit_time *ret_retry, adit_time *ret_new);
void adit_ice_pair_failed(struct adit_ice *ice, struct adit_pair *pair, enum adit_why why,
                          adit_time now);
/* A check that only asks for an answer, padded to `size` bytes unless that is 0. */
void adit_ice_send_plain(struct adit_ice *ice, struct adit_pair *pair,
                         const uint8_t id[ADIT_STUN_ID_SIZE], size_t size, adit_time now);
/* One check, not repeated, and given up at this time. False: there is no room (tuples.h). */
bool adit_ice_check_once(struct adit_ice *ice, struct adit_pair *pair, adit_time until,
                         adit_time now);

/* --- outcome.c */

/* Is it an answer to a check or a consent check? Then it has been dealt with. */
bool adit_ice_check_response(struct adit_ice *ice, struct adit_ice_base *base,
                             const struct adit_addr *from, const struct adit_stun_head *head,
                             const void *bytes, size_t n, adit_time now);
void adit_ice_switch_role(struct adit_ice *ice, bool controlling);

/* --- answer.c */

void adit_ice_request(struct adit_ice *ice, struct adit_ice_base *base,
                      const struct adit_addr *from, const void *bytes, size_t n, adit_time now);
void adit_ice_replay_early(struct adit_ice *ice, adit_time now);

/* --- select.c */

/* Validity or nomination of some pair changed: choose the pair in use, nominate, set the state. */
void adit_ice_review(struct adit_ice *ice, adit_time now);
bool adit_ice_mtu_start(struct adit_ice *ice, adit_time now); /* one padded check, if due */
adit_time adit_ice_mtu_deadline(const struct adit_ice *ice);
void adit_ice_mtu_answered(struct adit_ice *ice, const uint8_t id[ADIT_STUN_ID_SIZE],
                           adit_time now);
void adit_ice_select_tick(struct adit_ice *ice, adit_time now);
adit_time adit_ice_select_deadline(const struct adit_ice *ice, adit_time now);
/* A nominated pair works: only the peer's checks and consent cause traffic. */
bool adit_ice_concluded(const struct adit_ice *ice);

/* --- change.c */

/* Does path.h prefer it to the one in use? Otherwise, or if it is not free to be used: why not. */
bool adit_ice_prefers(const struct adit_ice *ice, const struct adit_pair *pair,
                      enum adit_why *ret_why);
/* Something was measured: is there a better pair now? */
void adit_ice_consider(struct adit_ice *ice, adit_time now);
/* `pair` should be used, and the one that is can go on until more is known of the new one. */
bool adit_ice_change_waits(struct adit_ice *ice, struct adit_pair *pair, adit_time now);
void adit_ice_change_made(struct adit_ice *ice, struct adit_pair *before, adit_time now);
void adit_ice_change_tick(struct adit_ice *ice, adit_time now);
adit_time adit_ice_change_deadline(const struct adit_ice *ice);

/* --- watch.c */

void adit_ice_watch_choose(struct adit_ice *ice, adit_time now); /* some pair's validity changed */
/* How much would be left of it if the pair in use died: more is better. */
unsigned adit_ice_backup_worth(const struct adit_ice *ice, const struct adit_pair *pair);
bool adit_ice_watch_start(struct adit_ice *ice, adit_time now); /* one check, if due */
adit_time adit_ice_watch_next(const struct adit_ice *ice);      /* the next one */
struct adit_pair *adit_ice_watch_find(const struct adit_ice *ice,
                                      const uint8_t id[ADIT_STUN_ID_SIZE]);
void adit_ice_watch_answered(struct adit_ice *ice, struct adit_pair *pair,
                             const struct adit_addr *mapped, adit_time now);
/* A check that left after this silence was answered: 0 = there was none, or nobody knows. */
void adit_ice_mapping_seen(struct adit_pair *pair, const struct adit_addr *mapped,
                           adit_time silence, adit_time now);
void adit_ice_doubt_tick(struct adit_ice *ice, adit_time now);
void adit_ice_doubt_none(struct adit_ice *ice); /* another pair is in use */
adit_time adit_ice_doubt_deadline(const struct adit_ice *ice);

/* --- seek.c */

bool adit_ice_seeking(const struct adit_ice *ice); /* over a relay, and for something better */
void adit_ice_seek_begin(struct adit_ice *ice, adit_time now); /* another pair is in use */
void adit_ice_seek_soon(struct adit_ice *ice, adit_time now);  /* a pair has come */
bool adit_ice_seek_start(struct adit_ice *ice, adit_time now); /* one check, if due */
adit_time adit_ice_seek_deadline(const struct adit_ice *ice);

/* --- predict.c */

/* By what a NAT counts that gave these two, the second one later; 0: they do not say. */
unsigned adit_ice_step(const struct adit_cand *from, const struct adit_cand *to);
/* The checks begin, or the other side has told where else it is seen. */
void adit_ice_predict_soon(struct adit_ice *ice, adit_time now);
void adit_ice_predict_tick(struct adit_ice *ice, adit_time now);

/* --- mapping.c */

enum adit_mapping adit_ice_mapping_of(const struct adit_ice *ice, const struct adit_ice_base *base);

#endif
