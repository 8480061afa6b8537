#include "ice/ice.h"

#include "base/alloc.h"
#include "base/log.h"
#include "ice/internal.h"

/* ---- life ------------------------------------------------------------------------------------ */

static unsigned limit(unsigned wanted, unsigned standard)
{
    return wanted ? wanted : standard;
}

static void copy_stun(struct adit_ice *ice, const struct adit_ice_conf *conf)
{
    for (size_t i = 0; i < conf->stun_count && ice->stun_count < ADIT_ICE_STUN_MAX; i++)
        ice->stun[ice->stun_count++] = conf->stun[i];
}

struct adit_ice *adit_ice_new(const struct adit_ice_conf *conf, const struct adit_ice_ops *ops,
                              void *arg, adit_time now)
{
    struct adit_ice *ice = adit_zalloc(sizeof *ice);

    if (!ice)
        return NULL;
    ice->ops = ops;
    ice->arg = arg;
    ice->rng = conf->rng;
    ice->limits = (struct adit_ice_limits){ .locals_max = limit(conf->limits.locals_max, 32),
                                            .remotes_max = limit(conf->limits.remotes_max, 64),
                                            .pairs_max = limit(conf->limits.pairs_max, 100),
                                            .early_max = limit(conf->limits.early_max, 16) };
    ice->ta = conf->ta ? adit_time_max(conf->ta, ADIT_ICE_TA_MIN) : ADIT_ICE_TA;
    ice->rto = conf->rto ? conf->rto : ADIT_RETRY_RTO;
    ice->patience = conf->patience ? conf->patience : ADIT_ICE_PATIENCE;
    ice->allow_loopback = conf->allow_loopback;
    ice->path = conf->path;
    ice->waiting_since = ice->doubt_since = ice->seek_at = ice->predict_at = ADIT_NEVER;
    ice->hide_hosts = conf->hide_hosts;
    ice->restarts = conf->restarts;
    ice->tie_breaker = adit_rng_u64(ice->rng);
    ice->next_slot = ice->next_triggered = now;
    ice->gather_started = now;
    ice->gather_answered = ice->settle_at = ice->give_up_at = ice->deadline = ADIT_NEVER;
    copy_stun(ice, conf);
    adit_cred_init(&ice->cred, conf->ufrag, conf->pwd, ice->rng);

    ice->bases = adit_zalloc(ice->limits.locals_max * sizeof *ice->bases);
    ice->locals = adit_zalloc(ice->limits.locals_max * sizeof *ice->locals);
    ice->remotes = adit_zalloc(ice->limits.remotes_max * sizeof *ice->remotes);
    ice->early = adit_zalloc(ice->limits.early_max * sizeof *ice->early);
    if (adit_checklist_init(&ice->list, ice->limits.pairs_max) < 0 || !ice->bases || !ice->locals ||
        !ice->remotes || !ice->early)
        return adit_ice_free(ice);
    return ice;
}

struct adit_ice *adit_ice_free(struct adit_ice *ice)
{
    if (!ice)
        return NULL;
    if (ice->list.pairs)
        adit_checklist_done(&ice->list);
    adit_ice_free_bases(ice);
    for (size_t i = 0; i < ice->remote_count; i++)
        adit_free(ice->remotes[i]);
    adit_free(ice->bases);
    adit_free(ice->locals);
    adit_free(ice->remotes);
    adit_free(ice->early);
    adit_free(ice);
    return NULL;
}

void adit_ice_close(struct adit_ice *ice)
{
    if (ice->state == ADIT_ICE_CLOSED)
        return;
    adit_ice_set_state(ice, ADIT_ICE_CLOSED, NULL);
    adit_ice_finish(ice, 0);
}

/* ---- state and events ------------------------------------------------------------------------ */

static const char *const state_names[] = { "new",          "checking", "connected",
                                           "disconnected", "failed",   "closed" };

#define TO(state) (1u << ADIT_ICE_##state)

static const unsigned arrows[] = {
    [ADIT_ICE_NEW] = TO(CHECKING) | TO(CLOSED),
    [ADIT_ICE_CHECKING] = TO(CONNECTED) | TO(FAILED) | TO(CLOSED),
    [ADIT_ICE_CONNECTED] = TO(DISCONNECTED) | TO(FAILED) | TO(CLOSED),
    [ADIT_ICE_DISCONNECTED] = TO(CONNECTED) | TO(FAILED) | TO(CLOSED),
    [ADIT_ICE_FAILED] = TO(CLOSED),
    [ADIT_ICE_CLOSED] = 0,
};

void adit_ice_set_state(struct adit_ice *ice, enum adit_ice_state state,
                        const struct adit_cause *cause)
{
    struct adit_ice_event ev = { .type = ADIT_ICE_EV_STATE, .state = state };

    if (ice->state == state)
        return;
    assert(arrows[ice->state] & 1u << state);
    adit_debug("ice", "%s -> %s", state_names[ice->state], state_names[state]);
    ice->state = state;
    if (cause)
        ev.cause = *cause;
    adit_ice_tell(ice, &ev);
}

