/* restart - ICE restarts: which agent is in use, and which one is next. */
#include "base/log.h"
#include "peer/inner.h"

#define NEXT_MAX    (40 * ADIT_SEC) /* RFC 8863's patience; longer while there is no other path */
#define NEXT_LEAST  (3 * ADIT_SEC)  /* before it is begun anew, because addresses changed again */
#define PAST_MAX    (3 * ADIT_SEC)
/* Between two of ours: while the old path works, they are luxury. */
#define LATER       (50 * ADIT_MS) /* if an address went, perhaps another one is on its way */
#define PAUSE_LOST  (2 * ADIT_SEC)
#define PAUSE_FIRST ADIT_SEC
#define PAUSE_MAX   (32 * ADIT_SEC)
#define CALM        (60 * ADIT_SEC)

void adit_restart_new_credentials(struct adit_engine *e)
{
    struct peer_restart *r = &e->restart;
    struct adit_fingerprint own;

    adit_cert_fingerprint(e->conf.cert, ADIT_HASH_SHA256, &own);
    adit_rng_bytes(e->conf.rng, r->nonce, sizeof r->nonce);
    adit_ticket_credentials(r->nonce, own.value, r->ours.ufrag, r->ours.pwd);
}

void adit_restart_init(struct adit_engine *e)
{
    e->restart = (struct peer_restart){ .next_until = ADIT_NEVER,
                                        .past_until = ADIT_NEVER,
                                        .wanted = ADIT_NEVER,
                                        .lost_at = ADIT_NEVER,
                                        .described = ADIT_DESC_UNKNOWN,
                                        .pause = PAUSE_FIRST };
    adit_restart_new_credentials(e);
}

bool adit_restart_stands(const struct adit_engine *e)
{
    return e->dtls && adit_dtls_state(e->dtls) == ADIT_DTLS_CONNECTED && !adit_engine_ended(e) &&
           !e->closing;
}

/* Who is no adit might not know what a second offer means. */
bool adit_restart_possible(const struct adit_engine *e)
{
    return adit_restart_stands(e) && e->remote->adit && !e->remote->ice_lite;
}

/* There is no path at the moment. */
static bool lost(const struct adit_engine *e)
{
    return adit_ice_state(e->ice) != ADIT_ICE_CONNECTED;
}

static bool in_need(const struct adit_engine *e)
{
    return lost(e) || e->restart.doubted;
}

/* ---- a new agent ----------------------------------------------------------------------------- */

void adit_restart_forget_next(struct adit_engine *e)
{
    adit_parts_free_ice(e, e->restart.next);
    e->restart.next = NULL;
    e->restart.next_until = ADIT_NEVER;
    e->restart.doubted = false;
    e->restart.remote = (struct peer_cred){ 0 };
    adit_told_changed(e);
}

static void forget_past(struct adit_engine *e)
{
    adit_parts_free_ice(e, e->restart.past);
    e->restart.past = NULL;
    e->restart.past_until = ADIT_NEVER;
}

/* False without memory: then it is as if nothing had been asked for. */
bool adit_restart_begin(struct adit_engine *e)
{
    struct adit_engine_conf conf = e->conf;
    struct peer_restart *r = &e->restart;

    forget_past(e);
    conf.ufrag = r->ours.ufrag;
    conf.pwd = r->ours.pwd;
    conf.patience = e->conf.hold ? e->conf.hold + NEXT_MAX : 0;
    r->next = adit_parts_new_ice(e, &conf);
    if (!r->next)
        return false;
    adit_debug("peer", "ICE restart");
    r->remote = (struct peer_cred){ 0 };
    r->followed = false;
    r->began = e->now;
    r->next_until = e->now + NEXT_MAX;
    r->wanted = ADIT_NEVER;
    /* RFC 8445 section 6.1.1: roles outlive a restart. */
    adit_ice_set_role(r->next, adit_ice_controlling(e->ice));
    adit_told_changed(e);
    return true;
}

static void add_candidate(struct adit_engine *e, const struct adit_cand *cand)
{
    struct adit_cand c = *cand;

    c.ufrag[0] = 0; /* of the agent before */
    if (e->restart.next && adit_ice_add_remote(e->restart.next, &c, e->now) < 0)
        adit_debug("peer", "a candidate is of no use");
}

/* Where they were last, and what they have ever named: that may lead there still. */
static void add_known(struct adit_engine *e)
{
    for (unsigned i = 0; i < e->remote->cand_count; i++)
        add_candidate(e, &e->remote->cands[i]);
    if (e->restart.path.addr.family)
        add_candidate(e, &e->restart.path);
}

void adit_restart_join(struct adit_engine *e, const struct peer_cred *remote, bool lite)
{
    struct peer_restart *r = &e->restart;

    if (!r->next || adit_ice_set_remote(r->next, remote->ufrag, remote->pwd, lite, e->now) < 0)
        return;
    r->remote = *remote;
}

