/* answer.c - what goes back to a client, and how often something goes back to nobody in particular.
 */
#include "relay/inner.h"

#define BURST 4 /* seconds' worth at once */

/* An IPv6 host chooses among 2^64 addresses of its own. The table has no names and never fills:
 * addresses that fall on one place share it. */
bool adit_turnd_rate(struct adit_turnd *r, adit_time rates[ADIT_TURND_RATES],
                     const struct adit_addr *client, unsigned per_second, adit_time now)
{
    adit_time each = ADIT_SEC / per_second;
    uint64_t hash =
        adit_map_hash(r->rate_seed, client->ip, client->family == ADIT_FAMILY_V4 ? 4 : 8);
    adit_time *level = &rates[hash % ADIT_TURND_RATES];
    adit_time next = adit_time_max(*level, now) + each;

    if (next > now + BURST * ADIT_SEC)
        return false;
    *level = next;
    return true;
}

struct adit_span adit_turnd_attribute(const struct adit_turnd_call *call,
                                      enum adit_stun_attribute type)
{
    return adit_stun_find(call->bytes, call->n, type);
}

void adit_turnd_success(const struct adit_turnd_call *call, struct adit_stun_out *out)
{
    adit_stun_begin(out, ADIT_STUN_SUCCESS, call->head.method, call->head.id);
}

void adit_turnd_reply(const struct adit_turnd_call *call, struct adit_stun_out *out)
{
    struct adit_turnd *r = call->relay;
    size_t n = adit_stun_finish(out, call->key);

    if (n)
        r->ops->send(r->arg, call->flow, out->bytes, n, false);
}

void adit_turnd_add_error(struct adit_stun_out *out, uint16_t type, uint8_t family, int code)
{
    static const struct {
        int code;
        const char *phrase;
    } phrases[] = {
        { ADIT_TURND_BAD_REQUEST, "Bad Request" },
        { ADIT_TURND_UNAUTHORIZED, "Unauthenticated" },
        { ADIT_TURND_FORBIDDEN, "Forbidden" },
        { ADIT_TURND_MISMATCH, "Allocation Mismatch" },
        { ADIT_TURND_STALE_NONCE, "Stale Nonce" },
        { ADIT_TURND_NO_FAMILY, "Address Family not Supported" },
        { ADIT_TURND_WRONG_CREDENTIALS, "Wrong Credentials" },
        { ADIT_TURND_NO_TRANSPORT, "Unsupported Transport Protocol" },
        { ADIT_TURND_PEER_FAMILY, "Peer Address Family Mismatch" },
        { ADIT_TURND_QUOTA, "Allocation Quota Reached" },
        { ADIT_TURND_CAPACITY, "Insufficient Capacity" },
    };
    uint8_t value[64] = { family, 0, (uint8_t)(code / 100), (uint8_t)(code % 100) };
    size_t n = 4;

    for (size_t i = 0; i < ADIT_LEN(phrases); i++) {
        if (phrases[i].code == code) {
            n += strlen(phrases[i].phrase);
            memcpy(value + 4, phrases[i].phrase, n - 4);
        }
    }
    adit_stun_add(out, type, value, n);
}

/* The owner hears of refusals that say something about the asker or the server's limits; stale
 * nonces and challenges belong to every conversation. */
static void tell(const struct adit_turnd_call *call, int code)
{
    struct adit_span id = adit_turnd_identity(call->user);
    char user[ADIT_TURND_USER_MAX + 1] = "";
    const struct adit_turnd_event event = {
        .what = ADIT_TURND_REFUSED, .user = user, .flow = call->flow, .error = code
    };

    if (code == ADIT_TURND_STALE_NONCE || (code == ADIT_TURND_UNAUTHORIZED && !call->user.len))
        return;
    if (id.len < sizeof user && id.len)
        memcpy(user, id.data, id.len);
    call->relay->ops->event(call->relay->arg, &event);
}

/* Answers to those that have not proved anything are bounded for each address: it may not even be
 * theirs. */
static bool may_answer(const struct adit_turnd_call *call)
{
    struct adit_turnd *r = call->relay;

    if (call->key.len || adit_turnd_rate(r, r->refusal_rates, &call->flow->client,
                                         r->conf.limits.unauthenticated, call->now)) {
        r->stats.refused++;
        return true;
    }
    r->stats.silent++;
    return false;
}

void adit_turnd_refuse(const struct adit_turnd_call *call, int code)
{
    struct adit_stun_out out;

    if (!may_answer(call))
        return;
    adit_stun_begin(&out, ADIT_STUN_ERROR, call->head.method, call->head.id);
    adit_turnd_add_error(&out, ADIT_STUN_ERROR_CODE, 0, code);
    if (code == ADIT_TURND_UNAUTHORIZED || code == ADIT_TURND_STALE_NONCE)
        adit_turnd_challenge(call, &out);
    adit_turnd_reply(call, &out);
    tell(call, code);
}

void adit_turnd_refuse_unknown(const struct adit_turnd_call *call)
{
    struct adit_turnd *r = call->relay;
    struct adit_stun_out out;
    size_t n;

    if (!may_answer(call))
        return;
    n = adit_stun_answer_unknown(&out, call->bytes, call->n, call->key);
    if (n)
        r->ops->send(r->arg, call->flow, out.bytes, n, false);
}