void adit_ice_tell(struct adit_ice *ice, const struct adit_ice_event *ev)
{
    assert(ice->event_count < ADIT_ICE_EVENTS_MAX);
    ice->events[(ice->event_first + ice->event_count++) % ADIT_ICE_EVENTS_MAX] = *ev;
}

/* A handler may call anything of ours again; what that adds is delivered by the inner call, after
 * what was there before. */
static void deliver(struct adit_ice *ice)
{
    while (ice->event_count) {
        struct adit_ice_event ev = ice->events[ice->event_first];

        ice->event_first = (ice->event_first + 1) % ADIT_ICE_EVENTS_MAX;
        ice->event_count--;
        ice->ops->event(ice->arg, &ev);
    }
}

/* ---- pacing and deadline --------------------------------------------------------------------- */

/* At most one new transaction each Ta (RFC 8445 section 14.2): a triggered check first, then probes
 * of STUN servers and ordinary checks in turn, probes of the path MTU last. */
static void start_one(struct adit_ice *ice, adit_time now)
{
    bool started;

    if (now < ice->next_triggered)
        return;
    started = adit_ice_check_start(ice, true, now);
    if (!started && now < ice->next_slot)
        return;
    if (!started && ice->probe_turn) {
        started = adit_ice_probe_start(ice, now);
        ice->probe_turn = !started;
    }
    if (!started) {
        started = adit_ice_check_start(ice, false, now);
        ice->probe_turn = started;
    }
    if (!started)
        started = adit_ice_probe_start(ice, now);
    if (!started)
        started = adit_ice_watch_start(ice, now);
    if (!started)
        started = adit_ice_seek_start(ice, now);
    if (!started)
        started = adit_ice_mtu_start(ice, now);
    if (started) {
        ice->next_slot = now + ice->ta;
        ice->next_triggered = now + ADIT_ICE_TA_MIN;
    }
}

static adit_time next_deadline(const struct adit_ice *ice, adit_time now)
{
    adit_time retry, fresh, at;

    adit_ice_check_deadline(ice, &retry, &fresh);
    at = adit_time_min(adit_ice_select_deadline(ice, now), ice->predict_at);
    at = adit_time_min(at, retry);
    if (fresh != ADIT_NEVER)
        at = adit_time_min(at, adit_time_max(fresh, adit_list_empty(&ice->list.triggered)
                                                        ? ice->next_slot
                                                        : ice->next_triggered));
    adit_ice_probe_deadline(ice, &retry, &fresh);
    at = adit_time_min(at, retry);
    if (fresh != ADIT_NEVER)
        at = adit_time_min(at, adit_time_max(fresh, ice->next_slot));
    fresh = adit_time_min(adit_ice_mtu_deadline(ice),
                          adit_time_min(adit_ice_watch_next(ice), adit_ice_seek_deadline(ice)));
    at = adit_time_min(at, adit_time_max(fresh, ice->next_slot));
    return at;
}

void adit_ice_finish(struct adit_ice *ice, adit_time now)
{
    if (adit_ice_over(ice)) {
        ice->deadline = ADIT_NEVER;
    } else {
        start_one(ice, now);
        ice->deadline = next_deadline(ice, now);
    }
    deliver(ice);
}

adit_time adit_ice_deadline(const struct adit_ice *ice)
{
    /* Something may have left since: is it answered? (watch.c) */
    if (ice->selected && ice->sends != ice->sends_seen && ice->deadline != ADIT_NEVER)
        return adit_time_min(ice->deadline, ice->look_at);
    return ice->deadline;
}

void adit_ice_tick(struct adit_ice *ice, adit_time now)
{
    if (adit_ice_over(ice) || now < adit_ice_deadline(ice))
        return;
    adit_ice_select_tick(ice, now);
    if (!adit_ice_over(ice)) {
        adit_ice_check_tick(ice, now);
        adit_ice_probe_tick(ice, now);
        adit_ice_predict_tick(ice, now);
    }
    adit_ice_finish(ice, now);
}

/* ---- packets: the two doors ------------------------------------------------------------------ */

void adit_ice_emit(struct adit_ice *ice, const struct adit_ice_base *base,
                   const struct adit_addr *to, const void *bytes, size_t n)
{
    ice->ops->send(ice->arg, base->id, to, bytes, n);
}

/* An authenticated check has passed on this 5-tuple, in one direction or the other. */
static bool validated(struct adit_ice *ice, const struct adit_ice_base *base,
                      const struct adit_addr *from, adit_time now)
{
    for (size_t i = 0; i < ice->list.count; i++) {
        struct adit_pair *p = ice->list.pairs[i];
        if (p->base == base && p->heard && adit_addr_equal(&p->to, from)) {
            p->data_at = now;
            return true;
        }
    }
    for (size_t i = 0; i < ice->early_count; i++) {
        const struct adit_ice_early *e = &ice->early[i];
        if (e->base == base && adit_addr_equal(&e->from, from))
            return true;
    }
    return false;
}

