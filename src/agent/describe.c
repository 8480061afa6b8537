/* describe - our description in the spelling asked for, theirs in whichever it came. */
#include "agent/dotlocal.h"
#include "agent/inner.h"
#include "base/alloc.h"
#include "base/log.h"
#include "peer/desc_json.h"
#include "peer/pairtext.h"
#include "peer/sdp.h"

static bool restarted(const struct adit_peer *peer)
{
    return adit_engine_nonce(peer->engine) != NULL;
}

static enum adit_ticket_kind ticket_kind(const struct adit_peer *peer)
{
    if (peer->pairing && !restarted(peer))
        return ADIT_TICKET_PAIR;
    return adit_engine_describes(peer->engine) == ADIT_DESC_OFFER ? ADIT_TICKET_OFFER
                                                                  : ADIT_TICKET_ANSWER;
}

/* What the other side may be told. */
static void describe(const struct adit_peer *peer, struct adit_desc *ret_desc)
{
    adit_engine_describe(peer->engine, ret_desc);
    for (unsigned i = 0; i < ret_desc->cand_count; i++)
        adit_dotlocal_cover(peer, &ret_desc->cands[i]);
}

static int make_ticket(struct adit_peer *peer, struct adit_ticket *ret_ticket)
{
    struct adit_desc *desc = adit_malloc(sizeof *desc);
    enum adit_ticket_kind kind = ticket_kind(peer);
    int err;

    if (!desc)
        return -ENOMEM;
    describe(peer, desc);
    err = adit_ticket_make(
        ret_ticket, kind, restarted(peer) ? adit_engine_nonce(peer->engine) : peer->nonce, desc,
        kind == ADIT_TICKET_ANSWER && peer->has_remote_ticket ? &peer->remote_ticket : NULL,
        adit_loop_wall());
    adit_free(desc);
    return err;
}

static void print_desc(struct adit_peer *peer, struct adit_buf *out, enum adit_form form)
{
    struct adit_desc *desc = adit_malloc(sizeof *desc);
    const struct adit_desc *offer = adit_engine_remote_offer(peer->engine);

    if (!desc) {
        out->err = -ENOMEM;
        return;
    }
    describe(peer, desc);
    if (form == ADIT_FORM_JSON)
        adit_desc_json_print(out, desc, offer);
    else
        adit_sdp_print(out, desc, offer);
    adit_free(desc);
}

/* A ticket has no room for names. */
static void say_hidden(struct adit_peer *peer)
{
    if (!peer->hide || peer->said_hidden)
        return;
    peer->said_hidden = true;
    adit_log(ADIT_LOG_WARN, "agent",
             "a ticket says nothing of the addresses that it hides, so nobody finds us within our "
             "own network; --as json or sdp has names for them. Continuing");
}

int adit_peer_describe(struct adit_peer *peer, enum adit_form form, char *out, size_t size)
{
    struct adit_ticket ticket;
    struct adit_buf text;
    int n;

    if (adit_engine_role(peer->engine) == ADIT_ROLE_UNDECIDED && !peer->pairing)
        return -EAGAIN; /* an answer exists after the offer */
    adit_buf_init(&text, ADIT_SDP_SIZE_MAX);
    if (form == ADIT_FORM_TICKET) {
        say_hidden(peer);
        n = make_ticket(peer, &ticket);
        if (n < 0)
            return n;
        adit_ticket_print(&text, &ticket);
    } else {
        print_desc(peer, &text, form);
    }
    n = text.err ? text.err : (int)text.len;
    if (n >= 0 && text.len >= size)
        n = -ENOSPC;
    if (n >= 0)
        memcpy(out, adit_buf_str(&text), text.len + 1);
    if (n >= 0 && make_ticket(peer, &peer->told_ticket) < 0)
        peer->told_ticket = (struct adit_ticket){ 0 };
    adit_buf_done(&text);
    return n;
}

bool adit_peer_told_holds(struct adit_peer *peer)
{
    const struct adit_ticket *told = &peer->told_ticket;
    struct adit_ticket now;

    if (make_ticket(peer, &now) < 0 || !adit_ticket_same(told, &now) ||
        told->cand_count != now.cand_count)
        return false;
    for (unsigned i = 0; i < now.cand_count; i++)
        if (!adit_addr_equal(&told->cands[i].addr, &now.cands[i].addr))
            return false;
    return true;
}

/* ---- theirs ---------------------------------------------------------------------------------- */

void adit_peer_pairtext_conf(struct adit_peer *peer, struct adit_pairtext_conf *ret_conf)
{
    bool symmetric = peer->pairing && !restarted(peer);
    bool have_ticket = symmetric || adit_engine_describes(peer->engine) == ADIT_DESC_OFFER;

    *ret_conf = (struct adit_pairtext_conf){
        .own_ufrag = peer->ufrag,
        .answer_due = have_ticket,
        .symmetric = symmetric,
        .wall = adit_loop_wall(),
    };
    if (have_ticket && make_ticket(peer, &peer->own_ticket) == 0)
        ret_conf->own = &peer->own_ticket;
}

/* Names among their candidates are asked for beside the connection, which waits for none of them.
 */
static void ask_for_names(struct adit_peer *peer, const struct adit_desc *desc)
{
    bool any = false;

    for (unsigned i = 0; i < desc->cand_count && !peer->freed; i++) {
        if (!adit_cand_named(&desc->cands[i]))
            continue;
        any = true;
        adit_dotlocal_ask(peer, &desc->cands[i], adit_peer_now(peer));
    }
    if (any && desc->end_of_candidates && !peer->freed)
        adit_dotlocal_end(peer, adit_peer_now(peer));
}

int adit_peer_accept_found(struct adit_peer *peer, const struct adit_pairtext *found,
                           struct adit_cause *ret_cause)
{
    struct adit_ticket before = peer->remote_ticket;
    bool had = peer->has_remote_ticket;
    int err;

    if (found->form == ADIT_PAIRTEXT_TICKET) { /* a state callback may already describe us */
        peer->remote_ticket = found->ticket;
        peer->has_remote_ticket = true;
    }
    err = adit_engine_set_remote(peer->engine, &found->desc, ret_cause, adit_peer_now(peer));
    if (err) {
        peer->remote_ticket = before;
        peer->has_remote_ticket = had;
    } else {
        ask_for_names(peer, &found->desc);
    }
    adit_peer_touch(peer);
    return err;
}

int adit_peer_accept(struct adit_peer *peer, const char *text, size_t len,
                     struct adit_cause *ret_cause)
{
    struct adit_pairtext_conf conf;
    struct adit_pairtext *found = adit_zalloc(sizeof *found);
    struct adit_cause cause;
    int err;

    adit_cause_set(&cause, ADIT_REASON_RESOURCE, ENOMEM, "out of memory");
    if (!found) {
        err = -ENOMEM;
    } else {
        adit_peer_pairtext_conf(peer, &conf);
        adit_pairtext_init(found, &conf);
        err = adit_pairtext_feed(found, text, len);
        if (err == 0)
            err = adit_pairtext_end(found);
        if (err > 0)
            err = adit_peer_accept_found(peer, found, &cause);
        else
            cause = found->cause;
        adit_pairtext_done(found);
        adit_free(found);
    }
    if (err && ret_cause)
        *ret_cause = cause;
    return err;
}
