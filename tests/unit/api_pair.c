#include "unit/api_pair.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/reactor.h"
#include "unit/wait.h"

#define PATIENCE (60 * ADIT_SEC)

/* ---- callbacks ------------------------------------------------------------------------------- */

/* False: the hook freed the peer. */
static bool hook(struct api_side *s, const char *callback)
{
    if (s->hook)
        s->hook(s, callback);
    return s->peer != NULL;
}

static void on_state(struct adit_peer *peer, enum adit_peer_state state,
                     const struct adit_cause *cause, void *user)
{
    struct api_side *s = user;

    if (peer != s->peer || state == s->state)
        abort(); /* told for somebody else, or twice */
    if ((cause->reason != ADIT_REASON_NONE) !=
        (state == ADIT_PEER_FAILED || state == ADIT_PEER_CLOSED))
        abort();
    s->state = state;
    s->states++;
    s->seen[state]++;
    s->cause = *cause;
    hook(s, adit_peer_state_name(state));
}

static void on_gathered(struct adit_peer *peer, void *user)
{
    struct api_side *s = user;

    (void)peer;
    s->gathered++;
    hook(s, "gathered");
}

static void on_candidate(struct adit_peer *peer, const char *candidate, void *user)
{
    struct api_side *s = user;

    (void)peer;
    if (candidate)
        s->candidates++;
    else
        s->last_candidates++;
    if (hook(s, candidate ? "candidate" : "last candidate") && s->trickle && s->other->peer &&
        adit_peer_add_candidate(s->other->peer, candidate) < 0)
        abort();
}

static void on_path(struct adit_peer *peer, void *user)
{
    struct api_side *s = user;

    (void)peer;
    s->paths++;
    hook(s, "path");
}

static void on_channel(struct adit_peer *peer, struct adit_dc *dc, void *user)
{
    struct api_side *s = user;

    (void)peer;
    s->accepted++;
    if (s->dc_count < API_CHANNELS)
        s->dc[s->dc_count++] = dc;
    adit_dc_set_callbacks(dc, &api_dc_callbacks, s);
    hook(s, "channel");
}

static void on_open(struct adit_dc *dc, void *user)
{
    struct api_side *s = user;

    if (!adit_dc_is_open(dc))
        abort();
    s->opened++;
    hook(s, "open");
}

static void on_message(struct adit_dc *dc, const void *bytes, size_t n, enum adit_dc_kind kind,
                       void *user)
{
    struct api_side *s = user;
    const uint8_t *b = bytes;

    s->messages++;
    s->bytes += n;
    s->last_n = n;
    s->last_kind = kind;
    if (n)
        memcpy(s->last, bytes, n < sizeof s->last ? n : sizeof s->last);
    for (size_t i = 0; i < n; i++)
        s->sum = s->sum * 31 + b[i];
    if (hook(s, "message") && s->echo && adit_dc_send(dc, bytes, n, kind) < 0)
        abort();
}

static void on_writable(struct adit_dc *dc, void *user)
{
    struct api_side *s = user;

    (void)dc;
    s->writable++;
    if (hook(s, "writable"))
        api_push(s);
}

static void on_low(struct adit_dc *dc, void *user)
{
    struct api_side *s = user;

    (void)dc;
    s->low++;
    hook(s, "low");
}

static void on_closed(struct adit_dc *dc, const struct adit_cause *cause, void *user)
{
    struct api_side *s = user;

    if (cause->reason == ADIT_REASON_NONE)
        abort();
    s->closed++;
    s->dc_cause = *cause;
    for (unsigned i = 0; i < s->dc_count; i++)
        if (s->dc[i] == dc)
            s->dc[i] = NULL;
    hook(s, "channel closed");
}

const struct adit_dc_callbacks api_dc_callbacks = {
    .open = on_open,
    .message = on_message,
    .writable = on_writable,
    .low = on_low,
    .closed = on_closed,
};

/* ---- life ------------------------------------------------------------------------------------ */

void api_peer_new(struct api_side *s, const struct adit_peer_conf *conf)
{
    static const char *const lo[] = { "lo" };
    struct adit_peer_conf c = conf ? *conf : (struct adit_peer_conf){ 0 };
    struct adit_cause why;

    c.size = sizeof c;
    c.loopback = true;
    c.bind_devs = lo;
    c.bind_dev_count = 1;
    c.on = (struct adit_peer_callbacks){
        .state = on_state,
        .gathered = on_gathered,
        .candidate = on_candidate,
        .path = on_path,
        .channel = on_channel,
    };
    c.user = s;
    s->peer = adit_peer_new(s->pair->loop, &c, &why);
    if (!s->peer)
        fail_msg("%s", why.text);
}

