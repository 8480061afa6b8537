/* inner.h - the inside of the engine, shared by the files of this room only. */
#ifndef ADIT_PEER_INNER_H
#define ADIT_PEER_INNER_H

#include "dtls/dtls.h"
#include "peer/engine.h"
#include "peer/relays.h"

/* DTLS packets that came before we could answer them (RFC 8842 section 5.5 tells to expect that): a
 * ClientHello and what follows it. The newest are kept. */
#define EARLY_MAX   4
#define EARLY_BYTES 1500

struct early {
    uint8_t *bytes[EARLY_MAX];
    size_t len[EARLY_MAX];
    unsigned first, count;
};

/* An association that is aborted more often than this is given up. */
#define SCTP_RESTARTS_MAX 8

struct adit_engine {
    struct adit_engine_conf conf; /* stun, ufrag, pwd were copied by ICE and are NULL here */
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

    struct adit_ice *ice;
    struct adit_dtls *dtls;
    bool dtls_started;
    struct adit_sctp *sctp;
    struct adit_sctp *next; /* takes over from sctp, which is ending; has channels. Or NULL */
    bool sctp_started,
        sctp_down; /* down: to be freed or replaced when no call of it is on the stack */
    struct adit_cause sctp_cause;
    struct early early;
    bool settling;
    bool datagrams; /* we take them */

    struct adit_relays *relays; /* NULL without TURN servers */
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
struct adit_ice *adit_parts_new_ice(struct adit_engine *e, const struct adit_engine_conf *conf);
struct adit_dtls *adit_parts_new_dtls(struct adit_engine *e, bool client);
struct adit_sctp *adit_parts_new_sctp(struct adit_engine *e);

/* engine.c */
void adit_engine_tell(struct adit_engine *e, const struct adit_engine_event *ev);
/* Called last in every public function: starts what can start, ends what must, tells the new state.
 */
void adit_engine_settle(struct adit_engine *e);
/* A packet that a base, of ours or at a relay, got from there. */
void adit_engine_take(struct adit_engine *e, int base, const struct adit_addr *from,
                      struct adit_span pkt);
/* Ends the connection, if it has not ended yet. */
void adit_engine_end(struct adit_engine *e, const struct adit_cause *cause);

void adit_early_keep(struct early *q, const void *bytes, size_t n);
/* The oldest packet, or NULL; adit_free it. */
uint8_t *adit_early_take(struct early *q, size_t *ret_len);
void adit_early_done(struct early *q);

#endif
