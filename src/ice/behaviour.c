#include "ice/behaviour.h"

#define RTO          (250 * ADIT_MS) /* somebody waits: seven copies within 3 s */
#define GAP_MAX      (500 * ADIT_MS)
#define REFUSALS_MAX 3               /* a route or a neighbour may come a moment later */
#define CHOOSE_MAX   (500 * ADIT_MS) /* from the first answer, for one of a better server */

/* When a mapping is called back. The first one shows whether the server can do that at all. */
static const adit_time lives[ADIT_BEHAVIOUR_LIVES] = {
    0, 15 * ADIT_SEC, 30 * ADIT_SEC, 60 * ADIT_SEC, 120 * ADIT_SEC, 180 * ADIT_SEC
};

/* ---- questions ------------------------------------------------------------------------------- */

static void send_question(struct adit_behaviour *b, const struct adit_question *q)
{
    struct adit_stun_out out;

    adit_stun_begin(&out, ADIT_STUN_REQUEST, ADIT_STUN_BINDING, q->id);
    if (q->change)
        adit_stun_add32(&out, ADIT_STUN_CHANGE_REQUEST, q->change);
    if (q->response_port)
        adit_stun_add32(&out, ADIT_STUN_RESPONSE_PORT, (uint32_t)q->response_port << 16);
    adit_stun_finish(&out, (struct adit_span){ 0 });
    b->ops->send(b->arg, q->socket, &q->to, out.bytes, out.len);
}

static void ask(struct adit_behaviour *b, unsigned name, unsigned socket, unsigned hears,
                const struct adit_addr *to, adit_time now)
{
    struct adit_question *q = &b->questions[name];

    q->state = ADIT_QUESTION_ASKED;
    q->socket = (uint8_t)socket;
    q->hears = (uint8_t)hears;
    q->to = *to;
    q->asked = now;
    adit_rng_bytes(b->rng, q->id, sizeof q->id);
    adit_retry_start(&q->retry, RTO, GAP_MAX, now);
    send_question(b, q);
}

static const struct adit_question *question(const struct adit_behaviour *b, unsigned name)
{
    return &b->questions[name];
}

static bool is(const struct adit_behaviour *b, unsigned name, enum adit_question_state state)
{
    return b->questions[name].state == state;
}

static bool unasked(const struct adit_behaviour *b, unsigned name)
{
    return is(b, name, ADIT_QUESTION_UNASKED);
}

static bool answered(const struct adit_behaviour *b, unsigned name)
{
    return is(b, name, ADIT_QUESTION_ANSWERED);
}

/* ---- which server ---------------------------------------------------------------------------- */

/* A second address that is none, or leads elsewhere, tells nothing. */
static bool has_other(const struct adit_question *q)
{
    return q->state == ADIT_QUESTION_ANSWERED && q->other.family == q->to.family && q->other.port &&
           q->other.port != q->to.port && !adit_addr_equal_ip(&q->other, &q->to) &&
           adit_addr_scope(&q->other) != ADIT_SCOPE_LOOPBACK &&
           adit_addr_scope(&q->other) < ADIT_SCOPE_MULTICAST;
}

static bool earlier(const struct adit_question *q, const struct adit_question *best)
{
    return !best || has_other(q) > has_other(best) ||
           (has_other(q) == has_other(best) && q->answered < best->answered);
}

static void choose(struct adit_behaviour *b, adit_time now)
{
    const struct adit_question *best = NULL;
    bool waits = false;

    for (size_t i = 0; i < b->server_count; i++) {
        const struct adit_question *q = question(b, ADIT_Q_SERVER + (unsigned)i);

        waits |= q->state == ADIT_QUESTION_ASKED;
        if (q->state == ADIT_QUESTION_ANSWERED && earlier(q, best))
            best = q;
    }
    if (!best)
        return;
    b->choose_at = adit_time_min(b->choose_at, best->answered + CHOOSE_MAX);
    if (has_other(best) || !waits || now >= b->choose_at) {
        b->server = (int)(best - b->questions);
        b->choose_at = ADIT_NEVER;
    }
}

