#include "agent/gate.h"

#include <stdio.h>

#include "agent/agent_inner.h"
#include "agent/exit.h"
#include "agent/handout.h"
#include "agent/inner.h"
#include "base/alloc.h"
#include "base/log.h"
#include "peer/sdp.h"

#define UNPROVED_MAX 16              /* callers at a time that are not connected yet */
#define PROVE_MAX    (10 * ADIT_SEC) /* and how long they may take: nobody has to paste */
#define NAMESAKES    9
#define SAY_EVERY    (60 * ADIT_SEC)

struct adit_gate {
    struct adit_agent *agent;
    const struct adit_gate_conf *conf;
    struct adit_gate_secret secret;
    struct adit_door door;
    struct adit_peer *porter;
    struct adit_handout handout;
    struct adit_task tell;
    struct adit_ticket told;
    bool gathered, was_told, handing_out, over;
    adit_time said; /* that a caller was turned away */
};

/* ---- the ticket ------------------------------------------------------------------------------ */

static void on_handout_failed(struct adit_handout *h, const char *text)
{
    struct adit_gate *g = adit_container_of(h, struct adit_gate, handout);

    adit_log(ADIT_LOG_ERROR, "gate", "%s", text);
    adit_agent_end(g->agent, ADIT_EXIT_SIGNALING);
}

static int make_ticket(struct adit_gate *g, struct adit_ticket *ret_ticket)
{
    const struct adit_lanes_conf *lanes = &g->agent->conf.call.lanes;
    struct adit_desc *desc = adit_malloc(sizeof *desc);
    int err;

    if (!desc)
        return -ENOMEM;
    adit_engine_describe(g->porter->engine, desc);
    desc->datagram = adit_lanes_takes_datagrams(lanes);
    err = adit_ticket_make(ret_ticket, ADIT_TICKET_PUBLIC, g->secret.bytes, desc, NULL, 0);
    adit_free(desc);
    if (!err)
        adit_ticket_set_end(ret_ticket, g->secret.end);
    return err;
}

/* The next start is to have the same ticket. */
static void keep_port(struct adit_gate *g)
{
    uint16_t port = adit_port_number(g->agent->port);
    int err;

    if (g->conf->port_given || g->secret.port == port)
        return;
    g->secret.port = port;
    err = adit_gate_secret_save(&g->secret, g->conf->secret_path);
    if (err)
        adit_log(ADIT_LOG_WARN, "gate", "cannot keep our port in %s: %s, continuing",
                 g->conf->secret_path, strerror(-err));
}

static void on_tell(struct adit_task *task, adit_time now)
{
    struct adit_gate *g = adit_container_of(task, struct adit_gate, tell);
    struct adit_ticket ticket;
    struct adit_buf text;

    (void)now;
    if (make_ticket(g, &ticket) < 0)
        return; /* the next change brings us back */
    if (g->was_told && memcmp(&ticket, &g->told, sizeof ticket) == 0)
        return;
    keep_port(g);
    adit_log(ADIT_LOG_INFO, "gate", "%s",
             g->was_told ? "our addresses have changed, and with them the ticket:"
                         : "who is given this ticket may call (adit connect):");
    g->told = ticket;
    g->was_told = true;
    adit_buf_init(&text, ADIT_TICKET_CHARS_MAX + 1);
    adit_ticket_print(&text, &ticket);
    if (!text.err)
        adit_handout_give(&g->handout, adit_buf_str(&text), text.len);
    adit_buf_done(&text);
}

static void tell_soon(struct adit_gate *g)
{
    if (g->gathered && !g->over)
        adit_loop_before_sleep(g->agent->loop, &g->tell);
}

static void on_candidate(struct adit_peer *peer, const char *candidate, void *user)
{
    (void)peer, (void)candidate;
    tell_soon(user);
}

static void on_gathered(struct adit_peer *peer, void *user)
{
    struct adit_gate *g = user;

    (void)peer;
    g->gathered = true;
    tell_soon(g);
}

static void on_remapped(struct adit_peer *peer, void *user)
{
    (void)peer;
    tell_soon(user);
}

static void on_state(struct adit_peer *peer, enum adit_peer_state state,
                     const struct adit_cause *cause, void *user)
{
    struct adit_gate *g = user;

    (void)peer;
    if (state != ADIT_PEER_FAILED || g->over)
        return;
    adit_log(ADIT_LOG_ERROR, "gate", "%s", cause->text);
    adit_agent_end(g->agent, adit_exit_of(cause));
}

