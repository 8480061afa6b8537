/* dtls_world.h - two DTLS engines, or one and a bare OpenSSL, on a simulated link and clock.
 *
 * Every datagram has a number per direction; a test decides by it what happens to each. */
#ifndef TEST_DTLS_WORLD_H
#define TEST_DTLS_WORLD_H

#include "dtls/dtls.h"

#define WORLD_PACKETS_MAX 512
#define DATAGRAM_MAX      2048
#define RECEIVED_MAX      256

enum fate { PASS, LOSE, TWICE, LATE }; /* LATE: a little after those that follow */

struct world;

struct end {
    struct world *w;
    int index; /* 0 is the client */
    struct adit_dtls *d;
    struct adit_dtls_conf conf;
    enum adit_dtls_state state; /* as told by events */
    unsigned events;
    struct adit_cause cause;
    unsigned sent;            /* datagrams */
    size_t largest;           /* datagram */
    unsigned received, bytes; /* records and their bytes */
    uint8_t first[RECEIVED_MAX];
    bool echo;          /* sends back what comes */
    bool close_on_data; /* closes inside the data callback */
    bool speak_when_up; /* writes "hi" inside the CONNECTED event */
    adit_time up_at;
    void (*tap)(struct end *e, const void *bytes, size_t n); /* sees what e sends; may be NULL */
};

struct packet {
    adit_time at;
    unsigned order;
    int to;
    size_t n;
    uint8_t bytes[DATAGRAM_MAX];
};

struct world {
    adit_time now, delay;
    struct end end[2];
    enum fate (*fate)(struct world *w, int from, unsigned number); /* NULL: all pass */
    unsigned what, number;                                         /* for fate() */
    int from;
    uint8_t sending;     /* first byte of the datagram that fate() is asked about */
    uint64_t lost_until; /* everything is lost before */
    struct packet packets[WORLD_PACKETS_MAX];
    unsigned count, order;
    void (*deliver)(struct world *w, int to, const void *bytes, size_t n); /* NULL: to the engine */
    void *user;
};

/* The wall clock that gettimeofday() of this program shows: nanoseconds since 1970, moved along
 * with the simulated clock, and by tests. */
extern int64_t world_wall;

/* Certificates made once per program. */
const struct adit_cert *world_cert(int index);
const struct adit_fingerprint *world_fingerprint(int index);

const struct adit_dtls_ops *world_ops(void); /* of a struct end */
struct world *world_new(void);
/* Makes the engines (all that conf leaves 0 gets its default), each knowing what to expect. */
struct world *world_pair(void);
void world_start(struct world *w);
struct world *world_free(struct world *w);
void world_send(struct world *w, int from, const void *bytes, size_t n);
/* Until nothing is left to do or `until`. */
void world_run(struct world *w, adit_time until);
bool world_up(const struct world *w); /* both CONNECTED */
/* Both are up, and a word each way arrives; nothing else is under way. */
bool world_talks(struct world *w);

#endif
