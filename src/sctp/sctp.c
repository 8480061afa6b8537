#include "sctp/sctp.h"

#include "base/alloc.h"
#include "base/log.h"
#include "sctp/chan.h"
#include "sctp/dcep.h"

#define MTU_DEFAULT         1150
#define MESSAGE_MAX_DEFAULT (256 * 1024)
#define CHANNELS_DEFAULT    1024
#define SEND_BUFFER_DEFAULT (1536 * 1024) /* half of it is 100 ms at 60 Mbit/s */
#define RECV_BUFFER_DEFAULT (1024 * 1024)
#define PORT_DEFAULT        5000 /* RFC 8841 section 4.2 */
#define PIECE_SIZE          (16 * 1024)
#define STREAMS_DEFAULT     65535 /* RFC 8831 section 6.2 */
/* The peer that shut down may be gone before our SHUTDOWN ACK reaches it; who would answer then? */
#define BYE_PATIENCE        (10 * ADIT_SEC)
#define MTU_MIN             576 /* usrsctp takes no path below 512 */

_Static_assert(PIECE_SIZE >= ADIT_USR_BUFFER_MIN, "room for news");

static void fill_defaults(struct adit_sctp_conf *conf)
{
    if (!conf->mtu)
        conf->mtu = MTU_DEFAULT;
    if (conf->mtu < MTU_MIN)
        conf->mtu = MTU_MIN;
    if (!conf->local_message_max)
        conf->local_message_max = MESSAGE_MAX_DEFAULT;
    if (!conf->local_port)
        conf->local_port = PORT_DEFAULT;
    if (!conf->channels_max)
        conf->channels_max = CHANNELS_DEFAULT;
    if (!conf->streams)
        conf->streams = STREAMS_DEFAULT;
    if (!conf->send_buffer)
        conf->send_buffer = SEND_BUFFER_DEFAULT;
    if (!conf->recv_buffer)
        conf->recv_buffer = RECV_BUFFER_DEFAULT;
    /* usrsctp hands a message over in pieces when it fills half of the window. */
    if (conf->recv_buffer < 2 * (size_t)conf->local_message_max)
        conf->recv_buffer = 2 * (size_t)conf->local_message_max;
    if (conf->recv_buffer > INT32_MAX)
        conf->recv_buffer = INT32_MAX;
}

struct adit_sctp *adit_sctp_new(const struct adit_sctp_conf *conf, const struct adit_sctp_ops *ops,
                                void *arg, adit_time now)
{
    struct adit_sctp *s = adit_zalloc(sizeof *s);

    if (!s)
        return NULL;
    s->conf = *conf;
    fill_defaults(&s->conf);
    s->ops = ops;
    s->arg = arg;
    s->now = now;
    s->bye_at = ADIT_NEVER;
    adit_list_init(&s->channels);
    adit_list_init(&s->waiting);
    adit_list_init(&s->above);
    adit_list_init(&s->closed);
    adit_list_init(&s->early);
    adit_list_init(&s->late);
    /* An OPEN with the longest label and protocol is taken whatever the limit of messages is. */
    size_t open_max = ADIT_DCEP_OPEN_HEAD + 2 * (size_t)ADIT_CHANNEL_LABEL_MAX;
    adit_order_init(&s->order);
    adit_buf_init(&s->whole,
                  s->conf.local_message_max > open_max ? s->conf.local_message_max : open_max);
    s->streams = s->conf.streams;
    s->mark_bytes = ((size_t)s->streams + 7) / 8;
    s->marks = adit_zalloc(ADIT_MARKS * s->mark_bytes);
    s->piece = adit_malloc(PIECE_SIZE);
    s->usr.send = ops->send;
    s->usr.arg = arg;
    if (!s->marks || !s->piece ||
        adit_usr_open(&s->usr,
                      &(struct adit_usr_conf){ .local_port = s->conf.local_port,
                                               .streams = s->streams,
                                               .mtu = s->conf.mtu,
                                               .recv_buffer = s->conf.recv_buffer },
                      now) < 0)
        return adit_sctp_free(s);
    return s;
}

static void say_nothing(void *arg, const void *bytes, size_t n)
{
    (void)arg, (void)bytes, (void)n;
}

struct adit_sctp *adit_sctp_free(struct adit_sctp *s)
{
    if (!s)
        return NULL;
    assert(!s->settling);
    s->usr.send = say_nothing;
    adit_usr_close(&s->usr, s->now);
    adit_chan_free_all(s);
    adit_buf_done(&s->whole);
    adit_order_done(&s->order);
    for (size_t i = 0; i < ID_PAGES; i++)
        adit_free(s->by_id[i]);
    adit_free(s->marks);
    adit_free(s->piece);
    adit_free(s);
    return NULL;
}

