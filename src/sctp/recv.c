#include "base/alloc.h"
#include "base/log.h"
#include "sctp/chan.h"
#include "sctp/dcep.h"

void adit_chan_now_open(struct adit_channel *c)
{
    if (c->state != ADIT_CHANNEL_OPENING)
        return;
    c->state = ADIT_CHANNEL_OPEN;
    c->settled = true;
    adit_sctp_tell(c->s, &(struct adit_sctp_event){ .type = ADIT_SCTP_EV_OPEN, .channel = c });
}

/* A reset without a channel leaves the id with the peer until it has reset its own direction. */
void adit_chan_refuse(struct adit_sctp *s, uint16_t sid)
{
    struct adit_channel *c = adit_chan_at(s, sid);

    if (adit_chan_marked(s, sid, ADIT_MARK_ASKED))
        adit_chan_mark(s, sid, ADIT_MARK_OWED, adit_late_new(s, sid));
    else if (c)
        adit_chan_close(c, ADIT_REASON_PROTOCOL, EPROTO, "a bad message of the channel protocol");
    else if (sid < adit_usr_streams_out(&s->usr) && adit_chan_ask_reset(s, sid) < 0)
        adit_debug("sctp", "stream %u cannot be reset", sid);
    else if (sid < adit_usr_streams_out(&s->usr))
        adit_chan_mark(s, sid, ADIT_MARK_RESTING, true);
}

static void on_open(struct adit_sctp *s, uint16_t sid, const struct adit_channel_conf *conf)
{
    size_t held = conf->label_len + conf->protocol_len;
    struct adit_channel *c;
    uint8_t ack = ADIT_DCEP_ACK;

    if (adit_chan_at(s, sid) || adit_chan_marked(s, sid, ADIT_MARK_ASKED) ||
        sid >= adit_usr_streams_out(&s->usr) || s->channel_count >= s->conf.channels_max ||
        s->held + held > ADIT_CHAN_HELD_MAX || s->shutting || !(c = adit_chan_new(s, conf))) {
        s->stats.channels_refused++;
        adit_chan_refuse(s, sid);
        return;
    }
    if (adit_chan_take_id(c, sid) < 0) {
        adit_chan_drop(c);
        s->stats.channels_refused++;
        adit_chan_refuse(s, sid);
        return;
    }
    s->held += held;
    c->held = held;
    c->announced = c->settled = true;
    c->left_before = adit_usr_left(&s->usr, sid);
    c->state = ADIT_CHANNEL_OPEN;
    if (adit_chan_put(c, ADIT_PPID_DCEP, &ack, 1) < 0) {
        adit_chan_close(c, ADIT_REASON_RESOURCE, ENOMEM, "no memory for the answer");
        return;
    }
    adit_sctp_tell(s, &(struct adit_sctp_event){ .type = ADIT_SCTP_EV_ACCEPT, .channel = c });
}

static void on_dcep(struct adit_sctp *s, uint16_t sid, const uint8_t *bytes, size_t n)
{
    struct adit_channel_conf conf;
    struct adit_channel *c;

    switch (adit_dcep_decode(&conf, bytes, n)) {
    case ADIT_DCEP_OPEN:
        if (adit_late_new(s, sid))
            adit_late_open(s, sid, bytes, n);
        else
            on_open(s, sid, &conf);
        break;
    case ADIT_DCEP_ACK:
        if ((c = adit_chan_at(s, sid)))
            adit_chan_now_open(c);
        break;
    default:
        adit_chan_refuse(s, sid);
        break;
    }
}

static void tell_now(struct adit_channel *c, const uint8_t *bytes, size_t n, bool text)
{
    struct adit_sctp *s = c->s;

    s->stats.messages_received++;
    s->stats.bytes_received += n;
    adit_sctp_tell(
        s, &(struct adit_sctp_event){
               .type = ADIT_SCTP_EV_MESSAGE, .channel = c, .bytes = bytes, .n = n, .text = text });
}

static void too_large(struct adit_sctp *s, uint16_t sid)
{
    struct adit_channel *c = adit_chan_at(s, sid);

    if (c)
        adit_chan_close(c, ADIT_REASON_PROTOCOL, EMSGSIZE, "a message larger than was announced");
    else if (sid < s->streams)
        adit_chan_refuse(s, sid);
}

