/* options_print.c - what is in force and where it came from; see options.h. */
#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/str.h"
#include "cli/options_inner.h"

#define COLUMN   44 /* where comments begin */
#define TEXT_MAX (512 * 1024)

static const void *field(const struct adit_options *o, enum adit_option option)
{
    return (const char *)o + adit_option_rows[option].offset;
}

/* ---- values ---------------------------------------------------------------------------------- */

static bool is_set(const struct adit_options *o, enum adit_option option)
{
    const void *p = field(o, option);

    switch (adit_option_rows[option].kind) {
    case ADIT_KIND_NUMBER:
        return *(const int *)p >= 0 &&
               (adit_options_given(o, option) ||
                *adit_option_text(&adit_option_rows[option], ADIT_TEXT_VALUE));
    case ADIT_KIND_TEXT:
        return *(const char *const *)p != NULL;
    case ADIT_KIND_LIST:
        return adit_options_given(o, option);
    case ADIT_KIND_PORTS:
        return ((const struct adit_port_range *)p)->min > 0;
    case ADIT_KIND_TIME:
        return adit_options_given(o, option) ||
               *adit_option_text(&adit_option_rows[option], ADIT_TEXT_VALUE);
    case ADIT_KIND_FLAG:
    case ADIT_KIND_COUNT:
    case ADIT_KIND_CHOICE:
        break;
    }
    return true;
}

static void put_choice(struct adit_buf *out, const char *names, unsigned choice)
{
    for (; choice > 0; choice--)
        names += strcspn(names, "|") + 1;
    adit_buf_add(out, names, strcspn(names, "|"));
}

static void put_time(struct adit_buf *out, adit_time t)
{
    static const struct {
        adit_time size;
        const char *name;
    } units[] = { { 3600 * ADIT_SEC, "h" }, { 60 * ADIT_SEC, "m" }, { ADIT_SEC, "s" } };

    for (size_t i = 0; i < ADIT_LEN(units); i++) {
        if (t % units[i].size || (t == 0 && i < 2))
            continue;
        adit_buf_printf(out, "%llu%s", (unsigned long long)(t / units[i].size), units[i].name);
        return;
    }
    adit_buf_printf(out, "%llums", (unsigned long long)(t / ADIT_MS));
}

/* Any value but a list, as one writes it. */
static void put_value(struct adit_buf *out, const struct adit_options *o, enum adit_option option)
{
    const struct adit_port_range *ports;
    const void *p = field(o, option);

    switch (adit_option_rows[option].kind) {
    case ADIT_KIND_FLAG:
        adit_buf_printf(out, "%s", *(const bool *)p ? "true" : "false");
        break;
    case ADIT_KIND_COUNT:
        adit_buf_printf(out, "%u", *(const unsigned *)p);
        break;
    case ADIT_KIND_CHOICE:
        put_choice(out, adit_option_text(&adit_option_rows[option], ADIT_TEXT_ARG),
                   *(const unsigned *)p);
        break;
    case ADIT_KIND_NUMBER:
        adit_buf_printf(out, "%d", *(const int *)p);
        break;
    case ADIT_KIND_TIME:
        put_time(out, *(const adit_time *)p);
        break;
    case ADIT_KIND_TEXT:
        adit_option_mask(out, option, *(const char *const *)p);
        break;
    case ADIT_KIND_PORTS:
        ports = p;
        adit_buf_printf(out, ports->min == ports->max ? "%u" : "%u-%u", ports->min, ports->max);
        break;
    case ADIT_KIND_LIST:
        break;
    }
}

/* ---- as a configuration file ----------------------------------------------------------------- */

static bool is_plain(const char *text)
{
    if (!isalnum((unsigned char)*text) || strcasecmp(text, "null") == 0)
        return false;
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && !strchr("-_./", *text))
            return false;
    return true;
}

/* A text as a terminal may show it. */
static json_t *harmless(const char *text)
{
    size_t size = strlen(text) + 1;
    char *shown = adit_zalloc(size);
    json_t *v = shown ? json_string(adit_str_printable(shown, size, text, size - 1)) : NULL;

    adit_free(shown);
    return v;
}

/* As JSON has it, which YAML understands. */
static void put_quoted(struct adit_buf *out, const char *text)
{
    json_t *v = harmless(text);
    char *quoted = v ? json_dumps(v, JSON_ENCODE_ANY) : NULL;

    if (quoted)
        adit_buf_printf(out, "%s", quoted);
    else
        out->err = -ENOMEM;
    free(quoted);
    json_decref(v);
}

static void put_text(struct adit_buf *out, const char *text)
{
    if (is_plain(text))
        adit_buf_printf(out, "%s", text);
    else
        put_quoted(out, text);
}

static void put_list(struct adit_buf *out, enum adit_option option, const struct adit_strings *list)
{
    struct adit_buf item;

    adit_buf_printf(out, "[");
    for (size_t i = 0; i < list->count; i++) {
        adit_buf_init(&item, TEXT_MAX);
        adit_option_mask(&item, option, list->items[i]);
        adit_buf_printf(out, "%s", i ? ", " : "");
        put_quoted(out, adit_buf_str(&item));
        adit_buf_done(&item);
    }
    adit_buf_printf(out, "]");
}

