#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"
#include "signal/client_inner.h"
#include "signal/say.h"

#define STRINGS_MAX 256

static int no_memory(struct adit_cause *cause)
{
    adit_cause_set(cause, ADIT_REASON_RESOURCE, ENOMEM, "no memory for signaling");
    return -ENOMEM;
}

static int refuse(struct adit_cause *cause, const char *text)
{
    adit_cause_set(cause, ADIT_REASON_LOCAL, EINVAL, "%s", text);
    return -EINVAL;
}

/* ---- copies ---------------------------------------------------------------------------------- */

/* *io_text becomes a copy of ours. */
static int own(struct adit_signal *s, const char **io_text)
{
    char *copy = *io_text ? adit_strdup(*io_text) : NULL;

    if (!*io_text)
        return 0;
    *io_text = NULL;
    if (!copy || s->string_count == STRINGS_MAX) {
        adit_free(copy);
        return -ENOMEM;
    }
    s->strings[s->string_count++] = copy;
    *io_text = copy;
    return 0;
}

static int own_all(struct adit_signal *s)
{
    struct adit_signal_conf *c = &s->conf;
    const char **const texts[] = { &c->url,   &c->dialect, &c->exec,  &c->file,     &c->id,
                                   &c->token, &c->room,    &c->email, &c->password, &c->device_key,
                                   &c->ca,    &c->proxy,   &c->dns };
    int err = 0;

    for (size_t i = 0; i < ADIT_LEN(texts); i++)
        err = own(s, texts[i]) ? -ENOMEM : err;
    return err;
}

void adit_client_unconfigure(struct adit_signal *s)
{
    s->tls = adit_tls_client_free(s->tls);
    adit_client_file_done(s);
    adit_buf_done(&s->authority);
    while (s->string_count) { /* some are secrets */
        char *text = s->strings[--s->string_count];
        explicit_bzero(text, strlen(text));
        adit_free(text);
    }
    adit_free(s->strings);
    explicit_bzero(&s->proxy, sizeof s->proxy);
}

/* ---- the server ------------------------------------------------------------------------------ */

/* "Name: value" */
static int add_header(struct adit_signal *s, const char *line)
{
    const char *text = line;
    char *colon, *end;

    if (s->header_count == ADIT_CLIENT_HEADERS_MAX || own(s, &text) < 0)
        return -ENOMEM;
    colon = strchr(text, ':');
    if (!colon || !adit_http1_is_token(text, (size_t)(colon - text)))
        return -EINVAL;
    *colon++ = 0;
    while (*colon == ' ' || *colon == '\t')
        colon++;
    end = colon + strlen(colon);
    while (end > colon && (end[-1] == ' ' || end[-1] == '\t'))
        *--end = 0;
    if (*colon && !adit_say_is_word(colon))
        return -EINVAL;
    s->headers[s->header_count++] = (struct adit_http1_field){ text, colon };
    return 0;
}

static int add_headers(struct adit_signal *s, struct adit_cause *cause)
{
    for (size_t i = 0; i < s->conf.header_count; i++) {
        int err = add_header(s, s->conf.headers[i]);
        if (err == -EINVAL)
            return refuse(cause, "a --header must be \"Name: value\"");
        if (err)
            return refuse(cause, "too many --header options, or no memory for them");
    }
    return 0;
}

static int choose_proxy(struct adit_signal *s, struct adit_cause *cause)
{
    int err;

    if (s->conf.proxy)
        err = adit_proxy_parse(&s->proxy, s->conf.proxy, cause);
    else
        err = adit_proxy_choose(&s->proxy, s->url.secure, s->url.host, s->url.port, getenv, cause);
    s->has_proxy = s->proxy.kind != ADIT_PROXY_NONE;
    return err;
}

