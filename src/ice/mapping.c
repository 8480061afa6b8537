/* mapping - what the answers of STUN servers tell of the NAT before a base. */
#include "ice/internal.h"

enum adit_mapping adit_ice_mapping_of(const struct adit_ice *ice, const struct adit_ice_base *base)
{
    const struct adit_addr *first = NULL, *server = NULL;
    enum adit_mapping known = ADIT_MAPPING_UNKNOWN;

    for (size_t k = 0; base->probes && k < ice->stun_count; k++) {
        const struct adit_addr *mapped = &base->probes[k].mapped;

        if (mapped->family == ADIT_FAMILY_NONE)
            continue;
        if (adit_addr_equal_ip(mapped, &base->addr))
            return ADIT_MAPPING_NONE;
        if (!first) {
            first = mapped;
            server = &ice->stun[k];
        } else if (!adit_addr_equal(mapped, first)) {
            return ADIT_MAPPING_DEPENDENT;
        } else if (!adit_addr_equal_ip(server, &ice->stun[k])) {
            known = ADIT_MAPPING_ENDPOINT_INDEPENDENT;
        }
    }
    return known;
}

enum adit_mapping adit_ice_mapping(const struct adit_ice *ice)
{
    enum adit_mapping best = ADIT_MAPPING_UNKNOWN;

    if (ice->selected)
        return adit_ice_mapping_of(ice, ice->selected->base);
    for (size_t i = 0; i < ice->base_count && best == ADIT_MAPPING_UNKNOWN; i++)
        best = adit_ice_mapping_of(ice, ice->bases[i]);
    return best;
}

const struct adit_cand *adit_ice_remote(const struct adit_ice *ice, size_t i)
{
    for (size_t k = 0; k < ice->remote_count; k++) {
        if (!ice->remotes[k]->guessed && i-- == 0)
            return &ice->remotes[k]->cand;
    }
    return NULL;
}
