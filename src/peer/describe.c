#include "base/alloc.h"
#include "peer/inner.h"

enum adit_role adit_engine_role(const struct adit_engine *e)
{
    return e->role;
}

static void set_role(struct adit_engine *e, enum adit_role role)
{
    e->role = role;
    adit_ice_set_role(e->ice, role == ADIT_ROLE_OFFERER);
}

void adit_engine_set_offerer(struct adit_engine *e)
{
    if (!e->remote)
        set_role(e, ADIT_ROLE_OFFERER);
}

void adit_engine_set_symmetric(struct adit_engine *e)
{
    e->symmetric = true;
}

const struct adit_desc *adit_engine_remote_offer(const struct adit_engine *e)
{
    return e->role == ADIT_ROLE_ANSWERER ? e->remote : NULL;
}

/* ---- ours ------------------------------------------------------------------------------------ */

static enum adit_setup our_setup(const struct adit_engine *e, enum adit_desc_type type)
{
    /* RFC 8842 section 5.5: a later offer leaves it open, a later answer says what is. */
    if (e->dtls_started && type == ADIT_DESC_OFFER)
        return ADIT_SETUP_ACTPASS;
    if (e->dtls_started)
        return adit_engine_is_dtls_client(e) ? ADIT_SETUP_ACTIVE : ADIT_SETUP_PASSIVE;
    if (e->role != ADIT_ROLE_ANSWERER)
        return ADIT_SETUP_ACTPASS;
    return e->remote->setup == ADIT_SETUP_ACTIVE ? ADIT_SETUP_PASSIVE : ADIT_SETUP_ACTIVE;
}

enum adit_desc_type adit_engine_describes(const struct adit_engine *e)
{
    if (e->restart.count)
        return e->restart.described;
    return e->role == ADIT_ROLE_ANSWERER  ? ADIT_DESC_ANSWER
           : e->role == ADIT_ROLE_OFFERER ? ADIT_DESC_OFFER
                                          : ADIT_DESC_UNKNOWN;
}

/* The agent that is described. */
static const struct adit_ice *newest(const struct adit_engine *e)
{
    return e->restart.next ? e->restart.next : e->ice;
}

bool adit_engine_gathered(const struct adit_engine *e)
{
    return adit_ice_gathered(newest(e));
}

void adit_engine_describe(const struct adit_engine *e, struct adit_desc *ret_desc)
{
    struct adit_desc *d = ret_desc;
    const struct adit_desc *offer = adit_engine_remote_offer(e);
    const struct adit_ice *ice = newest(e);
    size_t n = adit_ice_local_count(ice);

    memset(d, 0, sizeof *d);
    d->type = adit_engine_describes(e);
    strcpy(d->ufrag, adit_ice_ufrag(ice));
    strcpy(d->pwd, adit_ice_pwd(ice));
    d->trickle = true;
    d->adit = true;
    d->datagram = e->datagrams;
    d->end_of_candidates = adit_ice_gathered(ice);
    adit_cert_fingerprint(e->conf.cert, ADIT_HASH_SHA256, &d->fingerprints[0]);
    d->fingerprint_count = 1;
    d->setup = our_setup(e, d->type);
    d->sctp_port = 5000;
    d->max_message_size = e->conf.message_max;
    d->session_id = e->session_id;
    d->session_version = e->restart.count;
    strcpy(d->mid, offer ? offer->mid : "0");
    d->bundle = offer ? offer->bundle : true;
    d->legacy_mline = offer && offer->legacy_mline;
    for (size_t i = 0; i < n && d->cand_count < ADIT_DESC_CANDS_MAX; i++)
        d->cands[d->cand_count++] = *adit_ice_local(ice, i);
}

/* ---- theirs ---------------------------------------------------------------------------------- */

static bool same_fingerprint(const struct adit_fingerprint *a, const struct adit_fingerprint *b)
{
    return a->hash == b->hash && memcmp(a->value, b->value, a->len) == 0;
}

static int refuse(struct adit_cause *cause, const char *text)
{
    adit_cause_set(cause, ADIT_REASON_PROTOCOL, EINVAL, "%s", text);
    return -EINVAL;
}

