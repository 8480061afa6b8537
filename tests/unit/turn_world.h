/* turn_world.h - a relay engine without sockets, a client of it that knows the secret, and all that
 * leaves the engine kept for a look. */
#ifndef TURN_WORLD_H
#define TURN_WORLD_H

#include "ice/stun.h"
#include "relay/turnd.h"

#define TURN_SECRET    "a secret of the operator's"
#define TURN_USER      "1000600:alice"
#define TURN_WALL      1000000 /* seconds since 1970, at the start */
#define TURN_PEER      "203.0.113.5:6000"
#define TURN_RELAY_V4  "198.51.100.1"
#define TURN_RELAY_V6  "2001:db8:5::1"
#define TURN_PORTS_MAX 256
#define TURN_UDP       17

struct turn_port {
    struct adit_turnd_port *port; /* NULL = closed */
    struct adit_addr addr;
};

struct turn_world {
    struct adit_turnd_conf conf;
    struct adit_turnd *relay;
    struct adit_rng rng;
    adit_time now;
    int64_t wall;
    struct adit_turnd_flow flow; /* the client's */
    int path, other_path;        /* something to point at */
    bool no_v6, no_ports;
    uint16_t next_port;
    uint16_t taken; /* a port that cannot be had */
    struct turn_port ports[TURN_PORTS_MAX];
    /* the client */
    char user[ADIT_TURND_USER_MAX + 64], secret[64], nonce[64];
    struct adit_stun_out request;
    /* what has left */
    uint8_t sent[2100], emitted[2100];
    size_t sent_n, emitted_n;
    unsigned sends, emits;
    bool sent_data, emitted_whole;
    struct adit_turnd_flow sent_to;
    struct adit_addr emitted_to;
    struct adit_turnd_port *emitted_from;
    unsigned begun, ended, refused;
    struct adit_turnd_event last; /* its user is in last_user */
    char last_user[ADIT_TURND_USER_MAX + 1];
};

void turn_world_init(struct turn_world *w); /* conf may be changed before the start */
void turn_world_start(struct turn_world *w);
void turn_world_done(struct turn_world *w); /* and checks that every relayed address was closed */

struct adit_addr turn_addr(const char *text); /* a port may be missing */
unsigned turn_open_ports(const struct turn_world *w);

/* A request in w->request: begin, add to it, ask. */
void turn_begin(struct turn_world *w, enum adit_stun_method method);
void turn_add_family(struct turn_world *w, uint16_t type, uint8_t family); /* 1 or 2 */
void turn_add_peer(struct turn_world *w, const char *peer);
/* As it is, without credentials. 0: a success was answered; a code of an error; -1: nothing. */
int turn_ask_bare(struct turn_world *w);
/* With credentials, and once more if the nonce was stale or missing. */
int turn_ask(struct turn_world *w);
/* The same bytes again. */
int turn_repeat(struct turn_world *w);
/* An attribute of the last answer; data NULL = none. */
struct adit_span turn_answer(const struct turn_world *w, enum adit_stun_attribute type);
struct adit_addr turn_answer_addr(const struct turn_world *w, enum adit_stun_attribute type);

int turn_allocate(struct turn_world *w); /* IPv4, as most do it */
int turn_permit(struct turn_world *w, const char *peer);
int turn_bind(struct turn_world *w, uint16_t number, const char *peer);
int turn_refresh(struct turn_world *w, uint32_t lifetime);
/* Returns how many packets left towards peers by it. */
unsigned turn_send(struct turn_world *w, const char *peer, const void *bytes, size_t n);
unsigned turn_channel(struct turn_world *w, uint16_t number, const void *bytes, size_t n);
/* A peer's packet to the relayed address; returns how many came to the client by it. */
unsigned turn_hear(struct turn_world *w, const struct adit_addr *relayed, const char *peer,
                   const void *bytes, size_t n);
void turn_wait(struct turn_world *w, adit_time span); /* with ticks when they are due */

#endif