/* ---- what comes after what ------------------------------------------------------------------- */

static void begin_mapping(struct adit_behaviour *b, const struct adit_question *server,
                          adit_time now)
{
    struct adit_addr other = server->other;

    ask(b, ADIT_Q_OTHER_BOTH, ADIT_BEHAVIOUR_MAP, ADIT_BEHAVIOUR_MAP, &other, now);
    other.port = server->to.port;
    ask(b, ADIT_Q_OTHER_ADDRESS, ADIT_BEHAVIOUR_MAP, ADIT_BEHAVIOUR_MAP, &other, now);
}

static void begin_filtering(struct adit_behaviour *b, const struct adit_addr *server, adit_time now)
{
    b->questions[ADIT_Q_FROM_OTHER].change = ADIT_STUN_CHANGE_IP | ADIT_STUN_CHANGE_PORT;
    b->questions[ADIT_Q_FROM_PORT].change = ADIT_STUN_CHANGE_PORT;
    ask(b, ADIT_Q_FROM_OTHER, ADIT_BEHAVIOUR_FILTER, ADIT_BEHAVIOUR_FILTER, server, now);
    ask(b, ADIT_Q_FROM_PORT, ADIT_BEHAVIOUR_FILTER, ADIT_BEHAVIOUR_FILTER, server, now);
}

static bool translated(const struct adit_behaviour *b, const struct adit_addr *mapped)
{
    return mapped->family && !adit_addr_equal_ip(mapped, &b->local);
}

static void begin_hairpin(struct adit_behaviour *b, const struct adit_addr *map,
                          const struct adit_addr *filter, adit_time now)
{
    ask(b, ADIT_Q_HAIRPIN, ADIT_BEHAVIOUR_FILTER, ADIT_BEHAVIOUR_MAP, map, now);
    ask(b, ADIT_Q_HAIRPIN_BACK, ADIT_BEHAVIOUR_MAP, ADIT_BEHAVIOUR_FILTER, filter, now);
}

/* It is mapped, and has still to be called back: when? */
static adit_time life_at(const struct adit_behaviour *b, unsigned i)
{
    const struct adit_question *open = question(b, ADIT_Q_LIFE_OPEN + i);

    return open->state == ADIT_QUESTION_ANSWERED && open->mapped.family &&
                   unasked(b, ADIT_Q_LIFE + i)
               ? open->answered + lives[i]
               : ADIT_NEVER;
}

static void begin_life(struct adit_behaviour *b, unsigned i, adit_time now)
{
    const struct adit_question *open = question(b, ADIT_Q_LIFE_OPEN + i);

    if (now < life_at(b, i))
        return;
    b->questions[ADIT_Q_LIFE + i].response_port = open->mapped.port;
    ask(b, ADIT_Q_LIFE + i, ADIT_BEHAVIOUR_FILTER, ADIT_BEHAVIOUR_LIFE + i, &open->to, now);
}

static void begin_lives(struct adit_behaviour *b, const struct adit_addr *server, adit_time now)
{
    for (unsigned i = 0; i < ADIT_BEHAVIOUR_LIVES; i++) {
        if (unasked(b, ADIT_Q_LIFE_OPEN + i))
            ask(b, ADIT_Q_LIFE_OPEN + i, ADIT_BEHAVIOUR_LIFE + i, ADIT_BEHAVIOUR_LIFE + i, server,
                now);
        begin_life(b, i, now);
    }
}

static bool idle(const struct adit_behaviour *b)
{
    for (unsigned i = 0; i < ADIT_QUESTIONS; i++)
        if (is(b, i, ADIT_QUESTION_ASKED))
            return false;
    for (unsigned i = 0; i < ADIT_BEHAVIOUR_LIVES; i++)
        if (life_at(b, i) != ADIT_NEVER)
            return false;
    return true;
}

