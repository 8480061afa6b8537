/* allocate.c - Allocate (RFC 8656 section 7.2) and Refresh (8.2). */
#include "relay/inner.h"

#define UDP        17 /* REQUESTED-TRANSPORT */
#define FAMILY_V4  1  /* REQUESTED-ADDRESS-FAMILY */
#define FAMILY_V6  2
#define PAIR_TRIES 16 /* for an even port whose neighbour is free */
#define RESERVE    0x80

/* What an Allocate request wants. */
struct wish {
    enum adit_family family, additional; /* additional NONE = no second one */
    bool even, reserve;
    struct adit_span token; /* data NULL = none */
};

static enum adit_family family_of(struct adit_span value)
{
    return value.len != 4               ? ADIT_FAMILY_NONE
           : value.data[0] == FAMILY_V4 ? ADIT_FAMILY_V4
           : value.data[0] == FAMILY_V6 ? ADIT_FAMILY_V6
                                        : ADIT_FAMILY_NONE;
}

static uint32_t lifetime_of(const struct adit_turnd_call *call)
{
    struct adit_span v = adit_turnd_attribute(call, ADIT_STUN_LIFETIME);
    uint32_t wanted = v.len == 4 ? adit_get32(v.data) : ADIT_TURND_LIFETIME;

    return wanted > ADIT_TURND_LIFETIME_MAX ? ADIT_TURND_LIFETIME_MAX : wanted;
}

/* 0, or the code of the first rule that it breaks. */
static int read_wish(const struct adit_turnd_call *call, struct wish *w)
{
    struct adit_span transport = adit_turnd_attribute(call, ADIT_STUN_REQUESTED_TRANSPORT);
    struct adit_span family = adit_turnd_attribute(call, ADIT_STUN_REQUESTED_ADDRESS_FAMILY);
    struct adit_span additional = adit_turnd_attribute(call, ADIT_STUN_ADDITIONAL_ADDRESS_FAMILY);
    struct adit_span even = adit_turnd_attribute(call, ADIT_STUN_EVEN_PORT);

    *w = (struct wish){ .family = ADIT_FAMILY_V4,
                        .even = even.data != NULL,
                        .reserve = even.len && (even.data[0] & RESERVE),
                        .token = adit_turnd_attribute(call, ADIT_STUN_RESERVATION_TOKEN) };
    if (transport.len != 4)
        return ADIT_TURND_BAD_REQUEST;
    if (transport.data[0] != UDP)
        return ADIT_TURND_NO_TRANSPORT;
    if (w->token.data &&
        (even.data || family.data || additional.data || w->token.len != ADIT_TURND_TOKEN_SIZE))
        return ADIT_TURND_BAD_REQUEST;
    if (additional.data) {
        w->additional = family_of(additional);
        if (family.data || w->additional != ADIT_FAMILY_V6 || w->reserve)
            return ADIT_TURND_BAD_REQUEST;
    }
    if (family.data) {
        w->family = family_of(family);
        if (!w->family)
            return ADIT_TURND_NO_FAMILY;
    }
    return 0;
}

static int code_of(int err)
{
    return err == -EAFNOSUPPORT ? ADIT_TURND_NO_FAMILY : ADIT_TURND_CAPACITY;
}

/* An even port, with the next one kept for somebody who will show the token. */
static int open_pair(const struct adit_turnd_call *call, struct adit_turnd_allocation *a,
                     struct adit_turnd_wish wish)
{
    struct adit_turnd *r = call->relay;
    struct adit_turnd_socket *first, *second;
    int err = -EADDRINUSE;

    for (int i = 0; i < PAIR_TRIES && err == -EADDRINUSE; i++) {
        err = adit_turnd_socket_open(r, &wish, &first);
        if (err < 0)
            break;
        err = adit_turnd_socket_open(
            r,
            &(struct adit_turnd_wish){ .family = wish.family,
                                       .exact = (uint16_t)(first->port.addr.port + 1) },
            &second);
        if (err == 0) {
            err = adit_turnd_reserve(r, second, call->now);
            if (err == 0) {
                adit_turnd_give(a, first);
                a->has_token = true;
                memcpy(a->token, second->token, sizeof a->token);
                return 0;
            }
            adit_turnd_socket_free(r, second);
        }
        adit_turnd_socket_free(r, first);
    }
    return err;
}

