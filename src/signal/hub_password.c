#include "signal/hub_password.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/digest.h"
#include "signal/hub_accounts.h"

void adit_hub_hash_link(struct adit_hub_hash *h, const void *password, size_t n, bool first)
{
    uint8_t before[sizeof h->bytes];

    memcpy(before, h->bytes, sizeof before);
    adit_pbkdf2_sha256(h->bytes, first ? password : before, first ? n : sizeof before, h->salt,
                       sizeof h->salt, ADIT_HUB_HASH_ITERATIONS);
}

/* ---- the queue ------------------------------------------------------------------------------- */

static void forget(struct adit_hub_password *p)
{
    volatile char *secret = p->password;

    for (size_t i = p->password ? strlen(p->password) : 0; i > 0; i--)
        secret[i - 1] = 0;
    adit_free(p->password);
    adit_free(p->email);
    adit_free(p);
}

static void left(struct adit_hub_client *c, adit_time now)
{
    struct adit_hub_password *p = c->u.password;

    (void)now;
    adit_list_del(&p->link);
    c->hub->accounts->passwords.count--;
    forget(p);
}

static const struct adit_hub_dialect waits = { .name = "login", .left = left };

/* {"access_token":…,"token_type":"bearer"} */
static json_t *login(struct adit_hub *hub, const struct adit_hub_user *user)
{
    struct adit_span secret = adit_hub_secret(hub);
    json_t *claims = json_pack("{s:s,s:I,s:I}", "sub", user->email, "user_id", (json_int_t)user->id,
                               "exp", (json_int_t)hub->ops->wall(hub->arg) + ADIT_HUB_LOGIN_LIFE);
    char *token = claims ? adit_jwt_write(claims, secret.data, secret.len) : NULL;
    json_t *body =
        token ? json_pack("{s:s,s:s}", "access_token", token, "token_type", "bearer") : NULL;

    json_decref(claims);
    adit_free(token);
    return body;
}

static void answer_detail(struct adit_hub_client *c, int status, const char *detail, adit_time now)
{
    adit_hub_answer_json(c, status, json_pack("{s:s}", "detail", detail), now);
}

static void answer_registered(struct adit_hub_client *c, adit_time now)
{
    struct adit_hub *hub = c->hub;
    const struct adit_hub_password *p = c->u.password;
    struct adit_hub_user *user;

    if (adit_hub_user_find(hub->accounts, p->email)) { /* somebody was faster */
        answer_detail(c, 400, "Email already registered", now);
        return;
    }
    user = adit_hub_user_add(hub->accounts, p->email, &p->hash, hub->ops->wall(hub->arg));
    if (!user || adit_hub_keep(hub, now) < 0) {
        if (user)
            adit_hub_user_remove(hub->accounts, user);
        answer_detail(c, 507, "The account could not be kept", now);
        return;
    }
    adit_hub_answer_json(c, 201, login(hub, user), now);
}

static void answer_login(struct adit_hub_client *c, adit_time now)
{
    const struct adit_hub_password *p = c->u.password;
    const struct adit_hub_user *user = adit_hub_user_find(c->hub->accounts, p->email);

    if (user && adit_equal_secret(user->hash.bytes, p->hash.bytes, sizeof p->hash.bytes)) {
        adit_hub_answer_json(c, 200, login(c->hub, user), now);
        return;
    }
    adit_hub_address_ask(c->hub, c->address, ADIT_HUB_WRONG_COST, now);
    adit_hub_emit(c, ADIT_HUB_REFUSED, NULL, "wrong email or password");
    answer_detail(c, 401, "Incorrect email or password", now);
}

/* One link of the first in the queue. The next comes after everybody else had a turn. */
static void on_work(struct adit_hub_timer *timer, adit_time now)
{
    struct adit_hub_passwords *all = adit_container_of(timer, struct adit_hub_passwords, timer);
    struct adit_hub_accounts *a = adit_container_of(all, struct adit_hub_accounts, passwords);
    struct adit_hub_password *p;

    if (adit_list_empty(&all->queue))
        return;
    p = adit_container_of(all->queue.next, struct adit_hub_password, link);
    adit_hub_hash_link(&p->hash, p->password, strlen(p->password), p->left == p->hash.links);
    adit_hub_timer_set(a->hub, timer, now + 1);
    if (--p->left)
        return;
    if (p->registers)
        answer_registered(p->client, now);
    else
        answer_login(p->client, now);
}

void adit_hub_passwords_init(struct adit_hub_passwords *p)
{
    adit_list_init(&p->queue);
    p->timer.fire = on_work;
}

struct adit_hub_client *adit_hub_password_call(struct adit_hub_call *call, bool registers,
                                               const char *email, const char *password)
{
    struct adit_hub *hub = call->hub;
    struct adit_hub_passwords *all = &hub->accounts->passwords;
    const struct adit_hub_user *user = adit_hub_user_find(hub->accounts, email);
    struct adit_hub_password *p = NULL;
    struct adit_hub_client *c;

    if (registers && user) {
        adit_hub_reply_detail(call, 400, "Email already registered");
        return NULL;
    }
    if (all->count < ADIT_HUB_PASSWORDS_MAX)
        p = adit_zalloc(sizeof *p);
    if (p) {
        adit_list_init(&p->link);
        p->registers = registers;
        p->email = adit_strdup(email);
        p->password = adit_strdup(password);
    }
    if (!p || !p->email || !p->password) {
        if (p)
            forget(p);
        adit_hub_reply_detail(call, 503, "Too many logins at once, try again");
        return NULL;
    }
    /* Somebody who is not there takes as long as somebody who is. */
    p->hash.links = user ? user->hash.links : ADIT_HUB_HASH_LINKS;
    p->left = p->hash.links;
    adit_rng_bytes(hub->rng, p->hash.salt, sizeof p->hash.salt);
    if (user)
        memcpy(p->hash.salt, user->hash.salt, sizeof p->hash.salt);
    c = adit_hub_client_waits(call, &waits);
    if (!c) {
        forget(p);
        return NULL;
    }
    p->client = c;
    c->u.password = p;
    adit_list_add(&all->queue, &p->link);
    if (all->count++ == 0)
        adit_hub_timer_set(hub, &all->timer, call->now);
    return c;
}
