#include "peer/door.h"

#include "base/digest.h"
#include "ice/stun.h"

void adit_door_init(struct adit_door *d, const uint8_t secret[ADIT_TICKET_NONCE],
                    const uint8_t fingerprint[32])
{
    char ufrag[ADIT_TICKET_UFRAG + 1];

    *d = (struct adit_door){ .tokens = ADIT_DOOR_RATE };
    memcpy(d->secret, secret, sizeof d->secret);
    adit_ticket_door_credentials(secret, fingerprint, ufrag, d->own.pwd);
    memcpy(d->own.ufrag, ufrag, sizeof ufrag);
}

static bool spend(struct adit_door *d, adit_time now)
{
    if (now >= d->since + ADIT_SEC) {
        d->since = now;
        d->tokens = ADIT_DOOR_RATE;
    }
    if (d->tokens == 0)
        return false;
    d->tokens--;
    return true;
}

/* Everything about a call is in its name; 64 bits of it will do, for only who has the ticket can
 * make names, and he would keep out nobody but himself. */
static uint64_t mark_of(const struct adit_caller *c)
{
    uint8_t sum[32];

    adit_sha256(sum, c->ufrag, sizeof c->ufrag - 1);
    return adit_get64(sum);
}

static bool seen(const struct adit_door *d, const struct adit_caller *c)
{
    uint64_t mark = mark_of(c);

    for (size_t i = 0; i < ADIT_DOOR_SEEN; i++)
        if (d->seen[i] == mark)
            return true;
    return false;
}

void adit_door_done(struct adit_door *d, const struct adit_caller *caller)
{
    if (seen(d, caller))
        return;
    d->seen[d->next_seen] = mark_of(caller);
    d->next_seen = (d->next_seen + 1) % ADIT_DOOR_SEEN;
}

static enum adit_door_verdict judge(struct adit_door *d, struct adit_caller *ret_caller,
                                    const void *bytes, size_t n, adit_time now)
{
    size_t own = ADIT_TICKET_UFRAG;
    struct adit_span name = adit_stun_username(bytes, n);
    struct adit_stun_auth auth = { .key = { (const uint8_t *)d->own.pwd, ADIT_TICKET_PWD },
                                   .username = name,
                                   .fingerprint = true };
    struct adit_caller c;
    struct adit_stun msg;

    if (name.len != own + 1 + ADIT_TICKET_CALLER || memcmp(name.data, d->own.ufrag, own) != 0 ||
        name.data[own] != ':')
        return ADIT_DOOR_NOT_OURS;
    if (!spend(d, now))
        return ADIT_DOOR_LIMITED;
    if (adit_stun_decode(&msg, bytes, n, &auth) != ADIT_STUN_OK || !msg.authenticated ||
        msg.head.class != ADIT_STUN_REQUEST || msg.head.method != ADIT_STUN_BINDING ||
        !msg.has_priority || msg.role != ADIT_STUN_ROLE_CONTROLLING ||
        adit_caller_read(&c, d->secret, msg.username.data + own + 1, ADIT_TICKET_CALLER) < 0)
        return ADIT_DOOR_FORGED;
    if (seen(d, &c))
        return ADIT_DOOR_REPEATED;
    *ret_caller = c;
    return ADIT_DOOR_CALLER;
}

enum adit_door_verdict adit_door_knock(struct adit_door *d, struct adit_caller *ret_caller,
                                       const void *bytes, size_t n, adit_time now)
{
    enum adit_door_verdict verdict = judge(d, ret_caller, bytes, n, now);

    d->counts[verdict]++;
    return verdict;
}
