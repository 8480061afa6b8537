/* hub_haul.h - what the server relays: packets between two agents, and sessions of the Tunnel
 * Agent's relay; and the purse that both are paid from.
 *
 * A purse belongs to an account, or to the address of a client without one. It has so many bytes a
 * second, so many a day, and so many pairs and sessions at a time. */
#ifndef ADIT_HUB_CARRY_H
#define ADIT_HUB_CARRY_H

#include "signal/hub_inner.h"

#define ADIT_HUB_PURSES_MAX 65536
#define ADIT_HUB_PACKET_MIN 128             /* a packet costs as much at least */
#define ADIT_HUB_PAIR_IDLE  (60 * ADIT_SEC) /* a pair of whom nothing came for so long is none */
#define ADIT_HUB_DAY        (24 * 3600 * ADIT_SEC)

struct adit_hub_purse {
    struct adit_map_node node;
    adit_time level; /* as in struct adit_hub_rate, of bytes */
    adit_time day;   /* when `bytes` began */
    uint64_t bytes;
    unsigned clients, pairs, sessions;
    adit_time told; /* that something was refused; 0 = never */
    size_t key_len;
    char key[ADIT_HUB_ACCOUNT_MAX + 2];
};

struct adit_hub_carries {
    struct adit_hub *hub;
    struct adit_map purses, pairs, sessions, grants;
    struct adit_hub_timer sweep;
    struct adit_hub_carried done;
};

struct adit_hub_carries *adit_hub_carries_new(struct adit_hub *hub); /* NULL without memory */
void adit_hub_carries_free(struct adit_hub_carries *carries);        /* may be NULL */

/* ---- hub_purse.c ----------------------------------------------------------------------------- */

/* The client's. NULL: too many, or no memory. */
struct adit_hub_purse *adit_hub_purse_of(struct adit_hub_client *c, adit_time now);
/* It has no more to do with the client. */
void adit_hub_purse_leave(struct adit_hub_client *c);
/* -EAGAIN: not so many in this second; -EDQUOT: not so many in this day. Nothing is taken then. */
ADIT_MUST_USE int adit_hub_purse_take(struct adit_hub *hub, struct adit_hub_purse *purse, size_t n,
                                      adit_time now);
/* Whatever is there. When the next may be taken. */
adit_time adit_hub_purse_owe(struct adit_hub *hub, struct adit_hub_purse *purse, size_t n,
                             adit_time now);
bool adit_hub_purse_spent(const struct adit_hub *hub, struct adit_hub_purse *purse, adit_time now);
/* Tells the log, once a minute. */
void adit_hub_purse_refuse(struct adit_hub_client *c, const char *why, adit_time now);
/* Those that nobody needs to remember go. */
void adit_hub_purses_sweep(struct adit_hub_carries *carries, adit_time now);

/* ---- hub_carry.c ----------------------------------------------------------------------------- */

/* A binary message of an agent that takes packets. */
void adit_hub_carry(struct adit_hub_client *c, const char *bytes, size_t n, adit_time now);
/* Out of all pairs. */
void adit_hub_carry_left(struct adit_hub_client *c);
void adit_hub_carry_sweep_soon(struct adit_hub *hub, adit_time now);

/* ---- hub_grant.c ----------------------------------------------------------------------------- */

/* The claims of a grant of ours, or NULL. */
json_t *adit_hub_grant_read(const struct adit_hub *hub, const char *token);
/* NULL: it is good, and from now on used; else the reason for which it is not. */
const char *adit_hub_grant_use(struct adit_hub *hub, const json_t *claims, adit_time now);
void adit_hub_grants_sweep(struct adit_hub_carries *carries, adit_time now);
void adit_hub_grants_free(struct adit_hub_carries *carries);

#endif
