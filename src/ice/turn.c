#include "ice/turn.h"

#include "base/alloc.h"
#include "ice/turn_inner.h"

/* ---- life ------------------------------------------------------------------------------------ */

static bool set_login(struct adit_turn *t, const char *user, const char *password)
{
    size_t n = user ? strlen(user) : 0, m = password ? strlen(password) : 0;

    if (n >= sizeof t->user || m >= sizeof t->password)
        return false;
    memset(t->user, 0, sizeof t->user);
    memset(t->password, 0, sizeof t->password);
    if (n)
        memcpy(t->user, user, n);
    if (m)
        memcpy(t->password, password, m);
    t->has_user = n > 0;
    *t->realm = *t->nonce = '\0'; /* the key is of old credentials */
    return true;
}

struct adit_turn *adit_turn_new(const struct adit_turn_conf *conf, const struct adit_turn_ops *ops,
                                void *arg)
{
    struct adit_turn *t = adit_zalloc(sizeof *t);

    if (!t)
        return NULL;
    t->ops = ops;
    t->arg = arg;
    t->rng = conf->rng;
    t->stream = conf->stream;
    adit_turn_stop(t);
    return set_login(t, conf->user, conf->password) ? t : adit_turn_free(t);
}

struct adit_turn *adit_turn_free(struct adit_turn *t)
{
    if (!t)
        return NULL;
    adit_turn_peers_done(t);
    memset(t->password, 0, sizeof t->password);
    adit_free(t);
    return NULL;
}

bool adit_turn_login(struct adit_turn *t, const char *user, const char *password)
{
    return set_login(t, user, password);
}

/* Where a server has sent us we ask once; whatever comes then, we begin at the beginning. */
static bool is_next_hop(const struct adit_turn *t, const struct adit_addr *server)
{
    return t->server_count > 1 && adit_addr_equal(&t->servers[t->server_count - 1], server);
}

void adit_turn_start(struct adit_turn *t, const struct adit_addr *server, adit_time patience,
                     adit_time now)
{
    adit_turn_stop(t);
    if (!is_next_hop(t, server)) {
        t->servers[0] = *server;
        t->server_count = 1;
        t->ask = ADIT_TURN_ASK_BOTH;
    }
    *t->nonce = '\0';
    t->dropped = false;
    t->next_channel = ADIT_TURN_CHANNEL_FIRST;
    t->give_up = patience ? now + patience : ADIT_NEVER;
    adit_turn_allocate(t, now);
}

void adit_turn_stop(struct adit_turn *t)
{
    adit_turn_peers_done(t);
    t->state = ADIT_TURN_IDLE;
    t->call.live = t->dropping = false;
    t->relayed[0] = t->relayed[1] = t->mapped = (struct adit_addr){ .family = ADIT_FAMILY_NONE };
    t->refresh_at = t->expires = t->give_up = ADIT_NEVER;
}

void adit_turn_release(struct adit_turn *t, adit_time now)
{
    bool there = t->state == ADIT_TURN_READY;

    adit_turn_stop(t);
    if (there)
        adit_turn_call_start(t, &t->call, ADIT_STUN_REFRESH, NULL, now);
    t->call.live = false;
}

bool adit_turn_ready(const struct adit_turn *t)
{
    return t->state == ADIT_TURN_READY;
}

struct adit_addr adit_turn_relayed(const struct adit_turn *t, enum adit_family family)
{
    return t->relayed[family == ADIT_FAMILY_V6];
}

struct adit_addr adit_turn_mapped(const struct adit_turn *t)
{
    return t->mapped;
}

/* ---- what the server sends ------------------------------------------------------------------- */

static struct adit_turn_peer *asking(const struct adit_turn *t, const uint8_t *id)
{
    for (size_t i = 0; i < t->peer_count; i++)
        if (t->peers[i]->call.live && memcmp(t->peers[i]->call.id, id, ADIT_STUN_ID_SIZE) == 0)
            return t->peers[i];
    return NULL;
}

