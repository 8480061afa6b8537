#include "base/alloc.h"
#include "base/log.h"
#include "ice/internal.h"

#include <stdio.h>

/* Signalled candidates may not take the room that learned ones need. */
static size_t signalled_max(const struct adit_ice *ice)
{
    return ice->limits.remotes_max - ice->limits.remotes_max / 8;
}

static struct adit_ice_remote *find(const struct adit_ice *ice, enum adit_transport transport,
                                    const struct adit_addr *addr)
{
    for (size_t i = 0; i < ice->remote_count; i++) {
        if (ice->remotes[i]->cand.transport == transport &&
            adit_addr_equal(&ice->remotes[i]->cand.addr, addr))
            return ice->remotes[i];
    }
    return NULL;
}

/* Pairs have equal foundations if both candidates do. */
static uint16_t group_of(struct adit_ice *ice, const struct adit_cand *cand)
{
    for (size_t i = 0; i < ice->remote_count; i++) {
        if (strcmp(ice->remotes[i]->cand.foundation, cand->foundation) == 0)
            return ice->remotes[i]->group;
    }
    return ++ice->groups;
}

static struct adit_ice_remote *add(struct adit_ice *ice, const struct adit_cand *cand)
{
    struct adit_ice_remote *r = adit_zalloc(sizeof *r);

    if (!r)
        return NULL;
    r->cand = *cand;
    r->group = group_of(ice, cand);
    ice->remotes[ice->remote_count++] = r;
    return r;
}

/* An interface number in a remote address is one of ours, put there by a parser or the kernel; the
 * base says which interface it is. */
static struct adit_addr without_scope(const struct adit_addr *addr)
{
    struct adit_addr a = *addr;

    a.scope = 0;
    return a;
}

bool adit_ice_barred(const struct adit_ice *ice, const struct adit_ice_base *base,
                     const struct adit_ice_remote *remote)
{
    switch (ice->path) {
    case ADIT_PATH_AUTO:
        break;
    case ADIT_PATH_DIRECT:
        return remote && remote->cand.type == ADIT_CAND_RELAY;
    case ADIT_PATH_RELAY:
        return base->type != ADIT_CAND_RELAY;
    }
    return false;
}

/* It is kept, for people who ask what became of it. */
static void bar(struct adit_pair *p)
{
    p->barred = true;
    p->state = ADIT_PAIR_FAILED;
    p->failure = ADIT_WHY_BY_PATH;
    p->failures = 1;
    p->again = ADIT_NEVER;
}

/* From a public address no relay reaches a private one; some servers end the allocation of who asks
 * for it. */
static bool out_of_reach(const struct adit_ice_base *base, const struct adit_addr *remote)
{
    return base->type == ADIT_CAND_RELAY && adit_addr_scope(&base->addr) == ADIT_SCOPE_GLOBAL &&
           adit_addr_scope(remote) != ADIT_SCOPE_GLOBAL;
}

static void pair(struct adit_ice *ice, struct adit_ice_base *base, struct adit_ice_remote *remote,
                 adit_time now)
{
    struct adit_addr to = adit_pair_target(&base->addr, &remote->cand.addr);

    /* RFC 8445 section 7.3.1.4: a learned candidate belongs to the base that heard it. */
    if (!remote->signalled || !adit_pair_matches(base, &remote->cand) ||
        !adit_pair_allowed(&base->addr, &remote->cand.addr) ||
        out_of_reach(base, &remote->cand.addr) || adit_checklist_find(&ice->list, base, &to))
        return;
    struct adit_pair *p = adit_checklist_add(&ice->list, base, remote, ice->controlling, false);
    if (p && adit_ice_barred(ice, base, remote))
        bar(p);
    else if (p)
        adit_ice_seek_soon(ice, now);
}

void adit_ice_pair_base(struct adit_ice *ice, struct adit_ice_base *base, adit_time now)
{
    for (size_t i = 0; i < ice->remote_count; i++)
        pair(ice, base, ice->remotes[i], now);
}

