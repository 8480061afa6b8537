/* by_ticket - peers that no server introduces: those we call by their ticket, and those who call by
 * ours. */
#include "agent/agent_inner.h"
#include "agent/exit.h"
#include "base/alloc.h"
#include "base/log.h"
#include "peer/sdp.h"

/* Our offer is made: the answer is known already. */
static void on_answer(struct adit_task *task, adit_time now)
{
    struct adit_member *m = adit_container_of(task, struct adit_member, answer);
    struct adit_desc *desc = adit_malloc(sizeof *desc);
    struct adit_cause cause;
    struct adit_buf sdp;
    int err;

    (void)now;
    adit_cause_set(&cause, ADIT_REASON_RESOURCE, ENOMEM, "out of memory");
    adit_buf_init(&sdp, ADIT_SDP_SIZE_MAX);
    if (desc) {
        adit_ticket_desc(m->way.calls, desc);
        adit_sdp_print(&sdp, desc, NULL);
    }
    adit_free(desc);
    err = sdp.len && !sdp.err ? adit_ticket_check_age(m->way.calls, adit_loop_wall(), &cause)
                              : -ENOMEM;
    if (!err)
        err =
            adit_call_description(m->call, ADIT_SIGNAL_ANSWER, adit_buf_str(&sdp), sdp.len, &cause);
    adit_buf_done(&sdp);
    if (!err)
        return;
    adit_log(ADIT_LOG_ERROR, "agent", "%s: %s", m->shown, cause.text);
    adit_call_hang_up(m->call, ADIT_EXIT_SIGNALING);
}

static const struct adit_ticket *ticket_of(const struct adit_agent *a, const char *name)
{
    for (size_t i = 0; i < a->conf.ticket_count; i++)
        if (strcmp(a->conf.tickets[i].name, name) == 0)
            return &a->conf.tickets[i].ticket;
    return NULL;
}

void adit_member_set_way(struct adit_member *m, const char *name)
{
    adit_task_init(&m->answer, on_answer);
    m->way.port = m->agent->port;
    m->way.calls = ticket_of(m->agent, name);
    m->way.datagrams = adit_lanes_takes_datagrams(&m->conf.lanes);
    m->conf.way = &m->way;
    if (m->way.calls)
        m->offers = true;
}

void adit_member_set_caller(struct adit_member *m, const struct adit_caller *caller,
                            const uint8_t *secret)
{
    if (!caller && !m->way.called)
        return;
    if (caller)
        m->caller = *caller;
    m->way.called = caller ? &m->caller : NULL;
    m->way.secret = secret;
    /* It is not told where we are: it knows. */
    m->conf.peer.stun_count = caller ? 0 : m->agent->conf.call.peer.stun_count;
    m->conf.peer.turn_count = caller ? 0 : m->agent->conf.call.peer.turn_count;
    m->conf.connect_max = m->agent->conf.call.connect_max;
}

int adit_agent_open_port(struct adit_agent *a)
{
    int exit_code = ADIT_EXIT_OK;

    if ((!a->conf.one_port || a->worker) && !a->conf.gate)
        return ADIT_EXIT_OK;
    a->port = adit_port_new(a->loop);
    if (!a->port) {
        adit_log(ADIT_LOG_ERROR, "agent", "out of memory");
        return ADIT_EXIT_FAILED;
    }
    if (a->conf.gate)
        exit_code = adit_gate_new(&a->gate, a);
    /* Who leaves would give the port back that the others are reached by. */
    a->conf.call.peer.port_map = ADIT_PORT_MAP_OFF;
    return exit_code;
}

void adit_agent_call_by_tickets(struct adit_agent *a)
{
    struct adit_link *it, *tmp;

    ADIT_LIST_EACH(&a->members, it, tmp)
    {
        struct adit_member *m = adit_container_of(it, struct adit_member, link);

        if (m->way.calls)
            adit_timer_set(&m->timer, adit_loop_now(a->loop));
    }
}
