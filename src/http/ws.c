/* ws.c - frames are wslay's; what they may say, and in which order, is ours.
 *
 * wslay reads and writes the frame header, takes the mask off and puts it on, and refuses lengths
 * that are not minimal or have their highest bit set, and control frames that are long or in
 * fragments. Reserved bits and opcodes, who masks, the order of fragments, sizes, UTF-8 and the
 * closing handshake are looked at here, as soon as wslay shows the frame. */
#include "http/ws.h"

#include <wslay/wslay.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/str.h"
#include "http/utf8.h"

#define KEEP_MAX 4096 /* what an empty message buffer may hold on to */

enum state {
    OPEN,
    CLOSING, /* our close frame is queued, the peer's is awaited */
    ENDED,   /* CLOSED is to be told */
    TOLD,
};

struct adit_ws {
    struct adit_ws_conf conf;
    enum state state;
    wslay_frame_context_ptr frames;
    struct adit_span in; /* what was fed and wslay has not taken */
    /* the frame that is coming in */
    bool in_frame;
    uint64_t frame_len;
    uint8_t control[ADIT_WS_CONTROL_MAX + 1];
    /* the message that is coming in, or was just told */
    bool in_message, text;
    unsigned fragments;
    struct adit_buf message;
    struct adit_utf8 utf8;
    /* on its way out */
    struct adit_buf out;
    bool pong_late; /* one for which there was no room; a newer ping takes its place */
    uint8_t pong_len;
    uint8_t pong[ADIT_WS_CONTROL_MAX];
    adit_time ping_at, give_up_at;
    struct adit_ws_event closed;
    uint8_t reason[ADIT_WS_REASON_MAX + 1];
};

/* ---- writing --------------------------------------------------------------------------------- */

static ssize_t on_send(const uint8_t *data, size_t n, int flags, void *arg)
{
    struct adit_ws *ws = arg;

    (void)flags;
    adit_buf_add(&ws->out, data, n);
    return ws->out.err ? -1 : (ssize_t)n;
}

static ssize_t on_recv(uint8_t *out, size_t n, int flags, void *arg)
{
    struct adit_ws *ws = arg;

    (void)flags;
    if (n > ws->in.len)
        n = ws->in.len;
    if (n) {
        memcpy(out, ws->in.data, n);
        ws->in.data += n;
        ws->in.len -= n;
    }
    return (ssize_t)n;
}

static int on_mask(uint8_t *out, size_t n, void *arg)
{
    struct adit_ws *ws = arg;

    adit_rng_bytes(ws->conf.rng, out, n);
    return 0;
}

static void end(struct adit_ws *ws, enum adit_reason reason, int err, unsigned code,
                const char *why)
{
    if (ws->state == ENDED || ws->state == TOLD)
        return;
    ws->state = ENDED;
    ws->closed = (struct adit_ws_event){ .what = ADIT_WS_CLOSED, .code = code };
    adit_cause_set(&ws->closed.cause, reason, err, "%s", why);
}

/* Room has been looked at before: a frame is never written in part. */
static bool write_frame(struct adit_ws *ws, uint8_t opcode, const void *data, size_t n)
{
    struct wslay_frame_iocb frame = { .fin = 1,
                                      .opcode = opcode,
                                      .mask = !ws->conf.server,
                                      .payload_length = n,
                                      .data = data,
                                      .data_length = n };

    if (wslay_frame_send(ws->frames, &frame) == (ssize_t)n)
        return true;
    end(ws, ADIT_REASON_RESOURCE, ENOMEM, ADIT_WS_ABNORMAL, "no memory for what is to be sent");
    return false;
}

/* Control frames may go beyond queue_max, but leave room for the close frame. */
static bool has_control_room(const struct adit_ws *ws)
{
    return ws->out.len + 2 * (ADIT_WS_CONTROL_MAX + ADIT_WS_HEADER_MAX) <= ws->out.limit;
}

static void write_close(struct adit_ws *ws, unsigned code, const void *reason, size_t n)
{
    uint8_t payload[ADIT_WS_CONTROL_MAX];

    if (code == 0 || code == ADIT_WS_NO_CODE) {
        write_frame(ws, WSLAY_CONNECTION_CLOSE, NULL, 0);
        return;
    }
    adit_put16(payload, (uint16_t)code);
    if (n)
        memcpy(payload + 2, reason, n);
    write_frame(ws, WSLAY_CONNECTION_CLOSE, payload, n + 2);
}