/* The name is stale if it is not that of the session (RFC 8838 section 4.1: ufrag). */
static bool other_session(const struct adit_ice *ice, const struct adit_cand *cand)
{
    return ice->cred.complete && cand->ufrag[0] && strcmp(cand->ufrag, ice->cred.remote_ufrag) != 0;
}

int adit_ice_add_remote(struct adit_ice *ice, const struct adit_cand *cand, adit_time now)
{
    struct adit_ice_remote *r;
    struct adit_cand c;

    /* RFC 8838 section 14: nothing counts after the end. Over a connection that stands a peer may
     * still tell that his network has changed; and a relay may be lost and lend another address,
     * which may be all that is left. */
    if (adit_ice_over(ice) ||
        (ice->remote_done && !ice->consented && cand->type != ADIT_CAND_RELAY) ||
        other_session(ice, cand) || !adit_cand_usable(cand, ice->allow_loopback))
        return 0;
    c = *cand;
    c.addr = without_scope(&cand->addr);
    r = find(ice, c.transport, &c.addr);
    if (r && r->signalled)
        return 0;
    if (r) { /* learned before: now it is known what it is */
        r->cand = c;
        r->group = group_of(ice, &c);
        adit_checklist_reprioritise(&ice->list, ice->controlling);
    } else {
        if (ice->remote_count >= signalled_max(ice))
            return -ENOSPC;
        r = add(ice, &c);
        if (!r)
            return -ENOMEM;
    }
    r->signalled = true;
    r->guessed = false;
    for (size_t i = 0; i < ice->base_count; i++)
        pair(ice, ice->bases[i], r, now);
    adit_ice_predict_soon(ice, now);
    adit_ice_finish(ice, now);
    return 0;
}

void adit_ice_remote_done(struct adit_ice *ice, adit_time now)
{
    ice->remote_done = true;
    if (!adit_ice_over(ice))
        adit_ice_review(ice, now);
    adit_ice_finish(ice, now);
}

/* Above what is at relays, which a lower one would be taken for (pair.c), and below all else. */
#define GUESS_PRIORITY (1U << 24)

static void name_learned(struct adit_ice *ice, struct adit_cand *c)
{
    /* RFC 8445 section 7.3.1.3: unlike any other foundation; '/' is in none of ours, and in few of
     * others. */
    snprintf(c->foundation, sizeof c->foundation, "prflx/%u", ++ice->foundations);
}

bool adit_ice_guess(struct adit_ice *ice, struct adit_ice_base *base, const struct adit_cand *like,
                    adit_time now)
{
    struct adit_addr to = adit_pair_target(&base->addr, &like->addr);
    struct adit_ice_remote *r = find(ice, like->transport, &like->addr);
    struct adit_cand c = *like;

    if ((r && !r->guessed) || ice->list.count == ice->list.max ||
        adit_checklist_find(&ice->list, base, &to))
        return false;
    if (!r) {
        if (ice->remote_count >= signalled_max(ice))
            return false;
        c.type = ADIT_CAND_PRFLX;
        c.priority = GUESS_PRIORITY;
        name_learned(ice, &c);
        r = add(ice, &c);
        if (!r)
            return false;
        r->guessed = true;
    }
    if (!adit_checklist_add(&ice->list, base, r, ice->controlling, false))
        return false;
    adit_ice_seek_soon(ice, now);
    return true;
}

static bool done_with(const struct adit_ice *ice, const struct adit_pair *p, adit_time now)
{
    return p != ice->selected && p != ice->nominee && p != ice->next &&
           p->state != ADIT_PAIR_WAITING && p->state != ADIT_PAIR_IN_PROGRESS &&
           (!p->valid || now >= p->confirmed + ADIT_CONSENT_EXPIRY);
}

static void forget_remote(struct adit_ice *ice, size_t i)
{
    struct adit_ice_remote *r = ice->remotes[i];

    for (size_t k = ice->list.count; k-- > 0;) {
        if (ice->list.pairs[k]->remote == r)
            adit_ice_forget_pair(ice, ice->list.pairs[k]);
    }
    ice->remote_count--;
    memmove(&ice->remotes[i], &ice->remotes[i + 1], (ice->remote_count - i) * sizeof *ice->remotes);
    adit_free(r);
}

