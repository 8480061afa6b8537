/* socks.h - the serving side of SOCKS: version 5 (RFC 1928, RFC 1929), and CONNECT of 4 and 4a.
 *
 * Sans-I/O. Bytes of the client go in until it has asked for something; the owner does it and says
 * what came of it. What is to be sent back is added to `out`. Names are not resolved here: that is
 * the far side's. */
#ifndef ADIT_SOCKS_H
#define ADIT_SOCKS_H

#include <sys/types.h>

#include "app/fwd_end.h"
#include "app/mux.h"

#define ADIT_SOCKS_ASK_MAX \
    520 /* bytes that one step of the client may have: a version 4a request */
#define ADIT_SOCKS_UDP_MAX    262 /* of the header before a datagram */
#define ADIT_SOCKS_SECRET_MAX 255 /* of user and password each */

enum adit_socks_state {
    ADIT_SOCKS_GREETING,
    ADIT_SOCKS_AUTH,
    ADIT_SOCKS_REQUEST,
    ADIT_SOCKS_ASKED, /* see `command` and `to`; answer with adit_socks_answer */
    ADIT_SOCKS_OPEN,  /* what follows is the client's own */
    ADIT_SOCKS_OVER,  /* send what is in `out` and close */
};

enum adit_socks_command { ADIT_SOCKS_CONNECT = 1, ADIT_SOCKS_ASSOCIATE = 3 };

struct adit_socks {
    const char *user, *password; /* borrowed; user NULL: nobody is asked */
    enum adit_socks_state state;
    uint8_t version; /* 4 or 5, from REQUEST on */
    enum adit_socks_command command;
    struct adit_end to; /* tcp; with ASSOCIATE none: what the client says of itself is not used */
};

void adit_socks_start(struct adit_socks *s, const char *user, const char *password);
/* > 0: so many bytes are done with; 0: more are needed, or none are wanted (ASKED, OPEN); -EPROTO:
 * OVER. To be called again while it takes some. */
ADIT_MUST_USE ssize_t adit_socks_feed(struct adit_socks *s, const uint8_t *bytes, size_t n,
                                      struct adit_buf *out);
/* DONE: it stands; OPEN then, else OVER. `bound` is what the client is told: for ASSOCIATE where
 * its datagrams go; NULL: nothing. */
void adit_socks_answer(struct adit_socks *s, enum adit_mux_code code, const struct adit_addr *bound,
                       struct adit_buf *out);

/* The header before a datagram (RFC 1928 section 7): its length; *ret_to is of kind UDP. -EPROTO:
 * no such header, or a fragment. */
ADIT_MUST_USE ssize_t adit_socks_udp_decode(struct adit_end *ret_to, const uint8_t *bytes,
                                            size_t n);
/* Its length. */
size_t adit_socks_udp_encode(uint8_t out[ADIT_SOCKS_UDP_MAX], const struct adit_end *from);

#endif
