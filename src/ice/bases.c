#include <stdio.h>

#include "base/alloc.h"
#include "ice/internal.h"

struct adit_ice_base *adit_ice_find_base(const struct adit_ice *ice, int id)
{
    for (size_t i = 0; i < ice->base_count; i++) {
        if (ice->bases[i]->id == id)
            return ice->bases[i];
    }
    return NULL;
}

struct adit_ice_local *adit_ice_find_local(const struct adit_ice *ice,
                                           const struct adit_ice_base *base,
                                           const struct adit_addr *addr)
{
    for (size_t i = 0; i < ice->local_count; i++) {
        struct adit_ice_local *l = ice->locals[i];
        if (l->base == base && l->cand.addr.port == addr->port &&
            adit_addr_equal_ip(&l->cand.addr, addr))
            return l;
    }
    return NULL;
}

struct adit_ice_local *adit_ice_find_told(const struct adit_ice *ice,
                                          const struct adit_ice_base *base,
                                          const struct adit_addr *addr)
{
    for (size_t i = 0; i < ice->local_count; i++) {
        struct adit_ice_local *l = ice->locals[i];
        if (l->base == base && adit_addr_equal(&l->cand.addr, addr) &&
            !(ice->hide_hosts && l->cand.type == ADIT_CAND_HOST))
            return l;
    }
    return NULL;
}

/* RFC 8445 section 5.1.1.3: the same for candidates of one type, transport, base address and
 * server. */
static void set_foundation(struct adit_ice *ice, struct adit_ice_local *local)
{
    for (size_t i = 0; i < ice->local_count; i++) {
        const struct adit_ice_local *l = ice->locals[i];
        if (l->cand.type == local->cand.type && l->cand.transport == local->cand.transport &&
            adit_addr_equal_ip(&l->base->addr, &local->base->addr) &&
            adit_addr_equal_ip(&l->server, &local->server)) {
            memcpy(local->cand.foundation, l->cand.foundation, sizeof local->cand.foundation);
            return;
        }
    }
    snprintf(local->cand.foundation, sizeof local->cand.foundation, "%u", ++ice->foundations);
}

static struct adit_addr related_address(const struct adit_ice *ice,
                                        const struct adit_ice_base *base)
{
    struct adit_addr hidden = { .family = base->addr.family, .port = 9 };

    /* RFC 8839 section 5.1: 0.0.0.0 and port 9 where the base is nobody's business; what a relay
     * sees is ours, too. */
    if (ice->path == ADIT_PATH_RELAY)
        return hidden;
    if (base->related.family)
        return base->related;
    return base->announce ? base->addr : hidden;
}

struct adit_ice_local *adit_ice_add_local(struct adit_ice *ice, struct adit_ice_base *base,
                                          enum adit_cand_type type, uint16_t preference,
                                          const struct adit_addr *addr,
                                          const struct adit_addr *server, bool announced)
{
    struct adit_ice_local *l;

    if (ice->local_count == ice->limits.locals_max)
        return NULL;
    l = adit_zalloc(sizeof *l);
    if (!l)
        return NULL;
    l->base = base;
    l->announced = announced && !adit_ice_barred(ice, base, NULL);
    announced = l->announced;
    l->cand = (struct adit_cand){ .type = type,
                                  .transport = base->transport,
                                  .tcptype = base->tcptype,
                                  .component = 1,
                                  .priority = adit_base_priority(base, type, preference),
                                  .addr = *addr };
    if (server)
        l->server = *server;
    if (type != ADIT_CAND_HOST)
        l->cand.related = related_address(ice, base);
    set_foundation(ice, l);
    ice->locals[ice->local_count++] = l;
    if (announced)
        adit_ice_tell(ice, &(struct adit_ice_event){
                               .type = ADIT_ICE_EV_CAND, .cand = &l->cand, .base = base->id });
    return l;
}

static void drop_events(struct adit_ice *ice, const struct adit_cand *cand)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < ice->event_count; i++) {
        struct adit_ice_event ev = ice->events[(ice->event_first + i) % ADIT_ICE_EVENTS_MAX];
        if (ev.cand != cand)
            ice->events[(ice->event_first + kept++) % ADIT_ICE_EVENTS_MAX] = ev;
    }
    ice->event_count = kept;
}

void adit_ice_remove_local(struct adit_ice *ice, struct adit_ice_local *l)
{
    size_t i = 0;

    for (size_t k = 0; k < ice->list.count; k++) {
        if (ice->list.pairs[k]->local == l)
            ice->list.pairs[k]->local = l->base->own;
    }
    drop_events(ice, &l->cand);
    while (ice->locals[i] != l)
        i++;
    ice->local_count--;
    memmove(&ice->locals[i], &ice->locals[i + 1], (ice->local_count - i) * sizeof *ice->locals);
    adit_free(l);
}

static void free_base(struct adit_ice_base *base)
{
    adit_free(base->probes);
    adit_free(base);
}

void adit_ice_free_bases(struct adit_ice *ice)
{
    for (size_t i = 0; i < ice->local_count; i++)
        adit_free(ice->locals[i]);
    for (size_t i = 0; i < ice->base_count; i++)
        free_base(ice->bases[i]);
    ice->local_count = ice->base_count = 0;
}

