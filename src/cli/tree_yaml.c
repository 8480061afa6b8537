/* tree_yaml.c - YAML as a tree, out of libyaml's events; see tree.h. */
#include "base/alloc.h"
#include "cli/options_inner.h"
#include "cli/tree.h"

#ifdef ADIT_HAVE_YAML

#include <yaml.h>

struct reader {
    struct adit_tree *t;
    struct adit_tree_spot spots[ADIT_TREE_DEPTH_MAX + 1]; /* the collections that are open */
    struct adit_tree_spot *at;                            /* the innermost */
    unsigned documents;
    struct adit_option_error *error;
};

/* What a plain scalar means that says nothing. */
static bool is_null(const yaml_event_t *e)
{
    static const char *const words[] = { "", "~", "null", "Null", "NULL" };

    if (e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    for (size_t i = 0; i < ADIT_LEN(words); i++)
        if (strcmp((const char *)e->data.scalar.value, words[i]) == 0)
            return true;
    return false;
}

static bool name_is_due(const struct reader *r)
{
    return r->at->parent && r->at->parent->kind == ADIT_TREE_MAPPING && !r->at->key;
}

static int take_scalar(struct reader *r, const yaml_event_t *e, unsigned line)
{
    const char *text = (const char *)e->data.scalar.value;

    if (strlen(text) != e->data.scalar.length)
        return adit_tree_fail(r->t, line, r->error, "a text with a zero byte in it");
    if (name_is_due(r))
        return adit_tree_name(r->t, r->at, text, line, r->error);
    return adit_tree_add(r->t, r->at, ADIT_TREE_SCALAR, is_null(e) ? NULL : text, line, r->error)
               ? 0
               : -r->error->err;
}

static int take_start(struct reader *r, enum adit_tree_kind kind, unsigned line)
{
    struct adit_tree_node *n;

    if (name_is_due(r))
        return adit_tree_fail(r->t, line, r->error, "a name is due here");
    n = adit_tree_add(r->t, r->at, kind, NULL, line, r->error);
    if (!n)
        return -r->error->err;
    r->at[1] = (struct adit_tree_spot){ .parent = n, .depth = r->at->depth + 1 };
    r->at++;
    return 0;
}

static bool is_marked(const yaml_event_t *e)
{
    switch (e->type) {
    case YAML_SCALAR_EVENT:
        return e->data.scalar.anchor || e->data.scalar.tag;
    case YAML_SEQUENCE_START_EVENT:
        return e->data.sequence_start.anchor || e->data.sequence_start.tag;
    case YAML_MAPPING_START_EVENT:
        return e->data.mapping_start.anchor || e->data.mapping_start.tag;
    default:
        return e->type == YAML_ALIAS_EVENT;
    }
}

static int take_event(struct reader *r, const yaml_event_t *e)
{
    unsigned line = (unsigned)e->start_mark.line + 1;

    if (is_marked(e))
        return adit_tree_fail(r->t, line, r->error,
                              "anchors (&), aliases (*) and tags (!) are not understood: write the "
                              "value itself, in quotation marks if it begins so");
    switch (e->type) {
    case YAML_DOCUMENT_START_EVENT:
        return r->documents++ ? adit_tree_fail(r->t, line, r->error, "a second document") : 0;
    case YAML_SCALAR_EVENT:
        return take_scalar(r, e, line);
    case YAML_SEQUENCE_START_EVENT:
        return take_start(r, ADIT_TREE_LIST, line);
    case YAML_MAPPING_START_EVENT:
        return take_start(r, ADIT_TREE_MAPPING, line);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        r->at--;
        return 0;
    default:
        return 0; /* begin and end of the stream, end of a document */
    }
}

static int explain(const struct reader *r, const yaml_parser_t *p, const char *text, size_t len)
{
    const char *end = text + len;
    size_t line = p->problem_mark.line;

    if (p->error == YAML_MEMORY_ERROR)
        return adit_option_no_memory(r->error);
    for (size_t i = 0; i < line && text; i++) {
        text = memchr(text, '\n', (size_t)(end - text));
        text = text ? text + 1 : NULL;
    }
    if (text && text < end && text[strspn(text, " ")] == '\t')
        return adit_tree_fail(r->t, (unsigned)line + 1, r->error,
                              "a tab: YAML wants blanks in front of a name");
    return adit_tree_fail(r->t, (unsigned)line + 1, r->error, "not YAML: %s%s%s",
                          p->context ? p->context : "", p->context ? ", " : "",
                          p->problem ? p->problem : "it cannot be read");
}

int adit_tree_yaml(struct adit_tree *t, const char *text, size_t len,
                   struct adit_option_error *ret_error)
{
    struct reader r = { .t = t, .error = ret_error };
    yaml_parser_t parser;
    yaml_event_t event;
    bool ended = false;
    int err = 0;

    r.at = r.spots;
    if (!yaml_parser_initialize(&parser))
        return adit_option_no_memory(ret_error);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    while (!err && !ended) {
        if (!yaml_parser_parse(&parser, &event)) {
            err = explain(&r, &parser, text, len);
            break;
        }
        ended = event.type == YAML_STREAM_END_EVENT;
        err = take_event(&r, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    for (size_t i = 0; i < ADIT_LEN(r.spots); i++)
        adit_free(r.spots[i].key);
    return err;
}

#else

int adit_tree_yaml(struct adit_tree *t, const char *text, size_t len,
                   struct adit_option_error *ret_error)
{
    (void)text;
    (void)len;
    return adit_tree_fail(t, 1, ret_error, "this adit was built without YAML, JSON is understood");
}

#endif
