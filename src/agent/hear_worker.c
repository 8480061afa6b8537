/* hear_worker - what workers say to people, and what the user wants to be said to them. */
#include "agent/agent_inner.h"
#include "base/log.h"
#include "base/str.h"

#define GREET_AFTER (2 * ADIT_SEC) /* punching takes half of it */

void adit_agent_stop_greeting(struct adit_agent *a)
{
    if (a->greet.loop)
        adit_timer_stop(&a->greet);
}

/* Of any worker, the original's too: does the path work, and what the user wants to be said there.
 */
static void on_greet(struct adit_timer *timer, adit_time now)
{
    struct adit_agent *a = adit_container_of(timer, struct adit_agent, greet);
    const struct adit_agent_conf *c = &a->conf;
    int err = adit_signal_ping(a->signal, a->worker_peer);

    (void)now;
    if (!err && c->worker_say)
        err = adit_signal_message(a->signal, a->worker_peer, c->worker_say, strlen(c->worker_say));
    if (!err && c->worker_bench)
        err = adit_signal_bench(a->signal, a->worker_peer, c->worker_bench, 0);
    if (err)
        adit_log(ADIT_LOG_WARN, "agent", "cannot say it to the other worker: %s, continuing",
                 strerror(-err));
}

/* Introduced once more, every five minutes, is no reason to say it again. */
void adit_hear_endpoint(struct adit_agent *a, const struct adit_signal_event *ev)
{
    if (strcmp(a->worker_peer, ev->peer) == 0)
        return;
    memcpy(a->worker_peer, ev->peer, strlen(ev->peer) + 1);
    if (!a->greet.loop)
        adit_timer_init(&a->greet, a->loop, on_greet, "greeting");
    adit_timer_set(&a->greet, adit_loop_now(a->loop) + GREET_AFTER);
}

/* What workers say to people. */
void adit_hear_word(const struct adit_signal_event *ev)
{
    const char *from = *ev->peer ? ev->peer : "the server";
    char peer[ADIT_SIGNAL_PEER_MAX + 1], text[512];
    double seconds = (double)ev->bench.took / (double)ADIT_SEC;
    double kb = (double)ev->bench.bytes / 1024.0;

    adit_str_printable(peer, sizeof peer, from, strlen(from));
    if (ev->what == ADIT_SIGNAL_MESSAGE)
        adit_log(ADIT_LOG_INFO, "agent", "%s says: %s", peer,
                 adit_str_printable(text, sizeof text, ev->text, ev->len));
    else if (ev->what == ADIT_SIGNAL_RTT)
        adit_log(ADIT_LOG_INFO, "agent", "%s answers in %.1f ms", peer,
                 (double)ev->rtt / (double)ADIT_MS);
    else
        adit_log(ADIT_LOG_INFO, "agent",
                 "benchmark of %s: %llu datagrams, %.1f KB in %.3f s, %.1f KB/s", peer,
                 (unsigned long long)ev->bench.chunks, kb, seconds,
                 seconds > 0 ? kb / seconds : 0.0);
}
