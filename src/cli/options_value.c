/* options_value.c - one value at a time: from text to a field; see options_inner.h. */
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/str.h"
#include "cli/options_inner.h"

#define COUNT_MAX 9 /* more says no more */

char *adit_option_keep(struct adit_options *o, const char *text)
{
    char **texts = adit_realloc(o->texts, (o->text_count + 1) * sizeof *texts);
    char *copy;

    if (!texts)
        return NULL;
    o->texts = texts;
    copy = adit_strdup(text);
    if (copy)
        texts[o->text_count++] = copy;
    return copy;
}

static int set_flag(bool *flag, const char *value)
{
    static const char *const yes[] = { "1", "true", "yes", "on" };
    static const char *const no[] = { "0", "false", "no", "off", "" };

    for (size_t i = 0; i < ADIT_LEN(no); i++) {
        bool is_yes = i < ADIT_LEN(yes) && strcasecmp(value, yes[i]) == 0;
        if (is_yes || strcasecmp(value, no[i]) == 0) {
            *flag = is_yes;
            return 0;
        }
    }
    return -EINVAL;
}

/* -v says "yes" each time; a file may say how often. */
static int set_count(unsigned *count, const char *value)
{
    uint64_t v;
    bool once;

    if (adit_str_u64(&v, value, strlen(value), 0, COUNT_MAX) == 0) {
        *count = (unsigned)v;
        return 0;
    }
    if (set_flag(&once, value) < 0)
        return -EINVAL;
    *count = once ? *count + (*count < COUNT_MAX) : 0;
    return 0;
}

static int set_choice(unsigned *choice, const char *names, const char *value)
{
    size_t len = strlen(value);

    for (unsigned i = 0;; i++) {
        size_t n = strcspn(names, "|");
        /* In any case of letters: LOG_LEVEL=INFO is in many environments. */
        if (n == len && strncasecmp(names, value, n) == 0) {
            *choice = i;
            return 0;
        }
        if (names[n] == '\0')
            return -EINVAL;
        names += n + 1;
    }
}

static int set_number(int *number, const struct adit_option_row *row, const char *value)
{
    uint64_t v;
    int err = adit_str_u64(&v, value, strlen(value), (uint64_t)row->min, (uint64_t)row->max);

    if (err == 0)
        *number = (int)v;
    return err;
}

/* 90, 90s, 1500ms, 5m, 2h */
static int set_time(adit_time *time, const char *value)
{
    static const struct {
        const char *unit;
        adit_time size;
    } units[] = { { "", ADIT_SEC },
                  { "s", ADIT_SEC },
                  { "ms", ADIT_MS },
                  { "m", 60 * ADIT_SEC },
                  { "h", 3600 * ADIT_SEC } };
    size_t n = strspn(value, "0123456789");
    uint64_t v;

    if (adit_str_u64(&v, value, n, 0, 1000000) < 0)
        return -EINVAL;
    for (size_t i = 0; i < ADIT_LEN(units); i++) {
        if (strcmp(value + n, units[i].unit) == 0) {
            *time = v * units[i].size;
            return 0;
        }
    }
    return -EINVAL;
}

static int set_ports(struct adit_port_range *ports, const char *value)
{
    size_t n = strcspn(value, "-"), len = strlen(value);
    uint64_t min, max;

    if (adit_str_u64(&min, value, n, 1, 65535) < 0)
        return -EINVAL;
    max = min;
    if (n < len && adit_str_u64(&max, value + n + 1, len - n - 1, min, 65535) < 0)
        return -EINVAL;
    *ports = (struct adit_port_range){ .min = (uint16_t)min, .max = (uint16_t)max };
    return 0;
}

static int add_string(struct adit_options *o, struct adit_strings *list, const char *value)
{
    const char **items, *copy;

    if (list->count == ADIT_OPTION_LIST_MAX)
        return -ENOSPC;
    items = adit_realloc(list->items, (list->count + 1) * sizeof *items);
    if (!items)
        return -ENOMEM;
    list->items = items;
    copy = adit_option_keep(o, value);
    if (!copy)
        return -ENOMEM;
    items[list->count++] = copy;
    return 0;
}

