#include "http/ws_handshake.h"

#include <stdio.h>
#include <strings.h>

#include "base/digest.h"
#include "base/str.h"

static bool is_span(const struct adit_span *s, const char *text)
{
    return s->len == strlen(text) && memcmp(s->data, text, s->len) == 0;
}

void adit_ws_accept(char out[ADIT_WS_ACCEPT_SIZE], const char *key)
{
    char text[ADIT_WS_KEY_SIZE + 36];
    uint8_t digest[20];
    int n = snprintf(text, sizeof text, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);

    assert(n > 0 && (size_t)n < sizeof text);
    adit_sha1(digest, text, (size_t)n);
    adit_base64_encode(out, digest, sizeof digest, false);
}

/* ---- client ---------------------------------------------------------------------------------- */

void adit_ws_make_key(char key[ADIT_WS_KEY_SIZE], struct adit_rng *rng)
{
    uint8_t bytes[16];

    adit_rng_bytes(rng, bytes, sizeof bytes);
    adit_base64_encode(key, bytes, sizeof bytes, false);
}

void adit_ws_put_request(struct adit_buf *out, const struct adit_ws_request *request,
                         const char *key)
{
    adit_http1_put_request(out, "GET", request->target);
    adit_http1_put_field(out, "Host", request->host);
    adit_http1_put_field(out, "Upgrade", "websocket");
    adit_http1_put_field(out, "Connection", "Upgrade");
    adit_http1_put_field(out, "Sec-WebSocket-Key", key);
    adit_http1_put_field(out, "Sec-WebSocket-Version", "13");
    if (request->protocols)
        adit_http1_put_field(out, "Sec-WebSocket-Protocol", request->protocols);
    if (request->origin)
        adit_http1_put_field(out, "Origin", request->origin);
    for (unsigned i = 0; i < request->field_count; i++)
        adit_http1_put_field(out, request->fields[i].name, request->fields[i].value);
    adit_http1_put_end(out);
}

static int refuse(struct adit_cause *cause, int err, const char *why)
{
    adit_cause_set(cause, ADIT_REASON_PROTOCOL, -err, "the server %s", why);
    return err;
}

/* Section 4.1, the last list, number 6: a protocol that was not asked for. */
static bool was_offered(const char *protocols, const char *name)
{
    struct adit_span t;

    while (protocols && adit_http1_token(&protocols, &t))
        if (is_span(&t, name))
            return true;
    return false;
}

int adit_ws_check_response(const struct adit_http1_head *head,
                           const struct adit_ws_request *request, const char *key,
                           char ret_protocol[ADIT_WS_PROTOCOL_SIZE], struct adit_cause *ret_cause)
{
    const char *upgrade = adit_http1_get_one(head, "Upgrade");
    const char *accept = adit_http1_get_one(head, "Sec-WebSocket-Accept");
    const char *protocol = adit_http1_get(head, "Sec-WebSocket-Protocol");
    char expected[ADIT_WS_ACCEPT_SIZE], words[32];

    if (head->status != 101) {
        adit_cause_set(ret_cause, ADIT_REASON_REMOTE, ECONNREFUSED,
                       "the server refused the WebSocket: %d %s", head->status,
                       adit_str_printable(words, sizeof words, head->reason, strlen(head->reason)));
        return -ECONNREFUSED;
    }
    if (head->minor != 1 || !upgrade || strcasecmp(upgrade, "websocket") != 0 ||
        !adit_http1_has_token(head, "Connection", "upgrade"))
        return refuse(ret_cause, -EPROTO, "upgrades to something that is no WebSocket");
    adit_ws_accept(expected, key);
    if (!accept || strcmp(accept, expected) != 0)
        return refuse(ret_cause, -EPROTO, "did not answer this request (Sec-WebSocket-Accept)");
    if (adit_http1_get(head, "Sec-WebSocket-Extensions"))
        return refuse(ret_cause, -EPROTO, "uses extensions that nobody offered");
    if (protocol && (adit_http1_count(head, "Sec-WebSocket-Protocol") != 1 ||
                     !was_offered(request->protocols, protocol)))
        return refuse(ret_cause, -EPROTO, "chose a protocol that nobody offered");
    if (adit_str_copy(ret_protocol, ADIT_WS_PROTOCOL_SIZE, protocol ? protocol : "",
                      protocol ? strlen(protocol) : 0) < 0)
        return refuse(ret_cause, -EPROTO, "chose a protocol with too long a name");
    return 0;
}

