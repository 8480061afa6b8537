#include "agent/dotlocal.h"
#include "agent/inner.h"
#include "agent/ports.h"
#include "agent/tcp.h"
#include "agent/turn_base.h"
#include "base/alloc.h"
#include "base/log.h"

/* A person may paste the answer tomorrow; whoever wants a limit sets one above us. */
#define PATIENCE_PERSON (365 * 24 * 3600 * ADIT_SEC)

adit_time adit_peer_now(const struct adit_peer *peer)
{
    return adit_loop_now(peer->loop);
}

void adit_peer_touch(struct adit_peer *peer)
{
    adit_loop_at_last(peer->loop, &peer->settle);
}

static void on_settle(struct adit_task *task, adit_time now)
{
    struct adit_peer *peer = adit_container_of(task, struct adit_peer, settle);

    (void)now;
    if (!peer->freed)
        adit_timer_set(&peer->timer, adit_engine_deadline(peer->engine));
}

static void on_timer(struct adit_timer *timer, adit_time now)
{
    struct adit_peer *peer = adit_container_of(timer, struct adit_peer, timer);

    adit_engine_tick(peer->engine, now);
    adit_peer_touch(peer);
}

static void on_back(struct adit_back *back, adit_time now)
{
    struct adit_peer *peer = adit_container_of(back, struct adit_peer, back);

    adit_engine_back(peer->engine, now);
    adit_peer_touch(peer);
}

/* ---- the engine talks ------------------------------------------------------------------------ */

static void tell_candidate(struct adit_peer *peer, const struct adit_cand *cand)
{
    struct adit_buf text;
    struct adit_cand told;

    if (!peer->on.candidate)
        return;
    adit_buf_init(&text, ADIT_CAND_LINE_MAX);
    if (cand) {
        told = *cand;
        adit_dotlocal_cover(peer, &told);
        adit_cand_print(&text, &told);
    }
    if (!text.err)
        peer->on.candidate(peer, cand ? adit_buf_str(&text) : NULL, peer->user);
    adit_buf_done(&text);
}

static void on_event(void *arg, const struct adit_engine_event *ev)
{
    struct adit_peer *peer = arg;

    if (peer->freed)
        return;
    switch (ev->type) {
    case ADIT_ENGINE_EV_STATE:
        if (peer->on.state)
            peer->on.state(peer, ev->state, &ev->cause, peer->user);
        break;
    case ADIT_ENGINE_EV_CAND:
        tell_candidate(peer, ev->cand);
        break;
    case ADIT_ENGINE_EV_GATHERED:
        tell_candidate(peer, NULL);
        if (!peer->freed && peer->on.gathered)
            peer->on.gathered(peer, peer->user);
        break;
    case ADIT_ENGINE_EV_MAPPED:
        if (peer->on.remapped)
            peer->on.remapped(peer, peer->user);
        break;
    case ADIT_ENGINE_EV_CHANNEL:
        adit_dc_event(peer, ev->sctp);
        break;
    case ADIT_ENGINE_EV_SELECTED:
        adit_bases_prefer(peer);
        if (peer->on.path)
            peer->on.path(peer, peer->user);
        break;
    case ADIT_ENGINE_EV_MTU:
        if (peer->mtu)
            peer->mtu(peer->mtu_arg);
        break;
    case ADIT_ENGINE_EV_DATAGRAM:
        if (peer->datagram)
            peer->datagram(peer->datagram_arg, ev->bytes, ev->n);
        break;
    case ADIT_ENGINE_EV_RELAY:
        adit_turns_event(peer, ev);
        break;
    case ADIT_ENGINE_EV_RESTART:
        if (peer->restart)
            peer->restart(peer->restart_arg);
        break;
    case ADIT_ENGINE_EV_LOST:
        if (peer->lost)
            peer->lost(peer->restart_arg);
        break;
    case ADIT_ENGINE_EV_ASSOCIATED:
        break;
    }
}

