/* tls.h - TLS 1.2 and 1.3 for streams, as an engine without I/O (OpenSSL).
 *
 * A client context says whom to believe, a server context who we are; a connection is made of one
 * of them. By default the certificate must lead to a CA that the system knows, be in date, and
 * carry the name. A pinned key ("sha256/BASE64" of the SubjectPublicKeyInfo, RFC 7469 section 2.4)
 * needs none of that: who proves to have the key is who was meant, whatever any clock says. */
#ifndef ADIT_CORE_TLS_H
#define ADIT_CORE_TLS_H

#include "base/buf.h"

#define ADIT_TLS_PIN_SIZE (7 + 44 + 1) /* "sha256/…" and its zero byte */
#define ADIT_TLS_PINS_MAX 16
#define ADIT_TLS_OUT_MAX  (1024 * 1024) /* bytes that a connection holds for the socket */

struct adit_tls_client;
struct adit_tls_server;
struct adit_tls_conn;

/* ---- contexts -------------------------------------------------------------------------------- */

struct adit_tls_client_conf {
    const char *ca; /* PEM file in place of the system's CAs; may be a server's own certificate */
    const char *const *pins; /* one of these keys: the server's own, or one of a verified chain */
    size_t pin_count;
    bool insecure;    /* anybody is believed, but not against a pin. The caller warns */
    const char *alpn; /* RFC 7301: "http/1.1"; NULL = not offered */
};

/* NULL, and *ret_cause says what is wrong with the file or the pin. The system's CAs are looked up
 * when a certificate comes, not here, and not kept: they cost a megabyte. */
struct adit_tls_client *adit_tls_client_new(const struct adit_tls_client_conf *conf,
                                            struct adit_cause *ret_cause);
/* No connection of it exists any more. Returns NULL; c may be NULL. */
struct adit_tls_client *adit_tls_client_free(struct adit_tls_client *c);

struct adit_tls_server_conf {
    const char *cert; /* PEM: our certificate, then the chain; NULL = a self-made one */
    const char *key;  /* PEM; NULL = in the file of the certificate */
    const char *name; /* in the self-made one; NULL = "localhost" */
    const char *kept; /* the self-made one is kept in this file; NULL = as long as we live */
    const char *alpn; /* accepted if offered; NULL = none. Nothing offered is fine too */
};

/* NULL, and *ret_cause says which file and why. */
struct adit_tls_server *adit_tls_server_new(const struct adit_tls_server_conf *conf,
                                            struct adit_cause *ret_cause);
/* Reads the files anew; new connections get what is there. On failure everything is as it was. */
ADIT_MUST_USE int adit_tls_server_reload(struct adit_tls_server *s, struct adit_cause *ret_cause);
/* Connections of it may live on. Returns NULL; s may be NULL. */
struct adit_tls_server *adit_tls_server_free(struct adit_tls_server *s);
/* "sha256/…": what a client may pin. */
const char *adit_tls_server_pin(const struct adit_tls_server *s);

/* ---- connections ----------------------------------------------------------------------------- */

/* name: whose certificate is wanted, a name or an address, in brackets or not. The context is
 * borrowed and outlives the connection. -EINVAL: no name; -ENOMEM. */
ADIT_MUST_USE int adit_tls_conn_client(struct adit_tls_conn **ret_conn,
                                       const struct adit_tls_client *context, const char *name);
/* -ENOMEM. */
ADIT_MUST_USE int adit_tls_conn_server(struct adit_tls_conn **ret_conn,
                                       const struct adit_tls_server *context);
struct adit_tls_conn *adit_tls_conn_free(struct adit_tls_conn *c); /* returns NULL */

/* Bytes from the socket, borrowed until adit_tls_conn_shake or _read has returned 0. */
void adit_tls_conn_feed(struct adit_tls_conn *c, const void *bytes, size_t n);
/* How many of them were not looked at yet. */
size_t adit_tls_conn_left(const struct adit_tls_conn *c);
/* Bytes for the socket: send and consume them after any other call. */
struct adit_buf *adit_tls_conn_out(struct adit_tls_conn *c);

/* The handshake. 1: done; 0: more is needed; negative: failed, *ret_cause says why. */
ADIT_MUST_USE int adit_tls_conn_shake(struct adit_tls_conn *c, struct adit_cause *ret_cause);
/* Plaintext: > 0 bytes of it; 0: more is needed; -ECANCELED: the other side has said that it sends
 * no more (close_notify); others: failed, *ret_cause says why. */
ADIT_MUST_USE int adit_tls_conn_read(struct adit_tls_conn *c, void *out, size_t size,
                                     struct adit_cause *ret_cause);
/* All of it, in records. After the handshake. 0 or negative as above. */
ADIT_MUST_USE int adit_tls_conn_write(struct adit_tls_conn *c, const void *bytes, size_t n,
                                      struct adit_cause *ret_cause);
/* We send no more: a close_notify. */
void adit_tls_conn_end(struct adit_tls_conn *c);

/* "TLSv1.3 TLS_AES_128_GCM_SHA256", "" before the handshake is done. */
const char *adit_tls_conn_text(const struct adit_tls_conn *c);
/* When the certificate of the other side ends to be valid, in seconds since 1970; 0 = it showed
 * none. */
int64_t adit_tls_conn_expires(const struct adit_tls_conn *c);

#endif