/* Starts what may start now; says so when nothing is left. May have freed b. */
static void settle(struct adit_behaviour *b, adit_time now)
{
    if (b->done)
        return;
    if (b->server < 0)
        choose(b, now);
    if (b->server >= 0) {
        const struct adit_question *server = question(b, (unsigned)b->server);
        const struct adit_question *open = question(b, ADIT_Q_OPEN);

        if (unasked(b, ADIT_Q_OPEN)) {
            ask(b, ADIT_Q_OPEN, ADIT_BEHAVIOUR_FILTER, ADIT_BEHAVIOUR_FILTER, &server->to, now);
            if (has_other(server))
                begin_mapping(b, server, now);
        }
        if (answered(b, ADIT_Q_OPEN) && has_other(server) && unasked(b, ADIT_Q_FROM_OTHER))
            begin_filtering(b, &server->to, now);
        if (answered(b, ADIT_Q_OPEN) && unasked(b, ADIT_Q_HAIRPIN) &&
            translated(b, &server->mapped) && translated(b, &open->mapped))
            begin_hairpin(b, &server->mapped, &open->mapped, now);
        if (b->lives)
            begin_lives(b, &server->to, now);
    }
    if (idle(b)) {
        b->done = true;
        b->ops->done(b->arg);
    }
}

/* ---- packets and time ------------------------------------------------------------------------ */

/* An answer from where it was not asked to come from tells that the server cannot do it. */
static bool comes_from(const struct adit_question *q, const struct adit_addr *from)
{
    bool same_ip = adit_addr_equal_ip(from, &q->to), same_port = from->port == q->to.port;

    return same_ip != !!(q->change & ADIT_STUN_CHANGE_IP) &&
           same_port != !!(q->change & ADIT_STUN_CHANGE_PORT);
}

static void take(struct adit_question *q, const struct adit_addr *from, const struct adit_stun *msg,
                 adit_time now)
{
    bool good = msg->head.class == ADIT_STUN_SUCCESS && comes_from(q, from);

    if (!good && !q->change && !adit_addr_equal(from, &q->to))
        return; /* whoever that was, it was not asked */
    q->state = good ? ADIT_QUESTION_ANSWERED : ADIT_QUESTION_REFUSED;
    q->answered = now;
    q->mapped = msg->mapped;
    q->other = msg->other;
    q->error = msg->error;
}

/* Ours, come back by our public address. */
static bool is_hairpin(const struct adit_behaviour *b, const struct adit_question *q)
{
    return q == question(b, ADIT_Q_HAIRPIN) || q == question(b, ADIT_Q_HAIRPIN_BACK);
}

void adit_behaviour_feed(struct adit_behaviour *b, unsigned socket, const struct adit_addr *from,
                         const void *bytes, size_t n, adit_time now)
{
    const struct adit_stun_auth none = { .fingerprint = false };
    enum adit_stun_verdict verdict;
    struct adit_stun msg;

    if (b->done)
        return;
    verdict = adit_stun_decode(&msg, bytes, n, &none);
    if ((verdict != ADIT_STUN_OK && verdict != ADIT_STUN_UNKNOWN) ||
        msg.head.method != ADIT_STUN_BINDING || msg.head.class == ADIT_STUN_INDICATION)
        return;
    for (unsigned i = 0; i < ADIT_QUESTIONS; i++) {
        struct adit_question *q = &b->questions[i];

        if (q->state != ADIT_QUESTION_ASKED || q->hears != socket ||
            memcmp(q->id, msg.head.id, sizeof q->id) != 0)
            continue;
        if (msg.head.class == ADIT_STUN_REQUEST && is_hairpin(b, q))
            q->state = ADIT_QUESTION_ANSWERED;
        else if (msg.head.class != ADIT_STUN_REQUEST && !is_hairpin(b, q))
            take(q, from, &msg, now);
        break;
    }
    settle(b, now);
}

void adit_behaviour_unreachable(struct adit_behaviour *b, const struct adit_addr *to, adit_time now)
{
    for (unsigned i = 0; i < ADIT_QUESTIONS; i++)
        if (is(b, i, ADIT_QUESTION_ASKED) && adit_addr_equal(&b->questions[i].to, to))
            if (++b->questions[i].refusals == REFUSALS_MAX)
                b->questions[i].state = ADIT_QUESTION_SILENT;
    settle(b, now);
}

