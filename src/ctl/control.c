#include "ctl/control.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/list.h"
#include "base/str.h"
#include "core/file.h"
#include "core/listen.h"
#include "core/stream.h"

/* ---- who is asked ---------------------------------------------------------------------------- */

struct adit_control {
    struct adit_loop *loop;
    const struct adit_control_ops *ops;
    void *arg;
    struct adit_listen *listen;
    struct adit_link callers;
    unsigned count;
};

struct caller {
    struct adit_link link;
    struct adit_control *control;
    struct adit_stream *stream;
    bool answered;
};

static void drop(struct caller *c)
{
    c->stream = adit_stream_free(c->stream);
    adit_list_del(&c->link);
    c->control->count--;
    adit_free(c);
}

static void on_connected(void *arg, adit_time now)
{
    struct caller *c = arg;

    adit_stream_limit(c->stream, now + ADIT_CONTROL_TIME, "the caller took too long");
}

static void answer(struct caller *c, const uint8_t *word, size_t n, adit_time now)
{
    const struct adit_control *control = c->control;
    bool status = n == 6 && memcmp(word, "status", 6) == 0;
    json_t *o = status ? control->ops->status(control->arg, now)
                       : json_pack("{s:s}", "error", "not understood: try status");
    char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;

    c->answered = true;
    json_decref(o);
    if (text && adit_stream_send(c->stream, text, strlen(text)) == 0)
        (void)!adit_stream_send(c->stream, "\n", 1);
    free(text);
    adit_stream_close(c->stream);
}

static size_t on_data(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct caller *c = arg;
    const uint8_t *end = memchr(bytes, '\n', n);

    if (end && !c->answered)
        answer(c, bytes, (size_t)(end - bytes), now);
    else if (!end && n > ADIT_CONTROL_LINE_MAX)
        adit_stream_close(c->stream);
    return end ? n : 0;
}

static void on_closed(void *arg, const struct adit_cause *cause, adit_time now)
{
    (void)cause;
    (void)now;
    drop(arg);
}

static const struct adit_stream_ops stream_ops = { .connected = on_connected,
                                                   .data = on_data,
                                                   .closed = on_closed };

static void on_accepted(void *arg, int fd, const struct adit_addr *from, adit_time now)
{
    static const struct adit_stream_accept_conf conf = { .queue_max = ADIT_CONTROL_ANSWER_MAX };
    struct adit_control *control = arg;
    struct caller *c = control->count < ADIT_CONTROL_CALLERS_MAX ? adit_zalloc(sizeof *c) : NULL;

    (void)from;
    (void)now;
    if (!c) {
        close(fd);
        return;
    }
    c->control = control;
    control->count++;
    adit_list_add(&control->callers, &c->link);
    if (adit_stream_accept(&c->stream, control->loop, fd, &conf, &stream_ops, c) < 0)
        drop(c);
}

static const struct adit_listen_ops listen_ops = { .accepted = on_accepted };

int adit_control_new(struct adit_control **ret_control, struct adit_loop *loop, const char *path,
                     const struct adit_control_ops *ops, void *arg, struct adit_cause *ret_cause)
{
    char own[ADIT_PATH_MAX], name[32], at[ADIT_PATH_MAX + 8];
    const char *const list[] = { at };
    struct adit_listen_conf conf = { .at = list, .count = 1 };
    struct adit_control *control = NULL;
    int err = 0;

    *ret_control = NULL;
    if (!path) {
        snprintf(name, sizeof name, "agent-%ld.sock", (long)getpid());
        err = adit_file_runtime_path(own, name);
        path = own;
    }
    adit_cause_set(ret_cause, ADIT_REASON_RESOURCE, -err, "no place for the control socket: %s",
                   strerror(-err));
    if (err)
        return err;
    adit_cause_set(ret_cause, ADIT_REASON_RESOURCE, ENOMEM, "out of memory");
    control = adit_zalloc(sizeof *control);
    if (!control)
        return -ENOMEM;
    control->loop = loop;
    control->ops = ops;
    control->arg = arg;
    adit_list_init(&control->callers);
    snprintf(at, sizeof at, "unix:%s", path);
    err = adit_listen_open(&control->listen, loop, &conf, &listen_ops, control, ret_cause);
    if (err)
        adit_free(control);
    else
        *ret_control = control;
    return err;
}

struct adit_control *adit_control_free(struct adit_control *c)
{
    struct adit_link *it, *tmp;

    if (!c)
        return NULL;
    ADIT_LIST_EACH(&c->callers, it, tmp)
    drop(adit_container_of(it, struct caller, link));
    adit_listen_free(c->listen);
    adit_free(c);
    return NULL;
}

/* ---- who asks -------------------------------------------------------------------------------- */

static int exchange(int fd, const char *path, const char *word, struct adit_buf *out)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    struct timeval limit = { .tv_sec = ADIT_CONTROL_TIME / ADIT_SEC };
    char line[ADIT_CONTROL_LINE_MAX];
    uint8_t piece[4096];
    int n = snprintf(line, sizeof line, "%s\n", word);

    if (strlen(path) >= sizeof addr.sun_path)
        return -ENAMETOOLONG;
    memcpy(addr.sun_path, path, strlen(path));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (connect(fd, (struct sockaddr *)&addr, sizeof addr) < 0 || send(fd, line, (size_t)n, 0) != n)
        return -errno;
    for (;;) {
        ssize_t got = recv(fd, piece, sizeof piece, 0);

        if (got == 0)
            return out->err;
        if (got < 0 && errno != EINTR)
            return -errno;
        if (got > 0)
            adit_buf_add(out, piece, (size_t)got);
    }
}

json_t *adit_control_ask(const char *path, const char *word, int *ret_err)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct adit_cause cause;
    struct adit_buf text;
    json_t *o = NULL;

    *ret_err = fd < 0 ? -errno : 0;
    adit_buf_init(&text, ADIT_CONTROL_ANSWER_MAX);
    if (!*ret_err)
        *ret_err = exchange(fd, path, word, &text);
    if (!*ret_err) {
        o = adit_json_read(adit_buf_str(&text), text.len, &cause);
        *ret_err = o ? 0 : -EPROTO;
    }
    adit_buf_done(&text);
    if (fd >= 0)
        close(fd);
    return o;
}

int adit_control_each(void (*found)(void *arg, const char *path), void *arg)
{
    char path[ADIT_PATH_MAX];
    int err = adit_file_runtime_path(path, ""), count = 0;
    size_t len = strlen(path);
    const struct dirent *entry;
    DIR *dir;

    if (err)
        return err;
    dir = opendir(path);
    if (!dir)
        return -errno;
    while ((entry = readdir(dir))) {
        const char *name = entry->d_name, *end = strrchr(name, '.');

        if (!adit_str_starts(name, "agent-") || !end || strcmp(end, ".sock") != 0 ||
            len + strlen(name) >= sizeof path)
            continue;
        strcpy(path + len, name);
        found(arg, path);
        count++;
    }
    closedir(dir);
    return count;
}
