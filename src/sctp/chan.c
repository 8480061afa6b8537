#include "sctp/chan.h"

#include "base/alloc.h"

/* ---- ids ---- */

/* May this side open it? */
static bool is_free(const struct adit_sctp *s, uint16_t id)
{
    return !adit_chan_at(s, id) && !adit_chan_marked(s, id, ADIT_MARK_ASKED) &&
           !adit_late_has(s, id);
}

/* RFC 8832 section 6: even for the DTLS client, odd for the server. */
static uint16_t our_parity(const struct adit_sctp *s)
{
    return s->peer.dtls_client ? 0 : 1;
}

static uint16_t free_id(const struct adit_sctp *s)
{
    for (unsigned id = our_parity(s); id < s->streams; id += 2)
        if (is_free(s, (uint16_t)id) && !adit_chan_marked(s, (uint16_t)id, ADIT_MARK_RESTING))
            return (uint16_t)id;
    return ADIT_CHANNEL_ID_AUTO;
}

/* ---- one channel's life ---- */

struct adit_channel *adit_chan_new(struct adit_sctp *s, const struct adit_channel_conf *conf)
{
    struct adit_channel *c = adit_zalloc(sizeof *c);
    char *text = adit_malloc(conf->label_len + conf->protocol_len);

    if (!c || !text) {
        adit_free(c);
        adit_free(text);
        return NULL;
    }
    c->s = s;
    c->conf = *conf;
    c->conf.label = text;
    c->conf.protocol = text + conf->label_len;
    if (conf->label_len)
        memcpy(text, conf->label, conf->label_len);
    if (conf->protocol_len)
        memcpy(text + conf->label_len, conf->protocol, conf->protocol_len);
    c->id = ADIT_CHANNEL_ID_AUTO;
    adit_list_init(&c->waiting);
    adit_list_init(&c->above);
    adit_buf_init(&c->in, s->conf.local_message_max);
    adit_list_add(&s->channels, &c->link);
    s->channel_count++;
    return c;
}

void adit_chan_drop_in(struct adit_channel *c)
{
    c->s->held -= c->in.len;
    adit_buf_done(&c->in);
}

static void free_channel(struct adit_channel *c)
{
    adit_list_del(&c->link);
    adit_chan_drop_in(c);
    c->s->held -= c->held;
    adit_free((char *)c->conf.label);
    adit_free(c);
}

int adit_chan_take_id(struct adit_channel *c, uint16_t id)
{
    struct adit_channel ***page = &c->s->by_id[id / ID_PAGE_SIZE];

    if (!*page && !(*page = adit_zalloc(ID_PAGE_SIZE * sizeof **page)))
        return -ENOMEM;
    adit_chan_mark(c->s, id, ADIT_MARK_RESTING, false);
    c->id = c->conf.id = id;
    (*page)[id % ID_PAGE_SIZE] = c;
    return 0;
}

static void give_id_back(struct adit_channel *c)
{
    if (c->id != ADIT_CHANNEL_ID_AUTO && adit_chan_at(c->s, c->id) == c)
        c->s->by_id[c->id / ID_PAGE_SIZE][c->id % ID_PAGE_SIZE] = NULL;
}

void adit_chan_drop(struct adit_channel *c)
{
    give_id_back(c);
    c->s->channel_count--;
    free_channel(c);
}

static void set_cause(struct adit_channel *c, enum adit_reason reason, int err, const char *text)
{
    if (c->cause.reason == ADIT_REASON_NONE)
        adit_cause_set(&c->cause, reason, err, "%s", text);
}

/* Its CLOSED event comes when settling; until then the struct stays. */
static void finish(struct adit_channel *c)
{
    struct adit_sctp *s = c->s;

    if (c->state == ADIT_CHANNEL_CLOSED)
        return;
    c->state = ADIT_CHANNEL_CLOSED;
    adit_order_forget(&s->order, c);
    adit_chan_drop_early(c);
    adit_chan_stop_waiting(c);
    adit_list_del(&c->above);
    adit_list_del(&c->link);
    adit_list_add(&s->closed, &c->link);
    s->channel_count--;
    give_id_back(c);
    s->pending = true;
}

int adit_chan_ask_reset(struct adit_sctp *s, uint16_t sid)
{
    int err = adit_usr_reset(&s->usr, sid, s->now);

    if (err == 0)
        adit_chan_mark(s, sid, ADIT_MARK_ASKED, true);
    return err;
}

