#include "app/http_proxy.h"

#include "app/http_proxy_inner.h"
#include "base/alloc.h"
#include "base/str.h"

/* ---- the port -------------------------------------------------------------------------------- */

static void on_accepted(void *arg, int fd, const struct adit_addr *from, adit_time now)
{
    struct adit_http_proxy *p = arg;

    adit_http_conn_accept(p, fd, from, now);
    if (p->conn_count >= p->connections_max)
        adit_listen_pause(p->listen); /* until one has gone */
}

static const struct adit_listen_ops listen_ops = { .accepted = on_accepted };

const char *adit_http_proxy_at(const struct adit_http_proxy *p, size_t i)
{
    return i < adit_listen_count(p->listen) ? adit_listen_at(p->listen, i) : NULL;
}

size_t adit_http_proxy_connections(const struct adit_http_proxy *p)
{
    return p->conn_count;
}

size_t adit_http_proxy_exchanges(const struct adit_http_proxy *p)
{
    return p->exchange_count;
}

/* ---- the tunnel ------------------------------------------------------------------------------ */

void adit_http_proxy_attach(struct adit_http_proxy *p, struct adit_carrier *carrier)
{
    assert(!p->carrier);
    p->carrier = carrier;
}

void adit_http_proxy_detach(struct adit_http_proxy *p, adit_time now)
{
    struct adit_link *it, *tmp;

    p->carrier = NULL;
    ADIT_LIST_EACH(&p->conns, it, tmp)
    {
        struct adit_http_conn *c = adit_container_of(it, struct adit_http_conn, link);

        if (c->x)
            adit_http_conn_fail(c, 502, "Tunnel error: the tunnel has ended", now);
    }
}

/* ---- life ------------------------------------------------------------------------------------ */

static void on_bury(struct adit_task *task, adit_time now)
{
    struct adit_http_proxy *p = adit_container_of(task, struct adit_http_proxy, bury);

    (void)now;
    for (size_t i = 0; i < p->allow_count; i++)
        adit_free(p->allow[i]);
    adit_free(p->allow);
    adit_free(p->login);
    adit_buf_done(&p->out);
    adit_free(p);
}

struct adit_http_proxy *adit_http_proxy_free(struct adit_http_proxy *p)
{
    if (!p)
        return NULL;
    p->listen = adit_listen_free(p->listen);
    while (!adit_list_empty(&p->conns))
        adit_http_conn_end(adit_container_of(p->conns.next, struct adit_http_conn, link), false,
                           adit_loop_now(p->loop));
    adit_loop_end_of_round(p->loop, &p->bury); /* one of its connections may be on the stack */
    return NULL;
}

/* "Basic dXNlcjpwdw==", as clients send it. */
static char *login_of(const char *user_password)
{
    size_t n = strlen(user_password);
    char *login = adit_malloc(6 + adit_base64_size(n));

    if (login) {
        memcpy(login, "Basic ", 6);
        adit_base64_encode(login + 6, user_password, n, false);
    }
    return login;
}

static int copy_rules(struct adit_http_proxy *p, const struct adit_http_proxy_conf *conf)
{
    if (conf->basic_auth && !(p->login = login_of(conf->basic_auth)))
        return -ENOMEM;
    if (conf->allow_count && !(p->allow = adit_zalloc(conf->allow_count * sizeof *p->allow)))
        return -ENOMEM;
    for (; p->allow_count < conf->allow_count; p->allow_count++)
        if (!(p->allow[p->allow_count] = adit_strdup(conf->allow[p->allow_count])))
            return -ENOMEM;
    return 0;
}

static adit_time or_else(adit_time time, adit_time otherwise)
{
    return time ? time : otherwise;
}

static void copy_limits(struct adit_http_proxy *p, const struct adit_http_proxy_conf *conf)
{
    p->readonly = conf->readonly;
    p->forwarded = conf->forwarded;
    p->head_max = conf->head_max ? conf->head_max : ADIT_HTTP_HEAD_MAX;
    p->connections_max = conf->connections_max ? conf->connections_max : ADIT_HTTP_CONNECTIONS_MAX;
    p->head_time = or_else(conf->head_time, ADIT_HTTP_HEAD_TIME);
    p->response_time = or_else(conf->response_time, ADIT_HTTP_RESPONSE_TIME);
    p->idle_time = or_else(conf->idle_time, ADIT_HTTP_IDLE_TIME);
    p->total_time = or_else(conf->total_time, ADIT_NEVER);
    p->retry_after = or_else(conf->retry_after, ADIT_HTTP_RETRY_AFTER);
}

struct adit_http_proxy *adit_http_proxy_new(const struct adit_http_proxy_conf *conf,
                                            struct adit_cause *ret_cause)
{
    static const char *const usual = ADIT_HTTP_PROXY_LISTEN;
    struct adit_listen_conf listen = { .at = conf->listen_count ? conf->listen : &usual,
                                       .count = conf->listen_count ? conf->listen_count : 1 };
    struct adit_http_proxy *p = adit_zalloc(sizeof *p);

    adit_cause_set(ret_cause, ADIT_REASON_RESOURCE, ENOMEM, "no memory");
    if (!p)
        return NULL;
    p->loop = conf->loop;
    adit_list_init(&p->conns);
    adit_task_init(&p->bury, on_bury);
    adit_buf_init(&p->out, ADIT_HTTP_QUEUE_MAX);
    copy_limits(p, conf);
    if (conf->basic_auth && !strchr(conf->basic_auth, ':')) {
        adit_cause_set(ret_cause, ADIT_REASON_LOCAL, EINVAL, "write the login as USER:PASSWORD");
        return adit_http_proxy_free(p);
    }
    for (size_t i = 0; i < conf->allow_count; i++)
        if (conf->allow[i][0] != '/') {
            adit_cause_set(ret_cause, ADIT_REASON_LOCAL, EINVAL,
                           "a path that is allowed begins with /");
            return adit_http_proxy_free(p);
        }
    if (copy_rules(p, conf) < 0 ||
        adit_listen_open(&p->listen, p->loop, &listen, &listen_ops, p, ret_cause) < 0)
        return adit_http_proxy_free(p);
    return p;
}
