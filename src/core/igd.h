/* igd.h - errands to an internet gateway by UPnP (WANIPConnection, WANPPPConnection), where neither
 * PCP nor NAT-PMP is known. A build option: `make UPNP=1`.
 *
 * miniupnpc, which speaks it, blocks for seconds and reads XML from whoever answers. So each errand
 * is run in a process of its own (adit_child_fork), of which nothing comes back but one answer, and
 * which ends in time whatever happens. Only URLs at the gateway's own address are followed. */
#ifndef ADIT_IGD_H
#define ADIT_IGD_H

#include "base/addr.h"
#include "core/reactor.h"

#define ADIT_IGD_ERRANDS_MAX 8   /* of one loop at a time */
#define ADIT_IGD_TEXT_MAX    160 /* of a URL or a type; miniupnpc's own limit is 128 for a path */
#define ADIT_IGD_PORTS       3   /* to be tried in turn, where one is taken */
#define ADIT_IGD_LIMIT_S     12  /* search 3 s, and as many requests as there may be */
#define ADIT_IGD_CLOSE_S     1

/* Is the program one that can? Whatever else is here is not called if not, and not linked. */
static inline bool adit_igd_built(void)
{
#ifdef ADIT_HAVE_MINIUPNPC
    return true;
#else
    return false;
#endif
}

enum adit_igd_what {
    ADIT_IGD_LOOK,  /* who is it, and what is its address outside? Opens nothing */
    ADIT_IGD_OPEN,  /* or renew */
    ADIT_IGD_CLOSE, /* at a place that is known */
};

/* Where it has been found. "" = it has to be looked for. */
struct adit_igd_place {
    char control[ADIT_IGD_TEXT_MAX], service[ADIT_IGD_TEXT_MAX];
};

struct adit_igd_errand {
    enum adit_igd_what what;
    struct adit_addr internal; /* IPv4 */
    struct adit_addr gateway;
    struct adit_igd_place place;
    uint16_t external_ports[ADIT_IGD_PORTS]; /* 0 = no more */
    uint32_t lease_s;
};

struct adit_igd_answer {
    int err; /* 0; -ENOENT: nobody is found; -EACCES: it does not want to; -ETIMEDOUT: no answer */
    struct adit_addr external;
    uint32_t lease_s; /* 0: for good, it knows no others (error 725) */
    struct adit_igd_place place;
};

/* Once, from the loop; may call anything. */
typedef void adit_igd_done(void *arg, const struct adit_igd_answer *answer, adit_time now);

struct adit_igd_job;

/* done may be NULL: then nobody waits. -EBUSY: ADIT_IGD_ERRANDS_MAX are under way; -errno. */
ADIT_MUST_USE int adit_igd_start(struct adit_igd_job **ret_job, struct adit_loop *loop,
                                 const struct adit_igd_errand *errand, adit_igd_done *done,
                                 void *arg);
/* Nobody waits any more: `done` is not called, and what was opened is closed again. */
void adit_igd_leave(struct adit_igd_job *job);
/* The loop ends: those under way have ADIT_IGD_CLOSE_S more. */
void adit_igd_farewell(struct adit_igd_job *jobs);

/* Does it lead to this host by its address, http://192.0.2.1:5000/…, and nowhere else? */
bool adit_igd_url_is_at(const char *url, const struct adit_addr *host);

/* igd_speak.c, blocking: in the errand's own process. */
void adit_igd_speak(const struct adit_igd_errand *errand, struct adit_igd_answer *ret_answer);

#endif
