/* hub_inner.h - what the files of the hub share; see hub.h.
 *
 *   hub.c            clients: opened, fed, closed
 *   hub_first.c      which dialect a request or a first message belongs to
 *   hub_who.c        tokens and what they allow
 *   hub_limit.c      rates, and what one address may have
 *   hub_name.c       ids: who has which
 *   hub_say.c        messages and answers
 *   hub_NAME.c       one dialect each
 *   hub_carry.c, hub_purse.c, hub_session.c, hub_grant.c
 *                    what is relayed, and how much
 *   hub_accounts.c, hub_password.c, hub_state.c     accounts and devices
 */
#ifndef ADIT_HUB_INNER_H
#define ADIT_HUB_INNER_H

#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "signal/hub.h"

#define ADIT_HUB_ACCOUNT_MAX   (ADIT_HUB_ID_MAX + 16) /* with the kind in front */
#define ADIT_HUB_RULES_MAX     512                    /* bytes of the ids that a token may take */
#define ADIT_HUB_ADDRESSES_MAX 65536                  /* addresses that are remembered */
#define ADIT_HUB_WRONG_COST    10 /* a wrong token costs an address so many requests */

enum {
    ADIT_HUB_CLOSE_NORMAL = 1000,
    ADIT_HUB_CLOSE_GOING = 1001,
    ADIT_HUB_CLOSE_DATA = 1003,
    ADIT_HUB_CLOSE_POLICY = 1008,
    ADIT_HUB_CLOSE_SIZE = 1009,
    ADIT_HUB_CLOSE_ERROR = 1011,
    ADIT_HUB_CLOSE_RESTART = 1012,
    ADIT_HUB_CLOSE_LATER = 1013
};

struct adit_hub_timer {
    struct adit_heap_node node;
    void (*fire)(struct adit_hub_timer *timer, adit_time now);
};

/* What comes at most so often: the time at which it would be level again (GCRA). */
struct adit_hub_rate {
    adit_time level;
};

/* Everything that came from one IPv4 address or one IPv6 /64. */
struct adit_hub_address {
    struct adit_map_node node;
    uint8_t key[9];
    unsigned clients, arrived; /* arrived: connections */
    struct adit_hub_rate requests;
};

/* Who somebody is, by what was shown. */
struct adit_hub_who {
    bool known;
    bool devices;                           /* an account here: its device ids must be registered */
    int64_t user_id;                        /* 0 = none */
    char account[ADIT_HUB_ACCOUNT_MAX + 1]; /* "" = anonymous */
    char ids[ADIT_HUB_RULES_MAX + 1];       /* "" = any */
};

struct adit_hub_dialect {
    const char *name;
    /* What is sent when a message is no JSON, or too long; NULL: the client is closed. */
    void (*garbled)(struct adit_hub_client *c, adit_time now);
    void (*too_long)(struct adit_hub_client *c, adit_time now);
    void (*message)(struct adit_hub_client *c, const json_t *message, const char *text, size_t n,
                    adit_time now);
    /* Out of every list; nobody sends to it any more. Called once. */
    void (*left)(struct adit_hub_client *c, adit_time now);
    bool binary; /* binary messages are taken for text */
    /* Messages that are no JSON, of any size: they count by bytes. NULL, or false: they are none,
     * and treated as all others. */
    bool (*raw)(struct adit_hub_client *c, bool binary, const char *bytes, size_t n, adit_time now);
};

struct adit_hub_pair; /* a vpn room */
struct adit_hub_room;
struct adit_hub_call;
struct adit_hub_handset;
struct adit_hub_password;
struct adit_hub_box;
struct adit_hub_purse;
struct adit_hub_seat;

struct adit_hub_worker {
    struct adit_hub_client *owner;
    struct adit_link ready;             /* in hub->ready */
    struct adit_addr udp;               /* NONE: not told */
    char udp_text[64], public_text[64]; /* "": not told */
};

struct adit_hub_client {
    struct adit_hub *hub;
    void *conn;
    const struct adit_hub_dialect *dialect;
    struct adit_hub_address *address;
    struct adit_addr remote;
    struct adit_link link;        /* in hub->clients */
    bool known, closing, waiting; /* waiting: for an answer over HTTP */
    char *account, *ids;          /* NULL: anonymous, any */
    char *id;                     /* NULL: none yet */
    char *hint;                   /* agent: the id of its path */
    char *host;                   /* how it names this server; NULL: nobody needs to know */
    struct adit_map_node name;    /* in hub->names */
    char *name_key;
    struct adit_link member; /* in hub->members: with an id, of one dialect */
    struct adit_hub_rate messages;
    struct adit_hub_timer timer;
    bool carries;                 /* takes packets of others */
    struct adit_hub_purse *purse; /* NULL: nothing of it was relayed yet */
    struct adit_link pairs;       /* with whom its packets are relayed; hub_carry.c */
    union {
        struct {
            struct adit_hub_pair *pair;
            unsigned role;
        } vpn;
        struct {
            struct adit_hub_room *room;
            char peer_id[37];
        } room;
        struct adit_hub_worker *worker;
        struct adit_hub_handset *device;
        struct {
            struct adit_hub_box *box;
            struct adit_link link;
            uint64_t after;
        } box;
        struct adit_hub_password *password;
        struct adit_hub_seat *seat; /* in a relayed session; NULL: on its way there */
    } u;
};