void adit_behaviour_tick(struct adit_behaviour *b, adit_time now)
{
    for (unsigned i = 0; i < ADIT_QUESTIONS && !b->done; i++) {
        struct adit_question *q = &b->questions[i];

        if (q->state != ADIT_QUESTION_ASKED)
            continue;
        switch (adit_retry_tick(&q->retry, now)) {
        case ADIT_RETRY_WAIT:
            break;
        case ADIT_RETRY_SEND:
            send_question(b, q);
            break;
        case ADIT_RETRY_GIVE_UP:
            q->state = ADIT_QUESTION_SILENT;
            break;
        }
    }
    settle(b, now);
}

adit_time adit_behaviour_deadline(const struct adit_behaviour *b)
{
    adit_time at = b->choose_at;

    if (b->done)
        return ADIT_NEVER;
    for (unsigned i = 0; i < ADIT_QUESTIONS; i++)
        if (is(b, i, ADIT_QUESTION_ASKED))
            at = adit_time_min(at, b->questions[i].retry.next);
    for (unsigned i = 0; i < ADIT_BEHAVIOUR_LIVES; i++)
        at = adit_time_min(at, life_at(b, i));
    return at;
}

void adit_behaviour_start(struct adit_behaviour *b, const struct adit_behaviour_conf *conf,
                          const struct adit_behaviour_ops *ops, void *arg, adit_time now)
{
    *b = (struct adit_behaviour){ .ops = ops,
                                  .arg = arg,
                                  .rng = conf->rng,
                                  .local = conf->local,
                                  .lives = conf->lives,
                                  .server = -1,
                                  .choose_at = ADIT_NEVER };
    for (size_t i = 0; i < conf->server_count && i < ADIT_BEHAVIOUR_SERVERS_MAX; i++) {
        b->servers[b->server_count++] = conf->servers[i];
        ask(b, ADIT_Q_SERVER + (unsigned)i, ADIT_BEHAVIOUR_MAP, ADIT_BEHAVIOUR_MAP,
            &conf->servers[i], now);
    }
    settle(b, now);
}

/* ---- results --------------------------------------------------------------------------------- */

/* Section 4.3; failing that, what all servers together have seen. */
static enum adit_mapping mapping_of(const struct adit_behaviour *b,
                                    const struct adit_question *server)
{
    const struct adit_addr *first = &server->mapped;
    const struct adit_question *ii = question(b, ADIT_Q_OTHER_ADDRESS);
    const struct adit_question *iii = question(b, ADIT_Q_OTHER_BOTH);
    bool compared = false;

    if (!first->family)
        return ADIT_MAPPING_UNKNOWN;
    if (!translated(b, first))
        return ADIT_MAPPING_NONE;
    if (answered(b, ADIT_Q_OTHER_ADDRESS) && adit_addr_equal(first, &ii->mapped))
        return ADIT_MAPPING_ENDPOINT_INDEPENDENT;
    if (answered(b, ADIT_Q_OTHER_ADDRESS) && answered(b, ADIT_Q_OTHER_BOTH))
        return adit_addr_equal(&ii->mapped, &iii->mapped) ? ADIT_MAPPING_ADDRESS_DEPENDENT
                                                          : ADIT_MAPPING_ADDRESS_AND_PORT_DEPENDENT;
    for (size_t i = 0; i < b->server_count; i++) {
        const struct adit_question *q = question(b, ADIT_Q_SERVER + (unsigned)i);

        if (q == server || q->state != ADIT_QUESTION_ANSWERED || !q->mapped.family ||
            adit_addr_equal_ip(&q->to, &server->to))
            continue;
        if (!adit_addr_equal(&q->mapped, first))
            return ADIT_MAPPING_DEPENDENT;
        compared = true;
    }
    return compared ? ADIT_MAPPING_ENDPOINT_INDEPENDENT : ADIT_MAPPING_UNKNOWN;
}

/* Section 4.4. Silence tells something if the place that did not get through is known to work. */
static enum adit_filtering filtering_of(const struct adit_behaviour *b)
{
    bool works = answered(b, ADIT_Q_OTHER_ADDRESS) || answered(b, ADIT_Q_OTHER_BOTH);

