/* restart_in - what comes from the other side and concerns more than one ICE agent: packets, and
 * descriptions after the first. */
#include "ice/stun.h"
#include "peer/inner.h"

/* ---- their descriptions ---------------------------------------------------------------------- */

static bool same_peer(const struct adit_engine *e, const struct adit_desc *desc)
{
    const struct adit_fingerprint *a = &e->remote->fingerprints[0], *b = &desc->fingerprints[0];

    /* RFC 3264 section 8: another session identifier in o= is another session; a program that was
     * started again has the same certificate. */
    return desc->fingerprint_count && a->hash == b->hash && a->len == b->len &&
           memcmp(a->value, b->value, a->len) == 0 &&
           (!desc->session_id || !e->remote->session_id ||
            desc->session_id == e->remote->session_id);
}

static void add_candidates(struct adit_engine *e, const struct adit_desc *desc)
{
    struct adit_ice *ice = adit_restart_named(e, desc->ufrag);

    for (unsigned i = 0; ice && i < desc->cand_count; i++)
        if (adit_ice_add_remote(ice, &desc->cands[i], e->now) == -ENOSPC)
            break;
    if (!desc->cand_count)
        return;
    memcpy(e->remote->cands, desc->cands, sizeof desc->cands);
    e->remote->cand_count = desc->cand_count;
}

/* The agent for new credentials of theirs. */
static bool prepare(struct adit_engine *e)
{
    struct peer_restart *r = &e->restart;

    if (r->next && r->remote.ufrag[0]) { /* they have begun once more */
        adit_restart_forget_next(e);
        if (!e->remote->adit)
            adit_restart_new_credentials(
                e); /* RFC 8839 section 4.4.1.1.1: each restart has its own */
    }
    if (r->next)
        return true;
    if (!adit_restart_begin(e))
        return false;
    r->answering = true;
    adit_bases_give(e, r->next);
    return r->next != NULL;
}

/* A description is of their next agent. If that is the one which ours in use has found, only we
 * have moved to it, and have lost it again: our next one meets it, for they know of no other. */
static bool is_known(const struct adit_engine *e, const char *ufrag)
{
    const struct peer_restart *r = &e->restart;
    const struct adit_ice *ice = adit_restart_named(e, ufrag);

    return ice && (ice != e->ice || !r->next || r->remote.ufrag[0] || r->theirs.ufrag[0]);
}

int adit_restart_remote(struct adit_engine *e, const struct adit_desc *desc,
                        struct adit_cause *ret_cause)
{
    struct peer_cred cred;
    int err = adit_describe_check(e, desc, ret_cause);

    if (err)
        return err;
    if (!same_peer(e, desc) || !adit_restart_stands(e)) {
        adit_cause_set(ret_cause, ADIT_REASON_PROTOCOL, EALREADY, "there is a description already");
        return -EALREADY;
    }
    if (!is_known(e, desc->ufrag)) {
        if (desc->type == ADIT_DESC_ANSWER && !e->restart.next) {
            adit_cause_set(ret_cause, ADIT_REASON_PROTOCOL, EALREADY, "this answers nothing");
            return -EALREADY;
        }
        if (!prepare(e)) {
            adit_cause_set(ret_cause, ADIT_REASON_RESOURCE, ENOMEM, "out of memory");
            return -ENOMEM;
        }
        memcpy(cred.ufrag, desc->ufrag, sizeof cred.ufrag);
        memcpy(cred.pwd, desc->pwd, sizeof cred.pwd);
        adit_restart_join(e, &cred, desc->ice_lite);
    }
    add_candidates(e, desc);
    if (desc->type != ADIT_DESC_ANSWER)
        adit_restart_tell(e, ADIT_DESC_ANSWER);
    return 0;
}

struct adit_ice *adit_restart_named(const struct adit_engine *e, const char *ufrag)
{
    const struct peer_restart *r = &e->restart;

    if (!*ufrag)
        return r->next && r->remote.ufrag[0] ? r->next : e->ice;
    if (r->next && strcmp(ufrag, r->remote.ufrag) == 0)
        return r->next;
    return !e->remote || strcmp(ufrag, e->remote->ufrag) == 0 ? e->ice : NULL;
}

/* ---- packets --------------------------------------------------------------------------------- */

static bool is_name(const struct adit_span *name, const char *ufrag)
{
    size_t n = strlen(ufrag);

    return name->len > n && memcmp(name->data, ufrag, n) == 0 && name->data[n] == ':';
}

/* The first of their next agent's checks: our next agent is not there yet. */
static bool is_for_next(const struct adit_engine *e, const struct adit_span *pkt)
{
    const struct peer_cred *ours = &e->restart.ours;
    struct adit_stun_auth auth = {
        .key = { (const uint8_t *)ours->pwd, strlen(ours->pwd) },
        .username = { (const uint8_t *)ours->ufrag, strlen(ours->ufrag) },
        .prefix = true,
        .fingerprint = true,
    };
    struct adit_stun msg;

    return adit_stun_decode(&msg, pkt->data, pkt->len, &auth) == ADIT_STUN_OK;
}

static struct adit_ice *whose(struct adit_engine *e, const struct adit_span *pkt)
{
    struct peer_restart *r = &e->restart;
    struct adit_span name = adit_stun_username(pkt->data, pkt->len);

    if (r->next && is_name(&name, adit_ice_ufrag(r->next)))
        return r->next;
    if (r->past && is_name(&name, adit_ice_ufrag(r->past)))
        return r->past;
    if (!r->next && is_name(&name, r->ours.ufrag) && adit_restart_possible(e) &&
        is_for_next(e, pkt) && adit_restart_begin_theirs(e))
        return r->next;
    return e->ice;
}

static bool feed(struct adit_engine *e, struct adit_ice *ice, int base,
                 const struct adit_addr *from, struct adit_span *pkt)
{
    return ice && adit_ice_feed(ice, base, from, pkt, e->now);
}

bool adit_restart_feed(struct adit_engine *e, int base, const struct adit_addr *from,
                       struct adit_span *pkt)
{
    struct adit_stun_head head;

    if (pkt->len && pkt->data[0] <= 3 && adit_stun_peek(&head, pkt->data, pkt->len) &&
        head.class == ADIT_STUN_REQUEST)
        return feed(e, whose(e, pkt), base, from, pkt);
    /* Whose answer it is, its transaction says; a record belongs to all of them. */
    if (feed(e, e->ice, base, from, pkt))
        return true;
    if (feed(e, e->restart.next, base, from, pkt))
        return e->restart.followed = true;
    return feed(e, e->restart.past, base, from, pkt);
}
