/* hub_world.h - a hub and its clients, driven by a script of what is sent and what must come.
 *
 *   "a> OPEN /ws/alice | Authorization: Bearer x"   a handshake of client a
 *   "a> GET /status"    "a> POST /box/x <- body"    a request; also PUT, DELETE, HEAD, OPTIONS
 *   "a> {…}"            a text message; "a> BINARY …", "a> LONG n" (n bytes of a JSON string)
 *   "a> CARRY bob 11111111 22222222 packet"   a packet (signal/haul.h)
 *   "a> DRAINED"        what waited for it has been read
 *   "a> GONE"           its connection is lost
 *   "+ 500"             so many milliseconds pass
 *   "a< 101"            accepted; "a< 404 body": answered; "a< 200 X-Seq: 7 | body"
 *   "a< {…}"            a message, byte for byte
 *   "a< CARRY alice 11111111 22222222 packet"   "a< BINARY …"   "a< PAUSE"   "a< RESUME"
 *   "a< CLOSE 1008 …"
 *
 * What comes is compared in the order in which it came, over all clients. $X stands for what stood
 * there the first time (up to a quote or a space), and for itself from then on. */
#ifndef TEST_HUB_WORLD_H
#define TEST_HUB_WORLD_H

#include "signal/hub.h"

#define HUB_CLIENTS 26
#define HUB_LOG     256
#define HUB_WALL    1700000000

struct hub_conn {
    struct hub_world *world;
    struct adit_hub_client *client;
    char name;
    bool open, closing, bulk;
    bool slow;      /* takes no packets */
    size_t waiting; /* so many bytes wait for it */
};

struct hub_world {
    struct adit_hub *hub;
    struct adit_hub_conf conf;
    struct adit_rng rng;
    adit_time now;
    int64_t wall; /* at now = 0 */
    struct adit_addr remote;
    struct hub_conn conns[HUB_CLIENTS];
    char *log[HUB_LOG]; /* what came and has not been looked at */
    unsigned logged, looked;
    char *values[128]; /* of $X */
    char *kept;        /* what ops->keep was given last */
    unsigned keeps;
    bool full_disk;
    char events[4096]; /* "agent met alice bob\n"… */
};

/* The configuration is the world's to change before the hub is made, and borrowed by it. */
void hub_world_init(struct hub_world *w);
void hub_world_start(struct hub_world *w);
void hub_world_restart(struct hub_world *w); /* with what was kept */
void hub_world_done(struct hub_world *w);

/* NULL ends the script. Fails the test at the first line that does not hold. */
void hub_run(struct hub_world *w, const char *const *script);
/* A binary message of any bytes. */
void hub_raw(struct hub_world *w, char name, const void *bytes, size_t n);
void hub_step(struct hub_world *w, const char *line);
/* Time passes, deadline by deadline. */
void hub_sleep(struct hub_world *w, adit_time time);
/* For what does not look at what came. */
void hub_forget(struct hub_world *w);
const char *hub_value(const struct hub_world *w, char name); /* of $X */

#define HUB_RUN(w, ...) hub_run((w), (const char *const[]){ __VA_ARGS__, NULL })

#endif