/* ---- callers --------------------------------------------------------------------------------- */

static const char *own_name(const struct adit_agent *a, const struct adit_fingerprint *fp)
{
    for (size_t i = 0; i < a->conf.peer_count; i++) {
        const struct adit_agent_peer *p = &a->conf.peers[i];

        for (size_t k = 0; k < p->fingerprint_count; k++)
            if (p->fingerprints[k].hash == fp->hash &&
                memcmp(p->fingerprints[k].value, fp->value, fp->len) == 0)
                return p->name;
    }
    return NULL;
}

static bool is_busy(struct adit_agent *a, const char *name)
{
    struct adit_member *m = adit_agent_find(a, name);

    return m && (m->leaving || adit_call_state(m->call) != ADIT_CALL_IDLE);
}

/* A section of the configuration with this certificate has its name; else known_peers may; else the
 * certificate gives it one, and a number to who calls twice at a time. */
static void name_caller(struct adit_agent *a, const struct adit_fingerprint *fp,
                        char ret_name[ADIT_SIGNAL_PEER_MAX + 1])
{
    const char *own = own_name(a, fp);
    const uint8_t *v = fp->value;
    size_t size = ADIT_SIGNAL_PEER_MAX + 1;

    if (own) {
        snprintf(ret_name, size, "%s", own);
        return;
    }
    if (adit_trust_name(&a->conf.trust, fp, ret_name, size))
        return;
    snprintf(ret_name, size, "caller-%02x%02x%02x%02x", v[0], v[1], v[2], v[3]);
    for (int i = 2; i <= NAMESAKES && !a->conf.single && is_busy(a, ret_name); i++)
        snprintf(ret_name, size, "caller-%02x%02x%02x%02x-%d", v[0], v[1], v[2], v[3], i);
}

static unsigned unproved(const struct adit_agent *a)
{
    struct adit_link *it, *tmp;
    unsigned n = 0;

    ADIT_LIST_EACH(&a->members, it, tmp)
    {
        struct adit_member *m = adit_container_of(it, struct adit_member, link);
        enum adit_call_state state = adit_call_state(m->call);

        n += m->way.called && (state == ADIT_CALL_ASKING || state == ADIT_CALL_CONNECTING);
    }
    return n;
}

static void say_refused(struct adit_gate *g, const char *name, const char *why, adit_time now)
{
    if (g->said && now - g->said < SAY_EVERY)
        return;
    g->said = now;
    adit_log(ADIT_LOG_WARN, "gate", "%s calls and is not answered: %s, continuing", name, why);
}

/* As if an offer had come. */
static void answer(struct adit_gate *g, struct adit_member *m, const struct adit_caller *caller)
{
    struct adit_desc *desc = adit_malloc(sizeof *desc);
    struct adit_cause cause;
    struct adit_buf sdp;

    adit_member_set_caller(m, caller, g->secret.bytes);
    m->conf.connect_max = PROVE_MAX;
    adit_buf_init(&sdp, ADIT_SDP_SIZE_MAX);
    if (desc) {
        adit_caller_desc(caller, desc);
        adit_sdp_print(&sdp, desc, NULL);
    }
    adit_free(desc);
    if (!sdp.len || sdp.err)
        adit_log(ADIT_LOG_WARN, "gate", "%s: out of memory, continuing", m->shown);
    else if (adit_call_description(m->call, ADIT_SIGNAL_OFFER, adit_buf_str(&sdp), sdp.len,
                                   &cause) < 0)
        adit_log(ADIT_LOG_WARN, "gate", "%s: %s, continuing", m->shown, cause.text);
    adit_buf_done(&sdp);
}