enum adit_hub_kind { ADIT_HUB_AGENT, ADIT_HUB_DEVICE, ADIT_HUB_WORKER, ADIT_HUB_KINDS };

struct adit_hub {
    const struct adit_hub_conf *conf;
    const struct adit_hub_ops *ops;
    void *arg;
    struct adit_rng *rng;
    struct adit_hub_limits limits;     /* with the defaults filled in */
    struct adit_link clients, leaving; /* leaving: closed by adit_hub_shutdown */
    size_t client_count, arrived;
    struct adit_map addresses;
    struct adit_hub_timer sweep;
    adit_time swept;
    struct adit_heap timers;
    struct adit_map names;
    struct adit_link members[ADIT_HUB_KINDS];
    size_t member_count[ADIT_HUB_KINDS];
    struct adit_map pairs, rooms, boxes;
    struct adit_link ready; /* workers */
    size_t ready_count;
    size_t box_bytes;
    uint64_t box_number; /* of the last message in any box */
    struct adit_hub_accounts *accounts;
    struct adit_hub_carries *carries;
    bool down; /* shutting down */
};

/* ---- hub.c ----------------------------------------------------------------------------------- */

void adit_hub_timer_set(struct adit_hub *hub, struct adit_hub_timer *timer, adit_time at);
/* Out of everything, then closed; may be called from anywhere, also for another client. */
void adit_hub_drop(struct adit_hub_client *c, unsigned code, const char *reason, adit_time now);
/* Has said what counts: the hello timer is off. */
void adit_hub_settled(struct adit_hub_client *c);
/* A client that waits for its answer, or a WebSocket that is accepted. NULL: answered with 503. */
struct adit_hub_client *adit_hub_client_new(struct adit_hub *hub,
                                            const struct adit_hub_request *request,
                                            const struct adit_hub_who *who,
                                            const struct adit_hub_dialect *dialect, void *conn,
                                            adit_time now);
/* For an answer that comes later; NULL: answered, there are too many. */
struct adit_hub_client *adit_hub_client_waits(const struct adit_hub_call *call,
                                              const struct adit_hub_dialect *dialect);
/* The answer to a client that waits; frees it. */
void adit_hub_answer(struct adit_hub_client *c, int status, const char *type, const void *body,
                     size_t n, const char *header, adit_time now);
void adit_hub_answer_json(struct adit_hub_client *c, int status, json_t *body, adit_time now);
void adit_hub_emit(const struct adit_hub_client *c, enum adit_hub_what what, const char *a,
                   const char *b);

/* ---- hub_say.c ------------------------------------------------------------------------------- */

/* json_pack(3); the client is closed if there is no memory for it. */
void adit_hub_say(struct adit_hub_client *c, const char *fmt, ...);
void adit_hub_say_json(struct adit_hub_client *c, json_t *message); /* taken; may be NULL */
void adit_hub_say_text(struct adit_hub_client *c, const char *text, size_t n);
/* {"type":"error","message":…} */
void adit_hub_say_error(struct adit_hub_client *c, const char *fmt, ...) ADIT_PRINTF(2, 3);

struct adit_hub_call { /* a request that is answered at once, or later */
    struct adit_hub *hub;
    struct adit_hub_address *address;
    const struct adit_hub_request *request;
    void *conn;
    struct adit_hub_who who;
    bool shown; /* a token */
    adit_time now;
};

void adit_hub_reply_text(const struct adit_hub_call *call, int status, const char *text);
void adit_hub_reply_json(const struct adit_hub_call *call, int status, json_t *body); /* taken */
/* {"detail":…} */
void adit_hub_reply_detail(const struct adit_hub_call *call, int status, const char *detail);
void adit_hub_reply_empty(const struct adit_hub_call *call, int status, const char *header);
/* "2025-11-14T10:20:30" (UTC). */
char *adit_hub_date(char out[24], int64_t wall);

/* ---- hub_first.c ----------------------------------------------------------------------------- */

extern const struct adit_hub_dialect adit_hub_first;
const char *adit_hub_header(const struct adit_hub_request *request, const char *name); /* or NULL */
/* Value of a query parameter, decoded. -ENOENT; -EINVAL: cannot be decoded, or does not fit. */
int adit_hub_query(const struct adit_hub_request *request, const char *name, char *out,
                   size_t size);