static void ask_reset(struct adit_channel *c)
{
    struct adit_sctp *s = c->s;

    if (c->reset_asked || !s->up || s->ended)
        return;
    c->reset_asked = true;
    if (adit_chan_ask_reset(s, c->id) == 0) {
        s->pending |= adit_usr_starved(&s->usr);
        return;
    }
    /* No RFC 6525 over there: it ends here alone, and the id is not used again. */
    adit_chan_mark(s, c->id, ADIT_MARK_RESTING, true);
    finish(c);
}

void adit_chan_close(struct adit_channel *c, enum adit_reason reason, int err, const char *text)
{
    if (c->state >= ADIT_CHANNEL_CLOSING)
        return;
    set_cause(c, reason, err, text);
    c->state = ADIT_CHANNEL_CLOSING;
    adit_order_forget(&c->s->order, c);
    adit_chan_drop_in(c);
    adit_chan_stop_waiting(c);
    adit_list_del(&c->above);
    if (c->id == ADIT_CHANNEL_ID_AUTO && c->s->started)
        finish(c);
    else
        ask_reset(c);
}

/* ---- opening ---- */

static bool reliability_legal(const struct adit_channel_conf *conf)
{
    if (conf->max_retransmits < ADIT_CHANNEL_RELIABLE || conf->max_retransmits > 65535 ||
        conf->max_lifetime_ms < ADIT_CHANNEL_RELIABLE || conf->max_lifetime_ms > 65535)
        return false;
    return conf->max_retransmits == ADIT_CHANNEL_RELIABLE ||
           conf->max_lifetime_ms == ADIT_CHANNEL_RELIABLE;
}

static int check_conf(const struct adit_sctp *s, const struct adit_channel_conf *conf)
{
    bool given = conf->id != ADIT_CHANNEL_ID_AUTO;

    if (s->ended || s->shutting)
        return -EPIPE;
    if (!reliability_legal(conf) || conf->label_len > ADIT_CHANNEL_LABEL_MAX ||
        conf->protocol_len > ADIT_CHANNEL_LABEL_MAX || (conf->negotiated && !given))
        return -EINVAL;
    if (given && !conf->negotiated && s->started && conf->id % 2 != our_parity(s))
        return -EINVAL;
    if (given && conf->id >= (s->up ? adit_usr_streams_out(&s->usr) : s->streams))
        return -EINVAL;
    if (given && !is_free(s, conf->id))
        return -EEXIST;
    return s->channel_count >= s->conf.channels_max ? -ENOSPC : 0;
}

/* The association exists, if only as an INIT on its way: id and OPEN. */
static int announce(struct adit_channel *c)
{
    struct adit_sctp *s = c->s;
    uint16_t id = c->conf.id != ADIT_CHANNEL_ID_AUTO ? c->conf.id : free_id(s);

    if (id == ADIT_CHANNEL_ID_AUTO || (s->up && id >= adit_usr_streams_out(&s->usr)))
        return -ENOSPC;
    if (adit_chan_take_id(c, id) < 0)
        return -ENOMEM;
    c->left_before = adit_usr_left(&s->usr, id);
    c->settled = c->conf.negotiated;
    c->announced = true;
    if (!c->conf.negotiated)
        return adit_chan_put_open(c);
    s->pending = true; /* OPEN is told when the caller has the pointer */
    return 0;
}

struct adit_channel *adit_channel_open(struct adit_sctp *s, const struct adit_channel_conf *conf,
                                       int *ret_err, adit_time now)
{
    struct adit_channel *c = NULL;
    int err = check_conf(s, conf);

    s->now = now;
    if (err == 0 && !(c = adit_chan_new(s, conf)))
        err = -ENOMEM;
    if (err == 0 && s->started)
        err = announce(c);
    else if (err == 0 && conf->id != ADIT_CHANNEL_ID_AUTO)
        err = adit_chan_take_id(c, conf->id);
    if (err == 0)
        return c;
    if (c)
        adit_chan_drop(c);
    *ret_err = err;
    return NULL;
}

void adit_channel_close(struct adit_channel *c, adit_time now)
{
    c->s->now = now;
    adit_chan_close(c, ADIT_REASON_LOCAL, 0, "closed");
}

void adit_chan_start_all(struct adit_sctp *s)
{
    struct adit_link *it, *tmp;

    ADIT_LIST_EACH(&s->channels, it, tmp)
    {
        struct adit_channel *c = adit_container_of(it, struct adit_channel, link);
        bool wrong =
            c->id != ADIT_CHANNEL_ID_AUTO && !c->conf.negotiated && c->id % 2 != our_parity(s);

        if (wrong || announce(c) < 0) {
            set_cause(c, wrong ? ADIT_REASON_LOCAL : ADIT_REASON_RESOURCE, wrong ? EINVAL : ENOSPC,
                      wrong ? "the id belongs to the other side" : "no stream for the channel");
            finish(c);
        }
    }
    adit_chan_flush_early(s);
}

