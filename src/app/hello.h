/* hello.h - the first messages of a channel with streams: HELLO and AGREE, docs/streams.md. */
#ifndef ADIT_HELLO_H
#define ADIT_HELLO_H

#include "base/buf.h"

#define ADIT_HELLO_MAX 4096 /* bytes of one */

enum adit_hello_type { ADIT_HELLO = 1, ADIT_AGREE = 2 };

struct adit_hello {
    enum adit_hello_type type;
    bool adit;        /* knows adit's streams */
    unsigned streams; /* that the other side may have open */
    size_t window;    /* bytes that each of them may send */
};

/* What we say: everything we can, or the answer to `theirs`. */
void adit_hello_put(struct adit_buf *out, const struct adit_hello *theirs, unsigned streams,
                    size_t window);
/* -EINVAL: it is neither; -EPROTONOSUPPORT: another protocol, or no version of it that we know. */
ADIT_MUST_USE int adit_hello_get(struct adit_hello *ret_hello, const uint8_t *bytes, size_t n);

#endif
