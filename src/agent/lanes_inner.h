/* lanes_inner.h - one lane: a channel and the app that uses it. */
#ifndef ADIT_LANES_INNER_H
#define ADIT_LANES_INNER_H

#include "agent/inner.h"
#include "agent/lanes.h"

struct lane {
    struct adit_link link;
    struct adit_lanes *lanes;
    struct adit_dc *dc; /* NULL: not yet, or gone */
    struct adit_app *app;
    bool ours;   /* we opened the channel */
    bool ending; /* the app is winding up */
    bool done;   /* the app said so; the channel may still have to close */
    bool paused; /* the app wants nothing more for now */
    int exit_code;
};

static inline struct lane *lane_of(struct adit_link *link)
{
    return adit_container_of(link, struct lane, link);
}

/* lanes_app.c: what apps may ask for. */
extern const struct adit_app_ops adit_lane_app_ops;
void adit_lane_resume(struct lane *lane); /* it wants messages again, if it did not */

#endif
