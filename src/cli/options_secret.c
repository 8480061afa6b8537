/* options_secret.c - what is for nobody else's eyes: tokens, passwords, also inside of URLs; see
 * options_inner.h. */
#include <stdio.h>
#include <strings.h>

#include "cli/options_inner.h"

/* ---- where they are ---------------------------------------------------------------------------
 */

/* USER:PASSWORD@ behind the scheme of a URL. */
static bool find_password(const char *url, size_t *ret_at, size_t *ret_len)
{
    const char *host = strstr(url, "://");
    size_t end, at, colon;

    if (!host)
        return false;
    host += 3;
    end = strcspn(host, "/?#");
    for (at = end; at > 0 && host[at] != '@'; at--)
        ;
    colon = strcspn(host, ":");
    if (host[at] != '@' || colon + 1 >= at)
        return false;
    *ret_at = (size_t)(host - url) + colon + 1;
    *ret_len = at - colon - 1;
    return true;
}

static bool names_secret(const char *name, size_t len)
{
    static const char *const names[] = { "access_token", "api_key", "apikey", "auth",
                                         "credential",   "jwt",     "key",    "pass",
                                         "password",     "secret",  "sig",    "signature",
                                         "token" };

    for (size_t i = 0; i < ADIT_LEN(names); i++)
        if (strlen(names[i]) == len && strncasecmp(names[i], name, len) == 0)
            return true;
    return false;
}

/* ?token=… and &token=… of a URL, from `from` on. */
static bool find_parameter(const char *url, size_t from, size_t *ret_at, size_t *ret_len)
{
    const char *p = strchr(url, '?');

    for (; p && *p && *p != '#'; p += strcspn(p, "&#")) {
        p++;
        const char *value = p + strcspn(p, "=&#");
        if (*value == '=' && (size_t)(value + 1 - url) > from &&
            names_secret(p, (size_t)(value - p))) {
            *ret_at = (size_t)(value + 1 - url);
            *ret_len = strcspn(value + 1, "&#");
            if (*ret_len > 0)
                return true;
        }
    }
    return false;
}

/* A ticket of a public listener is as good as a password. */
static bool is_ticket(const char *word)
{
    size_t n = sizeof ADIT_TICKET_PREFIX - 1;

    return strncasecmp(word, ADIT_TICKET_PREFIX, n) == 0 && strlen(word) > n;
}

/* The next secret in a value, at `from` or behind it. */
static bool find_secret(enum adit_option option, const char *value, size_t from, size_t *ret_at,
                        size_t *ret_len)
{
    const struct adit_option_row *row = &adit_option_rows[option];
    size_t at = 0;

    if (is_ticket(value)) {
        *ret_at = sizeof ADIT_TICKET_PREFIX - 1;
        *ret_len = strlen(value + *ret_at);
        return from == 0;
    }
    if (!(row->commands & ADIT_ROW_SECRET)) {
        if (!strstr(value, "://"))
            return false;
        if (find_password(value, ret_at, ret_len) && *ret_at > from)
            return true;
        return find_parameter(value, from, ret_at, ret_len);
    }
    if (row->kind == ADIT_KIND_LIST) { /* "NAME: VALUE" */
        at = strcspn(value, ":");
        at += value[at] == ':';
        at += strspn(value + at, " ");
    }
    *ret_at = at;
    *ret_len = strlen(value + at);
    return (from == 0 || at > from) && *ret_len > 0;
}

bool adit_option_is_secret(enum adit_option option, const char *value)
{
    size_t at, len;

    return find_secret(option, value, 0, &at, &len) && len > 0;
}

/* ---- kept from others ------------------------------------------------------------------------ */

void adit_option_mask(struct adit_buf *out, enum adit_option option, const char *value)
{
    size_t from = 0, at, len;

    while (find_secret(option, value, from, &at, &len)) {
        adit_buf_add(out, value + from, at - from);
        adit_buf_printf(out, "***");
        from = at + len;
    }
    adit_buf_printf(out, "%s", value + from);
}

static void overwrite(enum adit_option option, char *value)
{
    size_t from = 0, at, len;

    while (find_secret(option, value, from, &at, &len)) {
        memset(value + at, '*', len);
        from = at + len;
    }
}

void adit_options_hide(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        size_t n = strcspn(argv[i], "=");

        if (is_ticket(argv[i]))
            overwrite(ADIT_OPTION_peer, argv[i]);
        enum adit_option option = n > 2 && strncmp(argv[i], "--", 2) == 0
                                      ? adit_option_find(argv[i] + 2, n - 2)
                                      : ADIT_OPTION_COUNT;
        if (option == ADIT_OPTION_COUNT || !adit_option_takes_value(option))
            continue;
        if (argv[i][n] == '=')
            overwrite(option, argv[i] + n + 1);
        else if (i + 1 < argc)
            overwrite(option, argv[++i]);
    }
}
