#include "ice/turn_inner.h"

#define GAP_MAX        (2 * ADIT_SEC)
#define STREAM_WAIT    (10 * ADIT_SEC) /* RFC 8489 section 6.2.2 has 39.5 s; a person waits */
#define CHALLENGES_MAX 4               /* 438: the nonce of a busy server may be stale at once */
#define REFUSALS_MAX \
    2 /* 401: one to ask who we are, one more for a server that says it of a stale nonce */
#define TRANSPORT_UDP           (17u << 24)
#define FAMILY_V6               (2u << 24)
/* ADDITIONAL-ADDRESS-FAMILY before it had its number in RFC 8656: what coturn goes by. */
#define ADDITIONAL_FAMILY_DRAFT 0x8032

static void add_credentials(const struct adit_turn *t, struct adit_stun_out *out)
{
    adit_stun_add(out, ADIT_STUN_USERNAME, t->user, strlen(t->user));
    adit_stun_add(out, ADIT_STUN_REALM, t->realm, strlen(t->realm));
    adit_stun_add(out, ADIT_STUN_NONCE, t->nonce, strlen(t->nonce));
}

static void add_attributes(const struct adit_turn *t, const struct adit_turn_call *c,
                           const struct adit_turn_peer *peer, struct adit_stun_out *out)
{
    switch (c->method) {
    case ADIT_STUN_ALLOCATE:
        adit_stun_add32(out, ADIT_STUN_REQUESTED_TRANSPORT, TRANSPORT_UDP);
        if (t->ask == ADIT_TURN_ASK_BOTH) {
            adit_stun_add32(out, ADIT_STUN_ADDITIONAL_ADDRESS_FAMILY, FAMILY_V6);
            adit_stun_add32(out, ADDITIONAL_FAMILY_DRAFT, FAMILY_V6);
        } else if (t->ask == ADIT_TURN_ASK_V6)
            adit_stun_add32(out, ADIT_STUN_REQUESTED_ADDRESS_FAMILY, FAMILY_V6);
        break;
    case ADIT_STUN_REFRESH:
        if (t->dropping || t->state == ADIT_TURN_IDLE)
            adit_stun_add32(out, ADIT_STUN_LIFETIME, 0);
        break;
    case ADIT_STUN_CHANNEL_BIND:
        adit_stun_add32(out, ADIT_STUN_CHANNEL_NUMBER, (uint32_t)peer->channel << 16);
        adit_stun_add_xor(out, ADIT_STUN_XOR_PEER_ADDRESS, &peer->addr);
        break;
    case ADIT_STUN_CREATE_PERMISSION:
        adit_stun_add_xor(out, ADIT_STUN_XOR_PEER_ADDRESS, &peer->addr);
        break;
    }
}

void adit_turn_call_send(struct adit_turn *t, const struct adit_turn_call *c,
                         const struct adit_turn_peer *peer)
{
    struct adit_span key = { 0 };
    struct adit_stun_out out;

    adit_stun_begin(&out, ADIT_STUN_REQUEST, c->method, c->id);
    add_attributes(t, c, peer, &out);
    if (c->signed_in) {
        add_credentials(t, &out);
        key = (struct adit_span){ t->key, sizeof t->key };
    }
    if (adit_stun_finish(&out, key))
        t->ops->send(t->arg, out.bytes, out.len);
}

static void leave(struct adit_turn *t, struct adit_turn_call *c, const struct adit_turn_peer *peer,
                  adit_time now)
{
    adit_rng_bytes(t->rng, c->id, sizeof c->id);
    c->signed_in = t->has_user && *t->nonce;
    adit_retry_start(&c->retry, ADIT_RETRY_RTO, GAP_MAX, now);
    if (t->stream)
        c->retry = (struct adit_retry){ .sends = ADIT_RETRY_SENDS_MAX, .next = now + STREAM_WAIT };
    adit_turn_call_send(t, c, peer);
}

void adit_turn_call_start(struct adit_turn *t, struct adit_turn_call *c, uint16_t method,
                          const struct adit_turn_peer *peer, adit_time now)
{
    *c = (struct adit_turn_call){ .live = true, .method = method, .began = now };
    leave(t, c, peer, now);
}

/* Text that fits between two zero bytes. */
static bool copy_text(char out[ADIT_TURN_TEXT_MAX], const struct adit_span *text)
{
    if (text->len == 0 || text->len >= ADIT_TURN_TEXT_MAX || memchr(text->data, 0, text->len))
        return false;
    memcpy(out, text->data, text->len);
    out[text->len] = '\0';
    return true;
}

/* 438 may leave the realm out: it is the one that we know. */
static bool take_challenge(struct adit_turn *t, const struct adit_span *pkt)
{
    struct adit_span nonce = adit_stun_find(pkt->data, pkt->len, ADIT_STUN_NONCE);
    struct adit_span realm = adit_stun_find(pkt->data, pkt->len, ADIT_STUN_REALM);

    if (!copy_text(t->nonce, &nonce) || (realm.data ? !copy_text(t->realm, &realm) : !*t->realm))
        return false;
    adit_stun_long_term_key(t->key, t->user, t->realm, t->password);
    return true;
}

bool adit_turn_call_challenged(struct adit_turn *t, struct adit_turn_call *c,
                               const struct adit_turn_peer *peer, const struct adit_stun *msg,
                               const struct adit_span *pkt, struct adit_cause *ret_cause,
                               adit_time now)
{
    unsigned max = msg->error == 438 ? CHALLENGES_MAX : REFUSALS_MAX;

    if (!t->has_user) {
        adit_cause_set(ret_cause, ADIT_REASON_NOT_AUTHENTIC, EACCES,
                       "it wants a user and a password");
        return false;
    }
    if (c->challenges++ >= max) {
        adit_cause_set(ret_cause, ADIT_REASON_NOT_AUTHENTIC, EACCES, "%s",
                       msg->error == 438 ? "no nonce of its own is good enough for it"
                                         : "wrong user or password");
        return false;
    }
    if (!take_challenge(t, pkt)) {
        *t->nonce = '\0';
        adit_cause_set(ret_cause, ADIT_REASON_PROTOCOL, EPROTO,
                       "it asks for credentials without saying for which realm");
        return false;
    }
    leave(t, c, peer, now);
    return true;
}