/* Bases and remote side, as soon as it is known who the restart is told to. */
static void equip(struct adit_engine *e)
{
    struct peer_restart *r = &e->restart;

    if (r->next)
        adit_bases_give(e, r->next);
    if (r->next && r->theirs.ufrag[0] && !r->remote.ufrag[0]) {
        add_known(e);
        adit_restart_join(e, &r->theirs, false);
    }
}

void adit_restart_tell(struct adit_engine *e, enum adit_desc_type type)
{
    e->restart.described = type;
    e->restart.count++;
    adit_engine_tell(e, &(struct adit_engine_event){ .type = ADIT_ENGINE_EV_RESTART });
}

static void begin_ours(struct adit_engine *e)
{
    struct peer_restart *r = &e->restart;
    bool doubted = r->doubted;

    if (!in_need(e))
        r->pause =
            e->now >= r->ours_at + CALM ? PAUSE_FIRST : adit_time_min(2 * r->pause, PAUSE_MAX);
    r->ours_at = e->now;
    if (r->next)
        adit_restart_forget_next(e);
    if (!adit_restart_begin(e))
        return;
    r->doubted = doubted;
    r->answering = false;
    adit_restart_tell(e, ADIT_DESC_OFFER);
    equip(e);
}

bool adit_restart_begin_theirs(struct adit_engine *e)
{
    if (!adit_restart_begin(e))
        return false;
    e->restart.answering = true;
    equip(e);
    return e->restart.next != NULL;
}

/* ---- what the owner wants, and what happens ------------------------------------------------- */

bool adit_engine_restart(struct adit_engine *e, adit_time now)
{
    bool possible = adit_restart_possible(e);

    e->now = now;
    if (possible)
        e->restart.wanted = now;
    adit_engine_settle(e);
    return possible;
}

static bool is_at(const struct adit_ice *ice, const struct adit_addr *ip)
{
    const struct adit_cand *cand;

    for (size_t i = 0; ice && (cand = adit_ice_local(ice, i)); i++)
        if (cand->type != ADIT_CAND_RELAY && adit_addr_equal_ip(&cand->addr, ip))
            return true;
    return false;
}

bool adit_engine_is_at(const struct adit_engine *e, const struct adit_addr *ip)
{
    return is_at(e->ice, ip) || is_at(e->restart.next, ip);
}

/* Also while one is under way: what it has gathered may be as old as the path that fell silent. */
void adit_restart_doubt(struct adit_engine *e)
{
    if (!adit_restart_possible(e))
        return;
    e->restart.doubted = true;
    e->restart.doubted_at = e->now;
    e->restart.wanted = e->now;
}

bool adit_engine_describe_as(struct adit_engine *e, enum adit_desc_type type)
{
    if (!e->restart.count || (type == ADIT_DESC_OFFER && !e->restart.next))
        return false;
    e->restart.described = type;
    return true;
}

const uint8_t *adit_engine_nonce(const struct adit_engine *e)
{
    const struct peer_restart *r = &e->restart;

    return r->next ? r->nonce : r->done ? r->used_nonce : NULL;
}

bool adit_engine_restarting(const struct adit_engine *e)
{
    return e->restart.next && !e->restart.answering;
}

bool adit_restart_lost(struct adit_engine *e, bool failed)
{
    if (failed && (!e->conf.hold || !adit_restart_stands(e)))
        return false;
    if (failed) {
        e->restart.lost_at = e->now;
        adit_engine_tell(e, &(struct adit_engine_event){ .type = ADIT_ENGINE_EV_LOST });
    }
    if (adit_restart_possible(e) && e->restart.wanted == ADIT_NEVER)
        e->restart.wanted = e->now + LATER;
    return true;
}

void adit_restart_theirs(struct adit_engine *e, const char *used, const struct peer_cred *theirs,
                         bool under_way, const struct adit_cand *cands, unsigned count)
{
    struct peer_restart *r = &e->restart;

    if (!adit_restart_possible(e) || strcmp(theirs->ufrag, e->remote->ufrag) == 0)
        return; /* what is in use by now */
    r->theirs = *theirs;
    strcpy(r->theirs_after, used);
    if (under_way && !r->next && !adit_restart_begin_theirs(e))
        return;
    if (!r->next)
        return;
    if (!r->remote.ufrag[0]) {
        add_known(e);
        adit_restart_join(e, theirs, false);
    }
    for (unsigned i = 0; i < count && strcmp(r->remote.ufrag, theirs->ufrag) == 0; i++)
        add_candidate(e, &cands[i]);
}

/* ---- the change ------------------------------------------------------------------------------ */

