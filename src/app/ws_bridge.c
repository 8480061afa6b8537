#include "app/ws_bridge.h"

#include <stdio.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/str.h"

enum { CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9 };

struct adit_ws_bridge {
    struct adit_ws_bridge_conf conf;
    struct adit_ws *ws;
    struct adit_rng rng;
    struct adit_timer timer;
    struct adit_buf parts; /* of a message of the other end */
    unsigned opcode;       /* of that message; 0 = none has begun */
    bool open;             /* the handshake on our side is done */
    bool closed;           /* our side is: nothing more is read */
    bool told;             /* ops->closed was called */
    char key[ADIT_WS_KEY_SIZE], accept[ADIT_WS_ACCEPT_SIZE];
    char offer[ADIT_WS_PROTOCOL_SIZE], protocol[ADIT_WS_PROTOCOL_SIZE];
};

static void on_timer(struct adit_timer *timer, adit_time now)
{
    struct adit_ws_bridge *b = adit_container_of(timer, struct adit_ws_bridge, timer);

    adit_ws_tick(b->ws, now);
    adit_ws_bridge_feed(b, NULL, 0, now);
}

struct adit_ws_bridge *adit_ws_bridge_new(const struct adit_ws_bridge_conf *conf, adit_time now)
{
    struct adit_ws_bridge *b = adit_zalloc(sizeof *b);
    struct adit_ws_conf ws = { .server = conf->server,
                               .message_max = conf->message_max,
                               .fragments_max = 65536,
                               .queue_max = conf->message_max + ADIT_WS_HEADER_MAX };

    if (!b)
        return NULL;
    b->conf = *conf;
    adit_rng_init(&b->rng);
    adit_buf_init(&b->parts, conf->message_max);
    adit_timer_init(&b->timer, adit_framing_of(conf->x)->c.conf.loop, on_timer, "ws bridge");
    ws.rng = &b->rng;
    b->ws = adit_ws_new(&ws, now);
    return b->ws ? b : adit_ws_bridge_free(b);
}

static void forget_parts(struct adit_ws_bridge *b)
{
    adit_framing_of(b->conf.x)->collected -= b->parts.len;
    adit_buf_done(&b->parts);
    b->opcode = 0;
}

struct adit_ws_bridge *adit_ws_bridge_free(struct adit_ws_bridge *b)
{
    if (b) {
        adit_timer_stop(&b->timer);
        forget_parts(b);
        adit_ws_free(b->ws);
    }
    adit_free(b);
    return NULL;
}

/* ---- handshakes ------------------------------------------------------------------------------ */

/* About one handshake alone; the subprotocol is about both. */
static bool is_ours(const char *field)
{
    return strncasecmp(field, "Sec-WebSocket-", 14) == 0 &&
           strcasecmp(field, "Sec-WebSocket-Protocol") != 0;
}

struct adit_http1_field *adit_ws_bridge_strip(struct adit_http1_head *ret_head,
                                              const struct adit_http1_head *head)
{
    struct adit_http1_field *fields = adit_malloc((head->count + 1) * sizeof *fields);

    *ret_head = *head;
    ret_head->fields = fields;
    ret_head->count = 0;
    for (unsigned i = 0; fields && i < head->count; i++)
        if (!is_ours(head->fields[i].name) && strcasecmp(head->fields[i].name, "Host") != 0)
            fields[ret_head->count++] = head->fields[i];
    return fields;
}

int adit_ws_bridge_asked(struct adit_ws_bridge *b, const struct adit_http1_head *head)
{
    const char *key = adit_http1_get_one(head, "Sec-WebSocket-Key");
    const char *version = adit_http1_get_one(head, "Sec-WebSocket-Version");
    const char *list = adit_http1_get(head, "Sec-WebSocket-Protocol");
    struct adit_span first;

    b->told = true; /* a request that is none is not told to the other end */
    if (!version || strcmp(version, "13") != 0)
        return 426;
    if (!key || strlen(key) != ADIT_WS_KEY_SIZE - 1 || strcmp(head->method, "GET") != 0)
        return 400;
    b->told = false;
    adit_ws_accept(b->accept, key);
    if (list && adit_http1_token(&list, &first))
        (void)!adit_str_copy(b->offer, sizeof b->offer, (const char *)first.data, first.len);
    return 0;
}

const char *adit_ws_bridge_offer(const struct adit_ws_bridge *b)
{
    return b->offer;
}

bool adit_ws_bridge_tell_open(struct adit_ws_bridge *b, const char *protocol, adit_time now)
{
    struct adit_http1_field fields[] = { { "Upgrade", "websocket" },
                                         { "Sec-WebSocket-Accept", b->accept },
                                         { "Sec-WebSocket-Protocol", protocol } };
    struct adit_http1_head head = { .method = "",
                                    .target = "",
                                    .status = 101,
                                    .minor = 1,
                                    .reason = adit_http1_reason(101),
                                    .fields = fields,
                                    .count = *protocol ? 3 : 2,
                                    .upgrade = true };

    if (b->open)
        return true;
    b->open = true;
    return adit_framed_tell_head(b->conf.x, &head, now) && adit_ws_bridge_tell(b, now);
}

