/* hear - what signaling says, and what an agent does about it. */
#include "agent/detour.h"
#include "agent/exit.h"
#include "agent/inner.h"
#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "peer/sdp.h"

/* ---- the server ------------------------------------------------------------------------------ */

static void on_joined(struct adit_agent *a)
{
    struct adit_link *it, *tmp;

    a->signal_failed = false;
    if (a->conf.signal.none)
        return; /* who has a ticket needs no server */
    if (*adit_signal_id(a->signal))
        adit_log(ADIT_LOG_INFO, "agent", "at the signaling server as %s",
                 adit_signal_id(a->signal));
    else
        adit_log(ADIT_LOG_INFO, "agent", "at the signaling server");
    adit_notify_state(a->notify, "signaling", "", "joined", NULL);
    ADIT_LIST_EACH(&a->members, it, tmp)
    {
        struct adit_member *m = adit_container_of(it, struct adit_member, link);

        if (adit_member_is_by_ticket(m))
            continue;
        adit_call_repeat(m->call);
        if (a->conf.connect && !m->leaving && adit_call_state(m->call) == ADIT_CALL_IDLE)
            adit_agent_seek(a, m);
    }
}

void adit_agent_hurry(struct adit_agent *a)
{
    if (!a->signal)
        return;
    adit_signal_retry(a->signal);
    adit_signal_doubt(a->signal);
}

static void on_network(void *arg, adit_time now)
{
    (void)now;
    adit_agent_hurry(arg);
}

void adit_agent_watch_network(struct adit_agent *a)
{
    int err = adit_netif_watch_start(&a->network, a->loop, on_network, a);

    if (err) /* then after the usual pause */
        adit_debug("agent", "cannot watch the network: %s", strerror(-err));
}

static bool any_up(const struct adit_agent *a)
{
    const struct adit_call *call;

    for (size_t i = 0; (call = adit_agent_call(a, i)); i++)
        if (adit_call_state(call) == ADIT_CALL_UP || adit_call_state(call) == ADIT_CALL_SILENT)
            return true;
    return false;
}

static bool any_restarting(const struct adit_agent *a)
{
    const struct adit_call *call;

    for (size_t i = 0; (call = adit_agent_call(a, i)); i++)
        if (adit_call_restarting(call))
            return true;
    return false;
}

static void on_down(struct adit_agent *a, const struct adit_signal_event *ev)
{
    bool first = !a->signal_failed;

    if (!a->signal_failed || ev->final)
        adit_log(ev->final ? ADIT_LOG_ERROR : ADIT_LOG_WARN, "agent", "signaling: %s%s",
                 ev->cause.text, ev->final ? "" : ", continuing to try");
    a->signal_failed = true;
    adit_notify_state(a->notify, "signaling", "", ev->final ? "failed" : "down", &ev->cause);
    if (first && !ev->final &&
        any_restarting(a)) /* our address changed, and this is how we heard */
        adit_signal_retry(a->signal);
    /* A tunnel that is up does not need the server. */
    if (ev->final && !any_up(a))
        adit_agent_end(a, ADIT_EXIT_SIGNALING);
}

/* A connection that has a candidate there knows it from ICE. */
static void on_seen(struct adit_agent *a, const struct adit_signal_event *ev)
{
    struct adit_link *it, *tmp;
    char text[ADIT_ADDR_STR];
    bool any = false;

    ADIT_LIST_EACH(&a->members, it, tmp)
    any |= adit_call_seen_at(adit_container_of(it, struct adit_member, link)->call, &ev->addr);
    adit_log(ADIT_LOG_INFO, "agent", "the signaling server sees us at another address: %s%s",
             adit_addr_str_ip(&ev->addr, text), any ? ", looking for paths anew" : "");
}

/* ---- peers ----------------------------------------------------------------------------------- */

static void refuse(struct adit_agent *a, const char *name, const char *why)
{
    char shown[ADIT_SIGNAL_PEER_MAX + 1];

    adit_log(ADIT_LOG_WARN, "agent", "%s calls and is not answered: %s, continuing",
             adit_str_printable(shown, sizeof shown, name, strlen(name)), why);
    if (!adit_signal_traits(a->signal)->bye_is_new) /* or it would call again at once */
        (void)adit_signal_bye(a->signal, name);
}

