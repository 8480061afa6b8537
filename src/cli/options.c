/* options.c - the rows, and one value at a time; see options.h. */
#include "cli/options.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "cli/options_inner.h"

#define P     (1u << ADIT_COMMAND_OFFER | 1u << ADIT_COMMAND_ANSWER | 1u << ADIT_COMMAND_PAIR)
#define C     (1u << ADIT_COMMAND_LISTEN | 1u << ADIT_COMMAND_CONNECT)
#define N     (P | C)
#define G     (1u << ADIT_COMMAND_SIGNAL)
#define H     (1u << ADIT_COMMAND_HELP)
#define S     (1u << ADIT_COMMAND_STATUS)
#define A     (N | G | S | H | 1u << ADIT_COMMAND_VERSION)
#define LOCAL ADIT_ROW_LOCAL

const struct adit_option_row adit_option_rows[ADIT_OPTION_COUNT] = {
#define OPTION(field_, kind_, name_, letter_, arg_, min_, max_, env_, commands_, value_, help_) \
    { .name = name_,                                                                            \
      .arg = arg_,                                                                              \
      .env = env_,                                                                              \
      .value = value_,                                                                          \
      .help = help_,                                                                            \
      .offset = offsetof(struct adit_options, field_),                                          \
      .kind = ADIT_KIND_##kind_,                                                                \
      .letter = letter_,                                                                        \
      .min = min_,                                                                              \
      .max = max_,                                                                              \
      .commands = commands_ },
#include "cli/options.def.h"
#undef OPTION
};

const struct adit_command_row adit_command_rows[ADIT_COMMAND_COUNT] = {
#define COMMAND(id, name_, args_, summary_, text_) \
    { .name = name_, .args = args_, .summary = summary_, .text = text_ },
#include "cli/commands.def.h"
#undef COMMAND
};

const char *adit_command_name(enum adit_command command)
{
    return command < ADIT_COMMAND_COUNT ? adit_command_rows[command].name : "";
}

int adit_option_fail(struct adit_cause *cause, const char *fmt, ...)
{
    char text[sizeof cause->text];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    /* It quotes what was written; a configuration file may come from anywhere. */
    adit_str_printable(cause->text, sizeof cause->text, text, strlen(text));
    cause->reason = ADIT_REASON_LOCAL;
    cause->err = EINVAL;
    return -EINVAL;
}

static int no_memory(struct adit_cause *cause)
{
    adit_cause_set(cause, ADIT_REASON_RESOURCE, ENOMEM, "no memory for the options");
    return -ENOMEM;
}

/* ---- one value ------------------------------------------------------------------------------- */

/* A copy that lives as long as the options. */
static char *keep(struct adit_options *o, const char *text)
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
        if ((i < ADIT_LEN(yes) && strcmp(value, yes[i]) == 0) || strcmp(value, no[i]) == 0) {
            *flag = i < ADIT_LEN(yes) && strcmp(value, yes[i]) == 0;
            return 0;
        }
    }
    return -EINVAL;
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
    copy = keep(o, value);
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
        ++*(unsigned *)field;
        return 0;
    case ADIT_KIND_CHOICE:
        return set_choice(field, row->arg, value);
    case ADIT_KIND_NUMBER:
        return set_number(field, row, value);
    case ADIT_KIND_TIME:
        return set_time(field, value);
    case ADIT_KIND_TEXT:
        *(const char **)field = keep(o, value);
        return *(const char **)field ? 0 : -ENOMEM;
    case ADIT_KIND_LIST:
        return *value ? add_string(o, field, value) : -EINVAL;
    case ADIT_KIND_PORTS:
        return set_ports(field, value);
    }
    return -EINVAL;
}

static int refuse(const struct adit_option_row *row, const char *where, struct adit_cause *cause)
{
    switch (row->kind) {
    case ADIT_KIND_FLAG:
        return adit_option_fail(cause, "%s: say yes or no", where);
    case ADIT_KIND_CHOICE:
        return adit_option_fail(cause, "%s: choose one of %s", where, row->arg);
    case ADIT_KIND_NUMBER:
        return adit_option_fail(cause, "%s: a number from %d to %d is due", where, row->min,
                                row->max);
    case ADIT_KIND_TIME:
        return adit_option_fail(cause, "%s: a time such as 90, 90s, 5m or 1h is due", where);
    case ADIT_KIND_PORTS:
        return adit_option_fail(cause, "%s: a port, or two with a dash between, is due", where);
    case ADIT_KIND_COUNT:
    case ADIT_KIND_TEXT:
    case ADIT_KIND_LIST:
        break;
    }
    return adit_option_fail(cause, "%s: the value is empty", where);
}

