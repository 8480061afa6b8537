/* inner.h - what the files behind turnd.h share.
 *
 *   turnd.c       the engine: messages in, time
 *   binding.c     Binding, and where RFC 5780 wants the answer to come from
 *   auth.c        who is asking: names, nonces, refusals
 *   answer.c      answers, and how many of them an address gets
 *   allocate.c    Allocate, Refresh
 *   allocation.c  an allocation, its relayed addresses, reservations, quotas
 *   permit.c      CreatePermission, ChannelBind, who may be a peer
 *   data.c        packets both ways */
#ifndef ADIT_RELAY_INNER_H
#define ADIT_RELAY_INNER_H

#include "base/heap.h"
#include "base/map.h"
#include "ice/stun.h"
#include "relay/credentials.h"
#include "relay/turnd.h"

#define ADIT_TURND_TOKEN_SIZE 8
#define ADIT_TURND_RATES      4096 /* addresses whose answers are counted; others share with them */
#define ADIT_TURND_ADDR_KEY   19   /* bytes: family, port, address */
#define ADIT_TURND_FLOW_KEY   (ADIT_TURND_ADDR_KEY + 4 + sizeof(void *))

/* Codes of RFC 8489 section 14.8 and RFC 8656 section 19. */
enum {
    ADIT_TURND_BAD_REQUEST = 400,
    ADIT_TURND_UNAUTHORIZED = 401,
    ADIT_TURND_FORBIDDEN = 403,
    ADIT_TURND_MISMATCH = 437,
    ADIT_TURND_STALE_NONCE = 438,
    ADIT_TURND_NO_FAMILY = 440,
    ADIT_TURND_WRONG_CREDENTIALS = 441,
    ADIT_TURND_NO_TRANSPORT = 442,
    ADIT_TURND_PEER_FAMILY = 443,
    ADIT_TURND_QUOTA = 486,
    ADIT_TURND_CAPACITY = 508,
};

struct adit_turnd_due {
    struct adit_heap_node node;
    void (*fire)(struct adit_turnd *r, struct adit_turnd_due *due, adit_time now);
};

/* How many allocations somebody has. Lives while there are any. */
struct adit_turnd_count {
    struct adit_map_node node;
    unsigned n;
    size_t len;
    uint8_t key[];
};

/* A relayed address that is open; `port` is what the owner knows of it. */
struct adit_turnd_socket {
    struct adit_turnd_port port;
    struct adit_turnd_allocation *allocation; /* NULL while it is reserved */
    struct adit_map_node node;                /* in relay->sockets */
    uint8_t key[ADIT_TURND_ADDR_KEY];
    struct adit_turnd_due due; /* of the reservation */
    struct adit_map_node reserved;
    uint8_t token[ADIT_TURND_TOKEN_SIZE];
};

struct adit_turnd_permission {
    struct adit_addr peer; /* port 0 */
    adit_time expires;
};

struct adit_turnd_channel {
    struct adit_addr peer;
    uint16_t number;
    adit_time expires;
};

struct adit_turnd_allocation {
    struct adit_map_node node; /* in relay->allocations */
    uint8_t key[ADIT_TURND_FLOW_KEY];
    struct adit_turnd_due due;
    struct adit_turnd_flow flow;
    struct adit_turnd_socket *sockets[2]; /* IPv4, IPv6 */
    struct adit_turnd_count *identity, *address;
    uint8_t user[ADIT_TURND_USER_MAX];
    size_t user_len;
    uint8_t secret[ADIT_TURND_KEY_SIZE]; /* the key of MESSAGE-INTEGRITY */
    /* The answer to Allocate, in case it is asked for again. */
    uint8_t id[ADIT_STUN_ID_SIZE];
    uint32_t lifetime;
    int additional_error; /* 0, or the code for the second family */
    bool has_token;
    uint8_t token[ADIT_TURND_TOKEN_SIZE];
    struct adit_turnd_permission *permissions;
    struct adit_turnd_channel *channels;
    size_t permission_count, channel_count, permission_cap, channel_cap;
    adit_time level; /* when the bytes so far are paid for */
    uint64_t bytes, lost_bytes;
};

struct adit_turnd {
    struct adit_turnd_conf conf;
    const struct adit_turnd_ops *ops;
    void *arg;
    struct adit_rng *rng;
    char *secret;
    uint8_t nonce_key[32];
    struct adit_map allocations, sockets, reservations, identities, addresses;
    struct adit_heap due;
    uint64_t rate_seed[2];
    adit_time binding_rates[ADIT_TURND_RATES], refusal_rates[ADIT_TURND_RATES];
    struct adit_turnd_stats stats;
};

/* A request while it is answered. */
struct adit_turnd_call {
    struct adit_turnd *relay;
    const struct adit_turnd_flow *flow;
    const uint8_t *bytes;
    size_t n;
    struct adit_stun_head head;
    adit_time now;
    struct adit_turnd_allocation *allocation; /* of this 5-tuple; NULL = none */
    struct adit_span user;                    /* into the message; empty until it has been read */
    struct adit_span key;                     /* empty until the sender has proved to know it */
    uint8_t key_bytes[ADIT_TURND_KEY_SIZE];
};

