#include "agent/handout.h"

#include <stdio.h>
#include <unistd.h>

#include "agent/exit.h"
#include "agent/qr.h"
#include "base/log.h"

#define WAITING_MAX (1024 * 1024)

static void check(struct adit_handout *h)
{
    char text[96];

    if (!h->out.err)
        return;
    snprintf(text, sizeof text, "cannot write our description: %s",
             h->out.err == EPIPE ? "nobody reads it" : strerror(h->out.err));
    h->failed(h, text);
}

static void on_drained(struct adit_outbox *box)
{
    check(adit_container_of(box, struct adit_handout, out));
}

static void on_drawn(struct adit_outbox *box)
{
    if (box->err)
        adit_log(ADIT_LOG_WARN, "session", "cannot draw the QR code: %s, continuing",
                 strerror(box->err));
}

int adit_handout_open(struct adit_handout *h, struct adit_loop *loop, int fd, bool qr,
                      void (*failed)(struct adit_handout *h, const char *text))
{
    int err = adit_outbox_init(&h->out, loop, fd, WAITING_MAX, on_drained);

    h->failed = failed;
    if (err) {
        adit_log(ADIT_LOG_ERROR, "session", "cannot write our description: %s", strerror(-err));
        return err == -EBADF ? ADIT_EXIT_SIGNALING : ADIT_EXIT_FAILED;
    }
    err = qr ? adit_outbox_init(&h->people, loop, STDERR_FILENO, WAITING_MAX, on_drawn) : 0;
    if (err)
        adit_log(ADIT_LOG_WARN, "session", "cannot draw a QR code: %s, continuing", strerror(-err));
    return 0;
}

void adit_handout_close(struct adit_handout *h)
{
    adit_outbox_done(&h->out);
    adit_outbox_done(&h->people);
}

void adit_handout_give(struct adit_handout *h, const char *text, size_t n)
{
    struct adit_buf line;

    adit_buf_init(&line, WAITING_MAX);
    adit_buf_add(&line, text, n);
    adit_buf_add8(&line, '\n');
    if (line.err)
        h->out.err = ENOMEM;
    else
        adit_outbox_add(&h->out, line.data, line.len);
    adit_buf_done(&line);
    if (h->people.io.loop)
        adit_qr_print(&h->people, text);
    check(h);
}
