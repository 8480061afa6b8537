/* client_file.c - PATH.offer and PATH.answer: each side writes one and reads the other.
 *
 * Ours is always replaced as a whole, so that whoever copies it about (a share, a stick, a
 * synchronising program) never has half of it; theirs is looked at once a second, because not every
 * file system tells of changes. What it begins with was read already, unless it has changed. */
#include <stdio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "core/file.h"
#include "signal/client_inner.h"

#define LOOK_EVERY ADIT_SEC
#define TEXT_MAX   (256 * 1024)

static char *path_of(const char *path, const char *end)
{
    size_t size = strlen(path) + strlen(end) + 1;
    char *out = adit_malloc(size);

    if (out)
        snprintf(out, size, "%s%s", path, end);
    return out;
}

static void look(struct adit_signal *s, adit_time now);

static void on_timer(struct adit_timer *timer, adit_time now)
{
    look(adit_container_of(timer, struct adit_signal, file.timer), now);
}

int adit_client_file_init(struct adit_signal *s)
{
    bool offers = s->conf.role == ADIT_DIALECT_OFFERER;

    adit_timer_init(&s->file.timer, s->loop, on_timer, "signaling file");
    adit_buf_init(&s->file.text, TEXT_MAX);
    adit_buf_init(&s->file.seen, TEXT_MAX);
    s->file.ours = path_of(s->conf.file, offers ? ".offer" : ".answer");
    s->file.theirs = path_of(s->conf.file, offers ? ".answer" : ".offer");
    return s->file.ours && s->file.theirs ? 0 : -ENOMEM;
}

void adit_client_file_done(struct adit_signal *s)
{
    adit_free(s->file.ours);
    adit_free(s->file.theirs);
    adit_buf_done(&s->file.text);
    adit_buf_done(&s->file.seen);
}

/* Lines with an end; a description by hand, which is SDP or a ticket, is all of the file. */
static void read_lines(struct adit_signal *s, const char *text, size_t n, adit_time now)
{
    if (n && *text != '{') {
        s->dialect->text(s->engine, text, n, now);
        return;
    }
    while (n && !s->failed) {
        const char *end = memchr(text, '\n', n);
        size_t len = end ? (size_t)(end - text) : n;
        s->dialect->text(s->engine, text, len, now);
        len += end != NULL;
        text += len;
        n -= len;
    }
}

static void look(struct adit_signal *s, adit_time now)
{
    struct adit_client_file *f = &s->file;
    struct adit_buf text;
    size_t known = f->seen.len;
    int err;

    adit_timer_set(&f->timer, now + LOOK_EVERY);
    adit_buf_init(&text, TEXT_MAX);
    err = adit_file_read(&text, f->theirs);
    if (err && err != -ENOENT)
        adit_client_fail_text(s, ADIT_REASON_RESOURCE, -err,
                              "the other side's file cannot be read, or is too long");
    if (err || (text.len && text.data[text.len - 1] != '\n')) {
        adit_buf_done(&text); /* not there, or still growing */
    } else {
        if (known > text.len || (known && memcmp(text.data, f->seen.data, known) != 0))
            known = 0;
        adit_buf_done(&f->seen);
        f->seen = text;
        read_lines(s, (const char *)text.data + known, text.len - known, now);
    }
    adit_client_settle(s, now);
}

void adit_client_file_start(struct adit_signal *s)
{
    adit_time now = adit_loop_now(s->loop);

    if (s->conf.role == ADIT_DIALECT_OFFERER && !s->file.text.len)
        unlink(s->file.theirs); /* it answers an offer of another time */
    adit_timer_set(&s->file.timer, now);
    s->dialect->opened(s->engine, now);
}

void adit_client_file_send(struct adit_signal *s, const char *text, size_t n)
{
    struct adit_buf *ours = &s->file.text;
    int err;

    if (adit_str_starts(text, "{\"type\":\"offer\"") ||
        adit_str_starts(text, "{\"type\":\"answer\""))
        adit_buf_consume(ours, ours->len); /* a new session */
    adit_buf_add(ours, text, n);
    adit_buf_add8(ours, '\n');
    err = ours->err ? ours->err : adit_file_write(s->file.ours, ours->data, ours->len, 0644);
    if (err)
        adit_client_fail_text(s, ADIT_REASON_RESOURCE, -err, "our file cannot be written");
}

void adit_client_file_stop(struct adit_signal *s)
{
    if (s->file.timer.loop)
        adit_timer_stop(&s->file.timer);
}
