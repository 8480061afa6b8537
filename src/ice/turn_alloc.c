#include "ice/turn_inner.h"

#define LIFETIME_DEFAULT 600
#define LIFETIME_MAX     86400
#define MINUTE           (60 * ADIT_SEC) /* RFC 8656 section 7.4: after 486 and 508 */

/* What an error means for the allocation; those that are dealt with are not here. */
static const struct {
    int code;
    enum adit_reason reason;
    int err;
    adit_time pause;
    const char *text;
} errors[] = {
    { 300, ADIT_REASON_PROTOCOL, ELOOP, MINUTE, "it sends us from one server to the next" },
    { 400, ADIT_REASON_PROTOCOL, EPROTO, MINUTE, "it does not understand our request" },
    { 403, ADIT_REASON_REMOTE, EPERM, 5 * MINUTE, "it forbids us to use it" },
    { 420, ADIT_REASON_PROTOCOL, EPROTO, 5 * MINUTE, "it does not understand our request" },
    { 437, ADIT_REASON_REMOTE, ENOENT, 0, "it does not know our allocation" },
    { 440, ADIT_REASON_REMOTE, EAFNOSUPPORT, ADIT_NEVER, "it has no address to lend" },
    { 441, ADIT_REASON_NOT_AUTHENTIC, EACCES, MINUTE, "our place there belongs to another user" },
    { 442, ADIT_REASON_REMOTE, EPROTONOSUPPORT, ADIT_NEVER, "it relays no UDP" },
    { 486, ADIT_REASON_RESOURCE, EDQUOT, MINUTE, "the quota of this user is used up" },
    { 508, ADIT_REASON_RESOURCE, ENOSPC, MINUTE, "it has no room" },
    { 0, ADIT_REASON_REMOTE, EIO, 0, "it has a problem" },
};

void adit_turn_over(struct adit_turn *t, const struct adit_cause *cause, adit_time pause)
{
    struct adit_turn_event ev = { .type = t->state == ADIT_TURN_READY ? ADIT_TURN_EV_LOST
                                                                      : ADIT_TURN_EV_FAILED,
                                  .cause = *cause,
                                  .pause = pause };

    adit_turn_stop(t);
    t->ops->event(t->arg, &ev);
}

void adit_turn_silent(struct adit_turn *t)
{
    struct adit_cause cause;

    adit_cause_set(&cause, ADIT_REASON_TIMEOUT, ETIMEDOUT, "it does not answer");
    adit_turn_over(t, &cause, 0);
}

static void over_by(struct adit_turn *t, int code)
{
    struct adit_cause cause;
    size_t i = 0;

    while (errors[i].code && errors[i].code != code)
        i++;
    adit_cause_set(&cause, errors[i].reason, errors[i].err, "%s (error %d)", errors[i].text, code);
    adit_turn_over(t, &cause, errors[i].pause);
}

void adit_turn_allocate(struct adit_turn *t, adit_time now)
{
    t->state = ADIT_TURN_ALLOCATING;
    t->dropping = false;
    adit_turn_call_start(t, &t->call, ADIT_STUN_ALLOCATE, NULL, now);
}

void adit_turn_refresh(struct adit_turn *t, adit_time now)
{
    t->refresh_at = ADIT_NEVER;
    adit_turn_call_start(t, &t->call, ADIT_STUN_REFRESH, NULL, now);
}

/* ---- Allocate -------------------------------------------------------------------------------- */

static bool lendable(const struct adit_addr *a)
{
    enum adit_scope_kind kind = adit_addr_scope(a);

    return a->port && kind != ADIT_SCOPE_UNSPECIFIED && kind != ADIT_SCOPE_MULTICAST &&
           kind != ADIT_SCOPE_RESERVED && kind != ADIT_SCOPE_LINK;
}

static void keep_until(struct adit_turn *t, const struct adit_span *pkt, adit_time now)
{
    uint32_t secs = adit_stun_find32(pkt->data, pkt->len, ADIT_STUN_LIFETIME, LIFETIME_DEFAULT);

    if (secs > LIFETIME_MAX)
        secs = LIFETIME_MAX;
    t->lifetime = secs * ADIT_SEC;
    t->expires = now + t->lifetime;
    t->refresh_at = now + adit_time_max(adit_time_min(ADIT_TURN_ALIVE, t->lifetime / 2), ADIT_SEC);
}

