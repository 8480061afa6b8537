#include "sim/carrier_script.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/list.h"
#include "http/ws_handshake.h"

struct message {
    struct adit_link link;
    bool text;
    size_t n;
    uint8_t bytes[];
};

static adit_time script_clock = 1000 * ADIT_SEC;

/* The loop's clock. */
int clock_gettime(clockid_t clock, struct timespec *ts)
{
    if (clock != CLOCK_BOOTTIME)
        return (int)syscall(SYS_clock_gettime, clock, ts);
    ts->tv_sec = (time_t)(script_clock / ADIT_SEC);
    ts->tv_nsec = (long)(script_clock % ADIT_SEC);
    return 0;
}

static void must(bool ok)
{
    if (!ok)
        abort();
}

/* ---- the log --------------------------------------------------------------------------------- */

static void put_bytes(struct adit_buf *out, const uint8_t *bytes, size_t n)
{
    size_t shown = n > 200 ? 24 : n;

    for (size_t i = 0; i < shown; i++)
        if (bytes[i] < 0x20 || bytes[i] >= 0x7f || bytes[i] == '\\')
            adit_buf_printf(out, "\\%02x", bytes[i]);
        else
            adit_buf_add8(out, bytes[i]);
    if (shown < n)
        adit_buf_printf(out, "...#%zu", n);
}

static void put_head(struct adit_buf *out, const struct adit_http1_head *head)
{
    for (unsigned i = 0; i < head->count; i++)
        adit_buf_printf(
            out, "|%s: %s", head->fields[i].name,
            strcmp(head->fields[i].name, "Sec-WebSocket-Key") == 0 ? "KEY" : head->fields[i].value);
    if (head->upgrade)
        adit_buf_printf(out, "|upgrade");
    if (head->body && head->chunked)
        adit_buf_printf(out, "|+*");
    else if (head->body)
        adit_buf_printf(out, "|+%llu", (unsigned long long)head->length);
    adit_buf_printf(out, "\n");
}

void script_note(struct script_world *w, const char *line)
{
    adit_buf_printf(&w->log, "%s\n", line);
}

static void put_error(struct script_end *e, const char *call, int err)
{
    if (err < 0)
        adit_buf_printf(&e->world->log, "%c err %s %s\n", e->name, call, strerrorname_np(-err));
}

/* ---- callbacks of exchanges ------------------------------------------------------------------ */

static void let_go(struct script_exchange *s, const char *text)
{
    s->x = adit_exchange_free(s->x, text, 0);
}

static void on_head(void *arg, const struct adit_http1_head *head, adit_time now)
{
    struct script_exchange *s = arg;
    struct adit_buf *log = &s->end->world->log;

    (void)now;
    must(s->x && !s->failed && !s->ended);
    adit_buf_printf(log, "%c head %u %d", s->end->name, s->number, head->status);
    put_head(log, head);
    if (s->end->world->free_first)
        let_go(s, NULL);
}

/* Frames of a client, as if the mask were zero. What is no whole frame stays as it is. */
static void unmask(uint8_t *p, size_t n)
{
    while (n >= 6 && p[1] & 0x80) {
        size_t at = 2, len = p[1] & 0x7f;
        if (len == 126) {
            len = adit_get16(p + 2);
            at = 4;
        } else if (len == 127) {
            len = n < 14 ? n : adit_get32(p + 6);
            at = 10;
        }
        if (n < at + 4 || len > n - at - 4)
            return;
        for (size_t i = 0; i < len; i++)
            p[at + 4 + i] ^= p[at + i % 4];
        memset(p + at, 0, 4);
        p += at + 4 + len;
        n -= at + 4 + len;
    }
}

static void log_body(struct script_exchange *s, const uint8_t *bytes, size_t n)
{
    struct adit_buf *log = &s->end->world->log;
    uint8_t *copy = malloc(n);

    must(copy != NULL);
    memcpy(copy, bytes, n);
    if (s->raw && s->end->name == 'p')
        unmask(copy, n);
    adit_buf_printf(log, "%c data %u ", s->end->name, s->number);
    put_bytes(log, copy, n);
    adit_buf_printf(log, "\n");
    free(copy);
}

