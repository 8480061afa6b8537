/* dialect_mailbox.c - two mailboxes over plain HTTP (docs/signaling.md): NAME-offer, NAME-answer.
 *
 * Each side reads the other's box, one message after the other, and writes its own; the first
 * message of a session replaces what the box held. An offer carries a tag, and what belongs to it
 * repeats the tag, so that what was left over from another session is known as such; a message
 * without one, written by hand, counts for the session at hand. Tag 0 reads, tag 1 writes. */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/digest.h"
#include "base/str.h"
#include "signal/plain.h"

#define WAIT_S    50
#define QUEUE_MAX 64
#define READ      0
#define WRITE     1

struct mailbox {
    struct adit_dialect_state s;
    char tag[17];        /* of the session; "" = none yet */
    uint64_t after;      /* number of the message read last */
    json_t *queue;       /* what waits to be written, the first one on its way if writing */
    bool emptied;        /* the box of answers, of what was left from before us */
    bool writing, fresh; /* fresh: the next message replaces the box's contents */
    char *authorization;
};

static struct mailbox *mailbox_of(struct adit_dialect_state *s)
{
    return adit_container_of(s, struct mailbox, s);
}

static bool offers(const struct adit_dialect_state *s)
{
    return s->conf->role == ADIT_DIALECT_OFFERER;
}

/* The same offer has the same tag, so that telling it again begins nothing new. */
static void set_tag(struct mailbox *b, const char *offer, size_t n)
{
    uint8_t hash[32];

    adit_sha256(hash, offer, n);
    snprintf(b->tag, sizeof b->tag, "%08x%08x", adit_get32(hash), adit_get32(hash + 4));
}

/* What is on its way cannot be taken back. */
static void forget_queue(struct mailbox *b)
{
    while (json_array_size(b->queue) > (b->writing ? 1 : 0))
        json_array_remove(b->queue, json_array_size(b->queue) - 1);
    b->fresh = true;
}

static int start(struct adit_dialect_state *s, struct adit_cause *ret_cause, adit_time now)
{
    struct mailbox *b = mailbox_of(s);
    const char *token = s->conf->token;
    size_t size = token ? strlen(token) + 8 : 0;

    (void)now;
    if (s->conf->role == ADIT_DIALECT_ROLE_ANY || (token && !adit_say_is_word(token))) {
        adit_cause_set(ret_cause, ADIT_REASON_LOCAL, EINVAL,
                       token ? "the token has control characters, or there is no --role"
                             : "a mailbox wants a role: --role offerer or --role answerer");
        return -EINVAL;
    }
    b->queue = json_array();
    if (token && (b->authorization = adit_malloc(size)))
        snprintf(b->authorization, size, "Bearer %s", token);
    if (!b->queue || (token && !b->authorization)) {
        adit_cause_set(ret_cause, ADIT_REASON_RESOURCE, ENOMEM, "no memory for a mailbox");
        return -ENOMEM;
    }
    b->fresh = true;
    return 0;
}

static void done(struct adit_dialect_state *s)
{
    struct mailbox *b = mailbox_of(s);

    json_decref(b->queue);
    if (b->authorization)
        explicit_bzero(b->authorization, strlen(b->authorization));
    adit_free(b->authorization);
}

/* ---- calls ----------------------------------------------------------------------------------- */

/* /box/NAME-offer; an URL without a path is completed with the room. */
static void box(const struct mailbox *b, struct adit_buf *out, bool offer)
{
    const char *target = b->s.conf->target, *room = b->s.conf->room;
    size_t len = adit_say_path_len(target);

    while (len && target[len - 1] == '/')
        len--;
    adit_buf_add(out, target, len);
    if (len == 0)
        adit_buf_printf(out, "/box");
    if (room || len == 0) {
        adit_buf_printf(out, "/");
        adit_say_escaped(out, room ? room : "adit");
    }
    adit_buf_printf(out, offer ? "-offer" : "-answer");
}

static void http(struct mailbox *b, unsigned tag, const char *method, bool offer, const char *query,
                 const char *body)
{
    struct adit_dialect_request r = { .tag = tag, .method = method, .body = body };
    struct adit_buf target;

    adit_buf_init(&target, ADIT_DIALECT_TARGET_MAX);
    box(b, &target, offer);
    adit_buf_printf(&target, "%s", query);
    r.target = adit_buf_str(&target);
    r.body_len = body ? strlen(body) : 0;
    r.timeout = tag == READ ? (WAIT_S + 15) * ADIT_SEC : 0;
    if (b->authorization)
        r.headers[r.header_count++] =
            (struct adit_dialect_header){ "Authorization", b->authorization };
    if (target.err)
        adit_say_fail(&b->s, false, false, "no memory, or the mailbox's address is too long");
    else
        b->s.ops->http(b->s.arg, &r);
    adit_buf_done(&target);
}

static void read_next(struct mailbox *b, unsigned wait_s)
{
    char query[64];

    snprintf(query, sizeof query, "?after=%llu&wait=%u", (unsigned long long)b->after, wait_s);
    http(b, READ, "GET", !offers(&b->s), query, NULL);
}

static void write_next(struct mailbox *b)
{
    json_t *first = json_array_get(b->queue, 0);
    char *text;

    if (b->writing || !first)
        return;
    text = json_dumps(first, JSON_COMPACT);
    if (!text) {
        adit_say_fail(&b->s, false, false, "no memory for a message");
        return;
    }
    b->writing = true;
    http(b, WRITE, b->fresh ? "PUT" : "POST", offers(&b->s), "", text);
    free(text);
}