static void send_pong(struct adit_ws *ws)
{
    ws->pong_late = !has_control_room(ws);
    if (!ws->pong_late)
        write_frame(ws, WSLAY_PONG, ws->pong, ws->pong_len);
}

int adit_ws_send(struct adit_ws *ws, bool text, const void *data, size_t n)
{
    if (ws->state != OPEN)
        return -ECANCELED;
    if (n + ADIT_WS_HEADER_MAX > ws->conf.queue_max)
        return -EMSGSIZE;
    if (ws->out.len + n + ADIT_WS_HEADER_MAX > ws->conf.queue_max)
        return -EAGAIN;
    if (text && !adit_utf8_valid(data, n))
        return -EINVAL;
    return write_frame(ws, text ? WSLAY_TEXT_FRAME : WSLAY_BINARY_FRAME, data, n) ? 0 : -ENOMEM;
}

int adit_ws_ping(struct adit_ws *ws, const void *data, size_t n)
{
    if (ws->state != OPEN)
        return -ECANCELED;
    if (n > ADIT_WS_CONTROL_MAX)
        return -EMSGSIZE;
    if (!has_control_room(ws))
        return -EAGAIN;
    return write_frame(ws, WSLAY_PING, data, n) ? 0 : -ENOMEM;
}

void adit_ws_close(struct adit_ws *ws, unsigned code, const char *reason, adit_time now)
{
    size_t n = reason ? strlen(reason) : 0;

    assert(code == 0 || adit_ws_is_code(code));
    if (ws->state != OPEN)
        return;
    if (n > ADIT_WS_REASON_MAX)
        for (n = ADIT_WS_REASON_MAX; n && ((uint8_t)reason[n] & 0xc0) == 0x80;)
            n--;
    ws->state = CLOSING;
    ws->give_up_at = now + ws->conf.close_within;
    write_close(ws, code, reason, n);
}

struct adit_span adit_ws_pending(const struct adit_ws *ws)
{
    return (struct adit_span){ ws->out.data, ws->out.len };
}

void adit_ws_sent(struct adit_ws *ws, size_t n)
{
    adit_buf_consume(&ws->out, n);
    if (ws->pong_late && ws->state == OPEN)
        send_pong(ws);
    if (ws->out.len == 0 && ws->out.cap > KEEP_MAX)
        adit_buf_done(&ws->out);
}

bool adit_ws_open(const struct adit_ws *ws)
{
    return ws->state == OPEN;
}

/* ---- reading --------------------------------------------------------------------------------- */

