#include "core/igd.h"

#include <limits.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "core/spawn.h"

struct adit_igd_job {
    struct adit_loop *loop;
    struct adit_igd_job *next; /* of the loop's */
    struct adit_igd_errand errand;
    struct adit_child child;
    int from_child; /* -1: nobody waits */
    adit_igd_done *done;
    void *arg;
};

_Static_assert(sizeof(struct adit_igd_answer) <= PIPE_BUF, "an answer is written in one piece");

bool adit_igd_url_is_at(const char *url, const struct adit_addr *host)
{
    static const char scheme[] = "http://";
    char text[ADIT_ADDR_STR];
    size_t n = strlen(adit_addr_str_ip(host, text));

    if (strncmp(url, scheme, strlen(scheme)) != 0)
        return false;
    url += strlen(scheme);
    if (strncmp(url, text, n) != 0)
        return false;
    url += n;
    if (*url == ':') {
        n = strspn(url + 1, "0123456789");
        if (n == 0 || n > 5)
            return false;
        url += 1 + n;
    }
    return *url == '/';
}

/* ---- in the errand's process ----------------------------------------------------------------- */

static void run(const void *what, int out)
{
    struct adit_igd_errand errand = *(const struct adit_igd_errand *)what;
    struct adit_igd_answer answer = { .err = 0 };

    adit_igd_speak(&errand, &answer);
    if (write(out, &answer, sizeof answer) == sizeof answer || errand.what != ADIT_IGD_OPEN ||
        answer.err)
        return;
    errand.what = ADIT_IGD_CLOSE; /* whoever wanted it is gone */
    errand.place = answer.place;
    errand.external_ports[0] = answer.external.port;
    adit_igd_speak(&errand, &answer);
}

/* ---- in ours --------------------------------------------------------------------------------- */

/* It has read what strangers wrote: what it says is looked at like a packet. */
static bool read_answer(const struct adit_igd_job *job, struct adit_igd_answer *a)
{
    uint8_t family;

    if (read(job->from_child, a, sizeof *a) != sizeof *a)
        return false;
    family = a->external.family;
    a->place.control[sizeof a->place.control - 1] = '\0';
    a->place.service[sizeof a->place.service - 1] = '\0';
    return a->err < 0 || (a->err == 0 && family == ADIT_FAMILY_V4 &&
                          adit_igd_url_is_at(a->place.control, &job->errand.gateway));
}

static void bury(struct adit_igd_job *job)
{
    struct adit_igd_job **p = adit_loop_errands(job->loop);

    while (*p != job)
        p = &(*p)->next;
    *p = job->next;
    if (job->from_child >= 0)
        close(job->from_child);
    adit_free(job);
}

static void on_ended(void *arg, int status, adit_time now)
{
    struct adit_igd_job *job = arg;
    struct adit_igd_answer answer = { .err = 0 };
    adit_igd_done *done = job->done;

    arg = job->arg;
    if (done && !read_answer(job, &answer)) {
        adit_debug("igd", "an errand ended without an answer (status %d)", status);
        answer = (struct adit_igd_answer){ .err = -ETIMEDOUT };
    }
    bury(job);
    if (done)
        done(arg, &answer, now);
}

static unsigned count(const struct adit_igd_job *job)
{
    unsigned n = 0;

    for (; job; job = job->next)
        n++;
    return n;
}

int adit_igd_start(struct adit_igd_job **ret_job, struct adit_loop *loop,
                   const struct adit_igd_errand *errand, adit_igd_done *done, void *arg)
{
    struct adit_igd_job **all = adit_loop_errands(loop);
    struct adit_igd_job *job;
    int err;

    if (count(*all) >= ADIT_IGD_ERRANDS_MAX)
        return -EBUSY;
    job = adit_zalloc(sizeof *job);
    if (!job)
        return -ENOMEM;
    *job = (struct adit_igd_job){ .loop = loop, .errand = *errand, .done = done, .arg = arg };
    err = adit_child_fork(&job->child, loop, run, &job->errand,
                          errand->what == ADIT_IGD_CLOSE ? ADIT_IGD_CLOSE_S : ADIT_IGD_LIMIT_S,
                          &job->from_child, on_ended, job);
    if (err) {
        adit_free(job);
        return err;
    }
    job->next = *all;
    *all = job;
    *ret_job = job;
    return 0;
}

void adit_igd_leave(struct adit_igd_job *job)
{
    struct adit_igd_errand errand = job->errand;
    struct adit_igd_answer answer;
    struct adit_igd_job *close_job;
    bool opened = errand.what == ADIT_IGD_OPEN && read_answer(job, &answer) && answer.err == 0;

    job->done = NULL;
    close(job->from_child); /* its answer finds nobody */
    job->from_child = -1;
    if (!opened)
        return;
    errand.what = ADIT_IGD_CLOSE;
    errand.place = answer.place;
    errand.external_ports[0] = answer.external.port;
    if (adit_igd_start(&close_job, job->loop, &errand, NULL, NULL) < 0)
        adit_debug("igd", "what was opened is left to its lease");
}

void adit_igd_farewell(struct adit_igd_job *jobs)
{
    adit_time left = ADIT_IGD_CLOSE_S * ADIT_SEC;

    while (jobs) {
        struct adit_igd_job *job = jobs;

        jobs = job->next;
        left = adit_child_await(&job->child, left);
        bury(job);
    }
}
