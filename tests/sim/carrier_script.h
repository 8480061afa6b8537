/* carrier_script.h - carriers of HTTP exchanges without HTTP and without a channel: a script of
 * what each side does, and a log of everything that came of it.
 *
 * A script is lines for one end or for a pair of ends, consumer `c` and provider `p`:
 *
 *     c< FRAME                  a message comes (in a pair, beside those of the other end)
 *     c"< TEXT                  the same as text
 *     c begin METHOD TARGET     a request
 *     p head K STATUS           the response of exchange K
 *     c body K TEXT, c fill K N, c end K, c drop K [TEXT], c eat K N
 *     c lost, c block, c unblock, turn, wait SECONDS
 *
 * Heads go on with "|Name: value", "|+N" (a body of N bytes), "|+*" (of unknown length),
 * "|upgrade". Exchanges are numbered from 0 at each end. Time stands still but for `wait`: the
 * loop's clock is the script's. Bytes that are not printable are \xx in hex, in frames as well as
 * in the log, which has a line for each message that leaves and each callback:
 *
 *     c> FRAME, c ready, c head K STATUS, c data K TEXT, c end K, c failed K STATUS TEXT,
 *     p request K METHOD TARGET, c writable K, c pause, c resume, c broken TEXT,
 *     c err CALL -EXXX
 *
 * What a provider sends a WebSocket's upstream is masked at random: the log has it with a mask of
 * zeros, the key of its request as "KEY"; "Sec-WebSocket-Accept: @" in a script fits that key. What
 * is longer than 200 bytes has its first 24 and "...#length". */
#ifndef ADIT_TEST_CARRIER_SCRIPT_H
#define ADIT_TEST_CARRIER_SCRIPT_H

#include "app/exchange.h"
#include "base/buf.h"

#define SCRIPT_EXCHANGES 256

struct script_world;

struct script_exchange {
    struct adit_exchange *x;
    struct script_end *end;
    unsigned number;
    uint64_t got, sum, eaten; /* of its body */
    bool ended, failed;       /* the other side's part; all of it */
    bool raw;                 /* a WebSocket, after 101 */
    char key[32];             /* of a WebSocket that is asked for */
};

struct script_end {
    struct adit_carrier *c;
    struct script_world *world;
    struct script_end *other; /* NULL: what it sends is only logged */
    char name;
    bool blocked, paused, sent_again, gone;
    size_t buffer, buffered; /* bytes that its channel takes; bytes in it */
    size_t message_max;
    struct script_exchange exchanges[SCRIPT_EXCHANGES];
    unsigned count;
    struct adit_link channel; /* messages on their way to the other end */
};

struct script_world {
    struct adit_loop *loop;
    struct script_end ends[2]; /* consumer, provider */
    struct adit_buf log;
    bool quiet;      /* no frames in the log */
    bool greedy;     /* bodies are consumed at once */
    bool free_first; /* each callback frees its exchange */
};

void script_begin(struct script_world *w, const struct adit_carrier_class *class, bool consumer,
                  bool provider);
void script_end(struct script_world *w);
void script_run(struct script_world *w, const char *script);
/* A line of the log that is not a callback's. */
void script_note(struct script_world *w, const char *line);
/* Turns the loop and moves messages until nothing happens any more. */
void script_settle(struct script_world *w);
/* At most `most` messages out of this end's channel into the other end. How many. */
unsigned script_move(struct script_end *e, unsigned most);
void script_lost(struct script_end *e);
/* "\0a" and so on into bytes; returns their number. out may be text. */
size_t script_unescape(uint8_t *out, const char *text, size_t len);
/* Runs the script at new ends and returns the log, valid until the next call. */
const char *script_log(const struct adit_carrier_class *class, bool consumer, bool provider,
                       const char *script);

#endif
