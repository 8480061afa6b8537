/* listing - what became of each pair, and what the STUN servers said, for people and programs that
 * ask; it changes nothing. */
#include "ice/internal.h"

static const char *const texts[] = {
    [ADIT_WHY_IN_USE] = "in use",
    [ADIT_WHY_NOT_TRIED] = "not tried yet",
    [ADIT_WHY_TRYING] = "being tried",
    [ADIT_WHY_NO_ANSWER] = "no answer",
    [ADIT_WHY_REFUSED] = "refused by this host or its network",
    [ADIT_WHY_ELSEWHERE] = "answered from another address",
    [ADIT_WHY_CONFLICT] = "no agreement on who controls",
    [ADIT_WHY_TURNED_DOWN] = "answered with an error",
    [ADIT_WHY_BY_PATH] = "forbidden by --path",
    [ADIT_WHY_NO_ROOM] = "too many addresses were called already",
    [ADIT_WHY_LOWER] = "works, lower priority",
    [ADIT_WHY_RELAYED] = "works, less directly",
    [ADIT_WHY_SLOWER] = "works, not faster",
    [ADIT_WHY_LOSSY] = "works, loses more",
    [ADIT_WHY_UNPROVEN] = "works, and is being measured",
    [ADIT_WHY_THEIRS] = "works, the other side chose another",
};

static const char *const states[] = {
    [ADIT_PAIR_FROZEN] = "frozen",           [ADIT_PAIR_WAITING] = "waiting",
    [ADIT_PAIR_IN_PROGRESS] = "in progress", [ADIT_PAIR_SUCCEEDED] = "succeeded",
    [ADIT_PAIR_FAILED] = "failed",
};

const char *adit_why_text(enum adit_why why)
{
    return (unsigned)why < ADIT_LEN(texts) ? texts[why] : "unknown";
}

static enum adit_why why(const struct adit_ice *ice, const struct adit_pair *p)
{
    if (p == ice->selected)
        return ADIT_WHY_IN_USE;
    if (p->valid) {
        enum adit_why unused = ADIT_WHY_LOWER;

        if (adit_ice_concluded(ice))
            (void)adit_ice_prefers(ice, p, &unused);
        return unused;
    }
    if (p->state == ADIT_PAIR_IN_PROGRESS || (p->state == ADIT_PAIR_WAITING && p->checks_sent))
        return ADIT_WHY_TRYING;
    if (p->failures)
        return p->failure;
    return p->checks_sent ? ADIT_WHY_NO_ANSWER : ADIT_WHY_NOT_TRIED; /* parked: see park_others */
}

bool adit_ice_pair_at(const struct adit_ice *ice, size_t i, struct adit_ice_pair_view *ret_view)
{
    const struct adit_pair *p;

    if (i >= ice->list.count)
        return false;
    p = ice->list.pairs[i];
    *ret_view = (struct adit_ice_pair_view){ .local = &p->local->cand,
                                             .remote = &p->remote->cand,
                                             .base_addr = &p->base->addr,
                                             .base = p->base->id,
                                             .state = states[p->state],
                                             .valid = p->valid,
                                             .nominated = p->nominated,
                                             .in_use = p == ice->selected,
                                             .backup = p == ice->backup,
                                             .relayed = adit_pair_relayed(p),
                                             .guessed = p->remote->guessed,
                                             .rtt = p->srtt,
                                             .loss = p->loss,
                                             .failures = p->failures,
                                             .checks_sent = p->checks_sent,
                                             .checks_answered = p->checks_answered,
                                             .why = why(ice, p) };
    if (ret_view->why == ADIT_WHY_REFUSED)
        ret_view->err = p->failure_err;
    return true;
}

bool adit_ice_stun_at(const struct adit_ice *ice, size_t i, struct adit_ice_stun_view *ret_view)
{
    for (size_t b = 0; b < ice->base_count; b++) {
        for (size_t k = 0; k < ice->stun_count; k++) {
            const struct adit_ice_probe *p = &ice->bases[b]->probes[k];
            if (p->state == ADIT_PROBE_IDLE || i--)
                continue;
            *ret_view = (struct adit_ice_stun_view){ .server = &ice->stun[k],
                                                     .base = &ice->bases[b]->addr,
                                                     .mapped = p->mapped.family ? &p->mapped : NULL,
                                                     .settled = p->settled,
                                                     .rtt = p->rtt };
            return true;
        }
    }
    return false;
}
