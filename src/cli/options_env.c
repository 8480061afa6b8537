/* options_env.c - the environment and .env; see options_inner.h. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "cli/options_inner.h"

#define VALUE_MAX 4096
#define PLACE_MAX 400

/* The value of a variable in a list like environ, or NULL. */
static const char *look_up(char *const *env, const char *name, size_t len)
{
    for (; env && *env; env++) {
        if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
            return *env + len + 1;
    }
    return NULL;
}

/* A list in one variable: commas or blanks between, or commas alone. */
static int set_value(struct adit_options *o, enum adit_option option,
                     const struct adit_option_place *place, const char *value,
                     struct adit_option_error *error)
{
    const struct adit_option_row *row = &adit_option_rows[option];
    const char *between = row->commands & ADIT_ROW_PHRASES ? "," : ", \t";
    char item[VALUE_MAX];

    if (row->kind != ADIT_KIND_LIST)
        return adit_option_set(o, option, place, value, error);
    for (;;) {
        value += strspn(value, ", \t");
        size_t n = strcspn(value, between), len = n;
        if (n == 0)
            return 0;
        while (isblank((unsigned char)value[len - 1]))
            len--;
        if (adit_str_copy(item, sizeof item, value, len) < 0)
            return adit_option_fail(error, "%s: a value is too long", place->said);
        int err = adit_option_set(o, option, place, item, error);
        if (err < 0)
            return err;
        value += n;
    }
}

int adit_option_set_stun(struct adit_options *o, const struct adit_option_place *place,
                         const char *host, const char *port, struct adit_option_error *error)
{
    char text[300];
    uint64_t v = 3478;

    if (port && *port && adit_str_u64(&v, port, strlen(port), 1, 65535) < 0)
        return adit_option_fail(error, "%s: the port is a number from 1 to 65535", place->said);
    if (strlen(host) > 255)
        return adit_option_fail(error, "%s: the name of the host is too long", place->said);
    snprintf(text, sizeof text, strchr(host, ':') && host[0] != '[' ? "[%s]:%u" : "%s:%u", host,
             (unsigned)v);
    return adit_option_set(o, ADIT_OPTION_stun, place, text, error);
}

/* One place of the environment, or of .env with its lines. */
struct variables {
    char *const *env;
    const char *path;      /* of .env; NULL = the environment */
    const unsigned *lines; /* of each variable in .env */
    bool secret;           /* there is one that is for nobody else's eyes */
};

static void say_where(const struct variables *v, const char *name, size_t len, const char *value,
                      char *where, size_t size)
{
    const char *mark = value ? "=" : "";
    size_t i = 0;

    if (!v->path) {
        snprintf(where, size, "%.*s%s%.24s in the environment", (int)len, name, mark,
                 value ? value : "");
        return;
    }
    while (strncmp(v->env[i], name, len) != 0 || v->env[i][len] != '=')
        i++;
    snprintf(where, size, "%.*s%s%.24s in %s:%u", (int)len, name, mark, value ? value : "", v->path,
             v->lines[i]);
}

/* STUN_HOST and STUN_PORT make one server, if nothing else in this place names one. */
static int take_stun_host(struct adit_options *o, const struct variables *v,
                          enum adit_option_source source, struct adit_option_error *error)
{
    const char *host = look_up(v->env, "STUN_HOST", 9), *port = look_up(v->env, "STUN_PORT", 9);
    char where[PLACE_MAX];

    if (!host || !*host || o->source[ADIT_OPTION_stun] >= source ||
        !adit_option_applies(o, ADIT_OPTION_stun))
        return 0;
    say_where(v, "STUN_HOST", 9, NULL, where, sizeof where);
    return adit_option_set_stun(o, &(struct adit_option_place){ source, where, where }, host, port,
                                error);
}

static int take_variable(struct adit_options *o, struct variables *v, enum adit_option option,
                         enum adit_option_source source, const char *name, size_t len,
                         const char *value, struct adit_option_error *error)
{
    bool secret = adit_option_is_secret(option, value);
    char where[PLACE_MAX], said[PLACE_MAX];

    v->secret |= secret;
    say_where(v, name, len, NULL, where, sizeof where);
    say_where(v, name, len, secret ? NULL : value, said, sizeof said);
    return set_value(o, option, &(struct adit_option_place){ source, where, said }, value, error);
}

