/* tree.c - see tree.h. */
#include "cli/tree.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/str.h"
#include "cli/options_inner.h"

int adit_tree_fail(const struct adit_tree *t, unsigned line, struct adit_option_error *ret_error,
                   const char *fmt, ...)
{
    char text[sizeof ret_error->text];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return adit_option_fail(ret_error, "%s:%u: %s", t->path, line, text);
}

int adit_tree_name(struct adit_tree *t, struct adit_tree_spot *spot, const char *key, unsigned line,
                   struct adit_option_error *ret_error)
{
    for (const struct adit_tree_node *n = spot->parent->first; n; n = n->next)
        if (strcmp(n->key, key) == 0)
            return adit_tree_fail(t, line, ret_error, "%.60s is there twice, first in line %u", key,
                                  n->line);
    spot->line = line;
    spot->key = adit_strdup(key);
    return spot->key ? 0 : adit_option_no_memory(ret_error);
}

struct adit_tree_node *adit_tree_add(struct adit_tree *t, struct adit_tree_spot *spot,
                                     enum adit_tree_kind kind, const char *text, unsigned line,
                                     struct adit_option_error *ret_error)
{
    struct adit_tree_node *n;

    if (spot->depth == ADIT_TREE_DEPTH_MAX) {
        adit_tree_fail(t, line, ret_error, "nested more than %d deep", ADIT_TREE_DEPTH_MAX);
        return NULL;
    }
    if (t->count == ADIT_TREE_NODES_MAX) {
        adit_tree_fail(t, line, ret_error, "more than %d values", ADIT_TREE_NODES_MAX);
        return NULL;
    }
    n = adit_zalloc(sizeof *n);
    if (n && text && !(n->text = adit_strdup(text))) {
        adit_free(n);
        n = NULL;
    }
    if (!n) {
        adit_option_no_memory(ret_error);
        return NULL;
    }
    n->kind = kind;
    n->line = spot->key ? spot->line : line; /* where its name is */
    n->key = spot->key;
    spot->key = NULL;
    n->made = t->made;
    t->made = n;
    t->count++;
    if (!spot->parent)
        t->root = n;
    else if (spot->parent->last)
        spot->parent->last->next = n;
    else
        spot->parent->first = n;
    if (spot->parent)
        spot->parent->last = n;
    return n;
}

void adit_tree_free(struct adit_tree *t)
{
    struct adit_tree_node *before;

    for (struct adit_tree_node *n = t->made; n; n = before) {
        before = n->made;
        adit_free(n->key);
        adit_free(n->text);
        adit_free(n);
    }
    *t = (struct adit_tree){ .path = t->path };
}

/* ---- which of the two it is ------------------------------------------------------------------ */

static bool ends_in(const char *path, const char *with)
{
    size_t n = strlen(path), k = strlen(with);

    return n > k && strcmp(path + n - k, with) == 0;
}

/* Is it text at all? 0 or the line that is none. */
static unsigned not_text(const char *text, size_t len)
{
    unsigned line = 1;

    for (const char *end = text + len; text < end; line++) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        size_t n = (size_t)((stop ? stop : end) - text);

        if (memchr(text, '\0', n) || !adit_utf8_valid(text, n))
            return line;
        text += n + 1;
    }
    return 0;
}

int adit_tree_read(struct adit_tree *ret_tree, const char *path, const char *text, size_t len,
                   struct adit_option_error *ret_error)
{
    size_t blank = 0;
    unsigned line = not_text(text, len);
    int err;

    *ret_tree = (struct adit_tree){ .path = path };
    if (line)
        return adit_tree_fail(ret_tree, line, ret_error, "this is no text in UTF-8");
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* some editors begin with it */
        text += 3;
        len -= 3;
    }
    while (blank < len && strchr(" \t\r\n", text[blank]))
        blank++;
    if (blank == len)
        return 0;
    if (text[blank] == '{' && !ends_in(path, ".yaml") && !ends_in(path, ".yml"))
        err = adit_tree_json(ret_tree, text, len, ret_error);
    else
        err = adit_tree_yaml(ret_tree, text, len, ret_error);
    if (err < 0)
        adit_tree_free(ret_tree);
    return err;
}
