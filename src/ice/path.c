#include "ice/path.h"

#define PERCENT_FASTER 20
#define LEAST_FASTER   (5 * ADIT_MS)
#define PERCENT_SLOWER 10
#define LEAST_SLOWER   ADIT_MS
#define LESS_LOSS      100
#define MORE_LOSS      50
#define QUIET_GAPS     10

typedef struct adit_path_facts facts;

/* Whatever they measure, the one with more of this is the better one. */
static unsigned directness(const facts *f)
{
    return f->kind >= ADIT_KIND_WAN ? 2 : f->kind == ADIT_KIND_TCP ? 1 : 0;
}

static bool more_direct(const facts *it, const facts *used)
{
    return directness(it) > directness(used);
}

static bool less_direct(const facts *it, const facts *used)
{
    return directness(it) < directness(used);
}

static bool counted(const facts *it, const facts *used)
{
    return it->counted >= ADIT_PATH_COUNTED && used->counted >= ADIT_PATH_COUNTED;
}

static bool loses_less(const facts *it, const facts *used)
{
    return counted(it, used) && it->loss + LESS_LOSS <= used->loss;
}

static bool loses_more(const facts *it, const facts *used)
{
    return counted(it, used) && it->loss >= used->loss + MORE_LOSS;
}

static bool better_kind(const facts *it, const facts *used)
{
    return it->kind > used->kind;
}

static bool better_family(const facts *it, const facts *used)
{
    return it->kind == used->kind && it->v6 && !used->v6;
}

static bool always(const facts *it, const facts *used)
{
    (void)it;
    (void)used;
    return true;
}

static bool never(const facts *it, const facts *used)
{
    (void)it;
    (void)used;
    return false;
}

static bool half_as_fast(const facts *it, const facts *used)
{
    return it->rtt <= 2 * used->rtt;
}

static bool not_slower(const facts *it, const facts *used)
{
    return it->rtt <= used->rtt + adit_time_max(used->rtt * PERCENT_SLOWER / 100, LEAST_SLOWER);
}

/* More than chance: a smoothed round trip moves by a part of its deviation. */
static bool faster(const facts *it, const facts *used)
{
    adit_time by = adit_time_max(used->rtt * PERCENT_FASTER / 100, LEAST_FASTER);

    return it->rtt + adit_time_max(by, it->spread + used->spread) <= used->rtt;
}

static const struct {
    bool (*fits)(const facts *it, const facts *used);
    bool (*taken)(const facts *it, const facts *used);
    bool measured; /* both of them, enough */
    enum adit_why otherwise;
} rules[] = {
    { more_direct, always, false, ADIT_WHY_UNPROVEN },
    { less_direct, never, false, ADIT_WHY_RELAYED },
    { loses_less, half_as_fast, true, ADIT_WHY_SLOWER },
    { loses_more, never, true, ADIT_WHY_LOSSY },
    { better_kind, not_slower, true, ADIT_WHY_SLOWER },
    { better_family, not_slower, true, ADIT_WHY_SLOWER },
    { always, faster, true, ADIT_WHY_SLOWER },
};

bool adit_path_better(const facts *it, const facts *used, enum adit_why *ret_why)
{
    bool measured = it->samples >= ADIT_PATH_SAMPLES && used->samples >= ADIT_PATH_SAMPLES;

    for (size_t i = 0; i < ADIT_LEN(rules); i++) {
        if (!rules[i].fits(it, used))
            continue;
        *ret_why = rules[i].measured && !measured ? ADIT_WHY_UNPROVEN : rules[i].otherwise;
        return (measured || !rules[i].measured) && rules[i].taken(it, used);
    }
    return false; /* the last row fits always */
}

void adit_path_changed(struct adit_path_hold *h, adit_time now)
{
    bool quiet = h->gap == 0 || now > h->changed + QUIET_GAPS * h->gap;

    h->gap = quiet ? ADIT_PATH_GAP_MIN : adit_time_min(2 * h->gap, ADIT_PATH_GAP_MAX);
    h->changed = now;
    h->until = now + h->gap;
}