static void on_body(void *arg, const uint8_t *bytes, size_t n, adit_time now)
{
    struct script_exchange *s = arg;

    must(s->x && !s->failed && !s->ended && n > 0);
    s->got += n;
    for (size_t i = 0; i < n; i++)
        s->sum = s->sum * 31 + bytes[i];
    if (!s->end->world->quiet)
        log_body(s, bytes, n);
    if (s->end->world->free_first)
        let_go(s, NULL);
    else if (s->end->world->greedy) {
        s->eaten += n;
        adit_exchange_consumed(s->x, n, now);
    }
}

static void on_end(void *arg, const struct adit_http1_field *trailers, unsigned count,
                   adit_time now)
{
    struct script_exchange *s = arg;

    (void)trailers, (void)count, (void)now;
    must(s->x && !s->failed && !s->ended);
    s->ended = true;
    adit_buf_printf(&s->end->world->log, "%c end %u\n", s->end->name, s->number);
    if (s->end->world->free_first)
        let_go(s, NULL);
}

static void on_writable(void *arg, adit_time now)
{
    struct script_exchange *s = arg;

    (void)now;
    must(s->x && !s->failed);
    if (!s->end->world->quiet)
        adit_buf_printf(&s->end->world->log, "%c writable %u\n", s->end->name, s->number);
}

static void on_failed(void *arg, int status, const char *text, adit_time now)
{
    struct script_exchange *s = arg;

    (void)now;
    must(s->x && !s->failed && status >= 400 && status <= 599);
    s->failed = true;
    adit_buf_printf(&s->end->world->log, "%c failed %u %d %s\n", s->end->name, s->number, status,
                    text);
    let_go(s, NULL);
}

static const struct adit_exchange_ops exchange_ops = {
    .head = on_head, .body = on_body, .end = on_end, .writable = on_writable, .failed = on_failed
};

static struct script_exchange *next_exchange(struct script_end *e)
{
    struct script_exchange *s = &e->exchanges[e->count % SCRIPT_EXCHANGES];

    if (s->x)
        return NULL;
    *s = (struct script_exchange){ .end = e, .number = e->count++ };
    return s;
}

/* ---- callbacks of carriers ------------------------------------------------------------------- */

static int on_send(void *arg, const void *bytes, size_t n, bool text)
{
    struct script_end *e = arg;
    struct message *m;

    must(n > 0 && !e->gone);
    if (n > e->message_max)
        return -EMSGSIZE;
    if (e->blocked || (e->buffered && e->buffered + n > e->buffer)) {
        e->sent_again = true;
        return -EAGAIN;
    }
    if (!e->world->quiet) {
        adit_buf_printf(&e->world->log, "%c%s> ", e->name, text ? "\"" : "");
        put_bytes(&e->world->log, bytes, n);
        adit_buf_printf(&e->world->log, "\n");
    }
    if (!e->other)
        return 0;
    m = malloc(sizeof *m + n);
    must(m != NULL);
    *m = (struct message){ .text = text, .n = n };
    memcpy(m->bytes, bytes, n);
    adit_list_add(&e->channel, &m->link);
    e->buffered += n;
    return 0;
}

static size_t on_buffered(void *arg)
{
    return ((struct script_end *)arg)->buffered;
}

static size_t on_message_max(void *arg)
{
    return ((struct script_end *)arg)->message_max;
}

static void say(struct script_end *e, const char *word)
{
    if (!e->world->quiet)
        adit_buf_printf(&e->world->log, "%c %s\n", e->name, word);
}

static void on_pause(void *arg)
{
    struct script_end *e = arg;

    must(!e->paused && !e->gone);
    e->paused = true;
    say(e, "pause");
}

static void on_resume(void *arg)
{
    struct script_end *e = arg;

    must(e->paused && !e->gone);
    e->paused = false;
    say(e, "resume");
}