/* Which role this description gives us; UNDECIDED if it cannot be ours to take. */
static enum adit_role role_for(const struct adit_engine *e, const struct adit_desc *desc,
                               const struct adit_fingerprint *own)
{
    int order;

    switch (desc->type) {
    case ADIT_DESC_OFFER:
        return e->role == ADIT_ROLE_OFFERER ? ADIT_ROLE_UNDECIDED : ADIT_ROLE_ANSWERER;
    case ADIT_DESC_ANSWER:
        return e->role == ADIT_ROLE_OFFERER || e->symmetric ? ADIT_ROLE_OFFERER
                                                            : ADIT_ROLE_UNDECIDED;
    case ADIT_DESC_UNKNOWN:
        break;
    }
    if (e->role != ADIT_ROLE_UNDECIDED)
        return e->role;
    order = memcmp(own->value, desc->fingerprints[0].value, own->len);
    if (order == 0) /* one identity on two hosts */
        order = strcmp(adit_ice_ufrag(e->ice), desc->ufrag);
    return order > 0 ? ADIT_ROLE_ANSWERER : ADIT_ROLE_OFFERER;
}

static bool is_ours(const struct adit_engine *e, const struct adit_desc *desc)
{
    struct adit_fingerprint own;

    adit_cert_fingerprint(e->conf.cert, ADIT_HASH_SHA256, &own);
    return same_fingerprint(&own, &desc->fingerprints[0]) &&
           (strcmp(desc->ufrag, adit_ice_ufrag(e->ice)) == 0 ||
            strcmp(desc->ufrag, e->restart.ours.ufrag) == 0);
}

int adit_describe_check(const struct adit_engine *e, const struct adit_desc *desc,
                        struct adit_cause *cause)
{
    if (e->cause.reason != ADIT_REASON_NONE || e->closing)
        return refuse(cause, "the connection is closed");
    if (desc->fingerprint_count == 0)
        return refuse(cause, "no fingerprint: the other side could not be authenticated");
    if (strlen(desc->ufrag) < ADIT_UFRAG_MIN || strlen(desc->pwd) < ADIT_PWD_MIN)
        return refuse(cause, "its ICE credentials are too short (RFC 8445 section 5.3)");
    if (is_ours(e, desc))
        return refuse(cause, "this is our own description; the other side's is needed");
    if (desc->type == ADIT_DESC_ANSWER && desc->setup == ADIT_SETUP_ACTPASS)
        return refuse(cause, "an answer has to choose its DTLS role (RFC 8842 section 5.3)");
    return 0;
}

static int check(const struct adit_engine *e, const struct adit_desc *desc,
                 struct adit_cause *cause, enum adit_role *ret_role)
{
    struct adit_fingerprint own;
    int err = adit_describe_check(e, desc, cause);

    if (err)
        return err;
    adit_cert_fingerprint(e->conf.cert, ADIT_HASH_SHA256, &own);
    *ret_role = role_for(e, desc, &own);
    if (*ret_role == ADIT_ROLE_UNDECIDED)
        return refuse(cause, e->role == ADIT_ROLE_OFFERER
                                 ? "this is an offer, an answer is needed"
                                 : "this is an answer, an offer is needed");
    return 0;
}

int adit_engine_set_remote(struct adit_engine *e, const struct adit_desc *desc,
                           struct adit_cause *ret_cause, adit_time now)
{
    enum adit_role role = ADIT_ROLE_OFFERER;
    struct adit_desc *copy;
    bool named = false;
    int err;

    e->now = now;
    if (e->remote) {
        err = adit_restart_remote(e, desc, ret_cause);
        adit_engine_settle(e);
        return err;
    }
    err = check(e, desc, ret_cause, &role);
    if (err)
        return err;
    copy = adit_memdup(desc, sizeof *desc);
    if (!copy) {
        adit_cause_set(ret_cause, ADIT_REASON_RESOURCE, ENOMEM, "out of memory");
        return -ENOMEM;
    }
    /* RFC 8445 section 6.1.1: towards a lite agent the full one controls. */
    set_role(e, role);
    if (desc->ice_lite)
        adit_ice_set_role(e->ice, true);
    e->remote = copy;
    e->times.remote_set = now;
    for (unsigned i = 0; i < desc->cand_count; i++)
        named |= adit_cand_named(&desc->cands[i]);
    for (unsigned i = 0; i < desc->cand_count; i++)
        if (adit_ice_add_remote(e->ice, &desc->cands[i], now) == -ENOSPC)
            break; /* the agent has its fill; the best ones come first */
    err = adit_ice_set_remote(e->ice, desc->ufrag, desc->pwd, desc->ice_lite, now);
    /* Another adit may have more to tell as long as the connection lasts (told.c). */
    if (!err && desc->end_of_candidates && !named && !desc->adit) /* an error: closed meanwhile */
        adit_ice_remote_done(e->ice, now);
    adit_engine_settle(e);
    return 0;
}
