/* options_peers.c - peers: in the configuration file, a section for each peer; see options.h. */
#include <stdio.h>

#include "base/alloc.h"
#include "cli/options_reader.h"

static const char *const short_names[] = { "fingerprint", NULL };

static struct adit_section *add_section(struct adit_reader *r, const struct adit_tree_node *n)
{
    struct adit_options *o = r->o;
    struct adit_section *s =
        adit_realloc(o->sections, (o->section_count + 1) * sizeof *o->sections);

    char where[ADIT_WHERE_MAX];

    if (!s)
        return NULL;
    snprintf(where, sizeof where, "%s:%u", r->tree->path, n->line);
    o->sections = s;
    s += o->section_count;
    *s = (struct adit_section){ .own = adit_zalloc(sizeof *s->own) };
    if (!s->own)
        return NULL;
    o->section_count++;
    s->own->command = o->command;
    s->own->topic = o->topic;
    s->name = adit_option_keep(s->own, n->key);
    s->where = adit_option_keep(s->own, where);
    return s->name && s->where ? s : NULL;
}

static int take_section(struct adit_reader *r, const struct adit_tree_node *section)
{
    struct adit_reader inside = { .tree = r->tree, .section = section->key, .error = r->error };
    struct adit_section *s;
    int err = 0;

    if (!*section->key)
        return adit_reader_fail(r, section, "a section without a name");
    if (section->kind == ADIT_TREE_LIST || section->text)
        return adit_reader_fail(r, section, "a mapping is due, such as \"route: [10.0.0.0/8]\"");
    if (r->o->section_count == ADIT_OPTION_PEERS_MAX)
        return adit_reader_fail(r, section, "more than %d peers", ADIT_OPTION_PEERS_MAX);
    s = add_section(r, section);
    if (!s)
        return adit_option_no_memory(r->error);
    inside.o = s->own;
    for (const struct adit_tree_node *n = section->first; n && !err; n = n->next) {
        enum adit_option option = strcmp(n->key, short_names[0]) == 0
                                      ? ADIT_OPTION_peer_fingerprint
                                      : adit_reader_find(n->key, ADIT_ROW_PEER);
        if (option != ADIT_OPTION_COUNT)
            err = adit_reader_option(&inside, option, n);
        else if (adit_reader_find(n->key, ADIT_ROW_ANY) != ADIT_OPTION_COUNT)
            err = adit_reader_fail(&inside, n,
                                   "this is not for one peer, but for all: outside of "
                                   "peers:");
        else
            err = adit_reader_unknown(&inside, n, ADIT_ROW_PEER, short_names);
    }
    return err;
}

int adit_reader_peers(struct adit_reader *r, const struct adit_tree_node *n)
{
    int err = 0;

    if (n->kind != ADIT_TREE_MAPPING)
        return adit_reader_fail(r, n, "a mapping of names to sections is due");
    for (const struct adit_tree_node *s = n->first; s && !err; s = s->next)
        err = take_section(r, s);
    return err;
}

void adit_options_view(const struct adit_options *o, size_t section, struct adit_options *ret_view)
{
    const struct adit_options *own = o->sections[section].own;

    *ret_view = *o;
    for (enum adit_option i = 0; i < ADIT_OPTION_COUNT; i++) {
        size_t at = adit_option_rows[i].offset;
        if (own->source[i] == ADIT_SOURCE_DEFAULT || o->source[i] > ADIT_SOURCE_FILE)
            continue;
        memcpy((char *)ret_view + at, (const char *)own + at, adit_option_size(i));
        ret_view->source[i] = own->source[i];
        ret_view->where[i] = own->where[i];
    }
}

void adit_options_free_sections(struct adit_options *o)
{
    while (o->section_count) {
        struct adit_section *s = &o->sections[--o->section_count];
        adit_options_free(s->own);
        adit_free(s->own);
    }
    adit_free(o->sections);
    o->sections = NULL;
}
