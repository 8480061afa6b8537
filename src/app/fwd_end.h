/* fwd_end.h - one end of a forward: where a connection goes, or where somebody listens.
 *
 *     tcp:host:port   udp:host:port   unix:path   serial:path[,baud]   service:name
 *
 * This is the text of docs/streams.md, which a stranger may have written. One end has one text:
 * names are in lower case, addresses as they are printed, so equal means equal. A name that ends in
 * a number ("127.1", "0x7f.1") is no name: others read it as an address. */
#ifndef ADIT_FWD_END_H
#define ADIT_FWD_END_H

#include "base/addr.h"
#include "base/base.h"

#define ADIT_END_NAME_MAX 255
#define ADIT_END_STR      (ADIT_END_NAME_MAX + 32) /* of the text and its zero byte */

enum adit_end_kind {
    ADIT_END_NONE,
    ADIT_END_TCP,
    ADIT_END_UDP,
    ADIT_END_UNIX,
    ADIT_END_SERIAL,
    ADIT_END_SERVICE,
};

/* All bytes behind the name are zero, as is what the kind does not have. */
struct adit_end {
    enum adit_end_kind kind;
    /* A host name, an address without brackets, a path, "@name" of a local socket without a file, a
     * service. To listen at: an address, "localhost" (loopback, both families) or "*". */
    char name[ADIT_END_NAME_MAX + 1];
    uint16_t port; /* 0: the kernel chooses; only to listen at */
    uint32_t baud; /* 0: as the device is set */
};

enum adit_end_use { ADIT_END_TO_CONNECT, ADIT_END_TO_LISTEN };

/* -EINVAL. */
ADIT_MUST_USE int adit_end_parse(struct adit_end *ret_end, const char *text, size_t n,
                                 enum adit_end_use use);
/* Both return out. */
char *adit_end_str(const struct adit_end *end, char out[ADIT_END_STR]);
/* For people: the same, harmless to a terminal. */
char *adit_end_show(const struct adit_end *end, char out[ADIT_END_STR]);

/* "host:port" or "[v6]:port" into a zeroed end with its kind; the host may be empty to listen at,
 * and is "*" then. -EINVAL: the host; -ERANGE: the port. */
ADIT_MUST_USE int adit_end_set_host(struct adit_end *end, const char *host, size_t n,
                                    enum adit_end_use use);
ADIT_MUST_USE int adit_end_set_port(struct adit_end *end, const char *port, size_t n,
                                    enum adit_end_use use);
ADIT_MUST_USE int adit_end_set_path(struct adit_end *end, const char *path, size_t n);

/* The name as an address with the port, if it is one. */
bool adit_end_addr(const struct adit_end *end, struct adit_addr *ret_addr);

#endif
