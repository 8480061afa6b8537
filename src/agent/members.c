/* members - the peers of an agent, and the offers that have to wait. */
#include "agent/detour.h"

#include "agent/exit.h"
#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"

#define RETRY_FIRST ADIT_SEC
#define RETRY_MAX   (60 * ADIT_SEC)
#define PENDING_MAX (20 * ADIT_SEC) /* who made the offer has given up by then */

void adit_pending_done(struct adit_pending *p)
{
    while (p->cand_count)
        adit_free(p->cands[--p->cand_count]);
    adit_free(p->text);
    *p = (struct adit_pending){ 0 };
}

void adit_member_forget_pending(struct adit_member *m)
{
    adit_pending_done(&m->pending);
    if (!m->again)
        m->heir[0] = '\0';
}

void adit_member_keep_pending(struct adit_member *m, const char *text, size_t n)
{
    adit_pending_done(&m->pending);
    m->pending.text = adit_memdup(text, n);
    m->pending.len = n;
    adit_timer_set(&m->timer, adit_loop_now(m->agent->loop) + PENDING_MAX);
}

void adit_member_pending_candidate(struct adit_member *m, const char *candidate)
{
    struct adit_pending *p = &m->pending;

    if (!candidate || p->cand_count == ADIT_PENDING_CANDS_MAX)
        return;
    p->cands[p->cand_count] = adit_strdup(candidate);
    p->cand_count += p->cands[p->cand_count] != NULL;
}

/* ---- members --------------------------------------------------------------------------------- */

static int set_name(struct adit_member *m, const char *name)
{
    int err = adit_call_rename(m->call, name);

    if (!err)
        adit_str_printable(m->shown, sizeof m->shown, *name ? name : "the peer",
                           strlen(*name ? name : "the peer"));
    return err;
}

struct adit_member *adit_member_new(struct adit_agent *a, const char *name,
                                    const struct adit_call_ops *ops)
{
    const struct adit_agent_peer *own = adit_agent_own(a, name);
    struct adit_member *m = adit_zalloc(sizeof *m);

    if (!m)
        return NULL;
    m->agent = a;
    m->conf = a->conf.call;
    if (own && own->app_extra)
        m->conf.lanes.app_extra = own->app_extra;
    m->outlet = -1;
    adit_member_set_way(m, name);
    adit_list_add(&a->members, &m->link);
    adit_detour_init(m);
    m->call = adit_call_new(a->loop, "", &m->conf, ops, m);
    if (!m->call || set_name(m, name) < 0)
        return adit_member_free(m);
    return m;
}

int adit_member_open_input(struct adit_member *m)
{
    if (!m->agent->tee)
        return 0;
    adit_member_close_input(m);
    m->outlet = adit_tee_open(m->agent->tee);
    m->conf.lanes.in = m->outlet;
    return m->outlet < 0 ? m->outlet : 0;
}

void adit_member_close_input(struct adit_member *m)
{
    if (m->agent->tee && m->outlet >= 0)
        adit_tee_close(m->agent->tee, m->outlet);
    m->outlet = -1;
}

struct adit_member *adit_member_free(struct adit_member *m)
{
    adit_member_stop_asking(m);
    adit_timer_stop(&m->timer);
    adit_task_cancel(&m->answer);
    adit_detour_stop(m);
    adit_member_forget_pending(m);
    adit_call_free(m->call);
    adit_member_close_input(m);
    adit_list_del(&m->link);
    adit_free(m);
    return NULL;
}

struct adit_member *adit_agent_find(struct adit_agent *a, const char *name)
{
    struct adit_link *it, *tmp;

    ADIT_LIST_EACH(&a->members, it, tmp)
    {
        struct adit_member *m = adit_container_of(it, struct adit_member, link);

        if (strcmp(adit_call_name(m->call), name) == 0)
            return m;
    }
    return NULL;
}

struct adit_member *adit_agent_find_heir(struct adit_agent *a, const char *name)
{
    struct adit_member *m = adit_agent_find(a, name);
    struct adit_link *it, *tmp;

    ADIT_LIST_EACH(&a->members, it, tmp)
    {
        struct adit_member *other = adit_container_of(it, struct adit_member, link);

        if (!m && other->heir[0] && strcmp(other->heir, name) == 0)
            m = other;
    }
    return m;
}

struct adit_member *adit_agent_inherit(struct adit_agent *a, const char *name)
{
    struct adit_member *m = adit_list_empty(&a->members)
                                ? NULL
                                : adit_container_of(a->members.next, struct adit_member, link);

    if (!a->conf.single || a->conf.target_count || !m || m->leaving || !m->gone ||
        adit_call_state(m->call) < ADIT_CALL_UP ||
        adit_str_copy(m->heir, sizeof m->heir, name, strlen(name)) < 0)
        return NULL;
    return m;
}

