/* hear_servers - STUN and TURN servers that signaling hands out. */
#include "agent/agent_inner.h"
#include "agent/inner.h"
#include "base/alloc.h"
#include "base/str.h"

/* The last of them. */
static void forget_turn(struct adit_agent *a)
{
    struct adit_turn_server *t = &a->turn[--a->turn_count];

    adit_free((char *)(uintptr_t)t->uri);
    adit_free((char *)(uintptr_t)t->user);
    adit_free((char *)(uintptr_t)t->password);
}

void adit_agent_forget_servers(struct adit_agent *a)
{
    while (a->stun_count)
        adit_free(a->stun[--a->stun_count]);
    while (a->turn_count)
        forget_turn(a);
}

static void take_stun(struct adit_agent *a, const struct adit_signal_server *server)
{
    if (a->stun_count == ADIT_AGENT_STUN_MAX || !adit_str_starts(server->url, "stun:"))
        return;
    a->stun[a->stun_count] = adit_strdup(server->url);
    a->stun_count += a->stun[a->stun_count] != NULL;
}

static void take_turn(struct adit_agent *a, const struct adit_signal_server *server)
{
    struct adit_turn_server *t = &a->turn[a->turn_count];

    if (a->turn_count == ADIT_AGENT_TURN_MAX || !adit_turns_know(server->url) ||
        !server->username || !server->credential)
        return;
    *t = (struct adit_turn_server){ .uri = adit_strdup(server->url),
                                    .user = adit_strdup(server->username),
                                    .password = adit_strdup(server->credential) };
    a->turn_count++;
    if (!t->uri || !t->user || !t->password)
        forget_turn(a);
}

void adit_agent_take_servers(struct adit_agent *a, const struct adit_signal_event *ev)
{
    struct adit_link *it, *tmp;
    struct adit_peer_conf *c = &a->conf.call.peer;
    bool stun = !c->stun_count || c->stun == (const char *const *)a->stun;
    bool turn = !c->turn_count || c->turn == a->turn;

    adit_agent_forget_servers(a);
    for (unsigned i = 0; i < ev->server_count; i++) {
        if (stun)
            take_stun(a, &ev->servers[i]);
        if (turn)
            take_turn(a, &ev->servers[i]);
    }
    if (stun) {
        c->stun = (const char *const *)a->stun;
        c->stun_count = a->stun_count;
    }
    if (turn) {
        c->turn = a->turn;
        c->turn_count = a->turn_count;
    }
    ADIT_LIST_EACH(&a->members, it, tmp)
    {
        struct adit_peer_conf *own = &adit_container_of(it, struct adit_member, link)->conf.peer;

        own->stun = c->stun;
        own->stun_count = c->stun_count;
        own->turn = c->turn;
        own->turn_count = c->turn_count;
    }
}
