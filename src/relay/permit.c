/* permit.c - CreatePermission (RFC 8656 section 10) and ChannelBind (12), and who may be a peer.
 *
 * Permissions and channels end by themselves: what is past is passed over, and its place is taken
 * by the next. */
#include "base/alloc.h"
#include "relay/deny.h"
#include "relay/inner.h"

/* RFC 5766 had four times as many as RFC 8656, and its clients choose among all of them. */
#define CHANNEL_FIRST 0x4000
#define CHANNEL_LAST  0x7fff
#define CAP_FIRST     4

/* ---- who may be one -------------------------------------------------------------------------- */

bool adit_turnd_allowed(const struct adit_turnd *r, const struct adit_addr *peer)
{
    for (size_t i = 0; i < r->conf.allow_count; i++)
        if (adit_addr_in(peer, &r->conf.allow[i].net, r->conf.allow[i].len))
            return true;
    return false;
}

/* 0, or 403 or 443. Two clients of ours may be peers, wherever we relay from: packets to our
 * relayed addresses do not leave, and to nothing else at that address (data.c). */
static int judge(const struct adit_turnd_call *call, const struct adit_addr *peer)
{
    const struct adit_turnd_allocation *a = call->allocation;
    const struct adit_turnd_socket *s = a->sockets[adit_turnd_index(peer)];
    struct adit_turnd *r = call->relay;

    if (!s)
        return ADIT_TURND_PEER_FAMILY;
    if (adit_turnd_allowed(r, peer) || adit_addr_equal_ip(peer, &s->port.addr))
        return 0;
    return adit_turnd_denied(peer) || r->ops->own(r->arg, peer) ? ADIT_TURND_FORBIDDEN : 0;
}

/* ---- tables ---------------------------------------------------------------------------------- */

/* Room for one more of `size` bytes. -ENOMEM. */
static int grow(void **items, size_t count, size_t *cap, size_t size)
{
    size_t wanted = *cap ? 2 * *cap : CAP_FIRST;
    void *more;

    if (count < *cap)
        return 0;
    more = adit_realloc(*items, wanted * size);
    if (!more)
        return -ENOMEM;
    *items = more;
    *cap = wanted;
    return 0;
}

static struct adit_turnd_permission *find_permission(const struct adit_turnd_allocation *a,
                                                     const struct adit_addr *peer)
{
    for (size_t i = 0; i < a->permission_count; i++)
        if (adit_addr_equal_ip(&a->permissions[i].peer, peer))
            return &a->permissions[i];
    return NULL;
}

bool adit_turnd_permitted(const struct adit_turnd_allocation *a, const struct adit_addr *peer,
                          adit_time now)
{
    const struct adit_turnd_permission *p = find_permission(a, peer);

    return p && p->expires > now;
}

/* The place of this peer, or of one whose time is over, or a new one. NULL: no more. */
static struct adit_turnd_permission *permission_place(const struct adit_turnd_call *call,
                                                      const struct adit_addr *peer)
{
    struct adit_turnd_allocation *a = call->allocation;
    struct adit_turnd_permission *p = find_permission(a, peer);
    void *items = a->permissions;

    for (size_t i = 0; !p && i < a->permission_count; i++)
        if (a->permissions[i].expires <= call->now)
            p = &a->permissions[i];
    if (p || a->permission_count >= call->relay->conf.limits.permissions ||
        grow(&items, a->permission_count, &a->permission_cap, sizeof *a->permissions) < 0)
        return p;
    a->permissions = items;
    return &a->permissions[a->permission_count++];
}

static bool permit(const struct adit_turnd_call *call, const struct adit_addr *peer)
{
    struct adit_turnd_permission *p = permission_place(call, peer);

    if (!p)
        return false;
    *p = (struct adit_turnd_permission){ .peer = *peer,
                                         .expires = call->now + ADIT_TURND_PERMISSION };
    p->peer.port = 0;
    return true;
}

/* Most clients number them in turn: then the first look finds it. */
const struct adit_turnd_channel *adit_turnd_channel_by_number(const struct adit_turnd_allocation *a,
                                                              uint16_t number, adit_time now)
{
    size_t guess = (size_t)(number - CHANNEL_FIRST);

    if (guess < a->channel_count && a->channels[guess].number == number)
        return a->channels[guess].expires > now ? &a->channels[guess] : NULL;
    for (size_t i = 0; i < a->channel_count; i++)
        if (a->channels[i].number == number && a->channels[i].expires > now)
            return &a->channels[i];
    return NULL;
}