char *adit_ws_bridge_path(const char *url, size_t n)
{
    char *path = memchr(url, 0, n) ? NULL : adit_malloc(n + 2), *rest, *start;

    if (!path)
        return NULL;
    memcpy(path + 1, url, n);
    path[n + 1] = '\0';
    rest = strstr(path + 1, "://");
    start = path[1] == '/' || !rest ? path + 1 : rest + 3 + strcspn(rest + 3, "/?#");
    start[strcspn(start, "#")] = '\0';
    if (*start != '/' && rest) /* nothing, or a query, behind the host */
        *--start = '/';
    memmove(path, start, strlen(start) + 1);
    if (adit_framing_is_request("GET", path))
        return path;
    adit_free(path);
    return NULL;
}

int adit_ws_bridge_ask(struct adit_ws_bridge *b, struct adit_framing_head *h, json_t *headers)
{
    int err = adit_framing_read(h, headers, 3);
    unsigned kept = 0;

    if (err)
        return err;
    for (unsigned i = 0; i < h->head.count; i++)
        if (!is_ours(h->fields[i].name) && strcasecmp(h->fields[i].name, "Content-Length") != 0)
            h->fields[kept++] = h->fields[i];
    h->head.count = kept;
    h->head.body = h->head.chunked = false;
    h->head.length = 0;
    h->head.upgrade = true;
    adit_ws_make_key(b->key, &b->rng);
    adit_framing_add(h, "Upgrade", "websocket");
    adit_framing_add(h, "Sec-WebSocket-Version", "13");
    adit_framing_add(h, "Sec-WebSocket-Key", b->key);
    return 0;
}

bool adit_ws_bridge_answered(struct adit_ws_bridge *b, const struct adit_http1_head *head,
                             const char **ret_protocol)
{
    const char *accept = adit_http1_get_one(head, "Sec-WebSocket-Accept");
    const char *protocol = adit_http1_get_one(head, "Sec-WebSocket-Protocol");

    adit_ws_accept(b->accept, b->key);
    if (head->status != 101 || !accept || strcmp(accept, b->accept) != 0 ||
        adit_http1_get(head, "Sec-WebSocket-Extensions") ||
        (protocol &&
         adit_str_copy(b->protocol, sizeof b->protocol, protocol, strlen(protocol)) < 0))
        return false;
    b->open = true;
    adit_framed_expect(b->conf.x, head);
    *ret_protocol = b->protocol;
    adit_framed_later(b->conf.x);
    return true;
}

/* ---- HTTP's side ----------------------------------------------------------------------------- */

static void say_closed(struct adit_ws_bridge *b, unsigned code, const uint8_t *reason, size_t n)
{
    if (b->told)
        return;
    b->told = true;
    forget_parts(b);
    b->conf.ops->closed(b->conf.x, code, reason, n);
}

static void on_closed(struct adit_ws_bridge *b, const struct adit_ws_event *ev)
{
    unsigned gone = b->conf.server ? ADIT_WS_GOING_AWAY : ADIT_WS_ABNORMAL;

    b->closed = true;
    say_closed(b,
               ev->code == ADIT_WS_NO_CODE    ? ADIT_WS_NORMAL
               : ev->code == ADIT_WS_ABNORMAL ? gone
                                              : ev->code,
               ev->data.data, ev->data.len);
}

void adit_ws_bridge_feed(struct adit_ws_bridge *b, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_ws_event ev = { .what = ADIT_WS_NONE };

    while (!b->closed) {
        size_t used = adit_ws_feed(b->ws, bytes, n, &ev, now);
        bytes = bytes ? bytes + used : NULL;
        n -= used;
        if (ev.what == ADIT_WS_NONE)
            break;
        if (ev.what == ADIT_WS_CLOSED)
            on_closed(b, &ev);
        else if (ev.what != ADIT_WS_PONG && !b->told)
            b->conf.ops->message(b->conf.x, ev.what == ADIT_WS_TEXT, ev.data.data, ev.data.len);
    }
    adit_framed_later(b->conf.x);
}

void adit_ws_bridge_eof(struct adit_ws_bridge *b, adit_time now)
{
    adit_ws_eof(b->ws);
    adit_ws_bridge_feed(b, NULL, 0, now);
}