static const struct adit_engine_ops engine_ops = { .send = adit_bases_send,
                                                   .event = on_event,
                                                   .turn_open = adit_turns_open,
                                                   .turn_send = adit_turns_send,
                                                   .turn_close = adit_turns_close };

/* ---- life ------------------------------------------------------------------------------------ */

static void on_netif_changed(void *arg, adit_time now)
{
    struct adit_peer *peer = arg;

    adit_bases_update(peer, now);
    if (!peer->freed && peer->watch.routes)
        adit_peer_restart(peer); /* the same address may lead elsewhere now */
}

void adit_peer_check_complete(struct adit_peer *peer, adit_time now)
{
    if (peer->freed || !peer->started || peer->resolving || peer->complete ||
        adit_bases_count(peer) == 0 || adit_ports_pending(peer, now))
        return;
    peer->complete = true;
    adit_engine_bases_done(peer->engine, now);
    adit_peer_touch(peer);
}

/* The first turn of the loop: sockets, names, and an eye on the interfaces. */
static void on_start(struct adit_task *task, adit_time now)
{
    struct adit_peer *peer = adit_container_of(task, struct adit_peer, start);
    int err;

    if (adit_peer_state(peer) == ADIT_PEER_CLOSED)
        return;
    adit_bases_update(peer, now);
    if (peer->freed) /* by a callback that was told a candidate */
        return;
    if (adit_bases_count(peer) == 0)
        adit_bases_none(peer, now);
    if (peer->freed || adit_peer_state(peer) == ADIT_PEER_FAILED)
        return;
    err = adit_netif_watch_start(&peer->watch, peer->loop, on_netif_changed, peer);
    if (err)
        adit_log(ADIT_LOG_WARN, "agent",
                 "changes of the network will not be noticed: %s, continuing", strerror(-err));
    peer->started = true;
    adit_turns_start(peer, now);
    adit_servers_start(peer, now);
}

static void on_bury(struct adit_task *task, adit_time now)
{
    struct adit_peer *peer = adit_container_of(task, struct adit_peer, bury);

    (void)now;
    adit_task_cancel(&peer->settle); /* queued again on the way out of the callback that freed us */
    adit_dotlocal_free(peer);
    adit_ports_free(peer);
    adit_port_leave(peer);
    adit_engine_free(peer->engine);
    adit_turns_free(peer);
    adit_tcp_free(peer);
    adit_turn_bases_free(peer);
    adit_dcs_free(peer);
    adit_cert_free(peer->cert);
    for (size_t i = 0; i < peer->name_count; i++)
        adit_free(peer->names[i]);
    adit_free(peer->names);
    adit_free(peer);
}

/* Copies the lists of interface names; one array holds both, so that one loop frees them. */
static int copy_names(struct adit_peer *peer, const struct adit_peer_conf *conf)
{
    size_t n = conf->bind_dev_count + conf->ignore_dev_count;

    if (n == 0)
        return 0;
    peer->names = adit_zalloc(n * sizeof *peer->names);
    if (!peer->names)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        const char *name = i < conf->bind_dev_count ? conf->bind_devs[i]
                                                    : conf->ignore_devs[i - conf->bind_dev_count];

        peer->names[i] = adit_strdup(name);
        if (!peer->names[i])
            return -ENOMEM;
        peer->name_count++;
    }
    peer->netif.only = conf->bind_dev_count ? (const char *const *)peer->names : NULL;
    peer->netif.only_count = conf->bind_dev_count;
    peer->netif.ignore = (const char *const *)peer->names + conf->bind_dev_count;
    peer->netif.ignore_count = conf->ignore_dev_count;
    return 0;
}

int adit_peer_ignore_device(struct adit_peer *peer, const char *name)
{
    char **names = adit_realloc(peer->names, (peer->name_count + 1) * sizeof *names);

    if (!names)
        return -ENOMEM;
    peer->names = names;
    if (peer->netif.only)
        peer->netif.only = (const char *const *)names;
    peer->netif.ignore = (const char *const *)names + peer->netif.only_count;
    names[peer->name_count] = adit_strdup(name);
    if (!names[peer->name_count])
        return -ENOMEM;
    peer->name_count++;
    peer->netif.ignore_count++;
    return 0;
}

