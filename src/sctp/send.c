#include "base/alloc.h"
#include "sctp/chan.h"
#include "sctp/dcep.h"

/* A message that was sent before the association began. */
struct early {
    struct adit_link link;
    struct adit_channel *c;
    bool text;
    size_t n;
    uint8_t bytes[];
};

#define EARLY_COST (sizeof(struct early) + 32)

void adit_chan_stop_waiting(struct adit_channel *c)
{
    if (!adit_list_empty(&c->waiting)) {
        adit_list_del(&c->waiting);
        c->s->waiting_count--;
    }
}

void adit_chan_drop_early(struct adit_channel *c)
{
    struct adit_link *it, *tmp;

    if (!c->early)
        return;
    ADIT_LIST_EACH(&c->s->early, it, tmp)
    {
        struct early *e = adit_container_of(it, struct early, link);

        if (e->c != c)
            continue;
        c->s->early_bytes -= e->n + EARLY_COST;
        adit_list_del(&e->link);
        adit_free(e);
    }
    c->early = 0;
}

/* ---- to usrsctp ---- */

int adit_chan_put(struct adit_channel *c, uint32_t ppid, const void *bytes, size_t n)
{
    bool dcep = ppid == ADIT_PPID_DCEP;
    struct adit_usr_out out = {
        .sid = c->id,
        .ppid = ppid,
        /* RFC 8832 section 6: ordered until the peer must know the channel, DCEP always. */
        .unordered = c->conf.unordered && c->settled && !dcep,
        .max_retransmits = dcep ? ADIT_CHANNEL_RELIABLE : c->conf.max_retransmits,
        .max_lifetime_ms = dcep ? ADIT_CHANNEL_RELIABLE : c->conf.max_lifetime_ms,
    };
    int err = adit_usr_send(&c->s->usr, &out, bytes, n, c->s->now);

    if (err < 0)
        return err;
    c->given += n;
    if (!dcep)
        c->given_user += n;
    return 0;
}

static int put_message(struct adit_channel *c, const void *bytes, size_t n, bool text)
{
    int err;

    /* RFC 8831 section 6.6: SCTP cannot carry nothing, so an empty message is one zero byte. */
    if (n == 0)
        err = adit_chan_put(c, text ? ADIT_PPID_TEXT_EMPTY : ADIT_PPID_BINARY_EMPTY, "", 1);
    else
        err = adit_chan_put(c, text ? ADIT_PPID_TEXT : ADIT_PPID_BINARY, bytes, n);
    if (err < 0)
        return err == -EWOULDBLOCK || err == -ENOMEM ? err : -EPIPE;
    c->s->stats.messages_sent++;
    c->s->stats.bytes_sent += n;
    return 0;
}

int adit_chan_put_open(struct adit_channel *c)
{
    size_t n = adit_dcep_open_size(&c->conf);
    uint8_t *bytes = adit_malloc(n);
    int err = -ENOMEM;

    if (bytes) {
        adit_dcep_encode_open(bytes, &c->conf);
        err = adit_chan_put(c, ADIT_PPID_DCEP, bytes, n);
    }
    adit_free(bytes);
    return err;
}

size_t adit_channel_buffered(const struct adit_channel *c)
{
    uint64_t inside;

    if (c->s->ended || c->state == ADIT_CHANNEL_CLOSED)
        return 0;
    if (!c->announced)
        return c->early;
    inside = c->given - (adit_usr_left(&c->s->usr, c->id) - c->left_before);
    return (size_t)(inside < c->given_user ? inside : c->given_user);
}

/* What one channel may keep in the buffer: a half, or equal parts when others wait too. The part
 * that nobody has keeps a newcomer from waiting. */
static size_t share(const struct adit_channel *c)
{
    size_t claims = c->s->waiting_count + (adit_list_empty(&c->waiting) ? 1 : 0);

    return c->s->conf.send_buffer / (1 + claims);
}

/* Room is judged before a message and not by it, so a message larger than the rest of the buffer is
 * not starved by small ones: the buffer is exceeded by one message at most. */
