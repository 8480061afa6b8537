/* usr.h - one usrsctp socket per association; the only door to that library and its process-wide
 * state.
 *
 * usrsctp runs without threads and without a clock of its own: every call brings `now`, and its
 * timers run in adit_usr_tick of the association they belong to. All associations of a process
 * share one time line (`now` of any call must not lie before `now` of another's earlier call) and
 * one thread. usr.c has the process and the sockets, usrmsg.c what goes through them. Peers see a
 * small number where the library wants an address, never a pointer. */
#ifndef ADIT_SCTP_USR_H
#define ADIT_SCTP_USR_H

#include "base/base.h"

struct socket;

struct adit_usr {
    struct socket *so;
    uint16_t slot; /* in the table of addresses */
    bool open, starved;
    void (*send)(void *arg, const void *bytes, size_t n); /* queues or sends, nothing else */
    void *arg;
};

struct adit_usr_conf {
    uint16_t local_port;
    uint16_t streams; /* in each direction */
    size_t mtu;
    size_t recv_buffer;
};

/* The clock of the process; every call below does this first. */
void adit_usr_enter(adit_time now);

/* Every adit_usr_open is answered by one adit_usr_close, which may be repeated. -ENOMEM. */
ADIT_MUST_USE int adit_usr_open(struct adit_usr *u, const struct adit_usr_conf *conf,
                                adit_time now);
/* Sends an ABORT if the association still stands. */
void adit_usr_close(struct adit_usr *u, adit_time now);

/* Sends INIT, again after `rto` (500 ms at least); an INIT of the peer is answered from now on. */
ADIT_MUST_USE int adit_usr_connect(struct adit_usr *u, uint16_t remote_port, adit_time rto,
                                   adit_time now);
/* The largest packet from now on; what is already cut into chunks keeps its size. */
void adit_usr_set_mtu(struct adit_usr *u, size_t mtu);
void adit_usr_hurry(struct adit_usr *u, adit_time now); /* see adit_usrsctp_hurry */
/* Everything queued leaves first. */
void adit_usr_shutdown(struct adit_usr *u, adit_time now);

/* Drops what has a wrong checksum. */
void adit_usr_feed(struct adit_usr *u, const void *bytes, size_t n, adit_time now);
adit_time adit_usr_deadline(const struct adit_usr *u);
void adit_usr_tick(struct adit_usr *u, adit_time now);

struct adit_usr_out {
    uint16_t sid;
    uint32_t ppid;
    bool unordered;
    int max_retransmits, max_lifetime_ms; /* -1: not limited; at most one is */
};

/* n > 0. -EAGAIN while the stream is being reset; -ENOMEM; another negative errno: the association
 * is gone. */
ADIT_MUST_USE int adit_usr_send(struct adit_usr *u, const struct adit_usr_out *out,
                                const void *bytes, size_t n, adit_time now);

enum adit_usr_kind {
    ADIT_USR_DATA,  /* sid, ppid, end; n bytes are in the buffer */
    ADIT_USR_UP,    /* the association stands */
    ADIT_USR_DOWN,  /* cause; nothing follows */
    ADIT_USR_BYE,   /* the peer has sent all it had and shuts down; DOWN follows soon */
    ADIT_USR_RESET, /* incoming, sids: the peer reset its streams, or ours are reset (or refused) */
    ADIT_USR_CUT,   /* the message of which pieces came will not be completed */
    ADIT_USR_NOTHING /* news that is none of ours */
};

struct adit_usr_in {
    enum adit_usr_kind kind;
    uint16_t sid;
    uint32_t ppid, tsn;
    bool end; /* the last piece of its message */
    bool incoming, refused;
    const uint16_t *sids; /* in the buffer; none: all streams */
    size_t sid_count;
    struct adit_cause cause;
};

#define ADIT_USR_BUFFER_MIN 4096

/* A message, a piece of one that is longer than the buffer, or news of the association. The buffer
 * is aligned as malloc does and holds ADIT_USR_BUFFER_MIN at least. Returns the number of bytes.
 * -EAGAIN: nothing there; another negative errno: the association is gone. */
ADIT_MUST_USE int adit_usr_recv(struct adit_usr *u, void *buffer, size_t size,
                                struct adit_usr_in *ret_in, adit_time now);
bool adit_usr_readable(const struct adit_usr *u);
/* Was there no memory for news, or for a reset? What then is, nobody will ever tell. */
bool adit_usr_starved(const struct adit_usr *u);
/* Are all TSNs between the two, neither included, here or given up by the peer? */
bool adit_usr_whole(const struct adit_usr *u, uint32_t after, uint32_t before);
/* Has the peer, or a time-out, ended it (even if nobody reads)? */
bool adit_usr_failed(const struct adit_usr *u);

/* Asks for a reset of this outgoing stream; it happens once its data has left, and the library
 * keeps one request in flight at a time with all streams that are due in it (RFC 6525
 * section 5.1.1). -EOPNOTSUPP: the peer cannot. -ENOMEM: see adit_usr_starved. */
ADIT_MUST_USE int adit_usr_reset(struct adit_usr *u, uint16_t sid, adit_time now);

/* What waits in the library, as memory: bytes and a cost for each piece. */
size_t adit_usr_queued(const struct adit_usr *u);
/* User bytes of the stream that were acknowledged or given up since the association began. */
uint64_t adit_usr_left(const struct adit_usr *u, uint16_t sid);
uint16_t adit_usr_streams_out(const struct adit_usr *u);

struct adit_usr_path {
    uint32_t cwnd, retransmitted;
    adit_time srtt;
    adit_time rtt; /* the last one that was measured; 0 = none yet */
};

void adit_usr_path(const struct adit_usr *u, struct adit_usr_path *ret_path);

#endif