bool adit_ws_is_code(unsigned code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

/* Section 7.1.7: say why, and be done. */
static void fail(struct adit_ws *ws, unsigned code, const char *why)
{
    if (ws->state == OPEN)
        write_close(ws, code, NULL, 0);
    end(ws, code == ADIT_WS_INTERNAL ? ADIT_REASON_RESOURCE : ADIT_REASON_PROTOCOL,
        code == ADIT_WS_INTERNAL ? ENOMEM : EPROTO, ADIT_WS_ABNORMAL, why);
}

static void on_close(struct adit_ws *ws, size_t n)
{
    bool ours = ws->state == CLOSING;
    unsigned code = n >= 2 ? adit_get16(ws->control) : ADIT_WS_NO_CODE;
    struct adit_utf8 utf8 = { 0 };

    if (n == 1 || (n >= 2 && !adit_ws_is_code(code))) {
        fail(ws, ADIT_WS_PROTOCOL, "the peer closed with a code that there is not");
        return;
    }
    n = n >= 2 ? n - 2 : 0;
    if (!adit_utf8_feed(&utf8, ws->control + 2, n) || !adit_utf8_may_end(&utf8)) {
        fail(ws, ADIT_WS_NOT_UTF8, "the peer closed with words that are not UTF-8");
        return;
    }
    if (!ours)
        write_close(ws, code, NULL, 0); /* section 5.5.1: typically echoes the code */
    end(ws, ours ? ADIT_REASON_LOCAL : ADIT_REASON_REMOTE, 0, code,
        ours ? "closed" : "the peer closed the connection");
    memcpy(ws->reason, ws->control + 2, n);
    ws->reason[n] = '\0';
    ws->closed.data = (struct adit_span){ ws->reason, n };
}

/* Section 5.4. */
static void begin_message(struct adit_ws *ws, uint8_t opcode)
{
    ws->in_message = true;
    ws->text = opcode == WSLAY_TEXT_FRAME;
    ws->fragments = 0;
    ws->utf8 = (struct adit_utf8){ 0 };
    if (ws->message.cap > KEEP_MAX)
        adit_buf_done(&ws->message);
    ws->message.len = 0;
}

/* A frame's header has come in. */
static void begin_frame(struct adit_ws *ws, const struct wslay_frame_iocb *f)
{
    bool control = f->opcode & 8;

    ws->in_frame = true;
    ws->frame_len = 0;
    if (f->rsv)
        fail(ws, ADIT_WS_PROTOCOL, "the peer set bits that are reserved");
    else if (f->opcode > WSLAY_PONG || (f->opcode > WSLAY_BINARY_FRAME && !control))
        fail(ws, ADIT_WS_PROTOCOL, "the peer sent a frame of a kind that is reserved");
    else if (!f->mask == ws->conf.server) /* section 5.1 */
        fail(ws, ADIT_WS_PROTOCOL,
             ws->conf.server ? "the client does not mask" : "the server masks");
    else if (!control && ws->in_message != (f->opcode == WSLAY_CONTINUATION_FRAME))
        fail(ws, ADIT_WS_PROTOCOL, "the peer mixed up the fragments of a message");
    if (control || ws->state == ENDED)
        return;
    if (!ws->in_message)
        begin_message(ws, f->opcode);
    if (f->payload_length > ws->conf.message_max - ws->message.len)
        fail(ws, ADIT_WS_TOO_BIG, "the peer sent a message that is too large");
    else if (++ws->fragments > ws->conf.fragments_max)
        fail(ws, ADIT_WS_POLICY, "the peer sent a message in too many fragments");
}

static void add_payload(struct adit_ws *ws, const struct wslay_frame_iocb *f)
{
    if (f->opcode & 8) {
        memcpy(ws->control + ws->frame_len, f->data, f->data_length); /* at most 125, says wslay */
    } else {
        if (ws->text && !adit_utf8_feed(&ws->utf8, f->data, f->data_length)) {
            fail(ws, ADIT_WS_NOT_UTF8, "the peer sent text that is not UTF-8");
            return;
        }
        adit_buf_add(&ws->message, f->data, f->data_length);
        if (ws->message.err)
            fail(ws, ADIT_WS_INTERNAL, "no memory for a message of the peer");
    }
    ws->frame_len += f->data_length;
}

static void end_message(struct adit_ws *ws, struct adit_ws_event *ev)
{
    ws->in_message = false;
    if (ws->text && !adit_utf8_may_end(&ws->utf8)) {
        fail(ws, ADIT_WS_NOT_UTF8, "the peer sent text that is not UTF-8");
        return;
    }
    if (ws->state != OPEN) /* after our close nobody here wants to hear more */
        return;
    adit_buf_str(&ws->message);
    if (ws->message.err) {
        fail(ws, ADIT_WS_INTERNAL, "no memory for a message of the peer");
        return;
    }
    ev->what = ws->text ? ADIT_WS_TEXT : ADIT_WS_BINARY;
    ev->data = (struct adit_span){ ws->message.data, ws->message.len };
}

static void end_frame(struct adit_ws *ws, const struct wslay_frame_iocb *f,
                      struct adit_ws_event *ev)
{
    size_t n = (size_t)ws->frame_len;

    ws->in_frame = false;
    switch (f->opcode) {
    case WSLAY_CONNECTION_CLOSE:
        on_close(ws, n);
        break;
    case WSLAY_PING:
        if (ws->state != OPEN)
            break;
        memcpy(ws->pong, ws->control, n);
        ws->pong_len = (uint8_t)n;
        send_pong(ws);
        break;
    case WSLAY_PONG:
        if (ws->state != OPEN)
            break;
        ev->what = ADIT_WS_PONG;
        ev->data = (struct adit_span){ ws->control, n };
        break;
    default:
        if (f->fin)
            end_message(ws, ev);
    }
}

static void heard(struct adit_ws *ws, adit_time now)
{
    if (ws->state != OPEN)
        return;
    ws->give_up_at = ADIT_NEVER;
    ws->ping_at = ws->conf.ping_every ? now + ws->conf.ping_every : ADIT_NEVER;
}

size_t adit_ws_feed(struct adit_ws *ws, const void *bytes, size_t n,
                    struct adit_ws_event *ret_event, adit_time now)
{
    struct wslay_frame_iocb f;

    *ret_event = (struct adit_ws_event){ .what = ADIT_WS_NONE };
    if (n)
        heard(ws, now);
    ws->in = (struct adit_span){ bytes, n };
    while (ret_event->what == ADIT_WS_NONE && ws->state < ENDED) {
        ssize_t got = wslay_frame_recv(ws->frames, &f);

        if (got == WSLAY_ERR_WANT_READ)
            return n;
        if (got < 0) {
            fail(ws, ADIT_WS_PROTOCOL, "the peer sent a frame that is malformed");
            break;
        }
        if (!ws->in_frame)
            begin_frame(ws, &f);
        if (ws->state < ENDED && got > 0)
            add_payload(ws, &f);
        if (ws->state < ENDED && ws->frame_len == f.payload_length)
            end_frame(ws, &f, ret_event);
    }
    if (ws->state == ENDED && ret_event->what == ADIT_WS_NONE) {
        ws->state = TOLD;
        *ret_event = ws->closed;
    }
    return ws->state == TOLD ? n : n - ws->in.len;
}

void adit_ws_eof(struct adit_ws *ws)
{
    end(ws, ADIT_REASON_REMOTE, ECONNRESET, ADIT_WS_ABNORMAL,
        "the connection ended without a goodbye");
}

/* ---- time ------------------------------------------------------------------------------------ */

adit_time adit_ws_deadline(const struct adit_ws *ws)
{
    switch (ws->state) {
    case OPEN:
        return adit_time_min(ws->ping_at, ws->give_up_at);
    case CLOSING:
        return ws->give_up_at;
    case ENDED:
    case TOLD:
        break;
    }
    return ADIT_NEVER;
}

void adit_ws_tick(struct adit_ws *ws, adit_time now)
{
    if (ws->state == OPEN && now >= ws->give_up_at)
        end(ws, ADIT_REASON_SILENCE, ETIMEDOUT, ADIT_WS_ABNORMAL, "the peer does not answer pings");
    else if (ws->state == CLOSING && now >= ws->give_up_at)
        end(ws, ADIT_REASON_TIMEOUT, ETIMEDOUT, ADIT_WS_ABNORMAL, "the peer does not say goodbye");
    if (ws->state != OPEN || now < ws->ping_at)
        return;
    ws->ping_at = ADIT_NEVER;
    ws->give_up_at = now + ws->conf.pong_within;
    if (has_control_room(ws)) /* else the peer does not read: it has as long as for a pong */
        write_frame(ws, WSLAY_PING, NULL, 0);
}

/* ---- life ------------------------------------------------------------------------------------ */

struct adit_ws *adit_ws_new(const struct adit_ws_conf *conf, adit_time now)
{
    static const struct wslay_frame_callbacks callbacks = { on_send, on_recv, on_mask };
    struct adit_ws *ws = adit_zalloc(sizeof *ws);

    if (!ws)
        return NULL;
    ws->conf = *conf;
    if (!conf->message_max)
        ws->conf.message_max = ADIT_WS_MESSAGE_DEFAULT;
    if (!conf->fragments_max)
        ws->conf.fragments_max = ADIT_WS_FRAGMENTS_DEFAULT;
    if (!conf->queue_max)
        ws->conf.queue_max = ADIT_WS_QUEUE_DEFAULT;
    if (!conf->pong_within)
        ws->conf.pong_within = ADIT_WS_PONG_DEFAULT;
    if (!conf->close_within)
        ws->conf.close_within = ADIT_WS_CLOSE_DEFAULT;
    adit_buf_init(&ws->message, ws->conf.message_max);
    adit_buf_init(&ws->out, ws->conf.queue_max + ADIT_WS_CONTROL_ROOM);
    heard(ws, now);
    if (wslay_frame_context_init(&ws->frames, &callbacks, ws) != 0)
        return adit_ws_free(ws);
    return ws;
}

struct adit_ws *adit_ws_free(struct adit_ws *ws)
{
    if (!ws)
        return NULL;
    if (ws->frames)
        wslay_frame_context_free(ws->frames);
    adit_buf_done(&ws->message);
    adit_buf_done(&ws->out);
    adit_free(ws);
    return NULL;
}
