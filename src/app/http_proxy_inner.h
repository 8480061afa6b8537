/* http_proxy_inner.h - what the files behind http_proxy.h share.
 *
 *   http_proxy.c         the port, and the carrier behind it
 *   http_proxy_conn.c    a client's connection: its life, what it sends
 *   http_proxy_request.c may this request pass, and what of it does
 *   http_proxy_answer.c  what it is sent: the far side's responses and our own */
#ifndef ADIT_HTTP_PROXY_INNER_H
#define ADIT_HTTP_PROXY_INNER_H

#include "app/http_proxy.h"
#include "base/addr.h"
#include "base/list.h"
#include "core/listen.h"
#include "core/stream.h"

enum adit_http_conn_state {
    ADIT_HTTP_CONN_READING,   /* a request's head */
    ADIT_HTTP_CONN_ASKING,    /* the request is on its way, perhaps still coming */
    ADIT_HTTP_CONN_ANSWERING, /* the response's head was sent */
    ADIT_HTTP_CONN_RAW,       /* after 101 */
    ADIT_HTTP_CONN_ENDING,    /* what is queued leaves, then the stream ends */
    ADIT_HTTP_CONN_GONE,      /* freed at the end of the round */
};

struct adit_http_conn {
    struct adit_http_proxy *proxy;
    enum adit_http_conn_state state;
    struct adit_stream *stream;
    struct adit_http1 *http;
    struct adit_exchange *x; /* NULL: none */
    struct adit_addr from;

    /* The request. */
    bool keep_alive; /* the connection may be used again */
    bool old;        /* HTTP/1.0 */
    bool to_head;    /* HEAD */
    bool upgrade;
    bool req_done; /* all of it was read */
    bool has_body;
    bool refused;       /* was answered by us; what is left of it is passed over */
    bool owes_continue; /* 100, as soon as the exchange takes body */
    bool held;          /* its stream is paused: the exchange takes nothing now */
    bool started;       /* a head has begun and is not complete */
    bool kept;          /* its stream keeps bytes that we did not take */
    bool eof;           /* the client sends no more */
    adit_time done_at;  /* when req_done came */

    /* The response. */
    bool chunked, bodyless, counted;
    bool res_done;     /* the far side has ended; what waits in the stream is to leave */
    unsigned interims; /* heads before the head */
    uint64_t left;     /* of what is counted */
    size_t owed;       /* bytes of body that wait in the stream */

    adit_time deadline, end_by; /* of the state; of the exchange */
    adit_time armed;            /* when the timer fires, never later than either */
    struct adit_timer timer;
    struct adit_task bury;
    struct adit_link link;
};

struct adit_http_proxy {
    struct adit_loop *loop;
    struct adit_listen *listen;
    struct adit_carrier *carrier; /* NULL: there is no tunnel */
    char *login;                  /* "Basic …"; NULL = none */
    char **allow;
    size_t allow_count;
    bool readonly;
    enum adit_http_forwarded forwarded;
    size_t head_max;
    unsigned connections_max;
    adit_time head_time, response_time, idle_time, total_time, retry_after;
    struct adit_link conns;
    size_t conn_count, exchange_count;
    struct adit_buf out; /* a message while it is written; kept for its memory */
    struct adit_task bury;
};

/* ---- http_proxy_conn.c ----------------------------------------------------------------------- */

/* Takes fd. */
void adit_http_conn_accept(struct adit_http_proxy *p, int fd, const struct adit_addr *from,
                           adit_time now);
/* At once; reset: the client sees an error. The object lives on until the end of the round. */
void adit_http_conn_end(struct adit_http_conn *c, bool reset, adit_time now);
/* What is queued leaves, and nothing more is read. */
void adit_http_conn_close(struct adit_http_conn *c, adit_time now);
/* The exchange is over, for good or bad. */
void adit_http_conn_let_go(struct adit_http_conn *c, adit_time now);
/* An answer is complete: what is next? */
void adit_http_conn_answered(struct adit_http_conn *c, adit_time now);
/* The state's time begins anew. */
void adit_http_conn_patience(struct adit_http_conn *c, adit_time time, adit_time now);
/* RAW: the client sends no more, and all of it was passed on. */
void adit_http_conn_end_raw(struct adit_http_conn *c, adit_time now);
/* Reads on, if the exchange's lack of room was in the way. */
void adit_http_conn_unhold(struct adit_http_conn *c);

/* ---- http_proxy_request.c -------------------------------------------------------------------- */

/* Begins an exchange, or answers. */
void adit_http_conn_ask(struct adit_http_conn *c, const struct adit_http1_head *head,
                        adit_time now);

/* ---- http_proxy_answer.c --------------------------------------------------------------------- */

extern const struct adit_exchange_ops adit_http_conn_ops;

/* An answer of our own to the request that is being read or has been. extra: a field line with its
 * CRLF, or "". */
void adit_http_conn_reply(struct adit_http_conn *c, int status, const char *text, const char *extra,
                          adit_time now);
/* The exchange is over, and failed: says so, or breaks the connection if it has begun to answer. */
void adit_http_conn_fail(struct adit_http_conn *c, int status, const char *text, adit_time now);
/* "100 Continue", if it is owed and the exchange takes body. */
void adit_http_conn_go_on(struct adit_http_conn *c);
/* Some of what was queued has left. */
void adit_http_conn_sent(struct adit_http_conn *c, adit_time now);

#endif
