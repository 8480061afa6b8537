/* sctp_link.h - two SCTP associations joined by a link in memory: delay, loss, reordering and
 * duplication from a seed, time that jumps from event to event. */
#ifndef SCTP_LINK_H
#define SCTP_LINK_H

#include "base/list.h"
#include "base/rng.h"
#include "sctp/sctp.h"

struct sctp_link;

struct sctp_end {
    struct sctp_link *link;
    int index;
    struct adit_sctp *s;
    struct adit_link in; /* packets on their way here */
    struct adit_sctp_conf conf;
    /* what happened */
    unsigned up, down, accepted, opened, closed, messages, writable, low;
    uint64_t bytes;
    uint64_t packets, packet_bytes; /* sent from here */
    size_t packet_max;
    struct adit_cause cause;         /* of DOWN */
    struct adit_cause channel_cause; /* of the last CLOSED */
    struct adit_channel *channel;    /* the last that was opened or accepted */
    void (*event)(struct sctp_end *e, const struct adit_sctp_event *ev); /* may be NULL */
    bool (*pass)(struct sctp_end *e, uint8_t *bytes, size_t n); /* false: lost; may be NULL */
    void *user;
};

struct sctp_link {
    struct sctp_end end[2];
    struct adit_rng rng;
    adit_time began, now, delay, jitter;
    unsigned loss, dup; /* per thousand */
    uint64_t fed;
};

/* Both ends are made, none is started. The first is the DTLS client. */
void sctp_link_init(struct sctp_link *l, uint64_t seed, const struct adit_sctp_conf *conf);
void sctp_link_start(struct sctp_link *l, int index);
void sctp_link_done(struct sctp_link *l);
/* A new association for an end, not started. */
struct adit_sctp *sctp_link_new(struct sctp_end *e);
/* Runs until done(l) holds or the time has passed; true if it held. done may be NULL. */
bool sctp_link_run(struct sctp_link *l, adit_time longest, bool (*done)(struct sctp_link *l));
/* init, both started, run until both are up. */
void sctp_link_connect(struct sctp_link *l, uint64_t seed, const struct adit_sctp_conf *conf);
/* A channel from end `index`; fails the test if it cannot be. */
struct adit_channel *sctp_link_open(struct sctp_link *l, int index, const char *label,
                                    bool unordered, int max_retransmits);
/* As if the packet had come from the other end. */
void sctp_link_inject(struct sctp_link *l, int index, const void *bytes, size_t n);

#endif