static int get_cert(struct adit_peer *peer, const struct adit_peer_conf *conf,
                    struct adit_cause *cause)
{
    adit_cause_set(cause, ADIT_REASON_RESOURCE, ENOMEM, "out of memory for a certificate");
    if (conf->cert)
        peer->cert = adit_cert_load(conf->cert, conf->key, cause);
    else if (conf->identity)
        peer->cert = adit_cert_load_or_create(conf->identity, cause);
    else
        peer->cert = adit_cert_generate();
    if (!peer->cert && (conf->cert || conf->identity) && cause->err != ENOMEM)
        cause->reason = ADIT_REASON_LOCAL; /* what was configured will not do */
    return peer->cert ? 0 : -EINVAL;
}

static int init(struct adit_peer *peer, const struct adit_peer_conf *conf,
                const struct adit_peer_way *way, struct adit_cause *cause)
{
    char pwd[ADIT_TICKET_PWD + 1], name[ADIT_PORT_NAME];
    int err;

    for (size_t i = 0; i < conf->stun_count; i++) {
        err = adit_servers_add(peer, conf->stun[i], cause);
        if (err)
            return err;
    }
    err = adit_ports_init(peer, conf, cause);
    if (!err)
        err = adit_turns_init(peer, conf, cause);
    if (!err)
        err = get_cert(peer, conf, cause);
    if (err)
        return err;
    adit_cause_set(cause, ADIT_REASON_RESOURCE, ENOMEM, "out of memory");
    err = copy_names(peer, conf);
    if (!err)
        err = adit_tcp_init(peer, conf);
    if (err)
        return err;
    adit_peer_credentials(peer, way, pwd, name);
    err = way->port ? adit_port_join(way->port, peer, name) : 0;
    if (!err)
        err = adit_turn_bases_init(peer);
    if (err)
        return err;
    peer->engine =
        adit_engine_new(&(struct adit_engine_conf){ .cert = peer->cert,
                                                    .rng = &peer->rng,
                                                    .ufrag = peer->ufrag,
                                                    .pwd = pwd,
                                                    .path = conf->path,
                                                    .allow_loopback = conf->loopback,
                                                    .hide_hosts = conf->hide_addresses,
                                                    .patience = conf->patient ? PATIENCE_PERSON : 0,
                                                    .hold = conf->hold,
                                                    .message_max = conf->message_max,
                                                    .channels_max = conf->channels_max },
                        &engine_ops, peer, adit_peer_now(peer));
    return peer->engine ? 0 : -ENOMEM;
}

struct adit_peer *adit_peer_new(struct adit_loop *loop, const struct adit_peer_conf *conf,
                                struct adit_cause *ret_cause)
{
    return adit_peer_new_way(loop, conf, NULL, ret_cause);
}

