#include "signal/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"

/* ---- events ---------------------------------------------------------------------------------- */

void adit_say_event(struct adit_dialect_state *s, enum adit_signal_what what, const char *peer)
{
    struct adit_signal_event e = ADIT_SIGNAL_EVENT(what);

    e.peer = peer;
    s->ops->event(s->arg, &e);
}

void adit_say_joined(struct adit_dialect_state *s)
{
    s->joined = true;
    adit_say_event(s, ADIT_SIGNAL_JOINED, "");
}

void adit_say_peer(struct adit_dialect_state *s, const char *peer, bool offer)
{
    struct adit_signal_event e = ADIT_SIGNAL_EVENT(ADIT_SIGNAL_PEER);

    e.peer = peer;
    e.offer = offer;
    s->ops->event(s->arg, &e);
}

static void explain(struct adit_cause *cause, enum adit_reason reason, int err, const char *fmt,
                    va_list ap)
{
    char text[256];
    int n = vsnprintf(text, sizeof text, fmt, ap);

    cause->reason = reason;
    cause->err = err;
    adit_str_printable(cause->text, sizeof cause->text, text,
                       n < 0                     ? 0
                       : (size_t)n < sizeof text ? (size_t)n
                                                 : sizeof text - 1);
}

void adit_say_error(struct adit_dialect_state *s, const char *peer, int err, const char *fmt, ...)
{
    struct adit_signal_event e = ADIT_SIGNAL_EVENT(ADIT_SIGNAL_ERROR);
    va_list ap;

    va_start(ap, fmt);
    explain(&e.cause, ADIT_REASON_PROTOCOL, err, fmt, ap);
    va_end(ap);
    e.peer = peer;
    s->ops->event(s->arg, &e);
}

void adit_say_fail(struct adit_dialect_state *s, bool again, bool final, const char *fmt, ...)
{
    struct adit_cause cause;
    va_list ap;

    va_start(ap, fmt);
    explain(&cause, ADIT_REASON_REMOTE, 0, fmt, ap);
    va_end(ap);
    s->ops->fail(s->arg, &cause, again, final);
}

void adit_say_description(struct adit_dialect_state *s, const char *peer,
                          enum adit_signal_type type, const json_t *text)
{
    adit_say_description_of(s, peer, type, text, false);
}

void adit_say_description_of(struct adit_dialect_state *s, const char *peer,
                             enum adit_signal_type type, const json_t *text, bool relay)
{
    struct adit_signal_event e = ADIT_SIGNAL_EVENT(ADIT_SIGNAL_DESCRIPTION);
    size_t len = json_string_length(text);

    if (!json_is_string(text) || len == 0 || len > ADIT_SIGNAL_SDP_MAX ||
        strlen(json_string_value(text)) != len) {
        adit_say_error(s, peer, EPROTO, "a description that is none, or too long, was refused");
        return;
    }
    e.peer = peer;
    e.type = type;
    e.text = json_string_value(text);
    e.len = len;
    e.relay = relay;
    s->ops->event(s->arg, &e);
}

/* ---- candidates ------------------------------------------------------------------------------ */

static void candidate_text(struct adit_dialect_state *s, const char *peer, const char *text,
                           const json_t *around)
{
    struct adit_signal_event e = ADIT_SIGNAL_EVENT(ADIT_SIGNAL_CANDIDATE);
    const char *mid = adit_json_string(around, "sdpMid");
    const json_t *mline = json_object_get(around, "sdpMLineIndex");

    e.peer = peer;
    e.text = text;
    e.len = strlen(text);
    if (e.len == 0) {
        adit_say_event(s, ADIT_SIGNAL_CANDIDATES_END, peer);
        return;
    }
    if (e.len > ADIT_SIGNAL_CANDIDATE_MAX || (mid && strlen(mid) > ADIT_SIGNAL_MID_MAX)) {
        adit_say_error(s, peer, EPROTO, "a candidate that is too long was passed over");
        return;
    }
    e.mid = mid ? mid : "";
    if (json_is_integer(mline) && json_integer_value(mline) >= 0 &&
        json_integer_value(mline) <= UINT16_MAX)
        e.mline = (int)json_integer_value(mline);
    s->ops->event(s->arg, &e);
}

