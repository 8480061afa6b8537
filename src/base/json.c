/* json.c - see json.h; grammar: RFC 8259. */
#include "base/json.h"

#include "base/str.h"

struct checker {
    const char *start, *p, *end;
    const char *wrong; /* what is wrong at p; NULL: the text ends too early */
    bool object[ADIT_JSON_DEPTH_MAX];
    unsigned depth;
};

static bool bad(struct checker *c, const char *wrong)
{
    c->wrong = wrong;
    return false;
}

static char peek(const struct checker *c)
{
    return c->p < c->end ? *c->p : '\0';
}

static void skip_space(struct checker *c)
{
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\n' || *c->p == '\r'))
        c->p++;
}

static bool unexpected(struct checker *c, const char *wrong)
{
    return bad(c, c->p == c->end ? NULL : wrong);
}

static bool literal(struct checker *c, const char *word)
{
    for (; *word; word++, c->p++) {
        if (peek(c) != *word)
            return unexpected(c, "a value is missing");
    }
    return true;
}

static bool digits(struct checker *c)
{
    if (peek(c) < '0' || peek(c) > '9')
        return unexpected(c, "a digit is missing");
    while (peek(c) >= '0' && peek(c) <= '9')
        c->p++;
    return true;
}

static bool number(struct checker *c)
{
    if (peek(c) == '-')
        c->p++;
    if (peek(c) == '0') /* no leading zeros: what follows is not part of the number */
        c->p++;
    else if (!digits(c))
        return false;
    if (peek(c) == '.') {
        c->p++;
        if (!digits(c))
            return false;
    }
    if (peek(c) == 'e' || peek(c) == 'E') {
        c->p++;
        if (peek(c) == '+' || peek(c) == '-')
            c->p++;
        return digits(c);
    }
    return true;
}

static bool escape(struct checker *c)
{
    char kind = peek(c);

    if (kind == '\0' || !strchr("\"\\/bfnrtu", kind))
        return unexpected(c, "unknown escape");
    c->p++;
    for (int i = 0; kind == 'u' && i < 4; i++, c->p++) {
        if (adit_hex_value(peek(c)) < 0)
            return unexpected(c, "\\u needs four hex digits");
    }
    return true;
}

static bool string(struct checker *c)
{
    const char *run = ++c->p;

    for (;; c->p++) {
        while (c->p < c->end && (unsigned char)*c->p >= 0x20 && *c->p != '"' && *c->p != '\\')
            c->p++;
        if (!adit_utf8_valid(run, (size_t)(c->p - run)))
            return c->p == c->end ? bad(c, NULL) : bad(c, "invalid UTF-8 in a string");
        if (c->p == c->end)
            return bad(c, NULL);
        if (*c->p == '"')
            break;
        if (*c->p != '\\')
            return bad(c, "control byte in a string");
        c->p++;
        if (!escape(c))
            return false;
        run = c->p--;
    }
    c->p++;
    return true;
}

/* "key" : */
static bool member_name(struct checker *c)
{
    skip_space(c);
    if (peek(c) != '"')
        return unexpected(c, "a key in double quotes is missing");
    if (!string(c))
        return false;
    skip_space(c);
    if (peek(c) != ':')
        return unexpected(c, "a colon is missing");
    c->p++;
    return true;
}

/* Goes down to the first value that is whole in itself: a scalar, or an empty array or object. What
 * was entered on the way stays open, on the stack. */
static bool value(struct checker *c)
{
    for (;;) {
        skip_space(c);
        char first = peek(c);
        if (first == '"')
            return string(c);
        if (first == '-' || (first >= '0' && first <= '9'))
            return number(c);
        if (first != '[' && first != '{')
            return literal(c, first == 't' ? "true" : first == 'f' ? "false" : "null");
        if (c->depth == ADIT_JSON_DEPTH_MAX)
            return bad(c, "nested too deeply");
        c->p++;
        skip_space(c);
        if (peek(c) == (first == '[' ? ']' : '}')) {
            c->p++;
            return true;
        }
        c->object[c->depth++] = first == '{';
        if (first == '{' && !member_name(c))
            return false;
    }
}

static bool document(struct checker *c)
{
    if (!value(c))
        return false;
    while (c->depth > 0) {
        bool object = c->object[c->depth - 1];
        skip_space(c);
        if (peek(c) == ',') {
            c->p++;
            if ((object && !member_name(c)) || !value(c))
                return false;
        } else if (peek(c) == (object ? '}' : ']')) {
            c->p++;
            c->depth--;
        } else {
            return unexpected(c, "a comma or a closing bracket is missing");
        }
    }
    return true;
}

static void explain(const struct checker *c, struct adit_cause *cause)
{
    unsigned line = 1, column = 1;

    for (const char *p = c->start; p < c->p; p++) {
        column = *p == '\n' ? 1 : column + 1;
        line += *p == '\n';
    }
    adit_cause_set(cause, ADIT_REASON_PROTOCOL, EINVAL, "not JSON at line %u, column %u: %s", line,
                   column, c->wrong ? c->wrong : "the end is missing");
}

int adit_json_check(const char *text, size_t len, size_t *ret_at, struct adit_cause *ret_cause)
{
    struct checker c = { .start = text, .p = text, .end = text + len };

    if (document(&c)) {
        skip_space(&c);
        if (c.p == c.end)
            return 0;
        c.wrong = "something follows the end";
    }
    explain(&c, ret_cause);
    *ret_at = c.wrong ? (size_t)(c.p - text) : len;
    return -EINVAL;
}

int adit_json_scan(const char *text, size_t len, size_t *ret_end)
{
    struct checker c = { .start = text, .p = text, .end = text + len };

    if (!document(&c))
        return c.wrong ? -EINVAL : -EAGAIN;
    *ret_end = (size_t)(c.p - text);
    return 0;
}

json_t *adit_json_read(const char *text, size_t len, struct adit_cause *ret_cause)
{
    char text_of[JSON_ERROR_TEXT_LENGTH];
    json_error_t error;
    size_t at;

    if (len > ADIT_JSON_SIZE_MAX) {
        adit_cause_set(ret_cause, ADIT_REASON_PROTOCOL, EMSGSIZE, "the JSON is longer than 1 MiB");
        return NULL;
    }
    if (adit_json_check(text, len, &at, ret_cause) < 0)
        return NULL;
    json_t *v = json_loadb(text, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (!v && json_error_code(&error) == json_error_out_of_memory)
        adit_cause_set(ret_cause, ADIT_REASON_RESOURCE, ENOMEM, "no memory for the JSON");
    else if (!v) /* its text quotes the input */
        adit_cause_set(ret_cause, ADIT_REASON_PROTOCOL, EINVAL, "JSON at line %d: %s", error.line,
                       adit_str_printable(text_of, sizeof text_of, error.text, strlen(error.text)));
    return v;
}

const char *adit_json_string(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);
    const char *s = json_string_value(v);

    return s && strlen(s) == json_string_length(v) ? s : NULL;
}

const char *adit_json_word(char out[ADIT_JSON_WORD], const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);

    return adit_str_printable(out, ADIT_JSON_WORD, json_is_string(v) ? json_string_value(v) : "",
                              json_is_string(v) ? json_string_length(v) : 0);
}

bool adit_json_is(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

double adit_json_number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

json_t *adit_json_ms(adit_time t)
{
    return t ? json_real((double)(t / ADIT_US) / 1000) : json_null();
}
