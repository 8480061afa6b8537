/* binding.c - where a client's packets come from (RFC 8489), and how its NAT behaves (RFC 5780).
 *
 * Anybody may ask, and the address that asks may be somebody else's. So an answer over UDP is never
 * more than 1.5 times the request, IP and UDP headers counted, and what does not fit is left out;
 * and an address gets only so many a second. */
#include "relay/inner.h"

#define CHANGE_IP   0x4 /* RFC 5780 section 7.2 */
#define CHANGE_PORT 0x2

/* What may be said beside the address, in the order of its worth, and whether it is. */
struct answer {
    struct adit_stun_out out;
    size_t size, max;
};

static size_t headers(const struct adit_addr *a)
{
    return a->family == ADIT_FAMILY_V6 ? 48 : 28;
}

static size_t addr_size(const struct adit_addr *a)
{
    return a->family == ADIT_FAMILY_V6 ? 24 : 12;
}

static bool fits(struct answer *a, size_t n)
{
    if (a->size + n > a->max)
        return false;
    a->size += n;
    return true;
}

static const struct adit_turnd_other *other_of(const struct adit_turnd_call *call)
{
    const struct adit_turnd_conf *conf = &call->relay->conf;

    for (size_t i = 0; !call->flow->stream && i < ADIT_LEN(conf->others); i++) {
        const struct adit_turnd_other *o = &conf->others[i];
        if (o->primary.family &&
            (adit_addr_equal_ip(&o->primary, &call->flow->local) ||
             adit_addr_equal_ip(&o->alternate, &call->flow->local)) &&
            (o->primary.port == call->flow->local.port ||
             o->alternate.port == call->flow->local.port))
            return o;
    }
    return NULL;
}

/* The address and the port that were not asked, as far as `flags` wants it. */
static struct adit_addr changed(const struct adit_turnd_other *o, const struct adit_addr *asked,
                                uint32_t flags)
{
    bool first_ip = adit_addr_equal_ip(&o->primary, asked) == !(flags & CHANGE_IP);
    bool first_port = (asked->port == o->primary.port) == !(flags & CHANGE_PORT);
    struct adit_addr a = first_ip ? o->primary : o->alternate;

    a.port = first_port ? o->primary.port : o->alternate.port;
    return a;
}

/* Are there only those attributes that RFC 5780 adds? */
static bool only_these(const struct adit_turnd_call *call)
{
    static const uint16_t known[] = { ADIT_STUN_USERNAME,      ADIT_STUN_REALM,
                                      ADIT_STUN_NONCE,         ADIT_STUN_PRIORITY,
                                      ADIT_STUN_USE_CANDIDATE, ADIT_STUN_CHANGE_REQUEST,
                                      ADIT_STUN_PADDING,       ADIT_STUN_RESPONSE_PORT };
    struct adit_stun_attr attr = { 0 };

    while (adit_stun_next(&attr, call->bytes, call->n)) {
        bool found = attr.type >= 0x8000;
        for (size_t i = 0; i < ADIT_LEN(known); i++)
            found = found || attr.type == known[i];
        if (!found)
            return false;
    }
    return true;
}

static bool has_fingerprint(const struct adit_turnd_call *call)
{
    return call->n >= 28 && adit_get16(call->bytes + call->n - 8) == ADIT_STUN_FINGERPRINT;
}

static void add_behaviour(const struct adit_turnd_call *call, const struct adit_turnd_other *o,
                          struct answer *a, struct adit_turnd_flow *to)
{
    struct adit_span change = adit_turnd_attribute(call, ADIT_STUN_CHANGE_REQUEST);
    struct adit_span port = adit_turnd_attribute(call, ADIT_STUN_RESPONSE_PORT);
    struct adit_span padding = adit_turnd_attribute(call, ADIT_STUN_PADDING);
    struct adit_addr other = changed(o, &to->local, CHANGE_IP | CHANGE_PORT);
    uint32_t flags = change.len == 4 ? adit_get32(change.data) & (CHANGE_IP | CHANGE_PORT) : 0;

    if (fits(a, addr_size(&other)))
        adit_stun_add_addr(&a->out, ADIT_STUN_OTHER_ADDRESS, &other);
    if (flags) {
        to->local = changed(o, &to->local, flags);
        to->path = NULL;
    }
    if (port.len >= 2 && adit_get16(port.data))
        to->client.port = adit_get16(port.data);
    if (fits(a, addr_size(&other)))
        adit_stun_add_addr(&a->out, ADIT_STUN_RESPONSE_ORIGIN, &to->local);
    /* As long as the request's, which cannot be longer than the request. */
    if (padding.data && fits(a, 4 + (padding.len + 3) / 4 * 4))
        adit_stun_add(&a->out, ADIT_STUN_PADDING, padding.data, padding.len);
}

void adit_turnd_binding(struct adit_turnd_call *call)
{
    const struct adit_turnd_other *o = other_of(call);
    struct adit_turnd *r = call->relay;
    struct adit_turnd_flow to = *call->flow;
    size_t head = headers(&to.client), n;
    struct adit_stun msg;
    enum adit_stun_verdict verdict =
        adit_stun_decode(&msg, call->bytes, call->n, &(struct adit_stun_auth){ 0 });
    struct answer a = { .size = 20 + addr_size(&to.client),
                        .max = (call->n + head) * 3 / 2 - head };

    if (verdict == ADIT_STUN_UNKNOWN && !(o && only_these(call))) {
        adit_turnd_refuse_unknown(call);
        return;
    }
    if ((verdict != ADIT_STUN_OK && verdict != ADIT_STUN_UNKNOWN) ||
        (!to.stream &&
         !adit_turnd_rate(r, r->binding_rates, &to.client, r->conf.limits.bindings, call->now))) {
        r->stats.silent++;
        return;
    }
    adit_turnd_success(call, &a.out);
    adit_stun_add_mapped(&a.out, &to.client);
    bool fingerprint = has_fingerprint(call) && fits(&a, 8);
    if (o)
        add_behaviour(call, o, &a, &to);
    n = fingerprint ? adit_stun_finish(&a.out, (struct adit_span){ 0 })
                    : adit_stun_finish_bare(&a.out);
    if (!n)
        return;
    r->stats.bindings++;
    r->ops->send(r->arg, &to, a.out.bytes, n, false);
}