static uint16_t base_group(struct adit_ice *ice, const struct adit_ice_base *like)
{
    for (size_t i = 0; i < ice->base_count; i++) {
        if (ice->bases[i]->transport == like->transport &&
            adit_addr_equal_ip(&ice->bases[i]->addr, &like->addr))
            return ice->bases[i]->group;
    }
    return ++ice->groups;
}

static struct adit_ice_base *new_base(struct adit_ice *ice, const struct adit_ice_base *like)
{
    struct adit_ice_base *base = adit_zalloc(sizeof *base);

    if (!base)
        return NULL;
    *base = *like;
    base->group = base_group(ice, like);
    base->probes = adit_zalloc(ADIT_ICE_STUN_MAX * sizeof *base->probes);
    if (!base->probes) {
        free_base(base);
        return NULL;
    }
    return base;
}

static int add_base(struct adit_ice *ice, const struct adit_ice_base *like,
                    const struct adit_addr *server, adit_time now)
{
    struct adit_ice_base *base;

    if (adit_ice_over(ice))
        return -ECANCELED;
    if (like->type == ADIT_CAND_RELAY && ice->path == ADIT_PATH_DIRECT)
        return -EPERM;
    if (adit_ice_find_base(ice, like->id))
        return -EEXIST;
    if (ice->local_count == ice->limits.locals_max)
        return -ENOSPC;
    base = new_base(ice, like);
    if (!base)
        return -ENOMEM;
    base->own = adit_ice_add_local(ice, base, base->type, base->preference, &base->addr, server,
                                   base->announce);
    if (!base->own) {
        free_base(base);
        return -ENOMEM;
    }
    for (size_t i = 0; i < ice->stun_count; i++)
        adit_ice_probe_init(ice, base, i, now);
    ice->bases[ice->base_count++] = base;
    adit_ice_pair_base(ice, base, now);
    return 0;
}

int adit_ice_add_base(struct adit_ice *ice, int id, const struct adit_addr *addr,
                      uint16_t preference, bool announce, adit_time now)
{
    struct adit_ice_base like = { .id = id,
                                  .type = ADIT_CAND_HOST,
                                  .addr = *addr,
                                  .preference = preference,
                                  .announce = announce };
    int err = add_base(ice, &like, NULL, now);

    if (err)
        return err;
    adit_ice_bases_changed(ice, true, now);
    adit_ice_finish(ice, now);
    return 0;
}

int adit_ice_add_relay(struct adit_ice *ice, int id, const struct adit_ice_relay *relay,
                       adit_time now)
{
    struct adit_ice_base like = { .id = id,
                                  .type = ADIT_CAND_RELAY,
                                  .addr = relay->addr,
                                  .related = relay->mapped,
                                  .preference = relay->preference,
                                  .announce = true };
    int err = add_base(ice, &like, &relay->server, now);

    if (err)
        return err;
    ice->gather_answered = adit_time_min(ice->gather_answered, now);
    adit_ice_finish(ice, now);
    return 0;
}

int adit_ice_add_tcp(struct adit_ice *ice, int id, const struct adit_addr *addr,
                     enum adit_tcptype tcptype, uint16_t preference, bool announce, adit_time now)
{
    struct adit_ice_base like = { .id = id,
                                  .type = ADIT_CAND_HOST,
                                  .transport = ADIT_TRANSPORT_TCP,
                                  .tcptype = tcptype,
                                  .addr = *addr,
                                  .preference = preference,
                                  .announce = announce && tcptype != ADIT_TCP_ACTIVE };
    int err;

    if (tcptype == ADIT_TCP_ACTIVE)
        like.addr.port = ADIT_TCP_PORT_ACTIVE;
    err = add_base(ice, &like, NULL, now);
    if (!err)
        adit_ice_finish(ice, now);
    return err;
}

void adit_ice_remove_base(struct adit_ice *ice, int id, adit_time now)
{
    struct adit_ice_base *base = adit_ice_find_base(ice, id);
    size_t kept = 0;

    if (!base)
        return;
    for (size_t i = ice->list.count; i-- > 0;) {
        if (ice->list.pairs[i]->base == base)
            adit_ice_forget_pair(ice, ice->list.pairs[i]);
    }
    for (size_t i = 0; i < ice->early_count; i++) {
        if (ice->early[i].base != base)
            ice->early[kept++] = ice->early[i];
    }
    ice->early_count = kept;
    for (size_t i = ice->local_count; i-- > 0;) {
        if (ice->locals[i]->base == base)
            adit_ice_remove_local(ice, ice->locals[i]);
    }
    for (size_t i = 0; i < ice->base_count; i++) {
        if (ice->bases[i] == base)
            ice->bases[i--] = ice->bases[--ice->base_count];
    }
    if (base->type == ADIT_CAND_HOST && base->transport == ADIT_TRANSPORT_UDP)
        adit_ice_bases_changed(ice, false, now);
    free_base(base);
    if (!adit_ice_over(ice))
        adit_ice_review(ice, now);
    adit_ice_finish(ice, now);
}

size_t adit_ice_local_count(const struct adit_ice *ice)
{
    size_t n = 0;

    for (size_t i = 0; i < ice->local_count; i++)
        n += ice->locals[i]->announced;
    return n;
}

const struct adit_cand *adit_ice_local(const struct adit_ice *ice, size_t n)
{
    for (size_t i = 0; i < ice->local_count; i++) {
        if (ice->locals[i]->announced && n-- == 0)
            return &ice->locals[i]->cand;
    }
    return NULL;
}