static void on_peer(struct adit_agent *a, const struct adit_signal_event *ev)
{
    const char *why;
    struct adit_member *m = adit_agent_find_or_add(a, ev->peer, &why);

    if (!m)
        m = adit_agent_inherit(a, ev->peer);
    if (!m) {
        if (ev->offer)
            refuse(a, ev->peer, why);
        return;
    }
    m->offers = ev->offer;
    if (!ev->offer)
        return; /* theirs will come */
    if (adit_call_state(m->call) == ADIT_CALL_IDLE) {
        adit_agent_call_out(a, m);
    } else if (m->gone) {
        adit_member_keep_again(m);
    } else {
        adit_call_repeat(m->call);
    }
}

static void take_offer(struct adit_member *m, const struct adit_signal_event *ev)
{
    struct adit_cause cause;

    adit_timer_stop(&m->timer);
    m->we_call = false;
    adit_member_set_caller(m, NULL, NULL);
    if (adit_call_description(m->call, ADIT_SIGNAL_OFFER, ev->text, ev->len, &cause) < 0)
        adit_log(ADIT_LOG_WARN, "agent", "%s: %s, continuing", m->shown, cause.text);
}

/* It is about the path of the connection that we have. */
static bool restarts(struct adit_member *m, const struct adit_signal_event *ev)
{
    struct adit_cause cause;
    int err = adit_call_description(m->call, ADIT_SIGNAL_OFFER, ev->text, ev->len, &cause);

    if (err && err != -EALREADY)
        adit_log(ADIT_LOG_WARN, "agent", "%s: %s, continuing", m->shown, cause.text);
    return err != -EALREADY;
}

static void on_offer(struct adit_agent *a, const struct adit_signal_event *ev)
{
    const char *why;
    struct adit_member *m = adit_agent_find_or_add(a, ev->peer, &why);

    if (!m)
        m = adit_agent_inherit(a, ev->peer);
    if (!m) {
        refuse(a, ev->peer, why);
        return;
    }
    if (adit_call_state(m->call) != ADIT_CALL_IDLE && adit_call_state(m->call) < ADIT_CALL_UP &&
        adit_sdp_is_later(ev->text, ev->len))
        return; /* what it means is over; we are about to begin anew */
    m->relayable = ev->relay;
    switch (adit_call_state(m->call)) {
    case ADIT_CALL_IDLE:
        take_offer(m, ev);
        break;
    case ADIT_CALL_CALLING:
        /* Both called at once: the greater name goes on, and the other one answers. */
        if (strcmp(adit_signal_id(a->signal), ev->peer) > 0)
            break;
        adit_member_keep_pending(m, ev->text, ev->len);
        adit_call_hang_up(m->call, ADIT_EXIT_OK);
        break;
    case ADIT_CALL_ASKING:
    case ADIT_CALL_CONNECTING:
        adit_member_keep_pending(m, ev->text, ev->len);
        adit_call_hang_up(m->call, ADIT_EXIT_OK);
        break;
    case ADIT_CALL_UP:
    case ADIT_CALL_SILENT:
        if (restarts(m, ev))
            break;
        adit_member_keep_pending(m, ev->text, ev->len);
        if (adit_call_state(m->call) == ADIT_CALL_SILENT)
            adit_call_hang_up(m->call, ADIT_EXIT_OK);
        break;
    case ADIT_CALL_ENDING:
        adit_member_keep_pending(m, ev->text, ev->len);
        break;
    }
}

static void on_answer(struct adit_agent *a, const struct adit_signal_event *ev)
{
    struct adit_member *m = adit_agent_find_heir(a, ev->peer);
    bool asked = m && adit_call_restarting(m->call);
    struct adit_cause cause;
    int err;

    if (!m)
        return;
    m->relayable = ev->relay;
    err = adit_call_description(m->call, ADIT_SIGNAL_ANSWER, ev->text, ev->len, &cause);
    if (err == -EALREADY && asked)
        adit_call_give_up(m->call);
    else if (err && err != -EALREADY)
        adit_log(ADIT_LOG_WARN, "agent", "%s: %s, continuing", m->shown, cause.text);
}

static void on_candidate(struct adit_agent *a, const struct adit_signal_event *ev, bool last)
{
    struct adit_member *m = adit_agent_find_heir(a, ev->peer);
    const char *candidate = last ? NULL : ev->text;

    if (!m)
        return;
    if (m->pending.text)
        adit_member_pending_candidate(m, candidate);
    else
        adit_call_candidate(m->call, candidate);
}