/* The comment behind a line that begins at `start`. */
static void put_where(struct adit_buf *out, size_t start, const char *where)
{
    size_t used = out->len - start;
    char shown[512];

    adit_buf_printf(out, "%*s# %s\n", used < COLUMN ? (int)(COLUMN - used) : 1, "",
                    adit_str_printable(shown, sizeof shown, where, strlen(where)));
}

static void put_line(struct adit_buf *out, const struct adit_options *o, enum adit_option option,
                     const char *indent)
{
    const struct adit_option_row *row = &adit_option_rows[option];
    bool set = is_set(o, option);
    size_t start = out->len;
    struct adit_buf value;

    /* A file cannot name another one. */
    adit_buf_printf(out, "%s%s%s: ", indent, set && option != ADIT_OPTION_config ? "" : "# ",
                    row->name);
    if (set && row->kind == ADIT_KIND_LIST) {
        put_list(out, option, field(o, option));
    } else if (set) {
        adit_buf_init(&value, TEXT_MAX);
        put_value(&value, o, option);
        put_text(out, adit_buf_str(&value));
        adit_buf_done(&value);
    }
    put_where(out, start, o->where[option] ? o->where[option] : set ? "default" : "not set");
}

void adit_options_print(struct adit_buf *out, const struct adit_options *o)
{
    struct adit_options view;
    size_t start;

    for (enum adit_option i = 0; i < ADIT_OPTION_COUNT; i++)
        if (adit_option_applies(o, i))
            put_line(out, o, i, "");
    if (o->section_count)
        adit_buf_printf(out, "peers:\n");
    for (size_t k = 0; k < o->section_count; k++) {
        const struct adit_section *s = &o->sections[k];
        adit_options_view(o, k, &view);
        start = out->len;
        adit_buf_printf(out, "  ");
        put_text(out, s->name);
        adit_buf_printf(out, ":");
        put_where(out, start, s->where);
        for (enum adit_option i = 0; i < ADIT_OPTION_COUNT; i++)
            if (adit_options_given(s->own, i))
                put_line(out, &view, i, "    ");
    }
}

/* ---- as JSON --------------------------------------------------------------------------------- */

static json_t *json_of_text(const struct adit_options *o, enum adit_option option, const char *item)
{
    struct adit_buf b;
    json_t *v;

    adit_buf_init(&b, TEXT_MAX);
    if (item)
        adit_option_mask(&b, option, item);
    else
        put_value(&b, o, option);
    v = json_string(adit_buf_str(&b));
    if (!v) /* somebody's environment is no UTF-8 */
        v = harmless(adit_buf_str(&b));
    adit_buf_done(&b);
    return v;
}

static json_t *json_of(const struct adit_options *o, enum adit_option option)
{
    const struct adit_strings *list;
    const void *p = field(o, option);
    json_t *v;

    if (!is_set(o, option))
        return json_null();
    switch (adit_option_rows[option].kind) {
    case ADIT_KIND_FLAG:
        return json_boolean(*(const bool *)p);
    case ADIT_KIND_COUNT:
        return json_integer(*(const unsigned *)p);
    case ADIT_KIND_NUMBER:
        return json_integer(*(const int *)p);
    case ADIT_KIND_LIST:
        v = json_array();
        list = p;
        for (size_t i = 0; i < list->count; i++)
            (void)json_array_append_new(v, json_of_text(o, option, list->items[i]));
        return v;
    case ADIT_KIND_CHOICE:
    case ADIT_KIND_TIME:
    case ADIT_KIND_TEXT:
    case ADIT_KIND_PORTS:
        break;
    }
    return json_of_text(o, option, NULL);
}

static void add_option(json_t *to, const struct adit_options *o, enum adit_option option)
{
    static const char *const sources[] = {
        [ADIT_SOURCE_DEFAULT] = "default",   [ADIT_SOURCE_FILE] = "file",
        [ADIT_SOURCE_DOTENV] = ".env",       [ADIT_SOURCE_ENVIRONMENT] = "environment",
        [ADIT_SOURCE_LINE] = "command line",
    };

    (void)json_object_set_new(to, adit_option_rows[option].name,
                              json_pack("{s:o, s:s, s:s?}", "value", json_of(o, option), "source",
                                        sources[o->source[option]], "where", o->where[option]));
}

json_t *adit_options_json(const struct adit_options *o)
{
    json_t *options = json_object(), *peers = json_object(), *inside;
    struct adit_options view;

    for (enum adit_option i = 0; i < ADIT_OPTION_COUNT; i++)
        if (adit_option_applies(o, i))
            add_option(options, o, i);
    for (size_t k = 0; k < o->section_count; k++) {
        const struct adit_section *s = &o->sections[k];
        adit_options_view(o, k, &view);
        inside = json_object();
        for (enum adit_option i = 0; i < ADIT_OPTION_COUNT; i++)
            if (adit_options_given(s->own, i))
                add_option(inside, &view, i);
        (void)json_object_set_new(peers, s->name,
                                  json_pack("{s:s, s:o}", "where", s->where, "options", inside));
    }
    return json_pack("{s:o, s:o}", "options", options, "peers", peers);
}
