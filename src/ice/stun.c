#include "ice/stun.h"

#include <netinet/in.h>
#include <stun/stunagent.h>
#include <sys/socket.h>

#include "base/buf.h"

static_assert((int)ADIT_STUN_REQUEST == STUN_REQUEST && (int)ADIT_STUN_ERROR == STUN_ERROR,
              "the classes are libnice's");
static_assert(ADIT_STUN_ID_SIZE + 4 == STUN_MESSAGE_TRANS_ID_LEN,
              "libnice counts the cookie as part of the transaction id");

#define INTEGRITY_SIZE 20

/* What we understand of Binding (RFC 8489 section 14, RFC 8445 section 16.1); the rest below 0x8000
 * is 420. */
static const uint16_t known_binding[] = {
    ADIT_STUN_MAPPED_ADDRESS,
    ADIT_STUN_USERNAME,
    ADIT_STUN_MESSAGE_INTEGRITY,
    ADIT_STUN_ERROR_CODE,
    ADIT_STUN_UNKNOWN_ATTRIBUTES,
    ADIT_STUN_REALM,
    ADIT_STUN_NONCE,
    ADIT_STUN_XOR_MAPPED_ADDRESS,
    ADIT_STUN_PRIORITY,
    ADIT_STUN_USE_CANDIDATE,
    0,
};

/* And of all other methods (RFC 8656 section 18). */
static const uint16_t known_turn[] = {
    ADIT_STUN_MAPPED_ADDRESS,
    ADIT_STUN_USERNAME,
    ADIT_STUN_MESSAGE_INTEGRITY,
    ADIT_STUN_ERROR_CODE,
    ADIT_STUN_UNKNOWN_ATTRIBUTES,
    ADIT_STUN_CHANNEL_NUMBER,
    ADIT_STUN_LIFETIME,
    ADIT_STUN_XOR_PEER_ADDRESS,
    ADIT_STUN_DATA_VALUE,
    ADIT_STUN_REALM,
    ADIT_STUN_NONCE,
    ADIT_STUN_XOR_RELAYED_ADDRESS,
    ADIT_STUN_REQUESTED_ADDRESS_FAMILY,
    ADIT_STUN_EVEN_PORT,
    ADIT_STUN_REQUESTED_TRANSPORT,
    ADIT_STUN_DONT_FRAGMENT,
    ADIT_STUN_XOR_MAPPED_ADDRESS,
    ADIT_STUN_RESERVATION_TOKEN,
    0,
};

static void make_id(StunTransactionId out, const uint8_t id[ADIT_STUN_ID_SIZE])
{
    adit_put32(out, STUN_MAGIC_COOKIE);
    memcpy(out + 4, id, ADIT_STUN_ID_SIZE);
}

/* libnice keeps its transactions in the agent. We keep ours elsewhere, so an agent lives for one
 * message: it says which rules apply, and for a response it holds the one transaction that matters.
 */
static void agent_init(StunAgent *agent, uint16_t method, bool credentials, bool fingerprint)
{
    stun_agent_init(agent, method == ADIT_STUN_BINDING ? known_binding : known_turn,
                    STUN_COMPATIBILITY_RFC5389,
                    (credentials ? STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS
                                 : STUN_AGENT_USAGE_IGNORE_CREDENTIALS) |
                        (fingerprint ? STUN_AGENT_USAGE_USE_FINGERPRINT : 0));
}

bool adit_stun_peek(struct adit_stun_head *ret_head, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;

    if (n < STUN_MESSAGE_HEADER_LENGTH || n > ADIT_STUN_IN_MAX || p[0] >> 6 ||
        adit_get16(p + 2) != n - STUN_MESSAGE_HEADER_LENGTH || n % 4 ||
        adit_get32(p + 4) != STUN_MAGIC_COOKIE)
        return false;

    StunMessage msg = { .buffer = (uint8_t *)(uintptr_t)p, .buffer_len = n };
    ret_head->class = (enum adit_stun_class)stun_message_get_class(&msg);
    ret_head->method = (uint16_t)stun_message_get_method(&msg);
    memcpy(ret_head->id, p + 8, ADIT_STUN_ID_SIZE);
    return true;
}

struct adit_span adit_stun_username(const void *bytes, size_t n)
{
    struct adit_stun_head head;
    struct adit_cursor c;