static int secure(struct adit_signal *s, struct adit_cause *cause)
{
    struct adit_tls_client_conf conf = {
        .ca = s->conf.ca,
        .pins = s->conf.pins,
        .pin_count = s->conf.pin_count,
        .insecure = s->conf.insecure,
        .alpn = "http/1.1",
    };

    if (!s->url.secure)
        return s->conf.pin_count ? refuse(cause, "--tls-pin is of no use without wss or https") : 0;
    s->tls = adit_tls_client_new(&conf, cause);
    return s->tls ? 0 : -EINVAL;
}

static bool is_local(const char *host)
{
    struct adit_addr addr;

    return strcmp(host, "localhost") == 0 || (adit_addr_parse(&addr, host, strlen(host)) == 0 &&
                                              adit_addr_scope(&addr) == ADIT_SCOPE_LOOPBACK);
}

static void warn_plain(const struct adit_signal *s)
{
    if (!s->url.secure && (s->conf.token || s->conf.password) && !is_local(s->url.host))
        adit_log(ADIT_LOG_WARN, "signal",
                 "the token travels where anybody can read it: use wss:// or https://, continuing");
}

static int server(struct adit_signal *s, struct adit_cause *cause)
{
    int err = adit_url_parse(&s->url, s->conf.url, strlen(s->conf.url),
                             ADIT_URL_WS | ADIT_URL_WSS | ADIT_URL_HTTP | ADIT_URL_HTTPS, cause);

    if (!err)
        err = choose_proxy(s, cause);
    if (!err)
        err = secure(s, cause);
    if (!err)
        err = add_headers(s, cause);
    if (err)
        return err;
    adit_url_authority(&s->authority, &s->url);
    warn_plain(s);
    return s->authority.err ? no_memory(cause) : 0;
}

/* ---- the dialect ----------------------------------------------------------------------------- */

static int choose_dialect(struct adit_signal *s, struct adit_cause *cause)
{
    const struct adit_signal_conf *c = &s->conf;
    struct adit_dialect_hints hints = {
        .scheme = s->url.scheme == ADIT_URL_HTTP || s->url.scheme == ADIT_URL_HTTPS ? "http" : "ws",
        .target = s->url.target,
        .port = s->url.port_given ? s->url.port : 0,
        .room = c->room,
        .device_key = c->device_key,
        .role = c->role_given ? c->role : ADIT_DIALECT_ROLE_ANY,
    };

    s->dialect = c->exec || c->file ? &adit_dialect_lines
                 : c->dialect       ? adit_dialect_find(c->dialect)
                                    : adit_dialect_guess(&hints);
    if (!s->dialect || (s->dialect == &adit_dialect_lines && !c->exec && !c->file))
        return refuse(cause, "--dialect must be agent, vpn, device, device-b, rendezvous, room or "
                             "mailbox");
    s->dialect_conf = (struct adit_dialect_conf){
        .target = s->url.target,
        .id = c->id,
        .token = c->token,
        .room = c->room,
        .email = c->email,
        .password = c->password,
        .new_account = c->new_account,
        .device_key = c->device_key,
        .role = c->role,
        .relay = c->relay,
        .rng = &s->rng,
    };
    return 0;
}

int adit_client_configure(struct adit_signal *s, const struct adit_signal_conf *conf,
                          struct adit_cause *cause)
{
    int err = 0;

    s->conf = *conf;
    adit_buf_init(&s->authority, 1024);
    s->strings = adit_zalloc(STRINGS_MAX * sizeof *s->strings);
    if (!s->strings || own_all(s) < 0)
        return no_memory(cause);
    if (s->conf.none) {
        s->dialect = &adit_dialect_none;
        return 0;
    }
    if (!s->conf.url + !s->conf.exec + !s->conf.file != 2)
        return refuse(cause, "one of --signal, --signal-exec and --signal-file is needed");
    if (s->conf.file)
        err = adit_client_file_init(s) < 0 ? no_memory(cause) : 0;
    else if (s->conf.url)
        err = server(s, cause);
    s->conf.pins = NULL; /* they were the caller's */
    s->conf.headers = NULL;
    return err ? err : choose_dialect(s, cause);
}
