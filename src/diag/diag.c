#include "diag/inner.h"

#include "base/alloc.h"

#define LIMIT       (10 * ADIT_SEC)
#define LIVES_LIMIT (190 * ADIT_SEC)
#define JUMP_S      2 /* the wall clock moved so much more or less than time itself */

/* ---- checks ---------------------------------------------------------------------------------- */

static void tell(struct adit_diag *d)
{
    const char *waits[ADIT_DIAG_CHECKS_MAX + 1] = { NULL };
    struct adit_link *it, *tmp;
    size_t n = 0;

    if (!d->ops->progress)
        return;
    ADIT_LIST_EACH(&d->checks, it, tmp)
    if (n < ADIT_DIAG_CHECKS_MAX)
        waits[n++] = adit_container_of(it, struct adit_diag_check, link)->name;
    d->ops->progress(d->arg, d->finished, d->begun, waits);
}

void adit_diag_begin(struct adit_diag *d, struct adit_diag_check *check, const char *name)
{
    check->name = name;
    adit_list_add(&d->checks, &check->link);
    d->begun++;
}

void adit_diag_finish(struct adit_diag *d, struct adit_diag_check *check)
{
    if (!check->link.next || adit_list_empty(&check->link))
        return;
    adit_list_del(&check->link);
    d->finished++;
    tell(d);
    if (adit_list_empty(&d->checks))
        adit_loop_before_sleep(d->loop, &d->settle);
}

json_t *adit_diag_ms(adit_time t)
{
    return json_real((double)(t / ADIT_US) / 1000);
}

void adit_diag_problem(json_t *facts, const char *problem, const char *advice)
{
    json_object_set_new(facts, "problem", json_string(problem));
    json_object_set_new(facts, "advice", advice ? json_string(advice) : json_null());
}

/* ---- the end --------------------------------------------------------------------------------- */

static json_t *families_of(const struct adit_diag *d)
{
    json_t *o = json_object();

    for (int six = 0; six < 2; six++) {
        uint8_t family = six ? ADIT_FAMILY_V6 : ADIT_FAMILY_V4;
        bool address = false, route = false;

        for (size_t i = 0; i < d->choice_count; i++)
            address |= d->choices[i].addr->addr.family == family &&
                       adit_addr_scope(&d->choices[i].addr->addr) != ADIT_SCOPE_LINK;
        for (size_t i = 0; i < d->route_count; i++)
            route |= d->routes[i].family == family;
        json_object_set_new(o, six ? "IPv6" : "IPv4",
                            json_pack("{s:b, s:b}", "address", address, "route", route));
    }
    return o;
}

static json_t *verdict_of(const struct adit_diag_verdict *v)
{
    json_t *direct = json_array(), *relay = json_array(), *advice = json_array();

    for (unsigned i = 0; i < ADIT_DIAG_PEER_KINDS; i++)
        json_array_append_new(v->direct & 1u << i ? direct : relay,
                              json_string(adit_diag_kind_name(adit_diag_peer_kind(i))));
    for (unsigned i = 0; i < v->advice_count; i++)
        json_array_append_new(advice, json_string(v->advice[i]));
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:i}", "kind", adit_diag_kind_name(v->kind), "text",
                     v->text, "direct", direct, "relay", relay, "advice", advice, "exit",
                     v->exit_code);
}

static void conclude(struct adit_diag *d, adit_time now)
{
    struct adit_diag_facts *f = &d->facts;

    f->address = d->choice_count > 0;
    f->stun_given = d->conf->stun_count > 0;
    f->signal_given = d->conf->signal != NULL;
    adit_diag_uplinks_report(d);
    adit_diag_stun_report(d);
    f->signal_ok = d->signaling.ok;
    json_object_set_new(d->report, "clock", adit_diag_clock(d, &f->clock_ok, now));
    json_object_set_new(d->report, "families", families_of(d));
    adit_diag_judge(f, &d->verdict);
    json_object_set_new(d->report, "took_ms", adit_diag_ms(now - d->started));
    json_object_set_new(d->report, "verdict", verdict_of(&d->verdict));
}

