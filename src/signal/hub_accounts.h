/* hub_accounts.h - accounts with a password, and the devices of all accounts.
 *
 * The only thing of the hub that outlives its process, beside unread mailboxes; every change is
 * kept (ops->keep) before it is answered. Passwords are stored as a chain of PBKDF2 results
 * (hub_password.h). */
#ifndef ADIT_HUB_ACCOUNTS_H
#define ADIT_HUB_ACCOUNTS_H

#include "base/map.h"
#include "signal/hub_inner.h"
#include "signal/hub_password.h"

#define ADIT_HUB_EMAIL_MAX    254 /* RFC 5321 section 4.5.3.1.3, without its angle brackets */
#define ADIT_HUB_PASSWORD_MIN 8
#define ADIT_HUB_PASSWORD_MAX 1024
#define ADIT_HUB_PUBKEY_MAX   512
#define ADIT_HUB_LOGIN_LIFE   86400 /* seconds that a login's token is good for */
#define ADIT_HUB_NONCES_MAX   1024  /* challenges that wait for their answer */
#define ADIT_HUB_NONCE_LIFE   120   /* seconds */

struct adit_hub_user {
    struct adit_map_node node; /* by email */
    struct adit_link link;
    int64_t id, created;
    struct adit_hub_hash hash;
    char email[];
};

struct adit_hub_thing {        /* a device */
    struct adit_map_node node; /* by id */
    struct adit_link link;
    char *owner; /* the account */
    char *pubkey;
    int64_t user_id, created, seen;
    bool proved; /* its key has signed: only itself can replace it */
    char id[];
};

struct adit_hub_nonce {
    struct adit_link link;
    adit_time until;
    char text[48]; /* base64 of 32 bytes */
    char *account;
    char device_id[ADIT_HUB_ID_MAX + 1];
};

struct adit_hub_accounts {
    struct adit_hub *hub;
    uint8_t secret[32]; /* that tokens are signed with, unless another is configured */
    struct adit_map users, things;
    struct adit_link user_list, thing_list, nonces;
    size_t nonce_count;
    int64_t last_id;
    struct adit_hub_passwords passwords;
};

struct adit_hub_accounts *adit_hub_accounts_new(struct adit_hub *hub);
void adit_hub_accounts_free(struct adit_hub_accounts *a); /* a may be NULL */

struct adit_hub_user *adit_hub_user_find(const struct adit_hub_accounts *a, const char *email);
/* NULL: no memory, or too many. */
struct adit_hub_user *adit_hub_user_add(struct adit_hub_accounts *a, const char *email,
                                        const struct adit_hub_hash *hash, int64_t wall);
void adit_hub_user_remove(struct adit_hub_accounts *a, struct adit_hub_user *user);

struct adit_hub_thing *adit_hub_thing_find(const struct adit_hub_accounts *a, const char *id);
struct adit_hub_thing *adit_hub_thing_add(struct adit_hub_accounts *a, const char *id,
                                          const char *owner, int64_t user_id, int64_t wall);
void adit_hub_thing_remove(struct adit_hub_accounts *a, struct adit_hub_thing *thing);
size_t adit_hub_thing_count(const struct adit_hub_accounts *a, const char *owner);
/* May who this is be that device, by its token alone? */
bool adit_hub_device_may(const struct adit_hub *hub, const struct adit_hub_who *who,
                         const char *device_id);

/* A challenge for this device, good once. NULL without memory. */
struct adit_hub_nonce *adit_hub_nonce_add(struct adit_hub_accounts *a, const char *account,
                                          const char *device_id, adit_time now);
void adit_hub_nonce_remove(struct adit_hub_accounts *a, struct adit_hub_nonce *nonce);
/* Was it given for this, and not used before? It is used now. */
bool adit_hub_nonce_redeem(struct adit_hub_accounts *a, const char *account, const char *device_id,
                           const char *text, adit_time now);

/* hub_state.c: gives everything to ops->keep. */
int adit_hub_keep(struct adit_hub *hub, adit_time now);

/* hub_device_http.c: /auth/… and /devices/… */
struct adit_hub_client *adit_hub_auth_call(struct adit_hub_call *call);
void adit_hub_devices_call(struct adit_hub_call *call);

/* Did this device's key sign context:device_id:challenge[:more]? signature in base64. */
bool adit_hub_signed(const char *pubkey, const char *context, const char *device_id,
                     const char *challenge, const char *more, const char *signature);
/* base64 of 32 random bytes. */
void adit_hub_challenge(struct adit_rng *rng, char out[48]);

#endif