static int assign(struct adit_options *o, const struct adit_option_row *row, const char *value)
{
    void *field = (char *)o + row->offset;

    switch (row->kind) {
    case ADIT_KIND_FLAG:
        return set_flag(field, value);
    case ADIT_KIND_COUNT:
        return set_count(field, value);
    case ADIT_KIND_CHOICE:
        return set_choice(field, adit_option_text(row, ADIT_TEXT_ARG), value);
    case ADIT_KIND_NUMBER:
        return set_number(field, row, value);
    case ADIT_KIND_TIME:
        return set_time(field, value);
    case ADIT_KIND_TEXT:
        *(const char **)field = adit_option_keep(o, value);
        return *(const char **)field ? 0 : -ENOMEM;
    case ADIT_KIND_LIST:
        return *value ? add_string(o, field, value) : -EINVAL;
    case ADIT_KIND_PORTS:
        return set_ports(field, value);
    }
    return -EINVAL;
}

static int refuse(const struct adit_option_row *row, const char *said,
                  struct adit_option_error *error)
{
    switch (row->kind) {
    case ADIT_KIND_FLAG:
        return adit_option_fail(error, "%s: say yes or no", said);
    case ADIT_KIND_COUNT:
        return adit_option_fail(error, "%s: say yes, no, or a number up to %d", said, COUNT_MAX);
    case ADIT_KIND_CHOICE:
        return adit_option_fail(error, "%s: choose one of %s", said,
                                adit_option_text(row, ADIT_TEXT_ARG));
    case ADIT_KIND_NUMBER:
        return adit_option_fail(error, "%s: a number from %d to %d is due", said, row->min,
                                row->max);
    case ADIT_KIND_TIME:
        return adit_option_fail(error, "%s: a time such as 90, 90s, 5m or 1h is due", said);
    case ADIT_KIND_PORTS:
        return adit_option_fail(error, "%s: a port, or two with a dash between, is due", said);
    case ADIT_KIND_TEXT:
    case ADIT_KIND_LIST:
        break;
    }
    return adit_option_fail(error, "%s: the value is empty", said);
}

/* What a source that counts less has said is gone. -ENOMEM. */
static int take_over(struct adit_options *o, enum adit_option option,
                     const struct adit_option_place *place)
{
    const struct adit_option_row *row = &adit_option_rows[option];
    bool more = place->source > o->source[option];

    if (row->kind == ADIT_KIND_LIST && more)
        ((struct adit_strings *)(void *)((char *)o + row->offset))->count = 0;
    if (row->kind == ADIT_KIND_COUNT && more)
        *(unsigned *)(void *)((char *)o + row->offset) = 0;
    o->source[option] = place->source;
    if (!place->where || (!more && row->kind == ADIT_KIND_LIST && o->where[option]))
        return 0;
    o->where[option] = adit_option_keep(o, place->where);
    return o->where[option] ? 0 : -ENOMEM;
}

static bool is_turn(const char *value)
{
    return strncasecmp(value, "turn:", 5) == 0 || strncasecmp(value, "turns:", 6) == 0;
}

int adit_option_set(struct adit_options *o, enum adit_option option,
                    const struct adit_option_place *place, const char *value,
                    struct adit_option_error *error)
{
    const struct adit_option_row *row;

    if (option == ADIT_OPTION_stun && is_turn(value) && adit_option_applies(o, ADIT_OPTION_turn))
        option = ADIT_OPTION_turn; /* WebRTC's ICE servers are of both kinds */
    row = &adit_option_rows[option];
    if (place->source < o->source[option])
        return 0;
    int err = take_over(o, option, place);
    if (err == 0)
        err = assign(o, row, value);
    if (err == -ENOMEM)
        return adit_option_no_memory(error);
    if (err == -ENOSPC)
        return adit_option_fail(error, "%s: more than %d values", place->said,
                                ADIT_OPTION_LIST_MAX);
    return err < 0 ? refuse(row, place->said, error) : 0;
}

int adit_option_warn(struct adit_options *o, struct adit_option_error *error, const char *fmt, ...)
{
    struct adit_option_error text;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text.text, sizeof text.text, fmt, ap);
    va_end(ap);
    for (size_t i = 0; i < o->warnings.count; i++)
        if (strcmp(o->warnings.items[i], text.text) == 0)
            return 0;
    return add_string(o, &o->warnings, text.text) == -ENOMEM ? adit_option_no_memory(error) : 0;
}
