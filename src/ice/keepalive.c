/* keepalive - how long a pair may be silent, measured: a NAT that gives a pair another address
 * after a silence, or lets nothing through any more, has forgotten it. */
#include "ice/internal.h"

#define EVERY_MIN (2 * ADIT_SEC)
#define FORGET    (600 * ADIT_SEC)
#define KEPT      16 /* silences that do no harm before longer ones are tried */

/* Half of what was too long; what is still too long shows, and is halved again. */
void adit_keepalive_died(struct adit_keepalive *k, adit_time silence, adit_time now)
{
    adit_time every = adit_time_max(silence / 2, EVERY_MIN);

    k->dies_at = silence;
    k->forget_at = now + FORGET;
    k->every = k->every ? adit_time_min(k->every, every) : every;
    k->kept = 0;
}

void adit_keepalive_kept(struct adit_keepalive *k, adit_time silence, adit_time now)
{
    if (!k->every || silence < k->every * 3 / 4)
        return;
    if (++k->kept < KEPT)
        return;
    k->kept = 0;
    k->every = k->every * 5 / 4;
    if (now < k->forget_at)
        k->every = adit_time_min(k->every, adit_time_max(k->dies_at * 3 / 4, EVERY_MIN));
    else if (k->every >= ADIT_KEEPALIVE_MAX)
        *k = (struct adit_keepalive){ 0 }; /* as if nothing had been */
}

adit_time adit_keepalive_limit(const struct adit_keepalive *k, adit_time usual)
{
    return k->every ? adit_time_min(k->every, usual) : usual;
}
