/* turn_lease.h - an allocation whose server is the test: what it says is put together here. */
#ifndef TURN_LEASE_H
#define TURN_LEASE_H

#include "ice/stun_attr.h"
#include "ice/turn.h"
#include "ice/turn_frame.h"

#define LEASE_USER     "alice"
#define LEASE_PASSWORD "open sesame"
#define LEASE_REALM    "example.net"
#define LEASE_SERVER   "203.0.113.1:3478"
#define LEASE_RELAYED  "203.0.113.1:50000"
#define LEASE_MAPPED   "192.0.2.7:4711"
#define LEASE_PEER     "198.51.100.5:6000"

struct lease {
    struct adit_turn *turn;
    struct adit_rng rng;
    adit_time now;
    /* the last message to the server, and how many there were */
    uint8_t sent[ADIT_TURN_FRAME_MAX];
    size_t sent_n;
    unsigned sends;
    /* the last event */
    struct adit_turn_event event;
    unsigned events;
    uint8_t key[ADIT_STUN_KEY_SIZE];
};

struct adit_addr lease_addr(const char *text);
void lease_init(struct lease *s, bool stream);
void lease_done(struct lease *s);
void lease_start(struct lease *s);

/* Of the last message: its method (0 = no STUN message), and an attribute. */
unsigned lease_method(const struct lease *s);
struct adit_span lease_attr(const struct lease *s, enum adit_stun_attribute type);
bool lease_is_signed(const struct lease *s);

/* Answers to the last message. begin, add to *out, say; `key`: signed. */
void lease_begin(const struct lease *s, struct adit_stun_out *out, enum adit_stun_class class);
void lease_say(struct lease *s, struct adit_stun_out *out, bool key);
/* An error; 401 and 438 come with realm and this nonce. Signed unless it is one of 300, 401, 438.
 */
void lease_error(struct lease *s, unsigned code, const char *nonce);
void lease_allocated(struct lease *s, const char *v4, const char *v6, uint32_t lifetime);
void lease_success(struct lease *s, bool lifetime);
/* All of the way to an allocation. */
void lease_ready(struct lease *s);
/* A Data indication of a peer; what comes of it. */
enum adit_turn_fed lease_data(struct lease *s, const char *peer, const char *text,
                              struct adit_span *ret, struct adit_addr *ret_peer);
/* To this time, from deadline to deadline, without any answer. */
void lease_wait(struct lease *s, adit_time until);
void lease_send(struct lease *s, const char *peer, const char *text);

#endif