static void allocated(struct adit_turn *t, const struct adit_stun *msg, const struct adit_span *pkt,
                      adit_time now)
{
    struct adit_stun_attr attr = { 0 };
    struct adit_cause cause;
    struct adit_addr a;

    while (adit_stun_next(&attr, pkt->data, pkt->len)) {
        if (attr.type == ADIT_STUN_XOR_RELAYED_ADDRESS &&
            adit_stun_get_xor(&a, attr.value, msg->head.id) == 0 && lendable(&a))
            t->relayed[a.family == ADIT_FAMILY_V6] = a;
    }
    if (!t->relayed[0].family && !t->relayed[1].family) {
        adit_cause_set(&cause, ADIT_REASON_PROTOCOL, EPROTO,
                       "it lends no address that can be used");
        adit_turn_over(t, &cause, MINUTE);
        return;
    }
    t->mapped = msg->mapped;
    t->state = ADIT_TURN_READY;
    keep_until(t, pkt, now);
    t->ops->event(t->arg, &(struct adit_turn_event){ .type = ADIT_TURN_EV_ALLOCATED });
}

/* RFC 8489 section 10: of the same family, and none that we have asked already. */
static bool moved(struct adit_turn *t, const struct adit_span *pkt)
{
    struct adit_span v = adit_stun_find(pkt->data, pkt->len, ADIT_STUN_ALTERNATE_SERVER);
    struct adit_addr to;

    if (!v.data || adit_stun_get_addr(&to, v) < 0 ||
        (t->servers[0].family && to.family != t->servers[0].family) || !lendable(&to) ||
        (adit_addr_scope(&to) == ADIT_SCOPE_LOOPBACK &&
         adit_addr_scope(&t->servers[0]) != ADIT_SCOPE_LOOPBACK) ||
        t->server_count == ADIT_LEN(t->servers))
        return false;
    for (size_t i = 0; i < t->server_count; i++)
        if (adit_addr_equal(&t->servers[i], &to))
            return false;
    t->servers[t->server_count++] = to;
    adit_turn_stop(t);
    t->ops->event(t->arg, &(struct adit_turn_event){ .type = ADIT_TURN_EV_MOVED, .addr = to });
    return true;
}

/* The server knows one family only, or has not heard of asking for both. */
static bool ask_otherwise(struct adit_turn *t, int code, adit_time now)
{
    if (t->ask != ADIT_TURN_ASK_BOTH || (code != 440 && code != 400 && code != 420))
        return false;
    t->ask = code == 440 ? ADIT_TURN_ASK_V6 : ADIT_TURN_ASK_V4;
    adit_turn_allocate(t, now);
    return true;
}

/* Somebody before us had an allocation on this 5-tuple, perhaps ourselves: it is given back. */
static bool drop_old(struct adit_turn *t, int code, adit_time now)
{
    if (code != 437 || t->dropped)
        return false;
    t->dropping = t->dropped = true;
    adit_turn_refresh(t, now);
    return true;
}

static void allocate_failed(struct adit_turn *t, const struct adit_stun *msg,
                            const struct adit_span *pkt, adit_time now)
{
    if (msg->error == 300 && moved(t, pkt))
        return;
    if (ask_otherwise(t, msg->error, now) || drop_old(t, msg->error, now))
        return;
    over_by(t, msg->error);
}

/* ---- Refresh --------------------------------------------------------------------------------- */

static void refresh_failed(struct adit_turn *t, const struct adit_stun *msg, adit_time now)
{
    /* These say that there is nothing to refresh; with the others the server is alive at least. */
    if (msg->error == 437 || msg->error == 441 || msg->error == 403 || now >= t->expires)
        over_by(t, msg->error);
    else
        t->refresh_at = adit_time_min(now + ADIT_TURN_ALIVE, t->expires);
}

void adit_turn_answered(struct adit_turn *t, const struct adit_stun *msg,
                        const struct adit_span *pkt, adit_time now)
{
    bool error = msg->head.class == ADIT_STUN_ERROR;
    struct adit_cause cause;

    if (error && (msg->error == 401 || msg->error == 438)) {
        if (!adit_turn_call_challenged(t, &t->call, NULL, msg, pkt, &cause, now))
            adit_turn_over(t, &cause, 5 * MINUTE);
        return;
    }
    t->call.live = false;
    if (t->dropping)
        adit_turn_allocate(t, now);
    else if (t->state == ADIT_TURN_ALLOCATING && error)
        allocate_failed(t, msg, pkt, now);
    else if (t->state == ADIT_TURN_ALLOCATING)
        allocated(t, msg, pkt, now);
    else if (error)
        refresh_failed(t, msg, now);
    else
        keep_until(t, pkt, now);
}
