/* look - what others see of an agent. */
#include "agent/agent_inner.h"

const struct adit_call *adit_agent_call(const struct adit_agent *a, size_t i)
{
    const struct adit_link *it = a->members.next;

    while (it != &a->members && i--)
        it = it->next;
    return it == &a->members ? NULL : adit_container_of(it, struct adit_member, link)->call;
}

const struct adit_signal *adit_agent_signal(const struct adit_agent *a)
{
    return a->signal;
}

const uint64_t *adit_agent_strangers(const struct adit_agent *a)
{
    return a->gate ? adit_gate_counts(a->gate) : NULL;
}

const struct adit_agent_conf *adit_agent_conf(const struct adit_agent *a)
{
    return &a->conf;
}

adit_time adit_agent_since(const struct adit_agent *a)
{
    return a->since;
}

const char *adit_agent_fingerprint(const struct adit_agent *a)
{
    return a->fingerprint;
}