static inline unsigned adit_turnd_index(const struct adit_addr *a)
{
    return a->family == ADIT_FAMILY_V6;
}

void adit_turnd_addr_key(uint8_t key[ADIT_TURND_ADDR_KEY], const struct adit_addr *a);
void adit_turnd_due_set(struct adit_turnd *r, struct adit_turnd_due *due, adit_time at);

/* ---- binding.c ------------------------------------------------------------------------------- */

void adit_turnd_binding(struct adit_turnd_call *call);

/* ---- auth.c ---------------------------------------------------------------------------------- */

/* Fills user and key. False: the request was refused. */
bool adit_turnd_authenticate(struct adit_turnd_call *call);
/* REALM and NONCE. */
void adit_turnd_challenge(const struct adit_turnd_call *call, struct adit_stun_out *out);

/* ---- answer.c -------------------------------------------------------------------------------- */

/* May this address have one more, at so many a second? */
bool adit_turnd_rate(struct adit_turnd *r, adit_time rates[ADIT_TURND_RATES],
                     const struct adit_addr *client, unsigned per_second, adit_time now);
struct adit_span adit_turnd_attribute(const struct adit_turnd_call *call,
                                      enum adit_stun_attribute type);
void adit_turnd_success(const struct adit_turnd_call *call, struct adit_stun_out *out);
/* With MESSAGE-INTEGRITY, if the sender has shown that it knows the key. */
void adit_turnd_reply(const struct adit_turnd_call *call, struct adit_stun_out *out);
/* An error; to somebody unknown not too often. */
void adit_turnd_refuse(const struct adit_turnd_call *call, int code);
void adit_turnd_refuse_unknown(const struct adit_turnd_call *call); /* 420 */
/* The value of ERROR-CODE, which ADDRESS-ERROR-CODE has too: first byte `family`, second 0. */
void adit_turnd_add_error(struct adit_stun_out *out, uint16_t type, uint8_t family, int code);

/* ---- allocate.c ------------------------------------------------------------------------------ */

void adit_turnd_allocate(struct adit_turnd_call *call);
void adit_turnd_refresh(struct adit_turnd_call *call);

/* ---- allocation.c ---------------------------------------------------------------------------- */

struct adit_turnd_allocation *adit_turnd_find(struct adit_turnd *r,
                                              const struct adit_turnd_flow *flow);
/* One without a relayed address. NULL and 486 or 508. */
struct adit_turnd_allocation *adit_turnd_allocation_new(const struct adit_turnd_call *call,
                                                        int *ret_code);
void adit_turnd_allocation_free(struct adit_turnd *r, struct adit_turnd_allocation *a);
/* The same, and the owner is told. */
void adit_turnd_allocation_end(struct adit_turnd *r, struct adit_turnd_allocation *a);
void adit_turnd_live(struct adit_turnd *r, struct adit_turnd_allocation *a, uint32_t lifetime,
                     adit_time now);
/* A socket, not yet anybody's. -errno. */
int adit_turnd_socket_open(struct adit_turnd *r, const struct adit_turnd_wish *wish,
                           struct adit_turnd_socket **ret_socket);
void adit_turnd_socket_free(struct adit_turnd *r, struct adit_turnd_socket *s);
void adit_turnd_give(struct adit_turnd_allocation *a, struct adit_turnd_socket *s);
/* Keeps it for whoever shows s->token. -ENOMEM. */
int adit_turnd_reserve(struct adit_turnd *r, struct adit_turnd_socket *s, adit_time now);
/* NULL: nothing is reserved under it. */
struct adit_turnd_socket *adit_turnd_redeem(struct adit_turnd *r, struct adit_span token);

/* ---- permit.c -------------------------------------------------------------------------------- */

void adit_turnd_create_permission(struct adit_turnd_call *call);
void adit_turnd_channel_bind(struct adit_turnd_call *call);
/* Was it named by the operator? */
bool adit_turnd_allowed(const struct adit_turnd *r, const struct adit_addr *peer);
bool adit_turnd_permitted(const struct adit_turnd_allocation *a, const struct adit_addr *peer,
                          adit_time now);
/* NULL: none, or no longer. */
const struct adit_turnd_channel *adit_turnd_channel_by_number(const struct adit_turnd_allocation *a,
                                                              uint16_t number, adit_time now);
const struct adit_turnd_channel *adit_turnd_channel_by_peer(const struct adit_turnd_allocation *a,
                                                            const struct adit_addr *peer,
                                                            adit_time now);

/* ---- data.c ---------------------------------------------------------------------------------- */

void adit_turnd_send_indication(struct adit_turnd_call *call);
void adit_turnd_channel_data(struct adit_turnd *r, struct adit_turnd_allocation *a,
                             const uint8_t *bytes, size_t n, adit_time now);

#endif
