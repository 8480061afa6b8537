#include "base/log.h"
#include "ice/internal.h"

static void reply(struct adit_ice *ice, const struct adit_ice_base *base,
                  const struct adit_addr *to, const struct adit_stun_out *out)
{
    if (out->len)
        adit_ice_emit(ice, base, to, out->bytes, out->len);
}

static void reply_success(struct adit_ice *ice, const struct adit_ice_base *base,
                          const struct adit_addr *to, const struct adit_stun_head *head)
{
    struct adit_stun_out out;

    adit_stun_begin(&out, ADIT_STUN_SUCCESS, head->method, head->id);
    adit_stun_add_mapped(&out, to);
    adit_cred_finish_answer(&ice->cred, &out);
    reply(ice, base, to, &out);
}

static void reply_error(struct adit_ice *ice, const struct adit_ice_base *base,
                        const struct adit_addr *to, const struct adit_stun_head *head,
                        unsigned code)
{
    struct adit_stun_out out;

    adit_stun_begin(&out, ADIT_STUN_ERROR, head->method, head->id);
    adit_stun_add_error(&out, code);
    adit_cred_finish_answer(&ice->cred, &out);
    reply(ice, base, to, &out);
}

/* 400 and 401 (RFC 8489 section 9.1.3) go to somebody who has proved nothing, perhaps not even his
 * address: never more bytes than came, and few of them. */
static void refuse(struct adit_ice *ice, const struct adit_ice_base *base,
                   const struct adit_addr *to, const void *request, size_t n, unsigned code,
                   adit_time now)
{
    struct adit_stun_head head;
    struct adit_stun_out out;

    ice->stats.dropped_unauthenticated++;
    if (!adit_stun_peek(&head, request, n))
        return;
    if (now >= ice->refusals_since + ADIT_SEC) {
        ice->refusals_since = now;
        ice->refusals = ADIT_ICE_REFUSALS;
    }
    adit_stun_begin(&out, ADIT_STUN_ERROR, head.method, head.id);
    adit_stun_add_error(&out, code);
    adit_stun_finish(&out, (struct adit_span){ 0 });
    if (ice->refusals == 0 || out.len > n)
        return;
    ice->refusals--;
    reply(ice, base, to, &out);
}

/* RFC 8445 section 7.3.1.1. True: the request has been answered with 487. */
static bool role_conflict(struct adit_ice *ice, const struct adit_ice_base *base,
                          const struct adit_addr *from, const struct adit_stun *msg)
{
    bool theirs = msg->role == ADIT_STUN_ROLE_CONTROLLING;

    if (!ice->role_set || msg->role == ADIT_STUN_ROLE_NONE || theirs != ice->controlling)
        return false;
    ice->stats.role_conflicts++;
    /* The larger tie-breaker controls: if that is what each has now, the other one must change. */
    if ((ice->tie_breaker >= msg->tie_breaker) == ice->controlling) {
        reply_error(ice, base, from, &msg->head, 487);
        return true;
    }
    adit_ice_switch_role(ice, !ice->controlling);
    return false;
}

/* ---- before the remote description ----------------------------------------------------------- */

static struct adit_ice_early *early_slot(struct adit_ice *ice, const struct adit_ice_base *base,
                                         const struct adit_addr *from)
{
    for (size_t i = 0; i < ice->early_count; i++) {
        struct adit_ice_early *e = &ice->early[i];
        if (e->base == base && adit_addr_equal(&e->from, from))
            return e;
    }
    if (ice->early_count == ice->limits.early_max)
        return NULL;
    ice->early[ice->early_count] = (struct adit_ice_early){ 0 };
    return &ice->early[ice->early_count++];
}

/* RFC 8445 section 7.3: answered at once, for our own password is all it takes; what it means waits
 * for the other side's credentials. */
static void accept_early(struct adit_ice *ice, struct adit_ice_base *base,
                         const struct adit_addr *from, const struct adit_stun *msg)
{
    char caller[ADIT_UFRAG_MAX + 1] = "";
    struct adit_ice_early *e;

    if (!adit_cred_caller(&ice->cred, msg, caller))
        return;
    e = early_slot(ice, base, from);
    if (!e)
        return;
    e->base = base;
    e->from = *from;
    e->priority = msg->priority;
    if (msg->nomination > e->nomination)
        e->nomination = msg->nomination;
    memcpy(e->ufrag, caller, sizeof e->ufrag);
    reply_success(ice, base, from, &msg->head);
}

