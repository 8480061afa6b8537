/* options_file.c - the configuration file: from a tree to rows; see options_inner.h.
 *
 * A key is the name of an option, or one of its variables in small letters (AGENT_ID: agent_id), or
 * one of the few below that have a form of their own. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/options_reader.h"

int adit_options_slurp(struct adit_buf *out, const char *path, bool *ret_public)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char piece[4096];
    struct stat st;
    ssize_t n = 0;

    if (fd < 0)
        return -errno;
    *ret_public = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & S_IROTH);
    while (out->len <= ADIT_OPTION_FILE_MAX && (n = read(fd, piece, sizeof piece)) > 0)
        adit_buf_add(out, piece, (size_t)n);
    int err = n < 0 ? -errno : 0;
    close(fd);
    (void)adit_buf_str(out); /* its zero byte */
    if (out->len > ADIT_OPTION_FILE_MAX || out->err == -EMSGSIZE)
        return -EFBIG;
    return out->err ? out->err : err;
}

int adit_option_file_fail(struct adit_option_error *error, const char *path, int err)
{
    if (err == -ENOMEM)
        return adit_option_no_memory(error);
    if (err == -EFBIG)
        (void)adit_option_fail(error, "%s: too large: at most %d KiB", path,
                               ADIT_OPTION_FILE_MAX / 1024);
    else
        (void)adit_option_fail(error, "%s: %s", path, strerror(-err));
    error->err = -err;
    error->resource = err == -EMFILE || err == -ENFILE;
    return -EINVAL;
}

int adit_option_warn_public(struct adit_options *o, const char *path,
                            struct adit_option_error *error)
{
    return adit_option_warn(
        o, error, "%s has a secret in it and everybody here may read it: chmod o-r %s, continuing",
        path, path);
}

/* ---- values ---------------------------------------------------------------------------------- */

