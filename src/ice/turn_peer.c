#include "base/alloc.h"
#include "base/log.h"
#include "ice/turn_inner.h"

#define PERMISSION (300 * ADIT_SEC) /* RFC 8656 section 9 */
#define CHANNEL    (600 * ADIT_SEC) /* section 12 */
#define RENEW      (240 * ADIT_SEC) /* a minute before the permission ends; a channel renews it too */
#define REFUSED    (60 * ADIT_SEC) /* then it is tried again */

static void drop_held(struct adit_turn_peer *p)
{
    adit_free(p->held);
    p->held = NULL;
    p->held_len = 0;
}

static void free_peer(struct adit_turn_peer *p)
{
    drop_held(p);
    adit_free(p);
}

void adit_turn_peers_done(struct adit_turn *t)
{
    for (size_t i = 0; i < t->peer_count; i++)
        free_peer(t->peers[i]);
    t->peer_count = 0;
}

struct adit_turn_peer *adit_turn_peer_find(const struct adit_turn *t, const struct adit_addr *addr)
{
    for (size_t i = 0; i < t->peer_count; i++)
        if (adit_addr_equal(&t->peers[i]->addr, addr))
            return t->peers[i];
    return NULL;
}

struct adit_turn_peer *adit_turn_peer_by_channel(const struct adit_turn *t, uint16_t channel)
{
    for (size_t i = 0; i < t->peer_count; i++)
        if (t->peers[i]->channel == channel)
            return t->peers[i];
    return NULL;
}

/* A place for one more: the one that has been silent longest makes room. Its channel is bound to it
 * for minutes to come, so numbers are given out once. */
static size_t place(struct adit_turn *t)
{
    size_t oldest = ADIT_TURN_PEERS_MAX;

    if (t->peer_count < ADIT_TURN_PEERS_MAX)
        return t->peer_count;
    for (size_t i = 0; i < t->peer_count; i++)
        if (!t->peers[i]->call.live &&
            (oldest == ADIT_TURN_PEERS_MAX || t->peers[i]->used < t->peers[oldest]->used))
            oldest = i;
    return oldest;
}

static struct adit_turn_peer *add(struct adit_turn *t, const struct adit_addr *addr)
{
    size_t i = place(t);
    struct adit_turn_peer *p;

    if (i == ADIT_TURN_PEERS_MAX)
        return NULL;
    p = adit_zalloc(sizeof *p);
    if (!p)
        return NULL;
    p->addr = *addr;
    p->renew = ADIT_NEVER;
    if (i < t->peer_count)
        free_peer(t->peers[i]);
    else
        t->peer_count++;
    t->peers[i] = p;
    return p;
}

/* The first numbers go to the first that answer; who comes too late goes on without one. */
static bool has_channel(struct adit_turn *t, struct adit_turn_peer *p)
{
    if (!p->channel && !p->no_channel && t->next_channel <= ADIT_TURN_CHANNEL_LAST)
        p->channel = t->next_channel++;
    return p->channel && !p->no_channel;
}

static void ask(struct adit_turn *t, struct adit_turn_peer *p, uint16_t method, adit_time now)
{
    p->renew = ADIT_NEVER;
    adit_turn_call_start(t, &p->call, method, p, now);
}

static void indicate(struct adit_turn *t, const struct adit_turn_peer *p, const void *bytes,
                     size_t n)
{
    uint8_t out[ADIT_TURN_FRAME_MAX], id[ADIT_STUN_ID_SIZE];

    adit_rng_bytes(t->rng, id, sizeof id);
    n = adit_turn_put_send(out, id, &p->addr, bytes, n);
    t->ops->send(t->arg, out, n);
}

/* The newest packet is kept: of checks, any is as good as any other. */
static void hold(struct adit_turn_peer *p, const void *bytes, size_t n)
{
    drop_held(p);
    p->held = adit_memdup(bytes, n);
    p->held_len = p->held ? n : 0;
}

