#include "unit/app_world.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

/* What the app says goes to a file, what cmocka says does not. */
static int listen_to_log(const struct app_world *w)
{
    int saved = dup(STDERR_FILENO);

    dup2(w->log, STDERR_FILENO);
    return saved;
}

static void stop_listening(int saved)
{
    dup2(saved, STDERR_FILENO);
    close(saved);
}

static int on_send(void *arg, const void *bytes, size_t n, bool text)
{
    struct app_world *w = arg;
    struct app_sent *s = &w->sent[w->sent_count];

    if (n > w->message_max)
        return -EMSGSIZE;
    if (w->room == 0) {
        w->refused++;
        return -EAGAIN;
    }
    w->room--;
    assert_true(w->sent_count < APP_SENT_MAX);
    w->sent_count++;
    *s = (struct app_sent){ .bytes = malloc(n + 1), .n = n, .text = text };
    if (n)
        memcpy(s->bytes, bytes, n);
    s->bytes[n] = 0;
    if (w->keep_buffered)
        w->buffered += n ? n : 1;
    return 0;
}

static size_t on_buffered(void *arg)
{
    return ((struct app_world *)arg)->buffered;
}

static size_t on_message_max(void *arg)
{
    return ((struct app_world *)arg)->message_max;
}

static void on_pause(void *arg)
{
    struct app_world *w = arg;

    w->paused = true;
    w->pauses++;
}

static void on_resume(void *arg)
{
    ((struct app_world *)arg)->paused = false;
}

static void on_done(void *arg, const struct adit_cause *cause)
{
    struct app_world *w = arg;

    w->done++;
    w->cause = *cause;
}

static void on_ended(void *arg)
{
    (void)arg;
}

static bool on_lossy(void *arg)
{
    return ((struct app_world *)arg)->lossy;
}

static const struct adit_app_ops ops = {
    .send = on_send,
    .buffered = on_buffered,
    .message_max = on_message_max,
    .lossy = on_lossy,
    .pause = on_pause,
    .resume = on_resume,
    .done = on_done,
    .ended = on_ended,
};

void app_world_init(struct app_world *w, const struct adit_app_class *class, bool peer_is_adit)
{
    int in[2], out[2], err = 0;

    memset(w, 0, sizeof *w);
    signal(SIGPIPE, SIG_IGN); /* as main() does */
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    w->in = in[1], w->app_in = in[0];
    w->out = out[0], w->app_out = out[1];
    w->log = memfd_create("log", MFD_CLOEXEC);
    w->room = SIZE_MAX;
    w->message_max = 256 * 1024;
    w->loop = adit_loop_new();
    w->app = adit_app_new(class,
                          &(struct adit_app_conf){ .loop = w->loop,
                                                   .in = w->app_in,
                                                   .out = w->app_out,
                                                   .peer_is_adit = peer_is_adit,
                                                   .ops = &ops,
                                                   .arg = w },
                          &err);
    assert_non_null(w->app);
    adit_app_open(w->app);
    app_rounds(w);
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void app_world_done(struct app_world *w)
{
    adit_app_free(w->app);
    adit_loop_free(w->loop);
    for (unsigned i = 0; i < w->sent_count; i++)
        free(w->sent[i].bytes);
    close_fd(&w->log);
    close_fd(&w->in);
    close_fd(&w->out);
    close_fd(&w->app_in);
    close_fd(&w->app_out);
}

void app_rounds(struct app_world *w)
{
    struct pollfd p = { .fd = adit_loop_fd(w->loop), .events = POLLIN };
    int saved = listen_to_log(w), err = 0;

    do
        err = err ? err : adit_loop_process(w->loop);
    while (poll(&p, 1, 0) == 1 || adit_loop_timeout_ms(w->loop) == 0);
    stop_listening(saved);
    assert_int_equal(err, 0);
}

void app_feed(struct app_world *w, const void *bytes, size_t n)
{
    const char *p = bytes;

    fcntl(w->in, F_SETFL, O_NONBLOCK);
    for (size_t done = 0; done < n;) {
        ssize_t got = write(w->in, p + done, n - done);

        if (got > 0)
            done += (size_t)got;
        else
            assert_int_equal(errno, EAGAIN);
        app_rounds(w);
    }
}

void app_feed_end(struct app_world *w)
{
    close_fd(&w->in);
    app_rounds(w);
}

void app_come(struct app_world *w, const void *bytes, size_t n, bool text)
{
    uint8_t *exact = malloc(n ? n : 1);
    int saved;

    if (n)
        memcpy(exact, bytes, n);
    saved = listen_to_log(w);
    adit_app_message(w->app, exact, n, text);
    stop_listening(saved);
    free(exact);
    app_rounds(w);
}

void app_ack(struct app_world *w)
{
    w->buffered = 0;
    adit_app_low(w->app);
    app_rounds(w);
}

const char *app_output(struct app_world *w, size_t *ret_n)
{
    static char text[2 * 1024 * 1024];
    size_t n = 0;
    ssize_t got;

    while ((got = read(w->out, text + n, sizeof text - 1 - n)) > 0) {
        n += (size_t)got;
        app_rounds(w);
    }
    text[n] = 0;
    if (ret_n)
        *ret_n = n;
    return text;
}

bool app_logged(struct app_world *w, const char *words)
{
    char text[16384];
    ssize_t n = pread(w->log, text, sizeof text - 1, 0);

    text[n < 0 ? 0 : n] = 0;
    return strstr(text, words) != NULL;
}

bool app_sent_is(const struct app_world *w, unsigned i, const char *text, bool is_text)
{
    return i < w->sent_count && w->sent[i].n == strlen(text) && w->sent[i].text == is_text &&
           memcmp(w->sent[i].bytes, text, w->sent[i].n) == 0;
}