    if (!adit_stun_peek(&head, bytes, n))
        return (struct adit_span){ 0 };
    c = adit_cursor((const uint8_t *)bytes + STUN_MESSAGE_HEADER_LENGTH,
                    n - STUN_MESSAGE_HEADER_LENGTH);
    while (adit_cursor_left(&c) >= 4) {
        uint16_t type = adit_cursor_get16(&c), len = adit_cursor_get16(&c);
        const uint8_t *value = adit_cursor_take(&c, ((size_t)len + 3) & ~(size_t)3);

        if (!value)
            break; /* it is longer than the message */
        if (type == ADIT_STUN_USERNAME)
            return (struct adit_span){ value, len };
    }
    return (struct adit_span){ 0 };
}

static bool check_username(StunAgent *agent, StunMessage *msg, uint8_t *name, uint16_t len,
                           uint8_t **ret_key, size_t *ret_key_len, void *data)
{
    const struct adit_stun_auth *auth = data;

    (void)agent;
    (void)msg;
    if (auth->prefix ? len <= auth->username.len : len != auth->username.len)
        return false;
    if (auth->username.len && memcmp(name, auth->username.data, auth->username.len) != 0)
        return false;
    *ret_key = (uint8_t *)(uintptr_t)auth->key.data;
    *ret_key_len = auth->key.len;
    return true;
}

/* In the clear, as all were before RFC 5389. */
static struct adit_addr find_plain(const StunMessage *msg, uint16_t type)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof sa;
    struct adit_addr addr;

    if (stun_message_find_addr(msg, (StunAttribute)type, &sa, &len) ==
            STUN_MESSAGE_RETURN_SUCCESS &&
        adit_addr_from_sockaddr(&addr, (struct sockaddr *)&sa) == 0)
        return addr;
    return (struct adit_addr){ .family = ADIT_FAMILY_NONE };
}

static struct adit_addr find_mapped(const StunMessage *msg)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof sa;
    struct adit_addr addr;

    if (stun_message_find_xor_addr(msg, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &sa, &len) ==
            STUN_MESSAGE_RETURN_SUCCESS &&
        adit_addr_from_sockaddr(&addr, (struct sockaddr *)&sa) == 0)
        return addr;
    return find_plain(msg, ADIT_STUN_MAPPED_ADDRESS);
}

static void extract(struct adit_stun *out, const StunMessage *msg)
{
    uint16_t len;

    out->authenticated = msg->key != NULL;
    out->username.data = stun_message_find(msg, STUN_ATTRIBUTE_USERNAME, &len);
    out->username.len = out->username.data ? len : 0;
    out->mapped = find_mapped(msg);
    out->other = find_plain(msg, ADIT_STUN_OTHER_ADDRESS);
    if (out->head.class == ADIT_STUN_ERROR)
        (void)stun_message_find_error(msg, &out->error); /* stays 0 if unreadable */
    out->has_priority = stun_message_find32(msg, STUN_ATTRIBUTE_PRIORITY, &out->priority) ==
                        STUN_MESSAGE_RETURN_SUCCESS;
    out->use_candidate =
        stun_message_find_flag(msg, STUN_ATTRIBUTE_USE_CANDIDATE) == STUN_MESSAGE_RETURN_SUCCESS;
    if (stun_message_find32(msg, (StunAttribute)ADIT_STUN_NOMINATION, &out->nomination) !=
        STUN_MESSAGE_RETURN_SUCCESS)
        out->nomination = out->use_candidate;
    if (stun_message_find64(msg, STUN_ATTRIBUTE_ICE_CONTROLLING, &out->tie_breaker) ==
        STUN_MESSAGE_RETURN_SUCCESS)
        out->role = ADIT_STUN_ROLE_CONTROLLING;
    else if (stun_message_find64(msg, STUN_ATTRIBUTE_ICE_CONTROLLED, &out->tie_breaker) ==
             STUN_MESSAGE_RETURN_SUCCESS)
        out->role = ADIT_STUN_ROLE_CONTROLLED;
}

