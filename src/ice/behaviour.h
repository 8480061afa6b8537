/* behaviour.h - what the NATs and firewalls on the way do (RFC 5780, in the words of RFC 4787).
 *
 * Two sockets, so that one test does not spoil another: MAP asks everybody, and tells by the
 * answers how public ports are given out (section 4.3); FILTER asks one server and nobody else, and
 * tells by who else may answer what is let in (section 4.4). A server with a second address does
 * all of that; without one, the answers of several servers are compared, and filtering is not
 * known. At last the two sockets call each other by their public addresses: hairpinning. With
 * `lives`, more sockets are mapped, left alone, and called back through the server after a while
 * (section 4.6, RESPONSE-PORT): how long a mapping lives.
 *
 * An engine without I/O; ops->send only queues or sends. Nothing is allocated. What a packet says
 * is believed if it answers a transaction, at the socket and from the address that it was for. */
#ifndef ADIT_BEHAVIOUR_H
#define ADIT_BEHAVIOUR_H

#include "base/addr.h"
#include "base/rng.h"
#include "ice/retry.h"
#include "ice/stun.h"

#define ADIT_BEHAVIOUR_SERVERS_MAX 8
#define ADIT_BEHAVIOUR_LIVES       6
#define ADIT_BEHAVIOUR_SOCKETS     (2 + ADIT_BEHAVIOUR_LIVES)

enum adit_behaviour_socket {
    ADIT_BEHAVIOUR_MAP,
    ADIT_BEHAVIOUR_FILTER,
    ADIT_BEHAVIOUR_LIFE, /* and the ones after it */
};

/* RFC 4787 section 4.1. */
enum adit_mapping {
    ADIT_MAPPING_UNKNOWN,
    ADIT_MAPPING_NONE, /* our own address: there is no NAT */
    ADIT_MAPPING_ENDPOINT_INDEPENDENT,
    ADIT_MAPPING_ADDRESS_DEPENDENT,
    ADIT_MAPPING_ADDRESS_AND_PORT_DEPENDENT,
    ADIT_MAPPING_DEPENDENT, /* one of the last two: two servers saw two addresses */
};

/* RFC 4787 section 5. */
enum adit_filtering {
    ADIT_FILTERING_UNKNOWN,
    ADIT_FILTERING_ENDPOINT_INDEPENDENT, /* anybody may call */
    ADIT_FILTERING_ADDRESS_DEPENDENT,
    ADIT_FILTERING_ADDRESS_AND_PORT_DEPENDENT,
};

enum adit_hairpin { ADIT_HAIRPIN_UNKNOWN, ADIT_HAIRPIN_NO, ADIT_HAIRPIN_YES };

struct adit_behaviour_server {
    bool answered;
    bool refused; /* with an error of STUN */
    int error;    /* its number; or 0 */
    adit_time rtt;
    struct adit_addr mapped; /* how it sees MAP; NONE: it did not say */
    bool other;              /* it has a second address, so it can tell of filtering */
};

struct adit_behaviour_result {
    enum adit_mapping mapping;
    enum adit_filtering filtering;
    enum adit_hairpin hairpin;
    struct adit_addr mapped; /* our public address; NONE: nobody has told one */
    int server;              /* of the list, that it was found out with; -1 = none has answered */
    /* A mapping that nothing passes lives at least … and less than …; ADIT_NEVER: not known; for
     * both: not asked for, or the server cannot tell. */
    adit_time life_least, life_most;
};

struct adit_behaviour_ops {
    void (*send)(void *arg, unsigned socket, const struct adit_addr *to, const void *bytes,
                 size_t n);
    void (*done)(void *arg); /* all is known that can be; the last thing of a call. May free */
};

struct adit_behaviour_conf {
    const struct adit_addr *servers; /* copied, the first ones; of the family of `local` */
    size_t server_count;
    struct adit_addr local; /* where MAP is bound */
    bool lives;             /* three minutes more */
    struct adit_rng *rng;   /* borrowed */
};

enum adit_question_state {
    ADIT_QUESTION_UNASKED,
    ADIT_QUESTION_ASKED,
    ADIT_QUESTION_ANSWERED,
    ADIT_QUESTION_REFUSED, /* an error, or an answer that comes from the wrong place */
    ADIT_QUESTION_SILENT,
};

struct adit_question {
    enum adit_question_state state;
    uint8_t id[ADIT_STUN_ID_SIZE];
    uint8_t socket, hears; /* where it leaves, where its answer is to come in */
    uint32_t change;       /* CHANGE-REQUEST; 0 = none */
    uint16_t response_port;
    struct adit_addr to;
    struct adit_retry retry;
    adit_time asked, answered;
    struct adit_addr mapped, other; /* of the answer */
    int error;
    unsigned refusals; /* copies that could not leave */
};

enum adit_question_name {
    ADIT_Q_SERVER,
    ADIT_Q_OTHER_ADDRESS = ADIT_Q_SERVER + ADIT_BEHAVIOUR_SERVERS_MAX, /* 4.3, test II */
    ADIT_Q_OTHER_BOTH,                                                 /* 4.3, test III */
    ADIT_Q_OPEN,                                                       /* 4.4, test I */
    ADIT_Q_FROM_OTHER,                                                 /* 4.4, test II */
    ADIT_Q_FROM_PORT,                                                  /* 4.4, test III */
    ADIT_Q_HAIRPIN,                                                    /* FILTER calls MAP … */
    ADIT_Q_HAIRPIN_BACK,                                               /* … which calls FILTER */
    ADIT_Q_LIFE_OPEN,
    ADIT_Q_LIFE = ADIT_Q_LIFE_OPEN + ADIT_BEHAVIOUR_LIVES,
    ADIT_QUESTIONS = ADIT_Q_LIFE + ADIT_BEHAVIOUR_LIVES,
};

struct adit_behaviour {
    const struct adit_behaviour_ops *ops; /* borrowed */
    void *arg;
    struct adit_rng *rng;
    struct adit_addr servers[ADIT_BEHAVIOUR_SERVERS_MAX], local;
    size_t server_count;
    bool lives, done;
    int server; /* the one that all but the first questions go to; -1 = not chosen yet */
    adit_time choose_at;
    struct adit_question questions[ADIT_QUESTIONS];
};

/* How many sockets it wants: the first of ADIT_BEHAVIOUR_SOCKETS. */
static inline unsigned adit_behaviour_sockets(bool lives)
{
    return lives ? ADIT_BEHAVIOUR_SOCKETS : 2;
}

void adit_behaviour_start(struct adit_behaviour *b, const struct adit_behaviour_conf *conf,
                          const struct adit_behaviour_ops *ops, void *arg, adit_time now);
/* A packet came in. What is not an answer of ours is passed over. */
void adit_behaviour_feed(struct adit_behaviour *b, unsigned socket, const struct adit_addr *from,
                         const void *bytes, size_t n, adit_time now);
/* A packet to that address could not leave: there is no route, a firewall … */
void adit_behaviour_unreachable(struct adit_behaviour *b, const struct adit_addr *to,
                                adit_time now);
adit_time adit_behaviour_deadline(const struct adit_behaviour *b);
void adit_behaviour_tick(struct adit_behaviour *b, adit_time now);

/* What is known by now. */
void adit_behaviour_result(const struct adit_behaviour *b, struct adit_behaviour_result *ret);
void adit_behaviour_server(const struct adit_behaviour *b, size_t i,
                           struct adit_behaviour_server *ret);

/* For people and programs: "endpoint-independent" … */
const char *adit_mapping_name(enum adit_mapping mapping);
const char *adit_filtering_name(enum adit_filtering filtering);

#endif
