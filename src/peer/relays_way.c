#include "peer/relays_inner.h"

#include "ice/pair.h"

#define PATIENCE (2500 * ADIT_MS) /* while there is another way: four copies of a request */

struct way {
    const struct relay_base *base;
    const struct adit_addr *addr;
};

/* Bases by preference, for each of the server's addresses. */
static size_t list_ways(const struct relay *r, struct way *out, size_t max)
{
    const struct adit_relays *rs = r->e->relays;
    size_t n = 0;

    for (size_t a = 0; a < r->addr_count; a++) {
        size_t first = n;
        for (size_t b = 0; b < rs->base_count && n < max; b++) {
            size_t at = n;
            if (rs->bases[b].apart != rs->apart ||
                !adit_pair_allowed(&rs->bases[b].addr, &r->addrs[a]))
                continue;
            for (; at > first && out[at - 1].base->preference < rs->bases[b].preference; at--)
                out[at] = out[at - 1];
            out[at] = (struct way){ &rs->bases[b], &r->addrs[a] };
            n++;
        }
    }
    return n;
}

size_t adit_peer_relay_ways(const struct relay *r)
{
    struct way ways[RELAY_BASES_MAX];

    return r->transport == ADIT_TURN_BY_UDP ? list_ways(r, ways, ADIT_LEN(ways)) : 1;
}

static void start_udp(struct relay *r)
{
    struct way ways[RELAY_BASES_MAX];
    size_t n = list_ways(r, ways, ADIT_LEN(ways));
    const struct way *w = n ? &ways[r->attempt % n] : NULL;

    if (!w) { /* until a base comes */
        r->settled = true;
        return;
    }
    r->open = true;
    r->base = w->base->id;
    r->server = *w->addr;
    adit_turn_start(r->turn, &r->server, n > 1 ? PATIENCE : 0, r->e->now);
}

void adit_peer_relay_start(struct relay *r)
{
    adit_peer_relay_leave(r);
    r->again = ADIT_NEVER;
    if (r->transport == ADIT_TURN_BY_UDP) {
        start_udp(r);
        return;
    }
    r->server = r->addrs[0];
    r->asked = true;
    r->e->ops->turn_open(r->e->arg, r->id, NULL);
}

void adit_peer_relay_move(struct relay *r, const struct adit_addr *server)
{
    if (r->transport == ADIT_TURN_BY_UDP) {
        r->server = *server;
        adit_turn_start(r->turn, server, 0, r->e->now);
        return;
    }
    adit_peer_relay_leave(r);
    r->server = *server;
    r->asked = true;
    r->e->ops->turn_open(r->e->arg, r->id, server);
}

void adit_peer_relay_leave(struct relay *r)
{
    bool stream = r->transport != ADIT_TURN_BY_UDP && (r->open || r->asked);

    adit_turn_stop(r->turn);
    r->open = r->asked = false;
    r->skip = 0;
    if (stream)
        r->e->ops->turn_close(r->e->arg, r->id);
}