enum adit_stun_verdict adit_stun_decode(struct adit_stun *ret_msg, const void *bytes, size_t n,
                                        const struct adit_stun_auth *auth)
{
    bool credentials = auth->key.len > 0;
    StunAgent agent;
    StunMessage msg = { .buffer = (uint8_t *)(uintptr_t)bytes, .buffer_len = n };
    StunValidationStatus status;
    uint16_t len;

    *ret_msg = (struct adit_stun){ 0 };
    struct adit_stun out = { 0 };
    if (!adit_stun_peek(&out.head, bytes, n) ||
        stun_message_validate_buffer_length(bytes, n, true) != (int)n)
        return ADIT_STUN_MALFORMED;
    /* libnice compares 20 bytes of MESSAGE-INTEGRITY whatever length the attribute claims. */
    if (stun_message_find(&msg, STUN_ATTRIBUTE_MESSAGE_INTEGRITY, &len) && len != INTEGRITY_SIZE)
        return ADIT_STUN_MALFORMED;

    agent_init(&agent, out.head.method, credentials, auth->fingerprint);
    if (out.head.class == ADIT_STUN_SUCCESS || out.head.class == ADIT_STUN_ERROR) {
        StunAgentSavedIds *saved = &agent.sent_ids[0];
        *saved = (StunAgentSavedIds){ .method = (StunMethod)out.head.method, .valid = true };
        make_id(saved->id, out.head.id);
        saved->key = credentials ? (uint8_t *)(uintptr_t)auth->key.data : NULL;
        saved->key_len = auth->key.len;
    }
    status = stun_agent_validate(&agent, &msg, bytes, n, check_username, (void *)(uintptr_t)auth);
    switch (status) {
    case STUN_VALIDATION_SUCCESS:
    case STUN_VALIDATION_UNKNOWN_REQUEST_ATTRIBUTE:
    case STUN_VALIDATION_UNKNOWN_ATTRIBUTE:
        break;
    case STUN_VALIDATION_UNAUTHORIZED_BAD_REQUEST:
        return ADIT_STUN_NO_CREDENTIALS;
    case STUN_VALIDATION_UNAUTHORIZED:
        return ADIT_STUN_UNAUTHORIZED;
    case STUN_VALIDATION_NOT_STUN:
    case STUN_VALIDATION_INCOMPLETE_STUN:
    case STUN_VALIDATION_BAD_REQUEST:
    case STUN_VALIDATION_UNMATCHED_RESPONSE:
    case STUN_VALIDATION_FORBIDDEN:
        return ADIT_STUN_MALFORMED;
    }
    extract(&out, &msg);
    *ret_msg = out;
    return status == STUN_VALIDATION_SUCCESS ? ADIT_STUN_OK : ADIT_STUN_UNKNOWN;
}

bool adit_stun_next(struct adit_stun_attr *attr, const void *bytes, size_t n)
{
    const uint8_t *p = bytes, *end = p + n;
    const uint8_t *at = attr->value.data
                            ? attr->value.data + (attr->value.len + 3) / 4 * 4
                            : p + (n < STUN_MESSAGE_HEADER_LENGTH ? n : STUN_MESSAGE_HEADER_LENGTH);

    if (end - at < 4 || end - at - 4 < adit_get16(at + 2))
        return false;
    attr->type = adit_get16(at);
    attr->value = (struct adit_span){ at + 4, adit_get16(at + 2) };
    return attr->type != ADIT_STUN_MESSAGE_INTEGRITY && attr->type != ADIT_STUN_FINGERPRINT &&
           (size_t)(end - attr->value.data) >= (attr->value.len + 3) / 4 * 4;
}

struct adit_span adit_stun_find(const void *bytes, size_t n, enum adit_stun_attribute type)
{
    struct adit_stun_attr attr = { 0 };

    while (adit_stun_next(&attr, bytes, n))
        if (attr.type == type)
            return attr.value;
    return (struct adit_span){ 0 };
}

int adit_stun_get_xor(struct adit_addr *ret_addr, struct adit_span value,
                      const uint8_t id[ADIT_STUN_ID_SIZE])
{
    struct adit_addr a = { 0 };
    uint8_t mask[16];
    size_t size;

    if (value.len < 4)
        return -EPROTO;
    a.family = value.data[1] == 1   ? ADIT_FAMILY_V4
               : value.data[1] == 2 ? ADIT_FAMILY_V6
                                    : ADIT_FAMILY_NONE;
    size = a.family == ADIT_FAMILY_V4 ? 4 : 16;
    if (!a.family)
        return -EAFNOSUPPORT;
    if (value.len != 4 + size)
        return -EPROTO;
    make_id(mask, id);
    a.port = adit_get16(value.data + 2) ^ adit_get16(mask);
    for (size_t i = 0; i < size; i++)
        a.ip[i] = value.data[4 + i] ^ mask[i];
    *ret_addr = a;
    return 0;
}

static StunMessage message_of(struct adit_stun_out *out)
{
    return (StunMessage){ .buffer = out->bytes, .buffer_len = sizeof out->bytes };
}

