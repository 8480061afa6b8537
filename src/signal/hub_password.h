/* hub_password.h - passwords, hashed slowly on purpose and a little at a time.
 *
 * A hash is a chain: PBKDF2 of the password, PBKDF2 of that, and so on. Each link takes about a
 * millisecond; between two of them everybody else is served. So a flood of logins waits for itself
 * and for nobody else. */
#ifndef ADIT_HUB_PASSWORD_H
#define ADIT_HUB_PASSWORD_H

#include "signal/hub_inner.h"

#define ADIT_HUB_HASH_LINKS      100  /* 200 000 iterations */
#define ADIT_HUB_HASH_ITERATIONS 2000 /* of one link */
#define ADIT_HUB_PASSWORDS_MAX   32   /* that wait to be hashed */

struct adit_hub_hash {
    uint8_t salt[16], bytes[32];
    unsigned links;
};

struct adit_hub_password {
    struct adit_link link;
    struct adit_hub_client *client;
    struct adit_hub_hash hash; /* so far */
    unsigned left;             /* links to go */
    bool registers;            /* else: logs in */
    char *email, *password;
};

struct adit_hub_passwords {
    struct adit_link queue;
    size_t count;
    struct adit_hub_timer timer;
};

void adit_hub_passwords_init(struct adit_hub_passwords *p);
/* Hashes the password with the user's salt, or a new one, then answers: registered, logged in, or
 * neither. NULL: answered at once, there are too many. */
struct adit_hub_client *adit_hub_password_call(struct adit_hub_call *call, bool registers,
                                               const char *email, const char *password);

/* One link; the first takes the password, the others what came of the one before. */
void adit_hub_hash_link(struct adit_hub_hash *h, const void *password, size_t n, bool first);

#endif
