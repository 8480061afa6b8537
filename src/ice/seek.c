/* seek - while the pair in use is not the best that could be, others are tried again, slowly.
 *
 * Over a relay or TCP, all direct ones, every 5 s, and the STUN servers are asked with them, for a
 * NAT may have changed its ways and the host its address. If it is the other side's, our checks may
 * be of no use before his have opened it, which takes a round, and ours then another one; 15 s are
 * all that a change may take. Otherwise those that were never tried, that are of a better kind, or
 * that would make a better backup: after 5 s, then after one minute, two … ten. A round is ten
 * packets at most, one for each pair; those who wait longest go first. */
#include "ice/internal.h"

#define FIRST         (5 * ADIT_SEC)
#define RELAYED_EVERY (5 * ADIT_SEC)
#define EVERY_MIN     (60 * ADIT_SEC)
#define EVERY_MAX     (600 * ADIT_SEC)
#define SOON          ADIT_SEC /* between rounds, whatever candidates come */
#define BUDGET        10
#define ANSWER_MAX    (3 * ADIT_SEC)
#define GUESS_TRIES   5 /* of a port that nobody has named: whoever comes from there does so soon */

bool adit_ice_seeking(const struct adit_ice *ice)
{
    return adit_ice_concluded(ice) && adit_pair_kind(ice->selected) < ADIT_KIND_WAN;
}

void adit_ice_seek_begin(struct adit_ice *ice, adit_time now)
{
    ice->seek_at = now + FIRST;
    ice->seek_gap = EVERY_MIN;
    ice->seek_left = 0;
}

/* A check of long ago is still under way: its next copy may be half a minute off. */
static bool idle(const struct adit_pair *p, adit_time now)
{
    if (p->state == ADIT_PAIR_IN_PROGRESS)
        return now >= p->check.sent + ANSWER_MAX;
    return p->state == ADIT_PAIR_FROZEN || p->state == ADIT_PAIR_FAILED;
}

static bool wanted(const struct adit_ice *ice, const struct adit_pair *p, adit_time now)
{
    if (p == ice->selected || p == ice->nominee || p->valid || p->barred ||
        !adit_list_empty(&p->triggered) || !idle(p, now))
        return false;
    if (p->remote->guessed && (!adit_ice_seeking(ice) || p->checks_sent >= GUESS_TRIES))
        return false;
    return !ice->backup || !p->checks_sent ||
           adit_ice_backup_worth(ice, p) > adit_ice_backup_worth(ice, ice->backup) ||
           adit_pair_kind(p) > adit_pair_kind(ice->selected);
}

static bool before(const struct adit_ice *ice, const struct adit_pair *a, const struct adit_pair *b)
{
    bool a_better = adit_pair_kind(a) > adit_pair_kind(ice->selected);
    bool b_better = adit_pair_kind(b) > adit_pair_kind(ice->selected);

    if (a_better != b_better)
        return a_better;
    if (a->sought != b->sought)
        return a->sought < b->sought;
    if (adit_pair_kind(a) != adit_pair_kind(b))
        return adit_pair_kind(a) > adit_pair_kind(b);
    return a->priority > b->priority;
}

static struct adit_pair *next(const struct adit_ice *ice, adit_time now)
{
    struct adit_pair *first = NULL;

    for (size_t i = 0; i < ice->list.count; i++) {
        struct adit_pair *p = ice->list.pairs[i];
        if (wanted(ice, p, now) && p->sought < ice->seek_began && (!first || before(ice, p, first)))
            first = p;
    }
    return first;
}

static void begin_round(struct adit_ice *ice, adit_time now)
{
    bool often = adit_ice_seeking(ice);

    ice->seek_began = now;
    ice->seek_left = BUDGET;
    ice->seek_at = now + (often ? RELAYED_EVERY : ice->seek_gap);
    if (often)
        adit_ice_probe_again(ice, now);
    else
        ice->seek_gap = adit_time_min(2 * ice->seek_gap, EVERY_MAX);
}

/* A pair has come, perhaps because a network has changed, ours or the peer's. */
void adit_ice_seek_soon(struct adit_ice *ice, adit_time now)
{
    bool urgent = adit_ice_seeking(ice) || ice->doubt_since != ADIT_NEVER;
    adit_time wait = urgent ? SOON : FIRST;

    if (!adit_ice_concluded(ice))
        return;
    ice->seek_gap = EVERY_MIN;
    ice->seek_at = adit_time_min(ice->seek_at,
                                 adit_time_max(urgent ? now : now + FIRST, ice->seek_began + wait));
}

bool adit_ice_seek_start(struct adit_ice *ice, adit_time now)
{
    struct adit_pair *p;

    if (!adit_ice_concluded(ice))
        return false;
    if (now >= ice->seek_at)
        begin_round(ice, now);
    if (!ice->seek_left)
        return false;
    p = next(ice, now);
    if (!p) {
        ice->seek_left = 0;
        return false;
    }
    ice->seek_left--;
    p->sought = now;
    return adit_ice_check_once(ice, p, now + ANSWER_MAX, now);
}

adit_time adit_ice_seek_deadline(const struct adit_ice *ice)
{
    if (!adit_ice_concluded(ice))
        return ADIT_NEVER;
    return ice->seek_left ? 0 : ice->seek_at;
}