/* Who is not answered now knocks again in half a second. */
static void on_stranger(void *arg, const struct adit_addr *from, const void *bytes, size_t n,
                        adit_time now)
{
    struct adit_gate *g = arg;
    struct adit_agent *a = g->agent;
    struct adit_fingerprint fp = { .hash = ADIT_HASH_SHA256, .len = 32 };
    char name[ADIT_SIGNAL_PEER_MAX + 1];
    struct adit_caller caller;
    struct adit_member *m;
    const char *why;

    if (g->over || a->stopping ||
        adit_door_knock(&g->door, &caller, bytes, n, now) != ADIT_DOOR_CALLER)
        return;
    memcpy(fp.value, caller.fingerprint, sizeof caller.fingerprint);
    name_caller(a, &fp, name);
    if (g->secret.end && adit_loop_wall() >= g->secret.end) {
        say_refused(g, name, "the ticket has expired; start again for a new one", now);
        return;
    }
    if (unproved(a) >= UNPROVED_MAX) {
        say_refused(g, name, "too many are being connected", now);
        return;
    }
    m = adit_agent_find_or_add(a, name, &why);
    if (!m) {
        say_refused(g, name, why, now);
        return;
    }
    switch (adit_call_state(m->call)) {
    case ADIT_CALL_IDLE:
        break;
    case ADIT_CALL_CALLING:
    case ADIT_CALL_ASKING:
    case ADIT_CALL_CONNECTING:
    case ADIT_CALL_SILENT: /* it began anew, and the old attempt is of no use */
        adit_call_hang_up(m->call, ADIT_EXIT_OK);
        return;
    case ADIT_CALL_UP:
    case ADIT_CALL_ENDING:
        return;
    }
    answer(g, m, &caller);
    adit_door_done(&g->door, &caller);
    if (adit_call_peer(m->call))
        adit_port_keep(adit_call_peer(m->call), from, bytes, n);
}

/* ---- life ------------------------------------------------------------------------------------ */

static int start_porter(struct adit_gate *g)
{
    struct adit_agent *a = g->agent;
    struct adit_peer_conf conf = a->conf.call.peer;
    const struct adit_peer_way way = { .port = a->port };
    struct adit_fingerprint fp;
    struct adit_cause cause;

    conf.patient = true;
    conf.turn_count = 0; /* a relay would have to know who calls */
    conf.on = (struct adit_peer_callbacks){ .state = on_state,
                                            .gathered = on_gathered,
                                            .candidate = on_candidate,
                                            .remapped = on_remapped };
    conf.user = g;
    if (!g->conf->port_given && g->secret.port)
        adit_port_prefer(a->port, g->secret.port);
    g->porter = adit_peer_new_way(a->loop, &conf, &way, &cause);
    if (!g->porter) {
        adit_log(ADIT_LOG_ERROR, "gate", "%s", cause.text);
        return cause.reason == ADIT_REASON_LOCAL ? ADIT_EXIT_USAGE : ADIT_EXIT_FAILED;
    }
    adit_peer_offer(g->porter);
    adit_cert_fingerprint(g->porter->cert, ADIT_HASH_SHA256, &fp);
    adit_door_init(&g->door, g->secret.bytes, fp.value);
    adit_port_set_stranger(a->port, on_stranger, g);
    return ADIT_EXIT_OK;
}

static int start(struct adit_gate *g)
{
    const struct adit_gate_conf *c = g->conf;
    int err = adit_gate_secret_load(&g->secret, c->secret_path, adit_loop_wall(),
                                    (int64_t)(c->lifetime / ADIT_SEC), &g->agent->rng);

    if (err) {
        adit_log(ADIT_LOG_ERROR, "gate", "the secret of our ticket, %s: %s", c->secret_path,
                 err == -EINVAL ? "this is no file of ours; delete it, and a new one is made"
                                : strerror(-err));
        return ADIT_EXIT_USAGE;
    }
    err = adit_handout_open(&g->handout, g->agent->loop, c->out, c->qr, on_handout_failed);
    if (err)
        return err;
    g->handing_out = true;
    return start_porter(g);
}

int adit_gate_new(struct adit_gate **ret_gate, struct adit_agent *a)
{
    struct adit_gate *g = adit_zalloc(sizeof *g);
    int exit_code;

    if (!g) {
        adit_log(ADIT_LOG_ERROR, "gate", "out of memory");
        return ADIT_EXIT_FAILED;
    }
    g->agent = a;
    g->conf = a->conf.gate;
    adit_task_init(&g->tell, on_tell);
    *ret_gate = g;
    exit_code = start(g);
    return exit_code;
}

void adit_gate_close(struct adit_gate *g)
{
    if (!g)
        return;
    g->over = true;
    adit_task_cancel(&g->tell);
}

struct adit_gate *adit_gate_free(struct adit_gate *g)
{
    if (!g)
        return NULL;
    adit_gate_close(g);
    if (g->agent->port)
        adit_port_set_stranger(g->agent->port, NULL, NULL);
    adit_peer_free(g->porter);
    if (g->handing_out)
        adit_handout_close(&g->handout);
    explicit_bzero(&g->secret, sizeof g->secret);
    explicit_bzero(&g->door, sizeof g->door);
    adit_free(g);
    return NULL;
}

const uint64_t *adit_gate_counts(const struct adit_gate *g)
{
    return g->door.counts;
}
