#include "agent/igd.h"

#include "base/rng.h"

#define LEASE_S      1200            /* renewed at half: nobody says that it has been forgotten */
#define LEASE_MIN    (60 * ADIT_SEC) /* taken as that: nobody is asked more often than half of it */
#define BUSY         (1 * ADIT_SEC)  /* too many errands are under way */
#define REST         (310 * ADIT_SEC) /* PCP is asked again after 300, and comes first */
#define REST_REFUSED (1800 * ADIT_SEC)
#define PORT_MIN     1024

static void due(struct adit_igd *g, adit_time at)
{
    g->state = ADIT_IGD_DUE;
    g->next = at;
}

void adit_igd_begin(struct adit_igd *g, const struct adit_addr *internal,
                    const struct adit_addr *gateway, adit_igd_run *run, void *arg,
                    struct adit_rng *rng, adit_time now)
{
    *g = (struct adit_igd){ .run = run, .arg = arg };
    g->errand = (struct adit_igd_errand){
        .what = ADIT_IGD_OPEN, .internal = *internal, .gateway = *gateway, .lease_s = LEASE_S
    };
    g->errand.external_ports[0] = internal->port;
    for (size_t i = 1; i < ADIT_IGD_PORTS; i++)
        g->errand.external_ports[i] =
            (uint16_t)(PORT_MIN + adit_rng_below(rng, UINT16_MAX - PORT_MIN));
    due(g, now);
}

void adit_igd_end(struct adit_igd *g)
{
    struct adit_igd_errand errand = g->errand;
    bool open = g->state != ADIT_IGD_OFF && errand.place.control[0];

    g->state = ADIT_IGD_OFF;
    if (!open)
        return;
    errand.what = ADIT_IGD_CLOSE;
    g->run(g->arg, &errand);
}

adit_time adit_igd_deadline(const struct adit_igd *g)
{
    return g->state == ADIT_IGD_DUE || g->state == ADIT_IGD_HELD ? g->next : ADIT_NEVER;
}

void adit_igd_tick(struct adit_igd *g, adit_time now)
{
    if (now < adit_igd_deadline(g))
        return;
    if (g->run(g->arg, &g->errand) < 0)
        g->next = now + BUSY;
    else
        g->state = ADIT_IGD_ASKING;
}

/* ---- what became of it ----------------------------------------------------------------------- */

static bool granted(struct adit_igd *g, const struct adit_igd_answer *a, adit_time now)
{
    bool news = !g->decided || !adit_addr_equal(&g->external, &a->external);
    adit_time lease = (a->lease_s && a->lease_s < LEASE_S ? a->lease_s : LEASE_S) * ADIT_SEC;

    /* One for good is renewed as well: it is how we learn that the gateway has forgotten it. */
    lease = adit_time_max(lease, LEASE_MIN);
    g->state = ADIT_IGD_HELD;
    g->expires = now + lease;
    g->next = now + lease / 2;
    g->permanent = a->lease_s == 0;
    g->errand.place = a->place;
    g->errand.external_ports[0] = a->external.port; /* the same one again, please */
    g->external = a->external;
    g->decided = true;
    return news;
}

static bool failed(struct adit_igd *g, int err, adit_time now)
{
    bool news = !g->decided || g->external.family;

    /* A gateway that restarts is away for a while, and what it holds may be there still. */
    if (g->external.family && err != -EACCES && now + LEASE_MIN < g->expires) {
        g->state = ADIT_IGD_HELD;
        g->next = now + adit_time_max((g->expires - now) / 2, LEASE_MIN / 2);
        return false;
    }
    memset(&g->errand.place, 0, sizeof g->errand.place);
    g->external = (struct adit_addr){ .family = ADIT_FAMILY_NONE };
    g->decided = true;
    due(g, now + (err == -EACCES ? REST_REFUSED : REST));
    return news;
}

bool adit_igd_answered(struct adit_igd *g, const struct adit_igd_answer *a,
                       enum adit_portmap_news *ret_news, adit_time now)
{
    if (g->state != ADIT_IGD_ASKING)
        return false;
    *ret_news = a->err == 0         ? ADIT_PORTMAP_OPEN
                : a->err == -EACCES ? ADIT_PORTMAP_REFUSED
                                    : ADIT_PORTMAP_SILENT;
    return a->err ? failed(g, a->err, now) : granted(g, a, now);
}
