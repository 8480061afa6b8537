/* auth.c - long-term credentials (RFC 8489 section 9.2).
 *
 * A nonce is the second it was made in and a code over that second and the client's address; so
 * none is remembered, and none is good anywhere else. The time in a name counts when an allocation
 * begins: what is there goes on under its key, so a connection does not end with the day. */
#include "base/digest.h"
#include "relay/inner.h"

#define NONCE_CODE 12                     /* bytes */
#define NONCE_SIZE (2 * (4 + NONCE_CODE)) /* hex */

static void nonce_of(const struct adit_turnd_call *call, uint32_t second, char out[NONCE_SIZE])
{
    static const char hex[] = "0123456789abcdef";
    uint8_t in[4 + 1 + ADIT_TURND_ADDR_KEY], mac[32], raw[4 + NONCE_CODE];

    adit_put32(in, second);
    in[4] = call->flow->stream;
    adit_turnd_addr_key(in + 5, &call->flow->client);
    adit_hmac_sha256(mac, call->relay->nonce_key, sizeof call->relay->nonce_key, in, sizeof in);
    adit_put32(raw, second);
    memcpy(raw + 4, mac, NONCE_CODE);
    for (size_t i = 0; i < sizeof raw; i++) {
        out[2 * i] = hex[raw[i] >> 4];
        out[2 * i + 1] = hex[raw[i] & 15];
    }
}

void adit_turnd_challenge(const struct adit_turnd_call *call, struct adit_stun_out *out)
{
    const char *realm = call->relay->conf.realm;
    char nonce[NONCE_SIZE];

    nonce_of(call, (uint32_t)(call->now / ADIT_SEC), nonce);
    adit_stun_add(out, ADIT_STUN_REALM, realm, strlen(realm));
    adit_stun_add(out, ADIT_STUN_NONCE, nonce, sizeof nonce);
}

static bool hex32(const uint8_t *text, uint32_t *ret_v)
{
    uint32_t v = 0;

    for (size_t i = 0; i < 8; i++) {
        uint8_t c = text[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
        v = v << 4 | (uint32_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    *ret_v = v;
    return true;
}

static bool nonce_good(const struct adit_turnd_call *call, struct adit_span nonce)
{
    char wanted[NONCE_SIZE];
    uint32_t second;

    if (nonce.len != sizeof wanted || !hex32(nonce.data, &second))
        return false;
    nonce_of(call, second, wanted);
    return adit_equal_secret(nonce.data, wanted, sizeof wanted) &&
           (adit_time)second * ADIT_SEC <= call->now &&
           call->now - (adit_time)second * ADIT_SEC < ADIT_TURND_NONCE;
}

/* The key that goes with this name; false: nobody has this name, or not any more. */
static bool find_key(struct adit_turnd_call *call, struct adit_span user)
{
    const struct adit_turnd *r = call->relay;
    const struct adit_turnd_allocation *a = call->allocation;
    char password[ADIT_TURND_PASSWORD_SIZE];

    if (a && a->user_len == user.len && memcmp(a->user, user.data, user.len) == 0) {
        memcpy(call->key_bytes, a->secret, sizeof call->key_bytes);
        return true;
    }
    if (user.len > ADIT_TURND_USER_MAX || adit_turnd_expiry(user) < r->ops->wall(r->arg))
        return false;
    adit_turnd_password(password, r->secret, user);
    return adit_turnd_key(call->key_bytes, user, r->conf.realm, password) == 0;
}

static bool has_integrity(const struct adit_turnd_call *call)
{
    struct adit_stun_attr attr = { 0 };

    while (adit_stun_next(&attr, call->bytes, call->n))
        ;
    return attr.type == ADIT_STUN_MESSAGE_INTEGRITY; /* the one that the walk has stopped at */
}

static bool refuse(const struct adit_turnd_call *call, int code)
{
    adit_turnd_refuse(call, code);
    return false;
}

bool adit_turnd_authenticate(struct adit_turnd_call *call)
{
    struct adit_span user = adit_turnd_attribute(call, ADIT_STUN_USERNAME);
    struct adit_span realm = adit_turnd_attribute(call, ADIT_STUN_REALM);
    struct adit_span nonce = adit_turnd_attribute(call, ADIT_STUN_NONCE);
    struct adit_stun_auth auth = { .username = user };
    struct adit_stun msg;

    if (adit_stun_decode(&msg, call->bytes, call->n, &auth) == ADIT_STUN_MALFORMED) {
        call->relay->stats.silent++;
        return false;
    }
    if (!has_integrity(call))
        return refuse(call, ADIT_TURND_UNAUTHORIZED);
    if (!user.data || !realm.data || !nonce.data)
        return refuse(call, ADIT_TURND_BAD_REQUEST);
    call->user = user;
    if (!find_key(call, user))
        return refuse(call, ADIT_TURND_UNAUTHORIZED);
    auth.key = (struct adit_span){ call->key_bytes, sizeof call->key_bytes };
    enum adit_stun_verdict verdict = adit_stun_decode(&msg, call->bytes, call->n, &auth);
    if (verdict != ADIT_STUN_OK && verdict != ADIT_STUN_UNKNOWN)
        return refuse(call, ADIT_TURND_UNAUTHORIZED);
    call->key = auth.key;
    if (!nonce_good(call, nonce))
        return refuse(call, ADIT_TURND_STALE_NONCE);
    if (verdict == ADIT_STUN_UNKNOWN) {
        adit_turnd_refuse_unknown(call);
        return false;
    }
    return true;
}
