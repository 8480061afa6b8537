/* options_env.c - the environment and .env; see options_inner.h. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "cli/options_inner.h"

#define VALUE_MAX 4096

/* The value of a variable in a list like environ, or NULL. */
static const char *look_up(char *const *env, const char *name, size_t len)
{
    for (; env && *env; env++) {
        if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
            return *env + len + 1;
    }
    return NULL;
}

/* A list in one variable: commas or blanks between. */
static int set_value(struct adit_options *o, enum adit_option option,
                     enum adit_option_source source, const char *value, const char *where,
                     struct adit_cause *cause)
{
    char item[VALUE_MAX];

    if (adit_option_rows[option].kind != ADIT_KIND_LIST)
        return adit_option_set(o, option, source, value, where, cause);
    for (;;) {
        value += strspn(value, ", \t");
        size_t n = strcspn(value, ", \t");
        if (n == 0)
            return 0;
        if (adit_str_copy(item, sizeof item, value, n) < 0)
            return adit_option_fail(cause, "%s: a value is too long", where);
        int err = adit_option_set(o, option, source, item, where, cause);
        if (err < 0)
            return err;
        value += n;
    }
}

/* STUN_HOST and STUN_PORT make one server, if nothing else in this place names one. */
static int set_stun_host(struct adit_options *o, char *const *env, enum adit_option_source source,
                         struct adit_cause *cause)
{
    const char *host = look_up(env, "STUN_HOST", 9), *port = look_up(env, "STUN_PORT", 9);
    char text[300];
    uint64_t v = 3478;

    if (!host || !*host || o->source[ADIT_OPTION_stun] >= source ||
        !adit_option_applies(o, ADIT_OPTION_stun))
        return 0;
    if (port && *port && adit_str_u64(&v, port, strlen(port), 1, 65535) < 0)
        return adit_option_fail(cause, "STUN_PORT: a number from 1 to 65535 is due");
    if (strlen(host) > 255)
        return adit_option_fail(cause, "STUN_HOST: the name is too long");
    snprintf(text, sizeof text, strchr(host, ':') && host[0] != '[' ? "[%s]:%u" : "%s:%u", host,
             (unsigned)v);
    return adit_option_set(o, ADIT_OPTION_stun, source, text, "STUN_HOST", cause);
}

int adit_options_env(struct adit_options *o, char *const *env, enum adit_option_source source,
                     struct adit_cause *cause)
{
    for (enum adit_option i = 0; i < ADIT_OPTION_COUNT; i++) {
        const struct adit_option_row *row = &adit_option_rows[i];
        char own[48] = "ADIT_", where[80];
        const char *names = own, *value = NULL;
        size_t n = 0;
        if (!adit_option_applies(o, i) ||
            (source == ADIT_SOURCE_DOTENV && (row->commands & ADIT_ROW_LOCAL)))
            continue;
        for (size_t k = 0; row->name[k]; k++)
            own[5 + k] = row->name[k] == '-' ? '_' : (char)toupper((unsigned char)row->name[k]);
        for (; !value && *names; names = names == own ? row->env : names + n + (names[n] == ' ')) {
            n = strcspn(names, " ");
            value = look_up(env, names, n);
            if (value && *value)
                snprintf(where, sizeof where, "%.*s=%.24s%s", (int)n, names, value,
                         source == ADIT_SOURCE_DOTENV ? " in .env" : " in the environment");
            else
                value = NULL;
        }
        int err = value ? set_value(o, i, source, value, where, cause) : 0;
        if (err < 0)
            return err;
    }
    return set_stun_host(o, env, source, cause);
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

#define LINES_MAX 512

int adit_options_dotenv(struct adit_options *o, const char *path, struct adit_cause *cause)
{
    static const char separators[] = "\r\n";
    char *env[LINES_MAX + 1], *rest;
    struct adit_buf text;
    size_t count = 0;

    adit_buf_init(&text, ADIT_OPTION_FILE_MAX + 4097);
    int err = adit_options_slurp(&text, path);
    if (err < 0) {
        adit_buf_done(&text);
        if (err == -ENOENT)
            return 0;
        return adit_option_file_fail(cause, path, err);
    }
    for (char *line = strtok_r((char *)text.data, separators, &rest); line && count < LINES_MAX;
         line = strtok_r(NULL, separators, &rest)) {
        char *clean = clean_line(line);
        if (clean)
            env[count++] = clean;
    }
    env[count] = NULL;
    err = adit_options_env(o, env, ADIT_SOURCE_DOTENV, cause);
    adit_buf_done(&text);
    return err;
}