/* ---- with it --------------------------------------------------------------------------------- */

static bool wants_check(const struct adit_ice *ice, struct adit_pair *p, adit_time now)
{
    /* RFC 8445 section 7.3.1.4: also when one is under way; it may have died at the other side's
     * NAT, which is open now. On a slow path a caller repeats himself before any answer can come:
     * as long as those to be remembered are not answered, the last one runs its course. */
    if (!p->valid)
        return p->state != ADIT_PAIR_IN_PROGRESS || adit_pair_place(p, now);
    return ice->state == ADIT_ICE_DISCONNECTED && p != ice->selected &&
           p->state != ADIT_PAIR_IN_PROGRESS;
}

static void accept_check(struct adit_ice *ice, struct adit_pair *p, uint32_t nomination,
                         adit_time now)
{
    p->heard = true;
    if (!ice->heard) {
        ice->heard = true;
        adit_ice_tell(ice, &(struct adit_ice_event){ .type = ADIT_ICE_EV_HEARD });
    }
    if (p == ice->selected) {
        adit_consent_heard(&ice->consent, now);
        if (ice->state == ADIT_ICE_DISCONNECTED)
            adit_consent_hurry(&ice->consent, now);
    }
    if (wants_check(ice, p, now))
        adit_checklist_trigger(&ice->list, p);
    /* RFC 8445 section 7.3.1.5 */
    if (nomination > p->use_candidate && !ice->controlling) {
        p->use_candidate = nomination;
        if (p->valid && nomination > p->nominated) {
            p->nominated = nomination;
            adit_ice_review(ice, now);
        }
    }
}

void adit_ice_replay_early(struct adit_ice *ice, adit_time now)
{
    for (size_t i = 0; i < ice->early_count; i++) {
        const struct adit_ice_early *e = &ice->early[i];
        struct adit_pair *p;

        if (strcmp(e->ufrag, ice->cred.remote_ufrag) != 0)
            continue; /* somebody else had our description too */
        p = adit_ice_learn(ice, e->base, &e->from, e->priority, now);
        if (p)
            accept_check(ice, p, e->nomination, now);
    }
    ice->early_count = 0;
}

bool adit_ice_authentic(const struct adit_ice *ice, const void *bytes, size_t n)
{
    const struct adit_stun_auth auth = adit_cred_of_request(&ice->cred);
    struct adit_stun_head head;
    struct adit_stun msg;

    return adit_stun_peek(&head, bytes, n) && head.class == ADIT_STUN_REQUEST &&
           head.method == ADIT_STUN_BINDING &&
           adit_stun_decode(&msg, bytes, n, &auth) == ADIT_STUN_OK;
}

void adit_ice_request(struct adit_ice *ice, struct adit_ice_base *base,
                      const struct adit_addr *from, const void *bytes, size_t n, adit_time now)
{
    const struct adit_stun_auth auth = adit_cred_of_request(&ice->cred);
    struct adit_stun msg;
    struct adit_stun_out out;
    struct adit_pair *p;

    switch (adit_stun_decode(&msg, bytes, n, &auth)) {
    case ADIT_STUN_OK:
        break;
    case ADIT_STUN_MALFORMED:
        ice->stats.dropped_unauthenticated++;
        return;
    case ADIT_STUN_NO_CREDENTIALS:
        refuse(ice, base, from, bytes, n, 400, now);
        return;
    case ADIT_STUN_UNAUTHORIZED:
        refuse(ice, base, from, bytes, n, 401, now);
        return;
    case ADIT_STUN_UNKNOWN:
        adit_stun_answer_unknown(&out, bytes, n, auth.key);
        reply(ice, base, from, &out);
        return;
    }
    ice->stats.checks_received++;
    if (!msg.has_priority) { /* RFC 8445 section 7.1.1: it MUST be there */
        reply_error(ice, base, from, &msg.head, 400);
        return;
    }
    if (adit_ice_barred(ice, base, NULL))
        return;
    if (role_conflict(ice, base, from, &msg))
        return;
    if (!ice->cred.complete) {
        accept_early(ice, base, from, &msg);
        return;
    }
    p = adit_ice_learn(ice, base, from, msg.priority, now);
    if (!p || p->barred)
        return; /* the tables are full: an answer would promise what we cannot keep */
    reply_success(ice, base, from, &msg.head);
    accept_check(ice, p, msg.nomination, now);
}