    if (answered(b, ADIT_Q_FROM_OTHER))
        return ADIT_FILTERING_ENDPOINT_INDEPENDENT;
    if (!works || !is(b, ADIT_Q_FROM_OTHER, ADIT_QUESTION_SILENT))
        return ADIT_FILTERING_UNKNOWN;
    if (answered(b, ADIT_Q_FROM_PORT))
        return ADIT_FILTERING_ADDRESS_DEPENDENT;
    return is(b, ADIT_Q_FROM_PORT, ADIT_QUESTION_SILENT) ? ADIT_FILTERING_ADDRESS_AND_PORT_DEPENDENT
                                                         : ADIT_FILTERING_UNKNOWN;
}

static enum adit_hairpin hairpin_of(const struct adit_behaviour *b)
{
    if (answered(b, ADIT_Q_HAIRPIN) || answered(b, ADIT_Q_HAIRPIN_BACK))
        return ADIT_HAIRPIN_YES;
    return is(b, ADIT_Q_HAIRPIN, ADIT_QUESTION_SILENT) ? ADIT_HAIRPIN_NO : ADIT_HAIRPIN_UNKNOWN;
}

static void life_of(const struct adit_behaviour *b, struct adit_behaviour_result *ret)
{
    ret->life_least = ret->life_most = ADIT_NEVER;
    if (!answered(b, ADIT_Q_LIFE)) /* at once: it cannot be called back at all */
        return;
    for (unsigned i = 0; i < ADIT_BEHAVIOUR_LIVES && ret->life_most == ADIT_NEVER; i++) {
        if (answered(b, ADIT_Q_LIFE + i))
            ret->life_least = lives[i];
        else if (is(b, ADIT_Q_LIFE + i, ADIT_QUESTION_SILENT))
            ret->life_most = lives[i];
    }
}

void adit_behaviour_result(const struct adit_behaviour *b, struct adit_behaviour_result *ret)
{
    *ret = (struct adit_behaviour_result){ .server = b->server };
    life_of(b, ret);
    if (b->server < 0)
        return;
    const struct adit_question *server = question(b, (unsigned)b->server);
    ret->mapped = server->mapped;
    ret->mapping = mapping_of(b, server);
    ret->filtering = filtering_of(b);
    ret->hairpin = hairpin_of(b);
}

void adit_behaviour_server(const struct adit_behaviour *b, size_t i,
                           struct adit_behaviour_server *ret)
{
    const struct adit_question *q = question(b, ADIT_Q_SERVER + (unsigned)i);

    *ret = (struct adit_behaviour_server){ .answered = q->state == ADIT_QUESTION_ANSWERED,
                                           .refused = q->state == ADIT_QUESTION_REFUSED,
                                           .error = q->error };
    if (ret->answered) {
        ret->rtt = q->answered - q->asked;
        ret->mapped = q->mapped;
        ret->other = has_other(q);
    }
}

const char *adit_mapping_name(enum adit_mapping mapping)
{
    static const char *const names[] = {
        [ADIT_MAPPING_UNKNOWN] = "unknown",
        [ADIT_MAPPING_NONE] = "none",
        [ADIT_MAPPING_ENDPOINT_INDEPENDENT] = "endpoint-independent",
        [ADIT_MAPPING_ADDRESS_DEPENDENT] = "address-dependent",
        [ADIT_MAPPING_ADDRESS_AND_PORT_DEPENDENT] = "address-and-port-dependent",
        [ADIT_MAPPING_DEPENDENT] = "dependent",
    };

    return names[mapping];
}

const char *adit_filtering_name(enum adit_filtering filtering)
{
    static const char *const names[] = {
        [ADIT_FILTERING_UNKNOWN] = "unknown",
        [ADIT_FILTERING_ENDPOINT_INDEPENDENT] = "endpoint-independent",
        [ADIT_FILTERING_ADDRESS_DEPENDENT] = "address-dependent",
        [ADIT_FILTERING_ADDRESS_AND_PORT_DEPENDENT] = "address-and-port-dependent",
    };

    return names[filtering];
}