void adit_chan_up_all(struct adit_sctp *s)
{
    struct adit_link *it, *tmp;

    ADIT_LIST_EACH(&s->channels, it, tmp)
    {
        struct adit_channel *c = adit_container_of(it, struct adit_channel, link);

        if (c->id >= adit_usr_streams_out(&s->usr)) {
            set_cause(c, ADIT_REASON_REMOTE, ENOSPC, "the other side takes fewer streams");
            finish(c);
        } else if (c->state == ADIT_CHANNEL_CLOSING) {
            ask_reset(c);
        }
    }
    s->pending = true; /* negotiated channels are open now */
}

void adit_chan_reset_in(struct adit_sctp *s, uint16_t sid)
{
    struct adit_channel *c;

    adit_chan_tell_in_turn(s, true); /* all it sent is here */
    c = adit_chan_at(s, sid);
    adit_chan_mark(s, sid, ADIT_MARK_RESTING, false);
    if (c) {
        c->reset_in = true;
        adit_chan_close(c, ADIT_REASON_REMOTE, 0, "closed by the other side");
    }
}

void adit_chan_reset_out(struct adit_sctp *s, uint16_t sid, bool done)
{
    struct adit_channel *c = adit_chan_at(s, sid);
    bool owed = adit_chan_marked(s, sid, ADIT_MARK_OWED);

    adit_chan_mark(s, sid, ADIT_MARK_ASKED, false);
    adit_chan_mark(s, sid, ADIT_MARK_OWED, false);
    if (c && c->reset_asked) {
        adit_chan_mark(s, sid, ADIT_MARK_RESTING, !c->reset_in);
        finish(c);
    }
    if (!done && adit_late_drop(s, sid)) {
        s->stats.channels_refused++;
        owed = true;
    }
    if (owed)
        adit_chan_refuse(s, sid);
}

/* ---- telling ---- */

/* One at a time: the handler may have changed the list in any way. */
static bool tell_opened(struct adit_sctp *s)
{
    struct adit_link *it, *tmp;

    ADIT_LIST_EACH(&s->channels, it, tmp)
    {
        struct adit_channel *c = adit_container_of(it, struct adit_channel, link);

        if (s->up && c->conf.negotiated && c->state == ADIT_CHANNEL_OPENING) {
            adit_chan_now_open(c);
            return true;
        }
    }
    return false;
}

bool adit_chan_tell_opened(struct adit_sctp *s)
{
    bool any = false;

    while (tell_opened(s))
        any = true;
    return any;
}

bool adit_chan_tell_closed(struct adit_sctp *s)
{
    bool any = false;

    while (!adit_list_empty(&s->closed)) {
        struct adit_channel *c = adit_container_of(s->closed.next, struct adit_channel, link);

        adit_sctp_tell(s, &(struct adit_sctp_event){
                              .type = ADIT_SCTP_EV_CLOSED, .channel = c, .cause = c->cause });
        free_channel(c);
        any = true;
    }
    return any;
}

void adit_chan_end_all(struct adit_sctp *s)
{
    adit_late_drop_all(s);
    while (!adit_list_empty(&s->channels)) {
        struct adit_channel *c = adit_container_of(s->channels.next, struct adit_channel, link);

        if (c->cause.reason == ADIT_REASON_NONE)
            c->cause = s->cause;
        finish(c);
    }
}

void adit_chan_free_all(struct adit_sctp *s)
{
    adit_chan_end_all(s);
    while (!adit_list_empty(&s->closed))
        free_channel(adit_container_of(s->closed.next, struct adit_channel, link));
}

/* ---- looking ---- */

void adit_channel_set_low(struct adit_channel *c, size_t bytes)
{
    c->low = bytes;
    adit_list_del(&c->above);
    if (adit_channel_buffered(c) > bytes)
        adit_list_add(&c->s->above, &c->above);
}

enum adit_channel_state adit_channel_state(const struct adit_channel *c)
{
    return c->state;
}

uint16_t adit_channel_id(const struct adit_channel *c)
{
    return c->id;
}

struct adit_span adit_channel_label(const struct adit_channel *c)
{
    return (struct adit_span){ (const uint8_t *)c->conf.label, c->conf.label_len };
}

void adit_channel_conf_get(const struct adit_channel *c, struct adit_channel_conf *ret_conf)
{
    *ret_conf = c->conf;
}

void adit_channel_set_user(struct adit_channel *c, void *user)
{
    c->user = user;
}

void *adit_channel_user(const struct adit_channel *c)
{
    return c->user;
}
