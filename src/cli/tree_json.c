/* tree_json.c - JSON as a tree. That it is JSON is checked before, so that nothing can be wrong
 * here but what a tree may not hold; see tree.h. */
#include "base/alloc.h"
#include "base/json.h"
#include "cli/options_inner.h"
#include "cli/tree.h"

struct reader {
    struct adit_tree *t;
    const char *p, *end;
    unsigned line;
    struct adit_option_error *error;
};

/* The next letter that is no white space. */
static char next(struct reader *r)
{
    for (; r->p < r->end && strchr(" \t\r\n", *r->p); r->p++)
        r->line += *r->p == '\n';
    return r->p < r->end ? *r->p : '\0';
}

/* A string at r->p as its value; jansson knows what stands behind a backslash. NULL and the error.
 */
static const char *read_string(struct reader *r, json_t **ret_holder)
{
    const char *start = r->p++;
    struct adit_cause cause;
    const char *text;

    while (*r->p != '"')
        r->p += *r->p == '\\' ? 2 : 1;
    r->p++;
    *ret_holder = adit_json_read(start, (size_t)(r->p - start), &cause);
    text = json_string_value(*ret_holder);
    if (!*ret_holder && cause.err == ENOMEM)
        adit_option_no_memory(r->error);
    else if (!*ret_holder)
        adit_tree_fail(r->t, r->line, r->error, "%s", cause.text);
    else if (strlen(text) != json_string_length(*ret_holder))
        adit_tree_fail(r->t, r->line, r->error, "a text with a zero byte in it");
    else
        return text;
    json_decref(*ret_holder);
    *ret_holder = NULL;
    return NULL;
}

static int read_name(struct reader *r, struct adit_tree_spot *spot)
{
    unsigned line = (next(r), r->line);
    json_t *holder;
    const char *key = read_string(r, &holder);
    int err = key ? adit_tree_name(r->t, spot, key, line, r->error) : -r->error->err;

    json_decref(holder);
    if (!err) {
        next(r);
        r->p++; /* the colon */
    }
    return err;
}

static int read_value(struct reader *r, struct adit_tree_spot *spot);

static int read_inside(struct reader *r, struct adit_tree_node *node, unsigned depth)
{
    struct adit_tree_spot spot = { .parent = node, .depth = depth };
    char end = node->kind == ADIT_TREE_MAPPING ? '}' : ']';
    int err = 0;

    r->p++;
    while (!err && next(r) != end) {
        if (*r->p == ',')
            r->p++;
        if (end == '}')
            err = read_name(r, &spot);
        if (!err)
            err = read_value(r, &spot);
    }
    if (!err)
        r->p++;
    adit_free(spot.key);
    return err;
}

static int read_scalar(struct reader *r, struct adit_tree_spot *spot)
{
    const struct adit_tree_node *n;
    json_t *holder = NULL;
    unsigned line = r->line;
    const char *text;
    char word[64];
    size_t len;

    if (*r->p == '"') {
        text = read_string(r, &holder);
        if (!text)
            return -r->error->err;
    } else {
        for (len = 0; r->p < r->end && !strchr(" \t\r\n,]}", *r->p); r->p++, len++)
            if (len < sizeof word - 1)
                word[len] = *r->p;
        if (len > sizeof word - 1)
            return adit_tree_fail(r->t, line, r->error, "the number is too long");
        word[len] = '\0';
        text = strcmp(word, "null") == 0 ? NULL : word;
    }
    n = adit_tree_add(r->t, spot, ADIT_TREE_SCALAR, text, line, r->error);
    json_decref(holder);
    return n ? 0 : -r->error->err;
}

static int read_value(struct reader *r, struct adit_tree_spot *spot)
{
    char c = next(r);
    struct adit_tree_node *n;

    if (c != '{' && c != '[')
        return read_scalar(r, spot);
    n = adit_tree_add(r->t, spot, c == '{' ? ADIT_TREE_MAPPING : ADIT_TREE_LIST, NULL, r->line,
                      r->error);
    return n ? read_inside(r, n, spot->depth + 1) : -r->error->err;
}

int adit_tree_json(struct adit_tree *t, const char *text, size_t len,
                   struct adit_option_error *ret_error)
{
    struct reader r = { .t = t, .p = text, .end = text + len, .line = 1, .error = ret_error };
    struct adit_tree_spot root = { .parent = NULL };
    struct adit_cause cause;
    unsigned line = 1;
    size_t at;

    if (adit_json_check(text, len, &at, &cause) == 0)
        return read_value(&r, &root);
    for (size_t i = 0; i < at; i++)
        line += text[i] == '\n';
    return adit_tree_fail(t, line, ret_error, "%s", cause.text);
}