void api_pair_init(struct api_pair *p, const struct adit_peer_conf *conf)
{
    memset(p, 0, sizeof *p);
    p->fds = open_fds();
    p->loop = adit_loop_new();
    assert_non_null(p->loop);
    for (int i = 0; i < 2; i++) {
        p->side[i].pair = p;
        p->side[i].other = &p->side[!i];
        p->side[i].push_size = 16384;
        api_peer_new(&p->side[i], conf);
    }
}

void api_pair_done(struct api_pair *p)
{
    for (int i = 0; i < 2; i++)
        p->side[i].peer = adit_peer_free(p->side[i].peer);
    p->loop = adit_loop_free(p->loop);
    assert_int_equal(open_fds(), p->fds);
}

/* ---- time ------------------------------------------------------------------------------------ */

static void round_of(struct api_pair *p, int most_ms)
{
    struct pollfd fd = { .fd = adit_loop_fd(p->loop), .events = POLLIN };
    int ms = adit_loop_timeout_ms(p->loop);

    poll(&fd, 1, ms < 0 || ms > most_ms ? most_ms : ms);
    assert_int_equal(adit_loop_process(p->loop), 0);
}

bool api_until(struct api_pair *p, bool (*done)(struct api_pair *p))
{
    adit_time end = adit_loop_now(p->loop) + PATIENCE;

    while (!done(p) && adit_loop_now(p->loop) < end)
        round_of(p, 100);
    return done(p);
}

void api_rounds(struct api_pair *p, unsigned n)
{
    while (n--)
        round_of(p, 1);
}

bool api_gathered(struct api_pair *p)
{
    return p->side[0].gathered && p->side[1].gathered;
}

bool api_connected(struct api_pair *p)
{
    return p->side[0].state == ADIT_PEER_CONNECTED && p->side[1].state == ADIT_PEER_CONNECTED;
}

static bool has_open(const struct api_side *s)
{
    for (unsigned i = 0; i < s->dc_count; i++)
        if (s->dc[i] && adit_dc_is_open(s->dc[i]))
            return true;
    return false;
}

bool api_open(struct api_pair *p)
{
    return has_open(&p->side[0]) && has_open(&p->side[1]);
}

bool api_over(struct api_pair *p)
{
    bool over = true;

    for (int i = 0; i < 2; i++)
        over = over && (!p->side[i].peer || p->side[i].state == ADIT_PEER_FAILED ||
                        p->side[i].state == ADIT_PEER_CLOSED);
    return over;
}

/* ---- connecting ------------------------------------------------------------------------------ */

int api_hand_over(struct api_side *from, enum adit_form form, struct adit_cause *ret_cause)
{
    char text[API_TEXT_MAX];
    int n = adit_peer_describe(from->peer, form, text, sizeof text);

    assert_true(n > 0 && (size_t)n == strlen(text));
    return adit_peer_accept(from->other->peer, text, (size_t)n, ret_cause);
}

void api_connect(struct api_pair *p, enum adit_form form)
{
    struct adit_cause why;

    adit_peer_offer(p->side[0].peer);
    assert_true(api_until(p, api_gathered));
    for (int i = 0; i < 2; i++)
        if (api_hand_over(&p->side[i], form, &why) < 0)
            fail_msg("%s", why.text);
    assert_true(api_until(p, api_connected));
}

struct adit_dc *api_open_dc(struct api_side *s, const struct adit_dc_conf *conf)
{
    struct adit_dc_conf c = ADIT_DC_CONF;
    struct adit_dc *dc;
    int err = 0;

    if (conf)
        c = *conf;
    else
        c.label = "test";
    c.on = api_dc_callbacks;
    c.user = s;
    dc = adit_dc_open(s->peer, &c, &err);
    if (!dc)
        fail_msg("cannot open a channel: %s", strerror(-err));
    assert_true(s->dc_count < API_CHANNELS);
    s->dc[s->dc_count++] = dc;
    return dc;
}

void api_pair_up(struct api_pair *p, const struct adit_dc_conf *conf)
{
    api_pair_init(p, NULL);
    api_open_dc(&p->side[0], conf);
    api_connect(p, ADIT_FORM_TICKET);
    assert_true(api_until(p, api_open));
}

void api_push(struct api_side *s)
{
    static uint8_t bytes[256 * 1024];

    while (s->pushes && s->dc[0]) {
        size_t n = s->pushes < s->push_size ? s->pushes : s->push_size;
        uint32_t sum = s->pushed_sum;
        int err;

        for (size_t i = 0; i < n; i++) {
            bytes[i] = (uint8_t)((s->pushes + i) * 2654435761u >> 13);
            sum = sum * 31 + bytes[i];
        }
        err = adit_dc_send(s->dc[0], bytes, n, ADIT_BINARY);
        if (err == -EAGAIN || err == -EPIPE)
            return;
        if (err)
            abort();
        s->pushes -= n;
        s->pushed_sum = sum;
    }
}