static bool whole(void *arg, uint32_t after, uint32_t before)
{
    const struct adit_sctp *s = arg;

    return adit_usr_whole(&s->usr, after, before);
}

static void tell_message(struct adit_channel *c, const uint8_t *bytes, size_t n, bool text)
{
    struct adit_sctp *s = c->s;
    const struct adit_order_item item = { .tsn = s->tsn, .owner = c, .text = text, .n = n };

    if (!c->in_turn || adit_order_came(&s->order, &item, bytes, whole, s, s->now))
        tell_now(c, bytes, n, text);
}

bool adit_chan_tell_in_turn(struct adit_sctp *s, bool all)
{
    bool any = false;

    while (!s->ended && !s->paused) {
        struct adit_order_item *item =
            all ? adit_order_pop(&s->order) : adit_order_next(&s->order, whole, s, s->now);

        if (!item)
            break;
        tell_now(item->owner, item->bytes, item->n, item->text);
        adit_free(item);
        any = true;
    }
    return any;
}

void adit_channel_set_in_turn(struct adit_channel *c)
{
    c->in_turn = c->conf.unordered;
}

/* The deprecated way: fragments with 52 or 54, the last one with 53 or 51. */
static void on_fragment(struct adit_channel *c, const uint8_t *bytes, size_t n, bool text,
                        bool last)
{
    size_t before = c->in.len;
    struct adit_buf whole;

    if (c->s->held + n <= ADIT_CHAN_HELD_MAX)
        adit_buf_add(&c->in, bytes, n);
    c->s->held += c->in.len - before;
    if (c->in.len - before < n) {
        too_large(c->s, c->id);
        return;
    }
    if (!last)
        return;
    whole = c->in;
    c->s->held -= whole.len;
    adit_buf_init(&c->in, c->s->conf.local_message_max);
    tell_message(c, whole.data, whole.len, text);
    adit_buf_done(&whole);
}

void adit_chan_message_now(struct adit_sctp *s, uint16_t sid, uint32_t ppid, const uint8_t *bytes,
                           size_t n)
{
    struct adit_channel *c = adit_chan_at(s, sid);

    if (ppid == ADIT_PPID_DCEP && sid < s->streams) {
        on_dcep(s, sid, bytes, n);
        return;
    }
    /* Messages for a stream that nobody opened, or that we are closing, have no one to go to. */
    if (!c || c->state >= ADIT_CHANNEL_CLOSING)
        return;
    if (n > s->conf.local_message_max) {
        too_large(s, sid);
        return;
    }
    adit_chan_now_open(c); /* the peer knows the channel, even if its ACK was overtaken */
    if (c->state != ADIT_CHANNEL_OPEN)
        return;
    switch (ppid) {
    case ADIT_PPID_TEXT:
    case ADIT_PPID_BINARY:
        if (c->in.len)
            on_fragment(c, bytes, n, ppid == ADIT_PPID_TEXT, true);
        else
            tell_message(c, bytes, n, ppid == ADIT_PPID_TEXT);
        break;
    case ADIT_PPID_TEXT_PARTIAL:
    case ADIT_PPID_BINARY_PARTIAL:
        on_fragment(c, bytes, n, ppid == ADIT_PPID_TEXT_PARTIAL, false);
        break;
    case ADIT_PPID_TEXT_EMPTY:
    case ADIT_PPID_BINARY_EMPTY:
        tell_message(c, bytes, 0, ppid == ADIT_PPID_TEXT_EMPTY);
        break;
    default: /* RFC 8831 section 6.6 knows no others; what it is not for us to say is dropped */
        break;
    }
}

void adit_chan_message(struct adit_sctp *s, uint16_t sid, uint32_t ppid, const uint8_t *bytes,
                       size_t n)
{
    if (!adit_late_message(s, sid, ppid, bytes, n))
        adit_chan_message_now(s, sid, ppid, bytes, n);
}

void adit_chan_oversize(struct adit_sctp *s, uint16_t sid)
{
    if (!adit_late_oversize(s, sid))
        too_large(s, sid);
}
