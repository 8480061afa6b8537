#include "ice/tuples.h"

bool adit_tuples_take(struct adit_tuples *t, int base, const struct adit_addr *to, adit_time now)
{
    struct adit_tuple *place = NULL;

    for (unsigned i = 0; i < t->count; i++) {
        struct adit_tuple *u = &t->at[i];
        if (u->base == base && adit_addr_equal(&u->to, to)) {
            u->sent = now;
            return true;
        }
        if (now >= u->sent + ADIT_TUPLE_LIFE)
            place = u;
    }
    if (!place && t->count < ADIT_TUPLES_MAX)
        place = &t->at[t->count++];
    if (!place)
        return false;
    *place = (struct adit_tuple){ base, *to, now };
    return true;
}