struct adit_peer *adit_peer_new_way(struct adit_loop *loop, const struct adit_peer_conf *conf,
                                    const struct adit_peer_way *way, struct adit_cause *ret_cause)
{
    static const struct adit_peer_way usual;
    struct adit_cause cause = { .reason = ADIT_REASON_RESOURCE,
                                .err = ENOMEM,
                                .text = "out of memory" };
    struct adit_peer_conf known;
    struct adit_peer *peer = NULL;
    int err = adit_conf_take(&known, sizeof known, conf, conf->size);

    conf = &known;
    if (err)
        adit_cause_set(&cause, ADIT_REASON_LOCAL, -err, "%s",
                       err == -E2BIG ? "the configuration asks for what only a later libadit can do"
                                     : "the size of the configuration is not set");
    else
        peer = adit_zalloc(sizeof *peer);
    if (peer) {
        peer->loop = loop;
        peer->on = conf->on;
        peer->user = conf->user;
        peer->port_min = conf->port_min;
        peer->port_max = conf->port_max;
        peer->udp_offload = conf->udp_offload;
        peer->fwmark = conf->fwmark;
        peer->hide = conf->hide_addresses;
        peer->loopback = peer->netif.loopback = conf->loopback;
        adit_list_init(&peer->dcs);
        adit_rng_init(&peer->rng);
        adit_timer_init(&peer->timer, loop, on_timer, "peer");
        adit_task_init(&peer->start, on_start);
        adit_task_init(&peer->settle, on_settle);
        adit_task_init(&peer->bury, on_bury);
        if (init(peer, conf, way ? way : &usual, &cause) == 0) {
            adit_loop_before_sleep(loop, &peer->start);
            adit_back_start(&peer->back, loop, on_back);
            return peer;
        }
        on_bury(&peer->bury, 0);
    }
    if (ret_cause)
        *ret_cause = cause;
    return NULL;
}

struct adit_peer *adit_peer_free(struct adit_peer *peer)
{
    if (!peer || peer->freed)
        return NULL;
    peer->freed = true;
    adit_netif_watch_stop(&peer->watch);
    adit_servers_stop(peer);
    adit_turns_stop(peer);
    adit_dotlocal_close(peer);
    adit_bases_close(peer);
    adit_timer_stop(&peer->timer);
    adit_back_stop(&peer->back);
    adit_task_cancel(&peer->start);
    adit_task_cancel(&peer->settle);
    adit_loop_end_of_round(peer->loop, &peer->bury); /* we may be inside one of our callbacks */
    return NULL;
}

/* ---- what the caller does -------------------------------------------------------------------- */

void adit_peer_offer(struct adit_peer *peer)
{
    adit_engine_set_offerer(peer->engine);
}

void adit_peer_pair(struct adit_peer *peer)
{
    peer->pairing = true;
    adit_engine_set_symmetric(peer->engine);
}

int adit_peer_add_candidate(struct adit_peer *peer, const char *candidate)
{
    struct adit_cand cand;
    int err = 0;

    if (!candidate || !*candidate) {
        adit_dotlocal_end(peer, adit_peer_now(peer));
    } else {
        err = adit_cand_parse(&cand, candidate, strlen(candidate));
        if (!err && adit_cand_named(&cand))
            adit_dotlocal_ask(peer, &cand, adit_peer_now(peer));
        else if (!err)
            err = adit_engine_add_candidate(peer->engine, &cand, adit_peer_now(peer));
    }
    adit_peer_touch(peer);
    return err;
}

bool adit_peer_restart(struct adit_peer *peer)
{
    bool wanted = adit_engine_restart(peer->engine, adit_peer_now(peer));

    adit_peer_touch(peer);
    return wanted;
}

void adit_peer_close(struct adit_peer *peer)
{
    adit_engine_close(peer->engine, adit_peer_now(peer));
    adit_peer_touch(peer);
}

void adit_peer_pause(struct adit_peer *peer)
{
    adit_engine_pause(peer->engine);
}

void adit_peer_resume(struct adit_peer *peer)
{
    adit_engine_resume(peer->engine, adit_peer_now(peer));
    adit_peer_touch(peer);
}

enum adit_peer_state adit_peer_state(const struct adit_peer *peer)
{
    return adit_engine_state(peer->engine);
}

const char *adit_peer_state_name(enum adit_peer_state state)
{
    static const char *const names[] = { "new",          "connecting", "connected",
                                         "disconnected", "failed",     "closed" };

    return (unsigned)state < ADIT_LEN(names) ? names[state] : "unknown";
}

void adit_peer_take_datagrams(struct adit_peer *peer,
                              void (*datagram)(void *arg, const void *bytes, size_t n), void *arg)
{
    peer->datagram = datagram;
    peer->datagram_arg = arg;
    if (datagram)
        adit_engine_take_datagrams(peer->engine);
}