void adit_sctp_set_mtu(struct adit_sctp *s, size_t mtu)
{
    if (!s->usr.open)
        return;
    s->conf.mtu = mtu > MTU_MIN ? mtu : MTU_MIN;
    adit_usr_set_mtu(&s->usr, s->conf.mtu);
}

void adit_sctp_hurry(struct adit_sctp *s, adit_time now)
{
    if (s->usr.open && s->started && !s->ended)
        adit_usr_hurry(&s->usr, now);
}

void adit_sctp_tell(struct adit_sctp *s, const struct adit_sctp_event *ev)
{
    s->ops->event(s->arg, ev);
}

/* ---- the association ends ---- */

/* Nothing more comes from usrsctp; who has to be told is told when settling. */
static void end(struct adit_sctp *s, const struct adit_cause *cause)
{
    if (s->ended)
        return;
    s->ended = true;
    s->up = false;
    s->cause = *cause;
    if (s->shutting && cause->reason == ADIT_REASON_REMOTE)
        adit_cause_set(&s->cause, ADIT_REASON_LOCAL, 0, "shut down");
    adit_usr_close(&s->usr, s->now);
    adit_chan_end_all(s);
    s->pending = true;
}

static void end_with(struct adit_sctp *s, enum adit_reason reason, int err, const char *text)
{
    struct adit_cause cause;

    adit_cause_set(&cause, reason, err, "%s", text);
    end(s, &cause);
}

/* ---- what usrsctp has for us ---- */

static void on_data(struct adit_sctp *s, const struct adit_usr_in *in, size_t n)
{
    if (s->paused) /* shutting: nobody waits for it any more */
        return;
    s->tsn = in->tsn;
    if (s->skipping) {
        s->skipping = !in->end;
        return;
    }
    if (in->end && !s->whole.len) { /* nearly always: nothing is copied */
        adit_chan_message(s, in->sid, in->ppid, s->piece, n);
        return;
    }
    adit_buf_add(&s->whole, s->piece, n);
    if (s->whole.err) {
        s->skipping = !in->end;
        adit_chan_oversize(s, in->sid);
    } else if (in->end) {
        adit_chan_message(s, in->sid, in->ppid, s->whole.data, s->whole.len);
    } else {
        return;
    }
    adit_buf_done(&s->whole);
}

static void on_up(struct adit_sctp *s)
{
    s->up = true;
    adit_sctp_tell(s, &(struct adit_sctp_event){ .type = ADIT_SCTP_EV_UP });
    if (s->ended)
        return;
    adit_chan_up_all(s);
    if (s->shutting)
        adit_usr_shutdown(&s->usr, s->now);
}

static void on_stream_reset(struct adit_sctp *s, uint16_t sid, const struct adit_usr_in *in)
{
    if (sid >= s->streams)
        return;
    if (!in->incoming)
        adit_chan_reset_out(s, sid, !in->refused);
    else if (!adit_late_reset(s, sid))
        adit_chan_reset_in(s, sid);
}

static void on_reset(struct adit_sctp *s, const struct adit_usr_in *in)
{
    for (size_t i = 0; i < in->sid_count && !s->ended; i++)
        on_stream_reset(s, in->sids[i], in);
    for (unsigned sid = 0; !in->sid_count && sid < s->streams && !s->ended; sid++)
        on_stream_reset(s, (uint16_t)sid, in);
}

/* Reads until there is nothing, or nobody wants it: unread bytes close the peer's window. A paused
 * owner who leaves gets no more, but the goodbye is read to its end. */
static bool read_all(struct adit_sctp *s)
{
    bool any = false;

    while (!s->ended && (!s->paused || s->shutting) && adit_usr_readable(&s->usr)) {
        struct adit_usr_in in;
        int n = adit_usr_recv(&s->usr, s->piece, PIECE_SIZE, &in, s->now);

        if (n == -EAGAIN)
            break; /* the piece that is there is being completed */
        any = true;
        if (n < 0) {
            end_with(s, ADIT_REASON_PROTOCOL, -n, "SCTP ended");
            break;
        }
        switch (in.kind) {
        case ADIT_USR_DATA:
            on_data(s, &in, (size_t)n);
            break;
        case ADIT_USR_UP:
            on_up(s);
            break;
        case ADIT_USR_DOWN:
            adit_chan_tell_in_turn(s, true);
            end(s, &in.cause);
            break;
        case ADIT_USR_BYE:
            s->bye_at = s->now + BYE_PATIENCE;
            break;
        case ADIT_USR_RESET:
            on_reset(s, &in);
            break;
        case ADIT_USR_CUT:
            adit_buf_done(&s->whole);
            s->skipping = false;
            break;
        case ADIT_USR_NOTHING:
            break;
        }
    }
    if (!s->ended && s->paused && adit_usr_failed(&s->usr)) {
        end_with(s, ADIT_REASON_PROTOCOL, ECONNRESET, "the SCTP association was aborted");
        any = true;
    }
    if (!s->ended && adit_usr_starved(&s->usr)) {
        end_with(s, ADIT_REASON_RESOURCE, ENOMEM, "no memory for SCTP");
        any = true;
    }
    return any;
}

