/* own - peers that have something of their own, and the devices that are made for them. */
#include "agent/agent_inner.h"
#include "agent/exit.h"
#include "base/alloc.h"
#include "base/log.h"

const struct adit_agent_peer *adit_agent_own(const struct adit_agent *a, const char *name)
{
    for (size_t i = 0; i < a->conf.peer_count; i++)
        if (strcmp(a->conf.peers[i].name, name) == 0)
            return &a->conf.peers[i];
    return NULL;
}

/* ---- devices --------------------------------------------------------------------------------- */

void adit_agent_forget_devices(struct adit_agent *a)
{
    adit_free(a->avoid.all);
    adit_free(a->avoid.names);
    a->avoid.all = NULL;
    a->avoid.names = NULL;
}

void adit_agent_avoid_devices(struct adit_agent *a)
{
    struct adit_avoid next = a->avoid;
    const struct adit_call *call;
    struct adit_link *it, *tmp;
    size_t members = 0, n = 0;

    if (!a->conf.peers_only)
        return;
    while (adit_agent_call(a, members))
        members++;
    next.all = adit_zalloc((next.told_count + members + 1) * sizeof *next.all);
    next.names = adit_zalloc((members + 1) * sizeof *next.names);
    if (!next.all || !next.names) {
        adit_free(next.all);
        adit_free(next.names);
        adit_log(ADIT_LOG_WARN, "agent",
                 "out of memory: connections may try to go through our tunnels, continuing");
        return;
    }
    for (; n < next.told_count; n++)
        next.all[n] = next.told[n];
    for (size_t i = 0; (call = adit_agent_call(a, i)); i++) {
        if (!*adit_call_device(call))
            continue;
        memcpy(next.names[i], adit_call_device(call), sizeof next.names[i]);
        next.all[n++] = next.names[i];
    }
    adit_agent_forget_devices(a);
    a->avoid = next;
    a->conf.call.peer.ignore_devs = next.all;
    a->conf.call.peer.ignore_dev_count = n;
    ADIT_LIST_EACH(&a->members, it, tmp)
    {
        struct adit_peer_conf *c = &adit_container_of(it, struct adit_member, link)->conf.peer;

        c->ignore_devs = next.all;
        c->ignore_dev_count = n;
    }
}

/* ---- what is there from the start ------------------------------------------------------------ */

static int prepare_one(struct adit_agent *a, const char *name)
{
    struct adit_member *m = adit_agent_add(a, name);

    if (m)
        return adit_call_prepare(m->call);
    adit_log(ADIT_LOG_ERROR, "agent", "%s",
             strlen(name) > ADIT_SIGNAL_PEER_MAX ? "the name of the peer is too long"
                                                 : "out of memory");
    return ADIT_EXIT_USAGE;
}

int adit_agent_prepare(struct adit_agent *a)
{
    const struct adit_agent_conf *c = &a->conf;
    int err = 0;

    a->avoid.told = c->call.peer.ignore_devs;
    a->avoid.told_count = c->call.peer.ignore_dev_count;
    for (size_t i = 0; c->peers_only && i < c->target_count; i++) {
        if (adit_agent_own(a, c->targets[i]))
            continue;
        adit_log(ADIT_LOG_ERROR, "agent", "%.64s: %s", c->targets[i], ADIT_NO_SECTION);
        return ADIT_EXIT_USAGE;
    }
    if (c->single && !c->target_count)
        return prepare_one(a, "");
    for (size_t i = 0; !err && i < c->target_count; i++)
        if (!adit_agent_find(a, c->targets[i])) /* said twice */
            err = prepare_one(a, c->targets[i]);
    for (size_t i = 0; !err && c->peers_only && !c->connect && i < c->peer_count; i++)
        err = prepare_one(a, c->peers[i].name);
    adit_agent_avoid_devices(a);
    return err;
}