static void latch(struct adit_stun_out *out, StunMessageReturn result)
{
    if (result != STUN_MESSAGE_RETURN_SUCCESS)
        out->full = true;
}

void adit_stun_begin(struct adit_stun_out *out, enum adit_stun_class class, uint16_t method,
                     const uint8_t id[ADIT_STUN_ID_SIZE])
{
    StunMessage msg = message_of(out);
    StunTransactionId full_id;

    make_id(full_id, id);
    out->len = 0;
    out->full = !stun_message_init(&msg, (StunClass) class, (StunMethod)method, full_id);
}

void adit_stun_add(struct adit_stun_out *out, uint16_t type, const void *bytes, size_t n)
{
    StunMessage msg = message_of(out);

    /* libnice checks the value against the room, but not the padding that follows it. */
    if (stun_message_length(&msg) + 4 + (n + 3) / 4 * 4 > sizeof out->bytes)
        out->full = true;
    else
        latch(out, stun_message_append_bytes(&msg, (StunAttribute)type, bytes, n));
}

void adit_stun_add32(struct adit_stun_out *out, uint16_t type, uint32_t v)
{
    StunMessage msg = message_of(out);

    latch(out, stun_message_append32(&msg, (StunAttribute)type, v));
}

void adit_stun_add64(struct adit_stun_out *out, uint16_t type, uint64_t v)
{
    StunMessage msg = message_of(out);

    latch(out, stun_message_append64(&msg, (StunAttribute)type, v));
}

void adit_stun_add_xor(struct adit_stun_out *out, uint16_t type, const struct adit_addr *addr)
{
    StunMessage msg = message_of(out);
    struct sockaddr_storage sa;
    unsigned len = adit_addr_to_sockaddr(addr, (struct sockaddr *)&sa);

    latch(out, stun_message_append_xor_addr(&msg, (StunAttribute)type, &sa, len));
}

void adit_stun_add_addr(struct adit_stun_out *out, uint16_t type, const struct adit_addr *addr)
{
    StunMessage msg = message_of(out);
    struct sockaddr_storage sa;
    unsigned len = adit_addr_to_sockaddr(addr, (struct sockaddr *)&sa);

    latch(out, stun_message_append_addr(&msg, (StunAttribute)type, (struct sockaddr *)&sa, len));
}

void adit_stun_add_error(struct adit_stun_out *out, unsigned code)
{
    StunMessage msg = message_of(out);

    latch(out, stun_message_append_error(&msg, (StunError)code));
}

void adit_stun_pad(struct adit_stun_out *out, size_t size)
{
    static const uint8_t zeros[ADIT_STUN_OUT_MAX];
    StunMessage msg = message_of(out);
    size_t tail = 4 + INTEGRITY_SIZE + 4 + 4; /* MESSAGE-INTEGRITY and FINGERPRINT */
    size_t len = stun_message_length(&msg) + 4 + tail;

    if (size > len)
        adit_stun_add(out, ADIT_STUN_FILLER, zeros, (size - len) / 4 * 4);
}

size_t adit_stun_finish(struct adit_stun_out *out, struct adit_span key)
{
    StunMessage msg = message_of(out);
    StunAgent agent;

    agent_init(&agent, 0, key.len > 0, true);
    out->len =
        out->full ? 0 : stun_agent_finish_message(&agent, &msg, key.len ? key.data : NULL, key.len);
    return out->len;
}

size_t adit_stun_finish_bare(struct adit_stun_out *out)
{
    StunMessage msg = message_of(out);

    out->len = out->full ? 0 : stun_message_length(&msg);
    return out->len;
}

size_t adit_stun_answer_unknown(struct adit_stun_out *out, const void *request, size_t n,
                                struct adit_span key)
{
    StunAgent agent;
    StunMessage msg = message_of(out);
    struct adit_stun_head head = { 0 };

    (void)adit_stun_peek(&head, request, n);
    agent_init(&agent, head.method, key.len > 0, true);
    StunMessage req = { .agent = &agent,
                        .buffer = (uint8_t *)(uintptr_t)request,
                        .buffer_len = n,
                        .key = (uint8_t *)(uintptr_t)key.data,
                        .key_len = key.len };
    out->full = false;
    out->len = stun_agent_build_unknown_attributes_error(&agent, &msg, out->bytes,
                                                         sizeof out->bytes, &req);
    return out->len;
}
