/* fwd_spec.h - forwards as ssh spells them.
 *
 *     -L, -R   [bind:]port:host:port   [bind:]port:/path   /path:host:port   /path:/path
 *     -D       [bind:]port
 *     -U       [bind:]port:host:port, for UDP
 *     -W       host:port   /path   service
 *
 * IPv6 addresses stand in brackets. Without `bind` one listens on the loopback addresses of both
 * families, with "*" or an empty one everywhere. A target may also be written as in fwd_end.h
 * ("serial:/dev/ttyUSB0,115200"), a path to listen at as "unix:path"; in that path, ":" is written
 * "\:". */
#ifndef ADIT_FWD_SPEC_H
#define ADIT_FWD_SPEC_H

#include "app/fwd_end.h"

enum adit_fwd_kind {
    ADIT_FWD_LOCAL,  /* -L: listens here, connects there */
    ADIT_FWD_REMOTE, /* -R: the other way round */
    ADIT_FWD_SOCKS,  /* -D: each connection says where to */
    ADIT_FWD_UDP,    /* -U: as -L, for datagrams */
    ADIT_FWD_STDIO,  /* -W: standard input and output */
};

struct adit_fwd {
    enum adit_fwd_kind kind;
    struct adit_end at; /* kind NONE with -W */
    struct adit_end to; /* kind NONE with -D */
};

#define ADIT_FWD_STR (3 * ADIT_END_STR)

/* -EINVAL, and *ret_cause has a sentence for who wrote it. */
ADIT_MUST_USE int adit_fwd_parse(struct adit_fwd *ret_fwd, enum adit_fwd_kind kind,
                                 const char *text, struct adit_cause *ret_cause);
/* A spelling that says everything, and reads as the same forward. Returns out. */
char *adit_fwd_str(const struct adit_fwd *fwd, char out[ADIT_FWD_STR]);

#endif