static void on_request(void *arg, struct adit_exchange *x, const struct adit_http1_head *head,
                       adit_time now)
{
    struct script_end *e = arg;
    struct script_exchange *s = next_exchange(e);

    must(e->name == 'p' && head->method[0] && head->target[0]);
    if (!s) {
        adit_exchange_free(x, "too many", now);
        return;
    }
    adit_buf_printf(&e->world->log, "p request %u %s %s", s->number, head->method, head->target);
    put_head(&e->world->log, head);
    s->x = x;
    if (head->upgrade && adit_http1_get(head, "Sec-WebSocket-Key"))
        snprintf(s->key, sizeof s->key, "%s", adit_http1_get(head, "Sec-WebSocket-Key"));
    adit_exchange_take(x, &exchange_ops, s);
    if (e->world->free_first)
        let_go(s, "not today");
}

static void on_ready(void *arg, adit_time now)
{
    (void)now;
    say(arg, "ready");
}

static void on_broken(void *arg, const char *text, adit_time now)
{
    struct script_end *e = arg;

    (void)now;
    adit_buf_printf(&e->world->log, "%c broken %s\n", e->name, text);
}

static const struct adit_carrier_ops carrier_ops = { .send = on_send,
                                                     .buffered = on_buffered,
                                                     .message_max = on_message_max,
                                                     .pause = on_pause,
                                                     .resume = on_resume,
                                                     .request = on_request,
                                                     .ready = on_ready,
                                                     .broken = on_broken };

/* ---- the channel ----------------------------------------------------------------------------- */

unsigned script_move(struct script_end *e, unsigned most)
{
    unsigned moved = 0;

    while (moved < most && e->other && !adit_list_empty(&e->channel) && !e->other->paused) {
        struct message *m = adit_container_of(e->channel.next, struct message, link);
        adit_list_del(&m->link);
        e->buffered -= m->n;
        if (!e->other->gone)
            adit_carrier_message(e->other->c, m->bytes, m->n, m->text,
                                 adit_loop_now(e->world->loop));
        free(m);
        moved++;
    }
    if (e->sent_again && !e->blocked && !e->gone && (moved || !e->other)) {
        e->sent_again = false;
        adit_carrier_writable(e->c, adit_loop_now(e->world->loop));
        moved++;
    }
    return moved;
}

void script_settle(struct script_world *w)
{
    unsigned moved;

    do {
        must(adit_loop_process(w->loop) == 0);
        moved = 0;
        for (int i = 0; i < 2; i++)
            if (w->ends[i].c)
                moved += script_move(&w->ends[i], 1000);
    } while (moved);
}

void script_lost(struct script_end *e)
{
    if (!e->c || e->gone)
        return;
    e->gone = true;
    adit_carrier_lost(e->c, adit_loop_now(e->world->loop));
    for (unsigned i = 0; i < SCRIPT_EXCHANGES; i++)
        must(!e->exchanges[i].x || e->exchanges[i].failed);
}

/* ---- the script ------------------------------------------------------------------------------ */

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

size_t script_unescape(uint8_t *out, const char *text, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++)
        if (text[i] == '\\' && i + 2 < len && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0) {
            out[n++] = (uint8_t)(digit(text[i + 1]) << 4 | digit(text[i + 2]));
            i += 2;
        } else {
            out[n++] = (uint8_t)text[i];
        }
    return n;
}

/* "|Name: value|+N": into head; text is cut to pieces. */
static void read_head(struct adit_http1_head *head, struct adit_http1_field *fields, char *text)
{
    char *piece = strtok(text, "|");

    head->fields = fields;
    head->minor = 1;
    head->reason = "";
    for (; piece; piece = strtok(NULL, "|")) {
        char *colon = strstr(piece, ": ");
        if (piece[0] == '+') {
            head->chunked = piece[1] == '*';
            head->length = head->chunked ? 0 : strtoull(piece + 1, NULL, 10);
            head->body = head->chunked || head->length > 0;
        } else if (strcmp(piece, "upgrade") == 0) {
            head->upgrade = true;
        } else if (strcmp(piece, "expect") == 0) {
            head->expect_continue = true;
        } else if (colon && head->count < 32) {
            *colon = '\0';
            fields[head->count++] = (struct adit_http1_field){ piece, colon + 2 };
        }
    }
}