/* A peer whose NAT changes its mapping every hour must not run into the limit after some days: the
 * oldest learned candidate that is of no use any more makes room. */
static bool make_room(struct adit_ice *ice, adit_time now)
{
    if (ice->remote_count < ice->limits.remotes_max)
        return true;
    for (size_t i = 0; i < ice->remote_count; i++) {
        bool needed = ice->remotes[i]->signalled;

        for (size_t k = 0; k < ice->list.count && !needed; k++) {
            const struct adit_pair *p = ice->list.pairs[k];
            needed = p->remote == ice->remotes[i] && !done_with(ice, p, now);
        }
        if (!needed) {
            forget_remote(ice, i);
            return true;
        }
    }
    return false;
}

struct adit_pair *adit_ice_learn(struct adit_ice *ice, struct adit_ice_base *base,
                                 const struct adit_addr *from, uint32_t priority, adit_time now)
{
    struct adit_pair *p = adit_checklist_find(&ice->list, base, from);
    struct adit_addr addr = without_scope(from);
    struct adit_ice_remote *r = find(ice, base->transport, &addr);
    struct adit_cand c = { .type = ADIT_CAND_PRFLX,
                           .transport = base->transport,
                           .tcptype = adit_tcp_opposite(base->tcptype),
                           .component = 1,
                           .priority = priority,
                           .addr = addr };

    if (r && r->guessed) { /* and rightly */
        r->guessed = false;
        r->cand.priority = priority;
        adit_checklist_reprioritise(&ice->list, ice->controlling);
    }
    if (p)
        return p;
    if (!r) {
        if (!make_room(ice, now))
            return NULL;
        name_learned(ice, &c);
        r = add(ice, &c);
        if (!r)
            return NULL;
    }
    p = adit_checklist_add(&ice->list, base, r, ice->controlling, true);
    if (p && adit_ice_barred(ice, base, r))
        bar(p);
    return p;
}

void adit_ice_forget_pair(struct adit_ice *ice, struct adit_pair *p)
{
    if (ice->selected == p)
        ice->selected = NULL;
    if (ice->nominee == p)
        ice->nominee = NULL;
    if (ice->next == p)
        ice->next = NULL;
    if (ice->before == p)
        ice->before = NULL;
    if (ice->backup == p)
        ice->backup = NULL;
    adit_checklist_remove(&ice->list, p);
}

/* ---- the remote description ------------------------------------------------------------------ */

static void drop_other_sessions(struct adit_ice *ice)
{
    for (size_t i = ice->remote_count; i-- > 0;) {
        if (other_session(ice, &ice->remotes[i]->cand))
            forget_remote(ice, i);
    }
}

int adit_ice_set_remote(struct adit_ice *ice, const char *ufrag, const char *pwd, bool ice_lite,
                        adit_time now)
{
    int err;

    if (adit_ice_over(ice))
        return -ECANCELED;
    if (ice->cred.complete)
        return -EALREADY;
    err = adit_cred_set_remote(&ice->cred, ufrag, pwd);
    if (err < 0)
        return err;
    ice->role_set = true;
    ice->remote_lite = ice_lite;
    ice->give_up_at = now + ice->patience;
    if (ice_lite)
        adit_ice_switch_role(ice, true); /* RFC 8445 section 6.1.1 */
    drop_other_sessions(ice);
    adit_ice_set_state(ice, ADIT_ICE_CHECKING, NULL);
    adit_ice_replay_early(ice, now);
    adit_ice_predict_soon(ice, now);
    adit_ice_finish(ice, now);
    return 0;
}

void adit_ice_set_role(struct adit_ice *ice, bool controlling)
{
    if (ice->cred.complete)
        return;
    ice->role_set = true;
    adit_ice_switch_role(ice, controlling);
}