static void response(struct adit_turn *t, const struct adit_stun_head *head,
                     const struct adit_span *pkt, adit_time now)
{
    struct adit_stun_auth auth = { .fingerprint = false };
    struct adit_turn_peer *p = asking(t, head->id);
    struct adit_turn_call *c = p ? &p->call : &t->call;
    struct adit_stun msg;

    if (!c->live || c->method != head->method || memcmp(c->id, head->id, sizeof c->id) != 0)
        return;
    if (c->signed_in)
        auth.key = (struct adit_span){ t->key, sizeof t->key };
    /* Of errors 300, 400, 401 and 438 no proof is asked: who says them may not know us. */
    if (adit_stun_decode(&msg, pkt->data, pkt->len, &auth) != ADIT_STUN_OK)
        return;
    t->heard = now;
    t->give_up = ADIT_NEVER;
    if (p)
        adit_turn_peer_answered(t, p, &msg, pkt, now);
    else
        adit_turn_answered(t, &msg, pkt, now);
}

static enum adit_turn_fed channel_data(struct adit_turn *t, struct adit_span *pkt,
                                       struct adit_addr *ret_peer, adit_time now)
{
    struct adit_turn_peer *p;
    struct adit_span data;
    uint16_t channel;

    if (t->state != ADIT_TURN_READY || !adit_turn_get_channel(&channel, &data, pkt->data, pkt->len))
        return ADIT_TURN_TAKEN;
    p = adit_turn_peer_by_channel(t, channel);
    if (!p)
        return ADIT_TURN_TAKEN;
    t->heard = now;
    *ret_peer = p->addr;
    *pkt = data;
    return ADIT_TURN_DATA;
}

static enum adit_turn_fed data_indication(struct adit_turn *t, const struct adit_stun_head *head,
                                          struct adit_span *pkt, struct adit_addr *ret_peer,
                                          adit_time now)
{
    struct adit_turn_peer *p;
    struct adit_span data;

    if (t->state != ADIT_TURN_READY ||
        !adit_turn_get_data(ret_peer, &data, head, pkt->data, pkt->len))
        return ADIT_TURN_TAKEN;
    t->heard = now;
    p = adit_turn_peer_find(t, ret_peer);
    if (p)
        adit_turn_peer_heard(t, p, now);
    *pkt = data;
    return ADIT_TURN_DATA;
}

enum adit_turn_fed adit_turn_feed(struct adit_turn *t, struct adit_span *pkt,
                                  struct adit_addr *ret_peer, adit_time now)
{
    struct adit_stun_head head;

    if (adit_turn_is_channel_data(pkt->data, pkt->len))
        return channel_data(t, pkt, ret_peer, now);
    if (!adit_stun_peek(&head, pkt->data, pkt->len) || head.method == ADIT_STUN_BINDING)
        return ADIT_TURN_OTHER;
    if (head.class == ADIT_STUN_INDICATION && head.method == ADIT_STUN_DATA)
        return data_indication(t, &head, pkt, ret_peer, now);
    if (head.class == ADIT_STUN_SUCCESS || head.class == ADIT_STUN_ERROR)
        response(t, &head, pkt, now);
    return ADIT_TURN_TAKEN;
}

/* ---- time ------------------------------------------------------------------------------------ */

void adit_turn_doubt(struct adit_turn *t, adit_time now)
{
    if (t->state == ADIT_TURN_READY && !t->call.live)
        adit_turn_refresh(t, now);
}

adit_time adit_turn_deadline(const struct adit_turn *t)
{
    adit_time at = ADIT_NEVER;

    if (t->state == ADIT_TURN_IDLE)
        return at;
    at = adit_time_min(t->call.live ? t->call.retry.next : t->refresh_at, t->give_up);
    for (size_t i = 0; i < t->peer_count; i++)
        at = adit_time_min(at, adit_turn_peer_deadline(t->peers[i]));
    return at;
}

static bool tick_call(struct adit_turn *t, adit_time now)
{
    if (!t->call.live) {
        if (now >= t->refresh_at)
            adit_turn_refresh(t, now);
        return true;
    }
    switch (adit_retry_tick(&t->call.retry, now)) {
    case ADIT_RETRY_WAIT:
        return true;
    case ADIT_RETRY_SEND:
        adit_turn_call_send(t, &t->call, NULL);
        return true;
    case ADIT_RETRY_GIVE_UP:
        break;
    }
    adit_turn_silent(t);
    return false;
}

void adit_turn_tick(struct adit_turn *t, adit_time now)
{
    if (t->state == ADIT_TURN_IDLE)
        return;
    if (now >= t->give_up) {
        adit_turn_silent(t);
        return;
    }
    if (!tick_call(t, now))
        return;
    for (size_t i = 0; i < t->peer_count; i++)
        if (!adit_turn_peer_tick(t, t->peers[i], now))
            return;
}
