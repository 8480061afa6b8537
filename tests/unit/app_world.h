/* app_world.h - an app between two pipes and a channel that the test plays. */
#ifndef TEST_APP_WORLD_H
#define TEST_APP_WORLD_H

#include "app/app.h"

#define APP_SENT_MAX 2048

struct app_sent {
    uint8_t *bytes;
    size_t n;
    bool text;
};

struct app_world {
    struct adit_loop *loop;
    struct adit_app *app;
    int in, out; /* our ends: what the app reads, what it writes; -1 = closed */
    int app_in, app_out;
    int log; /* what it says for people */
    /* the channel */
    size_t room; /* messages it takes before -EAGAIN */
    size_t message_max, buffered;
    struct app_sent sent[APP_SENT_MAX];
    unsigned sent_count, refused; /* refused: with -EAGAIN */
    bool keep_buffered;           /* what is sent counts as not yet acknowledged */
    bool paused, lossy;
    unsigned pauses;
    unsigned done;
    struct adit_cause cause;
};

void app_world_init(struct app_world *w, const struct adit_app_class *class, bool peer_is_adit);
void app_world_done(struct app_world *w);
void app_rounds(struct app_world *w);                            /* until nothing is left to do */
void app_feed(struct app_world *w, const void *bytes, size_t n); /* to its input, and rounds */
void app_feed_end(struct app_world *w);
void app_come(struct app_world *w, const void *bytes, size_t n, bool text); /* a message, rounds */
void app_ack(struct app_world *w); /* all that was sent has arrived */
/* What it has written since, as a C string; static. */
const char *app_output(struct app_world *w, size_t *ret_n);
bool app_logged(struct app_world *w, const char *words);
bool app_sent_is(const struct app_world *w, unsigned i, const char *text, bool is_text);

#endif