/* ---- server ---------------------------------------------------------------------------------- */

bool adit_ws_wanted(const struct adit_http1_head *head)
{
    return adit_http1_has_token(head, "Upgrade", "websocket");
}

static bool is_key(const char *key)
{
    uint8_t bytes[18];

    return key && strlen(key) == ADIT_WS_KEY_SIZE - 1 && !strpbrk(key, "-_") &&
           adit_base64_decode(bytes, key, ADIT_WS_KEY_SIZE - 1) == 16;
}

static bool may_come_from(const struct adit_http1_head *head, const struct adit_ws_policy *policy)
{
    const char *origin = adit_http1_get_one(head, "Origin");

    if (policy->origin_count == 0 || adit_http1_count(head, "Origin") == 0)
        return true;
    for (unsigned i = 0; origin && i < policy->origin_count; i++)
        if (strcasecmp(origin, policy->origins[i]) == 0)
            return true;
    return false;
}

static const char *choose_protocol(const struct adit_http1_head *head,
                                   const struct adit_ws_policy *policy)
{
    struct adit_span t;

    for (unsigned i = 0; i < head->count; i++) {
        const char *list = head->fields[i].value;

        if (strcasecmp(head->fields[i].name, "Sec-WebSocket-Protocol") == 0)
            while (adit_http1_token(&list, &t))
                for (unsigned k = 0; k < policy->protocol_count; k++)
                    if (is_span(&t, policy->protocols[k]))
                        return policy->protocols[k];
    }
    return NULL;
}

void adit_ws_check_request(const struct adit_http1_head *head, const struct adit_ws_policy *policy,
                           struct adit_ws_verdict *ret_verdict)
{
    const char *key = adit_http1_get_one(head, "Sec-WebSocket-Key");
    const char *version = adit_http1_get_one(head, "Sec-WebSocket-Version");
    struct adit_ws_verdict v = { .status = 400, .why = "" };

    if (strcmp(head->method, "GET") != 0) {
        v.status = 405;
        v.why = "a WebSocket begins with GET";
    } else if (!adit_ws_wanted(head)) {
        v.status = 426;
        v.why = "this is a WebSocket server";
    } else if (head->minor != 1 || !adit_http1_has_token(head, "Connection", "upgrade")) {
        v.why = "an upgrade needs HTTP/1.1 and Connection: Upgrade; a proxy may have removed it";
    } else if (head->body) {
        v.why = "a WebSocket request has no body";
    } else if (!version || strcmp(version, "13") != 0) {
        v.status = 426; /* section 4.4 */
        v.why = "Sec-WebSocket-Version has to be 13";
    } else if (!is_key(key)) {
        v.why = "Sec-WebSocket-Key has to be 16 bytes in base64";
    } else if (!may_come_from(head, policy)) {
        v.status = 403;
        v.why = "this origin is not allowed here";
    } else {
        v.status = 101;
        v.protocol = choose_protocol(head, policy);
        adit_ws_accept(v.accept, key);
    }
    *ret_verdict = v;
}

void adit_ws_put_response(struct adit_buf *out, const struct adit_ws_verdict *verdict)
{
    adit_http1_put_status(out, verdict->status, NULL);
    if (verdict->status == 101) {
        adit_http1_put_field(out, "Upgrade", "websocket");
        adit_http1_put_field(out, "Connection", "Upgrade");
        adit_http1_put_field(out, "Sec-WebSocket-Accept", verdict->accept);
        if (verdict->protocol)
            adit_http1_put_field(out, "Sec-WebSocket-Protocol", verdict->protocol);
        if (verdict->field.name)
            adit_http1_put_field(out, verdict->field.name, verdict->field.value);
        adit_http1_put_end(out);
        return;
    }
    if (verdict->status == 426) {
        adit_http1_put_field(out, "Upgrade", "websocket");
        adit_http1_put_field(out, "Connection", "Upgrade, close");
        adit_http1_put_field(out, "Sec-WebSocket-Version", "13");
    } else {
        adit_http1_put_field(out, "Connection", "close");
    }
    if (verdict->status == 405)
        adit_http1_put_field(out, "Allow", "GET");
    adit_http1_put_field(out, "Content-Type", "text/plain");
    adit_http1_put_length(out, strlen(verdict->why) + 1);
    adit_http1_put_end(out);
    adit_buf_printf(out, "%s\n", verdict->why);
}