static bool has_room(const struct adit_channel *c, size_t n)
{
    const struct adit_sctp *s = c->s;
    size_t queued = s->early_bytes + (s->started ? adit_usr_queued(&s->usr) : 0);
    size_t mine;

    if (queued >= s->conf.send_buffer)
        return false;
    mine = adit_channel_buffered(c);
    return mine == 0 || mine + n <= share(c);
}

static int put_early(struct adit_channel *c, const void *bytes, size_t n, bool text)
{
    struct early *e = adit_malloc(sizeof *e + n);

    if (!e)
        return -ENOMEM;
    e->c = c;
    e->text = text;
    e->n = n;
    if (n)
        memcpy(e->bytes, bytes, n);
    adit_list_add(&c->s->early, &e->link);
    c->early += n;
    c->s->early_bytes += n + EARLY_COST;
    return 0;
}

int adit_channel_send(struct adit_channel *c, const void *bytes, size_t n, bool text, adit_time now)
{
    struct adit_sctp *s = c->s;
    int err;

    if (c->state >= ADIT_CHANNEL_CLOSING || s->ended || s->shutting)
        return -EPIPE;
    s->now = now;
    if (n > adit_sctp_message_max(s))
        return -EMSGSIZE;
    err = !has_room(c, n) ? -EAGAIN
          : c->announced  ? put_message(c, bytes, n, text)
                          : put_early(c, bytes, n, text);
    if (err == -EAGAIN)
        c->wanted = n;
    if (err == -EAGAIN && adit_list_empty(&c->waiting)) {
        adit_list_add(&s->waiting, &c->waiting);
        s->waiting_count++;
    }
    if (err == 0 && adit_list_empty(&c->above) && adit_channel_buffered(c) > c->low)
        adit_list_add(&s->above, &c->above);
    return err;
}

void adit_chan_flush_early(struct adit_sctp *s)
{
    while (!adit_list_empty(&s->early)) {
        struct early *e = adit_container_of(s->early.next, struct early, link);
        struct adit_channel *c = e->c;
        int err =
            e->n > adit_sctp_message_max(s) ? -EMSGSIZE : put_message(c, e->bytes, e->n, e->text);

        adit_list_del(&e->link);
        s->early_bytes -= e->n + EARLY_COST;
        c->early -= e->n;
        adit_free(e);
        if (err < 0) {
            adit_chan_drop_early(c);
            adit_chan_close(c, ADIT_REASON_LOCAL, -err, "a queued message cannot be sent");
        }
    }
}

/* ---- telling ---- */

static bool tell_low(struct adit_sctp *s)
{
    struct adit_link *it, *tmp;

    ADIT_LIST_EACH(&s->above, it, tmp)
    {
        struct adit_channel *c = adit_container_of(it, struct adit_channel, above);

        if (adit_channel_buffered(c) <= c->low) {
            adit_list_del(&c->above);
            adit_sctp_tell(s, &(struct adit_sctp_event){ .type = ADIT_SCTP_EV_LOW, .channel = c });
            return true;
        }
    }
    return false;
}

/* Only for whom the refused message fits now, so that every WRITABLE is progress. */
static bool tell_writable(struct adit_sctp *s)
{
    bool any = false;

    for (size_t left = s->waiting_count; left > 0 && !adit_list_empty(&s->waiting); left--) {
        struct adit_channel *c = adit_container_of(s->waiting.next, struct adit_channel, waiting);
        bool room = has_room(c, c->wanted);

        adit_list_del(&c->waiting);
        if (!room) {
            adit_list_add(&s->waiting, &c->waiting);
            continue;
        }
        s->waiting_count--;
        any = true;
        adit_sctp_tell(s, &(struct adit_sctp_event){ .type = ADIT_SCTP_EV_WRITABLE, .channel = c });
    }
    return any;
}

bool adit_chan_tell_room(struct adit_sctp *s)
{
    bool any = false;

    while (tell_low(s))
        any = true;
    return tell_writable(s) || any;
}