/* Tells everything there is to tell. Handlers may call whatever they like, so this goes on until
 * nothing changes, and calls from inside a handler come back here by themselves. */
static void settle(struct adit_sctp *s)
{
    bool again = true;

    if (s->settling)
        return;
    s->settling = true;
    while (again) {
        s->pending = false;
        again = adit_late_tell(s);
        again = read_all(s) || again;
        again = adit_chan_tell_in_turn(s, false) || again;
        again = adit_chan_tell_opened(s) || again;
        again = adit_chan_tell_room(s) || again;
        again = adit_chan_tell_closed(s) || again || s->pending;
        if (s->ended && !s->told_down && !again) {
            s->told_down = true;
            adit_sctp_tell(
                s, &(struct adit_sctp_event){ .type = ADIT_SCTP_EV_DOWN, .cause = s->cause });
        }
    }
    s->settling = false;
}

/* ---- verbs ---- */

void adit_sctp_start(struct adit_sctp *s, const struct adit_sctp_peer *peer, adit_time now)
{
    int err;

    if (s->started || s->ended)
        return;
    s->now = now;
    s->peer = *peer;
    s->started = true;
    err = adit_usr_connect(&s->usr, peer->port ? peer->port : PORT_DEFAULT, peer->rto, now);
    if (err < 0)
        end_with(s, ADIT_REASON_RESOURCE, -err, "SCTP cannot begin");
    else
        adit_chan_start_all(s); /* travels with the COOKIE ECHO, a round trip earlier */
    settle(s);
}

void adit_sctp_feed(struct adit_sctp *s, const void *bytes, size_t n, adit_time now)
{
    s->now = now;
    if (s->ended || !s->started)
        return;
    adit_usr_feed(&s->usr, bytes, n, now);
    settle(s);
}

adit_time adit_sctp_deadline(const struct adit_sctp *s)
{
    if (s->pending)
        return s->now;
    if (s->ended || !s->started)
        return ADIT_NEVER;
    adit_time at = adit_time_min(s->bye_at, adit_usr_deadline(&s->usr));
    return s->paused ? at : adit_time_min(at, adit_order_deadline(&s->order));
}

void adit_sctp_tick(struct adit_sctp *s, adit_time now)
{
    s->now = now;
    if (s->started && !s->ended)
        adit_usr_tick(&s->usr, now);
    if (now >= s->bye_at)
        end_with(s, ADIT_REASON_REMOTE, 0, "the other side shut the SCTP association down");
    settle(s);
}

void adit_sctp_shutdown(struct adit_sctp *s, adit_time now)
{
    s->now = now;
    if (s->ended || s->shutting)
        return;
    s->shutting = true;
    if (!s->started)
        end_with(s, ADIT_REASON_LOCAL, 0, "shut down");
    else if (s->up)
        adit_usr_shutdown(&s->usr, now);
    settle(s);
}

void adit_sctp_abort(struct adit_sctp *s, adit_time now)
{
    s->now = now;
    end_with(s, ADIT_REASON_LOCAL, 0, "aborted");
    settle(s);
}

bool adit_sctp_unread(const struct adit_sctp *s)
{
    return !s->ended && s->paused && adit_usr_readable(&s->usr);
}

void adit_sctp_pause(struct adit_sctp *s)
{
    s->paused = true;
}

void adit_sctp_resume(struct adit_sctp *s, adit_time now)
{
    s->now = now;
    s->paused = false;
    settle(s);
}

void adit_sctp_stats(struct adit_sctp *s, struct adit_sctp_stats *ret_stats)
{
    struct adit_usr_path path = { 0 };

    *ret_stats = s->stats;
    if (s->ended || !s->started)
        return;
    adit_usr_path(&s->usr, &path);
    ret_stats->srtt = path.srtt;
    ret_stats->cwnd = path.cwnd;
    ret_stats->retransmissions = path.retransmitted;
}

void adit_sctp_flow(const struct adit_sctp *s, uint32_t *ret_window, adit_time *ret_rtt)
{
    struct adit_usr_path path = { 0 };

    if (s->started && !s->ended)
        adit_usr_path(&s->usr, &path);
    *ret_window = path.cwnd;
    *ret_rtt = path.rtt;
}

size_t adit_sctp_message_max(const struct adit_sctp *s)
{
    return s->started && s->peer.message_max ? s->peer.message_max : SIZE_MAX;
}