bool adit_ws_bridge_tell(struct adit_ws_bridge *b, adit_time now)
{
    struct adit_span out = adit_ws_pending(b->ws);

    if (!b->open || b->conf.x->in_ended)
        return true;
    if (out.len > 0) {
        if (!adit_framed_tell_body(b->conf.x, out.data, out.len, now))
            return false;
        adit_ws_sent(b->ws, out.len);
    }
    if (b->closed) {
        adit_timer_stop(&b->timer);
        return adit_framed_tell_end(b->conf.x, now);
    }
    adit_timer_set(&b->timer, adit_ws_deadline(b->ws));
    return true;
}

/* ---- the other end's ------------------------------------------------------------------------- */

/* Both sides are told. */
static void give_up(struct adit_ws_bridge *b, unsigned code, const char *why, adit_time now)
{
    adit_ws_close(b->ws, code, why, now);
    say_closed(b, code, (const uint8_t *)why, strlen(why));
    adit_framed_later(b->conf.x);
}

static void pass_on(struct adit_ws_bridge *b, bool text, const uint8_t *bytes, size_t n,
                    adit_time now)
{
    bool early = !b->open && adit_ws_pending(b->ws).len + n > ADIT_WS_BRIDGE_EARLY;
    int err = early ? -EMSGSIZE : adit_ws_send(b->ws, text, bytes, n);

    if (err == -EINVAL)
        give_up(b, ADIT_WS_NOT_UTF8, "a text that is none", now);
    else if (err == -EAGAIN || err == -EMSGSIZE)
        give_up(b, ADIT_WS_TOO_BIG, "too much at once", now);
    else if (err < 0 && err != -ECANCELED)
        give_up(b, ADIT_WS_INTERNAL, "no memory", now);
    else
        adit_framed_later(b->conf.x);
}

static void add_part(struct adit_ws_bridge *b, const uint8_t *bytes, size_t n, adit_time now)
{
    struct adit_framing *f = adit_framing_of(b->conf.x);

    if (n > ADIT_FRAMING_COLLECT_MAX - f->collected) {
        give_up(b, ADIT_WS_TOO_BIG, "too much at once", now);
        return;
    }
    f->collected += n;
    size_t before = b->parts.len;
    adit_buf_add(&b->parts, bytes, n);
    if (b->parts.err) {
        f->collected -= n - (b->parts.len - before);
        give_up(b, b->parts.err == -ENOMEM ? ADIT_WS_INTERNAL : ADIT_WS_TOO_BIG, "too much at once",
                now);
    }
}

static void on_message(struct adit_ws_bridge *b, unsigned opcode, bool fin, const uint8_t *bytes,
                       size_t n, adit_time now)
{
    if ((opcode == CONTINUATION) != (b->opcode != 0)) {
        give_up(b, ADIT_WS_PROTOCOL, "a part out of turn", now);
    } else if (opcode != CONTINUATION && fin) {
        pass_on(b, opcode == TEXT, bytes, n, now);
    } else {
        if (opcode != CONTINUATION)
            b->opcode = opcode;
        add_part(b, bytes, n, now);
        if (fin && !b->told) {
            bool text = b->opcode == TEXT;
            pass_on(b, text, b->parts.data, b->parts.len, now);
            forget_parts(b);
        }
    }
}

void adit_ws_bridge_data(struct adit_ws_bridge *b, unsigned opcode, bool fin, const uint8_t *bytes,
                         size_t n, adit_time now)
{
    if (b->told)
        return;
    if (opcode <= BINARY)
        on_message(b, opcode, fin, bytes, n, now);
    else if (opcode == CLOSE && n >= 2)
        adit_ws_bridge_close(b, adit_get16(bytes), bytes + 2, n - 2, now);
    else if (opcode == CLOSE)
        adit_ws_bridge_close(b, ADIT_WS_NORMAL, NULL, 0, now);
    else if (opcode == PING && b->open && adit_ws_ping(b->ws, bytes, n) == 0)
        adit_framed_later(b->conf.x);
}

void adit_ws_bridge_close(struct adit_ws_bridge *b, unsigned code, const uint8_t *reason, size_t n,
                          adit_time now)
{
    char words[ADIT_WS_REASON_MAX + 1];
    size_t len = n > ADIT_WS_REASON_MAX ? ADIT_WS_REASON_MAX : n;

    while (len > 0 && !adit_utf8_valid(reason, len))
        len--;
    snprintf(words, sizeof words, "%.*s", (int)len, len ? (const char *)reason : "");
    adit_ws_close(b->ws, adit_ws_is_code(code) ? code : ADIT_WS_INTERNAL, words, now);
    adit_framed_later(b->conf.x);
}

void adit_ws_bridge_leave(struct adit_ws_bridge *b, const char *text)
{
    const char *words = text ? text : "it broke off";

    say_closed(b, b->conf.server ? ADIT_WS_GOING_AWAY : ADIT_WS_ABNORMAL, (const uint8_t *)words,
               strlen(words));
}