/* Whoever is connected says goodbye through the connection: a server's word does not end it. */
static void on_bye(struct adit_agent *a, const struct adit_signal_event *ev)
{
    struct adit_member *m = adit_agent_find(a, ev->peer);
    enum adit_call_state state = m ? adit_call_state(m->call) : ADIT_CALL_IDLE;

    if (!m)
        return;
    adit_member_forget_pending(m);
    if (state == ADIT_CALL_CALLING || state == ADIT_CALL_ASKING || state == ADIT_CALL_CONNECTING)
        adit_call_hang_up(m->call, ADIT_EXIT_SIGNALING);
}

/* Before there is a connection, it is none any more: unless its kind leaves when it is connected,
 * which it may be a moment before we are. If it is not, the attempt runs out of time. */
static void on_peer_gone(struct adit_agent *a, const struct adit_signal_event *ev)
{
    struct adit_member *m = adit_agent_find(a, ev->peer);
    struct adit_member *heir = m ? NULL : adit_agent_find_heir(a, ev->peer);

    if (m)
        m->gone = true;
    if (heir) {
        heir->again = false;
        adit_member_forget_pending(heir);
    }
    if (!m || !adit_signal_traits(a->signal)->leaves ||
        adit_call_state(m->call) != ADIT_CALL_CONNECTING)
        on_bye(a, ev);
}

static void on_error(struct adit_agent *a, const struct adit_signal_event *ev)
{
    struct adit_member *m = *ev->peer ? adit_agent_find(a, ev->peer) : NULL;

    adit_log(ADIT_LOG_WARN, "agent", "signaling%s%s: %s, continuing", m ? ", " : "",
             m ? m->shown : "", ev->cause.text);
    if (m && adit_call_state(m->call) == ADIT_CALL_CALLING)
        adit_call_hang_up(m->call, ADIT_EXIT_SIGNALING);
    else if (m && m->sought && adit_call_state(m->call) == ADIT_CALL_IDLE &&
             ev->cause.err == ENOENT)
        adit_member_missing(m, &ev->cause);
}

static void on_event(void *arg, const struct adit_signal_event *ev, adit_time now)
{
    struct adit_agent *a = arg;

    (void)now;
    if (ev->what == ADIT_SIGNAL_STOPPED) {
        adit_agent_stop_greeting(a);
        a->signal = adit_signal_free(a->signal);
        adit_agent_finish_if_done(a);
        return;
    }
    if (a->stopping)
        return;
    switch (ev->what) {
    case ADIT_SIGNAL_JOINED:
        on_joined(a);
        break;
    case ADIT_SIGNAL_DOWN:
        on_down(a, ev);
        break;
    case ADIT_SIGNAL_PEER:
        on_peer(a, ev);
        break;
    case ADIT_SIGNAL_DESCRIPTION:
        if (ev->type == ADIT_SIGNAL_OFFER)
            on_offer(a, ev);
        else
            on_answer(a, ev);
        break;
    case ADIT_SIGNAL_CANDIDATE:
    case ADIT_SIGNAL_CANDIDATES_END:
        on_candidate(a, ev, ev->what == ADIT_SIGNAL_CANDIDATES_END);
        break;
    case ADIT_SIGNAL_PEER_GONE:
        on_peer_gone(a, ev);
        break;
    case ADIT_SIGNAL_BYE:
        on_bye(a, ev);
        break;
    case ADIT_SIGNAL_ICE_SERVERS:
        adit_agent_take_servers(a, ev);
        break;
    case ADIT_SIGNAL_ERROR:
        on_error(a, ev);
        break;
    case ADIT_SIGNAL_REQUEST: /* its offer follows */
    case ADIT_SIGNAL_OUTCOME:
    case ADIT_SIGNAL_STOPPED:
        break;
    case ADIT_SIGNAL_ENDPOINT:
        adit_hear_endpoint(a, ev);
        break;
    case ADIT_SIGNAL_REMAP:
        adit_worker_ask(a->worker);
        break;
    case ADIT_SIGNAL_SEEN:
        on_seen(a, ev);
        break;
    case ADIT_SIGNAL_MESSAGE:
    case ADIT_SIGNAL_RTT:
    case ADIT_SIGNAL_BENCH:
        adit_hear_word(ev);
        break;
    }
}

static void on_datagram(void *arg, const struct adit_addr *to, const void *bytes, size_t n)
{
    struct adit_agent *a = arg;

    if (a->worker)
        adit_worker_send(a->worker, to, bytes, n);
}

const struct adit_signal_ops adit_agent_signal_ops = { .event = on_event,
                                                       .datagram = on_datagram,
                                                       .packet = adit_detour_packet };
