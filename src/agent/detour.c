#include "agent/detour.h"

#include "agent/exit.h"
#include "agent/inner.h"
#include "base/log.h"

/* ---- packets --------------------------------------------------------------------------------- */

static void on_send(void *arg, const struct adit_addr *to, const void *bytes, size_t n)
{
    struct adit_member *m = arg;
    struct adit_haul packet = { .packet = { .data = bytes, .len = n } };
    const char *name = adit_member_name(m);
    struct adit_peer *peer = adit_call_peer(m->call);

    if (!peer || adit_haul_end(packet.to, to) < 0 ||
        adit_haul_end(packet.from, &peer->detour_addr) < 0)
        return;
    memcpy(packet.name, name, strlen(name) + 1);
    if (m->agent->signal)
        (void)adit_signal_packet(m->agent->signal, &packet); /* lost, as in any network */
}

void adit_detour_packet(void *arg, const struct adit_haul *packet, adit_time now)
{
    struct adit_agent *a = arg;
    struct adit_addr to = adit_haul_addr(packet->to), from = adit_haul_addr(packet->from);
    struct adit_link *it, *tmp;

    ADIT_LIST_EACH(&a->members, it, tmp)
    {
        struct adit_member *m = adit_container_of(it, struct adit_member, link);
        struct adit_peer *peer = adit_call_peer(m->call);

        if (!peer || !peer->detour || !adit_addr_equal(&peer->detour_addr, &to))
            continue;
        peer->rx_ecn = 0;
        adit_engine_feed(peer->engine, DETOUR, &from, packet->packet.data, packet->packet.len, now);
        adit_peer_touch(peer);
        return;
    }
}

/* ---- the base -------------------------------------------------------------------------------- */

static void open_detour(struct adit_member *m, adit_time now)
{
    struct adit_peer *peer = adit_call_peer(m->call);
    uint8_t end[8];
    struct adit_ice_relay relay = { .preference = 0 };
    int err;

    if (!peer || peer->detour || !m->relayable)
        return;
    adit_rng_bytes(&peer->rng, end, sizeof end);
    relay.addr = peer->detour_addr = adit_haul_addr(end);
    peer->detour = on_send;
    peer->detour_arg = m;
    err = adit_engine_add_relay(peer->engine, DETOUR, &relay, now);
    adit_peer_touch(peer);
    if (err) {
        peer->detour = NULL;
        adit_debug("agent", "no way through the signaling server: %s", strerror(-err));
    }
}

static void on_timer(struct adit_timer *timer, adit_time now)
{
    struct adit_member *m = adit_container_of(timer, struct adit_member, detour);

    if (adit_engine_selected(adit_call_peer(m->call)->engine, NULL)) {
        adit_timer_set(timer, now + ADIT_DETOUR_AFTER);
        return;
    }
    adit_log(ADIT_LOG_INFO, "agent", "no way to %s yet, trying through the signaling server",
             m->shown);
    open_detour(m, now);
}

void adit_detour_init(struct adit_member *m)
{
    adit_timer_init(&m->detour, m->agent->loop, on_timer, "detour");
}

void adit_detour_stop(struct adit_member *m)
{
    adit_timer_stop(&m->detour);
}

/* Where no STUN server has answered, UDP has been tried for long enough. */
static adit_time wait_for(const struct adit_member *m)
{
    return adit_engine_stun_answered(adit_call_peer(m->call)->engine) ? ADIT_DETOUR_AFTER : 0;
}

void adit_detour_update(struct adit_member *m)
{
    adit_time now = adit_loop_now(m->agent->loop);

    adit_timer_stop(&m->detour);
    if (!m->relayable)
        return;
    switch (adit_call_state(m->call)) {
    case ADIT_CALL_CONNECTING:
        if (m->we_call) {
            adit_timer_set(&m->detour, now + wait_for(m));
            break;
        }
        open_detour(m, now);
        adit_call_hurry(m->call); /* who knows of relays is one of us */
        break;
    case ADIT_CALL_SILENT:
        open_detour(m, now);
        break;
    case ADIT_CALL_IDLE:
    case ADIT_CALL_CALLING:
    case ADIT_CALL_ASKING:
    case ADIT_CALL_UP:
    case ADIT_CALL_ENDING:
        break;
    }
}

void adit_detour_advise(const struct adit_agent *a, const struct adit_member *m, int exit_code)
{
    static const char would[] = "what would help: UDP between the two networks, a TURN server, or "
                                "a signaling server that relays (adit signal --ws-relay on)";

    if (exit_code != ADIT_EXIT_NO_PATH || a->stopping || !adit_signal_joined(a->signal) ||
        (m && m->was_up))
        return;
    if (m && m->relayable)
        adit_log(ADIT_LOG_WARN, "agent",
                 "the signaling server hands on packets, and that did not help: is the other side "
                 "still there?");
    else if (a->conf.signal.relay && adit_signal_relays(a->signal))
        adit_log(ADIT_LOG_WARN, "agent",
                 "the signaling server would relay, but the other side does not know how; %s",
                 would);
    else
        adit_log(ADIT_LOG_WARN, "agent", "%s", would);
}
