#include <stdlib.h>

#include "agent/inner.h"
#include "base/alloc.h"
#include "base/str.h"

/* A public channel: the engine's, with the caller's callbacks. It lives from open or accept until
 * CLOSED. */
struct adit_dc {
    struct adit_link link;
    struct adit_peer *peer;
    struct adit_channel *channel;
    struct adit_dc_callbacks on;
    void *user;
};

static struct adit_dc *new_dc(struct adit_peer *peer)
{
    struct adit_dc *dc = adit_zalloc(sizeof *dc);

    if (dc) {
        dc->peer = peer;
        adit_list_add(&peer->dcs, &dc->link);
    }
    return dc;
}

static void free_dc(struct adit_dc *dc)
{
    adit_list_del(&dc->link);
    adit_free(dc);
}

void adit_dcs_free(struct adit_peer *peer)
{
    struct adit_link *it, *tmp;

    ADIT_LIST_EACH(&peer->dcs, it, tmp)
    free_dc(adit_container_of(it, struct adit_dc, link));
}

struct adit_dc *adit_dcs_at(const struct adit_peer *peer, size_t i)
{
    const struct adit_link *it = peer->dcs.next;

    while (it != &peer->dcs && i--)
        it = it->next;
    return it == &peer->dcs ? NULL : adit_container_of(it, struct adit_dc, link);
}

static struct adit_dc *open_dc(struct adit_peer *peer, const struct adit_dc_conf *conf,
                               int *ret_err)
{
    struct adit_channel_conf cc = {
        .label = conf->label,
        .label_len = conf->label ? strlen(conf->label) : 0,
        .protocol = conf->protocol,
        .protocol_len = conf->protocol ? strlen(conf->protocol) : 0,
        .unordered = conf->unordered,
        .max_retransmits = conf->max_retransmits,
        .max_lifetime_ms = conf->max_lifetime_ms,
        .negotiated = conf->negotiated,
        .id = conf->negotiated ? conf->id : ADIT_CHANNEL_ID_AUTO,
    };
    struct adit_dc *dc = new_dc(peer);

    *ret_err = -ENOMEM;
    if (!dc)
        return NULL;
    dc->on = conf->on;
    dc->user = conf->user;
    dc->channel = adit_engine_open_channel(peer->engine, &cc, ret_err, adit_peer_now(peer));
    adit_peer_touch(peer);
    if (dc->channel) {
        adit_channel_set_user(dc->channel, dc);
        return dc;
    }
    free_dc(dc);
    return NULL;
}

struct adit_dc *adit_dc_open(struct adit_peer *peer, const struct adit_dc_conf *conf, int *ret_err)
{
    struct adit_dc_conf known;
    int err = adit_conf_take(&known, sizeof known, conf, conf->size);
    struct adit_dc *dc = err ? NULL : open_dc(peer, &known, &err);

    if (!dc && ret_err)
        *ret_err = err;
    return dc;
}

static void accept_channel(struct adit_peer *peer, struct adit_channel *channel)
{
    struct adit_dc *dc = peer->on.channel ? new_dc(peer) : NULL;

    if (!dc) {
        adit_channel_close(channel, adit_peer_now(peer));
        return;
    }
    dc->channel = channel;
    adit_channel_set_user(channel, dc);
    peer->on.channel(peer, dc, peer->user);
}

void adit_dc_event(struct adit_peer *peer, const struct adit_sctp_event *ev)
{
    struct adit_dc *dc = adit_channel_user(ev->channel);

    if (ev->type == ADIT_SCTP_EV_ACCEPT) {
        accept_channel(peer, ev->channel);
        return;
    }
    if (!dc)
        return; /* refused above; it is on its way out */
    switch (ev->type) {
    case ADIT_SCTP_EV_OPEN:
        if (dc->on.open)
            dc->on.open(dc, dc->user);
        break;
    case ADIT_SCTP_EV_MESSAGE:
        if (dc->on.message)
            dc->on.message(dc, ev->bytes, ev->n, ev->text ? ADIT_TEXT : ADIT_BINARY, dc->user);
        break;
    case ADIT_SCTP_EV_WRITABLE:
        if (dc->on.writable)
            dc->on.writable(dc, dc->user);
        break;
    case ADIT_SCTP_EV_LOW:
        if (dc->on.low)
            dc->on.low(dc, dc->user);
        break;
    case ADIT_SCTP_EV_CLOSED:
        if (dc->on.closed)
            dc->on.closed(dc, &ev->cause, dc->user);
        free_dc(dc);
        break;
    case ADIT_SCTP_EV_UP:
    case ADIT_SCTP_EV_DOWN:
    case ADIT_SCTP_EV_ACCEPT:
        break; /* not about a channel that we have */
    }
}

void adit_dc_set_callbacks(struct adit_dc *dc, const struct adit_dc_callbacks *on, void *user)
{
    dc->on = *on;
    dc->user = user;
}

int adit_dc_send(struct adit_dc *dc, const void *bytes, size_t n, enum adit_dc_kind kind)
{
    adit_peer_touch(dc->peer);
    return adit_channel_send(dc->channel, bytes, n, kind == ADIT_TEXT, adit_peer_now(dc->peer));
}

void adit_dc_close(struct adit_dc *dc)
{
    adit_peer_touch(dc->peer);
    adit_channel_close(dc->channel, adit_peer_now(dc->peer));
}

size_t adit_dc_buffered(const struct adit_dc *dc)
{
    return adit_channel_buffered(dc->channel);
}

void adit_dc_set_low(struct adit_dc *dc, size_t bytes)
{
    adit_channel_set_low(dc->channel, bytes);
}

size_t adit_dc_message_max(const struct adit_dc *dc)
{
    return adit_engine_message_max(dc->peer->engine);
}

bool adit_dc_is_open(const struct adit_dc *dc)
{
    return adit_channel_state(dc->channel) == ADIT_CHANNEL_OPEN;
}

char *adit_dc_label(const struct adit_dc *dc, char *out, size_t size)
{
    struct adit_span label = adit_channel_label(dc->channel);

    return adit_str_printable(out, size, label.data, label.len);
}

void adit_dc_set_in_turn(struct adit_dc *dc)
{
    adit_channel_set_in_turn(dc->channel);
}

bool adit_dc_is_lossy(const struct adit_dc *dc)
{
    struct adit_channel_conf conf;

    adit_channel_conf_get(dc->channel, &conf);
    return conf.max_retransmits >= 0 || conf.max_lifetime_ms >= 0;
}

struct adit_peer *adit_dc_peer(const struct adit_dc *dc)
{
    return dc->peer;
}
