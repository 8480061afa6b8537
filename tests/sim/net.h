/* net.h - a simulated internet: segments, interfaces, links, and one clock for all of it.
 *
 * A segment is a wire with many plugs; what is not for one of them goes to its gateway. Each
 * interface has a link to the segment (up) and one from it (down); a packet takes the sender's up
 * and the receiver's down. Time jumps from event to event and begins at an odd value; nothing is
 * random but what the seed says, so a run repeats. Time goes on from one net to the next in a
 * process, because usrsctp has one clock for all associations. */
#ifndef SIM_NET_H
#define SIM_NET_H

#include "base/addr.h"
#include "base/heap.h"
#include "base/rng.h"

struct sim_net;
struct sim_segment;

struct sim_packet {
    struct adit_addr from, to;
    const uint8_t *bytes;
    size_t n;
};

/* All zero: perfect. Probabilities in 1/1000. May be changed at any time. */
struct sim_link {
    adit_time delay, jitter; /* jitter keeps the order */
    unsigned loss, duplicate;
    unsigned reorder; /* arrives up to 2 * delay + 1 ms later than its turn */
    uint64_t rate;    /* bits per second */
    size_t queue;     /* bytes that wait for it; 0 = 64 KiB */
    size_t mtu;       /* of IP packets; larger ones vanish */
    uint64_t mask;    /* packet i is lost if bit i is set; the rest passes */
    bool cut;         /* nothing passes */
    bool (*drop)(void *arg, const struct sim_packet *p); /* may be NULL */
    void *drop_arg;
    /* counted */
    uint64_t packets, lost;
    /* own */
    adit_time free_at, last_at;
};

struct sim_iface {
    struct sim_net *net;
    struct sim_segment *segment;
    struct adit_addr ip; /* port 0 */
    struct sim_link up, down;
    void (*receive)(void *arg, struct sim_iface *iface, const struct sim_packet *p);
    void *arg;
    struct sim_iface *next;
};

/* Something with a deadline. */
struct sim_actor {
    adit_time (*deadline)(void *arg);
    void (*tick)(void *arg, adit_time now);
    void *arg;
    struct sim_actor *next;
};

struct sim_net {
    adit_time now, start;
    uint64_t seed;
    struct adit_rng rng;
    uint64_t unroutable;
    /* own */
    struct adit_heap events;
    struct sim_segment *segments;
    struct sim_actor *actors;
    struct sim_owned *owned;
};

struct sim_net *sim_net_new(uint64_t seed);
struct sim_net *sim_net_free(struct sim_net *net); /* and all that was made on it */
/* The runs of a test: from 1 to `usual`, or to what SIM_SEEDS in the environment says, or the one
 * that SIM_SEED names. */
uint64_t sim_first(void);
uint64_t sim_last(uint64_t usual);
/* Memory that lives as long as the net, zeroed. `done` (may be NULL) is called first, in reverse
 * order. */
void *sim_net_alloc(struct sim_net *net, size_t size, void (*done)(void *p));

struct sim_segment *sim_segment(struct sim_net *net);
/* ip: text without port. */
struct sim_iface *sim_attach(struct sim_segment *segment, const char *ip,
                             void (*receive)(void *arg, struct sim_iface *iface,
                                             const struct sim_packet *p),
                             void *arg);
void sim_gateway(struct sim_segment *segment, struct sim_iface *iface);
/* Both directions. */
void sim_set_links(struct sim_iface *iface, const struct sim_link *link);
void sim_send(struct sim_iface *iface, const struct sim_packet *p);

/* `actor` is borrowed until sim_actor_remove or the end. */
void sim_actor_add(struct sim_net *net, struct sim_actor *actor);
void sim_actor_remove(struct sim_net *net, struct sim_actor *actor);
void sim_at(struct sim_net *net, adit_time at, void (*fn)(void *arg), void *arg);

/* Until then, or until `done` says so (may be NULL; asked after every event). True if it did. */
bool sim_run(struct sim_net *net, adit_time span, bool (*done)(void *arg), void *arg);
struct adit_addr sim_addr(const char *text); /* "192.0.2.1:3478"; a port may be missing */

/* For tests with cmocka: says which seed and when. */
#define sim_check(net, condition)                                                           \
    do {                                                                                    \
        if (!(condition)) {                                                                 \
            print_message("seed %llu, after %.3f s: %s\n", (unsigned long long)(net)->seed, \
                          (double)((net)->now - (net)->start) / 1e9, #condition);           \
            fail();                                                                         \
        }                                                                                   \
    } while (0)

#endif
