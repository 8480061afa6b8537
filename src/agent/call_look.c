/* call_look - what a call shows to who asks how it does. */
#include "agent/call_inner.h"
#include "agent/inner.h"
#include "agent/lanes_inner.h"

bool adit_call_offloads(const struct adit_call *call, bool *ret_tcp, bool *ret_udp)
{
    const struct adit_link *first = call->lanes.list.next;
    const struct adit_app *app;

    if (first == &call->lanes.list)
        return false;
    app = adit_container_of(first, const struct lane, link)->app;
    if (!app->class->offloads)
        return false;
    app->class->offloads(app, ret_tcp, ret_udp);
    return true;
}

void adit_call_runs(const struct adit_call *call, bool *ret_send, bool *ret_receive)
{
    struct adit_ice_pair_info pair;
    const struct base *b;

    *ret_send = *ret_receive = false;
    if (!call->peer || !adit_engine_selected(call->peer->engine, &pair) || pair.base < 0 ||
        pair.base >= BASES_MAX)
        return;
    b = &call->peer->bases[pair.base];
    *ret_send = b->peer && b->udp.runs;
    *ret_receive = b->peer && b->udp.joins;
}