int adit_reader_fail(const struct adit_reader *r, const struct adit_tree_node *n, const char *fmt,
                     ...)
{
    char text[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return adit_tree_fail(r->tree, n->line, r->error, "%s%.60s%s%.60s: %s",
                          r->section ? "peers, " : "", r->section ? r->section : "",
                          r->section ? ": " : "", n->key ? n->key : "a value", text);
}

static int set(struct adit_reader *r, enum adit_option option, const char *key,
               const struct adit_tree_node *n)
{
    char where[ADIT_WHERE_MAX], said[ADIT_WHERE_MAX + 160];

    if (n->kind != ADIT_TREE_SCALAR || !n->text)
        return adit_tree_fail(r->tree, n->line, r->error, "%.60s: %s", key,
                              n->kind == ADIT_TREE_MAPPING ? "a value is due, not a mapping"
                                                           : "a single value is due");
    snprintf(where, sizeof where, "%s:%u", r->tree->path, n->line);
    snprintf(said, sizeof said, "%s: %s%.60s%s%.60s", where, r->section ? "peers, " : "",
             r->section ? r->section : "", r->section ? ": " : "", key);
    if (adit_option_is_secret(option, n->text))
        r->secret = true;
    if (!adit_option_applies(r->o, option))
        return 0;
    return adit_option_set(r->o, option,
                           &(struct adit_option_place){ ADIT_SOURCE_FILE, where, said }, n->text,
                           r->error);
}

static bool says_nothing(const struct adit_tree_node *n)
{
    return n->kind == ADIT_TREE_SCALAR && !n->text;
}

/* Of a list more may come under another name; anything else is said once. */
static int take_once(struct adit_reader *r, enum adit_option option, const struct adit_tree_node *n)
{
    if (adit_option_rows[option].kind != ADIT_KIND_LIST && r->lines[option])
        return adit_reader_fail(r, n, "this is --%s, which line %u has said already",
                                adit_option_rows[option].name, r->lines[option]);
    r->lines[option] = n->line;
    return 0;
}

int adit_reader_option(struct adit_reader *r, enum adit_option option,
                       const struct adit_tree_node *n)
{
    int err;

    if (says_nothing(n))
        return 0;
    err = take_once(r, option, n);
    if (err || n->kind != ADIT_TREE_LIST || adit_option_rows[option].kind != ADIT_KIND_LIST)
        return err ? err : set(r, option, n->key, n);
    for (const struct adit_tree_node *item = n->first; item && !err; item = item->next)
        err = set(r, option, n->key, item);
    return err;
}

/* ---- what has a form of its own -------------------------------------------------------------- */

/* A scalar, or a list of them, as values of --stun. */
static int take_urls(struct adit_reader *r, const struct adit_tree_node *n)
{
    int err = 0;

    if (n->kind != ADIT_TREE_LIST)
        return set(r, ADIT_OPTION_stun, "ice_servers", n);
    for (const struct adit_tree_node *url = n->first; url && !err; url = url->next)
        err = set(r, ADIT_OPTION_stun, "ice_servers", url);
    return err;
}

/* Of the TURN servers: one account for all of them. What stands beside a server counts more than
 * what stands by itself. */
static int take_ice_login(struct adit_reader *r, const struct adit_tree_node *n)
{
    bool user = adit_reader_is(n->key, "ice_username") || strcmp(n->key, "username") == 0;
    enum adit_option option = user ? ADIT_OPTION_turn_user : ADIT_OPTION_turn_password;

    if (n->kind != ADIT_TREE_SCALAR)
        return adit_reader_fail(r, n, "a single value is due");
    if (!n->text || !*n->text)
        return 0;
    if (adit_reader_is(n->key, user ? "ice_username" : "ice_credential") &&
        r->o->source[option] == ADIT_SOURCE_FILE)
        return 0;
    return set(r, option, n->key, n);
}

/* { urls, username, credential } as in WebRTC's RTCIceServer. */
static int take_ice_server(struct adit_reader *r, const struct adit_tree_node *server)
{
    static const char *const keys[] = { "urls", "url", "username", "credential", NULL };
    bool any = false;
    int err = 0;

    if (server->kind != ADIT_TREE_MAPPING)
        return take_urls(r, server);
    for (const struct adit_tree_node *n = server->first; n && !err; n = n->next) {
        size_t i = 0;
        while (keys[i] && strcmp(keys[i], n->key) != 0)
            i++;
        if (!keys[i])
            return adit_reader_unknown(r, n, ADIT_ROW_NEVER, keys);
        if (i < 2) {
            any = true;
            err = take_urls(r, n);
        } else {
            err = take_ice_login(r, n);
        }
    }
    if (!err && !any)
        err = adit_tree_fail(r->tree, server->line, r->error, "ice_servers: urls is missing here");
    return err;
}

static int take_ice_servers(struct adit_reader *r, const struct adit_tree_node *n)
{
    int err = 0;

    if (n->kind != ADIT_TREE_LIST)
        return take_ice_server(r, n);
    for (const struct adit_tree_node *server = n->first; server && !err; server = server->next)
        err = take_ice_server(r, server);
    return err;
}

/* STUN_HOST and STUN_PORT are one value: looked at when both are known. */
static int take_stun_host(struct adit_reader *r, const struct adit_tree_node *n)
{
    if (n->kind != ADIT_TREE_SCALAR)
        return adit_reader_fail(r, n, "a single value is due");
    *(adit_reader_is(n->key, "stun_host") ? &r->stun_host : &r->stun_port) = n;
    return 0;
}

static int set_stun_host(struct adit_reader *r)
{
    const struct adit_tree_node *host = r->stun_host;
    char where[ADIT_WHERE_MAX], said[ADIT_WHERE_MAX + 16];

    if (!host || !host->text || !*host->text || !adit_option_applies(r->o, ADIT_OPTION_stun) ||
        r->o->source[ADIT_OPTION_stun] >= ADIT_SOURCE_FILE)
        return 0;
    snprintf(where, sizeof where, "%s:%u", r->tree->path, host->line);
    snprintf(said, sizeof said, "%s: stun_host", where);
    return adit_option_set_stun(r->o, &(struct adit_option_place){ ADIT_SOURCE_FILE, where, said },
                                host->text, r->stun_port ? r->stun_port->text : NULL, r->error);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static const struct {
    const char *key;
    int (*take)(struct adit_reader *r, const struct adit_tree_node *n);
} forms[] = {
    { "ice_servers", take_ice_servers },  { "ice_username", take_ice_login },
    { "ice_credential", take_ice_login }, { "peers", adit_reader_peers },
    { "stun_host", take_stun_host },      { "stun_port", take_stun_host },
};

static int take_key(struct adit_reader *r, const struct adit_tree_node *n)
{
    const char *keys[ADIT_LEN(forms) + 1] = { NULL };
    enum adit_option option = adit_reader_find(n->key, ADIT_ROW_ANY);

    for (size_t i = 0; i < ADIT_LEN(forms); i++) {
        if (adit_reader_is(n->key, forms[i].key))
            return says_nothing(n) ? 0 : forms[i].take(r, n);
        keys[i] = forms[i].key;
    }
    if (option != ADIT_OPTION_COUNT)
        return adit_reader_option(r, option, n);
    return adit_reader_unknown(r, n, ADIT_ROW_ANY, keys);
}

static int read_tree(struct adit_reader *r)
{
    const struct adit_tree_node *root = r->tree->root;
    int err = 0;

    if (root && root->kind != ADIT_TREE_MAPPING)
        return adit_tree_fail(r->tree, root->line, r->error,
                              "one mapping of names to values is due, such as \"mode: tun\"");
    for (const struct adit_tree_node *n = root ? root->first : NULL; n && !err; n = n->next)
        err = take_key(r, n);
    if (!err)
        err = set_stun_host(r);
    if (!err && r->public && r->secret)
        err = adit_option_warn_public(r->o, r->tree->path, r->error);
    return err;
}

int adit_options_file(struct adit_options *o, const char *path, struct adit_option_error *error)
{
    struct adit_tree tree;
    struct adit_reader r = { .o = o, .tree = &tree, .error = error };
    struct adit_buf text;
    int err;

    adit_buf_init(&text, ADIT_OPTION_FILE_MAX + 4097);
    err = adit_options_slurp(&text, path, &r.public);
    if (err < 0) {
        err = adit_option_file_fail(error, path, err);
    } else {
        err = adit_tree_read(&tree, path, (const char *)text.data, text.len, error);
        if (!err)
            err = read_tree(&r);
        adit_tree_free(&tree);
    }
    adit_buf_done(&text);
    return err;
}
