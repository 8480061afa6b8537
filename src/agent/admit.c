/* admit - who may be connected: what trust.h says, and somebody at the terminal. */
#include "agent/agent_inner.h"
#include "base/log.h"

void adit_member_remember(struct adit_member *m)
{
    struct adit_agent *a = m->agent;
    const struct adit_desc *desc = adit_call_remote(m->call);
    int err;

    if (!m->remember || !desc)
        return;
    m->remember = false;
    err = adit_trust_remember(&a->conf.trust, adit_call_name(m->call), desc);
    if (err)
        adit_log(ADIT_LOG_WARN, "agent", "cannot remember %s in %s: %s, continuing", m->shown,
                 a->conf.trust.path, strerror(-err));
    else if (a->conf.trust.path)
        adit_log(ADIT_LOG_INFO, "agent", "%s is known from now on", m->shown);
}

void adit_member_stop_asking(struct adit_member *m)
{
    struct adit_agent *a = m->agent;

    adit_ask_stop(&m->ask);
    if (a->asking != m)
        return;
    a->asking = NULL;
    if (a->tee)
        adit_tee_hold(a->tee, false);
}

static void on_answer(void *arg, bool yes)
{
    struct adit_member *m = arg;

    adit_member_stop_asking(m);
    m->remember = yes;
    adit_call_admit(m->call, yes);
}

/* False: there is nobody to ask, or he is being asked about another one. */
static bool ask(struct adit_agent *a, struct adit_member *m, const struct adit_desc *desc)
{
    if (!a->conf.ask || a->asking ||
        adit_ask_start(&m->ask, a->loop, m->shown, desc, on_answer, m) < 0)
        return false;
    a->asking = m;
    if (a->tee)
        adit_tee_hold(a->tee, true);
    return true;
}

/* What is expected of this peer counts more than what is expected of all. */
static struct adit_trust_conf trust_of(const struct adit_member *m)
{
    struct adit_trust_conf trust = m->agent->conf.trust;
    const struct adit_agent_peer *own = adit_agent_own(m->agent, adit_call_name(m->call));

    if (m->way.called && m->agent->conf.gate && m->agent->conf.gate->ticket_suffices)
        trust.policy = ADIT_TRUST_ANY;
    if (own && own->fingerprint_count) {
        trust.fingerprints = own->fingerprints;
        trust.fingerprint_count = own->fingerprint_count;
    }
    return trust;
}

static void explain_refusal(struct adit_member *m, const struct adit_trust_conf *trust,
                            enum adit_trust_verdict verdict, const struct adit_cause *cause)
{
    const char *path = trust->path ? trust->path : "known_peers";

    adit_log(ADIT_LOG_ERROR, "agent", "%s is refused: %s", m->shown, cause->text);
    if (verdict == ADIT_TRUST_CHANGED && !trust->fingerprint_count)
        adit_log(ADIT_LOG_ERROR, "agent",
                 "Somebody may be pretending to be %s, or its identity is new. Ask its owner; if "
                 "it is, remove its line from %s.",
                 m->shown, path);
    if (verdict == ADIT_TRUST_UNKNOWN)
        adit_log(ADIT_LOG_ERROR, "agent",
                 "To let it in: --allow %s, or --trust first, or its fingerprint in %s.", m->shown,
                 path);
}

enum adit_call_admit adit_member_admit(void *arg, struct adit_call *call,
                                       const struct adit_desc *desc)
{
    struct adit_member *m = arg;
    struct adit_agent *a = m->agent;
    struct adit_cause cause;
    struct adit_trust_conf trust = trust_of(m);
    enum adit_trust_verdict verdict;

    if (m->way.calls) /* the ticket says which certificate it has */
        return ADIT_CALL_YES;
    verdict = adit_trust_check(&trust, adit_call_name(call), desc, &cause);

    m->remember = verdict == ADIT_TRUST_NEW;
    switch (verdict) {
    case ADIT_TRUST_KNOWN:
    case ADIT_TRUST_NEW:
        return ADIT_CALL_YES;
    case ADIT_TRUST_UNKNOWN:
        if (ask(a, m, desc))
            return ADIT_CALL_LATER;
        break;
    case ADIT_TRUST_CHANGED:
    case ADIT_TRUST_FORBIDDEN:
    case ADIT_TRUST_BROKEN:
        break;
    }
    explain_refusal(m, &trust, verdict, &cause);
    return ADIT_CALL_NO;
}
