/* flight.h - retransmission of DTLS flights on our own clock (RFC 6347 section 4.2.4).
 *
 * OpenSSL's timer reads the wall clock: set back by an hour, it stalls a handshake for an hour. So
 * it never measures time here. When a flight has left, its timer callback says "expired" at once,
 * ADIT_FLIGHT_COPIES times: OpenSSL writes that many retransmissions, each with fresh record
 * numbers, and they are kept here until they are due on the caller's clock. Then the callback puts
 * OpenSSL's timer an hour away. wait(k) = min(rto * 2^k, ADIT_FLIGHT_WAIT_MAX). */
#ifndef ADIT_FLIGHT_H
#define ADIT_FLIGHT_H

#include "base/buf.h"

/* OpenSSL gives up after twelve; two are left for clocks that jump ahead by more than the hour.
 * With the default of 60 ms the last one leaves after 22.6 s. */
#define ADIT_FLIGHT_COPIES    10
#define ADIT_FLIGHT_RTO       (60 * ADIT_MS)
#define ADIT_FLIGHT_WAIT_MAX  (5 * ADIT_SEC)
#define ADIT_FLIGHT_BYTES_MAX (256 * 1024) /* of all copies: a chain of certificates is large */

struct adit_flight {
    enum { ADIT_FLIGHT_SEND, ADIT_FLIGHT_KEEP, ADIT_FLIGHT_DROP } mode; /* of what is written now */
    bool left;                      /* a flight has left since adit_flight_arm */
    struct adit_buf copies;         /* 16 bits of length and a datagram, again and again */
    size_t end[ADIT_FLIGHT_COPIES]; /* where each copy ends */
    size_t last;                    /* where the last datagram begins, to be filled up */
    unsigned made, sent;
    uint8_t again[128]; /* a ChangeCipherSpec that waits, see adit_flight_join */
    size_t again_len;
    size_t mtu;
    adit_time rto, wait, due;
};

void adit_flight_init(struct adit_flight *f, size_t mtu, adit_time rto);
void adit_flight_done(struct adit_flight *f); /* no flight is under way any more */

/* What OpenSSL's timer callback is to return; us: its argument. */
unsigned adit_flight_timer(struct adit_flight *f, unsigned us);
/* OpenSSL writes a datagram: true if it is to be sent now. */
bool adit_flight_write(struct adit_flight *f, const void *bytes, size_t n);
/* After the handshake: a server repeats its last flight when the client does, message by message
 * and without a timer. The ChangeCipherSpec waits for the Finished that follows at once; what comes
 * back is to be sent, which may be nothing. */
struct adit_span adit_flight_join(struct adit_flight *f, const void *bytes, size_t n);
/* OpenSSL has returned; true if a new flight has left. -> deadline. f->copies.err tells whether
 * there was memory. */
bool adit_flight_arm(struct adit_flight *f, adit_time now);

adit_time adit_flight_deadline(const struct adit_flight *f);
/* Sends the next copy if it is due. */
void adit_flight_tick(struct adit_flight *f, void (*send)(void *arg, const void *bytes, size_t n),
                      void *arg, adit_time now);

#endif