void adit_turn_send(struct adit_turn *t, const struct adit_addr *peer, const void *bytes, size_t n,
                    adit_time now)
{
    uint8_t out[ADIT_TURN_FRAME_MAX];
    struct adit_turn_peer *p;

    if (t->state != ADIT_TURN_READY || n > ADIT_TURN_DATA_MAX || n == 0)
        return;
    p = adit_turn_peer_find(t, peer);
    if (!p)
        p = add(t, peer);
    if (!p || now < p->refused)
        return;
    p->used = now;
    if (now < p->bound && now < p->permitted) {
        n = adit_turn_put_channel(out, p->channel, bytes, n, t->stream);
        t->ops->send(t->arg, out, n);
    } else if (now < p->permitted) {
        indicate(t, p, bytes, n);
    } else {
        hold(p, bytes, n);
        if (!p->call.live)
            ask(t, p, p->channel ? ADIT_STUN_CHANNEL_BIND : ADIT_STUN_CREATE_PERMISSION, now);
    }
}

/* It has answered: worth a channel, which costs four bytes a packet where an indication costs 36.
 */
void adit_turn_peer_heard(struct adit_turn *t, struct adit_turn_peer *p, adit_time now)
{
    if (now >= p->bound && now < p->permitted && !p->call.live && has_channel(t, p))
        ask(t, p, ADIT_STUN_CHANNEL_BIND, now);
}

/* Without a channel it goes on, without permission it does not. */
static void refused(struct adit_turn *t, struct adit_turn_peer *p, int error, adit_time now)
{
    char text[ADIT_ADDR_STR];

    adit_debug("turn", "no %s for %s: error %d",
               p->call.method == ADIT_STUN_CHANNEL_BIND ? "channel" : "permission",
               adit_addr_str(&p->addr, text), error);
    if (p->call.method == ADIT_STUN_CHANNEL_BIND) {
        p->no_channel = true;
        p->channel = 0;
        p->bound = 0;
        p->renew = now;
        return;
    }
    drop_held(p);
    p->permitted = 0;
    p->refused = now + REFUSED;
    t->ops->event(t->arg,
                  &(struct adit_turn_event){ .type = ADIT_TURN_EV_REFUSED, .addr = p->addr });
}

static void granted(struct adit_turn *t, struct adit_turn_peer *p, adit_time now)
{
    char text[ADIT_ADDR_STR];

    if (now >= p->permitted)
        adit_debug("turn", "%s may send", adit_addr_str(&p->addr, text));
    p->permitted = now + PERMISSION;
    p->renew = now + RENEW;
    if (p->call.method == ADIT_STUN_CHANNEL_BIND)
        p->bound = now + CHANNEL;
    if (p->held)
        indicate(t, p, p->held, p->held_len);
    drop_held(p);
}

void adit_turn_peer_answered(struct adit_turn *t, struct adit_turn_peer *p,
                             const struct adit_stun *msg, const struct adit_span *pkt,
                             adit_time now)
{
    struct adit_cause cause;

    if (msg->head.class == ADIT_STUN_SUCCESS) {
        p->call.live = false;
        granted(t, p, now);
    } else if (msg->error == 401 || msg->error == 438) {
        if (!adit_turn_call_challenged(t, &p->call, p, msg, pkt, &cause, now))
            adit_turn_over(t, &cause, 60 * ADIT_SEC);
        else /* coturn grants to whom it has forgotten; this is all that it says of that */
            adit_turn_doubt(t, now);
    } else if (msg->error == 437) {
        adit_cause_set(&cause, ADIT_REASON_REMOTE, ENOENT, "it has forgotten our allocation");
        adit_turn_over(t, &cause, 0);
    } else {
        p->call.live = false;
        refused(t, p, msg->error, now);
    }
}

bool adit_turn_peer_tick(struct adit_turn *t, struct adit_turn_peer *p, adit_time now)
{
    if (p->call.live) {
        switch (adit_retry_tick(&p->call.retry, now)) {
        case ADIT_RETRY_WAIT:
            break;
        case ADIT_RETRY_SEND:
            adit_turn_call_send(t, &p->call, p);
            break;
        case ADIT_RETRY_GIVE_UP:
            p->call.live = false;
            if (t->heard < p->call.began) {
                adit_turn_silent(t);
                return false;
            }
            refused(t, p, 0, now); /* it says other things */
            break;
        }
    } else if (now >= p->renew) {
        p->renew = ADIT_NEVER;
        if (now < p->used + PERMISSION)
            ask(t, p, p->channel ? ADIT_STUN_CHANNEL_BIND : ADIT_STUN_CREATE_PERMISSION, now);
    }
    return true;
}

adit_time adit_turn_peer_deadline(const struct adit_turn_peer *p)
{
    return p->call.live ? p->call.retry.next : p->renew;
}
