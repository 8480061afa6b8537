#include "app/fwd_spec.h"

#include <stdio.h>

#include "base/str.h"

static const char *const usages[] = {
    [ADIT_FWD_LOCAL] = "[BIND:]PORT:HOST:PORT",
    [ADIT_FWD_REMOTE] = "[BIND:]PORT:HOST:PORT",
    [ADIT_FWD_SOCKS] = "[BIND:]PORT",
    [ADIT_FWD_UDP] = "[BIND:]PORT:HOST:PORT",
    [ADIT_FWD_STDIO] = "HOST:PORT, /PATH or a service",
};

static int wrong(struct adit_cause *cause, enum adit_fwd_kind kind, const char *what)
{
    adit_cause_set(cause, ADIT_REASON_LOCAL, EINVAL, "%s; write %s", what, usages[kind]);
    return -EINVAL;
}

static bool all_digits(const char *text, size_t n)
{
    return n && strspn(text, "0123456789") >= n;
}

/* ---- where one listens ----------------------------------------------------------------------- */

/* Takes a path up to the ":" that no backslash stands before. Returns what follows it, or the end;
 * NULL: no path. */
static const char *take_path(struct adit_end *at, const char *text)
{
    char path[ADIT_END_NAME_MAX];
    size_t n = 0;

    while (*text && *text != ':' && n < sizeof path) {
        if (text[0] == '\\' && (text[1] == ':' || text[1] == '\\'))
            text++;
        path[n++] = *text++;
    }
    at->kind = ADIT_END_UNIX;
    if ((*text && *text != ':') || adit_end_set_path(at, path, n) < 0)
        return NULL;
    return text;
}

/* Takes "[bind:]port". The same; *ret_wrong says what is wrong. */
static const char *take_port(struct adit_end *at, const char *text, const char **ret_wrong)
{
    const char *bind = "localhost";
    size_t n = 9;

    if (!all_digits(text, strcspn(text, ":"))) {
        const char *close = text[0] == '[' ? strchr(text, ']') : NULL;

        bind = text;
        n = close ? (size_t)(close + 1 - text) : strcspn(text, ":");
        *ret_wrong = "there is no port to listen at";
        if (text[n] != ':')
            return NULL;
        text += n + 1;
    }
    *ret_wrong = "the place to listen at is no address of this host's";
    if (adit_end_set_host(at, bind, n, ADIT_END_TO_LISTEN) < 0)
        return NULL;
    n = strcspn(text, ":");
    *ret_wrong = "the port to listen at is no number up to 65535";
    if (adit_end_set_port(at, text, n, ADIT_END_TO_LISTEN) < 0)
        return NULL;
    return text + n;
}

static const char *take_at(struct adit_fwd *fwd, const char *text, const char **ret_wrong)
{
    bool prefixed = adit_str_starts(text, "unix:/") || adit_str_starts(text, "unix:@");

    if (text[0] == '/' || prefixed) {
        *ret_wrong = fwd->kind == ADIT_FWD_UDP ? "datagrams cannot come from a path"
                                               : "the path to listen at is too long";
        return fwd->kind == ADIT_FWD_UDP ? NULL : take_path(&fwd->at, text + (prefixed ? 5 : 0));
    }
    fwd->at.kind = fwd->kind == ADIT_FWD_UDP ? ADIT_END_UDP : ADIT_END_TCP;
    return take_port(&fwd->at, text, ret_wrong);
}

/* ---- where one connects ---------------------------------------------------------------------- */

/* "tcp:80" is port 80 of a host "tcp"; "tcp:web:80" and "unix:/run/x" begin with what they are. */
static bool has_prefix(const char *text)
{
    const char *rest = strchr(text, ':');

    if (!rest || all_digits(rest + 1, strlen(rest + 1)))
        return false;
    return adit_str_starts(text, "tcp:") || adit_str_starts(text, "udp:") ||
           adit_str_starts(text, "unix:") || adit_str_starts(text, "serial:") ||
           adit_str_starts(text, "service:");
}

static const char *set_target(struct adit_fwd *fwd, const char *text)
{
    enum adit_end_kind kind = fwd->kind == ADIT_FWD_UDP ? ADIT_END_UDP : ADIT_END_TCP;
    const char *prefix = kind == ADIT_END_UDP ? "udp:" : "tcp:";
    char whole[ADIT_END_STR + 16];

    if (text[0] == '/')
        prefix = "unix:";
    else if (has_prefix(text))
        prefix = "";
    else if (fwd->kind == ADIT_FWD_STDIO && !strchr(text, ':'))
        prefix = "service:";
    else if (!strchr(text, ':'))
        return "the target has no port";
    if ((size_t)snprintf(whole, sizeof whole, "%s%s", prefix, text) >= sizeof whole)
        return "the target is too long";
    if (adit_end_parse(&fwd->to, whole, strlen(whole), ADIT_END_TO_CONNECT) < 0)
        return "the target cannot be understood";
    if ((fwd->to.kind == ADIT_END_UDP) != (kind == ADIT_END_UDP))
        return kind == ADIT_END_UDP ? "datagrams go to a host and port only"
                                    : "datagrams are forwarded with -U";
    if (fwd->to.kind == ADIT_END_SERVICE && fwd->kind == ADIT_FWD_REMOTE)
        return "services are the other side's";
    return NULL;
}

int adit_fwd_parse(struct adit_fwd *ret_fwd, enum adit_fwd_kind kind, const char *text,
                   struct adit_cause *ret_cause)
{
    struct adit_fwd fwd = { .kind = kind };
    const char *what = NULL;

    if (kind != ADIT_FWD_STDIO) {
        text = take_at(&fwd, text, &what);
        if (!text)
            return wrong(ret_cause, kind, what);
    }
    if (kind == ADIT_FWD_SOCKS && *text)
        return wrong(ret_cause, kind, "there is more than a place to listen at");
    if (kind != ADIT_FWD_SOCKS && kind != ADIT_FWD_STDIO && *text++ != ':')
        return wrong(ret_cause, kind, "there is no target");
    if (kind != ADIT_FWD_SOCKS && (what = set_target(&fwd, text)) != NULL)
        return wrong(ret_cause, kind, what);
    *ret_fwd = fwd;
    return 0;
}

/* ---- back ------------------------------------------------------------------------------------ */

/* Returns how many bytes there are now. */
static size_t put_at(char *out, const struct adit_end *at)
{
    size_t n = 0;

    if (at->kind != ADIT_END_UNIX) {
        const char *form = strchr(at->name, ':') ? "[%s]:%u" : "%s:%u";

        return (size_t)snprintf(out, ADIT_END_STR, form, at->name, at->port);
    }
    memcpy(out, "unix:", 5);
    n = 5;
    for (const char *p = at->name; *p; p++) {
        if (*p == ':' || *p == '\\')
            out[n++] = '\\';
        out[n++] = *p;
    }
    out[n] = '\0';
    return n;
}

char *adit_fwd_str(const struct adit_fwd *fwd, char out[ADIT_FWD_STR])
{
    size_t n = 0;

    out[0] = '\0';
    if (fwd->at.kind)
        n = put_at(out, &fwd->at);
    if (fwd->at.kind && fwd->to.kind)
        out[n++] = ':';
    if (fwd->to.kind)
        adit_end_str(&fwd->to, out + n);
    return out;
}