int adit_option_set(struct adit_options *o, enum adit_option option, enum adit_option_source source,
                    const char *value, const char *where, struct adit_cause *cause)
{
    const struct adit_option_row *row = &adit_option_rows[option];

    if (source < o->source[option])
        return 0;
    if (row->kind == ADIT_KIND_LIST && source > o->source[option])
        ((struct adit_strings *)(void *)((char *)o + row->offset))->count = 0;
    if (row->kind == ADIT_KIND_COUNT && source > o->source[option])
        *(unsigned *)(void *)((char *)o + row->offset) = 0;
    o->source[option] = source;
    int err = assign(o, row, value);
    if (err == -ENOMEM)
        return no_memory(cause);
    if (err == -ENOSPC)
        return adit_option_fail(cause, "%s: more than %d values", where, ADIT_OPTION_LIST_MAX);
    return err < 0 ? refuse(row, where, cause) : 0;
}

bool adit_option_applies(const struct adit_options *o, enum adit_option option)
{
    return adit_option_rows[option].commands >> o->command & 1;
}

bool adit_option_takes_value(enum adit_option option)
{
    enum adit_kind kind = adit_option_rows[option].kind;

    return kind != ADIT_KIND_FLAG && kind != ADIT_KIND_COUNT;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static int set_defaults(struct adit_options *o, struct adit_cause *cause)
{
    o->max_retransmits = o->max_lifetime = o->mtu = -1;
    for (enum adit_option i = 0; i < ADIT_OPTION_COUNT; i++) {
        const char *value = adit_option_rows[i].value;
        int err = *value ? adit_option_set(o, i, ADIT_SOURCE_DEFAULT, value, "default", cause) : 0;
        if (err < 0)
            return err;
    }
    return 0;
}

static int check_together(struct adit_options *o, struct adit_cause *cause)
{
    if (o->max_retransmits >= 0 && o->max_lifetime >= 0)
        return adit_option_fail(cause, "--max-retransmits and --max-lifetime: only one of them");
    if (o->mode == ADIT_MODE_BYTES &&
        (o->unordered || o->max_retransmits >= 0 || o->max_lifetime >= 0))
        return adit_option_fail(cause, "--mode bytes needs an ordered channel that loses nothing");
    if (o->key && !o->cert)
        return adit_option_fail(cause, "--key needs --cert");
    if (o->identity && o->cert)
        return adit_option_fail(cause, "--identity and --cert: only one of them");
    if (adit_options_given(o, ADIT_OPTION_log_level))
        return 0;
    if (o->verbose > 0)
        o->log_level = o->verbose > 1 ? ADIT_LOG_TRACE : ADIT_LOG_DEBUG;
    else if (o->quiet)
        o->log_level = ADIT_LOG_ERROR;
    return 0;
}

static int load(struct adit_options *o, int argc, char *const *argv, char *const *env,
                const char *dotenv, struct adit_cause *cause)
{
    int err = set_defaults(o, cause);

    if (err == 0)
        err = adit_options_line(o, argc, argv, cause);
    if (err == 0)
        err = adit_options_env(o, env, ADIT_SOURCE_ENVIRONMENT, cause);
    if (err == 0 && dotenv)
        err = adit_options_dotenv(o, dotenv, cause);
    if (err == 0 && o->config)
        err = adit_options_file(o, o->config, cause);
    return err == 0 ? check_together(o, cause) : err;
}

int adit_options_load(struct adit_options *ret_o, int argc, char *const *argv, char *const *env,
                      const char *dotenv, struct adit_cause *ret_cause)
{
    int err;

    memset(ret_o, 0, sizeof *ret_o);
    err = load(ret_o, argc, argv, env, dotenv, ret_cause);
    if (err < 0)
        adit_options_free(ret_o);
    return err;
}

void adit_options_free(struct adit_options *o)
{
    for (enum adit_option i = 0; i < ADIT_OPTION_COUNT; i++) {
        if (adit_option_rows[i].kind == ADIT_KIND_LIST)
            adit_free(
                ((struct adit_strings *)(void *)((char *)o + adit_option_rows[i].offset))->items);
    }
    for (size_t i = 0; i < o->text_count; i++)
        adit_free(o->texts[i]);
    adit_free(o->texts);
    memset(o, 0, sizeof *o);
}
