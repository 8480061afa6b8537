/* told - what two adits tell each other over the connection: their addresses, and with which
 * credentials their next ICE agents will come. All of it each time, until it is acknowledged, so
 * nothing depends on what was lost; docs/restart.md. */
#include "base/alloc.h"
#include "base/log.h"
#include "peer/control.h"
#include "peer/inner.h"

#define AGAIN_FIRST (300 * ADIT_MS)
#define AGAIN_MAX   (5 * ADIT_SEC)
#define SENDS_MAX   12 /* an adit from before this takes them for broken packets of SCTP */
#define RECORD_MAX  1200

void adit_told_changed(struct adit_engine *e)
{
    e->told.dirty = true;
}

static bool can_tell(const struct adit_engine *e)
{
    return adit_restart_possible(e) && adit_ice_selected(e->ice, NULL);
}

static void fill(const struct adit_engine *e, struct adit_control_agent *out,
                 const struct adit_ice *ice)
{
    const struct adit_cand *cand;

    for (size_t i = 0; out->cand_count < ADIT_CONTROL_CANDS_MAX; i++) {
        cand = adit_ice_local(ice, i);
        if (!cand)
            return;
        if (e->conf.hide_hosts && cand->type == ADIT_CAND_HOST)
            continue;
        out->cands[out->cand_count++] = *cand;
    }
}

static void send(struct adit_engine *e, const struct adit_control *c)
{
    struct adit_buf record;

    adit_buf_init(&record, RECORD_MAX);
    adit_control_put(&record, c, adit_dtls_payload_for(ADIT_PMTU_BASE));
    if (!record.err && adit_dtls_write(e->dtls, record.data, record.len) < 0)
        adit_trace("peer", "a control record found DTLS closed");
    adit_buf_done(&record);
}

static void send_state(struct adit_engine *e)
{
    struct peer_told *t = &e->told;
    struct adit_control *c = adit_zalloc(sizeof *c);

    t->next = e->now + adit_time_min(AGAIN_FIRST << t->sends, AGAIN_MAX);
    t->sends++;
    if (!c)
        return; /* the next time */
    c->kind = ADIT_CONTROL_STATE;
    c->seq = t->seq;
    c->under_way = e->restart.next != NULL;
    strcpy(c->used.ufrag, adit_ice_ufrag(e->ice));
    fill(e, &c->used, e->ice);
    strcpy(c->next.ufrag, e->restart.ours.ufrag);
    strcpy(c->next.pwd, e->restart.ours.pwd);
    if (e->restart.next)
        fill(e, &c->next, e->restart.next);
    send(e, c);
    adit_free(c);
}

void adit_told_settle(struct adit_engine *e)
{
    struct peer_told *t = &e->told;

    if ((!t->dirty && e->now < t->next) || !can_tell(e))
        return;
    if (t->dirty) {
        t->dirty = false;
        t->seq++;
        t->sends = 0;
    }
    if (t->sends < SENDS_MAX)
        send_state(e);
    else
        t->next = ADIT_NEVER;
}

adit_time adit_told_deadline(const struct adit_engine *e)
{
    return e->told.next != ADIT_NEVER && can_tell(e) ? e->told.next : ADIT_NEVER;
}

static void on_state(struct adit_engine *e, const struct adit_control *c)
{
    struct peer_cred theirs;

    if (strcmp(c->used.ufrag, e->remote->ufrag) == 0 && c->used.cand_count) {
        for (unsigned i = 0; i < c->used.cand_count; i++)
            if (adit_ice_add_remote(e->ice, &c->used.cands[i], e->now) < 0)
                break; /* no more room */
        memcpy(e->remote->cands, c->used.cands, c->used.cand_count * sizeof *c->used.cands);
        e->remote->cand_count = c->used.cand_count;
    }
    memcpy(theirs.ufrag, c->next.ufrag, sizeof theirs.ufrag);
    memcpy(theirs.pwd, c->next.pwd, sizeof theirs.pwd);
    adit_restart_theirs(e, c->used.ufrag, &theirs, c->under_way, c->next.cands, c->next.cand_count);
}

bool adit_told_feed(struct adit_engine *e, const uint8_t *bytes, size_t n)
{
    struct peer_told *t = &e->told;
    struct adit_control *c;

    if (!e->remote->adit || !adit_control_is(bytes, n))
        return false;
    c = adit_malloc(sizeof *c);
    if (c && adit_control_get(c, bytes, n) == 0) {
        if (c->kind == ADIT_CONTROL_ACK) {
            if (c->seq == t->seq)
                t->next = ADIT_NEVER;
        } else {
            c->kind = ADIT_CONTROL_ACK;
            send(e, c);
            if ((int32_t)(c->seq - t->heard) > 0) {
                t->heard = c->seq;
                on_state(e, c);
            }
        }
    }
    adit_free(c);
    return true;
}