static int take_variables(struct adit_options *o, struct variables *v,
                          enum adit_option_source source, struct adit_option_error *error)
{
    for (enum adit_option i = 0; i < ADIT_OPTION_COUNT; i++) {
        const struct adit_option_row *row = &adit_option_rows[i];
        char own[48] = "ADIT_";
        const char *names = own, *value = NULL;
        size_t n = 0;
        int err = 0;
        if (!adit_option_applies(o, i) ||
            (source == ADIT_SOURCE_DOTENV && (row->commands & ADIT_ROW_LOCAL)))
            continue;
        for (size_t k = 0; row->name[k]; k++)
            own[5 + k] = row->name[k] == '-' ? '_' : (char)toupper((unsigned char)row->name[k]);
        for (; !value && *names; names = names == own ? adit_option_text(row, ADIT_TEXT_ENV)
                                                      : names + n + (names[n] == ' ')) {
            n = strcspn(names, " ");
            value = look_up(v->env, names, n);
            if (value && *value)
                err = take_variable(o, v, i, source, names, n, value, error);
            else
                value = NULL;
        }
        if (err < 0)
            return err;
    }
    return take_stun_host(o, v, source, error);
}

int adit_options_env(struct adit_options *o, char *const *env, struct adit_option_error *error)
{
    return take_variables(o, &(struct variables){ .env = env }, ADIT_SOURCE_ENVIRONMENT, error);
}

/* ---- .env ------------------------------------------------------------------------------------ */

/* Cuts comments, blanks and quotation marks from what stands behind '='. In place. */
static char *unquote(char *value)
{
    char quote = *value;

    if (quote == '"' || quote == '\'') {
        char *end = strchr(value + 1, quote);
        if (end) {
            *end = '\0';
            return value + 1;
        }
    }
    for (char *p = value; *p; p++) {
        if (*p == '#' && (p == value || isblank((unsigned char)p[-1]))) {
            *p = '\0';
            break;
        }
    }
    size_t n = strlen(value);
    while (n > 0 && isspace((unsigned char)value[n - 1]))
        value[--n] = '\0';
    return value;
}

/* [export] NAME=VALUE as NAME=VALUE, or NULL. In place. */
static char *clean_line(char *line)
{
    char *equals;

    line += strspn(line, " \t");
    if (strncmp(line, "export ", 7) == 0)
        line += 7 + strspn(line + 7, " \t");
    equals = strchr(line, '=');
    if (*line == '#' || !equals)
        return NULL;
    char *name_end = equals;
    while (name_end > line && isblank((unsigned char)name_end[-1]))
        name_end--;
    char *value = unquote(equals + 1 + strspn(equals + 1, " \t"));
    *name_end = '=';
    memmove(name_end + 1, value, strlen(value) + 1);
    return line;
}

#define LINES_MAX 512 /* variables in .env */

struct dotenv {
    char *env[LINES_MAX + 1];
    unsigned lines[LINES_MAX];
    size_t count;
};

/* As a shell does: of a name that is there twice the last value counts. -ENOSPC. */
static int add_line(struct dotenv *d, char *text, unsigned line)
{
    size_t len = strcspn(text, "=") + 1, i = 0;

    while (i < d->count && strncmp(d->env[i], text, len) != 0)
        i++;
    if (i == LINES_MAX)
        return -ENOSPC;
    d->env[i] = text;
    d->lines[i] = line;
    if (i == d->count)
        d->env[++d->count] = NULL;
    return 0;
}

/* In place. */
static int cut_lines(struct dotenv *d, char *text)
{
    unsigned number = 1;
    int err = 0;

    for (char *line = text, *end; line && !err; line = end, number++) {
        end = strchr(line, '\n');
        if (end)
            *end++ = '\0';
        char *clean = clean_line(line);
        if (clean)
            err = add_line(d, clean, number);
    }
    return err;
}

int adit_options_dotenv(struct adit_options *o, const char *path, struct adit_option_error *error)
{
    struct dotenv d = { .count = 0 };
    struct variables v;
    struct adit_buf text;
    bool public;
    int err;

    d.env[0] = NULL;
    adit_buf_init(&text, ADIT_OPTION_FILE_MAX + 4097);
    err = adit_options_slurp(&text, path, &public);
    if (err == -ENOENT) {
        adit_buf_done(&text);
        return 0;
    }
    if (err < 0) {
        err = adit_option_file_fail(error, path, err);
    } else if (text.len && memchr(text.data, '\0', text.len)) {
        err = adit_option_fail(error, "%s: this is no text", path);
    } else if (cut_lines(&d, (char *)text.data) < 0) {
        err = adit_option_fail(error, "%s: more than %d variables", path, LINES_MAX);
    } else {
        v = (struct variables){ .env = d.env, .path = path, .lines = d.lines };
        err = take_variables(o, &v, ADIT_SOURCE_DOTENV, error);
        if (!err && public && v.secret)
            err = adit_option_warn_public(o, path, error);
    }
    adit_buf_done(&text);
    return err;
}
