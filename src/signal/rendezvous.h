/* rendezvous.h - a worker of the rendezvous service: what its server side and its UDP side share.
 *
 * The server pairs workers and tells each where the other is; they punch, and from then on talk
 * over UDP: people's messages, pings, benchmarks (rendezvous_udp.c, rendezvous_bench.c), and
 * between two adits the descriptions of a connection (parcel.h). One peer at a time, as in the
 * original. Nothing here is authenticated: the connection made from it is. */
#ifndef ADIT_RENDEZVOUS_H
#define ADIT_RENDEZVOUS_H

#include "signal/parcel.h"
#include "signal/plain.h"

#define ADIT_RENDEZVOUS_PUNCHES      3
#define ADIT_RENDEZVOUS_PUNCH_EVERY  (500 * ADIT_MS)
#define ADIT_RENDEZVOUS_KEEPALIVE    (15 * ADIT_SEC)
#define ADIT_RENDEZVOUS_RECHECK      (300 * ADIT_SEC)
#define ADIT_RENDEZVOUS_BENCH_MAX    1400           /* bytes of a chunk */
#define ADIT_RENDEZVOUS_BENCH_QUIET  (5 * ADIT_SEC) /* a lost end marker: the end is here */
#define ADIT_RENDEZVOUS_DATAGRAM_MAX 2048

struct adit_bench_out {
    uint64_t left; /* bytes; 0 and no marker due = nothing is sent */
    uint32_t seq;
    unsigned chunk;
    bool active;
    adit_time at;
};

struct adit_bench_in {
    uint64_t chunks, bytes;
    adit_time first_at, last_at;
    bool active;
};

struct adit_rendezvous {
    struct adit_dialect_state s;
    struct adit_addr endpoint; /* ours, as seen from outside; family NONE = not known yet */
    adit_time recheck_at;

    char peer[ADIT_SIGNAL_PEER_MAX + 1]; /* "" = none was offered yet */
    struct adit_addr peer_addr;
    bool left;        /* after a bye: no keepalive */
    unsigned punches; /* sent so far */
    adit_time punch_at, keepalive_at, heard_at;
    double ping_stamp;
    adit_time ping_sent; /* ADIT_NEVER = none is under way */
    struct adit_parcels parcels;
    bool parcels_started;
    struct adit_bench_out out;
    struct adit_bench_in in;
};

static inline struct adit_rendezvous *adit_rendezvous_of(struct adit_dialect_state *s)
{
    return adit_container_of(s, struct adit_rendezvous, s);
}

/* dialect_rendezvous.c: a text from the peer, by whichever way it came. */
void adit_rendezvous_text(struct adit_rendezvous *w, const char *text, size_t n);

/* rendezvous_udp.c */
/* The server says where the peer is. Saying it again changes nothing but a moved address. */
void adit_rendezvous_meet(struct adit_rendezvous *w, const char *peer, const struct adit_addr *addr,
                          adit_time now);
bool adit_rendezvous_datagram(struct adit_dialect_state *s, const struct adit_addr *from,
                              const void *bytes, size_t n, adit_time now);
/* Takes the message; 0, -EAGAIN without a peer, -ENOMEM. */
int adit_rendezvous_send(struct adit_rendezvous *w, json_t *message);
int adit_rendezvous_message(struct adit_dialect_state *s, const char *peer, const char *text,
                            size_t n, adit_time now);
int adit_rendezvous_ping(struct adit_dialect_state *s, const char *peer, adit_time now);
adit_time adit_rendezvous_udp_deadline(const struct adit_rendezvous *w);
void adit_rendezvous_udp_tick(struct adit_rendezvous *w, adit_time now);

/* rendezvous_bench.c */
int adit_rendezvous_bench(struct adit_dialect_state *s, const char *peer, uint64_t bytes,
                          unsigned chunk, adit_time now);
/* A datagram of a benchmark: a number and bytes, or the end marker. */
void adit_rendezvous_bench_raw(struct adit_rendezvous *w, const uint8_t *bytes, size_t n,
                               adit_time now);
/* benchmark_chunk and benchmark_end. */
void adit_rendezvous_bench_json(struct adit_rendezvous *w, bool end, size_t n, adit_time now);
adit_time adit_rendezvous_bench_deadline(const struct adit_rendezvous *w);
void adit_rendezvous_bench_tick(struct adit_rendezvous *w, adit_time now);

#endif