/* The offerer empties the box of answers, the answerer looks whether there is an offer already. */
static void begin(struct adit_dialect_state *s, adit_time now)
{
    struct mailbox *b = mailbox_of(s);

    (void)now;
    b->writing = false;
    if (offers(s) && !b->emptied)
        http(b, READ, "DELETE", false, "", NULL);
    else
        read_next(b, 0);
}

/* A server that was started anew numbers its messages anew; to read one twice does no harm. */
static bool lost(struct adit_dialect_state *s, int http_status, unsigned close_code,
                 const char *close_reason, struct adit_cause *cause, bool *ret_final, adit_time now)
{
    (void)http_status, (void)close_code, (void)close_reason, (void)cause, (void)ret_final;
    (void)now;
    mailbox_of(s)->after = 0;
    return false;
}

static int push(struct mailbox *b, json_t *m)
{
    if (m && json_array_size(b->queue) >= QUEUE_MAX) {
        json_decref(m);
        return -EAGAIN;
    }
    if (!m || (b->tag[0] && json_object_set_new(m, "tag", json_string(b->tag)) < 0) ||
        json_array_append(b->queue, m) < 0) {
        json_decref(m);
        return -ENOMEM;
    }
    json_decref(m);
    write_next(b);
    return 0;
}

/* ---- answers --------------------------------------------------------------------------------- */

static void on_message(struct mailbox *b, const char *text, size_t n)
{
    struct adit_cause cause;
    enum adit_signal_type due = offers(&b->s) ? ADIT_SIGNAL_ANSWER : ADIT_SIGNAL_OFFER;
    json_t *m = n && *text == '{' ? adit_json_read(text, n, &cause) : NULL;
    const char *tag = adit_json_string(m, "tag"), *type = adit_json_string(m, "type");
    bool offer = m ? type && strcmp(type, "offer") == 0 : due == ADIT_SIGNAL_OFFER;

    if (tag && (strlen(tag) >= sizeof b->tag || !adit_say_is_word(tag)))
        tag = NULL;
    if (!offers(&b->s) && offer && !(tag && strcmp(tag, b->tag) == 0)) { /* a new session */
        snprintf(b->tag, sizeof b->tag, "%s", tag ? tag : "");
        forget_queue(b);
    } else if (tag && strcmp(tag, b->tag) != 0) {
        json_decref(m);
        return; /* of another session */
    }
    if (m)
        adit_plain_tell(&b->s, "peer", m);
    else
        adit_plain_read(&b->s, "peer", due, text, n);
    json_decref(m);
}

static void on_read(struct mailbox *b, const struct adit_dialect_response *r)
{
    if (r->status / 100 != 2) {
        adit_say_fail(&b->s, false, r->status == 401 || r->status == 403 || r->status == 404,
                      "the mailbox cannot be read (HTTP %d)", r->status);
        return;
    }
    if (!b->s.joined) {
        b->emptied = true;
        adit_say_joined(&b->s);
        if (offers(&b->s))
            adit_say_peer(&b->s, "peer", true);
        write_next(b);
    }
    if (r->status == 200 && r->seq > b->after) {
        b->after = r->seq;
        on_message(b, r->body, r->n);
    } else if (r->status == 200 && r->n) {
        adit_say_fail(&b->s, false, true, "the mailbox does not number its messages (X-Seq)");
        return;
    }
    read_next(b, WAIT_S);
}

static void answered(struct adit_dialect_state *s, const struct adit_dialect_response *r,
                     adit_time now)
{
    struct mailbox *b = mailbox_of(s);

    (void)now;
    if (r->tag == READ) {
        on_read(b, r);
        return;
    }
    b->writing = false;
    if (r->status / 100 != 2) {
        adit_say_fail(s, false, r->status == 401 || r->status == 403,
                      "the mailbox cannot be written (HTTP %d)", r->status);
        return;
    }
    b->fresh = false;
    json_array_remove(b->queue, 0);
    write_next(b);
}

/* ---- commands -------------------------------------------------------------------------------- */

static int call(struct adit_dialect_state *s, const char *peer, adit_time now)
{
    (void)peer, (void)now;
    if (offers(s))
        adit_say_peer(s, "peer", true);
    return 0;
}

/* A new offer begins a new session. */
static int describe(struct adit_dialect_state *s, const char *peer, enum adit_signal_type type,
                    const char *sdp, size_t n, adit_time now)
{
    struct mailbox *b = mailbox_of(s);

    (void)peer, (void)now;
    if (type == ADIT_SIGNAL_OFFER && offers(s)) {
        set_tag(b, sdp, n);
        forget_queue(b);
    }
    return push(b, adit_plain_description(type, sdp, n));
}

static int candidate(struct adit_dialect_state *s, const char *peer, const char *line,
                     const char *mid, int mline, adit_time now)
{
    (void)peer, (void)now;
    return push(mailbox_of(s), adit_plain_candidate(line, mid, mline));
}

static int bye(struct adit_dialect_state *s, const char *peer, adit_time now)
{
    (void)peer, (void)now;
    return push(mailbox_of(s), adit_plain_bye());
}

const struct adit_dialect adit_dialect_mailbox = {
    .name = "mailbox",
    .summary = "two mailboxes over plain HTTP, for curl and scripts as well",
    .traits = { .label = "adit",
                .mode = "chat",
                .complete = true,
                .trickle = true,
                .keepalive = "",
                .warning = "who knows the mailbox's name can answer in its place: only "
                           "fingerprints say who it is",
                .port = 8080,
                .retry_first = ADIT_SEC,
                .retry_max = 60 * ADIT_SEC,
                .retry_factor_x10 = 20,
                .retry_jitter_percent = 20 },
    .size = sizeof(struct mailbox),
    .start = start,
    .done = done,
    .begin = begin,
    .answered = answered,
    .lost = lost,
    .call = call,
    .describe = describe,
    .candidate = candidate,
    .bye = bye,
};
