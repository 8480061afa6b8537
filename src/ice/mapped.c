/* mapped - addresses that lead to a base because somebody said so: a gateway that keeps a port open
 * for us (RFC 6886, RFC 6887), or the user, who has set up a forward.
 *
 * They are server-reflexive candidates whose server is who said it: nothing is asked and nothing
 * kept alive by us. */
#include "ice/internal.h"

static struct adit_ice_local *told_by(const struct adit_ice *ice, const struct adit_ice_base *base,
                                      const struct adit_addr *server)
{
    for (size_t i = 0; i < ice->local_count; i++) {
        struct adit_ice_local *l = ice->locals[i];
        if (l->base == base && l->mapped && adit_addr_equal(&l->server, server))
            return l;
    }
    return NULL;
}

/* Behind what STUN servers say of this base; each has a priority of its own (RFC 8445
 * section 5.1.2.1). */
static uint16_t preference(const struct adit_ice *ice, const struct adit_ice_base *base)
{
    unsigned less = ADIT_ICE_STUN_MAX;

    for (size_t i = 0; i < ice->local_count; i++)
        less += ice->locals[i]->base == base && ice->locals[i]->mapped;
    return base->preference > less ? (uint16_t)(base->preference - less) : 0;
}

static int add(struct adit_ice *ice, struct adit_ice_base *base, const struct adit_addr *server,
               const struct adit_addr *addr)
{
    struct adit_ice_local *l;

    /* RFC 8445 section 5.1.3: the same address and base is redundant. */
    if (adit_ice_find_told(ice, base, addr))
        return 0;
    if (ice->local_count == ice->limits.locals_max)
        return -ENOSPC;
    l = adit_ice_add_local(ice, base, ADIT_CAND_SRFLX, preference(ice, base), addr, server, true);
    if (!l)
        return -ENOMEM;
    l->mapped = true;
    return 0;
}

int adit_ice_set_mapped(struct adit_ice *ice, int id, const struct adit_addr *server,
                        const struct adit_addr *addr, adit_time now)
{
    struct adit_ice_base *base = adit_ice_find_base(ice, id);
    struct adit_ice_local *l = base ? told_by(ice, base, server) : NULL;
    struct adit_addr none = { .family = ADIT_FAMILY_NONE };
    int err = 0;

    if (!base || adit_ice_over(ice))
        return -ENOENT;
    if (!addr)
        addr = &none;
    if (l && adit_addr_equal(&l->cand.addr, addr))
        return 0;
    if (l) /* what was told to the other side is out of date */
        adit_ice_remove_local(ice, l);
    if (addr->family)
        err = add(ice, base, server, addr);
    if (l && addr->family && !err)
        adit_ice_tell_mapped(ice, &adit_ice_find_told(ice, base, addr)->cand);
    adit_ice_finish(ice, now);
    return err;
}