const char *adit_member_name(const struct adit_member *m)
{
    return m->heir[0] ? m->heir : adit_call_name(m->call);
}

static size_t count(const struct adit_agent *a)
{
    size_t n = 0;

    while (adit_agent_call(a, n))
        n++;
    return n;
}

struct adit_member *adit_agent_find_or_add(struct adit_agent *a, const char *name,
                                           const char **ret_why)
{
    struct adit_member *m = adit_agent_find(a, name);

    *ret_why = NULL;
    if (m && !m->leaving)
        return m;
    if (m) {
        *ret_why = "what was with it is still being cleared away";
    } else if (a->conf.target_count) {
        *ret_why = "it is not a peer that we want";
    } else if (a->conf.peers_only && !adit_agent_own(a, name)) {
        *ret_why = ADIT_NO_SECTION;
    } else if (a->conf.single) {
        m = adit_container_of(a->members.next, struct adit_member, link);
        if (adit_call_state(m->call) == ADIT_CALL_IDLE && set_name(m, name) == 0)
            return m;
        *ret_why = "another peer is being served";
    } else if (count(a) >= a->conf.calls_max) {
        *ret_why = "there are as many peers as are allowed";
    } else {
        m = adit_agent_add(a, name);
        if (m)
            return m;
        *ret_why = "out of memory";
    }
    return NULL;
}

void adit_agent_restart(struct adit_agent *a)
{
    struct adit_link *it, *tmp;

    ADIT_LIST_EACH(&a->members, it, tmp)
    adit_call_restart(adit_container_of(it, struct adit_member, link)->call);
    adit_agent_hurry(a);
}

void adit_agent_report(struct adit_agent *a)
{
    struct adit_link *it, *tmp;

    ADIT_LIST_EACH(&a->members, it, tmp)
    {
        struct adit_member *m = adit_container_of(it, struct adit_member, link);

        adit_log(ADIT_LOG_INFO, "agent", "%s: %s", m->shown,
                 adit_call_state_name(adit_call_state(m->call)));
        adit_call_report(m->call);
    }
}

/* ---- after a call ---------------------------------------------------------------------------- */

void adit_member_call_later(struct adit_member *m)
{
    struct adit_agent *a = m->agent;
    adit_time first = a->conf.retry_first ? a->conf.retry_first : RETRY_FIRST;
    adit_time most = a->conf.retry_max ? a->conf.retry_max : RETRY_MAX;
    adit_time pause = first;

    for (unsigned i = 0; i < m->tries && pause < most; i++)
        pause *= 2;
    pause = adit_time_min(pause, most);
    pause += pause / 100 * adit_rng_below(&a->rng, 30);
    m->tries++;
    adit_log(ADIT_LOG_INFO, "agent", "calling again in %.0f s", (double)pause / (double)ADIT_SEC);
    adit_timer_set(&m->timer, adit_loop_now(a->loop) + pause);
}

void adit_member_missing(struct adit_member *m, const struct adit_cause *cause)
{
    struct adit_agent *a = m->agent;

    m->sought = false;
    adit_notify_state(a->notify, "peer", adit_call_name(m->call), "failed", cause);
    if (a->conf.exit_on_failure)
        adit_agent_end(a, ADIT_EXIT_SIGNALING);
    else
        adit_member_call_later(m);
}

static bool take_pending(struct adit_member *m)
{
    struct adit_pending p = m->pending;
    struct adit_cause cause;

    m->pending = (struct adit_pending){ 0 };
    adit_timer_stop(&m->timer);
    adit_member_set_caller(m, NULL, NULL);
    if (adit_call_description(m->call, ADIT_SIGNAL_OFFER, p.text, p.len, &cause) < 0)
        adit_log(ADIT_LOG_WARN, "agent", "%s: %s, continuing", m->shown, cause.text);
    for (size_t i = 0; i < p.cand_count; i++)
        adit_call_candidate(m->call, p.cands[i]);
    adit_pending_done(&p);
    return adit_call_state(m->call) != ADIT_CALL_IDLE;
}

void adit_member_keep_again(struct adit_member *m)
{
    enum adit_call_state state = adit_call_state(m->call);

    m->again = true;
    m->gone = m->heir[0] != '\0';
    if (state == ADIT_CALL_UP || state == ADIT_CALL_ENDING)
        adit_timer_set(&m->timer, adit_loop_now(m->agent->loop) + PENDING_MAX);
    else
        adit_call_hang_up(m->call, ADIT_EXIT_SIGNALING);
}

bool adit_member_resume(struct adit_member *m)
{
    bool again = m->again;

    m->again = false;
    if (m->agent->stopping)
        return false;
    if (m->heir[0] && (m->pending.text || again) && set_name(m, m->heir) < 0)
        return false;
    m->heir[0] = '\0';
    if (m->pending.text && take_pending(m))
        return true;
    if (again)
        adit_agent_call_out(m->agent, m);
    return again;
}