const struct adit_turnd_channel *adit_turnd_channel_by_peer(const struct adit_turnd_allocation *a,
                                                            const struct adit_addr *peer,
                                                            adit_time now)
{
    for (size_t i = 0; i < a->channel_count; i++)
        if (adit_addr_equal(&a->channels[i].peer, peer) && a->channels[i].expires > now)
            return &a->channels[i];
    return NULL;
}

static struct adit_turnd_channel *channel_place(const struct adit_turnd_call *call,
                                                const struct adit_addr *peer)
{
    struct adit_turnd_allocation *a = call->allocation;
    void *items = a->channels;

    for (size_t i = 0; i < a->channel_count; i++)
        if (a->channels[i].expires <= call->now || adit_addr_equal(&a->channels[i].peer, peer))
            return &a->channels[i];
    if (a->channel_count >= call->relay->conf.limits.channels ||
        grow(&items, a->channel_count, &a->channel_cap, sizeof *a->channels) < 0)
        return NULL;
    a->channels = items;
    return &a->channels[a->channel_count++];
}

/* ---- requests -------------------------------------------------------------------------------- */

static void agree(const struct adit_turnd_call *call)
{
    struct adit_stun_out out;

    adit_turnd_success(call, &out);
    adit_turnd_reply(call, &out);
}

/* All peers of the request, or none; 0, or the code of what is wrong. */
static int each_peer(const struct adit_turnd_call *call,
                     int (*fn)(const struct adit_turnd_call *call, const struct adit_addr *peer))
{
    struct adit_stun_attr attr = { 0 };
    int code = ADIT_TURND_BAD_REQUEST; /* of none at all */
    struct adit_addr peer;

    while (adit_stun_next(&attr, call->bytes, call->n)) {
        if (attr.type != ADIT_STUN_XOR_PEER_ADDRESS)
            continue;
        int err = adit_stun_get_xor(&peer, attr.value, call->head.id);
        if (err)
            return err == -EAFNOSUPPORT ? ADIT_TURND_PEER_FAMILY : ADIT_TURND_BAD_REQUEST;
        code = fn(call, &peer);
        if (code)
            return code;
    }
    return code;
}

static int do_permit(const struct adit_turnd_call *call, const struct adit_addr *peer)
{
    return permit(call, peer) ? 0 : ADIT_TURND_CAPACITY;
}

void adit_turnd_create_permission(struct adit_turnd_call *call)
{
    int code = each_peer(call, judge);

    if (!code)
        code = each_peer(call, do_permit);
    if (code)
        adit_turnd_refuse(call, code);
    else
        agree(call);
}

/* Neither number nor peer may be bound to another one (section 12.2). */
static bool contradicts(const struct adit_turnd_call *call, uint16_t number,
                        const struct adit_addr *peer)
{
    const struct adit_turnd_channel *by_number, *by_peer;

    by_number = adit_turnd_channel_by_number(call->allocation, number, call->now);
    by_peer = adit_turnd_channel_by_peer(call->allocation, peer, call->now);
    return by_number != by_peer;
}

void adit_turnd_channel_bind(struct adit_turnd_call *call)
{
    struct adit_span number = adit_turnd_attribute(call, ADIT_STUN_CHANNEL_NUMBER);
    struct adit_span value = adit_turnd_attribute(call, ADIT_STUN_XOR_PEER_ADDRESS);
    struct adit_turnd_channel *c = NULL;
    struct adit_addr peer;
    uint16_t n = number.len == 4 ? adit_get16(number.data) : 0;
    int err = value.data ? adit_stun_get_xor(&peer, value, call->head.id) : -EPROTO;
    int code = 0;

    if (n < CHANNEL_FIRST || n > CHANNEL_LAST || err == -EPROTO || (!err && !peer.port))
        code = ADIT_TURND_BAD_REQUEST;
    else if (err)
        code = ADIT_TURND_PEER_FAMILY;
    else
        code = judge(call, &peer);
    if (!code && contradicts(call, n, &peer))
        code = ADIT_TURND_BAD_REQUEST;
    if (!code) {
        c = channel_place(call, &peer);
        if (!c || !permit(call, &peer))
            code = ADIT_TURND_CAPACITY;
    }
    if (code) {
        adit_turnd_refuse(call, code);
        return;
    }
    *c = (struct adit_turnd_channel){ peer, n, call->now + ADIT_TURND_CHANNEL };
    agree(call);
}