void adit_say_candidate(struct adit_dialect_state *s, const char *peer, const json_t *candidate,
                        const json_t *around)
{
    struct adit_cause cause;
    json_t *inner = NULL;

    if (json_is_null(candidate)) {
        adit_say_event(s, ADIT_SIGNAL_CANDIDATES_END, peer);
        return;
    }
    if (json_is_string(candidate) && json_string_value(candidate)[0] == '{') {
        inner = adit_json_read(json_string_value(candidate), json_string_length(candidate), &cause);
        candidate = inner;
    }
    if (json_is_object(candidate)) {
        around = candidate;
        candidate = json_object_get(around, "candidate");
    }
    if (json_is_string(candidate) &&
        strlen(json_string_value(candidate)) == json_string_length(candidate))
        candidate_text(s, peer, json_string_value(candidate), around);
    else
        adit_say_error(s, peer, EPROTO, "a candidate that is none was passed over");
    json_decref(inner);
}

json_t *adit_say_candidate_object(const char *candidate, const char *mid, int mline, bool ufrag)
{
    json_t *o = json_pack("{s:s, s:s, s:i}", "candidate", candidate, "sdpMid", *mid ? mid : "0",
                          "sdpMLineIndex", mline < 0 ? 0 : mline);

    if (o && ufrag && json_object_set_new(o, "usernameFragment", json_null()) < 0) {
        json_decref(o);
        o = NULL;
    }
    return o;
}

/* ---- messages -------------------------------------------------------------------------------- */

json_t *adit_say_read(struct adit_dialect_state *s, const char *text, size_t n,
                      const char **ret_type)
{
    struct adit_cause cause;
    json_t *message;

    if (n > ADIT_DIALECT_MESSAGE_MAX) {
        adit_say_error(s, "", EMSGSIZE, "the server sent a message that is too long");
        return NULL;
    }
    message = adit_json_read(text, n, &cause);
    if (!message) {
        adit_say_error(s, "", EPROTO, "the server sent no message: %s", cause.text);
        return NULL;
    }
    *ret_type = adit_json_string(message, "type");
    if (!*ret_type) {
        adit_say_error(s, "", EPROTO, "the server sent a message without a type");
        json_decref(message);
        return NULL;
    }
    return message;
}

bool adit_say_is_word(const char *text)
{
    for (const char *p = text; *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return false;
    }
    return *text && adit_utf8_valid(text, strlen(text));
}

const char *adit_say_name(const json_t *message, const char *key)
{
    const char *name = adit_json_string(message, key);

    return name && strlen(name) <= ADIT_SIGNAL_PEER_MAX && adit_say_is_word(name) ? name : NULL;
}

int adit_say_send(struct adit_dialect_state *s, json_t *message)
{
    char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;
    size_t n = text ? strlen(text) : 0;
    int err = !text ? -ENOMEM : n > ADIT_DIALECT_MESSAGE_MAX ? -EMSGSIZE : 0;

    if (err == 0)
        s->ops->send(s->arg, text, n);
    json_decref(message);
    free(text);
    return err;
}

int adit_say_id(struct adit_dialect_state *s, const char *prefix, struct adit_cause *ret_cause)
{
    const char *id = s->conf->id;
    int n;

    if (!id || !*id) {
        n = snprintf(s->id, sizeof s->id, "%s%016llx", prefix,
                     (unsigned long long)adit_rng_u64(s->conf->rng));
        assert(n > 0 && (size_t)n < sizeof s->id);
        return 0;
    }
    if (!adit_say_is_word(id) || adit_str_copy(s->id, sizeof s->id, id, strlen(id)) < 0) {
        adit_cause_set(ret_cause, ADIT_REASON_LOCAL, EINVAL,
                       "--id must have at most %d bytes and no control characters",
                       ADIT_SIGNAL_PEER_MAX);
        return -EINVAL;
    }
    return 0;
}

void adit_say_escaped(struct adit_buf *out, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if ((*p >= '0' && *p <= '9') || ((*p | 32) >= 'a' && (*p | 32) <= 'z') ||
            strchr("-._~", *p))
            adit_buf_add8(out, *p);
        else
            adit_buf_printf(out, "%%%02X", *p);
    }
}

size_t adit_say_path_len(const char *target)
{
    return strcspn(target, "?#");
}