static void do_begin(struct script_end *e, char *rest, adit_time now)
{
    struct adit_http1_field fields[32];
    struct adit_http1_head head = { .method = rest };
    char *target = strchr(rest, ' '), *more = strchr(rest, '|');
    struct script_exchange *s;
    int err = 0;

    if (!target || (more && target > more))
        return;
    *target++ = '\0';
    if (more)
        *more++ = '\0';
    head.target = target;
    read_head(&head, fields, more ? more : target + strlen(target));
    s = next_exchange(e);
    if (!s)
        return;
    s->x = adit_exchange_begin(e->c, &head, &exchange_ops, s, &err, now);
    must(!s->x == (err < 0));
    if (!s->x) {
        put_error(e, "begin", err);
        e->count--;
    }
}

static void do_head(struct script_end *e, struct script_exchange *s, char *rest, adit_time now)
{
    struct adit_http1_field fields[32];
    struct adit_http1_head head = { .method = "", .target = "" };
    char *more = strchr(rest, '|'), accept[ADIT_WS_ACCEPT_SIZE];

    head.status = atoi(rest);
    if (head.status < 100 || head.status > 599)
        return;
    head.interim = head.status < 200 && head.status != 101;
    s->raw = head.upgrade = head.status == 101;
    read_head(&head, fields, more ? more + 1 : rest + strlen(rest));
    adit_ws_accept(accept, s->key);
    for (unsigned i = 0; i < head.count; i++)
        if (strcmp(fields[i].value, "@") == 0)
            fields[i].value = accept;
    put_error(e, "head", adit_exchange_head(s->x, &head, now));
}

static void do_fill(struct script_end *e, struct script_exchange *s, size_t n, adit_time now)
{
    uint8_t bytes[4096];
    size_t left = adit_exchange_room(s->x), part;
    int err = 0;

    if (left < n)
        adit_buf_printf(&e->world->log, "%c room %zu\n", e->name, left);
    for (left = n < left ? n : left; left > 0 && !err; left -= part) {
        part = left < sizeof bytes ? left : sizeof bytes;
        memset(bytes, 'x', part);
        err = adit_exchange_body(s->x, bytes, part, now);
    }
    put_error(e, "fill", err);
}

static void do_exchange(struct script_end *e, const char *verb, char *rest, adit_time now)
{
    struct script_exchange *s = &e->exchanges[strtoul(rest, &rest, 10) % SCRIPT_EXCHANGES];
    size_t n;

    rest += *rest == ' ';
    if (!s->x)
        return;
    if (strcmp(verb, "head") == 0 && e->name == 'p') {
        do_head(e, s, rest, now);
    } else if (strcmp(verb, "body") == 0) {
        n = script_unescape((uint8_t *)rest, rest, strlen(rest));
        if (n <= adit_exchange_room(s->x))
            put_error(e, "body", adit_exchange_body(s->x, (uint8_t *)rest, n, now));
    } else if (strcmp(verb, "fill") == 0) {
        do_fill(e, s, strtoul(rest, NULL, 10), now);
    } else if (strcmp(verb, "end") == 0) {
        put_error(e, "end", adit_exchange_end(s->x, NULL, 0, now));
    } else if (strcmp(verb, "eat") == 0) {
        n = strtoul(rest, NULL, 10);
        n = n < s->got - s->eaten ? n : s->got - s->eaten;
        s->eaten += n;
        adit_exchange_consumed(s->x, n, now);
    } else if (strcmp(verb, "drop") == 0) {
        let_go(s, *rest ? rest : NULL);
    }
}

static void do_message(struct script_end *e, const char *text, size_t len, bool as_text,
                       adit_time now)
{
    uint8_t *bytes = malloc(len + 1), *exact;
    size_t n = script_unescape(bytes, text, len);

    exact = malloc(n + !n); /* as long as it is, so that a byte too far is seen */
    must(bytes && exact);
    memcpy(exact, bytes, n);
    free(bytes);
    adit_carrier_message(e->c, exact, n, as_text, now);
    free(exact);
}