static int open_sockets(const struct adit_turnd_call *call, struct adit_turnd_allocation *a,
                        const struct wish *w)
{
    struct adit_turnd_wish wish = { .family = w->family, .even = w->even };
    struct adit_turnd_socket *s;
    int err;

    if (w->token.data) {
        s = adit_turnd_redeem(call->relay, w->token);
        if (!s)
            return ADIT_TURND_CAPACITY;
        adit_turnd_give(a, s);
        return 0;
    }
    if (w->reserve) {
        err = open_pair(call, a, wish);
        return err ? code_of(err) : 0;
    }
    err = adit_turnd_socket_open(call->relay, &wish, &s);
    if (err == 0)
        adit_turnd_give(a, s);
    if (!w->additional)
        return err ? code_of(err) : 0;
    a->additional_error = err ? code_of(err) : 0; /* of either family, if not of both */
    wish.family = w->additional;
    int other = adit_turnd_socket_open(call->relay, &wish, &s);
    if (other == 0)
        adit_turnd_give(a, s);
    else if (err)
        return code_of(err);
    else
        a->additional_error = code_of(other);
    return 0;
}

/* The same when it is asked for again, because the answer may have been lost (section 7.2). */
static void answer(const struct adit_turnd_call *call, const struct adit_turnd_allocation *a)
{
    struct adit_stun_out out;

    adit_turnd_success(call, &out);
    for (size_t i = 0; i < ADIT_LEN(a->sockets); i++)
        if (a->sockets[i])
            adit_stun_add_xor(&out, ADIT_STUN_XOR_RELAYED_ADDRESS, &a->sockets[i]->port.addr);
    if (a->additional_error)
        adit_turnd_add_error(&out, ADIT_STUN_ADDRESS_ERROR_CODE,
                             a->sockets[0] ? FAMILY_V6 : FAMILY_V4, a->additional_error);
    adit_stun_add32(&out, ADIT_STUN_LIFETIME, a->lifetime);
    if (a->has_token)
        adit_stun_add(&out, ADIT_STUN_RESERVATION_TOKEN, a->token, sizeof a->token);
    adit_stun_add_mapped(&out, &call->flow->client);
    adit_turnd_reply(call, &out);
}

void adit_turnd_allocate(struct adit_turnd_call *call)
{
    struct adit_turnd_allocation *a = call->allocation;
    struct wish w;
    int code;

    if (a && memcmp(a->id, call->head.id, sizeof a->id) == 0) {
        answer(call, a);
        return;
    }
    code = a ? ADIT_TURND_MISMATCH : read_wish(call, &w);
    if (code) {
        adit_turnd_refuse(call, code);
        return;
    }
    a = adit_turnd_allocation_new(call, &code);
    if (a)
        code = open_sockets(call, a, &w);
    if (a && code) {
        adit_turnd_allocation_free(call->relay, a);
        a = NULL;
    }
    if (!a) {
        adit_turnd_refuse(call, code);
        return;
    }
    a->lifetime = lifetime_of(call);
    if (a->lifetime < ADIT_TURND_LIFETIME)
        a->lifetime = ADIT_TURND_LIFETIME;
    adit_turnd_live(call->relay, a, a->lifetime, call->now);
    answer(call, a);
}

/* One of two families may be given up alone (section 8.2). */
static bool drop_family(struct adit_turnd *r, struct adit_turnd_allocation *a, size_t i)
{
    if (!a->sockets[!i])
        return false;
    adit_turnd_socket_free(r, a->sockets[i]);
    a->sockets[i] = NULL;
    return true;
}

void adit_turnd_refresh(struct adit_turnd_call *call)
{
    struct adit_span family = adit_turnd_attribute(call, ADIT_STUN_REQUESTED_ADDRESS_FAMILY);
    struct adit_turnd_allocation *a = call->allocation;
    size_t i = family_of(family) == ADIT_FAMILY_V6;
    uint32_t lifetime = lifetime_of(call);
    struct adit_stun_out out;

    if (family.data && (!family_of(family) || !a->sockets[i])) {
        adit_turnd_refuse(call, ADIT_TURND_PEER_FAMILY);
        return;
    }
    if (lifetime && lifetime < ADIT_TURND_LIFETIME)
        lifetime = ADIT_TURND_LIFETIME;
    adit_turnd_success(call, &out);
    adit_stun_add32(&out, ADIT_STUN_LIFETIME, lifetime);
    adit_turnd_reply(call, &out);
    if (lifetime)
        adit_turnd_live(call->relay, a, lifetime, call->now);
    else if (!family.data || !drop_family(call->relay, a, i))
        adit_turnd_allocation_end(call->relay, a);
}
