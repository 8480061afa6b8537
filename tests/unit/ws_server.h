/* ws_server.h - for tests of the signaling client: an HTTP and WebSocket server on the same loop,
 * which does what the test says.
 *
 * Each connection counts up; a request asks the test what to answer; what a client sends is called
 * up as text. Everything is on 127.0.0.1 and a port of the kernel's choice. */
#ifndef ADIT_TEST_WS_SERVER_H
#define ADIT_TEST_WS_SERVER_H

#include "core/listen.h"
#include "core/stream.h"
#include "http/http1.h"
#include "http/ws.h"

struct ws_server;
struct adit_tls_server;

struct ws_client {
    struct ws_server *server;
    struct adit_stream *stream;
    struct adit_http1 *http;
    struct adit_ws *ws;
    struct adit_buf body;
    bool upgraded;
    struct adit_rng rng;
    struct ws_client *next;
};

struct ws_server {
    struct adit_loop *loop;
    struct adit_listen *listen;
    struct adit_tls_server *tls;
    uint16_t port;
    void *user;
    /* What to answer: 101, or a status and, in *ret_body, its text, which may begin with
     * "X-Seq: 7\r\n\r\n"; with 101: the address that the client is told it is seen at. 0: nothing,
     * now. */
    int (*request)(struct ws_server *server, struct ws_client *c,
                   const struct adit_http1_head *head, const char *body, const char **ret_body);
    void (*message)(struct ws_server *server, struct ws_client *c, const char *text);
    /* May be NULL. */
    void (*binary)(struct ws_server *server, struct ws_client *c, const uint8_t *bytes, size_t n);
    void (*closed)(struct ws_server *server, unsigned code); /* may be NULL */
    unsigned connections, closes;
    struct ws_client *clients;
};

void ws_server_start(struct ws_server *server, struct adit_loop *loop);
void ws_server_stop(struct ws_server *server); /* hangs up on everybody as well */

void ws_client_send(struct ws_client *c, const char *text);
void ws_client_send_binary(struct ws_client *c, const void *bytes, size_t n);
void ws_client_raw(struct ws_client *c, const void *bytes, size_t n); /* beside the framing */
void ws_client_close(struct ws_client *c, unsigned code, const char *reason);
void ws_client_drop(struct ws_client *c); /* at once */
void ws_client_mute(struct ws_client *c); /* reads nothing more, so it answers nothing */
void ws_client_answer(struct ws_client *c, int status, const char *body);

#endif