/* Percent-decodes; -EINVAL: malformed, a zero byte, no UTF-8, or does not fit. */
int adit_hub_decode(char *out, size_t size, const char *text, size_t n, bool plus);
/* The rest of the path behind the prefix, decoded. -ENOENT: another path, or a '/' in the rest. */
int adit_hub_path_id(const struct adit_hub_request *request, const char *prefix, char *out,
                     size_t size);

/* ---- hub_who.c ------------------------------------------------------------------------------- */

/* Who shows this token; NULL = none was shown. -EACCES: it is wrong; -ENOENT: one is needed. */
int adit_hub_identify(struct adit_hub *hub, const char *token, struct adit_hub_who *ret_who,
                      struct adit_cause *ret_cause);
/* The token of a request: Authorization, or ?token=. False: none. */
bool adit_hub_token_of(const struct adit_hub_request *request, char *out, size_t size);
/* May this id be taken by who it is for? */
bool adit_hub_may_be(const char *rules, const char *id);
/* -ENOMEM. */
int adit_hub_client_is(struct adit_hub_client *c, const struct adit_hub_who *who);
/* Known by now, with the token of this message if need be. False: refused, told and closed. */
bool adit_hub_admit(struct adit_hub_client *c, const json_t *message, adit_time now);
/* The key that what we issue ourselves is signed with. */
struct adit_span adit_hub_secret(const struct adit_hub *hub);

/* ---- hub_limit.c ----------------------------------------------------------------------------- */

/* Takes `cost` of `rate` a second, `burst` at once; false: too much, and nothing is taken. */
bool adit_hub_rate_take(struct adit_hub_rate *r, unsigned rate, unsigned burst, unsigned cost,
                        adit_time now);
void adit_hub_limits_fill(struct adit_hub_limits *l);
/* NULL: no memory, or too many. */
struct adit_hub_address *adit_hub_address_get(struct adit_hub *hub, const struct adit_addr *addr,
                                              adit_time now);
bool adit_hub_address_ask(struct adit_hub *hub, struct adit_hub_address *a, unsigned cost,
                          adit_time now);
void adit_hub_addresses_free(struct adit_hub *hub);
void adit_hub_limit_start(struct adit_hub *hub);

/* ---- hub_name.c ------------------------------------------------------------------------------ */

/* 1 to ADIT_HUB_ID_MAX bytes, no control characters. */
bool adit_hub_id_valid(const char *id);
/* Takes the id, of this kind and the client's account. -EINVAL, -EACCES (not allowed), -EEXIST
 * (somebody has it and keeps it), -ENOMEM. An older client with this id is closed with code. */
int adit_hub_claim(struct adit_hub_client *c, enum adit_hub_kind kind, const char *id,
                   unsigned code, const char *reason, adit_time now);
void adit_hub_release(struct adit_hub_client *c, enum adit_hub_kind kind);
struct adit_hub_client *adit_hub_find(const struct adit_hub *hub, enum adit_hub_kind kind,
                                      const char *account, const char *id);
const char *adit_hub_account(const struct adit_hub_client *c); /* "" = anonymous */
bool adit_hub_same(const struct adit_hub_client *c, const char *account);
/* "account\0name", for adit_free; *ret_len without the last zero byte. NULL without memory. */
char *adit_hub_key(const char *account, const char *name, size_t *ret_len);

/* ---- dialects -------------------------------------------------------------------------------- */

extern const struct adit_hub_dialect adit_hub_agent, adit_hub_vpn, adit_hub_room, adit_hub_worker,
    adit_hub_device, adit_hub_mailbox, adit_hub_session;

/* What happens after ops->accept. */
void adit_hub_agent_open(struct adit_hub_client *c, const char *id, adit_time now);
void adit_hub_worker_open(struct adit_hub_client *c, const char *id, adit_time now);
void adit_hub_device_open(struct adit_hub_client *c, const char *device_id, adit_time now);
void adit_hub_session_open(struct adit_hub_client *c, const char *session, bool shown,
                           adit_time now);

/* Each answers; some keep the client waiting and return it. */
struct adit_hub_client *adit_hub_http(struct adit_hub_call *call);
void adit_hub_list_workers(struct adit_hub_call *call);
void adit_hub_api_workers(struct adit_hub_call *call);
void adit_hub_api_connect(struct adit_hub_call *call);
struct adit_hub_client *adit_hub_box_call(struct adit_hub_call *call);
void adit_hub_turn(struct adit_hub_call *call);
/* host: how the client names this server; may be NULL. */
json_t *adit_hub_ice_servers(struct adit_hub *hub, const char *id, const char *host, int64_t wall);

void adit_hub_boxes_free(struct adit_hub *hub);
size_t adit_hub_room_count(const struct adit_hub *hub);

#endif