static void feed_stun(struct adit_ice *ice, struct adit_ice_base *base,
                      const struct adit_addr *from, const void *bytes, size_t n, adit_time now)
{
    struct adit_stun_head head;

    if (!adit_stun_peek(&head, bytes, n) || head.method != ADIT_STUN_BINDING)
        return;
    struct adit_addr to = adit_pair_target(&base->addr, from);
    switch (head.class) {
    case ADIT_STUN_REQUEST:
        adit_ice_request(ice, base, &to, bytes, n, now);
        break;
    case ADIT_STUN_INDICATION: /* a keepalive, RFC 8445 section 11 */
        return;
    case ADIT_STUN_SUCCESS:
    case ADIT_STUN_ERROR:
        if (!adit_ice_check_response(ice, base, &to, &head, bytes, n, now))
            adit_ice_probe_response(ice, base, &to, &head, bytes, n, now);
        break;
    }
    adit_ice_finish(ice, now);
}

/* What came in on a base, from whom, without what a relay may have put around it. */
static bool receive(struct adit_ice *ice, struct adit_ice_base *base, const struct adit_addr *from,
                    const struct adit_span *pkt, adit_time now)
{
    struct adit_pair *p = ice->selected;

    /* RFC 7983 section 7: 0..3 STUN, 20..63 DTLS; 64..79 is ChannelData, which only a TURN server
     * we had asked could send. */
    if (pkt->data[0] >= 20 && pkt->data[0] <= 63) {
        if (!p || p->base != base || !adit_addr_equal(&p->to, from))
            return validated(ice, base, from, now);
        p->data_at = now;
        return true;
    }
    if (pkt->data[0] <= 3)
        feed_stun(ice, base, from, pkt->data, pkt->len, now);
    return false;
}

bool adit_ice_feed(struct adit_ice *ice, int base_id, const struct adit_addr *from,
                   struct adit_span *pkt, adit_time now)
{
    struct adit_ice_base *base = adit_ice_find_base(ice, base_id);

    if (!base || adit_ice_over(ice) || pkt->len == 0)
        return false;
    return receive(ice, base, from, pkt, now);
}

int adit_ice_send(struct adit_ice *ice, const void *bytes, size_t n)
{
    if (ice->state == ADIT_ICE_FAILED)
        return -EPIPE;
    if (ice->state == ADIT_ICE_CLOSED)
        return -ECANCELED;
    if (!ice->selected)
        return -ENOTCONN;
    adit_pmtu_used(&ice->pmtu, n);
    ice->sends++;
    adit_ice_emit(ice, ice->selected->base, &ice->selected->to, bytes, n);
    return 0;
}

/* ---- what others may see --------------------------------------------------------------------- */

const char *adit_ice_ufrag(const struct adit_ice *ice)
{
    return ice->cred.ufrag;
}

const char *adit_ice_pwd(const struct adit_ice *ice)
{
    return ice->cred.pwd;
}

enum adit_ice_state adit_ice_state(const struct adit_ice *ice)
{
    return ice->state;
}

bool adit_ice_controlling(const struct adit_ice *ice)
{
    return ice->controlling;
}

bool adit_ice_heard(const struct adit_ice *ice)
{
    return ice->heard;
}

size_t adit_ice_mtu(const struct adit_ice *ice)
{
    return ice->consented ? ice->pmtu.size : ADIT_PMTU_BASE;
}

adit_time adit_ice_rtt(const struct adit_ice *ice)
{
    const struct adit_pair *p = ice->selected;

    if (!p)
        return 0;
    return p->rtt ? p->rtt : p->rtt_least;
}

bool adit_ice_mtu_settled(const struct adit_ice *ice)
{
    return ice->consented && ice->pmtu.settled;
}

bool adit_ice_gathered(const struct adit_ice *ice)
{
    return ice->gathered;
}

bool adit_ice_selected(const struct adit_ice *ice, struct adit_ice_pair_info *ret_info)
{
    const struct adit_pair *p = ice->selected;

    if (!p || adit_ice_over(ice))
        return false;
    if (ret_info)
        *ret_info = (struct adit_ice_pair_info){ .to = &p->to,
                                                 .local = &p->local->cand,
                                                 .remote = &p->remote->cand,
                                                 .base = p->base->id,
                                                 .nominated = p->nominated,
                                                 .confirmed = p->confirmed };
    return true;
}

bool adit_ice_uses(const struct adit_ice *ice, int base, const struct adit_addr *to)
{
    const struct adit_pair *p = ice->selected;

    return p && p->base->id == base && adit_addr_equal(&p->to, to);
}

void adit_ice_stats(const struct adit_ice *ice, struct adit_ice_stats *ret_stats)
{
    *ret_stats = ice->stats;
    ret_stats->rtt = ice->consented ? ice->consent.rtt : 0;
}