static void stop(struct adit_diag *d)
{
    adit_timer_stop(&d->limit);
    adit_diag_uplinks_stop(d);
    adit_diag_signaling_stop(d);
    adit_diag_turn_stop(d);
    adit_diag_stun_stop(d);
    adit_diag_names_stop(d);
}

static void on_settle(struct adit_task *task, adit_time now)
{
    struct adit_diag *d = adit_container_of(task, struct adit_diag, settle);

    if (d->over || !adit_list_empty(&d->checks))
        return;
    d->over = true;
    conclude(d, now);
    stop(d);
    d->ops->done(d->arg);
}

/* What has not come by now does not come; what is known of it stays. */
static void on_limit(struct adit_timer *timer, adit_time now)
{
    struct adit_diag *d = adit_container_of(timer, struct adit_diag, limit);
    struct adit_link *it, *tmp;

    (void)now;
    ADIT_LIST_EACH(&d->checks, it, tmp)
    adit_diag_finish(d, adit_container_of(it, struct adit_diag_check, link));
}

/* ---- life ------------------------------------------------------------------------------------ */

static void on_start(struct adit_task *task, adit_time now)
{
    struct adit_diag *d = adit_container_of(task, struct adit_diag, start);

    d->started = now;
    d->wall = adit_loop_wall();
    adit_timer_set(&d->limit, now + (d->conf->lives ? LIVES_LIMIT : LIMIT));
    adit_diag_host(d);
    adit_diag_signaling_start(d);
    adit_diag_stun_start(d);
    adit_diag_turn_start(d);
    adit_diag_names_start(d); /* asks for a name that the others need */
    tell(d);
    if (adit_list_empty(&d->checks))
        adit_loop_before_sleep(d->loop, &d->settle);
}

struct adit_diag *adit_diag_new(struct adit_loop *loop, const struct adit_diag_conf *conf,
                                const struct adit_diag_ops *ops, void *arg)
{
    struct adit_diag *d = adit_zalloc(sizeof *d);

    if (!d)
        return NULL;
    d->loop = loop;
    d->conf = conf;
    d->ops = ops;
    d->arg = arg;
    d->facts.dns_ok = true;
    adit_rng_init(&d->rng);
    adit_list_init(&d->checks);
    adit_task_init(&d->start, on_start);
    adit_task_init(&d->settle, on_settle);
    adit_timer_init(&d->limit, loop, on_limit, "diag");
    d->report = json_pack("{s:s}", "version", ADIT_VERSION);
    if (!d->report)
        return adit_diag_free(d);
    adit_loop_before_sleep(loop, &d->start);
    return d;
}

struct adit_diag *adit_diag_free(struct adit_diag *d)
{
    if (!d)
        return NULL;
    stop(d);
    adit_task_cancel(&d->start);
    adit_task_cancel(&d->settle);
    adit_netif_list_done(&d->list);
    json_decref(d->report);
    adit_free(d);
    return NULL;
}

const json_t *adit_diag_report(const struct adit_diag *d)
{
    return d->report;
}

int adit_diag_exit_code(const struct adit_diag *d)
{
    return d->verdict.exit_code;
}

/* ---- the clock ------------------------------------------------------------------------------- */

#define WALL_LEAST 1704067200 /* 2024: this program did not exist before */
#define WALL_MOST  4102444800 /* 2100 */

json_t *adit_diag_clock(const struct adit_diag *d, bool *ret_ok, adit_time now)
{
    int64_t wall = adit_loop_wall(), passed = (int64_t)((now - d->started) / ADIT_SEC);
    int64_t jump = wall - d->wall - passed;
    bool jumped = jump > JUMP_S || jump < -JUMP_S, sane = wall >= WALL_LEAST && wall < WALL_MOST;

    *ret_ok = sane && !jumped;
    return json_pack("{s:I, s:b, s:o}", "seconds", (json_int_t)wall, "ok", *ret_ok, "problem",
                     !sane    ? json_string("the year is wrong")
                     : jumped ? json_string("it jumped while we looked")
                              : json_null());
}