static void do_line(struct script_world *w, char *line, size_t n)
{
    struct script_end *e = &w->ends[line[0] == 'p'];
    adit_time now = adit_loop_now(w->loop);
    char *verb = line + 2, *rest;

    if (strcmp(line, "turn") == 0) {
        script_settle(w);
        return;
    }
    if (strncmp(line, "wait ", 5) == 0) {
        for (long i = atol(line + 5); i > 0 && i < 1000; i--) {
            script_clock += ADIT_SEC;
            script_settle(w);
        }
        return;
    }
    if (n < 2 || (line[0] != 'c' && line[0] != 'p') || !e->c || e->gone)
        return;
    if (line[1] == '<' && n >= 3) {
        do_message(e, line + 3, n - 3, false, now);
        return;
    }
    if (line[1] == '"' && n >= 4) {
        do_message(e, line + 4, n - 4, true, now);
        return;
    }
    rest = n > 2 ? strchr(verb, ' ') : NULL;
    if (rest)
        *rest++ = '\0';
    else
        rest = line + n;
    if (n > 2 && strcmp(verb, "begin") == 0 && line[0] == 'c')
        do_begin(e, rest, now);
    else if (n > 2 && strcmp(verb, "lost") == 0)
        script_lost(e);
    else if (n > 2 && strcmp(verb, "block") == 0)
        e->blocked = true;
    else if (n > 2 && strcmp(verb, "unblock") == 0)
        e->blocked = false;
    else if (n > 2)
        do_exchange(e, verb, rest, now);
}

void script_run(struct script_world *w, const char *script)
{
    while (*script) {
        size_t n = strcspn(script, "\n");
        char *line = malloc(n + 1);
        must(line != NULL);
        memcpy(line, script, n);
        line[n] = '\0';
        do_line(w, line, n);
        free(line);
        script += n + (script[n] == '\n');
    }
}

/* ---- the world ------------------------------------------------------------------------------- */

void script_begin(struct script_world *w, const struct adit_carrier_class *class, bool consumer,
                  bool provider)
{
    *w = (struct script_world){ .loop = adit_loop_new() };
    must(w->loop != NULL);
    adit_buf_init(&w->log, 16 << 20);
    for (int i = 0; i < 2; i++) {
        struct script_end *e = &w->ends[i];
        struct adit_carrier_conf conf = {
            .loop = w->loop, .provider = i == 1, .ops = &carrier_ops, .arg = e
        };
        *e = (struct script_end){
            .world = w, .name = "cp"[i], .buffer = 1 << 20, .message_max = 65536
        };
        adit_list_init(&e->channel);
        if (!(i ? provider : consumer))
            continue;
        e->other = consumer && provider ? &w->ends[!i] : NULL;
        e->c = adit_carrier_new(class, &conf, adit_loop_now(w->loop));
        must(e->c != NULL);
    }
}

void script_end(struct script_world *w)
{
    for (int i = 0; i < 2; i++) {
        struct script_end *e = &w->ends[i];
        script_lost(e);
        for (unsigned k = 0; k < SCRIPT_EXCHANGES; k++)
            let_go(&e->exchanges[k], NULL);
        e->c = adit_carrier_free(e->c);
        while (!adit_list_empty(&e->channel)) {
            struct message *m = adit_container_of(e->channel.next, struct message, link);
            adit_list_del(&m->link);
            free(m);
        }
    }
    adit_buf_done(&w->log);
    adit_loop_free(w->loop);
}

const char *script_log(const struct adit_carrier_class *class, bool consumer, bool provider,
                       const char *script)
{
    static char *kept;
    struct script_world w;

    script_begin(&w, class, consumer, provider);
    script_settle(&w);
    script_run(&w, script);
    script_settle(&w);
    free(kept);
    kept = strdup(adit_buf_str(&w.log));
    script_end(&w);
    return kept;
}
