/* change - the pair in use is changed for a better one while it works (path.h has the rules).
 *
 * The new pair is `next` until it is known to carry packets as large as those that are under way;
 * then the controlling side nominates it (8445 section 8.1.1 says nothing of a second time; see
 * docs/decisions.md), and the controlled side, which was told, follows. Whatever still comes in on
 * the old pair is taken. A peer that goes on sending there has not understood: we go back, and
 * leave it alone. */
#include "base/log.h"
#include "ice/internal.h"

#define PROBE_MAX (2500 * ADIT_MS) /* three tries of pmtu.c, and their answers */
#define OBEY      (5 * ADIT_SEC)
#define OBEY_LAST (2 * ADIT_SEC) /* of these, the last must have seen data on the old pair */

static bool near(const struct adit_addr *a)
{
    switch (adit_addr_scope(a)) {
    case ADIT_SCOPE_LINK:
    case ADIT_SCOPE_PRIVATE:
    case ADIT_SCOPE_LOOPBACK:
        return true;
    case ADIT_SCOPE_GLOBAL:
    case ADIT_SCOPE_UNSPECIFIED:
    case ADIT_SCOPE_MULTICAST:
    case ADIT_SCOPE_RESERVED:
        break;
    }
    return false;
}

static bool same_prefix(const struct adit_addr *a, const struct adit_addr *b)
{
    return a->family == ADIT_FAMILY_V6 && memcmp(a->ip, b->ip, 8) == 0;
}

enum adit_kind adit_pair_kind(const struct adit_pair *p)
{
    bool theirs = adit_pair_relayed(p);

    if (p->base->type == ADIT_CAND_RELAY)
        return adit_addr_is_discard(&p->base->addr)      ? ADIT_KIND_SIGNALING
               : p->remote->cand.type == ADIT_CAND_RELAY ? ADIT_KIND_TWO_RELAYS
                                                         : ADIT_KIND_RELAY;
    if (theirs)
        return ADIT_KIND_RELAY;
    if (p->base->transport == ADIT_TRANSPORT_TCP)
        return ADIT_KIND_TCP;
    return (near(&p->base->addr) && near(&p->to)) || same_prefix(&p->base->addr, &p->to)
               ? ADIT_KIND_LAN
               : ADIT_KIND_WAN;
}

static struct adit_path_facts facts_of(const struct adit_pair *p)
{
    return (struct adit_path_facts){ .kind = adit_pair_kind(p),
                                     .v6 = p->to.family == ADIT_FAMILY_V6,
                                     .rtt = p->srtt,
                                     .spread = p->rttvar,
                                     .samples = p->samples,
                                     .loss = p->loss,
                                     .counted = p->counted };
}

bool adit_ice_prefers(const struct adit_ice *ice, const struct adit_pair *p, enum adit_why *ret_why)
{
    struct adit_path_facts it = facts_of(p), used = facts_of(ice->selected);
    bool better = adit_path_better(&it, &used, ret_why);

    if (better)
        *ret_why = ice->controlling && !ice->obstinate ? ADIT_WHY_UNPROVEN : ADIT_WHY_THEIRS;
    return better;
}

static void begin(struct adit_ice *ice, struct adit_pair *p, adit_time now)
{
    ice->next = p;
    ice->next_until = now + PROBE_MAX;
    adit_pmtu_start(&ice->next_pmtu, ice->rng, (enum adit_family)p->to.family, now);
}

static bool ready(const struct adit_ice *ice, adit_time now)
{
    return ice->next_pmtu.size >= ice->pmtu.size || ice->next_pmtu.settled ||
           now >= ice->next_until;
}

void adit_ice_consider(struct adit_ice *ice, adit_time now)
{
    struct adit_pair *found = NULL;
    enum adit_why why;

    if (!ice->controlling || !adit_ice_concluded(ice) || ice->nominee || ice->next ||
        ice->obstinate || ice->doubt_since != ADIT_NEVER || adit_path_held(&ice->hold, now))
        return;
    for (size_t i = 0; i < ice->list.count; i++) {
        struct adit_pair *p = ice->list.pairs[i];
        if (p == ice->selected || !p->valid || p->watch.misses ||
            now >= p->confirmed + ADIT_CONSENT_EXPIRY || !adit_ice_prefers(ice, p, &why))
            continue;
        if (!found || adit_pair_kind(p) > adit_pair_kind(found) ||
            (adit_pair_kind(p) == adit_pair_kind(found) && p->srtt < found->srtt))
            found = p;
    }
    if (!found)
        return;
    begin(ice, found, now);
    adit_ice_change_tick(ice, now);
}

/* The controlled side: the peer has nominated another pair. As long as ours works there is no
 * hurry, and what is under way may be larger than what the new one is known to carry. */
bool adit_ice_change_waits(struct adit_ice *ice, struct adit_pair *p, adit_time now)
{
    struct adit_pair *used = ice->selected;

    if (!p || !used || !used->valid || !used->nominated || ice->state != ADIT_ICE_CONNECTED ||
        ice->doubt_since != ADIT_NEVER || ice->pmtu.size <= ADIT_PMTU_BASE)
        return false;
    if (p != ice->next)
        begin(ice, p, now);
    return !ready(ice, now);
}

void adit_ice_change_made(struct adit_ice *ice, struct adit_pair *before, adit_time now)
{
    ice->next = NULL;
    if (!ice->controlling || ice->obstinate)
        return;
    adit_path_changed(&ice->hold, now);
    ice->before = before;
    ice->changed_at = now;
}

static void look_who_obeys(struct adit_ice *ice, adit_time now)
{
    const struct adit_pair *before = ice->before, *p = ice->selected;
    adit_time late = ice->changed_at + OBEY - OBEY_LAST;

    if (!before || now < ice->changed_at + OBEY)
        return;
    ice->before = NULL;
    if (!p || !before->valid || before->data_at < late || p->data_at >= ice->changed_at)
        return;
    adit_debug("ice", "the other side keeps to what was nominated first");
    ice->obstinate = true;
    if (!ice->nominee)
        begin(ice, (struct adit_pair *)before, now);
}

void adit_ice_change_tick(struct adit_ice *ice, adit_time now)
{
    look_who_obeys(ice, now);
    if (!ice->next || ice->nominee || !ready(ice, now))
        return;
    if (ice->controlling) {
        ice->nominee = ice->next;
        ice->next->nominate = true;
        adit_checklist_trigger(&ice->list, ice->next);
        return;
    }
    adit_ice_review(ice, now);
    ice->next = NULL; /* used, or the peer has changed his mind */
}

adit_time adit_ice_change_deadline(const struct adit_ice *ice)
{
    adit_time at = ice->before ? ice->changed_at + OBEY : ADIT_NEVER;

    return ice->next && !ice->nominee ? adit_time_min(at, ice->next_until) : at;
}