static bool over(const struct adit_ice *ice)
{
    return adit_ice_state(ice) == ADIT_ICE_FAILED || adit_ice_state(ice) == ADIT_ICE_CLOSED;
}

/* RFC 8445 section 12.1: what is valid may be used before it is nominated; who has something that
 * works waits for that, and who has doubts takes nothing that may be as dead. */
static bool is_ready(const struct adit_engine *e)
{
    struct adit_ice_pair_info pair;

    return adit_ice_state(e->restart.next) == ADIT_ICE_CONNECTED &&
           adit_ice_selected(e->restart.next, &pair) &&
           (pair.nominated || e->restart.followed || lost(e) ||
            (e->restart.doubted && pair.confirmed >= e->restart.doubted_at));
}

static void take_over(struct adit_engine *e)
{
    struct peer_restart *r = &e->restart;
    struct adit_ice *old = e->ice;

    adit_debug("peer", "ICE restart: done");
    e->ice = r->next;
    r->next = NULL;
    r->doubted = false;
    r->next_until = r->lost_at = r->wanted = ADIT_NEVER;
    forget_past(e);
    r->past = old;
    r->past_until = over(old) ? e->now : e->now + PAST_MAX;
    memcpy(e->remote->ufrag, r->remote.ufrag, sizeof e->remote->ufrag);
    memcpy(e->remote->pwd, r->remote.pwd, sizeof e->remote->pwd);
    /* What they said while they used an agent before this one is this one, or older still. */
    if (strcmp(r->theirs_after, r->remote.ufrag) != 0)
        r->theirs = (struct peer_cred){ 0 };
    r->remote = (struct peer_cred){ 0 };
    memcpy(r->used_nonce, r->nonce, sizeof r->nonce);
    adit_restart_new_credentials(e);
    r->done++;
    adit_told_changed(e);
    adit_parts_path_changed(e);
}

static void silent_for_good(struct adit_engine *e)
{
    struct adit_cause cause;

    adit_cause_set(&cause, ADIT_REASON_SILENCE, 0, "the other side has not answered for %u seconds",
                   (unsigned)((e->now - e->restart.lost_at) / ADIT_SEC + 30));
    adit_engine_end(e, &cause);
}

/* While one is under way, another is begun only if addresses have changed again and nothing works.
 */
static adit_time when_to_begin(const struct adit_engine *e)
{
    const struct peer_restart *r = &e->restart;
    adit_time at;

    if (r->wanted == ADIT_NEVER || !e->base_count || !adit_restart_possible(e) ||
        (r->next && !in_need(e)))
        return ADIT_NEVER;
    at = adit_time_max(r->wanted, r->ours_at + (in_need(e) ? PAUSE_LOST : r->pause));
    return r->next ? adit_time_max(at, r->began + NEXT_LEAST) : at;
}

void adit_restart_settle(struct adit_engine *e)
{
    struct peer_restart *r = &e->restart;

    if (r->next && over(r->next))
        adit_restart_forget_next(e);
    if (r->next && is_ready(e))
        take_over(e);
    if (r->next && e->now >= r->next_until && !lost(e))
        adit_restart_forget_next(e);
    if (r->past && (over(r->past) || e->now >= r->past_until))
        forget_past(e);
    if (r->wanted == ADIT_NEVER && !r->next && r->lost_at != ADIT_NEVER)
        r->wanted = e->now;
    if (e->now >= when_to_begin(e))
        begin_ours(e);
    if (r->lost_at != ADIT_NEVER && e->now >= r->lost_at + e->conf.hold)
        silent_for_good(e);
}

void adit_engine_back(struct adit_engine *e, adit_time now)
{
    e->now = now;
    if (!adit_engine_ended(e)) {
        adit_debug("peer", "back after a while");
        adit_ice_back(e->ice, now);
        adit_relays_doubt(e);
    }
    adit_engine_settle(e);
}

void adit_restart_end(struct adit_engine *e)
{
    forget_past(e);
    adit_restart_forget_next(e);
}

adit_time adit_restart_deadline(const struct adit_engine *e)
{
    const struct peer_restart *r = &e->restart;
    adit_time at = adit_time_min(r->past_until, when_to_begin(e));

    if (r->next)
        at = adit_time_min(at, adit_ice_deadline(r->next));
    if (r->past)
        at = adit_time_min(at, adit_ice_deadline(r->past));
    if (r->next && !lost(e))
        at = adit_time_min(at, r->next_until);
    if (r->lost_at != ADIT_NEVER)
        at = adit_time_min(at, r->lost_at + e->conf.hold);
    return at;
}

void adit_restart_tick(struct adit_engine *e)
{
    if (e->restart.next)
        adit_ice_tick(e->restart.next, e->now);
    if (e->restart.past)
        adit_ice_tick(e->restart.past, e->now);
}
