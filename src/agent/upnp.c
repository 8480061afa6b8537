#include "agent/upnp.h"

#include "agent/igd.h"
#include "base/alloc.h"
#include "base/log.h"

struct adit_upnp {
    struct adit_loop *loop;
    struct adit_timer timer;
    struct adit_igd igd;
    struct adit_igd_job *job; /* its errand; NULL: none */
    void (*news)(void *arg, enum adit_portmap_news news, const struct adit_addr *external,
                 adit_time now);
    void *arg;
};

static void settle(struct adit_upnp *u)
{
    adit_timer_set(&u->timer, adit_igd_deadline(&u->igd));
}

static void on_timer(struct adit_timer *timer, adit_time now)
{
    struct adit_upnp *u = adit_container_of(timer, struct adit_upnp, timer);

    adit_igd_tick(&u->igd, now);
    settle(u);
}

static void tell(struct adit_upnp *u, enum adit_portmap_news news, adit_time now)
{
    bool open = news == ADIT_PORTMAP_OPEN;

    if (open && u->igd.permanent)
        adit_log(ADIT_LOG_INFO, "agent",
                 "the router opens ports for good only: should we be killed, close UDP port %u "
                 "there by hand",
                 u->igd.external.port);
    u->news(u->arg, news, open ? &u->igd.external : NULL, now);
}

static void on_answer(void *arg, const struct adit_igd_answer *answer, adit_time now)
{
    struct adit_upnp *u = arg;
    enum adit_portmap_news news;
    bool known;

    u->job = NULL;
    known = adit_igd_answered(&u->igd, answer, &news, now);
    settle(u);
    if (known)
        tell(u, news, now);
}

static int on_run(void *arg, const struct adit_igd_errand *errand)
{
    struct adit_upnp *u = arg;
    bool last = errand->what == ADIT_IGD_CLOSE;
    struct adit_igd_job *job;
    int err = adit_igd_start(&job, u->loop, errand, last ? NULL : on_answer, u);

    if (err)
        adit_debug("agent", "no errand to the gateway: %s", strerror(-err));
    else if (!last)
        u->job = job;
    return err;
}

struct adit_upnp *adit_upnp_new(struct adit_loop *loop, const struct adit_addr *internal,
                                const struct adit_addr *gateway, struct adit_rng *rng,
                                void (*news)(void *arg, enum adit_portmap_news news,
                                             const struct adit_addr *external, adit_time now),
                                void *arg, adit_time now)
{
    struct adit_upnp *u = adit_igd_built() ? adit_zalloc(sizeof *u) : NULL;

    if (!u)
        return NULL;
    *u = (struct adit_upnp){ .loop = loop, .news = news, .arg = arg };
    adit_timer_init(&u->timer, loop, on_timer, "upnp");
    adit_igd_begin(&u->igd, internal, gateway, on_run, u, rng, now);
    settle(u);
    return u;
}

struct adit_upnp *adit_upnp_free(struct adit_upnp *u)
{
    if (!adit_igd_built() || !u)
        return NULL;
    adit_timer_stop(&u->timer);
    if (u->job)
        adit_igd_leave(u->job);
    adit_igd_end(&u->igd);
    adit_free(u);
    return NULL;
}

bool adit_upnp_holds(const struct adit_upnp *u)
{
    return adit_igd_built() && u && u->igd.external.family;
}

const struct adit_addr *adit_upnp_external(const struct adit_upnp *u)
{
    return &u->igd.external;
}

bool adit_upnp_decided(const struct adit_upnp *u)
{
    return !adit_igd_built() || !u || u->igd.decided;
}
